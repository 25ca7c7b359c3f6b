"""A circle from NEW to BEGIN: set up, invite, join, approve, order, lock (rules.md 1-3, 12, 15)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from bot.actions import rounds
from bot.actions.names import match_name
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.codes import circle_code
from domain.pardna import (
    MOST_HANDS,
    Circle,
    CircleState,
    Hand,
    Member,
    MemberState,
    OrderBy,
    become,
    early_turns,
    next_hands,
    put_in_order,
    seats_taken,
    terms_hash,
)
from domain.people import TrnState
from domain.schedule import local_date, period_days

DEFAULT_GRACE = 3


def new_circle(turn: Turn, command: c.NewCircle) -> Say | Refusal:
    """Set up a circle. It is open for joining at once; the banker joins like anybody else."""
    circle = Circle(
        code=circle_code(turn.tools.randbelow),
        name=command.name,
        banker_id=turn.person_id,
        treasurer_id=None,
        state=CircleState.OPEN,
        currency=command.currency,
        throw=command.throw,
        frequency=command.frequency,
        turns=command.turns,
        first_due=command.first_due,
        order_by=command.order_by,
        fee=0,
        grace_days=DEFAULT_GRACE,
        terms_hash="",
        made_at=turn.at,
    )
    turn.book.put(replace(circle, terms_hash=terms_hash(circle)))
    join = Answer(f"JOIN {circle.code}", text("join_too"))
    invite = Answer(f"INVITE {circle.code}", text("invite"))
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "code": circle.code,
        "throw": circle.money(circle.throw),
        "turns": circle.turns,
    }
    return say("circle_made", invite, join, frequency=text(circle.frequency.value), due=circle.first_due, **figures)


def invite(turn: Turn, command: c.Invite) -> Say | Refusal:
    """Give what is passed on to others: the word to type, and the page."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open", circle=circle.name)
    link = f"{turn.tools.site}/j/{circle.code}"
    left = circle.turns - seats_taken(turn.book.members(circle.code))
    return say("invitation", circle=circle.name, code=circle.code, link=link, left=left)


def terms_text(turn: Turn, circle: Circle) -> Text:
    """Write the terms on one line (copy.md, Join)."""
    banker = turn.book.person(circle.banker_id).first_name
    fee = text("terms_fee", fee=circle.money(circle.fee)) if circle.fee else text("terms_no_fee")
    return text(
        "terms",
        circle=circle.name,
        throw=circle.money(circle.throw),
        frequency=text(circle.frequency.value),
        turns=circle.turns,
        due=circle.first_due,
        order=text("order_join" if circle.order_by is OrderBy.JOIN else "order_banker"),
        fee=fee,
        grace=circle.grace_days,
        banker=banker,
    )


def look_at_terms(turn: Turn, command: c.LookAtTerms) -> Say | Refusal:
    """Show the terms, and offer to agree to one who may join."""
    circle = turn.book.circle(command.circle)
    terms = terms_text(turn, circle)
    if not command.hands:
        return Say((terms, text("terms_more", gross=circle.money(circle.gross))))
    mine = turn.book.get(Member, circle.code, turn.person_id)
    again = (
        mine is not None and mine.state in {MemberState.ASKED, MemberState.IN} and mine.agreed_hash != circle.terms_hash
    )
    if not again and (closed := _cannot_join(turn, circle, mine, command.hands)):
        return closed
    yes = Answer(f"AGREE {circle.code} {command.hands}", text("i_agree"))
    hands = text("terms_hands", hands=command.hands, amount=circle.money(circle.throw * command.hands))
    lines = (terms, hands, text("terms_agree")) if command.hands > 1 else (terms, text("terms_agree"))
    return Say(lines, (yes, Answer("MENU", text("not_now"))))


