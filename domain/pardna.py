"""The rules of a circle: its life, its hands, what each owes, what a drawer gets.

Rows are frozen; every function takes rows and returns rows or figures. Amounts are minor units of the
circle's one currency (rules.md 5). Numbers in comments are those of docs/rules.md.
"""

import hashlib
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import islice

from domain.money import Currency, Money, Stem
from domain.schedule import Frequency
from domain.terms import HALVES, FeeKind, OnDefault, Terms


class CircleState(StrEnum):
    """rules.md 1."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    LOCKED = "LOCKED"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    SUSPENDED = "SUSPENDED"
    TERMINATED = "TERMINATED"


MAY_BECOME: Mapping[CircleState, frozenset[CircleState]] = {
    CircleState.DRAFT: frozenset({CircleState.OPEN, CircleState.CANCELLED}),
    CircleState.OPEN: frozenset({CircleState.LOCKED, CircleState.CANCELLED}),
    CircleState.LOCKED: frozenset({CircleState.OPEN, CircleState.ACTIVE, CircleState.CANCELLED}),
    CircleState.ACTIVE: frozenset({CircleState.SUSPENDED, CircleState.COMPLETED}),
    CircleState.SUSPENDED: frozenset({CircleState.ACTIVE, CircleState.TERMINATED}),
    CircleState.COMPLETED: frozenset(),
    CircleState.CANCELLED: frozenset(),
    CircleState.TERMINATED: frozenset(),
}
"""LOCKED goes back to OPEN when a term is changed: the acceptances are void and are asked for again (2)."""


OVER = frozenset({CircleState.COMPLETED, CircleState.TERMINATED})
"""A circle that is over takes what is still owed to it and pays what it owes (51)."""


class OrderBy(StrEnum):
    """How turns are given (12). The last three need a choice or a lottery of their own."""

    JOIN = "join order"
    BANKER = "banker"
    SEATS = "seats"
    LOTTERY = "lottery"
    TRUST = "trust"


BY_LOT = frozenset({OrderBy.LOTTERY, OrderBy.TRUST})
"""The orders that are drawn (13)."""


class MemberState(StrEnum):
    """A person in a circle: asked to join, in, turned down, or gone."""

    ASKED = "ASKED"
    IN = "IN"
    REFUSED = "REFUSED"
    LEFT = "LEFT"


class RoundState(StrEnum):
    """rules.md 20."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    GRACE = "GRACE"
    CLOSED = "CLOSED"
    PAYING = "PAYING"
    PAID = "PAID"
    PAID_SHORT = "PAID_SHORT"
    HELD = "HELD"


BEFORE_GRACE_ENDS = frozenset({RoundState.SCHEDULED, RoundState.OPEN, RoundState.GRACE})
ENDED = frozenset({RoundState.PAID, RoundState.PAID_SHORT, RoundState.HELD})
"""What a round may have come to when the circle ends (51)."""


class ThrowState(StrEnum):
    """rules.md 21. COVERED: missed, and the reserve or the banker stands in for it, whole or in part."""

    DUE = "DUE"
    PART_PAID = "PART_PAID"
    PAID = "PAID"
    LATE = "LATE"
    MISSED = "MISSED"
    WAIVED = "WAIVED"
    COVERED = "COVERED"


class DrawState(StrEnum):
    """A draw waits for something, may be paid, is being paid, was paid short, or is done."""

    HELD = "HELD"
    READY = "READY"
    PAYING = "PAYING"
    SHORT = "SHORT"
    DONE = "DONE"


MOST_HANDS = 3
"""rules.md 9."""
WHOLE = HALVES
"""The unit is the half hand: a whole hand is two of them (6)."""
HALF = 1
MOST_HALVES = MOST_HANDS * WHOLE
MOST_TURNS = 50
TERMS_MARK = 6
"""How many characters of the terms' hash an acceptance carries."""
OPEN_THROWS_BEFORE_HOLD = 2
"""rules.md 32: with more than two rounds missed a draw is held. Its own round does not count: that throw is offset."""


