"""What was likely meant by a line that begins with no word: a slip, a phrase, or something like one.

A guess may show something or open a question. It never does anything: talk.py asks first (`Said.exact`).
"""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from bot.conversations.flow import Talk
from bot.conversations.hearing import likeliest
from bot.conversations.likeness import NOT
from bot.conversations.numbers import in_figures
from bot.conversations.phrases import (
    LATER,
    LONGEST_PHRASE,
    PHRASES,
    TALK,
    akin,
    asking,
    heart,
    is_known,
    naming,
    nearly,
    ranked,
    squeezed,
    wonders,
)
from bot.conversations.reading import is_secret
from bot.conversations.vocabulary import BY, HEADS, NOTHING, WORDS, Said, asks, fits, head_of, may, payout_ref_in
from domain.codes import looks_like_circle_code

SHORTEST_SLIP = 4
"""Words of fewer letters are too near to each other for a slip to be told from another word: they are only offered."""
SHORTEST_OFFERED = 3
NEAR = 2
"""How many letters away a word is still one that may have been meant; one for a short word."""
SURE = 65.0
"""Of 100: a line so like a phrase means its word,"""
SURE_TURNED = 90.0
"""and so like one that is turned round (`nobody nuh pay`),"""
CLEARLY = 12.0
"""if the next likely word is so much less like it, and the word does not act."""
WHOLE, BEGUN, BOTH = 200.0, 60.0, 30.0
"""Of 200, the likeness of words and sense together: a whole phrase, what only begins as one, and each of its words."""
EXPECTED = 25.0
"""So much likelier is what somebody was asked for."""
AWAITED = 95.0
"""How likely it is anyway, where nothing is asked."""
TURNED = ("NOT RECEIVED", "DENY")
ANSWERS = ("RECEIVED", "CONFIRM", *TURNED)
"""What a member is asked for, and what they say then is likely an answer to."""
LEAST_BOTH = 50.0
WHOLLY = 99.9
"""Of 100: the same words, in whatever order (`pin forgot`)."""
FEW = 4
"""Words: in more of them a single one tells little."""
OWN_WORDS = frozenset({"AGENT", "COMPLAIN", "SIDE"})
"""What follows these is told to people, and never looked into."""
FEWEST_ELSE = 2
"""Words behind a word that make a line of their own; a single one is an answer misread."""
THOUGHT_OF = 3
"""Words that a line was most often said for: those that may be offered beside what it is like."""
MOST_NAMES = 2
"""Words that somebody is called by: more behind a word that is said of other things too are no name."""
WARY = 13.0
"""By so much more where the next likely one acts."""
_BARE = re.compile(r"(?<![\w.,])[0-9]{4,6}(?![\w,])")
_CODE = re.compile(r"(?i)\b[rpk]-\w")
LONGEST_GUESSED = 200
"""Characters: nobody says a word in a letter."""


@dataclass(frozen=True, slots=True)
class _Likely:
    """A line that may have been meant. `clear`: no other may. `spelled`: it is the word, or one letter away from it.

    `weight`: of 200, how like it is in its words and in its sense.
    """

    said: Said
    clear: bool
    spelled: bool = False
    weight: float = 0.0


def meant(typed: str, talk: Talk) -> Said:
    """Return what a line means for certain to this person, or NOTHING: never the word it begins with and is not."""
    first = HEADS.get(head_of(typed.split(maxsplit=1)[0]), "")
    begun = first in WORDS and not WORDS[first].look
    found = (
        likely.said for likely in _likely(typed, talk) if likely.clear and not (begun and likely.said.word == first)
    )
    return next((said for said in found if not asks(said.word, typed)), NOTHING)


def offered(typed: str, talk: Talk, first: Said = NOTHING) -> list[str]:
    """Return the lines that may have been meant, one a word, the likeliest first: what this person has a use for."""
    likely = sorted(_likely(typed, talk), key=lambda one: (not one.clear, -one.weight, one.said.word))
    full: dict[str, str] = {}  # of what is read of a line for one word the most is offered
    for one in likely:
        if len(line := _offered(one.said)) > len(full.get(one.said.word, "")) and not one.spelled:
            full[one.said.word] = line
    by_use = sorted(likely, key=lambda one: not (one.spelled or fits(one.said.word, talk.standing)))
    found = {first.word: _offered(first)} if first.word else {}
    for one in by_use:
        line = _offered(one.said) if one.spelled else full[one.said.word]
        if line not in found.values():
            found.setdefault(one.said.word, line)
    if not asking(typed) and (awaited := [word for word in found if word in ANSWERS and _expected(word, talk)]):
        others = [word for word in found if word != awaited[0]]
        place = 0 if next(iter(found)) == awaited[0] else 1
        return [found[word] for word in (*others[:place], awaited[0], *others[place:])]
    return list(found.values()) if any(one.spelled for one in likely) else _with_heard(typed, talk, found)


