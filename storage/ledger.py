"""The books in PostgreSQL: writes whole transactions, reads balances and lines, and proves them right.

All writing goes through the database's own `ledger_post`, which with the triggers around it holds the
promises of docs/ledger.md. Nothing here commits, and nothing is ever changed: a correction is a reversal
(rules.md 26). After a LedgerError the database transaction (or its savepoint) has to be rolled back.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Account, Side, Transaction, Transfer
from domain.money import Currency


class LedgerError(Exception):
    """The ledger refused; `subject` names the account, the transaction's key or the table.

    As itself it means that the tables were written past `ledger_post`; what callers meet has a class below.
    """

    def __init__(self, message: str, subject: str) -> None:
        super().__init__(message)
        self.subject = subject


class KeyReused(LedgerError):
    """The key (`subject`) was used before for another transaction."""


class AccountDiffers(LedgerError):
    """The account (`subject`) is kept with another side, currency or circle than the one given."""


class BelowFloor(LedgerError):
    """The account (`subject`) would fall below its floor."""


class Unbalanced(LedgerError):
    """The transaction (`subject`) has no postings, or they do not add up to zero."""


class NotReversible(LedgerError):
    """What the transaction (`subject`) takes back is not there, is a reversal, or is taken back inexactly."""


class AlreadyReversed(LedgerError):
    """The transaction was taken back before; `subject` tells its number."""


_BY_SQLSTATE: dict[str, type[LedgerError]] = {
    "PD001": KeyReused,
    "PD002": AccountDiffers,
    "PD003": BelowFloor,
    "PD004": Unbalanced,
    "PD009": NotReversible,
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


class Totals(NamedTuple):
    """What a currency's accounts hold in all, in minor units. The two sides are equal in right books."""

    currency: Currency
    assets: int
    liabilities: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of all the books counted, and for each check that failed its first fault."""

    accounts: int
    transactions: int
    postings: int
    faults: tuple[str, ...]


# Both in one trip to the database.
_SETTLE = "DO $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; END $$"


async def post(conn: AsyncConnection, transactions: Sequence[Transaction], at: datetime) -> None:
    """Write transactions in the order given; one whose key and content are there already changes nothing.

    Opens accounts that are not there and locks all of them in the order of their names. What a reversal takes
    back has to be written before this call. Raises KeyReused, AccountDiffers, BelowFloor, NotReversible or
    AlreadyReversed. The zero sum and the exactness of a reversal are checked by `settle_constraints`, or else
    by the commit.
    """
    if not transactions:
        return
    documents = {
        "entries": json.dumps([_entry(transaction) for transaction in transactions]),
        "accounts": json.dumps(_accounts(transactions)),
        "at": at,
    }
    async with _naming_faults():
        await conn.execute(
            text("SELECT ledger_post(CAST(:entries AS jsonb), CAST(:accounts AS jsonb), :at)"), documents
        )


async def settle_constraints(conn: AsyncConnection) -> None:
    """Run the checks that wait for the commit now. Raises Unbalanced or NotReversible."""
    async with _naming_faults():
        await conn.execute(text(_SETTLE))


async def lock_and_read(conn: AsyncConnection, circles: Sequence[str], names: Sequence[str] = ()) -> dict[str, int]:
    """Lock these circles' accounts and the named ones in one order; return the balance (minor units) by name.

    A database transaction that calls `post` more than once locks all it will touch here first, so that two of
    them never wait for each other. Accounts that are not there yet are left out.
    """
    found = await conn.execute(
        text("SELECT name, balance FROM ledger_lock(:circles, :names)"),
        {"circles": list(circles), "names": list(names)},
    )
    return {row.name: row.balance for row in found}


async def transaction(conn: AsyncConnection, key: str) -> Transaction | None:
    """Return what was written under a key, to build its reversal from; None when nothing was."""
    found = await conn.execute(text("SELECT * FROM ledger_transfer WHERE key = :key ORDER BY line"), {"key": key})
    rows = found.all()
    if not rows:
        return None
    transfers = tuple(
        Transfer(
            Account(row.debit, Side(row.debit_side), row.debit_circle),
            Account(row.credit, Side(row.credit_side), row.credit_circle),
            row.amount,
        )
        for row in rows
    )
    first = rows[0]
    return Transaction(key, first.kind, Currency(first.currency), transfers, first.circle, first.reverses)


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


_COUNTS = (
    "SELECT (SELECT count(*) FROM ledger_account) AS accounts,"
    " (SELECT count(*) FROM ledger_transaction) AS transactions,"
    " (SELECT count(*) FROM ledger_posting) AS postings"
)

# Each returns its first fault in words, and trusts no constraint or trigger to have prevented it. A statement
# sees one moment, so postings may go on meanwhile.
_CHECKS = (
    # Running balances and versions, from the first posting of each account on.
    """
    SELECT format('account %s, version %s: balance %s, expected version %s with balance %s',
        name, version, balance, next_version, next_balance)
    FROM (
        SELECT a.name, p.version, p.balance, row_number() OVER one AS next_version,
            sum(CASE a.side WHEN 'asset' THEN p.amount ELSE -p.amount END) OVER one AS next_balance
        FROM ledger_posting p JOIN ledger_account a ON a.id = p.account
        WINDOW one AS (PARTITION BY a.name, a.side ORDER BY p.version ROWS UNBOUNDED PRECEDING)
    ) walked
    WHERE version <> next_version OR balance <> next_balance ORDER BY name, version LIMIT 1
    """,
    # Each account against the sum of its postings.
    """
    SELECT format('account %s: balance %s at version %s over floor %s, its %s postings make %s',
        name, balance, version, floor, lines, total)
    FROM (
        SELECT a.name, a.balance, a.version, a.floor, coalesce(p.lines, 0) AS lines,
            coalesce(CASE a.side WHEN 'asset' THEN p.total ELSE -p.total END, 0) AS total
        FROM ledger_account a
        LEFT JOIN (
            SELECT account, sum(amount) AS total, count(*) AS lines FROM ledger_posting GROUP BY account
        ) p ON p.account = a.id
    ) summed
    WHERE balance <> total OR version <> lines OR balance < floor ORDER BY name LIMIT 1
    """,
    # Each transaction against its postings, and no posting outside a transaction and an account.
    """
    SELECT format('transaction %s: %s postings, sum %s, of them %s without an account of its currency',
        coalesce(t.key, 'number ' || p.transaction || ', which is not there'),
        coalesce(lines, 0), coalesce(total, 0), coalesce(outside, 0))
    FROM ledger_transaction t
    FULL JOIN (
        SELECT p.transaction, sum(amount) AS total, count(*) AS lines, min(p.currency) AS currency,
            count(*) FILTER (WHERE a.id IS NULL OR p.currency <> a.currency) AS outside
        FROM ledger_posting p LEFT JOIN ledger_account a ON a.id = p.account GROUP BY p.transaction
    ) p ON p.transaction = t.id
    WHERE t.id IS NULL OR p.transaction IS NULL OR lines < 2 OR total <> 0 OR outside > 0
        OR p.currency <> t.currency
    ORDER BY t.id NULLS FIRST LIMIT 1
    """,
    # Conservation: nothing comes from nowhere.
    """
    SELECT format('%s: assets %s, liabilities %s', currency, assets, liabilities)
    FROM (
        SELECT currency, coalesce(sum(balance) FILTER (WHERE side = 'asset'), 0) AS assets,
            coalesce(sum(balance) FILTER (WHERE side = 'liability'), 0) AS liabilities
        FROM ledger_account GROUP BY currency
    ) held
    WHERE assets <> liabilities ORDER BY currency LIMIT 1
    """,
)


async def verify(conn: AsyncConnection) -> Report:
    """Prove the whole of the books from the postings up: sums, running balances, versions, conservation.

    Takes as long as it takes: the connection's limit on a statement's time is lifted in this transaction.
    """
    await conn.execute(text("SELECT set_config('statement_timeout', '0', true)"))
    counts = (await conn.execute(text(_COUNTS))).one()
    faults = [(await conn.execute(text(check))).scalar_one_or_none() for check in _CHECKS]
    return Report(counts.accounts, counts.transactions, counts.postings, tuple(f for f in faults if f))


def _entry(transaction: Transaction) -> dict[str, object]:
    return {
        "key": transaction.key,
        "kind": transaction.kind,
        "currency": transaction.currency,
        "circle": transaction.circle,
        "reverses": transaction.reverses,
        "transfers": [
            {"debit": t.debit.name, "credit": t.credit.name, "amount": t.amount} for t in transaction.transfers
        ],
    }


def _accounts(transactions: Sequence[Transaction]) -> list[dict[str, str | None]]:
    """List every account named, once for each way it is named in (the database refuses a second way)."""
    named = {
        (account, transaction.currency)
        for transaction in transactions
        for transfer in transaction.transfers
        for account in (transfer.debit, transfer.credit)
    }
    return [{"name": a.name, "side": a.side, "currency": currency, "circle": a.circle} for a, currency in named]


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
