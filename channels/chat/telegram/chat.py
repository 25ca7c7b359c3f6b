"""Sending through Telegram, and what Telegram's answers mean.

The token stands in the URL, so no URL and no exception of the library leaves this module.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

import orjson
from telegram import (
    Bot,
    BotCommandScopeAllPrivateChats,
    ChatMember,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    Message,
)
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData

from channels.base import Outcome, Rate, Refused, Retry, Sent, Unknown
from channels.chat.telegram.hook import ALLOWED_UPDATES, moved
from channels.files import GONE, LARGEST_BYTES, TOO_LARGE, download
from channels.forms import File, multipart
from channels.http import CREDENTIALS_REFUSED, Http, Reply, outcome_by_status
from domain.messages import Attachment, AttachmentKind, Filed, Option, Outgoing, Tap

_T = TypeVar("_T")

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
_NO_FILE: Final = frozenset({"400", "413"})
DATA_LIMIT_BYTES: Final = 64
TO_PERSON: Final = Rate(1.0, 3)
"""One a second to one chat; that short bursts pass is all that Telegram says of them."""
TO_GROUP: Final = Rate(3.0)
"""20 a minute."""
_PATH: Final = re.compile(r"[A-Za-z0-9_./-]{1,200}")
_SHORT_LABEL = 14
"""Two labels of this length stand beside each other on a small phone."""

# At DEBUG the library writes every call with its address and text into the log.
logging.getLogger("telegram").setLevel(logging.WARNING)


def keyboard_of(options: tuple[Option, ...]) -> InlineKeyboardMarkup | None:
    """Lay out an inline keyboard: two short labels in a row, longer ones alone.

    Raises ValueError for an id over 64 bytes, which Telegram would refuse.
    """
    rows: list[list[InlineKeyboardButton]] = []
    for option in options:
        if len(option.id.encode()) > DATA_LIMIT_BYTES:
            raise ValueError(f"an option's id may have {DATA_LIMIT_BYTES} bytes for Telegram")
        button = InlineKeyboardButton(option.label, callback_data=option.id)
        before = rows[-1] if rows else []
        if len(before) == 1 and max(len(before[0].text), len(option.label)) <= _SHORT_LABEL:
            before.append(button)
        else:
            rows.append([button])
    return InlineKeyboardMarkup(rows) if rows else None


MOVED: Final = "has another id"
"""Why a group is refused that became a supergroup: the code is its new id."""
CONFLICT: Final = "somebody else takes the updates"
_CODES: Final[dict[int, Outcome]] = {
    401: CREDENTIALS_REFUSED,
    403: Refused("blocked the bot", "403", gone=True),
    404: CREDENTIALS_REFUSED,
    409: Retry(CONFLICT),
}


def outcome_of(reply: Reply) -> Outcome | None:
    """Judge Telegram's answer; None when it is a good one. Its own words are left out."""
    answer = reply.json()
    if reply.ok and "result" in answer:
        return None
    match answer:
        case {"parameters": {"retry_after": int(seconds)}}:
            return Retry("throttled", float(seconds), everybody=True)
        case {"parameters": {"migrate_to_chat_id": int(there)}}:
            return Refused(MOVED, str(there))
        case {"error_code": 400, "description": str(words)}:
            return Refused("refused 400", "400", gone="chat not found" in words)
        case {"error_code": int(number)} if number in _CODES:
            return _CODES[number]
        case _:
            return outcome_by_status(reply)


class _NotTakenError(TelegramError):
    """Carries the outcome of a call past the library."""

    __slots__ = ("outcome",)

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("not taken")
        self.outcome = outcome


