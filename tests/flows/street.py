"""People on real networks: what they say comes as signed calls, and what lies on their phones the providers have taken.

    async with open_street() as street, open_house(url, network=street.over, past_sim=True) as house:
        street.move_in(house)
        marva = house.phone("whatsapp", "+18765550101", "Marva Brown")
        await marva.says("hello").sees("What name")

The adapters and hooks are the service's own. A network tells of each message that it was delivered before it answers
the call that brought it, unless its address is in `mute` or `failing`.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import aiohttp
from sqlalchemy import text

from bot.letters import Letters, StopLinks
from bot.templates import exported
from bot.words.catalogue import Catalogue
from channels.base import Chat, Hook
from channels.chat.email import Email, SendGridHook
from channels.chat.sms import Sms, SmsGate, SmsGateHook, SmsHook, SmsStatusHook, Twilio, authorization
from channels.chat.telegram import Telegram, TelegramHook
from channels.chat.whatsapp import WhatsApp, WhatsAppHook
from channels.http import Http
from domain.messages import Channel, Option, Outgoing
from storage.vault import Vault, new_keys
from tests import vendors
from tests.sendgrid_standin import SendGridStandin
from tests.smsgate_standin import SmsGateStandin
from tests.standins import GraphStandin, Heard, Standin, TelegramStandin, TwilioStandin
from tests.teller import House, Line, Phone, numbers
from tests.vendors import SENDGRID, SETTINGS, SMSGATE, Call

SITE = SETTINGS["PUBLIC_URL"]
GATE = authorization(SMSGATE["SMSGATE_USER"], SMSGATE["SMSGATE_PASSWORD"], "")


@dataclass
class Street:
    """Five providers, the service's ears and mouths to them, and the phones."""

    session: aiohttp.ClientSession
    graph: GraphStandin
    twilio: TwilioStandin
    gate: SmsGateStandin
    telegram: TelegramStandin
    sendgrid: SendGridStandin
    mute: set[str] = field(default_factory=set)
    """Parties whose phones are off or lost: what is sent there lies in `lost`, and nothing is told of it."""
    failing: set[str] = field(default_factory=set)
    """Parties to whom the SIM cannot send: its phone says so."""
    hasty: bool = False
    """Whether the SIM's phone says so before its gateway has answered the call that brought the message."""
    lost: list[Heard] = field(default_factory=list)
    came: dict[str, list[Heard]] = field(default_factory=lambda: defaultdict(list))
    """What lies on each phone, by party, oldest first."""
    awake: bool = True
    """Whether the phone with the SIM was heard lately."""
    house: House | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for channel, standin in self.networks:
            standin.told = partial(self._took, channel, standin)
        self.hooks: dict[str, Hook] = {
            "/hooks/whatsapp": WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"]),
            "/hooks/sms": SmsHook(SETTINGS["TWILIO_AUTH_TOKEN"], SITE),
            "/hooks/sms/status": SmsStatusHook(SETTINGS["TWILIO_AUTH_TOKEN"], SITE),
            "/hooks/smsgate": SmsGateHook(SMSGATE["SMSGATE_SIGNING_KEY"], time.time),
            "/hooks/telegram": TelegramHook(SETTINGS["TELEGRAM_WEBHOOK_SECRET"]),
            "/hooks/sendgrid": SendGridHook(SENDGRID["SENDGRID_WEBHOOK_PUBLIC_KEY"], time.time),
        }

    @property
    def networks(self) -> Iterable[tuple[Channel, Standin]]:
        """Each provider and whom it carries to."""
        return (
            (Channel.WHATSAPP, self.graph),
            (Channel.SMS, self.twilio),
            (Channel.SMS, self.gate),
            (Channel.TELEGRAM, self.telegram),
            (Channel.EMAIL, self.sendgrid),
        )

    def over(self, chat: Chat) -> Chat:
        """Put the service's own adapter in the place of a simulated network."""
        http = partial(Http, self.session)
        match Channel(chat.name):
            case Channel.WHATSAPP:
                token, number = SETTINGS["WHATSAPP_TOKEN"], SETTINGS["WHATSAPP_PHONE_NUMBER_ID"]
                return WhatsApp(http("whatsapp"), self.graph.api_url, token, number)
            case Channel.SMS:
                account, token = SETTINGS["TWILIO_ACCOUNT_SID"], SETTINGS["TWILIO_AUTH_TOKEN"]
                sender = SETTINGS["TWILIO_FROM"]
                url = self.twilio.api_url
                twilio = Twilio(http("sms"), url, account, token, sender=sender, public_url=SITE)
                gate = SmsGate(http("smsgate"), self.gate.api_url, GATE, rate_per_second=1000.0)
                return Sms(twilio, gate, awake=lambda: self.awake)
            case Channel.TELEGRAM:
                return Telegram(http("telegram"), self.telegram.api_url, SETTINGS["TELEGRAM_TOKEN"])
            case Channel.EMAIL:
                write = Letters(Catalogue(SITE), StopLinks(Vault.from_keys(new_keys()), SITE)).write
                key, sender = SENDGRID["SENDGRID_API_KEY"], SENDGRID["SENDGRID_FROM"]
                return Email(http("sendgrid"), self.sendgrid.api_url, key, sender, write)

    def move_in(self, house: House) -> None:
        """Have the calls go to a house, and its phones be on this street."""
        self.house, house.handset = house, partial(Handset, street=self)

    async def deliver(self, *calls: Call) -> None:
        """Make calls of providers, each as often as it is named."""
        assert self.house is not None
        for call in calls:
            answer = self.hooks[call.path].receive(call.request())
            await self.house.filer.file(answer.arrivals)

    async def _took(self, channel: Channel, standin: Standin, heard: Heard) -> None:
        party = f"{channel}:{heard.address}"
        fails = standin is self.gate and party in self.failing
        if fails or party in self.mute:
            self.lost.append(heard)
        else:
            self.came[party].append(heard)
        if fails and self.hasty:
            await self.deliver(self.status(self.gate, heard, "failed"))
        elif fails:
            task = asyncio.create_task(self._fails(heard))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        elif party not in self.mute and channel is not Channel.TELEGRAM:
            await self.deliver(self.status(standin, heard, "delivered"))

    async def _fails(self, heard: Heard) -> None:
        """Tell that a message failed once it is noted as taken: the phone has to fetch it first."""
        assert self.house is not None
        noted = text("SELECT count(*) FROM outbox WHERE provider_id = :ident")
        while True:
            async with self.house.engine.connect() as conn:
                if (await conn.execute(noted, {"ident": heard.provider_id})).scalar():
                    break
            await asyncio.sleep(0.02)
        await self.deliver(self.status(self.gate, heard, "failed"))

    def status(self, standin: Standin, heard: Heard, state: str, code: int = 0) -> Call:
        """Return what a network tells of a message."""
        address, ident = heard.address, heard.provider_id
        if standin is self.graph:
            return vendors.whatsapp_status(address, ident, state, code=code)
        if standin is self.twilio:
            return vendors.sms_status(address, ident, state, code=str(code or ""))
        if standin is self.gate:
            reason = "RESULT_ERROR_GENERIC_FAILURE" if state == "failed" else ""
            return vendors.smsgate_status(address, ident, state, reason=reason)
        return vendors.sendgrid_events(vendors.sendgrid_event(address, ident, state))


