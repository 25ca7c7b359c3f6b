"""Keeps services running that are killed, or kill themselves, again and again."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.service import Service
from tests.e2e.town import Town

ENTRY = (str(Path(__file__).with_name("serve_and_die.py")),)
DIED = -9
LAST_CALL = 95
"""A circle takes a few more hook calls than these."""
LATEST_SECONDS = 0.4
"""How long after a call the kill may come: what a call sets off is over by then."""


@dataclass
class Killer:
    """Starts services anew when they die; `plan` holds how each next life shall end (`POINT:NTH`).

    With an empty plan the services live on, unless `at_random` kills are asked for.
    """

    services: Sequence[Service]
    plan: list[str] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)
    """How each life ended."""

    async def keep(self, service: Service) -> None:
        """Keep one service running."""
        while True:
            ends = self.plan.pop(0) if self.plan else ""
            process = await service.spawn(*(["--die", ends] if ends else []))
            status = await process.wait()
            assert status == DIED, f"a service ended with {status}: {service.said()}"
            self.kills.append(ends or "at random")

    async def kill_at_random(self, town: Town, moments: Sequence[int], dice: random.Random) -> None:
        """Kill a service that is taken at random, soon after each of these numbers of hook calls was made."""
        for calls in moments:
            service = dice.choice(self.services)
            while town.calls < calls or not service.running:  # noqa: ASYNC110 - nothing rings for both
                await asyncio.sleep(0.01)
            await asyncio.sleep(dice.uniform(0, LATEST_SECONDS))
            await service.kill()


@asynccontextmanager
async def killing(
    services: Sequence[Service], town: Town, plan: Sequence[str] = (), *, at_random: int = 0, seed: int = 0
) -> AsyncIterator[Killer]:
    """Keep services running, and kill them, while this lasts."""
    killer = Killer(services, list(plan))
    dice = random.Random(seed)  # noqa: S311 - a test that can be repeated
    try:
        async with asyncio.TaskGroup() as group:  # a service that ends by itself ends the test
            tasks = [group.create_task(killer.keep(service)) for service in services]
            moments = sorted(dice.sample(range(2, LAST_CALL), at_random))
            tasks.append(group.create_task(killer.kill_at_random(town, moments, dice)))
            yield killer
            for task in tasks:
                task.cancel()
    finally:
        for service in services:
            await service.kill()
