"""Finding the person a banker means by a name."""

from collections.abc import Mapping

from rapidfuzz import fuzz

CLOSE_ENOUGH = 85


def match_name(said: str, names: Mapping[str, str]) -> list[str]:
    """Return the ids of those whom a name may mean: exact, then first name, then a small slip."""
    low = said.casefold().strip()
    exact = [i for i, name in names.items() if name.casefold() == low]
    if exact:
        return exact
    first = [i for i, name in names.items() if name.casefold().split()[:1] == [low]]
    if first:
        return first
    part = [i for i, name in names.items() if low in name.casefold().split()]
    if part:
        return part
    return [i for i, name in names.items() if _score(low, name.casefold()) >= CLOSE_ENOUGH]


def _score(said: str, name: str) -> float:
    return max(fuzz.ratio(said, name), *(fuzz.ratio(said, word) for word in name.split() or [""]))
