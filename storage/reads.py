"""Reads for pages and health: in a connection of their own, and a clear word when there is none."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Row, TextClause
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoneToSpare

from storage.engine import Connection, Engine


class Unreachable(Exception):
    """The database cannot be asked now: it is down, starting, or has no connection to spare."""


@asynccontextmanager
async def reading(engine: Engine) -> AsyncIterator[Connection]:
    """Lend a connection. Raises Unreachable; a wrong statement raises what the driver raised."""
    try:
        async with engine.connect() as conn:
            yield conn
    except ProgrammingError:
        raise
    except (OSError, TimeoutError, NoneToSpare, DBAPIError) as error:
        raise Unreachable(type(error).__name__) from error


async def fetch(engine: Engine, statement: TextClause, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Return the rows found. Raises what `reading` raises."""
    async with reading(engine) as conn:
        return (await conn.execute(statement, values)).all()
