"""A private chat on Telegram, from the update to the stand-in's answers; by web hook and by polling."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bot.words.catalogue import texts_of
from domain.people import Language
from tests.flows.club import rows
from tests.flows.telegram_town import BANKER, Town, open_town
from tests.standins import Heard
from tests.vendors import telegram_blocked, telegram_callback, telegram_person

HERE = str(BANKER)


@pytest.fixture(params=["hook", "polling"])
async def town(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Town]:
    async with open_town(database_url, polled=request.param == "polling") as opened:
        yield opened


async def taps(town: Town, on: Heard, place: int = 0) -> str:
    """Tap a key of a message; returns the id of the tap."""
    update = json.loads(telegram_callback(BANKER, on.options[place][0]).body)
    update["callback_query"]["message"]["message_id"] = int(on.provider_id)
    await town.gets(update)
    return str(update["callback_query"]["id"])


async def answered(town: Town, many: int) -> None:
    async with asyncio.timeout(30):
        while len(town.provider.answered) < many:  # noqa: ASYNC110 - the stand-in knows no events of ours
            await asyncio.sleep(0.02)


async def test_a_button_tapped_twice_joins_once(town: Town) -> None:
    await town.says(HERE, BANKER, f"/join {town.code}")
    asked = await town.hears("AGREE", HERE)
    first = await taps(town, asked)
    await town.hears("You are in", HERE)
    again = await taps(town, asked)
    await answered(town, 2)
    assert town.provider.toasts == {first: "", again: texts_of(Language.EN)["tap_again"]}
    assert (await rows(town.house, "SELECT count(*) FROM member"))[0][0] == 1
    assert town.provider.refused == []


async def test_the_button_of_a_question_that_is_over_says_so_and_goes(town: Town) -> None:
    await town.says(HERE, BANKER, "/new Monday Club; 5000 JMD")
    asked = await town.hears("How often", HERE)
    await town.says(HERE, BANKER, "/menu")
    await town.hears("Marva", HERE)
    tap = await taps(town, asked)
    await town.hears("question that is over", HERE)
    await answered(town, 1)
    assert town.provider.toasts == {tap: texts_of(Language.EN)["tap_over"]}
    assert town.provider.shut == [(HERE, asked.provider_id)]
    assert town.provider.refused == []


async def test_a_block_ends_the_address_and_what_follows_brings_it_back(town: Town) -> None:
    """my_chat_member, as Telegram tells it."""
    stands = f"SELECT stopped_at IS NOT NULL, gone FROM address WHERE party = 'telegram\\:{BANKER}'"

    async def until(expected: tuple[bool, bool]) -> None:
        for _ in range(600):
            if tuple((await rows(town.house, stands))[0]) == expected:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"it never stood at {expected}")

    update = json.loads(telegram_blocked(BANKER).body)
    await town.gets(update)
    await until((True, True))
    change = update["my_chat_member"]
    change["old_chat_member"], change["new_chat_member"] = change["new_chat_member"], change["old_chat_member"]
    await town.gets(update)
    await until((False, False))


async def test_changed_words_are_heard_and_change_nothing(town: Town) -> None:
    message = {"message_id": 77, "date": 1, "edit_date": 2, "chat": {"id": BANKER, "type": "private"}, "text": "PAY 1"}
    await town.gets({"edited_message": {**message, "from": telegram_person(BANKER)}})
    await town.hears("what you wrote first", HERE)
