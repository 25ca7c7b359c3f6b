"""`pardna demo`: a whole circle in the terminal, from NEW to the last draw, with the clock moved.

It runs on a database of its own and speaks only through the inbox, as people do; what is shown is what lay on the
phones of the simulator.
"""

import argparse
import asyncio
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from bot.app import Parts, make_desk, make_relay, parts_on
from bot.config import Settings
from bot.keeper import Keeper
from bot.place import database
from bot.simulator.mover import Mover
from domain.messages import Channel, Filed, Inbound, InboundKind, Outgoing
from domain.people import Role
from domain.schedule import local
from storage import ledger, queries, simulated
from storage.migrate import migrate
from storage.pulse import Pulse

PORT: Final = 8080
PATIENCE_SECONDS: Final = 10.0
COLOURS: Final = {Channel.WHATSAPP: "green", Channel.SMS: "yellow", Channel.TELEGRAM: "cyan"}
CAST: Final = (
    (Channel.WHATSAPP, "+18765550101", "Marva Brown"),
    (Channel.SMS, "+18765550102", "Devon Clarke"),
    (Channel.TELEGRAM, "5550103", "Keisha Reid"),
    (Channel.WHATSAPP, "+18765550104", "Andre Wright"),
    (Channel.SMS, "+18765550105", "Patsy Green"),
)
CLERK: Final = (Channel.TELEGRAM, "5550999", "Joy Office")
PIN: Final = "4826"
PIN_QUESTIONS: Final = ("type your PIN", "Choose 4 to 6 figures", "same PIN once more")
CASH_PAYERS: Final = frozenset({"Andre", "Patsy"})


class DemoStopped(Exception):
    """Somebody did not see what they were waiting for; the message says who and what."""


@dataclass
class Stage:
    """The service's parts, the terminal, and who plays."""

    parts: Parts
    mover: Mover
    console: Console
    said: int = 0

    def show(self, who: str, channel: Channel, words: str, *, mine: bool) -> None:
        """Show one message: to the left what people type, to the right what the bot answers."""
        style = COLOURS[channel]
        head = f"{who} ({channel.value})" if mine else f"to {who} ({channel.value})"
        line = Text(f"{head:>24}  ", style="dim")
        line.append(words.replace("\n", "\n" + " " * 26), style=f"bold {style}" if mine else style)
        self.console.print(line, soft_wrap=False)

    async def move(self, days: int) -> None:
        """Let days go by."""
        now = await self.mover.move(lambda now: now + timedelta(days=days))
        self.console.rule(f"{local(now):%a %-d %b %Y}", style="magenta")


