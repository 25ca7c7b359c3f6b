"""What a conversation may know of the one who writes: small, read in bulk before the turn, never asked for within.

A conversation decides what to say and what to ask for; whether it may be done is decided again under the lock. Seats,
what is owed and turns are named tuples: hundreds are made a batch, and a frozen dataclass takes three times as long.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from domain.lottery import RUNNING
from domain.money import Currency, Money, Stem
from domain.pardna import CircleState, DrawState, OrderBy, RoundState
from domain.people import Person, Role, TrnState


class Owed(NamedTuple):
    """One throw of mine that is still open."""

    round: int
    due: date
    grace_until: date
    state: RoundState
    left: int


class Turn(NamedTuple):
    """One turn of mine, or half of one: the round in which I draw. `date` is its payout date, once the circle began."""

    round: int
    date: date | None
    net: int | None
    paid: int
    state: DrawState | None
    held_for: str
    halves: int


class Seat(NamedTuple):
    """One circle as one person sees it."""

    code: str
    name: str
    state: CircleState
    currency: Currency
    throw: int
    turns: int
    first_due: date
    fee: int
    is_banker: bool
    member_state: str
    agreed: bool
    taken: int
    """Half hands, of twice the turns."""
    round: int
    drawer: str
    """First names of those who draw in it."""
    pot: int
    credit: int
    cash_held: int
    owed: tuple[Owed, ...]
    my_turns: tuple[Turn, ...]
    debt: int = 0
    """What the card's bank took back of mine after it was drawn."""
    lottery: str = ""
    """Of a circle that is open and draws its order: AHEAD, or the state of the lottery."""
    order_by: OrderBy = OrderBy.JOIN
    late: int = 0
    """What is open of my late fees."""
    planned: bool = False
    """Whether I pay in parts what I missed, as agreed."""
    reserve: int = 0
    """What of a pot is kept in reserve, as `fee` is the banker's."""

    def money(self, minor: int, *, round: int = 0) -> Money:  # noqa: A002 - the trade's word
        """Return minor units as money of this circle, with what its books know it by."""
        return Money(minor, self.currency, Stem(self.code, round=round))

    @property
    def is_member(self) -> bool:
        """Whether this person throws here."""
        return self.member_state == "IN"

    @property
    def running(self) -> bool:
        """Whether throws are taken."""
        return self.state is CircleState.ACTIVE

    @property
    def order_open(self) -> bool:
        """Whether a lottery has still to say who draws when."""
        return self.lottery in {"AHEAD", *RUNNING}

    @property
    def gross(self) -> int:
        """The whole pot of a round."""
        return self.throw * self.turns

    @property
    def owed_in_all(self) -> int:
        """What this person owes here today."""
        return sum(o.left for o in self.owed) + self.debt + self.late


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that waits for this person: cash to confirm, a payout to approve, a draw to acknowledge."""

    kind: str
    ref: str
    circle: str
    circle_name: str
    money: Money
    who: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All a conversation may know. `now` is when the message arrived."""

    party: str
    now: datetime
    person: Person | None = None
    roles: frozenset[Role] = frozenset()
    seats: tuple[Seat, ...] = ()
    asks: tuple[Ask, ...] = ()
    trn_state: TrnState | None = None
    trn_last3: str = ""
    destination: str = ""
    stopped: bool = False
    gone: bool = False
    """Whether the network had ended this address (`stopped` then, too)."""
    rails: tuple[str, ...] = ()

    @property
    def channel(self) -> str:
        """The channel they write on."""
        return self.party.partition(":")[0]

    def asked(self, kind: str) -> list[Ask]:
        """Return the questions of one kind."""
        return [a for a in self.asks if a.kind == kind]
