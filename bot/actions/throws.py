"""Throws: a rail is asked for the money and says when it has it; it may be for another's hand (rules.md 22-26).

What comes is what counts: less, more, twice, late or by another rail than was asked, it is the payer's all the same.
"""

import hashlib
from dataclasses import replace
from datetime import timedelta

from bot.actions import cash, covering, deposits, settling, watching
from bot.actions.names import match_name
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import exchange, ledger
from domain.codes import receipt_code
from domain.money import Currency, Money, Stem
from domain.pardna import Circle
from domain.payments import CASH, How, Payment, PaymentState, Route

OPEN = frozenset({PaymentState.PENDING, PaymentState.FAILED})
"""Money for these is the money that was asked for; for any other it is money more."""


def begin_throw(turn: Turn, command: c.BeginThrow) -> Say | Refusal | None:
    """Start a throw by a rail, or a member's word that the banker has the cash. It may be for another (rules.md 25)."""
    circle = turn.book.circle(command.circle)
    person = _for_whom(turn, circle, command)
    if isinstance(person, Refusal):
        return person
    too_much = settling.too_much(turn, circle, person, command.amount, command.rail)
    if wrong := settling.not_taking(turn, circle, person) or too_much:
        return wrong
    if command.rail == CASH:
        return cash.claim(turn, circle, settling.new_payment(turn, circle, person, command.amount))
    route = turn.tools.routes.get(command.rail)
    if route is None:
        return refuse("rail_off", rail=command.rail)
    payment = _priced(turn, circle, settling.new_payment(turn, circle, person, command.amount, route), route)
    return payment if isinstance(payment, Refusal) else _ask(turn, circle, payment, route)


def cover_pot(turn: Turn, command: c.CoverPot) -> Say | Refusal | None:
    """Take money of the banker's for a short pot: cash counts at once, a rail is asked for it (rules.md 36)."""
    circle = turn.book.circle(command.circle)
    short = sum(covering.short_rounds(turn, circle).values())
    if not short:
        return refuse("cover_nothing", circle=circle.name)
    if command.amount > short:
        return refuse("cover_more", circle=circle.name, left=circle.money(short))
    if command.rail == CASH:
        if wrong := watching.too_much_cash(turn, circle, command.amount):
            return wrong
        own = settling.new_payment(turn, circle, turn.person_id, command.amount)
        settling.settle(turn, circle, replace(own, covers=True, confirmed=True))
        return None
    route = turn.tools.routes.get(command.rail)
    if route is None:
        return refuse("rail_off", rail=command.rail)
    asked = settling.new_payment(turn, circle, turn.person_id, command.amount, route)
    priced = _priced(turn, circle, replace(asked, covers=True), route)
    return priced if isinstance(priced, Refusal) else _ask(turn, circle, priced, route)


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


def _priced(turn: Turn, circle: Circle, payment: Payment, route: Route) -> Payment | Refusal:
    """Say what a payment costs on its rail: in another currency at the rate in force, for a while (a quote)."""
    if circle.currency in route.currencies:
        return payment
    rate, pay = turn.rate, next(iter(route.currencies))
    if not rate:
        return refuse("no_rate", rail=route.word)
    price = exchange.asked(payment.amount, circle.currency, pay, rate)
    until = turn.at + turn.tools.rules.quote_lasts
    return replace(payment, pay_amount=price, pay_currency=pay, rate=rate, good_until=until)


def _ask(turn: Turn, circle: Circle, payment: Payment, route: Route) -> Say | None:
    """Ask for the money: at once, on a page, or by a transfer that the payer makes."""
    token = turn.tools.new_id() + turn.tools.new_id()
    payment = replace(payment, token_hash=hashlib.sha256(token.encode()).digest())
    turn.book.put(payment)
    link = f"{turn.tools.site}/pay/{token}"
    if route.how is How.TRANSFER:
        return _instruction(circle, payment, route, link)
    body: dict[str, object] = {
        "amount": payment.pay_amount,
        "currency": payment.pay_currency.value,
        "mode": "at_once" if route.how is How.AT_ONCE else "page",
        "link": link,
        "circle_name": circle.name,
        "began": turn.at.isoformat(),
        "expires_at": payment.good_until.isoformat() if payment.good_until else "",
    }
    turn.order("collect", route.carrier, f"collect:{payment.receipt}", body, {"receipt": payment.receipt})
    if route.how is How.AT_ONCE:
        return None
    if payment.pay_currency is circle.currency:
        return say("pay_link_coming", amount=circle.money(payment.amount, ref=payment.receipt))
    minutes = turn.tools.rules.quote_lasts // timedelta(minutes=1)
    amount, rate = circle.money(payment.amount, ref=payment.receipt), _rate(payment.rate)
    return say("pay_quote", amount=amount, price=_price(payment), rate=rate, minutes=minutes)


