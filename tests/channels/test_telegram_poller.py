"""Long polling: nothing is forgotten before it is durable, and nothing stops it but its being cancelled."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from channels.chat.telegram import Telegram, TelegramPoller
from channels.http import Http
from domain.messages import Filed
from tests.standins import Fault, TelegramStandin
from tests.vendors import SETTINGS, telegram_callback, telegram_text


@asynccontextmanager
async def polling(
    session: aiohttp.ClientSession, provider: TelegramStandin, file: Callable[[list[Filed]], Awaitable[None]]
) -> AsyncIterator[asyncio.Task[None]]:
    telegram = Telegram(Http(session, "telegram", timeout_seconds=1), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
    poller = TelegramPoller(telegram, wait_seconds=1, pause_seconds=0.01)
    task = asyncio.ensure_future(poller.run(file))
    yield task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Inbox:
    """Keeps arrivals by their id, and can be out of order."""

    def __init__(self) -> None:
        self.kept: dict[str, Filed] = {}
        self.failures = 0
        self.batches = 0

    async def file(self, arrivals: list[Filed]) -> None:
        self.batches += 1
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is away")
        self.kept.update({arrival.external_id: arrival for arrival in arrivals})

    async def has(self, *ids: int) -> None:
        await until(lambda: {str(each) for each in ids} <= set(self.kept))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a server that knows no events of ours
            await asyncio.sleep(0.01)


async def confirmed(provider: TelegramStandin, offset: int) -> None:
    await until(lambda: provider.confirmed >= offset)


async def test_updates_are_filed_and_then_confirmed(session: aiohttp.ClientSession) -> None:
    inbox = Inbox()
    async with TelegramStandin() as provider, polling(session, provider, inbox.file):
        await provider.push(telegram_text(7, "MENU", update_id=10).body)
        await inbox.has(10)
        await confirmed(provider, 11)
        await provider.push(telegram_text(7, "PAY", update_id=11).body)
        await inbox.has(11)
    assert inbox.kept["11"].body["text"] == "PAY"


async def test_what_could_not_be_filed_is_asked_for_again(session: aiohttp.ClientSession) -> None:
    inbox = Inbox()
    inbox.failures = 3
    async with TelegramStandin() as provider, polling(session, provider, inbox.file):
        await provider.push(telegram_text(7, "PAY", update_id=20).body)
        await inbox.has(20)
        assert provider.confirmed == 0 or inbox.batches > 3
    assert inbox.batches >= 4


async def test_a_tap_is_left_to_be_answered_by_what_it_comes_to(session: aiohttp.ClientSession) -> None:
    inbox = Inbox()
    inbox.failures = 1
    async with TelegramStandin() as provider, polling(session, provider, inbox.file):
        await provider.push(telegram_callback(7, "pay:card", update_id=30).body)
        await inbox.has(30)
        await confirmed(provider, 31)
        assert provider.answered == []


async def test_a_tap_that_is_nothing_to_us_is_answered_at_once(session: aiohttp.ClientSession) -> None:
    inbox = Inbox()
    async with TelegramStandin() as provider, polling(session, provider, inbox.file):
        update = json.loads(telegram_callback(7, "pay:card", update_id=30).body)
        del update["callback_query"]["data"]
        await provider.push(update)
        await until(lambda: provider.answered == [update["callback_query"]["id"]])
        assert inbox.kept == {}


async def test_an_unreadable_update_holds_nothing_up(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    async with TelegramStandin() as provider, polling(session, provider, inbox.file):
        await provider.push({"update_id": 40, "message": {"text": "secret words"}})
        await provider.push(telegram_text(7, "PAY", update_id=41).body)
        await inbox.has(41)
        await confirmed(provider, 42)
    assert "secret words" not in caplog.text
    assert set(inbox.kept) == {"41"}


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.THROTTLED, Fault.STALL}))
async def test_trouble_of_any_kind_passes(session: aiohttp.ClientSession, fault: Fault) -> None:
    inbox = Inbox()
    async with TelegramStandin() as provider:
        provider.misbehave(fault, 2, to="getUpdates")
        await provider.push(telegram_text(7, "PAY", update_id=50).body)
        async with polling(session, provider, inbox.file):
            await inbox.has(50)


async def test_the_wait_that_telegram_asks_for_is_kept(session: aiohttp.ClientSession) -> None:
    inbox = Inbox()
    async with TelegramStandin() as provider:
        provider.misbehave(Fault.THROTTLED, to="getUpdates")
        await provider.push(telegram_text(7, "PAY", update_id=60).body)
        async with polling(session, provider, inbox.file):
            await asyncio.sleep(0.5)
            assert inbox.batches == 0


async def test_a_web_hook_left_over_is_dropped(session: aiohttp.ClientSession) -> None:
    inbox = Inbox()
    async with TelegramStandin() as provider:
        provider.webhook = "https://old.example/hooks/telegram"
        await provider.push(telegram_text(7, "PAY", update_id=70).body)
        async with polling(session, provider, inbox.file):
            await inbox.has(70)
        assert provider.webhook == ""


async def test_no_message_is_logged_while_polling(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    inbox.failures = 1
    with caplog.at_level(logging.DEBUG):
        async with TelegramStandin() as provider, polling(session, provider, inbox.file):
            await provider.push(telegram_callback(5550103, "secret-choice", update_id=80).body)
            await inbox.has(80)
            await confirmed(provider, 81)
    for secret in ("5550103", "secret-choice", SETTINGS["TELEGRAM_TOKEN"]):
        assert secret not in caplog.text
