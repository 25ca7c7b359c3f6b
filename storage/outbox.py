"""The outbox: everything that goes out, in one lane a recipient, sent from the head of the lane alone.

A lane is `channel:address` for a message and `rail:key` for money. `not_before` is the service's clock (quiet
hours) and lets later rows pass; a lease or a wait for the next try is wall clock and holds the lane. The
functions work inside the caller's transaction and commit nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zlib import crc32

from sqlalchemy import text

from domain.messages import Outgoing
from storage.bell import ring
from storage.engine import Connection, Space
from storage.vault import Unsealable, Vault

CHANNEL = "outbox"
MISSED = "missed"
"""Rings when something is known not to have got to a person."""
LONE = frozenset({"event", "tap"})
"""Kinds of which each parcel has a lane to itself."""
LONGEST_FAULT = 500
MENU_LASTS = timedelta(days=3)
LONG_AGO = timedelta(hours=25)
"""How long ago somebody wrote at least of whom a network says that it was too long ago."""
SHUT_TRIES = 3
"""So often at most a notice is sent of which that is said."""
DELIVERY = {"sent": 1, "failed": 2, "delivered": 3, "read": 4}
"""How far a message got. A later report of a lower rank changes nothing; one that arrived did not fail."""
ARRIVED = DELIVERY["delivered"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to send. `key` is unique for ever: the same key again is the same parcel, sent once.

    `kind` is `say`, `tap` (the answer to one), an order to a rail (`collect`, `disburse` ...) or `event`. The body of
    a `say` is `Outgoing.as_json()`, perhaps with `must` (sent even to who said STOP). `menu`: it offers choices.
    `notice`: of which news to a person it is a part.
    """

    lane: str
    kind: str
    key: str
    body: dict[str, Any]
    not_before: datetime
    menu: bool = False
    notice: "Notice | None" = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One news to one person. Not known to be there after `patience`, it goes by another of their addresses."""

    key: str
    person_id: str
    patience: timedelta


class Missed(NamedTuple):
    """A notice that did not get there by one way."""

    notice: str
    lane: str
    person_id: str


@dataclass(frozen=True, slots=True)
class Part:
    """A parcel of a notice, as it stands."""

    id: int
    lane: str
    state: str
    delivery: int
    body: dict[str, Any]
    patience: timedelta


@dataclass(frozen=True, slots=True)
class Posted:
    """The head of a lane in the hands of a relay, for as long as its lease."""

    id: int
    lane: str
    kind: str
    key: str
    body: dict[str, Any]
    attempts: int
    unknown: bool
    """An earlier try may have been taken: its answer never came, or its relay died."""
    stopped: bool
    """The party said STOP."""
    wrote_at: datetime | None = None
    """When the party last wrote, by the service's clock."""
    past_sim: bool = False
    """The phone with the local SIM had it and could not send it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of one attempt. `state`: `sent`, `dead`, `dropped`, or `queued` (again, `after_seconds`).

    `waiting`: an invitation was sent, and the message itself goes with the answer to what the person writes next.
    `held`: nobody tried to send it, for its network's pace did not allow that yet.
    """

    id: int
    attempts: int
    state: str
    provider_id: str | None = None
    fault: str | None = None
    after_seconds: float | None = None
    unknown: bool = False
    delivery: int = 0
    """How far it is known to have got (DELIVERY)."""
    held: bool = False


class Lanes(NamedTuple):
    """Which lanes of a carrier: those that begin so, or (`but`) all but those."""

    beginnings: tuple[str, ...] = ()
    but: bool = True


EVERY = Lanes()


class Report(NamedTuple):
    """What a network told of a message: how far it got (DELIVERY), and by its own code why no further.

    `again`: how it may go once more by the same network: as its `form`, or `past_sim`.
    """

    channel: str
    provider_id: str
    status: str
    code: str = ""
    again: str = ""


class Life(NamedTuple):
    """How one message stands: where it went, its state, how far it got, why not, and since when."""

    lane: str
    state: str
    delivery: int
    code: str
    at: datetime