def _instruction(circle: Circle, payment: Payment, route: Route, link: str) -> Say:
    figures: dict[str, Figure] = {
        "amount": _price(payment),
        "circle": circle.name,
        "account": ", ".join(route.account),
        "ref": payment.receipt,
        "link": link,
    }
    if route.carrier == "lynk":
        return say("pay_transfer_lynk", **figures)
    return say("pay_transfer", **figures)


def _price(payment: Payment) -> Money:
    return Money(payment.pay_amount, payment.pay_currency, Stem(payment.circle, ref=payment.receipt))


def _rate(rate: int) -> str:
    return f"J${exchange.show_rate(rate)}"


def sent_by_bank(turn: Turn, command: c.SentByBank) -> Say | Refusal:
    """Keep the payer's own reference of a transfer: it finds the money when ours was left out."""
    payment = turn.book.get(Payment, command.receipt)
    if payment is None or turn.person_id not in {payment.recorded_by, payment.person_id} or payment.is_cash:
        return refuse("no_payment", ref=command.receipt)
    if payment.state is not PaymentState.PENDING:
        return refuse("payment_done", ref=command.receipt)
    turn.book.put(replace(payment, told=command.told))
    return say("sent_noted", ref=payment.receipt, told=command.told, amount=_price(payment))


# -- what the rail says -------------------------------------------------------------------------------------------


def link_ready(turn: Turn, command: c.LinkReady) -> None:
    """Tell the payer where to pay."""
    payment = turn.book.get(Payment, command.receipt)
    if payment and payment.state is PaymentState.PENDING:
        turn.acted.add(payment.recorded_by)
        circle = turn.book.circle(payment.circle)
        turn.tell(payment.recorded_by, say("pay_link", link=command.link, amount=_price(payment), circle=circle.name))


def collected(turn: Turn, command: c.Collected) -> None:
    """A rail has money. A repeat changes nothing; money that names nothing of ours waits for somebody to look."""
    payment = named(turn, command.receipt, command.carrier, command.provider_ref)
    if payment is None:
        if command.amount and command.carrier:
            currency = Currency(command.currency)
            deposits.park(turn, deposits.Deposit(command.carrier, command.ref, command.amount, currency))
            deposits.ask_fees(turn, command.carrier, command.ref)
        return
    currency = Currency(command.currency) if command.currency else payment.pay_currency
    money = Money(command.amount or payment.pay_amount, currency)
    carrier = command.carrier or payment.carrier
    if take(turn, replace(payment, carrier=carrier), money, command.ref):
        deposits.ask_fees(turn, carrier, command.ref, payment.receipt)


def named(turn: Turn, receipt: str, carrier: str, provider_ref: str) -> Payment | None:
    """Return the payment that a carrier means: by our receipt, or else by its own reference."""
    if receipt:
        return turn.book.get(Payment, receipt)
    return turn.book.counted(carrier, provider_ref)


def take(turn: Turn, payment: Payment, money: Money, ref: str, source: ledger.Account | None = None) -> bool:
    """Count money that came for a payment, in whatever amount. Returns whether it was counted now.

    `ref` is the carrier's own name of it and tells a repeat from a second payment. In a currency that was not asked
    for it is put aside, and the payer is told. With a `source` staff said that what stands aside is this payment's.
    """
    circle, kept = turn.book.circle(payment.circle), turn.book.must(Payment, payment.receipt)
    turn.acted.add(kept.recorded_by)
    if is_known(turn, payment.carrier, ref, aside=source is None) or (kept.state not in OPEN and not ref):
        return False
    if money.currency is not kept.pay_currency and source is None:
        deposits.wrong_currency(turn, payment, money, ref)
        return False
    twice = kept.state not in OPEN
    came = replace(kept, carrier=payment.carrier, confirmed=True, provider_ref=ref)
    if twice:
        came = replace(
            came, receipt=receipt_code(turn.tools.randbelow), token_hash=None, began_at=turn.at, given_back=0
        )
    came = _worth(turn, circle, kept, came, money)
    if came.amount <= 0:
        deposits.wrong_currency(turn, payment, money, ref)
        return False
    _say_other(turn, circle, kept, came, twice=twice)
    settling.settle(turn, circle, came, source)
    return True


