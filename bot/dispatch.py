"""From what the actions said to parcels for the outbox: replies, notices and orders, each in its lane.

One turn is one message to a person. A reply goes where they wrote from. A notice goes to the address they are told on
first (the outcome of what they did themselves to the chat they are in), and by the next one when it is not there in
time: it replaces what went before and never doubles what arrived. Who linked a mail address gets a copy of each
receipt there, and staff of each alarm, under the key that the notice itself would have by mail.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from bot.actions.turn import Notice, Order, Turn
from bot.conversations.flow import Step
from bot.telemetry import Metrics
from bot.templates import news as news_template
from bot.templates import template_of
from bot.words.catalogue import Catalogue
from bot.words.origins import origins
from bot.words.say import Say
from domain import commands as c
from domain.messages import Channel, Outgoing
from domain.money import Money
from domain.people import Address, Language, Person, is_mail
from domain.schedule import is_quiet, out_of_quiet
from domain.why import Origin
from storage import figures, outbox, queries
from storage.clock import Clock
from storage.engine import Connection
from storage.inbox import Arrival
from storage.outbox import ARRIVED, Parcel, Part
from storage.queries import Contact
from storage.vault import Vault

RECEIPTS: Final = frozenset({
    "receipt", "receipt_for", "cash_confirmed", "paid_out_rail", "paid_out_cash", "paid_out_both", "received",
    "refund_done",
})  # fmt: skip
"""The texts that tell somebody of their money that came or went, and are copied by mail."""
ALARMS: Final = frozenset({
    "staff_books_wrong", "staff_clearing_more", "staff_clearing_less", "staff_phone_silent", "staff_phone_back",
    "staff_fault", "staff_letters",
})  # fmt: skip
"""The texts that tell staff of what cannot wait, and are copied by mail: they name no person."""
AWAKE: Final = timedelta(hours=2)
"""Who wrote so lately is not woken by an answer of others (rules.md 55: unless the person wrote)."""
LONGEST_TOGETHER: Final = 1024
"""Characters of what waited and of the reply in one message: so much stands over buttons on WhatsApp."""
CHANNELS: Final = {channel.value: channel for channel in Channel}
PATIENCE: Final = {
    Channel.WHATSAPP: timedelta(minutes=10),
    Channel.SMS: timedelta(minutes=30),
    Channel.TELEGRAM: timedelta(minutes=10),
    Channel.EMAIL: timedelta(hours=2),
}
"""How long a notice may be on its way on each network before the next address is tried."""


class Job(Protocol):
    """One arrival that was handled, and what it came to."""

    arrival: Arrival
    turn: Turn
    says: list[Say]

    @property
    def reader(self) -> Person | None:
        """Who wrote, as they were known when they did."""

    @property
    def step(self) -> Step:
        """What the talk made of it."""

    @property
    def is_talk(self) -> bool:
        """Whether somebody wrote, so that what is said is a reply."""

    @property
    def stops_sim(self) -> bool:
        """Whether somebody said STOP to the SIM, which has to confirm it itself."""


@dataclass(frozen=True, slots=True)
class _Post:
    """Something to be put into the outbox under one key: pages of one message to one address."""

    key: str
    party: str
    pages: Sequence[Outgoing]
    at: datetime
    news: outbox.Notice | None = None
    must: bool = False
    by_sim: bool = False
    """Nothing else may carry it."""

    def parcels(self) -> list[Parcel]:
        extra = {"must": True} if self.must else {}
        bodies = (replace(page, by_sim=self.by_sim).as_json() | extra for page in self.pages)
        return [
            Parcel(self.party, "say", f"{self.key}:{n}", body, self.at, bool(body["options"]), self.news)
            for n, body in enumerate(bodies)
        ]


@dataclass(frozen=True, slots=True)
class _Reached:
    """Where the people and parties of a batch are told what is new."""

    people: Mapping[str, Sequence[Contact]] = field(default_factory=dict)
    """All open addresses of each, the one to be told first at the front."""
    parties: Mapping[str, Contact] = field(default_factory=dict)


class Dispatch:
    """Queues what a batch has to say, in the transaction of the batch."""

    def __init__(
        self, vault: Vault, clock: Clock, catalogue: Catalogue, metrics: Metrics, channels: Collection[Channel]
    ) -> None:
        """`channels` are those that this installation speaks on: nobody is told anything by another."""
        self._channels = channels
        self._vault = vault
        self._clock = clock
        self._catalogue = catalogue
        self._metrics = metrics

    async def send(self, conn: Connection, jobs: Sequence[Job], news: Sequence[Notice]) -> None:
        """Queue replies, notices, orders, what goes on by another way, and the news of groups."""
        passing = [p for job in jobs for p in job.turn.passing]
        reading = {job.turn.person_id for job in jobs if job.turn.person_id and names_of(job.says) & RECEIPTS}
        people = reading | {p.person_id for p in passing}
        reached = await self._reached(conn, [*news, *(n for job in jobs for n in job.turn.notices)], people)
        parcels: list[Parcel] = []
        now = self._clock.now()
        if is_quiet(now) and (awake := [job.arrival.party for job in jobs if job.is_talk]):
            await outbox.wake(conn, awake, now)
        waiting = await outbox.take_waiting(conn, self._vault, [p for job in jobs for p in _may_wait(job)], now)
        for job in jobs:
            parcels += self._tap(job)
            parcels += self._reply(job, waiting.get(job.arrival.party, ()), reached)
            others = [n for n in job.turn.notices if not (job.is_talk and _is_answer(n, job.turn))]
            when = partial(_when, now=max(now, job.arrival.received_at))
            parcels += self._notices(f"{job.arrival.id}:n", others, _with_chats(reached, job.turn.acted, now), when)
            parcels += self._orders(job.turn.orders)
        if news:
            parcels += self._notices(f"{jobs[0].arrival.id}:g", news, reached, lambda _: out_of_quiet(now))
        if passing:
            parcels += await self._pass_on(conn, passing, reached)
        await figures.keep(conn, _shown(jobs, news), now)
        await outbox.put(conn, self._vault, parcels, now)
        await outbox.withdraw(conn, [key for job in jobs for key in job.turn.withdrawn], now)
        await self._decide(conn, {k: v for job in jobs for k, v in job.turn.decided.items()}, now)

    @staticmethod
    async def _decide(conn: Connection, decided: Mapping[int, str], now: datetime) -> None:
        """Send dead letters again, or let them be, as staff said."""
        if retried := [number for number, act in decided.items() if act == "retry"]:
            await outbox.retry_dead(conn, retried)
        if dropped := [number for number, act in decided.items() if act == "drop"]:
            await outbox.drop_dead(conn, dropped, now)

    async def tell(self, conn: Connection, arrival: Arrival, notices: Sequence[Notice]) -> None:
        """Queue notices about an arrival that could not be handled; they wait for no morning."""
        now = self._clock.now()
        reached = await self._reached(conn, notices)
        parcels = self._notices(f"{arrival.id}:f", notices, reached, lambda _: now)
        await outbox.put(conn, self._vault, [*parcels, *_answer(arrival, now)], now)

    async def _reached(self, conn: Connection, notices: Iterable[Notice], people: Iterable[str] = ()) -> _Reached:
        """Read where those are reached who are told something, and `people` beside."""
        every = {n.person_id for n in notices if n.person_id} | set(people)
        parties = {n.party for n in notices if n.party}
        contacts = await queries.contacts(conn, every) if every else {}
        return _Reached(
            {person: [k for k in theirs if _channel(k.party) in self._channels] for person, theirs in contacts.items()},
            await queries.languages(conn, parties) if parties else {},
        )

    def _pages(self, party: str, language: Language, said: Say) -> Sequence[Outgoing]:
        return self._catalogue.render(said, language, _channel(party))

    def _tap(self, job: Job) -> list[Parcel]:
        """Answer the tap itself, where its network waits for that."""
        toast, person = job.step.toast, job.reader
        said = self._catalogue.write(toast, person.language if person else Language.EN) if toast else ""
        return _answer(job.arrival, self._clock.now(), said, over=job.step.over)

    def _reply(self, job: Job, waiting: Sequence[Outgoing], reached: _Reached) -> list[Parcel]:
        """Answer, and say first what waited for a word of theirs: with that in it, it gets there as a notice does."""
        if not job.is_talk:
            return []
        turn, party = job.turn, job.arrival.party
        own = [n.what for n in turn.notices if _is_answer(n, turn)]
        said = joined([*job.says, *own])
        must = not party.startswith("sms:") or job.stops_sim or _restarted(turn, party)
        key, now = f"{job.arrival.id}:r", self._clock.now()
        news = outbox.Notice(key, turn.person_id, PATIENCE[_channel(party)]) if waiting and turn.person_id else None
        if said is None:
            return _Post(key, party, waiting, now, news, must).parcels()
        person = turn.book.get(Person, turn.person_id) or job.reader
        language = person.language if person else Language.EN
        pages = self._pages(party, language, said)
        copies = self._copy(key, turn.person_id, said, reached)
        if waiting:
            whole = _together(waiting, whole_of(pages))
            apart = len(whole.text) > LONGEST_TOGETHER
            pages = (*waiting, *pages) if apart else self._catalogue.fit(whole, _channel(party), language)
        return [*_Post(key, party, pages, now, news, must, job.stops_sim).parcels(), *copies]

    def _notices(
        self, stem: str, notices: Iterable[Notice], reached: _Reached, when: Callable[[Contact], datetime]
    ) -> list[Parcel]:
        """Make one message to each address of all that it is told."""
        together: dict[tuple[str, str], tuple[Contact, list[Say]]] = {}
        for notice in notices:
            if contact := _first(notice, reached):
                together.setdefault((contact.party, notice.person_id), (contact, []))[1].append(notice.what)
        parcels: list[Parcel] = []
        for (party, person_id), (contact, says) in together.items():
            said = joined(says)
            if said is not None:
                key = f"{stem}:{person_id or party}"
                news = outbox.Notice(key, person_id, PATIENCE[_channel(party)]) if person_id else None
                pages = self._pages(party, contact.language, said)
                if _channel(party) is Channel.WHATSAPP:
                    template = template_of(said, contact.language, self._catalogue)
                    pages = [replace(page, template=template) for page in pages]
                parcels += _Post(f"{key}:{party}", party, pages, when(contact), news).parcels()
                parcels += [] if is_mail(party) else self._copy(key, person_id, said, reached)
        return parcels

    def _copy(self, key: str, person_id: str, said: Say, reached: _Reached) -> list[Parcel]:
        """Copy a receipt to the mail address of who gets it, if they have one and want that; and an alarm anyway."""
        mail = next((k for k in reached.people.get(person_id, ()) if is_mail(k.party)), None)
        if mail is None or not (names_of([said]) & (RECEIPTS | ALARMS if mail.copies else ALARMS)):
            return []
        pages = self._pages(mail.party, mail.language, said)
        return _Post(f"{key}:{mail.party}", mail.party, pages, self._clock.now()).parcels()

    def _orders(self, orders: Iterable[Order]) -> list[Parcel]:
        now = self._clock.now()
        return [Parcel(f"{o.carrier}:{o.key}", o.kind, o.key, o.body, now) for o in orders]

    # -- what did not get there -------------------------------------------------------------------------------

    async def _pass_on(self, conn: Connection, passing: Sequence[c.PassOn], reached: _Reached) -> list[Parcel]:
        """Send notices by the next address of their person, those that have one, and take back what waits."""
        now = self._clock.now()
        found = await outbox.parts(conn, self._vault, [p.notice for p in passing])
        parcels: list[Parcel] = []
        for one in passing:
            parts = found.get(one.notice, [])
            last = [p for p in parts if p.lane == one.lane]
            if not last or all(p.delivery >= ARRIVED for p in last):
                continue
            tried = {p.lane for p in parts}
            contact = next((k for k in reached.people.get(one.person_id, ()) if k.party not in tried), None)
            if contact is None:
                self._metrics.notices.labels(_channel(one.lane).value, "unreached").inc()
                continue
            ids = {p.id for p in last if p.delivery < ARRIVED}
            if await outbox.replace(conn, sorted(ids), now) != ids:
                await outbox.look_again(conn, one.notice)  # a relay has just taken it: it may get there after all
                continue
            self._metrics.notices.labels(_channel(one.lane).value, "replaced").inc()
            again = self._again(one, last, contact, now)
            if is_mail(contact.party):
                await outbox.take_as_parts(conn, again)
            parcels += again
        return parcels

    def _again(self, one: c.PassOn, last: Sequence[Part], contact: Contact, now: datetime) -> list[Parcel]:
        whole = whole_of([Outgoing.from_json(p.body) for p in last])
        channel = _channel(contact.party)
        news = outbox.Notice(one.notice, one.person_id, PATIENCE[channel])
        pages = self._catalogue.fit(whole, channel, contact.language)
        if channel is Channel.WHATSAPP:
            pages = tuple(replace(page, template=news_template(contact.language)) for page in pages)
        key = f"{one.notice}:{contact.party}"
        return _Post(key, contact.party, pages, _when(contact, now), news).parcels()


def _answer(arrival: Arrival, now: datetime, text: str = "", *, over: bool = False) -> list[Parcel]:
    """Answer a tap in a lane of its own: it waits for nothing, and nothing waits for it."""
    body = arrival.body
    if arrival.kind != "chat" or not body.get("on"):
        return []
    tap = {"address": body["address"], "id": body["message_id"], "on": body["on"], "text": text, "over": over}
    return [Parcel(f"{body['channel']}:tap:{arrival.id}", "tap", f"{arrival.id}:t", tap, now)]


def _shown(jobs: Sequence[Job], news: Iterable[Notice]) -> list[tuple[str, Money, Origin]]:
    """Return each figure of money with where it comes from, and the person who is shown it."""
    told = [(job.turn.person_id, said) for job in jobs if job.is_talk for said in job.says]
    told += [(n.person_id, n.what) for n in (*news, *(n for job in jobs for n in job.turn.notices))]
    return [(person, *figure) for person, said in told if person for figure in origins(said, person)]


def names_of(says: Sequence[Say]) -> set[str]:
    """Return which texts are said."""
    return {text.name for said in says for text in said.texts}


def whole_of(pages: Sequence[Outgoing]) -> Outgoing:
    """Return one message of the pages that it was sent in: a picture that stood alone stands with its text."""
    drawn = next((page.attachment for page in pages if page.attachment), None)
    said = [page.text for page in pages if not (page.attachment and len(pages) > 1)]
    options = next((page for page in reversed(pages) if page.options), pages[-1])
    return Outgoing("\n".join(said), options.options, options.button, drawn)


def _together(waiting: Sequence[Outgoing], reply: Outgoing) -> Outgoing:
    """Return one message of what waited and of the reply. The choice of the reply goes before."""
    every = [*waiting, reply]
    said = "\n\n".join(one.text for one in every)
    chosen = next((one for one in reversed(every) if one.options), reply)
    drawn = next((one.attachment for one in reversed(every) if one.attachment), None)
    return Outgoing(said, chosen.options, chosen.button, drawn)


def _may_wait(job: Job) -> list[str]:
    """Return the party for whose word something may wait: on WhatsApp, unless they just said STOP."""
    party = job.arrival.party
    if not job.is_talk or not party.startswith("whatsapp:"):
        return []
    address = job.turn.book.get(Address, party)
    return [] if address and address.stopped_at else [party]


def joined(says: Sequence[Say]) -> Say | None:
    """Make one message of several things said: one turn is one message. The last choice offered stays."""
    if not says:
        return None
    answers = next((s.answers for s in reversed(says) if s.answers), ())
    drawn = next((s.drawn for s in reversed(says) if s.drawn), None)
    return Say(tuple(t for s in says for t in s.texts), answers, drawn)


def _is_answer(notice: Notice, turn: Turn) -> bool:
    """Whether a notice is to the one who is being answered, and goes with the answer."""
    mine = bool(notice.person_id) and notice.person_id == turn.person_id
    return mine and (not notice.first or turn.party in notice.first)


def _first(notice: Notice, reached: _Reached) -> Contact | None:
    if notice.party:
        return reached.parties[notice.party]
    every = reached.people.get(notice.person_id, ())
    return next((k for k in every if k.party in notice.first), next(iter(every), None))


def _with_chats(reached: _Reached, people: Collection[str], now: datetime) -> _Reached:
    """Put the chat that these people are in right now before where they want to be told what is new."""

    def by_chat(contact: Contact) -> float:
        awake = not is_mail(contact.party) and contact.wrote_at is not None and now - contact.wrote_at < AWAKE
        return -contact.wrote_at.timestamp() if awake and contact.wrote_at else 0.0

    chats = {person: sorted(reached.people.get(person, ()), key=by_chat) for person in people}
    return replace(reached, people={**reached.people, **chats})


def _when(contact: Contact, now: datetime) -> datetime:
    """Return when a notice may come: at once to who is awake or a stranger, else outside the quiet hours."""
    awake = contact.wrote_at is not None and now - contact.wrote_at < AWAKE
    return now if awake or contact.wrote_at is None else out_of_quiet(now)


def _channel(party: str) -> Channel:
    return CHANNELS[party.partition(":")[0]]


def _restarted(turn: Turn, party: str) -> bool:
    """Whether an SMS address may be written to in this very turn, since it just said START."""
    address = turn.book.get(Address, party)
    return address is not None and address.stopped_at is None
