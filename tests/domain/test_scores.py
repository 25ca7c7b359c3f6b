"""Scores (rules.md 56): the figures of docs/decisions/scores.md, worked by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.scores import ENOUGH, WEIGHTS, Deed, Done, Part, Tier, of_banker, of_member

BEGAN = datetime(2027, 1, 4, tzinfo=UTC)
CLEAN, LATE, MISSED, OWED = Deed.CLEAN, Deed.LATE, Deed.MISSED, Deed.OWED
ON_TIME, SLOW, LOST, COVER = Deed.ON_TIME, Deed.SLOW, Deed.LOST, Deed.COVER


def weeks(*deeds: Deed | Sequence[Deed]) -> list[Done]:
    """Return deeds one a week."""
    flat = [d for each in deeds for d in ([each] if isinstance(each, Deed) else each)]
    return [Done(deed, BEGAN + timedelta(weeks=number)) for number, deed in enumerate(flat)]


def test_three_clean_throws_are_63_and_steady() -> None:
    score = of_member(weeks([CLEAN] * 3))
    assert (score.points, score.tier) == (63, Tier.STEADY)  # 60 + 3


def test_with_fewer_than_three_throws_somebody_is_new_and_not_low() -> None:
    score = of_member(weeks(LATE, MISSED))
    assert (score.tier, score.missing) == (Tier.NEW, 1)
    assert of_member([]).tier is Tier.NEW
    assert of_banker(weeks(LOST)).tier is Tier.NEW


def test_a_late_mark_costs_five_until_twelve_clean_throws_have_come_after_it() -> None:  # rule 56
    eleven = of_member(weeks(LATE, [CLEAN] * 11))
    assert eleven.points == 66  # 60 + 11 - 5
    assert Part(LATE, 1, -5, fades_in=1) in eleven.parts
    assert of_member(weeks(LATE, [CLEAN] * 12)).points == 72  # 60 + 12
    assert of_member(weeks([CLEAN] * 12, LATE)).points == 67  # 60 + 12 - 5: those before it fade nothing


def test_a_missed_throw_costs_twenty_while_owed_and_ten_until_it_fades() -> None:
    assert of_member(weeks([CLEAN] * 6, OWED)).points == 46  # 60 + 6 - 20
    assert of_member(weeks([CLEAN] * 6, OWED)).tier is Tier.BUILDING
    assert of_member(weeks([CLEAN] * 6, MISSED)).points == 56  # 60 + 6 - 10
    assert of_member(weeks(MISSED, [CLEAN] * 24)).points == 84  # 60 + 24
    assert of_member(weeks(OWED, [CLEAN] * 50)).points == 80  # 60 + 40 - 20: what is owed never fades


def test_clean_throws_count_up_to_forty_and_nothing_goes_past_the_ends() -> None:
    assert of_member(weeks([CLEAN] * 90)).points == 100
    assert of_member(weeks([OWED] * 9)).points == 0


def test_a_banker_is_scored_by_payouts_disputes_and_covers() -> None:
    score = of_banker(weeks([ON_TIME] * 8, SLOW, LOST, COVER))
    assert score.points == 61  # 60 + 16 - 5 - 15 + 5
    assert of_banker(weeks(LOST, SLOW, [ON_TIME] * 24)).points == 100  # both have faded; 60 + 40
    assert of_banker(weeks([ON_TIME] * 3, [COVER] * 9)).points == 86  # 60 + 6 + 20 at most


def test_what_is_a_bankers_is_no_members() -> None:
    deeds = weeks([CLEAN] * 3, LOST, SLOW, SLOW, SLOW)
    assert of_member(deeds).points == 63
    assert of_banker(deeds).points == 30  # 60 - 15 - 15


@given(st.lists(st.sampled_from(list(Deed))))
def test_a_score_is_the_sum_of_its_lines_and_one_good_deed_more_never_lowers_it(deeds: list[Deed]) -> None:
    for of, good in ((of_member, CLEAN), (of_banker, ON_TIME)):
        score = of(weeks(deeds))
        assert score.points == min(max(60 + sum(p.points for p in score.parts), 0), 100)
        assert of(weeks(deeds, good)).points >= score.points
        assert all(p.fades_in <= WEIGHTS[p.what].fades_after for p in score.parts)
        assert score.missing <= ENOUGH
