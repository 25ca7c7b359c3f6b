"""PLAN: a member offers to pay in parts (`PLAN 2000 weekly`), the banker answers (`PLAN K7QX2M Devon OK`) (42)."""

from bot.conversations.flow import Flow, Question, Step, Talk, do
from bot.conversations.founding import FREQUENCIES
from bot.conversations.lines import Words, code, line, rest
from bot.conversations.reading import money_of, read_money, read_one_of
from bot.conversations.running import circle_question, read_who
from bot.words.say import Answer, say, text
from domain.commands import AnswerPlan, ProposePlan
from domain.money import Currency
from domain.schedule import Frequency

_read_every = read_one_of("no_frequency", FREQUENCIES)


def _currency(talk: Talk) -> Currency:
    return talk.seat.currency if talk.seat else Currency.JMD


def _read_amount(typed: str, talk: Talk) -> str:
    return read_money(typed, _currency(talk)).full()


def _read_who(typed: str, _: Talk) -> str:
    return read_who("no_who", typed)


def _take_yes(left: Words, _: Talk) -> tuple[bool | None, Words]:
    """Take OK or NO where it ends the line: the banker's answer."""
    last = left[-1].casefold().strip(".!") if left else ""
    return (last == "ok", left[:-1]) if last in {"ok", "no"} and len(left) > 1 else (None, left)


def _take_every(left: Words, talk: Talk) -> tuple[str | None, Words]:
    found = next((w for w in left if w.casefold() in FREQUENCIES), None)
    return (_read_every(found, talk), [w for w in left if w != found]) if found else (None, left)


def _take_who(left: Words, talk: Talk) -> tuple[str | None, Words]:
    return rest(_read_who)(left, talk) if "yes" in talk.slots else (None, left)


def _plan(talk: Talk) -> Step:
    slots = talk.slots
    if "yes" in slots:
        return do(talk, AnswerPlan(slots["code"], slots["who"], slots["yes"]))
    return do(talk, ProposePlan(slots["code"], money_of(slots["amount"]).minor, Frequency(slots["every"])))


def _answers(talk: Talk) -> bool:
    return "yes" in talk.slots


def _proposes(talk: Talk) -> bool:
    return not _answers(talk)


PLAN = Flow(
    "plan",
    [
        circle_question("PLAN", lambda s: s.is_member or s.is_banker),
        Question("who", lambda _: say("ask_plan_who"), _read_who, when=_answers, free=True),
        Question("amount", lambda _: say("ask_plan_amount"), _read_amount, when=_proposes, figures=True),
        Question(
            "every",
            lambda _: say("ask_plan_every", *(Answer(f.value, text(f.value)) for f in Frequency)),
            _read_every,
            when=_proposes,
        ),
    ],
    _plan,
    line(
        "PLAN",
        ("code", code),
        ("yes", _take_yes),
        ("every", _take_every),
        ("who", _take_who),
        ("amount", rest(_read_amount)),
    ),
)
