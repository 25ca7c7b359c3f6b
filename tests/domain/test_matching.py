"""A line is found by our reference however it was typed, else by likeness without doubt, else left to staff."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codes import ALPHABET
from domain.matching import Candidate, Likely, StatementLine, find_references, judge, likeness, numbered
from domain.money import Currency

DAY = date(2026, 12, 7)
LINE = StatementLine("404", DAY, None, 500000, Currency.JMD, "FT1", "", "Marva Brown", "for December")
CANDIDATE = Candidate("R-7K2MQ9XA", 500000, Currency.JMD, DAY)


@pytest.mark.parametrize(
    "text",
    [
        "R-7K2MQ9XA", "r7k2mq9xa", "r 7k2m q9xa", "TRF R7K2MQ9XA PARDNA", "ref:R-7K2M-Q9XA.", "R\u20137K2MQ9XA",
        "(R-7K2MQ9XA)", "MARVA BROWN R 7K2MQ9XA DEC", "R/7K2MQ9XA", "x R-7K2M\nQ9XA",
    ],
)  # fmt: skip
def test_a_receipt_is_found_however_it_was_typed(text: str) -> None:
    assert find_references(text).receipts == ("R-7K2MQ9XA",)


@pytest.mark.parametrize("text", ["", "7K2MQ9XA", "TRANSFER7K2MQ9XA", "R-7K2MQ9X", "R-7K2MQ9XAB", "Brown R for hand"])
def test_what_is_no_receipt_is_not_taken_for_one(text: str) -> None:
    found = find_references(text)
    assert (found.receipts, found.doubtful) == ((), ())


def test_a_letter_that_no_code_holds_gives_all_it_may_have_been() -> None:
    assert find_references("R-7K2M09XA").doubtful == ("R-7K2MD9XA", "R-7K2MQ9XA")
    assert len(find_references("R-7K2M09X1").doubtful) == 6
    assert find_references("R-00000000").doubtful == ()


def test_payouts_and_the_ids_of_our_files_are_found() -> None:
    assert find_references("payout p 7k2m").payouts == ("P-7K2M",)
    assert find_references("payout:0123456789ABCDEF01234567:2").ids == ("0123456789abcdef01234567",)
    assert find_references("0123456789abcdef012345678").ids == ()
    in_file = find_references("ACH/P7K2MAAAABBBBCCC/R7K2MQ9XABBBBCCC")
    assert in_file.orders == ("P7K2MAAAABBBBCCC", "R7K2MQ9XABBBBCCC")
    assert (in_file.receipts, in_file.payouts) == ((), ())


@given(st.lists(st.sampled_from(ALPHABET), min_size=8, max_size=8).map("".join), st.sampled_from(["-", " ", "", "."]))
def test_every_receipt_is_found_in_any_writing(code: str, gap: str) -> None:
    typed = f"pay r{gap}{code[:4].lower()}{gap}{code[4:]} thanks"
    assert find_references(typed).receipts[:1] == (f"R-{code}",)


@given(st.text(max_size=300))
def test_no_text_is_too_odd_to_look_at(text: str) -> None:
    find_references(text)


def test_the_same_name_amount_and_day_is_sure() -> None:
    assert likeness(LINE, CANDIDATE, 100) == 100
    assert likeness(LINE, CANDIDATE, 80) < 90


@pytest.mark.parametrize(
    "other",
    [
        replace(LINE, amount=500001),
        replace(LINE, currency=Currency.USD),
        replace(LINE, booked=DAY + timedelta(days=11)),
        replace(LINE, booked=DAY - timedelta(days=2)),
    ],
)
def test_another_amount_currency_or_season_is_nothing_like_it(other: StatementLine) -> None:
    assert likeness(other, CANDIDATE, 100) == 0


def test_no_amount_and_day_alone_are_ever_enough() -> None:
    assert likeness(LINE, CANDIDATE, 0) == 55


@given(st.integers(0, 10), st.floats(0, 100), st.floats(0, 100))
def test_a_better_name_and_a_nearer_day_never_make_it_less_sure(days: int, one: float, other: float) -> None:
    worse, better = sorted((one, other))
    later = replace(LINE, booked=DAY + timedelta(days=days))
    assert 0 <= likeness(later, CANDIDATE, worse) <= likeness(later, CANDIDATE, better) <= 100
    assert likeness(later, CANDIDATE, one) <= likeness(LINE, CANDIDATE, one)


def test_one_sure_payment_alone_is_taken() -> None:
    assert judge([Likely("R-B", 40), Likely("R-A", 95)]).taken == Likely("R-A", 95)
    assert judge([Likely("R-A", 89)]).taken is None
    assert judge([Likely("R-A", 89)], sure=85).taken == Likely("R-A", 89)


def test_between_two_nobody_guesses() -> None:
    verdict = judge([Likely("R-B", 96), Likely("R-A", 100), Likely("R-C", 50), Likely("R-D", 40), Likely("R-E", 0)])
    assert (verdict.taken, verdict.suggestions) == (None, ("R-A", "R-B", "R-C"))


def test_two_identical_deposits_are_two_and_a_repeated_file_is_the_same_lines() -> None:
    day = [LINE, replace(LINE, position=9), replace(LINE, narrative="for June")]
    ids = [line_id for line_id, _ in numbered("ncb", day)]
    assert len(set(ids)) == 3
    assert [line_id for line_id, _ in numbered("ncb", day)] == ids
    assert [line_id for line_id, _ in numbered("ncb", day[:1])] == ids[:1]
    assert not set(ids) & {line_id for line_id, _ in numbered("scotia", day)}


def test_nothing_personal_is_in_the_repr_of_a_line() -> None:
    assert "Marva" not in repr(LINE)
    assert "404" not in repr(LINE)
