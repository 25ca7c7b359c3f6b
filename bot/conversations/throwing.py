"""Throwing a hand: PAY, the banker's CASH, and the word of the other side (CONFIRM, DENY)."""

import re
from collections.abc import Callable
from dataclasses import replace

from bot.conversations.flow import Flow, Misread, Question, Step, Talk, do
from bot.conversations.lines import JOINTS, Words, code, first, line, rest
from bot.conversations.looking import menu_answers
from bot.conversations.numbers import HUNDRED, in_figures
from bot.conversations.phrases import NUMBERS
from bot.conversations.reading import miss, money_of, read_money, read_one_of, read_ref
from bot.conversations.running import Fits, banks, circle_question, fitting, read_who
from bot.words.say import Answer, Say, say, text
from domain.codes import normalise_code
from domain.commands import BeginThrow, Command, Confirm, CoverPot, Deny, RecordCash, SentByBank
from domain.money import Currency, Money
from domain.pardna import MOST_HANDS, OVER, CircleState
from domain.payments import CARD, CASH, LYNK, NCB, SANDBOX, SCOTIA, US_CARD
from domain.standing import Ask, Seat

RAIL_WORDS = {
    "cash": CASH, "cash to banker": CASH, "card": CARD, "sandbox": SANDBOX, "visa": CARD, "debit": CARD,
    "ncb": NCB, "scotia": SCOTIA, "scotiabank": SCOTIA, "lynk": LYNK, "uscard": US_CARD, "us card": US_CARD,
    "card in us$": US_CARD,
}  # fmt: skip
_WHICH = re.compile(r"\(\d{1,2}\)")
MONEY_WORDS = frozenset({
    "k", "g", "gs", "dollars", "dollar", "dolla", "dollas", "jmd", "usd", "us", "j$", "us$", "$",
    *(way for way, number in NUMBERS.items() if number >= HUNDRED),
})  # fmt: skip


def _throws(seat: Seat) -> bool:
    """Whether throws are taken: while a circle runs, and after it of those who still owe (rules.md 51)."""
    owes_still = seat.state in OVER and seat.owed_in_all > 0
    return seat.is_member and (seat.running or owes_still)


def _known(question: Question) -> Question:
    """Ask for a circle of mine: its currency has to be known before an amount is read."""

    def read(typed: str, talk: Talk) -> str:
        code: str = question.read(typed, talk)
        if all(s.code != code for s in talk.standing.seats):
            raise Misread(text("not_in_circle", code=code))
        return code

    return replace(question, read=read)


def _take_known(left: Words, talk: Talk) -> tuple[str | None, Words]:
    found, left = code(left, talk)
    if found and all(s.code != found for s in talk.standing.seats):
        raise Misread(text("not_in_circle", code=found))
    return found, left


def _amount_reader(fits: Fits) -> Callable[[str, Talk], str | None]:
    """Return a reader of an amount in the currency of the circle; None while that is not known."""

    def read(typed: str, talk: Talk) -> str | None:
        seats = [talk.seat] if talk.seat else fitting(talk, fits)
        if len({s.currency for s in seats}) > 1:
            return None
        money = read_money(typed, seats[0].currency if seats else Currency.JMD)
        # More than anybody could ever throw here is a slip, or no amount at all (a TRN, say).
        if seats and money.minor > max(s.gross for s in seats) * MOST_HANDS:
            raise miss("money_too_large", typed)
        return money.full()

    return read


def _cents(talk: Talk) -> int:
    return _amount(talk).minor


# -- PAY ------------------------------------------------------------------------------------------------------


def _ask_amount(talk: Talk) -> Say:
    seat = talk.seat
    if seat is None or not seat.owed_in_all:
        return say("ask_amount_ahead", circle=seat.name if seat else "")
    owed = seat.money(seat.owed_in_all)
    return say("ask_amount", Answer(owed.text(), owed.text()), circle=seat.name, amount=owed)


