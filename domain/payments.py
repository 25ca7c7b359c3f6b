"""Money on its way in (a payment) and out (a payout), and the states each may be in."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.money import Currency

CASH = "CASH"
SANDBOX = "SANDBOX"
CARD = "CARD"


class PaymentState(StrEnum):
    """rules.md 23 and 24."""

    PENDING = "PENDING"
    SETTLED = "SETTLED"
    FAILED = "FAILED"
    DENIED = "DENIED"
    DISPUTED = "DISPUTED"


class PayoutState(StrEnum):
    """rules.md 35, 37 and 39."""

    ASKED = "ASKED"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    RECEIVED = "RECEIVED"
    PRESUMED = "PRESUMED"
    DISPUTED = "DISPUTED"
    DROPPED = "DROPPED"


UNSENT = frozenset({PayoutState.ASKED, PayoutState.SENDING, PayoutState.FAILED})
OPEN_PAYOUTS = UNSENT | {PayoutState.SENT, PayoutState.DISPUTED}


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that somebody gave, or says they gave, for `person_id`'s hand.

    `recorded_by` gave it themselves (rules.md 25: perhaps for somebody else), or is the banker who took the cash.
    `confirmed`: both sides said so (cash), or the rail did.
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


@dataclass(frozen=True, slots=True)
class Payout:
    """One act of paying out. `cash` is handed over by the banker, `rail_amount` goes by `rail`.

    With `via_banker` the rail pays the banker, who hands that over too (rules.md 34: no account set).
    """

    id: str
    ref: str
    circle: str
    round: int
    kind: str
    person_id: str
    cash: int
    rail_amount: int
    rail: str
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
