"""Reads MT940 (SWIFT customer statements), with the field parsers of mt-940.

Streams: holds one field at a time. A statement that has no end, or whose lines do not lead from its opening to its
closing balance, is refused: it was cut short or changed. Field 86 is read in its three habits: free text, `?20`
sub-fields, and `/REMI/` words.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, Final

import mt940
from mt940.models import Transactions
from mt940.processors import transaction_details_post_processor

from channels.statements.parts import BadStatement, currency, encoding_of, even, lines
from domain.matching import Hint, StatementBalance, StatementLine
from domain.money import Currency

logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)  # it writes what it cannot read into the log

_FIELD: Final = re.compile(r":(?P<tag>\d{2}[A-Z]?):(?P<text>.*)", re.DOTALL)
_LONGEST_FIELD: Final = 20_000
_HINTS: Final = {"CHG": Hint.CHARGE, "COM": Hint.CHARGE, "INT": Hint.INTEREST, "RTI": Hint.RETURNED}
_WORDS: Final = re.compile(r"/(EREF|REMI|ORDP|BENM|NAME|RTRN|CNTP|TRTP|INIT|PREF|NRTX)/")
_OPTIONS: Final = mt940.Options.all()
_CENT_PLACES: Final = 2

Told = StatementLine | StatementBalance


def read(file: BinaryIO) -> Iterator[Told]:
    """Yield the lines and closing balances of an MT940 file. Raises BadStatement."""
    statement: _Statement | None = None
    found = False
    for number, tag, text in _fields(file):
        if tag == "20":
            _whole(statement)
            statement = _Statement(number)
        elif statement is not None:
            yield from statement.field(number, tag, text)
            found = True
    _whole(statement)
    if not found:
        raise BadStatement("the file holds no MT940 statement (no field :20:); take the bank's MT940 export")


def _whole(statement: "_Statement | None") -> None:
    if statement is not None and not statement.closed:
        fault = "the statement that begins here has no closing balance (:62F:); it was cut short, export it again"
        raise BadStatement(fault, statement.began)


def _fields(file: BinaryIO) -> Iterator[tuple[int, str, str]]:
    """Yield (line, tag, text) of each field; block headers and trailers are left out."""
    at, tag, text = 0, "", ""
    for number, raw in lines(file, encoding_of(file)):
        line = raw.rstrip()
        if "{4:" in line:
            line = line.partition("{4:")[2]
        if line.startswith("-}") or line in {"-", ""}:
            continue
        if found := _FIELD.fullmatch(line):
            if tag:
                yield at, tag, text
            at, tag, text = number, found["tag"], found["text"]
        else:
            text += f"\n{line}"
        if len(text) > _LONGEST_FIELD:
            raise BadStatement(f"the field :{tag}: does not end; export the statement again", at or number)
    if tag:
        yield at, tag, text


@dataclass(slots=True)
class _Statement:
    """One statement of the file, from :20: to :62F:."""

    began: int
    account: str = ""
    currency: Currency | None = None
    total: int | None = None
    closed: bool = False
    _waiting: StatementLine | None = None
    _context: Transactions = field(default_factory=lambda: Transactions(options=_OPTIONS))

    def field(self, number: int, tag: str, text: str) -> Iterator[Told]:
        """Take one field; yield the line that it ends, and the balance that ends the statement."""
        match tag:
            case "25" | "25P":
                self.account = even(text.splitlines()[0] if text else "")
            case "60F" | "60M":
                opening = self._balance(number, tag, text)
                self.currency, self.total = opening.currency, opening.amount
            case "61":
                yield from self._done()
                self._waiting = self._line(number, text)
            case "86" if self._waiting is not None:
                self._waiting = _described(self._waiting, self._parsed(number, "86", text))
                yield from self._done()
            case "62F" | "62M":
                yield from self._done()
                yield from self._close(number, tag, text)
            case _:
                pass

    def _done(self) -> Iterator[StatementLine]:
        if self._waiting is not None:
            self.total = (self.total or 0) + self._waiting.amount
            yield self._waiting
            self._waiting = None

    def _close(self, number: int, tag: str, text: str) -> Iterator[StatementBalance]:
        closing = self._balance(number, tag, text)
        if self.total != closing.amount or self.currency is not closing.currency:
            fault = "the lines do not lead from the opening to the closing balance; some are missing, export it again"
            raise BadStatement(fault, number)
        self.closed = True
        if tag == "62F":
            yield closing

    def _parsed(self, number: int, tag: str, text: str) -> dict[str, Any]:
        """Have mt-940 read a field. It quotes the field in its errors, so they go no further."""
        parser = mt940.tags.TAG_BY_ID.get(tag) or mt940.tags.TAG_BY_ID[int(tag)]
        try:
            parsed = parser.parse(self._context, text)
            made = dict(parser(self._context, dict(parsed)))
        except (RuntimeError, ValueError, InvalidOperation, TypeError):
            fault = f"the field :{tag}: is not as SWIFT writes it; correct it or export the statement again"
            raise BadStatement(fault, number) from None
        if tag == "86":
            return transaction_details_post_processor(self._context, parser, dict(parsed), made, space=True)
        return made

    def _balance(self, number: int, tag: str, text: str) -> StatementBalance:
        (found,) = self._parsed(number, tag, text).values()
        kept = currency(str(found.amount.currency), number)
        return StatementBalance(self.account, kept, _plain_day(found.date), _cents(found.amount.amount, number))

    def _line(self, number: int, text: str) -> StatementLine:
        if self.currency is None:
            raise BadStatement("a line stands before the opening balance (:60F:); export the statement again", number)
        found = self._parsed(number, "61", text)
        amount = _cents(found["amount"].amount, number)
        reversal = str(found["status"]).upper().startswith("R")
        code = str(found["id"] or "")[1:].upper()
        customer, more = even(found["customer_reference"]), even(found["extra_details"])
        customer = "" if customer.upper() == "NONREF" else customer
        return StatementLine(
            account=self.account,
            booked=_plain_day(found.get("entry_date") or found["date"]),
            valued=_plain_day(found["date"]),
            amount=amount,
            currency=self.currency,
            bank_ref=even(found["bank_reference"]),
            end_to_end=customer,
            narrative=even(f"{customer} {more}"),
            hint=Hint.RETURNED if reversal else _HINTS.get(code, Hint.NONE),
            position=number,
        )


def _plain_day(day: date) -> date:
    """mt-940's own kind of date as an ordinary one."""
    return date(day.year, day.month, day.day)


