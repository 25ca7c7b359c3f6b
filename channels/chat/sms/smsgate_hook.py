"""What the phone with the SIM tells us: messages of people, how far ours got, and that it is alive.

The phone itself signs the raw body and the time of sending, anew for each try, so a call that is minutes old is a
replay. The envelope's id tells a repeat; a message's own id is made from its content and tells nothing.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from channels.base import Answer, BadSignature, HookRequest, Unreadable
from channels.checks import clean, is_id, json_object, same
from domain.messages import Channel, Filed, Inbound, InboundKind

SOURCE: Final = "smsgate"
HOUSE: Final = "house:smsgate"
"""Whose order counts among what the phone says of itself."""
TOLERANCE_SECONDS: Final = 300
_LONGEST_STAMP = 12
_STATUSES: Final = {"sms:sent": "sent", "sms:delivered": "delivered", "sms:failed": "failed"}
_HEALTH: Final = frozenset({"pass", "warn", "fail"})
_CODE = re.compile(r"[A-Z][A-Z_]{2,49}")
_MOST_LATE_SECONDS = 7 * 86400


class SmsGateHook:
    """`POST /hooks/smsgate`. `now` is the wall clock, in Unix seconds. Raises ValueError for an empty key."""

    def __init__(self, signing_key: str, now: Callable[[], float]) -> None:
        if not signing_key:
            raise ValueError("SMSGATE_SIGNING_KEY must not be empty")
        self._key = signing_key.encode()
        self._now = now

    def receive(self, request: HookRequest) -> Answer:
        """Verify and parse one event. One that we did not ask for is answered and left."""
        now = self._now()
        self._verify(request, now)
        envelope = json_object(request.body)
        event, ident, payload = envelope.get("event"), envelope.get("id"), envelope.get("payload")
        if not isinstance(event, str) or not is_id(ident):
            raise Unreadable("no event, or none with an id")
        arrival = _arrival(event, str(ident), payload if isinstance(payload, dict) else {}, now)
        return Answer((arrival,) if arrival else ())

    def _verify(self, request: HookRequest, now: float) -> None:
        stamp = request.headers.get("x-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > _LONGEST_STAMP:
            raise BadSignature
        expected = hmac.new(self._key, request.body + stamp.encode(), "sha256").hexdigest()
        given = request.headers.get("x-signature", "").lower()
        if not same(given, expected) or abs(now - int(stamp)) > TOLERANCE_SECONDS:
            raise BadSignature


def _arrival(event: str, ident: str, payload: Mapping[str, Any], now: float) -> Filed | None:
    match event:
        case "sms:received":
            return _said(ident, payload, InboundKind.TEXT, payload.get("message"), now)
        case "mms:downloaded":
            return _said(ident, payload, InboundKind.MEDIA, payload.get("body"), now)
        case "system:ping":
            return _ping(ident, payload, now)
        case _ if event in _STATUSES:
            return _status(ident, payload, event)
        case _:
            return None


def _said(ident: str, payload: Mapping[str, Any], kind: InboundKind, text: Any, now: float) -> Filed | None:
    """Parse a message; None for one that nobody could answer: from a short code or a name (`DIGICEL`)."""
    sender = clean(payload.get("sender") or payload.get("phoneNumber"))
    if not sender:
        raise Unreadable("no sender")
    number = whole_number(sender)
    if not number:
        return None
    late = _late_seconds(payload.get("receivedAt"), now)
    inbound = Inbound(Channel.SMS, number, kind, clean(text), message_id=ident, by_sim=True, late_seconds=late)
    return Filed(SOURCE, ident, inbound.party, "chat", inbound.as_json())


def _status(ident: str, payload: Mapping[str, Any], event: str) -> Filed:
    """Parse how far a message got: its id is the one we gave it. A message of several parts tells of each."""
    message_id = payload.get("messageId")
    number = whole_number(clean(payload.get("recipient") or payload.get("phoneNumber")))
    if not is_id(message_id) or not number:
        raise Unreadable("no message of ours")
    code = _CODE.search(clean(payload.get("reason")))
    inbound = Inbound(
        Channel.SMS,
        number,
        InboundKind.STATUS,
        message_id=str(message_id),
        status=_STATUSES[event],
        code=code[0] if code else "",
    )
    return Filed(SOURCE, ident, inbound.party, "status", inbound.as_json())


def _ping(ident: str, payload: Mapping[str, Any], now: float) -> Filed:
    """Parse a sign of life. Of the phone's health its own verdict and the battery are kept."""
    health = payload.get("health")
    checks = health.get("checks") if isinstance(health, dict) else None
    battery = checks.get("battery:level") if isinstance(checks, dict) else None
    level = battery.get("observedValue") if isinstance(battery, dict) else None
    verdict = health.get("status") if isinstance(health, dict) else None
    body = {
        "kind": "phone_ping",
        "at": int(now),
        "health": verdict if isinstance(verdict, str) and verdict in _HEALTH else "",
        "battery": level if isinstance(level, int) and 0 <= level <= 100 else -1,  # noqa: PLR2004 - percent
    }
    return Filed(SOURCE, ident, HOUSE, "status", body)


def whole_number(sender: str) -> str:
    """Return a number with its country, or "" for what is none. A phone may show its neighbours without it."""
    digits = re.sub(r"[ ().-]", "", sender)
    if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
        return digits
    if re.fullmatch(r"1?[2-9][0-9]{2}[2-9][0-9]{6}", digits):  # as one dials within +1
        return f"+1{digits[-10:]}"
    return ""


def _late_seconds(received_at: Any, now: float) -> int:
    """Return how long a message waited before we could be told; 0 where the phone does not say, or its clock is off."""
    try:
        late = now - datetime.fromisoformat(received_at).timestamp() if isinstance(received_at, str) else 0.0
    except (ValueError, OverflowError, OSError):
        return 0
    return int(late) if 0 < late <= _MOST_LATE_SECONDS else 0
