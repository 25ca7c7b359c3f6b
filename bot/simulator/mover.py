"""Moves the service's clock ahead, stopping at every duty and every held message on the way.

Moving the clock does nothing by itself: keeper, desk and relay do their work at each stop, and the clock
goes on when they have done it. So what should happen on Tuesday happens with Tuesday's date.
"""

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from bot.simulator.clock_words import Goal
from domain.schedule import local
from storage.clock import Clock
from storage.engine import Engine
from storage.pulse import Pulse, Work

MOST: Final = timedelta(days=400)
"""The longest way in one call."""
_TOO_FAR: Final = f"The clock moves at most {MOST.days} days at once."
POLL_SECONDS: Final = 0.01
QUIET_LOOKS: Final = 2
"""How often in a row nothing must be found: one step may end just before the next begins."""
RETRY_PATIENCE_SECONDS: Final = 5.0
"""How long a move waits in all for what will be tried again later on the wall clock."""
STUCK_SECONDS: Final = 60.0
"""How long nothing may change at a stop before the move is given up."""


class NotAhead(ValueError):
    """The time asked for is before now, or too far ahead; the message says which."""


class Stuck(Exception):
    """The service does not work off what is to be done; the message says what waits."""


class Mover:
    """Moves one clock; callers who come at once wait for each other."""

    def __init__(self, engine: Engine, clock: Clock, pulse: Pulse, stuck_seconds: float = STUCK_SECONDS) -> None:
        self._engine = engine
        self._clock = clock
        self._pulse = pulse
        self._stuck_seconds = stuck_seconds
        self._one_at_a_time = asyncio.Lock()
        self._patience = 0.0

    async def move(self, goal: Goal) -> datetime:
        """Go to where `goal` leads from now, and return the time it is then. Raises NotAhead or Stuck."""
        async with self._one_at_a_time:
            return await self._move(self._target(goal))

    async def next_duty(self) -> datetime | None:
        """When the next duty is due, if there is one."""
        return (await self._pulse.work(self._clock.now())).next_duty

    def _target(self, goal: Goal) -> datetime:
        now = self._clock.now()
        try:
            target = goal(now)
            way = target - now
        except (OverflowError, ValueError):
            raise NotAhead(_TOO_FAR) from None
        if way < timedelta():
            raise NotAhead(f"The clock only moves ahead, and it is {local(now):%Y-%m-%dT%H:%M:%S%z} now.")
        if way > MOST:
            raise NotAhead(_TOO_FAR)
        return target

    async def _move(self, target: datetime) -> datetime:
        self._patience = RETRY_PATIENCE_SECONDS
        while (stop := (await self._rest()).next_stop) is not None and stop <= target:
            await self._set(stop)
        await self._set(target)
        await self._rest()
        return self._clock.now()

    async def _set(self, at: datetime) -> None:
        """Put the clock to `at`, or leave it where it has come to by itself meanwhile."""
        if at > self._clock.now():
            async with self._engine.begin() as conn:
                await self._clock.set(conn, at)

    async def _rest(self) -> Work:
        """Return when nothing is left to do at this time. Raises Stuck."""
        quiet, seen, since = 0, -1, monotonic()
        while True:
            work = await self._pulse.work(self._clock.now())
            if work.now + work.later != seen:
                seen, since = work.now + work.later, monotonic()
            quiet = quiet + 1 if work.now == 0 and (work.later == 0 or self._patience <= 0) else 0
            if quiet >= QUIET_LOOKS:
                return work
            if monotonic() - since > self._stuck_seconds:
                raise Stuck(
                    f"Nothing moves any more: {work.duties} duties, {work.arrivals} arrivals and "
                    f"{work.messages} messages wait."
                )
            await self._pause(work)

    async def _pause(self, work: Work) -> None:
        before = monotonic()
        await asyncio.sleep(POLL_SECONDS)
        if work.now == 0 and work.later:
            self._patience -= monotonic() - before
