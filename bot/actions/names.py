"""What people are called within one circle, and finding the person a banker means by a name."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from rapidfuzz import fuzz

from bot.actions.turn import Turn
from domain.pardna import Member

CLOSE_ENOUGH = 85
_NUMBERED = re.compile(r"(.*\S)\s*\((\d{1,2})\)")
"""`Devon Clarke (2)`: the second of that name."""


def called(turn: Turn, circle: str) -> dict[str, str]:
    """Return what each person of a circle is called, by person: those of one name are numbered as they came."""
    members = sorted(turn.book.members(circle), key=lambda m: (m.asked_at, m.person_id))
    names = {m.person_id: turn.book.person(m.person_id).name for m in members}
    many = Counter(name.casefold() for name in names.values())
    seen: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for person, name in names.items():
        low = name.casefold()
        seen[low] += 1
        shown[person] = f"{name} ({seen[low]})" if many[low] > 1 else name
    return shown


def named(turn: Turn, who: str, members: Iterable[Member]) -> list[Member]:
    """Return those of the members whom a name may mean."""
    by_id = {m.person_id: m for m in members}
    codes = {m.circle for m in by_id.values()}
    names = {i: name for code in codes for i, name in called(turn, code).items() if i in by_id}
    return [by_id[i] for i in match_name(who, names)]


def match_name(said: str, names: Mapping[str, str]) -> list[str]:
    """Return the ids of those whom a name may mean: exact, then first name, then a small slip.

    A number behind it (`Devon (2)`) leaves those who have it; without one all of a name are meant.
    """
    low, number = _apart(said.casefold().strip())
    plain = {i: _apart(name.casefold()) for i, name in names.items()}
    able = {i: name for i, (name, its) in plain.items() if number in {"", its}}
    exact = [i for i, name in able.items() if name == low]
    if exact:
        return exact
    first = [i for i, name in able.items() if name.split()[:1] == [low]]
    if first:
        return first
    part = [i for i, name in able.items() if low in name.split()]
    if part:
        return part
    return [i for i, name in able.items() if _score(low, name) >= CLOSE_ENOUGH]


def _apart(name: str) -> tuple[str, str]:
    """Part a name from its number."""
    found = _NUMBERED.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


def _score(said: str, name: str) -> float:
    return max(fuzz.ratio(said, name), *(fuzz.ratio(said, word) for word in name.split() or [""]))
