"""People: who they are, where they are reached, what they have proved and agreed to."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Language(StrEnum):
    """English, or Jamaican Patwa as people text it."""

    EN = "en"
    PATWA = "pw"

    @property
    def tag(self) -> str:
        """Its tag by BCP 47, as pages and papers name it."""
        return "jam" if self is Language.PATWA else "en-JM"

    @property
    def locale(self) -> str:
        """How its readers write days and figures: CLDR has none of Patwa, whose readers write them as in English."""
        return "en_JM"

    @property
    def own_name(self) -> str:
        """What its readers call it."""
        return "Patwa" if self is Language.PATWA else "English"


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
    """A party (`channel:address`) that belongs to a person. `stopped_at`: nothing is sent there.

    `gone`: its network ended it, not the person's STOP, so that it returns when they let us in again.
    `preferred_at`: when they said that they want to be told there first; the latest of their addresses is.
    `copies`: a mail address gets a copy of each receipt, wherever the receipt itself goes.
    """

    party: str
    person_id: str
    added_at: datetime
    stopped_at: datetime | None = None
    preferred_at: datetime | None = None
    copies: bool = True
    gone: bool = False


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


BANK_ACCOUNT = re.compile(r"[0-9]{6,13}")
"""An account's number at a bank of Jamaica, without the spaces and dashes that people group it by."""
FOR_EVER = datetime.max.replace(tzinfo=UTC)
"""Until staff say otherwise."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Why nothing is sent to somebody for now: until a time, since details or addresses changed, or `held` by staff."""

    person_id: str
    until: datetime | None = None
    held: bool = False

    def lasts_until(self, at: datetime) -> datetime | None:
        """Return until when nothing is sent (FOR_EVER: until staff say so), or None when nothing is in the way."""
        if self.held:
            return FOR_EVER
        return self.until if self.until is not None and at < self.until else None


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


@dataclass(frozen=True, slots=True)
class Clerk:
    """An address of staff and one role that it has. `person_id`: whose it is; "" when nobody has written from it."""

    party: str
    role: Role
    person_id: str = ""


class TicketKind(StrEnum):
    """What staff are asked to look at."""

    KYC = "kyc"
    AGENT = "agent"
    DISPUTE = "dispute"
    PAYOUT = "payout"
    FAULT = "fault"
    MATCH = "match"
    """Money that came without a name of ours."""
    ALERT = "alert"
    """For compliance alone; nobody else learns that it is there (rules.md 58)."""


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


def shown_address(party: str) -> str:
    """Return an address as it may be shown to its owner: the channel and the last four figures, or most of a mail's."""
    channel, _, address = party.partition(":")
    if channel == "email":
        name, _, place = address.rpartition("@")
        return f"e-mail {name[:1]}...@{place}"
    return f"{ {'sms': 'SMS', 'whatsapp': 'WhatsApp', 'telegram': 'Telegram'}.get(channel, channel) } ...{address[-4:]}"


def can_talk(party: str) -> bool:
    """Whether somebody can write to us from an address: by e-mail they are reached and not heard."""
    return not is_mail(party)


def is_mail(party: str) -> bool:
    """Whether a party is a mail address."""
    return party.startswith("email:")


def parties_of(named: str) -> frozenset[str]:
    """Return the parties that an address may be (`+18765550101`, `5550103`); none for a name or a reference.

    Figures alone are a chat of Telegram's, and a Jamaican telephone number where they look like one.
    """
    if not re.fullmatch(r"\+?[0-9]{5,15}", named):
        return frozenset()
    local = re.fullmatch(r"1?((?:876|658)[0-9]{7})", named)
    number = f"+1{local[1]}" if local else named
    phones = {f"sms:{number}", f"whatsapp:{number}"} if number.startswith("+") else set()
    return frozenset(phones if named.startswith("+") else {f"telegram:{named}", *phones})


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


_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "rev", "jr", "sr"})
_JOINT = re.compile(r"[&/+]|\b(?:and|or)\b")
_MOST_BESIDE = 2
"""Names of one side that the other has not: middle names, or a name from before a marriage."""
_SHORTEST_SLIP = 5
"""Letters of a name in which a slip is a slip: Joan and John are two people."""


def same_holder(name: str, holder: str) -> bool:
    """Whether an account in the name of `holder` is that of a member called `name` (rules.md 34).

    Case, accents, marks, order, titles, middle names and their initials do not count, and one letter may be wrong
    within a long name. Two whole names have to be the same, so that M Brown is not Marva Brown; an account of two
    people is nobody's. What is not clearly the same is for staff to look at.
    """
    mine, theirs = _names(name), _names(holder)
    if _JOINT.search(holder.casefold()) or not mine:
        return False
    if mine == theirs:
        return True
    few, many = sorted((_untitled(mine), _untitled(theirs)), key=len)
    if len(many) - len(few) > _MOST_BESIDE:
        return False
    whole, slips, left = 0, 0, list(many)
    for one in few:
        found = next((o for o in left if o == one), None) or next((o for o in left if _is_near(one, o)), None)
        if found is None:
            return False
        left.remove(found)
        whole += len(one) > 1 and len(found) > 1
        slips += found != one and len(one) > 1 and len(found) > 1
    return whole >= 2 and slips <= 1  # noqa: PLR2004 - a name and a surname


def _names(name: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    words = re.sub(r"[-,.]", " ", re.sub(r"['\u2019]", "", plain)).split()
    return sorted(words)


def _untitled(names: list[str]) -> list[str]:
    return [n for n in names if n not in _TITLES]


def _is_near(one: str, other: str) -> bool:
    """Whether one is the initial of the other, or one letter within it is wrong, missing, added or changed places.

    Not the last letter: Denis and Denise, Patrick and Patricka are two people.
    """
    if 1 in {len(one), len(other)}:
        return one[0] == other[0]
    if min(len(one), len(other)) < _SHORTEST_SLIP or one[-1] != other[-1] or one[0] != other[0]:
        return False
    start = next(i for i, (a, b) in enumerate(zip(one + " ", other + " ", strict=False)) if a != b)
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a == b[1:] or a[1:] == b or (a[:2] == b[1::-1] and a[2:] == b[2:])
