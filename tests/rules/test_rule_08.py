from tests.flows.club import HALF, begun
from tests.teller import House


async def test_rule_8_a_half_throws_half_and_draws_half_of_the_pot(house: House, network: str) -> None:
    """A draw of its own: its own sum, second yes, payout and RECEIVED; and with it rules 7 and 11."""
    hands = {"Devon": HALF, "Keisha": HALF}
    club = await begun(house, 4, hands=hands, extra="fee 500", order="Keisha & Devon, Marva, Andre", network=network)
    marva, devon, keisha, andre = club.phones
    await devon.says("BALANCE").sees("J$2,500")
    await keisha.says("DRAW").sees("J$7,250")
    await andre.says("DRAW").sees("Devon & Keisha's draw", "J$14,500")
    await club.pay(*club.phones)
    assert await marva.saw("full, J$15,000, for Devon & Keisha")
    assert await keisha.saw("It is your draw, Keisha")
    refs = await club.start_both()
    assert await devon.saw("your draw from Sunday Club is J$7,250", "Half of the pot J$7,500", "Banker's fee -J$250")
    assert set(refs) == {"Devon", "Keisha"}
    for ref in refs.values():
        await club.approve(ref)
    await devon.says(f"RECEIVED {refs['Devon']}").sees("J$7,250 from Sunday Club is in your hands")
    assert await andre.saw("Devon drew half of the pot of round 1", "J$7,250")
    assert await club.state(1) == "PAYING"
    await keisha.says(f"RECEIVED {refs['Keisha']}").sees("in your hands")
    await house.rest()
    assert await andre.saw("Round 1 of Sunday Club is done, Devon & Keisha drew J$14,500")
    assert await club.state(1) == "PAID"
    await club.right()
