#!/usr/bin/env python3
"""Prove the draw order of a Digital Pardna lottery from the messages you got. Needs Python 3.11 and nothing else.

Copy the lottery's messages from your chat into a text file, in their order (other messages between them do no harm):

    python3 lottery.py messages.txt

It says whether the order is right (exit status 0) or what is wrong (1). How it works: lottery.md beside this file.
"""

import argparse
import hashlib
import hmac
import re
import sys
from pathlib import Path


def main() -> int:
    """Read the file, work the order out, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the messages of one lottery, as text; - reads what is typed")
    file = parser.parse_args().file
    try:
        said = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        print(f"{file} cannot be read: {fault}", file=sys.stderr)
        return 2
    wrong = check(said)
    for fault in wrong:
        print(f"WRONG: {fault}")
    if not wrong:
        print("RIGHT: the order is the one that seed and words give.")
    return 1 if wrong else 0


def check(said: str) -> list[str]:
    """Return what is wrong with a lottery as its messages tell it."""
    code = first(r"LOTTERY ([A-Z2-9]{6})\b", said)
    seed_hash = first(r"SEED HASH ([0-9a-f]{64})\b", said)
    words_hash = first(r"WORDS HASH ([0-9a-f]{64})\b", said)
    seed = first(r"SEED ([0-9a-f]{64})\b", said)
    held = listed("HANDS", r"#(\d+) \S[^#]*?(?: tier (\d))?(\*?)\s*$", said)
    hands = {int(n): star == "*" for n, _, star in held}
    tiers = {int(n): int(tier) for n, tier, _ in held if tier}
    words = {int(n): "" if word == "-" else word for n, word in listed("WORDS", r"#(\d+) ([a-z]+|-)\s*$", said)}
    told = [int(hand) for _, hand in sorted(listed("ORDER", r"(\d+) \S[^#]* #(\d+)\s*$", said), key=turn_of)]
    if not (code and seed_hash and words_hash and seed and hands and words and told):
        return ["a message is missing: LOTTERY, SEED HASH, HANDS, WORDS HASH, SEED, WORDS and ORDER are all needed"]
    if sorted(hands) != list(range(1, len(hands) + 1)):
        return ["the list of HANDS has gaps: copy the whole message"]
    if tiers and tiers.keys() != hands.keys():
        return ["some HANDS have no tier: copy the whole message"]
    wrong = []
    if hashlib.sha256(bytes.fromhex(seed)).hexdigest() != seed_hash:
        wrong.append("the SEED is not the one whose hash was published before the words")
    lines = "".join(f"{hand}:{words[hand]}\n" for hand in sorted(words))
    if hashlib.sha256(lines.encode()).hexdigest() != words_hash:
        wrong.append("the WORDS are not those whose hash was published before the seed")
    right = order(code, bytes.fromhex(seed), words_hash, hands, tiers)
    if right != told:
        wrong.append(f"the ORDER should be, by the numbers of the hands: {' '.join(map(str, right))}")
    return wrong


def order(code: str, seed: bytes, words_hash: str, hands: dict[int, bool], tiers: dict[int, int]) -> list[int]:
    """Return the numbers of the hands in the order of their turns; `hands` tells which wait (a star)."""
    counter = 0
    version = "pardna lottery 2" if tiers else "pardna lottery 1"

    def below(count: int) -> int:
        nonlocal counter
        while True:
            message = f"{version}|{code}|{words_hash}|{counter}".encode()
            number = int.from_bytes(hmac.new(seed, message, hashlib.sha256).digest()[:8], "big")
            counter += 1
            if number < 2**64 - 2**64 % count:
                return number % count

    left, drawn = sorted(hands), []
    for turn in range(1, len(hands) + 1):
        tier = [hand for hand in left if not tiers or tiers[hand] == min(tiers[other] for other in left)]
        free = [hand for hand in tier if not hands[hand]]
        pool = free if free and turn <= len(hands) // 3 else tier
        hand = pool[below(len(pool))]
        left.remove(hand)
        drawn.append(hand)
    return drawn


def first(pattern: str, said: str) -> str:
    """Return what the first place that fits tells, or nothing."""
    found = re.search(pattern, said)
    return found[1] if found else ""


def listed(heading: str, pattern: str, said: str) -> list[tuple[str, ...]]:
    """Return what the lines under a heading tell, up to the next heading; of two lines with one number the first."""
    found: dict[str, tuple[str, ...]] = {}
    part = ""
    for line in said.splitlines():
        last = line.strip().rsplit(" ", 1)[-1]
        part = last if last in {"HANDS", "WORDS", "ORDER"} and "#" not in line else part
        if part == heading and (fits := re.search(pattern, line)):
            found.setdefault(fits[1], fits.groups())
    return list(found.values())


def turn_of(line: tuple[str, ...]) -> int:
    """Return the turn that a line of the order is about."""
    return int(line[0])


if __name__ == "__main__":
    sys.exit(main())
