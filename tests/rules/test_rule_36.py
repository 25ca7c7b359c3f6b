from tests.flows.club import account, begun
from tests.teller import House


async def test_rule_36_the_reserve_and_the_banker_fill_a_short_pot_and_late_money_pays_them_back(
    house: House, network: str
) -> None:
    """rules 21, 36, 49. Net 15,000 - 2 % = 14,700; without Keisha's 5,000 the pot is 4,700 short in round 1."""
    club = await begun(house, 3, extra="reserve 2% cover yes", order="Devon, Marva, Keisha", network=network)
    marva, devon, keisha = club.phones
    await account(house, devon)
    await club.pay(marva, devon)
    await club.go(1, 4)
    assert await marva.saw("You promised to cover: J$4,700 is short")
    await marva.says(f"COVER 5000 CASH {club.code}").sees("short of J$4,700")
    await marva.says(f"COVER 2700 CASH {club.code}").sees("you covered J$2,700")
    await marva.says(f"COVER {club.code} 2000").sees("How do you put J$2,000 in")
    await marva.says("SANDBOX").sees("you covered J$2,000")
    await devon.sees("Marva covered J$2,000 of your pot")
    await marva.says(f"ROSTER {club.code}").sees("Keisha: at risk, open: round 1")
    await club.draw(devon)
    assert await devon.saw("is J$14,700", "Reserve -J$300")
    # Keisha still owes it: 4,700 go back to the banker, and the last 300 are what the draw leaves in the reserve.
    await keisha.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    await house.rest()
    assert await marva.saw("J$4,700 that you covered has come in")
    assert await house.balances(club.code) == {f"circle:{club.code}:reserve": 30_000}
    # Round 2: Keisha misses again, and the reserve is used before anybody is asked.
    await club.pay(devon)
    await club.go(2, 4)
    assert await marva.saw("the reserve put J$300 into the pot of round 2")
    await club.right()
