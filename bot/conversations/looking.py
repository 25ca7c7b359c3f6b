"""What one may just look at: MENU, HELP, BALANCE, CIRCLES, DRAW, all from the standing alone."""

from datetime import date

from bot.conversations.flow import Talk
from bot.words.say import Answer, Figure, Say, Text, say, text
from domain.money import Money
from domain.pardna import WHOLE, CircleState, DrawState, RoundState, shown
from domain.schedule import local_date
from domain.standing import Ask, Owed, Seat, Standing, Turn

LIVE = {CircleState.OPEN, CircleState.LOCKED, CircleState.ACTIVE, CircleState.SUSPENDED}
MOST_ROWS = 10


def live(standing: Standing) -> list[Seat]:
    """Return the circles that are not over."""
    return [s for s in standing.seats if s.state in LIVE]


def menu_answers(standing: Standing) -> tuple[Answer, ...]:
    """Offer the five things most wanted by this person now."""
    seats = live(standing)
    answers: list[Answer] = []
    if any(s.is_member and s.running for s in seats):
        answers += [
            Answer("PAY", text("menu_pay")),
            Answer("BALANCE", text("menu_balance")),
            Answer("DRAW", text("menu_draw")),
        ]
    if seats:
        answers.append(Answer("CIRCLES", text("menu_circles")))
    else:
        answers += [Answer("JOIN", text("menu_join")), Answer("NEW", text("menu_new"))]
    if standing.roles:
        answers.append(Answer("QUEUE", text("menu_queue")))
    answers.append(Answer("HELP", text("menu_help")))
    return tuple(answers[:5])


def menu(talk: Talk) -> Say:
    """Say where things stand in a line, and offer what comes next."""
    standing = talk.standing
    name = standing.person.first_name if standing.person else ""
    asks = [ask_line(a) for a in standing.asks]
    owed = _owed(standing)
    if asks:
        head: Text = text("menu_asks", name=name, asks=tuple(asks[:2]))
    elif owed:
        head = text("menu_owed", name=name, owed=tuple(owed[:2]))
    elif live(standing):
        head = text("menu_clear", name=name)
    else:
        head = text("menu_start", name=name)
    return Say((head,), menu_answers(standing))


def ask_line(ask: Ask) -> Text:
    """Say one question that waits, with the word that answers it."""
    return text(f"waits_{ask.kind}", ref=ask.ref, circle=ask.circle_name, amount=ask.money, who=ask.who)


def _owed(standing: Standing) -> list[Text]:
    return [_owed_line(s) for s in live(standing) if s.owed_in_all]


def _owed_line(seat: Seat) -> Text:
    if not seat.owed:
        return text("balance_debt", circle=seat.name, amount=seat.money(seat.debt), code=seat.code)
    return text("owed_line", circle=seat.name, amount=seat.money(seat.owed_in_all), due=seat.owed[0].due)


def help_(talk: Talk) -> Say:
    """Say the words that fit this person."""
    seats = live(talk.standing)
    names = ["help_member", "help_more"]
    if any(s.is_banker for s in seats):
        names.append("help_banker")
    if talk.standing.roles:
        names.append("help_staff")
    return Say(tuple(text(n) for n in names), (Answer("MENU", text("menu")), Answer("AGENT", text("menu_agent"))))


def circles(talk: Talk) -> Say:
    """List my circles."""
    seats = live(talk.standing)
    if not seats:
        return say("circles_none", Answer("JOIN", text("menu_join")), Answer("NEW", text("menu_new")))
    return say("circles", lines=tuple(_circle_line(s) for s in seats[:MOST_ROWS]))


def _circle_line(seat: Seat) -> Text:
    role = (
        text("role_banker_too")
        if seat.is_banker and seat.is_member
        else text("role_banker" if seat.is_banker else "role_member")
    )
    common: dict[str, Figure] = {"code": seat.code, "circle": seat.name, "role": role}
    match seat.state:
        case CircleState.ACTIVE:
            return text("circle_active", round=seat.round, turns=seat.turns, throw=seat.money(seat.throw), **common)
        case CircleState.SUSPENDED:
            return text("circle_suspended", **common)
        case CircleState.LOCKED:
            return text("circle_locked", due=seat.first_due, **common)
    if seat.member_state == "ASKED":
        return text("circle_asked", **common)
    return text("circle_open", taken=shown(seat.taken), turns=seat.turns, **common)


