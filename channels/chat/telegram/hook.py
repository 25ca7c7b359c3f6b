"""What Telegram tells us: messages, taps on our keyboards, and that somebody blocked the bot.

Of python-telegram-bot only the types are used. They check nothing, so every field is looked at before use.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from telegram import CallbackQuery, ChatMemberUpdated, Message, Update

from channels.base import Answer, BadSignature, HookRequest, Unreadable, filed
from channels.checks import clean, is_id, json_object, same
from domain.codes import looks_like_circle_code, normalise_code
from domain.messages import Channel, Filed, Inbound, InboundKind

ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")

_MEDIA = ("photo", "document", "voice", "video", "audio", "sticker", "animation", "video_note", "paid_media")
_NOT_IN = frozenset({"left", "kicked"})
_COMMAND = re.compile(r"/(?P<word>[A-Za-z0-9_]{1,32})(?:@(?P<bot>[A-Za-z0-9_]{1,64}))?(?:\s+(?P<rest>.*))?", re.DOTALL)
_PHONE = re.compile(r"[1-9][0-9]{6,14}")


class TelegramHook:
    """`POST /hooks/telegram`. `bot` is what Telegram calls us, "" while nobody knows.

    Raises ValueError when the secret is empty.
    """

    def __init__(self, secret: str, bot: Callable[[], str] = str) -> None:
        if not secret:
            raise ValueError("TELEGRAM_WEBHOOK_SECRET must not be empty")
        self._secret = secret
        self._bot = bot

    def receive(self, request: HookRequest) -> Answer:
        """Verify and parse one update. A tap that is nothing to us is answered at once, which stops its spinner."""
        if not same(request.headers.get("x-telegram-bot-api-secret-token", ""), self._secret):
            raise BadSignature
        read = read_update(json_object(request.body), self._bot())
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


def read_update(raw: dict[str, Any], bot: str = "") -> Read:
    """Parse an update of the Bot API. Raises Unreadable."""
    update_id = raw.get("update_id")
    if not isinstance(update_id, int):
        raise Unreadable("no update_id")
    try:
        update = Update.de_json(raw)
        arrival, callback_id = _arrival(update, bot), update.callback_query.id if update.callback_query else ""
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001 - the library's parsers raise whatever a wrong shape makes them stumble over
        raise Unreadable("not an update of the Bot API") from None
    return Read(update_id, arrival, callback_id if is_id(callback_id) and not arrival else "")


def _arrival(update: Update, bot: str) -> Filed | None:
    ident, chat = str(update.update_id), update.effective_chat
    if chat is not None and chat.type != "private":
        happened = _in_group(update, _chat_id(chat.id), bot)
        return Filed("telegram", ident, f"telegram:{chat.id}", "event", happened) if happened else None
    inbound = _inbound(update)
    return filed(inbound, ident) if inbound else None


def _inbound(update: Update) -> Inbound | None:
    """Parse what somebody does in their own chat with us."""
    if update.message:
        return _message(update.message)
    if update.edited_message:
        return _edit(update.edited_message)
    if update.callback_query:
        return _tap(update.callback_query)
    if update.my_chat_member:
        return _membership(update.my_chat_member)
    return None


# -- groups ---------------------------------------------------------------------------------------------------
# No word that is said there is kept, and nothing of it is a turn of a talk.


def _in_group(update: Update, group: str, bot: str) -> dict[str, Any] | None:
    """Tell what concerns us in a group: a circle named to us, a word to us, our end there, its new id."""
    if (message := update.message) and message.migrate_to_chat_id:
        return moved(group, str(message.migrate_to_chat_id))
    if change := update.my_chat_member:
        gone = change.new_chat_member.status in _NOT_IN
        return {"kind": "group_gone", "of_group": f"telegram:{group}"} if gone else None
    sender = message.from_user if message else None
    if message is None or sender is None or sender.is_bot:  # who administers it without a name is shown as a bot
        return None
    return _word_in_group(clean(message.text), {"party": f"telegram:{sender.id}", "group": f"telegram:{group}"}, bot)


def _word_in_group(typed: str, said: dict[str, str], bot: str) -> dict[str, Any] | None:
    """Read a command that is for us: one that names us, or that names a circle in our way."""
    command = _COMMAND.fullmatch(typed)
    if command is None:
        return None
    word, named, code = command["word"].casefold(), command["bot"], normalise_code(command["rest"] or "") or ""
    if named and bot and named.casefold() != bot.casefold():
        return None
    if word in {"start", "group"} and looks_like_circle_code(code):
        return {"kind": "group_asked", "circle": code, **said}
    return {"kind": "group_spoke", **said} if named else None


def moved(group: str, to: str) -> dict[str, Any]:
    """Tell that a group has another id from now on."""
    return {"kind": "group_moved", "of_group": f"telegram:{group}", "moved_to": f"telegram:{to}"}


# -- one's own chat -------------------------------------------------------------------------------------------


def _message(message: Message) -> Inbound | None:
    """Parse a message of a person; None for other bots."""
    sender = message.from_user
    if sender is None or sender.is_bot:
        return None
    kind, text, contact = _said(message)
    file = _file(message) if kind is InboundKind.MEDIA else ""
    return Inbound(
        Channel.TELEGRAM,
        _chat_id(message.chat.id),
        kind,
        text,
        name=clean(sender.full_name),
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
    if sender is None or sender.is_bot or not message.text:
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
    if "kicked" not in {before, now} or before == now:
        return None
    kind = InboundKind.BLOCKED if now == "kicked" else InboundKind.UNBLOCKED
    return Inbound(Channel.TELEGRAM, _chat_id(change.chat.id), kind, name=clean(change.from_user.full_name))


def _chat_id(value: Any) -> str:
    if not isinstance(value, int):
        raise Unreadable("no chat id")
    return str(value)
