"""How a draw and a circle end: the drawer's word, silence, disputes, debts (rules.md 39, 51, 52)."""

from tests.flows.club import account, begun, clerk, fetch, found, verify
from tests.teller import House


async def test_a_rail_payout_is_presumed_after_72_hours_of_silence(house: House) -> None:
    """rule 39"""
    club = await begun(house, 3, order="Devon, Marva, Keisha")
    _, devon, _ = club.phones
    await account(house, devon)
    await club.pay(*club.phones)
    await club.pay_out()
    await house.pass_days(2.9)
    assert await fetch(house, "SELECT state FROM payout") == "SENT"
    await house.pass_days(1)
    assert await devon.saw("counts as arrived")
    assert await fetch(house, "SELECT state FROM payout") == "PRESUMED"
    assert await club.state(1) == "PAID"
    await club.right()


async def test_cash_that_the_drawer_is_silent_about_goes_to_staff(house: House) -> None:
    """rule 39: never presumed."""
    staff = await clerk(house)
    club = await begun(house, 3, order="Devon, Marva, Keisha")
    await club.pay(*club.phones)
    ref = await club.pay_out()
    await house.pass_days(4)
    assert await staff.saw("Devon has not said that it came", ref)
    assert await fetch(house, "SELECT state FROM payout") == "SENT"
    case = found(r"K-\w{4}", (await staff.says("QUEUE").sees("payout", "Devon", ref)).text)
    await staff.says(f"CASE {case} OK").sees("done")
    assert await club.phones[1].saw("Staff have found that your J$15,000", "came")
    assert await club.state(1) == "PAID"
    await club.right()


async def test_not_received_is_a_dispute_that_staff_decide(house: House) -> None:
    """rules 39, 52: NO keeps it open and in the queue until it came; nothing is presumed meanwhile."""
    staff = await clerk(house)
    club = await begun(house, 3, order="Devon, Marva, Keisha")
    marva, devon, _ = club.phones
    await account(house, devon)
    await club.pay(*club.phones)
    ref = await club.pay_out()
    await devon.says("NOT RECEIVED").sees("A person will look")
    assert await marva.saw("Devon says", "has not come")
    await devon.says(f"NOT RECEIVED {ref}").sees("already")
    case = found(r"K-\w{4}", (await staff.says("QUEUE").sees("dispute", ref)).text)
    await staff.says(f"CASE {case} perhaps").sees(f"CASE {case} OK")
    await staff.says(f"CASE {case} NO").sees("stays in QUEUE")
    await devon.sees("still to come", "RECEIVED")
    await house.pass_days(5)
    assert await fetch(house, "SELECT state FROM payout") == "SENT"
    assert await club.state(2) == "OPEN"  # a dispute freezes its own sum alone
    await devon.says("RECEIVED").sees("in your hands")
    await staff.says("QUEUE").sees("Nothing is waiting")
    await club.right()


async def test_a_circle_ends_with_its_debts_listed_and_still_takes_and_pays_them(house: House) -> None:
    """rules 36, 51: a misser who draws first and never pays keeps nobody waiting for ever."""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await club.pay(*club.phones)
    await club.draw(marva)
    for phone in (devon, keisha):
        await phone.says("PAY 10000 SANDBOX").sees("R-")
    for number, drawer in ((2, devon), (3, keisha)):
        await club.go(number, 4)
        await club.draw(drawer)
    assert await club.circle_state() == "ACTIVE"
    await club.go(3, 6)
    assert await club.circle_state() == "COMPLETED"
    assert await marva.saw("is complete", "You threw J$5,000 and drew J$15,000", "You still owe J$10,000")
    assert await devon.saw("is complete", "You threw J$15,000 and drew J$10,000", "J$5,000 is still owed to you")
    assert await marva.saw("Still open", "Marva owes J$10,000", "Devon is owed J$5,000", "Keisha is owed J$5,000")
    await devon.says(f"PAY 5000 SANDBOX {club.code}").sees("not running")
    await marva.says("BALANCE").sees("round 2", "round 3")
    await marva.says("PAY 10000 SANDBOX").sees("R-")
    assert await marva.saw("J$5,000 more has come in for Devon's draw")
    await club.draw(devon)
    await club.draw(keisha)
    await marva.says(f"PAY OUT {club.code}").sees("nothing to pay out")
    assert [await club.state(n) for n in (1, 2, 3)] == ["PAID"] * 3
    assert await house.balances(club.code) == {}
    await club.right()


