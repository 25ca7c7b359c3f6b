"""What people say for the words, kept as data in phrases.toml: read once, compared by their likeness.

Knows texts alone: not who speaks, nor what may be done. `ranked` never decides; who asks it does.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from bot.conversations.likeness import NOT, Likeness

_TABLE: Mapping[str, Any] = tomllib.loads(files("bot.conversations").joinpath("phrases.toml").read_text("utf-8"))
TALK = ""
"""The word of what is only talk: near a word, and none."""
LONGEST_COMPARED = 120
"""Characters: what is longer is a letter, and no way of saying a word."""
LEAST_AKIN = 40.0
"""Of 100: likewise for their sense."""
SOMEBODY = "person"
"""How a name is written in a phrase."""
_UNKNOWN = "?"
LEAST_SCALE = 100
"""From `hundred` on a number in words belongs to a figure."""
_MARKS = re.compile(r"[^\w\s]|_")
_LONG_DRAWN = re.compile(r"(.)\1{2,}")
_FIGURE = re.compile(r"\d")


def _spellings(table: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return each way of writing with what it stands for."""
    return {way: plain for plain, ways in table.items() for way in ways}


SAME: Mapping[str, str] = {way.upper(): word for word, ways in _TABLE["words"].items() for way in ways.get("same", ())}
"""Spellings as good as the word itself."""
PLAIN_YES = frozenset(_TABLE["yes"]["plain"])
LOOSE_YES = frozenset(_TABLE["yes"]["loose"])
_YES = [[word] for word in PLAIN_YES]
PLAIN_NO = frozenset(_TABLE["never"]["plain"])
BEFORE = tuple(f"{say} " for say in ("mi seh", "mi say", "i say", "mi a seh", "well"))
"""What may stand before a yes or a no."""
ADDRESSED = tuple(f" {whom}" for whom in _TABLE["address"]["words"])
NUMBERS: Mapping[str, int] = {way: int(number) for way, number in _spellings(_TABLE["numbers"]).items()}
DAYS: Mapping[str, str] = _spellings(_TABLE["days"])
_WEEKDAYS = frozenset(name for name in _TABLE["days"] if name.endswith("day") and name != "day")
DAY_NAMES = tuple(name for name in _TABLE["days"] if name)
NAMELESS = frozenset(_TABLE["nameless"]["words"]) | (frozenset(_TABLE["no"]["words"]) - {"nat", "none"})
"""What no name holds: a line with one of them says something."""
LATER = frozenset(_TABLE["later"]["words"])
"""What says that nothing is to be done now: it was, or will be, or is no such thing."""
_ASKING = frozenset(_TABLE["asking"]["words"])
_WHETHER = frozenset(_TABLE["asking"]["whether"])
_SMALL = frozenset(_TABLE["small"]["words"])
_ALIKE: Mapping[str, str] = {**_spellings(_TABLE["alike"]), **dict.fromkeys(_TABLE["no"]["words"], NOT)}
_KIN: Mapping[str, str] = _spellings(_TABLE["kin"])
"""Words of one kind: near enough to be offered for each other, and no more."""

_ROLES: Mapping[str, Any] = _TABLE["roles"]
_WHOM: Mapping[str, str] = _spellings({"me": _ROLES["me"], "you": _ROLES["you"]})
_MINE, _WITH = frozenset(_ROLES["mine"]), frozenset(_ROLES["with"])
_THEY, _KEPT = frozenset(_ROLES["they"]), frozenset(_ROLES["kept"])
_GIVING, _OWN = frozenset(_ROLES["giving"]), frozenset(_ROLES["own"])


def squeezed(typed: str) -> str:
    """Return text in lower case with long-drawn letters written once (`yesss`, `noooo`)."""
    return _LONG_DRAWN.sub(r"\1", typed.casefold())


def heart(typed: str) -> list[tuple[str, int]]:
    """Return the words that carry a line, in their plain spelling, each with the place of the typed word it ends at.

    Figures and codes carry no meaning of a word; they are left out.
    """
    words = [_MARKS.sub("", w) for w in squeezed(typed).split()]
    found: list[tuple[str, int]] = []
    place = 0
    while place < len(words):
        pair = " ".join(words[place : place + 2])
        long = 2 if " " in pair and (pair in _ALIKE or pair in _SMALL) else 1
        word = pair if long > 1 else words[place]
        place += long
        if word and word not in _SMALL and not _FIGURE.search(word) and NUMBERS.get(word, 0) < LEAST_SCALE:
            found.append((_ALIKE.get(word, word), place))
    return found


def plain_words(typed: str) -> list[str]:
    """Return all words of a line, each in its plain spelling."""
    return [_ALIKE.get(word, word) for word in _MARKS.sub("", squeezed(typed)).split()]


def _said() -> dict[str, str]:
    """Return each phrase in its plain spelling with its word. Two words may not claim the same one."""
    found: dict[str, str] = {}
    for word, ways in {**_TABLE["words"], TALK: _TABLE["talk"]}.items():
        for phrase in (word.lower(), *ways.get("same", ()), *ways.get("said", ())):
            plain = phrase if phrase == word.lower() else " ".join(w for w, _ in heart(phrase)) or phrase
            if found.setdefault(plain, word) != word:
                raise ValueError(f"phrases.toml: {phrase!r} means {word} and {found[plain]}, both as {plain!r}")
    return found


PHRASES: Mapping[str, str] = _said()
LONGEST_PHRASE = max(len(p.split()) for p in PHRASES)


_SAID = Likeness({phrase: frozenset({word}) for phrase, word in PHRASES.items()}, unknown=1.0)


