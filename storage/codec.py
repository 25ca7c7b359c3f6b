"""Rows of the domain as rows of PostgreSQL, by one rule: a table's columns are its dataclass's fields.

All statements work on many rows at once: one `unnest` of arrays a table, never a statement a row.
"""

import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

Row = TypeVar("Row")

_SQL_TYPES: dict[type, str] = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    bytes: "bytea",
    date: "date",
    datetime: "timestamptz",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Where rows of one class live, and which of its fields tell one row from another."""

    name: str
    row: type
    key: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    """Columns that a row keeps for ever; writing it with another value is refused."""

    def key_of(self, row: Any) -> tuple[Any, ...]:
        """Return the key of one of its rows."""
        return tuple([getattr(row, name) for name in self.key])


class Taken(Exception):
    """A row of this key is there already and is somebody else's: what was decided has to be decided again."""


def _plain(annotation: Any) -> type:
    """Return the one real type of `X` or `X | None`."""
    if isinstance(annotation, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    return typing.cast("type", annotation)


@cache
def _columns(row: type) -> tuple[tuple[str, str, type], ...]:
    """Return (column, SQL type, Python type) of each field."""
    hints = typing.get_type_hints(row)
    found = []
    for field in fields(row):
        python = _plain(hints[field.name])
        base = str if issubclass(python, Enum) else python
        found.append((field.name, _SQL_TYPES[base], python))
    return tuple(found)


@cache
def _upsert(table: Table) -> TextClause:
    columns = _columns(table.row)
    names = ", ".join(name for name, _, _ in columns)
    arrays = ", ".join(f"CAST(:{name} AS {sql}[])" for name, sql, _ in columns)
    changes = ", ".join(f"{name} = excluded.{name}" for name, _, _ in columns if name not in table.key)
    kept = " AND ".join(f"{table.name}.{name} = excluded.{name}" for name in table.fixed)
    action = f"DO UPDATE SET {changes}{' WHERE ' + kept if kept else ''}" if changes else "DO NOTHING"
    return text(
        f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) "  # noqa: S608 - names are our own
        f"ON CONFLICT ({', '.join(table.key)}) {action}"
    )


async def save(conn: AsyncConnection, table: Table, rows: Sequence[Any]) -> None:
    """Write rows, new or changed, in one statement. Raises Taken where a fixed column would change."""
    if rows:
        columns = [name for name, _, _ in _columns(table.row)]
        done = await conn.execute(_upsert(table), {name: [getattr(r, name) for r in rows] for name in columns})
        if table.fixed and done.rowcount != len(rows):
            raise Taken(table.name)


async def delete(conn: AsyncConnection, table: Table, rows: Sequence[Any]) -> None:
    """Remove rows."""
    types = {name: sql for name, sql, _ in _columns(table.row)}
    arrays = ", ".join(f"CAST(:{name} AS {types[name]}[])" for name in table.key)
    where = f"({', '.join(table.key)}) IN (SELECT * FROM unnest({arrays}))"  # noqa: S608 - names are our own
    statement = text(f"DELETE FROM {table.name} WHERE {where}")  # noqa: S608 - as above
    await conn.execute(statement, {name: [getattr(r, name) for r in rows] for name in table.key})


@cache
def _reader(row: type) -> Callable[[Iterable[Any]], Any]:
    # Looked up, not called: an enum's call costs more than all the rest of reading a row.
    columns = enumerate(_columns(row))
    enums = [(i, {one.value: one for one in python}) for i, (_, _, python) in columns if issubclass(python, Enum)]

    def read(values: Iterable[Any]) -> Any:
        cells = list(values)
        for i, members in enums:
            cells[i] = members[cells[i]]
        return row(*cells)

    return read


@cache
def _select(table: Table, where: str) -> TextClause:
    names = ", ".join(name for name, _, _ in _columns(table.row))
    return text(f"SELECT {names} FROM {table.name} WHERE {where}")  # noqa: S608 - names are our own


async def load(conn: AsyncConnection, table: Table, where: str, **values: Any) -> list[Any]:
    """Read the rows that a condition of ours finds."""
    found = await conn.execute(_select(table, where), values)
    read = _reader(table.row)
    return [read(values) for values in found.all()]
