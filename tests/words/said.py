"""What the code asks the catalogue for, read from its source: the key, the figures and the place of every call."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.conversations.throwing import RAIL_WORDS
from domain.money import Unread
from domain.pardna import ThrowState
from domain.people import TrnState
from domain.schedule import Frequency

ROOT = Path(__file__).parents[2]
SPEAKERS = [
    *ROOT.glob("bot/actions/*.py"),
    *ROOT.glob("bot/conversations/*.py"),
    *ROOT.glob("bot/*.py"),
    ROOT / "bot/words/catalogue.py",
]

KEY_AT = {"say": 0, "text": 0, "refuse": 0, "Text": 0, "miss": 0, "read_one_of": 0, "read_count": 0, "answering": 3}
"""Which argument of which function names a text."""

READERS: Mapping[str, frozenset[str]] = {
    "miss": frozenset({"heard"}),
    "read_one_of": frozenset({"heard"}),
    "read_count": frozenset({"heard", "least", "most"}),
    "answering": frozenset(),
}
"""What these fill in by themselves."""

HELD = ("trn", "arrears")
"""What `hold_reason` may return."""

FAMILIES: Mapping[str, Iterable[str]] = {
    "money_{}": [reason.value for reason in Unread],
    "rail_{}": sorted({rail.lower() for rail in RAIL_WORDS.values()}),
    "state_{}": [state.value.lower() for state in ThrowState],
    "waits_{}": ["cash", "payout", "draw"],
    "ask_trn_{}": [state.value.lower() for state in TrnState],
    "sum_{}": ["fee", "throw", "arrears"],
    "draw_held_{}": HELD,
    "held_{}_banker": HELD,
    "pay_day_held_{}": HELD,
}
"""Names put together from a value: all that they can become."""

PICKED: Mapping[str, Iterable[str]] = {
    "circle.frequency.value": [frequency.value for frequency in Frequency],
    "f.value": [frequency.value for frequency in Frequency],
    "why": ["throw_odd"],
    "n": ["help_member", "help_banker", "help_staff"],
    "_paid_out_text(payout)": ["paid_out_rail", "paid_out_cash", "paid_out_both"],
    "nothing": [],
}
"""Names picked by an expression, as it is written; those that a caller hands over are found at the caller."""

PICKED_IN: Mapping[tuple[str, str], Iterable[str]] = {
    ("looking.py", "name"): ["balance_due", "balance_late", "balance_missed"],
    ("reading.py", "name"): [],
}


@dataclass(frozen=True)
class Said:
    """One key at one call. `figures` is None where the source alone does not tell them."""

    key: str
    figures: frozenset[str] | None
    place: str


@cache
def all_said() -> tuple[Said, ...]:
    """Return every key that the code can ask for."""
    return tuple(said for path in SPEAKERS for said in _in_module(path))


@cache
def all_labels() -> frozenset[str]:
    """Return the texts that stand on a button: `Answer(line, text(key))`."""
    found: set[str] = set()
    for path in SPEAKERS:
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(func=ast.Name(id="Answer"), args=[_, ast.Call(func=ast.Name(id="text"), args=[key])]):
                    found.update(_keys(key, path.name, f"{path.relative_to(ROOT)}:{call.lineno}"))
    return frozenset(found)


def _in_module(path: Path) -> Iterator[Said]:
    tree = ast.parse(path.read_text())
    for scope in tree.body:
        for call in ast.walk(scope):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in KEY_AT:
                continue
            place = f"{path.relative_to(ROOT)}:{call.lineno}"
            named = call.args[KEY_AT[call.func.id]]
            figures = _figures(call, scope)
            for key in _keys(named, path.name, place):
                yield Said(key, figures, place)


def _keys(named: ast.expr, module: str, place: str) -> Iterable[str]:
    match named:
        case ast.Constant(value=str(key)):
            return [key]
        case ast.IfExp(body=yes, orelse=no):
            return [*_keys(yes, module, place), *_keys(no, module, place)]
        case ast.JoinedStr(values=parts):
            pattern = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
            return [pattern.format(value) for value in FAMILIES[pattern]]
        case _:
            written = ast.unparse(named)
            found = PICKED_IN.get((module, written), PICKED.get(written))
            assert found is not None, f"{place}: cannot tell which texts {written!r} may name"
            return found


def _figures(call: ast.Call, scope: ast.stmt) -> frozenset[str] | None:
    assert isinstance(call.func, ast.Name)
    found = set(READERS.get(call.func.id, ()))
    if call.func.id == "Text" and len(call.args) > 1:
        found |= _literal(call.args[1]) or set()
    for keyword in call.keywords:
        if keyword.arg is not None:
            found.add(keyword.arg)
        elif (more := _named_dict(keyword.value, scope)) is None:
            return None
        else:
            found |= more
    return frozenset(found - {"ask_again"})


def _literal(value: ast.expr | None) -> set[str] | None:
    if not isinstance(value, ast.Dict):
        return None
    return {key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def _named_dict(value: ast.expr, scope: ast.stmt) -> set[str] | None:
    """Return the keys of the one dictionary that a name stands for in this function."""
    if not isinstance(value, ast.Name):
        return _literal(value)
    for node in ast.walk(scope):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) if name == value.id:
                return _literal(node.value)
            case ast.Assign(targets=[ast.Name(id=name)]) if name == value.id:
                return _literal(node.value)
    return None
