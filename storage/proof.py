"""Proves the books from what is written: in whole, or what came since a mark; and against statements and rights.

Trusts none of the guards that hold the promises of docs/ledger.md. Reads only, and must never mend anything.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby, takewhile
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.money import Currency, Money
from storage import chains


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of all the books counted, and for each check that failed its first fault."""

    accounts: int
    transactions: int
    postings: int
    faults: tuple[str, ...]
    lines: int = 0
    """How many lines are sealed in the books' chains, where those were walked."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """What a carrier's account held at the end of a day by the books and by its statement, in minor units.

    `on_the_way` had left by the books, lately, and was not on any statement up to then. A `difference` (the books and
    it less the statement) is a fault that no guard inside the database can see; it stood on every statement `since`.
    """

    carrier: str
    currency: Currency
    books: int
    on_the_way: int
    statement: int
    as_of: date
    since: date | None = None

    @property
    def difference(self) -> int:
        """By how much the books say more than the statement; 0 when they agree."""
        return self.books + self.on_the_way - self.statement

    def text(self) -> str:
        """Name the carrier, our figure, theirs, and since when they differ."""
        ours, theirs = (Money(minor, self.currency).full() for minor in (self.books + self.on_the_way, self.statement))
        told = f"{self.carrier} {self.currency} on {self.as_of}: the books say {ours}, the statement {theirs}"
        if not self.difference:
            return told
        return f"{told}; {Money(self.difference, self.currency).full()} apart since {self.since or self.as_of}"


START: Final = 0
"""The mark before everything."""

# Each check returns its first fault in words, beginning with what is at fault (see `subject`), and trusts no constraint
# or trigger to have prevented it. A statement sees one moment, so postings may go on meanwhile.
_CONSERVATION = """
    SELECT format('%s: assets %s, liabilities %s', currency, assets, liabilities)
    FROM (
        SELECT currency, coalesce(sum(balance) FILTER (WHERE side = 'asset'), 0) AS assets,
            coalesce(sum(balance) FILTER (WHERE side = 'liability'), 0) AS liabilities
        FROM ledger_account GROUP BY currency
    ) held
    WHERE assets <> liabilities ORDER BY currency LIMIT 1
    """

# Those that follow ask for what was written since a mark, in order of the database's transactions: all, from the
# start. A hold has its lines on each account it lowers: one that takes, and one that lets go once it is resolved.
_SINCE = (
    # Each transaction against its postings.
    """
    SELECT format('transaction %s: %s postings, sum %s, of them %s without an account of its currency',
        t.key, lines, total, outside)
    FROM ledger_transaction t
    CROSS JOIN LATERAL (
        SELECT count(*) AS lines, coalesce(sum(p.amount), 0) AS total,
            count(*) FILTER (WHERE a.id IS NULL OR (p.currency, t.currency) <> (a.currency, a.currency)) AS outside
        FROM ledger_posting p LEFT JOIN ledger_account a ON a.id = p.account WHERE p.transaction = t.id
    ) p
    WHERE t.xid >= CAST(CAST(:mark AS text) AS xid8) AND (lines < 2 OR total <> 0 OR outside > 0)
    ORDER BY t.id LIMIT 1
    """,
    # Each posting against the one before it on its account.
    """
    SELECT format('account %s, version %s: balance %s, expected to follow %s', a.name, p.version, p.balance,
        coalesce(before.balance, 0))
    FROM ledger_transaction t
    JOIN ledger_posting p ON p.transaction = t.id
    JOIN ledger_account a ON a.id = p.account
    LEFT JOIN ledger_posting before ON before.account = p.account AND before.version = p.version - 1
    WHERE t.xid >= CAST(CAST(:mark AS text) AS xid8) AND (
        p.balance <> coalesce(before.balance, 0) + CASE a.side WHEN 'asset' THEN p.amount ELSE -p.amount END
        OR (before.version IS NULL) <> (p.version = 1))
    ORDER BY a.name, p.version LIMIT 1
    """,
    # Each account that was moved against its last posting.
    """
    WITH moved AS (
        SELECT DISTINCT p.account FROM ledger_transaction t JOIN ledger_posting p ON p.transaction = t.id
        WHERE t.xid >= CAST(CAST(:mark AS text) AS xid8)
    )
    SELECT format('account %s: balance %s at version %s over floor %s with %s held, its last posting says %s at %s',
        a.name, a.balance, a.version, a.floor, a.held, last.balance, last.version)
    FROM moved JOIN ledger_account a ON a.id = moved.account
    CROSS JOIN LATERAL (
        SELECT balance, version FROM ledger_posting p WHERE p.account = a.id ORDER BY p.version DESC LIMIT 1
    ) last
    WHERE (a.balance, a.version) <> (last.balance, last.version) OR a.balance - a.held < a.floor
    ORDER BY a.name LIMIT 1
    """,
    # Each account with what was held or let go on it against its last line.
    """
    WITH fresh AS (
        SELECT id FROM ledger_hold WHERE xid >= CAST(CAST(:mark AS text) AS xid8)
        UNION SELECT hold FROM ledger_resolution WHERE xid >= CAST(CAST(:mark AS text) AS xid8)
    ), moved AS (SELECT DISTINCT r.account FROM fresh JOIN ledger_reserved r ON r.hold = fresh.id)
    SELECT format('account %s: %s held at line %s, its last line says %s at %s', a.name, a.held, a.hold_version,
        last.held, last.version)
    FROM moved JOIN ledger_account a ON a.id = moved.account
    LEFT JOIN LATERAL (
        SELECT held, version FROM ledger_held l WHERE l.account = a.id ORDER BY l.version DESC LIMIT 1
    ) last ON true
    WHERE (a.held, a.hold_version) IS DISTINCT FROM (last.held, last.version) OR a.balance - a.held < a.floor
    ORDER BY a.name LIMIT 1
    """,
)
_HOLDS_SINCE = (
    # Each hold against its lines.
    """
    WITH fresh AS (
        SELECT id FROM ledger_hold WHERE xid >= CAST(CAST(:mark AS text) AS xid8)
        UNION SELECT hold FROM ledger_resolution WHERE xid >= CAST(CAST(:mark AS text) AS xid8)
    )
    SELECT format('hold %s: %s lines hold %s of %s', r.key, lines, total, r.amount)
    FROM fresh JOIN ledger_reserved r ON r.hold = fresh.id
    LEFT JOIN (SELECT DISTINCT hold FROM ledger_resolution) s ON s.hold = r.hold
    CROSS JOIN LATERAL (
        SELECT count(*) AS lines, coalesce(sum(amount), 0) AS total FROM ledger_held l
        WHERE l.hold = r.hold AND l.account = r.account
    ) l
    WHERE lines <> CASE WHEN s.hold IS NULL THEN 1 ELSE 2 END
        OR total <> CASE WHEN s.hold IS NULL THEN r.amount ELSE 0 END
    ORDER BY r.hold LIMIT 1
    """,
    # Each resolution against its hold and its transaction.
    """
    SELECT format('hold %s: resolved %s times, by transaction %s', coalesce(h.key, s.hold || ', which is not there'),
        (SELECT count(*) FROM ledger_resolution o WHERE o.hold = s.hold),
        CASE WHEN s.transaction IS NULL THEN 'none' ELSE coalesce(t.key, 'that is not there') END)
    FROM ledger_resolution s
    LEFT JOIN ledger_hold h ON h.id = s.hold
    LEFT JOIN ledger_transaction t ON t.id = s.transaction
    LEFT JOIN ledger_posting d ON d.transaction = t.id AND d.line = 1
    LEFT JOIN ledger_posting c ON c.transaction = t.id AND c.line = 2
    WHERE s.xid >= CAST(CAST(:mark AS text) AS xid8) AND (h.id IS NULL
        OR (SELECT count(*) FROM ledger_resolution o WHERE o.hold = s.hold) > 1
        OR s.transaction IS NOT NULL AND (
            (t.xid = s.xid AND t.currency = h.currency AND d.account = h.debit AND c.account = h.credit
                AND d.amount BETWEEN 1 AND h.amount AND c.amount = -d.amount) IS NOT TRUE
            OR EXISTS (SELECT FROM ledger_posting p WHERE p.transaction = t.id AND p.line = 3)))
    ORDER BY s.hold LIMIT 1
    """,
    # An exchange has two halves, written together.
    """
    WITH half AS (
        SELECT t.xid, p.currency, min(t.key) AS key
        FROM ledger_transaction t
        JOIN ledger_posting p ON p.transaction = t.id
        JOIN ledger_account a ON a.id = p.account
        WHERE t.xid >= CAST(CAST(:mark AS text) AS xid8) AND a.name IN ('exchange:JMD', 'exchange:USD')
        GROUP BY t.xid, p.currency
    )
    SELECT format('transaction %s: exchanges %s without the other currency', key, currency) FROM half
    WHERE NOT EXISTS (SELECT FROM half other WHERE other.xid = half.xid AND other.currency <> half.currency)
    ORDER BY key LIMIT 1
    """,
)
_WHOLE = (
    # Running balances and versions, from the first posting of each account on.
    """
    SELECT format('account %s, version %s: balance %s, expected version %s with balance %s',
        name, version, balance, next_version, next_balance)
    FROM (
        SELECT a.name, p.version, p.balance, row_number() OVER one AS next_version,
            sum(CASE a.side WHEN 'asset' THEN p.amount ELSE -p.amount END) OVER one AS next_balance
        FROM ledger_posting p JOIN ledger_account a ON a.id = p.account
        WINDOW one AS (PARTITION BY a.name, a.side ORDER BY p.version ROWS UNBOUNDED PRECEDING)
    ) walked
    WHERE version <> next_version OR balance <> next_balance ORDER BY name, version LIMIT 1
    """,
    # Each account against the sum of its postings.
    """
    SELECT format('account %s: balance %s at version %s over floor %s with %s held, its %s postings make %s',
        name, balance, version, floor, held, lines, total)
    FROM (
        SELECT a.name, a.balance, a.version, a.floor, a.held, coalesce(p.lines, 0) AS lines,
            coalesce(CASE a.side WHEN 'asset' THEN p.total ELSE -p.total END, 0) AS total
        FROM ledger_account a
        LEFT JOIN (
            SELECT account, sum(amount) AS total, count(*) AS lines FROM ledger_posting GROUP BY account
        ) p ON p.account = a.id
    ) summed
    WHERE balance <> total OR version <> lines OR balance - held < floor ORDER BY name LIMIT 1
    """,
    # Each transaction against its postings, and no posting outside a transaction and an account.
    """
    SELECT format('transaction %s: %s postings, sum %s, of them %s without an account of its currency',
        coalesce(t.key, 'number ' || p.transaction || ', which is not there'),
        coalesce(lines, 0), coalesce(total, 0), coalesce(outside, 0))
    FROM ledger_transaction t
    FULL JOIN (
        SELECT p.transaction, sum(amount) AS total, count(*) AS lines, min(p.currency) AS currency,
            count(*) FILTER (WHERE a.id IS NULL OR p.currency <> a.currency) AS outside
        FROM ledger_posting p LEFT JOIN ledger_account a ON a.id = p.account GROUP BY p.transaction
    ) p ON p.transaction = t.id
    WHERE t.id IS NULL OR p.transaction IS NULL OR lines < 2 OR total <> 0 OR outside > 0
        OR p.currency <> t.currency
    ORDER BY t.id NULLS FIRST LIMIT 1
    """,
    # What is held, line by line, and no line without its hold.
    """
    SELECT format('account %s, line %s: %s held, expected line %s with %s held%s', name, version, held, next_version,
        next_held, CASE WHEN hold IS NULL THEN ', of no hold' END)
    FROM (
        SELECT a.name, l.version, l.held, r.hold, row_number() OVER one AS next_version,
            sum(l.amount) OVER one AS next_held
        FROM ledger_held l
        LEFT JOIN ledger_account a ON a.id = l.account
        LEFT JOIN ledger_reserved r ON r.hold = l.hold AND r.account = l.account
        WINDOW one AS (PARTITION BY l.account ORDER BY l.version ROWS UNBOUNDED PRECEDING)
    ) walked
    WHERE version <> next_version OR held IS DISTINCT FROM next_held OR hold IS NULL ORDER BY name, version LIMIT 1
    """,
    # What is held on each account against its holds that nothing has resolved.
    """
    SELECT format('account %s: %s held by %s lines, its %s lines and open holds make %s', name, held, hold_version,
        lines, total)
    FROM (
        SELECT a.name, a.held, a.hold_version, coalesce(o.total, 0) AS total, coalesce(l.lines, 0) AS lines
        FROM ledger_account a
        LEFT JOIN (
            SELECT r.account, sum(r.amount) AS total FROM ledger_reserved r
            WHERE NOT EXISTS (SELECT FROM ledger_resolution s WHERE s.hold = r.hold) GROUP BY r.account
        ) o ON o.account = a.id
        LEFT JOIN (SELECT account, count(*) AS lines FROM ledger_held GROUP BY account) l ON l.account = a.id
    ) summed
    WHERE held <> total OR hold_version <> lines ORDER BY name LIMIT 1
    """,
)
_COUNTS = """
SELECT (SELECT count(*) FROM ledger_account) AS accounts,
    (SELECT count(*) FROM ledger_transaction WHERE xid >= CAST(CAST(:mark AS text) AS xid8)) AS transactions,
    (SELECT count(*) FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.transaction
        WHERE t.xid >= CAST(CAST(:mark AS text) AS xid8)) AS postings
