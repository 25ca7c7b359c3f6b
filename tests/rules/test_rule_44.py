from tests.flows.club import begun, fetch, found
from tests.teller import House

TURN = "SELECT turn FROM hand JOIN person ON person.id = hand.person_id WHERE name LIKE :who"


async def test_rule_44_two_members_swap_their_turns(house: House, network: str) -> None:
    club = await begun(house, 4, network=network, weeks=1)
    marva, devon, keisha, andre = club.phones
    await devon.says(f"SWAP {club.code} with Marva").sees("can be swapped")  # her round is open
    asked = await devon.says(f"SWAP {club.code} with Andre").sees("I asked for the swap", "turn 2", "turn 4")
    ref = found(r"V-\w{4}", asked.text)
    await keisha.says(f"SWAP {ref} YES").sees("not yours")
    await devon.says(f"SWAP {ref} YES").sees("not yours")
    await andre.says(f"VOTE {ref} YES").sees("asks for your PIN")
    await andre.says(f"SWAP {ref} YES").sees("it is agreed", "Devon has turn 4", "Andre has turn 2")
    for phone in (marva, devon, keisha):
        await phone.sees("it is agreed", "Andre has turn 2")
    await andre.says(f"SWAP {ref} YES").sees("over")
    assert [await fetch(house, TURN, who=who) for who in ("Devon%", "Andre%")] == [4, 2]
    await club.pay(*club.phones)
    await club.go(1, days=1)
    await club.draw(marva)
    await club.right()
