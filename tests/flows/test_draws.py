"""Money out: what comes off a draw, how it reaches the drawer, what holds it, and how it ends (rules.md 24, 30-37)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from channels.base import Outcome, Refused, Sent, Unknown
from channels.rails.sandbox import SandboxRail
from tests.flows.club import account, begun, clerk, execute, fetch, found, monday, verify
from tests.teller import House, open_house


async def test_the_drawer_sees_the_arithmetic_and_an_offset_throw_is_paid(house: House) -> None:
    """rules 30, 31, 35: pot - fee - own throw; the own throw counts as thrown; the fee goes out by rail."""
    club = await begun(house, 3, extra="fee 500")
    marva, devon, keisha = club.phones
    await club.pay(devon, keisha)
    asked = await marva.says(f"PAY OUT {club.code}").sees("second yes")
    assert await marva.saw("your draw from Sunday Club is J$9,500", "Pot J$15,000", "Banker's fee -J$500")
    assert await marva.saw("Your own throw -J$5,000")
    ref = found(r"P-\w{4}", asked.text)
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await marva.sees("J$9,500", ref, "RECEIVED")
    assert await club.state(1) == "PAYING"
    await marva.says("RECEIVED").sees("in your hands")
    await marva.says("BALANCE").sees("nothing to throw, round 1 of 3")
    await house.rest()
    assert await club.state(1) == "PAID"
    assert await marva.saw("your fee of J$500")
    assert await marva.saw("J$500 that Sunday Club owed you as its banker was sent")
    assert await house.balances(club.code) == {}
    await club.right()


async def test_the_fee_is_kept_out_of_the_cash_that_the_banker_holds(house: House) -> None:
    """rules 24, 31: a draw takes the cash first; what is left of it pays the fee."""
    club = await begun(house, 3, extra="fee 500", order="Devon, Marva, Keisha")
    marva, devon, _ = club.phones
    for who in ("Marva", "Devon", "Keisha"):
        await marva.says(f"CASH {who} 5000 {club.code}").sees("R-")
    await marva.says(f"PAY OUT {club.code}").sees("you hand over J$14,500 in cash")
    ref = found(r"P-\w{4}", marva.last.text)
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await house.rest()
    assert await marva.saw("hand J$14,500 in cash to Devon")
    await devon.says("RECEIVED").sees("in your hands")
    await house.rest()
    assert await marva.saw("your fee of J$500, J$500 of it out of the cash you hold")
    assert await house.balances(club.code) == {}
    await club.right()


async def test_a_draw_takes_cash_first_and_the_rest_by_the_drawers_rail(house: House) -> None:
    """rule 24"""
    club = await begun(house, 3, order="Devon, Marva, Keisha")
    marva, devon, keisha = club.phones
    await account(house, devon)
    await club.pay(marva, devon)
    await marva.says(f"CASH Keisha 5000 {club.code}").sees("counted")
    await keisha.says("CONFIRM").sees("is right")
    await marva.says(f"PAY OUT {club.code}").sees("you hand over J$5,000 in cash, J$10,000 to NCB ...5678")
    ref = found(r"P-\w{4}", marva.last.text)
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await devon.sees("Marva has J$5,000 in cash, J$10,000 sent to NCB ...5678")
    await devon.says("RECEIVED").sees("J$15,000")
    await house.rest()
    assert await house.balances(club.code) == {}
    await club.right()


async def test_without_an_account_the_rail_pays_by_way_of_the_banker(house: House) -> None:
    """rule 34; and cash on its way to one drawer is promised to no other."""
    club = await begun(house, 3, order="Devon, Keisha, Marva")
    marva, devon, keisha = club.phones
    await club.prepay(*club.phones)
    first = await club.pay_out()
    await devon.sees("Marva has J$15,000 in cash", first)
    assert await marva.saw("hand J$15,000 in cash to Devon")
    assert await house.balances(club.code) == {
        f"circle:{club.code}:cash": 1_500_000,
        f"circle:{club.code}:payable:1": 1_500_000,
        **{f"circle:{club.code}:credit:{p}": 1_000_000 for p in await persons(house)},
    }
    await account(house, keisha, "87654321")
    await club.go(2)
    await marva.says(f"PAY OUT {club.code}").sees("J$15,000 to NCB ...4321")
    second = found(r"P-\w{4}", marva.last.text)
    await (await club.asked(second)).says(f"APPROVE PAYOUT {second}").sees("Thank you")
    await devon.says("RECEIVED").sees("in your hands")
    await keisha.says("RECEIVED").sees("in your hands")
    await club.right()


async def persons(house: House) -> list[str]:
    async with house.engine.connect() as conn:
        return [row[0] for row in await conn.exec_driver_sql("SELECT id FROM person")]


async def test_a_pot_is_paid_after_grace_or_earlier_when_it_is_full_but_never_before_the_due_date(house: House) -> None:
    """rule 19"""
    club = await begun(house, 3, weeks=1)
    marva, devon, keisha = club.phones
    await club.pay(marva, devon)
    await marva.says(f"PAY OUT {club.code}").sees("J$5,000 is still to be thrown")
    await club.pay(keisha)
    await marva.says(f"PAY OUT {club.code}").sees("the pot is full and can go out from")
    await club.go(1)
    await marva.says(f"PAY OUT {club.code}").sees("second yes")
    await club.go(2)
    await club.pay(devon)
    await club.go(2, 3, 23)
    await marva.says(f"PAY OUT {club.code}").sees("Marva's draw")  # of round 1 alone: round 2 is not full
    await club.go(2, 4)
    await marva.says(f"PAY OUT {club.code}").sees("Devon's draw of J$5,000")
    await club.right()


async def test_a_short_pot_is_paid_short_and_late_money_goes_to_the_earliest_short_drawer(house: House) -> None:
    """rules 22, 30, 36: two throws missed come off the draw and reach those who were paid short."""
    club = await begun(house, 4)
    marva, devon, keisha, andre = club.phones
    await club.prepay(marva, devon, andre)
    await club.go(1, 4)
    await marva.sees("Marva's draw is J$20,000, and J$15,000 is in")
    ref = await club.pay_out()
    assert await marva.saw("J$15,000 of it goes out now. J$5,000 is still owed")
    await marva.says(f"RECEIVED {ref}").sees("J$5,000 is still owed to you")
    assert await club.state(1) == "PAID_SHORT"
    await club.go(2, 4)
    await club.draw(devon)
    await club.go(3, 4)
    assert await marva.saw("J$5,000 more has come in for Marva's draw")
    assert await marva.saw("J$5,000 more has come in for Devon's draw")
    for drawer in (marva, devon, keisha):
        await club.draw(drawer)
    assert await keisha.saw("your draw from Sunday Club is J$5,000", "Your own throw -J$5,000", "you owed -J$10,000")
    assert [await club.state(n) for n in (1, 2, 3)] == ["PAID"] * 3
    await club.right()


async def test_more_than_two_missed_throws_hold_a_draw_until_they_are_thrown(house: House) -> None:
    """rule 32"""
    club = await begun(house, 5)
    marva, devon, keisha, andre, patsy = club.phones
    await club.prepay(marva, devon, keisha, patsy)
    await club.go(4, 4)
    assert await andre.saw("Your J$5,000 from Sunday Club is safe and waits until what you owe is thrown")
    assert await marva.saw("Andre's draw", "waits until Andre has thrown")
    assert await club.state(4) == "HELD"
    await andre.says("PAY 5000 SANDBOX").sees("R-", "Your J$10,000 from Sunday Club is free")
    assert await marva.saw("Andre's draw of J$10,000 is free", f"PAY OUT {club.code}")
    assert await club.state(4) == "PAYING"
    await club.right()


async def test_a_draw_that_only_settles_what_was_owed_pays_nothing_out(house: House) -> None:
    """rules 30, 51"""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await club.prepay(marva, devon)
    await club.go(1, 4)
    await club.draw(marva)
    await club.go(2, 4)
    await club.draw(devon)
    await club.go(3, 4)
    await keisha.sees("went to the J$15,000 you owed")
    assert await club.state(3) == "PAID"
    await club.draw(marva)
    await club.draw(devon)
    assert await club.circle_state() == "COMPLETED"
    assert await house.balances(club.code) == {}
    await club.right()


async def test_without_a_verified_trn_a_draw_is_held_and_reminded_of_every_three_days(house: House) -> None:
    """rules 33, 58: held when the banker wants to pay, told what frees it, freed by KYC OK."""
    club = await begun(house, 3, verified=False)
    marva, devon, keisha = club.phones
    await club.pay(marva, devon, keisha)
    await marva.says(f"PAY OUT {club.code}").sees("waits for a verified TRN")
    assert await marva.saw("Your J$15,000 from Sunday Club is safe and waiting for your TRN")
    assert await club.state(1) == "OPEN"
    told = [0]
    for _ in range(3):
        told.append(sum("waiting for your TRN" in m.text for m in marva.messages))
        await house.pass_days(3)
        await marva.look()
    assert [b - a for a, b in pairwise(told[1:])] == [1, 1]
    assert await club.state(1) == "HELD"
    staff = await clerk(house)
    await marva.says("TRN 123-456-789").sees("ending 789")
    ref = found(r"K-\w{4}", (await staff.says("QUEUE").sees("kyc ...789 Marva Brown")).text)
    await staff.says(f"KYC {ref} NO").sees("refused")
    await marva.sees("could not be matched", "TRN")
    await marva.says("TRN 987654321").sees("ending 321")
    again = found(r"K-\w{4}", (await staff.says("QUEUE").sees("kyc ...321")).text)
    assert again != ref
    await staff.says(f"KYC {again} OK").sees("verified")
    await marva.sees("from Sunday Club is free")
    await club.draw(marva)
    assert await club.state(1) == "PAID"
    before = len(marva.messages)
    await house.pass_days(4)
    await marva.look()
    assert not any("waiting for your TRN" in m.text for m in marva.messages[before:])
    await club.right()


async def test_a_held_draw_does_not_keep_another_from_being_paid(house: House) -> None:
    """rule 33: the held pot is ring-fenced."""
    club = await begun(house, 3, verified=False)
    marva, devon, keisha = club.phones
    await verify(house, devon)
    await club.prepay(marva, devon, keisha)
    await club.go(2, 4)
    assert await club.state(1) == "HELD"
    await club.draw(devon)
    assert (await club.state(1), await club.state(2)) == ("HELD", "PAID")
    assert (await house.balances(club.code))[f"circle:{club.code}:pot:1"] == 1_500_000
    await club.right()


async def test_a_payout_takes_two_people_and_neither_is_the_drawer(house: House) -> None:
    """rule 35: nobody confirms their own draw, nor the banker twice, nor one who was not asked."""
    club = await begun(house, 4, order="Devon, Marva, Keisha, Andre")
    marva, devon, keisha, andre = club.phones
    await club.pay(*club.phones)
    asked = await marva.says(f"PAY OUT {club.code}").sees("second yes")
    ref = found(r"P-\w{4}", asked.text)
    second = await club.asked(ref)
    assert second in (keisha, andre)
    await marva.says(f"APPROVE PAYOUT {ref}").sees("You started")
    await devon.says(f"APPROVE PAYOUT {ref}").sees("your own draw")
    other = andre if second is keisha else keisha
    await other.says(f"APPROVE PAYOUT {ref}").sees("waits for your yes")
    await marva.says(f"PAY OUT {club.code}").sees("asked again")
    await second.sees("APPROVE PAYOUT")
    await second.says("APPROVE PAYOUT").sees("Thank you")  # the bare word: one question waits
    await second.says(f"APPROVE PAYOUT {ref}").sees("No payout")
    assert await fetch(house, "SELECT count(*) FROM payout WHERE state <> 'ASKED'") == 1
    await club.right()


async def test_a_second_yes_that_does_not_come_is_asked_of_another_once_and_then_of_staff(house: House) -> None:
    """rule 35: 24 hours each."""
    staff = await clerk(house)
    club = await begun(house, 4, order="Devon, Marva, Keisha, Andre")
    marva, devon, keisha, andre = club.phones
    await club.pay(*club.phones)
    ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("second yes")).text)
    first = await club.asked(ref)
    other = andre if first is keisha else keisha
    await house.pass_days(0.9)
    assert not await other.saw(ref)
    await house.pass_days(0.2)
    assert await other.saw("APPROVE PAYOUT", ref)
    assert not await staff.saw(ref)
    await house.pass_days(1)
    await staff.sees("APPROVE PAYOUT", ref)
    await first.says(f"APPROVE PAYOUT {ref}").sees("No payout")
    await staff.says("QUEUE").sees("payout", ref)
    await staff.says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await devon.sees("RECEIVED")
    await staff.says("QUEUE").sees("Nothing is waiting")
    await club.right()


async def test_with_nobody_left_to_confirm_staff_are_asked_at_once(house: House) -> None:
    """rule 35: two members, of whom one draws and one banks."""
    staff = await clerk(house)
    club = await begun(house, 2, order="Devon, Marva")
    marva, devon = club.phones
    await club.pay(marva, devon)
    asked = await marva.says(f"PAY OUT {club.code}").sees("Staff give the second yes")
    ref = found(r"P-\w{4}", asked.text)
    await staff.sees("APPROVE PAYOUT", ref)
    await staff.says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await devon.sees("RECEIVED")


async def test_one_who_said_stop_everywhere_is_not_asked_while_another_can_be(house: House) -> None:
    """rules 35, 55"""
    club = await begun(house, 4, order="Devon, Marva, Keisha, Andre")
    marva, _, keisha, andre = club.phones
    await club.pay(*club.phones)
    await andre.says("STOP").sees("no more")
    ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("asked Keisha")).text)
    await keisha.sees("APPROVE PAYOUT", ref)


class Moody(SandboxRail):
    """A rail that answers disbursements as it is told, and remembers their keys."""

    def __init__(self, *answers: Outcome) -> None:
        super().__init__()
        self.answers = list(answers)
        self.keys: list[str] = []
        self.looked_up: list[str] = []

    async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
        self.keys.append(key)
        return self.answers.pop(0) if self.answers else await super().disburse(order, key)

    async def look_up(self, kind: str, order: Mapping[str, Any], key: str) -> Outcome:  # noqa: ARG002 - by key alone
        self.looked_up.append(key)
        return Sent(f"sbxout_{key}", {"settled": True})


async def test_a_refused_payout_is_sent_again_under_its_key(database_url: str) -> None:
    """rule 37"""
    rail = Moody(Refused("closed account", "closed"), Refused("closed account", "closed"))
    async with open_house(database_url, at=monday(), rail=rail) as house:
        staff = await clerk(house)
        club = await begun(house, 3, order="Devon, Marva, Keisha")
        marva, devon, _ = club.phones
        await account(house, devon)
        await club.pay(*club.phones)
        await club.pay_out()
        await devon.sees("did not reach NCB ...5678", "Your money is safe")
        assert await marva.saw("did not reach NCB ...5678", f"PAY OUT {club.code}")
        await staff.sees("did not take it", "CASE")
        await marva.says(f"PAY OUT {club.code}").sees("is being sent again")
        await house.rest()
        case = found(r"K-\w{4}", (await staff.says("QUEUE").sees("payout")).text)
        await staff.says(f"CASE {case} NO").sees("stays in QUEUE")
        await devon.sees("RECEIVED")
        assert len(rail.keys) == 3
        assert len(set(rail.keys)) == 1
        await devon.says("RECEIVED").sees("in your hands")
        await staff.says("QUEUE").sees("Nothing is waiting")
        assert await fetch(house, "SELECT count(*) FROM payout") == 1
        await club.right()


async def test_an_unknown_result_is_looked_up_and_never_sent_blindly(database_url: str) -> None:
    """rule 37"""
    rail = Moody(Unknown("no answer"))
    async with open_house(database_url, at=monday(), rail=rail) as house:
        club = await begun(house, 3, order="Devon, Marva, Keisha")
        _, devon, _ = club.phones
        await account(house, devon)
        await club.pay(*club.phones)
        await club.pay_out()
        await devon.sees("RECEIVED")
        assert len(rail.keys) == 1
        assert rail.looked_up == rail.keys
        await club.right()


async def test_a_refused_fee_is_sent_again_by_pay_out(database_url: str) -> None:
    """rules 31, 37"""
    rail = Moody(Sent("one", {"settled": True}), Refused("closed account", "closed"))
    async with open_house(database_url, at=monday(), rail=rail) as house:
        club = await begun(house, 2, extra="fee 500")
        marva, devon = club.phones
        staff = await clerk(house)
        await club.pay(marva, devon)
        ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("yes")).text)
        await devon.says(f"APPROVE PAYOUT {ref}").sees("Thank you")
        await marva.sees("RECEIVED")
        await marva.says("RECEIVED").sees("in your hands")
        await staff.sees("did not take it")
        await marva.says(f"PAY OUT {club.code}").sees("is being sent again")
        await marva.sees("J$500 that", "owed you", "was sent")
        assert await house.balances(club.code) == {}
        await club.right()


async def test_a_fee_that_the_pot_was_short_of_is_paid_when_the_money_comes(house: House) -> None:
    """rules 31, 36: the drawer first, then the fee."""
    club = await begun(house, 3, extra="fee 4000")
    marva, devon, keisha = club.phones
    await club.pay(marva, devon)
    await keisha.says("PAY 1000 SANDBOX").sees("R-")
    await club.go(1, 4)
    await club.draw(marva)
    assert await club.state(1) == "PAID"
    assert not await marva.saw("your fee of")
    await keisha.says("PAY 4000 SANDBOX").sees("R-")
    await house.rest()
    assert await marva.saw("your fee of J$4,000")
    await club.right()


async def test_draws_are_paid_once_however_often_a_word_is_said(house: House) -> None:
    """rules 37, 59: RECEIVED, APPROVE PAYOUT and PAY OUT again are harmless."""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await club.pay(*club.phones)
    ref = await club.pay_out()
    await marva.says(f"RECEIVED {ref}").sees("in your hands")
    await marva.says(f"RECEIVED {ref}")
    await marva.says("RECEIVED").sees("No draw of yours waits")
    await marva.says(f"NOT RECEIVED {ref}").sees(ref)
    for phone in (devon, keisha):
        await phone.says(f"APPROVE PAYOUT {ref}").sees("No payout")
    await marva.says(f"PAY OUT {club.code}").sees("Sunday Club")
    await house.rest()
    assert await fetch(house, "SELECT count(*) FROM payout") == 1
    assert await fetch(house, "SELECT state FROM payout") == "RECEIVED"
    await club.right()


async def test_another_persons_draw_cannot_be_acknowledged(house: House) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    await club.pay(*club.phones)
    ref = await club.pay_out()
    await devon.says(f"RECEIVED {ref}").sees("No draw")
    await devon.says(f"NOT RECEIVED {ref}").sees("No draw")
    assert await fetch(house, "SELECT state FROM payout") == "SENT"


async def test_a_payout_is_called_off_when_a_dispute_took_its_money_back(house: House) -> None:
    """rules 24, 52: asked, then the cash for it is denied, so the second yes comes too late."""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await club.pay(marva, devon)
    await marva.says(f"CASH Keisha 5000 {club.code}").sees("counted")
    ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("second yes")).text)
    await keisha.says("DENY").sees("set aside")
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("called off")
    await marva.sees("called off", f"PAY OUT {club.code}")
    assert await fetch(house, "SELECT state FROM payout") == "DROPPED"
    await execute(house, "UPDATE member SET agreed_hash = agreed_hash")
    await club.go(1, 4)
    await marva.says(f"PAY OUT {club.code}").sees("draw of J$10,000")
    await club.right()


async def test_a_fee_comes_in_parts_one_after_the_other(database_url: str) -> None:
    """rules 31, 37: the next part waits while the rail has not taken the first."""
    rail = Moody(Sent("draw", {"settled": True}), Refused("closed account", "closed"))
    async with open_house(database_url, at=monday(), rail=rail, holidays=frozenset()) as house:
        club = await begun(house, 3, extra="fee 4000")
        marva, devon, keisha = club.phones
        await club.pay(marva, devon)
        await keisha.says("PAY 1000 SANDBOX").sees("R-")
        await club.go(1, 4)
        await club.draw(marva)
        for amount in (1000, 3000):
            await keisha.says(f"PAY {amount} SANDBOX").sees("R-")
            await house.rest()
        assert await marva.saw("your fee of J$1,000")
        assert not await marva.saw("J$3,000 that")
        await marva.says(f"PAY OUT {club.code}").sees("is being sent again")
        await house.rest()
        assert await marva.saw("J$3,000 that Sunday Club owed you as its banker was sent")
        assert await fetch(house, "SELECT fee_paid FROM draw") == 400_000
        await club.right()


async def test_a_treasurer_says_the_second_yes_to_every_draw_but_their_own(house: House) -> None:
    """rule 35: named by the banker, for all to hear; their own draw is confirmed by somebody else."""
    club = await begun(house, 4)
    marva, devon, keisha, andre = club.phones
    await devon.says(f"TREASURER {club.code} Keisha").sees("banker")
    await marva.says(f"TREASURER {club.code} Winsome").sees("Winsome")
    await marva.says(f"TREASURER {club.code} Marva").sees("Marva")
    await marva.says("TREASURER Devon").sees("Devon is the treasurer")
    await devon.sees("made you the treasurer")
    await keisha.sees("made Devon the treasurer")
    await marva.says("TREASURER Devon").sees("so already")
    await club.pay(*club.phones)
    ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("second yes")).text)
    assert await club.asked(ref) is devon
    await devon.says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await house.rest()
    await marva.says("RECEIVED").sees("Sunday Club")
    await club.go(2)
    await club.pay(marva, keisha, andre)
    ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("second yes")).text)
    assert await club.asked(ref) in (keisha, andre)
    await marva.says("TREASURER Devon").sees("so already")
    await devon.says(f"APPROVE PAYOUT {ref}").sees(ref)
    assert await fetch(house, "SELECT state FROM payout WHERE ref = :r", r=ref) == "ASKED"
    await marva.says(f"TREASURER {club.code} NONE").sees("no treasurer now")
    await andre.sees("ended the treasurer")
    await house.books_are_right()
