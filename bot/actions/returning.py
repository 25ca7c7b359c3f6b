"""Money that goes back: refunds by staff, and what a card's bank takes back (rules.md 22, 26).

It comes out of the member's credit; what was thrown already comes out of pots that nobody has drawn, the latest
first, and is owed again. What was drawn cannot be found any more: staff refund none of it, and of a chargeback it is
the member's debt to the circle.
"""

from collections.abc import Iterator
from dataclasses import replace

from bot.actions import deposits, drawers, freezing, paths, settling, throws
from bot.actions.deposits import Deposit
from bot.actions.turn import Turn
from bot.words.say import Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import exchange, ledger
from domain.ledger import Account, Hold, Transaction, Transfer
from domain.money import Currency, Money
from domain.pardna import Circle, Due
from domain.payments import TRANSFER_CARRIERS, Chargeback, ChargebackState, Payment, PaymentState, Refund, RefundState
from domain.people import Role, TicketKind

CAME = frozenset({PaymentState.SETTLED, PaymentState.REFUNDED, PaymentState.CHARGED_BACK})
TAKEN, BACK = deposits.TAKEN, deposits.BACK


def _undrawn(turn: Turn, circle: Circle, person: str) -> Iterator[tuple[Due, int]]:
    """Yield a member's dues, the latest first, with what of each is still in its pot."""
    left = {number: drawers.pot(turn, circle, number) for number in turn.book.rounds(circle.code)}
    for due in reversed(turn.book.dues_of(circle.code, person)):
        part = min(due.paid, left[due.round])
        left[due.round] -= part
        if part:
            yield due, part


def can_go_back(turn: Turn, circle: Circle, person: str) -> int:
    """Return what of a member's money is not drawn yet (minor units)."""
    there = sum(part for _, part in _undrawn(turn, circle, person))
    return turn.book.available(ledger.credit(circle.code, person)) + there


def free_up(turn: Turn, circle: Circle, person: str, amount: int, key: str) -> int:
    """Have up to `amount` of a member's money stand as credit, out of pots where need be. Returns what does."""
    credit = ledger.credit(circle.code, person)
    missing, transfers = amount - turn.book.available(credit), []
    for due, part in list(_undrawn(turn, circle, person)):
        taken = min(part, missing)
        if taken <= 0:
            break
        transfers.append(Transfer(ledger.pot(circle.code, due.round), credit, taken))
        turn.book.put(replace(due, paid=due.paid - taken))
        missing -= taken
    if transfers:
        turn.post(key, "taken back", circle, *transfers)
    return min(amount, turn.book.available(credit))


# -- refunds ----------------------------------------------------------------------------------------------------------


def give_back(turn: Turn, command: c.GiveBack) -> Say | Refusal:
    """REFUND: start giving a payment back. It is done when its rail has settled it, and can fail."""
    payment = turn.book.get(Payment, command.receipt)
    if payment is None or payment.state not in CAME:
        return refuse("no_payment", ref=command.receipt)
    circle = turn.book.circle(payment.circle)
    if payment.state is PaymentState.CHARGED_BACK:
        kept = sum(back.kept for back in turn.book.all(Chargeback, circle=circle.code, receipt=payment.receipt))
        return refuse("refund_taken", amount=circle.money(kept), ref=payment.receipt)
    if turn.person_id in {payment.person_id, payment.recorded_by, circle.banker_id}:
        return refuse("not_own_ticket")
    if command.currency not in {"", circle.currency.value}:
        said = Money(command.amount, Currency(command.currency))
        return refuse("other_currency", amount=said, currency=circle.currency.value)
    left = payment.amount - payment.given_back
    amount = command.amount or left
    can = can_go_back(turn, circle, payment.person_id)
    if amount > left or not left:
        return refuse("refund_more", left=circle.money(left), ref=payment.receipt, amount=circle.money(amount))
    if not can:
        return refuse("refund_all_drawn", amount=circle.money(amount), ref=payment.receipt)
    if amount > can:
        return refuse("refund_drawn", left=circle.money(can), ref=payment.receipt, amount=circle.money(amount))
    return _start(turn, circle, payment, amount)


