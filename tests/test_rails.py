"""The rails of the settings: which are on and why, what is half set, and what `doctor` says."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot import rails
from bot.config import Settings, SettingsError
from bot.conversations.throwing import RAIL_WORDS
from bot.web.hooks import PATHS
from channels.base import HookRequest, Unreadable
from channels.http import Http
from channels.payout_files.listing import LAYOUTS
from channels.statements import maps
from domain.payments import TRANSFER_CARRIERS, WALLETS

NCB = {"NCB_ACCOUNT": "404012345"}
API = {"NCB_API_URL": "https://bank.example", "NCB_API_KEY": "hush-key", "NCB_HOOK_SECRET": "hush-a, hush-b"}
GATEWAY = {
    "POWERTRANZ_ID": "88800001",
    "POWERTRANZ_PASSWORD": "hush-gateway",
    "POWERTRANZ_CARRIER": "scotia",
    "POWERTRANZ_PAGE_SET": "PTZ/pardna",
    "POWERTRANZ_PAGE_NAME": "card",
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def read(monkeypatch: pytest.MonkeyPatch, *groups: dict[str, str], **more: str) -> Settings:
    for group in (*groups, more):
        for name, value in group.items():
            monkeypatch.setenv(name, value)
    return Settings.read()


@pytest.mark.parametrize(
    ("given", "carriers", "has_api"),
    [
        ({}, [], False),
        (NCB, ["ncb"], False),
        (API, ["ncb"], True),
        (NCB | API, ["ncb"], True),
        ({"LYNK_HANDLE": "@digitalpardna"}, ["lynk"], False),
        ({"SCOTIA_ACCOUNT": "50012345", "LYNK_ACCOUNT": "876-555-0142"}, ["scotia", "lynk"], False),
        ({"NCB_HOOK_SECRET": "hush"}, [], False),
    ],
)
def test_a_rail_is_on_with_an_account_or_an_api(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], carriers: list[str], has_api: bool
) -> None:
    found = read(monkeypatch, given).transfer_rails()
    assert list(found) == carriers
    assert any(rail.has_api for rail in found.values()) is has_api


@pytest.mark.parametrize(
    ("given", "missing", "there"),
    [
        ({"NCB_API_URL": "https://b.example"}, "NCB_API_KEY", "NCB_API_URL"),
        ({"SCOTIA_API_KEY": "hush"}, "SCOTIA_API_URL", "SCOTIA_API_KEY"),
        ({"SCOTIA_BRANCH": "Ocho Rios"}, "SCOTIA_ACCOUNT", "SCOTIA_BRANCH"),
        ({"LYNK_HOLDER": "Digital Pardna"}, "LYNK_ACCOUNT", "LYNK_HOLDER"),
        ({n: v for n, v in API.items() if n != "NCB_HOOK_SECRET"}, "NCB_HOOK_SECRET", "/hooks/ncb"),
        ({"POWERTRANZ_ID": "1"}, "POWERTRANZ_PASSWORD", "POWERTRANZ_ID"),
        ({"NCB_ACCOUNT": "40401234S"}, "NCB_ACCOUNT", "6 to 13 figures"),
        ({"SCOTIA_USD_ACCOUNT": "hush"}, "SCOTIA_USD_ACCOUNT", "6 to 13 figures"),
        (GATEWAY | {"POWERTRANZ_PAGE_SET": "pardna"}, "POWERTRANZ_PAGE_SET", "PTZ/"),
    ],
)
def test_a_rail_set_up_by_half_names_what_to_add(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: str, there: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, given)
    [line] = caught.value.faults
    assert line.startswith(missing)
    assert there in line
    assert "hush" not in line


def test_cards_go_by_stripe_else_by_the_gateway_else_by_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch).card_carrier == "sandbox"
    assert read(monkeypatch, GATEWAY).card_carrier == "powertranz"
    both = read(monkeypatch, STRIPE_API_KEY="sk_test_1", STRIPE_WEBHOOK_SECRET="whsec_1")
    assert both.card_carrier == "stripe"
    assert any("both Stripe and PowerTranz" in line for line in rails.advice(both))


def test_each_bank_and_wallet_has_its_name_its_settings_its_map_and_its_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds one finds here what is missing, and not a member on the day of a draw."""
    assert set(maps.shipped()) == set(LAYOUTS) == set(TRANSFER_CARRIERS)
    settings = read(monkeypatch, **{f"{carrier.upper()}_ACCOUNT": "8765550142" for carrier in TRANSFER_CARRIERS})
    assert [carrier for carrier, rail in settings.transfer_rails().items() if rail.labelled] == [*TRANSFER_CARRIERS]
    assert {f"/hooks/{carrier}" for carrier in TRANSFER_CARRIERS} <= set(PATHS)
    assert {carrier.upper() for carrier in TRANSFER_CARRIERS} <= set(RAIL_WORDS.values())
    assert set(TRANSFER_CARRIERS) > WALLETS