def _cents(amount: Decimal, number: int) -> int:
    minor = amount.scaleb(_CENT_PLACES)
    if minor != minor.to_integral_value():
        raise BadStatement("an amount has more than two decimals; correct it or export the statement again", number)
    return int(minor)


def _described(line: StatementLine, told: dict[str, Any]) -> StatementLine:
    """Add what field 86 says to its line."""
    if "purpose" in told:  # ?20 sub-fields
        end_to_end = even(told.get("end_to_end_reference")).replace(" ", "")  # it ran over several sub-fields
        said = [told.get("posting_text"), told.get("purpose"), told.get("additional_purpose"), end_to_end]
        name = even(told.get("applicant_name") or told.get("recipient_name"))
    else:
        text = str(told.get("transaction_details") or "")
        words = _by_words("".join(text.splitlines()) if _WORDS.match(text) else "")
        end_to_end = even(words.get("EREF"))
        name = even(next((words[w] for w in ("NAME", "ORDP", "BENM") if words.get(w)), ""))
        said = [text.replace("\n", " ")]
        if "RTRN" in words:
            line = replace(line, hint=Hint.RETURNED)
    narrative = even(" ".join([line.narrative, *(part for part in said if part)]))
    return replace(line, end_to_end=end_to_end or line.end_to_end, name=name, narrative=narrative)


def _by_words(text: str) -> dict[str, str]:
    """`/EREF/x/ORDP//NAME/y/REMI/z` as words and what stands behind each."""
    parts = _WORDS.split(text)
    return {word: said.strip("/ ") for word, said in zip(parts[1::2], parts[2::2], strict=True) if said.strip("/ ")}
