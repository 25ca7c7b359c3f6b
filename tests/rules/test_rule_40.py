from tests.flows.club import begun
from tests.teller import House


async def test_rule_40_one_miss_is_at_risk_and_two_in_a_row_are_default(house: House, network: str) -> None:
    """Several hands missed in one round are one miss; the banker and the member see it, nobody else."""
    club = await begun(house, 3, order="Marva, Devon, Keisha, Keisha", hands={"Keisha": 2}, network=network)
    marva, devon, keisha = club.phones
    await club.prepay(marva, devon)
    await club.go(1, 4)
    await marva.says(f"ROSTER {club.code}").sees("Keisha: at risk, open: round 1")
    await club.go(2, 4)
    assert await keisha.saw("two rounds in a row, or three in all, so your turn may move", "PLAN offers Marva")
    assert await marva.saw("Keisha: in default, open: round 1, 2")
    await keisha.says(f"ROSTER {club.code}").sees("Keisha: in default")
    await devon.says(f"ROSTER {club.code}").sees("Keisha")
    assert not await devon.saw("in default")
    await keisha.says(f"PAY 20000 SANDBOX {club.code}").sees("R-")  # what is made good counts no more
    await marva.says(f"ROSTER {club.code}").sees("4 Keisha")
    await club.right()
