"""Taps on a network that waits to hear of them: each is answered once, an old button politely, and two are one act."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.words.catalogue import texts_of
from channels.base import Chat, Outcome, Refused, Retry, Sent
from domain.messages import LONGEST_TOAST, Outgoing, Tap
from domain.people import Language
from tests.flows.club import Club, begun, fetch
from tests.teller import House, open_house


@dataclass
class Network:
    """A chat that wants its taps answered, and keeps what it was told."""

    chat: Chat
    answers: list[Tap] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    """What the next answers come to."""

    def __post_init__(self) -> None:
        self.name, self.rate_per_second = self.chat.name, self.chat.rate_per_second

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        return await self.chat.send(address, message, key)

    async def answer(self, address: str, tap: Tap) -> Outcome:
        assert address == "5550103"
        self.answers.append(tap)
        return self.outcomes.pop(0) if self.outcomes else Sent(tap.id)

    async def heard(self, many: int) -> Tap:
        async with asyncio.timeout(30):
            while len(self.answers) < many:  # noqa: ASYNC110 - the relay rings for nobody here
                await asyncio.sleep(0.02)
        return self.answers[many - 1]


NETWORKS: dict[str, Network] = {}


def tapped(chat: Chat) -> Chat:
    return NETWORKS.setdefault(chat.name, Network(chat)) if chat.name == "telegram" else chat


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    NETWORKS.clear()
    async with open_house(database_url, network=tapped) as house:
        yield house


@pytest.fixture
async def club(house: House) -> Club:
    return await begun(house)


async def throws(club: Club) -> int:
    return int(str(await fetch(club.house, "SELECT count(*) FROM payment WHERE circle = :c", c=club.code)))


async def test_a_tap_is_answered_without_a_word_and_its_buttons_stay(house: House) -> None:
    club = await begun(house)
    keisha, network = club.phones[2], NETWORKS["telegram"]
    await keisha.says("MENU").sees("[")
    await keisha.taps("BALANCE", on="11").sees("J$5,000")
    assert await network.heard(1) == Tap(network.answers[0].id, "11")


async def test_an_answer_to_a_question_takes_its_buttons_away(club: Club) -> None:
    keisha, network = club.phones[2], NETWORKS["telegram"]
    await keisha.says("PAY").sees("J$5,000")
    await keisha.taps(keisha.last.options[0].id, on="11")
    tap = await network.heard(1)
    assert (tap.on, tap.text, tap.over) == ("11", "", True)


async def test_an_old_button_is_told_that_it_is_over_and_goes(club: Club) -> None:
    keisha, network = club.phones[2], NETWORKS["telegram"]
    await keisha.says("PAY").sees("J$5,000")
    old = next(m for m in reversed(keisha.messages) if m.options)
    await keisha.says("MENU").sees("[")
    keisha.messages.append(old)
    await keisha.taps(old.options[0].id, on="11").sees("question that is over")
    tap = await network.heard(1)
    assert (tap.on, tap.text, tap.over) == ("11", texts_of(Language.EN)["tap_over"], True)
    assert await throws(club) == 0


async def test_a_button_of_another_question_is_told_so_and_the_question_stays(club: Club) -> None:
    keisha, network = club.phones[2], NETWORKS["telegram"]
    await keisha.says("PAY").sees("J$5,000")
    old = next(m for m in reversed(keisha.messages) if m.options)
    await keisha.says("LANGUAGE").sees("language")
    keisha.messages.append(old)
    await keisha.taps(old.options[0].id, on="11").sees("language")
    assert (await network.heard(1)).text == texts_of(Language.EN)["tap_over"]
    await keisha.says("EN").sees("English")


async def test_a_tap_twice_is_one_act(club: Club) -> None:
    """Impatience throws once: the second tap on the same button is told so, and does nothing."""
    keisha, network = club.phones[2], NETWORKS["telegram"]
    await keisha.says("PAY").sees("J$5,000")
    while not await throws(club):
        option = next(m for m in reversed(keisha.messages) if m.options).options[0].id
        before = len(network.answers)
        async with club.house.closed_desk():
            await keisha.taps(option, on="11")
            await keisha.taps(option, on="11")
        await network.heard(before + 2)
        await club.house.rest()
        await keisha.look()
        assert [tap.text for tap in network.answers[before:]] == ["", texts_of(Language.EN)["tap_again"]]
    assert await throws(club) == 1


async def test_the_same_button_later_is_a_tap_again(club: Club) -> None:
    keisha = club.phones[2]
    await keisha.says("MENU").sees("[")
    menu = keisha.last
    await keisha.taps("BALANCE", on="11").sees("J$5,000")
    await club.house.pass_days(0.001)
    keisha.messages.append(menu)
    await keisha.taps("BALANCE", on="11").sees("J$5,000")


@pytest.mark.parametrize("outcome", [Refused("refused 400", "400"), Retry("throttled", 0.0)])
async def test_an_answer_that_is_not_taken_holds_nothing_up_and_calls_nobody(club: Club, outcome: Outcome) -> None:
    keisha, network = club.phones[2], NETWORKS["telegram"]
    network.outcomes = [outcome] * 9
    await keisha.says("MENU").sees("[")
    await keisha.taps("BALANCE", on="11").sees("J$5,000")
    await network.heard(1 if isinstance(outcome, Refused) else 3)
    await club.house.rest()
    assert await fetch(club.house, "SELECT state FROM outbox WHERE kind = 'tap'") == "dropped"


def test_what_is_shown_over_a_chat_is_short() -> None:
    for language in Language:
        assert all(len(texts_of(language)[name]) <= LONGEST_TOAST for name in ("tap_over", "tap_again"))
