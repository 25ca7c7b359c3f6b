"""The composition root: the only place where adapters are built and the service's parts are put together.

`serve` runs any of the four roles (web, desk, relay, keeper) in one process until it is told to stop; with
several workers it starts that many processes of itself on one port.
"""

import asyncio
import gc
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import aiohttp
import structlog
from aiohttp import web

from bot import rails, sms, telegram
from bot.actions.turn import Tools
from bot.auditor import Auditor
from bot.config import Settings, SettingsError
from bot.desk import Desk
from bot.drawing.press import Press
from bot.fetching import Fetcher
from bot.floodgate import Floodgate
from bot.keeper import Keeper
from bot.letters import Letters, StopLinks
from bot.place import channel_states, database, jamaican_calendar, public_url
from bot.relay import Relay
from bot.sealer import Sealer
from bot.simulator.chat import SimulatedChat
from bot.telegram import BotName
from bot.telemetry import Metrics
from bot.web.app import WebParts, make_app, make_runner
from bot.web.pages import Reach
from bot.words.catalogue import Catalogue
from channels.base import Chat, Hook, Rail
from channels.chat.email import Email, SendGridHook
from channels.chat.sms import SmsGateHook, SmsHook, SmsStatusHook
from channels.chat.telegram import Telegram, TelegramHook
from channels.chat.whatsapp import WhatsApp, WhatsAppHook
from channels.http import Http
from channels.partner import PartnerCaller, outside_session
from channels.rails.sandbox import SandboxRail
from channels.rails.stripe import StripeHook, StripeRail, is_live
from channels.scanner import make_scanner
from domain.messages import Channel
from domain.money import Currency
from domain.payments import CARD, SANDBOX, US_CARD, WALLETS, How, Route
from domain.people import Role
from storage import queries
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import Engine, make_engine
from storage.filer import Filer
from storage.limits import Limits
from storage.migrate import migrate, pending
from storage.partners import CARRIER
from storage.sim_phone import PhoneWatch
from storage.vault import Vault

