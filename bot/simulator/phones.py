"""What the phones of the simulator send and read.

A phone writes into the same inbox as a provider's web hook; what is wrong with a call is said in one line.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

import phonenumbers

from bot.conversations.personal import normal_address
from bot.web.answers import BadRequest
from channels.base import filed
from domain.messages import Channel, Filed, Inbound, InboundKind

COUNTRY: Final = "JM"
LONGEST_TEXT: Final = 10_000
LONGEST_NAME: Final = 100
LONGEST_CHOICE: Final = 200
SAMPLE: Final = "sample"
"""Whatever a phone sends, it is the same small picture (bot/simulator/chat.py)."""
_CHAT_ID: Final = re.compile(r"[1-9][0-9]{3,18}")
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_CONTENTS: Final = ("text", "choice", "contact", "media")


def channel_of(value: object) -> Channel:
    """Read a channel's name. Raises BadRequest."""
    try:
        return Channel(str(value))
    except ValueError:
        raise BadRequest(f"Name a channel: {', '.join(Channel)}.") from None


def address_of(channel: Channel, value: object) -> str:
    """Read an address as the channel writes it: E.164, Telegram's digits, a mail address. Raises BadRequest."""
    typed = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not typed:
        raise BadRequest("Give the phone's address: a number such as +18765550101, or Telegram's digits.")
    if channel is Channel.EMAIL:
        return _mail(typed)
    return _chat_id(typed) if channel is Channel.TELEGRAM else e164(typed)


def _mail(typed: str) -> str:
    if address := normal_address(Channel.EMAIL, typed):
        return address
    raise BadRequest("That is no e-mail address; write it like marva@example.com.")


def e164(typed: str) -> str:
    """`876-555-0101` as `+18765550101`; a number without a country is Jamaica's. Raises BadRequest."""
    try:
        number = phonenumbers.parse(typed, COUNTRY)
    except phonenumbers.NumberParseException:
        number = None
    # `possible`, not `valid`: the 555 numbers that examples use are nobody's.
    if number is None or not phonenumbers.is_possible_number(number):
        raise BadRequest("That is no phone number; write it like +18765550101.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _chat_id(typed: str) -> str:
    if not _CHAT_ID.fullmatch(typed):
        raise BadRequest("A Telegram address is digits alone, such as 5550103.")
    return typed


def arrival(call: object) -> Filed:
    """Make the arrival of what a phone sent. Raises BadRequest."""
    if not isinstance(call, dict):
        raise BadRequest("Send one JSON object.")
    channel = channel_of(call.get("channel"))
    if channel is Channel.EMAIL:
        raise BadRequest("Answers to e-mail are not read: it can only be looked at.")
    address = address_of(channel, call.get("address"))
    given = [name for name in _CONTENTS if call.get(name) is not None]
    if len(given) != 1:
        raise BadRequest("Send exactly one of text, choice, contact or media.")
    external_id = _external_id(address, call.get("id"))
    name = _text(call, "name", LONGEST_NAME) if call.get("name") is not None else ""
    parts = {"name": name, "message_id": external_id, **_SAID[given[0]](call)}
    return filed(Inbound(channel, address, **parts), external_id)


def _external_id(address: str, given: object) -> str:
    """Make an id of our own, or one that is the same when the phone sends the same id again."""
    if given is None:
        return f"sim-{uuid4()}"
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise BadRequest("An id is up to 100 letters, digits, dots, dashes or colons.")
    return f"sim-{address}-{given}"


def _text(call: Mapping[str, Any], name: str, longest: int) -> str:
    value = call[name]
    if not isinstance(value, str) or not value.strip("\0"):
        raise BadRequest(f"{name} must be text, and not empty.")
    if len(value) > longest:
        raise BadRequest(f"{name} is longer than {longest} characters.")
    return value.replace("\0", "")


def _typed(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": InboundKind.TEXT, "text": _text(call, "text", LONGEST_TEXT)}


def _tapped(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": InboundKind.CHOICE, "choice": _text(call, "choice", LONGEST_CHOICE)}


def _shared(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": InboundKind.CONTACT, "contact": e164(_text(call, "contact", LONGEST_NAME))}


def _pictured(_call: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": InboundKind.MEDIA, "file": SAMPLE}


_SAID: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "text": _typed,
    "choice": _tapped,
    "contact": _shared,
    "media": _pictured,
}
