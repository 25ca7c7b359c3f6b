"""The books' chains: sealed in batches, by one at a time, and whatever is bent afterwards is named (docs/proof.md)."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import make_url, text

from domain import ledger as accounts
from domain.ledger import Transaction, Transfer
from domain.money import Currency
from storage import chains, ledger
from storage.embedded import EmbeddedPostgres
from storage.engine import Engine, make_engine

AT = datetime(2026, 12, 7, 15, 0, tzinfo=UTC)
BOOK = "K7QX2M"
SANDBOX = accounts.rail("sandbox", Currency.JMD)


def throw(number: int, circle: str = BOOK, person: str = "ann") -> Transaction:
    """A throw that pays its due at once: two lines."""
    credit, pot = accounts.credit(circle, person), accounts.pot(circle, 1)
    transfers = (Transfer(SANDBOX, credit, 500_000), Transfer(credit, pot, 500_000))
    return Transaction(f"throw:R-{circle}{number}", "throw", Currency.JMD, transfers, circle)


def house(number: int) -> Transaction:
    moved = Transfer(SANDBOX, accounts.suspense("sandbox", Currency.JMD), 100 + number)
    return Transaction(f"aside:{number}", "aside", Currency.JMD, (moved,))


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    made = make_engine(database_url)
    yield made
    await made.dispose()


@pytest.fixture
async def root(pg: EmbeddedPostgres, database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A superuser, whom no guard holds off."""
    url = make_url(pg.superuser_url).set(database=make_url(database_url).database)
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    yield connection
    await connection.close()


async def post(engine: Engine, *written: Transaction, at: datetime = AT) -> None:
    async with engine.begin() as conn:
        await ledger.post(conn, written, at)


async def seal(engine: Engine, most: int = chains.MOST_AT_ONCE) -> int | None:
    async with engine.begin() as conn:
        return await chains.seal(conn, AT, most)


async def faults(engine: Engine) -> list[str]:
    async with engine.connect() as conn:
        return (await chains.faults(conn))[1]


async def said(engine: Engine, book: str = BOOK) -> list[str]:
    async with engine.connect() as conn:
        query = text("SELECT said FROM ledger_line WHERE book = :b ORDER BY n")
        return list((await conn.execute(query, {"b": book})).scalars())


async def bend(root: "asyncpg.Connection[asyncpg.Record]", *statements: str) -> None:
    """Change what is written as a superuser with every trigger and foreign key off."""
    async with root.transaction():
        await root.execute("SET LOCAL session_replication_role = replica")
        for table in ("posting", "transaction", "account", "line", "head"):
            await root.execute(f"ALTER TABLE ledger_{table} DISABLE TRIGGER ALL")
        for statement in statements:
            await root.execute(statement)
        for table in ("posting", "transaction", "account", "line", "head"):
            await root.execute(f"ALTER TABLE ledger_{table} ENABLE TRIGGER ALL")


async def test_each_circle_has_a_chain_and_so_has_what_belongs_to_none(engine: Engine) -> None:
    await post(engine, throw(1), throw(2, "PLUM22"), house(1), throw(3))
    assert await seal(engine) == 7
    assert await seal(engine) == 0
    assert [len(await said(engine, book)) for book in (BOOK, "PLUM22", "HOUSE")] == [4, 2, 1]
    first = (await said(engine))[0].split("|")
    assert first[:7] == ["pardna line 1", BOOK, "2026-12-07T15:00:00.000000Z", f"throw:R-{BOOK}1", "1", "throw", "JMD"]
    assert first[7] == "rail:sandbox:JMD"
    assert first[8].startswith(f"circle:{BOOK}:credit:~")
    assert first[9:] == ["500000", ""]
    async with engine.connect() as conn:
        heads = await chains.latest(conn, [BOOK, "HOUSE", "NOBODY"])
        walk = await chains.walked(conn, BOOK)
    assert {book: head.lines for book, head in heads.items()} == {BOOK: 4, "HOUSE": 1}
    assert [head.mark for head in walk.heads] == [heads[BOOK].mark]
    assert await faults(engine) == []


