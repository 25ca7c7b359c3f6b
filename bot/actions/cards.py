"""The picture of a round: who has thrown, the pot so far, whose draw, the next dates; and the same in one SMS.

An unasked picture goes out once a round, with the word that the round is done: messages are billed.
"""

from bot.actions import drawers, papers, pots, rounds, settling
from bot.actions.turn import Turn
from bot.words.say import Drawn, Figure, Text, text
from domain.documents import Ahead, CardFacts, Throw
from domain.messages import AttachmentKind
from domain.pardna import HALF, Circle, DrawState, Hand, Round, ThrowState
from domain.schedule import local_date

MOST_AHEAD = 3
MOST_NAMED = 3
"""How many are named in the words of a picture; the list names all."""


def of_round(turn: Turn, circle: Circle, number: int) -> Drawn:
    """Keep the picture of a round that has begun, and return it to be sent with what is said."""
    facts = _facts(turn, circle, number)
    kept = papers.keep(turn, facts, turn.person_id or circle.banker_id, circle=circle)
    name = f"{circle.code}-round-{number}.png"
    return Drawn(AttachmentKind.IMAGE, kept.id, name, words(circle, facts), kept.token)


def progress(turn: Turn, circle: Circle) -> Text:
    """Say in a line what the picture of the current round says beside the names."""
    return _head(circle, _facts(turn, circle, settling.current_round(turn, circle)))


def _facts(turn: Turn, circle: Circle, number: int) -> CardFacts:
    names = first_names(turn, circle)
    hands = turn.book.hands(circle.code)
    every = turn.book.rounds(circle.code)
    draws = drawers.draws_of(turn, circle, number)
    ahead = [r for n, r in sorted(every.items()) if n > number][:MOST_AHEAD]
    who = {n: " & ".join(names[person] for person in drawers.people(turn, circle, n)) for n in every}
    return CardFacts(
        circle=circle.name,
        code=circle.code,
        currency=circle.currency,
        round=number,
        turns=circle.turns,
        gross=circle.gross,
        pot=pots.thrown(turn, circle, number),
        who=who[number],
        due=every[number].due,
        pays_on=every[number].pays_on,
        drawn=sum(d.net for d in draws) if all(d.state is DrawState.DONE for d in draws) else 0,
        at=local_date(turn.at),
        throws=tuple(
            Throw(h.turn, hand_of(names[h.person_id], h), rounds.throw_state(turn, circle, number, h)) for h in hands
        ),
        ahead=tuple(Ahead(r.number, who[r.number], r.due, r.pays_on) for r in ahead),
    )


def hand_of(name: str, hand: Hand) -> str:
    """Name a hand by its member, and mark half a one."""
    return f"{name} (1/2)" if hand.halves == HALF else name


def first_names(turn: Turn, circle: Circle) -> dict[str, str]:
    """Return what everybody in a circle may see of each other: first names, those of one whole name told apart."""
    whole = settling.names_in(turn, circle)
    return {i: _first(turn, i, name) for i, name in whole.items()}


def _first(turn: Turn, person: str, name: str) -> str:
    someone = turn.book.person(person)
    return someone.first_name + name.removeprefix(someone.name)


def words(circle: Circle, facts: CardFacts) -> Text:
    """Return what the picture shows as one text that fits an SMS."""
    waiting = [t.who for t in facts.throws if t.state not in {ThrowState.PAID, ThrowState.WAIVED}]
    if facts.drawn or not waiting:
        return text("card", head=_head(circle, facts), tail=_next(facts))
    named = ", ".join(dict.fromkeys(waiting[:MOST_NAMED]))
    more = text("card_more", count=len(waiting) - MOST_NAMED) if len(waiting) > MOST_NAMED else ""
    return text("card", head=_head(circle, facts), tail=text("card_waiting", names=named, more=more))


def _head(circle: Circle, facts: CardFacts) -> Text:
    figures: dict[str, Figure] = {
        "circle": facts.circle,
        "round": facts.round,
        "turns": facts.turns,
        "count": facts.thrown,
        "hands": len(facts.throws),
        "pot": circle.money(facts.pot),
        "gross": circle.money(facts.gross),
        "who": facts.who,
    }
    if facts.drawn:
        return text("card_done", amount=circle.money(facts.drawn), **figures)
    return text("card_head", due=facts.due, date=facts.pays_on, **figures)


def _next(facts: CardFacts) -> Text:
    if not facts.ahead:
        return text("card_last")
    coming = facts.ahead[0]
    return text("card_next", round=coming.round, who=coming.who, due=coming.due, date=coming.pays_on)


def coming(turn: Turn, circle: Circle, number: int) -> Text:
    """Say which round comes after this one."""
    after = turn.book.get(Round, circle.code, number + 1)
    if after is None:
        return text("card_last")
    who = drawers.names(turn, circle, after.number)
    return text("card_next", round=after.number, who=who, due=after.due, date=after.pays_on)
