"""The books' chains in PostgreSQL: seals what is new in batches, walks what is sealed, and says what was told of it.

What is hashed decides domain/chain.py (docs/proof.md). The door `ledger_seal` is the only one, one sealer at a time;
nothing sealed ever changes. A walk hashes the ledger as it is now, and takes no sealed text or head for true.
"""

import json
import secrets
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import text

from domain.chain import HOUSE, Chain, Line, aliases_in, differs, first_mark, leaf, mark, path, shown
from storage.engine import Connection

MOST_AT_ONCE: Final = 2_000
"""Transactions in one batch: so much is sealed in well under a second."""
MOST_TOLD: Final = 3
"""How many of the marks that somebody was told last are looked up."""
_SALT_BYTES: Final = 32

_TAKE = text("""
    SELECT mark, CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS following
    FROM sealing FOR UPDATE SKIP LOCKED
""")
_TOOK = text("UPDATE sealing SET mark = :mark")
# OFFSET 0 has each line looked up by itself: else the planner makes all transfers of the ledger again for each page.
_TRANSFER = "t.at, t.key, t.kind, t.currency, t.circle, t.debit, t.credit, t.amount, t.reverses"
# What was sealed is no part of it, so it may be asked again; what is not committed yet is of the next batch.
_FRESH = text(f"""
    WITH fresh AS MATERIALIZED (
        SELECT id FROM ledger_transaction x
        WHERE x.xid >= CAST(CAST(:mark AS text) AS xid8)
            AND NOT EXISTS (SELECT FROM ledger_line l WHERE l.transaction = x.id)
        ORDER BY id LIMIT :most
    )
    SELECT t.id, t.line, {_TRANSFER}
    FROM fresh CROSS JOIN LATERAL (SELECT * FROM ledger_transfer t WHERE t.id = fresh.id OFFSET 0) t
    ORDER BY coalesce(t.circle, '{HOUSE}'), t.id, t.line
""")  # noqa: S608 - names are our own
_NEW_SALTS = text("""
    INSERT INTO person_salt (person, salt)
    SELECT * FROM unnest(CAST(:people AS text[]), CAST(:salts AS bytea[])) ON CONFLICT DO NOTHING
""")
_SALTS = text("SELECT person, salt FROM person_salt WHERE person = ANY(:people)")
_SEAL = text("SELECT ledger_seal(CAST(:entries AS jsonb), :at)")
_LATEST = text("""
    SELECT h.* FROM unnest(CAST(:books AS text[])) AS asked (book)
    CROSS JOIN LATERAL (SELECT * FROM ledger_head h WHERE h.book = asked.book ORDER BY lines DESC LIMIT 1) h
""")


@dataclass(frozen=True, slots=True)
class Head:
    """A book after so many lines."""

    book: str
    lines: int
    mark: str
    sealed_at: datetime


async def seal(conn: Connection, at: datetime, most: int = MOST_AT_ONCE) -> int | None:
    """Seal what is new, at most so many transactions; return how many lines. None while another sealer is at it.

    Whoever is killed midway has sealed nothing, and the next one begins where it did. All is sealed when it returns 0.
    """
    held = (await conn.execute(_TAKE)).one_or_none()
    if held is None:
        return None
    since = held.mark if held.mark <= held.following else 0  # else of another server: the database was restored
    rows = (await conn.execute(_FRESH, {"mark": str(since), "most": most})).all()
    lines = [_line(row) for row in rows]
    salts = await _salts(conn, sorted({person for line in lines for person in line.people}))
    heads = {h.book: h for h in await conn.execute(_LATEST, {"books": sorted({line.book for line in lines})})}
    entries = []
    for book, its in groupby(zip(rows, lines, strict=True), key=lambda pair: pair[1].book):
        chain = _going_on(book, heads.get(book))
        entries.append(_sealed(chain, list(its), salts))
    if entries:
        await conn.execute(_SEAL, {"entries": json.dumps(entries), "at": at})
    if len({row.id for row in rows}) < most:
        await conn.execute(_TOOK, {"mark": held.following})
    return len(rows)


def _going_on(book: str, head: Any) -> Chain:
    if head is None:
        return Chain(book)
    return Chain(book, head.lines, head.link, [head.peaks[n : n + 32] for n in range(0, len(head.peaks), 32)])