def _due_when_rail_named(talk: Talk) -> str | None:
    """Know the amount when the line named a rail but no amount: what is due."""
    seat = talk.seat
    mine = seat and seat.owed_in_all and "for_who" not in talk.slots
    return seat.money(seat.owed_in_all).full() if seat and mine and "rail" in talk.slots else None


def _ask_rail(talk: Talk) -> Say:
    return say("ask_rail", *_rails(talk), amount=_amount(talk))


def _rails(talk: Talk) -> tuple[Answer, ...]:
    """Offer the rails. `BY CASH`, not `CASH`: a button tapped again later must not begin the banker's CASH."""
    return tuple(Answer(f"BY {r}", text(f"rail_{r.lower()}")) for r in (*talk.standing.rails, CASH))


def _amount(talk: Talk) -> Money:
    return money_of(talk.slots["amount"])


def _open_rail(rail: str, talk: Talk) -> str:
    if rail != CASH and rail not in talk.standing.rails:
        raise Misread(text("rail_off", rail=rail))
    return rail


_read_rail_word = read_one_of("no_rail", RAIL_WORDS, "by ")


def _read_rail(typed: str, talk: Talk) -> str:
    return _open_rail(_read_rail_word(typed, talk), talk)


def _take_rail(left: Words, talk: Talk) -> tuple[str | None, Words]:
    """Take the rail, and with it the small words between the parts."""
    left = [w for w in left if w.casefold() not in JOINTS]
    for place, word in enumerate(left):
        if rail := RAIL_WORDS.get(word.casefold()):
            return _open_rail(rail, talk), [*left[:place], *left[place + 1 :]]
    return None, left


def _begin_throw(talk: Talk) -> BeginThrow:
    slots = talk.slots
    return BeginThrow(slots["code"], _cents(talk), slots["rail"], slots.get("for_who", ""))


def _take_payee(left: Words, _: Talk) -> tuple[str | None, Words]:
    """Take `FOR name` at the end of a line: whose hand somebody else pays (rules.md 25)."""
    at = max((i for i, w in enumerate(left) if w.casefold() == "for"), default=len(left))
    name = left[at + 1 :]
    if not name or any(_is_figure(w) or w.casefold() in RAIL_WORDS for w in name):
        return None, left
    return " ".join(name), left[:at]


PAY_CIRCLE = _known(circle_question("PAY", _throws))
_read_throw = _amount_reader(_throws)
PAY = Flow(
    "pay",
    [
        PAY_CIRCLE,
        Question("amount", _ask_amount, _read_throw, _due_when_rail_named, figures=True),
        Question("rail", _ask_rail, _read_rail),
    ],
    lambda talk: do(talk, _begin_throw(talk)),
    line(
        "PAY",
        ("code", _take_known),
        ("for_who", _take_payee),
        ("rail", _take_rail),
        ("amount", rest(_read_throw)),
    ),
)


# -- SENT -----------------------------------------------------------------------------------------------------

LONGEST_TOLD = 40


def _read_told(typed: str, _: Talk) -> str:
    told = " ".join(typed.split())[:LONGEST_TOLD]
    if not any(c.isdigit() for c in told):
        raise miss("no_told", typed)
    return told


SENT = Flow(
    "sent",
    [
        Question("receipt", lambda _: say("ask_receipt"), read_ref("R")),
        Question("told", lambda _: say("ask_told"), _read_told, free=True, figures=True),
    ],
    lambda talk: do(talk, SentByBank(talk.slots["receipt"], talk.slots["told"])),
    line("SENT", ("receipt", first(read_ref("R"))), ("told", rest(_read_told))),
)


# -- CASH -----------------------------------------------------------------------------------------------------

CASH_CIRCLE = _known(circle_question("CASH", banks(CircleState.ACTIVE)))
_read_taken = _amount_reader(banks(CircleState.ACTIVE))


def _read_who(typed: str, _: Talk) -> str:
    return read_who("no_who", typed)


