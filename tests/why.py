"""Whether every figure of money that people were shown can be explained: its lines add up to it."""

from sqlalchemy import text

from domain.money import Currency, Money
from domain.pardna import Circle
from domain.reckoning import explain
from domain.why import Books, Move, Of, Origin, Part, Shown
from storage import figures, tables
from storage.codec import load
from tests.teller import House

OF_A_CIRCLE = (tables.HAND, tables.ROUND, tables.DUE, tables.DRAW, tables.PAYOUT)
HOLLOW = frozenset({"asked", "told", "agreed"})
"""Lines that say of an amount no more than that it was said."""


async def books(house: House, code: str) -> Books:
    """Return a circle as WHY explains by it."""
    async with house.engine.connect() as conn:
        of = {table: await load(conn, table, "circle = ANY(:c)", c=[code]) for table in OF_A_CIRCLE}
        circle: Circle = (await load(conn, tables.CIRCLE, "code = ANY(:c)", c=[code]))[0]
        moves = [Move(*row[1:]) for row in await conn.execute(figures.MOVES, {"circles": [code]})]
    rounds = {r.number: r for r in of[tables.ROUND]}
    return Books(circle, of[tables.HAND], rounds, of[tables.DUE], of[tables.DRAW], of[tables.PAYOUT], moves)


async def every_figure(house: House) -> list[tuple[Shown, tuple[Part, ...] | None]]:
    """Return each figure that anybody was shown, with its lines."""
    async with house.engine.connect() as conn:
        rows = (await conn.execute(text("SELECT * FROM figure_shown ORDER BY id"))).all()
    shown = [
        Shown(
            r.id,
            Money(r.minor, Currency(r.currency)),
            Origin(Of(r.kind), r.circle, r.whose, r.round, r.ref),
            r.shown_at,
        )
        for r in rows
    ]
    known = {code: await books(house, code) for code in {one.origin.circle for one in shown}}
    return [(one, explain(one, known[one.origin.circle])) for one in shown]


async def figures_add_up(house: House) -> set[Of]:
    """Hold every figure that was shown against its lines; returns what kinds there were."""
    every = await every_figure(house)
    assert every
    unexplained = [f"{one.money.text()} {one.origin} {one.at}" for one, lines in every if lines is None]
    assert not unexplained, "\n".join(unexplained)
    for one, lines in every:
        assert lines is not None
        assert sum(line.minor for line in lines) == one.money.minor
    return {one.origin.of for one, _ in every}