class Backlog(NamedTuple):
    """What is due and not sent, for how many seconds the oldest, and dead letters (an alarm)."""

    due: int
    oldest_seconds: float
    dead: int


class DeadLetter(NamedTuple):
    """A parcel that was given up. Its body stays sealed. `over`: money that is not to go out under its key any more."""

    id: int
    lane: str
    kind: str
    key: str
    attempts: int
    fault: str
    over: bool


async def put(conn: Connection, vault: Vault, parcels: Sequence[Parcel], at: datetime) -> None:
    """Queue parcels, repeats of a key left out, and ring.

    Money out that was refused is tried again under its key (rules.md 37), in the form it has now.

    Each lane is locked until the transaction ends, so that what got the lower number is committed first. Call
    it once a transaction, after all other locks: the lanes are then locked in one order everywhere. A lane that holds
    nothing else needs no lock.
    """
    if not parcels:
        return
    parcels = list({p.key: p for p in reversed(parcels)}.values())[::-1]  # the first of each key
    locks = sorted({_lock(parcel.lane) for parcel in parcels if parcel.kind not in LONE})
    await conn.execute(_LOCK_LANES, {"space": Space.LANES, "lanes": locks})
    columns = {
        "lanes": [p.lane for p in parcels],
        "kinds": [p.kind for p in parcels],
        "keys": [p.key for p in parcels],
        "bodies": [vault.seal_json(place(p.key), p.body) for p in parcels],
        "menus": [p.menu for p in parcels],
        "not_befores": [p.not_before for p in parcels],
        "notices": [p.notice.key if p.notice else None for p in parcels],
        "people": [p.notice.person_id if p.notice else None for p in parcels],
        "patiences": [p.notice.patience if p.notice else None for p in parcels],
    }
    await conn.execute(_PUT, {**columns, "at": at})
    await ring(conn, CHANNEL)


def place(key: str) -> str:
    """Return where a body belongs, for the vault."""
    return f"outbox.body|{key}"


def _lock(lane: str) -> int:
    return crc32(lane.encode()) - (1 << 31)


async def claim(
    conn: Connection,
    vault: Vault,
    carrier: str,
    now: datetime,
    *,
    limit: int,
    lease_seconds: float,
    lanes: Lanes = EVERY,
) -> list[Posted]:
    """Lease the heads of up to `limit` lanes of one carrier (`sms`, `stripe`): replies first, then the longest due.

    Whoever claims must settle before the lease is over: after it another relay takes the head again. A
    message or money out whose lease ran out is `unknown` from then on.
    """
    if limit <= 0:
        return []
    values = {"carrier": carrier, "now": now, "limit": limit, "lease": float(lease_seconds)}
    claiming = _CLAIM
    if lanes != EVERY:
        claiming = _CLAIM_SOME
        values |= {"beginnings": [f"{beginning}%" for beginning in lanes.beginnings], "but": lanes.but}
    posted = []
    for row in sorted(await conn.execute(claiming, values), key=lambda row: row.id):
        try:
            body = vault.open_json(place(row.key), row.body)
        except Unsealable:  # sealed with a lost key: it must not hold up anybody else
            fault = "its body does not open with the keys at hand"
            await settle(conn, [Settled(row.id, row.attempts, "dead", fault=fault, unknown=row.unknown)], now)
            continue
        state = (row.attempts, row.unknown, row.stopped, row.wrote_at, row.past_sim)
        posted.append(Posted(row.id, row.lane, row.kind, row.key, body, *state))
    return posted


