"""Where a figure that somebody was shown comes from: the lines of the books that add up to it, by what it is.

Pure functions of the circle's rows and its ledger. What was shown is explained by the books as they stood then: of the
points in the ledger up to that time the last at which the lines give the amount, to the cent; if there is none, None.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations, groupby

from domain.pardna import weight
from domain.payments import UNSENT
from domain.schedule import local_date
from domain.tracing import (
    Parts,
    boundary,
    credit_lines,
    crossing,
    debt_lines,
    history,
    less,
    owed_in,
    own_throws,
    paid_lines,
    pot_moves,
    receipt,
    throws_in,
    whose_payout,
)
from domain.why import Books, Move, Of, Origin, Part, Shown

MOST_POINTS = 60
"""How many points of the ledger before a figure was shown are tried."""
TOGETHER, MOST_TOGETHER = timedelta(minutes=1), 6
"""How near to each other transactions are handled in one batch, and how many of the last are looked at one by one."""


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
    """Yield the books as they may have stood at a time: up to then, or to a point before, the latest first.

    A transaction is in them whole or not at all. What was said while many were handled together knew some of the last.
    """
    moves = sorted((m for m in books.moves if m.at <= at), key=lambda move: move.at)
    keys = list(dict.fromkeys(move.key for move in reversed(moves)))
    for gone in range(min(len(keys), MOST_POINTS) + 1):
        yield _without(books, moves, keys[:gone])
    times = {move.key: move.at for move in moves}
    lately = [key for key in keys[:MOST_TOGETHER] if at - times[key] < TOGETHER]
    for many in range(1, len(lately)):
        for left_out in combinations(lately, many):
            yield _without(books, moves, left_out)


def _without(books: Books, moves: Sequence[Move], left_out: Iterable[str]) -> Books:
    out = frozenset(left_out)
    return replace(books, moves=[move for move in moves if move.key not in out])


# -- what the terms say -----------------------------------------------------------------------------------------------


def _agreed(shown: Shown, then: Books) -> Iterator[Parts]:
    """A figure of the terms, as they were agreed then."""
    throw, minor = then.circle.throw, shown.money.minor
    times = minor // throw if not minor % throw else 1
    if times > 1 and shown.origin.of in {Of.GROSS, Of.THROW}:
        yield [Part("turns" if shown.origin.of is Of.GROSS else "hands", minor, count=times)]
    yield [Part("agreed", minor)]


# -- what is thrown, and what is still to throw -----------------------------------------------------------------------


def _pot(shown: Shown, then: Books) -> Iterator[Parts]:
    number = shown.origin.round
    thrown, own = throws_in(then, number), own_throws(then, number)
    yield [*thrown, *own]
    yield thrown or [Part("nothing_yet", 0)]


def _there(shown: Shown, then: Books) -> Iterator[Parts]:
    """What is in a pot, or the part of it that is still owed to its drawer."""
    yield pot_moves(then, shown.origin.round)
    yield from _rest(shown, then)


def _owed(shown: Shown, then: Books) -> Iterator[Parts]:
    """What a person has still to throw: in one round, or in all that are open, with what a card's bank took back."""
    origin = shown.origin
    rounds = [origin.round] if origin.round else then.opened(shown.at)
    for opened in (rounds, rounds[:-1]) if not origin.round else (rounds,):
        for own in (True, False):
            each = [owed_in(then, number, origin.whose, own=own) for number in opened]
            open_ = [part for parts in each if sum(p.minor for p in parts) for part in parts]
            yield [*open_, *([] if origin.round else debt_lines(then, origin.whose))]
            yield open_ or [Part("nothing_yet", 0)]
    yield from _of_one_hand(then, origin)


def _of_one_hand(then: Books, origin: Origin) -> Iterator[Parts]:
    """Yield what each hand of several has still to throw in a round: what was thrown pays the first hand first."""
    paid = sum(part.minor for part in throws_in(then, origin.round, origin.whose))
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
    left = {p: sum(part.minor for part in owed_in(then, number, p, own=True)) for p in people}
    drawers = then.drawers(number)
    yield [Part("still", amount, who=person) for person, amount in left.items() if amount and person not in drawers]