@dataclass(frozen=True, slots=True)
class Circle:
    """A pardna. `throw` is what one whole hand owes a round; what is agreed on money stands in `terms`."""

    code: str
    name: str
    banker_id: str
    treasurer_id: str | None
    state: CircleState
    currency: Currency
    throw: int
    frequency: Frequency
    turns: int
    first_due: date
    order_by: OrderBy
    fee: int
    grace_days: int
    terms_hash: str
    made_at: datetime
    ended_at: datetime | None = None
    terms_at: datetime | None = None
    """When a term was last changed after the circle was made."""
    group_party: str | None = None
    """The group that hears its public news."""
    fee_kind: FeeKind = FeeKind.FLAT
    fee_share: int = 0
    late_fee: int = 0
    late_share: int = 0
    late_cap: int = 0
    reserve_share: int = 0
    cover: bool = False
    on_default: OnDefault = OnDefault.LAST
    deputy_id: str | None = None
    """Who takes the banker's role over when it is handed over (47)."""

    @property
    def terms(self) -> Terms:
        """What is agreed on money (27-31, 36, 41, 49)."""
        return Terms(
            currency=self.currency,
            throw=self.throw,
            turns=self.turns,
            fee_kind=self.fee_kind,
            fee=self.fee,
            fee_share=self.fee_share,
            late_fee=self.late_fee,
            late_share=self.late_share,
            late_cap=self.late_cap,
            reserve_share=self.reserve_share,
            cover=self.cover,
            on_default=self.on_default,
        )

    def money(self, minor: int, *, whose: str = "", round: int = 0, ref: str = "") -> Money:  # noqa: A002 - the trade's
        """Return minor units as money of this circle, with what its books know it by, so that WHY finds the lines."""
        return Money(minor, self.currency, Stem(self.code, whose, round, ref))

    @property
    def gross(self) -> int:
        """The whole pot of a round (8)."""
        return self.throw * self.turns

    @property
    def halves(self) -> int:
        """How many half hands fill it (6)."""
        return self.turns * WHOLE

    def throw_of(self, halves: int) -> int:
        """Return what so many half hands throw a round (7): whole cents, as a throw splits into two (11)."""
        return self.throw * halves // WHOLE


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a circle with so many half hands. `agreed_hash` is the hash of the terms last accepted (2)."""

    circle: str
    person_id: str
    halves: int
    state: MemberState
    agreed_hash: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Hand:
    """A whole hand or half a one: `number` as it joined, `turn` its round; two halves share one (6)."""

    circle: str
    number: int
    person_id: str
    turn: int
    chosen: bool = False
    """Whether its member chose this turn (12, chosen seats)."""
    halves: int = WHOLE


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a circle. `grace_until` is the last day of grace, `pays_on` the payout date (19)."""

    circle: str
    number: int
    due: date
    grace_until: date
    pays_on: date
    state: RoundState


@dataclass(frozen=True, slots=True)
class Due:
    """What one hand owes in one round, and what stands in its pot in place of it (36).

    `reserve` and `cover` are what the reserve and the banker put in and have not got back; it is owed all the same.
    `waived` is owed by nobody (29).
    """

    circle: str
    round: int
    hand: int
    amount: int
    paid: int = 0
    waived: int = 0
    reserve: int = 0
    cover: int = 0
    late_fee: int = 0
    late_paid: int = 0
    covered_by: str = ""
    """Who put `cover` in: the banker of that day."""

    @property
    def left(self) -> int:
        """What is still owed."""
        return self.amount - self.paid - self.waived

    @property
    def bare(self) -> int:
        """What of it is not in the pot by anybody's money."""
        return max(self.amount - self.paid - self.reserve - self.cover, 0)

    @property
    def too_much(self) -> int:
        """What goes back to the reserve or the banker, since the money that they stood in for has come (36)."""
        return max(self.paid + self.reserve + self.cover - self.amount, 0)

    @property
    def late_left(self) -> int:
        """What of its late fee is still owed (27)."""
        return self.late_fee - self.late_paid

    def state(self, of_round: RoundState) -> ThrowState:
        """Return the state of the throw; never MISSED before grace has ended (21)."""
        if not self.left:
            return ThrowState.WAIVED if self.waived else ThrowState.PAID
        match of_round:
            case RoundState.SCHEDULED | RoundState.OPEN:
                return ThrowState.PART_PAID if self.paid else ThrowState.DUE
            case RoundState.GRACE:
                return ThrowState.LATE
            case _:
                return ThrowState.COVERED if self.reserve or self.cover else ThrowState.MISSED


