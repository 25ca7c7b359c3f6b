"""What is sealed opens only in its place, with its key, unchanged."""

import base64
import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.vault import BadKeys, Unsealable, Vault, new_keys

PLACE = "inbox.body|whatsapp|wamid.1"


def key(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


@given(st.binary(max_size=4_000), st.text(max_size=60))
def test_what_is_sealed_opens_in_its_place(plain: bytes, place: str) -> None:
    vault = Vault.from_keys(new_keys())
    assert vault.open(place, vault.seal(place, plain)) == plain


def test_a_sealed_value_shows_nothing_and_never_twice_the_same() -> None:
    vault = Vault.from_keys(new_keys())
    one, two = vault.seal(PLACE, b"my PIN is 4711"), vault.seal(PLACE, b"my PIN is 4711")
    assert one != two
    assert b"4711" not in one


@pytest.mark.parametrize("at", [0, 1, 2, 5, 20, -1])
def test_one_changed_byte_does_not_open(at: int) -> None:
    vault = Vault.from_keys(new_keys())
    sealed = bytearray(vault.seal(PLACE, b"J$5,000.00"))
    sealed[at] ^= 1
    with pytest.raises(Unsealable):
        vault.open(PLACE, bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x02", b"\x02k1", b"\x02k1" + b"x" * 12, b"\xff" * 40])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Unsealable):
        Vault.from_keys(new_keys()).open(PLACE, sealed)


def test_a_value_moved_to_another_row_does_not_open() -> None:
    vault = Vault.from_keys(new_keys())
    with pytest.raises(Unsealable, match=r"^trn.sealed: "):
        vault.open("trn.sealed|B", vault.seal("trn.sealed|A", b"123456789"))


def test_an_older_key_still_opens_after_a_new_one_was_put_first() -> None:
    old, new, blind = key("k1"), key("k2"), key("blind")
    before, after = Vault.from_keys(f"{old},{blind}"), Vault.from_keys(f"{new},{old},{blind}")
    sealed = before.seal_json(PLACE, {"text": "pay"})
    assert after.open_json(PLACE, sealed) == {"text": "pay"}
    with pytest.raises(Unsealable, match="not in PARDNA_KEYS"):
        before.open(PLACE, after.seal(PLACE, b""))


def test_the_blind_index_finds_a_value_again_and_differs_by_column_and_key() -> None:
    keys = new_keys()
    vault = Vault.from_keys(keys)
    found = vault.blind("trn", "123456789")
    assert found == Vault.from_keys(keys).blind("trn", "123456789")
    assert len({found, vault.blind("phone", "123456789"), vault.blind("trn", "123456788")}) == 3
    assert found != Vault.from_keys(new_keys()).blind("trn", "123456789")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "no encryption key"),
        (key("k1"), "no `blind:` key"),
        (f"k1:AAAA,{key('blind')}", "3 bytes instead of 32"),
        (f"k1:***,{key('blind')}", "not base64"),
        (f"K 1:AAAA,{key('blind')}", "not `id:base64`"),
        (f"k1:{base64.b64encode(bytes(32)).decode()},{key('blind')}", "an example"),
    ],
    ids=["nothing", "no blind key", "too short", "not base64", "not an id", "an example"],
)
def test_a_bad_key_ring_says_what_is_wrong_in_one_line_without_the_key(keys: str, said: str) -> None:
    with pytest.raises(BadKeys, match=said) as caught:
        Vault.from_keys(keys)
    message = str(caught.value)
    assert "\n" not in message
    assert not any(part.split(":")[1] in message for part in keys.split(",") if len(part) > 20)


def test_the_development_keys_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    sealed = Vault.development(home).seal(PLACE, b"kept")
    assert Vault.development(home).open(PLACE, sealed) == b"kept"
    assert stat.S_IMODE((home / "keys").stat().st_mode) == 0o600
    assert [file.name for file in home.iterdir()] == ["keys"]


def test_the_vault_does_not_print_its_keys() -> None:
    keys = new_keys()
    vault = Vault.from_keys(keys)
    assert not any(part.split(":")[1] in f"{vault!r} {vars(vault)}" for part in keys.split(","))


def test_a_small_body_is_sealed_within_microseconds() -> None:
    vault, body = Vault.from_keys(new_keys()), b"x" * 200
    best = min(_seconds_for(vault, body) for _ in range(5))
    assert best / 1_000 < 20e-6


def _seconds_for(vault: Vault, body: bytes) -> float:
    start = time.perf_counter()
    for _ in range(1_000):
        vault.seal(PLACE, body)
    return time.perf_counter() - start
