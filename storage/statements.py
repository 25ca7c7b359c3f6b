"""Lines of bank statements: kept once, matched in bulk, and filed as arrivals in the transaction that keeps them.

Owns the tables `statement_line` and `statement_balance`. Finds what a line is about and books nothing: the desk
decides again under its own locks. What people and banks wrote is sealed; only what was matched stands in clear. A
repeat of a file, or of a part of one, changes nothing, so an import that was cut off is simply run again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Self

from sqlalchemy import text

from domain import clearing
from domain.clearing import Verdict
from domain.matching import (
    DAYS_AFTER,
    DAYS_BEFORE,
    SUGGESTIONS,
    SURE,
    Hint,
    How,
    LineState,
    References,
    StatementBalance,
    StatementLine,
    find_references,
)
from domain.messages import Filed
from domain.money import Currency
from storage import filer, inbox, payout_files
from storage.engine import Connection, Space
from storage.likeness import Found, Waiting, find_likely
from storage.payout_files import Change, Line
from storage.vault import Vault

CHUNK = 20_000
"""How many lines are best taken in one transaction."""
SOURCE = "statement"
_BY_REFERENCE, _BY_READING = 100, 95

Numbered = tuple[str, StatementLine]


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of lines: those known before, and of the new ones how many were matched, by what, or left."""

    known: int = 0
    by_reference: int = 0
    by_likeness: int = 0
    of_the_bank: int = 0
    to_look_at: int = 0

    @property
    def new(self) -> int:
        """How many were not there before."""
        return self.by_reference + self.by_likeness + self.of_the_bank + self.to_look_at

    def __add__(self, other: Self) -> "Tally":
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Import:
    """One file for one carrier: its SHA-256, and how sure likeness has to be.

    `spoken_for` are receipts that lines anywhere in the file name: likeness alone must not give them to another line.
    """

    carrier: str
    file: bytes
    spoken_for: Collection[str] = frozenset()
    sure: int = SURE


@dataclass(frozen=True, slots=True)
class Kept:
    """A line as it is kept, opened for somebody who may see what was written."""

    id: str
    carrier: str
    booked: date
    amount: int
    currency: Currency
    state: LineState
    outcome: str
    told: Mapping[str, str]
    """account, bank_ref, end_to_end, name and narrative."""


async def take(conn: Connection, vault: Vault, source: Import, lines: Sequence[Numbered], at: datetime) -> Tally:
    """Keep the lines that are new, match them, and file each for the desk. The caller commits.

    Two imports for one carrier wait for each other.
    """
    await conn.execute(_LOCK, {"locks": Space.STATEMENTS, "carrier": source.carrier})
    known = set((await conn.execute(_KNOWN, {"ids": [line_id for line_id, _ in lines]})).scalars())
    new = [one for one in lines if one[0] not in known]
    if not new:
        return Tally(known=len(known))
    named = [find_references(f"{line.end_to_end} {line.bank_ref} {line.narrative}") for _, line in new]
    found = await _by_references(conn, source.carrier, [line for _, line in new], named)
    changes = await _by_files(conn, source.carrier, [line for _, line in new], named, found)
    await _by_likeness(conn, source, [line for _, line in new], found)
    matched = [(line_id, line, one) for (line_id, line), one in zip(new, found, strict=True)]
    await conn.execute(_INSERT, _columns(vault, source, matched, at))
    await payout_files.apply(conn, vault, changes, at)  # heard before the lines that tell of it
    arrivals = [_arrival(source.carrier, *one) for one in matched]
    await inbox.insert(conn, [filer.row(vault, filed, at) for filed in arrivals])
    return _tally(len(known), found)


async def note_balances(conn: Connection, carrier: str, balances: Sequence[StatementBalance]) -> None:
    """Keep what the bank says stood there, accounts of one currency together, beside what all lines come to."""
    sums: dict[tuple[str, date], int] = defaultdict(int)
    for account in {one.account for one in balances}:
        newest = {(b.currency.value, b.as_of): b.amount for b in balances if b.account == account}
        for key, amount in newest.items():
            sums[key] += amount
    values = {
        "carrier": carrier,
        "currencies": [currency for currency, _ in sums],
        "days": [day for _, day in sums],
        "amounts": list(sums.values()),
    }
    if sums:
        await conn.execute(_BALANCES, values)
    await conn.execute(_LINE_TOTALS, {"carrier": carrier})


