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

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import ledger as books
from domain.exchange import Rate
from domain.pardna import Circle, Due, Hand, Member, Round
from domain.payments import CASH, OPEN_PAYOUTS, Chargeback, Payment, PaymentState, Payout, PayoutState, Refund
from domain.people import Address, Destination, LinkCode, Person, Ticket, TicketKind, Trn
from storage import chains, ledger, rates, statements, tables
from storage.codec import Table, delete, load, save
from storage.duties import Duty, plan
from storage.shelf import Circles, Key, Shelf, Shelves

Row = TypeVar("Row")

_LOCK = text("SELECT code, version FROM circle WHERE code = ANY(:c) ORDER BY code FOR UPDATE")
_VERSIONS = text("SELECT code, version FROM circle WHERE code = ANY(:c)")
_NEW_VERSION = text("UPDATE circle SET version = version + 1 WHERE code = ANY(:c)")
_REFS = text("SELECT ref FROM ticket WHERE closed_at IS NULL")
_OWING = text(r"""
    SELECT c.code FROM circle c JOIN ledger_account a ON a.name = 'circle\:' || c.code || '\:fee'
    WHERE c.banker_id = ANY(:v) AND a.balance > 0
""")
_OF_PROPOSALS = text("SELECT circle FROM proposal WHERE ref = ANY(:v)")
_OF_GROUPS = text("SELECT code FROM circle WHERE group_party = ANY(:v)")
MOST_TICKETS = 2000
"""How much of the queue is looked at; whoever has more waiting has other worries than its order."""
_OPEN_PAYMENT = "state = 'PENDING' OR (state = 'SETTLED' AND NOT confirmed)"
GONE = frozenset({PaymentState.REFUNDED, PaymentState.CHARGED_BACK})
"""Payments that went back, beside those of which `given_back` says that some did."""
_OPEN_PAYOUT = "state NOT IN ('RECEIVED', 'PRESUMED', 'DROPPED', 'RETURNED')"
_KEPT = (tables.CIRCLE, *tables.OF_A_CIRCLE, tables.PAYMENT, tables.PAYOUT)
"""What is read whole of a circle, of payments and payouts those that are open."""

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
    paid: frozenset[str] = frozenset()
    """Those of `receipts` that money came for and nothing else: it concerns the payer and the banker alone."""
    payout_refs: frozenset[str] = frozenset()
    payout_ids: frozenset[str] = frozenset()
    ticket_refs: frozenset[str] = frozenset()
    proposal_refs: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    parties: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """Whole names of people, in small letters."""
    pins: frozenset[str] = frozenset()
    """People whose PIN is asked about, and with them what waits for it at `parties`."""
    rails: frozenset[str] = frozenset()
    """Names of ledger accounts that belong to no circle."""
    bankers: frozenset[str] = frozenset()
    """Whose circles that owe them something are loaded."""
    queue: bool = False
    lines: bool = False
    """Whether lines of statements are told of, which may open hundreds of tickets."""
    files: bool = False
    """With what these people sent lately, and what lies with the tickets named."""
    provider_refs: frozenset[tuple[str, str]] = frozenset()
    """Payments by their carrier and its own reference."""
    aside: frozenset[str] = frozenset()
    """Names of what may stand aside for MATCH, or did."""
    refund_ids: frozenset[str] = frozenset()
    dispute_ids: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    """Groups whose circles are loaded."""
    money_at: datetime | None = None
    """Where two currencies may meet: the time of now, by which the rate in force is read."""
    marks: bool = False
    """Whether circles' messages are told that carry the mark of their book."""
    cash_since: datetime | None = None
    """Where cash may change hands: since when it is read how much did."""


