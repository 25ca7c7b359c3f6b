"""What the public pages show: an invitation, a receipt, a payment that waits. Each is one statement.

Hands out no surname, number, address or TRN: a page is seen by whoever holds the link.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from domain.money import Currency, Money
from domain.people import Language
from domain.terms import FeeKind, OnDefault, Terms
from storage import chains, duties
from storage.chains import Included
from storage.duties import Duty
from storage.engine import Engine
from storage.filer import NotDurable
from storage.reads import fetch, reading

_INVITE = text("""
    SELECT circle.code, circle.name, circle.state, circle.currency, circle.throw, circle.frequency,
        circle.turns, circle.first_due, circle.fee_kind, circle.fee, circle.fee_share, circle.late_fee,
        circle.late_share, circle.late_cap, circle.reserve_share, circle.cover, circle.on_default,
        split_part(btrim(person.name), ' ', 1) AS banker,
        (SELECT coalesce(sum(halves), 0) FROM member WHERE member.circle = circle.code AND member.state = 'IN')
            AS halves_in
    FROM circle JOIN person ON person.id = circle.banker_id WHERE circle.code = :code
""")
_RECEIPT = text("""
    SELECT payment.receipt, circle.name, payment.currency, payment.amount, payment.rail, payment.state,
        payment.confirmed, payment.began_at, payment.settled_at, payment.given_back
    FROM payment JOIN circle ON circle.code = payment.circle WHERE payment.receipt = :receipt
""")
_PAYMENT = text(r"""
    SELECT payment.receipt, payment.circle, circle.name, payment.pay_currency, payment.pay_amount, payment.currency,
        payment.amount, payment.state, payment.carrier, payment.good_until, person.language,
        EXISTS (SELECT FROM inbox WHERE source = 'sandbox' AND external_id IN
            (payment.receipt || '\:success', payment.receipt || '\:failure'))
        OR EXISTS (SELECT FROM duty WHERE key = 'sandbox\:' || payment.receipt)
    FROM payment JOIN circle ON circle.code = payment.circle JOIN person ON person.id = payment.recorded_by
    WHERE payment.token_hash = :token_hash
""")


@dataclass(frozen=True, slots=True)
class Invite:
    """A circle as somebody who was asked to join sees it."""

    code: str
    name: str
    state: str
    throw: Money
    frequency: str
    turns: int
    first_due: date
    terms: Terms
    banker: str
    """First name alone."""
    halves_in: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment as anybody who holds its code may check it: nothing of the person."""

    code: str
    circle: str
    amount: Money
    rail: str
    state: str
    confirmed: bool
    began_at: datetime
    settled_at: datetime | None
    given_back: Money
    """What of it went back to the payer, or is on its way there."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment behind a pay link. `answered`: the sandbox's page was used already."""

    receipt: str
    circle: str
    circle_name: str
    price: Money
    """What the payer pays."""
    amount: Money
    """What it counts for in the circle: another figure where the payer pays in another currency."""
    state: str
    carrier: str
    good_until: datetime | None
    """Until when the price holds, where it is a quote."""
    language: Language
    """The payer's."""
    answered: bool


class Pages:
    """Reads for the pages; each raises Unreachable when there is no database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def invite(self, code: str) -> Invite | None:
        """The circle with this code, if there is one."""
        row = await self._one(_INVITE, code=code)
        if row is None:
            return None
        unit = Currency(row.currency)
        terms = Terms(
            currency=unit,
            throw=row.throw,
            turns=row.turns,
            fee_kind=FeeKind(row.fee_kind),
            fee=row.fee,
            fee_share=row.fee_share,
            late_fee=row.late_fee,
            late_share=row.late_share,
            late_cap=row.late_cap,
            reserve_share=row.reserve_share,
            cover=row.cover,
            on_default=OnDefault(row.on_default),
        )
        return Invite(
            code=row.code,
            name=row.name,
            state=row.state,
            throw=Money(row.throw, unit),
            frequency=row.frequency,
            turns=row.turns,
            first_due=row.first_due,
            terms=terms,
            banker=row.banker,
            halves_in=int(row.halves_in),
        )

    async def receipt(self, receipt: str) -> Receipt | None:
        """The payment with this receipt code (`R-...`), if there is one."""
        row = await self._one(_RECEIPT, receipt=receipt)
        if row is None:
            return None
        unit = Currency(row.currency)
        return Receipt(
            code=row.receipt,
            circle=row.name,
            amount=Money(row.amount, unit),
            rail=row.rail,
            state=row.state,
            confirmed=row.confirmed,
            began_at=row.began_at,
            settled_at=row.settled_at,
            given_back=Money(row.given_back, unit),
        )

    async def included(self, receipt: str) -> Included | None:
        """The line of a receipt in its book and what leads from it to the book's mark, once it is sealed."""
        async with reading(self._engine) as conn:
            return await chains.included(conn, receipt)

    async def payment(self, token: str) -> Payment | None:
        """The payment that this link's token opens, if there is one; only the token's hash is ever stored."""
        token_hash = hashlib.sha256(token.encode()).digest()
        row = await self._one(_PAYMENT, token_hash=token_hash)
        if row is None:
            return None
        receipt, circle, name, pay_currency, pay_amount, currency, amount, state, carrier, until, language, done = row
        price, worth = Money(pay_amount, Currency(pay_currency)), Money(amount, Currency(currency))
        return Payment(receipt, circle, name, price, worth, state, carrier, until, Language(language), done)

    async def plan(self, duty: Duty) -> None:
        """Plan what shall happen later. Raises NotDurable."""
        try:
            async with self._engine.begin() as conn:
                await duties.plan(conn, [duty])
        except (OSError, TimeoutError, SQLAlchemyError) as error:
            raise NotDurable(type(error).__name__) from error

    async def _one(self, statement: TextClause, **values: Any) -> Row[Any] | None:
        found = await fetch(self._engine, statement, values)
        return found[0] if found else None
