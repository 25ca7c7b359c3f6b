"""Measures the service itself: `pardna serve` with all roles in one process, on its own embedded PostgreSQL.

People who went through onboarding by the same web hooks hold a real conversation. A hook counts when it was
answered 200, which the service says only of what is durable. A turn counts when its arrival is finished in
the database, so the clock of turns runs until the inbox is empty. No sending token is set: the replies go
out through relay and simulator, on the same cores and at the same time.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import asyncpg

from benchmarks import traffic
from benchmarks.client import Load, load
from benchmarks.neighbours import IN_FLIGHT, PEOPLE
from benchmarks.processes import fetch, free_port, running
from benchmarks.samples import Sample
from storage import embedded

HOOKS, TURNS, REPLY = "pardna, hooks", "pardna, chat turns", "pardna, message to queued reply at 300/s"

_PENDING = "SELECT EXISTS (SELECT FROM inbox WHERE kind = 'chat' AND done_at IS NULL AND parked_at IS NULL)"
_UNSENT = "SELECT EXISTS (SELECT FROM outbox WHERE kind = 'say' AND state = 'queued')"
_BOOKS = """
SELECT count(*) FILTER (WHERE done_at IS NOT NULL) AS done,
    count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked,
    coalesce(max(id), 0) AS last_id,
    (SELECT count(*) FROM outbox WHERE kind = 'say') AS replies
FROM inbox WHERE kind = 'chat'
"""
_REPLY_MS = """
SELECT percentile_cont(ARRAY[0.50, 0.95, 0.99])
    WITHIN GROUP (ORDER BY extract(epoch FROM done_at - received_at) * 1000)
FROM inbox WHERE kind = 'chat' AND id > $1
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
                self._onboard()
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

    def _onboard(self) -> None:
        """Bring everybody to the menu by the same hooks. Raises RuntimeError when somebody is not there."""
        said = traffic.turns(traffic.ONBOARDING, PEOPLE, PEOPLE * len(traffic.ONBOARDING))
        seen = load(self.port, traffic.whatsapp(said), 64)
        if seen.errors:
            raise RuntimeError(f"onboarding met {seen.errors}")
        self._wait(_PENDING, _WORKED_OFF_SECONDS)
        self._wait(_UNSENT, _SENT_SECONDS)
        for person in (0, PEOPLE - 1):
            heard = self._heard(person)
            if "BALANCE" not in heard.upper():
                raise RuntimeError(f"after onboarding person {person} has no menu but: {heard}")
        self.known = True

    def _heard(self, person: int) -> str:
        """The last message the simulator delivered to a person, as JSON."""
        address = quote(f"+{traffic.wa_id(person)}")
        url = f"http://127.0.0.1:{self.port}/sim/messages?channel=whatsapp&address={address}&after=0&wait=1"
        said = json.loads(fetch(url))
        return json.dumps(said[-1]) if said else "nothing"

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

    def _turns(
        self, seen: Load, before: asyncpg.Record, backlog_seconds: float, sent_seconds: float
    ) -> Sample:
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
        """300 messages a second: how long from a message's arrival to its finished turn."""
        requests = traffic.whatsapp(traffic.turns(traffic.CONVERSATION, PEOPLE, int(300 * seconds)))
        before = self._books()
        seen = load(self.port, requests, 64, per_second=300)
        self._wait(_PENDING, _WORKED_OFF_SECONDS)
        p50, p95, p99 = self._ask(_REPLY_MS, before["last_id"])[0]
        errors = sum(seen.errors.values())
        return Sample(REPLY, 64, seen.per_second, p50, p95, p99, seen.answered, errors)

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
