"""Rows that pages show, written straight into their tables."""

import hashlib
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from domain.schedule import local
from storage import duties
from storage.engine import Engine

CODE = "7K2MQ9"
RECEIPT = "R-7K2MQ9XA"
TOKEN = "token-of-the-pay-link-0123456789"
AT = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)

_PERSON = text("INSERT INTO person (id, name, created_at) VALUES (:id, :name, :at)")
_CIRCLE = text("""
    INSERT INTO circle (code, name, banker_id, state, currency, throw, frequency, turns, first_due,
        order_by, fee, made_at)
    VALUES (:code, :name, 'p1', :state, 'JMD', 500000, 'weekly', 5, :first_due, 'join order', 50000, :at)
""")
_MEMBER = text("""
    INSERT INTO member (circle, person_id, halves, state, agreed_hash, asked_at)
    VALUES (:code, 'p2', 4, 'IN', 'x', :at)
""")
_PAYMENT = text("""
    INSERT INTO payment (receipt, circle, person_id, amount, currency, rail, state, recorded_by, confirmed,
        token_hash, began_at, settled_at, carrier, pay_amount, pay_currency, good_until)
    VALUES (:receipt, :code, 'p2', 500000, 'JMD', :rail, :state, 'p2', :confirmed, :token_hash, :at,
        :settled_at, :carrier, :pay_amount, :pay_currency, :good_until)
""")


async def put_circle(engine: Engine, state: str = "OPEN", name: str = "Sunday Club") -> None:
    """A circle of five weekly hands of J$5,000; two of them are taken."""
    async with engine.begin() as conn:
        for person, full_name in (("p1", "Marva Ann Brown"), ("p2", "Devon Clarke")):
            await conn.execute(_PERSON, {"id": person, "name": full_name, "at": AT})
        circle = {"code": CODE, "name": name, "state": state, "first_due": date(2026, 12, 4), "at": AT}
        await conn.execute(_CIRCLE, circle)
        await conn.execute(_MEMBER, {"code": CODE, "at": AT})


async def put_payment(
    engine: Engine,
    state: str = "PENDING",
    *,
    rail: str = "SANDBOX",
    carrier: str = "sandbox",
    confirmed: bool = False,
    price: tuple[int, str] = (500_000, "JMD"),
    good_until: datetime | None = None,
) -> None:
    """A payment of Devon's into that circle, with the pay link of TOKEN."""
    values = {
        "receipt": RECEIPT,
        "code": CODE,
        "rail": rail,
        "state": state,
        "confirmed": confirmed,
        "token_hash": hashlib.sha256(TOKEN.encode()).digest(),
        "at": AT,
        "settled_at": AT if state == "SETTLED" else None,
        "carrier": carrier,
        "pay_amount": price[0],
        "pay_currency": price[1],
        "good_until": good_until,
    }
    async with engine.begin() as conn:
        await conn.execute(_PAYMENT, values)


async def set_payment(engine: Engine, state: str) -> None:
    """Move the payment to a state, as the desk would."""
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE payment SET state = :state"), {"state": state})


def days_from_now(days: int) -> datetime:
    """The local time so many days ahead of the wall clock."""
    return local(datetime.now(UTC) + timedelta(days=days))


async def plan_duty(engine: Engine, now: datetime, days: int) -> None:
    """A duty that is due so many days after `now`."""
    due = duties.Duty(f"in {days} days", now + timedelta(days=days), f"circle:{CODE}", "x")
    async with engine.begin() as conn:
        await duties.plan(conn, [due])
