"""What a figure that somebody was shown is, and what it is explained by: the words that WHY is made of.

Owns what is kept of a figure (its origin) and what the lines are called; how they are reckoned is domain/reckoning.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.money import Currency, Money
from domain.pardna import Circle, Draw, Due, Hand, Round, RoundState
from domain.payments import Payout
from domain.schedule import cut_off

KEPT_FOR = timedelta(days=400)
"""How long it is kept what somebody was shown: longer than a year's circle with its grace."""


class Of(StrEnum):
    """What a figure of a circle is."""

    THROW = "throw"
    GROSS = "gross"
    FEE = "fee"
    LATE = "late"
    RESERVE = "reserve"
    COVER = "cover"
    OWED = "owed"
    LEFT = "left"
    SURPLUS = "surplus"
    DEBT = "debt"
    CREDIT = "credit"
    USED = "used"
    CASH = "cash"
    EARNED = "earned"
    POT = "pot"
    THERE = "there"
    OPEN = "open"
    DRAW = "draw"
    PAID = "paid"
    REST = "rest"
    OFFSET = "offset"
    ARREARS = "arrears"
    OWN_THROW = "own_throw"
    PAYMENT = "payment"
    PAYOUT = "payout"
    BACK = "back"
    THROWN = "thrown"
    DRAWN = "drawn"
    BOOK_IN = "book_in"
    BOOK_OUT = "book_out"
    BOOK = "book"


AGREED = frozenset({Of.THROW, Of.GROSS, Of.FEE, Of.LATE, Of.RESERVE})
"""What the terms say, the same in every round."""
BY_REF = frozenset({Of.PAYMENT, Of.PAYOUT, Of.BACK})
"""What is known by its receipt or its payout's reference."""
LINES = frozenset({
    "agreed", "all_rounds", "arrears", "asked", "came", "credit", "credit_of", "debt", "debt_of", "due", "earlier",
    "earned", "fee", "freed", "from_draw", "hand", "hands", "moved", "nothing_yet", "on_way", "own_throw", "paid_out",
    "rail", "reserve", "round", "still", "surplus", "threw", "threw_you", "to_come", "told", "took", "towards", "turns",
    "went",
})  # fmt: skip
"""The names that a line may have, of the texts that say it."""


class Origin(NamedTuple):
    """What tells one figure from another of the same amount. `whose` it is, where it is one person's."""

    of: Of
    circle: str
    whose: str = ""
    round: int = 0
    ref: str = ""


class Shown(NamedTuple):
    """One figure as somebody was shown it last."""

    id: int
    money: Money
    origin: Origin
    at: datetime


class Move(NamedTuple):
    """One transfer of a circle's ledger, in the order it was written."""

    at: datetime
    key: str
    kind: str
    debit: str
    credit: str
    amount: int


@dataclass(frozen=True, slots=True)
class Part:
    """One line of an explanation, and what it adds (minor units). `who` is a person's id."""

    name: str
    minor: int
    round: int = 0
    who: str = ""
    day: date | None = None
    ref: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """A circle as a figure is explained by it. `moves` are all, or those up to a point."""

    circle: Circle
    hands: Sequence[Hand]
    rounds: Mapping[int, Round]
    dues: Sequence[Due]
    draws: Sequence[Draw]
    payouts: Sequence[Payout]
    moves: Sequence[Move]

    def account(self, *parts: str | int) -> str:
        """Return the name of one of the circle's accounts."""
        return ":".join(("circle", self.circle.code, *map(str, parts)))

    def owner(self, hand: int) -> str:
        """Return whose hand it is."""
        return next(h.person_id for h in self.hands if h.number == hand)

    def draws_of(self, origin: Origin) -> list[Draw]:
        """Return the draws that a figure may be about."""
        found = [d for d in self.draws if origin.round in {0, d.round}]
        whose = [d for d in found if d.person_id == origin.whose]
        return whose or (found if origin.round else [])

    def drawers(self, number: int) -> set[str]:
        """Return who draws in a round."""
        return {h.person_id for h in self.hands if h.turn == number}

    def opened(self, at: datetime) -> list[int]:
        """Return the rounds that were open or over at a time."""
        begun = [n for n, r in sorted(self.rounds.items()) if r.state is not RoundState.SCHEDULED]
        return [n for n in begun if n == 1 or cut_off(self.rounds[n - 1].due) <= at]


def money_of(shown: Shown, minor: int) -> Money:
    """Return a line's amount as money of what was shown."""
    return Money(minor, Currency(shown.money.currency))
