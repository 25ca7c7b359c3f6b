"""The desk: takes the oldest arrival of each of many parties, decides on all of them, and commits once.

Only the desk changes the books. What a batch needs is loaded in bulk under locks taken in one order; what it comes
to is written in bulk; replies and orders commit with it. A batch that fails is halved until the culprit stands
alone; alone, it waits and is tried again, and after five tries it is parked with an alarm.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from bot.actions import deposits, groups, notices, scores
from bot.actions.gate import check
from bot.actions.results import read_duty, read_result
from bot.actions.table import ACTIONS
from bot.actions.turn import Notice, Tools, Turn, to_staff
from bot.conversations import talk
from bot.conversations.flow import Session, Step
from bot.dispatch import Dispatch
from bot.stepping import MOST_TRIES, is_try, prepare
from bot.telemetry import Metrics
from bot.words.catalogue import Catalogue
from bot.words.say import Refusal, Say, say
from domain import commands as c
from domain import events, ledger
from domain.codes import ticket_ref
from domain.events import Event
from domain.messages import Inbound, Outgoing
from domain.pardna import Circle, CircleState
from domain.people import Clerk, Person, Ticket, TicketKind, parties_of
from storage import chains, documents, figures, inbox, outbox, partners, queries, tables
from storage.bell import Bell
from storage.book import Book, Needs
from storage.clock import Clock
from storage.codec import save
from storage.duties import Duty
from storage.engine import Connection, Engine
from storage.inbox import Arrival
from storage.outbox import Report
from storage.pins import Pins
from storage.queries import Who
from storage.scores import deeds as deeds_of
from storage.shelf import Circles
from storage.vault import Vault

POLL_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.2
MOST_TURNS: Final = 400
"""How many parties' arrivals one transaction takes."""
BUSY: Final = 16
"""A batch of so many turns shows that more is coming."""
GATHER_SECONDS: Final = 0.05
"""How long the desk then lets arrivals gather: few large batches cost far less than many small ones. A full batch
shows that enough have gathered."""
CROWD: Final = 200
"""With more hook calls waiting than this, the desk stands back."""
PATIENCE_SECONDS: Final = 1.0
"""How long it does so at most between two batches."""
STRETCH: Final = 50
"""After so many steps of a batch, hooks get a turn on the processor."""
WAITS_FOR_OLDER: Final = (c.CutOff, c.CloseRound, c.CloseVote)
MOVES_CASH: Final = (c.BeginThrow, c.RecordCash, c.Confirm)
TELLS_MARK: Final = (c.Duty, c.Begin, c.Resume, c.Received, c.Case)
"""What may open or end a round: its messages carry the mark of the book."""
OF_FILES: Final = (c.TakeFile, c.Fetched, c.Files)
CASH_WEEK: Final = timedelta(days=7)
SIM: Final = "smsgate"
"""Who tells of messages by the local SIM."""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Job:
    """One arrival on the desk: what the talk made of it, and what doing it came to."""

    arrival: Arrival
    step: Step
    who: Who | None
    turn: Turn
    says: list[Say]
    session: Session | None

    @property
    def reader(self) -> Person | None:
        """Who wrote, as they were known when they did."""
        return self.who.standing.person if self.who else None

    @property
    def is_talk(self) -> bool:
        """Whether somebody wrote."""
        return self.who is not None

    @property
    def stops_sim(self) -> bool:
        """Whether somebody said STOP to the SIM, which has to confirm it itself."""
        return bool(self.arrival.body.get("by_sim")) and any(isinstance(cmd, c.Stop) for cmd in self.step.commands)


