"""Documents made of the books: what a picture of a round and a statement are drawn from, and nothing of how.

The facts hold first names, dates and minor units of one currency; they are kept sealed, and whatever is drawn is a
pure function of them. Nothing here knows a font, a format or a channel.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.money import Currency, Money
from domain.pardna import ThrowState
from domain.people import Language

KEPT_FOR = timedelta(days=30)
"""How long a document can be opened by its link."""


class DocumentKind(StrEnum):
    """What there is to draw."""

    CARD = "card"
    STATEMENT = "statement"
    ENCLOSURE = "enclosure"
    BOOK = "book"


@dataclass(frozen=True, slots=True)
class Document:
    """A kept document: its sealed facts, and the hash of the token that opens its page. `person_id` asked for it."""

    id: str
    kind: DocumentKind
    person_id: str
    circle: str | None
    token_hash: bytes
    sealed: bytes
    made_at: datetime
    expires_at: datetime


def place(document_id: str) -> str:
    """Return where a document's facts belong, for the vault."""
    return f"document.sealed|{document_id}"


# -- a round in one picture -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Throw:
    """How far one hand's throw is. `turn` is when it draws."""

    turn: int
    who: str
    state: ThrowState


@dataclass(frozen=True, slots=True)
class Ahead:
    """A round to come."""

    round: int
    who: str
    due: date
    pays_on: date


@dataclass(frozen=True, slots=True)
class CardFacts:
    """One round of a circle, in minor units of its currency. `drawn` is what the drawer got, 0 while they have not."""

    circle: str
    code: str
    currency: Currency
    round: int
    turns: int
    gross: int
    pot: int
    who: str
    due: date
    pays_on: date
    drawn: int
    at: date
    throws: tuple[Throw, ...]
    ahead: tuple[Ahead, ...]

    @property
    def thrown(self) -> int:
        """How many hands have thrown all of it."""
        return sum(t.state is ThrowState.PAID for t in self.throws)

    def money(self, minor: int) -> Money:
        """Return minor units as money of this circle."""
        return Money(minor, self.currency)

    @classmethod
    def read(cls, plain: dict[str, Any]) -> "CardFacts":
        """Read what was kept as JSON."""
        dates = {name: date.fromisoformat(plain[name]) for name in ("due", "pays_on", "at")}
        throws = tuple(Throw(t["turn"], t["who"], ThrowState(t["state"])) for t in plain["throws"])
        ahead = tuple(
            Ahead(a["round"], a["who"], date.fromisoformat(a["due"]), date.fromisoformat(a["pays_on"]))
            for a in plain["ahead"]
        )
        return cls(**{**plain, **dates, "currency": Currency(plain["currency"]), "throws": throws, "ahead": ahead})


@dataclass(frozen=True, slots=True)
class BookFacts:
    """A circle's book for who asked for it: read from the ledger when it is opened. `whole`: all lines in words."""

    code: str
    person_id: str
    whole: bool

    @classmethod
    def read(cls, plain: dict[str, Any]) -> "BookFacts":
        """Read what was kept as JSON."""
        return cls(**plain)


# -- a statement ------------------------------------------------------------------------------------------------------


class What(StrEnum):
    """Why money came into a circle or left it."""

    THROW = "throw"
    TAKEN_BACK = "taken_back"
    DRAW = "draw"
    DRAW_BACK = "draw_back"
    FEE = "fee"
    REFUND = "refund"
    REFUND_BACK = "refund_back"
    CHARGEBACK = "chargeback"
    RETURNED = "returned"
    COVER = "cover"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Moved:
    """One line of the books by which money came in (above zero) or went out (below zero), and whose it is."""

    at: datetime
    what: What
    person_id: str
    round: int
    reference: str
    amount: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a statement. `amount` is in above zero and out below; `who` is empty in a member's own."""

    day: date
    what: What
    who: str
    round: int
    reference: str
    amount: int


@dataclass(frozen=True, slots=True)
class RoundLine:
    """One round as everybody in the circle may see it."""

    number: int
    due: date
    who: str
    thrown: int
    drawn: int


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """A member's own lines (or, `whole`, the banker's book of all of them) and the circle's rounds."""

    circle: str
    code: str
    currency: Currency
    name: str
    whole: bool
    language: Language
    since: date
    until: date
    opening: int
    gross: int
    entries: tuple[Entry, ...]
    rounds: tuple[RoundLine, ...]

    @property
    def came_in(self) -> int:
        """All that came in, in minor units."""
        return sum(e.amount for e in self.entries if e.amount > 0)

    @property
    def went_out(self) -> int:
        """All that went out, in minor units (not below zero)."""
        return -sum(e.amount for e in self.entries if e.amount < 0)

    @property
    def closing(self) -> int:
        """What it sums to."""
        return self.opening + self.came_in - self.went_out

    def money(self, minor: int) -> Money:
        """Return minor units as money of this circle."""
        return Money(minor, self.currency)

    @classmethod
    def read(cls, plain: dict[str, Any]) -> "StatementFacts":
        """Read what was kept as JSON."""
        entries = tuple(
            Entry(**{**e, "day": date.fromisoformat(e["day"]), "what": What(e["what"])}) for e in plain["entries"]
        )
        rounds = tuple(RoundLine(**{**r, "due": date.fromisoformat(r["due"])}) for r in plain["rounds"])
        told = {name: date.fromisoformat(plain[name]) for name in ("since", "until")}
        kinds = {"currency": Currency(plain["currency"]), "language": Language(plain["language"])}
        return cls(**{**plain, **told, **kinds, "entries": entries, "rounds": rounds})
