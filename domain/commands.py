"""What a turn asks to be done. A command names things; whether it may be done is decided under the lock.

`by` says who may give it and is checked in one place (bot/actions/gate.py): anyone, person (known to us), member or
banker of the circle named or either of them (insider), staff (with one of `roles`), or system (duties and results).
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from domain.money import Currency
from domain.pardna import OrderBy
from domain.people import Language, Role
from domain.schedule import Frequency
from domain.terms import FeeKind, OnDefault

By = Literal["anyone", "person", "member", "insider", "banker", "staff", "system"]


@dataclass(frozen=True, slots=True)
class Command:
    """Something to be done. `reads_only`: nothing changes, so no lock is taken.

    `moves_money`: it may touch what stands with carriers, so the house's accounts are locked and read.
    `steps_up`: it asks for the PIN (rules.md 54), `anew` even where it was given a moment ago.
    """

    by: ClassVar[By] = "person"
    roles: ClassVar[frozenset[Role]] = frozenset()
    reads_only: ClassVar[bool] = False
    moves_money: ClassVar[bool] = False
    steps_up: ClassVar[bool] = False
    anew: ClassVar[bool] = False

    @property
    def needs_pin(self) -> bool:
        """Whether the PIN has to be given first: for some words of members, and all of staff's (rules.md 54)."""
        return self.steps_up or self.by == "staff"


def word(command: type[Command]) -> str:
    """Return the name by which an arrival asks for a command: `pay_day` for PayDay."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", command.__name__).lower()


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
    """Show a circle's terms to one who may join with so many half hands, or (0) just show them."""

    reads_only: ClassVar[bool] = True
    circle: str
    halves: int = 0


@dataclass(frozen=True, slots=True)
class Agree(Command):
    """Accept the terms: to join with `halves`, two a hand, or again after a change.

    `terms` marks the terms that were read; "" when nothing tells which.
    """

    circle: str
    halves: int = 2
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
class ShowGroup(Command):
    """How a group on Telegram is made to hear the circle's public news, or that one does."""

    by: ClassVar[By] = "banker"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class EndGroup(Command):
    """Have the circle's group hear nothing more."""

    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class Roster(Command):
    """Who is in, in which order, and who has thrown."""

    by: ClassVar[By] = "insider"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class Statement(Command):
    """The lines of the book that are mine (of the banker: all) as a document."""

    by: ClassVar[By] = "insider"
    reads_only: ClassVar[bool] = True
    circle: str
    by_mail: bool = False
    """To my mail address, as PDF and table."""


@dataclass(frozen=True, slots=True)
class Why(Command):
    """The lines behind an amount that I was shown; 0: which were I shown? What else is named tells which is meant."""

    reads_only: ClassVar[bool] = True
    amount: int = 0
    currency: str = ""
    of_circle: str = ""
    ref: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Proof(Command):
    """Whether the book still is what was told of it (docs/proof.md), or the book as a file."""

    by: ClassVar[By] = "insider"
    reads_only: ClassVar[bool] = True
    circle: str
    mark: str = ""
    """One that the member kept; else those that they were told last."""
    as_file: bool = False


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
    """Change terms; None leaves them. A flat `fee` takes the place of one of another kind, and the other way about.

    So do `late_fee` and `late_share`; none of both is a late fee of 0. `late_cap` None: one throw.
    """

    by: ClassVar[By] = "banker"
    circle: str
    fee: int | None = None
    grace_days: int | None = None
    fee_kind: FeeKind | None = None
    fee_share: int = 0
    late_fee: int | None = None
    late_share: int | None = None
    late_cap: int | None = None
    reserve_share: int | None = None
    cover: bool | None = None
    on_default: OnDefault | None = None


@dataclass(frozen=True, slots=True)
class LookAtScore(Command):
    """What my score is, and why (56)."""

    reads_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class OpenLottery(Command):
    """Promise a seed by its hash, and take words, for an order that anybody can work out again (13)."""

    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class GiveWord(Command):
    """Put a word into a circle's lottery; the last one counts (13)."""

    by: ClassVar[By] = "member"
    circle: str
    word: str


