"""The banker's fee: paid after the drawer, out of the pot, as far as there is money for it (rules.md 31, 36)."""

from dataclasses import replace

from bot.actions import paths
from bot.actions.turn import Turn
from bot.words.say import Refusal, say
from domain import ledger
from domain.codes import payout_ref
from domain.ledger import Transaction, Transfer
from domain.pardna import Circle, Draw, DrawState
from domain.payments import UNSENT, Payout, PayoutState


def pay(turn: Turn, circle: Circle, number: int) -> None:
    """Pay what is open of a round's fee and is there: set off against cash held, the rest by rail.

    While a part is on its way the next one waits in the pot, until the rail has taken the first.
    """
    draw = turn.book.must(Draw, circle.code, number)
    pot, earned = ledger.pot(circle.code, number), ledger.fee(circle.code)
    amount = min(draw.fee - draw.fee_paid, turn.book.balance(pot))
    under_way = turn.book.all(Payout, circle=circle.code, round=number, kind="fee")
    if draw.state is not DrawState.DONE or not amount or any(p.state in UNSENT for p in under_way):
        return
    kept = min(amount, max(paths.cash_free(turn, circle), 0))
    transfers = [Transfer(pot, earned, amount)]
    if kept:
        transfers.append(Transfer(earned, ledger.cash(circle.code), kept))
    key = f"fee:{circle.code}:{number}:{draw.fee_paid}"
    turn.book.post(turn.at, Transaction(key, "fee", circle.currency, tuple(transfers), circle.code))
    turn.book.put(replace(draw, fee_paid=draw.fee_paid + amount))
    told = say("fee_earned", amount=circle.money(amount), kept=circle.money(kept), circle=circle.name)
    turn.tell(circle.banker_id, told)
    if amount > kept:
        _send(turn, circle, number, amount - kept)


def _send(turn: Turn, circle: Circle, number: int, amount: int) -> None:
    """Have the rail pay the rest. Without an account of the banker's it stays in the books as owed to them."""
    found = paths.way(turn, circle, circle.banker_id, amount)
    if isinstance(found, Refusal):
        return
    fee = Payout(
        id=turn.tools.new_id(),
        ref=payout_ref(turn.tools.randbelow),
        circle=circle.code,
        round=number,
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
