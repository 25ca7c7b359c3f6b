"""Pots: what was thrown for them, who draws next, and whom it concerns when money comes in."""

from dataclasses import replace
from datetime import date

from bot.actions import covering, drawers, fees
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, say
from domain.pardna import Circle, DrawState, Due, Round, RoundState
from domain.schedule import cut_off, local_date


def thrown(turn: Turn, circle: Circle, number: int) -> int:
    """Return what was thrown for a round, whether or not it was drawn already."""
    return sum(d.paid for d in turn.book.all(Due, circle=circle.code, round=number))


def next_draw(turn: Turn, circle: Circle) -> tuple[str, date] | None:
    """Return who draws next and when: the first payout date to come of a round that has not been paid out."""
    today = local_date(turn.at)
    for number, round_ in sorted(turn.book.rounds(circle.code).items()):
        if round_.pays_on >= today and round_.state is not RoundState.PAID:
            return drawers.names(turn, circle, number), round_.pays_on
    return None


def pay_out_answer(circle: Circle) -> Answer:
    """Offer PAY OUT."""
    return Answer(f"PAY OUT {circle.code}", f"PAY OUT {circle.code}")


def money_came(turn: Turn, circle: Circle, numbers: list[int]) -> None:
    """Tell whom it concerns that money came into these rounds' pots: full, late for one paid short, or for the fee.

    What stood in for it gives way first (rules.md 36).
    """
    topped = covering.give_back(turn, circle, numbers)
    for number in sorted({*numbers, *topped}):
        _came_for(turn, circle, turn.book.must(Round, circle.code, number))
    fill(turn, circle)


def _came_for(turn: Turn, circle: Circle, round_: Round) -> None:
    if round_.state in {RoundState.CLOSED, RoundState.OPEN, RoundState.GRACE} and _full(turn, circle, round_):
        _say_full(turn, circle, round_)
    say_top_up(turn, circle, round_.number)
    earn(turn, circle, round_.number)


def earn(turn: Turn, circle: Circle, number: int) -> None:
    """Take a round's fee and what it leaves in the reserve, which may fill another pot that is short (rules.md 36)."""
    fees.earn(turn, circle, number)
    covering.keep_reserve(turn, circle, number)
    fill(turn, circle)


def fill(turn: Turn, circle: Circle) -> None:
    """Fill short pots out of the reserve, and say so where that tops up a drawer who was paid short (rules.md 36)."""
    for filled in covering.fill(turn, circle):
        say_top_up(turn, circle, filled)


def _full(turn: Turn, circle: Circle, round_: Round) -> bool:
    return not any(d.left for d in turn.book.all(Due, circle=circle.code, round=round_.number))


def _say_full(turn: Turn, circle: Circle, round_: Round) -> None:
    people = drawers.people(turn, circle, round_.number)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "round": round_.number,
        "pot": circle.money(circle.gross),
        "due": round_.due,
    }
    full = say(
        "pot_full_banker", pay_out_answer(circle), code=circle.code, who=drawers.together(turn, people), **figures
    )
    turn.tell(circle.banker_id, full)
    for person in people:
        if person != circle.banker_id:
            turn.tell(person, say("pot_full", who=turn.book.person(person).first_name, **figures))


def say_top_up(turn: Turn, circle: Circle, number: int) -> None:
    """Late money is there for a drawer who was paid short: the banker may pay it out (rules.md 36)."""
    short = [d for d in drawers.draws_of(turn, circle, number) if d.state is DrawState.SHORT]
    there = {d.person_id: part for d in short if (part := drawers.there_for(turn, circle, d))}
    if not there:
        return
    figures: dict[str, Figure] = {
        "who": drawers.together(turn, there),
        "amount": circle.money(sum(there.values()), round=number),
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
