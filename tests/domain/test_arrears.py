"""How far a member is from default (rules.md 21, 40), and what stands in for a missed throw (36)."""

from typing import Any

import pytest

from domain.arrears import Keeping, keeping, missed_rounds
from domain.pardna import Due, RoundState, ThrowState


def due(number: int, hand: int = 1, **parts: Any) -> Due:
    return Due("K7QX2M", number, hand, 500_000, **parts)


@pytest.mark.parametrize(
    ("missed", "found"),
    [
        ([], Keeping.WELL),
        ([2], Keeping.AT_RISK),
        ([1, 3], Keeping.AT_RISK),
        ([2, 3], Keeping.DEFAULTED),
        ([1, 3, 5], Keeping.DEFAULTED),
        ([5, 4], Keeping.DEFAULTED),
    ],
)
def test_two_rounds_in_a_row_or_three_in_all_are_a_default(missed: list[int], found: Keeping) -> None:
    """rule 40"""
    assert keeping(missed) is found


def test_several_hands_missed_in_one_round_are_one_miss() -> None:
    """rule 40; a waived throw is none, a covered one is, and the own draw's never is (21)."""
    dues = [due(1, 1), due(1, 2), due(2, paid=500_000), due(3, waived=500_000), due(4), due(5, reserve=500_000), due(6)]
    assert missed_rounds(dues, over={1, 2, 3, 4, 5}, drawn_in={4}) == [1, 5]


@pytest.mark.parametrize(
    ("parts", "state", "bare", "too_much"),
    [
        ({}, ThrowState.MISSED, 500_000, 0),
        ({"reserve": 200_000}, ThrowState.COVERED, 300_000, 0),
        ({"reserve": 200_000, "cover": 300_000}, ThrowState.COVERED, 0, 0),
        ({"reserve": 500_000, "paid": 200_000}, ThrowState.COVERED, 0, 200_000),
        ({"reserve": 100_000, "paid": 500_000}, ThrowState.PAID, 0, 100_000),
        ({"waived": 500_000}, ThrowState.WAIVED, 500_000, 0),
        ({"waived": 300_000, "paid": 200_000}, ThrowState.WAIVED, 300_000, 0),
    ],
)
def test_what_stands_in_for_a_throw_is_owed_all_the_same(
    parts: dict[str, int], state: ThrowState, bare: int, too_much: int
) -> None:
    """rules 21, 29, 36"""
    one = due(1, **parts)
    assert (one.state(RoundState.PAID), one.bare, one.too_much) == (state, bare, too_much)
