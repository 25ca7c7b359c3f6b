"""The money terms of a circle: the banker's fee, late fees, the reserve, and who stands in for whom misses.

Shares are in hundredths of a percent, amounts in minor units. Every division rounds down, for the member (rules.md 50).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.money import Currency, Money

WHOLE_SHARE: Final = 10_000
"""A hundred percent."""
MOST_RESERVE: Final = 1_000
"""rules.md 49."""
MOST_LATE: Final = 2_500
"""A quarter of a missed throw: more would be a punishment, and no fee."""
HALVES: Final = 2
"""In a whole hand (rules.md 6)."""
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%")


class FeeKind(StrEnum):
    """What the banker gets of a draw (rules.md 31); a gift is the drawer's own choice, outside the pot."""

    FLAT = "flat"
    PERCENT = "percent"
    HAND = "hand"
    GIFT = "gift"


class OnDefault(StrEnum):
    """What becomes of the turn of a member who is in default before it (rules.md 41)."""

    LAST = "last"
    SUBSTITUTE = "substitute"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a circle has agreed on money. A late fee is `late_fee` or `late_share` of what was missed; neither: none."""

    currency: Currency
    throw: int
    turns: int
    fee_kind: FeeKind = FeeKind.FLAT
    fee: int = 0
    fee_share: int = 0
    late_fee: int = 0
    late_share: int = 0
    late_cap: int = 0
    reserve_share: int = 0
    cover: bool = False
    on_default: OnDefault = OnDefault.LAST

    def money(self, minor: int) -> Money:
        """Return minor units as money of this circle."""
        return Money(minor, self.currency)

    def gross_of(self, halves: int = HALVES) -> int:
        """Return the pot that so many halves of a hand draw (8)."""
        return self.throw * self.turns * halves // HALVES

    def fee_of(self, halves: int = HALVES) -> int:
        """Return the banker's fee of a draw by so many halves of a hand (31)."""
        match self.fee_kind:
            case FeeKind.FLAT:
                return self.fee * halves // HALVES
            case FeeKind.PERCENT:
                return share_of(self.gross_of(halves), self.fee_share)
            case FeeKind.HAND:
                return self.throw * halves // HALVES
            case FeeKind.GIFT:
                return 0

    def reserve_of(self, halves: int = HALVES) -> int:
        """Return what a draw by so many halves of a hand leaves in the reserve (49)."""
        return share_of(self.gross_of(halves), self.reserve_share)

    @property
    def has_late_fee(self) -> bool:
        """Whether a missed throw costs anything beside it (27)."""
        return bool(self.late_fee or self.late_share)

    def late_fee_of(self, missed: int, whole: int, so_far: int) -> int:
        """Return the fee of one missed throw (27): `missed` of it is open, `whole` is what its hand throws a round.

        It is taken once, of the throw alone, so it never compounds; it is no more than what was missed, and with what
        the member's late fees came to before (`so_far`) no more than the cap.
        """
        flat = self.late_fee * whole // self.throw
        return max(min(flat + share_of(missed, self.late_share), missed, self.late_cap - so_far), 0)

    @property
    def unusual(self) -> tuple[tuple[str, str], ...]:
        """Return by name the terms that are not as in a circle that set none of them, for the hash (2)."""
        usual = Terms(self.currency, self.throw, self.turns, fee=self.fee)
        names = [name for name in self.__slots__ if getattr(self, name) != getattr(usual, name)]
        return tuple((name, str(getattr(self, name))) for name in names)


def share_of(amount: int, share: int) -> int:
    """Return a share of an amount, rounded down."""
    return amount * share // WHOLE_SHARE


def read_percent(typed: str) -> int | None:
    """Read `2%` or `2.5%` as a share; None for what is no percentage, or more than all."""
    found = _PERCENT.fullmatch(typed.strip())
    share = int(found[1] + (found[2] or "").ljust(2, "0")) if found else 0
    return share if 0 <= share <= WHOLE_SHARE and found else None


def percent(share: int) -> str:
    """Write a share as people do: `2%`, `2.5%`."""
    whole, part = divmod(share, WHOLE_SHARE // 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") + "%"
