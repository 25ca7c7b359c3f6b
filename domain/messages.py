"""What people say to us and what we say to them, in no channel's terms.

A conversation sees an `Inbound` and answers with texts and choices; each channel decides whether a choice
becomes buttons, a list, an inline keyboard or a numbered menu. Nothing here knows a vendor.
"""

from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any


class Channel(StrEnum):
    """The chat networks a person may use; the value is the first half of a party (`sms:+18765550101`)."""

    WHATSAPP = "whatsapp"
    SMS = "sms"
    TELEGRAM = "telegram"
    EMAIL = "email"
    """To be reached by alone: nobody is heard by it."""


class InboundKind(StrEnum):
    """What a person sent."""

    TEXT = "text"
    CHOICE = "choice"
    CONTACT = "contact"
    MEDIA = "media"
    UNSUPPORTED = "unsupported"
    EDITED = "edited"
    """The person changed what they had written before, which was handled as it was."""
    BLOCKED = "blocked"
    """The person blocked the bot: nothing may be sent until they let it in again."""
    UNBLOCKED = "unblocked"
    STATUS = "status"
    """Not from the person: the provider tells how far a message of ours got."""


_CHANNELS = {channel.value: channel for channel in Channel}
_KINDS = {kind.value: kind for kind in InboundKind}


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing a person sent, or one delivery status, already verified and parsed.

    `address` is the channel's own name of the person: E.164 with `+` for WhatsApp and SMS (or a WhatsApp
    user id such as `US.1349` when no number is shown), the chat id for Telegram. `choice` is the id of
    the option tapped. `name` is what the channel calls the person, if it does.
    """

    channel: Channel
    address: str
    kind: InboundKind
    text: str = ""
    choice: str = ""
    name: str = ""
    message_id: str = ""
    """STATUS: the provider's id of our message. Otherwise the provider's id of theirs."""
    on: str = ""
    """CHOICE: the provider's id of our message whose button it was, where the tap waits to be answered."""
    status: str = ""
    """STATUS: sent, delivered, read or failed."""
    code: str = ""
    """STATUS: the provider's error code when it failed."""
    shut: bool = False
    """STATUS: it failed since the person wrote too long ago, so that only an approved template may go."""
    contact: str = ""
    """CONTACT: the telephone number that the person proved to own; "" when it is somebody else's card."""
    file: str = ""
    """MEDIA: by what name the network hands out the picture or document; "" for what is not taken (a voice, say)."""
    by_sim: bool = False
    """An SMS that came by the local SIM, where no carrier answers STOP in our place."""
    late_seconds: int = 0
    """How long it was kept on the way, where the provider tells."""

    def as_json(self) -> dict[str, Any]:
        """Return the plain form that the inbox seals; empty fields are left out."""
        body: dict[str, Any] = {
            "channel": self.channel.value,
            "address": self.address,
            "kind": self.kind.value,
        }
        for name in _MAY_BE_EMPTY:
            if value := getattr(self, name):
                body[name] = value
        return body

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "Inbound":
        """Read what `as_json` wrote."""
        return cls(**{**body, "channel": _CHANNELS[body["channel"]], "kind": _KINDS[body["kind"]]})

    @property
    def party(self) -> str:
        """Whose order counts: arrivals of one party are handled one after the other."""
        return f"{self.channel}:{self.address}"


_MAY_BE_EMPTY = tuple(f.name for f in fields(Inbound) if f.default is not MISSING)


@dataclass(frozen=True, slots=True)
class Filed:
    """One arrival for the inbox. `external_id` is unique for its source and makes a repeat harmless."""

    source: str
    external_id: str
    party: str
    kind: str
    """`chat` (body is `Inbound.as_json()`), `status` (the same, of kind STATUS, or a phone's sign of life), `event`
    (a provider's event),
    `duty` (the keeper's) or `result` (what the relay learnt)."""
    body: dict[str, Any]
    wait_seconds: float = 0.0
    """How long it is to be left alone first; what the party sends later waits behind it."""
    also: str = ""
    """Another party that the network says is the same sender: a user id beside the number."""


LONGEST_ID = 64
"""Bytes of an option's id that every network carries (Telegram's limit)."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer offered. `id` comes back when it is chosen; it has at most LONGEST_ID bytes."""

    id: str
    label: str
    detail: str = ""


LONGEST_TOAST = 200
"""Characters that Telegram shows over a chat for a moment."""


@dataclass(frozen=True, slots=True)
class Tap:
    """The answer to a tap on a button of ours, where the network waits for one.

    `id` is the provider's id of the tap, `on` that of the message with the button. `text` is shown over the chat for a
    moment. `over`: the buttons mean nothing any more and are taken away.
    """

    id: str
    on: str = ""
    text: str = ""
    over: bool = False


