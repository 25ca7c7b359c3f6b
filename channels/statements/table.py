"""Reads a bank's CSV by a column map: headings wherever they stand, one signed amount or debit and credit beside.

Streams: holds one row at a time. The order of days is the bank's; the closing balance is taken from the end that the
running balance itself shows to be the newest.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain, islice
from typing import BinaryIO, Final, Protocol

from channels.statements.maps import ColumnMap
from channels.statements.parts import BadStatement, currency, encoding_of, even, lines, minor_units, quoted
from domain.matching import Hint, StatementBalance, StatementLine
from domain.money import Currency

DELIMITERS: Final = ",;\t|"
_ROWS_BEFORE: Final = 40
"""Headings stand among the first rows, or the map is not this file's."""

Told = StatementLine | StatementBalance


class _Rows(Protocol):
    """What csv.reader makes."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...


def read(file: BinaryIO, columns: ColumnMap) -> Iterator[Told]:
    """Yield the lines of a CSV statement, then its closing balance when it has one. Raises BadStatement."""
    source = (line for _, line in lines(file, encoding_of(file)))
    first = list(islice(source, _ROWS_BEFORE))
    rows = csv.reader(chain(first, source), delimiter=_delimiter(first, columns), strict=True)
    try:
        yield from _below_headings(rows, columns)
    except csv.Error:
        fault = "the row does not end, or a quote is left open; export the statement again"
        raise BadStatement(fault, rows.line_num) from None


def _below_headings(rows: _Rows, columns: ColumnMap) -> Iterator[Told]:
    before: list[Sequence[str]] = []
    for row in rows:
        places = _places(row, columns)
        if places is not None:
            sheet = _Sheet(columns, places, *_said_before(before, columns))
            yield from _lines(rows, sheet)
            return
        before.append(row)
        if len(before) > _ROWS_BEFORE:
            break
    wanted = f"{columns.columns['booked'][0]}, and {_amounts(columns)}"
    raise BadStatement(
        f"no row has the headings of the map {columns.carrier} ({wanted}); give your own with --map FILE"
    )


def _amounts(columns: ColumnMap) -> str:
    return " or ".join(columns.columns[name][0] for name in ("amount", "debit", "credit") if columns.columns.get(name))


def _delimiter(first: Sequence[str], columns: ColumnMap) -> str:
    """The one by which some row has the headings; a comma when none does, so that the error can say so."""
    for delimiter in DELIMITERS:
        for line in first:
            cells = next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
            if _places(cells, columns) is not None:
                return delimiter
    return ","


def _places(row: Sequence[str], columns: ColumnMap) -> dict[str, list[int]] | None:
    """Where each field stands when this row is the headings, else None."""
    headings = {" ".join(cell.casefold().split()): place for place, cell in reversed(list(enumerate(row)))}
    found = {name: [headings[w] for w in words if w in headings] for name, words in columns.columns.items()}
    has_amount = found.get("amount") or found.get("debit") or found.get("credit")
    return {name: places for name, places in found.items() if places} if found["booked"] and has_amount else None


def _said_before(before: Sequence[Sequence[str]], columns: ColumnMap) -> tuple[str, Currency]:
    """The account and currency that stand above the headings as `name, value` or `name: value`."""
    said: dict[str, str] = {}
    for row in before:
        cells = [cell.strip() for cell in ":".join(row).split(":") if cell.strip()]
        if len(cells) > 1:
            said.setdefault(" ".join(cells[0].casefold().split()), cells[1])
    account = next((said[w] for w in columns.before.get("account", ()) if w in said), columns.account)
    kept = next((said[w] for w in columns.before.get("currency", ()) if w in said), "")
    return account, currency(kept) if kept else columns.currency


@dataclass(slots=True)
class _Sheet:
    """The headings of a file, and what holds for every row below them."""

    columns: ColumnMap
    places: Mapping[str, Sequence[int]]
    account: str
    currency: Currency
    width: int = field(init=False)
    form: str = field(init=False)
    hints: Mapping[Hint, re.Pattern[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.width = 1 + max(places[0] for name, places in self.places.items() if name in {"booked", "amount", "debit"})
        self.form = self.columns.dates[0]
        self.hints = {
            Hint(hint): re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
            for hint, words in self.columns.hints.items()
            if words
        }

    def cell(self, row: Sequence[str], name: str) -> str:
        """The first cell of a field that says anything."""
        for place in self.places.get(name, ()):
            if place < len(row) and (cell := row[place].strip()):
                return cell
        return ""

    def day(self, cell: str, number: int) -> date:
        """Read a date; the form that fitted last is tried first."""
        for form in (self.form, *self.columns.dates):
            try:
                found = datetime.strptime(cell, form)  # noqa: DTZ007 - a bank's day has no zone
            except ValueError:
                continue
            self.form = form
            return found.date()
        forms = ", ".join(self.columns.dates)
        raise BadStatement(f"the date {quoted(cell)} is none of {forms}; give the right form with --map FILE", number)

    def amount(self, row: Sequence[str], number: int) -> int:
        """The signed amount: its own column, or what came less what went."""
        decimal = self.columns.decimal
        if whole := self.cell(row, "amount"):
            return minor_units(whole, decimal, number)
        debit, credit = (
            minor_units(cell, decimal, number) if (cell := self.cell(row, name)) else 0 for name in ("debit", "credit")
        )
        if debit and credit:
            raise BadStatement("both debit and credit have an amount; correct the file", number)
        return credit - abs(debit)

    def narrative(self, row: Sequence[str]) -> str:
        """All that is said of a line."""
        cells = (row[place] for place in self.places.get("narrative", ()) if place < len(row))
        return even(" ".join(cells))

    def hint(self, kind: str, narrative: str, amount: int) -> Hint:
        """What the bank calls it, by the words of the map.

        What a payer may have written themselves counts only where it begins the text: no gift with the word
        interest in its note is the bank's interest, and no money that came in is a charge.
        """
        for hint, pattern in self.hints.items():
            if hint is Hint.CHARGE and amount > 0:
                continue
            if pattern.search(kind) or (pattern.search(narrative) if amount < 0 else pattern.match(narrative)):
                return hint
        return Hint.NONE


def _lines(rows: _Rows, sheet: _Sheet) -> Iterator[Told]:
    ends: list[tuple[StatementLine, int]] = []  # the first two lines and the last, with their running balance
    for row in rows:
        number = rows.line_num
        if not any(cell.strip() for cell in row) or _ends(row, sheet.columns):
            continue
        line = _line(row, sheet, number)
        yield line
        if balance := sheet.cell(row, "balance"):
            ends[2:] = []
            ends.append((line, minor_units(balance, sheet.columns.decimal, number)))
    if closing := _closing(ends):
        yield closing


def _ends(row: Sequence[str], columns: ColumnMap) -> bool:
    first = next((cell.strip().casefold() for cell in row if cell.strip()), "")
    return first.startswith(columns.ends) if columns.ends else False


def _line(row: Sequence[str], sheet: _Sheet, number: int) -> StatementLine:
    booked = sheet.cell(row, "booked")
    if len(row) < sheet.width or not booked:
        raise BadStatement("the row has no date or is cut short; export the statement again", number)
    valued, kept = sheet.cell(row, "valued"), sheet.cell(row, "currency")
    narrative, amount = sheet.narrative(row), sheet.amount(row, number)
    return StatementLine(
        account=even(sheet.cell(row, "account") or sheet.account),
        booked=sheet.day(booked, number),
        valued=sheet.day(valued, number) if valued else None,
        amount=amount,
        currency=currency(kept, number) if kept else sheet.currency,
        bank_ref=even(sheet.cell(row, "bank_ref")),
        end_to_end=even(sheet.cell(row, "end_to_end")),
        name=even(sheet.cell(row, "name")),
        narrative=narrative,
        hint=sheet.hint(sheet.cell(row, "kind"), narrative, amount),
        position=number,
    )


def _closing(ends: Sequence[tuple[StatementLine, int]]) -> StatementBalance | None:
    """The running balance of the newest line; None when the file does not tell which end that is."""
    if not ends:
        return None
    (first, at_first), (last, at_last) = ends[0], ends[-1]
    if len(ends) > 1:
        (second, at_second) = ends[1]
        rising, falling = at_second == at_first + second.amount, at_first == at_second + first.amount
        if rising == falling and first.booked == last.booked:
            return None
        if (falling and not rising) or (rising == falling and first.booked > last.booked):
            last, at_last = first, at_first
    return StatementBalance(last.account, last.currency, last.booked, at_last)
