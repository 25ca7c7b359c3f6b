"""Days as people write them, day first: `tomorrow`, `next Friday`, `25/12`, `Dec 25th`, `the 8th`, `month end`.

Never guesses: what may be two days is returned as two.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from dateutil import parser as dates
from rapidfuzz.distance import OSA

from bot.conversations.numbers import in_figures
from bot.conversations.phrases import DAY_NAMES, DAYS, squeezed

LONGEST_DAY = 40
"""`Wednesday the 23rd of September 2027` is a day; a page of text is none, and need not be looked through."""
SHORTEST_MISSPELLED = 6
"""Letters: `frday` is Friday, `mony` is nothing."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
MOST_AHEAD = 400
"""Days or weeks: more is too far to be reckoned with."""
Days = tuple[date, ...]
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?")
_PART = re.compile(rf"\d{{1,4}}|\d{{1,2}}th|{_DATE.pattern}")
"""What a day written out is made of, beside names: no hour, and nothing else that a parser may make a day of."""
_TOGETHER = re.compile(r"(?<=\d)(?!st\b|nd\b|rd\b|th\b)(?=[a-z])|(?<=[a-z]{3})(?=\d)")
"""Where a figure and a name were written together (`25Dec`)."""
_WEEKDAY = rf"(?P<day>{'|'.join(WEEKDAYS)})"


def read_days(typed: str, today: date) -> Days:
    """Return the day meant, the two it may be, or none."""
    if (
        typed.casefold() == "one day"
        or len(typed) > LONGEST_DAY
        or not typed.isprintable()
        or typed.strip().isdecimal()
    ):
        return ()
    plain = _plain(typed)
    for form, reckon in _FORMS:
        if found := re.fullmatch(form, plain):
            return reckon(found, today)
    return _written(plain, today)


def _plain(typed: str) -> str:
    """Return a day in plain words: each name in full, small words left out."""
    words = [w.strip(".,!?") for w in squeezed(in_figures(typed)).replace("'", "").split()]
    apart = [part for w in words for part in ([w] if w in DAYS else _TOGETHER.sub(" ", w).split())]
    named = [_ORDINAL.sub(r"\1th", w) if _ORDINAL.fullmatch(w) else _name(w) for w in apart]
    return " ".join(w for w in named if w)


def _name(word: str) -> str:
    if word in DAYS or word in DAY_NAMES:
        return DAYS.get(word, word)
    if len(word) < SHORTEST_MISSPELLED or not word.isalpha():
        return word
    close = [
        name
        for name in DAY_NAMES
        if len(name) > SHORTEST_MISSPELLED - 2 and OSA.distance(word, name, score_cutoff=1) == 1
    ]
    return close[0] if len(close) == 1 else word


def _coming(weekday: str, today: date) -> date:
    return today + timedelta(days=(WEEKDAYS.index(weekday) - today.weekday()) % 7)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _next(found: re.Match[str], today: date) -> Days:
    """`next Friday`: of next week for certain if this week's is over or is today; else it may be either."""
    coming = _coming(found["day"], today)
    of_next_week = _monday(today) + timedelta(days=7 + WEEKDAYS.index(found["day"]))
    return (of_next_week,) if coming in {today, of_next_week} else (coming, of_next_week)


def _of_next_week(found: re.Match[str], today: date) -> Days:
    return (_monday(today) + timedelta(days=7 + WEEKDAYS.index(found["day"])),)


def _week_after(found: re.Match[str], today: date) -> Days:
    return (_coming(found["day"] or found["same"], today) + timedelta(days=7),)


def _ahead(found: re.Match[str], today: date) -> Days:
    many = int(found["many"]) * (7 if found["unit"] == "week" else 1)
    return (today + timedelta(days=many),) if many <= MOST_AHEAD else ()


def _yearly(month: int, day: int, today: date) -> Days:
    """Return the next day of that date."""
    this_year = date(today.year, month, day)
    return (this_year if this_year >= today else _next_year(this_year),)


def _last_of(month: str, today: date) -> Days:
    first = _yearly(MONTHS.index(month) + 1, 28, today)[0].replace(day=1)
    return _month_end(None, first)


def _month_end(_: re.Match[str] | None, today: date) -> Days:
    return ((today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1),)


def _of_month(found: re.Match[str], today: date) -> Days:
    """`the 8th`: the next day of that number."""
    for months in range(3):
        year, month = divmod(today.month - 1 + months, 12)
        try:
            day = date(today.year + year, month + 1, int(found["number"]))
        except ValueError:
            continue
        if day >= today:
            return (day,)
    return ()


_FORMS: list[tuple[str, Callable[[re.Match[str], date], Days]]] = [
    (r"today", lambda _, today: (today,)),
    (r"tomorrow", lambda _, today: (today + timedelta(days=1),)),
    (r"day after tomorrow", lambda _, today: (today + timedelta(days=2),)),
    (r"next week|week( from)? today", lambda _, today: (today + timedelta(days=7),)),
    (rf"next {_WEEKDAY}", _next),
    (rf"next week {_WEEKDAY}", _of_next_week),
    (rf"{_WEEKDAY} next week", _of_next_week),
    (_WEEKDAY, lambda found, today: (_coming(found["day"], today),)),
    (rf"(week from {_WEEKDAY}|{_WEEKDAY.replace('<day>', '<same>')} week)", _week_after),
    (r"(?P<many>\d{1,3}) (?P<unit>day|week)( from (today|now))?", _ahead),
    (r"fortnight( from (today|now))?", lambda _, today: (today + timedelta(days=14),)),
    (rf"(last day|end) (?P<month>{'|'.join(MONTHS)})", lambda found, today: _last_of(found["month"], today)),
    (r"christmas( day)?", lambda _, today: _yearly(12, 25, today)),
    (r"christmas eve", lambda _, today: _yearly(12, 24, today)),
    (r"boxing day", lambda _, today: _yearly(12, 26, today)),
    (r"new years?( day)?", lambda _, today: _yearly(1, 1, today)),
    (r"new years? eve", lambda _, today: _yearly(12, 31, today)),
    (r"month end|end month|last day month", _month_end),
    (r"(?P<number>\d{1,2})th", _of_month),
]


def _written(plain: str, today: date) -> Days:
    """Read a day written out: `25 december`, `fri 4 dec 2026`, `8/1/2027`, `2027-01-08`."""
    words = plain.split()
    dated = any(w in MONTHS or _DATE.fullmatch(w) for w in words)
    if not dated or not all(w in DAY_NAMES or _PART.fullmatch(w) for w in words):
        return ()
    iso = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", plain)
    try:
        if iso:
            return (date(*(int(part) for part in iso.groups())),)
        found = dates.parse(plain, dayfirst=True, default=_midnight(today), ignoretz=True).date()
    except (ValueError, OverflowError):
        return ()
    if found < today and not re.search(r"\d{4}|\d[-/.]\d{1,2}[-/.]\d", plain):
        found = _next_year(found)
    named = next((w for w in words if w in WEEKDAYS), "")
    return (found,) if not named or WEEKDAYS[found.weekday()] == named else (found, _coming(named, today))


def _midnight(day: date) -> datetime:
    """Give dateutil the day it fills gaps from."""
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a calendar day, no instant


def _next_year(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)
