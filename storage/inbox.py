"""The inbox: everything that comes in, handled in order of each party, once, and kept as a key for repeats.

An arrival is pending until it is done or parked. Only the oldest pending arrival of a party is ever handed
out; while it waits to be tried again the party's later ones wait behind it. The functions work inside the
caller's transaction and commit nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text

from domain.messages import Filed
from storage import filer
from storage.bell import ring
from storage.engine import Connection, Space
from storage.vault import Unsealable, Vault

CHANNEL = filer.CHANNEL
TRIES = 5
WINDOW = 8
"""How many pending rows are looked at for each arrival wanted."""
WALK = 4
"""How many parties are walked past for each arrival wanted, when that was not enough."""
LONGEST_FAULT = 500


@dataclass(frozen=True, slots=True)
class Arrival:
    """One arrival in the hands of the desk. `received_at` is the service's time at the door."""

    id: int
    source: str
    external_id: str
    party: str
    kind: str
    body: dict[str, Any]
    received_at: datetime
    tries: int


class Backlog(NamedTuple):
    """How far the desk is behind: pending arrivals, seconds since the oldest came, parked ones (an alarm)."""

    pending: int
    oldest_seconds: float
    parked: int


async def file(conn: Connection, vault: Vault, arrivals: Sequence[Filed], at: datetime) -> None:
    """File arrivals that must commit together with something else. Raises filer.Unfit."""
    await insert(conn, [filer.row(vault, filed, at) for filed in arrivals])


async def insert(conn: Connection, rows: Sequence[filer.Row]) -> None:
    """Insert sealed rows, repeats left out, and ring."""
    if rows:
        columns = zip(_COLUMNS, zip(*rows, strict=True), strict=True)
        await conn.execute(_INSERT, {name: list(values) for name, values in columns})
        await ring(conn, CHANNEL)


async def claim(conn: Connection, vault: Vault, limit: int) -> list[Arrival]:
    """Return the oldest pending arrival of each of up to `limit` parties, in the order they came.

    They stay this transaction's until it ends. Safe with any number of desks: a party is locked first and its
    head looked up again by a new statement, which sees what the last holder of the lock has committed.
    """
    full, ids = await _lock_heads(conn, _WINDOW_HEADS, limit, limit * WINDOW)
    if full and len(ids) < limit:  # one party fills the front, or many heads wait: look beyond them
        _, more = await _lock_heads(conn, _WALK_HEADS, limit, limit * WALK)
        ids = sorted({*ids, *more})[:limit]
    if not ids:
        return []
    opened, shut = [], []
    for row in await conn.execute(_TAKE, {"ids": ids}):
        try:
            opened.append(_arrival(vault, row))
        except Unsealable:  # sealed with a lost key: it must not hold up anybody else
            shut.append(row.id)
    if shut:
        await conn.execute(_PARK, {"ids": shut, "fault": "its body does not open with the keys at hand"})
    return opened


async def _lock_heads(conn: Connection, statement: TextClause, limit: int, most: int) -> tuple[bool, list[int]]:
    values = {"limit": limit, "most": most, "locks": Space.PARTIES}
    looked_at, ids = (await conn.execute(statement, values)).one()
    return looked_at >= most, ids


def _arrival(vault: Vault, row: Any) -> Arrival:
    body = vault.open_json(filer.place(row.source, row.external_id), row.body)
    return Arrival(row.id, row.source, row.external_id, row.party, row.kind, body, row.received_at, row.tries)


async def finish(conn: Connection, ids: Sequence[int], at: datetime) -> None:
    """Mark arrivals done and erase what they said; their keys stay."""
    if ids:
        await conn.execute(_FINISH, {"ids": list(ids), "at": at})


async def fail(conn: Connection, arrival: Arrival, fault: str, at: datetime) -> bool:
    """Note a failed try: it waits 0.2 s, 0.8 s, 3.2 s ..., and after five it is parked. True when parked.

    `fault` is read by operators: nothing personal belongs in it.
    """
    found = await conn.execute(
        _FAIL, {"id": arrival.id, "fault": fault[:LONGEST_FAULT].replace("\0", ""), "at": at, "most": TRIES}
    )
    return bool(found.scalar())


async def revive(conn: Connection, arrival_id: int) -> bool:
    """Give a parked arrival five more tries. False when there is none of that id."""
    revived = await conn.execute(_REVIVE, {"id": arrival_id})
    await ring(conn, CHANNEL)
    return bool(revived.rowcount)


async def parked(conn: Connection, limit: int = 100) -> list[tuple[int, str, str, str]]:
    """Return (id, source, kind, fault) of parked arrivals, the oldest first."""
    return [tuple(row) for row in await conn.execute(_PARKED, {"limit": limit})]


async def backlog(conn: Connection) -> Backlog:
    """Measure how far the desk is behind (wall clock)."""
    return Backlog(*(await conn.execute(_BACKLOG)).one())


async def pending_before(conn: Connection, at: datetime) -> int:
    """Count what people and providers sent before `at` and nobody has handled (rules.md 16).

    Only up to a thousand are counted, and none that is parked: staff look after those.
    """
    return int((await conn.execute(_PENDING_BEFORE, {"at": at})).scalar_one())


