"""Half hands (rules.md 6-11) beyond a round that goes well: the cents of a short turn, chosen seats, the lottery."""

from datetime import timedelta

from domain.lottery import faults, read_messages
from tests.flows.club import HALF, Club, begun, fetch, found, join, new_circle, people, rows
from tests.teller import House, Phone
from tests.why import figures_add_up


async def _received(club: Club, drawer: Phone, ref: str) -> None:
    await club.approve(ref)
    await drawer.says(f"RECEIVED {ref}").sees("in your hands")
    await club.house.rest()


async def started(club: Club) -> str:
    """Start one payout; returns its reference."""
    asked = await club.banker.says(f"PAY OUT {club.code}").sees("second yes")
    return found(r"P-\w{4}", asked.text)


async def test_a_pair_of_halves_of_which_one_misses_comes_out_to_the_cent(house: House) -> None:
    """5 hands of J$5,000, flat fee 500; Devon and Keisha have half a hand each and share turn 2.

    Round 1: Devon misses J$2,500. Round 2: Devon misses again, and so does Andre with J$5,000.
    """
    hands = {"Devon": HALF, "Keisha": HALF}
    club = await begun(house, 6, hands=hands, extra="fee 500")
    marva, devon, keisha, andre, patsy, kay = club.phones
    await club.pay(marva, keisha, andre, patsy, kay)
    # rules 7, 8: 4 x 5,000 + 2,500 of 25,000 are in the pot; rule 30: 25,000 - 500 = 24,500 are Marva's.
    await club.go(1, days=4, hour=10)
    assert await devon.saw("J$2,500")
    ref = await club.pay_out()
    assert await marva.saw("J$22,500 of it goes out now. J$2,000 is still owed to you")  # rule 36
    await marva.says(f"RECEIVED {ref}").sees("J$22,500")
    assert await club.state(1) == "PAID_SHORT"
    await club.pay(marva, keisha, patsy, kay)
    await club.go(2, days=4, hour=10)
    # rule 8: 12,500 each; rule 31: less 250 each; rule 30: Devon's own throw 2,500 comes off. Devon wants 9,750, Keisha
    # 12,250, together 22,000; 17,500 are there. rule 10: 17,500 x 9,750 / 22,000 = 7,755.681..., and 9,744.318...;
    # rule 50: the one cent left over goes to the larger remainder, Keisha's .818.
    # rule 30: of Devon's part 2,500 go to the arrears of round 1, so 5,255.68 go out and 1,994.32 stay owed.
    assert await marva.saw("Devon & Keisha's draw is J$19,500, and J$15,000 is in")
    # rule 36: PAY OUT goes by age. What Devon's arrears brought tops Marva up, 2,000, and then is the fee of round 1.
    assert await marva.saw("J$2,000 more has come in for Marva's draw")
    await _received(club, marva, await started(club))
    assert await club.state(1) == "PAID"
    assert await fetch(house, "SELECT fee_paid FROM draw WHERE round = 1") == 500_00
    refs = await club.start_both()
    await house.rest()
    assert await devon.saw("your draw from Sunday Club is J$7,250", "J$5,255.68 of it", "J$1,994.32 is still owed")
    assert await keisha.saw("your draw from Sunday Club is J$12,250", "J$9,744.32 of it", "J$2,505.68 is still owed")
    await _received(club, devon, refs["Devon"])
    await _received(club, keisha, refs["Keisha"])
    assert await club.state(2) == "PAID_SHORT"
    pots = "SELECT balance FROM ledger_account WHERE name LIKE :n"
    assert await fetch(house, pots, n="%:pot:2") == 0
    # Andre's J$5,000 come late: 1,994.32 and 2,505.68 top the halves up, and the fee is 250 of each (rule 31).
    await andre.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    assert await marva.saw("J$4,500 more has come in for Devon & Keisha's draw")
    refs = await club.start_both()
    await _received(club, keisha, refs["Keisha"])
    await _received(club, devon, refs["Devon"])
    assert await club.state(2) == "PAID"
    drawn = await rows(house, "SELECT hand, paid, fee_paid FROM draw WHERE round = 2 ORDER BY hand")
    assert drawn == [(2, 7_250_00, 250_00), (3, 12_250_00, 250_00)]
    assert await fetch(house, pots, n="%:pot:2") == 0
    await club.right()
    await figures_add_up(house)


