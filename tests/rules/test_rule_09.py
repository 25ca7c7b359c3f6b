from tests.flows.club import fetch, new_circle, people
from tests.teller import House


async def test_rule_9_three_hands_are_the_cap_counted_in_halves(house: House, network: str) -> None:
    marva, devon = await people(house, 2, network=network)
    code = await new_circle(house, marva, 5)
    await devon.says(f"JOIN {code} 3 and a half").sees("half a hand to 3 hands")
    await devon.says(f"JOIN {code} 3.5").sees("half a hand to 3 hands")
    await devon.says(f"JOIN {code} 2 and a half").sees("hands: 2 1/2", "throw J$12,500", "AGREE")
    await devon.says("AGREE").sees("has been asked")
    await marva.says(f"APPROVE {code} ALL").sees("2 1/2 of 5 turns")
    await devon.says(f"ROSTER {code}").sees("1 Devon", "2 Devon", "3 Devon (1/2)")
    assert await fetch(house, "SELECT sum(halves) FROM hand") == 5
    await devon.says(f"JOIN {code} half").sees("already")
    await marva.says(f"JOIN {code} half").sees("AGREE")
    await marva.says("AGREE").sees("You are in", "Devon has the other half")
