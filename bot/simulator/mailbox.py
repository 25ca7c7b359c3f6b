"""What reached the phones, as the page and test drivers read it; waits for the next message when asked to."""

from time import monotonic
from typing import Any, Final

from bot.letters import Letters
from channels.chat.email import Letter
from domain.gsm7 import segments, to_gsm7
from domain.messages import AttachmentKind, Channel, Outgoing, numbered
from domain.schedule import local
from storage import simulated
from storage.bell import Bell
from storage.engine import Engine
from storage.glance import newest_message, shown_anywhere
from storage.reads import reading
from storage.simulated import Shown

LOOK_AGAIN_SECONDS: Final = 1.0
"""The poll behind the bell."""


class Mailbox:
    """Reads of the phones' messages."""

    def __init__(self, engine: Engine, bell: Bell, letters: Letters | None) -> None:
        self._engine = engine
        self._bell = bell
        self._letters = letters
        self._closed = False

    def close(self) -> None:
        """Let all who wait go home: the service stops."""
        self._closed = True
        self._bell.strike(simulated.CHANNEL)

    async def newest(self) -> int:
        """The id of the newest message of all, 0 when there is none. Raises Unreachable."""
        async with reading(self._engine) as conn:
            return await newest_message(conn)

    async def read(self, channel: str, address: str, after: int, wait_seconds: float) -> list[dict[str, Any]]:
        """What came after a message's id, to one phone or (channel "") to any. Raises Unreachable.

        Answers as soon as there is something, else an empty list when the wait is over.
        """
        until = monotonic() + wait_seconds
        with self._bell.ear(simulated.CHANNEL) as ear:
            while not (found := await self._look(channel, address, after)):
                if (left := until - monotonic()) <= 0 or self._closed:
                    break
                await ear.wait(min(left, LOOK_AGAIN_SECONDS))
        return [as_shown(message) | self._as_mail(message) for message in found]

    async def letter(self, number: int) -> Letter | None:
        """The message of an id as the mail that SendGrid would get; None where it is none. Raises Unreachable."""
        async with reading(self._engine) as conn:
            found = await simulated.mail(conn, number)
        return self._letters.write(found.address, found.message) if found and self._letters else None

    def _as_mail(self, shown: Shown) -> dict[str, Any]:
        """What a mail has beside: its subject, its whole text, and where its look is found."""
        if shown.channel != Channel.EMAIL or self._letters is None:
            return {}
        letter = self._letters.write(shown.address, shown.message)
        return {"subject": letter.subject, "letter": letter.text, "look": f"/sim/mail/{shown.id}"}

    async def _look(self, channel: str, address: str, after: int) -> list[Shown]:
        async with reading(self._engine) as conn:
            if channel:
                return await simulated.shown(conn, channel, address, after)
            return await shown_anywhere(conn, after)


def as_shown(shown: Shown) -> dict[str, Any]:
    """One message as the page and test drivers get it; on SMS the text is what a carrier would send, with its cost."""
    sms = shown.channel == Channel.SMS
    text = to_gsm7(numbered(shown.message)) if sms else shown.message.text
    return {
        "id": shown.id,
        "channel": shown.channel,
        "address": shown.address,
        "text": text,
        "choices": _choices(shown.message),
        "image": _address(shown.message, AttachmentKind.IMAGE),
        "at": local(shown.at).isoformat(),
        **({"segments": segments(text)} if sms else {}),
        **({"button": shown.message.button} if shown.message.button else {}),
        **_attached(shown.message),
    }


def _address(message: Outgoing, kind: AttachmentKind) -> str | None:
    """Where the page of a phone finds what came with a message: the same address that a link of ours opens."""
    attached = message.beside if kind is AttachmentKind.TABLE else message.attachment
    if attached is None or attached.kind is not kind:
        return None
    match kind:
        case AttachmentKind.IMAGE:
            return f"/c/{attached.token}.png?l={attached.language}"
        case AttachmentKind.DOCUMENT:
            return f"/s/{attached.token}.pdf"
        case AttachmentKind.TABLE:
            return f"/s/{attached.token}.csv"


def _attached(message: Outgoing) -> dict[str, Any]:
    if message.attachment is None:
        return {}
    shown: dict[str, Any] = {"alt": message.attachment.alt}
    if document := _address(message, AttachmentKind.DOCUMENT):
        shown["document"] = {"name": message.attachment.name, "address": document}
    if message.beside and (table := _address(message, AttachmentKind.TABLE)):
        shown["table"] = {"name": message.beside.name, "address": table}
    return shown


def _choices(message: Outgoing) -> list[dict[str, str]]:
    return [
        {"id": option.id, "label": option.label, **({"detail": option.detail} if option.detail else {})}
        for option in message.options
    ]
