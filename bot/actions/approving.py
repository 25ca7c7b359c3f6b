"""The second yes: a payout takes two people, and the keeper only asks (rules.md 35)."""

from dataclasses import replace
from datetime import timedelta

from bot.actions import drawers, paths, pots, receiving
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.ledger import Transfer
from domain.pardna import Circle, CircleState, Draw, DrawState, Round, confirmers
from domain.payments import Payout, PayoutState
from domain.people import Role, TicketKind
from domain.schedule import local_date

SILENCE = timedelta(hours=24)
MOST_ASKS = 2
"""The one first asked, and one other once; then staff."""


def ask_second(turn: Turn, circle: Circle, payout: Payout, asked: tuple[str, ...] = ()) -> Payout:
    """Draw the one who is asked for the second yes; with nobody left, staff. Returns the payout as kept.

    Who said STOP everywhere would not hear the question, and is asked only when nobody else is left.
    """
    able = confirmers(circle, turn.book.members(circle.code), payout.person_id, {payout.started_by, *asked})
    able = [p for p in able if _hears(turn, p)] or able
    if not able or payout.asks > MOST_ASKS:
        payout = replace(payout, approver_id=None)
        turn.book.put(payout)
        _ask_staff(turn, circle, payout)
        return payout
    payout = replace(payout, approver_id=able[turn.tools.randbelow(len(able))])
    turn.book.put(payout)
    _wait(turn, payout)
    turn.tell(payout.approver_id or "", question(turn, circle, payout))
    return payout


def _hears(turn: Turn, person: str) -> bool:
    return any(a.stopped_at is None for a in turn.book.addresses(person))


def question(turn: Turn, circle: Circle, payout: Payout) -> Say:
    """Ask for the second yes."""
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "banker": turn.book.person(payout.started_by).first_name,
        "who": turn.book.person(payout.person_id).first_name,
        "amount": circle.money(payout.amount),
        "round": payout.round,
        "how": paths.how(turn, circle, payout),
        "ref": payout.ref,
    }
    yes = Answer(f"APPROVE PAYOUT {payout.ref}", text("approve"))
    return say("approve_ask", yes, Answer("AGENT", text("menu_agent")), **figures)


def _ask_staff(turn: Turn, circle: Circle, payout: Payout) -> None:
    paths.ticket(turn, payout, TicketKind.PAYOUT, payout.person_id)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "amount": circle.money(payout.amount),
        "who": turn.book.person(payout.person_id).first_name,
        "ref": payout.ref,
    }
    turn.tell_staff([Role.FINANCE], say("staff_payout", **figures))


def _wait(turn: Turn, payout: Payout) -> None:
    key = f"approval-silence:{payout.id}:{payout.asks}:{local_date(turn.at)}"
    turn.plan(key, turn.at + SILENCE, f"circle:{payout.circle}", c.ApprovalSilence(payout.id, payout.asks))


def approval_silence(turn: Turn, command: c.ApprovalSilence) -> None:
    """24 hours without the yes: another is asked once, then staff. While the circle rests, so does this."""
    payout = turn.book.get(Payout, command.payout_id)
    if payout is None or payout.state is not PayoutState.ASKED or payout.asks != command.asks:
        return
    circle = turn.book.circle(payout.circle)
    if circle.state is CircleState.SUSPENDED:
        _wait(turn, payout)
        return
    asked = (payout.approver_id,) if payout.approver_id else ()
    ask_second(turn, circle, replace(payout, asks=payout.asks + 1), asked)


