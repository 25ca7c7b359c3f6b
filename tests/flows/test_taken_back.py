"""What goes back of a card payment: refunds in parts, what banks take and give back, in two currencies, at any time."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.messages import Filed
from tests.flows.cards import Stripe, open_stripe, standing
from tests.flows.club import Club, begun, clerk, fetch, rows
from tests.teller import Phone

DEBT = "circle:%:debt:%"
STATE = "SELECT state FROM payment WHERE receipt = :r"


@pytest.fixture
async def stripe(database_url: str) -> AsyncIterator[Stripe]:
    async with open_stripe(database_url) as stripe:
        yield stripe


async def dollars(stripe: Stripe, phone: Phone, finance: Phone) -> tuple[str, str]:
    """Pay J$5,000 with US$32.21 at J$155.25; returns the receipt and Stripe's name of it."""
    await finance.says("RATE 155.25").sees("US$1 is J$155.25")
    paid = await stripe.pays(phone, "PAY 5000 USCARD")
    await phone.sees("J$5,000 from Devon")
    return paid


async def takes(stripe: Stripe, intent: str, amount: int, currency: str, dispute: str = "du_x") -> None:
    """Have a bank take money in a way that the stand-in would not."""
    body: dict[str, Any] = {"carrier": "stripe", "receipt": "", "provider_ref": intent, "dispute_id": dispute}
    body |= {"kind": "charged_back", "amount": amount, "currency": currency}
    await stripe.house.filer.file([Filed("stripe", f"charged_back:{dispute}", f"stripe:{intent}", "event", body)])
    await stripe.house.rest()


async def drawn(stripe: Stripe) -> tuple[Club, Phone, str, str]:
    """Return a circle whose first pot, Devon's card payment in it, is drawn, with the receipt and Stripe's name."""
    club = await begun(stripe.house, 3)
    marva, devon, keisha = club.phones
    await club.pay(marva, keisha)
    receipt, intent = await stripe.pays(devon)
    await devon.sees("J$5,000 from Devon")
    await fund(stripe)
    await club.draw(marva)
    return club, devon, receipt, intent


async def fund(stripe: Stripe) -> None:
    """Give the sandbox enough to pay draws with."""
    line = {"kind": "line", "line_id": "f" * 64, "carrier": "sandbox", "currency": "JMD", "booked": "2027-01-04"}
    body = {**line, "amount": 100_000_00, "hint": "interest"}
    await stripe.house.filer.file([Filed("statement", "fund", "line:fund", "event", body)])
    await stripe.house.rest()


# -- in another currency ----------------------------------------------------------------------------------------------


async def test_a_part_of_a_dollar_payment_that_is_taken_back_counts_at_its_own_quote(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    _, intent = await dollars(stripe, devon, finance)
    await finance.says("RATE 200").sees("J$200")
    await stripe.account.dispute(intent, amount=1_000)
    await stripe.tells()
    await devon.sees("took back J$1,552.32")  # 10.00 of 32.21 of J$5,000, rounded up, whatever the rate is now
    assert await standing(house, f"circle:{club.code}:pot:1") == 500_000 - 155_232
    await stripe.right()


async def test_the_smallest_sum_taken_back_is_never_nothing(stripe: Stripe) -> None:
    """J$1 taken of a payment to a circle in US dollars is a cent."""
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3, terms="50 USD; weekly")
    _, devon, _ = club.phones
    await finance.says("RATE 155.25").sees("J$155.25")
    receipt = await stripe.asks(devon, "PAY 50 CARD")
    intent = await stripe.pays_page(receipt)
    await devon.sees("US$50 from Devon")
    await takes(stripe, intent, 100, "JMD")
    await devon.sees("took back US$0.01")
    assert await standing(house, f"circle:{club.code}:pot:1") == 4_999
    await house.books_are_right()


async def test_what_is_told_in_a_third_way_counts_at_the_rate_of_now_and_without_one_stands_aside(
    stripe: Stripe,
) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, intent = await stripe.pays(devon)
    await finance.says("RATE 155.25").sees("J$155.25")
    await house.pass_days(3.1)  # an old rate is none
    await takes(stripe, intent, 1_000, "USD")
    assert not await devon.saw("took back")
    assert await standing(house, "suspense:stripe:USD") == -1_000
    ref = str(await fetch(house, "SELECT ref FROM ticket WHERE kind = 'match'"))
    await finance.says(f"MATCH {ref} {receipt}").sees("US$10 counts at today's rate", "RATE 155.25")
    await finance.says("RATE 160").sees("J$160")
    await finance.says(f"MATCH {ref} {receipt}").sees("Done")
    await devon.sees("took back J$1,600", receipt)
    assert await standing(house, "suspense:stripe:USD") == 0
    await takes(stripe, intent, 500, "USD", "du_y")
    await devon.sees("took back J$800")
    await house.books_are_right()


