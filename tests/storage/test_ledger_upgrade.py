"""Books of the release before holds and floors go on as they were, and can be taken back to it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection, text

from domain.ledger import OPEN_FLOOR, Hold, Transaction, Transfer, credit, rail
from domain.money import Currency
from storage import migrate as migrations
from storage.embedded import EmbeddedPostgres
from storage.engine import make_engine
from storage.ledger import BelowFloor, hold, post, verify
from storage.migrate import migrate
from tests.storage.test_ledger_holds import AT

BEFORE = "0003"
CIRCLE = "PLUM22"
THEN = """SELECT * FROM ledger_post(
    '[{"key": "in", "kind": "throw", "currency": "JMD", "circle": "PLUM22", "reverses": null, "transfers":
        [{"debit": "rail:sandbox:JMD", "credit": "circle:PLUM22:credit:ann", "amount": 70},
        {"debit": "rail:ncb:JMD", "credit": "circle:PLUM22:credit:ann", "amount": 30}]}]',
    '[{"name": "rail:sandbox:JMD", "side": "asset", "currency": "JMD", "circle": null},
    {"name": "rail:ncb:JMD", "side": "asset", "currency": "JMD", "circle": null},
    {"name": "circle:PLUM22:credit:ann", "side": "liability", "currency": "JMD", "circle": "PLUM22"}]', now())"""
"""What the release before asks for."""
SANDBOX, BANK, ANN = rail("sandbox", Currency.JMD), rail("ncb", Currency.JMD), credit(CIRCLE, "ann")
NOW = Transaction("in", "throw", Currency.JMD, (Transfer(SANDBOX, ANN, 70), Transfer(BANK, ANN, 30)), CIRCLE)
"""The same, as this release asks for it."""
SHAPE = """
SELECT 'function ' || proname, pg_get_functiondef(oid) FROM pg_proc WHERE proname LIKE 'ledger%'
UNION ALL SELECT 'view ' || relname, pg_get_viewdef(oid) FROM pg_class WHERE relname LIKE 'ledger%' AND relkind = 'v'
UNION ALL SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid::regclass::text LIKE 'ledger%'
UNION ALL SELECT 'index ' || relname, pg_get_indexdef(oid) FROM pg_class WHERE relname LIKE 'ledger%' AND relkind = 'i'
UNION ALL SELECT 'trigger ' || tgname, pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger
    WHERE tgrelid::regclass::text LIKE 'ledger%' AND NOT tgisinternal
UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid::regclass::text LIKE 'ledger%' AND attnum > 0 AND NOT attisdropped ORDER BY 1
"""


async def go(url: str, *, to: str, up: bool) -> None:
    def run(connection: Connection) -> None:
        connection.execute(text("SELECT"))
        config = migrations._config()
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, to)

    async with migrations._connect(url) as connection:
        await connection.run_sync(run)
        await connection.commit()


@pytest.fixture
async def before(pg: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database of the release before, with a throw in it."""
    root = await asyncpg.connect(pg.superuser_url)
    await root.execute("CREATE DATABASE before_holds OWNER pardna")
    url = pg.address("before_holds")
    try:
        await go(url, to=BEFORE, up=True)
        connection = await asyncpg.connect(url)
        await connection.execute(THEN)
        await connection.close()
        yield url
    finally:
        await root.execute("DROP DATABASE before_holds WITH (FORCE)")
        await root.close()


async def test_books_of_the_release_before_go_on(before: str) -> None:
    await migrate(before)
    engine = make_engine(before)
    async with engine.begin() as conn:
        await post(conn, [NOW], AT)  # asked for once more, by the new release: it is there
        floors = await conn.execute(text("SELECT name, balance, floor FROM ledger_account"))
        assert {row.name: (row.balance, row.floor) for row in floors} == {
            SANDBOX.name: (70, 0),
            BANK.name: (30, OPEN_FLOOR),
            ANN.name: (100, 0),
        }
        assert (await verify(conn)).faults == ()
        await hold(conn, [Hold("out", "payout", Currency.JMD, ANN, BANK, 60)], AT)
    async with engine.connect() as conn:
        with pytest.raises(BelowFloor):
            await post(conn, [Transaction("x", "move", Currency.JMD, (Transfer(ANN, SANDBOX, 41),))], AT)
    await engine.dispose()


async def test_a_service_of_the_release_before_goes_on_until_it_is_replaced(before: str) -> None:
    await migrate(before)
    connection = await asyncpg.connect(before)
    by_sandbox = THEN.replace('"in"', '"more"').replace("rail:ncb", "rail:sandbox")  # the one rail it had
    assert [row["outcome"] for row in await connection.fetch(by_sandbox)] == ["posted"]
    assert [row["outcome"] for row in await connection.fetch(by_sandbox)] == ["exists"]
    assert await connection.fetchval("SELECT count(*) FROM ledger_lock('{PLUM22}', '{rail:sandbox:JMD}')") == 2
    await connection.close()


async def test_the_way_back_leaves_what_was_there(before: str) -> None:
    connection = await asyncpg.connect(before)
    shape = await connection.fetch(SHAPE)
    await migrate(before)
    assert await connection.fetch(SHAPE) != shape
    await go(before, to=BEFORE, up=False)
    for found, was in zip(await connection.fetch(SHAPE), shape, strict=True):
        assert found == was
    assert [row["outcome"] for row in await connection.fetch(THEN)] == ["exists"]
    await connection.close()
    await migrate(before)
