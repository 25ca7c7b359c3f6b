"""What comes in is kept once, handed out in order of each party, and never lost or done twice."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.messages import Filed
from storage import inbox
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import Connection, Engine, Space, make_engine
from storage.filer import Filer, NotDurable, Unfit
from storage.vault import Vault, new_keys

NOW = datetime(2026, 12, 7, 14, tzinfo=UTC)
VAULT = Vault.from_keys(new_keys())


def said(party: str, number: int, kind: str = "chat", **body: Any) -> Filed:
    return Filed("sms", f"{party}#{number}", party, kind, {"text": f"{party} says {number}", "n": number, **body})


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def filer(engine: Engine, database_url: str) -> AsyncIterator[Filer]:
    async with Bell(database_url) as bell:
        yield Filer(engine, VAULT, Clock(), bell)


async def claim(engine: Engine, limit: int = 100) -> list[inbox.Arrival]:
    """Look at what a desk would get, and give it back."""
    async with engine.connect() as conn:
        return await inbox.claim(conn, VAULT, limit)


async def drain(engine: Engine, limit: int = 100) -> list[inbox.Arrival]:
    done: list[inbox.Arrival] = []
    while True:
        async with engine.begin() as conn:
            batch = await inbox.claim(conn, VAULT, limit)
            await inbox.finish(conn, [arrival.id for arrival in batch], NOW)
        if not batch:
            return done
        done += batch


async def scalar(conn: Connection, statement: str) -> Any:
    return (await conn.execute(text(statement))).scalar_one()


async def test_an_arrival_is_handed_out_as_it_was_filed(filer: Filer, engine: Engine) -> None:
    before = datetime.now(UTC)
    await filer.file([said("sms:+1", 1)])
    (arrival,) = await claim(engine)
    assert (arrival.source, arrival.external_id, arrival.party, arrival.kind, arrival.tries) == (
        "sms",
        "sms:+1#1",
        "sms:+1",
        "chat",
        0,
    )
    assert arrival.body == {"text": "sms:+1 says 1", "n": 1}
    assert before <= arrival.received_at <= datetime.now(UTC)


async def test_a_repeat_is_filed_once_even_after_it_was_done(filer: Filer, engine: Engine) -> None:
    await asyncio.gather(*(filer.file([said("sms:+1", 1)]) for _ in range(20)))
    assert len(await drain(engine)) == 1
    await filer.file([said("sms:+1", 1), said("sms:+1", 1)])
    assert await drain(engine) == []


async def test_the_body_is_sealed_while_it_waits_and_gone_when_it_is_done(filer: Filer, engine: Engine) -> None:
    await filer.file([said("sms:+1", 1, text="my PIN is 4711")])
    async with engine.connect() as conn:
        assert b"4711" not in bytes(await scalar(conn, "SELECT body FROM inbox"))
    await drain(engine)
    async with engine.connect() as conn:
        assert await scalar(conn, "SELECT body IS NULL AND done_at IS NOT NULL FROM inbox")


async def test_one_arrival_of_each_party_is_handed_out_the_oldest_first(filer: Filer, engine: Engine) -> None:
    await filer.file([said(f"sms:+{party}", n) for n in range(3) for party in (3, 1, 2)])
    assert [(a.party, a.body["n"]) for a in await claim(engine)] == [
        ("sms:+3", 0),
        ("sms:+1", 0),
        ("sms:+2", 0),
    ]
    assert [a.party for a in await claim(engine, limit=2)] == ["sms:+3", "sms:+1"]
    assert [a.body["n"] for a in await drain(engine)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


async def test_a_failed_arrival_waits_and_nobody_of_its_party_overtakes_it(filer: Filer, engine: Engine) -> None:
    await filer.file([said("sms:+1", 1), said("sms:+1", 2), said("sms:+2", 1)])
    async with engine.begin() as conn:
        first = (await inbox.claim(conn, VAULT, 10))[0]
        assert not await inbox.fail(conn, first, "it was a bad day\0", NOW)
    assert [a.party for a in await claim(engine)] == ["sms:+2"]
    await asyncio.sleep(0.25)
    again = await claim(engine)
    assert [(a.party, a.body["n"], a.tries) for a in again] == [("sms:+1", 1, 1), ("sms:+2", 1, 0)]


async def test_after_five_tries_an_arrival_is_parked_the_next_goes_on_and_staff_may_revive_it(
    filer: Filer, engine: Engine
) -> None:
    await filer.file([said("sms:+1", 1), said("sms:+1", 2)])
    (first,) = await claim(engine)
    async with engine.begin() as conn:
        results = [await inbox.fail(conn, first, "no", NOW) for _ in range(5)]
        assert results == [False, False, False, False, True]
        assert (await inbox.backlog(conn))[::2] == (1, 1)
        assert await inbox.parked(conn) == [(first.id, "sms", "chat", "no")]
    assert [a.body["n"] for a in await drain(engine)] == [2]
    async with engine.begin() as conn:
        assert await inbox.revive(conn, first.id)
        assert not await inbox.revive(conn, first.id)
    assert [(a.body["n"], a.tries) for a in await drain(engine)] == [(1, 0)]


async def test_an_arrival_sealed_with_a_lost_key_is_parked_and_holds_nobody_up(filer: Filer, engine: Engine) -> None:
    await filer.file([said("sms:+1", 1), said("sms:+2", 1)])
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE inbox SET body = '\\x0000' WHERE party = 'sms:+1'"))
    assert [a.party for a in await drain(engine)] == ["sms:+2"]
    async with engine.connect() as conn:
        assert (await inbox.backlog(conn)).parked == 1


async def test_a_party_with_endless_arrivals_does_not_keep_others_from_their_turn(filer: Filer, engine: Engine) -> None:
    await filer.file([said("sms:+9", n) for n in range(1_500)])
    await filer.file([said(f"sms:+{n}", 1) for n in range(20)])
    got = await claim(engine, limit=10)
    assert len({a.party for a in got}) == len(got) == 10


async def test_heads_that_wait_do_not_clog_the_claim(filer: Filer, engine: Engine) -> None:
    await filer.file([said(f"sms:+5{n:03}", 1) for n in range(300)])
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE inbox SET retry_at = now() + interval '1 hour', tries = 4"))
    await filer.file([said(f"sms:+1{n:03}", 1) for n in range(300)])
    assert len(await claim(engine, limit=10)) == 10


async def test_several_desks_do_each_arrival_once_and_in_order(filer: Filer, engine: Engine) -> None:
    """Four desks, some of whose batches fail: no arrival is done twice, no party's order is turned."""
    for n in range(40):
        await filer.file([said(f"sms:+{party}", n) for party in range(25)])
    done: defaultdict[str, list[int]] = defaultdict(list)
    luck = random.Random(7)  # noqa: S311 - luck, not a secret

    async def desk() -> None:
        while True:
            async with engine.connect() as conn:
                batch = await inbox.claim(conn, VAULT, 8)
                await asyncio.sleep(0)
                if batch and luck.random() < 0.2:
                    await conn.rollback()
                    continue
                await inbox.finish(conn, [a.id for a in batch], NOW)
                for arrival in batch:
                    done[arrival.party].append(arrival.body["n"])
                await conn.commit()
            if not batch:
                async with engine.connect() as conn:
                    if not (await inbox.backlog(conn)).pending:
                        return

    await asyncio.gather(*(desk() for _ in range(4)))
    assert dict(done) == {f"sms:+{party}": list(range(40)) for party in range(25)}