async def test_a_deposit_is_not_matched_across_currencies_at_an_old_rate(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await stripe.asks(devon)
    await stripe.account.stray(3_221, "usd")
    await stripe.tells()
    await finance.says("RATE 155.25").sees("J$155.25")
    await house.pass_days(3.1)
    ref = str(await fetch(house, "SELECT ref FROM ticket WHERE kind = 'match'"))
    await finance.says(f"MATCH {ref} {receipt}").sees("US$32.21 counts at today's rate", "RATE 155.25")
    assert await standing(house, "suspense:stripe:USD") == 3_221
    await finance.says("RATE 160").sees("J$160")
    await finance.says(f"MATCH {ref} {receipt}").sees("Done")
    await devon.sees("you asked to throw J$5,000 and J$5,153.60 came")
    await stripe.right()


# -- what comes back of a dispute -------------------------------------------------------------------------------------


async def test_what_a_bank_gives_back_in_part_counts_in_part(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, intent = await stripe.pays(devon)
    dispute = await stripe.account.dispute(intent)
    await stripe.tells()
    await devon.sees("took back J$5,000", f"PAY {club.code}")
    await stripe.account.win(dispute, amount=300_000)
    await stripe.tells()
    await devon.sees("gave back J$3,000", "keeps J$2,000")
    await stripe.repeats("charge_returned")
    assert await standing(house, f"circle:{club.code}:pot:1") == 300_000
    assert await fetch(house, STATE, r=receipt) == "CHARGED_BACK"
    await finance.says(f"REFUND {receipt}").sees("took J$2,000", "back already")
    await devon.says("BALANCE").sees("J$2,000")
    await stripe.right()


async def test_what_a_bank_gives_back_in_dollars_counts_as_it_was_taken(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, intent = await dollars(stripe, devon, finance)
    dispute = await stripe.account.dispute(intent)
    await stripe.tells()
    await devon.sees("took back J$5,000")
    await stripe.account.win(dispute, amount=1_000)
    await stripe.tells()
    await devon.sees("gave back J$1,552.31", "keeps J$3,447.69")
    assert await standing(house, "exchange:USD") == 1_000
    assert await standing(house, "exchange:JMD") == -155_231
    assert await fetch(house, STATE, r=receipt) == "CHARGED_BACK"
    await stripe.right()


async def test_what_a_bank_gives_back_after_the_draw_lowers_the_debt_by_just_that(stripe: Stripe) -> None:
    house = stripe.house
    club, devon, _, intent = await drawn(stripe)
    dispute = await stripe.account.dispute(intent)
    await stripe.tells()
    assert await standing(house, DEBT) == 500_000
    await stripe.account.win(dispute, amount=200_000)
    await stripe.tells()
    await devon.sees("gave back J$2,000", "keeps J$3,000")
    assert await standing(house, DEBT) == 300_000
    await devon.says(f"PAY 3000 SANDBOX {club.code}").sees("pays what the card's bank took back")
    assert await standing(house, DEBT) == 0
    await stripe.right()


async def test_more_than_was_paid_may_be_taken_and_is_booked_as_it_was_told(stripe: Stripe) -> None:
    house = stripe.house
    club = await begun(house, 3)
    _, devon, _ = club.phones
    _, intent = await stripe.pays(devon)
    await stripe.account.dispute(intent, amount=510_000)
    await stripe.tells()
    await devon.sees("took back J$5,100")
    assert (await standing(house, f"circle:{club.code}:pot:1"), await standing(house, DEBT)) == (0, 10_000)
    await stripe.right()


# -- refunds and disputes of one payment ------------------------------------------------------------------------------


async def test_refunds_in_parts_sum_to_the_payment_to_the_cent(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, _ = await dollars(stripe, devon, finance)
    stripe.account.refunds_are = "pending"
    for part in ("1666.67", "1666.67", "1666.66"):
        await finance.says(f"REFUND {receipt} {part}").sees(f"Giving J${float(part):,.2f}")
        await devon.sees("on its way back")
    await finance.says(f"REFUND {receipt} 0.01").sees("has J$0 left")
    refunds = stripe.account.of_kind("refund")
    assert sum(refund["amount"] for refund in refunds) == 3_221
    for refund in refunds[:2]:
        await stripe.account.settle_refund(refund["id"])
        await stripe.tells()
        assert await fetch(house, STATE, r=receipt) == "SETTLED"
    await stripe.account.settle_refund(refunds[2]["id"])
    await stripe.tells()
    assert await fetch(house, STATE, r=receipt) == "REFUNDED"
    assert await standing(house, "rail:stripe:USD") == stripe.account.balance_of("usd")
    assert (await standing(house, "exchange:USD"), await standing(house, "exchange:JMD")) == (0, 0)
    await finance.says(f"REFUND {receipt}").sees("has J$0 left")
    await stripe.right()


async def test_a_refund_that_fails_after_all_leaves_the_others_given_back(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, _ = await stripe.pays(devon)
    for part in (2000, 3000):
        await finance.says(f"REFUND {receipt} {part}").sees(f"Giving J${part:,}")
        await stripe.tells()
    assert await fetch(house, STATE, r=receipt) == "REFUNDED"
    await stripe.account.fail_refund(stripe.account.of_kind("refund")[0]["id"])
    await stripe.tells()
    await devon.sees("J$2,000", "could not go back")
    assert await rows(house, "SELECT state, given_back FROM payment") == [("SETTLED", 300_000)]
    await finance.says(f"REFUND {receipt} 2500").sees("has J$2,000 left")
    await stripe.right()


async def test_a_dispute_after_a_refund_is_owed_twice_and_finance_hears_of_the_refund(stripe: Stripe) -> None:
    """The payer has it twice from the bank: what cannot be found in the circle is a debt."""
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, intent = await stripe.pays(devon)
    await finance.says(f"REFUND {receipt} 2000").sees("Giving J$2,000")
    await stripe.tells()
    dispute = await stripe.account.dispute(intent)
    await stripe.tells()
    await devon.sees("took back J$5,000")
    await finance.sees("card bank took back J$5,000 from Devon", "J$2,000 of it was given back before")
    assert await standing(house, DEBT) == 200_000
    await devon.says("BALANCE").sees("J$5,000", "J$2,000 to pay again", f"PAY {club.code}")
    await stripe.account.win(dispute)
    await stripe.tells()
    await devon.sees("gave back J$5,000")
    assert await rows(house, "SELECT state, given_back FROM payment") == [("SETTLED", 200_000)]
    assert (await standing(house, DEBT), await standing(house, f"circle:{club.code}:pot:1")) == (0, 300_000)
    await stripe.right()


async def test_a_dispute_that_is_won_leaves_a_payment_refunded_that_was(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, intent = await stripe.pays(devon)
    await finance.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await stripe.tells()
    dispute = await stripe.account.dispute(intent)
    await stripe.tells()
    assert await fetch(house, STATE, r=receipt) == "CHARGED_BACK"
    assert await standing(house, DEBT) == 500_000
    await stripe.account.win(dispute)
    await stripe.tells()
    assert await fetch(house, STATE, r=receipt) == "REFUNDED"
    assert await standing(house, DEBT) == 0
    await stripe.right()


async def test_what_a_bank_took_is_not_given_back_by_hand_until_it_returned(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, intent = await stripe.pays(devon)
    dispute = await stripe.account.dispute(intent)
    await stripe.tells()
    await finance.says(f"REFUND {receipt}").sees("took J$5,000", "back already")
    assert stripe.account.of_kind("refund") == []
    await stripe.account.win(dispute)
    await stripe.tells()
    await finance.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await stripe.tells()
    await devon.sees("went back to you")
    assert await fetch(house, STATE, r=receipt) == "REFUNDED"
    await stripe.right()


async def test_a_refund_on_its_way_when_the_bank_takes_all_pays_the_debt_when_it_fails(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt, intent = await stripe.pays(devon)
    stripe.account.refunds_are = "pending"
    await finance.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await stripe.tells()
    await stripe.account.dispute(intent)
    await stripe.tells()
    assert await standing(house, DEBT) == 500_000
    await stripe.account.fail_refund(stripe.account.of_kind("refund")[0]["id"])
    await stripe.tells()
    await devon.sees("could not go back")
    assert await fetch(house, STATE, r=receipt) == "CHARGED_BACK"
    assert await standing(house, DEBT) == 0
    await devon.says("BALANCE").sees("J$5,000 due")
    await stripe.right()


# -- a debt is seen and paid ------------------------------------------------------------------------------------------


async def test_balance_tells_of_the_debt_and_how_it_is_paid(stripe: Stripe) -> None:
    house = stripe.house
    club, devon, _, intent = await drawn(stripe)
    await devon.says("BALANCE").sees("nothing to throw")
    await stripe.account.dispute(intent)
    await stripe.tells()
    await devon.says("BALANCE").sees("J$5,000 to pay again", f"PAY {club.code}")
    await devon.says("MENU").sees("J$5,000 to pay again")
    await devon.says(f"PAY {club.code}").sees("J$5,000")
    await devon.says(f"PAY SANDBOX {club.code}").sees("pays what the card's bank took back", "J$0")
    await devon.says("BALANCE").sees("nothing to throw")
    assert await standing(house, DEBT) == 0
    await stripe.right()


async def test_reminders_tell_of_the_debt_too_whether_or_not_a_throw_is_open(stripe: Stripe) -> None:
    club, devon, _, intent = await drawn(stripe)
    marva, _, keisha = club.phones
    await stripe.account.dispute(intent, amount=200_000)
    await stripe.tells()
    await devon.sees("took back J$2,000")
    await club.go(2, days=-2, hour=9)
    await devon.sees("J$5,000 is due", "J$2,000 to pay again", f"PAY {club.code}")
    await devon.says(f"PAY SANDBOX {club.code}").sees("J$7,000")
    await club.pay(marva, keisha)
    await club.go(2, days=0)
    await club.draw(devon)
    await takes(stripe, intent, 300_000, "JMD")
    await devon.sees("took back J$3,000")
    await club.go(2, days=1, hour=9)
    assert "due" not in (await devon.sees("J$3,000 to pay again", f"PAY {club.code}")).text


async def last_draw(stripe: Stripe) -> tuple[Club, str]:
    """Return a circle in which the last draw is sent, Devon having paid all by one card, and that payment's name."""
    club = await begun(stripe.house, 3)
    marva, devon, keisha = club.phones
    await fund(stripe)
    _, intent = await stripe.pays(devon, "PAY 15000 CARD")
    await club.prepay(marva, keisha)
    for number, drawer in enumerate((marva, devon), start=1):
        await club.go(number, days=4)
        await club.draw(drawer)
    await club.go(3, days=4)
    await club.pay_out()
    return club, intent


async def test_a_payment_of_a_circle_that_has_ended_is_owed_to_it_and_can_be_paid(stripe: Stripe) -> None:
    house = stripe.house
    club, intent = await last_draw(stripe)
    _, devon, keisha = club.phones
    await keisha.says("RECEIVED").sees("in your hands")
    assert await club.circle_state() == "COMPLETED"
    await stripe.account.dispute(intent)
    await stripe.tells()
    await devon.sees("took back J$15,000", f"PAY {club.code}")
    await devon.says("BALANCE").sees("Sunday Club: J$15,000 to pay again")
    await devon.says(f"PAY 4000 SANDBOX {club.code}").sees("J$4,000", "Still owed for that: J$11,000")
    await devon.says(f"PAY SANDBOX {club.code}").sees("J$11,000", "Still owed for that: J$0")
    await devon.says(f"PAY 100 SANDBOX {club.code}").sees("Sunday Club")
    assert await standing(house, DEBT) == 0
    await stripe.right()


async def test_a_circle_that_ends_lists_the_debt(stripe: Stripe) -> None:
    """rule 51"""
    club, intent = await last_draw(stripe)
    marva, devon, keisha = club.phones
    await stripe.account.dispute(intent)
    await stripe.tells()
    await keisha.says("RECEIVED").sees("in your hands")
    assert await club.circle_state() == "COMPLETED"
    await devon.sees("complete", "You still owe J$15,000", f"PAY {club.code}")
    await marva.sees("Devon owes J$15,000")
    await devon.says(f"PAY SANDBOX {club.code}").sees("J$15,000", "Still owed for that: J$0")
    assert await standing(stripe.house, DEBT) == 0
    await stripe.right()