@dataclass(frozen=True, slots=True)
class ChooseSeat(Command):
    """Have one of my hands draw in this turn, or (`leaves`) give it back (12)."""

    by: ClassVar[By] = "member"
    circle: str
    seat: int
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class SetTreasurer(Command):
    """Let a member say the second yes to every draw of a circle (35), or ("") nobody more than others."""

    by: ClassVar[By] = "banker"
    steps_up: ClassVar[bool] = True
    circle: str
    who: str


@dataclass(frozen=True, slots=True)
class Vote(Command):
    """My yes or no to what somebody proposed (4, 47)."""

    proposal_ref: str
    yes: bool


@dataclass(frozen=True, slots=True)
class LookAtVote(Command):
    """What is proposed, and how it stands."""

    reads_only: ClassVar[bool] = True
    proposal_ref: str


@dataclass(frozen=True, slots=True)
class LookAtVotes(Command):
    """What was proposed in a circle, and what came of it."""

    by: ClassVar[By] = "insider"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class ProposeBanker(Command):
    """Have all hands vote for a member as the banker (47)."""

    by: ClassVar[By] = "member"
    circle: str
    who: str


@dataclass(frozen=True, slots=True)
class ProposeSwap(Command):
    """Ask `who` (a name, a turn, or NEXT: whoever wants my held draw) to change turns with me (44).

    `turn` 0 is my next one.
    """

    by: ClassVar[By] = "member"
    steps_up: ClassVar[bool] = True
    circle: str
    who: str
    turn: int = 0


@dataclass(frozen=True, slots=True)
class AnswerSwap(Command):
    """My yes or no to changing turns (44)."""

    steps_up: ClassVar[bool] = True
    proposal_ref: str
    yes: bool


@dataclass(frozen=True, slots=True)
class SetDeputy(Command):
    """Ask a member to stand by for the banker's role (47), or ("") have nobody do so."""

    by: ClassVar[By] = "banker"
    steps_up: ClassVar[bool] = True
    circle: str
    who: str


@dataclass(frozen=True, slots=True)
class AskToHandOver(Command):
    """Say what handing the banker's role over would do, and ask for the Yes."""

    by: ClassVar[By] = "banker"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class HandOver(Command):
    """Make the deputy the banker (47)."""

    by: ClassVar[By] = "banker"
    steps_up: ClassVar[bool] = True
    circle: str


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
class AskToEnd(Command):
    """Say who would owe and who would get what if a circle ended now, and ask for the Yes (48)."""

    by: ClassVar[By] = "banker"
    reads_only: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class EndEarly(Command):
    """End a circle that rests, for good (48)."""

    by: ClassVar[By] = "banker"
    steps_up: ClassVar[bool] = True
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

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "member"
    circle: str
    amount: int
    rail: str
    for_who: str = ""


@dataclass(frozen=True, slots=True)
class RecordCash(Command):
    """The banker took cash from somebody."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "banker"
    circle: str
    who: str
    amount: int


@dataclass(frozen=True, slots=True)
class CoverPot(Command):
    """The banker fills short pots out of their own pocket: by a rail, or with cash that they hold from now on (36)."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "banker"
    circle: str
    amount: int
    rail: str


@dataclass(frozen=True, slots=True, repr=False)
class Waive(Command):
    """The banker lets go of late fees, or of the throw of a round; `round` 0: of all of them, of the oldest (29)."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "banker"
    circle: str
    who: str
    kind: Literal["late", "throw"]
    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProposePlan(Command):
    """Let me pay what I missed in parts (42)."""

    by: ClassVar[By] = "member"
    circle: str
    amount: int
    every: Frequency


@dataclass(frozen=True, slots=True)
class AnswerPlan(Command):
    """The banker agrees to a member's payment plan, or does not."""

    by: ClassVar[By] = "banker"
    circle: str
    who: str
    yes: bool