class AttachmentKind(StrEnum):
    """What may go with a message."""

    IMAGE = "image"
    DOCUMENT = "document"
    TABLE = "table"
    """The lines of a document, for another program: beside it by mail alone."""


MIMES = {
    AttachmentKind.IMAGE: "image/png",
    AttachmentKind.DOCUMENT: "application/pdf",
    AttachmentKind.TABLE: "text/csv",
}
LONGEST_CAPTION = 1024
"""UTF-16 units of a text that WhatsApp and Telegram show with a picture or a document."""
MOST_BESIDE = 3
"""How many answers a message with a picture can offer on every network that shows one."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or a document that goes with a message: the id of what is kept, drawn just before it is sent.

    `alt` says the same in words; `token` opens its page. `content` is empty until it is drawn.
    """

    kind: AttachmentKind
    document: str
    name: str
    alt: str
    language: str
    token: str = field(default="", repr=False)
    content: bytes = field(default=b"", repr=False)

    @property
    def mime(self) -> str:
        """What the content is."""
        return MIMES[self.kind]

    def as_json(self) -> dict[str, str]:
        """Return the plain form, without what is drawn."""
        plain = {name: getattr(self, name) for name in ("document", "name", "alt", "language", "token")}
        return {"kind": self.kind.value, **plain}

    @classmethod
    def from_json(cls, body: dict[str, str]) -> "Attachment":
        """Read what `as_json` wrote."""
        return cls(**{**body, "kind": AttachmentKind(body["kind"])})  # type: ignore[arg-type] # content is never kept


@dataclass(frozen=True, slots=True)
class Template:
    """What is sent instead where a network takes nothing but a form that it has approved: its name, its gaps filled.

    `payloads`: what comes back for each of its buttons. `whole`: it says all there is to say; what says less is
    followed by the message itself as soon as the person writes.
    """

    name: str
    language: str
    values: tuple[str, ...] = ()
    payloads: tuple[str, ...] = ()
    whole: bool = False

    def as_json(self) -> list[Any]:
        """Return the plain form."""
        return [self.name, self.language, list(self.values), list(self.payloads), self.whole]

    @classmethod
    def from_json(cls, body: list[Any]) -> "Template":
        """Read what `as_json` wrote."""
        name, language, values, payloads, whole = body
        return cls(name, language, tuple(values), tuple(payloads), whole=whole)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message ready to be sent: a text in the person's language, perhaps a choice of answers and a picture."""

    text: str
    options: tuple[Option, ...] = ()
    button: str = ""
    """What opens a list of more than three options, where the channel shows a list."""
    attachment: Attachment | None = None
    beside: Attachment | None = None
    """A second one, where the network carries more than one."""
    by_sim: bool = False
    """An SMS that leaves by the local SIM or not at all."""
    past_sim: bool = False
    """An SMS that the local SIM could not send. It is no part of what is kept: the outbox knows."""
    template: Template | None = None
    language: str = ""
    """In which it is, where the network puts words of its own around it."""

    def as_json(self) -> dict[str, Any]:
        """Return the plain form that the outbox keeps."""
        return {
            "text": self.text,
            "options": [[o.id, o.label, o.detail] for o in self.options],
            "button": self.button,
            **({"attachment": self.attachment.as_json()} if self.attachment else {}),
            **({"beside": self.beside.as_json()} if self.beside else {}),
            **({"by_sim": True} if self.by_sim else {}),
            **({"template": self.template.as_json()} if self.template else {}),
            **({"language": self.language} if self.language else {}),
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "Outgoing":
        """Read what `as_json` wrote."""
        options = tuple(Option(*o) for o in body["options"])
        attached, beside = (Attachment.from_json(body[k]) if k in body else None for k in ("attachment", "beside"))
        template = Template.from_json(body["template"]) if "template" in body else None
        by_sim, language = body.get("by_sim", False), body.get("language", "")
        return cls(
            body["text"],
            options,
            body["button"],
            attached,
            beside,
            by_sim=by_sim,
            template=template,
            language=language,
        )


def is_caption(message: Outgoing) -> bool:
    """Whether a text with its answers stands with a picture or a document in one message."""
    length = len(numbered(message).encode("utf-16-le")) // 2
    return length <= LONGEST_CAPTION and len(message.options) <= MOST_BESIDE


def numbered(message: Outgoing) -> str:
    """Render a choice as a numbered menu, for channels with text alone (`1 Yes 2 No`)."""
    if not message.options:
        return message.text
    lines = [f"{number} {option.label}" for number, option in enumerate(message.options, start=1)]
    return "\n".join([message.text, *lines])
