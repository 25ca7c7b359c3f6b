"""Whatever is said, in whatever order: an answer always, never an exception, and nothing secret kept."""

import json
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversations.flow import ASKED, DONE, LEFT, START, Flow, Misread, Session, Talk, _Cursor
from bot.conversations.vocabulary import ASIDE, FLOWS, HEADS, ONBOARDING, WORDS
from domain import commands as c
from domain.messages import Channel, InboundKind
from domain.pardna import CircleState, DrawState
from domain.standing import Standing, Turn
from tests.conversations.chat import CODE, OTHER, STRANGER, Chat, ask, banker, clerk, member, on, seat

STANDINGS = [
    STRANGER,
    on(Channel.SMS, STRANGER),
    member(),
    member(seat(owed=(), my_turns=(Turn(1, None, None, 0, DrawState.HELD, "trn", 2),))),
    on(Channel.SMS, member(seat(), seat(OTHER, "Monday Box"), stopped=True)),
    on(Channel.TELEGRAM, banker(CircleState.OPEN)),
    banker(CircleState.LOCKED, seat(OTHER, is_banker=True, member_state="")),
    banker(asks=(ask("cash", "R-7K2MQ9XA"), ask("draw", "P-7K2M"), ask("payout", "P-9XAB"), ask("draw", "P-8K2M"))),
    on(Channel.SMS, clerk()),
]
PARTS = [
    CODE, OTHER, "R-7K2MQ9XA", "P-7K2M", "K-7Q2M", "5000", "J$5,000", "US$50", "5 grand", "0", "-1", "1000000000000",
    "1", "2", "3", "99", "yes", "no", "ok", "ALL", "Devon Clarke", "cash", "card", "lynk", "NCB", "scotia", "Liguanea",
    "12345678", "123456789", "123 456 789", "987-654-321", "sms 876 555 0101", "weekly", "5", "4 Dec", "8/1/2027",
    "join order", "by cash", "EN", "patwa", "OK", "fee 500", "grace 3", ";", ",", "hello", "/start", "what?",
]  # fmt: skip
WORD = st.sampled_from(sorted(HEADS))
LINE = st.builds(lambda word, parts: " ".join([word, *parts]), WORD, st.lists(st.sampled_from(PARTS), max_size=5))
TEXT = st.one_of(
    WORD,
    LINE,
    st.sampled_from(PARTS),
    st.builds("; ".join, st.lists(st.sampled_from(PARTS), min_size=2, max_size=7)),
    st.text(max_size=60),
    st.text(alphabet=string.digits + " .-/,;$", max_size=30),
)
SECRET = re.compile(r"\d(?:[ .\-/]?\d){8}")
LARGEST_SESSION = 9_000
"""Bytes: ORDER of 50 hands with long names may wait for its circle; all else is far smaller."""


def check(chat: Chat) -> None:
    """Whatever happened: something is said or done, and the session is small, plain and without secrets."""
    assert chat.step.says or chat.step.commands
    assert all(what.texts for what in chat.step.says)
    assert chat.text or chat.step.commands
    for line in chat.offers:
        assert 0 < len(line.encode()) <= 64
    kept = json.dumps(chat.step.session.as_json())
    assert Session.from_json(json.loads(kept)).as_json() == chat.step.session.as_json()
    assert len(kept) < LARGEST_SESSION
    neither = r"\d{4}-\d\d-\d\dT[\d:+]+|\+\d{11,15}|\"who\": \"\d+\""  # a time, a number, or who on Telegram is meant
    assert not SECRET.search(re.sub(neither, "", kept)), kept
    if chat.session.flow:
        assert chat.step.says


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(STANDINGS), st.lists(TEXT, min_size=1, max_size=8), st.data())
def test_any_sequence_of_texts_and_choices_is_answered(
    standing: Standing, texts: list[str], data: st.DataObject
) -> None:
    chat = Chat(standing)
    for typed in texts:
        if chat.menu and data.draw(st.booleans()):
            option = data.draw(st.sampled_from(chat.menu.options))
            chat.taps(option.id)
            check(chat)
        chat.says(typed)
        check(chat)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(STANDINGS), st.text(max_size=2500))
