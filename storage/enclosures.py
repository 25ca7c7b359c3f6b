"""The contents of files that people sent: sealed, written once under their id, and let go when nobody needs them.

Whose they are and what they lie with is in the book's `enclosure`.
"""

from datetime import datetime

from sqlalchemy import text

from storage.engine import Connection, Engine
from storage.reads import fetch
from storage.vault import Unsealable, Vault

_KEEP = text("""
    INSERT INTO enclosure_content (id, sealed, fetched_at) VALUES (:id, :sealed, :at) ON CONFLICT (id) DO NOTHING
""")
_SEALED = text("SELECT sealed FROM enclosure_content WHERE id = :id")
# What proves who somebody is (a line of the kind kyc) stays; what no row of the book names was never told to the desk.
_SWEEP = text("""
    WITH old AS (
        SELECT c.id FROM enclosure_content c
        LEFT JOIN enclosure e ON e.id = c.id LEFT JOIN ticket t ON t.id = e.ticket_id
        WHERE c.fetched_at < :before AND (t.id IS NULL OR (t.closed_at IS NOT NULL AND t.kind <> 'kyc'))
        LIMIT :limit
    ), rows AS (DELETE FROM enclosure WHERE id IN (SELECT id FROM old))
    DELETE FROM enclosure_content WHERE id IN (SELECT id FROM old)
""")


async def keep(conn: Connection, vault: Vault, ident: str, content: bytes, at: datetime) -> None:
    """Keep a file; the same id again changes nothing."""
    await conn.execute(_KEEP, {"id": ident, "sealed": vault.seal(_place(ident), content), "at": at})


async def content(engine: Engine, vault: Vault, ident: str) -> bytes | None:
    """Return a file; None when it is gone. Raises Unreachable."""
    rows = await fetch(engine, _SEALED, {"id": ident})
    try:
        return vault.open(_place(ident), rows[0].sealed) if rows else None
    except Unsealable:
        return None


async def sweep(conn: Connection, before: datetime, limit: int = 1000) -> int:
    """Delete files from before then whose line is closed, but for what proves who somebody is. Returns how many."""
    return int((await conn.execute(_SWEEP, {"before": before, "limit": limit})).rowcount)


def _place(ident: str) -> str:
    return f"enclosure_content.sealed|{ident}"
