"""A duty happens once, at its time, whoever files it and however many keepers there are."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from storage import duties, inbox
from storage.duties import Duty
from storage.engine import Engine, make_engine
from storage.vault import Vault, new_keys

NOW = datetime(2026, 12, 7, 14, tzinfo=UTC)
DAY = timedelta(days=1)
VAULT = Vault.from_keys(new_keys())


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


def duty(number: int, at: datetime = NOW) -> Duty:
    return Duty(f"close:ABC234:{number}", at, "circle:ABC234", "close", {"round": number})


async def plan(engine: Engine, *planned: Duty) -> None:
    async with engine.begin() as conn:
        await duties.plan(conn, planned)


async def file_due(engine: Engine, now: datetime, limit: int = 500) -> int:
    async with engine.begin() as conn:
        return await duties.file_due(conn, VAULT, now, limit)


async def filed(engine: Engine) -> list[inbox.Arrival]:
    found: list[inbox.Arrival] = []
    while True:
        async with engine.begin() as conn:
            batch = await inbox.claim(conn, VAULT, 100)
            await inbox.finish(conn, [a.id for a in batch], NOW)
        if not batch:
            return found
        found += batch


async def test_a_due_duty_becomes_an_arrival_received_when_it_was_due(engine: Engine) -> None:
    await plan(engine, duty(1), duty(2, NOW + DAY))
    assert await file_due(engine, NOW - DAY) == 0
    assert await file_due(engine, NOW + DAY / 2) == 1
    (arrival,) = await filed(engine)
    assert (arrival.source, arrival.external_id, arrival.party) == (
        "keeper",
        "close:ABC234:1",
        "circle:ABC234",
    )
    assert (arrival.kind, arrival.body) == ("duty", {"kind": "close", "round": 1})
    assert arrival.received_at == NOW


async def test_the_next_duty_is_the_earliest_that_was_not_filed(engine: Engine) -> None:
    async with engine.connect() as conn:
        assert await duties.next_due(conn) is None
    await plan(engine, duty(2, NOW + DAY), duty(1), duty(3, NOW + 2 * DAY))
    async with engine.connect() as conn:
        assert await duties.next_due(conn) == NOW
    await file_due(engine, NOW)
    async with engine.connect() as conn:
        assert await duties.next_due(conn) == NOW + DAY


async def test_a_key_is_planned_and_filed_once_for_ever(engine: Engine) -> None:
    await plan(engine, duty(1), duty(1))
    assert await file_due(engine, NOW) == 1
    await plan(engine, duty(1))
    assert await file_due(engine, NOW) == 0
    assert len(await filed(engine)) == 1


async def test_a_duty_taken_back_is_not_filed(engine: Engine) -> None:
    await plan(engine, duty(1), duty(2))
    async with engine.begin() as conn:
        assert await duties.cancel(conn, ["close:ABC234:1", "close:ABC234:9"]) == 1
    await file_due(engine, NOW)
    assert [a.body["round"] for a in await filed(engine)] == [2]


async def test_a_crash_before_the_commit_files_nothing_and_loses_nothing(engine: Engine) -> None:
    await plan(engine, duty(1))
    async with engine.connect() as conn:
        assert await duties.file_due(conn, VAULT, NOW) == 1
        await conn.rollback()
    assert await filed(engine) == []
    assert await file_due(engine, NOW) == 1
    assert len(await filed(engine)) == 1


async def test_several_keepers_file_each_duty_once_and_in_order(engine: Engine) -> None:
    await plan(engine, *(duty(n, NOW + timedelta(seconds=n)) for n in reversed(range(200))))

    async def left() -> bool:
        async with engine.connect() as conn:
            return await duties.next_due(conn) is not None

    async def keeper() -> int:
        filed = 0
        while await left():
            filed += await file_due(engine, NOW + DAY, limit=10)
        return filed

    assert sum(await asyncio.gather(*(keeper() for _ in range(4)))) == 200
    assert [a.body["round"] for a in await filed(engine)] == list(range(200))
