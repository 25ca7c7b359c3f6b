"""Draws: money out. The banker starts, a second person says yes, the drawer says it came (rules.md 30-39).

A payout is made once and keeps its key; a failed one is sent again under the same key, an unknown one looked up.
"""

from dataclasses import replace
from datetime import timedelta

from bot.actions.turn import Order, Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.codes import payout_ref, ticket_ref
from domain.ledger import Transaction, Transfer
from domain.pardna import (
    Circle,
    CircleState,
    Draw,
    DrawState,
    Due,
    Hand,
    MemberState,
    Round,
    RoundState,
    allocate,
    become,
    confirmers,
    hold_reason,
    is_over,
    make_draw,
    missed_rounds,
    split_payout,
)
from domain.payments import OPEN_PAYOUTS, UNSENT, Payout, PayoutState
from domain.people import Destination, Role, TicketKind, TrnState
from domain.schedule import local_date
from storage.duties import Duty

APPROVAL_SILENCE = timedelta(hours=24)
RECEIPT_SILENCE = timedelta(hours=72)
HELD_REMINDER = timedelta(days=3)
MOST_ASKS = 2
"""The one first asked, and one other once; then staff (rules.md 35)."""


# -- starting -------------------------------------------------------------------------------------------------


def pay_out(turn: Turn, command: c.PayOut) -> Say | Refusal:
    """Start paying the earliest drawer who may be paid now."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.ACTIVE:
        return refuse("not_running", circle=circle.name)
    rounds = turn.book.rounds(circle.code)
    nothing: Refusal | None = None
    for number in sorted(rounds):
        found = _try_round(turn, circle, rounds[number])
        if isinstance(found, Say):
            return found
        nothing = nothing or found
    return nothing or refuse("nothing_to_pay", circle=circle.name)


def _try_round(turn: Turn, circle: Circle, round_: Round) -> Say | Refusal | None:
    """Start what a round may pay; None when it owes nothing or is not so far."""
    if round_.state in {RoundState.PAID, RoundState.SCHEDULED}:
        return None
    waiting = [
        p for p in turn.book.all(Payout, circle=circle.code, round=round_.number, kind="draw") if p.state in UNSENT
    ]
    if waiting:
        return _again(turn, circle, waiting[0])
    draw = turn.book.get(Draw, circle.code, round_.number)
    if draw is None:
        if early := _too_early(turn, circle, round_):
            return early
        draw = open_draw(turn, circle, round_)
    if draw.state is DrawState.HELD:
        return refuse(
            f"held_{draw.held_for}_banker",
            who=turn.book.person(draw.person_id).first_name,
            circle=circle.name,
        )
    if draw.state in {DrawState.READY, DrawState.SHORT}:
        return _start(turn, circle, draw)
    return None


def _too_early(turn: Turn, circle: Circle, round_: Round) -> Refusal | None:
    """A full pot may go from the due date on, any other after grace (rules.md 19)."""
    if round_.state in {RoundState.CLOSED, RoundState.PAYING}:
        return None
    drawer = _hand(turn, circle, round_.number).person_id
    mine = {h.number for h in turn.book.all(Hand, circle=circle.code, person_id=drawer)}
    open_ = [d for d in turn.book.all(Due, circle=circle.code, round=round_.number) if d.left and d.hand not in mine]
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "round": round_.number,
        "date": round_.pays_on,
        "due": round_.due,
    }
    if open_:
        return refuse("pot_not_full", left=circle.money(sum(d.left for d in open_)), **figures)
    return refuse("not_due_yet", **figures) if local_date(turn.at) < round_.due else None


def _hand(turn: Turn, circle: Circle, number: int) -> Hand:
    return next(h for h in turn.book.hands(circle.code) if h.turn == number)


def open_draw(turn: Turn, circle: Circle, round_: Round) -> Draw:
    """Work out a round's draw, take what the drawer owes from it, and hold it where a rule says so."""
    hand = _hand(turn, circle, round_.number)
    dues = turn.book.dues_of(circle.code, hand.person_id)
    pot = turn.book.balance(ledger.pot(circle.code, round_.number))
    draw = make_draw(circle, hand, dues, pot)
    trn = turn.book.trn(hand.person_id)
    verified = trn is not None and trn.state is TrnState.VERIFIED
    missed = missed_rounds((d for d in dues if d.left), turn.book.rounds(circle.code))
    reason = hold_reason(verified=verified, open_throws=missed)
    if reason:
        draw = replace(draw, state=DrawState.HELD, held_for=reason)
        turn.book.put(draw, replace(round_, state=RoundState.HELD))
        turn.tell(
            hand.person_id,
            say(f"draw_held_{reason}", amount=circle.money(draw.net), circle=circle.name, round=round_.number),
        )
        if reason == "trn":
            turn.book.plan(_held_reminder(turn, draw, 1))
        return draw
    turn.book.put(draw, replace(round_, state=RoundState.PAYING))
    _offset(turn, circle, draw)
    return draw


