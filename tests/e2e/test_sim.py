"""The real service with a telephone behind SMSGate and with Twilio: one conversation, whichever way a message takes."""

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text

from bot.commands.checks import doctor
from bot.config import Settings
from channels.chat.sms import EVENTS
from storage.engine import Engine, make_engine
from tests.e2e.providers import CLERK, Providers
from tests.e2e.service import Service
from tests.smsgate_standin import SmsGateStandin
from tests.vendors import (
    SETTINGS,
    SMSGATE,
    Call,
    sms_form,
    smsgate_mms,
    smsgate_ping,
    smsgate_sms,
    smsgate_status,
)

DEVON = "+18765550102"
HOOK = f"{SETTINGS['PUBLIC_URL']}/hooks/smsgate"


@pytest.fixture
async def gate() -> AsyncIterator[SmsGateStandin]:
    async with SmsGateStandin() as gate:
        yield gate


@pytest.fixture
async def service(
    tmp_path: Path, providers: Providers, gate: SmsGateStandin, database_url: str
) -> AsyncIterator[Service]:
    service = Service(tmp_path, settings(providers, gate, database_url))
    try:
        await service.start()
        yield service
    finally:
        await service.kill()


def settings(providers: Providers, gate: SmsGateStandin, database_url: str) -> dict[str, str]:
    """All channels, with the phone beside Twilio."""
    phone = {name: SMSGATE[name] for name in SMSGATE if name != "SMSGATE_TOKEN"}
    own = {"SMSGATE_API_URL": gate.api_url, "SMSGATE_PER_MINUTE": "600", "DATABASE_URL": database_url}
    return {**providers.settings(), **phone, **own}


class Line:
    """Devon's phone, to which both ways lead."""

    def __init__(self, session: aiohttp.ClientSession, url: str, providers: Providers, gate: SmsGateStandin) -> None:
        self._session, self._url = session, url
        self.twilio, self.gate = providers.sms, gate

    async def tells(self, call: Call) -> None:
        assert await call.fresh().post(self._session, self._url) == 200

    async def by_sim(self, words: str, answer: str) -> None:
        """Text the SIM and be answered by it."""
        after = len(self.gate.of(DEVON))
        await self.tells(smsgate_sms(DEVON, words))
        await self.gate.hears(DEVON, answer, after=after)

    async def by_twilio(self, words: str, answer: str, *, by_sim: bool = True) -> None:
        """Text either of both and be answered by Twilio."""
        after = len(self.twilio.of(DEVON))
        await self.tells(smsgate_sms(DEVON, words) if by_sim else sms_form(DEVON, words))
        await self.twilio.hears(DEVON, answer, after=after)


async def test_one_conversation_by_both_ways(
    service: Service, providers: Providers, gate: SmsGateStandin, database_url: str
) -> None:
    """From a phone never heard to one that is heard, stopped, started, silent, and heard again."""
    engine = make_engine(database_url)
    clerk = CLERK.partition(":")[2]
    async with aiohttp.ClientSession() as session:
        line = Line(session, service.url, providers, gate)
        await line.by_twilio("hello", "What name")  # never heard: not trusted with anything
        await line.tells(smsgate_ping())
        await asyncio.sleep(6)  # the relay looks after the phone
        await line.by_sim("Devon Clarke", "agree")
        await line.by_sim("1", "language")
        await line.by_sim("1", "You are in")
        assert {hook["event"]: hook["url"] for hook in gate.webhooks.values()} == dict.fromkeys(EVENTS, HOOK)

        await _statuses(line, engine)
        await line.by_sim("", "text")
        after = len(gate.of(DEVON))
        await line.tells(smsgate_mms(DEVON, "my slip"))
        await gate.hears(DEVON, "text", after=after)

        await line.by_sim("STOP", "START")
        counts = len(gate.heard), len(providers.sms.heard)
        await line.tells(smsgate_sms(DEVON, "STOP"))
        await line.tells(sms_form(DEVON, "BALANCE"))
        await line.by_sim("START", "back")
        assert (len(gate.heard), len(providers.sms.heard)) == (counts[0] + 1, counts[1])

        async with engine.begin() as conn:
            await conn.execute(text("UPDATE sim_phone SET heard_at = now() - interval '1 hour'"))
        await providers.telegram.hears(clerk, "silent for 15 minutes", within=60)
        await line.by_twilio("MENU", "1 ")
        await line.by_twilio("MENU", "1 ", by_sim=False)

        await line.tells(smsgate_ping(battery=50))
        await providers.telegram.hears(clerk, "heard again", within=60)
        await line.by_sim("MENU", "1 ")
        assert len([message for message in providers.telegram.of(clerk) if "silent" in message.text]) == 1
    await engine.dispose()


async def test_doctor_tells_of_the_phone_and_of_its_hooks(
    providers: Providers,
    gate: SmsGateStandin,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in settings(providers, gate, database_url).items():
        monkeypatch.setenv(name, value)

    async def says() -> str:
        assert await doctor(Settings.read(None), Namespace()) == 1
        return capsys.readouterr().out

    said = await says()
    assert "phone with the SIM: never heard" in said
    assert f"wrong: the SMS gateway does not tell {', '.join(EVENTS)} to {HOOK}" in said
    gate.webhooks = {event: {"id": event, "event": event, "url": HOOK} for event in EVENTS}
    engine = make_engine(database_url)
    async with engine.begin() as conn:
        row = "INSERT INTO sim_phone VALUES ('smsgate', now() - interval '61 minutes', 'warn', 8)"
        await conn.execute(text(row))
    await engine.dispose()
    said = await says()
    assert "phone with the SIM: heard 61 min ago, health warn, battery 8 %" in said
    assert "wrong: the phone with the SIM is silent for 61 minutes" in said
    assert "SMS gateway" not in said
    await gate.stop()
    assert "SMSGATE_API_URL: the gateway does not tell its web hooks" in await says()


async def _statuses(line: Line, engine: Engine) -> None:
    """Delivered stays delivered, whatever is told later."""
    last = line.gate.of(DEVON)[-1].provider_id
    for state in ("delivered", "sent", "failed"):
        await line.tells(smsgate_status(DEVON, last, state, reason="Error: RESULT_ERROR_GENERIC_FAILURE"))
    for _ in range(600):
        async with engine.connect() as conn:
            query = text("SELECT delivery FROM outbox WHERE provider_id = :id")
            if (await conn.execute(query, {"id": last})).scalar_one_or_none() == 3:  # none: not noted as sent yet
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the delivery was not noted")
