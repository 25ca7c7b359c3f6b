"""Orders to pay that were given up: an operator sends one again under its key, and never one that is over."""

from argparse import Namespace
from collections.abc import AsyncIterator

import pytest

from bot.commands.given_up import drop_dead, list_dead, retry_dead
from bot.config import Settings
from storage import payout_files
from storage.payout_files import Order
from tests.flows.club import Club, account, begun, clerk, execute, fetch, monday
from tests.flows.test_rails import ROUTES, bank, proved, tell
from tests.teller import House, open_house

REASON = "the branch is missing"


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """NCB has no interface: it is paid by file, and no relay takes an order to it."""
    async with open_house(database_url, at=monday(), routes=ROUTES, holidays=frozenset()) as house:
        line = {"carrier": "ncb", "currency": "JMD", "booked": "2027-01-04"}
        await tell(house, "line", line_id="fund", amount=100_000_00, hint="interest", **line)
        yield house


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(_env_file=None, database_url=database_url)


async def waiting(house: House) -> list[Order]:
    """Return what an export would take now, and leave it."""
    async with house.engine.connect() as conn:
        return await payout_files.take(conn, house.vault, "ncb", house.clock.now())


async def given_up(house: House) -> Order:
    """Have the export leave out the order that waits."""
    async with house.engine.begin() as conn:
        (order,) = await payout_files.take(conn, house.vault, "ncb", house.clock.now())
        await payout_files.refuse(conn, house.vault, [(order, REASON)], house.clock.now())
    await house.rest()
    return order


async def drawn(house: House) -> tuple[Club, str]:
    """Return a circle whose first draw was given up on its way to NCB, and the payout's id."""
    club = await begun(house, 3)
    await account(house, club.banker)
    await club.pay(*club.phones)
    await club.pay_out()
    await given_up(house)
    assert await fetch(house, "SELECT state FROM payout") == "FAILED"
    return club, str(await fetch(house, "SELECT id FROM payout"))


async def test_a_payout_by_file_that_was_given_up_is_listed_and_sent_again_under_its_key(
    house: House, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    club, payout = await drawn(house)
    capsys.readouterr()
    assert await list_dead(settings, Namespace()) == 1
    listed, counted = capsys.readouterr().out.splitlines()[-2:]
    number, *said = listed.split("  ")
    assert said == ["ncb", "disburse", f"payout:{payout}", "tries 1", REASON]
    assert counted == "1 dead."
    assert await retry_dead(settings, Namespace(id=int(number))) == 0
    assert await list_dead(settings, Namespace()) == 0
    (again,) = await waiting(house)
    assert again.key == f"payout:{payout}"
    assert await retry_dead(settings, Namespace(id=int(number))) == 1  # it is on its way
    await tell(house, "disbursed", payout_id=payout, provider_id="FT1", charge=0)
    await tell(house, "disbursed", payout_id=payout, provider_id="FT1", charge=0)
    assert await club.banker.saw("sent to NCB ...5678")
    assert await fetch(house, "SELECT balance FROM ledger_account WHERE name = 'rail:ncb:JMD'") == 85_000_00
    await proved(house)


async def test_a_payout_that_goes_elsewhere_by_now_is_not_sent_again_to_where_it_went(
    house: House, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """rule 37: there is never a second payout."""
    club, payout = await drawn(house)
    dead = int(str(await fetch(house, "SELECT id FROM outbox WHERE kind = 'disburse'")))
    await account(house, club.banker, "87654321")
    await execute(house, "UPDATE destination SET set_at = :at", at=house.clock.now())
    await club.banker.says(f"PAY OUT {club.code}").sees("second yes", "...4321")
    capsys.readouterr()
    assert await retry_dead(settings, Namespace(id=dead)) == 1
    assert "pardna outbox drop" in capsys.readouterr().err
    assert await waiting(house) == []
    await execute(house, "UPDATE destination SET set_at = set_at - interval '2 days'")
    ref = str(await fetch(house, "SELECT ref FROM payout WHERE state = 'ASKED'"))
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await house.rest()
    assert await retry_dead(settings, Namespace(id=dead)) == 1
    anew = await fetch(house, "SELECT id FROM payout WHERE state = 'SENDING'")
    assert anew != payout
    assert [order.key for order in await waiting(house)] == [f"payout:{anew}:2"]


async def test_a_refund_that_failed_is_the_member_s_credit_and_not_sent_again(house: House, settings: Settings) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    await account(house, devon)
    await devon.says("PAY 5000 NCB").sees("R-")
    await house.rest()
    receipt = str(await fetch(house, "SELECT receipt FROM payment"))
    await tell(house, "collected", **bank(receipt, 500_000, "line-1"))
    finance = await clerk(house)
    await finance.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await house.rest()
    order = await given_up(house)
    assert await fetch(house, "SELECT state FROM refund") == "FAILED"
    assert await retry_dead(settings, Namespace(id=order.outbox_id)) == 1
    assert await waiting(house) == []
    assert await drop_dead(settings, Namespace(id=order.outbox_id)) == 0
    await proved(house)


async def test_an_order_waits_while_its_payee_s_draws_rest_and_nobody_sends_it_again(house: House) -> None:
    """rules 34, 54: what was approved before leaves no more than what is approved after."""
    club = await begun(house, 3)
    await account(house, club.banker)
    finance = await clerk(house)
    await club.pay(*club.phones)
    await club.pay_out()
    assert len(await waiting(house)) == 1
    await finance.says("FREEZE Marva Brown; SIM change reported").sees("Nothing is sent to Marva Brown")
    assert await waiting(house) == []
    await finance.says("UNFREEZE Marva Brown; spoke to her").sees("can be sent money again")
    await given_up(house)
    await finance.says("FREEZE Marva Brown; again").sees("Nothing is sent to Marva Brown")
    await club.banker.says(f"PAY OUT {club.code}").sees("cannot be sent yet")
    case = await fetch(house, "SELECT ref FROM ticket WHERE kind = 'payout' AND closed_at IS NULL")
    await finance.says(f"CASE {case} NO").sees("cannot be sent yet")
    assert await fetch(house, "SELECT state FROM payout") == "FAILED"
    await finance.says("UNFREEZE Marva Brown; spoke to her").sees("can be sent money again")
    await finance.says(f"CASE {case} NO").sees("stays")
    await house.rest()
    assert len(await waiting(house)) == 1
    await proved(house)
