"""What a turn asks to be done. A command names things; whether it may be done is decided under the lock.

`by` says who may give it and is checked in one place (bot/actions/gate.py): anyone, person (known to us), member or
banker of the circle named or either of them (insider), staff (with one of `roles`), or system (duties and results).
"""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from domain.money import Currency
from domain.pardna import OrderBy
from domain.people import Language, Role
from domain.schedule import Frequency

By = Literal["anyone", "person", "member", "insider", "banker", "staff", "system"]


@dataclass(frozen=True, slots=True)
class Command:
    """Something to be done. `reads_only`: nothing changes, so no lock is taken."""

    by: ClassVar[By] = "person"
    roles: ClassVar[frozenset[Role]] = frozenset()
    reads_only: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Onboard(Command):
    """Somebody told their name and agreed to the terms and the privacy notice of `version`."""

    by: ClassVar[By] = "anyone"
    name: str
    language: Language
    version: str


@dataclass(frozen=True, slots=True)
class SetLanguage(Command):
    """Speak to me in this language."""

    language: Language


@dataclass(frozen=True, slots=True)
class LookAtTerms(Command):
    """Show a circle's terms to one who may join with so many hands, or (hands 0) just show them."""

    reads_only: ClassVar[bool] = True
    circle: str
    hands: int = 0


@dataclass(frozen=True, slots=True)
class Agree(Command):
    """Accept the terms: to join with `hands`, or again after a change.

    `terms` marks the terms that were read; "" when nothing tells which.
    """

    circle: str
    hands: int = 1
    terms: str = ""


@dataclass(frozen=True, slots=True)
class NewCircle(Command):
    """Set up a circle. The banker is not enrolled by it."""

    name: str
    throw: int
    currency: Currency
    frequency: Frequency
    turns: int
    first_due: date
    order_by: OrderBy


@dataclass(frozen=True, slots=True)
class Invite(Command):
    """Give me what I pass on for others to join."""

    by: ClassVar[By] = "insider"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class Roster(Command):
    """Who is in, in which order, and who has thrown."""

    by: ClassVar[By] = "insider"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class Approve(Command):
    """Let somebody who asked, or ALL, into the circle."""

    by: ClassVar[By] = "banker"
    circle: str
    who: str


@dataclass(frozen=True, slots=True)
class TurnDown(Command):
    """Do not let somebody who asked, or ALL, into the circle."""

    by: ClassVar[By] = "banker"
    circle: str
    who: str


@dataclass(frozen=True, slots=True)
class Arrange(Command):
    """Set the draw order by names, one a hand."""

    by: ClassVar[By] = "banker"
    circle: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetTerms(Command):
    """Change the banker's flat fee or the days of grace; None leaves it."""

    by: ClassVar[By] = "banker"
    circle: str
    fee: int | None = None
    grace_days: int | None = None


@dataclass(frozen=True, slots=True)
class AskToLock(Command):
    """Say what locking would fix, and ask for the Yes."""

    by: ClassVar[By] = "banker"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class Lock(Command):
    """Fix the terms and the order."""

    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class AskToBegin(Command):
    """Say what beginning would start, and ask for the Yes."""

    by: ClassVar[By] = "banker"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class Begin(Command):
    """Start the circle: round 1 opens."""

    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class Close(Command):
    """Call off a circle that has not begun."""

    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class Suspend(Command):
    """Stop the clock of a circle for now."""

    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class Resume(Command):
    """Let a suspended circle run again."""

    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class BeginThrow(Command):
    """Throw `amount` minor units by a rail, or say that it was given to the banker in cash.

    `for_who` names another member whose hand it is for (rules.md 25); "" is my own.
    """

    by: ClassVar[By] = "member"
    circle: str
    amount: int
    rail: str
    for_who: str = ""


@dataclass(frozen=True, slots=True)
class RecordCash(Command):
    """The banker took cash from somebody."""

    by: ClassVar[By] = "banker"
    circle: str
    who: str
    amount: int


@dataclass(frozen=True, slots=True)
class Confirm(Command):
    """The cash entry is right. Only the other side of the entry may say so."""

    receipt: str


@dataclass(frozen=True, slots=True)
class Deny(Command):
    """The cash entry is wrong. Only the other side of the entry may say so."""

    receipt: str


@dataclass(frozen=True, slots=True)
class PayOut(Command):
    """Start paying what a drawer may get now."""

    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class ApprovePayout(Command):
    """The second yes to a payout."""

    payout_ref: str