@dataclass(frozen=True, slots=True)
class Confirm(Command):
    """The cash entry is right. Only the other side of the entry may say so."""

    moves_money: ClassVar[bool] = True
    receipt: str


@dataclass(frozen=True, slots=True)
class Deny(Command):
    """The cash entry is wrong. Only the other side of the entry may say so."""

    receipt: str


@dataclass(frozen=True, slots=True, repr=False)
class Complain(Command):
    """My circle's banker has done wrong: let members who have no part in it decide (52)."""

    by: ClassVar[By] = "member"
    circle: str
    text: str


@dataclass(frozen=True, slots=True)
class GiveVerdict(Command):
    """As one of a dispute's panel: it happened, or it did not. Only who was drawn may say so (52)."""

    moves_money: ClassVar[bool] = True
    ticket_ref: str
    happened: bool


@dataclass(frozen=True, slots=True, repr=False)
class SaySide(Command):
    """My side of a dispute of mine, in a line that its panel hears."""

    ticket_ref: str
    text: str


@dataclass(frozen=True, slots=True)
class PayOut(Command):
    """Start paying what a drawer may get now."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "banker"
    circle: str


@dataclass(frozen=True, slots=True)
class ApprovePayout(Command):
    """The second yes to a payout."""

    moves_money: ClassVar[bool] = True
    steps_up: ClassVar[bool] = True
    payout_ref: str


@dataclass(frozen=True, slots=True)
class Received(Command):
    """My draw reached me."""

    moves_money: ClassVar[bool] = True
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
    """Where my draws go: kind bank (place, branch, account), wallet (place, account) or cash.

    `holder` is the name that the account is in (rules.md 34).
    """

    steps_up: ClassVar[bool] = True
    kind: str
    place: str = ""
    branch: str = ""
    account: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class StartLink(Command):
    """Send a one-time code to an address of mine that is to be added."""

    steps_up: ClassVar[bool] = True
    party: str


@dataclass(frozen=True, slots=True, repr=False)
class FinishLink(Command):
    """The code that reached it."""

    code: str


@dataclass(frozen=True, slots=True)
class AskUnlink(Command):
    """Show me my addresses, so that I can say which one goes."""

    reads_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Unlink(Command):
    """This address is mine no more (rules.md 53)."""

    steps_up: ClassVar[bool] = True
    party: str


@dataclass(frozen=True, slots=True)
class AskReach(Command):
    """Show me my addresses, so that I can say where I am told first."""

    reads_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Reach(Command):
    """Tell me here first."""

    party: str


@dataclass(frozen=True, slots=True)
class AskCopies(Command):
    """Whether receipts come to me by mail too."""

    reads_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class SetCopies(Command):
    """Send me a copy of each receipt by mail, or no more of them."""

    on: bool


@dataclass(frozen=True, slots=True)
class StopDraws(Command):
    """Somebody changed what was not theirs to change: send my draws nowhere until staff have spoken to me."""


@dataclass(frozen=True, slots=True, repr=False)
class PinTry(Command):
    """A PIN was typed. It is in this command alone: nothing that is kept or written holds one."""

    pin: str


@dataclass(frozen=True, slots=True, repr=False)
class GivePin(PinTry):
    """My PIN. `asked`: it answers the question for it, so that what waits is done; `ahead`: it came with a line."""

    asked: bool = False
    ahead: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class ChoosePin(PinTry):
    """The PIN I want."""


@dataclass(frozen=True, slots=True, repr=False)
class RepeatPin(PinTry):
    """The PIN I want, once more."""


@dataclass(frozen=True, slots=True)
class ChangePin(Command):
    """I want another PIN, or a first one."""

    steps_up: ClassVar[bool] = True
    anew: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Stop(Command):
    """Send me nothing more here. `by_sim`: an SMS by the local SIM, where no carrier confirms it in our place."""

    by: ClassVar[By] = "anyone"
    by_sim: bool = False


@dataclass(frozen=True, slots=True)
class Start(Command):
    """Write to me here again."""

    by: ClassVar[By] = "anyone"


@dataclass(frozen=True, slots=True, repr=False)
class OpenTicket(Command):
    """I want a human."""

    text: str


@dataclass(frozen=True, slots=True, repr=False)
class TakeFile(Command):
    """I send a picture or a document. `file` is what the network calls it, `text` what I wrote beside it.

    `lately`: how many I sent from here within a day before it, whatever became of them.
    """

    file: str
    text: str
    lately: int = 0


@dataclass(frozen=True, slots=True)
class Queue(Command):
    """What waits for staff: a page of it, of one kind or of all."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset(Role)
    reads_only: ClassVar[bool] = True
    kind: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Files(Command):
    """Show a file that lies with a ticket; `number` 0: the newest."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset(Role)
    ticket_ref: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Messages(Command):
    """What became of the last messages to somebody, without what they said."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset(Role)
    reads_only: ClassVar[bool] = True
    person_named: str


