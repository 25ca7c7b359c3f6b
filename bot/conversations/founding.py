"""NEW: set up a circle, by questions or in one line (`NEW name; amount currency; how often; turns; first due; order`)."""

from datetime import date
from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk
from bot.conversations.reading import heard, read_count, read_future_day, read_money, read_one_of, split_parts
from bot.words.say import Answer, Say, Text, say, text
from domain.commands import NewCircle
from domain.money import Currency
from domain.pardna import MOST_TURNS, OrderBy, throw_refusal
from domain.schedule import Frequency

FREQUENCIES = {
    "weekly": "weekly", "every week": "weekly", "week": "weekly",
    "fortnightly": "fortnightly", "every two weeks": "fortnightly", "biweekly": "fortnightly",
    "two weeks": "fortnightly", "monthly": "monthly", "every month": "monthly",
}  # fmt: skip
ORDERS = {"join order": "join order", "join": "join order", "banker": "banker", "banker sets it": "banker"}
LATER_ORDERS = frozenset({"seats", "lottery", "trust"})
LONGEST_CIRCLE_NAME = 30
MOST_THROW = 10**9
"""Ten million dollars a hand: more is a slip of the finger."""


def _read_circle_name(typed: str, _: Talk) -> str:
    name = " ".join(typed.split())
    if not 2 <= len(name) <= LONGEST_CIRCLE_NAME or not any(c.isalpha() for c in name):  # noqa: PLR2004 - one letter is no name
        raise Misread(text("no_circle_name", heard=heard(typed), most=LONGEST_CIRCLE_NAME))
    return name


def _read_throw(typed: str, _: Talk) -> list[Any]:
    money = read_money(typed, Currency.JMD)
    if why := throw_refusal(money.minor):
        raise Misread(text(why, amount=money))
    if money.minor > MOST_THROW:
        raise Misread(text("money_too_large", heard=heard(typed)))
    return [money.minor, money.currency.value]


_read_order_word = read_one_of("no_order", ORDERS)


def _read_order(typed: str, talk: Talk) -> str:
    if typed.strip().casefold() in LATER_ORDERS:
        raise Misread(text("order_later", heard=heard(typed)))
    return _read_order_word(typed, talk)


def _ask_frequency(_: Talk) -> Say:
    return say("ask_frequency", *(Answer(f.value, text(f.value)) for f in Frequency))


def _ask_order(_: Talk) -> Say:
    return say("ask_order", Answer("join order", text("order_join")), Answer("banker", text("order_banker")))


def _finish(talk: Talk) -> Step:
    s = talk.slots
    throw, currency = s["throw"]
    command = NewCircle(
        name=s["name"],
        throw=throw,
        currency=Currency(currency),
        frequency=Frequency(s["frequency"]),
        turns=s["turns"],
        first_due=date.fromisoformat(s["first_due"]),
        order_by=OrderBy(s["order"]),
    )
    return Step(talk.session.idle(), (), (command,))


QUESTIONS = [
    Question("name", lambda _: say("ask_circle_name"), _read_circle_name, free=True),
    Question("throw", lambda _: say("ask_throw"), _read_throw),
    Question("frequency", _ask_frequency, read_one_of("no_frequency", FREQUENCIES)),
    Question("turns", lambda _: say("ask_turns"), read_count("no_turns", 2, MOST_TURNS)),
    Question("first_due", lambda _: say("ask_first_due"), read_future_day),
    Question("order", _ask_order, _read_order),
]


def _read_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    """Read the parts between `;` in the order of the questions; the first that is not understood stops it."""
    slots: dict[str, Any] = {}
    if not rest:
        return slots, None
    for question, part in zip(QUESTIONS, split_parts(rest), strict=False):
        try:
            slots[question.slot] = question.read(part, talk)
        except Misread as miss:
            return slots, miss.because
    return slots, None


FLOW = Flow("new", QUESTIONS, _finish, _read_line)
