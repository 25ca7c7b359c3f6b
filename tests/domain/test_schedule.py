"""The dates of a circle on Jamaica's calendar and clock (rules.md 16-20, 55)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.schedule import (
    JAMAICA,
    Calendar,
    Frequency,
    RoundDates,
    cut_off,
    due_on,
    grace_ends,
    is_quiet,
    local,
    local_date,
    nominal_due,
    out_of_quiet,
    pay_on,
    period_days,
    round_dates,
)

WEEKLY, FORTNIGHTLY, MONTHLY = Frequency.WEEKLY, Frequency.FORTNIGHTLY, Frequency.MONTHLY
HOLIDAYS = frozenset(holidays.country_holidays("JM", years=range(2026, 2029)))
JM = Calendar(HOLIDAYS)
NO_HOLIDAYS = Calendar(frozenset())
firsts = st.dates(date(2024, 1, 1), date(2060, 12, 31))
instants = st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def days(text: str) -> list[date]:
    return [date.fromisoformat(day) for day in text.split()]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("2027-01-31", "2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31 2027-06-30"),
        ("2028-01-31", "2028-01-31 2028-02-29 2028-03-31 2028-04-30"),
        ("2027-01-30", "2027-01-30 2027-02-28 2027-03-30 2027-04-30"),
        ("2028-01-30", "2028-01-30 2028-02-29 2028-03-30"),
        ("2027-01-29", "2027-01-29 2027-02-28 2027-03-29"),
        ("2028-01-29", "2028-01-29 2028-02-29 2028-03-29"),
        ("2026-10-31", "2026-10-31 2026-11-30 2026-12-31 2027-01-31 2027-02-28 2027-03-31"),
    ],
)
def test_months_are_clamped_from_the_anchor_and_never_chained(first: str, expected: str) -> None:
    """Rule 17: after 28 February comes 31 March again."""
    got = [nominal_due(date.fromisoformat(first), MONTHLY, n + 1) for n in range(len(expected.split()))]
    assert got == days(expected)


def test_a_leap_day_is_kept_every_fourth_year() -> None:
    leap = date(2028, 2, 29)
    assert nominal_due(leap, MONTHLY, 13) == date(2029, 2, 28)
    assert nominal_due(leap, MONTHLY, 49) == date(2032, 2, 29)


def test_a_fortnightly_year_keeps_its_friday() -> None:
    """Rules 17, 18: twenty-six Fridays, of which only those on a holiday move."""
    first = date(2027, 1, 1)
    nominal = [nominal_due(first, FORTNIGHTLY, n) for n in range(1, 27)]
    assert nominal == [first + timedelta(days=14 * n) for n in range(26)]
    moved = {n: due for n in range(1, 27) if (due := due_on(first, FORTNIGHTLY, n, JM)) != nominal[n - 1]}
    assert moved == {
        1: date(2027, 1, 4),
        7: date(2027, 3, 30),
    }  # New Year, and Good Friday over Easter Monday


@pytest.mark.parametrize("holiday", sorted(HOLIDAYS))
def test_a_due_date_on_a_holiday_moves_and_the_next_does_not_drift(holiday: date) -> None:
    """Rule 18, for each Jamaican holiday of 2026 to 2028."""
    due = due_on(holiday, WEEKLY, 1, JM)
    assert due > holiday
    assert JM.is_business_day(due)
    assert not any(JM.is_business_day(holiday + timedelta(days=n)) for n in range((due - holiday).days))
    following = holiday + timedelta(days=7)
    assert nominal_due(holiday, WEEKLY, 2) == following
    assert due_on(holiday, WEEKLY, 2, JM) == JM.next_business_day(following)


@pytest.mark.parametrize(
    ("nominal", "due"),
    [
        ("2026-01-01", "2026-01-02"),  # New Year, a Thursday
        ("2026-02-18", "2026-02-19"),  # Ash Wednesday
        ("2026-04-03", "2026-04-07"),  # Good Friday, over Easter Monday
        ("2026-08-06", "2026-08-07"),  # Independence Day
        ("2026-10-19", "2026-10-20"),  # Heroes' Day
        ("2026-12-25", "2026-12-28"),  # Christmas Friday, Boxing Day on Saturday
        ("2027-03-26", "2027-03-30"),  # Good Friday, over Easter Monday
        ("2027-01-16", "2027-01-18"),  # an ordinary Saturday
        ("2027-01-17", "2027-01-18"),  # an ordinary Sunday
        ("2027-01-15", "2027-01-15"),  # an ordinary Friday
    ],
)
def test_known_days_when_banks_are_shut(nominal: str, due: str) -> None:
    assert due_on(date.fromisoformat(nominal), WEEKLY, 1, JM) == date.fromisoformat(due)


def test_next_business_day_is_the_day_itself_when_open_and_after_is_always_later() -> None:
    friday = date(2027, 1, 15)
    assert NO_HOLIDAYS.next_business_day(friday) == friday
    assert NO_HOLIDAYS.business_day_after(friday) == date(2027, 1, 18)


@pytest.mark.parametrize(
    ("due", "grace", "until", "pays"),
    [
        ("2027-01-15", 3, "2027-01-18", "2027-01-19"),  # the samples of the copy: Friday, Monday, Tuesday
        ("2027-01-15", 0, "2027-01-15", "2027-01-18"),
        ("2027-01-12", 3, "2027-01-15", "2027-01-18"),
        ("2026-03-31", 3, "2026-04-03", "2026-04-07"),  # grace ends on Good Friday: calendar days
    ],
)
def test_grace_is_calendar_days_and_the_payout_is_the_business_day_after(
    due: str, grace: int, until: str, pays: str
) -> None:
    """Rule 19."""
    assert grace_ends(date.fromisoformat(due), grace) == date.fromisoformat(until)
    assert pay_on(date.fromisoformat(due), grace, JM) == date.fromisoformat(pays)


def test_the_dates_of_a_round() -> None:
    """Rules 16-20; Jamaica is five hours behind UTC all year."""
    assert round_dates(date(2027, 1, 8), WEEKLY, 2, 3, JM) == RoundDates(
        due=date(2027, 1, 15),
        cut_off=datetime(2027, 1, 16, 5, tzinfo=UTC),
        grace_until=date(2027, 1, 18),
        closes_at=datetime(2027, 1, 19, 5, tzinfo=UTC),
        pays_on=date(2027, 1, 19),
    )


@pytest.mark.parametrize(("frequency", "grace"), [(WEEKLY, 7), (FORTNIGHTLY, 14), (MONTHLY, 28), (WEEKLY, -1)])
def test_grace_must_be_shorter_than_the_period(frequency: Frequency, grace: int) -> None:
    """Rule 19."""
    with pytest.raises(ValueError, match="grace"):
        round_dates(date(2027, 1, 8), frequency, 1, grace, JM)
    longest = period_days(frequency) - 1
    assert round_dates(date(2027, 1, 8), frequency, 1, longest, JM).grace_until == date(2027, 1, 8) + timedelta(
        days=longest
    )


@pytest.mark.parametrize("frequency", Frequency)
@pytest.mark.parametrize("n", [0, -1])
def test_rounds_count_from_one(frequency: Frequency, n: int) -> None:
    with pytest.raises(ValueError, match="count from 1"):
        nominal_due(date(2027, 1, 8), frequency, n)


def test_the_minute_before_midnight_is_in_time_and_midnight_is_late() -> None:
    """Rule 16: 23:59 counts to its last microsecond."""
    limit = cut_off(date(2027, 1, 15))
    assert datetime(2027, 1, 15, 23, 59, 59, 999_999, tzinfo=JAMAICA) < limit
    assert datetime(2027, 1, 16, tzinfo=JAMAICA) == limit
    assert limit.tzinfo is UTC


def test_the_day_is_jamaicas_wherever_the_clock_stands() -> None:
    assert local_date(datetime(2027, 1, 16, 4, 59, tzinfo=UTC)) == date(2027, 1, 15)
    assert local_date(datetime(2027, 1, 16, 5, tzinfo=UTC)) == date(2027, 1, 16)
    assert local(datetime(2027, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))).hour == 5


@pytest.mark.parametrize("ask", [local, local_date, is_quiet, out_of_quiet])
def test_a_time_without_zone_is_refused(ask: Callable[[datetime], object]) -> None:
    with pytest.raises(ValueError, match="zone"):
        ask(datetime(2027, 1, 16, 5))  # noqa: DTZ001 - the naive time is the point


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2027-01-15T19:59:59-05:00", None),
        ("2027-01-15T20:00:00-05:00", "2027-01-16T08:00:00-05:00"),
        ("2027-01-15T23:59:59-05:00", "2027-01-16T08:00:00-05:00"),
        ("2027-01-16T00:00:00-05:00", "2027-01-16T08:00:00-05:00"),
        ("2027-01-16T07:59:59-05:00", "2027-01-16T08:00:00-05:00"),
        ("2027-01-16T08:00:00-05:00", None),
        ("2027-01-16T01:00:00+00:00", "2027-01-16T13:00:00+00:00"),
    ],
)
def test_nobody_is_written_to_between_eight_and_eight(at: str, until: str | None) -> None:
    """Rule 55."""
    instant = datetime.fromisoformat(at)
    assert is_quiet(instant) == (until is not None)
    assert out_of_quiet(instant) == datetime.fromisoformat(until or at)


@given(instants)
def test_out_of_quiet_waits_at_most_twelve_hours_and_only_once(at: datetime) -> None:
    later = out_of_quiet(at)
    assert timedelta(0) <= later - at <= timedelta(hours=12)
    assert not is_quiet(later)
    assert out_of_quiet(later) == later


@given(firsts, st.sampled_from(Frequency), st.integers(1, 120))
def test_rounds_follow_each_other_and_keep_to_the_anchor(first: date, frequency: Frequency, n: int) -> None:
    """Rules 17, 18: never less than a period apart, moved a few days at most, always on a business day."""
    here, following = nominal_due(first, frequency, n), nominal_due(first, frequency, n + 1)
    assert following - here >= timedelta(days=period_days(frequency))
    if frequency is MONTHLY:
        assert following.day == first.day or (following.day < first.day and (following + timedelta(days=1)).day == 1)
    due = due_on(first, frequency, n, JM)
    assert JM.is_business_day(due)
    assert timedelta(0) <= due - here <= timedelta(days=5)
    assert due < due_on(first, frequency, n + 1, JM)
