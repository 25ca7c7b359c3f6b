"""Pots and the cash behind them: what is there, what is spoken for, and whom it concerns when money comes in."""

from dataclasses import replace
from datetime import date

from bot.actions import fees
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, say
from domain import ledger
from domain.pardna import BEFORE_GRACE_ENDS, Circle, Draw, DrawState, Due, Hand, Round, RoundState
from domain.schedule import cut_off, local_date


def pot(turn: Turn, circle: Circle, number: int) -> int:
    """Return the money that is in a round's pot now."""
    return turn.book.balance(ledger.pot(circle.code, number))


def thrown(turn: Turn, circle: Circle, number: int) -> int:
    """Return what was thrown for a round, whether or not it was drawn already."""
    return sum(d.paid for d in turn.book.all(Due, circle=circle.code, round=number))


def drawing(turn: Turn, circle: Circle, number: int) -> Hand:
    """Return the hand that draws in a round."""
    return next(h for h in turn.book.hands(circle.code) if h.turn == number)


def next_draw(turn: Turn, circle: Circle) -> tuple[str, date] | None:
    """Return who draws next and when: the first payout date to come of a round that has not been paid out."""
    today = local_date(turn.at)
    for number, round_ in sorted(turn.book.rounds(circle.code).items()):
        draw = turn.book.get(Draw, circle.code, number)
        if round_.pays_on >= today and not (draw and draw.state is DrawState.DONE):
            return turn.book.person(drawing(turn, circle, number).person_id).first_name, round_.pays_on
    return None


def pay_out_answer(circle: Circle) -> Answer:
    """Offer PAY OUT."""
    return Answer(f"PAY OUT {circle.code}", f"PAY OUT {circle.code}")


def money_came(turn: Turn, circle: Circle, numbers: list[int]) -> None:
    """Tell whom it concerns that money came into these rounds' pots: full, late for one paid short, or for the fee."""
    for number in numbers:
        _came_for(turn, circle, turn.book.must(Round, circle.code, number))


def _came_for(turn: Turn, circle: Circle, round_: Round) -> None:
    match round_.state:
        case RoundState.PAID:
            fees.earn(turn, circle, round_.number)
        case RoundState.PAID_SHORT:
            say_top_up(turn, circle, round_.number)
        case RoundState.CLOSED | RoundState.OPEN | RoundState.GRACE if _full(turn, circle, round_):
            _say_full(turn, circle, round_)


def _full(turn: Turn, circle: Circle, round_: Round) -> bool:
    return not any(d.left for d in turn.book.all(Due, circle=circle.code, round=round_.number))


def _say_full(turn: Turn, circle: Circle, round_: Round) -> None:
    drawer = turn.book.person(drawing(turn, circle, round_.number).person_id)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "round": round_.number,
        "pot": circle.money(circle.gross),
        "who": drawer.first_name,
        "due": round_.due,
    }
    turn.tell(circle.banker_id, say("pot_full_banker", pay_out_answer(circle), code=circle.code, **figures))
    if drawer.id != circle.banker_id:
        turn.tell(drawer.id, say("pot_full", **figures))


def say_top_up(turn: Turn, circle: Circle, number: int) -> None:
    """Late money is there for a drawer who was paid short: the banker may pay it out (rules.md 36)."""
    draw = turn.book.get(Draw, circle.code, number)
    there = pot(turn, circle, number)
    if draw is None or draw.state is not DrawState.SHORT or not there:
        return
    figures: dict[str, Figure] = {
        "who": turn.book.person(draw.person_id).first_name,
        "amount": circle.money(min(draw.owed, there), round=number),
        "circle": circle.name,
    }
    turn.tell(circle.banker_id, say("top_up", pay_out_answer(circle), code=circle.code, **figures))


def reopen(turn: Turn, round_: Round) -> None:
    """Put a round that is not paid after all back to where its dates put it, until its payout date (rules.md 19, 20).

    It closes with the clock's next step, which tells those who missed it.
    """
    if round_.state is RoundState.PAYING and local_date(turn.at) < round_.pays_on:
        state = RoundState.OPEN if turn.at < cut_off(round_.due) else RoundState.GRACE
        turn.book.put(replace(round_, state=state))


def still_taking(round_: Round) -> bool:
    """Whether throws for a round are still in time."""
    return round_.state in BEFORE_GRACE_ENDS
