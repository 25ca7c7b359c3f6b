"""Who draws when: set by the banker, as they joined or as they chose (rules.md 6, 12, 14, 15); lottery.py draws it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.actions import drawers
from bot.actions.names import named
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain import pardna
from domain.lottery import (
    RUNNING,
    Lottery,
)
from domain.pardna import (
    BY_LOT,
    HALF,
    WHOLE,
    Circle,
    CircleState,
    Hand,
    MemberState,
    OrderBy,
    halves_taken,
    lone_halves,
    put_in_order,
    shown,
    turns_of,
    weight,
)
from domain.people import TrnState
from domain.schedule import local_date

_AND = re.compile(r"\s*[&+]\s*|\s+(?:and|an)\s+", re.IGNORECASE)
"""Between the names of two who share a turn."""
MOST_SEATS = 5
"""A feature phone shows five answers well; more are typed."""


def not_ready(turn: Turn, circle: Circle) -> Refusal | None:
    """Return what a circle still lacks for its terms to be fixed: hands, or somebody's yes."""
    members = turn.book.members(circle.code)
    left = circle.halves - halves_taken(members)
    if alone := lone_halves(turn.book.hands(circle.code)):
        who = ", ".join(turn.book.person(h.person_id).first_name for h in alone)
        return refuse("half_alone", circle=circle.name, who=who, left=shown(left), code=circle.code)
    if left:
        return refuse("turns_open", circle=circle.name, left=shown(left), turns=circle.turns)
    late = [m for m in members if m.state is MemberState.IN and m.agreed_hash != circle.terms_hash]
    if late:
        names = ", ".join(turn.book.person(m.person_id).first_name for m in late)
        return refuse("not_agreed", circle=circle.name, names=names, code=circle.code)
    return None


def not_ordered(turn: Turn, circle: Circle) -> Refusal | None:
    """Return what a circle still lacks for its order to be fixed: the lottery that its terms promise."""
    if circle.order_by not in BY_LOT:
        return None
    lottery = turn.book.get(Lottery, circle.code)
    if lottery is None:
        answer = Answer(f"LOTTERY {circle.code}", f"LOTTERY {circle.code}")
        return refuse("lottery_first", answer, circle=circle.name, code=circle.code)
    return still_runs(circle, lottery) if lottery.state in RUNNING else None


def still_runs(circle: Circle, lottery: Lottery) -> Refusal:
    """Say that a lottery is under way, and until when it takes words."""
    return refuse("lottery_runs", circle=circle.name, until=local_date(lottery.words_until))


def is_drawn_later(turn: Turn, circle: Circle) -> bool:
    """Whether the turns of the hands say nothing yet, because a lottery has still to draw them."""
    if circle.order_by not in BY_LOT or circle.state is not CircleState.OPEN:
        return False
    lottery = turn.book.get(Lottery, circle.code)
    return lottery is None or lottery.state in RUNNING


def order_lines(turn: Turn, circle: Circle) -> tuple[str, ...]:
    """Write who draws when, one line a turn."""
    every = sorted(turns_of(turn.book.hands(circle.code)), key=lambda together: together[0].turn)
    return tuple(f"{together[0].turn} {_names(turn, together)}" for together in every)


def _names(turn: Turn, hands: Sequence[Hand]) -> str:
    """Name who has a turn; a half that stands alone is told as one."""
    alone = " (1/2)" if weight(hands) < WHOLE else ""
    return drawers.together(turn, (hand.person_id for hand in hands)) + alone


def say_pairs(turn: Turn, circle: Circle, before: Iterable[Hand], told: str = "") -> None:
    """Tell those whose half has another half than `before` (rules.md 6), but for the one who is `told` of it anyhow."""
    was = _partners(before)
    for person, other in _partners(turn.book.hands(circle.code)).items():
        if other != was.get(person) and person != (told or turn.person_id):
            turn.tell(person, shares(turn, circle, other))


def _partners(hands: Iterable[Hand]) -> dict[str, str]:
    """Return who has the other half of the turn of each who has half a hand."""
    pairs = [together for together in turns_of(hands) if len(together) == WHOLE]
    return {one.person_id: other.person_id for pair in pairs for one, other in (pair, reversed(pair))}


def with_half(turn: Turn, circle: Circle, person: str, what: Say) -> Say:
    """Add to what one is told who has the other half of their turn, if they have half a hand."""
    halves = turn.book.all(Hand, circle=circle.code, person_id=person, halves=HALF)
    if not halves:
        return what
    other = _partners(turn.book.hands(circle.code)).get(person)
    told = shares(turn, circle, other) if other else say("half_waits", circle=circle.name)
    return replace(what, texts=(*what.texts, *told.texts))


def shares(turn: Turn, circle: Circle, other: str) -> Say:
    """Say who has the other half of one's turn."""
    return say("half_shared", circle=circle.name, who=turn.book.person(other).first_name)


def unverified(turn: Turn, circle: Circle) -> frozenset[str]:
    """Return the members who do not take the first third of the turns: no TRN of theirs is verified (15)."""
    people = {h.person_id for h in turn.book.hands(circle.code)}
    return frozenset(p for p in people if (trn := turn.book.trn(p)) is None or trn.state is not TrnState.VERIFIED)


