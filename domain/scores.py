"""Scores: what somebody did in pardnas as a figure that can be worked out by hand (rules.md 56).

A pure function of what they did; docs/decisions/scores.md is the same in words, with worked figures. A score informs
people. Nothing is ever refused because of one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Deed(StrEnum):
    """Something that counts, of a member's throws or of what a banker did."""

    CLEAN = "clean"
    LATE = "late"
    MISSED = "missed"
    OWED = "owed"
    """Missed, and still not thrown."""
    ON_TIME = "on_time"
    """A draw whose payout was begun within a day of the time it could be."""
    SLOW = "slow"
    LOST = "lost"
    """A dispute that was decided against the banker."""
    COVER = "cover"
    """A pot that the banker made whole out of their own money."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What one deed is worth. A bad one fades: it counts no more after so many good ones since (0: it never does)."""

    points: int
    fades_after: int = 0
    most: int = 0
    """What all deeds of this kind are worth at most."""


WEIGHTS: Mapping[Deed, Weight] = {
    Deed.CLEAN: Weight(1, most=40),
    Deed.LATE: Weight(-5, fades_after=12),
    Deed.MISSED: Weight(-10, fades_after=24),
    Deed.OWED: Weight(-20),
    Deed.ON_TIME: Weight(2, most=40),
    Deed.SLOW: Weight(-5, fades_after=12),
    Deed.LOST: Weight(-15, fades_after=24),
    Deed.COVER: Weight(5, most=20),
}
THROWS = frozenset({Deed.CLEAN, Deed.LATE, Deed.MISSED, Deed.OWED})
"""A member's; the others are a banker's."""
PAYOUTS = frozenset({Deed.ON_TIME, Deed.SLOW})
GOOD = frozenset({Deed.CLEAN, Deed.ON_TIME})
"""What lets a mark fade."""
START, LEAST, MOST = 60, 0, 100
ENOUGH = 3
"""With fewer throws, or payouts of a banker, somebody is new to us: that is no low score."""
STRONG_FROM, STEADY_FROM = 80, 60


class Tier(StrEnum):
    """What others may know of a score."""

    STRONG = "strong"
    STEADY = "steady"
    BUILDING = "building"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Done:
    """One deed of one person."""

    what: Deed
    at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a score: so many deeds, what they are worth, and after how many good ones the next mark fades."""

    what: Deed
    count: int
    points: int
    fades_in: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """A figure from 0 to 100, and the lines it adds up from (START and theirs, kept within the two ends).

    `missing`: how many more throws or payouts there have to be before it is a score at all.
    """

    points: int
    parts: tuple[Part, ...]
    missing: int = 0

    @property
    def tier(self) -> Tier:
        """What others may know of it."""
        if self.missing:
            return Tier.NEW
        if self.points >= STRONG_FROM:
            return Tier.STRONG
        return Tier.STEADY if self.points >= STEADY_FROM else Tier.BUILDING


def of_member(deeds: Iterable[Done]) -> Score:
    """Return the score of somebody's throws."""
    return _score([d for d in deeds if d.what in THROWS], THROWS)


def of_banker(deeds: Iterable[Done]) -> Score:
    """Return the score of what somebody did as a banker."""
    return _score([d for d in deeds if d.what not in THROWS], PAYOUTS)


def _score(deeds: list[Done], counted: frozenset[Deed]) -> Score:
    deeds.sort(key=lambda d: d.at)
    parts = []
    for what, weight in WEIGHTS.items():
        left = [fades for d in deeds if d.what is what and (fades := _fades_in(d, deeds)) is not None]
        if left:
            worth = weight.points * len(left)
            parts.append(Part(what, len(left), min(worth, weight.most or worth), min(left)))
    points = min(max(START + sum(part.points for part in parts), LEAST), MOST)
    return Score(points, tuple(parts), max(ENOUGH - sum(d.what in counted for d in deeds), 0))


def _fades_in(deed: Done, deeds: Iterable[Done]) -> int | None:
    """Return how many good deeds more let a mark fade (0: it does not fade); None once it has."""
    after = WEIGHTS[deed.what].fades_after
    if not after:
        return 0
    left = after - sum(d.what in GOOD and d.at > deed.at for d in deeds)
    return left if left > 0 else None


@dataclass(frozen=True, slots=True)
class Mark:
    """How a member's throw of one round was: clean or late at its cut-off, missed when grace was over (21).

    The member's, not the hand's: who takes a hand over takes no mark with it (43).
    """

    circle: str
    round: int
    person_id: str
    what: Deed
    at: datetime