async def in_books(conn: Connection, carrier: str, currency: Currency) -> int:
    """Return what stands with the carrier by our own books, in minor units."""
    found = await conn.execute(_IN_BOOKS, {"name": f"rail:{carrier}:{currency}"})
    return int(found.scalar_one_or_none() or 0)


async def settle(conn: Connection, lines: Mapping[str, tuple[str, str]]) -> None:
    """Note what lines turned out to be: their state, and what they are matched with (or the ticket that asks)."""
    if lines:
        values = [(line_id, state, outcome) for line_id, (state, outcome) in lines.items()]
        names = ("ids", "states", "outcomes")
        await conn.execute(_SETTLE, dict(zip(names, map(list, zip(*values, strict=True)), strict=True)))


async def opened(conn: Connection, vault: Vault, ids: Sequence[str]) -> list[Kept]:
    """Return lines with what was written on them, for staff who match them. Raises Unsealable."""
    return [
        Kept(
            row.id,
            row.carrier,
            row.booked,
            row.amount,
            Currency(row.currency),
            LineState(row.state),
            row.outcome,
            vault.open_json(_place(row.id), row.sealed),
        )
        for row in await conn.execute(_OPENED, {"ids": list(ids)})
    ]


# -- by reference -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ours:
    """What of the references in some lines there really is."""

    receipts: Collection[str]
    payout_refs: Mapping[tuple[str, str, int], Sequence["_Try"]]
    """Payouts by (ref, currency, what the bank pays), the first try first."""
    payout_ids: Collection[tuple[str, str]]
    refund_ids: Collection[tuple[str, str]]
    """Ids of what this carrier pays, with the currency."""
    refunds_of: Mapping[tuple[str, str, int], Sequence[str]]
    """Ids of refunds on their way by (receipt, currency, what the bank pays)."""


@dataclass(slots=True)
class _Try:
    """One payout, what it is a try to pay, and whether a line has shown it leave (False) and come back (True)."""

    id: str
    pays: tuple[str, int, str]
    shown: set[bool]


async def _by_references(
    conn: Connection, carrier: str, lines: Sequence[StatementLine], named: Sequence[References]
) -> list[Found]:
    ours = await _ours(conn, carrier, named)
    return [_named(line, refs, ours) for line, refs in zip(lines, named, strict=True)]


async def _ours(conn: Connection, carrier: str, named: Sequence[References]) -> _Ours:
    receipts = list({code for refs in named for code in (*refs.receipts, *refs.doubtful)})
    ids = {"ids": list({one for refs in named for one in refs.ids}), "carrier": carrier}
    payout_refs, refunds_of = defaultdict(list), defaultdict(list)
    refs = {"refs": list({ref for refs in named for ref in refs.payouts}), "carrier": carrier}
    for row in await conn.execute(_PAYOUT_REFS, refs):
        shown = {back for back, there in ((False, row.went), (True, row.came)) if there}
        one = _Try(row.id, (row.circle, row.round, row.kind), shown)
        payout_refs[row.ref, row.currency, row.rail_amount].append(one)
    for row in await conn.execute(_REFUNDS_OF, {"receipts": receipts, "carrier": carrier}):
        refunds_of[row.receipt, row.pay_currency, row.pay_amount].append(row.id)
    return _Ours(
        frozenset((await conn.execute(_RECEIPTS, {"receipts": receipts})).scalars()),
        payout_refs,
        frozenset((row.id, row.currency) for row in await conn.execute(_PAYOUT_IDS, ids)),
        frozenset((row.id, row.currency) for row in await conn.execute(_REFUND_IDS, ids)),
        refunds_of,
    )