def _offset(turn: Turn, circle: Circle, draw: Draw) -> None:
    """Mark the drawer's own throw as paid out of the draw, and move arrears into the pots they belong to (rules.md 30)."""
    mine = turn.book.dues_of(circle.code, draw.person_id)
    current, _ = allocate(draw.offset_throw, [d for d in mine if d.left and d.round == draw.round])
    turn.book.put(*current)
    older, _ = allocate(draw.offset_arrears, [d for d in mine if d.left and d.round < draw.round])
    transfers = []
    for due in older:
        part = due.paid - turn.book.must(Due, due.circle, due.round, due.hand).paid
        transfers.append(Transfer(ledger.pot(circle.code, draw.round), ledger.pot(circle.code, due.round), part))
    turn.book.put(*older)
    if transfers:
        key = f"offset:{circle.code}:{draw.round}"
        turn.book.post(turn.at, Transaction(key, "offset", circle.currency, tuple(transfers), circle.code))
        for number in sorted({d.round for d in older}):
            say_top_up(turn, circle, number)


def say_top_up(turn: Turn, circle: Circle, number: int) -> None:
    """Late money is there for a drawer who was paid short: the banker may pay it out (rules.md 36)."""
    draw = turn.book.get(Draw, circle.code, number)
    there = turn.book.balance(ledger.pot(circle.code, number))
    if draw and draw.state is DrawState.SHORT and there:
        who = turn.book.person(draw.person_id).first_name
        amount = circle.money(min(draw.owed, there))
        turn.tell(
            circle.banker_id,
            say(
                "top_up",
                _pay_out_answer(circle),
                who=who,
                amount=amount,
                circle=circle.name,
                code=circle.code,
            ),
        )


def _pay_out_answer(circle: Circle) -> Answer:
    return Answer(f"PAY OUT {circle.code}", f"PAY OUT {circle.code}")


def _cash_free(turn: Turn, circle: Circle) -> int:
    """Return the cash in the banker's hands that no payout under way has claimed."""
    claimed = sum(p.cash for p in turn.book.all(Payout, circle=circle.code) if p.state in OPEN_PAYOUTS)
    return turn.book.balance(ledger.cash(circle.code)) - claimed


def _start(turn: Turn, circle: Circle, draw: Draw) -> Say | Refusal:
    """Make the payout and ask a second person for the yes."""
    amount = min(draw.owed, turn.book.balance(ledger.pot(circle.code, draw.round)))
    if not amount:
        return _nothing_in(turn, circle, draw)
    split = split_payout(amount, _cash_free(turn, circle))
    where = turn.book.destination(draw.person_id)
    via_banker = bool(split.rail) and _wants_cash(where) and draw.person_id != circle.banker_id
    payee = circle.banker_id if via_banker else draw.person_id
    label = _label(turn, payee)
    if split.rail and not turn.tools.payout_rail:
        return refuse("payout_rail_off", circle=circle.name)
    if split.rail and not label:
        return refuse("payee_no_account", who=turn.book.person(payee).first_name)
    payout = Payout(
        id=turn.tools.new_id(),
        ref=payout_ref(turn.tools.randbelow),
        circle=circle.code,
        round=draw.round,
        kind="draw",
        person_id=draw.person_id,
        cash=split.cash,
        rail_amount=split.rail,
        rail=turn.tools.payout_rail if split.rail else "CASH",
        via_banker=via_banker,
        label=label if split.rail else "",
        state=PayoutState.ASKED,
        started_by=turn.person_id,
        approver_id=None,
        approved_by=None,
        asks=1,
        provider_ref=None,
        asked_at=turn.at,
    )
    turn.book.put(replace(draw, state=DrawState.PAYING))
    payout = _ask_second(turn, circle, payout)
    if not draw.paid:
        turn.tell(draw.person_id, your_draw(turn, circle, draw, payout))
    second = turn.book.person(payout.approver_id).first_name if payout.approver_id else ""
    who = turn.book.person(draw.person_id).first_name
    figures: dict[str, Figure] = {
        "who": who,
        "amount": circle.money(amount),
        "ref": payout.ref,
        "how": _how(turn, circle, payout),
    }
    return say("payout_asked", second=second, **figures) if second else say("payout_asked_staff", **figures)


