"""How a payout leaves, on which day, and what a bank's word does to it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clearing import ISO_STATUSES, LineState, Method, Move, Verdict, choose, execution_date, move
from domain.money import Currency, Money
from domain.schedule import JAMAICA, Calendar, local_date

HEROES_DAY = date(2026, 10, 19)
CALENDAR = Calendar(frozenset({HEROES_DAY, date(2026, 12, 25), date(2026, 12, 26)}))


def jamaica(day: int, hour: int, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=JAMAICA)


@pytest.mark.parametrize(
    ("minor", "currency", "method"),
    [
        (1, Currency.JMD, Method.ACH),
        (100_000_000, Currency.JMD, Method.ACH),
        (100_000_001, Currency.JMD, Method.RTGS),
        (100, Currency.USD, Method.RTGS),
    ],
)
def test_a_million_goes_by_ach_and_a_cent_more_by_rtgs(minor: int, currency: Currency, method: Method) -> None:
    assert choose(Money(minor, currency)) is method
    assert choose(Money(minor, currency), wallet=True) is Method.LIST


@pytest.mark.parametrize(
    ("at", "method", "day"),
    [
        (jamaica(14, 11, 59), Method.ACH, date(2026, 10, 14)),
        (jamaica(14, 12), Method.ACH, date(2026, 10, 15)),
        (jamaica(14, 13, 59), Method.RTGS, date(2026, 10, 14)),
        (jamaica(14, 14), Method.RTGS, date(2026, 10, 15)),
        (jamaica(16, 15), Method.ACH, date(2026, 10, 20)),  # Friday afternoon before Heroes' Day
        (jamaica(17, 9), Method.RTGS, date(2026, 10, 20)),
        (jamaica(19, 9), Method.ACH, date(2026, 10, 20)),
        (jamaica(24, 15, month=12), Method.ACH, date(2026, 12, 28)),
        (datetime(2026, 10, 15, 2, tzinfo=UTC), Method.ACH, date(2026, 10, 15)),  # still the 14th, 21:00, in Jamaica
        (jamaica(17, 23), Method.LIST, date(2026, 10, 17)),
    ],
)
def test_a_file_executes_today_before_the_cut_off_else_on_the_next_day_banks_are_open(
    at: datetime, method: Method, day: date
) -> None:
    assert execution_date(at, method, CALENDAR) == day


@given(st.integers(0, 365 * 24 * 60), st.sampled_from([Method.ACH, Method.RTGS]))
def test_no_bank_file_executes_on_a_day_off_or_in_the_past(minutes: int, method: Method) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    day = execution_date(at, method, CALENDAR)
    assert CALENDAR.is_business_day(day)
    assert local_date(at) <= day <= local_date(at) + timedelta(days=5)


def test_a_word_moves_a_line_once_and_its_repeat_changes_nothing() -> None:
    assert move(LineState.WRITTEN, Verdict.PAID) == Move(LineState.PAID, ("disbursed",))
    assert move(LineState.PAID, Verdict.PAID) == Move(LineState.PAID)
    assert move(LineState.WRITTEN, Verdict.FAILED) == Move(LineState.FAILED, ("disburse_failed",))
    assert move(LineState.FAILED, Verdict.FAILED) == Move(LineState.FAILED)
    assert move(LineState.PAID, Verdict.RETURNED) == Move(LineState.RETURNED, ("disburse_returned",))
    assert move(LineState.RETURNED, Verdict.RETURNED) == Move(LineState.RETURNED)


def test_money_that_came_back_had_left_even_if_the_bank_never_said_so() -> None:
    assert move(LineState.WRITTEN, Verdict.RETURNED) == Move(LineState.RETURNED, ("disbursed", "disburse_returned"))
    assert move(LineState.RETURNED, Verdict.PAID) == Move(LineState.RETURNED)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (LineState.FAILED, Verdict.PAID),
        (LineState.FAILED, Verdict.RETURNED),
        (LineState.PAID, Verdict.FAILED),
        (LineState.RETURNED, Verdict.FAILED),
    ],
)
def test_a_word_against_the_last_one_is_for_people(state: LineState, verdict: Verdict) -> None:
    assert move(state, verdict) is None


@pytest.mark.parametrize("state", LineState)
@pytest.mark.parametrize("code", ["ACSP", "ACCP", "ACTC", "PDNG"])
def test_on_its_way_changes_nothing_that_counts(state: LineState, code: str) -> None:
    assert move(state, ISO_STATUSES[code]) == Move(state)
