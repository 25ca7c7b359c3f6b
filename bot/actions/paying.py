"""PAY OUT: the banker starts paying what a drawer may get now (rules.md 19, 24, 30, 34, 36)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from bot.actions import approving, drawers, fees, freezing, holding, paths, pots
from bot.actions.turn import Turn
from bot.words.say import Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.codes import payout_ref
from domain.ledger import Transfer
from domain.pardna import OVER, Circle, CircleState, Draw, DrawState, Due, Round, RoundState, split_payout
from domain.payments import CASH_CARRIER, UNSENT, Payout, PayoutState
from domain.people import Role
from domain.schedule import local_date

MAY_PAY = OVER | {CircleState.ACTIVE}
"""A circle that is over still pays what it lists as owed (rules.md 51)."""


def pay_out(turn: Turn, command: c.PayOut) -> Say | Refusal:
    """Do the first thing that can be done, from the oldest round on; else say what it waits for.

    What the halves of a turn may have is one thing: both are asked for, each with a yes of its own.
    """
    circle = turn.book.circle(command.circle)
    if circle.state not in MAY_PAY:
        return refuse("not_running", circle=circle.name)
    owed = fees.pay(turn, circle)
    waits: list[Refusal] = []
    for tried in _in_turn(turn, circle):
        match tried:
            case Say():
                return tried
            case Refusal():
                waits.append(tried)
    if isinstance(owed, Say):
        return owed
    why = [*waits, *([owed] if owed else []), refuse("nothing_to_pay", circle=circle.name)]
    return _under_way(turn, circle) or why[0]


def _in_turn(turn: Turn, circle: Circle) -> Iterator[Say | Refusal | None]:
    """Try what came to nothing before, then what each round may pay; whoever asks stops at what could be done."""
    failed = turn.book.all(Payout, circle=circle.code, state=PayoutState.FAILED)
    for payout in sorted(failed, key=lambda p: p.round):
        yield _again(turn, circle, payout)
    for _, round_ in sorted(turn.book.rounds(circle.code).items()):
        yield from _try_round(turn, circle, round_)


def _again(turn: Turn, circle: Circle, payout: Payout) -> Say | Refusal:
    """Send what the rail did not take again, under its own key (rules.md 37)."""
    if anew := paths.moved(turn, circle, payout):
        return _elsewhere(turn, circle, payout, anew)
    if wrong := paths.resting(turn, payout):
        return wrong
    turn.book.put(replace(payout, state=PayoutState.SENDING))
    paths.send(turn, circle, payout)
    return _stands("payout_resent", turn, circle, payout)


def _elsewhere(turn: Turn, circle: Circle, payout: Payout, anew: Payout) -> Say | Refusal:
    """Ask for a yes to where a payout goes now, since its account changed after the last one (rules.md 34, 35).

    Its money goes back into the pot until then, so that a second yes posts it as the first one did: what is still to
    be paid, and no more. A fee needs no yes, and is worked out anew.
    """
    if not anew.label:
        return refuse("payee_no_account", who=turn.book.person(payout.person_id).first_name)
    if payout.kind == "fee" and freezing.frozen_until(turn, payout.person_id):
        return refuse("draw_rests", who=turn.book.person(payout.person_id).first_name)
    turn.book.void(turn.at, paths.hold(payout, circle))
    turn.book.put(replace(payout, state=PayoutState.DROPPED, ended_at=turn.at))
    if payout.kind == "fee":
        paths.close_tickets(turn, payout, "called off")
        return fees.by_rail(turn, circle) or refuse("nothing_to_pay", circle=circle.name)
    pot, payable = ledger.pot(circle.code, payout.round), ledger.payable(circle.code, payout.round)
    turn.post(f"{payout.key}:anew", "payout", circle, Transfer(payable, pot, payout.amount))
    anew = replace(paths.next_try(turn, anew), state=PayoutState.ASKED, approver_id=None, approved_by=None, asks=1)
    anew = approving.ask_second(turn, circle, anew)
    return _stands("payout_asked" if anew.approver_id else "payout_asked_staff", turn, circle, anew)


def _stands(name: str, turn: Turn, circle: Circle, payout: Payout) -> Say:
    """Say where a payout stands."""
    second = turn.book.person(payout.approver_id).first_name if payout.approver_id else ""
    figures: dict[str, Figure] = {
        "who": turn.book.person(payout.person_id).first_name,
        "amount": circle.money(payout.amount),
        "ref": payout.ref,
        "how": paths.how(turn, circle, payout, turn.person_id),
        "second": second,
    }
    return say(name, **figures)


def _under_way(turn: Turn, circle: Circle) -> Say | None:
    """Say where a payout stands that was started already, and ask once more for the second yes."""
    started = UNSENT - {PayoutState.FAILED}  # what was refused says itself what it waits for
    waiting = [p for p in turn.book.all(Payout, circle=circle.code, kind="draw") if p.state in started]
    if not waiting:
        return None
    payout = min(waiting, key=lambda p: p.round)
    if payout.state is PayoutState.SENDING:
        return _stands("payout_sending", turn, circle, payout)
    if payout.approver_id is None:
        return _stands("payout_asked_staff", turn, circle, payout)
    turn.tell(payout.approver_id, approving.question(turn, circle, payout))
    return _stands("payout_asked_again", turn, circle, payout)


def _try_round(turn: Turn, circle: Circle, round_: Round) -> list[Say | Refusal]:
    """Start what a round may pay; nothing when it owes nothing, is not so far, or is being paid."""
    if round_.state in {RoundState.PAID, RoundState.SCHEDULED}:
        return []
    draws = drawers.draws_of(turn, circle, round_.number)
    if not draws:
        if early := _too_early(turn, circle, round_, drawers.people(turn, circle, round_.number)):
            return [early]
        draws = holding.open_draws(turn, circle, round_)
    draws = [holding.look_again(turn, d) if d.state is DrawState.HELD else d for d in draws]
    free = [d.person_id for d in draws if d.state is not DrawState.HELD]
    found = [tried for draw in draws if (tried := _try_draw(turn, circle, round_, draw, free))]
    done = [tried for tried in found if isinstance(tried, Say)]
    return [_in_one(done)] if done else [tried for tried in found if isinstance(tried, Refusal)]


def _in_one(says: list[Say]) -> Say:
    return replace(says[0], texts=tuple(line for one in says for line in one.texts))


def _try_draw(turn: Turn, circle: Circle, round_: Round, draw: Draw, free: list[str]) -> Say | Refusal | None:
    """Start what a draw may have; None when it owes nothing or is being paid. `free`: the drawers that are not held."""
    if draw.state is DrawState.HELD:
        who = turn.book.person(draw.person_id).first_name
        return refuse(f"held_{draw.held_for}_banker", who=who, circle=circle.name)
    if draw.state is DrawState.READY and (early := _too_early(turn, circle, round_, free)):
        pots.reopen(turn, turn.book.must(Round, circle.code, round_.number))
        return early
    if draw.state in {DrawState.READY, DrawState.SHORT}:
        return _start(turn, circle, draw)
    return None


def _too_early(turn: Turn, circle: Circle, round_: Round, drawing: Iterable[str]) -> Refusal | None:
    """A full pot may go from the due date on, any other on its payout date (rules.md 19).

    What those who draw of it throw themselves may be missing: it comes off the draw.
    """
    today = local_date(turn.at)
    if today >= round_.pays_on and not drawers.still_taking(round_):
        return None
    theirs = {h.number for h in turn.book.hands(circle.code) if h.person_id in set(drawing)}
    dues = turn.book.all(Due, circle=circle.code, round=round_.number)
    left = sum(d.left for d in dues if d.hand not in theirs)
    if left:
        number, day = round_.number, round_.pays_on
        return refuse("pot_not_full", circle=circle.name, round=number, left=circle.money(left), date=day)
    if today < round_.due:
        return refuse("not_due_yet", circle=circle.name, round=round_.number, due=round_.due)
    return None


def _start(turn: Turn, circle: Circle, draw: Draw) -> Say | Refusal:
    """Make the payout and ask a second person for the yes."""
    amount = drawers.there_for(turn, circle, draw)
    who = turn.book.person(draw.person_id).first_name
    if not amount:
        return refuse("pot_empty", circle=circle.name, who=who, amount=circle.money(draw.owed, round=draw.round))
    payout = _payout(turn, circle, draw, amount)
    if isinstance(payout, Refusal):
        return payout
    round_ = turn.book.must(Round, circle.code, draw.round)
    if round_.state is not RoundState.PAID_SHORT:
        turn.book.put(replace(round_, state=RoundState.PAYING))
    turn.book.put(replace(draw, state=DrawState.PAYING, begun_at=draw.begun_at or turn.at))
    payout = approving.ask_second(turn, circle, payout)
    if not draw.paid:
        turn.tell(draw.person_id, your_draw(turn, circle, draw, payout))
    if payout.approver_id is None:
        return _stands("payout_asked_staff", turn, circle, payout)
    return _stands("payout_asked", turn, circle, payout)


def _payout(turn: Turn, circle: Circle, draw: Draw, amount: int) -> Payout | Refusal:
    """Work out how an amount reaches the drawer: cash held first, then a rail, or the banker (rules.md 24, 34, 38)."""
    split = split_payout(amount, max(paths.cash_free(turn, circle), 0))
    own = draw.person_id == circle.banker_id
    via_banker = bool(split.rail) and not own and paths.wants_cash(turn.book.destination(draw.person_id))
    by_rail, carrier, label = 0, CASH_CARRIER, ""
    if split.rail:
        found = paths.way(turn, circle, circle.banker_id if via_banker else draw.person_id, split.rail)
        if isinstance(found, Refusal):
            return _no_way(turn, circle, draw, found)
        by_rail, carrier, label = found.most, found.route.carrier, found.label
    return Payout(
        id=turn.tools.new_id(),
        ref=payout_ref(turn.tools.randbelow),
        circle=circle.code,
        round=draw.round,
        hand=draw.hand,
        kind="draw",
        person_id=draw.person_id,
        cash=split.cash,
        rail_amount=by_rail,
        carrier=carrier,
        via_banker=via_banker,
        label=label,
        state=PayoutState.ASKED,
        started_by=turn.person_id,
        approver_id=None,
        approved_by=None,
        asks=1,
        provider_ref=None,
        asked_at=turn.at,
    )


def _no_way(turn: Turn, circle: Circle, draw: Draw, because: Refusal) -> Refusal:
    """Money that stands with the wrong carrier is finance's to move: they are asked, once a day."""
    if because.because.name == "rail_short":
        key = f"short:{circle.code}:{draw.round}:{draw.hand}:{local_date(turn.at)}"
        turn.plan(key, turn.at, f"circle:{circle.code}", c.RailShort(circle.code, draw.round, draw.owed))
    return because