def _nothing_in(turn: Turn, circle: Circle, draw: Draw) -> Refusal:
    return refuse(
        "pot_empty",
        circle=circle.name,
        who=turn.book.person(draw.person_id).first_name,
        amount=circle.money(draw.owed),
    )


def _wants_cash(where: Destination | None) -> bool:
    """No account set: cash from the banker (rules.md 34)."""
    return where is None or where.kind == "cash"


def _label(turn: Turn, person_id: str) -> str:
    """Return where the rail pays this person. The sandbox needs no account: it plays one."""
    where = turn.book.destination(person_id)
    if where and where.label:
        return where.label
    return "Sandbox" if turn.tools.payout_rail == "SANDBOX" else ""


def _how(turn: Turn, circle: Circle, payout: Payout) -> Text:
    """Say in words how a payout reaches the drawer."""
    banker = turn.book.person(circle.banker_id).first_name
    figures: dict[str, Figure] = {
        "banker": banker,
        "label": payout.label,
        "hand": circle.money(payout.by_hand),
        "rail": circle.money(payout.rail_amount),
    }
    if not payout.rail_amount or payout.via_banker:
        return text("how_cash", **figures)
    return text("how_both", **figures) if payout.cash else text("how_rail", **figures)


def your_draw(turn: Turn, circle: Circle, draw: Draw, payout: Payout) -> Say:
    """Tell the drawer the sum, how it is worked out, and how it comes (rules.md 30)."""
    figures: dict[str, Figure] = {"who": turn.book.person(draw.person_id).first_name, "circle": circle.name}
    parts = [text("sum_gross", amount=circle.money(draw.gross))]
    for name, amount in (("fee", draw.fee), ("throw", draw.offset_throw), ("arrears", draw.offset_arrears)):
        if amount:
            parts.append(text(f"sum_{name}", amount=circle.money(amount)))
    lines = [
        text(
            "your_draw",
            net=circle.money(draw.net),
            sums=tuple(parts),
            how=_how(turn, circle, payout),
            **figures,
        )
    ]
    if payout.amount < draw.owed:
        lines.append(
            text(
                "your_draw_short",
                now=circle.money(payout.amount),
                owed=circle.money(draw.owed - payout.amount),
            )
        )
    return Say(tuple(lines))


# -- the second yes -------------------------------------------------------------------------------------------


def _ask_second(turn: Turn, circle: Circle, payout: Payout, asked: tuple[str, ...] = ()) -> Payout:
    """Draw the one who is asked for the second yes; with nobody left, staff (rules.md 35)."""
    able = confirmers(circle, turn.book.members(circle.code), payout.person_id, {payout.started_by, *asked})
    if not able or payout.asks > MOST_ASKS:
        payout = replace(payout, approver_id=None)
        turn.book.put(payout)
        _to_staff(turn, circle, payout)
        return payout
    chosen = able[turn.tools.randbelow(len(able))]
    payout = replace(payout, approver_id=chosen)
    turn.book.put(payout)
    turn.book.plan(_approval_silence(turn, payout))
    turn.tell(chosen, _approve_ask(turn, circle, payout))
    return payout


def _approve_ask(turn: Turn, circle: Circle, payout: Payout) -> Say:
    who = turn.book.person(payout.person_id).first_name
    starter = turn.book.person(payout.started_by).first_name
    yes = Answer(f"APPROVE PAYOUT {payout.ref}", text("approve"))
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "amount": circle.money(payout.amount),
        "round": payout.round,
        "ref": payout.ref,
    }
    return say(
        "approve_ask",
        yes,
        Answer("AGENT", text("menu_agent")),
        who=who,
        banker=starter,
        how=_how(turn, circle, payout),
        **figures,
    )