def _senses() -> dict[str, frozenset[str]]:
    """Return the sense of each phrase, with the words that it may mean then."""
    found: dict[str, frozenset[str]] = {}
    for word, phrase in written():
        sense = " ".join(sorted(_sense(phrase)))
        found[sense] = found.get(sense, frozenset()) | {word}
    return found


def written() -> Iterator[tuple[str, str]]:
    """Yield each word with each phrase that is said for it, or only near to it."""
    for word, ways in {**_TABLE["words"], TALK: _TABLE["talk"]}.items():
        for phrase in (word.lower(), *ways.get("same", ()), *ways.get("said", ()), *ways.get("near", ())):
            yield word, phrase


_WRITTEN = frozenset(word for _, phrase in written() for word, _ in heart(phrase))
"""Every word of the table, in its plain spelling."""


def _every() -> dict[str, frozenset[str]]:
    """Return each phrase in its plain spelling with the words that it may mean, also what is only near to one."""
    found: dict[str, frozenset[str]] = {}
    for word, phrase in written():
        plain = " ".join(w for w, _ in heart(phrase)) or phrase
        found[plain] = found.get(plain, frozenset()) | {word}
    return found


_EVERY = Likeness(_every(), unknown=1.0)


def _sense(typed: str) -> frozenset[str]:
    """Return the kinds of words that carry a line, and for whom something is done.

    Who says `fling`, `drop` or `put in` means one thing, and `gave me` is not `gave you`.
    """
    found: set[str] = set()
    carrying = heart(typed)
    words = [_MARKS.sub("", word) for word in squeezed(typed).split()]
    for at, (word, place) in enumerate(carrying):
        if word not in _WEEKDAYS:
            found.add(_kind(word) or _UNKNOWN)
        after = words[place] if place < len(words) else ""
        following = carrying[at + 1] if at + 1 < len(carrying) else ("", 0)
        own = following[1] == place + 2 and _kind(following[0]) in _OWN
        if word in _GIVING and after in _WHOM and not (own and after in _MINE):
            found.add(_WHOM[after])
    for before, word in pairwise(words):
        if before in _WITH and word in _WHOM:
            found.add(_WHOM[word])
    found.update(SOMEBODY for word in words if word in _THEY)
    found.update(word for word in words if word in _KEPT)
    if _FIGURE.search(typed):
        found.add("#")
    return frozenset(found)


def _kind(word: str) -> str:
    """Return the kind of a word in its plain spelling, in that of its stem or without its slip; "" for a name."""
    for ending in ("", "s", "ed", "ing", "in", "d"):
        stem = word.removesuffix(ending) if len(word) > len(ending) + 2 else word
        if ending and stem in _SMALL:
            return _UNKNOWN
        if stem in _KIN or stem in _WRITTEN:
            return _KIN.get(stem, stem)
        if stem in _ALIKE:
            return _KIN.get(_ALIKE[stem], _ALIKE[stem])
    like = _SAID.spelled_like(word)
    return _KIN.get(like[0][0], like[0][0]) if like else ""


_SENSE = Likeness(_senses(), unknown=0.5)


def is_known(word: str) -> bool:
    """Whether a word as it was typed stands in the table, in whatever spelling: then it is no slip."""
    plain = _MARKS.sub("", squeezed(word))
    return plain in _SMALL or _ALIKE.get(plain, plain) in _SAID.stands


def asking(typed: str) -> bool:
    """Whether a line asks something: it is no answer then, and nothing that was done."""
    if squeezed(typed).split()[:1] in _YES:  # `yes a me who pay`
        return False
    return typed.endswith("?") or wonders(typed) or not _ASKING.isdisjoint(word for word, _ in heart(typed))


def wonders(typed: str) -> bool:
    """Whether a line asks if something is so (`do i have to throw`)."""
    return " ".join(squeezed(typed).split()[:2]) in _WHETHER


def naming(plain: str) -> str:
    """Return a line with the first word that stands nowhere taken for somebody's name (`pay keisha draw`)."""
    words = plain.split()
    at = next((i for i, word in enumerate(words) if not _SAID.spelled_like(word)), None)
    if at is None or len(words) == 1 or SOMEBODY in words:
        return plain
    return " ".join([*words[:at], SOMEBODY, *words[at + 1 :]])


@lru_cache(maxsize=4096)
def ranked(plain: str) -> tuple[tuple[str, float], ...]:
    """Return the words with a phrase like a line in its plain spelling: the likeliest first, each with its likeness."""
    if not plain or len(plain) > LONGEST_COMPARED:
        return ()
    return _likeliest(_SAID.ranked(frozenset(plain.split())))


@lru_cache(maxsize=4096)
def nearly(plain: str) -> Mapping[str, float]:
    """Return the likeness of a line to what is said for each word or only near to it."""
    return _EVERY.ranked(frozenset(plain.split())) if len(plain) <= LONGEST_COMPARED else {}


@lru_cache(maxsize=4096)
def akin(typed: str) -> tuple[tuple[str, float], ...]:
    """Return the words with a phrase of the same sense as a line, whatever words say it, each with its likeness."""
    if len(typed) > LONGEST_COMPARED:
        return ()
    sense = _sense(typed)
    found = _SENSE.ranked(sense - {_UNKNOWN}, LEAST_AKIN)
    if _UNKNOWN in sense and len(sense) > 1:  # what stands nowhere may be somebody's name, or nothing
        named = _SENSE.ranked(sense - {_UNKNOWN} | {SOMEBODY}, LEAST_AKIN)
        found = {word: max(found.get(word, 0.0), named.get(word, 0.0)) for word in {**named, **found}}
    return _likeliest(found)


def _likeliest(found: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
