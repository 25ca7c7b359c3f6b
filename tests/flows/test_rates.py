"""Two currencies: rates by RATE or from a file, quotes that end, and dollars that are more or less than was asked."""

import argparse
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.commands.rates import import_rates
from bot.config import Settings
from domain.schedule import JAMAICA
from storage.vault import new_keys
from tests.flows.cards import Stripe, open_stripe, standing
from tests.flows.club import begun, clerk, fetch, rows


@pytest.fixture
async def stripe(database_url: str) -> AsyncIterator[Stripe]:
    async with open_stripe(database_url) as stripe:
        yield stripe


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(_env_file=None, database_url=database_url, pardna_keys=new_keys(), pardna_home=tmp_path)


def file(tmp_path: Path, *lines: str, head: str = "currency,rate,valid_from") -> argparse.Namespace:
    path = tmp_path / "rates.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return argparse.Namespace(file=str(path))


async def test_rates_of_a_file_count_from_their_time_on(
    stripe: Stripe, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    now = house.clock.now().astimezone(JAMAICA)
    later = now + timedelta(days=1)
    told = file(tmp_path, f"USD,155.25,{now - timedelta(minutes=1):%Y-%m-%dT%H:%M}", f"usd,160,{later.isoformat()}")
    assert await import_rates(settings, told) == 0
    assert "2 rates read, 2 new, 0 already there.\nUS$1 is J$155.25 from" in capsys.readouterr().out
    assert await import_rates(settings, told) == 0
    assert "2 rates read, 0 new, 2 already there." in capsys.readouterr().out
    await finance.says("RATE").sees("US$1 is J$155.25")
    await devon.says("PAY 5000 USCARD").sees("US$32.21 at J$155.25")
    await house.go_to(later)
    await finance.says("RATE").sees("US$1 is J$160")
    await finance.says("RATE 158").sees("From now on US$1 is J$158")
    await devon.says("PAY 5000 USCARD").sees("US$31.65 at J$158")
    await house.pass_days(3.1)
    await devon.says("PAY 5000 USCARD").sees("needs today's rate")
    await house.books_are_right()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["USD,15.525,2027-01-04"], "line 2: '15.525' is no rate from 50 to 500"),
        (["USD,155.25,2027-01-04", "", "USD,1e3,2027-01-05"], "line 4: '1e3' is no rate"),
        (["USD,155.25,04/01/2027"], "line 2: '04/01/2027' is no day or time such as 2027-01-04"),
        (["EUR,170,2027-01-04"], "line 2: a rate is of USD"),
        (["USD,155.25"], "line 2 has 2 columns"),
        (["USD,155.25,2027-01-04", "USD,156,2027-01-04T00:00"], "line 3 says another rate for the same time"),
        ([], "it holds no rate"),
    ],
)
async def test_a_file_that_is_wrong_anywhere_changes_nothing(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], says: str
) -> None:
    assert await import_rates(settings, file(tmp_path, *lines)) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.endswith("; nothing was taken\n")
    assert error.count("\n") == 1


async def test_a_file_names_its_columns(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await import_rates(settings, file(tmp_path, "USD,155.25", head="currency,rate")) == 1
    assert "lacks valid_from" in capsys.readouterr().err


async def test_a_file_takes_back_no_rate_that_is_kept(
    stripe: Stripe, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await import_rates(settings, file(tmp_path, "USD,155.25,2027-01-04")) == 0
    assert await import_rates(settings, file(tmp_path, "USD,155,2027-01-05", "USD,156,2027-01-04")) == 1
    assert "US$1 is J$155.25 from 2027-01-04 00:00 already" in capsys.readouterr().err
    assert await rows(stripe.house, "SELECT jmd_per_usd FROM rate") == [(1_552_500,)]
    assert await import_rates(settings, argparse.Namespace(file=str(tmp_path / "none.csv"))) == 2


async def test_a_file_with_semicolons_and_other_columns_is_read(settings: Settings, tmp_path: Path) -> None:
    told = file(tmp_path, "2027-01-04;BOJ;155,25;USD", head="Valid_From;Source;Rate;Currency")
    assert await import_rates(settings, told) == 1  # 155,25 reads as 15525
    told = file(tmp_path, "2027-01-04;BOJ;155.25;USD", head="Valid_From;Source;Rate;Currency")
    assert await import_rates(settings, told) == 0


# -- a quote ----------------------------------------------------------------------------------------------------------


async def test_a_quote_ends_and_dollars_that_come_later_count_at_the_rate_of_then(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    await finance.says("RATE 155.25").sees("J$155.25")
    await devon.says("PAY 5000 USCARD").sees("J$5,000 is US$32.21 at J$155.25", "good for 30 minutes")
    await house.rest()
    receipt = str(await fetch(house, "SELECT receipt FROM payment"))
    await house.pass_days(31 / 24 / 60)
    await finance.says("RATE 150").sees("J$150")
    await stripe.pays_page(receipt)
    await devon.sees("you asked to throw J$5,000 and J$4,831.50 came", "Still to throw: J$168.50")
    assert await standing(house, f"circle:{club.code}:pot:1") == 483_150
    await stripe.right()


async def test_a_quote_keeps_its_rate_while_it_is_good(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    await finance.says("RATE 155.25").sees("J$155.25")
    receipt = await stripe.asks(devon, "PAY 5000 USCARD")
    await finance.says("RATE 150").sees("Quotes that were given keep their rate")
    await stripe.pays_page(receipt)
    await devon.sees("J$5,000 from Devon")
    await stripe.right()


async def test_dollars_that_come_late_count_at_their_quote_when_the_rate_of_now_is_too_old(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    await finance.says("RATE 155.25").sees("J$155.25")
    receipt = await stripe.asks(devon, "PAY 5000 USCARD")
    await finance.says("RATE 100").sees("J$100")
    await house.pass_days(3.1)
    await stripe.pays_page(receipt)
    await devon.sees("J$5,000.60 came")
    await stripe.right()


@pytest.mark.parametrize(
    ("cents", "came", "ends"),
    [(4_000, "J$6,210", "Credit J$1,210"), (1_000, "J$1,552.50", "Still to throw: J$3,447.50")],
)
async def test_more_or_less_dollars_than_were_asked_for_count_at_the_quote(
    stripe: Stripe, cents: int, came: str, ends: str
) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    await finance.says("RATE 155.25").sees("J$155.25")
    receipt = await stripe.asks(devon, "PAY 5000 USCARD")
    session = next(s for s in stripe.account.of_kind("checkout.session") if s["metadata"].get("receipt") == receipt)
    session["amount_total"] = cents  # a stand-in for what only a transfer could do
    await stripe.account.pay(session["id"])
    await stripe.tells()
    await devon.sees(f"you asked to throw J$5,000 and {came} came", ends)
    await stripe.right()
