"""The relay: sends what waits in the outbox, each network and rail at its pace, and notes what came of it.

It decides nothing about circles or money (bot/verdict.py says what an answer means for a parcel) and changes
no books: what the desk has to know comes to it as an arrival, filed when the parcel is settled, in one act. A
crash between sending and noting makes a message repeat once; money has its key and is looked up.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog

from bot.actions.enclosing import CARRIER as FILES
from bot.drawing.press import Press
from bot.pacing import Pacing
from bot.telemetry import Metrics
from bot.verdict import MONEY_OUT, Verdict, decide, drop, hold, puzzling
from channels.base import Asked, Chat, Outcome, Personal, Rail, Refused, Retry, Routed, Sent, Tapped, Unknown, Windowed
from channels.partner import GONE, PartnerCaller
from domain import commands as c
from domain.messages import Filed, Outgoing, Tap, Template
from storage import alarms, duties, filer, inbox, outbox
from storage import partners as partner_hooks
from storage.bell import Bell, Ear
from storage.clock import MOVED, Clock
from storage.duties import Duty
from storage.engine import Connection, Engine
from storage.limits import Limits
from storage.outbox import EVERY, Lanes, Posted
from storage.pace import Sleep
from storage.partners import CARRIER
from storage.reads import Unreachable, reading
from storage.vault import Vault

POLL_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 1.0
"""After trouble with the database."""
MOST_IN_FLIGHT: Final = 300
LEASE_SECONDS: Final = 15.0
FETCH_SECONDS: Final = 60.0
"""The lease of a file: asked for, got and scanned."""
MOST_FILES: Final = 8
"""At once, each in memory as a whole."""
SETTLE_SECONDS: Final = 2.0
"""How much of the lease is kept for noting the outcome."""
WIND_UP_SECONDS: Final = 5.0
"""How long sends in flight may take to end when the service stops."""
AHEAD_SECONDS: Final = 1.0
"""How long a line each relay keeps: when a provider wants a pause, who has a place in it goes all the same."""
PATIENCE_SECONDS: Final = 3.0
"""A parcel for which all relays' line is longer is put back."""
GATHER_SECONDS: Final = 0.002
"""How long outcomes gather before they are noted together."""
BUSY: Final = 16
BUSY_GATHER_SECONDS: Final = 0.03
"""With so many under way outcomes gather for longer: few large transactions cost far less than many small ones."""