def approve_payout(turn: Turn, command: c.ApprovePayout) -> Say | Refusal:
    """The second yes. Nobody confirms their own draw, nor the banker twice."""
    payout = paths.find(turn, command.payout_ref)
    if payout is None or payout.state is not PayoutState.ASKED:
        return refuse("no_payout_ref", ref=command.payout_ref)
    circle = turn.book.circle(payout.circle)
    if wrong := _may_not(turn, circle, payout) or _gone(turn, circle, payout):
        return wrong
    if anew := paths.moved(turn, circle, payout):
        return _ask_anew(turn, circle, anew)
    if wrong := _not_now(turn, circle, payout):
        return wrong
    payout = replace(payout, approved_by=turn.person_id)
    for ticket in paths.tickets(turn, payout):
        turn.book.put(replace(ticket, closed_at=turn.at, closed_by=turn.person_id, outcome="approved"))
    pot, payable = ledger.pot(circle.code, payout.round), ledger.payable(circle.code, payout.round)
    turn.post(payout.key, "payout", circle, Transfer(pot, payable, payout.amount))
    if payout.rail_amount:
        turn.book.put(replace(payout, state=PayoutState.SENDING))
        turn.book.hold(turn.at, paths.hold(payout, circle))
        paths.send(turn, circle, payout)
    else:
        receiving.sent(turn, circle, payout)
    who = turn.book.person(payout.person_id).first_name
    how = paths.how(turn, circle, payout)
    return say("approved", who=who, amount=circle.money(payout.amount), ref=payout.ref, how=how)


def _not_now(turn: Turn, circle: Circle, payout: Payout) -> Refusal | None:
    """Refuse while what changed on the payee's side rests, or while the carrier has too little that is free."""
    if wrong := paths.resting(turn, payout):
        return wrong
    if turn.book.available(ledger.rail(payout.carrier, circle.currency)) < payout.rail_amount:
        return refuse("rail_short", rail=payout.carrier.upper(), amount=circle.money(payout.rail_amount))
    return None


def _ask_anew(turn: Turn, circle: Circle, payout: Payout) -> Say | Refusal:
    """Ask for the yes to where the money goes now: nobody says yes to an account they were not shown."""
    who = turn.book.person(payout.person_id).first_name
    if not payout.label:
        return refuse("payee_no_account", who=who)
    turn.book.put(payout)
    return question(turn, circle, payout).after(text("payout_moved", who=who))


def _may_not(turn: Turn, circle: Circle, payout: Payout) -> Refusal | None:
    if turn.person_id == payout.person_id:
        return refuse("not_own_draw", ref=payout.ref)
    if turn.person_id == payout.started_by:
        return refuse("not_twice", ref=payout.ref)
    is_staff = bool(turn.roles & {Role.FINANCE, Role.ADMIN})
    if turn.person_id != payout.approver_id and not is_staff:
        return refuse("no_payout_ref", ref=payout.ref)
    return refuse("not_running", circle=circle.name) if circle.state is CircleState.SUSPENDED else None


def _gone(turn: Turn, circle: Circle, payout: Payout) -> Refusal | None:
    """Call a payout off whose money a dispute has taken back since it was asked for."""
    there = drawers.shares(turn, circle, payout.round)[payout.hand] >= payout.amount
    if there and paths.cash_uncommitted(turn, circle) >= payout.cash:
        return None
    call_off(turn, circle, payout)
    who = turn.book.person(payout.person_id).first_name
    again = pots.pay_out_answer(circle)
    off = say("payout_off_banker", again, code=circle.code, circle=circle.name, who=who, ref=payout.ref)
    turn.tell(circle.banker_id, off)
    return refuse("payout_off", circle=circle.name, who=who, ref=payout.ref)


def call_off(turn: Turn, circle: Circle, payout: Payout) -> None:
    """End a payout that has no second yes: its draw may be paid anew."""
    draw = turn.book.must(Draw, circle.code, payout.round, payout.hand)
    turn.book.put(
        replace(payout, state=PayoutState.DROPPED, ended_at=turn.at),
        replace(draw, state=DrawState.SHORT if draw.paid else DrawState.READY),
    )
    paths.close_tickets(turn, payout, "called off")
    pots.reopen(turn, turn.book.must(Round, circle.code, payout.round))