@dataclass(frozen=True, slots=True)
class Letters(Command):
    """What was given up to send; or send one of it again, or let it be."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.SUPPORT, Role.FINANCE})
    act: Literal["", "retry", "drop"] = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Kyc(Command):
    """A TRN was held against the document: right or not."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.COMPLIANCE, Role.ADMIN})
    ticket_ref: str
    right: bool


@dataclass(frozen=True, slots=True, repr=False)
class Case(Command):
    """Answer a ticket, or decide it with OK / NO."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset(Role)
    ticket_ref: str
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class FreezeDraws(Command):
    """FREEZE: send somebody nothing until UNFREEZE. `person_named` as in `whom` in bot/actions/freezing.py."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.COMPLIANCE, Role.FINANCE})
    person_named: str
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class UnfreezeDraws(Command):
    """UNFREEZE: send somebody money again."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.COMPLIANCE, Role.FINANCE})
    person_named: str
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class ResetPin(Command):
    """RESET PIN: somebody forgot it, and was identified in the way that `reason` tells."""

    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.SUPPORT, Role.COMPLIANCE})
    person_named: str
    reason: str


@dataclass(frozen=True, slots=True)
class SentByBank(Command):
    """I have sent the transfer of this receipt; `told` is the reference my bank or wallet gave me."""

    receipt: str
    told: str


@dataclass(frozen=True, slots=True)
class GiveBack(Command):
    """REFUND: give a payment back to who paid it, all that can be or `amount` of it, in `currency` if one was named."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.FINANCE})
    receipt: str
    amount: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Match(Command):
    """MATCH: say what a line of a statement is: a payment's (`receipt`), or a kind of the house's own (`own`)."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.FINANCE})
    ticket_ref: str
    receipt: str = ""
    own: str = ""


@dataclass(frozen=True, slots=True)
class SetRate(Command):
    """RATE: Jamaican for US money from now on, as in domain/exchange.py; 0 asks for the one in force."""

    moves_money: ClassVar[bool] = True
    by: ClassVar[By] = "staff"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.FINANCE})
    rate: int = 0


@dataclass(frozen=True, slots=True)
class Duty(Command):
    """Something whose time has come (filed by the keeper)."""

    by: ClassVar[By] = "system"


@dataclass(frozen=True, slots=True)
class PromiseSeed(Duty):
    """The tiers of a lottery by trust are out: now its seed is promised, and words are taken (12, 13)."""

    circle: str


@dataclass(frozen=True, slots=True)
class CloseWords(Duty):
    """No more words are taken in a circle's lottery (13)."""

    circle: str


@dataclass(frozen=True, slots=True)
class RevealSeed(Duty):
    """A lottery's seed is published, and with it the order (13)."""

    circle: str