def _sealed(chain: Chain, its: Sequence[tuple[Any, Line]], salts: Mapping[str, bytes | None]) -> dict[str, object]:
    before, lines = chain.lines, []
    for row, line in its:
        said = line.text({person: _alias(line, person, salts[person]) for person in line.people})
        chain.add(leaf(said))
        lines.append({"transaction": row.id, "line": row.line, "said": said})
    hashes = {"link": chain.link.hex(), "peaks": b"".join(chain.peaks).hex(), "head": chain.head.hex()}
    return {"book": chain.book, "from": before, "lines": lines, **hashes}


def _alias(line: Line, person: str, salt: bytes | None) -> str:
    """Return what stands for a person: by chance alone where their salt is erased."""
    return line.alias(person, salt or secrets.token_bytes(_SALT_BYTES))


def _line(row: Any) -> Line:
    return Line(
        book=row.circle or HOUSE,
        at=row.at,
        key=row.key,
        number=(row.line + 1) // 2,
        kind=row.kind,
        currency=row.currency,
        debit=row.debit,
        credit=row.credit,
        amount=row.amount,
        reverses=row.reverses or "",
    )


async def _salts(conn: Connection, people: Sequence[str]) -> dict[str, bytes | None]:
    """Return the salt of each, made now for those who have none; None where it is erased."""
    if not people:
        return {}
    fresh = [secrets.token_bytes(_SALT_BYTES) for _ in people]
    await conn.execute(_NEW_SALTS, {"people": list(people), "salts": fresh})
    return {row.person: row.salt for row in await conn.execute(_SALTS, {"people": list(people)})}


async def forget(conn: Connection, person: str) -> None:
    """Erase what ties lines to a person: nobody can tell any more which aliases were theirs. All is still proved."""
    erased = "INSERT INTO person_salt (person) VALUES (:person) ON CONFLICT (person) DO UPDATE SET salt = NULL"
    await conn.execute(text(erased), {"person": person})


async def latest(conn: Connection, books: Collection[str]) -> dict[str, Head]:
    """Return the last head of each of these books that has any."""
    found = await conn.execute(_LATEST, {"books": sorted(books)})
    return {row.book: Head(row.book, row.lines, mark(row.head), row.sealed_at) for row in found}


# -- walking ----------------------------------------------------------------------------------------------------------

_WALK = f"""
    SELECT l.book, l.n, l.said, l.line, t.id, {_TRANSFER}, h.link, h.peaks, h.head, h.sealed_at
    FROM ledger_line l
    LEFT JOIN ledger_head h ON h.book = l.book AND h.lines = l.n
    LEFT JOIN LATERAL (
        SELECT * FROM ledger_transfer t WHERE t.id = l.transaction AND t.line = l.line OFFSET 0
    ) t ON true
"""  # noqa: S608 - as above
# Page by page: a batch of lines and its head are committed together, so a later page sees no half of one.
_WALK_ALL = text(f"{_WALK} WHERE (l.book, l.n) > (:book, :n) ORDER BY l.book, l.n LIMIT :page")
_WALK_ONE = text(f"{_WALK} WHERE l.book = :book AND l.n > :n ORDER BY l.n LIMIT :page")
_PAGE: Final = 2_000
_CUT_OFF = """
    SELECT h.book, min(h.lines) AS lines FROM ledger_head h
    WHERE NOT EXISTS (SELECT FROM ledger_line l WHERE l.book = h.book AND l.n = h.lines)
"""
_CUT_OFF_ALL, _CUT_OFF_ONE = text(f"{_CUT_OFF} GROUP BY 1"), text(f"{_CUT_OFF} AND h.book = :book GROUP BY 1")
_SALTS_ALL = text("SELECT person, salt FROM person_salt")
_SALTS_ONE = text(r"""
    SELECT person, salt FROM person_salt
    WHERE person IN (SELECT split_part(name, '\:', 4) FROM ledger_account WHERE circle = :book)
""")