async def settle(conn: Connection, results: Sequence[Settled], at: datetime) -> set[int]:
    """Note what came of attempts; returns the ids that were noted.

    What is dead was refused, so that it is known whether it was taken, unless `unknown` says otherwise.
    An attempt that was overtaken (its lease ran out, another relay took the head) can only still say `sent`.
    """
    if not results:
        return set()
    values = {
        "ids": [r.id for r in results],
        "attempts": [r.attempts for r in results],
        "states": [r.state for r in results],
        "provider_ids": [r.provider_id for r in results],
        "faults": [_clean(r.fault) for r in results],
        "afters": [r.after_seconds for r in results],
        "unknowns": [r.unknown for r in results],
        "deliveries": [r.delivery for r in results],
        "held": [r.held for r in results],
    }
    noted = set((await conn.execute(_SETTLE, {**values, "at": at})).scalars())
    if any(r.state in {"dead", "dropped"} for r in results):
        await ring(conn, MISSED)
    return noted


def _clean(fault: str | None) -> str | None:
    return fault[:LONGEST_FAULT].replace("\0", "") if fault else None


async def last_menu(conn: Connection, vault: Vault, typed: Mapping[str, datetime]) -> dict[str, Outgoing]:
    """Return what each party had last been offered as a choice when they typed: what a `2` of theirs means.

    A choice is good for three days: later nobody remembers what a number stood for.
    """
    if not typed:
        return {}
    values = {"parties": list(typed), "ats": list(typed.values()), "lasts": MENU_LASTS}
    found = await conn.execute(_LAST_MENU, values)
    return {row.lane: Outgoing.from_json(vault.open_json(place(row.key), row.body)) for row in found}


async def note_delivery(conn: Connection, reports: Iterable[Report], at: datetime) -> list[Report]:
    """Note how far messages got, and why not; reports come late, twice, unordered, or too early.

    What may go once more by the same network goes, and did not fail: the other reports are returned. What is told of a
    message that is not noted as sent yet is kept for `note_early`.
    """
    reports = list(reports)
    again = await _shut_out(conn, [r.provider_id for r in reports if r.again == "form"], at)
    again |= await _past_sim(conn, [r.provider_id for r in reports if r.again == "past_sim"], at)
    rest = [report for report in reports if report.provider_id not in again]
    if known := [report for report in rest if report.status in DELIVERY]:
        ranks = [DELIVERY[report.status] for report in known]
        columns = {
            "channels": [report.channel for report in known],
            "ids": [report.provider_id for report in known],
            "codes": [_clean(report.code) for report in known],
            "again": [report.again for report in known],
        }
        await conn.execute(_DELIVERY, {**columns, "ranks": ranks})
        if DELIVERY["failed"] in ranks:
            await ring(conn, MISSED)
    return rest


async def note_early(conn: Connection, at: datetime) -> None:
    """Note what was told of messages before they were noted as sent, as if it were told now."""
    names = {rank: status for status, rank in DELIVERY.items()}
    early = [
        Report(row.channel, row.provider_id, names[row.rank], row.code, row.again) for row in await conn.execute(_EARLY)
    ]
    if early:
        await note_delivery(conn, early, at)


async def take_waiting(
    conn: Connection, vault: Vault, parties: Sequence[str], at: datetime
) -> dict[str, list[Outgoing]]:
    """Take what waited for each of the parties to write, the oldest first: it goes with what they are answered."""
    found: dict[str, list[Outgoing]] = {}
    if parties:
        taken = await conn.execute(_TAKE_WAITING, {"parties": list(parties), "at": at})
        for row in sorted(taken, key=lambda row: row.id):
            body = vault.open_json(place(row.key), row.body)
            found.setdefault(row.lane, []).append(Outgoing.from_json(body))
    return found


async def wake(conn: Connection, parties: Sequence[str], now: datetime) -> None:
    """Let what waits for the morning come now to the people behind these parties, who are awake."""
    await conn.execute(_WAKE, {"parties": list(parties), "now": now})


async def _shut_out(conn: Connection, ids: Sequence[str], at: datetime) -> set[str]:
    """Queue notices again that a network took and then found to be too late for free words, by the provider's ids.

    It is noted that the person wrote too long ago. Returns the ids of what goes again: they did not fail.
    """
    if not ids:
        return set()
    values = {"ids": list(ids), "long_ago": at - LONG_AGO, "tries": SHUT_TRIES}
    again = set((await conn.execute(_SHUT_OUT, values)).scalars())
    await ring(conn, CHANNEL)
    return again