def _with_heard(typed: str, talk: Talk, found: Mapping[str, str]) -> list[str]:
    """Return the lines to be offered: second among them what such lines were most often said for.

    What is likeliest by the table stays first: it is right where a line is a word with a slip, or nearly a phrase.
    """
    heard = _heard(typed, talk, found)[:THOUGHT_OF]
    first, *others = [*found, ""]
    if heard[:1] == [first]:  # both say the same: then the table's next one, if it was heard so at all
        heard = [word for word in others if word in heard[1:]][:1] or heard[1:]
    lines = {first: found[first]} if first else {}
    lines |= {word: found.get(word) or _offered(_with(word, _figures(typed), talk)) for word in heard[:2]}
    return [*lines.values(), *(line for word, line in found.items() if word not in lines)]


def rather(said: Said, typed: str, talk: Talk) -> Said:
    """Take a line for what it is, where its first word only looks like the word (`pay mi han`, `new pin`, `link mi`).

    A known phrase is that; words of which the word can take none say something else, and are guessed at. What is
    written to a human is never looked into.
    """
    if not said.rest or talk.tapped or said.word in OWN_WORDS:
        return said
    if _is_unwanted(said, typed, talk):
        return NOTHING
    figures = _figures(said.rest)
    whole = _reads(said.word, said.rest, talk)
    if (figures and whole and not _is_free(said.word)) or ";" in said.rest:
        return said
    if said.word == "APPROVE" and payout_ref_in(figures):
        return _with(said.word, figures, talk)
    if said.word == "PAYOUT" and looks_like_circle_code(figures) and fits("PAY OUT", talk.standing) and not whole:
        return _with("PAY OUT", figures, talk)
    if whole and _is_free(said.word) and _begins_other(said, typed):
        return NOTHING
    plain = " ".join(word for word, _ in heart(typed))
    word = PHRASES.get(plain if whole else naming(plain)) if " " in plain else None
    if word and word != said.word and _is_weighty(word) and plain not in PHRASES:
        return NOTHING  # somebody's name was read into it
    if word and may(word, talk.standing):
        same = word == said.word
        mine = same and not (_has_left_over(said, talk) if figures else not whole or _is_free(word))
        return said if mine else _with(word, figures, talk)
    if not whole and not figures and " " in plain and nearly(plain).get(said.word, 0.0) > WHOLLY:
        return _with(said.word, "", talk)
    return NOTHING if word == TALK or (not figures and not whole and _says_else(said, talk)) else said


def _heard(typed: str, talk: Talk, found: Container[str] = ()) -> list[str]:
    """Return the words that lines like this one were said for, of use to this person, the likeliest first.

    None where it is likeliest talk. What turns a line round speaks against all that acts and was not found otherwise.
    """
    heard = likeliest(typed) if len(typed) <= LONGEST_GUESSED and " " in typed.strip() else ()
    if not heard or heard[0] == TALK:
        return []
    turned = any(word == NOT for word, _ in heart(typed))
    return [
        word
        for word in heard
        if word in WORDS
        and may(word, talk.standing)
        and fits(word, talk.standing)
        and not (turned and _acts(word) and word not in TURNED and word not in found)
    ]


def _is_unwanted(said: Said, typed: str, talk: Talk) -> bool:
    """Whether a word is told of and not wanted done (`pay mi back`), not theirs, or rather what they were asked."""
    words = squeezed(said.rest).split()
    if _acts(said.word) and not _is_free(said.word) and not _CODE.search(said.rest) and LATER & set(words):
        return True
    theirs = fits(said.word, talk.standing)
    most = MOST_NAMES if theirs else FEWEST_ELSE - 1
    if len(words) > most and (said.entry.common or not theirs) and not _figures(said.rest):
        return True
    near = akin(typed)
    return said.entry.look is not None and any(_expected(word, talk) for word, score in near if score == near[0][1])


def _begins_other(said: Said, typed: str) -> bool:
    """Whether a line whose word takes anything begins as another one is said (`new bank details`)."""
    words = [word for word, _ in heart(typed)]
    return any(PHRASES.get(" ".join(words[:many]), said.word) != said.word for many in range(2, len(words) + 1))


