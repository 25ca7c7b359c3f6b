"""The order fixed, the start, and a circle that rests (rules.md 1-3, 15)."""

from dataclasses import replace
from datetime import timedelta

from bot.actions import ending, rounds
from bot.actions.ordering import not_ordered, not_ready, order_lines, unverified
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain.pardna import (
    Circle,
    CircleState,
    Member,
    MemberState,
    become,
    early_turns,
)
from domain.schedule import local_date


def ask_to_lock(turn: Turn, command: c.AskToLock) -> Say | Refusal:
    """Say what LOCK fixes; name the unverified in the first third, whom the banker's Yes lets stand (rules.md 15)."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open_lock", circle=circle.name)
    if missing := not_ready(turn, circle) or not_ordered(turn, circle):
        return missing
    lines = [text("ask_lock", circle=circle.name, lines=order_lines(turn, circle))]
    if early := _early(turn, circle):
        lines.append(text("lock_exceptions", names=early))
    return Say(tuple(lines), _sure("LOCK", circle))


def _early(turn: Turn, circle: Circle) -> str:
    """Return the names of those whom the banker's Yes lets draw early; a lottery has seen to it already."""
    hands = turn.book.hands(circle.code)
    verified = frozenset(h.person_id for h in hands) - unverified(turn, circle)
    return ", ".join(turn.book.person(h.person_id).first_name for h in early_turns(circle, hands, verified))


def _sure(word: str, circle: Circle) -> tuple[Answer, Answer]:
    return (Answer(f"{word} {circle.code} YES", text("yes")), Answer("MENU", text("no")))


def lock(turn: Turn, command: c.Lock) -> Say | Refusal:
    """Fix terms and order, and publish the order to every member."""
    circle = turn.book.circle(command.circle)
    if circle.state is CircleState.LOCKED:
        return refuse("locked_already", circle=circle.name, code=circle.code)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open_lock", circle=circle.name)
    if missing := not_ready(turn, circle) or not_ordered(turn, circle):
        return missing
    for member in turn.book.members(circle.code):
        if member.state is MemberState.ASKED:
            turn.book.put(replace(member, state=MemberState.REFUSED))
            turn.tell(member.person_id, say("circle_full", circle=circle.name, left=0))
    turn.book.put(become(circle, CircleState.LOCKED))
    turn.tell_all(turn.book.members(circle.code), lambda m: _locked(turn, circle, m))
    begin = Answer(f"BEGIN {circle.code}", f"BEGIN {circle.code}")
    return say("locked", begin, circle=circle.name, code=circle.code, due=circle.first_due)


def _locked(turn: Turn, circle: Circle, member: Member) -> Say | None:
    if member.person_id == turn.person_id:
        return None
    return say("locked_told", circle=circle.name, due=circle.first_due, lines=order_lines(turn, circle))


def ask_to_begin(turn: Turn, command: c.AskToBegin) -> Say | Refusal:
    """Say what BEGIN starts."""
    circle = turn.book.circle(command.circle)
    if wrong := _cannot_begin(turn, circle):
        return wrong
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "throw": circle.money(circle.throw),
        "due": circle.first_due,
        "turns": circle.turns,
    }
    return Say((text("ask_begin", **figures),), _sure("BEGIN", circle))


def _cannot_begin(turn: Turn, circle: Circle) -> Refusal | None:
    """ACTIVE needs every turn filled, every acceptance, the order published (rules.md 3)."""
    if circle.state is CircleState.ACTIVE:
        return refuse("begun_already", circle=circle.name)
    if circle.state is not CircleState.LOCKED:
        return refuse("lock_first", circle=circle.name, code=circle.code)
    if missing := not_ready(turn, circle):
        return missing
    if circle.first_due < local_date(turn.at):
        return refuse(
            "first_due_past",
            circle=circle.name,
            due=circle.first_due,
            next=local_date(turn.at) + timedelta(days=7),
        )
    return None


def begin(turn: Turn, command: c.Begin) -> Say | Refusal:
    """Start: the rounds get their dates, and round 1 opens (rules.md 20)."""
    circle = turn.book.circle(command.circle)
    if wrong := _cannot_begin(turn, circle):
        return wrong
    active = become(circle, CircleState.ACTIVE)
    turn.book.put(active)
    rounds.schedule_all(turn, active)
    rounds.open_round(turn, active, 1)
    first = turn.book.rounds(circle.code)[1]
    return say("begun", circle=circle.name, throw=circle.money(circle.throw), due=first.due)


def suspend(turn: Turn, command: c.Suspend) -> Say | Refusal:
    """Stop a circle's clock for now; the money stays where it is."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.ACTIVE:
        return refuse("not_running", circle=circle.name)
    turn.book.put(become(circle, CircleState.SUSPENDED))
    turn.tell_all(turn.book.members(circle.code), lambda m: _not_me(turn, m, say("suspended_told", circle=circle.name)))
    return say("suspended", circle=circle.name, code=circle.code)


def resume(turn: Turn, command: c.Resume) -> Say | Refusal:
    """Let it run again. What fell due meanwhile is handled from the next morning on."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.SUSPENDED:
        return refuse("not_suspended", circle=circle.name)
    turn.book.put(become(circle, CircleState.ACTIVE))
    ending.end_if_over(turn, circle)
    turn.tell_all(turn.book.members(circle.code), lambda m: _not_me(turn, m, say("resumed_told", circle=circle.name)))
    return say("resumed", circle=circle.name)


def _not_me(turn: Turn, member: Member, what: Say) -> Say | None:
    return what if member.person_id != turn.person_id else None
