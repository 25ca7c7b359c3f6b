"""What was likely meant by a line that begins with no word: a slip, a phrase, or something like one.

A guess may show something or open a question. It never does anything: talk.py asks first (`Said.exact`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from bot.conversations.flow import Talk
from bot.conversations.phrases import LONGEST_PHRASE, NOT, PHRASES, TALK, heart, ranked
from bot.conversations.reading import is_secret
from bot.conversations.vocabulary import BY, HEADS, NOTHING, WORDS, Said, asks, head_of, may

SHORTEST_SLIP = 4
"""Words of fewer letters are too near to each other for a slip to be told from another word: they are only offered."""
SHORTEST_OFFERED = 3
NEAR = 2
"""How many letters away a word is still one that may have been meant; one for a short word."""
SURE = 65.0
"""Of 100: a line so like a phrase means its word,"""
CLEARLY = 12.0
"""if the next likely word is so much less like it, and the word does not act."""
_BARE = re.compile(r"(?<![\w.,])[0-9]{4,6}(?![\w,])")
LONGEST_GUESSED = 200
"""Characters: nobody says a word in a letter."""


@dataclass(frozen=True, slots=True)
class _Likely:
    """A line that may have been meant. `clear`: no other may."""

    said: Said
    clear: bool


def meant(typed: str, talk: Talk) -> Said:
    """Return what a line means for certain to this person, or NOTHING."""
    found = (likely.said for likely in _likely(typed, talk) if likely.clear)
    return next((said for said in found if not asks(said.word, typed)), NOTHING)


def offered(typed: str, talk: Talk) -> list[str]:
    """Return the lines that may have been meant, one a word, the likeliest first."""
    found: dict[str, str] = {}
    for likely in sorted(_likely(typed, talk), key=lambda likely: not likely.clear):
        found.setdefault(likely.said.word, _offered(likely.said))
    return list(found.values())


def rather(said: Said, typed: str, talk: Talk) -> Said:
    """Take a line for the phrase it is, where its first word only looks like the word (`pay mi han`, `new pin`)."""
    if not said.rest or talk.tapped or any(c.isdigit() for c in said.rest):
        return said
    plain = " ".join(word for word, _ in heart(typed))
    word = PHRASES.get(plain, "") if " " in plain else ""
    if not word or not may(word, talk.standing):
        return said
    whole = word == said.word and not _is_free(word) and _reads(word, said.rest, talk)
    return said if whole else Said(word, exact=False)


def _likely(typed: str, talk: Talk) -> Iterator[_Likely]:
    """Yield what may be meant: a phrase, a word with a slip in it, a phrase and more, and what is like a phrase."""
    if len(typed) > LONGEST_GUESSED or not any(c.isalpha() for c in typed):
        return
    words = typed.split()
    carrying = heart(typed)
    plain = " ".join(word for word, _ in carrying)
    figures = " ".join(w for w in words if any(c.isdigit() for c in w))
    if (word := PHRASES.get(plain)) == TALK:
        return
    if word and may(word, talk.standing):
        yield _Likely(_with(word, figures, talk), clear=True)
    for many in (2, 1):
        yield from _slips(words, many, talk)
    for many in range(min(len(carrying) - 1, LONGEST_PHRASE), 0, -1):
        word = PHRASES.get(" ".join(w for w, _ in carrying[:many]))
        if word and may(word, talk.standing):
            rest = " ".join(words[carrying[many - 1][1] :])
            reads = (
                _reads(word, rest, talk) and not (rest and _is_free(word)) and all(w != NOT for w, _ in carrying[many:])
            )
            yield _Likely(Said(word, rest if reads else "", exact=False), clear=reads)
    yield from _like(plain, figures, talk)


def _like(plain: str, figures: str, talk: Talk) -> Iterator[_Likely]:
    """Yield the words that a line is like a phrase of. What acts is never clear so."""
    like = [(word, score) for word, score in ranked(plain) if may(word, talk.standing)]
    ahead = like[0][1] - (like[1][1] if len(like) > 1 else 0) if like else 0
    for place, (word, score) in enumerate(like):
        if word != TALK:
            acts = word in WORDS and WORDS[word].acts
            clear = place == 0 and not acts and score >= SURE and ahead >= CLEARLY
            yield _Likely(_with(word, figures, talk), clear=clear)


def _offered(said: Said) -> str:
    """Return the line as it is offered: an amount as one, and no figures that may be a PIN, a TRN or an account."""
    flow = said.entry.flow
    pays = flow is not None and "amount" in flow.questions
    line = _BARE.sub(lambda found: f"{int(found[0]):,}", said.line) if pays else said.line
    return said.word if is_secret(line) else line


def _with(word: str, figures: str, talk: Talk) -> Said:
    """Return a word said in a phrase, with the figures and codes that stood in it, if it can take them."""
    return Said(word, figures if figures and _reads(word, figures, talk) else "", exact=False)


def _reads(word: str, rest: str, talk: Talk) -> bool:
    """Whether the word can take what followed it. What is only looked at takes nothing that means something."""
    flow = WORDS[word].flow if word in WORDS else None
    if not rest:
        return True
    return flow.line(rest, talk.knowing({}))[1] is None if flow else not heart(rest)


def _is_free(word: str) -> bool:
    """Whether any words may follow it (NEW, AGENT), so that its taking them tells nothing."""
    flow = WORDS[word].flow if word in WORDS else None
    return flow is not None and next((question.free for question in flow.questions.values()), False)


def _slips(words: list[str], many: int, talk: Talk) -> Iterator[_Likely]:
    """Yield the words that the first one or two are near to.

    One letter away from one alone is clear; what acts must be near to no other word.
    """
    if len(words) < many:
        return
    head, rest = head_of(" ".join(words[:many])), " ".join(words[many:])
    if (word := HEADS.get(head)) and may(word, talk.standing):
        yield _Likely(Said(word, rest, exact=False), clear=False)
    close = [(w, d) for w, d in _distances(head) if may(w, talk.standing)]
    only = [w for w, d in close if d == 1]
    for word, _ in close:
        alone = only == [word] and (len(close) == 1 or not (word in WORDS and WORDS[word].acts))
        clear = alone and len(head) >= SHORTEST_SLIP <= len(word)
        yield _Likely(Said(word, rest, exact=False), clear=clear and _reads(word, rest, talk))


@lru_cache(maxsize=4096)
def _distances(head: str) -> tuple[tuple[str, int], ...]:
    """Return the words that a head is near to, nearest first."""
    if len(head) < SHORTEST_OFFERED or not head.replace(" ", "").isalpha():
        return ()
    found: dict[str, int] = {}
    for spelling, word in HEADS.items():
        most = NEAR if min(len(head), len(spelling)) >= SHORTEST_SLIP else 1
        if len(spelling) >= SHORTEST_OFFERED and word != BY:
            distance = OSA.distance(head, spelling, score_cutoff=most)
            found[word] = min(found.get(word, distance), distance) if distance <= most else found.get(word, NEAR + 1)
    return tuple(sorted(((w, d) for w, d in found.items() if d <= NEAR), key=lambda pair: pair[1]))
