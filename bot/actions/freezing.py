"""What keeps a person's draws from being sent for now, and the words of staff and members about it.

New account details and new or removed addresses freeze for a day (rules.md 34, 53); staff freeze for as long as they
need. Who is frozen is told the same in both cases (rules.md 58), so nothing here says why.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.actions.humans import queue_line
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, refuse, say
from domain import commands as c
from domain.people import Address, Freeze, Person, Role, Ticket, TicketKind, parties_of

LASTS = timedelta(hours=24)


def frozen_until(turn: Turn, person_id: str) -> datetime | None:
    """Return until when nothing may be sent to a person (FOR_EVER: until staff say so); None: nothing is in the way."""
    freeze = turn.book.get(Freeze, person_id)
    return freeze.lasts_until(turn.at) if freeze else None


def is_held(turn: Turn, person_id: str) -> bool:
    """Whether staff, or the person themselves, hold all their draws, cash from the banker too."""
    freeze = turn.book.get(Freeze, person_id)
    return freeze is not None and freeze.held


def rest_a_day(turn: Turn, person_id: str) -> None:
    """Send this person nothing for a day; a freeze that lasts longer stays."""
    freeze = turn.book.get(Freeze, person_id) or Freeze(person_id)
    until = turn.at + LASTS
    turn.book.put(replace(freeze, until=max(until, freeze.until or until)))
    _pay_fees(turn, person_id, until)


def _pay_fees(turn: Turn, person_id: str, at: datetime) -> None:
    """Have what circles owe this person as their banker paid when nothing is in the way any more (rules.md 31)."""
    key = f"fees:{person_id}:{at:%Y-%m-%dT%H:%M:%S}"
    turn.plan(key, at, f"person:{person_id}", c.PayFees(person_id))


def tell_everywhere(turn: Turn, person_id: str, what: Say) -> None:
    """Tell a person on every address, but for the one that is being answered."""
    for address in turn.book.addresses(person_id):
        if address.party != turn.party:
            turn.tell_party(address.party, what)


def stop_draws(turn: Turn, _: c.StopDraws) -> Say | Refusal:
    """The member stops everything until a person has spoken to them. It needs no PIN: it may be in other hands."""
    freeze = turn.book.get(Freeze, turn.person_id) or Freeze(turn.person_id)
    waiting = turn.book.all(Ticket, person_id=turn.person_id, subject="stopped", closed_at=None)
    if freeze.held and waiting:
        return say("draws_stopped", ref=waiting[0].ref)
    turn.book.put(replace(freeze, held=True))
    ticket = turn.open_ticket(TicketKind.AGENT, person_id=turn.person_id, subject="stopped")
    told = say("staff_stopped", line=queue_line(turn, ticket), ref=ticket.ref)
    turn.tell_staff([Role.SUPPORT, Role.COMPLIANCE], told)
    stopped = say("draws_stopped", ref=ticket.ref)
    tell_everywhere(turn, turn.person_id, stopped)
    return stopped


# -- staff ----------------------------------------------------------------------------------------------------


def freeze_draws(turn: Turn, command: c.FreezeDraws) -> Say | Refusal:
    """Send somebody nothing until UNFREEZE. They are told nothing: their draws read as waiting (rules.md 58)."""
    return _hold(turn, command.person_named, command.reason, held=True)


def unfreeze_draws(turn: Turn, command: c.UnfreezeDraws) -> Say | Refusal:
    """Send somebody money again. What has to rest a day still does."""
    return _hold(turn, command.person_named, command.reason, held=False)


def _hold(turn: Turn, named: str, reason: str, *, held: bool) -> Say | Refusal:
    person = whom(turn, named)
    if isinstance(person, Refusal):
        return person
    freeze = turn.book.get(Freeze, person.id) or Freeze(person.id)
    turn.book.put(replace(freeze, held=held))
    if not held:
        _pay_fees(turn, person.id, turn.at)
    on_record(turn, person.id, "freeze" if held else "unfreeze", reason)
    return say("frozen" if held else "unfrozen", name=person.name)


def whom(turn: Turn, named: str) -> Person | Refusal:
    """Return whom staff mean: by the reference of an open ticket, an address, or the whole name if it is one person's.

    Refuses for oneself: staff decide nothing about themselves.
    """
    found = {t.person_id for t in turn.book.all(Ticket, ref=named.upper(), closed_at=None) if t.person_id}
    found |= {a.person_id for a in turn.book.all(Address) if a.party in parties_of(named)}
    if not found:
        found = {p.id for p in turn.book.all(Person) if p.name.lower() == named.lower()}
    if len(found) > 1:
        return refuse("whom_many", name=named)
    if not found:
        return refuse("whom_none", name=named)
    person = turn.book.person(found.pop())
    return refuse("not_own_ticket") if person.id == turn.person_id else person


def on_record(turn: Turn, person_id: str, subject: str, reason: str) -> None:
    """Keep who of staff did what to whom, and why (sealed), as a line of the queue that is closed."""
    ticket = turn.open_ticket(TicketKind.KYC, person_id=person_id, subject=subject, note=reason)
    turn.book.put(replace(ticket, closed_at=turn.at, closed_by=turn.person_id, outcome=subject))