async def test_no_text_holds_a_person_and_no_two_lines_are_seen_to_be_theirs(engine: Engine) -> None:
    keyed = Transaction(
        f"credit:{BOOK}:2:ann",
        "credit",
        Currency.JMD,
        (Transfer(accounts.credit(BOOK, "ann"), accounts.pot(BOOK, 2), 1),),
        BOOK,
    )
    await post(engine, throw(1))
    await post(
        engine, Transaction("more", "throw", Currency.JMD, (Transfer(SANDBOX, accounts.credit(BOOK, "ann"), 1),), BOOK)
    )
    await post(engine, keyed)
    await seal(engine)
    texts = await said(engine)
    assert not any("ann" in one for one in texts)
    aliases = [part for one in texts for part in one.replace("|", ":").split(":") if part.startswith("~")]
    assert len(set(aliases)) == 4  # four lines; the last names her in its key and its account
    assert len(aliases) == 5


async def test_who_is_erased_is_tied_to_no_line_and_all_is_still_proved(engine: Engine) -> None:
    await post(engine, throw(1))
    await seal(engine)
    async with engine.begin() as conn:
        await chains.forget(conn, "ann")
    assert await faults(engine) == []
    await post(engine, throw(2))
    await seal(engine)
    assert await faults(engine) == []
    async with engine.connect() as conn:
        assert (await conn.execute(text("SELECT salt FROM person_salt WHERE person = 'ann'"))).scalar_one() is None


async def test_what_commits_late_is_sealed_late_and_never_left_out(engine: Engine) -> None:
    async with engine.connect() as slow:
        await ledger.post(slow, [house(1)], AT)  # has its number, and is not committed yet
        moved = Transfer(accounts.rail("stripe", Currency.USD), accounts.suspense("stripe", Currency.USD), 5)
        await post(engine, Transaction("quick", "aside", Currency.USD, (moved,)))
        assert await seal(engine) == 1
        assert await faults(engine) == []
        await slow.commit()
    assert await seal(engine) == 1
    assert [one.split("|")[3] for one in await said(engine, "HOUSE")] == ["quick", "aside:1"]
    assert await faults(engine) == []


async def test_several_sealers_and_small_batches_come_to_one_chain(engine: Engine) -> None:
    await post(engine, *(throw(n, circle, f"person{n}") for n in range(30) for circle in (BOOK, "PLUM22")))

    async def sealer() -> int:
        done = 0
        while (sealed := await seal(engine, 7)) != 0:
            done += sealed or 0
            await asyncio.sleep(0 if sealed else 0.01)  # another one is at it
        return done

    assert sum(await asyncio.gather(*(sealer() for _ in range(4)))) == 120
    assert await seal(engine) == 0
    assert await faults(engine) == []
    assert len(await said(engine)) == 60


