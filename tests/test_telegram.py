"""Telegram as the service sets it up: its commands and its name, told or asked again until Telegram has answered.

The same whether Telegram calls us or is polled; against a stand-in that checks what Telegram's published API asks.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bot import telegram as bots
from bot.config import Settings
from bot.conversations.vocabulary import WORDS
from bot.telegram import COMMANDS, BotName, introduce, listen
from bot.words.catalogue import Catalogue, texts_of
from channels.chat.telegram import Telegram
from channels.http import Http
from domain.people import Language
from domain.telegram import LONGEST_PAYLOAD, deep_link
from tests.standins import Fault, TelegramStandin
from tests.vendors import SETTINGS

CATALOGUE = Catalogue("https://pardna.example")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bots, "PAUSE_SECONDS", 0.01)


def adapter(session: aiohttp.ClientSession, provider: TelegramStandin) -> Telegram:
    return Telegram(Http(session, "telegram", timeout_seconds=1), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a server that knows no events of ours
            await asyncio.sleep(0.01)


def test_each_command_is_a_word_of_the_bot() -> None:
    words = {name.replace("_", " ").upper() for name in COMMANDS}
    assert words - {"STOP"} <= set(WORDS)
    assert all(re.fullmatch("[a-z0-9_]{1,32}", name) for name in COMMANDS)
    assert not any(WORDS[word].staff for word in words - {"STOP"})


async def test_commands_and_descriptions_are_shown_in_english_to_everybody(session: aiohttp.ClientSession) -> None:
    """Telegram takes language codes of two letters, and Patwa has none."""
    async with TelegramStandin() as provider:
        await introduce(adapter(session, provider), CATALOGUE)
        ((scope, shown),) = provider.commands.items()
        assert scope == ("all_private_chats", "")
        assert tuple(shown) == COMMANDS
        english = texts_of(Language.EN)
        assert shown["pay"] == english["command_pay"]
        assert provider.descriptions == {"long": {"": english["bot_long"]}, "short": {"": english["bot_short"]}}
        assert provider.refused == []


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.THROTTLED, Fault.STALL}))
async def test_commands_are_told_again_until_telegram_has_taken_them(
    session: aiohttp.ClientSession, fault: Fault
) -> None:
    async with TelegramStandin() as provider:
        for method in ("setMyCommands", "setMyDescription", "setMyShortDescription"):
            provider.misbehave(fault, 2, to=method)
        await introduce(adapter(session, provider), CATALOGUE)
        assert provider.commands
        assert provider.descriptions["short"]


async def test_the_name_of_the_bot_is_asked_for_until_it_is_known(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        provider.misbehave(Fault.BROKEN, 2, to="getMe")
        name = BotName()
        await name.learn(adapter(session, provider))
        assert name.said == "PardnaBot"


@pytest.mark.parametrize("site", ["https://pardna.example", ""])
async def test_the_web_hook_and_polling_ask_for_the_same_updates(session: aiohttp.ClientSession, site: str) -> None:
    async def file(_: object) -> None:
        """Forget it."""

    settings = Settings(
        public_url=site or None,
        telegram_token=SETTINGS["TELEGRAM_TOKEN"],
        telegram_webhook_secret=SETTINGS["TELEGRAM_WEBHOOK_SECRET"],
    )
    async with TelegramStandin() as provider, running(listen(adapter(session, provider), settings, file, BotName())):
        await until(lambda: bool(provider.allowed))
        assert provider.allowed == ["message", "edited_message", "callback_query", "my_chat_member"]
        assert provider.webhook == (f"{site}/hooks/telegram" if site else "")


@pytest.mark.parametrize("payload", ["", "a b", "é", "K7QX2M!", "x" * (LONGEST_PAYLOAD + 1)])
def test_a_link_carries_only_what_telegram_takes(payload: str) -> None:
    assert deep_link("PardnaBot", "K7QX2M") == "https://t.me/PardnaBot?start=K7QX2M"
    assert deep_link("PardnaBot", "x" * LONGEST_PAYLOAD)
    with pytest.raises(ValueError, match="64"):
        deep_link("PardnaBot", payload)