def _named(line: StatementLine, refs: References, ours: _Ours) -> Found:
    """What a line names of ours; when it names two things, or what cannot be for it, staff look at it."""
    receipts = [code for code in refs.receipts if code in ours.receipts]
    confidence = _BY_REFERENCE
    if not receipts and (receipts := [code for code in refs.doubtful if code in ours.receipts]):
        confidence = _BY_READING
    payouts = [one for one in refs.ids if (one, line.currency.value) in ours.payout_ids] or list(
        dict.fromkeys(
            one
            for ref in refs.payouts
            for one in _which(line, ours.payout_refs.get((ref, line.currency.value, abs(line.amount)), ()))
        )
    )
    refunds = [one for one in refs.ids if (one, line.currency.value) in ours.refund_ids]
    if line.amount < 0 and not payouts and not refunds:
        keys = ((code, line.currency.value, -line.amount) for code in receipts)
        refunds = [one for key in keys for one in ours.refunds_of.get(key, ())]
    match (receipts, payouts, refunds):
        case ([], [], []):
            return Found()
        case (_, [], [refund_id]) if line.amount < 0:
            return Found(LineState.MATCHED, How.REFERENCE, confidence, refund_id=refund_id)
        case ([receipt], [], []) if line.amount > 0:
            return Found(LineState.MATCHED, How.REFERENCE, confidence, receipt=receipt)
        case ([], [payout_id], []):
            return Found(LineState.MATCHED, How.REFERENCE, confidence, payout_id=payout_id)
        case _:
            return Found(named=True, suggestions=tuple(receipts[:SUGGESTIONS]))


def _which(line: StatementLine, tries: Sequence[_Try]) -> Sequence[str]:
    """Return the try that a line is about which names them all alike: a statement shows them in their order."""
    if len({one.pays for one in tries}) > 1:  # the reference was used again: staff look at it
        return [one.id for one in tries]
    back = line.amount > 0
    for one in tries:
        if back not in one.shown:
            one.shown.add(back)
            return [one.id]
    return [one.id for one in tries[-1:]]


# -- by the files that we wrote ---------------------------------------------------------------------------------------


async def _by_files(
    conn: Connection, carrier: str, lines: Sequence[StatementLine], named: Sequence[References], found: list[Found]
) -> list[Change]:
    """Return what lines tell of the payments in our files; each then says the same as a word in the bank's results.

    So it makes no difference which of the two comes first, or whether the other ever comes. A line that is about
    such a payment and tells nothing that can be is for staff: it may have gone out twice.
    """
    ids = {one for refs in named for one in refs.orders}
    subjects = {one.payout_id or one.refund_id for one in found} - {""}
    held = (
        await payout_files.lock_lines(conn, carrier, sorted(ids), subjects=sorted(subjects)) if ids | subjects else []
    )
    orders = {one.end_to_end_id: one for one in held}
    seen = (
        {tuple(row) for row in await conn.execute(_SEEN, {"carrier": carrier, "orders": list(orders)})}
        if orders
        else set()
    )
    changes: dict[str, Change] = {}
    for place, (line, refs) in enumerate(zip(lines, named, strict=True)):
        subject = found[place].payout_id or found[place].refund_id
        of = [orders[one] for one in refs.orders if one in orders] or [
            order for order in orders.values() if subject and subject in {order.payout_id, order.refund_id}
        ]
        if not of:
            continue
        change = _told(line, [order for order in of if (order.end_to_end_id, line.amount < 0) not in seen])
        if change is None:
            found[place] = Found(named=True)
            continue
        key = change.line.end_to_end_id
        seen.add((key, line.amount < 0))
        orders[key] = replace(change.line, state=change.move.state)
        changes[key] = payout_files.joined(changes.get(key), change)
        payout_id, refund_id = change.line.payout_id or "", change.line.refund_id or ""
        found[place] = Found(LineState.MATCHED, How.REFERENCE, _BY_REFERENCE, "", payout_id, refund_id, key)
    return list(changes.values())


def _told(line: StatementLine, orders: Sequence[Line]) -> Change | None:
    """Return what a line says of the first of some payments that it can be the word on."""
    verdict, said = (Verdict.PAID, "STATEMENT") if line.amount < 0 else (Verdict.RETURNED, "RETURNED")
    for order in orders:
        move = clearing.move(order.state, verdict)
        if move and (order.amount, order.currency) == (abs(line.amount), line.currency.value):
            return Change(order, move, said, reference=line.bank_ref)
    return None


# -- by likeness ------------------------------------------------------------------------------------------------------


