"""What comes from one address faster than anybody types is slowed, told once, and at last not read.

Stands before the inbox. A person who writes as people do never meets it. What is too much waits its turn, in order; who
still goes on is not read any more, but for what may not be lost: words that act, such as PAY, and the way out, STOP.
The limits are all processes' together (storage/limits.py), and nothing of money hangs on them.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from bot.conversations.talk import START_WORDS, STOP_WORDS
from bot.conversations.vocabulary import weighs
from bot.telemetry import Metrics
from domain.messages import Filed, InboundKind
from storage.limits import Limits
from storage.pace import Pace

PER_MINUTE: Final = 30
"""So much at once, and as much each minute, is read as it comes."""
LONGEST_SECONDS: Final = 120.0
"""How long an arrival waits at most; a cut-off, which waits for what came before it, waits no longer either."""
SOURCE: Final = "flood"
COUNT_SECONDS: Final = 0.1
"""A provider's call is not held up for longer by a Redis that hangs: what could not be counted passes."""
TOLD_SECONDS: Final = 3600
"""An address is told no more than once in each hour."""
MAY_GO: Final = frozenset({
    InboundKind.TEXT, InboundKind.CHOICE, InboundKind.MEDIA, InboundKind.CONTACT, InboundKind.UNSUPPORTED,
    InboundKind.EDITED,
})  # fmt: skip
"""What a person says: what a network tells of a person (they blocked us) is never left out."""


class Inbox(Protocol):
    """Where arrivals become durable."""

    async def file(self, arrivals: Sequence[Filed]) -> None:
        """Return when all are durable."""
        ...


class Floodgate:
    """Files what may pass; what may not yet is filed to be handled later."""

    def __init__(self, inbox: Inbox, limits: Limits, metrics: Metrics, *, per_minute: int = PER_MINUTE) -> None:
        self._inbox = inbox
        self._metrics = metrics
        self._pace = Pace(limits, "said", 60 / per_minute, per_minute)
        self._counting: set[asyncio.Future[float]] = set()

    async def file(self, arrivals: Sequence[Filed]) -> None:
        """Return when all that passes is durable. Raises what the inbox raises."""
        passed = [one for arrival in arrivals for one in await self._passed(arrival)]
        if passed:
            await self._inbox.file(passed)

    async def _passed(self, arrival: Filed) -> list[Filed]:
        if arrival.kind != "chat":
            return [arrival]
        wait_seconds = await self._wait_seconds(arrival.party)
        if not wait_seconds:
            return [arrival]
        if wait_seconds > LONGEST_SECONDS and not _must_stay(arrival.body):
            self._metrics.flood.labels(arrival.source, "dropped").inc()
            return []
        self._metrics.flood.labels(arrival.source, "slowed").inc()
        return [_told(arrival.party), replace(arrival, wait_seconds=min(wait_seconds, LONGEST_SECONDS))]

    async def _wait_seconds(self, party: str) -> float:
        """Count one of a party's; the count goes on by itself when it takes too long, and so finds Redis hanging."""
        counting = asyncio.ensure_future(self._pace.take(party, LONGEST_SECONDS))
        self._counting.add(counting)
        counting.add_done_callback(self._counting.discard)
        await asyncio.wait({counting}, timeout=COUNT_SECONDS)
        return counting.result() if counting.done() else 0.0


def _told(party: str) -> Filed:
    """Return what has the person told; of the same hour it is the same arrival, whoever files it."""
    hour = int(time.time() / TOLD_SECONDS)
    return Filed(SOURCE, f"{party}:{hour}", party, "duty", {"kind": "slow_down", "party": party})


def _must_stay(body: dict[str, Any]) -> bool:
    line = str(body.get("choice") or body.get("text") or "").strip()
    return body.get("kind") not in MAY_GO or weighs(line) or line.casefold() in STOP_WORDS | START_WORDS