class _Transport(BaseRequest):
    """The library's requests, on our own client. Raises _NotTakenError for every answer but a good one."""

    __slots__ = ("_http",)

    def __init__(self, http: Http) -> None:
        self._http = http

    @property
    def read_timeout(self) -> float | None:
        """Ours is in Http."""
        return None

    async def initialize(self) -> None:
        """Nothing to open: the session belongs to its maker."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        """Call once: as JSON, or as a form where a file is sent."""
        if request_data and request_data.contains_files:
            sent = {name: File(*_named(part)) for name, part in (request_data.multipart_data or {}).items()}
            body, kind = multipart(request_data.json_parameters, sent)
        else:
            body, kind = orjson.dumps(request_data.parameters if request_data else {}), "application/json"
        reply = await self._http.call(method, url, body=body, headers={"Content-Type": kind})
        outcome = outcome_of(reply) if isinstance(reply, Reply) else reply
        if outcome or not isinstance(reply, Reply):
            raise _NotTakenError(outcome or Unknown("strange answer"))
        return reply.status, reply.body


def _named(part: Any) -> tuple[str, str, bytes]:
    """Return name, kind and content of a file as the library hands it on: (name, content, kind)."""
    name, content, kind = part
    return name, kind, content


async def _arrived(call: Awaitable[Message]) -> Outcome:
    """Send a message: what Telegram has taken lies in the chat, and nothing more is told of it."""
    outcome = await _outcome(call, lambda taken: str(taken.message_id))
    return replace(outcome, arrived=True) if isinstance(outcome, Sent) else outcome


async def _outcome(call: Awaitable[_T], id_of: Callable[[_T], str]) -> Outcome:
    """Make a call through the library; what it cannot parse was no answer of Telegram's."""
    try:
        return Sent(id_of(await call))
    except _NotTakenError as refusal:
        return refusal.outcome
    except (TelegramError, TypeError, KeyError, ValueError, AttributeError):
        return Unknown("strange answer")


