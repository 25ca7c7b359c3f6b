"""How Stripe's library reaches Stripe through our own HTTP client, and what its errors mean.

Owns the classification of everything that can go wrong in a call. The library's exceptions hold bodies and headers, and
its log holds addresses: neither leaves this module. It must never repeat a call: the relay does.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import stripe

from channels.base import Refused, Retry, Sent, Unknown
from channels.http import Http, Reply, outcome_by_status

BUSY_WAIT_SECONDS: Final = 2.0
"""Another call with the same key is still under way at Stripe."""
REPLAYED: Final = "Idempotent-Replayed"

stripe.enable_telemetry = False  # it would tell Stripe about this machine and keep an id of it on disk
logging.getLogger("stripe").setLevel(logging.WARNING)  # below that it writes every address and form


class NoAnswer(Exception):
    """No answer came from Stripe; `outcome` says what that means."""

    def __init__(self, outcome: Retry | Unknown) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Wire(stripe.HTTPClient):
    """The library's door to the network: our client, with its limits and its metrics.

    The library's own door for aiohttp follows redirects with the key in hand, reads answers of any length and tells a
    call that never left from one that may have arrived by no more than a sentence.
    """

    name = "aiohttp"

    def __init__(self, http: Http) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Call once. Raises NoAnswer."""
        body = post_data.encode() if isinstance(post_data, str) else post_data
        reply = await self._http.call(method.upper(), url, body=body, headers=headers)
        if not isinstance(reply, Reply):
            raise NoAnswer(reply)
        return reply.body, reply.status, reply.headers

    def close(self) -> None:
        """Close nothing: the session is its maker's."""

    async def close_async(self) -> None:
        """Close nothing either."""


def make_client(http: Http, api_key: str, base_url: str) -> stripe.StripeClient:
    """Return the library's client at this base address, for the version of the API that the library is made for."""
    return stripe.StripeClient(
        api_key,
        http_client=Wire(http),
        base_addresses={"api": base_url.rstrip("/")},
        stripe_version=stripe.api_version,
        max_network_retries=0,
    )


def outcome_of(error: stripe.StripeError | NoAnswer) -> Retry | Refused | Unknown:
    """Classify a failed call once. Whatever may have been done at Stripe is Unknown."""
    if isinstance(error, NoAnswer):
        return error.outcome
    status = error.http_status or 0
    match status:
        case HTTPStatus.CONFLICT:
            return Retry("already under way", BUSY_WAIT_SECONDS)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # Stripe's own word: the result of a 5xx is not known, and it may be told again for this key.
            return Unknown(f"provider trouble {status}")
        case HTTPStatus.BAD_REQUEST if error.code == "rate_limit":
            status = HTTPStatus.TOO_MANY_REQUESTS
    code = _code(error)
    judged = outcome_by_status(Reply(status, b"", error.headers or {}), code)
    return Unknown(f"strange answer {status}") if isinstance(judged, Sent) else judged


def may_be_done(error: stripe.StripeError) -> bool:
    """Whether the order may have been carried out before under this key, so that it must be looked for."""
    replayed = (error.headers or {}).get(REPLAYED) == "true"
    return (
        (replayed and may_be_asked_anew(error))
        or isinstance(error, stripe.IdempotencyError)
        or error.code == "charge_already_refunded"
    )


def may_be_asked_anew(error: stripe.StripeError) -> bool:
    """Whether an order that was looked for and not found needs another key: Stripe repeats an old 5xx for this one."""
    return (error.http_status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR


def trouble_while_reading(error: stripe.StripeError | NoAnswer) -> Retry | Refused:
    """Classify a failed question: it changed nothing, so it may always be asked again."""
    judged = outcome_of(error)
    return Retry(judged.reason) if isinstance(judged, Unknown) else judged


def _code(error: stripe.StripeError) -> str:
    """Return Stripe's own code for programs; its sentences for people may quote what was sent."""
    inner = error.error
    for value in (error.code, getattr(inner, "decline_code", None), getattr(error, "param", None)):
        if isinstance(value, str) and value:
            return value[:64]
    kind = getattr(inner, "type", None)
    return kind[:64] if isinstance(kind, str) else ""
