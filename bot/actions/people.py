"""People: onboarding, languages, addresses, TRN, staff's tickets."""

import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.actions import accounts, cash, freezing, holding, judging, paths, receiving
from bot.actions.humans import queue_line
from bot.actions.turn import Turn
from bot.words.say import Answer, Refusal, Say, refuse, say, text
from domain import commands as c
from domain.disputes import Dispute, DisputeState, Over
from domain.messages import Channel
from domain.pardna import Circle, Draw, DrawState
from domain.payments import Payment
from domain.people import (
    OF_MONEY,
    Address,
    Consent,
    LinkCode,
    Person,
    Role,
    Ticket,
    TicketKind,
    Trn,
    TrnState,
    can_talk,
    is_mail,
    shown_address,
)
from domain.schedule import local_date

LINK_CODE_LASTS = timedelta(minutes=10)
LINK_TRIES = 5
DAY = timedelta(days=1)
MOST_CODES = ((timedelta(hours=1), 3), (DAY, 10))
"""How many codes one person may have sent in an hour and in a day; when an address had so many, more come slowly."""
CODES_APART = timedelta(minutes=10)
QUEUE_PAGE = 10
IN_TURN = (
    TicketKind.ALERT,
    TicketKind.DISPUTE,
    TicketKind.PAYOUT,
    TicketKind.MATCH,
    TicketKind.FAULT,
    TicketKind.KYC,
    TicketKind.AGENT,
)
"""Which kind of ticket comes first in QUEUE."""


def onboard(turn: Turn, command: c.Onboard) -> Say | Refusal:
    """Keep who they are and what they agreed to."""
    known = turn.book.get(Address, turn.party)
    if known is not None:
        return say("welcome_back", name=turn.book.person(known.person_id).first_name)
    person = Person(turn.tools.new_id(), command.name, command.language, turn.at)
    consents = (Consent(person.id, kind, command.version, turn.at, turn.party) for kind in ("terms", "privacy"))
    turn.book.put(person, Address(turn.party, person.id, turn.at), *consents)
    turn.person_id = person.id
    start = (
        Answer("JOIN", text("menu_join")),
        Answer("NEW", text("menu_new")),
        Answer("HELP", text("menu_help")),
    )
    return say("onboarded", *start, name=person.first_name)


def set_language(turn: Turn, command: c.SetLanguage) -> Say | Refusal:
    """Speak to them in another language from now on."""
    turn.book.put(replace(turn.me, language=command.language))
    return say("language_set", Answer("MENU", text("menu")))


# -- addresses ------------------------------------------------------------------------------------------------


def stop(turn: Turn, command: c.Stop) -> Say | Refusal | None:
    """Send nothing more to this address. On SMS the carrier's platform has said so; by the SIM we do, once."""
    address = turn.book.get(Address, turn.party)
    again = address is not None and address.stopped_at is not None
    if address and (address.gone or not again):
        turn.book.put(replace(address, stopped_at=turn.at, gone=False))
    if turn.party.startswith("sms:") and (again or not command.by_sim):
        return None
    return say("stopped")


def start(turn: Turn, _: c.Start) -> Say | Refusal:
    """Write to this address again."""
    address = turn.book.get(Address, turn.party)
    if address is None:
        return say("start_stranger")
    if address.stopped_at is not None:
        turn.book.put(replace(address, stopped_at=None, gone=False))
    return say("started", Answer("MENU", text("menu")), name=turn.me.first_name)


def address_gone(turn: Turn, command: c.AddressGone) -> None:
    """The channel cannot reach them: nothing more is sent there until they let us in again, write or START.

    By mail nobody can do that, so they hear of it in their chat.
    """
    address = turn.book.get(Address, command.party)
    if address and address.stopped_at is None:
        turn.book.put(replace(address, stopped_at=turn.at, gone=True))
        if is_mail(address.party):
            turn.tell(address.person_id, say("mail_ended", address=shown_address(address.party)))


def address_back(turn: Turn, command: c.AddressBack) -> None:
    """The channel reaches them again; what they stopped themselves stays stopped (rules.md 55)."""
    address = turn.book.get(Address, command.party)
    if address and address.gone:
        turn.book.put(replace(address, stopped_at=None, gone=False))


