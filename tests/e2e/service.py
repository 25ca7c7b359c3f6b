"""The real service as a process of its own, in its own process group, as a shell starts it."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.ports import free_port

START_SECONDS = 40.0
SERVE = ("-m", "bot", "serve")


@dataclass
class Service:
    """A service on one port, started as often as it likes. What it says lies in `log`."""

    home: Path
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)
    entry: Sequence[str] = SERVE
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / f"service-{self.port}.log"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def spawn(self, *options: str) -> asyncio.subprocess.Process:
        """Start the process and do not wait until it serves."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.entry,
                "--port",
                str(self.port),
                *options,
                env=environment(self.home, self.settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    async def start(self, *options: str) -> None:
        """Start the process and wait until it is ready."""
        await self.spawn(*options)
        await self.ready()

    async def ready(self) -> None:
        """Wait until /readyz says yes."""
        async with aiohttp.ClientSession() as session, asyncio.timeout(START_SECONDS):
            while not await answers(session, self.url):
                assert self.running, self.said()
                await asyncio.sleep(0.05)

    def send(self, sign: signal.Signals) -> None:
        """Send a signal to the whole process group, as a terminal does."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, sign)

    async def ended(self, within: float = 20.0) -> int:
        """Wait for the end of the process; returns its status."""
        assert self.process is not None
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def kill(self) -> None:
        """End it, whatever it is doing."""
        if self.process is not None:
            self.send(signal.SIGKILL)
            await self.process.wait()

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without any setting of the service but these."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    own = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PARDNA_HOME": str(home)}
    return {**kept, **own, "INBOUND_PER_MINUTE": "1000000", **settings}  # people of tests type as fast as they can


async def answers(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether the service there is ready."""
    try:
        async with session.get(f"{url}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False
