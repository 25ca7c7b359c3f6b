"""What people say for the words, kept as data in phrases.toml: read once, compared by their likeness.

Knows texts alone: not who speaks, nor what may be done. `ranked` never decides; who asks it does.
"""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from rapidfuzz import fuzz, process

_TABLE: Mapping[str, Any] = tomllib.loads(files("bot.conversations").joinpath("phrases.toml").read_text("utf-8"))
TALK = ""
"""The word of what is only talk: near a word, and none."""
NOT = "not"
"""What every word that turns a line round is read as."""
LONGEST_COMPARED = 120
"""Characters: what is longer is a letter, and no way of saying a word."""
SHORTEST_MISSPELLED = 4
"""Letters: shorter words are too near to each other."""
LEAST_SPELLED = 80
"""Of 100: words less alike are two words."""
LEAST_LIKE = 50.0
"""Of 100: phrases less like a line than this are not thought of."""
SOMEBODY = "person"
"""How a name is written in a phrase."""
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
PLAIN_NO = frozenset(_TABLE["never"]["plain"])
BEFORE = tuple(f"{say} " for say in ("mi seh", "mi say", "i say", "mi a seh", "well"))
"""What may stand before a yes or a no."""
ADDRESSED = tuple(f" {whom}" for whom in _TABLE["address"]["words"])
NUMBERS: Mapping[str, int] = {way: int(number) for way, number in _spellings(_TABLE["numbers"]).items()}
DAYS: Mapping[str, str] = _spellings(_TABLE["days"])
DAY_NAMES = tuple(name for name in _TABLE["days"] if name)
NAMELESS = frozenset(_TABLE["nameless"]["words"]) | (frozenset(_TABLE["no"]["words"]) - {"nat", "none"})
"""What no name holds: a line with one of them says something."""
_SMALL = frozenset(_TABLE["small"]["words"])
_ALIKE: Mapping[str, str] = {**_spellings(_TABLE["alike"]), **dict.fromkeys(_TABLE["no"]["words"], NOT)}


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
_IN: Mapping[str, list[str]] = {}
"""The phrases that a word stands in."""
for _phrase in PHRASES:
    for _word in set(_phrase.split()):
        _IN.setdefault(_word, []).append(_phrase)  # type: ignore[attr-defined]


def is_known(word: str) -> bool:
    """Whether a word as it was typed stands in the table, in whatever spelling: then it is no slip."""
    plain = _MARKS.sub("", squeezed(word))
    return plain in _SMALL or _ALIKE.get(plain, plain) in _IN


def naming(plain: str) -> str:
    """Return a line with the first word that stands nowhere taken for somebody's name (`pay keisha draw`)."""
    words = plain.split()
    at = next((i for i, word in enumerate(words) if not _spelled_like(word)), None)
    if at is None or len(words) == 1 or SOMEBODY in words:
        return plain
    return " ".join([*words[:at], SOMEBODY, *words[at + 1 :]])


def _weight(word: str) -> float:
    """Return how much a word tells: one that stands in few phrases tells more than `how`."""
    return math.log((len(PHRASES) + 1) / (len(_IN.get(word, ())) + 1))


def _weights(words: Iterable[str]) -> float:
    return sum(map(_weight, words))


_WHOLE: Mapping[str, float] = {phrase: _weights(set(phrase.split())) for phrase in PHRASES}


@lru_cache(maxsize=4096)
def _spelled_like(word: str) -> tuple[tuple[str, float], ...]:
    """Return the words of phrases that a word is, or is spelled like, each with its likeness from 0 to 1."""
    if word in _IN or len(word) < SHORTEST_MISSPELLED:
        return ((word, 1.0),) if word in _IN else ()
    found = process.extract(word, list(_IN), scorer=fuzz.ratio, score_cutoff=LEAST_SPELLED, limit=3)
    return tuple((known, score / 100) for known, score, _ in found if len(known) >= SHORTEST_MISSPELLED)


@lru_cache(maxsize=4096)
def ranked(plain: str) -> tuple[tuple[str, float], ...]:
    """Return the words with a phrase like a line in its plain spelling: the likeliest first, each with its likeness.

    The likeness is from 0 to 100: the weight of the words they share, in that of all their words (Dice). A line that
    is turned round is never like a phrase that is not.
    """
    words = set(plain.split())
    if not words or len(plain) > LONGEST_COMPARED:
        return ()
    shared: dict[str, float] = {}
    whole = 0.0
    for word in words:
        known = _spelled_like(word)
        whole += max((_weight(k) for k, _ in known), default=_weight(word))
        told: dict[str, float] = {}
        for meant, likeness in known:
            for phrase in _IN[meant]:
                told[phrase] = max(told.get(phrase, 0.0), likeness * _weight(meant))
        for phrase, weight in told.items():
            shared[phrase] = shared.get(phrase, 0.0) + weight
    best: dict[str, float] = {}
    for phrase, weight in shared.items():
        score = 200 * weight / (whole + _WHOLE[phrase])
        if score >= LEAST_LIKE and (NOT in words) is (NOT in phrase.split()):
            best[PHRASES[phrase]] = max(best.get(PHRASES[phrase], 0.0), score)
    return tuple(sorted(best.items(), key=lambda pair: -pair[1]))