def address_moved(turn: Turn, command: c.AddressMoved) -> None:
    """Follow somebody to the number that the channel says they have; their other addresses hear of it (rules.md 53).

    One that is somebody else's with us is not taken from them: then the old one alone comes to an end. So does an
    address of staff, and it stays theirs: whoever is given the old number next would have their rights.
    """
    old, there = turn.book.get(Address, command.party), turn.book.get(Address, command.moved_to)
    if old is None:
        return
    if there is not None or any(clerk.party == command.party for clerk in turn.staff):
        address_gone(turn, c.AddressGone(command.party))
        return
    told = say("moved_told", address=shown_address(command.moved_to))
    for other in turn.book.addresses(old.person_id):
        if other.party != command.party:
            turn.tell_party(other.party, told)
    freezing.rest_a_day(turn, old.person_id)
    turn.book.drop(old)
    turn.book.put(replace(old, party=command.moved_to, added_at=turn.at))


def start_link(turn: Turn, command: c.StartLink) -> Say | Refusal:
    """Send a one-time code to the address that is to be added (rules.md 53)."""
    if Channel(command.party.partition(":")[0]) not in turn.tools.channels:
        return refuse("link_off", address=shown_address(command.party))
    owner = turn.book.get(Address, command.party)
    if owner is not None and owner.person_id == turn.person_id:
        return refuse("link_mine_already", address=shown_address(command.party))
    # All goes the same way when the address belongs to somebody else, but for the code that nobody gets: so nobody
    # learns who is with us, neither now nor when a wrong code is typed.
    before = turn.book.get(LinkCode, command.party, turn.person_id)
    if _too_many_codes(turn) or _too_soon(turn, command.party, before):
        return refuse("link_many")
    live = before is not None and before.expires_at > turn.at
    if before and live and before.tries >= LINK_TRIES:
        return refuse("link_many")
    number = f"{turn.tools.randbelow(10**6):06d}"
    sent = [*(before.sent_since(turn.at - DAY) if before else []), turn.at.isoformat()]
    turn.book.put(
        LinkCode(
            command.party,
            turn.person_id,
            _hash(turn, command.party, number),
            before.tries if before and live else 0,  # a code sent again buys no more tries
            turn.at + LINK_CODE_LASTS,
            " ".join(sent),
        )
    )
    turn.remembered["linking"] = (turn.at + LINK_CODE_LASTS).isoformat(timespec="minutes")
    if owner is None:
        turn.tell_party(command.party, say("link_code", code=number, name=turn.me.first_name))
    return say("link_sent", address=shown_address(command.party))


def finish_link(turn: Turn, command: c.FinishLink) -> Say | Refusal:
    """Add the address whose code is right."""
    waiting = [k for k in turn.book.link_codes(turn.person_id) if k.expires_at > turn.at and k.tries < LINK_TRIES]
    for code in waiting:
        if hmac.compare_digest(code.hash, _hash(turn, code.party, command.code)):
            return _add_address(turn, code)
    turn.book.put(*(replace(k, tries=k.tries + 1) for k in waiting))
    return refuse("link_wrong" if waiting else "link_none")


def _add_address(turn: Turn, code: LinkCode) -> Say | Refusal:
    turn.book.put(replace(code, tries=LINK_TRIES))
    if turn.book.get(Address, code.party) is not None:
        return refuse("link_none")
    freezing.tell_everywhere(turn, turn.person_id, say("link_told", address=shown_address(code.party)))
    freezing.rest_a_day(turn, turn.person_id)
    turn.book.put(Address(code.party, turn.person_id, turn.at))
    name, where = turn.me.first_name, shown_address(code.party)
    if is_mail(code.party):
        turn.tell_party(code.party, say("link_done_mail", name=name))
        return say("link_added_mail", address=where)
    turn.tell_party(code.party, say("link_done", name=name))
    return say("link_added", address=where)


def ask_unlink(turn: Turn, _: c.AskUnlink) -> Say | Refusal:
    """Show which addresses one has, so that one of them can be taken off."""
    mine = turn.book.addresses(turn.person_id)
    if len(mine) == 1:
        return refuse("unlink_last", address=shown_address(mine[0].party))
    answers = (Answer(f"UNLINK {a.party.replace(':', ' ').upper()}", shown_address(a.party)) for a in mine)
    return say("ask_unlink", *answers)


