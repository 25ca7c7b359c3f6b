"""Money that came or went without a name of ours, put aside where it can be seen until somebody says what it is.

It stands on the suspense account and has a line in the staff's QUEUE (bot/actions/matching.py settles it).
"""

import json
from dataclasses import dataclass
from datetime import timedelta

from bot.actions.turn import Order, Turn
from bot.words.say import Answer, say
from domain import commands as c
from domain import ledger
from domain.ledger import Transfer
from domain.money import Currency, Money
from domain.payments import Payment
from domain.people import Role, Ticket, TicketKind

TAKEN, BACK = "chargeback:", ":back"
"""Before the id of a dispute: what a card's bank took of a payment. And after that: what it gave back."""
TELLS_FEES = frozenset({"stripe"})
"""Carriers that say only when asked what they kept."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money that stands at a carrier and is nobody's yet; below zero, money that left it.

    `ref` is the carrier's own name of it, or the id of its line in a statement.
    """

    carrier: str
    ref: str
    amount: int
    currency: Currency

    @property
    def name(self) -> str:
        """Its one name among everything that stands aside."""
        return f"{self.carrier}:{self.ref}"

    @property
    def money(self) -> Money:
        """How much it is."""
        return Money(abs(self.amount), self.currency)


def names(command: c.Command) -> tuple[str, ...]:
    """Return under what names what a command tells may stand aside: of it, or of what it is about."""
    match command:
        case c.Collected(carrier=carrier) if carrier:
            return (f"{carrier}:{command.ref}",)
        case c.Line():
            return (f"{command.carrier}:{command.line_id}",)
        case c.ChargedBack():
            return (f"{command.carrier}:{TAKEN}{command.dispute_id}",)
        case c.ChargeReturned():
            return (f"{command.carrier}:{TAKEN}{command.dispute_id}{BACK}",)
        case c.Refunded(carrier=carrier) | c.RefundFailed(carrier=carrier) if carrier:
            return tuple(f"{carrier}:refund:{command.provider_id}:{state}" for state in ("gone", "back"))
        case _:
            return ()


def ask_fees(turn: Turn, carrier: str, ref: str, receipt: str = "", *, after: str = "") -> None:
    """Have a carrier say what it kept of a payment (or of what came `after`), where it says so only when asked."""
    if carrier in TELLS_FEES:
        party = f"payment:{receipt}" if receipt else f"{carrier}:{ref}"
        body: dict[str, object] = {"what": "fees", "provider_ref": ref, "receipt": receipt, "party": party}
        key = f"fees:{ref}:{after}" if after else f"fees:{ref}"
        turn.orders.append(Order("enquire", carrier, key, body))


def keep(turn: Turn, key: str, carrier: str, amount: int, currency: Currency) -> None:
    """Book what a carrier kept for its work, borne by the house; below zero it gave it back."""
    rail, costs = ledger.rail(carrier, currency), ledger.costs(carrier, currency)
    debit, credit = (costs, rail) if amount > 0 else (rail, costs)
    if amount:
        turn.move(key, "charge", Transfer(debit, credit, abs(amount)), currency)


def park(turn: Turn, deposit: Deposit, suggestions: tuple[str, ...] = (), circle: str | None = None) -> Ticket:
    """Put money aside on the suspense account, and ask staff what it is: once for its name, whatever became of it.

    `circle` is whose payout it was sent for, if that is known.
    """
    if known := turn.book.aside(deposit.name):
        return known
    rail = ledger.rail(deposit.carrier, deposit.currency)
    aside = ledger.suspense(deposit.carrier, deposit.currency)
    debit, credit = (rail, aside) if deposit.amount > 0 else (aside, rail)
    turn.move(f"aside:{deposit.name}", "aside", Transfer(debit, credit, abs(deposit.amount)), deposit.currency)
    note = json.dumps([deposit.carrier, deposit.amount, deposit.currency.value, *suggestions])
    ticket = turn.open_ticket(TicketKind.MATCH, person_id=None, circle=circle, subject=deposit.name, note=note)
    turn.book.lines[deposit.ref] = ("SUSPENSE", ticket.ref)
    hour = f"{turn.at:%Y-%m-%dT%H}"
    turn.plan(f"deposits:{hour}", turn.at + timedelta(minutes=5), "house:deposits", c.DepositsWait(hour))
    return ticket


def wrong_currency(turn: Turn, payment: Payment, money: Money, ref: str) -> None:
    """Put aside what came in a currency that was not asked for, and tell the payer where it is."""
    ticket = park(turn, Deposit(payment.carrier, ref, money.minor, money.currency), (payment.receipt,))
    circle = turn.book.circle(payment.circle)
    asked = Money(payment.pay_amount, payment.pay_currency)
    told = say("wrong_currency", amount=money, asked=asked, circle=circle.name, ref=ticket.ref)
    turn.tell(payment.recorded_by, told)


def deposits_wait(turn: Turn, command: c.DepositsWait) -> None:  # noqa: ARG001 - the hour is its key
    """Tell finance that money waits to be matched."""
    answer = Answer("QUEUE match", "QUEUE match")
    turn.tell_staff([Role.FINANCE], say("staff_deposits", answer))


def described(turn: Turn, ticket: Ticket) -> tuple[Deposit, tuple[str, ...]]:
    """Return what a ticket of the kind MATCH is about, and the receipts it may be for."""
    note = turn.tools.vault.open(f"ticket.note|{ticket.id}", ticket.sealed or b"").decode()
    carrier, amount, currency, *suggestions = json.loads(note)
    ref = ticket.subject.removeprefix(f"{carrier}:")
    return Deposit(carrier, ref, amount, Currency(currency)), tuple(suggestions)
