"""Whether the service lives, is ready and how it does: for load balancers, operators and Prometheus.

Asks the database for everything it says of it, and never waits long for an answer.
"""

import asyncio
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot.web.answers import PRIVATE, as_json
from storage.clock import Clock
from storage.pulse import Lag, Pulse
from storage.reads import Unreachable

VERSION: Final = version("digital-pardna")
PATIENCE_SECONDS: Final = 2.0
LATE_SECONDS: Final = 60.0
"""From this lag on a part is called late. That alone leaves us ready: what comes in must still be kept."""


class Health:
    """Handlers of `/v1/health`, `/api/health`, `/livez`, `/readyz` and `/metrics`."""

    def __init__(
        self,
        pulse: Pulse,
        clock: Clock,
        switches: Mapping[str, Mapping[str, str]],
        registry: CollectorRegistry,
    ) -> None:
        self._pulse = pulse
        self._clock = clock
        self._switches = switches
        self._registry = registry
        self._migrated = False

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/v1/health", self.health),
            web.get("/api/health", self.health),
            web.get("/livez", self.live),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
        ]

    async def health(self, _request: web.Request) -> web.StreamResponse:
        """Say that we are up, in which version, and each part's state; 503 without the database."""
        lag = await self._lag()
        up = lag is not None
        parts = {**_states(lag), **self._switches}
        body = {"status": "up" if up else "down", "version": VERSION, "parts": parts}
        return as_json(body, 200 if up else 503)

    async def live(self, _request: web.Request) -> web.StreamResponse:
        """Say that this process answers; nothing else is looked at, so no fault elsewhere restarts it."""
        return web.Response(text="alive\n", headers=PRIVATE)

    async def ready(self, _request: web.Request) -> web.StreamResponse:
        """Say whether arrivals can be taken, and what is late or switched off."""
        lag = await self._lag()
        migrations = await self._migrations() if lag else "unknown"
        ready = lag is not None and migrations == "done"
        body = {
            "ready": ready,
            **_states(lag),
            "migrations": migrations,
            "lag_seconds": _seconds(lag),
            "parked": lag.parked if lag else None,
            "off": self._off(),
        }
        return as_json(body, 200 if ready else 503)

    async def metrics(self, _request: web.Request) -> web.StreamResponse:
        """Give Prometheus what it collects."""
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _off(self) -> list[str]:
        parts = (part.items() for part in self._switches.values())
        return sorted(name for part in parts for name, state in part if state == "off")

    async def _lag(self) -> Lag | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._pulse.lag(self._clock.now())
        except (Unreachable, TimeoutError):
            return None

    async def _migrations(self) -> str:
        """Once done, always done: a database never loses a version while we run."""
        if not self._migrated:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    self._migrated = await self._pulse.migrated()
            except (TimeoutError, Unreachable):
                return "unknown"
        return "done" if self._migrated else "missing"


def _states(lag: Lag | None) -> dict[str, str]:
    if lag is None:
        return {"database": "down", "inbox": "down", "outbox": "down"}
    return {
        "database": "up",
        "inbox": "late" if lag.inbox_seconds > LATE_SECONDS else "up",
        "outbox": "late" if lag.outbox_seconds > LATE_SECONDS else "up",
    }


def _seconds(lag: Lag | None) -> dict[str, Any] | None:
    if lag is None:
        return None
    return {
        "inbox": round(lag.inbox_seconds, 1),
        "outbox": round(lag.outbox_seconds, 1),
        "duties": round(lag.duties_seconds, 1),
    }
