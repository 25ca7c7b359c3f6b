"""Many at once on one circle: locks are taken in one order, and nothing happens twice."""

import asyncio

from tests.flows.club import begun, clerk, fetch, found
from tests.teller import House


async def test_all_throw_at_once_and_the_pot_is_full(house: House) -> None:
    club = await begun(house, 5)
    await asyncio.gather(*(phone.says("PAY SANDBOX") for phone in club.phones))
    await house.rest()
    assert await fetch(house, "SELECT sum(paid) FROM due") == 2_500_000
    assert await club.banker.saw("the pot of round 1 is full")
    await club.right()


async def test_the_banker_and_a_member_write_the_same_cash_down_at_once(house: House) -> None:
    """Each is an entry of its own, and each needs the other side's word."""
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await asyncio.gather(marva.says(f"CASH Devon 5000 {club.code}"), devon.says("PAY 5000 CASH"))
    await house.rest()
    assert await fetch(house, "SELECT sum(paid) FROM due") == 500_000
    await marva.look()
    await marva.says("DENY").sees("set aside")
    await devon.says("CONFIRM").sees("is right")
    assert (await house.balances(club.code))[f"circle:{club.code}:cash"] == 500_000
    await club.right()


async def test_two_who_say_yes_to_one_payout_at_once_send_it_once(house: House) -> None:
    """rules 35, 37"""
    staff = await clerk(house)
    club = await begun(house, 3)
    marva, *_ = club.phones
    await club.pay(*club.phones)
    ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("second yes")).text)
    second = await club.asked(ref)
    for phone in (second, staff):
        await phone.says("PIN").sees("Your PIN is set")
    await asyncio.gather(second.says(f"APPROVE PAYOUT {ref}"), staff.says(f"APPROVE PAYOUT {ref}"))
    await house.rest()
    assert await fetch(house, "SELECT count(*) FROM outbox WHERE kind = 'disburse'") == 1
    assert await fetch(house, "SELECT count(*) FROM ledger_transaction WHERE kind = 'payout'") == 1
    await club.right()


async def test_confirm_and_deny_at_once_leave_one_of_the_two(house: House) -> None:
    """One person on two addresses of theirs."""
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    second = house.phone("whatsapp", "+18765550199")
    await devon.says("LINK WHATSAPP 876 555 0199").sees("6-digit code")
    await devon.says(found(r"\d{6}", (await second.sees("Your code is")).text)).sees("is added")
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    receipt = await fetch(house, "SELECT receipt FROM payment")
    await asyncio.gather(devon.says(f"CONFIRM {receipt}"), second.says(f"DENY {receipt}"))
    await house.rest()
    state, confirmed = (
        await fetch(house, "SELECT state FROM payment"),
        await fetch(house, "SELECT confirmed FROM payment"),
    )
    assert (state, confirmed) in {("SETTLED", True), ("DISPUTED", False)}
    await club.right()


async def test_pay_out_twice_at_once_makes_one_payout(house: House) -> None:
    """A banker with two phones."""
    club = await begun(house, 3)
    marva, *_ = club.phones
    second = house.phone("sms", "+18765550199")
    await marva.says("LINK SMS 876 555 0199").sees("6-digit code")
    await marva.says(found(r"\d{6}", (await second.sees("Your code is")).text)).sees("is added")
    await club.pay(*club.phones)
    await club.go(1, 1, 12)  # a new address rests for a day
    await asyncio.gather(marva.says(f"PAY OUT {club.code}"), second.says(f"PAY OUT {club.code}"))
    await house.rest()
    assert await fetch(house, "SELECT count(*) FROM payout") == 1
    await club.right()


async def test_received_and_not_received_at_once_end_in_one_state(house: House) -> None:
    club = await begun(house, 3)
    marva, *_ = club.phones
    await club.pay(*club.phones)
    ref = await club.pay_out()
    await asyncio.gather(marva.says(f"RECEIVED {ref}"), marva.says(f"NOT RECEIVED {ref}"))
    await house.rest()
    assert await fetch(house, "SELECT state FROM payout") == "RECEIVED"
    await club.right()
