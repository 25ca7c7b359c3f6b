"""Running circles and payments that wait, written into the database in bulk before any clock runs.

Each circle has a banker and as many members as turns, everybody on a phone of the simulator, and is in the middle of
its life: the rounds before the open one are paid and drawn. What is written is what the service would have written
itself, but for the ledger's past: what was thrown and drawn has left no balance.
"""

import random
from dataclasses import dataclass, field
from itertools import product

import asyncpg

from domain.codes import ALPHABET

TURNS = 20
OPEN_ROUND = 5
THROW = 500_000
"""J$5,000 in cents."""

_PERSON = "INSERT INTO person SELECT id, name, 'en', now() FROM unnest($1::text[], $2::text[]) AS u (id, name)"
_ADDRESS = """
INSERT INTO address (party, person_id, added_at)
SELECT 'whatsapp:+' || phone, id, now() FROM unnest($1::text[], $2::bigint[]) AS u (id, phone)
"""
_CIRCLE = """
INSERT INTO circle (code, name, banker_id, state, currency, throw, frequency, turns, first_due, order_by, made_at)
SELECT code, 'Bench ' || code, code || '-0', 'ACTIVE', 'JMD', $2, 'weekly', $3,
    current_date + 3 - 7 * ($4::int - 1), 'join order', now() - interval '60 days'
FROM unnest($1::text[]) AS code
"""
_MEMBER = """
INSERT INTO member (circle, person_id, halves, state, agreed_hash, asked_at)
SELECT code, code || '-' || n, 2, 'IN', '', now() FROM unnest($1::text[]) AS code, generate_series(1, $2) AS n
"""
_HAND = """
INSERT INTO hand (circle, number, person_id, turn)
SELECT code, n, code || '-' || n, n FROM unnest($1::text[]) AS code, generate_series(1, $2) AS n
"""
_ROUND = """
INSERT INTO round (circle, number, due, grace_until, pays_on, state)
SELECT code, n, day, day + 3, day + 4, CASE WHEN n < $3 THEN 'PAID' WHEN n = $3 THEN 'OPEN' ELSE 'SCHEDULED' END
FROM (
    SELECT code, n, current_date + 3 + 7 * (n - $3::int) AS day
    FROM unnest($1::text[]) AS code, generate_series(1, $2::int) AS n
) AS days
"""
_DUE = """
INSERT INTO due (circle, round, hand, amount, paid)
SELECT code, r, n, $4::bigint, CASE WHEN r < $3 THEN $4::bigint ELSE 0 END
FROM unnest($1::text[]) AS code, generate_series(1, $3::int) AS r, generate_series(1, $2::int) AS n
"""
_DRAW = """
INSERT INTO draw (circle, round, hand, person_id, state, gross, fee, offset_throw, offset_arrears, net, paid)
SELECT code, r, r, code || '-' || r, 'DONE', $2::int * $4::bigint, 0, $4::bigint, 0, ($2::int - 1) * $4::bigint,
    ($2::int - 1) * $4::bigint
FROM unnest($1::text[]) AS code, generate_series(1, $3::int - 1) AS r
"""
_PAYMENT = """
INSERT INTO payment (receipt, circle, person_id, amount, currency, rail, state, recorded_by, began_at, carrier,
    pay_amount, pay_currency)
SELECT receipt, circle, person, amount, 'JMD', 'NCB', 'PENDING', person, now(), 'ncb', amount, 'JMD'
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS u (receipt, circle, person, amount)
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One payment that waits; `amount` in cents."""

    receipt: str
    circle: str
    person: str
    name: str
    amount: int


@dataclass(slots=True)
class Town:
    """Founds circles and lets payments wait. No code, receipt or number comes up twice, however often it is asked."""

    chance: random.Random = field(default_factory=lambda: random.Random(7))
    _circles: int = 0
    _phones: int = 18_768_000_000
    _receipts: set[str] = field(default_factory=set)
    _names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        firsts, lasts = ([_word(self.chance) for _ in range(400)] for _ in range(2))
        self._names = [f"{first} {last}" for first, last in product(firsts, lasts)]

    async def let_wait(
        self, url: str, payments: int, circles: int, *, throw: int = THROW, amount: int = THROW
    ) -> list[Waiting]:
        """Found circles and let payments of `amount` wait, one after the other for each member of each circle."""
        codes = [self._code() for _ in range(circles)]
        names = {f"{code}-{n}": self.chance.choice(self._names) for code in codes for n in range(TURNS + 1)}
        members = [(code, f"{code}-{n}") for n in range(1, TURNS + 1) for code in codes]
        waiting = [
            Waiting(self._receipt(), *members[n % len(members)], names[members[n % len(members)][1]], amount)
            for n in range(payments)
        ]
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await self._found(connection, codes, names, throw)
                columns = zip(*((w.receipt, w.circle, w.person, w.amount) for w in waiting), strict=True)
                await connection.execute(_PAYMENT, *map(list, columns))
            await connection.execute("ANALYZE")
        finally:
            await connection.close()
        return waiting

    async def _found(self, connection: asyncpg.Connection, codes: list[str], names: dict[str, str], throw: int) -> None:
        phones = range(self._phones, self._phones + len(names))
        self._phones += len(names)
        await connection.execute(_PERSON, list(names), list(names.values()))
        await connection.execute(_ADDRESS, list(names), list(phones))
        await connection.execute(_CIRCLE, codes, throw, TURNS, OPEN_ROUND)
        await connection.execute(_MEMBER, codes, TURNS)
        await connection.execute(_HAND, codes, TURNS)
        await connection.execute(_ROUND, codes, TURNS, OPEN_ROUND)
        await connection.execute(_DUE, codes, TURNS, OPEN_ROUND, throw)
        await connection.execute(_DRAW, codes, TURNS, OPEN_ROUND, throw)

    def _code(self) -> str:
        """A circle's code: a digit, so that it is no word, and the number of the circle in the codes' own letters."""
        self._circles += 1
        left, letters = self._circles, ""
        for _ in range(5):
            left, letter = divmod(left, len(ALPHABET))
            letters = ALPHABET[letter] + letters
        return f"2{letters}"

    def _receipt(self) -> str:
        while (receipt := "R-" + "".join(self.chance.choices(ALPHABET, k=8))) in self._receipts:
            pass
        self._receipts.add(receipt)
        return receipt


def _word(chance: random.Random) -> str:
    return "".join(chance.choice("bcdfgklmnprst") + chance.choice("aeiou") for _ in range(chance.randint(2, 4))).title()
