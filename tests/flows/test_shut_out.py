"""A provider that turns us away is told to staff once, and what waited goes out when it takes us again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from channels.base import Chat, Outcome, Retry
from channels.chat.whatsapp import WhatsAppHook
from domain.messages import Outgoing
from tests.flows.club import monday, rows
from tests.teller import House, Phone, onboard, open_house
from tests.vendors import SETTINGS, whatsapp_status

DEAD = Retry("credentials refused", 0.05, ours=True)


@dataclass
class Doors:
    """Networks that turn us away now."""

    shut: set[str] = field(default_factory=set)
    turned_away: int = 0

    def over(self, chat: Chat) -> Chat:
        return Door(chat, self)


class Door:
    """A network of the simulator behind a door."""

    rate_per_second = float("inf")

    def __init__(self, inner: Chat, doors: Doors) -> None:
        self.name = inner.name
        self._inner = inner
        self._doors = doors

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        if self.name in self._doors.shut:
            self._doors.turned_away += 1
            return DEAD
        return await self._inner.send(address, message, key)


@pytest.fixture
def doors() -> Doors:
    return Doors()


@pytest.fixture
async def house(database_url: str, doors: Doors) -> AsyncIterator[House]:
    async with open_house(database_url, at=monday(), holidays=frozenset(), network=doors.over) as opened:
        yield opened


async def person(house: House, channel: str, address: str, name: str) -> Phone:
    phone = house.phone(channel, address)
    await onboard(phone, name)
    return phone


async def test_staff_hear_of_a_dead_token_once_and_of_its_end(house: House, doors: Doors) -> None:
    sandra = await person(house, "telegram", "5550190", "Sandra Reid")
    await house.hire(sandra)
    devon = await person(house, "whatsapp", "+18765550101", "Devon Clarke")
    keisha = await person(house, "whatsapp", "+18765550102", "Keisha Reid")
    for _ in range(2):
        before = doors.turned_away
        doors.shut.add("whatsapp")
        await devon.says("BALANCE")
        await keisha.says("BALANCE")
        await sandra.sees("WhatsApp does not take our key", "nothing is lost", "pardna doctor")
        while doors.turned_away < before + 6:  # each of them is tried again and again meanwhile
            await sandra.look()
        assert await rows(house, "SELECT part, subject FROM alarm") == [("provider", "whatsapp")]
        doors.shut.clear()
        await devon.sees("owe nothing")
        await keisha.sees("owe nothing")
        await sandra.sees("WhatsApp takes us again")
        assert await rows(house, "SELECT 1 FROM alarm") == []
    assert sum("does not take our key" in m.text for m in sandra.messages) == 2
    assert sum("takes us again" in m.text for m in sandra.messages) == 2


async def test_who_stopped_our_messages_at_meta_is_left_alone_until_they_write(house: House) -> None:
    hook = WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"])
    devon = await person(house, "whatsapp", "+18765550101", "Devon Clarke")
    told = whatsapp_status(devon.address, "wamid.1", "failed", code=131050).request()
    for _ in range(2):  # Meta repeats what was not answered in time
        await house.filer.file(hook.receive(told).arrivals)
    await house.rest()
    asked = "SELECT stopped_at IS NOT NULL, gone FROM address WHERE party LIKE 'whatsapp%'"
    assert await rows(house, asked) == [(True, True)]
    await devon.says("BALANCE").sees("owe nothing")
    await house.rest()
    assert await rows(house, asked) == [(False, False)]
