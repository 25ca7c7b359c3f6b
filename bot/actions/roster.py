"""ROSTER: who is in, who draws when, who has thrown; of a circle that runs with its picture."""

from collections.abc import Iterator
from dataclasses import replace

from bot.actions import cards, lottery, misses, ordering, rounds, scores, settling, waiving
from bot.actions.names import called
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, say, text
from domain import commands as c
from domain.pardna import Circle, MemberState, lone_halves, shown, weight

MOST_ASKERS = 5
MOST_WAIVED = 3


def roster(turn: Turn, command: c.Roster) -> Say | Refusal:
    """Say who is in, who draws when, who has thrown this round, and who asks to join."""
    circle = turn.book.circle(command.circle)
    number = settling.current_round(turn, circle)
    names = called(turn, circle.code)
    lines: list[Text | str] = [*_turn_lines(turn, circle, number, names)]
    everyone = (m for m in turn.book.members(circle.code) if m.state is MemberState.ASKED)
    asking = sorted(everyone, key=lambda m: m.asked_at)
    is_banker = turn.person_id == circle.banker_id
    for member in asking[:MOST_ASKERS]:  # to the banker whole names, who has to approve by them
        name = names[member.person_id]
        who = name if is_banker else _short(turn, member.person_id, name)
        if is_banker:
            tier = scores.tier_text(turn, member.person_id)
            lines.append(text("roster_asks_banker", who=who, hands=shown(member.halves), tier=tier))
        else:
            lines.append(text("roster_asks", who=who, hands=shown(member.halves)))
    if len(asking) > MOST_ASKERS:
        lines.append(text("roster_more", count=len(asking) - MOST_ASKERS))
    persons = sorted({hand.person_id for hand in turn.book.hands(circle.code)}, key=names.__getitem__)
    lines += misses.standings(turn, circle, persons if is_banker else [p for p in persons if p == turn.person_id])
    lines += waiving.lines(turn, circle, MOST_WAIVED)
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "code": circle.code,
        "taken": shown(weight(turn.book.hands(circle.code))),
        "turns": circle.turns,
    }
    answers = (Answer(f"APPROVE {circle.code} ALL", text("approve_all")),) if asking and is_banker else ()
    said = say("roster_said", *answers, lines=tuple(lines) or (text("roster_nobody"),), **figures)
    if not number:
        return said
    texts = (*said.texts, cards.progress(turn, circle))
    return replace(said, texts=texts, drawn=cards.of_round(turn, circle, number))


def _short(turn: Turn, person: str, name: str) -> str:
    """Return the first name, with the number that tells two of one name apart."""
    whole = turn.book.person(person)
    return whole.first_name + name.removeprefix(whole.name)


def _turn_lines(turn: Turn, circle: Circle, number: int, names: dict[str, str]) -> Iterator[Text]:
    """Yield one line a hand; a half is marked, and where it stands alone there is a line for the other one."""
    if ordering.is_drawn_later(turn, circle):
        for drawn, label in lottery.labels(turn, circle).items():
            yield text("roster_line_hand", number=drawn, who=label)
        return
    hands = turn.book.hands(circle.code)
    alone = lone_halves(hands)
    for hand in hands:
        who = cards.hand_of(_short(turn, hand.person_id, names[hand.person_id]), hand)
        if number:
            state = text(f"state_{rounds.throw_state(turn, circle, number, hand).value.lower()}")
            yield text("roster_line_state", turn=hand.turn, who=who, state=state)
        else:
            yield text("roster_line", turn=hand.turn, who=who)
        if hand in alone:
            yield text("roster_half_open", turn=hand.turn)