def _cannot_join(turn: Turn, circle: Circle, mine: Member | None, hands: int) -> Refusal | None:
    if mine is not None and mine.state is MemberState.IN:
        return refuse("in_already", circle=circle.name)
    if mine is not None and mine.state is MemberState.ASKED:
        return refuse("asked_already", circle=circle.name)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open", circle=circle.name)
    if hands > MOST_HANDS:
        return refuse("hands_bounds", most=MOST_HANDS)
    left = circle.turns - seats_taken(turn.book.members(circle.code))
    if hands > left:
        return refuse("circle_full" if not left else "too_few_left", circle=circle.name, left=left)
    return None


def agree(turn: Turn, command: c.Agree) -> Say | Refusal:
    """Accept the terms' hash: to join, or again after a change (rules.md 2)."""
    circle = turn.book.circle(command.circle)
    mine = turn.book.get(Member, circle.code, turn.person_id)
    if mine is not None and mine.state in {MemberState.ASKED, MemberState.IN}:
        if mine.agreed_hash == circle.terms_hash:
            return refuse("agreed_already", circle=circle.name)
        turn.book.put(replace(mine, agreed_hash=circle.terms_hash))
        return say("agreed_again", circle=circle.name)
    if closed := _cannot_join(turn, circle, mine, command.hands):
        return closed
    member = Member(circle.code, turn.person_id, command.hands, MemberState.ASKED, circle.terms_hash, turn.at)
    turn.book.put(member)
    banker = turn.book.person(circle.banker_id)
    if turn.person_id == circle.banker_id:
        _let_in(turn, circle, member)
        return _joined(turn, circle, member)
    answers = (
        Answer(f"APPROVE {circle.code} {turn.me.name}", text("approve")),
        Answer(f"ROSTER {circle.code}", text("roster")),
    )
    figures: dict[str, Figure] = {"circle": circle.name, "code": circle.code, "hands": command.hands}
    turn.tell(banker.id, say("asks_to_join", *answers, who=turn.me.name, **figures))
    return say("agreed", circle=circle.name, banker=banker.first_name)


def _joined(turn: Turn, circle: Circle, member: Member) -> Say:
    turns = [h.turn for h in turn.book.hands(circle.code) if h.person_id == member.person_id]
    left = circle.turns - seats_taken(turn.book.members(circle.code))
    return say("joined", circle=circle.name, turn=", ".join(map(str, turns)), turns=circle.turns, left=left)


def _let_in(turn: Turn, circle: Circle, member: Member) -> None:
    turn.book.put(replace(member, state=MemberState.IN))
    turn.book.put(*next_hands(circle, turn.book.hands(circle.code), member))


def approve(turn: Turn, command: c.Approve) -> Say | Refusal:
    """Let one who asked, or all of them in the order they asked, into the circle."""
    circle = turn.book.circle(command.circle)
    if circle.state not in {CircleState.OPEN, CircleState.LOCKED}:
        return refuse("not_open", circle=circle.name)
    asking = sorted(
        (m for m in turn.book.members(circle.code) if m.state is MemberState.ASKED), key=lambda m: m.asked_at
    )
    if not asking:
        return refuse("nobody_asks", circle=circle.name)
    chosen = asking if command.who.strip().upper() == "ALL" else _named(turn, command.who, asking)
    if len(chosen) != 1 and command.who.strip().upper() != "ALL":
        answers = [Answer(f"APPROVE {circle.code} {_name(turn, m)}", _name(turn, m)) for m in (chosen or asking)[:5]]
        return refuse("who_of" if chosen else "who_none", *answers, who=command.who, circle=circle.name)
    let_in = []
    for member in chosen:
        if seats_taken(turn.book.members(circle.code)) + member.hands > circle.turns:
            continue
        _let_in(turn, circle, member)
        let_in.append(member)
        turn.tell(member.person_id, _joined(turn, circle, member))
    if not let_in:
        return refuse("circle_full", circle=circle.name)
    left = circle.turns - seats_taken(turn.book.members(circle.code))
    names = ", ".join(turn.book.person(m.person_id).first_name for m in let_in)
    figures: dict[str, Figure] = {"circle": circle.name, "names": names, "code": circle.code}
    if left:
        return say("approved_left", left=left, taken=circle.turns - left, turns=circle.turns, **figures)
    return say("approved_full", Answer(f"LOCK {circle.code}", f"LOCK {circle.code}"), turns=circle.turns, **figures)


