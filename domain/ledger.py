"""The books in words: which accounts there are, and transactions made of (debit, credit, amount) transfers.

A transfer cannot be unbalanced, and a transaction is one currency. Assets grow by debits, liabilities by
credits; no account falls below its floor, and what is held on it is not there to be spent. The database holds
all of this a second time (storage/ledger.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.money import Currency
from domain.payments import TRANSFER_CARRIERS


class Side(StrEnum):
    """Which way an account grows."""

    ASSET = "asset"
    LIABILITY = "liability"


OPEN_FLOOR: Final = -(10**15)
"""The floor of an account that may really be below zero: out of reach, and yet a bound."""

EXTERNAL_CARRIERS: Final = frozenset({"stripe", "powertranz", *TRANSFER_CARRIERS})
"""Carriers that may take money out of what stands with them by themselves (fees, disputes, bank charges)."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the chart (docs/ledger.md). What it is opened with stays for good, its floor too.

    `floor`, in minor units: its balance without what is held on it never falls below. Zero: not to be overdrawn.
    """

    name: str
    side: Side
    circle: str | None = None
    floor: int = 0


def rail(name: str, currency: Currency) -> Account:
    """Money that stands with a carrier, all circles together.

    With an outside carrier it may be below zero: a carrier takes its fees and disputes when it likes.
    """
    floor = OPEN_FLOOR if name in EXTERNAL_CARRIERS else 0
    return Account(f"rail:{name}:{currency}", Side.ASSET, floor=floor)


def suspense(carrier: str, currency: Currency) -> Account:
    """Money with a carrier that nobody was found for yet; below zero when more left it so than came."""
    return Account(f"suspense:{carrier}:{currency}", Side.LIABILITY, floor=OPEN_FLOOR)


def transit(currency: Currency) -> Account:
    """Money a carrier has paid out to our bank and the bank has not shown yet; below zero when the bank is first."""
    return Account(f"transit:{currency}", Side.ASSET, floor=OPEN_FLOOR)


def costs(carrier: str, currency: Currency) -> Account:
    """What a carrier kept for itself, borne by the operator; below zero when it gave back more than it took."""
    return Account(f"costs:{carrier}:{currency}", Side.ASSET, floor=OPEN_FLOOR)


def operator(currency: Currency) -> Account:
    """The operator's own money put in, to bear what members shall not."""
    return Account(f"operator:{currency}", Side.LIABILITY)


def exchange(currency: Currency) -> Account:
    """One side of the currency position: an exchange is a pair of transactions, one on each currency's account.

    Above zero: more of this currency was taken in than given out. Both halves belong in one database transaction.
    """
    return Account(f"exchange:{currency}", Side.LIABILITY, floor=OPEN_FLOOR)


def house(carriers: Iterable[str]) -> list[Account]:
    """Return the accounts that belong to no circle, for these carriers in every currency."""
    accounts = []
    for currency in Currency:
        accounts += [transit(currency), operator(currency), exchange(currency)]
        for carrier in carriers:
            accounts += [rail(carrier, currency), suspense(carrier, currency), costs(carrier, currency)]
    return accounts


def debt(circle: str, person: str) -> Account:
    """What a member owes the circle because a payment was taken back after it was used (a chargeback)."""
    return Account(f"circle:{circle}:debt:{person}", Side.ASSET, circle)


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


def reserve(circle: str) -> Account:
    """What is kept of each pot, and late fees: for short pots, and at the end for all hands (rules.md 28, 49)."""
    return Account(f"circle:{circle}:reserve", Side.LIABILITY, circle)


def fee(circle: str) -> Account:
    """What the circle owes its banker: the fee (rules.md 31), and what they covered and was made good (36)."""
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
    resolves: str | None = None
    """The key of the hold that this one posts, in one transfer between the same accounts, whole or in part."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The first step of a transfer in two: `amount` is kept for it, and it ends once, posted or voided, for ever.

    Held is what it would lower: an asset that is credited, a liability that is debited; both, one or neither.
    `key` makes it happen once, for ever; keys of holds and of transactions do not meet.
    """

    key: str
    kind: str
    currency: Currency
    debit: Account
    credit: Account
    amount: int
    circle: str | None = None

    def __post_init__(self) -> None:
        self.transfer()

    def transfer(self) -> Transfer:
        """Return what is held back. Raises ValueError as a Transfer does."""
        return Transfer(self.debit, self.credit, self.amount)


def lowered(hold: Hold) -> tuple[Account, ...]:
    """Return the accounts on which the amount is held."""
    return tuple(account for account in (hold.debit, hold.credit) if effect(account, hold.transfer()) < 0)


def posted(hold: Hold, key: str, amount: int | None = None) -> Transaction:
    """Return the transaction that ends a hold by moving `amount` (all of it when None); the rest is let go.

    Raises ValueError when more is moved than was held.
    """
    moved = hold.amount if amount is None else amount
    if moved > hold.amount:
        raise ValueError(f"{hold.amount} is held, and {moved} cannot be posted of it")
    transfers = (Transfer(hold.debit, hold.credit, moved),)
    return Transaction(key, hold.kind, hold.currency, transfers, hold.circle, resolves=hold.key)


def effect(account: Account, transfer: Transfer) -> int:
    """Return by how much a transfer raises (or lowers, when negative) an account's balance."""
    sign = 1 if account.side is Side.ASSET else -1
    raised = transfer.amount if transfer.debit == account else 0
    lowered = transfer.amount if transfer.credit == account else 0
    return sign * (raised - lowered)


def reversal(original: Transaction, key: str) -> Transaction:
    """Return the transaction that takes `original` back (rules.md 26). A hold it resolved stays resolved."""
    back = tuple(Transfer(t.credit, t.debit, t.amount) for t in reversed(original.transfers))
    return Transaction(key, "reversal", original.currency, back, original.circle, original.key)