def rail_short(turn: Turn, command: c.RailShort) -> None:
    """Tell finance of a draw that waits for money to be moved to the carrier that can pay it."""
    circle = turn.book.circle(command.circle)
    figures: dict[str, Figure] = {"circle": circle.name, "amount": circle.money(command.amount), "code": circle.code}
    turn.tell_staff([Role.FINANCE], say("staff_rail_short", **figures))


def your_draw(turn: Turn, circle: Circle, draw: Draw, payout: Payout) -> Say:
    """Tell the drawer the sum, how it is worked out, and how it comes (rules.md 30)."""
    if draw.round > circle.turns:
        return _your_share(turn, circle, draw, payout)
    half = draw.gross < circle.gross
    parts = [text("sum_half" if half else "sum_gross", amount=circle.money(draw.gross, round=draw.round))]
    offsets = {"fee": draw.fee, "throw": draw.offset_throw, "arrears": draw.offset_arrears}
    parts += _sums(circle, draw, offsets)
    more = _sums(circle, draw, {"reserve": draw.reserve, "late": draw.offset_late})
    figures: dict[str, Figure] = {
        "who": turn.book.person(draw.person_id).first_name,
        "circle": circle.name,
        "net": circle.money(draw.net, round=draw.round),
    }
    lines = [text("your_draw", how=paths.how(turn, circle, payout), sums=tuple(parts), **figures)]
    if more:
        lines.append(text("your_draw_also", sums=tuple(more)))
    if payout.amount < draw.owed:
        owed = circle.money(draw.owed - payout.amount, round=draw.round)
        lines.append(text("your_draw_short", now=circle.money(payout.amount, ref=payout.ref), owed=owed))
    return Say(tuple(lines))


def _your_share(turn: Turn, circle: Circle, draw: Draw, payout: Payout) -> Say:
    """Tell a member what comes of their share after an early end, and how (rules.md 48)."""
    amount, how = circle.money(payout.amount, ref=payout.ref), paths.how(turn, circle, payout)
    lines = [text("your_share", circle=circle.name, amount=amount, how=how)]
    if left := draw.owed - payout.amount:
        lines.append(text("received_short", owed=circle.money(left, round=draw.round)))
    return Say(tuple(lines))


def _sums(circle: Circle, draw: Draw, parts: Mapping[str, int]) -> list[Text]:
    """Say what came off a draw, but for what is nothing."""
    some = {name: amount for name, amount in parts.items() if amount}
    return [text(f"sum_{name}", amount=circle.money(amount, round=draw.round)) for name, amount in some.items()]
