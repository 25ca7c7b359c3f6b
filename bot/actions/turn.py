"""What an action has in its hands: the open book, who acts and when, the tools of the house, and whom to tell."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from bot.words.say import Say
from domain import commands as c
from domain.codes import ticket_ref
from domain.house import BUILT_IN, HouseRules
from domain.ledger import Transaction, Transfer
from domain.messages import Channel
from domain.money import Currency
from domain.pardna import Circle, Member, MemberState
from domain.payments import Route
from domain.people import Clerk, Person, Role, Ticket, TicketKind
from domain.schedule import Calendar
from domain.scores import Done
from domain.standing import Standing
from storage.book import Book
from storage.chains import Proved
from storage.documents import Histories
from storage.duties import Duty
from storage.figures import Told
from storage.outbox import DeadLetter, Life
from storage.pins import Tried
from storage.vault import Vault

LANES = {"receipt": "payment", "payout_id": "payout", "refund_id": "refund"}
"""Whose order counts among what is heard of one payment, payout or refund."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the house lends to every action. `routes` are the ways for money, by the word that names them."""

    calendar: Calendar
    vault: Vault
    randbelow: Callable[[int], int]
    new_id: Callable[[], str]
    site: str
    routes: Mapping[str, Route]
    rules: HouseRules = BUILT_IN
    bot: Callable[[], str] = str
    """What Telegram calls our bot, without `@`; "" where nobody knows."""
    channels: frozenset[Channel] = frozenset(Channel)
    """By which people are written to here."""
    past_sim: bool = False
    """Whether an SMS that the local SIM could not send has another way."""

    @property
    def rails(self) -> tuple[str, ...]:
        """What a member may name to pay by, beside cash."""
        return tuple(word for word, route in self.routes.items() if route.currencies)

    @property
    def payers(self) -> tuple[Route, ...]:
        """The routes by which money goes out."""
        return tuple(route for route in self.routes.values() if route.pays)

    @property
    def carriers(self) -> frozenset[str]:
        """Everyone who carries money for the house."""
        return frozenset(route.carrier for route in self.routes.values())


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell a person, by whichever of their addresses is the next that works, or one party."""

    what: Say
    person_id: str = ""
    party: str = ""
    first: frozenset[str] = frozenset()
    """By which of the person's addresses it goes first, where that matters."""


def to_staff(clerks: Iterable[Clerk], what: Say) -> list[Notice]:
    """Make one notice to each of staff, first to an address with the role; to an address alone that is nobody's yet."""
    theirs: dict[str, set[str]] = {}
    for clerk in clerks:
        theirs.setdefault(clerk.person_id, set()).add(clerk.party)
    nobodys = [Notice(what, party=party) for party in sorted(theirs.pop("", ()))]
    return nobodys + [Notice(what, person_id, first=frozenset(theirs[person_id])) for person_id in sorted(theirs)]


@dataclass(frozen=True, slots=True)
class Order:
    """Something to ask a carrier for (see `Rail` in channels/base.py), under a key that never changes."""

    kind: str
    carrier: str
    key: str
    body: dict[str, object]


