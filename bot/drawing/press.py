"""The press: draws kept documents when they are sent or looked at, outside of every transaction.

It draws in threads, a few at a time, and keeps what was drawn last: one picture goes to a whole circle. Whatever goes
wrong with a picture never holds up the words that it goes with.
"""

import asyncio
from collections import OrderedDict
from dataclasses import replace
from typing import Final

import orjson
import structlog

from bot.drawing.card import card
from bot.drawing.csv_file import csv_bytes
from bot.drawing.pdf import pdf_bytes
from bot.drawing.png import png
from bot.words.catalogue import Catalogue
from bot.words.say import Text
from domain.chain import file_of
from domain.documents import BookFacts, CardFacts, StatementFacts
from domain.enclosures import EnclosureFacts
from domain.messages import Attachment, AttachmentKind, Outgoing
from domain.people import Language
from storage import chains, documents, enclosures
from storage.clock import Clock
from storage.documents import Facts
from storage.engine import Engine
from storage.reads import Unreachable, reading
from storage.vault import Vault

MOST_AT_ONCE: Final = 2
MOST_KEPT: Final = 32
LARGEST_KEPT_BYTES: Final = 1 << 20
_FORMS: Final = {AttachmentKind.IMAGE: "png", AttachmentKind.DOCUMENT: "pdf", AttachmentKind.TABLE: "csv"}
log = structlog.get_logger(__name__)


class Press:
    """Draws documents by their id (to send) or their token (for their page)."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock, catalogue: Catalogue) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock
        self._catalogue = catalogue
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._kept: OrderedDict[tuple[Facts, str, Language], bytes] = OrderedDict()

    async def illustrate(self, message: Outgoing) -> Outgoing:
        """Return a message with its picture or document drawn; as words alone where it cannot be."""
        if message.attachment is None:
            return message
        drawn, beside = await self._filled(message.attachment), await self._filled(message.beside)
        return replace(message, attachment=drawn, beside=beside)

    async def _filled(self, attached: Attachment | None) -> Attachment | None:
        """Return what goes with a message with its content, or None where that cannot be drawn."""
        if attached is None:
            return None
        try:
            content = await self._drawn(attached.document, _FORMS[attached.kind], Language(attached.language))
        except Unreachable:
            raise
        except Exception as error:  # noqa: BLE001 - the words go out whatever is wrong with the picture
            log.error("a document could not be drawn", kind=attached.kind.value, error=type(error).__name__)  # noqa: TRY400
            return None
        return replace(attached, content=content) if content is not None else None

    async def _drawn(self, document: str, form: str, language: Language) -> bytes | None:
        facts = await documents.by_id(self._engine, self._vault, document)
        return None if facts is None else await self.draw(facts, form, language)

    async def find(self, token: str) -> Facts | None:
        """Return what a link's token opens, until it expires. Raises Unreachable."""
        return await documents.by_token(self._engine, self._vault, token, self._clock.now())

    async def enclosed(self, facts: EnclosureFacts) -> bytes | None:
        """Return a file as it was sent. Raises Unreachable."""
        return await enclosures.content(self._engine, self._vault, facts.enclosure)

    async def book(self, facts: BookFacts) -> bytes:
        """Return a circle's book as docs/proof.py reads it, from the ledger as it is now. Raises Unreachable."""
        async with reading(self._engine) as conn:
            walk = await chains.walked(conn, facts.code, keep=True)
        told = file_of(facts.code, walk.texts, None if facts.whole else facts.person_id)
        return orjson.dumps(told, option=orjson.OPT_INDENT_2)

    async def draw(self, facts: Facts, form: str, language: Language) -> bytes:
        """Draw facts as `png`, `pdf` or `csv`, once for all who ask. Raises ValueError for a form they do not have.

        A paper takes seconds of a processor, and whoever has its link may ask for it as often as they like.
        """
        key = (facts, form, language)
        async with self._room:
            content = self._kept.get(key, b"")
            if not content:
                content = await asyncio.to_thread(drawn, facts, form, language, self._catalogue)
        if len(content) <= LARGEST_KEPT_BYTES:
            self._kept[key] = content
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return content


def drawn(facts: Facts, form: str, language: Language, catalogue: Catalogue) -> bytes:
    """Return the bytes of a document: a pure function. Raises ValueError for a form that it does not have."""

    def write(what: Text) -> str:
        return catalogue.write(what, facts.language if isinstance(facts, StatementFacts) else language)

    match facts, form:
        case CardFacts(), "png":
            return png(card(facts, write))
        case StatementFacts(), "pdf":
            return pdf_bytes(facts, write, write(Text("paper_check")))
        case StatementFacts(), "csv":
            return csv_bytes(facts, write)
        case _:
            raise ValueError(f"a {type(facts).__name__} has no form {form}")
