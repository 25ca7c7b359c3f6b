"""WhatsApp shows a number, a user id, or both: whoever is known by one of them is known by what was seen beside it."""

from collections.abc import AsyncIterator

import pytest

from channels.chat.whatsapp import WhatsAppHook
from tests.flows.club import monday, people, rows
from tests.teller import House, Phone, open_house
from tests.vendors import SETTINGS, whatsapp, whatsapp_message

HOOK = WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"])
IDENT, OTHER = "JM.13491208655302741918", "JM.22222222222222222222"
NUMBER = "+18765550101"


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, at=monday(), holidays=frozenset()) as opened:
        yield opened


async def writes(house: House, text: str, number: str = "", ident: str = "") -> None:
    """Let somebody write who shows a number, a user id, or both."""
    message = whatsapp_message(number or "+1", {"type": "text", "text": {"body": text}})
    message = {k: v for k, v in message.items() if k != "from" or number} | ({"from_user_id": ident} if ident else {})
    await house.filer.file(list(HOOK.receive(whatsapp({"messages": [message]}).request()).arrivals))
    await house.rest()


async def onboarded(house: House, **names: str) -> None:
    for line in ("hello", "Marva Brown", "I agree", "EN"):
        await writes(house, line, **names)


async def lines(phone: Phone) -> list[str]:
    return [message.text for message in await phone.look()]


async def test_a_member_who_later_shows_the_user_id_alone_is_the_same(house: House) -> None:
    (marva,) = await people(house, 1)
    await writes(house, "MENU", number=NUMBER, ident=IDENT)
    await marva.look()
    await writes(house, "BALANCE", ident=IDENT)
    assert "no running circle" in (await lines(marva))[-1]
    assert await rows(house, "SELECT count(*) FROM person") == [(1,)]


async def test_and_so_is_one_who_later_shows_a_number(house: House) -> None:
    marva = house.phone("whatsapp", IDENT)
    await onboarded(house, ident=IDENT)
    await marva.look()
    await writes(house, "BALANCE", number=NUMBER, ident=IDENT)
    await writes(house, "BALANCE", number=NUMBER)
    assert [("no running circle" in line) for line in await lines(marva)] == [True, True]
    assert await rows(house, "SELECT count(*) FROM person") == [(1,)]


async def test_two_known_people_are_never_one(house: House) -> None:
    (marva,) = await people(house, 1)
    await onboarded(house, ident=IDENT)
    await writes(house, "MENU", number=NUMBER, ident=IDENT)
    assert await rows(house, "SELECT * FROM alias") == []
    await marva.look()
    await writes(house, "BALANCE", ident=IDENT)
    assert await lines(marva) == []


async def test_who_is_given_a_number_next_takes_nobody_elses_user_id_along(house: House) -> None:
    (marva,) = await people(house, 1)
    await writes(house, "MENU", number=NUMBER, ident=IDENT)
    await writes(house, "MENU", number=NUMBER, ident=OTHER)
    assert await rows(house, "SELECT name FROM alias") == [(f"whatsapp:{OTHER}",)]
    await marva.look()
    await writes(house, "BALANCE", ident=IDENT)
    assert await lines(marva) == []


async def test_a_name_goes_with_the_address(house: House) -> None:
    await people(house, 1)
    await writes(house, "MENU", number=NUMBER, ident=IDENT)
    async with house.engine.begin() as conn:
        await conn.exec_driver_sql("DELETE FROM address")
    assert await rows(house, "SELECT * FROM alias") == []
