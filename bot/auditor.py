"""The auditor: proves the books while the service runs, and raises the alarm on what is wrong, once for each fault.

What is new is proved each minute, the carriers' accounts are held against their statements each hour, and all of the
books are proved from the first posting up each night. Any number of auditors may run: one at a time does the work, and
the mark, the faults that stand and the word to staff are committed together. It must never mend anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Final

import structlog

from bot.telemetry import Metrics
from domain import commands as c
from domain.schedule import JAMAICA, local
from storage import alarms, duties, ledger
from storage.alarms import Proof
from storage.clock import Clock
from storage.duties import Duty
from storage.engine import Connection, Engine

EVERY: Final = timedelta(minutes=1)
CLEARING_EVERY: Final = timedelta(hours=1)
WHOLE_AT: Final = time(3)
"""In Jamaica: the service's quietest hour, since the whole takes as long as it takes."""
WHOLE_AGAIN: Final = timedelta(hours=1)
"""While the whole is at fault, so that it is seen when it has been mended."""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Findings:
    """What one look came to: the word to staff for each fault that is new, and what the log says of it."""

    words: dict[str, c.Duty] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)


_Check = Callable[[Connection, Proof, _Findings, datetime], Awaitable[Proof]]
"""Does what is due, notes what it finds, and returns how far the proof has come."""


class Auditor:
    """One auditor of the service's books. It lives by the wall clock: a moved one must not skip a proof."""

    def __init__(self, engine: Engine, clock: Clock, *, metrics: Metrics) -> None:
        self._engine = engine
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Audit until cancelled."""
        while True:
            try:
                await self.look(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever the database does
                log.warning("the auditor has trouble with the database", error=type(error).__name__)
            await asyncio.sleep(EVERY.total_seconds())

    async def look(self, now: datetime) -> None:
        """Do the checks that are due, unless another auditor is at it or has just been.

        Each is committed by itself: one that cannot be done holds up no other.
        """
        await self._do(self._prove, now)
        await self._do(self._clear, now)

    async def _do(self, check: _Check, now: datetime) -> None:
        found = _Findings()
        async with self._engine.begin() as conn:
            if (proof := await alarms.take(conn)) is None:
                return
            await alarms.keep(conn, await check(conn, proof, found, now))
            await duties.plan(conn, [self._duty(subject, word, now) for subject, word in found.words.items()])
        for part, fault in found.log:
            self._metrics.alarms.labels(part).inc()
            log.error("the books are wrong", fault=fault)

    async def _prove(self, conn: Connection, proof: Proof, found: _Findings, now: datetime) -> Proof:
        """Prove what is new, or all. The mark stays before a fault in what is new until all was proved."""
        if not _past(proof.new_at, EVERY / 2, now):
            return proof
        stands = bool((await alarms.standing(conn)).get("whole"))
        if whole_due(proof.whole_at, now, again=stands):
            mark = await ledger.current_mark(conn)
            report = await ledger.verify(conn)
            await self._note(conn, "whole", report.faults, found, now)
            await self._note(conn, "new", (), found, now)
            return replace(proof, mark=mark, new_at=now, whole_at=now)
        report, mark = await ledger.verify_since(conn, proof.mark)
        await self._note(conn, "new", report.faults, found, now)
        return replace(proof, mark=proof.mark if report.faults else mark, new_at=now)

    async def _note(self, conn: Connection, part: str, faults: Sequence[str], found: _Findings, now: datetime) -> None:
        by_subject = {ledger.subject(fault): fault for fault in faults}
        for subject in await alarms.note(conn, part, by_subject, now):
            found.words[subject] = c.BooksWrong(subject)
            found.log.append(("ledger", by_subject[subject]))

    async def _clear(self, conn: Connection, proof: Proof, found: _Findings, now: datetime) -> Proof:
        """Hold each carrier's account against its newest statement."""
        if not _past(proof.clearing_at, CLEARING_EVERY, now):
            return proof
        differing = {f"{one.carrier} {one.currency}": one for one in await ledger.clearing(conn) if one.difference}
        said = {subject: one.text() for subject, one in differing.items()}
        for subject in await alarms.note(conn, "clearing", said, now):
            one = differing[subject]
            since = (one.since or one.as_of).isoformat()
            found.words[subject] = c.ClearingDiffers(one.carrier, one.currency, one.difference, since)
            found.log.append(("clearing", said[subject]))
        return replace(proof, clearing_at=now)

    def _duty(self, subject: str, word: c.Duty, now: datetime) -> Duty:
        key = f"alarm:{sha256(subject.encode()).hexdigest()[:16]}:{now:%Y-%m-%dT%H:%M:%S}"
        return Duty(key, self._clock.now(), f"house:{key}", c.word(type(word)), asdict(word))


def _past(last: datetime | None, every: timedelta, now: datetime) -> bool:
    return last is None or now - last >= every


def whole_due(last: datetime | None, now: datetime, *, again: bool = False) -> bool:
    """Whether all has to be proved: a night's hour has come since the last time, or there was none.

    `again`: it was at fault.
    """
    if last is None or (again and now - last >= WHOLE_AGAIN):
        return True
    here = local(now)
    day = here.date() if here.time() >= WHOLE_AT else here.date() - timedelta(days=1)
    return last < datetime.combine(day, WHOLE_AT, JAMAICA)
