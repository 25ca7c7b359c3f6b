"""Dead letters, messages and orders that were given up: told to staff, sent again or let be by their word.

A letter's body stays sealed: staff see which network or rail it was for and why it was given up, and nobody's address.
"""

from dataclasses import replace

from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.people import Role, TicketKind
from storage.outbox import DeadLetter

SHOWN = 5
MESSAGES = frozenset({"say", "tap", "event"})
"""Kinds of parcels that move no money."""


def given_up(turn: Turn, command: c.LettersDead) -> None:
    """Tell support that something was given up."""
    turn.tell_staff([Role.SUPPORT], say("staff_letters", count=command.count))


def letters(turn: Turn, command: c.Letters) -> Say | Refusal:
    """List what was given up, or do with one of it what staff say."""
    if not command.act:
        return _listed(turn)
    letter = next((one for one in turn.dead if one.id == command.number), None)
    if letter is None:
        return refuse("letter_none", number=command.number)
    if letter.kind not in MESSAGES and not turn.roles & {Role.FINANCE, Role.ADMIN}:
        return refuse("case_of_money", ref=str(letter.id))
    if command.act == "retry" and letter.over:
        return refuse("letter_over", number=letter.id)
    ticket = turn.open_ticket(TicketKind.FAULT, person_id=None, subject=f"outbox {letter.id}")
    turn.book.put(replace(ticket, closed_at=turn.at, closed_by=turn.person_id, outcome=command.act))
    turn.decided[letter.id] = command.act
    return say("letter_retried" if command.act == "retry" else "letter_dropped", number=letter.id)


def _listed(turn: Turn) -> Say:
    if not turn.dead:
        return say("letters_none")
    return say("letters", count=len(turn.dead), lines=tuple(map(_line, turn.dead[:SHOWN])))


def _line(letter: DeadLetter) -> Text:
    carrier = letter.lane.partition(":")[0]
    return text("letter_line", number=letter.id, rail=carrier, kind=letter.kind, reason=letter.fault[:60])
