"""What every reader of statements is made of: the one error, the text of a file line by line, amounts and currencies.

Owns the limits: nothing here holds more of a file in memory than a line, and what is too large is refused before it
is read. Decides nothing about money; says where in the file something is wrong, and never quotes more than a cell.
"""

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from domain.money import Currency

MOST_BYTES: Final = 64 * 2**20
"""Largest file that is read: about half a million lines."""
LONGEST_LINE: Final = 64 * 2**10
MOST_MINOR: Final = 10**15
_BLOCK: Final = 2**16
_QUOTED: Final = 24

BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class BadStatement(ValueError):
    """The file cannot be read as a statement. One line that says where and what to do; nothing was taken of it."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


def quoted(cell: str) -> str:
    """Return a cell as an error may show it: short, and on one line."""
    plain = " ".join(cell.split())
    return f'"{plain[:_QUOTED]}{"..." if len(plain) > _QUOTED else ""}"'


def even(text: str | None) -> str:
    """Return text with white space evened out and nothing that a database cannot keep."""
    return " ".join((text or "").replace("\0", " ").split())


# -- text -------------------------------------------------------------------------------------------------------------


def size(file: BinaryIO) -> int:
    """Return the bytes of a file and go back to its start. Raises BadStatement when it is empty or too large."""
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    if length == 0:
        raise BadStatement("the file is empty; export the statement again")
    if length > MOST_BYTES:
        raise BadStatement(f"the file has more than {MOST_BYTES // 2**20} MB; export fewer days at a time")
    return length


def encoding_of(file: BinaryIO) -> str:
    """Tell how a text file is written, looking at all of it once. Raises BadStatement for what is no text."""
    file.seek(0)
    head = file.read(_BLOCK)
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    if (zeros := head.count(0)) and not (encoding := _utf16(head, zeros)):
        raise BadStatement("the file is no text; take the bank's CSV, OFX, MT940 or camt.053 export")
    return encoding if zeros else _utf8_or_not(file)


def _utf16(head: bytes, zeros: int) -> str:
    """UTF-16 without a mark: every other byte of Western text is zero."""
    if zeros * 3 < len(head):
        return ""
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[start::2].count(0) == zeros:
            return encoding
    return ""


def _utf8_or_not(file: BinaryIO) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def lines(file: BinaryIO, encoding: str) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of each line, line ends included. Raises BadStatement for one that is no text or endless."""
    file.seek(0)
    number = 1
    try:
        with io.TextIOWrapper(_Kept(file), encoding=encoding, newline="") as text:
            while line := text.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    raise BadStatement("the line does not end; export the statement again", number)
                if not number % 512 and "\0" in line:
                    raise BadStatement("the file is no text; export the statement again", number)
                yield number, line
                number += line.endswith(("\n", "\r"))
    except UnicodeError:
        fault = f"the text is not {encoding}; save the file as UTF-8"
        raise BadStatement(fault, number) from None


class _Kept(io.BufferedReader):
    """The caller's file, which stays open when the text around it is closed."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(_Raw(file), _BLOCK)


class _Raw(io.RawIOBase):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # a writable buffer, as the protocol says
        block = self._file.read(len(view))
        view[: len(block)] = block
        return len(block)


# -- cells ------------------------------------------------------------------------------------------------------------

_SIGNS = re.compile(r"(?:JMD|USD|JA?\$|US\$|\$)")
_SIDES = re.compile(r"(CR|DR|C|D|-|\+)$")


def minor_units(cell: str, decimal: str = ".", line: int = 0) -> int:
    """Return an amount in minor units: `1,234.50`, `(12.00)`, `12.00-`, `J$5,000.00 DR`, `-5 000,00` (decimal `,`).

    Raises BadStatement for anything that is not beyond doubt an amount, thousands in odd groups included.
    """
    plain = _SIGNS.sub("", cell.upper().replace("\u2212", "-").replace("\u00a0", " ").replace("\u202f", " ")).strip()
    negative = plain.startswith("(") and plain.endswith(")")
    plain = plain[1:-1].strip() if negative else plain
    side = _SIDES.search(plain)
    if side and not negative:
        plain, negative = plain[: side.start()].strip(), side[1] in {"-", "DR", "D"}
    elif plain[:1] in {"-", "+"}:
        plain, negative = plain[1:].strip(), plain[0] == "-"
    found = _number(decimal).fullmatch(plain)
    if found is None or not any(c.isdigit() for c in plain) or len(plain) > _QUOTED:
        raise BadStatement(f"the amount {quoted(cell)} is no amount; correct the file, or the map's decimal mark", line)
    amount = int(re.sub(r"\D", "", found["major"]) or "0") * 100 + int((found["cents"] or "").ljust(2, "0")[:2] or 0)
    if amount > MOST_MINOR:
        raise BadStatement(f"the amount {quoted(cell)} is too large to be true", line)
    return -amount if negative else amount


_NUMBERS = {
    mark: re.compile(
        rf"(?P<major>[0-9]{{1,3}}(?:(?P<gap>[{re.escape(gaps)}])[0-9]{{3}}(?:(?P=gap)[0-9]{{3}})*)?|[0-9]*)"
        rf"(?:{re.escape(mark)}(?P<cents>[0-9]{{1,2}})0*)?"
    )
    for mark, gaps in ((".", ", '"), (",", ". '"))
}


def _number(decimal: str) -> re.Pattern[str]:
    return _NUMBERS[decimal]


_CURRENCIES = {c.value: c for c in Currency} | {"J$": Currency.JMD, "JA$": Currency.JMD, "US$": Currency.USD}


def currency(cell: str, line: int = 0) -> Currency:
    """Return the currency a cell names. Raises BadStatement for one the house does not keep."""
    found = _CURRENCIES.get(cell.strip().upper())
    if found is None:
        raise BadStatement(f"the currency {quoted(cell)} is not kept here; only JMD and USD are", line)
    return found
