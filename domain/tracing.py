"""Lines of a circle's ledger in words: what went through a pot or an account, and what crossed the circle's border.

Each function reads the books up to some point and returns parts that add up; domain/reckoning.py puts them together.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from domain.pardna import Draw
from domain.payments import DRAWN, Payout, PayoutState
from domain.schedule import local_date
from domain.why import Books, Move, Part

Parts = list[Part]


def pot_moves(then: Books, number: int) -> Parts:
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
            return Part("threw" if came else "freed", amount, who=person, day=day, ref=receipt(move))
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


def receipt(move: Move) -> str:
    """Return the receipt of the payment that a line booked, or ""."""
    kind, _, ref = move.key.partition(":")
    return ref[:10].partition(":")[0] if kind == "throw" else ""


THROWN = frozenset({"threw", "freed", "from_draw"})


def throws_in(then: Books, number: int, person: str = "") -> Parts:
    """Return what was thrown for a round, by one person or by all."""
    lines = pot_moves(then, number)
    return [line for line in lines if line.name in THROWN and person in {"", line.who}]


def own_throws(then: Books, number: int, person: str = "") -> Parts:
    """Return the drawers' own throws of a round that came off their draws: no line of the ledger says it."""
    mine = [d for d in then.draws if d.round == number and d.offset_throw and person in {"", d.person_id}]
    return [Part("own_throw", d.offset_throw, round=number, who=d.person_id) for d in mine]


def less(parts: Parts) -> Parts:
    """Return parts as what they take away."""
    return [replace(part, minor=-part.minor) for part in parts]


def owed_in(then: Books, number: int, person: str, *, own: bool) -> Parts:
    """Return what one person owed in a round, less what was thrown for it; `own`: also what came off their draw."""
    mine = [d for d in then.dues if d.round == number and then.owner(d.hand) == person]
    if not mine:
        return []
    due = Part("due", sum(d.amount for d in mine), round=number, day=then.rounds[number].due)
    paid = [*throws_in(then, number, person), *(own_throws(then, number, person) if own else [])]
    return [due, *less(paid)]


def history(then: Books, name: str, *, asset: bool, line: Callable[[Sequence[Move], int], Part]) -> Parts:
    """Return what each transaction changed on an account; what came and went at once is no line."""
    parts = []
    touching = (m for m in then.moves if name in {m.debit, m.credit})
    for _, group in groupby(touching, key=lambda move: move.key):
        moves = list(group)
        raised = sum(m.amount if m.debit == name else -m.amount for m in moves) * (1 if asset else -1)
        if raised:
            parts.append(line(moves, raised))
    return parts


def credit_lines(then: Books, person: str) -> Parts:
    """Return what somebody's credit is made of."""

    def line(moves: Sequence[Move], amount: int) -> Part:
        used = next((m.credit.rpartition(":")[2] for m in moves if ":pot:" in m.credit), "")
        day = local_date(moves[0].at)
        if amount < 0 and used:
            return Part("round", amount, round=int(used), day=day)
        return Part("came" if amount > 0 else "went", amount, day=day, ref=receipt(moves[0]))

    return history(then, then.account("credit", person), asset=False, line=line)


def debt_lines(then: Books, person: str) -> Parts:
    """Return what somebody's debt is made of."""

    def line(moves: Sequence[Move], amount: int) -> Part:
        return Part("took" if amount > 0 else "debt", amount, day=local_date(moves[0].at), ref=receipt(moves[0]))

    return history(then, then.account("debt", person), asset=True, line=line)


def crossing(then: Books, move: Move, amount: int) -> Part:
    """Name a line by which money came into the circle or left it."""
    payout = payout_of(then, move)
    name = "came" if amount > 0 else "went"
    ref, who = (payout.ref, payout.person_id) if payout else (receipt(move), "")
    return Part("paid_out" if payout and amount < 0 else name, amount, who=who, day=local_date(move.at), ref=ref)


def payout_of(then: Books, move: Move) -> Payout | None:
    """Return the payout that a line paid."""
    kind, _, rest = move.key.partition(":")
    payout_id = rest.partition(":")[0]
    return next((p for p in then.payouts if p.id == payout_id), None) if kind in {"sent", "handed"} else None


def paid_lines(then: Books, draw: Draw, at: datetime, *, under_way: bool) -> Parts:
    """Return what of a draw its drawer had at a time; `under_way`: also what was asked for."""
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


def _inside(then: Books, name: str) -> bool:
    return name.startswith("circle:") and name != then.account("cash")


def boundary(then: Books) -> Iterator[tuple[Move, str, int]]:
    """Yield each line by which money came into the circle or left it, the circle's account, and how much came."""
    for move in then.moves:
        out, into = _inside(then, move.debit), _inside(then, move.credit)
        if out != into:
            yield move, move.debit if out else move.credit, -move.amount if out else move.amount


def whose_payout(then: Books, move: Move, account: str) -> str:
    """Return who got what left a round's payable account."""
    payout = payout_of(then, move)
    return payout.person_id if payout else next(iter(then.drawers(int(account.rpartition(":")[2]))), "")
