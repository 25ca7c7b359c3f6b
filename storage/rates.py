"""Rates that come from a file: kept once, and never changed. Those that staff say in chat are rows of the book."""

from collections.abc import Sequence
from datetime import datetime

from domain.exchange import Rate
from storage import tables
from storage.codec import load, save
from storage.engine import Connection

IN_FORCE = "set_at <= :at ORDER BY set_at DESC, id DESC LIMIT 1"
"""Which row of `rate` counts at a time: the newest that is not still to come."""


async def in_force(conn: Connection, at: datetime) -> Rate | None:
    """Read the rate that counts at a time."""
    return next(iter(await load(conn, tables.RATE, IN_FORCE, at=at)), None)


async def valid_from(conn: Connection, times: Sequence[datetime]) -> dict[datetime, Rate]:
    """Read the rates that begin at just these times."""
    found = await load(conn, tables.RATE, "set_at = ANY(:times)", times=list(times))
    return {rate.set_at: rate for rate in found}


async def keep(conn: Connection, rates: Sequence[Rate]) -> None:
    """Write rates that are not there yet."""
    await save(conn, tables.RATE, rates)