WORKER: Final = "PARDNA_WORKER"
"""Set in a worker's environment to its parent's process id: it shares that one's database and port."""
ORPHAN_SECONDS: Final = 1.0
LAST_CALLERS_SECONDS: Final = 0.05
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every role stands on."""

    settings: Settings
    engine: Engine
    vault: Vault
    clock: Clock
    bell: Bell
    filer: Filer
    metrics: Metrics
    limits: Limits
    session: aiohttp.ClientSession
    outside: aiohttp.ClientSession
    """For addresses that others chose: partners, and networks that say where a file lies."""
    public_url: str
    bot: BotName
    """What Telegram calls our bot."""


@asynccontextmanager
async def parts_on(settings: Settings, url: str, port: int) -> AsyncIterator[Parts]:
    """Build what every role stands on, and take it down again."""
    engine, clock, metrics = make_engine(url), Clock(), Metrics()
    vault = settings.vault()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        bell = await stack.enter_async_context(Bell(url))
        limits = await stack.enter_async_context(Limits(settings.redis_url, observe=metrics.show_limits))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        outside = await stack.enter_async_context(outside_session())
        async with engine.begin() as conn:
            await clock.load(conn)
            for party in settings.staff:
                await queries.add_staff(conn, party, Role.ADMIN, clock.now())
        filer = Filer(engine, vault, clock, bell)
        site = public_url(settings, port)
        yield Parts(settings, engine, vault, clock, bell, filer, metrics, limits, session, outside, site, BotName())


def make_routes(settings: Settings) -> dict[str, Route]:
    """Return the ways for money that are on, by the word that names them, in the order they are offered in."""
    every, dollars = frozenset(Currency), frozenset({Currency.USD})
    routes: list[Route] = []
    if settings.development:
        routes.append(Route(SANDBOX, "sandbox", How.AT_ONCE, every, pays=frozenset({"any"})))
    if card := settings.card_carrier:
        routes += [Route(CARD, card, How.PAGE, every), Route(US_CARD, card, How.PAGE, dollars)]
    for carrier, rail in settings.transfer_rails().items():
        wallet = carrier in WALLETS
        routes.append(
            Route(
                carrier.upper(),
                carrier,
                How.TRANSFER if rail.labelled else How.PAGE,
                frozenset({Currency.JMD}),
                rail.lines,
                pays=frozenset({"wallet" if wallet else "bank"}),
                most_out=settings.rules.wallet_most.minor if wallet else 0,
            )
        )
    return {route.word: route for route in routes}


def make_tools(parts: Parts) -> Tools:
    """Lend the actions what the house has."""
    return Tools(
        calendar=jamaican_calendar(parts.clock.now().year, parts.settings.rules),
        vault=parts.vault,
        randbelow=secrets.randbelow,
        new_id=lambda: secrets.token_hex(12),
        site=parts.public_url,
        routes=make_routes(parts.settings),
        rules=parts.settings.rules,
        bot=lambda: parts.bot.said,
        channels=parts.settings.providers | parts.settings.simulated,
        past_sim=parts.settings.by_twilio,
    )


def make_catalogue(parts: Parts) -> Catalogue:
    """Read all copy; what a language lacks is counted."""
    return Catalogue(parts.public_url, parts.metrics.lacks_text)


def make_desk(parts: Parts) -> Desk:
    """Build the desk."""
    tools = make_tools(parts)
    return Desk(
        parts.engine,
        parts.vault,
        parts.clock,
        parts.bell,
        catalogue=make_catalogue(parts),
        tools=tools,
        metrics=parts.metrics,
        crowd=lambda: parts.filer.waiting,
    )


def make_hooks(settings: Settings, site: str, bot: BotName) -> dict[str, Hook]:
    """Build the hooks that are on, by path."""
    hooks: dict[str, Hook] = {}
    if "whatsapp" in settings.hooks:
        secret, token = settings.whatsapp_app_secret, settings.whatsapp_verify_token
        hooks["/hooks/whatsapp"] = WhatsAppHook(secret.get_secret_value(), token.get_secret_value())
    if "sms" in settings.hooks:
        token_text = settings.twilio_auth_token.get_secret_value()
        hooks["/hooks/sms"] = SmsHook(token_text, site)
        hooks["/hooks/sms/status"] = SmsStatusHook(token_text, site)
    if "smsgate" in settings.hooks:
        hooks[sms.PATH] = SmsGateHook(settings.smsgate_signing_key.get_secret_value(), _unix_now)
    if "telegram" in settings.hooks:
        hooks[telegram.PATH] = TelegramHook(settings.telegram_webhook_secret.get_secret_value(), lambda: bot.said)
    if "sendgrid" in settings.hooks:
        hooks["/hooks/sendgrid"] = SendGridHook(settings.sendgrid_webhook_public_key, _unix_now)
    if "stripe" in settings.hooks:
        secrets_ = tuple(s.strip() for s in settings.stripe_webhook_secret.get_secret_value().split(",") if s.strip())
        hooks["/hooks/stripe"] = StripeHook(
            secrets_, _unix_now, live=is_live(settings.stripe_api_key.get_secret_value())
        )
    return {**hooks, **rails.make_bank_hooks(settings, _unix_now, f"{site}/pay/thanks")}


def _unix_now() -> float:
    return datetime.now(UTC).timestamp()


def _http(parts: Parts, party: str, session: aiohttp.ClientSession | None = None) -> Http:
    def observe(name: str, outcome: object, seconds: float) -> None:
        parts.metrics.provider.labels(name, str(outcome)).observe(seconds)

    return Http(session or parts.session, party, observe=observe)


def make_telegram(parts: Parts) -> Telegram:
    """Build the Telegram adapter."""
    settings = parts.settings
    return Telegram(_http(parts, "telegram"), settings.telegram_api_url, settings.telegram_token.get_secret_value())


def make_chats(parts: Parts, awake: Callable[[], bool]) -> dict[str, Chat]:
    """Build the chats that send: through their provider where it is set up, else on the simulator's phones.

    `awake` tells whether the phone with the local SIM was heard lately.
    """
    settings = parts.settings
    chats: dict[str, Chat] = {c.value: SimulatedChat(c.value, parts.engine, parts.clock) for c in settings.simulated}
    if Channel.WHATSAPP in settings.providers:
        chats["whatsapp"] = WhatsApp(
            _http(parts, "whatsapp"),
            settings.whatsapp_api_url,
            settings.whatsapp_token.get_secret_value(),
            settings.whatsapp_phone_number_id,
            rate_per_second=settings.whatsapp_per_second,
            outside=_http(parts, "whatsapp files", parts.outside),
        )
    if Channel.SMS in settings.providers:
        http = partial(_http, parts)
        outside = _http(parts, "sms files", parts.outside)
        chats["sms"] = sms.make_sms(settings, http, parts.public_url, awake=awake, limits=parts.limits, outside=outside)
    if Channel.TELEGRAM in settings.providers:
        chats["telegram"] = make_telegram(parts)
    if Channel.EMAIL in settings.providers:
        chats["email"] = Email(
            _http(parts, "sendgrid"),
            settings.sendgrid_api_url,
            settings.sendgrid_api_key.get_secret_value(),
            settings.sendgrid_from,
            Letters(make_catalogue(parts), StopLinks(parts.vault, parts.public_url)).write,
            rate_per_second=settings.sendgrid_per_second,
        )
    return chats


def make_rails(parts: Parts) -> dict[str, Rail]:
    """Build the carriers that are asked for money over the network; a bank without an API is paid by file."""
    settings, http = parts.settings, partial(_http, parts)
    made: dict[str, Rail] = dict(rails.make_operator_rails(settings, http))
    if settings.has("stripe_api_key"):
        key = settings.stripe_api_key.get_secret_value()
        made["stripe"] = StripeRail(http("stripe"), key, settings.stripe_api_url, _unix_now)
    if gateway := rails.make_powertranz(settings, http, parts.public_url):
        made["powertranz"] = gateway
    if settings.development:
        address = settings.sandbox_api_url
        made["sandbox"] = SandboxRail(http("sandbox"), address) if address else SandboxRail()
    return made


def make_partner_caller(parts: Parts) -> PartnerCaller:
    """Build what calls partners' web hooks."""
    return PartnerCaller(_http(parts, CARRIER, parts.outside), development=parts.settings.development)


