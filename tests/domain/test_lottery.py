"""The lottery of the draw order (rules.md 12, 13, 15)."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from itertools import permutations
from pathlib import Path
from types import MappingProxyType, ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lottery import Published, _below, draw_order, faults, hash_seed, hash_words, read_messages, read_word

SEED = bytes(range(32))


def test_what_is_published_of_seed_and_words_is_plain_sha_256() -> None:  # rule 13
    assert hash_seed(SEED) == hashlib.sha256(SEED).hexdigest()
    assert hash_words({2: "", 1: "mango", 10: "sea"}) == hashlib.sha256(b"1:mango\n2:\n10:sea\n").hexdigest()


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("Mango", "mango"),
        (" SEA ", "sea"),
        ("sea7", ""),
        ("a", ""),
        ("1234", ""),
        ("two words", ""),
        ("x" * 13, ""),
        ("naïve", ""),
    ],
)
def test_a_word_is_short_and_plain(typed: str, word: str) -> None:
    assert read_word(typed) == word


@given(st.binary(min_size=32, max_size=32), st.integers(2, 50), st.data())
def test_every_hand_gets_one_turn_and_who_must_wait_does(seed: bytes, hands: int, data: st.DataObject) -> None:
    waiting = data.draw(st.sets(st.integers(1, hands)))
    order = draw_order("K7QX2M", seed, hash_words({1: "a"}), hands, waiting)
    assert sorted(order) == list(range(1, hands + 1))
    early = order[: hands // 3]
    free = hands - len(waiting)
    assert sum(hand in waiting for hand in early) == max(0, hands // 3 - free)  # rule 15
    assert all(hand not in waiting for hand in early[:free])


@given(st.binary(min_size=32, max_size=32), st.integers(2, 50), st.data())
def test_with_tiers_each_is_drawn_out_before_the_next_begins(seed: bytes, hands: int, data: st.DataObject) -> None:
    tiers = {hand: data.draw(st.integers(1, 3)) for hand in range(1, hands + 1)}
    waiting = {hand for hand in tiers if tiers[hand] == 3 and data.draw(st.booleans())}
    order = draw_order("K7QX2M", seed, hash_words({1: "a"}), hands, waiting, tiers=tiers)
    assert sorted(order) == list(range(1, hands + 1))
    assert [tiers[hand] for hand in order] == sorted(tiers.values())  # rule 12
    free = hands - len(waiting)
    assert all(hand not in waiting for hand in order[: hands // 3][:free])  # rule 15


def test_within_a_tier_each_order_is_as_likely_as_any_other() -> None:
    """Chi-square over the 6 x 2 orders of three hands and two: 11 degrees of freedom, 31.3 once in a thousand times."""
    tiers = {1: 1, 2: 2, 3: 1, 4: 2, 5: 1}
    draws = 24_000
    seen = Counter(draw_order("K7QX2M", n.to_bytes(32), "", 5, (), tiers=tiers) for n in range(draws))
    every = [first + second for first in permutations((1, 3, 5)) for second in permutations((2, 4))]
    assert sum((seen[order] - draws / 12) ** 2 / (draws / 12) for order in every) < 31.3


def test_one_word_more_or_another_circle_is_another_order() -> None:
    plain = draw_order("K7QX2M", SEED, hash_words({1: "mango", 2: ""}), 20, ())
    assert plain == draw_order("K7QX2M", SEED, hash_words({2: "", 1: "mango"}), 20, ())
    assert plain != draw_order("K7QX2M", SEED, hash_words({1: "mango", 2: "sea"}), 20, ())
    assert plain != draw_order("K7QX2N", SEED, hash_words({1: "mango", 2: ""}), 20, ())


def test_each_order_is_as_likely_as_any_other_over_100_000_draws() -> None:
    """Chi-square over the 24 orders of four hands: 23 degrees of freedom, 49.7 is passed once in a thousand times.

    The draws are the same in each run, so this never fails by chance.
    """
    draws = 100_000
    seen = Counter(draw_order("K7QX2M", n.to_bytes(32), "", 4, ()) for n in range(draws))
    expected = draws / 24
    assert sum((seen[order] - expected) ** 2 / expected for order in permutations((1, 2, 3, 4))) < 49.7


def test_no_remainder_is_preferred() -> None:
    """Of 2^64 numbers those above the last whole multiple are drawn again: seen with a stream that begins with one."""
    assert _below(3, iter([2**64 - 1, 7])) == 1
    assert _below(2, iter([2**64 - 1])) == 1


CHAT = f"""
[24/11/2026, 10:02] Digital Pardna: LOTTERY K7QX2M for Sunday Club. Words until 6 PM on Wed 25 Nov 2026.
SEED HASH {hash_seed(SEED)}
HANDS
#1 Marva
#2 Devon*
#3 Keisha (2)
[24/11/2026, 10:03] Me: WORD mango
[24/11/2026, 10:03] Digital Pardna: Your word is mango.
Sunday Club: all words are in.
WORDS HASH {hash_words({1: "mango", 2: "", 3: "sea"})}
[25/11/2026, 18:01] Digital Pardna: Sunday Club has its draw order.
SEED {SEED.hex()}
WORDS
#1 mango
#2 -
#3 sea
ORDER
"""
ORDER = draw_order("K7QX2M", SEED, hash_words({1: "mango", 2: "", 3: "sea"}), 3, {2})


def chat(order: tuple[int, ...] = ORDER, changes: Mapping[str, str] = MappingProxyType({})) -> Published:
    said = CHAT + "\n".join(f"{turn} Name #{hand}" for turn, hand in enumerate(order, 1))
    for old, new in changes.items():
        said = said.replace(old, new)
    return read_messages(said)


def test_the_messages_of_a_chat_are_enough_to_prove_the_order() -> None:  # rule 13
    told = chat()
    assert told.hands == {1: False, 2: True, 3: False}
    assert told.words == {1: "mango", 2: "", 3: "sea"}
    assert faults(told) == ()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({SEED.hex(): bytes(32).hex()}, "SEED is not"),
        ({"#1 mango\n": "#1 melon\n"}, "WORDS are not"),
        ({"#2 Devon*": "#2 Devon", "SEED HASH": "SEED  HASH"}, "not found in the messages: SEED HASH"),
        ({"#2 Devon*\n": ""}, "gaps"),
        ({"ORDER": "order"}, "not found in the messages: ORDER"),
    ],
)
def test_what_was_changed_is_named(changes: dict[str, str], fault: str) -> None:
    assert fault in faults(chat(changes=changes))[0]


def test_a_lottery_by_trust_is_proved_by_its_tiers() -> None:  # rule 12
    tiers = {"#1 Marva": "#1 Marva tier 2", "#2 Devon*": "#2 Devon tier 3*", "#3 Keisha (2)": "#3 Keisha (2) tier 1"}
    told = chat((3, 1, 2), tiers)
    assert told.tiers == {1: 2, 2: 3, 3: 1}
    assert told.hands == {1: False, 2: True, 3: False}
    assert faults(told) == ()
    assert "ORDER is not" in faults(chat((1, 3, 2), tiers))[0]
    del tiers["#1 Marva"]
    assert "no tier" in faults(chat((3, 1, 2), tiers))[0]


def test_a_member_may_be_called_like_a_heading() -> None:
    assert faults(chat(changes={"#1 Marva": "#1 ORDER", "#2 Devon*": "#2 WORDS*"})) == ()


def test_another_order_is_found_out() -> None:
    assert "ORDER is not" in faults(chat(order=ORDER[::-1]))[0]


def script() -> ModuleType:
    """Load the stand-alone script, which nothing of ours imports."""
    spec = spec_from_file_location("lottery_alone", Path(__file__).parents[2] / "docs" / "lottery.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ALONE = script()


@given(st.binary(min_size=32, max_size=32), st.integers(2, 50), st.data())
def test_the_script_that_stands_alone_says_the_same(seed: bytes, hands: int, data: st.DataObject) -> None:
    waiting = data.draw(st.sets(st.integers(1, hands)))
    hashed = hash_words({1: data.draw(st.text("abc", max_size=3))})
    tiers = {hand: data.draw(st.integers(1, 3)) for hand in range(1, hands + 1)} if data.draw(st.booleans()) else {}
    theirs = ALONE.order("K7QX2M", seed, hashed, {hand: hand in waiting for hand in range(1, hands + 1)}, tiers)
    assert tuple(theirs) == draw_order("K7QX2M", seed, hashed, hands, waiting, tiers=tiers)


@pytest.mark.parametrize(
    ("hands", "waiting", "tiers", "order"),
    [
        (3, (2,), "", "3 2 1"),
        (12, (), "", "12 2 9 7 4 8 1 5 3 11 6 10"),
        (12, (2, 3, 5, 7, 11), "", "1 6 9 8 4 10 2 5 3 12 7 11"),
        (12, (), "231123213212", "4 3 8 11 10 5 1 7 12 9 6 2"),
        (6, (2, 5), "333333", "3 1 5 2 4 6"),
    ],
)
def test_the_vectors_that_are_published_are_right(hands: int, waiting: tuple[int, ...], tiers: str, order: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "lottery.md").read_text(encoding="utf-8")
    hashed = hash_words({1: "mango", 2: "", 3: "sea"})
    assert f" | {order} |" in page
    assert SEED.hex() in page
    assert hashed in page
    assert hash_seed(SEED) in page
    by_hand = {hand: int(tier) for hand, tier in enumerate(tiers, start=1)}
    assert draw_order("K7QX2M", SEED, hashed, hands, waiting, tiers=by_hand) == tuple(map(int, order.split()))