@dataclass(frozen=True, slots=True)
class LapseLottery(Duty):
    """Whatever happened: a lottery whose seed was not revealed by now is cancelled (13)."""

    circle: str


@dataclass(frozen=True, slots=True)
class RemindVote(Duty):
    """A day is left to answer a proposal."""

    proposal_ref: str


@dataclass(frozen=True, slots=True)
class OfferSwap(Duty):
    """A draw that is held may be offered to another (32, 33)."""

    circle: str
    round: int
    hand: int


@dataclass(frozen=True, slots=True)
class CloseVote(Duty):
    """The time to answer a proposal is over (4)."""

    proposal_ref: str


@dataclass(frozen=True, slots=True)
class CutOff(Duty):
    """The due day of a round is over: what is open is late, and the next round opens (20)."""

    moves_money: ClassVar[bool] = True
    circle: str
    round: int


@dataclass(frozen=True, slots=True)
class CloseRound(Duty):
    """Grace is over: what is open is missed (21)."""

    moves_money: ClassVar[bool] = True
    circle: str
    round: int


@dataclass(frozen=True, slots=True)
class PayDay(Duty):
    """The payout date of a round: ask the banker to pay out."""

    moves_money: ClassVar[bool] = True
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
class WriteAlone(Duty):
    """Somebody spoke to us in a group: there it is said, once for each of them, that we speak in private."""

    group: str


@dataclass(frozen=True, slots=True)
class EndCircle(Duty):
    """The day after the last payout date: what is still open becomes a debt or a liability (51)."""

    moves_money: ClassVar[bool] = True
    circle: str


@dataclass(frozen=True, slots=True)
class PlanDue(Duty):
    """The day of a part of somebody's payment plan; `asked` tells one plan from the next of the same member (42)."""

    circle: str
    person_id: str
    number: int
    asked: str


@dataclass(frozen=True, slots=True)
class ShareReserve(Duty):
    """A circle is over and something is in its reserve: it goes back to all hands (49)."""

    moves_money: ClassVar[bool] = True
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
class JudgeSilence(Duty):
    """One of a dispute's panel has said nothing: remind them, or (`over`) draw another in their place (52)."""

    ticket_ref: str
    case_id: str
    person_id: str
    over: bool


@dataclass(frozen=True, slots=True)
class PanelTimeOver(Duty):
    """72 hours of a dispute: without a majority staff decide it (52)."""

    ticket_ref: str
    case_id: str


@dataclass(frozen=True, slots=True)
class ReceiptSilence(Duty):
    """72 hours without RECEIVED: presumed where the rail reports success, else staff (39)."""

    moves_money: ClassVar[bool] = True
    payout_id: str


@dataclass(frozen=True, slots=True)
class HeldReminder(Duty):
    """Every three days: what would free a held draw (33); `hand` is 0 in what was planned before there were halves."""

    circle: str
    round: int
    count: int
    hand: int = 0


@dataclass(frozen=True, slots=True)
class AskMissed(Duty):
    """Ask the card network for events that it could not deliver to us; `since` is a time of the wall clock."""

    since: str


@dataclass(frozen=True, slots=True)
class PhoneSilent(Duty):
    """The phone with the local SIM has not been heard for so many minutes."""

    minutes: int


@dataclass(frozen=True, slots=True)
class PhoneBack(Duty):
    """The phone with the local SIM is heard again."""


@dataclass(frozen=True, slots=True)
class LettersDead(Duty):
    """Messages or orders were given up, and nothing has taken their place."""

    count: int


@dataclass(frozen=True, slots=True)
class ShutOut(Duty):
    """A network or a rail turns us away, whatever we send."""

    carrier: str


@dataclass(frozen=True, slots=True)
class LetIn(Duty):
    """A network or a rail that turned us away takes us again."""

    carrier: str


@dataclass(frozen=True, slots=True)
class PassOn(Duty):
    """A notice did not get to a person in a lane: the next of their addresses is tried."""

    notice: str
    person_id: str
    lane: str


