"""Duties: what has to happen at its time, each once under its key, whoever files it and however often.

A due duty becomes an arrival of the inbox in the transaction that marks it filed; its time of receipt is the
time it was due, not the time somebody got round to it. Keys are kept for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text

from domain.messages import Filed
from storage import filer, inbox
from storage.bell import ring
from storage.engine import Connection, Space
from storage.vault import Vault

CHANNEL = "duty"
SOURCE = "keeper"


@dataclass(frozen=True, slots=True)
class Duty:
    """`kind` and `body` become the arrival's body; `due_at` is the service's clock."""

    key: str
    due_at: datetime
    party: str
    kind: str
    body: dict[str, Any] = field(default_factory=dict)


async def plan(conn: Connection, duties: Sequence[Duty]) -> None:
    """Note duties; a key that was ever noted stays as it was. Rings."""
    if not duties:
        return
    columns = {
        "keys": [duty.key for duty in duties],
        "due_ats": [duty.due_at for duty in duties],
        "parties": [duty.party for duty in duties],
        "kinds": [duty.kind for duty in duties],
        "bodies": [orjson.dumps(duty.body).decode() for duty in duties],
    }
    await conn.execute(_PLAN, columns)
    await ring(conn, CHANNEL)


async def file_due(conn: Connection, vault: Vault, now: datetime, limit: int = 500) -> int:
    """File the duties due by `now`, the earliest first; returns how many (0 while another keeper files)."""
    if not (await conn.execute(_ALONE, {"space": Space.DUTIES})).scalar_one():
        return 0
    due = (await conn.execute(_DUE, {"now": now, "limit": limit})).all()
    if not due:
        return 0
    await inbox.insert(conn, [_row(vault, duty) for duty in due])
    await conn.execute(_FILED, {"keys": [duty.key for duty in due], "now": now})
    return len(due)


def _row(vault: Vault, duty: Any) -> filer.Row:
    body = {**orjson.loads(duty.body), "kind": duty.kind}
    return filer.row(vault, Filed(SOURCE, duty.key, duty.party, "duty", body), duty.due_at)


async def first(conn: Connection, key: str, at: datetime) -> bool:
    """Say whether nobody else has taken this key: for housework that one process does itself, at once."""
    taken = await conn.execute(_FIRST, {"key": key, "at": at})
    return bool(taken.rowcount)


async def next_due(conn: Connection) -> datetime | None:
    """Return when the next duty is due, on the service's clock."""
    due: datetime | None = (await conn.execute(_NEXT)).scalar()
    return due


async def cancel(conn: Connection, keys: Sequence[str]) -> int:
    """Take back duties that were not filed yet; their keys are free again. Returns how many."""
    return int((await conn.execute(_CANCEL, {"keys": list(keys)})).rowcount) if keys else 0


_PLAN = text("""
    INSERT INTO duty (key, due_at, party, kind, body)
    SELECT key, due_at, party, kind, CAST(body AS jsonb)
    FROM unnest(CAST(:keys AS text[]), CAST(:due_ats AS timestamptz[]), CAST(:parties AS text[]),
        CAST(:kinds AS text[]), CAST(:bodies AS text[])) AS d (key, due_at, party, kind, body)
    ORDER BY key ON CONFLICT (key) DO NOTHING
""")
_FIRST = text("""
    INSERT INTO duty (key, due_at, party, kind, filed_at) VALUES (:key, :at, 'house', 'housework', :at)
    ON CONFLICT (key) DO NOTHING
""")
_ALONE = text("SELECT pg_try_advisory_xact_lock(:space, 0)")
_DUE = text("""
    SELECT key, due_at, party, kind, CAST(body AS text) AS body FROM duty
    WHERE filed_at IS NULL AND due_at <= :now ORDER BY due_at, key LIMIT :limit FOR UPDATE
""")
_FILED = text("UPDATE duty SET filed_at = :now WHERE key = ANY(:keys)")
_NEXT = text("SELECT due_at FROM duty WHERE filed_at IS NULL ORDER BY due_at, key LIMIT 1")
_CANCEL = text("DELETE FROM duty WHERE key = ANY(:keys) AND filed_at IS NULL")
