"""The banker's words: everything that names one circle and does one thing to it."""

import re
from collections.abc import Callable
from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk, do
from bot.conversations.lines import Words, code, line, lone_code, rest, yes_at_end
from bot.conversations.looking import live, menu_answers
from bot.conversations.personal import CHANNEL_WORDS
from bot.conversations.phrases import NAMELESS
from bot.conversations.reading import heard, is_secret, miss, read_code, read_count, read_money
from bot.words.say import Answer, Say, say, text
from domain.chain import read_mark
from domain.commands import (
    Approve,
    Arrange,
    AskToBegin,
    AskToEnd,
    AskToLock,
    Begin,
    ChooseSeat,
    Close,
    Command,
    EndEarly,
    EndGroup,
    GiveWord,
    Invite,
    Lock,
    LookAtScore,
    LookAtTerms,
    OpenLottery,
    PayOut,
    Proof,
    Resume,
    Roster,
    SetTerms,
    SetTreasurer,
    ShowGroup,
    Statement,
    Suspend,
    TurnDown,
)
from domain.lottery import LONGEST_WORD, RUNNING, read_word
from domain.messages import Channel
from domain.money import Currency
from domain.pardna import MOST_TURNS, CircleState, OrderBy
from domain.people import LONGEST_NAME
from domain.standing import Seat
from domain.terms import FeeKind, OnDefault, read_percent

Fits = Callable[[Seat], bool]
MOST_CHOICES = 5
"""A feature phone shows five answers well."""
LONGEST_GRACE = 99
_WHICH = re.compile(r"\s\(\d{1,2}\)$")
ALL = frozenset({"all", "all of them", "everybody", "everyone"})


def fitting(talk: Talk, fits: Fits) -> list[Seat]:
    """Return the circles of mine that a word may mean."""
    return [s for s in talk.standing.seats if fits(s)]


def banks(*states: CircleState) -> Fits:
    """Return a test for circles that this person banks, in these states (any, when none is named)."""
    return lambda seat: seat.is_banker and (not states or seat.state in states)


def circle_question(word: str, fits: Fits) -> Question:
    """Ask which circle, unless only one is meant. Its name is as good as its code."""

    def implied(talk: Talk) -> str | None:
        found = fitting(talk, fits)
        return found[0].code if len(found) == 1 else None

    def ask(talk: Talk) -> Say:
        found = fitting(talk, fits)[:MOST_CHOICES]
        if not found:
            answers = menu_answers(talk.standing)[:2]
            if not live(talk.standing):
                return say("no_circle_yet", *answers, word=word)
            return say("no_circle_fits", *answers, word=word)
        return say("ask_circle", *(Answer(f"{word} {s.code}", s.name) for s in found), word=word)

    def read(typed: str, talk: Talk) -> str:
        name = " ".join(typed.casefold().split())
        named = [s.code for s in fitting(talk, fits) if s.name.casefold() == name]
        return named[0] if len(named) == 1 else read_code(typed, talk)

    return Question("code", ask, read, implied)


def read_who(name: str, typed: str) -> str:
    """Read what somebody is called. Figures are no name, but for the `(2)` that tells two of one name apart.

    Nor is what says something (`cash is tight`).
    """
    who = " ".join(typed.split())
    name_ = _WHICH.sub("", who)
    if len(name_) > LONGEST_NAME or any(c.isdigit() or c == ";" for c in name_) or not any(c.isalpha() for c in name_):
        raise miss(name, typed)
    if not NAMELESS.isdisjoint(name_.casefold().replace("'", "").split()):
        raise miss(name, typed)
    return who


def _one(word: str, fits: Fits, command: Callable[[str], Command]) -> Flow:
    """Make a flow that needs the circle alone."""

    def finish(talk: Talk) -> Step:
        return do(talk, command(talk.slots["code"]))

    return Flow(word.lower(), [circle_question(word, fits)], finish, line(word, ("code", lone_code)))


def _take_mail(left: Words, _: Talk) -> tuple[bool | None, Words]:
    """Take EMAIL, wherever it stands, and BY before it."""
    kept = [w for w in left if CHANNEL_WORDS.get(w.casefold()) is not Channel.EMAIL]
    if len(kept) == len(left):
        return None, left
    return True, [w for w in kept if w.casefold() != "by"]


