"""Measures the service itself: `pardna serve` with all roles in one process, on its own embedded PostgreSQL.

People who were onboarded and put into running circles by the same web hooks hold a real conversation. A hook
counts when it was answered 200, which the service says only of what is durable. A turn counts when its
arrival is finished in the database, so the clock of turns runs until the inbox is empty. No sending token is
set: the replies go out through relay and simulator, on the same cores and at the same time.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from benchmarks import traffic
from benchmarks.client import Load, load
from benchmarks.neighbours import IN_FLIGHT, PEOPLE
from benchmarks.people import bring_in
from benchmarks.probe import PROBES, probe
from benchmarks.processes import free_port, running
from benchmarks.samples import Sample
from storage import embedded

HOOKS, TURNS, REPLY = "pardna, hooks", "pardna, chat turns", "pardna, message to queued reply at 300/s"

_PENDING = "SELECT EXISTS (SELECT FROM inbox WHERE kind = 'chat' AND done_at IS NULL AND parked_at IS NULL)"
_UNSENT = "SELECT EXISTS (SELECT FROM outbox WHERE kind = 'say' AND state = 'queued' AND not_before <= now())"
_BOOKS = """
SELECT count(*) FILTER (WHERE done_at IS NOT NULL) AS done,
    count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked,
    (SELECT count(*) FROM outbox WHERE kind = 'say') AS replies
FROM inbox WHERE kind = 'chat'
"""
_FASTEST_HOOKS = 20_000
_WORKED_OFF_SECONDS = 180.0
_SENT_SECONDS = 60.0


@dataclass(slots=True)
class Service:
    """The service under test. Its people and books stay in `home` from one repetition to the next."""

    home: Path
    log: Path
    database_url: str = ""
    port: int = 0
    known: bool = field(default=False)

    def measure(self, seconds: float) -> Iterator[Sample]:
        """Start it, load it at each depth, then at a steady 300 messages a second, and end it."""
        self.port = free_port()
        command = (sys.executable, "-m", "bot", "serve", "--port", str(self.port))
        with running(command, self.port, self.log, path="/livez", env=self._environment()):
            self.database_url = embedded.running_url(self.home) or ""
            if not self.known:
                bring_in(self.port, PEOPLE, self._settle)
                self.known = True
            for in_flight in IN_FLIGHT:
                yield from self._burst(in_flight, seconds)
            yield self._steady(seconds * 2)

    def _environment(self) -> dict[str, str]:
        """WhatsApp comes in signed and goes out to the simulator; nothing else of the caller's settings."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "PARDNA_ENV": "development",
            "PARDNA_HOME": str(self.home),
            "WHATSAPP_APP_SECRET": traffic.APP_SECRET,
            "WHATSAPP_VERIFY_TOKEN": traffic.VERIFY_TOKEN,
        }

    def _settle(self) -> None:
        """Wait until everything said so far is handled and delivered."""
        self._wait(_PENDING, _WORKED_OFF_SECONDS)
        self._wait(_UNSENT, _SENT_SECONDS)

    def _burst(self, in_flight: int, seconds: float) -> Iterator[Sample]:
        """Hooks as fast as they are taken, then the wait until the last of them is handled."""
        said = traffic.turns(traffic.CONVERSATION, PEOPLE, int(_FASTEST_HOOKS * seconds))
        requests = traffic.whatsapp(said)
        before = self._books()
        seen = load(self.port, requests, in_flight, stop_after_seconds=seconds)
        last_hook = time.perf_counter()
        backlog_seconds = self._wait(_PENDING, _WORKED_OFF_SECONDS)
        self._wait(_UNSENT, _SENT_SECONDS)
        yield Sample.of(HOOKS, seen)
        yield self._turns(seen, before, backlog_seconds, time.perf_counter() - last_hook)

    def _turns(self, seen: Load, before: asyncpg.Record, backlog_seconds: float, sent_seconds: float) -> Sample:
        """What the books say was made of the hooks in `seen`; what is missing or parked is an error."""
        after = self._books()
        handled = after["done"] - before["done"]
        replies = after["replies"] - before["replies"]
        missing = max(0, seen.answered - handled) + max(0, handled - replies)
        parked = after["parked"] - before["parked"]
        return Sample(
            TURNS,
            seen.in_flight,
            handled / (seen.seconds + backlog_seconds),
            *(float("nan"),) * 3,
            done=handled,
            errors=missing + parked,
            more={"backlog_seconds": backlog_seconds, "sent_seconds": sent_seconds},
        )

    def _steady(self, seconds: float) -> Sample:
        """300 messages a second: how long single ones among them take from sending to the queued reply."""
        talkers = range(PEOPLE - PROBES)
        requests = traffic.whatsapp(traffic.turns(traffic.CONVERSATION, len(talkers), int(300 * seconds)))
        aside = range(PEOPLE - PROBES, PEOPLE)
        with ThreadPoolExecutor(1) as pool:
            probing = pool.submit(asyncio.run, probe(self.database_url, self.port, aside, seconds))
            seen = load(self.port, requests, 64, per_second=300)
            took = probing.result()
        self._settle()
        p50, p95, p99 = (took[int(share * len(took))] for share in (0.50, 0.95, 0.99))
        return Sample(REPLY, 64, seen.per_second, p50, p95, p99, len(took), sum(seen.errors.values()))

    def _books(self) -> asyncpg.Record:
        return self._ask(_BOOKS)

    def _ask(self, query: str, *arguments: object) -> asyncpg.Record:
        return asyncio.run(_one_row(self.database_url, query, *arguments))

    def _wait(self, query: str, at_most_seconds: float) -> float:
        """Wait while `query` holds; the seconds it took, `at_most_seconds` when it still does."""
        return asyncio.run(_wait_while(self.database_url, query, at_most_seconds))


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
