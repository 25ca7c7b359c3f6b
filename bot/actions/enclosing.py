"""Files that people send: got by the relay, then laid with the line of the queue that they are for, for staff to see.

They lie with an open line of the sender's own: the one that the words beside it name, else their TRN, a dispute, a
payout, or what they asked a person. Who has no line open gets one.
"""

from bot.actions import papers
from bot.actions.humans import queue_line
from bot.actions.turn import Order, Turn
from bot.words.say import Answer, Refusal, Say, refuse, say, text
from domain import commands as c
from domain.codes import normalise_code
from domain.enclosures import DAY, MOST_A_DAY, OPEN_FOR, PDF, Enclosure, EnclosureFacts
from domain.people import Role, Ticket, TicketKind

CARRIER = "files"
LIES_WITH = (TicketKind.KYC, TicketKind.DISPUTE, TicketKind.PAYOUT, TicketKind.AGENT)
"""Which of somebody's own lines a file lies with, the first kind first."""
LONGEST_TOLD = 200
"""Characters of the words beside it that staff are sent at once."""
WHY = frozenset({"too_large", "wrong_kind", "infected", "gone"})
"""Reasons that somebody can do something about; any other is trouble of ours."""


def take_file(turn: Turn, command: c.TakeFile) -> Refusal | None:
    """Have a file fetched. What comes of it is said then: one file, one answer."""
    lately = [e for e in turn.book.all(Enclosure, person_id=turn.person_id) if turn.at - e.kept_at < DAY]
    if max(len(lately), command.lately) >= MOST_A_DAY:
        return refuse("file_many", count=MOST_A_DAY)
    echo: dict[str, object] = {
        "enclosure_id": turn.tools.new_id(),
        "person_id": turn.person_id,
        "party": turn.party,
        "text": command.text,
    }
    body: dict[str, object] = {"channel": turn.party.partition(":")[0], "file": command.file, "party": turn.party}
    turn.orders.append(Order("fetch", CARRIER, f"fetch:{echo['enclosure_id']}", {**body, "echo": echo}))
    return None


def fetched(turn: Turn, command: c.Fetched) -> None:
    """Lay a file with its line, and tell its sender and staff."""
    if turn.book.get(Enclosure, command.enclosure_id):
        return
    ticket = _line_for(turn, command)
    turn.book.put(
        Enclosure(
            command.enclosure_id,
            command.person_id,
            ticket.id,
            command.mime,
            command.size_bytes,
            command.scanned,
            turn.at,
        )
    )
    is_kyc = ticket.kind is TicketKind.KYC
    turn.tell_party(command.party, say("file_kept_trn" if is_kyc else "file_kept", ref=ticket.ref))
    line, note = queue_line(turn, ticket), command.text.strip()[:LONGEST_TOLD]
    told = say("staff_file_note", line=line, note=note, ref=ticket.ref)
    turn.tell_staff(
        [Role.COMPLIANCE if is_kyc else Role.SUPPORT], told if note else say("staff_file", line=line, ref=ticket.ref)
    )


def not_fetched(turn: Turn, command: c.NotFetched) -> None:
    """Say why a file is not here and what would help."""
    turn.tell_party(command.party, say(f"file_{command.code if command.code in WHY else 'failed'}"))


def _line_for(turn: Turn, command: c.Fetched) -> Ticket:
    mine = [t for t in turn.book.all(Ticket, person_id=command.person_id, closed_at=None) if t.kind in LIES_WITH]
    named = {normalise_code(word.strip(".,:;!?")) for word in command.text.split()}
    mine.sort(key=lambda t: (t.ref not in named, LIES_WITH.index(t.kind), t.opened_at))
    if mine:
        return mine[0]
    return turn.open_ticket(TicketKind.AGENT, person_id=command.person_id, note=command.text)


def files(turn: Turn, command: c.Files) -> Say | Refusal:
    """Give staff a link to a file of a line, the newest unless another is named. It works for minutes."""
    ticket = next((t for t in turn.book.all(Ticket, ref=command.ticket_ref) if t.closed_at is None), None)
    if ticket is None:
        return refuse("no_ticket", ref=command.ticket_ref)
    if ticket.person_id == turn.person_id:
        return refuse("not_own_ticket")
    if ticket.kind is TicketKind.KYC and not turn.roles & {Role.COMPLIANCE, Role.ADMIN}:
        return refuse("not_staff")
    every = sorted(turn.book.all(Enclosure, ticket_id=ticket.id), key=lambda e: (e.kept_at, e.id))
    number = command.number or len(every)
    if not 1 <= number <= len(every):
        return refuse("files_none", ref=ticket.ref)
    return _shown(turn, ticket, every, number)


def _shown(turn: Turn, ticket: Ticket, every: list[Enclosure], number: int) -> Say:
    one = every[number - 1]
    facts = EnclosureFacts(one.id, ticket.ref, one.mime, one.scanned)
    kept = papers.keep(turn, facts, turn.person_id, lasts=OPEN_FOR)
    lines = (f"FILES {ticket.ref} {n}" for n in range(len(every), 0, -1) if n != number)
    return say(
        "files_one",
        *(Answer(line, line) for line in list(lines)[:2]),
        ref=ticket.ref,
        number=number,
        count=len(every),
        kind=text("file_pdf" if one.mime == PDF else "file_picture"),
        size=max(1, one.size_bytes // 1024),
        state=text("file_scanned" if one.scanned else "file_unscanned"),
        minutes=int(OPEN_FOR.total_seconds() // 60),
        link=f"{turn.tools.site}/f/{kept.token}",
    )
