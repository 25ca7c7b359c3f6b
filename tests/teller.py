"""People with phones, for tests that read as a chat: `await marva.says("PAY").sees("J$5,000")`.

A house of real parts (PostgreSQL, filer, desk, relay, keeper) without the web: what is said is filed in the inbox
as a hook would, and what is seen is what lies on the simulator's phones.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count

from sqlalchemy import text

from bot.actions.turn import Tools
from bot.auditor import Auditor
from bot.desk import Desk
from bot.drawing.press import Press
from bot.fetching import Fetcher
from bot.keeper import Keeper
from bot.relay import Relay
from bot.sealer import Sealer
from bot.simulator.chat import SimulatedChat
from bot.simulator.mover import Mover
from bot.telemetry import Metrics
from bot.words.catalogue import Catalogue
from channels.base import Chat, Rail
from channels.partner import PartnerCaller
from channels.rails.sandbox import SandboxRail
from channels.scanner import Scanner
from domain.house import BUILT_IN, HouseRules
from domain.messages import Channel, Filed, Inbound, InboundKind, Outgoing
from domain.money import Currency
from domain.payments import How, Route
from domain.people import Role
from domain.schedule import Calendar
from storage import ledger, queries, simulated
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import Engine, make_engine
from storage.filer import Filer
from storage.pulse import Pulse
from storage.vault import Vault, new_keys

SITE = "http://127.0.0.1:8080"
PATIENCE_SECONDS = 30.0
PIN = "4826"
PIN_QUESTIONS = ("type your PIN", "Choose 4 to 6 fig", "same PIN once more", "type yuh PIN", "same PIN once more")
"""What the bot says when it asks for a PIN, a first one, or the same again; in both languages."""
HOLIDAYS = frozenset({date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)})
numbers = count(1)


@dataclass
class House:
    """The service's parts in this process, and the phones that talk to it."""

    engine: Engine
    vault: Vault
    clock: Clock
    bell: Bell
    filer: Filer
    desk: Desk
    mover: Mover
    phones: dict[str, "Phone"] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    handset: "Callable[[House, Channel, str, str], Phone]" = field(default_factory=lambda: Phone)
    """What makes a phone."""

    def phone(self, channel: str, address: str, name: str = "") -> "Phone":
        """Give somebody a phone."""
        return self.phones.setdefault(f"{channel}:{address}", self.handset(self, Channel(channel), address, name))

    async def seal(self) -> None:
        """Seal what is new in the books, as the sealer does every few seconds of the wall clock."""
        while await Sealer(self.engine, metrics=Metrics()).seal_once():
            pass

    async def rest(self) -> None:
        """Wait until nothing is left to do at this time of the clock."""
        await self.seal()
        await self.mover.move(lambda now: now)

    async def pass_days(self, days: float) -> None:
        """Move the clock; every duty on the way runs at its own time."""
        await self.seal()
        await self.mover.move(lambda now: now + timedelta(days=days))

    async def go_to(self, at: datetime) -> None:
        """Move the clock to a time."""
        await self.seal()
        await self.mover.move(lambda _: at)

    @asynccontextmanager
    async def closed_desk(self) -> AsyncIterator[None]:
        """Let what arrives wait; on leaving, the desk works again."""
        self.tasks["desk"].cancel()
        await asyncio.gather(self.tasks["desk"], return_exceptions=True)
        yield
        self.tasks["desk"] = asyncio.create_task(self.desk.run())

    async def hire(self, phone: "Phone", role: Role = Role.ADMIN) -> None:
        """Make a phone's address staff."""
        async with self.engine.begin() as conn:
            await queries.add_staff(conn, phone.party, role, self.clock.now())

    async def books_are_right(self) -> None:
        """Prove the ledger."""
        async with self.engine.connect() as conn:
            assert (await ledger.verify(conn)).faults == ()
            parked = (await conn.execute(text("SELECT kind, fault FROM inbox WHERE parked_at IS NOT NULL"))).all()
            assert parked == []

    async def balances(self, circle: str) -> dict[str, int]:
        """Return the accounts of a circle that are not empty."""
        async with self.engine.connect() as conn:
            return await ledger.open_balances(conn, circle)


