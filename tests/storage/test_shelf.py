"""Rows at hand, and what is kept of circles."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.pardna import Due
from storage.shelf import Circles, Shelf, Shelves

numbers = st.integers(1, 3)
dues = st.builds(Due, st.just("ABC234"), round=numbers, hand=numbers, amount=st.just(9), paid=numbers)


def key(due: Due) -> tuple[object, ...]:
    return due.circle, due.round, due.hand


@given(st.lists(st.tuples(dues, st.booleans())), numbers)
def test_a_shelf_finds_what_a_walk_through_its_rows_finds(changes: list[tuple[Due, bool]], wanted: int) -> None:
    """However rows are changed and taken away after the index was made."""
    shelf, model = Shelf(), dict[tuple[object, ...], Due]()
    for due, goes in changes:
        shelf.find(("paid",), (wanted,))
        shelf.find(("round", "hand"), (wanted, wanted))
        shelf.put(key(due), due)
        model[key(due)] = due
        if goes:
            shelf.drop(key(due))
            del model[key(due)]
    rows = [due for _, due in sorted(model.items())]
    assert list(shelf.find((), ())) == rows
    assert list(shelf.find(("paid",), (wanted,))) == [due for due in rows if due.paid == wanted]
    both = [due for due in rows if due.round == due.hand == wanted]
    assert list(shelf.find(("round", "hand"), (wanted, wanted))) == both


def known(rows: int) -> Shelves:
    first = Due("ABC234", 1, 0, 9)
    return {Due: Shelf({(n,): replace(first, hand=n) for n in range(rows)})}


def test_a_circle_of_another_version_is_forgotten() -> None:
    circles = Circles()
    circles.keep("A", 7, known(1))
    assert circles.take("A", 8) is None
    assert circles.take("A", 7) is None


def test_who_takes_a_circle_out_has_it_alone() -> None:
    circles, shelves = Circles(), known(1)
    circles.keep("A", 7, shelves)
    assert circles.take("A", 7) is shelves
    assert circles.take("A", 7) is None


def test_the_circles_not_asked_for_the_longest_make_room() -> None:
    circles = Circles(most_rows=5)
    for code in "ABC":
        circles.keep(code, 1, known(2))
    circles.keep("B", 2, known(2))
    assert [circles.take(code, version) is None for code, version in (("A", 1), ("B", 2), ("C", 1))] == [
        True,
        False,
        False,
    ]
