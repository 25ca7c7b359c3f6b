"""The chat network of development: a message sent lies on a phone of the simulator at once."""

import asyncio
import base64
from typing import Final

from channels.base import Outcome, Refused, Sent
from domain.messages import Outgoing
from storage import simulated
from storage.clock import Clock
from storage.engine import Engine
from storage.simulated import Delivery

MOST_AT_ONCE: Final = 500
PICTURE: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""One dot."""


class SimulatedChat:
    """Plays one network (`whatsapp`, `sms`, `telegram`). Many sends at once become one insert."""

    rate_per_second = float("inf")

    def __init__(self, name: str, engine: Engine, clock: Clock) -> None:
        self.name = name
        self._engine = engine
        self._clock = clock
        self._waiting: list[tuple[Delivery, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        """Put the message on the phone; the same key again changes nothing."""
        lies_there = asyncio.get_running_loop().create_future()
        self._waiting.append((Delivery(key, self.name, address, message, self._clock.now()), lies_there))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._deliver(), name=f"simulated {self.name}")
        await lies_there
        return Sent(f"sim:{key}", arrived=True)

    async def fetch(self, reference: str) -> bytes | Outcome:
        """Hand out the picture that every phone sends."""
        return PICTURE if reference else Refused("no such picture", "gone")

    async def _deliver(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                async with self._engine.begin() as conn:
                    await simulated.deliver(conn, [delivery for delivery, _ in batch])
            except Exception as error:  # noqa: BLE001 - each sender hears of it and decides
                _answer(batch, error)
            else:
                _answer(batch, None)


def _answer(batch: list[tuple[Delivery, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, waiting in batch:
        if waiting.done():  # the sender gave up
            continue
        if error:
            waiting.set_exception(error)
        else:
            waiting.set_result(None)