class Desk:
    """Runs until cancelled; any number of desks may run at once."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        clock: Clock,
        bell: Bell,
        *,
        catalogue: Catalogue,
        tools: Tools,
        metrics: Metrics,
        crowd: Callable[[], int] = lambda: 0,
    ) -> None:
        """`crowd` tells how many hook calls of this process wait to be made durable."""
        self._engine = engine
        self._vault = vault
        self._clock = clock
        self._bell = bell
        self._dispatch = Dispatch(vault, clock, catalogue, metrics, tools.channels)
        self._tools = tools
        self._metrics = metrics
        self._crowd = crowd
        self._seats = queries.Seats()
        self._circles = Circles()
        self._pins = Pins(vault)
        self._limit = MOST_TURNS
        self._house = frozenset(account.name for account in ledger.house(tools.carriers))

    async def run(self) -> None:
        """Handle arrivals until cancelled."""
        with self._bell.ear(inbox.CHANNEL) as ear:
            while True:
                try:
                    handled = await self.work_once()
                except Exception as error:  # noqa: BLE001 - the loop outlives whatever the database does
                    log.warning("the desk has trouble with the database", error=type(error).__name__)
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
                if not handled:
                    await ear.wait(POLL_SECONDS)
                elif BUSY <= handled < MOST_TURNS:
                    await asyncio.sleep(GATHER_SECONDS)
                await self._let_hooks_first()

    async def _let_hooks_first(self) -> None:
        """Stand back while a crowd of hook calls waits: providers give up on us sooner than people do."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._crowd() > CROWD and time.monotonic() < deadline:  # noqa: ASYNC110 - a crowd thins out, nothing rings
            await asyncio.sleep(PAUSE_SECONDS / 10)

    async def work_once(self) -> int:
        """Handle one batch; returns how many arrivals were done with, one way or the other."""
        began = time.perf_counter()
        arrivals: list[Arrival] = []
        try:
            async with self._engine.begin() as conn:
                arrivals = await inbox.claim(conn, self._vault, self._limit)
                book = Book(conn, self._circles)
                done = await self._handle(book, arrivals) if arrivals else 0
        except Exception as error:
            if not arrivals:
                raise
            await self._failed(arrivals, error)
            return len(arrivals)
        book.keep()
        self._limit = min(MOST_TURNS, self._limit * 2)
        self._metrics.batch_turns.observe(done)
        self._metrics.batch_seconds.observe(time.perf_counter() - began)
        return done

    async def _failed(self, arrivals: Sequence[Arrival], error: Exception) -> None:
        """Halve the next batch, or note the one culprit."""
        if len(arrivals) > 1:
            self._limit = max(1, len(arrivals) // 2)
            return
        culprit = arrivals[0]
        async with self._engine.begin() as conn:
            parked = await inbox.fail(conn, culprit, type(error).__name__, self._clock.now())
            if parked:
                await self._own_up(conn, culprit)
        self._metrics.turns.labels(culprit.kind, "parked" if parked else "failed").inc()
        log.error("a turn failed", kind=culprit.kind, source=culprit.source, exc_info=error)
        if parked:
            self._metrics.alarms.labels("inbox").inc()
            log.error("an arrival is parked and needs somebody to look", kind=culprit.kind, id=culprit.id)

    async def _own_up(self, conn: Connection, parked: Arrival) -> None:
        """Tell the one who wrote, and staff, that an arrival was given up; `pardna inbox retry` takes it up again."""
        now = self._clock.now()
        ref = ticket_ref(self._tools.randbelow)
        ticket = Ticket(self._tools.new_id(), ref, TicketKind.FAULT, None, None, f"inbox {parked.id}", None, now)
        await save(conn, tables.TICKET, [ticket])
        told = to_staff(await queries.staff(conn), say("staff_fault", ref=ref, count=parked.id))
        if parked.kind == "chat":
            told.append(Notice(say("our_fault", ref=ref), party=parked.party))
        await self._dispatch.tell(conn, parked, told)

    # -- one batch --------------------------------------------------------------------------------------------

    async def _handle(self, book: Book, arrivals: Sequence[Arrival]) -> int:
        conn = book.conn
        ready = await self._without_early(conn, arrivals)
        staff = await queries.staff(conn)
        jobs = _few_pins(await self._decide(book, ready, staff))
        ready = [job.arrival for job in jobs]
        await prepare(conn, self._pins, self._vault, [(j.turn, cmd) for j in jobs for cmd in _pins_of(j)])
        if commands := [(job, command) for job in jobs for command in _wanted(job)]:
            await self._open(conn, book, commands)
        for job in jobs:
            _do(job)
        if commands:
            await book.write()
        await self._publish(conn, book)
        await self._dispatch.send(conn, jobs, groups.news(book.changes(), book.circle))
        now = self._clock.now()
        reports = [report for arrival in ready for report in _delivery(arrival, past_sim=self._tools.past_sim)]
        for report in await outbox.note_delivery(conn, reports, now):
            self._metrics.deliveries.labels(report.channel, report.status).inc()
        sessions = [
            (j.arrival.party, j.session.as_json(), j.arrival.received_at) for j in jobs if j.session is not None
        ]
        await queries.save_sessions(conn, sessions)
        await inbox.finish(conn, [arrival.id for arrival in ready], now)
        for kind, number in Counter(arrival.kind for arrival in ready).items():
            self._metrics.turns.labels(kind, "done").inc(number)
        return len(ready)

    async def _without_early(self, conn: Connection, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Leave a cut-off or a closing waiting while older arrivals of people are not handled (rules.md 16)."""
        closing = [a for a in arrivals if a.kind == "duty" and isinstance(read_duty(a.body), WAITS_FOR_OLDER)]
        if not closing:
            return list(arrivals)
        at = max(a.received_at for a in closing)
        here = sum(1 for a in arrivals if a.kind in {"chat", "event"} and a.received_at < at)
        if await inbox.pending_before(conn, at) <= here:
            return sorted(arrivals, key=lambda a: (a.received_at, a.id))  # what came earlier may have been filed later
        return [a for a in arrivals if a not in closing]

    async def _decide(self, book: Book, arrivals: Sequence[Arrival], staff: Sequence[Clerk]) -> list[_Job]:
        """Let each conversation take its step, and turn every other arrival into its command."""
        conn = book.conn
        chats = {a.party: a.received_at for a in arrivals if a.kind == "chat"}
        known: Mapping[str, Who] = {}
        if chats:
            known = await queries.who_writes(conn, chats, seats=self._seats, staff=staff, rails=self._tools.rails)
        typed = {a.party: _typed_at(a) for a in arrivals if a.kind == "chat" and _is_number(a.body)}
        menus = await outbox.last_menu(conn, self._vault, typed)
        jobs = []
        for number, arrival in enumerate(arrivals, start=1):
            if not number % STRETCH:
                await asyncio.sleep(0)
            who = known.get(arrival.party) if arrival.kind == "chat" else None
            step = _chat_step(arrival, who, menus) if who else _other_step(arrival)
            turn = Turn(book, self._tools, arrival.received_at, staff=tuple(staff))
            if who:
                person = who.standing.person
                turn.party, turn.person_id, turn.roles = (
                    arrival.party,
                    person.id if person else "",
                    who.standing.roles,
                )
            jobs.append(_Job(arrival, step, who, turn, [], step.session if who else None))
        return jobs

    async def _open(self, conn: Connection, book: Book, commands: Sequence[tuple[_Job, c.Command]]) -> None:
        """Load what the commands need, under its locks."""
        told = await figures.told(
            conn, {(j.turn.person_id, cmd.amount) for j, cmd in commands if isinstance(cmd, c.Why)}
        )
        await book.open(self._needs(commands, told.circles))
        reminded = {cmd.person_id for _, cmd in commands if isinstance(cmd, c.Digest)}
        standings = await queries.standings_of(conn, reminded, self._clock.now()) if reminded else {}
        stated = {(cmd.circle, job.turn.person_id) for job, cmd in commands if isinstance(cmd, c.Statement)}
        histories = await documents.histories(conn, stated)
        asked_of = {(cmd.circle, job.turn.person_id) for job, cmd in commands if isinstance(cmd, c.Proof)}
        proofs = await chains.proved(conn, asked_of)
        for job, _ in commands:
            job.turn.book = book
            job.turn.proofs = proofs
            job.turn.standings, job.turn.histories, job.turn.told = standings, histories, told
        if scored := {person for job, cmd in commands for person in scores.asked_about(job.turn, cmd)}:
            deeds = await deeds_of(conn, scored, self._clock.now())
            for job, _ in commands:
                job.turn.deeds = deeds
        if any(isinstance(cmd, c.Letters) for _, cmd in commands):
            dead = await outbox.dead_letters(conn)
            for job, _ in commands:
                job.turn.dead = dead
        if asked := {found for job, cmd in commands if (found := notices.asked_about(job.turn, cmd))}:
            lives = await outbox.lives(conn, sorted(asked))
            for job, _ in commands:
                job.turn.lives = lives

    async def _publish(self, conn: Connection, book: Book) -> None:
        """Let partners hear of every change of state."""
        now = self._clock.now()
        changed = events.happened(book.changes(), lambda code: book.must(Circle, code))
        happened = [Event(self._tools.new_id(), kind, now, data) for kind, data in changed]
        await partners.publish(conn, self._vault, happened, now)

    def _needs(self, commands: Sequence[tuple[_Job, c.Command]], looked_at: frozenset[str]) -> Needs:
        """Gather what all commands name, so that it is locked in one order and loaded at once."""

        def named(field: str, among: Iterable[c.Command]) -> frozenset[str]:
            return frozenset(value for cmd in among if (value := getattr(cmd, field, None)))

        every, now = [cmd for _, cmd in commands], self._clock.now()
        changing = [cmd for cmd in every if not cmd.reads_only]
        circles = named("circle", every) | looked_at
        who = named("person_named", every)
        refs = frozenset(w.upper() for w in who if w[:2].upper() == "K-")
        guarded = {job.turn.person_id for job, cmd in commands if cmd.needs_pin or isinstance(cmd, c.PinTry)}
        persons = {job.turn.person_id for job, _ in commands if job.turn.person_id} | named("person_id", every)
        parties = (
            {job.turn.party for job, _ in commands if job.turn.party} | named("party", every) | named("moved_to", every)
        )
        parties |= {party for w in named("person_named", every) for party in parties_of(w)}
        return Needs(
            circles=circles,
            read_only=circles - named("circle", changing),
            receipts=named("receipt", every),
            paid=named("receipt", every) - named("receipt", [cmd for cmd in every if not _only_pays(cmd)]),
            payout_refs=named("payout_ref", every),
            payout_ids=named("payout_id", every),
            ticket_refs=named("ticket_ref", every) | refs,
            proposal_refs=named("proposal_ref", every),
            names=frozenset(w.lower() for w in who),
            pins=frozenset(guarded - {""}),
            persons=frozenset(persons),
            parties=frozenset(parties),
            rails=self._house if any(cmd.moves_money for cmd in every) else frozenset(),
            queue=any(isinstance(cmd, c.Queue) for cmd in every),
            lines=any(isinstance(cmd, c.Line) for cmd in every),
            files=any(isinstance(cmd, OF_FILES) for cmd in every),
            marks=any(isinstance(cmd, TELLS_MARK) for cmd in every),
            provider_refs=frozenset(ref for cmd in every for ref in _provider_refs(cmd)),
            aside=frozenset(name for cmd in every for name in deposits.names(cmd)),
            refund_ids=named("refund_id", every),
            dispute_ids=named("dispute_id", every),
            groups=named("of_group", every),
            money_at=now if any(cmd.moves_money for cmd in every) else None,
            cash_since=now - CASH_WEEK if any(isinstance(cmd, MOVES_CASH) for cmd in every) else None,
            bankers=named("person_id", (cmd for cmd in every if isinstance(cmd, c.PayFees))),
        )


def _only_pays(command: c.Command) -> bool:
    """Whether it tells of money that came for a payment, and of nothing else."""
    return isinstance(command, c.Collected) or (
        isinstance(command, c.Line) and not (command.payout_id or command.refund_id)
    )


def _provider_refs(command: c.Command) -> list[tuple[str, str]]:
    """Return by what references of a carrier's own a payment of ours may be known already."""
    match command:
        case c.Collected(carrier=carrier) if carrier:
            return [(carrier, command.ref)]
        case c.ChargedBack() | c.ChargeReturned() | c.DisputeClosed():
            return [(command.carrier, command.provider_ref)]
        case c.Line():
            return [(command.carrier, command.line_id)]
        case _:
            return []


def _is_number(body: Mapping[str, Any]) -> bool:
    typed = str(body.get("text", "")).strip()
    return typed.isdigit() and len(typed) <= 2  # noqa: PLR2004 - as in the talk: no menu has a hundred answers


def _typed_at(arrival: Arrival) -> datetime:
    """Return when somebody wrote: a text may have waited on the way while another choice was shown."""
    return arrival.received_at - timedelta(seconds=arrival.body.get("late_seconds", 0))


def _chat_step(arrival: Arrival, who: Who, menus: Mapping[str, Outgoing]) -> Step:
    inbound = Inbound.from_json(arrival.body)
    return talk.turn(Session.from_json(who.session), inbound, who.standing, menus.get(arrival.party))


def _other_step(arrival: Arrival) -> Step:
    command = read_duty(arrival.body) if arrival.kind == "duty" else read_result(arrival.party, arrival.body)
    return Step(Session(), (), (command,) if command else ())


def _delivery(arrival: Arrival, *, past_sim: bool) -> list[Report]:
    """Return what was told of a message. One that the SIM could not send may go by Twilio, where there is that.

    One that a network took and then found to be too long after the person wrote may go as its form.
    """
    body = arrival.body
    if arrival.kind != "status" or "status" not in body:
        return []
    not_sent = past_sim and arrival.source == SIM and body["status"] == "failed"
    again = "form" if body.get("shut") else "past_sim" if not_sent else ""
    return [Report(body["channel"], body["message_id"], body["status"], body.get("code", ""), again)]


def _pins_of(job: _Job) -> list[c.PinTry]:
    return [command for command in job.step.commands if isinstance(command, c.PinTry)]


def _few_pins(jobs: Sequence[_Job]) -> list[_Job]:
    """Leave what comes after so many typed PINs to the next batch."""
    typed, few = 0, []
    for job in jobs:
        tries = is_try(job.step.commands)
        typed += tries
        if not tries or typed <= MOST_TRIES:
            few.append(job)
    return few


def _wanted(job: _Job) -> list[c.Command]:
    """Return what is to be done, and what may be when a PIN is right."""
    return [*job.step.commands, *([job.turn.kept] if job.turn.kept else ())]


def _in_turn(job: _Job) -> Iterator[c.Command]:
    """Yield the commands of one arrival, and what waited for a PIN after the one that gave it."""
    for command in job.step.commands:
        yield command
        if job.turn.resumed is not None and isinstance(command, c.PinTry):
            yield job.turn.resumed


def _do(job: _Job) -> None:
    """Carry out the commands of one arrival, in order."""
    outcomes: list[Say] = []
    for command in _in_turn(job):
        if _postponed(job, command):
            continue
        done = check(job.turn, command) or ACTIONS[type(command)](job.turn, command)
        match done:
            case Refusal():
                outcomes.append(done.as_say())
                _ask_again(job, done)
            case Say():
                outcomes.append(done)
    if job.session is not None and job.turn.goes_on:
        job.session = replace(job.session.idle(), flow=job.turn.goes_on, at="pin")
    if job.session is not None and job.turn.remembered:
        job.session = job.session.remember(**job.turn.remembered)
    first_words = bool(job.step.commands) and isinstance(job.step.commands[0], c.Onboard)
    job.says += [*outcomes, *job.step.says] if first_words else [*job.step.says, *outcomes]


def _ask_again(job: _Job, refusal: Refusal) -> None:
    """Leave the question open whose answer has to change; a Yes that was waited for means nothing any more."""
    if job.session is not None:
        job.session = job.session.remember(yes=None)
    before = job.step.before
    if refusal.ask_again and before is not None and job.session is not None and not is_try(job.step.commands):
        slots = {k: v for k, v in before.slots.items() if k != refusal.ask_again}
        job.session = replace(job.session, flow=before.flow, at=refusal.ask_again, slots=slots)


def _postponed(job: _Job, command: c.Command) -> bool:
    """Put off what the clock wants of a suspended circle: it is asked again the next day."""
    code = getattr(command, "circle", None)
    circle = job.turn.book.get(Circle, code) if isinstance(command, c.Duty) and code else None
    if circle is None or circle.state is not CircleState.SUSPENDED:
        return False
    body = {k: v for k, v in job.arrival.body.items() if k != "kind"}
    at = job.arrival.received_at + timedelta(days=1)
    key = f"{job.arrival.external_id.partition('@')[0]}@{at:%Y-%m-%d}"
    job.turn.book.plan(Duty(key, at, job.arrival.party, job.arrival.body["kind"], body))
    return True
