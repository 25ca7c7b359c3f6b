"""Rounds by the clock: open, cut off, close, pay day, remind (rules.md 16-21). Each step may be repeated."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from bot.actions import covering, drawers, ending, fees, holding, misses, planning, pots, proving, settling
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Say, Text, say, text
from domain import commands as c
from domain import ledger
from domain.pardna import (
    Circle,
    CircleState,
    Draw,
    DrawState,
    Due,
    Hand,
    Member,
    MemberState,
    Round,
    RoundState,
    ThrowState,
)
from domain.schedule import JAMAICA, RoundDates, local_date, round_dates
from domain.schedule import cut_off as cut_off_of
from domain.scores import Deed, Mark
from domain.standing import Owed, Seat

Step = c.Remind | c.CutOff | c.CloseRound | c.PayDay
MORNING = time(9)
REMIND_BEFORE = timedelta(days=2)


def _morning(day: date) -> datetime:
    return datetime.combine(day, MORNING, JAMAICA).astimezone(UTC)


def schedule_all(turn: Turn, circle: Circle) -> None:
    """Give every round its dates, all from the first one, and plan its steps."""
    reschedule(turn, circle, 1)


def reschedule(turn: Turn, circle: Circle, first: int, by: str = "") -> None:
    """Date the rounds from `first` on, none of which has opened, anew; `by` names what changed their dates.

    Steps that were planned before come all the same, and find that it is not their time.
    """
    for number in range(first, circle.turns + 1):
        dates = round_dates(circle.first_due, circle.frequency, number, circle.grace_days, turn.tools.calendar)
        turn.book.put(Round(circle.code, number, dates.due, dates.grace_until, dates.pays_on, RoundState.SCHEDULED))
        _plan_steps(turn, circle, number, dates, by)
    last = turn.book.must(Round, circle.code, circle.turns)
    at = _morning(last.pays_on + timedelta(days=1))
    key = ":".join(filter(None, ("end_circle", circle.code, by)))
    turn.plan(key, at, f"circle:{circle.code}", c.EndCircle(circle.code))


def _plan_steps(turn: Turn, circle: Circle, number: int, dates: RoundDates, by: str) -> None:
    """Plan the steps of one round that are still to come, each under a key of its own."""
    steps: tuple[tuple[type[Step], str, datetime], ...] = (
        (c.Remind, "soon", _morning(dates.due - REMIND_BEFORE)),
        (c.Remind, "today", _morning(dates.due)),
        (c.CutOff, "", dates.cut_off),
        (c.Remind, "late", _morning(dates.due + timedelta(days=1))),
        (c.CloseRound, "", dates.closes_at),
        (c.PayDay, "", _morning(dates.pays_on)),
    )
    for step, which, at in steps:
        key = ":".join(filter(None, (c.word(step), circle.code, str(number), which, by)))
        if at > turn.at:
            turn.plan(key, at, f"circle:{circle.code}", step(circle.code, number))


def open_round(turn: Turn, circle: Circle, number: int) -> None:
    """Open a round: every hand owes its throw, credit pays first, and each member is told."""
    round_ = turn.book.must(Round, circle.code, number)
    if round_.state is not RoundState.SCHEDULED:
        return
    turn.book.put(replace(round_, state=RoundState.OPEN))
    for hand in turn.book.hands(circle.code):
        turn.book.put(Due(circle.code, number, hand.number, circle.throw_of(hand.halves)))
    members = [m for m in turn.book.members(circle.code) if m.state is MemberState.IN and m.halves]
    for member in members:
        used = settling.use_credit(turn, circle, member.person_id, number)
        turn.tell(member.person_id, _opened(turn, circle, round_, member, used))
    pots.money_came(turn, circle, [number])


def _opened(turn: Turn, circle: Circle, round_: Round, member: Member, used: int) -> Say:
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "round": round_.number,
        "turns": circle.turns,
        "due": round_.due,
        "who": drawers.names(turn, circle, round_.number),
        "code": circle.code,
        "mark": proving.mark_for(turn, circle, member.person_id),
    }
    owed = sum(d.left for d in settling.open_dues(turn, circle, member.person_id) if d.round == round_.number)
    if not owed:
        return say("round_opened_paid", used=circle.money(used), **figures)
    pay = Answer(f"PAY {circle.code}", text("menu_pay"))
    lines: list[Text] = [text("round_opened", amount=circle.money(owed), **figures)]
    if used:
        lines.append(text("credit_used", used=circle.money(used)))
    return Say(tuple(lines), (pay,))


def _running(turn: Turn, code: str) -> Circle | None:
    circle = turn.book.get(Circle, code)
    return circle if circle and circle.state is CircleState.ACTIVE else None


def cut_off(turn: Turn, command: c.CutOff) -> None:
    """The due day is over: what is open is late, never missed; the next round opens (rules.md 20, 21)."""
    if circle := _running(turn, command.circle):
        catch_up(turn, circle)


def close_round(turn: Turn, command: c.CloseRound) -> None:
    """Grace is over: what is still open is missed, and the banker hears who (rules.md 21)."""
    if circle := _running(turn, command.circle):
        catch_up(turn, circle)


def catch_up(turn: Turn, circle: Circle) -> None:
    """Bring every round to where its dates put it now, in order.

    So it does not matter in which order the clock's steps come after a circle has rested, nor how often.
    """
    for number in range(1, circle.turns + 1):
        _catch_up(turn, circle, number)


def _catch_up(turn: Turn, circle: Circle, number: int) -> None:
    before = turn.book.get(Round, circle.code, number - 1)
    if before and turn.at >= cut_off_of(before.due):
        open_round(turn, circle, number)
    round_ = turn.book.must(Round, circle.code, number)
    if round_.state is RoundState.OPEN and turn.at >= cut_off_of(round_.due):
        round_ = replace(round_, state=RoundState.GRACE)
        turn.book.put(round_)
        _mark(turn, circle, round_)
    if round_.state is RoundState.GRACE and turn.at >= cut_off_of(round_.grace_until):
        turn.book.put(replace(round_, state=RoundState.CLOSED))
        misses.close(turn, circle, round_)


def _mark(turn: Turn, circle: Circle, round_: Round) -> None:
    """Keep for the scores who had thrown by the cut-off, and who was late (56)."""
    owing = misses.owing(turn, circle, round_.number)
    for person in sorted({hand.person_id for hand in turn.book.hands(circle.code)}):
        what = Deed.LATE if person in owing else Deed.CLEAN
        turn.book.put(Mark(circle.code, round_.number, person, what, cut_off_of(round_.due)))


def pay_day(turn: Turn, command: c.PayDay) -> None:
    """The payout date: the draw is worked out, the banker is asked to pay. The keeper never pays (rules.md 35)."""
    circle = _running(turn, command.circle)
    if circle is None:
        return
    catch_up(turn, circle)
    fees.pay(turn, circle)
    round_ = turn.book.must(Round, circle.code, command.round)
    if round_.state is not RoundState.CLOSED:
        return
    draws = drawers.draws_of(turn, circle, command.round)
    if not draws:
        draws = holding.open_draws(turn, circle, round_)
    elif any(draw.state is DrawState.HELD for draw in draws):  # held when the banker wanted to pay it early
        drawers.come_to(turn, circle, command.round)
        draws = [holding.look_again(turn, draw) if draw.state is DrawState.HELD else draw for draw in draws]
    pots.fill(turn, circle)
    _ask_to_pay(turn, circle, draws)
    ending.end_if_over(turn, circle)


def _ask_to_pay(turn: Turn, circle: Circle, draws: list[Draw]) -> None:
    """Ask the banker for what can be paid, and say what cannot; halves of which the same is said are named together."""
    waiting = [holding.ready(turn, d) for d in draws if d.state not in {DrawState.HELD, DrawState.DONE}]
    draws = [d for d in draws if d.state in {DrawState.HELD, DrawState.DONE}] + waiting
    there = {draw.hand: drawers.there_for(turn, circle, draw) for draw in waiting}
    said: dict[str, list[Draw]] = {}
    for draw in draws:
        said.setdefault(_pay_day(draw, there), []).append(draw)
    for asked, alike in said.items():
        if not asked:
            continue
        if asked == "pay_day_empty":
            turn.book.put(*(replace(draw, state=DrawState.SHORT) for draw in alike))
            drawers.come_to(turn, circle, alike[0].round)
        figures: dict[str, Figure] = {
            "circle": circle.name,
            "code": circle.code,
            "round": alike[0].round,
            "who": drawers.together(turn, (draw.person_id for draw in alike)),
            "amount": circle.money(sum(draw.net for draw in alike)),
            "there": circle.money(sum(there.get(draw.hand, 0) for draw in alike)),
        }
        answers = (pots.pay_out_answer(circle),) if asked in {"pay_day", "pay_day_short"} else ()
        what = say(asked, *answers, **figures)
        short = covering.missing(turn, circle, alike[0].round)
        if short and circle.cover and asked in {"pay_day_short", "pay_day_empty"}:
            promised = text("cover_promised", amount=circle.money(short), code=circle.code)
            what = replace(what, texts=(*what.texts, promised))
        turn.tell(circle.banker_id, what)


def _pay_day(draw: Draw, there: Mapping[int, int]) -> str:
    """Return what the banker is told of a draw on its day; "" for nothing."""
    if draw.held_for:
        return f"pay_day_held_{draw.held_for}"
    if draw.hand not in there:
        return ""
    if not there[draw.hand]:
        return "pay_day_empty"
    return "pay_day_short" if there[draw.hand] < draw.owed else "pay_day"


def end_circle(turn: Turn, command: c.EndCircle) -> None:
    """The last payout date is past: arrears hold nothing any more, and what is open is listed (rules.md 32, 51)."""
    circle = _running(turn, command.circle)
    if circle is None or local_date(turn.at) <= turn.book.must(Round, circle.code, circle.turns).pays_on:
        return
    catch_up(turn, circle)
    for draw in turn.book.all(Draw, circle=circle.code, state=DrawState.HELD, held_for="arrears"):
        holding.release(turn, draw, at_the_end=True)
    ending.end_if_over(turn, circle)


# -- reminding ------------------------------------------------------------------------------------------------


def remind(turn: Turn, command: c.Remind) -> None:
    """Have each member who owes in this round, or still a debt, get the morning's digest: one a day for all circles."""
    circle = _running(turn, command.circle)
    if circle is None:
        return
    owing = {
        turn.book.must(Hand, circle.code, due.hand).person_id
        for due in turn.book.all(Due, circle=circle.code, round=command.round)
        if due.left
    }
    members = (member.person_id for member in turn.book.members(circle.code))
    owing |= {person for person in members if _owes_beside(turn, circle, person)}
    for person in sorted(owing):
        holding.plan_digest(turn, person, "due")


