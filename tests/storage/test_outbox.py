"""What goes out leaves in order of its lane, from its head alone, and is never lost or sent by two relays."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.messages import Option, Outgoing
from storage import outbox
from storage.engine import Connection, Engine, make_engine
from storage.outbox import Notice, Parcel, Posted, Report, Settled
from storage.vault import Vault, new_keys

NOW = datetime(2026, 12, 7, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VAULT = Vault.from_keys(new_keys())


def say(party: str, number: int, *, at: datetime = NOW, options: tuple[Option, ...] = ()) -> Parcel:
    body = Outgoing(f"to {party}: {number}", options).as_json()
    return Parcel(party, "say", f"{party}#{number}", body, at, bool(options))


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


async def put(engine: Engine, *parcels: Parcel) -> None:
    async with engine.begin() as conn:
        await outbox.put(conn, VAULT, parcels, NOW)


async def claim(
    engine: Engine, carrier: str = "sms", *, now: datetime = NOW, limit: int = 100, lease: float = 60
) -> list[Posted]:
    async with engine.begin() as conn:
        return await outbox.claim(conn, VAULT, carrier, now, limit=limit, lease_seconds=lease)


async def settle(engine: Engine, posted: Posted, state: str, **more: Any) -> set[int]:
    async with engine.begin() as conn:
        return await outbox.settle(conn, [Settled(posted.id, posted.attempts, state, **more)], NOW)


async def one(conn: Connection, statement: str) -> Any:
    return (await conn.execute(text(statement))).one()


async def test_a_parcel_is_handed_out_as_it_was_put(engine: Engine) -> None:
    parcel = say("sms:+1", 1, options=(Option("pay", "Pay"),))
    await put(engine, parcel)
    (posted,) = await claim(engine)
    assert (posted.lane, posted.kind, posted.key) == ("sms:+1", "say", "sms:+1#1")
    assert Outgoing.from_json(posted.body) == Outgoing("to sms:+1: 1", (Option("pay", "Pay"),))
    assert (posted.attempts, posted.unknown, posted.stopped) == (1, False, False)
    async with engine.connect() as conn:
        assert b"to sms" not in bytes((await one(conn, "SELECT body FROM outbox"))[0])


async def test_who_wrote_is_answered_before_anybody_gets_a_notice(engine: Engine) -> None:
    """However long the notices have been due; in a lane the order stays as it was."""
    notices = [replace(say(f"sms:+{lane}", 1), notice=Notice(f"n{lane}", "p", MINUTE)) for lane in range(5)]
    await put(engine, *notices)
    await put(engine, say("sms:+2", 2, at=NOW - MINUTE), say("sms:+9", 1))
    assert [p.key for p in await claim(engine, limit=1)] == ["sms:+9#1"]
    assert sorted(p.key for p in await claim(engine)) == [f"sms:+{lane}#1" for lane in range(5)]


async def test_what_was_held_is_as_if_nobody_had_tried_it(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1), say("sms:+1", 2))
    (posted,) = await claim(engine)
    await settle(engine, posted, "queued", fault="busy", after_seconds=0.0)
    (posted,) = await claim(engine)
    await settle(engine, posted, "queued", after_seconds=3600.0, held=True)
    assert await claim(engine) == []
    async with engine.connect() as conn:
        assert tuple(await one(conn, "SELECT attempts, fault FROM outbox ORDER BY id LIMIT 1")) == (1, "busy")


async def test_the_same_key_is_one_parcel_for_ever(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1), say("sms:+1", 1))
    (posted,) = await claim(engine)
    await settle(engine, posted, "sent")
    await put(engine, say("sms:+1", 1))
    assert await claim(engine) == []


async def test_only_the_head_of_a_lane_is_handed_out_and_the_next_when_it_has_ended(engine: Engine) -> None:
    await put(engine, *(say(f"sms:+{lane}", n) for n in (1, 2, 3) for lane in (7, 8)))
    for n in (1, 2, 3):
        heads = await claim(engine)
        assert [p.key for p in heads] == [f"sms:+7#{n}", f"sms:+8#{n}"]
        assert await claim(engine) == []
        await settle(engine, heads[0], "sent")
        await settle(engine, heads[1], ("sent", "dead", "dropped")[n - 1])


async def test_each_carrier_is_claimed_on_its_own(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1), say("telegram:1", 1), say("whatsapp:+1", 1))
    assert [p.lane for p in await claim(engine, "telegram")] == ["telegram:1"]
    assert [p.lane for p in await claim(engine, "sms")] == ["sms:+1"]


async def test_what_has_to_wait_for_the_morning_lets_later_parcels_pass(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1, at=NOW + MINUTE), say("sms:+1", 2))
    (reply,) = await claim(engine)
    assert reply.key == "sms:+1#2"
    await settle(engine, reply, "sent")
    assert await claim(engine) == []
    assert [p.key for p in await claim(engine, now=NOW + MINUTE)] == ["sms:+1#1"]


async def test_a_parcel_that_waits_for_its_next_try_holds_its_lane_alone(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1), say("sms:+1", 2), say("sms:+2", 1))
    first, other = await claim(engine)
    await settle(engine, first, "queued", after_seconds=0.15, fault="busy")
    await settle(engine, other, "sent")
    assert await claim(engine) == []
    await asyncio.sleep(0.2)
    (again,) = await claim(engine)
    assert (again.key, again.attempts) == ("sms:+1#1", 2)


async def test_when_a_lease_runs_out_another_relay_sends_with_the_same_key(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1))
    (dead,) = await claim(engine, lease=0.1)
    assert await claim(engine) == []
    await asyncio.sleep(0.15)
    (again,) = await claim(engine)
    assert (again.key, again.attempts, again.unknown) == (dead.key, 2, True)
    assert await settle(engine, dead, "queued", after_seconds=0) == set()
    assert await settle(engine, dead, "dead") == set()
    assert await settle(engine, dead, "sent", provider_id="late but true") == {dead.id}
    assert await settle(engine, again, "dead") == set()


@pytest.mark.parametrize("kind", ["disburse", "refund"])
async def test_money_out_whose_relay_died_is_unknown_from_then_on(engine: Engine, kind: str) -> None:
    """rule 37: it must be looked up, not sent: a gateway may take a second refund for another one."""
    await put(engine, Parcel("ncb:p1", kind, "p1", {"amount": 1}, NOW))
    assert not (await claim(engine, "ncb", lease=0.05))[0].unknown
    await asyncio.sleep(0.1)
    (again,) = await claim(engine, "ncb")
    assert again.unknown
    await settle(engine, again, "queued", after_seconds=0)
    assert (await claim(engine, "ncb"))[0].unknown


async def test_who_said_stop_is_marked(engine: Engine) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("INSERT INTO person VALUES ('p', 'Ann', 'en', now())"))
        await conn.execute(
            text("INSERT INTO address VALUES ('sms:+1', 'p', now(), now()), ('sms:+2', 'p', now(), NULL)")
        )
    await put(engine, *(say(f"sms:+{n}", 1) for n in (1, 2, 3)))
    assert [p.stopped for p in await claim(engine)] == [True, False, False]


async def test_a_parcel_sealed_with_a_lost_key_is_dead_and_holds_nobody_up(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1), say("sms:+2", 1))
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE outbox SET body = '\\x0000' WHERE lane = 'sms:+1'"))
    assert [p.lane for p in await claim(engine)] == ["sms:+2"]
    async with engine.connect() as conn:
        assert [letter.key for letter in await outbox.dead_letters(conn)] == ["sms:+1#1"]


async def test_money_out_that_may_have_gone_is_looked_up_when_it_is_queued_again(engine: Engine) -> None:
    """rule 37: its relay died, and then it did not open with the keys at hand; nobody said no."""
    await put(engine, Parcel("ncb:p1", "disburse", "p1", {"amount": 1}, NOW))
    await claim(engine, "ncb", lease=0.05)
    await asyncio.sleep(0.1)
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE outbox SET body = '\\x0000'"))
    assert await claim(engine, "ncb") == []
    await put(engine, Parcel("ncb:p1", "disburse", "p1", {"amount": 1}, NOW))
    (again,) = await claim(engine, "ncb")
    assert again.unknown


async def test_dead_letters_are_listed_sent_again_or_dropped(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1), say("sms:+2", 1))
    for posted in await claim(engine):
        await settle(engine, posted, "dead", fault="no such number\0")
    async with engine.begin() as conn:
        letters = await outbox.dead_letters(conn)
        assert [(x.lane, x.attempts, x.fault) for x in letters] == [
            ("sms:+1", 1, "no such number"),
            ("sms:+2", 1, "no such number"),
        ]
        assert (await outbox.backlog(conn, NOW)).dead == 2
        assert await outbox.retry_dead(conn, [letters[0].id]) == 1
        assert await outbox.drop_dead(conn, [letters[1].id, letters[0].id], NOW) == 1
        assert await outbox.dead_letters(conn) == []
    assert [p.lane for p in await claim(engine)] == ["sms:+1"]


async def test_a_refused_payout_is_tried_again_under_its_key_and_nothing_else_is(engine: Engine) -> None:
    """rule 37: the same payout with the same key; what was sent or waits stays as it is."""

    def payout(account: str) -> Parcel:
        return Parcel("ncb:p1", "disburse", "p1", {"account": account}, NOW)

    await put(engine, payout("1"), say("sms:+1", 1))
    (first,), (message,) = await claim(engine, "ncb"), await claim(engine)
    await settle(engine, first, "queued", after_seconds=0, unknown=True)
    (first,) = await claim(engine, "ncb")
    await settle(engine, first, "dead")
    await settle(engine, message, "dead")
    await put(engine, payout("2"), say("sms:+1", 1))
    assert await claim(engine) == []
    (again,) = await claim(engine, "ncb")
    assert (again.body, again.attempts, again.unknown) == ({"account": "2"}, 3, False)
    await put(engine, payout("3"))
    assert await claim(engine, "ncb") == []
    await settle(engine, again, "sent")
    await put(engine, payout("4"))
    assert await claim(engine, "ncb") == []


async def test_the_last_menu_is_the_newest_choice_that_was_tried_to_be_sent(engine: Engine) -> None:
    options = [(Option(f"o{n}", "Yes"),) for n in range(5)]
    await put(engine, say("sms:+1", 1, options=options[1]), say("sms:+1", 2, options=options[2]))
    await put(engine, say("sms:+1", 3), say("sms:+1", 4, options=options[4]), say("sms:+2", 1))
    async with engine.connect() as conn:
        assert await outbox.last_menu(conn, VAULT, {"sms:+1": NOW + MINUTE}) == {}
    for _ in range(3):
        for posted in await claim(engine):
            await settle(engine, posted, "sent")
    async with engine.connect() as conn:
        menus = await outbox.last_menu(conn, VAULT, {f"sms:+{n}": NOW + MINUTE for n in (1, 2, 3)})
    assert {party: menu.options for party, menu in menus.items()} == {"sms:+1": options[2]}


async def test_a_number_is_held_against_the_choice_of_its_own_time(engine: Engine) -> None:
    """One that was typed before a newer choice was shown, and one that comes when nobody remembers it any more."""
    first, second = ((Option(name, "Yes"),) for name in ("first", "second"))
    await put(engine, say("sms:+1", 1, options=first), say("sms:+1", 2, options=second))
    async with engine.begin() as conn:
        for number in (1, 2):
            shown = {"at": NOW + number * 60 * MINUTE, "key": f"sms:+1#{number}"}
            await conn.execute(text("UPDATE outbox SET attempted_at = :at WHERE key = :key"), shown)
        for minutes, expected in (
            (59, None),
            (61, first),
            (119, first),
            (121, second),
            (120 + 4319, second),
            (120 + 4321, None),
        ):
            menus = await outbox.last_menu(conn, VAULT, {"sms:+1": NOW + minutes * MINUTE})
            assert (menus["sms:+1"].options if menus else None) == expected, minutes


async def test_delivery_only_goes_up_whatever_the_order_of_the_reports(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1), say("telegram:1", 1))
    for carrier in ("sms", "telegram"):
        for posted in await claim(engine, carrier):
            await settle(engine, posted, "sent", provider_id="SM1")
    async with engine.begin() as conn:
        for reports, rank in (
            ([Report("sms", "SM1", "delivered"), Report("sms", "SM1", "sent"), Report("sms", "SM1", "weird")], 3),
            ([Report("sms", "SM1", "failed")], 3),
            ([Report("sms", "SM1", "read"), Report("sms", "SM9", "read")], 4),
        ):
            await outbox.note_delivery(conn, reports, NOW)
            assert (await one(conn, "SELECT delivery FROM outbox WHERE lane = 'sms:+1'"))[0] == rank
        assert (await one(conn, "SELECT delivery FROM outbox WHERE lane = 'telegram:1'"))[0] == 0


async def test_what_is_told_before_we_noted_that_it_was_sent_is_not_lost(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1))
    (posted,) = await claim(engine, "sms")
    async with engine.begin() as conn:
        await outbox.note_delivery(conn, [Report("sms", "SM1", "delivered"), Report("whatsapp", "SM1", "read")], NOW)
        await outbox.note_delivery(conn, [Report("sms", "SM1", "sent")], NOW)
        await outbox.note_early(conn, NOW)
    await settle(engine, posted, "sent", provider_id="SM1")
    async with engine.begin() as conn:
        await outbox.note_early(conn, NOW)
        assert (await one(conn, "SELECT delivery FROM outbox"))[0] == 3
        await conn.execute(text("UPDATE early_report SET at = at - interval '2 days'"))
        await outbox.note_early(conn, NOW)
        assert (await one(conn, "SELECT count(*) FROM early_report"))[0] == 0


async def test_a_failure_told_too_early_keeps_its_code(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1))
    (posted,) = await claim(engine, "sms")
    async with engine.begin() as conn:
        await outbox.note_delivery(conn, [Report("sms", "SM1", "failed", "30005"), Report("sms", "SM1", "sent")], NOW)
        await outbox.note_delivery(conn, [Report("sms", "SM1", "sent")], NOW)
    await settle(engine, posted, "sent", provider_id="SM1")
    async with engine.begin() as conn:
        await outbox.note_early(conn, NOW)
        assert await one(conn, "SELECT delivery, fault FROM outbox") == (2, "30005")


async def test_the_backlog_counts_what_is_due(engine: Engine) -> None:
    await put(engine, say("sms:+1", 1), say("sms:+1", 2), say("sms:+1", 3, at=NOW + 60 * MINUTE))
    async with engine.connect() as conn:
        assert await outbox.backlog(conn, NOW + MINUTE) == (2, 60.0, 0)


async def test_the_sweep_forgets_old_messages_but_not_money(engine: Engine) -> None:
    money = Parcel("ncb:p1", "disburse", "p1", {}, NOW)
    await put(engine, say("sms:+1", 1), money, say("sms:+2", 1))
    for carrier in ("sms", "ncb"):
        for posted in await claim(engine, carrier, limit=1):
            await settle(engine, posted, "sent")
    async with engine.begin() as conn:
        assert await outbox.sweep(conn, NOW) == 0
        assert await outbox.sweep(conn, NOW + MINUTE) == 1
        left = await conn.execute(text("SELECT key FROM outbox ORDER BY id"))
        assert list(left.scalars()) == ["p1", "sms:+2#1"]


async def test_within_a_lane_numbers_rise_in_order_of_commit(engine: Engine) -> None:
    """The second writer waits for the first one's commit, so a reader never sees 2 without 1."""
    async with engine.connect() as first, engine.connect() as second:
        await outbox.put(first, VAULT, [say("sms:+1", 1), say("sms:+2", 1)], NOW)
        waiting = asyncio.create_task(outbox.put(second, VAULT, [say("sms:+2", 2), say("sms:+1", 2)], NOW))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await first.commit()
        await waiting
        await second.commit()
    assert [p.key for p in await claim(engine)] == ["sms:+1#1", "sms:+2#1"]


