"""The service with Telegram's stand-in behind a real adapter, heard by its web hook or by polling."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

from channels.chat.telegram import Telegram, TelegramHook, TelegramPoller
from channels.http import Http
from tests.flows.club import NAMES, fetch, join, monday, new_circle, start, verify
from tests.standins import Heard, TelegramStandin
from tests.teller import House, Phone, onboard, open_house
from tests.vendors import SETTINGS, telegram, telegram_person

GROUP = "-1001234567890"
updates = count(50_000)


@dataclass
class Town:
    """The service with Telegram's stand-in, and the people of a circle, of whom the banker is on Telegram."""

    house: House
    provider: TelegramStandin
    polled: bool
    hook: TelegramHook
    phones: list[Phone] = field(default_factory=list)
    code: str = ""

    async def gets(self, update: dict[str, Any]) -> None:
        """Have an update come, by the web hook or to who polls."""
        call = telegram({**update, "update_id": next(updates)})
        if self.polled:
            await self.provider.push(call.body)
        else:
            await self.house.filer.file(list(self.hook.receive(call.request()).arrivals))

    async def says(self, chat: str, person: int, words: str) -> None:
        """Write in a chat."""
        kind = {"type": "supergroup", "title": "Sunday Club"} if chat.startswith("-") else {"type": "private"}
        message = {"message_id": next(updates), "date": 1763960000, "chat": {"id": int(chat), **kind}}
        await self.gets({"message": {**message, "from": telegram_person(person, "Marva"), "text": words}})

    async def membership(self, status: str) -> None:
        """Add the bot to the group, or remove it."""
        bot = {"id": 110201543, "is_bot": True, "first_name": "Pardna", "username": "PardnaBot"}
        change = {"chat": {"id": int(GROUP), "type": "supergroup", "title": "x"}, "from": telegram_person(7), "date": 1}
        before = {"user": bot, "status": "member"}
        now = {"user": bot, "status": status, **({"until_date": 0} if status == "kicked" else {})}
        await self.gets({"my_chat_member": {**change, "old_chat_member": before, "new_chat_member": now}})

    async def hears(self, part: str, chat: str = GROUP) -> Heard:
        """See something in a chat of Telegram's."""
        return await self.provider.hears(chat, part)

    async def begin(self) -> None:
        """Fill the circle and start it."""
        await join(self.code, self.phones[0], self.phones)
        await start(self.code, self.phones[0])
        await self.house.rest()

    async def linked(self) -> str | None:
        """Return the group of the circle."""
        await self.house.rest()
        found = await fetch(self.house, "SELECT group_party FROM circle WHERE code = :c", c=self.code)
        return None if found is None else str(found)


BANKER = 5550199
"""Marva's own chat on Telegram: linked to her, who runs her circle from WhatsApp."""


@asynccontextmanager
async def open_town(database_url: str, *, polled: bool) -> AsyncIterator[Town]:
    """Start it all, with a banker whose Telegram is linked, one more member and a circle of two turns."""
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(TelegramStandin())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        adapter = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        opened = open_house(
            database_url,
            at=monday(),
            holidays=frozenset(),
            network=lambda chat: adapter if chat.name == "telegram" else chat,
            bot="PardnaBot",
        )
        house = await stack.enter_async_context(opened)
        hook = TelegramHook(SETTINGS["TELEGRAM_WEBHOOK_SECRET"], lambda: "PardnaBot")
        town = Town(house, provider, polled, hook)
        if town.polled:
            poller = TelegramPoller(adapter, lambda: "PardnaBot", wait_seconds=1, pause_seconds=0.01)
            task = asyncio.create_task(poller.run(house.filer.file))
            stack.callback(task.cancel)
        for number, name in enumerate(NAMES[:2]):
            phone = house.phone("sms" if number else "whatsapp", f"+1876555010{number + 1}", name)
            await onboard(phone, name)
            await verify(house, phone)
            town.phones.append(phone)
        marva = town.phones[0]
        await marva.says(f"LINK TELEGRAM {BANKER}").sees("6-digit code")
        number_ = (await town.hears("Your code is", str(BANKER))).text
        await marva.says("".join(c for c in number_.partition("Your code is")[2] if c.isdigit())[:6]).sees("is added")
        town.code = await new_circle(house, marva, 2)
        yield town
