"""What the code asks for and what the catalogues hold are the same, in both languages."""

import re
from collections import Counter
from importlib.resources import files

import pytest

from bot.words.catalogue import texts_of
from domain.people import Language
from tests.words.said import all_said

GIVEN_TO_ALL = {"site"}


@pytest.mark.parametrize("language", Language)
def test_every_text_the_code_asks_for_is_there(language: Language) -> None:
    texts = texts_of(language)
    assert [f"{said.place}: {said.key}" for said in all_said() if said.key not in texts] == []


@pytest.mark.parametrize("language", Language)
def test_no_text_is_left_that_nobody_says(language: Language) -> None:
    assert set(texts_of(language)) - {said.key for said in all_said()} == set()


@pytest.mark.parametrize("language", Language)
def test_no_text_stands_twice(language: Language) -> None:
    """The later one would silently take the place of the first."""
    source = files("bot.words").joinpath(f"{language.value}.po").read_text()
    named = re.findall(r'^msgid "(.+)"$', source, re.MULTILINE)
    assert [key for key, times in Counter(named).items() if times > 1] == []


def test_every_call_tells_its_figures() -> None:
    """So that the next test reads all of them."""
    assert [said for said in all_said() if said.figures is None] == []


@pytest.mark.parametrize("language", Language)
def test_every_gap_is_filled_at_every_call(language: Language) -> None:
    texts = texts_of(language)
    unfilled = [
        f"{said.place}: {said.key} lacks {', '.join(sorted(gaps))}"
        for said in all_said()
        if (gaps := set(re.findall(r"{(\w+)}", texts[said.key])) - GIVEN_TO_ALL - (said.figures or frozenset()))
    ]
    assert unfilled == []
