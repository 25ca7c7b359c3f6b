"""Every text in every language keeps one voice and what other texts and programs count on."""

import re
from collections.abc import Mapping
from datetime import date

import pytest

from bot.conversations.vocabulary import WORDS
from bot.dispatch import ALARMS, RECEIPTS
from bot.words.catalogue import Catalogue, texts_of
from bot.words.say import Answer, Figure, Say, Text, text
from domain.gsm7 import LONGEST_SMS, is_gsm7, segments, septets
from domain.messages import Channel, numbered
from domain.money import Currency, Money
from domain.people import Language
from tests.words.said import all_labels

SITE = "https://pardna.example"
PERSON = "Alexandrina-Rosemary"
CIRCLE = "Half Way Tree Friday Ladies 12"
MONEY = Money(125_000_050, Currency.JMD)
DAY = date(2027, 9, 22)
LABEL = "First Global ...4471"

PEOPLE = dict.fromkeys(("who", "name", "banker", "second"), PERSON)
SUMS = dict.fromkeys(
    re.findall(
        r"\w+",
        "amount pot gross left owed throw fee net now there hand rail paid used credit held kept thrown drawn",
    ),
    MONEY,
)
DAYS = dict.fromkeys(("due", "until", "date", "pays_on", "next", "example", "first", "second"), DAY)
COUNTS = dict.fromkeys(
    ("round", "turns", "taken", "turn", "count", "hands", "days", "grace", "least", "most", "minutes"), 50
)

TYPICAL: Mapping[str, Figure] = {
    **PEOPLE, **SUMS, **DAYS, **COUNTS,
    "circle": CIRCLE, "code": "K7QX2M", "ref": "R-7K2MQ9XA", "receipt": "R-7K2MQ9XA", "kind": "R", "last3": "789",
    "heard": "h" * 24, "label": LABEL, "bank": "First Global", "address": "WhatsApp ...0101", "currency": "JMD",
    "link": f"{SITE}/pay/{'f' * 64}", "flow": "APPROVE PAYOUT", "word": "APPROVE PAYOUT",
    "frequency": text("fortnightly"), "order": text("order_banker"), "state": text("state_late"),
    "role": text("role_banker_too"), "how": text("how_both", banker=PERSON, hand=MONEY, rail=MONEY, label=LABEL),
    "names": "Keisha, Devon, Marva", "lines": ("1 Keisha", "2 Devon"), "line": f"K-7Q2M kyc ...789 {PERSON}",
    "sums": tuple(text(f"sum_{name}", amount=MONEY) for name in ("gross", "fee", "throw", "arrears")),
    "note": "My cousin gave you the money on Friday.", "answer": "We have spoken to your banker, and it is found.",
    "account": "Digital Pardna Ltd, NCB, Half Way Tree, 404123456", "price": MONEY, "asked": MONEY, "rate": "J$155.25",
    "told": "20390114-7", "what": "R-7K2MQ9XA", "case": "K-7Q2M", "reason": "account closed",
    "more": text("card_more", count=47), "number": 50, "head": "", "tail": "",
    "join": "JOIN K7QX2M", "new": "NEW", "agree": "AGREE", "sent": "SENT R-7K2MQ9XA",
    "first": text("reach_last"), "time": "10:02", "words": "APPROVE K7QX2M Devon, NOT Devon, ROSTER K7QX2M",
    "hash": "f" * 64, "seed": "f" * 64, "third": 16, "free": "1, 2, 13, 14, 25", "chosen": "3, 14", "seat": 50,
    "size": 10_240, "percent": "12.25%", "other": PERSON, "rounds": "12, 13, 14", "tier": text("tier_building"),
    "points": "+40", "places": text("places_left", left=50), "fades": text("score_fades", count=24),
    "which": " R-7K2MQ9XA",
    "mark": "WKQX-WM9P", "marks": "WKQX-WM9P, WKQX-WM9P, WKQX-WM9P",
    "yes": "12 1/2", "no": "12 1/2", "all": "50", "needed": "37 1/2",
    "cash": MONEY,
    "asks": (text("waits_draw", circle=CIRCLE, amount=MONEY, ref="P-7K2M"),),
}  # fmt: skip
"""The longest that is likely for every gap."""

