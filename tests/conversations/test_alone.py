"""Each word typed alone asks for the rest, one question at a time, and ends in the same command on every channel."""

from datetime import date

import pytest

from domain import commands as c
from domain.messages import Channel
from domain.money import Currency
from domain.pardna import CircleState, OrderBy
from domain.people import Language, TrnState
from domain.schedule import Frequency
from domain.standing import Standing
from tests.conversations.chat import CODE, OTHER, STRANGER, Chat, ask, banker, clerk, member, on, seat

CHANNELS = [Channel.SMS, Channel.WHATSAPP, Channel.TELEGRAM]
Dialogue = list[tuple[str, str]]
"""What is said (`=label` chooses an answer), and a part of what is then seen."""

TWO = member(seat(), seat(OTHER, "Monday Box"))
TWO_OPEN = banker(CircleState.OPEN, seat(OTHER, "Monday Box", is_banker=True, state=CircleState.OPEN))
SUNDAY = c.NewCircle("Sunday Club", 500_000, Currency.JMD, Frequency.WEEKLY, 5, date(2026, 12, 4), OrderBy.JOIN)
TWO_ASKS = banker(asks=(ask("cash", "R-7K2MQ9XA"), ask("cash", "R-8K2MQ9XB", 250_000)))

FLOWS: list[tuple[Standing, Dialogue, str, c.Command]] = [
    (
        member(),
        [
            ("NEW", "circle's name"),
            ("Sunday Club", "one hand"),
            ("5000", "How often"),
            ("=weekly", "How many turns"),
            ("5", "first hand due"),
            ("4 Dec", "draw order"),
        ],
        "=join order",
        SUNDAY,
    ),
    (member(), [("JOIN", "Which code")], "K7QX2M", c.LookAtTerms(CODE, 2)),
    (member(), [("AGREE", "Which circle do you agree to")], "K7QX2M", c.Agree(CODE, 2)),
    (TWO_OPEN, [("INVITE", "for which circle")], "=Monday Box", c.Invite(OTHER)),
    (TWO, [("ROSTER", "for which circle")], "=Sunday Club", c.Roster(CODE)),
    (banker(CircleState.OPEN), [("APPROVE", "Whom shall I let in")], "Devon Clarke", c.Approve(CODE, "Devon Clarke")),
    (TWO_OPEN, [("APPROVE", "which circle"), ("=Monday Box", "Whom")], "=All of them", c.Approve(OTHER, "ALL")),
    (
        banker(CircleState.OPEN),
        [("ORDER", "names in the order")],
        "Devon, Keisha",
        c.Arrange(CODE, ("Devon", "Keisha")),
    ),
    (TWO, [("TERMS", "for which circle")], "=Monday Box", c.LookAtTerms(OTHER)),
    (TWO_OPEN, [("LOCK", "for which circle")], "=Monday Box", c.AskToLock(OTHER)),
    (TWO_OPEN, [("CLOSE", "for which circle"), ("=Monday Box", "Call off")], "=Yes", c.Close(OTHER)),
    (
        member(),
        [("PAY", "is to throw"), ("=J$5,000", "How do you throw")],
        "=Cash to banker",
        c.BeginThrow(CODE, 500_000, "CASH"),
    ),
    (member(), [("PAY", "is to throw"), ("2500", "J$2,500")], "=Card", c.BeginThrow(CODE, 250_000, "CARD")),
    (
        banker(),
        [("CASH", "Who gave you cash"), ("Devon Clarke", "How much did Devon Clarke")],
        "5,000",
        c.RecordCash(CODE, "Devon Clarke", 500_000),
    ),
    (TWO_ASKS, [("CONFIRM", "which one")], "=J$2,500 Devon", c.Confirm("R-8K2MQ9XB")),
    (TWO_ASKS, [("DENY", "which one")], "R-7K2MQ9XA", c.Deny("R-7K2MQ9XA")),
    (member(), [("TRN", "What is your TRN")], "123456789", c.StateTrn("123456789")),
    (
        member(),
        [
            ("PAYOUT", "Where shall"),
            ("=Bank account", "Which bank"),
            ("=NCB", "In whose name"),
            ("=Marva Brown", "account number at NCB"),
        ],
        "12345678",
        c.SetDestination("bank", "NCB", "", "12345678", "Marva Brown"),
    ),
    (
        member(),
        [
            ("PAYOUT", "Where"),
            ("bank", "bank"),
            ("scotia", "Which branch"),
            ("Liguanea", "In whose name"),
            ("Marva A. Brown", "account number"),
        ],
        "12345678",
        c.SetDestination("bank", "Scotiabank", "Liguanea", "12345678", "Marva A. Brown"),
    ),
    (
        member(),
        [("PAYOUT", "Where shall"), ("=Wallet (Lynk)", "In whose name"), ("mine", "Lynk number")],
        "876 555 0101",
        c.SetDestination("wallet", "Lynk", "", "8765550101", "Marva Brown"),
    ),
    (member(), [("PAYOUT", "Where shall")], "=Cash from banker", c.SetDestination("cash")),
    (member(), [("LINK", "Which number")], "SMS 876 555 0101", c.StartLink("sms:+18765550101")),
    (member(), [("LANGUAGE", "Which language")], "=Patwa", c.SetLanguage(Language.PATWA)),
    (member(), [("AGENT", "What is it about")], "PAY did not work for me", c.OpenTicket("PAY did not work for me")),
    (clerk(), [("KYC", "Which one"), ("K-7Q2M", "OK or NO")], "=OK", c.Kyc("K-7Q2M", right=True)),
    (clerk(), [("CASE", "Which one"), ("k-7q2m", "your answer")], "It came", c.Case("K-7Q2M", "It came")),
]


