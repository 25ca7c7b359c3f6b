"""How alike the names on a statement are to those of people whose payments wait, for thousands of lines at once.

Keeps names for as long as one chunk of lines is matched and hands out codes alone. The rule that decides is
domain/matching.py; this scores names and looks only where some part of a name begins alike.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from rapidfuzz import fuzz, process
from rapidfuzz.distance import JaroWinkler

from domain.matching import Candidate, How, Likely, LineState, StatementLine, Verdict, in_reach, judge, likeness
from domain.money import Currency

BEGINS = 3
"""Names are compared when some part of them begins with the same letters."""
MOST_COMPARED = 16
_ALIKE = 60
_WRITTEN_OUT = 95
"""A whole name found among other words: as good as a name, but for who wrote it there."""
_NEVER_SURE = 85
"""What Jaro-Winkler may give at most: it makes Marva and Martha nearly one, good for a suggestion alone."""
_LONG_ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Found:
    """What the import found a line to be about."""

    state: LineState = LineState.SUSPENSE
    how: How = How.NONE
    confidence: int = 0
    receipt: str = ""
    payout_id: str = ""
    refund_id: str = ""
    order: str = ""
    """The EndToEndId of the payment in a file of ours that it tells of."""
    suggestions: tuple[str, ...] = ()
    named: bool = False
    """It names things of ours, but not one alone: nothing is to be found by likeness."""


def parts_of(name: str) -> tuple[str, ...]:
    """Return the parts of a name in order of the alphabet, without accents, case or marks."""
    plain = unicodedata.normalize("NFKD", name).casefold().replace("'", "")
    letters = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return tuple(sorted(letters.split()))


@dataclass(slots=True)
class _Group:
    """Payments of one amount: their names, and which begin how."""

    candidates: list[Candidate] = field(default_factory=list)
    parts: list[frozenset[str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    beginnings: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def near(self, parts: Iterable[str]) -> list[int]:
        """Places of the names some part of which begins alike."""
        found: set[int] = set()
        for beginning in {part[:BEGINS] for part in parts}:
            found.update(self.beginnings.get(beginning, ()))
        return sorted(found)


class Waiting:
    """Payments that wait for their money."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, Currency], _Group] = defaultdict(_Group)

    def add(self, receipt: str, amount: int, currency: Currency, began: date, names: Collection[str]) -> None:
        """Add one under the names of who gives it and whose hand it is for."""
        group = self._groups[amount, currency]
        for name in names:
            parts = parts_of(name)
            place = len(group.names)
            group.candidates.append(Candidate(receipt, amount, currency, began))
            group.parts.append(frozenset(parts))
            group.names.append(" ".join(parts))
            for beginning in {part[:BEGINS] for part in parts}:
                group.beginnings[beginning].append(place)

    def verdict(self, line: StatementLine, sure: int) -> Verdict:
        """Judge what a line may be for."""
        group = self._groups.get((line.amount, line.currency))
        if group is None:
            return Verdict(None, ())
        best: dict[str, int] = {}
        for place, score in _scores(group, line):
            candidate = group.candidates[place]
            confidence = likeness(line, candidate, score)
            best[candidate.receipt] = max(confidence, best.get(candidate.receipt, 0))
        return judge([Likely(receipt, confidence) for receipt, confidence in best.items()], sure)


def _scores(group: _Group, line: StatementLine) -> list[tuple[int, float]]:
    """Return (place, how alike 0-100) of the names that come near."""
    name, written = parts_of(line.name), frozenset(parts_of(line.narrative))
    reach = [place for place in group.near({*name, *written}) if in_reach(line.booked, group.candidates[place].began)]
    scores: dict[int, float] = {}
    if name:
        whole = " ".join(name)
        names = {place: group.names[place] for place in reach}
        alike = process.extract(whole, names, scorer=fuzz.ratio, limit=MOST_COMPARED, score_cutoff=_ALIKE)
        for other, ratio, place in alike:
            leaning = min(_NEVER_SURE, 100 * JaroWinkler.similarity(whole, other))
            scores[place] = max(ratio, leaning)
    for place in reach:
        parts = group.parts[place]
        if len(parts) >= _LONG_ENOUGH and parts <= written:
            scores[place] = max(scores.get(place, 0), _WRITTEN_OUT)
    return list(scores.items())


def find_likely(lines: Sequence[StatementLine], waiting: Waiting, sure: int) -> list[Found]:
    """Judge each line, and take nothing that two lines of different people lay claim to.

    Of two lines of one name the first has the payment: the second is that person's second deposit.
    """
    verdicts = [waiting.verdict(line, sure) for line in lines]
    claims: dict[str, list[int]] = defaultdict(list)
    for place, verdict in enumerate(verdicts):
        if verdict.taken:
            claims[verdict.taken.receipt].append(place)
    first = {places[0] for places in claims.values() if len({_giver(lines[place]) for place in places}) == 1}
    return [_found(verdict, taken=place in first) for place, verdict in enumerate(verdicts)]


def _giver(line: StatementLine) -> tuple[str, ...]:
    return parts_of(line.name or line.narrative)


def _found(verdict: Verdict, *, taken: bool) -> Found:
    if verdict.taken is None:
        return Found(suggestions=verdict.suggestions)
    if not taken:
        return Found(suggestions=(verdict.taken.receipt,))
    return Found(LineState.MATCHED, How.LIKENESS, verdict.taken.confidence, verdict.taken.receipt)