@dataclass(frozen=True, slots=True)
class Draw:
    """What one hand draws of one round's pot, half of it for half a hand (8).

    net = gross - fee - reserve - offset_throw - offset_arrears - offset_late (30).
    """

    circle: str
    round: int
    hand: int
    person_id: str
    state: DrawState
    gross: int
    fee: int
    fee_paid: int
    offset_throw: int
    offset_arrears: int
    net: int
    paid: int = 0
    held_for: str = ""
    ready_at: datetime | None = None
    """Since when its banker could pay it, where it was not begun before that day (56)."""
    begun_at: datetime | None = None
    """When its first payout was begun."""
    reserve: int = 0
    """What it leaves in the reserve, and what of that is there (49)."""
    reserve_paid: int = 0
    offset_late: int = 0
    """Late fees that came off it."""

    @property
    def owed(self) -> int:
        """What of the net is still to be paid: a short pot is paid short and the rest recorded (36)."""
        return self.net - self.paid

    @property
    def wanted(self) -> int:
        """What it takes of the pot for its drawer, as money or to pay arrears and late fees with."""
        return self.net + self.offset_arrears + self.offset_late


def become(circle: Circle, state: CircleState) -> Circle:
    """Return the circle in another state. Raises ValueError where rules.md 1 knows no such step."""
    if state not in MAY_BECOME[circle.state]:
        msg = f"a circle never goes from {circle.state} to {state}"
        raise ValueError(msg)
    return replace(circle, state=state)


def terms_hash(circle: Circle) -> str:
    """Return the hash of the terms that freeze at LOCKED and that each member accepts (2).

    A term that was not there when a circle was agreed on counts only where it is set, so that its hash stays valid.
    """
    terms = (
        circle.throw,
        circle.currency.value,
        circle.frequency.value,
        circle.turns,
        circle.first_due.isoformat(),
        circle.order_by.value,
        circle.fee,
        circle.grace_days,
        *circle.terms.unusual,
    )
    return hashlib.sha256(repr(terms).encode()).hexdigest()[:16]


def terms_mark(circle: Circle) -> str:
    """Return the short form of the terms' hash that an acceptance carries: it is for the terms that were read (2)."""
    return circle.terms_hash[:TERMS_MARK]


def throw_refusal(throw: int) -> str:
    """Return why a throw is not one ("" when it is): T splits into two whole cents (11)."""
    return "throw_odd" if throw % 2 else ""


def halves_taken(members: Iterable[Member]) -> int:
    """Return how many half hands the members that are in hold."""
    return sum(m.halves for m in members if m.state is MemberState.IN)


def weight(hands: Iterable[Hand]) -> int:
    """Return what a member's hands weigh in a vote, in half hands (4, 9)."""
    return sum(h.halves for h in hands)


def next_hands(circle: Circle, hands: Sequence[Hand], member: Member) -> list[Hand]:
    """Return the hands a member gets on being approved, the whole ones first; their turns are still to be given."""
    whole, half = divmod(member.halves, WHOLE)
    sizes = [WHOLE] * whole + [HALF] * half
    return [Hand(circle.code, n, member.person_id, n, halves=size) for n, size in enumerate(sizes, len(hands) + 1)]


