"""WHY: where an amount comes from that somebody was shown, as arithmetic in plain words.

What was shown is looked up by the one who asks, at any of their addresses, and its lines are worked out by
domain/reckoning.py. Others' throws are told by first name, as the roster tells them; their receipts only to the
banker. Of a draw that is held it says the sums and nothing of the hold, so that all holds read the same (rules.md 58).
"""

from collections.abc import Iterable, Sequence

from bot.actions.turn import Turn
from bot.conversations.why import NUMBERED
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.pardna import Circle, Draw, Due
from domain.people import Person
from domain.reckoning import explain
from domain.schedule import local_date
from domain.why import AGREED, Books, Part, Shown, money_of

MOST_CHOICES = 5
MOST_LOOKED_AT = 20
MOST_LINES = {"sms": 7}
"""How many lines are said one by one on a network, the last of them; elsewhere `LINES`."""
LINES = 30

Explained = tuple[Shown, tuple[Part, ...] | None]


def why(turn: Turn, command: c.Why) -> Say | Refusal:
    """Explain an amount; ask which, if it was shown as more than one thing; without one offer what was shown lately."""
    shown = [one for one in turn.told.shown.get(turn.person_id, ()) if _is_meant(one, command)]
    if not command.amount:
        return _lately(shown)
    if not shown:
        return refuse("why_never", Answer("WHY", text("why_lately")), Answer("AGENT", text("menu_agent")))
    found = _explained(turn, shown)
    return _said(turn, *found[0]) if len(found) == 1 else _which(turn, found)


def _is_meant(one: Shown, command: c.Why) -> bool:
    money, origin = one.money, one.origin
    return (
        command.amount in {0, money.minor}
        and command.currency in {"", money.currency.value}
        and command.of_circle in {"", origin.circle}
        and command.ref in {"", origin.ref}
        and command.number in {0, one.id}
    )


def _lately(shown: Iterable[Shown]) -> Say | Refusal:
    amounts = list(dict.fromkeys(one.money.text() for one in shown if one.money.minor > 0))[:MOST_CHOICES]
    if not amounts:
        return refuse("why_nothing", Answer("BALANCE", text("menu_balance")))
    return say("why_which_amount", *(Answer(f"WHY {amount}", amount) for amount in amounts))


def _explained(turn: Turn, shown: Sequence[Shown]) -> list[Explained]:
    """Return what was shown with its lines, the latest first. What comes of the same lines is one thing."""
    found: dict[tuple[str, tuple[Part, ...] | None], Shown] = {}
    for one in shown[:MOST_LOOKED_AT]:
        found.setdefault((one.origin.circle, explain(one, books_of(turn, one.origin.circle))), one)
    told: list[Explained] = [(one, lines) for (_, lines), one in found.items() if lines]
    return told[:MOST_CHOICES] or [(shown[0], None)]


def books_of(turn: Turn, code: str) -> Books:
    """Return what a figure of a circle is explained by."""
    book = turn.book
    return Books(
        circle=book.must(Circle, code),
        hands=book.hands(code),
        rounds=book.rounds(code),
        dues=book.all(Due, circle=code),
        draws=book.all(Draw, circle=code),
        payouts=turn.told.payouts[code],
        moves=turn.told.moves[code],
    )


def _which(turn: Turn, found: Sequence[Explained]) -> Say:
    amount = found[0][0].money
    answers = (Answer(f"WHY {amount.text()} {NUMBERED.upper()}{one.id}", _label(turn, one)) for one, _ in found)
    return say("why_which", *answers, amount=amount)


def _label(turn: Turn, one: Shown) -> Text:
    return text("why_choice", **_figures(turn, one))


def _figures(turn: Turn, one: Shown) -> dict[str, Figure]:
    circle = turn.book.must(Circle, one.origin.circle)
    of = text(f"why_is_{one.origin.of.value}")
    return {"what": of, "which": _which_one(turn, one), "date": local_date(one.at), "circle": circle.name}


def _which_one(turn: Turn, one: Shown) -> Figure:
    origin = one.origin
    if origin.ref:
        return f" {origin.ref}"
    if origin.round:
        return text("why_of_round", round=origin.round)
    other = origin.of not in AGREED and origin.whose != turn.person_id
    return f" ({_name(turn, origin.whose)})" if other and origin.whose else ""


def _said(turn: Turn, one: Shown, lines: tuple[Part, ...] | None) -> Say | Refusal:
    if lines is None:
        return refuse("why_unclear", Answer("AGENT", text("menu_agent")), amount=one.money, date=local_date(one.at))
    many = MOST_LINES.get(turn.party.partition(":")[0], LINES)
    banker = turn.book.must(Circle, one.origin.circle).banker_id == turn.person_id
    told = tuple(_line(turn, one, part, banker=banker) for part in _folded(lines, many))
    return say("why", amount=one.money, lines=told, **_figures(turn, one))


def _folded(lines: tuple[Part, ...], many: int) -> tuple[Part, ...]:
    """Put the first lines of many into one, so that the sum stays."""
    if len(lines) <= many:
        return lines
    first = lines[: len(lines) - many + 1]
    return (Part("earlier", sum(part.minor for part in first), count=len(first)), *lines[len(first) :])


def _line(turn: Turn, one: Shown, part: Part, *, banker: bool) -> Text:
    mine = part.who in {"", turn.person_id}
    name = f"{part.name}_you" if part.name == "threw" and part.who == turn.person_id else part.name
    figures: dict[str, Figure] = {
        "amount": money_of(one, part.minor),
        "round": part.round,
        "count": part.count,
        "who": "" if not part.who else _name(turn, part.who),
        "date": part.day or "",
        "which": f" {part.ref}" if part.ref and (mine or banker) else "",
    }
    return text(f"why_{name}", **figures)


def _name(turn: Turn, person: str) -> str:
    known = turn.book.get(Person, person)
    return known.first_name if known else ""
