"""A statement as CSV that any spreadsheet opens: dates as ISO, amounts as plain numbers, UTF-8 with its mark.

What people typed never becomes a formula: a cell that begins like one gets an apostrophe before it.
"""

import csv
import io
from typing import Final

from bot.drawing.words import Write, head, plain, say, title, what
from domain.documents import StatementFacts

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets read these too


def csv_bytes(facts: StatementFacts, write: Write) -> bytes:
    """Return the statement as CSV: heads, a blank line, the lines, what they sum to, and the circle's rounds."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")

    def row(*cells: str) -> None:
        table.writerow(cells)

    row(safe(title(facts, write)))
    for label, value in head(facts, write):
        row(safe(label), safe(value))
    row(safe(say(write, "paper_opening")), plain(facts.opening))
    row()
    names = ["date", "what", *(["who"] if facts.whole else []), "reference", "in", "out", "balance", "currency"]
    row(*(safe(say(write, f"paper_{name}")) for name in names))
    balance = facts.opening
    for entry in facts.entries:
        balance += entry.amount
        came, went = max(entry.amount, 0), max(-entry.amount, 0)
        row(
            entry.day.isoformat(),
            safe(what(entry, write)),
            *([safe(entry.who)] if facts.whole else []),
            safe(entry.reference),
            plain(came) if came else "",
            plain(went) if went else "",
            plain(balance),
            facts.currency.value,
        )
    blank = [""] * (3 if facts.whole else 2)
    sums = (plain(facts.came_in), plain(facts.went_out), plain(facts.closing), facts.currency.value)
    row(safe(say(write, "paper_sums")), *blank, *sums)
    row()
    row(safe(say(write, "paper_rounds")))
    row(
        *(
            safe(say(write, f"paper_{name}"))
            for name in ("round", "due", "drawer", "thrown", "pot", "drawn", "currency")
        )
    )
    for line in facts.rounds:
        numbers = (plain(line.thrown), plain(facts.gross), plain(line.drawn))
        row(str(line.number), line.due.isoformat(), safe(line.who), *numbers, facts.currency.value)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