def is_known(turn: Turn, carrier: str, ref: str, *, aside: bool = True) -> bool:
    """Whether money was counted before, or stands `aside` already: then telling of it again changes nothing."""
    counted = turn.book.counted(carrier, ref) is not None
    return counted or (aside and turn.book.aside(f"{carrier}:{ref}") is not None)


def _worth(turn: Turn, circle: Circle, asked: Payment, came: Payment, money: Money) -> Payment:
    """Return a payment with what really came: at the quote while it is good, after it at the rate of now."""
    exact = money.minor == asked.pay_amount and money.currency is asked.pay_currency
    late = asked.good_until is not None and turn.at > asked.good_until
    if exact and not late:
        return came
    rate = turn.rate if (late and turn.rate) or not asked.rate else asked.rate
    amount = exchange.worth(money.minor, money.currency, circle.currency, rate)
    return replace(came, amount=amount, pay_amount=money.minor, pay_currency=money.currency, rate=rate)


def _say_other(turn: Turn, circle: Circle, asked: Payment, came: Payment, *, twice: bool) -> None:
    """Say so when what came is not what was asked for."""
    amount = circle.money(came.amount, ref=came.receipt)
    figures: dict[str, Figure] = {"circle": circle.name, "ref": asked.receipt, "amount": amount}
    if twice:
        turn.tell(came.recorded_by, say("paid_again", **figures))
    elif came.amount != asked.amount:
        turn.tell(came.recorded_by, say("paid_other", asked=circle.money(asked.amount), **figures))


def collect_pending(turn: Turn, command: c.CollectPending) -> None:
    """Tell the payer that the money is on its way."""
    payment = turn.book.get(Payment, command.receipt)
    if payment and payment.state is PaymentState.PENDING:
        turn.acted.add(payment.recorded_by)
        circle = turn.book.circle(payment.circle)
        turn.tell(payment.recorded_by, say("pay_under_way", amount=_price(payment), circle=circle.name))


def card_back(turn: Turn, command: c.CardBack) -> None:
    """The payer allowed a card payment: have it taken now, once.

    Anybody may say so of any receipt, so it counts only for what waits at the gateway that is said to say it.
    """
    payment = turn.book.get(Payment, command.receipt)
    if payment is None or payment.state is not PaymentState.PENDING or payment.carrier != command.carrier:
        return
    token = hashlib.sha256(command.spi_token.encode()).hexdigest()[:24]
    body: dict[str, object] = {
        "spi_token": command.spi_token,
        "amount": payment.pay_amount,
        "currency": payment.pay_currency.value,
    }
    key = f"capture:{payment.receipt}:{token}"
    turn.order("capture", payment.carrier, key, body, {"receipt": payment.receipt})


def collect_failed(turn: Turn, command: c.CollectFailed) -> None:
    """The rail did not get the money: the payer is told, and may try again."""
    if ended := _ended(turn, command.receipt):
        payment, circle = ended
        again, amount = _pay_again(circle), circle.money(payment.amount, ref=payment.receipt)
        turn.tell(payment.recorded_by, say("pay_failed", again, amount=amount, circle=circle.name))


def link_expired(turn: Turn, command: c.LinkExpired) -> None:
    """Nobody paid while the link was good: money that comes all the same still counts."""
    if ended := _ended(turn, command.receipt):
        payment, circle = ended
        again, amount = _pay_again(circle), circle.money(payment.amount, ref=payment.receipt)
        turn.tell(payment.recorded_by, say("pay_expired", again, amount=amount, circle=circle.name))


def _pay_again(circle: Circle) -> Answer:
    return Answer(f"PAY {circle.code}", text("menu_pay"))


def _ended(turn: Turn, receipt: str) -> tuple[Payment, Circle] | None:
    """Close a payment that waits; None when it does not."""
    payment = turn.book.get(Payment, receipt)
    if payment is None or payment.state is not PaymentState.PENDING:
        return None
    turn.acted.add(payment.recorded_by)
    turn.book.put(replace(payment, state=PaymentState.FAILED))
    return payment, turn.book.circle(payment.circle)
