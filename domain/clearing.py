"""How a payout leaves a bank: by ACH, by RTGS or as a wallet's list, on which day, and what the bank may say of it.

Owns the choice of method, the cut-offs and the states of a line of a payout file. Never asks for the time, holds no
account and moves no money: the calendar, the instant and the limits come in.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from domain.house import BUILT_IN, HouseRules
from domain.money import Money
from domain.schedule import Calendar, local


class Method(StrEnum):
    """The way of one payout: batch clearing, gross settlement, or a list that a wallet works off by itself."""

    ACH = "ACH"
    RTGS = "RTGS"
    LIST = "LIST"


def choose(amount: Money, rules: HouseRules = BUILT_IN, *, wallet: bool = False) -> Method:
    """Return how an amount goes. US dollars go by RTGS, which carries them; the ACH clears Jamaican dollars alone."""
    if wallet:
        return Method.LIST
    by_ach = amount.currency is rules.ach_most.currency and amount <= rules.ach_most
    return Method.ACH if by_ach else Method.RTGS


def execution_date(at: datetime, method: Method, calendar: Calendar, rules: HouseRules = BUILT_IN) -> date:
    """Return the day a bank can execute on: today before the cut-off of a business day, else the next business day.

    A file that is early costs nothing. A wallet has no cut-off and pays every day. Raises ValueError for a time without
    its zone.
    """
    here = local(at)
    if method is Method.LIST:
        return here.date()
    cut_off = rules.ach_cut_off if method is Method.ACH else rules.rtgs_cut_off
    if calendar.is_business_day(here.date()) and here.time() < cut_off:
        return here.date()
    return calendar.business_day_after(here.date())


class LineState(StrEnum):
    """Where one line of a payout file stands. RETURNED money was paid and came back."""

    WRITTEN = "WRITTEN"
    PAID = "PAID"
    FAILED = "FAILED"
    RETURNED = "RETURNED"


class Verdict(StrEnum):
    """What a bank's status says of a payment, whatever code it used."""

    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"
    UNDER_WAY = "under way"


ISO_STATUSES = MappingProxyType({
    **dict.fromkeys(("ACSC", "ACCC"), Verdict.PAID),
    **dict.fromkeys(("RJCT", "CANC"), Verdict.FAILED),
    **dict.fromkeys(
        ("RCVD", "PDNG", "ACTC", "ACCP", "ACSP", "ACWC", "ACWP", "ACFC", "PATC", "PART"), Verdict.UNDER_WAY
    ),
})  # fmt: skip
"""ISO 20022 ExternalPaymentTransactionStatus1Code and its group: settled, will not be, or still on its way.

A code that is not here (BLCK among them) is reported and changes nothing.
"""


@dataclass(frozen=True, slots=True)
class Move:
    """What a verdict does to a line: the state it takes and the events that the books have to hear, in order."""

    state: LineState
    events: tuple[str, ...] = ()


def move(state: LineState, verdict: Verdict) -> Move | None:
    """Return what follows from a verdict; None when it contradicts what the bank said before: people must look.

    A return tells that the money had left, even where the bank never said so: both are then told.
    """
    match state, verdict:
        case _, Verdict.UNDER_WAY:
            return Move(state)
        case LineState.WRITTEN, Verdict.PAID:
            return Move(LineState.PAID, ("disbursed",))
        case LineState.WRITTEN, Verdict.FAILED:
            return Move(LineState.FAILED, ("disburse_failed",))
        case LineState.WRITTEN, Verdict.RETURNED:
            return Move(LineState.RETURNED, ("disbursed", "disburse_returned"))
        case LineState.PAID, Verdict.RETURNED:
            return Move(LineState.RETURNED, ("disburse_returned",))
        case LineState.RETURNED, Verdict.PAID:  # the report of the payment came after that of its return
            return Move(state)
        case _:
            return Move(state) if state.value.casefold() == verdict.value else None
