"""Numbers that people write in words (`five thousand`, `tree tousan`, `two and a half grand`), as figures.

Changes nothing that is not a number for certain: who reads the figures says what is wrong with them.
"""

import re
from fractions import Fraction

from bot.conversations.phrases import NUMBERS

TEN, TWENTY, HUNDRED, THOUSAND = 10, 20, 100, 1000
MOST_DIGITS = 9
"""Of a figure before `thousand` or `hundred`: a longer one is no amount."""
LONGEST_NUMBER = 12
"""Words: what is longer is a text."""
MOST_WITHOUT = 10**MOST_DIGITS
_IN_WORDS = {"a": Fraction(1), "half": Fraction(1, 2)}
_BETWEEN = frozenset({*_IN_WORDS, "and"})
_PLAIN = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}(?:\.[0-9]{{1,3}})?")


class _NoNumber(ValueError):
    """The words are not one number (`one two three`, `thousand five`)."""


def in_figures(typed: str) -> str:
    """Return a text with the first number in words written in figures; any other text as it is."""
    words = typed.split()
    plain = [w.casefold().strip(".,!") for w in words]
    start = next((i for i, w in enumerate(plain) if w in NUMBERS), len(words))
    end = start
    while start and _goes_with(plain[start - 1]):
        start -= 1
    while end < len(words) and (plain[end] in NUMBERS or _goes_with(plain[end])):
        end += 1
    if start == end or end - start > LONGEST_NUMBER:
        return typed
    try:
        number = _written(_number(plain[start:end]))
    except _NoNumber:
        return typed
    return " ".join([*words[:start], number, *words[end:]])


def _goes_with(word: str) -> bool:
    """Whether a word may be a part of a number in words."""
    return word in _BETWEEN or _PLAIN.fullmatch(word) is not None


def _number(words: list[str]) -> Fraction:
    many, under = _parted(words, THOUSAND)
    return (_hundreds(many, half=True) * THOUSAND if many else 0) + _hundreds(under, half=False)


def _hundreds(words: list[str], *, half: bool) -> Fraction:
    many, under = _parted(words, HUNDRED)
    if not many:
        return _tens(under, half=half, most=MOST_WITHOUT)
    return _tens(many, half=True, most=HUNDRED) * HUNDRED + _tens(under, half=False, most=HUNDRED)


def _parted(words: list[str], scale: int) -> tuple[list[str], list[str]]:
    """Return what stands before a scale and behind it."""
    places = [i for i, w in enumerate(words) if NUMBERS.get(w) == scale]
    if not places:
        return [], words
    if places[0] == 0 or len(places) > 1:
        raise _NoNumber
    behind = words[places[0] + 1 :]
    return words[: places[0]], behind[1:] if behind[:1] == ["and"] and len(behind) > 1 else behind


def _tens(words: list[str], *, half: bool, most: int) -> Fraction:
    """Return a number below a hundred, or one in figures; with `half` also `a` and halves, as in `a grand`."""
    if half and words[-3:] == ["and", "a", "half"]:
        return _tens(words[:-3], half=False, most=most) + Fraction(1, 2)
    match [NUMBERS.get(w) for w in words]:
        case []:
            return Fraction(0)
        case [None]:
            number = _IN_WORDS.get(words[0]) if half else None
            number = Fraction(words[0]) if number is None and _PLAIN.fullmatch(words[0]) else number
        case [int(one)]:
            number = Fraction(one)
        case [int(ten), int(one)] if ten >= TWENTY and 0 < one < TEN:
            number = Fraction(ten + one)
        case _:
            number = None
    if number is None or number >= most:
        raise _NoNumber
    return number


def _written(number: Fraction) -> str:
    cents = number * HUNDRED
    if cents.denominator != 1:
        raise _NoNumber
    whole, part = divmod(int(cents), HUNDRED)
    return f"{whole}.{part:02d}" if part else f"{whole}"