def _start(turn: Turn, circle: Circle, payment: Payment, amount: int) -> Say | Refusal:
    account = _account_of(turn, payment)
    who = turn.book.person(payment.recorded_by).first_name
    if account is None:
        return refuse("payee_no_account", who=who)
    pay_amount = _price_of(turn, payment, amount)
    if not pay_amount:
        return refuse("refund_more", left=circle.money(0), ref=payment.receipt, amount=circle.money(amount))
    if freezing.frozen_until(turn, payment.recorded_by) and payment.carrier in TRANSFER_CARRIERS:
        return refuse("draw_rests", who=who)
    if _short(turn, circle, payment, pay_amount):
        return refuse("rail_short", rail=payment.carrier.upper(), amount=circle.money(amount))
    refund = Refund(
        id=turn.tools.new_id(),
        receipt=payment.receipt,
        circle=circle.code,
        person_id=payment.person_id,
        amount=amount,
        currency=circle.currency,
        carrier=payment.carrier,
        pay_amount=pay_amount,
        pay_currency=payment.pay_currency,
        state=RefundState.PENDING,
        started_by=turn.person_id,
        began_at=turn.at,
    )
    turn.book.put(refund, replace(payment, given_back=payment.given_back + amount))
    free_up(turn, circle, payment.person_id, amount, f"refund:{refund.id}:free")
    if payment.is_cash:
        refunded(turn, c.Refunded(refund.id, f"hand:{refund.id}"))
    else:
        for part in _parts(circle, payment, refund):
            turn.book.hold(turn.at, _hold(part))
        _ask(turn, payment, refund, account)
        turn.tell(payment.recorded_by, say("refund_started", amount=circle.money(amount), **_named(circle, refund)))
    return say("refund_asked", who=who, amount=circle.money(amount), **_named(circle, refund))


def _price_of(turn: Turn, payment: Payment, amount: int) -> int:
    """Return what a part of a payment is in the payer's currency; the last part is what the others left."""
    if amount < payment.amount - payment.given_back:
        return exchange.share(payment.pay_amount, amount, payment.amount, up=False)
    refunds = turn.book.all(Refund, circle=payment.circle, receipt=payment.receipt)
    return payment.pay_amount - sum(r.pay_amount for r in refunds if r.state is not RefundState.FAILED)


def _short(turn: Turn, circle: Circle, payment: Payment, pay_amount: int) -> bool:
    """Whether whoever has to give a payment back has too little free. A card network decides that by itself."""
    gives = payment.is_cash or payment.carrier in TRANSFER_CARRIERS
    return gives and turn.book.available(settling.held_at(circle, payment)) < pay_amount


def _named(circle: Circle, refund: Refund) -> dict[str, Figure]:
    return {"circle": circle.name, "ref": refund.receipt}


def _account_of(turn: Turn, payment: Payment) -> dict[str, object] | None:
    """Return what a bank needs to pay the payer back; nothing where the money goes back by the way it came."""
    if payment.carrier not in TRANSFER_CARRIERS:
        return {}
    return paths.details(turn, payment.recorded_by)


def _ask(turn: Turn, payment: Payment, refund: Refund, account: dict[str, object]) -> None:
    body: dict[str, object] = {
        "amount": refund.pay_amount,
        "currency": refund.pay_currency.value,
        "provider_ref": payment.provider_ref or "",
        "payout_ref": refund.receipt,
        "began": turn.at.isoformat(),
        **account,
    }
    kind = "disburse" if refund.carrier in TRANSFER_CARRIERS else "refund"
    turn.order(kind, refund.carrier, order_key(refund), body, {"refund_id": refund.id})


def order_key(refund: Refund) -> str:
    """Return under what key a carrier is asked for a refund."""
    return f"refund:{refund.id}"


def _parts(circle: Circle, payment: Payment, refund: Refund) -> tuple[Transaction, ...]:
    """Return what a refund comes to in the books, one transaction a currency."""
    credit, source = ledger.credit(circle.code, refund.person_id), settling.held_at(circle, payment)
    key, here, there = f"refund:{refund.id}", refund.currency, refund.pay_currency
    if here is there:
        return (Transaction(key, "refund", here, (Transfer(credit, source, refund.amount),), circle.code),)
    out = Transfer(credit, ledger.exchange(here), refund.amount)
    paid = Transfer(ledger.exchange(there), source, refund.pay_amount)
    return (
        Transaction(key, "refund", here, (out,), circle.code),
        Transaction(f"{key}:pay", "refund", there, (paid,)),
    )


