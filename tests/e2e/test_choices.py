"""One and the same choice, in the form of each network, and answered in its way."""

import pytest

from tests.e2e.circle import found, onboard
from tests.e2e.town import Person, Town


@pytest.fixture
def marva(town: Town) -> Person:
    return town.five[0]


@pytest.fixture
def devon(town: Town) -> Person:
    return town.five[1]


@pytest.fixture
def keisha(town: Town) -> Person:
    return town.five[2]


async def test_whatsapp_shows_reply_buttons_for_a_short_choice(marva: Person) -> None:
    await marva.says("hello").sees("name")
    asked = await marva.says(marva.name).sees("agree")
    assert asked.raw["interactive"]["type"] == "button"
    titles = [button["reply"]["title"] for button in asked.raw["interactive"]["action"]["buttons"]]
    assert titles == ["I agree", "Not now"]
    await marva.taps("I agree").sees("language")


async def test_whatsapp_shows_a_list_for_a_long_choice(marva: Person, town: Town) -> None:
    for person in town.five:
        await onboard(person)
    await found(town)
    menu = await marva.says("MENU").sees("Marva")
    assert menu.raw["interactive"]["type"] == "list"
    assert 4 <= len(menu.options) <= 10
    await marva.taps("My circles").sees("Sunday Club")


async def test_telegram_shows_an_inline_keyboard(keisha: Person) -> None:
    await keisha.says("/start").sees("name")
    asked = await keisha.says(keisha.name).sees("agree")
    keys = [key["text"] for row in asked.raw["reply_markup"]["inline_keyboard"] for key in row]
    assert keys == ["I agree", "Not now"]
    await keisha.taps("I agree").sees("language")
    await keisha.taps("English").sees("You are in")


async def test_sms_shows_numbers_and_takes_them(devon: Person) -> None:
    await devon.says("hello").sees("name")
    asked = await devon.says(devon.name).sees("agree")
    assert asked.text.splitlines()[-2:] == ["1 I agree", "2 Not now"]
    assert len(asked.text) <= 306
    await devon.says("1").sees("language", "1 English", "2 Patwa")
    await devon.says("2").sees("Yuh deh in")


async def test_a_button_of_long_ago_still_means_what_it_says(marva: Person) -> None:
    """Buttons stay on the screen: a tap on an old one is the word that it stood for."""
    await onboard(marva)
    await marva.says("MENU").sees("no circle yet")
    old = marva.taps("Start a circle")
    await marva.says("BALANCE").sees()
    await marva.says("LANGUAGE").sees("language")
    await old.sees("circle's name")


async def test_each_is_answered_on_the_network_they_wrote_on_and_nowhere_else(town: Town) -> None:
    for person in town.five[:3]:
        await onboard(person)
    for person in town.five[:3]:
        assert {heard.address for heard in town.providers.of(person.channel).heard} == {person.address}