async def _by_likeness(conn: Connection, source: Import, lines: Sequence[StatementLine], found: list[Found]) -> None:
    """Look for what the lines without a reference of ours may be for; lines of the bank's own stay its own."""
    for place, line in enumerate(lines):
        if found[place] == Found() and line.hint in {Hint.CHARGE, Hint.INTEREST}:
            found[place] = Found(LineState.NEW)
    places = [
        place
        for place, line in enumerate(lines)
        if found[place] == Found() and line.amount > 0 and line.hint is Hint.NONE
    ]
    if not places:
        return
    days = [lines[place].booked for place in places]
    values = {
        "carrier": source.carrier,
        "amounts": list({lines[place].amount for place in places}),
        "since": min(days) - timedelta(days=DAYS_AFTER),
        "until": max(days) + timedelta(days=DAYS_BEFORE),
    }
    taken = {one.receipt for one in found if one.receipt} | set(source.spoken_for)
    waiting = Waiting()
    for row in await conn.execute(_WAITING, values):
        if row.receipt not in taken:
            waiting.add(row.receipt, row.amount, Currency(row.currency), row.began, {row.giver, row.of})
    for place, one in zip(places, find_likely([lines[place] for place in places], waiting, source.sure), strict=True):
        found[place] = one


# -- rows and arrivals ------------------------------------------------------------------------------------------------


def _place(line_id: str) -> str:
    return f"statement_line.sealed|{line_id}"


def _columns(
    vault: Vault, source: Import, matched: Sequence[tuple[str, StatementLine, Found]], at: datetime
) -> dict[str, Any]:
    rows = [
        (
            line_id,
            line.booked,
            line.valued,
            line.amount,
            line.currency.value,
            vault.seal_json(_place(line_id), {name: getattr(line, name) for name in _WRITTEN}),
            line.hint.value,
            found.state.value,
            found.how.value,
            found.confidence,
            found.receipt or None,
            found.payout_id or None,
            found.refund_id or None,
            " ".join(found.suggestions),
            line.position,
            found.order,
        )
        for line_id, line, found in matched
    ]
    names = "id booked valued amount currency sealed hint state how confidence receipt payout refund likely"
    columns = zip([*names.split(), "position", "order"], zip(*rows, strict=True), strict=True)
    return {name: list(values) for name, values in columns} | {"carrier": source.carrier, "file": source.file, "at": at}


_WRITTEN = ("account", "bank_ref", "end_to_end", "name", "narrative")


def _arrival(carrier: str, line_id: str, line: StatementLine, found: Found) -> Filed:
    if found.receipt:
        party = f"payment:{found.receipt}"
    elif found.payout_id:
        party = f"payout:{found.payout_id}"
    else:
        party = f"refund:{found.refund_id}" if found.refund_id else f"line:{line_id}"
    body = {
        "kind": "line",
        "line_id": line_id,
        "carrier": carrier,
        "amount": line.amount,
        "currency": line.currency.value,
        "booked": line.booked.isoformat(),
        "receipt": found.receipt,
        "payout_id": found.payout_id,
        "refund_id": found.refund_id,
        "order": found.order,
        "confidence": found.confidence,
        "suggestions": list(found.suggestions),
        "hint": line.hint.value,
    }
    return Filed(SOURCE, line_id, party, "event", body)


def _tally(known: int, found: Sequence[Found]) -> Tally:
    of_the_bank = sum(one.state is LineState.NEW for one in found)
    by_reference = sum(one.how is How.REFERENCE for one in found)
    by_likeness = sum(one.how is How.LIKENESS for one in found)
    left = len(found) - of_the_bank - by_reference - by_likeness
    return Tally(known, by_reference, by_likeness, of_the_bank, left)


