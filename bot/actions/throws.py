"""Throws: money in. By a rail it is asked for and settled when the rail says so; cash has two sides (rules.md 22-26)."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from bot.actions import draws
from bot.actions.names import match_name
from bot.actions.turn import Order, Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.codes import receipt_code, ticket_ref
from domain.ledger import Transaction, Transfer
from domain.pardna import Circle, CircleState, Due, Hand, MemberState, Round, RoundState, allocate
from domain.payments import CASH, SANDBOX, Payment, PaymentState
from domain.people import Role, TicketKind, first_name
from storage.book import throw_key
from storage.duties import Duty

CASH_SILENCE = timedelta(hours=48)


def left_to_throw(turn: Turn, circle: Circle, person: str) -> int:
    """Return what a member can still throw in all rounds together, counting credit as thrown."""
    hands = len(turn.book.all(Hand, circle=circle.code, person_id=person))
    thrown = sum(d.paid for d in turn.book.dues_of(circle.code, person))
    return circle.throw * circle.turns * hands - thrown - turn.book.balance(ledger.credit(circle.code, person))


def _too_much(turn: Turn, circle: Circle, person: str, amount: int) -> Refusal | None:
    left = left_to_throw(turn, circle, person)
    if amount <= left:
        return None
    if not left:
        return refuse("all_thrown", circle=circle.name)
    return refuse(
        "more_than_left",
        circle=circle.name,
        amount=circle.money(amount),
        left=circle.money(left),
        ask_again="amount",
    )


def _not_running(circle: Circle) -> Refusal | None:
    if circle.state is CircleState.ACTIVE:
        return None
    return refuse("not_running", circle=circle.name)


def _payment(turn: Turn, circle: Circle, person: str, amount: int, rail: str) -> Payment:
    return Payment(
        receipt=receipt_code(turn.tools.randbelow),
        circle=circle.code,
        person_id=person,
        amount=amount,
        currency=circle.currency,
        rail=rail,
        state=PaymentState.PENDING,
        recorded_by=turn.person_id,
        confirmed=False,
        provider_ref=None,
        token_hash=None,
        began_at=turn.at,
    )


def begin_throw(turn: Turn, command: c.BeginThrow) -> Say | Refusal | None:
    """Start a throw by a rail, or a member's word that the banker has the cash."""
    circle = turn.book.circle(command.circle)
    if wrong := _not_running(circle) or _too_much(turn, circle, turn.person_id, command.amount):
        return wrong
    payment = _payment(turn, circle, turn.person_id, command.amount, command.rail)
    if command.rail == CASH:
        return _claim_cash(turn, circle, payment)
    return _ask_rail(turn, circle, payment)


def _ask_rail(turn: Turn, circle: Circle, payment: Payment) -> Say | None:
    """Have the rail ask for the money. The sandbox is there at once when named; a card pays on the pay page."""
    token = turn.tools.new_id() + turn.tools.new_id()
    at_once = payment.rail == SANDBOX
    payment = replace(payment, token_hash=hashlib.sha256(token.encode()).digest())
    turn.book.put(payment)
    body: dict[str, object] = {
        "amount": payment.amount,
        "currency": payment.currency.value,
        "receipt": payment.receipt,
        "mode": "at_once" if at_once else "page",
        "link": f"{turn.tools.site}/pay/{token}",
        "party": f"circle:{circle.code}",
        "echo": {"receipt": payment.receipt},
    }
    turn.orders.append(Order("collect", SANDBOX.lower(), f"collect:{payment.receipt}", body))
    return None if at_once else say("pay_link_coming", amount=circle.money(payment.amount))