def arrange(turn: Turn, command: c.Arrange) -> Say | Refusal:
    """Set the draw order by names, one a turn (rules.md 12, banker-set). LOCK publishes it, and then it stands (14).

    `Devon & Kay` puts two halves into one turn; either name alone stands for both.
    """
    circle = turn.book.circle(command.circle)
    hands = turn.book.hands(circle.code)
    if circle.state is not CircleState.OPEN:
        return refuse("order_fixed", circle=circle.name)
    if circle.order_by is not OrderBy.BANKER:
        return refuse(f"order_is_{circle.order_by.name.lower()}", circle=circle.name)
    members = [m for m in turn.book.members(circle.code) if m.state is MemberState.IN]
    people = []
    for entry in command.names:
        meant = [(name, named(turn, name, members)) for name in _AND.split(entry)]
        for name, found in meant:
            if len(found) != 1:
                return refuse("who_of" if found else "who_none", who=name, circle=circle.name)
        people.append([found[0].person_id for _, found in meant])
    try:
        ordered = put_in_order(hands, people)
    except ValueError:
        turns = turns_of(hands)
        names = ", ".join(drawers.together(turn, (h.person_id for h in together)) for together in turns)
        return refuse("order_each_once", names=names, count=len(turns), circle=circle.name)
    turn.book.put(*ordered)
    say_pairs(turn, circle, hands)
    return say("order_set", circle=circle.name, lines=order_lines(turn, circle))


# -- by the members' own choice ---------------------------------------------------------------------------------------


def places(turn: Turn, circle: Circle) -> Text:
    """Say how many places are left, if any."""
    left = circle.halves - halves_taken(turn.book.members(circle.code))
    return text("places_left", left=shown(left)) if left else text("places_none")


def unchosen(turn: Turn, circle: Circle) -> int:
    """Return how many hands have not chosen their turn, where turns are chosen."""
    hands = turn.book.hands(circle.code) if circle.order_by is OrderBy.SEATS else []
    return sum(not hand.chosen for hand in hands)


def ask_for_seat(turn: Turn, circle: Circle, person: str) -> Say:
    """Tell one who is in which turns are free."""
    free = _free_seats(turn, circle, person)
    mine = turn.book.all(Hand, circle=circle.code, person_id=person)
    chosen = ", ".join(str(h.turn) for h in mine if h.chosen)
    # Only where the number of an answer is the turn: who types 2 means the second turn.
    offered = [seat for place, seat in enumerate(free[:MOST_SEATS], start=1) if seat == place]
    answers = [Answer(f"SEAT {circle.code} {seat}", str(seat)) for seat in offered]
    figures: dict[str, Figure] = {"circle": circle.name, "turns": circle.turns, "free": ", ".join(map(str, free))}
    if not chosen:
        return with_half(turn, circle, person, say("seat_ask", *answers, places=places(turn, circle), **figures))
    more = answers if any(not h.chosen for h in mine) else ()
    return with_half(turn, circle, person, say("seat_yours", *more, chosen=chosen, **figures))


def _free_seats(turn: Turn, circle: Circle, person: str) -> list[int]:
    """Return the turns that a hand of somebody's fits into: half a hand also into a turn that one half has chosen."""
    hands = turn.book.hands(circle.code)
    least = min((h.halves for h in hands if h.person_id == person), default=WHOLE)
    return [seat for seat in range(1, circle.turns + 1) if pardna.room(hands, seat) >= least]


def choose_seat(turn: Turn, command: c.ChooseSeat) -> Say | Refusal:
    """Let a member have a turn that is free, or give theirs back; whoever chose nothing shares what is left (12)."""
    circle = turn.book.circle(command.circle)
    if circle.order_by is not OrderBy.SEATS:
        return refuse("order_no_seats", circle=circle.name)
    if circle.state is not CircleState.OPEN:
        return refuse("order_fixed", circle=circle.name)
    hands = turn.book.hands(circle.code)
    free = ", ".join(map(str, _free_seats(turn, circle, turn.person_id)))
    if not 1 <= command.seat <= circle.turns:
        return refuse("seat_none", circle=circle.name, turns=circle.turns, free=free)
    holders = [h.person_id for h in hands if h.chosen and h.turn == command.seat]
    if command.leaves:
        if turn.person_id not in holders:
            return refuse("seat_not_mine", seat=command.seat, circle=circle.name)
        turn.book.put(*pardna.leave_seat(hands, turn.person_id, command.seat))
        say_pairs(turn, circle, hands)
        return ask_for_seat(turn, circle, turn.person_id)
    if turn.person_id not in holders:
        try:
            turn.book.put(*pardna.choose_seat(hands, turn.person_id, command.seat))
        except pardna.NoSeat as none:
            return _no_seat(turn, circle, none, command.seat, free)
        say_pairs(turn, circle, hands)
    return ask_for_seat(turn, circle, turn.person_id)


def _no_seat(turn: Turn, circle: Circle, none: pardna.NoSeat, seat: int, free: str) -> Refusal:
    hands = [h for h in turn.book.hands(circle.code) if h.chosen]
    match none.reason:
        case "taken":
            who = drawers.together(turn, (h.person_id for h in hands if h.turn == seat))
            return refuse("seat_taken", seat=seat, who=who, circle=circle.name, free=free)
        case "half":
            alone = next(h for h in lone_halves(hands) if h.person_id != turn.person_id)
            who = turn.book.person(alone.person_id).first_name
            return refuse("seat_half", circle=circle.name, who=who, seat=alone.turn)
        case _:
            return refuse("seat_which", circle=circle.name, seat=seat)
