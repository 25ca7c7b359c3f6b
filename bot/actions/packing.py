"""Commands that wait for a PIN, as plain data and back. Only what needs a PIN is ever read back."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date
from enum import Enum
from functools import cache
from typing import Any, get_type_hints

from domain import commands as c


def pack(command: c.Command) -> dict[str, Any]:
    """Return a command as what JSON can hold."""
    return {"is": type(command).__name__, "with": {f.name: getattr(command, f.name) for f in fields(command)}}


def unpack(body: Mapping[str, Any]) -> c.Command | None:
    """Return what `pack` packed; None for a command that this version does not know."""
    kind = _kinds().get(body["is"])
    if kind is None or {f.name for f in fields(kind)} != set(body["with"]):
        return None
    hints = get_type_hints(kind)
    return kind(**{name: _plain(hints[name], value) for name, value in body["with"].items()})


def _plain(hint: Any, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return date.fromisoformat(value) if hint is date else value


@cache
def _kinds() -> dict[str, type[c.Command]]:
    return {kind.__name__: kind for kind in _below(c.Command) if kind.steps_up or kind.by == "staff"}


def _below(kind: type[c.Command]) -> Iterator[type[c.Command]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)