def _claim_cash(turn: Turn, circle: Circle, payment: Payment) -> Say | None:
    """Keep a member's word until the banker confirms it (rules.md 23). The banker's own cash needs no second word."""
    if circle.banker_id == payment.person_id:
        settle(turn, circle, replace(payment, confirmed=True))
        return None
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
    names = {
        m.person_id: turn.book.person(m.person_id).name
        for m in turn.book.members(circle.code)
        if m.state is MemberState.IN
    }
    found = match_name(command.who, names)
    if len(found) != 1:
        return _which(circle, command, found, names)
    person = found[0]
    if wrong := _not_running(circle) or _too_much(turn, circle, person, command.amount):
        return wrong
    payment = _payment(turn, circle, person, command.amount, CASH)
    own = person == circle.banker_id
    settle(turn, circle, replace(payment, confirmed=own))
    if own:
        return None
    turn.book.plan(_silence(turn, payment))
    figures: dict[str, Figure] = {
        "amount": circle.money(payment.amount),
        "circle": circle.name,
        "ref": payment.receipt,
    }
    turn.tell(person, say("cash_recorded_ask", *_word_answers(payment), banker=turn.me.first_name, **figures))
    return say("cash_recorded", who=first_name(names[person]), **figures)


def _which(circle: Circle, command: c.RecordCash, found: list[str], names: dict[str, str]) -> Refusal:
    amount = circle.money(command.amount).text()
    some = [names[i] for i in found] or list(names.values())
    answers = [Answer(f"CASH {name} {amount} {circle.code}", name) for name in some[:5]]
    return refuse("who_of" if found else "who_none", *answers, who=command.who, circle=circle.name)


def _silence(turn: Turn, payment: Payment) -> Duty:
    return Duty(
        f"cash-silence:{payment.receipt}",
        turn.at + CASH_SILENCE,
        f"circle:{payment.circle}",
        "cash_silence",
        {"receipt": payment.receipt},
    )


# -- settling -------------------------------------------------------------------------------------------------


def settle(turn: Turn, circle: Circle, payment: Payment) -> None:
    """Post the money, spread it over what is owed, oldest first, and give the receipt (rules.md 22)."""
    settled = replace(payment, state=PaymentState.SETTLED, settled_at=turn.at)
    turn.book.put(settled)
    source = ledger.cash(circle.code) if payment.rail == CASH else ledger.rail(SANDBOX, circle.currency)
    credit = ledger.credit(circle.code, payment.person_id)
    have = turn.book.balance(credit) + payment.amount
    changed, _ = allocate(have, open_dues(turn, circle, payment.person_id))
    into = _into_pots(turn, circle, payment.person_id, changed)
    transfers = (Transfer(source, credit, payment.amount), *into)
    turn.book.post(turn.at, Transaction(throw_key(payment.receipt), "throw", circle.currency, transfers, circle.code))
    _say_receipt(turn, circle, settled, [d.round for d in changed])
    after_money(turn, circle, sorted({d.round for d in changed}))


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


def use_credit(turn: Turn, circle: Circle, person: str, number: int) -> int:
    """Let a member's credit pay what is owed when a round opens. Returns what it paid, in minor units."""
    have = turn.book.balance(ledger.credit(circle.code, person))
    changed, left = allocate(have, open_dues(turn, circle, person))
    transfers = _into_pots(turn, circle, person, changed)
    if not transfers:
        return 0
    key = f"credit:{circle.code}:{number}:{person}"
    turn.book.post(turn.at, Transaction(key, "credit", circle.currency, tuple(transfers), circle.code))
    return have - left


def _say_receipt(turn: Turn, circle: Circle, payment: Payment, rounds: list[int]) -> None:
    """Give the payer the receipt, and tell the banker what came in."""
    payer = turn.book.person(payment.person_id)
    number = rounds[-1] if rounds else current_round(turn, circle)
    figures: dict[str, Figure] = {
        "amount": circle.money(payment.amount),
        "circle": circle.name,
        "round": number,
        "turns": circle.turns,
        "pot": circle.money(pot_so_far(turn, circle, number)),
        "gross": circle.money(circle.gross),
        "receipt": payment.receipt,
    }
    lines: list[Text] = [text("receipt", who=payer.first_name, **figures)]
    credit = turn.book.balance(ledger.credit(circle.code, payer.id))
    owed = sum(d.left for d in open_dues(turn, circle, payer.id))
    if credit:
        lines.append(text("receipt_credit", credit=circle.money(credit)))
    elif owed:
        lines.append(text("receipt_owed", owed=circle.money(owed)))
    turn.tell(payer.id, Say(tuple(lines)))
    by_me = circle.banker_id == turn.person_id and payment.rail == CASH
    if circle.banker_id != payer.id and not by_me:
        turn.tell(circle.banker_id, say("paid_in", who=payer.first_name, **figures))


