"""What fits a plain SMS and what becomes of the rest."""
# ruff: noqa: RUF001 - look-alike characters are the subject

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gsm7 import BASIC, EXTENSION, GSM7, LONGEST_SMS, is_gsm7, segments, septets, to_gsm7

gsm7_text = st.text(sorted(GSM7), max_size=400)
any_text = st.text(max_size=60) | st.text("Devon’s ½ hand – 🎉👍🏾é²\u200d\u00a0.", max_size=60)


def test_the_alphabet_is_the_standard_one() -> None:
    """3GPP TS 23.038: 128 places less the escape, and nine extension characters besides the form feed."""
    assert len(BASIC) == 127
    assert len(EXTENSION) == 9
    assert not BASIC & EXTENSION


@pytest.mark.parametrize(
    "text", ["J$5,000 from Devon.", "éèùìòñüäöåøæßÇÑ£¥¡¿§", "a\nb\r", "^{}\\[~]|€", "ΔΦΓΛΩΠΨΣΘΞ", ""]
)
def test_gsm7_text_is_known(text: str) -> None:
    assert is_gsm7(text)


@pytest.mark.parametrize("char", ["á", "ç", "’", "–", "…", "\u00a0", "`", "\t", "\x1b", "🎉", "°"])
def test_one_character_outside_is_noticed(char: str) -> None:
    assert not is_gsm7(f"J$5,000{char}")
    with pytest.raises(ValueError, match="GSM-7"):
        septets(char)


@given(st.text("a^", min_size=150, max_size=320))
def test_what_a_message_of_ours_may_take_is_two_segments_wherever_a_sign_of_two_septets_falls(text: str) -> None:
    assert septets(text) > LONGEST_SMS or segments(text) <= 2


def test_a_sign_of_two_septets_at_the_border_does_not_cost_a_third_segment() -> None:
    at_the_border = "a" * 152 + "^" + "a" * 152
    assert septets(at_the_border) == 306
    assert segments(at_the_border) == 3
    assert septets(at_the_border) > LONGEST_SMS


def test_extension_characters_count_two() -> None:
    assert septets("abc") == 3
    assert septets("[a] €5") == 9


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("a" + "€" * 152, 2),
        ("á" * 70, 1),
        ("á" * 71, 2),
        ("á" * 134, 2),
        ("á" * 135, 3),
        ("🎉" * 35, 1),
        ("🎉" * 36, 2),
        ("🎉" * 66, 2),
        ("🎉" * 67, 3),
        ("a" * 69 + "🎉", 2),
    ],
)
def test_segments_are_counted_as_a_carrier_does(text: str, count: int) -> None:
    """A part holds 153 septets or 67 units, never half a character: 76 euro signs go in each."""
    assert segments(text) == count


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Devon’s draw”", '"Devon\'s draw"'),
        ("Sunday–Monday — wait…", "Sunday-Monday - wait..."),
        ("J$5,000\u00a0due", "J$5,000 due"),
        ("José, Zoë, François", "José, Zoe, Francois"),
        ("María Ñandú", "Maria Ñandu"),
        ("e\u0301 and a\u0301", "é and a"),
        ("Łukasz Œuvre Þór", "Lukasz OEuvre Thor"),
        ("Paid 🎉", "Paid"),
        ("🎉 Paid", "Paid"),
        ("Paid 🎉 in full", "Paid in full"),
        ("Paid 🎉, Devon", "Paid, Devon"),
        ("Paid🎉in", "Paid in"),
        ("Big up 👍🏾👨‍👩‍👧 yuh", "Big up yuh"),
        ("1️⃣ PAY", "1 PAY"),
        ("🇯🇲 Club", "Club"),
        ("One 🎉\nTwo", "One\nTwo"),
        ("2½ hands", "2 1/2 hands"),
        ("10² ①", "10 2 1"),
        ("5 ≥ 3 → ok", "5 >= 3 -> ok"),
        ("５０００", "5000"),
        ("tab\there", "tab here"),
        ("line\u2028line", "line\nline"),
        ("zero\u200bwidth\u200e", "zerowidth"),
        ("null\x00", "null"),
        ("Привет", "??????"),
        ("한", "?"),
        ("20°", "20?"),
        ("\ud83d", "?"),
        ("🎉🎉", ""),
    ],
)
def test_text_becomes_plain_without_changing_its_meaning(text: str, plain: str) -> None:
    assert to_gsm7(text) == plain


@given(any_text)
def test_the_result_is_always_gsm7_and_stays_itself(text: str) -> None:
    plain = to_gsm7(text)
    assert is_gsm7(plain)
    assert to_gsm7(plain) == plain


@given(gsm7_text)
def test_gsm7_text_is_left_alone(text: str) -> None:
    assert to_gsm7(text) == text
    assert segments(text) >= -(-septets(text) // 160)
    assert segments(text) <= -(-septets(text) // 152)
