"""The telephone with the local SIM, as far as anybody here knows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

PHONE = "smsgate"
"""Its one row's name."""


@dataclass(frozen=True, slots=True)
class SimPhone:
    """When it was last heard (wall clock), and how it called its health and its battery (percent, -1: unknown)."""

    name: str
    heard_at: datetime
    health: str = ""
    battery: int = -1

    def is_awake(self, at: datetime, silent_after: timedelta) -> bool:
        """Whether it was heard so lately that it may be given messages."""
        return at - self.heard_at < silent_after
