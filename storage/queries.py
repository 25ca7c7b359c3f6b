"""What the desk asks in bulk: who writes and where their talk stands, what they may know, where people are reached."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.money import Currency, Money, Stem
from domain.pardna import CircleState, DrawState, OrderBy, RoundState
from domain.people import Clerk, Language, Person, Role, TrnState
from domain.standing import Ask, Owed, Seat, Standing, Turn
from domain.terms import FeeKind, Terms

# Looked up, not called: an enum's call costs more than all the rest of reading a row.
_CIRCLE_STATES = {state.value: state for state in CircleState}
_ORDERS = {o.value: o for o in OrderBy}
_ROUND_STATES = {state.value: state for state in RoundState}
_DRAW_STATES = {state.value: state for state in DrawState} | {None: None}
_CURRENCIES = {currency.value: currency for currency in Currency}
_FEE_KINDS = {kind.value: kind for kind in FeeKind}
_LANGUAGES_BY = {language.value: language for language in Language}

_WHO = text("""
    SELECT p.party, CAST(s.state AS text) AS session, a.person_id, a.stopped_at IS NOT NULL AS stopped, a.gone,
        h.name, h.language, h.created_at, t.state AS trn_state, t.last3, d.kind AS pays_to, d.label
    FROM unnest(CAST(:parties AS text[])) AS p (party)
    LEFT JOIN session s ON s.party = p.party
    LEFT JOIN address a ON a.party = p.party
    LEFT JOIN person h ON h.id = a.person_id
    LEFT JOIN trn t ON t.person_id = a.person_id
    LEFT JOIN destination d ON d.person_id = a.person_id
""")

_SEATS = text("""
    SELECT mine.person_id, c.code, c.name, c.state, c.currency, c.throw, c.turns, c.first_due, c.fee,
        c.fee_kind, c.fee_share, c.reserve_share,
        c.banker_id = mine.person_id AS is_banker,
        coalesce(m.state, '') AS member_state,
        coalesce(m.agreed_hash = c.terms_hash, false) AS agreed,
        CASE WHEN c.state = 'OPEN' THEN (
            SELECT coalesce(sum(o.halves) FILTER (WHERE o.state = 'IN'), 0) FROM member o WHERE o.circle = c.code
        ) ELSE 2 * c.turns END AS taken,
        coalesce(r.number, 0) AS round, coalesce(r.drawer, '') AS drawer, coalesce(r.pot, 0) AS pot,
        coalesce((SELECT balance FROM ledger_account
            WHERE name = 'circle\\:' || c.code || '\\:credit\\:' || mine.person_id), 0) AS credit,
        CASE WHEN c.banker_id = mine.person_id THEN coalesce((SELECT balance FROM ledger_account
            WHERE name = 'circle\\:' || c.code || '\\:cash'), 0) ELSE 0 END AS cash_held,
        coalesce((SELECT balance FROM ledger_account
            WHERE name = 'circle\\:' || c.code || '\\:debt\\:' || mine.person_id), 0) AS debt,
        (SELECT CAST(json_agg(json_build_array(d.round, w.due, w.grace_until, w.state, d.amount - d.paid - d.waived)
                ORDER BY d.round, d.hand) AS text)
            FROM hand h JOIN due d ON d.circle = h.circle AND d.hand = h.number AND d.paid + d.waived < d.amount
            JOIN round w ON w.circle = d.circle AND w.number = d.round
            WHERE h.circle = c.code AND h.person_id = mine.person_id) AS owed,
        (SELECT CAST(json_agg(json_build_array(h.turn, w.pays_on, x.net, coalesce(x.paid, 0), x.state,
                coalesce(x.held_for, ''), h.halves) ORDER BY h.turn) AS text)
            FROM hand h LEFT JOIN round w ON w.circle = h.circle AND w.number = h.turn
            LEFT JOIN draw x ON x.circle = h.circle AND x.round = h.turn AND x.hand = h.number
            WHERE h.circle = c.code AND h.person_id = mine.person_id) AS my_turns,
        coalesce((SELECT sum(d.late_fee - d.late_paid) FROM hand h
            JOIN due d ON d.circle = h.circle AND d.hand = h.number AND d.late_paid < d.late_fee
            WHERE h.circle = c.code AND h.person_id = mine.person_id), 0) AS late,
        EXISTS (SELECT FROM plan p WHERE p.circle = c.code AND p.person_id = mine.person_id
            AND p.state = 'AGREED') AS planned,
        c.order_by,
        CASE WHEN c.state = 'OPEN' AND c.order_by IN ('lottery', 'trust') THEN coalesce(
            (SELECT l.state FROM lottery l WHERE l.circle = c.code), 'AHEAD') ELSE '' END AS lottery
    FROM (
        SELECT person_id, circle FROM member WHERE person_id = ANY(:people) AND state IN ('ASKED', 'IN')
        UNION SELECT banker_id, code FROM circle WHERE banker_id = ANY(:people)
    ) AS mine
    JOIN circle c ON c.code = mine.circle AND c.state <> 'CANCELLED'
    LEFT JOIN member m ON m.circle = c.code AND m.person_id = mine.person_id
    LEFT JOIN LATERAL (
        SELECT w.number,
            (SELECT string_agg(split_part(btrim(p.name), ' ', 1), ' & ' ORDER BY h.number)
                FROM hand h JOIN person p ON p.id = h.person_id
                WHERE h.circle = w.circle AND h.turn = w.number) AS drawer,
            (SELECT sum(d.paid) FROM due d WHERE d.circle = w.circle AND d.round = w.number) AS pot
        FROM round w WHERE w.circle = c.code AND w.state <> 'SCHEDULED'
        ORDER BY CASE WHEN w.state = 'OPEN' THEN -w.number END DESC NULLS LAST, w.number DESC LIMIT 1
    ) AS r ON c.state IN ('ACTIVE', 'SUSPENDED')
    ORDER BY c.ended_at DESC NULLS FIRST, c.made_at
