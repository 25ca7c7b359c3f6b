"""What carriers tell of a payout: it was paid, it will not be, it came back (rules.md 37).

Each try to pay is a payout of its own, so all that is told names its try. What is told twice or late is about one that
has ended, and moves nothing. At most one payout for the same money is out: another is made only when the last one was
refused or came back, and should a carrier pay after all what it had refused, that one is taken for the payout, or put
aside for staff where its money is out twice.
"""

from dataclasses import replace

import structlog

from bot.actions import deposits, drawers, fees, paths, pots, receiving
from bot.actions.deposits import Deposit
from bot.actions.turn import Turn
from bot.words.say import Figure, say
from domain import commands as c
from domain import ledger
from domain.codes import payout_ref
from domain.ledger import Transaction, Transfer
from domain.pardna import Circle, Draw, DrawState
from domain.payments import AT_RAIL, CASH_CARRIER, DRAWN, UNSENT, Payout, PayoutState
from domain.people import Role, Ticket, TicketKind

PAID = DRAWN | {PayoutState.SENT, PayoutState.DISPUTED}
"""What its carrier has paid, and may bring back."""

log = structlog.get_logger(__name__)


# -- paid -----------------------------------------------------------------------------------------------------


def _told(turn: Turn, command: c.Disbursed | c.DisburseFailed | c.DisburseReturned) -> Payout | None:
    """Return the payout that a carrier tells of: one that it was asked to pay, and no other's."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or command.carrier in {"", payout.carrier}:
        turn.acted |= {turn.book.circle(payout.circle).banker_id} if payout else set()
        return payout
    log.error("a carrier tells of another's payout", carrier=command.carrier)
    return None


def disbursed(turn: Turn, command: c.Disbursed) -> None:
    """The carrier paid. A repeat changes nothing."""
    payout = _told(turn, command)
    if payout is None:
        return
    circle = turn.book.circle(payout.circle)
    match payout.state:
        case state if state in AT_RAIL:
            turn.book.post(turn.at, replace(_sent(circle, payout), resolves=paths.hold(payout, circle).key))
            _is_out(turn, circle, _noted(turn, circle, payout, command))
        case PayoutState.DROPPED:
            _paid_after_all(turn, circle, _noted(turn, circle, payout, command))
        case PayoutState.RETURNED if payout.provider_ref is None:
            turn.book.put(_noted(turn, circle, payout, command))  # heard after its return: it came and went
        case _:
            _late(payout, "disbursed")


def _late(payout: Payout, what: str) -> None:
    """Note a word that changes nothing."""
    log.info("late or repeated word on a payout", kind=what, carrier=payout.carrier, reason=payout.state.value)


def _noted(turn: Turn, circle: Circle, payout: Payout, command: c.Disbursed) -> Payout:
    """Return a payout with what its carrier calls it, and book what the carrier kept for it beside."""
    deposits.keep(turn, f"charge:{payout.key}", payout.carrier, command.charge, circle.currency)
    return replace(payout, provider_ref=command.provider_id, charge=payout.charge + command.charge)


def _sent(circle: Circle, payout: Payout) -> Transaction:
    """Return what a payout by a rail comes to in the books."""
    out, rail = paths.source(circle, payout), ledger.rail(payout.carrier, circle.currency)
    moved = (Transfer(out, rail, payout.rail_amount),)
    return Transaction(payout.key.replace("payout:", "sent:", 1), "sent", circle.currency, moved, circle.code)


def _is_out(turn: Turn, circle: Circle, payout: Payout) -> None:
    """The money has left: ask the drawer whether it came. A fee is done with it."""
    paths.close_tickets(turn, payout, "sent")
    if payout.kind == "draw":
        receiving.sent(turn, circle, payout)
        return
    turn.book.put(replace(payout, state=PayoutState.RECEIVED, sent_at=turn.at, ended_at=turn.at))
    amount = circle.money(payout.rail_amount, ref=payout.ref)
    turn.tell(circle.banker_id, say("fee_sent", amount=amount, circle=circle.name, label=payout.label))
    fees.pay(turn, circle)


# -- refused --------------------------------------------------------------------------------------------------


def disburse_failed(turn: Turn, command: c.DisburseFailed) -> None:
    """The carrier will not pay: the money stays ring-fenced, and PAY OUT tries the same payout again."""
    payout = _told(turn, command)
    if payout is None:
        return
    if payout.state is not PayoutState.SENDING:
        _late(payout, "failed")
        return
    circle = turn.book.circle(payout.circle)
    payout = replace(payout, state=PayoutState.FAILED)
    turn.book.put(payout)
    if not _stray_instead(turn, circle, payout):
        _say_not_sent(turn, circle, payout, came_back=False)


def _say_not_sent(turn: Turn, circle: Circle, payout: Payout, *, came_back: bool) -> None:
    """Have staff see that the money has not left, or has come back, and tell the banker and the drawer."""
    ticket = paths.ticket(turn, payout, TicketKind.PAYOUT, payout.person_id)
    figures = _figures(circle, payout) | {"ref": ticket.ref, "receipt": payout.ref}
    turn.tell_staff([Role.FINANCE], say("staff_not_sent", **figures))
    _tell_people(turn, circle, payout, came_back=came_back)


def _tell_people(turn: Turn, circle: Circle, payout: Payout, *, came_back: bool) -> None:
    figures = _figures(circle, payout)
    again = pots.pay_out_answer(circle)
    if came_back:
        turn.tell(circle.banker_id, say("payout_returned_banker", again, code=circle.code, **figures))
    else:
        turn.tell(circle.banker_id, say("payout_failed_banker", again, code=circle.code, **figures))
    if payout.kind == "draw" and payout.person_id != circle.banker_id:
        turn.tell(payout.person_id, say("payout_returned" if came_back else "payout_failed", **figures))


def _figures(circle: Circle, payout: Payout) -> dict[str, Figure]:
    return {
        "amount": circle.money(payout.rail_amount),
        "circle": circle.name,
        "label": payout.label,
        "ref": payout.ref,
    }


# -- came back ------------------------------------------------------------------------------------------------


def disburse_returned(turn: Turn, command: c.DisburseReturned) -> bool:
    """What the carrier had paid came back: the books take it back, and PAY OUT pays it anew by another payout.

    Where nobody has said yet that it left, the books never saw it leave, and what was held for it is held for the next.
    Returns whether it was ours to take back.
    """
    payout = _told(turn, command)
    if payout is None or not payout.rail_amount:
        return False
    circle = turn.book.circle(payout.circle)
    match payout.state:
        case state if state in AT_RAIL:
            turn.book.void(turn.at, paths.hold(payout, circle))
            _end(turn, payout)
            _pay_anew(turn, circle, payout)
        case state if state in PAID:
            _end(turn, payout)
            _take_back(turn, circle, payout)
        case PayoutState.STRAY:
            _end(turn, payout)
            deposits.park(turn, Deposit(payout.carrier, f"{payout.key}:back", payout.rail_amount, circle.currency))
        case _:
            _late(payout, "returned")
            return False
    return True


def _end(turn: Turn, payout: Payout) -> None:
    turn.book.put(replace(payout, state=PayoutState.RETURNED, ended_at=turn.at))


def _take_back(turn: Turn, circle: Circle, payout: Payout) -> None:
    """Take back what the carrier paid, and that alone: what the banker handed over stays with its person.

    By way of the banker it was the banker's money that the drawer got then, and the circle owes it to them.
    """
    original = _sent(circle, payout)
    if payout.via_banker and payout.state in DRAWN:
        rail, owed = ledger.rail(payout.carrier, circle.currency), ledger.fee(circle.code)
        turn.post(f"{original.key}:back", "returned", circle, Transfer(rail, owed, payout.rail_amount))
        _say_owed(turn, circle, payout)
        return
    turn.book.post(turn.at, ledger.reversal(original, f"{original.key}:back"))
    if payout.kind == "draw" and payout.state in DRAWN:
        draw = turn.book.must(Draw, circle.code, payout.round, payout.hand)
        turn.book.put(replace(draw, paid=draw.paid - payout.rail_amount))
    elif payout.cash:
        _cash_alone(turn, payout)
        payout = replace(payout, ref=payout_ref(turn.tools.randbelow))
    _pay_anew(turn, circle, replace(payout, cash=0))


def _cash_alone(turn: Turn, payout: Payout) -> None:
    """Let the part that the banker hands over go on by itself, under the reference that its drawer knows."""
    cash = replace(paths.next_try(turn, payout), carrier=CASH_CARRIER, rail_amount=0, via_banker=False)
    turn.book.put(replace(cash, sent_at=payout.sent_at, tries=payout.tries))
    receiving.wait(turn, cash)


def _pay_anew(turn: Turn, circle: Circle, payout: Payout) -> None:
    """Have PAY OUT pay once more what came back, with the yes that it had.

    While another payout of the draw is under way it goes back into the pot, for the next one. What a fee was paid
    from stands as owed to the banker.
    """
    number = payout.round
    if payout.kind == "draw":
        draw = turn.book.must(Draw, circle.code, number, payout.hand)
        turn.book.put(replace(draw, state=DrawState.PAYING))
        drawers.come_to(turn, circle, number)
    if _stray_instead(turn, circle, replace(payout, state=PayoutState.RETURNED)):
        return
    if payout.kind == "fee":
        _say_owed(turn, circle, payout)
        return
    of_draw = turn.book.all(Payout, circle=circle.code, round=number, hand=payout.hand, kind="draw")
    if any(p.state in UNSENT for p in of_draw):
        pot, payable = ledger.pot(circle.code, number), ledger.payable(circle.code, number)
        turn.post(f"{payout.key}:anew", "payout", circle, Transfer(payable, pot, payout.amount))
        turn.tell_staff([Role.FINANCE], say("staff_returned", **_figures(circle, payout)))
        _tell_people(turn, circle, payout, came_back=True)
        return
    anew = replace(paths.next_try(turn, payout), state=PayoutState.FAILED)
    turn.book.put(anew)
    turn.book.hold(turn.at, paths.hold(anew, circle))
    _say_not_sent(turn, circle, anew, came_back=True)


def _say_owed(turn: Turn, circle: Circle, payout: Payout) -> None:
    """Tell of the banker's own money that came back: it stands with the circle, which owes it to them."""
    figures = _figures(circle, payout)
    again = pots.pay_out_answer(circle)
    turn.tell(circle.banker_id, say("owed_returned", again, code=circle.code, **figures))
    turn.tell_staff([Role.FINANCE], say("staff_returned", **figures))