"""
_COUNTS_WHOLE = """
SELECT (SELECT count(*) FROM ledger_account) AS accounts,
    (SELECT count(*) FROM ledger_transaction) AS transactions,
    (SELECT count(*) FROM ledger_posting) AS postings
"""


async def verify(conn: AsyncConnection) -> Report:
    """Prove the whole of the books from the postings up: sums, running balances, versions, holds, conservation, chains.

    Takes as long as it takes: the connection's limit on a statement's time is lifted in this transaction. Every check
    reads all of its tables and most often finds nothing, which the planner cannot know: hoping for an early fault it
    would walk one table again for each row of another.
    """
    await conn.execute(text("SELECT set_config('statement_timeout', '0', true)"))
    lines, broken = await chains.faults(conn)
    await conn.execute(text("SELECT set_config('enable_nestloop', 'off', true)"))
    report = await _prove(conn, (*_WHOLE, _CONSERVATION, *_HOLDS_SINCE), _COUNTS_WHOLE, START)
    return replace(report, faults=(*report.faults, *broken), lines=lines)


async def verify_since(conn: AsyncConnection, mark: int) -> tuple[Report, int]:
    """Prove what was written since a mark, and the conservation of all; return it with the mark for the next time.

    Costs what is new and one look at each account. The first mark is START, or `mark` just before a whole `verify`. A
    mark of another server (the database was restored) may be ahead of this one's: then all counts as new. Nothing is
    left out between two calls: what was not committed yet at the first is seen by the second, and some things by both.
    """
    following = await current_mark(conn)
    since = mark if mark <= following else START
    return await _prove(conn, (*_SINCE, _CONSERVATION, *_HOLDS_SINCE), _COUNTS, since), following


async def current_mark(conn: AsyncConnection) -> int:
    """Return the mark of now: a number of this server's transactions, from which on not all is committed."""
    oldest = text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")
    return int((await conn.execute(oldest)).scalar_one())


