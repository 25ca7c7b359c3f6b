"""The book: what one transaction of the desk may see and change.

Loaded in bulk under locks taken in one sorted order, decided on without a query, written in bulk. Only the desk
opens and commits it. A row that was not changed is not written.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import ledger as books
from domain.exchange import Rate
from domain.pardna import Circle, Due, Hand, Member, Round
from domain.payments import CASH, Chargeback, Payment, PaymentState, Payout, Refund
from domain.people import Address, Destination, LinkCode, Person, Ticket, TicketKind, Trn
from storage import ledger, rates, statements, tables
from storage.codec import Table, delete, load, save
from storage.duties import Duty, plan

Row = TypeVar("Row")

_LOCK = text("SELECT 1 FROM circle WHERE code = ANY(:c) ORDER BY code FOR UPDATE")
_NEW_VERSION = text("UPDATE circle SET version = version + 1 WHERE code = ANY(:c)")
MOST_TICKETS = 2000
"""How much of the queue is looked at; whoever has more waiting has other worries than its order."""
_OPEN_PAYMENT = "state = 'PENDING' OR (state = 'SETTLED' AND NOT confirmed)"
GONE = frozenset({PaymentState.REFUNDED, PaymentState.CHARGED_BACK})
"""Payments that went back, beside those of which `given_back` says that some did."""
_OPEN_PAYOUT = "state NOT IN ('RECEIVED', 'PRESUMED', 'DROPPED')"


_CASH_LATELY = text("""
    WITH cash AS (
        SELECT p.person_id, c.banker_id, CASE p.currency WHEN 'USD' THEN p.amount * coalesce(
            (SELECT jmd_per_usd FROM rate WHERE set_at <= :at ORDER BY set_at DESC, id DESC LIMIT 1), 1600000) / 10000
            ELSE p.amount END AS cents
        FROM payment p JOIN circle c ON c.code = p.circle
        WHERE p.carrier = 'cash' AND p.state = 'SETTLED' AND p.began_at > :since
            AND (p.person_id = ANY(:p) OR c.banker_id = ANY(:p))
    )
    SELECT person_id, sum(cents) AS total FROM (
        SELECT person_id, cents FROM cash
        UNION ALL SELECT banker_id, cents FROM cash WHERE banker_id <> person_id
    ) both_sides GROUP BY person_id
""")
"""A rate that nobody has set counts as J$160: too high, so that watching begins rather too early."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the commands of a batch name, gathered before anything is locked."""

    circles: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    """Those of `circles` that no command changes: read without a lock."""
    receipts: frozenset[str] = frozenset()
    payout_refs: frozenset[str] = frozenset()
    payout_ids: frozenset[str] = frozenset()
    ticket_refs: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    parties: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """Whole names of people, in small letters."""
    pins: frozenset[str] = frozenset()
    """People whose PIN is asked about, and with them what waits for it at `parties`."""
    rails: frozenset[str] = frozenset()
    """Names of ledger accounts that belong to no circle."""
    queue: bool = False
    provider_refs: frozenset[tuple[str, str]] = frozenset()
    """Payments by their carrier and its own reference."""
    aside: frozenset[str] = frozenset()
    """Names of what may stand aside for MATCH, or did."""
    refund_ids: frozenset[str] = frozenset()
    dispute_ids: frozenset[str] = frozenset()
    money_at: datetime | None = None
    """Where two currencies may meet: the time of now, by which the rate in force is read."""
    cash_since: datetime | None = None
    """Where cash may change hands: since when it is read how much did."""


