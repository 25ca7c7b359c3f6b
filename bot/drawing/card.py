"""The picture of a round as SVG: who has thrown, the pot so far, whose draw, the next dates.

A pure function of its facts and a language. Whatever a colour says is said by a sign and a word too. Names are
escaped and cut to their place; up to fifty hands stand in as many columns as their names allow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final

from bot.drawing.fonts import FAMILY, fitted, lines, shown, width
from bot.words.say import Figure, Text
from domain.documents import Ahead, CardFacts, Throw
from domain.pardna import ThrowState

Write = Callable[[Text], str]

WIDTH: Final = 540
EDGE: Final = 28
INNER: Final = WIDTH - 2 * EDGE
INK: Final = "#12201c"
SOFT: Final = "#4a5b55"
PAPER: Final = "#faf8f2"
LINE: Final = "#dcd8cb"
GREEN: Final = "#0b4a38"
GOLD: Final = "#f5b81c"
GAP: Final = 14
"""Between columns."""
FEW: Final = 12
"""So many hands have a row each, with their state; more are parted by state."""
MANY: Final = 30
"""More than so many stand smaller, in four columns, so that the picture stays light."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """How a state is drawn: the disc, its rim, and a path in it."""

    disc: str
    rim: str
    path: str
    pen: str


_MARKS: Final = {
    ThrowState.PAID: _Mark(GREEN, GREEN, "M-4.6 .3 -1.4 3.5 4.8 -3.4", "#fff"),
    ThrowState.PART_PAID: _Mark(GOLD, INK, "M-4.5 0 H4.5", INK),
    ThrowState.DUE: _Mark("#fff", "#77857f", "", INK),
    ThrowState.LATE: _Mark("#fff", INK, "M0 -4.6 V.4 L3.2 2.6", INK),
    ThrowState.MISSED: _Mark("#fff", INK, "M-3.4 -3.4 3.4 3.4 M3.4 -3.4 -3.4 3.4", INK),
    ThrowState.COVERED: _Mark(GOLD, INK, "M-4.6 2 0 -3.4 4.6 2", INK),
    ThrowState.WAIVED: _Mark("#fff", "#77857f", "M-4.2 -2 H4.2 M-4.2 2 H4.2", INK),
}

_ORDER: Final = (
    ThrowState.PAID,
    ThrowState.COVERED,
    ThrowState.PART_PAID,
    ThrowState.LATE,
    ThrowState.MISSED,
    ThrowState.WAIVED,
    ThrowState.DUE,
)
_COINS: Final = ((32, 15), (48.2, 26.7), (42, 45.8), (22, 45.8), (15.8, 26.7))
"""Where the five partners of our sign sit, on a square of 64; the first of them draws."""


class _Sheet:
    """Collects the parts of a picture from top to bottom."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.y = 0.0

    def text(
        self,
        x: float,
        y: float,
        what: str,
        size: float,
        *,
        weight: str = "Regular",
        fill: str = INK,
        anchor: str = "start",
    ) -> None:
        number = {"Regular": 400, "Medium": 500, "Bold": 700}[weight]
        at = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" font-weight="{number}" fill="{fill}"{at}>'
            f"{escape(what)}</text>"
        )

    def box(self, x: float, y: float, w: float, h: float, fill: str, *, rim: str = "", round_: float = 0) -> None:
        stroke = f' stroke="{rim}"' if rim else ""
        corner = f' rx="{_n(round_)}"' if round_ else ""
        self.parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{_n(h)}"{corner} fill="{fill}"{stroke}/>'
        )

    def mark(self, x: float, y: float, state: ThrowState, scale: float) -> None:
        mark = _MARKS[state]
        inside = f'<path d="{mark.path}" fill="none" stroke="{mark.pen}" stroke-width="2.2"/>' if mark.path else ""
        self.parts.append(
            f'<g transform="translate({_n(x)} {_n(y)}) scale({_n(scale)})" stroke-linecap="round" '
            f'stroke-linejoin="round"><circle r="9" fill="{mark.disc}" stroke="{mark.rim}" stroke-width="1.6"/>'
            f"{inside}</g>"
        )