def subject(fault: str) -> str:
    """Return what a fault is about: the account, transaction, hold or currency that it names, without the figures."""
    return re.split(r"[,:] ", fault, maxsplit=1)[0]


async def _prove(conn: AsyncConnection, checks: tuple[str, ...], counts: str, mark: int) -> Report:
    since = {"mark": str(mark)}
    counted = (await conn.execute(text(counts), since if ":mark" in counts else {})).one()
    faults = [
        (await conn.execute(text(check), since if ":mark" in check else {})).scalar_one_or_none() for check in checks
    ]
    return Report(counted.accounts, counted.transactions, counted.postings, tuple(f for f in faults if f))


async def positions(conn: AsyncConnection) -> dict[Currency, int]:
    """Return how much more of each currency was taken in by exchanges than given out, in minor units."""
    found = await conn.execute(
        text("SELECT currency, balance FROM ledger_account WHERE name IN ('exchange:JMD', 'exchange:USD')")
    )
    return {Currency(row.currency): row.balance for row in found}


# A line's posting has the time of its import, whatever its day: what an import brought about after the day counts by
# the lines' own days, and everything else by its time. Payouts of which no line has come count as on the way for DAYS.
_CLEARING = """
WITH told AS MATERIALIZED (
    SELECT *, CAST(as_of + 1 AS timestamp) AT TIME ZONE 'America/Jamaica' AS ends
    FROM (
        SELECT s.*, row_number() OVER (PARTITION BY carrier, currency ORDER BY as_of DESC) AS nth
        FROM statement_balance s
    ) ranked
    WHERE nth <= :most
), account AS MATERIALIZED (
    SELECT s.carrier, s.currency, s.since, a.id, a.balance
    FROM (SELECT carrier, currency, min(ends) - interval '7 days' AS since FROM told GROUP BY 1, 2) s
    JOIN ledger_account a ON a.name = format('rail:%s:%s', s.carrier, s.currency)
), line AS MATERIALIZED (
    SELECT carrier, currency, booked, imported_at, amount, count(*) AS times FROM statement_line GROUP BY 1, 2, 3, 4, 5
), moved AS MATERIALIZED (
    SELECT a.carrier, a.currency, t.at, p.amount, count(*) AS times
    FROM account a JOIN ledger_posting p ON p.account = a.id JOIN ledger_transaction t ON t.id = p.transaction
    WHERE t.at >= a.since GROUP BY 1, 2, 3, 4
), otherwise AS MATERIALIZED (
    SELECT m.* FROM moved m
    LEFT JOIN (SELECT DISTINCT carrier, imported_at FROM line) l ON (l.carrier, l.imported_at) = (m.carrier, m.at)
    WHERE l.imported_at IS NULL
), booked AS MATERIALIZED (
    SELECT l.carrier, l.currency, l.booked, sum(l.amount * l.times) AS total
    FROM line l
    JOIN moved m ON (m.carrier, m.currency, m.at, m.amount) = (l.carrier, l.currency, l.imported_at, l.amount)
    GROUP BY 1, 2, 3
)
SELECT s.carrier, s.currency, s.as_of, s.balance AS statement,
    CAST(coalesce(a.balance, 0) - after.total - newer.total AS bigint) AS books, CAST(way.total AS bigint) AS on_the_way
FROM told s
LEFT JOIN account a ON (a.carrier, a.currency) = (s.carrier, s.currency)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(o.amount * o.times), 0) AS total FROM otherwise o
    WHERE (o.carrier, o.currency) = (s.carrier, s.currency) AND o.at >= s.ends
) after
CROSS JOIN LATERAL (
    SELECT coalesce(sum(b.total), 0) AS total FROM booked b
    WHERE (b.carrier, b.currency) = (s.carrier, s.currency) AND b.booked > s.as_of
) newer
CROSS JOIN LATERAL (
    SELECT coalesce(sum(o.rail_amount), 0) AS total
    FROM payout o JOIN circle c ON c.code = o.circle LEFT JOIN statement_line l ON l.id = o.out_line
    WHERE o.carrier = s.carrier AND c.currency = s.currency AND o.sent_at < s.ends
        AND o.sent_at >= s.ends - CAST(:days AS int) * interval '1 day'
        AND o.state IN ('SENT', 'RECEIVED', 'PRESUMED', 'DISPUTED') AND (l.id IS NULL OR l.booked > s.as_of)
) way
ORDER BY s.carrier, s.currency, s.as_of DESC
"""
DAYS_ON_THE_WAY: Final = 5
"""How long a bank may take to show what it said it had paid."""
_DAYS_BACK: Final = 31


