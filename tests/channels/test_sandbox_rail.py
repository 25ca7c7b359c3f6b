"""The sandbox rail: alone it says yes; before a stand-in server every trouble with money has its outcome."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from channels.base import Rail, Refused, Retry, Sent, Unknown
from channels.http import Http
from channels.rails.sandbox import SandboxRail
from tests.standins import Fault, SandboxStandin

ORDER: dict[str, Any] = {
    "amount": 500_000,
    "currency": "JMD",
    "receipt": "R-7K2MQ9XA",
    "mode": "at_once",
    "link": "",
}
PAGE = ORDER | {"mode": "page", "link": "https://pardna.example/pay/t0k3n"}


async def test_alone_it_settles_at_once_and_the_same_for_a_key() -> None:
    rail: Rail = SandboxRail()
    assert await rail.collect(ORDER, "k1") == Sent("sbx_k1", {"settled": True})
    assert await rail.disburse(ORDER, "k2") == Sent("sbxout_k2", {"settled": True})
    assert await rail.disburse(ORDER, "k2") == Sent("sbxout_k2", {"settled": True})
    assert await rail.look_up("disburse", {}, "k2") == Sent("sbxout_k2", {"settled": True})


async def test_a_page_is_where_the_money_will_be_paid() -> None:
    assert await SandboxRail().collect(PAGE, "k1") == Sent("sbx_k1", {"link": PAGE["link"]})


def test_half_a_server_is_refused() -> None:
    with pytest.raises(ValueError, match="stand-in"):
        SandboxRail(base_url="http://127.0.0.1:1")


@pytest.fixture
async def provider() -> AsyncIterator[SandboxStandin]:
    async with SandboxStandin() as provider:
        yield provider


@pytest.fixture
def rail(session: aiohttp.ClientSession, provider: SandboxStandin) -> SandboxRail:
    return SandboxRail(Http(session, "sandbox", timeout_seconds=0.3), provider.api_url)


async def test_a_payout_reaches_the_server_once_for_a_key(rail: SandboxRail, provider: SandboxStandin) -> None:
    first = await rail.disburse(ORDER, "k1")
    assert first == await rail.disburse(ORDER, "k1")
    assert isinstance(first, Sent)
    assert first.detail == {"settled": True}
    assert provider.payouts == {"k1": ORDER | {"key": "k1"}}
    assert provider.calls["k1"] == 2
    assert provider.paid_out() == 500_000


async def test_money_in_reaches_the_server(rail: SandboxRail, provider: SandboxStandin) -> None:
    assert isinstance(await rail.collect(ORDER, "k1"), Sent)
    assert list(provider.collected) == ["k1"]
    assert provider.payouts == {}


async def test_a_key_reused_for_another_order_is_refused(rail: SandboxRail) -> None:
    await rail.disburse(ORDER, "k1")
    assert await rail.disburse(ORDER | {"amount": 1}, "k1") == Refused("refused 409", "key reused")


@pytest.mark.parametrize(
    ("fault", "kind", "paid"),
    [
        (Fault.THROTTLED, Retry, False),
        (Fault.BROKEN, Unknown, False),
        (Fault.GATEWAY, Unknown, False),
        (Fault.HTML, Unknown, False),
        (Fault.STALL, Unknown, False),
        (Fault.RESET, Unknown, False),
        (Fault.HALF, Unknown, True),
        (Fault.LOST, Unknown, True),
    ],
)
async def test_what_became_of_a_payout_in_trouble_can_be_looked_up(
    rail: SandboxRail, provider: SandboxStandin, fault: Fault, kind: type, paid: bool
) -> None:
    """A 500 counts as unknown here: money may have moved before the server fell."""
    provider.misbehave(fault)
    assert isinstance(await rail.disburse(ORDER, "k1"), kind)
    found = await rail.look_up("disburse", {}, "k1")
    assert isinstance(found, Sent) if paid else found == Retry("never taken")
    assert len(provider.payouts) == paid


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.HTML, Fault.STALL, Fault.RESET, Fault.HALF, Fault.THROTTLED])
async def test_a_look_up_in_trouble_says_nothing(rail: SandboxRail, provider: SandboxStandin, fault: Fault) -> None:
    await rail.disburse(ORDER, "k1")
    provider.misbehave(fault, 2)  # a GET that met a closed connection is made again by the client
    assert isinstance(await rail.look_up("disburse", {}, "k1"), Unknown)


async def test_a_server_that_is_down_has_not_paid(rail: SandboxRail, provider: SandboxStandin) -> None:
    await provider.stop()
    assert await rail.disburse(ORDER, "k1") == Retry("not connected")
    assert await rail.look_up("disburse", {}, "k1") == Unknown("not looked up")


async def test_a_missing_page_is_no_proof_that_nothing_was_paid(session: aiohttp.ClientSession) -> None:
    """A 404 of something else than the provider must not have a payout sent again."""
    async with SandboxStandin() as provider:
        rail = SandboxRail(Http(session, "sandbox"), provider.api_url + "/elsewhere")
        assert await rail.look_up("disburse", {}, "k1") == Unknown("not looked up")


@pytest.mark.parametrize(("state", "kind"), [("pending", Unknown), ("failed", Refused), ("odd", Unknown)])
async def test_each_state_has_its_outcome(rail: SandboxRail, provider: SandboxStandin, state: str, kind: type) -> None:
    provider.state = state
    outcome = await rail.disburse(ORDER, "k1")
    assert isinstance(outcome, kind)
    assert not isinstance(outcome, Sent) or outcome.detail == {}
