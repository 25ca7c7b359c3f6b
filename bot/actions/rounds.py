"""Rounds by the clock: open, cut off, close, pay day, remind (rules.md 16-21). Each step is atomic and may be repeated."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from bot.actions import draws, throws
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Say, Text, say, text
from domain import commands as c
from domain import ledger
from domain.pardna import (
    Circle,
    CircleState,
    DrawState,
    Due,
    Hand,
    Member,
    MemberState,
    Round,
    RoundState,
    ThrowState,
)
from domain.pardna import Draw as DrawRow
from domain.schedule import JAMAICA, RoundDates, local_date, round_dates
from domain.standing import Owed, Seat
from storage.duties import Duty

MORNING = time(9)
REMIND_BEFORE = timedelta(days=2)


def _morning(day: date) -> datetime:
    return datetime.combine(day, MORNING, JAMAICA).astimezone(UTC)


def schedule_all(turn: Turn, circle: Circle) -> None:
    """Give every round its dates, all from the first one, and plan its steps."""
    for number in range(1, circle.turns + 1):
        dates = round_dates(circle.first_due, circle.frequency, number, circle.grace_days, turn.tools.calendar)
        turn.book.put(Round(circle.code, number, dates.due, dates.grace_until, dates.pays_on, RoundState.SCHEDULED))
        turn.book.plan(*(d for d in _duties(circle, number, dates) if d.due_at > turn.at))


def _duties(circle: Circle, number: int, dates: RoundDates) -> list[Duty]:
    """Plan the steps of one round, each under a key of its own."""
    steps = [
        ("remind", "soon", _morning(dates.due - REMIND_BEFORE)),
        ("remind", "today", _morning(dates.due)),
        ("cut_off", "", dates.cut_off),
        ("remind", "late", _morning(dates.due + timedelta(days=1))),
        ("close_round", "", dates.closes_at),
        ("pay_day", "", _morning(dates.pays_on)),
    ]
    body = {"circle": circle.code, "round": number}
    return [
        Duty(
            ":".join(filter(None, (kind, circle.code, str(number), which))),
            at,
            f"circle:{circle.code}",
            kind,
            body,
        )
        for kind, which, at in steps
    ]


def open_round(turn: Turn, circle: Circle, number: int) -> None:
    """Open a round: every hand owes its throw, credit pays first, and each member is told."""
    round_ = turn.book.must(Round, circle.code, number)
    if round_.state is not RoundState.SCHEDULED:
        return
    turn.book.put(replace(round_, state=RoundState.OPEN))
    turn.book.put(*(Due(circle.code, number, h.number, circle.throw) for h in turn.book.hands(circle.code)))
    members = [m for m in turn.book.members(circle.code) if m.state is MemberState.IN]
    for member in members:
        used = throws.use_credit(turn, circle, member.person_id, number)
        turn.tell(member.person_id, _opened(turn, circle, round_, member, used))
    throws.after_money(turn, circle, [number])


def _opened(turn: Turn, circle: Circle, round_: Round, member: Member, used: int) -> Say:
    drawer = next(h.person_id for h in turn.book.hands(circle.code) if h.turn == round_.number)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "round": round_.number,
        "turns": circle.turns,
        "due": round_.due,
        "who": turn.book.person(drawer).first_name,
    }
    owed = sum(d.left for d in throws.open_dues(turn, circle, member.person_id) if d.round == round_.number)
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
    circle = _running(turn, command.circle)
    if circle is None:
        return
    round_ = turn.book.must(Round, circle.code, command.round)
    if round_.state is RoundState.OPEN:
        turn.book.put(replace(round_, state=RoundState.GRACE))
    if command.round < circle.turns:
        open_round(turn, circle, command.round + 1)


def close_round(turn: Turn, command: c.CloseRound) -> None:
    """Grace is over: what is still open is missed, and the banker hears who (rules.md 21)."""
    circle = _running(turn, command.circle)
    if circle is None:
        return
    round_ = turn.book.must(Round, circle.code, command.round)
    if round_.state is not RoundState.GRACE:
        return
    turn.book.put(replace(round_, state=RoundState.CLOSED))
    owing: dict[str, int] = {}
    for due in turn.book.all(Due, circle=circle.code, round=command.round):
        if due.left:
            person = turn.book.must(Hand, circle.code, due.hand).person_id
            owing[person] = owing.get(person, 0) + due.left
    figures: dict[str, Figure] = {"circle": circle.name, "round": round_.number}
    for person, amount in owing.items():
        pay = Answer(f"PAY {circle.code}", text("menu_pay"))
        turn.tell(person, say("missed", pay, amount=circle.money(amount), due=round_.due, **figures))
    if owing:
        lines = tuple(
            text("missed_line", who=turn.book.person(p).first_name, amount=circle.money(a)) for p, a in owing.items()
        )
        turn.tell(circle.banker_id, say("missed_banker", lines=lines, pays_on=round_.pays_on, **figures))


def pay_day(turn: Turn, command: c.PayDay) -> None:
    """The payout date: the draw is worked out and the banker is asked to pay out. The keeper never pays (rules.md 35)."""
    circle = _running(turn, command.circle)
    if circle is None:
        return
    round_ = turn.book.must(Round, circle.code, command.round)
    if round_.state not in {RoundState.CLOSED, RoundState.GRACE, RoundState.OPEN}:
        return
    draw = turn.book.get(DrawRow, circle.code, command.round) or draws.open_draw(turn, circle, round_)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "code": circle.code,
        "round": round_.number,
        "who": turn.book.person(draw.person_id).first_name,
        "amount": circle.money(draw.net),
    }
    if draw.held_for:
        turn.tell(circle.banker_id, say(f"pay_day_held_{draw.held_for}", **figures))
        return
    there = min(draw.owed, turn.book.balance(_pot(circle, round_)))
    pay = Answer(f"PAY OUT {circle.code}", f"PAY OUT {circle.code}")
    if not there:
        turn.book.put(
            replace(draw, state=DrawState.SHORT),
            replace(turn.book.must(Round, circle.code, round_.number), state=RoundState.PAID_SHORT),
        )
        turn.tell(circle.banker_id, say("pay_day_empty", **figures))
    elif there < draw.owed:
        turn.tell(circle.banker_id, say("pay_day_short", pay, there=circle.money(there), **figures))
    else:
        turn.tell(circle.banker_id, say("pay_day", pay, **figures))


def _pot(circle: Circle, round_: Round) -> ledger.Account:
    return ledger.pot(circle.code, round_.number)


# -- reminding ------------------------------------------------------------------------------------------------


def remind(turn: Turn, command: c.Remind) -> None:
    """Have each member who owes in this round get the morning's digest: one a day, whatever the number of circles."""
    circle = _running(turn, command.circle)
    if circle is None:
        return
    owing = {
        turn.book.must(Hand, circle.code, due.hand).person_id
        for due in turn.book.all(Due, circle=circle.code, round=command.round)
        if due.left
    }
    day = local_date(turn.at)
    for person in sorted(owing):
        turn.book.plan(Duty(f"digest:{person}:{day}", turn.at, f"person:{person}", "digest", {"person_id": person}))


def digest(turn: Turn, command: c.Digest) -> None:
    """Tell one person all that is due within two days, due today or late, in one message (rules.md 55)."""
    standing = turn.standings.get(command.person_id)
    if standing is None:
        return
    today = local_date(turn.at)
    lines: list[Text] = []
    for seat in standing.seats:
        if seat.is_member and seat.running:
            lines += [line for owed in seat.owed if (line := _reminder(seat, owed, today))]
    if lines:
        turn.tell(command.person_id, Say(tuple(lines), (Answer("PAY", text("menu_pay")),)))


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


def showing(turn: Turn, circle: Circle) -> int:
    """Return the round a roster is about: the one that is open, or the last that was; 0 before the start."""
    return throws.current_round(turn, circle) if turn.book.rounds(circle.code) else 0


def throw_state(turn: Turn, circle: Circle, number: int, hand: Hand) -> ThrowState:
    """Return how far one hand's throw of a round is."""
    due = turn.book.must(Due, circle.code, number, hand.number)
    return due.state(turn.book.must(Round, circle.code, number).state)
