"""How answers are read: each reader returns the value or raises Misread with what was taken and what would work."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from bot.conversations.days import read_days
from bot.conversations.flow import Misread, Talk
from bot.conversations.numbers import in_figures
from bot.conversations.phrases import ADDRESSED, BEFORE, LOOSE_YES, PLAIN_NO, PLAIN_YES, squeezed
from bot.words.say import text
from domain.codes import normalise_code
from domain.money import Currency, Money, NotMoney, parse_money
from domain.people import read_trn, tidy_name
from domain.schedule import local_date

LONGEST_HEARD = 24
SHORTEST_START = 3
"""Letters of a word that are enough to know it by (`fort`, `mon`)."""
LEAST_BARE = 10
"""A bare number below it is a slip for a choice, never an amount."""
_FIGURES = re.compile(r"\d(?:[\s.\-/]*\d){3,}")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?")
_YES = PLAIN_YES | LOOSE_YES | {"consent yes"}
_NO = PLAIN_NO | {"consent no"}
_DOUBLED = re.compile(r"(\w)\1")
_WRITTEN = {_DOUBLED.sub(r"\1", said): said for said in (*_YES, *_NO)}
"""Each answer by its spelling without double letters: `yess`, `naa`."""
_SHADES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")
"""The shade of a thumb, and whether it is drawn in colour."""


def heard(typed: str) -> str:
    """Return what was typed, short enough to say back; four figures or more (a PIN, a TRN) are left out."""
    flat = " ".join(typed.split())
    if not _DATE.fullmatch(flat):
        flat = _FIGURES.sub("...", flat)
    return flat if len(flat) <= LONGEST_HEARD else flat[: LONGEST_HEARD - 3] + "..."


def is_secret(typed: str) -> bool:
    """Whether there are so many figures in it that it may be a TRN, a PIN or an account."""
    return _FIGURES.search(typed) is not None


def miss(name: str, typed: str) -> Misread:
    """Say back what was taken, and give an example."""
    return Misread(text(name, heard=heard(typed)))


def read_any_money(typed: str, currency: Currency) -> Money:
    """Read an amount, in this currency unless it names one; each way of being wrong has its own line."""
    figures = in_figures(typed)
    if figures.isdecimal() and 0 < int(figures[:3]) < LEAST_BARE:
        raise miss("no_amount", typed)
    try:
        return parse_money(figures, currency)
    except NotMoney as wrong:
        raise Misread(text(f"money_{wrong.reason}", heard=heard(typed))) from wrong


def read_money(typed: str, currency: Currency) -> Money:
    """Read an amount in this currency and no other."""
    money = read_any_money(typed, currency)
    if money.currency is not currency:
        raise Misread(text("other_currency", amount=money, currency=currency.value))
    return money


def money_of(kept: str) -> Money:
    """Return an amount as a session keeps it: in full, as people see it (`J$5,000.00`)."""
    return parse_money(kept, Currency.JMD)


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
    said = _said(typed)
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise miss("no_yes", typed)


def _said(typed: str) -> str:
    """Return an answer in plain words, without whom it was said to."""
    said = " ".join(_SHADES.sub("", squeezed(typed)).replace("'", "").replace(",", " ").rstrip(".! ").split())
    while whom := next((whom for whom in ADDRESSED if said.endswith(whom)), ""):
        said = said.removesuffix(whom)
    said = said.removeprefix(next((before for before in BEFORE if said.startswith(before)), ""))
    parts = said.split() if said[:1].isalnum() else list(said)  # a thumb may be shown twice, with no space
    said = parts[0] if len(set(parts)) == 1 else said
    return said if said in _YES or said in _NO else _WRITTEN.get(_DOUBLED.sub(r"\1", said), said)


def is_bare_yes(typed: str) -> bool:
    """Whether this is the YES that on SMS belongs to the carrier: the word alone."""
    return typed.casefold().strip(".! ") == "yes"


def is_yes(typed: str) -> bool:
    """Whether this is a plain yes. `ok` and a thumb are none: people say them to a refusal too."""
    return _said(typed) in PLAIN_YES


def is_loose_yes(typed: str) -> bool:
    """Whether this is a yes that people also say to anything."""
    return _said(typed) in LOOSE_YES


def is_no(typed: str) -> bool:
    """Whether this is a plain no."""
    return _said(typed) in _NO


def read_one_of(name: str, spellings: Mapping[str, str], prefix: str = "") -> Callable[[str, Talk], str]:
    """Return a reader of one of a few words, by the start of any spelling (`week` is weekly).

    A prefix is what our own answers carry before the word (`by cash`), so that they mean nothing else elsewhere.
    """

    def read(typed: str, _: Talk) -> str:
        said = " ".join(typed.casefold().strip(" .!").split()).removeprefix(prefix)
        if said in spellings:
            return spellings[said]
        long = len(said) >= SHORTEST_START
        close = {value for spelling, value in spellings.items() if long and spelling.startswith(said)}
        if len(close) == 1:
            return close.pop()
        raise miss(name, typed)

    return read


def read_count(name: str, least: int, most: int) -> Callable[[str, Talk], int]:
    """Return a reader of a whole number between two bounds."""

    def read(typed: str, _: Talk) -> int:
        found = re.fullmatch(r"\s*(\d{1,3})(?:\s+[a-z]+)?\s*", in_figures(typed).casefold())
        if found is None or not least <= int(found[1]) <= most:
            raise Misread(text(name, heard=heard(typed), least=least, most=most))
        return int(found[1])

    return read


def read_future_day(typed: str, talk: Talk) -> str:
    """Read a day from today to a year ahead, as ISO text; of two that may be meant neither is taken."""
    today = local_date(talk.standing.now)
    days = read_days(typed.strip(), today)
    if not days:
        raise Misread(text("no_day", heard=heard(typed), example=today + timedelta(days=7)))
    if len(days) > 1:
        raise Misread(text("day_which", heard=heard(typed), first=days[0], second=days[1]))
    day = days[0]
    if not today <= day <= today + timedelta(days=366):
        raise Misread(text("day_far", heard=day, example=today + timedelta(days=7)))
    return day.isoformat()


def read_trn_number(typed: str, _: Talk) -> str:
    """Read the nine digits of a TRN. What was typed is never said back."""
    trn = read_trn(typed)
    if not trn:
        raise Misread(text("no_trn"))
    return trn
