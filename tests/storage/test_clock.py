"""The service's clock moves ahead, never back, in every process, and outlives a restart."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from storage.bell import Bell
from storage.clock import Clock
from storage.engine import make_engine

DAY = timedelta(days=1)


async def test_the_clock_moves_ahead_goes_on_and_outlives_a_restart(database_url: str) -> None:
    engine, clock = make_engine(database_url), Clock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)
    async with engine.begin() as conn:
        at = await clock.advance(conn, 7 * DAY)
    assert timedelta() <= clock.now() - at < timedelta(seconds=5)
    again = Clock()
    async with engine.connect() as conn:
        await again.load(conn)
    assert abs(again.now() - clock.now()) < timedelta(seconds=1)
    await engine.dispose()


async def test_the_clock_does_not_move_back(database_url: str) -> None:
    engine, clock = make_engine(database_url), Clock()
    async with engine.begin() as conn:
        await clock.set(conn, datetime.now(UTC) + DAY)
        with pytest.raises(ValueError, match="only moves ahead"):
            await clock.set(conn, datetime.now(UTC))
    assert clock.now() > datetime.now(UTC) + 0.9 * DAY
    await engine.dispose()


async def test_other_processes_follow(database_url: str) -> None:
    engine, clock, other = make_engine(database_url), Clock(), Clock()
    async with Bell(database_url) as bell:
        following = asyncio.create_task(other.follow(engine, bell))
        await asyncio.sleep(0.05)
        async with engine.begin() as conn:
            await clock.advance(conn, DAY)
        for _ in range(500):
            await asyncio.sleep(0.01)
            if other.ahead == clock.ahead:
                break
        assert other.ahead == clock.ahead
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await engine.dispose()


async def test_a_move_before_anybody_listened_is_learnt_at_once(database_url: str) -> None:
    engine, clock, other = make_engine(database_url), Clock(), Clock()
    async with engine.begin() as conn:
        await other.load(conn)
        await clock.advance(conn, DAY)
    async with Bell(database_url) as bell:
        following = asyncio.create_task(other.follow(engine, bell))
        for _ in range(200):
            await asyncio.sleep(0.01)
            if other.ahead == clock.ahead:
                break
        assert other.ahead == clock.ahead
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await engine.dispose()


async def test_a_database_that_is_down_does_not_end_the_following(database_url: str) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:9/none")
    async with Bell(database_url) as bell:
        following = asyncio.create_task(Clock().follow(nowhere, bell))
        for _ in range(3):
            bell.strike("clock")
            await asyncio.sleep(0.05)
        assert not following.done()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await nowhere.dispose()
