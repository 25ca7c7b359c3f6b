"""PINs in the database: their hashes made and checked, their rows locked, and the commands that wait for one.

A PIN is hashed by argon2id over its keyed hash, whose key is outside the database: there are only ten thousand PINs
of four figures, so a stolen table must not be enough. Nothing here logs, and what is written holds no PIN.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.pins import Pin, StepUp
from storage import tables
from storage.codec import load
from storage.vault import Vault

MOST_AT_ONCE: Final = 2
"""Hashes worked out at the same time; each takes a processor and 32 MiB for some 50 ms."""
_HASHER: Final = PasswordHasher(time_cost=4, memory_cost=32 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True, repr=False)
class Try:
    """One typed PIN: to be held against `hash` ("" when there is nothing to hold it against), or `anew` hashed."""

    person_id: str
    pin: str
    hash: str = ""
    anew: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Tried:
    """What a typed PIN came to: whether it was right, or its hash."""

    right: bool = False
    hash: str = ""


@dataclass(slots=True)
class Rows:
    """The rows of those who type a PIN, which stay locked until the transaction ends."""

    pins: Mapping[str, Pin] = field(default_factory=dict)
    step_ups: Mapping[str, StepUp] = field(default_factory=dict)


class Pins:
    """Hashes and checks PINs in threads, a few at a time, so that nothing else waits for it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    async def work_out(self, tries: Sequence[Try]) -> list[Tried]:
        """Check or hash each typed PIN, in the order given."""
        return list(await asyncio.gather(*map(self._one, tries)))

    async def _one(self, tried: Try) -> Tried:
        if not (tried.anew or tried.hash):
            return Tried()
        secret = self._vault.blind("pin.hash", f"{tried.person_id}|{tried.pin}").hex()
        async with self._room:
            if tried.anew:
                return Tried(hash=await asyncio.to_thread(_HASHER.hash, secret))
            return Tried(right=await asyncio.to_thread(_is_right, tried.hash, secret))


def _is_right(kept: str, secret: str) -> bool:
    try:
        return _HASHER.verify(kept, secret)
    except (VerifyMismatchError, InvalidHashError):
        return False


async def lock(conn: AsyncConnection, people: Sequence[str], parties: Sequence[str]) -> Rows:
    """Lock and read the PINs of these people, in the order of their ids, and what waits at these addresses.

    A try is counted under this lock, so two processes never count one try instead of two. The lock on the party
    guards what waits at an address.
    """
    pins = await load(conn, tables.PIN, "person_id = ANY(:v) ORDER BY person_id FOR UPDATE", v=sorted(people))
    step_ups = await load(conn, tables.STEP_UP, "party = ANY(:v)", v=sorted(parties))
    return Rows({pin.person_id: pin for pin in pins}, {at.party: at for at in step_ups})
