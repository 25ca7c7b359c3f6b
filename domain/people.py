"""People: who they are, where they are reached, what they have proved and agreed to."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Language(StrEnum):
    """English, or Jamaican Patwa as people text it."""

    EN = "en"
    PATWA = "pw"


class Role(StrEnum):
    """What a member of staff may do; admin may do all."""

    SUPPORT = "support"
    COMPLIANCE = "compliance"
    FINANCE = "finance"
    ADMIN = "admin"


class TrnState(StrEnum):
    """A TRN is stated by its owner and then verified or refused by staff (rules.md 33)."""

    STATED = "STATED"
    VERIFIED = "VERIFIED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who told us their name and agreed to the terms."""

    id: str
    name: str
    language: Language
    created_at: datetime

    @property
    def first_name(self) -> str:
        """What we call them."""
        return first_name(self.name)


@dataclass(frozen=True, slots=True)
class Address:
    """A party (`channel:address`) that belongs to a person. `stopped_at`: nothing is sent there."""

    party: str
    person_id: str
    added_at: datetime
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to, in which version, and from where."""

    person_id: str
    kind: str
    version: str
    given_at: datetime
    party: str


@dataclass(frozen=True, slots=True)
class Trn:
    """A TRN, encrypted; `blind` is its keyed hash, unique among the verified (rules.md 57)."""

    person_id: str
    sealed: bytes
    blind: bytes
    last3: str
    state: TrnState
    stated_at: datetime


@dataclass(frozen=True, slots=True)
class Destination:
    """Where somebody's draws go. `label` is safe to show (`NCB ...4471`); the account is sealed."""

    person_id: str
    kind: str
    label: str
    sealed: bytes | None
    set_at: datetime


@dataclass(frozen=True, slots=True)
class LinkCode:
    """A one-time code of one person on its way to an address that is being added (rules.md 53).

    `sent` are the times of the codes of the last day, in ISO form with spaces between.
    """

    party: str
    person_id: str
    hash: bytes
    tries: int
    expires_at: datetime
    sent: str = ""

    def sent_since(self, start: datetime) -> list[str]:
        """Return the times of the codes sent after `start`."""
        return [at for at in self.sent.split() if datetime.fromisoformat(at) > start]


class TicketKind(StrEnum):
    """What staff are asked to look at."""

    KYC = "kyc"
    AGENT = "agent"
    DISPUTE = "dispute"
    PAYOUT = "payout"
    FAULT = "fault"


OF_MONEY = frozenset({TicketKind.DISPUTE, TicketKind.PAYOUT})
"""Decided by finance alone."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A line of QUEUE. `subject` names the payment or payout it is about; `sealed` is what was written."""

    id: str
    ref: str
    kind: TicketKind
    person_id: str | None
    circle: str | None
    subject: str
    sealed: bytes | None
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    outcome: str = ""
    told_at: datetime | None = None
    """When staff last heard of it, where it may be added to."""


LONGEST_NAME = 40
NO_NAMES = frozenset({
    "all", "all of them", "everybody", "everyone", "nobody", "none", "yes", "no", "ok", "okay", "i agree", "not now",
})  # fmt: skip
"""What answers a question of the bot's (whom to let in, say) and so can be nobody's whole name."""
_TRN_MARKS = re.compile(r"[\s.\-/]")


def first_name(name: str) -> str:
    """Return the part of a name that people are called by."""
    return name.split(maxsplit=1)[0] if name.split() else name


def tidy_name(text: str) -> str:
    """Return a name with single spaces, or "" when it is none: it holds letters and no digits, <= 40 characters.

    Words that mean something where a name may stand are none either, nor does one begin with NOT.
    """
    name = " ".join(text.split())
    has_letters = sum(c.isalpha() for c in name) >= 2  # noqa: PLR2004 - Bo and Al are names, X is not
    plain = all(c.isalpha() or c in " '.-\u2019" for c in name)
    low = name.casefold().strip(" '.-")
    free = low not in NO_NAMES and low.split()[:1] != ["not"]
    return name if has_letters and plain and free and len(name) <= LONGEST_NAME else ""


def read_trn(text: str) -> str:
    """Return the nine digits of a TRN, or "": spaces and dashes do not count, one digit nine times is none.

    There is no published check digit, so nobody is turned away on one.
    """
    digits = _TRN_MARKS.sub("", text)
    return digits if re.fullmatch(r"[0-9]{9}", digits) and len(set(digits)) > 1 else ""
