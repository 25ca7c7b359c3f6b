"""Each word of the contract in one line is done at once; what is left out is asked for."""

from datetime import date

import pytest

from domain import commands as c
from domain.messages import Channel
from domain.money import Currency
from domain.pardna import CircleState, OrderBy
from domain.people import Language
from domain.schedule import Frequency
from domain.standing import Standing
from domain.terms import FeeKind, OnDefault
from tests.conversations.chat import ALL_RAILS, CODE, NOW, OTHER, Chat, ask, banker, clerk, member, on, seat

SUNDAY = c.NewCircle("Sunday Club", 500_000, Currency.JMD, Frequency.WEEKLY, 5, date(2026, 12, 4), OrderBy.JOIN)
OPEN = banker(CircleState.OPEN)
TWO = member(seat(), seat(OTHER, "Monday Box"))
WAITING = banker(asks=(ask("cash", "R-7K2MQ9XA"), ask("draw", "P-7K2M"), ask("payout", "P-9XAB")))

LINES: list[tuple[Standing, str, c.Command]] = [
    # joining
    (member(), "JOIN K7QX2M", c.LookAtTerms(CODE, 2)),
    (member(), "join k7qx2m 2", c.LookAtTerms(CODE, 4)),
    (member(), "JOIN 2 hands K7QX2M please", c.LookAtTerms(CODE, 4)),
    (member(), "JOIN K7QX2M HALF", c.LookAtTerms(CODE, 1)),
    (member(), "join K7QX2M half a hand", c.LookAtTerms(CODE, 1)),
    (member(), "JOIN K7QX2M 1/2", c.LookAtTerms(CODE, 1)),
    (member(), "JOIN a half hand K7QX2M", c.LookAtTerms(CODE, 1)),
    (member(), "JOIN K7QX2M 1 and a half", c.LookAtTerms(CODE, 3)),
    (member(), "JOIN K7QX2M one and a half hands", c.LookAtTerms(CODE, 3)),
    (member(), "JOIN K7QX2M 2.5", c.LookAtTerms(CODE, 5)),
    (member(), "AGREE K7QX2M HALF", c.Agree(CODE, 1)),
    (member(), "AGREE K7QX2M 1 1/2", c.Agree(CODE, 3)),
    (member(), "K7QX2M", c.LookAtTerms(CODE, 2)),
    (member(), "joyn K7QX2M", c.LookAtTerms(CODE, 2)),
    (member(), "/join K7QX2M", c.LookAtTerms(CODE, 2)),
    (member(), "/join@PardnaBot K7QX2M", c.LookAtTerms(CODE, 2)),
    (member(), "AGREE K7QX2M 3", c.Agree(CODE, 6)),
    # setting up
    (member(), "NEW Sunday Club; 5000 JMD; weekly; 5; 2026-12-04; join order", SUNDAY),
    (member(), "NEW Sunday Club; J$5k; week; 5 turns; 4 Dec; join order;", SUNDAY),
    (member(), "new  Sunday  Club ;5 grand; every week; 5; Fri 4 Dec 2026; join", SUNDAY),
    (
        member(),
        "NEW Box; US$50; monthly; 12; 2027-01-31; banker",
        c.NewCircle("Box", 5_000, Currency.USD, Frequency.MONTHLY, 12, date(2027, 1, 31), OrderBy.BANKER),
    ),
    # the banker
    (OPEN, "INVITE", c.Invite(CODE)),
    (OPEN, "INVITE K7QX2M", c.Invite(CODE)),
    (member(), "ROSTER", c.Roster(CODE)),
    (OPEN, "APPROVE K7QX2M Devon Clarke", c.Approve(CODE, "Devon Clarke")),
    (OPEN, "APPROVE Devon Clarke", c.Approve(CODE, "Devon Clarke")),
    (OPEN, "APPROVE Miss Patsy K7QX2M", c.Approve(CODE, "Miss Patsy")),
    (OPEN, "APPROVE K7QX2M ALL", c.Approve(CODE, "ALL")),
    (OPEN, "ORDER K7QX2M Devon, Keisha , Marva", c.Arrange(CODE, ("Devon", "Keisha", "Marva"))),
    (OPEN, "TERMS K7QX2M", c.LookAtTerms(CODE)),
    (OPEN, "TERMS K7QX2M fee 500", c.SetTerms(CODE, 50_000)),
    (OPEN, "TERMS fee: $500, grace 4 days", c.SetTerms(CODE, 50_000, 4)),
    (OPEN, "TERMS K7QX2M fee none", c.SetTerms(CODE, 0)),
    (OPEN, "TERMS K7QX2M fee 2%", c.SetTerms(CODE, fee_kind=FeeKind.PERCENT, fee_share=200)),
    (OPEN, "TERMS fee 2.5 percent reserve 2 %", c.SetTerms(CODE, None, None, FeeKind.PERCENT, 250, reserve_share=200)),
    (OPEN, "TERMS K7QX2M fee one hand", c.SetTerms(CODE, fee_kind=FeeKind.HAND)),
    (OPEN, "TERMS K7QX2M fee a gift", c.SetTerms(CODE, fee_kind=FeeKind.GIFT)),
    (OPEN, "TERMS late fee 200 cap $1,000 fee 500", c.SetTerms(CODE, 50_000, late_fee=20_000, late_cap=100_000)),
    (OPEN, "TERMS late 5% cover yes", c.SetTerms(CODE, late_share=500, cover=True)),
    (OPEN, "TERMS late none default substitute", c.SetTerms(CODE, late_fee=0, on_default=OnDefault.SUBSTITUTE)),
    (OPEN, "LOCK K7QX2M", c.AskToLock(CODE)),
    (OPEN, "LOCK K7QX2M YES", c.Lock(CODE)),
    (banker(CircleState.LOCKED), "BEGIN", c.AskToBegin(CODE)),
    (banker(CircleState.LOCKED), "BEGIN K7QX2M yes", c.Begin(CODE)),
    (OPEN, "CLOSE K7QX2M YES", c.Close(CODE)),
    (banker(), "SUSPEND K7QX2M", c.Suspend(CODE)),
    (banker(CircleState.SUSPENDED), "RESUME", c.Resume(CODE)),
    (banker(), "PAY OUT", c.PayOut(CODE)),
    (banker(), "pay out k7qx2m", c.PayOut(CODE)),
    (banker(), "/pay_out K7QX2M", c.PayOut(CODE)),
    (banker(), "CASH Devon 5000 K7QX2M", c.RecordCash(CODE, "Devon", 500_000)),
    (banker(), "CASH 5,000 from Devon Clarke", c.RecordCash(CODE, "Devon Clarke", 500_000)),
    (banker(), "CASH Devon 5 grand", c.RecordCash(CODE, "Devon", 500_000)),
    (banker(), "cash K7QX2M devon J$ 5 000", c.RecordCash(CODE, "devon", 500_000)),
    # throwing
    (member(), "PAY CASH", c.BeginThrow(CODE, 500_000, "CASH")),
    (member(), "PAY SANDBOX", c.BeginThrow(CODE, 500_000, "SANDBOX")),
    (member(), "PAY 5,000 cash K7QX2M", c.BeginThrow(CODE, 500_000, "CASH")),
    (member(), "pay k7qx2m card 2500.50", c.BeginThrow(CODE, 250_050, "CARD")),
    (member(), "PAY cash 5 grand", c.BeginThrow(CODE, 500_000, "CASH")),
    (member(), "PAY $5k by visa", c.BeginThrow(CODE, 500_000, "CARD")),
    (member(), "PAY5000 cash", c.BeginThrow(CODE, 500_000, "CASH")),
    (member(), "THROW 5000 in cash to K7QX2M", c.BeginThrow(CODE, 500_000, "CASH")),
    (TWO, "PAY 5000 CASH B3CD4F", c.BeginThrow(OTHER, 500_000, "CASH")),
    # answers to what waits
    (WAITING, "CONFIRM", c.Confirm("R-7K2MQ9XA")),
    (WAITING, "confirm r7k2mq9xa", c.Confirm("R-7K2MQ9XA")),
    (WAITING, "DENY R-7K2MQ9XA", c.Deny("R-7K2MQ9XA")),
    (WAITING, "RECEIVED", c.Received("P-7K2M")),
    (WAITING, "recived", c.Received("P-7K2M")),
    (WAITING, "RECEIVED P-7K2M thanks", c.Received("P-7K2M")),
    (WAITING, "NOT RECEIVED", c.NotReceived("P-7K2M")),
    (WAITING, "NOT RECIEVED P-7K2M", c.NotReceived("P-7K2M")),
    (WAITING, "APPROVE PAYOUT P-9XAB", c.ApprovePayout("P-9XAB")),
    (WAITING, "APPROVE PAYOUT", c.ApprovePayout("P-9XAB")),
    (WAITING, "APPROVE P-9XAB", c.ApprovePayout("P-9XAB")),
    # oneself
    (member(), "TRN 123-456-789", c.StateTrn("123456789")),
    (member(), "TRN 123 456 789", c.StateTrn("123456789")),
    (member(), "PAYOUT NCB 12345678", c.SetDestination("bank", "NCB", "", "12345678", "Marva Brown")),
    (member(), "PAYOUT BANK NCB 1234-5678", c.SetDestination("bank", "NCB", "", "12345678", "Marva Brown")),
    (
        member(),
        "PAYOUT SCOTIA Half Way Tree 123456",
        c.SetDestination("bank", "Scotiabank", "Half Way Tree", "123456", "Marva Brown"),
    ),
    (
        member(),
        "PAYOUT SCOTIA 12345 123456",
        c.SetDestination("bank", "Scotiabank", "12345", "123456", "Marva Brown"),
    ),
    (member(), "PAYOUT LYNK 876 555 0101", c.SetDestination("wallet", "Lynk", "", "8765550101", "Marva Brown")),
    (member(), "PAYOUT WALLET LYNK @marva.b", c.SetDestination("wallet", "Lynk", "", "@marva.b", "Marva Brown")),
    (member(), "PAYOUT CASH", c.SetDestination("cash")),
    (member(), "LINK sms 876 555 0101", c.StartLink("sms:+18765550101")),
    (member(), "LINK whatsapp +1 658 555 0101", c.StartLink("whatsapp:+16585550101")),
    (member(), "LINK telegram 5550103", c.StartLink("telegram:5550103")),
    (member(), "LANGUAGE PATWA", c.SetLanguage(Language.PATWA)),
    (member(), "language english", c.SetLanguage(Language.EN)),
    (member(), "AGENT my phone is lost", c.OpenTicket("my phone is lost")),
    (member(), "STOP", c.Stop()),
    # staff
    (member(), "PAYOUT NCB 12345678 Marva A. Brown", c.SetDestination("bank", "NCB", "", "12345678", "Marva A. Brown")),
    (member(), "PIN", c.ChangePin()),
    (member(), "UNLINK", c.AskUnlink()),
    (member(), "REACH", c.AskReach()),
    (member(), "reach whatsapp 876 555 0101", c.Reach("whatsapp:+18765550101")),
    (member(), "COPIES", c.AskCopies()),
    (member(), "copies off", c.SetCopies(on=False)),
    (member(), "COPIES ON", c.SetCopies(on=True)),
    (clerk(), "LETTERS", c.Letters()),
    (clerk(), "letters retry 12", c.Letters("retry", 12)),
    (clerk(), "LETTERS DROP 12", c.Letters("drop", 12)),
    (clerk(), "MESSAGES Marva Brown", c.Messages("Marva Brown")),
    (member(), "UNLINK sms 876 555 0101", c.Unlink("sms:+18765550101")),
    (member(), "STOP PAYOUT", c.StopDraws()),
    (clerk(), "FREEZE K-7Q2M SIM change reported", c.FreezeDraws("K-7Q2M", "SIM change reported")),
    (clerk(), "FREEZE k-abcd asked by the police", c.FreezeDraws("K-ABCD", "asked by the police")),
    (clerk(), "UNFREEZE Marva Brown; it was her", c.UnfreezeDraws("Marva Brown", "it was her")),
    (clerk(), "RESET PIN +1 876 555 0101 passport seen", c.ResetPin("+18765550101", "passport seen")),
    (clerk(), "QUEUE", c.Queue()),
    (clerk(), "KYC K-7Q2M OK", c.Kyc("K-7Q2M", right=True)),
    (clerk(), "kyc k7q2m no", c.Kyc("K-7Q2M", right=False)),
    (clerk(), "CASE K-7Q2M We look into it.", c.Case("K-7Q2M", "We look into it.")),
]


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize(("standing", "typed", "command"), LINES, ids=[line for _, line, _ in LINES])
def test_a_whole_line_is_done_at_once_on_every_channel(
    standing: Standing, typed: str, command: c.Command, channel: Channel
) -> None:
    chat = Chat(on(channel, standing)).says(typed)
    chat.does(command)


