"""A payout on its way and at its end: what the rail said, what the drawer says, what staff decide (rules.md 37, 39)."""

from dataclasses import replace
from datetime import timedelta

from bot.actions import ending, fees, paths, pots
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.ledger import Transaction, Transfer
from domain.pardna import Circle, Draw, DrawState, Round, RoundState
from domain.payments import Payout, PayoutState
from domain.people import Role, TicketKind
from storage.duties import Duty

SILENCE = timedelta(hours=72)
CLOSED = frozenset({PayoutState.RECEIVED, PayoutState.PRESUMED, PayoutState.DROPPED})


# -- what the rail said ---------------------------------------------------------------------------------------


def disbursed(turn: Turn, command: c.Disbursed) -> None:
    """The rail paid. A repeat changes nothing."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or payout.state not in {PayoutState.SENDING, PayoutState.FAILED}:
        return
    circle = turn.book.circle(payout.circle)
    moved = (Transfer(_source(circle, payout), ledger.rail(payout.rail, circle.currency), payout.rail_amount),)
    turn.book.post(turn.at, Transaction(f"sent:{payout.id}", "sent", circle.currency, moved, circle.code))
    payout = replace(payout, provider_ref=command.provider_id)
    paths.close_tickets(turn, payout, "sent")
    if payout.kind == "draw":
        sent(turn, circle, payout)
        return
    turn.book.put(replace(payout, state=PayoutState.RECEIVED, sent_at=turn.at, ended_at=turn.at))
    amount = circle.money(payout.rail_amount)
    turn.tell(circle.banker_id, say("fee_sent", amount=amount, circle=circle.name, label=payout.label))
    fees.pay(turn, circle, payout.round)


def _source(circle: Circle, payout: Payout) -> ledger.Account:
    """Return what the rail's money comes out of. By way of the banker it becomes cash in their hands."""
    if payout.kind == "fee":
        return ledger.fee(circle.code)
    return ledger.cash(circle.code) if payout.via_banker else ledger.payable(circle.code, payout.round)


def sent(turn: Turn, circle: Circle, payout: Payout) -> None:
    """The money is out, or the banker is to hand it over: ask the drawer whether it came."""
    payout = replace(payout, state=PayoutState.SENT, sent_at=turn.at)
    turn.book.put(payout)
    key, body = f"receipt-silence:{payout.id}", {"payout_id": payout.id}
    turn.book.plan(Duty(key, turn.at + SILENCE, f"circle:{circle.code}", "receipt_silence", body))
    drawer, banker = turn.book.person(payout.person_id), turn.book.person(circle.banker_id)
    figures: dict[str, Figure] = {
        "amount": circle.money(payout.amount),
        "circle": circle.name,
        "ref": payout.ref,
        "banker": banker.first_name,
        "who": drawer.first_name,
        "hand": circle.money(payout.by_hand),
        "rail": circle.money(payout.rail_amount),
        "label": payout.label,
    }
    turn.tell(drawer.id, say(_paid_out_text(payout), *_came_answers(payout), **figures))
    if drawer.id != banker.id:
        turn.tell(banker.id, say("hand_over" if payout.by_hand else "paid_out_banker", **figures))


def _paid_out_text(payout: Payout) -> str:
    if not payout.by_hand:
        return "paid_out_rail"
    return "paid_out_cash" if payout.by_hand == payout.amount else "paid_out_both"


def _came_answers(payout: Payout) -> tuple[Answer, Answer]:
    return (
        Answer(f"RECEIVED {payout.ref}", text("it_came")),
        Answer(f"NOT RECEIVED {payout.ref}", text("not_yet")),
    )