class Telegram:
    """Sends through `base_url` (before `/bot`)."""

    name = "telegram"
    rate_per_second = 30.0
    """In all ("Bots FAQ: My bot is hitting limits, how do I avoid this?")."""

    def __init__(self, http: Http, base_url: str, token: str) -> None:
        base = f"{base_url.rstrip('/')}/bot"
        self._http = http
        self._updates_url = f"{base}{token}/getUpdates"
        self._file_url = f"{base}{token}/getFile"
        self._files_url = f"{base_url.rstrip('/')}/file/bot{token}"
        self._bot = Bot(token, base, request=_Transport(http), get_updates_request=_Transport(http))

    def rate_to(self, address: str) -> Rate:
        """Return the rate of a chat; the ids of groups are negative."""
        return TO_GROUP if address.startswith("-") else TO_PERSON

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:  # noqa: ARG002 - it takes no key
        """Send one message. Raises ValueError for a text that is empty, or over 4096 UTF-16 units (1024 of a caption).

        A picture or document that Telegram refuses for itself is left out, and the words go alone. A group that has
        become a supergroup is followed to its new id, which is told.
        """
        outcome = await self._send(address, message)
        if isinstance(outcome, Retry) and address.startswith("-"):
            return replace(outcome, everybody=False)  # a group has a limit of its own, which is soon met
        if not (isinstance(outcome, Refused) and outcome.reason == MOVED):
            return outcome
        there, new = await self._send(outcome.code, message), outcome.code
        if not isinstance(there, Sent):
            return there
        told = Filed(self.name, f"moved:{address}:{new}", f"{self.name}:{address}", "event", moved(address, new))
        return replace(there, arrivals=(told,))

    async def _send(self, address: str, message: Outgoing) -> Outcome:
        if not message.text.strip():
            raise ValueError("Telegram takes no empty text")
        if (length := len(message.text.encode("utf-16-le")) // 2) > TEXT_LIMIT:
            raise ValueError(f"{length} characters, Telegram takes {TEXT_LIMIT}")
        keyboard = keyboard_of(message.options)
        if message.attachment and message.attachment.content:
            outcome = await self._with_file(address, message, message.attachment, keyboard)
            if not (isinstance(outcome, Refused) and not outcome.gone and outcome.code in _NO_FILE):
                return outcome
        # A preview would fetch the pay page of whoever it was meant for.
        preview = LinkPreviewOptions(is_disabled=True)
        call = self._bot.send_message(address, message.text, reply_markup=keyboard, link_preview_options=preview)
        return await _arrived(call)

    async def _with_file(
        self, address: str, message: Outgoing, attached: Attachment, keyboard: InlineKeyboardMarkup | None
    ) -> Outcome:
        if len(message.text.encode("utf-16-le")) // 2 > CAPTION_LIMIT:
            raise ValueError(f"Telegram takes {CAPTION_LIMIT} characters with a file")
        file = InputFile(attached.content, attached.name)
        call: Awaitable[Message]
        if attached.kind is AttachmentKind.IMAGE:
            call = self._bot.send_photo(address, file, caption=message.text, reply_markup=keyboard)
        else:
            call = self._bot.send_document(
                address,
                file,
                caption=message.text,
                reply_markup=keyboard,
                disable_content_type_detection=True,
            )
        return await _arrived(call)

    async def answer(self, address: str, tap: Tap) -> Outcome:
        """Stop the spinner on a tapped button, and take a keyboard away that is over.

        A message too old to be changed keeps its keyboard, which harms nobody: what it says is not done.
        """
        outcome = await _outcome(self._bot.answer_callback_query(tap.id, tap.text or None), lambda _: tap.id)
        if tap.over and tap.on.isdecimal() and isinstance(outcome, Sent | Refused):
            await _outcome(self._bot.edit_message_reply_markup(address, int(tap.on)), lambda _: tap.on)
        return outcome

    async def enquire(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Ask who administers a group: whether `person` does is the arrival. Bots among them are not listed."""
        admins: list[str] = []

        def listed(members: tuple[ChatMember, ...]) -> str:
            admins.extend(f"{self.name}:{member.user.id}" for member in members)
            return key

        group = str(order["group"]).partition(":")[2]
        outcome = await _outcome(self._bot.get_chat_administrators(group), listed)
        if not isinstance(outcome, Sent):
            return outcome
        circle, person = order["circle"], order["person"]
        said = {"circle": circle, "party": person, "group": order["group"], "admin": person in admins}
        told = Filed(self.name, f"{key}:answered", order["group"], "event", {"kind": "group_answered", **said})
        return replace(outcome, arrivals=(told,))

    async def own_name(self) -> Outcome:
        """Ask what Telegram calls the bot: its name without `@` is the provider's id of the outcome."""
        return await _outcome(self._bot.get_me(), lambda me: str(me.username))

    async def set_commands(self, described: Mapping[str, str], language: str) -> Outcome:
        """Have these commands offered in private chats; `language` of two letters, "" for whoever has no own."""
        pairs = list(described.items())
        call = self._bot.set_my_commands(pairs, BotCommandScopeAllPrivateChats(), language or None)
        return await _outcome(call, lambda _: "")

    async def set_description(self, text: str, language: str) -> Outcome:
        """Have this shown in a chat that is still empty."""
        return await _outcome(self._bot.set_my_description(text, language or None), lambda _: "")

    async def set_short_description(self, text: str, language: str) -> Outcome:
        """Have this shown on the bot's profile, and where a link to it is shared."""
        return await _outcome(self._bot.set_my_short_description(text, language or None), lambda _: "")

    async def fetch(self, reference: str) -> bytes | Outcome:
        """Have Telegram make a file ready, and get it: at the same host, and of 20 MB at most."""
        asked = orjson.dumps({"file_id": reference})
        reply = await self._http.call("POST", self._file_url, body=asked, headers={"Content-Type": "application/json"})
        if not isinstance(reply, Reply):
            return Retry(reply.reason)
        match reply.json():
            case {"result": {"file_size": int(size)}} if size > LARGEST_BYTES:
                return TOO_LARGE
            case {"result": {"file_path": str(path)}} if reply.ok and _PATH.fullmatch(path) and ".." not in path:
                return await download(self._http, f"{self._files_url}/{path}")
            case {"description": str(words)} if "too big" in words:
                return TOO_LARGE
        outcome = outcome_of(reply)
        return GONE if isinstance(outcome, Refused) else outcome or Unknown("strange answer")

    async def set_hook(self, url: str, secret: str) -> Outcome:
        """Have updates sent to `url` with `secret` in their header."""
        call = self._bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED_UPDATES)
        return await _outcome(call, lambda _: url)

    async def drop_hook(self) -> Outcome:
        """Stop sending updates to a web hook, so that they can be polled."""
        return await _outcome(self._bot.delete_webhook(), lambda _: "")

    async def updates(self, offset: int, wait_seconds: int) -> list[Any] | Outcome:
        """Wait for updates from `offset` on, which confirms those before it.

        Raw, because the library parses a whole batch or none of it, and logs what it cannot parse.
        """
        asked = {"offset": offset, "timeout": wait_seconds, "allowed_updates": ALLOWED_UPDATES}
        reply = await self._http.call(
            "POST",
            self._updates_url,
            body=orjson.dumps(asked),
            headers={"Content-Type": "application/json"},
            timeout_seconds=wait_seconds + 10,
        )
        if not isinstance(reply, Reply):
            return reply
        if outcome := outcome_of(reply):
            return outcome
        result = reply.json()["result"]
        return result if isinstance(result, list) else Unknown("strange answer")