def balance(talk: Talk) -> Say:
    """Say what I owe and what I have, circle by circle."""
    seats = [s for s in talk.standing.seats if _counts(s)]
    if not seats:
        return say("balance_none", *menu_answers(talk.standing))
    today = local_date(talk.standing.now)
    lines = tuple(line for seat in seats[:MOST_ROWS] for line in _balance_lines(seat, today))
    lines += tuple(ask_line(ask) for ask in talk.standing.asked("frozen"))
    owes = any(s.owed_in_all for s in seats)
    return say("balance", *([Answer("PAY", text("menu_pay"))] if owes else []), lines=lines)


def _counts(seat: Seat) -> bool:
    """Whether money is open between me and a circle: it runs, or it is over and something was left."""
    runs = seat.state in {CircleState.ACTIVE, CircleState.SUSPENDED}
    return (seat.is_member and (runs or bool(seat.owed_in_all or seat.credit))) or seat.cash_held > 0


def _balance_name(owed: Owed, today: date) -> str:
    """Name what is owed: never missed before grace has ended, however early the pot was paid out (rules.md 21)."""
    if owed.state is RoundState.OPEN:
        return "balance_due"
    if owed.state is RoundState.GRACE or today <= owed.grace_until:
        return "balance_late"
    return "balance_missed"


def _balance_lines(seat: Seat, today: date) -> list[Text]:
    lines: list[Text] = []
    if seat.debt:
        lines.append(text("balance_debt", circle=seat.name, amount=seat.money(seat.debt), code=seat.code))
    for owed in seat.owed:
        if owed.round > seat.turns:  # the reckoning of an early end is no round of anybody's (rules.md 48)
            lines.append(text("balance_ended", circle=seat.name, amount=seat.money(owed.left), code=seat.code))
            continue
        name = _balance_name(owed, today)
        lines.append(
            text(
                name,
                circle=seat.name,
                amount=seat.money(owed.left),
                round=owed.round,
                due=owed.due,
                until=owed.grace_until,
            )
        )
    if seat.late:
        lines.append(text("balance_late_fee", circle=seat.name, amount=seat.money(seat.late)))
    if not lines and seat.is_member:
        lines.append(text("balance_clear", circle=seat.name, round=seat.round, turns=seat.turns))
    if seat.credit:
        lines.append(text("balance_credit", amount=seat.money(seat.credit)))
    if seat.is_banker and seat.cash_held:
        lines.append(text("balance_cash", circle=seat.name, amount=seat.money(seat.cash_held)))
    return lines


def draw(talk: Talk) -> Say:
    """Say when my draws are and where they go."""
    lines: list[Text] = []
    for seat in talk.standing.seats:
        lines += [_turn_line(seat, turn) for turn in seat.my_turns if not _past(turn)]
        if seat.is_member and seat.running and seat.round:
            lines.append(
                text(
                    "draw_now",
                    circle=seat.name,
                    who=seat.drawer,
                    pot=seat.money(seat.pot, round=seat.round),
                    gross=seat.money(seat.gross),
                )
            )
    if not lines:
        return say("draw_none", *menu_answers(talk.standing))
    where = talk.standing.destination
    tail = text("draw_goes", label=where) if where else text("draw_no_account")
    return Say((text("draw", lines=tuple(lines[:MOST_ROWS])), tail))


def _past(turn: Turn) -> bool:
    return turn.state is DrawState.DONE


def _turn_line(seat: Seat, turn: Turn) -> Text:
    gross, fee, reserve = (whole * turn.halves // WHOLE for whole in (seat.gross, seat.fee, seat.reserve))
    amount: Money = seat.money(turn.net if turn.net is not None else gross - fee - reserve)
    common: dict[str, Figure] = {"circle": seat.name, "round": turn.round, "amount": amount}
    if turn.state is DrawState.HELD:
        return text(f"draw_held_{turn.held_for}", **common)
    if turn.state is DrawState.SHORT:
        return text("draw_short", paid=seat.money(turn.paid), **common)
    if seat.order_open:
        return text("draw_lottery", circle=seat.name, amount=amount)
    if turn.date is None:
        return text("draw_order", turns=seat.turns, **common)
    return text("draw_turn", date=turn.date, **common)