def unlink(turn: Turn, command: c.Unlink) -> Say | Refusal:
    """Take an address off: draws rest a day, and it and the others hear of it (rules.md 53)."""
    address = turn.book.get(Address, command.party)
    where = shown_address(command.party)
    if address is None or address.person_id != turn.person_id:
        return refuse("unlink_none", address=where)
    if not [a for a in turn.book.addresses(turn.person_id) if a.party != command.party and can_talk(a.party)]:
        return refuse("unlink_last", address=where)
    if any(clerk.party == command.party for clerk in turn.staff):
        return refuse("unlink_staff", address=where)
    freezing.tell_everywhere(turn, turn.person_id, say("unlink_told", address=where))
    freezing.rest_a_day(turn, turn.person_id)
    turn.book.drop(address)
    return say("unlinked", address=where)


def ask_reach(turn: Turn, _: c.AskReach) -> Say | Refusal:
    """Show which addresses one has and which is told first."""
    mine = turn.book.addresses(turn.person_id)
    if len(mine) == 1:
        return refuse("reach_one", address=shown_address(mine[0].party))
    answers = (Answer(f"REACH {a.party.replace(':', ' ').upper()}", shown_address(a.party)) for a in mine)
    chosen = max((a for a in mine if a.preferred_at), key=lambda a: a.preferred_at or turn.at, default=None)
    return say("ask_reach", *answers, first=shown_address(chosen.party) if chosen else text("reach_last"))


def reach(turn: Turn, command: c.Reach) -> Say | Refusal:
    """Tell them first at this address from now on; the others hear of it."""
    mine = turn.book.addresses(turn.person_id)
    if command.party.endswith(":"):  # its network alone, which is enough where only one is there
        there = [a for a in mine if a.party.startswith(command.party)]
        if len(there) != 1:
            return ask_reach(turn, c.AskReach())
        command = c.Reach(there[0].party)
    address = turn.book.get(Address, command.party)
    where = shown_address(command.party)
    if address is None or address.person_id != turn.person_id:
        return refuse("reach_none", address=where)
    if address.stopped_at is not None:
        return refuse("reach_stopped", address=where)
    turn.book.put(replace(address, preferred_at=turn.at))
    freezing.tell_everywhere(turn, turn.person_id, say("reach_told", address=where))
    return say("reach_set", address=where)


def ask_copies(turn: Turn, _: c.AskCopies) -> Say | Refusal:
    """Say whether receipts come by mail too, and offer the other."""
    mail = mail_of(turn)
    if mail is None:
        return refuse("mail_none")
    other = Answer("COPIES OFF", text("copies_off")) if mail.copies else Answer("COPIES ON", text("copies_on"))
    return say("copies_are_on" if mail.copies else "copies_are_off", other, address=shown_address(mail.party))


def set_copies(turn: Turn, command: c.SetCopies) -> Say | Refusal:
    """Have receipts come by mail too, or no more."""
    mail = mail_of(turn)
    if mail is None:
        return refuse("mail_none")
    mine = [a for a in turn.book.addresses(turn.person_id) if is_mail(a.party)]
    turn.book.put(*(replace(a, copies=command.on) for a in mine))
    return say("copies_are_on" if command.on else "copies_are_off", address=shown_address(mail.party))


def mail_of(turn: Turn) -> Address | None:
    """Return the mail address of who acts: the one they are told at first, of those that take mail."""
    mine = [a for a in turn.book.addresses(turn.person_id) if is_mail(a.party) and a.stopped_at is None]
    never = datetime.min.replace(tzinfo=UTC)
    return min(mine, key=lambda a: (-(a.preferred_at or never).timestamp(), a.added_at), default=None)


def _too_many_codes(turn: Turn) -> bool:
    """Whether this person has had all the codes of an hour or a day, to whatever address."""
    mine = turn.book.link_codes(turn.person_id)
    return any(sum(len(code.sent_since(turn.at - span)) for code in mine) >= most for span, most in MOST_CODES)


def _too_soon(turn: Turn, party: str, before: LinkCode | None) -> bool:
    """Whether another code is to wait, as this address has had many: strangers slow its owner and shut nobody out.

    Whoever has had none there yet gets one in any case.
    """
    to_it = turn.book.all(LinkCode, party=party)
    many = any(sum(len(code.sent_since(turn.at - span)) for code in to_it) >= most for span, most in MOST_CODES)
    return many and before is not None and bool(before.sent_since(turn.at - CODES_APART))


