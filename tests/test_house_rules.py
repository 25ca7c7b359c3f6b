"""What the operator may set of limits and times: read, checked, shown, and what follows from it."""

import re
from argparse import Namespace
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from bot.app import make_routes
from bot.commands.checks import doctor
from bot.config import Settings, SettingsError
from bot.house_rules import RULES, shown
from bot.place import jamaican_calendar
from channels.payout_files.instruction import Unwritable, read
from domain.clearing import Method, choose, execution_date
from domain.house import BUILT_IN, HouseRules
from domain.money import Currency, Money
from domain.schedule import JAMAICA
from tests.flows.club import begun, clerk, monday
from tests.flows.test_rails import ROUTES, Cards
from tests.teller import open_house
from tests.test_docs import quoted, section, table

ALL = """
[cash]
most = 500000
watched = 800000

[exchange]
quote_minutes = 60
rate_days = 1
rate_unknown = 170.5

[payouts]
ach_most = 2000000
ach_cut_off = 13:30:00
rtgs_cut_off = 15:00:00
wallet_most = 100000

[calendar]
closed = [2026-11-24]
open = [2026-12-26]
"""
Rules = Callable[[str], Settings]


def jmd(dollars: int) -> Money:
    return Money(dollars * 100, Currency.JMD)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rules:
    """Read the settings with a file of rules."""

    def read_them(text: str) -> Settings:
        file = tmp_path / "rules.toml"
        file.write_text(text)
        monkeypatch.setenv("PARDNA_RULES", str(file))
        return Settings.read(None)

    return read_them


def test_without_a_file_all_is_as_built_in() -> None:
    assert Settings(_env_file=None, pardna_rules=None).rules == BUILT_IN


def test_a_file_sets_what_it_names_and_leaves_the_rest(reading: Rules) -> None:
    assert reading("[cash]\nmost = 500000\n").rules == HouseRules(cash_most=jmd(500_000))
    assert reading(ALL).rules == HouseRules(
        cash_most=jmd(500_000),
        cash_watched=jmd(800_000),
        quote_lasts=timedelta(hours=1),
        rate_lasts=timedelta(days=1),
        rate_unknown=1_705_000,
        ach_most=jmd(2_000_000),
        ach_cut_off=time(13, 30),
        rtgs_cut_off=time(15),
        wallet_most=jmd(100_000),
        closed=frozenset({date(2026, 11, 24)}),
        opened=frozenset({date(2026, 12, 26)}),
    )
    assert not any(built_in for _, _, built_in in shown(reading(ALL).rules))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cash = 5", "cash is not known; there are cash.most, "),
        ("[cash]\nmots = 5", "cash.mots is not known"),
        ("[cash]\nmost = -1", "cash.most: write whole Jamaican dollars"),
        ("[cash]\nmost = 1.5", "cash.most: write whole Jamaican dollars"),
        ("[cash]\nmost = true", "cash.most: write whole Jamaican dollars"),
        ("[cash]\nmost = 2000000", "cash.most: it must not be above cash.watched"),
        ("[exchange]\nquote_minutes = 5", "exchange.quote_minutes: write minutes from 30 to 1380"),
        ("[exchange]\nrate_days = 0", "exchange.rate_days: write days from 1 to 31"),
        ("[exchange]\nrate_unknown = 7", "exchange.rate_unknown: write J$ for US$1"),
        ('[payouts]\nach_cut_off = "noon"', "payouts.ach_cut_off: write a time such as 13:30:00"),
        ('[calendar]\nclosed = ["Friday"]', "calendar.closed: write days such as"),
        ("[calendar]\nclosed = [2026-11-24]\nopen = [2026-11-24]", "calendar: 2026-11-24 cannot be both"),
        ("[cash\n", "is not TOML"),
    ],
)
def test_a_slip_stops_the_start_with_a_line_that_says_what_to_write(reading: Rules, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        reading(text)
    (line,) = caught.value.faults
    assert line.startswith("PARDNA_RULES: ")
    assert said in line


def test_every_slip_is_named_at_once(reading: Rules) -> None:
    with pytest.raises(SettingsError) as caught:
        reading('[cash]\nmost = "x"\n[exchange]\nrate_days = 99\n')
    assert len(caught.value.faults) == 2


def test_payouts_go_by_the_rules_set(reading: Rules) -> None:
    rules = reading(ALL).rules
    calendar = jamaican_calendar(2026, rules)
    assert choose(jmd(1_500_000), rules) is Method.ACH
    assert choose(jmd(1_500_000)) is Method.RTGS
    noon = datetime(2026, 11, 23, 12, 30, tzinfo=JAMAICA)
    assert execution_date(noon, Method.ACH, calendar, rules) == date(2026, 11, 23)
    assert execution_date(noon.replace(hour=14), Method.RTGS, calendar, rules) == date(2026, 11, 23)
    late = noon.replace(hour=16)
    assert execution_date(late, Method.RTGS, calendar, rules) == date(2026, 11, 25)  # the 24th is closed
    assert not jamaican_calendar(2026, BUILT_IN).is_business_day(date(2026, 12, 25))
    order = {"amount": 150_000_00, "currency": "JMD", "payee_name": "K", "account": "@keisha"}
    assert read(order, wallet=True).method is Method.LIST
    with pytest.raises(Unwritable, match=r"J\$100,000 at most"):
        read(order, wallet=True, rules=rules)


def test_a_draw_to_a_wallet_goes_in_parts_of_what_is_set(reading: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LYNK_HANDLE", "@pardna")
    assert make_routes(reading(ALL))["LYNK"].most_out == 100_000_00


async def test_cash_and_quotes_go_by_the_rules_set(database_url: str) -> None:
    rules = HouseRules(cash_most=jmd(3_000), cash_watched=jmd(4_000), quote_lasts=timedelta(minutes=90))
    async with open_house(
        database_url, at=monday(), routes=ROUTES, carriers={"stripe": Cards()}, holidays=frozenset(), rules=rules
    ) as house:
        club = await begun(house, 3)
        marva, devon, _ = club.phones
        await marva.says(f"CASH Devon 5000 {club.code}").sees("too much cash at once", "J$3,000 at most")
        admin = await clerk(house)
        await marva.says(f"CASH Devon 2500 {club.code}").sees("is counted")
        await marva.says(f"CASH Keisha 2500 {club.code}").sees("is counted")
        await admin.sees("cash of J$5,000 within a week")
        await admin.says("RATE 160").sees("J$160")
        await devon.says("PAY 2500 USCARD").sees("good for 90 minutes")


async def test_doctor_shows_each_rule_and_which_are_set(
    reading: Rules, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = reading("[cash]\nmost = 500000\n[calendar]\nclosed = [2026-11-24]\n")
    await doctor(settings.model_copy(update={"pardna_home": tmp_path}), Namespace())
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("rule ")]
    assert len(said) == len(RULES)
    assert {"rule cash.most: J$500,000.00 (set)", "rule calendar.closed: 2026-11-24 (set)"} <= set(said)
    assert "rule payouts.ach_cut_off: 12:00:00" in said


def test_the_documents_list_each_rule_with_its_built_in_value() -> None:
    told = {quoted(row[0])[0]: row[1] for row in table(section("docs/operating.md", "## Limits and times"))}
    assert told == {name: re.sub(r"\.00$", "", value) for name, value, _ in shown(BUILT_IN)}
