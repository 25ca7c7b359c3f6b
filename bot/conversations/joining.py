"""JOIN a circle: see its terms, AGREE to them."""

from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk, do
from bot.conversations.lines import Words, code, line, lone_code
from bot.conversations.reading import read_code
from bot.words.say import say, text
from domain.commands import Agree, LookAtTerms
from domain.pardna import MOST_HANDS, CircleState

HALF = frozenset({"half", "half-hand", "0.5", "1/2"})
LONGEST_COUNT = 2
"""Figures: a longer number is no number of hands."""


def _take_hands(left: Words, _: Talk) -> tuple[int | None, Words]:
    """Take a number of whole hands (`2`, `2 hands`), before the code or after it."""
    left = [w for w in left if w.casefold() not in {"hand", "hands"}]
    if any(w.casefold() in HALF for w in left):
        raise Misread(text("no_half"))
    counts = [w for w in left if w.isdecimal() and len(w) <= LONGEST_COUNT]
    if not counts:
        return None, left
    if len(counts) > 1 or not 1 <= int(counts[0]) <= MOST_HANDS:
        raise Misread(text("hands_bounds", most=MOST_HANDS))
    return int(counts[0]), [w for w in left if w != counts[0]]


PARTS = (("code", code), ("hands", _take_hands), ("code", lone_code))


def _look(talk: Talk) -> Step:
    circle, hands = talk.slots["code"], talk.slots.get("hands", 1)
    session = talk.session.idle().remember(agree={"code": circle, "hands": hands})
    return Step(session, (), (LookAtTerms(circle, hands),))


JOIN = Flow(
    "join",
    [Question("code", lambda _: say("ask_join_code"), read_code)],
    _look,
    line("JOIN", *PARTS),
)


def join_line(rest: str, talk: Talk) -> str:
    """Return a JOIN in its short form, so that nothing else of what was typed is kept; "" when there is no code."""
    slots, _ = JOIN.line(rest, talk)
    circle: str = slots.get("code", "")
    return f"{circle} {slots['hands']}" if circle and "hands" in slots else circle


def _offered(talk: Talk) -> Any:
    """Know which terms AGREE means: those seen last, or the one circle that waits for my word."""
    if seen := talk.session.memory.get("agree"):
        return seen["code"]
    waiting = [s.code for s in talk.standing.seats if _waits(s.state) and s.member_state and not s.agreed]
    return waiting[0] if len(waiting) == 1 else None


def _waits(state: CircleState) -> bool:
    return state in {CircleState.OPEN, CircleState.LOCKED}


def _agree(talk: Talk) -> Step:
    seen = talk.session.memory.get("agree") or {}
    circle = talk.slots["code"]
    hands = talk.slots.get("hands") or (seen.get("hands", 1) if seen.get("code") == circle else 1)
    step = do(talk, Agree(circle, hands))
    return Step(step.session.remember(agree=None), (), step.commands)


AGREE = Flow(
    "agree",
    [Question("code", lambda _: say("ask_agree_code"), read_code, _offered)],
    _agree,
    line("AGREE", *PARTS),
)
