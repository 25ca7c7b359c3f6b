"""A circle from NEW to the start, and what may not be (rules.md 1-3, 5, 9, 11, 12, 15)."""

import asyncio

from tests.flows.club import begun, fetch, join, new_circle, people, start, verify
from tests.teller import House, onboard


async def test_a_circle_goes_through_its_states_and_refuses_what_does_not_fit_them(house: House) -> None:
    """rule 1: OPEN, LOCKED, ACTIVE; and words out of season."""
    phones = await people(house, 2)
    marva, devon = phones
    code = await new_circle(house, marva, 2)
    await marva.says(f"BEGIN {code}").sees("LOCK")
    await marva.says(f"LOCK {code}").sees("2 of 2 turns open")
    await marva.says(f"PAY OUT {code}").sees("not running")
    await marva.says(f"SUSPEND {code}").sees("not running")
    await marva.says(f"RESUME {code}").sees("Sunday Club")
    await join(code, marva, phones)
    await devon.says(f"PAY 5000 SANDBOX {code}").sees("not running")
    await marva.says(f"LOCK {code} YES").sees("is locked")
    await marva.says(f"LOCK {code} YES").sees("locked already")
    await marva.says(f"INVITE {code}").sees("not taking new partners")
    await marva.says(f"ORDER {code} Devon, Marva").sees("order stands")
    await marva.says(f"BEGIN {code} YES").sees("has begun")
    await marva.says(f"BEGIN {code} YES").sees("has begun already")
    await marva.says(f"LOCK {code} YES").sees("Sunday Club")
    await marva.says(f"CLOSE {code} YES").sees("Sunday Club")
    await marva.says(f"TERMS {code} fee 100").sees("Sunday Club")
    assert await fetch(house, "SELECT state FROM circle") == "ACTIVE"
    assert await fetch(house, "SELECT count(*) FROM round") == 2


async def test_before_the_start_a_circle_can_be_called_off(house: House) -> None:
    """rule 1: CANCELLED; everybody hears it, and it is over."""
    phones = await people(house, 2)
    marva, devon = phones
    code = await new_circle(house, marva, 2)
    await join(code, marva, phones)
    await marva.says(f"CLOSE {code}").sees("Yes")
    await marva.taps("Yes").sees("called off")
    await devon.sees("Marva has called off Sunday Club")
    await marva.says(f"BEGIN {code} YES").sees("Sunday Club")
    assert await fetch(house, "SELECT state FROM circle") == "CANCELLED"


async def test_a_changed_term_voids_the_acceptances_and_asks_again(house: House) -> None:
    """rule 2: even when LOCKED; LOCK without a change needs no second AGREE."""
    phones = await people(house, 3)
    marva, devon, keisha = phones
    code = await new_circle(house, marva, 3)
    await join(code, marva, phones)
    await marva.says(f"LOCK {code} YES").sees("is locked")
    await marva.says(f"TERMS {code} fee 500").sees("J$500")
    for phone in (devon, keisha):
        await phone.sees("terms of Sunday Club have changed", "J$500", "AGREE")
    assert await fetch(house, "SELECT state FROM circle") == "OPEN"
    await marva.says(f"LOCK {code} YES").sees("still have to accept", "Devon")
    await marva.says(f"BEGIN {code} YES").sees("LOCK")
    for phone in phones:
        await phone.says("AGREE").sees("agreed to the new terms")
    await marva.says(f"LOCK {code} YES").sees("is locked")
    await marva.says(f"TERMS {code} fee 500").sees("Sunday Club")  # the same is no change
    await marva.says(f"BEGIN {code} YES").sees("has begun")
    hashes = "SELECT count(DISTINCT agreed_hash) FROM member"
    assert await fetch(house, hashes) == 1
    assert await fetch(house, "SELECT bool_and(agreed_hash = terms_hash) FROM member, circle") is True