@dataclass(slots=True)
class Book:
    """Rows by class and key, balances by account, and what is to be written."""

    conn: AsyncConnection
    circles: Circles = field(default_factory=Circles, repr=False)
    """What is known of circles from before."""
    balances: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    """What of the balances is kept for something, by account."""
    posted: dict[str, books.Transaction] = field(default_factory=dict)
    """The transactions of the payments named, by receipt, so that they can be taken back."""
    rate: Rate | None = None
    """The rate in force, when money is about."""
    cash_lately: dict[str, int] = field(default_factory=dict)
    """What each person gave or took in cash in the last week, in Jamaican cents."""
    refs: set[str] = field(default_factory=set)
    """References that a new ticket may not have: those of open ones, where many may be opened at once, and those of
    this book's own. A reference that another desk takes meanwhile fails the batch, which is then decided again."""
    heads: dict[str, chains.Head] = field(default_factory=dict)
    """The last head of the book of each circle that is locked, where messages carry its mark."""
    lines: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What lines of statements turned out to be: state, and what they are matched with."""
    _rows: dict[type, dict[Key, Any]] = field(default_factory=dict, repr=False)
    _of_circle: dict[str, Shelves] = field(default_factory=dict, repr=False)
    """The same rows again, those of one circle together: a batch holds many circles, an action looks at one."""
    _before: dict[type, dict[Key, Any]] = field(default_factory=dict, repr=False)
    """What was put as it was loaded; None for what is new."""
    _versions: dict[str, int] = field(default_factory=dict)
    """Of the circles that are known whole, so that they may be kept."""
    _counted: dict[tuple[str, str], str] = field(default_factory=dict)
    """The receipts of payments, by carrier and its own reference."""
    _aside: dict[str, str] = field(default_factory=dict)
    """The ids of the tickets of the kind MATCH, by the name of what they are about."""
    _locked: Sequence[str] = ()
    _near: frozenset[str] = frozenset()
    """Circles that nothing but money for a payment concerns: of whom it does not concern, the names are enough."""
    _papers: frozenset[str] = frozenset()
    """Whose TRN, addresses and destination were loaded."""
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
        if "circle" in equal:
            shelf = self._of_circle.get(equal.pop("circle"), {}).get(row)
            return list(shelf.find(tuple(equal), tuple(equal.values()))) if shelf else []
        every = sorted(self._rows.get(row, {}).items())
        return [r for _, r in every if all(getattr(r, k) == v for k, v in equal.items())]

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
        """Keep rows, new or changed. They are written in this order: what ends lets another of its name begin."""
        for row in rows:
            key = tables.BY_ROW[type(row)].key_of(row)
            before = self._before.setdefault(type(row), {})
            before[key] = before.pop(key) if key in before else self.get(type(row), *key)
            self._add(key, row)

    def drop(self, row: Any) -> None:
        """Remove a row. Only where nothing refers to it."""
        key = tables.BY_ROW[type(row)].key_of(row)
        self._before.get(type(row), {}).pop(key, None)
        self._rows[type(row)].pop(key)
        if circle := getattr(row, "circle", None):
            self._of_circle[circle][type(row)].drop(key)
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
        await self._load_circles(locked, sorted(codes & needs.read_only))
        await self._load_tickets(needs, sorted(codes))
        await self._load_people(needs)
        await self._load_posted()
        if needs.lines:
            self.refs |= set((await self.conn.execute(_REFS)).scalars())
        if needs.files:
            where = "ticket_id = ANY(:t) OR (person_id = ANY(:p) AND kept_at > now() - interval '2 days')"
            tickets, people = [t.id for t in self.all(Ticket)], sorted(needs.persons)
            self._keep(tables.ENCLOSURE, await load(self.conn, tables.ENCLOSURE, where, t=tickets, p=people))
        if needs.money_at:
            self.rate = await rates.in_force(self.conn, needs.money_at)
        if needs.money_at and needs.cash_since:
            await self._load_cash(needs.cash_since, needs.money_at)
        if needs.marks:
            self.heads = await chains.latest(self.conn, locked)
        if locked or needs.rails:
            standings = await ledger.lock_standings(self.conn, locked, sorted(needs.rails))
            self.balances.update({name: standing.balance for name, standing in standings.items()})
            self.held = {name: standing.balance - standing.available for name, standing in standings.items()}
        if readable := sorted(codes & needs.read_only):
            self.balances.update(await self._read_balances(readable))

    def changes(self) -> list[tuple[Any | None, Any]]:
        """Return each row that is new or changed: as it was loaded, if it was, and as it is."""
        rows = [(old, self._rows[kind][key]) for kind, before in self._before.items() for key, old in before.items()]
        return [(old, row) for old, row in rows if row != old]

    async def write(self) -> None:
        """Write what changed and prove the books at once, so that a fault names its batch before the commit."""
        for table in tables.IN_ORDER:
            rows, before = self._rows.get(table.row, {}), self._before.get(table.row, {})
            await save(self.conn, table, [rows[key] for key, old in before.items() if rows[key] != old])
        for row in self._dropped:
            await delete(self.conn, tables.BY_ROW[type(row)], [row])
        for at, keys in _by_time(self._voids):
            await ledger.void(self.conn, keys, at)
        await ledger.post_each(self.conn, self._transactions)
        for at, holds in _by_time(self._holds):
            await ledger.hold(self.conn, holds, at)
        if self._locked:
            await self.conn.execute(_NEW_VERSION, {"c": self._locked})
        await plan(self.conn, self._duties)
        if self.lines:
            await statements.settle(self.conn, self.lines)
        if self._transactions:
            await ledger.settle_constraints(self.conn)

    def keep(self) -> None:
        """Keep what is known of the circles for the next book. Only once all that was written is committed."""
        locked = set(self._locked)
        for code, version in self._versions.items():
            shelves = {table.row: self._of_circle[code].get(table.row) or Shelf() for table in _KEPT}
            who = [(m.person_id,) for m in shelves[Member].rows.values()]
            shelves[Person] = Shelf({key: self._rows[Person][key] for key in who})
            for row, is_open in ((Payment, _is_open_payment), (Payout, _is_open_payout)):
                shelf = shelves[row]
                for key in [key for key, one in shelf.rows.items() if not is_open(one)]:
                    shelf.drop(key)
            self.circles.keep(code, version + (code in locked), shelves)

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
        paid = {p.circle for p in self.all(Payment) if p.receipt in needs.paid}
        circles |= {p.circle for p in self.all(Payment) if p.receipt not in needs.paid}
        circles |= {p.circle for p in self.all(Payout)}
        circles |= {t.circle for t in self.all(Ticket) if t.circle}
        circles |= await self._circles_of(_OWING, needs.bankers) | await self._circles_of(_OF_GROUPS, needs.groups)
        circles |= await self._circles_of(_OF_PROPOSALS, needs.proposal_refs)
        if people := [t.person_id for t in self.all(Ticket) if t.person_id]:  # a verified TRN frees their draws
            held = "SELECT DISTINCT circle FROM draw WHERE person_id = ANY(:p) AND state = 'HELD'"
            circles |= {row[0] for row in await self.conn.execute(text(held), {"p": people})}
        self._near = frozenset(paid - circles - needs.circles)
        return circles | paid

    async def _circles_of(self, found: TextClause, named: frozenset[str]) -> set[str]:
        return set((await self.conn.execute(found, {"v": sorted(named)})).scalars()) if named else set()

    async def _load_posted(self) -> None:
        """Load what was posted for the cash entries that are in doubt, unless it was taken back."""
        payments = self._rows.get(Payment, {}).values()
        settled = [p for p in payments if p.rail == CASH and p.state is not PaymentState.PENDING]
        doubtful = {throw_key(p.receipt): p.receipt for p in settled if not p.confirmed}
        found = await ledger.transactions(self.conn, [key for one in doubtful for key in (one, f"{one}:back")])
        self.posted = {r: found[key] for key, r in doubtful.items() if key in found and f"{key}:back" not in found}

    async def _load_cash(self, since: datetime, at: datetime) -> None:
        """Read what the people of this batch gave or took in cash since then (bot/actions/watching.py)."""
        people = sorted(key[0] for key in self._rows.get(Person, {}))
        found = await self.conn.execute(_CASH_LATELY, {"p": people, "since": since, "at": at})
        self.cash_lately = {row.person_id: int(row.total) for row in found}

    async def _load_circles(self, locked: Sequence[str], read_only: Sequence[str]) -> None:
        """Lock and load circles whole; what is known of one in the version it is in is not read again.

        One that is read without its lock may change between two statements: then it is known to nobody else.
        """
        named = [p.receipt for p in self.all(Payment)], [p.id for p in self.all(Payout)]
        versions: dict[str, int] = {}
        for codes, statement in ((locked, _LOCK), (read_only, _VERSIONS)):
            if codes:
                versions |= {row.code: row.version for row in await self.conn.execute(statement, {"c": codes})}
        fresh = [code for code, version in versions.items() if not self._remember(code, version)]
        if fresh:
            self._keep(tables.CIRCLE, await load(self.conn, tables.CIRCLE, "code = ANY(:v)", v=fresh))
            for table in tables.OF_A_CIRCLE:
                self._keep(table, await load(self.conn, table, "circle = ANY(:v)", v=fresh))
        await self._load_open(fresh, *named)
        self._versions |= {code: versions[code] for code in set(fresh) & set(locked)}

    def _remember(self, code: str, version: int) -> bool:
        """Bring back what is known of a circle in this version. Returns whether anything is."""
        shelves = self.circles.take(code, version)
        if shelves is None:
            return False
        self._of_circle.setdefault(code, {}).update(shelves)
        self._versions[code] = version
        for row, shelf in shelves.items():
            self._rows.setdefault(row, {}).update(shelf.rows)
        for payment in shelves[Payment].rows.values():
            self._count(payment)
        return True

    async def _load_open(self, fresh: Sequence[str], receipts: Sequence[str], payout_ids: Sequence[str]) -> None:
        """Load what is open in these circles. What was found by its reference is read again, now under the lock."""
        receipts = [r for r in receipts if not self._is_known(Payment, r)]
        if fresh or receipts:
            where = f"(circle = ANY(:v) AND ({_OPEN_PAYMENT})) OR receipt = ANY(:named)"
            self._keep(tables.PAYMENT, await load(self.conn, tables.PAYMENT, where, v=fresh, named=receipts))
        payments = self._rows.get(Payment, {}).values()
        gone = {p.receipt for p in payments if p.given_back or p.state in GONE}
        gone |= {r.receipt for r in self.all(Refund)} | {b.receipt for b in self.all(Chargeback)}
        if gone:
            for table in (tables.REFUND, tables.CHARGEBACK):
                self._keep(table, await load(self.conn, table, "receipt = ANY(:v)", v=sorted(gone)))
        payout_ids = [i for i in payout_ids if not self._is_known(Payout, i)]
        if fresh or payout_ids:
            where = f"(circle = ANY(:v) AND {_OPEN_PAYOUT}) OR id = ANY(:ids)"
            self._keep(tables.PAYOUT, await load(self.conn, tables.PAYOUT, where, v=fresh, ids=payout_ids))

    def _is_known(self, row: type, key: str) -> bool:
        """Whether something found by its reference is among what is known of its circle from before."""
        circle = self._rows[row][key,].circle
        return circle in self._versions and (key,) in self._of_circle[circle][row].rows

    async def _load_tickets(self, needs: Needs, codes: Sequence[str]) -> None:
        """Lock and read again the open tickets of these circles and people, and those named."""
        named = [t.id for t in self.all(Ticket)]
        people = sorted(needs.persons | {t.person_id for t in self.all(Ticket) if t.person_id})
        mine = "(circle = ANY(:v) OR person_id = ANY(:people)) AND closed_at IS NULL"
        where = f"{mine} OR id = ANY(:ids) ORDER BY id FOR UPDATE"
        self._keep(tables.TICKET, await load(self.conn, tables.TICKET, where, v=codes, people=people, ids=named))

    async def _load_people(self, needs: Needs) -> None:
        """Load everyone a command may speak to or of: those named, all members and bankers, and staff.

        With their papers, but for members whom money of others alone concerns: of those the name is enough, which is
        kept with their circle, since it never changes.
        """
        if needs.queue:
            self._keep(
                tables.TICKET,
                await load(self.conn, tables.TICKET, f"closed_at IS NULL ORDER BY opened_at LIMIT {MOST_TICKETS}"),
            )
        ids = set(needs.persons)
        ids |= {c.banker_id for c in self._rows.get(Circle, {}).values()}
        paid = [p for receipt in needs.paid if (p := self.get(Payment, receipt))]
        ids |= {p.person_id for p in paid} | {p.recorded_by for p in paid}
        members = self._rows.get(Member, {}).values()
        ids |= {m.person_id for m in members if m.circle not in self._near}
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
        self._papers = frozenset(ids)
        if some := sorted(ids):
            known = self._rows.get(Person, {})
            everyone = sorted(ids | {m.person_id for m in members if (m.person_id,) not in known})
            self._keep(tables.PERSON, await load(self.conn, tables.PERSON, "id = ANY(:v)", v=everyone))
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
            self._add(table.key_of(row), row)

    def _add(self, key: Key, row: Any) -> None:
        self._rows.setdefault(type(row), {})[key] = row
        if circle := row.code if type(row) is Circle else getattr(row, "circle", None):
            self._of_circle.setdefault(circle, {}).setdefault(type(row), Shelf()).put(key, row)
        match row:
            case Payment():
                self._count(row)
            case Ticket(kind=TicketKind.MATCH):
                self._aside[row.subject] = row.id

    def _count(self, payment: Payment) -> None:
        if payment.provider_ref is not None:
            self._counted[payment.carrier, payment.provider_ref] = payment.receipt

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
        """Return all a person's dues in a circle, the oldest first."""
        mine = self.all(Hand, circle=circle, person_id=person)
        dues = [due for hand in mine for due in self.all(Due, circle=circle, hand=hand.number)]
        return sorted(dues, key=lambda due: (due.round, due.hand)) if len(mine) > 1 else dues

    def person(self, person_id: str) -> Person:
        """Return somebody who was loaded."""
        return self.must(Person, person_id)

    def destination(self, person_id: str) -> Destination | None:
        """Return where a person's draws go."""
        return self.get(Destination, self._with_papers(person_id))

    def trn(self, person_id: str) -> Trn | None:
        """Return a person's TRN."""
        return self.get(Trn, self._with_papers(person_id))

    def addresses(self, person_id: str) -> list[Address]:
        """Return a person's addresses."""
        return self.all(Address, person_id=self._with_papers(person_id))

    def link_codes(self, person_id: str) -> list[LinkCode]:
        """Return the codes on their way to a person's new addresses."""
        return self.all(LinkCode, person_id=self._with_papers(person_id))

    def _with_papers(self, person_id: str) -> str:
        """Return a person again. Raises LookupError for one whose papers were not loaded: they may hold something."""
        if person_id not in self._papers:
            raise LookupError("somebody's papers are asked for that were not loaded")
        return person_id


def throw_key(receipt: str) -> str:
    """Return the key under which a payment is posted."""
    return f"throw:{receipt}"


def _is_open_payment(payment: Payment) -> bool:
    settled = payment.state is PaymentState.SETTLED
    return payment.state is PaymentState.PENDING or (settled and not payment.confirmed)


def _is_open_payout(payout: Payout) -> bool:
    return payout.state in OPEN_PAYOUTS or payout.state is PayoutState.STRAY  # as _OPEN_PAYOUT says


def _by_time(written: list[tuple[datetime, Row]]) -> Iterator[tuple[datetime, list[Row]]]:
    """Group what was written at the same time, keeping the order."""
    for at, together in groupby(written, key=itemgetter(0)):
        yield at, [one for _, one in together]