@dataclass(frozen=True, slots=True)
class FilesWait(Duty):
    """Payouts of a day wait for somebody to write the bank's file."""

    carrier: str
    orders: int
    total: int
    currency: str


@dataclass(frozen=True, slots=True)
class BooksWrong(Duty):
    """A check of the books has found a fault: `subject` is the account, transaction, hold or currency."""

    subject: str


@dataclass(frozen=True, slots=True)
class ClearingDiffers(Duty):
    """A carrier's account is not what its statement says: by how much, and since the statement of which day."""

    carrier: str
    currency: str
    difference: int
    since: str


@dataclass(frozen=True, slots=True)
class RailShort(Duty):
    """A draw waits because the carrier that can pay it has too little: finance has to move money."""

    circle: str
    round: int
    amount: int


@dataclass(frozen=True, slots=True)
class PayFees(Duty):
    """What stood in the way of paying a banker may be gone: all their circles that owe them something try again."""

    moves_money: ClassVar[bool] = True
    person_id: str


@dataclass(frozen=True, slots=True)
class DepositsWait(Duty):
    """Money came that nobody was found for: finance hears of it, once an hour."""

    hour: str


@dataclass(frozen=True, slots=True)
class MoreForStaff(Duty):
    """An hour after staff last heard of somebody's question: more was added to it."""

    ticket_ref: str


@dataclass(frozen=True, slots=True)
class SlowDown(Duty):
    """Somebody writes faster than is read (filed by the floodgate)."""

    party: str


@dataclass(frozen=True, slots=True)
class Result(Command):
    """What a rail or a channel told us (filed by the relay, a web hook or the import of a statement)."""

    by: ClassVar[By] = "system"


@dataclass(frozen=True, slots=True)
class LinkReady(Result):
    """Where to pay."""

    receipt: str
    link: str


@dataclass(frozen=True, slots=True)
class Collected(Result):
    """The rail has money for a payment: `amount` of `currency`, or (0) just what was asked for.

    The payment is named by our `receipt`, or else by its `provider_ref` at the `carrier`.
    """

    moves_money: ClassVar[bool] = True
    receipt: str
    provider_id: str
    provider_ref: str = ""
    carrier: str = ""
    amount: int = 0
    currency: str = ""

    @property
    def ref(self) -> str:
        """The carrier's own name of the money."""
        return self.provider_ref or self.provider_id


@dataclass(frozen=True, slots=True)
class CollectPending(Result):
    """The payer has paid, and the money is still on its way to the rail."""

    receipt: str


@dataclass(frozen=True, slots=True)
class CollectFailed(Result):
    """The rail did not get the money."""

    receipt: str
    reason: str


@dataclass(frozen=True, slots=True)
class LinkExpired(Result):
    """Nobody paid while the link was good."""

    receipt: str


@dataclass(frozen=True, slots=True, repr=False)
class CardBack(Result):
    """The payer came back from the `carrier`'s card page: `spi_token` lets the money be taken, once."""

    receipt: str
    spi_token: str
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class Refunded(Result):
    """The rail has given a refund back. Without an id of ours somebody did it at the provider's own desk."""

    moves_money: ClassVar[bool] = True
    refund_id: str
    provider_id: str
    carrier: str = ""
    provider_ref: str = ""
    amount: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class RefundFailed(Result):
    """The rail could not give it back."""

    moves_money: ClassVar[bool] = True
    refund_id: str
    reason: str
    provider_id: str = ""
    carrier: str = ""
    amount: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class ChargedBack(Result):
    """A card's bank has taken a payment back: `amount` of `currency` has left the rail."""

    moves_money: ClassVar[bool] = True
    carrier: str
    receipt: str
    provider_ref: str
    dispute_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class ChargeReturned(Result):
    """The card's bank gave it back again."""

    moves_money: ClassVar[bool] = True
    carrier: str
    receipt: str
    provider_ref: str
    dispute_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class DisputeClosed(Result):
    """The card's bank has decided for good."""

    carrier: str
    receipt: str
    provider_ref: str
    dispute_id: str
    won: bool