def _owes_beside(turn: Turn, circle: Circle, person: str) -> bool:
    """Whether somebody owes a debt or late fees, and does not pay them in parts as agreed (rules.md 42)."""
    owes = turn.book.balance(ledger.debt(circle.code, person)) or misses.late_left(turn, circle, person)
    return bool(owes) and not planning.keeps_plan(turn, circle, person)


def digest(turn: Turn, command: c.Digest) -> None:
    """Tell one person in one message all that is nearly due, due or late, or all that is held (rules.md 55)."""
    standing = turn.standings.get(command.person_id)
    if standing is None:
        return
    if command.about == "held":
        lines = [line for seat in standing.seats for line in _held_lines(seat)]
        answer = Answer("TRN", "TRN")
    else:
        today = local_date(turn.at)
        running = [s for s in standing.seats if s.is_member and s.running]
        lines = [line for seat in running for line in _due_lines(seat, today)]
        answer = Answer("PAY", text("menu_pay"))
    if lines:
        turn.tell(command.person_id, Say(tuple(lines), (answer,)))


def _held_lines(seat: Seat) -> list[Text]:
    held = [t for t in seat.my_turns if t.state is DrawState.HELD and t.held_for == "trn"]
    return [text("draw_held_trn", amount=seat.money(t.net or 0, round=t.round), circle=seat.name) for t in held]


