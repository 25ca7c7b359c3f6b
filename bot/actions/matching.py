"""Lines of a bank's statement: each is taken for what it was found to be beyond doubt, or put aside for MATCH.

Nothing is guessed. What the import found (a reference of ours, or one payment alone that is like it) is decided on
again under the lock.
"""

from dataclasses import replace

from bot.actions import delivering, deposits, returning, throws
from bot.actions.deposits import Deposit
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.ledger import Transfer
from domain.money import Currency, Money
from domain.payments import AT_RAIL, Payment, Payout, PayoutState, Refund, RefundState
from domain.people import Ticket, TicketKind

OWN = {"OWN": ledger.operator, "MOVE": ledger.transit}
"""What a line may be that is the house's own: money that it put in or took out, or moved between its carriers."""


def line(turn: Turn, command: c.Line) -> None:
    """Take a line of a statement for what it was found to be, or put it aside."""
    if command.order:
        _shown(turn, command)
        return
    if throws.is_known(turn, command.carrier, command.line_id):
        return
    deposit = Deposit(command.carrier, command.line_id, command.amount, Currency(command.currency))
    payment, payout = turn.book.get(Payment, command.receipt), turn.book.get(Payout, command.payout_id)
    if deposit.amount > 0 and payout is not None and _is_of(turn, deposit, payout):
        done = _came_back(turn, payout, command)
    elif deposit.amount > 0 and payment is not None:
        done = throws.take(turn, replace(payment, carrier=command.carrier), deposit.money, command.line_id)
    elif deposit.amount < 0 and payout is not None and _is_of(turn, deposit, payout):
        done = _paid_out(turn, payout, command.line_id)
    elif deposit.amount < 0 and (refund := turn.book.get(Refund, command.refund_id)) is not None:
        done = _given_back(turn, deposit, refund)
    else:
        done = _of_the_bank(turn, deposit, command.hint)
    if done:
        turn.book.lines[command.line_id] = ("MATCHED", command.receipt or command.payout_id or command.hint)
    else:
        deposits.park(turn, deposit, command.suggestions)