def _to_staff(turn: Turn, circle: Circle, payout: Payout) -> None:
    ref = ticket_ref(turn.tools.randbelow)
    turn.open_ticket(TicketKind.PAYOUT, ref, person_id=payout.person_id, circle=circle.code, subject=payout.ref)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "amount": circle.money(payout.amount),
        "ref": payout.ref,
    }
    turn.tell_staff([Role.FINANCE], say("staff_payout", who=turn.book.person(payout.person_id).first_name, **figures))


def _approval_silence(turn: Turn, payout: Payout) -> Duty:
    key = f"approval-silence:{payout.id}:{payout.asks}"
    body = {"payout_id": payout.id, "asks": payout.asks}
    return Duty(key, turn.at + APPROVAL_SILENCE, f"circle:{payout.circle}", "approval_silence", body)


def approval_silence(turn: Turn, command: c.ApprovalSilence) -> None:
    """24 hours without the yes: another is asked once, then staff."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or payout.state is not PayoutState.ASKED or payout.asks != command.asks:
        return
    circle = turn.book.circle(payout.circle)
    asked = (payout.approver_id,) if payout.approver_id and payout.approver_id != circle.treasurer_id else ()
    _ask_second(turn, circle, replace(payout, asks=payout.asks + 1), asked)


def _again(turn: Turn, circle: Circle, payout: Payout) -> Say:
    """A payout that was started already: say where it stands; a failed one is sent again under its own key (rules.md 37)."""
    figures: dict[str, Figure] = {
        "who": turn.book.person(payout.person_id).first_name,
        "amount": circle.money(payout.amount),
        "ref": payout.ref,
    }
    if payout.state is PayoutState.FAILED:
        turn.book.put(replace(payout, state=PayoutState.SENDING))
        _send(turn, circle, payout)
        return say("payout_resent", **figures)
    if payout.state is PayoutState.SENDING:
        return say("payout_sending", **figures)
    if payout.approver_id:
        turn.tell(payout.approver_id, _approve_ask(turn, circle, payout))
        return say("payout_asked_again", second=turn.book.person(payout.approver_id).first_name, **figures)
    return say("payout_asked_staff", how=_how(turn, circle, payout), **figures)


def approve_payout(turn: Turn, command: c.ApprovePayout) -> Say | Refusal:
    """The second yes. Nobody confirms their own draw, nor the banker twice (rules.md 35)."""
    payout = _payout(turn, command.payout_ref)
    if payout is None or payout.state is not PayoutState.ASKED:
        return refuse("no_payout_ref", ref=command.payout_ref)
    circle = turn.book.circle(payout.circle)
    if turn.person_id == payout.person_id:
        return refuse("not_own_draw", ref=payout.ref)
    if turn.person_id == payout.started_by:
        return refuse("not_twice", ref=payout.ref)
    is_staff = bool(turn.roles & {Role.FINANCE, Role.ADMIN})
    if turn.person_id not in {payout.approver_id, circle.treasurer_id} and not is_staff:
        return refuse("no_payout_ref", ref=command.payout_ref)
    payout = replace(payout, approved_by=turn.person_id)
    pot, payable = ledger.pot(circle.code, payout.round), ledger.payable(circle.code, payout.round)
    moved = (Transfer(pot, payable, payout.amount),)
    turn.book.post(turn.at, Transaction(f"payout:{payout.id}", "payout", circle.currency, moved, circle.code))
    figures: dict[str, Figure] = {
        "who": turn.book.person(payout.person_id).first_name,
        "amount": circle.money(payout.amount),
        "ref": payout.ref,
    }
    if payout.rail_amount:
        turn.book.put(replace(payout, state=PayoutState.SENDING))
        _send(turn, circle, payout)
    else:
        _sent(turn, circle, payout)
    return say("approved", how=_how(turn, circle, payout), **figures)


def _payout(turn: Turn, ref: str) -> Payout | None:
    found = turn.book.all(Payout, ref=ref)
    live = [p for p in found if p.state in OPEN_PAYOUTS]
    return next(iter(live or found), None)


def _send(turn: Turn, circle: Circle, payout: Payout) -> None:
    """Have the rail pay. The key never changes, so the rail pays once whatever happens in between."""
    payee = circle.banker_id if payout.via_banker or payout.kind == "fee" else payout.person_id
    body: dict[str, object] = {
        "amount": payout.rail_amount,
        "currency": circle.currency.value,
        "payee": payee,
        "party": f"circle:{circle.code}",
        "echo": {"payout_id": payout.id},
    }
    turn.orders.append(Order("disburse", payout.rail.lower(), f"payout:{payout.id}", body))


# -- what the rail said ---------------------------------------------------------------------------------------


def disbursed(turn: Turn, command: c.Disbursed) -> None:
    """The rail paid. A repeat changes nothing."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or payout.state not in {PayoutState.SENDING, PayoutState.FAILED}:
        return
    circle = turn.book.circle(payout.circle)
    rail = ledger.rail(payout.rail, circle.currency)
    if payout.kind == "fee":
        source = ledger.fee(circle.code)
    else:
        source = ledger.cash(circle.code) if payout.via_banker else ledger.payable(circle.code, payout.round)
    moved = (Transfer(source, rail, payout.rail_amount),)
    turn.book.post(turn.at, Transaction(f"sent:{payout.id}", "sent", circle.currency, moved, circle.code))
    payout = replace(payout, provider_ref=command.provider_id)
    if payout.kind == "fee":
        turn.book.put(replace(payout, state=PayoutState.RECEIVED, sent_at=turn.at, ended_at=turn.at))
        turn.tell(
            circle.banker_id,
            say("fee_sent", amount=circle.money(payout.rail_amount), circle=circle.name, label=payout.label),
        )
        return
    _sent(turn, circle, payout)


