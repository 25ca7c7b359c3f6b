"""What an early end leaves between a circle and its members (rules.md 48). Pure functions of its rows."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from domain.pardna import Circle, Draw, DrawState, Due, Hand


def own_round(circle: Circle) -> int:
    """Return the number that members' own money, not used for any throw, goes back under."""
    return circle.turns + 1


def last_round(circle: Circle) -> int:
    """Return the number of the reckoning: those who drew more than they threw throw into it, the others draw of it."""
    return circle.turns + 2


def cut(draw: Draw) -> Draw:
    """Return a draw as it ends: its gross is what its pot really gave for it, to whomever (48)."""
    held = draw.state is DrawState.HELD
    offsets = 0 if held else draw.offset_throw + draw.offset_arrears + draw.offset_late
    return replace(
        draw,
        state=DrawState.DONE,
        held_for="",
        gross=draw.paid + draw.fee_paid + draw.reserve_paid + offsets,
        fee=draw.fee_paid,
        reserve=draw.reserve_paid,
        offset_throw=0 if held else draw.offset_throw,
        offset_arrears=0 if held else draw.offset_arrears,
        offset_late=0 if held else draw.offset_late,
        net=draw.paid,
    )


def positions(hands: Iterable[Hand], dues: Iterable[Due], draws: Iterable[Draw]) -> Mapping[int, int]:
    """Return thrown less gross drawn, under the first hand of each member: below zero is owed, above it is to come.

    Late fees come back too when nobody has drawn yet, and what somebody covered as banker counts as thrown by them.
    What one member's hands come to is one sum.
    """
    first: dict[str, int] = {}
    for hand in sorted(hands, key=lambda h: h.number):
        first.setdefault(hand.person_id, hand.number)
    owner = {hand.number: first[hand.person_id] for hand in hands}
    ended = [cut(draw) for draw in draws]
    untouched = not any(draw.net for draw in ended)
    net = dict.fromkeys(first.values(), 0)
    for due in dues:
        net[owner[due.hand]] += due.paid + (due.late_paid if untouched else 0)
        if due.covered_by in first:
            net[first[due.covered_by]] += due.cover
    for draw in ended:
        net[owner[draw.hand]] -= draw.gross
    return net
