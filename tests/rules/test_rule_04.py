from tests.flows.club import begun, found
from tests.teller import House


async def test_rule_4_after_the_start_terms_change_by_three_quarters_of_all_hands(house: House, network: str) -> None:
    club = await begun(house, 4, network=network, weeks=1)
    marva, devon, keisha, andre = club.phones
    asked = await marva.says(f"TERMS {club.code} fee 500 grace 4").sees("3 of 4 hands", "J$500", "4 days")
    ref = found(r"V-\w{4}", asked.text)
    for phone in club.phones[1:]:
        await phone.sees("Marva asks", "VOTE", ref, "J$500")
    await devon.taps("No").sees("your no counts", "1 yes, 1 no")
    await devon.says(f"VOTE {ref} yes").sees("your yes counts", "2 yes, 0 no")
    await andre.says("VOTE").sees(ref, "2 yes, 0 no", "3 of 4")
    await keisha.says("VOTE YES").sees("agreed", "3 of 4", "From round 2 on", "J$500")
    for phone in (marva, devon, andre):
        await phone.sees("agreed", "From round 2 on")
    await andre.says(f"VOTE {ref} NO").sees("over")
    await club.pay(*club.phones)
    await club.go(1, days=1)
    await club.draw(marva)  # the first round keeps its terms
    await marva.says("TERMS").sees("Fee J$500 a draw", "grace: 4")
    await club.go(2)
    await club.pay(*club.phones)
    await club.draw(devon)
    assert await devon.saw("fee", "J$500")
    assert not await marva.saw("J$19,500", "Marva,")
    await club.right()
