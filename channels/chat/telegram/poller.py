"""Long polling: how updates come where there is no public URL.

Telegram forgets an update when a later one is asked for, so that is done only once the arrivals are durable.
One poller a bot: a second one gets conflicts and waits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.base import Retry, Unreadable
from channels.chat.telegram.chat import CONFLICT, Telegram
from channels.chat.telegram.hook import Read, read_update
from domain.messages import Filed, Tap

log = logging.getLogger(__name__)

File = Callable[[list[Filed]], Awaitable[None]]
"""Makes arrivals durable before it returns; a repeat is harmless."""

_LONGEST_PAUSE_SECONDS = 60.0


class TelegramPoller:
    """Polls until it is cancelled."""

    def __init__(
        self, telegram: Telegram, bot: Callable[[], str] = str, *, wait_seconds: int = 25, pause_seconds: float = 1.0
    ) -> None:
        """`bot` is what Telegram calls us, "" while nobody knows."""
        self._telegram = telegram
        self._bot = bot
        self._wait_seconds = wait_seconds
        self._pause_seconds = pause_seconds
        self._offset = 0

    async def run(self, file: File) -> None:
        """File every update, for ever; after trouble try again, ever more slowly up to a minute."""
        failures = 0
        while True:
            updates = await self._telegram.updates(self._offset, self._wait_seconds)
            if isinstance(updates, list) and await self._take(updates, file):
                failures = 0
                continue
            asked = 0.0
            if isinstance(updates, Retry):
                asked = updates.after_seconds
                if updates.reason == CONFLICT:
                    await self._telegram.drop_hook()
            pause = min(self._pause_seconds * 2**failures, _LONGEST_PAUSE_SECONDS)
            failures = min(failures + 1, 10)
            await asyncio.sleep(max(pause, asked))

    async def _take(self, updates: list[Any], file: File) -> bool:
        """Make a batch durable, then answer taps that are nothing to us; whether the next batch may be asked for."""
        bot = self._bot()
        reads = [read for update in updates if (read := _read(update, bot))]
        arrivals = [read.arrival for read in reads if read.arrival]
        try:
            if arrivals:
                await file(arrivals)
        except Exception as trouble:  # noqa: BLE001 - whatever it was, Telegram still has the updates
            log.warning("telegram: updates not filed, asking again: %s", type(trouble).__name__)
            return False
        self._offset = max([self._offset, *(read.update_id + 1 for read in reads)])
        await asyncio.gather(*(self._telegram.answer("", Tap(read.callback_id)) for read in reads if read.callback_id))
        # Where not one had an id, asking at once would bring the same again.
        return not updates or bool(reads)


def _read(raw: Any, bot: str) -> Read | None:
    """Parse an update; one that cannot be read is passed over, or it would hold up all that follow."""
    try:
        return read_update(raw, bot)
    except (Unreadable, AttributeError):
        log.warning("telegram: an update could not be read")
        update_id = raw.get("update_id") if isinstance(raw, dict) else None
        return Read(update_id) if isinstance(update_id, int) else None
