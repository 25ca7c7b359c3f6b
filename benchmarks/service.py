"""Measures the service itself: `pardna serve` with all roles in one process, on its own embedded PostgreSQL.

People who were onboarded and put into running circles by the same web hooks hold a real conversation. A hook
counts when it was answered 200, which the service says only of what is durable. A turn counts when its
arrival is finished in the database, so the clock of turns runs until the inbox is empty. No sending token is
set: the replies go out through relay and simulator, on the same cores and at the same time.
"""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import asyncpg

from benchmarks import traffic
from benchmarks.client import Load, load
from benchmarks.house import House
from benchmarks.neighbours import IN_FLIGHT, PEOPLE
from benchmarks.people import bring_in
from benchmarks.probe import EVERY_SECONDS, probe
from benchmarks.samples import Sample

HOOKS, TURNS, REPLY = "pardna, hooks", "pardna, chat turns", "pardna, message to queued reply at 300/s"

PROBES = 100
"""People kept aside for the steady run, so that none of their turns waits behind another of their own."""

_DONE = "SELECT done_at IS NOT NULL FROM inbox WHERE source = 'whatsapp' AND external_id = $1"
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
    """The service under test. Its people and books stay from one repetition to the next."""

    house: House
    known: bool = field(default=False)

    def measure(self, seconds: float) -> Iterator[Sample]:
        """Start it, load it at each depth, then at a steady 300 messages a second, and end it."""
        with self.house.open():
            if not self.known:
                bring_in(self.house.port, PEOPLE, self._settle)
                self.known = True
            for in_flight in IN_FLIGHT:
                yield from self._burst(in_flight, seconds)
            yield self._steady(seconds * 2)

    def _settle(self) -> None:
        """Wait until everything said so far is handled and delivered."""
        self.house.wait(_PENDING, _WORKED_OFF_SECONDS)
        self.house.wait(_UNSENT, _SENT_SECONDS)

    def _burst(self, in_flight: int, seconds: float) -> Iterator[Sample]:
        """Hooks as fast as they are taken, then the wait until the last of them is handled."""
        said = traffic.turns(traffic.CONVERSATION, PEOPLE, int(_FASTEST_HOOKS * seconds))
        requests = traffic.whatsapp(said)
        before = self.house.ask(_BOOKS)
        seen = load(self.house.port, requests, in_flight, stop_after_seconds=seconds)
        last_hook = time.perf_counter()
        backlog_seconds = self.house.wait(_PENDING, _WORKED_OFF_SECONDS)
        self.house.wait(_UNSENT, _SENT_SECONDS)
        yield Sample.of(HOOKS, seen)
        yield self._turns(seen, before, backlog_seconds, time.perf_counter() - last_hook)

    def _turns(self, seen: Load, before: asyncpg.Record, backlog_seconds: float, sent_seconds: float) -> Sample:
        """What the books say was made of the hooks in `seen`; what is missing or parked is an error."""
        after = self.house.ask(_BOOKS)
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
        aside = traffic.whatsapp_named(_probed(int(seconds / EVERY_SECONDS)))
        with ThreadPoolExecutor(1) as pool:
            probing = pool.submit(
                asyncio.run, probe(self.house.database_url, self.house.port, aside, seconds, done=_DONE)
            )
            seen = load(self.house.port, requests, 64, per_second=300)
            took = probing.result()
        self._settle()
        p50, p95, p99 = (took[int(share * len(took))] for share in (0.50, 0.95, 0.99))
        return Sample(REPLY, 64, seen.per_second, p50, p95, p99, len(took), sum(seen.errors.values()))


def _probed(count: int) -> Iterator[tuple[int, str]]:
    """What those kept aside say: each the next line of the conversation."""
    for n in range(count):
        yield PEOPLE - PROBES + n % PROBES, traffic.CONVERSATION[n % len(traffic.CONVERSATION)]
