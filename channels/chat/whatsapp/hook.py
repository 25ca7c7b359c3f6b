"""What Meta tells us: the subscribe check, and batches of messages and delivery statuses.

Nothing of a body is believed before its signature holds. Bodies are never logged.
"""

import hmac
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from channels.base import Answer, BadSignature, HookRequest, Refused, Unreadable, filed
from channels.chat.whatsapp.chat import CODES
from channels.checks import clean, is_id, json_object, same
from domain.messages import Channel, Filed, Inbound, InboundKind

log = logging.getLogger(__name__)

_PHONE_DIGITS_LIMIT = 15
_FILE = re.compile(r"[0-9]{1,64}")
_MEDIA = frozenset({"image", "document", "audio", "video", "sticker", "voice"})
_TAKEN = frozenset({"image", "document"})
_STATUSES = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
_STAMP = re.compile(r"[0-9]{1,12}")
_NO_SPEECH = frozenset({"reaction"})
"""A thumb under a receipt asks for no answer."""


class WhatsAppHook:
    """`GET|POST /hooks/whatsapp`. Raises ValueError when a secret is empty."""

    def __init__(self, app_secret: str, verify_token: str) -> None:
        if not app_secret or not verify_token:
            raise ValueError("WHATSAPP_APP_SECRET and WHATSAPP_VERIFY_TOKEN must not be empty")
        self._secret = app_secret.encode()
        self._verify_token = verify_token

    def receive(self, request: HookRequest) -> Answer:
        """Answer Meta's subscribe check (GET), or verify and parse a batch (POST)."""
        if request.method != "POST":
            return self._subscribe(request.query)
        signature = "sha256=" + hmac.digest(self._secret, request.body, "sha256").hex()
        if not same(request.headers.get("x-hub-signature-256", ""), signature):
            raise BadSignature
        return Answer(tuple(_arrivals(json_object(request.body))))

    def _subscribe(self, query: Mapping[str, str]) -> Answer:
        if not same(query.get("hub.verify_token", ""), self._verify_token):
            raise BadSignature
        if query.get("hub.mode") != "subscribe":
            raise Unreadable("not a subscribe check")
        return Answer(text=query.get("hub.challenge", ""))


def _arrivals(body: dict[str, Any]) -> list[Filed]:
    """Walk every entry, change, message and status. What can be read is filed, whatever lies beside it.

    Refusing a whole batch for one strange message would keep the others away for the seven days that Meta
    repeats it. Raises Unreadable when there is nothing in it but what cannot be read.
    """
    if body.get("object", "whatsapp_business_account") != "whatsapp_business_account":
        raise Unreadable("not about WhatsApp")
    if not isinstance(body.get("entry"), list):
        raise Unreadable("no entries")
    found: list[Filed] = []
    strange = 0
    for read, item, names in sorted(_items(body["entry"]), key=lambda one: _told_at(one[1])):
        try:
            found += read(item, names)
        except (Unreadable, TypeError, KeyError, AttributeError):
            strange += 1
    if strange:
        log.warning("whatsapp: items that could not be read: %d", strange)
        if not found:
            raise Unreadable("no readable message")
    return found


_Names = dict[str, str]
_Read = Callable[[dict[str, Any], _Names], tuple[Filed, ...]]


def _told_at(item: Any) -> int:
    """Return when Meta says that it was, in seconds: what comes in one call is taken in that order. Else 0."""
    stamp = item.get("timestamp") if isinstance(item, dict) else None
    return int(stamp) if isinstance(stamp, str) and _STAMP.fullmatch(stamp) else 0


def _items(entries: list[Any]) -> Iterator[tuple[_Read, Any, _Names]]:
    for value in _values(entries):
        names = _names(value.get("contacts"))
        for read, items in ((_message, value.get("messages")), (_status, value.get("statuses"))):
            for item in items if isinstance(items, list) else ():
                yield read, item, names


