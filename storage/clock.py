"""The service's clock: the wall clock, in development moved ahead by the simulator.

What people and circles live by (due dates, quiet hours, reminders) asks this clock. What the machine lives by
(leases, back-off, signatures, expiry of links) asks the wall clock.
"""

import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from storage.bell import Bell, ring
from storage.engine import Connection, Engine

CHANNEL = "clock"
MOVED = "moved"
"""Rung in each process once it knows the new time: what waits for a time listens to this one."""
POLL_SECONDS = 5.0
"""How long a bell that was missed may leave a process behind."""
log = logging.getLogger(__name__)


class Clock:
    """Aware UTC time; how far it is ahead is kept in the database and cached here."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        """Return the service's time."""
        return datetime.now(UTC) + self.ahead

    async def load(self, conn: Connection) -> None:
        """Read how far the clock was moved (at start, and when another process moved it)."""
        self.ahead = await _read(conn)

    async def set(self, conn: Connection, at: datetime) -> datetime:
        """Move the clock ahead to `at`: here at once, in other processes when `conn` commits.

        Raises ValueError for a time before now: what has happened stays in the past.
        """
        wall = datetime.now(UTC)
        if at < wall + self.ahead:
            raise ValueError("The clock only moves ahead.")
        self.ahead = at - wall
        await conn.execute(_SET, {"ahead": self.ahead})
        await ring(conn, CHANNEL)
        return at

    async def advance(self, conn: Connection, by: timedelta) -> datetime:
        """Move the clock ahead by a length of time; otherwise like `set`."""
        return await self.set(conn, self.now() + by)

    async def follow(self, engine: Engine, bell: Bell) -> None:
        """Learn of every move of the clock, whoever moved it, and ring MOVED here, until cancelled."""
        with bell.ear(CHANNEL) as ear:
            while True:  # it looks first: what was rung before anybody listened is not rung again
                try:
                    async with engine.connect() as conn:
                        ahead = await _read(conn)
                except (OSError, TimeoutError, SQLAlchemyError) as error:
                    log.warning("the clock could not be read: %s", type(error).__name__)
                    ahead = self.ahead
                self.ahead = max(self.ahead, ahead)  # a move of our own may not have committed yet
                bell.strike(MOVED)
                await ear.wait(POLL_SECONDS)


async def _read(conn: Connection) -> timedelta:
    ahead: timedelta = (await conn.execute(_LOAD)).scalar_one()
    return ahead


_LOAD = text("SELECT ahead FROM service_clock")
_SET = text("UPDATE service_clock SET ahead = :ahead")
