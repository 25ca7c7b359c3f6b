"""Every constraint and trigger of the ledger holds off an attack that succeeds once it alone is gone.

The attacks are plain SQL by the tables' owner, past the function that writes the books. Accounts 1 (`a`, an
asset) and 2 (`b`, a liability) hold 100 at version 3 each; 3 (`c`) and 4 (`d`) are the same in US dollars,
without postings. Transaction 1 is `old`; 2, `undone`, moved 30 and was taken back by 3, `undo`. Hold 4, `open`,
keeps 40 on both for a transfer from b to a; 5, `gone`, kept 10 and was voided; 6, `due`, the other way round, keeps
nothing. Each has three lines of what was held.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy import make_url

from domain.ledger import Account, Hold, Side, Transaction, Transfer, reversal
from domain.money import Currency
from storage.embedded import EmbeddedPostgres
from storage.engine import make_engine
from storage.ledger import hold, post, verify, void

A, B = Account("a", Side.ASSET, "C"), Account("b", Side.LIABILITY, "C")
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SETTLE = "SET CONSTRAINTS ALL IMMEDIATE"

ACCOUNT = "INSERT INTO ledger_account (name, side, currency, balance, version, floor) VALUES"
STANDING = "INSERT INTO ledger_account (name, side, currency, held, hold_version) VALUES"
NUMBERED = "INSERT INTO ledger_account (id, name, side, currency) OVERRIDING SYSTEM VALUE VALUES"


def entry(currency: str = "'JMD'", reverses: str = "NULL", number: int = 100, **columns: str) -> str:
    """SQL for a row of ledger_transaction; any column may be given another value."""
    values = {
        "id": str(number),
        "key": f"'k{number}'",
        "kind": "'throw'",
        "currency": currency,
        "at": "now()",
        "reverses": reverses,
        "fingerprint": "''",
    } | columns
    names, shown = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO ledger_transaction ({names}) OVERRIDING SYSTEM VALUE VALUES ({shown})"


def lines(*rows: str) -> str:
    """SQL for postings written together: `transaction, line, account, currency, amount, balance, version`."""
    return f"INSERT INTO ledger_posting VALUES ({'), ('.join(rows)})"


def held(number: int = 100, **columns: str) -> str:
    """SQL for a row of ledger_hold, of 50 from b to a; any column may be given another value."""
    values = {
        "id": str(number),
        "key": f"'h{number}'",
        "kind": "'payout'",
        "currency": "'JMD'",
        "at": "now()",
        "debit": "2",
        "credit": "1",
        "amount": "50",
        "fingerprint": "''",
    } | columns
    return f"INSERT INTO ledger_hold ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def ended(hold: str, transaction: str = "NULL", **columns: str) -> str:
    """SQL for a row of ledger_resolution."""
    values = {"hold": hold, "transaction": transaction, "at": "now()"} | columns
    return f"INSERT INTO ledger_resolution ({', '.join(values)}) VALUES ({', '.join(values.values())})"


GOOD = (entry(), lines("100, 1, 1, 'JMD', 50, 150, 4", "100, 2, 2, 'JMD', -50, 150, 4"), SETTLE)
MORE = lines("100, 1, 1, 'JMD', 50, 200, 5", "100, 2, 2, 'JMD', -50, 200, 5")
PAID = (
    entry(),
    ended("4", "100"),
    lines("100, 1, 2, 'JMD', 40, 60, 4", "100, 2, 1, 'JMD', -40, 60, 4"),
    SETTLE,
)
NEXT = "INSERT INTO ledger_held (account, version, hold, amount, held) VALUES"
SEALED = "INSERT INTO ledger_line (book, n, transaction, line, said) VALUES"
HEAD = "INSERT INTO ledger_head (book, lines, link, peaks, head, sealed_at) VALUES"
STAND_IN = """CREATE TEMP TABLE ledger_posting AS
    SELECT 1::bigint AS account, 999::bigint AS balance, 99::bigint AS version"""
CHANGE_ON_CONFLICT = """INSERT INTO ledger_posting SELECT * FROM ledger_posting
    ON CONFLICT (account, version) DO UPDATE SET amount = excluded.amount * 2"""
DOOR = """SELECT ledger_post(
    '[{"key": "%s", "kind": "throw", "currency": "JMD", "circle": null, "reverses": %s,
        "transfers": [{"debit": "a", "credit": "b", "amount": 1}]}]',
    '[{"name": "a", "side": "%s", "currency": "JMD", "circle": "C"},
    {"name": "b", "side": "liability", "currency": "JMD", "circle": "C"}]', now())"""

