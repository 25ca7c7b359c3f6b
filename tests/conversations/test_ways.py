"""Ways through a talk: switching flows, one question back, slips, misses, and messages that are no text."""

import re
from dataclasses import replace

import pytest

from bot.conversations.flow import Session
from bot.conversations.vocabulary import WORDS, may
from domain import commands as c
from domain.messages import Channel, InboundKind
from domain.pardna import CircleState
from tests.conversations.chat import CODE, OTHER, STRANGER, Chat, ask, banker, clerk, member, on, seat


def test_a_word_of_another_flow_switches_and_says_so() -> None:
    chat = Chat(member()).says("PAY").says("JOIN").sees("I have left PAY", "Which code")
    chat.says("BALANCE").sees("I have left JOIN", "J$5,000 due")
    chat.says("PAY").says("TRN 123456789")
    assert chat.step.commands == (c.StateTrn("123456789"),)
    assert "I have left PAY" in chat.text


def test_the_same_word_again_starts_over_without_a_word_about_it() -> None:
    chat = Chat(member()).says("PAY 5000").says("PAY 2500").sees("J$2,500")
    assert "left" not in chat.text


def test_menu_always_works_and_leaves() -> None:
    for start in ("PAY", "NEW", "AGENT", "TRN", "PAYOUT", "LINK", "JOIN"):
        chat = Chat(member()).says(start).says("menu").sees("Marva")
        assert chat.session.flow == ""


def test_help_in_a_question_keeps_the_question() -> None:
    Chat(member()).says("PAY").says("HELP").sees("BALANCE for what you owe", "How much").says("5000").sees("How do you")


def test_back_is_one_question_back_and_from_the_first_one_home() -> None:
    chat = Chat(member()).says("NEW").says("Sunday Club").says("5000").sees("How often")
    chat.says("BACK").sees("one hand")
    chat.says("back").sees("circle's name")
    chat.says("/back").sees("Marva")
    chat.says("BACK").sees("Marva")


def test_back_skips_what_was_never_asked() -> None:
    """The circle was the only one, so BACK from the rail is the amount, and BACK from there is home."""
    chat = Chat(member()).says("PAY").says("5000").sees("How do you throw")
    chat.says("BACK").sees("How much")
    chat.says("BACK").sees("Marva")


def test_back_and_forth_keeps_the_session_small() -> None:
    chat = Chat(member()).says("PAY").says("5000")
    first = chat.session.as_json()
    for _ in range(50):
        chat.says("BACK").says("5000")
    assert chat.session.as_json() == first


@pytest.mark.parametrize(
    "name", ["Pay Day Club", "Join Us", "Balance Box", "Order of Merit", "New Kingston", "Agent 99"]
)
def test_a_word_within_a_circles_name_is_a_name(name: str) -> None:
    Chat(member()).says("NEW").says(name).sees("one hand")


def test_a_word_within_a_note_is_a_note() -> None:
    chat = Chat(member()).says("AGENT").says("PAY 5000 did not work with K7QX2M")
    chat.does(c.OpenTicket("PAY 5000 did not work with K7QX2M"))


@pytest.mark.parametrize("line", ["PAY", "JOIN K7QX2M", "TRN 123456789", "PAY 5000 CASH", "NOT RECEIVED", "QUEUE"])
def test_a_word_alone_or_a_whole_line_leaves_a_question_for_words(line: str) -> None:
    chat = Chat(clerk()).says("NEW").says(line)
    assert "I have left NEW" in chat.text


def test_a_name_like_a_word_with_a_slip_is_a_name() -> None:
    Chat(banker()).says("CASH").says("Black").sees("How much did Black")
    Chat(banker()).says("CASH").says("John").sees("How much did John")


@pytest.mark.parametrize(
    ("typed", "seen"), [("BALNCE", "due"), ("balence", "due"), ("mneu", "Marva"), ("circels", "Sunday")]
)
def test_a_small_slip_is_understood(typed: str, seen: str) -> None:
    Chat(member()).says(typed).sees(seen)


def test_what_acts_at_once_is_never_guessed_from_a_slip_near_another_word() -> None:
    waiting = banker(asks=(ask("cash", "R-7K2MQ9XA"),))
    for typed in ("PAYY OUT", "PAI OUT", "PAYOUTT K7QX2M", "DENE", "CASHE Devon 5000", "AGRE"):
        assert Chat(replace(waiting, roles=clerk().roles)).says(typed).step.commands == ()