async def test_many_writers_of_the_same_lanes_never_wait_for_each_other_in_a_ring(engine: Engine) -> None:
    async def writer(number: int) -> None:
        lanes = random.Random(number).sample(range(30), 20)  # noqa: S311 - luck, not a secret
        for n in range(5):
            await put(engine, *(say(f"sms:+{lane}", number * 10 + n) for lane in lanes))

    await asyncio.gather(*(writer(number) for number in range(8)))
    async with engine.connect() as conn:
        assert (await one(conn, "SELECT count(*) FROM outbox"))[0] == 8 * 5 * 20


async def test_several_relays_send_each_parcel_once_and_in_order(engine: Engine) -> None:
    """Four relays against two writers, with retries: no inversion within a lane, no parcel sent twice."""
    sent: defaultdict[str, list[int]] = defaultdict(list)
    luck = random.Random(3)  # noqa: S311 - luck, not a secret
    writing = True

    async def writer(half: int) -> None:
        for n in range(25):
            await put(engine, *(say(f"sms:+{lane}", n) for lane in range(half, 40, 2)))

    async def relay() -> None:
        while True:
            before = writing
            batch = await claim(engine, limit=10)
            if not batch and not before:
                async with engine.connect() as conn:
                    if not (await outbox.backlog(conn, NOW)).due:
                        return
            for posted in batch:
                if luck.random() < 0.1:
                    await settle(engine, posted, "queued", after_seconds=0.001)
                    continue
                sent[posted.lane].append(int(posted.key.split("#")[1]))
                await settle(engine, posted, "sent")

    async def writers() -> None:
        nonlocal writing
        await asyncio.gather(writer(0), writer(1))
        writing = False

    await asyncio.gather(writers(), *(relay() for _ in range(4)))
    assert dict(sent) == {f"sms:+{lane}": list(range(25)) for lane in range(40)}


