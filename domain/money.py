"""Money: an integer of minor units with its currency, and how people write it.

Owns the two currencies of the service (rules.md 5) and the reading and writing of amounts. Never holds a float, never
mixes currencies, never rounds in silence.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from functools import total_ordering
from typing import NamedTuple

MINOR_PER_MAJOR = 100
MOST_MINOR = 10**12
"""The largest amount anybody may type, in minor units: ten thousand million dollars."""


class Currency(StrEnum):
    """What a circle may be kept in; both have two decimals (rules.md 5)."""

    JMD = "JMD"
    USD = "USD"

    @property
    def sign(self) -> str:
        """The sign before an amount: `J$` or `US$`."""
        return "J$" if self is Currency.JMD else "US$"


class CurrencyMismatch(TypeError):
    """Two amounts of different currencies met in one sum or comparison."""


class Stem(NamedTuple):
    """Where an amount stems from, as far as whoever says it knows: a circle, and what of it (see domain/why.py).

    What is left out is what the words say beside it: their round, their reference, the one who is told.
    """

    circle: str
    whose: str = ""
    round: int = 0
    ref: str = ""


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount of `minor` units (cents) of `currency`; below zero is owed the other way.

    Equality across currencies is simply false; adding and ordering across them raise CurrencyMismatch. Where it stems
    from makes it no other amount, and a sum stems from nowhere.
    """

    minor: int
    currency: Currency
    stem: Stem | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a float, a bool or a bare string at the door, where the type checker did not look."""
        if type(self.minor) is not int or not isinstance(self.currency, Currency):
            raise TypeError(f"Money takes int minor units and a Currency, not {self.minor!r} {self.currency!r}")

    def _matching(self, other: object) -> int:
        if isinstance(other, Money) and other.currency is self.currency:
            return other.minor
        raise CurrencyMismatch(f"{self} and {other} do not mix")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._matching(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._matching(other), self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.minor * times, self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._matching(other)

    def text(self) -> str:
        """As people see it: `J$5,000`, or `J$5,000.50` when there are cents."""
        return self.full() if self.minor % MINOR_PER_MAJOR else self.full()[:-3]

    def full(self) -> str:
        """With cents always, for books and receipts: `J$5,000.00`."""
        major, cents = divmod(abs(self.minor), MINOR_PER_MAJOR)
        return f"{'-' if self.minor < 0 else ''}{self.currency.sign}{major:,}.{cents:02d}"


class Unread(StrEnum):
    """Why a text is not an amount, for the words that answer it."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    BAD_GROUPING = "bad_grouping"
    TOO_MANY_DECIMALS = "too_many_decimals"
    TWO_NUMBERS = "two_numbers"
    TWO_CURRENCIES = "two_currencies"
    OTHER_CURRENCY = "other_currency"
    ZERO = "zero"
    NEGATIVE = "negative"
    TOO_LARGE = "too_large"


class NotMoney(ValueError):
    """The text is not an amount that can be thrown; `reason` says why.

    The text itself is left out: people type PINs and TRNs where an amount was asked for.
    """

    def __init__(self, reason: Unread) -> None:
        super().__init__(reason.value)
        self.reason = reason