PROVIDER: Final = "provider"
"""Under which part alarms of providers stand (storage/alarms.py)."""
Send = Callable[[Posted], Awaitable[Outcome]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Done:
    posted: Posted
    verdict: Verdict
    arrivals: tuple[filer.Row, ...] = ()


class Relay:
    """Runs one carrier for each chat network and rail; any number of relays may run at once."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        clock: Clock,
        bell: Bell,
        *,
        chats: Mapping[str, Chat],
        rails: Mapping[str, Rail],
        metrics: Metrics,
        press: Press | None = None,
        partners: PartnerCaller | None = None,
        fetch: Send | None = None,
        limits: Limits | None = None,
        lease_seconds: float = LEASE_SECONDS,
        sleep: Sleep = asyncio.sleep,
        paced: bool = True,
    ) -> None:
        """`fetch` gets the files that people send; `paced` is no faster than the networks take it.

        `sleep` waits for a turn of `limits`: time may be a test's own.
        """
        shared = _Shared(engine, vault, clock, bell, metrics, lease_seconds, limits or Limits(), sleep, paced)
        self._carriers = [carrier for name, chat in chats.items() for carrier in _of_chat(shared, name, chat, press)]
        self._carriers += [_Carrier(shared, name, _move(rail)) for name, rail in rails.items()]
        if partners:
            self._carriers.append(_Carrier(shared, CARRIER, _tell(partners, shared)))
        if fetch:
            longer = replace(shared, lease_seconds=FETCH_SECONDS)
            self._carriers.append(_Carrier(longer, FILES, fetch, most=MOST_FILES))

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            for carrier in self._carriers:
                group.create_task(carrier.run(), name=f"relay {carrier.name}")


def _of_chat(shared: "_Shared", name: str, chat: Chat, press: Press | None) -> list["_Carrier"]:
    """Return who carries a chat's messages: one, or two where some addresses have a pace of their own."""
    if not shared.paced:
        return [_Carrier(shared, name, _Speech(chat, press, shared.clock))]
    rate_to = chat.rate_to if isinstance(chat, Personal) else None
    usual = Pacing(shared.limits, name, chat.rate_per_second, rate_to, sleep=shared.sleep)
    send = _Speech(chat, press, shared.clock)
    if not isinstance(chat, Routed) or chat.home_rate_per_second == float("inf"):
        return [_Carrier(shared, name, send, usual)]
    slow = Pacing(shared.limits, f"{name}.home", chat.home_rate_per_second, rate_to, sleep=shared.sleep)

    def lanes(*, but: bool) -> Callable[[], Lanes]:
        return lambda: Lanes(tuple(f"{name}:{beginning}" for beginning in chat.home), but)

    return [
        _Carrier(shared, name, send, usual, lanes(but=True)),
        _Carrier(shared, name, send, slow, lanes(but=False), called=f"{name}.home"),
    ]


class _Speech:
    """Sends a message over one chat: in its own words, or as the template that stands for them."""

    def __init__(self, chat: Chat, press: Press | None, clock: Clock) -> None:
        self._chat = chat
        self._press = press
        self._clock = clock

    async def __call__(self, posted: Posted) -> Outcome:
        match posted.kind:
            case "tap":
                return await self._answer(posted.body)
            case "enquire" if isinstance(self._chat, Asked):
                return await self._chat.enquire(posted.body, posted.key)
            case "enquire":
                return Refused("this network cannot be asked")
        if (known := await self._known(posted)) is not None:
            return known
        message = Outgoing.from_json(posted.body)
        if message.template is None:
            return await self._say(posted, message)
        outcome = Refused("", shut=True) if self._is_shut(posted) else await self._say(posted, message)
        if isinstance(outcome, Refused) and outcome.shut:
            return await self._send_template(posted, message, message.template)
        return outcome

    async def _answer(self, body: Mapping[str, Any]) -> Outcome:
        if not isinstance(self._chat, Tapped):
            return Refused("nobody waits for it")
        return await self._chat.answer(body["address"], Tap(body["id"], body["on"], body["text"], over=body["over"]))

    async def _known(self, posted: Posted) -> Outcome | None:
        """Say what became of a parcel that may have gone out already, where the chat remembers; None: it may go."""
        if not posted.unknown or posted.past_sim or not isinstance(self._chat, Routed):
            return None
        found = await self._chat.look_up(posted.key)
        if isinstance(found, Unknown):  # asking again is harmless, sending blindly is not
            return Retry(found.reason)
        return None if isinstance(found, Retry) else found  # Retry: it was never taken

    def _is_shut(self, posted: Posted) -> bool:
        """Whether the person wrote too long ago for free words. It is asked now: quiet hours may lie behind."""
        if not isinstance(self._chat, Windowed):
            return False
        return posted.wrote_at is None or self._clock.now() - posted.wrote_at > self._chat.window

    async def _say(self, posted: Posted, message: Outgoing) -> Outcome:
        message = replace(message, template=None, past_sim=posted.past_sim)
        if message.attachment:  # drawn only now: no transaction waits for a picture
            try:
                drawn = await self._press.illustrate(message) if self._press else replace(message, attachment=None)
            except Unreachable:
                return Retry("its document cannot be read now")
            message = drawn
        return await self._chat.send(_address(posted), message, posted.key)

    async def _send_template(self, posted: Posted, message: Outgoing, template: Template) -> Outcome:
        outcome = await self._chat.send(_address(posted), replace(message, attachment=None), posted.key)
        return replace(outcome, waits=not template.whole) if isinstance(outcome, Sent) else outcome


def _address(posted: Posted) -> str:
    return posted.lane.partition(":")[2]


def _move(rail: Rail) -> Send:
    acts: Mapping[str, Callable[[Mapping[str, Any], str], Awaitable[Outcome]]] = {
        "collect": rail.collect,
        "capture": rail.capture,
        "refund": rail.refund,
        "disburse": rail.disburse,
        "enquire": rail.enquire,
    }

    async def send(posted: Posted) -> Outcome:
        if posted.unknown and posted.kind in MONEY_OUT:
            found = await rail.look_up(posted.kind, posted.body, posted.key)
            if not isinstance(found, Retry):  # Retry: the rail never had it, so it may be sent
                return found
        return await acts[posted.kind](posted.body, posted.key)

    return send


def _tell(partners: PartnerCaller, shared: "_Shared") -> Send:
    """Return what calls partners whose web hook is there. Who wants no more calls is taken at their word."""
    engine, vault, clock = shared.engine, shared.vault, shared.clock

    async def send(posted: Posted) -> Outcome:
        try:
            async with reading(engine) as conn:
                hook = await partner_hooks.hook(conn, vault, posted.body["hook"])
        except Unreachable:
            return Retry("its web hook cannot be read now")
        if hook is None:
            return Refused("its web hook was removed", gone=True)
        outcome = await partners.send(hook.url, hook.secret, posted.body["event"])
        if isinstance(outcome, Refused) and outcome.code == GONE:
            async with engine.begin() as conn:
                await partner_hooks.remove(conn, hook.id, clock.now())
        return outcome

    return send


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all carriers share."""

    engine: Engine
    vault: Vault
    clock: Clock
    bell: Bell
    metrics: Metrics
    lease_seconds: float
    limits: Limits
    sleep: Sleep
    paced: bool


class _Carrier:
    """Claims, sends and settles for one network or rail."""

    def __init__(
        self,
        shared: _Shared,
        name: str,
        send: Send,
        pacing: Pacing | None = None,
        lanes: Callable[[], Lanes] = lambda: EVERY,
        *,
        most: int = MOST_IN_FLIGHT,
        called: str = "",
    ) -> None:
        """`lanes` says which of the carrier's lanes are this one's now; it may change its mind. `most`: at once.

        `called` is what staff hear of it by, where one network has two carriers.
        """
        self._most = most
        self._called = called or name
        self.name = name
        self._lanes = lanes
        self._shared = shared
        self._send = send
        self._pacing = pacing or Pacing(shared.limits, name)
        self._shut_out: bool | None = None
        """Whether the provider turned us away when it last showed; None: it has not since this process began."""
        self._under_way: set[asyncio.Task[_Done]] = set()
        self._done: list[_Done] = []

    async def run(self) -> None:
        with self._shared.bell.ear(outbox.CHANNEL, MOVED) as ear:
            try:
                while True:
                    await self._turn(ear)
            finally:
                await self._wind_up()

    async def _turn(self, ear: Ear) -> None:
        try:
            posted = await self._settle_and_claim(self._room())
        except Exception as error:  # noqa: BLE001 - the loop outlives whatever the database does
            log.warning("relay has trouble with the database", carrier=self.name, error=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
            return
        deadline = asyncio.get_running_loop().time() + self._shared.lease_seconds - SETTLE_SECONDS
        self._under_way |= {asyncio.create_task(self._attempt(one, deadline)) for one in posted}
        if self._under_way:
            await self._wait_for_outcomes(ear)
        else:
            await ear.wait(POLL_SECONDS)

    def _room(self) -> int:
        """Return how many more may be taken: as long as all relays' line is short against a lease."""
        return self._pacing.room(self._most - len(self._under_way), min(self._shared.lease_seconds / 4, AHEAD_SECONDS))

    async def _wait_for_outcomes(self, ear: Ear) -> None:
        ring = asyncio.create_task(ear.wait(POLL_SECONDS))
        try:
            await asyncio.wait({ring, *self._under_way}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ring.cancel()
        await asyncio.sleep(BUSY_GATHER_SECONDS if len(self._under_way) >= BUSY else GATHER_SECONDS)
        self._gather()

    def _gather(self) -> None:
        ended = {task for task in self._under_way if task.done() and not task.cancelled()}
        self._under_way -= ended
        self._done += [task.result() for task in ended]

    async def _wind_up(self) -> None:
        """Let what is being sent end, and note it, so that a restart repeats nothing."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=WIND_UP_SECONDS)
        for task in self._under_way:
            task.cancel()
        self._gather()
        if self._done:
            try:
                await self._settle_and_claim(0)
            except Exception as error:  # noqa: BLE001 - the leases run out, and the parcels are sent again
                log.warning("relay could not note its last outcomes", carrier=self.name, error=type(error).__name__)

    async def _settle_and_claim(self, room: int) -> list[Posted]:
        """Note outcomes, tell the desk, and take up to `room` parcels: one transaction."""
        shared, done = self._shared, self._done
        now = shared.clock.now()
        async with shared.engine.begin() as conn:
            noted = await outbox.settle(conn, [one.verdict.settled for one in done], now)
            heard = [arrival for one in done if one.posted.id in noted for arrival in one.arrivals]
            await inbox.insert(conn, heard)
            shut_out = next((v for one in reversed(done) if (v := one.verdict.shut_out) is not None), self._shut_out)
            if shut_out is not None and shut_out != self._shut_out:
                await self._tell_of(conn, now, shut_out=shut_out)
            posted = await outbox.claim(
                conn, shared.vault, self.name, now, limit=room, lease_seconds=shared.lease_seconds, lanes=self._lanes()
            )
        self._done = self._done[len(done) :]
        self._shut_out = shut_out
        for one in done:
            self._report(one)
        return posted

    async def _tell_of(self, conn: Connection, now: datetime, *, shut_out: bool) -> None:
        """Have staff told once that the provider turns us away, or takes us again, whichever relay saw it first."""
        word: c.Duty = c.ShutOut(self._called) if shut_out else c.LetIn(self._called)
        if shut_out:
            news = await alarms.begins(conn, PROVIDER, self._called, "turns us away: a dead token, say", now)
        else:
            news = await alarms.ends(conn, PROVIDER, self._called)
        if news:
            key = f"{c.word(type(word))}:{self._called}:{now.isoformat()}"
            await duties.plan(conn, [Duty(key, now, f"house:{key}", c.word(type(word)), asdict(word))])
        if news and shut_out:
            self._shared.metrics.alarms.labels("provider").inc()
            log.error("a provider turns us away", carrier=self._called)

    async def _attempt(self, posted: Posted, deadline: float) -> _Done:
        try:
            verdict = await self._verdict(posted, deadline)
            return _Done(posted, verdict, tuple(self._row(filed) for filed in verdict.filed))
        except Exception as error:  # noqa: BLE001 - one faulty parcel must not stop the others
            return _Done(posted, puzzling(posted, type(error).__name__))

    def _row(self, filed: Filed) -> filer.Row:
        return filer.row(self._shared.vault, filed, self._shared.clock.now())

    async def _verdict(self, posted: Posted, deadline: float) -> Verdict:
        if posted.kind == "say" and posted.stopped and not posted.body.get("must"):
            return drop(posted, "stopped")
        if posted.kind != "tap":  # no message, and its button turns meanwhile
            wait_seconds = await self._pacing.turn(
                _address(posted), min(self._shared.lease_seconds / 2, PATIENCE_SECONDS)
            )
            if wait_seconds or asyncio.get_running_loop().time() >= deadline:
                return hold(posted, wait_seconds)
        outcome = await self._try(posted, deadline)
        await self._pacing.heed(outcome)
        jitter = random.random()  # noqa: S311 - spreads load, guards nothing
        return decide(posted, outcome, jitter)

    async def _try(self, posted: Posted, deadline: float) -> Outcome:
        """Send within the lease; whatever goes wrong becomes an outcome."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._send(posted)
        except TimeoutError:
            return Unknown("no answer in time")
        except Exception as error:  # noqa: BLE001 - whatever an adapter raises is an outcome too
            fault = type(error).__name__
            log.error("sending failed", carrier=self.name, kind=posted.kind, error=fault)  # noqa: TRY400
            if posted.kind == "say" and isinstance(error, ValueError | LookupError):
                return Refused(f"cannot be put into this network's form: {fault}", "unsendable")
            return Unknown(fault)

    def _report(self, done: _Done) -> None:
        verdict = done.verdict
        self._shared.metrics.outbox.labels(self.name, "held" if verdict.settled.held else verdict.settled.state).inc()
        if verdict.alarm:
            self._shared.metrics.alarms.labels("outbox").inc()
            log.error(
                "a parcel needs somebody to look",
                carrier=self.name,
                kind=done.posted.kind,
                id=done.posted.id,
                attempts=done.posted.attempts,
                fault=verdict.settled.fault,
            )
