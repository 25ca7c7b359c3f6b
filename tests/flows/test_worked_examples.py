"""Worked examples to the cent: 5 hands of J$5,000, flat fee 500, reserve 2 % (rules.md 30, 31, 36, 49, 50).

Gross pot 25,000.00 (8). Banker's fee 500.00 (31). Reserve 2 % of the gross pot = 500.00 (49). Net 24,000.00 (30).
"""

from tests.flows.club import Club, begun, fetch, found
from tests.teller import House

TERMS = "fee 500 reserve 2%"
NAMES = ("Marva", "Devon", "Keisha", "Andre", "Patsy")


async def five(house: House, extra: str = TERMS, order: str = "Devon, Marva, Keisha, Andre, Patsy") -> Club:
    return await begun(house, 5, extra=extra, order=order)


async def books(club: Club) -> dict[str, int]:
    """Return the circle's accounts that are not empty, by what follows its code; credit by first names."""
    found_ = {}
    for account, cents in (await club.house.balances(club.code)).items():
        name = account.removeprefix(f"circle:{club.code}:")
        if name.startswith("credit:"):
            who = await fetch(club.house, "SELECT name FROM person WHERE id = :p", p=name.partition(":")[2])
            name = f"credit {str(who).split()[0]}"
        found_[name] = cents
    return found_


async def test_a_clean_circle_gives_the_whole_reserve_back(house: House) -> None:
    club = await five(house)
    marva, devon, keisha, andre, patsy = club.phones
    await club.prepay(*club.phones)
    await club.draw(devon)
    assert await devon.saw("is J$24,000", "Pot J$25,000", "Banker's fee -J$500", "Reserve -J$500")
    assert (await books(club))["reserve"] == 50_000  # 2 % of 25,000.00 (49); the fee of 500.00 is paid (31)
    for number, drawer in ((2, marva), (3, keisha), (4, andre), (5, patsy)):
        await club.go(number, 4)
        await club.draw(drawer)
    await house.rest()
    assert await club.circle_state() == "COMPLETED"
    # 5 draws x 500.00 = 2,500.00 in reserve; by 5 hands 500.00 each (49). Each threw 25,000.00 and drew 24,000.00;
    # what is not the banker's fee (5 x 500.00) is back: 25,000 - 24,000 - 500 = 500.00 of fee a hand.
    for phone in club.phones:
        assert await phone.saw("your part of the reserve is J$500")
    assert await books(club) == {f"credit {name}": 50_000 for name in NAMES}
    await club.right()


async def test_one_miss_is_filled_by_the_reserve_and_its_late_money_refunds_it(house: House) -> None:
    club = await five(house, f"{TERMS} late 200")
    marva, devon, keisha, andre, patsy = club.phones
    await club.prepay(marva, devon, keisha, patsy)
    await club.pay(andre)
    await club.draw(devon)  # round 1 is clean: 500.00 in reserve
    await club.go(2, 4)
    # Round 2: Andre missed 5,000.00. Pot 20,000.00, wanted net 24,000.00: 4,000.00 short (36). The reserve has 500.00
    # and puts all of it in; the pot is then 20,500.00, and 3,500.00 are still owed to Marva.
    assert await marva.saw("the reserve put J$500 into the pot of round 2")
    assert await andre.saw("A late fee of J$200 was added")  # once the missed throw (27)
    await andre.says("BALANCE").sees("late fees of J$200")
    await marva.says(f"ROSTER {club.code}").sees("Andre: at risk, open: round 2")
    await club.draw(marva)
    assert await marva.saw("J$3,500 is still owed to you")
    assert await books(club) == {
        "pot:3": 2_000_000,  # open since the cut-off of round 2, and thrown by the four who paid all rounds ahead
        **{f"credit {name}": 1_000_000 for name in ("Marva", "Devon", "Keisha", "Patsy")},  # for rounds 4 and 5
    }
    # Andre throws 10,200.00: 5,000.00 for round 2, 5,000.00 for round 3, and 200.00 late fee, last of all (22).
    # Of the 5,000.00 for round 2, 3,500.00 top up Marva (36). The reserve stood in for 500.00: they go back to it.
    # The last 1,000.00 are the fee of 500.00 and what this draw leaves in the reserve, 500.00, once Marva has hers.
    # The 200.00 go to the reserve, as nobody is short any more (28).
    await andre.says(f"PAY 10200 SANDBOX {club.code}").sees("R-")
    await house.rest()
    assert (await books(club))["reserve"] == 50_000 + 20_000
    await club.draw(marva)
    assert (await books(club))["reserve"] == 50_000 + 20_000 + 50_000
    assert await club.state(2) == "PAID"
    await andre.says("BALANCE").sees("nothing to throw")
    await club.right()


async def test_cash_and_card_mixed_come_to_the_same_cents(house: House) -> None:
    club = await five(house)
    marva, devon, _, _, patsy = club.phones
    for who in ("Marva", "Keisha", "Andre"):  # 15,000.00 in the banker's hands (24)
        await marva.says(f"CASH {who} 5000 {club.code}").sees("R-")
    await club.pay(patsy)  # 5,000.00 by rail; the drawer's own 5,000.00 come off the draw (30)
    # Net: 25,000 - 500 - 500 - 5,000 = 19,000.00: 15,000.00 of it in cash first, 4,000.00 by rail (24).
    asked = await marva.says(f"PAY OUT {club.code}").sees("second yes")
    assert await devon.saw("is J$19,000", "Your own throw -J$5,000", "Reserve -J$500")
    ref = found(r"P-\w{4}", asked.text)
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await house.rest()
    await devon.says(f"RECEIVED {ref}").sees("in your hands")
    await house.rest()
    # 20,000.00 came, 19,000.00 went; of the 1,000.00 by rail 500.00 are the fee, paid out, and 500.00 the reserve.
    assert await books(club) == {"reserve": 50_000}
    await club.right()
