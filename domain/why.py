"""Where a figure that somebody was shown comes from: what it was, and the lines of the books that add up to it.

Pure functions of the circle's rows and its ledger. What was shown is explained by the books as they stood then: of the
points in the ledger up to that time the last at which the lines give the amount, to the cent; if there is none, None.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from domain.money import Currency, Money
from domain.pardna import Circle, Draw, Due, Hand, Round, RoundState
from domain.payments import DRAWN, UNSENT, Payout, PayoutState
from domain.schedule import cut_off, local_date

KEPT_FOR = timedelta(days=400)
"""How long it is kept what somebody was shown: longer than a year's circle with its grace."""
MOST_POINTS = 60
"""How many points of the ledger before a figure was shown are tried."""


class Of(StrEnum):
    """What a figure of a circle is."""

    THROW = "throw"
    GROSS = "gross"
    FEE = "fee"
    LATE = "late"
    OWED = "owed"
    LEFT = "left"
    SURPLUS = "surplus"
    DEBT = "debt"
    CREDIT = "credit"
    USED = "used"
    CASH = "cash"
    EARNED = "earned"
    POT = "pot"
    THERE = "there"
    OPEN = "open"
    DRAW = "draw"
    PAID = "paid"
    REST = "rest"
    OFFSET = "offset"
    ARREARS = "arrears"
    OWN_THROW = "own_throw"
    PAYMENT = "payment"
    PAYOUT = "payout"
    BACK = "back"
    THROWN = "thrown"
    DRAWN = "drawn"
    BOOK_IN = "book_in"
    BOOK_OUT = "book_out"
    BOOK = "book"


AGREED = frozenset({Of.THROW, Of.GROSS, Of.FEE, Of.LATE})
"""What the terms say, the same in every round."""
BY_REF = frozenset({Of.PAYMENT, Of.PAYOUT, Of.BACK})
"""What is known by its receipt or its payout's reference."""


class Origin(NamedTuple):
    """What tells one figure from another of the same amount. `whose` it is, where it is one person's."""

    of: Of
    circle: str
    whose: str = ""
    round: int = 0
    ref: str = ""


class Shown(NamedTuple):
    """One figure as somebody was shown it last."""

    id: int
    money: Money
    origin: Origin
    at: datetime


class Move(NamedTuple):
    """One transfer of a circle's ledger, in the order it was written."""

    at: datetime
    key: str
    kind: str
    debit: str
    credit: str
    amount: int


@dataclass(frozen=True, slots=True)
class Part:
    """One line of an explanation, and what it adds (minor units). `who` is a person's id."""

    name: str
    minor: int
    round: int = 0
    who: str = ""
    day: date | None = None
    ref: str = ""
    count: int = 0


Parts = list[Part]


@dataclass(frozen=True, slots=True)
class Books:
    """A circle as a figure is explained by it. `moves` are all, or those up to a point."""

    circle: Circle
    hands: Sequence[Hand]
    rounds: Mapping[int, Round]
    dues: Sequence[Due]
    draws: Sequence[Draw]
    payouts: Sequence[Payout]
    moves: Sequence[Move]

    def account(self, *parts: str | int) -> str:
        """Return the name of one of the circle's accounts."""
        return ":".join(("circle", self.circle.code, *map(str, parts)))

    def owner(self, hand: int) -> str:
        """Return whose hand it is."""
        return next(h.person_id for h in self.hands if h.number == hand)

    def draws_of(self, origin: Origin) -> list[Draw]:
        """Return the draws that a figure may be about."""
        found = [d for d in self.draws if origin.round in {0, d.round}]
        whose = [d for d in found if d.person_id == origin.whose]
        return whose or (found if origin.round else [])

    def drawers(self, number: int) -> set[str]:
        """Return who draws in a round."""
        return {h.person_id for h in self.hands if h.turn == number}

    def opened(self, at: datetime) -> list[int]:
        """Return the rounds that were open or over at a time."""
        begun = [n for n, r in sorted(self.rounds.items()) if r.state is not RoundState.SCHEDULED]
        return [n for n in begun if n == 1 or cut_off(self.rounds[n - 1].due) <= at]


