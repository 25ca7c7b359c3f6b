"""The reserve and the banker's cover: what fills a short pot, and how it comes back (rules.md 28, 36, 49).

Whatever stands in for a throw is noted on its due, which is owed all the same. When the money comes after all, it tops
up the earliest drawer who is still short, then goes back to where it came from: the reserve, or the banker, to whom the
circle owes it like the fee.
"""

from collections.abc import Iterable
from dataclasses import replace

from bot.actions import drawers, fees
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, say, text
from domain import commands as c
from domain import ledger
from domain.ledger import Account, Transfer
from domain.pardna import OVER, Circle, CircleState, Draw, DrawState, Due, Round, pro_rata
from domain.payments import Payment

MAY_FILL = frozenset({DrawState.READY, DrawState.SHORT, DrawState.PAYING})


def missing(turn: Turn, circle: Circle, number: int) -> int:
    """Return what the drawers of a round are still to have and its pot has not, from its payout date on."""
    draws = drawers.draws_of(turn, circle, number)
    held = circle.state is CircleState.COMPLETED and any(d.state is DrawState.HELD for d in draws)
    if drawers.still_taking(turn.book.must(Round, circle.code, number)):
        return 0
    return drawers.missing(turn, circle, number) if held or any(d.state in MAY_FILL for d in draws) else 0


def short_rounds(turn: Turn, circle: Circle) -> dict[int, int]:
    """Return by number, the earliest first, the rounds whose pots are short, and by how much."""
    found = {n: missing(turn, circle, n) for n in sorted(turn.book.rounds(circle.code))}
    return {number: amount for number, amount in found.items() if amount}


def _bare(turn: Turn, circle: Circle, number: int) -> list[Due]:
    """Return the dues of a round for which nobody's money is in its pot."""
    return [d for d in turn.book.all(Due, circle=circle.code, round=number) if d.bare]


def stand_in(turn: Turn, circle: Circle, number: int, amount: int, by: str = "") -> None:
    """Note on the dues that are missing what stands in for them, pro rata to what of each is (50).

    It is the reserve's, or of the banker who covers (`by`).
    """
    dues = {d.hand: d for d in _bare(turn, circle, number)}
    for hand, part in pro_rata(amount, {hand: d.bare for hand, d in dues.items()}).items():
        due = dues[hand]
        if part and by:
            turn.book.put(replace(due, cover=due.cover + part, covered_by=by))
        elif part:
            turn.book.put(replace(due, reserve=due.reserve + part))


def _fillable(turn: Turn, circle: Circle, number: int, short: int) -> int:
    """Return what of a short pot may be filled: no more than is missing of its throws."""
    return min(short, sum(d.bare for d in _bare(turn, circle, number)))


# -- the reserve ----------------------------------------------------------------------------------------------


def keep_reserve(turn: Turn, circle: Circle, number: int) -> None:
    """Keep what a round's draws leave in the reserve: after the drawer and the fee, as far as it is there (36, 49)."""
    for draw in drawers.draws_of(turn, circle, number):
        if draw.state is DrawState.DONE and draw.fee_paid == draw.fee:
            _keep(turn, circle, draw)


def _keep(turn: Turn, circle: Circle, draw: Draw) -> None:
    amount = min(draw.reserve - draw.reserve_paid, drawers.spare(turn, circle, draw.round))
    if amount > 0:
        key = f"reserve:{circle.code}:{draw.round}:{draw.hand}:{draw.reserve_paid}"
        pot = ledger.pot(circle.code, draw.round)
        turn.post(key, "reserve", circle, Transfer(pot, ledger.reserve(circle.code), amount))
        turn.book.put(replace(draw, reserve_paid=draw.reserve_paid + amount))


def fill(turn: Turn, circle: Circle) -> list[int]:
    """Fill short pots out of the reserve, the earliest first. Returns the rounds that got something."""
    circle, reserve, filled = turn.book.circle(circle.code), ledger.reserve(circle.code), []
    if not turn.book.balance(reserve):
        return []
    for number, short in short_rounds(turn, circle).items():
        if amount := min(_fillable(turn, circle, number, short), turn.book.balance(reserve)):
            moved = Transfer(reserve, ledger.pot(circle.code, number), amount)
            turn.post(f"reserve-fill:{turn.tools.new_id()}", "cover", circle, moved)
            stand_in(turn, circle, number, amount)
            if number <= circle.turns:
                _say_filled(turn, circle, number, amount)
            filled.append(number)
    share_later(turn, circle)
    return filled


def _say_filled(turn: Turn, circle: Circle, number: int, amount: int) -> None:
    figures: dict[str, Figure] = {"circle": circle.name, "round": number, "amount": circle.money(amount)}
    who = drawers.people(turn, circle, number)
    turn.tell(circle.banker_id, say("reserve_filled", who=drawers.together(turn, who), **figures))


