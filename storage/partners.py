"""Partners' web hooks: who is called, with what secret, and the events kept for them to be told again.

The functions work inside the caller's transaction and commit nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text

from domain.events import Event, wants
from storage import outbox
from storage.engine import Connection
from storage.outbox import Parcel
from storage.vault import Vault

CARRIER = "partner"
"""The first part of the lanes that go to partners."""


@dataclass(frozen=True, slots=True)
class PartnerHook:
    """Whom we call: the address, the secret that signs the calls (`whsec_...`), and which events they hear of."""

    id: str
    url: str
    events: tuple[str, ...]
    added_at: datetime
    secret: str = field(repr=False)


async def add(conn: Connection, vault: Vault, hook: PartnerHook) -> None:
    """Keep a web hook."""
    sealed = {name: vault.seal(_place(name, hook.id), getattr(hook, name).encode()) for name in ("url", "secret")}
    values = {"id": hook.id, "events": list(hook.events), "at": hook.added_at, **sealed}
    await conn.execute(_ADD, values)


async def hooks(conn: Connection, vault: Vault) -> list[PartnerHook]:
    """Return the web hooks that are called, the oldest first."""
    return [_hook(vault, row) for row in await conn.execute(_HOOKS)]


async def hook(conn: Connection, vault: Vault, hook_id: str) -> PartnerHook | None:
    """Return one web hook, unless it was removed."""
    found = (await conn.execute(_HOOK, {"id": hook_id})).first()
    return _hook(vault, found) if found else None


async def remove(conn: Connection, hook_id: str, at: datetime) -> bool:
    """Call a web hook no more, and drop what waits for it. Returns whether there was one."""
    if not (await conn.execute(_REMOVE, {"id": hook_id, "at": at})).rowcount:
        return False
    await conn.execute(_DROP, {"lane": f"{CARRIER}:{hook_id}:", "at": at})
    return True


async def publish(conn: Connection, vault: Vault, events: Sequence[Event], at: datetime) -> None:
    """Keep events and queue each for every partner who hears of it; nothing while there is no partner."""
    subscribed = [(row.id, row.events) for row in await conn.execute(_SUBSCRIBED)] if events else []
    if not subscribed:
        return
    columns = {
        "ids": [e.id for e in events],
        "kinds": [e.kind for e in events],
        "ats": [e.at for e in events],
        "data": [orjson.dumps(e.data).decode() for e in events],
    }
    await conn.execute(_KEEP, columns)
    parcels = [_parcel(e, hook_id, at) for e in events for hook_id, asked in subscribed if wants(asked, e.kind)]
    await outbox.put(conn, vault, parcels, at)


async def replay(conn: Connection, vault: Vault, one: PartnerHook, since: datetime, at: datetime) -> int:
    """Queue again what a partner hears of and happened since then, under the same ids. Returns how many there were."""
    rows = await conn.execute(_SINCE, {"since": since})
    events = [Event(row.id, row.kind, row.at, row.data) for row in rows if wants(one.events, row.kind)]
    again = f":again:{at.isoformat()}"
    await outbox.put(conn, vault, [_parcel(event, one.id, at, again) for event in events], at)
    return len(events)


async def sweep(conn: Connection, before: datetime, limit: int = 10_000) -> int:
    """Forget events that happened before then. Returns how many went."""
    return int((await conn.execute(_SWEEP, {"before": before, "limit": limit})).rowcount)


def _parcel(event: Event, hook_id: str, at: datetime, again: str = "") -> Parcel:
    """Make a lane of its own for each call: one that is tried for days holds up no other."""
    lane = f"{CARRIER}:{hook_id}:{event.id}{again}"
    return Parcel(lane, "event", f"event:{event.id}:{hook_id}{again}", {"hook": hook_id, "event": event.body}, at)


def _hook(vault: Vault, row: Any) -> PartnerHook:
    url, secret = (vault.open(_place(name, row.id), getattr(row, name)).decode() for name in ("url", "secret"))
    return PartnerHook(row.id, url, tuple(row.events), row.added_at, secret)


def _place(column: str, hook_id: str) -> str:
    return f"partner_hook.{column}|{hook_id}"


_ADD = text("""
    INSERT INTO partner_hook (id, url, secret, events, added_at)
    VALUES (:id, :url, :secret, CAST(:events AS text[]), :at)
""")
_HOOKS = text("SELECT * FROM partner_hook WHERE removed_at IS NULL ORDER BY added_at, id")
_HOOK = text("SELECT * FROM partner_hook WHERE id = :id AND removed_at IS NULL")
_SUBSCRIBED = text("SELECT id, events FROM partner_hook WHERE removed_at IS NULL")
_REMOVE = text("UPDATE partner_hook SET removed_at = :at WHERE id = :id AND removed_at IS NULL")
_DROP = text("""
    UPDATE outbox SET state = 'dropped', fault = 'its web hook was removed', ended_at = :at
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox WHERE kind = 'event' AND starts_with(lane, :lane) AND state IN ('queued', 'dead')
        ORDER BY id FOR UPDATE
    ))
""")
_KEEP = text("""
    INSERT INTO event (id, kind, at, data)
    SELECT id, kind, at, CAST(data AS jsonb) FROM unnest(CAST(:ids AS text[]), CAST(:kinds AS text[]),
        CAST(:ats AS timestamptz[]), CAST(:data AS text[])) AS e (id, kind, at, data)
""")
_SINCE = text("SELECT * FROM event WHERE at >= :since ORDER BY at, id")
_SWEEP = text("DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < :before LIMIT :limit)")
