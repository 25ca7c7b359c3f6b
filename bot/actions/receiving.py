"""A payout on its way and at its end: what the drawer is asked and says, what staff decide (rules.md 37, 39)."""

from dataclasses import replace
from datetime import timedelta

from bot.actions import cards, disputes, drawers, ending, paths, pots, proving
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.disputes import DisputeState
from domain.ledger import Transaction, Transfer
from domain.pardna import Circle, Draw, DrawState
from domain.payments import DRAWN, OPEN_PAYOUTS, Payout, PayoutState
from domain.people import Role, TicketKind

SILENCE = timedelta(hours=72)
CLOSED = DRAWN | {PayoutState.DROPPED, PayoutState.RETURNED, PayoutState.STRAY}


def sent(turn: Turn, circle: Circle, payout: Payout) -> None:
    """The money is out, or the banker is to hand it over: ask the drawer whether it came."""
    payout = replace(payout, state=PayoutState.SENT, sent_at=turn.at)
    turn.book.put(payout)
    wait(turn, payout)
    drawer, banker = turn.book.person(payout.person_id), turn.book.person(payout.started_by)
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


def wait(turn: Turn, payout: Payout) -> None:
    """Look again when the drawer has said nothing for 72 hours."""
    key = payout.key.replace("payout:", "receipt-silence:", 1)
    turn.plan(key, turn.at + SILENCE, f"circle:{payout.circle}", c.ReceiptSilence(payout.id))


def _paid_out_text(payout: Payout) -> str:
    if not payout.by_hand:
        return "paid_out_rail"
    return "paid_out_cash" if payout.by_hand == payout.amount else "paid_out_both"


def _came_answers(payout: Payout) -> tuple[Answer, Answer]:
    return (
        Answer(f"RECEIVED {payout.ref}", text("it_came")),
        Answer(f"NOT RECEIVED {payout.ref}", text("not_yet")),
    )


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
    amount = circle.money(payout.amount, ref=payout.ref)
    if payout.state in CLOSED:
        return say("received_already", amount=amount)
    done = finish(turn, circle, payout, PayoutState.RECEIVED)
    disputes.withdraw(turn, circle, payout)
    if turn.person_id != circle.banker_id:
        who = turn.me.first_name
        turn.tell(circle.banker_id, say("received_told", who=who, amount=amount, circle=circle.name))
    what = say("received", amount=amount, circle=circle.name)
    if not done.owed:
        return what
    return replace(what, texts=(*what.texts, text("received_short", owed=circle.money(done.owed, round=done.round))))


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
        "amount": circle.money(payout.amount, ref=payout.ref),
        "circle": circle.name,
        "ref": ticket.ref,
    }
    who_decides = text("dispute_staff")
    going_on = disputes.about(turn, circle, payout.ref)
    if going_on is None and turn.person_id != circle.banker_id:
        going_on, who_decides = disputes.begin(turn, circle, ticket, payout, against=circle.banker_id)
        disputes.ask_panel(turn, circle, going_on)
    if going_on is None or going_on.state is DisputeState.STAFF:
        turn.tell_staff([Role.FINANCE], say("staff_dispute", receipt=payout.ref, **figures))
    if turn.person_id != circle.banker_id:
        told = say("not_received_told", who=turn.me.first_name, **figures)
        turn.tell(circle.banker_id, told.and_then(who_decides))
    return say("not_received", **figures).and_then(who_decides)


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
        moved, key = (Transfer(payable, cash, payout.by_hand),), f"handed:{payout.id}"
        hold = disputes.frozen(turn, circle, payout)
        handed = Transaction(key, "handed", circle.currency, moved, circle.code)
        turn.book.post(turn.at, ledger.posted(hold, key) if hold else handed)
    draw = turn.book.must(Draw, circle.code, payout.round, payout.hand)
    draw = replace(draw, paid=draw.paid + payout.amount)
    draw = replace(draw, state=_so_far(turn, draw))
    turn.book.put(draw)
    drawers.come_to(turn, circle, payout.round)
    if not draw.owed and payout.round <= circle.turns:
        _say_done(turn, circle, draw, again=payout.tries > 1)
    pots.say_top_up(turn, circle, payout.round)
    pots.earn(turn, circle, payout.round)
    ending.end_if_over(turn, circle)
    return draw


def _so_far(turn: Turn, draw: Draw) -> DrawState:
    """Return where a draw is after one payout of it: another part may be under way."""
    if not draw.owed:
        return DrawState.DONE
    parts = turn.book.all(Payout, circle=draw.circle, round=draw.round, hand=draw.hand, kind="draw")
    return DrawState.PAYING if any(p.state in OPEN_PAYOUTS for p in parts) else DrawState.SHORT


def _say_done(turn: Turn, circle: Circle, draw: Draw, *, again: bool) -> None:
    """Tell all the others the total (rules.md 30), with the round's picture: once, also when it was paid anew.

    Of two halves the first one that is done is told without it, and with the other one both.
    """
    draws = drawers.draws_of(turn, circle, draw.round)
    whole = all(one.state is DrawState.DONE for one in draws)
    told = draws if whole else [draw]
    figures: dict[str, Figure] = {
        "round": draw.round,
        "circle": circle.name,
        "who": drawers.together(turn, (one.person_id for one in told)),
        "amount": circle.money(sum(one.net for one in told), whose="" if whole else draw.person_id, round=draw.round),
    }
    done = say("round_done" if whole else "half_done", **figures)
    if whole:
        done = replace(done, texts=(*done.texts, cards.coming(turn, circle, draw.round)))
    if whole and not again:
        done = replace(done, drawn=cards.of_round(turn, circle, draw.round))
    others = (m for m in turn.book.members(circle.code) if m.person_id != draw.person_id)
    turn.tell_all(others, lambda m: _marked(turn, circle, m.person_id, done))


def _marked(turn: Turn, circle: Circle, person: str, done: Say) -> Say:
    mark = proving.mark_for(turn, circle, person)
    return replace(done, texts=(*done.texts, text("book_mark", code=circle.code, mark=mark)))


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
            if paths.moved(turn, circle, payout):
                return refuse("case_account_changed", ref=payout.ref)
            if wrong := paths.resting(turn, payout):
                return wrong
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
    disputes.thaw(turn, circle, payout)
    turn.book.put(replace(payout, state=PayoutState.SENT))
    turn.tell(payout.person_id, say("dispute_open", *_came_answers(payout), **figures))
    turn.tell(circle.banker_id, say("dispute_open_banker", **figures))