async def test_an_arrival_that_another_desk_has_just_done_is_not_handed_out(filer: Filer, engine: Engine) -> None:
    """The second desk saw the head as pending, but its own look comes after the first desk's commit."""
    await filer.file([said("sms:+1", 1), said("sms:+1", 2)])
    async with engine.connect() as one, engine.connect() as two:
        (first,) = await inbox.claim(one, VAULT, 10)
        assert await inbox.claim(two, VAULT, 10) == []
        await two.rollback()
        await inbox.finish(one, [first.id], NOW)
        assert await inbox.claim(two, VAULT, 10) == []
        await one.commit()
        assert [a.body["n"] for a in await inbox.claim(two, VAULT, 10)] == [2]


@pytest.mark.parametrize(
    "filed",
    [
        said("sms:+1\0", 1),
        said("", 1),
        said("sms:+" + "1" * 600, 1),
        said("sms:+1", 1, kind="gossip"),
        said("sms:+\ud800", 1),
        said("sms:+1", 1, text="\ud800"),
        said("sms:+1", 1, amount=1 << 80),
    ],
)
async def test_what_cannot_be_stored_is_refused_at_the_door_and_its_neighbours_are_not(
    filer: Filer, engine: Engine, filed: Filed
) -> None:
    good, bad = asyncio.gather(filer.file([said("sms:+2", 1)])), asyncio.gather(filer.file([filed]))
    with pytest.raises(Unfit):
        await bad
    await good
    assert [a.party for a in await drain(engine)] == ["sms:+2"]


async def test_a_nul_inside_a_text_is_kept(filer: Filer, engine: Engine) -> None:
    await filer.file([said("sms:+1", 1, text="pa\0y")])
    assert (await claim(engine))[0].body["text"] == "pa\0y"


async def test_a_row_that_only_the_database_refuses_does_not_fail_its_neighbours(filer: Filer, engine: Engine) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("ALTER TABLE inbox ADD CHECK (party <> 'sms:+666')"))
    callers = [filer.file([said(f"sms:+{n}", 1)]) for n in (1, 666, 2)]
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), Unfit, type(None)]
    assert {a.party for a in await drain(engine)} == {"sms:+1", "sms:+2"}


async def test_when_the_database_is_away_every_waiting_caller_hears_so_and_later_ones_are_served(
    filer: Filer, engine: Engine
) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("ALTER TABLE inbox RENAME TO away"))
    callers = [filer.file([said(f"sms:+{n}", 1)]) for n in range(50)]
    assert {type(r) for r in await asyncio.gather(*callers, return_exceptions=True)} == {NotDurable}
    assert filer.waiting == 0
    async with engine.begin() as conn:
        await conn.execute(text("ALTER TABLE away RENAME TO inbox"))
    await filer.file([said("sms:+1", 1)])
    assert len(await drain(engine)) == 1


