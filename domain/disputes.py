"""Disputes: what two sides say differently, and the three uninvolved members who decide it (rules.md 52)."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.pardna import Member, MemberState

PANEL = 3
TIME = timedelta(hours=72)
"""To decide in."""
REMIND_AFTER = timedelta(hours=12)
REPLACE_AFTER = timedelta(hours=24)
"""Who has said nothing by then is asked no longer, when another can be."""


class Over(StrEnum):
    """What a dispute is over: whether cash changed hands, whether a draw was handed over, or a complaint."""

    CASH = "cash"
    DRAW = "draw"
    COMPLAINT = "complaint"


class DisputeState(StrEnum):
    """A panel sits (OPEN), staff decide, or it was decided: YES, it happened; NO; or it came to nothing."""

    OPEN = "OPEN"
    STAFF = "STAFF"
    YES = "YES"
    NO = "NO"
    WITHDRAWN = "WITHDRAWN"


RUNNING = frozenset({DisputeState.OPEN, DisputeState.STAFF})


@dataclass(frozen=True, slots=True)
class Dispute:
    """One dispute; it has the id and the reference of its line in the staff's queue.

    `amount` is what it is over (minor units; 0 for a complaint), `held` what of it a hold in the books keeps. Of what
    the two sides say beside, sealed, the members of the panel alone hear. `lost_by` is its banker when they were wrong.
    """

    id: str
    circle: str
    ref: str
    over: Over
    subject: str
    amount: int
    held: int
    opened_by: str
    against: str
    state: DisputeState
    opened_at: datetime
    until: datetime
    ended_at: datetime | None = None
    lost_by: str | None = None
    opener_says: bytes | None = None
    other_says: bytes | None = None

    def other(self, person: str) -> str:
        """Return the other side."""
        return self.against if person == self.opened_by else self.opened_by


@dataclass(frozen=True, slots=True)
class Judge:
    """A member who was drawn to decide. Nobody but the panel's own member is ever shown `vote` ("" before it)."""

    dispute_id: str
    circle: str
    person_id: str
    asked_at: datetime
    vote: str = ""
    replaced: bool = False


def uninvolved(members: Iterable[Member], involved: Container[str]) -> list[str]:
    """Return who may be drawn: members who have no part in it."""
    return sorted(m.person_id for m in members if m.state is MemberState.IN and m.person_id not in involved)


def verdict(judges: Iterable[Judge]) -> bool | None:
    """Return what most of a panel of three said, as soon as that is sure."""
    votes = [judge.vote for judge in judges if not judge.replaced]
    for word, happened in (("yes", True), ("no", False)):
        if votes.count(word) > PANEL // 2:
            return happened
    return None


def is_lost(over: Over, *, happened: bool, by_banker: bool) -> bool:
    """Whether the banker was wrong: they held back a draw, did what was complained of, or said the other of cash.

    `by_banker`: the banker is who said that it was not so.
    """
    match over:
        case Over.DRAW:
            return not happened
        case Over.COMPLAINT:
            return happened
        case Over.CASH:
            return happened is by_banker
