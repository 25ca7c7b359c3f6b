"""The books in PostgreSQL: writes whole transactions and holds, reads balances and lines.

All writing goes through the database's own doors (`ledger_post`, `ledger_reserve`, `ledger_void`), which with
the triggers around them hold the promises of docs/ledger.md. Nothing here commits, and nothing is ever changed: a
correction is a reversal (rules.md 26). After a LedgerError the database transaction (or its savepoint) has to be
rolled back. What proves the books (storage/proof.py) is met here as well.
"""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Account, Hold, Side, Transaction, Transfer
from domain.money import Currency
from storage.proof import Clearing, Report, clearing, current_mark, positions, privileges, subject, verify, verify_since

__all__ = [
    "AccountDiffers",
    "AlreadyResolved",
    "AlreadyReversed",
    "BelowFloor",
    "Clearing",
    "Held",
    "KeyReused",
    "LedgerError",
    "Line",
    "NotResolvable",
    "NotReversible",
    "Report",
    "Standing",
    "Totals",
    "Unbalanced",
    "available",
    "clearing",
    "current_mark",
    "held",
    "hold",
    "lock_and_read",
    "lock_standings",
    "open_balances",
    "open_holds",
    "positions",
    "post",
    "post_each",
    "privileges",
    "settle_constraints",
    "statement",
    "subject",
    "totals",
    "transaction",
    "transactions",
    "verify",
    "verify_since",
    "void",
]


class LedgerError(Exception):
    """The ledger refused; `subject` names the account, the transaction's key or the table.

    As itself it means that the tables were written past `ledger_post`; what callers meet has a class below.
    """

    def __init__(self, message: str, subject: str) -> None:
        super().__init__(message)
        self.subject = subject


class KeyReused(LedgerError):
    """The key (`subject`) was used before for another transaction, or another hold."""


class AccountDiffers(LedgerError):
    """The account (`subject`) is kept with another side, currency, circle or floor than the one given."""


class BelowFloor(LedgerError):
    """The account (`subject`), without what is held on it, would fall below its floor."""


class Unbalanced(LedgerError):
    """The transaction (`subject`) has no postings, or they do not add up to zero."""


class NotReversible(LedgerError):
    """What the transaction (`subject`) takes back is not there, is a reversal, or is taken back inexactly."""


class AlreadyReversed(LedgerError):
    """The transaction was taken back before; `subject` tells its number."""


class NotResolvable(LedgerError):
    """The hold is not there, or the transaction (`subject`) moves more than it, or anything else.

    From `void`, where only the first can be, `subject` is the key of the hold.
    """


class AlreadyResolved(LedgerError):
    """The hold (`subject`) was posted or voided before, in another way."""