@dataclass
class Handset(Phone):
    """A phone whose words and taps come as its network brings them."""

    street: Street = field(kw_only=True)

    def says(self, what: str) -> Line:
        """Type something."""
        return _Said(self, self.typed(what))

    async def types(self, what: str) -> None:
        """Type something without looking at what lies there."""
        await self.street.deliver(self.typed(what))

    def typed(self, what: str) -> Call:
        """Return the call by which it comes."""
        match self.channel:
            case Channel.WHATSAPP:
                return vendors.whatsapp_text(self.address, what, name=self.name)
            case Channel.SMS:
                return vendors.smsgate_sms(self.address, what)
            case _:
                return vendors.telegram_text(int(self.address), what, name=self.name, update_id=next(numbers))

    def taps(self, label: str, on: str = "") -> Line:  # noqa: ARG002 - a network tells by itself on what
        """Choose an answer last offered, on a plain phone by its number."""
        if self.channel is Channel.SMS:
            return self.says(self._number_of(label))
        offered = next(m for m in reversed(self.messages) if m.options)
        option = next(o for o in offered.options if label in (o.label, o.id))
        if self.channel is Channel.TELEGRAM:
            return _Said(self, vendors.telegram_callback(int(self.address), option.id, update_id=next(numbers)))
        return _Said(self, vendors.whatsapp_button(self.address, option.id, option.label, name=self.name))

    def _number_of(self, label: str) -> str:
        lines = [line for m in reversed(self.messages) for line in m.text.splitlines()]
        return next(line.split()[0] for line in lines if line.partition(" ")[2] == label)

    async def look(self) -> list[Outgoing]:
        """Read what is new."""
        fresh = [
            Outgoing(heard.text, tuple(Option(*option) for option in heard.options))
            for heard in self.street.came[self.party][self.seen :]
        ]
        self.messages += fresh
        self.seen += len(fresh)
        return fresh


class _Said(Line):
    """Something said, as a call."""

    def __init__(self, phone: Handset, call: Call) -> None:
        self._phone: Handset = phone
        self._call = call

    async def _say(self) -> None:
        await self._phone.look()
        self._phone.unread.clear()
        await self._phone.street.deliver(self._call)


@asynccontextmanager
async def open_street() -> AsyncIterator[Street]:
    """Start the providers."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        standins = (GraphStandin(), TwilioStandin(), SmsGateStandin(), TelegramStandin(), SendGridStandin())
        for standin in standins:
            await stack.enter_async_context(standin)
        street = Street(session, *standins)
        street.graph.approve(exported())
        yield street