def _shown(turn: Turn, command: c.Line) -> None:
    """Note that a bank has shown a payment in a file of ours; what it told was heard before this."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is not None and command.amount < 0:
        turn.book.put(replace(payout, out_line=command.line_id))
    elif payout is not None:
        turn.book.put(replace(payout, back_line=command.line_id))
    turn.book.lines[command.line_id] = ("MATCHED", command.order)


def _is_of(turn: Turn, deposit: Deposit, payout: Payout) -> bool:
    """Whether a line is the whole of a payout by its own carrier: anybody may write a reference on a transfer."""
    currency = turn.book.circle(payout.circle).currency
    return (payout.carrier, payout.rail_amount, currency) == (deposit.carrier, abs(deposit.amount), deposit.currency)


def _paid_out(turn: Turn, payout: Payout, line_id: str) -> bool:
    """Take a line as the word that a payout went out, once; a second one is money that went out twice."""
    if payout.state is PayoutState.ASKED or payout.out_line not in {None, line_id}:
        return False
    if payout.state in AT_RAIL:
        turn.withdrawn.append(payout.key)  # paid by hand: no file may pay it again
    delivering.disbursed(turn, c.Disbursed(payout.id, payout.provider_ref or line_id))
    turn.book.put(replace(turn.book.must(Payout, payout.id), out_line=line_id))
    return True


def _came_back(turn: Turn, payout: Payout, command: c.Line) -> bool:
    """Take a line as the word that a payout came back, once, whoever else has told of it."""
    if payout.back_line not in {None, command.line_id}:
        return False
    returned = c.DisburseReturned(payout.id, command.hint or "returned", command.line_id)
    turn.book.put(replace(payout, back_line=command.line_id))  # before the next try is put after it
    if delivering.disburse_returned(turn, returned) or payout.state is PayoutState.RETURNED:
        return True
    turn.book.put(payout)
    return False


def _given_back(turn: Turn, deposit: Deposit, refund: Refund) -> bool:
    """Take a line as the word that a refund went out, where it is the whole of it and the first."""
    whole = (refund.carrier, refund.pay_amount, refund.pay_currency)
    if refund.state is not RefundState.PENDING or whole != (deposit.carrier, -deposit.amount, deposit.currency):
        return False
    turn.withdrawn.append(returning.order_key(refund))
    returning.refunded(turn, c.Refunded(refund.id, deposit.ref))
    return True


def _of_the_bank(turn: Turn, deposit: Deposit, hint: str) -> bool:
    """Book what a bank keeps or gives by itself."""
    match hint:
        case "charge":
            deposits.keep(turn, f"charge:{deposit.ref}", deposit.carrier, -deposit.amount, deposit.currency)
        case "interest" if deposit.amount > 0:
            rail, own = ledger.rail(deposit.carrier, deposit.currency), ledger.operator(deposit.currency)
            turn.move(f"interest:{deposit.ref}", "interest", Transfer(rail, own, deposit.amount), deposit.currency)
        case _:
            return False
    return True


# -- staff ------------------------------------------------------------------------------------------------------------


def match(turn: Turn, command: c.Match) -> Say | Refusal:
    """Say what money put aside is: a payment's, the house's own, a charge, or one that went back."""
    found = [t for t in turn.book.all(Ticket, ref=command.ticket_ref, kind=TicketKind.MATCH) if t.closed_at is None]
    if not found:
        return refuse("no_ticket", ref=command.ticket_ref)
    ticket = found[0]
    deposit, suggestions = deposits.described(turn, ticket)
    if not command.receipt and not command.own:
        return _asked(ticket, deposit, suggestions)
    wrong = _as_own(turn, deposit, command.own) if command.own else _as_payment(turn, deposit, command.receipt)
    if wrong:
        return wrong
    outcome = command.receipt or command.own
    turn.book.put(replace(ticket, closed_at=turn.at, closed_by=turn.person_id, outcome=outcome))
    turn.book.lines[deposit.ref] = ("MATCHED", outcome)
    return say("matched", amount=deposit.money, ref=ticket.ref, what=outcome)


def _asked(ticket: Ticket, deposit: Deposit, suggestions: tuple[str, ...]) -> Say:
    answers = [Answer(f"MATCH {ticket.ref} {receipt}", receipt) for receipt in suggestions[:3]]
    answers += [
        Answer(f"MATCH {ticket.ref} OWN", text("match_own")),
        Answer(f"MATCH {ticket.ref} MOVE", text("match_move")),
        Answer(f"MATCH {ticket.ref} BACK", text("match_back")),
    ]
    figures: dict[str, Figure] = {"amount": deposit.money, "rail": deposit.carrier.upper(), "ref": ticket.ref}
    if deposit.amount > 0:
        return say("match_ask", *answers, **figures)
    return say("match_ask_out", *answers, **figures)


def _as_payment(turn: Turn, deposit: Deposit, receipt: str) -> Refusal | None:
    payment = turn.book.get(Payment, receipt)
    if payment is None or (deposit.amount < 0 and not returning.is_disputed(deposit)):
        return refuse("no_payment", ref=receipt)
    circle = turn.book.circle(payment.circle)
    if turn.person_id in {payment.person_id, payment.recorded_by, circle.banker_id}:
        return refuse("not_own_ticket")
    if deposit.currency is not circle.currency and not turn.rate:
        return refuse("match_no_rate", amount=deposit.money)
    aside = ledger.suspense(deposit.carrier, deposit.currency)
    if returning.is_disputed(deposit):
        done = returning.match_disputed(turn, payment, deposit, aside)
    else:
        done = throws.take(turn, replace(payment, carrier=deposit.carrier), deposit.money, deposit.ref, aside)
    return None if done else refuse("payment_done", ref=receipt)


def _as_own(turn: Turn, deposit: Deposit, own: str) -> Refusal | None:
    """Book it as the house's own. BACK: a line in and the line by which it went back even out on the account aside."""
    aside = ledger.suspense(deposit.carrier, deposit.currency)
    match own:
        case "BACK":
            return None
        case "COST":
            other = ledger.costs(deposit.carrier, deposit.currency)
        case _ if own in OWN:
            other = OWN[own](deposit.currency)
        case _:
            return refuse("match_what", ref=own)
    debit, credit = (aside, other) if deposit.amount > 0 else (other, aside)
    if own == "OWN" and deposit.amount < 0 and turn.book.balance(other) < -deposit.amount:
        left = Money(turn.book.balance(other), deposit.currency)
        return refuse("own_too_little", amount=deposit.money, left=left)
    turn.move(f"matched:{deposit.name}", "matched", Transfer(debit, credit, abs(deposit.amount)), deposit.currency)
    return None
