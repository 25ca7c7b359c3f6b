"""Opening a dispute: its sum is frozen, a panel is drawn, and both sides are heard (rules.md 52). See judging.py."""

from dataclasses import replace

from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.disputes import (
    PANEL,
    REMIND_AFTER,
    REPLACE_AFTER,
    RUNNING,
    TIME,
    Dispute,
    DisputeState,
    Judge,
    Over,
    uninvolved,
)
from domain.ledger import Hold
from domain.pardna import Circle
from domain.payments import Payment, Payout
from domain.people import Role, Ticket, TicketKind
from domain.schedule import local_date


def begin(
    turn: Turn, circle: Circle, ticket: Ticket, what: Payment | Payout | None, *, against: str
) -> tuple[Dispute, Text]:
    """Open a dispute under its line of the queue. Returns it, and what to say of who decides it.

    With fewer than three members who have no part in it staff decide, as the last resort.
    """
    over = Over.COMPLAINT if what is None else Over.CASH if isinstance(what, Payment) else Over.DRAW
    free = uninvolved(turn.book.members(circle.code), {turn.person_id, against} | involved(circle, what))
    # What went by rail alone shows in a statement, which members cannot see.
    seen_by_members = not isinstance(what, Payout) or what.by_hand > 0
    state = DisputeState.OPEN if len(free) >= PANEL and seen_by_members else DisputeState.STAFF
    dispute = Dispute(
        id=ticket.id,
        circle=circle.code,
        ref=ticket.ref,
        over=over,
        subject=ticket.subject,
        amount=what.amount if what else 0,
        held=_freeze(turn, circle, ticket, what),
        opened_by=turn.person_id,
        against=against,
        state=state,
        opened_at=turn.at,
        until=turn.at + TIME,
    )
    turn.book.put(dispute)
    if state is DisputeState.STAFF:
        return dispute, text("dispute_staff")
    judges = [Judge(dispute.id, circle.code, person, turn.at) for person in drawn(turn, free, PANEL)]
    turn.book.put(*judges)
    over_ = c.PanelTimeOver(dispute.ref, dispute.id)
    turn.plan(f"dispute:{dispute.id}:until", dispute.until, f"circle:{circle.code}", over_)
    return dispute, text("dispute_panel", until=local_date(dispute.until), ref=dispute.ref)


def involved(circle: Circle, what: Payment | Payout | None) -> set[str]:
    """Return who has a part in what a dispute is over, and so cannot decide it."""
    people = {circle.banker_id, circle.treasurer_id or ""}
    match what:
        case Payment():
            return people | {what.person_id, what.recorded_by}
        case Payout():
            return people | {what.person_id, what.started_by, what.approved_by or "", what.approver_id or ""}
        case None:
            return people


def drawn(turn: Turn, people: list[str], count: int) -> list[str]:
    """Draw so many people at random, each as likely."""
    left = list(people)
    return [left.pop(turn.tools.randbelow(len(left))) for _ in range(count)]


# -- the sum, frozen --------------------------------------------------------------------------------------------------


def _freeze(turn: Turn, circle: Circle, ticket: Ticket, what: Payment | Payout | None) -> int:
    """Hold what stands in the books of a draw in dispute: the cash that was to be handed over. Returns how much.

    Cash that was denied is out of the books already; what a rail carried has left them.
    """
    if not isinstance(what, Payout) or what.via_banker or not what.cash:
        return 0
    turn.book.hold(turn.at, _hold(circle, ticket.id, what, what.cash))
    return what.cash


def _hold(circle: Circle, dispute_id: str, payout: Payout, amount: int) -> Hold:
    payable, cash = ledger.payable(circle.code, payout.round), ledger.cash(circle.code)
    return Hold(f"frozen:{dispute_id}", "handed", circle.currency, payable, cash, amount, circle.code)


def about(turn: Turn, circle: Circle, subject: str) -> Dispute | None:
    """Return the dispute that is going on about a payment or a payout."""
    every = turn.book.all(Dispute, circle=circle.code, subject=subject)
    return next((d for d in every if d.state in RUNNING), None)


def frozen(turn: Turn, circle: Circle, payout: Payout) -> Hold | None:
    """Return what keeps a payout's cash frozen; posting it hands the cash over."""
    dispute = about(turn, circle, payout.ref)
    return _hold(circle, dispute.id, payout, dispute.held) if dispute and dispute.held else None


def thaw(turn: Turn, circle: Circle, payout: Payout) -> None:
    """Let go what was frozen: the cash is still to be handed over."""
    dispute, hold = about(turn, circle, payout.ref), frozen(turn, circle, payout)
    if dispute and hold:
        turn.book.void(turn.at, hold)
        turn.book.put(replace(dispute, held=0))


