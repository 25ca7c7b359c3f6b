"""PINs and account holders, by themselves (rules 34, 54)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.people import FOR_EVER, Freeze, parties_of, same_holder
from domain.pins import GOOD_FOR, LOCK_LASTS, LONGEST_LOCK, MOST_TRIES, Pin, StepUp, is_too_easy, read_pin

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "holder"),
    [
        ("Marva Brown", "MARVA BROWN"),
        ("Marva Brown", "BROWN, Marva A."),
        ("Marva Ann Brown", "Marva A Brown"),
        ("Marva Brown", "Mrs. Marva Brown"),
        ("Marva Brown", "Marva Brown-Green"),
        ("André Wright", "ANDRE WRIGHT"),
        ("Marva O'Neil", "Marva ONeil"),
        ("Carlton Clarke", "Carlton Clrake"),
        ("Carlton Clarke", "Carlton Clake"),
        ("Carlton Clake", "Carlton Clarke"),
        ("Carlton Clarke", "Carlton Clerke"),
        ("Miss Clerk", "Miss Clerk"),
        ("Marva", "marva"),
    ],
)
def test_the_same_person_however_a_bank_writes_it(name: str, holder: str) -> None:
    assert same_holder(name, holder)
    assert same_holder(holder, name)


@pytest.mark.parametrize(
    ("name", "holder"),
    [
        ("Marva Brown", "Devon Brown"),
        ("Marva Brown", "M Brown"),
        ("Marva Brown", "Marva"),
        ("Marva", "Marva Brown"),
        ("Marva Brown", "Marvin Brown"),
        ("Joan Brown", "John Brown"),
        ("Denise Reid", "Denis Reid"),
        ("Carlton Clarke", "Carltan Clrake"),
        ("Marva Brown", "Marva Brown and Devon Clarke"),
        ("Marva Brown", "Marva Brown / Devon Brown"),
        ("Marva Brown", "Marva Brown Devon Andre Clarke"),
        ("Marva Brown", ""),
        ("", ""),
        ("Mr Dr", "Dr Rev"),
        ("Marva Marva", "Marva Brown"),
    ],
)
def test_what_is_not_clearly_the_same_is_for_staff(name: str, holder: str) -> None:
    assert not same_holder(name, holder)


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_two_names_compare_alike_both_ways(one: str, other: str) -> None:
    assert same_holder(one, other) in {True, False}


def test_the_fifth_wrong_try_locks_and_the_next_lock_is_longer_up_to_a_day() -> None:
    pin, at, lasted = Pin("marva", "hash", NOW), NOW, []
    for _ in range(9):
        for _ in range(MOST_TRIES):
            assert not pin.is_locked(at)
            pin = pin.after_wrong(at)
        assert pin.is_locked(at)
        assert pin.locked_until is not None
        lasted.append(pin.locked_until - at)
        at = pin.locked_until
    assert lasted[:3] == [LOCK_LASTS, 2 * LOCK_LASTS, 4 * LOCK_LASTS]
    assert lasted[-1] == LONGEST_LOCK
    assert pin.after_right().after_wrong(at).tries == 1
    assert pin.after_right().locks == 0


def test_a_pin_is_fresh_for_ten_minutes_for_its_person_and_not_after_a_change() -> None:
    pin, here = Pin("marva", "hash", NOW), StepUp("sms:+18765550101", "marva", NOW)
    assert here.is_fresh(pin, NOW + GOOD_FOR - timedelta(seconds=1))
    assert not here.is_fresh(pin, NOW + GOOD_FOR)
    assert not here.is_fresh(Pin("devon", "hash", NOW), NOW)
    assert not here.is_fresh(Pin("marva", "hash", NOW + timedelta(seconds=1)), NOW + timedelta(seconds=2))
    assert not StepUp("sms:+18765550101", "marva").is_fresh(pin, NOW)


@pytest.mark.parametrize(
    ("typed", "pin"), [("4826", "4826"), ("48 26-19", "482619"), ("123", ""), ("1234567", ""), ("48a6", "")]
)
def test_a_pin_is_four_to_six_figures(typed: str, pin: str) -> None:
    assert read_pin(typed) == pin


@pytest.mark.parametrize("pin", ["0000", "1212", "123123", "4321", "8901", "1975", "2008", "0101", "555789"])
def test_what_a_stranger_would_try_first_is_refused(pin: str) -> None:
    assert is_too_easy(pin, "+18765550101", "789")


@pytest.mark.parametrize("pin", ["4826", "73951", "480263"])
def test_other_figures_are_taken(pin: str) -> None:
    assert not is_too_easy(pin, "+18765550101", "789")
    assert not is_too_easy(pin, "5550103", "")


def test_a_freeze_ends_by_itself_or_by_staff() -> None:
    assert Freeze("marva").lasts_until(NOW) is None
    assert Freeze("marva", NOW + GOOD_FOR).lasts_until(NOW) == NOW + GOOD_FOR
    assert Freeze("marva", NOW).lasts_until(NOW) is None
    assert Freeze("marva", NOW, held=True).lasts_until(NOW) == FOR_EVER


def test_figures_alone_may_be_a_chat_or_a_number_of_here() -> None:
    phones = {"sms:+18765550101", "whatsapp:+18765550101"}
    assert parties_of("+18765550101") == phones
    assert parties_of("18765550101") == phones | {"telegram:18765550101"}
    assert parties_of("8765550101") == phones | {"telegram:8765550101"}
    assert parties_of("5550103") == {"telegram:5550103"}
    assert parties_of("Marva") == parties_of("K-7Q2M") == frozenset()
