"""WHY: the lines behind an amount that somebody was shown. `WHY 9500`, `WHY J$9,500.00 K7QX2M`, or WHY alone."""

from typing import Any

from bot.conversations.flow import Flow, Misread, Step, Talk, do
from bot.conversations.lines import Words, code, line
from bot.conversations.reading import miss, read_any_money
from domain.codes import normalise_code
from domain.commands import Why
from domain.money import Currency

NUMBERED = "no."
"""What stands before the number of one figure, in the answers of ours that say which is meant."""


def _take_number(left: Words, _: Talk) -> tuple[int | None, Words]:
    """Take the number of one figure (`WHY J$5,000 NO.12`)."""
    for place, word in enumerate(left):
        if word.casefold().startswith(NUMBERED) and word[len(NUMBERED) :].isdecimal():
            return int(word[len(NUMBERED) :]), [*left[:place], *left[place + 1 :]]
    return None, left


def _take_ref(left: Words, _: Talk) -> tuple[str | None, Words]:
    """Take a receipt or a payout."""
    for place, word in enumerate(left):
        if (ref := normalise_code(word)) and ref[:2] in {"R-", "P-"}:
            return ref, [*left[:place], *left[place + 1 :]]
    return None, left


def _take_amount(left: Words, _: Talk) -> tuple[Any, Words]:
    """Take an amount, and all that is said around it (`why mi owe 5000 dis week`); its currency if one is named."""
    figures = [word for word in left if any(c.isdigit() for c in word)]
    if not figures:
        return None, left
    try:
        either = [read_any_money(" ".join(left), currency) for currency in Currency]
    except Misread:
        either = [read_any_money(" ".join(figures).rstrip("?!.,"), currency) for currency in Currency]
    if either[0].minor != either[1].minor:
        raise miss("no_amount", " ".join(left))
    return [either[0].minor, either[0].currency.value if either[0] == either[1] else ""], []


def _why(talk: Talk) -> Step:
    minor, currency = talk.slots.get("amount", (0, ""))
    named = talk.slots.get("code", ""), talk.slots.get("ref", ""), talk.slots.get("number", 0)
    return do(talk, Why(minor, currency, *named))


WHY = Flow(
    "why",
    [],
    _why,
    line("WHY", ("number", _take_number), ("ref", _take_ref), ("code", code), ("amount", _take_amount)),
)
