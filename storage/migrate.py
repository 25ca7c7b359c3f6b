"""Brings a database to the shape this release expects, and says whether it has it.

Needs no alembic.ini: the versions travel inside the package. Any number of processes may call `migrate` at
once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x7061_7264_6E61  # "pardna"
LOCK_POLL_SECONDS = 0.05

_ADMIT = text("""
    DO $$ BEGIN
        IF has_function_privilege('ledger_admit()', 'EXECUTE') THEN
            PERFORM ledger_admit();
        END IF;
    END $$
""")


async def migrate(url: str) -> None:
    """Upgrade the database to the newest version if need be. A failure leaves it as it was.

    Ends with the rights of the service's role as docs/ledger.md lists them, whoever granted what in between.
    """
    async with _connect(url) as connection, _alone(url):
        await connection.run_sync(_upgrade)
        await connection.execute(_ADMIT)
        await connection.commit()


async def pending(url: str) -> bool:
    """Whether the database lacks a version of this release (a newer database lacks none)."""
    async with _connect(url) as connection:
        return await connection.run_sync(_is_behind)


@asynccontextmanager
async def _connect(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    event.listen(engine.sync_engine, "do_execute", _run_script)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def _alone(url: str) -> AsyncIterator[None]:
    """Hold the lock of migrations. Polled: a waiter inside PostgreSQL would hold up an index built aside."""
    async with _connect(url) as connection:
        taken = text("SELECT pg_try_advisory_lock(:lock)")
        while not (await connection.execute(taken, {"lock": LOCK})).scalar_one():
            await connection.rollback()
            await asyncio.sleep(LOCK_POLL_SECONDS)
        await connection.commit()
        yield  # the lock is the session's and ends with it


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _upgrade(connection: Connection) -> None:
    connection.execute(text("SELECT"))  # opens the transaction that all versions share
    if _is_behind(connection):
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _is_behind(connection: Connection) -> bool:
    """Whether versions are missing. An unknown one is of a newer release, which keeps what we need."""
    script = ScriptDirectory.from_config(_config())
    ours = {revision.revision for revision in script.walk_revisions()}
    theirs = set(MigrationContext.configure(connection).get_current_heads())
    return theirs <= ours and theirs != set(script.get_heads())


def _run_script(_cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Let a version hold a whole SQL script, which the driver takes in its plain execute alone."""
    if parameters or ";" not in statement.strip().rstrip(";"):
        return False
    context.root_connection.connection.dbapi_connection.run_async(lambda driver: driver.execute(statement))
    return True
