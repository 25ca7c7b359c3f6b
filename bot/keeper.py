"""The keeper: files what is due, each duty once, and sweeps what nobody needs any more.

It decides nothing: a due duty becomes an arrival, and the desk does what it says. Any number of keepers may
run at once.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from bot.telemetry import Metrics
from domain import commands as c
from domain import why
from domain.enclosures import KEPT_FOR
from domain.messages import Filed
from domain.sms import SimPhone
from storage import alarms, documents, duties, enclosures, figures, inbox, outbox, partners, payout_files, sim_phone
from storage.bell import Bell, Ear
from storage.clock import MOVED, Clock
from storage.duties import Duty
from storage.engine import Engine
from storage.vault import Vault

MOST_AT_ONCE: Final = 500
LONGEST_NAP_SECONDS: Final = 5.0
"""How long a bell that was missed may delay a duty."""
SHORTEST_NAP_SECONDS: Final = 0.02
"""When something is due but another keeper is filing it."""
PAUSE_SECONDS: Final = 1.0
"""After trouble with the database."""
MISSED_OVERLAP: Final = timedelta(hours=3)
"""How far back each hour's question for missed events looks."""
LOOK_EVERY: Final = timedelta(seconds=10)
PASSED_ON: Final = timedelta(minutes=5)
"""How long after a notice was given up on one way it is surely on another, if there is one."""
KEEP_ARRIVALS: Final = timedelta(days=10)
"""No provider repeats a call after 8 days."""
KEEP_MESSAGES: Final = timedelta(days=40)
log = structlog.get_logger(__name__)