def test_a_line_not_understood_offers_what_may_have_been_meant() -> None:
    assert Chat(member()).says("DENE").sees("Which of these").offers[0] == "DENY"
    assert Chat(member()).says("PAYY OUT").sees("Which of these").offers == ["PAY OUT", "PAYOUT"]
    assert Chat(member()).says("50").sees("as an amount, J$50").offers == ["PAY J$50", "BALANCE"]


def test_after_the_third_miss_a_human_is_offered() -> None:
    chat = Chat(member()).says("blah").says("blah").says("blah").sees("AGENT")
    assert "AGENT" in chat.offers
    chat = Chat(member()).says("PAY").says("blah").says("blah")
    assert "AGENT" not in chat.offers
    assert "AGENT" in chat.says("blah").offers
    chat.says("5000").sees("How do you throw")


def test_a_miss_is_forgotten_once_something_was_understood() -> None:
    chat = Chat(member()).says("blah").says("blah").says("BALANCE").says("blah").sees("do not know")
    assert chat.session.misses == 1


@pytest.mark.parametrize("kind", [InboundKind.MEDIA, InboundKind.UNSUPPORTED])
def test_what_is_no_text_asks_the_question_again(kind: InboundKind) -> None:
    Chat(member()).sends(kind, text="a caption").sees("text and taps")
    Chat(member()).says("PAY").sends(kind).sees("text and taps", "How much").says("5000").sees("How do you")
    Chat(STRANGER).sends(kind).sees("text and taps", "Welcome")


def test_changed_words_are_told_that_the_first_ones_count() -> None:
    Chat(member()).sends(InboundKind.EDITED).sees("what you wrote first")
    Chat(member()).says("PAY").sends(InboundKind.EDITED).sees("what you wrote first", "How much").says("5000")
    Chat(STRANGER).sends(InboundKind.EDITED).sees("what you wrote first", "Welcome")


def test_a_card_with_ones_own_number_begins_a_link_and_another_is_left() -> None:
    Chat(member()).sends(InboundKind.CONTACT).sees("not show a number of your own")
    Chat(member()).sends(InboundKind.CONTACT, contact="+18765550177").does(c.StartLink("sms:+18765550177"))
    Chat(member()).says("LINK").sends(InboundKind.CONTACT, contact="+18765550177").does(c.StartLink("sms:+18765550177"))
    Chat(STRANGER).sends(InboundKind.CONTACT, contact="+18765550177").sees("text and taps", "Welcome")


def test_four_thousand_characters_are_too_many_and_lose_nothing() -> None:
    Chat(member()).says("x" * 4000).sees("longer than I can read")
    Chat(member()).says("PAY").says("5" * 4000).sees("longer than I can read", "How much")


@pytest.mark.parametrize("typed", ["\U0001f600\U0001f44d", "?!", "...", "\u2764\ufe0f"])
def test_marks_alone_are_not_understood(typed: str) -> None:
    Chat(member()).says(typed).sees("words and numbers only")


@pytest.mark.parametrize("typed", ["", "   ", "\u200b\u200e", "\ufeff"])
def test_a_message_with_nothing_to_see_is_not_read(typed: str) -> None:
    Chat(member()).says(typed).sees("text and taps")


def test_who_blocked_us_is_written_to_no_more() -> None:
    assert Chat(member()).sends(InboundKind.BLOCKED).step.commands == (c.AddressGone("whatsapp:+18765550101"),)


@pytest.mark.parametrize("word", ["STOP", "Unsubscribe", "END", "quit", "STOPALL", "REVOKE", "OPTOUT", "cancel."])
def test_the_carriers_words_stop_on_sms_and_stop_alone_elsewhere(word: str) -> None:
    Chat(on(Channel.SMS, member())).says("PAY").says(word).does(c.Stop())
    elsewhere = Chat(member()).says(word)
    assert elsewhere.step.commands == ((c.Stop(),) if word == "STOP" else ())


def test_stop_works_for_somebody_new_too() -> None:
    Chat(on(Channel.SMS, STRANGER)).says("hi").says("STOP").does(c.Stop())


def test_start_brings_back_who_stopped() -> None:
    for typed in ("START", "unstop", "YES"):
        Chat(on(Channel.SMS, member(stopped=True))).says(typed).does(c.Start())
    Chat(member(stopped=True)).says("/start").does(c.Start())
    Chat(on(Channel.TELEGRAM, member())).says("/start").sees("Marva")
    Chat(on(Channel.TELEGRAM, STRANGER)).says("/start").sees("Welcome")


def test_the_same_question_in_a_circle_that_ended_meanwhile_is_answered_clearly() -> None:
    """What is known may change between two messages; a question is then put as things are now."""
    chat = Chat(member()).says("PAY").sees("J$5,000 is to throw")
    chat.standing = member(seat(owed=()))
    chat.says("1").sees("no amount", "nothing is due now")


