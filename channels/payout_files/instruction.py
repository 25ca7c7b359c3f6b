"""One payout as a bank has to be told of it, read from an order and checked before anything is written.

Owns the banks' routing numbers and what an order must hold. Never guesses an account or a branch: an order that
lacks one is refused with a reason, and its owner mends it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from domain.clearing import Method, choose
from domain.house import BUILT_IN, HouseRules
from domain.money import Currency, Money
from domain.people import BANK_ACCOUNT


class Unwritable(ValueError):
    """The order cannot be put into a file; the message says what is missing, without a name or a number."""


@dataclass(frozen=True, slots=True)
class Bank:
    """What a file has to say of a bank. An empty routing number or BIC is one that no source could be found for."""

    name: str
    number: str = ""
    bic: str = ""
    branch_needed: bool = False


BANKS = MappingProxyType({
    "NCB": Bank("National Commercial Bank Jamaica"),
    "SCOTIABANK": Bank("Bank of Nova Scotia Jamaica", "002", "NOSCJMKN", branch_needed=True),
    "SCOTIA": Bank("Bank of Nova Scotia Jamaica", "002", "NOSCJMKN", branch_needed=True),
    "JN BANK": Bank("JN Bank", bic="JNBSJMKN"),
    "SAGICOR": Bank("Sagicor Bank Jamaica"),
    "CIBC": Bank("CIBC Caribbean Bank Jamaica", bic="FCIBJMKN"),
    "JMMB": Bank("JMMB Bank Jamaica"),
    "FIRST GLOBAL": Bank("First Global Bank"),
})  # fmt: skip
"""By the name members know. 002 and the branch that Scotiabank needs: Bank of Jamaica, February 2022, and lists of
routing numbers; JNBSJMKN: JN Bank's own page. Numbers that the operator's bank gives go in here."""
BANK_DIGITS = 3
BRANCH_DIGITS = 5
_REF = re.compile(r"[A-Z0-9-]{1,16}")
REFUND = "REFUND"
"""What stands where an order has no payout's reference."""
_WALLET = re.compile(r"@?[A-Za-z0-9_.]{2,30}|\+?[0-9]{7,15}")


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose money it is: the operator and their account at the bank that gets the file."""

    name: str
    account: str = field(repr=False)
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One payout, checked. `wallet`: the account is a handle or telephone number."""

    ref: str
    amount: Money
    method: Method
    payee: str = field(repr=False)
    bank: Bank
    branch: str
    account: str = field(repr=False)
    account_kind: str = ""
    end_to_end_id: str = ""

    @property
    def member_id(self) -> str:
        """Routing number of bank and branch, 3 and 5 digits; empty unless both are known."""
        is_number = self.branch.isdecimal() and self.branch.isascii() and len(self.branch) <= BRANCH_DIGITS
        numbered = self.bank.number and is_number
        return f"{self.bank.number}{self.branch:0>{BRANCH_DIGITS}}" if numbered else ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one file holds: payouts of one currency, method and day, paid from one account."""

    id: str
    made_at: datetime
    executes_on: date
    method: Method
    currency: Currency
    payer: Payer
    lines: tuple[Instruction, ...]

    @property
    def total(self) -> Money:
        """The sum of all lines."""
        return sum((line.amount for line in self.lines), start=Money(0, self.currency))


def read(order: Mapping[str, Any], *, wallet: bool, rules: HouseRules = BUILT_IN) -> Instruction:
    """Return the instruction of an order (amount, currency, payee_name, bank, branch, account, payout_ref, ...).

    Raises Unwritable.
    """
    amount, ref = _amount(order), str(order.get("payout_ref"))
    account = re.sub(r"[\s-]", "", str(order.get("account") or ""))
    if not (_WALLET if wallet else BANK_ACCOUNT).fullmatch(account):
        raise Unwritable("the handle or number is missing" if wallet else "the account number is not 6 to 13 digits")
    if not str(order.get("payee_name") or "").strip():
        raise Unwritable("the payee has no name")
    bank, branch = (
        Bank("Lynk") if wallet else _bank(str(order.get("bank") or "")),
        str(order.get("branch") or "").strip(),
    )
    if bank.branch_needed and not branch:
        raise Unwritable("the branch is missing, which Scotiabank cannot do without")
    if branch.isdecimal() and len(branch) > BRANCH_DIGITS:
        raise Unwritable(f"the branch has more than {BRANCH_DIGITS} digits")
    most = rules.wallet_most
    if wallet and (amount.currency is not most.currency or amount > most):
        raise Unwritable(f"a Lynk wallet holds {most.text()} at most, in Jamaican dollars")
    return Instruction(
        ref=ref if _REF.fullmatch(ref) else REFUND,
        amount=amount,
        method=choose(amount, rules, wallet=wallet),
        payee=str(order["payee_name"]),
        bank=bank,
        branch=branch,
        account=account,
        account_kind=str(order.get("account_kind") or ""),
    )


def _amount(order: Mapping[str, Any]) -> Money:
    minor, currency = order.get("amount"), order.get("currency")
    if type(minor) is not int or minor <= 0 or currency not in set(Currency):
        raise Unwritable("the amount or its currency is missing")
    return Money(minor, Currency(currency))


def _bank(named: str) -> Bank:
    known = BANKS.get(" ".join(named.split()).upper())
    if known:
        return known
    if re.fullmatch(rf"[0-9]{{{BANK_DIGITS}}}", named):
        found = next((bank for bank in BANKS.values() if bank.number == named), None)
        return found or Bank(f"Bank {named}", named)
    raise Unwritable("the bank is missing or not one of those we know")
