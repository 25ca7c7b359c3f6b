"""The bell: wakes who waits for work, by NOTIFY, across processes. A bell may be missed; work may not.

So whoever listens waits with a time-out and looks for work itself (the poll behind the bell). One LISTEN
connection a process, outside the pool; one NOTIFY a transaction, since NOTIFY makes commits queue up.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import asyncpg
from sqlalchemy import text

from storage.engine import Connection, driver_url, server_settings

CHANNEL = "pardna"
"""PostgreSQL's channel; which bell it is stands in the payload."""
RECONNECT_SECONDS = 1.0
ALIVE_SECONDS = 30.0
log = logging.getLogger(__name__)


class Ear:
    """One listener's own ear: what rings between looking for work and waiting is not lost."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def strike(self) -> None:
        """Make the present or the next `wait` return."""
        self._rung.set()

    async def wait(self, timeout_seconds: float | None = None) -> bool:
        """Return True as soon as the bell has rung since the last wait, False when the time is over."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class Bell:
    """`async with Bell(url) as bell:`, then `with bell.ear("inbox") as ear: ... await ear.wait(1.0)`."""

    def __init__(self, url: str) -> None:
        self._url = driver_url(url)
        self._ears: defaultdict[str, set[Ear]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        listening = asyncio.Event()
        self._task = asyncio.create_task(self._listen(listening), name="bell")
        with suppress(TimeoutError):  # a database that is down now is asked again, the poll goes on
            await asyncio.wait_for(listening.wait(), 5)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @contextmanager
    def ear(self, *bells: str) -> Iterator[Ear]:
        """Listen to one bell, or to whichever of several rings first."""
        ear = Ear()
        for bell in bells:
            self._ears[bell].add(ear)
        try:
            yield ear
        finally:
            for bell in bells:
                self._ears[bell].discard(ear)

    def strike(self, bell: str) -> None:
        """Ring in this process alone, without the database."""
        for ear in self._ears.get(bell, ()):
            ear.strike()

    async def _listen(self, listening: asyncio.Event) -> None:
        while True:
            try:
                await self._listen_once(listening)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("bell lost its connection: %s", type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self, listening: asyncio.Event) -> None:
        conn = await asyncpg.connect(self._url, timeout=10, server_settings=server_settings("pardna bell"))
        gone = asyncio.Event()
        try:
            conn.add_termination_listener(lambda _: gone.set())
            await conn.add_listener(CHANNEL, self._heard)
            listening.set()
            for bell in self._ears:  # what rang while nobody listened
                self.strike(bell)
            while not gone.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(gone.wait(), ALIVE_SECONDS)
                if not gone.is_set():
                    await conn.execute("SELECT 1", timeout=10)  # a half-open connection shows itself
        finally:
            conn.terminate()

    def _heard(self, _connection: Any, _process: int, _channel: str, payload: Any) -> None:
        self.strike(str(payload))


async def ring(conn: Connection, bell: str) -> None:
    """Ring in every process when `conn` commits; twice in one transaction is once."""
    await conn.execute(_RING, {"channel": CHANNEL, "bell": bell})


_RING = text("SELECT pg_notify(:channel, :bell)")
