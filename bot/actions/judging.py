"""Deciding a dispute: the panel's words, its time, staff as the last resort, and the outcome (rules.md 52)."""

from dataclasses import replace

from bot.actions import cash, disputes, paths, receiving
from bot.actions.turn import Turn
from bot.words.say import Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain.disputes import RUNNING, Dispute, DisputeState, Judge, Over, is_lost, uninvolved, verdict
from domain.pardna import MemberState
from domain.payments import Payment, Payout
from domain.people import Role, Ticket, TicketKind


def _going_on(turn: Turn, ref: str, dispute_id: str = "") -> Dispute | None:
    """Return the dispute of a reference. References are used again, so what the clock wants names its own."""
    found = (d for d in turn.book.all(Dispute, ref=ref) if d.state in RUNNING and dispute_id in {"", d.id})
    return next(found, None)


def judge(turn: Turn, command: c.GiveVerdict) -> Say | Refusal:
    """A member of the panel decides; with the second of three alike it is decided."""
    dispute = _going_on(turn, command.ticket_ref)
    mine = turn.book.get(Judge, dispute.id, turn.person_id) if dispute else None
    if dispute is None or mine is None:
        return refuse("no_case", ref=command.ticket_ref)
    if mine.replaced or dispute.state is not DisputeState.OPEN:
        return refuse("case_elsewhere", ref=dispute.ref)
    if mine.vote:
        return refuse("case_voted", ref=dispute.ref)
    turn.book.put(replace(mine, vote="yes" if command.happened else "no"))
    happened = verdict(disputes.panel(turn, dispute))
    if happened is not None and (wrong := _carry_out(turn, dispute, happened=happened)):
        return wrong
    return say("case_vote_taken", ref=dispute.ref)


def say_side(turn: Turn, command: c.SaySide) -> Say | Refusal:
    """One of the two sides tells its own line, once; the panel hears it."""
    dispute = _going_on(turn, command.ticket_ref)
    if dispute is None or turn.person_id not in {dispute.opened_by, dispute.against}:
        return refuse("no_case", ref=command.ticket_ref)
    if disputes.lines(turn, dispute)[turn.person_id]:
        return refuse("side_once", ref=dispute.ref)
    turn.book.put(disputes.with_line(turn, dispute, turn.person_id, command.text))
    heard = say("case_side", who=turn.me.first_name, note=command.text, ref=dispute.ref)
    for each in disputes.panel(turn, dispute):
        if not each.replaced and not each.vote:
            turn.tell(each.person_id, heard)
    if dispute.state is DisputeState.STAFF:
        turn.tell_staff([Role.FINANCE], heard)
    return say("side_taken", ref=dispute.ref)


# -- time -------------------------------------------------------------------------------------------------------------


def judge_silence(turn: Turn, command: c.JudgeSilence) -> None:
    """Remind one of the panel who has said nothing; after a day draw another in their place, if there is one."""
    dispute = _going_on(turn, command.ticket_ref, command.case_id)
    mine = turn.book.get(Judge, dispute.id, command.person_id) if dispute else None
    if dispute is None or dispute.state is not DisputeState.OPEN or mine is None or mine.vote or mine.replaced:
        return
    circle = turn.book.circle(dispute.circle)
    if not command.over:
        turn.tell(mine.person_id, disputes.question(turn, circle, dispute).after(text("case_reminder")))
        return
    barred = {dispute.opened_by, dispute.against} | disputes.involved(circle, _what(turn, dispute))
    barred |= {asked.person_id for asked in disputes.panel(turn, dispute)}
    if free := uninvolved(turn.book.members(circle.code), barred):
        (person,) = disputes.drawn(turn, free, 1)
        anew = Judge(dispute.id, circle.code, person, turn.at)
        turn.book.put(replace(mine, replaced=True), anew)
        disputes.ask(turn, circle, dispute, anew)
        turn.tell(mine.person_id, say("case_replaced", ref=dispute.ref))