@dataclass(slots=True)
class Book:
    """Rows by class and key, balances by account, and what is to be written."""

    conn: AsyncConnection
    balances: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    """What of the balances is kept for something, by account."""
    posted: dict[str, books.Transaction] = field(default_factory=dict)
    """The transactions of the payments named, by receipt, so that they can be taken back."""
    rate: Rate | None = None
    """The rate in force, when money is about."""
    cash_lately: dict[str, int] = field(default_factory=dict)
    """What each person gave or took in cash in the last week, in Jamaican cents."""
    lines: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What lines of statements turned out to be: state, and what they are matched with."""
    _rows: dict[type, dict[tuple[Any, ...], Any]] = field(default_factory=dict)
    _loaded: dict[type, dict[tuple[Any, ...], Any]] = field(default_factory=dict)
    _of_circle: dict[tuple[type, str], set[tuple[Any, ...]]] = field(default_factory=dict)
    """The keys of the rows of one class and circle: a batch holds many circles, an action looks at one."""
    _counted: dict[tuple[str, str], str] = field(default_factory=dict)
    """The receipts of payments, by carrier and its own reference."""
    _aside: dict[str, str] = field(default_factory=dict)
    """The ids of the tickets of the kind MATCH, by the name of what they are about."""
    _locked: Sequence[str] = ()
    _transactions: list[tuple[datetime, books.Transaction]] = field(default_factory=list)
    _holds: list[tuple[datetime, books.Hold]] = field(default_factory=list)
    _voids: list[tuple[datetime, str]] = field(default_factory=list)
    _duties: list[Duty] = field(default_factory=list)
    _dropped: list[Any] = field(default_factory=list)

    # -- reading ----------------------------------------------------------------------------------------------

    def get(self, row: type[Row], *key: Any) -> Row | None:
        """Return one row, or None when it was not loaded or is not there."""
        return cast("Row | None", self._rows.get(row, {}).get(key))

    def must(self, row: type[Row], *key: Any) -> Row:
        """Return one row that has to be there."""
        return cast("Row", self._rows[row][key])

    def all(self, row: type[Row], **equal: Any) -> list[Row]:
        """Return the loaded rows of a class whose fields equal those given, in key order."""
        if "circle" in equal and (bucket := self._of_circle.get((row, equal["circle"]))) is not None:
            near = [(key, self._rows[row][key]) for key in sorted(bucket)]
        else:
            near = [] if "circle" in equal else sorted(self._rows.get(row, {}).items())
        return [r for _, r in near if all(getattr(r, k) == v for k, v in equal.items())]

    def counted(self, carrier: str, ref: str) -> Payment | None:
        """Return the payment that money of this name was counted for."""
        receipt = self._counted.get((carrier, ref))
        return None if receipt is None else self.must(Payment, receipt)

    def aside(self, name: str) -> Ticket | None:
        """Return the ticket, open or closed, of money that was put aside under this name."""
        ticket_id = self._aside.get(name)
        return None if ticket_id is None else self.must(Ticket, ticket_id)

    def balance(self, account: books.Account) -> int:
        """Return an account's balance, in its own direction, with this book's own postings."""
        return self.balances.get(account.name, 0)

    # -- changing ---------------------------------------------------------------------------------------------

    def put(self, *rows: Any) -> None:
        """Keep rows, new or changed."""
        for row in rows:
            self._add(_key(tables.BY_ROW[type(row)], row), row)

    def drop(self, row: Any) -> None:
        """Remove a row. Only where nothing refers to it."""
        self._rows[type(row)].pop(_key(tables.BY_ROW[type(row)], row))
        self._dropped.append(row)

    def post(self, at: datetime, transaction: books.Transaction) -> None:
        """Post a transaction when the book is written. The balances seen here change at once."""
        self._transactions.append((at, transaction))
        for transfer in transaction.transfers:
            for account in {transfer.debit, transfer.credit}:
                effect = books.effect(account, transfer)
                self.balances[account.name] = self.balances.get(account.name, 0) + effect
                if transaction.resolves and effect < 0:
                    self.held[account.name] = self.held.get(account.name, 0) + effect

    def available(self, account: books.Account) -> int:
        """Return what of an account's balance is not held for something, with this book's own holds."""
        return self.balance(account) - self.held.get(account.name, 0)

    def hold(self, at: datetime, hold: books.Hold) -> None:
        """Keep money for something when the book is written: it ends by a transaction that resolves it, or `void`."""
        self._holds.append((at, hold))
        for account in books.lowered(hold):
            self.held[account.name] = self.held.get(account.name, 0) + hold.amount

    def void(self, at: datetime, hold: books.Hold) -> None:
        """Let go what a hold kept, when the book is written."""
        self._voids.append((at, hold.key))
        for account in books.lowered(hold):
            self.held[account.name] = self.held.get(account.name, 0) - hold.amount

    def plan(self, *duties: Duty) -> None:
        """Have the keeper do something at its time. A key planned before is left as it is."""
        self._duties.extend(duties)

    # -- the two ends -----------------------------------------------------------------------------------------

    async def open(self, needs: Needs) -> None:
        """Lock and load all that the commands need, in bulk."""
        codes = set(needs.circles) | await self._circles_behind(needs)
        locked = sorted(codes - needs.read_only)
        self._locked = locked
        if locked:
            await self.conn.execute(_LOCK, {"c": locked})
        await self._load_circles(sorted(codes))
        await self._load_tickets(needs, sorted(codes))
        await self._load_people(needs)
        await self._load_posted()
        if needs.money_at:
            self.rate = await rates.in_force(self.conn, needs.money_at)
        if needs.money_at and needs.cash_since:
            await self._load_cash(needs.cash_since, needs.money_at)
        if locked or needs.rails:
            standings = await ledger.lock_standings(self.conn, locked, sorted(needs.rails))
            self.balances.update({name: standing.balance for name, standing in standings.items()})
            self.held = {name: standing.balance - standing.available for name, standing in standings.items()}
        if readable := sorted(codes & needs.read_only):
            self.balances.update(await self._read_balances(readable))

    async def write(self) -> None:
        """Write what changed and prove the books at once, so that a fault names its batch before the commit."""
        for table in tables.IN_ORDER:
            rows, before = self._rows.get(table.row, {}), self._loaded.get(table.row, {})
            await save(self.conn, table, [row for key, row in rows.items() if before.get(key) != row])
        for row in self._dropped:
            await delete(self.conn, tables.BY_ROW[type(row)], [row])
        for at, keys in _by_time(self._voids):
            await ledger.void(self.conn, keys, at)
        for at, together in _by_time(self._transactions):
            await ledger.post(self.conn, together, at)
        for at, holds in _by_time(self._holds):
            await ledger.hold(self.conn, holds, at)
        if self._locked:
            await self.conn.execute(_NEW_VERSION, {"c": self._locked})
        await plan(self.conn, self._duties)
        if self.lines:
            await statements.settle(self.conn, self.lines)
        if self._transactions:
            await ledger.settle_constraints(self.conn)

    # -- inside -----------------------------------------------------------------------------------------------

    async def _circles_behind(self, needs: Needs) -> set[str]:
        """Find the circles of payments, payouts and tickets that are named by their references."""
        circles: set[str] = set()
        if needs.ticket_refs:
            where = "ref = ANY(:v) AND closed_at IS NULL"
            self._keep(tables.TICKET, await load(self.conn, tables.TICKET, where, v=sorted(needs.ticket_refs)))
        if needs.aside:
            where = "kind = 'match' AND subject = ANY(:v)"
            self._keep(tables.TICKET, await load(self.conn, tables.TICKET, where, v=sorted(needs.aside)))
        if needs.provider_refs:
            carriers, its = zip(*sorted(needs.provider_refs), strict=True)
            where = "(carrier, provider_ref) IN (SELECT * FROM unnest(CAST(:c AS text[]), CAST(:r AS text[])))"
            self._keep(tables.PAYMENT, await load(self.conn, tables.PAYMENT, where, c=list(carriers), r=list(its)))
        if needs.refund_ids:
            ids = sorted(needs.refund_ids)
            self._keep(tables.REFUND, await load(self.conn, tables.REFUND, "id = ANY(:v)", v=ids))
        if needs.dispute_ids:
            ids = sorted(needs.dispute_ids)
            self._keep(tables.CHARGEBACK, await load(self.conn, tables.CHARGEBACK, "id = ANY(:v)", v=ids))
        subjects = {t.subject for t in self.all(Ticket)} | {r.receipt for r in self.all(Refund)}
        subjects |= {b.receipt for b in self.all(Chargeback)}
        if receipts := sorted(needs.receipts | {s for s in subjects if s.startswith("R-")}):
            self._keep(tables.PAYMENT, await load(self.conn, tables.PAYMENT, "receipt = ANY(:v)", v=receipts))
        refs = sorted(needs.payout_refs | {s for s in subjects if s.startswith("P-")})
        if refs or needs.payout_ids:
            where = f"id = ANY(:ids) OR (ref = ANY(:refs) AND {_OPEN_PAYOUT})"
            self._keep(
                tables.PAYOUT,
                await load(self.conn, tables.PAYOUT, where, ids=sorted(needs.payout_ids), refs=refs),
            )
        circles |= {p.circle for p in self.all(Payment)} | {p.circle for p in self.all(Payout)}
        circles |= {t.circle for t in self.all(Ticket) if t.circle}
        if people := [t.person_id for t in self.all(Ticket) if t.person_id]:  # a verified TRN frees their draws
            held = "SELECT DISTINCT circle FROM draw WHERE person_id = ANY(:p) AND state = 'HELD'"
            circles |= {row[0] for row in await self.conn.execute(text(held), {"p": people})}
        return circles

    async def _load_posted(self) -> None:
        """Load what was posted for the cash entries that are in doubt, unless it was taken back."""
        for payment in self.all(Payment, rail=CASH):
            if payment.state is PaymentState.PENDING or payment.confirmed:
                continue
            key = throw_key(payment.receipt)
            posted = await ledger.transaction(self.conn, key)
            if posted and not await ledger.transaction(self.conn, f"{key}:back"):
                self.posted[payment.receipt] = posted

    async def _load_cash(self, since: datetime, at: datetime) -> None:
        """Read what the people of this batch gave or took in cash since then (bot/actions/watching.py)."""
        people = sorted(key[0] for key in self._rows.get(Person, {}))
        found = await self.conn.execute(_CASH_LATELY, {"p": people, "since": since, "at": at})
        self.cash_lately = {row.person_id: int(row.total) for row in found}

    async def _load_circles(self, codes: Sequence[str]) -> None:
        if not codes:
            return
        self._keep(tables.CIRCLE, await load(self.conn, tables.CIRCLE, "code = ANY(:v)", v=codes))
        for table in tables.OF_A_CIRCLE:
            self._keep(table, await load(self.conn, table, "circle = ANY(:v)", v=codes))
        # Read again under the lock: what was found by its reference may have moved on since.
        named = [p.receipt for p in self.all(Payment)]
        where = f"(circle = ANY(:v) AND ({_OPEN_PAYMENT})) OR receipt = ANY(:named)"
        self._keep(tables.PAYMENT, await load(self.conn, tables.PAYMENT, where, v=codes, named=named))
        gone = {p.receipt for p in self.all(Payment) if p.given_back or p.state in GONE}
        gone |= {r.receipt for r in self.all(Refund)} | {b.receipt for b in self.all(Chargeback)}
        if gone:
            for table in (tables.REFUND, tables.CHARGEBACK):
                self._keep(table, await load(self.conn, table, "receipt = ANY(:v)", v=sorted(gone)))
        ids = [p.id for p in self.all(Payout)]
        where = f"(circle = ANY(:v) AND {_OPEN_PAYOUT}) OR id = ANY(:ids)"
        self._keep(tables.PAYOUT, await load(self.conn, tables.PAYOUT, where, v=codes, ids=ids))

    async def _load_tickets(self, needs: Needs, codes: Sequence[str]) -> None:
        """Lock and read again the open tickets of these circles and people, and those named."""
        named = [t.id for t in self.all(Ticket)]
        people = sorted(needs.persons | {t.person_id for t in self.all(Ticket) if t.person_id})
        mine = "(circle = ANY(:v) OR person_id = ANY(:people)) AND closed_at IS NULL"
        where = f"{mine} OR id = ANY(:ids) ORDER BY id FOR UPDATE"
        self._keep(tables.TICKET, await load(self.conn, tables.TICKET, where, v=codes, people=people, ids=named))

    async def _load_people(self, needs: Needs) -> None:
        """Load everyone a command may speak to or of: those named, all members and bankers, and staff."""
        if needs.queue:
            self._keep(
                tables.TICKET,
                await load(self.conn, tables.TICKET, f"closed_at IS NULL ORDER BY opened_at LIMIT {MOST_TICKETS}"),
            )
        ids = set(needs.persons)
        ids |= {c.banker_id for c in self.all(Circle)} | {m.person_id for m in self.all(Member)}
        ids |= {t.person_id for t in self.all(Ticket) if t.person_id}
        if needs.parties:
            self._keep(
                tables.ADDRESS,
                await load(self.conn, tables.ADDRESS, "party = ANY(:v)", v=sorted(needs.parties)),
            )
            self._keep(
                tables.LINK_CODE,
                await load(self.conn, tables.LINK_CODE, "party = ANY(:v)", v=sorted(needs.parties)),
            )
            ids |= {a.person_id for a in self.all(Address)}
        if needs.names:
            named = await load(self.conn, tables.PERSON, "lower(name) = ANY(:v)", v=sorted(needs.names))
            ids |= {person.id for person in named}
        if needs.pins:
            self._keep(tables.PIN, await load(self.conn, tables.PIN, "person_id = ANY(:v)", v=sorted(needs.pins)))
            here = sorted(needs.parties)
            self._keep(tables.STEP_UP, await load(self.conn, tables.STEP_UP, "party = ANY(:v)", v=here))
        if ids:
            some = sorted(ids)
            self._keep(tables.PERSON, await load(self.conn, tables.PERSON, "id = ANY(:v)", v=some))
            for table in (tables.DESTINATION, tables.LINK_CODE, tables.FREEZE):
                self._keep(table, await load(self.conn, table, "person_id = ANY(:v)", v=some))
            linking = [k.party for k in self.all(LinkCode)]
            where = "person_id = ANY(:v) OR party = ANY(:linking)"
            self._keep(tables.ADDRESS, await load(self.conn, tables.ADDRESS, where, v=some, linking=linking))
            same = "blind IN (SELECT blind FROM trn WHERE person_id = ANY(:v))"
            where = f"person_id = ANY(:v) OR (state = 'VERIFIED' AND {same})"
            self._keep(tables.TRN, await load(self.conn, tables.TRN, where, v=some))

    async def _read_balances(self, codes: Sequence[str]) -> dict[str, int]:
        found = await self.conn.execute(
            text("SELECT name, balance FROM ledger_account WHERE circle = ANY(:c)"), {"c": codes}
        )
        return {row.name: row.balance for row in found}

    def _keep(self, table: Table, rows: Iterable[Any]) -> None:
        for row in rows:
            key = _key(table, row)
            self._loaded.setdefault(table.row, {})[key] = row
            self._add(key, row)

    def _add(self, key: tuple[Any, ...], row: Any) -> None:
        self._rows.setdefault(type(row), {})[key] = row
        if circle := getattr(row, "circle", None):
            self._of_circle.setdefault((type(row), circle), set()).add(key)
        match row:
            case Payment(provider_ref=str(ref)):
                self._counted[row.carrier, ref] = row.receipt
            case Ticket(kind=TicketKind.MATCH):
                self._aside[row.subject] = row.id

    # -- small questions that many actions ask ----------------------------------------------------------------

    def circle(self, code: str) -> Circle:
        """Return a circle that the gate has seen."""
        return self.must(Circle, code)

    def members(self, circle: str) -> list[Member]:
        """Return everyone who ever asked to be in."""
        return self.all(Member, circle=circle)

    def hands(self, circle: str) -> list[Hand]:
        """Return the hands in the order of their turns."""
        return sorted(self.all(Hand, circle=circle), key=lambda h: h.turn)

    def rounds(self, circle: str) -> dict[int, Round]:
        """Return the rounds by number."""
        return {r.number: r for r in self.all(Round, circle=circle)}

    def dues_of(self, circle: str, person: str) -> list[Due]:
        """Return all a person's dues in a circle."""
        mine = {h.number for h in self.all(Hand, circle=circle, person_id=person)}
        return [d for d in self.all(Due, circle=circle) if d.hand in mine]

    def person(self, person_id: str) -> Person:
        """Return somebody who was loaded."""
        return self.must(Person, person_id)

    def destination(self, person_id: str) -> Destination | None:
        """Return where a person's draws go."""
        return self.get(Destination, person_id)

    def trn(self, person_id: str) -> Trn | None:
        """Return a person's TRN."""
        return self.get(Trn, person_id)

    def addresses(self, person_id: str) -> list[Address]:
        """Return a person's addresses."""
        return self.all(Address, person_id=person_id)

    def link_codes(self, person_id: str) -> list[LinkCode]:
        """Return the codes on their way to a person's new addresses."""
        return self.all(LinkCode, person_id=person_id)


def throw_key(receipt: str) -> str:
    """Return the key under which a payment is posted."""
    return f"throw:{receipt}"


def _key(table: Table, row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in table.key)


def _by_time(written: list[tuple[datetime, Row]]) -> Iterator[tuple[datetime, list[Row]]]:
    """Group what was written at the same time, keeping the order."""
    for at, together in groupby(written, key=itemgetter(0)):
        yield at, [one for _, one in together]