""")

_ASKS = text("""
    SELECT c.banker_id AS person_id, 'cash' AS kind, p.receipt AS ref, c.code, c.name, p.amount, c.currency,
        w.name AS who, p.began_at AS at
    FROM circle c JOIN payment p ON p.circle = c.code AND p.state = 'PENDING' AND p.rail = 'CASH'
    JOIN person w ON w.id = p.recorded_by
    WHERE c.banker_id = ANY(:people) AND p.recorded_by <> c.banker_id
    UNION ALL
    SELECT p.person_id, 'cash', p.receipt, c.code, c.name, p.amount, c.currency, w.name, p.began_at
    FROM payment p JOIN circle c ON c.code = p.circle JOIN person w ON w.id = p.recorded_by
    WHERE p.person_id = ANY(:people) AND p.state = 'SETTLED' AND NOT p.confirmed AND p.given_back = 0
        AND p.recorded_by <> p.person_id
    UNION ALL
    SELECT p.approver_id, 'payout', p.ref, c.code, c.name, p.cash + p.rail_amount, c.currency, w.name, p.asked_at
    FROM payout p JOIN circle c ON c.code = p.circle JOIN person w ON w.id = p.person_id
    WHERE p.approver_id = ANY(:people) AND p.state = 'ASKED'
    UNION ALL
    SELECT p.person_id, 'draw', p.ref, c.code, c.name, p.cash + p.rail_amount, c.currency, w.name, p.sent_at
    FROM payout p JOIN circle c ON c.code = p.circle JOIN person w ON w.id = p.started_by
    WHERE p.person_id = ANY(:people) AND p.state = 'SENT' AND p.kind = 'draw'
    UNION ALL
    SELECT m.person_id, 'vote', v.ref, c.code, c.name, 0, c.currency, w.name, v.opened_at
    FROM proposal v JOIN circle c ON c.code = v.circle JOIN person w ON w.id = v.by_id
    JOIN member m ON m.circle = v.circle AND m.state = 'IN' AND m.halves > 0
    WHERE m.person_id = ANY(:people) AND v.state = 'OPEN' AND (v.kind IN ('TERMS', 'BANKER') OR v.who_id = m.person_id)
        AND NOT EXISTS (SELECT FROM ballot b WHERE b.ref = v.ref AND b.person_id = m.person_id)
    UNION ALL
    SELECT j.person_id, 'judge', d.ref, c.code, c.name, d.amount, c.currency, w.name, j.asked_at
    FROM dispute_judge j JOIN dispute d ON d.id = j.dispute_id JOIN circle c ON c.code = d.circle
    JOIN person w ON w.id = d.opened_by
    WHERE j.person_id = ANY(:people) AND j.vote = '' AND NOT j.replaced AND d.state = 'OPEN'
    UNION ALL
    SELECT me.id, CASE WHEN d.amount > 0 THEN 'frozen' ELSE 'complaint' END, d.ref, c.code, c.name, d.amount,
        c.currency, w.name, d.opened_at
    FROM dispute d JOIN circle c ON c.code = d.circle
    JOIN person me ON me.id IN (d.opened_by, d.against)
    JOIN person w ON w.id IN (d.opened_by, d.against) AND w.id <> me.id
    WHERE me.id = ANY(:people) AND (d.opened_by = ANY(:people) OR d.against = ANY(:people))
        AND d.state IN ('OPEN', 'STAFF')
    ORDER BY at
