"""The dates of a circle: due, grace, payout and quiet hours, on Jamaica's clock (rules.md 16-20, 55).

Every date is computed from the first one and never from the one before it, so that nothing drifts. Holidays
come in as data and the time comes in as an argument; this module never asks for either.
"""

import calendar as months
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

JAMAICA = ZoneInfo("America/Jamaica")
QUIET_FROM = time(20)
QUIET_UNTIL = time(8)
_SATURDAY = 5
_MONTHS_A_YEAR = 12


class Frequency(StrEnum):
    """How often a hand is thrown (rules.md 5)."""

    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The business days of Jamaica: Monday to Friday without the `holidays` given."""

    holidays: frozenset[date]

    def is_business_day(self, day: date) -> bool:
        """Whether banks are open on `day`."""
        return day.weekday() < _SATURDAY and day not in self.holidays

    def next_business_day(self, day: date) -> date:
        """`day` itself when it is a business day, else the first one after it."""
        while not self.is_business_day(day):
            day += timedelta(days=1)
        return day

    def business_day_after(self, day: date) -> date:
        """The first business day later than `day`."""
        return self.next_business_day(day + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class RoundDates:
    """The dates of one round; the two instants are aware, in UTC, and exclusive (see `cut_off`)."""

    due: date
    cut_off: datetime
    grace_until: date
    closes_at: datetime
    pays_on: date


def period_days(frequency: Frequency) -> int:
    """Days in the shortest period of a frequency; grace must be fewer (rules.md 19)."""
    match frequency:
        case Frequency.WEEKLY:
            return 7
        case Frequency.FORTNIGHTLY:
            return 14
        case Frequency.MONTHLY:
            return 28


def nominal_due(first: date, frequency: Frequency, n: int) -> date:
    """Due date of round `n` (from 1) before weekends and holidays are looked at (rules.md 17).

    A month that is too short gives its last day: 31 Jan, 28 Feb, 31 Mar. Raises ValueError if `n` is below 1.
    """
    if n < 1:
        raise ValueError(f"rounds count from 1, not {n}")
    match frequency:
        case Frequency.WEEKLY | Frequency.FORTNIGHTLY:
            return first + timedelta(days=period_days(frequency) * (n - 1))
        case Frequency.MONTHLY:
            return _months_later(first, n - 1)


def _months_later(anchor: date, count: int) -> date:
    years, month = divmod(anchor.month - 1 + count, _MONTHS_A_YEAR)
    year, month = anchor.year + years, month + 1
    last_day = months.monthrange(year, month)[1]
    return date(year, month, min(anchor.day, last_day))


def due_on(first: date, frequency: Frequency, n: int, calendar: Calendar) -> date:
    """Due date of round `n`: the nominal one, or the next business day when banks are shut (rules.md 18)."""
    return calendar.next_business_day(nominal_due(first, frequency, n))


def cut_off(day: date) -> datetime:
    """The first instant that is too late for `day`, in UTC: the minute 23:59 counts whole (rules.md 16).

    It is the next local midnight and exclusive: what came in is in time when `received_at < cut_off(day)`.
    """
    return _instant(day + timedelta(days=1), time())


def grace_ends(due: date, grace_days: int) -> date:
    """The last day on which a late throw still counts, in calendar days (rules.md 19)."""
    return due + timedelta(days=grace_days)


def pay_on(due: date, grace_days: int, calendar: Calendar) -> date:
    """The payout date: the business day after grace ends (rules.md 19)."""
    return calendar.business_day_after(grace_ends(due, grace_days))


def round_dates(first: date, frequency: Frequency, n: int, grace_days: int, calendar: Calendar) -> RoundDates:
    """All dates of round `n`; round `n + 1` opens at this one's `cut_off` (rules.md 20).

    Raises ValueError for a round below 1 or a grace that is not shorter than the period.
    """
    if not 0 <= grace_days < period_days(frequency):
        raise ValueError(f"grace of {grace_days} days does not fit a {frequency} circle")
    due = due_on(first, frequency, n, calendar)
    grace_until = grace_ends(due, grace_days)
    return RoundDates(
        due=due,
        cut_off=cut_off(due),
        grace_until=grace_until,
        closes_at=cut_off(grace_until),
        pays_on=pay_on(due, grace_days, calendar),
    )


def local(at: datetime) -> datetime:
    """The instant on Jamaica's clock. Raises ValueError for a naive one: it would mean the server's."""
    if at.tzinfo is None:
        raise ValueError("a time needs its zone")
    return at.astimezone(JAMAICA)


def local_date(at: datetime) -> date:
    """The day it is in Jamaica at that instant."""
    return local(at).date()


def is_quiet(at: datetime) -> bool:
    """Whether nobody is written to unasked: from 20:00 until before 08:00 local (rules.md 55)."""
    return not QUIET_UNTIL <= local(at).time() < QUIET_FROM


def out_of_quiet(at: datetime) -> datetime:
    """The same instant outside quiet hours, else the next 08:00 local, in UTC."""
    if not is_quiet(at):
        return at
    here = local(at)
    morning = here.date() + timedelta(days=1 if here.time() >= QUIET_FROM else 0)
    return _instant(morning, QUIET_UNTIL)


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, JAMAICA).astimezone(UTC)
