"""Where a person's draws go: whose account it is, from where it may be changed, and who hears of it.

Nothing here decides on a payout. What it keeps of an account is sealed and shown by its last four figures.
"""

from dataclasses import replace

from bot.actions import freezing
from bot.actions.humans import queue_line
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, refuse, say
from domain import commands as c
from domain.people import Destination, Role, Ticket, TicketKind, same_holder

SUBJECT = "account"
"""What a ticket about an account is called in QUEUE, before the label of it."""


def set_destination(turn: Turn, command: c.SetDestination) -> Say | Refusal:
    """Keep where somebody's draws go, when the account is theirs; else staff look at it first (rules.md 34).

    By SMS nobody changes it, since a sender can be forged: staff make sure of the person first (rules.md 54).
    """
    by_sms = turn.party.startswith("sms:")
    if command.kind == "cash" and not (by_sms and _has_account(turn)):
        _keep(turn, turn.person_id, command)
        return say("payout_is_cash")
    if by_sms:
        return say("payout_by_sms", ref=_ask_staff(turn, command).ref)
    if same_holder(turn.me.name, command.holder):
        _keep(turn, turn.person_id, command)
        return say("payout_is_account", label=_label(command), name=command.holder)
    _keep(turn, turn.person_id, c.SetDestination("cash"))
    ticket = _ask_staff(turn, command)
    return say("payout_other_name", label=_label(command), ref=ticket.ref)


def _has_account(turn: Turn) -> bool:
    where = turn.book.destination(turn.person_id)
    return where is not None and where.kind != "cash"


def _keep(turn: Turn, person_id: str, command: c.SetDestination) -> None:
    """Write it down, have draws rest a day, and let all addresses know. What waited for staff is overtaken."""
    before = turn.book.destination(person_id)
    for old in _waiting(turn, person_id):
        turn.book.put(replace(old, closed_at=turn.at, outcome="set otherwise"))
    if command.kind == "cash" and (before is None or before.kind == "cash"):
        turn.book.put(Destination(person_id, "cash", "", None, before.set_at if before else turn.at))
        return
    details = "|".join(
        part.replace("|", " ") for part in (command.place, command.branch, command.account, command.holder)
    )
    sealed = turn.tools.vault.seal(f"destination.sealed|{person_id}", details.encode()) if command.account else None
    turn.book.put(Destination(person_id, command.kind, _label(command), sealed, turn.at))
    freezing.rest_a_day(turn, person_id)
    freezing.tell_everywhere(turn, person_id, say("payout_changed"))


def _label(command: c.SetDestination) -> str:
    return f"{command.place} ...{command.account[-4:]}" if command.account else ""


# -- staff ----------------------------------------------------------------------------------------------------


def is_about_account(ticket: Ticket) -> bool:
    """Whether a line of the queue asks whose account it is."""
    return ticket.kind is TicketKind.KYC and ticket.subject.startswith(SUBJECT)


def _waiting(turn: Turn, person_id: str) -> list[Ticket]:
    mine = turn.book.all(Ticket, person_id=person_id, closed_at=None)
    return [ticket for ticket in mine if is_about_account(ticket)]


def _ask_staff(turn: Turn, command: c.SetDestination) -> Ticket:
    """Put details into the queue, sealed; they count for nothing until staff say OK. The newest alone waits."""
    for old in _waiting(turn, turn.person_id):
        turn.book.put(replace(old, closed_at=turn.at, outcome="stated again"))
    parts = (command.kind, command.place, command.branch, command.account, command.holder)
    note = "|".join(part.replace("|", " ") for part in parts)
    label = _label(command) or "cash"
    subject = f"{SUBJECT} {label}"
    ticket = turn.open_ticket(TicketKind.KYC, person_id=turn.person_id, subject=subject, note=note)
    asked = say("staff_account", line=queue_line(turn, ticket), name=command.holder or turn.me.name, ref=ticket.ref)
    turn.tell_staff([Role.COMPLIANCE], asked)
    freezing.tell_everywhere(turn, turn.person_id, say("payout_offered"))
    return ticket


def decide(turn: Turn, ticket: Ticket, verdict: str) -> Say | Refusal:
    """Staff have made sure of the person and the account (OK), or could not (NO)."""
    if not turn.roles & {Role.COMPLIANCE, Role.ADMIN}:
        return refuse("case_of_identity", ref=ticket.ref)
    if ticket.person_id == turn.person_id or ticket.person_id is None or ticket.sealed is None:
        return refuse("not_own_ticket")
    if verdict.upper() not in {"OK", "NO"}:
        return refuse("case_verdict", ref=ticket.ref)
    turn.book.put(replace(ticket, closed_at=turn.at, closed_by=turn.person_id, outcome=verdict.upper()))
    opened = turn.tools.vault.open(f"ticket.note|{ticket.id}", ticket.sealed).decode()
    wanted = c.SetDestination(*opened.split("|"))
    label = ticket.subject.removeprefix(SUBJECT).strip()
    if verdict.upper() == "OK":
        _keep(turn, ticket.person_id, wanted)
        turn.tell(ticket.person_id, say("account_ok", label=label))
    else:
        turn.tell(ticket.person_id, say("account_no", label=label))
    return say("account_done", ref=ticket.ref, name=turn.book.person(ticket.person_id).name)
