"""Money in: oldest first, credit, claims, cash with two sides, somebody else's money (rules.md 21-26)."""

import pytest

from domain.messages import Filed
from tests.flows.club import begun, clerk, fetch, found
from tests.teller import House


async def test_money_goes_to_the_oldest_first_and_what_is_left_is_credit_for_the_next_round(house: House) -> None:
    """rule 22"""
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await devon.says("PAY 2000 SANDBOX").sees("J$2,000 from Devon", "Still to throw: J$3,000")
    await club.go(2, -3)
    await devon.says("BALANCE").sees("J$3,000", "J$5,000")
    await devon.says("PAY 4000 SANDBOX").sees("round 2 of 3", "Still to throw: J$4,000")
    assert await fetch(house, "SELECT paid FROM due WHERE round = 1 AND hand = 2") == 500_000
    await devon.says("PAY 7000 SANDBOX").sees("Credit J$3,000")
    await devon.says("BALANCE").sees("J$3,000")
    await club.go(2, 1)
    await devon.sees("round 3 of 3", "J$2,000 is due", "J$3,000 came from your credit")
    await marva.says("PAY 10000 SANDBOX").sees("R-")  # the throw of round 1 came off the draw
    assert await fetch(house, "SELECT sum(paid) FROM due WHERE hand = 1") == 1_500_000
    await club.right()


async def test_nobody_throws_more_than_is_left_and_nothing_half_done_stays(house: House) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    await devon.says("PAY 15000.01 SANDBOX").sees("J$15,000.01 is more than the J$15,000")
    await devon.says("15000").sees("R-", "Credit J$10,000")  # the question is still open
    await devon.says("PAY 100 SANDBOX").sees("thrown everything")
    assert await fetch(house, "SELECT count(*) FROM payment") == 1


async def test_a_claimed_payment_waits_and_a_replayed_answer_of_the_provider_changes_nothing(house: House) -> None:
    """rule 23"""
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await devon.says("PAY 5000 CASH").sees("counts when Marva confirms")
    await devon.says("BALANCE").sees("J$5,000")
    assert await fetch(house, "SELECT state FROM payment") == "PENDING"
    assert await house.balances(club.code) == {}
    await marva.says("CONFIRM").sees("is counted", "You now hold J$5,000")
    await devon.sees("J$5,000 from Devon", "R-")
    receipt = await fetch(house, "SELECT receipt FROM payment")
    await marva.says(f"CONFIRM {receipt}").sees("already")
    await marva.says("PAY SANDBOX").sees("R-")
    await house.rest()
    before = await fetch(house, "SELECT count(*) FROM ledger_transaction")
    await replay_collected(house, str(await fetch(house, "SELECT receipt FROM payment WHERE rail = 'SANDBOX'")))
    assert await fetch(house, "SELECT count(*) FROM ledger_transaction") == before
    await club.right()


async def replay_collected(house: House, receipt: str) -> None:
    """Have the rail's answer to a payment come once more under another id, as after a crash of the relay."""
    circle = await fetch(house, "SELECT circle FROM payment WHERE receipt = :r", r=receipt)
    body = {"kind": "collected", "receipt": receipt, "provider_id": f"sbx_collect:{receipt}", "settled": True}
    await house.filer.file([Filed("relay", f"again:{receipt}", f"circle:{circle}", "result", body)])
    await house.rest()


async def test_cash_is_recorded_by_the_banker_and_confirmed_by_the_member(house: House) -> None:
    """rule 24"""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted", "asked to confirm")
    await devon.sees("Marva wrote down J$5,000", "CONFIRM")
    await keisha.says("CONFIRM").sees("No cash entry")
    receipt = await fetch(house, "SELECT receipt FROM payment")
    await keisha.says(f"CONFIRM {receipt}").sees("No cash entry")
    await marva.says(f"CONFIRM {receipt}").sees("No cash entry")
    await devon.says("CONFIRM").sees("is right")
    await marva.sees("Devon confirmed the J$5,000")
    await devon.says(f"CONFIRM {receipt}").sees("already")
    await devon.says(f"DENY {receipt}").sees("already")
    assert await fetch(house, "SELECT confirmed FROM payment") is True
    assert (await house.balances(club.code))[f"circle:{club.code}:cash"] == 500_000


async def test_silence_of_48_hours_leaves_cash_counted_and_unconfirmed(house: House) -> None:
    """rule 24"""
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    await house.pass_days(1.9)
    assert not await devon.saw("stays counted")
    await house.pass_days(0.2)
    assert await devon.saw("stays counted", "DENY")
    assert await marva.saw("Devon has not answered", "unconfirmed")
    assert await fetch(house, "SELECT (state, confirmed) = ('SETTLED', false) FROM payment") is True
    await devon.says("DENY").sees("set aside")  # it is not too late
    await club.right()