async def test_a_sealer_that_is_killed_midway_has_sealed_nothing(
    engine: Engine, root: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await post(engine, throw(1))
    async with root.transaction():
        await root.execute("LOCK TABLE ledger_head IN ACCESS EXCLUSIVE MODE")
        sealing = asyncio.create_task(seal(engine))
        waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with asyncio.timeout(30):
            while not (pid := await root.fetchval(waits)):
                await asyncio.sleep(0.02)
                await root.execute("SELECT pg_stat_clear_snapshot()")
        assert await seal(engine) is None  # another is at it
        await root.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(Exception, match=r"terminat|closed"):
            await sealing
    assert await said(engine) == []
    assert await seal(engine) == 2
    assert await faults(engine) == []


async def test_after_a_restore_into_another_server_sealing_goes_on(engine: Engine) -> None:
    await post(engine, throw(1))
    await seal(engine)
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE sealing SET mark = 9000000000"))
    await post(engine, throw(2))
    assert await seal(engine) == 2
    assert await faults(engine) == []


FIRST = "(SELECT id FROM ledger_transaction WHERE key = 'throw:R-K7QX2M1')"
SECOND = "(SELECT id FROM ledger_transaction WHERE key = 'throw:R-K7QX2M2')"


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (
            [f"UPDATE ledger_posting SET amount = sign(amount) * 500100 WHERE transaction = {SECOND}"],
            "line 3 of book K7QX2M: amount is 500100, and 500000 was sealed (throw:R-K7QX2M2, on 2026-12-07)",
        ),
        (["UPDATE ledger_transaction SET key = 'throw:R-OTHER' WHERE key LIKE '%2M2'"], "line 3 of book K7QX2M: key"),
        (
            ["UPDATE ledger_transaction SET at = at + interval '1 day' WHERE key LIKE '%M1'"],
            "line 1 of book K7QX2M: time",
        ),
        (["UPDATE ledger_transaction SET kind = 'gift' WHERE key LIKE '%2M2'"], "line 3 of book K7QX2M: kind is gift"),
        (["UPDATE ledger_transaction SET circle = 'PLUM22' WHERE key LIKE '%2M2'"], "line 3 of book K7QX2M: book"),
        (
            ["UPDATE ledger_account SET name = 'circle:K7QX2M:credit:eve' WHERE name LIKE '%bea'"],
            "line 3 of book K7QX2M: credit",
        ),
        ([f"DELETE FROM ledger_posting WHERE transaction = {FIRST}"], "line 1 of book K7QX2M: is not in the ledger"),
        (["DELETE FROM ledger_line WHERE n = 2"], "line 3 of book K7QX2M: comes after line 1, and those between"),
        (["UPDATE ledger_line SET said = replace(said, '500000', '5') WHERE n = 4"], "line 4 of book K7QX2M: amount"),
        (["DELETE FROM ledger_line WHERE n > 2"], "head of book K7QX2M after 4 lines: its last line is gone"),
        (["DELETE FROM ledger_head WHERE lines = 4"], "line 4 of book K7QX2M: its head is gone"),
        (["UPDATE ledger_head SET head = sha256('') WHERE lines = 4"], "head of book K7QX2M after 4 lines"),
        (["UPDATE ledger_head SET link = sha256('') WHERE lines = 2"], "head of book K7QX2M after 2 lines"),
        (["DELETE FROM ledger_line"], "head of book K7QX2M after 2 lines: its last line is gone"),
        (["DELETE FROM ledger_line", "DELETE FROM ledger_head"], "transaction throw:R-K7QX2M1: was left out"),
        (["UPDATE person_salt SET salt = sha256('x') WHERE person = 'bea'"], "line 3 of book K7QX2M: credit"),
    ],
)
async def test_verify_names_the_first_broken_line(
    engine: Engine, root: "asyncpg.Connection[asyncpg.Record]", statements: Sequence[str], named: str
) -> None:
    for number, person in ((1, "ann"), (2, "bea")):
        await post(engine, throw(number, person=person))
        await seal(engine)
    await bend(root, *statements)
    found = await faults(engine)
    assert found[0].startswith(named)
    assert all("left out" in fault for fault in found[1:])
    async with engine.connect() as conn:
        assert found[0] in (await ledger.verify(conn)).faults


async def test_a_book_rewritten_with_all_its_heads_is_still_not_what_was_told(
    engine: Engine, root: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for number in (1, 2):
        await post(engine, throw(number))
        await seal(engine)
    async with engine.connect() as conn:
        told = (await chains.latest(conn, [BOOK]))[BOOK]
    async with root.transaction():
        await root.execute("SET LOCAL session_replication_role = replica")
        await root.execute("INSERT INTO told_mark VALUES ($1, 'ann', $2, $3, now())", BOOK, told.lines, told.mark)
    assert await faults(engine) == []
    await bend(
        root,
        f"UPDATE ledger_posting SET amount = sign(amount) * 500100 WHERE transaction = {SECOND}",
        "DELETE FROM ledger_line",
        "DELETE FROM ledger_head",
        "UPDATE sealing SET mark = 0",
    )
    await seal(engine)
    (fault,) = await faults(engine)
    assert fault.startswith(f"mark {told.mark[:4]}-{told.mark[4:]} of book {BOOK}: was told on ")


async def test_ten_thousand_lines_are_sealed_and_walked_in_seconds(engine: Engine) -> None:
    for start in range(0, 5_000, 500):
        throws = [throw(start + n, person=secrets.token_hex(12)) for n in range(500)]
        await post(engine, *throws, at=AT + timedelta(start))
    began = time.perf_counter()
    done = 0
    while more := await seal(engine):
        done += more
    sealing, began = time.perf_counter() - began, time.perf_counter()
    async with engine.connect() as conn:
        walk = await chains.walked(conn, BOOK)
        walking = time.perf_counter() - began
        page = {"book": "", "n": 0, "page": 2_000}
        plan = (await conn.execute(text(f"EXPLAIN {chains._WALK_ALL.text}"), page)).scalars().all()
    assert (done, walk.chain.lines, walk.fault) == (10_000, 10_000, "")
    assert max(sealing, walking) < 30
    assert "Seq Scan on ledger_posting" not in "\n".join(plan)  # a page looks up its own lines, not all there are
