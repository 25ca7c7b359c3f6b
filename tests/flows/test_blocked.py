"""Somebody blocks the bot and lets it in again: news goes where it gets to, and what was stopped stays stopped."""

from collections.abc import AsyncIterator

import pytest

from domain.messages import InboundKind
from tests.flows.club import monday, people, rows
from tests.flows.test_pins import another
from tests.flows.test_ways import Air, asks_in, one
from tests.teller import House, Phone, onboard, open_house


@pytest.fixture
def air() -> Air:
    return Air()


@pytest.fixture
async def house(database_url: str, air: Air) -> AsyncIterator[House]:
    async with open_house(database_url, at=monday(), holidays=frozenset(), network=air.over) as opened:
        yield opened


@pytest.fixture
async def pair(house: House) -> tuple[Phone, Phone, Phone]:
    """Marva, told things on Telegram, her SMS phone, and Devon, who asks to be let into her circle."""
    marva = house.phone("telegram", "5550101", "Marva Brown")
    await onboard(marva, "Marva Brown")
    devon = (await people(house, 2))[1]
    second = await another(house, marva, "sms", "+18765550177")
    await marva.says("hello").sees("Marva")
    return marva, second, devon


async def stands(house: House, phone: Phone) -> tuple[bool, bool]:
    """Whether nothing is sent to the address, and whether its network ended it."""
    found = await rows(house, "SELECT party, stopped_at IS NOT NULL, gone FROM address")
    return next((stopped, gone) for party, stopped, gone in found if party == phone.party)


async def test_news_that_meets_a_blocked_bot_goes_by_the_next_address(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    air.moods[marva.party] = "blocks"
    await asks_in(house, air, marva, devon)
    await second.sees("Devon", "APPROVE")
    assert await stands(house, marva) == (True, True)
    assert not await marva.saw("Devon", "APPROVE")


async def test_a_blocked_address_ends_at_once_and_returns_when_it_is_let_in(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    await marva.says("NEW Sunday Club; 5000 JMD; weekly; 3; tomorrow; join order").sees("is set up")
    code = await one(house, "SELECT code FROM circle")
    await marva.does(InboundKind.BLOCKED)
    await house.rest()
    assert await stands(house, marva) == (True, True)
    await devon.says(f"JOIN {code}").sees("AGREE")
    await devon.says("AGREE").sees("has been asked")
    await second.sees("Devon", "APPROVE")
    await marva.does(InboundKind.UNBLOCKED)
    await house.rest()
    assert await stands(house, marva) == (False, False)
    await second.says(f"APPROVE {code} ALL").sees("in")
    before = len(marva.messages)
    await devon.says(f"AGENT my code is {code}")
    await house.rest()
    assert len(marva.messages) == before  # letting us in is answered by nothing


async def test_who_said_stop_stays_stopped_when_the_bot_is_let_in_again(
    house: House, pair: tuple[Phone, Phone, Phone]
) -> None:
    """rule 55: only START takes STOP back."""
    marva, _, _ = pair
    await marva.says("STOP").sees("START")
    await marva.does(InboundKind.BLOCKED)
    await marva.does(InboundKind.UNBLOCKED)
    await house.rest()
    assert await stands(house, marva) == (True, False)
    await marva.says("/start").sees("Marva")
    assert await stands(house, marva) == (False, False)


async def test_who_stops_after_having_blocked_us_stays_stopped(house: House, pair: tuple[Phone, Phone, Phone]) -> None:
    marva, _, _ = pair
    await marva.does(InboundKind.BLOCKED)
    await marva.says("STOP").sees("START")
    assert await stands(house, marva) == (True, False)


async def test_whoever_writes_has_let_us_in(house: House, pair: tuple[Phone, Phone, Phone]) -> None:
    marva, _, _ = pair
    await marva.does(InboundKind.BLOCKED)
    await marva.says("BALANCE").sees("[")
    assert await stands(house, marva) == (False, False)


async def test_an_sms_does_not_open_what_a_carrier_shut(house: House, pair: tuple[Phone, Phone, Phone]) -> None:
    """Twilio's 21610 is somebody's STOP that only the carrier heard: START alone takes it back."""
    _, second, _ = pair
    await second.does(InboundKind.BLOCKED)
    await second.says("BALANCE")
    await house.rest()
    assert await stands(house, second) == (True, True)
    await second.says("START").sees("Marva")
    assert await stands(house, second) == (False, False)


async def test_changed_words_change_nothing_and_say_so(house: House, pair: tuple[Phone, Phone, Phone]) -> None:
    marva, _, _ = pair
    await marva.does(InboundKind.EDITED).sees("what you wrote first")


async def test_a_card_of_ones_own_is_proved_by_its_code(house: House, pair: tuple[Phone, Phone, Phone]) -> None:
    """rule 53: what the network vouches for is a number to write to, and no address yet."""
    marva, _, _ = pair
    third = house.phone("sms", "+18765550178")
    await marva.does(InboundKind.CONTACT, contact="+18765550178").sees("6-digit code")
    await third.sees("Your code is")
    assert await one(house, "SELECT count(*) FROM address WHERE party = 'sms\\:+18765550178'") == "0"
    await marva.does(InboundKind.CONTACT).sees("not show a number of your own")
