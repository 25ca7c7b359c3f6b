"""AGENT: one line a person in the staff's queue; what comes after is added to it, and staff hear of it once an hour."""

from dataclasses import replace
from datetime import timedelta

from bot.actions import deposits
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, refuse, say
from domain import commands as c
from domain.people import Person, Role, Ticket, TicketKind

TOLD_EVERY = timedelta(hours=1)
LONGEST_NOTE = 4000
"""Characters in all; more is a flood, or has to be told to the person who answers."""
LONGEST_TOLD = 1000
"""Characters of the end of it that staff are sent."""


def open_ticket(turn: Turn, command: c.OpenTicket) -> Say | Refusal:
    """A person wants a human: staff see it in QUEUE. Who waits for one already adds to the same line."""
    mine = turn.book.all(Ticket, kind=TicketKind.AGENT, person_id=turn.person_id, closed_at=None)
    waiting = next((t for t in mine if not t.subject), None)
    if waiting is None:
        ticket = turn.open_ticket(TicketKind.AGENT, person_id=turn.person_id, note=command.text)
        _tell_staff(turn, ticket, command.text)
        return say("agent_opened", ref=ticket.ref)
    note = f"{_note(turn, waiting)}\n{command.text}"
    if len(note) > LONGEST_NOTE:
        return refuse("agent_full", ref=waiting.ref)
    more = replace(waiting, sealed=turn.tools.vault.seal(_place(waiting), note.encode()))
    turn.book.put(more)
    told = more.told_at or more.opened_at
    if turn.at - told >= TOLD_EVERY:
        _tell_staff(turn, more, note)
    else:
        key = f"agent:{more.id}:{told:%Y-%m-%dT%H:%M}"
        turn.plan(key, told + TOLD_EVERY, f"person:{turn.person_id}", c.MoreForStaff(more.ref))
    return say("agent_added", ref=more.ref)


def more_for_staff(turn: Turn, command: c.MoreForStaff) -> None:
    """An hour after staff last heard of a line: tell them what was added since, unless it was answered."""
    for ticket in turn.book.all(Ticket, ref=command.ticket_ref, kind=TicketKind.AGENT, closed_at=None):
        if turn.at - (ticket.told_at or ticket.opened_at) >= TOLD_EVERY:
            _tell_staff(turn, ticket, _note(turn, ticket))


def slow_down(turn: Turn, command: c.SlowDown) -> None:
    """Tell somebody who writes too fast what becomes of it."""
    turn.tell_party(command.party, say("slow_down"))


def _place(ticket: Ticket) -> str:
    return f"ticket.note|{ticket.id}"


def _note(turn: Turn, ticket: Ticket) -> str:
    return turn.tools.vault.open(_place(ticket), ticket.sealed).decode() if ticket.sealed else ""


def _tell_staff(turn: Turn, ticket: Ticket, note: str) -> None:
    turn.book.put(replace(ticket, told_at=turn.at))
    line, end = queue_line(turn, ticket), note[-LONGEST_TOLD:]
    turn.tell_staff([Role.SUPPORT], say("staff_agent", line=line, note=end, ref=ticket.ref))


def _about(turn: Turn, ticket: Ticket) -> str:
    """Name what a line of QUEUE is about; money that nobody was found for by its sum and where it stands."""
    if ticket.kind is not TicketKind.MATCH:
        return ticket.subject
    deposit, _ = deposits.described(turn, ticket)
    sign = "-" if deposit.amount < 0 else ""
    return f"{sign}{deposit.money.text()} {deposit.carrier.upper()}"


def queue_line(turn: Turn, ticket: Ticket) -> str:
    """Write one line of QUEUE: `ref kind ...last3 name`."""
    person = turn.book.get(Person, ticket.person_id) if ticket.person_id else None
    trn = turn.book.trn(ticket.person_id) if ticket.person_id else None
    parts = [
        ticket.ref,
        ticket.kind.value,
        f"...{trn.last3}" if trn else "",
        person.name if person else "",
        _about(turn, ticket),
    ]
    return " ".join(part for part in parts if part)
