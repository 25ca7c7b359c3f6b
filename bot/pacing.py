"""When a parcel may go: a network's pace in all, its pace to one address, and what it asks for when it was too much.

All relays keep to one pace (storage/pace.py). Nothing waits here for long: what has to is put back, and the lanes of
others go on.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from channels.base import Outcome, Rate, Retry
from storage.limits import Limits
from storage.pace import Pace, Sleep

LEAST_CLOSED_SECONDS: Final = 1.0
"""For how long a line is closed by a provider that says no more than that it was too much."""
MOST_CLOSED_SECONDS: Final = 300.0
"""Then somebody asks again, whatever was said: what nobody tries is not passed on to another network either."""
AT_ONCE: Final = float("inf")
MARGIN: Final = 0.93
"""Of what a provider takes: in any second there is room for what comes LATE_SECONDS late, and for one under way."""


class Pacing:
    """The pace of one line: `rate_per_second` in all, and `rate_to` each address."""

    def __init__(
        self,
        limits: Limits,
        line: str,
        rate_per_second: float = AT_ONCE,
        rate_to: Callable[[str], Rate] | None = None,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._name = line
        self._line = (
            Pace(limits, line, 1 / MARGIN / rate_per_second, sleep=sleep) if rate_per_second < AT_ONCE else None
        )
        self._rate_to = rate_to
        self._to_one: dict[Rate, Pace] = {}

    def room(self, most: int, seconds: float) -> int:
        """Return how many of at most so many have their turn in the next seconds, as far as this process knows."""
        if self._line is None:
            return most
        free = (seconds - self._line.ahead_seconds) / self._line.every_seconds
        return max(0, min(most, math.ceil(free)))

    async def turn(self, address: str, patience_seconds: float) -> float:
        """Wait for the turn of a parcel; 0 when it may go, else in how many seconds it is to be asked for again."""
        to_one = self._pace_to(self._rate_to(address)) if self._rate_to else None
        if to_one and (wait := await to_one.ahead_of(address)):
            return wait
        if self._line and (wait := await self._line.turn(patience_seconds)):
            return wait
        return await to_one.take(address) if to_one else 0.0  # only now: it counts when it goes, not when it asks

    async def heed(self, outcome: Outcome) -> None:
        """Let everybody wait when a provider says that it is too much in all."""
        if self._line and isinstance(outcome, Retry) and outcome.everybody:
            await self._line.close(min(max(outcome.after_seconds, LEAST_CLOSED_SECONDS), MOST_CLOSED_SECONDS))

    def _pace_to(self, rate: Rate) -> Pace:
        if rate not in self._to_one:
            self._to_one[rate] = Pace(self._limits, f"{self._name}.one", rate.every_seconds / MARGIN, rate.burst)
        return self._to_one[rate]
