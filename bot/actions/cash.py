"""Cash has two sides: one says it changed hands, the other confirms or denies (rules.md 23, 24, 52)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bot.actions import disputes, drawers, paths, settling, watching
from bot.actions.names import match_name
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.disputes import DisputeState
from domain.ledger import Transaction, Transfer
from domain.pardna import Circle, Due
from domain.payments import CASH, Payment, PaymentState
from domain.people import Role, TicketKind
from storage.book import throw_key

CASH_SILENCE = timedelta(hours=48)


def claim(turn: Turn, circle: Circle, payment: Payment) -> Say | Refusal | None:
    """Keep a member's word until the banker confirms it (rules.md 23). The banker's own cash needs no second word."""
    if wrong := watching.too_much_cash(turn, circle, payment.amount):
        return wrong
    if circle.banker_id == payment.recorded_by:
        return _banker_took(turn, circle, payment)
    turn.book.put(payment)
    answers = _word_answers(payment)
    figures: dict[str, Figure] = {
        "amount": circle.money(payment.amount),
        "circle": circle.name,
        "ref": payment.receipt,
    }
    turn.tell(circle.banker_id, say("cash_claimed", *answers, who=turn.me.first_name, **figures))
    banker = turn.book.person(circle.banker_id).first_name
    return say("cash_waits", banker=banker, **figures)


def _word_answers(payment: Payment) -> tuple[Answer, Answer]:
    return (
        Answer(f"CONFIRM {payment.receipt}", text("confirm")),
        Answer(f"DENY {payment.receipt}", text("deny")),
    )


def record_cash(turn: Turn, command: c.RecordCash) -> Say | Refusal | None:
    """The banker took cash: counted at once, and the member is asked to confirm (rules.md 24)."""
    circle = turn.book.circle(command.circle)
    names = settling.names_in(turn, circle)
    found = match_name(command.who, names)
    if len(found) != 1:
        return _which(circle, command, found, names)
    person = found[0]
    too_much = settling.too_much(turn, circle, person, command.amount, CASH)
    if wrong := settling.not_taking(turn, circle, person) or too_much:
        return wrong
    if wrong := watching.too_much_cash(turn, circle, command.amount):
        return wrong
    return _banker_took(turn, circle, settling.new_payment(turn, circle, person, command.amount))


def _banker_took(turn: Turn, circle: Circle, payment: Payment) -> Say | None:
    """Count what the banker says they have, and ask the member. The banker's own cash needs no second word."""
    own = payment.person_id == circle.banker_id
    settling.settle(turn, circle, replace(payment, confirmed=own))
    watching.cash_moved(turn, circle, payment.person_id, payment.amount)
    if own:
        return None
    key, at = f"cash-silence:{payment.receipt}", turn.at + CASH_SILENCE
    turn.plan(key, at, f"circle:{payment.circle}", c.CashSilence(payment.receipt))
    figures: dict[str, Figure] = {
        "amount": circle.money(payment.amount),
        "circle": circle.name,
        "ref": payment.receipt,
    }
    asked = say("cash_recorded_ask", *_word_answers(payment), banker=turn.me.first_name, **figures)
    turn.tell(payment.person_id, asked)
    return say("cash_recorded", who=turn.book.person(payment.person_id).first_name, **figures)


def _which(circle: Circle, command: c.RecordCash, found: list[str], names: dict[str, str]) -> Refusal:
    amount = circle.money(command.amount).text()
    some = [names[i] for i in found] or list(names.values())
    answers = [Answer(f"CASH {name} {amount} {circle.code}", name) for name in some[:5]]
    return refuse("who_of" if found else "who_none", *answers, who=command.who, circle=circle.name)


def _other_side(payment: Payment, circle: Circle) -> str:
    """Return who has to confirm: the member what the banker recorded, the banker what anybody else claims."""
    return payment.person_id if payment.recorded_by == circle.banker_id else circle.banker_id


def _asked_of_me(turn: Turn, receipt: str) -> tuple[Payment, Circle] | Refusal:
    payment = turn.book.get(Payment, receipt)
    if payment is None or not payment.is_cash:
        return refuse("no_cash_entry", ref=receipt)
    circle = turn.book.circle(payment.circle)
    if _other_side(payment, circle) != turn.person_id:
        return refuse("no_cash_entry", ref=receipt)
    if payment.confirmed:
        return refuse("cash_confirmed_already", ref=receipt, amount=circle.money(payment.amount))
    if payment.state is PaymentState.FAILED or payment.given_back:  # what REFUND gave back is not taken back as well
        return refuse("no_cash_entry", ref=receipt)
    if payment.state in {PaymentState.DENIED, PaymentState.DISPUTED}:
        return refuse("cash_denied_already", ref=receipt, amount=circle.money(payment.amount))
    return payment, circle


