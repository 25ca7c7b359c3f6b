"""A ring wakes who waits, in every process; what rang between looking and waiting is not lost."""

import asyncio
import time

import asyncpg

from storage.bell import Bell, ring
from storage.engine import make_engine


async def test_a_committed_ring_wakes_every_process_and_a_rolled_back_one_none(database_url: str) -> None:
    engine = make_engine(database_url)
    async with Bell(database_url) as one, Bell(database_url) as two:
        with one.ear("inbox") as ear, two.ear("inbox") as other, one.ear("outbox") as deaf:
            async with engine.connect() as conn:
                await ring(conn, "inbox")
                await conn.rollback()
                assert not await ear.wait(0.2)
                await ring(conn, "inbox")
                await ring(conn, "inbox")
                await conn.commit()
            assert await ear.wait(5)
            assert await other.wait(5)
            assert not await deaf.wait(0.05)
    await engine.dispose()


async def test_a_ring_between_looking_and_waiting_is_not_lost_for_any_listener(database_url: str) -> None:
    async with Bell(database_url) as bell:
        with bell.ear("sim") as one, bell.ear("sim") as two:
            bell.strike("sim")
            assert await one.wait(0)
            assert await two.wait(0)
            assert not await one.wait(0)


async def test_one_ear_may_listen_to_several_bells(database_url: str) -> None:
    async with Bell(database_url) as bell:
        with bell.ear("outbox", "clock") as ear:
            bell.strike("clock")
            assert await ear.wait(0)
            bell.strike("outbox")
            assert await ear.wait(0)
            bell.strike("inbox")
            assert not await ear.wait(0.01)


async def test_waiting_ends_when_its_time_is_over(database_url: str) -> None:
    async with Bell(database_url) as bell:
        with bell.ear("inbox") as ear:
            start = time.monotonic()
            assert not await ear.wait(0.1)
            assert 0.09 < time.monotonic() - start < 5


async def test_a_bell_that_lost_its_connection_listens_again_and_wakes_who_may_have_missed_a_ring(
    database_url: str,
) -> None:
    cutter = await asyncpg.connect(database_url)
    async with Bell(database_url) as bell:
        with bell.ear("inbox") as ear:
            assert not await ear.wait(0.05)
            await cutter.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'pardna bell' AND datname = current_database()"
            )
            assert await ear.wait(5)
            await cutter.execute("SELECT pg_notify('pardna', 'inbox')")
            assert await ear.wait(5)
    await cutter.close()


async def test_a_bell_without_a_database_still_rings_in_its_own_process() -> None:
    bell = Bell("postgresql://nobody@127.0.0.1:9/nothing")
    task = asyncio.create_task(bell.__aenter__())
    with bell.ear("inbox") as ear:
        bell.strike("inbox")
        assert await ear.wait(1)
    await task
    await bell.__aexit__(None, None, None)