def _left(shown: Shown, then: Books) -> Iterator[Parts]:
    """What a person can still throw until the circle ends, with what was on its way off it."""
    whose = shown.origin.whose
    thrown = [
        line for number in then.rounds for line in (*throws_in(then, number, whose), *own_throws(then, number, whose))
    ]
    mine = [h for h in then.hands if h.person_id == whose]
    each = then.circle.throw_of(weight(mine))
    whole = [Part("all_rounds", each * then.circle.turns, count=then.circle.turns)]
    parts = [*whole, *less(thrown), *less(credit_lines(then, whose)), *debt_lines(then, whose)]
    yield parts
    way = shown.money.minor - sum(part.minor for part in parts)
    yield [*parts, Part("on_way", way)] if way < 0 else []


def _surplus(shown: Shown, _: Books) -> Iterator[Parts]:
    yield [Part("surplus", shown.money.minor, ref=shown.origin.ref)]


# -- accounts ---------------------------------------------------------------------------------------------------------


def _debt(shown: Shown, then: Books) -> Iterator[Parts]:
    yield debt_lines(then, shown.origin.whose) or [Part("nothing_yet", 0)]


def _credit(shown: Shown, then: Books) -> Iterator[Parts]:
    parts = credit_lines(then, shown.origin.whose)
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
        day, ref = local_date(moves[0].at), receipt(moves[0])
        if moves[0].kind == "fee":
            return Part("fee", amount, day=day)
        return Part("threw", amount, who=who, day=day, ref=ref) if who else crossing(then, moves[0], amount)

    yield history(then, then.account("cash"), asset=True, line=line) or [Part("nothing_yet", 0)]


def _earned(shown: Shown, then: Books) -> Iterator[Parts]:
    """What the circle owes its banker, or one line of it, less what is on its way."""

    def line(moves: Sequence[Move], amount: int) -> Part:
        number = moves[0].debit.rpartition(":")[2] if ":pot:" in moves[0].debit else "0"
        name = "earned" if amount > 0 else "went"
        return Part(name, amount, round=int(number), day=local_date(moves[0].at))

    parts = history(then, then.account("fee"), asset=False, line=line)
    lines = [p for p in parts if shown.origin.round in {0, p.round}]
    yield from ([part] for part in reversed(lines))
    yield from (less([part]) for part in reversed(parts))
    yield parts
    open_ = [p for p in then.payouts if p.kind == "fee" and p.state in UNSENT]
    yield [*parts, *(Part("on_way", -p.rail_amount, ref=p.ref) for p in open_)]
    yield [Part("nothing_yet", 0)]


# -- draws ------------------------------------------------------------------------------------------------------------


def _sums(then: Books, origin: Origin) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield what a draw's figures may have been: gross, fee, reserve, own throw, arrears; they change."""
    for draw in then.draws_of(origin):
        yield draw.gross, draw.fee, draw.reserve, draw.offset_throw, draw.offset_arrears + draw.offset_late
    whose = next(iter(then.drawers(origin.round)), "")
    throw = sum(part.minor for part in owed_in(then, origin.round, whose, own=False)) if origin.round else 0
    gross, fee = then.circle.gross, then.circle.terms.fee_of()
    kept = then.circle.terms.reserve_of()
    others = [n for n in then.rounds if n != origin.round]
    owed = sum(part.minor for n in others for part in owed_in(then, n, whose, own=True))
    there = sum(part.minor for part in pot_moves(then, origin.round))
    for arrears in (0, owed, min(owed, there)):
        yield gross, fee, kept, throw, arrears
    yield gross, fee, kept, 0, 0


def _draw_lines(then: Books, origin: Origin) -> Iterator[Parts]:
    thrown = throws_in(then, origin.round)
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