@dataclass(slots=True)
class Walk:
    """A book hashed anew from the ledger as it is now. `fault`: the first thing at fault, in words."""

    chain: Chain
    heads: list[Head] = field(default_factory=list)
    """At each head that was sealed, what the book comes to there now."""
    fault: str = ""
    broken: int = 0
    """The number of the first line that is not what was sealed."""
    texts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Where it was asked to keep them: each line's text, and whose accounts it names."""

    def step(self, row: Any, salts: Mapping[str, bytes | None], *, keep: bool) -> None:
        """Go on by one line."""
        line = None if row.id is None else _line(row)
        said = f"{row.said}|gone" if line is None else _now(line, row.said, salts)
        if not self.broken and (wrong := self._wrong(row, said, gone=line is None)):
            self.broken = row.n
            self.fault = self.fault or f"line {row.n} of book {self.chain.book}: {wrong}"
        self.chain.add(leaf(said))
        if keep:
            self.texts.append((said, line.people if line else ()))
        if row.head:
            self._reach(row)

    def _wrong(self, row: Any, said: str, *, gone: bool) -> str:
        if row.n != self.chain.lines + 1:
            return f"comes after line {self.chain.lines}, and those between them are gone"
        if gone:
            return f"is not in the ledger any more; it said {row.said}"
        return "" if said == row.said else f"{differs(row.said, said)} ({row.key}, on {row.at:%Y-%m-%d})"

    def _reach(self, row: Any) -> None:
        if (row.link, row.peaks, row.head) != (self.chain.link, b"".join(self.chain.peaks), self.chain.head):
            self.fault = self.fault or f"head of book {self.chain.book} after {row.n} lines: they do not come to it"
        self.heads.append(Head(self.chain.book, row.n, mark(self.chain.head), row.sealed_at))

    def end(self, cut_off: int) -> None:
        """See that all ends in a head. `cut_off`: the first head whose line is not there, if any."""
        if cut_off:
            self.fault = self.fault or f"head of book {self.chain.book} after {cut_off} lines: its last line is gone"
        elif not self.heads or self.heads[-1].lines < self.chain.lines:
            self.fault = self.fault or f"line {self.chain.lines} of book {self.chain.book}: its head is gone"


def _now(line: Line, said: str, salts: Mapping[str, bytes | None]) -> str:
    """Return the text of a line as the ledger has it now; whose salt is erased keeps the alias that was sealed.

    Who never had a salt has no alias, and the text is another than any that was sealed.
    """
    sealed = aliases_in(said)
    aliases = {}
    for person in line.people:
        where = "debit" if line.debit.endswith(f":{person}") else "credit"
        salt = salts.get(person, b"")
        aliases[person] = sealed.get(where, person) if salt is None else line.alias(person, salt) if salt else person
    return line.text(aliases)


async def _walk(conn: Connection, book: str = "", *, keep: bool = False) -> AsyncIterator[Walk]:
    """Yield each book, or the one that is named, when all of it is walked."""
    one = {"book": book} if book else {}
    salts = {row.person: row.salt for row in await conn.execute(_SALTS_ONE if book else _SALTS_ALL, one)}
    cut_off = {row.book: row.lines for row in await conn.execute(_CUT_OFF_ONE if book else _CUT_OFF_ALL, one)}
    walk: Walk | None = None
    async for row in _rows(conn, book):
        if walk and walk.chain.book != row.book:
            walk.end(cut_off.pop(walk.chain.book, 0))
            yield walk
            walk = None
        walk = walk or Walk(Chain(row.book))
        walk.step(row, salts, keep=keep)
    for last in filter(None, [walk, *(Walk(Chain(name)) for name in cut_off if not walk or name != walk.chain.book)]):
        last.end(cut_off.get(last.chain.book, 0))
        yield last


async def _rows(conn: Connection, book: str) -> AsyncIterator[Any]:
    """Yield the lines of one book, or of all, in their order."""
    at = {"book": book, "n": 0, "page": _PAGE}
    while rows := (await conn.execute(_WALK_ONE if book else _WALK_ALL, at)).all():
        for row in rows:
            yield row
        at |= {"book": rows[-1].book, "n": rows[-1].n}


async def walked(conn: Connection, book: str, *, keep: bool = False) -> Walk:
    """Walk one book; one of which nothing is sealed is empty."""
    return next(iter([walk async for walk in _walk(conn, book, keep=keep)]), Walk(Chain(book)))


_TOLD = text("""
    SELECT asked.circle, asked.person, t.mark
    FROM unnest(CAST(:circles AS text[]), CAST(:people AS text[])) AS asked (circle, person)
    CROSS JOIN LATERAL (
        SELECT mark, told_at FROM told_mark t WHERE t.circle = asked.circle AND t.person_id = asked.person
        ORDER BY told_at DESC LIMIT :most
    ) t ORDER BY t.told_at DESC
""")


