"""What an HTTP caller reads: plain one-line refusals, and the headers every page carries.

Nothing of an exception ever reaches the caller: a refusal is one of the lines written here.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Final

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from prometheus_client import Histogram

from bot.telemetry import Metrics
from storage.filer import NotDurable
from storage.reads import Unreachable

LARGEST_BODY_BYTES: Final = 1024 * 1024
"""What is larger is answered 413."""

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


class BadRequest(Exception):
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


def guarded(routes: Sequence[web.RouteDef], metrics: Metrics) -> list[web.RouteDef]:
    """Return the routes with refusals turned into their plain line and answers timed, and with 405 and 404 added.

    Wrapped once here and not by a middleware, which aiohttp puts together anew for each request.
    """
    taken: dict[str, list[str]] = {}
    for route in routes:
        taken.setdefault(route.path, []).append(route.method)
    refusing = [web.route("*", path, _not_that_method(methods)) for path, methods in taken.items()]
    return [
        web.RouteDef(route.method, route.path, _guard(route.path, route.handler, metrics), route.kwargs)
        for route in [*routes, *refusing, web.route("*", "/{none:.*}", _nothing_here)]
    ]


def _not_that_method(methods: Sequence[str]) -> Handler:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return plain(405, headers={"Allow": ", ".join(methods)})

    return refuse


async def _nothing_here(_request: web.Request) -> web.StreamResponse:
    return plain(404)


def _guard(path: str, handler: Handler, metrics: Metrics) -> Handler:
    timers: dict[int, Histogram] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        began = perf_counter()
        try:
            given = await handler(request)
        except Exception as refusal:  # noqa: BLE001 - what is no refusal is raised again
            given = _refusal(refusal)
        timer = timers.get(given.status) or timers.setdefault(
            given.status, metrics.http.labels(path, str(given.status))
        )
        timer.observe(perf_counter() - began)
        return given

    return answer


def _refusal(error: Exception) -> web.StreamResponse:
    """Return the answer that an exception stands for; raises it again when it is a fault of ours."""
    match error:
        case BadRequest():
            return plain(400, str(error))
        case NotDurable() | Unreachable():
            return try_later()
        case web.HTTPMove():
            return web.Response(status=error.status, headers={**PRIVATE, "Location": str(error.location)})
        case web.HTTPException():
            return plain(error.status)
        case _:
            raise error
