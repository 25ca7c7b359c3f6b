"""What a circle owes its banker: the fee, out of the pot and after the drawer (rules.md 31, 36), and what came back.

It stands in the books until it is paid: set off against cash that the banker holds, the rest by rail, one payout after
the other. Whatever was in the way, it is tried again: at pay day, at PAY OUT, when the banker's account has rested, and
a day later where the carrier had too little.
"""

from dataclasses import replace
from datetime import timedelta

from bot.actions import drawers, paths
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, say
from domain import commands as c
from domain import ledger
from domain.codes import payout_ref
from domain.ledger import Transfer
from domain.pardna import Circle, CircleState, Draw, DrawState
from domain.payments import UNSENT, Payout, PayoutState
from domain.schedule import local_date

AGAIN = timedelta(days=1)


def earn(turn: Turn, circle: Circle, number: int) -> None:
    """Take what is open of a round's fee and is there, once its drawer is paid, and pay it: half of it for a half."""
    for draw in drawers.draws_of(turn, circle, number):
        if draw.state is DrawState.DONE:
            _earn(turn, circle, draw)


def _earn(turn: Turn, circle: Circle, draw: Draw) -> None:
    """Take a draw's fee out of what no drawer of its pot is still to have."""
    pot, owed = ledger.pot(circle.code, draw.round), ledger.fee(circle.code)
    amount = min(draw.fee - draw.fee_paid, drawers.spare(turn, circle, draw.round))
    if amount <= 0:
        return
    key = f"fee:{circle.code}:{draw.round}:{draw.hand}:{draw.fee_paid}"
    turn.post(key, "fee", circle, Transfer(pot, owed, amount))
    turn.book.put(replace(draw, fee_paid=draw.fee_paid + amount))
    kept = min(set_off(turn, circle), amount)
    told = say("fee_earned", amount=circle.money(amount, round=draw.round), kept=circle.money(kept), circle=circle.name)
    turn.tell(circle.banker_id, told)
    if isinstance(by_rail(turn, circle), Refusal):
        left = circle.money(turn.book.available(owed))
        turn.tell(circle.banker_id, say("fee_waits", amount=left, circle=circle.name))


def pay(turn: Turn, circle: Circle) -> Say | Refusal | None:
    """Pay what is owed and not on its way yet. None: that is nothing, or it has to wait for what is on its way."""
    if kept := set_off(turn, circle):
        turn.tell(circle.banker_id, say("fee_kept", amount=circle.money(kept), circle=circle.name))
    return by_rail(turn, circle)


def set_off(turn: Turn, circle: Circle) -> int:
    """Set what is owed off against cash in the banker's hands that is nobody's draw. Returns how much."""
    owed, cash = ledger.fee(circle.code), ledger.cash(circle.code)
    kept = min(turn.book.available(owed), max(paths.cash_free(turn, circle), 0))
    if kept:
        turn.post(f"fee-kept:{turn.tools.new_id()}", "fee", circle, Transfer(owed, cash, kept))
    return kept


def by_rail(turn: Turn, circle: Circle) -> Say | Refusal | None:
    """Have a rail pay what is owed, as much of it as it takes at once."""
    owed = turn.book.available(ledger.fee(circle.code))
    under_way = turn.book.all(Payout, circle=circle.code, kind="fee")
    if not owed or any(p.state in UNSENT for p in under_way):
        return None
    found = paths.way(turn, circle, circle.banker_id, owed)
    if isinstance(found, Refusal):
        if found.because.name == "rail_short":
            _wait(turn, circle, owed)
        return found
    last = max(turn.book.all(Draw, circle=circle.code), key=lambda draw: (draw.round, draw.hand))
    fee = Payout(
        id=turn.tools.new_id(),
        ref=payout_ref(turn.tools.randbelow),
        circle=circle.code,
        round=last.round,
        hand=last.hand,
        kind="fee",
        person_id=circle.banker_id,
        cash=0,
        rail_amount=found.most,
        carrier=found.route.carrier,
        via_banker=False,
        label=found.label,
        state=PayoutState.SENDING,
        started_by=circle.banker_id,
        approver_id=None,
        approved_by=None,
        asks=1,
        provider_ref=None,
        asked_at=turn.at,
    )
    turn.book.put(fee)
    turn.book.hold(turn.at, paths.hold(fee, circle))
    paths.send(turn, circle, fee)
    return say("fee_sending", amount=circle.money(fee.rail_amount, ref=fee.ref), circle=circle.name, label=fee.label)


def _wait(turn: Turn, circle: Circle, owed: int) -> None:
    """Have finance move money, and try again tomorrow."""
    today, banker = local_date(turn.at), circle.banker_id
    short = c.RailShort(circle.code, 0, owed)
    turn.plan(f"short:{circle.code}:fee:{today}", turn.at, f"circle:{circle.code}", short)
    turn.plan(f"fees:{banker}:{today}", turn.at + AGAIN, f"person:{banker}", c.PayFees(banker))


def pay_all(turn: Turn, command: c.PayFees) -> None:
    """Pay a banker what is owed to them, circle by circle. One that rests waits for PAY OUT."""
    for circle in turn.book.all(Circle, banker_id=command.person_id):
        if circle.state is not CircleState.SUSPENDED:
            pay(turn, circle)
