from tests.flows.club import begun
from tests.teller import House


async def test_rule_7_a_hand_throws_in_its_own_round_too(house: House, network: str) -> None:
    club = await begun(house, 3, network=network)
    marva, devon, keisha = club.phones
    for phone in club.phones:
        await phone.says("BALANCE").sees("J$5,000")
    await club.pay(marva, devon, keisha)
    await marva.says("BALANCE").sees("nothing to throw")
    await club.draw(marva)
    assert await club.state(1) == "PAID"
    await club.right()