def _take_figures(left: Words, talk: Talk) -> tuple[str | None, Words]:
    """Take the words that make the amount: those with figures, and `grand` or `JMD` beside them."""
    left = [w for w in left if w.casefold() not in JOINTS]
    if not any(_is_figure(w) for w in left):
        left = in_figures(" ".join(left)).split()
    figures = [_is_figure(w) for w in left]
    near = [
        here or (left[i].casefold() in MONEY_WORDS and any(figures[max(i - 1, 0) : i + 2]))
        for i, here in enumerate(figures)
    ]
    amount = [w for w, taken in zip(left, near, strict=True) if taken]
    others = [w for w, taken in zip(left, near, strict=True) if not taken]
    return (_read_taken(" ".join(amount), talk) if amount else None), others


def _is_figure(word: str) -> bool:
    """Whether a word is part of an amount; `(2)` tells two of one name apart."""
    return any(c.isdigit() for c in word) and not _WHICH.fullmatch(word)


CASH_ENTRY = Flow(
    "cash",
    [
        CASH_CIRCLE,
        Question("who", lambda _: say("ask_cash_who"), _read_who, free=True),
        Question("amount", lambda talk: say("ask_cash_amount", who=talk.slots["who"]), _read_taken, figures=True),
    ],
    lambda talk: do(talk, RecordCash(talk.slots["code"], talk.slots["who"], _cents(talk))),
    line("CASH", ("code", _take_known), ("amount", _take_figures), ("who", rest(_read_who))),
)


# -- COVER ----------------------------------------------------------------------------------------------------

_MAY_COVER = banks(CircleState.ACTIVE, CircleState.COMPLETED)
_read_cover = _amount_reader(_MAY_COVER)
COVER = Flow(
    "cover",
    [
        _known(circle_question("COVER", _MAY_COVER)),
        Question("amount", lambda _: say("ask_cover_amount"), _read_cover, figures=True),
        Question("rail", lambda talk: say("ask_cover_rail", *_rails(talk), amount=_amount(talk)), _read_rail),
    ],
    lambda talk: do(talk, CoverPot(talk.slots["code"], _cents(talk), talk.slots["rail"])),
    line("COVER", ("code", _take_known), ("rail", _take_rail), ("amount", rest(_read_cover))),
)


# -- answers to what waits ------------------------------------------------------------------------------------


def _ask_label(ask: Ask) -> str:
    return f"{ask.money.text()} {ask.who}"


def take_ref(letter: str) -> Callable[[Words, Talk], tuple[str | None, Words]]:
    """Take a reference; a line with something else alone is complained of."""

    def take(left: Words, talk: Talk) -> tuple[str | None, Words]:
        whole = normalise_code(" ".join(left))
        if whole and whole.startswith(f"{letter}-"):
            return whole, []
        for place, word in enumerate(left):
            if (found := normalise_code(word)) and found.startswith(f"{letter}-"):
                return found, [*left[:place], *left[place + 1 :]]
        return read_ref(letter)(" ".join(left), talk), []

    return take


def answering(word: str, kind: str, letter: str, nothing: str, command: Callable[[str], Command]) -> Flow:
    """Make a flow that answers a question which waits: the one there is, or the one named."""

    def implied(talk: Talk) -> str | None:
        waiting = talk.standing.asked(kind)
        return waiting[0].ref if len(waiting) == 1 else None

    def ask(talk: Talk) -> Say:
        waiting = talk.standing.asked(kind)
        return say("ask_which", *(Answer(f"{word} {a.ref}", _ask_label(a)) for a in waiting[:5]), word=word)

    def finish(talk: Talk) -> Step:
        ref = talk.slots.get("ref")
        if ref is None:
            return Step(talk.session.idle(), (replace(say(nothing), answers=menu_answers(talk.standing)[:2]),))
        return do(talk, command(ref))

    def something(talk: Talk) -> bool:
        return bool(talk.standing.asked(kind))

    question = Question("ref", ask, read_ref(letter), implied, something)
    return Flow(word.lower(), [question], finish, line(word, ("ref", take_ref(letter))))


CONFIRM = answering("CONFIRM", "cash", "R", "nothing_to_confirm", Confirm)
DENY = answering("DENY", "cash", "R", "nothing_to_confirm", Deny)
