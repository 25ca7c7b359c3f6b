"""PINs: which are good, how wrong tries are counted, and how long one that was given lasts (rules.md 54).

Holds no PIN: a typed one lives in one command, and a kept one is a hash (storage/pins.py).
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

GOOD_FOR = timedelta(minutes=10)
"""How long a PIN that was given lasts on its address, from when it was given; and how long a command waits for it."""
MOST_TRIES = 5
LOCK_LASTS = timedelta(minutes=15)
LONGEST_LOCK = timedelta(days=1)
"""Locks that follow each other without a right PIN between them are each twice as long as the last, up to a day."""
_ROWS = ("01234567890123456789", "98765432109876543210")
_SHAPE = re.compile(r"[0-9]{4,6}")


@dataclass(frozen=True, slots=True, repr=False)
class Pin:
    """A person's PIN as it is kept; `hash` is "" after staff reset it. `locks`: how often in a row it was locked."""

    person_id: str
    hash: str
    set_at: datetime
    tries: int = 0
    locks: int = 0
    locked_until: datetime | None = None

    def is_locked(self, at: datetime) -> bool:
        """Whether no PIN is taken now, on any address."""
        return self.locked_until is not None and at < self.locked_until

    def after_wrong(self, at: datetime) -> "Pin":
        """Return the PIN after one more wrong try; the fifth locks."""
        tries = self.tries + 1
        if tries < MOST_TRIES:
            return replace(self, tries=tries)
        lasts = min(LOCK_LASTS * 2 ** min(self.locks, 10), LONGEST_LOCK)
        return replace(self, tries=0, locks=self.locks + 1, locked_until=at + lasts)

    def after_right(self) -> "Pin":
        """Return the PIN after a right one: what was wrong before counts no more."""
        return replace(self, tries=0, locks=0, locked_until=None)


@dataclass(frozen=True, slots=True, repr=False)
class StepUp:
    """What one address has shown and what waits there.

    `given_at`: when the PIN was last given. `waits`: a sealed command that waits for it since `since`. `draft`: the
    hash of a PIN that was chosen and has to be typed once more.
    """

    party: str
    person_id: str
    given_at: datetime | None = None
    waits: bytes | None = None
    draft: str = ""
    since: datetime | None = None

    def is_fresh(self, pin: Pin, at: datetime) -> bool:
        """Whether the PIN was given here lately, and is the one that holds now."""
        given = self.given_at
        return given is not None and self.person_id == pin.person_id and pin.set_at <= given and at < given + GOOD_FOR

    def still_waits(self, at: datetime) -> bool:
        """Whether what waits here, or was chosen here, is not too old."""
        return self.since is not None and at < self.since + GOOD_FOR


def read_pin(typed: str) -> str:
    """Return 4 to 6 figures, or "": spaces and dashes between them do not count."""
    figures = re.sub(r"[\s-]", "", typed)
    return figures if _SHAPE.fullmatch(figures) else ""


def is_too_easy(pin: str, *known: str) -> bool:
    """Whether a PIN is one of the first that a stranger would try.

    One figure or two in turn (1111, 1212), figures in a row (1234, 4321), a year of birth, or what ends a number that
    is `known` of the person (their telephone, their TRN).
    """
    alternates = pin == (pin[:2] * 3)[: len(pin)]
    halves = len(pin) % 2 == 0 and pin[: len(pin) // 2] == pin[len(pin) // 2 :]
    year = len(pin) == 4 and pin[:2] in {"19", "20"}  # noqa: PLR2004 - a year has four figures
    ends = any(len(number) >= 3 and (number.endswith(pin) or pin.endswith(number)) for number in known)  # noqa: PLR2004 - of a TRN three figures are shown
    return alternates or halves or year or ends or any(pin in row for row in _ROWS)
