"""The life of one embedded server: made, started, watched, started again, stopped.

The first to start on a home owns the server and stops it in the end; anyone else who starts on the same home
is a guest: gets the same address and stops nothing. The owner's lock dies with its process, so none is ever
stale.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import subprocess
from collections.abc import Mapping
from math import inf
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from storage.embedded import commands, processes
from storage.embedded import place as places
from storage.embedded.commands import NAME
from storage.embedded.place import EmbeddedError, Place

log = logging.getLogger(__name__)

START_SECONDS = 60.0  # a recovery after kill -9 under load included
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02
FIRST_PORT, PORTS = 20_000, 10_000  # below what systems hand out to outgoing connections

# An acknowledged commit is on the disk (fsync and synchronous_commit stay on); the rest fits a small machine.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": commands.HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "max_locks_per_transaction": "256",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


def running_url(home: Path) -> str | None:
    """The address of the server running for this home, for the command line; `None` when there is none."""
    place = places.find(home) if home.exists() else None
    port = processes.ready_port(place.data) if place else None
    return commands.url(NAME, place.secrets.password, port) if place and port else None


class EmbeddedPostgres:
    """A PostgreSQL server under `home`, as an async context manager or by `start` and `stop`.

    `settings` are PostgreSQL's own (`{"fsync": "off"}` in tests) and win over `SETTINGS`.
    """

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self._home = home.absolute()
        self._settings = {**SETTINGS, **(settings or {})}
        self._place: Place | None = None
        self._lock: int | None = None
        self._port = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """`postgresql://` address of the service's database, as its owner (no superuser)."""
        return self.address(NAME)

    @property
    def superuser_url(self) -> str:
        """Address of the database `postgres` as superuser, for backups, restores and tests."""
        place = self._started()
        return commands.url("postgres", place.secrets.superuser_password, self._port, "postgres")

    def address(self, database: str) -> str:
        """Address of another database on this server, as the service's role."""
        return commands.url(NAME, self._started().secrets.password, self._port, database)

    @property
    def owner(self) -> bool:
        """Whether this object started the server and will stop it."""
        return self._lock is not None

    async def start(self) -> str:
        """Start the server, or find the home's running one; returns `url`. `EmbeddedError` says why not."""
        self._place = place = await asyncio.to_thread(places.settle, self._home)
        deadline = monotonic() + START_SECONDS
        while not self._take_lock(place):
            if await self._is_guest(place):
                return self.url
            if monotonic() > deadline:
                raise EmbeddedError(f"the PostgreSQL of {self._home} does not answer: see {place.log}")
            await asyncio.sleep(POLL_SECONDS)
        try:
            await self._launch(place)
        except BaseException:
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._keep_running(place), name="embedded-postgres")
        return self.url

    async def stop(self) -> None:
        """Stop the server if it is ours, committed work safe on disk; nothing to do for a guest."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self._end()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self, place: Place) -> bool:
        handle = place.open(place.folder / "owner.lock", os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    async def _is_guest(self, place: Place) -> bool:
        """Whether the owner's server is there to use; on its first start the role comes a moment later."""
        self._port = processes.ready_port(place.data) or 0
        with contextlib.suppress(EmbeddedError):
            return self._port > 0 and await commands.answers(self.url)
        return False

    async def _launch(self, place: Place) -> None:
        """Make the data directory if need be; start on this home's port or the next free one."""
        await processes.clear(place.data)
        if not place.data.exists():
            await asyncio.to_thread(commands.initdb, place)
        self._port = commands.free_port(FIRST_PORT + int(place.secrets.id, 16) % PORTS)
        while not await self._spawn(place):
            if commands.is_free(self._port):
                raise EmbeddedError(f"PostgreSQL does not start: see the end of {place.log}")
            self._port = commands.free_port(self._port)  # somebody took it in between
        await commands.ensure_database(self.superuser_url, place.secrets.password)

    async def _spawn(self, place: Place) -> bool:
        """Start the server process and wait until it answers; `False` when it ended instead."""
        settings = {**self._settings, "port": str(self._port)}
        self._server = commands.start(place, settings)
        self._watchdog = processes.watchdog(place, self._server.pid)
        deadline = monotonic() + START_SECONDS
        while self._server.poll() is None:
            if processes.ready_port(place.data) == self._port and await commands.answers(self.superuser_url):
                return True
            if monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL does not get ready in {START_SECONDS:.0f} s: see {place.log}")
            await asyncio.sleep(POLL_SECONDS)
        await self._end()
        return False

    async def _keep_running(self, place: Place) -> None:
        """Start the server again, on the same port, whenever it dies under us."""
        pause = POLL_SECONDS
        while True:
            await self._ended()
            log.warning("the embedded PostgreSQL ended unasked and is started again, see %s", place.log)
            await self._end()
            try:
                await processes.clear(place.data)
                again = await self._spawn(place)
            except EmbeddedError as error:
                log.error("%s", error)  # noqa: TRY400 - the message is the whole story
                again = False
            pause = POLL_SECONDS if again else min(2 * pause, 5.0)
            await asyncio.sleep(pause)

    async def _end(self) -> None:
        """Stop and reap what `_spawn` started: politely, then firmly."""
        server, watchdog = self._server, self._watchdog
        if server is not None and server.poll() is None:
            server.send_signal(processes.FAST)
        if watchdog is not None:  # at once: it must not outlive the server's process id
            watchdog.kill()
            watchdog.communicate()
            self._watchdog = None
        for sign in (processes.IMMEDIATE, signal.SIGKILL):
            if server is not None and not await self._ended(STOP_SECONDS):
                server.send_signal(sign)
        await self._ended()
        self._server = None

    async def _ended(self, seconds: float = inf) -> bool:
        """Wait until the server process has ended, and reap it; `False` when it runs on."""
        deadline = monotonic() + seconds
        while self._server is not None and self._server.poll() is None:
            if monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)  # polled: this works on every event loop and system alike
        return True

    def _started(self) -> Place:
        if self._place is None or not self._port:
            raise EmbeddedError("the embedded PostgreSQL is not started")
        return self._place