def _name(turn: Turn, member: Member) -> str:
    return turn.book.person(member.person_id).name


def _named(turn: Turn, who: str, members: Iterable[Member]) -> list[Member]:
    by_id = {m.person_id: m for m in members}
    return [by_id[i] for i in match_name(who, {i: turn.book.person(i).name for i in by_id})]


def arrange(turn: Turn, command: c.Arrange) -> Say | Refusal:
    """Set the draw order by names, one a hand (rules.md 12, banker-set)."""
    circle = turn.book.circle(command.circle)
    hands = turn.book.hands(circle.code)
    if circle.state not in {CircleState.OPEN, CircleState.LOCKED}:
        return refuse("order_fixed", circle=circle.name)
    if circle.order_by is not OrderBy.BANKER:
        return refuse("order_is_join", circle=circle.name)
    members = [m for m in turn.book.members(circle.code) if m.state is MemberState.IN]
    people = []
    for name in command.names:
        found = _named(turn, name, members)
        if len(found) != 1:
            return refuse("who_of" if found else "who_none", who=name, circle=circle.name)
        people.append(found[0].person_id)
    try:
        ordered = put_in_order(hands, people)
    except ValueError:
        names = ", ".join(turn.book.person(h.person_id).first_name for h in hands)
        return refuse("order_each_once", names=names, count=len(hands), circle=circle.name)
    turn.book.put(*ordered)
    if circle.state is CircleState.LOCKED:
        turn.tell_all(members, lambda m: _order_notice(turn, circle) if m.person_id != turn.person_id else None)
    return say("order_set", circle=circle.name, lines=order_lines(turn, circle))


def order_lines(turn: Turn, circle: Circle) -> tuple[str, ...]:
    """Write who draws when, one line a turn."""
    return tuple(f"{h.turn} {turn.book.person(h.person_id).first_name}" for h in turn.book.hands(circle.code))


def _order_notice(turn: Turn, circle: Circle) -> Say:
    return say("order_told", circle=circle.name, lines=order_lines(turn, circle))


def set_terms(turn: Turn, command: c.SetTerms) -> Say | Refusal:
    """Change a term before the start. Acceptances given to the old terms are void and asked for again (rules.md 2)."""
    circle = turn.book.circle(command.circle)
    if circle.state not in {CircleState.OPEN, CircleState.LOCKED}:
        return refuse("terms_fixed", circle=circle.name)
    fee = circle.fee if command.fee is None else command.fee
    grace = circle.grace_days if command.grace_days is None else command.grace_days
    if fee >= circle.throw:
        return refuse("fee_too_high", fee=circle.money(fee), throw=circle.money(circle.throw))
    if grace >= period_days(circle.frequency):
        return refuse("grace_too_long", grace=grace, days=period_days(circle.frequency))
    changed = replace(circle, fee=fee, grace_days=grace)
    if circle.state is CircleState.LOCKED:
        changed = become(changed, CircleState.OPEN)
    changed = replace(changed, terms_hash=terms_hash(changed))
    if changed.terms_hash == circle.terms_hash:
        return refuse("terms_same", circle=circle.name)
    turn.book.put(changed)
    ask = Answer(f"AGREE {circle.code}", text("i_agree"))
    told = [m for m in turn.book.members(circle.code) if m.state in {MemberState.ASKED, MemberState.IN}]
    for member in told:
        turn.tell(
            member.person_id,
            Say(
                (text("terms_changed", circle=circle.name), terms_text(turn, changed), text("terms_agree")),
                (ask,),
            ),
        )
    return Say((text("terms_set", count=len(told)), terms_text(turn, changed)))


# -- lock and begin -------------------------------------------------------------------------------------------