async def test_a_term_that_cannot_be_is_refused(house: House) -> None:
    """rules 19, 31: grace is shorter than the period, a fee smaller than a throw."""
    [marva] = await people(house, 1)
    code = await new_circle(house, marva, 3)
    await marva.says(f"TERMS {code} grace 7").sees("7")
    await marva.says(f"TERMS {code} fee 5000").sees("J$5,000")
    assert await fetch(house, "SELECT fee + grace_days FROM circle") == 3


async def test_the_start_needs_every_turn_filled(house: House) -> None:
    """rule 3"""
    phones = await people(house, 2)
    marva, _ = phones
    code = await new_circle(house, marva, 3)
    await join(code, marva, phones)
    await marva.says(f"LOCK {code} YES").sees("1 of 3 turns open")
    assert await fetch(house, "SELECT state FROM circle") == "OPEN"


async def test_a_first_due_date_that_has_passed_does_not_begin(house: House) -> None:
    """rule 3, 20: a round that is over before it opens would never be."""
    phones = await people(house, 2)
    code = await new_circle(house, phones[0], 2)
    await join(code, phones[0], phones)
    await phones[0].says(f"LOCK {code} YES").sees("is locked")
    await house.pass_days(1)
    await phones[0].says(f"BEGIN {code} YES").sees("is past")


async def test_dollars_of_the_united_states_every_month(house: House) -> None:
    """rule 5"""
    club = await begun(house, 2, terms="50 USD; monthly")
    marva, devon = club.phones
    await marva.says(f"PAY US$50 SANDBOX {club.code}").sees("US$50 from Marva")
    await devon.says(f"PAY J$50 SANDBOX {club.code}").sees("USD")
    await devon.says(f"PAY 50 SANDBOX {club.code}").sees("US$50 from Devon", "Pot US$100 of US$100")
    first, second = await club.due(1), await club.due(2)
    assert 28 <= (second - first).days <= 33
    await club.right()


async def test_a_fortnightly_circle(house: House) -> None:
    """rule 5"""
    club = await begun(house, 2, terms="5000 JMD; fortnightly")
    assert (await club.due(2) - await club.due(1)).days == 14


async def test_a_throw_splits_into_two_whole_cents(house: House) -> None:
    """rule 11"""
    [marva] = await people(house, 1)
    await marva.says("NEW Sunday Club; 50.01 JMD; weekly; 3; 2099-01-05; join order").sees("J$50.01")
    assert await fetch(house, "SELECT count(*) FROM circle") == 0


async def test_a_member_with_two_hands_throws_twice_and_draws_twice(house: House) -> None:
    """rule 9"""
    club = await begun(house, 2, hands={"Devon": 2})
    marva, devon = club.phones
    await devon.says("BALANCE").sees("J$5,000")
    await devon.says("PAY SANDBOX").sees("J$10,000 from Devon")
    await marva.says("PAY SANDBOX").sees("Pot J$15,000 of J$15,000")
    await devon.says("DRAW").sees("round 2", "round 3")
    assert (
        await fetch(house, "SELECT count(*) FROM hand JOIN person p ON p.id = person_id AND p.name LIKE 'Devon%'") == 2
    )
    await club.right()


async def test_the_own_throws_of_all_hands_come_off_the_draw(house: House) -> None:
    """rules 9, 30"""
    club = await begun(house, 2, hands={"Devon": 2}, order="Devon, Marva, Devon")
    marva, devon = club.phones
    await club.pay(marva)
    await marva.says(f"PAY OUT {club.code}").sees("Devon's draw of J$5,000")
    assert await devon.saw("Your own throw -J$10,000")
    await club.right()


async def test_nobody_holds_more_hands_than_the_cap_or_than_are_left(house: House) -> None:
    """rule 9"""
    phones = await people(house, 2)
    marva, devon = phones
    code = await new_circle(house, marva, 3)
    await devon.says(f"JOIN {code} 4").sees("3")
    await marva.says(f"JOIN {code} 2").sees("AGREE")
    await marva.says("AGREE").sees("You are in")
    await devon.says(f"JOIN {code} 2").sees("Places left in Sunday Club: 1")
    await devon.says(f"JOIN {code} HALF").sees("half")
    await devon.says(f"JOIN {code}").sees("AGREE")
    await devon.says("AGREE").sees("asked")
    await devon.says(f"JOIN {code}").sees("already")


