"""A circle's group on Telegram hears what is public, from a real adapter on a stand-in; by web hook and by polling."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.schedule import JAMAICA
from tests.flows.club import NAMES, rows
from tests.flows.telegram_town import BANKER, GROUP, Town, open_town
from tests.standins import Fault


@pytest.fixture(params=["hook", "polling"])
async def town(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Town]:
    async with open_town(database_url, polled=request.param == "polling") as opened:
        yield opened


async def test_the_banker_links_the_group_they_administer_and_it_hears_what_is_public(town: Town) -> None:
    how = await town.phones[0].says(f"GROUP {town.code}").sees("administrator")
    assert f"https://t.me/PardnaBot?startgroup={town.code}" in how.text
    town.provider.admins[GROUP] = [BANKER]
    await town.says(GROUP, BANKER, f"/start@PardnaBot {town.code}")
    await town.hears("This group now hears the news of Sunday Club")
    assert await town.linked() == f"telegram:{GROUP}"
    await town.phones[0].says(f"GROUP {town.code}").sees("A group hears the news")
    await town.begin()
    await town.hears("is full")
    await town.hears("round 1 of 2 is open")
    for phone in town.phones:
        await phone.says(f"PAY SANDBOX {town.code}").sees("R-")
    await town.house.rest()
    said = "\n".join(town.provider.texts(GROUP))
    assert not any(name.split()[0] in said for name in NAMES)
    assert all(heard.options == () for heard in town.provider.of(GROUP))
    assert "J$5,000" in said  # the hand, which the invitation's page shows to everybody
    assert "J$10,000" not in said
    assert "R-" not in said
    assert [status for status, _ in town.provider.refused] == []


async def test_a_round_that_opens_at_night_is_told_in_the_morning(town: Town) -> None:
    town.provider.admins[GROUP] = [BANKER]
    await town.says(GROUP, BANKER, f"/group {town.code}")
    await town.hears("This group now hears")
    await town.begin()
    await town.hears("round 1 of 2 is open")
    asked = await rows(town.house, "SELECT not_before FROM outbox WHERE key LIKE '%\\:g\\:%'")
    await town.house.pass_days(1.2)
    assert all(8 <= at.astimezone(JAMAICA).hour < 20 for (at,) in asked)
    await town.hears("round 2 of 2 is open")
    asked = await rows(town.house, "SELECT not_before FROM outbox WHERE key LIKE '%\\:g\\:%'")
    assert all(8 <= at.astimezone(JAMAICA).hour < 20 for (at,) in asked)


async def test_who_does_not_administer_the_group_is_told_so_alone(town: Town) -> None:
    town.provider.admins[GROUP] = [7]
    await town.says(GROUP, BANKER, f"/start@PardnaBot {town.code}")
    await town.hears("does not show you as an administrator", str(BANKER))
    assert await town.linked() is None
    assert town.provider.texts(GROUP) == []


async def test_who_is_not_the_banker_links_nothing_and_is_told_once_to_write_alone(town: Town) -> None:
    """rule 57: whatever is said to us there is not taken, a TRN least of all."""
    town.provider.admins[GROUP] = [7, BANKER]
    await town.says(GROUP, 7, f"/start@PardnaBot {town.code}")
    await town.says(GROUP, 7, "/trn@PardnaBot 123456789")
    await town.says(GROUP, 7, "/balance@PardnaBot")
    await town.says(GROUP, 8, "/balance@PardnaBot")
    await town.says(GROUP, 9, "good morning all")
    async with asyncio.timeout(30):
        while len(town.provider.texts(GROUP)) < 2:  # noqa: ASYNC110 - the stand-in knows no events of ours
            await asyncio.sleep(0.05)
    await town.house.rest()
    assert await town.linked() is None
    assert town.provider.texts(GROUP) == ["I speak about money in private only. Write to me there."] * 2
    bodies = await rows(town.house, "SELECT count(*) FROM trn WHERE last3 = '789' AND state = 'STATED'")
    assert bodies[0][0] == 0


async def test_a_group_is_unlinked_when_the_bot_is_removed(town: Town) -> None:
    town.provider.admins[GROUP] = [BANKER]
    await town.says(GROUP, BANKER, f"/start@PardnaBot {town.code}")
    await town.hears("This group now hears")
    await town.membership("kicked")
    await town.phones[0].sees("no longer in the group")
    assert await town.linked() is None


async def test_a_group_that_refuses_us_is_unlinked(town: Town) -> None:
    town.provider.admins[GROUP] = [BANKER]
    await town.says(GROUP, BANKER, f"/start@PardnaBot {town.code}")
    await town.hears("This group now hears")
    town.provider.blocked.add(GROUP)
    await town.begin()
    assert await town.linked() is None


async def test_a_group_that_becomes_a_supergroup_is_followed(town: Town) -> None:
    town.provider.admins[GROUP] = [BANKER]
    await town.says(GROUP, BANKER, f"/start@PardnaBot {town.code}")
    await town.hears("This group now hears")
    town.provider.moved[GROUP] = "-1009"
    await town.begin()
    await town.hears("round 1 of 2 is open", "-1009")
    assert await town.linked() == "telegram:-1009"


async def test_the_banker_ends_it_by_a_word(town: Town) -> None:
    town.provider.admins[GROUP] = [BANKER]
    await town.phones[0].says(f"GROUP {town.code} OFF").sees("No group hears")
    await town.says(GROUP, BANKER, f"/start@PardnaBot {town.code}")
    await town.hears("This group now hears")
    await town.phones[0].says(f"GROUP {town.code} OFF").sees("hears no more of")
    await town.begin()
    assert len(town.provider.texts(GROUP)) == 1


async def test_the_wait_that_telegram_asks_for_a_group_is_kept(town: Town) -> None:
    town.provider.admins[GROUP] = [BANKER]
    await town.says(GROUP, BANKER, f"/start@PardnaBot {town.code}")
    await town.hears("This group now hears")
    town.provider.misbehave(Fault.THROTTLED, to=GROUP)
    began = asyncio.get_running_loop().time()
    await town.begin()
    await town.hears("round 1 of 2 is open")
    assert asyncio.get_running_loop().time() - began >= 3
    said = town.provider.texts(GROUP)
    assert len(said) == len(set(said))
