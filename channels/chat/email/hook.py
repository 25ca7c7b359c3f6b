"""What SendGrid tells us of our mails: how far they got, and of which address nothing more is to be hoped.

It signs its stamp and the raw body with a key of its own (ECDSA, P-256, SHA-256); we hold the public half.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from channels.base import Answer, BadSignature, HookRequest, Unreadable, filed
from channels.chat.email.sendgrid import OURS
from channels.checks import clean, is_id
from domain.messages import Channel, Filed, Inbound, InboundKind

log = logging.getLogger(__name__)

LONGEST_AGE_SECONDS: Final = 2 * 86400
"""SendGrid repeats a call for a day; what is repeated within this does nothing twice."""
_STATUSES: Final = {
    "processed": "sent",
    "delivered": "delivered",
    "open": "read",
    "bounce": "failed",
    "dropped": "failed",
}
"""`deferred` says nothing yet; `spamreport` and `unsubscribe` say that the mail is there."""
_UNWANTED: Final = frozenset({"spamreport", "unsubscribe", "group_unsubscribe"})
_DROPPED_FOR_GOOD: Final = ("bounced address", "unsubscribed address", "spam reporting address", "invalid")
"""How the reasons begin for which SendGrid will drop every mail to an address."""


class SendGridHook:
    """`POST /hooks/sendgrid`. Raises ValueError for a key that is none."""

    def __init__(self, public_key: str, now: Callable[[], float]) -> None:
        self._key = read_key(public_key)
        self._now = now

    def receive(self, request: HookRequest) -> Answer:
        """Verify and parse a batch of events."""
        stamp = request.headers.get("x-twilio-email-event-webhook-timestamp", "")
        self._verify(request.headers.get("x-twilio-email-event-webhook-signature", ""), stamp, request.body)
        if not (stamp.isascii() and stamp.isdigit()) or abs(self._now() - int(stamp)) > LONGEST_AGE_SECONDS:
            raise BadSignature
        try:
            events = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            raise Unreadable("the body is not JSON") from None
        if not isinstance(events, list):
            raise Unreadable("the body is not a batch of events")
        return Answer(tuple(_readable(events)))

    def _verify(self, signature: str, stamp: str, body: bytes) -> None:
        try:
            signed = base64.b64decode(signature, validate=True)
            self._key.verify(signed, stamp.encode() + body, ECDSA(SHA256()))
        except (binascii.Error, InvalidSignature, ValueError):
            raise BadSignature from None


def read_key(text: str) -> EllipticCurvePublicKey:
    """Return the key that SendGrid's page shows: base64 without a frame. Raises ValueError."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("copy the verification key as SendGrid's page shows it") from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("copy the verification key as SendGrid's page shows it")  # noqa: TRY004 - its content is wrong
    return key


def _readable(events: list[Any]) -> Iterator[Filed]:
    """Parse what can be read: one event that cannot does not keep the others out. Raises Unreadable when none can."""
    unread: list[Unreadable] = []
    for event in events:
        try:
            yield from list(_arrivals(event))
        except Unreadable as why:
            unread.append(why)
    if unread:
        log.warning("events of a batch by SendGrid could not be read", extra={"count": len(unread)})
        if len(unread) == len(events):
            raise unread[0]


def _arrivals(event: Any) -> Iterator[Filed]:
    """Parse an event; nothing for one about a mail that is not ours."""
    if not isinstance(event, dict):
        raise Unreadable("an event is no object")
    ident, kind, address, ours = (event.get(name) for name in ("sg_event_id", "event", "email", OURS))
    if not is_id(ours):
        return
    if not (is_id(ident) and is_id(kind) and is_id(address)):
        raise Unreadable("an event without id, name or address")
    reached = _STATUSES.get(str(kind), "")
    code = clean(event.get("status"))[:20] if reached == "failed" else ""
    mail = Inbound(
        Channel.EMAIL, str(address).lower(), InboundKind.STATUS, message_id=str(ours), status=reached, code=code
    )
    if reached:
        yield filed(mail, str(ident))
    if reason := _ends(str(kind), event):
        gone = {"kind": "refused", "of": "say", "gone": True, "reason": reason, "code": str(kind)}
        yield Filed(Channel.EMAIL.value, f"{ident}:gone", mail.party, "result", gone)


def _ends(kind: str, event: dict[str, Any]) -> str:
    """Return why nothing more is to be sent to this address; "" where it may be tried again."""
    if kind in _UNWANTED:
        return "does not want mail"
    if kind == "bounce":
        # "blocked" is the passing mood of a server; a bounce of any other type is final.
        return "" if event.get("type") == "blocked" else "bounced"
    dropped = kind == "dropped" and str(event.get("reason", "")).casefold().startswith(_DROPPED_FOR_GOOD)
    return "dropped for good" if dropped else ""