def sure(word: str, fits: Fits, ask: Callable[[str], Command], command: Callable[[str], Command]) -> Flow:
    """Make a flow that asks for one Yes: `WORD code YES` is what the Yes button types."""

    def finish(talk: Talk) -> Step:
        code = talk.slots["code"]
        if talk.slots.get("sure"):
            return do(talk, command(code))
        session = talk.session.idle().remember(yes=f"{word} {code} YES")
        return Step(session, (), (ask(code),))

    read = line(word, ("sure", yes_at_end), ("code", lone_code))
    return Flow(word.lower(), [circle_question(word, fits)], finish, read)


def _ask_close(code: str) -> Say:
    return say("ask_close", Answer(f"CLOSE {code} YES", text("yes")), Answer("MENU", text("no")), code=code)


def _end(talk: Talk) -> Step:
    """Call off a circle before its start, or end one that has begun: that asks with the figures (rules.md 48)."""
    code, sure = talk.slots["code"], talk.slots.get("sure")
    begun = any(s.code == code and s.state in {CircleState.ACTIVE, CircleState.SUSPENDED} for s in talk.standing.seats)
    if sure:
        return do(talk, EndEarly(code) if begun else Close(code))
    session = talk.session.idle().remember(yes=f"CLOSE {code} YES")
    return Step(session, (), (AskToEnd(code),)) if begun else Step(session, (_ask_close(code),))


def _off_at_end(left: Words, _: Talk) -> tuple[bool | None, Words]:
    """Take OFF where it ends the line (`GROUP K7QX2M OFF`)."""
    return (True, left[:-1]) if left and left[-1].casefold().strip(".!") == "off" else (None, left)


GROUP = Flow(
    "group",
    [circle_question("GROUP", banks(CircleState.OPEN, CircleState.LOCKED, CircleState.ACTIVE, CircleState.SUSPENDED))],
    lambda talk: do(talk, (EndGroup if talk.slots.get("off") else ShowGroup)(talk.slots["code"])),
    line("GROUP", ("off", _off_at_end), ("code", lone_code)),
)
INVITE = _one("INVITE", lambda s: (s.is_banker or s.is_member) and s.state is CircleState.OPEN, Invite)
ROSTER = _one("ROSTER", lambda s: s.is_banker or s.is_member, Roster)
STATEMENT = Flow(
    "statement",
    [circle_question("STATEMENT", lambda s: s.is_banker or s.is_member)],
    lambda talk: do(talk, Statement(talk.slots["code"], talk.slots.get("mail", False))),
    line("STATEMENT", ("mail", _take_mail), ("code", lone_code)),
)


def _take_file(left: Words, _: Talk) -> tuple[bool | None, Words]:
    """Take FILE, wherever it stands."""
    kept = [w for w in left if w.casefold() != "file"]
    return (True, kept) if len(kept) < len(left) else (None, left)


def _read_mark(typed: str, _: Talk) -> str:
    """Read a mark that was kept, in one word or two."""
    if not (mark := read_mark("-".join(typed.split()) if len(typed.split()) == 2 else typed)):  # noqa: PLR2004 - halves
        raise miss("no_mark", typed)
    return mark


PROOF = Flow(
    "proof",
    [circle_question("PROOF", lambda s: s.is_banker or s.is_member)],
    lambda talk: do(talk, Proof(talk.slots["code"], talk.slots.get("mark", ""), talk.slots.get("file", False))),
    line("PROOF", ("file", _take_file), ("code", code), ("mark", rest(_read_mark))),
)
PAY_OUT = _one("PAY OUT", banks(CircleState.ACTIVE), PayOut)
SUSPEND = _one("SUSPEND", banks(CircleState.ACTIVE), Suspend)
RESUME = _one("RESUME", banks(CircleState.SUSPENDED), Resume)
SCORE = Flow("score", [], lambda talk: do(talk, LookAtScore()), line("SCORE"))
LOTTERY = _one("LOTTERY", lambda s: s.is_banker and s.lottery == "AHEAD", OpenLottery)
LOCK = sure("LOCK", banks(CircleState.OPEN), AskToLock, Lock)
BEGIN = sure("BEGIN", banks(CircleState.LOCKED), AskToBegin, Begin)
CLOSE = Flow(
    "close",
    [circle_question("CLOSE", banks(CircleState.OPEN, CircleState.LOCKED, CircleState.SUSPENDED))],
    _end,
    line("CLOSE", ("sure", yes_at_end), ("code", lone_code)),
)


# -- who comes in, and in which order -------------------------------------------------------------------------


