"""The words of staff: QUEUE, KYC, CASE."""

from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk
from bot.conversations.reading import heard, read_ref
from bot.words.say import Answer, Text, say, text
from domain.commands import Case, Kyc, Queue

VERDICTS = {"ok": True, "yes": True, "right": True, "no": False, "wrong": False}

QUEUE = Flow("queue", [], lambda talk: Step(talk.session.idle(), (), (Queue(),)))


def _ref_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    """Read `ref` and keep what follows it."""
    if not rest:
        return {}, None
    first, _, after = rest.partition(" ")
    try:
        slots: dict[str, Any] = {"ref": read_ref("K")(first, talk)}
    except Misread as miss:
        return {}, miss.because
    return {**slots, "after": after.strip()}, None


def _read_verdict(typed: str, _: Talk) -> bool:
    verdict = VERDICTS.get(typed.strip().casefold())
    if verdict is None:
        raise Misread(text("no_verdict", heard=heard(typed)))
    return verdict


def _kyc_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    slots, complaint = _ref_line(rest, talk)
    after = slots.pop("after", "")
    if after:
        try:
            slots["right"] = _read_verdict(after, talk)
        except Misread as miss:
            complaint = miss.because
    return slots, complaint


KYC = Flow(
    "kyc",
    [
        Question("ref", lambda _: say("ask_ticket_ref"), read_ref("K")),
        Question("right", lambda _: say("ask_verdict", Answer("OK", "OK"), Answer("NO", text("no"))), _read_verdict),
    ],
    lambda talk: Step(talk.session.idle(), (), (Kyc(talk.slots["ref"], talk.slots["right"]),)),
    _kyc_line,
)


def _read_text(typed: str, _: Talk) -> str:
    return typed.strip()


def _case_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    slots, complaint = _ref_line(rest, talk)
    if after := slots.pop("after", ""):
        slots["text"] = after
    return slots, complaint


CASE = Flow(
    "case",
    [
        Question("ref", lambda _: say("ask_ticket_ref"), read_ref("K")),
        Question("text", lambda _: say("ask_case_text"), _read_text, free=True),
    ],
    lambda talk: Step(talk.session.idle(), (), (Case(talk.slots["ref"], talk.slots["text"]),)),
    _case_line,
)
