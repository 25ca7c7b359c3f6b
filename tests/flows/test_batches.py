"""What one transaction of the desk costs the database does not grow with the payments in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import event

from domain import codes
from domain.messages import Filed
from tests.flows.club import Club, begun, execute, fetch
from tests.teller import House

PAYMENT = """
INSERT INTO payment (receipt, circle, person_id, amount, currency, rail, state, recorded_by, began_at, carrier,
    pay_amount, pay_currency)
SELECT :receipt, :circle, person_id, 1000, 'JMD', 'SANDBOX', 'PENDING', person_id, now(), 'sandbox', 1000, 'JMD'
FROM hand WHERE circle = :circle AND number = :hand
"""
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"


async def waiting(house: House, club: Club, first: int, count: int) -> list[str]:
    """Let payments of J$10 wait, by the hands in turn."""
    receipts = [f"R-{letter * 8}" for letter in LETTERS[first : first + count]]
    for number, receipt in enumerate(receipts):
        await execute(house, PAYMENT, receipt=receipt, circle=club.code, hand=1 + number % len(club.phones))
    return receipts


async def come(house: House, receipts: list[str], currency: str = "JMD") -> None:
    """Have the carrier tell that it has the money."""
    told = {"kind": "collected", "carrier": "sandbox", "amount": 1000, "currency": currency}
    for receipt in receipts:
        body = told | {"receipt": receipt, "provider_id": f"c-{receipt}"}
        await house.filer.file([Filed("bank", f"{receipt}{currency}", f"payment:{receipt}", "event", body)])


@asynccontextmanager
async def asked(house: House) -> AsyncIterator[list[str]]:
    """Collect the statements that this task has the database do."""
    me, said = asyncio.current_task(), list[str]()

    def note(*told: Any) -> None:
        if asyncio.current_task() is me:
            said.append(told[2])

    event.listen(house.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(house.engine.sync_engine, "before_cursor_execute", note)


async def batch(house: House, receipts: list[str]) -> list[str]:
    """Have the desk take them all at once; returns what it asked of the database."""
    await come(house, receipts)
    async with asked(house) as said:
        assert await house.desk.work_once() == len(receipts)
    return said


async def test_many_payments_take_as_many_statements_as_few(house: House) -> None:
    club = await begun(house, 3)
    receipts = await waiting(house, club, 0, 20)
    async with house.closed_desk():
        await batch(house, receipts[:1])
        few, many = await batch(house, receipts[1:4]), await batch(house, receipts[4:])
    assert len(many) == len(few)
    assert sum("ledger_post" in said for said in many) == 1
    await house.rest()
    assert await fetch(house, "SELECT sum(paid) FROM due") == 20_000
    await club.right()


async def test_a_circle_is_read_again_only_when_somebody_else_has_changed_it(house: House) -> None:
    club = await begun(house, 3)
    receipts = await waiting(house, club, 0, 4)

    def reads(said: list[str]) -> bool:
        return any(" FROM due WHERE" in one for one in said)

    async with house.closed_desk():
        assert reads(await batch(house, receipts[:1]))
        assert not reads(await batch(house, receipts[1:2]))
        await execute(house, "UPDATE circle SET name = 'Sunrise'")
        assert reads(await batch(house, receipts[2:3]))
        assert not reads(await batch(house, receipts[3:]))
    assert await club.phones[2].saw("Sunrise")
    await club.right()


async def test_nothing_of_a_batch_that_failed_is_remembered(house: House) -> None:
    club = await begun(house, 3)
    receipts = await waiting(house, club, 0, 5)
    async with house.closed_desk():
        await batch(house, receipts[:1])
        await come(house, receipts[1:3])
        await come(house, receipts[3:4], currency="???")
        await house.desk.work_once()
        assert await fetch(house, "SELECT sum(paid) FROM due") == 1_000
        await come(house, receipts[4:])
        while await fetch(house, "SELECT count(*) FROM payment WHERE state = 'SETTLED'") != len(receipts) - 1:
            await house.desk.work_once()
    assert await fetch(house, "SELECT sum(paid) FROM due") == 4_000
    await execute(house, "UPDATE inbox SET parked_at = NULL, done_at = now() WHERE external_id LIKE '%???'")
    await club.right()


async def test_lines_of_a_statement_open_tickets_of_different_references(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are references of four characters, were there two characters."""
    monkeypatch.setattr(codes, "ALPHABET", "AB")
    line = {"kind": "line", "carrier": "sandbox", "amount": 1000, "currency": "JMD", "booked": "2027-01-04"}
    async with house.closed_desk():
        for already in (0, 8):
            for number in range(already, already + 8):
                body = line | {"line_id": f"{number:064}"}
                await house.filer.file([Filed("statement", f"line {number}", f"line:{number}", "event", body)])
            await house.desk.work_once()
            assert await fetch(house, "SELECT count(*) FROM ticket WHERE kind = 'match'") == already + 8
    await house.books_are_right()
