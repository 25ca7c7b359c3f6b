"""A message as a mail: the same in text and in HTML, in the reader's language, with a subject and its ending link."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.letters import LONGEST_SUBJECT, Letters, StopLinks, subject_of
from bot.words.catalogue import Catalogue
from domain.messages import Channel, Option, Outgoing
from domain.people import Language
from storage.vault import Vault, new_keys

SITE = "https://pardna.example"
LINKS = StopLinks(Vault.from_keys(new_keys()), SITE)
LETTERS = Letters(Catalogue(SITE), LINKS)
DUE = "Sunday Club: J$5,000 is due Fri 15 Jan. Reply PAY to throw now."


def test_a_letter_that_asks_nothing_says_where_its_word_is_typed() -> None:
    told = "A PIN was set from SMS ...0177. If that was not you, reply STOP PAYOUT now."
    assert "If that was not you, in your chat reply STOP PAYOUT now." in LETTERS.write("m@x.com", Outgoing(told)).text


def test_a_one_time_code_is_not_in_the_subject_that_a_locked_screen_shows() -> None:
    letter = LETTERS.write("m@x.com", Outgoing("Your code is 482604. Marva types it where she asked for it."))
    assert letter.subject == "Digital Pardna"
    assert "482604" in letter.text


def test_a_long_sentence_ends_in_the_subject_where_a_part_of_it_ends() -> None:
    said = "Devon asks to join Sunday Club, hands: 1, and the circle has four places left of ten, first due Monday."
    assert (
        subject_of(said)
        == "Devon asks to join Sunday Club, hands: 1, and the circle has four places left of ten"[
            : len(subject_of(said))
        ]
    )
    assert not subject_of(said).endswith("...")


def test_a_letter_says_what_the_chat_would_and_where_to_answer() -> None:
    letter = LETTERS.write("m@example.com", Outgoing(DUE, (Option("PAY K7QX2M", "Throw now"),)))
    assert letter.subject == "Sunday Club: J$5,000 is due Fri 15 Jan. Reply PAY to throw now."
    assert letter.text.startswith(f"{DUE}\n\nTo answer, write to us in the chat that you use")
    assert letter.text.endswith(letter.stop_url)
    assert "PAY K7QX2M</kbd>" in letter.html
    for part in (DUE, "PAY K7QX2M", "Answers to this mail are not read", letter.stop_url):
        assert part in letter.text
        assert part in letter.html


def test_a_letter_is_in_the_language_of_its_message() -> None:
    (message,) = Catalogue.fit(Outgoing("Wah gwaan"), Channel.EMAIL, Language.PATWA)
    letter = LETTERS.write("m@example.com", Outgoing.from_json(message.as_json()))
    assert "Nobody nah read ansa" in letter.text
    assert f'<html lang="{Language.PATWA.tag}">' in letter.html


def test_pages_can_be_followed_and_what_people_typed_stays_text() -> None:
    said = "<script>alert(1)</script> pays at https://pardna.example/pay/abc.\nThank you"
    html = LETTERS.write("m@example.com", Outgoing(said)).html
    assert "<script>" not in html
    assert re.search('<a href="https://pardna.example/pay/abc"[^>]*>https://pardna.example/pay/abc</a>.<br>', html)


def test_a_letter_is_made_for_a_dark_screen_and_for_one_that_is_read_aloud() -> None:
    html = LETTERS.write("m@example.com", Outgoing(DUE)).html
    assert "@media (prefers-color-scheme: dark)" in html
    assert html.count("<h1") == html.count("<main") == 1
    assert not re.findall(r"<(?:img|script|link|table)|https?://(?!pardna\.example)", html), "nothing is fetched"


def test_the_link_of_an_address_is_its_own_and_hides_it() -> None:
    url = LINKS.url("marva@example.com")
    assert "marva" not in url
    assert LINKS.address(url.rpartition("/")[2]) == "marva@example.com"


@given(st.text(max_size=600))
def test_any_token_is_read_without_a_fault(token: str) -> None:
    assert LINKS.address(token) == ""


@pytest.mark.parametrize("long", ["word " * 40, "x" * 300])
def test_a_long_text_makes_a_short_subject(long: str) -> None:
    subject = subject_of(long)
    assert 3 < len(subject) <= LONGEST_SUBJECT
    assert subject.endswith("...")


def test_a_receipt_s_subject_is_its_first_sentence() -> None:
    said = "J$5,000 from Devon for Sunday Club, round 3 of 5. R-7K2MQ9XA. Pot J$20,000 of J$25,000."
    assert subject_of(said) == "J$5,000 from Devon for Sunday Club, round 3 of 5. R-7K2MQ9XA."


@given(st.text(min_size=1, max_size=300).filter(str.strip))
def test_any_text_makes_a_subject_of_one_line(said: str) -> None:
    subject = subject_of(said)
    assert 0 < len(subject) <= LONGEST_SUBJECT
    assert subject.isprintable()