_LONGEST_TEXT = 100
_ARABIC_MARKS = {0x066B: ".", 0x066C: ","}
_SPELLINGS: dict[str, Currency | None] = {
    **dict.fromkeys(("$", "dollars", "dollar", "dollas", "dolla"), None),
    **dict.fromkeys(
        ("j$", "ja$", "jmd$", "jmd $", "jmd", "jamaican dollars", "jamaican dollar", "jamaican"), Currency.JMD
    ),
    **dict.fromkeys(
        ("us$", "us $", "usd$", "usd $", "usd", "us dollars", "us dollar", "us dollas", "us dolla", "us"), Currency.USD
    ),
}
_THOUSANDS = ("k", "gs", "g", "grand", "thousand")
_CURRENCY = "|".join(re.escape(spelling) for spelling in sorted(_SPELLINGS, key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?P<minus>[-\u2212])? ?(?P<before>{_CURRENCY})? ?(?P<minus_too>[-\u2212])? ?"
    r"(?P<major>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+|[0-9]+)(?:\.(?P<decimals>[0-9]+))?"
    rf" ?(?P<thousands>{'|'.join(_THOUSANDS)})? ?(?P<after>{_CURRENCY})?(?:\.|/[-=])?",
)
_LOOSE_NUMBER = re.compile(r"[^0-9]*[0-9.]*,[0-9.,]*[^0-9]*")
_OTHER_CURRENCIES = re.compile(r"\b(?:eur|gbp|cad|ttd|bbd|kyd)(?![a-z])|\b(?:c|ca|tt|bds)\$")


def parse_money(text: str, default: Currency) -> Money:
    """The amount that a person typed; without a currency in it, in `default`.

    Reads `5000`, `5,000`, `5 000`, `$5k`, `2.5k`, `5 grand`, `5gs`, `J$5,000.00`, `5000/-`, `US$50`, `50 USD`, in any
    script's digits. Raises NotMoney with its reason; never guesses, so `5.000` and `1,00` are asked about again.
    """
    plain = _plain(text)
    found = _AMOUNT.fullmatch(plain)
    if found is None:
        raise NotMoney(_why_unread(plain))
    currency = _currency(found["before"], found["after"], default)
    minor = _minor(found["major"], found["decimals"] or "", thousands=found["thousands"] is not None)
    if minor == 0:
        raise NotMoney(Unread.ZERO)
    if found["minus"] or found["minus_too"]:
        raise NotMoney(Unread.NEGATIVE)
    if minor > MOST_MINOR:
        raise NotMoney(Unread.TOO_LARGE)
    return Money(minor, currency)


def _plain(text: str) -> str:
    """Lower case, plain digits and signs, so that a full-width or Arabic keyboard writes the same amounts."""
    text = text.strip()
    if not text:
        raise NotMoney(Unread.EMPTY)
    # Folding would make `5²` and `5①` into 52 and 51; and a page of text is no amount.
    if len(text) > _LONGEST_TEXT or any(unicodedata.category(char) == "No" for char in text):
        raise NotMoney(Unread.NOT_A_NUMBER)
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_ARABIC_MARKS)
    # A pasted amount brings invisible direction marks (Cf) along.
    shown = (str(unicodedata.decimal(char, char)) for char in folded if unicodedata.category(char) != "Cf")
    return re.sub(" +", " ", "".join(shown)).strip()


def _why_unread(plain: str) -> Unread:
    if sum(any(char.isdigit() for char in word) for word in plain.split()) > 1:
        return Unread.TWO_NUMBERS
    if not any(char.isdigit() for char in plain):
        return Unread.NOT_A_NUMBER
    if _OTHER_CURRENCIES.search(plain) or any(c != "$" and unicodedata.category(c) == "Sc" for c in plain):
        return Unread.OTHER_CURRENCY
    return Unread.BAD_GROUPING if _LOOSE_NUMBER.fullmatch(plain) else Unread.NOT_A_NUMBER


def _currency(before: str | None, after: str | None, default: Currency) -> Currency:
    named = [currency for spelling in (before, after) if spelling and (currency := _SPELLINGS[spelling])]
    if len(set(named)) > 1:
        raise NotMoney(Unread.TWO_CURRENCIES)
    return named[0] if named else default


def _minor(major: str, decimals: str, *, thousands: bool) -> int:
    """Minor units of a number written out: `2.5` thousands are exact, half a cent is refused."""
    places = 5 if thousands else 2
    if len(decimals) > places:
        raise NotMoney(Unread.TOO_MANY_DECIMALS)
    return int(re.sub("[, ]", "", major) + decimals.ljust(places, "0"))