def test_any_text_at_all_is_answered(standing: Standing, typed: str) -> None:
    check(Chat(standing).says(typed))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FLOWS)), st.lists(TEXT, min_size=1, max_size=4), st.sampled_from(STANDINGS[2:]))
def test_any_answer_to_any_flow_is_answered(name: str, texts: list[str], standing: Standing) -> None:
    chat = Chat(standing).says(name)
    for typed in texts:
        chat.says(typed)
        check(chat)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(STANDINGS),
    st.lists(st.sampled_from(["PAYOUT", "NEW", "PAY", "JOIN", "CASH", "APPROVE", "ORDER", "TRN", "LINK"]), max_size=2),
    st.sampled_from(["{}", "PAYOUT NCB {}", "PAYOUT SCOTIA {}", "PAY {}", "NEW {}", "CASH {}", "ORDER {}", "JOIN {}"]),
    st.from_regex(r"\A[1-9][0-9]{2}[ \-]?[0-9]{3}[ \-]?[0-9]{3}\Z"),
)
def test_a_trn_typed_anywhere_is_neither_kept_nor_said_back(
    standing: Standing, before: list[str], line: str, trn: str
) -> None:
    chat = Chat(standing)
    for word in before:
        chat.says(word)
    chat.says(line.format(trn))
    check(chat)
    plain = re.sub(r"\D", "", trn)
    assert plain not in re.sub(r"[ .\-]", "", chat.text)
    assert plain not in re.sub(r"[ .\-]", "", json.dumps(chat.step.session.as_json()))


@pytest.mark.parametrize("flow", [*FLOWS.values(), ONBOARDING], ids=lambda flow: flow.name)
def test_a_flow_ends_from_every_state_and_every_state_is_reached(flow: Flow) -> None:
    """From START each question can come first, and from each question there is a way on and a way back."""
    states = [START, *flow.questions]
    table = {trigger: flow.machine.events[trigger].transitions for trigger in ("advance", "back")}
    for state in states:
        assert [t.dest for t in table["advance"][state]] == [*flow.questions, DONE]
        assert table["back"][state][-1].dest == LEFT
        assert not table["advance"][state][-1].conditions
        assert not table["back"][state][-1].conditions
    assert set(flow.machine.states) == {*states, DONE, LEFT}


@pytest.mark.parametrize("flow", [*FLOWS.values(), ONBOARDING], ids=lambda flow: flow.name)
def test_with_every_answer_given_a_flow_is_done_wherever_it_stood(flow: Flow) -> None:
    everything = dict.fromkeys(flow.questions, "x") | {ASKED: list(flow.questions)}
    for state in [START, *flow.questions]:
        cursor = _Cursor(state, Talk(member(), Session(flow.name, state, everything)))
        flow.machine.events["advance"].trigger(cursor, cursor)
        assert cursor.state == DONE


def test_every_word_has_one_meaning() -> None:
    assert all((word.flow is None) != (word.look is None) for word in WORDS.values())
    assert len({word.flow.name for word in WORDS.values() if word.flow}) == len(FLOWS) - len(ASIDE)


def test_every_question_says_something_and_refuses_nonsense_with_words() -> None:
    for flow in FLOWS.values():
        for question in flow.questions.values():
            with pytest.raises(Misread) as miss:
                question.read("\u2603", Talk(member(), Session(flow.name, question.slot)))
            assert miss.value.because.name


@pytest.mark.parametrize("kind", [k for k in InboundKind if k is not InboundKind.STATUS])
def test_every_kind_of_message_is_answered(kind: InboundKind) -> None:
    for standing in STANDINGS:
        chat = Chat(standing).sends(kind, text="PAY", choice="PAY" if kind is InboundKind.CHOICE else "")
        check(chat)
        assert kind is not InboundKind.BLOCKED or chat.step.commands == (c.AddressGone(standing.party),)
