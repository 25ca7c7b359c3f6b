"""The pace of sends to one network: a line of tickets that all relays stand in together.

Time is cut into slots of a tenth of a second, each with a tenth of a second's sends. A ticket is the place in a
slot and says when to go. So nobody polls, the order of those who ask is kept, and whatever happened before no
more than a tenth of a second's sends go at once. Without Redis each process has a line of its own.
"""

import asyncio
import time
from typing import Final

from storage.limits import Limits

SLOTS_PER_SECOND: Final = 10
KEPT_SECONDS: Final = 60
"""How long a slot's count is kept: longer than any line."""
LONGEST_LINE_SECONDS: Final = 30.0
"""Further ahead than this no line reaches: what says so is a wall clock that was set back."""


class Pace:
    """`await pace.turn()` returns when the next send may go. Raises ValueError for no rate at all."""

    def __init__(self, limits: Limits, name: str, rate_per_second: float) -> None:
        if not 0 < rate_per_second < float("inf"):
            raise ValueError(f"no line keeps a pace of {rate_per_second} a second")
        self._limits = limits
        self._name = name
        self.rate_per_second = rate_per_second
        self._places = max(1, int(rate_per_second / SLOTS_PER_SECOND))
        self._slot_seconds = self._places / rate_per_second
        self._slot = 0
        self._last_due = 0.0
        self._waiting = 0
        self._asking = asyncio.Lock()

    @property
    def ahead_seconds(self) -> float:
        """How long the line is, as far as this process knows."""
        return max(0.0, self._last_due - time.time()) + self._waiting / self.rate_per_second

    async def turn(self) -> None:
        """Take a ticket and wait until its time. Whoever is cancelled meanwhile leaves a gap, which harms nobody."""
        self._waiting += 1
        try:
            async with self._asking:
                due = await self._ticket()
        finally:
            self._waiting -= 1
        await asyncio.sleep(max(0.0, due - time.time()))

    async def _ticket(self) -> float:
        """Return the Unix time of the first free place from now on."""
        present = int(time.time() / self._slot_seconds)
        known = self._slot if self._slot <= present + LONGEST_LINE_SECONDS / self._slot_seconds else present
        slot = max(present, known)
        while (place := await self._take(slot)) > self._places:
            slot += 1
        self._slot = slot
        self._last_due = (slot + (place - 1) / self._places) * self._slot_seconds
        return self._last_due

    async def _take(self, slot: int) -> int:
        return await self._limits.count(f"pace:{self._name}:{slot}", KEPT_SECONDS)
