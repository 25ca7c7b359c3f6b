"""A small desk, keeper and relay for the simulator's own tests: each message is answered with what was said.

The real ones are tested with the whole service; here only the phones and the clock are.
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any, Self

from sqlalchemy import text

from domain.messages import Option, Outgoing
from storage import duties, inbox, simulated
from storage.engine import Connection
from tests.web.conftest import Site

MENU = (Option("pay", "Pay"), Option("balance", "Balance"), Option("draw", "My draw"))
LONG = (*MENU, Option("circles", "My circles", "All that you are in"), Option("help", "Help"))


def answer(body: dict[str, Any]) -> Outgoing:
    said = body.get("text") or body.get("choice") or body["kind"]
    match said.lower():
        case "menu":
            return Outgoing("What would you like to do?", MENU)
        case "list":
            return Outgoing("Pick one:", LONG, "Open the list")
        case _:
            return Outgoing(f"You said {said}")


def _delivery(arrival: inbox.Arrival, now: datetime) -> simulated.Delivery:
    channel, address = arrival.party.split(":", 1)
    return simulated.Delivery(str(arrival.id), channel, address, answer(arrival.body), now)


_SEND = text("""
    UPDATE outbox SET state = 'sent', ended_at = :now WHERE state = 'queued' AND not_before <= :now
    RETURNING key
""")


class Workers:
    """`handled` keeps which arrival was handled at which time of the service."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.handled: list[tuple[str, datetime]] = []
        self.sent: list[tuple[str, datetime]] = []
        self.bodies: list[dict[str, Any]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            async with self.site.engine.begin() as conn:
                await duties.file_due(conn, self.site.vault, self.site.clock.now())
            async with self.site.engine.begin() as conn:
                await self._desk(conn)
            async with self.site.engine.begin() as conn:
                await self._relay(conn)
            await asyncio.sleep(0.005)

    async def _desk(self, conn: Connection) -> None:
        now = self.site.clock.now()
        arrivals = await inbox.claim(conn, self.site.vault, 100)
        for arrival in arrivals:
            self.handled.append((arrival.external_id, now))
            self.bodies.append(arrival.body)
        deliveries = [_delivery(a, now) for a in arrivals if a.kind == "chat"]
        await inbox.finish(conn, [arrival.id for arrival in arrivals], now)
        await simulated.deliver(conn, deliveries)

    async def _relay(self, conn: Connection) -> None:
        now = self.site.clock.now()
        self.sent += [(row.key, now) for row in await conn.execute(_SEND, {"now": now})]
