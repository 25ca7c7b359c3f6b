"""The rules of a circle as figures: life, hands, money oldest first, what a draw comes to, who confirms."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Currency
from domain.pardna import (
    MAY_BECOME,
    Circle,
    CircleState,
    Due,
    Hand,
    Member,
    MemberState,
    NoSeat,
    OrderBy,
    Round,
    RoundState,
    ThrowState,
    allocate,
    arrears,
    become,
    choose_seat,
    confirmers,
    early_turns,
    grace_over,
    halves_taken,
    hold_reason,
    is_over,
    leave_seat,
    make_draw,
    next_hands,
    put_in_order,
    split_payout,
    terms_hash,
    throw_refusal,
)
from domain.schedule import Frequency
from domain.terms import FeeKind, OnDefault

MADE = datetime(2026, 12, 1, 15, tzinfo=UTC)
MONDAY = date(2026, 12, 7)
CIRCLE = Circle(
    code="K7QX2M",
    name="Sunday Club",
    banker_id="marva",
    treasurer_id=None,
    state=CircleState.OPEN,
    currency=Currency.JMD,
    throw=500_000,
    frequency=Frequency.WEEKLY,
    turns=5,
    first_due=MONDAY,
    order_by=OrderBy.JOIN,
    fee=0,
    grace_days=3,
    terms_hash="",
    made_at=MADE,
)
amounts = st.integers(1, 10**12)


def member(person: str, hands: int = 1, state: MemberState = MemberState.IN) -> Member:
    return Member(CIRCLE.code, person, 2 * hands, state, "", MADE)


def due(number: int, paid: int = 0, hand: int = 1, amount: int = 500_000) -> Due:
    return Due(CIRCLE.code, number, hand, amount, paid)


def rounds(*states: RoundState) -> list[Round]:
    return [
        Round(
            CIRCLE.code, n, MONDAY + week, MONDAY + week + timedelta(days=3), MONDAY + week + timedelta(days=4), state
        )
        for n, state in enumerate(states, 1)
        for week in [timedelta(weeks=n - 1)]
    ]


# -- rule 1 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), list(product(CircleState, CircleState)))
def test_a_circle_takes_only_the_steps_there_are(before: CircleState, after: CircleState) -> None:
    circle = replace(CIRCLE, state=before)
    if after in MAY_BECOME[before]:
        assert become(circle, after).state is after
    else:
        with pytest.raises(ValueError, match=f"never goes from {before} to {after}"):
            become(circle, after)


def test_it_is_called_off_only_before_it_is_active_and_ended_early_only_from_rest() -> None:
    off = {s for s in CircleState if CircleState.CANCELLED in MAY_BECOME[s]}
    ended = {s for s in CircleState if CircleState.TERMINATED in MAY_BECOME[s]}
    assert off == {CircleState.DRAFT, CircleState.OPEN, CircleState.LOCKED}
    assert ended == {CircleState.SUSPENDED}


# -- rule 2 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"throw": 600_000},
        {"currency": Currency.USD},
        {"frequency": Frequency.MONTHLY},
        {"turns": 6},
        {"first_due": MONDAY + timedelta(days=1)},
        {"order_by": OrderBy.BANKER},
        {"fee": 1},
        {"grace_days": 2},
        {"fee_kind": FeeKind.HAND},
        {"fee_share": 200},
        {"late_fee": 20_000},
        {"late_share": 500},
        {"late_cap": 500_000},
        {"reserve_share": 200},
        {"cover": True},
        {"on_default": OnDefault.SUBSTITUTE},
    ],
)
def test_every_term_changes_the_hash_that_members_accept(change: dict[str, object]) -> None:
    assert terms_hash(replace(CIRCLE, **change)) != terms_hash(CIRCLE)  # type: ignore[arg-type]


def test_the_hash_of_a_circle_without_newer_terms_is_what_it_was_before_there_were_any() -> None:
    assert terms_hash(CIRCLE) == "6104a234e7ce5c04"


def test_nothing_but_a_term_changes_the_hash() -> None:
    other = replace(CIRCLE, name="Monday Club", state=CircleState.LOCKED, code="AAAAAA", treasurer_id="devon")
    assert terms_hash(other) == terms_hash(CIRCLE)


# -- rules 8, 9, 11, 12, 15 -----------------------------------------------------------------------------------


def test_the_pot_is_the_throw_times_the_turns() -> None:
    assert CIRCLE.gross == 2_500_000


@pytest.mark.parametrize(("throw", "why"), [(2, ""), (500_000, ""), (1, "throw_odd"), (500_001, "throw_odd")])
def test_a_throw_splits_into_two_whole_cents(throw: int, why: str) -> None:
    assert throw_refusal(throw) == why


def test_only_those_who_are_in_take_seats() -> None:
    asked = member("keisha", 3, MemberState.ASKED)
    assert halves_taken([member("marva", 2), member("devon"), asked, member("x", 1, MemberState.REFUSED)]) == 6


def test_hands_are_numbered_as_they_join_and_draw_last_for_now() -> None:
    first = next_hands(CIRCLE, [], member("marva", 2))
    second = next_hands(CIRCLE, first, member("devon"))
    assert [(h.number, h.person_id, h.turn) for h in first + second] == [
        (1, "marva", 1), (2, "marva", 2), (3, "devon", 3),
    ]  # fmt: skip


@given(st.lists(st.sampled_from(["marva", "devon", "keisha"]), min_size=1, max_size=8).flatmap(
    lambda people: st.tuples(st.just(people), st.permutations(people))
))  # fmt: skip
def test_an_order_gives_every_hand_one_turn(of: tuple[list[str], list[str]]) -> None:
    people, order = of
    hands = [Hand(CIRCLE.code, n, person, n) for n, person in enumerate(people, 1)]
    ordered = put_in_order(hands, [[person] for person in order])
    assert [h.person_id for h in sorted(ordered, key=lambda h: h.turn)] == order
    assert sorted(h.turn for h in ordered) == list(range(1, len(people) + 1))
    assert {h.number for h in ordered} == {h.number for h in hands}


@pytest.mark.parametrize("order", [["marva"], ["marva", "marva"], ["marva", "devon", "devon"], ["marva", "nobody"]])
def test_an_order_that_does_not_name_each_hand_once_is_none(order: list[str]) -> None:
    hands = [Hand(CIRCLE.code, 1, "marva", 1), Hand(CIRCLE.code, 2, "devon", 2)]
    with pytest.raises(ValueError, match="exactly once"):
        put_in_order(hands, [[person] for person in order])


@pytest.mark.parametrize(("turns", "first"), [(2, 0), (3, 1), (5, 1), (6, 2), (9, 3)])
def test_the_unverified_of_the_first_third_are_named(turns: int, first: int) -> None:
    circle = replace(CIRCLE, turns=turns)
    hands = [Hand(CIRCLE.code, n, f"p{n}", n) for n in range(1, turns + 1)]
    assert [h.turn for h in early_turns(circle, hands, frozenset())] == list(range(1, first + 1))
    assert early_turns(circle, hands, frozenset(h.person_id for h in hands)) == []


# -- rule 21 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", RoundState)
def test_a_throw_is_missed_only_after_grace(state: RoundState) -> None:
    open_ = due(1, paid=1).state(state)
    match state:
        case RoundState.SCHEDULED | RoundState.OPEN:
            assert open_ is ThrowState.PART_PAID
            assert due(1).state(state) is ThrowState.DUE
        case RoundState.GRACE:
            assert open_ is ThrowState.LATE
        case _:
            assert open_ is ThrowState.MISSED
    assert due(1, paid=500_000).state(state) is ThrowState.PAID


# -- rule 22 --------------------------------------------------------------------------------------------------

dues = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 3), amounts, amounts),
    max_size=12,
    unique_by=lambda d: (d[0], d[1]),
).map(lambda rows: [due(n, min(paid, amount), hand, amount) for n, hand, amount, paid in rows])


@given(st.integers(0, 10**14), dues)
def test_money_goes_to_the_oldest_first_and_none_is_lost(amount: int, before: list[Due]) -> None:
    changed, left = allocate(amount, before)
    now = {(d.round, d.hand): d for d in before} | {(d.round, d.hand): d for d in changed}
    paid = sum(now[d.round, d.hand].paid - d.paid for d in before)
    assert paid + left == amount
    assert all(before_.paid <= now[before_.round, before_.hand].paid <= before_.amount for before_ in before)
    assert not left or all(not d.left for d in now.values())
    open_ = sorted((d.round, d.hand) for d in now.values() if d.left)
    touched = sorted((d.round, d.hand) for d in changed)
    assert not open_ or all(one <= open_[0] for one in touched)


# -- rules 30, 32 ---------------------------------------------------------------------------------------------


def test_the_sum_of_a_draw_in_its_order() -> None:
    """25,000 - 500 fee - 2,000 of the own throw - 5,000 arrears."""
    circle = replace(CIRCLE, fee=50_000)
    mine = [due(1), due(2, paid=500_000), due(3, paid=300_000), due(4)]
    draw = make_draw(circle, Hand(CIRCLE.code, 1, "marva", 3), mine, 2_300_000, {1, 2, 3})
    assert (draw.gross, draw.fee, draw.offset_throw, draw.offset_arrears) == (2_500_000, 50_000, 200_000, 500_000)
    assert draw.net == draw.owed == 1_750_000


def test_arrears_come_off_only_as_far_as_there_is_money() -> None:
    mine = [due(1), due(2), due(3)]
    draw = make_draw(CIRCLE, Hand(CIRCLE.code, 1, "marva", 3), mine, 700_000, {1, 2, 3})
    assert draw.offset_arrears == 700_000


def test_a_held_draw_takes_what_was_missed_after_its_own_round_too() -> None:
    mine = [due(1), due(2), due(3), due(4)]
    assert [d.round for d in arrears(mine, 2, {1, 2, 3})] == [1, 3]


@given(dues, st.integers(0, 10**13), st.integers(1, 12), st.integers(0, 499_999))
def test_a_draw_adds_up_and_is_never_below_nothing(mine: list[Due], pot: int, turn: int, fee: int) -> None:
    circle = replace(CIRCLE, fee=fee)
    draw = make_draw(circle, Hand(CIRCLE.code, 1, "marva", turn), mine, pot, set(range(1, turn + 1)))
    assert draw.gross == draw.net + draw.fee + draw.offset_throw + draw.offset_arrears
    assert min(draw.net, draw.fee, draw.offset_throw, draw.offset_arrears) >= 0
    assert draw.offset_arrears <= pot
    assert draw.offset_throw <= sum(d.left for d in mine if d.round == turn)


@pytest.mark.parametrize(
    ("verified", "missed", "reason"),
    [(True, 0, ""), (True, 2, ""), (True, 3, "arrears"), (False, 0, "trn"), (False, 3, "trn")],
)
def test_what_holds_a_draw(*, verified: bool, missed: int, reason: str) -> None:
    """rules 32, 33: more than two."""
    assert hold_reason(verified=verified, open_throws=missed) == reason


# -- rule 24 --------------------------------------------------------------------------------------------------


@given(amounts, st.integers(0, 10**12))
def test_a_draw_takes_the_cash_held_first(amount: int, cash: int) -> None:
    split = split_payout(amount, cash)
    assert split.cash + split.rail == amount
    assert split.cash == min(amount, cash)


# -- rule 35 --------------------------------------------------------------------------------------------------

ALL = [member(p) for p in ("marva", "devon", "keisha", "andre")]


def test_nobody_confirms_their_own_draw_nor_the_banker() -> None:
    asked = [*ALL, member("gone", 1, MemberState.LEFT), member("new", 1, MemberState.ASKED)]
    assert confirmers(CIRCLE, asked, "devon") == ["andre", "keisha"]
    assert confirmers(CIRCLE, asked, "devon", ["keisha"]) == ["andre"]
    assert confirmers(CIRCLE, ALL[:2], "devon") == []


def test_the_treasurer_confirms_but_for_an_own_draw_or_after_silence() -> None:
    circle = replace(CIRCLE, treasurer_id="keisha")
    assert confirmers(circle, ALL, "devon") == ["keisha"]
    assert confirmers(circle, ALL, "keisha") == ["andre", "devon"]
    assert confirmers(circle, ALL, "devon", ["keisha"]) == ["andre"]
    assert confirmers(replace(CIRCLE, treasurer_id="marva"), ALL, "devon") == ["andre", "keisha"]


# -- rule 51 --------------------------------------------------------------------------------------------------


def _over(states: Iterable[RoundState], today: date) -> bool:
    every = list(states)
    return is_over(replace(CIRCLE, turns=len(every)), rounds(*every), today)


PAID, SHORT, HELD = RoundState.PAID, RoundState.PAID_SHORT, RoundState.HELD
LAST = MONDAY + timedelta(weeks=1, days=4)
"""The payout date of a second round."""


def test_a_circle_is_over_as_soon_as_every_turn_is_paid() -> None:
    assert _over([PAID, PAID], MONDAY)
    assert not is_over(CIRCLE, rounds(PAID, PAID), LAST + timedelta(days=9))  # of five


@pytest.mark.parametrize("last", [SHORT, HELD])
def test_what_is_open_after_the_last_payout_date_is_a_debt(last: RoundState) -> None:
    assert not _over([PAID, last], LAST)
    assert _over([PAID, last], LAST + timedelta(days=1))
    assert _over([last, PAID], LAST + timedelta(days=1))


@pytest.mark.parametrize("last", [RoundState.CLOSED, RoundState.PAYING, RoundState.OPEN, RoundState.GRACE])
def test_it_is_not_over_while_a_round_is_under_way(last: RoundState) -> None:
    assert not _over([PAID, last], LAST + timedelta(days=30))


def test_grace_is_over_from_the_closing_on() -> None:
    states = [RoundState.CLOSED, PAID, SHORT, HELD, RoundState.GRACE, RoundState.OPEN, RoundState.SCHEDULED]
    assert grace_over(rounds(*states)) == {1, 2, 3, 4}


def seats(hands: list[Hand]) -> dict[int, int]:
    return {h.number: h.turn for h in hands}


def four_hands() -> list[Hand]:
    return [Hand("C", n, person, n) for n, person in enumerate(("marva", "devon", "devon", "keisha"), 1)]


def test_who_chooses_a_turn_has_it_and_the_others_share_what_is_left() -> None:  # rule 12
    hands = choose_seat(four_hands(), "keisha", 1)
    assert seats(hands) == {4: 1, 1: 2, 2: 3, 3: 4}
    hands = choose_seat(choose_seat(hands, "devon", 4), "devon", 2)
    assert seats(hands) == {4: 1, 2: 4, 3: 2, 1: 3}
    assert seats(choose_seat(hands, "keisha", 3)) == {4: 3, 2: 4, 3: 2, 1: 1}


@pytest.mark.parametrize(("person", "turn", "reason"), [("marva", 1, "taken"), ("devon", 3, "which")])
def test_a_turn_is_chosen_once_and_with_two_hands_it_is_said_which_moves(person: str, turn: int, reason: str) -> None:
    hands = choose_seat(choose_seat(choose_seat(four_hands(), "keisha", 1), "devon", 4), "devon", 2)
    with pytest.raises(NoSeat) as refused:
        choose_seat(hands, person, turn)
    assert refused.value.reason == reason


def test_a_turn_that_was_left_is_free_again() -> None:
    hands = leave_seat(choose_seat(four_hands(), "keisha", 1), "keisha", 1)
    assert seats(hands) == {1: 1, 2: 2, 3: 3, 4: 4}
    with pytest.raises(NoSeat):
        leave_seat(hands, "keisha", 1)
