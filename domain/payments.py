"""Money on its way in (a payment), out (a payout) and back (a refund, a chargeback), and the states each may be in."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.money import Currency

CASH = "CASH"
SANDBOX = "SANDBOX"
CARD = "CARD"
US_CARD = "USCARD"
NCB = "NCB"
SCOTIA = "SCOTIA"
LYNK = "LYNK"
CASH_CARRIER = "cash"
WALLETS = frozenset({"lynk"})
TRANSFER_CARRIERS = ("ncb", "scotia", "lynk")
"""The banks and the wallet: members transfer to them, and they pay to members' accounts, by file or by an interface."""


class How(StrEnum):
    """How a member pays on a rail: at once (the sandbox), on a page, or by a transfer of their own."""

    AT_ONCE = "at once"
    PAGE = "page"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class Route:
    """What the house knows of one way for money: the word that names it and the carrier that takes it.

    `account` are the lines that a member copies for a transfer, the number last. `pays` says to what kinds of
    destination it pays out (bank, wallet, any), `most_out` how much at once (rules.md 38; minor units, 0: no limit).
    """

    word: str
    carrier: str
    how: How
    currencies: frozenset[Currency]
    account: tuple[str, ...] = ()
    pays: frozenset[str] = frozenset()
    most_out: int = 0


class PaymentState(StrEnum):
    """rules.md 23 and 24."""

    PENDING = "PENDING"
    SETTLED = "SETTLED"
    FAILED = "FAILED"
    DENIED = "DENIED"
    DISPUTED = "DISPUTED"
    REFUNDED = "REFUNDED"
    CHARGED_BACK = "CHARGED_BACK"


class PayoutState(StrEnum):
    """rules.md 35, 37 and 39.

    RETURNED: the rail brought it back; another payout pays it anew. STRAY: the rail paid after all what it had refused,
    and another was on its way by then.
    """

    ASKED = "ASKED"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    RECEIVED = "RECEIVED"
    PRESUMED = "PRESUMED"
    DISPUTED = "DISPUTED"
    DROPPED = "DROPPED"
    RETURNED = "RETURNED"
    STRAY = "STRAY"


UNSENT = frozenset({PayoutState.ASKED, PayoutState.SENDING, PayoutState.FAILED})
OPEN_PAYOUTS = UNSENT | {PayoutState.SENT, PayoutState.DISPUTED}
AT_RAIL = frozenset({PayoutState.SENDING, PayoutState.FAILED})
"""What its carrier was asked to pay and has not paid yet: its money is held."""
DRAWN = frozenset({PayoutState.RECEIVED, PayoutState.PRESUMED})
"""What its person has."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that somebody gave, or says they gave, for `person_id`'s hand.

    `recorded_by` gave it themselves (rules.md 25: perhaps for somebody else), or is the banker who took the cash.
    `confirmed`: both sides said so (cash), or the rail did. `rail` is the word it was asked for by, `carrier` who takes
    it. Where the payer pays in another currency, `pay_amount` of `pay_currency` is what they pay, at `rate` (see
    domain/exchange.py), until `good_until`. `told` is a reference of the payer's own bank that they told us.
    """

    receipt: str
    circle: str
    person_id: str
    amount: int
    currency: Currency
    rail: str
    state: PaymentState
    recorded_by: str
    confirmed: bool
    provider_ref: str | None
    token_hash: bytes | None
    began_at: datetime
    settled_at: datetime | None = None
    carrier: str = CASH_CARRIER
    pay_amount: int = 0
    pay_currency: Currency = Currency.JMD
    rate: int = 0
    good_until: datetime | None = None
    told: str = ""
    given_back: int = 0
    """What of it has gone back to the payer, or is on its way there."""
    covers: bool = False
    """Whether the banker pays it into a short pot, for nobody's hand (rules.md 36)."""

    @property
    def is_cash(self) -> bool:
        """Whether it changed hands between two people."""
        return self.carrier == CASH_CARRIER


class RefundState(StrEnum):
    """A refund is pending until its rail has settled it, and can fail."""

    PENDING = "PENDING"
    SETTLED = "SETTLED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Refund:
    """Money of a payment on its way back to who paid it. `pay_amount` is what leaves the rail, in its currency."""

    id: str
    receipt: str
    circle: str
    person_id: str
    amount: int
    currency: Currency
    carrier: str
    pay_amount: int
    pay_currency: Currency
    state: RefundState
    started_by: str
    began_at: datetime
    ended_at: datetime | None = None
    provider_ref: str | None = None


class ChargebackState(StrEnum):
    """What a card's bank did with a payment its holder disputed."""

    TAKEN = "TAKEN"
    RETURNED = "RETURNED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Chargeback:
    """A card payment, or part of it, that its bank took back: `pay_amount` of `pay_currency`, as it was told.

    `owed` of it could not be found any more and is the member's debt. `returned` came back after all.
    """

    id: str
    receipt: str
    circle: str
    person_id: str
    amount: int
    owed: int
    state: ChargebackState
    taken_at: datetime
    ended_at: datetime | None = None
    pay_amount: int = 0
    pay_currency: Currency = Currency.JMD
    returned: int = 0

    @property
    def kept(self) -> int:
        """What the card's bank has of it (minor units of the circle's currency)."""
        return max(self.amount - self.returned, 0)


@dataclass(frozen=True, slots=True)
class Payout:
    """One act of paying out. `cash` is handed over by the banker, `rail_amount` goes by `carrier`.

    With `via_banker` the rail pays the banker, who hands that over too (rules.md 34: no account set). What came back
    is paid anew by another payout, so all that a carrier tells of one is about that one try.
    """

    id: str
    ref: str
    circle: str
    round: int
    hand: int
    kind: str
    person_id: str
    cash: int
    rail_amount: int
    carrier: str
    via_banker: bool
    label: str
    state: PayoutState
    started_by: str
    approver_id: str | None
    approved_by: str | None
    asks: int
    provider_ref: str | None
    asked_at: datetime
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    tries: int = 1
    """Which try to pay the same money it is."""
    charge: int = 0
    """What the bank kept for it beside (minor units), borne by the house."""
    out_line: str | None = None
    """The line of a statement that showed it leave, and the one that showed it come back."""
    back_line: str | None = None

    @property
    def key(self) -> str:
        """The key under which the rail pays it, however often it is asked."""
        return f"payout:{self.id}" if self.tries == 1 else f"payout:{self.id}:{self.tries}"

    @property
    def amount(self) -> int:
        """What the person gets in all."""
        return self.cash + self.rail_amount

    @property
    def claims(self) -> int:
        """What of the cash in the banker's hands is this payout's, until its person has it."""
        there = self.state in {PayoutState.SENT, PayoutState.DISPUTED}
        return self.by_hand if there else self.cash

    @property
    def by_hand(self) -> int:
        """What the banker puts into the person's hand."""
        return self.amount if self.via_banker else self.cash
