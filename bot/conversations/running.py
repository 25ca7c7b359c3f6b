"""The banker's words: everything that names one circle and does one thing to it."""

from collections.abc import Callable
from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk
from bot.conversations.reading import heard, read_code, read_money, take_code
from bot.words.say import Answer, Say, Text, say, text
from domain.commands import (
    Approve,
    Arrange,
    AskToBegin,
    AskToLock,
    Begin,
    Close,
    Command,
    Invite,
    Lock,
    LookAtTerms,
    PayOut,
    Resume,
    Roster,
    SetTerms,
    Suspend,
)
from domain.money import Currency
from domain.pardna import CircleState
from domain.standing import Seat

Fits = Callable[[Seat], bool]
MOST_CHOICES = 5
"""A feature phone shows five answers well (copy.md 5)."""


def fitting(talk: Talk, fits: Fits) -> list[Seat]:
    """Return the circles of mine that a word may mean."""
    return [s for s in talk.standing.seats if fits(s)]


def circle_question(word: str, fits: Fits) -> Question:
    """Ask which circle, unless only one is meant."""

    def implied(talk: Talk) -> str | None:
        found = fitting(talk, fits)
        return found[0].code if len(found) == 1 else None

    def ask(talk: Talk) -> Say:
        found = fitting(talk, fits)[:MOST_CHOICES]
        return (
            say("ask_circle", *(Answer(s.code, s.name) for s in found), word=word)
            if found
            else say("ask_code", word=word)
        )

    return Question("code", ask, read_code, implied)


def code_and_rest(rest: str, _: Talk) -> tuple[dict[str, Any], Text | None]:
    """Read a code; anything else in the line is not for this word."""
    code, left = take_code(rest.split())
    if code:
        return {"code": code}, None
    return {}, text("no_code", heard=heard(rest)) if left else None


def banks(*states: CircleState) -> Fits:
    """Return a test for circles that this person banks, in these states (any, when none is named)."""
    return lambda seat: seat.is_banker and (not states or seat.state in states)


def _one(word: str, fits: Fits, command: Callable[[str], Command]) -> Flow:
    """Make a flow that needs the circle alone."""

    def finish(talk: Talk) -> Step:
        return Step(talk.session.idle(), (), (command(talk.slots["code"]),))

    return Flow(word.lower(), [circle_question(word, fits)], finish, code_and_rest)


def _sure(word: str, fits: Fits, ask: Callable[[str], Command], command: Callable[[str], Command]) -> Flow:
    """Make a flow that asks for one Yes: `WORD code YES` is what the Yes button types."""

    def line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
        tokens = rest.split()
        sure = bool(tokens) and tokens[-1].casefold() == "yes"
        slots, complaint = code_and_rest(" ".join(tokens[:-1] if sure else tokens), talk)
        return {**slots, "sure": sure}, complaint

    def finish(talk: Talk) -> Step:
        code = talk.slots["code"]
        if talk.slots.get("sure"):
            return Step(talk.session.idle(), (), (command(code),))
        return Step(talk.session.idle().remember(yes=f"{word} {code} YES"), (), (ask(code),))

    return Flow(word.lower(), [circle_question(word, fits)], finish, line)


INVITE = _one("INVITE", lambda s: (s.is_banker or s.is_member) and s.state is CircleState.OPEN, Invite)
ROSTER = _one("ROSTER", lambda s: s.is_banker or s.is_member, Roster)
PAY_OUT = _one("PAY OUT", banks(CircleState.ACTIVE), PayOut)
CLOSE_ASK = "CLOSE"
SUSPEND = _one("SUSPEND", banks(CircleState.ACTIVE), Suspend)
RESUME = _one("RESUME", banks(CircleState.SUSPENDED), Resume)
LOCK = _sure("LOCK", banks(CircleState.OPEN), AskToLock, Lock)
BEGIN = _sure("BEGIN", banks(CircleState.LOCKED), AskToBegin, Begin)