def make_press(parts: Parts) -> Press:
    """Build what draws documents."""
    return Press(parts.engine, parts.vault, parts.clock, make_catalogue(parts))


async def run_relay(parts: Parts) -> None:
    """Send until cancelled, and look after the phone with the local SIM meanwhile."""
    silent_after = sms.silent_after(parts.settings)
    watch = PhoneWatch(parts.engine, silent_after) if silent_after else None
    if watch is None:
        await make_relay(parts).run()
        return
    await watch.look()
    async with asyncio.TaskGroup() as group:
        group.create_task(watch.run())
        group.create_task(make_relay(parts, watch.is_awake).run())


def make_relay(parts: Parts, awake: Callable[[], bool] = lambda: False) -> Relay:
    """Build the relay."""
    chats = make_chats(parts, awake)
    scanner = make_scanner(parts.settings.virus_scan)
    return Relay(
        parts.engine,
        parts.vault,
        parts.clock,
        parts.bell,
        chats=chats,
        rails=make_rails(parts),
        metrics=parts.metrics,
        press=make_press(parts),
        partners=make_partner_caller(parts),
        fetch=Fetcher(parts.engine, parts.vault, parts.clock, chats, scanner),
        limits=parts.limits,
        paced=parts.settings.pardna_paces,
    )