_BY_SQLSTATE: dict[str, type[LedgerError]] = {
    "PD001": KeyReused,
    "PD002": AccountDiffers,
    "PD003": BelowFloor,
    "PD004": Unbalanced,
    "PD009": NotReversible,
    "PD010": NotResolvable,
    "PD011": AlreadyResolved,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer as the books show it, `amount` in minor units."""

    at: datetime
    key: str
    kind: str
    debit: str
    credit: str
    amount: int
    currency: Currency


@dataclass(frozen=True, slots=True)
class Held:
    """A hold as the books show it. `resolved_by`: the key of the transaction that posted it."""

    hold: Hold
    state: Literal["open", "posted", "voided"]
    resolved_by: str | None


class Standing(NamedTuple):
    """Where an account stands, in minor units. `available` is the balance less what is held."""

    balance: int
    available: int


class Totals(NamedTuple):
    """What a currency's accounts hold in all, in minor units. The two sides are equal in right books."""

    currency: Currency
    assets: int
    liabilities: int


# Both in one trip to the database.
_SETTLE = "DO $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; END $$"


async def post(conn: AsyncConnection, transactions: Sequence[Transaction], at: datetime) -> None:
    """Write transactions in the order given; one whose key and content are there already changes nothing.

    Opens accounts that are not there and locks all of them in the order of their names. What a reversal takes
    back, and the hold that a transaction resolves, have to be written before this call; what is held for all that
    the call resolves is let go of before its first posting. Raises KeyReused, AccountDiffers, BelowFloor,
    NotReversible, AlreadyReversed, NotResolvable or AlreadyResolved. The zero sum, the exactness of a reversal and
    what a transaction moves of its hold are checked by `settle_constraints`, or else by the commit.
    """
    await post_each(conn, [(at, transaction) for transaction in transactions])


async def post_each(conn: AsyncConnection, written: Sequence[tuple[datetime, Transaction]]) -> None:
    """As `post`, each transaction at a time of its own: one call, however many times there are."""
    if not written:
        return
    named = {
        (account, transaction.currency)
        for _, transaction in written
        for transfer in transaction.transfers
        for account in (transfer.debit, transfer.credit)
    }
    entries = [_entry(transaction) | {"at": at.isoformat()} for at, transaction in written]
    await _call(conn, "ledger_post", entries, named, written[-1][0])


async def hold(conn: AsyncConnection, holds: Sequence[Hold], at: datetime) -> None:
    """Take the first step of transfers: keep each amount on the accounts it would lower, until it is resolved.

    Posting them is `post` of `domain.ledger.posted`. One whose key and content are there already changes nothing,
    whatever has become of it since. Opens and locks accounts as `post` does. Raises KeyReused, AccountDiffers or
    BelowFloor.
    """
    if not holds:
        return
    named = {(account, made.currency) for made in holds for account in (made.debit, made.credit)}
    await _call(conn, "ledger_reserve", [_held_entry(made) for made in holds], named, at)


async def void(conn: AsyncConnection, keys: Sequence[str], at: datetime) -> None:
    """Let go of holds without moving anything; one that is voided already changes nothing.

    Raises NotResolvable when there is no such hold, AlreadyResolved when it was posted.
    """
    if not keys:
        return
    async with _naming_faults():
        await conn.execute(text("SELECT ledger_void(:keys, :at)"), {"keys": list(keys), "at": at})


async def settle_constraints(conn: AsyncConnection) -> None:
    """Run the checks that wait for the commit now. Raises Unbalanced, NotReversible or NotResolvable."""
    async with _naming_faults():
        await conn.execute(text(_SETTLE))


async def lock_and_read(conn: AsyncConnection, circles: Sequence[str], names: Sequence[str] = ()) -> dict[str, int]:
    """Lock these circles' accounts and the named ones in one order; return the balance (minor units) by name.

    A database transaction that calls `post`, `hold` or `void` more than once locks all it will touch here first,
    so that two of them never wait for each other. Accounts that are not there yet are left out.
    """
    return {name: standing.balance for name, standing in (await lock_standings(conn, circles, names)).items()}


async def available(conn: AsyncConnection, names: Sequence[str]) -> dict[str, int]:
    """Lock the named accounts; return what is there to be spent (the balance less what is held) by name."""
    return {name: standing.available for name, standing in (await lock_standings(conn, (), names)).items()}


async def lock_standings(
    conn: AsyncConnection, circles: Sequence[str], names: Sequence[str] = ()
) -> dict[str, Standing]:
    """As `lock_and_read`, and return with each balance what of it is available."""
    found = await conn.execute(
        text("SELECT name, balance, available FROM ledger_lock(:circles, :names)"),
        {"circles": list(circles), "names": list(names)},
    )
    return {name: Standing(balance, available) for name, balance, available in found.all()}


async def transaction(conn: AsyncConnection, key: str) -> Transaction | None:
    """Return what was written under a key, to build its reversal from; None when nothing was."""
    return (await transactions(conn, [key])).get(key)


async def transactions(conn: AsyncConnection, keys: Sequence[str]) -> dict[str, Transaction]:
    """Return what was written under each of these keys, where anything was."""
    if not keys:
        return {}
    asked = text("SELECT * FROM ledger_transfer WHERE key = ANY(:keys) ORDER BY id, line")
    rows = (await conn.execute(asked, {"keys": list(keys)})).all()
    return {key: _transaction(key, list(its)) for key, its in groupby(rows, key=lambda row: row.key)}


def _transaction(key: str, rows: Sequence[Any]) -> Transaction:
    transfers = tuple(
        Transfer(
            Account(row.debit, Side(row.debit_side), row.debit_circle, row.debit_floor),
            Account(row.credit, Side(row.credit_side), row.credit_circle, row.credit_floor),
            row.amount,
        )
        for row in rows
    )
    first = rows[0]
    currency = Currency(first.currency)
    return Transaction(key, first.kind, currency, transfers, first.circle, first.reverses, first.resolves)


_HOLDS = """
SELECT h.key, h.kind, h.currency, h.circle, h.amount, r.hold IS NOT NULL AS resolved, t.key AS resolved_by,
    d.name AS debit, d.side AS debit_side, d.circle AS debit_circle, d.floor AS debit_floor,
    c.name AS credit, c.side AS credit_side, c.circle AS credit_circle, c.floor AS credit_floor
FROM ledger_hold h
JOIN ledger_account d ON d.id = h.debit
JOIN ledger_account c ON c.id = h.credit
LEFT JOIN ledger_resolution r ON r.hold = h.id
LEFT JOIN ledger_transaction t ON t.id = r.transaction
"""


async def held(conn: AsyncConnection, key: str) -> Held | None:
    """Return the hold written under a key and what became of it; None when none was."""
    found = await conn.execute(text(f"{_HOLDS} WHERE h.key = :key"), {"key": key})
    return next((_held(row) for row in found), None)


async def open_holds(conn: AsyncConnection, circle: str) -> list[Held]:
    """Return a circle's holds that nothing has resolved, in the order they were written."""
    found = await conn.execute(
        text(f"{_HOLDS} WHERE h.circle = :circle AND r.hold IS NULL ORDER BY h.id"), {"circle": circle}
    )
    return [_held(row) for row in found]


async def statement(conn: AsyncConnection, circle: str) -> list[Line]:
    """Return the transfers of a circle's transactions in the order they were written."""
    found = await conn.execute(
        text(
            "SELECT at, key, kind, debit, credit, amount, currency FROM ledger_transfer"
            " WHERE circle = :circle ORDER BY id, line"
        ),
        {"circle": circle},
    )
    return [Line(row.at, row.key, row.kind, row.debit, row.credit, row.amount, Currency(row.currency)) for row in found]


async def open_balances(conn: AsyncConnection, circle: str) -> dict[str, int]:
    """Return the balances (minor units) of a circle's accounts that are not zero, by name."""
    found = await conn.execute(
        text("SELECT name, balance FROM ledger_account WHERE circle = :circle AND balance <> 0 ORDER BY 1"),
        {"circle": circle},
    )
    return {row.name: row.balance for row in found}


async def totals(conn: AsyncConnection) -> list[Totals]:
    """Return what all accounts hold, by currency and side."""
    found = await conn.execute(
        text(
            "SELECT currency, coalesce(sum(balance) FILTER (WHERE side = 'asset'), 0)::bigint AS assets,"
            " coalesce(sum(balance) FILTER (WHERE side = 'liability'), 0)::bigint AS liabilities"
            " FROM ledger_account GROUP BY currency ORDER BY currency"
        )
    )
    return [Totals(Currency(row.currency), row.assets, row.liabilities) for row in found]


async def _call(
    conn: AsyncConnection,
    door: str,
    entries: Sequence[dict[str, object]],
    named: Iterable[tuple[Account, Currency]],
    at: datetime,
) -> None:
    """Call a door with its entries and every account they name, once for each way it is named in.

    The database refuses a second way.
    """
    accounts = [
        {"name": a.name, "side": a.side, "currency": currency, "circle": a.circle, "floor": a.floor}
        for a, currency in named
    ]
    documents = {"entries": json.dumps(entries), "accounts": json.dumps(accounts), "at": at}
    async with _naming_faults():
        await conn.execute(text(f"SELECT {door}(CAST(:entries AS jsonb), CAST(:accounts AS jsonb), :at)"), documents)


def _entry(transaction: Transaction) -> dict[str, object]:
    """The inputs whose hash is kept for ever: what is written once may never come out otherwise.

    The time that goes with them is no part of the hash.
    """
    resolves = {} if transaction.resolves is None else {"resolves": transaction.resolves}
    return {
        "key": transaction.key,
        "kind": transaction.kind,
        "currency": transaction.currency,
        "circle": transaction.circle,
        "reverses": transaction.reverses,
        "transfers": [
            {"debit": t.debit.name, "credit": t.credit.name, "amount": t.amount} for t in transaction.transfers
        ],
        **resolves,
    }


def _held_entry(made: Hold) -> dict[str, object]:
    return {
        "key": made.key,
        "kind": made.kind,
        "currency": made.currency,
        "circle": made.circle,
        "debit": made.debit.name,
        "credit": made.credit.name,
        "amount": made.amount,
    }


def _held(row: Any) -> Held:
    debit = Account(row.debit, Side(row.debit_side), row.debit_circle, row.debit_floor)
    credit = Account(row.credit, Side(row.credit_side), row.credit_circle, row.credit_floor)
    made = Hold(row.key, row.kind, Currency(row.currency), debit, credit, row.amount, row.circle)
    if not row.resolved:
        return Held(made, "open", None)
    return Held(made, "posted" if row.resolved_by else "voided", row.resolved_by)


@asynccontextmanager
async def _naming_faults() -> AsyncIterator[None]:
    """Turn the database's refusals into LedgerErrors; any other error goes through."""
    try:
        yield
    except DBAPIError as error:
        fault = error.orig.__cause__ if error.orig else None
        code, detail = getattr(fault, "sqlstate", None), getattr(fault, "detail", None) or ""
        if code and code.startswith("PD"):
            raise _BY_SQLSTATE.get(code, LedgerError)(str(fault).splitlines()[0], detail) from error
        if getattr(fault, "constraint_name", None) == "ledger_transaction_reverses_key":
            raise AlreadyReversed("this transaction was taken back before", detail) from error
        raise
