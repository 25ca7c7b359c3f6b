"""How like a line is to phrases, by the words that carry both: rapidfuzz finds the words with slips in them."""

import math
from collections.abc import Mapping
from functools import lru_cache

from rapidfuzz import fuzz, process

NOT = "not"
"""What every word that turns a line round is read as."""
SHORTEST_MISSPELLED = 4
"""Letters: shorter words are too near to each other."""
LEAST_SPELLED = 80
"""Of 100: words less alike are two words."""
LEAST_LIKE = 50.0
"""Of 100: phrases less like a line than this are not thought of."""


class Likeness:
    """Phrases with what they mean, to be compared with a line by the words that carry them."""

    def __init__(self, phrases: Mapping[str, frozenset[str]], unknown: float) -> None:
        """Weigh the words by how few phrases they stand in; `unknown` is the part of that for one that is in none."""
        self._phrases = phrases
        self.stands: dict[str, list[str]] = {}
        for phrase in phrases:
            for word in set(phrase.split()):
                self.stands.setdefault(word, []).append(phrase)
        self._most = math.log(len(phrases) + 1) * unknown
        self.spelled_like = lru_cache(maxsize=4096)(self._spelled_like)
        self._whole = {phrase: sum(map(self._weight, set(phrase.split()))) for phrase in phrases}

    def _weight(self, word: str) -> float:
        """Return how much a word tells: one that stands in few phrases tells more than `how`."""
        stands = self.stands.get(word)
        return math.log((len(self._phrases) + 1) / (len(stands) + 1)) if stands else self._most

    def _spelled_like(self, word: str) -> tuple[tuple[str, float], ...]:
        """Return the words of phrases that a word is, or is spelled like, each with its likeness from 0 to 1."""
        if word in self.stands or len(word) < SHORTEST_MISSPELLED:
            return ((word, 1.0),) if word in self.stands else ()
        found = process.extract(word, list(self.stands), scorer=fuzz.ratio, score_cutoff=LEAST_SPELLED, limit=3)
        return tuple((known, score / 100) for known, score, _ in found if len(known) >= SHORTEST_MISSPELLED)

    def ranked(self, words: frozenset[str], least: float = LEAST_LIKE) -> dict[str, float]:
        """Return what has a phrase like these words, each with its likeness from 0 to 100.

        It is the weight of the words they share, in that of all their words (Dice). A line that is turned round is
        never like a phrase that is not.
        """
        shared: dict[str, float] = {}
        whole = 0.0
        for word in sorted(words):  # sums of fractions depend on their order
            known = self.spelled_like(word)
            whole += max((self._weight(k) for k, _ in known), default=self._weight(word))
            told: dict[str, float] = {}
            for meant, likeness in known:
                for phrase in self.stands[meant]:
                    told[phrase] = max(told.get(phrase, 0.0), likeness * self._weight(meant))
            for phrase, weight in told.items():
                shared[phrase] = shared.get(phrase, 0.0) + weight
        best: dict[str, float] = {}
        for phrase, weight in shared.items():
            score = 200 * weight / (whole + self._whole[phrase])
            if score >= least and (NOT in words) is (NOT in phrase.split()):
                for word in self._phrases[phrase]:
                    best[word] = max(best.get(word, 0.0), score)
        return best