def test_a_line_with_a_word_too_many_does_nothing_and_says_what_would() -> None:
    """`RECEIVED P-7K2M not yet` must not count as received."""
    Chat(WAITING).says("RECEIVED P-7K2M not yet").sees('"not yet"', "nothing is done", "RECEIVED P-7K2M")
    Chat(OPEN).says("LOCK K7QX2M tomorrow").sees('"tomorrow"', "nothing is done", "LOCK K7QX2M")


@pytest.mark.parametrize(
    ("standing", "typed", "heard"),
    [
        (member(), "PAY abc cash", '"abc"'),
        (member(), "PAY 0 cash", "more than nothing"),
        (member(), "PAY -5000 cash", "more than nothing"),
        (member(), "PAY 1000000000000 cash", "more than I can take"),
        (member(), "PAY 5.000,00 cash", "Write it like"),
        (member(), "PAY US$50 cash", "Type it in JMD"),
        (member(), "PAY 5000 lynk", "LYNK is not open yet"),
        (member(), "PAY 5000 cash B3CD4F", "in no circle with the code B3CD4F"),
        (banker(), "CASH Devon abc5", "Type an amount"),
        (banker(), "CASH Devon 5", "no amount"),
        (member(), "JOIN K7QX2", '"K7QX2"'),
        (member(), "JOIN K7QX2M 9", "half a hand to 3 hands"),
        (member(), "NEW Sunday Club; 5001.01; weekly", "even amount"),
        (member(), "NEW Sunday Club; 5000; daily", "weekly, fortnightly or monthly"),
        (member(), "NEW Sunday Club; 5000; weekly; 1", "2 to 50"),
        (member(), "NEW Sunday Club; 5000; weekly; 5; 8", "Type a day"),
        (member(), "NEW Sunday Club; 5000; weekly; 5; 2020-01-08", "not within a year"),
        (member(), "NEW Sunday Club; 5000; weekly; 5; 2026-12-04; banker; more", '"more"'),
        (OPEN, "ROSTER K7QX2", '"K7QX2"'),
        (OPEN, "TERMS K7QX2M late soon", "Type an amount"),
        (OPEN, "TERMS K7QX2M reserve 2", '"reserve 2"'),
        (OPEN, "TERMS K7QX2M cover maybe", '"cover maybe"'),
        (OPEN, "TERMS K7QX2M fine 5", '"fine 5"'),
        (OPEN, "TERMS K7QX2M fee lots", "Type an amount"),
        (OPEN, "TERMS K7QX2M grace soon", '"grace soon"'),
        (WAITING, "CONFIRM P-7K2M", "begins with R-"),
        (WAITING, "RECEIVED 24500", "begins with P-"),
        (member(), "TRN 12345678A", "9 digits"),
        (member(), "TRN 111111111", "9 digits"),
        (member(), "PAYOUT NCB 123", "6 to 13 digits"),
        (member(), "PAYOUT MOON 12345678", "Type it like PAYOUT NCB"),
        (member(), "PAYOUT K7QX2M", "PAY OUT K7QX2M"),
        (member(), "LINK sms 12", "SMS 876 555 0101"),
        (member(), "LANGUAGE french", '"french"'),
        (member(), "AGENT ...", "in a few words"),
        (WAITING, "RECEIVED?", "Which of these did you mean"),
        (WAITING, "confirm ?", "Which of these did you mean"),
        (clerk(), "KYC K-7Q2M maybe", '"maybe"'),
        (clerk(), "KYC 7Q2M OK", "begins with K-"),
        (clerk(), "CASE K-7Q2M", "your answer"),
    ],
)
def test_a_wrong_line_says_what_was_taken_and_does_nothing(standing: Standing, typed: str, heard: str) -> None:
    Chat(standing).says(typed).sees(heard)