@dataclass
class Phone:
    """One address and what lies on it."""

    house: House
    channel: Channel
    address: str
    name: str = ""
    seen: int = 0
    messages: list[Outgoing] = field(default_factory=list)
    unread: list[Outgoing] = field(default_factory=list)
    """What came since something was said and was not what a test waited for: it may wait for it next."""
    pin: str = PIN
    """Typed whenever the bot asks for one and something else is waited for; "" leaves the question open."""

    @property
    def party(self) -> str:
        return f"{self.channel}:{self.address}"

    @property
    def last(self) -> Outgoing:
        return self.messages[-1]

    @property
    def text(self) -> str:
        """All that lies on the phone."""
        return "\n".join(m.text for m in self.messages)

    def says(self, what: str) -> "Line":
        """Type something."""
        return Line(self, Inbound(self.channel, self.address, InboundKind.TEXT, text=what, name=self.name))

    def does(self, kind: InboundKind, **parts: str) -> "Line":
        """Do something else than writing: block the bot, share a card, change what was written."""
        return Line(self, Inbound(self.channel, self.address, kind, name=self.name, **parts))  # type: ignore[arg-type]

    async def types(self, what: str) -> None:
        """Type something without looking at what lies there."""
        inbound = Inbound(self.channel, self.address, InboundKind.TEXT, text=what, name=self.name)
        ident = f"said-{next(numbers)}"
        await self.house.filer.file([Filed(self.channel.value, ident, self.party, "chat", inbound.as_json())])

    def sends(self, file: str = "sample", text: str = "") -> "Line":
        """Send a picture or a document that the network calls so."""
        return Line(self, Inbound(self.channel, self.address, InboundKind.MEDIA, text=text, name=self.name, file=file))

    def taps(self, label: str, on: str = "") -> "Line":
        """Tap the button, or type the number, of an answer that the last choice offered.

        `on`: the network's id of the message with the button, where it wants to hear that the tap was taken.
        """
        offered = next(m for m in reversed(self.messages) if m.options)
        number, option = next((n, o) for n, o in enumerate(offered.options, 1) if label in (o.label, o.id))
        if self.channel is Channel.SMS:
            return self.says(str(number))
        tap = f"tap-{next(numbers)}" if on else ""
        kind = InboundKind.CHOICE
        return Line(
            self, Inbound(self.channel, self.address, kind, choice=option.id, name=self.name, message_id=tap, on=on)
        )

    async def look(self) -> list[Outgoing]:
        """Read what is new."""
        async with self.house.engine.connect() as conn:
            shown = await simulated.shown(conn, self.channel.value, self.address, self.seen)
        self.messages += [one.message for one in shown]
        self.seen = shown[-1].id if shown else self.seen
        return [one.message for one in shown]

    async def saw(self, *parts: str) -> bool:
        """Say whether any message on the phone holds all parts."""
        await self.look()
        return any(all(part.casefold() in _whole(m).casefold() for part in parts) for m in self.messages)

    async def sees(self, *parts: str) -> Outgoing:
        """See a message that holds all parts, among those since something was said. A PIN asked for is typed."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            new = await self.look()
            self.unread += new
            for message in self.unread:
                if all(part.casefold() in _whole(message).casefold() for part in parts):
                    self.unread.remove(message)
                    return message
            if self.pin and any(question in m.text for m in new for question in PIN_QUESTIONS):
                await self.types(self.pin)
            await asyncio.sleep(0.02)
        heard = "\n---\n".join(map(_whole, self.unread)) or "nothing"
        raise AssertionError(f"{self.party} expected {parts} and saw:\n{heard}")


def _whole(message: Outgoing) -> str:
    return "\n".join([message.text, *(f"[{o.label}]" for o in message.options)])


class Line:
    """Something said: awaited by itself, or with what is then seen."""

    def __init__(self, phone: Phone, inbound: Inbound) -> None:
        self._phone = phone
        self._inbound = inbound

    def __await__(self) -> Generator[object, None, None]:
        return self._say().__await__()

    async def _say(self) -> None:
        await self._phone.look()
        self._phone.unread.clear()
        ident = f"said-{next(numbers)}"
        filed = Filed(self._phone.channel.value, ident, self._phone.party, "chat", self._inbound.as_json())
        await self._phone.house.filer.file([filed])

    async def sees(self, *parts: str) -> Outgoing:
        """Say it and see a message that holds all parts."""
        await self._say()
        return await self._phone.sees(*parts)


ROUTES = (
    Route("SANDBOX", "sandbox", How.AT_ONCE, frozenset(Currency), pays=frozenset({"any"})),
    Route("CARD", "sandbox", How.PAGE, frozenset(Currency)),
)
"""The sandbox alone, as in development."""


@asynccontextmanager
async def open_house(
    url: str,
    *,
    routes: Iterable[Route] = ROUTES,
    at: datetime | None = None,
    rail: Rail | None = None,
    carriers: Mapping[str, Rail] | None = None,
    network: Callable[[Chat], Chat] = lambda chat: chat,
    holidays: frozenset[date] = HOLIDAYS,
    rules: HouseRules = BUILT_IN,
    channels: frozenset[Channel] = frozenset(Channel),
    past_sim: bool = False,
    partners: PartnerCaller | None = None,
    bot: str = "",
    scanner: Scanner | None = None,
) -> AsyncIterator[House]:
    """Start the parts on a fresh database, tomorrow at ten in the morning in Jamaica unless told otherwise.

    `network` may put something between the relay and the phones of each chat network.
    """
    engine = make_engine(url)
    vault = Vault.from_keys(new_keys())
    clock = Clock()
    async with Bell(url) as bell:
        filer = Filer(engine, vault, clock, bell)
        metrics = Metrics()
        by_word = {route.word: route for route in routes}
        chance, new_id = secrets.randbelow, lambda: secrets.token_hex(12)
        tools = Tools(Calendar(holidays), vault, chance, new_id, SITE, by_word, rules, lambda: bot, channels, past_sim)
        catalogue = Catalogue(SITE)
        desk = Desk(engine, vault, clock, bell, catalogue=catalogue, tools=tools, metrics=metrics)
        press = Press(engine, vault, clock, catalogue)
        chats = {c.value: network(SimulatedChat(c.value, engine, clock)) for c in channels}
        by_name = {"sandbox": rail or SandboxRail(), **(carriers or {})}
        relay = Relay(
            engine,
            vault,
            clock,
            bell,
            chats=chats,
            rails=by_name,
            metrics=metrics,
            press=press,
            partners=partners,
            fetch=Fetcher(engine, vault, clock, chats, scanner),
            paced=False,
        )
        keeper = Keeper(engine, vault, clock, bell, metrics=metrics)
        house = House(engine, vault, clock, bell, filer, desk, Mover(engine, clock, Pulse(engine)))
        parts = {"desk": desk.run(), "relay": relay.run(), "keeper": keeper.run()}
        parts["auditor"] = Auditor(engine, clock, metrics=metrics).run()
        parts["clock"] = clock.follow(engine, bell)
        house.tasks = {name: asyncio.create_task(running) for name, running in parts.items()}
        try:
            await house.go_to(at or next_morning(clock.now()))
            yield house
        finally:
            for task in house.tasks.values():
                if task.done():
                    task.result()  # a part that ended by itself ended by a fault
                task.cancel()
            await asyncio.gather(*house.tasks.values(), return_exceptions=True)
            await engine.dispose()


def next_morning(now: datetime) -> datetime:
    """Return ten in the morning in Jamaica, tomorrow."""
    return (now + timedelta(days=1)).replace(hour=15, minute=0, second=0, microsecond=0)


async def onboard(phone: Phone, name: str, language: str = "EN") -> None:
    """Bring somebody through the first chat."""
    await phone.says("hello").sees("What name")
    await phone.says(name).sees("agree")
    await phone.taps("I agree").sees("language")
    await phone.says(language).sees("You are in")