def pot_so_far(turn: Turn, circle: Circle, number: int) -> int:
    """Return what was thrown into a round's pot, whether or not it was drawn already."""
    return sum(d.paid for d in turn.book.all(Due, circle=circle.code, round=number))


def current_round(turn: Turn, circle: Circle) -> int:
    """Return the round that is open, or the last one."""
    rounds = turn.book.rounds(circle.code)
    opened = [n for n, r in rounds.items() if r.state is RoundState.OPEN]
    return min(opened) if opened else max(rounds, default=0)


def after_money(turn: Turn, circle: Circle, numbers: list[int]) -> None:
    """Say that a pot is full, or that late money waits for one who was paid short (rules.md 36)."""
    rounds = turn.book.rounds(circle.code)
    for number in numbers:
        round_ = rounds[number]
        full = not any(d.left for d in turn.book.all(Due, circle=circle.code, round=number))
        if full and round_.state in {RoundState.OPEN, RoundState.GRACE, RoundState.CLOSED}:
            _say_full(turn, circle, round_)
        elif round_.state is RoundState.PAID_SHORT:
            draws.say_top_up(turn, circle, number)


def _say_full(turn: Turn, circle: Circle, round_: Round) -> None:
    hand = next(h for h in turn.book.hands(circle.code) if h.turn == round_.number)
    drawer = turn.book.person(hand.person_id)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "round": round_.number,
        "pot": circle.money(circle.gross),
        "who": drawer.first_name,
    }
    pay = Answer(f"PAY OUT {circle.code}", f"PAY OUT {circle.code}")
    turn.tell(circle.banker_id, say("pot_full_banker", pay, due=round_.due, code=circle.code, **figures))
    if drawer.id != circle.banker_id:
        turn.tell(drawer.id, say("pot_full", due=round_.due, **figures))


# -- what the rail said ---------------------------------------------------------------------------------------


def link_ready(turn: Turn, command: c.LinkReady) -> None:
    """Tell the payer where to pay."""
    payment = turn.book.get(Payment, command.receipt)
    if payment and payment.state is PaymentState.PENDING:
        circle = turn.book.circle(payment.circle)
        turn.tell(
            payment.person_id,
            say("pay_link", link=command.link, amount=circle.money(payment.amount), circle=circle.name),
        )


def collected(turn: Turn, command: c.Collected) -> None:
    """The rail has the money. A repeat changes nothing."""
    payment = turn.book.get(Payment, command.receipt)
    if payment is None or payment.state not in {PaymentState.PENDING, PaymentState.FAILED}:
        return
    settle(
        turn,
        turn.book.circle(payment.circle),
        replace(payment, confirmed=True, provider_ref=command.provider_id),
    )


def collect_failed(turn: Turn, command: c.CollectFailed) -> None:
    """The rail did not get the money: the payer is told, and may try again."""
    payment = turn.book.get(Payment, command.receipt)
    if payment is None or payment.state is not PaymentState.PENDING:
        return
    circle = turn.book.circle(payment.circle)
    turn.book.put(replace(payment, state=PaymentState.FAILED))
    figures: dict[str, Figure] = {"amount": circle.money(payment.amount), "circle": circle.name}
    turn.tell(payment.person_id, say("pay_failed", Answer(f"PAY {circle.code}", text("menu_pay")), **figures))


# -- the other side's word ------------------------------------------------------------------------------------


def _other_side(payment: Payment, circle: Circle) -> str:
    """Return who has to confirm: the banker what a member claims, the member what the banker recorded."""
    return circle.banker_id if payment.recorded_by == payment.person_id else payment.person_id


def _asked_of_me(turn: Turn, receipt: str) -> tuple[Payment, Circle] | Refusal:
    payment = turn.book.get(Payment, receipt)
    if payment is None or payment.rail != CASH:
        return refuse("no_cash_entry", ref=receipt)
    circle = turn.book.circle(payment.circle)
    if _other_side(payment, circle) != turn.person_id:
        return refuse("no_cash_entry", ref=receipt)
    if payment.confirmed:
        return refuse("cash_confirmed_already", ref=receipt, amount=circle.money(payment.amount))
    if payment.state in {PaymentState.DENIED, PaymentState.DISPUTED, PaymentState.FAILED}:
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
        settle(turn, circle, sure)
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
            amount=circle.money(payment.amount),
            circle=circle.name,
        ),
    )
    return say("cash_confirmed", amount=circle.money(payment.amount), circle=circle.name, ref=payment.receipt)


