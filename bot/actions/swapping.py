"""SWAP: two hands change turns when both members say so, before either round has opened (rules.md 14, 44).

A held draw is the exception (32, 33): its pot goes to the other hand now, its drawer draws in the other's turn, and
what the drawer owes stays theirs. `SWAP code NEXT` asks one willing member after the other for such a draw.
"""

import json
from dataclasses import replace
from datetime import timedelta

from bot.actions import holding, offices, proposing, settling
from bot.actions.proposing import telling
from bot.actions.turn import Turn
from bot.words.say import Answer, Refusal, Say, refuse, say
from domain import commands as c
from domain import ledger
from domain.pardna import Circle, CircleState, Draw, DrawState, Hand, Round, RoundState
from domain.people import TrnState
from domain.proposals import Proposal, ProposalKind

NEXT = "NEXT"
NEXT_LASTS = timedelta(hours=24)
"""For each of those who are asked one after the other."""
TAKEN = frozenset({RoundState.SCHEDULED, RoundState.OPEN})


def propose_swap(turn: Turn, command: c.ProposeSwap) -> Say | Refusal:
    """Ask a member to change turns with me; NEXT asks whoever is willing to have my held draw now."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.ACTIVE:
        return refuse("not_running", circle=circle.name)
    mine = _own(turn, circle, turn.person_id, command.turn)
    if mine is None:
        return refuse("swap_none", circle=circle.name)
    if command.who == NEXT:
        return _ask_next(turn, circle, mine) or refuse("swap_nobody", circle=circle.name)
    who = command.who
    if who.isdecimal():
        holders = [h for h in turn.book.hands(circle.code) if h.turn == int(who) and h.person_id != turn.person_id]
        found: str | Refusal = holders[0].person_id if holders else refuse("swap_none", circle=circle.name)
    else:
        found = offices.one_member(turn, circle, who, {turn.person_id})
    if isinstance(found, Refusal):
        return found
    theirs = _own(turn, circle, found, int(who) if who.isdecimal() else 0, halves=mine.halves)
    if theirs is None:
        return refuse("swap_none", circle=circle.name)
    return _cannot(turn, circle, mine, theirs) or _ask(turn, circle, mine, theirs)


def _own(turn: Turn, circle: Circle, person: str, number: int, *, halves: int = 0) -> Hand | None:
    """Return a person's hand of that turn, or else the first that can still be swapped."""
    able = [h for h in turn.book.hands(circle.code) if h.person_id == person and _is_able(turn, circle, h)]
    able = [h for h in able if (not number or h.turn == number) and (not halves or h.halves == halves)]
    return able[0] if able else None


def _held(turn: Turn, circle: Circle, hand: Hand) -> Draw | None:
    draw = turn.book.get(Draw, circle.code, hand.turn, hand.number)
    return draw if draw is not None and draw.state is DrawState.HELD else None


def _is_able(turn: Turn, circle: Circle, hand: Hand) -> bool:
    """Whether a hand has not drawn, and its round has not opened or its draw is held."""
    if turn.book.get(Draw, circle.code, hand.turn, hand.number) is not None:
        return _held(turn, circle, hand) is not None
    return turn.book.must(Round, circle.code, hand.turn).state is RoundState.SCHEDULED


def _is_current(turn: Turn, circle: Circle, person: str) -> bool:
    """Whether a member owes nothing but what is not due yet."""
    late = [d for d in settling.open_dues(turn, circle, person) if not _is_ahead(turn, circle, d.round)]
    return not late and not turn.book.balance(ledger.debt(circle.code, person))


def _is_ahead(turn: Turn, circle: Circle, number: int) -> bool:
    return turn.book.must(Round, circle.code, number).state in TAKEN


def _is_verified(turn: Turn, person: str) -> bool:
    trn = turn.book.trn(person)
    return trn is not None and trn.state is TrnState.VERIFIED