def explain(shown: Shown, books: Books) -> tuple[Part, ...] | None:
    """Return the lines that add up to a figure as it was shown; None when none do."""
    if shown.money.currency is not books.circle.currency:
        return (Part("asked", shown.money.minor, ref=shown.origin.ref, day=local_date(shown.at)),)
    reckon = _RECKONED[shown.origin.of]
    for then in _points(books, shown.at):
        for parts in reckon(shown, then):
            if parts and sum(part.minor for part in parts) == shown.money.minor:
                return tuple(parts)
    return None


def _points(books: Books, at: datetime) -> Iterator[Books]:
    """Yield the books as they stood up to a time, the latest first; a transaction is in them whole or not at all."""
    moves = sorted((m for m in books.moves if m.at <= at), key=lambda move: move.at)
    ends = [len(list(moves))]
    ends += [place for place in range(len(moves) - 1, -1, -1) if place == 0 or moves[place].key != moves[place - 1].key]
    for end in ends[:MOST_POINTS]:
        yield replace(books, moves=moves[:end])


# -- what the terms say -----------------------------------------------------------------------------------------------


def _agreed(shown: Shown, then: Books) -> Iterator[Parts]:
    """A figure of the terms, as they were agreed then."""
    throw, minor = then.circle.throw, shown.money.minor
    times = minor // throw if not minor % throw else 1
    if times > 1 and shown.origin.of in {Of.GROSS, Of.THROW}:
        yield [Part("turns" if shown.origin.of is Of.GROSS else "hands", minor, count=times)]
    yield [Part("agreed", minor)]


# -- what is thrown, and what is still to throw -----------------------------------------------------------------------


def _pot_moves(then: Books, number: int) -> Parts:
    """Return what went into a round's pot and out of it, line by line."""
    pot, parts = then.account("pot", number), []
    for move in then.moves:
        if pot in {move.debit, move.credit}:
            came = move.credit == pot
            parts.append(_pot_line(then, move, move.debit if came else move.credit, came=came))
    return parts


def _pot_line(then: Books, move: Move, other: str, *, came: bool) -> Part:
    amount, day = move.amount if came else -move.amount, local_date(move.at)
    match other.split(":")[2:]:
        case ["credit", person]:
            return Part("threw" if came else "freed", amount, who=person, day=day, ref=_receipt(move))
        case ["pot", number] if came:
            return Part("from_draw", amount, who=next(iter(then.drawers(int(number))), ""), day=day)
        case ["pot", number]:
            return Part("arrears", amount, round=int(number), day=day)
        case ["payable", _]:
            return Part("paid_out", amount, day=day)
        case ["fee"]:
            return Part("fee", amount, day=day)
        case _:
            return Part("moved", amount, day=day)


def _receipt(move: Move) -> str:
    kind, _, ref = move.key.partition(":")
    return ref[:10].partition(":")[0] if kind == "throw" else ""


THROWN = frozenset({"threw", "freed", "from_draw"})


def _thrown(then: Books, number: int, person: str = "") -> Parts:
    """Return what was thrown for a round, by one person or by all."""
    lines = _pot_moves(then, number)
    return [line for line in lines if line.name in THROWN and person in {"", line.who}]


def _own(then: Books, number: int, person: str = "") -> Parts:
    """Return the drawers' own throws of a round that came off their draws: no line of the ledger says it."""
    mine = [d for d in then.draws if d.round == number and d.offset_throw and person in {"", d.person_id}]
    return [Part("own_throw", d.offset_throw, round=number, who=d.person_id) for d in mine]


def _less(parts: Parts) -> Parts:
    return [replace(part, minor=-part.minor) for part in parts]