def make_keeper(parts: Parts) -> Keeper:
    """Build the keeper."""
    carriers = {route.carrier for route in make_routes(parts.settings).values()}
    by_file = [carrier for carrier, rail in parts.settings.transfer_rails().items() if not rail.has_api]
    return Keeper(
        parts.engine,
        parts.vault,
        parts.clock,
        parts.bell,
        metrics=parts.metrics,
        carriers=carriers,
        by_file=by_file,
        phone_silent_after=sms.silent_after(parts.settings),
    )


async def keep(parts: Parts) -> None:
    """Keep the clock, seal the books and audit them until cancelled."""
    auditor = Auditor(parts.engine, parts.clock, metrics=parts.metrics)
    sealer = Sealer(parts.engine, metrics=parts.metrics)
    await asyncio.gather(make_keeper(parts).run(), sealer.run(), auditor.run())


async def run_web(parts: Parts, port: int, *, share_port: bool, listening: asyncio.Event) -> None:
    """Serve hooks and pages until cancelled. Telegram is polled when nobody can call us."""
    settings = parts.settings
    app = make_app(
        WebParts(
            engine=parts.engine,
            filer=parts.filer,
            clock=parts.clock,
            bell=parts.bell,
            hooks=make_hooks(settings, parts.public_url, parts.bot),
            channels=channel_states(settings),
            rails=rails.rail_states(settings),
            accounts={carrier: rail.labelled for carrier, rail in settings.transfer_rails().items()},
            card_page=rails.make_powertranz(settings, partial(_http, parts), parts.public_url),
            reach=lambda: Reach(sms=settings.smsgate_number or settings.twilio_from, telegram=parts.bot.said),
            public_url=parts.public_url,
            development=settings.development,
            press=make_press(parts),
            stop_links=StopLinks(parts.vault, parts.public_url),
            metrics=parts.metrics,
            limits=parts.limits,
            inbound_per_minute=settings.inbound_per_minute,
            proxies=settings.proxies,
        )
    )
    runner = make_runner(app)
    await runner.setup()
    try:
        host = "127.0.0.1" if settings.development else "0.0.0.0"  # noqa: S104 - production listens for its proxy
        site = web.TCPSite(runner, host, port, backlog=4096, reuse_port=share_port or None)
        try:
            await site.start()
        except OSError as fault:
            why = os.strerror(fault.errno or 0).lower()
            raise SettingsError([f"PORT: cannot listen on {host}:{port} ({why}); set another one"]) from None
        listening.set()
        await asyncio.gather(_telegram(parts), _phone(parts))
    finally:
        # aiohttp waits its whole time for a connection made in the very moment of the end, which asked nothing yet.
        await asyncio.gather(*(site.stop() for site in runner.sites))
        await asyncio.sleep(LAST_CALLERS_SECONDS)
        await runner.cleanup()


async def _telegram(parts: Parts) -> None:
    """Show people on Telegram what there is, hear what they write, and wait for ever."""
    if Channel.TELEGRAM in parts.settings.providers:
        adapter = make_telegram(parts)
        per_minute = parts.settings.inbound_per_minute
        gate = Floodgate(parts.filer, parts.limits, parts.metrics, per_minute=per_minute)
        heard = telegram.listen(adapter, parts.settings, gate.file, parts.bot)
        await asyncio.gather(telegram.introduce(adapter, make_catalogue(parts)), heard)
    await asyncio.Event().wait()


async def _phone(parts: Parts) -> None:
    """Have the phone with the local SIM tell us what it hears."""
    if gate := sms.make_gate(parts.settings, partial(_http, parts)):
        await sms.announce(gate, parts.public_url)


