"""JOIN a circle: see its terms, AGREE to them."""

from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk
from bot.conversations.reading import read_code, take_code
from bot.words.say import Say, Text, say, text
from domain.commands import Agree, LookAtTerms
from domain.pardna import MOST_HANDS, CircleState


def _hands(token: str) -> int | None:
    """Read a number of whole hands. Raises Misread for a half and for too many."""
    if token.casefold() in {"half", "half-hand", "0.5", "1/2"}:
        raise Misread(text("no_half"))
    if not token.isdigit():
        return None
    if not 1 <= int(token) <= MOST_HANDS:
        raise Misread(text("hands_bounds", most=MOST_HANDS))
    return int(token)


def read_line(rest: str, _: Talk) -> tuple[dict[str, Any], Text | None]:
    """Read `code [hands]`, in either order."""
    code, left = take_code(rest.split())
    slots: dict[str, Any] = {"code": code} if code else {}
    try:
        for token in left:
            if hands := _hands(token):
                slots["hands"] = hands
    except Misread as miss:
        return slots, miss.because
    if rest and not code:
        try:
            read_code(left[0], _)
        except Misread as miss:
            return slots, miss.because
    return slots, None


def _ask_code(_: Talk) -> Say:
    return say("ask_join_code")


def _look(talk: Talk) -> Step:
    code, hands = talk.slots["code"], talk.slots.get("hands", 1)
    session = talk.session.idle().remember(agree={"code": code, "hands": hands})
    return Step(session, (), (LookAtTerms(code, hands),))


JOIN = Flow("join", [Question("code", _ask_code, read_code)], _look, read_line)


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
    code = talk.slots["code"]
    hands = talk.slots.get("hands") or (seen.get("hands", 1) if seen.get("code") == code else 1)
    return Step(talk.session.idle().remember(agree=None), (), (Agree(code, hands),))


AGREE = Flow("agree", [Question("code", lambda _: say("ask_agree_code"), read_code, _offered)], _agree, read_line)