""")

# What a person may know of circles changes only with a circle's version (storage/book.py raises it under the lock).
_STAMPS = text("""
    SELECT mine.person_id, string_agg(c.code || '.' || c.version, ',' ORDER BY c.code) AS stamp
    FROM (
        SELECT person_id, circle FROM member WHERE person_id = ANY(:people) AND state IN ('ASKED', 'IN')
        UNION SELECT banker_id, code FROM circle WHERE banker_id = ANY(:people)
    ) AS mine JOIN circle c ON c.code = mine.circle
    GROUP BY mine.person_id
""")

_PARTIES_OF = text("""
    SELECT a.person_id, a.party, p.language, s.wrote_at, a.copies FROM address a
    JOIN person p ON p.id = a.person_id LEFT JOIN session s ON s.party = a.party
    WHERE a.person_id = ANY(:people) AND a.stopped_at IS NULL
    ORDER BY a.person_id, a.preferred_at DESC NULLS LAST, starts_with(a.party, 'email'),
        s.wrote_at DESC NULLS LAST, a.added_at
""")

_LANGUAGES = text("""
    SELECT x.party, s.wrote_at, coalesce(p.language, (
        SELECT b.language FROM circle c JOIN person b ON b.id = c.banker_id WHERE c.group_party = x.party LIMIT 1
    ), 'en') AS language
    FROM unnest(CAST(:parties AS text[])) AS x (party)
    LEFT JOIN address a ON a.party = x.party LEFT JOIN person p ON p.id = a.person_id
    LEFT JOIN session s ON s.party = x.party
""")

_STAFF = text("""
    SELECT s.party, s.role, coalesce(a.person_id, '') FROM staff s LEFT JOIN address a ON a.party = s.party
    ORDER BY s.party, s.role
""")

_SAVE_SESSIONS = text("""
    INSERT INTO session (party, state, wrote_at)
    SELECT party, CAST(state AS jsonb), at FROM unnest(CAST(:parties AS text[]), CAST(:states AS text[]),
        CAST(:ats AS timestamptz[])) AS s (party, state, at)
    ON CONFLICT (party) DO UPDATE SET state = excluded.state,
        wrote_at = greatest(session.wrote_at, excluded.wrote_at)
""")


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a person or a party is reached, in which language, and when they last wrote there.

    `copies`: receipts are copied to it, if it is a mail address.
    """

    party: str
    language: Language
    wrote_at: datetime | None
    copies: bool = False


@dataclass(frozen=True, slots=True)
class Who:
    """One who writes: the session as kept, and the standing without what belongs to circles."""

    session: Mapping[str, Any]
    standing: Standing


