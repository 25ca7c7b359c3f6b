"""Figures that people were shown: kept with each batch of messages, and found again with the books behind them.

One insert a batch; nothing here is asked while a message is answered, but for the word WHY.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text

from domain.money import Currency, Money
from domain.payments import Payout
from domain.why import Move, Of, Origin, Shown
from storage import tables
from storage.codec import load
from storage.engine import Connection

MOST = 60
"""How many figures of one person are looked at, the latest first."""

_KEEP = text("""
    INSERT INTO figure_shown (person_id, minor, currency, kind, circle, whose, round, ref, shown_at)
    SELECT f.*, :at FROM unnest(CAST(:people AS text[]), CAST(:minors AS bigint[]), CAST(:currencies AS text[]),
        CAST(:kinds AS text[]), CAST(:circles AS text[]), CAST(:whose AS text[]), CAST(:rounds AS int[]),
        CAST(:refs AS text[])) AS f
""")

# An amount of 0: whatever they were shown lately.
_SHOWN = text("""
    SELECT asked.person, f.* FROM unnest(CAST(:people AS text[]), CAST(:minors AS bigint[])) AS asked (person, minor)
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT DISTINCT ON (minor, currency, kind, circle, whose, round, ref) * FROM figure_shown s
            WHERE s.person_id = asked.person AND asked.minor IN (0, s.minor)
            ORDER BY minor, currency, kind, circle, whose, round, ref, id DESC
        ) AS each ORDER BY id DESC LIMIT :most
    ) AS f ORDER BY f.id DESC
""")

MOVES = text("""
    SELECT circle, at, key, kind, debit, credit, amount FROM ledger_transfer
    WHERE circle = ANY(:circles) ORDER BY id, line
""")

_SWEEP = text("""
    DELETE FROM figure_shown WHERE id IN (SELECT id FROM figure_shown WHERE shown_at < :before LIMIT :limit)
""")


@dataclass(frozen=True, slots=True)
class Told:
    """What people were shown, latest first, and of the circles that it is about what the book does not hold."""

    shown: Mapping[str, Sequence[Shown]] = field(default_factory=dict)
    moves: Mapping[str, Sequence[Move]] = field(default_factory=dict)
    payouts: Mapping[str, Sequence[Payout]] = field(default_factory=dict)

    @property
    def circles(self) -> frozenset[str]:
        """The circles that the figures are about."""
        return frozenset(one.origin.circle for each in self.shown.values() for one in each)


async def keep(conn: Connection, shown: Collection[tuple[str, Money, Origin]], at: datetime) -> None:
    """Keep what each person is shown, once however often it stands in these messages."""
    rows = sorted({(who, money.minor, money.currency.value, *origin) for who, money, origin in shown})
    if rows:
        names = ("people", "minors", "currencies", "kinds", "circles", "whose", "rounds", "refs")
        await conn.execute(_KEEP, {"at": at, **dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))})


async def told(conn: Connection, asked: Collection[tuple[str, int]]) -> Told:
    """Find what each (person, amount in minor units) was shown, and the ledger of every circle that it is about."""
    if not asked:
        return Told()
    people, minors = zip(*sorted(set(asked)), strict=True)
    found: dict[str, list[Shown]] = {}
    for row in await conn.execute(_SHOWN, {"people": list(people), "minors": list(minors), "most": MOST}):
        origin = Origin(Of(row.kind), row.circle, row.whose, row.round, row.ref)
        money = Money(row.minor, Currency(row.currency))
        found.setdefault(row.person, []).append(Shown(row.id, money, origin, row.shown_at))
    circles = sorted(Told(found).circles)
    moves: dict[str, list[Move]] = {code: [] for code in circles}
    for code, *move in await conn.execute(MOVES, {"circles": circles}):
        moves[code].append(Move(*move))
    payouts: dict[str, list[Payout]] = {code: [] for code in circles}
    for payout in await load(conn, tables.PAYOUT, "circle = ANY(:c)", c=circles):
        payouts[payout.circle].append(payout)
    return Told(found, moves, payouts)


async def sweep(conn: Connection, before: datetime, limit: int = 10_000) -> int:
    """Forget what was shown before then. Returns how many went."""
    return int((await conn.execute(_SWEEP, {"before": before, "limit": limit})).rowcount)
