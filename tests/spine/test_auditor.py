"""The books are proved while the service runs: what is bent is seen, counted, logged and told to staff, once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import structlog
from sqlalchemy import make_url, text

from bot.auditor import Auditor, whole_due
from bot.telemetry import Metrics
from domain.ledger import Transaction, Transfer, credit, rail
from domain.money import Currency
from domain.people import Role
from domain.schedule import JAMAICA
from storage import alarms, ledger
from storage.clock import Clock
from storage.embedded import EmbeddedPostgres
from storage.engine import Engine, make_engine
from storage.outbox import dead_letters
from tests.flows.club import begun, fetch
from tests.teller import open_house

NOON = datetime(2026, 11, 2, 17, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SANDBOX, ANN = rail("sandbox", Currency.JMD), credit("PLUM22", "ann")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    made = make_engine(database_url)
    yield made
    await made.dispose()


@pytest.fixture
async def root(pg: EmbeddedPostgres, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser on the test's own copy of the database: nobody else gets past the guards."""
    url = make_url(pg.superuser_url).set(database=make_url(database_url).database)
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    yield connection
    await connection.close()


async def bend(root: asyncpg.Connection, table: str, statement: str) -> None:
    await root.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL; {statement}; ALTER TABLE {table} ENABLE TRIGGER ALL")


async def throw(engine: Engine, *keys: str) -> None:
    made = [Transaction(k, "throw", Currency.JMD, (Transfer(SANDBOX, ANN, 5),), "PLUM22") for k in keys]
    async with engine.begin() as conn:
        await ledger.post(conn, made, NOON)


async def rows(engine: Engine, query: str) -> Sequence[Any]:
    async with engine.connect() as conn:
        return (await conn.execute(text(query))).all()


async def words(engine: Engine) -> list[tuple[str, str]]:
    """Return what staff are to be told."""
    found = await rows(engine, "SELECT kind, coalesce(body->>'subject', body->>'carrier') FROM duty ORDER BY due_at")
    return [tuple(row) for row in found]


async def proof(engine: Engine) -> alarms.Proof:
    async with engine.begin() as conn:
        found = await alarms.take(conn)
    assert found is not None
    return found


def rung(metrics: Metrics, part: str) -> float | None:
    return metrics.registry.get_sample_value("pardna_alarms_total", {"part": part})


