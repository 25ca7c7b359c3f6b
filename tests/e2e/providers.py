"""All providers as stand-ins, and the settings with which the service knows no others."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.templates import exported
from storage.vault import new_keys
from tests.standins import GraphStandin, SandboxStandin, Standin, TelegramStandin, TwilioStandin
from tests.vendors import SETTINGS

CLERK = "telegram:5550999"


@dataclass(frozen=True, slots=True)
class Providers:
    """One stand-in for each network, and one for money."""

    whatsapp: GraphStandin
    sms: TwilioStandin
    telegram: TelegramStandin
    sandbox: SandboxStandin
    keys: str
    """The service's PARDNA_KEYS, for who wants to look into what it sealed."""

    def of(self, channel: str) -> Standin:
        """The stand-in of a chat network."""
        return {"whatsapp": self.whatsapp, "sms": self.sms, "telegram": self.telegram}[channel]

    def __iter__(self) -> Iterator[Standin]:
        return iter((self.whatsapp, self.sms, self.telegram, self.sandbox))

    def settings(self) -> dict[str, str]:
        """Every setting of every channel, each `*_API_URL` at its stand-in."""
        return {
            **SETTINGS,
            "WHATSAPP_API_URL": self.whatsapp.api_url,
            "TWILIO_API_URL": self.sms.api_url,
            "TELEGRAM_API_URL": self.telegram.api_url,
            "SANDBOX_API_URL": self.sandbox.api_url,
            "PARDNA_PACES": "off",  # weeks pass in seconds here
            "PARDNA_KEYS": self.keys,
            "PARDNA_STAFF": CLERK,
        }


@asynccontextmanager
async def open_providers() -> AsyncIterator[Providers]:
    """Start them all, for as long as this lasts."""
    async with AsyncExitStack() as stack:
        whatsapp = await stack.enter_async_context(GraphStandin())
        whatsapp.approve(exported())
        sms = await stack.enter_async_context(TwilioStandin())
        telegram = await stack.enter_async_context(TelegramStandin())
        sandbox = await stack.enter_async_context(SandboxStandin())
        yield Providers(whatsapp, sms, telegram, sandbox, new_keys())
