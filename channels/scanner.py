"""What looks for viruses in what people send: clamd by its socket, or a command of the operator's.

Whoever is configured is asked for every file, and no answer is no yes: the file is asked about again later.
"""

import asyncio
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from channels.base import Refused, Retry

SECONDS: Final = 20.0
INFECTED: Final = Refused("the file carries a virus", "infected")
_CHUNK_BYTES: Final = 64 << 10
_ANSWER_BYTES: Final = 4096
_FOUND: Final = 1
"""With what a command ends that found something (clamscan, clamdscan)."""


class Scanner(Protocol):
    """One way to look."""

    async def scan(self, content: bytes) -> Refused | Retry | None:
        """Return None for what is clean, INFECTED, or Retry when there was no answer."""
        ...


def make_scanner(setting: str) -> Scanner | None:
    """Return what VIRUS_SCAN names: `unix:/path`, `tcp:host:port` or `command:...`; None for "".

    Raises ValueError for anything else.
    """
    kind, _, rest = setting.partition(":")
    match kind:
        case "":
            return None
        case "unix" if rest.startswith("/"):
            return Clamd(rest)
        case "tcp" if (place := rest.rpartition(":"))[0] and place[2].isdecimal():
            return Clamd((place[0], int(place[2])))
        case "command" if argv := shlex.split(rest):
            return Command(argv)
        case _:
            raise ValueError("write unix:/run/clamav/clamd.ctl, tcp:127.0.0.1:3310 or command:/usr/bin/scan -")


class Clamd:
    """ClamAV's daemon, by INSTREAM (docs.clamav.net, "ClamD Protocol")."""

    def __init__(self, place: str | tuple[str, int]) -> None:
        self._place = place

    async def scan(self, content: bytes) -> Refused | Retry | None:
        """Send the file in chunks, each behind its length; clamd says OK, FOUND or ERROR."""
        try:
            async with asyncio.timeout(SECONDS), self._connection() as (reader, writer):
                writer.write(b"zINSTREAM\0")
                for start in range(0, len(content), _CHUNK_BYTES):
                    chunk = content[start : start + _CHUNK_BYTES]
                    writer.write(len(chunk).to_bytes(4) + chunk)
                    await writer.drain()
                writer.write(bytes(4))
                await writer.drain()
                said = await reader.read(_ANSWER_BYTES)
        except (OSError, TimeoutError):
            return Retry("the virus scanner does not answer")
        match said.rstrip(b"\0\n").rpartition(b" ")[2]:
            case b"OK":
                return None
            case b"FOUND":
                return INFECTED
            case _:
                return Retry("the virus scanner could not look")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if isinstance(self._place, str):
            reader, writer = await asyncio.open_unix_connection(self._place)
        else:
            reader, writer = await asyncio.open_connection(*self._place)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


class Command:
    """A program that reads the file and ends with 0 for clean and 1 for infected, as ClamAV's do."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv

    async def scan(self, content: bytes) -> Refused | Retry | None:
        """Run it once; what it writes is not read."""
        pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            run = await asyncio.create_subprocess_exec(*self._argv, stdin=pipe, stdout=nowhere, stderr=nowhere)
        except OSError:
            return Retry("the virus scanner cannot be started")
        try:
            async with asyncio.timeout(SECONDS):
                await run.communicate(content)
        except TimeoutError:
            return Retry("the virus scanner does not answer")
        finally:
            if run.returncode is None:
                run.kill()
                await run.wait()
        match run.returncode:
            case 0:
                return None
            case code if code == _FOUND:
                return INFECTED
            case _:
                return Retry("the virus scanner could not look")
