"""Proposals: opened, told to everybody they concern, and counted (rules.md 4, 14, 47). What they do is voting.py's."""

import json
from dataclasses import replace
from datetime import timedelta

from bot import terms
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, text
from domain import commands as c
from domain.codes import proposal_ref
from domain.pardna import Circle, Hand, Member, MemberState, shown
from domain.proposals import (
    REMIND_BEFORE,
    VOTE_LASTS,
    VOTED,
    Ballot,
    Proposal,
    ProposalKind,
    ProposalState,
    Tally,
    as_of,
    tally,
    with_change,
)
from domain.schedule import local


def open_one(
    turn: Turn,
    circle: Circle,
    kind: ProposalKind,
    who: str | None = None,
    change: str = "",
    *,
    by: str = "",
    lasts: timedelta | None = None,
) -> Proposal | Refusal:
    """Open a proposal, for 72 hours if not said; its maker has said yes. One at a time of a kind, and of a person."""
    by = by or turn.person_id
    waiting = [p for p in turn.book.all(Proposal, circle=circle.code) if is_waiting(turn, p)]
    for other in waiting:
        if other.by_id == by or (other.kind, other.who_id) == (kind, who):
            return refuse("vote_waits", look(other), circle=circle.name, ref=other.ref)
    proposal = Proposal(
        ref=proposal_ref(turn.tools.randbelow),
        circle=circle.code,
        kind=kind,
        by_id=by,
        who_id=who,
        change=change,
        state=ProposalState.OPEN,
        opened_at=turn.at,
        ends_at=turn.at + (lasts or VOTE_LASTS),
    )
    turn.book.put(proposal, Ballot(proposal.ref, circle.code, by, yes=True, cast_at=turn.at))
    party = f"circle:{circle.code}"
    if (remind := proposal.ends_at - REMIND_BEFORE) > turn.at:
        turn.plan(f"vote:{proposal.ref}:remind", remind, party, c.RemindVote(proposal.ref))
    turn.plan(f"vote:{proposal.ref}:close", proposal.ends_at, party, c.CloseVote(proposal.ref))
    return proposal


def is_waiting(turn: Turn, proposal: Proposal) -> bool:
    """Whether it may still be answered: the time of receipt decides."""
    return proposal.is_open and turn.at < proposal.ends_at


def concerned(turn: Turn, circle: Circle) -> list[str]:
    """Return everybody who hears what becomes of a circle: its members and its banker."""
    people = {m.person_id for m in turn.book.members(circle.code) if m.state is MemberState.IN}
    return sorted(people | {circle.banker_id})


def tell_others(turn: Turn, circle: Circle, what: Say, *, but: frozenset[str] = frozenset()) -> None:
    """Tell everybody but the one who acts, who has the answer, and those who are told otherwise."""
    for person in concerned(turn, circle):
        if person != turn.person_id and person not in but:
            turn.tell(person, what)


def asks(turn: Turn, proposal: Proposal) -> list[str]:
    """Return whose word a proposal waits for, and has not had."""
    able = [proposal.who_id or ""]
    if proposal.kind in VOTED:
        able = [h.person_id for h in turn.book.hands(proposal.circle)]
    said = {b.person_id for b in turn.book.all(Ballot, circle=proposal.circle, ref=proposal.ref)}
    return sorted({*able, *([proposal.who_id] if proposal.who_id else [])} - said)


def may_answer(turn: Turn, proposal: Proposal, person: str) -> bool:
    """Whether somebody's word counts for a proposal."""
    if person == proposal.who_id:
        return True
    member = turn.book.get(Member, proposal.circle, person)
    return proposal.kind in VOTED and member is not None and member.state is MemberState.IN and member.halves > 0


def counted(turn: Turn, proposal: Proposal) -> Tally:
    """Count what was said so far."""
    return tally(turn.book.hands(proposal.circle), turn.book.all(Ballot, circle=proposal.circle, ref=proposal.ref))


def at_round(turn: Turn, circle: Circle, number: int) -> Circle:
    """Return the circle with the terms of one of its rounds: those under which it opened (4)."""
    return as_of(circle, turn.book.all(Proposal, circle=circle.code), number)


# -- in words -------------------------------------------------------------------------------------------------


def what(turn: Turn, circle: Circle, proposal: Proposal) -> Text:
    """Say what a proposal changes."""
    who = turn.book.person(proposal.who_id).first_name if proposal.who_id else ""
    match proposal.kind:
        case ProposalKind.TERMS:
            before, after = with_change(circle, proposal.change, back=True), with_change(circle, proposal.change)
            banker = turn.book.person(circle.banker_id).first_name
            old = terms.each_text(before.terms, before.grace_days, banker)
            new = tuple(one for one in terms.each_text(after.terms, after.grace_days, banker) if one not in old)
            return text("change_terms", lines=new)
        case ProposalKind.BANKER:
            return text("change_banker", who=who)
        case ProposalKind.DEPUTY:
            return text("change_deputy", who=who)
        case ProposalKind.SWAP:
            one, other = (turn.book.must(Hand, circle.code, n) for n in json.loads(proposal.change)["hands"])
            banker = turn.book.person(proposal.by_id).first_name
            return text("change_swap", banker=banker, turn=one.turn, who=who, seat=other.turn)


def figures(turn: Turn, circle: Circle, proposal: Proposal) -> dict[str, Figure]:
    """Return what every text of a proposal may tell of it."""
    so_far, until = counted(turn, proposal), local(proposal.ends_at)
    return {
        "circle": circle.name,
        "ref": proposal.ref,
        "banker": turn.book.person(proposal.by_id).first_name,
        "yes": shown(so_far.yes),
        "no": shown(so_far.no),
        "all": shown(so_far.whole),
        "needed": shown(so_far.needed),
        "until": until.date(),
        "time": f"{until:%H:%M}",
    }


def telling(name: str, turn: Turn, circle: Circle, proposal: Proposal) -> Say:
    """Say how a proposal stands, and then what it changes."""
    return Say((text(name, **figures(turn, circle, proposal)), what(turn, circle, proposal)))


def look(proposal: Proposal) -> Answer:
    """Offer to look at a proposal."""
    return Answer(f"VOTE {proposal.ref}", f"VOTE {proposal.ref}")


def answers(proposal: Proposal) -> tuple[Answer, Answer]:
    """Offer the two answers."""
    word = "SWAP" if proposal.kind is ProposalKind.SWAP else "VOTE"
    return Answer(f"{word} {proposal.ref} YES", text("yes")), Answer(f"{word} {proposal.ref} NO", text("no"))


def put_to_vote(turn: Turn, circle: Circle, proposal: Proposal) -> Say:
    """Tell everybody what is proposed and how to answer; returns what the one who proposed it hears."""
    asked = telling("vote_asked", turn, circle, proposal)
    for person in concerned(turn, circle):
        if person != turn.person_id:
            mine = answers(proposal) if may_answer(turn, proposal, person) else (look(proposal),)
            turn.tell(person, replace(asked, answers=mine))
    return replace(telling("vote_begun", turn, circle, proposal), answers=(look(proposal),))
