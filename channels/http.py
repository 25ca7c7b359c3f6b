"""The one HTTP client of all adapters: a time limit on every call, and trouble on the way as an outcome.

It must never log or raise an address, a body or a token: Telegram's token stands in its URL, and aiohttp's
exceptions quote the URL. So no exception of aiohttp leaves this module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Any

import aiohttp
import orjson

from channels.base import Outcome, Refused, Retry, Unknown

ANSWER_LIMIT_BYTES = 1 << 20
"""A longer answer is not one of these providers': it is not read to its end."""

TOO_LONG = Unknown("answer too long")

CREDENTIALS_WAIT_SECONDS = 300.0
"""A dead token is the operator's to mend: the message is kept meanwhile, not thrown away."""

CREDENTIALS_REFUSED = Retry("credentials refused", CREDENTIALS_WAIT_SECONDS, ours=True)

_LONGEST_WAIT_SECONDS = 3600.0

Observe = Callable[[str, str, float], None]
"""Told after each call: the party's name, the HTTP status or what went wrong, and the seconds it took."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether the provider says that it took the call."""
        return self.status // 100 == HTTPStatus.OK // 100

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body; an empty one for anything else, a page of HTML say."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}


class Http:
    """HTTP over a session that its maker owns and closes.

    `party` names the provider in metrics. Calls end after `timeout_seconds`, connecting included.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        party: str,
        *,
        timeout_seconds: float = 10.0,
        observe: Observe | None = None,
    ) -> None:
        self._session = session
        self._party = party
        self._timeout_seconds = timeout_seconds
        self._observe = observe

    async def call(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        most_bytes: int = ANSWER_LIMIT_BYTES,
    ) -> Reply | Retry | Unknown:
        """Call once. Retry: it never left; Unknown: it left, and no whole answer came back.

        TOO_LONG: the answer is over `most_bytes`, and was not read to its end.
        """
        started = perf_counter()
        timeout = aiohttp.ClientTimeout(
            total=timeout_seconds or self._timeout_seconds, sock_connect=self._timeout_seconds / 2
        )
        result: Reply | Retry | Unknown
        try:
            # A redirect is never followed: the headers hold a token that is meant for this host alone.
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                result = await _whole(response, most_bytes)
        except (aiohttp.ClientError, TimeoutError) as trouble:
            result = _outcome_of(trouble)
        if self._observe:
            seen = str(result.status) if isinstance(result, Reply) else result.reason
            self._observe(self._party, seen, perf_counter() - started)
        return result


async def _whole(response: aiohttp.ClientResponse, most_bytes: int) -> Reply | Unknown:
    if (response.content_length or 0) > most_bytes:
        return TOO_LONG
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            return TOO_LONG
    return Reply(response.status, b"".join(chunks), response.headers)


def _outcome_of(trouble: Exception) -> Retry | Unknown:
    """Tell what never left this machine from what may have arrived."""
    match trouble:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Retry("not connected")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Retry("no usable address")
        case TimeoutError():
            return Unknown("no answer in time")
        case aiohttp.ClientPayloadError():
            return Unknown("answer cut short")
        case _:
            return Unknown("connection lost")


def outcome_by_status(reply: Reply, code: str = "") -> Outcome:
    """Judge an answer that is no success by its HTTP status, where the provider's own code says no more."""
    match reply.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return CREDENTIALS_REFUSED
        case HTTPStatus.REQUEST_TIMEOUT | HTTPStatus.TOO_EARLY | HTTPStatus.TOO_MANY_REQUESTS:
            return Retry("throttled", _asked_wait(reply), everybody=reply.status == HTTPStatus.TOO_MANY_REQUESTS)
        case HTTPStatus.BAD_GATEWAY | HTTPStatus.GATEWAY_TIMEOUT:
            # A gateway between us gave up waiting; who stands behind it may have taken the call.
            return Unknown(f"gateway trouble {reply.status}")
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Retry(f"provider trouble {status}", _asked_wait(reply))
        case status if status >= HTTPStatus.BAD_REQUEST:
            return Refused(f"refused {status}", code or str(status))
        case status:
            # A redirect, or a success that makes no sense: somebody other than the provider answered.
            return Unknown(f"strange answer {status}")


def _asked_wait(reply: Reply) -> float:
    """Return the seconds that `Retry-After` asks for, an hour at most; a date or nonsense counts as none."""
    given = reply.headers.get("Retry-After", "")
    return min(float(given), _LONGEST_WAIT_SECONDS) if given.isascii() and given.isdigit() else 0.0
