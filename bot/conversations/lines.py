"""One line, read part by part: each part takes its own out of the words that are left, wherever they stand.

`PAY 5,000 cash K7QX2M` in any order: the code is taken first, then the rail, and the amount takes the rest.
"""

from collections.abc import Callable
from typing import Any

from bot.conversations.flow import Complaint, Line, Misread, Talk
from bot.conversations.reading import heard, miss
from bot.words.say import text
from domain.codes import looks_like_circle_code, normalise_code

Words = list[str]
Take = Callable[[Words, Talk], tuple[Any, Words]]
"""Takes one answer out of the words (None: it is not there), and returns what is left. Raises Misread."""

POLITE = frozenset({
    "please", "pls", "plz", "thanks", "tanks", "thank", "you", "yuh", "now", "quick", "quickly", "asap", "sah", "suh",
    "eno", "enuh", "yaw",
})  # fmt: skip
"""What may end any line."""
JOINTS = frozenset({
    "by", "with", "wid", "in", "inna", "for", "fi", "to", "from", "of", "via", "through", "and", "please", "pls",
})  # fmt: skip
"""What may stand between the parts of a line."""


def line(word: str, *parts: tuple[str, Take]) -> Line:
    """Return a reader of a line made of these parts. What nobody takes is complained of, so that nothing is done."""

    def read(rest: str, talk: Talk) -> tuple[dict[str, Any], Complaint | None]:
        typed = left = _plain(rest.split())
        slots: dict[str, Any] = {}
        for slot, take in parts:
            try:
                value, left = take(left, talk.knowing(slots))
            except Misread as wrong:
                return slots, Complaint(slot, wrong.because)
            if value is not None:
                slots[slot] = value
        if not left:
            return slots, None
        clean = " ".join([word, *(w for w in typed if w not in left)])
        return slots, Complaint("", text("too_much", heard=heard(" ".join(left)), line=clean))

    return read


def _plain(words: Words) -> Words:
    while words and words[-1].casefold().strip(".,!") in POLITE:
        words = words[:-1]
    return words


def code(left: Words, _: Talk) -> tuple[str | None, Words]:
    """Take a circle's code. Figures alone are an amount or a number here, never a code."""
    return _take_code(left, lambda w: not w.isdecimal() and looks_like_circle_code(w))


def lone_code(left: Words, talk: Talk) -> tuple[str | None, Words]:
    """Take a circle's code, if it is not known yet, where nothing else may stand: what is none is complained of."""
    if "code" in talk.slots:
        return None, left
    found, rest = _take_code(left, looks_like_circle_code)
    if rest and found is None:
        raise miss("no_code", " ".join(rest))
    return found, rest


def _take_code(left: Words, fits: Callable[[str], bool]) -> tuple[str | None, Words]:
    for place, word in enumerate(left):
        if fits(word):
            return normalise_code(word), [*left[:place], *left[place + 1 :]]
    return None, left


def first(read: Callable[[str, Talk], Any]) -> Take:
    """Take the first word."""
    return lambda left, talk: (read(left[0], talk), left[1:]) if left else (None, left)


def rest(read: Callable[[str, Talk], Any]) -> Take:
    """Take all the words that are left, as one answer."""
    return lambda left, talk: (read(" ".join(left), talk), []) if left else (None, left)


def yes_at_end(left: Words, _: Talk) -> tuple[bool | None, Words]:
    """Take a Yes that ends the line (`LOCK K7QX2M YES`)."""
    return (True, left[:-1]) if left and left[-1].casefold().strip(".!") == "yes" else (None, left)
