"""The end of a circle: every turn paid, or what is open listed as debts and liabilities (rules.md 51).

A circle that is over opens no round and reminds nobody, but takes what is still owed and pays what it owes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.actions import covering, misses
from bot.actions.turn import Turn
from bot.words.say import Answer, Say, Text, say, text
from domain import ledger
from domain.pardna import Circle, CircleState, Draw, DrawState, MemberState, become, is_over
from domain.schedule import local_date


@dataclass(frozen=True, slots=True)
class Open:
    """What is open between a circle that ends and one person."""

    owes: int
    late: int
    is_owed: int
    held: bool
    credit: int


def end_if_over(turn: Turn, circle: Circle) -> None:
    """Complete the circle when nothing more will happen by itself, and tell each member."""
    circle = turn.book.circle(circle.code)
    rounds = turn.book.rounds(circle.code).values()
    if circle.state is not CircleState.ACTIVE or not is_over(circle, rounds, local_date(turn.at)):
        return
    turn.book.put(replace(become(circle, CircleState.COMPLETED), ended_at=turn.at))
    members = {m.person_id for m in turn.book.members(circle.code) if m.state is MemberState.IN}
    still = {person: _open(turn, circle, person) for person in sorted(members)}
    for person, left in still.items():
        turn.tell(person, _ended(turn, circle, person, left))
    _tell_banker(turn, circle, members, still.items())
    covering.share_later(turn, turn.book.circle(circle.code))


def _open(turn: Turn, circle: Circle, person: str) -> Open:
    draws, debt = turn.book.all(Draw, circle=circle.code, person_id=person), ledger.debt(circle.code, person)
    return Open(
        owes=sum(d.left for d in turn.book.dues_of(circle.code, person)) + turn.book.balance(debt),
        late=misses.late_left(turn, circle, person),
        is_owed=sum(d.owed for d in draws),
        held=any(d.state is DrawState.HELD for d in draws),
        credit=turn.book.balance(ledger.credit(circle.code, person)),
    )


def _ended(turn: Turn, circle: Circle, person: str, left: Open) -> Say:
    """Say what a member threw and drew, and what is still open on either side."""
    thrown = sum(d.paid for d in turn.book.dues_of(circle.code, person))
    drawn = sum(d.paid for d in turn.book.all(Draw, circle=circle.code, person_id=person))
    lines = [text("complete", circle=circle.name, thrown=circle.money(thrown), drawn=circle.money(drawn))]
    answers: tuple[Answer, ...] = ()
    if left.owes:
        lines.append(text("still_owe", amount=circle.money(left.owes), code=circle.code))
        answers = (Answer(f"PAY {circle.code}", text("menu_pay")),)
    if left.late:
        lines.append(text("receipt_late", amount=circle.money(left.late)))
    if left.is_owed and left.held:
        lines.append(text("draw_held_trn", amount=circle.money(left.is_owed), circle=circle.name))
    elif left.is_owed:
        lines.append(text("received_short", owed=circle.money(left.is_owed)))
    if left.credit:
        lines.append(text("still_credit", amount=circle.money(left.credit)))
    lines.append(text("ended_statement", code=circle.code))
    return Say(tuple(lines), answers)


def _tell_banker(turn: Turn, circle: Circle, members: set[str], still: Iterable[tuple[str, Open]]) -> None:
    lines: list[Text] = []
    for person, left in still:
        who = turn.book.person(person).first_name
        if left.owes:
            lines.append(text("line_owes", who=who, amount=circle.money(left.owes, whose=person)))
        if left.late:
            lines.append(text("line_late", who=who, amount=circle.money(left.late, whose=person)))
        if left.is_owed:
            lines.append(text("line_owed", who=who, amount=circle.money(left.is_owed, whose=person)))
        if left.credit:
            lines.append(text("line_credit", who=who, amount=circle.money(left.credit, whose=person)))
    if lines:
        turn.tell(circle.banker_id, say("still_open", circle=circle.name, lines=tuple(lines)))
    elif circle.banker_id not in members:
        turn.tell(circle.banker_id, say("complete_banker", circle=circle.name))
