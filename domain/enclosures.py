"""What people send beside words: pictures and PDF, and for how long they are kept.

What it shows is for staff to see; nothing here reads it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

PDF: Final = "application/pdf"
PICTURES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""The kinds of pictures that are kept, by the name of their format."""
ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", PDF: "pdf"}
MOST_A_DAY: Final = 20
DAY: Final = timedelta(days=1)
OPEN_FOR: Final = timedelta(minutes=15)
"""How long a link to one works."""
KEPT_FOR: Final = timedelta(days=90)
"""After that it goes, unless its line is open or it proves who somebody is."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """One file. `scanned`: it was looked at for viruses, and none was found."""

    id: str
    person_id: str
    ticket_id: str
    mime: str
    size_bytes: int
    scanned: bool
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class EnclosureFacts:
    """What a link to a file opens."""

    enclosure: str
    ref: str
    mime: str
    scanned: bool

    @property
    def name(self) -> str:
        """What it is called where it is saved: one that nobody has scanned says so."""
        return f"{self.ref}{'' if self.scanned else '-not-scanned'}.{ENDINGS[self.mime]}"

    @classmethod
    def read(cls, plain: dict[str, Any]) -> "EnclosureFacts":
        """Read what was kept as JSON."""
        return cls(**plain)
