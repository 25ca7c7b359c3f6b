"""Reads OFX 1 (SGML) and OFX 2 (XML) bank and card statements, with ofxtools' header and tag parsers.

Streams: the tags go by as events, one transaction at a time, and no tree is built. Day and amount are taken as the
bank wrote them; a time zone behind a date moves nothing to another day.
"""

import html
import io
import logging
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO, Final

from ofxtools.header import OFXHeaderV2, parse_header
from ofxtools.Parser import TreeBuilder

from channels.statements.parts import BadStatement, currency, encoding_of, even, lines, minor_units, quoted
from domain.matching import Hint, StatementBalance, StatementLine
from domain.money import Currency

logging.getLogger("ofxtools").setLevel(logging.CRITICAL + 1)  # it writes whole statements into the log

_BODY: Final = b"<OFX>"
_HEAD_BYTES: Final = 4096
_LONGEST_PIECE: Final = 2**20
_END: Final = "</STMTTRN>"
_OF_THE_STATEMENT: Final = frozenset({"STMTRS", "CCSTMTRS", "BANKACCTFROM", "CCACCTFROM"})
_OF_A_LINE: Final = frozenset({"STMTTRN", "LEDGERBAL", "PAYEE", "CURRENCY"})
_OTHERS: Final = frozenset({"BANKACCTTO", "CCACCTTO", "ORIGCURRENCY", "AVAILBAL", "BANKTRANLIST", "BALLIST"})
_GROUPS: Final = _OF_THE_STATEMENT | _OF_A_LINE | _OTHERS
_HINTS: Final = {"FEE": Hint.CHARGE, "SRVCHG": Hint.CHARGE, "INT": Hint.INTEREST}

Told = StatementLine | StatementBalance


def read(file: BinaryIO) -> Iterator[Told]:
    """Yield the lines and closing balances of an OFX file. Raises BadStatement."""
    encoding = _encoding(file)
    events = _Events()
    for number, piece in _pieces(file, encoding):
        events.line = number
        try:
            events.feed(piece)
        except SyntaxError:  # ofxtools quotes the whole file in it
            raise BadStatement("this is no OFX; export the statement again", number) from None
        yield from events.take()
    if events.open or not events.began:
        raise BadStatement("the file ends before </OFX>; it was cut short, export it again", events.line)


def _encoding(file: BinaryIO) -> str:
    """Have ofxtools check the header, and return how the body is written."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    start = head.upper().find(_BODY)
    if start < 0:
        raise BadStatement("the file has no <OFX>; take the bank's OFX export")
    try:
        header, _ = parse_header(io.BytesIO(head[:start].lstrip(b"\xef\xbb\xbf\r\n ")))
    except (SyntaxError, ValueError):
        raise BadStatement("the OFX header cannot be read; export the statement again", 1) from None
    told = "utf-8" if isinstance(header, OFXHeaderV2) else str(header.codec)
    found = encoding_of(file)
    return found if found.startswith("utf") and told == "utf_8" else told


def _pieces(file: BinaryIO, encoding: str) -> Iterator[tuple[int, str]]:
    """Cut the body behind each transaction; the number is that of the line the piece's transaction begins in."""
    piece: list[str] = []
    began, at, length = False, 1, 0
    for number, line in lines(file, encoding):
        text = line
        if not began:
            start = text.upper().find("<OFX>")
            if start < 0:
                continue
            began, text = True, text[start:]
        while (end := text.find(_END)) >= 0:
            cut = end + len(_END)
            at = number if "<STMTTRN>" in text[:cut] else at
            yield at, "".join([*piece, text[:cut]])
            piece, text, at, length = [], text[cut:], number, 0
        if "<STMTTRN>" in text:
            at = number
        piece.append(text)
        length += len(text)
        if length > _LONGEST_PIECE:
            raise BadStatement("a part of the file does not end; export the statement again", number)
    yield at, "".join(piece)


class _Events(TreeBuilder):
    """ofxtools finds the tags; this keeps the path to where we are, and a value or a group when it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.line = 0
        self.began = False
        self.open: list[str] = []
        self._values: dict[str, str] = {}
        self._statement: dict[str, str] = {}
        self._told: list[Told] = []

    def take(self) -> list[Told]:
        """What has ended since it was last asked."""
        told, self._told = self._told, []
        return told

    def start(self, tag: str, _attrs: Any, /) -> Any:
        self.began = self.began or tag == "OFX"
        if tag in {"STMTTRN", "LEDGERBAL"}:
            self._values = {}
        elif tag in {"STMTRS", "CCSTMTRS"}:
            self._statement = {}
        self.open.append(tag)

    def data(self, data: str, /) -> None:
        tag, text = self.open[-1], html.unescape(data)
        inside = next((group for group in reversed(self.open[:-1]) if group in _GROUPS), "")
        if inside in _OF_THE_STATEMENT:
            self._statement[tag] = text
        elif inside in _OF_A_LINE:
            self._values[tag] = text

    def end(self, tag: str, /) -> Any:
        if tag not in self.open:
            raise BadStatement(f"</{tag}> ends what never began; export the statement again", self.line)
        while self.open.pop() != tag:  # SGML: a field without a value has no end
            pass
        if tag == "STMTTRN":
            self._told.append(self._transaction())
        elif tag == "LEDGERBAL":
            self._told.append(self._balance())

    def _transaction(self) -> StatementLine:
        said = self._values
        said_by_payer = [said.get("MEMO", ""), said.get("EXTDNAME", "")]
        numbers = [said.get("REFNUM", ""), said.get("CHECKNUM", "")]
        name = even(said.get("NAME"))
        return StatementLine(
            account=even(self._statement.get("ACCTID")),
            booked=self._day("DTPOSTED"),
            valued=self._day("DTAVAIL") if said.get("DTAVAIL") else None,
            amount=self._amount("TRNAMT"),
            currency=self._currency(),
            bank_ref=even(said.get("FITID")),
            name=name,
            narrative=even(" ".join([name, *said_by_payer, *numbers])),
            hint=_HINTS.get(said.get("TRNTYPE", "").upper(), Hint.NONE),
            position=self.line,
        )

    def _balance(self) -> StatementBalance:
        account = even(self._statement.get("ACCTID"))
        return StatementBalance(account, self._currency(), self._day("DTASOF"), self._amount("BALAMT"))

    def _currency(self) -> Currency:
        return currency(self._values.get("CURSYM") or self._statement.get("CURDEF", ""), self.line)

    def _amount(self, tag: str) -> int:
        cell = self._values.get(tag, "")
        decimal = "," if "," in cell and "." not in cell else "."
        return minor_units(cell, decimal, self.line) if cell else self._lacks(tag)

    def _day(self, tag: str) -> date:
        cell = self._values.get(tag, "")
        if not cell:
            self._lacks(tag)
        try:
            return datetime.strptime(cell[:8], "%Y%m%d").date()  # noqa: DTZ007 - the bank's day
        except ValueError:
            raise BadStatement(f"the date {quoted(cell)} is no date; export the statement again", self.line) from None

    def _lacks(self, tag: str) -> Any:
        raise BadStatement(f"a transaction or balance has no {tag}; export the statement again", self.line)
