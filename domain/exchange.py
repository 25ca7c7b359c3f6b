"""Two currencies: what an amount is worth in the other, at a rate that staff have set.

A rate is the Jamaican cents of one US cent, in ten-thousandths: 1,552,500 is J$155.25 for US$1. What is asked for is
rounded up and what is given is rounded down, to whole cents; the books keep both sides (docs/ledger.md).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from domain.money import Currency

SCALE: Final = 10_000
LEAST, MOST = 50 * SCALE, 500 * SCALE
"""Beyond these a rate is taken for a slip of the finger."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Jamaican for US money, as set at a time by somebody."""

    id: str
    jmd_per_usd: int
    set_by: str
    set_at: datetime

    def fresh(self, now: datetime, lasts: timedelta) -> bool:
        """Whether it may still be used."""
        return now - self.set_at <= lasts


def read_rate(text: str) -> int:
    """Return `155.25` as a rate, or 0 when it is none."""
    try:
        rate = Decimal(text.strip().upper().removeprefix("J$").removeprefix("$").replace(",", ""))
    except InvalidOperation:
        return 0
    if not rate.is_finite():
        return 0
    scaled = rate * SCALE
    return int(scaled) if scaled == int(scaled) and LEAST <= scaled <= MOST else 0


def show_rate(rate: int) -> str:
    """Return a rate as people write it: `155.25`."""
    return f"{Decimal(rate) / SCALE:.4f}".rstrip("0").rstrip(".")


def asked(amount: int, currency: Currency, pay: Currency, rate: int) -> int:
    """Return what is asked for in `pay` for an amount: never less than it is worth."""
    if currency is pay:
        return amount
    above, below = (SCALE, rate) if pay is Currency.USD else (rate, SCALE)
    return -(-amount * above // below)


def share(counted: int, part: int, whole: int, *, up: bool) -> int:
    """Return what a `part` of a `whole` in one currency is of what was `counted` for it in another."""
    return -(-counted * part // whole) if up else counted * part // whole


def worth(amount: int, pay: Currency, currency: Currency, rate: int) -> int:
    """Return what an amount that came in `pay` is worth: never more than it is."""
    if currency is pay:
        return amount
    above, below = (rate, SCALE) if pay is Currency.USD else (SCALE, rate)
    return amount * above // below
