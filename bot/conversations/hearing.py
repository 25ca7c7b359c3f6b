"""What a line was likely meant for, learnt from all that people were heard to say: naive Bayes over pieces of words.

It only says what else may be offered (guessing.py): nothing is ever taken at once for it. Before a line is looked at
every word is as likely as any other. Pieces of two to five letters carry over what no list foresees (`tampering`).
"""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

from bot.conversations.phrases import TALK, plain_words, written

SHORTEST, LONGEST = 2, 5
"""Letters of a piece; a space marks where its word begins or ends."""
LEAST_KNOWN = 0.5
"""Of the words of a line: with fewer that were ever heard it is another language, or no line at all."""
UNHEARD = 0.05
"""What a piece counts for a word that it was never heard with."""
RARE = 2
"""A piece heard once tells of its line alone."""
HEARD = ("tuning", "sentences")
"""Files of what people said: kind, who, said, meant (CONTRIBUTING.md, "Phrases")."""


def _pieces(typed: str) -> Counter[str]:
    words = (f" {word} " for word in plain_words(typed))
    return Counter(
        w[i : i + n] for w in words for n in range(SHORTEST, LONGEST + 1) for i in range(max(len(w) - n + 1, 1))
    )


def _heard() -> Iterator[tuple[str, str]]:
    """Yield each word, or TALK, with each line that was said for it."""
    yield from written()
    folder = files("bot.conversations").joinpath("heard")
    for name in HEARD:
        for row in csv.DictReader(folder.joinpath(f"{name}.csv").read_text("utf-8").splitlines()):
            if row["kind"] in {"word", "none"}:
                yield row["meant"] if row["kind"] == "word" else TALK, row["said"]


class Hearing:
    """Words by the pieces of what was said for them: TF-IDF, lines of one length (Rennie et al. 2003)."""

    def __init__(self, said: Iterable[tuple[str, str]]) -> None:
        said = list(said)
        self._words = {word for _, line in said for word in plain_words(line)}
        lines = [(word, _pieces(line)) for word, line in said]
        often = Counter(piece for _, pieces in lines for piece in pieces)
        self._rareness = {p: math.log((1 + len(lines)) / (1 + n)) + 1 for p, n in often.items() if n >= RARE}
        with_word: dict[str, dict[str, float]] = {piece: {} for piece in self._rareness}
        whole: dict[str, float] = {}
        for word, pieces in lines:
            for piece, weight in self._weighed(pieces).items():
                with_word[piece][word] = with_word[piece].get(word, 0.0) + weight
                whole[word] = whole.get(word, 0.0) + weight
        self._never = {word: -math.log(1 + weight / UNHEARD / len(self._rareness)) for word, weight in whole.items()}
        self._told = {
            piece: {word: math.log(1 + weight / UNHEARD) for word, weight in words.items()}
            for piece, words in with_word.items()
        }

    def _weighed(self, pieces: Mapping[str, int]) -> dict[str, float]:
        weights = {p: (1 + math.log(n)) * self._rareness[p] for p, n in pieces.items() if p in self._rareness}
        length = math.hypot(*weights.values()) or 1.0
        return {piece: weight / length for piece, weight in weights.items()}

    def ranked(self, typed: str) -> Sequence[str]:
        """Return all words, the likeliest first; none for a line of words that were mostly never heard."""
        words = plain_words(typed)
        if sum(word in self._words for word in words) < LEAST_KNOWN * len(words):
            return ()
        weights = self._weighed(_pieces(typed))
        base = sum(weights.values())
        scores = {word: base * never for word, never in self._never.items()}
        for piece, weight in weights.items():
            for word, told in self._told[piece].items():
                scores[word] += weight * told
        return sorted(scores, key=lambda word: (-scores[word], word))


_HEARING = Hearing(_heard())


@lru_cache(maxsize=4096)
def likeliest(typed: str) -> Sequence[str]:
    """Return the words (TALK among them) that a line may be meant for, the likeliest first."""
    return _HEARING.ranked(typed)
