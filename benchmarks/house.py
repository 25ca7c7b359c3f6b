"""The service under test, `pardna serve` in one process, and what its database says of it."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.processes import ROOT, free_port, running
from storage import embedded, ledger
from storage.engine import make_engine


@dataclass(slots=True)
class House:
    """A home of the service with its own embedded PostgreSQL; what is in it stays from one run to the next."""

    home: Path
    log: Path
    settings: Mapping[str, str]
    roles: str
    database_url: str = ""
    port: int = 0

    @contextmanager
    def open(self) -> Iterator[None]:
        """Serve while this lasts, in development: nothing reaches a provider, replies go to the simulator."""
        self.port = free_port()
        command = (sys.executable, "-m", "bot", "serve", "--role", self.roles, "--port", str(self.port))
        with running(command, self.port, self.log, path="/livez", env=self._environment()):
            self.database_url = embedded.running_url(self.home) or ""
            yield

    def run(self, *words: str | Path) -> None:
        """Run one command of `pardna` beside the service. Raises CalledProcessError when it fails."""
        command = [sys.executable, "-m", "bot", *map(str, words)]
        subprocess.run(command, check=True, capture_output=True, env=self._environment(), cwd=ROOT)

    def verify(self) -> Sequence[str]:
        """Have the ledger prove itself; what is wrong with it."""
        return asyncio.run(_faults(self.database_url))

    def _environment(self) -> dict[str, str]:
        """The bench's own settings; nothing of the caller's."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return (
            kept
            | {"PARDNA_ENV": "development", "PARDNA_HOME": str(self.home), "INBOUND_PER_MINUTE": "1000000"}
            | dict(self.settings)
        )

    def ask(self, query: str, *arguments: object) -> asyncpg.Record:
        """The one row that a query finds."""
        return asyncio.run(_one_row(self.database_url, query, *arguments))

    def wait(self, query: str, at_most_seconds: float) -> float:
        """Wait while `query` holds; the seconds it took, `at_most_seconds` when it still does."""
        return asyncio.run(_wait_while(self.database_url, query, at_most_seconds))


async def _faults(url: str) -> Sequence[str]:
    engine = make_engine(url)
    try:
        async with engine.begin() as conn:
            return (await ledger.verify(conn)).faults
    finally:
        await engine.dispose()


async def _one_row(url: str, query: str, *arguments: object) -> asyncpg.Record:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchrow(query, *arguments)
    finally:
        await connection.close()


async def _wait_while(url: str, query: str, at_most_seconds: float) -> float:
    began = time.perf_counter()
    connection = await asyncpg.connect(url)
    try:
        while (waited := time.perf_counter() - began) < at_most_seconds and await connection.fetchval(query):
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
    return waited