def test_an_amount_is_kept_while_the_circle_is_asked_for() -> None:
    chat = Chat(TWO).says("PAY 2500 cash").sees("for which circle")
    chat.taps("Monday Box").does(c.BeginThrow(OTHER, 250_000, "CASH"))


def test_a_circle_is_known_by_its_name_too() -> None:
    Chat(TWO).says("PAY 2500 cash").says("monday box").does(c.BeginThrow(OTHER, 250_000, "CASH"))


def test_between_circles_of_two_currencies_an_amount_waits_for_the_circle() -> None:
    """5000 may be J$ or US$ until the circle is known, so it is asked for again."""
    dollars = seat(OTHER, "Miami Box", currency=Currency.USD, throw=5_000, owed=())
    chat = Chat(member(seat(), dollars, rails=ALL_RAILS)).says("PAY 50 cash").sees("for which circle")
    chat.taps("Miami Box").sees("nothing is due now")
    chat.says("50").does(c.BeginThrow(OTHER, 5_000, "CASH"))


def test_with_a_rail_alone_what_is_due_is_thrown_and_without_dues_it_is_asked() -> None:
    Chat(member(seat(owed=()))).says("PAY CASH").sees("nothing is due now")


def test_six_figures_are_a_links_code_while_one_waits_and_never_a_circle() -> None:
    chat = Chat(member()).says("LINK sms 876 555 0101").does(c.StartLink("sms:+18765550101"))
    chat.says("234567").does(c.FinishLink("234567"))
    chat.says("345 678").does(c.FinishLink("345678"))
    chat.standing = member(now=NOW.replace(hour=NOW.hour + 1))
    chat.says("234567").sees("as an amount")


def test_words_of_staff_mean_nothing_to_others() -> None:
    Chat(member()).says("QUEUE").sees('"QUEUE"', "do not know it")