def speak(chat: Chat, line: str) -> Chat:
    return chat.taps(line[1:]) if line.startswith("=") else chat.says(line)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("standing", "dialogue", "last", "command"), FLOWS, ids=[f[1][0][0] + f[2] for f in FLOWS])
def test_a_word_alone_asks_for_the_rest(
    standing: Standing, dialogue: Dialogue, last: str, command: c.Command, channel: Channel
) -> None:
    chat = Chat(on(channel, standing))
    for typed, seen in dialogue:
        speak(chat, typed).sees(seen)
    speak(chat, last).does(command)


@pytest.mark.parametrize("channel", CHANNELS)
def test_somebody_new_tells_a_name_agrees_and_chooses_a_language(channel: Channel) -> None:
    chat = Chat(on(channel, STRANGER))
    chat.says("hello").sees("Welcome", "What name")
    chat.says("Devon Clarke").sees("Devon Clarke", "/legal/terms", "/legal/privacy", "agree")
    chat.taps("I agree").sees("Which language")
    chat.taps("Patwa")
    assert chat.step.commands == (c.Onboard("Devon Clarke", Language.PATWA, "2026-11"),)


@pytest.mark.parametrize("first", ["JOIN K7QX2M 2", "K7QX2M", "/join K7QX2M my TRN is 123456789"])
def test_the_join_that_brought_somebody_new_goes_on_after_the_onboarding(first: str) -> None:
    chat = Chat(STRANGER).says(first).sees("Welcome")
    assert "123456789" not in str(chat.session.as_json())
    chat.says("Devon").says("I agree").says("english")
    halves = 4 if "2" in first.split() else 2
    assert chat.step.commands == (c.Onboard("Devon", Language.EN, "2026-11"), c.LookAtTerms(CODE, halves))


def test_a_code_given_in_the_middle_of_the_onboarding_waits_too() -> None:
    chat = Chat(STRANGER).says("hi").says("Devon").says("JOIN K7QX2M").sees("Do you agree")
    chat.says("ok").says("en")
    assert chat.step.commands[1:] == (c.LookAtTerms(CODE, 2),)