def turns_of(hands: Iterable[Hand]) -> list[tuple[Hand, ...]]:
    """Return the hands by turns, a whole hand or two halves each, in the order of their lowest numbers (6)."""
    turns: dict[int, list[Hand]] = {}
    for hand in sorted(hands, key=lambda h: h.number):
        turns.setdefault(hand.turn, []).append(hand)
    return [tuple(together) for together in turns.values()]


def lone_halves(hands: Iterable[Hand]) -> list[Hand]:
    """Return the half hands whose turn has no other half."""
    return [together[0] for together in turns_of(hands) if weight(together) < WHOLE]


def put_in_order(hands: Sequence[Hand], named: Sequence[Sequence[str]]) -> list[Hand]:
    """Return the hands with turns as the list of person ids says, one entry a turn (12, banker-set).

    Two persons in an entry are two halves, put together by it. One whose half is meant stands for the turn that it has;
    halves that lost their other half by that share one, as they joined. Raises ValueError unless every turn is named
    exactly once. A person's hands keep their own sequence.
    """
    together = {person for people in named if len(people) > 1 for person in people}
    split = [h for h in hands if h.halves == HALF and h.person_id in together]
    pairs = [tuple(h for h in turn if h not in split) for turn in turns_of(hands)]
    widowed = iter(sorted((h for pair in pairs if weight(pair) == HALF for h in pair), key=lambda h: h.number))
    left = [pair for pair in pairs if weight(pair) == WHOLE] + [(one, *islice(widowed, 1)) for one in widowed]
    left.sort(key=lambda pair: pair[0].number if pair else 0)
    ordered: list[Hand] = []
    for turn, people in enumerate(named, start=1):
        meant = [h for h in split if h.person_id in people] if len(people) > 1 else None
        if meant is None:
            pair = next((pair for pair in left if people[0] in {h.person_id for h in pair}), ())
            left = [other for other in left if other is not pair]
            meant = list(pair)
        ordered += [replace(hand, turn=turn) for hand in meant]
    unlike = sorted(h.number for h in ordered) != sorted(h.number for h in hands)
    if unlike or len({h.turn for h in ordered}) < len(named) or len(named) != len(turns_of(hands)):
        msg = "every turn is named exactly once"
        raise ValueError(msg)
    return ordered


class NoSeat(ValueError):
    """A turn cannot be chosen.

    `reason` is "taken", "which" (none of the hands is meant more than another), or "half": it would leave a half alone.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def room(hands: Iterable[Hand], turn: int) -> int:
    """Return how many half hands may still choose a turn."""
    return WHOLE - weight(h for h in hands if h.chosen and h.turn == turn)


def choose_seat(hands: Sequence[Hand], person: str, turn: int) -> list[Hand]:
    """Return the hands with one of a person's in the turn they chose (12, chosen seats).

    It is the first that fits and has not chosen, or the only one, which moves. A half that chooses a half's turn shares
    it, and chooses no other while more halves have a turn than can be paired. Hands that have not chosen share what is
    left, as they joined. Raises NoSeat.
    """
    free = room(hands, turn)
    mine = sorted((h for h in hands if h.person_id == person and h.halves <= free), key=lambda h: h.number)
    if not mine:
        raise NoSeat("taken")
    hand = next((h for h in mine if not h.chosen), mine[0] if len(mine) == 1 else None)
    if hand is None:
        raise NoSeat("which")
    seated = [*(h for h in hands if h != hand), replace(hand, turn=turn, chosen=True)]
    halves = [h for h in seated if h.halves == HALF]
    if hand.halves == HALF and 2 * len({h.turn for h in halves if h.chosen}) > len(halves) + 1:
        raise NoSeat("half")
    return seat_the_rest(seated)


def leave_seat(hands: Sequence[Hand], person: str, turn: int) -> list[Hand]:
    """Return the hands with a person's turn free again. Raises NoSeat ("not_mine")."""
    hand = next((h for h in hands if h.chosen and h.person_id == person and h.turn == turn), None)
    if hand is None:
        raise NoSeat("not_mine")
    return seat_the_rest([*(h for h in hands if h != hand), replace(hand, chosen=False)])


