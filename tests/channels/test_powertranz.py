"""Cards by PowerTranz: the page, the callback that proves nothing, and the gateway's own word that does."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from channels.base import HookRequest, Refused, Retry, Sent, Unknown, Unreadable
from channels.http import Http
from channels.rails.operator import BankHook
from channels.rails.powertranz import PowerTranzHook, PowerTranzRail, transaction_id
from tests.powertranz_standin import MERCHANT, PASSWORD, PowerTranzStandin
from tests.standins import Fault

THANKS = "https://pardna.example/pay/thanks"
HOOK_URL = "https://pardna.example/hooks/ncb"
ORDER: dict[str, Any] = {
    "amount": 500_050,
    "currency": "JMD",
    "receipt": "R-7K2MQ9XA",
    "link": "https://pardna.example/pay/t0k3n",
}


@pytest.fixture
async def gateway() -> AsyncIterator[PowerTranzStandin]:
    async with PowerTranzStandin() as gateway:
        yield gateway


def make(session: aiohttp.ClientSession, url: str, password: str = PASSWORD) -> PowerTranzRail:
    http = Http(session, "powertranz", timeout_seconds=0.3)
    page = {"hook_url": HOOK_URL, "page_set": "PTZ/pardna", "page_name": "card"}
    return PowerTranzRail(http, f"{url}/api", MERCHANT, password, **page)


@pytest.fixture
def rail(session: aiohttp.ClientSession, gateway: PowerTranzStandin) -> PowerTranzRail:
    return make(session, gateway.url)


async def opened(rail: PowerTranzRail, gateway: PowerTranzStandin, key: str = "card:1", **order: Any) -> str:
    """Open a card page; returns its token."""
    outcome = await rail.open_page({**ORDER, **order}, key)
    assert isinstance(outcome, Sent), outcome
    return list(gateway.pages)[-1]


def callback(content: Mapping[str, Any] | str, token: str | None = None, **headers: str) -> HookRequest:
    """The card page's call, as the payer's browser makes it."""
    text = content if isinstance(content, str) else json.dumps(content)
    form = {"Response": text} | ({"SpiToken": token} if token else {})
    given = {"content-type": "application/x-www-form-urlencoded"} | headers
    return HookRequest("POST", "/hooks/ncb", given, {}, urlencode(form).encode())


def back(token: str, receipt: str = "R-7K2MQ9XA", iso: str = "3D0") -> HookRequest:
    return callback({"OrderIdentifier": receipt, "IsoResponseCode": iso, "SpiToken": token, "Approved": False})


# --- the page ---


async def test_the_link_is_our_own_page_and_the_gateway_is_asked_only_when_its_button_is_pressed(
    rail: PowerTranzRail, gateway: PowerTranzStandin
) -> None:
    outcome = await rail.collect(ORDER, "collect:R-7K2MQ9XA")
    assert isinstance(outcome, Sent)
    assert outcome.detail == {"link": ORDER["link"]}
    assert gateway.pages == {}


async def test_a_card_page_is_asked_for_with_our_receipt_two_decimals_and_the_currencys_number(
    rail: PowerTranzRail, gateway: PowerTranzStandin
) -> None:
    outcome = await rail.open_page(ORDER, "card:1")
    assert isinstance(outcome, Sent)
    assert "<form" in outcome.detail["html"]
    [asked] = gateway.pages.values()
    assert '"TotalAmount":5000.50' in asked["raw"]
    assert (asked["CurrencyCode"], asked["OrderIdentifier"]) == ("388", "R-7K2MQ9XA")
    assert asked["ExtendedData"]["MerchantResponseUrl"] == HOOK_URL
    assert outcome.provider_id == asked["TransactionIdentifier"] == str(transaction_id("card:1"))


@pytest.mark.parametrize(("minor", "written"), [(100, "1.00"), (5, "0.05"), (99_999_999_999, "999999999.99")])
async def test_every_amount_is_written_exactly(
    rail: PowerTranzRail, gateway: PowerTranzStandin, minor: int, written: str
) -> None:
    token = await opened(rail, gateway, amount=minor, currency="USD")
    assert f'"TotalAmount":{written},"CurrencyCode":"840"' in gateway.pages[token]["raw"]


async def test_the_same_key_is_the_same_transaction_and_another_opening_is_another(
    rail: PowerTranzRail, gateway: PowerTranzStandin
) -> None:
    await opened(rail, gateway, "card:1")
    assert await rail.open_page(ORDER, "card:1") == Refused("the gateway opens no card page", "98")
    await opened(rail, gateway, "card:2")
    assert len(gateway.pages) == 2


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.GATEWAY, Fault.HTML, Fault.STALL, Fault.RESET, Fault.HALF])
async def test_a_gateway_in_trouble_opens_no_page(
    rail: PowerTranzRail, gateway: PowerTranzStandin, fault: Fault
) -> None:
    gateway.misbehave(fault)
    assert isinstance(await rail.open_page(ORDER, "card:1"), Unknown)


# --- the callback ---


def test_a_callback_files_that_a_token_may_be_used_once_a_token() -> None:
    hook = PowerTranzHook("https://pardna.example/pay/thanks?a&b")
    answer = hook.receive(back("spi-1-abc"))
    [arrival] = answer.arrivals
    assert (arrival.source, arrival.party, arrival.kind) == ("powertranz", "payment:R-7K2MQ9XA", "event")
    assert arrival.body == {
        "kind": "card_back",
        "carrier": "powertranz",
        "receipt": "R-7K2MQ9XA",
        "spi_token": "spi-1-abc",
    }
    assert "spi-1-abc" not in arrival.external_id
    assert 'url=https://pardna.example/pay/thanks?a&amp;b"' in answer.text
    assert answer.content_type == "text/html"
    assert hook.receive(back("spi-1-abc")).arrivals[0].external_id == arrival.external_id
    assert hook.receive(back("spi-2-abc")).arrivals[0].external_id != arrival.external_id


def test_a_token_beside_the_response_is_read_too() -> None:
    said = {"OrderIdentifier": "R-7K2MQ9XA", "IsoResponseCode": "HP0"}
    [arrival] = PowerTranzHook(THANKS).receive(callback(said, "spi-9-abc")).arrivals
    assert arrival.body["spi_token"] == "spi-9-abc"


@pytest.mark.parametrize("iso", ["3D1", "3D3", "05", "", "00"])
def test_a_page_that_failed_or_claims_more_than_a_page_can_files_nothing(iso: str) -> None:
    """A callback that says `00` would be a payment; no page can say that."""
    assert PowerTranzHook(THANKS).receive(back("spi-1-abc", iso=iso)).arrivals == ()


@pytest.mark.parametrize(
    "request_",
    [
        callback("nonsense"),
        callback("[1]"),
        callback({}),
        callback({"OrderIdentifier": "P-1", "IsoResponseCode": "3D0", "SpiToken": "t"}),
        back(""),
        back("two words"),
        back("x" * 300),
        HookRequest("POST", "/hooks/ncb", {}, {}, b"\xff\xfe"),
        HookRequest("POST", "/hooks/ncb", {}, {}, b"&".join(b"a=1" for _ in range(100))),
    ],
)
def test_what_is_no_callback_is_unreadable(request_: HookRequest) -> None:
    with pytest.raises(Unreadable):
        PowerTranzHook(THANKS).receive(request_)


def test_a_bank_without_a_service_takes_callbacks_alone() -> None:
    hook = BankHook(None, PowerTranzHook(THANKS))
    assert len(hook.receive(back("spi-1-abc")).arrivals) == 1
    with pytest.raises(Unreadable):
        hook.receive(HookRequest("POST", "/hooks/ncb", {"content-type": "application/json"}, {}, b"{}"))


# --- the money ---


async def test_the_gateways_yes_to_what_was_asked_settles(rail: PowerTranzRail, gateway: PowerTranzStandin) -> None:
    token = await opened(rail, gateway)
    outcome = await rail.capture({**ORDER, "spi_token": token}, "capture:1")
    assert outcome == Sent(
        str(transaction_id("card:1")),
        {"settled": True, "carrier": "powertranz", "amount": 500_050, "currency": "JMD"},
    )


async def test_a_declined_card_is_refused_with_the_banks_code(rail: PowerTranzRail, gateway: PowerTranzStandin) -> None:
    gateway.iso = "05"
    token = await opened(rail, gateway)
    assert await rail.capture({**ORDER, "spi_token": token}, "capture:1") == Refused("declined", "05")


async def test_a_made_up_callback_settles_nothing_and_ends_nothing(
    rail: PowerTranzRail, gateway: PowerTranzStandin
) -> None:
    [arrival] = PowerTranzHook(THANKS).receive(back("spi-made-up")).arrivals
    outcome = await rail.capture({**ORDER, "spi_token": arrival.body["spi_token"]}, "capture:1")
    assert isinstance(outcome, Sent)
    assert outcome.detail == {}
    assert [filed.body["kind"] for filed in outcome.arrivals] == ["other"]
    assert gateway.taken == {}


async def test_a_callback_made_twice_takes_the_money_once(rail: PowerTranzRail, gateway: PowerTranzStandin) -> None:
    token = await opened(rail, gateway)
    first = await rail.capture({**ORDER, "spi_token": token}, "capture:1")
    second = await rail.capture({**ORDER, "spi_token": token}, "capture:1")
    assert isinstance(first, Sent)
    assert isinstance(second, Sent)
    assert (first.detail["settled"], second.detail) == (True, {})
    assert len(gateway.taken) == 1


async def test_the_token_of_another_payment_pays_that_one_and_not_this(
    rail: PowerTranzRail, gateway: PowerTranzStandin
) -> None:
    token = await opened(rail, gateway, receipt="R-AAAA2222", amount=100)
    outcome = await rail.capture({**ORDER, "spi_token": token}, "capture:1")
    assert isinstance(outcome, Sent)
    assert outcome.detail == {}
    [filed] = outcome.arrivals
    assert filed.party == "payment:R-AAAA2222"
    assert {name: filed.body[name] for name in ("kind", "receipt", "amount", "currency")} == {
        "kind": "collected",
        "receipt": "R-AAAA2222",
        "amount": 100,
        "currency": "JMD",
    }


@pytest.mark.parametrize(
    ("changed", "amount", "currency"),
    [({"TotalAmount": 1.00}, 100, "JMD"), ({"CurrencyCode": "840"}, 500_050, "USD"), ({"TotalAmount": 7}, 700, "JMD")],
)
async def test_another_amount_or_currency_counts_as_what_was_taken(
    rail: PowerTranzRail, gateway: PowerTranzStandin, changed: dict[str, Any], amount: int, currency: str
) -> None:
    gateway.changed = changed
    token = await opened(rail, gateway)
    outcome = await rail.capture({**ORDER, "spi_token": token}, "capture:1")
    assert isinstance(outcome, Sent)
    assert outcome.detail == {}
    [filed] = outcome.arrivals
    assert (filed.body["kind"], filed.body["amount"], filed.body["currency"]) == ("collected", amount, currency)


@pytest.mark.parametrize(
    "changed",
    [
        {"TotalAmount": 50.005},
        {"TotalAmount": None},
        {"CurrencyCode": "978"},
        {"OrderIdentifier": "?"},
        {"TotalAmount": 0},
    ],
)
async def test_an_approval_that_does_not_say_what_was_taken_is_unknown(
    rail: PowerTranzRail, gateway: PowerTranzStandin, changed: dict[str, Any]
) -> None:
    gateway.changed = changed
    token = await opened(rail, gateway)
    assert isinstance(await rail.capture({**ORDER, "spi_token": token}, "capture:1"), Unknown)


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        (Fault.BROKEN, 0),
        (Fault.GATEWAY, 0),
        (Fault.HTML, 0),
        (Fault.STALL, 0),
        (Fault.RESET, 0),
        (Fault.HALF, 1),
        (Fault.LOST, 1),
    ],
)
async def test_no_answer_about_a_token_is_unknown_whether_or_not_money_moved(
    rail: PowerTranzRail, gateway: PowerTranzStandin, fault: Fault, taken: int
) -> None:
    token = await opened(rail, gateway)
    gateway.misbehave(fault)
    assert isinstance(await rail.capture({**ORDER, "spi_token": token}, "capture:1"), Unknown)
    assert len(gateway.taken) == taken


async def test_a_gateway_that_is_down_was_not_asked(rail: PowerTranzRail, gateway: PowerTranzStandin) -> None:
    await gateway.stop()
    assert await rail.capture({**ORDER, "spi_token": "t"}, "capture:1") == Retry("not connected")


async def test_a_refund_gives_back_a_part_and_no_more_than_there_was(
    rail: PowerTranzRail, gateway: PowerTranzStandin
) -> None:
    token = await opened(rail, gateway)
    await rail.capture({**ORDER, "spi_token": token}, "capture:1")
    back_ = {"amount": 100_000, "currency": "JMD", "refund_id": "f1", "provider_ref": str(transaction_id("card:1"))}
    outcome = await rail.refund(back_, "refund:f1")
    assert outcome == Sent(str(transaction_id("refund:f1")), {"settled": True})
    assert gateway.given_back[0]["TotalAmount"] == 1000
    too_much = await rail.refund({**back_, "amount": 600_000}, "refund:f2")
    assert too_much == Refused("the gateway gives nothing back", "12")


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.HTML, Fault.STALL, Fault.RESET, Fault.LOST])
async def test_a_refund_in_trouble_is_never_sent_blindly(
    rail: PowerTranzRail, gateway: PowerTranzStandin, fault: Fault
) -> None:
    gateway.misbehave(fault)
    back_ = {"amount": 100, "currency": "JMD", "refund_id": "f1", "provider_ref": "x"}
    assert isinstance(await rail.refund(back_, "refund:f1"), Unknown)
    assert isinstance(await rail.look_up("refund", back_, "refund:f1"), Unknown)


async def test_the_check_says_what_to_mend(session: aiohttp.ClientSession, gateway: PowerTranzStandin) -> None:
    assert await make(session, gateway.url).check() == []
    [fault] = await make(session, gateway.url, "wrong").check()
    assert "POWERTRANZ_PASSWORD" in fault
    [fault] = await make(session, gateway.url + "/v2").check()
    assert "must end in /api" in fault
    await gateway.stop()
    [fault] = await make(session, gateway.url).check()
    assert "cannot be asked" in fault


async def test_wrong_credentials_wait_to_be_mended(session: aiohttp.ClientSession, gateway: PowerTranzStandin) -> None:
    assert isinstance(await make(session, gateway.url, "wrong").open_page(ORDER, "card:1"), Retry)
