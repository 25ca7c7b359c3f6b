"""The sealer: hashes what is new in the books onto their chains, in batches, never inside anybody's turn.

It decides nothing and tells nobody. Any number may run: one at a time seals, and whoever is killed has sealed nothing.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog

from bot.telemetry import Metrics
from storage import chains
from storage.engine import Engine

EVERY_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 30.0
"""After trouble: with the database, or with what it was asked to seal."""
log = structlog.get_logger(__name__)


class Sealer:
    """One sealer of the books. It lives by the wall clock: a moved one must not date a seal ahead."""

    def __init__(self, engine: Engine, *, metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics

    async def run(self) -> None:
        """Seal until cancelled."""
        while True:
            try:
                more = await self.seal_once()
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever the database does
                self._metrics.alarms.labels("sealing").inc()
                log.error("the books cannot be sealed", error=type(error).__name__)  # noqa: TRY400 - no message, it may quote
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if not more:
                await asyncio.sleep(EVERY_SECONDS)

    async def seal_once(self) -> int:
        """Seal one batch; return how many lines it had."""
        async with self._engine.begin() as conn:
            return await chains.seal(conn, datetime.now(UTC)) or 0