def confirm(turn: Turn, command: c.Confirm) -> Say | Refusal:
    """The other side says the cash entry is right."""
    found = _asked_of_me(turn, command.receipt)
    if isinstance(found, Refusal):
        return found
    payment, circle = found
    sure = replace(payment, confirmed=True)
    if payment.state is PaymentState.PENDING:
        if payment.amount > (left := max(settling.left_to_throw(turn, circle, payment.person_id), 0)):
            return _call_off(turn, circle, payment, left)
        settling.settle(turn, circle, sure)
        watching.cash_moved(turn, circle, payment.person_id, payment.amount)
        who = turn.book.person(payment.person_id).first_name
        held = circle.money(turn.book.balance(ledger.cash(circle.code)))
        return say(
            "cash_confirmed_banker",
            who=who,
            amount=circle.money(payment.amount),
            ref=payment.receipt,
            held=held,
        )
    turn.book.put(sure)
    turn.tell(
        circle.banker_id,
        say(
            "cash_confirmed_told",
            who=turn.me.first_name,
            amount=circle.money(payment.amount, ref=payment.receipt),
            circle=circle.name,
        ),
    )
    return say("cash_confirmed", amount=circle.money(payment.amount), circle=circle.name, ref=payment.receipt)


def _call_off(turn: Turn, circle: Circle, payment: Payment, left: int) -> Refusal:
    """Count no cash beyond what the member can still throw: something else has paid it since it was claimed."""
    turn.book.put(replace(payment, state=PaymentState.FAILED))
    ref, name = payment.receipt, circle.name
    amount, rest = circle.money(payment.amount), circle.money(left, whose=payment.person_id)
    told = say("claim_off", circle=name, left=rest, amount=amount, banker=turn.me.first_name, ref=ref)
    turn.tell(payment.recorded_by, told)
    who = turn.book.person(payment.recorded_by).first_name
    return refuse("claim_off_banker", circle=name, who=who, left=rest, amount=amount, ref=ref)


def deny(turn: Turn, command: c.Deny) -> Say | Refusal:
    """The other side says the cash entry is wrong: a dispute, which freezes its own sum alone (rules.md 52)."""
    found = _asked_of_me(turn, command.receipt)
    if isinstance(found, Refusal):
        return found
    payment, circle = found
    if payment.state is PaymentState.SETTLED:
        _take_back(turn, circle, payment)
    turn.book.put(replace(payment, state=PaymentState.DISPUTED, confirmed=False))
    ticket = turn.open_ticket(
        TicketKind.DISPUTE, person_id=payment.person_id, circle=circle.code, subject=payment.receipt
    )
    amount = circle.money(payment.amount, ref=payment.receipt)
    figures: dict[str, Figure] = {"amount": amount, "circle": circle.name, "ref": ticket.ref}
    dispute, who_decides = disputes.begin(turn, circle, ticket, payment, against=payment.recorded_by)
    disputes.ask_panel(turn, circle, dispute)
    if dispute.state is DisputeState.STAFF:
        turn.tell_staff([Role.FINANCE], say("staff_dispute", receipt=payment.receipt, **figures))
    turn.tell(payment.recorded_by, say("cash_disputed_told", who=turn.me.first_name, **figures).and_then(who_decides))
    return say("cash_disputed", **figures).and_then(who_decides)


def _take_back(turn: Turn, circle: Circle, payment: Payment) -> bool:
    """Reverse a throw while its money is still there (rules.md 26). Returns whether it could be."""
    posted = turn.book.posted.get(payment.receipt)
    if posted is None:
        return False
    back = ledger.reversal(posted, f"{posted.key}:back")
    after = {a: turn.book.balance(a) for t in back.transfers for a in (t.debit, t.credit)}
    for account in after:
        after[account] += sum(ledger.effect(account, t) for t in back.transfers)
    credit, cash = ledger.credit(circle.code, payment.person_id), ledger.cash(circle.code)
    spent = -after.pop(credit)
    claimed = turn.book.balance(cash) - paths.cash_uncommitted(turn, circle)
    if after.pop(cash) < claimed or any(balance < 0 for balance in after.values()):
        return False
    if spent > 0 and not _unspend(turn, circle, payment, spent, {a.name: b for a, b in after.items()}):
        return False
    for transfer in posted.transfers[1:]:
        _owe_again(turn, payment, transfer)
    turn.book.post(turn.at, back)
    turn.book.posted.pop(payment.receipt)
    return True


