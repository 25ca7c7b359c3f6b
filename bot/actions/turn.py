"""What an action has in its hands: the open book, who acts and when, the tools of the house, and whom to tell."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.words.say import Say
from domain.pardna import Member, MemberState
from domain.people import Person, Role, Ticket, TicketKind
from domain.schedule import Calendar
from domain.standing import Standing
from storage.book import Book
from storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Tools:
    """What the house lends to every action. `payout_rail` is how money goes out, "" when it cannot."""

    calendar: Calendar
    vault: Vault
    randbelow: Callable[[int], int]
    new_id: Callable[[], str]
    site: str
    rails: tuple[str, ...]
    payout_rail: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell a person (on their own channel) or one party."""

    what: Say
    person_id: str = ""
    party: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Something to ask a rail for: kind `collect` or `disburse`, under a key that never changes."""

    kind: str
    rail: str
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
    staff: tuple[tuple[str, Role], ...] = ()
    standings: dict[str, Standing] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    remembered: dict[str, Any] = field(default_factory=dict)
    """What the talk with this party has to keep in mind (see Session.remember)."""

    @property
    def me(self) -> Person:
        """Who acts."""
        return self.book.person(self.person_id)

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
        for party in sorted({party for party, role in self.staff if role in wanted}):
            self.tell_party(party, what)

    def open_ticket(
        self,
        kind: TicketKind,
        ref: str,
        *,
        person_id: str | None,
        circle: str | None = None,
        subject: str = "",
        note: str = "",
    ) -> Ticket:
        """Put something into the staff's queue."""
        ticket_id = self.tools.new_id()
        sealed = self.tools.vault.seal(f"ticket.note|{ticket_id}", note.encode()) if note else None
        ticket = Ticket(ticket_id, ref, kind, person_id, circle, subject, sealed, self.at)
        self.book.put(ticket)
        return ticket
