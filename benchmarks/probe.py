"""Follows single requests from the first byte sent to what they came to, as another connection sees it.

The inbox's own stamps are taken before the commit, so they would flatter; here the clock stops when the
committed turn, and with it the queued reply, or the posted payment can be read.
"""

import asyncio
import time
from collections.abc import Iterable

import asyncpg

EVERY_SECONDS = 0.05
_LOOK_SECONDS = 0.002


async def probe(
    database_url: str, port: int, requests: Iterable[tuple[bytes, str]], seconds: float, *, done: str
) -> list[float]:
    """Send one request after the other; milliseconds that each took until `done` held of its id, rising.

    Raises RuntimeError when a request is not answered 200, LookupError when it was and yet nothing is known of its id.
    """
    connection = await asyncpg.connect(database_url)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took: list[float] = []
    deadline = time.perf_counter() + seconds
    try:
        for request, ident in requests:
            if (began := time.perf_counter()) > deadline:
                break
            await _answered(reader, writer, request)
            await _finished(connection, done, ident)
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        writer.close()
        await connection.close()
    return sorted(took)


async def _finished(connection: asyncpg.Connection, done: str, ident: str) -> None:
    """Wait until it is committed. Raises LookupError when it was never filed."""
    while not (finished := await connection.fetchval(done, ident)):
        if finished is None:
            raise LookupError(f"{ident} was answered 200 and is not there")
        await asyncio.sleep(_LOOK_SECONDS)


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    if head[9:12] != b"200":
        raise RuntimeError(f"a probe was answered {head[:40]!r}")
