"""Joining a circle: see its terms, agree, and be let in by the banker (rules.md 2, 9)."""

from collections.abc import Iterable
from dataclasses import replace

from bot.actions import ordering, scores
from bot.actions.founding import terms_texts
from bot.actions.names import called, named
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain.pardna import (
    BY_LOT,
    MOST_HALVES,
    MOST_HANDS,
    WHOLE,
    Circle,
    CircleState,
    Member,
    MemberState,
    OrderBy,
    halves_taken,
    next_hands,
    seat_the_rest,
    shown,
    terms_mark,
)

ASKERS_A_TURN = 2
MOST_NAMED = 10


def look_at_terms(turn: Turn, command: c.LookAtTerms) -> Say | Refusal:
    """Show the terms, and offer to agree to one who may join."""
    circle = turn.book.circle(command.circle)
    if not command.halves:
        return Say((*terms_texts(turn, circle, whole=True), text("terms_more", gross=circle.money(circle.gross))))
    mine = turn.book.get(Member, circle.code, turn.person_id)
    again = _told_of_changes(mine) and mine is not None and mine.agreed_hash != circle.terms_hash
    if not again and (closed := _cannot_join(turn, circle, mine, command.halves)):
        return closed
    return _ask_to_agree(turn, circle, command.halves)


def _ask_to_agree(turn: Turn, circle: Circle, halves: int) -> Say:
    """Show the terms and ask for the AGREE to just these."""
    mark = terms_mark(circle)
    turn.remembered["agree"] = {"code": circle.code, "halves": halves, "terms": mark}
    lines = [*terms_texts(turn, circle)]
    if halves != WHOLE:
        amount = circle.money(circle.throw_of(halves))
        lines.append(text("terms_hands", hands=shown(halves), amount=amount))
    if halves % WHOLE:
        lines.append(text("terms_half"))
    yes = Answer(f"AGREE {circle.code} {shown(halves)} {mark}", text("i_agree"))
    return Say((*lines, text("terms_agree")), (yes, Answer("MENU", text("not_now"))))


def _told_of_changes(mine: Member | None) -> bool:
    """Whether somebody asked to be in or is, and so reads every change of the terms at once."""
    return mine is not None and mine.state in {MemberState.ASKED, MemberState.IN}


def _read(turn: Turn, circle: Circle, mine: Member | None, mark: str) -> bool:
    """Whether an AGREE is for the terms as they are now: those it names, or those everybody who is in was told."""
    if mark:
        return mark == terms_mark(circle)
    return _told_of_changes(mine) and (circle.terms_at is None or circle.terms_at < turn.at)


def _cannot_join(turn: Turn, circle: Circle, mine: Member | None, halves: int) -> Refusal | None:
    if mine is not None and mine.state is MemberState.IN:
        return refuse("in_already", circle=circle.name)
    if mine is not None and mine.state is MemberState.ASKED:
        return refuse("asked_already", circle=circle.name)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open", circle=circle.name)
    if halves > MOST_HALVES:
        return refuse("hands_bounds", most=MOST_HANDS)
    members = turn.book.members(circle.code)
    if turn.person_id != circle.banker_id and _too_many_ask(circle, members):
        return refuse("too_many_ask", circle=circle.name)
    left = circle.halves - halves_taken(members)
    if halves > left:
        return refuse("circle_full" if not left else "too_few_left", circle=circle.name, left=shown(left))
    return None


def _too_many_ask(circle: Circle, members: Iterable[Member]) -> bool:
    """Whether so many wait for the banker's word already that more would only bury them."""
    return sum(m.state is MemberState.ASKED for m in members) >= ASKERS_A_TURN * circle.turns


def agree(turn: Turn, command: c.Agree) -> Say | Refusal:
    """Accept the terms' hash: to join, or again after a change (rules.md 2).

    Terms that have changed since they were read are shown first, so that nobody agrees to what they have not seen.
    """
    circle = turn.book.circle(command.circle)
    mine = turn.book.get(Member, circle.code, turn.person_id)
    if mine is not None and _told_of_changes(mine):
        if mine.agreed_hash == circle.terms_hash:
            return refuse("agreed_already", circle=circle.name)
        if not _read(turn, circle, mine, command.terms):
            return _ask_to_agree(turn, circle, mine.halves)
        turn.book.put(replace(mine, agreed_hash=circle.terms_hash))
        return say("agreed_again", circle=circle.name)
    if closed := _cannot_join(turn, circle, mine, command.halves):
        return closed
    if not _read(turn, circle, mine, command.terms):
        return _ask_to_agree(turn, circle, command.halves)
    member = Member(circle.code, turn.person_id, command.halves, MemberState.ASKED, circle.terms_hash, turn.at)
    turn.book.put(member)
    banker = turn.book.person(circle.banker_id)
    if turn.person_id == circle.banker_id:
        _let_in(turn, circle, member)
        return _joined(turn, circle, member)
    who = called(turn, circle.code)[turn.person_id]
    answers = (
        Answer(f"APPROVE {circle.code} {who}", text("approve")),
        Answer(f"APPROVE {circle.code} NOT {who}", text("turn_down")),
        Answer(f"ROSTER {circle.code}", text("roster")),
    )
    figures: dict[str, Figure] = {"circle": circle.name, "code": circle.code, "hands": shown(command.halves)}
    tier = scores.tier_text(turn, turn.person_id)
    turn.tell(banker.id, say("asks_to_join", *answers, who=who, tier=tier, **figures))
    return say("agreed", circle=circle.name, banker=banker.first_name)


