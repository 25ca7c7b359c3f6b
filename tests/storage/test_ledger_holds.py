"""Transfers in two steps: what is held, what it ends as, and what is refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.ledger import (
    Account,
    Hold,
    Transaction,
    Transfer,
    credit,
    payable,
    posted,
    pot,
    rail,
    reversal,
)
from domain.money import Currency
from storage import ledger
from storage.engine import make_engine
from storage.ledger import (
    AccountDiffers,
    AlreadyResolved,
    BelowFloor,
    Held,
    KeyReused,
    LedgerError,
    NotResolvable,
    Standing,
    available,
    hold,
    lock_and_read,
    lock_standings,
    open_holds,
    post,
    settle_constraints,
    void,
)

AT = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
CIRCLE = "PLUM22"
SANDBOX, OTHER = rail("sandbox", Currency.JMD), rail("other", Currency.JMD)
ANN, DUE = credit(CIRCLE, "ann"), payable(CIRCLE, 1)
PAYOUT = Hold("payout", "payout", Currency.JMD, DUE, SANDBOX, 60, CIRCLE)


def moved(key: str, debit: Account, credited: Account, amount: int) -> Transaction:
    return Transaction(key, "throw", Currency.JMD, (Transfer(debit, credited, amount),), CIRCLE)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database_url)
    yield made
    await made.dispose()


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """On it 100 stand with the rail and are payable. What is done ends with the test."""
    async with engine.connect() as connection:
        await post(connection, [moved("in", SANDBOX, DUE, 100)], AT)
        await settle_constraints(connection)
        yield connection


async def refused(conn: AsyncConnection, kind: type[LedgerError], act: Awaitable[None]) -> str:
    """Do it in a savepoint that has to fail; return whom the refusal names."""

    async def attempt() -> None:
        async with conn.begin_nested():
            await act
            await settle_constraints(conn)

    with pytest.raises(LedgerError) as caught:
        await attempt()
    assert type(caught.value) is kind
    return caught.value.subject


async def standings(conn: AsyncConnection, *accounts: Account) -> list[tuple[int, ...]]:
    found = await lock_standings(conn, (), [account.name for account in accounts])
    return [tuple(found.get(account.name, Standing(0, 0))) for account in accounts]


async def test_what_is_held_is_still_there_and_cannot_be_spent(conn: AsyncConnection) -> None:
    await hold(conn, [PAYOUT], AT)
    assert await standings(conn, DUE, SANDBOX) == [(100, 40), (100, 40)]
    assert await available(conn, [DUE.name, "nowhere"]) == {DUE.name: 40}
    assert await lock_and_read(conn, [CIRCLE]) == {DUE.name: 100}
    assert await refused(conn, BelowFloor, post(conn, [moved("more", DUE, ANN, 41)], AT)) == DUE.name
    with pytest.raises(BelowFloor, match=f"account {DUE.name} would fall to 59, below its floor of 0 with 60 held"):
        async with conn.begin_nested():
            await post(conn, [moved("more", DUE, ANN, 41)], AT)
    more = replace(PAYOUT, key="more", amount=41, credit=OTHER)
    assert await refused(conn, BelowFloor, hold(conn, [more], AT)) == DUE.name
    await post(conn, [moved("rest", DUE, ANN, 40)], AT)
    await settle_constraints(conn)
    assert await standings(conn, DUE, SANDBOX, ANN) == [(60, 0), (100, 40), (40, 40)]


@pytest.mark.parametrize("amount", [60, 25, None])
async def test_a_hold_is_posted_whole_or_in_part_and_the_rest_is_let_go(
    conn: AsyncConnection, amount: int | None
) -> None:
    await hold(conn, [PAYOUT], AT)
    paid = posted(PAYOUT, "paid", amount)
    left = 100 - (amount or 60)
    for _ in range(2):
        await post(conn, [paid], AT)
        await settle_constraints(conn)
        assert await standings(conn, DUE, SANDBOX) == [(left, left), (left, left)]
    assert await ledger.transaction(conn, "paid") == paid
    assert await ledger.held(conn, "payout") == Held(PAYOUT, "posted", "paid")


async def test_a_hold_that_is_voided_leaves_everything_as_it_was(conn: AsyncConnection) -> None:
    assert await ledger.held(conn, "payout") is None
    await hold(conn, [PAYOUT], AT)
    assert await open_holds(conn, CIRCLE) == [Held(PAYOUT, "open", None)]
    for _ in range(2):
        await void(conn, ["payout", "payout"], AT)
        await settle_constraints(conn)
        assert await standings(conn, DUE, SANDBOX) == [(100, 100), (100, 100)]
    assert await ledger.held(conn, "payout") == Held(PAYOUT, "voided", None)
    assert await open_holds(conn, CIRCLE) == []


async def test_it_ends_once_for_ever(conn: AsyncConnection) -> None:
    other, two = replace(PAYOUT, key="other", amount=10), replace(PAYOUT, key="two", amount=10)
    await hold(conn, [PAYOUT, other, two], AT)
    await post(conn, [posted(PAYOUT, "paid", 5)], AT)
    await void(conn, ["other"], AT)
    await settle_constraints(conn)
    for again in (
        post(conn, [posted(PAYOUT, "paid again", 5)], AT),
        void(conn, ["other", "payout"], AT),
        post(conn, [posted(PAYOUT, "paid", 5), posted(PAYOUT, "the rest", 55)], AT),
    ):
        assert await refused(conn, AlreadyResolved, again) == "payout"
    assert await refused(conn, AlreadyResolved, post(conn, [posted(other, "late")], AT)) == "other"
    twice = [posted(two, "once", 4), posted(two, "twice", 4)]
    assert await refused(conn, AlreadyResolved, post(conn, twice, AT)) == "two"
    await hold(conn, [PAYOUT, other], AT + timedelta(days=9))  # the same again is nothing new
    assert await standings(conn, DUE, SANDBOX) == [(95, 85), (95, 85)]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(posted(PAYOUT, "w"), transfers=(Transfer(DUE, SANDBOX, 61),)),
        replace(posted(PAYOUT, "w"), transfers=(Transfer(SANDBOX, DUE, 60),)),
        replace(posted(PAYOUT, "w"), transfers=(Transfer(DUE, ANN, 60),)),
        replace(posted(PAYOUT, "w"), transfers=(Transfer(ANN, SANDBOX, 1),)),
        replace(posted(PAYOUT, "w"), transfers=(Transfer(DUE, SANDBOX, 30), Transfer(DUE, SANDBOX, 30))),
        replace(posted(PAYOUT, "w"), resolves="nothing"),
    ],
)
async def test_it_is_posted_by_what_was_held_alone(conn: AsyncConnection, wrong: Transaction) -> None:
    await hold(conn, [PAYOUT], AT)
    await post(conn, [moved("ann", SANDBOX, ANN, 50)], AT)
    await settle_constraints(conn)
    assert await refused(conn, NotResolvable, post(conn, [wrong], AT)) == "w"
    assert await standings(conn, DUE) == [(100, 40)]


async def test_what_is_not_there_is_not_voided(conn: AsyncConnection) -> None:
    await hold(conn, [PAYOUT], AT)
    assert await refused(conn, NotResolvable, void(conn, ["payout", "nothing"], AT)) == "nothing"
    await void(conn, [], AT)
    await hold(conn, [], AT)
    assert await standings(conn, DUE) == [(100, 40)]


@pytest.mark.parametrize(
    "other",
    [
        replace(PAYOUT, amount=59),
        replace(PAYOUT, kind="fee"),
        replace(PAYOUT, circle=None),
        replace(PAYOUT, credit=OTHER),
        replace(PAYOUT, debit=SANDBOX, credit=DUE),
    ],
)
async def test_a_key_used_again_for_another_hold_is_caught(conn: AsyncConnection, other: Hold) -> None:
    await hold(conn, [PAYOUT], AT)
    assert await refused(conn, KeyReused, hold(conn, [other], AT)) == "payout"
    await void(conn, ["payout"], AT)
    assert await refused(conn, KeyReused, hold(conn, [other], AT)) == "payout"


async def test_a_transaction_that_resolves_is_another_than_one_that_does_not(conn: AsyncConnection) -> None:
    await hold(conn, [PAYOUT], AT)
    await post(conn, [posted(PAYOUT, "paid")], AT)
    bare = replace(posted(PAYOUT, "paid"), resolves=None)
    assert await refused(conn, KeyReused, post(conn, [bare], AT)) == "paid"


async def test_only_what_would_be_lowered_is_held(conn: AsyncConnection) -> None:
    await post(conn, [moved("ann", SANDBOX, ANN, 20)], AT)
    await hold(conn, [Hold("due", "due", Currency.JMD, ANN, pot(CIRCLE, 1), 20, CIRCLE)], AT)
    await hold(conn, [Hold("coming", "throw", Currency.JMD, SANDBOX, ANN, 10**9, CIRCLE)], AT)
    await hold(conn, [Hold("across", "move", Currency.JMD, OTHER, SANDBOX, 120, CIRCLE)], AT)
    assert await standings(conn, ANN, pot(CIRCLE, 1), SANDBOX, OTHER) == [(20, 0), (0, 0), (120, 0), (0, 0)]


async def test_an_account_may_go_to_its_own_floor_and_holds_count_against_it(conn: AsyncConnection) -> None:
    deep = replace(SANDBOX, name="deep", floor=-50)
    await post(conn, [moved("a", DUE, deep, 20)], AT)
    await hold(conn, [replace(PAYOUT, credit=deep, amount=30)], AT)
    assert await standings(conn, deep) == [(-20, -50)]
    assert await refused(conn, BelowFloor, post(conn, [moved("b", DUE, deep, 1)], AT)) == "deep"
    await void(conn, ["payout"], AT)
    await post(conn, [moved("b", DUE, deep, 30)], AT)
    assert await refused(conn, AccountDiffers, post(conn, [moved("c", replace(deep, floor=0), DUE, 1)], AT)) == "deep"
    differing = replace(PAYOUT, key="d", credit=replace(deep, floor=-51))
    assert await refused(conn, AccountDiffers, hold(conn, [differing], AT)) == "deep"


async def test_what_was_posted_from_a_hold_is_taken_back_and_the_hold_stays_ended(conn: AsyncConnection) -> None:
    """A bank returns a payout (a day later)."""
    await hold(conn, [PAYOUT], AT)
    await post(conn, [posted(PAYOUT, "paid")], AT)
    back = reversal(posted(PAYOUT, "paid"), "returned")
    await post(conn, [back], AT)
    await settle_constraints(conn)
    assert await standings(conn, DUE, SANDBOX) == [(100, 100), (100, 100)]
    assert await ledger.held(conn, "payout") == Held(PAYOUT, "posted", "paid")
    assert await ledger.transaction(conn, "returned") == back
    assert await refused(conn, AlreadyResolved, post(conn, [posted(PAYOUT, "paid anew")], AT)) == "payout"
    again = replace(PAYOUT, key="again")
    await hold(conn, [again], AT)
    await post(conn, [posted(again, "paid anew")], AT)
    await settle_constraints(conn)
    assert await standings(conn, DUE, SANDBOX) == [(40, 40), (40, 40)]


async def test_a_call_lets_go_of_all_that_it_resolves_before_its_first_posting(conn: AsyncConnection) -> None:
    first, second = replace(PAYOUT, amount=50), replace(PAYOUT, key="second", amount=50)
    await hold(conn, [first, second], AT)
    await post(conn, [posted(second, "p2", 20), moved("between", DUE, ANN, 30), posted(first, "p1")], AT)
    await settle_constraints(conn)
    assert await standings(conn, DUE, ANN, SANDBOX) == [(0, 0), (30, 30), (30, 30)]


async def test_many_holds_take_as_few_statements_as_one(conn: AsyncConnection) -> None:
    many = [replace(PAYOUT, key=f"p{number}", amount=1) for number in range(100)]
    await hold(conn, many, AT)
    assert await standings(conn, DUE) == [(100, 0)]
    await post(conn, [posted(made, f"{made.key} paid") for made in many[:50]], AT)
    await void(conn, [made.key for made in many[50:]], AT)
    await settle_constraints(conn)
    assert await standings(conn, DUE) == [(50, 50)]
    lines = await conn.execute(text("SELECT count(*), count(DISTINCT account) FROM ledger_held"))
    assert tuple(lines.one()) == (400, 2)


async def test_the_last_of_what_is_available_is_held_once(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await post(conn, [moved("in", SANDBOX, DUE, 100)], AT)

    async def session(number: int) -> bool:
        try:
            async with engine.begin() as conn:
                await hold(conn, [replace(PAYOUT, key=str(number))], AT)
        except BelowFloor:
            return False
        return True

    assert sorted(await asyncio.gather(*(session(number) for number in range(6)))) == [False] * 5 + [True]


async def test_of_posting_and_voiding_at_once_one_is_too_late(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await post(conn, [moved("in", SANDBOX, DUE, 100)], AT)

    async def attempt(act: str, made: Hold) -> bool:
        try:
            async with engine.begin() as conn:
                if act == "void":
                    await void(conn, [made.key], AT)
                else:
                    await post(conn, [posted(made, f"{made.key} {act}", 1)], AT)
        except AlreadyResolved:
            return False
        return True

    for number in range(10):
        made = replace(PAYOUT, key=str(number), amount=1)
        async with engine.begin() as conn:
            await hold(conn, [made], AT)
        acts = await asyncio.gather(*(attempt(act, made) for act in ("paid", "void", "sent")))
        assert sorted(acts) == [False, False, True]


async def test_a_hold_that_is_not_committed_when_a_void_begins_is_not_voided(engine: AsyncEngine) -> None:
    """Its accounts would not be among those that are locked, and two would write their next line."""
    early, late = replace(PAYOUT, key="early", amount=1), replace(PAYOUT, key="late", amount=1)
    async with engine.begin() as conn:
        await post(conn, [moved("in", SANDBOX, DUE, 100)], AT)
        await hold(conn, [early], AT)

    async def both() -> None:
        async with engine.begin() as conn:
            await void(conn, ["early", "late"], AT)

    async with engine.begin() as conn:
        await hold(conn, [late], AT)
        with pytest.raises(NotResolvable):  # at once, without a lock that this transaction has
            await asyncio.wait_for(both(), 5)
    await both()