def _pot(shown: Shown, then: Books) -> Iterator[Parts]:
    number = shown.origin.round
    thrown, own = _thrown(then, number), _own(then, number)
    yield [*thrown, *own]
    yield thrown or [Part("nothing_yet", 0)]


def _there(shown: Shown, then: Books) -> Iterator[Parts]:
    """What is in a pot, or the part of it that is still owed to its drawer."""
    yield _pot_moves(then, shown.origin.round)
    yield from _rest(shown, then)


def _owed_in(then: Books, number: int, person: str, *, own: bool) -> Parts:
    mine = [d for d in then.dues if d.round == number and then.owner(d.hand) == person]
    if not mine:
        return []
    due = Part("due", sum(d.amount for d in mine), round=number, day=then.rounds[number].due)
    paid = [*_thrown(then, number, person), *(_own(then, number, person) if own else [])]
    return [due, *_less(paid)]


def _owed(shown: Shown, then: Books) -> Iterator[Parts]:
    """What a person has still to throw: in one round, or in all that are open, with what a card's bank took back."""
    origin = shown.origin
    rounds = [origin.round] if origin.round else then.opened(shown.at)
    for opened in (rounds, rounds[:-1]) if not origin.round else (rounds,):
        for own in (True, False):
            each = [_owed_in(then, number, origin.whose, own=own) for number in opened]
            open_ = [part for parts in each if sum(p.minor for p in parts) for part in parts]
            yield [*open_, *([] if origin.round else _debt_lines(then, origin.whose))]
            yield open_ or [Part("nothing_yet", 0)]
    yield from _of_one_hand(then, origin)


def _of_one_hand(then: Books, origin: Origin) -> Iterator[Parts]:
    """Yield what each hand of several has still to throw in a round: what was thrown pays the first hand first."""
    paid = sum(part.minor for part in _thrown(then, origin.round, origin.whose))
    for due in then.dues:
        if due.round == origin.round and then.owner(due.hand) == origin.whose:
            part = min(paid, due.amount)
            paid -= part
            line = Part("due", due.amount, round=due.round, day=then.rounds[due.round].due)
            yield [line, *([Part("towards", -part)] if part else [])]


def _open(shown: Shown, then: Books) -> Iterator[Parts]:
    """What others than the drawers have still to throw in a round."""
    number = shown.origin.round
    people = dict.fromkeys(then.owner(d.hand) for d in then.dues if d.round == number)
    left = {p: sum(part.minor for part in _owed_in(then, number, p, own=True)) for p in people}
    drawers = then.drawers(number)
    yield [Part("still", amount, who=person) for person, amount in left.items() if amount and person not in drawers]


def _left(shown: Shown, then: Books) -> Iterator[Parts]:
    """What a person can still throw until the circle ends, with what was on its way off it."""
    whose = shown.origin.whose
    thrown = [line for number in then.rounds for line in (*_thrown(then, number, whose), *_own(then, number, whose))]
    mine = [h for h in then.hands if h.person_id == whose]
    each = next((d.amount for d in then.dues if mine and d.hand == mine[0].number), then.circle.throw)
    whole = [Part("all_rounds", each * then.circle.turns * len(mine), count=then.circle.turns)]
    parts = [*whole, *_less(thrown), *_less(_credit_lines(then, whose)), *_debt_lines(then, whose)]
    yield parts
    way = shown.money.minor - sum(part.minor for part in parts)
    yield [*parts, Part("on_way", way)] if way < 0 else []


def _surplus(shown: Shown, _: Books) -> Iterator[Parts]:
    yield [Part("surplus", shown.money.minor, ref=shown.origin.ref)]


# -- accounts ---------------------------------------------------------------------------------------------------------


