"""An SMS goes by the local SIM or by Twilio: which way first, and never by both."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from channels.base import Refused, Retry, Sent, Unknown
from channels.chat.sms import EVENTS, Sms, SmsGate, Twilio, Way, authorization, gate_id, ways
from channels.http import Http
from domain.messages import Outgoing
from tests.smsgate_standin import SmsGateStandin
from tests.standins import Fault, TwilioStandin
from tests.vendors import SETTINGS, SMSGATE

HOME, ABROAD = "+18765550104", "+447700900123"
KEY = "17:n:sms:+18765550104:0"
BY_NAME = authorization(SMSGATE["SMSGATE_USER"], SMSGATE["SMSGATE_PASSWORD"], "")


@dataclass
class Both:
    """Both ways out, the phone awake or not."""

    sms: Sms
    gate: SmsGateStandin
    twilio: TwilioStandin
    awake: bool = True
    spare: bool = True

    async def says(self, text: str, address: str = HOME, *, key: str = KEY, by_sim: bool = False) -> object:
        return await self.sms.send(address, Outgoing(text, by_sim=by_sim), key)

    @property
    def heard(self) -> tuple[int, int]:
        """How many messages each way has taken: the SIM, Twilio."""
        return len(self.gate.heard), len(self.twilio.heard)


@pytest.fixture
async def both(session: aiohttp.ClientSession) -> AsyncIterator[Both]:
    async with SmsGateStandin() as gate, TwilioStandin() as provider:
        http = Http(session, "sms", timeout_seconds=0.3)
        account, token = SETTINGS["TWILIO_ACCOUNT_SID"], SETTINGS["TWILIO_AUTH_TOKEN"]
        twilio = Twilio(
            http,
            provider.api_url,
            account,
            token,
            sender=SETTINGS["TWILIO_FROM"],
            public_url=SETTINGS["PUBLIC_URL"],
        )

        async def spare() -> bool:
            return line.spare

        sms = Sms(twilio, SmsGate(http, gate.api_url, BY_NAME, sim=2), awake=lambda: line.awake, spare=spare)
        line = Both(sms, gate, provider)
        yield line


@pytest.mark.parametrize(
    ("address", "sim", "awake", "twilio", "expected"),
    [
        ("+18765550104", True, True, True, (Way.SIM, Way.TWILIO)),
        ("+16585550104", True, True, True, (Way.SIM, Way.TWILIO)),
        ("+18765550104", True, False, True, (Way.TWILIO,)),
        ("+447700900123", True, True, True, (Way.TWILIO,)),
        ("+12125550104", True, True, True, (Way.TWILIO,)),
        ("+18765550104", True, False, False, (Way.SIM,)),
        ("+447700900123", True, True, False, (Way.SIM,)),
        ("+18765550104", False, False, True, (Way.TWILIO,)),
        ("+18765550104", False, True, False, ()),
    ],
)
def test_the_number_and_the_phones_health_choose_the_way(
    address: str, expected: tuple[Way, ...], *, sim: bool, awake: bool, twilio: bool
) -> None:
    assert ways(address, sim=sim, awake=awake, twilio=twilio) == expected


async def test_a_number_at_home_is_written_to_by_the_sim(both: Both) -> None:
    assert await both.says("Hello") == Sent(gate_id(KEY))
    (heard,) = both.gate.heard
    assert (heard.address, heard.text) == (HOME, "Hello")
    assert heard.raw["withDeliveryReport"] is True
    assert heard.raw["simNumber"] == 2
    assert heard.raw["ttl"] == 3600
    assert both.heard == (1, 0)


async def test_a_number_abroad_and_a_silent_phone_go_by_twilio(both: Both) -> None:
    await both.says("Hello", ABROAD, key="k1")
    both.awake = False
    await both.says("Hello", key="k2")
    assert [heard.address for heard in both.twilio.heard] == [ABROAD, HOME]
    assert both.gate.heard == []


async def test_what_its_plan_allows_a_day_is_kept(both: Both) -> None:
    both.spare = False
    await both.says("Hello")
    assert both.heard == (0, 1)


async def test_only_lanes_at_home_have_the_sims_pace_and_only_while_it_is_awake(both: Both) -> None:
    assert [both.sms.home_rate_per_second, *both.sms.home] == [0.2, "+1876", "+1658"]
    both.awake = False
    assert list(both.sms.home) == []


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.BROKEN])
async def test_what_the_sim_surely_did_not_take_goes_by_twilio(both: Both, fault: Fault) -> None:
    both.gate.misbehave(fault)
    assert isinstance(await both.says("Hello"), Sent)
    assert both.heard == (0, 1)


async def test_a_gateway_that_is_full_or_without_a_phone_is_passed_by(both: Both) -> None:
    both.gate.full = True
    await both.says("Hello", key="k1")
    both.gate.full, both.gate.devices = False, 0
    await both.says("Hello", key="k2")
    assert both.heard == (0, 2)


async def test_a_gateway_that_is_down_is_passed_by(both: Both) -> None:
    await both.gate.stop()
    await both.says("Hello")
    assert both.heard == (0, 1)


@pytest.mark.parametrize(
    ("fault", "taken"),
    [(Fault.STALL, 0), (Fault.RESET, 0), (Fault.HTML, 0), (Fault.GATEWAY, 0), (Fault.HALF, 1), (Fault.LOST, 1)],
)
async def test_what_the_sim_may_have_taken_is_looked_up_and_never_sent_twice(
    both: Both, fault: Fault, taken: int
) -> None:
    both.gate.misbehave(fault)
    assert isinstance(await both.says("Hello"), Unknown)
    assert both.heard == (taken, 0)
    both.awake = False  # so that Twilio would have it
    found = await both.sms.look_up(KEY)
    assert found == Sent(gate_id(KEY)) if taken else isinstance(found, Retry)
    if not taken:
        assert isinstance(await both.says("Hello"), Sent)
    assert sum(both.heard) == 1


async def test_a_look_up_without_an_answer_says_so(both: Both) -> None:
    for fault in Fault:
        if fault not in {Fault.HALF, Fault.LOST, Fault.RESET}:  # asking again is harmless, and aiohttp does by itself
            both.gate.misbehave(fault)
            assert isinstance(await both.sms.look_up(KEY), Unknown), fault
    await both.gate.stop()
    assert isinstance(await both.sms.look_up(KEY), Unknown)


async def test_the_same_message_again_is_the_same_message(both: Both) -> None:
    for _ in range(3):
        assert await both.says("Hello") == Sent(gate_id(KEY))
    assert both.heard == (1, 0)


@pytest.mark.parametrize("state", ["Pending", "Processed", "Sent", "Delivered"])
async def test_what_the_phone_has_or_had_is_sent(both: Both, state: str) -> None:
    await both.says("Hello")
    both.gate.states[gate_id(KEY)] = state
    assert await both.sms.look_up(KEY) == Sent(gate_id(KEY))
    assert await both.says("Hello") == Sent(gate_id(KEY))


@pytest.mark.parametrize("state", ["Failed", "Cancelled"])
async def test_what_the_phone_gave_up_goes_by_twilio_when_it_is_tried_again(both: Both, state: str) -> None:
    await both.says("Hello")
    both.gate.states[gate_id(KEY)] = state
    assert isinstance(await both.sms.look_up(KEY), Retry)
    assert isinstance(await both.says("Hello"), Sent)
    assert both.heard == (1, 1)


async def test_when_no_way_takes_it_the_one_that_may_later_counts(both: Both) -> None:
    both.gate.misbehave(Fault.THROTTLED)
    both.twilio.codes[HOME] = 21408
    assert await both.says("Hello") == Retry("throttled", 0.0, everybody=True)


async def test_who_opted_out_at_twilio_is_gone_whatever_the_sim_says(both: Both) -> None:
    both.gate.misbehave(Fault.BROKEN)
    both.twilio.codes[HOME] = 21610
    assert await both.says("Hello") == Refused("opted out", "21610", gone=True)


async def test_what_is_the_sims_alone_never_goes_by_twilio(both: Both) -> None:
    """A STOP that came by the SIM is confirmed by it; Twilio sends nothing after it."""
    both.awake = False
    both.gate.misbehave(Fault.BROKEN)
    assert isinstance(await both.says("Bye", by_sim=True), Retry)
    assert isinstance(await both.says("Bye", by_sim=True), Sent)
    assert both.heard == (1, 0)


async def test_no_address_is_in_the_gateways_ids(both: Both) -> None:
    await both.says("Hello")
    (heard,) = both.gate.heard
    assert len(heard.raw["id"]) == 32
    assert "876" not in heard.raw["id"] or "5550104" not in heard.raw["id"]


async def test_a_token_is_taken_instead_of_a_password(session: aiohttp.ClientSession) -> None:
    async with SmsGateStandin() as gate:
        header = authorization("", "", SMSGATE["SMSGATE_TOKEN"])
        chat = Sms(gate=SmsGate(Http(session, "smsgate"), gate.api_url + "/", header))
        assert isinstance(await chat.send(ABROAD, Outgoing("Hello"), "k"), Sent)


async def test_without_any_way_a_message_is_refused() -> None:
    assert await Sms().send(HOME, Outgoing("Hello"), "k") == Refused("no way to this number is set up", "no-way")
    assert isinstance(await Sms().look_up("k"), Retry)


async def test_its_hooks_can_be_set_again_and_again(session: aiohttp.ClientSession) -> None:
    async with SmsGateStandin() as standin:
        gate = SmsGate(Http(session, "smsgate"), standin.api_url, BY_NAME)
        for host in ("old.example", "pardna.example"):
            for event in EVENTS:
                assert isinstance(await gate.set_hook(event, f"https://{host}/hooks/smsgate"), Sent)
        hooks = await gate.hooks()
        assert hooks is not None
        assert sorted(hooks) == sorted((event, "https://pardna.example/hooks/smsgate") for event in EVENTS)
        assert isinstance(await gate.set_hook("sms:received", "http://pardna.example/x"), Refused)


async def test_hooks_that_are_not_told_are_none(session: aiohttp.ClientSession) -> None:
    async with SmsGateStandin() as standin:
        assert await SmsGate(Http(session, "smsgate"), standin.api_url, "Basic x").hooks() is None
    assert await SmsGate(Http(session, "smsgate"), standin.api_url, BY_NAME).hooks() is None
