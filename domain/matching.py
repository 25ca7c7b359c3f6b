"""What a bank's statement tells, line by line, and when a line may be taken for a payment of ours.

Owns the shape of a line whatever file it came in, the key that lets it be taken once, the finding of our
references in what payers and banks wrote, and the judgement of likeness. Compares no names itself: how alike two
names are is passed in (0-100). Never chooses between two: what is not beyond doubt is for staff.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import product

from domain.codes import ALPHABET
from domain.money import Currency

SURE = 90
"""Confidence from which one likely payment alone is taken without asking staff (0-100)."""
MARGIN = 5
"""By how much it must be ahead of the next."""
SUGGESTIONS = 3
DAYS_AFTER = 10
"""How many days after it was announced a payment may still be found by likeness."""
DAYS_BEFORE = 1
"""A bank's day may begin before ours."""
LONGEST_TEXT = 2_000
"""Characters of a line's text that are looked at."""


class Hint(StrEnum):
    """What the bank itself calls a line."""

    NONE = ""
    CHARGE = "charge"
    INTEREST = "interest"
    RETURNED = "returned"


class LineState(StrEnum):
    """NEW: the bank's own (a charge, interest), nothing to look for. SUSPENSE: nobody was found for it yet."""

    NEW = "NEW"
    MATCHED = "MATCHED"
    SUSPENSE = "SUSPENSE"
    IGNORED = "IGNORED"


class How(StrEnum):
    """By what a line was matched."""

    NONE = ""
    REFERENCE = "reference"
    LIKENESS = "likeness"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a statement. `amount` is in minor units of `currency`; above zero money came in.

    `position` is where it stands: the line of the file. Texts are as the bank wrote them, white space evened out;
    `narrative` holds everything said about the line, structured references included.
    """

    account: str = field(repr=False)
    booked: date
    valued: date | None
    amount: int
    currency: Currency
    bank_ref: str = field(default="", repr=False)
    end_to_end: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    narrative: str = field(default="", repr=False)
    hint: Hint = Hint.NONE
    position: int = 0


@dataclass(frozen=True, slots=True)
class StatementBalance:
    """What the bank says stood on the account at the end of a day, in minor units of `currency`."""

    account: str = field(repr=False)
    currency: Currency
    as_of: date
    amount: int


def numbered(carrier: str, lines: Iterable[StatementLine]) -> Iterator[tuple[str, StatementLine]]:
    """Give each line of one file its id: SHA-256 over what it says and which of several identical ones it is.

    So one file imported twice, or two that overlap by whole days, name each line once, and two honest identical
    deposits of a day are two. What this cannot see: a file that begins in the middle of a day names the second of
    two identical lines as the first; and the same account in another format, or with its texts written in another
    way, is another set of lines. Import whole days, always in one format.
    """
    seen: Counter[bytes] = Counter()
    for line in lines:
        said = [carrier, line.account, line.booked.isoformat(), line.amount, line.currency.value]
        told = json.dumps([*said, line.bank_ref, line.end_to_end, line.name, line.narrative]).encode()
        same = sha256(told).digest()
        seen[same] += 1
        yield sha256(same + seen[same].to_bytes(8)).hexdigest(), line


# -- references -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class References:
    """What of ours a text may name. Whether there is such a thing is for whoever keeps them.

    `doubtful`: what a receipt may have been in which somebody wrote a letter that no code holds (O, 0, I, 1, L);
    to be believed only when exactly one of them exists. `ids`: of payouts and refunds. `orders`: under what a payment
    stands in a file of ours, its EndToEndId.
    """

    receipts: tuple[str, ...] = ()
    payouts: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()


_LOOKALIKES = {"0": "DQ", "O": "DQ", "1": "JT7", "I": "JT7", "L": "JT7"}
"""What may have been read as a letter that no code holds."""
_MOST_DOUBTS = 2
_LETTER = f"[{ALPHABET}{''.join(_LOOKALIKES)}]"
_RECEIPT = re.compile(rf"(?<![A-Z0-9])(?=R[-._/ ]{{0,3}}({_LETTER}(?:[-._/ ]?{_LETTER}){{7}})(?![A-Z0-9]))")
_PAYOUT = re.compile(rf"(?<![A-Z0-9])(?=P[-._/ ]{{0,3}}([{ALPHABET}](?:[-._/ ]?[{ALPHABET}]){{3}})(?![A-Z0-9]))")
_ID = re.compile(r"(?<![0-9A-F])[0-9A-F]{24}(?![0-9A-F])")
_ORDER = re.compile(rf"(?<![A-Z0-9])[PR][{ALPHABET}]{{15}}(?![A-Z0-9])")
_DASHES = dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0x00AD), "-")
_BETWEEN = re.compile("[-._/ ]")


def find_references(text: str) -> References:
    """Find our references in what people and banks wrote: any case, dashes and spaces lost or put in anywhere.

    More may be found than was meant (`R MARCH PAY` reads as one): none counts before it is known to exist.
    """
    plain = unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).translate(_DASHES).upper()
    plain = " ".join(plain.split())
    sure, doubtful = [], []
    for found in _RECEIPT.finditer(plain):
        code = _BETWEEN.sub("", found[1])
        doubts = sum(letter in _LOOKALIKES for letter in code)
        if not doubts:
            sure.append(f"R-{code}")
        elif doubts <= _MOST_DOUBTS:
            doubtful += _readings(code)
    payouts = [f"P-{_BETWEEN.sub('', found[1])}" for found in _PAYOUT.finditer(plain)]
    ids = [found.lower() for found in _ID.findall(plain)]
    every = (sure, payouts, ids, doubtful, _ORDER.findall(plain))
    return References(*(tuple(dict.fromkeys(codes)) for codes in every))


def _readings(code: str) -> list[str]:
    return [f"R-{''.join(letters)}" for letters in product(*(_LOOKALIKES.get(letter, letter) for letter in code))]


# -- likeness ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """A payment that waits for its money. `amount` is what its payer was asked to pay, `began` Jamaica's day."""

    receipt: str
    amount: int
    currency: Currency
    began: date


