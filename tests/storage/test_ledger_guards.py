"""Every constraint and trigger of the ledger holds off an attack that succeeds once it alone is gone.

The attacks are plain SQL by the tables' owner, past the function that writes the books. Accounts 1 (`a`, an
asset) and 2 (`b`, a liability) hold 100 at version 3 each; 3 (`c`) and 4 (`d`) are the same in US dollars,
without postings. Transaction 1 is `old`; 2, `undone`, moved 30 and was taken back by 3, `undo`.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy import make_url

from domain.ledger import Account, Side, Transaction, Transfer, reversal
from domain.money import Currency
from storage.embedded import EmbeddedPostgres
from storage.engine import make_engine
from storage.ledger import post, verify

A, B = Account("a", Side.ASSET, "C"), Account("b", Side.LIABILITY, "C")
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SETTLE = "SET CONSTRAINTS ALL IMMEDIATE"

ACCOUNT = "INSERT INTO ledger_account (name, side, currency, balance, version, floor) VALUES"
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


GOOD = (entry(), lines("100, 1, 1, 'JMD', 50, 150, 4", "100, 2, 2, 'JMD', -50, 150, 4"), SETTLE)
MORE = lines("100, 1, 1, 'JMD', 50, 200, 5", "100, 2, 2, 'JMD', -50, 200, 5")
STAND_IN = """CREATE TEMP TABLE ledger_posting AS
    SELECT 1::bigint AS account, 999::bigint AS balance, 99::bigint AS version"""
CHANGE_ON_CONFLICT = """INSERT INTO ledger_posting SELECT * FROM ledger_posting
    ON CONFLICT (account, version) DO UPDATE SET amount = excluded.amount * 2"""
DOOR = """SELECT ledger_post(
    '[{"key": "%s", "kind": "throw", "currency": "JMD", "circle": null, "reverses": %s,
        "transfers": [{"debit": "a", "credit": "b", "amount": 1}]}]',
    '[{"name": "a", "side": "%s", "currency": "JMD", "circle": "C"},
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
        ("23502", (entry(), lines("100, 1, 1, 'JMD', NULL, 999, 4", "100, 2, 2, 'JMD', NULL, 1, 4"), SETTLE))
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
        # A balanced pair more for an old transaction, and for one of this very database transaction.
        ("PD005", (lines("1, 3, 1, 'JMD', 50, 150, 4", "1, 4, 2, 'JMD', -50, 150, 4"), SETTLE)),
        ("PD005", (*GOOD, lines("100, 3, 1, 'JMD', 50, 200, 5", "100, 4, 2, 'JMD', -50, 200, 5"))),
        # A transaction that claims to be of another database transaction, and one numbered with a gap.
        ("PD005", (entry(xid="'3'"), *GOOD[1:])),
        ("PD005", (entry(), lines("100, 1, 1, 'JMD', 5, 105, 4", "100, 3, 2, 'JMD', -5, 105, 4"))),
        ("PD006", (entry(), lines("100, 1, 1, 'JMD', 50, 999, 4", "100, 2, 2, 'JMD', -50, 150, 4"), SETTLE)),
        ("PD006", (entry(), lines("100, 1, 1, 'JMD', 50, 150, 9", "100, 2, 2, 'JMD', -50, 150, 4"), SETTLE)),
    ],
}
# What only the writing function itself refuses.
AT_THE_DOOR = [
    ("PD001", DOOR % ("old", "null", "asset")),
    ("PD002", DOOR % ("new", "null", "liability")),
    ("PD009", DOOR % ("new", '"nothing"', "asset")),
]
BY_TWO_SESSIONS = {"ledger_posting_pkey"}

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
    assert await outcome(owner, *GOOD) is None


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


async def _race(database_url: str) -> str | None:
    """Two sessions write the same version of the same accounts, the second while the first is still open."""
    first, second = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        ahead = first.transaction()
        await ahead.start()
        for statement in GOOD:
            await first.execute(statement)

        async def behind() -> None:
            async with second.transaction():
                await second.execute(entry(number=200))
                await second.execute(GOOD[1].replace("100,", "200,"))

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


@pytest.mark.parametrize(("primary_key", "stopped_by"), [(True, "23505"), (False, None)])
async def test_the_numbering_of_an_account_stops_a_lost_update(
    owner: asyncpg.Connection, database_url: str, primary_key: bool, stopped_by: str | None
) -> None:
    if not primary_key:
        await owner.execute("ALTER TABLE ledger_posting DROP CONSTRAINT ledger_posting_pkey")
    assert await _race(database_url) == stopped_by
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