def _missing(turn: Turn, circle: Circle) -> Refusal | None:
    """Return what a circle still lacks for its order and terms to be fixed."""
    members = turn.book.members(circle.code)
    left = circle.turns - seats_taken(members)
    if left:
        return refuse("turns_open", circle=circle.name, left=left, turns=circle.turns)
    late = [m for m in members if m.state is MemberState.IN and m.agreed_hash != circle.terms_hash]
    if late:
        names = ", ".join(turn.book.person(m.person_id).first_name for m in late)
        return refuse("not_agreed", circle=circle.name, names=names, code=circle.code)
    return None


def ask_to_lock(turn: Turn, command: c.AskToLock) -> Say | Refusal:
    """Say what LOCK fixes; name the unverified in the first third, whom the banker's Yes lets stand (rules.md 15)."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open_lock", circle=circle.name)
    if missing := _missing(turn, circle):
        return missing
    lines = [text("ask_lock", circle=circle.name, lines=order_lines(turn, circle))]
    if early := _early(turn, circle):
        lines.append(text("lock_exceptions", names=early))
    return Say(tuple(lines), _sure("LOCK", circle))


def _early(turn: Turn, circle: Circle) -> str:
    verified = frozenset(
        h.person_id
        for h in turn.book.hands(circle.code)
        if (trn := turn.book.trn(h.person_id)) is not None and trn.state is TrnState.VERIFIED
    )
    return ", ".join(
        turn.book.person(h.person_id).first_name for h in early_turns(circle, turn.book.hands(circle.code), verified)
    )


def _sure(word: str, circle: Circle) -> tuple[Answer, Answer]:
    return (Answer(f"{word} {circle.code} YES", text("yes")), Answer("MENU", text("no")))


def lock(turn: Turn, command: c.Lock) -> Say | Refusal:
    """Fix terms and order, and publish the order to every member."""
    circle = turn.book.circle(command.circle)
    if circle.state is CircleState.LOCKED:
        return refuse("locked_already", circle=circle.name, code=circle.code)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open_lock", circle=circle.name)
    if missing := _missing(turn, circle):
        return missing
    for member in turn.book.members(circle.code):
        if member.state is MemberState.ASKED:
            turn.book.put(replace(member, state=MemberState.REFUSED))
            turn.tell(member.person_id, say("circle_full", circle=circle.name, left=0))
    turn.book.put(become(circle, CircleState.LOCKED))
    turn.tell_all(turn.book.members(circle.code), lambda m: _locked(turn, circle, m))
    begin = Answer(f"BEGIN {circle.code}", f"BEGIN {circle.code}")
    return say("locked", begin, circle=circle.name, code=circle.code, due=circle.first_due)


def _locked(turn: Turn, circle: Circle, member: Member) -> Say | None:
    if member.person_id == turn.person_id:
        return None
    return say("locked_told", circle=circle.name, due=circle.first_due, lines=order_lines(turn, circle))


def ask_to_begin(turn: Turn, command: c.AskToBegin) -> Say | Refusal:
    """Say what BEGIN starts."""
    circle = turn.book.circle(command.circle)
    if wrong := _cannot_begin(turn, circle):
        return wrong
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "throw": circle.money(circle.throw),
        "due": circle.first_due,
        "turns": circle.turns,
    }
    return Say((text("ask_begin", **figures),), _sure("BEGIN", circle))


def _cannot_begin(turn: Turn, circle: Circle) -> Refusal | None:
    """ACTIVE needs every turn filled, every acceptance, the order published (rules.md 3)."""
    if circle.state is CircleState.ACTIVE:
        return refuse("begun_already", circle=circle.name)
    if circle.state is not CircleState.LOCKED:
        return refuse("lock_first", circle=circle.name, code=circle.code)
    if missing := _missing(turn, circle):
        return missing
    if circle.first_due < local_date(turn.at):
        return refuse(
            "first_due_past",
            circle=circle.name,
            due=circle.first_due,
            next=local_date(turn.at) + timedelta(days=7),
        )
    return None


def begin(turn: Turn, command: c.Begin) -> Say | Refusal:
    """Start: the rounds get their dates, and round 1 opens (rules.md 20)."""
    circle = turn.book.circle(command.circle)
    if wrong := _cannot_begin(turn, circle):
        return wrong
    active = become(circle, CircleState.ACTIVE)
    turn.book.put(active)
    rounds.schedule_all(turn, active)
    rounds.open_round(turn, active, 1)
    first = turn.book.rounds(circle.code)[1]
    return say("begun", circle=circle.name, throw=circle.money(circle.throw), due=first.due)


def close(turn: Turn, command: c.Close) -> Say | Refusal:
    """Call off a circle that has not begun. No money was taken, so none goes back."""
    circle = turn.book.circle(command.circle)
    if circle.state not in {CircleState.OPEN, CircleState.LOCKED}:
        return refuse("cannot_close", circle=circle.name)
    turn.book.put(replace(become(circle, CircleState.CANCELLED), ended_at=turn.at))
    for member in turn.book.members(circle.code):
        if member.state in {MemberState.ASKED, MemberState.IN} and member.person_id != turn.person_id:
            turn.tell(member.person_id, say("closed_told", circle=circle.name, banker=turn.me.first_name))
    return say("closed", circle=circle.name)


def suspend(turn: Turn, command: c.Suspend) -> Say | Refusal:
    """Stop a circle's clock for now; the money stays where it is."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.ACTIVE:
        return refuse("not_running", circle=circle.name)
    turn.book.put(become(circle, CircleState.SUSPENDED))
    turn.tell_all(turn.book.members(circle.code), lambda m: _not_me(turn, m, say("suspended_told", circle=circle.name)))
    return say("suspended", circle=circle.name, code=circle.code)