async def test_a_full_circle_takes_nobody_and_approve_all_stops_at_the_last_turn(house: House) -> None:
    """rule 3: who asked too late hears it when the circle is locked."""
    phones = await people(house, 4)
    marva, devon, keisha, andre = phones
    code = await new_circle(house, marva, 3)
    await join(code, marva, [marva])
    for phone in (devon, keisha, andre):
        await phone.says(f"JOIN {code}").sees("AGREE")
        await phone.says("AGREE").sees("asked")
    await marva.says(f"APPROVE {code} ALL").sees("Devon, Keisha", "all 3 turns are taken")
    await marva.says(f"APPROVE {code} Andre").sees("full")
    await andre.says(f"AGREE {code}").sees("Sunday Club")
    await marva.says(f"LOCK {code} YES").sees("is locked")
    await andre.sees("Sunday Club is full")
    await andre.says(f"JOIN {code}").sees("not taking")
    await devon.says(f"JOIN {code}").sees("in Sunday Club already")
    assert await fetch(house, "SELECT count(*) FROM hand") == 3


async def test_the_banker_sets_the_order_by_names_and_each_hand_is_named_once(house: House) -> None:
    """rule 12"""
    phones = await people(house, 3)
    marva, devon, _ = phones
    code = await new_circle(house, marva, 3, order="banker")
    await join(code, marva, phones)
    await marva.says(f"ORDER {code} Keisha, Devon").sees("Keisha")
    await marva.says(f"ORDER {code} Keisha, Devon, Devon").sees("once")
    await marva.says(f"ORDER {code} Keisha, Nobody, Devon").sees("Nobody")
    await devon.says(f"ORDER {code} Devon, Keisha, Marva").sees("Only the banker")
    await marva.says(f"ORDER {code} Keisha, devon clarke, Marva").sees("1 Keisha", "2 Devon", "3 Marva")
    await start(code, marva)
    assert await devon.saw("1 Keisha", "2 Devon", "3 Marva")
    await devon.says(f"ROSTER {code}").sees("Keisha")


async def test_join_order_is_not_the_bankers_to_change(house: House) -> None:
    """rule 12"""
    phones = await people(house, 2)
    code = await new_circle(house, phones[0], 2)
    await join(code, phones[0], phones)
    await phones[0].says(f"ORDER {code} Devon, Marva").sees("join order")


async def test_lock_names_the_unverified_of_the_first_third_and_the_yes_lets_it_stand(house: House) -> None:
    """rule 15"""
    phones = await people(house, 3, verified=False)
    marva, devon, _ = phones
    await verify(house, devon)
    code = await new_circle(house, marva, 3)
    await join(code, marva, phones)
    asked = await marva.says(f"LOCK {code}").sees("Drawing early without a verified TRN: Marva.")
    assert "Keisha." not in asked.text
    await marva.taps("Yes").sees("is locked")


async def test_two_of_one_name_are_told_apart(house: House) -> None:
    phones = await people(house, 2)
    marva, devon = phones
    twin = house.phone("whatsapp", "+18765550177", "Devon Grant")
    await onboard(twin, twin.name)
    code = await new_circle(house, marva, 3)
    await join(code, marva, [marva])
    for phone in (devon, twin):
        await phone.says(f"JOIN {code}").sees("AGREE")
        await phone.says("AGREE").sees("asked")
    await marva.says(f"APPROVE {code} Devon").sees("Devon Clarke", "Devon Grant")
    await marva.taps("Devon Grant").sees("Devon")
    await twin.sees("You are in Sunday Club")
    assert not await devon.saw("You are in Sunday Club")
    await marva.says(f"APPROVE {code} Devon").sees("all 3 turns are taken")
    await start(code, marva)
    await marva.says(f"CASH Devon 5000 {code}").sees("Devon Clarke", "Devon Grant")
    await marva.taps("Devon Clarke").sees("is counted")
    await devon.sees("wrote down J$5,000")


