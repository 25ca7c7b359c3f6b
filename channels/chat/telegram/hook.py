"""What Telegram tells us: messages, taps on our keyboards, and that somebody blocked the bot.

Of python-telegram-bot only the types are used. They check nothing, so every field is looked at before use.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson
from telegram import CallbackQuery, ChatMemberUpdated, Message, Update

from channels.base import Answer, BadSignature, HookRequest, Unreadable, filed
from channels.checks import clean, is_id, json_object, same
from domain.messages import Channel, Filed, Inbound, InboundKind

ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")

_MEDIA = ("photo", "document", "voice", "video", "audio", "sticker", "animation", "video_note", "paid_media")
_PHONE = re.compile(r"[1-9][0-9]{6,14}")


class TelegramHook:
    """`POST /hooks/telegram`. Raises ValueError when the secret is empty."""

    def __init__(self, secret: str) -> None:
        if not secret:
            raise ValueError("TELEGRAM_WEBHOOK_SECRET must not be empty")
        self._secret = secret

    def receive(self, request: HookRequest) -> Answer:
        """Verify and parse one update. A tap that is nothing to us is answered at once, which stops its spinner."""
        if not same(request.headers.get("x-telegram-bot-api-secret-token", ""), self._secret):
            raise BadSignature
        read = read_update(json_object(request.body))
        arrivals = (read.arrival,) if read.arrival else ()
        if not read.callback_id:
            return Answer(arrivals)
        call = {"method": "answerCallbackQuery", "callback_query_id": read.callback_id}
        return Answer(arrivals, orjson.dumps(call).decode(), "application/json")


@dataclass(frozen=True, slots=True)
class Read:
    """What an update holds: an arrival, if it is for us, or a tap that nobody else will answer."""

    update_id: int
    arrival: Filed | None = None
    callback_id: str = ""


def read_update(raw: dict[str, Any]) -> Read:
    """Parse an update of the Bot API. Raises Unreadable."""
    update_id = raw.get("update_id")
    if not isinstance(update_id, int):
        raise Unreadable("no update_id")
    try:
        update = Update.de_json(raw)
        inbound, callback_id = _inbound(update), update.callback_query.id if update.callback_query else ""
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001 - the library's parsers raise whatever a wrong shape makes them stumble over
        raise Unreadable("not an update of the Bot API") from None
    return Read(
        update_id,
        filed(inbound, str(update_id)) if inbound else None,
        callback_id if is_id(callback_id) and not inbound else "",
    )


def _inbound(update: Update) -> Inbound | None:
    if update.message:
        return _message(update.message)
    if update.edited_message:
        return _edit(update.edited_message)
    if update.callback_query:
        return _tap(update.callback_query)
    if update.my_chat_member:
        return _membership(update.my_chat_member)
    return None


def _message(message: Message) -> Inbound | None:
    """Parse a message of a person; None for other bots, and for what happens in a group without a word."""
    sender, group = message.from_user, message.chat.type != "private"
    if sender is None or sender.is_bot or (group and not message.text):
        return None
    kind, text, contact = _said(message)
    file = _file(message) if kind is InboundKind.MEDIA else ""
    return Inbound(
        Channel.TELEGRAM,
        _chat_id(message.chat.id),
        kind,
        text,
        name=clean(sender.full_name),
        group=group,
        message_id=str(message.message_id),
        contact=contact,
        file=file,
    )


def _said(message: Message) -> tuple[InboundKind, str, str]:
    """Return kind, text and contact."""
    if text := clean(message.text):
        return InboundKind.TEXT, text, ""
    if contact := message.contact:
        number = clean(contact.phone_number).replace(" ", "").removeprefix("+")
        # Somebody else's card, a forwarded one, or one without an account proves nothing about the sender.
        own = message.from_user is not None and contact.user_id == message.from_user.id and not message.forward_origin
        return InboundKind.CONTACT, "", "+" + number if own and _PHONE.fullmatch(number) else ""
    if any(getattr(message, name) for name in _MEDIA):
        return InboundKind.MEDIA, clean(message.caption), ""
    return InboundKind.UNSUPPORTED, "", ""


def _edit(message: Message) -> Inbound | None:
    """Parse changed words of a person: what was first written was handled, so they have to hear that it stays."""
    sender = message.from_user
    if sender is None or sender.is_bot or message.chat.type != "private" or not message.text:
        return None
    name, number = clean(sender.full_name), str(message.message_id)
    return Inbound(Channel.TELEGRAM, _chat_id(message.chat.id), InboundKind.EDITED, name=name, message_id=number)


def _file(message: Message) -> str:
    """Return Telegram's id of a document, or of a picture in its largest size."""
    if message.animation:  # comes as a document too
        return ""
    ident = message.document.file_id if message.document else message.photo[-1].file_id if message.photo else ""
    return ident if is_id(ident) else ""


def _tap(query: CallbackQuery) -> Inbound | None:
    """Parse a tap; None where it is not on a keyboard of ours."""
    if not query.data or query.message is None:
        return None
    return Inbound(
        Channel.TELEGRAM,
        _chat_id(query.message.chat.id),
        InboundKind.CHOICE,
        _label(query),
        clean(query.data),
        clean(query.from_user.full_name),
        query.message.chat.type != "private",
        clean(query.id),
        str(query.message.message_id),
    )


def _label(query: CallbackQuery) -> str:
    """Return what stood on the button, where Telegram still shows us the message."""
    markup = query.message.reply_markup if isinstance(query.message, Message) else None
    rows = markup.inline_keyboard if markup else ()
    return next((clean(key.text) for row in rows for key in row if key.callback_data == query.data), "")


def _membership(change: ChatMemberUpdated) -> Inbound | None:
    """Parse that somebody blocked the bot in their chat with it, or let it in again."""
    before, now = change.old_chat_member.status, change.new_chat_member.status
    if change.chat.type != "private" or "kicked" not in {before, now} or before == now:
        return None
    kind = InboundKind.BLOCKED if now == "kicked" else InboundKind.UNBLOCKED
    return Inbound(Channel.TELEGRAM, _chat_id(change.chat.id), kind, name=clean(change.from_user.full_name))


def _chat_id(value: Any) -> str:
    if not isinstance(value, int):
        raise Unreadable("no chat id")
    return str(value)
