"""Working out a draw: what comes off it, and what holds it (rules.md 30, 32, 33)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from bot.actions import drawers, ending, pots, proposing
from bot.actions.turn import Turn
from bot.words.say import Figure, say
from domain import commands as c
from domain import ledger
from domain.ledger import Transaction, Transfer
from domain.pardna import (
    Circle,
    CircleState,
    Draw,
    DrawState,
    Due,
    Hand,
    Round,
    allocate,
    allocate_late,
    arrears,
    grace_over,
    hold_reason,
    make_draw,
)
from domain.people import TrnState
from domain.schedule import local_date

REMINDER = timedelta(days=3)
OFFERED_AFTER = timedelta(days=14)
"""Without a TRN: then a swap is offered (33)."""


def open_draws(turn: Turn, circle: Circle, round_: Round) -> list[Draw]:
    """Work out the draws of a round: of a whole hand, or of two halves, each by itself (rules.md 10)."""
    return _open(turn, circle, round_, drawers.hands_of(turn, circle, round_.number), at_the_end=False)


def take_over(turn: Turn, circle: Circle, round_: Round, number: int) -> None:
    """Work out the draw of a hand that took a held one over, and ask the banker to pay it (rules.md 44)."""
    (draw,) = _open(turn, circle, round_, [turn.book.must(Hand, circle.code, number)], at_the_end=False)
    if draw.state is DrawState.READY:
        _say_free(turn, draw)


def _open(turn: Turn, circle: Circle, round_: Round, hands: Iterable[Hand], *, at_the_end: bool) -> list[Draw]:
    """Work out each draw, take what its drawer owes from it, and hold it where a rule says so.

    A round in which throws still count stays as it is, while nothing of it can be paid, until its grace has ended (21).
    """
    draws = [_work_out(turn, circle, hand, at_the_end=at_the_end) for hand in hands]
    if not drawers.still_taking(round_) or any(draw.state is DrawState.READY for draw in draws):
        drawers.come_to(turn, circle, round_.number)
    return [draw if draw.net or draw.held_for else _settled(turn, circle, draw) for draw in draws]


def _work_out(turn: Turn, circle: Circle, hand: Hand, *, at_the_end: bool) -> Draw:
    """Work out one draw. Arrears that take the whole of it hold nothing.

    `at_the_end` they come off in any case, as far as the pot goes.
    """
    dues = turn.book.dues_of(circle.code, hand.person_id)
    missed = grace_over(turn.book.rounds(circle.code).values())
    there = drawers.shares(turn, circle, hand.turn)[hand.number]
    agreed = proposing.at_round(turn, circle, hand.turn)
    draw = make_draw(agreed, hand, dues, there, missed)
    reason = _hold(turn, draw)
    if reason == "trn" or (reason and draw.net and not at_the_end):
        return _held(turn, circle, replace(draw, state=DrawState.HELD, held_for=reason))
    turn.book.put(draw)
    _offset(turn, circle, draw)
    return draw


def _settled(turn: Turn, circle: Circle, draw: Draw) -> Draw:
    """End a draw of which nothing is left to pay out: it went to what the drawer owed."""
    draw = replace(draw, state=DrawState.DONE)
    turn.book.put(draw)
    drawers.come_to(turn, circle, draw.round)
    owed = circle.money(draw.offset_throw + draw.offset_arrears + draw.offset_late)
    turn.tell(draw.person_id, say("draw_settled", circle=circle.name, round=draw.round, owed=owed))
    if draw.person_id != circle.banker_id:
        who = turn.book.person(draw.person_id).first_name
        told = say("draw_settled_banker", circle=circle.name, round=draw.round, who=who, owed=owed)
        turn.tell(circle.banker_id, told)
    pots.earn(turn, circle, draw.round)
    ending.end_if_over(turn, circle)
    return draw


def _hold(turn: Turn, draw: Draw) -> str:
    trn = turn.book.trn(draw.person_id)
    missed = grace_over(turn.book.rounds(draw.circle).values())
    open_ = arrears(turn.book.dues_of(draw.circle, draw.person_id), draw.round, missed)
    return hold_reason(
        verified=trn is not None and trn.state is TrnState.VERIFIED, open_throws=len({d.round for d in open_})
    )


def _held(turn: Turn, circle: Circle, draw: Draw) -> Draw:
    """Keep a draw back."""
    turn.book.put(draw)
    figures: dict[str, Figure] = {"amount": circle.money(draw.net, round=draw.round), "circle": circle.name}
    turn.tell(draw.person_id, say(f"draw_held_{draw.held_for}", **figures))
    offered = turn.at + (OFFERED_AFTER if draw.held_for == "trn" else timedelta())
    key = f"swap-offer:{draw.circle}:{draw.round}:{draw.hand}:{draw.held_for}"
    turn.plan(key, offered, f"circle:{draw.circle}", c.OfferSwap(draw.circle, draw.round, draw.hand))
    if draw.held_for == "trn":
        _remind(turn, draw, 1)
    return draw


def _offset(turn: Turn, circle: Circle, draw: Draw) -> None:
    """Count the drawer's own throw as paid, and move arrears into the pots they belong to (rules.md 28, 30)."""
    mine = turn.book.dues_of(circle.code, draw.person_id)
    current, _ = allocate(draw.offset_throw, [d for d in mine if d.left and d.round == draw.round])
    turn.book.put(*current)
    missed = grace_over(turn.book.rounds(circle.code).values())
    older, _ = allocate(draw.offset_arrears, arrears(mine, draw.round, missed))
    transfers = []
    for due in older:
        part = due.paid - turn.book.must(Due, due.circle, due.round, due.hand).paid
        transfers.append(Transfer(ledger.pot(circle.code, draw.round), ledger.pot(circle.code, due.round), part))
    turn.book.put(*older)
    late, _ = allocate_late(draw.offset_late, turn.book.dues_of(circle.code, draw.person_id))
    turn.book.put(*late)
    if draw.offset_late:
        pot, reserve = ledger.pot(circle.code, draw.round), ledger.reserve(circle.code)
        transfers.append(Transfer(pot, reserve, draw.offset_late))
    if transfers:
        key = f"offset:{circle.code}:{draw.round}:{draw.hand}"
        turn.book.post(turn.at, Transaction(key, "offset", circle.currency, tuple(transfers), circle.code))
        pots.money_came(turn, circle, sorted({d.round for d in older}))