async def test_staff_hear_once_of_books_that_were_bent(
    database_url: str, root: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The auditor of the running service sees it, and goes on seeing it in silence."""
    monkeypatch.setattr("bot.auditor.EVERY", timedelta(seconds=0.2))
    async with open_house(database_url) as house:
        club = await begun(house, 3)
        clerk, other = (house.phone("sms", f"+1876555099{n}") for n in (1, 2))
        await house.hire(clerk, Role.COMPLIANCE)
        await house.hire(other, Role.SUPPORT)
        await club.pay(*club.phones)
        await club.right()
        await bend(root, "ledger_account", "UPDATE ledger_account SET balance = balance + 1 WHERE name LIKE 'rail:%'")
        said = await clerk.sees("The books are wrong at", "pardna ledger verify")
        await asyncio.sleep(1)
        await house.rest()
        await clerk.look()
        assert [m.text for m in clerk.messages].count(said.text) == 1
        assert not await other.saw("books are wrong")
        assert not await club.banker.saw("books are wrong")
        async with house.engine.connect() as conn:
            assert await dead_letters(conn) == []


async def test_a_fault_is_counted_logged_and_told_once_until_it_is_mended(
    engine: Engine, root: asyncpg.Connection
) -> None:
    metrics = Metrics()
    auditor = Auditor(engine, Clock(), metrics=metrics)
    await throw(engine, "a")
    with structlog.testing.capture_logs() as logs:
        await auditor.look(NOON)
        await throw(engine, "b")
        before = await proof(engine)
        await bend(root, "ledger_account", "UPDATE ledger_account SET balance = 6 WHERE name LIKE '%ann'")
        for minute in (1, 2, 3):
            await auditor.look(NOON + minute * MINUTE)
    account = "account circle:PLUM22:credit:ann"
    assert await words(engine) == [("books_wrong", account), ("books_wrong", "JMD")]
    assert rung(metrics, "ledger") == 2
    assert next(line["fault"] for line in logs if line["log_level"] == "error").startswith(f"{account}: balance 6")
    assert len([line for line in logs if line["log_level"] == "error"]) == 2
    assert (await proof(engine)).mark == before.mark  # it stays before the fault
    assert await rows(engine, "SELECT part, count(*) FROM alarm GROUP BY part") == [("new", 2)]
    await bend(root, "ledger_account", "UPDATE ledger_account SET balance = 10 WHERE name LIKE '%ann'")
    await auditor.look(NOON + 4 * MINUTE)
    assert await rows(engine, "SELECT part FROM alarm") == []
    assert (await proof(engine)).mark > before.mark
    await throw(engine, "c")
    await bend(root, "ledger_account", "UPDATE ledger_account SET balance = 6 WHERE name LIKE '%ann'")
    await auditor.look(NOON + 5 * MINUTE)
    assert len(await words(engine)) == 4  # a fault anew


async def test_what_was_proved_before_is_proved_again_at_night_alone(engine: Engine, root: asyncpg.Connection) -> None:
    auditor = Auditor(engine, Clock(), metrics=Metrics())
    await throw(engine, "a", "b")
    await auditor.look(NOON)
    await bend(root, "ledger_posting", "UPDATE ledger_posting SET balance = 7 WHERE version = 1 AND line = 1")
    await throw(engine, "c")
    for hour in range(1, 9):
        await auditor.look(NOON + hour * HOUR)
    assert await words(engine) == []
    night = datetime(2026, 11, 3, 3, tzinfo=JAMAICA)
    await auditor.look(night)
    assert [what for _, what in await words(engine)] == ["account rail:sandbox:JMD"]
    await auditor.look(night + MINUTE)
    assert await rows(engine, "SELECT part FROM alarm") == [("whole",)]  # what is new is right, and that clears nothing
    await bend(root, "ledger_posting", "UPDATE ledger_posting SET balance = 5 WHERE version = 1 AND line = 1")
    await auditor.look(night + HOUR)
    assert await rows(engine, "SELECT part FROM alarm") == []
    assert len(await words(engine)) == 1


async def test_a_fault_that_two_checks_see_is_told_once(engine: Engine, root: asyncpg.Connection) -> None:
    auditor = Auditor(engine, Clock(), metrics=Metrics())
    await auditor.look(NOON)
    await throw(engine, "a")
    await bend(root, "ledger_account", "UPDATE ledger_account SET version = 9 WHERE name LIKE '%ann'")
    await auditor.look(NOON + MINUTE)
    await auditor.look(NOON + DAY)
    await auditor.look(NOON + DAY + MINUTE)
    assert len(await words(engine)) == 1
    assert await rows(engine, "SELECT part FROM alarm") == [("whole",)]


async def test_an_auditor_that_is_killed_midway_leaves_the_mark_where_it_was(
    engine: Engine, root: asyncpg.Connection
) -> None:
    """And the next one proves from there, so that nothing is left out and staff are told all the same."""
    auditor = Auditor(engine, Clock(), metrics=Metrics())
    await auditor.look(NOON)
    before = await proof(engine)
    await throw(engine, "a")
    await bend(root, "ledger_account", "UPDATE ledger_account SET balance = 6 WHERE name LIKE '%ann'")
    transaction = root.transaction()
    await transaction.start()
    await root.execute("LOCK TABLE ledger_hold IN ACCESS EXCLUSIVE MODE")  # the proof comes so far and waits
    looking = asyncio.create_task(auditor.look(NOON + MINUTE))
    waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(30):
        while not (pid := await root.fetchval(waits)):
            await asyncio.sleep(0.02)
            await root.execute("SELECT pg_stat_clear_snapshot()")
    await Auditor(engine, Clock(), metrics=Metrics()).look(NOON + MINUTE)  # a second one leaves it to the first
    await root.execute(f"SELECT pg_terminate_backend({pid})")
    with pytest.raises(Exception, match=r"terminat|closed"):
        await looking
    await transaction.rollback()
    assert await proof(engine) == before
    assert await words(engine) == []
    await auditor.look(NOON + 2 * MINUTE)
    assert [what for _, what in await words(engine)] == ["account circle:PLUM22:credit:ann", "JMD"]


async def test_a_rail_that_differs_from_its_statement_is_told_once(engine: Engine) -> None:
    metrics = Metrics()
    auditor = Auditor(engine, Clock(), metrics=metrics)
    insert = "INSERT INTO statement_balance VALUES ('ncb', 'JMD', '2026-11-01', 500, 0)"
    async with engine.begin() as conn:
        await conn.execute(text(insert))
    for minute in range(0, 180, 20):
        await auditor.look(NOON + minute * MINUTE)
    assert await words(engine) == [("clearing_differs", "ncb")]
    said = "ncb JMD on 2026-11-01: the books say J$0.00, the statement J$5.00; -J$5.00 apart since 2026-11-01"
    assert await rows(engine, "SELECT part, subject, said FROM alarm") == [("clearing", "ncb JMD", said)]
    assert rung(metrics, "clearing") == 1
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE statement_balance SET balance = 0"))
    await auditor.look(NOON + 5 * HOUR)
    assert await rows(engine, "SELECT part FROM alarm") == []


async def test_a_check_that_cannot_be_done_holds_up_no_proof(engine: Engine, root: asyncpg.Connection) -> None:
    auditor = Auditor(engine, Clock(), metrics=Metrics())
    await auditor.look(NOON)
    await throw(engine, "a")
    before = await proof(engine)
    await root.execute("ALTER TABLE statement_balance RENAME TO elsewhere")
    with pytest.raises(Exception, match="statement_balance"):
        await auditor.look(NOON + HOUR)
    assert (await proof(engine)).mark > before.mark
    assert (await proof(engine)).clearing_at == NOON


async def test_finance_hears_in_words_what_differs(database_url: str) -> None:
    async with open_house(database_url) as house:
        clerk = house.phone("sms", "+18765550991")
        await house.hire(clerk, Role.FINANCE)
        insert = "INSERT INTO statement_balance VALUES ('ncb', 'JMD', '2026-11-01', 5000, 0)"
        async with house.engine.begin() as conn:
            await conn.execute(text(insert))
            await conn.execute(text("UPDATE proof SET clearing_at = NULL, new_at = NULL"))
        await Auditor(house.engine, house.clock, metrics=Metrics()).look(datetime.now(UTC))
        await clerk.sees("NCB: our books say J$50 less than the bank", "since Sun 1 Nov")
        assert await fetch(house, "SELECT count(*) FROM alarm") == 1


def test_the_whole_is_proved_once_a_night() -> None:
    def night(day: int, hour: int = 3, minute: int = 0) -> datetime:
        return datetime(2026, 11, day, hour, minute, tzinfo=JAMAICA)

    assert whole_due(None, NOON)
    assert not whole_due(night(2), night(3, 2, 59))
    assert whole_due(night(2), night(3))
    assert not whole_due(night(3), night(3, 23))
    assert whole_due(night(1), night(3, 1))  # it was down for a night
    assert not whole_due(night(3), night(3, 3, 59), again=True)
    assert whole_due(night(3), night(3, 4), again=True)
