"""Reads how far, or to when, the clock shall move."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import isodate

from bot.web.answers import BadRequest

Goal = Callable[[datetime], datetime]
"""From the time now to the time wanted. Raises OverflowError or ValueError beyond the calendar."""

_EXAMPLE: Final = '{"advance": "P7D"} or {"set": "2026-12-07T09:00-05:00"}'


def read_goal(call: object) -> Goal:
    """Return where the clock shall go. Raises BadRequest."""
    match call:
        case {"advance": str(), "set": str()}:
            raise BadRequest("Send advance or set, not both.")
        case {"advance": str(length)}:
            return _on(length)
        case {"set": str(at)}:
            return _to(at)
        case _:
            raise BadRequest(f"Send {_EXAMPLE}.")


def _on(text: str) -> Goal:
    try:
        # A timedelta, or isodate's own Duration where months or years are in it; both add to a time.
        length = isodate.parse_duration(text)
    except (isodate.ISO8601Error, ValueError, OverflowError, ArithmeticError):
        raise BadRequest("advance is a length in ISO 8601: P7D, P1W, PT12H.") from None

    def later(now: datetime) -> datetime:
        wanted: datetime = now + length
        return wanted

    return later


def _to(text: str) -> Goal:
    try:
        at: datetime | None = isodate.parse_datetime(text)
    except (isodate.ISO8601Error, ValueError, OverflowError):
        at = None
    if at is None or at.tzinfo is None:
        raise BadRequest("set is a time in ISO 8601 with its offset: 2026-12-07T09:00-05:00.")
    # Time goes on while the call is on its way: a clock set to 9:00 twice is not moved back the second time.
    slack = timedelta(minutes=1)
    return lambda now: now if timedelta() < now - at < slack else at