def test_a_session_of_another_time_is_left_behind() -> None:
    Chat(member(), Session("gone", "where", {"x": 1})).says("BALANCE").sees("due")
    Chat(member(), Session("pay", "nowhere")).says("5000").sees("as an amount")
    Chat(member(), Session("onboarding", "name")).says("MENU").sees("Marva")
    Chat(STRANGER, Session("pay", "amount", {"code": CODE})).says("5000").sees("Welcome")


def test_a_suspended_circle_can_be_looked_at_but_not_thrown_into() -> None:
    chat = Chat(banker(CircleState.SUSPENDED)).says("BALANCE").sees("J$5,000 due")
    chat.says("PAY").sees("none of your circles")


def test_agree_is_for_the_terms_seen_last_and_is_asked_about_where_two_may_be_meant() -> None:
    """One circle's terms were looked at and left; another's have changed: AGREE alone could be either."""
    changed = seat(OTHER, "Monday Box", state=CircleState.OPEN, agreed=False)
    chat = Chat(member()).says(f"JOIN {CODE} 2").says("AGREE").does(c.Agree(CODE, 4))
    chat.says("AGREE").sees("Which circle do you agree to")
    chat = Chat(member(changed)).says("I agree").does(c.Agree(OTHER, 2))
    chat = Chat(member(changed)).says(f"JOIN {CODE}").says("AGREE").sees("Which circle do you agree to")
    chat.taps("Monday Box").does(c.Agree(OTHER, 2))


def test_an_old_answer_tapped_at_another_question_is_no_answer_and_loses_nothing() -> None:
    chat = Chat(member()).says("PAY").taps_line("BY CASH").sees('"BY CASH"', "How much")
    chat.says("5000").sees("How do you throw")


def test_an_answer_may_be_typed_as_it_is_labelled() -> None:
    Chat(member()).says("PAY 5000").says("cash to banker").does(c.BeginThrow(CODE, 500_000, "CASH"))
    Chat(banker(CircleState.OPEN)).says("APPROVE").says("All of them").does(c.Approve(CODE, "ALL"))
    Chat(member()).says("PAYOUT").says("Bank account").sees("Which bank")
    Chat(member()).says("my draw").sees("draw")


def test_a_refused_answer_can_be_asked_for_again_with_the_others_kept() -> None:
    """What the desk does when an action refuses the amount: the flow stands at that question again."""
    chat = Chat(member()).says("PAY 20000 cash").does(c.BeginThrow(CODE, 2_000_000, "CASH"))
    before = chat.step.before
    assert before is not None
    slots = {k: v for k, v in before.slots.items() if k != "amount"}
    chat.session = Session("pay", "amount", slots)
    chat.says("5000").does(c.BeginThrow(CODE, 500_000, "CASH"))


def test_help_names_every_word_that_somebody_may_use() -> None:
    """By pages on SMS, too: what the help leaves out nobody finds."""
    for standing in (member(), banker(), clerk()):
        for channel in (Channel.WHATSAPP, Channel.SMS):
            said = Chat(on(channel, standing)).says("HELP").text
            mine = {w for w, entry in WORDS.items() if may(w, standing) and (not entry.banks or standing.seats)}
            banks = {w for w in mine if WORDS[w].banks and not any(s.is_banker for s in standing.seats)}
            words = mine - banks - {"HELP"}
            assert {word for word in words if not re.search(rf"\b{word}\b", said)} == set()


def test_a_question_that_no_word_begins_is_left_by_the_name_people_know() -> None:
    chat = Chat(member())
    chat.session = Session("new_pin", "pin")
    chat.says("BALANCE").sees("I have left PIN")
    assert "NEW_PIN" not in chat.text


def test_link_and_reach_keep_the_network_that_stands_alone() -> None:
    Chat(member()).says("LINK EMAIL").sees("e-mail address").says("nonsense").sees("Type it like m@example.com")
    chat = Chat(member()).says("LINK WHATSAPP").says("876 555 0199")
    assert chat.step.commands == (c.StartLink("whatsapp:+18765550199"),)
    chat = Chat(member()).says("REACH SMS")
    assert chat.step.commands == (c.Reach("sms:"),)


def test_who_is_in_no_circle_is_not_asked_for_its_code() -> None:
    alone = replace(member(), seats=())
    said = Chat(alone).says("LOCK").sees("you are in none", "JOIN", "NEW").text
    assert "Type a circle's code" not in said
