"""Lines in which all stand who use up one provider's patience: each is told when it may go.

Of a line only one number is kept: when its next place is free. Places lie `every_seconds` apart, and up to `burst` may
go at once where nobody went for long (the generic cell rate algorithm). So nobody polls, whatever happened before no
more than the burst goes too early, and a line is closed for a while by moving that number.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

from redis.asyncio import Redis

LONGEST_SECONDS: Final = 3700.0
"""Longer than this no line is: what says so is a clock that was set back."""
SPARE_SECONDS: Final = 60
"""For how much longer than it means anything Redis keeps a line."""
MOST_LINES: Final = 10_000
"""Of a process alone; then those that mean nothing any more are swept out."""
NEVER: Final = (float("-inf"), float("-inf"))

Now = Callable[[], float]


class Lines(Protocol):
    """Where the lines are kept."""

    async def join(self, line: str, every_seconds: float, burst: int, patience_seconds: float) -> float:
        """Return how many seconds are to be waited. A place was only taken when they are within the patience.

        Below 0 the place is over by so much: the answer itself was late.
        """
        ...

    async def close(self, line: str, seconds: float) -> None:
        """Let nobody go for so long who does not have a place yet."""
        ...


class OwnLines:
    """The lines of one process."""

    def __init__(self, now: Now | None = None) -> None:
        self._now = now or time.monotonic
        self._free: dict[str, tuple[float, float]] = {}
        """When the next place is free, and until when that means anything."""
        self._sweep_at = MOST_LINES

    async def join(self, line: str, every_seconds: float, burst: int, patience_seconds: float) -> float:
        """See Lines."""
        now, slack = self._now(), (burst - 1) * every_seconds
        free = max(self._free.get(line, NEVER)[0], now - slack)
        wait = max(0.0, free - now)
        if wait <= patience_seconds:
            self._sweep(now)
            self._free[line] = (free + every_seconds, free + every_seconds + slack)
        return wait

    async def close(self, line: str, seconds: float) -> None:
        """See Lines."""
        free, until = self._free.get(line, NEVER)
        shut = self._now() + seconds
        self._free[line] = (max(free, shut), max(until, shut))

    def _sweep(self, now: float) -> None:
        if len(self._free) >= self._sweep_at:
            self._free = {line: kept for line, kept in self._free.items() if kept[1] > now}
            self._sweep_at = max(MOST_LINES, 2 * len(self._free))


class SharedLines:
    """The lines of all processes, by Redis' clock unless another is given. Raises what redis raises."""

    def __init__(self, redis: Redis, now: Now | None = None) -> None:
        self._now = now
        self._join = redis.register_script(_JOIN)
        self._close = redis.register_script(_CLOSE)
        self._apart = float("inf")
        """How far our clock is before Redis', as far as its answers tell."""

    async def join(self, line: str, every_seconds: float, burst: int, patience_seconds: float) -> float:
        """See Lines."""
        slack, asked = (burst - 1) * every_seconds, self._here()
        said, then = await self._join(keys=[_key(line)], args=[every_seconds, slack, patience_seconds, self._time()])
        wait = float(said)
        return wait if wait > patience_seconds else wait - self._passed(asked, float(then))

    async def close(self, line: str, seconds: float) -> None:
        """See Lines."""
        await self._close(keys=[_key(line)], args=[seconds, self._time()])

    def _passed(self, asked: float, then: float) -> float:
        """Return how long ago it was that Redis looked at its clock: after we asked, and before now."""
        now = self._here()
        self._apart = max(asked - then, min(now - then, self._apart))
        return now - then - self._apart

    def _here(self) -> float:
        return self._now() if self._now else time.monotonic()

    def _time(self) -> float:
        return self._now() if self._now else -1.0


def _key(line: str) -> str:
    return f"pardna:line:{line}"


_TIME: Final = """
    local now = tonumber(ARGV[#ARGV])
    if now < 0 then
        local time = redis.call('TIME')
        now = time[1] + time[2] / 1000000
    end
    local free = tonumber(redis.call('GET', KEYS[1]) or '0')
    local function keep(free, seconds)
        redis.call('SET', KEYS[1], string.format('%.6f', free), 'PX', math.ceil(seconds * 1000))
    end
"""
_JOIN: Final = f"""{_TIME}
    local every, slack, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    if free > now + {LONGEST_SECONDS} then free = 0 end
    free = math.max(free, now - slack)
    local wait = math.max(0, free - now)
    if wait <= patience then keep(free + every, wait + every + slack + {SPARE_SECONDS}) end
    return {{string.format('%.6f', math.ceil(wait * 1000000) / 1000000), string.format('%.6f', now)}}
"""
_CLOSE: Final = f"""{_TIME}
    local seconds = tonumber(ARGV[1])
    keep(math.max(free, now + seconds), math.max(free - now, seconds) + {SPARE_SECONDS})
"""
