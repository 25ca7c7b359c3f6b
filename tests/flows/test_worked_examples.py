"""Worked examples to the cent: 5 hands of J$5,000, flat fee 500, reserve 2 % (rules.md 30, 31, 36, 49, 50).

Gross pot 25,000.00 (8). Banker's fee 500.00 (31). Reserve 2 % of the gross pot = 500.00 (49). Net 24,000.00 (30).
"""

from tests.flows.club import Club, begun, fetch, found, rows
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


async def test_an_early_end_after_two_draws(house: House) -> None:
    club = await five(house)
    marva, devon, keisha, andre, patsy = club.phones
    await club.prepay(patsy)  # 25,000.00: 5,000.00 a round, the rest is her credit (22)
    await club.pay(marva, keisha, andre)
    await club.draw(devon)  # 25,000 - 500 - 500 - his own 5,000 = 19,000.00 (30)
    await club.go(2, 0)
    await club.pay(devon, keisha, andre)
    await club.draw(marva)  # 19,000.00 too
    assert await books(club) == {"reserve": 100_000, "credit Patsy": 1_500_000}  # 2 x 500.00 (49); 3 x 5,000.00 (22)
    await marva.says(f"SUSPEND {club.code}").sees("on hold")
    asked = await marva.says(f"CLOSE {club.code}").sees("Devon owes J$15,000", "Marva owes J$15,000")
    # Thrown less gross drawn (48): Devon and Marva 10,000 - 25,000 = -15,000.00, the fee and the reserve of their own
    # draws included; Keisha, Andre and Patsy 10,000 - 0 = 10,000.00. All together: nothing.
    for who in ("Keisha", "Andre", "Patsy"):
        assert f"{who} is owed J$10,000" in asked.text
    await marva.says(f"CLOSE {club.code} YES").sees("has ended early")
    await house.rest()
    # Patsy's unused 15,000.00 go back whole, first; the reserve's 1,000.00 to the three creditors at once (48).
    assert await books(club) == {"pot:6": 1_500_000, "pot:7": 100_000}
    await club.settle()
    # 1,000.00 by three equal claims: 333.33 each, and the last cent to the lowest hand, Keisha's (50).
    assert await paid(club, 7) == {"Keisha": 33_334, "Andre": 33_333, "Patsy": 33_333}
    assert await paid(club, 6) == {"Patsy": 1_500_000}
    await devon.says(f"PAY 15000 SANDBOX {club.code}").sees("R-")
    await club.settle()
    # 16,000.00 are in by now, 5,333.33 each, the last cent Keisha's (50).
    assert await paid(club, 7) == {"Keisha": 533_334, "Andre": 533_333, "Patsy": 533_333}
    await club.right()
    await marva.says(f"PAY 15000 SANDBOX {club.code}").sees("R-")
    await house.rest()
    # 31,000.00 for claims of 30,000.00: the reserve has its 1,000.00 back, and it goes to all hands, 200.00 each (49).
    assert await devon.saw("your part of the reserve is J$200")
    await club.settle()
    assert await paid(club, 7) == {"Keisha": 1_000_000, "Andre": 1_000_000, "Patsy": 1_000_000}
    backs = {"Devon": 20_000, "Marva": 20_000, "Keisha": 20_000, "Andre": 20_000, "Patsy": 1_520_000}
    assert await paid(club, 6) == backs
    assert await books(club) == {}  # no money is left anywhere
    await club.right()


async def paid(club: Club, number: int) -> dict[str, int]:
    """Return what each has had of a round, by first names."""
    query = "SELECT p.name, d.paid FROM draw d JOIN person p ON p.id = d.person_id WHERE circle = :c AND round = :n"
    return {name.split()[0]: cents for name, cents in await rows(club.house, query, c=club.code, n=number)}


async def test_an_early_end_before_the_first_draw_gives_all_of_it_back(house: House) -> None:
    club = await five(house, f"{TERMS} late 200")
    marva, devon, keisha, andre, patsy = club.phones
    await club.pay(marva, keisha, patsy)
    await club.go(1, 4)  # Andre misses, and owes a late fee of 200.00 (27)
    await andre.says(f"PAY 10200 SANDBOX {club.code}").sees("R-")  # rounds 1 and 2, and the late fee, last of all (22)
    await house.rest()
    await marva.says(f"SUSPEND {club.code}").sees("on hold")
    await marva.says(f"CLOSE {club.code} YES").sees("has ended early", "Andre is owed J$10,200")
    await house.rest()
    await club.settle()
    # What each threw, the late fee too, and no fee for anybody (48).
    assert await paid(club, 7) == {"Marva": 500_000, "Keisha": 500_000, "Andre": 1_020_000, "Patsy": 500_000}
    assert await books(club) == {}
    await club.right()
    assert not await devon.saw("You owe")


async def test_an_early_end_after_a_short_draw_that_its_banker_covered(house: House) -> None:
    club = await begun(house, 3, extra="reserve 2% cover yes", order="Devon, Marva, Keisha")
    marva, devon, _ = club.phones
    await club.pay(marva)
    await club.go(1, 4)  # Keisha misses 5,000.00
    await marva.says(f"COVER 2000 SANDBOX {club.code}").sees("R-")
    await house.rest()
    await club.draw(devon)  # 7,000.00 of 15,000 - 300 - his own 5,000 = 9,700.00: paid short (36)
    await marva.says(f"SUSPEND {club.code}").sees("on hold")
    # Devon threw 5,000.00, off his draw, and the pot gave 5,000 + 7,000 for him: -7,000.00. What was still owed to him
    # was never drawn (48). Marva threw 5,000.00 and covered 2,000.00: 7,000.00. Keisha threw and drew nothing.
    asked = await marva.says(f"CLOSE {club.code} YES").sees("has ended early", "Devon owes J$7,000")
    assert "Marva is owed J$7,000" in asked.text
    assert "Keisha" not in asked.text
    await house.rest()
    assert await books(club) == {}
    await devon.says(f"PAY 7000 SANDBOX {club.code}").sees("R-")
    await club.settle()
    assert await paid(club, 5) == {"Marva": 700_000}
    assert await books(club) == {}
    await club.right()


async def test_an_early_end_with_a_draw_that_is_held(house: House) -> None:
    club = await begun(house, 3, order="Devon, Marva, Keisha", verified=False)
    marva, _, keisha = club.phones
    await club.pay(marva, keisha)
    await club.go(1, 4)  # Devon's draw is held, as his TRN is not verified (33)
    assert await club.state(1) == "HELD"
    await marva.says(f"SUSPEND {club.code}").sees("on hold")
    await marva.says(f"CLOSE {club.code} YES").sees("Marva is owed J$5,000")
    await house.rest()
    await club.go(2, 8)  # the dates that stood no longer count: nobody is asked for a throw, and nothing moves
    assert not await keisha.saw("round 3")
    assert await books(club) == {"pot:5": 1_000_000}
    await club.settle()
    assert await paid(club, 5) == {"Marva": 500_000, "Keisha": 500_000}  # nothing was drawn: each has their own back
    assert await books(club) == {}
    await club.right()
