from tests.flows.club import HALF, begun, execute, fetch
from tests.teller import House


async def test_rule_10_a_held_half_never_blocks_the_other(house: House, network: str) -> None:
    hands = {"Devon": HALF, "Keisha": HALF}
    club = await begun(house, 3, hands=hands, order="Devon, Marva", network=network)
    marva, devon, keisha = club.phones
    await execute(house, "UPDATE trn SET state = 'STATED' WHERE person_id = (SELECT id FROM person WHERE name = :n)",
                  n="Devon Clarke")  # fmt: skip
    await club.pay(marva, keisha)
    held = "Devon's draw is safe and waits for a verified TRN"
    await marva.says(f"PAY OUT {club.code}").sees(held)  # so early what a held half throws has to be there as well
    await club.pay(devon)
    refs = await club.start_both()
    assert list(refs) == ["Keisha"]
    await club.approve(refs["Keisha"])
    await keisha.says(f"RECEIVED {refs['Keisha']}").sees("J$5,000 from Sunday Club is in your hands")
    assert await club.state(1) == "HELD"
    await marva.says(f"PAY OUT {club.code}").sees(held)
    assert await fetch(house, "SELECT balance FROM ledger_account WHERE name LIKE '%:pot:1'") == 5000_00
    await club.right()