def shown(halves: int) -> str:
    """Write so many half hands as hands: 1/2, 1, 1 1/2."""
    whole, half = divmod(halves, WHOLE)
    return " ".join(([str(whole)] if whole or not half else []) + ["1/2"] * half)


def seat_the_rest(hands: Sequence[Hand]) -> list[Hand]:
    """Return the hands by their numbers, those that have not chosen in the turns that are left, as they joined.

    A half takes the turn of the first half that stands alone.
    """
    taken = {h.turn for h in hands if h.chosen}
    left = iter(turn for turn in range(1, MOST_TURNS + 1) if turn not in taken)
    alone = [h.turn for h in lone_halves(h for h in hands if h.chosen)]
    seated = []
    for hand in sorted(hands, key=lambda h: h.number):
        if hand.chosen:
            seated.append(hand)
            continue
        joins = hand.halves == HALF and bool(alone)
        turn = alone.pop(0) if joins else next(left)
        if hand.halves == HALF and not joins:
            alone.append(turn)
        seated.append(replace(hand, turn=turn))
    return seated


def early_turns(circle: Circle, hands: Iterable[Hand], verified: frozenset[str]) -> list[Hand]:
    """Return the hands of unverified members in the first third of the turns (15)."""
    third = circle.turns // 3
    return sorted((h for h in hands if h.turn <= third and h.person_id not in verified), key=lambda h: h.turn)


def allocate(amount: int, dues: Iterable[Due]) -> tuple[list[Due], int]:
    """Spread money over dues, oldest first (22). Returns the dues that changed, and what is left over."""
    changed = []
    for due in sorted(dues, key=lambda d: (d.round, d.hand)):
        part = min(amount, due.left)
        if part:
            changed.append(replace(due, paid=due.paid + part))
            amount -= part
    return changed, amount


def allocate_late(amount: int, dues: Iterable[Due]) -> tuple[list[Due], int]:
    """Spread money over late fees, the oldest first: they are paid last of all (22)."""
    changed = []
    for due in sorted(dues, key=lambda d: (d.round, d.hand)):
        if part := min(amount, due.late_left):
            changed.append(replace(due, late_paid=due.late_paid + part))
            amount -= part
    return changed, amount


def make_draw(circle: Circle, hand: Hand, dues: Iterable[Due], there: int, missed: Container[int]) -> Draw:
    """Work out a draw (30): gross - fee - reserve - the unpaid current throw - arrears - late fees, in this order.

    `dues` are all those of the drawer's own hands, `there` the money of the pot that is this hand's (see `share`),
    `missed` the rounds whose grace is over: a held draw takes what was missed after its own round as well. Nothing is
    taken beyond what the draw holds, and arrears only as far as there is money to pay them with.
    """
    number = hand.turn
    mine = list(dues)
    left = gross = circle.terms.gross_of(hand.halves)
    fee = min(circle.terms.fee_of(hand.halves), left)
    left -= fee
    reserve = min(circle.terms.reserve_of(hand.halves), left)
    left -= reserve
    offset_throw = min(left, sum(d.left for d in mine if d.round == number))
    left -= offset_throw
    offset_arrears = min(left, there, sum(d.left for d in arrears(mine, number, missed)))
    left -= offset_arrears
    offset_late = min(left, there - offset_arrears, sum(d.late_left for d in mine))
    left -= offset_late
    return Draw(
        circle=circle.code,
        round=number,
        hand=hand.number,
        person_id=hand.person_id,
        state=DrawState.READY,
        gross=gross,
        fee=fee,
        fee_paid=0,
        offset_throw=offset_throw,
        offset_arrears=offset_arrears,
        net=left,
        reserve=reserve,
        offset_late=offset_late,
    )