async def _past_sim(conn: Connection, ids: Sequence[str], at: datetime) -> set[str]:
    """Queue messages again, each once, that the phone with the local SIM could not send, by their ids there.

    What went on by another address meanwhile, or is there after all, does not. Returns the ids of what goes again.
    """
    if not ids:
        return set()
    again = set((await conn.execute(_PAST_SIM, {"ids": list(ids), "at": at})).scalars())
    await ring(conn, CHANNEL)
    return again


async def missed(conn: Connection, now: datetime, limit: int) -> list[Missed]:
    """Return notices that did not get there by the way they went, each way of each once.

    They were refused or reported as failed, or nothing said within their patience that they are there. What a
    relay has in its hands right now is left to it.
    """
    return [Missed(*row) for row in await conn.execute(_MISSED, {"now": now, "limit": limit})]


async def next_missed(conn: Connection) -> datetime | None:
    """Return when the first notice that is on its way is to be given up, on the service's clock."""
    due: datetime | None = (await conn.execute(_NEXT_MISSED)).scalar()
    return due


async def parts(conn: Connection, vault: Vault, notices: Sequence[str]) -> dict[str, list[Part]]:
    """Read what each notice consists of, by whichever way it went, in the order of queueing."""
    found: dict[str, list[Part]] = {}
    for row in await conn.execute(_PARTS, {"notices": list(notices)}):
        body = vault.open_json(place(row.key), row.body)
        found.setdefault(row.notice, []).append(Part(row.id, row.lane, row.state, row.delivery, body, row.patience))
    return found


async def replace(conn: Connection, ids: Sequence[int], at: datetime) -> set[int]:
    """Take parcels out of the way of what goes by another way. Returns those a relay did not have in its hands."""
    return set((await conn.execute(_REPLACE, {"ids": sorted(ids), "at": at})).scalars())


async def take_as_parts(conn: Connection, parcels: Sequence[Parcel]) -> None:
    """Make copies that went out beside a notice parts of it, now that it would go the same way itself."""
    news = [(p.key, p.notice) for p in parcels if p.notice]
    columns = {
        "keys": [key for key, _ in news],
        "notices": [notice.key for _, notice in news],
        "people": [notice.person_id for _, notice in news],
        "patiences": [notice.patience for _, notice in news],
    }
    await conn.execute(_TAKE_AS_PARTS, columns)


async def lives(conn: Connection, people: Sequence[str], most: int = 8) -> dict[str, list[Life]]:
    """Return how the last messages to each person stand, by all their addresses, the newest first."""
    found: dict[str, list[Life]] = {}
    for person_id, *life in await conn.execute(_LIVES, {"people": list(people), "most": most}):
        found.setdefault(person_id, []).append(Life(*life))
    return found


async def look_again(conn: Connection, notice: str) -> None:
    """Take back that a notice was seen to have failed."""
    await conn.execute(text("UPDATE outbox SET looked_at = NULL WHERE notice = :notice"), {"notice": notice})


async def backlog(conn: Connection, now: datetime) -> Backlog:
    """Measure how far the relays are behind (`now`: the service's clock)."""
    return Backlog(*(await conn.execute(_BACKLOG, {"now": now})).one())


async def last_dead(conn: Connection, before: datetime) -> tuple[int, datetime | None]:
    """Return how many parcels were given up before then and still are, and when the last of them was."""
    count, at = (await conn.execute(_LAST_DEAD, {"before": before})).one()
    return int(count), at


async def dead_letters(conn: Connection, limit: int = 100) -> list[DeadLetter]:
    """Return what was given up, the oldest first."""
    return [DeadLetter(*row) for row in await conn.execute(_DEAD, {"limit": limit})]