def _sent(turn: Turn, circle: Circle, payout: Payout) -> None:
    """The money is out, or the banker is to hand it over: ask the drawer whether it came."""
    payout = replace(payout, state=PayoutState.SENT, sent_at=turn.at)
    turn.book.put(payout)
    key = f"receipt-silence:{payout.id}"
    turn.book.plan(
        Duty(
            key,
            turn.at + RECEIPT_SILENCE,
            f"circle:{circle.code}",
            "receipt_silence",
            {"payout_id": payout.id},
        )
    )
    drawer = turn.book.person(payout.person_id)
    banker = turn.book.person(circle.banker_id)
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
    """The rail will not pay: the money stays ring-fenced, staff look, and PAY OUT tries the same payout again (rules.md 37)."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or payout.state is not PayoutState.SENDING:
        return
    circle = turn.book.circle(payout.circle)
    turn.book.put(replace(payout, state=PayoutState.FAILED))
    figures: dict[str, Figure] = {
        "amount": circle.money(payout.rail_amount),
        "circle": circle.name,
        "ref": payout.ref,
        "label": payout.label,
    }
    _to_staff(turn, circle, payout)
    turn.tell(circle.banker_id, say("payout_failed_banker", _pay_out_answer(circle), code=circle.code, **figures))
    if payout.kind == "draw" and payout.person_id != circle.banker_id:
        turn.tell(payout.person_id, say("payout_failed", **figures))


# -- the drawer's word ----------------------------------------------------------------------------------------


def _mine(turn: Turn, ref: str) -> Payout | Refusal:
    payout = _payout(turn, ref)
    if payout is None or payout.person_id != turn.person_id:
        return refuse("no_draw_ref", ref=ref)
    if payout.state in UNSENT:
        return refuse("not_sent_yet", ref=ref)
    return payout


def received(turn: Turn, command: c.Received) -> Say | Refusal:
    """The drawer has the money: the draw is paid (rules.md 39)."""
    payout = _mine(turn, command.payout_ref)
    if isinstance(payout, Refusal):
        return payout
    circle = turn.book.circle(payout.circle)
    if payout.state in {PayoutState.RECEIVED, PayoutState.PRESUMED}:
        return say("received_already", amount=circle.money(payout.amount))
    _close_tickets(turn, payout)
    done = finish(turn, circle, payout, PayoutState.RECEIVED)
    if turn.person_id != circle.banker_id:
        turn.tell(
            circle.banker_id,
            say(
                "received_told",
                who=turn.me.first_name,
                amount=circle.money(payout.amount),
                circle=circle.name,
            ),
        )
    what = say("received", amount=circle.money(payout.amount), circle=circle.name)
    return (
        replace(what, texts=(*what.texts, text("received_short", owed=circle.money(done.owed)))) if done.owed else what
    )


def not_received(turn: Turn, command: c.NotReceived) -> Say | Refusal:
    """The drawer says it did not come: a dispute for staff (rules.md 39)."""
    payout = _mine(turn, command.payout_ref)
    if isinstance(payout, Refusal):
        return payout
    circle = turn.book.circle(payout.circle)
    figures: dict[str, Figure] = {"amount": circle.money(payout.amount), "circle": circle.name}
    if payout.state is not PayoutState.SENT:
        return refuse("dispute_already" if payout.state is PayoutState.DISPUTED else "received_closed", ref=payout.ref)
    turn.book.put(replace(payout, state=PayoutState.DISPUTED))
    ref = ticket_ref(turn.tools.randbelow)
    turn.open_ticket(TicketKind.DISPUTE, ref, person_id=turn.person_id, circle=circle.code, subject=payout.ref)
    turn.tell_staff([Role.SUPPORT, Role.FINANCE], say("staff_dispute", receipt=payout.ref, ref=ref, **figures))
    if turn.person_id != circle.banker_id:
        turn.tell(circle.banker_id, say("not_received_told", who=turn.me.first_name, ref=ref, **figures))
    return say("not_received", ref=ref, **figures)


def _close_tickets(turn: Turn, payout: Payout) -> None:
    from domain.people import Ticket

    for ticket in turn.book.all(Ticket, subject=payout.ref, circle=payout.circle, closed_at=None):
        turn.book.put(replace(ticket, closed_at=turn.at, outcome="received"))


def finish(turn: Turn, circle: Circle, payout: Payout, state: PayoutState) -> Draw:
    """The drawer has it: post the cash handed over, close the payout, and see what the draw and the circle come to."""
    turn.book.put(replace(payout, state=state, ended_at=turn.at))
    payable, cash = ledger.payable(circle.code, payout.round), ledger.cash(circle.code)
    if payout.by_hand:
        moved = (Transfer(payable, cash, payout.by_hand),)
        turn.book.post(turn.at, Transaction(f"handed:{payout.id}", "handed", circle.currency, moved, circle.code))
    draw = turn.book.must(Draw, circle.code, payout.round)
    draw = replace(draw, paid=draw.paid + payout.amount)
    draw = replace(draw, state=DrawState.SHORT if draw.owed else DrawState.DONE)
    round_ = turn.book.must(Round, circle.code, payout.round)
    turn.book.put(draw, replace(round_, state=RoundState.PAID_SHORT if draw.owed else RoundState.PAID))
    if draw.owed:
        say_top_up(turn, circle, payout.round)
    else:
        _pay_fee(turn, circle, draw, payout)
        _end_if_over(turn, circle)
    return turn.book.must(Draw, circle.code, payout.round)


def _pay_fee(turn: Turn, circle: Circle, draw: Draw, payout: Payout) -> None:
    """The banker's fee comes out after the drawer: set off against cash held, the rest by rail (rules.md 31, 36)."""
    amount = min(draw.fee - draw.fee_paid, turn.book.balance(ledger.pot(circle.code, draw.round)))
    if not amount:
        return
    turn.book.put(replace(draw, fee_paid=draw.fee_paid + amount))
    kept = min(amount, _cash_free(turn, circle))
    transfers = [Transfer(ledger.pot(circle.code, draw.round), ledger.fee(circle.code), amount)]
    if kept:
        transfers.append(Transfer(ledger.fee(circle.code), ledger.cash(circle.code), kept))
    key = f"fee:{payout.id}"
    turn.book.post(turn.at, Transaction(key, "fee", circle.currency, tuple(transfers), circle.code))
    label = _label(turn, circle.banker_id)
    if amount > kept and label and turn.tools.payout_rail:
        _send_fee(turn, circle, payout, amount - kept, label)
    turn.tell(
        circle.banker_id,
        say("fee_earned", amount=circle.money(amount), kept=circle.money(kept), circle=circle.name),
    )


