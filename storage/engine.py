"""The doors to PostgreSQL: one pool a process. Nobody outside storage names the driver."""

from enum import IntEnum
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Engine = AsyncEngine
Connection = AsyncConnection


class Space(IntEnum):
    """The first half of every advisory lock, so that locks of two kinds are never one."""

    PARTIES = 1
    """Whose arrivals a desk holds, each by its hash."""
    LANES = 2
    """Lanes of the outbox that are written to."""
    DUTIES = 3
    """One keeper files at a time, so that duties stay in order."""
    STATEMENTS = 4
    """A carrier's statements are imported one after the other."""


POOL_SIZE = 10
STATEMENT_SECONDS = 60
LOCK_SECONDS = 20
IDLE_IN_TRANSACTION_SECONDS = 60


def make_engine(url: str, *, pool_size: int = POOL_SIZE, name: str = "pardna") -> AsyncEngine:
    """Return the pool for a `postgresql://` address; `name` is what PostgreSQL shows of us.

    No statement and no lock waits for ever: a turn that cannot go on fails and is tried again. Connections are not
    tried out before each use, which would be one more trip for each transaction: after a restart of the database the
    first use fails, the pool is made anew, and every loop and every provider tries again.
    """
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=LOCK_SECONDS,
        hide_parameters=True,  # an error quotes its statement, never a person's name or number
        connect_args={"server_settings": server_settings(name), "timeout": 10, "command_timeout": 120},
    )


def server_settings(name: str) -> dict[str, Any]:
    """Return the settings of every connection.

    jit costs more than it gives on short statements. Bitmap scans read all that is pending before the first
    row comes out; a queue wants the first few (storage/inbox.py, storage/outbox.py).
    """
    return {
        "application_name": name,
        "jit": "off",
        "enable_bitmapscan": "off",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
    }


def driver_url(url: str) -> str:
    """Return the address in the form that the bare driver takes."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
