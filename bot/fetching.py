"""Files that people send, got by the relay: from their network, known by what is in them, scanned, sealed and kept.

The desk hears of it as a result: what was kept, or why nothing was. What a file calls itself is never believed, and
nothing of one is ever logged.
"""

import asyncio
from collections.abc import Mapping
from io import BytesIO
from typing import Final

import structlog
from PIL import Image

from channels.base import Fetching, Outcome, Refused, Sent
from channels.scanner import INFECTED, Scanner
from domain.enclosures import PDF, PICTURES
from storage import enclosures
from storage.clock import Clock
from storage.engine import Engine
from storage.outbox import Posted
from storage.vault import Vault

MOST_DOTS: Final = 60_000_000
"""Of a picture, width by height: more is a trap for whoever opens it."""
WRONG_KIND: Final = Refused("neither a picture nor a PDF", "wrong_kind")
UNABLE: Final = Refused("this network hands out no files", "gone")
log = structlog.get_logger(__name__)


class Fetcher:
    """Does one order to fetch a file. A repeat keeps nothing a second time."""

    def __init__(
        self, engine: Engine, vault: Vault, clock: Clock, chats: Mapping[str, object], scanner: Scanner | None = None
    ) -> None:
        """Know the chats, of which some hand out files. Without a `scanner` they are kept as not scanned."""
        self._engine = engine
        self._vault = vault
        self._clock = clock
        self._chats = chats
        self._scanner = scanner

    async def __call__(self, posted: Posted) -> Outcome:
        """Fetch, look at and keep one file."""
        chat = self._chats.get(posted.body["channel"])
        if not isinstance(chat, Fetching):
            return UNABLE
        content = await chat.fetch(posted.body["file"])
        if not isinstance(content, bytes):
            return content
        mime = await asyncio.to_thread(kind_of, content)
        if not mime:
            return WRONG_KIND
        if self._scanner and (wrong := await self._scanner.scan(content)):
            if wrong is INFECTED:
                log.warning("a file carried a virus and was left", carrier=posted.body["channel"])
            return wrong
        ident = posted.body["echo"]["enclosure_id"]
        async with self._engine.begin() as conn:
            await enclosures.keep(conn, self._vault, ident, content, self._clock.now())
        kept = {"mime": mime, "size_bytes": len(content), "scanned": self._scanner is not None}
        return Sent(ident, {"settled": True, **kept})


def kind_of(content: bytes) -> str:
    """Return what a file is by its content, "" for what is not kept: a picture that opens, or a PDF."""
    if content.startswith(b"%PDF-"):
        return PDF
    try:
        with Image.open(BytesIO(content), formats=tuple(PICTURES)) as picture:
            kind, (wide, high) = picture.format, picture.size
            picture.verify()
    except Exception:  # noqa: BLE001 - what a broken picture does to its reader is no concern of ours
        return ""
    return PICTURES.get(kind or "", "") if wide * high <= MOST_DOTS else ""