def _send_fee(turn: Turn, circle: Circle, of: Payout, amount: int, label: str) -> None:
    fee = replace(
        of,
        id=turn.tools.new_id(),
        ref=payout_ref(turn.tools.randbelow),
        kind="fee",
        person_id=circle.banker_id,
        cash=0,
        rail_amount=amount,
        rail=turn.tools.payout_rail,
        via_banker=False,
        label=label,
        state=PayoutState.SENDING,
        provider_ref=None,
        asked_at=turn.at,
        sent_at=None,
        ended_at=None,
    )
    turn.book.put(fee)
    _send(turn, circle, fee)


def _end_if_over(turn: Turn, circle: Circle) -> None:
    """All turns paid: the circle is complete, and each member hears it (rules.md 51)."""
    if circle.state is not CircleState.ACTIVE or not is_over(circle, turn.book.rounds(circle.code).values()):
        return
    turn.book.put(replace(become(circle, CircleState.COMPLETED), ended_at=turn.at))
    members = [m for m in turn.book.members(circle.code) if m.state is MemberState.IN]
    told = {m.person_id for m in members}
    for person in sorted(told | {circle.banker_id}):
        thrown = sum(d.amount for d in turn.book.dues_of(circle.code, person))
        drawn = sum(d.paid for d in turn.book.all(Draw, circle=circle.code, person_id=person))
        turn.tell(
            person,
            say("complete", circle=circle.name, thrown=circle.money(thrown), drawn=circle.money(drawn))
            if person in told
            else say("complete_banker", circle=circle.name),
        )


