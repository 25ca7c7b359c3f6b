"""How often something may happen: counts in windows of time, and lines, which all processes share through Redis.

Without Redis, and while it does not answer, each process counts for itself: a limit then holds for each of them
and not for all together. So chat and pages go on (fail open), and nothing of money may ever hang on it. What is
counted may be lost at any time.
"""

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from storage.lines import Lines, Now, OwnLines, SharedLines

Limit = RateLimitItem
PerMinute = RateLimitItemPerMinute
"""`PerMinute(60, namespace="misses")`: sixty a minute."""

ANSWER_SECONDS: Final = 0.5
"""How long Redis may take, and how long may be waited for a connection to it."""
PAUSE_SECONDS: Final = 5.0
"""How long Redis is left alone after it has failed."""
MOST_CONNECTIONS: Final = 16

T = TypeVar("T")
Observe = Callable[[bool], None]
log = structlog.get_logger(__name__)


def _unobserved(_shared: bool) -> None:  # noqa: FBT001 - the form of Observe
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where counts and lines are kept."""

    limiter: FixedWindowRateLimiter
    lines: Lines


class Limits:
    """`async with Limits(url) as limits:`. Without an address it counts in the process alone, and needs no opening.

    `observe` is told whether counts are shared, at the start and whenever that changes. `now` tells the time of the
    lines in seconds, for tests that have a time of their own.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        observe: Observe = _unobserved,
        pause_seconds: float = PAUSE_SECONDS,
        now: Now | None = None,
    ) -> None:
        self.now = now or time.monotonic
        self._alone = _Kept(FixedWindowRateLimiter(MemoryStorage()), OwnLines(now))
        self._pool = _pool(redis_url) if redis_url else None
        self._together = _shared(self._pool, now) if self._pool else None
        self._observe = observe
        self._pause_seconds = pause_seconds
        self._shared = self._pool is not None
        self._ask_again_at = 0.0

    @property
    def shared(self) -> bool:
        """Whether the counts are those of all processes."""
        return self._shared

    async def __aenter__(self) -> Self:
        await self.count("start", 1)  # an address at which no Redis answers is found out at once
        self._observe(self._shared)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            await self._pool.disconnect()

    async def hit(self, limit: Limit, who: str) -> int:
        """Count one. Return how many seconds are to be waited when it is one too many, else 0."""

        async def ask(kept: _Kept) -> int:
            return 0 if await kept.limiter.hit(limit, who) else await _wait_seconds(kept.limiter, limit, who)

        return await self._ask(ask)

    async def full(self, limit: Limit, who: str) -> int:
        """Count nothing. Return how many seconds are to be waited when one more would be too many, else 0."""

        async def ask(kept: _Kept) -> int:
            return 0 if await kept.limiter.test(limit, who) else await _wait_seconds(kept.limiter, limit, who)

        return await self._ask(ask)

    async def count(self, key: str, seconds: int) -> int:
        """Count one under a key that lasts so long from its first count; return which it was, from 1."""
        return await self._ask(lambda kept: kept.limiter.storage.incr(key, seconds))

    async def join(self, line: str, every_seconds: float, burst: int, patience_seconds: float) -> float:
        """Return how many seconds are to be waited in a line; a place is taken when that is within the patience."""
        return await self._ask(lambda kept: kept.lines.join(line, every_seconds, burst, patience_seconds))

    async def close(self, line: str, seconds: float) -> None:
        """Let nobody go in a line for so long who does not have a place yet."""
        await self._ask(lambda kept: kept.lines.close(line, seconds))

    async def _ask(self, question: Callable[[_Kept], Awaitable[T]]) -> T:
        if self._together and time.monotonic() >= self._ask_again_at:
            if not self._shared:  # one tries whether Redis is back; the others need not wait for that
                self._ask_again_at = time.monotonic() + self._pause_seconds
            try:
                answer = await question(self._together)
            except (exceptions.RedisError, OSError) as error:
                self._ask_again_at = time.monotonic() + self._pause_seconds
                self._turn(shared=False, error=type(error).__name__)
            else:
                self._turn(shared=True)
                return answer
        return await question(self._alone)

    def _turn(self, *, shared: bool, error: str = "") -> None:
        if shared == self._shared:
            return
        self._shared = shared
        self._ask_again_at = 0.0 if shared else self._ask_again_at
        self._observe(shared)
        if shared:
            log.info("redis answers again: limits hold for all processes together")
        else:
            log.warning("redis does not answer: limits hold for each process alone", error=error)


async def _wait_seconds(limiter: FixedWindowRateLimiter, limit: Limit, who: str) -> int:
    stats = await limiter.get_window_stats(limit, who)
    return max(1, math.ceil(stats.reset_time - time.time()))


def _pool(url: str) -> BlockingConnectionPool:
    """Return connections that are waited for when all are in use; one that was cut meanwhile is made anew once."""
    return BlockingConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
    )


def _shared(pool: BlockingConnectionPool, now: Now | None) -> _Kept:
    # The pool holds the true address; the one given here only names the kind of server.
    storage = RedisStorage(
        "async+redis://",
        implementation="redispy",
        key_prefix="pardna",
        connection_pool=pool,  # type: ignore[arg-type] # the library's own signature forgets what it documents
    )
    return _Kept(FixedWindowRateLimiter(storage), SharedLines(Redis(connection_pool=pool), now))
