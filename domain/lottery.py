"""The lottery of the draw order: committed to first, revealed later, so that anybody can work it out (rules.md 13).

docs/lottery.md is the algorithm for others to follow, docs/lottery.py the same in one file that needs none of this.
A hand is its number; words are those that members gave, by the number of a member's first hand ("" for none).
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from domain.scores import Tier

SEED_BYTES = 32
VERSION = "pardna lottery 1"
BY_TIERS = "pardna lottery 2"
"""What the bytes are drawn under, without tiers and with: an algorithm that is changed one day is another one."""
TIERS = {Tier.STRONG: 1, Tier.STEADY: 2, Tier.BUILDING: 2, Tier.NEW: 3}
"""In a lottery by trust: who threw well draws first, who is new last. Nobody's low score is told by it (12)."""
LAST_TIER = 3
"""Of who is new, and of who has no verified TRN, whatever they threw (15)."""
MARK = "*"
"""Behind the name of a hand that waits until the first third of the turns is given (rules.md 15)."""
NO_WORD = "-"
LONGEST_WORD = 12
_WORD = re.compile(rf"[a-z]{{2,{LONGEST_WORD}}}")
_DRAWN_BYTES = 8


class LotteryState(StrEnum):
    """The TIERS are out; WORDS are taken, they are CLOSED, the order is DRAWN; or, not revealed, it is CANCELLED."""

    TIERS = "TIERS"
    WORDS = "WORDS"
    CLOSED = "CLOSED"
    DRAWN = "DRAWN"
    CANCELLED = "CANCELLED"


RUNNING = frozenset({LotteryState.TIERS, LotteryState.WORDS, LotteryState.CLOSED})


@dataclass(frozen=True, slots=True)
class Lottery:
    """The one lottery of a circle. `seed_hash` was published when it began; `seed` is sealed.

    `marked` are the numbers of the hands that wait, as they were published, with a space between; `tiers` the tier of
    each hand by its number in the same way, "" in a lottery that has none.
    """

    circle: str
    state: LotteryState
    seed_hash: str
    seed: bytes
    marked: str
    began_at: datetime
    words_until: datetime
    words_hash: str = ""
    tiers: str = ""

    @property
    def tier_of(self) -> dict[int, int]:
        """The tier of each hand by its number; empty without tiers."""
        return {number: int(tier) for number, tier in enumerate(self.tiers.split(), start=1)}

    @property
    def waiting(self) -> frozenset[int]:
        """The hands that wait until the first third of the turns is given."""
        return frozenset(int(number) for number in self.marked.split())


@dataclass(frozen=True, slots=True)
class Word:
    """What a member put into the lottery; the last one counts."""

    circle: str
    person_id: str
    word: str


def read_word(typed: str) -> str:
    """Return a member's word in small letters, or "" when it is none: 2 to 12 letters of a to z.

    Without figures it is never taken for a code, nor a PIN for it.
    """
    word = typed.strip().lower()
    return word if _WORD.fullmatch(word) else ""


def hash_seed(seed: bytes) -> str:
    """Return what is published before any word is taken: SHA-256 of the seed, in hex."""
    return hashlib.sha256(seed).hexdigest()


def hash_words(words: Mapping[int, str]) -> str:
    """Return the hash of all words: SHA-256 of a line `hand:word` each, by the number of the hand, in hex."""
    return hashlib.sha256("".join(f"{hand}:{words[hand]}\n" for hand in sorted(words)).encode()).hexdigest()


def draw_order(
    code: str,
    seed: bytes,
    words_hash: str,
    hands: int,
    waiting: Collection[int],
    *,
    tiers: Mapping[int, int] = MappingProxyType({}),
) -> tuple[int, ...]:
    """Return the hands in the order of their turns.

    For each turn one hand is drawn from those that have none yet, with `tiers` from those of the first tier that has
    any left: in the first third of the turns only from those that need not wait, as long as there are any (rules.md
    12, 15).
    """
    numbers = _numbers(seed, f"{BY_TIERS if tiers else VERSION}|{code}|{words_hash}")
    left = list(range(1, hands + 1))
    order = []
    for turn in range(1, hands + 1):
        first = min((tiers[hand] for hand in left), default=0) if tiers else 0
        tier = [hand for hand in left if not tiers or tiers[hand] == first]
        free = [hand for hand in tier if hand not in waiting] if turn <= hands // 3 else []
        pool = free or tier
        drawn = pool[_below(len(pool), numbers)]
        left.remove(drawn)
        order.append(drawn)
    return tuple(order)


