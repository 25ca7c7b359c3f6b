"""The aiohttp application: which address is answered by whom, and what every answer has in common.

Built from parts that the composition root made; nothing here opens a connection or reads a setting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import web

import bot.simulator
from bot.drawing.press import Press
from bot.floodgate import PER_MINUTE, Floodgate
from bot.letters import Letters, StopLinks
from bot.simulator.views import SimulatorViews
from bot.telemetry import Metrics
from bot.web import hooks
from bot.web.answers import LARGEST_BODY_BYTES, guarded
from bot.web.assets import Looks
from bot.web.callers import Callers, Network
from bot.web.documents import DocumentPages
from bot.web.health import Health
from bot.web.hooks import Filer
from bot.web.mail import MailPages
from bot.web.pages import PublicPages, Reach
from bot.web.pay import Account, CardPage, PayPage
from bot.words.catalogue import Catalogue
from channels.base import Hook
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import Engine
from storage.limits import Limits
from storage.pages import Pages
from storage.pulse import Pulse

SIMULATOR: Final = Path(bot.simulator.__file__).parent
SHUTDOWN_SECONDS: Final = 10.0
"""How long requests in flight may take to end when the service stops."""


@dataclass(frozen=True, slots=True)
class WebParts:
    """What the pages and hooks stand on."""

    engine: Engine
    filer: Filer
    clock: Clock
    bell: Bell
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    """By path (`/hooks/sms`), those that are switched on."""
    channels: Mapping[str, str] = field(default_factory=dict)
    """Each chat channel: on, off or simulated."""
    rails: Mapping[str, str] = field(default_factory=dict)
    """Each rail: on or off."""
    reach: Callable[[], Reach] = Reach
    """Where people write to us, as far as it is known now."""
    public_url: str = ""
    development: bool = False
    """Then there are the simulator and the sandbox's answers on the pay page."""
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """Where members transfer to, by carrier."""
    card_page: CardPage | None = None
    """Who opens the card pages of payments by PowerTranz."""
    press: Press | None = None
    """Who draws the documents that links open."""
    stop_links: StopLinks | None = None
    """Who reads the links that end mail to an address."""
    metrics: Metrics = field(default_factory=Metrics)
    limits: Limits = field(default_factory=Limits)
    inbound_per_minute: int = PER_MINUTE
    """How much of one address is read as it comes."""
    proxies: Sequence[Network] = ()
    """Of whom X-Forwarded-For is believed."""


def make_app(parts: WebParts) -> web.Application:
    """Build the application. Raises ValueError for a hook at a path that no provider calls."""
    looks = Looks(Catalogue(parts.public_url, parts.metrics.lacks_text), SIMULATOR)
    pages, clock = Pages(parts.engine), parts.clock
    switches = {"channels": parts.channels, "rails": parts.rails}
    health = Health(Pulse(parts.engine), clock, switches, parts.metrics.registry)
    public = PublicPages(pages, looks, parts.reach, parts.public_url, simulator=parts.development)
    pay = PayPage(
        pages, looks, parts.filer, clock, accounts=parts.accounts, card_page=parts.card_page, sandbox=parts.development
    )
    callers = Callers(parts.limits, parts.proxies)
    gate = Floodgate(parts.filer, parts.limits, parts.metrics, per_minute=parts.inbound_per_minute)
    routes = [
        *hooks.routes(parts.hooks, gate, callers, parts.metrics),
        *health.routes(),
        *public.routes(),
        *pay.routes(),
        *(DocumentPages(parts.press, looks).routes() if parts.press else ()),
        *(MailPages(parts.stop_links, looks, parts.filer).routes() if parts.stop_links else ()),
        web.get("/static/{name}", looks.static()),
    ]
    app = web.Application(client_max_size=LARGEST_BODY_BYTES)
    if parts.development:
        letters = Letters(looks.catalogue, parts.stop_links) if parts.stop_links else None
        simulator = SimulatorViews(parts.engine, parts.filer, clock, parts.bell, looks, letters=letters)
        routes += simulator.routes()
        app.on_shutdown.append(simulator.close)
    app.add_routes(guarded(callers.no_guessing(routes), parts.metrics))
    return app


def make_runner(app: web.Application) -> web.AppRunner:
    """Make what serves the application.

    No access log: it would hold addresses and tokens. Bodies stay packed as they came, as they were signed.
    """
    return web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=SHUTDOWN_SECONDS)
