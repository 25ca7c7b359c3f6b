"""What an HTTP caller reads: plain one-line refusals, and the headers every page carries.

Nothing of an exception ever reaches the caller: a refusal is one of the lines written here.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Final

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import Histogram

from bot.telemetry import Metrics
from storage.filer import NotDurable
from storage.reads import Unreachable

LARGEST_BODY_BYTES: Final = 1024 * 1024
"""contract.md: 413 over 1 MB."""

NOSNIFF: Final = {"X-Content-Type-Options": "nosniff"}
PAGE_HEADERS: Final = {
    **NOSNIFF,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NO_HEADERS: Final[Mapping[str, str]] = {}
PRIVATE: Final = {"Cache-Control": "no-store"}

REFUSALS: Final[Mapping[int, str]] = {
    400: "The request cannot be read.",
    401: "The signature is missing or wrong.",
    403: "This form was not sent from our own page.",
    404: "Nothing is here.",
    405: "This address does not take that method.",
    413: "The body is over 1 MB.",
    503: "Not taken: the database cannot keep it now. Send it again.",
}


class BadRequest(Exception):  # noqa: N818 - the name says it whole
    """What the caller sent cannot be used; the message is the one line they read (400)."""


def plain(status: int, text: str = "", headers: Mapping[str, str] = NO_HEADERS) -> web.Response:
    """Answer one plain line, by default the usual one of this status."""
    return web.Response(
        status=status,
        text=f"{text or REFUSALS.get(status, 'Refused.')}\n",
        headers={**PRIVATE, **NOSNIFF, **headers},
    )


def as_json(body: object, status: int = 200) -> web.Response:
    """Answer JSON that nobody caches."""
    return web.Response(
        status=status,
        body=orjson.dumps(body),
        content_type="application/json",
        headers={**PRIVATE, **NOSNIFF},
    )


def try_later() -> web.Response:
    """Answer that the database cannot take it now (503)."""
    return plain(503, headers={"Retry-After": "5"})


async def read_body(request: web.Request) -> bytes:
    """The body as it was sent. Raises BadRequest for one that breaks off or is packed wrongly."""
    try:
        return await request.read()
    except (HttpProcessingError, web.RequestPayloadError):
        raise BadRequest(REFUSALS[400]) from None


def plainly(metrics: Metrics) -> Middleware:
    """Make the middleware of all routes: it turns refusals into their plain line, and times every answer."""
    timers: dict[tuple[str, int], Histogram] = {}

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = perf_counter()
        given = await _or_refusal(request, handler)
        resource = request.match_info.route.resource
        which = (resource.canonical if resource else "none", given.status)
        timer = timers.get(which) or timers.setdefault(which, metrics.http.labels(which[0], str(which[1])))
        timer.observe(perf_counter() - began)
        return given

    return answer


async def _or_refusal(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadRequest as refusal:
        return plain(400, str(refusal))
    except (NotDurable, Unreachable):
        return try_later()
    except web.HTTPMove as elsewhere:
        return web.Response(status=elsewhere.status, headers={**PRIVATE, "Location": str(elsewhere.location)})
    except web.HTTPException as refusal:
        allowed = {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else {}
        return plain(refusal.status, headers=allowed)
