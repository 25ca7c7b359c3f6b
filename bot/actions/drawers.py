"""Who draws in a round, one whole hand or two halves, and what of its pot is whose (rules.md 6, 8, 10)."""

from collections.abc import Iterable
from dataclasses import replace

from bot.actions.turn import Turn
from domain import ledger
from domain.pardna import BEFORE_GRACE_ENDS, Circle, Draw, DrawState, Hand, Round, make_draw, round_state, share
from domain.payments import OPEN_PAYOUTS, Payout, PayoutState

POSTED = OPEN_PAYOUTS - {PayoutState.ASKED}
"""Payouts whose money has left the pot and is not counted as drawn yet."""


def pot(turn: Turn, circle: Circle, number: int) -> int:
    """Return the money that is in a round's pot now."""
    return turn.book.balance(ledger.pot(circle.code, number))


def hands_of(turn: Turn, circle: Circle, number: int) -> list[Hand]:
    """Return the hands that draw in a round: a whole one, or two halves by their numbers.

    After an early end all that have a share draw of one pot (rules.md 48).
    """
    if number > circle.turns:
        shares = {draw.hand for draw in draws_of(turn, circle, number)}
        return [h for h in turn.book.hands(circle.code) if h.number in shares]
    return [h for h in turn.book.hands(circle.code) if h.turn == number]


def people(turn: Turn, circle: Circle, number: int) -> list[str]:
    """Return who draws in a round."""
    return list(dict.fromkeys(hand.person_id for hand in hands_of(turn, circle, number)))


def names(turn: Turn, circle: Circle, number: int) -> str:
    """Return who draws in a round, by first names."""
    return together(turn, people(turn, circle, number))


def together(turn: Turn, persons: Iterable[str]) -> str:
    """Name people in one breath: `Devon & Kay`."""
    return " & ".join(turn.book.person(person).first_name for person in dict.fromkeys(persons))


def draws_of(turn: Turn, circle: Circle, number: int) -> list[Draw]:
    """Return the draws of a round, by the numbers of their hands; none before they are worked out."""
    return turn.book.all(Draw, circle=circle.code, round=number)


def shares(turn: Turn, circle: Circle, number: int) -> dict[int, int]:
    """Return by the numbers of the hands that draw in a round what each may take of its pot now.

    What a held half will take stays in the pot for it.
    """
    return share(pot(turn, circle, number), *_claims(turn, circle, number))


def missing(turn: Turn, circle: Circle, number: int) -> int:
    """Return what those who draw in a round are still to take of its pot, and is not in it."""
    taken, wanted = _claims(turn, circle, number)
    return max(sum(wanted.values()) - sum(taken.values()) - pot(turn, circle, number), 0)


def spare(turn: Turn, circle: Circle, number: int) -> int:
    """Return what is in a round's pot and no drawer of it is still to have."""
    return pot(turn, circle, number) - sum(shares(turn, circle, number).values())


def still_taking(round_: Round) -> bool:
    """Whether throws for a round are still in time."""
    return round_.state in BEFORE_GRACE_ENDS


def _claims(turn: Turn, circle: Circle, number: int) -> tuple[dict[int, int], dict[int, int]]:
    """Return by the numbers of the hands what each has had of the pot, and what it is to have in all."""
    taken, wanted = {}, {}
    for hand in hands_of(turn, circle, number):
        draw = turn.book.get(Draw, circle.code, number, hand.number)
        if draw is None or draw.state is DrawState.HELD:
            dues = turn.book.dues_of(circle.code, hand.person_id)
            taken[hand.number], wanted[hand.number] = 0, make_draw(circle, hand, dues, 0, ()).wanted
        else:
            taken[hand.number], wanted[hand.number] = _taken(turn, draw), draw.wanted
    return taken, wanted


def there_for(turn: Turn, circle: Circle, draw: Draw) -> int:
    """Return what of a draw may be paid now."""
    return min(draw.owed, shares(turn, circle, draw.round)[draw.hand])


def _taken(turn: Turn, draw: Draw) -> int:
    """Return what of the pot a draw has had: paid, on its way, or gone to arrears."""
    out = turn.book.all(Payout, circle=draw.circle, round=draw.round, hand=draw.hand, kind="draw")
    return draw.offset_arrears + draw.offset_late + draw.paid + sum(p.amount for p in out if p.state in POSTED)


def come_to(turn: Turn, circle: Circle, number: int) -> None:
    """Put a round into the state that all of its draws come to (rules.md 20)."""
    state = round_state(draws_of(turn, circle, number))
    turn.book.put(replace(turn.book.must(Round, circle.code, number), state=state))
