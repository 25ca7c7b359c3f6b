"""NEW: set up a circle, by questions or in one line: name; amount currency; how often; turns; first due; order."""

from datetime import date
from typing import Any

from bot.conversations.flow import Complaint, Flow, Misread, Question, Step, Talk, do
from bot.conversations.looking import live
from bot.conversations.reading import heard, miss, money_of, read_any_money, read_count, read_future_day, read_one_of
from bot.words.say import Answer, Say, say, text
from domain.commands import NewCircle
from domain.money import Currency
from domain.pardna import MOST_TURNS, OrderBy, throw_refusal
from domain.schedule import Frequency

FREQUENCIES = {
    "weekly": "weekly", "every week": "weekly", "week": "weekly",
    "fortnightly": "fortnightly", "every two weeks": "fortnightly", "biweekly": "fortnightly",
    "two weeks": "fortnightly", "monthly": "monthly", "every month": "monthly",
}  # fmt: skip
ORDERS = {
    "join order": "join order", "join": "join order", "banker": "banker", "banker sets it": "banker",
    "lottery": "lottery", "by lottery": "lottery", "random": "lottery", "lottery order": "lottery",
    "seats": "seats", "chosen seats": "seats", "trust": "trust", "by trust": "trust", "lottery by trust": "trust",
    "trust lottery": "trust",
}  # fmt: skip
LONGEST_CIRCLE_NAME = 30
MOST_CIRCLES = 20
"""How many circles that are not over one person may bank."""
MOST_FIGURES = 5
"""`Christmas 2027` is a name; with more figures it is a number that somebody typed in the wrong place."""
MOST_THROW = 10**9
"""Ten million dollars a hand: more is a slip of the finger."""


def _read_circle_name(typed: str, _: Talk) -> str:
    name = " ".join(typed.split())
    fits = 2 <= len(name) <= LONGEST_CIRCLE_NAME  # noqa: PLR2004 - one letter is no name
    figures = sum(c.isdigit() for c in name)
    if not fits or ";" in name or figures > MOST_FIGURES or not any(c.isalpha() for c in name):
        raise Misread(text("no_circle_name", heard=heard(typed), most=LONGEST_CIRCLE_NAME))
    return name


def _read_throw(typed: str, _: Talk) -> str:
    money = read_any_money(typed, Currency.JMD)
    if why := throw_refusal(money.minor):
        raise Misread(text(why, amount=money))
    if money.minor > MOST_THROW:
        raise miss("money_too_large", typed)
    return money.full()


_read_order = read_one_of("no_order", ORDERS, "by ")


def _ask_frequency(_: Talk) -> Say:
    return say("ask_frequency", *(Answer(f.value, text(f.value)) for f in Frequency))


def _ask_order(_: Talk) -> Say:
    by_join = Answer("BY JOIN ORDER", text("order_join"))
    by_banker = Answer("BY BANKER", text("order_banker"))
    by_choice = Answer("BY SEATS", text("order_seats"))
    by_lot = Answer("BY LOTTERY", text("order_lottery"))
    return say("ask_order", by_join, by_banker, by_choice, by_lot, Answer("BY TRUST", text("order_trust")))


def _finish(talk: Talk) -> Step:
    s = talk.slots
    if sum(seat.is_banker for seat in live(talk.standing)) >= MOST_CIRCLES:
        return Step(talk.session.idle(), (say("too_many_circles", most=MOST_CIRCLES),))
    throw = money_of(s["throw"])
    command = NewCircle(
        name=s["name"],
        throw=throw.minor,
        currency=throw.currency,
        frequency=Frequency(s["frequency"]),
        turns=s["turns"],
        first_due=date.fromisoformat(s["first_due"]),
        order_by=OrderBy(s["order"]),
    )
    return do(talk, command)


QUESTIONS = [
    Question("name", lambda _: say("ask_circle_name"), _read_circle_name, free=True),
    Question("throw", lambda _: say("ask_throw"), _read_throw, figures=True),
    Question("frequency", _ask_frequency, read_one_of("no_frequency", FREQUENCIES)),
    Question("turns", lambda _: say("ask_turns"), read_count("no_turns", 2, MOST_TURNS), figures=True),
    Question("first_due", lambda _: say("ask_first_due"), read_future_day, figures=True),
    Question("order", _ask_order, _read_order),
]


def _read_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Complaint | None]:
    """Read the parts between `;` in the order of the questions; the first that is not understood stops it."""
    slots: dict[str, Any] = {}
    parts = [part.strip() for part in rest.strip().removesuffix(";").split(";")]
    for question, part in zip(QUESTIONS, parts, strict=False):
        try:
            slots[question.slot] = question.read(part, talk)
        except Misread as miss:
            return slots, Complaint(question.slot, miss.because)
    more = "; ".join(parts[len(QUESTIONS) :])
    return slots, Complaint("", text("new_too_much", heard=heard(more))) if more else None


FLOW = Flow("new", QUESTIONS, _finish, _read_line)