def _ask_close(talk: Talk) -> Say:
    yes = Answer(f"CLOSE {talk.slots['code']} YES", text("yes"))
    return say("ask_close", yes, Answer("MENU", text("no")), code=talk.slots["code"])


def _read_close_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    tokens = rest.split()
    slots, complaint = code_and_rest(" ".join(t for t in tokens if t.casefold() != "yes"), talk)
    if tokens and tokens[-1].casefold() == "yes":
        slots["sure"] = True
    return slots, complaint


def _read_sure(typed: str, _: Talk) -> bool:
    if typed.casefold() in {"yes", "y"}:
        return True
    raise Misread(text("no_yes", heard=heard(typed)))


CLOSE = Flow(
    "close",
    [
        circle_question("CLOSE", banks(CircleState.OPEN, CircleState.LOCKED)),
        Question("sure", _ask_close, _read_sure),
    ],
    lambda talk: Step(talk.session.idle(), (), (Close(talk.slots["code"]),)),
    _read_close_line,
)


def _approve_line(rest: str, _: Talk) -> tuple[dict[str, Any], Text | None]:
    code, left = take_code(rest.split())
    slots: dict[str, Any] = {"code": code} if code else {}
    if left:
        slots["who"] = " ".join(left)
    return slots, None


def _read_who(typed: str, _: Talk) -> str:
    return " ".join(typed.split())


APPROVE = Flow(
    "approve",
    [
        circle_question("APPROVE", banks(CircleState.OPEN, CircleState.LOCKED)),
        Question("who", lambda _: say("ask_approve_who", Answer("ALL", text("all"))), _read_who, free=True),
    ],
    lambda talk: Step(talk.session.idle(), (), (Approve(talk.slots["code"], talk.slots["who"]),)),
    _approve_line,
)


def _names(typed: str) -> list[str]:
    return [" ".join(n.split()) for n in typed.replace(";", ",").replace("\n", ",").split(",") if n.strip()]


def _read_names(typed: str, _: Talk) -> list[str]:
    names = _names(typed)
    if not names:
        raise Misread(text("no_names", heard=heard(typed)))
    return names


def _order_line(rest: str, _: Talk) -> tuple[dict[str, Any], Text | None]:
    code, left = take_code(rest.split())
    slots: dict[str, Any] = {"code": code} if code else {}
    if names := _names(" ".join(left)):
        slots["names"] = names
    return slots, None


ORDER = Flow(
    "order",
    [
        circle_question("ORDER", banks(CircleState.OPEN, CircleState.LOCKED)),
        Question("names", lambda _: say("ask_order_names"), _read_names, free=True),
    ],
    lambda talk: Step(talk.session.idle(), (), (Arrange(talk.slots["code"], tuple(talk.slots["names"])),)),
    _order_line,
)


def _terms_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    """Read `code`, then perhaps `fee 500` and `grace 3`."""
    code, left = take_code(rest.split())
    slots: dict[str, Any] = {"code": code} if code else {}
    words = [w.casefold().strip(",;") for w in left]
    seat = next((s for s in talk.standing.seats if s.code == code), None)
    currency = seat.currency if seat else Currency.JMD
    for name, value in zip(words[::2], words[1::2], strict=False):
        try:
            if name == "fee":
                slots["fee"] = 0 if value in {"0", "none", "no"} else read_money(value, currency).minor
            elif name == "grace" and value.isdigit():
                slots["grace"] = int(value)
            else:
                return {"code": code} if code else {}, text("no_term", heard=heard(f"{name} {value}"))
        except Misread as miss:
            return {"code": code} if code else {}, miss.because
    if len(words) % 2:
        return slots, text("no_term", heard=heard(words[-1]))
    return slots, None


def _terms(talk: Talk) -> Step:
    code, fee, grace = talk.slots["code"], talk.slots.get("fee"), talk.slots.get("grace")
    changed = fee is not None or grace is not None
    return Step(talk.session.idle(), (), (SetTerms(code, fee, grace) if changed else LookAtTerms(code),))


TERMS = Flow("terms", [circle_question("TERMS", lambda _: True)], _terms, _terms_line)