@dataclass(frozen=True, slots=True)
class Proved:
    """What PROOF says: a circle's book as it is now, and the marks that who asks was told last, the newest first."""

    walk: Walk
    told: tuple[str, ...]

    def after(self, mark: str) -> int | None:
        """Return after how many lines the book comes to a mark; None when it does not."""
        if mark == first_mark(self.walk.chain.book):
            return 0
        return next((head.lines for head in self.walk.heads if head.mark == mark), None)


async def proved(conn: Connection, asked: Collection[tuple[str, str]]) -> dict[tuple[str, str], Proved]:
    """Walk the circles that are asked about, each once, for each (circle, who asks)."""
    if not asked:
        return {}
    circles, people = zip(*sorted(asked), strict=True)
    told: dict[tuple[str, str], list[str]] = {pair: [] for pair in asked}
    for row in await conn.execute(_TOLD, {"circles": list(circles), "people": list(people), "most": MOST_TOLD}):
        told[row.circle, row.person].append(row.mark)
    walks = {circle: await walked(conn, circle) for circle in sorted(set(circles))}
    return {pair: Proved(walks[pair[0]], tuple(marks)) for pair, marks in told.items()}


# The first head after the line that the circle was told, or else the last one.
_INCLUDED = text(r"""
    SELECT l.book, l.n, l.said, h.lines, h.link, h.head
    FROM ledger_transaction t JOIN ledger_line l ON l.transaction = t.id AND l.line = 1
    CROSS JOIN LATERAL (
        SELECT h.*, EXISTS (SELECT FROM told_mark m WHERE m.circle = h.book AND m.lines = h.lines) AS told
        FROM ledger_head h WHERE h.book = l.book AND h.lines >= l.n
    ) h
    WHERE t.key = 'throw\:' || :receipt
    ORDER BY h.told DESC, CASE WHEN h.told THEN h.lines ELSE -h.lines END LIMIT 1
""")
_SAID = text("SELECT said FROM ledger_line WHERE book = :book AND n <= :lines ORDER BY n")


@dataclass(frozen=True, slots=True)
class Included:
    """A receipt's line in its book: where it stands, and the hashes that lead from it to a mark, in small hex."""

    receipt: str
    book: str
    line: str
    n: int
    lines: int
    path: tuple[str, ...]
    link: str
    mark: str


async def included(conn: Connection, receipt: str) -> Included | None:
    """Return the proof that a receipt is in its book; None while it is not sealed, or there is none."""
    row = (await conn.execute(_INCLUDED, {"receipt": receipt})).one_or_none()
    if row is None:
        return None
    texts = (await conn.execute(_SAID, {"book": row.book, "lines": row.lines})).scalars()
    way = path([leaf(said) for said in texts], row.n - 1)
    hashes = tuple(one.hex() for one in way)
    return Included(receipt, row.book, row.said, row.n, row.lines, hashes, row.link.hex(), shown(mark(row.head)))


_LEFT_OUT = text("""
    SELECT format('transaction %s: was left out of the chain of its book', x.key) FROM ledger_transaction x
    WHERE x.xid < CAST(CAST((SELECT mark FROM sealing) AS text) AS xid8) AND (SELECT mark FROM sealing) <=
            CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
        AND NOT EXISTS (SELECT FROM ledger_line l WHERE l.transaction = x.id)
    ORDER BY x.id LIMIT 1
""")
_TOLD_ALL = text("""
    SELECT circle, lines, mark, CAST(min(told_at) AS date) AS day FROM told_mark GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")


async def faults(conn: Connection) -> tuple[int, list[str]]:
    """Walk all books; return how many lines there are, and the first fault of each book in words."""
    lines, found = 0, dict[str, str]()
    marks: set[tuple[str, int, str]] = set()
    async for walk in _walk(conn):
        lines += walk.chain.lines
        marks |= {(head.book, head.lines, head.mark) for head in walk.heads}
        if walk.fault:
            found[walk.chain.book] = walk.fault
    for told in await conn.execute(_TOLD_ALL):
        marks.add((told.circle, 0, first_mark(told.circle)))
        if (told.circle, told.lines, told.mark) not in marks and told.circle not in found:
            said = f"mark {shown(told.mark)} of book {told.circle}: was told on {told.day}, and is not what it comes to"
            found[told.circle] = said
    return lines, [*found.values(), *(await conn.execute(_LEFT_OUT)).scalars()]
