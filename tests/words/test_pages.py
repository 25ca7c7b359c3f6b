"""What is too long for an SMS goes out as several, and nothing of it is lost."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.words.catalogue import Catalogue
from bot.words.pages import sms_pages
from bot.words.say import Answer, Say, text
from domain.gsm7 import BASIC, GSM7, LONGEST_SMS, is_gsm7, septets, to_gsm7
from domain.messages import Channel, Option, Outgoing, numbered
from domain.people import Language

ANY_TEXT = st.text(max_size=900) | st.text(alphabet=sorted(GSM7), min_size=200, max_size=1500)
SENTENCES = st.lists(
    st.lists(st.text(alphabet="abcdefgh 5$,", min_size=1, max_size=40), min_size=1, max_size=12).map(" ".join),
    max_size=20,
).map(". ".join)
LINES = st.lists(st.text(alphabet="abc def. ", max_size=90), max_size=25).map("\n".join)
LABELS = st.lists(st.text(alphabet=sorted(BASIC - {"\n", "\r"}), max_size=20), max_size=10)


def _message(body: str, labels: list[str]) -> Outgoing:
    options = tuple(Option(f"ID {number}", label) for number, label in enumerate(labels))
    return Outgoing(body, options, "Choose" if options else "")


@given(ANY_TEXT | SENTENCES | LINES, LABELS)
@example("x" * 400, ["Yes", "No"])
@example("€" * 400, ["y" * 20] * 10)
@example(" " * 700, [])
@example("word " * 61 + ".", ["Yes"])
@example("\n" * 400 + "end", ["Yes"])
def test_every_page_fits_and_nothing_is_lost(body: str, labels: list[str]) -> None:
    pages = sms_pages(_message(body, labels))
    assert all(septets(numbered(page)) <= LONGEST_SMS for page in pages)
    assert "".join("".join(page.text for page in pages).split()) == "".join(to_gsm7(body).split())
    assert [option.label for option in pages[-1].options] == labels
    assert not any(page.options for page in pages[:-1])


@given(st.lists(st.text(alphabet="abcdefghij", min_size=1, max_size=12), max_size=300))
def test_no_word_is_cut(words: list[str]) -> None:
    pages = sms_pages(_message(" ".join(words), ["Yes", "No"]))
    assert [word for page in pages for word in page.text.split()] == words


@given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=10))
def test_answers_of_any_length_fit(body: str, labels: list[str]) -> None:
    """Names of circles and people may be longer than a label of ours: they are cut short rather than the list."""
    pages = sms_pages(_message(body, labels))
    assert all(is_gsm7(numbered(page)) and septets(numbered(page)) <= LONGEST_SMS for page in pages)
    shown = [option.label for option in pages[-1].options]
    assert all(to_gsm7(label).startswith(start) for label, start in zip(labels, shown, strict=True))
    assert [option.id for option in pages[-1].options] == [f"ID {number}" for number in range(len(labels))]


def test_a_long_word_is_kept_whole_where_it_can_be() -> None:
    link = "https://pardna.example/" + "f" * 280
    assert [page.text for page in sms_pages(_message(f"Pay here: {link}", []))] == ["Pay here:", link]


def test_an_early_line_end_does_not_cost_a_text() -> None:
    pages = sms_pages(_message("Hello\n" + "word " * 100 + "end", []))
    assert len(pages) == 2


def test_what_fits_is_one_text_as_it_is() -> None:
    message = _message("Lock Sunday Club?\n1 Keisha\n2 Devon", ["Yes", "No"])
    assert sms_pages(message) == (message,)


def test_a_list_is_cut_between_its_lines() -> None:
    lines = [f"{number} Alexandrina-Rosemary, still to throw" for number in range(1, 21)]
    pages = sms_pages(_message("\n".join(lines), ["Approve all"]))
    assert [line for page in pages for line in page.text.split("\n")] == lines
    assert len(pages) == 3


def test_the_last_page_keeps_words_beside_its_answers() -> None:
    pages = sms_pages(_message("A hand was thrown today. " * 12 + "Is that right?", ["Confirm", "Not right"]))
    assert pages[-1].text.endswith("Is that right?")


@pytest.mark.parametrize("channel", [Channel.WHATSAPP, Channel.TELEGRAM])
def test_other_channels_get_one_message(channel: Channel) -> None:
    said = Say(tuple(text("help_member") for _ in range(4)), (Answer("MENU", text("menu")),))
    (message,) = Catalogue("https://pardna.example").render(said, Language.EN, channel)
    assert len(message.text) > LONGEST_SMS
    assert message.options == (Option("MENU", "Menu"),)
