"""People with real phones: they speak by signed web hooks, and see what reached the providers.

    await marva.says("PAY SANDBOX").sees("R-")

A hook call that got no 200 is made again, as providers do. What somebody sees is looked for from where they last
looked, so an old message is not taken for a new one.
"""

import asyncio
import itertools
import random
import re
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp

from tests import vendors
from tests.e2e.providers import CLERK, Providers
from tests.standins import Heard
from tests.vendors import Call

CAST = (
    ("whatsapp", "+18765550101", "Marva Brown"),
    ("sms", "+18765550102", "Devon Clarke"),
    ("telegram", "5550103", "Keisha Reid"),
    ("whatsapp", "+18765550104", "Andre Wright"),
    ("sms", "+18765550105", "Patsy Green"),
)
GIVE_UP_SECONDS = 60.0
"""How long a provider repeats a call."""
LOOK_SECONDS = 30.0
"""How long somebody looks at their phone."""
PAUSE_SECONDS = 0.1
PIN = "4826"
PIN_QUESTIONS = ("type your PIN", "Choose 4 to 6 figures", "same PIN once more")
numbers = itertools.count(1)


@dataclass
class Town:
    """Who lives here, and where the service can be reached: any of `urls`, which come and go."""

    providers: Providers
    session: aiohttp.ClientSession
    urls: Sequence[str]
    random: random.Random
    people: dict[str, "Person"] = field(default_factory=dict)
    calls: int = 0
    """How many different hook calls got their 200."""

    def person(self, channel: str, address: str, name: str) -> "Person":
        """Give somebody a phone."""
        return self.people.setdefault(f"{channel}:{address}", Person(self, channel, address, name))

    @property
    def five(self) -> list["Person"]:
        """The members of the circle, the banker first."""
        return [self.person(*who) for who in CAST]

    @property
    def clerk(self) -> "Person":
        channel, _, address = CLERK.partition(":")
        return self.person(channel, address, "Joy Office")

    async def deliver(self, call: Call) -> None:
        """Make a hook call until it is answered 200."""
        statuses: list[object] = []
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while statuses[-1:] != [200]:
                if statuses:
                    assert statuses[-1] in {503, "no answer"}, statuses
                    await asyncio.sleep(PAUSE_SECONDS)
                statuses.append(await self._post(call))
        self.calls += 1

    async def _post(self, call: Call) -> object:
        try:
            return await call.post(self.session, self.random.choice(self.urls))
        except (aiohttp.ClientError, OSError):
            return "no answer"

    async def now(self) -> datetime:
        """The service's time."""
        return datetime.fromisoformat((await self._ask("GET", None))[1]["now"])

    async def go_to(self, at: datetime) -> None:
        """Move the clock, and wait until all is done that was due on the way; again when nobody answers."""
        goal = {"set": at.isoformat()}
        while True:
            status, said = await self._ask("POST", goal)
            if status == 200 and datetime.fromisoformat(said["now"]) >= at:
                return
            if await self.now() >= at:  # the call that moved it did not live to say so
                goal = {"advance": "PT0S"}

    async def rest(self) -> None:
        """Wait until nothing is left to do."""
        await self.go_to(await self.now())

    async def _ask(self, method: str, goal: object) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(3 * GIVE_UP_SECONDS):
            while True:
                url = self.random.choice(self.urls) + "/sim/clock"
                try:
                    async with self.session.request(method, url, json=goal) as answer:
                        if answer.status < 500:
                            return answer.status, (await answer.json() if answer.status == 200 else {})
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(PAUSE_SECONDS)


@dataclass
class Person:
    """One address on one network."""

    town: Town
    channel: str
    address: str
    name: str
    seen: int = 0

    @property
    def first(self) -> str:
        return self.name.split()[0]

    @property
    def heard(self) -> list[Heard]:
        """All that reached this address, in order."""
        return self.town.providers.of(self.channel).of(self.address)

    @property
    def text(self) -> str:
        return "\n".join(heard.text for heard in self.heard)

    def says(self, what: str) -> "Line":
        """Type something."""
        match self.channel:
            case "whatsapp":
                call = vendors.whatsapp_text(self.address, what, name=self.name)
            case "sms":
                call = vendors.sms_form(self.address, what)
            case _:
                call = vendors.telegram_text(int(self.address), what, name=self.name, update_id=next(numbers))
        return Line(self, call)

    def taps(self, label: str) -> "Line":
        """Choose one of the answers last offered, in the way of this network."""
        if self.channel == "sms":
            return self.says(self._number_of(label))
        offered = next(heard for heard in reversed(self.heard) if heard.options)
        ident, title = next(option for option in offered.options if label in option)
        if self.channel == "telegram":
            call = vendors.telegram_callback(
                int(self.address), ident, label=title, name=self.name, update_id=next(numbers)
            )
        elif offered.raw["type"] == "template":
            call = vendors.whatsapp_quick_reply(self.address, ident, title, name=self.name)
        elif offered.raw["interactive"]["type"] == "button":
            call = vendors.whatsapp_button(self.address, ident, title, name=self.name)
        else:
            call = vendors.whatsapp_row(self.address, ident, title, name=self.name)
        return Line(self, call)

    def _number_of(self, label: str) -> str:
        """The number that stands before an answer in the last numbered menu."""
        for heard in reversed(self.heard):
            if offered := re.findall(r"^(\d+) (.+)$", heard.text, re.MULTILINE):
                return next(str(number) for number, words in offered if words == label)
        raise AssertionError(f"nothing was offered to {self.name}")

    async def sees(self, *parts: str, within: float = LOOK_SECONDS) -> Heard:
        """See a message that holds all parts, among those that came since the last look."""
        deadline = asyncio.get_running_loop().time() + within
        answered = self.seen
        while True:
            for place, heard in enumerate(self.heard[self.seen :], start=self.seen + 1):
                if all(part.casefold() in heard.text.casefold() for part in parts):
                    self.seen = place
                    return heard
            for heard in self.heard[answered:]:  # a PIN that is asked for is typed
                answered += 1
                if any(question in heard.text for question in PIN_QUESTIONS):
                    await self.town.deliver(self.says(PIN).call)
            if asyncio.get_running_loop().time() > deadline:
                said = [heard.text for heard in self.heard[self.seen :]]
                raise AssertionError(f"{self.name} expected {parts} and saw {said}")
            await asyncio.sleep(0.01)


class Line:
    """Something said: awaited by itself, or with what is then seen."""

    def __init__(self, person: Person, call: Call) -> None:
        self._person = person
        self.call = call

    def __await__(self) -> Generator[object, None, None]:
        return self._say().__await__()

    async def _say(self) -> None:
        self._person.seen = len(self._person.heard)
        await self._person.town.deliver(self.call)

    async def sees(self, *parts: str) -> Heard:
        """Say it and see a message that holds all parts."""
        await self._say()
        return await self._person.sees(*parts)


@asynccontextmanager
async def open_town(providers: Providers, urls: Sequence[str], seed: int = 0) -> AsyncIterator[Town]:
    """People who reach the service at `urls`, one taken at random for each call."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=GIVE_UP_SECONDS)) as session:
        yield Town(providers, session, urls, random.Random(seed))  # noqa: S311 - a test that can be repeated


def next_morning(now: datetime) -> datetime:
    """Return ten in the morning in Jamaica, tomorrow."""
    return (now + timedelta(days=1)).replace(hour=15, minute=0, second=0, microsecond=0)