def _values(entries: list[Any]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        for change in changes if isinstance(changes, list) else ():
            value = change.get("value") if isinstance(change, dict) else None
            if isinstance(value, dict) and change.get("field", "messages") == "messages":
                yield value


def _names(contacts: Any) -> _Names:
    """Return what each sender calls themselves, by number and by user id."""
    names: _Names = {}
    for contact in contacts if isinstance(contacts, list) else ():
        if isinstance(contact, dict) and isinstance(contact.get("profile"), dict):
            for key in (contact.get("wa_id"), contact.get("user_id")):
                if isinstance(key, str):
                    names[key] = clean(contact["profile"].get("name"))
    return names


def _address(number: Any, user_id: Any) -> str:
    """Return `+` and the number, or the user id of a person who shows none (`US.1349...`)."""
    if isinstance(number, str) and number.isascii():
        digits = number.removeprefix("+")
        if digits.isdigit() and len(digits) <= _PHONE_DIGITS_LIMIT:
            return "+" + digits
    if _is_user_id(user_id):
        return str(user_id)
    raise Unreadable("no sender")


def _is_user_id(user_id: Any) -> bool:
    return is_id(user_id) and "." in user_id


def _message(message: dict[str, Any], names: _Names) -> tuple[Filed, ...]:
    """Parse one message; nothing for what asks for no answer. Raises Unreadable, KeyError, TypeError."""
    wamid, number, user_id = message["id"], message.get("from"), message.get("from_user_id")
    if not is_id(wamid):
        raise Unreadable("no id")
    if message.get("group_id") or message.get("type") in _NO_SPEECH:
        return ()
    address = _address(number, user_id)
    if message.get("type") == "system":
        return (_moved(message["system"], wamid, address),)
    kind, text, choice, contact = _said(message, address)
    file = _file(message) if kind is InboundKind.MEDIA else ""
    name = names.get(number or "") or names.get(user_id or "", "")
    inbound = Inbound(
        Channel.WHATSAPP,
        address,
        kind,
        clean(text),
        clean(choice),
        name,
        message_id=wamid,
        contact=contact,
        file=file,
    )
    also = f"{Channel.WHATSAPP}:{user_id}" if _is_user_id(user_id) and user_id != address else ""
    return (filed(inbound, wamid, also),)


def _said(message: dict[str, Any], address: str) -> tuple[InboundKind, Any, str, str]:
    """Return kind, text, choice and contact of a message."""
    kind, choice, contact = InboundKind.UNSUPPORTED, "", ""
    text: Any = ""
    match message:
        case {"type": "text", "text": {"body": str(text)}}:
            kind = InboundKind.TEXT
        case (
            {"type": "interactive", "interactive": {"button_reply": {"id": str(choice), **rest}}}
            | {"type": "interactive", "interactive": {"list_reply": {"id": str(choice), **rest}}}
            | {"type": "button", "button": {"payload": str(choice), **rest}}
        ):
            kind, text = InboundKind.CHOICE, rest.get("title") or rest.get("text")
        case {"type": str(medium)} if medium in _MEDIA:
            media = message.get(medium)
            kind, text = InboundKind.MEDIA, media.get("caption") if isinstance(media, dict) else ""
        case {"type": "contacts", "contacts": [{"phones": [{"wa_id": number}]}]} if f"+{number}" == address:
            # Only one's own card proves anything: WhatsApp vouches for the sender, not for what is in a card.
            kind, contact = InboundKind.CONTACT, address
        case {"type": str()}:
            pass
        case _:
            raise Unreadable("no type")
    return kind, text, choice, contact


def _file(message: dict[str, Any]) -> str:
    """Return Meta's id of a picture or document."""
    medium = message["type"]
    ident = message[medium].get("id") if medium in _TAKEN and isinstance(message.get(medium), dict) else ""
    return ident if isinstance(ident, str) and _FILE.fullmatch(ident) else ""


def _moved(system: dict[str, Any], wamid: str, address: str) -> Filed:
    """Make a provider's event of a changed number or user id: the person said nothing. Raises Unreadable."""
    new = _address(system.get("wa_id") or system.get("new_wa_id"), system.get("user_id"))
    body = {"kind": "address_moved", "party": f"{Channel.WHATSAPP}:{address}", "moved_to": f"{Channel.WHATSAPP}:{new}"}
    return Filed(Channel.WHATSAPP.value, wamid, f"{Channel.WHATSAPP}:{address}", "event", body)


def _status(status: dict[str, Any], _names: _Names) -> tuple[Filed, ...]:
    """Parse how far a message of ours got; nothing for what has no rank in that. Raises Unreadable, KeyError.

    Where its code says that this address is of no use until the person writes, the desk is told so beside.
    """
    wamid, reached = status["id"], _STATUSES.get(status["status"])
    if not is_id(wamid):
        raise Unreadable("no id")
    if reached is None or status.get("recipient_type") == "group":
        return ()
    address = _address(status.get("recipient_id"), status.get("recipient_user_id"))
    code, meant = "", None
    match status:
        case {"errors": [{"code": int(number)}, *_]}:
            code, meant = str(number), CODES.get(number)
    refused = meant if isinstance(meant, Refused) and reached == "failed" else Refused("")
    inbound = Inbound(
        Channel.WHATSAPP,
        address,
        InboundKind.STATUS,
        message_id=wamid,
        status=reached,
        code=code,
        shut=refused.shut,
    )
    told, ident = filed(inbound, f"{wamid}:{status['status']}"), f"{wamid}:{status['status']}:gone"
    if not refused.gone:
        return (told,)
    gone = {"kind": "refused", "of": "say", "gone": True, "reason": refused.reason, "code": code}
    return told, Filed(Channel.WHATSAPP.value, ident, inbound.party, "result", gone)
