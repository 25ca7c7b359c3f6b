"""No stall of a process brings more than a provider's limit into any second, and the pace is kept all the same."""

import asyncio
import heapq
from itertools import count

import pytest

from bot.pacing import Pacing
from storage.limits import Limits

PER_SECOND = 30
RELAYS = 3


class Stalling:
    """A time of its own that wakes sleepers in order, and stands still for all at once when a test says so."""

    def __init__(self, *stalls: tuple[float, float]) -> None:
        """`stalls`: at what time, and for how long, in seconds."""
        self.at = 0.0
        self._stalls = list(stalls)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        wakes: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.at + seconds, next(self._numbers), wakes))
        await wakes

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0)
            if not self._sleepers:
                continue
            self.at = max(self.at, self._sleepers[0][0])
            if self._stalls and self.at >= self._stalls[0][0]:
                self.at += self._stalls.pop(0)[1]
            while self._sleepers and self._sleepers[0][0] <= self.at:
                heapq.heappop(self._sleepers)[2].set_result(None)


async def departures(stalling: Stalling, many: int) -> list[float]:
    """Have relays that share one line send so much, a few at a time; returns when each went."""
    limits = Limits(now=stalling.now)
    went: list[float] = []
    left = iter(range(many))

    async def sender(pacing: Pacing) -> None:
        for number in left:
            while await pacing.turn(str(number), 3.0):
                pass
            went.append(stalling.now())

    relays = [Pacing(limits, "telegram", PER_SECOND, sleep=stalling.sleep) for _ in range(RELAYS)]
    time = asyncio.create_task(stalling.run())
    await asyncio.gather(*(sender(pacing) for pacing in relays for _ in range(10)))
    time.cancel()
    return went


def most_in_a_second(went: list[float]) -> int:
    """By any window of a second, as a provider counts."""
    return max(sum(at <= other < at + 1 for other in went) for at in went)


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.35, 0.5, 1.0, 5.0])
async def test_what_was_due_in_a_stall_never_goes_on_top_of_what_is_due_now(seconds: float) -> None:
    went = await departures(Stalling((3.0, seconds), (4.1 + seconds, seconds)), 300)
    assert most_in_a_second(went) <= PER_SECOND


async def test_without_a_stall_nine_tenths_of_the_limit_are_used() -> None:
    went = await departures(Stalling(), 300)
    assert most_in_a_second(went) <= PER_SECOND
    assert 299 / (went[-1] - went[0]) >= 0.9 * PER_SECOND
