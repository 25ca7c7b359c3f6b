"""What the code asks the catalogue for, read from its source: the key, the figures and the place of every call.

A text is named by the first argument of `say`, `text`, `refuse` and `Text`, and of `say` in the templates of pages. A
function that hands a parameter of its own on to one of them names a text by that parameter, and so its callers are
read too.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from jinja2 import Environment, nodes

from bot.telegram import COMMANDS
from bot.web.pages import Reach
from domain.disputes import Over
from domain.documents import What
from domain.money import Unread
from domain.pardna import CircleState, ThrowState
from domain.payments import PaymentState
from domain.people import TrnState
from domain.proposals import ProposalState
from domain.schedule import Frequency
from domain.scores import Deed, Tier
from domain.why import LINES, Of

ROOT = Path(__file__).parents[2]
SPEAKERS = [
    *ROOT.glob("bot/actions/*.py"),
    *ROOT.glob("bot/conversations/*.py"),
    *ROOT.glob("bot/drawing/*.py"),
    *ROOT.glob("bot/letters/*.py"),
    *ROOT.glob("bot/web/*.py"),
    *ROOT.glob("bot/*.py"),
    ROOT / "bot/words/catalogue.py",
]
PAGES = sorted(ROOT.glob("bot/web/templates/*.html"))

HELD = ("trn", "arrears")
"""What `hold_reason` may return."""

PAPER = [
    "date",
    "what",
    "who",
    "reference",
    "in",
    "out",
    "balance",
    "currency",
    "round",
    "due",
    "drawer",
    "thrown",
    "pot",
    "drawn",
]
"""Heads of the columns of a statement."""

FAMILIES: Mapping[str, Iterable[str]] = {
    "order_{}": ["join", "banker", "seats", "lottery"],
    "order_is_{}": ["join", "seats", "lottery", "trust"],
    "case_{}": [over.value for over in Over],
    "outcome_{}": [f"{over.value}_{end}" for over in Over for end in ("yes", "no")],
    "decided_by_{}": ["panel", "staff"],
    "tier_{}": [tier.value for tier in Tier],
    "score_{}": [deed.value for deed in Deed],
    "{}_new": ["score_member", "score_banker"],
    "money_{}": [reason.value for reason in Unread],
    "rail_{}": ["cash", "card", "sandbox", "ncb", "scotia", "lynk", "uscard"],
    "what_{}": [what.value for what in What],
    "paper_{}": PAPER,
    "state_{}": [state.value.lower() for state in ThrowState],
    "waits_{}": ["cash", "payout", "draw", "vote", "judge", "frozen", "complaint"],
    "proposal_{}": [state.value.lower() for state in ProposalState],
    "ask_trn_{}": [state.value.lower() for state in TrnState],
    "sum_{}": ["fee", "reserve", "throw", "arrears", "late"],
    "keeping_{}": ["at_risk", "defaulted"],
    "waived_{}": ["late", "throw"],
    "waive_none_{}": ["late", "throw"],
    "draw_held_{}": HELD,
    "held_{}_banker": HELD,
    "page_state_{}": [state.value.lower() for state in CircleState],
    "page_pay_{}": [state.value.lower() for state in PaymentState],
    "page_how_{}": ["cash", "card", "uscard", "ncb", "scotia", "lynk", "sandbox"],
    "page_line_{}": ["name", "bank", "wallet", "branch", "handle", "account", "lynk"],
    "page_join_{}": [field.name for field in fields(Reach)],
    "command_{}": COMMANDS,
    "file_{}": ["too_large", "wrong_kind", "infected", "gone", "failed"],
    "why_is_{}": [of.value for of in Of],
    "why_{}": LINES,
    "life_{}": ["queued", "sent", "delivered", "read", "failed", "replaced", "dropped", "waiting"],
}
"""Names put together from a value: all that they can become."""

PICKED: Mapping[str, Iterable[str]] = {
    "circle.frequency.value": [frequency.value for frequency in Frequency],
    "plan.every.value": [frequency.value for frequency in Frequency],
    "f.value": [frequency.value for frequency in Frequency],
    "why": ["throw_odd"],
    "n": ["help_member", "help_more", "help_banker", "help_staff"],
    "_paid_out_text(payout)": ["paid_out_rail", "paid_out_cash", "paid_out_both"],
    "name": ["balance_due", "balance_late", "balance_missed"],
    "asked": ["pay_day", "pay_day_short", "pay_day_empty", *(f"pay_day_held_{why}" for why in HELD)],
}
"""Names picked by an expression, as it is written."""


@dataclass(frozen=True)
class Said:
    """One key at one call. `figures` is None where the source alone does not tell them."""

    key: str
    figures: frozenset[str] | None
    place: str


@dataclass(frozen=True)
class Door:
    """A function whose parameter `at` names a text, with the figures that it fills in by itself."""

    at: int
    name: str
    figures: frozenset[str] | None = frozenset()


SAY = "bot.words.say"
Doors = dict[tuple[str, str], Door]


@dataclass(frozen=True)
class Call:
    """A call that names a text."""

    module: str
    named: ast.expr
    node: ast.Call
    door: Door
    scope: ast.stmt

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.module}:{self.node.lineno}"


@cache
def _trees() -> Mapping[str, ast.Module]:
    return {".".join(p.relative_to(ROOT).with_suffix("").parts): ast.parse(p.read_text()) for p in SPEAKERS}


@cache
def all_said() -> tuple[Said, ...]:
    """Return every key that the code can ask for."""
    doors: Doors = {(SAY, name): Door(0, "name") for name in ("say", "text", "refuse", "Text")}
    while more := {k: d for call in _calls(doors) for k, d in _opens(call) if k not in doors}:
        doors |= more
    calls = [call for call in _calls(doors) if not list(_opens(call))]
    in_code = (Said(key, _figures(call), call.place) for call in calls for key in _keys(call.named, call.place))
    return (*in_code, *_said_on_pages())


def _said_on_pages() -> Iterator[Said]:
    for path in PAGES:
        for call in Environment(autoescape=True).parse(path.read_text()).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "say":
                place = f"{path.name}:{call.lineno}"
                figures = frozenset(keyword.key for keyword in call.kwargs)
                yield from (Said(key, figures, place) for key in _page_keys(call.args[0], place))


def _page_keys(named: nodes.Node, place: str) -> Iterable[str]:
    match named:
        case nodes.Const(value=str(key)):
            return [key]
        case nodes.CondExpr(expr1=yes, expr2=nodes.Node() as no):
            return [*_page_keys(yes, place), *_page_keys(no, place)]
        case nodes.Concat(nodes=[nodes.Const(value=str(head)), _]):
            assert f"{head}{{}}" in FAMILIES, f"{place}: cannot tell what {head!r} may become"
            return [f"{head}{value}" for value in FAMILIES[f"{head}{{}}"]]
        case nodes.Getattr(attr="frequency"):
            return PICKED["f.value"]
        case _:
            raise AssertionError(f"{place}: cannot tell which text is named")


@cache
def all_labels() -> frozenset[str]:
    """Return the texts that stand on a button: `Answer(line, text(key))`."""
    found: set[str] = set()
    for module, tree in _trees().items():
        for call in ast.walk(tree):
            match call:
                case ast.Call(func=ast.Name(id="Answer"), args=[_, ast.Call(func=ast.Name(id="text"), args=[key])]):
                    found.update(_keys(key, f"{module}:{call.lineno}"))
    return frozenset(found)


def _calls(doors: Doors) -> Iterator[Call]:
    for module, tree in _trees().items():
        near = {name: door for name, origin in _names(module, tree).items() if (door := doors.get(origin))}
        for scope in tree.body:
            for node in ast.walk(scope):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and (door := near.get(node.func.id)):
                    yield Call(module, _named(node, door), node, door, scope)


def _names(module: str, tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Return what each function's name in a module stands for: the module that made it, and its name there."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(origin), names=names):
                found |= {alias.asname or alias.name: (origin, alias.name) for alias in names}
            case ast.FunctionDef(name=name):
                found[name] = (module, name)
    return found


def _named(node: ast.Call, door: Door) -> ast.expr:
    by_word = [keyword.value for keyword in node.keywords if keyword.arg == door.name]
    return node.args[door.at] if len(node.args) > door.at else by_word[0]


def _opens(call: Call) -> Iterator[tuple[tuple[str, str], Door]]:
    """Yield the function around a call whose own parameter it hands on."""
    for around in ast.walk(call.scope):
        if isinstance(around, ast.FunctionDef) and isinstance(call.named, ast.Name):
            names = [a.arg for a in (*around.args.posonlyargs, *around.args.args)]
            if call.named.id in names and call.node in set(ast.walk(around)):
                yield (call.module, around.name), Door(names.index(call.named.id), call.named.id, _figures(call))


def _keys(named: ast.expr, place: str) -> Iterable[str]:
    match named:
        case ast.Constant(value=str(key)):
            return [key]
        case ast.IfExp(body=yes, orelse=no):
            return [*_keys(yes, place), *_keys(no, place)]
        case ast.JoinedStr(values=parts):
            pattern = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
            assert pattern in FAMILIES, f"{place}: cannot tell what {pattern!r} may become"
            return [pattern.format(value) for value in FAMILIES[pattern]]
        case _:
            written = ast.unparse(named)
            assert written in PICKED, f"{place}: cannot tell which texts {written!r} may name"
            return PICKED[written]


def _figures(call: Call) -> frozenset[str] | None:
    found: set[str] = set(call.door.figures or ())
    if call.node.args[1:] and isinstance(call.node.func, ast.Name) and call.node.func.id == "Text":
        found |= _keys_of(call.node.args[1], call.scope, call.module) or set()
    for keyword in call.node.keywords:
        if keyword.arg is not None:
            found.add(keyword.arg)
        elif (more := _keys_of(keyword.value, call.scope, call.module)) is None:
            return None
        else:
            found |= more
    return None if call.door.figures is None else frozenset(found - {"ask_again"})


def _keys_of(value: ast.expr, scope: ast.AST, module: str) -> set[str] | None:
    """Return the keys of the dictionary that an expression stands for; None where the source does not tell."""
    match value:
        case ast.Dict(keys=keys, values=values):
            found = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
            spread = [_keys_of(v, scope, module) for k, v in zip(keys, values, strict=True) if k is None]
            return _union([found, *spread])
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _union([_keys_of(left, scope, module), _keys_of(right, scope, module)])
        case ast.Name(id=name):
            made = [n for n in ast.walk(scope) if isinstance(n, ast.Assign | ast.AnnAssign) and _target(n) == name]
            return _keys_of(made[0].value, scope, module) if made and made[0].value else None
        case ast.Call(func=ast.Name(id=name)):
            return _returned(name, module)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=neighbour), attr=name)):
            return _returned(name, f"{module.rpartition('.')[0]}.{neighbour}")
        case _:
            return None


def _returned(function: str, module: str) -> set[str] | None:
    for made in ast.walk(_trees().get(module, ast.Module([], []))):
        if isinstance(made, ast.FunctionDef) and made.name == function:
            ends = [n.value for n in ast.walk(made) if isinstance(n, ast.Return) and n.value]
            return _keys_of(ends[0], made, module) if len(ends) == 1 else None
    return None


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _union(parts: Iterable[set[str] | None]) -> set[str] | None:
    found: set[str] = set()
    for part in parts:
        if part is None:
            return None
        found |= part
    return found
