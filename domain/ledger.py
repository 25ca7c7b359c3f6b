"""The books in words: which accounts there are, and transactions made of (debit, credit, amount) transfers.

A transfer cannot be unbalanced, and a transaction is one currency. Assets grow by debits, liabilities by
credits; no account falls below its floor. The database holds all of this a second time (storage/ledger.py).
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.money import Currency


class Side(StrEnum):
    """Which way an account grows."""

    ASSET = "asset"
    LIABILITY = "liability"


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the chart (docs/ledger.md). Its floor is zero: nothing here may be overdrawn."""

    name: str
    side: Side
    circle: str | None = None


def rail(name: str, currency: Currency) -> Account:
    """Money that stands with a rail, all circles together."""
    return Account(f"rail:{name}:{currency}", Side.ASSET)


def cash(circle: str) -> Account:
    """Cash in the banker's custody: the banker's debt to the circle (rules.md 24)."""
    return Account(f"circle:{circle}:cash", Side.ASSET, circle)


def credit(circle: str, person: str) -> Account:
    """What a member has thrown and no due has taken yet (rules.md 22)."""
    return Account(f"circle:{circle}:credit:{person}", Side.LIABILITY, circle)


def pot(circle: str, round_number: int) -> Account:
    """The pot of one round."""
    return Account(f"circle:{circle}:pot:{round_number}", Side.LIABILITY, circle)


def payable(circle: str, round_number: int) -> Account:
    """What is on its way to the drawer of one round."""
    return Account(f"circle:{circle}:payable:{round_number}", Side.LIABILITY, circle)


def fee(circle: str) -> Account:
    """What the circle owes its banker for running it (rules.md 31)."""
    return Account(f"circle:{circle}:fee", Side.LIABILITY, circle)


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` minor units (> 0) from the account debited to the account credited."""

    debit: Account
    credit: Account
    amount: int

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError(f"a transfer moves a positive amount, not {self.amount}")
        if self.debit == self.credit:
            raise ValueError(f"a transfer from {self.debit.name} to itself moves nothing")


@dataclass(frozen=True, slots=True)
class Transaction:
    """Transfers that happen together. `key` makes it happen once, for ever."""

    key: str
    kind: str
    currency: Currency
    transfers: tuple[Transfer, ...]
    circle: str | None = None
    reverses: str | None = None
    """The key of the transaction that this one takes back."""


def effect(account: Account, transfer: Transfer) -> int:
    """Return by how much a transfer raises (or lowers, when negative) an account's balance."""
    sign = 1 if account.side is Side.ASSET else -1
    raised = transfer.amount if transfer.debit == account else 0
    lowered = transfer.amount if transfer.credit == account else 0
    return sign * (raised - lowered)


def reversal(original: Transaction, key: str) -> Transaction:
    """Return the transaction that takes `original` back (rules.md 26)."""
    back = tuple(Transfer(t.credit, t.debit, t.amount) for t in reversed(original.transfers))
    return Transaction(key, "reversal", original.currency, back, original.circle, original.key)