def _due_lines(seat: Seat, today: date) -> list[Text]:
    lines = [line for owed in seat.owed if (line := _reminder(seat, owed, today))]
    if seat.planned:
        return lines
    if seat.debt:
        lines.append(text("balance_debt", circle=seat.name, amount=seat.money(seat.debt), code=seat.code))
    if seat.late:
        lines.append(text("balance_late_fee", circle=seat.name, amount=seat.money(seat.late)))
    return lines


def _reminder(seat: Seat, owed: Owed, today: date) -> Text | None:
    figures: dict[str, Figure] = {
        "circle": seat.name,
        "amount": seat.money(owed.left),
        "due": owed.due,
        "round": owed.round,
        "until": owed.grace_until,
        "who": seat.drawer,
    }
    match owed.state:
        case RoundState.GRACE:
            return text("remind_late", **figures)
        case RoundState.OPEN if owed.due == today:
            return text("remind_today", **figures)
        case RoundState.OPEN if owed.due - today <= REMIND_BEFORE:
            return text("remind_soon", **figures)
        case _:
            return None


# -- looking --------------------------------------------------------------------------------------------------


def throw_state(turn: Turn, circle: Circle, number: int, hand: Hand) -> ThrowState:
    """Return how far one hand's throw of a round is."""
    due = turn.book.must(Due, circle.code, number, hand.number)
    return due.state(turn.book.must(Round, circle.code, number).state)