async def test_a_circle_of_others_is_not_mine_to_see_or_change(house: House) -> None:
    club = await begun(house, 2)
    stranger = house.phone("whatsapp", "+18765550188", "Nosy Parker")
    await onboard(stranger, stranger.name)
    for word in ("ROSTER", "PAY 5000 SANDBOX", "INVITE"):
        await stranger.says(f"{word} {club.code}")
        await house.rest()
    for word in ("BEGIN {} YES", "PAY OUT {}", "SUSPEND {}", "CLOSE {} YES", "APPROVE {} ALL", "CASH Devon 5000 {}"):
        await stranger.says(word.format(club.code))
        await house.rest()
    await stranger.look()
    assert "Devon" not in stranger.text.replace("CASH Devon", "")
    assert await club.circle_state() == "ACTIVE"
    assert await fetch(house, "SELECT count(*) FROM payment") == 0
    _, devon = club.phones
    await devon.says(f"SUSPEND {club.code}").sees("Only the banker")
    await devon.says(f"CASH Marva 5000 {club.code}").sees("Only the banker")


async def test_two_who_want_the_last_place_at_once_do_not_both_get_it(house: House) -> None:
    """Two at once on one circle: never more hands than turns."""
    phones = await people(house, 3)
    marva, devon, keisha = phones
    code = await new_circle(house, marva, 2)
    await join(code, marva, [marva])
    for phone in (devon, keisha):
        await phone.says(f"JOIN {code}").sees("AGREE")
    await asyncio.gather(devon.says("AGREE"), keisha.says("AGREE"))
    await house.rest()
    await asyncio.gather(marva.says(f"APPROVE {code} Devon"), marva.says(f"APPROVE {code} Keisha"))
    await house.rest()
    assert await fetch(house, "SELECT count(*) FROM hand") == 2


async def test_each_chooses_a_turn_and_who_chooses_none_gets_what_is_left(house: House) -> None:
    """rule 12, chosen seats: on three channels, with two hands, a turn given back, and one nobody wanted."""
    phones = await people(house, 3)
    marva, devon, keisha = phones
    code = await new_circle(house, marva, 4, order="seats")
    await join(code, marva, phones, hands={"Devon": 2})
    await devon.sees("Which turn", "1, 2, 3, 4")
    await devon.says("SEAT 1").sees("turn 1 of 4 is yours")
    await devon.says("SEAT 4").sees("turn 1, 4 of 4 is yours")
    await keisha.says("SEAT 3").sees("turn 3 of 4 is yours")
    said = await keisha.says("SEAT NOT 3").sees("Free of 4: 2, 3")
    assert said.options == ()  # a typed 2 would be the second of them
    await devon.says("SEAT 2").sees("SEAT NOT 2, then SEAT 2")
    await keisha.says("SEAT 4").sees("Devon's", "Free: 2, 3")
    await keisha.says("SEAT 9").sees("turns 1 to 4")
    await keisha.says("SEAT NOT 4").sees("not one that you chose")
    await keisha.says(f"SEAT {code} 3").sees("turn 3 of 4 is yours")
    await keisha.says("SEAT 3").sees("turn 3 of 4 is yours")
    await devon.says("SEAT NOT 1").sees("turn 4 of 4 is yours", "Free: 1, 2")
    await keisha.says("SEAT 1").sees("turn 1 of 4 is yours")
    await marva.says(f"ORDER {code} Devon, Marva").sees("each chooses")
    await marva.says(f"LOCK {code}").sees("1 Keisha", "2 Marva", "3 Devon", "4 Devon")
    await start(code, marva)
    await keisha.says(f"SEAT 2 {code}").sees("order stands")


async def test_seats_belong_to_circles_that_choose(house: House) -> None:
    phones = await people(house, 2)
    code = await new_circle(house, phones[0], 2)
    await join(code, phones[0], phones)
    await phones[1].says(f"SEAT 1 {code}").sees("turns are not chosen")
