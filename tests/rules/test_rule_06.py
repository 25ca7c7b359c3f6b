from tests.flows.club import new_circle, people
from tests.teller import House


async def test_rule_6_two_halves_make_a_turn_and_none_stands_alone(house: House, network: str) -> None:
    phones = await people(house, 3, network=network)
    marva, devon, keisha = phones
    code = await new_circle(house, marva, 2)
    await marva.says(f"JOIN {code}").sees("AGREE")
    await marva.says("AGREE").sees("You are in")
    await devon.says(f"JOIN {code} HALF").sees("throw J$2,500", "draws half of its pot", "AGREE")
    await devon.says("AGREE").sees("has been asked")
    assert await marva.saw("wants to join Sunday Club, hands: 1/2")
    await marva.says(f"APPROVE {code} Devon").sees("Devon into Sunday Club", "1 1/2 of 2 turns")
    assert await devon.saw("your half hand waits for another half")
    await marva.says(f"LOCK {code}").sees("Devon has half a hand and no other half", f"JOIN {code} HALF", "open: 1/2")
    await marva.says(f"ROSTER {code}").sees("1 1/2 of 2 turns", "2 Devon (1/2)", "2 other half open")
    await keisha.says(f"JOIN {code} 1").sees("1/2, fewer than you asked")
    await keisha.says(f"JOIN {code} half a hand").sees("AGREE")
    await keisha.says("AGREE").sees("has been asked")
    await marva.says(f"APPROVE {code} ALL").sees("All 2 turns are taken")
    assert await devon.saw("Keisha has the other half of your turn")
    assert await keisha.saw("Devon has the other half of your turn")
    await keisha.says(f"ROSTER {code}").sees("2 of 2 turns", "2 Devon (1/2)", "2 Keisha (1/2)")
    await marva.says(f"LOCK {code}").sees("1 Marva", "2 Devon & Keisha")
    await marva.says(f"LOCK {code} YES").sees("is locked")
    await marva.says(f"BEGIN {code} YES").sees("has begun")
    await house.books_are_right()
