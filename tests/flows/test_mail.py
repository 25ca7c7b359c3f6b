"""E-mail is a way to be reached and no conversation: linked by a code, told last, and ended by one click."""

from tests.flows.club import fetch, people
from tests.flows.test_people import link
from tests.teller import House


async def test_an_e_mail_address_is_added_by_the_code_that_went_to_it(house: House) -> None:
    [marva] = await people(house, 1)
    mail = house.phone("email", "marva@example.com")
    await marva.says(await link(marva, mail)).sees("is added", "e-mail m...@example.com")
    await mail.sees("this address is now yours")
    assert await fetch(house, "SELECT count(*) FROM address") == 2


async def test_the_last_address_that_can_talk_stays(house: House) -> None:
    [marva] = await people(house, 1)
    mail = house.phone("email", "marva@example.com")
    await marva.says(await link(marva, mail)).sees("is added")
    await marva.says("UNLINK WHATSAPP +18765550101").sees("only address")
    await marva.says("UNLINK EMAIL Marva@Example.com").sees("e-mail m...@example.com")
    await house.rest()
    assert await fetch(house, "SELECT count(*) FROM address") == 1