def _read_approved(typed: str, _: Talk) -> str:
    """Read whom to let in: a name or ALL, with NOT before it to turn them down. Nobody's name begins with NOT."""
    first, _space, rest_ = " ".join(typed.split()).partition(" ")
    down, name = ("NOT ", rest_) if first.casefold() == "not" and rest_ else ("", typed)
    who = read_who("no_who", name)
    return f"{down}{'ALL' if who.casefold() in ALL else who}"


def _approved(talk: Talk) -> Step:
    code, who = talk.slots["code"], talk.slots["who"]
    down = who.startswith("NOT ")
    return do(talk, TurnDown(code, who.removeprefix("NOT ")) if down else Approve(code, who))


def _ask_approved(talk: Talk) -> Say:
    return say("ask_approve_who", Answer(f"APPROVE {talk.slots['code']} ALL", text("all")))


APPROVE = Flow(
    "approve",
    [
        circle_question("APPROVE", banks(CircleState.OPEN, CircleState.LOCKED)),
        Question("who", _ask_approved, _read_approved, free=True),
    ],
    _approved,
    line("APPROVE", ("code", code), ("who", rest(_read_approved))),
)


def _read_names(typed: str, _: Talk) -> list[str]:
    names = [" ".join(n.split()) for n in typed.replace(";", ",").replace("\n", ",").split(",") if n.strip()]
    if not names or len(names) > MOST_TURNS or not all(_is_name(n) for n in names):
        raise miss("no_names", typed)
    return names


def _is_name(name: str) -> bool:
    return len(name) <= LONGEST_NAME and not is_secret(name) and any(c.isalpha() for c in name)


ORDER = Flow(
    "order",
    [
        circle_question("ORDER", banks(CircleState.OPEN, CircleState.LOCKED)),
        Question("names", lambda _: say("ask_order_names"), _read_names, free=True),
    ],
    lambda talk: do(talk, Arrange(talk.slots["code"], tuple(talk.slots["names"]))),
    line("ORDER", ("code", code), ("names", rest(_read_names))),
)


def _take_not(left: Words, _: Talk) -> tuple[bool | None, Words]:
    kept = [w for w in left if w.casefold() != "not"]
    return (True, kept) if len(kept) < len(left) else (None, left)


SEAT = Flow(
    "seat",
    [
        circle_question("SEAT", lambda s: s.is_member and s.order_by is OrderBy.SEATS and s.state is CircleState.OPEN),
        Question("seat", lambda _: say("ask_seat"), read_count("no_seat", 1, MOST_TURNS), figures=True),
    ],
    lambda talk: do(talk, ChooseSeat(talk.slots["code"], talk.slots["seat"], talk.slots.get("leaves", False))),
    line("SEAT", ("leaves", _take_not), ("code", code), ("seat", rest(read_count("no_seat", 1, MOST_TURNS)))),
)


def _read_word(typed: str, _: Talk) -> str:
    if not (word := read_word(typed)):
        raise Misread(text("no_word", heard=heard(typed), most=LONGEST_WORD))
    return word


WORD = Flow(
    "word",
    [
        circle_question("WORD", lambda s: s.is_member and s.lottery in RUNNING),
        Question("word", lambda _: say("ask_word"), _read_word, free=True),
    ],
    lambda talk: do(talk, GiveWord(talk.slots["code"], talk.slots["word"])),
    line("WORD", ("code", code), ("word", rest(_read_word))),
)


def read_nobody_or_who(typed: str, _: Talk) -> str:
    """Read whom the banker names for an office; NONE is nobody."""
    who = read_who("no_who", typed)
    return "" if who.casefold() in {"none", "nobody"} else who


TREASURER = Flow(
    "treasurer",
    [
        circle_question(
            "TREASURER", lambda s: s.is_banker and s.state not in {CircleState.CANCELLED, CircleState.COMPLETED}
        ),
        Question("who", lambda _: say("ask_treasurer"), read_nobody_or_who, free=True),
    ],
    lambda talk: do(talk, SetTreasurer(talk.slots["code"], talk.slots["who"])),
    line("TREASURER", ("code", code), ("who", rest(read_nobody_or_who))),
)


# -- terms ----------------------------------------------------------------------------------------------------


NONE = frozenset({"0", "none", "no", "off"})
_FEES = {"hand": FeeKind.HAND, "one": FeeKind.HAND, "gift": FeeKind.GIFT}
_PARTED = re.compile(r"(?<=\d) +(?:%|percent|per cent|pct)", re.IGNORECASE)
_YES_NO = {"yes": True, "on": True, **dict.fromkeys(NONE, False)}


