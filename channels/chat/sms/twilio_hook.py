"""What Twilio tells us: messages of people, and how far ours got.

Twilio signs the public URL and the sorted form, so a proxy's idea of the URL never counts: the public base is
configured. Replies go by REST, so the answer is an empty `<Response/>`.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator, add_port, remove_port

from channels.base import Answer, BadSignature, HookRequest, Refused, Unreadable, filed
from channels.chat.sms.twilio import CODES
from channels.checks import clean, is_id, same
from domain.messages import Channel, Filed, Inbound, InboundKind

_EMPTY = "<Response/>"
_XML = "text/xml"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BASE64_AT_LEAST = 24
_FIELDS_LIMIT = 500
_MOST_FILES = 10
_MEDIA_URL = re.compile(
    r"https?://[^/]+/2010-04-01/Accounts/(AC[0-9a-f]{32})/Messages/([SM]M[0-9a-f]{32})/Media/(ME[0-9a-f]{32})"
)
_STATUSES = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
"""accepted, scheduled, queued and sending say only that Twilio took it, which its answer said before."""


class _Signed:
    """The form of a call that Twilio signed. Raises ValueError when the token is empty."""

    def __init__(self, auth_token: str, public_url: str) -> None:
        if not auth_token:
            raise ValueError("TWILIO_AUTH_TOKEN must not be empty")
        self._validator = RequestValidator(auth_token)
        self._public_url = public_url.rstrip("/")

    def form(self, request: HookRequest) -> dict[str, str]:
        """Return the fields. Raises BadSignature, also for a body that Twilio cannot have signed."""
        signature = request.headers.get("x-twilio-signature", "")
        if not signature:
            raise BadSignature
        try:
            fields = _fields(request.body)
            # Whether Twilio put the port into what it signed cannot be known: its own validator tries both.
            url = urlsplit(self._public_url + request.path_qs)
            expected = [self._validator.compute_signature(form(url), fields) for form in (remove_port, add_port)]
        except ValueError:
            raise BadSignature from None
        if not any(same(signature, each) for each in expected):
            raise BadSignature
        return fields


def _fields(body: bytes) -> dict[str, str]:
    """Parse a form of UTF-8 text. Raises ValueError for other bytes or too many fields."""
    pairs = b"&".join(pair for pair in body.split(b"&", _FIELDS_LIMIT) if b"=" in pair)
    return dict(parse_qsl(pairs.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_LIMIT))


class SmsHook:
    """`POST /hooks/sms`."""

    def __init__(self, auth_token: str, public_url: str) -> None:
        self._signed = _Signed(auth_token, public_url)

    def receive(self, request: HookRequest) -> Answer:
        """Verify and parse one message."""
        return Answer(_messages(self._signed.form(request)), _EMPTY, _XML)


class SmsStatusHook:
    """`POST /hooks/sms/status`."""

    def __init__(self, auth_token: str, public_url: str) -> None:
        self._signed = _Signed(auth_token, public_url)

    def receive(self, request: HookRequest) -> Answer:
        """Verify and parse one delivery status."""
        return Answer(_status(self._signed.form(request)), _EMPTY, _XML)


def _messages(form: Mapping[str, str]) -> tuple[Filed, ...]:
    """Parse a message, each picture of it by itself; none that nobody could answer: from a short code or `DIGICEL`."""
    sid, sender = _sid(form), form.get("From", "")
    if not sender:
        raise Unreadable("no sender")
    if not _E164.fullmatch(sender):
        return ()
    text = _decoded(clean(form.get("Body", "")))
    if form.get("NumMedia", "0").strip() in {"", "0"}:
        return (filed(Inbound(Channel.SMS, sender, InboundKind.TEXT, text, message_id=sid), sid),)
    files = [_file(form, number) for number in range(_MOST_FILES) if f"MediaUrl{number}" in form] or [""]
    idents = [sid, *(f"{sid}:{number}" for number in range(1, len(files)))]
    said = [text, *("" for _ in files[1:])]
    return tuple(
        filed(Inbound(Channel.SMS, sender, InboundKind.MEDIA, words, message_id=ident, file=file), ident)
        for ident, words, file in zip(idents, said, files, strict=True)
    )


def _file(form: Mapping[str, str], number: int) -> str:
    """Return what Twilio calls a picture: the ids alone, so that nothing else of its address is ever used."""
    found = _MEDIA_URL.fullmatch(form[f"MediaUrl{number}"])
    taken = form.get(f"MediaContentType{number}", "").startswith(("image/", "application/"))
    return f"{found[2]}/{found[3]}" if found and found[1] == form.get("AccountSid") and taken else ""


def _status(form: Mapping[str, str]) -> tuple[Filed, ...]:
    """Parse a status. Where its code says that this address is of no use, the desk is told so beside."""
    sid, status, address = _sid(form), form.get("MessageStatus", ""), form.get("To", "")
    if not status:
        raise Unreadable("no status")
    reached = _STATUSES.get(status)
    if reached is None:
        return ()
    if not _E164.fullmatch(address):
        raise Unreadable("no address")
    code = clean(form.get("ErrorCode", ""))
    inbound = Inbound(Channel.SMS, address, InboundKind.STATUS, message_id=sid, status=reached, code=code)
    told = filed(inbound, f"{sid}:{status}")
    means = CODES.get(int(code)) if code.isascii() and code.isdigit() else None
    if reached != "failed" or not isinstance(means, Refused) or not means.gone:
        return (told,)
    gone = {"kind": "refused", "of": "say", "gone": True, "reason": means.reason, "code": code}
    return told, Filed("sms", f"{sid}:{status}:gone", inbound.party, "result", gone)


def _sid(form: Mapping[str, str]) -> str:
    sid = form.get("MessageSid") or form.get("SmsSid") or ""
    if not is_id(sid):
        raise Unreadable("no MessageSid")
    return sid


def _decoded(text: str) -> str:
    """Return the text that some carriers send in base64 when it is long; a text that was none stays.

    Nobody types twenty-four letters without a space that decode to words with one.
    """
    if len(text) < _BASE64_AT_LEAST or not _BASE64.fullmatch(text):
        return text
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text
    return decoded if " " in decoded and all(char.isprintable() or char in "\r\n\t" for char in decoded) else text
