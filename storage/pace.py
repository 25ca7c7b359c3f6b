"""The pace of sends: who sends to one network or one person stands in a line that all relays share.

Without Redis each process has lines of its own. A place comes with its time, so nobody polls and the order of those who
ask is kept. What a provider asks for (429, Retry-After) closes the line for everybody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Final

from storage.limits import Limits

LATE_SECONDS: Final = 0.05
"""How much of its lateness a process may make up for: after a stall all who were due meanwhile would go at once."""
NEVER: Final = -1.0
"""The patience of who only asks."""
Sleep = Callable[[float], Awaitable[object]]


class Pace:
    """A line, or one for each person, with a place every `every_seconds`, `burst` of them at once after a rest."""

    def __init__(
        self, limits: Limits, name: str, every_seconds: float, burst: int = 1, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        if not (0 < every_seconds < float("inf") and burst > 0):
            raise ValueError(f"no line keeps a pace of {burst} at once and one in {every_seconds} s")
        self._limits = limits
        self._name = name
        self.every_seconds = every_seconds
        self._burst = burst
        self._sleep = sleep
        self._free_at = 0.0
        self._waiting = 0
        self._asking = asyncio.Lock()
        self._now = limits.now
        self._door = asyncio.Lock()
        self._goes_at = 0.0
        self._closed_until = 0.0

    @property
    def ahead_seconds(self) -> float:
        """How long the line is, as far as this process knows."""
        return max(0.0, self._free_at - self._now()) + self._waiting * self.every_seconds

    async def turn(self, patience_seconds: float) -> float:
        """Wait for a place; 0 when it is there. A line that is longer than the patience is not joined: how long it is.

        Whoever is cancelled meanwhile leaves a gap, which harms nobody.
        """
        wait = await self._place(patience_seconds)
        if wait > patience_seconds:
            return wait
        await self._sleep(wait)
        await self._one_by_one()
        return max(0.0, self._closed_until - self._now())  # it may have been closed meanwhile

    async def ahead_of(self, who: str) -> float:
        """Return how many seconds it is until there is a place in somebody's own line."""
        return await self._limits.join(self._own(who), self.every_seconds, self._burst, NEVER)

    async def take(self, who: str, patience_seconds: float = 0.0) -> float:
        """Take a place in somebody's own line, if it comes within the patience; return in how many seconds it comes."""
        return await self._limits.join(self._own(who), self.every_seconds, self._burst, patience_seconds)

    async def close(self, seconds: float) -> None:
        """Let nobody go for so long; in other processes those still go who have their place."""
        await self._limits.close(self._name, seconds)
        self._closed_until = self._now() + seconds
        self._free_at = max(self._free_at, self._closed_until)

    async def _one_by_one(self) -> None:
        """Leave as far apart as the line has it, even when all woke late."""
        async with self._door:
            if (wait := self._goes_at - self._now()) > 0:
                await self._sleep(wait)
            self._goes_at = max(self._goes_at, self._now() - LATE_SECONDS) + self.every_seconds

    def _own(self, who: str) -> str:
        return f"{self._name}:{blake2b(who.encode(), digest_size=12).hexdigest()}"

    async def _place(self, patience_seconds: float) -> float:
        self._waiting += 1
        try:
            async with self._asking:
                wait = await self._limits.join(self._name, self.every_seconds, self._burst, patience_seconds)
                self._free_at = self._now() + wait
                return wait
        finally:
            self._waiting -= 1
