"""What is hashed, and how (docs/proof.md): its vectors, its tree, and the script that stands alone."""

import hashlib
import importlib.util
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chain import Chain, Line, aliases_in, differs, leaf, mark, path, read_mark, root, shown

DOCS = Path(__file__).parents[2] / "docs"
AT = datetime(2026, 12, 7, 15, 0, tzinfo=UTC)
SALT = bytes(range(32))
ANN = "circle:K7QX2M:credit:ann"
LINES = (
    Line("K7QX2M", AT, "throw:R-7K2MQ9XA", 1, "throw", "JMD", "rail:sandbox:JMD", ANN, 500_000),
    Line("K7QX2M", AT, "throw:R-7K2MQ9XA", 2, "throw", "JMD", ANN, "circle:K7QX2M:pot:1", 500_000),
    Line(
        "K7QX2M",
        AT + timedelta(days=1, microseconds=5),
        "undo|x",
        1,
        "reversal",
        "JMD",
        "circle:K7QX2M:pot:1",
        "circle:K7QX2M:cash",
        700,
        "old",
    ),
)


def standing_alone() -> ModuleType:
    """Return docs/proof.py, which imports nothing of ours."""
    spec = importlib.util.spec_from_file_location("proof_script", DOCS / "proof.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


SCRIPT = standing_alone()


def said(line: Line) -> str:
    return line.text({person: line.alias(person, SALT) for person in line.people})


def test_the_vectors_of_the_page_are_what_we_work_out() -> None:
    page = (DOCS / "proof.md").read_text()
    chain = Chain("K7QX2M")
    assert f"`link(0)` is `{chain.link.hex()}`" in page
    for number, line in enumerate(LINES, start=1):
        text = said(line)
        assert f"| {number} | `{text.replace('|', chr(92) + '|')}` |" in page
        chain.add(leaf(text))
        assert f"`{leaf(text).hex()}`" in page
        assert f"`{chain.root.hex()}`" in page
        assert f"| {number} | head, mark `{shown(mark(chain.head))}` | `{chain.head.hex()}` |" in page
        assert number > 1 or f"`{chain.link.hex()}`" in page


def test_a_person_stands_in_no_text_and_a_round_is_none() -> None:
    assert [line.people for line in LINES] == [("ann",), ("ann",), ()]
    keyed = Line("K7QX2M", AT, "credit:K7QX2M:2:ann", 1, "credit", "JMD", ANN, "circle:K7QX2M:pot:2", 1, "was:ann")
    assert "ann" not in said(keyed)
    assert said(keyed).count(keyed.alias("ann", SALT)) == 3
    assert aliases_in(said(LINES[0])) == {"credit": LINES[0].alias("ann", SALT)}


def test_the_first_field_that_differs_is_named() -> None:
    now = said(LINES[2]).replace("|700|", "|701|").replace("old", "new")
    assert differs(said(LINES[2]), now) == "amount is 701, and 700 was sealed"


def test_two_texts_are_never_one() -> None:
    """A bar within a field is not one between two."""
    one, other = Line("A", AT, "a|1", 1, "b", "JMD", "d", "c", 1), Line("A", AT, "a", 1, "1|b", "JMD", "d", "c", 1)
    assert one.text({}).count("|") == other.text({}).count("|") == 10
    assert "%257C" in Line("A", AT, "a%7C", 1, "b", "JMD", "d", "c", 1).text({})


def simple(leaves: list[bytes]) -> bytes:
    """The tree of RFC 6962 as the RFC writes it."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + simple(leaves[:half]) + simple(leaves[half:])).digest()


@pytest.mark.parametrize("count", [*range(1, 18), 31, 32, 33, 100])
def test_each_line_leads_to_the_root_and_to_no_other(count: int) -> None:
    leaves = [leaf(str(n)) for n in range(count)]
    assert root(leaves) == simple(leaves)
    for index in range(count):
        way = path(leaves, index)
        assert SCRIPT.climb(leaves[index], index, count, way) == root(leaves)
        assert SCRIPT.climb(leaf("x"), index, count, way) != root(leaves)
        assert SCRIPT.climb(leaves[index], index, count, [*way, leaf("x")]) != root(leaves)
    assert SCRIPT.climb(leaves[0], count, count, []) is None


@given(st.lists(st.text(), min_size=1, max_size=40))
def test_the_script_comes_to_the_same_marks(lines: list[str]) -> None:
    ours, theirs = Chain("K7QX2M"), SCRIPT.Chain("K7QX2M")
    for line in lines:
        text = line.encode("utf-8", "replace").decode()
        ours.add(leaf(text))
        theirs.add(SCRIPT.leaf(text))
        assert theirs.mark() == mark(ours.head)


@given(st.binary(min_size=32, max_size=32))
def test_a_mark_is_read_as_people_type_it(head: bytes) -> None:
    made = mark(head)
    assert re.fullmatch(r"[A-HJKMNP-Z2-9]{8}", made)
    for typed in (shown(made), f" {shown(made).lower()} ", shown(made).replace("-", "\u2013")):
        assert read_mark(typed) == made
    assert read_mark(made.lower()) == ("" if made.isalpha() else made)


@pytest.mark.parametrize("typed", ["payments", "PAYMENTS", "K7QX2M", "K7QX-2M9", "K7QX-2M90", "K7Q-X2M9P", ""])
def test_what_is_no_mark_is_not_read_as_one(typed: str) -> None:
    assert read_mark(typed) == ""
