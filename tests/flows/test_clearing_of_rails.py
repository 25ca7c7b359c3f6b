"""A carrier's account against its statements, while money is on its way between the two."""

from collections.abc import AsyncIterator

import pytest

from domain.matching import StatementBalance
from domain.money import Currency
from domain.schedule import local_date
from storage import ledger, statements
from tests.flows.club import account, begun, fetch, monday
from tests.flows.test_month import Banks
from tests.flows.test_rails import ROUTES, tell
from tests.teller import House, open_house

FUND, POT = 10_000_000, 1_500_000


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, at=monday(), routes=ROUTES, holidays=frozenset()) as house:
        yield house


async def clearing(house: House, banks: Banks) -> tuple[int, int]:
    """Take the bank's closing balance of today; return what is on the way and what differs."""
    today = local_date(house.clock.now())
    told = StatementBalance("404", Currency.JMD, today, banks.stands_at("ncb"))
    async with house.engine.begin() as conn:
        await statements.note_balances(conn, "ncb", [told])
        (one,) = await ledger.clearing(conn)
    assert one.as_of == today
    return one.on_the_way, one.difference


async def test_a_payout_is_on_its_way_until_the_bank_shows_it_and_not_for_ever(house: House) -> None:
    banks = Banks(house)
    banks.line("ncb", FUND, "OWN FUNDS")
    await banks.imported("ncb")
    club = await begun(house, 3)
    await account(house, club.banker)
    await club.pay(*club.phones)
    assert await clearing(house, banks) == (0, 0)
    ref = await club.pay_out()
    assert await clearing(house, banks) == (0, 0)  # held, not gone
    payout = str(await fetch(house, "SELECT id FROM payout"))
    await tell(house, "disbursed", payout_id=payout, provider_id="FT1", charge=0)
    assert await clearing(house, banks) == (POT, 0)
    await house.pass_days(3)
    assert await clearing(house, banks) == (POT, 0)
    await house.pass_days(4)
    assert await clearing(house, banks) == (0, -POT)  # the bank said it was paid, and it never left
    banks.line("ncb", -POT, f"PAYMENT {ref.replace('-', '')} {payout}")
    await banks.imported("ncb")
    assert await clearing(house, banks) == (0, 0)
    await club.right()