async def retry_dead(conn: Connection, ids: Sequence[int]) -> int:
    """Queue dead letters again, with their keys. Returns how many there were.

    Money goes out only while the books want it to go by this key: a payout that goes elsewhere by now, or a refund that
    was given up, would otherwise be paid beside what replaced it (rules.md 37).
    """
    revived = await conn.execute(_RETRY_DEAD, {"ids": list(ids)})
    await ring(conn, CHANNEL)
    return int(revived.rowcount)


async def drop_dead(conn: Connection, ids: Sequence[int], at: datetime) -> int:
    """Take dead letters off the list; they will not be sent. Returns how many there were."""
    return int((await conn.execute(_DROP_DEAD, {"ids": list(ids), "at": at})).rowcount)


async def withdraw(conn: Connection, keys: Sequence[str], at: datetime) -> None:
    """Take orders that nobody has begun to send out of the queue: what they ask for was done in another way."""
    if keys:
        await conn.execute(_WITHDRAW, {"keys": list(keys), "at": at})


async def sweep(conn: Connection, before: datetime, limit: int = 10_000) -> int:
    """Delete messages that ended before then; money's parcels stay as evidence. Returns how many went."""
    return int((await conn.execute(_SWEEP, {"before": before, "limit": limit})).rowcount)


_LOCK_LANES = text("SELECT pg_advisory_xact_lock(:space, lane) FROM unnest(CAST(:lanes AS int[])) AS lane")

_PUT = text("""
    INSERT INTO outbox (lane, kind, key, body, menu, not_before, notice, person_id, patience, queued_at)
    SELECT *, CAST(:at AS timestamptz) FROM unnest(CAST(:lanes AS text[]), CAST(:kinds AS text[]),
        CAST(:keys AS text[]), CAST(:bodies AS bytea[]), CAST(:menus AS boolean[]),
        CAST(:not_befores AS timestamptz[]), CAST(:notices AS text[]), CAST(:people AS text[]),
        CAST(:patiences AS interval[]))
    ON CONFLICT (key) DO UPDATE SET state = 'queued', body = excluded.body,
        retry_at = NULL, lease_until = NULL, ended_at = NULL
        WHERE outbox.state = 'dead' AND outbox.kind = 'disburse'
""")

# A row is the head of its lane when it is the first due one from (lane, 0) on: written so that one index
# alone can serve it, since the planner's statistics of a queue are never true (as in storage/inbox.py).
_CLAIM_WHERE = """
    WITH head AS (
        SELECT id FROM outbox r
        WHERE split_part(lane, ':', 1) = :carrier AND state = 'queued' AND not_before <= :now{}
            AND (retry_at IS NULL OR retry_at <= clock_timestamp())
            AND (lease_until IS NULL OR lease_until <= clock_timestamp())
            AND id = (
                SELECT id FROM outbox o
                WHERE o.state = 'queued' AND o.not_before <= :now AND (o.lane, o.id) >= (r.lane, 0)
                ORDER BY o.lane, o.id LIMIT 1
            )
        ORDER BY (notice IS NOT NULL), not_before, id LIMIT :limit FOR UPDATE OF r SKIP LOCKED
    )
    UPDATE outbox SET attempts = least(attempts, 32000) + 1, attempted_at = :now, retry_at = NULL,
        lease_until = clock_timestamp() + CAST(:lease AS float8) * interval '1 second',
        unknown = unknown OR (lease_until IS NOT NULL AND kind IN ('disburse', 'refund', 'say'))
    WHERE id = ANY(ARRAY(SELECT id FROM head))
    RETURNING id, lane, kind, key, body, attempts, unknown,
        coalesce((SELECT a.stopped_at IS NOT NULL FROM address a WHERE a.party = lane), false) AS stopped,
        (SELECT s.wrote_at FROM session s WHERE s.party = lane) AS wrote_at, past_sim
"""
_CLAIM = text(_CLAIM_WHERE.format(""))
_CLAIM_SOME = text(_CLAIM_WHERE.format(" AND (lane LIKE ANY(CAST(:beginnings AS text[]))) <> CAST(:but AS boolean)"))

