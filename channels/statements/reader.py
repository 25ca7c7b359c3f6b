"""The door to all readers: tells the format by what is in the file, and reads it.

Lines of no amount are left out: they move nothing. A caller that wants a whole file or nothing reads it through
once before it keeps a line (every reader starts at the beginning again).
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO, Final

from channels.statements import camt053, mt940, ofx, table
from channels.statements.maps import ColumnMap
from channels.statements.parts import BOMS, BadStatement, size
from domain.matching import StatementBalance, StatementLine

MOST_LINES: Final = 1_000_000
_HEAD: Final = 8192
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SWIFT: Final = re.compile(r"(?:^|\{4:\s*|\n)\s*:20:")


class Format(StrEnum):
    """The formats that are read."""

    CSV = "csv"
    OFX = "ofx"
    MT940 = "mt940"
    CAMT053 = "camt053"


def read(file: BinaryIO, columns: ColumnMap, fmt: Format | None = None) -> Iterator[StatementLine | StatementBalance]:
    """Yield what a statement tells, in the file's order; `columns` is only asked for a CSV.

    `file` can be sought in; it stays open. Raises BadStatement, at any line: whoever keeps lines before the end was
    reached keeps half a file.
    """
    size(file)
    count = 0
    for told in _read(file, columns, fmt or detect(file)):
        if isinstance(told, StatementLine):
            if not told.amount:
                continue
            count += 1
            if count > MOST_LINES:
                raise BadStatement(f"the file has more than {MOST_LINES:,} lines; export fewer days at a time")
        yield told


def _read(file: BinaryIO, columns: ColumnMap, fmt: Format) -> Iterator[StatementLine | StatementBalance]:
    match fmt:
        case Format.CSV:
            return table.read(file, columns)
        case Format.OFX:
            return ofx.read(file)
        case Format.MT940:
            return mt940.read(file)
        case Format.CAMT053:
            return camt053.read(file)


def detect(file: BinaryIO) -> Format:
    """Tell the format by content. Raises BadStatement for what is clearly none of them."""
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    if head.startswith(b"%PDF"):
        raise BadStatement("this is a PDF; take the bank's CSV, OFX, MT940 or camt.053 export")
    if head.startswith(_WORKBOOKS):
        raise BadStatement("this is an Excel workbook; save it as CSV (UTF-8)")
    encoding = next((encoding for mark, encoding in BOMS if head.startswith(mark)), "latin-1")
    text = head.decode(encoding, "replace").replace("\0", "")
    upper = text.upper()
    if "OFXHEADER" in upper or "<OFX>" in upper:
        return Format.OFX
    if text.lstrip().startswith("<"):
        return Format.CAMT053
    return Format.MT940 if _SWIFT.search(text) and (":25" in text or ":60" in text) else Format.CSV