_Known = tuple[str, tuple[Seat, ...], tuple[Ask, ...]]
"""The stamp of somebody's circles, and what was read under it."""
_NOTHING: _Known = ("", (), ())
MOST_KEPT = 10_000


class Seats:
    """What people may know of their circles, kept between their turns as long as no circle of theirs has changed."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, _Known] = OrderedDict()

    async def read(self, conn: AsyncConnection, people: Sequence[str]) -> Mapping[str, _Known]:
        """Return (stamp, seats, asks) of each person who has a circle; what is kept is checked by its stamp first."""
        stamps: dict[str, str] = {}
        if people:
            found = await conn.execute(_STAMPS, {"people": people})
            stamps = {person: stamp for person, stamp in found}  # noqa: C416 - rows are no pairs to dict()
        stale = [person for person, stamp in stamps.items() if self._kept.get(person, _NOTHING)[0] != stamp]
        seats, asks = await _seats(conn, stale), await _asks(conn, stale)
        for person in stale:
            self._kept[person] = (stamps[person], seats.get(person, ()), asks.get(person, ()))
        known = {person: self._kept[person] for person in stamps}
        for person in known:
            self._kept.move_to_end(person)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return known


async def who_writes(
    conn: AsyncConnection,
    at: Mapping[str, datetime],
    *,
    seats: Seats,
    staff: Sequence[Clerk],
    rails: tuple[str, ...],
) -> dict[str, Who]:
    """Read, for each party that writes (with its time of arrival), where its talk stands and what it may know."""
    rows = (await conn.execute(_WHO, {"parties": sorted(at)})).all()
    known = await seats.read(conn, sorted({row.person_id for row in rows if row.person_id}))
    roles: dict[str, set[Role]] = {}
    for clerk in staff:
        roles.setdefault(clerk.party, set()).add(clerk.role)
    nobody = frozenset[Role]()
    return {
        row.party: Who(
            orjson.loads(row.session) if row.session else {},
            _standing(
                row,
                at[row.party],
                roles=frozenset(roles[row.party]) if row.party in roles else nobody,
                known=known.get(row.person_id, _NOTHING),
                rails=rails,
            ),
        )
        for row in rows
    }


def _standing(
    row: Any,
    at: datetime,
    *,
    roles: frozenset[Role],
    known: _Known,
    rails: tuple[str, ...],
) -> Standing:
    _, seats, asks = known
    person = Person(row.person_id, row.name, _LANGUAGES_BY[row.language], row.created_at) if row.person_id else None
    return Standing(
        party=row.party,
        now=at,
        person=person,
        roles=roles,
        seats=seats,
        asks=asks,
        trn_state=TrnState(row.trn_state) if row.trn_state else None,
        trn_last3=row.last3 or "",
        destination=row.label or ("cash" if row.pays_to == "cash" else ""),
        stopped=bool(row.stopped),
        gone=bool(row.gone),
        rails=rails,
    )


async def standings_of(conn: AsyncConnection, people: Iterable[str], at: datetime) -> dict[str, Standing]:
    """Read what a reminder to each of these people is made of: their circles alone."""
    wanted = sorted(people)
    seats = await _seats(conn, wanted)
    return {person: Standing(f"person:{person}", at, seats=seats.get(person, ())) for person in wanted}


async def _seats(conn: AsyncConnection, people: Sequence[str]) -> dict[str, tuple[Seat, ...]]:
    found: dict[str, tuple[Seat, ...]] = {}
    if people:
        for row in await conn.execute(_SEATS, {"people": people}):
            found[row.person_id] = (*found.get(row.person_id, ()), _seat(row))
    return found


def _seat(row: Any) -> Seat:
    return Seat(
        code=row.code,
        name=row.name,
        state=_CIRCLE_STATES[row.state],
        currency=_CURRENCIES[row.currency],
        throw=row.throw,
        turns=row.turns,
        first_due=row.first_due,
        fee=_terms(row).fee_of(),
        reserve=_terms(row).reserve_of(),
        is_banker=row.is_banker,
        member_state=row.member_state,
        agreed=row.agreed,
        taken=int(row.taken),
        round=row.round,
        drawer=row.drawer,
        pot=int(row.pot),
        credit=row.credit,
        cash_held=row.cash_held,
        owed=tuple(_owed(cells) for cells in orjson.loads(row.owed or "[]")),
        my_turns=tuple(_turn(cells) for cells in orjson.loads(row.my_turns or "[]")),
        debt=row.debt,
        late=int(row.late),
        planned=row.planned,
        lottery=row.lottery,
        order_by=_ORDERS[row.order_by],
    )


def _terms(row: Any) -> Terms:
    return Terms(
        _CURRENCIES[row.currency],
        row.throw,
        row.turns,
        fee_kind=_FEE_KINDS[row.fee_kind],
        fee=row.fee,
        fee_share=row.fee_share,
        reserve_share=row.reserve_share,
    )


def _owed(cells: Sequence[Any]) -> Owed:
    number, due, grace_until, state, left = cells
    return Owed(number, date.fromisoformat(due), date.fromisoformat(grace_until), _ROUND_STATES[state], left)


def _turn(cells: Sequence[Any]) -> Turn:
    number, pays_on, net, paid, state, held_for, halves = cells
    day = date.fromisoformat(pays_on) if pays_on else None
    return Turn(number, day, net, paid, _DRAW_STATES[state], held_for, halves)


async def _asks(conn: AsyncConnection, people: Sequence[str]) -> dict[str, tuple[Ask, ...]]:
    found: dict[str, tuple[Ask, ...]] = {}
    if people:
        for row in await conn.execute(_ASKS, {"people": people}):
            money = Money(row.amount, _CURRENCIES[row.currency], Stem(row.code, ref=row.ref))
            ask = Ask(row.kind, row.ref, row.code, row.name, money, row.who.split()[0])
            found[row.person_id] = (*found.get(row.person_id, ()), ask)
    return found


async def staff(conn: AsyncConnection) -> tuple[Clerk, ...]:
    """Read who is staff; few rows."""
    found = await conn.execute(_STAFF)
    return tuple(Clerk(party, Role(role), person_id) for party, role, person_id in found)


async def add_staff(conn: AsyncConnection, party: str, role: Role, at: datetime) -> None:
    """Make a party a member of staff, in one role; again is the same."""
    statement = text("INSERT INTO staff (party, role, added_at) VALUES (:party, :role, :at) ON CONFLICT DO NOTHING")
    await conn.execute(statement, {"party": party, "role": role.value, "at": at})


async def remove_staff(conn: AsyncConnection, party: str) -> int:
    """Take all roles from a party; returns how many it had."""
    return int((await conn.execute(text("DELETE FROM staff WHERE party = :party"), {"party": party})).rowcount)


async def contacts(conn: AsyncConnection, people: Iterable[str]) -> dict[str, list[Contact]]:
    """Read where each person is reached, in the order in which they are told.

    First the address they chose last, then the one they last wrote from; none that was stopped.
    """
    found: dict[str, list[Contact]] = {}
    for person, party, language, wrote_at, copies in await conn.execute(_PARTIES_OF, {"people": sorted(people)}):
        found.setdefault(person, []).append(Contact(party, Language(language), wrote_at, copies))
    return found


async def languages(conn: AsyncConnection, parties: Iterable[str]) -> dict[str, Contact]:
    """Read in which language each party is spoken to: a group in its banker's, one we do not know in English."""
    rows = await conn.execute(_LANGUAGES, {"parties": sorted(parties)})
    return {row.party: Contact(row.party, Language(row.language), row.wrote_at) for row in rows}


async def save_sessions(conn: AsyncConnection, sessions: Sequence[tuple[str, Mapping[str, Any], datetime]]) -> None:
    """Keep where talks stand, and when each party wrote."""
    if sessions:
        parties, states, ats = zip(*sessions, strict=True)
        values = {
            "parties": list(parties),
            "states": [orjson.dumps(s).decode() for s in states],
            "ats": list(ats),
        }
        await conn.execute(_SAVE_SESSIONS, values)
