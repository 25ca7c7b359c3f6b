"""Whatever goes wrong at the gateway, and whenever its phone falls silent: nothing reaches anybody by both ways."""

import asyncio
import random
from collections import Counter

import aiohttp
import pytest

from channels.chat.sms import Sms, SmsGate, Twilio, authorization
from channels.http import Http
from domain.messages import Outgoing
from storage.outbox import Parcel
from tests.smsgate_standin import SmsGateStandin
from tests.spine.test_relay import House, house
from tests.standins import Fault, TwilioStandin
from tests.vendors import SETTINGS, SMSGATE

__all__ = ["house"]

MESSAGES = 60


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_goes_by_both_ways(house: House, seed: int) -> None:
    """The gateway stalls, resets, loses answers and is full; the phone falls silent and comes back all the while."""
    dice = random.Random(seed)  # noqa: S311 - which fault comes when
    awake = True
    async with SmsGateStandin() as gate, TwilioStandin() as twilio, aiohttp.ClientSession() as session:
        header = authorization(SMSGATE["SMSGATE_USER"], SMSGATE["SMSGATE_PASSWORD"], "")
        sms = Sms(
            Twilio(
                Http(session, "sms"),
                twilio.api_url,
                SETTINGS["TWILIO_ACCOUNT_SID"],
                SETTINGS["TWILIO_AUTH_TOKEN"],
                sender=SETTINGS["TWILIO_FROM"],
                public_url=SETTINGS["PUBLIC_URL"],
            ),
            SmsGate(Http(session, "smsgate", timeout_seconds=0.3), gate.api_url, header, rate_per_second=200),
            awake=lambda: awake,
        )
        numbers = [f"+1876555{n:04}" for n in range(MESSAGES)]
        for number in dice.sample(numbers, MESSAGES * 2 // 3):
            gate.misbehave(dice.choice(list(Fault)), dice.randint(1, 2), to=number)
        async with house.relaying(sms):
            await house.put(
                *(Parcel(f"sms:{n}", "say", f"k:{n}", Outgoing("Hi").as_json(), house.clock.now()) for n in numbers)
            )
            for _ in range(12):
                await asyncio.sleep(0.2)
                awake, gate.full = dice.random() < 0.5, dice.random() < 0.2
            awake, gate.full = True, False
            states = await house.settled(60)
    reached = Counter(heard.address for way in (gate, twilio) for heard in way.heard)
    assert set(states.values()) == {"sent"}
    assert reached == dict.fromkeys(numbers, 1)
    assert gate.heard
    assert twilio.heard