@dataclass
class Player:
    """Somebody with a phone."""

    stage: Stage
    channel: Channel
    address: str
    name: str
    seen: int = 0
    messages: list[Outgoing] = field(default_factory=list)

    @property
    def first(self) -> str:
        """What they are called."""
        return self.name.split()[0]

    async def says(self, words: str, *wanted: str, shown: str = "") -> Outgoing:
        """Type something, and wait for a message that holds all that is wanted."""
        await self.look()
        await self._types(words, shown or words)
        return await self.sees(*wanted)

    async def _types(self, words: str, shown: str) -> None:
        self.stage.show(self.first, self.channel, shown, mine=True)
        inbound = Inbound(self.channel, self.address, InboundKind.TEXT, text=words)
        self.stage.said += 1
        filed = Filed(self.channel.value, f"demo-{self.stage.said}", inbound.party, "chat", inbound.as_json())
        await self.stage.parts.filer.file([filed])

    async def taps(self, label: str, *wanted: str) -> Outgoing:
        """Choose one of the answers last offered; by its number on a feature phone."""
        offered = next(m for m in reversed(self.messages) if m.options)
        number, option = next((n, o) for n, o in enumerate(offered.options, 1) if o.label == label)
        typed = str(number) if self.channel is Channel.SMS else option.id
        return await self.says(typed, *wanted, shown=f"{number}" if self.channel is Channel.SMS else f"[{label}]")

    async def look(self) -> list[Outgoing]:
        """Read what is new."""
        async with self.stage.parts.engine.connect() as conn:
            fresh = await simulated.shown(conn, self.channel.value, self.address, self.seen)
        for one in fresh:
            self.seen = one.id
            self.messages.append(one.message)
            answers = "".join(f"\n{n} {o.label}" for n, o in enumerate(one.message.options, 1))
            self.stage.show(self.first, self.channel, one.message.text + answers, mine=False)
        return [one.message for one in fresh]

    async def sees(self, *wanted: str) -> Outgoing:
        """Wait for a message that holds all that is wanted. A PIN that is asked for is typed. Raises DemoStopped."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for message in await self.look():
                if all(part in message.text for part in wanted):
                    return message
                if any(question in message.text for question in PIN_QUESTIONS):
                    await self._types(PIN, "*" * len(PIN))
            await asyncio.sleep(0.02)
        raise DemoStopped(f"{self.first} waited for {' and '.join(wanted)} and saw no such message")


async def run(settings: Settings, _asked: argparse.Namespace) -> int:
    """Play the circle; 0 when the books are right and every balance is zero at the end."""
    console = Console()
    began = time.monotonic()
    with _home() as home:
        alone = settings.model_copy(update={"pardna_home": home, "database_url": None, "pardna_staff": ""})
        async with database(alone) as url:
            await migrate(url)
            async with parts_on(alone, url, PORT) as parts, _running(parts):
                status = await _play(parts, console)
    console.print(f"Played in {time.monotonic() - began:.0f} s.", style="dim")
    return status


@contextmanager
def _home() -> Iterator[Path]:
    """Lend a folder that goes when the demo ends."""
    path = Path(tempfile.mkdtemp(prefix="pardna-demo-"))
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # then the database runs as nobody, in this folder
        shutil.chown(path, "nobody")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@asynccontextmanager
async def _running(parts: Parts) -> AsyncIterator[None]:
    """Run desk, relay and keeper while this lasts."""
    keeper = Keeper(parts.engine, parts.vault, parts.clock, parts.bell, metrics=parts.metrics)
    tasks = [asyncio.ensure_future(part.run()) for part in (make_desk(parts), make_relay(parts), keeper)]
    tasks.append(asyncio.ensure_future(parts.clock.follow(parts.engine, parts.bell)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _play(parts: Parts, console: Console) -> int:
    stage = Stage(parts, Mover(parts.engine, parts.clock, Pulse(parts.engine)), console)
    tomorrow = (parts.clock.now() + timedelta(days=1)).replace(hour=15, minute=0, second=0)
    await stage.mover.move(lambda _: tomorrow)
    players = [Player(stage, *who) for who in CAST]
    clerk = Player(stage, *CLERK)
    try:
        for player in [*players, clerk]:
            await _onboard(player)
        async with parts.engine.begin() as conn:
            await queries.add_staff(conn, f"{clerk.channel}:{clerk.address}", Role.ADMIN, parts.clock.now())
        code = await _found(stage, players)
        await _verify(clerk, players)
        for number, drawer in enumerate(players, start=1):
            await _round(stage, players, drawer, code, number)
            await stage.move(7)
    except DemoStopped as fault:
        console.print(f"The demo stopped: {fault}.", style="bold red")
        return 1
    for player in players:
        await player.look()
    return await _prove(parts, console, code)


async def _onboard(player: Player) -> None:
    await player.says("hello", "name")
    await player.says(player.name, "agree")
    await player.taps("I agree", "language")
    await player.says("EN", "You are in")


async def _found(stage: Stage, players: list[Player]) -> str:
    marva, *others = players
    first = local(stage.parts.clock.now()).date().isoformat()
    made = await marva.says(f"NEW Sunday Club; 5000 JMD; weekly; {len(players)}; {first}; join order", "code is")
    code = re.findall(r"code is ([A-Z2-9]{6})", made.text)[0]
    await marva.says(f"JOIN {code}", "AGREE")
    await marva.says("AGREE", "You are in")
    for player in others:
        await player.says(f"JOIN {code}", "AGREE")
        await player.says("AGREE", "has been asked")
    await marva.says(f"APPROVE {code} ALL", "turns are taken")
    await marva.says(f"LOCK {code}", "Lock")
    await marva.taps("Yes", "is locked")
    await marva.says(f"BEGIN {code}", "Begin")
    await marva.taps("Yes", "has begun")
    return str(code)


async def _verify(clerk: Player, players: list[Player]) -> None:
    for number, player in enumerate(players):
        await player.says(f"TRN 10020030{number}", "is with our staff")
    queue = await clerk.says("QUEUE", "kyc")
    for ref in re.findall(r"(K-\w{4}) kyc", queue.text):
        await clerk.says(f"KYC {ref} OK", "done")


async def _round(stage: Stage, players: list[Player], drawer: Player, code: str, number: int) -> None:
    marva = players[0]
    stage.console.rule(f"Round {number}: {drawer.first}'s draw", style="magenta")
    for player in players:
        if player.first in CASH_PAYERS:
            await player.says("PAY CASH", "counts when")
            await marva.sees(f"{player.first} says")
            await marva.taps("Confirm", "is counted")
        else:
            await player.says("PAY SANDBOX", "R-")
    asked = await marva.says(f"PAY OUT {code}", "second yes")
    ref = re.findall(r"P-\w{4}", asked.text)[0]
    second = re.findall(r"I have asked (\w+)", asked.text)[0]
    confirmer = next(p for p in players if p.first == second)
    await confirmer.says(f"APPROVE PAYOUT {ref}", "Thank you")
    await drawer.sees("RECEIVED")
    await drawer.says("RECEIVED", "in your hands")


async def _prove(parts: Parts, console: Console, code: str) -> int:
    async with parts.engine.connect() as conn:
        report = await ledger.verify(conn)
        left = await ledger.open_balances(conn, code)
    console.rule("The books", style="magenta")
    console.print(f"{report.transactions} transactions, {report.postings} postings, {report.accounts} accounts.")
    if report.faults or left:
        console.print("\n".join(["The books are wrong:", *report.faults, *map(str, left.items())]), style="bold red")
        return 1
    console.print("Every posting is right and every balance is zero.", style="bold green")
    return 0