async def test_a_denied_entry_is_taken_back_and_staff_decide(house: House) -> None:
    """rules 24, 26, 52: a reversing entry; OK counts it anew."""
    staff = await clerk(house)
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    await devon.says("DENY").sees("set aside", "Ref K-")
    await marva.sees("Devon says the J$5,000", "is not right")
    assert await house.balances(club.code) == {}
    assert await fetch(house, "SELECT sum(paid) FROM due") == 0
    assert await fetch(house, "SELECT count(*) FROM ledger_transaction WHERE kind = 'reversal'") == 1
    case = found(r"K-\w{4}", (await staff.says("QUEUE").sees("dispute")).text)
    await staff.says(f"CASE {case} OK he signed for it").sees("done")
    for phone in (marva, devon):
        await phone.sees("the J$5,000 in cash for Sunday Club counts")
    assert (await house.balances(club.code))[f"circle:{club.code}:cash"] == 500_000
    await staff.says(f"CASE {case} OK").sees("not waiting")
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    await devon.says("DENY").sees("set aside")
    case = found(r"K-\w{4}", (await staff.says("QUEUE").sees("dispute")).text)
    await staff.says(f"CASE {case} NO").sees("done")
    await devon.sees("does not count")
    assert await fetch(house, "SELECT sum(paid) FROM due") == 500_000
    await club.right()


async def test_what_became_credit_and_paid_a_round_since_is_taken_back_too(house: House) -> None:
    """rules 22, 26"""
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await marva.says(f"CASH Devon 10000 {club.code}").sees("is counted")
    await club.go(1, 1)
    assert await fetch(house, "SELECT sum(paid) FROM due WHERE hand = 2") == 1_000_000
    await devon.says("DENY").sees("set aside")
    assert await fetch(house, "SELECT sum(paid) FROM due WHERE hand = 2") == 0
    assert await house.balances(club.code) == {}
    await club.right()


async def test_cash_that_was_drawn_already_stays_counted_as_the_bankers(house: House) -> None:
    """rules 24, 26: what is gone cannot be taken back."""
    staff = await clerk(house)
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await club.pay(marva, keisha)
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    await club.draw(marva)
    await devon.says("DENY").sees("set aside")
    case = found(r"K-\w{4}", (await staff.says("QUEUE").sees("dispute")).text)
    await staff.says(f"CASE {case} NO").sees("done")
    for phone in (marva, devon):
        await phone.sees("did not come from Devon", "stays counted")
    assert await house.balances(club.code) == {}
    await club.right()


async def test_a_member_s_word_that_the_banker_has_the_cash_may_be_denied(house: House) -> None:
    """rules 23, 24"""
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await devon.says("PAY 5000 CASH").sees("counts when Marva confirms")
    await marva.says("DENY").sees("set aside")
    await devon.sees("Marva says the J$5,000", "is not right")
    assert await house.balances(club.code) == {}
    await devon.says("PAY 5000 SANDBOX").sees("R-")
    await club.right()


async def test_somebody_else_may_pay_and_both_are_told(house: House) -> None:
    """rule 25: the receipt names payer and hand."""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await keisha.says(f"PAY 5000 SANDBOX {club.code} FOR Devon").sees("J$5,000 from Keisha for Devon's hand")
    await devon.sees("J$5,000 from Keisha for Devon's hand")
    await devon.says("BALANCE").sees("nothing to throw")
    await keisha.says("BALANCE").sees("J$5,000")
    await keisha.says("PAY 5000 CASH FOR Nobody").sees("Nobody")
    await keisha.says("PAY 5000 CASH FOR Devon").sees("counts when Marva confirms")
    await marva.says("CONFIRM").sees("counted")
    await devon.sees("from Keisha for Devon's hand", "Credit J$5,000")
    await club.right()


async def test_card_pays_on_a_page_and_nothing_is_counted_before(house: House) -> None:
    """rule 23"""
    club = await begun(house, 3)
    _, devon, _ = club.phones
    await devon.says("PAY 5000 CARD").sees("/pay/")
    await house.rest()
    assert await fetch(house, "SELECT state FROM payment") == "PENDING"
    assert await house.balances(club.code) == {}


@pytest.mark.parametrize("part", ["", " 4000"])
async def test_cash_that_was_given_back_is_not_taken_back_as_well(house: House, part: str) -> None:
    """rules 24, 26: else a refund and the member's word together take more than was ever given."""
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await marva.says(f"CASH Keisha 10000 {club.code}").sees("is counted")
    await marva.says(f"CASH Devon 10000 {club.code}").sees("is counted")
    receipt = found(r"R-\w{8}", (await devon.sees("Marva wrote down J$10,000", "R-")).text)
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    finance = await clerk(house)
    await finance.says(f"REFUND {receipt}{part}").sees("Giving")
    await house.rest()
    before = await house.balances(club.code)
    await devon.says(f"DENY {receipt}").sees("No cash entry")
    await house.rest()
    assert await house.balances(club.code) == before
    await club.right()
