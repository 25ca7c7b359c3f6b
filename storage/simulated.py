"""What reached the phones of the simulator (development only)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text

from domain.messages import Outgoing
from storage.bell import ring
from storage.engine import Connection

CHANNEL = "sim"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to a phone; `key` makes a repeat harmless, `at` is the service's clock."""

    key: str
    channel: str
    address: str
    message: Outgoing
    at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """One message on a phone. Ids rise over the whole service and survive a restart."""

    id: int
    channel: str
    address: str
    message: Outgoing
    at: datetime


async def deliver(conn: Connection, deliveries: Sequence[Delivery]) -> None:
    """Put messages on their phones, repeats left out, and ring."""
    if not deliveries:
        return
    columns = {
        "keys": [d.key for d in deliveries],
        "channels": [d.channel for d in deliveries],
        "addresses": [d.address for d in deliveries],
        "bodies": [orjson.dumps(_showable(d.message).as_json()).decode() for d in deliveries],
        "ats": [d.at for d in deliveries],
    }
    await conn.execute(_DELIVER, columns)
    await ring(conn, CHANNEL)


def _showable(message: Outgoing) -> Outgoing:
    """Leave out the NUL, which no phone shows and PostgreSQL's JSON cannot hold."""
    return replace(message, text=message.text.replace("\0", ""))


async def shown(conn: Connection, channel: str, address: str, after: int, limit: int = 500) -> list[Shown]:
    """Return what reached one phone after the message of that id, in order."""
    values = {"channel": channel, "address": address, "after": after, "limit": limit}
    return [_read(row) for row in await conn.execute(_SHOWN, values)]


async def mail(conn: Connection, number: int) -> Shown | None:
    """Return the message of an id if it is a mail."""
    row = (await conn.execute(_MAIL, {"id": number})).one_or_none()
    return _read(row) if row else None


async def phones(conn: Connection) -> list[tuple[str, str]]:
    """Return (channel, address) of every phone that ever got a message."""
    return [tuple(row) for row in await conn.execute(_PHONES)]


def _read(row: Any) -> Shown:
    return Shown(row.id, row.channel, row.address, Outgoing.from_json(orjson.loads(row.body)), row.at)


_DELIVER = text("""
    INSERT INTO sim_message (key, channel, address, body, at)
    SELECT key, channel, address, CAST(body AS jsonb), at
    FROM unnest(CAST(:keys AS text[]), CAST(:channels AS text[]), CAST(:addresses AS text[]),
        CAST(:bodies AS text[]), CAST(:ats AS timestamptz[])) AS d (key, channel, address, body, at)
    ON CONFLICT (key) DO NOTHING
""")
_SHOWN = text("""
    SELECT id, channel, address, CAST(body AS text) AS body, at FROM sim_message
    WHERE channel = :channel AND address = :address AND id > :after ORDER BY id LIMIT :limit
""")
_MAIL = text("""
    SELECT id, channel, address, CAST(body AS text) AS body, at FROM sim_message
    WHERE id = :id AND channel = 'email'
""")
_PHONES = text("SELECT DISTINCT channel, address FROM sim_message ORDER BY channel, address")