@pytest.mark.parametrize("analyzed", [False, True])
async def test_a_claim_from_a_quarter_of_a_million_looks_at_few_rows(engine: Engine, analyzed: bool) -> None:
    async with engine.begin() as conn:
        await conn.execute(
            text("""
            INSERT INTO outbox (lane, kind, key, body, queued_at, not_before, state)
            SELECT CASE i % 2 WHEN 0 THEN 'sms:+' ELSE 'telegram:' END || i, 'say', i, '\\x00', now(), :now,
                CASE WHEN i < 150000 THEN 'sent' ELSE 'queued' END
            FROM generate_series(1, 250000) AS i"""),
            {"now": NOW},
        )
        if analyzed:
            await conn.execute(text("ANALYZE outbox"))
        values = {"carrier": "sms", "now": NOW, "limit": 100, "lease": 10.0}
        explained = await conn.execute(text("EXPLAIN (ANALYZE, FORMAT JSON) " + str(outbox._CLAIM)), values)
        assert max(_rows_read(explained.scalar_one()[0]["Plan"])) <= 100


def _rows_read(plan: dict[str, Any]) -> list[float]:
    """Return for each scan of the table how many rows one run of it read."""
    read = [n for child in plan.get("Plans", []) for n in _rows_read(child)]
    if plan.get("Relation Name") == "outbox" and "Scan" in plan["Node Type"]:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        read.append(plan["Actual Rows"] + removed)
    return read or [0]
