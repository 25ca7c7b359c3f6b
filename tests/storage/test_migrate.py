"""Migrations: the whole way up and down, twice at once, and a release older than its database."""

import asyncio

import asyncpg
import pytest

from storage.embedded import EmbeddedPostgres
from storage.migrate import migrate, pending

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


@pytest.fixture
async def empty(pg: EmbeddedPostgres) -> asyncpg.Connection:
    """A connection to a database without a table, of whatever test made it last."""
    connection = await asyncpg.connect(pg.superuser_url)
    await connection.execute("DROP DATABASE IF EXISTS empty WITH (FORCE)")
    await connection.execute("CREATE DATABASE empty OWNER pardna")
    await connection.close()
    connection = await asyncpg.connect(pg.address("empty"))
    yield connection
    await connection.close()


async def test_an_empty_database_is_behind_and_a_migrated_one_is_not(
    pg: EmbeddedPostgres, empty: asyncpg.Connection
) -> None:
    url = pg.address("empty")
    assert await pending(url)
    await migrate(url)
    assert not await pending(url)
    assert await empty.fetchval(TABLES) > 0


async def test_processes_may_migrate_at_once(pg: EmbeddedPostgres, empty: asyncpg.Connection) -> None:
    await asyncio.gather(*(migrate(pg.address("empty")) for _ in range(5)))
    assert await empty.fetchval("SELECT count(*) FROM alembic_version") == 1


async def test_a_version_from_a_newer_release_is_left_alone(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
    assert not await pending(database_url)
    await migrate(database_url)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "from the future"
    await connection.close()
