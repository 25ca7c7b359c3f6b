from tests.flows.club import begun
from tests.teller import House


async def test_rule_27_a_late_fee_comes_once_after_grace_is_paid_last_and_never_the_bankers(
    house: House, network: str
) -> None:
    """rules 22, 27, 28: it goes to whoever was paid short, then to the reserve."""
    club = await begun(house, 3, extra="late 200", order="Devon, Keisha, Marva", network=network)
    marva, devon, keisha = club.phones
    await club.go(1, 3)
    await keisha.says("BALANCE").sees("J$5,000")
    assert not await keisha.saw("late fees of")  # none in grace
    await club.go(1, 4)
    assert await keisha.saw("A late fee of J$200 was added")
    await keisha.says("BALANCE").sees("late fees of J$200")
    await keisha.says(f"STATEMENT {club.code}").sees("Late fees still open: J$200")
    await keisha.says(f"PAY 5000 SANDBOX {club.code}").sees("Late fees still open: J$200")  # arrears before fees
    await keisha.says(f"PAY 5200 SANDBOX {club.code}").sees("R-")  # the open round, and last of all the fee
    await house.rest()
    await keisha.says("BALANCE").sees("nothing to throw")
    # Devon is short of Marva's J$5,000, so the fee tops his draw up: 5,000 + 200.
    await club.pay_out()
    assert await devon.saw("J$5,200 of it goes out now", "J$4,800 is still owed")
    await devon.says("RECEIVED").sees("J$5,200")
    await club.pay(marva)
    await house.rest()
    assert await house.balances(club.code) == {
        f"circle:{club.code}:pot:1": 480_000,
        f"circle:{club.code}:pot:2": 1_000_000,
        f"circle:{club.code}:reserve": 40_000,  # what it lent to Devon's pot is back, and Marva's own late fee
    }
    await club.right()
