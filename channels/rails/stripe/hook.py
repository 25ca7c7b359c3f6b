"""Stripe's web hook: its signature, and nothing else; channels/rails/stripe/translate.py reads what it tells.

The library checks the signature. It would take stamps from the future and knows one secret only: stamp and second
secret are looked at here. Its exceptions hold body and header, so none of them goes further. Shapes:
docs.stripe.com, "Receive Stripe events in your web hook endpoint".
"""

import re
from collections.abc import Callable
from typing import Final

from stripe import SignatureVerificationError, WebhookSignature

from channels.base import Answer, BadSignature, HookRequest, Unreadable
from channels.checks import json_object
from channels.rails.stripe.translate import arrivals_of

TOLERANCE_SECONDS: Final = 300
STAMP: Final = re.compile(r"t=([0-9]{1,12}),")
"""The stamp stands first, as Stripe writes it: so the one looked at here is the one that is signed."""


class StripeHook:
    """`POST /hooks/stripe`. Any of `secrets` may have signed, which lets one be changed for another.

    `now` is the wall clock in Unix seconds. `live` is what our key is for (`is_live`): an event of the other mode is
    never money. Raises ValueError without a secret.
    """

    def __init__(self, secrets: tuple[str, ...], now: Callable[[], float], *, live: bool | None = None) -> None:
        if not secrets or not all(secrets):
            raise ValueError("STRIPE_WEBHOOK_SECRET must not be empty")
        self._secrets = secrets
        self._now = now
        self._live = live

    def receive(self, request: HookRequest) -> Answer:
        """Verify and parse one event."""
        self._verify(request.headers.get("stripe-signature", ""), request.body)
        return Answer(arrivals_of(json_object(request.body), live=self._live))

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