def share_later(turn: Turn, circle: Circle) -> None:
    """Have what is left in the reserve of a circle that is over given back to all hands (49)."""
    if circle.state in OVER and turn.book.balance(ledger.reserve(circle.code)):
        key = f"share_reserve:{circle.code}:{turn.tools.new_id()}"
        turn.plan(key, turn.at, f"circle:{circle.code}", c.ShareReserve(circle.code))


# -- coming back ----------------------------------------------------------------------------------------------


def give_back(turn: Turn, circle: Circle, numbers: Iterable[int]) -> list[int]:
    """Let money that came for these rounds take the place of what stood in for it. Returns the rounds topped up.

    It goes to the earliest pot that is still short, then back to the reserve, then to the banker (rules.md 36).
    """
    topped: list[int] = []
    for due in (d for n in numbers for d in turn.book.all(Due, circle=circle.code, round=n) if d.too_much):
        topped += _give_back(turn, circle, due)
    return topped


def _give_back(turn: Turn, circle: Circle, due: Due) -> list[int]:
    topped: list[int] = []
    if part := min(due.too_much, due.reserve):
        due = replace(due, reserve=due.reserve - part)
        turn.book.put(due)
        topped += _move_on(turn, circle, due.round, part)
    if part := min(due.too_much, due.cover):
        turn.book.put(replace(due, cover=due.cover - part))
        topped += _move_on(turn, circle, due.round, part, due.covered_by)
    return topped


def _move_on(turn: Turn, circle: Circle, number: int, amount: int, by: str = "") -> list[int]:
    """Move what stood in for a throw of one round on: to other short pots, the rest home."""
    topped, pot = [], ledger.pot(circle.code, number)
    for other, short in short_rounds(turn, circle).items():
        if part := min(amount, _fillable(turn, circle, other, short)):
            if other != number:
                _post(turn, circle, pot, ledger.pot(circle.code, other), part)
            stand_in(turn, circle, other, part, by)
            topped.append(other)
            amount -= part
    if amount and by:
        _pay_back(turn, circle, number, amount, by)
    elif amount:
        _post(turn, circle, pot, ledger.reserve(circle.code), amount)
        share_later(turn, circle)
    return topped


def _pay_back(turn: Turn, circle: Circle, number: int, amount: int, by: str) -> None:
    """Let what a banker covered be owed to them like the fee, or be their credit when another banks by now (47)."""
    now = by == circle.banker_id
    home = ledger.fee(circle.code) if now else ledger.credit(circle.code, by)
    _post(turn, circle, ledger.pot(circle.code, number), home, amount)
    turn.tell(by, say("cover_back", amount=circle.money(amount), circle=circle.name, round=number))
    if now:
        fees.pay(turn, circle)


def _post(turn: Turn, circle: Circle, debit: Account, credit: Account, amount: int) -> None:
    turn.post(f"cover-moved:{turn.tools.new_id()}", "cover", circle, Transfer(debit, credit, amount))


# -- the banker's cover ---------------------------------------------------------------------------------------


def take(turn: Turn, circle: Circle, payment: Payment, source: Account) -> list[int]:
    """Put money of the banker's into the short pots, the earliest first; what is too much is owed to the banker."""
    owed, left = ledger.fee(circle.code), payment.amount
    into: list[Transfer] = []
    for number, short in short_rounds(turn, circle).items():
        if part := min(left, _fillable(turn, circle, number, short)):
            into.append(Transfer(owed, ledger.pot(circle.code, number), part))
            stand_in(turn, circle, number, part, circle.banker_id)
            _tell_covered(turn, circle, number, part)
            left -= part
    turn.post(f"cover:{payment.receipt}", "cover", circle, Transfer(source, owed, payment.amount), *into)
    figures: dict[str, Figure] = {"circle": circle.name, "amount": circle.money(payment.amount - left)}
    done = say(
        "covered", Answer(f"PAY OUT {circle.code}", f"PAY OUT {circle.code}"), receipt=payment.receipt, **figures
    )
    if left:
        done = replace(done, texts=(*done.texts, text("cover_over", amount=circle.money(left))))
    turn.tell(circle.banker_id, done)
    return [int(t.credit.name.rsplit(":", 1)[1]) for t in into]


def _tell_covered(turn: Turn, circle: Circle, number: int, amount: int) -> None:
    banker = turn.book.person(circle.banker_id).first_name
    for person in drawers.people(turn, circle, number):
        if person != circle.banker_id:
            told = say("covered_told", banker=banker, amount=circle.money(amount), circle=circle.name, round=number)
            turn.tell(person, told)
