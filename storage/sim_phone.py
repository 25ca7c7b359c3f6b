"""What is kept of the telephone with the local SIM, and a watch on it for who sends."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from domain.sms import PHONE, SimPhone
from storage import tables
from storage.codec import load
from storage.engine import Connection, Engine
from storage.reads import Unreachable, reading

LOOK_SECONDS: Final = 5.0
log = structlog.get_logger(__name__)


async def phone(conn: Connection) -> SimPhone | None:
    """Return the phone; None when it was never heard."""
    found = await load(conn, tables.SIM_PHONE, "name = :name", name=PHONE)
    return found[0] if found else None


class PhoneWatch:
    """Knows from the last look whether the phone is awake; one that was never heard is not."""

    def __init__(self, engine: Engine, silent_after: timedelta) -> None:
        self._engine = engine
        self._silent_after = silent_after
        self._phone: SimPhone | None = None

    def is_awake(self) -> bool:
        """Whether it was heard lately, by the wall clock."""
        return self._phone is not None and self._phone.is_awake(datetime.now(UTC), self._silent_after)

    async def look(self) -> None:
        """Read when it was heard. While the database is away the last look stands."""
        try:
            async with reading(self._engine) as conn:
                self._phone = await phone(conn)
        except Unreachable as fault:
            log.warning("the phone with the SIM could not be looked after", error=str(fault))

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)
