"""How answers are read: each reader returns the value or raises Misread with what was taken and what would work."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta

from dateutil import parser as dates

from bot.conversations.flow import Misread, Talk
from bot.words.say import text
from domain.codes import normalise_code
from domain.money import Currency, Money, NotMoney, parse_money
from domain.people import read_trn, tidy_name
from domain.schedule import local_date

LONGEST_HEARD = 24
_YES = frozenset({"yes", "y", "yeah", "yea", "yes please", "ok", "okay", "i agree", "agree", "ya", "yah", "sure"})
_NO = frozenset({"no", "n", "nope", "not now", "nah", "no thanks"})


def heard(typed: str) -> str:
    """Return what was typed, short enough to say back; long runs of figures (a PIN, a TRN) are left out."""
    flat = re.sub(r"\d{4,}", "...", " ".join(typed.split()))
    return flat if len(flat) <= LONGEST_HEARD else flat[: LONGEST_HEARD - 3] + "..."


def miss(name: str, typed: str) -> Misread:
    """Say back what was taken, and give an example."""
    return Misread(text(name, heard=heard(typed)))


def read_money(typed: str, currency: Currency) -> Money:
    """Read an amount; each way of being wrong has its own line."""
    try:
        return parse_money(typed, currency)
    except NotMoney as wrong:
        raise Misread(text(f"money_{wrong.reason}", heard=heard(typed))) from wrong


def read_code(typed: str, _: Talk) -> str:
    """Read a circle's code."""
    code = normalise_code(typed)
    if code is None or "-" in code:
        raise miss("no_code", typed)
    return code


def read_ref(kind: str) -> Callable[[str, Talk], str]:
    """Return a reader of references that begin with R, P or K."""

    def read(typed: str, _: Talk) -> str:
        code = normalise_code(typed)
        if code is None or not code.startswith(f"{kind}-"):
            raise Misread(text("no_ref", heard=heard(typed), kind=kind))
        return code

    return read


def read_name(typed: str, _: Talk) -> str:
    """Read a person's name."""
    name = tidy_name(typed)
    if not name:
        raise miss("no_name", typed)
    return name


def read_yes(typed: str, _: Talk) -> bool:
    """Read a yes or a no."""
    said = typed.strip().casefold().rstrip(".!")
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise miss("no_yes", typed)


def is_yes(typed: str) -> bool:
    """Whether this is a plain yes."""
    return typed.strip().casefold().rstrip(".!") in _YES


def is_no(typed: str) -> bool:
    """Whether this is a plain no."""
    return typed.strip().casefold().rstrip(".!") in _NO


def read_one_of(name: str, spellings: Mapping[str, str]) -> Callable[[str, Talk], str]:
    """Return a reader of one of a few words, by the start of any spelling (`week` is weekly)."""

    def read(typed: str, _: Talk) -> str:
        said = " ".join(typed.casefold().split())
        if said in spellings:
            return spellings[said]
        close = {value for spelling, value in spellings.items() if len(said) > 2 and spelling.startswith(said)}
        if len(close) == 1:
            return close.pop()
        raise miss(name, typed)

    return read


def read_count(name: str, least: int, most: int) -> Callable[[str, Talk], int]:
    """Return a reader of a whole number between two bounds."""

    def read(typed: str, _: Talk) -> int:
        found = re.fullmatch(r"\s*(\d{1,3})(?:\s+[a-z]+)?\s*", typed.casefold())
        if found is None or not least <= int(found[1]) <= most:
            raise Misread(text(name, heard=heard(typed), least=least, most=most))
        return int(found[1])

    return read


def read_future_day(typed: str, talk: Talk) -> str:
    """Read a day from today to a year ahead (`8 Jan`, `Fri 8 Jan`, `2027-01-08`, `8/1/2027`), as ISO text."""
    today = local_date(talk.standing.now)
    day = _day(typed.strip(), today)
    if day is None:
        raise Misread(text("no_day", heard=heard(typed), example=today + timedelta(days=7)))
    if not today <= day <= today + timedelta(days=366):
        raise Misread(text("day_far", heard=day, example=today + timedelta(days=7)))
    return day.isoformat()


def _day(typed: str, today: date) -> date | None:
    if (soon := {"today": 0, "tomorrow": 1}.get(typed.casefold())) is not None:
        return today + timedelta(days=soon)
    if not re.search(r"\d|day|mon|tue|wed|thu|fri|sat|sun", typed.casefold()):
        return None
    plain = re.sub(r"(?i)\b(next|on|this)\b", " ", typed)
    iso = re.fullmatch(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*", plain)
    try:
        if iso:
            return date(*(int(part) for part in iso.groups()))
        midnight = dates.parse(plain, dayfirst=True, default=_midnight(today), ignoretz=True)
    except (ValueError, OverflowError):
        return None
    found = midnight.date()
    if found < today and not re.search(r"\d{4}", plain):
        found = _next_year(found)
    return found


def _midnight(day: date) -> datetime:
    """Give dateutil the day it fills gaps from."""
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a calendar day, no instant


def _next_year(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)


def read_trn_number(typed: str, _: Talk) -> str:
    """Read the nine digits of a TRN. What was typed is never said back."""
    trn = read_trn(typed)
    if not trn:
        raise Misread(text("no_trn"))
    return trn


def split_parts(rest: str) -> list[str]:
    """Split a line at `;`, without empty ends."""
    return [part.strip() for part in rest.split(";")]


def take_code(tokens: Iterable[str]) -> tuple[str | None, list[str]]:
    """Take the first circle code out of tokens."""
    left = list(tokens)
    for i, token in enumerate(left):
        code = normalise_code(token)
        if code and "-" not in code:
            return code, left[:i] + left[i + 1 :]
    return None, left
