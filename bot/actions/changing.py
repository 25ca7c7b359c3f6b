"""TERMS: before the start the banker's word, after it a vote of all hands, for rounds to come alone (rules.md 2, 4)."""

from dataclasses import replace

from bot.actions import founding, proposing, rounds
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, refuse
from domain import commands as c
from domain.pardna import Circle, CircleState, RoundState, terms_hash
from domain.proposals import Proposal, ProposalKind, difference, with_change

RUNS = frozenset({CircleState.ACTIVE, CircleState.SUSPENDED})


def set_terms(turn: Turn, command: c.SetTerms) -> Say | Refusal:
    """Change terms, or have them voted on."""
    circle = turn.book.circle(command.circle)
    if circle.state not in RUNS:
        return founding.set_terms(turn, command)
    changed = founding.changed_terms(circle, command)
    if isinstance(changed, Refusal):
        return changed
    if terms_hash(changed) == circle.terms_hash:
        return refuse("terms_same", circle=circle.name)
    if not _next_round(turn, circle):
        return refuse("vote_no_round", circle=circle.name)
    opened = proposing.open_one(turn, circle, ProposalKind.TERMS, change=difference(circle, changed))
    return opened if isinstance(opened, Refusal) else proposing.put_to_vote(turn, circle, opened)


def _next_round(turn: Turn, circle: Circle) -> int:
    """Return the first round that has not opened; 0 when all have."""
    ahead = (n for n, r in turn.book.rounds(circle.code).items() if r.state is RoundState.SCHEDULED)
    return min(ahead, default=0)


def carry_out(turn: Turn, circle: Circle, proposal: Proposal) -> Proposal | Refusal:
    """Give the rounds that have not opened the new terms; the others keep theirs (domain/proposals.py, as_of)."""
    first = _next_round(turn, circle)
    if not first or circle.state not in RUNS:
        return refuse("vote_no_round", circle=circle.name)
    changed = with_change(circle, proposal.change)
    changed = replace(changed, terms_hash=terms_hash(changed), terms_at=turn.at)
    turn.book.put(changed)
    if changed.grace_days != circle.grace_days:
        rounds.reschedule(turn, changed, first, proposal.ref)
    return replace(proposal, from_round=first)