def disburse_failed(turn: Turn, command: c.DisburseFailed) -> None:
    """The rail will not pay: the money stays ring-fenced, and PAY OUT tries the same payout again (rules.md 37)."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or payout.state is not PayoutState.SENDING:
        return
    circle = turn.book.circle(payout.circle)
    turn.book.put(replace(payout, state=PayoutState.FAILED))
    ticket = paths.ticket(turn, payout, TicketKind.PAYOUT, payout.person_id)
    figures: dict[str, Figure] = {
        "amount": circle.money(payout.rail_amount),
        "circle": circle.name,
        "label": payout.label,
    }
    turn.tell_staff([Role.FINANCE], say("staff_not_sent", ref=ticket.ref, receipt=payout.ref, **figures))
    again = say("payout_failed_banker", pots.pay_out_answer(circle), code=circle.code, ref=payout.ref, **figures)
    turn.tell(circle.banker_id, again)
    if payout.kind == "draw" and payout.person_id != circle.banker_id:
        turn.tell(payout.person_id, say("payout_failed", ref=payout.ref, **figures))


# -- the drawer's word ----------------------------------------------------------------------------------------


def _mine(turn: Turn, ref: str) -> Payout | Refusal:
    payout = paths.find(turn, ref)
    if payout is None or payout.person_id != turn.person_id or payout.kind != "draw":
        return refuse("no_draw_ref", ref=ref)
    return payout if paths.is_sent(payout) else refuse("not_sent_yet", ref=ref)


def received(turn: Turn, command: c.Received) -> Say | Refusal:
    """The drawer has the money: the draw is paid (rules.md 39)."""
    payout = _mine(turn, command.payout_ref)
    if isinstance(payout, Refusal):
        return payout
    circle = turn.book.circle(payout.circle)
    amount = circle.money(payout.amount)
    if payout.state in CLOSED:
        return say("received_already", amount=amount)
    done = finish(turn, circle, payout, PayoutState.RECEIVED)
    if turn.person_id != circle.banker_id:
        who = turn.me.first_name
        turn.tell(circle.banker_id, say("received_told", who=who, amount=amount, circle=circle.name))
    what = say("received", amount=amount, circle=circle.name)
    if not done.owed:
        return what
    return replace(what, texts=(*what.texts, text("received_short", owed=circle.money(done.owed))))


def not_received(turn: Turn, command: c.NotReceived) -> Say | Refusal:
    """The drawer says it did not come: a dispute for staff (rules.md 39)."""
    payout = _mine(turn, command.payout_ref)
    if isinstance(payout, Refusal):
        return payout
    circle = turn.book.circle(payout.circle)
    if payout.state is PayoutState.DISPUTED:
        return refuse("dispute_already", ref=payout.ref)
    if payout.state in CLOSED:
        return refuse("received_closed", ref=payout.ref)
    turn.book.put(replace(payout, state=PayoutState.DISPUTED))
    ticket = paths.ticket(turn, payout, TicketKind.DISPUTE, turn.person_id)
    figures: dict[str, Figure] = {
        "amount": circle.money(payout.amount),
        "circle": circle.name,
        "ref": ticket.ref,
    }
    turn.tell_staff([Role.FINANCE], say("staff_dispute", receipt=payout.ref, **figures))
    if turn.person_id != circle.banker_id:
        turn.tell(circle.banker_id, say("not_received_told", who=turn.me.first_name, **figures))
    return say("not_received", **figures)


def receipt_silence(turn: Turn, command: c.ReceiptSilence) -> None:
    """72 hours of silence: presumed where the rail reports success; cash goes to staff (rules.md 39).

    What staff look at already is theirs to decide: after a NOT RECEIVED nothing is presumed.
    """
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or payout.state is not PayoutState.SENT or paths.tickets(turn, payout):
        return
    circle = turn.book.circle(payout.circle)
    figures: dict[str, Figure] = {"amount": circle.money(payout.amount), "circle": circle.name}
    if payout.by_hand:
        ticket = paths.ticket(turn, payout, TicketKind.PAYOUT, payout.person_id)
        who = turn.book.person(payout.person_id).first_name
        asked = say("staff_no_word", who=who, ref=ticket.ref, receipt=payout.ref, **figures)
        turn.tell_staff([Role.FINANCE], asked)
        return
    finish(turn, circle, payout, PayoutState.PRESUMED)
    turn.tell(payout.person_id, say("presumed", label=payout.label, ref=payout.ref, **figures))


def finish(turn: Turn, circle: Circle, payout: Payout, state: PayoutState) -> Draw:
    """The drawer has it: post the cash handed over, close the payout, and see what the draw and the circle come to."""
    turn.book.put(replace(payout, state=state, ended_at=turn.at))
    paths.close_tickets(turn, payout, state.value.lower())
    payable, cash = ledger.payable(circle.code, payout.round), ledger.cash(circle.code)
    if payout.by_hand:
        moved = (Transfer(payable, cash, payout.by_hand),)
        turn.book.post(turn.at, Transaction(f"handed:{payout.id}", "handed", circle.currency, moved, circle.code))
    draw = turn.book.must(Draw, circle.code, payout.round)
    draw = replace(draw, paid=draw.paid + payout.amount)
    draw = replace(draw, state=DrawState.SHORT if draw.owed else DrawState.DONE)
    round_ = turn.book.must(Round, circle.code, payout.round)
    turn.book.put(draw, replace(round_, state=RoundState.PAID_SHORT if draw.owed else RoundState.PAID))
    if not draw.owed:
        _say_done(turn, circle, draw)
    pots.say_top_up(turn, circle, payout.round)
    fees.pay(turn, circle, payout.round)
    ending.end_if_over(turn, circle)
    return draw


def _say_done(turn: Turn, circle: Circle, draw: Draw) -> None:
    """Tell all the others the total (rules.md 30)."""
    who = turn.book.person(draw.person_id).first_name
    done = say("round_done", round=draw.round, circle=circle.name, who=who, amount=circle.money(draw.net))
    turn.tell_all(turn.book.members(circle.code), lambda m: done if m.person_id != draw.person_id else None)


# -- staff ----------------------------------------------------------------------------------------------------


def decide(turn: Turn, payout: Payout, *, happened: bool) -> Refusal | None:
    """Staff decide whether a payout reached its person; OK ends it.

    NO has the rail try again what it did not take, and the banker hand over what is still to come: then the ticket
    stays in the queue until it came.
    """
    if payout.state is PayoutState.ASKED:
        return refuse("case_needs_approve", ref=payout.ref)
    circle = turn.book.circle(payout.circle)
    match payout.state:
        case PayoutState.FAILED if not happened:
            turn.book.put(replace(payout, state=PayoutState.SENDING))
            paths.send(turn, circle, payout)
            return None
        case PayoutState.SENT | PayoutState.DISPUTED:
            _decided(turn, circle, payout, happened=happened)
            return None
        case _:
            return refuse("no_payout_ref", ref=payout.ref)


def _decided(turn: Turn, circle: Circle, payout: Payout, *, happened: bool) -> None:
    figures: dict[str, Figure] = {
        "amount": circle.money(payout.amount),
        "circle": circle.name,
        "ref": payout.ref,
    }
    if happened:
        finish(turn, circle, payout, PayoutState.RECEIVED)
        turn.tell(payout.person_id, say("dispute_came", **figures))
        return
    turn.book.put(replace(payout, state=PayoutState.SENT))
    turn.tell(payout.person_id, say("dispute_open", *_came_answers(payout), **figures))
    turn.tell(circle.banker_id, say("dispute_open_banker", **figures))