OTHERWISE: Mapping[str, Mapping[str, Figure]] = {
    "files_one": {"ref": "K-7Q2M", "kind": text("file_picture"), "state": text("file_unscanned"), "number": 20},
    "message_life": {"state": text("life_replaced"), "code": " (131026)"},
    "terms": {"fee": text("terms_fee", fee=MONEY)},
    **{key: {"next": text("receipt_next", who=PERSON, date=DAY)} for key in ("receipt", "receipt_for")},
    "card": {
        "head": text(
            "card_head",
            circle=CIRCLE,
            round=50,
            turns=50,
            count=50,
            hands=50,
            pot=MONEY,
            gross=MONEY,
            due=DAY,
            who=PERSON,
            date=DAY,
        ),
        "tail": text("card_waiting", names="Keisha, Devon, Marva", more=text("card_more", count=47)),
    },
    "paper_until": {"date": "2027-09-22", "until": "2027-10-22"},
    "menu_owed": {"owed": (text("owed_line", circle=CIRCLE, amount=MONEY, due=DAY),) * 2},
    "day_far": {"heard": DAY},
    "joined": {"turn": "48, 49, 50"},
}
"""Gaps that are filled in another way in one text."""

ONE_SMS = 160
KEYS = sorted(texts_of(Language.EN))
PAGES = ("page_", "mail_")
"""How the names of texts begin that pages and mails alone say."""
SPOKEN = pytest.mark.parametrize("language", Language)
COMMAND = re.compile(r"\b[A-Z]{2,}\b")


ANSWERS = {
    "HALF",
    "OWN",
    "MOVE",
    "COST",
    "ALL",
    "NONE",
    "OK",
    "NO",
    "EN",
    "PATWA",
    "BANK",
    "WALLET",
    "NCB",
    "LYNK",
    "SMS",
    "WHATSAPP",
    "EMAIL",
    "RETRY",
    "DROP",
    "ON",
    "OFF",
    "YES",
    "NEXT",
}
NAMES = {
    "PIN", "US", "JMD", "QR", "SIM", "PDF", "CSV", "HASH", "SEED", "HANDS", "WORDS", "JPEG", "PNG", "MB", "KB",
}  # fmt: skip
"""Capitals that nobody is asked to type, beside those of the answers."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(SITE)


def _written(catalogue: Catalogue, key: str, language: Language) -> str:
    return catalogue.write(Text(key, {**TYPICAL, **OTHERWISE.get(key, {})}), language)


def _bare(said: str) -> str:
    return re.sub(r"{\w+}", "", said)


@SPOKEN
def test_every_text_is_plain_sms(language: Language) -> None:
    assert [
        key for key, said in texts_of(language).items() if not is_gsm7(said.replace("{", "").replace("}", ""))
    ] == []


@SPOKEN
def test_no_name_and_no_figure_takes_a_text_out_of_plain_sms(catalogue: Catalogue, language: Language) -> None:
    """One curly quote or emoji would more than halve what a segment holds. Two segments are any text's budget."""
    who, circle = "Zo\u00eb \u2018Starr\u2019 \U0001f44b", "\u201cPardna\u201d \u2013 caf\u00e9 \U0001f4b0"
    odd = {**dict.fromkeys(PEOPLE, who), "circle": circle, "heard": "J$5\u00a0000 \u2026 \u4e2d"}
    answers = tuple(Answer(f"A{number}", circle) for number in range(4))
    for key in KEYS:
        said = Text(key, {**TYPICAL, **OTHERWISE.get(key, {}), **odd})
        plain = [numbered(page) for page in catalogue.render(Say((said,)), language, Channel.SMS)]
        asked = [numbered(page) for page in catalogue.render(Say((said,), answers), language, Channel.SMS)]
        assert all(map(is_gsm7, plain + asked)), key
        assert sum(map(segments, plain)) <= 2, key
        assert max(map(septets, asked)) <= LONGEST_SMS, key


