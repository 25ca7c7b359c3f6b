"""What follows a missed throw: its late fee, how its member keeps up, and who hears of it (rules.md 21, 27, 40)."""

from dataclasses import replace

from bot.actions import drawers, proposing
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Say, Text, say, text
from domain.arrears import Keeping, keeping, missed_rounds
from domain.pardna import Circle, Due, Hand, Round, grace_over
from domain.schedule import cut_off
from domain.scores import Deed, Mark


def missed(turn: Turn, circle: Circle, person: str) -> list[int]:
    """Return the rounds that a member misses today (40)."""
    over = grace_over(turn.book.rounds(circle.code).values())
    own = {hand.turn for hand in turn.book.all(Hand, circle=circle.code, person_id=person)}
    return missed_rounds(turn.book.dues_of(circle.code, person), over, own)


def late_left(turn: Turn, circle: Circle, person: str) -> int:
    """Return what a member still owes in late fees."""
    return sum(d.late_left for d in turn.book.dues_of(circle.code, person))


def owing(turn: Turn, circle: Circle, number: int) -> dict[str, list[Due]]:
    """Return who owes what of a round. The throw of who draws comes off the draw, so it is not owed (21)."""
    found: dict[str, list[Due]] = {}
    drawing = drawers.people(turn, circle, number)
    for due in turn.book.all(Due, circle=circle.code, round=number):
        person = turn.book.must(Hand, circle.code, due.hand).person_id
        if due.left and person not in drawing:
            found.setdefault(person, []).append(due)
    return found


def close(turn: Turn, circle: Circle, round_: Round) -> None:
    """Grace is over: take late fees, mark it for the scores (56), tell those who missed the round and the banker."""
    missed_now = owing(turn, circle, round_.number)
    sums = {person: sum(d.left for d in dues) for person, dues in missed_now.items()}
    for person, dues in missed_now.items():
        turn.book.put(Mark(circle.code, round_.number, person, Deed.MISSED, cut_off(round_.grace_until)))
        fee = sum(_charge(turn, circle, due, person) for due in dues)
        figures: dict[str, Figure] = {"circle": circle.name, "round": round_.number, "due": round_.due}
        lines = [text("missed", amount=circle.money(sums[person]), **figures)]
        lines += [text("late_added", amount=circle.money(fee))] if fee else []
        lines += _in_default(turn, circle, round_, person)
        turn.tell(person, Say(tuple(lines), (Answer(f"PAY {circle.code}", text("menu_pay")),)))
    if sums:
        _tell_banker(turn, circle, round_, sums)


def _charge(turn: Turn, circle: Circle, due: Due, person: str) -> int:
    """Note the late fee of one missed throw: once, and with the others of its member no more than the cap (27)."""
    so_far = sum(d.late_fee for d in turn.book.dues_of(circle.code, person))
    agreed = proposing.at_round(turn, circle, due.round).terms
    fee = agreed.late_fee_of(due.left, due.amount, so_far)
    if fee:
        turn.book.put(replace(due, late_fee=fee))
    return fee


def _in_default(turn: Turn, circle: Circle, round_: Round, person: str) -> list[Text]:
    """Say kindly to a member who is in default what comes next: after the draw something else than before (41, 42)."""
    if keeping(missed(turn, circle, person)) is not Keeping.DEFAULTED:
        return []
    hands = turn.book.all(Hand, circle=circle.code, person_id=person)
    banker = turn.book.person(circle.banker_id).first_name
    if all(hand.turn <= round_.number for hand in hands):
        return [text("in_default_drawn", banker=banker)]
    return [text("in_default", banker=banker)]


def _tell_banker(turn: Turn, circle: Circle, round_: Round, sums: dict[str, int]) -> None:
    figures: dict[str, Figure] = {"circle": circle.name, "round": round_.number}
    named = {turn.book.person(p).first_name: circle.money(a, whose=p, round=round_.number) for p, a in sums.items()}
    lines = [text("missed_line", who=who, amount=amount) for who, amount in named.items()]
    said = say("missed_banker", lines=tuple(lines), pays_on=round_.pays_on, **figures)
    turn.tell(circle.banker_id, replace(said, texts=(*said.texts, *standings(turn, circle, list(sums)))))


def standings(turn: Turn, circle: Circle, persons: list[str]) -> list[Text]:
    """Say of those who are at risk or in default how far they are (40)."""
    lines = []
    for person in persons:
        rounds = missed(turn, circle, person)
        if rounds:
            state = text(f"keeping_{keeping(rounds).value.lower()}")
            who, numbers = turn.book.person(person).first_name, ", ".join(map(str, rounds))
            lines.append(text("keeping_line", who=who, state=state, rounds=numbers))
    return lines