async def sweep(conn: Connection, before: datetime, limit: int = 10_000) -> int:
    """Delete done chat, status and duty rows received before then; providers no longer repeat them.

    Keys of money events and results are kept for ever. Returns how many went.
    """
    return int((await conn.execute(_SWEEP, {"before": before, "limit": limit})).rowcount)


_PENDING = "done_at IS NULL AND parked_at IS NULL"
_READY = "(retry_at IS NULL OR retry_at <= clock_timestamp())"

_COLUMNS = ("source", "id", "party", "kind", "body", "at", "wait", "also")
_INSERT = text(f"{filer.INTO.format('party')} {filer.CAME.format(*(f':{name}' for name in _COLUMNS))} {filer.ONCE}")

# The first rows of all pending ones hold the heads of all parties among them. Here as below the orders are
# written so that one index alone can serve them: the planner's statistics of a queue are never true.
_WINDOW_HEADS = text(f"""
    WITH front AS MATERIALIZED (
        SELECT id, party, retry_at FROM inbox WHERE {_PENDING} ORDER BY id + 0 LIMIT :most
    ), heads AS MATERIALIZED (
        SELECT id, party FROM (
            SELECT DISTINCT ON (party) id, party, retry_at FROM front ORDER BY party, id
        ) AS first WHERE {_READY} ORDER BY id
    )
    SELECT (SELECT count(*) FROM front), ARRAY(
        SELECT id FROM heads WHERE pg_try_advisory_xact_lock(:locks, hashtext(party)) LIMIT :limit
    )
""")  # noqa: S608 - only our own text

# From party to party by the index, however many rows each of them has.
_WALK_HEADS = text(f"""
    WITH RECURSIVE walk (id, party, retry_at, step) AS (
        (SELECT id, party, retry_at, 1 FROM inbox WHERE {_PENDING} ORDER BY party, id LIMIT 1)
        UNION ALL
        SELECT next.id, next.party, next.retry_at, step + 1 FROM walk CROSS JOIN LATERAL (
            SELECT id, party, retry_at FROM inbox i WHERE {_PENDING} AND i.party > walk.party
            ORDER BY i.party, i.id LIMIT 1
        ) AS next WHERE step < :most
    ), heads AS MATERIALIZED (
        SELECT id, party FROM walk WHERE {_READY} ORDER BY id
    )
    SELECT (SELECT count(*) FROM walk), ARRAY(
        SELECT id FROM heads WHERE pg_try_advisory_xact_lock(:locks, hashtext(party)) LIMIT :limit
    )
""")  # noqa: S608 - only our own text

_TAKE = text(f"""
    SELECT id, source, external_id, party, kind, body, received_at, tries FROM inbox i
    WHERE id = ANY(:ids) AND coalesce(done_at, parked_at) IS NULL AND {_READY} AND id = (
        SELECT id FROM inbox o WHERE {_PENDING} AND (o.party, o.id) >= (i.party, 0)
        ORDER BY o.party, o.id LIMIT 1
    )
    ORDER BY id FOR UPDATE OF i SKIP LOCKED
""")  # noqa: S608 - only our own text

_FINISH = text("UPDATE inbox SET done_at = :at, body = NULL WHERE id = ANY(:ids)")

_FAIL = text(f"""
    UPDATE inbox SET tries = tries + 1, fault = :fault,
        retry_at = clock_timestamp() + interval '0.2 second' * power(4, tries),
        parked_at = CASE WHEN tries + 1 >= :most THEN CAST(:at AS timestamptz) END
    WHERE id = :id AND {_PENDING} RETURNING parked_at IS NOT NULL
""")  # noqa: S608 - only our own text

_PARK = text("UPDATE inbox SET parked_at = clock_timestamp(), fault = :fault WHERE id = ANY(:ids)")

_REVIVE = text("""
    UPDATE inbox SET parked_at = NULL, retry_at = NULL, tries = 0
    WHERE id = :id AND parked_at IS NOT NULL AND done_at IS NULL
""")

_PARKED = text("""
    SELECT id, source, kind, coalesce(fault, '') FROM inbox
    WHERE parked_at IS NOT NULL AND done_at IS NULL ORDER BY parked_at LIMIT :limit
""")

_BACKLOG = text(f"""
    SELECT (SELECT count(*) FROM inbox WHERE {_PENDING}),
        coalesce((SELECT greatest(0, CAST(extract(epoch FROM clock_timestamp() - received_at) AS float8))
            FROM inbox WHERE {_PENDING} ORDER BY id + 0 LIMIT 1), 0),
        (SELECT count(*) FROM inbox WHERE parked_at IS NOT NULL AND done_at IS NULL)
""")  # noqa: S608 - only our own text

_PENDING_BEFORE = text(f"""
    SELECT count(*) FROM (
        SELECT 1 FROM inbox WHERE {_PENDING} AND kind IN ('chat', 'event') AND received_at < :at LIMIT 1000
    ) AS older
""")  # noqa: S608 - only our own text

_SWEEP = text("""
    DELETE FROM inbox WHERE id IN (
        SELECT id FROM inbox WHERE done_at IS NOT NULL AND received_at < :before
            AND kind IN ('chat', 'status', 'duty') LIMIT :limit
    )
""")