def _joined(turn: Turn, circle: Circle, member: Member) -> Say:
    if circle.order_by in BY_LOT:
        places = ordering.places(turn, circle)
        told = say("joined_lottery", circle=circle.name, turns=circle.turns, places=places)
        return ordering.with_half(turn, circle, member.person_id, told)
    if circle.order_by is OrderBy.SEATS:
        return ordering.ask_for_seat(turn, circle, member.person_id)
    turns = [h.turn for h in turn.book.hands(circle.code) if h.person_id == member.person_id]
    places = ordering.places(turn, circle)
    told = say("joined", circle=circle.name, turn=", ".join(map(str, turns)), turns=circle.turns, places=places)
    return ordering.with_half(turn, circle, member.person_id, told)


def _left(turn: Turn, circle: Circle) -> int:
    """Return how many half hands are still free."""
    return circle.halves - halves_taken(turn.book.members(circle.code))


def _let_in(turn: Turn, circle: Circle, member: Member) -> None:
    turn.book.put(replace(member, state=MemberState.IN))
    hands = turn.book.hands(circle.code)
    turn.book.put(*seat_the_rest([*hands, *next_hands(circle, hands, member)]))
    ordering.say_pairs(turn, circle, hands, member.person_id)


def _asking(turn: Turn, circle: Circle, who: str, line: str) -> list[Member] | Refusal:
    """Return those who ask to be in and are meant: one by name, or ALL in the order they asked."""
    if circle.state not in {CircleState.OPEN, CircleState.LOCKED}:
        return refuse("not_open", circle=circle.name)
    everyone = (m for m in turn.book.members(circle.code) if m.state is MemberState.ASKED)
    asking = sorted(everyone, key=lambda m: m.asked_at)
    if not asking:
        return refuse("nobody_asks", circle=circle.name)
    if who.strip().upper() == "ALL":
        return asking
    chosen = named(turn, who, asking)
    if len(chosen) == 1:
        return chosen
    names = called(turn, circle.code)
    some = [names[m.person_id] for m in (chosen or asking)[:5]]
    answers = [Answer(f"{line} {name}", name) for name in some]
    return refuse("who_of" if chosen else "who_none", *answers, who=who, circle=circle.name)


def turn_down(turn: Turn, command: c.TurnDown) -> Say | Refusal:
    """Do not let one who asked, or any of them, into the circle; they are told."""
    circle = turn.book.circle(command.circle)
    chosen = _asking(turn, circle, command.who, f"APPROVE {circle.code} NOT")
    if isinstance(chosen, Refusal):
        return chosen
    for member in chosen:
        turn.book.put(replace(member, state=MemberState.REFUSED))
        turn.tell(member.person_id, say("turned_down", circle=circle.name, banker=turn.me.first_name))
    names = ", ".join(turn.book.person(m.person_id).first_name for m in chosen[:MOST_NAMED])
    return say("turned_down_banker", count=len(chosen), names=names, circle=circle.name)


def approve(turn: Turn, command: c.Approve) -> Say | Refusal:
    """Let one who asked, or all of them in the order they asked, into the circle."""
    circle = turn.book.circle(command.circle)
    chosen = _asking(turn, circle, command.who, f"APPROVE {circle.code}")
    if isinstance(chosen, Refusal):
        return chosen
    let_in: list[Member] = []
    for member in chosen:
        if member.halves > _left(turn, circle):
            continue
        _let_in(turn, circle, member)
        let_in.append(member)
        turn.tell(member.person_id, _joined(turn, circle, member))
    left = _left(turn, circle)
    if not let_in:
        return refuse("approve_no_room" if left else "circle_full", circle=circle.name, left=shown(left))
    names = ", ".join(turn.book.person(m.person_id).first_name for m in let_in)
    figures: dict[str, Figure] = {"circle": circle.name, "names": names, "code": circle.code}
    if left:
        return say("approved_left", left=shown(left), taken=shown(circle.halves - left), turns=circle.turns, **figures)
    if circle.order_by in BY_LOT:
        draw = Answer(f"LOTTERY {circle.code}", f"LOTTERY {circle.code}")
        return say("approved_full_lottery", draw, turns=circle.turns, **figures)
    lock = Answer(f"LOCK {circle.code}", f"LOCK {circle.code}")
    if unchosen := ordering.unchosen(turn, circle):
        return say("approved_full_seats", lock, turns=circle.turns, count=unchosen, **figures)
    return say("approved_full", lock, turns=circle.turns, **figures)
