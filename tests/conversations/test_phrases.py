"""What people say is understood, asked about, or left alone: never taken for another word where money moves."""

import re
import string
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.conversations import phrases
from bot.conversations.reading import is_yes
from bot.conversations.talk import STOP_WORDS
from bot.conversations.vocabulary import BACK, BY, HEADS, WORDS, understand
from domain import commands as c
from domain.messages import Channel
from domain.pardna import CircleState
from domain.standing import Standing
from tests.conversations.chat import CODE, Chat, ask, banker, clerk, member, on
from tests.conversations.phrasebook import MONEY_WORDS, WHO, Heard, Row, judged
from tests.conversations.test_any_input import PARTS, STANDINGS

HELD_OUT = ("held_out", *(f"held_out_{number}" for number in range(2, 8)))
"""Each was written before the table was measured on it: docs/decisions/unsure-means-a-choice.md has the figures."""
TOLD = ("tuning", *HELD_OUT)
SHORT = ("tuning", *HELD_OUT[:5])
"""Sets of what is mostly said in a few words; later ones hold whole sentences, most of which are asked about."""
SENTENCES = "sentences"
"""Whole sentences in many voices, most of which are asked about: what the comparison by sense was made for."""
HEARD = {name: list(judged(name)) for name in (*TOLD, SENTENCES)}
EVERYTHING = [pair for pairs in HEARD.values() for pair in pairs]
LEAST_RIGHT = 0.95
LEAST_AT_ONCE = 0.6
"""Of the words meant: how many are taken at once, and not as one of two that are offered."""


def _share(pairs: Iterable[tuple[Row, Heard]]) -> float:
    judged_ = [heard.is_right(row) for row, heard in pairs]
    return sum(judged_) / len(judged_)


def test_the_phrasebook_is_large_and_what_is_held_out_is_not_in_what_it_was_tuned_on() -> None:
    said = {name: {row.said.casefold() for row, _ in pairs} for name, pairs in HEARD.items()}
    assert all(len(said[name]) >= 100 for name in HELD_OUT)
    assert len(set().union(*said.values())) >= 400
    assert {row.who for row, _ in EVERYTHING} == set(WHO)
    assert [name for name in HELD_OUT if said[name] & (said["tuning"] | said[SENTENCES])] == []


@pytest.mark.parametrize("name", HEARD)
def test_nearly_everything_said_is_understood_or_offered(name: str) -> None:
    assert _share(HEARD[name]) >= LEAST_RIGHT


@pytest.mark.parametrize("name", ["tuning", "held_out"])
def test_most_words_are_taken_at_once(name: str) -> None:
    words = [(row, heard) for row, heard in HEARD[name] if row.kind == "word"]
    assert sum(heard.done == row.meant for row, heard in words) >= LEAST_AT_ONCE * len(words)


@pytest.mark.parametrize("name", SHORT)
def test_most_words_that_move_no_money_are_taken_at_once(name: str) -> None:
    """Of those that move no money: what may move some is asked about, unless it is the word itself."""
    words = [(row, heard) for row, heard in HEARD[name] if row.kind == "word" and row.meant not in MONEY_WORDS]
    assert sum(heard.done == row.meant for row, heard in words) >= LEAST_AT_ONCE * len(words)


def test_no_word_is_taken_for_one_that_moves_money_nor_the_other_way_about() -> None:
    wrong = [
        (row.said, row.meant, heard.done)
        for row, heard in EVERYTHING
        if heard.is_wrong(row) and {row.meant, heard.done} & MONEY_WORDS
    ]
    assert wrong == []


def test_no_amount_day_or_yes_is_taken_for_another() -> None:
    readers = [(row, heard) for row, heard in EVERYTHING if row.kind in {"money", "day", "yes"}]
    assert [(row.said, heard.done) for row, heard in readers if heard.done not in {row.meant, "-"}] == []


def test_what_is_no_word_does_nothing() -> None:
    """Of what is held out the share alone is told: who reads which ones failed would tune on them."""
    silent = {
        name: [heard.is_right(row) for row, heard in pairs if row.kind == "none"] for name, pairs in HEARD.items()
    }
    assert all(silent["tuning"] + silent[SENTENCES])
    assert sum(silent["held_out"]) >= LEAST_RIGHT * len(silent["held_out"])
    held_out = [is_silent for name in HELD_OUT for is_silent in silent[name]]
    assert sum(held_out) >= LEAST_RIGHT * len(held_out)


@pytest.mark.parametrize(("row", "heard"), HEARD["tuning"], ids=[row.said for row, _ in HEARD["tuning"]])
def test_each_phrase_that_the_table_was_made_for_is_understood(row: Row, heard: Heard) -> None:
    assert heard.is_right(row), heard