def receipt_silence(turn: Turn, command: c.ReceiptSilence) -> None:
    """72 hours of silence: presumed where the rail reports success; cash goes to staff (rules.md 39)."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or payout.state is not PayoutState.SENT:
        return
    circle = turn.book.circle(payout.circle)
    if payout.by_hand:
        _to_staff(turn, circle, payout)
        return
    figures: dict[str, Figure] = {
        "amount": circle.money(payout.amount),
        "circle": circle.name,
        "ref": payout.ref,
        "label": payout.label,
    }
    finish(turn, circle, payout, PayoutState.PRESUMED)
    turn.tell(payout.person_id, say("presumed", **figures))


def decide(turn: Turn, payout: Payout, *, happened: bool) -> Refusal | None:
    """Staff decide whether a payout reached the drawer. NO keeps it open: the banker hands over, or staff pay again."""
    circle = turn.book.circle(payout.circle)
    figures: dict[str, Figure] = {
        "amount": circle.money(payout.amount),
        "circle": circle.name,
        "ref": payout.ref,
    }
    if payout.state is PayoutState.ASKED:
        return refuse("case_needs_approve", ref=payout.ref)
    if payout.state not in {PayoutState.SENT, PayoutState.DISPUTED}:
        return refuse("no_payout_ref", ref=payout.ref)
    if happened:
        finish(turn, circle, payout, PayoutState.RECEIVED)
        turn.tell(payout.person_id, say("dispute_came", **figures))
        return None
    turn.book.put(replace(payout, state=PayoutState.SENT))
    turn.tell(payout.person_id, say("dispute_open", *_came_answers(payout), **figures))
    turn.tell(circle.banker_id, say("dispute_open_banker", **figures))
    return None


# -- held draws -----------------------------------------------------------------------------------------------


def _held_reminder(turn: Turn, draw: Draw, count: int) -> Duty:
    key = f"held:{draw.circle}:{draw.round}:{count}"
    body = {"circle": draw.circle, "round": draw.round, "count": count}
    return Duty(key, turn.at + HELD_REMINDER, f"circle:{draw.circle}", "held_reminder", body)


def held_reminder(turn: Turn, command: c.HeldReminder) -> None:
    """Every three days: the draw is safe and waits for the TRN (rules.md 33)."""
    draw = turn.book.get(Draw, command.circle, command.round)
    if draw is None or draw.state is not DrawState.HELD or draw.held_for != "trn":
        return
    circle = turn.book.circle(command.circle)
    turn.book.plan(_held_reminder(turn, draw, command.count + 1))
    turn.tell(
        draw.person_id,
        say("draw_held_trn", amount=circle.money(draw.net), circle=circle.name, round=draw.round),
    )


def release(turn: Turn, draw: Draw) -> None:
    """What held a draw is gone: it may be paid, and the banker is asked to (rules.md 33)."""
    circle = turn.book.circle(draw.circle)
    round_ = turn.book.must(Round, draw.circle, draw.round)
    again = open_draw(turn, circle, round_) if draw.held_for == "trn" else draw
    if again.state is DrawState.HELD:
        return
    who = turn.book.person(draw.person_id).first_name
    turn.tell(draw.person_id, say("draw_free", amount=circle.money(again.net), circle=circle.name))
    figures: dict[str, Figure] = {
        "who": who,
        "circle": circle.name,
        "code": circle.code,
        "amount": circle.money(again.net),
    }
    turn.tell(circle.banker_id, say("draw_free_banker", _pay_out_answer(circle), **figures))