@dataclass(frozen=True, slots=True)
class Received(Command):
    """My draw reached me."""

    payout_ref: str


@dataclass(frozen=True, slots=True)
class NotReceived(Command):
    """My draw did not reach me."""

    payout_ref: str


@dataclass(frozen=True, slots=True, repr=False)
class StateTrn(Command):
    """My TRN, nine digits."""

    trn: str


@dataclass(frozen=True, slots=True, repr=False)
class SetDestination(Command):
    """Where my draws go: kind bank (place, branch, account), wallet (place, account) or cash."""

    kind: str
    place: str = ""
    branch: str = ""
    account: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class StartLink(Command):
    """Send a one-time code to an address of mine that is to be added."""

    party: str


@dataclass(frozen=True, slots=True, repr=False)
class FinishLink(Command):
    """The code that reached it."""

    code: str


@dataclass(frozen=True, slots=True)
class Stop(Command):
    """Send me nothing more here."""

    by: ClassVar[By] = "anyone"


@dataclass(frozen=True, slots=True)
class Start(Command):
    """Write to me here again."""

    by: ClassVar[By] = "anyone"


@dataclass(frozen=True, slots=True, repr=False)
class OpenTicket(Command):
    """I want a human."""

    text: str


@dataclass(frozen=True, slots=True)
class Queue(Command):
    """What waits for staff: a page of it, of one kind or of all."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset(Role)
    reads_only: ClassVar[bool] = True
    kind: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Kyc(Command):
    """A TRN was held against the document: right or not."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.COMPLIANCE, Role.ADMIN})
    ticket_ref: str
    right: bool


@dataclass(frozen=True, slots=True, repr=False)
class Case(Command):
    """Answer a ticket, or decide it with OK / NO."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset(Role)
    ticket_ref: str
    text: str


@dataclass(frozen=True, slots=True)
class Duty(Command):
    """Something whose time has come (filed by the keeper)."""

    by: ClassVar[By] = "system"


@dataclass(frozen=True, slots=True)
class CutOff(Duty):
    """The due day of a round is over: what is open is late, and the next round opens (20)."""

    circle: str
    round: int


@dataclass(frozen=True, slots=True)
class CloseRound(Duty):
    """Grace is over: what is open is missed (21)."""

    circle: str
    round: int


@dataclass(frozen=True, slots=True)
class PayDay(Duty):
    """The payout date of a round: ask the banker to pay out."""

    circle: str
    round: int


@dataclass(frozen=True, slots=True)
class Remind(Duty):
    """A day on which those who owe in a round are reminded."""

    circle: str
    round: int


@dataclass(frozen=True, slots=True)
class Digest(Duty):
    """One reminder to one person, of all their circles: of what is `due`, or of draws that are `held`."""

    person_id: str
    about: str


@dataclass(frozen=True, slots=True)
class EndCircle(Duty):
    """The day after the last payout date: what is still open becomes a debt or a liability (51)."""

    circle: str


@dataclass(frozen=True, slots=True)
class CashSilence(Duty):
    """48 hours without the member's word: unconfirmed but counted (24)."""

    receipt: str


@dataclass(frozen=True, slots=True)
class ApprovalSilence(Duty):
    """24 hours without the second yes: ask another once, then staff (35)."""

    payout_id: str
    asks: int


@dataclass(frozen=True, slots=True)
class ReceiptSilence(Duty):
    """72 hours without RECEIVED: presumed where the rail reports success, else staff (39)."""

    payout_id: str


@dataclass(frozen=True, slots=True)
class HeldReminder(Duty):
    """Every three days: what would free a held draw (33)."""

    circle: str
    round: int
    count: int


@dataclass(frozen=True, slots=True)
class MoreForStaff(Duty):
    """An hour after staff last heard of somebody's question: more was added to it."""

    ticket_ref: str


@dataclass(frozen=True, slots=True)
class Result(Command):
    """What a rail or a channel told us (filed by the relay or a web hook)."""

    by: ClassVar[By] = "system"


@dataclass(frozen=True, slots=True)
class LinkReady(Result):
    """Where to pay."""

    receipt: str
    link: str


@dataclass(frozen=True, slots=True)
class Collected(Result):
    """The rail has the money."""

    receipt: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class CollectFailed(Result):
    """The rail did not get the money."""

    receipt: str
    reason: str


@dataclass(frozen=True, slots=True)
class Disbursed(Result):
    """The rail paid."""

    payout_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class DisburseFailed(Result):
    """The rail will not pay."""

    payout_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AddressGone(Result):
    """The channel can no longer reach this party."""

    party: str
