"""Stripe's web hook: card payments, refunds and disputes as events.

Verified here over the raw bytes: the library's check takes stamps from the future, and puts body and header
into its exceptions. Shapes: docs.stripe.com, "Receive Stripe events in your web hook endpoint".
"""

import hmac
from collections.abc import Callable

from channels.base import Answer, BadSignature, HookRequest, Unreadable
from channels.checks import is_id, json_object, same
from domain.messages import Filed

TOLERANCE_SECONDS = 300


class StripeHook:
    """`POST /hooks/stripe`. Any of `secrets` may have signed, which lets one be changed for another.

    `now` is the wall clock in Unix seconds. Raises ValueError without a secret.
    """

    def __init__(self, secrets: tuple[str, ...], now: Callable[[], float]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("STRIPE_WEBHOOK_SECRET must not be empty")
        self._secrets = secrets
        self._now = now

    def receive(self, request: HookRequest) -> Answer:
        """Verify and parse one event."""
        self._verify(request.headers.get("stripe-signature", ""), request.body)
        return Answer((_event(request.body),))

    def _verify(self, header: str, body: bytes) -> None:
        """Check signature and stamp. Raises BadSignature; a stamp of the future is as wrong as an old one."""
        parts = [part.strip().partition("=") for part in header.split(",")]
        stamp = next((value for name, _, value in parts if name == "t"), "")
        given = [value for name, _, value in parts if name == "v1"]
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len(str(1 << 63))):
            raise BadSignature
        signed = stamp.encode() + b"." + body
        expected = [hmac.digest(secret.encode(), signed, "sha256").hex() for secret in self._secrets]
        if not any(same(each, mine) for each in given for mine in expected):
            raise BadSignature
        if abs(self._now() - int(stamp)) > TOLERANCE_SECONDS:
            raise BadSignature


def _event(body: bytes) -> Filed:
    """Keep of an event what its handling needs. Ordered by the object that it is about."""
    match event := json_object(body):
        case {"id": event_id, "object": "event", "type": str(kind), "data": {"object": dict(thing)}} if is_id(event_id):
            about = thing.get("id")
            return Filed(
                "stripe",
                event_id,
                f"stripe:{about if is_id(about) else event_id}",
                "event",
                {
                    "type": kind,
                    "created": event.get("created"),
                    "livemode": event.get("livemode"),
                    "object": thing,
                },
            )
        case _:
            raise Unreadable("not an event of Stripe")
