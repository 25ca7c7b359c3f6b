"""Facts to draw from."""

from datetime import date, timedelta

from domain.documents import Ahead, CardFacts, Entry, RoundLine, StatementFacts, Throw, What
from domain.money import Currency
from domain.pardna import ThrowState
from domain.people import Language

DAY = date(2027, 1, 15)
WEEK = timedelta(days=7)
NAMES = ("Marva", "Devon", "Keisha", "Andre", "Patsy")
EVERY_STATE = (
    ThrowState.PAID,
    ThrowState.PAID,
    ThrowState.PART_PAID,
    ThrowState.DUE,
    ThrowState.LATE,
    ThrowState.MISSED,
)


def card_facts(
    hands: int = 5,
    *,
    circle: str = "Sunday Club",
    names: tuple[str, ...] = NAMES,
    states: tuple[ThrowState, ...] = EVERY_STATE,
    drawn: int = 0,
) -> CardFacts:
    """A circle of so many hands in its third round."""
    throws = tuple(Throw(n + 1, names[n % len(names)], states[n % len(states)]) for n in range(hands))
    thrown = sum(t.state is ThrowState.PAID for t in throws)
    ahead = tuple(
        Ahead(n, names[(n - 1) % len(names)], DAY + (n - 3) * WEEK, DAY + (n - 3) * WEEK + timedelta(days=4))
        for n in range(4, min(hands, 6) + 1)
    )
    return CardFacts(
        circle=circle,
        code="K7QX2M",
        currency=Currency.JMD,
        round=3,
        turns=hands,
        gross=500_000 * hands,
        pot=500_000 * thrown,
        who=names[2 % len(names)],
        due=DAY,
        pays_on=DAY + timedelta(days=4),
        drawn=drawn,
        at=DAY - timedelta(days=1),
        throws=throws,
        ahead=ahead,
    )


def statement_facts(
    lines: int = 5,
    *,
    whole: bool = False,
    circle: str = "Sunday Club",
    who: str = "Devon",
    language: Language = Language.EN,
) -> StatementFacts:
    """A statement of so many lines, every fifth of them a draw."""
    entries = tuple(
        Entry(
            day=DAY + n * WEEK,
            what=What.DRAW if n % 5 == 4 else What.THROW,
            who=who if whole else "",
            round=n + 1 if n % 5 == 4 else 0,
            reference="P-7K2M" if n % 5 == 4 else "R-7K2MQ9XA",
            amount=-2_450_050 if n % 5 == 4 else 500_000,
        )
        for n in range(lines)
    )
    rounds = tuple(
        RoundLine(n, DAY + (n - 1) * WEEK, NAMES[n - 1], 2_500_000 if n < 3 else 0, 2_450_050 if n < 2 else 0)
        for n in range(1, 6)
    )
    return StatementFacts(
        circle=circle,
        code="K7QX2M",
        currency=Currency.JMD,
        name="Devon",
        whole=whole,
        language=language,
        since=DAY,
        until=DAY + 20 * WEEK,
        opening=0,
        gross=2_500_000,
        entries=entries,
        rounds=rounds,
    )
