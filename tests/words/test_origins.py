"""Every figure of money in a text to members has an origin, so that WHY can tell where it comes from."""

import re
from collections import Counter

from bot.words.catalogue import texts_of
from bot.words.origins import _SAID, FIGURES, TYPED, UNBOOKED
from domain.money import Money
from domain.people import Language
from domain.why import Of
from tests.words.test_texts import TYPICAL

STAFF_AND_PAGES = ("staff_", "page_", "mail_", "paper_", "why", "match", "refund_asked", "refund_all", "refund_drawn")
"""Texts that members are not told, and what WHY itself says."""
OF_STAFF = frozenset({"refund_more", "refund_taken", "own_too_little", "cash_counted"})
COUNTS = re.compile(
    r"(approve_no_room|approved_left|half_alone|invitation|places_left|queue_more|too_few_left|turns_open)"
    r"\.left|(hands_bounds|no_circle_name|no_seat|no_turns|no_word|score_banker|score_member|too_many_circles)\.most|\w+\.rail|terms\.fee|menu_owed\.owed"
)
"""Gaps of the same name that hold a number or a word. What a rail pays stands in the table."""


def _figures() -> set[str]:
    found = set()
    for key, said in texts_of(Language.EN).items():
        if not key.startswith(STAFF_AND_PAGES) and key not in OF_STAFF:
            gaps = {gap for gap in re.findall(r"{(\w+)}", said) if isinstance(TYPICAL.get(gap), Money) or gap == "most"}
            found |= {f"{key}.{gap}" for gap in gaps}
    return {name for name in found if name in FIGURES or not COUNTS.fullmatch(name)}


def test_each_figure_of_money_told_to_members_has_an_origin_or_a_reason() -> None:
    assert sorted(_figures() - set(FIGURES) - TYPED - UNBOOKED) == []


def test_no_figure_stands_in_the_table_that_no_text_has_and_none_twice() -> None:
    named = Counter(name for names in _SAID.values() for name in names.split())
    assert [name for name, times in named.items() if times > 1] == []
    assert sorted((set(FIGURES) | TYPED | UNBOOKED) - _figures()) == []
    assert set(_SAID) == set(Of)
