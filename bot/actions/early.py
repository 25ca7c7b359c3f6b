"""The early end of a circle: who drew more than they threw owes it, who threw more gets it (rules.md 48).

The reckoning is one more round (`last_round`): its dues are the debts, its draws the shares, its pot all that the pots
of the turns hold. So debts are paid, short pots filled from the reserve, shared pro rata and paid out by the same words
as ever. Money that no throw has taken goes back whole, out of a round of its own (`own_round`).
"""

from dataclasses import replace

from bot.actions import covering, fees, paths, settling
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.early import cut, last_round, own_round, positions
from domain.ledger import Transfer
from domain.pardna import Circle, CircleState, Draw, DrawState, Due, Hand, MemberState, Round, RoundState, become
from domain.payments import OPEN_PAYOUTS, Payout, PayoutState
from domain.schedule import local_date


def ask_to_end(turn: Turn, command: c.AskToEnd) -> Say | Refusal:
    """Say who would owe and who would get what, and ask for the Yes."""
    circle = turn.book.circle(command.circle)
    if wrong := _cannot_end(turn, circle):
        return wrong
    answers = (Answer(f"CLOSE {circle.code} YES", text("yes")), Answer("MENU", text("no")))
    return say("ask_end", *answers, circle=circle.name, lines=_lines(turn, circle, _net(turn, circle)))


def end_early(turn: Turn, command: c.EndEarly) -> Say | Refusal:
    """End a circle that rests, for good: close what is open, and reckon."""
    circle = turn.book.circle(command.circle)
    if wrong := _cannot_end(turn, circle):
        return wrong
    net = _net(turn, circle)
    circle = replace(become(circle, CircleState.TERMINATED), ended_at=turn.at)
    turn.book.put(circle)
    _call_off(turn, circle)
    stood_in = _close_rounds(turn, circle)
    _reckon(turn, circle, net, stood_in)
    for person in _members(turn, circle):
        settling.spend_credit(turn, circle, person, f"ended-credit:{circle.code}:{person}")
    give_back(turn, circle)
    _tell(turn, circle)
    covering.fill(turn, circle)
    return say("ended", circle=circle.name, code=circle.code, lines=_lines(turn, circle, net))


def _cannot_end(turn: Turn, circle: Circle) -> Refusal | None:
    """Only a circle that rests ends early, and no payout may be under way: nobody could say who has its money."""
    if circle.state is CircleState.ACTIVE:
        return refuse("end_suspend_first", circle=circle.name, code=circle.code)
    if circle.state is not CircleState.SUSPENDED:
        return refuse("cannot_close", circle=circle.name)
    payouts = turn.book.all(Payout, circle=circle.code, kind="draw")
    under_way = [p for p in payouts if p.state in OPEN_PAYOUTS and p.state is not PayoutState.ASKED]
    if under_way:
        who = turn.book.person(under_way[0].person_id).first_name
        return refuse("end_under_way", circle=circle.name, who=who, ref=under_way[0].ref)
    return None


def _net(turn: Turn, circle: Circle) -> dict[int, int]:
    hands, draws = turn.book.all(Hand, circle=circle.code), turn.book.all(Draw, circle=circle.code)
    return dict(positions(hands, turn.book.all(Due, circle=circle.code), draws))


def _lines(turn: Turn, circle: Circle, net: dict[int, int]) -> tuple[Text, ...]:
    lines = []
    for hand, amount in sorted(net.items()):
        person = turn.book.must(Hand, circle.code, hand).person_id
        who = turn.book.person(person).first_name
        if amount < 0:
            lines.append(text("end_owes", who=who, amount=circle.money(-amount, whose=person)))
        elif amount:
            lines.append(text("end_owed", who=who, amount=circle.money(amount, whose=person)))
    return tuple(lines)


def _call_off(turn: Turn, circle: Circle) -> None:
    """Drop what waits for its second yes: its money has not left its pot."""
    for payout in turn.book.all(Payout, circle=circle.code, kind="draw", state=PayoutState.ASKED):
        turn.book.put(replace(payout, state=PayoutState.DROPPED, ended_at=turn.at))
        paths.close_tickets(turn, payout, "called off")


def _close_rounds(turn: Turn, circle: Circle) -> dict[str, int]:
    """Close all rounds, dues and draws. Returns what stood in for throws: the reserve (""), or bankers.

    What a banker who has a hand covered counts as thrown by them, and is not among it.
    """
    for round_ in turn.book.rounds(circle.code).values():
        turn.book.put(replace(round_, state=RoundState.PAID))
    turn.book.put(*(cut(draw) for draw in turn.book.all(Draw, circle=circle.code)))
    dues = turn.book.all(Due, circle=circle.code)
    turn.book.put(*(replace(d, waived=d.amount - d.paid, reserve=0, cover=0, late_fee=d.late_paid) for d in dues))
    holders = {hand.person_id for hand in turn.book.hands(circle.code)}
    stood_in = {"": sum(d.reserve for d in dues)}
    for due in dues:
        if due.cover and due.covered_by not in holders:
            stood_in[due.covered_by] = stood_in.get(due.covered_by, 0) + due.cover
    return stood_in


