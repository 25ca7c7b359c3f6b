"""The web application on a real port and a real database, with the hooks signed as in tests/vendors.py."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from bot.letters import StopLinks
from bot.web.app import WebParts, make_app, make_runner
from bot.web.pages import Reach
from channels.base import Hook
from channels.chat.email import SendGridHook
from channels.chat.sms import SmsHook, SmsStatusHook
from channels.chat.telegram import TelegramHook
from channels.chat.whatsapp import WhatsAppHook
from channels.rails.stripe import StripeHook
from storage import inbox
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import Engine, make_engine
from storage.filer import Filer
from storage.vault import Vault, new_keys
from tests.vendors import SENDGRID, SETTINGS
from tests.web.browsers import browser, chromium

__all__ = ["browser", "chromium"]


@dataclass(frozen=True, slots=True)
class Site:
    """A running web role and what stands behind it."""

    url: str
    session: aiohttp.ClientSession
    engine: Engine
    vault: Vault
    clock: Clock
    bell: Bell

    async def get(self, path: str) -> tuple[int, str]:
        """Ask for a page; redirects are not followed."""
        async with self.session.get(self.url + path, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def arrivals(self) -> list[inbox.Arrival]:
        """What waits in the inbox, the oldest of each party."""
        async with self.engine.connect() as conn:
            return await inbox.claim(conn, self.vault, 1000)


def hooks() -> dict[str, Hook]:
    """The hooks that tests/vendors.py signs for."""
    token, public = SETTINGS["TWILIO_AUTH_TOKEN"], SETTINGS["PUBLIC_URL"]
    return {
        "/hooks/whatsapp": WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"]),
        "/hooks/sms": SmsHook(token, public),
        "/hooks/sms/status": SmsStatusHook(token, public),
        "/hooks/telegram": TelegramHook(SETTINGS["TELEGRAM_WEBHOOK_SECRET"]),
        "/hooks/sendgrid": SendGridHook(SENDGRID["SENDGRID_WEBHOOK_PUBLIC_KEY"], time.time),
        "/hooks/stripe": StripeHook((SETTINGS["STRIPE_WEBHOOK_SECRET"],), time.time),
    }


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def bell(database_url: str) -> AsyncIterator[Bell]:
    async with Bell(database_url) as bell:
        yield bell


def parts(engine: Engine, bell: Bell, **changed: object) -> tuple[WebParts, Vault]:
    """Parts of a development service whose channels are all there."""
    vault, clock = Vault.from_keys(new_keys()), Clock()
    given = {
        "engine": engine,
        "filer": Filer(engine, vault, clock, bell),
        "clock": clock,
        "bell": bell,
        "hooks": hooks(),
        "channels": {"whatsapp": "on", "sms": "on", "telegram": "simulated", "email": "off"},
        "rails": {"CASH": "on", "SANDBOX": "on", "NCB": "off"},
        "reach": lambda: Reach(whatsapp="+18765550199", sms="+18765550199", telegram="pardna_bot"),
        "development": True,
        "stop_links": StopLinks(vault, ""),
    }
    return WebParts(**{**given, **changed}), vault  # type: ignore[arg-type] # a test names what it changes


async def running(made: WebParts, vault: Vault) -> AsyncIterator[Site]:
    """Serve until the test is over."""
    runner = make_runner(make_app(made))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        yield Site(url, session, made.engine, vault, made.clock, made.bell)
    await runner.cleanup()


@pytest.fixture
async def site(engine: Engine, bell: Bell) -> AsyncIterator[Site]:
    """A development service."""
    async for site in running(*parts(engine, bell)):
        yield site


@pytest.fixture
async def production(engine: Engine, bell: Bell) -> AsyncIterator[Site]:
    """A service with neither simulator nor sandbox, and no hook but WhatsApp's."""
    only = {"/hooks/whatsapp": hooks()["/hooks/whatsapp"]}
    async for site in running(*parts(engine, bell, development=False, hooks=only)):
        yield site


@pytest.fixture
async def cut_off(bell: Bell) -> AsyncIterator[Site]:
    """A development service whose database does not answer: nothing listens on that port."""
    nowhere = make_engine("postgresql://nobody@127.0.0.1:9/none")
    async for site in running(*parts(nowhere, bell)):
        yield site
    await nowhere.dispose()
