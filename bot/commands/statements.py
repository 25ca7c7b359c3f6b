"""Bank statements from the command line: `statements import FILE --rail ncb` and `statements maps`.

Reads the file through once before it keeps a line, so a bad file changes nothing; then takes it in chunks, each in a
transaction of its own. Prints figures alone, nothing that was written on a line.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from bot.config import Settings
from bot.place import database_url, reach
from channels.statements import maps, reader
from channels.statements.parts import BadStatement
from domain.matching import StatementBalance, StatementLine, find_references, numbered
from domain.money import Money
from storage import statements
from storage.clock import Clock
from storage.engine import Engine, make_engine
from storage.vault import Vault


@dataclass(slots=True)
class Survey:
    """What a whole file holds, found out before any of it is kept."""

    lines: int = 0
    receipts: set[str] = field(default_factory=set)
    balances: list[StatementBalance] = field(default_factory=list)


def add_parser(words: Any) -> None:
    """Add `statements` to the command line."""
    acts = words.add_parser("statements", help="bank statements").add_subparsers(dest="act", required=True)
    take = acts.add_parser("import", help="take a statement; the same lines are never taken twice")
    take.add_argument("file", help="CSV, OFX, MT940 or camt.053")
    take.add_argument("--rail", required=True, choices=sorted(maps.shipped()), help="whose statement it is")
    take.add_argument("--map", help="your own column map for a CSV (see `pardna statements maps`)")
    take.add_argument("--format", choices=[fmt.value for fmt in reader.Format], help="when it is not told rightly")
    acts.add_parser("maps", help="the column maps that come along")


async def list_maps(_settings: Settings, _asked: argparse.Namespace) -> int:
    """List the column maps that come along."""
    for carrier, one in maps.shipped().items():
        print(f"{carrier}: {one.title}")
    print("Give your own with `pardna statements import FILE --rail RAIL --map FILE`; start from one of these:")
    print(maps.FOLDER)
    return 0


async def import_statement(settings: Settings, asked: argparse.Namespace) -> int:
    """Take a statement; 1 when the file is refused (then nothing was taken), 2 when it or its map is not there."""
    if missing := [path for path in (asked.file, asked.map) if path is not None and not _is_there(path)]:
        print(f"pardna: there is no file {missing[0]}", file=sys.stderr)
        return 2
    try:
        columns = maps.load(Path(asked.map)) if asked.map else maps.shipped()[asked.rail]
        with _opened(asked.file) as file:
            await _import(settings, asked.rail, file, columns, reader.Format(asked.format) if asked.format else None)
    except BadStatement as fault:
        print(f"pardna: {Path(asked.file).name}: {fault}; nothing was taken", file=sys.stderr)
        return 1
    return 0


async def _import(
    settings: Settings, rail: str, file: BinaryIO, columns: maps.ColumnMap, fmt: reader.Format | None
) -> None:
    survey = look_through(file, columns, fmt)
    source = statements.Import(rail, fingerprint(file), survey.receipts)
    url = database_url(settings)
    await reach(url)
    engine = make_engine(url)
    try:
        lines = numbered(rail, lines_of(file, columns, fmt))
        tally = await take_all(engine, settings.vault(), source, lines, survey.balances)
        _show(rail, survey, tally)
        await _compare(engine, rail, survey.balances)
    finally:
        await engine.dispose()


def _is_there(path: str) -> bool:
    return Path(path).is_file()


def _opened(path: str) -> BinaryIO:
    return Path(path).open("rb")


def look_through(file: BinaryIO, columns: maps.ColumnMap, fmt: reader.Format | None) -> Survey:
    """Read a file to its end and keep its balances and the receipts it names. Raises BadStatement."""
    survey = Survey()
    for told in reader.read(file, columns, fmt):
        if isinstance(told, StatementBalance):
            survey.balances.append(told)
        else:
            survey.lines += 1
            survey.receipts.update(find_references(f"{told.end_to_end} {told.bank_ref} {told.narrative}").receipts)
    return survey


def lines_of(file: BinaryIO, columns: maps.ColumnMap, fmt: reader.Format | None) -> Iterator[StatementLine]:
    """Read a file again, its lines alone."""
    return (told for told in reader.read(file, columns, fmt) if isinstance(told, StatementLine))


def fingerprint(file: BinaryIO) -> bytes:
    """Return the SHA-256 of a whole file."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(2**16):
        digest.update(block)
    return digest.digest()


async def take_all(
    engine: Engine,
    vault: Vault,
    source: statements.Import,
    lines: Iterator[statements.Numbered],
    balances: list[StatementBalance],
) -> statements.Tally:
    """Take lines in chunks, then the balances. Cut off between two chunks, it is completed by running it again."""
    clock, tally = Clock(), statements.Tally()
    while chunk := list(islice(lines, statements.CHUNK)):
        async with engine.begin() as conn:
            await clock.load(conn)
            tally += await statements.take(conn, vault, source, chunk, clock.now())
    async with engine.begin() as conn:
        await statements.note_balances(conn, source.carrier, balances)
    return tally


def _show(rail: str, survey: Survey, tally: statements.Tally) -> None:
    print(f"{rail}: {survey.lines} lines read, {tally.new} new, {tally.known} already there.")
    print(
        f"Of the new: {tally.by_reference} matched by reference, {tally.by_likeness} by likeness, "
        f"{tally.of_the_bank} the bank's own, {tally.to_look_at} to look at."
    )


async def _compare(engine: Engine, rail: str, balances: list[StatementBalance]) -> None:
    """Print the newest closing balance of each currency beside what our books say."""
    newest = {one.currency: one.as_of for one in sorted(balances, key=lambda one: one.as_of)}
    for currency, as_of in newest.items():
        last = {one.account: one.amount for one in balances if (one.currency, one.as_of) == (currency, as_of)}
        at_bank = Money(sum(last.values()), currency)
        async with engine.begin() as conn:
            ours = Money(await statements.in_books(conn, rail, currency), currency)
        print(f"Closing balance {as_of:%Y-%m-%d}: {at_bank.full()} by the statement, {ours.full()} in the books.")
        if at_bank != ours:
            print(f"Difference: {(at_bank - ours).full()}. New lines are booked by the running service; look again.")
    if not balances:
        print("The file has no closing balance to compare with the books.")
