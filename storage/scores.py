"""What scores are made of, read in bulk when they are asked for (rules.md 56)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.scores import Deed, Done

_DEEDS = text("""
    SELECT m.person_id, CASE WHEN m.what = 'missed' AND EXISTS (
            SELECT FROM hand h JOIN due d ON d.circle = h.circle AND d.hand = h.number AND d.round = m.round
            WHERE h.circle = m.circle AND h.person_id = m.person_id AND d.paid < d.amount
        ) THEN 'owed' ELSE m.what END AS what, m.at
    FROM throw_mark m WHERE m.person_id = ANY(:people)
    UNION ALL
    SELECT c.banker_id, CASE WHEN d.ready_at IS NULL OR d.begun_at <= d.ready_at + interval '1 day' THEN 'on_time'
        ELSE 'slow' END, coalesce(d.begun_at, d.ready_at)
    FROM circle c JOIN draw d ON d.circle = c.code
    WHERE c.banker_id = ANY(:people)
        AND (d.begun_at IS NOT NULL OR d.ready_at < CAST(:now AS timestamptz) - interval '1 day')
        AND (d.ready_at IS NULL OR d.begun_at IS NOT NULL OR d.state = 'READY')
    UNION ALL
    SELECT lost_by, 'lost', coalesce(ended_at, opened_at) FROM dispute WHERE lost_by = ANY(:people)
    ORDER BY at
""")


async def deeds(conn: AsyncConnection, people: Collection[str], now: datetime) -> dict[str, tuple[Done, ...]]:
    """Return all that counts of each of these people's deeds, the oldest first."""
    found: dict[str, list[Done]] = {person: [] for person in people}
    for row in await conn.execute(_DEEDS, {"people": sorted(people), "now": now}):
        found[row.person_id].append(Done(Deed(row.what), row.at))
    return {person: tuple(done) for person, done in found.items()}
