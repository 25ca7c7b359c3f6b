"""Telegram as the settings have it: what it shows of our bot, what it calls it, and how what people write is heard.

All is told again until Telegram has taken it, and it is the same whether it calls us or is polled.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from bot.config import Settings
from bot.words.catalogue import Catalogue
from bot.words.say import text
from channels.base import Outcome, Retry, Sent
from channels.chat.telegram import Telegram, TelegramPoller
from channels.chat.telegram.poller import File
from domain.people import Language

PATH: Final = "/hooks/telegram"
PAUSE_SECONDS: Final = 3.0
"""After the first try that Telegram did not take; each next one waits twice as long."""
LONGEST_PAUSE_SECONDS: Final = 300.0
COMMANDS: Final = (
    "menu",
    "pay",
    "balance",
    "draw",
    "circles",
    "join",
    "new",
    "invite",
    "roster",
    "statement",
    "payout",
    "trn",
    "link",
    "language",
    "agent",
    "help",
    "stop",
)
"""What Telegram offers as soon as `/` is typed, in this order."""
LANGUAGES: Final = {Language.EN: ""}
"""Telegram's codes of our languages. English is for everybody: Patwa (`jam`) has no code of two letters."""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class BotName:
    """What Telegram calls our bot, without `@`; empty until Telegram has said it."""

    said: str = ""

    async def learn(self, telegram: Telegram) -> None:
        """Ask until it is known."""
        self.said = (await _until_taken(telegram.own_name, "name")).provider_id


async def introduce(telegram: Telegram, catalogue: Catalogue) -> None:
    """Have Telegram show what can be typed, and what the bot is for."""

    def write(name: str, language: Language) -> str:
        return catalogue.write(text(name), language)

    for language, code in LANGUAGES.items():
        described = {name: write(f"command_{name}", language) for name in COMMANDS}
        long, short = write("bot_long", language), write("bot_short", language)
        await _until_taken(partial(telegram.set_commands, described, code), "commands")
        await _until_taken(partial(telegram.set_description, long, code), "description")
        await _until_taken(partial(telegram.set_short_description, short, code), "short description")


async def listen(telegram: Telegram, settings: Settings, file: File, bot: BotName) -> None:
    """Have Telegram call us, or poll it when there is no public address."""
    if settings.public_url and "telegram" in settings.hooks:
        secret = settings.telegram_webhook_secret.get_secret_value()
        await _until_taken(partial(telegram.set_hook, settings.public_url + PATH, secret), "web hook")
    elif not settings.public_url:
        await TelegramPoller(telegram, lambda: bot.said).run(file)


async def _until_taken(call: Callable[[], Awaitable[Outcome]], what: str) -> Sent:
    """Call until Telegram has taken it, ever more slowly."""
    pause = PAUSE_SECONDS
    while not isinstance(outcome := await call(), Sent):
        log.warning("Telegram does not take what it is told or asked", kind=what, reason=outcome.reason)
        await asyncio.sleep(max(pause, outcome.after_seconds if isinstance(outcome, Retry) else 0.0))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    return outcome
