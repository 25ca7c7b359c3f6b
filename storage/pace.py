"""The pace of sends: who sends to one network or one person stands in a line that all relays share.

Without Redis each process has lines of its own. A place comes with its time, so nobody polls and the order of those who
ask is kept. What a provider asks for (429, Retry-After) closes the line for everybody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Final

from storage.limits import Limits

LATE_SECONDS: Final = 0.03
"""How long a place is good. After a stall what was due meanwhile would else go on top of what is due now."""
PLACES: Final = 3
"""So many places are tried one after the other by a process that comes late to each."""
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
        self._closed_until = 0.0

    @property
    def ahead_seconds(self) -> float:
        """How long the line is, as far as this process knows."""
        return max(0.0, self._free_at - self._now()) + self._waiting * self.every_seconds

    async def turn(self, patience_seconds: float) -> float:
        """Wait for a place; 0 when it is there. A line that is longer than the patience is not joined: how long it is.

        A place that is over is left empty, and another is taken.

        Whoever is cancelled meanwhile leaves a gap, which harms nobody.
        """
        for _ in range(PLACES):
            wait = await self._place(patience_seconds)
            if wait > patience_seconds:
                return wait
            at = self._now() + wait
            await self._sleep(max(0.0, wait))
            now = self._now()
            if now < self._closed_until:  # meanwhile
                return self._closed_until - now
            if now - at <= LATE_SECONDS:
                return 0.0
        return self.every_seconds

    async def ahead_of(self, who: str) -> float:
        """Return how many seconds it is until there is a place in somebody's own line."""
        return await self._limits.join(self._own(who), self.every_seconds, self._burst, NEVER)

    async def take(self, who: str, patience_seconds: float = 0.0) -> float:
        """Take a place in somebody's own line, if it comes within the patience; return in how many seconds it comes."""
        wait = await self._limits.join(self._own(who), self.every_seconds, self._burst, patience_seconds)
        return max(0.0, wait)

    async def close(self, seconds: float) -> None:
        """Let nobody go for so long; in other processes those still go who have their place."""
        await self._limits.close(self._name, seconds)
        self._closed_until = self._now() + seconds
        self._free_at = max(self._free_at, self._closed_until)

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
