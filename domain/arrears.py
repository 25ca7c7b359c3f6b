"""Throws that were missed: how far a member is from default, and what was waived (rules.md 29, 40)."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise

from domain.pardna import Due
from domain.schedule import Frequency, nominal_due

IN_A_ROW = 2
IN_ALL = 3
"""rules.md 40."""


class Keeping(StrEnum):
    """How a member keeps up (40): by what is missed today, so that who makes it good is well again."""

    WELL = "WELL"
    AT_RISK = "AT_RISK"
    DEFAULTED = "DEFAULTED"


def missed_rounds(dues: Iterable[Due], over: Container[int], drawn_in: Container[int] = ()) -> list[int]:
    """Return the rounds that a member misses, each once however many of their hands it is (40).

    `dues` are the member's own, `over` the rounds whose grace has ended, `drawn_in` those in which the member draws:
    the throw for one's own draw comes off it and is never missed.
    """
    return sorted({d.round for d in dues if d.left and d.round in over and d.round not in drawn_in})


def keeping(missed: Iterable[int]) -> Keeping:
    """Say how a member keeps up: AT_RISK at one miss, DEFAULTED at two rounds in a row or three in all (40)."""
    rounds = sorted(set(missed))
    in_a_row = any(later - earlier == 1 for earlier, later in pairwise(rounds))
    if len(rounds) >= IN_ALL or in_a_row:
        return Keeping.DEFAULTED
    return Keeping.AT_RISK if rounds else Keeping.WELL


@dataclass(frozen=True, slots=True)
class Waiver:
    """What the banker let go, for all to see (29): a `throw`, or the `late` fees of a round."""

    id: str
    circle: str
    person_id: str
    kind: str
    round: int
    amount: int
    reason: str
    waived_by: str
    waived_at: datetime


class PlanState(StrEnum):
    """A plan is proposed by the member, agreed or refused by the banker, and kept to its end or fallen behind."""

    PROPOSED = "PROPOSED"
    AGREED = "AGREED"
    REFUSED = "REFUSED"
    KEPT = "KEPT"
    BEHIND = "BEHIND"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a member pays in parts what they missed up to the round `upto`: `amount` of `owed`, from `first_on` (42)."""

    circle: str
    person_id: str
    amount: int
    every: Frequency
    owed: int
    upto: int
    first_on: date
    state: PlanState
    asked_at: datetime

    def day(self, number: int) -> date:
        """Return the day of a part, from 1."""
        return nominal_due(self.first_on, self.every, number)

    def left_after(self, number: int) -> int:
        """Return what is left of it when so many parts are paid."""
        return max(self.owed - self.amount * number, 0)