@dataclass(frozen=True, slots=True)
class Charge(Result):
    """A carrier kept something for its work; below zero it gave it back."""

    moves_money: ClassVar[bool] = True
    carrier: str
    charge_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Converted(Result):
    """A carrier exchanged money of ours by itself."""

    moves_money: ClassVar[bool] = True
    carrier: str
    move_id: str
    gave: int
    gave_currency: str
    got: int
    got_currency: str


@dataclass(frozen=True, slots=True)
class MovedOut(Result):
    """A carrier sent money of ours to our bank, where a statement will show it; `back`: it came back."""

    moves_money: ClassVar[bool] = True
    carrier: str
    move_id: str
    amount: int
    currency: str
    back: bool = False


@dataclass(frozen=True, slots=True)
class Line(Result):
    """A line of a bank statement: what came (above zero) or went, and what it was found to be about.

    `hint` is what the bank calls it (charge, interest, returned), `suggestions` are receipts it may be for. With an
    `order`, a payment in a file of ours, the news in it was told by itself already.
    """

    moves_money: ClassVar[bool] = True
    line_id: str
    carrier: str
    amount: int
    currency: str
    booked: str
    receipt: str = ""
    payout_id: str = ""
    refund_id: str = ""
    order: str = ""
    hint: str = ""
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disbursed(Result):
    """The rail paid. `charge`: what it kept for that beside (minor units). `carrier`: who says so, by its own hook."""

    moves_money: ClassVar[bool] = True
    payout_id: str
    provider_id: str
    charge: int = 0
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class DisburseFailed(Result):
    """The rail will not pay."""

    moves_money: ClassVar[bool] = True
    payout_id: str
    reason: str
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class DisburseReturned(Result):
    """What the rail had paid came back."""

    moves_money: ClassVar[bool] = True
    payout_id: str
    reason: str
    provider_id: str = ""
    carrier: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Fetched(Result):
    """A file of somebody's was got and is kept."""

    enclosure_id: str
    person_id: str
    party: str
    text: str
    mime: str
    size_bytes: int
    scanned: bool


@dataclass(frozen=True, slots=True)
class NotFetched(Result):
    """A file of somebody's was not got, or is not kept."""

    party: str
    code: str


@dataclass(frozen=True, slots=True)
class PhonePing(Result):
    """The phone with the local SIM is alive. `at` is the wall clock, in Unix seconds."""

    at: int
    health: str = ""
    battery: int = -1


@dataclass(frozen=True, slots=True)
class AddressMoved(Result):
    """The channel says that this person has another number, or another id, from now on."""

    party: str
    moved_to: str


@dataclass(frozen=True, slots=True)
class AddressGone(Result):
    """The channel can no longer reach this party."""

    party: str


@dataclass(frozen=True, slots=True)
class AddressBack(Result):
    """The channel can reach this party again. What the person stopped stays stopped."""

    party: str


@dataclass(frozen=True, slots=True)
class GroupAsked(Result):
    """Somebody (`party`) named a circle in a group, so that the group hears its news."""

    reads_only: ClassVar[bool] = True
    circle: str
    party: str
    group: str


@dataclass(frozen=True, slots=True)
class GroupAnswered(Result):
    """The channel says whether `party` administers a group that is to hear of a circle."""

    circle: str
    party: str
    group: str
    admin: bool = False


@dataclass(frozen=True, slots=True)
class GroupSpoke(Result):
    """Somebody spoke to us in a group."""

    reads_only: ClassVar[bool] = True
    party: str
    group: str


@dataclass(frozen=True, slots=True)
class GroupGone(Result):
    """We are no longer in a group."""

    of_group: str


@dataclass(frozen=True, slots=True)
class GroupMoved(Result):
    """A group has another id from now on."""

    of_group: str
    moved_to: str