def _hold(part: Transaction) -> Hold:
    only = part.transfers[0]
    return Hold(f"{part.key}:held", part.kind, part.currency, only.debit, only.credit, only.amount, part.circle)


def _refund(turn: Turn, command: c.Refunded | c.RefundFailed) -> tuple[Refund, Payment, Circle] | None:
    """Return the refund that a carrier tells of: one that it was asked for, and no other's."""
    refund = turn.book.get(Refund, command.refund_id)
    if refund is None or command.carrier not in {"", refund.carrier}:
        return None
    return refund, turn.book.must(Payment, refund.receipt), turn.book.circle(refund.circle)


def _strange(turn: Turn, command: c.Refunded | c.RefundFailed, amount: int) -> None:
    """Put a refund aside that was made at the provider's own desk: the money is gone, and nobody here asked for it."""
    state = "gone" if amount < 0 else "back"
    name = f"refund:{command.provider_id}:{state}"
    deposits.park(turn, Deposit(command.carrier, name, amount, Currency(command.currency)))


def refunded(turn: Turn, command: c.Refunded) -> None:
    """The rail has given it back. A repeat changes nothing."""
    found = _refund(turn, command)
    if found is None and command.amount:
        _strange(turn, command, -command.amount)
    if found is None or found[0].state is not RefundState.PENDING:
        return
    refund, payment, circle = found
    for part in _parts(circle, payment, refund):
        turn.book.post(turn.at, part if payment.is_cash else replace(part, resolves=f"{part.key}:held"))
    turn.book.put(replace(refund, state=RefundState.SETTLED, ended_at=turn.at, provider_ref=command.provider_id))
    turn.book.put(_standing(turn, payment))
    deposits.ask_fees(turn, payment.carrier, payment.provider_ref or "", payment.receipt, after=refund.id)
    figures: dict[str, Figure] = {"amount": circle.money(refund.amount), **_named(circle, refund)}
    for person in {payment.recorded_by, payment.person_id}:
        turn.tell(person, say("refund_done", **figures))
    who = turn.book.person(payment.person_id).first_name
    if circle.banker_id not in {payment.recorded_by, payment.person_id}:
        turn.tell(circle.banker_id, say("refund_done_banker", who=who, **figures))


def refund_failed(turn: Turn, command: c.RefundFailed) -> None:
    """The rail could not give it back, at once or after all: it stands as the member's credit again."""
    found = _refund(turn, command)
    if found is None and command.amount:
        _strange(turn, command, command.amount)
    if found is None or found[0].state is RefundState.FAILED:
        return
    refund, payment, circle = found
    for part in _parts(circle, payment, refund):
        if refund.state is RefundState.PENDING:
            turn.book.void(turn.at, _hold(part))
        else:
            turn.book.post(turn.at, ledger.reversal(part, f"{part.key}:failed"))
    turn.book.put(replace(refund, state=RefundState.FAILED, ended_at=turn.at))
    turn.book.put(_standing(turn, replace(payment, given_back=payment.given_back - refund.amount)))
    settling.spend_credit(turn, circle, refund.person_id, f"refund:{refund.id}:again")
    figures: dict[str, Figure] = {"amount": circle.money(refund.amount), **_named(circle, refund)}
    turn.tell(payment.recorded_by, say("refund_failed", **figures))
    ticket = turn.open_ticket(
        TicketKind.AGENT, person_id=payment.recorded_by, circle=circle.code, subject=refund.receipt
    )
    turn.tell_staff([Role.FINANCE], say("staff_refund_failed", case=ticket.ref, reason=command.reason, **figures))


# -- what a card's bank takes back --------------------------------------------------------------------------------


def is_disputed(deposit: Deposit) -> bool:
    """Whether money that stands aside is what a card's bank took or gave back, of a payment that was not known."""
    return deposit.ref.startswith(TAKEN)


