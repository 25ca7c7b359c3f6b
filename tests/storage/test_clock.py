"""The service's clock moves ahead, never back, in every process, and outlives a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from storage.bell import Bell
from storage.clock import POLL_SECONDS, Clock
from storage.engine import Engine, make_engine

DAY = timedelta(days=1)


@asynccontextmanager
async def following(clock: Clock, engine: Engine, bell: Bell) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(clock.follow(engine, bell))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def catches_up(late: Clock, early: Clock) -> None:
    """Wait, less long than the poll behind the bell would take."""
    async with asyncio.timeout(POLL_SECONDS / 2):
        while late.ahead != early.ahead:  # noqa: ASYNC110 - a clock that was moved rings nobody here
            await asyncio.sleep(0.01)


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
    async with Bell(database_url) as bell, following(other, engine, bell):
        await asyncio.sleep(0.05)
        async with engine.begin() as conn:
            await clock.advance(conn, DAY)
        await catches_up(other, clock)
    await engine.dispose()


async def test_a_move_before_anybody_listened_is_learnt_at_once(database_url: str) -> None:
    engine, clock, other = make_engine(database_url), Clock(), Clock()
    async with engine.begin() as conn:
        await other.load(conn)
        await clock.advance(conn, DAY)
    async with Bell(database_url) as bell, following(other, engine, bell):
        await catches_up(other, clock)
    await engine.dispose()


async def test_a_database_that_is_down_does_not_end_the_following(database_url: str) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:9/none")
    async with Bell(database_url) as bell, following(Clock(), nowhere, bell) as task:
        for _ in range(3):
            bell.strike("clock")
            await asyncio.sleep(0.05)
        assert not task.done()
    await nowhere.dispose()