def _n(value: float) -> str:
    """Write a number without a needless fraction."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def card(facts: CardFacts, write: Write) -> str:
    """Return the picture of a round as SVG. `write` says a text in the reader's language."""
    sheet = _Sheet()

    _head(sheet, facts, write)
    _pot(sheet, facts, write)
    _dates(sheet, facts, write)
    _throws(sheet, facts, write)
    if facts.ahead:
        _ahead(sheet, facts, write)
    _foot(sheet, facts, write)
    title = escape(shown(facts.circle) or facts.code)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{_n(sheet.y)}" '
        f'viewBox="0 0 {WIDTH} {_n(sheet.y)}" font-family="{FAMILY}" role="img"><title>{title}</title>'
        f'<rect width="{WIDTH}" height="{_n(sheet.y)}" fill="{PAPER}"/>{"".join(sheet.parts)}</svg>\n'
    )


def _say(write: Write, name: str, /, **figures: Figure) -> str:
    return shown(write(Text(name, figures)))


def _head(sheet: _Sheet, facts: CardFacts, write: Write) -> None:
    name = lines(shown(facts.circle) or facts.code, 30, INNER, "Bold")
    height = 98 + 36 * (len(name) - 1)
    sheet.box(0, 0, WIDTH, height, GREEN)
    sheet.box(0, height, WIDTH, 5, GOLD)
    y = 44.0
    for line in name:
        sheet.text(EDGE, y, line, 30, weight="Bold", fill="#fff")
        y += 36
    sheet.text(
        EDGE, y - 2, _say(write, "card_title", round=facts.round, turns=facts.turns), 19, weight="Medium", fill=GOLD
    )
    sheet.text(WIDTH - EDGE, y - 2, facts.code, 17, weight="Medium", fill="#d7e5df", anchor="end")
    sheet.y = height + 5


def _pot(sheet: _Sheet, facts: CardFacts, write: Write) -> None:
    y = sheet.y + 24
    sheet.box(EDGE - 8, y, INNER + 16, 138, "#fff", rim=LINE, round_=14)
    full = facts.pot >= facts.gross
    x, right = EDGE + 14, WIDTH - EDGE - 14
    sheet.text(x, y + 31, _say(write, "card_full" if full else "card_pot"), 17, weight="Medium", fill=SOFT)
    hands = _say(write, "card_thrown", count=facts.thrown, hands=len(facts.throws))
    sheet.text(right, y + 31, hands, 17, weight="Medium", fill=SOFT, anchor="end")
    pot = facts.money(facts.pot).text()
    of = _say(write, "card_of", gross=facts.money(facts.gross))
    size = 38.0
    while width(pot, size, "Bold") + 12 + width(of, size / 1.9) > right - x:
        size -= 1
    sheet.text(x, y + 78, pot, size, weight="Bold")
    sheet.text(x + width(pot, size, "Bold") + 12, y + 78, of, size / 1.9, fill=SOFT)
    share = min(1.0, facts.pot / facts.gross) if facts.gross else 0.0
    sheet.box(x, y + 98, right - x, 20, "#e9e5d8", rim="#77857f", round_=10)
    if share:
        sheet.box(x, y + 98, max(20.0, (right - x) * share), 20, GREEN, rim=GREEN, round_=10)
    sheet.y = y + 138


def _dates(sheet: _Sheet, facts: CardFacts, write: Write) -> None:
    """Whose draw it is, and the two dates of the round."""
    y = sheet.y + 40
    who = shown(facts.who) or _say(write, "card_turn", turn=facts.round)
    line = (
        _say(write, "card_drew", who=who, amount=facts.money(facts.drawn))
        if facts.drawn
        else _say(write, "card_draws", who=who)
    )
    sheet.text(EDGE, y, fitted(line, 27, INNER, "Bold"), 27, weight="Bold")
    if facts.drawn:
        sheet.y = y + 4
        return
    both = (
        (EDGE, _say(write, "card_throw_by"), facts.due),
        (EDGE + INNER / 2, _say(write, "card_draw_on"), facts.pays_on),
    )
    for x, label, day in both:
        sheet.text(x, y + 31, label, 16, fill=SOFT)
        sheet.text(x, y + 55, _say(write, "card_day", date=day), 20, weight="Medium")
    sheet.y = y + 60


