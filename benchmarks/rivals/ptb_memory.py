"""python-telegram-bot's ConversationHandler doing the menu turn, its states in memory: nothing is durable.

As generous as can be: updates go straight into `process_update` as they come, and the composed reply is
taken where the bot would begin to put it on the wire.
"""

from typing import Any

import orjson
from aiohttp import web
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    Application,
    BaseHandler,
    CallbackContext,
    ContextTypes,
    ConversationHandler,
    ExtBot,
    MessageHandler,
    filters,
)

from benchmarks.rivals.serving import KEYS, MENU, PAYING, Replies, options, serve

HOME, PAY = range(2)
Context = ContextTypes.DEFAULT_TYPE
Handlers = list[BaseHandler[Update, CallbackContext[ExtBot[None], Any, Any, Any], object]]


class Captured(ExtBot[None]):
    """A bot that keeps count of what it is given to send and sends nothing."""

    def __init__(self, replies: Replies) -> None:
        super().__init__("5550100:bench")
        self._replies = replies

    async def send_message(self, *_args: Any, **_kwargs: Any) -> Any:
        """Count the composed message."""
        self._replies.add()


async def pay(update: Update, _context: Context) -> int:
    """Ask for the amount."""
    assert update.message is not None
    await update.message.reply_text(PAYING)
    return PAY


async def home(update: Update, _context: Context) -> int:
    """Show the menu."""
    assert update.message is not None
    keys = [[InlineKeyboardButton(text, callback_data=word)] for text, word in KEYS]
    await update.message.reply_text(MENU, reply_markup=InlineKeyboardMarkup(keys))
    return HOME


def make_app() -> web.Application:
    """The web hook; it answers when the turn is done."""
    replies = Replies()
    bot = Captured(replies)
    talk = Application.builder().bot(bot).updater(None).build()
    menu: Handlers = [MessageHandler(filters.Text(["PAY"]), pay), MessageHandler(filters.TEXT, home)]
    back: Handlers = [MessageHandler(filters.Text(["BACK"]), home), MessageHandler(filters.TEXT, home)]
    states: dict[object, Handlers] = {HOME: menu, PAY: back}
    talk.add_handler(ConversationHandler(menu, states, []))
    # Marking it ready by hand: initialize() would first ask Telegram who the bot is.
    talk._initialized = True  # noqa: SLF001

    async def hook(request: web.Request) -> web.Response:
        await talk.process_update(Update.de_json(orjson.loads(await request.read()), bot))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hooks/telegram", hook)
    app.router.add_get("/replies", replies.show)
    return app


if __name__ == "__main__":
    serve(make_app, options().parse_args())
