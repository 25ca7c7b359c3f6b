from tests.flows.club import begun, fetch, people
from tests.teller import House


async def test_rule_11_a_throw_splits_into_two_whole_cents(house: House, network: str) -> None:
    [marva] = await people(house, 1, network=network)
    await marva.says("NEW Sunday Club; 5000.01; weekly; 2").sees("even amount")
    assert await fetch(house, "SELECT count(*) FROM circle") == 0


async def test_rule_11_a_half_throws_whole_cents(house: House) -> None:
    club = await begun(house, 3, terms="100.02 JMD; weekly", hands={"Devon": 0.5, "Keisha": 0.5})
    await club.pay(*club.phones)
    assert await fetch(house, "SELECT string_agg(amount::text, ' ' ORDER BY hand) FROM due") == "10002 5001 5001"
    assert await fetch(house, "SELECT balance FROM ledger_account WHERE name LIKE '%:pot:1'") == 200_04
    await club.right()
