"""Templates and static files: read once at start, served from memory, named by their content.

What a page says is in the catalogue (`page_...`), and a page is written in the language of its reader: the one that
its address asks for (`?lang=jam`, which the foot of each page offers), or else that of the person whom the page
belongs to, or else the browser's. So whoever is sent a receipt chooses by a tap; nothing is kept about it.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.web.answers import PAGE_HEADERS, PRIVATE
from bot.words.catalogue import Catalogue, long_day
from bot.words.say import Text
from domain.people import Language
from domain.schedule import local_date

_WEB: Final = Path(__file__).parent
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_A_WHILE: Final = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; `mark` is the head of its content's hash."""

    content: bytes
    content_type: str
    mark: str


def language_of(request: web.Request, own: Language | None = None) -> Language:
    """Return the language of a page's reader; `own` is that of the person whom it belongs to."""
    return asked_language(request) or own or _of_browser(request.headers.get("Accept-Language", ""))


def asked_language(request: web.Request) -> Language | None:
    """Return the language that an address asks for, if it does."""
    return next((one for one in Language if one.tag == request.query.get("lang")), None)


def _of_browser(accepted: str) -> Language:
    """Return the first language that we have, in the order in which browsers name them."""
    heads = (part.split(";")[0].strip().split("-")[0].casefold() for part in accepted.split(","))
    return next((one for head in heads for one in Language if one.tag.split("-")[0] == head), Language.EN)


@dataclass(frozen=True, slots=True)
class Voice:
    """Says texts on a page: they are escaped, and so is what fills them, unless it is markup of ours."""

    catalogue: Catalogue
    language: Language

    def say(self, name: str, /, **figures: Any) -> Markup:
        """Say a text by its name."""
        return self.tell(Text(name, figures))

    def tell(self, text: Text) -> Markup:
        """Say a text."""
        found, filled = self.catalogue.gaps(text, self.language)
        return escape(found).format_map(filled)

    def day(self, when: date) -> str:
        """Write a date with its year; a moment is its day in Jamaica."""
        return long_day(local_date(when) if isinstance(when, datetime) else when, self.language)


def _key(words: str) -> Markup:
    """Show what is to be typed."""
    return Markup("<kbd>{}</kbd>").format(words)


def _strong(words: str) -> Markup:
    return Markup("<strong>{}</strong>").format(words)


def _whole(words: str) -> Markup:
    """Keep a code in one line."""
    return Markup('<span class="whole">{}</span>').format(words)


def _read(folder: Path) -> dict[str, Asset]:
    found = {}
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[path.name] = Asset(content, kind, hashlib.sha256(content).hexdigest()[:12])
    return found


class Looks:
    """Renders pages. More folders with `templates` and `static` may be named beside the web's own."""

    def __init__(self, catalogue: Catalogue, *folders: Path) -> None:
        self.catalogue = catalogue
        homes = (_WEB, *folders)
        self._assets = {name: asset for home in homes for name, asset in _read(home / "static").items()}
        self._templates = Environment(
            loader=FileSystemLoader([home / "templates" for home in homes]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {"asset": self.address, "key": _key, "strong": _strong, "whole": _whole}

    def address(self, name: str) -> str:
        """Where a static file is found; it changes with the content. Raises KeyError."""
        return f"/static/{name}?v={self._assets[name].mark}"

    def voice(self, language: Language) -> Voice:
        """Return what says the texts of pages in a language."""
        return Voice(self.catalogue, language)

    def page(
        self,
        template: str,
        language: Language = Language.EN,
        status: int = 200,
        headers: Mapping[str, str] = PRIVATE,
        **values: Any,
    ) -> web.Response:
        """Answer a page in a language, with the headers that every page has.

        `public=True` lets search engines list it; `others=()` is for a page that there is in one language alone.
        """
        voice = self.voice(language)
        said = {"language": language, "say": voice.say, "tell": voice.tell, "day": voice.day}
        others = [other for other in Language if other is not language]
        html = self._templates.get_template(template).render({"public": False, "others": others, **said, **values})
        return web.Response(
            status=status,
            body=html.encode(),
            content_type="text/html",
            charset="utf-8",
            headers={**PAGE_HEADERS, **headers},
        )

    def static(self) -> Handler:
        """Make the handler of `/static/{name}`."""

        async def serve(request: web.Request) -> web.StreamResponse:
            asset = self._assets.get(request.match_info["name"])
            if asset is None:
                raise web.HTTPNotFound
            asked = request.query.get("v")
            return web.Response(
                body=asset.content,
                content_type=asset.content_type,
                headers={
                    "Cache-Control": _FOR_EVER if asked == asset.mark else _A_WHILE,
                    "X-Content-Type-Options": "nosniff",
                },
            )

        return serve
