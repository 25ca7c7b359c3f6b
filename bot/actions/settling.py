"""Money that is there: posted, spread over what is owed, oldest first, and receipted (rules.md 22, 25, 51)."""

from dataclasses import replace
from datetime import timedelta

from bot.actions import covering, holding, misses, pots
from bot.actions.names import called
from bot.actions.turn import Turn
from bot.words.say import Figure, Refusal, Say, Text, refuse, say, text
from domain import ledger
from domain.codes import receipt_code
from domain.ledger import Transfer
from domain.pardna import (
    OVER,
    Circle,
    CircleState,
    Draw,
    DrawState,
    Due,
    Hand,
    MemberState,
    RoundState,
    allocate,
    allocate_late,
    weight,
)
from domain.payments import CASH, CASH_CARRIER, Payment, PaymentState, Route
from domain.people import Person, Role, TicketKind
from storage.book import throw_key

PAGE_IN_USE = timedelta(hours=1)
"""How long a pay page that was asked for counts as on its way; later it may still be paid, but holds up nothing."""


def left_to_throw(turn: Turn, circle: Circle, person: str) -> int:
    """Return what a member can still throw in all rounds together, counting credit as thrown; below 0, a surplus."""
    if circle.state is CircleState.TERMINATED:
        due = sum(d.left for d in open_dues(turn, circle, person)) + turn.book.balance(ledger.debt(circle.code, person))
        return due - turn.book.balance(ledger.credit(circle.code, person))
    halves = weight(turn.book.all(Hand, circle=circle.code, person_id=person))
    thrown = sum(d.paid for d in turn.book.dues_of(circle.code, person))
    credit = turn.book.balance(ledger.credit(circle.code, person))
    waived = sum(d.waived for d in turn.book.dues_of(circle.code, person))
    owed = circle.throw_of(halves) * circle.turns - waived + misses.late_left(turn, circle, person)
    return owed - thrown - credit + turn.book.balance(ledger.debt(circle.code, person))


def _on_its_way(turn: Turn, circle: Circle, person: str, rail: str) -> int:
    """Return what may still be counted: pages lately asked for and, beside more cash, what waits for the banker's word.

    A banker who does not answer keeps nobody from paying by rail: cash that is then too much is not counted.
    """
    pending = turn.book.all(Payment, circle=circle.code, person_id=person, state=PaymentState.PENDING)
    return sum(p.amount for p in pending if (rail == CASH if p.is_cash else turn.at - p.began_at < PAGE_IN_USE))


def too_much(turn: Turn, circle: Circle, person: str, amount: int, rail: str) -> Refusal | None:
    """Refuse more than a member can still throw, with what is on its way already."""
    left = max(left_to_throw(turn, circle, person), 0)
    pending = min(_on_its_way(turn, circle, person, rail), left)
    if amount <= left - pending:
        return None
    if not left:
        return refuse("all_thrown", circle=circle.name)
    rest, name = circle.money(left - pending, whose=person), circle.name
    if pending:
        return refuse("on_its_way", circle=name, there=circle.money(pending), left=rest)
    return refuse("more_than_left", circle=name, amount=circle.money(amount), left=rest, ask_again="amount")


def not_taking(turn: Turn, circle: Circle, person: str) -> Refusal | None:
    """A running circle takes throws; one that is over takes what is still owed to it (rules.md 51)."""
    debt, late = turn.book.balance(ledger.debt(circle.code, person)), misses.late_left(turn, circle, person)
    owes = bool(debt or late or open_dues(turn, circle, person))
    over = circle.state in OVER and owes
    if circle.state is CircleState.ACTIVE or over:
        return None
    return refuse("not_running", circle=circle.name)


def names_in(turn: Turn, circle: Circle) -> dict[str, str]:
    """Return the names of those who are in, by person; those of one name are told apart."""
    names = called(turn, circle.code)
    return {m.person_id: names[m.person_id] for m in turn.book.members(circle.code) if m.state is MemberState.IN}


def new_payment(turn: Turn, circle: Circle, person: str, amount: int, route: Route | None = None) -> Payment:
    """Return a payment for a member's hand, pending, recorded by the one who acts. Without a route it is cash."""
    return Payment(
        receipt=receipt_code(turn.tools.randbelow),
        circle=circle.code,
        person_id=person,
        amount=amount,
        currency=circle.currency,
        rail=route.word if route else CASH,
        state=PaymentState.PENDING,
        recorded_by=turn.person_id,
        confirmed=False,
        provider_ref=None,
        token_hash=None,
        began_at=turn.at,
        carrier=route.carrier if route else CASH_CARRIER,
        pay_amount=amount,
        pay_currency=circle.currency,
    )


