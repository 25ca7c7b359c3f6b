from tests.flows.club import begun, fetch
from tests.teller import House


async def test_rule_42_after_the_draw_the_rest_is_a_debt_that_a_plan_pays_in_parts(house: House, network: str) -> None:
    """The hand stays; the member offers, the banker agrees, the keeper reminds by the plan's dates."""
    club = await begun(house, 4, order="Keisha, Devon, Marva, Andre", network=network)
    marva, devon, keisha, andre = club.phones
    await club.prepay(marva, devon, andre)
    await club.draw(keisha)  # her own throw came off the draw
    await keisha.says("PLAN 500 weekly").sees("Nothing is open")
    await club.go(3, 4)
    assert await keisha.saw("two rounds in a row", "PLAN offers Marva to pay the rest in parts")
    assert await marva.saw("Keisha: in default, open: round 2, 3")
    await keisha.says(f"PLAN {club.code} 20000 weekly").sees("J$10,000 is open")
    await keisha.says("5000").sees("Marva has been asked", "J$5,000 weekly", "J$10,000")
    await marva.sees("Keisha offers to pay J$10,000", "J$5,000 weekly")
    await marva.says(f"PLAN {club.code} Keisha OK").sees("Keisha pays J$5,000 weekly")
    assert await keisha.saw("Marva agreed", "first on")
    await house.pass_days(7)
    assert await keisha.saw("J$5,000 of your plan is due today", "J$10,000 is open of it")
    await keisha.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    await house.pass_days(7)
    assert await keisha.saw("J$5,000 of your plan is due today", "J$5,000 is open of it")
    await keisha.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    await house.pass_days(7)
    assert await keisha.saw("your plan is done, all J$10,000")
    assert await marva.saw("Keisha's plan is done")
    assert await fetch(house, "SELECT state FROM plan") == "KEPT"
    await club.right()
