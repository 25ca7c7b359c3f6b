"""The web hooks: verify, make durable, answer. Nothing else happens here, and nothing is logged of it.

Owns which status a provider reads. A provider repeats what was not answered 200, so the
answer comes only when the arrivals are durable, and a repeat of what is there already is a 200 too.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Counter

from bot.telemetry import Metrics
from bot.web.answers import NOSNIFF, BadRequest, plain, read_body, try_later
from bot.web.callers import Callers
from channels.base import BadSignature, Hook, HookRequest, Unreadable
from domain.messages import Filed
from storage.filer import NotDurable, Unfit

log = structlog.get_logger(__name__)

PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "/hooks/whatsapp": ("GET", "POST"),
    "/hooks/sms": ("POST",),
    "/hooks/sms/status": ("POST",),
    "/hooks/smsgate": ("POST",),
    "/hooks/telegram": ("POST",),
    "/hooks/stripe": ("POST",),
    "/hooks/sendgrid": ("POST",),
    "/hooks/ncb": ("POST",),
    "/hooks/scotia": ("POST",),
    "/hooks/lynk": ("POST",),
}
"""Every hook there may be, with the methods it takes; one that is switched off is answered 404."""

_NO_QUERY: Final[Mapping[str, str]] = {}


class Filer(Protocol):
    """Where arrivals become durable."""

    async def file(self, arrivals: Sequence[Filed]) -> None:
        """Return when all are durable. Raises NotDurable or Unfit."""
        ...


def routes(hooks: Mapping[str, Hook], filer: Filer, callers: Callers, metrics: Metrics) -> list[web.RouteDef]:
    """Routes of the hooks that are on, by path. Raises ValueError for a path not in PATHS."""
    if unknown := sorted(set(hooks) - set(PATHS)):
        raise ValueError(f"no provider calls {', '.join(unknown)}")
    return [
        web.route(method, path, _handler(path, hook, filer, callers, metrics))
        for path, hook in hooks.items()
        for method in PATHS[path]
    ]


def _handler(path: str, hook: Hook, filer: Filer, callers: Callers, metrics: Metrics) -> Handler:
    count = _counter(metrics)

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = await read_body(request)
            target = request.raw_path
            # The headers' own mapping ignores case, so asking by lower-case names works without a copy.
            query = request.query if "?" in target else _NO_QUERY
            answer = hook.receive(HookRequest(request.method, target, request.headers, query, body))
            if answer.unsigned and (refused := await callers.hinting(request)):
                return refused
            if answer.arrivals:
                await filer.file(answer.arrivals)
                count(answer.arrivals)
        except BadSignature:
            return await callers.unsigned(request)
        except (Unreadable, BadRequest, Unfit):
            return plain(400)
        except NotDurable:
            return try_later()
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as slip:
            # A body that the adapter did not foresee: still the sender's to mend, never a 500.
            log.error(  # noqa: TRY400 - a traceback would quote the body
                "hook could not read a body", hook=path, slip=type(slip).__name__, where=_where(slip)
            )
            return plain(400)
        return web.Response(text=answer.text, content_type=answer.content_type, headers=NOSNIFF)

    return handle


def _counter(metrics: Metrics) -> Callable[[Sequence[Filed]], None]:
    """Make what counts arrivals; looking up a counter by its labels once is enough."""
    counters: dict[tuple[str, str], Counter] = {}

    def count(arrivals: Sequence[Filed]) -> None:
        for arrival in arrivals:
            which = (arrival.source, arrival.kind)
            counter = counters.get(which) or counters.setdefault(which, metrics.arrivals.labels(*which))
            counter.inc()

    return count


def _where(slip: BaseException) -> str:
    """File and line, and no word of the message: it may quote the body."""
    last = traceback.extract_tb(slip.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"
