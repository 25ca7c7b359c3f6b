"""The forms for WhatsApp: each would be approved, each can be filled, and Meta takes what is filled."""

import json
from datetime import date

import pytest

from bot.templates import exported, forms, template_of
from bot.words.catalogue import Catalogue
from bot.words.say import Answer, Figure, Say, Text, say, text
from channels.chat.whatsapp.payload import payload_of
from domain.messages import Outgoing
from domain.money import Currency, Money
from domain.people import Language
from tests.standins import GraphStandin, RefusedError, _graph_message
from tests.teller import SITE
from tests.words.test_texts import OTHERWISE, TYPICAL

CATALOGUE = Catalogue(SITE)
FIVE = Money(500_000, Currency.JMD)


def heard(what: Say, language: Language = Language.EN) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a person sees of a notice that goes as a template."""
    graph = GraphStandin()
    graph.approve(exported())
    template = template_of(what, language, CATALOGUE)
    payload = payload_of("+18765550101", Outgoing("unseen", template=template))
    return _graph_message(json.loads(json.dumps(payload)), graph.templates)


def test_meta_would_review_every_form() -> None:
    GraphStandin().approve(exported())
    assert len({shape["name"] for shape in exported()}) == len(exported())


def test_the_stand_in_turns_down_what_meta_turns_down() -> None:
    good = next(shape for shape in exported() if shape["name"].startswith("remind_soon_en"))
    for body in (
        "{{1}} is due, and {{2}} too, by the day",
        "It is due: {{1}}.",
        "There is {{1}} {{2}} for you now to see",
    ):
        bad = {**good, "components": [{"type": "BODY", "text": body, "example": {"body_text": [["a", "b"]]}}]}
        with pytest.raises(RefusedError):
            GraphStandin().approve([bad])


def test_a_reminder_says_what_it_would_have_said_and_its_button_pays() -> None:
    figures: dict[str, Figure] = {
        "circle": "Sunday Club",
        "amount": FIVE,
        "due": date(2026, 12, 6),
        "round": 3,
        "who": "Devon",
    }
    said, options = heard(say("remind_soon", Answer("PAY", text("menu_pay")), **figures))
    assert said == (
        "Digital Pardna: Sunday Club: J$5,000 is due Sun 6 Dec (round 3, Devon's draw). Reply PAY to throw now.\n"
        "MENU shows more."
    )
    assert options == (("PAY", "Pay"),)


def test_what_has_no_form_is_news() -> None:
    assert heard(say("trn_ok", last3="789"))[0].startswith("Digital Pardna: there is news for you")


def test_what_lacks_a_value_or_an_answer_is_news() -> None:
    """Meta refuses an empty value and a button that does nothing."""
    receipt: dict[str, Figure] = {
        "who": "Devon",
        "circle": "Sunday Club",
        "round": 5,
        "turns": 5,
        "receipt": "R-7K2MQ9XA",
    }
    sums: dict[str, Figure] = {"amount": FIVE, "pot": FIVE, "gross": FIVE}
    assert "there is news" in heard(say("receipt", next="", **receipt, **sums))[0]
    assert "there is news" in heard(say("cash_claimed", who="D", amount=FIVE, circle="C", ref="R"))[0]


def test_only_what_says_everything_is_whole() -> None:
    figures: dict[str, Figure] = {
        "circle": "Sunday Club",
        "amount": FIVE,
        "round": 3,
        "turns": 5,
        "due": date(2026, 12, 6),
        "who": "D",
        "code": "K7QX2M",
        "mark": "K7QX-2M9P",
    }
    one = say("round_opened", Answer("PAY K7QX2M", text("menu_pay")), **figures)
    assert template_of(one, Language.EN, CATALOGUE).whole
    two = Say((*one.texts, text("credit_used", used=FIVE)), one.answers)
    assert not template_of(two, Language.EN, CATALOGUE).whole
    assert not template_of(say("trn_ok", last3="789"), Language.EN, CATALOGUE).whole


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("of", forms(Language.EN))
def test_every_form_can_be_filled_with_long_figures(of: str, language: Language) -> None:
    form = forms(language)[of]
    figures = {**TYPICAL, **OTHERWISE.get(of, {})}
    answers = tuple(Answer("X" * 64, text(label)) for label in form.buttons)
    said, options = heard(
        Say((Text(of, {name: figures[name] for gap in form.gaps for name in gap}),), answers), language
    )
    assert "news" not in said or of == "template_news"
    assert [label for _, label in options] == list(form.labels)


def test_a_changed_text_is_another_form() -> None:
    """Its name ends in a mark of its words, so that an old yes of Meta's never covers new ones."""
    marks = {form.name.rpartition("_")[2] for form in forms(Language.EN).values()}
    assert len(marks) == len(forms(Language.EN))
    assert not marks & {form.name.rpartition("_")[2] for form in forms(Language.PATWA).values()}
