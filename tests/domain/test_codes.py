"""Codes that people read out and type."""

import re
import secrets
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversations.vocabulary import WORDS
from domain.codes import (
    ALPHABET,
    BOT_WORDS,
    circle_code,
    looks_like_circle_code,
    normalise_code,
    payout_ref,
    receipt_code,
    ticket_ref,
)

CONTRACT_WORDS = """
    MENU HELP BACK AGENT JOIN HALF AGREE PAY CARD NCB SCOTIA LYNK CASH BALANCE CIRCLES DRAW
    STATEMENT WHY PROOF RECEIVED NOT CONFIRM DENY TRN VERIFY PAYOUT PIN LINK LANGUAGE EN PATWA SCORE
    VOTE YES NO WORD SWAP SUBSTITUTE LEAVE COMPLAIN EXPORT FORGET UNLINK STOP START NEW INVITE
    ROSTER APPROVE ALL ORDER LOTTERY LOCK BEGIN REMIND WAIVE OUT TERMS COVER SUSPEND RESUME CLOSE
    DEPUTY TREASURER QUEUE KYC OK CASE FREEZE UNFREEZE LIMIT REFUND MATCH RATE REPORT STATS
    DASHBOARD BROADCAST WEEKLY FORTNIGHTLY MONTHLY JMD USD
""".split()  # noqa: SIM905 - a list of words reads better in one piece
ALL_WORDS = sorted({*CONTRACT_WORDS, *(part for word in WORDS for part in word.split())})
code_text = st.text(ALPHABET, min_size=6, max_size=6)


def letters(*wanted: str) -> Callable[[int], int]:
    """A source of chance that spells the wanted codes one after the other."""
    indices = iter([ALPHABET.index(char) for code in wanted for char in code])
    return lambda _below: next(indices)


@pytest.mark.parametrize("make", [circle_code, receipt_code, payout_ref, ticket_ref])
def test_a_fresh_code_reads_back_as_itself(make: Callable[[Callable[[int], int]], str]) -> None:
    for _ in range(200):
        code = make(secrets.randbelow)
        assert normalise_code(f" {code.lower()}\n") == code


def test_codes_have_the_shapes_of_the_contract() -> None:
    assert re.fullmatch(rf"[{ALPHABET}]{{6}}", circle_code(secrets.randbelow))
    assert receipt_code(letters("7K2MQ9XA")) == "R-7K2MQ9XA"
    assert payout_ref(letters("7K2M")) == "P-7K2M"
    assert ticket_ref(letters("7Q2M")) == "K-7Q2M"
    assert not set("ILO01") & set(ALPHABET)


def test_a_circle_code_is_drawn_again_until_it_has_a_digit_and_no_word_in_front() -> None:
    assert circle_code(letters("BANKER", "PAY255", "CASH99", "234567", "7BANKS")) == "7BANKS"


def test_the_whole_alphabet_is_asked_of_the_source() -> None:
    asked: list[int] = []
    drawn = iter([30, 0, 30, 0, 30, 0])

    def source(below: int) -> int:
        asked.append(below)
        return next(drawn)

    assert circle_code(source) == "9A9A9A"
    assert asked == [31] * 6


@pytest.mark.parametrize("word", ALL_WORDS)
def test_no_word_of_the_bot_looks_like_a_circle(word: str) -> None:
    assert not looks_like_circle_code(word)
    assert not looks_like_circle_code(word.lower())


def test_every_short_word_that_the_alphabet_spells_is_kept_out_of_codes() -> None:
    spelt = {word for word in ALL_WORDS if 3 <= len(word) <= 5 and set(word) <= set(ALPHABET)}
    assert spelt == BOT_WORDS


@pytest.mark.parametrize("slip", ["PAY255", "draw24", "CASH99", "SWAP23"])
def test_a_word_run_into_its_number_is_not_a_circle(slip: str) -> None:
    assert not looks_like_circle_code(slip)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("7kq2mx", "7KQ2MX"),
        (" 7KQ2MX ", "7KQ2MX"),
        ("７ＫＱ２ＭＸ", "7KQ2MX"),  # noqa: RUF001 - a full-width keyboard
        ("r-7k2mq9xa", "R-7K2MQ9XA"),
        ("R7K2MQ9XA", "R-7K2MQ9XA"),
        ("R 7K2MQ9XA", "R-7K2MQ9XA"),
        ("R\u20137K2MQ9XA", "R-7K2MQ9XA"),
        ("p7k2m", "P-7K2M"),
        ("K\u20117Q2M", "K-7Q2M"),
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str, code: str) -> None:
    assert normalise_code(typed) == code


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            "7KQ2M",
            "7KQ2MXX",
            "OKQ2MX",
            "0KQ2MX",
            "1KQ2MX",
            "lKQ2MX",
            "7KQ 2MX",
            "7KQ2MÉ",
            "7KQ2ß",
            "BANKER",
        ),
        *("R-7K2M", "P-7K2MQ9XA", "X-7K2M", "P--7K2M", "P-7K2O", "🎉", "7KQ2MX\n7KQ2MX", "A" * 4000),
    ],
)
def test_what_is_no_code_is_never_guessed_at(typed: str) -> None:
    assert normalise_code(typed) is None
    assert not looks_like_circle_code(typed)


def test_a_reference_is_not_a_circle() -> None:
    assert not looks_like_circle_code("P-7K2M")
    assert not looks_like_circle_code("R-7K2MQ9XA")
    assert looks_like_circle_code("7kq2mx")


@given(code_text)
def test_a_drawn_code_is_exactly_what_is_recognised(text: str) -> None:
    """What the reader refuses is never drawn, and the other way round."""
    assert (circle_code(letters(text, "9A9A9A")) == text) == looks_like_circle_code(text)


@given(st.text(max_size=12))
def test_any_text_is_a_code_or_none_and_a_code_stays_itself(text: str) -> None:
    code = normalise_code(text)
    assert code is None or normalise_code(code) == code