def test_no_secret_of_a_rail_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, API, GATEWAY)
    assert "hush" not in repr(settings) + repr(settings.transfer_rails())


def test_a_banks_hook_takes_what_its_settings_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = rails.make_bank_hooks(read(monkeypatch, API, GATEWAY), lambda: 0.0, "https://p.example/pay/thanks")
    assert sorted(hooks) == ["/hooks/ncb", "/hooks/scotia"]
    response = json.dumps({"OrderIdentifier": "R-7K2MQ9XA", "IsoResponseCode": "3D0", "SpiToken": "t"})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    form = HookRequest("POST", "/", headers, {}, f"Response={response}".encode())
    assert len(hooks["/hooks/scotia"].receive(form).arrivals) == 1
    with pytest.raises(Unreadable):
        hooks["/hooks/ncb"].receive(form)


def test_every_rail_says_whether_it_is_on_and_what_would_turn_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    off = rails.rail_states(read(monkeypatch))
    assert off["NCB"] == "off: set NCB_ACCOUNT, or NCB_API_URL and NCB_API_KEY"
    assert "sandbox" in off["CARD"]
    on = rails.rail_states(read(monkeypatch, API, GATEWAY, LYNK_ACCOUNT="876-555-0142", SCOTIA_ACCOUNT="50012345"))
    assert on["CARD"] == "on, by PowerTranz for SCOTIA"
    assert on["NCB"] == "on: in and out through the API; heard at /hooks/ncb"
    assert on["LYNK"].startswith("on: in by transfer to the account set, out by payout file")
    assert on["LYNK"].endswith("matched by statement import")
    assert [line for line in rails.advice(read(monkeypatch)) if line.startswith("SCOTIA_BRANCH")]


def test_an_account_is_read_without_the_marks_that_group_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, NCB_ACCOUNT="404-012 345").ncb_account == "404012345"


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (NCB, ["NCB_HOLDER"]),
        (NCB | {"NCB_HOLDER": "Digital Pardna Ltd"}, []),
        (NCB | API, []),
        ({"LYNK_ACCOUNT": "876-555-0142"}, []),
        (API, []),
    ],
)
def test_a_bank_that_no_payout_file_can_be_made_for_is_wrong(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], wrong: list[str]
) -> None:
    """Money would come in by it, and no draw go out."""
    settings = read(monkeypatch, given)
    assert [line.partition(":")[0] for line in rails.half_set(settings)] == wrong
    assert not {line.partition(":")[0] for line in rails.advice(settings)} & set(wrong), "one thing is said once"


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """A server that is up and is none of ours."""
    app = web.Application()
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_each_provider_that_does_not_answer_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    given = {**API, **GATEWAY, "NCB_API_URL": elsewhere, "POWERTRANZ_API_URL": f"{elsewhere}/api"}
    stripe = {"STRIPE_API_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1", "STRIPE_API_URL": elsewhere}
    settings = read(monkeypatch, given, stripe)
    async with aiohttp.ClientSession() as session:
        faults = await rails.live_faults(settings, lambda party: Http(session, party), lambda: 0.0, "https://p.example")
    assert len(faults) == 3
    for fault, named in zip(faults, ("STRIPE_API_", "POWERTRANZ_API_URL", "NCB_API_URL"), strict=True):
        assert named in fault
        assert "hush" not in fault


async def test_without_providers_there_is_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_party: str) -> Http:
        raise AssertionError("nobody may be asked")

    assert await rails.live_faults(read(monkeypatch), none, lambda: 0.0, "https://p.example") == []
