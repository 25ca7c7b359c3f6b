"""A time that stands still while something that was let go is on its way, so that no slow machine makes it late."""

import asyncio
import heapq
from itertools import count
from typing import Any, Self

TICK_SECONDS = 0.001
LONGEST_WAY_SECONDS = 60.0


class Tempo:
    """Runs with the wall clock but for those pauses. `async with Tempo() as tempo:`."""

    def __init__(self) -> None:
        self._at = 1_000_000.0
        self._there = asyncio.Event()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._on_the_way: asyncio.Task[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        if self._task.done():
            self._task.result()
        self._task.cancel()

    def now(self) -> float:
        """Return the seconds."""
        return self._at

    async def sleep(self, seconds: float) -> None:
        """Wait, and be on the way then. Who was on the way and waits again, or ends, is there."""
        if asyncio.current_task() is self._on_the_way:
            self._there.set()
        wakes: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._at + seconds, next(self._numbers), wakes))
        await wakes
        self._on_the_way = task = asyncio.current_task()
        assert task
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task is self._on_the_way:
            self._there.set()

    def arrived(self) -> None:
        """Whoever was on the way is there."""
        self._there.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self._let_go(loop.time() - last):
                async with asyncio.timeout(LONGEST_WAY_SECONDS):
                    await self._there.wait()
            last = loop.time()

    def _let_go(self, seconds: float) -> bool:
        """Let so much time pass, or less: up to when the next one wakes. Whether one did."""
        if not self._sleepers or self._sleepers[0][0] > self._at + seconds:
            self._at += seconds
            return False
        due, _, wakes = heapq.heappop(self._sleepers)
        self._at = max(self._at, due)
        if wakes.cancelled():
            return False
        self._there.clear()
        wakes.set_result(None)
        return True