def _history(then: Books, name: str, *, asset: bool, line: Callable[[Sequence[Move], int], Part]) -> Parts:
    """Return what each transaction changed on an account; what came and went at once is no line."""
    parts = []
    touching = (m for m in then.moves if name in {m.debit, m.credit})
    for _, group in groupby(touching, key=lambda move: move.key):
        moves = list(group)
        raised = sum(m.amount if m.debit == name else -m.amount for m in moves) * (1 if asset else -1)
        if raised:
            parts.append(line(moves, raised))
    return parts


def _credit_lines(then: Books, person: str) -> Parts:
    def line(moves: Sequence[Move], amount: int) -> Part:
        used = next((m.credit.rpartition(":")[2] for m in moves if ":pot:" in m.credit), "")
        day = local_date(moves[0].at)
        if amount < 0 and used:
            return Part("round", amount, round=int(used), day=day)
        return Part("came" if amount > 0 else "went", amount, day=day, ref=_receipt(moves[0]))

    return _history(then, then.account("credit", person), asset=False, line=line)


def _debt_lines(then: Books, person: str) -> Parts:
    def line(moves: Sequence[Move], amount: int) -> Part:
        return Part("took" if amount > 0 else "debt", amount, day=local_date(moves[0].at), ref=_receipt(moves[0]))

    return _history(then, then.account("debt", person), asset=True, line=line)


def _debt(shown: Shown, then: Books) -> Iterator[Parts]:
    yield _debt_lines(then, shown.origin.whose) or [Part("nothing_yet", 0)]


def _credit(shown: Shown, then: Books) -> Iterator[Parts]:
    parts = _credit_lines(then, shown.origin.whose)
    yield parts or [Part("nothing_yet", 0)]
    whole = sum(part.minor for part in parts)
    yield [*parts, Part("surplus", shown.money.minor - whole)] if whole > shown.money.minor else []


def _used(shown: Shown, then: Books) -> Iterator[Parts]:
    credit = then.account("credit", shown.origin.whose)
    for key, group in groupby(reversed(then.moves), key=lambda move: move.key):
        moves = [m for m in group if m.debit == credit]
        if key.startswith("credit:") and moves:
            yield [Part("round", m.amount, round=int(m.credit.rpartition(":")[2])) for m in moves]


def _cash(_: Shown, then: Books) -> Iterator[Parts]:
    """What the banker holds: what was handed in, less what was handed on."""

    def line(moves: Sequence[Move], amount: int) -> Part:
        others = [m.credit if amount > 0 else m.debit for m in moves]
        who = next((name.rpartition(":")[2] for name in others if ":credit:" in name), "")
        day, ref = local_date(moves[0].at), _receipt(moves[0])
        if moves[0].kind == "fee":
            return Part("fee", amount, day=day)
        return Part("threw", amount, who=who, day=day, ref=ref) if who else _gone(then, moves[0], amount)

    yield _history(then, then.account("cash"), asset=True, line=line) or [Part("nothing_yet", 0)]


def _gone(then: Books, move: Move, amount: int) -> Part:
    """Name a line by which money came into the circle or left it."""
    payout = _payout_of(then, move)
    name = "came" if amount > 0 else "went"
    ref, who = (payout.ref, payout.person_id) if payout else (_receipt(move), "")
    return Part("paid_out" if payout and amount < 0 else name, amount, who=who, day=local_date(move.at), ref=ref)


def _payout_of(then: Books, move: Move) -> Payout | None:
    kind, _, rest = move.key.partition(":")
    payout_id = rest.partition(":")[0]
    return next((p for p in then.payouts if p.id == payout_id), None) if kind in {"sent", "handed"} else None