RESERVE = """SELECT ledger_reserve(
    '[{"key": "%s", "kind": "payout", "currency": "JMD", "circle": null, "debit": "b", "credit": "a", "amount": 61}]',
    '[{"name": "a", "side": "asset", "currency": "JMD", "circle": "C"},
    {"name": "b", "side": "liability", "currency": "JMD", "circle": "C"}]', now())"""

# Guard -> attacks on it, each with the SQLSTATE that must stop it.
ATTACKS: dict[str, list[tuple[str, tuple[str, ...]]]] = {
    "ledger_account_pkey": [("23505", (f"{NUMBERED} (3, 'twin', 'asset', 'JMD')",))],
    "ledger_account_name_key": [("23505", (f"{NUMBERED} (9, 'a', 'asset', 'JMD')",))],
    "ledger_account_name_not_null": [("23502", (f"{ACCOUNT} (NULL, 'asset', 'JMD', 0, 0, 0)",))],
    "ledger_account_side_check": [("23514", (f"{ACCOUNT} ('x', 'equity', 'JMD', 0, 0, 0)",))],
    "ledger_account_side_not_null": [("23502", (f"{ACCOUNT} ('x', NULL, 'JMD', 0, 0, 0)",))],
    "ledger_account_currency_check": [("23514", (f"{ACCOUNT} ('x', 'asset', 'EUR', 0, 0, 0)",))],
    "ledger_account_currency_not_null": [("23502", (f"{ACCOUNT} ('x', 'asset', NULL, 0, 0, 0)",))],
    "ledger_account_balance_not_null": [("23502", (f"{ACCOUNT} ('x', 'asset', 'JMD', NULL, 0, 0)",))],
    "ledger_account_version_not_null": [("23502", (f"{ACCOUNT} ('x', 'asset', 'JMD', 0, NULL, 0)",))],
    "ledger_account_floor_not_null": [("23502", (f"{ACCOUNT} ('x', 'asset', 'JMD', 0, 0, NULL)",))],
    "ledger_account_floor": [("23514", (f"{ACCOUNT} ('x', 'asset', 'JMD', 0, 0, 10)",))],
    "ledger_account_held_not_null": [("23502", (f"{STANDING} ('x', 'asset', 'JMD', NULL, 0)",))],
    "ledger_account_hold_version_not_null": [("23502", (f"{STANDING} ('x', 'asset', 'JMD', 0, NULL)",))],
    "ledger_account_held_opened": [
        ("PD008", (f"{STANDING} ('x', 'asset', 'JMD', -5, 0)",)),
        ("PD008", (f"{STANDING} ('x', 'asset', 'JMD', 0, 7)",)),
    ],
    "ledger_account_held_moved": [
        ("PD008", ("UPDATE ledger_account SET held = 0 WHERE id = 1",)),
        ("PD008", ("UPDATE ledger_account SET hold_version = hold_version + 1 WHERE id = 3",)),
    ],
    # Dropping it drops the foreign key that stands on it: postings in a currency that is not the account's.
    "ledger_account_id_currency_key": [
        (
            "23503",
            (entry("'USD'"), lines("100, 1, 1, 'USD', 5, 105, 4", "100, 2, 2, 'USD', -5, 105, 4"), SETTLE),
        )
    ],
    "ledger_account_kept": [("PD007", ("DELETE FROM ledger_account WHERE id = 3",))],
    "ledger_account_same": [
        ("PD007", ("UPDATE ledger_account SET name = 'mine' WHERE id = 1",)),
        ("PD007", ("UPDATE ledger_account SET side = 'asset' WHERE id = 2",)),
        ("PD007", ("UPDATE ledger_account SET currency = 'JMD' WHERE id = 3",)),
        ("PD007", ("UPDATE ledger_account SET circle = NULL WHERE id = 1",)),
        ("PD007", ("UPDATE ledger_account SET floor = -1000 WHERE id = 1",)),
    ],
    "ledger_account_opened": [
        ("PD008", (f"{ACCOUNT} ('x', 'asset', 'JMD', 5, 0, 0)",)),
        ("PD008", (f"{ACCOUNT} ('x', 'asset', 'JMD', 0, 7, 0)",)),
    ],
    "ledger_account_moved": [
        ("PD008", ("UPDATE ledger_account SET balance = balance + 1 WHERE id = 1",)),
        ("PD008", ("UPDATE ledger_account SET version = version - 1 WHERE id = 1",)),
        ("PD008", (STAND_IN, "UPDATE public.ledger_account SET balance = 999, version = 99 WHERE id = 1")),
    ],
    "ledger_transaction_pkey": [("23505", (entry("'USD'", number=1, key="'k'"), SETTLE))],
    "ledger_transaction_key_key": [("23505", (entry(key="'old'"), *GOOD[1:]))],
    "ledger_transaction_key_not_null": [("23502", (entry(key="NULL"), *GOOD[1:]))],
    "ledger_transaction_kind_not_null": [("23502", (entry(kind="NULL"), *GOOD[1:]))],
    # Its postings could not follow: their own currency may not be missing.
    "ledger_transaction_currency_not_null": [("23502", (entry("NULL"),))],
    "ledger_transaction_at_not_null": [("23502", (entry(at="NULL"), *GOOD[1:]))],
    "ledger_transaction_fingerprint_not_null": [("23502", (entry(fingerprint="NULL"), *GOOD[1:]))],
    "ledger_transaction_xid_not_null": [("23502", (entry(xid="NULL"), *GOOD[1:]))],
    "ledger_transaction_id_currency_key": [
        ("23503", (entry(), lines("100, 1, 3, 'USD', 5, 5, 1", "100, 2, 4, 'USD', -5, 5, 1"), SETTLE))
    ],
    "ledger_transaction_reverses_key": [
        (
            "23505",
            (
                entry(reverses="2"),
                lines("100, 1, 1, 'JMD', -30, 70, 4", "100, 2, 2, 'JMD', 30, 70, 4"),
                SETTLE,
            ),
        )
    ],
    "ledger_transaction_reverses_currency_fkey": [
        (
            "23503",
            (
                entry(reverses="999"),
                lines("100, 1, 1, 'JMD', 5, 105, 4", "100, 2, 1, 'JMD', -5, 100, 5"),
                SETTLE,
            ),
        )
    ],
    "ledger_transaction_kept": [
        ("PD007", ("UPDATE ledger_transaction SET kind = 'gift' WHERE id = 1",)),
        ("PD007", ("UPDATE ledger_transaction SET xid = pg_current_xact_id() WHERE id = 1",)),
    ],
    "ledger_transaction_whole": [
        ("PD004", (entry(), SETTLE)),
        ("PD004", (entry(), lines("100, 1, 1, 'JMD', 5, 105, 4"), SETTLE)),
        ("PD004", (entry(), lines("100, 1, 1, 'JMD', 5, 105, 4", "100, 2, 2, 'JMD', -4, 104, 4"), SETTLE)),
        # A reversal of the reversal; and one that takes back less than the whole.
        (
            "PD009",
            (
                entry(reverses="3"),
                lines("100, 1, 1, 'JMD', 30, 130, 4", "100, 2, 2, 'JMD', -30, 130, 4"),
                SETTLE,
            ),
        ),
        (
            "PD009",
            (entry(reverses="1"), lines("100, 1, 1, 'JMD', -9, 91, 4", "100, 2, 2, 'JMD', 9, 91, 4"), SETTLE),
        ),
    ],
    "ledger_posting_transaction_line_key": [("23505", (*GOOD, MORE))],
    "ledger_posting_transaction_not_null": [("23502", (lines("NULL, 1, 1, 'JMD', 50, 150, 4"), SETTLE))],
    "ledger_posting_line_not_null": [
        (
            "23502",
            (
                entry(),
                lines(
                    "100, 1, 1, 'JMD', 50, 150, 4",
                    "100, 3, 2, 'JMD', -25, 125, 4",
                    "100, NULL, 2, 'JMD', -25, 150, 5",
                ),
                SETTLE,
            ),
        )
    ],
    "ledger_posting_currency_not_null": [
        ("23502", (entry(), lines("100, 1, 1, NULL, 50, 150, 4", "100, 2, 2, NULL, -50, 150, 4"), SETTLE))
    ],
    "ledger_posting_amount_not_null": [
        ("23502", (entry(), lines("100, 1, 1, 'JMD', NULL, 999, 4", "100, 2, 2, 'JMD', NULL, 99, 4"), SETTLE))
    ],
    "ledger_posting_amount_check": [
        ("23514", (entry(), lines("100, 1, 1, 'JMD', 0, 100, 4", "100, 2, 2, 'JMD', 0, 100, 4"), SETTLE))
    ],
    "ledger_posting_balance_not_null": [
        (
            "23502",
            (
                entry(),
                lines(
                    "100, 1, 1, 'JMD', 9, NULL, 4",
                    "100, 2, 1, 'JMD', 1, 110, 5",
                    "100, 3, 2, 'JMD', -10, 110, 4",
                ),
                SETTLE,
            ),
        )
    ],
    "ledger_posting_transaction_currency_fkey": [
        ("23503", (lines("999, 1, 1, 'JMD', 50, 150, 4", "999, 2, 2, 'JMD', -50, 150, 4"), SETTLE))
    ],
    "ledger_posting_account_currency_fkey": [
        ("23503", (entry(), lines("100, 1, 77, 'JMD', 50, 50, 1", "100, 2, 2, 'JMD', -50, 150, 4"), SETTLE))
    ],
    "ledger_posting_kept": [
        ("PD007", ("UPDATE ledger_posting SET amount = -amount",)),
        ("PD007", ("DELETE FROM ledger_posting WHERE transaction = 1",)),
        ("PD007", ("TRUNCATE ledger_posting",)),
        ("PD007", (CHANGE_ON_CONFLICT,)),
    ],
    "ledger_posting_written": [
        # Below the floor, if only for a moment.
        (
            "PD003",
            (
                entry(),
                lines(
                    "100, 1, 2, 'JMD', 101, -1, 4",
                    "100, 2, 1, 'JMD', -100, 0, 4",
                    "100, 3, 2, 'JMD', -101, 100, 5",
                    "100, 4, 1, 'JMD', 100, 100, 5",
                ),
                SETTLE,
            ),
        ),
        # What is held for another.
        (
            "PD003",
            (entry(), lines("100, 1, 2, 'JMD', 61, 39, 4", "100, 2, 1, 'JMD', -61, 39, 4"), SETTLE),
        ),
        # A balanced pair more for an old transaction, and for one of this very database transaction.
        ("PD005", (lines("1, 3, 1, 'JMD', 50, 150, 4", "1, 4, 2, 'JMD', -50, 150, 4"), SETTLE)),
        ("PD005", (*GOOD, lines("100, 3, 1, 'JMD', 50, 200, 5", "100, 4, 2, 'JMD', -50, 200, 5"))),
        # A transaction that claims to be of another database transaction, and one numbered with a gap.
        ("PD005", (entry(xid="'3'"), *GOOD[1:])),
        ("PD005", (entry(), lines("100, 1, 1, 'JMD', 5, 105, 4", "100, 3, 2, 'JMD', -5, 105, 4"))),
        ("PD006", (entry(), lines("100, 1, 1, 'JMD', 50, 999, 4", "100, 2, 2, 'JMD', -50, 150, 4"), SETTLE)),
        ("PD006", (entry(), lines("100, 1, 1, 'JMD', 50, 150, 9", "100, 2, 2, 'JMD', -50, 150, 4"), SETTLE)),
    ],
    "ledger_hold_pkey": [("23505", (held(number=6, key="'x'", debit="1", credit="2"),))],
    "ledger_hold_key_key": [("23505", (held(key="'open'"),))],
    "ledger_hold_key_not_null": [("23502", (held(key="NULL"),))],
    "ledger_hold_kind_not_null": [("23502", (held(kind="NULL"),))],
    "ledger_hold_currency_not_null": [("23502", (held(currency="NULL"),))],
    "ledger_hold_at_not_null": [("23502", (held(at="NULL"),))],
    "ledger_hold_debit_not_null": [("23502", (held(debit="NULL"),))],
    "ledger_hold_credit_not_null": [("23502", (held(credit="NULL"),))],
    # On accounts that it would raise: no line asks for the amount.
    "ledger_hold_amount_not_null": [("23502", (held(debit="1", credit="2", amount="NULL"),))],
    "ledger_hold_fingerprint_not_null": [("23502", (held(fingerprint="NULL"),))],
    "ledger_hold_xid_not_null": [("23502", (held(xid="NULL"),))],
    "ledger_hold_amount_check": [("23514", (held(debit="1", credit="2", amount="-5"),))],
    "ledger_hold_check": [("23514", (held(debit="1"),))],
    "ledger_hold_debit_currency_fkey": [("23503", (held(debit="3"),)), ("23503", (held(debit="77"),))],
    "ledger_hold_credit_currency_fkey": [("23503", (held(credit="4"),)), ("23503", (held(credit="77"),))],
    "ledger_hold_kept": [
        ("PD007", ("UPDATE ledger_hold SET amount = 1 WHERE id = 4",)),
        ("PD007", ("DELETE FROM ledger_hold WHERE id = 6",)),
    ],
    # More than is there, and what the other holds leave.
    "ledger_hold_written": [("PD003", (held(amount="101"),)), ("PD003", (held(amount="61"),))],
    # The voided one again, whose lines would be refused for themselves if it had any.
    "ledger_resolution_pkey": [("23505", (ended("6"), ended("6")))],
    "ledger_resolution_hold_fkey": [("23503", (ended("77"), SETTLE))],
    "ledger_resolution_transaction_key": [
        (
            "23505",
            (
                held(),
                entry(number=101),
                ended("4", "101"),
                ended("100", "101"),
                PAID[2].replace("100,", "101,"),
                SETTLE,
            ),
        )
    ],
    "ledger_resolution_at_not_null": [("23502", (ended("4", at="NULL"),))],
    "ledger_resolution_id_not_null": [("23502", (ended("4", id="NULL"),))],
    "ledger_resolution_xid_not_null": [("23502", (ended("4", xid="NULL"),))],
    "ledger_resolution_kept": [
        ("PD007", ("UPDATE ledger_resolution SET at = now()",)),
        ("PD007", ("DELETE FROM ledger_resolution",)),
        ("PD007", ("TRUNCATE ledger_resolution",)),
    ],
    # Posted by a transaction of long ago: nothing of it is moved now.
    "ledger_resolution_written": [("PD005", (ended("4", "3"), SETTLE)), ("PD005", (ended("4", "999"),))],
    "ledger_resolution_whole": [
        # More than was held; the other way round; with something besides.
        (
            "PD010",
            (
                entry(),
                ended("4", "100"),
                lines("100, 1, 2, 'JMD', 41, 59, 4", "100, 2, 1, 'JMD', -41, 59, 4"),
                SETTLE,
            ),
        ),
        ("PD010", (entry(), ended("4", "100"), *GOOD[1:])),
        (
            "PD010",
            (
                entry(),
                ended("4", "100"),
                lines(
                    "100, 1, 2, 'JMD', 9, 91, 4",
                    "100, 2, 1, 'JMD', -9, 91, 4",
                    "100, 3, 2, 'JMD', 9, 82, 5",
                    "100, 4, 1, 'JMD', -9, 82, 5",
                ),
                SETTLE,
            ),
        ),
    ],
    "ledger_line_transaction_not_null": [("23502", (f"{SEALED} ('C', 9, NULL, 1, '')",))],
    "ledger_line_line_not_null": [("23502", (f"{SEALED} ('C', 9, 1, NULL, '')",))],
    "ledger_line_said_not_null": [("23502", (f"{SEALED} ('C', 9, 1, 1, NULL)",))],
    "ledger_line_pkey": [("23505", (f"{SEALED} ('C', 9, 1, 1, ''), ('C', 9, 2, 1, '')",))],
    "ledger_line_transaction_line_key": [("23505", (f"{SEALED} ('C', 8, 1, 1, ''), ('C', 9, 1, 1, '')",))],
    "ledger_line_kept": [
        ("PD007", ("UPDATE ledger_line SET said = ''",)),
        ("PD007", ("DELETE FROM ledger_line",)),
        ("PD007", ("TRUNCATE ledger_line",)),
    ],
    "ledger_head_pkey": [("23505", (f"{HEAD} ('C', 9, '', '', '', now()), ('C', 9, '', '', '', now())",))],
    "ledger_head_link_not_null": [("23502", (f"{HEAD} ('C', 9, NULL, '', '', now())",))],
    "ledger_head_peaks_not_null": [("23502", (f"{HEAD} ('C', 9, '', NULL, '', now())",))],
    "ledger_head_head_not_null": [("23502", (f"{HEAD} ('C', 9, '', '', NULL, now())",))],
    "ledger_head_sealed_at_not_null": [("23502", (f"{HEAD} ('C', 9, '', '', '', NULL)",))],
    "ledger_head_kept": [
        ("PD007", ("UPDATE ledger_head SET head = ''",)),
        ("PD007", ("DELETE FROM ledger_head",)),
        ("PD007", ("TRUNCATE ledger_head",)),
    ],
    "ledger_held_hold_account_amount_key": [("23505", (f"{NEXT} (1, 4, 5, -10, 30)",))],
    "ledger_held_kept": [
        ("PD007", ("UPDATE ledger_held SET held = 0",)),
        ("PD007", ("DELETE FROM ledger_held",)),
        ("PD007", ("TRUNCATE ledger_held",)),
    ],
    "ledger_held_written": [
        # Let go without an end; of no hold; of an account that is not the hold's; out of step; nothing at all.
        ("PD006", (f"{NEXT} (1, 4, 4, -40, 0)",)),
        ("PD006", (f"{NEXT} (1, 4, 77, 5, 45)",)),
        ("PD006", (f"{NEXT} (3, 1, 4, 40, 40)",)),
        ("PD006", (f"{NEXT} (1, 4, NULL, NULL, NULL)",)),
        ("PD006", (f"{NEXT} (1, 9, 4, 1, 41)",)),
    ],
}
# What only the writing function itself refuses.
AT_THE_DOOR = [
    ("PD001", DOOR % ("old", "null", "asset")),
    ("PD002", DOOR % ("new", "null", "liability")),
    ("PD009", DOOR % ("new", '"nothing"', "asset")),
    ("PD010", DOOR % ("new", 'null, "resolves": "nothing"', "asset")),
    ("PD010", "SELECT ledger_void('{open, nothing}', now())"),
    ("PD011", DOOR % ("new", 'null, "resolves": "gone"', "asset")),
    ("PD001", RESERVE % "open"),
    ("PD003", RESERVE % "new"),
    ("PD012", """SELECT ledger_seal('[{"book": "C", "from": 7, "lines": []}]', now())"""),
]
BY_TWO_SESSIONS = {"ledger_posting_pkey", "ledger_held_pkey"}