# (state || '': so that the rows are found by their ids, not by walking through all that is queued.)
_SETTLE = text("""
    UPDATE outbox o SET state = s.state, lease_until = NULL,
        fault = CASE WHEN s.held THEN o.fault ELSE s.fault END,
        attempts = o.attempts - CAST(s.held AS int),
        attempted_at = CASE WHEN s.held AND o.attempts = 1 THEN NULL ELSE o.attempted_at END,
        provider_id = coalesce(s.provider_id, o.provider_id),
        unknown = s.unknown OR (o.unknown AND s.state <> 'dead'),
        retry_at = clock_timestamp() + s.after_seconds * interval '1 second',
        delivery = greatest(o.delivery, s.delivery),
        ended_at = CASE WHEN s.state <> 'queued' THEN CAST(:at AS timestamptz) END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[]), CAST(:states AS text[]),
        CAST(:provider_ids AS text[]), CAST(:faults AS text[]), CAST(:afters AS float8[]),
        CAST(:unknowns AS boolean[]), CAST(:deliveries AS smallint[]), CAST(:held AS boolean[]))
        AS s (id, attempts, state, provider_id, fault, after_seconds, unknown, delivery, held)
    WHERE o.id = s.id AND o.state || '' = 'queued'
        AND (o.attempts = s.attempts OR s.state IN ('sent', 'waiting'))
    RETURNING o.id
""")

_LAST_MENU = text("""
    SELECT o.lane, o.key, o.body
    FROM unnest(CAST(:parties AS text[]), CAST(:ats AS timestamptz[])) AS p (party, typed_at) CROSS JOIN LATERAL (
        SELECT lane, key, body, attempted_at FROM outbox
        WHERE menu AND attempted_at <= p.typed_at AND (lane, id) <= (p.party, 9223372036854775807)
        ORDER BY lane DESC, id DESC LIMIT 1
    ) AS o WHERE o.lane = p.party AND o.attempted_at > p.typed_at - CAST(:lasts AS interval)
""")

_DELIVERY = text("""
    WITH told AS MATERIALIZED (
        SELECT channel, provider_id, max(rank) AS rank, max(code) FILTER (WHERE rank = 2) AS code, max(again) AS again
        FROM unnest(CAST(:channels AS text[]), CAST(:ids AS text[]), CAST(:ranks AS smallint[]),
            CAST(:codes AS text[]), CAST(:again AS text[])) AS reported (channel, provider_id, rank, code, again)
        GROUP BY channel, provider_id ORDER BY channel, provider_id
    ), early AS (
        INSERT INTO early_report (channel, provider_id, rank, code, again)
        SELECT channel, provider_id, rank, coalesce(code, ''), again FROM told s WHERE NOT EXISTS (
            SELECT FROM outbox o WHERE o.provider_id = s.provider_id AND split_part(o.lane, ':', 1) = s.channel
        )
        ON CONFLICT (channel, provider_id) DO UPDATE SET rank = greatest(early_report.rank, excluded.rank),
            code = greatest(early_report.code, excluded.code), again = greatest(early_report.again, excluded.again)
    )
    UPDATE outbox o SET delivery = s.rank, fault = coalesce(nullif(s.code, ''), o.fault) FROM told s
    WHERE o.provider_id = s.provider_id AND split_part(o.lane, ':', 1) = s.channel AND o.delivery < s.rank
""")

_EARLY = text("""
    WITH old AS (
        DELETE FROM early_report WHERE at < clock_timestamp() - interval '1 day'
    )
    DELETE FROM early_report e USING outbox o
    WHERE o.provider_id = e.provider_id AND split_part(o.lane, ':', 1) = e.channel
    RETURNING e.channel, e.provider_id, e.rank, e.code, CASE WHEN e.rank = 2 THEN e.again ELSE '' END AS again
""")

