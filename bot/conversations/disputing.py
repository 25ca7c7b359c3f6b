"""Disputes: COMPLAIN begins one about a banker, SIDE tells mine, JUDGE decides as one of the three (rules.md 52)."""

from bot.conversations.flow import Flow, Question, Step, Talk, do
from bot.conversations.lines import code, line, rest
from bot.conversations.looking import menu_answers
from bot.conversations.personal import read_note
from bot.conversations.reading import miss, read_ref
from bot.conversations.running import circle_question
from bot.conversations.throwing import take_ref
from bot.words.say import Answer, Say, say, text
from domain.commands import Complain, GiveVerdict, SaySide
from domain.pardna import CircleState
from domain.standing import Ask

STARTED = frozenset({CircleState.ACTIVE, CircleState.SUSPENDED, CircleState.COMPLETED})
VERDICTS = {"yes": True, "yeah": True, "yes it did": True, "no": False, "nope": False, "no it did not": False}

COMPLAIN = Flow(
    "complain",
    [
        circle_question("COMPLAIN", lambda s: s.is_member and not s.is_banker and s.state in STARTED),
        Question("text", lambda _: say("ask_complaint"), read_note, free=True),
    ],
    lambda talk: do(talk, Complain(talk.slots["code"], talk.slots["text"])),
    line("COMPLAIN", ("code", code), ("text", rest(read_note))),
)


def _of(word: str, *kinds: str) -> Question:
    """Ask which dispute is meant, unless there is only one."""

    def mine(talk: Talk) -> list[Ask]:
        return [ask for kind in kinds for ask in talk.standing.asked(kind)]

    def implied(talk: Talk) -> str | None:
        found = mine(talk)
        return found[0].ref if len(found) == 1 else None

    def ask(talk: Talk) -> Say:
        found = mine(talk)[:5]
        if not found:
            return say("no_dispute", *menu_answers(talk.standing)[:2])
        return say("ask_which", *(Answer(f"{word} {a.ref}", f"{a.ref} {a.who}"[:20]) for a in found), word=word)

    return Question("ref", ask, read_ref("K"), implied)


def _read_verdict(typed: str, _: Talk) -> bool:
    verdict = VERDICTS.get(" ".join(typed.strip(" .!").casefold().split()))
    if verdict is None:
        raise miss("no_judgement", typed)
    return verdict


def _ask_verdict(talk: Talk) -> Say:
    ref = talk.slots["ref"]
    return say("ask_judgement", Answer(f"JUDGE {ref} YES", text("yes")), Answer(f"JUDGE {ref} NO", text("no")), ref=ref)


def _judged(talk: Talk) -> Step:
    return do(talk, GiveVerdict(talk.slots["ref"], talk.slots["happened"]))


def _take_ref(left: list[str], talk: Talk) -> tuple[str | None, list[str]]:
    """Take a reference where one stands; without one there may be only one dispute."""
    return take_ref("K")(left, talk) if any(w[:2].upper() == "K-" for w in left) else (None, left)


JUDGE = Flow(
    "judge",
    [_of("JUDGE", "judge"), Question("happened", _ask_verdict, _read_verdict)],
    _judged,
    line("JUDGE", ("ref", _take_ref), ("happened", rest(_read_verdict))),
)
SIDE = Flow(
    "side",
    [_of("SIDE", "frozen", "complaint"), Question("text", lambda _: say("ask_side"), read_note, free=True)],
    lambda talk: do(talk, SaySide(talk.slots["ref"], talk.slots["text"])),
    line("SIDE", ("ref", _take_ref), ("text", rest(read_note))),
)
