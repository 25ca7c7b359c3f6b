"""The ledger as the phones' page shows it: accounts in words, by circle, and what moved last."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final

from domain.money import Money
from storage.glance import AccountLine, LedgerGlance, TransferLine
from storage.ledger import Totals

_OF_A_CIRCLE: Final[Mapping[str, str]] = {
    "cash": "Cash with the banker",
    "credit": "Credit",
    "pot": "Pot of round",
    "payable": "On its way, round",
    "fee": "Banker's fee",
}


async def ledger(glance: LedgerGlance) -> dict[str, Any]:
    """Totals by currency, accounts by circle, and the last transfers. Raises Unreachable."""
    accounts = await glance.accounts()
    owners = {account.name: account.owner for account in accounts}
    return {
        "totals": [_total(total) for total in await glance.totals()],
        "groups": [_group(list(lines)) for _, lines in groupby(accounts, lambda account: account.circle)],
        "transfers": [_transfer(line, owners) for line in await glance.last_transfers()],
    }


def label(name: str, owner: str = "") -> str:
    """An account's name in words: `circle:7K2MQ9:pot:3` is `Pot of round 3`."""
    match name.split(":"):
        case ["circle", _, "credit", _]:
            return f"Credit of {owner or 'a member'}"
        case ["circle", _, "debt", _]:
            return f"Debt of {owner or 'a member'}"
        case ["circle", _, kind, number]:
            return f"{_OF_A_CIRCLE.get(kind, kind)} {number}"
        case ["circle", _, kind]:
            return _OF_A_CIRCLE.get(kind, kind)
        case ["rail", rail, currency]:
            return f"{rail} ({currency})"
        case _:
            return name


def _total(total: Totals) -> dict[str, Any]:
    held, owed = Money(total.assets, total.currency), Money(total.liabilities, total.currency)
    return {"held": held.full(), "owed": owed.full(), "even": held == owed}


def _group(lines: list[AccountLine]) -> dict[str, Any]:
    first = lines[0]
    return {
        "title": f"{first.circle_name or first.circle} {first.circle}" if first.circle else "Rails",
        "note": first.circle_state.capitalize() if first.circle else "Money that stands with a rail",
        "accounts": [
            {
                "label": label(line.name, line.owner),
                "side": line.side,
                "balance": line.balance.full(),
                "zero": not line.balance,
            }
            for line in lines
        ],
    }


def _transfer(line: TransferLine, owners: Mapping[str, str]) -> dict[str, Any]:
    return {
        "at": line.at.isoformat(),
        "kind": f"{line.kind} (taken back)" if line.reverses else line.kind,
        "debit": label(line.debit, owners.get(line.debit, "")),
        "credit": label(line.credit, owners.get(line.credit, "")),
        "amount": line.amount.text(),
    }
