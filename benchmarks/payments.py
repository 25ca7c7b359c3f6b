"""Measures payments: from a bank's signed web hook to the posted receipt, and all of them into one circle's pot.

The payments wait in the database beforehand (circles.py). A payment counts when it is settled, its money is in the
pot, and a receipt is queued for its payer, all in one commit; the clock runs until the inbox is empty. In the end the
ledger proves itself; whatever is lost, parked, posted otherwise or left without its receipt counts as an error.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks import traffic
from benchmarks.circles import OPEN_ROUND, TURNS, Town, Waiting
from benchmarks.client import Load, load
from benchmarks.house import House
from benchmarks.neighbours import IN_FLIGHT
from benchmarks.probe import EVERY_SECONDS, probe
from benchmarks.samples import Sample

PAYMENTS, ONE_POT = "pardna, payments", "pardna, payments into one pot"
POSTED = "pardna, web hook to posted receipt at 300/s"

_PACE = 1_200
"""Payments for each second that a burst is to take."""
_CIRCLES = 300
_PART = 10_000
"""J$100 in cents: of such parts a pot of many payments is made."""
_STEADY = 300
_PROBES = 100
_WORKED_OFF_SECONDS = 180.0
_SENT_SECONDS = 20.0
_PENDING = "SELECT EXISTS (SELECT FROM inbox WHERE kind = 'event' AND done_at IS NULL AND parked_at IS NULL)"
_UNSENT = "SELECT EXISTS (SELECT FROM outbox WHERE kind = 'say' AND state = 'queued' AND not_before <= now())"
_SETTLED = "SELECT state = 'SETTLED' FROM payment WHERE receipt = $1"
_BOOKS = """
SELECT count(*) FILTER (WHERE p.state = 'SETTLED' AND t.id IS NOT NULL AND i.done_at IS NOT NULL) AS posted,
    coalesce(sum(p.amount) FILTER (WHERE t.id IS NOT NULL), 0)::bigint AS amount,
    (SELECT coalesce(sum(balance), 0)::bigint FROM ledger_account
        WHERE circle = ANY($2::text[]) AND name LIKE '%:pot:%') AS pots,
    (SELECT coalesce(sum(paid), 0)::bigint FROM due WHERE circle = ANY($2::text[]) AND round = $3) AS paid,
    count(*) FILTER (WHERE EXISTS (
        SELECT FROM outbox o WHERE o.key = i.id || ':n:' || a.person_id || ':' || a.party || ':0'
    )) AS receipts
FROM unnest($1::text[]) AS asked (receipt)
JOIN payment p ON p.receipt = asked.receipt JOIN address a ON a.person_id = p.recorded_by
LEFT JOIN inbox i ON i.source = 'ncb' AND i.external_id = 'evt.' || p.receipt
LEFT JOIN ledger_transaction t ON t.key = 'throw:' || p.receipt
"""


@dataclass(slots=True)
class Payments:
    """The service under test, in a house of its own that holds the circles of all repetitions."""

    house: House
    town: Town = field(default_factory=Town)

    def measure(self, seconds: float) -> Iterator[Sample]:
        """Pay at each depth into many pots, then into one, then steadily at 300 a second, and prove the ledger."""
        house = self.house
        with house.open():
            count = int(_PACE * seconds)
            samples = [self._burst(house, PAYMENTS, depth, self._many(house, count)) for depth in IN_FLIGHT]
            samples += [self._burst(house, ONE_POT, depth, self._one_pot(house, count)) for depth in IN_FLIGHT]
            samples.append(self._steady(house, seconds * 2))
            faults = house.verify()
        if faults:
            raise RuntimeError(f"the ledger is wrong: {', '.join(faults)}")
        yield from samples

    def _many(self, house: House, count: int) -> list[Waiting]:
        circles = max(1, min(_CIRCLES, count // TURNS))
        return asyncio.run(self.town.let_wait(house.database_url, count, circles))

    def _one_pot(self, house: House, count: int) -> list[Waiting]:
        """Payments that together are just what one round of one circle takes."""
        each = -(-count // TURNS)
        throw = each * _PART
        return asyncio.run(self.town.let_wait(house.database_url, each * TURNS, 1, throw=throw, amount=_PART))

    def _burst(self, house: House, subject: str, in_flight: int, waiting: Sequence[Waiting]) -> Sample:
        """Tell of all payments as fast as the hooks are taken, and wait until the last of them is posted."""
        requests = traffic.bank((w.receipt, w.amount) for w in waiting)
        seen = load(house.port, requests, in_flight)
        last_hook = time.perf_counter()
        backlog_seconds = house.wait(_PENDING, _WORKED_OFF_SECONDS)
        posted, errors = _counted(house, waiting)
        house.wait(_UNSENT, _SENT_SECONDS)
        return Sample(
            subject,
            in_flight,
            posted / (seen.seconds + backlog_seconds),
            seen.quantile_ms(0.50),
            seen.quantile_ms(0.95),
            seen.quantile_ms(0.99),
            done=posted,
            errors=errors + sum(seen.errors.values()),
            more={"backlog_seconds": backlog_seconds, "sent_seconds": time.perf_counter() - last_hook},
        )

    def _steady(self, house: House, seconds: float) -> Sample:
        """300 payments a second: how long single ones among them take from the hook to the posted receipt."""
        waiting = self._many(house, int((_STEADY + 1 / EVERY_SECONDS) * seconds))
        aside, rest = waiting[: int(seconds / EVERY_SECONDS)], waiting[int(seconds / EVERY_SECONDS) :]
        followed = zip(traffic.bank((w.receipt, w.amount) for w in aside), (w.receipt for w in aside), strict=True)
        requests = traffic.bank((w.receipt, w.amount) for w in rest)
        with ThreadPoolExecutor(1) as pool:
            probing = pool.submit(asyncio.run, probe(house.database_url, house.port, followed, seconds, done=_SETTLED))
            seen: Load = load(house.port, requests, IN_FLIGHT[0], per_second=_STEADY)
            took = probing.result()
        house.wait(_PENDING, _WORKED_OFF_SECONDS)
        house.wait(_UNSENT, _SENT_SECONDS)
        _, errors = _counted(house, [*rest, *aside[: len(took)]])
        p50, p95, p99 = (took[int(share * len(took))] for share in (0.50, 0.95, 0.99))
        return Sample(POSTED, IN_FLIGHT[0], seen.per_second, p50, p95, p99, len(took), errors)


def _counted(house: House, waiting: Sequence[Waiting]) -> tuple[int, int]:
    """How many payments are posted with their receipt, and how many faults there are."""
    circles = sorted({w.circle for w in waiting})
    row = house.ask(_BOOKS, [w.receipt for w in waiting], circles, OPEN_ROUND)
    unequal = sum(row["amount"] != row[name] for name in ("pots", "paid"))
    missing = len(waiting) - min(row["posted"], row["receipts"])
    return row["posted"], missing + unequal
