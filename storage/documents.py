"""Documents: the lines that a statement is made of, read in bulk, and what is kept of a document.

A document's facts are opened here and handed on; nothing here draws, and no token is kept, only its hash.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from domain.documents import BookFacts, CardFacts, DocumentKind, Moved, StatementFacts, What, place
from domain.enclosures import EnclosureFacts
from storage.engine import Connection, Engine
from storage.reads import fetch
from storage.vault import Unsealable, Vault

Facts = CardFacts | StatementFacts | EnclosureFacts | BookFacts
Histories = Mapping[tuple[str, str], tuple[Moved, ...]]
"""The lines by (circle, who asks)."""

# A line of a statement is a transfer between the circle's own accounts and whoever has the money: a carrier, or the
# banker, whose cash is money too. What moves within the circle is none. Whose it is says the circle's account.
_HISTORIES = text(r"""
    SELECT * FROM (
        SELECT asked.circle, asked.person, c.banker_id, t.id, t.line, t.at, t.kind,
            split_part(t.key, '\:', 1) AS key_kind, split_part(inner_, '\:', 3) AS account,
            CASE WHEN split_part(inner_, '\:', 3) = 'payable' THEN CAST(split_part(inner_, '\:', 4) AS int)
                ELSE 0 END AS round,
            CASE split_part(inner_, '\:', 3)
                WHEN 'payable' THEN (SELECT p.person_id FROM payout p WHERE p.id = split_part(t.key, '\:', 2))
                WHEN 'fee' THEN c.banker_id
                ELSE split_part(inner_, '\:', 4) END AS whose,
            CASE split_part(t.key, '\:', 1)
                WHEN 'throw' THEN split_part(t.key, '\:', 2)
                WHEN 'cover' THEN split_part(t.key, '\:', 2)
                WHEN 'sent' THEN (SELECT p.ref FROM payout p WHERE p.id = split_part(t.key, '\:', 2))
                WHEN 'handed' THEN (SELECT p.ref FROM payout p WHERE p.id = split_part(t.key, '\:', 2))
                WHEN 'refund' THEN (SELECT r.receipt FROM refund r WHERE r.id = split_part(t.key, '\:', 2))
                WHEN 'chargeback' THEN (SELECT b.receipt FROM chargeback b WHERE b.id = split_part(t.key, '\:', 2))
                END AS reference,
            CASE WHEN inner_ = t.credit THEN t.amount ELSE -t.amount END AS amount
        FROM unnest(CAST(:circles AS text[]), CAST(:people AS text[])) AS asked (circle, person)
        JOIN circle c ON c.code = asked.circle
        JOIN ledger_transfer t ON t.circle = asked.circle
        CROSS JOIN LATERAL (SELECT t.debit LIKE 'circle\:%' AND t.debit NOT LIKE '%\:cash' AS from_circle,
            t.credit LIKE 'circle\:%' AND t.credit NOT LIKE '%\:cash' AS to_circle) AS way
        CROSS JOIN LATERAL (SELECT CASE WHEN from_circle THEN t.debit ELSE t.credit END AS inner_) AS side
        WHERE from_circle <> to_circle
    ) AS lines
    WHERE person IN (whose, banker_id) ORDER BY id, line
""")
_BY_ID = text("SELECT id, kind, sealed FROM document WHERE id = :id")
_BY_TOKEN = text("SELECT id, kind, sealed FROM document WHERE token_hash = :token_hash AND expires_at > :now")
_SWEEP = text("""
    DELETE FROM document WHERE id IN (SELECT id FROM document WHERE expires_at < :before LIMIT :limit)
""")


async def histories(conn: Connection, asked: Collection[tuple[str, str]]) -> Histories:
    """Return, in one query, what each (circle, person) may see: their own lines, or as its banker the whole book."""
    if not asked:
        return {}
    circles, people = zip(*sorted(asked), strict=True)
    found: dict[tuple[str, str], list[Moved]] = {pair: [] for pair in asked}
    for row in await conn.execute(_HISTORIES, {"circles": list(circles), "people": list(people)}):
        what = _what(row.kind, row.key_kind, row.account, came=row.amount > 0)
        moved = Moved(row.at, what, row.whose or "", row.round, row.reference or "", row.amount)
        found[row.circle, row.person].append(moved)
    return {pair: tuple(lines) for pair, lines in found.items()}


_ACCOUNTS: Mapping[tuple[str, bool], What] = {
    ("payable", False): What.DRAW,
    ("payable", True): What.DRAW_BACK,
    ("fee", False): What.FEE,
    ("fee", True): What.DRAW_BACK,
}
_KEYS: Mapping[tuple[str, bool], What] = {
    ("throw", True): What.THROW,
    ("throw", False): What.TAKEN_BACK,
    ("refund", False): What.REFUND,
    ("refund", True): What.REFUND_BACK,
    ("chargeback", False): What.CHARGEBACK,
    ("chargeback", True): What.RETURNED,
}


def _what(kind: str, key_kind: str, account: str, *, came: bool) -> What:
    """Say what a line is by the circle's account that it touches, or else by the transaction's key."""
    if kind == "cover":
        return What.COVER
    return _ACCOUNTS.get((account, came)) or _KEYS.get((key_kind, came)) or _KEYS.get((kind, came)) or What.OTHER


async def by_id(engine: Engine, vault: Vault, document_id: str) -> Facts | None:
    """Return a document's facts, to send it. None when it is gone. Raises Unreachable."""
    return _open(vault, await fetch(engine, _BY_ID, {"id": document_id}))


async def by_token(engine: Engine, vault: Vault, token: str, now: datetime) -> Facts | None:
    """Return the facts that a link's token opens until its document expires. None for any other. Raises Unreachable."""
    token_hash = hashlib.sha256(token.encode("utf-8", "replace")).digest()
    return _open(vault, await fetch(engine, _BY_TOKEN, {"token_hash": token_hash, "now": now}))


def _open(vault: Vault, rows: Any) -> Facts | None:
    if not rows:
        return None
    try:
        plain = vault.open_json(place(rows[0].id), rows[0].sealed)
    except Unsealable:
        return None
    match DocumentKind(rows[0].kind):
        case DocumentKind.CARD:
            return CardFacts.read(plain)
        case DocumentKind.STATEMENT:
            return StatementFacts.read(plain)
        case DocumentKind.ENCLOSURE:
            return EnclosureFacts.read(plain)
        case DocumentKind.BOOK:
            return BookFacts.read(plain)


async def sweep(conn: Connection, before: datetime, limit: int = 10_000) -> int:
    """Delete documents that expired before then. Returns how many went."""
    return int((await conn.execute(_SWEEP, {"before": before, "limit": limit})).rowcount)