async def serve(settings: Settings, *, roles: tuple[str, ...], port: int, workers: int = 1) -> None:
    """Run roles until SIGINT or SIGTERM. Raises SettingsError when the database is not ready for this release."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    is_worker = WORKER in os.environ
    async with database(settings) as url:
        if settings.development and not is_worker:
            await migrate(url)
        elif await pending(url):
            raise SettingsError(["the database is of another release: run `pardna migrate` first"])
        if workers > 1:
            await _run_workers(url, roles, port, workers, stop)
        else:
            await _run_roles(settings, url, roles, port, stop)


async def _end_with_parent(stop: asyncio.Event) -> None:
    """End a worker whose parent is gone, however it went: the port and the database were the parent's."""
    parent = int(os.environ[WORKER])
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing rings when a process is gone
        await asyncio.sleep(ORPHAN_SECONDS)
    stop.set()


def _rest_the_collector() -> None:
    """Let Python look for cycles seldom: what was built at the start stays, and turns leave hardly any.

    With the usual thresholds it walks all objects so often that it takes a sixth of the processor under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _run_roles(settings: Settings, url: str, roles: tuple[str, ...], port: int, stop: asyncio.Event) -> None:
    async with parts_on(settings, url, port) as parts:
        listening = asyncio.Event()
        share = WORKER in os.environ
        runs: dict[str, Callable[[], Awaitable[None]]] = {
            "web": partial(run_web, parts, port, share_port=share, listening=listening),
            "desk": lambda: make_desk(parts).run(),
            "relay": lambda: run_relay(parts),
            "keeper": lambda: keep(parts),
        }
        tasks = [asyncio.ensure_future(runs[role]()) for role in roles]
        tasks.append(asyncio.ensure_future(parts.clock.follow(parts.engine, parts.bell)))
        waits = asyncio.ensure_future(stop.wait())
        if Channel.TELEGRAM in settings.providers and {"web", "desk"} & set(roles):
            tasks.append(asyncio.ensure_future(parts.bot.learn(make_telegram(parts))))
        if "web" in roles:
            announce = asyncio.ensure_future(_announce(settings, parts.public_url, listening))
            tasks.append(announce)
        if share:
            tasks.append(asyncio.ensure_future(_end_with_parent(stop)))
        _rest_the_collector()
        try:
            await _until_one_ends(tasks, waits)
        finally:
            for task in [*tasks, waits]:
                task.cancel()
            await asyncio.gather(*tasks, waits, return_exceptions=True)


async def _until_one_ends(tasks: Iterable[asyncio.Future[None]], waits: asyncio.Future[Any]) -> None:
    """Wait for the word to stop; a part that fails takes the process with it."""
    running: set[asyncio.Future[Any]] = {*tasks, waits}
    while not waits.done():
        ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()


async def _announce(settings: Settings, site: str, listening: asyncio.Event) -> None:
    await listening.wait()
    if WORKER not in os.environ:
        address = f"{site}/sim" if settings.development else site
        print(f"Digital Pardna is open: {address}", flush=True)


async def _run_workers(url: str, roles: tuple[str, ...], port: int, workers: int, stop: asyncio.Event) -> None:
    """Start processes of ourselves that share the port, start one again that died, and end all with us."""
    command = [sys.executable, "-m", "bot", "serve", "--role", ",".join(roles), "--port", str(port)]
    environment = {**os.environ, "DATABASE_URL": url, WORKER: str(os.getpid())}
    running = [subprocess.Popen(command, env=environment) for _ in range(workers)]  # noqa: ASYNC220 - ourselves
    print(f"Digital Pardna is open: http://127.0.0.1:{port}/sim ({workers} workers)", flush=True)
    try:
        while not stop.is_set():
            for place, worker in enumerate(running):
                if worker.poll() is not None:
                    log.error("a worker died and is started again", code=worker.returncode)
                    running[place] = subprocess.Popen(command, env=environment)  # noqa: ASYNC220 - ourselves
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(worker.wait, 15)
            worker.kill()