def _numbers(seed: bytes, about: str) -> Iterator[int]:
    """Yield 64-bit numbers without end: the first 8 bytes of HMAC-SHA256 of a counter under the seed."""
    counter = 0
    while True:
        drawn = hmac.digest(seed, f"{about}|{counter}".encode(), hashlib.sha256)
        yield int.from_bytes(drawn[:_DRAWN_BYTES])
        counter += 1


def _below(count: int, numbers: Iterator[int]) -> int:
    """Return a number below `count`, each as likely: what is above the last whole multiple is drawn again."""
    whole = 2**64 - 2**64 % count
    return next(number for number in numbers if number < whole) % count


# -- reading what was published ---------------------------------------------------------------------------------------

_LINE = {
    "seed_hash": re.compile(r"SEED HASH ([0-9a-f]{64})\b"),
    "words_hash": re.compile(r"WORDS HASH ([0-9a-f]{64})\b"),
    "seed": re.compile(r"SEED ([0-9a-f]{64})\b"),
    "code": re.compile(r"LOTTERY ([A-Z2-9]{6})\b"),
}
_HAND = re.compile(rf"#(\d+) \S[^#]*?(?: tier (\d))?(\{MARK})?\s*$")
_GIVEN = re.compile(rf"#(\d+) ([a-z]+|{NO_WORD})\s*$")
_TURN = re.compile(r"(\d+) \S[^#]* #(\d+)\s*$")
_PARTS = {"HANDS": "hands", "WORDS": "words", "ORDER": "order"}


@dataclass(frozen=True, slots=True)
class Published:
    """What the messages of a lottery told; what was not found is "" or empty."""

    code: str
    seed_hash: str
    words_hash: str
    seed: str
    hands: Mapping[int, bool]
    """By number, whether it waits."""
    tiers: Mapping[int, int]
    """By number, in which tier it is; empty without."""
    words: Mapping[int, str]
    order: tuple[int, ...]


def read_messages(said: str) -> Published:
    """Read the messages of one lottery as they stand in a chat, in their order, whatever stands between them."""
    one = dict.fromkeys(_LINE, "")
    hands: dict[int, bool] = {}
    tiers: dict[int, int] = {}
    words: dict[int, str] = {}
    order: dict[int, int] = {}
    part = ""
    for line in said.splitlines():
        for name, pattern in _LINE.items():
            if not one[name] and (found := pattern.search(line)):
                one[name] = found[1]
        if "#" not in line:  # else it tells of a hand, whose member may be called so
            part = _PARTS.get(line.strip().rsplit(" ", 1)[-1], part)
        if part == "hands" and (found := _HAND.search(line)):
            hands.setdefault(int(found[1]), found[3] is not None)
            if found[2]:
                tiers.setdefault(int(found[1]), int(found[2]))
        elif part == "words" and (found := _GIVEN.search(line)):
            words.setdefault(int(found[1]), "" if found[2] == NO_WORD else found[2])
        elif part == "order" and (found := _TURN.search(line)):
            order.setdefault(int(found[1]), int(found[2]))
    drawn = tuple(order[turn] for turn in sorted(order))
    return Published(**one, hands=hands, tiers=tiers, words=words, order=drawn)


def faults(told: Published) -> tuple[str, ...]:
    """Return what is missing in, or wrong with, what was published; nothing when the order is what it should be."""
    needed = {
        "the message that began the lottery (LOTTERY and the circle's code)": told.code,
        "SEED HASH": told.seed_hash,
        "WORDS HASH": told.words_hash,
        "SEED": told.seed,
        "HANDS": told.hands,
        "WORDS": told.words,
        "ORDER": told.order,
    }
    if missing := [name for name, value in needed.items() if not value]:
        return (f"not found in the messages: {', '.join(missing)}",)
    if sorted(told.hands) != list(range(1, len(told.hands) + 1)):
        return ("the list of HANDS has gaps: copy the whole message",)
    if told.tiers and told.tiers.keys() != told.hands.keys():
        return ("some HANDS have no tier: copy the whole message",)
    seed = bytes.fromhex(told.seed)
    waiting = [hand for hand, waits in told.hands.items() if waits]
    order = draw_order(told.code, seed, told.words_hash, len(told.hands), waiting, tiers=told.tiers)
    checks = {
        "the SEED is not the one that was promised by its hash": hash_seed(seed) == told.seed_hash,
        "the WORDS are not those whose hash was published": hash_words(told.words) == told.words_hash,
        f"the ORDER is not what seed and words give, which is {' '.join(map(str, order))}": order == told.order,
    }
    return tuple(fault for fault, right in checks.items() if not right)