def _hash(turn: Turn, party: str, number: str) -> bytes:
    """Return the keyed hash of a code: six figures alone would soon be tried by who reads the table."""
    return turn.tools.vault.blind("link_code.hash", f"{party}|{number}")


# -- TRN ----------------------------------------------------------------------------------------------------------


def state_trn(turn: Turn, command: c.StateTrn) -> Say | Refusal:
    """Keep a TRN encrypted and ask staff to hold it against the document (rules.md 33, 57)."""
    before = turn.book.trn(turn.person_id)
    if before and before.state is TrnState.VERIFIED:
        return refuse("trn_verified_already", last3=before.last3)
    vault = turn.tools.vault
    sealed = vault.seal(f"trn.sealed|{turn.person_id}", command.trn.encode())
    trn = Trn(
        turn.person_id,
        sealed,
        vault.blind("trn.blind", command.trn),
        command.trn[-3:],
        TrnState.STATED,
        turn.at,
    )
    turn.book.put(trn)
    for old in turn.book.all(Ticket, kind=TicketKind.KYC, person_id=turn.person_id, subject="", closed_at=None):
        turn.book.put(replace(old, closed_at=turn.at, outcome="stated again"))
    ticket = turn.open_ticket(TicketKind.KYC, person_id=turn.person_id)
    line = queue_line(turn, ticket)
    turn.tell_staff([Role.COMPLIANCE], say("staff_kyc", line=line, ref=ticket.ref))
    return say("trn_stated", last3=trn.last3)


# -- staff ----------------------------------------------------------------------------------------------------


def queue(turn: Turn, command: c.Queue) -> Say | Refusal:
    """List what waits, a page at a time: money first, then TRNs, then questions, and of each the oldest first."""
    open_ = [t for t in turn.book.all(Ticket) if t.closed_at is None and command.kind in {"", t.kind.value}]
    tickets = [t for t in open_ if t.kind is not TicketKind.ALERT or _is_compliance(turn)]
    tickets.sort(key=lambda t: (IN_TURN.index(t.kind), t.opened_at))
    start = (command.page - 1) * QUEUE_PAGE
    if not tickets[start:]:
        return say("queue_empty")
    lines = tuple(queue_line(turn, t) for t in tickets[start : start + QUEUE_PAGE])
    said = say("queue", lines=lines, count=len(tickets))
    left = len(tickets) - start - QUEUE_PAGE
    if left <= 0:
        return said
    more = " ".join(filter(None, ("QUEUE", command.kind, str(command.page + 1))))
    return Say((*said.texts, text("queue_more", left=left, line=more)), (Answer(more, more),))


def _ticket(turn: Turn, ref: str) -> Ticket | None:
    return next((t for t in turn.book.all(Ticket, ref=ref) if t.closed_at is None), None)


def _closed(turn: Turn, ticket: Ticket, outcome: str) -> None:
    turn.book.put(replace(ticket, closed_at=turn.at, closed_by=turn.person_id, outcome=outcome))


def kyc(turn: Turn, command: c.Kyc) -> Say | Refusal:
    """Verify or refuse a TRN. A clash with another verified one is told to staff alone (rules.md 57)."""
    ticket = _ticket(turn, command.ticket_ref)
    if ticket and accounts.is_about_account(ticket):
        return accounts.decide(turn, ticket, "OK" if command.right else "NO")
    if ticket is None or ticket.kind is not TicketKind.KYC or ticket.person_id is None:
        return refuse("no_ticket", ref=command.ticket_ref)
    if ticket.person_id == turn.person_id:
        return refuse("not_own_ticket")
    trn = turn.book.trn(ticket.person_id)
    if trn is None:
        return refuse("no_ticket", ref=command.ticket_ref)
    name = turn.book.person(ticket.person_id).name
    clash = [t for t in turn.book.all(Trn, blind=trn.blind, state=TrnState.VERIFIED) if t.person_id != trn.person_id]
    if command.right and clash:
        return refuse("trn_clash", ref=ticket.ref, name=name)
    turn.book.put(replace(trn, state=TrnState.VERIFIED if command.right else TrnState.REFUSED))
    _closed(turn, ticket, "OK" if command.right else "NO")
    turn.tell(trn.person_id, say("trn_ok" if command.right else "trn_no", last3=trn.last3))
    if command.right:
        for draw in turn.book.all(Draw, person_id=trn.person_id, state=DrawState.HELD):
            holding.release(turn, draw)
    return say("kyc_done_ok" if command.right else "kyc_done_no", ref=ticket.ref, name=name)