def deny(turn: Turn, command: c.Deny) -> Say | Refusal:
    """The other side says the cash entry is wrong: a dispute, which freezes its own sum alone (rules.md 52)."""
    found = _asked_of_me(turn, command.receipt)
    if isinstance(found, Refusal):
        return found
    payment, circle = found
    if payment.state is PaymentState.SETTLED:
        _take_back(turn, circle, payment)
    turn.book.put(replace(payment, state=PaymentState.DISPUTED, confirmed=False))
    ref = ticket_ref(turn.tools.randbelow)
    turn.open_ticket(TicketKind.DISPUTE, ref, person_id=payment.person_id, circle=circle.code, subject=payment.receipt)
    figures: dict[str, Figure] = {"amount": circle.money(payment.amount), "circle": circle.name, "ref": ref}
    turn.tell_staff([Role.SUPPORT, Role.FINANCE], say("staff_dispute", receipt=payment.receipt, **figures))
    other = payment.recorded_by
    turn.tell(other, say("cash_disputed_told", who=turn.me.first_name, **figures))
    return say("cash_disputed", **figures)


def _take_back(turn: Turn, circle: Circle, payment: Payment) -> bool:
    """Reverse a throw while its money is still there (rules.md 26). Money already drawn stays counted until staff decide."""
    posted = turn.book.posted.get(payment.receipt)
    if posted is None:
        return False
    back = ledger.reversal(posted, f"{posted.key}:back")
    accounts = {a for t in back.transfers for a in (t.debit, t.credit)}
    after = {a: turn.book.balance(a) + sum(ledger.effect(a, t) for t in back.transfers) for a in accounts}
    if any(balance < 0 for balance in after.values()):
        return False
    for transfer in posted.transfers[1:]:
        _owe_again(turn, payment, transfer)
    turn.book.post(turn.at, back)
    return True


def _owe_again(turn: Turn, payment: Payment, transfer: Transfer) -> None:
    """Take the part of one pot off the member's dues of that round, the last hand first."""
    number, amount = int(transfer.credit.name.rsplit(":", 1)[1]), transfer.amount
    for due in reversed(turn.book.dues_of(payment.circle, payment.person_id)):
        part = min(amount, due.paid) if due.round == number else 0
        if part:
            turn.book.put(replace(due, paid=due.paid - part))
            amount -= part


def decide(turn: Turn, payment: Payment, *, happened: bool) -> Refusal | None:
    """Staff decide a disputed cash entry: it happened and is counted, or it did not and is not."""
    circle = turn.book.circle(payment.circle)
    if payment.state is not PaymentState.DISPUTED:
        return refuse("no_cash_entry", ref=payment.receipt)
    counted = payment.receipt in turn.book.posted
    figures: dict[str, Figure] = {"amount": circle.money(payment.amount), "circle": circle.name}
    if happened and not counted:
        again = _payment(turn, circle, payment.person_id, payment.amount, CASH)
        turn.book.put(replace(payment, state=PaymentState.DENIED))
        settle(turn, circle, replace(again, confirmed=True, recorded_by=payment.recorded_by))
    elif happened:
        turn.book.put(replace(payment, state=PaymentState.SETTLED, confirmed=True))
    else:
        turn.book.put(replace(payment, state=PaymentState.DENIED))
    for person in {payment.person_id, circle.banker_id}:
        turn.tell(person, say("dispute_counts" if happened else "dispute_not", **figures))
    return None


def cash_silence(turn: Turn, command: c.CashSilence) -> None:
    """48 hours of silence: unconfirmed but counted (rules.md 24). Both are told; nothing else changes."""
    payment = turn.book.get(Payment, command.receipt)
    if payment is None or payment.confirmed or payment.state is not PaymentState.SETTLED:
        return
    circle = turn.book.circle(payment.circle)
    turn.tell(
        payment.person_id,
        say("cash_silence", amount=circle.money(payment.amount), circle=circle.name, ref=payment.receipt),
    )
