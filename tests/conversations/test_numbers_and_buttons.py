"""A bare number means one thing or is asked about; an old button still means what it said."""

from domain import commands as c
from domain.messages import Channel
from domain.pardna import CircleState
from tests.conversations.chat import CODE, OTHER, Chat, banker, member, on, seat, shown

SMS = on(Channel.SMS, member())
CASH_NOTICE = shown(("CONFIRM R-7K2MQ9XA", "Confirm"), ("DENY R-7K2MQ9XA", "Not right"))


def test_with_nothing_waiting_a_number_is_the_last_choice_shown() -> None:
    Chat(SMS, menu=CASH_NOTICE).says("2").does(c.Deny("R-7K2MQ9XA"))
    Chat(SMS).says("MENU").says("2").sees("J$5,000 due")


def test_a_number_beyond_the_choice_or_without_one_is_not_understood() -> None:
    Chat(SMS, menu=CASH_NOTICE).says("3").sees("do not know it")
    Chat(SMS).says("2").sees("do not know it")


def test_a_number_at_a_question_is_its_own_choice() -> None:
    Chat(SMS).says("PAY").says("1").sees("How do you throw J$5,000").says("3").does(c.BeginThrow(CODE, 500_000, "CASH"))


def test_a_small_number_at_the_amount_is_never_an_amount() -> None:
    chat = Chat(SMS).says("PAY").says("2").sees('"2"', "no amount", "How much")
    chat.says("50").sees("How do you throw J$50?")
    Chat(SMS).says("PAY 5 CASH").sees("no amount")
    Chat(SMS).says("NEW").says("Sunday Club").says("9").sees("no amount")


def test_an_explicit_small_amount_is_one() -> None:
    Chat(SMS).says("PAY $5 CASH").does(c.BeginThrow(CODE, 500, "CASH"))


def test_a_notices_choice_does_not_take_the_number_of_the_question_that_waits() -> None:
    """The notice came while a question waited: the number is for neither until it is clear."""
    chat = Chat(SMS).says("PAY")
    chat.menu = CASH_NOTICE
    chat.says("1").sees("no amount", "How much")
    chat.says("1").sees("How do you throw J$5,000")


def test_a_figure_that_is_asked_for_is_never_a_notices_choice() -> None:
    chat = Chat(SMS).says("NEW Sunday Club; 5000; weekly").sees("How many turns")
    chat.menu = CASH_NOTICE
    chat.says("2").sees("first hand due")


def test_where_words_are_asked_for_a_number_is_the_notices_choice() -> None:
    """A question without answers of its own that wants no figure: only the notice can be meant."""
    chat = Chat(on(Channel.SMS, banker())).says("CASH").sees("Who gave you cash")
    chat.menu = CASH_NOTICE
    assert chat.says("1").step.commands == (c.Confirm("R-7K2MQ9XA"),)


def test_after_the_third_miss_the_number_of_agent_is_agent() -> None:
    chat = Chat(SMS).says("PAY 5000")
    for _ in range(3):
        chat.says("blah")
    assert chat.sees("reply AGENT").offers == ["BY SANDBOX", "BY CARD", "BY CASH", "AGENT"]
    chat.says("4").sees("What is it about")


def test_every_answer_offered_is_taken() -> None:
    """Each answer of each question leads on, tapped or typed as it is labelled."""
    for label in ("Sandbox", "Card", "Cash to banker"):
        assert Chat(member()).says("PAY 5000").taps(label).step.commands
    for label in ("weekly", "fortnightly", "monthly"):
        Chat(member()).says("NEW Box; 5000").taps(label).sees("How many turns")
    for label in ("join order", "banker sets it"):
        assert Chat(member()).says("NEW Box; 5000; weekly; 5; 4 Dec").taps(label).step.commands
        assert Chat(member()).says("NEW Box; 5000; weekly; 5; 4 Dec").says(label).step.commands


def test_an_old_button_means_what_it_said() -> None:
    chat = Chat(member(seat(), seat(OTHER, "Monday Box")))
    chat.says("ROSTER").taps("Monday Box").does(c.Roster(OTHER))
    chat.says("BALANCE").taps_line(f"ROSTER {OTHER}").does(c.Roster(OTHER))
    chat.taps_line("PAYOUT BANK").sees("Which bank")
    chat.taps_line(f"APPROVE {OTHER} ALL").does(c.Approve(OTHER, "ALL"))
    chat.taps_line("LANGUAGE PATWA")
    assert chat.step.commands


def test_an_old_answer_that_means_nothing_any_more_says_so_and_moves_no_money() -> None:
    """A rail tapped twice is not the banker's CASH, and not a second throw."""
    chat = Chat(banker())
    chat.says("PAY 5000").taps("Cash to banker").does(c.BeginThrow(CODE, 500_000, "CASH"))
    for line in ("BY CASH", "BY JOIN ORDER", "weekly", "CONSENT YES", "CONSENT NO"):
        chat.taps_line(line).sees("a question that is over")
    chat.taps_line("J$5,000").sees("a question that is over")


def test_a_stale_yes_locks_nothing_by_itself() -> None:
    chat = Chat(banker(CircleState.OPEN)).says("LOCK").says("BALANCE").says("1")
    assert c.Lock(CODE) not in chat.step.commands