def _throws(sheet: _Sheet, facts: CardFacts, write: Write) -> None:
    """Each hand by its turn with its state as sign and word; a crowd is parted by state, so that it stays readable."""
    sheet.y += 22
    sheet.box(EDGE, sheet.y, INNER, 1, LINE)
    if len(facts.throws) > FEW:
        for state in _ORDER:
            _group(sheet, state, [t for t in facts.throws if t.state is state], write, crowd=len(facts.throws) > MANY)
        sheet.y += 2
        return
    rows = -(-len(facts.throws) // 2)
    top, room = sheet.y + 34, (INNER - GAP) / 2
    for place, throw in enumerate(facts.throws):
        _throw(sheet, (EDGE + (place // rows) * (room + GAP), top + (place % rows) * 46), throw, write, room=room)
    sheet.y = top + rows * 46 - 20


def _throw(sheet: _Sheet, at: tuple[float, float], throw: Throw, write: Write, *, room: float) -> None:
    x, y = at
    sheet.mark(x + 11.5, y - 2, throw.state, 1.15)
    left, space = x + 32, room - 32
    sheet.text(left, y - 1, fitted(_name(throw, write), 19, space, "Medium"), 19, weight="Medium")
    state = _say(write, f"state_{throw.state.value.lower()}")
    sheet.text(left, y + 15, fitted(state, 14, space), 14, fill=SOFT)


def _group(sheet: _Sheet, state: ThrowState, throws: list[Throw], write: Write, *, crowd: bool) -> None:
    """All hands of one state in columns under its sign, its word and how many they are."""
    if not throws:
        return
    y = sheet.y + 32
    sheet.mark(EDGE + 10, y - 6, state, 1.0)
    sheet.text(
        EDGE + 30, y, f"{len(throws)} {_say(write, f'state_{state.value.lower()}')}", 17, weight="Medium", fill=SOFT
    )
    columns, size, step = (4, 13.0, 21) if crowd else (3, 16.0, 25)
    rows, room = -(-len(throws) // columns), (INNER - (columns - 1) * GAP) / columns
    for place, throw in enumerate(throws):
        x, top = EDGE + (place // rows) * (room + GAP), y + 27 + (place % rows) * step
        sheet.text(x, top, fitted(_name(throw, write), size, room), size)
    sheet.y = y + 27 + (rows - 1) * step


def _name(throw: Throw, write: Write) -> str:
    name = shown(throw.who)
    return f"{throw.turn} {name}" if name else _say(write, "card_turn", turn=throw.turn)


def _ahead(sheet: _Sheet, facts: CardFacts, write: Write) -> None:
    y = sheet.y + 18
    sheet.box(EDGE, y, INNER, 1, LINE)
    y += 32
    sheet.text(EDGE, y, _say(write, "card_then"), 17, weight="Medium", fill=SOFT)
    for coming in facts.ahead:
        y += 30
        _coming(sheet, y, coming, write)
    sheet.y = y + 6


def _coming(sheet: _Sheet, y: float, coming: Ahead, write: Write) -> None:
    days = _say(write, "card_ahead", due=coming.due, date=coming.pays_on)
    sheet.text(WIDTH - EDGE, y, days, 16, fill=SOFT, anchor="end")
    who = _name(Throw(coming.round, coming.who, ThrowState.DUE), write)
    sheet.text(EDGE, y, fitted(who, 19, INNER - width(days, 16) - 16, "Medium"), 19, weight="Medium")


def _foot(sheet: _Sheet, facts: CardFacts, write: Write) -> None:
    y = sheet.y + 24
    sheet.box(EDGE, y, INNER, 1, LINE)
    _sign(sheet, EDGE, y + 13)
    sheet.text(EDGE + 34, y + 31, "Digital Pardna", 16, weight="Medium", fill=GREEN)
    sheet.text(WIDTH - EDGE, y + 31, _say(write, "card_as_of", date=facts.at), 15, fill=SOFT, anchor="end")
    sheet.y = y + 52


def _sign(sheet: _Sheet, x: float, y: float) -> None:
    """Our sign: a pot and five partners around it, one of them in gold."""
    coins = "".join(
        f'<circle cx="{_n(cx)}" cy="{_n(cy)}" r="6.5" fill="{"#fff" if place else GOLD}"/>'
        for place, (cx, cy) in enumerate(_COINS)
    )
    sheet.parts.append(
        f'<g transform="translate({_n(x)} {_n(y)}) scale(.4)"><rect width="64" height="64" rx="15" fill="{GREEN}"/>'
        f'{coins}<circle cx="32" cy="32" r="5" fill="none" stroke="{GOLD}" stroke-width="3"/></g>'
    )
