"""Rows at hand: found by their key, or by any fields in which they equal; and what is known of circles, kept.

A circle's version is raised with every change to it or to anything in it, under its lock (storage/book.py). So what
was read of a circle once is true as long as its version is the same, whichever process changes it.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Key = tuple[Any, ...]
MOST_ROWS = 200_000
"""How many rows of circles one process keeps: some fifty megabytes."""


@dataclass(slots=True)
class Shelf:
    """Rows of one class. Each way of looking for them is indexed when it is first asked for."""

    rows: dict[Key, Any] = field(default_factory=dict)
    _by: dict[tuple[str, ...], dict[Key, dict[Key, Any]]] = field(default_factory=dict)

    def put(self, key: Key, row: Any) -> None:
        """Put a row in the place of the one with its key."""
        if self._by:
            self._unlist(key)
            for names, found in self._by.items():
                found.setdefault(_values(row, names), {})[key] = row
        self.rows[key] = row

    def drop(self, key: Key) -> None:
        """Take a row away."""
        self._unlist(key)
        self.rows.pop(key, None)

    def find(self, names: tuple[str, ...], values: Key) -> Iterable[Any]:
        """Return the rows with these values in these fields, in the order of their keys."""
        if not names:
            return [row for _, row in sorted(self.rows.items())]
        if (index := self._by.get(names)) is None:
            index = self._by[names] = {}
            for key, row in self.rows.items():
                index.setdefault(_values(row, names), {})[key] = row
        return [row for _, row in sorted(index.get(values, {}).items())]

    def _unlist(self, key: Key) -> None:
        if (before := self.rows.get(key)) is not None:
            for names, found in self._by.items():
                found[_values(before, names)].pop(key)


def _values(row: Any, names: tuple[str, ...]) -> Key:
    return tuple([getattr(row, name) for name in names])


Shelves = dict[type, Shelf]
"""What is known of one circle, by class."""


class Circles:
    """Circles as they were last read or written, by version; those not asked for the longest go first.

    Whoever takes one out owns it, and brings it back when what was changed in it is committed.
    """

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most = most_rows
        self._rows = 0
        self._kept: OrderedDict[str, tuple[int, int, Shelves]] = OrderedDict()

    def take(self, code: str, version: int) -> Shelves | None:
        """Take out what is known of a circle in that version; what is of another is forgotten."""
        kept, rows, shelves = self._kept.pop(code, (-1, 0, {}))
        self._rows -= rows
        return shelves if kept == version else None

    def keep(self, code: str, version: int, shelves: Shelves) -> None:
        """Keep what is known of a circle."""
        self.take(code, version)
        rows = sum(len(shelf.rows) for shelf in shelves.values())
        self._kept[code] = (version, rows, shelves)
        self._rows += rows
        while self._rows > self._most:
            _, (_, gone, _) = self._kept.popitem(last=False)
            self._rows -= gone
