"""What the checker of the books remembers, up to where they are proved, and all faults that stand.

Owns the tables `proof` and `alarm`. The functions work inside the caller's transaction and commit nothing, so that the
mark, the faults and who is told of them move together or not at all. Decides nothing and mends nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from storage.engine import Connection


@dataclass(frozen=True, slots=True)
class Proof:
    """Up to which mark the books are proved (see `verify_since`), and when each check was last done."""

    mark: int
    new_at: datetime | None
    whole_at: datetime | None
    clearing_at: datetime | None


async def take(conn: Connection) -> Proof | None:
    """Hold the proof until this transaction ends; None while another checker has it."""
    row = (await conn.execute(_TAKE)).one_or_none()
    return Proof(*row) if row else None


async def keep(conn: Connection, proof: Proof) -> None:
    """Note how far it went."""
    values = {"mark": proof.mark, "new": proof.new_at, "whole": proof.whole_at, "clearing": proof.clearing_at}
    await conn.execute(_KEEP, values)


async def note(conn: Connection, part: str, faults: Mapping[str, str], at: datetime) -> list[str]:
    """Note the faults that a part stands at now, by subject; what is not among them is over.

    Returns the subjects that no part had a fault with before: somebody has to be told of them.
    """
    known = {(row.part, row.subject) for row in await conn.execute(_STANDING)}
    await conn.execute(_OVER, {"part": part, "subjects": list(faults)})
    columns = {"subjects": list(faults), "saids": list(faults.values())}
    await conn.execute(_NOTE, {"part": part, "at": at, **columns})
    return [subject for subject in faults if subject not in {of for _, of in known}]


async def begins(conn: Connection, part: str, subject: str, said: str, at: datetime) -> bool:
    """Note that one fault stands. Returns whether that is news."""
    one = {"part": part, "subject": subject, "said": said, "at": at}
    return bool((await conn.execute(_BEGINS, one)).rowcount)


async def ends(conn: Connection, part: str, subject: str) -> bool:
    """Note that one fault is over. Returns whether it stood."""
    return bool((await conn.execute(_ENDS, {"part": part, "subject": subject})).rowcount)


async def standing(conn: Connection) -> dict[str, int]:
    """Return how many faults stand, by the part that saw them."""
    return {row.part: row.faults for row in await conn.execute(_COUNT)}


_TAKE = text("SELECT mark, new_at, whole_at, clearing_at FROM proof FOR UPDATE SKIP LOCKED")
_KEEP = text("UPDATE proof SET mark = :mark, new_at = :new, whole_at = :whole, clearing_at = :clearing")
_STANDING = text("SELECT part, subject FROM alarm")
_OVER = text("DELETE FROM alarm WHERE part = :part AND NOT subject = ANY(:subjects)")
_NOTE = text("""
    INSERT INTO alarm (part, subject, said, since)
    SELECT :part, subject, said, CAST(:at AS timestamptz)
    FROM unnest(CAST(:subjects AS text[]), CAST(:saids AS text[])) AS fault (subject, said)
    ON CONFLICT (part, subject) DO UPDATE SET said = excluded.said
""")
_BEGINS = text("""
    INSERT INTO alarm (part, subject, said, since) VALUES (:part, :subject, :said, :at) ON CONFLICT DO NOTHING
""")
_ENDS = text("DELETE FROM alarm WHERE part = :part AND subject = :subject")
_COUNT = text("SELECT part, count(*) AS faults FROM alarm GROUP BY part")