@dataclass(slots=True)
class Turn:
    """One arrival being handled. `at` is when it came in, which decides whether it was in time (rules.md 16)."""

    book: Book
    tools: Tools
    at: datetime
    party: str = ""
    person_id: str = ""
    roles: frozenset[Role] = frozenset()
    staff: tuple[Clerk, ...] = ()
    standings: dict[str, Standing] = field(default_factory=dict)
    histories: Histories = field(default_factory=dict)
    """The lines of the book that statements were asked for, by (circle, who asks)."""
    told: Told = field(default_factory=Told)
    """What people who ask WHY were shown, and the ledger of the circles that it is about."""
    proofs: Mapping[tuple[str, str], Proved] = field(default_factory=dict)
    """What PROOF is asked about, by (circle, who asks)."""
    lives: Mapping[str, Sequence[Life]] = field(default_factory=dict)
    """What became of the last messages to people that staff ask about."""
    deeds: Mapping[str, Sequence[Done]] = field(default_factory=dict)
    """What the scores that are asked about are made of, by person."""
    dead: Sequence[DeadLetter] = ()
    """What was given up to send, where staff ask."""
    decided: dict[int, str] = field(default_factory=dict)
    """What staff said of dead letters, by id: retry or drop."""
    notices: list[Notice] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    passing: list[c.PassOn] = field(default_factory=list)
    """Notices that have to go by another way."""
    acted: set[str] = field(default_factory=set)
    """Whose act this is the outcome of: they hear of it in the chat that they are in."""
    withdrawn: list[str] = field(default_factory=list)
    """Keys of orders that are not to be sent any more, unless it has begun."""
    remembered: dict[str, Any] = field(default_factory=dict)
    """What the talk with this party has to keep in mind (see Session.remember)."""
    tried: Tried = field(default_factory=Tried)
    """What the PIN typed in this turn came to."""
    kept: c.Command | None = None
    """The command that waits for it."""
    resumed: c.Command | None = None
    """The command that is to be done now, since the PIN was right."""
    goes_on: str = ""
    """The flow of one question that the talk goes on with."""

    @property
    def me(self) -> Person:
        """Who acts."""
        return self.book.person(self.person_id)

    @property
    def rate(self) -> int:
        """The rate in force (domain/exchange.py); 0 when there is none, or it is too old to be used."""
        rate = self.book.rate
        return rate.jmd_per_usd if rate and rate.fresh(self.at, self.tools.rules.rate_lasts) else 0

    def order(self, kind: str, carrier: str, key: str, body: dict[str, object], echo: dict[str, object]) -> None:
        """Ask a carrier for something once. `echo` comes back with its answer, and names the lane it goes by."""
        name, value = next(iter(echo.items()))
        party = f"{LANES[name]}:{value}"
        self.orders.append(Order(kind, carrier, key, {**body, **echo, "party": party, "echo": echo}))

    def post(self, key: str, kind: str, circle: Circle, *transfers: Transfer) -> None:
        """Write one transaction of a circle's into the books."""
        self.book.post(self.at, Transaction(key, kind, circle.currency, transfers, circle.code))

    def move(self, key: str, kind: str, transfer: Transfer, currency: Currency) -> None:
        """Write one transfer that belongs to no circle into the books."""
        self.book.post(self.at, Transaction(key, kind, currency, (transfer,)))

    def plan(self, key: str, at: datetime, party: str, duty: c.Duty) -> None:
        """Have something done at its time; a key planned before is left as it is."""
        self.book.plan(Duty(key, at, party, c.word(type(duty)), asdict(duty)))

    def tell(self, person_id: str, what: Say) -> None:
        """Tell somebody on their own channel."""
        self.notices.append(Notice(what, person_id=person_id))

    def tell_party(self, party: str, what: Say) -> None:
        """Tell one address, whoever is behind it."""
        self.notices.append(Notice(what, party=party))

    def tell_all(self, members: Iterable[Member], what: Callable[[Member], Say | None]) -> None:
        """Tell each member that is in what concerns them."""
        for member in members:
            if member.state is MemberState.IN and (said := what(member)):
                self.tell(member.person_id, said)

    def tell_staff(self, roles: Iterable[Role], what: Say) -> None:
        """Tell every member of staff who has one of the roles, and the admins."""
        wanted = {*roles, Role.ADMIN}
        self.notices += to_staff([clerk for clerk in self.staff if clerk.role in wanted], what)

    def open_ticket(
        self,
        kind: TicketKind,
        *,
        person_id: str | None,
        circle: str | None = None,
        subject: str = "",
        note: str = "",
    ) -> Ticket:
        """Put something into the staff's queue, under a reference that no other open line of it has."""
        ref = ticket_ref(self.tools.randbelow)
        while ref in self.book.refs:
            ref = ticket_ref(self.tools.randbelow)
        self.book.refs.add(ref)
        ticket_id = self.tools.new_id()
        sealed = self.tools.vault.seal(f"ticket.note|{ticket_id}", note.encode()) if note else None
        ticket = Ticket(ticket_id, ref, kind, person_id, circle, subject, sealed, self.at)
        self.book.put(ticket)
        return ticket