def panel_time_over(turn: Turn, command: c.PanelTimeOver) -> None:
    """72 hours without a majority: staff decide."""
    dispute = _going_on(turn, command.ticket_ref, command.case_id)
    if dispute is None or dispute.state is not DisputeState.OPEN:
        return
    circle = turn.book.circle(dispute.circle)
    turn.book.put(replace(dispute, state=DisputeState.STAFF))
    figures: dict[str, Figure] = {"circle": circle.name, "ref": dispute.ref}
    if dispute.over is Over.COMPLAINT:
        note = disputes.lines(turn, dispute)[dispute.opened_by]
        turn.tell_staff([Role.FINANCE], say("staff_complaint", note=note, **figures))
    else:
        amount = circle.money(dispute.amount, ref=dispute.subject)
        turn.tell_staff([Role.FINANCE], say("staff_dispute", receipt=dispute.subject, amount=amount, **figures))
    told = say("panel_over", **figures)
    panel = {judge.person_id for judge in disputes.panel(turn, dispute) if not judge.replaced}
    for person in sorted({dispute.opened_by, dispute.against} | panel):
        turn.tell(person, told)


# -- the outcome ------------------------------------------------------------------------------------------------------


def _what(turn: Turn, dispute: Dispute) -> Payment | Payout | None:
    if dispute.over is Over.CASH:
        return turn.book.must(Payment, dispute.subject)
    every = turn.book.all(Payout, circle=dispute.circle, ref=dispute.subject)
    return next((p for p in every if p.state not in receiving.CLOSED), None)


def _carry_out(turn: Turn, dispute: Dispute, *, happened: bool) -> Refusal | None:
    """Do in the books what the panel decided, once, and close the line of the queue."""
    match what := _what(turn, dispute):
        case Payment():
            wrong = cash.decide(turn, what, happened=happened)
        case Payout():
            wrong = receiving.decide(turn, what, happened=happened)
        case None:
            wrong = None
    if wrong:
        return wrong
    ticket = turn.book.must(Ticket, dispute.id)
    if ticket.closed_at is None:
        turn.book.put(replace(ticket, closed_at=turn.at, outcome="YES" if happened else "NO"))
    if isinstance(what, Payout) and not happened:  # staff see to it that it comes (39)
        paths.ticket(turn, what, TicketKind.PAYOUT, what.person_id)
    _post(turn, dispute, happened=happened, by="panel")
    return None


def by_staff(turn: Turn, dispute: Dispute, *, happened: bool) -> None:
    """Staff have decided what was before them. A draw that did not come stays before them until it does."""
    if dispute.over is Over.DRAW and not happened:
        what, banker = _what(turn, dispute), turn.book.circle(dispute.circle).banker_id
        if isinstance(what, Payout) and what.by_hand:
            turn.book.put(replace(turn.book.must(Dispute, dispute.id), lost_by=banker))
        return
    _post(turn, dispute, happened=happened, by="staff")


def _post(turn: Turn, dispute: Dispute, *, happened: bool, by: str) -> None:
    """Close a dispute and tell how it ended to everybody in the circle, without a name or a figure of anybody's."""
    circle = turn.book.circle(dispute.circle)
    lost = is_lost(dispute.over, happened=happened, by_banker=dispute.opened_by == circle.banker_id)
    now = turn.book.must(Dispute, dispute.id)
    ended = replace(
        now,
        state=DisputeState.YES if happened else DisputeState.NO,
        ended_at=turn.at,
        lost_by=circle.banker_id if lost else now.lost_by,
    )
    turn.book.put(ended)
    end = f"{dispute.over.value}_{'yes' if happened else 'no'}"
    outcome = text(f"outcome_{end}", circle=circle.name, ref=dispute.ref)
    told = Say((outcome, text(f"decided_by_{by}")))
    everybody = {m.person_id for m in turn.book.members(circle.code) if m.state is MemberState.IN} | {circle.banker_id}
    for person in sorted(everybody | {dispute.opened_by, dispute.against}):
        turn.tell(person, told)