def _paid(shown: Shown, then: Books) -> Iterator[Parts]:
    for draw in then.draws_of(shown.origin):
        yield paid_lines(then, draw, shown.at, under_way=False) or [Part("nothing_yet", 0)]


def _rest(shown: Shown, then: Books) -> Iterator[Parts]:
    """What of a draw is still owed to its drawer; without a round, of all of somebody's."""
    draws = then.draws_of(shown.origin)
    for under_way in (False, True):
        each: Parts = []
        for draw in draws:
            origin = shown.origin._replace(round=draw.round, whose=draw.person_id)
            each += next(_draw_lines(then, origin))
            each += less(paid_lines(then, draw, shown.at, under_way=under_way))
        yield each


def _offset(shown: Shown, then: Books) -> Iterator[Parts]:
    of = shown.origin.of
    for draw in then.draws_of(shown.origin):
        own = Part("own_throw", draw.offset_throw, round=draw.round)
        arrears = Part("arrears", draw.offset_arrears + (0 if of is Of.ARREARS else draw.offset_late))
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


def _cover(shown: Shown, then: Books) -> Iterator[Parts]:
    """What the reserve or the banker put into pots and got back, or what was waived, which moves nothing (29, 36)."""
    for _, group in groupby(reversed(then.moves), key=lambda move: move.key):
        moves = [m for m in group if m.kind in {"cover", "reserve"}]
        yield from ([Part("moved", m.amount, day=local_date(m.at))] for m in moves)
    yield [Part("told", shown.money.minor, ref=shown.origin.ref, day=local_date(shown.at))]


# -- all of it --------------------------------------------------------------------------------------------------------


def _all_thrown(shown: Shown, then: Books) -> Iterator[Parts]:
    whose = shown.origin.whose
    mine = [
        Part("came" if amount > 0 else "went", amount, day=local_date(move.at), ref=receipt(move))
        for move, account, amount in boundary(then)
        if account in {then.account("credit", whose), then.account("debt", whose)}
    ]
    yield mine or [Part("nothing_yet", 0)]
    rounds: Parts = []
    for number in sorted(then.rounds):
        amount = sum(part.minor for part in (*throws_in(then, number, whose), *own_throws(then, number, whose)))
        rounds += [Part("round", amount, round=number)] if amount else []
    yield rounds or [Part("nothing_yet", 0)]


def _all_drawn(shown: Shown, then: Books) -> Iterator[Parts]:
    whose = shown.origin.whose
    out = [
        replace(crossing(then, move, amount), minor=-amount)
        for move, account, amount in boundary(then)
        if ":payable:" in account and whose_payout(then, move, account) == whose
    ]
    yield out or [Part("nothing_yet", 0)]
    draws = [d for d in then.draws if d.person_id == whose]
    yield [line for d in draws for line in paid_lines(then, d, shown.at, under_way=False)] or [Part("nothing_yet", 0)]


def _book(shown: Shown, then: Books) -> Iterator[Parts]:
    """The banker's book: each member's money that came, each draw and fee that left."""
    of = shown.origin.of
    lines: Parts = []
    for move, account, amount in boundary(then):
        who = account.rpartition(":")[2] if ":credit:" in account or ":debt:" in account else ""
        lines.append(Part("threw", amount, who=who, day=local_date(move.at), ref=receipt(move)) if who and amount > 0
                     else crossing(then, move, amount))  # fmt: skip
    match of:
        case Of.BOOK_IN:
            lines = [line for line in lines if line.minor > 0]
        case Of.BOOK_OUT:
            lines = less([line for line in lines if line.minor < 0])
    yield lines or [Part("nothing_yet", 0)]
    yield less(lines)


_RECKONED: Mapping[Of, Callable[[Shown, Books], Iterator[Parts]]] = {
    Of.THROW: _agreed,
    Of.GROSS: _agreed,
    Of.FEE: _agreed,
    Of.LATE: _agreed,
    Of.RESERVE: _agreed,
    Of.COVER: _cover,
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
