"""JOIN a circle: see its terms, AGREE to them."""

import re

from bot.conversations.flow import Flow, Misread, Question, Step, Talk, do
from bot.conversations.lines import JOINTS, Words, code, line, lone_code
from bot.conversations.numbers import in_figures
from bot.conversations.phrases import NUMBERS
from bot.conversations.reading import read_code
from bot.conversations.running import MOST_CHOICES
from bot.words.say import Answer, Say, say, text
from domain.commands import Agree, LookAtTerms
from domain.pardna import HALF, MOST_HALVES, MOST_HANDS, TERMS_MARK, WHOLE, CircleState, shown

HALVES = frozenset({"half", "half-hand", "0.5", ".5", "1/2", "\u00bd"})
_AND_A_HALF = re.compile(r"([0-9]{1,2})(?:\.50?|\u00bd)")
_BESIDE = frozenset({"hand", "hands", *JOINTS})
_MARK = re.compile(rf"[0-9a-f]{{{TERMS_MARK}}}")
LONGEST_COUNT = 2
"""Figures: a longer number is no number of hands."""


def _take_hands(left: Words, _: Talk) -> tuple[int | None, Words]:
    """Take a number of hands in halves (`2`, `2 hands`, `half a hand`, `1 and a half`), before the code or after it."""
    wholes, halves, others = [], 0, []
    for word in in_figures(" ".join(left)).split():
        plain = word.casefold()
        if found := _AND_A_HALF.fullmatch(plain):
            wholes.append(int(found[1]))
            halves += 1
        elif plain in HALVES:
            halves += 1
        elif plain.isdecimal() and len(plain) <= LONGEST_COUNT:
            wholes.append(int(plain))
        elif plain in NUMBERS:
            wholes.append(NUMBERS[plain])
        else:
            others.append(word)
    others = [w for w in others if w.casefold() not in _BESIDE and not (halves and w.casefold() in {"a", "an"})]
    if not wholes and not halves:
        return None, others
    held = WHOLE * sum(wholes) + halves
    if len(wholes) > 1 or halves > 1 or not HALF <= held <= MOST_HALVES:
        raise Misread(text("hands_bounds", most=MOST_HANDS))
    return held, others


PARTS = (("code", code), ("halves", _take_hands), ("code", lone_code))


def _look(talk: Talk) -> Step:
    circle, halves = talk.slots["code"], talk.slots.get("halves", WHOLE)
    session = talk.session.idle().remember(agree={"code": circle, "halves": halves})
    return Step(session, (), (LookAtTerms(circle, halves),))


def _take_terms(left: Words, talk: Talk) -> tuple[str | None, Words]:
    """Take the mark of the terms that were read, which a button carries behind the code."""
    marks = [w for w in left if _MARK.fullmatch(w.casefold())] if "code" in talk.slots else []
    return (marks[0].casefold(), [w for w in left if w != marks[0]]) if marks else (None, left)


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
    return f"{circle} {shown(slots['halves'])}" if circle and "halves" in slots else circle


def _offered(talk: Talk) -> list[str]:
    """Return the circles that AGREE may mean: whose terms were seen last, and those that wait for my word again."""
    seen = talk.session.memory.get("agree")
    waiting = [s.code for s in talk.standing.seats if _waits(s.state) and s.member_state and not s.agreed]
    return list(dict.fromkeys([*([seen["code"]] if seen else []), *waiting]))


def _one_offered(talk: Talk) -> str | None:
    """Know the circle when only one can be meant: nobody agrees to terms by a guess."""
    found = _offered(talk)
    return found[0] if len(found) == 1 else None


def _ask_agree(talk: Talk) -> Say:
    names = {s.code: s.name for s in talk.standing.seats}
    return say("ask_agree_code", *(Answer(f"AGREE {c}", names.get(c, c)) for c in _offered(talk)[:MOST_CHOICES]))


def _waits(state: CircleState) -> bool:
    return state in {CircleState.OPEN, CircleState.LOCKED}


def _agree(talk: Talk) -> Step:
    seen = talk.session.memory.get("agree") or {}
    circle = talk.slots["code"]
    seen = seen if seen.get("code") == circle else {}
    halves = talk.slots.get("halves") or seen.get("halves", WHOLE)
    step = do(talk, Agree(circle, halves, talk.slots.get("terms") or seen.get("terms", "")))
    return Step(step.session.remember(agree=None), (), step.commands)


AGREE = Flow(
    "agree",
    [Question("code", _ask_agree, read_code, _one_offered)],
    _agree,
    line("AGREE", PARTS[0], PARTS[1], ("terms", _take_terms), PARTS[2]),
)