def _after(key: str, left: Words, small: frozenset[str] = frozenset()) -> tuple[str | None, Words]:
    """Take the word after a key (`fee 500`, `grace: 3,`), and small ones between the two."""
    plain = [w.casefold().strip(",;:") for w in left]
    if key not in plain[:-1]:
        return None, left
    at = to = plain.index(key)
    while plain[to + 1] in small and to + 2 < len(left):
        to += 1
    return left[to + 1].strip(",;").casefold(), [*left[:at], *left[to + 2 :]]


def _cents(value: str, talk: Talk) -> int:
    return read_money(value, talk.seat.currency if talk.seat else Currency.JMD).minor


def _share(key: str, value: str) -> int:
    if (share := read_percent(value)) is None:
        raise Misread(text("no_term", heard=heard(f"{key} {value}")))
    return share


def _whole(left: Words, _: Talk) -> tuple[None, Words]:
    """Put a percentage together that was typed in two words (`fee 2 %`); nothing is taken."""
    return None, _PARTED.sub("%", " ".join(left)).split()


def _take_late(left: Words, talk: Talk) -> tuple[dict[str, int] | None, Words]:
    value, left = _after("late", left, frozenset({"fee"}))
    if value is None:
        return None, left
    if value in NONE:
        return {"late_fee": 0}, left
    return {"late_share": _share("late", value)} if "%" in value else {"late_fee": _cents(value, talk)}, left


def _take_cap(left: Words, talk: Talk) -> tuple[dict[str, int] | None, Words]:
    value, left = _after("cap", left)
    return (None if value is None else {"late_cap": _cents(value, talk)}), left


def _take_fee(left: Words, talk: Talk) -> tuple[dict[str, Any] | None, Words]:
    value, left = _after("fee", left, frozenset({"a"}))
    if value is None:
        return None, left
    if value in NONE:
        return {"fee": 0}, left
    if value in _FEES:
        return {"fee_kind": _FEES[value].value}, [w for w in left if w.casefold() != "hand"] if value == "one" else left
    if "%" in value:
        return {"fee_kind": FeeKind.PERCENT.value, "fee_share": _share("fee", value)}, left
    return {"fee": _cents(value, talk)}, left


def _take_grace(left: Words, _: Talk) -> tuple[dict[str, int] | None, Words]:
    value, left = _after("grace", left)
    if value is None:
        return None, left
    if not value.isdecimal() or int(value) > LONGEST_GRACE:
        raise Misread(text("no_term", heard=heard(f"grace {value}")))
    return {"grace_days": int(value)}, left


def _take_reserve(left: Words, _: Talk) -> tuple[dict[str, int] | None, Words]:
    value, left = _after("reserve", left)
    if value is None:
        return None, left
    return {"reserve_share": 0 if value in NONE else _share("reserve", value)}, left


def _take_cover(left: Words, _: Talk) -> tuple[dict[str, bool] | None, Words]:
    value, left = _after("cover", left)
    if value is None:
        return None, left
    if value not in _YES_NO:
        raise Misread(text("no_term", heard=heard(f"cover {value}")))
    return {"cover": _YES_NO[value]}, left


def _take_default(left: Words, _: Talk) -> tuple[dict[str, str] | None, Words]:
    value, left = _after("default", left)
    if value is None:
        return None, left
    if value not in {one.value for one in OnDefault}:
        raise Misread(text("no_term", heard=heard(f"default {value}")))
    return {"on_default": value}, left


def _no_more(left: Words, _: Talk) -> tuple[Any, Words]:
    if extra := [w for w in left if w.casefold() not in {"days", "day"}]:
        raise miss("no_term", " ".join(extra))
    return None, []


_TERMS = {
    "late": _take_late,
    "cap": _take_cap,
    "fee": _take_fee,
    "grace": _take_grace,
    "reserve": _take_reserve,
    "cover": _take_cover,
    "default": _take_default,
}


def _terms(talk: Talk) -> Step:
    code = talk.slots["code"]
    named: dict[str, Any] = {}
    for slot in _TERMS:
        named |= talk.slots.get(slot) or {}
    if not named:
        return do(talk, LookAtTerms(code))
    for name, kind in (("fee_kind", FeeKind), ("on_default", OnDefault)):
        if name in named:
            named[name] = kind(named[name])
    return do(talk, SetTerms(code, **named))


TERMS = Flow(
    "terms",
    [circle_question("TERMS", lambda _: True)],
    _terms,
    line("TERMS", ("code", code), ("", _whole), *_TERMS.items(), ("", _no_more)),
)
