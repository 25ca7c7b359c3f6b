"""What changes only with the yes of others: how a vote is counted, and which terms a round has (rules 4, 14)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.money import Currency
from domain.pardna import Circle, CircleState, Hand, OrderBy
from domain.proposals import (
    Ballot,
    Proposal,
    ProposalKind,
    ProposalState,
    Tally,
    as_of,
    difference,
    tally,
    with_change,
)
from domain.schedule import Frequency
from domain.terms import FeeKind

AT = datetime(2026, 11, 24, 15, tzinfo=UTC)
CIRCLE = Circle(
    "K7QX2M", "Sunday Club", "marva", None, CircleState.ACTIVE, Currency.JMD, 500_000, Frequency.WEEKLY, 5,
    date(2026, 11, 27), OrderBy.JOIN, 50_000, 3, "", AT,
)  # fmt: skip


def said(person: str, *, yes: bool) -> Ballot:
    return Ballot("V-7K2M", CIRCLE.code, person, yes=yes, cast_at=AT)


def made(change: str, from_round: int, days: int) -> Proposal:
    kind, state = ProposalKind.TERMS, ProposalState.DONE
    at = AT + timedelta(days=days)
    return Proposal(f"V-{days}", CIRCLE.code, kind, "marva", None, change, state, AT, at, at, from_round)


def test_a_vote_weighs_hands_and_silence_is_no() -> None:
    hands = [Hand(CIRCLE.code, n, who, n) for n, who in enumerate("aabcd", start=1)]
    assert tally(hands, [said("a", yes=True), said("b", yes=False), said("x", yes=True)]) == Tally(4, 2, 10)


@pytest.mark.parametrize(
    ("yes", "no", "whole", "passes", "fails"),
    [(6, 0, 8, True, False), (5, 2, 8, False, False), (5, 3, 8, False, True), (7, 0, 10, False, False),
     (8, 2, 10, True, False), (0, 0, 2, False, False), (6, 2, 8, True, False)],
)  # fmt: skip
def test_three_quarters_of_all_hands_pass_it(yes: int, no: int, whole: int, *, passes: bool, fails: bool) -> None:
    stands = Tally(yes, no, whole)
    assert (stands.passes, stands.fails) == (passes, fails)


def test_each_round_keeps_the_terms_under_which_it_opened() -> None:
    second = replace(CIRCLE, fee=0, fee_kind=FeeKind.PERCENT, fee_share=200)
    third = replace(second, grace_days=4, cover=True)
    changes = [made(difference(second, third), 5, 9), made(difference(CIRCLE, second), 3, 2)]
    assert [as_of(third, changes, n) for n in (1, 2, 3, 4, 5)] == [CIRCLE, CIRCLE, second, second, third]
    assert with_change(CIRCLE, difference(CIRCLE, third)) == third


def test_what_was_not_agreed_changes_no_round() -> None:
    other = replace(made(difference(CIRCLE, replace(CIRCLE, fee=0)), 3, 2), state=ProposalState.LAPSED)
    assert as_of(CIRCLE, [other], 1) == CIRCLE