def test_the_name_a_channel_knows_is_offered() -> None:
    Chat(STRANGER, name="Devon Clarke").says("hi").taps("Devon Clarke").sees("Devon Clarke", "agree")


def test_who_does_not_agree_is_left_alone_and_may_begin_again() -> None:
    chat = Chat(STRANGER).says("hi").says("Devon").taps("Not now").sees("Nothing about you is kept")
    chat.says("hi").sees("Welcome")


def test_the_bots_words_and_greetings_are_no_names() -> None:
    chat = Chat(STRANGER).says("hi").says("MENU").sees("I run savings circles", "What name")
    chat.says("hello").sees("What name")
    chat.says("HELP").sees("What name")
    chat.says("12345").sees("like Marva Brown")
    chat.says("Black").sees("Black", "agree")
    chat.says("BACK").sees("What name")


def test_one_question_that_waits_needs_no_naming() -> None:
    waiting = banker(asks=(ask("cash", "R-7K2MQ9XA"), ask("draw", "P-7K2M")))
    Chat(waiting).says("CONFIRM").does(c.Confirm("R-7K2MQ9XA"))


@pytest.mark.parametrize("word", ["CONFIRM", "DENY", "RECEIVED", "NOT RECEIVED", "APPROVE PAYOUT"])
def test_where_nothing_waits_the_word_says_so_and_leaves_no_question_open(word: str) -> None:
    assert Chat(member()).says(word).sees("waits for your").session.flow == ""


def test_without_a_circle_for_the_word_a_code_may_still_be_typed() -> None:
    chat = Chat(member()).says("PAY OUT").sees("none of your circles")
    chat.says("B3CD4F").does(c.PayOut(OTHER))


def test_a_verified_trn_is_not_asked_for_again() -> None:
    chat = Chat(member(trn_state=TrnState.VERIFIED, trn_last3="789")).says("TRN").sees("789")
    assert chat.session.flow == ""


@pytest.mark.parametrize(
    ("word", "seen"),
    [("MENU", "Marva"), ("HELP", "PAY"), ("BALANCE", "J$5,000 due"), ("CIRCLES", "Sunday Club"), ("DRAW", "draw")],
)
def test_what_may_be_looked_at_is_said_at_once(word: str, seen: str) -> None:
    for typed in (word, word.lower(), f"/{word}", f"{word}!", f"{word}?", f"{word} please"):
        Chat(member()).says(typed).sees(seen)


@pytest.mark.parametrize("state", [CircleState.OPEN, CircleState.LOCKED])
def test_lock_and_begin_take_one_yes(state: CircleState) -> None:
    word = "LOCK" if state is CircleState.OPEN else "BEGIN"
    ask_, do = (c.AskToLock, c.Lock) if state is CircleState.OPEN else (c.AskToBegin, c.Begin)
    chat = Chat(banker(state)).says(word).does(ask_(CODE))
    chat.says("Yes.").does(do(CODE))
    Chat(banker(state)).says(word).says("no").sees("nothing was changed")
    Chat(banker(state)).says(word).says("ok").sees("ok")


def test_a_yes_long_after_its_question_means_nothing() -> None:
    chat = Chat(banker(CircleState.OPEN)).says("LOCK").says("BALANCE")
    chat.says("yes").sees("do not know it")


def test_a_bare_yes_on_sms_belongs_to_the_carrier() -> None:
    chat = Chat(on(Channel.SMS, banker(CircleState.OPEN))).says("CLOSE").says("YES").sees("1 for yes or 2 for no")
    chat.says("1").does(c.Close(CODE))
    chat = Chat(on(Channel.SMS, STRANGER)).says("hi").says("Devon").says("yes").sees("1 for yes", "agree to both")
    chat.says("1").sees("Which language")
    chat = Chat(on(Channel.SMS, clerk())).says("KYC K-7Q2M").says("YES").sees("1 for yes")
    chat.says("1").does(c.Kyc("K-7Q2M", right=True))