def resume(turn: Turn, command: c.Resume) -> Say | Refusal:
    """Let it run again. What fell due meanwhile is handled from the next morning on."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.SUSPENDED:
        return refuse("not_suspended", circle=circle.name)
    turn.book.put(become(circle, CircleState.ACTIVE))
    turn.tell_all(turn.book.members(circle.code), lambda m: _not_me(turn, m, say("resumed_told", circle=circle.name)))
    return say("resumed", circle=circle.name)


def _not_me(turn: Turn, member: Member, what: Say) -> Say | None:
    return what if member.person_id != turn.person_id else None


# -- looking --------------------------------------------------------------------------------------------------


def roster(turn: Turn, command: c.Roster) -> Say | Refusal:
    """Say who is in, who draws when, who has thrown this round, and who asks to join."""
    circle = turn.book.circle(command.circle)
    number = rounds.showing(turn, circle)
    lines: list[Text | str] = [_roster_line(turn, circle, hand, number) for hand in turn.book.hands(circle.code)]
    asking = [m for m in turn.book.members(circle.code) if m.state is MemberState.ASKED]
    is_banker = turn.person_id == circle.banker_id
    lines += [text("roster_asks", who=_name(turn, m) if is_banker else _first(turn, m), hands=m.hands) for m in asking]
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "code": circle.code,
        "taken": len(turn.book.hands(circle.code)),
        "turns": circle.turns,
    }
    answers = (Answer(f"APPROVE {circle.code} ALL", text("approve_all")),) if asking and is_banker else ()
    return say("roster_said", *answers, lines=tuple(lines) or (text("roster_nobody"),), **figures)


def _first(turn: Turn, member: Member) -> str:
    return turn.book.person(member.person_id).first_name


def _roster_line(turn: Turn, circle: Circle, hand: Hand, number: int) -> Text:
    who = turn.book.person(hand.person_id).first_name
    if not number:
        return text("roster_line", turn=hand.turn, who=who)
    state = rounds.throw_state(turn, circle, number, hand)
    return text("roster_line_state", turn=hand.turn, who=who, state=text(f"state_{state.value.lower()}"))