async def test_a_held_draw_is_a_liability_when_the_circle_ends_and_is_paid_when_it_is_free(house: House) -> None:
    """rules 33, 51: ring-fenced, never given to others."""
    club = await begun(house, 2, verified=False)
    marva, devon = club.phones
    await verify(house, devon)
    await club.prepay(marva, devon)
    await club.go(2, 4)
    ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("Staff give")).text)
    staff = await clerk(house)
    await staff.says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await devon.says(f"RECEIVED {ref}").sees("in your hands")
    await club.go(2, 6)
    assert await club.circle_state() == "COMPLETED"
    assert await marva.saw("is complete", "J$10,000 from Sunday Club is safe and waiting for your TRN")
    assert await house.balances(club.code) == {f"circle:{club.code}:pot:1": 1_000_000}
    await marva.says("TRN 987654321").sees("ending 321")
    kyc = found(r"K-\w{4}", (await staff.says("QUEUE").sees("kyc")).text)
    await staff.says(f"KYC {kyc} OK").sees("verified")
    await club.draw(marva)
    assert await house.balances(club.code) == {}
    await club.right()


async def test_at_the_end_arrears_come_off_a_held_draw_which_is_never_forfeit(house: House) -> None:
    """rule 32: else hold to the end."""
    club = await begun(house, 5, order="Marva, Devon, Keisha, Andre, Patsy")
    marva, devon, keisha, andre, patsy = club.phones
    await club.prepay(marva, devon, keisha, patsy)
    for number, drawer in enumerate((marva, devon, keisha), 1):
        await club.go(number, 4)
        await club.draw(drawer)
    await club.go(5, 4)
    assert await club.state(4) == "HELD"
    await club.draw(patsy)
    await club.go(5, 6)
    assert await andre.saw("went to the J$25,000 you owed")
    assert await andre.saw("is complete")
    assert await marva.saw("Still open", "Marva is owed J$5,000", "Patsy is owed J$5,000")
    for drawer in (marva, devon, keisha, patsy):
        await club.draw(drawer)
    assert [await club.state(n) for n in range(1, 6)] == ["PAID"] * 5
    assert await house.balances(club.code) == {}
    await club.right()


async def test_every_notice_reaches_each_member_on_their_own_channel(house: House) -> None:
    """rules 20, 39, 51: paid in, pot full, your draw, paid out, complete; on WhatsApp, SMS and Telegram."""
    club = await begun(house, 3, order="Devon, Keisha, Marva")
    marva, devon, keisha = club.phones
    for number, drawer in enumerate((devon, keisha, marva), 1):
        if number > 1:
            await club.go(number)
        for phone in club.phones:
            assert await phone.saw(f"round {number} of 3", "is due") or number == 1
        await club.pay(devon, keisha, marva)
        await house.rest()
        if drawer is not marva:
            assert await drawer.saw(f"the pot of round {number} is full", "It is your draw")
        assert await marva.saw(f"the pot of round {number} is full", f"PAY OUT {club.code}")
        assert await marva.saw("Devon threw J$5,000", f"round {number}")
        await club.draw(drawer)
        assert await drawer.saw("your draw from Sunday Club is J$15,000", "Pot J$15,000")
        assert await drawer.saw("J$15,000", "Reply RECEIVED when")
        assert drawer is marva or await marva.saw(f"{drawer.name.split()[0]} has the J$15,000")
    for phone in club.phones:
        assert await phone.saw("Sunday Club is complete. You threw J$15,000 and drew J$15,000")
    await club.right()


async def test_a_circle_whose_last_draw_came_while_it_rested_is_complete_when_it_goes_on(house: House) -> None:
    """rules 1, 51"""
    club = await begun(house, 2)
    marva, devon = club.phones
    staff = await clerk(house)
    await club.prepay(marva, devon)
    for number, drawer in ((1, marva), (2, devon)):
        if number > 1:
            await club.go(number)
        ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("second yes")).text)
        await (devon if drawer is marva else staff).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
        if number == 2:
            await marva.says(f"SUSPEND {club.code}").sees("on hold")
        await drawer.says(f"RECEIVED {ref}").sees("in your hands")
    assert await club.circle_state() == "SUSPENDED"
    await marva.says(f"RESUME {club.code}").sees("complete")
    assert await devon.saw("Sunday Club is complete")
    await club.right()
