"""Money terms as figures, in cents (rules.md 27, 31, 49, 50)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Currency
from domain.terms import FeeKind, OnDefault, Terms, percent, read_percent

FIVE = Terms(Currency.JMD, 500_000, 5)


def terms(**set_: object) -> Terms:
    return Terms(Currency.JMD, 500_000, 5, **set_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("agreed", "whole", "half"),
    [
        (FIVE, 0, 0),
        (terms(fee=50_000), 50_000, 25_000),
        (terms(fee=50_001), 50_001, 25_000),  # half a cent is the member's
        (terms(fee_kind=FeeKind.PERCENT, fee_share=200), 50_000, 25_000),
        (terms(fee_kind=FeeKind.PERCENT, fee_share=33), 8_250, 4_125),
        (terms(fee_kind=FeeKind.HAND), 500_000, 250_000),
        (terms(fee_kind=FeeKind.GIFT), 0, 0),
    ],
)
def test_the_bankers_fee_is_of_one_kind(agreed: Terms, whole: int, half: int) -> None:
    """rule 31"""
    assert (agreed.fee_of(), agreed.fee_of(1)) == (whole, half)


def test_the_reserve_is_a_share_of_the_gross_pot_rounded_down() -> None:
    """rules 31, 49, 50: 2 % of J$25,000 is J$500."""
    assert terms(reserve_share=200).reserve_of() == 50_000
    assert terms(reserve_share=200).reserve_of(1) == 25_000
    assert Terms(Currency.JMD, 1_002, 3, reserve_share=333).reserve_of() == 100  # of 30.06: 1.001


@pytest.mark.parametrize(
    ("agreed", "missed", "whole", "so_far", "fee"),
    [
        (FIVE, 500_000, 500_000, 0, 0),
        (terms(late_fee=20_000, late_cap=500_000), 500_000, 500_000, 0, 20_000),
        (terms(late_fee=20_000, late_cap=500_000), 250_000, 250_000, 0, 10_000),  # a half hand owes half of it
        (terms(late_fee=20_000, late_cap=500_000), 10_000, 500_000, 0, 10_000),  # never more than was missed
        (terms(late_share=500, late_cap=500_000), 500_000, 500_000, 0, 25_000),
        (terms(late_share=500, late_cap=500_000), 123_456, 500_000, 0, 6_172),
        (terms(late_fee=20_000, late_cap=50_000), 500_000, 500_000, 40_000, 10_000),  # the cap is the member's
        (terms(late_fee=20_000, late_cap=50_000), 500_000, 500_000, 50_000, 0),
    ],
)
def test_a_late_fee_is_once_a_missed_throw_and_capped(
    agreed: Terms, missed: int, whole: int, so_far: int, fee: int
) -> None:
    """rule 27"""
    assert agreed.late_fee_of(missed, whole, so_far) == fee


def test_what_nobody_set_does_not_count_among_the_terms() -> None:
    """rule 2: so the hash of an older circle stays what its members accepted."""
    assert terms(fee=50_000).unusual == ()
    assert terms(reserve_share=200, on_default=OnDefault.SUBSTITUTE).unusual == (
        ("reserve_share", "200"),
        ("on_default", "substitute"),
    )


@given(st.integers(0, 10_000))
def test_a_percentage_is_read_as_it_is_written(share: int) -> None:
    assert read_percent(percent(share)) == share


@pytest.mark.parametrize(("typed", "share"), [("2%", 200), ("2.5%", 250), ("0.05%", 5), ("100%", 10_000)])
def test_a_percentage_is_exact(typed: str, share: int) -> None:
    assert (read_percent(typed), percent(share)) == (share, typed)


@pytest.mark.parametrize("typed", ["2", "%", "101%", "2.555%", "two%", "-2%"])
def test_what_is_no_percentage_is_none(typed: str) -> None:
    assert read_percent(typed) is None
