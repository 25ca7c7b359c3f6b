"""ROSTER: who is in, who draws when, who has thrown."""

from bot.actions import rounds, settling
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, say, text
from domain import commands as c
from domain.pardna import Circle, Hand, Member, MemberState


def roster(turn: Turn, command: c.Roster) -> Say | Refusal:
    """Say who is in, who draws when, who has thrown this round, and who asks to join."""
    circle = turn.book.circle(command.circle)
    number = settling.current_round(turn, circle)
    lines: list[Text | str] = [_roster_line(turn, circle, hand, number) for hand in turn.book.hands(circle.code)]
    asking = [m for m in turn.book.members(circle.code) if m.state is MemberState.ASKED]
    is_banker = turn.person_id == circle.banker_id
    lines += [text("roster_asks", who=_shown(turn, m, is_banker=is_banker), hands=m.hands) for m in asking]
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "code": circle.code,
        "taken": len(turn.book.hands(circle.code)),
        "turns": circle.turns,
    }
    answers = (Answer(f"APPROVE {circle.code} ALL", text("approve_all")),) if asking and is_banker else ()
    return say("roster_said", *answers, lines=tuple(lines) or (text("roster_nobody"),), **figures)


def _shown(turn: Turn, member: Member, *, is_banker: bool) -> str:
    """Return the whole name to the banker, who has to approve by it, and the first name to others."""
    person = turn.book.person(member.person_id)
    return person.name if is_banker else person.first_name


def _roster_line(turn: Turn, circle: Circle, hand: Hand, number: int) -> Text:
    who = turn.book.person(hand.person_id).first_name
    if not number:
        return text("roster_line", turn=hand.turn, who=who)
    state = rounds.throw_state(turn, circle, number, hand)
    return text("roster_line_state", turn=hand.turn, who=who, state=text(f"state_{state.value.lower()}"))
