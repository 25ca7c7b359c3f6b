"""Somebody's number changes on WhatsApp, which tells us: we follow, their other addresses hear of it, draws rest."""

from collections.abc import AsyncIterator

import pytest

from channels.chat.whatsapp import WhatsAppHook
from tests.flows.club import monday, people, rows
from tests.flows.test_pins import another
from tests.teller import House, Phone, open_house
from tests.vendors import SETTINGS, whatsapp, whatsapp_message

HOOK = WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"])


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, at=monday(), holidays=frozenset()) as opened:
        yield opened


async def changes(house: House, phone: Phone, number: str) -> None:
    """Meta tells that a number has changed."""
    system = {"body": "changed", "wa_id": number.removeprefix("+"), "type": "user_changed_number"}
    call = whatsapp({"messages": [whatsapp_message(phone.address, {"type": "system", "system": system})]})
    await house.filer.file(list(HOOK.receive(call.request()).arrivals))
    await house.rest()


async def test_a_new_number_is_the_same_person_and_the_others_hear_of_it(house: House) -> None:
    (marva,) = await people(house, 1)
    second = await another(house, marva, "sms", "+18765550177")
    await changes(house, marva, "+16585550101")
    await second.sees("WhatsApp says", "...0101", "rest for 24 hours")
    new = house.phone("whatsapp", "+16585550101", "Marva")
    await new.says("MENU").sees("Marva")
    await marva.says("hello").sees("What name")
    assert (await rows(house, "SELECT until IS NOT NULL FROM payout_freeze"))[0][0] is True
    await house.books_are_right()


async def test_a_number_that_is_somebody_elses_with_us_is_not_taken_from_them(house: House) -> None:
    marva, devon = await people(house, 2)
    other = await another(house, devon, "whatsapp", "+16585550101")
    await changes(house, marva, "+16585550101")
    await other.says("MENU").sees("Devon")
    stopped = await rows(house, "SELECT stopped_at IS NOT NULL FROM address WHERE party = 'whatsapp\\:+18765550101'")
    assert stopped[0][0] is True
    await marva.says("MENU").sees("Marva")


async def test_who_is_given_the_old_number_of_staff_has_not_their_rights(house: House) -> None:
    (marva,) = await people(house, 1)
    await house.hire(marva)
    await changes(house, marva, "+16585550101")
    stopped = await rows(house, "SELECT party, stopped_at IS NOT NULL FROM address")
    assert stopped == [(marva.party, True)]
    await marva.says("hello").sees("Marva")  # still hers, and so behind her PIN
    assert await rows(house, "SELECT count(*) FROM person") == [(1,)]
