from tests.flows.club import begun
from tests.teller import House


async def test_rule_29_a_waiver_has_a_reason_that_everybody_in_the_circle_can_see(house: House, network: str) -> None:
    """rules 21, 29: a waived late fee and a waived throw are owed by nobody; the pot stays short."""
    club = await begun(house, 3, extra="late 200", order="Devon, Marva, Keisha", network=network)
    marva, devon, keisha = club.phones
    await club.pay(marva, devon)
    await club.go(1, 4)
    await keisha.says("BALANCE").sees("late fees of J$200")
    await devon.says(f"WAIVE {club.code} Keisha; late; my friend").sees("banker")
    await marva.says(f"WAIVE {club.code} Keisha; late; in hospital").sees("J$200 waived for Keisha", "in hospital")
    await keisha.sees("Marva waived J$200 of yours", "in hospital")
    await marva.says(f"WAIVE {club.code} Keisha").sees("What do you waive")
    await marva.says("throw 1").sees("Why?")
    await marva.says("lost her work").sees("J$5,000 waived for Keisha (throw of round 1)")
    await devon.sees("Keisha's throw of J$5,000 to your pot, round 1, was waived")
    await devon.says(f"ROSTER {club.code}").sees("Waived: Keisha, late fee, round 1, J$200 (in hospital)")
    await keisha.says("BALANCE").sees("round 2")
    assert not await keisha.saw("round 1: J$5,000 was")
    await club.pay_out()
    assert await devon.saw("J$5,000 is still owed to you")
    await club.right()
