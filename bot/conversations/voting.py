"""VOTE, and the words by which the banker's role changes hands: DEPUTY and HANDOVER."""

from bot.conversations.flow import Flow, Question, Step, Talk, do
from bot.conversations.lines import Words, code, line, rest
from bot.conversations.reading import is_no, is_yes
from bot.conversations.running import banks, circle_question, read_nobody_or_who, read_who, sure
from bot.words.say import say
from domain.codes import normalise_code
from domain.commands import (
    AnswerSwap,
    AskToHandOver,
    HandOver,
    LookAtVote,
    LookAtVotes,
    ProposeBanker,
    ProposeSwap,
    SetDeputy,
    Vote,
)
from domain.pardna import CircleState
from domain.standing import Seat

BETWEEN = frozenset({"for", "fi", "with", "wid"})
RUNS = frozenset({CircleState.ACTIVE, CircleState.SUSPENDED})


def _voted(seat: Seat) -> bool:
    return (seat.is_member or seat.is_banker) and seat.state in RUNS


def _take_ref(left: Words, talk: Talk) -> tuple[str | None, Words]:
    """Take what is voted on; the one that waits for me, where my answer names none."""
    for place, word in enumerate(left):
        found = normalise_code(word)
        if found and found.startswith("V-"):
            return found, [*left[:place], *left[place + 1 :]]
    waiting = talk.standing.asked("vote")
    return (waiting[0].ref if "yes" in talk.slots and len(waiting) == 1 else None), left


def _take_answer(left: Words, _: Talk) -> tuple[bool | None, Words]:
    """Take a yes or a no that ends the line."""
    if left and (is_yes(left[-1]) or is_no(left[-1])):
        return is_yes(left[-1]), left[:-1]
    return None, left


def _take_banker(left: Words, talk: Talk) -> tuple[str | None, Words]:
    """Take whom I want as the banker (`VOTE K7QX2M BANKER Devon`)."""
    plain = [w.casefold().strip(".,:") for w in left]
    if "banker" not in plain[:-1]:
        return None, left
    at = plain.index("banker")
    who, after = rest(lambda typed, _: read_who("no_who", typed))(left[at + 1 :], talk)
    return who, [*left[:at], *after]


def _vote(talk: Talk) -> Step:
    slots = talk.slots
    match slots:
        case {"ref": str(ref), "yes": bool(yes)}:
            return do(talk, Vote(ref, yes))
        case {"ref": str(ref)}:
            return do(talk, LookAtVote(ref))
        case {"who": str(who)}:
            return do(talk, ProposeBanker(slots["code"], who))
    return do(talk, LookAtVotes(slots["code"]))


def _no_ref(talk: Talk) -> bool:
    return "ref" not in talk.slots


_CIRCLE = circle_question("VOTE", _voted)
VOTE = Flow(
    "vote",
    [Question("code", _CIRCLE.ask, _CIRCLE.read, _CIRCLE.implied, _no_ref)],
    _vote,
    line("VOTE", ("who", _take_banker), ("yes", _take_answer), ("ref", _take_ref), ("code", code)),
)


def _take_mine(left: Words, _: Talk) -> tuple[int | None, Words]:
    """Take my own turn before FOR (`SWAP 2 FOR 5`), and WITH before whom I ask."""
    left = left[1:] if left and left[0].casefold() in BETWEEN else left
    if len(left) > 2 and left[0].isdecimal() and left[1].casefold() in BETWEEN:  # noqa: PLR2004 - 2 FOR 5
        return int(left[0]), left[2:]
    return None, left


def _read_other(typed: str, _: Talk) -> str:
    if typed.casefold() == "next":
        return "NEXT"
    return typed if typed.isdecimal() else read_who("no_who", typed)


def _swap(talk: Talk) -> Step:
    match talk.slots:
        case {"ref": str(ref), "yes": bool(yes)}:
            return do(talk, AnswerSwap(ref, yes))
        case {"ref": str(ref)}:
            return do(talk, LookAtVote(ref))
    return do(talk, ProposeSwap(talk.slots["code"], talk.slots["who"], talk.slots.get("turn", 0)))


_SWAPS = circle_question("SWAP", lambda s: s.is_member and s.state is CircleState.ACTIVE)
_SWAP_LINE = (("yes", _take_answer), ("ref", _take_ref), ("code", code), ("turn", _take_mine))
SWAP = Flow(
    "swap",
    [
        Question("code", _SWAPS.ask, _SWAPS.read, _SWAPS.implied, _no_ref),
        Question("who", lambda _: say("ask_swap"), _read_other, when=_no_ref, free=True),
    ],
    _swap,
    line("SWAP", *_SWAP_LINE, ("who", rest(_read_other))),
)

DEPUTY = Flow(
    "deputy",
    [
        circle_question("DEPUTY", banks(CircleState.OPEN, CircleState.LOCKED, *RUNS)),
        Question("who", lambda _: say("ask_deputy"), read_nobody_or_who, free=True),
    ],
    lambda talk: do(talk, SetDeputy(talk.slots["code"], talk.slots["who"])),
    line("DEPUTY", ("code", code), ("who", rest(read_nobody_or_who))),
)

HANDOVER = sure("HANDOVER", banks(*RUNS), AskToHandOver, HandOver)