def look_again(turn: Turn, draw: Draw, *, at_the_end: bool = False) -> Draw:
    """Work a held draw out anew when what held it is gone, and tell the drawer. Returns the draw as it then is.

    In a circle that is over arrears hold nothing any more (rules.md 32).
    """
    circle = turn.book.circle(draw.circle)
    over = at_the_end or circle.state is CircleState.COMPLETED
    reason = _hold(turn, draw)
    if reason == draw.held_for and (reason == "trn" or not over):
        return draw
    round_ = turn.book.must(Round, draw.circle, draw.round)
    [now] = _open(turn, circle, round_, [turn.book.must(Hand, draw.circle, draw.hand)], at_the_end=over)
    if now.state is DrawState.READY:
        amount = circle.money(now.net, round=now.round)
        turn.tell(draw.person_id, say("draw_free", circle=circle.name, amount=amount))
    return now


def ready(turn: Turn, draw: Draw) -> Draw:
    """Keep since when its banker could pay a draw (rules.md 56)."""
    if not draw.begun_at and not draw.ready_at:
        draw = replace(draw, ready_at=turn.at)
        turn.book.put(draw)
    return draw


def release(turn: Turn, draw: Draw, *, at_the_end: bool = False) -> Draw:
    """What held a draw may be gone: then the banker is asked to pay it too. Returns the draw as it then is."""
    now = look_again(turn, draw, at_the_end=at_the_end)
    return _say_free(turn, now) if now.state is DrawState.READY else now


def _say_free(turn: Turn, draw: Draw) -> Draw:
    now = ready(turn, draw)
    circle = turn.book.circle(draw.circle)
    amount = circle.money(now.net, round=now.round)
    figures: dict[str, Figure] = {"circle": circle.name, "amount": amount, "code": circle.code}
    who = turn.book.person(draw.person_id).first_name
    turn.tell(circle.banker_id, say("draw_free_banker", pots.pay_out_answer(circle), who=who, **figures))
    return now


# -- every three days -----------------------------------------------------------------------------------------


def _remind(turn: Turn, draw: Draw, count: int) -> None:
    key = f"held:{draw.circle}:{draw.round}:{draw.hand}:{count}"
    again = c.HeldReminder(draw.circle, draw.round, count, draw.hand)
    turn.plan(key, turn.at + REMINDER, f"circle:{draw.circle}", again)


def held_reminder(turn: Turn, command: c.HeldReminder) -> None:
    """Every three days: have the drawer hear what would free the draw, once a day for all circles (rules.md 33, 55).

    A TRN that was verified while the draw was being held frees it now.
    """
    hand = command.hand or drawers.hands_of(turn, turn.book.circle(command.circle), command.round)[0].number
    draw = turn.book.get(Draw, command.circle, command.round, hand)
    if draw is None or draw.state is not DrawState.HELD or draw.held_for != "trn":
        return
    if release(turn, draw).held_for != "trn":
        return
    _remind(turn, draw, command.count + 1)
    plan_digest(turn, draw.person_id, "held")


def plan_digest(turn: Turn, person: str, about: str) -> None:
    """Plan today's one reminder to a person of one kind, however many circles ask for it (rules.md 55)."""
    key = f"digest:{about}:{person}:{local_date(turn.at)}"
    turn.plan(key, turn.at, f"person:{person}", c.Digest(person, about))
