"""WAIVE: the banker lets a late fee or a throw go, with a reason, for all to see (rules.md 29).

What is waived is owed by nobody. A waived throw leaves its pot short: the reserve or the banker may fill it, and gets
nothing back.
"""

from dataclasses import replace

from bot.actions import drawers, pots, settling
from bot.actions.names import match_name
from bot.actions.turn import Turn
from bot.words.say import Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.arrears import Waiver
from domain.pardna import Circle, Due


def waive(turn: Turn, command: c.Waive) -> Say | Refusal:
    """Let a member's late fees, or the throw of a round, go."""
    circle = turn.book.circle(command.circle)
    names = settling.names_in(turn, circle)
    found = match_name(command.who, names)
    if len(found) != 1:
        return refuse("who_of" if found else "who_none", who=command.who, circle=circle.name)
    person = found[0]
    if person == turn.person_id:
        return refuse("waive_own")
    dues = [d for d in turn.book.dues_of(circle.code, person) if not command.round or d.round == command.round]
    changed = _late(dues) if command.kind == "late" else _throw(dues)
    if not changed:
        return refuse(f"waive_none_{command.kind}", who=names[person], circle=circle.name)
    for due, amount in changed:
        turn.book.put(due)
        turn.book.put(_waiver(turn, command, person, due.round, amount))
    total = circle.money(sum(amount for _, amount in changed))
    figures: dict[str, Figure] = {"amount": total, "circle": circle.name, "reason": command.reason}
    what = text(f"waived_{command.kind}", round=changed[0][0].round)
    turn.tell(person, say("waived_told", banker=turn.me.first_name, what=what, **figures))
    if command.kind == "throw":
        _tell_drawers(turn, circle, changed[0][0].round, total, person)
        pots.money_came(turn, circle, [])
    return say("waived", who=turn.book.person(person).first_name, what=what, **figures)


def _late(dues: list[Due]) -> list[tuple[Due, int]]:
    """Return the dues without what is open of their late fees, and how much that was."""
    return [(replace(d, late_fee=d.late_paid), d.late_left) for d in dues if d.late_left]


def _throw(dues: list[Due]) -> list[tuple[Due, int]]:
    """Return the dues of the oldest round that is open with nothing owed any more, and how much that was."""
    open_ = [d for d in dues if d.left]
    return [(replace(d, waived=d.waived + d.left), d.left) for d in open_ if d.round == open_[0].round]


def _waiver(turn: Turn, command: c.Waive, person: str, number: int, amount: int) -> Waiver:
    return Waiver(
        id=turn.tools.new_id(),
        circle=command.circle,
        person_id=person,
        kind=command.kind,
        round=number,
        amount=amount,
        reason=command.reason,
        waived_by=turn.person_id,
        waived_at=turn.at,
    )


def _tell_drawers(turn: Turn, circle: Circle, number: int, amount: Figure, waived: str) -> None:
    """Tell whose pot is short by it."""
    who = turn.book.person(waived).first_name
    for person in drawers.people(turn, circle, number):
        if person not in {circle.banker_id, waived}:
            turn.tell(person, say("waived_drawer", who=who, amount=amount, circle=circle.name, round=number))


def lines(turn: Turn, circle: Circle, most: int) -> list[Text]:
    """Say what was waived, the latest first: everybody in the circle may see it."""
    every = sorted(turn.book.all(Waiver, circle=circle.code), key=lambda w: w.waived_at, reverse=True)
    return [
        text(
            "waived_line",
            who=turn.book.person(w.person_id).first_name,
            what=text(f"waived_{w.kind}", round=w.round),
            amount=circle.money(w.amount),
            reason=w.reason,
        )
        for w in every[:most]
    ]
