"""Throwing a hand: PAY, the banker's CASH, and the word of the other side (CONFIRM, DENY)."""

from collections.abc import Callable
from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk
from bot.conversations.reading import heard, read_money, read_one_of, read_ref, take_code
from bot.conversations.running import banks, circle_question
from bot.words.say import Answer, Say, Text, say, text
from domain.commands import BeginThrow, Command, Confirm, Deny, RecordCash
from domain.money import Currency
from domain.pardna import CircleState
from domain.payments import CARD, CASH, SANDBOX
from domain.standing import Ask, Seat

RAIL_WORDS = {
    "cash": CASH, "card": CARD, "sandbox": SANDBOX, "visa": CARD, "debit": CARD,
    "ncb": "NCB", "scotia": "SCOTIA", "scotiabank": "SCOTIA", "lynk": "LYNK",
}  # fmt: skip


def _seat(talk: Talk) -> Seat | None:
    return next((s for s in talk.standing.seats if s.code == talk.slots.get("code")), None)


def _throws(seat: Seat) -> bool:
    return seat.is_member and seat.running


def _read_amount(typed: str, talk: Talk) -> int:
    seat = _seat(talk)
    currency = seat.currency if seat else Currency.JMD
    money = read_money(typed, currency)
    if money.currency is not currency:
        raise Misread(text("other_currency", amount=money, currency=currency.value))
    return money.minor


def _ask_amount(talk: Talk) -> Say:
    seat = _seat(talk)
    if seat is None or not seat.owed_in_all:
        return say("ask_amount_ahead", circle=seat.name if seat else "")
    owed = seat.money(seat.owed_in_all)
    return say("ask_amount", Answer(owed.text(), owed.text()), circle=seat.name, amount=owed)


def _due_when_rail_named(talk: Talk) -> int | None:
    """Know the amount when the line named a rail but no amount: what is due (contract.md, PAY [amount])."""
    seat = _seat(talk)
    return seat.owed_in_all or None if seat and "rail" in talk.slots else None


def _ask_rail(talk: Talk) -> Say:
    rails = [*talk.standing.rails, CASH]
    seat = _seat(talk)
    amount = seat.money(talk.slots["amount"]) if seat else ""
    return say("ask_rail", *(Answer(r, text(f"rail_{r.lower()}")) for r in rails), amount=amount)


def _read_rail(typed: str, talk: Talk) -> str:
    rail = read_one_of("no_rail", RAIL_WORDS)(typed, talk)
    if rail != CASH and rail not in talk.standing.rails:
        raise Misread(text("rail_off", rail=rail))
    return rail


def _pay_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    """Read amount, rail and code in any order; what is left over is the amount."""
    code, left = take_code(rest.split())
    slots: dict[str, Any] = {"code": code} if code else {}
    amount = []
    complaint: Text | None = None
    for token in left:
        rail = RAIL_WORDS.get(token.casefold())
        if rail is None:
            amount.append(token)
        elif rail == CASH or rail in talk.standing.rails:
            slots["rail"] = rail
        else:
            complaint = text("rail_off", rail=rail)
    if "code" not in slots and (implied := PAY_CIRCLE.implied(talk)):
        slots["code"] = implied
    if amount:
        try:
            slots["amount"] = _read_amount(" ".join(amount), _with(talk, slots))
        except Misread as miss:
            complaint = miss.because
    return slots, complaint


def _with(talk: Talk, slots: dict[str, Any]) -> Talk:
    from dataclasses import replace

    return replace(talk, session=replace(talk.session, slots=slots))


def _finish_pay(talk: Talk) -> Step:
    s = talk.slots
    return Step(talk.session.idle(), (), (BeginThrow(s["code"], s["amount"], s["rail"]),))


PAY_CIRCLE = circle_question("PAY", _throws)
PAY = Flow(
    "pay",
    [
        PAY_CIRCLE,
        Question("amount", _ask_amount, _read_amount, _due_when_rail_named),
        Question("rail", _ask_rail, _read_rail),
    ],
    _finish_pay,
    _pay_line,
)


def _read_who(typed: str, _: Talk) -> str:
    who = " ".join(typed.split())
    if not any(c.isalpha() for c in who):
        raise Misread(text("no_who", heard=heard(typed)))
    return who


def _cash_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    """Read `who amount [code]`: letters are the name, figures the amount."""
    code, left = take_code(rest.split())
    slots: dict[str, Any] = {"code": code} if code else {}
    names = [t for t in left if not any(c.isdigit() for c in t)]
    figures = [t for t in left if any(c.isdigit() for c in t)]
    if names:
        slots["who"] = " ".join(names)
    if "code" not in slots and (implied := CASH_CIRCLE.implied(talk)):
        slots["code"] = implied
    if figures:
        try:
            slots["amount"] = _read_amount(" ".join(figures), _with(talk, slots))
        except Misread as miss:
            return slots, miss.because
    return slots, None


CASH_CIRCLE = circle_question("CASH", banks(CircleState.ACTIVE))
CASH_ENTRY = Flow(
    "cash",
    [
        CASH_CIRCLE,
        Question("who", lambda _: say("ask_cash_who"), _read_who, free=True),
        Question("amount", lambda talk: say("ask_cash_amount", who=talk.slots["who"]), _read_amount),
    ],
    lambda talk: Step(
        talk.session.idle(), (), (RecordCash(talk.slots["code"], talk.slots["who"], talk.slots["amount"]),)
    ),
    _cash_line,
)


def _ask_label(ask: Ask) -> str:
    return f"{ask.money.text()} {ask.who}"


def answering(word: str, kind: str, letter: str, nothing: str, command: Callable[[str], Command]) -> Flow:
    """Make a flow that answers a question which waits: the one there is, or the one named."""
    slot = "ref"

    def implied(talk: Talk) -> str | None:
        waiting = talk.standing.asked(kind)
        return waiting[0].ref if len(waiting) == 1 else None

    def question(talk: Talk) -> Say:
        waiting = talk.standing.asked(kind)
        if not waiting:
            return say(nothing)
        return say("ask_which", *(Answer(f"{word} {a.ref}", _ask_label(a)) for a in waiting[:5]), word=word)

    def line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
        if not rest:
            return {}, None
        try:
            return {slot: read_ref(letter)(rest, talk)}, None
        except Misread as miss:
            return {}, miss.because

    def finish(talk: Talk) -> Step:
        return Step(talk.session.idle(), (), (command(talk.slots[slot]),))

    return Flow(word.lower(), [Question(slot, question, read_ref(letter), implied)], finish, line)


CONFIRM = answering("CONFIRM", "cash", "R", "nothing_to_confirm", Confirm)
DENY = answering("DENY", "cash", "R", "nothing_to_confirm", Deny)