GUARDS = """
SELECT conname, conrelid::regclass::text,
    format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname)
FROM pg_constraint c WHERE conrelid::regclass::text LIKE 'ledger%' AND contype <> 't' AND NOT EXISTS (
    -- A primary key's columns cannot lose their NOT NULL.
    SELECT FROM pg_constraint p WHERE p.conrelid = c.conrelid AND p.contype = 'p' AND c.contype = 'n'
        AND c.conkey <@ p.conkey)
UNION ALL
SELECT tgname, tgrelid::regclass::text, format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'ledger%' AND NOT tgisinternal
"""


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection as the tables' owner, on the books described above."""
    undone = Transaction("undone", "throw", Currency.JMD, (Transfer(A, B, 30),), "C")
    engine = make_engine(database_url)
    async with engine.begin() as conn:
        await post(conn, [Transaction("old", "throw", Currency.JMD, (Transfer(A, B, 100),), "C"), undone], AT)
        await post(conn, [reversal(undone, "undo")], AT)
        kept = Hold("open", "payout", Currency.JMD, B, A, 40, "C")
        due = replace(kept, key="due", debit=A, credit=B)
        await hold(conn, [kept, replace(kept, key="gone", amount=10), due], AT)
        await void(conn, ["gone"], AT)
    await engine.dispose()
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"{ACCOUNT} ('c', 'asset', 'USD', 0, 0, 0), ('d', 'liability', 'USD', 0, 0, 0)")
    yield connection
    await connection.close()