def case(turn: Turn, command: c.Case) -> Say | Refusal:
    """Answer an AGENT ticket in words, or decide a dispute with OK (it happened) or NO (it did not)."""
    ticket = _ticket(turn, command.ticket_ref)
    if ticket and accounts.is_about_account(ticket):
        return accounts.decide(turn, ticket, command.text.strip())
    if ticket is None or ticket.kind in {TicketKind.KYC, TicketKind.MATCH}:
        return refuse("no_ticket", ref=command.ticket_ref)
    if ticket.kind is TicketKind.ALERT:
        return _note_alert(turn, ticket, command.text)
    if wrong := _not_theirs(turn, ticket):
        return wrong
    verdict, _, note = command.text.partition(" ")
    if ticket.kind in OF_MONEY:
        if verdict.upper() not in {"OK", "NO"}:
            return refuse("case_verdict", ref=ticket.ref)
        if wrong := _decide(turn, ticket, happened=verdict.upper() == "OK"):
            return wrong
        if verdict.upper() == "NO" and ticket.subject.startswith("P-"):
            return say("case_stays", ref=ticket.ref)
    elif ticket.person_id:
        turn.tell(ticket.person_id, say("agent_answer", ref=ticket.ref, answer=command.text))
    _closed(turn, ticket, verdict.upper() if ticket.kind is not TicketKind.AGENT else "answered")
    said = note if ticket.kind in OF_MONEY and note else command.text
    return say("case_done", ref=ticket.ref, note=said)


def _not_theirs(turn: Turn, ticket: Ticket) -> Refusal | None:
    """Nobody decides on what is their own, nor on money without the role for it."""
    if ticket.person_id == turn.person_id or _has_a_hand_in(turn, ticket):
        return refuse("not_own_ticket")
    if ticket.kind in OF_MONEY and not turn.roles & {Role.FINANCE, Role.ADMIN}:
        return refuse("case_of_money", ref=ticket.ref)
    return None


def _is_compliance(turn: Turn) -> bool:
    return bool(turn.roles & {Role.COMPLIANCE, Role.ADMIN})


def _note_alert(turn: Turn, ticket: Ticket, note: str) -> Say | Refusal:
    """Close what compliance has looked at, with its note; nobody else is told (rules.md 58)."""
    if not _is_compliance(turn) or ticket.person_id == turn.person_id:
        return refuse("no_ticket", ref=ticket.ref)
    _closed(turn, ticket, note)
    return say("case_done", ref=ticket.ref, note=note)


def _has_a_hand_in(turn: Turn, ticket: Ticket) -> bool:
    """Whether a ticket of money is about one's own circle, or an entry or a payout of one's own (rules.md 35, 52)."""
    if ticket.kind not in OF_MONEY:
        return False
    circle = turn.book.get(Circle, ticket.circle)
    payment, payout = turn.book.get(Payment, ticket.subject), paths.find(turn, ticket.subject)
    parties = {circle.banker_id, circle.treasurer_id} if circle else set()
    parties |= {payment.recorded_by, payment.person_id} if payment else set()
    parties |= {payout.started_by, payout.person_id} if payout else set()
    return turn.person_id in parties


def _decide(turn: Turn, ticket: Ticket, *, happened: bool) -> Refusal | None:
    """Decide what is before staff: not what a panel sits over (rules.md 52)."""
    dispute = turn.book.get(Dispute, ticket.id)
    if dispute and dispute.state is DisputeState.OPEN:
        return refuse("case_panel", ref=ticket.ref, until=local_date(dispute.until))
    is_complaint = dispute is not None and dispute.over is Over.COMPLAINT
    wrong = None if is_complaint else _effect(turn, ticket, happened=happened)
    if dispute and not wrong:
        judging.by_staff(turn, dispute, happened=happened)
    return wrong


def _effect(turn: Turn, ticket: Ticket, *, happened: bool) -> Refusal | None:
    if payment := turn.book.get(Payment, ticket.subject):
        return cash.decide(turn, payment, happened=happened)
    payout = paths.find(turn, ticket.subject)
    if payout is None or payout.circle != ticket.circle:
        return refuse("no_ticket", ref=ticket.ref)
    return receiving.decide(turn, payout, happened=happened)
