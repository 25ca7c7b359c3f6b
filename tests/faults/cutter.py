"""A wire to the database that can be cut: at once, or so that what was done is never heard of."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 65_536


@dataclass(eq=False)
class Wire:
    """One connection on its way through. Deaf: what the server answers is lost."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    deaf: bool = False

    def cut(self) -> None:
        """Break it on both sides, in the middle of whatever is said."""
        for writer in self.writers:
            writer.transport.abort()


@dataclass
class Cutter:
    """The wires there are now; `port` on 127.0.0.1 is where clients connect."""

    dice: random.Random
    port: int = 0
    wires: list[Wire] = field(default_factory=list)
    cuts: int = 0

    async def cut_one(self, deaf_seconds: float = 0.0) -> None:
        """Cut a wire taken at random; deaf for so long before, so that commits get through and answers do not."""
        if not self.wires:
            return
        wire = self.dice.choice(self.wires)
        wire.deaf = deaf_seconds > 0
        await asyncio.sleep(deaf_seconds)
        wire.cut()
        self.cuts += 1


@asynccontextmanager
async def cutting(host: str, port: int, dice: random.Random) -> AsyncIterator[Cutter]:
    """Carry connections to a server, and cut them when asked to."""
    cutter = Cutter(dice)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection(host, port)
        wire = Wire((writer, onward))
        cutter.wires.append(wire)
        with suppress(OSError):
            ways = [asyncio.create_task(_pump(reader, onward)), asyncio.create_task(_pump(there, writer, wire))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        cutter.wires.remove(wire)
        wire.cut()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    cutter.port = server.sockets[0].getsockname()[1]
    try:
        yield cutter
    finally:
        server.close()
        for wire in tuple(cutter.wires):
            wire.cut()
        while cutter.wires:  # noqa: ASYNC110 - they end by themselves
            await asyncio.sleep(0.01)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire | None = None) -> None:
    while said := await reader.read(CHUNK_BYTES):
        if wire is None or not wire.deaf:
            writer.write(said)
            await writer.drain()