def withdraw(turn: Turn, circle: Circle, payout: Payout) -> None:
    """The drawer says that it came after all: nobody has to decide any more."""
    if dispute := about(turn, circle, payout.ref):
        turn.book.put(replace(dispute, state=DisputeState.WITHDRAWN, ended_at=turn.at))
        for judge in panel(turn, dispute):
            if not judge.replaced:
                turn.tell(judge.person_id, say("case_withdrawn", circle=circle.name, ref=dispute.ref))


def panel(turn: Turn, dispute: Dispute) -> list[Judge]:
    """Return all who were ever asked to decide."""
    return [judge for judge in turn.book.all(Judge, circle=dispute.circle) if judge.dispute_id == dispute.id]


# -- the case, in plain words -----------------------------------------------------------------------------------------


def ask_panel(turn: Turn, circle: Circle, dispute: Dispute) -> None:
    """Give all of a new panel the case."""
    for judge in panel(turn, dispute):
        ask(turn, circle, dispute, judge)


def ask(turn: Turn, circle: Circle, dispute: Dispute, judge: Judge) -> None:
    """Give a member of the panel the case, and ask for their word; look again when they have not given it."""
    turn.tell(judge.person_id, question(turn, circle, dispute))
    for after in (REMIND_AFTER, REPLACE_AFTER):
        if (at := turn.at + after) < dispute.until:
            key = f"judge:{dispute.id}:{judge.person_id}:{after}"
            silence = c.JudgeSilence(dispute.ref, dispute.id, judge.person_id, after == REPLACE_AFTER)
            turn.plan(key, at, f"circle:{circle.code}", silence)


def question(turn: Turn, circle: Circle, dispute: Dispute) -> Say:
    """Write the case: what is said to have happened, each side's own line, and how to decide."""
    names = {person: turn.book.person(person).first_name for person in (dispute.opened_by, dispute.against)}
    figures: dict[str, Figure] = {
        "who": names[dispute.opened_by],
        "other": names[dispute.against],
        "amount": circle.money(dispute.amount, ref=dispute.subject),
    }
    drawn_ = text("case_drawn", circle=circle.name, ref=dispute.ref)
    texts = [drawn_, text(f"case_{dispute.over.value}", **figures)]
    texts += [text("case_says", who=names[person], note=said) for person, said in lines(turn, dispute).items() if said]
    answers = (
        Answer(f"JUDGE {dispute.ref} YES", text("yes")),
        Answer(f"JUDGE {dispute.ref} NO", text("no")),
    )
    return Say((*texts, text("case_decide", ref=dispute.ref, until=local_date(dispute.until))), answers)


def lines(turn: Turn, dispute: Dispute) -> dict[str, str]:
    """Return what each side says beside, "" for nothing."""
    sealed = {dispute.opened_by: dispute.opener_says, dispute.against: dispute.other_says}
    return {
        person: turn.tools.vault.open(_place(dispute, person), said).decode() if said else ""
        for person, said in sealed.items()
    }


def with_line(turn: Turn, dispute: Dispute, person: str, line: str) -> Dispute:
    """Return a dispute with what one side says beside."""
    said = turn.tools.vault.seal(_place(dispute, person), line.encode())
    return replace(dispute, opener_says=said) if person == dispute.opened_by else replace(dispute, other_says=said)


def _place(dispute: Dispute, person: str) -> str:
    return f"dispute.line|{dispute.id}|{person}"


def complain(turn: Turn, command: c.Complain) -> Say | Refusal:
    """A member complains about their circle's banker: a dispute over no sum, which ends in a word for all to hear."""
    circle = turn.book.circle(command.circle)
    if turn.person_id == circle.banker_id:
        return refuse("complain_banker", circle=circle.name)
    every = turn.book.all(Dispute, circle=circle.code, opened_by=turn.person_id, over=Over.COMPLAINT)
    if going := next((d for d in every if d.state in RUNNING), None):
        return refuse("complain_once", circle=circle.name, ref=going.ref)
    ticket = turn.open_ticket(TicketKind.DISPUTE, person_id=turn.person_id, circle=circle.code, note=command.text)
    dispute, who_decides = begin(turn, circle, ticket, None, against=circle.banker_id)
    dispute = with_line(turn, dispute, turn.person_id, command.text)
    turn.book.put(dispute)
    ask_panel(turn, circle, dispute)
    banker = turn.book.person(circle.banker_id).first_name
    figures: dict[str, Figure] = {"circle": circle.name, "ref": ticket.ref}
    if dispute.state is DisputeState.STAFF:
        turn.tell_staff([Role.FINANCE], say("staff_complaint", note=command.text, **figures))
    told = say("complained_told", who=turn.me.first_name, note=command.text, **figures)
    turn.tell(circle.banker_id, Say((*told.texts, who_decides)))
    return Say((text("complained", banker=banker, **figures), who_decides))
