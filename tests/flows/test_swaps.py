"""Swaps that are refused, run out, or give a held draw to another (rules 32, 33, 44)."""

from tests.flows.club import begun, execute, fetch, found
from tests.teller import House


async def test_a_swap_waits_for_both_until_a_round_opens_and_its_time_is_over(house: House) -> None:
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    ref = found(r"V-\w{4}", (await keisha.says("SWAP 3 FOR 2").sees("I asked")).text)
    await devon.says(f"SWAP {ref} NO").sees("no yes")
    await keisha.sees("no yes")
    ref = found(r"V-\w{4}", (await keisha.says("SWAP Devon").sees("I asked")).text)
    await club.pay(marva, devon, keisha)
    await club.go(1, days=1)
    await devon.says(f"SWAP {ref} YES").sees("can be swapped")
    assert await fetch(house, "SELECT state FROM proposal WHERE ref = :r", r=ref) == "LAPSED"
    await marva.says(f"SWAP {club.code} Devon").sees("can be swapped")
    await club.right()


async def test_who_is_behind_swaps_no_turn_and_without_the_pin_nobody(house: House) -> None:
    club = await begun(house, 4)
    marva, devon, keisha, andre = club.phones
    await club.pay(marva, devon, keisha)
    await club.go(1, days=1)
    await keisha.says("SWAP Andre").sees("Andre has something open")
    await andre.says("SWAP Keisha").sees("Andre has something open")
    await club.pay(andre)
    await house.pass_days(0.1)
    andre.pin = ""
    await andre.says("SWAP Keisha").sees("PIN")
    assert await fetch(house, "SELECT count(*) FROM proposal") == 0


async def test_a_held_draw_is_offered_to_the_next_who_wants_it(house: House) -> None:
    club = await begun(house, 5)
    marva, devon, _, _, patsy = club.phones
    await execute(house, "DELETE FROM trn WHERE person_id = (SELECT id FROM person WHERE name LIKE 'Marva%')")
    await club.pay(*club.phones)
    await club.go(1, days=4, hour=11)
    assert await club.state(1) == "HELD"
    await devon.says(f"SWAP {club.code} NEXT").sees("can be swapped")
    await club.pay(*club.phones)
    await house.pass_days(7)
    await club.pay(*club.phones)
    await house.pass_days(8)
    await marva.sees("SWAP", "NEXT", "held draw")
    await marva.says(f"SWAP {club.code} NEXT").sees("I asked", "turn 1", "Patsy has turn 5")
    await patsy.sees("Marva asks to swap")
    await patsy.taps("Yes").sees("it is agreed", "Patsy has turn 1")
    await marva.sees("it is agreed")
    await club.draw(patsy)
    assert await club.state(1) == "PAID"
    await club.right()