def test_each_sentence_that_the_sense_was_made_for_is_understood() -> None:
    assert [(row.said, heard) for row, heard in HEARD[SENTENCES] if not heard.is_right(row)] == []


# -- a guess never does anything ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("mi get it", "RECEIVED"),
        ("di money reach", "RECEIVED"),
        ("mi nuh get it yet", "NOT RECEIVED"),
        ("receivd P-7K2M", "RECEIVED P-7K2M"),
        ("confrim", "CONFIRM"),
        ("that is right", "CONFIRM"),
        ("send out di draw", "PAY OUT"),
        ("aprove payout P-9XAB", "APPROVE PAYOUT P-9XAB"),
        ("mi waan pay 5000 cash", "PAY 5,000 cash"),
        ("cahs Devon 5000", "CASH Devon 5,000"),
        ("payut cash", "PAYOUT cash"),
        ("change mi pin", "PIN"),
    ],
)
def test_where_something_would_be_done_a_guess_is_asked_about_and_its_choice_does_it(typed: str, offered: str) -> None:
    waiting = banker(asks=(ask("cash", "R-7K2MQ9XA"), ask("draw", "P-7K2M"), ask("payout", "P-9XAB")))
    chat = Chat(waiting).says(typed).sees("Which of these did you mean")
    assert chat.offers[0] == offered
    assert 1 <= len(chat.offers) <= 2
    assert chat.taps(offered).step.commands


def test_a_choice_never_shows_what_may_be_a_pin_a_trn_or_an_account() -> None:
    for typed in ("pinn 4826", "trnn 123456789", "my trn is 123456789", "payot ncb 12345678"):
        chat = Chat(member()).says(typed)
        assert not any(re.search(r"\d{4}", line) for line in (*chat.offers, chat.text)), typed


def test_a_word_that_turns_a_line_round_is_never_overlooked() -> None:
    waiting = member(asks=(ask("draw", "P-7K2M"),))
    assert Chat(waiting).says("mi get di money").offers[0] == "RECEIVED"
    assert Chat(waiting).says("mi nuh get di money").offers[0] == "NOT RECEIVED"
    assert "PAY" not in Chat(waiting).says("mi nah pay mi hand").offers


@pytest.mark.parametrize("typed", ["link mi later", "cash is tight", "approve the payment", "agree to disagree"])
def test_a_line_that_says_something_else_behind_a_word_is_asked_about(typed: str) -> None:
    chat = Chat(banker(asks=(ask("payout", "P-9XAB"),))).says(typed).sees("I took that as")
    assert chat.session.flow == ""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pay keisha har draw", "PAY OUT"),
        ("marva just pay mi 6k", "CASH"),
        ("approve it p-9xab", "APPROVE PAYOUT P-9XAB"),
    ],
)
def test_what_a_banker_says_of_somebody_is_offered(typed: str, offered: str) -> None:
    chat = Chat(banker(asks=(ask("payout", "P-9XAB"),))).says(typed)
    assert any(line.startswith(offered) for line in chat.offers), chat.offers


@pytest.mark.parametrize(
    "typed",
    [
        "pay mi back mi 5000 weh yuh borrow",
        "pay 5000 if mi get it friday",
        "cash inna mi pocket",
        "do i have to throw this week",
        "i want my draw sent to my bank",
    ],
)
def test_a_line_that_tells_of_paying_or_asks_about_it_begins_nothing(typed: str) -> None:
    chat = Chat(member()).says(typed).sees("I took that as")
    assert chat.session.flow == ""


def test_whom_something_is_done_for_tells_a_payment_from_cash_that_a_banker_took() -> None:
    assert Chat(banker()).says("peter hand mi 2500").offers[0].startswith("CASH")
    assert Chat(member()).says("mi waan fling mi 2500").offers[0] == "PAY 2,500"


def test_what_is_no_question_is_taken_for_an_answer_to_what_was_asked() -> None:
    drawer = member(asks=(ask("draw", "P-7K2M"),))
    assert Chat(drawer).says("draw collected").offers[0] == "RECEIVED"
    assert Chat(member()).says("draw collected").offers[:1] != ["RECEIVED"]


def test_what_this_person_has_a_use_for_is_offered_first() -> None:
    asked = member(asks=(ask("cash", "R-7K2MQ9XA"),))
    assert Chat(asked).says("give marva di money").offers[0] == "CONFIRM"
    assert "CONFIRM" not in Chat(banker()).says("give marva di money").offers


def test_an_amount_in_words_is_offered_whole() -> None:
    offers = Chat(member()).says("mi come fi pay 15 grand").offers
    assert "PAY 15" not in offers, offers


def test_what_is_written_to_a_human_is_never_taken_for_another_word() -> None:
    for told in ("I need a hand", "devon gave me cash", "my draw not come", "pay my hand"):
        Chat(banker()).says(f"AGENT {told}").does(c.OpenTicket(told))


