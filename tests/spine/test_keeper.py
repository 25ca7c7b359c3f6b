"""What is due becomes an arrival at its time, once, however many keepers run; old talk is swept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from bot.keeper import LONGEST_NAP_SECONDS, Keeper
from bot.telemetry import Metrics
from storage import duties
from storage.bell import Bell
from storage.clock import Clock
from storage.duties import Duty
from storage.engine import Engine, make_engine
from storage.vault import Vault, new_keys

VAULT = Vault.from_keys(new_keys())
DAY = timedelta(days=1)
PATIENCE_SECONDS = 30.0
MINUTES = timedelta(minutes=15)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@asynccontextmanager
async def keeping(engine: Engine, bell: Bell, clock: Clock, count: int = 1, **more: Any) -> AsyncIterator[Metrics]:
    metrics = Metrics()
    keepers = [Keeper(engine, VAULT, clock, bell, metrics=metrics, **more) for _ in range(count)]
    tasks = [asyncio.create_task(keeper.run()) for keeper in keepers]
    tasks.append(asyncio.create_task(clock.follow(engine, bell)))
    await asyncio.sleep(0.1)
    try:
        yield metrics
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def told(engine: Engine) -> list[str]:
    """Of what silences and returns of the phone the desk was told, in order."""
    async with engine.connect() as conn:
        return list(
            (await conn.execute(text("SELECT kind FROM duty WHERE key LIKE 'phone%' ORDER BY due_at"))).scalars()
        )


async def test_a_silent_phone_is_told_of_once_and_its_return_too(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.keeper.LOOK_EVERY", timedelta(seconds=0.1))
    monkeypatch.setattr("bot.keeper.LONGEST_NAP_SECONDS", 0.1)
    heard = "INSERT INTO sim_phone VALUES ('smsgate', {}) ON CONFLICT (name) DO UPDATE SET heard_at = excluded.heard_at"

    async def hear(when: str) -> None:
        async with engine.begin() as conn:
            await conn.execute(text(heard.format(when)))

    async with Bell(database_url) as bell, keeping(engine, bell, Clock(), 2, phone_silent_after=MINUTES) as metrics:
        await asyncio.sleep(0.5)
        assert await told(engine) == []  # never heard: `doctor` tells of that
        await hear("now() - interval '1 hour'")
        await comes_true(engine, "SELECT count(*) = 1 FROM duty WHERE kind = 'phone_silent'")
        await asyncio.sleep(0.5)
        assert await told(engine) == ["phone_silent"]
        silence = metrics.registry.get_sample_value("pardna_sim_silence_seconds")
        assert silence == pytest.approx(3600, abs=30)
        assert metrics.registry.get_sample_value("pardna_alarms_total", {"part": "smsgate"}) == 2  # once a keeper
        await hear("now()")
        await comes_true(engine, "SELECT count(*) = 1 FROM duty WHERE kind = 'phone_back'")
        await hear("now() - interval '2 hours'")
        await comes_true(engine, "SELECT count(*) = 2 FROM duty WHERE kind = 'phone_silent'")


async def plan(engine: Engine, *planned: Duty) -> None:
    async with engine.begin() as conn:
        await duties.plan(conn, planned)


async def one(engine: Engine, statement: str) -> Any:
    async with engine.connect() as conn:
        return (await conn.execute(text(statement))).scalar_one()


async def filed(engine: Engine, count: int, seconds: float = PATIENCE_SECONDS) -> None:
    await comes_true(engine, f"SELECT count(*) >= {count} FROM inbox", seconds)


async def comes_true(engine: Engine, statement: str, seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await one(engine, statement):  # noqa: ASYNC110 - nothing rings in the test
            await asyncio.sleep(0.01)


async def test_a_duty_is_filed_when_it_is_due(engine: Engine, database_url: str) -> None:
    clock = Clock()
    async with Bell(database_url) as bell, keeping(engine, bell, clock):
        due = clock.now() + timedelta(seconds=0.5)
        await plan(engine, Duty("k", due, "circle:A", "open"))
        await filed(engine, 1)
        assert timedelta() <= clock.now() - due < timedelta(seconds=3)


async def test_moving_the_clock_files_what_has_come_due(engine: Engine, database_url: str) -> None:
    clock = Clock()
    async with Bell(database_url) as bell, keeping(engine, bell, clock):
        await plan(engine, *(Duty(f"k{n}", clock.now() + n * DAY, "circle:A", "open") for n in (1, 2, 9)))
        async with engine.begin() as conn:
            await clock.advance(conn, 7 * DAY)
        await filed(engine, 2, seconds=LONGEST_NAP_SECONDS - 1)


async def test_several_keepers_file_each_duty_once(engine: Engine, database_url: str) -> None:
    clock = Clock()
    now = clock.now()
    async with Bell(database_url) as bell, keeping(engine, bell, clock, count=3):
        await plan(engine, *(Duty(f"k{n}", now, f"circle:{n % 7}", "open") for n in range(1_200)))
        await filed(engine, 1_200)
    assert await one(engine, "SELECT count(*) FROM duty WHERE filed_at IS NULL") == 0
    assert await one(engine, "SELECT count(DISTINCT external_id) FROM inbox") == 1_200


async def test_the_sweep_runs_once_an_hour_by_the_wall_clock(engine: Engine, database_url: str) -> None:
    """A service clock moved ahead by a month must not make the provider's repeats look new."""
    async with engine.begin() as conn:
        for days in (1, 30):
            await conn.execute(
                text("""
                INSERT INTO inbox (source, external_id, party, kind, received_at, done_at)
                VALUES ('sms', :id, 'sms:+1', 'chat', :at, :at)"""),
                {"id": f"m{days}", "at": datetime.now(UTC) - timedelta(days=days)},
            )
    clock = Clock(ahead=30 * DAY)
    async with Bell(database_url) as bell, keeping(engine, bell, clock, count=2):
        await comes_true(engine, "SELECT count(*) = 1 FROM inbox")
    assert await one(engine, "SELECT string_agg(external_id, ' ') FROM inbox") == "m1"
    assert await one(engine, "SELECT count(*) FROM duty WHERE key LIKE 'sweep:%'") == 1


async def test_what_was_given_up_is_shown_to_operators(engine: Engine, database_url: str) -> None:
    async with engine.begin() as conn:
        await conn.execute(
            text("""
            INSERT INTO inbox (source, external_id, party, kind, received_at, parked_at)
            VALUES ('sms', 'm', 'sms:+1', 'chat', now(), now())""")
        )
    async with Bell(database_url) as bell, keeping(engine, bell, Clock()) as metrics:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while metrics.registry.get_sample_value("pardna_inbox_parked") != 1:  # noqa: ASYNC110 - nothing rings
                await asyncio.sleep(0.01)
        assert metrics.registry.get_sample_value("pardna_outbox_dead") == 0


async def test_the_keeper_outlives_trouble_with_the_database(engine: Engine, database_url: str) -> None:
    clock = Clock()
    async with engine.begin() as conn:
        await conn.execute(text("ALTER TABLE duty RENAME TO lost"))
    async with Bell(database_url) as bell, keeping(engine, bell, clock):
        async with engine.begin() as conn:
            await conn.execute(text("ALTER TABLE lost RENAME TO duty"))
        await plan(engine, Duty("k", clock.now(), "circle:A", "open"))
        await filed(engine, 1)
