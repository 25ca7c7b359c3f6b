"""aiogram 3 doing the menu turn, its states in a real Valkey through a blocking pool of 64 connections.

As generous as can be: no isolation of a person's events, no persistence in Valkey, the C reply parser, and
the composed reply is taken where aiogram would begin to put it on the wire.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False
# (the checks run in the service's environment, where aiogram is not)

from collections.abc import AsyncGenerator
from typing import Any

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.base import BaseSession
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.redis import RedisStorage
from aiogram.methods import TelegramMethod
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web
from redis.asyncio import BlockingConnectionPool, Redis

from benchmarks.rivals.serving import KEYS, MENU, PAYING, Replies, options, serve


class Talk(StatesGroup):
    """Where a person is."""

    home = State()
    paying = State()


class Captured(BaseSession):
    """A session that keeps count of what it is given to send and sends nothing."""

    def __init__(self, replies: Replies) -> None:
        super().__init__()
        self.replies = replies

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:  # noqa: ARG002
        """Count the composed method."""
        self.replies.add()

    async def close(self) -> None:
        """Nothing is open."""

    async def stream_content(self, *_args: Any, **_kwargs: Any) -> AsyncGenerator[bytes, None]:
        """No menu turn fetches a file."""
        nothing: tuple[bytes, ...] = ()
        for piece in nothing:
            yield piece


def keyboard() -> InlineKeyboardMarkup:
    """The menu's buttons, composed anew each turn as a bot that knows its person must."""
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=text, callback_data=word)] for text, word in KEYS]
    )


talk = Router()


@talk.message(F.text == "PAY")
async def pay(message: Message, state: FSMContext) -> None:
    """Ask for the amount."""
    await state.set_state(Talk.paying)
    await message.answer(PAYING)


@talk.message(Talk.paying, F.text == "BACK")
@talk.message()
async def home(message: Message, state: FSMContext) -> None:
    """Show the menu."""
    await state.set_state(Talk.home)
    await message.answer(MENU, reply_markup=keyboard())


def make_app(valkey_url: str) -> web.Application:
    """The web hook; it answers when the turn is done."""
    replies = Replies()
    pool = BlockingConnectionPool.from_url(valkey_url, max_connections=64, timeout=30)
    dispatcher = Dispatcher(storage=RedisStorage(Redis(connection_pool=pool)))
    dispatcher.include_router(talk)
    bot = Bot("5550100:bench", session=Captured(replies))
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, handle_in_background=False).register(app, path="/hooks/telegram")
    app.router.add_get("/replies", replies.show)
    return app


if __name__ == "__main__":
    parser = options()
    parser.add_argument("--valkey", required=True, help="redis:// address of the server that keeps the states")
    asked = parser.parse_args()
    serve(lambda: make_app(asked.valkey), asked)