@SPOKEN
def test_every_text_fits_two_segments_with_long_figures(catalogue: Catalogue, language: Language) -> None:
    lengths = {key: septets(_written(catalogue, key, language)) for key in KEYS}
    assert {key: length for key, length in lengths.items() if length > LONGEST_SMS} == {}


@SPOKEN
def test_most_texts_fit_one_segment_with_long_figures(catalogue: Catalogue, language: Language) -> None:
    sent = [key for key in KEYS if not key.startswith(PAGES)]
    short = [key for key in sent if septets(_written(catalogue, key, language)) <= ONE_SMS]
    assert len(short) > 0.95 * len(sent)


def test_both_languages_say_the_same_facts_in_the_same_order() -> None:
    english, patwa = texts_of(Language.EN), texts_of(Language.PATWA)
    gaps = {key: [re.findall(r"{(\w+)}", texts[key]) for texts in (english, patwa)] for key in KEYS}
    assert {key: both for key, both in gaps.items() if both[0] != both[1]} == {}


def test_words_to_type_are_the_same_in_both_languages() -> None:
    english, patwa = texts_of(Language.EN), texts_of(Language.PATWA)
    words = {key: [COMMAND.findall(_bare(texts[key])) for texts in (english, patwa)] for key in KEYS}
    assert {key: both for key, both in words.items() if both[0] != both[1]} == {}


def test_examples_are_the_same_in_both_languages() -> None:
    """Codes, numbers and dates that a text gives as an example or a bound."""
    english, patwa = texts_of(Language.EN), texts_of(Language.PATWA)
    numbers = {key: [re.findall(r"\S*\d[^\s.,]*", _bare(t[key])) for t in (english, patwa)] for key in KEYS}
    assert {key: both for key, both in numbers.items() if both[0] != both[1]} == {}


@SPOKEN
def test_only_words_that_do_something_are_to_be_typed(language: Language) -> None:
    known = {part for word in (*WORDS, "STOP", "START", "BACK") for part in word.split()} | ANSWERS | NAMES
    asked = {key: set(COMMAND.findall(_bare(said))) - known for key, said in texts_of(language).items()}
    assert {key: words for key, words in asked.items() if words} == {}


def test_the_samples_of_the_voice_are_said_word_for_word(catalogue: Catalogue) -> None:
    """Due, late and held."""
    sunday: dict[str, Figure] = {"circle": "Sunday Club", "amount": Money(500_000, Currency.JMD)}
    due = text("remind_soon", due=date(2027, 1, 15), round=2, who="Marva", **sunday)
    late = text("remind_late", due=date(2027, 1, 15), until=date(2027, 1, 18), **sunday)
    held = text("draw_held_trn", circle="Sunday Club", amount=Money(2_450_000, Currency.JMD))
    assert [catalogue.write(said, Language.EN) for said in (due, late, held)] == [
        "Sunday Club: J$5,000 is due Fri 15 Jan (round 2, Marva's draw). Reply PAY to throw now.",
        "Sunday Club: your J$5,000 was due Fri 15 Jan. Throw by Mon 18 Jan and it still counts. Reply PAY.",
        "Your J$24,500 from Sunday Club is safe and waiting for your TRN. Reply TRN and the 9 digits.",
    ]


@SPOKEN
def test_no_text_shouts_blames_or_talks_like_a_machine(language: Language) -> None:
    cold = re.compile(r"!|transaction|initiat|successful|invalid|error|failed|unfortunately|please note", re.IGNORECASE)
    assert {key: said for key, said in texts_of(language).items() if cold.search(said)} == {}


