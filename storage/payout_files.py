"""Payout files: which orders went into which file, the file itself (sealed), and what the bank said of each line.

Orders to a bank without an interface wait in the outbox, where no relay takes them. An order is taken for a file,
noted as sent and kept as a line in one transaction, which is the caller's; nothing here commits, writes a file or
decides what a bank's word means (domain/clearing.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from domain.clearing import LineState, Move
from domain.messages import Filed
from domain.payments import TRANSFER_CARRIERS
from storage import inbox, outbox
from storage.engine import Connection
from storage.vault import Unsealable, Vault

SOURCE = "payouts"
_STATES = {"disbursed": "PAID", "disburse_failed": "FAILED", "disburse_returned": "RETURNED"}
LONGEST_SAID = 200


@dataclass(frozen=True, slots=True)
class Order:
    """A payout or refund that waits for a file, held by this transaction. No body: it does not open."""

    outbox_id: int
    key: str
    attempts: int
    body: dict[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """One file as it is kept. `total`: minor units."""

    id: str
    carrier: str
    currency: str
    method: str
    format: str
    execution_date: date
    count: int
    total: int
    file_name: str
    sha256: bytes
    made_at: datetime
    made_by: str


@dataclass(frozen=True, slots=True)
class Line:
    """One payout in a file. Either `payout_id` or `refund_id` is set."""

    end_to_end_id: str
    batch: str
    position: int
    outbox_id: int
    payout_id: str | None
    refund_id: str | None
    amount: int
    state: LineState = LineState.WRITTEN
    said: str = ""
    bank_reference: str = ""
    currency: str = ""
    """Of its batch, when it was read."""

    @property
    def party(self) -> str:
        """In whose order the results are heard."""
        return f"payout:{self.payout_id}" if self.payout_id else f"refund:{self.refund_id}"

    @property
    def subject(self) -> dict[str, str]:
        """What an event is about."""
        return {"payout_id": self.payout_id} if self.payout_id else {"refund_id": str(self.refund_id)}


class Waiting(NamedTuple):
    """What waits for a file: how many orders of a carrier and currency, their sum, and since when."""

    carrier: str
    currency: str
    orders: int
    total: int
    oldest: datetime


class Standing(NamedTuple):
    """A batch and how many of its lines are in each state."""

    batch: Batch
    written: int
    paid: int
    failed: int
    returned: int


async def take(conn: Connection, vault: Vault, carrier: str, now: datetime) -> list[Order]:
    """Return the orders of a carrier that are due, held until the transaction ends; another export passes over them.

    An order that an interface has in hand, or may have taken, is left alone; so is one to somebody whose draws rest,
    for as long as they do.
    """
    found = await conn.execute(_TAKE, {"carrier": carrier, "now": now})
    return [Order(row.id, row.key, row.attempts, _body(vault, row)) for row in found]


def _body(vault: Vault, row: Any) -> dict[str, Any] | None:
    try:
        body: dict[str, Any] = vault.open_json(outbox.place(row.key), row.body)
    except Unsealable:
        return None
    return body


async def keep(conn: Connection, vault: Vault, batch: Batch, lines: Sequence[Line], content: bytes) -> None:
    """Keep a file, its bytes sealed, and its lines; nobody sends these orders again."""
    sealed = vault.seal(_place(batch.id), content)
    fields = {name: getattr(batch, name) for name in _BATCH}
    await conn.execute(_KEEP, {**fields, "sealed": sealed})
    columns = ("end_to_end_id", "position", "outbox_id", "payout_id", "refund_id", "amount")
    values = {name: [getattr(line, name) for line in lines] for name in columns}
    await conn.execute(_KEEP_LINES, {**values, "batch": batch.id, "at": batch.made_at})
    await conn.execute(_SENT, {"ids": values["outbox_id"], "said": values["end_to_end_id"], "at": batch.made_at})


async def refuse(conn: Connection, vault: Vault, refused: Sequence[tuple[Order, str]], at: datetime) -> None:
    """End orders that cannot be written, with the reason, and tell the books of those that can be read.

    They are queued again under their key when they have been mended (rules.md 37).
    """
    if not refused:
        return
    ended = {"ids": [order.outbox_id for order, _ in refused], "faults": [reason for _, reason in refused], "at": at}
    await conn.execute(_REFUSE, ended)
    heard = [
        Filed(
            SOURCE,
            f"{order.key}:refused:{order.attempts}",
            _party(order.body["echo"]),
            "event",
            {"kind": _named("disburse_failed", order.body["echo"]), "reason": reason, **order.body["echo"]},
        )
        for order, reason in refused
        if order.body is not None
    ]
    await inbox.file(conn, vault, heard, at)


def _party(echo: dict[str, str]) -> str:
    return f"payout:{echo['payout_id']}" if "payout_id" in echo else f"refund:{echo['refund_id']}"


async def open_file(conn: Connection, vault: Vault, batch_id: str) -> tuple[Batch, bytes] | None:
    """Return a batch and its file as it was first written. Raises Unsealable."""
    row = (await conn.execute(_OPEN, {"id": batch_id})).one_or_none()
    return (_batch(row), vault.open(_place(batch_id), row.sealed)) if row else None


async def batches(conn: Connection, limit: int = 100) -> list[Standing]:
    """Return the latest batches, the newest first."""
    found = await conn.execute(_LIST, {"limit": limit})
    return [Standing(_batch(row), row.written, row.paid, row.failed, row.returned) for row in found]


async def lock_lines(
    conn: Connection, carrier: str, ids: Sequence[str], batch_ids: Sequence[str] = (), subjects: Sequence[str] = ()
) -> list[Line]:
    """Return a carrier's lines with these end-to-end ids, of these batches, payouts or refunds: held, oldest first."""
    values = {"carrier": carrier, "ids": list(ids), "batches": list(batch_ids), "subjects": list(subjects)}
    found = await conn.execute(_LOCK, values)
    return [
        Line(
            row.end_to_end_id, row.batch, row.position, row.outbox_id, row.payout_id, row.refund_id, row.amount,
            LineState(row.state), row.said, row.bank_reference, row.currency,
        )
        for row in found
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What a bank's word does to a line. `reason` is the bank's; `reference` finds the payment at the bank."""

    line: Line
    move: Move
    said: str
    reason: str = ""
    reference: str = ""


def joined(before: Change | None, after: Change) -> Change:
    """Join two words on one line that come together: what both tell is heard, in their order."""
    if before is None:
        return after
    events = (*before.move.events, *after.move.events)
    return replace(after, line=before.line, move=Move(after.move.state, events))


async def apply(conn: Connection, vault: Vault, changes: Sequence[Change], at: datetime) -> None:
    """Change held lines and file what the books have to hear: both or neither.

    An order that failed may be queued again under its key. One that came back may not: what is paid then is another
    payment, under another key.
    """
    values = {
        "ids": [c.line.end_to_end_id for c in changes],
        "states": [c.move.state.value for c in changes],
        "saids": [c.said[:LONGEST_SAID] for c in changes],
        "references": [c.reference[:LONGEST_SAID] for c in changes],
    }
    await conn.execute(_CHANGE, {**values, "at": at})
    over = [c for c in changes if c.move.events and c.move.state is LineState.FAILED]
    ended = {"ids": [c.line.outbox_id for c in over], "faults": [c.said[:LONGEST_SAID] for c in over], "at": at}
    await conn.execute(_BACK, ended)
    await inbox.file(conn, vault, [_filed(c, kind) for c in changes for kind in c.move.events], at)


def _filed(change: Change, kind: str) -> Filed:
    line = change.line
    body: dict[str, Any] = {"kind": _named(kind, line.subject), **line.subject}
    if body["kind"] not in {"disburse_failed", "refund_failed"}:
        body["provider_id"] = line.bank_reference or change.reference or line.end_to_end_id
    if body["kind"] not in {"disbursed", "refunded"}:
        body["reason"] = change.reason or change.said
    if body["kind"] == "disbursed":
        body["charge"] = 0
    return Filed(SOURCE, f"{line.end_to_end_id}:{_STATES[kind]}", line.party, "event", body)


def _named(kind: str, subject: dict[str, str]) -> str:
    """Return what an event is called: a refund has words of its own, and no return beside its failure."""
    if "payout_id" in subject:
        return kind
    return "refunded" if kind == "disbursed" else "refund_failed"


async def waiting(conn: Connection, vault: Vault, carriers: Sequence[str] = TRANSFER_CARRIERS) -> list[Waiting]:
    """Return what waits for a file, by carrier and currency; `oldest` is when the first was due."""
    sums: dict[tuple[str, str], Waiting] = {}
    for row in await conn.execute(_WAITING, {"carriers": list(carriers)}):
        if (body := _body(vault, row)) is None:
            continue
        so_far = sums.get(key := (row.carrier, str(body["currency"])), Waiting(*key, 0, 0, row.not_before))
        oldest = min(so_far.oldest, row.not_before)
        sums[key] = Waiting(*key, so_far.orders + 1, so_far.total + int(body["amount"]), oldest)
    return [sums[key] for key in sorted(sums)]


def _place(batch_id: str) -> str:
    return f"payout_batch.sealed|{batch_id}"


_BATCH = (
    "id", "carrier", "currency", "method", "format", "execution_date", "count", "total", "file_name", "sha256",
    "made_at", "made_by",
)  # fmt: skip


def _batch(row: Any) -> Batch:
    return Batch(*(getattr(row, f"b_{name}") for name in _BATCH))


_COLUMNS = ", ".join(f"b.{name} AS b_{name}" for name in _BATCH)

# (unknown: an interface may have taken it. attempts stay: each try of an order is told under a number of its own.)
_TAKE = text("""
    SELECT id, key, attempts, body FROM outbox
    WHERE split_part(lane, ':', 1) = :carrier AND state = 'queued' AND kind = 'disburse' AND not_before <= :now
        AND lease_until IS NULL AND NOT unknown AND NOT EXISTS (
            SELECT FROM payout p JOIN payout_freeze f ON (f.person_id = p.person_id AND f.held)
                OR (f.person_id = CASE WHEN p.via_banker THEN p.started_by ELSE p.person_id END
                    AND (f.held OR f.until > :now))
            WHERE p.id = split_part(outbox.key, ':', 2)
        ) AND NOT EXISTS (
            SELECT FROM refund r JOIN payment p ON p.receipt = r.receipt
            JOIN payout_freeze f ON f.person_id = p.recorded_by AND (f.held OR f.until > :now)
            WHERE r.id = split_part(outbox.key, ':', 2)
        )
    ORDER BY id FOR UPDATE SKIP LOCKED
""")

_KEEP = text(f"""
    INSERT INTO payout_batch ({", ".join(_BATCH)}, sealed) VALUES ({", ".join(f":{name}" for name in _BATCH)}, :sealed)
""")  # noqa: S608 - only our own names

_KEEP_LINES = text("""
    INSERT INTO payout_batch_line (end_to_end_id, batch, position, outbox_id, payout_id, refund_id, amount, changed_at)
    SELECT l.end_to_end_id, :batch, l.position, l.outbox_id, l.payout_id, l.refund_id, l.amount,
        CAST(:at AS timestamptz)
    FROM unnest(CAST(:end_to_end_id AS text[]), CAST(:position AS int[]), CAST(:outbox_id AS bigint[]),
        CAST(:payout_id AS text[]), CAST(:refund_id AS text[]), CAST(:amount AS bigint[]))
        AS l (end_to_end_id, position, outbox_id, payout_id, refund_id, amount)
""")

_SENT = text("""
    UPDATE outbox o SET state = 'sent', provider_id = s.said, attempts = least(attempts, 32000) + 1,
        attempted_at = :at, ended_at = :at, retry_at = NULL, fault = NULL
    FROM unnest(CAST(:ids AS bigint[]), CAST(:said AS text[])) AS s (id, said)
    WHERE o.id = s.id
""")

_REFUSE = text("""
    UPDATE outbox o SET state = 'dead', fault = s.fault, attempts = least(attempts, 32000) + 1, attempted_at = :at,
        ended_at = :at
    FROM unnest(CAST(:ids AS bigint[]), CAST(:faults AS text[])) AS s (id, fault)
    WHERE o.id = s.id
""")

_BACK = text("""
    UPDATE outbox o SET state = 'dead', fault = s.fault, ended_at = :at
    FROM unnest(CAST(:ids AS bigint[]), CAST(:faults AS text[])) AS s (id, fault)
    WHERE o.id = s.id AND o.state = 'sent'
""")

_OPEN = text(f"SELECT {_COLUMNS}, b.sealed FROM payout_batch b WHERE b.id = :id")  # noqa: S608 - only our own names

_LIST = text(f"""
    SELECT {_COLUMNS}, count(*) FILTER (WHERE l.state = 'WRITTEN') AS written,
        count(*) FILTER (WHERE l.state = 'PAID') AS paid, count(*) FILTER (WHERE l.state = 'FAILED') AS failed,
        count(*) FILTER (WHERE l.state = 'RETURNED') AS returned
    FROM payout_batch b JOIN payout_batch_line l ON l.batch = b.id
    GROUP BY b.id ORDER BY b.made_at DESC, b.id LIMIT :limit
""")  # noqa: S608 - only our own names

_LOCK = text("""
    SELECT l.end_to_end_id, l.batch, l.position, l.outbox_id, l.payout_id, l.refund_id, l.amount, l.state, l.said,
        l.bank_reference, b.currency
    FROM payout_batch_line l JOIN payout_batch b ON b.id = l.batch
    WHERE b.carrier = :carrier AND (l.end_to_end_id = ANY(:ids) OR l.batch = ANY(:batches)
        OR l.payout_id = ANY(:subjects) OR l.refund_id = ANY(:subjects))
    ORDER BY b.made_at, l.end_to_end_id FOR UPDATE OF l
""")

_CHANGE = text("""
    UPDATE payout_batch_line l SET state = s.state, said = s.said, changed_at = :at,
        bank_reference = coalesce(nullif(s.reference, ''), l.bank_reference)
    FROM unnest(CAST(:ids AS text[]), CAST(:states AS text[]), CAST(:saids AS text[]), CAST(:references AS text[]))
        AS s (id, state, said, reference)
    WHERE l.end_to_end_id = s.id
""")

_WAITING = text("""
    SELECT split_part(lane, ':', 1) AS carrier, key, body, not_before FROM outbox
    WHERE split_part(lane, ':', 1) = ANY(:carriers) AND state = 'queued' AND kind = 'disburse' ORDER BY id
""")
