"""Who has an office in a circle: its treasurer, its deputy, and how a circle gets another banker (rules.md 35, 47)."""

from dataclasses import replace

from bot.actions import approving, fees, paths, proposing, settling
from bot.actions.names import named
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.ledger import Transfer
from domain.pardna import Circle, CircleState, Member, MemberState
from domain.payments import Payout, PayoutState
from domain.people import Role
from domain.proposals import Proposal, ProposalKind

OVER = frozenset({CircleState.COMPLETED, CircleState.CANCELLED, CircleState.TERMINATED})


def set_treasurer(turn: Turn, command: c.SetTreasurer) -> Say | Refusal:
    """Give a member the second yes to draws from now on, or take it away; the whole circle hears of it."""
    circle = turn.book.circle(command.circle)
    if circle.state in OVER:
        return refuse("not_running", circle=circle.name)
    members = [m for m in turn.book.members(circle.code) if m.state is MemberState.IN]
    treasurer = None
    if command.who:
        found = _one(turn, circle, command.who)
        if isinstance(found, Refusal):
            return found
        treasurer = found
    if treasurer == circle.treasurer_id:
        return refuse("treasurer_same", circle=circle.name)
    turn.book.put(replace(circle, treasurer_id=treasurer))
    others = [m for m in members if m.person_id != turn.person_id]
    if treasurer is None:
        turn.tell_all(others, lambda _: say("treasurer_none_told", circle=circle.name, banker=turn.me.first_name))
        return say("treasurer_none", circle=circle.name)
    who = turn.book.person(treasurer).first_name
    told = say("treasurer_told", circle=circle.name, who=who, banker=turn.me.first_name)
    mine = say("treasurer_you", circle=circle.name, banker=turn.me.first_name)
    turn.tell_all(others, lambda m: mine if m.person_id == treasurer else told)
    return say("treasurer_set", circle=circle.name, who=who)


def _one(turn: Turn, circle: Circle, who: str) -> str | Refusal:
    return one_member(turn, circle, who, {circle.banker_id})


def one_member(turn: Turn, circle: Circle, who: str, but: set[str]) -> str | Refusal:
    """Return the one member with hands whom a name means."""
    every = turn.book.members(circle.code)
    able = [m for m in every if m.state is MemberState.IN and m.halves and m.person_id not in but]
    found = named(turn, who, able)
    if len(found) != 1:
        return refuse("who_of" if found else "who_none", who=who, circle=circle.name)
    return found[0].person_id


# -- the deputy -----------------------------------------------------------------------------------------------


def set_deputy(turn: Turn, command: c.SetDeputy) -> Say | Refusal:
    """Ask a member to be the deputy, who has to say yes; or have none from now on."""
    circle = turn.book.circle(command.circle)
    if circle.state in OVER:
        return refuse("not_running", circle=circle.name)
    if not command.who:
        if circle.deputy_id is None:
            return refuse("treasurer_same", circle=circle.name)
        turn.book.put(replace(circle, deputy_id=None))
        none = say("deputy_none", circle=circle.name)
        proposing.tell_others(turn, circle, none)
        return none
    found = _one(turn, circle, command.who)
    if isinstance(found, Refusal):
        return found
    if found == circle.deputy_id:
        return refuse("treasurer_same", circle=circle.name)
    asked = proposing.open_one(turn, circle, ProposalKind.DEPUTY, found)
    if isinstance(asked, Refusal):
        return asked
    said = proposing.figures(turn, circle, asked)
    turn.tell(found, say("deputy_ask", *proposing.answers(asked), **said))
    who = turn.book.person(found).first_name
    return say("deputy_asked", who=who, **said)


def accepted(turn: Turn, circle: Circle, proposal: Proposal) -> Proposal | Refusal:
    """Make the one who said yes the deputy, unless the banker or the membership has changed since."""
    if circle.banker_id != proposal.by_id or circle.state in OVER or not _is_in(turn, circle, proposal.who_id):
        return refuse("vote_over", circle=circle.name, ref=proposal.ref)
    turn.book.put(replace(circle, deputy_id=proposal.who_id))
    return proposal


def _is_in(turn: Turn, circle: Circle, person: str | None) -> bool:
    member = turn.book.get(Member, circle.code, person)
    return member is not None and member.state is MemberState.IN


# -- the banker -----------------------------------------------------------------------------------------------