def _has_left_over(said: Said, talk: Talk) -> bool:
    """Whether the word took all that it wants, and words are left (`join pardna K7QX2M`)."""
    flow = said.entry.flow
    complaint = flow.line(said.rest, talk.knowing({}))[1] if flow else None
    return complaint is not None and not complaint.slot


def _says_else(said: Said, talk: Talk) -> bool:
    """Whether words follow of which the word takes nothing: `link mi later`, but not `pay abc` nor `pay abc cash`."""
    flow = said.entry.flow
    many = len(said.rest.split()) >= FEWEST_ELSE
    return said.word in WORDS and many and not (flow and flow.line(said.rest, talk.knowing({}))[0])


def _likely(typed: str, talk: Talk) -> Iterator[_Likely]:
    """Yield what may be meant: a phrase, a word with a slip in it, a phrase and more, and what is like a phrase."""
    if len(typed) > LONGEST_GUESSED or not any(c.isalpha() for c in typed):
        return
    words = typed.split()
    carrying = heart(typed)
    plain = " ".join(word for word, _ in carrying)
    figures = _figures(typed)
    awaited = () if asking(typed) else tuple(word for word in ANSWERS if _expected(word, talk))
    if (word := PHRASES.get(plain)) == TALK and not awaited:
        return
    if word and word != TALK and may(word, talk.standing):
        far = (len(words) > 1 and WORDS[word].common) or (len(words) > FEW and _acts(word)) if word in WORDS else False
        alone = far and " " not in plain
        clear = not alone and fits(word, talk.standing) and not (awaited and word not in awaited)
        clear = clear and not (_acts(word) and wonders(typed))
        yield _Likely(_with(word, figures, talk), clear=clear, weight=WHOLE)
    for many in (2, 1):
        yield from _slips(words, many, talk, 1)
    yield from _begun(typed, carrying, talk)
    yield from _like(typed, plain, figures, talk)
    for word in awaited:
        turned = (NOT in plain.split()) is (word in TURNED)
        yield _Likely(_with(word, figures, talk), clear=False, weight=AWAITED + (1 if turned else 0))
    for many in (2, 1):
        yield from _slips(words, many, talk, NEAR)
    named = naming(plain)
    for word, _ in ranked(named):
        if word != TALK and may(word, talk.standing):
            weight = WHOLE if PHRASES.get(named) == word else 0.0
            yield _Likely(_with(word, figures, talk), clear=False, weight=weight)


def _begun(typed: str, carrying: Sequence[tuple[str, int]], talk: Talk) -> Iterator[_Likely]:
    """Yield the words of the phrases that a line begins as, with what the word can take of the rest."""
    words = typed.split()
    for many in range(min(len(carrying) - 1, LONGEST_PHRASE), 0, -1):
        word = PHRASES.get(" ".join(w for w, _ in carrying[:many]))
        if word and may(word, talk.standing):
            rest = " ".join(words[carrying[many - 1][1] :])
            reads = (
                _reads(word, rest, talk) and not (rest and _is_free(word)) and all(w != NOT for w, _ in carrying[many:])
            )
            clear = (
                reads
                and fits(word, talk.standing)
                and not (_is_weighty(word) and (asking(typed) or len(words) > FEW or not _counts(rest)))
                and _agrees(word, typed, talk)
            )
            yield _Likely(Said(word, rest if reads else "", exact=False), clear=clear, weight=BEGUN + BOTH * many)


def _agrees(word: str, typed: str, talk: Talk) -> bool:
    """Whether the sense of a line is nearest to this word: what is taken at once is told so by both."""
    sense = {near: score for near, score in akin(typed) if may(near, talk.standing)}
    return all(sense.get(word, 0.0) > score for near, score in sense.items() if near != word)


def _like(typed: str, plain: str, figures: str, talk: Talk) -> Iterator[_Likely]:
    """Yield the words that a line is like a phrase of. Never clear: what acts, what its sense speaks against."""
    like = {word: score for word, score in ranked(plain) if may(word, talk.standing)}
    sense = {word: score for word, score in akin(typed) if may(word, talk.standing)}
    said = {word: score for word, score in nearly(plain).items() if may(word, talk.standing)}
    both = {word: said.get(word, 0.0) + sense.get(word, 0.0) for word in {**like, **said, **sense} if word != TALK}
    sure = SURE if NOT not in plain.split() else SURE_TURNED
    first = next(iter(like), TALK)
    others = [score + (WARY if _acts(word) else 0) for word, score in like.items() if word != first]
    for word, likeness in both.items():
        if likeness < LEAST_BOTH:
            continue
        clear = word == first and not _is_weighty(word) and not (asking(typed) and _banks(word))
        clear = clear and like[word] >= max(sure, CLEARLY + max(others, default=0.0)) and _agrees(word, typed, talk)
        yield _Likely(
            _with(word, figures, talk),
            clear=clear,
            weight=likeness + (EXPECTED if word in ANSWERS and _expected(word, talk) else 0.0),
        )