def _cannot(turn: Turn, circle: Circle, mine: Hand, theirs: Hand) -> Refusal | None:
    """Say why two hands cannot change turns now: a held draw goes only to somebody who can have it at once."""
    if mine.halves != theirs.halves or not all(_is_able(turn, circle, h) for h in (mine, theirs)):
        return refuse("swap_none", circle=circle.name)
    held = [h for h in (mine, theirs) if _held(turn, circle, h)]
    if len(held) > 1:
        return refuse("swap_none", circle=circle.name)
    for hand in (mine, theirs):
        who = turn.book.person(hand.person_id).first_name
        if hand not in held and not _is_current(turn, circle, hand.person_id):
            return refuse("swap_behind", circle=circle.name, who=who)
        if held and hand not in held and not _is_verified(turn, hand.person_id):
            return refuse("swap_trn", circle=circle.name, who=who)
    return None


def _ask(turn: Turn, circle: Circle, mine: Hand, theirs: Hand, *, chain: bool = False) -> Say | Refusal:
    change = json.dumps({"hands": [mine.number, theirs.number], "next": chain})
    lasts = NEXT_LASTS if chain else None
    asked = proposing.open_one(
        turn, circle, ProposalKind.SWAP, theirs.person_id, change, by=mine.person_id, lasts=lasts
    )
    if isinstance(asked, Refusal):
        return asked
    said = telling("swap_ask", turn, circle, asked)
    turn.tell(theirs.person_id, replace(said, answers=proposing.answers(asked)))
    return telling("swap_asked", turn, circle, asked)


def _ask_next(turn: Turn, circle: Circle, mine: Hand) -> Say | Refusal | None:
    """Ask the next hand that can have a held draw now and was not asked yet; None when there is no other."""
    if _held(turn, circle, mine) is None:
        return refuse("swap_not_held", circle=circle.name)
    asked = {p.who_id for p in turn.book.all(Proposal, circle=circle.code, by_id=mine.person_id) if _is_of(p, mine)}
    for hand in turn.book.hands(circle.code):
        if hand.person_id not in {*asked, mine.person_id} and not _cannot(turn, circle, mine, hand):
            return _ask(turn, circle, mine, hand, chain=True)
    return None


def _is_of(proposal: Proposal, hand: Hand) -> bool:
    return proposal.kind is ProposalKind.SWAP and json.loads(proposal.change)["hands"][0] == hand.number


def go_on(turn: Turn, circle: Circle, proposal: Proposal) -> None:
    """Ask the next one when somebody did not want a held draw; with nobody left its drawer hears that it stays held."""
    if proposal.kind is not ProposalKind.SWAP or not json.loads(proposal.change)["next"]:
        return
    mine = turn.book.must(Hand, circle.code, json.loads(proposal.change)["hands"][0])
    if circle.state is not CircleState.ACTIVE or _held(turn, circle, mine) is None:
        return
    asked = _ask_next(turn, circle, mine)
    told = say("swap_nobody", circle=circle.name) if not isinstance(asked, Say) else asked
    turn.tell(mine.person_id, told)


def agreed(turn: Turn, circle: Circle, proposal: Proposal) -> Proposal | Refusal:
    """Have two hands change turns, when both still can; a held draw goes to the other hand."""
    one, other = (turn.book.must(Hand, circle.code, n) for n in json.loads(proposal.change)["hands"])
    if circle.state is not CircleState.ACTIVE or (one.person_id, other.person_id) != (proposal.by_id, proposal.who_id):
        return refuse("vote_over", circle=circle.name, ref=proposal.ref)
    if wrong := _cannot(turn, circle, one, other):
        return wrong
    held = next(((h, d) for h in (one, other) if (d := _held(turn, circle, h))), None)
    turn.book.put(replace(one, turn=other.turn), replace(other, turn=one.turn))
    if held:
        hand, draw = held
        turn.book.drop(draw)
        takes = other if hand == one else one
        holding.take_over(turn, circle, turn.book.must(Round, circle.code, draw.round), takes.number)
    return proposal


def offer_swap(turn: Turn, command: c.OfferSwap) -> None:
    """A draw is held still: tell its drawer that another may have it now (rules.md 32, 33)."""
    draw = turn.book.get(Draw, command.circle, command.round, command.hand)
    if draw is None or draw.state is not DrawState.HELD:
        return
    circle = turn.book.circle(draw.circle)
    if circle.state is CircleState.ACTIVE:
        line = f"SWAP {circle.code} {NEXT}"
        turn.tell(draw.person_id, say("swap_offer", Answer(line, line), circle=circle.name, code=circle.code))