async def clearing(conn: AsyncConnection) -> list[Clearing]:
    """Return the books against the newest statement of each carrier that gives statements, faults or not."""
    newest = await _clearings(conn, 1)
    if not any(one.difference for one in newest):
        return newest
    runs = groupby(await _clearings(conn, _DAYS_BACK), key=lambda one: (one.carrier, one.currency))
    return [_dated(list(run)) for _, run in runs]


def _dated(newest_first: Sequence[Clearing]) -> Clearing:
    differing = [*takewhile(lambda one: one.difference, newest_first)]
    return replace(newest_first[0], since=differing[-1].as_of if differing else None)


async def _clearings(conn: AsyncConnection, most: int) -> list[Clearing]:
    found = await conn.execute(text(_CLEARING), {"most": most, "days": DAYS_ON_THE_WAY})
    return [
        Clearing(row.carrier, Currency(row.currency), row.books, row.on_the_way, row.statement, row.as_of)
        for row in found
    ]


_RIGHTS = """
SELECT current_user AS me, rolsuper, has_schema_privilege('public', 'CREATE') AS makes,
    ARRAY(
        SELECT relname::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'ledger\\_%' AND relkind IN ('r', 'p', 'v')
            AND (pg_has_role(relowner, 'MEMBER')
                OR has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES')
                OR has_any_column_privilege(oid, 'INSERT, UPDATE, REFERENCES'))
        ORDER BY 1
    ) AS tables
FROM pg_roles WHERE rolname = current_user
"""


async def privileges(conn: AsyncConnection) -> tuple[str, ...]:
    """Say in words what lets the connection's role write the books past the doors; nothing when it cannot."""
    found = (await conn.execute(text(_RIGHTS))).one()
    cure = "connect as a member of pardna_app (docs/ledger.md)"
    if found.rolsuper:
        return (f"role {found.me} is a superuser, and may bend the books: {cure}",)
    faults = []
    if found.tables:
        faults.append(f"role {found.me} may write {', '.join(found.tables)} directly: {cure}")
    if found.makes:
        faults.append(f"role {found.me} may put functions of its own under the books' doors: {cure}")
    return tuple(faults)
