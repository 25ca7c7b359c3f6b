"""Stripe's web hook: card payments, refunds and disputes as events.

The library checks the signature. It would take stamps from the future and knows one secret only: stamp and second
secret are looked at here. Its exceptions hold body and header, so none of them goes further. Shapes:
docs.stripe.com, "Receive Stripe events in your web hook endpoint".
"""

import re
from collections.abc import Callable
from typing import Final

from stripe import SignatureVerificationError, WebhookSignature

from channels.base import Answer, BadSignature, HookRequest, Unreadable
from channels.checks import is_id, json_object
from domain.messages import Filed

TOLERANCE_SECONDS: Final = 300
STAMP: Final = re.compile(r"t=([0-9]{1,12}),")
"""The stamp stands first, as Stripe writes it: so the one looked at here is the one that is signed."""


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
        """Check stamp and signature. A stamp of the future is as wrong as an old one.

        Raises BadSignature, and Unreadable for a body that is no text: no signature of Stripe's is over such a one.
        """
        stamp = STAMP.match(header)
        if stamp is None or not header.isascii() or abs(self._now() - int(stamp[1])) > TOLERANCE_SECONDS:
            raise BadSignature
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise Unreadable("not text") from None
        if not any(_signed(text, header, secret) for secret in self._secrets):
            raise BadSignature


def _signed(text: str, header: str, secret: str) -> bool:
    try:
        return bool(WebhookSignature.verify_header(text, header, secret))
    except SignatureVerificationError:
        return False


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
