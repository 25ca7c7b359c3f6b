"""Templates and static files: read once at start, served from memory, named by their content."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.web.answers import PAGE_HEADERS, PRIVATE

_WEB: Final = Path(__file__).parent
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_A_WHILE: Final = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; `mark` is the head of its content's hash."""

    content: bytes
    content_type: str
    mark: str


def _read(folder: Path) -> dict[str, Asset]:
    found = {}
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[path.name] = Asset(content, kind, hashlib.sha256(content).hexdigest()[:12])
    return found


class Looks:
    """Renders pages. More folders with `templates` and `static` may be named beside the web's own."""

    def __init__(self, *folders: Path) -> None:
        homes = (_WEB, *folders)
        self._assets = {name: asset for home in homes for name, asset in _read(home / "static").items()}
        self._templates = Environment(
            loader=FileSystemLoader([home / "templates" for home in homes]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["asset"] = self.address

    def address(self, name: str) -> str:
        """Where a static file is found; it changes with the content. Raises KeyError."""
        return f"/static/{name}?v={self._assets[name].mark}"

    def page(
        self, template: str, status: int = 200, headers: Mapping[str, str] = PRIVATE, **values: Any
    ) -> web.Response:
        """Answer a page with the headers that every page has. `public=True` lets search engines list it."""
        html = self._templates.get_template(template).render({"public": False, **values})
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
