"""Deep links: an invitation opens our bot on Telegram, and the code that comes back with `/start` begins joining."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.club import new_circle, people
from tests.teller import House, open_house


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, bot="PardnaBot") as house:
        yield house


async def test_an_invitation_holds_the_link_that_opens_the_bot_and_joins(house: House) -> None:
    marva, devon, keisha = await people(house, 3)
    code = await new_circle(house, marva, 3)
    link = f"https://t.me/PardnaBot?start={code}"
    assert link in (await marva.says(f"INVITE {code}").sees("Pass this on")).text
    await keisha.says(f"/start {code}").sees("AGREE")
    await keisha.says("AGREE").sees("has been asked")
    await marva.says(f"APPROVE {code} ALL").sees("in")
    await devon.says(f"JOIN {code}").sees("AGREE")
    await devon.says("AGREE").sees("has been asked")
    await marva.says(f"APPROVE {code} ALL").sees("in")
    by_sms = await devon.says(f"INVITE {code}").sees("Pass this on")
    assert "t.me" not in by_sms.text  # each segment costs, and the page has the link


async def test_a_newcomer_who_came_by_the_link_joins_after_the_first_chat(house: House) -> None:
    (marva,) = await people(house, 1)
    code = await new_circle(house, marva, 2)
    andre = house.phone("telegram", "5550177", "Andre")
    await andre.says(f"/start {code}").sees("What name")
    await andre.says("Andre Wright").sees("agree")
    await andre.taps("I agree").sees("language")
    await andre.says("EN").sees("AGREE")


async def test_a_start_that_names_no_circle_is_a_greeting(house: House) -> None:
    _, _, keisha = await people(house, 3)
    await keisha.says("/start something_else-7").sees("Keisha")