def _reckon(turn: Turn, circle: Circle, net: dict[int, int], stood_in: dict[str, int]) -> None:
    """Put all pots together, and make debts and shares of what each threw less what each drew."""
    number, code = last_round(circle), circle.code
    pot, reserve = ledger.pot(code, number), ledger.reserve(code)
    held = {n: turn.book.balance(ledger.pot(code, n)) for n in range(1, circle.turns + 1)}
    moves = [Transfer(ledger.pot(code, n), pot, amount) for n, amount in held.items() if amount]
    shares, debts = {h: n for h, n in net.items() if n > 0}, {h: -n for h, n in net.items() if n < 0}
    late = sum(shares.values()) - sum(debts.values()) - sum(held.values()) + sum(stood_in.values())
    if late > 0:  # nobody has drawn: late fees go back to who paid them
        moves.append(Transfer(reserve, pot, late))
    turn.book.put(_paying(turn, circle, number))
    turn.book.put(*(Due(code, number, hand, amount) for hand, amount in debts.items()))
    turn.book.put(*(_share(turn, circle, number, hand, amount) for hand, amount in shares.items()))
    home = []
    for by, amount in stood_in.items():
        bare = sum(d.bare for d in turn.book.all(Due, circle=code, round=number))
        covering.stand_in(turn, circle, number, min(amount, bare), by)
        if amount > bare:
            fee = ledger.fee(code) if by == circle.banker_id else ledger.credit(code, by)
            home.append(Transfer(pot, fee if by else reserve, amount - bare))
    if moves := [*moves, *home]:
        turn.post(f"ended:{code}", "ended", circle, *moves)
    fees.pay(turn, circle)


def _share(turn: Turn, circle: Circle, number: int, hand: int, amount: int) -> Draw:
    person = turn.book.must(Hand, circle.code, hand).person_id
    return Draw(circle.code, number, hand, person, DrawState.READY, amount, 0, 0, 0, 0, amount)


def _paying(turn: Turn, circle: Circle, number: int) -> Round:
    """Return a round that is being paid from today on."""
    today = local_date(turn.at)
    return Round(circle.code, number, today, today, today, RoundState.PAYING)


def give_back(turn: Turn, circle: Circle) -> None:
    """Let what a member has with a circle that has ended early, and owes nothing of, be paid out to them whole."""
    number, code, moves = own_round(circle), circle.code, []
    for person in _members(turn, circle):
        credit = ledger.credit(code, person)
        if not (amount := turn.book.available(credit)):
            continue
        hand = min(h.number for h in turn.book.all(Hand, circle=code, person_id=person))
        draw = turn.book.get(Draw, code, number, hand) or _share(turn, circle, number, hand, 0)
        state = DrawState.SHORT if draw.state is DrawState.DONE else draw.state
        turn.book.put(_paying(turn, circle, number))
        turn.book.put(replace(draw, state=state, gross=draw.gross + amount, net=draw.net + amount))
        moves.append(Transfer(credit, ledger.pot(code, number), amount))
    if moves:
        turn.post(f"own:{code}:{turn.tools.new_id()}", "own", circle, *moves)


def _members(turn: Turn, circle: Circle) -> list[str]:
    return sorted({m.person_id for m in turn.book.members(circle.code) if m.state is MemberState.IN})


def _tell(turn: Turn, circle: Circle) -> None:
    """Tell each member what they threw and drew, and what is open now."""
    for person in _members(turn, circle):
        if person == turn.person_id:
            continue
        turn.tell(person, _ended(turn, circle, person))


def _ended(turn: Turn, circle: Circle, person: str) -> Say:
    code, turns = circle.code, circle.turns
    dues = turn.book.dues_of(code, person)
    draws = turn.book.all(Draw, circle=code, person_id=person)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "thrown": circle.money(sum(d.paid for d in dues)),
        "drawn": circle.money(sum(d.gross for d in draws if d.round <= turns)),
    }
    lines = [text("ended_told", **figures)]
    answers: tuple[Answer, ...] = ()
    if owes := sum(d.left for d in dues):
        lines.append(text("ended_owe", amount=circle.money(owes), code=code))
        answers = (Answer(f"PAY {code}", text("menu_pay")),)
    if owed := sum(d.owed for d in draws):
        lines.append(text("ended_get", amount=circle.money(owed)))
    lines.append(text("ended_statement", code=code))
    return Say(tuple(lines), answers)