def _earned(shown: Shown, then: Books) -> Iterator[Parts]:
    """What the circle owes its banker, or one line of it, less what is on its way."""

    def line(moves: Sequence[Move], amount: int) -> Part:
        number = moves[0].debit.rpartition(":")[2] if ":pot:" in moves[0].debit else "0"
        name = "earned" if amount > 0 else "went"
        return Part(name, amount, round=int(number), day=local_date(moves[0].at))

    parts = _history(then, then.account("fee"), asset=False, line=line)
    lines = [p for p in parts if shown.origin.round in {0, p.round}]
    yield from ([part] for part in reversed(lines))
    yield from (_less([part]) for part in reversed(parts))
    yield parts
    open_ = [p for p in then.payouts if p.kind == "fee" and p.state in UNSENT]
    yield [*parts, *(Part("on_way", -p.rail_amount, ref=p.ref) for p in open_)]
    yield [Part("nothing_yet", 0)]


# -- draws ------------------------------------------------------------------------------------------------------------


def _sums(then: Books, origin: Origin) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield what a draw's figures may have been: gross, fee, reserve, own throw, arrears; they change."""
    for draw in then.draws_of(origin):
        kept = draw.gross - draw.fee - draw.offset_throw - draw.offset_arrears - draw.net
        yield draw.gross, draw.fee, kept, draw.offset_throw, draw.offset_arrears
    whose = next(iter(then.drawers(origin.round)), "")
    throw = sum(part.minor for part in _owed_in(then, origin.round, whose, own=False)) if origin.round else 0
    gross, fee = then.circle.gross, then.circle.terms.fee_of()
    kept = then.circle.terms.reserve_of()
    others = [n for n in then.rounds if n != origin.round]
    owed = sum(part.minor for n in others for part in _owed_in(then, n, whose, own=True))
    there = sum(part.minor for part in _pot_moves(then, origin.round))
    for arrears in (0, owed, min(owed, there)):
        yield gross, fee, kept, throw, arrears
    yield gross, fee, kept, 0, 0


def _draw_lines(then: Books, origin: Origin) -> Iterator[Parts]:
    thrown = _thrown(then, origin.round)
    for gross, fee, kept, throw, arrears in _sums(then, origin):
        to_come = gross - sum(part.minor for part in thrown)
        lines = (Part("to_come", to_come), Part("fee", -fee), Part("reserve", -kept))
        off = (Part("own_throw", -throw, round=origin.round), Part("arrears", -arrears))
        yield [*thrown, *(part for part in (*lines, *off) if part.minor)]


def _draw(shown: Shown, then: Books) -> Iterator[Parts]:
    origin, minor = shown.origin, shown.money.minor
    if not origin.round:
        turns = [h.turn for h in then.hands if h.person_id == origin.whose]
        for number in turns:
            yield from _draw_lines(then, origin._replace(round=number))
        yield from _rest(shown, then)
        return
    for parts in _draw_lines(then, origin):
        if sum(part.minor for part in parts) == minor:
            yield parts
    yield from _rest(shown, then)


def _paid_lines(then: Books, draw: Draw, at: datetime, *, under_way: bool) -> Parts:
    parts = []
    for payout in then.payouts:
        mine = payout.kind == "draw" and payout.round == draw.round and payout.person_id == draw.person_id
        ended = payout.ended_at is not None and payout.ended_at <= at
        back = payout.state in {PayoutState.DROPPED, PayoutState.RETURNED}
        got = ended if payout.state in DRAWN else back and not ended and payout.sent_at is not None
        live = payout.asked_at <= at and not (back and ended)
        if mine and (got or (under_way and live)):
            parts.append(Part("paid_out", payout.amount, who=payout.person_id, day=local_date(at), ref=payout.ref))
    return parts


def _paid(shown: Shown, then: Books) -> Iterator[Parts]:
    for draw in then.draws_of(shown.origin):
        yield _paid_lines(then, draw, shown.at, under_way=False) or [Part("nothing_yet", 0)]


def _rest(shown: Shown, then: Books) -> Iterator[Parts]:
    """What of a draw is still owed to its drawer; without a round, of all of somebody's."""
    draws = then.draws_of(shown.origin)
    for under_way in (False, True):
        each: Parts = []
        for draw in draws:
            origin = shown.origin._replace(round=draw.round, whose=draw.person_id)
            each += next(_draw_lines(then, origin))
            each += _less(_paid_lines(then, draw, shown.at, under_way=under_way))
        yield each