async def test_when_the_filer_is_stopped_nobody_is_left_waiting(filer: Filer, engine: Engine) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("LOCK TABLE inbox"))
        callers = [asyncio.create_task(filer.file([said(f"sms:+{n}", 1)])) for n in range(5)]
        await asyncio.sleep(0.2)
        assert not any(caller.done() for caller in callers)
        assert filer._task
        filer._task.cancel()
        async with asyncio.timeout(30):
            results = await asyncio.gather(*callers, return_exceptions=True)
    assert {type(result) for result in results} == {NotDurable}


async def test_a_caller_that_goes_away_does_not_disturb_the_others(filer: Filer, engine: Engine) -> None:
    callers = [asyncio.create_task(filer.file([said(f"sms:+{n}", 1)])) for n in range(10)]
    await asyncio.sleep(0)
    assert filer.waiting == 10
    callers[3].cancel()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(r) for r in results].count(type(None)) == 9
    assert len(await drain(engine)) == 10


async def test_arrivals_filed_in_a_transaction_come_and_go_with_it(engine: Engine) -> None:
    async with engine.connect() as conn:
        await inbox.file(conn, VAULT, [said("sms:+1", 1)], NOW)
        await conn.rollback()
        await inbox.file(conn, VAULT, [said("sms:+1", 2), said("sms:+1", 2)], NOW)
        await conn.commit()
    assert [(a.body["n"], a.received_at) for a in await drain(engine)] == [(2, NOW)]


async def test_closing_waits_for_what_people_and_providers_sent_before(engine: Engine) -> None:
    """rule 16: only arrivals of people and providers count, received before the time and not parked."""
    minute = timedelta(minutes=1)
    async with engine.begin() as conn:
        await inbox.file(conn, VAULT, [said("sms:+1", 1), said("sms:+2", 1, kind="event")], NOW)
        await inbox.file(conn, VAULT, [said("circle:A", 1, kind="duty")], NOW - minute)
        assert await inbox.pending_before(conn, NOW) == 0
        assert await inbox.pending_before(conn, NOW + minute) == 2
        head = (await inbox.claim(conn, VAULT, 1))[0]
        await inbox.finish(conn, [head.id], NOW)
        assert await inbox.pending_before(conn, NOW + minute) == 1


async def test_the_sweep_forgets_old_talk_but_keeps_the_keys_of_money(engine: Engine) -> None:
    kinds = ("chat", "status", "event", "duty", "result")
    async with engine.begin() as conn:
        for day in (1, 20):
            filed = [said(f"sms:+{day}", n, kind=kind) for n, kind in enumerate(kinds)]
            await inbox.file(conn, VAULT, filed, NOW + timedelta(days=day))
        await inbox.file(conn, VAULT, [said("sms:+3", 1)], NOW)
        await conn.execute(text("UPDATE inbox SET done_at = received_at WHERE party <> 'sms:+3'"))
        assert await inbox.sweep(conn, NOW + timedelta(days=12)) == 3
        left = await conn.execute(text("SELECT party, kind FROM inbox ORDER BY id"))
        assert [tuple(row) for row in left] == [
            ("sms:+1", "event"),
            ("sms:+1", "result"),
            *(("sms:+20", kind) for kind in kinds),
            ("sms:+3", "chat"),
        ]


@pytest.mark.parametrize("analyzed", [False, True])
async def test_a_claim_from_a_quarter_of_a_million_looks_at_few_rows(engine: Engine, analyzed: bool) -> None:
    """With or without statistics, with half of the backlog one party's: index scans that stop early."""
    async with engine.begin() as conn:
        await conn.execute(
            text("""
            INSERT INTO inbox (source, external_id, party, kind, body, received_at)
            SELECT 's', i, CASE WHEN i < 125000 THEN 'sms:+1' ELSE 'sms:+' || i END, 'duty', '\\x00', now()
            FROM generate_series(1, 250000) AS i""")
        )
        if analyzed:
            await conn.execute(text("ANALYZE inbox"))
        for statement, most in ((inbox._WINDOW_HEADS, 800), (inbox._WALK_HEADS, 400)):
            values = {"most": most, "limit": 100, "locks": Space.PARTIES}
            explained = await conn.execute(
                text("EXPLAIN (ANALYZE, FORMAT JSON) " + str(statement)).bindparams(**values)
            )
            assert max(_rows_read(explained.scalar_one()[0]["Plan"])) <= most
        explained = await conn.execute(
            text("EXPLAIN (ANALYZE, FORMAT JSON) " + str(inbox._TAKE)), {"ids": list(range(124_900, 125_100))}
        )
        assert max(_rows_read(explained.scalar_one()[0]["Plan"])) <= 200


def _rows_read(plan: dict[str, Any]) -> list[float]:
    """Return for each scan of the table how many rows one run of it read."""
    read = [n for child in plan.get("Plans", []) for n in _rows_read(child)]
    if plan.get("Relation Name") == "inbox":
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        read.append(plan["Actual Rows"] + removed)
    return read or [0]