def settle(turn: Turn, circle: Circle, payment: Payment, source: ledger.Account | None = None) -> None:
    """Post the money, spread it over what is owed, oldest first and late fees last, and give the receipt (rules.md 22).

    The money comes out of `source`, or else from where its carrier has it. What a card's bank took back before is owed
    first of all. In another currency it is exchanged on the way.
    """
    settled = replace(payment, state=PaymentState.SETTLED, settled_at=turn.at)
    turn.book.put(settled)
    person, credit = payment.person_id, ledger.credit(circle.code, payment.person_id)
    source = _exchanged(turn, payment, source or held_at(circle, payment))
    if payment.covers:
        covering.take(turn, circle, settled, source)
        pots.money_came(turn, circle, [])
        return
    debt = ledger.debt(circle.code, person)
    repaid = min(turn.book.balance(debt), payment.amount)
    have = turn.book.available(credit) + payment.amount - repaid
    into = [Transfer(credit, debt, repaid)] if repaid else []
    spent, changed, _ = _spend(turn, circle, person, have)
    into += spent
    turn.post(throw_key(payment.receipt), "throw", circle, Transfer(source, credit, payment.amount), *into)
    _say_receipt(turn, circle, settled, [d.round for d in changed])
    if repaid:
        left = circle.money(turn.book.balance(debt))
        paid = circle.money(repaid, ref=payment.receipt)
        turn.tell(person, say("debt_repaid", circle=circle.name, amount=paid, left=left))
    _say_surplus(turn, circle, settled)
    pots.money_came(turn, circle, sorted({d.round for d in changed}))
    held = turn.book.all(Draw, circle=circle.code, person_id=payment.person_id, state=DrawState.HELD)
    for draw in held:
        if draw.held_for == "arrears":
            holding.release(turn, draw)


def held_at(circle: Circle, payment: Payment) -> ledger.Account:
    """Return the account of whoever has the money of a payment: its carrier, or the banker."""
    if payment.is_cash:
        return ledger.cash(circle.code)
    return ledger.rail(payment.carrier, payment.pay_currency)


def _exchanged(turn: Turn, payment: Payment, source: ledger.Account) -> ledger.Account:
    """Return what a payment comes out of in the circle's own currency; another one is exchanged (docs/ledger.md)."""
    if payment.pay_currency is payment.currency:
        return source
    there, here = ledger.exchange(payment.pay_currency), ledger.exchange(payment.currency)
    key = f"exchange:{payment.receipt}"
    turn.move(key, "exchange", Transfer(source, there, payment.pay_amount), payment.pay_currency)
    return here


def open_dues(turn: Turn, circle: Circle, person: str) -> list[Due]:
    """Return a member's dues that are still open."""
    return [d for d in turn.book.dues_of(circle.code, person) if d.left]


def _into_pots(turn: Turn, circle: Circle, person: str, changed: list[Due]) -> list[Transfer]:
    """Keep the dues as paid, and return the transfers that put the money into their pots, one a round."""
    parts: dict[int, int] = {}
    for due in changed:
        before = turn.book.must(Due, due.circle, due.round, due.hand)
        parts[due.round] = parts.get(due.round, 0) + due.paid - before.paid
    turn.book.put(*changed)
    credit = ledger.credit(circle.code, person)
    return [Transfer(credit, ledger.pot(circle.code, number), part) for number, part in sorted(parts.items())]


def _spend(turn: Turn, circle: Circle, person: str, have: int) -> tuple[list[Transfer], list[Due], int]:
    """Spread a member's credit over the dues that are open, then over late fees, which go to the reserve (22, 28).

    Returns the transfers, the dues that changed, and what is left of it.
    """
    changed, left = allocate(have, open_dues(turn, circle, person))
    transfers = _into_pots(turn, circle, person, changed)
    fees, rest = allocate_late(left, turn.book.dues_of(circle.code, person))
    turn.book.put(*fees)
    if fees:
        transfers.append(Transfer(ledger.credit(circle.code, person), ledger.reserve(circle.code), left - rest))
    return transfers, changed, rest


def use_credit(turn: Turn, circle: Circle, person: str, number: int) -> int:
    """Let a member's credit pay what is owed when a round opens. Returns what it paid, in minor units."""
    have = turn.book.available(ledger.credit(circle.code, person))
    transfers, _, left = _spend(turn, circle, person, have)
    if not transfers:
        return 0
    turn.post(f"credit:{circle.code}:{number}:{person}", "credit", circle, *transfers)
    return have - left