def test_who_is_turned_down_or_named_no_more_is_still_read() -> None:
    for code in ("", f"{CODE} "):
        Chat(banker(CircleState.OPEN)).says(f"APPROVE {code}NOT Asker Ason").does(c.TurnDown(CODE, "Asker Ason"))
        Chat(banker(CircleState.OPEN)).says(f"TREASURER {code}NONE").does(c.SetTreasurer(CODE, ""))


WORDLIKE = st.one_of(
    st.sampled_from([row.said for row, _ in EVERYTHING]),
    st.sampled_from(sorted(phrases.PHRASES)),
    st.sampled_from(PARTS),
    st.text(max_size=40),
    st.text(alphabet=string.ascii_lowercase + " ", max_size=30),
)


@st.composite
def _slipped(draw: st.DrawFn) -> str:
    """Return something people say with a letter lost, doubled, swapped or changed."""
    said = draw(WORDLIKE)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, max(len(said) - 1, 0)))
        letter = draw(st.sampled_from(string.ascii_lowercase + " "))
        said = draw(st.sampled_from([
            said[:at] + said[at + 1 :],
            said[:at] + letter + said[at:],
            said[:at] + letter + said[at + 1 :],
            said[:at] + said[at + 1 : at + 2] + said[at : at + 1] + said[at + 2 :],
        ]))  # fmt: skip
    return said


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(STANDINGS), _slipped())
@example(STANDINGS[7], "recived it")
@example(STANDINGS[7], "pay  out")
def test_whatever_is_said_what_moves_money_is_done_for_the_word_itself_alone(standing: Standing, typed: str) -> None:
    chat = Chat(standing).says(typed)
    assert chat.step.says or chat.step.commands
    moving = [
        command
        for command in chat.step.commands
        if not command.reads_only and (command.moves_money or command.needs_pin)
    ]
    if moving:
        said = understand(" ".join(typed.strip().removeprefix("/").split()), standing)
        assert said.word, (typed, moving)
        assert said.exact


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["LOCK", "CLOSE"]), _slipped())
def test_a_confirmation_is_a_plain_yes_or_the_line_itself(word: str, typed: str) -> None:
    chat = Chat(banker(CircleState.OPEN)).says(word).says(typed)
    if any(isinstance(command, c.Lock | c.Close) for command in chat.step.commands):
        plain = "".join(char for char in typed if char.isprintable()).strip()
        assert plain == "1" or is_yes(plain) or plain.casefold().startswith(word.casefold())


def test_a_phrase_for_the_question_that_waits_does_not_leave_it() -> None:
    chat = Chat(member()).says("TRN").says("mi trn a 12345").sees("9 digits")
    assert chat.session.flow == "trn"
    chat.says("how much mi owe").sees("I have left TRN", "due")


# -- yes, no and the carrier's words --------------------------------------------------------------------------


def test_a_thumb_answers_a_question_and_confirms_nothing_by_itself() -> None:
    chat = Chat(banker(CircleState.OPEN)).says("LOCK").says("\U0001f44d\U0001f3fe").sees("Is it a yes")
    chat.says("ya man").does(c.Lock(CODE))
    chat = Chat(banker(CircleState.OPEN)).says("LOCK").says("ok").sees("Is it a yes")
    chat.taps("Yes").does(c.Lock(CODE))
    Chat(banker(CircleState.OPEN)).says("LOCK").says("mi nuh want it").sees("nothing was changed")


def test_on_sms_only_the_bare_yes_belongs_to_the_carrier() -> None:
    sms = on(Channel.SMS, banker(CircleState.OPEN))
    Chat(sms).says("CLOSE").says("Yes!").sees("1 for yes")
    Chat(sms).says("CLOSE").says("yes sah").does(c.Close(CODE))


def test_none_of_the_carriers_words_is_a_way_to_say_one_of_ours() -> None:
    carriers = STOP_WORDS | {"yes", "unstop", "info"}
    assert not carriers & set(phrases.PHRASES)
    assert not carriers & {head.casefold() for head in HEADS}


# -- the table ------------------------------------------------------------------------------------------------


def test_every_word_of_the_table_is_one_of_the_bots_and_every_word_is_in_it() -> None:
    assert set(phrases.PHRASES.values()) - {phrases.TALK} == {*WORDS, BACK}
    assert set(phrases.SAME.values()) <= {*WORDS, BACK}
    assert BY not in phrases.PHRASES.values()


def test_a_line_in_the_words_themselves_costs_no_look_at_the_phrases() -> None:
    phrases.ranked.cache_clear()
    for line in ("BALANCE", "PAY 5000 cash", "CASH Devon 5000", "RECEIVED P-7K2M", "K7QX2M"):
        Chat(clerk()).says(line)
    assert phrases.ranked.cache_info().misses == 0
