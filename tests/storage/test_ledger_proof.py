"""What proves the books: faults in holds and exchanges, what is new alone, and rails against statements."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.ledger import Account, Hold, Side, Transaction, Transfer, credit, exchange, payable, posted, rail
from domain.money import Currency
from storage import proof
from storage.engine import make_engine
from storage.ledger import (
    Clearing,
    Report,
    clearing,
    hold,
    positions,
    post,
    settle_constraints,
    subject,
    verify,
    verify_since,
    void,
)
from storage.proof import START

AT = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
CIRCLE = "PLUM22"
SANDBOX, DUE = rail("sandbox", Currency.JMD), payable(CIRCLE, 1)
PAYOUT = Hold("payout", "payout", Currency.JMD, DUE, SANDBOX, 60, CIRCLE)


def moved(key: str, debit: Account, credited: Account, amount: int, currency: Currency = Currency.JMD) -> Transaction:
    return Transaction(key, "throw", currency, (Transfer(debit, credited, amount),), CIRCLE)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database_url)
    yield made
    await made.dispose()


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """On it holds `paid`, `gone` and `payout` of 200 that are payable: posted, voided, open."""
    async with engine.connect() as connection:
        await post(connection, [moved("in", SANDBOX, DUE, 200)], AT)
        paid, gone = replace(PAYOUT, key="paid", amount=50), replace(PAYOUT, key="gone", amount=10)
        await hold(connection, [paid, gone, PAYOUT], AT)
        await post(connection, [posted(paid, "paid 40", 40), moved("more", DUE, credit(CIRCLE, "ann"), 7)], AT)
        await void(connection, ["gone"], AT)
        await settle_constraints(connection)
        assert (await verify(connection)).faults == ()
        yield connection


async def bend(conn: AsyncConnection, *tampering: str) -> None:
    """Change what is written, past all guards."""
    for table in ("posting", "transaction", "account", "hold", "held", "resolution"):
        await conn.execute(text(f"ALTER TABLE ledger_{table} DISABLE TRIGGER USER"))
    constraints = await conn.execute(
        text(
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'ledger%' AND contype IN ('c', 'f', 'u', 'p') ORDER BY contype"
        )
    )
    for (drop,) in constraints.all():
        await conn.execute(text(drop))
    for statement in tampering:
        await conn.execute(text(statement))


A_HOLD = "(SELECT id FROM ledger_hold WHERE key = 'payout')"
GONE = "(SELECT id FROM ledger_hold WHERE key = 'gone')"
PAID = "(SELECT id FROM ledger_hold WHERE key = 'paid')"
MORE = "(SELECT id FROM ledger_transaction WHERE key = 'more')"
BOTH, WHOLE, NEW = (True, True), (True, False), (False, True)


@pytest.mark.parametrize(
    ("tampering", "named", "by"),
    [
        ("UPDATE ledger_account SET held = 59 WHERE name = 'rail:sandbox:JMD'", "rail:sandbox:JMD: 59 held", BOTH),
        ("UPDATE ledger_account SET hold_version = 9 WHERE name = 'rail:sandbox:JMD'", "60 held by 9 lines", WHOLE),
        ("UPDATE ledger_account SET hold_version = 9 WHERE name = 'rail:sandbox:JMD'", "60 held at line 9", NEW),
        ("UPDATE ledger_account SET floor = 101 WHERE name = 'rail:sandbox:JMD'", "floor 101 with 60 held", BOTH),
        (f"UPDATE ledger_hold SET amount = 61 WHERE id = {A_HOLD}", "hold payout: 1 lines hold 60 of 61", BOTH),
        (f"DELETE FROM ledger_held WHERE hold = {A_HOLD}", "hold payout: 0 lines hold 0 of 60", BOTH),
        (f"DELETE FROM ledger_hold WHERE id = {A_HOLD}", "of no hold", WHOLE),
        ("UPDATE ledger_held SET held = 7 WHERE version = 2", "line 2: 7 held, expected line 2 with 60 held", WHOLE),
        ("UPDATE ledger_held SET version = 9 WHERE version = 5", "line 9: 60 held, expected line 5", WHOLE),
        (f"DELETE FROM ledger_resolution WHERE hold = {GONE}", "hold gone: 2 lines hold 0 of 10", BOTH),
        (f"INSERT INTO ledger_resolution VALUES ({GONE}, NULL, now())", "hold gone: resolved 2 times", BOTH),
        ("INSERT INTO ledger_resolution VALUES (99, NULL, now())", "hold 99, which is not there", BOTH),
        (f"UPDATE ledger_resolution SET transaction = {MORE} WHERE hold = {PAID}", "by transaction more", BOTH),
        ("UPDATE ledger_resolution SET transaction = 99 WHERE transaction > 0", "that is not there", BOTH),
        ("UPDATE ledger_resolution SET xid = '4' WHERE transaction > 0", "by transaction paid 40", BOTH),
        (f"UPDATE ledger_hold SET amount = 39 WHERE id = {PAID}", "by transaction paid 40", BOTH),
        (f"UPDATE ledger_hold SET debit = credit WHERE id = {PAID}", "by transaction paid 40", BOTH),
        (
            "UPDATE ledger_posting SET amount = 8 WHERE transaction = 1 AND line = 1",
            "transaction in: 2 postings, sum -192",
            BOTH,
        ),
        (
            "UPDATE ledger_account SET balance = 1 WHERE name = 'circle:PLUM22:credit:ann'",
            "account circle:PLUM22:credit:ann: balance 1 at version 1",
            BOTH,
        ),
        ("UPDATE ledger_posting SET balance = 9 WHERE version = 2", "version 2: balance 9, expected to follow", NEW),
        ("DELETE FROM ledger_posting WHERE version = 2", "expected to follow 0", NEW),
        ("UPDATE ledger_account SET side = 'asset'", "JMD: assets", BOTH),
    ],
)
async def test_what_was_bent_past_all_guards_is_named(
    conn: AsyncConnection, tampering: str, named: str, by: tuple[bool, bool]
) -> None:
    """By the proof of the whole, by the proof of what is new, or by both."""
    await bend(conn, tampering)
    reports = (await verify(conn)), (await verify_since(conn, START))[0]
    for report, finds in zip(reports, by, strict=True):
        if finds:
            assert any(named in fault for fault in report.faults), (named, report.faults)
        assert report.faults or by == WHOLE


async def test_an_exchange_has_two_halves(engine: AsyncEngine) -> None:
    dollars, bank = rail("stripe", Currency.USD), rail("ncb", Currency.JMD)
    there = moved("there", dollars, exchange(Currency.USD), 100, Currency.USD)
    here = moved("here", exchange(Currency.JMD), credit(CIRCLE, "ann"), 15_900)
    async with engine.begin() as conn:
        assert await positions(conn) == {}
        await post(conn, [there, here], AT)
    async with engine.connect() as conn:
        assert await positions(conn) == {Currency.JMD: -15_900, Currency.USD: 100}
        _, mark = await verify_since(conn, START)
        assert (await verify(conn)).faults == ()
    async with engine.begin() as conn:
        await post(conn, [moved("half", exchange(Currency.JMD), bank, 1)], AT)
    async with engine.connect() as conn:
        named = ("transaction half: exchanges JMD without the other currency",)
        assert (await verify(conn)).faults == named
        assert (await verify_since(conn, mark))[0].faults == named


async def test_only_what_is_new_is_proved_since_a_mark(engine: AsyncEngine) -> None:
    ann = credit(CIRCLE, "ann")

    async def write(*keys: str) -> None:
        async with engine.begin() as conn:
            await post(conn, [moved(key, SANDBOX, ann, 5) for key in keys], AT)

    async def since(mark: int) -> tuple[Report, int]:
        async with engine.connect() as conn:
            return await verify_since(conn, mark)

    await write("a", "b")
    report, mark = await since(START)
    assert report == Report(2, 2, 4, ())
    assert (await since(mark))[0] == Report(2, 0, 0, ())
    await write("c")
    report, mark = await since(mark)
    assert report == Report(2, 1, 2, ())
    async with engine.begin() as conn:
        await bend(conn, "UPDATE ledger_posting SET amount = 6 WHERE transaction = 1")  # before the mark
    assert (await since(mark))[0].faults == ()
    assert (await since(START))[0].faults != ()


async def test_nothing_falls_between_two_marks(engine: AsyncEngine) -> None:
    """What began before a proof and was committed after it is seen by the next, whatever came in between."""
    slow, quick = credit(CIRCLE, "slow"), credit(CIRCLE, "quick")
    other = Account("other", Side.ASSET)
    async with engine.connect() as late, engine.connect() as conn:
        await post(late, [moved("late", other, slow, 5)], AT)
        async with engine.begin() as ahead:
            await post(ahead, [moved("quick", SANDBOX, quick, 5)], AT)
        first, mark = await verify_since(conn, START)
        await conn.rollback()
        assert first.transactions == 1
        await late.commit()
        second, mark = await verify_since(conn, mark)
        await conn.rollback()
        assert second.transactions == 2  # and once more what came in between
        assert (await verify_since(conn, mark))[0].transactions == 0


async def statements(conn: AsyncConnection, *rows: tuple[str, str, date, int]) -> None:
    for carrier, currency, as_of, balance in rows:
        await conn.execute(
            text("INSERT INTO statement_balance VALUES (:c, :u, :d, :b, 0)"),
            {"c": carrier, "u": currency, "d": as_of, "b": balance},
        )


MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (2, 3, 4))
NCB, ANN = rail("ncb", Currency.JMD), credit(CIRCLE, "ann")


async def imported(conn: AsyncConnection, at: datetime, *lines: tuple[date, int], carrier: str = "ncb") -> None:
    """Take lines as an import does, and book each as the desk does: at the time of its import, whatever its day."""
    for number, (booked, amount) in enumerate(lines):
        line_id = sha256(f"{carrier} {at} {number}".encode()).hexdigest()
        values = {"id": line_id, "c": carrier, "day": booked, "amount": amount, "at": at, "n": number}
        statement = """
            INSERT INTO statement_line (id, carrier, booked, amount, currency, sealed, hint, state, how, confidence,
                file, position, imported_at)
            VALUES (:id, :c, :day, :amount, 'JMD', '', '', 'MATCHED', '', 0, '', :n, :at)
        """
        await conn.execute(text(statement), values)
        way = (NCB, ANN) if amount > 0 else (ANN, NCB)
        await post(conn, [moved(line_id, *way, abs(amount))], at)


async def differences(conn: AsyncConnection) -> dict[str, tuple[int, date | None]]:
    return {f"{one.carrier} {one.currency}": (one.difference, one.since) for one in await clearing(conn)}


async def test_a_rail_is_held_against_its_newest_statement(engine: AsyncEngine) -> None:
    async with engine.connect() as conn:
        assert await clearing(conn) == []
        await post(conn, [moved("a", NCB, ANN, 70)], AT)
        rows: Sequence[tuple[str, str, date, int]] = (
            ("ncb", "JMD", MONDAY, 9),
            ("ncb", "JMD", TUESDAY, 70),
            ("ncb", "USD", MONDAY, 3),
            ("lynk", "JMD", MONDAY, 0),
        )
        await statements(conn, *rows)
        assert await clearing(conn) == [
            Clearing("lynk", Currency.JMD, 0, 0, 0, MONDAY),
            Clearing("ncb", Currency.JMD, 70, 0, 70, TUESDAY),
            Clearing("ncb", Currency.USD, 0, 0, 3, MONDAY, since=MONDAY),
        ]
        assert [one.text() for one in await clearing(conn)] == [
            "lynk JMD on 2026-11-02: the books say J$0.00, the statement J$0.00",
            "ncb JMD on 2026-11-03: the books say J$0.70, the statement J$0.70",
            "ncb USD on 2026-11-02: the books say US$0.00, the statement US$0.03; -US$0.03 apart since 2026-11-02",
        ]


async def test_what_came_after_the_statement_s_day_is_no_difference(engine: AsyncEngine) -> None:
    """A line counts on its own day, however late it is imported; everything else when it was booked."""
    late = datetime(2026, 11, 4, 4, tzinfo=UTC)  # Tuesday, 23:00 in Jamaica
    async with engine.connect() as conn:
        await imported(conn, late, (MONDAY, 70), (MONDAY, -20), (TUESDAY, 5))
        await statements(conn, ("ncb", "JMD", MONDAY, 50))
        assert await differences(conn) == {"ncb JMD": (0, None)}
        await post(conn, [moved("by hook", NCB, ANN, 7)], late + timedelta(minutes=1))
        assert await differences(conn) == {"ncb JMD": (0, None)}
        await statements(conn, ("ncb", "JMD", TUESDAY, 62))
        assert await differences(conn) == {"ncb JMD": (0, None)}
        await imported(conn, late + timedelta(hours=30), (WEDNESDAY, 9), (TUESDAY, 1))
        assert await differences(conn) == {"ncb JMD": (1, TUESDAY)}  # the bank's Tuesday says nothing of this one


async def test_a_difference_says_since_which_statement_it_stands(engine: AsyncEngine) -> None:
    async with engine.connect() as conn:
        await imported(conn, AT, (MONDAY, 70))
        await statements(conn, ("ncb", "JMD", MONDAY, 70), ("ncb", "JMD", TUESDAY, 90), ("ncb", "JMD", WEDNESDAY, 90))
        assert await differences(conn) == {"ncb JMD": (-20, TUESDAY)}
        await statements(conn, ("ncb", "JMD", date(2026, 11, 5), 70))
        assert await differences(conn) == {"ncb JMD": (0, None)}


async def test_a_mark_of_another_server_leaves_nothing_out(engine: AsyncEngine) -> None:
    """After a restore the numbers begin anew: a mark that is ahead of them would hide all that is written."""
    async with engine.begin() as conn:
        await post(conn, [moved("a", SANDBOX, ANN, 5)], AT)
    async with engine.connect() as conn:
        report, mark = await verify_since(conn, 2**62)
    assert (report.transactions, mark < 2**62) == (1, True)


@pytest.mark.parametrize(
    ("fault", "about"),
    [
        ("account circle:PLUM22:credit:ann, version 2: balance 9", "account circle:PLUM22:credit:ann"),
        ("account rail:sandbox:JMD: 59 held at line 9", "account rail:sandbox:JMD"),
        ("transaction number 5, which is not there: 2 postings", "transaction number 5"),
        ("hold payout: 1 lines hold 60 of 61", "hold payout"),
        ("JMD: assets 5, liabilities 6", "JMD"),
    ],
)
def test_a_fault_is_about_the_same_while_its_figures_move(fault: str, about: str) -> None:
    assert subject(fault) == about


async def test_the_whole_proof_walks_no_table_once_for_each_row_of_another(engine: AsyncEngine) -> None:
    """With 100,000 accounts that took hours."""
    async with engine.connect() as conn:
        await conn.execute(text("SET enable_seqscan = off"))  # small tables tempt to other plans
        await verify(conn)
        for check in (one for one in proof._WHOLE if "GROUP BY account" in one):
            plan = "\n".join((await conn.execute(text(f"EXPLAIN {check}"))).scalars())
            assert "Nested Loop Left Join" not in plan, plan