class Keeper:
    """One keeper of the service's clock."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        clock: Clock,
        bell: Bell,
        *,
        metrics: Metrics,
        carriers: Collection[str] = (),
        by_file: Sequence[str] = (),
        phone_silent_after: timedelta | None = None,
    ) -> None:
        """Know who carries money (`carriers`), to ask for what was missed, and whom we pay by a file (`by_file`).

        `phone_silent_after`: how long the phone with the local SIM may be silent; None: there is none.
        """
        self._phone_silent_after = phone_silent_after
        self._silent_since: datetime | None = None
        self._carriers = carriers
        self._by_file = by_file
        self._engine = engine
        self._vault = vault
        self._clock = clock
        self._bell = bell
        self._metrics = metrics
        self._swept = ""
        self._looked_at = datetime.min.replace(tzinfo=UTC)

    async def run(self) -> None:
        """Keep until cancelled."""
        with self._bell.ear(duties.CHANNEL, outbox.MISSED, MOVED) as ear:
            while True:
                try:
                    await self._round(ear)
                except Exception as error:  # noqa: BLE001 - the loop outlives whatever the database does
                    log.warning("keeper has trouble with the database", error=type(error).__name__)
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _round(self, ear: Ear) -> None:
        if await self._file_due() or await self._pass_on():
            return
        await self._sweep()
        await self._look()
        async with self._engine.connect() as conn:
            due = [await duties.next_due(conn), await outbox.next_missed(conn)]
        await ear.wait(self._nap_seconds(min((at for at in due if at), default=None)))

    def _nap_seconds(self, due: datetime | None) -> float:
        if due is None:
            return LONGEST_NAP_SECONDS
        left = (due - self._clock.now()).total_seconds()
        return min(max(left, SHORTEST_NAP_SECONDS), LONGEST_NAP_SECONDS)

    async def _file_due(self) -> int:
        async with self._engine.begin() as conn:
            return await duties.file_due(conn, self._vault, self._clock.now(), MOST_AT_ONCE)

    async def _pass_on(self) -> int:
        """Have the desk send by another way what did not get there."""
        now = self._clock.now()
        async with self._engine.begin() as conn:
            await outbox.note_early(conn, now)
            missed = await outbox.missed(conn, now, MOST_AT_ONCE)
            await inbox.file(conn, self._vault, [_passing(one, now) for one in missed], now)
        return len(missed)

    async def _sweep(self) -> None:
        """Forget old talk, once an hour, by the wall clock: a moved clock must not make repeats look new."""
        now = datetime.now(UTC)
        key = f"sweep:{now:%Y-%m-%dT%H}"
        if key == self._swept:
            return
        self._swept = key
        async with self._engine.begin() as conn:
            mine = await duties.first(conn, key, now)
        gone, last = 0, -1
        while mine and gone != last:  # as much as there is, in small transactions
            last = gone
            async with self._engine.begin() as conn:
                gone += await inbox.sweep(conn, now - KEEP_ARRIVALS)
                gone += await outbox.sweep(conn, now - KEEP_MESSAGES)
                gone += await documents.sweep(conn, now - KEEP_MESSAGES)
                gone += await enclosures.sweep(conn, now - KEPT_FOR)
                gone += await partners.sweep(conn, now - KEEP_MESSAGES)
                gone += await figures.sweep(conn, now - why.KEPT_FOR)
        if mine:
            await self._hourly(now)
            log.info("swept", count=gone)

    async def _hourly(self, now: datetime) -> None:
        """Ask for what was missed, and remind of what waits for a file."""
        if "stripe" in self._carriers:
            await self._plan(f"missed:{now:%Y-%m-%dT%H}", c.AskMissed((now - MISSED_OVERLAP).isoformat()))
        async with self._engine.connect() as conn:
            waiting = await payout_files.waiting(conn, self._vault, self._by_file) if self._by_file else []
        for one in waiting:
            key = f"files:{self._clock.now():%Y-%m-%d}:{one.carrier}:{one.currency}"
            await self._plan(key, c.FilesWait(one.carrier, one.orders, one.total, one.currency))

    async def _plan(self, key: str, duty: c.Duty) -> None:
        """Have the desk do something for the house now, once for a key."""
        body = asdict(duty)
        async with self._engine.begin() as conn:
            await duties.plan(conn, [Duty(key, self._clock.now(), f"house:{key}", c.word(type(duty)), body)])

    async def _look(self) -> None:
        """Show operators what waits and what was given up."""
        now = datetime.now(UTC)
        if now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        async with self._engine.connect() as conn:
            arrivals = await inbox.backlog(conn)
            parcels = await outbox.backlog(conn, self._clock.now())
            faults = await alarms.standing(conn)
            phone = await sim_phone.phone(conn) if self._phone_silent_after else None
            given_up, last = await outbox.last_dead(conn, self._clock.now() - PASSED_ON)
        self._metrics.show_backlog(arrivals, parcels)
        self._metrics.show_faults(faults)
        if arrivals.parked or parcels.dead or faults:
            count = sum(faults.values())
            log.error("somebody has to look", parked=arrivals.parked, dead=parcels.dead, faults=count)
        if last:  # once for each hour in which something was given up
            await self._plan(f"letters:{last.astimezone(UTC):%Y-%m-%dT%H}", c.LettersDead(given_up))
        if phone and self._phone_silent_after:
            await self._listen(phone, now, self._phone_silent_after)

    async def _listen(self, phone: SimPhone, now: datetime, silent_after: timedelta) -> None:
        """Have staff told once of each silence of the phone, and of its end."""
        self._metrics.sim_silence.set((now - phone.heard_at).total_seconds())
        if phone.is_awake(now, silent_after):
            if self._silent_since:
                await self._plan(f"phone-back:{self._silent_since.isoformat()}", c.PhoneBack())
            self._silent_since = None
        elif self._silent_since != phone.heard_at:
            self._silent_since = phone.heard_at
            self._metrics.alarms.labels("smsgate").inc()
            log.error("the phone with the SIM is silent")
            minutes = int(silent_after.total_seconds() / 60)
            await self._plan(f"phone-silent:{phone.heard_at.isoformat()}", c.PhoneSilent(minutes))


def _passing(one: outbox.Missed, now: datetime) -> Filed:
    duty = c.PassOn(one.notice, one.person_id, one.lane)
    body = {**asdict(duty), "kind": c.word(c.PassOn)}
    return Filed(duties.SOURCE, f"pass:{one.notice}:{one.lane}@{now.isoformat()}", f"notice:{one.notice}", "duty", body)