def _offset(shown: Shown, then: Books) -> Iterator[Parts]:
    of = shown.origin.of
    for draw in then.draws_of(shown.origin):
        own, arrears = Part("own_throw", draw.offset_throw, round=draw.round), Part("arrears", draw.offset_arrears)
        if of in {Of.OWN_THROW, Of.ARREARS}:
            yield [own if of is Of.OWN_THROW else arrears]
        else:
            yield [part for part in (own, arrears) if part.minor]


# -- one payment, one payout ------------------------------------------------------------------------------------------


def _payment(shown: Shown, then: Books) -> Iterator[Parts]:
    """What a payment went to: what was owed, oldest first, and the rest to credit. Else it is not in the books yet."""
    key = f"throw:{shown.origin.ref}"
    moves = [m for m in then.moves if m.key == key]
    into: Parts = []
    for move in moves[1:]:
        number = move.credit.rpartition(":")[2]
        pot = ":pot:" in move.credit
        into.append(Part("round", move.amount, round=int(number)) if pot else Part("debt", move.amount))
    rest = (moves[0].amount if moves else 0) - sum(part.minor for part in into)
    yield [*into, *([Part("credit", rest)] if rest else [])]
    yield from ([part] for part in into)
    if all(m.key != key for m in then.moves):
        yield [Part("asked", shown.money.minor, ref=shown.origin.ref, day=local_date(shown.at))]
    yield [Part("told", shown.money.minor, ref=shown.origin.ref, day=local_date(shown.at))]


def _payout(shown: Shown, then: Books) -> Iterator[Parts]:
    """A payout that is a whole draw is explained as the draw; else by the ways it goes."""
    minor = shown.money.minor
    found = [p for p in then.payouts if p.ref == shown.origin.ref]
    for payout in sorted(found, key=lambda p: p.asked_at, reverse=True):
        if payout.kind == "draw" and payout.amount == minor:
            yield from _draw_lines(then, Origin(Of.DRAW, then.circle.code, payout.person_id, payout.round))
        hand, rail = payout.by_hand, payout.amount - payout.by_hand
        ways = [Part("hand", hand, ref=payout.ref), Part("rail", rail, ref=payout.ref)]
        yield [way for way in ways if way.minor]
        yield from ([way] for way in ways)
        yield [Part("rail", payout.rail_amount, ref=payout.ref)]


def _back(shown: Shown, then: Books) -> Iterator[Parts]:
    """Money that went back, or came again: what it was taken from."""
    for _, group in groupby(reversed(then.moves), key=lambda move: move.key):
        moves = list(group)
        if moves[0].kind in {"refund", "chargeback", "returned", "reversal"}:
            day = local_date(moves[0].at)
            yield [Part("debt_of" if ":debt:" in m.debit + m.credit else "credit_of", m.amount, day=day) for m in moves]
    yield [Part("told", shown.money.minor, ref=shown.origin.ref, day=local_date(shown.at))]


# -- all of it --------------------------------------------------------------------------------------------------------


def _inside(then: Books, name: str) -> bool:
    return name.startswith("circle:") and name != then.account("cash")


def _boundary(then: Books) -> Iterator[tuple[Move, str, int]]:
    """Yield each line by which money came into the circle or left it, the circle's account, and how much came."""
    for move in then.moves:
        out, into = _inside(then, move.debit), _inside(then, move.credit)
        if out != into:
            yield move, move.debit if out else move.credit, -move.amount if out else move.amount