def spend_credit(turn: Turn, circle: Circle, person: str, key: str) -> None:
    """Let credit that came back to a member pay what they owe now, a debt first, under a key of its own."""
    credit, debt = ledger.credit(circle.code, person), ledger.debt(circle.code, person)
    have = turn.book.available(credit)
    repaid = min(turn.book.balance(debt), have)
    spent, changed, _ = _spend(turn, circle, person, have - repaid)
    transfers = [Transfer(credit, debt, repaid)] if repaid else []
    if transfers := [*transfers, *spent]:
        turn.post(key, "credit", circle, *transfers)
        pots.money_came(turn, circle, sorted({d.round for d in changed}))


def _say_receipt(turn: Turn, circle: Circle, payment: Payment, rounds: list[int]) -> None:
    """Give the receipt: to the payer, to the one whose hand it is for (rules.md 25), and word to the banker."""
    whose = turn.book.person(payment.person_id)
    other = payment.recorded_by != whose.id and not (payment.is_cash and payment.recorded_by == circle.banker_id)
    payer = turn.book.person(payment.recorded_by) if other else whose
    number = rounds[-1] if rounds else current_round(turn, circle)
    figures: dict[str, Figure] = {
        "amount": circle.money(payment.amount),
        "circle": circle.name,
        "round": number,
        "turns": circle.turns,
        "pot": circle.money(pots.thrown(turn, circle, number)),
        "gross": circle.money(circle.gross),
        "receipt": payment.receipt,
        "next": _next_draw(turn, circle),
    }
    if circle.state is CircleState.TERMINATED:
        _say_receipt_after(turn, circle, payment, payer)
        return
    receipt = text("receipt", who=payer.first_name, **figures)
    if other:
        receipt = text("receipt_for", who=payer.first_name, name=whose.first_name, **figures)
        turn.tell(payer.id, Say((receipt,)))
    turn.tell(whose.id, Say((receipt, *_left_text(turn, circle, whose.id))))
    by_me = circle.banker_id == turn.person_id and payment.is_cash
    if circle.banker_id not in {payer.id, whose.id} and not by_me:
        turn.tell(circle.banker_id, say("paid_in", who=payer.first_name, **figures))


def _say_receipt_after(turn: Turn, circle: Circle, payment: Payment, payer: Person) -> None:
    """Give the receipt for what is paid of a debt to a circle that has ended early, to all whom it concerns."""
    amount = circle.money(payment.amount)
    receipt = text("receipt_ended", amount=amount, who=payer.first_name, circle=circle.name, receipt=payment.receipt)
    for person in dict.fromkeys((payer.id, payment.person_id, circle.banker_id)):
        more = _left_text(turn, circle, person) if person == payment.person_id else ()
        turn.tell(person, Say((receipt, *more)))


def _next_draw(turn: Turn, circle: Circle) -> Figure:
    coming = pots.next_draw(turn, circle)
    return text("receipt_next", who=coming[0], date=coming[1]) if coming else ""


def _say_surplus(turn: Turn, circle: Circle, payment: Payment) -> None:
    """Own up to money that can never be owed here (two pages paid, say): it is the member's, and staff give it back."""
    surplus = min(-left_to_throw(turn, circle, payment.person_id), payment.amount)
    if surplus <= 0:
        return
    whose = turn.book.person(payment.person_id)
    ticket = turn.open_ticket(TicketKind.AGENT, person_id=whose.id, circle=circle.code, subject=payment.receipt)
    figures: dict[str, Figure] = {"amount": circle.money(surplus), "circle": circle.name, "ref": ticket.ref}
    turn.tell(whose.id, say("surplus", **figures))
    told = say("staff_surplus", who=whose.first_name, receipt=payment.receipt, **figures)
    turn.tell_staff([Role.SUPPORT, Role.FINANCE], told)


def _left_text(turn: Turn, circle: Circle, person: str) -> tuple[Text, ...]:
    """Say where money leaves a member: with credit, or with something still to throw."""
    credit = turn.book.balance(ledger.credit(circle.code, person)) + min(left_to_throw(turn, circle, person), 0)
    if credit > 0:
        return (text("receipt_credit", credit=circle.money(credit)),)
    owed = sum(d.left for d in open_dues(turn, circle, person))
    late = misses.late_left(turn, circle, person)
    lines = (text("receipt_owed", owed=circle.money(owed)),) if owed else ()
    return (*lines, text("receipt_late", amount=circle.money(late))) if late else lines


def current_round(turn: Turn, circle: Circle) -> int:
    """Return the round that is open, or the last that was; 0 before the start."""
    rounds = turn.book.rounds(circle.code)
    opened = [n for n, r in rounds.items() if r.state is RoundState.OPEN]
    begun = (n for n, r in rounds.items() if r.state is not RoundState.SCHEDULED)
    return min(opened) if opened else max(begun, default=0)
