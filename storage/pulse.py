"""How far behind the spine is: lag for health, and what is still to be done for whoever moves the clock.

Reads inbox, outbox and duties; changes nothing. Times of rows are the service's clock, leases and back-off
the wall's.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from storage.engine import Engine
from storage.migrate import pending
from storage.outbox import NOT_TAKEN, NOT_THERE, OVERDUE_AT
from storage.reads import Unreachable, fetch

_BY_FILE = "(kind = 'disburse' AND split_part(lane, '\\:', 1) IN ('ncb', 'scotia', 'lynk'))"
"""Payouts that may wait for a file to be written (storage/payout_files.py): nobody is behind with them."""
_LAG = text(f"""
    SELECT
        (SELECT received_at FROM inbox WHERE done_at IS NULL AND parked_at IS NULL ORDER BY id + 0 LIMIT 1),
        (SELECT min(not_before) FROM outbox WHERE state = 'queued' AND not_before <= :now AND NOT {_BY_FILE}
            AND NOT {NOT_TAKEN}),
        (SELECT count(*) FROM inbox WHERE parked_at IS NOT NULL AND done_at IS NULL),
        (SELECT min(due_at) FROM duty WHERE filed_at IS NULL AND due_at <= :now)
""")  # noqa: S608 - our own words
# A party and a lane are held up by an earlier row that waits for its next try: what is behind it waits too.
_WORK = text(f"""
    WITH arrivals AS (
        SELECT bool_or(coalesce(retry_at > clock_timestamp(), false))
            OVER (PARTITION BY party ORDER BY id) AS later
        FROM inbox WHERE done_at IS NULL AND parked_at IS NULL
    ), messages AS (
        SELECT bool_or(coalesce(retry_at > clock_timestamp(), false))
            OVER (PARTITION BY lane ORDER BY id) AS later
        FROM outbox WHERE state = 'queued' AND not_before <= :now AND NOT {_BY_FILE}
            AND NOT {NOT_TAKEN}
    )
    SELECT
        (SELECT count(*) FILTER (WHERE NOT later) FROM arrivals),
        (SELECT count(*) FILTER (WHERE NOT later) FROM messages),
        (SELECT count(*) FROM duty WHERE filed_at IS NULL AND due_at <= :now)
            + (SELECT count(*) FROM outbox WHERE {NOT_THERE} AND state <> 'queued' AND {OVERDUE_AT} <= :now),
        (SELECT count(*) FILTER (WHERE later) FROM arrivals)
            + (SELECT count(*) FILTER (WHERE later) FROM messages),
        (SELECT min(due_at) FROM duty WHERE filed_at IS NULL AND due_at > :now),
        (SELECT min(at) FROM (
            SELECT not_before AS at FROM outbox WHERE state = 'queued' AND not_before > :now
            UNION ALL SELECT {OVERDUE_AT} FROM outbox WHERE {NOT_THERE} AND state <> 'queued'
        ) AS waiting WHERE at > :now)
""")  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class Lag:
    """How long the oldest of each has waited, in seconds, and how many arrivals are parked for staff."""

    inbox_seconds: float
    outbox_seconds: float
    duties_seconds: float
    parked: int


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done at a moment of the service's clock, and when there is more."""

    arrivals: int
    messages: int
    duties: int
    later: int
    """Arrivals and messages that wait, on the wall clock, to be tried again."""
    next_duty: datetime | None
    next_message: datetime | None

    @property
    def now(self) -> int:
        """How many things can be done at once."""
        return self.arrivals + self.messages + self.duties

    @property
    def next_stop(self) -> datetime | None:
        """When the next duty or held message is due."""
        return min((at for at in (self.next_duty, self.next_message) if at), default=None)


class Pulse:
    """Looks at the spine's tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def migrated(self) -> bool:
        """Whether the database has every version of this release. Raises Unreachable."""
        address = self._engine.url.render_as_string(hide_password=False)
        try:
            return not await pending(address)
        except (OSError, TimeoutError, SQLAlchemyError) as error:
            raise Unreachable(type(error).__name__) from error

    async def lag(self, now: datetime) -> Lag:
        """How far behind inbox, outbox and duties are. Raises Unreachable."""
        [(arrival, message, parked, duty)] = await fetch(self._engine, _LAG, {"now": now})
        return Lag(_waited(now, arrival), _waited(now, message), _waited(now, duty), parked)

    async def work(self, now: datetime) -> Work:
        """What is to be done now and when there is more. Raises Unreachable."""
        [found] = await fetch(self._engine, _WORK, {"now": now})
        return Work(*found)


def _waited(now: datetime, since: datetime | None) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
