"""Payout files as CSV: for each bank and wallet its columns as data.

These layouts are DRAFTS: no bank's own template was to be had. When an operator has one, a layout is changed here
and nowhere else. Cells never begin with what a spreadsheet would run, lines end in CRLF, and all is plain ASCII,
which every encoding a bank may expect contains.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from channels.payout_files.instruction import Batch, Instruction
from channels.payout_files.letters import write
from domain.money import MINOR_PER_MAJOR, Money

Cell = Callable[[Batch, Instruction], str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one bank's file, each with what stands in it."""

    columns: tuple[tuple[str, Cell], ...]
    name_most: int = 70


def decimal(amount: Money) -> str:
    """Return an amount as files write it: `1000000.50`."""
    major, cents = divmod(amount.minor, MINOR_PER_MAJOR)
    return f"{major}.{cents:02d}"


def _text(text: str, most: int, instead: str = "") -> str:
    return write(text, most, instead).text if text else ""


_NAME_MOST = 35
_DETAILS: tuple[tuple[str, Cell], ...] = (
    ("Bank", lambda _, line: _text(line.bank.name, _NAME_MOST)),
    ("Bank Number", lambda _, line: line.bank.number),
    ("Branch", lambda _, line: _text(line.branch, _NAME_MOST)),
    ("Account Number", lambda _, line: line.account),
    ("Account Type", lambda _, line: _text(line.account_kind, _NAME_MOST)),
)
_SUM: tuple[tuple[str, Cell], ...] = (
    ("Currency", lambda _, line: line.amount.currency.value),
    ("Amount", lambda _, line: decimal(line.amount)),
    ("Reference", lambda _, line: line.end_to_end_id),
    ("Details", lambda _, line: _text(f"Pardna {line.ref}", _NAME_MOST)),
)
LAYOUTS: Mapping[str, Layout] = MappingProxyType({
    "ncb": Layout(
        (
            ("Payment Date", lambda batch, _: batch.executes_on.strftime("%d/%m/%Y")),
            ("Payment Method", lambda batch, _: batch.method.value),
            ("Debit Account", lambda batch, _: batch.payer.account),
            ("Beneficiary Name", lambda _, line: _text(line.payee, _NAME_MOST, line.ref)),
            *_DETAILS,
            *_SUM,
        ),
        _NAME_MOST,
    ),
    "scotia": Layout(
        (
            ("Value Date", lambda batch, _: batch.executes_on.strftime("%Y%m%d")),
            ("Service", lambda batch, _: batch.method.value),
            ("From Account", lambda batch, _: batch.payer.account),
            ("Payee Name", lambda _, line: _text(line.payee, _NAME_MOST, line.ref)),
            ("Transit Number", lambda _, line: line.member_id),
            *_DETAILS,
            *_SUM,
        ),
        _NAME_MOST,
    ),
    "lynk": Layout(
        (
            ("Handle or Phone", lambda _, line: line.account.lstrip("@+")),
            ("Name", lambda _, line: _text(line.payee, _NAME_MOST, line.ref)),
            *_SUM,
        ),
        _NAME_MOST,
    ),
})  # fmt: skip


def write_csv(carrier: str, batch: Batch) -> bytes:
    """Return the file of a batch in its bank's layout."""
    columns = LAYOUTS[carrier].columns
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow([title for title, _ in columns])
    writer.writerows([cell(batch, line) for _, cell in columns] for line in batch.lines)
    return table.getvalue().encode("ascii")
