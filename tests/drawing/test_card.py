"""The picture of a round: the same facts make the same picture, whatever people are called."""

import re
import struct
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bot.drawing.card import card
from bot.drawing.png import png
from bot.words.catalogue import Catalogue
from bot.words.say import Text
from domain.documents import CardFacts
from domain.pardna import ThrowState
from domain.people import Language
from tests.drawing.facts import card_facts

GOLDEN = Path(__file__).parent / "golden"
CATALOGUE = Catalogue("https://pardna.example")
ODD = ("مريم", "שרה", "Zoë Łukasz", "🌸🌸", "Marva (2)", 'O\'Neil-Montgomery-<b>&"Fitzgerald"')


def drawn(facts: CardFacts, language: Language = Language.EN) -> str:
    return card(facts, lambda what: CATALOGUE.write(what, language))


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - ours


@pytest.mark.parametrize("language", Language)
def test_a_round_looks_as_it_did(language: Language) -> None:
    """Golden: look at the picture before taking a new one."""
    assert drawn(card_facts(), language) == (GOLDEN / f"card_{language.value}.svg").read_text(encoding="utf-8")


def test_the_picture_says_who_has_thrown_the_pot_whose_draw_and_the_next_dates() -> None:
    said = words(drawn(card_facts()))
    for part in (
        "Sunday Club", "Round 3 of 5", "J$10,000", "of J$25,000", "2 of 5 hands thrown", "Keisha draws",
        "Fri 15 Jan", "Tue 19 Jan", "1 Marva", "thrown", "thrown in part", "not yet thrown", "late, still counts",
        "4 Andre", "due Fri 22 Jan, draw Tue 26 Jan", "As of Thu 14 Jan",
    ):  # fmt: skip
        assert part in said


def test_a_round_that_is_done_says_what_was_drawn() -> None:
    said = words(drawn(card_facts(states=(ThrowState.PAID,), drawn=2_450_000)))
    assert "Keisha drew J$24,500" in said
    assert "Pot is full" in said
    assert "Throw by" not in said


@pytest.mark.parametrize("hands", [2, 5, 12, 13, 20, 30, 31, 50])
def test_every_hand_is_named_once_with_its_state(hands: int) -> None:
    said = words(drawn(card_facts(hands)))
    turns = [int(found[1]) for line in said if (found := re.fullmatch(r"(\d+) (Marva|Devon|Keisha|Andre|Patsy)", line))]
    ahead = list(range(4, min(hands, 6) + 1))
    assert sorted(turns) == sorted([*range(1, hands + 1), *ahead])


def test_a_state_is_a_sign_and_a_word_and_never_a_colour_alone() -> None:
    """Without any colour the states still differ."""
    shapes = set()
    for state in ThrowState:
        svg = drawn(card_facts(2, states=(state,)))
        (mark,) = set(re.findall(r"<circle r=\"9\"[^>]*/>(<path d=\"[^\"]*\")?", svg))
        shapes.add(mark)
        assert CATALOGUE.write(Text(f"state_{state.value.lower()}"), Language.EN) in words(svg)
    assert len(shapes) == len(ThrowState)


def test_names_in_any_script_and_with_markup_are_only_names() -> None:
    svg = drawn(card_facts(6, circle="🌸 <script>", names=ODD))
    said = words(svg)
    assert "<script" not in svg
    assert "<script>" in said
    assert "Turn 1" in said
    assert "Turn 4" in said
    assert "3 Zoë Łukasz" in said
    assert any(line.startswith("6 O'Neil-Montgomery") and line.endswith("…") for line in said)


def test_a_circle_whose_name_cannot_be_shown_is_called_by_its_code() -> None:
    assert words(drawn(card_facts(circle="🌸🌸")))[0] == "K7QX2M"


def test_no_text_leaves_the_picture() -> None:
    """Whatever is longest everywhere: the right edge of each text is inside."""
    from bot.drawing.fonts import width

    facts = card_facts(50, circle="Wednesday " * 12, names=("Wilhelmina-Montgomery" * 2,))
    weights = {"400": "Regular", "500": "Medium", "700": "Bold"}
    for node in ET.fromstring(drawn(facts)).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314 - ours
        wide = width(node.text or "", float(node.attrib["font-size"]), weights[node.attrib["font-weight"]])
        x = float(node.attrib["x"])
        left = x - wide if node.attrib.get("text-anchor") == "end" else x
        assert left >= 0, node.text
        assert left + wide <= 540, node.text


@pytest.mark.parametrize(("hands", "most"), [(5, 150_000), (20, 150_000), (50, 175_000)])
def test_a_png_is_sharp_light_and_the_same_each_time(hands: int, most: int) -> None:
    svg = drawn(card_facts(hands))
    picture = png(svg)
    assert picture == png(svg)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    wide, high = struct.unpack(">II", picture[16:24])
    assert wide == 1080
    assert wide <= high <= 3 * wide
    assert len(picture) < most
