"""Statements, pictures, files and books by their link: `/s/{token}` (PDF, CSV), `/c/...png`, `/f/...`, `/b/...json`.

The token is the only key: it is looked up by its hash, expires, and is never written down. What is given is drawn
from its facts, kept by nobody on the way and listed nowhere.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from aiohttp import web

from bot.drawing.press import Press
from bot.web.answers import NOSNIFF, PRIVATE
from bot.web.assets import Looks, asked_language, language_of
from bot.words.say import text
from domain.documents import BookFacts, CardFacts, StatementFacts
from domain.enclosures import EnclosureFacts
from domain.people import Language

_TYPES: Final[Mapping[str, str]] = {
    "pdf": "application/pdf", "csv": "text/csv", "png": "image/png", "json": "application/json",
}  # fmt: skip
_LANGUAGES: Final = {language.value: language for language in Language}
HEADERS: Final = {
    **PRIVATE,
    **NOSNIFF,
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


FILE_HEADERS: Final = {**HEADERS, "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}
"""Of what somebody sent: nothing within it may do anything."""


class DocumentPages:
    """Handlers of `/s/{name}`, `/c/{name}`, `/f/{name}` and `/b/{name}`; a name is a token, perhaps with a form."""

    def __init__(self, press: Press, looks: Looks) -> None:
        self._press = press
        self._looks = looks

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/s/{name}", self.statement),
            web.get("/c/{name}", self.card),
            web.get("/f/{name}", self.file),
            web.get("/b/{name}", self.book),
        ]

    async def statement(self, request: web.Request) -> web.StreamResponse:
        """Show a statement in short with its two forms, or give one of them."""
        token, _, form = request.match_info["name"].partition(".")
        facts = await self._press.find(token)
        if not isinstance(facts, StatementFacts) or form not in {"", "pdf", "csv"}:
            return self._gone(request)
        language = asked_language(request) or facts.language
        if form:
            name = f"statement-{facts.code}-{facts.until.isoformat()}"
            return _file(await self._press.draw(replace(facts, language=language), form, language), form, name)
        return self._looks.page("statement.html", language, facts=facts, token=token)

    async def card(self, request: web.Request) -> web.StreamResponse:
        """Give the picture of a round."""
        token, _, form = request.match_info["name"].partition(".")
        facts = await self._press.find(token)
        if not isinstance(facts, CardFacts) or form != "png":
            return self._gone(request)
        language = _LANGUAGES.get(request.query.get("l", ""), Language.EN)
        return _file(await self._press.draw(facts, form, language), form, f"{facts.code}-round-{facts.round}")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Give a file that somebody sent, to be saved, under a name of ours that says when nobody has scanned it."""
        facts = await self._press.find(request.match_info["name"])
        content = await self._press.enclosed(facts) if isinstance(facts, EnclosureFacts) else None
        if content is None or not isinstance(facts, EnclosureFacts):
            return self._gone(request)
        disposition = f'attachment; filename="{facts.name}"'
        headers = {**FILE_HEADERS, "Content-Disposition": disposition}
        return web.Response(body=content, content_type=facts.mime, headers=headers)

    async def book(self, request: web.Request) -> web.StreamResponse:
        """Give a circle's book, to be held against the marks of a chat (docs/proof.md)."""
        token, _, form = request.match_info["name"].partition(".")
        facts = await self._press.find(token)
        if not isinstance(facts, BookFacts) or form != "json":
            return self._gone(request)
        return _file(await self._press.book(facts), form, f"book-{facts.code}")

    def _gone(self, request: web.Request) -> web.Response:
        title, told = text("page_gone_title"), text("page_gone")
        return self._looks.page("missing.html", language_of(request), 404, title=title, text=told)


def _file(content: bytes, form: str, name: str) -> web.Response:
    shown = "attachment" if form in {"csv", "json"} else "inline"
    return web.Response(
        body=content,
        content_type=_TYPES[form],
        charset="utf-8" if form in {"csv", "json"} else None,
        headers={**HEADERS, "Content-Disposition": f'{shown}; filename="{name}.{form}"'},
    )
