"""The whole circle while the service is killed by SIGKILL again and again: it ends as if nothing had happened.

Nothing is handled twice, no payout goes out twice, a message is repeated once at most (rules.md 59), the ledger
proves itself, and every balance is zero (tests/e2e/books.py).
"""

from collections.abc import Sequence

import pytest

from tests.e2e.books import prove
from tests.e2e.circle import play
from tests.e2e.providers import Providers
from tests.e2e.service import Service
from tests.e2e.town import open_town
from tests.faults.conftest import Hire
from tests.faults.killer import killing

PLAN = [
    # while people come, each step is many small turns
    "after-filing:3",
    "before-the-desk-commits:3",
    "after-the-desk-commits:3",
    "after-sending:4",
    "before-noting-commits:5",
    "before-filing:4",
    "after-noting-commits:5",
    "after-sending:5",
    "before-the-desk-commits:7",
    "after-filing:6",
    "after-the-desk-commits:7",
    # from the first round on, money moves
    "after-collecting:1",
    "before-paying-out:1",
    "after-looking-up:1",  # it was never taken
    "after-paying-out:1",
    "after-looking-up:1",  # it was taken
    "before-the-clock-moves:1",
    "before-duties-commit:1",
    "after-sending:9",
    "before-noting-commits:9",
]


@pytest.mark.timeout(240)
async def test_killed_twenty_times_at_chosen_points(services: Hire, providers: Providers, database_url: str) -> None:
    """After filing, before and after the commits, after sending but before noting it, and around every payout."""
    hired = services(1)
    async with open_town(providers, [s.url for s in hired]) as town, killing(hired, town, PLAN) as killer:
        code = await play(town)
        await town.rest()
    assert killer.kills == PLAN
    await prove(database_url, town, code, kills=len(PLAN))


@pytest.mark.timeout(240)
async def test_two_of_every_role_killed_at_random(services: Hire, providers: Providers, database_url: str) -> None:
    """One of two processes is killed twenty times, while the other goes on."""
    await killed_at_random(services(2), providers, database_url, times=20, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_killed_at_random_for_long(
    services: Hire, providers: Providers, database_url: str, number: int, seed: int
) -> None:
    """One, two or three processes with every role, killed thirty times."""
    await killed_at_random(services(number), providers, database_url, times=30, seed=seed)


async def killed_at_random(hired: Sequence[Service], providers: Providers, url: str, *, times: int, seed: int) -> None:
    async with (
        open_town(providers, [s.url for s in hired]) as town,
        killing(hired, town, at_random=times, seed=seed) as killer,
    ):
        code = await play(town)
        await town.rest()
    assert len(killer.kills) == times
    await prove(url, town, code, kills=times, each=2)