def match_disputed(turn: Turn, payment: Payment, deposit: Deposit, aside: Account) -> bool:
    """Book it as the payment's after all. Returns whether it could be."""
    if deposit.amount < 0:
        return take_back(turn, payment, deposit, aside)
    back = turn.book.get(Chargeback, deposit.ref.removeprefix(TAKEN).removesuffix(BACK))
    mine = back is not None and back.receipt == payment.receipt and back.state is not ChargebackState.RETURNED
    return back is not None and mine and _give_again(turn, back, deposit, aside)


def charged_back(turn: Turn, command: c.ChargedBack) -> None:
    """A card's bank took a payment back: so does the book, as far as the money is there. A repeat changes nothing."""
    gone = Deposit(command.carrier, f"{TAKEN}{command.dispute_id}", -command.amount, Currency(command.currency))
    if turn.book.aside(gone.name):
        return
    payment = throws.named(turn, command.receipt, command.carrier, command.provider_ref)
    if payment is None or not take_back(turn, payment, gone):
        deposits.park(turn, gone)


def take_back(turn: Turn, payment: Payment, gone: Deposit, source: Account | None = None) -> bool:
    """Book that a card's bank took money of a payment: out of its rail, or out of `source` where it stood aside.

    Returns whether it is booked; not when it came in another currency and no rate is known to count it by.
    """
    dispute_id = gone.ref.removeprefix(TAKEN)
    if turn.book.get(Chargeback, dispute_id) is not None:
        return True
    circle, person = turn.book.circle(payment.circle), payment.person_id
    paid = Money(payment.pay_amount, payment.pay_currency)
    amount = _in_circle(turn, circle, gone.money, paid, payment.amount, up=True)
    if not amount:
        return False
    can = free_up(turn, circle, person, amount, f"{gone.ref}:free")
    back = Chargeback(
        id=dispute_id,
        receipt=payment.receipt,
        circle=circle.code,
        person_id=person,
        amount=amount,
        owed=amount - can,
        state=ChargebackState.TAKEN,
        taken_at=turn.at,
        pay_amount=gone.money.minor,
        pay_currency=gone.currency,
    )
    credit, debt = ledger.credit(circle.code, person), ledger.debt(circle.code, person)
    rail = source or ledger.rail(gone.carrier, gone.currency)
    if gone.currency is not circle.currency:
        there = ledger.exchange(gone.currency)
        turn.move(f"{gone.ref}:pay", "chargeback", Transfer(there, rail, gone.money.minor), gone.currency)
        rail = ledger.exchange(circle.currency)
    parts = ((credit, can), (debt, back.owed))
    turn.post(gone.ref, "chargeback", circle, *(Transfer(account, rail, part) for account, part in parts if part))
    turn.book.put(back)
    turn.book.put(_standing(turn, payment))
    _say_taken(turn, circle, payment, back)
    return True


def _in_circle(turn: Turn, circle: Circle, told: Money, paid: Money, counted: int, *, up: bool) -> int:
    """Return what money told in any currency is in the circle's: as it was counted once, else at the rate of now.

    What is taken is rounded up, so that it is never nothing, and what is given is rounded down. 0: no rate is known.
    """
    if told.currency is circle.currency:
        return told.minor
    if told.currency is paid.currency and paid.minor:
        return exchange.share(counted, told.minor, paid.minor, up=up)
    convert = exchange.asked if up else exchange.worth
    return convert(told.minor, told.currency, circle.currency, turn.rate) if turn.rate else 0


def _standing(turn: Turn, payment: Payment) -> Payment:
    """Return a payment in the state that follows from all that went back of it: what a bank took weighs most."""
    of_it = {"circle": payment.circle, "receipt": payment.receipt}
    if any(back.kept for back in turn.book.all(Chargeback, **of_it)):
        return replace(payment, state=PaymentState.CHARGED_BACK)
    settled = sum(refund.amount for refund in turn.book.all(Refund, **of_it, state=RefundState.SETTLED))
    return replace(payment, state=PaymentState.REFUNDED if settled == payment.amount else PaymentState.SETTLED)


