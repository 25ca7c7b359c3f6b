"""Follows single messages from the first byte sent to their finished turn as another connection sees it.

The inbox's own stamps are taken before the commit, so they would flatter; here the clock stops when the
committed turn, and with it the queued reply, can be read.
"""

import asyncio
import re
import time
from collections.abc import Sequence

import asyncpg

from benchmarks import traffic

PROBES = 100
"""People kept aside for this, so that none of their turns waits behind another of their own."""

_EVERY_SECONDS = 0.05
_LOOK_SECONDS = 0.002
_DONE = "SELECT done_at IS NOT NULL FROM inbox WHERE source = 'whatsapp' AND external_id = $1"
_ID = re.compile(rb'"id":"(wamid[^"]+)"')


async def probe(database_url: str, port: int, people: Sequence[int], seconds: float) -> list[float]:
    """Send one message after the other, each from the next of `people`; milliseconds each took, rising.

    Raises RuntimeError when a message is not answered 200, LookupError when it was and yet is not filed.
    """
    connection = await asyncpg.connect(database_url)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took: list[float] = []
    deadline = time.perf_counter() + seconds
    try:
        while (began := time.perf_counter()) < deadline:
            person = people[len(took) % len(people)]
            (request,) = traffic.whatsapp([(person, traffic.CONVERSATION[len(took) % len(traffic.CONVERSATION)])])
            await _answered(reader, writer, request)
            await _finished(connection, request)
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(_EVERY_SECONDS)
    finally:
        writer.close()
        await connection.close()
    return sorted(took)


async def _finished(connection: asyncpg.Connection, request: bytes) -> None:
    """Wait until the message's turn is committed. Raises LookupError when it was never filed."""
    found = _ID.search(request)
    message_id = found[1].decode() if found else ""
    while not (done := await connection.fetchval(_DONE, message_id)):
        if done is None:
            raise LookupError(f"{message_id} was answered 200 and is not in the inbox")
        await asyncio.sleep(_LOOK_SECONDS)


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    if head[9:12] != b"200":
        raise RuntimeError(f"a probe was answered {head[:40]!r}")
