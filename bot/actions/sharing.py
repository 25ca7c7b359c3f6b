"""What is left of the reserve of a circle that is over goes back to all hands, never to the house (rules.md 49, 50)."""

from bot.actions import early, pots, settling
from bot.actions.turn import Turn
from bot.words.say import Say, Text, text
from domain import commands as c
from domain import ledger
from domain.ledger import Transfer
from domain.pardna import OVER, CircleState, Hand, pro_rata


def share_reserve(turn: Turn, command: c.ShareReserve) -> None:
    """Fill what is still short, then share what is left by hands, the largest remainder first.

    A member's share pays what they owe, and else stands as their credit.
    """
    circle = turn.book.circle(command.circle)
    if circle.state not in OVER:
        return
    pots.money_came(turn, circle, [])
    left, hands = turn.book.balance(ledger.reserve(circle.code)), turn.book.all(Hand, circle=circle.code)
    parts = pro_rata(left, {hand.number: hand.halves for hand in hands})
    theirs: dict[str, int] = {}
    for hand in hands:
        theirs[hand.person_id] = theirs.get(hand.person_id, 0) + parts[hand.number]
    mine = {person: part for person, part in sorted(theirs.items()) if part}
    if not mine:
        return
    key = f"reserve-shared:{circle.code}:{turn.tools.new_id()}"
    reserve = ledger.reserve(circle.code)
    into = (Transfer(reserve, ledger.credit(circle.code, person), part) for person, part in mine.items())
    turn.post(key, "reserve", circle, *into)
    for person, part in mine.items():
        settling.spend_credit(turn, circle, person, f"{key}:{person}")
        lines: list[Text] = [text("reserve_shared", amount=circle.money(part), circle=circle.name)]
        credit = turn.book.balance(ledger.credit(circle.code, person))
        if credit and circle.state is CircleState.COMPLETED:
            lines.append(text("still_credit", amount=circle.money(credit)))
        turn.tell(person, Say(tuple(lines)))
    if circle.state is CircleState.TERMINATED:
        early.give_back(turn, circle)
