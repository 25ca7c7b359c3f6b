"""A turn is one whole hand or two halves (rules.md 6), whatever the code says."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.engine import Engine, make_engine

CIRCLE = """
    INSERT INTO circle (code, name, banker_id, state, currency, throw, frequency, turns, first_due, order_by, made_at)
    VALUES ('ABC234', 'Hope', 'm', 'OPEN', 'JMD', 500000, 'weekly', 4, '2026-12-01', 'join order', now())
"""
MEMBER = """
    INSERT INTO member (circle, person_id, halves, state, agreed_hash, asked_at)
    VALUES ('ABC234', :p, 6, 'IN', '', now())
"""
HAND = "INSERT INTO hand (circle, number, person_id, turn, halves) VALUES ('ABC234', :n, :p, :t, :h)"


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    engine = make_engine(database_url)
    async with engine.begin() as conn:
        for person in ("m", "d", "k"):
            await conn.execute(text("INSERT INTO person (id, name, created_at) VALUES (:p, :p, now())"), {"p": person})
        await conn.execute(text(CIRCLE))
        for person in ("m", "d", "k"):
            await conn.execute(text(MEMBER), {"p": person})
    yield engine
    await engine.dispose()


async def put(engine: Engine, *hands: tuple[int, str, int, int]) -> None:
    async with engine.begin() as conn:
        for number, person, turn, halves in hands:
            await conn.execute(text(HAND), {"n": number, "p": person, "t": turn, "h": halves})


async def test_two_halves_share_a_turn_and_hands_may_change_places(engine: Engine) -> None:
    await put(engine, (1, "m", 1, 2), (2, "d", 2, 1), (3, "k", 2, 1))
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE hand SET turn = 3 - turn"))


@pytest.mark.parametrize("third", [(3, "k", 1, 1), (3, "k", 1, 2), (3, "k", 2, 2)])
async def test_no_turn_holds_more_than_a_whole_hand(engine: Engine, third: tuple[int, str, int, int]) -> None:
    with pytest.raises(IntegrityError, match="is taken"):
        await put(engine, (1, "m", 1, 2), (2, "d", 2, 1), third)


@pytest.mark.parametrize("halves", [0, 3])
async def test_a_hand_is_whole_or_half(engine: Engine, halves: int) -> None:
    with pytest.raises(IntegrityError, match="hand_halves_check"):
        await put(engine, (1, "m", 1, halves))