_TAKE_WAITING = text("""
    UPDATE outbox SET state = 'replaced', ended_at = :at
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox WHERE state = 'waiting' AND lane = ANY(CAST(:parties AS text[])) ORDER BY id FOR UPDATE
    )) RETURNING id, lane, key, body
""")

_WAKE = text("""
    UPDATE outbox SET not_before = :now WHERE id = ANY(ARRAY(
        SELECT o.id FROM address wrote JOIN address a ON a.person_id = wrote.person_id JOIN outbox o ON o.lane = a.party
        WHERE wrote.party = ANY(CAST(:parties AS text[])) AND o.state = 'queued' AND o.not_before > :now
        ORDER BY o.id FOR UPDATE OF o
    ))
""")

_SHUT_OUT = text("""
    WITH gone AS (
        SELECT id, lane, provider_id FROM outbox
        WHERE provider_id = ANY(CAST(:ids AS text[])) AND state = 'sent' AND notice IS NOT NULL AND delivery < 3
            AND attempts < :tries ORDER BY id FOR UPDATE
    ), shut AS (
        UPDATE session SET wrote_at = least(wrote_at, :long_ago) WHERE party IN (SELECT lane FROM gone)
    ), again AS (
        UPDATE outbox SET state = 'queued', provider_id = NULL, delivery = 0, ended_at = NULL, looked_at = NULL
        WHERE id IN (SELECT id FROM gone)
    )
    SELECT provider_id FROM gone
""")

_PAST_SIM = text("""
    WITH failed AS (
        SELECT id, provider_id FROM outbox WHERE provider_id = ANY(CAST(:ids AS text[])) AND state = 'sent'
            AND split_part(lane, ':', 1) = 'sms' AND delivery < 3 AND NOT past_sim ORDER BY id FOR UPDATE
    ), again AS (
        UPDATE outbox SET state = 'queued', past_sim = true, not_before = :at,
            provider_id = NULL, delivery = 0, ended_at = NULL, looked_at = NULL
        WHERE id IN (SELECT id FROM failed)
    )
    SELECT provider_id FROM failed
""")

OVERDUE_AT = """
    CASE WHEN state = 'dead' OR delivery = 2 OR (state = 'dropped' AND fault = 'stopped') THEN ended_at
        WHEN state IN ('sent', 'waiting') THEN ended_at + patience
        WHEN state = 'queued' THEN not_before + patience END
"""
"""When a part of a notice is known not to be there, or has not said so for too long."""
NOT_THERE = "notice IS NOT NULL AND looked_at IS NULL AND delivery < 3 AND state <> 'replaced'"

# What waits behind another in its lane waits for that one; what nobody has tried yet waits for us, not for the network.
_MISSED = text(f"""
    WITH late AS (
        SELECT DISTINCT lane, notice FROM outbox o
        WHERE {NOT_THERE} AND {OVERDUE_AT} <= :now AND (state <> 'queued' OR EXISTS (
            SELECT FROM outbox h WHERE h.lane = o.lane AND h.id <= o.id AND h.state = 'queued' AND h.attempts > 0
        )) LIMIT :limit
    ), taken AS (
        SELECT id FROM outbox o JOIN late USING (lane, notice)
        WHERE NOT EXISTS (
            SELECT FROM outbox h WHERE h.notice = o.notice AND h.lane = o.lane AND h.lease_until > clock_timestamp()
        ) ORDER BY id FOR UPDATE OF o SKIP LOCKED
    ), seen AS (
        UPDATE outbox SET looked_at = :now WHERE id IN (SELECT id FROM taken)
        RETURNING id, notice, lane, person_id
    )
    SELECT notice, lane, person_id FROM seen GROUP BY notice, lane, person_id ORDER BY min(id)
""")  # noqa: S608 - our own words

_NEXT_MISSED = text(f"SELECT min({OVERDUE_AT}) FROM outbox WHERE {NOT_THERE} AND state <> 'queued'")  # noqa: S608

_PARTS = text("""
    SELECT id, notice, lane, key, state, delivery, body, patience FROM outbox
    WHERE notice = ANY(:notices) ORDER BY id
""")

