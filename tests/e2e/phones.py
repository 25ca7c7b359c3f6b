"""People on the simulator's phones, over HTTP: they write to `/sim/messages` and read what reached them there.

    await marva.says("PAY 5000 NCB").sees("reference R-")

Nobody here minds when the service dies: what was not answered is said again under the same id, and what lies on a
phone is read on from the last message seen.
"""

import asyncio
import itertools
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from tests.e2e.service import Service
from tests.teller import PIN, PIN_QUESTIONS

LOOK_SECONDS = 30.0
GIVE_UP_SECONDS = 90.0
"""How long a service may be away, or busy with a move of its clock."""
POLL_SECONDS = 2
numbers = itertools.count(1)


@dataclass
class Table:
    """The phones of one service."""

    service: Service
    session: aiohttp.ClientSession
    phones: list["Phone"] = field(default_factory=list)

    def phone(self, channel: str, address: str, name: str) -> "Phone":
        """Give somebody a phone."""
        self.phones.append(Phone(self, channel, address, name))
        return self.phones[-1]

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """Call the service until it answers; returns the JSON."""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while True:
                try:
                    async with self.session.request(method, self.service.url + path, **more) as answer:
                        if answer.status < 500:
                            assert answer.status == status, await answer.text()
                            return await answer.json()
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(0.05)

    async def page(self, link: str) -> tuple[str, bytes]:
        """Open a link that somebody was sent, at this service; returns its media type and content."""
        path = link.partition("://")[2].partition("/")[2]
        async with self.session.get(f"{self.service.url}/{path}") as answer:
            assert answer.status == 200, f"{link} answers {answer.status}"
            return answer.content_type, await answer.read()

    async def now(self) -> datetime:
        """The service's time."""
        return datetime.fromisoformat((await self.ask("GET", "/sim/clock"))["now"])

    async def go_to(self, at: datetime) -> None:
        """Move the clock, every duty on the way at its own time; returns when nothing is left to do."""
        while await self.now() < at:
            await self.ask("POST", "/sim/clock", json={"set": at.isoformat()})
        await self.rest()

    async def rest(self) -> None:
        """Wait until nothing is left to do."""
        await self.ask("POST", "/sim/clock", json={"advance": "PT0S"})


@dataclass
class Phone:
    """One phone and what lies on it, oldest first."""

    table: Table
    channel: str
    address: str
    name: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    unread: list[dict[str, Any]] = field(default_factory=list)
    """What came since something was said, and was not looked for yet."""

    @property
    def party(self) -> str:
        return f"{self.channel}:{self.address}"

    @property
    def first(self) -> str:
        return self.name.split()[0]

    @property
    def text(self) -> str:
        """All that lies on it, as last looked at."""
        return "\n".join(message["text"] for message in self.messages)

    def says(self, what: str) -> "Line":
        """Type something."""
        return Line(self, {"text": what})

    def taps(self, label: str) -> "Line":
        """Choose one of the answers last offered, on a feature phone by its number."""
        choices = next(message["choices"] for message in reversed(self.messages) if message["choices"])
        number, choice = next((n, one) for n, one in enumerate(choices, 1) if one["label"] == label)
        return Line(self, {"text": str(number)} if self.channel == "sms" else {"choice": choice["id"]})

    async def look(self, wait: int = 0) -> list[dict[str, Any]]:
        """Read what is new, and wait for it so many seconds."""
        after = self.messages[-1]["id"] if self.messages else 0
        query = {"channel": self.channel, "address": self.address, "after": str(after), "wait": str(wait)}
        fresh: list[dict[str, Any]] = await self.table.ask("GET", "/sim/messages", params=query)
        self.messages += fresh
        return fresh

    async def sees(self, *parts: str) -> str:
        """See a message that holds all parts, among those since something was said. A PIN asked for is typed."""
        until = asyncio.get_running_loop().time() + LOOK_SECONDS
        fresh: list[dict[str, Any]] = []
        while True:
            self.unread += fresh
            for message in self.unread:
                if holds(message["text"], parts):
                    self.unread.remove(message)
                    return str(message["text"])
            if any(question in message["text"] for message in fresh for question in PIN_QUESTIONS):
                await self.types({"text": PIN})
            if asyncio.get_running_loop().time() > until:
                heard = "\n---\n".join(message["text"] for message in self.unread)
                raise AssertionError(f"{self.name} expected {parts} and saw:\n{heard or 'nothing'}")
            fresh = await self.look(POLL_SECONDS)

    async def saw(self, *parts: str) -> bool:
        """Say whether any message on the phone holds all parts."""
        await self.look()
        return any(holds(message["text"], parts) for message in self.messages)

    async def types(self, what: dict[str, str]) -> None:
        """Send something without looking at what lies there; the same id however often it is sent."""
        call = {"channel": self.channel, "address": self.address, "name": self.name, "id": f"e2e-{next(numbers)}"}
        await self.table.ask("POST", "/sim/messages", 202, json=call | what)


class Line:
    """Something said: awaited by itself, or with what is then seen."""

    def __init__(self, phone: Phone, what: dict[str, str]) -> None:
        self._phone = phone
        self._what = what

    def __await__(self) -> Generator[object, None, None]:
        return self._say().__await__()

    async def _say(self) -> None:
        await self._phone.look()
        self._phone.unread.clear()
        await self._phone.types(self._what)

    async def sees(self, *parts: str) -> str:
        """Say it and see a message that holds all parts."""
        await self._say()
        return await self._phone.sees(*parts)


def holds(text: str, parts: tuple[str, ...]) -> bool:
    """Whether a text holds all parts, in any case."""
    return all(part.casefold() in text.casefold() for part in parts)
