"""A circle's group on Telegram: linked by the banker, told what is public of the circle, and nothing of anybody's.

What is public is what the invitation's page shows to whoever has the code: the circle's name, its hand, its dates, how
far it is. No member's name and no sum that is somebody's own is ever said there (docs/decisions/telegram-groups.md).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from bot.actions.turn import Notice, Order, Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.events import Change
from domain.pardna import Circle, CircleState, Round, RoundState
from domain.people import Address
from domain.telegram import group_link

OVER = frozenset({CircleState.COMPLETED, CircleState.CANCELLED, CircleState.TERMINATED})


def show_group(turn: Turn, command: c.ShowGroup) -> Say | Refusal:
    """Say how a circle's group is linked, or that one is."""
    circle = turn.book.circle(command.circle)
    if circle.group_party:
        end = f"GROUP {circle.code} OFF"
        return say("group_is", Answer(end, end), circle=circle.name, code=circle.code)
    if not (bot := turn.tools.bot()):
        return refuse("group_nowhere")
    return say("group_how", circle=circle.name, code=circle.code, link=group_link(bot, circle.code))


def end_group(turn: Turn, command: c.EndGroup) -> Say | Refusal:
    """Tell a circle's group nothing more."""
    circle = turn.book.circle(command.circle)
    if not circle.group_party:
        return refuse("group_none", circle=circle.name)
    turn.book.put(replace(circle, group_party=None))
    return say("group_ended", circle=circle.name)


# -- in the group ---------------------------------------------------------------------------------------------


def group_asked(turn: Turn, command: c.GroupAsked) -> None:
    """Have Telegram say who administers the group, when it is the circle's banker who named it there."""
    circle = turn.book.circle(command.circle)
    if not _is_banker(turn, circle, command.party) or circle.state in OVER:
        _say_once(turn, command.party, command.group)
        return
    asked = {"circle": circle.code, "person": command.party, "group": command.group, "party": command.group}
    turn.orders.append(Order("enquire", "telegram", f"group:{turn.tools.new_id()}", dict(asked)))


def group_answered(turn: Turn, command: c.GroupAnswered) -> None:
    """Link the group, where Telegram says that the banker administers it."""
    circle = turn.book.circle(command.circle)
    if not _is_banker(turn, circle, command.party) or circle.state in OVER:
        return
    figures = {"circle": circle.name, "code": circle.code}
    if not command.admin:
        turn.tell_party(command.party, say("group_not_admin", circle=circle.name))
        return
    if circle.group_party != command.group:
        turn.book.put(replace(circle, group_party=command.group))
        turn.tell_party(command.group, say("group_linked", circle=circle.name))
    turn.tell_party(command.party, say("group_is", **figures))


def group_spoke(turn: Turn, command: c.GroupSpoke) -> None:
    """Ask whoever speaks to us in a group to write to us alone: once for each person and group, ever (rules.md 57)."""
    _say_once(turn, command.party, command.group)


def _say_once(turn: Turn, party: str, group: str) -> None:
    turn.plan(f"alone:{group}:{party}", turn.at, group, c.WriteAlone(group))  # the key of a duty is kept for ever


def write_alone(turn: Turn, command: c.WriteAlone) -> None:
    """Say that money is spoken of in private."""
    turn.tell_party(command.group, say("group"))


def group_gone(turn: Turn, command: c.GroupGone) -> None:
    """We were removed from a group: nothing more is told there, and its bankers hear of it."""
    for circle in turn.book.all(Circle, group_party=command.of_group):
        turn.book.put(replace(circle, group_party=None))
        turn.tell(circle.banker_id, say("group_gone", circle=circle.name, code=circle.code))


def group_moved(turn: Turn, command: c.GroupMoved) -> None:
    """Follow a group to the id that it has as a supergroup."""
    for circle in turn.book.all(Circle, group_party=command.of_group):
        turn.book.put(replace(circle, group_party=command.moved_to))


def _is_banker(turn: Turn, circle: Circle, party: str) -> bool:
    address = turn.book.get(Address, party)
    return address is not None and address.person_id == circle.banker_id


# -- what a group hears ---------------------------------------------------------------------------------------


def news(changes: Iterable[Change], circle_of: Callable[[str], Circle]) -> list[Notice]:
    """Return what groups hear of changes of state, in their order."""
    found = []
    for before, now in changes:
        if told := _told(before, now, circle_of):
            circle = now if isinstance(now, Circle) else circle_of(now.circle)
            found += [Notice(Say((told,)), party=circle.group_party)] if circle.group_party else []
    return found


def _told(before: Any | None, now: Any, circle_of: Callable[[str], Circle]) -> Text | None:
    old = before.state if isinstance(before, Circle | Round) else None
    match now:
        case Circle() if now.state is not old:
            return _of_circle(old, now)
        case Round() if now.state is not old:
            return _of_round(now, circle_of(now.circle))
        case _:
            return None


def _of_circle(old: CircleState | RoundState | None, circle: Circle) -> Text | None:
    match circle.state:
        case CircleState.LOCKED:
            return text("group_locked", circle=circle.name, due=circle.first_due)
        case CircleState.SUSPENDED:
            return text("group_suspended", circle=circle.name)
        case CircleState.ACTIVE if old is CircleState.SUSPENDED:
            return text("group_resumed", circle=circle.name)
        case CircleState.CANCELLED:
            return text("group_closed", circle=circle.name)
        case CircleState.COMPLETED:
            return text("group_over", circle=circle.name)
        case _:
            return None


def _of_round(round_: Round, circle: Circle) -> Text | None:
    """Say that a round opened or was paid. That it was paid short or is held is its drawer's own matter."""
    match round_.state:
        case RoundState.OPEN:
            throw = circle.money(circle.throw)
            figures: dict[str, Figure] = {"circle": circle.name, "round": round_.number, "turns": circle.turns}
            return text("group_opened", throw=throw, due=round_.due, **figures)
        case RoundState.PAID:
            return text("group_paid", circle=circle.name, round=round_.number, turns=circle.turns)
        case _:
            return None