_LOCK = text("SELECT pg_advisory_xact_lock(:locks, hashtext(:carrier))")
_KNOWN = text("SELECT id FROM statement_line WHERE id = ANY(:ids)")
_RECEIPTS = text("SELECT receipt FROM payment WHERE receipt = ANY(:receipts)")
_PAYOUT_IDS = text("""
    SELECT p.id, c.currency FROM payout p JOIN circle c ON c.code = p.circle
    WHERE p.id = ANY(:ids) AND p.carrier = :carrier
""")
_REFUND_IDS = text("""
    SELECT id, pay_currency AS currency FROM refund WHERE id = ANY(:ids) AND carrier = :carrier
""")
_PAYOUT_REFS = text("""
    SELECT p.id, p.ref, p.rail_amount, p.circle, p.round, p.kind, c.currency,
        EXISTS (SELECT FROM statement_line s WHERE s.payout_id = p.id AND s.amount < 0) AS went,
        EXISTS (SELECT FROM statement_line s WHERE s.payout_id = p.id AND s.amount > 0) AS came
    FROM payout p JOIN circle c ON c.code = p.circle
    WHERE p.ref = ANY(:refs) AND p.carrier = :carrier AND p.state <> 'DROPPED' ORDER BY p.tries, p.asked_at, p.id
""")
_REFUNDS_OF = text("""
    SELECT id, receipt, pay_currency, pay_amount FROM refund
    WHERE receipt = ANY(:receipts) AND carrier = :carrier AND state = 'PENDING'
""")
_SEEN = text("""
    SELECT outcome, amount < 0 FROM statement_line WHERE carrier = :carrier AND outcome = ANY(:orders)
""")
_WAITING = text("""
    SELECT p.receipt, CASE WHEN p.pay_amount > 0 THEN p.pay_amount ELSE p.amount END AS amount,
        CASE WHEN p.pay_amount > 0 THEN p.pay_currency ELSE p.currency END AS currency,
        CAST(p.began_at AT TIME ZONE 'America/Jamaica' AS date) AS began, g.name AS giver, w.name AS of
    FROM payment p JOIN person g ON g.id = p.recorded_by JOIN person w ON w.id = p.person_id
    WHERE p.state = 'PENDING' AND p.carrier = :carrier
        AND CASE WHEN p.pay_amount > 0 THEN p.pay_amount ELSE p.amount END = ANY(:amounts)
        AND CAST(p.began_at AT TIME ZONE 'America/Jamaica' AS date) BETWEEN :since AND :until
        AND NOT EXISTS (SELECT FROM statement_line s WHERE s.receipt = p.receipt)
""")
_INSERT = text("""
    INSERT INTO statement_line (id, booked, valued, amount, currency, sealed, hint, state, how, confidence, receipt,
        payout_id, refund_id, suggestions, position, outcome, carrier, file, imported_at)
    SELECT u.*, :carrier, :file, :at FROM unnest(CAST(:id AS text[]), CAST(:booked AS date[]), CAST(:valued AS date[]),
        CAST(:amount AS bigint[]), CAST(:currency AS text[]), CAST(:sealed AS bytea[]), CAST(:hint AS text[]),
        CAST(:state AS text[]), CAST(:how AS text[]), CAST(:confidence AS smallint[]), CAST(:receipt AS text[]),
        CAST(:payout AS text[]), CAST(:refund AS text[]), CAST(:likely AS text[]),
        CAST(:position AS bigint[]), CAST(:order AS text[])) AS u
""")
_BALANCES = text("""
    INSERT INTO statement_balance (carrier, currency, as_of, balance, line_total)
    SELECT :carrier, u.*, 0
    FROM unnest(CAST(:currencies AS text[]), CAST(:days AS date[]), CAST(:amounts AS bigint[])) AS u
    ON CONFLICT (carrier, currency, as_of) DO UPDATE SET balance = excluded.balance
""")
_LINE_TOTALS = text("""
    UPDATE statement_balance b SET line_total = coalesce((
        SELECT sum(l.amount) FROM statement_line l
        WHERE l.carrier = b.carrier AND l.currency = b.currency AND l.booked <= b.as_of), 0)
    WHERE b.carrier = :carrier
""")
_IN_BOOKS = text("SELECT balance FROM ledger_account WHERE name = :name")
_SETTLE = text("""
    UPDATE statement_line l SET state = u.state, outcome = u.outcome,
        how = CASE WHEN u.state = 'MATCHED' AND l.state = 'SUSPENSE' THEN 'staff' ELSE l.how END
    FROM unnest(CAST(:ids AS text[]), CAST(:states AS text[]), CAST(:outcomes AS text[])) AS u (id, state, outcome)
    WHERE l.id = u.id
""")
_OPENED = text("SELECT * FROM statement_line WHERE id = ANY(:ids) ORDER BY booked, position")