_REPLACE = text("""
    UPDATE outbox SET state = 'replaced', ended_at = coalesce(ended_at, :at)
    WHERE id = ANY(ARRAY(SELECT id FROM outbox WHERE id = ANY(:ids) ORDER BY id FOR UPDATE))
        AND (state <> 'queued' OR lease_until IS NULL OR lease_until <= clock_timestamp())
    RETURNING id
""")

_TAKE_AS_PARTS = text("""
    UPDATE outbox o SET notice = n.notice, person_id = n.person_id, patience = n.patience
    FROM unnest(CAST(:keys AS text[]), CAST(:notices AS text[]), CAST(:people AS text[]),
        CAST(:patiences AS interval[])) AS n (key, notice, person_id, patience)
    WHERE o.key = n.key AND o.notice IS NULL
""")

_LIVES = text("""
    SELECT who.id, l.lane, l.state, l.delivery, coalesce(substring(l.fault FROM '^[A-Za-z0-9.]*[0-9]+'), ''),
        coalesce(l.ended_at, l.queued_at)
    FROM unnest(CAST(:people AS text[])) AS who (id) CROSS JOIN LATERAL (
        SELECT o.* FROM address a CROSS JOIN LATERAL (
            SELECT * FROM outbox WHERE lane = a.party ORDER BY id DESC LIMIT :most
        ) AS o WHERE a.person_id = who.id ORDER BY o.id DESC LIMIT :most
    ) AS l ORDER BY who.id, l.id DESC
""")

NOT_TAKEN = "(kind = 'event' AND retry_at IS NOT NULL)"
"""A call that its partner did not take at first: it is tried for days, and nobody of ours is behind with it."""

_BACKLOG = text(f"""
    SELECT count(*), coalesce(greatest(0, CAST(extract(epoch FROM CAST(:now AS timestamptz) - min(not_before))
        AS float8)), 0), (SELECT count(*) FROM outbox WHERE state = 'dead')
    FROM outbox WHERE state = 'queued' AND not_before <= :now AND NOT {NOT_TAKEN}
""")  # noqa: S608 - our own words

WANTED = """(
        kind NOT IN ('disburse', 'refund')
        OR EXISTS (
            SELECT FROM payout p WHERE p.id = split_part(o.key, ':', 2) AND p.state IN ('SENDING', 'FAILED')
                AND o.key = concat('payout:', p.id, CASE WHEN p.tries > 1 THEN ':' || p.tries END))
        OR EXISTS (SELECT FROM refund r WHERE o.key = 'refund:' || r.id AND r.state = 'PENDING'))"""
"""What may be sent again under its key: money only while the books want it to go so."""

_DEAD = text(f"""
    SELECT id, lane, kind, key, attempts, coalesce(fault, ''), NOT {WANTED} FROM outbox o
    WHERE state = 'dead' ORDER BY id LIMIT :limit
""")  # noqa: S608 - our own words
_LAST_DEAD = text("SELECT count(*), max(ended_at) FROM outbox WHERE state = 'dead' AND ended_at < :before")

_RETRY_DEAD = text(f"""
    UPDATE outbox o SET state = 'queued', retry_at = NULL, lease_until = NULL, ended_at = NULL
    WHERE id = ANY(:ids) AND state = 'dead' AND {WANTED}
""")  # noqa: S608 - our own words

_DROP_DEAD = text("UPDATE outbox SET state = 'dropped', ended_at = :at WHERE id = ANY(:ids) AND state = 'dead'")

_WITHDRAW = text("""
    UPDATE outbox SET state = 'dropped', ended_at = :at, fault = 'done by hand'
    WHERE key = ANY(:keys) AND state = 'queued' AND lease_until IS NULL AND NOT unknown
""")

_SWEEP = text("""
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox
        WHERE kind IN ('say', 'tap', 'event') AND ended_at < :before AND state <> 'queued' LIMIT :limit
    )
""")
