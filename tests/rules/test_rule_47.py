from tests.flows.club import begun, fetch, found
from tests.teller import House


async def test_rule_47_the_deputy_takes_the_bankers_role_over(house: House, network: str) -> None:
    club = await begun(house, 3, network=network, weeks=1)
    marva, devon, keisha = club.phones
    await marva.says(f"HANDOVER {club.code}").sees("no deputy")
    asked = await marva.says(f"DEPUTY {club.code} Devon").sees("I asked Devon")
    ref = found(r"V-\w{4}", asked.text)
    await keisha.says(f"VOTE {ref} YES").sees("not yours")
    await devon.sees("asks you to be the deputy")
    await devon.taps("Yes").sees("it is agreed", "Devon becomes the deputy")
    await keisha.sees("Devon becomes the deputy")
    await marva.says("CASH Keisha 5000").sees("J$5,000")
    await devon.says(f"HANDOVER {club.code} YES").sees("banker")
    await marva.says("HANDOVER").sees("Make Devon the banker", "J$5,000")
    await marva.taps("Yes").sees("You owe it the J$5,000")
    await keisha.sees("Devon is the banker", "Marva still holds J$5,000")
    await devon.sees("You are the banker")
    await marva.says("BALANCE").sees("J$5,000")
    await devon.says("CASH Marva 5000").sees("J$5,000")  # first what she holds
    assert await fetch(house, "SELECT sum(balance) FROM ledger_account WHERE name LIKE '%debt%'") == 0
    await club.pay(marva, devon)
    await marva.says(f"PAY OUT {club.code}").sees("banker")
    await club.go(1, days=1)
    await devon.says(f"PAY OUT {club.code}").sees("second yes")
    await club.right()
