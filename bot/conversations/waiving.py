"""WAIVE: `WAIVE K7QX2M Devon; late; was in hospital`, each part asked for that the line leaves open (rules.md 29)."""

import re
from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk, do
from bot.conversations.lines import Words, code, line, rest
from bot.conversations.reading import heard, is_secret, miss
from bot.conversations.running import banks, circle_question, read_who
from bot.words.say import Answer, say, text
from domain.commands import Waive
from domain.pardna import CircleState

LONGEST_REASON = 60
_KIND = re.compile(r"(late|throw)(?: fees?)?(?: (?:of )?(?:round )?(\d{1,2}))?")
RUNS = banks(CircleState.ACTIVE, CircleState.SUSPENDED, CircleState.COMPLETED)


def _read_who(typed: str, _: Talk) -> str:
    return read_who("no_who", typed)


def _read_kind(typed: str, _: Talk) -> list[Any]:
    found = _KIND.fullmatch(" ".join(typed.casefold().split()))
    if found is None:
        raise Misread(text("no_waive_kind", heard=heard(typed)))
    return [found[1], int(found[2] or 0)]


def _read_reason(typed: str, _: Talk) -> str:
    """Read why: everybody in the circle sees it, so no figures that may be somebody's own."""
    reason = " ".join(typed.split())[:LONGEST_REASON]
    if not any(c.isalpha() for c in reason) or is_secret(reason):
        raise miss("no_waive_reason", typed)
    return reason


def _part(left: Words, number: int) -> tuple[str | None, Words]:
    """Take a part of a line that has so many before it, between semicolons; it is the last one that is left."""
    *before, last = [part.strip() for part in " ".join(left).split(";")]
    return (last, ";".join(before).split()) if len(before) == number else (None, left)


def _take_reason(left: Words, talk: Talk) -> tuple[str | None, Words]:
    said, left = _part(left, 2)
    return (_read_reason(said, talk) if said else None), left


def _take_kind(left: Words, talk: Talk) -> tuple[list[Any] | None, Words]:
    said, left = _part(left, 1)
    return (_read_kind(said, talk) if said else None), left


def _waive(talk: Talk) -> Step:
    kind, number = talk.slots["kind"]
    return do(talk, Waive(talk.slots["code"], talk.slots["who"], kind, number, talk.slots["reason"]))


WAIVE = Flow(
    "waive",
    [
        circle_question("WAIVE", RUNS),
        Question("who", lambda _: say("ask_waive_who"), _read_who, free=True),
        Question("kind", lambda _: say("ask_waive_kind", Answer("late", text("late_fees"))), _read_kind),
        Question("reason", lambda _: say("ask_waive_reason"), _read_reason, free=True),
    ],
    _waive,
    line("WAIVE", ("code", code), ("reason", _take_reason), ("kind", _take_kind), ("who", rest(_read_who))),
)
