"""Migrations: all the way up and down, many at once, one that fails, a database newer than the release."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection, text

from storage import migrate as migrations
from storage.embedded import EmbeddedPostgres
from storage.migrate import migrate, pending

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
BROKEN = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None


def upgrade():
    op.execute("CREATE TABLE half (n int); SELECT 1 / 0; CREATE TABLE done (n int);")
"""


@pytest.fixture
async def empty_url(pg: EmbeddedPostgres, pg_url: str) -> str:
    """A database without a table."""
    connection = await asyncpg.connect(pg_url)
    await connection.execute("DROP DATABASE IF EXISTS empty WITH (FORCE)")
    await connection.execute("CREATE DATABASE empty OWNER pardna")
    await connection.close()
    return pg.address("empty")


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection to it."""
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()


async def test_an_empty_database_is_behind_and_a_migrated_one_is_not(empty_url: str) -> None:
    assert await pending(empty_url)
    await migrate(empty_url)
    assert not await pending(empty_url)


async def test_every_version_can_be_taken_back(empty_url: str, empty: "asyncpg.Connection[asyncpg.Record]") -> None:
    await migrate(empty_url)
    assert await empty.fetchval(TABLES) > 0

    def back(connection: Connection) -> None:
        connection.execute(text("SELECT"))
        config = migrations._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    async with migrations._connect(empty_url) as connection:
        await connection.run_sync(back)
        await connection.commit()
    assert await empty.fetchval(TABLES) == 0
    assert await empty.fetchval("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == 0
    await migrate(empty_url)
    assert not await pending(empty_url)


async def test_processes_may_migrate_at_once(empty_url: str, empty: "asyncpg.Connection[asyncpg.Record]") -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(5)))
    assert await empty.fetchval("SELECT count(*) FROM alembic_version") == 1


async def test_a_version_that_fails_leaves_the_database_as_it_was(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await asyncpg.connect(database_url)
    head, tables = await connection.fetchrow(f"SELECT version_num, ({TABLES}) FROM alembic_version")
    shutil.copytree(migrations.MIGRATIONS, tmp_path / "migrations")
    (tmp_path / "migrations/versions/9999_broken.py").write_text(BROKEN.format(head=head))
    monkeypatch.setattr(migrations, "MIGRATIONS", tmp_path / "migrations")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database_url)
    assert await pending(database_url)
    assert tuple(await connection.fetchrow(f"SELECT version_num, ({TABLES}) FROM alembic_version")) == (
        head,
        tables,
    )
    await connection.close()


async def test_a_database_newer_than_the_release_is_left_alone(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
    assert not await pending(database_url)
    await migrate(database_url)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "from the future"
    await connection.close()
