"""The filer: makes arrivals durable, many callers in one insert (group commit).

A hook may say 200 only after `file` has returned. One insert is in flight at a time, so whoever called first
is filed first, and while it is under way the next batch gathers.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson
from sqlalchemy.exc import SQLAlchemyError

from domain.messages import Filed
from storage import bell as bells
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import Engine
from storage.vault import Vault

CHANNEL = "inbox"
ROWS_A_BATCH = 2_000
FILE_SECONDS = 10.0
LONGEST_NAME = 500
"""Characters of source, external id and party: longer ones do not fit the index that makes them unique."""
KINDS = frozenset({"chat", "status", "event", "duty", "result"})


class NotDurable(Exception):
    """The database could not take the arrivals; whoever sent them has to send them again (503)."""


class Unfit(ValueError):
    """The arrival itself cannot be stored; sending it again would not help (400)."""


Row = tuple[str, str, str, str, bytes, datetime, float, str]
"""source, external id, party, kind, sealed body, time of receipt, seconds to be left alone, party that is the same."""


def row(vault: Vault, filed: Filed, at: datetime) -> Row:
    """Return the inbox row of an arrival, its body sealed. Raises Unfit."""
    names = (filed.source, filed.external_id, filed.party)
    if filed.kind not in KINDS:
        raise Unfit(f"There is no arrival of kind {filed.kind!r}.")
    if any(not name or len(name) > LONGEST_NAME or "\0" in name for name in names):
        raise Unfit("An arrival needs a source, an id and a party, none of them endless.")
    try:
        "".join(names).encode()
        body = vault.seal_json(place(filed.source, filed.external_id), filed.body)
    except (UnicodeEncodeError, orjson.JSONEncodeError):
        raise Unfit("The arrival holds something that is no text.") from None
    return (*names, filed.kind, body, at, filed.wait_seconds, filed.also)


def place(source: str, external_id: str) -> str:
    """Return where a body belongs, for the vault."""
    return f"inbox.body|{source}|{external_id}"


@dataclass(frozen=True, slots=True)
class _Waiting:
    rows: Sequence[Row]
    done: asyncio.Future[None]


class Filer:
    """The only way into the inbox from outside a transaction."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock, bell: Bell) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock
        self._bell = bell
        self._queue: deque[_Waiting] = deque()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many arrivals are not durable yet; the desk gives way to them."""
        return self._waiting

    async def file(self, arrivals: Sequence[Filed]) -> None:
        """Return when all are durable; a repeat already is. Raises NotDurable or Unfit: then none need be."""
        at = self._clock.now()
        rows = [row(self._vault, filed, at) for filed in arrivals]
        if not rows:
            return
        waiting = _Waiting(rows, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._waiting += len(rows)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name="filer")
        await waiting.done

    async def _drain(self) -> None:
        while self._queue:
            batch = self._take()
            try:
                await self._file_together(batch)
            finally:
                self._waiting -= sum(len(waiting.rows) for waiting in batch)

    def _take(self) -> list[_Waiting]:
        batch, size = [self._queue.popleft()], 0
        size = len(batch[0].rows)
        while self._queue and size + len(self._queue[0].rows) <= ROWS_A_BATCH:
            batch.append(self._queue.popleft())
            size += len(batch[-1].rows)
        return batch

    async def _file_together(self, batch: Sequence[_Waiting]) -> None:
        fault: Exception | None = NotDurable("stopped")
        try:
            fault = await self._insert([row for waiting in batch for row in waiting.rows])
            if isinstance(fault, Unfit) and len(batch) > 1:  # one caller's fault is not its neighbours'
                for waiting in batch:
                    _answer(waiting, await self._insert(waiting.rows))
        finally:  # whatever happens, nobody is left waiting
            for waiting in batch:
                _answer(waiting, fault)

    async def _insert(self, rows: Sequence[Row]) -> Exception | None:
        """Insert and commit in one statement; return what went wrong, in our terms."""
        try:
            async with asyncio.timeout(FILE_SECONDS):
                await self._insert_once(rows)
        except asyncpg.DeadlockDetectedError:  # two processes got the same repeats in different order
            return await self._insert(rows)
        except (
            asyncpg.DataError,
            asyncpg.IntegrityConstraintViolationError,
            asyncpg.ProgramLimitExceededError,
        ):
            return Unfit("The arrival cannot be stored.")
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            SQLAlchemyError,
        ) as error:
            return NotDurable(type(error).__name__)
        self._bell.strike(CHANNEL)
        return None

    async def _insert_once(self, rows: Sequence[Row]) -> None:
        async with self._engine.connect() as conn:
            # The bare driver, outside any transaction: the statement commits itself, in one round trip.
            driver: Any = (await conn.get_raw_connection()).driver_connection
            await driver.execute(_FILE, *map(list, zip(*rows, strict=True)), bells.CHANNEL, CHANNEL)


def _answer(waiting: _Waiting, fault: Exception | None) -> None:
    if waiting.done.done():  # the caller went away
        return
    if fault is None:
        waiting.done.set_result(None)
    else:
        waiting.done.set_exception(type(fault)(*fault.args))


CAME = """
    FROM unnest(CAST({} AS text[]), CAST({} AS text[]), CAST({} AS text[]), CAST({} AS text[]),
        CAST({} AS bytea[]), CAST({} AS timestamptz[]), CAST({} AS float8[]), CAST({} AS text[]))
        WITH ORDINALITY AS came (source, id, party, kind, body, at, wait, also, place)
"""
INTO = """
    INSERT INTO inbox (source, external_id, party, kind, body, received_at, retry_at)
    SELECT source, id, {}, kind, body, at,
        CASE WHEN wait > 0 THEN clock_timestamp() + wait * interval '1 second' END
"""
ONCE = "ON CONFLICT (source, external_id) DO NOTHING"
# Two names of one sender become one as long as we know a person by one of them alone; it stands for both then.
_FILE = f"""
WITH came AS MATERIALIZED (SELECT * {CAME.format("$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8")}),
pair AS MATERIALIZED (
    SELECT DISTINCT ON (name) * FROM (
        SELECT c.party, c.also, a.party AS known, CASE a.party WHEN c.also THEN c.party ELSE c.also END AS name
        FROM (SELECT DISTINCT party, also FROM came WHERE also <> '') c
        JOIN address a ON a.party IN (c.party, c.also)
        WHERE (SELECT count(*) FROM address b WHERE b.party IN (c.party, c.also)) = 1
    ) of_one ORDER BY name
),
left_off AS (
    DELETE FROM alias o USING pair p WHERE o.address = p.party AND o.name <> p.also AND p.known = p.party
),
learnt AS (
    INSERT INTO alias (name, address) SELECT name, known FROM pair ORDER BY name
    ON CONFLICT (name) DO UPDATE SET address = excluded.address WHERE alias.address <> excluded.address
),
filed AS (
    {INTO.format("coalesce(p.known, o.address, came.party)")}
    FROM came LEFT JOIN pair p ON (p.party, p.also) = (came.party, came.also)
        LEFT JOIN alias o ON o.name = came.party
    ORDER BY place {ONCE} RETURNING 1
)
SELECT pg_notify($9, $10) WHERE EXISTS (SELECT 1 FROM filed)
"""  # noqa: S608 - only our own text
