"""VOTE: what people say to a proposal, how it stands, and what comes of it (rules.md 4, 14, 47).

It ends as soon as the outcome is sure, or when its time is over; everybody it concerns hears of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.actions import changing, offices, proposing, swapping
from bot.actions.proposing import telling
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, refuse, say, text
from domain import commands as c
from domain.pardna import Circle, MemberState
from domain.proposals import VOTED, Ballot, Proposal, ProposalKind, ProposalState
from domain.schedule import local_date

MOST_SHOWN = 5
CARRY_OUT: Mapping[ProposalKind, Callable[[Turn, Circle, Proposal], Proposal | Refusal]] = {
    ProposalKind.TERMS: changing.carry_out,
    ProposalKind.BANKER: offices.elected,
    ProposalKind.DEPUTY: offices.accepted,
    ProposalKind.SWAP: swapping.agreed,
}
"""Does what was agreed to; a Refusal when it cannot be done any more."""


def vote(turn: Turn, command: c.Vote | c.AnswerSwap) -> Say | Refusal:
    """Take a yes or a no. The last word before the end counts; nobody else's is taken."""
    proposal = _mine(turn, command.proposal_ref)
    if isinstance(proposal, Refusal):
        return proposal
    circle = turn.book.circle(proposal.circle)
    if not proposing.may_answer(turn, proposal, turn.person_id):
        return refuse("vote_not_mine", circle=circle.name, ref=proposal.ref)
    if not proposing.is_waiting(turn, proposal):
        return refuse("vote_over", circle=circle.name, ref=proposal.ref)
    if proposal.kind is ProposalKind.SWAP and command.yes and isinstance(command, c.Vote):
        return refuse("swap_word", *proposing.answers(proposal), ref=proposal.ref)  # it asks for the PIN
    if proposal.kind not in VOTED and turn.person_id != proposal.who_id:
        return refuse("vote_not_mine", circle=circle.name, ref=proposal.ref)
    turn.book.put(Ballot(proposal.ref, circle.code, turn.person_id, command.yes, turn.at))
    if outcome := _decide(turn, circle, proposal):
        return outcome
    return say("vote_yes" if command.yes else "vote_no", **proposing.figures(turn, circle, proposal))


def _mine(turn: Turn, ref: str) -> Proposal | Refusal:
    """Return a proposal that this person may see; to others it is not there."""
    proposal = turn.book.get(Proposal, ref)
    if proposal is None:
        return refuse("vote_none", ref=ref)
    circle = turn.book.circle(proposal.circle)
    if turn.person_id not in {*proposing.concerned(turn, circle), proposal.who_id}:
        return refuse("vote_none", ref=ref)
    return proposal


def look_at_vote(turn: Turn, command: c.LookAtVote) -> Say | Refusal:
    """Say how a proposal stands, and offer the answers to whoever may give them."""
    proposal = _mine(turn, command.proposal_ref)
    if isinstance(proposal, Refusal):
        return proposal
    circle = turn.book.circle(proposal.circle)
    able = proposing.is_waiting(turn, proposal) and proposing.may_answer(turn, proposal, turn.person_id)
    offered = proposing.answers(proposal) if able else ()
    return replace(_standing(turn, circle, proposal), answers=offered)


def look_at_votes(turn: Turn, command: c.LookAtVotes) -> Say | Refusal:
    """List what was proposed in a circle, the newest first."""
    circle = turn.book.circle(command.circle)
    every = sorted(turn.book.all(Proposal, circle=circle.code), key=lambda p: p.opened_at, reverse=True)
    if not every:
        return refuse("votes_none", circle=circle.name)
    waiting = [p for p in every if turn.person_id in proposing.asks(turn, p) and proposing.is_waiting(turn, p)]
    offered = proposing.answers(waiting[0]) if len(waiting) == 1 else tuple(map(proposing.look, waiting[:MOST_SHOWN]))
    return Say(tuple(t for p in every[:MOST_SHOWN] for t in _standing(turn, circle, p).texts), offered)