async def test_halves_choose_turns_together_and_the_banker_may_pair_them(house: House) -> None:
    """rules 6, 12: a chosen turn of a half is open to another half, and to no whole hand."""
    phones = await people(house, 5)
    marva, devon, keisha, andre, patsy = phones
    halves = {"Devon": HALF, "Keisha": HALF, "Andre": HALF, "Patsy": HALF}
    code = await new_circle(house, marva, 3, order="seats")
    for phone in phones:
        await phone.says(f"JOIN {code} {'half' if phone is not marva else 1}").sees("AGREE")
        await phone.says("AGREE").sees("Which turn" if phone is marva else "has been asked")
    await marva.says(f"APPROVE {code} ALL").sees("turns are taken")
    await devon.says(f"SEAT {code} 3").sees("turn 3 of 3 is yours", "Keisha has the other half")
    await marva.says(f"SEAT {code} 3").sees("Turn 3 of Sunday Club is Devon's")
    await patsy.says(f"SEAT {code} 3").sees("turn 3 of 3 is yours", "Devon has the other half")
    assert await devon.saw("Patsy has the other half of your turn")
    await andre.says(f"SEAT {code} 1").sees("turn 1 of 3 is yours", "Keisha has the other half")
    await keisha.says(f"SEAT {code} 2").sees("the half of Andre waits in turn 1", "SEAT 1")
    await keisha.says(f"SEAT {code} 3").sees("Turn 3 of Sunday Club is Devon & Patsy's")
    await marva.says(f"LOCK {code}").sees("1 Keisha & Andre", "2 Marva", "3 Devon & Patsy")
    other = await new_circle(house, marva, 3, order="banker")
    await join(other, marva, phones, halves)
    await marva.says(f"ORDER {other} Patsy & Devon, Marva, Andre").sees(
        "1 Devon & Patsy", "2 Marva", "3 Keisha & Andre"
    )
    await marva.says(f"ORDER {other} Patsy and Devon, Marva, Andre, Keisha").sees("once, 3 in all")
    await marva.says(f"LOCK {other} YES").sees("is locked")


async def test_a_lottery_draws_two_halves_as_one(house: House) -> None:
    """rule 13: they have one number, and their words stand together; anybody can work it out as before."""
    phones = await people(house, 4)
    marva, _, keisha, _ = phones
    code = await new_circle(house, marva, 3, order="lottery")
    await join(code, marva, phones, {"Devon": HALF, "Keisha": HALF})
    began = await marva.says(f"LOTTERY {code}").sees("SEED HASH", "#1 Marva", "#2 Devon & Keisha", "#3 Andre")
    for phone, word in zip(phones, ("mango", "sea", "sun", "rain"), strict=True):
        await phone.says(f"WORD {word}").sees(word)
    await house.go_to(house.clock.now() + timedelta(minutes=2))
    over = await keisha.sees("WORDS HASH")
    drawn = await keisha.sees("SEED ", "ORDER")
    assert "#2 seasun" in drawn.text
    told = read_messages(f"{began.text}\n{over.text}\n{drawn.text}")
    assert faults(told) == ()
    await marva.says(f"LOCK {code} YES").sees("is locked")
    turns = await rows(house, "SELECT turn FROM hand WHERE halves = 1")
    assert len(set(turns)) == 1
    assert found(r"\d (?=Devon & Keisha #2)", drawn.text).strip() == str(turns[0][0])
