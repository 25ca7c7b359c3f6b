"""A text is written in the reader's language, its gaps filled in the one form each kind of figure has."""

from datetime import date
from importlib.resources import files

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from bot.telemetry import Metrics
from bot.words.catalogue import Catalogue, money
from bot.words.say import Answer, Say, say, text
from domain.gsm7 import is_gsm7
from domain.messages import Channel, Option, Outgoing
from domain.money import Currency, Money
from domain.people import Language

SITE = "https://pardna.example"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(SITE)


DUE = text("owed_line", circle="Sunday Club", amount=Money(500_000, Currency.JMD), due=date(2027, 1, 22))


def test_money_and_days_read_as_in_the_samples(catalogue: Catalogue) -> None:
    assert catalogue.write(DUE, Language.EN) == "Sunday Club: J$5,000, due Fri 22 Jan"


@pytest.mark.parametrize("language", Language)
def test_figures_are_the_same_in_every_language(catalogue: Catalogue, language: Language) -> None:
    said = catalogue.write(DUE, language)
    assert "J$5,000" in said
    assert "Fri 22 Jan" in said


def test_a_figure_that_is_a_text_is_said_in_the_same_language(catalogue: Catalogue) -> None:
    menu = text("menu_owed", name="Keisha", owed=(DUE, "and more"))
    assert catalogue.write(menu, Language.PATWA) == (
        "Keisha, fi throw:\nSunday Club: J$5,000, due Fri 22 Jan\nand more"
    )


def test_braces_that_a_person_typed_stay_theirs(catalogue: Catalogue) -> None:
    assert '"{site} {0}"' in catalogue.write(text("lost", heard="{site} {0}"), Language.EN)


def test_the_site_is_known_to_every_text(catalogue: Catalogue) -> None:
    assert f"{SITE}/legal/terms" in catalogue.write(text("ask_consent", name="Marva"), Language.PATWA)


def test_a_gap_that_nobody_fills_is_found_out(catalogue: Catalogue) -> None:
    with pytest.raises(KeyError):
        catalogue.write(text("owed_line", circle="Sunday Club"), Language.EN)


def test_a_text_that_a_language_lacks_is_said_in_english_and_counted() -> None:
    metrics = Metrics()
    lacking = Catalogue(SITE, metrics.lacks_text)
    lacking._texts = {Language.EN: lacking._texts[Language.EN], Language.PATWA: {"yes": "Ye"}}
    said = [lacking.write(text(name), Language.PATWA) for name in ("menu", "yes", "no")]
    assert said == ["Menu", "Ye", "No"]
    assert 'pardna_texts_lacking_total{language="pw"} 2.0' in generate_latest(metrics.registry).decode()


@pytest.mark.parametrize("language", Language)
@given(minor=st.integers(-(10**12), 10**12), currency=st.sampled_from(Currency))
def test_what_people_see_of_an_amount_can_be_typed_again(language: Language, minor: int, currency: Currency) -> None:
    """CLDR writes the figure and the house the sign, which is how our own answers are typed."""
    assert money(Money(minor, currency), language) == Money(minor, currency).text()


@pytest.mark.parametrize("language", [one for one in Language if one is not Language.EN])
def test_a_language_that_no_native_speaker_has_reviewed_says_so(language: Language) -> None:
    with files("bot.words").joinpath(f"{language.value}.po").open("rb") as file:
        head = read_po(file)
    assert head.fuzzy
    assert "Not yet reviewed by a native speaker" in head.header_comment


def test_answers_keep_the_line_and_get_a_label(catalogue: Catalogue) -> None:
    asked = say("ask_rail", Answer("CASH", text("rail_cash")), Answer("NCB", "NCB"), amount="J$5,000")
    (message,) = catalogue.render(asked, Language.EN, Channel.TELEGRAM)
    options = (Option("CASH", "Cash to banker"), Option("NCB", "NCB"))
    assert message == Outgoing("How do you throw J$5,000?", options, "Choose")


def test_sms_is_plain_whatever_people_are_called(catalogue: Catalogue) -> None:
    named = Say((text("menu_clear", name="Zoë 🌸 Łukasz"),), (Answer("JOIN", "José’s circle"),))  # noqa: RUF001
    (message,) = catalogue.render(named, Language.EN, Channel.SMS)
    assert message.text == "Zoe Lukasz, you owe nothing today."
    assert message.options[0].label == "José's circle"
    assert is_gsm7(message.options[0].label)
