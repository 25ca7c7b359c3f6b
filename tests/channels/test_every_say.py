"""Whatever the service says, in either language and with whatever answers and papers, each provider takes as it is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from bot.words.catalogue import Catalogue
from bot.words.say import Answer, Drawn, Say, Text, text
from channels.base import Sent
from channels.http import Http
from domain.messages import Attachment, AttachmentKind, Channel, Outgoing
from domain.people import Language
from tests.channels.test_attachments import PAPER, PNG
from tests.channels.test_chats import ADDRESSES, NAMES, STANDINS, Line, build, keys
from tests.words.test_texts import KEYS, OTHERWISE, SITE, TYPICAL

ANSWERS = tuple(Answer(f"BY ANSWER {number}", f"Answer number {number}") for number in range(10))
CONTENTS = {AttachmentKind.IMAGE: PNG, AttachmentKind.DOCUMENT: PAPER.content, AttachmentKind.TABLE: b"a,b\n"}
AT_ONCE = 50


@pytest.fixture(params=NAMES)
async def line(request: pytest.FixtureRequest, session: aiohttp.ClientSession) -> AsyncIterator[Line]:
    async with STANDINS[request.param]() as provider:
        http = Http(session, request.param, timeout_seconds=60)
        yield Line(build(request.param, http, provider.api_url), provider, ADDRESSES[request.param])


@pytest.mark.parametrize("language", Language)
async def test_every_text_is_taken_by_every_provider(line: Line, language: Language) -> None:
    """With no answer, three and ten in turn, and its longest likely figures."""
    said = [
        Say((Text(key, {**TYPICAL, **OTHERWISE.get(key, {})}),), ANSWERS[: (0, 3, 10)[place % 3]])
        for place, key in enumerate(KEYS)
    ]
    pages = [page for what in said for page in Catalogue(SITE).render(what, language, Channel(line.chat.name))]
    assert len(pages) >= len(KEYS)
    await _all_are_taken(line, pages)


@pytest.mark.parametrize("kind", [AttachmentKind.IMAGE, AttachmentKind.DOCUMENT])
@pytest.mark.parametrize("words", ["terms", "menu_owed"])
async def test_every_paper_is_taken_by_every_provider(line: Line, kind: AttachmentKind, words: str) -> None:
    alt = Text("card", {**TYPICAL, **OTHERWISE["card"]}) if kind is AttachmentKind.IMAGE else text("choose")
    drawn = Drawn(kind, "d1", "round-3.png" if kind is AttachmentKind.IMAGE else "book.pdf", alt)
    what = Say((Text(words, {**TYPICAL, **OTHERWISE[words]}),), ANSWERS[:3], drawn)
    pages = Catalogue(SITE).render(what, Language.EN, Channel(line.chat.name))
    await _all_are_taken(line, [_drawn(page) for page in pages])


def _drawn(page: Outgoing) -> Outgoing:
    return replace(page, attachment=_content(page.attachment), beside=_content(page.beside))


def _content(attached: Attachment | None) -> Attachment | None:
    return replace(attached, content=CONTENTS[attached.kind]) if attached else None


async def _all_are_taken(line: Line, pages: list[Outgoing]) -> None:
    for start in range(0, len(pages), AT_ONCE):
        some = pages[start : start + AT_ONCE]
        outcomes = await asyncio.gather(*(line.chat.send(line.address, page, f"every-{next(keys)}") for page in some))
        assert all(isinstance(outcome, Sent) for outcome in outcomes), line.provider.refused
    assert line.provider.refused == []
    assert len(line.provider.heard) == len(pages)