def _expected(word: str, talk: Talk) -> bool:
    """Whether something waits for this word of theirs."""
    return word in WORDS and bool(WORDS[word].waits) and fits(word, talk.standing)


def _banks(word: str) -> bool:
    """Whether only a banker has a use for a word."""
    return word in WORDS and WORDS[word].banks


def _is_weighty(word: str) -> bool:
    """Whether a word does something, asks for the PIN or tells of money: that is never taken for likeness."""
    return _acts(word) or _guards(word) or word == "SENT"


def _counts(rest: str) -> bool:
    """Whether what follows a word says how much or which, or nothing does: a line that may be taken at its word."""
    return not rest or bool(_figures(rest))


def _figures(typed: str) -> str:
    """Return the words with figures in them, a number in words written in figures (`15 grand`)."""
    return " ".join(word for word in in_figures(typed).split() if any(char.isdigit() for char in word))


def _acts(word: str) -> bool:
    """Whether a word typed alone may do something that others see."""
    return word in WORDS and WORDS[word].acts


def _guards(word: str) -> bool:
    """Whether a word asks for the PIN."""
    return word in WORDS and WORDS[word].guards


def _offered(said: Said) -> str:
    """Return the line as it is offered: an amount as one, and no figures that may be a PIN, a TRN or an account."""
    flow = said.entry.flow
    pays = flow is not None and "amount" in flow.questions
    line = _BARE.sub(lambda found: f"{int(found[0]):,}", said.line) if pays else said.line
    return said.word if is_secret(line) else line


def _with(word: str, figures: str, talk: Talk) -> Said:
    """Return a word said in a phrase, with the figures and codes that stood in it, if it can take them.

    Where a payout is named APPROVE is its second yes: a person is never called so.
    """
    if word == "APPROVE" and (ref := payout_ref_in(figures)):
        return Said("APPROVE PAYOUT", ref, exact=False)
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


def _slips(words: list[str], many: int, talk: Talk, letters: int) -> Iterator[_Likely]:
    """Yield the words that the first one or two are just so many letters away from (with 1: also those they are).

    One letter away from one alone is clear; what acts must be near to no other word. What people say otherwise
    (`send`, `hold`) is no slip.
    """
    if len(words) < many:
        return
    head, rest = head_of(" ".join(words[:many])), " ".join(words[many:])
    if letters == 1 and (word := HEADS.get(head)) and may(word, talk.standing):
        yield _Likely(Said(word, rest, exact=False), clear=False, spelled=True, weight=WHOLE)
    if (many == 1 or letters > 1) and all(is_known(word) for word in words[:many]):
        return
    close = [(w, d) for w, d in _distances(head) if may(w, talk.standing)]
    only = [w for w, d in close if d == 1]
    for word in (w for w, d in close if d == letters):
        alone = only == [word] and (len(close) == 1 or not _acts(word))
        clear = alone and len(head) >= SHORTEST_SLIP <= len(word)
        clear = clear and _reads(word, rest, talk) and (_counts(rest) or not _is_weighty(word))
        yield _Likely(
            Said(word, rest, exact=False), clear=clear, spelled=letters == 1, weight=WHOLE if letters == 1 else BEGUN
        )


@lru_cache(maxsize=4096)
def _distances(head: str) -> tuple[tuple[str, int], ...]:
    """Return the words that a head is near to, nearest first."""
    if len(head) < SHORTEST_OFFERED or not head.replace(" ", "").isalpha():
        return ()
    found: dict[str, int] = {}
    for spelling, word in HEADS.items():
        most = NEAR if min(len(head), len(spelling)) > SHORTEST_SLIP else 1
        if len(spelling) >= SHORTEST_OFFERED and word != BY:
            distance = OSA.distance(head, spelling, score_cutoff=most)
            found[word] = min(found.get(word, distance), distance) if distance <= most else found.get(word, NEAR + 1)
    return tuple(sorted(((w, d) for w, d in found.items() if d <= NEAR), key=lambda pair: pair[1]))