async def outcome(connection: asyncpg.Connection, *script: str) -> str | None:
    """Run a script in a transaction that is rolled back; the SQLSTATE that stopped it, or None."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        for statement in script:
            await connection.execute(statement)
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    else:
        return None
    finally:
        await transaction.rollback()


async def test_the_attacks_differ_from_an_honest_entry(owner: asyncpg.Connection) -> None:
    for honest in (GOOD, PAID, (held(),), (ended("4"),)):
        assert await outcome(owner, *honest) is None


async def test_each_guard_is_needed_and_none_is_without_an_attack(owner: asyncpg.Connection) -> None:
    guards = {name: drop for name, _, drop in await owner.fetch(GUARDS)}
    assert set(guards) == set(ATTACKS) | BY_TWO_SESSIONS
    for guard, attacks in ATTACKS.items():
        for stopped_by, script in attacks:
            assert await outcome(owner, *script) == stopped_by, (guard, script)
            assert await outcome(owner, guards[guard], *script) is None, (guard, script)


async def test_every_refusal_of_our_own_is_provoked(owner: asyncpg.Connection) -> None:
    for stopped_by, statement in AT_THE_DOOR:
        assert await outcome(owner, statement) == stopped_by
    sources = await owner.fetchval("SELECT string_agg(prosrc, '') FROM pg_proc WHERE proname LIKE 'ledger%'")
    provoked = {code for attacks in ATTACKS.values() for code, _ in attacks} | {c for c, _ in AT_THE_DOOR}
    assert set(re.findall(r"PD\d{3}", sources)) == {code for code in provoked if code.startswith("PD")}


async def _race(database_url: str, script: Sequence[str]) -> str | None:
    """Two sessions write the same version of the same accounts, the second while the first is still open."""
    first, second = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        ahead = first.transaction()
        await ahead.start()
        for statement in script:
            await first.execute(statement)

        async def behind() -> None:
            async with second.transaction():
                for statement in script:
                    await second.execute(statement.replace("100,", "200,").replace("100'", "200'"))

        waiting = asyncio.create_task(behind())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await ahead.commit()
        await waiting
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    else:
        return None
    finally:
        await first.close()
        await second.close()


@pytest.mark.parametrize("primary_key", [True, False])
@pytest.mark.parametrize(("table", "script"), [("ledger_posting", GOOD[:2]), ("ledger_held", (held(),))])
async def test_the_numbering_of_an_account_stops_a_lost_update(
    owner: asyncpg.Connection,
    database_url: str,
    table: str,
    script: Sequence[str],
    primary_key: bool,
) -> None:
    if not primary_key:
        await owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    assert await _race(database_url, script) == ("23505" if primary_key else None)
    engine = make_engine(database_url)
    async with engine.connect() as conn:
        faults = (await verify(conn)).faults
    await engine.dispose()
    assert bool(faults) is not primary_key


@pytest.fixture
async def superuser(
    owner: asyncpg.Connection, pg: EmbeddedPostgres, database_url: str
) -> AsyncIterator[asyncpg.Connection]:
    url = make_url(pg.superuser_url).set(database=make_url(database_url).database)
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_posting SET amount = 1",
        "DELETE FROM ledger_posting",
        "TRUNCATE ledger_posting",
        "UPDATE ledger_transaction SET key = 'new'",
        "DELETE FROM ledger_transaction",
        "TRUNCATE ledger_transaction CASCADE",
        "DELETE FROM ledger_account",
        "TRUNCATE ledger_account CASCADE",
        "UPDATE ledger_account SET floor = -1 WHERE id = 1",
        "UPDATE ledger_hold SET amount = 1",
        "DELETE FROM ledger_resolution",
        "TRUNCATE ledger_held",
        "UPDATE ledger_line SET said = ''",
        "DELETE FROM ledger_head",
    ],
)
async def test_not_even_a_superuser_playing_a_replica_changes_what_is_written(
    superuser: asyncpg.Connection, statement: str
) -> None:
    assert await outcome(superuser, statement) == "PD007"
    assert await outcome(superuser, "SET LOCAL session_replication_role = replica", statement) == "PD007"


async def test_a_role_needs_only_two_functions_to_keep_the_books(superuser: asyncpg.Connection) -> None:
    grant = "GRANT EXECUTE ON FUNCTION ledger_post, ledger_lock TO clerk"
    for statement in (DOOR % ("new", "null", "asset"), "SELECT * FROM ledger_lock('{C}', '{}')"):
        assert await outcome(superuser, "CREATE ROLE clerk", "SET LOCAL ROLE clerk", statement) == "42501"
        assert await outcome(superuser, "CREATE ROLE clerk", grant, "SET LOCAL ROLE clerk", statement, SETTLE) is None
    for statement in (entry(), GOOD[1], "UPDATE ledger_account SET balance = 0"):
        assert await outcome(superuser, "CREATE ROLE clerk", grant, "SET LOCAL ROLE clerk", statement) == "42501"