def propose_banker(turn: Turn, command: c.ProposeBanker) -> Say | Refusal:
    """Have all hands vote for another banker, who has to say yes too (rules.md 47)."""
    circle = turn.book.circle(command.circle)
    if circle.state not in {CircleState.ACTIVE, CircleState.SUSPENDED}:
        return refuse("not_running", circle=circle.name)
    found = _one(turn, circle, command.who)
    if isinstance(found, Refusal):
        return found
    opened = proposing.open_one(turn, circle, ProposalKind.BANKER, found)
    return opened if isinstance(opened, Refusal) else proposing.put_to_vote(turn, circle, opened)


def elected(turn: Turn, circle: Circle, proposal: Proposal) -> Proposal | Refusal:
    """Make the one whom the circle voted for its banker."""
    if circle.state in OVER or proposal.who_id == circle.banker_id or not _is_in(turn, circle, proposal.who_id):
        return refuse("vote_over", circle=circle.name, ref=proposal.ref)
    turn.tell(circle.banker_id, _change_banker(turn, circle, proposal.who_id or ""))
    return proposal


def ask_to_hand_over(turn: Turn, command: c.AskToHandOver) -> Say | Refusal:
    """Say what handing over means: who takes over, and what the banker still holds."""
    circle = turn.book.circle(command.circle)
    if wrong := _no_deputy(circle):
        return wrong
    yes = Answer(f"HANDOVER {circle.code} YES", text("yes"))
    cash = circle.money(max(paths.cash_free(turn, circle), 0))
    who = turn.book.person(circle.deputy_id or "").first_name
    return say("ask_hand_over", yes, Answer("MENU", text("no")), circle=circle.name, who=who, cash=cash)


def _no_deputy(circle: Circle) -> Refusal | None:
    if circle.state in OVER:
        return refuse("not_running", circle=circle.name)
    if circle.deputy_id is None:
        return refuse("deputy_first", circle=circle.name, code=circle.code)
    return None


def hand_over(turn: Turn, command: c.HandOver) -> Say | Refusal:
    """Make the deputy the banker, at the banker's word."""
    circle = turn.book.circle(command.circle)
    if wrong := _no_deputy(circle):
        return wrong
    return _change_banker(turn, circle, circle.deputy_id or "")


def _change_banker(turn: Turn, circle: Circle, new: str) -> Say:
    """Give the role to another, and settle with the one who had it; returns what that one hears.

    Fees that were earned are set off against cash held, and what is left of them is the old banker's credit. Cash
    that is still held then is the old banker's debt to the circle, paid like any other; what a payout with its second
    yes has claimed they still hand over. The new banker begins with nothing.
    """
    old = circle.banker_id
    for payout in turn.book.all(Payout, circle=circle.code, state=PayoutState.ASKED):
        approving.call_off(turn, circle, payout)
    fees.set_off(turn, circle)
    owed, held = turn.book.available(ledger.fee(circle.code)), max(paths.cash_free(turn, circle), 0)
    key = f"hand-over:{turn.tools.new_id()}"
    moves = []
    if owed:
        moves.append(Transfer(ledger.fee(circle.code), ledger.credit(circle.code, old), owed))
    if held:
        moves.append(Transfer(ledger.debt(circle.code, old), ledger.cash(circle.code), held))
    if moves:
        turn.post(key, "hand-over", circle, *moves)
    if moves and not _is_in(turn, circle, old):
        turn.book.put(Member(circle.code, old, 0, MemberState.IN, circle.terms_hash, turn.at))
    settling.spend_credit(turn, circle, old, f"{key}:credit")
    treasurer = None if circle.treasurer_id == new else circle.treasurer_id
    deputy = None if circle.deputy_id == new else circle.deputy_id
    changed = replace(circle, banker_id=new, treasurer_id=treasurer, deputy_id=deputy)
    turn.book.put(changed)
    names: dict[str, Figure] = {
        "circle": circle.name,
        "code": circle.code,
        "who": turn.book.person(new).first_name,
        "banker": turn.book.person(old).first_name,
        "cash": circle.money(held, whose=old),
    }
    told = say("banker_changed_cash" if held else "banker_changed", **names)
    proposing.tell_others(turn, changed, told, but=frozenset({old, new}))
    turn.tell(new, say("banker_you", Answer(f"ROSTER {circle.code}", text("roster")), **names))
    turn.tell_staff([Role.FINANCE, Role.SUPPORT], say("staff_banker_changed", **names))
    if not held:
        return say("banker_no_more", **names)
    return say("banker_no_more_cash", Answer(f"PAY {circle.code}", text("menu_pay")), **names)