def _say_taken(turn: Turn, circle: Circle, payment: Payment, back: Chargeback) -> None:
    figures: dict[str, Figure] = {
        "amount": circle.money(back.amount),
        "circle": circle.name,
        "ref": payment.receipt,
        "who": turn.book.person(payment.person_id).first_name,
    }
    for person in {payment.person_id, payment.recorded_by}:
        turn.tell(person, say("charged_back", code=circle.code, **figures))
    if circle.banker_id not in {payment.person_id, payment.recorded_by}:
        turn.tell(circle.banker_id, say("charged_back_banker", **figures))
    ticket = turn.open_ticket(
        TicketKind.AGENT, person_id=payment.person_id, circle=circle.code, subject=payment.receipt
    )
    told = [text("staff_charged_back", case=ticket.ref, owed=circle.money(back.owed), **figures)]
    if payment.given_back:
        told.append(text("staff_refunded_too", amount=circle.money(payment.given_back)))
    turn.tell_staff([Role.FINANCE], Say(tuple(told)))


def charge_returned(turn: Turn, command: c.ChargeReturned) -> None:
    """The card's bank gave back what it took, or part of it: first to what is still owed, the rest to credit."""
    ref = f"{TAKEN}{command.dispute_id}{BACK}"
    came = Deposit(command.carrier, ref, command.amount, Currency(command.currency))
    back = turn.book.get(Chargeback, command.dispute_id)
    if turn.book.aside(came.name) or (back is not None and back.state is ChargebackState.RETURNED):
        return
    if back is None or not _give_again(turn, back, came):
        deposits.park(turn, came)


def _give_again(turn: Turn, back: Chargeback, came: Deposit, source: Account | None = None) -> bool:
    payment, circle = turn.book.must(Payment, back.receipt), turn.book.circle(back.circle)
    taken = Money(back.pay_amount, back.pay_currency)
    amount = _in_circle(turn, circle, came.money, taken, back.amount, up=False)
    if not amount:
        return False
    credit, debt = ledger.credit(circle.code, back.person_id), ledger.debt(circle.code, back.person_id)
    rail = source or ledger.rail(came.carrier, came.currency)
    if came.currency is not circle.currency:
        there = ledger.exchange(came.currency)
        turn.move(f"{came.ref}:pay", "returned", Transfer(rail, there, came.amount), came.currency)
        rail = ledger.exchange(circle.currency)
    owed = min(turn.book.balance(debt), back.owed, amount)
    parts = ((debt, owed), (credit, amount - owed))
    turn.post(came.ref, "returned", circle, *(Transfer(rail, account, part) for account, part in parts if part))
    back = replace(back, state=ChargebackState.RETURNED, ended_at=turn.at, returned=amount)
    turn.book.put(back)
    turn.book.put(_standing(turn, payment))
    settling.spend_credit(turn, circle, back.person_id, f"{came.ref}:again")
    _say_returned(turn, circle, payment, back)
    return True


def _say_returned(turn: Turn, circle: Circle, payment: Payment, back: Chargeback) -> None:
    figures: dict[str, Figure] = {
        "amount": circle.money(back.returned),
        "circle": circle.name,
        "ref": back.receipt,
        "who": turn.book.person(back.person_id).first_name,
    }
    told = say("charge_returned", **figures)
    if back.kept:
        told = say("charge_returned_part", kept=circle.money(back.kept), **figures)
    for person in {payment.person_id, payment.recorded_by, circle.banker_id}:
        turn.tell(person, told)


def dispute_closed(turn: Turn, command: c.DisputeClosed) -> None:
    """The card's bank has decided for good. What it means for the money comes as money taken or given back."""
    back = turn.book.get(Chargeback, command.dispute_id)
    if back is None or command.won or back.state is not ChargebackState.TAKEN:
        return
    circle = turn.book.circle(back.circle)
    turn.book.put(replace(back, state=ChargebackState.LOST, ended_at=turn.at))
    figures: dict[str, Figure] = {"amount": circle.money(back.amount), "circle": circle.name, "ref": back.receipt}
    turn.tell_staff([Role.FINANCE], say("staff_dispute_lost", **figures))