# -- paid although it was refused -----------------------------------------------------------------------------


def _paid_after_all(turn: Turn, circle: Circle, payout: Payout) -> None:
    """Put aside what left for a payout that was refused and has another in its place, and see which one counts."""
    turn.book.put(replace(payout, state=PayoutState.STRAY))
    ticket = deposits.park(turn, _aside(circle, payout), circle=circle.code)
    in_its_place = turn.book.all(Payout, circle=circle.code, kind=payout.kind)
    unsent = [p for p in in_its_place if p.state in {PayoutState.ASKED, PayoutState.FAILED}]
    if not any(_stray_instead(turn, circle, p) for p in unsent):
        figures = _figures(circle, payout) | {"ref": ticket.ref, "receipt": payout.ref}
        turn.tell_staff([Role.FINANCE], say("staff_paid_twice", **figures))


def _aside(circle: Circle, stray: Payout) -> Deposit:
    """Return as what the money of a stray stands aside."""
    return Deposit(stray.carrier, stray.key, -stray.rail_amount, circle.currency)


def _stray_instead(turn: Turn, circle: Circle, unpaid: Payout) -> bool:
    """Take a stray that staff have not settled yet for a payout that is not out: the same money leaves once."""
    strays = turn.book.all(Payout, circle=circle.code, kind=unpaid.kind, state=PayoutState.STRAY)
    same = [p for p in strays if p.rail_amount == unpaid.rail_amount and (p.kind == "fee" or _of_one(p, unpaid))]
    open_ = {t.subject: t for t in turn.book.all(Ticket, kind=TicketKind.MATCH, closed_at=None)}
    stray = next((p for p in same if _aside(circle, p).name in open_), None)
    if stray is None or not _funded(turn, circle, unpaid):
        return False
    ticket = open_[_aside(circle, stray).name]
    _call_off(turn, circle, unpaid)
    turn.book.put(replace(ticket, closed_at=turn.at, outcome=stray.ref))
    turn.book.lines[stray.key] = ("MATCHED", stray.ref)
    aside = ledger.suspense(stray.carrier, circle.currency)
    moved = Transfer(paths.source(circle, stray), aside, stray.rail_amount)
    turn.post(f"{_sent(circle, stray).key}:counts", "sent", circle, moved)
    _is_out(turn, circle, replace(stray, cash=unpaid.cash))
    return True


def _of_one(stray: Payout, unpaid: Payout) -> bool:
    return (stray.round, stray.hand) == (unpaid.round, unpaid.hand)


def _funded(turn: Turn, circle: Circle, unpaid: Payout) -> bool:
    """Whether the money of a payout is still there: what was only asked for may have been taken back."""
    there = drawers.shares(turn, circle, unpaid.round)
    return unpaid.state is not PayoutState.ASKED or there[unpaid.hand] >= unpaid.amount


def _call_off(turn: Turn, circle: Circle, unpaid: Payout) -> None:
    """Let a payout that is not out go, with its money where the carrier's would come from."""
    match unpaid.state:
        case PayoutState.ASKED:
            pot, payable = ledger.pot(circle.code, unpaid.round), ledger.payable(circle.code, unpaid.round)
            turn.post(unpaid.key, "payout", circle, Transfer(pot, payable, unpaid.amount))
        case PayoutState.FAILED:
            turn.book.void(turn.at, paths.hold(unpaid, circle))
        case _:
            return
    turn.book.put(replace(unpaid, state=PayoutState.DROPPED, ended_at=turn.at))
    paths.close_tickets(turn, unpaid, "called off")
