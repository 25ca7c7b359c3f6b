"""Rates from a file: `rates import FILE`, a CSV with the columns currency, rate and valid_from.

The same checks as RATE in chat. A file that is wrong anywhere changes nothing; the same again changes nothing.
"""

import argparse
import csv
import hashlib
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.commands.reaching import transaction
from bot.config import Settings
from domain.exchange import LEAST, MOST, Rate, read_rate, show_rate
from domain.money import Currency
from domain.schedule import JAMAICA
from storage import rates
from storage.clock import Clock

COLUMNS: Final = ("currency", "rate", "valid_from")
SET_BY: Final = "file"
LARGEST_BYTES: Final = 1_000_000


class BadRates(Exception):
    """Why a file of rates cannot be taken, in words that say what to correct."""


def add_parser(words: Any) -> None:
    """Add `rates` to the command line."""
    acts = words.add_parser("rates", help="how many J$ one US$ is").add_subparsers(dest="act", required=True)
    take = acts.add_parser("import", help="take rates from a CSV: currency, rate, valid_from")
    take.add_argument("file", help="such as USD,155.25,2027-01-04 or USD,155.25,2027-01-04T09:00")


async def import_rates(settings: Settings, asked: argparse.Namespace) -> int:
    """Take a file of rates; 1 when it is refused (then nothing was taken), 2 when it is not there."""
    try:
        await _take(settings, read_rates(_text(asked.file)))
    except FileNotFoundError:
        print(f"pardna: there is no file {asked.file}", file=sys.stderr)
        return 2
    except BadRates as fault:
        print(f"pardna: {Path(asked.file).name}: {fault}; nothing was taken", file=sys.stderr)
        return 1
    return 0


async def _take(settings: Settings, told: dict[datetime, Rate]) -> None:
    clock = Clock()
    async with transaction(settings) as conn:
        await clock.load(conn)
        known = await rates.valid_from(conn, list(told))
        for at, rate in known.items():
            if rate.jmd_per_usd != told[at].jmd_per_usd:
                raise BadRates(f"{_shown(rate)} already; give the other one a later time")
        new = [rate for at, rate in told.items() if at not in known]
        await rates.keep(conn, new)
        now = clock.now()
        counts = await rates.in_force(conn, now)
    print(f"{len(told)} rates read, {len(new)} new, {len(known)} already there.")
    if counts is None:
        print("No rate counts yet: all of them are still to come.")
    elif counts.fresh(now, settings.rules.rate_lasts):
        print(f"{_shown(counts)}: it counts now.")
    else:
        print(f"{_shown(counts)}: that is too long ago, and no rate counts now.")


def _shown(rate: Rate) -> str:
    return f"US$1 is J${show_rate(rate.jmd_per_usd)} from {rate.set_at.astimezone(JAMAICA):%Y-%m-%d %H:%M}"


def _text(file: str) -> str:
    path = Path(file)
    if path.is_dir() or path.stat().st_size > LARGEST_BYTES:
        raise BadRates("a folder, or more than 1 MB, is no list of rates")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRates("save it as CSV in UTF-8") from None


def read_rates(text: str) -> dict[datetime, Rate]:
    """Read the rates of a file by the time from which each counts. Raises BadRates, with the line."""
    head, _, _ = text.partition("\n")
    rows = csv.reader(text.splitlines(), delimiter=";" if ";" in head else ",")
    places = _places(next(rows, []))
    found: dict[datetime, Rate] = {}
    for number, cells in _filled(rows):
        if len(cells) <= max(places):
            raise BadRates(f"line {number} has {len(cells)} columns and lacks one of {', '.join(COLUMNS)}")
        currency, rate, begins = (cells[place].strip() for place in places)
        one = _rate(number, currency, rate, begins)
        if found.setdefault(one.set_at, one) != one:
            raise BadRates(f"line {number} says another rate for the same time as a line before it")
    if not found:
        raise BadRates("it holds no rate")
    return found


def _places(head: list[str]) -> list[int]:
    names = [name.strip().casefold() for name in head]
    if missing := [name for name in COLUMNS if name not in names]:
        raise BadRates(f"its first line must name the columns {', '.join(COLUMNS)}, and lacks {', '.join(missing)}")
    return [names.index(name) for name in COLUMNS]


def _filled(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    for number, cells in enumerate(rows, start=2):
        if any(cell.strip() for cell in cells):
            yield number, cells


def _rate(number: int, currency: str, told: str, begins: str) -> Rate:
    if currency.upper() != Currency.USD:
        raise BadRates(f"line {number}: a rate is of USD, how many J$ one US$ is, not of {currency[:10]!r}")
    rate, at = read_rate(told), _time(begins)
    if not rate:
        least, most = show_rate(LEAST), show_rate(MOST)
        raise BadRates(f"line {number}: {told[:20]!r} is no rate from {least} to {most} with up to four decimals")
    if at is None:
        raise BadRates(f"line {number}: {begins[:30]!r} is no day or time such as 2027-01-04 or 2027-01-04T09:00")
    name = hashlib.sha256(f"{at.isoformat()} {rate}".encode()).hexdigest()[:24]
    return Rate(name, rate, SET_BY, at)


def _time(told: str) -> datetime | None:
    """Read a day (its midnight) or a time; without a zone it is Jamaica's."""
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return None
    return at.astimezone(JAMAICA) if at.tzinfo else datetime.combine(at.date(), at.time(), JAMAICA)