@SPOKEN
def test_received_in_capitals_stands_in_the_drawers_question_alone(language: Language) -> None:
    asking = {key for key, said in texts_of(language).items() if "RECEIVED" in said}
    named = {"help_more"}  # a list of words asks nothing
    assert asking - named == {"paid_out_rail", "paid_out_cash", "paid_out_both", "waits_draw", "dispute_open"}


@SPOKEN
def test_complete_is_said_of_a_circle_that_has_ended_alone(language: Language) -> None:
    ended = {key for key, said in texts_of(language).items() if "complete" in said.casefold()}
    assert ended == {"complete", "complete_banker", "page_state_completed"}


@SPOKEN
@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("approve_ask", "APPROVE PAYOUT {ref}"),
        ("waits_payout", "APPROVE PAYOUT {ref}"),
        ("staff_payout", "APPROVE PAYOUT {ref}"),
        ("waits_draw", "NOT RECEIVED {ref}"),
        ("cash_claimed", "CONFIRM"),
        ("cash_recorded_ask", "CONFIRM"),
        ("waits_cash", "CONFIRM {ref}"),
        ("cash_silence", "DENY {ref}"),
        ("asks_to_join", "APPROVE {code} {who}"),
        ("pay_day", "PAY OUT {code}"),
        ("pay_day_short", "PAY OUT {code}"),
        ("pot_full_banker", "PAY OUT {code}"),
        ("top_up", "PAY OUT {code}"),
        ("draw_free_banker", "PAY OUT {code}"),
        ("payout_failed_banker", "PAY OUT {code}"),
        ("approved_full", "LOCK {code}"),
        ("locked", "BEGIN {code}"),
        ("terms_agree", "AGREE"),
        ("draw_held_trn", "TRN"),
        ("remind_soon", "PAY"),
        ("remind_today", "PAY"),
        ("remind_late", "PAY"),
        ("missed", "PAY"),
        ("staff_kyc", "KYC {ref} OK"),
        ("staff_agent", "CASE {ref}"),
        ("lost_agent", "AGENT"),
        ("third_miss", "AGENT"),
    ],
)
def test_what_asks_for_a_word_spells_it(language: Language, key: str, word: str) -> None:
    assert word in texts_of(language)[key]


def test_what_is_copied_by_mail_is_said() -> None:
    assert set(KEYS) >= RECEIPTS | ALARMS


@SPOKEN
def test_an_alarm_names_no_person(language: Language) -> None:
    gaps = {gap for key in ALARMS for gap in re.findall(r"{(\w+)}", texts_of(language)[key])}
    assert gaps <= {"what", "rail", "amount", "date", "count", "ref", "line"}


@SPOKEN
def test_the_reply_to_new_holds_one_code(catalogue: Catalogue, language: Language) -> None:
    said = catalogue.write(Text("circle_made", {**TYPICAL, "circle": "Sunday Club"}), language)
    assert set(re.findall(r"\b[A-HJKMNP-Z2-9]{6}\b", said)) == {"K7QX2M"}


@SPOKEN
def test_missed_is_said_only_when_it_is_so(language: Language) -> None:
    """Late is never called missed (rules.md 21)."""
    missed = {key for key, said in texts_of(language).items() if re.search(r"\bmiss", said)}
    terms = {"terms_late", "terms_late_percent", "terms_default_last", "terms_default_substitute"}  # what would follow
    assert missed == {"missed", "missed_banker", "state_missed", "balance_missed", "score_missed", "score_owed"} | terms


@SPOKEN
def test_labels_fit_a_button(language: Language) -> None:
    """WhatsApp shows 20 characters on a button."""
    assert "menu_agent" in all_labels()
    assert [key for key in all_labels() if len(texts_of(language)[key]) > 20] == []