@dataclass(frozen=True, slots=True)
class Likely:
    """A payment that a line may be for, and how surely (0-100)."""

    receipt: str
    confidence: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The payment that is taken, if any, and otherwise what staff are shown, the likeliest first."""

    taken: Likely | None
    suggestions: tuple[str, ...]


_NO_NAME = 60
"""Two names that are less alike than this are different names."""
_OF_AMOUNT, _OF_NAME, _OF_DATE = 40, 45, 15


def in_reach(booked: date, began: date) -> bool:
    """Whether money booked on one day may be for a payment announced on another."""
    return began - timedelta(days=DAYS_BEFORE) <= booked <= began + timedelta(days=DAYS_AFTER)


def likeness(line: StatementLine, candidate: Candidate, name_score: float) -> int:
    """How surely a line is a payment's money, 0-100: the amount to the cent, then the name, then the date.

    `name_score` says how alike the names are (0-100). Another amount, currency or season is 0; without a name the
    amount and the day alone make 55 and are never enough.
    """
    same = line.amount == candidate.amount and line.currency is candidate.currency
    if not same or not in_reach(line.booked, candidate.began):
        return 0
    name = max(0.0, min(100.0, name_score) - _NO_NAME) / (100 - _NO_NAME)
    days = max(0, abs((line.booked - candidate.began).days) - 1)
    return int(_OF_AMOUNT + _OF_NAME * name + _OF_DATE * max(0.0, 1 - days / DAYS_AFTER))


def judge(likely: Sequence[Likely], sure: int = SURE) -> Verdict:
    """Take the likeliest payment when it is sure and clearly ahead of every other; else suggest up to three."""
    ranked = sorted((one for one in likely if one.confidence > 0), key=lambda one: (-one.confidence, one.receipt))
    suggestions = tuple(one.receipt for one in ranked[:SUGGESTIONS])
    if not ranked or ranked[0].confidence < sure:
        return Verdict(None, suggestions)
    if len(ranked) > 1 and ranked[1].confidence > ranked[0].confidence - MARGIN:
        return Verdict(None, suggestions)
    return Verdict(ranked[0], ())