def _standing(turn: Turn, circle: Circle, proposal: Proposal) -> Say:
    if proposal.is_open and proposal.kind in VOTED:
        return telling("vote_open", turn, circle, proposal)
    state = text(f"proposal_{proposal.state.value.lower()}")
    day = local_date(proposal.ended_at or proposal.opened_at)
    head = text("vote_ended", state=state, date=day, **proposing.figures(turn, circle, proposal))
    return Say((head, proposing.what(turn, circle, proposal)))


# -- what comes of it -----------------------------------------------------------------------------------------


def _decide(turn: Turn, circle: Circle, proposal: Proposal) -> Say | Refusal | None:
    """End a proposal whose outcome is sure. None: it goes on."""
    said = {b.person_id: b.yes for b in turn.book.all(Ballot, circle=circle.code, ref=proposal.ref)}
    theirs = said.get(proposal.who_id) if proposal.who_id else True
    if theirs is False:
        return _end(turn, circle, proposal, ProposalState.REFUSED)
    if proposal.kind not in VOTED:
        return _carry_out(turn, circle, proposal) if theirs else None
    so_far = proposing.counted(turn, proposal)
    if so_far.fails:
        return _end(turn, circle, proposal, ProposalState.REFUSED)
    return _carry_out(turn, circle, proposal) if so_far.passes and theirs else None


def _carry_out(turn: Turn, circle: Circle, proposal: Proposal) -> Say | Refusal:
    done = CARRY_OUT[proposal.kind](turn, circle, proposal)
    if isinstance(done, Refusal):
        _end(turn, circle, proposal, ProposalState.LAPSED)
        return done
    return _end(turn, circle, done, ProposalState.DONE)


def _end(turn: Turn, circle: Circle, proposal: Proposal, state: ProposalState) -> Say:
    """Keep the outcome and tell everybody it concerns; a question to one person, that one and who asked it."""
    proposal = replace(proposal, state=state, ended_at=turn.at)
    turn.book.put(proposal)
    what = _outcome(turn, circle, proposal)
    people = proposing.concerned(turn, circle)
    if proposal.kind not in VOTED and state is not ProposalState.DONE:
        people = sorted({proposal.by_id, proposal.who_id or proposal.by_id})
    for person in people:
        if person != turn.person_id:
            turn.tell(person, what)
    if state is not ProposalState.DONE:
        swapping.go_on(turn, circle, proposal)
    return what


def _outcome(turn: Turn, circle: Circle, proposal: Proposal) -> Say:
    if proposal.from_round:
        said = proposing.figures(turn, circle, proposal)
        head = text("vote_passed_from", round=proposal.from_round, **said)
        return Say((head, proposing.what(turn, circle, proposal)))
    done = proposal.state is ProposalState.DONE
    if proposal.kind in VOTED:
        return telling("vote_passed" if done else "vote_failed", turn, circle, proposal)
    return telling("agreed_done" if done else "agreed_not", turn, circle, proposal)


def remind_vote(turn: Turn, command: c.RemindVote) -> None:
    """A day is left: ask those again who have said nothing."""
    proposal = turn.book.get(Proposal, command.proposal_ref)
    if proposal is None or not proposal.is_open:
        return
    circle = turn.book.circle(proposal.circle)
    asked = telling("vote_remind", turn, circle, proposal)
    members = {m.person_id for m in turn.book.members(circle.code) if m.state is MemberState.IN}
    for person in proposing.asks(turn, proposal):
        if person in members:
            turn.tell(person, replace(asked, answers=proposing.answers(proposal)))


def close_vote(turn: Turn, command: c.CloseVote) -> None:
    """The time is over: who said nothing said no."""
    proposal = turn.book.get(Proposal, command.proposal_ref)
    if proposal is not None and proposal.is_open:
        _end(turn, turn.book.circle(proposal.circle), proposal, ProposalState.LAPSED)
