"""Who has an office in a circle beside its banker (rules.md 35)."""

from dataclasses import replace

from bot.actions.names import named
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, refuse, say
from domain import commands as c
from domain.pardna import CircleState, MemberState

OVER = frozenset({CircleState.COMPLETED, CircleState.CANCELLED, CircleState.TERMINATED})


def set_treasurer(turn: Turn, command: c.SetTreasurer) -> Say | Refusal:
    """Give a member the second yes to draws from now on, or take it away; the whole circle hears of it."""
    circle = turn.book.circle(command.circle)
    if circle.state in OVER:
        return refuse("not_running", circle=circle.name)
    members = [m for m in turn.book.members(circle.code) if m.state is MemberState.IN]
    treasurer = None
    if command.who:
        found = named(turn, command.who, [m for m in members if m.person_id != circle.banker_id])
        if len(found) != 1:
            return refuse("who_of" if found else "who_none", who=command.who, circle=circle.name)
        treasurer = found[0].person_id
    if treasurer == circle.treasurer_id:
        return refuse("treasurer_same", circle=circle.name)
    turn.book.put(replace(circle, treasurer_id=treasurer))
    others = [m for m in members if m.person_id != turn.person_id]
    if treasurer is None:
        turn.tell_all(others, lambda _: say("treasurer_none_told", circle=circle.name, banker=turn.me.first_name))
        return say("treasurer_none", circle=circle.name)
    who = turn.book.person(treasurer).first_name
    told = say("treasurer_told", circle=circle.name, who=who, banker=turn.me.first_name)
    mine = say("treasurer_you", circle=circle.name, banker=turn.me.first_name)
    turn.tell_all(others, lambda m: mine if m.person_id == treasurer else told)
    return say("treasurer_set", circle=circle.name, who=who)