def _unspend(turn: Turn, circle: Circle, payment: Payment, amount: int, after: Mapping[str, int]) -> bool:
    """Put credit that has paid rounds since back to credit, the latest first; not where the pot was drawn."""
    credit = ledger.credit(circle.code, payment.person_id)
    transfers: list[Transfer] = []
    changed: list[Due] = []
    left = {number: drawers.pot(turn, circle, number) for number in turn.book.rounds(circle.code)}
    for due in reversed(turn.book.dues_of(circle.code, payment.person_id)):
        part = min(amount, due.paid, left[due.round]) if ledger.pot(circle.code, due.round).name not in after else 0
        if part:
            transfers.append(Transfer(ledger.pot(circle.code, due.round), credit, part))
            changed.append(replace(due, paid=due.paid - part))
            left[due.round] -= part
            amount -= part
    if amount:
        return False
    turn.book.put(*changed)
    key = f"{throw_key(payment.receipt)}:unspent"
    turn.book.post(turn.at, Transaction(key, "credit", circle.currency, tuple(transfers), circle.code))
    return True


def _owe_again(turn: Turn, payment: Payment, transfer: Transfer) -> None:
    """Take the part of one pot off the member's dues of that round, the last hand first; or off late fees paid."""
    dues, amount = reversed(turn.book.dues_of(payment.circle, payment.person_id)), transfer.amount
    late = transfer.credit == ledger.reserve(payment.circle)
    for due in dues:
        mine = transfer.credit == ledger.pot(payment.circle, due.round)
        part = min(amount, due.late_paid if late else due.paid if mine else 0)
        if part and late:
            turn.book.put(replace(due, late_paid=due.late_paid - part))
        elif part:
            turn.book.put(replace(due, paid=due.paid - part))
        amount -= part


def decide(turn: Turn, payment: Payment, *, happened: bool) -> Refusal | None:
    """Staff decide a disputed cash entry: it happened and is counted, or it did not and is taken back.

    What was drawn already cannot be taken back: it stays counted, as the banker's money for the member's hand.
    """
    circle = turn.book.circle(payment.circle)
    if payment.state is not PaymentState.DISPUTED:
        return refuse("no_cash_entry", ref=payment.receipt)
    counted = payment.receipt in turn.book.posted
    gone = not happened and counted and not _take_back(turn, circle, payment)
    if happened and not counted:
        again = settling.new_payment(turn, circle, payment.person_id, payment.amount)
        turn.book.put(replace(payment, state=PaymentState.DENIED))
        settling.settle(turn, circle, replace(again, confirmed=True, recorded_by=payment.recorded_by))
    else:
        counts = happened or gone
        state = PaymentState.SETTLED if counts else PaymentState.DENIED
        turn.book.put(replace(payment, state=state, confirmed=counts))
    _say_decided(turn, circle, payment, happened=happened, gone=gone)
    return None


def _say_decided(turn: Turn, circle: Circle, payment: Payment, *, happened: bool, gone: bool) -> None:
    amount = circle.money(payment.amount, ref=payment.receipt)
    figures: dict[str, Figure] = {"amount": amount, "circle": circle.name}
    what = say("dispute_counts" if happened else "dispute_not", **figures)
    if gone:
        who, banker = turn.book.person(payment.person_id), turn.book.person(circle.banker_id)
        what = say("dispute_gone", who=who.first_name, banker=banker.first_name, **figures)
    for person in {payment.person_id, circle.banker_id}:
        turn.tell(person, what)


def cash_silence(turn: Turn, command: c.CashSilence) -> None:
    """48 hours of silence: unconfirmed but counted (rules.md 24). Both sides hear it; nothing else changes."""
    payment = turn.book.get(Payment, command.receipt)
    if payment is None or payment.confirmed or payment.state is not PaymentState.SETTLED:
        return
    circle = turn.book.circle(payment.circle)
    figures: dict[str, Figure] = {
        "amount": circle.money(payment.amount),
        "circle": circle.name,
        "ref": payment.receipt,
    }
    turn.tell(payment.person_id, say("cash_silence", **figures))
    who = turn.book.person(payment.person_id).first_name
    turn.tell(circle.banker_id, say("cash_unanswered", who=who, **figures))