def share(pot: int, taken: Mapping[int, int], wanted: Mapping[int, int]) -> dict[int, int]:
    """Return what each hand that draws of a pot may still take of it now, by the numbers of the hands.

    Halves share a shortfall pro rata to what each is to have of the pot (10); `taken` is what each has had already.
    """
    parts = pro_rata(min(pot + sum(taken.values()), sum(wanted.values())), wanted)
    return {hand: max(min(part - taken[hand], pot), 0) for hand, part in parts.items()}


def pro_rata(amount: int, weights: Mapping[int, int]) -> dict[int, int]:
    """Split an amount by weights, by the largest remainder; of equal ones the lower number has the cent (50)."""
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    parts = {number: amount * weight // whole for number, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda number: (-(amount * weights[number] % whole), number))
    for number in by_remainder[: amount - sum(parts.values())]:
        parts[number] += 1
    return parts


def round_state(draws: Collection[Draw]) -> RoundState:
    """Return what a round has come to by all of its draws (20): it is being paid as long as one of them may be."""
    states = {draw.state for draw in draws}
    if states & {DrawState.READY, DrawState.PAYING}:
        return RoundState.PAYING
    if DrawState.HELD in states:
        return RoundState.HELD
    return RoundState.PAID_SHORT if DrawState.SHORT in states else RoundState.PAID


def arrears(dues: Iterable[Due], drawn: int, missed: Container[int]) -> list[Due]:
    """Return the open dues of a drawer that count as arrears: missed, and not those of the round `drawn` (30, 32)."""
    return [d for d in dues if d.left and d.round != drawn and d.round in missed]


def grace_over(rounds: Iterable[Round]) -> frozenset[int]:
    """Return the numbers of the rounds in which an open throw is missed (21)."""
    return frozenset(r.number for r in rounds if r.state not in BEFORE_GRACE_ENDS)


def hold_reason(*, verified: bool, open_throws: int) -> str:
    """Return what holds a draw: "trn" (33), "arrears" (32), or "" for nothing."""
    if not verified:
        return "trn"
    return "arrears" if open_throws > OPEN_THROWS_BEFORE_HOLD else ""


@dataclass(frozen=True, slots=True)
class Split:
    """How a payout reaches the drawer: `cash` from what the banker holds, `rail` by the rail."""

    cash: int
    rail: int


def split_payout(amount: int, cash_held: int) -> Split:
    """A draw takes the cash held first; the rest goes by rail, out of cleared money (24)."""
    cash = min(amount, cash_held)
    return Split(cash, amount - cash)


def confirmers(circle: Circle, members: Iterable[Member], drawer: str, asked: Iterable[str] = ()) -> list[str]:
    """Return who may confirm a payout (35): the treasurer, or else any member but the drawer and the banker."""
    barred = {drawer, circle.banker_id, *asked}
    if circle.treasurer_id and circle.treasurer_id not in barred:
        return [circle.treasurer_id]
    able = (m for m in members if m.state is MemberState.IN and m.halves)
    return sorted(m.person_id for m in able if m.person_id not in barred)


def is_over(circle: Circle, rounds: Iterable[Round], today: date) -> bool:
    """Say whether the circle may be COMPLETED (51): every turn is paid, or nothing more will happen by itself.

    That is so once the last payout date is past and each round is paid, paid short or held: what is still open is then
    a debt or a liability to be listed.
    """
    every = list(rounds)
    if len(every) < circle.turns:
        return False
    if all(r.state is RoundState.PAID for r in every):
        return True
    return today > max(r.pays_on for r in every) and all(r.state in ENDED for r in every)
