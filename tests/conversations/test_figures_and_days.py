"""Numbers in words and days as people write them: read for certain, asked about, or left alone."""

import string
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversations.days import read_days
from bot.conversations.numbers import in_figures
from bot.conversations.phrases import DAY_NAMES, DAYS, NUMBERS
from domain import commands as c
from domain.pardna import CircleState
from tests.conversations.chat import CODE, Chat, banker, member

TODAY = date(2026, 11, 24)
"""A Tuesday."""
PARTS = st.one_of(
    st.sampled_from(
        [*NUMBERS, *DAYS, *DAY_NAMES, "a", "half", "and", "after", "from", "8th", "25/12", "8-1-27", "3", "31"]
    ),
    st.text(alphabet=string.digits + "./- ,", max_size=8),
    st.text(max_size=6),
)
TEXT = st.lists(PARTS, max_size=6).map(" ".join)


@pytest.mark.parametrize(
    ("typed", "figures"),
    [
        ("five thousand", "5000"),
        ("Five Tousan dollars", "5000 dollars"),
        ("two thousand and fifty", "2050"),
        ("five hundred thousand", "500000"),
        ("twenty five hundred", "2500"),
        ("two and a half grand", "2500"),
        ("2.5 grand", "2500"),
        ("half a grand", "half a grand"),
        ("fifteen hundred and fifty", "1550"),
        ("one two three", "one two three"),
        ("thousand five", "thousand five"),
        ("five thousand thousand", "five thousand thousand"),
        ("5 hundred 5000", "5 hundred 5000"),
        ("Devon Clarke", "Devon Clarke"),
    ],
)
def test_a_number_in_words_is_written_in_figures_and_what_is_none_stays(typed: str, figures: str) -> None:
    assert in_figures(typed) == figures


@pytest.mark.parametrize(
    ("typed", "days"),
    [
        ("next Friday", (date(2026, 11, 27), date(2026, 12, 4))),
        ("next Tuesday", (date(2026, 12, 1),)),
        ("next Monday", (date(2026, 11, 30),)),
        ("Mon 4 Dec", (date(2026, 12, 4), date(2026, 11, 30))),
        ("3/4", (date(2027, 4, 3),)),
        ("24 Nov", (TODAY,)),
        ("23 Nov", (date(2027, 11, 23),)),
        ("the 31st", (date(2026, 12, 31),)),
        ("29 Feb 2027", ()),
        ("12", ()),
        ("12:30", ()),
        ("5 am", ()),
        ("25Dec", (date(2026, 12, 25),)),
        ("Wensday 2nd decemba", (date(2026, 12, 2),)),
        ("Thursday week", (date(2026, 12, 3),)),
        ("6 weeks", (date(2027, 1, 5),)),
    ],
)
def test_a_day_is_read_day_first_and_two_that_may_be_meant_are_two(typed: str, days: tuple[date, ...]) -> None:
    assert read_days(typed, TODAY) == days


@settings(max_examples=1500, deadline=None)
@given(TEXT, st.dates(date(2026, 1, 1), date(2030, 12, 31)))
def test_any_text_is_a_number_or_not_and_a_day_or_not(typed: str, today: date) -> None:
    assert isinstance(in_figures(typed), str)
    assert len(read_days(typed, today)) <= 2


def test_of_two_days_neither_is_taken() -> None:
    chat = Chat(member()).says("NEW Box; five thousand; weekly; five turns; next Friday; join order")
    chat.sees('"next Friday"', "Fri 27 Nov", "Fri 4 Dec").says("Fri 4 Dec").says("join order")
    assert [type(command) for command in chat.step.commands] == [c.NewCircle]


def test_numbers_in_words_are_taken_in_lines_too() -> None:
    Chat(member()).says("PAY five grand cash").does(c.BeginThrow(CODE, 500_000, "CASH"))
    Chat(banker()).says("CASH Devon five thousand").does(c.RecordCash(CODE, "Devon", 500_000))
    Chat(banker(CircleState.OPEN)).says("JOIN K7QX2M two hands").does(c.LookAtTerms(CODE, 4))
