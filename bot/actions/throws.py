"""Throws: a rail is asked for the money and says when it has it; it may be for another's hand (rules.md 22-26)."""

import hashlib
from dataclasses import replace

from bot.actions import cash, settling
from bot.actions.names import match_name
from bot.actions.turn import Order, Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain.pardna import Circle
from domain.payments import CASH, SANDBOX, Payment, PaymentState


def begin_throw(turn: Turn, command: c.BeginThrow) -> Say | Refusal | None:
    """Start a throw by a rail, or a member's word that the banker has the cash. It may be for another (rules.md 25)."""
    circle = turn.book.circle(command.circle)
    person = _for_whom(turn, circle, command)
    if isinstance(person, Refusal):
        return person
    too_much = settling.too_much(turn, circle, person, command.amount, command.rail)
    if wrong := settling.not_taking(turn, circle, person) or too_much:
        return wrong
    payment = settling.new_payment(turn, circle, person, command.amount, command.rail)
    if command.rail == CASH:
        return cash.claim(turn, circle, payment)
    return _ask_rail(turn, circle, payment)


def _for_whom(turn: Turn, circle: Circle, command: c.BeginThrow) -> str | Refusal:
    if not command.for_who:
        return turn.person_id
    names = settling.names_in(turn, circle)
    found = match_name(command.for_who, names)
    if len(found) == 1:
        return found[0]
    amount = circle.money(command.amount).text()
    some = [names[i] for i in found] or list(names.values())
    answers = [Answer(f"PAY {amount} {command.rail} {circle.code} FOR {name}", name) for name in some[:5]]
    return refuse("who_of" if found else "who_none", *answers, who=command.for_who, circle=circle.name)


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


def link_ready(turn: Turn, command: c.LinkReady) -> None:
    """Tell the payer where to pay."""
    payment = turn.book.get(Payment, command.receipt)
    if payment and payment.state is PaymentState.PENDING:
        circle = turn.book.circle(payment.circle)
        amount = circle.money(payment.amount)
        turn.tell(payment.recorded_by, say("pay_link", link=command.link, amount=amount, circle=circle.name))


def collected(turn: Turn, command: c.Collected) -> None:
    """The rail has the money. A repeat changes nothing."""
    payment = turn.book.get(Payment, command.receipt)
    if payment is None or payment.state not in {PaymentState.PENDING, PaymentState.FAILED}:
        return
    settling.settle(
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
    turn.tell(payment.recorded_by, say("pay_failed", Answer(f"PAY {circle.code}", text("menu_pay")), **figures))