def _all_thrown(shown: Shown, then: Books) -> Iterator[Parts]:
    whose = shown.origin.whose
    mine = [
        Part("came" if amount > 0 else "went", amount, day=local_date(move.at), ref=_receipt(move))
        for move, account, amount in _boundary(then)
        if account in {then.account("credit", whose), then.account("debt", whose)}
    ]
    yield mine or [Part("nothing_yet", 0)]
    rounds: Parts = []
    for number in sorted(then.rounds):
        amount = sum(part.minor for part in (*_thrown(then, number, whose), *_own(then, number, whose)))
        rounds += [Part("round", amount, round=number)] if amount else []
    yield rounds or [Part("nothing_yet", 0)]


def _all_drawn(shown: Shown, then: Books) -> Iterator[Parts]:
    whose = shown.origin.whose
    out = [
        replace(_gone(then, move, amount), minor=-amount)
        for move, account, amount in _boundary(then)
        if ":payable:" in account and _whose_payout(then, move, account) == whose
    ]
    yield out or [Part("nothing_yet", 0)]
    draws = [d for d in then.draws if d.person_id == whose]
    yield [line for d in draws for line in _paid_lines(then, d, shown.at, under_way=False)] or [Part("nothing_yet", 0)]


def _whose_payout(then: Books, move: Move, account: str) -> str:
    payout = _payout_of(then, move)
    return payout.person_id if payout else next(iter(then.drawers(int(account.rpartition(":")[2]))), "")


def _book(shown: Shown, then: Books) -> Iterator[Parts]:
    """The banker's book: each member's money that came, each draw and fee that left."""
    of = shown.origin.of
    lines: Parts = []
    for move, account, amount in _boundary(then):
        who = account.rpartition(":")[2] if ":credit:" in account or ":debt:" in account else ""
        lines.append(Part("threw", amount, who=who, day=local_date(move.at), ref=_receipt(move)) if who and amount > 0
                     else _gone(then, move, amount))  # fmt: skip
    match of:
        case Of.BOOK_IN:
            lines = [line for line in lines if line.minor > 0]
        case Of.BOOK_OUT:
            lines = _less([line for line in lines if line.minor < 0])
    yield lines or [Part("nothing_yet", 0)]
    yield _less(lines)


LINES = frozenset({
    "agreed", "all_rounds", "arrears", "asked", "came", "credit", "credit_of", "debt", "debt_of", "due", "earlier",
    "earned", "fee", "freed", "from_draw", "hand", "hands", "moved", "nothing_yet", "on_way", "own_throw", "paid_out",
    "rail", "reserve", "round", "still", "surplus", "threw", "threw_you", "to_come", "told", "took", "towards", "turns",
    "went",
})  # fmt: skip
"""The names that a line may have, of the texts that say it."""

_RECKONED: Mapping[Of, Callable[[Shown, Books], Iterator[Parts]]] = {
    Of.THROW: _agreed,
    Of.GROSS: _agreed,
    Of.FEE: _agreed,
    Of.LATE: _agreed,
    Of.OWED: _owed,
    Of.LEFT: _left,
    Of.SURPLUS: _surplus,
    Of.DEBT: _debt,
    Of.CREDIT: _credit,
    Of.USED: _used,
    Of.CASH: _cash,
    Of.EARNED: _earned,
    Of.POT: _pot,
    Of.THERE: _there,
    Of.OPEN: _open,
    Of.DRAW: _draw,
    Of.PAID: _paid,
    Of.REST: _rest,
    Of.OFFSET: _offset,
    Of.ARREARS: _offset,
    Of.OWN_THROW: _offset,
    Of.PAYMENT: _payment,
    Of.PAYOUT: _payout,
    Of.BACK: _back,
    Of.THROWN: _all_thrown,
    Of.DRAWN: _all_drawn,
    Of.BOOK_IN: _book,
    Of.BOOK_OUT: _book,
    Of.BOOK: _book,
}


def money_of(shown: Shown, minor: int) -> Money:
    """Return a line's amount as money of what was shown."""
    return Money(minor, Currency(shown.money.currency))
