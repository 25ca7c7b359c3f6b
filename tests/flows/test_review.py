"""What a second look found: each of these went wrong once."""

from collections.abc import Mapping
from typing import Any

from channels.base import Outcome, Refused
from channels.rails.sandbox import SandboxRail
from domain.messages import Filed
from domain.people import Role
from tests.flows.club import (
    account,
    begun,
    clerk,
    execute,
    fetch,
    found,
    join,
    monday,
    new_circle,
    people,
    rows,
    start,
    verify,
)
from tests.teller import House, onboard, open_house

ROUND = "SELECT state FROM round WHERE number = :n"
DRAW = "SELECT state FROM draw WHERE round = :n"


class Choosy(SandboxRail):
    """A rail that takes no small sums for now."""

    open = False

    async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
        if order["amount"] < 100_000 and not self.open:
            return Refused("not now", "moody")
        return await super().disburse(order, key)


async def test_a_fee_that_comes_in_parts_waits_for_its_first_part(database_url: str) -> None:
    """rule 31: while the rail has not taken the first part, late money is collected all the same."""
    rail = Choosy()
    async with open_house(database_url, at=monday(), rail=rail, holidays=frozenset()) as house:
        club = await begun(house, 3, extra="fee 500")
        marva, devon, keisha = club.phones
        await club.pay(devon)
        await keisha.says(f"PAY 4700 SANDBOX {club.code}").sees("R-")
        await club.go(1, days=4)
        await club.draw(marva)
        await marva.sees("did not reach")
        await keisha.says(f"PAY 300 SANDBOX {club.code}").sees("R-")
        await house.rest()
        await club.right()
        rail.open = True
        await marva.says(f"PAY OUT {club.code}").sees("being sent again")
        await house.rest()
        sent = await rows(house, "SELECT rail_amount, state FROM payout WHERE kind = 'fee' ORDER BY rail_amount")
        assert sent == [(20_000, "RECEIVED"), (30_000, "RECEIVED")]
        await club.right()


async def test_a_trn_verified_while_a_draw_was_being_held_frees_it_at_pay_out(house: House) -> None:
    """rule 33"""
    club = await begun(house, 2, verified=False)
    marva, devon = club.phones
    await club.pay(devon)
    await club.go(1, days=4)
    assert await fetch(house, DRAW, n=1) == "HELD"
    await verify(house, marva)
    await marva.says(f"PAY OUT {club.code}").sees("second yes")
    assert await fetch(house, DRAW, n=1) == "PAYING"


async def test_a_trn_verified_while_a_draw_was_being_held_frees_it_within_three_days(house: House) -> None:
    """rule 33: the reminder looks again before it asks for what is there."""
    club = await begun(house, 2, verified=False)
    marva, devon = club.phones
    await club.pay(devon)
    await club.go(1, days=4)
    await verify(house, marva)
    await house.pass_days(3.1)
    assert await fetch(house, DRAW, n=1) == "READY"
    assert await marva.saw("draw of J$5,000 is free", "PAY OUT")


async def test_a_trn_verified_before_pay_day_frees_a_draw_held_early(house: House) -> None:
    """rule 33: the banker wanted to pay a full pot before grace had ended."""
    club = await begun(house, 2, verified=False)
    marva, devon = club.phones
    await club.pay(marva, devon)
    await marva.says(f"PAY OUT {club.code}").sees("waits for a verified TRN")
    await verify(house, marva)
    await club.go(1, days=4)
    assert await fetch(house, DRAW, n=1) == "READY"
    assert await club.state(1) == "PAYING"


async def test_arrears_hold_no_draw_of_a_circle_that_is_over(house: House) -> None:
    """rules 32, 51: the TRN comes after the end; what the drawer owes comes off, and the rest is listed as owed."""
    club = await begun(house, 4, verified=False)
    marva, devon, keisha, andre = club.phones
    for phone in (marva, devon, keisha):
        await verify(house, phone)
    await club.prepay(marva, devon)
    await keisha.says(f"PAY 15000 SANDBOX {club.code}").sees("R-")
    for number, drawer in enumerate((marva, devon, keisha), start=1):
        await club.go(number, days=4)
        await club.draw(drawer)
    await club.go(4, days=6)
    assert await club.circle_state() == "COMPLETED"
    staff = await clerk(house)
    await andre.says("TRN 123456799").sees("ending 799")
    await staff.says(f"KYC {await fetch(house, 'SELECT ref FROM ticket')} OK").sees("verified")
    await house.rest()
    assert await rows(house, "SELECT state, held_for, net FROM draw WHERE round = 4") == [("READY", "", 500_000)]
    await club.right()


async def test_a_payout_called_off_before_grace_has_ended_is_not_paid_short(house: House) -> None:
    """rules 19, 21: the round is as late as its dates say, and the pot goes when it is full again or in time."""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await club.pay(devon)
    await marva.says(f"CASH Keisha 5000 {club.code}").sees("is counted")
    await marva.says(f"PAY OUT {club.code}").sees("second yes")
    await keisha.says("DENY").sees("set aside")
    ref = await fetch(house, "SELECT ref FROM payout")
    phone = await club.asked(str(ref))
    await phone.says(f"APPROVE PAYOUT {ref}").sees("called off")
    assert await club.state(1) == "OPEN"
    await marva.says(f"PAY OUT {club.code}").sees("J$5,000 is still to be thrown")
    await club.go(1, days=1)
    assert await club.state(1) == "GRACE"
    await marva.says(f"PAY OUT {club.code}").sees("still to be thrown")
    await keisha.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    await marva.says(f"PAY OUT {club.code}").sees("second yes")
    assert await club.state(1) == "PAYING"
    await club.right()


async def test_a_draw_that_was_ready_is_not_paid_short_before_its_day(house: House) -> None:
    """rule 19: nothing was asked for yet when the cash was denied."""
    club = await begun(house, 3, verified=False)
    marva, devon, keisha = club.phones
    await club.pay(devon)
    await marva.says(f"CASH Keisha 5000 {club.code}").sees("is counted")
    await marva.says(f"PAY OUT {club.code}").sees("waits for a verified TRN")
    await verify(house, marva)
    await keisha.says("DENY").sees("set aside")
    await marva.says(f"PAY OUT {club.code}").sees("still to be thrown")
    assert await club.state(1) == "OPEN"
    await club.go(1, days=4)
    await marva.says(f"PAY OUT {club.code}").sees("second yes")
    await club.right()


# -- terms that were read -------------------------------------------------------------------------------------


async def test_nobody_agrees_to_terms_that_were_not_shown(house: House) -> None:
    """rule 2: they changed between JOIN and AGREE, so they are shown again, typed or tapped."""
    marva, devon, keisha = await people(house, 3)
    code = await new_circle(house, marva, 3)
    for phone in (devon, keisha):
        await phone.says(f"JOIN {code} 1").sees("No fee", "AGREE")
    await marva.says(f"TERMS {code} fee 4900").sees("The terms are changed")
    await devon.says("AGREE").sees("Fee J$4,900 a draw", "AGREE")
    await keisha.taps("I agree").sees("Fee J$4,900 a draw", "AGREE")
    assert await fetch(house, "SELECT count(*) FROM member") == 0
    await devon.says("AGREE").sees("has been asked")
    await keisha.taps("I agree").sees("has been asked")
    agreed = "SELECT count(*) FROM member m JOIN circle c ON c.code = m.circle AND m.agreed_hash = c.terms_hash"
    assert await fetch(house, agreed) == 2


async def test_an_agree_without_a_look_at_the_terms_shows_them_first(house: House) -> None:
    """rule 2"""
    marva, devon = await people(house, 2)
    code = await new_circle(house, marva, 2)
    await devon.says(f"AGREE {code}").sees("J$5,000 weekly", "AGREE")
    assert await fetch(house, "SELECT count(*) FROM member") == 0
    await devon.says(f"AGREE {code}").sees("has been asked")


async def test_an_old_button_does_not_agree_to_newer_terms(house: House) -> None:
    """rule 2: a member reads of each change; the button of the first is not for the second."""
    phones = await people(house, 2)
    marva, devon = phones
    code = await new_circle(house, marva, 2)
    await join(code, marva, phones)
    await marva.says(f"TERMS {code} fee 100").sees("The terms are changed")
    old = (await devon.sees("have changed", "J$100")).options[0].id
    await marva.says(f"TERMS {code} fee 4900").sees("The terms are changed")
    await devon.sees("have changed", "J$4,900")
    await devon.says(old).sees("J$4,900", "AGREE")
    await marva.says("AGREE").sees("agreed to the new terms")
    await marva.says(f"LOCK {code}").sees("Devon still have to accept")
    await devon.says("AGREE").sees("agreed to the new terms")
    await marva.says(f"LOCK {code}").sees("Lock Sunday Club")


async def test_terms_that_come_back_are_agreed_to_anew(house: House) -> None:
    """rule 2: an acceptance that was void once stays void."""
    phones = await people(house, 2)
    marva, _ = phones
    code = await new_circle(house, marva, 2)
    await join(code, marva, phones)
    await marva.says(f"LOCK {code} YES").sees("is locked")
    await marva.says(f"TERMS {code} fee 10").sees("The terms are changed")
    await marva.says(f"TERMS {code} fee 0").sees("The terms are changed")
    await marva.says(f"LOCK {code}").sees("Marva", "Devon", "still have to accept")
    for phone in phones:
        await phone.says("AGREE").sees("agreed to the new terms")
    await start(code, marva)


# -- more than can be owed ------------------------------------------------------------------------------------


async def test_what_is_on_its_way_counts_as_thrown(house: House) -> None:
    """rule 22: claims do not pile up beyond what is left, and a page that was never used holds up nothing."""
    club = await begun(house, 2)
    marva, devon = club.phones
    await devon.says("PAY 5000 CASH").sees("counts when")
    await devon.says("PAY 6000 CASH").sees("J$5,000 for Sunday Club is on its way", "J$5,000 more")
    await devon.says("PAY 5000 CARD").sees("page to pay")
    await devon.says("PAY 6000 SANDBOX").sees("J$5,000 for Sunday Club is on its way", "J$5,000 more")
    await marva.says(f"CASH Devon 5000 {club.code}").sees("J$10,000 for Sunday Club is on its way")
    await house.pass_days(0.1)
    await devon.says("PAY 5000 SANDBOX").sees("J$5,000 from Devon")
    await devon.says("PAY 1000 CASH").sees("on its way")
    await marva.says("CONFIRM").sees("is counted")
    assert (await house.balances(club.code))[f"circle:{club.code}:cash"] == 500_000


async def test_cash_that_something_else_has_paid_meanwhile_is_not_counted(house: House) -> None:
    """rule 23: the banker's word comes late, and a page was paid before."""
    club = await begun(house, 2)
    marva, devon = club.phones
    await devon.says("PAY 10000 CARD").sees("page to pay")
    page = await fetch(house, "SELECT receipt FROM payment")
    await house.pass_days(0.1)
    await devon.says("PAY 10000 CASH").sees("counts when")
    await pay_page(house, club.code, str(page))
    await marva.says("CONFIRM").sees("only J$0 left to throw", "J$10,000 in cash does not count")
    await devon.sees("does not count", "Marva hands it back")
    states = "SELECT rail, state FROM payment ORDER BY rail"
    assert await rows(house, states) == [("CARD", "SETTLED"), ("CASH", "FAILED")]
    await devon.says("PAY 1000 CASH").sees("thrown everything")
    await club.right()


async def test_money_that_can_never_be_owed_is_owned_up_to(house: House) -> None:
    """rule 22: two pages were paid; it is credit, the member is told plainly, and staff have it in their queue."""
    staff = await clerk(house)
    club = await begun(house, 2)
    _, devon = club.phones
    for _ in range(2):
        await devon.says("PAY 10000 CARD").sees("page to pay")
        await house.pass_days(0.1)
    for (receipt,) in await rows(house, "SELECT receipt FROM payment"):
        await pay_page(house, club.code, receipt)
    said = await devon.sees("J$10,000 is more than Sunday Club can still take", "yours")
    assert "Credit J$5,000, it pays the next round" in said.text
    await devon.says("BALANCE").sees("Credit J$15,000")
    ref = found(r"K-\w{4}", (await staff.says("QUEUE").sees("agent", "Devon")).text)
    await staff.says(f"CASE {ref} It goes back to your card").sees("done")
    await devon.sees("It goes back to your card")
    await club.right()


async def pay_page(house: House, code: str, receipt: str) -> None:
    """Say success on a pay page."""
    body = {"kind": "collected", "receipt": receipt, "provider_id": f"sbx_{receipt}"}
    await house.filer.file([Filed("sandbox", f"{receipt}:success", f"circle:{code}", "event", body)])
    await house.rest()


# -- the second yes, and staff --------------------------------------------------------------------------------


async def test_the_yes_is_to_the_account_that_was_shown(house: House) -> None:
    """rules 34, 35: the drawer changed it after the second yes was asked for, so it is asked for again."""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await account(house, marva)
    await club.pay(devon, keisha)
    await marva.says(f"PAY OUT {club.code}").sees("NCB ...5678", "second yes")
    ref = str(await fetch(house, "SELECT ref FROM payout"))
    phone = await club.asked(ref)
    await marva.says("PAYOUT NCB 99995678").sees("NCB ...5678")
    await phone.says(f"APPROVE PAYOUT {ref}").sees("has changed", "NCB ...5678", ref)
    await marva.says("PAYOUT LYNK 8765550101").sees("Lynk ...0101")
    await phone.says(f"APPROVE PAYOUT {ref}").sees("has changed", "Lynk ...0101", ref)
    assert await rows(house, "SELECT state, label FROM payout") == [("ASKED", "Lynk ...0101")]
    await phone.says(f"APPROVE PAYOUT {ref}").sees("try again another day")
    await club.go(1, 1, 12)
    other = keisha if phone is devon else devon  # a day without a yes: the other is asked too
    await other.says(f"APPROVE PAYOUT {ref}").sees("Thank you", "Lynk ...0101")
    await marva.sees("sent to Lynk ...0101")
    await club.right()


async def test_a_drawer_who_wants_cash_after_all_gets_it_by_a_new_yes(house: House) -> None:
    """rule 34: then the rail pays the banker, who hands it over."""
    club = await begun(house, 3, order="Keisha, Marva, Devon")
    marva, devon, keisha = club.phones
    await account(house, keisha)
    await club.pay(marva, devon)
    await marva.says(f"PAY OUT {club.code}").sees("NCB ...5678", "second yes")
    await keisha.says("PAYOUT CASH").sees("cash from the banker")
    await devon.says("APPROVE PAYOUT").sees("has changed", "Marva hands over J$10,000")
    await devon.says("APPROVE PAYOUT").sees("Thank you")
    await marva.sees("hand J$10,000 in cash to Keisha")
    await keisha.says("RECEIVED").sees("in your hands")
    await house.rest()
    await club.right()


async def test_a_line_about_a_payout_goes_when_the_payout_does(house: House) -> None:
    """rule 35: nobody is left for the second yes, so staff have it; then its cash is denied."""
    staff = await clerk(house)
    club = await begun(house, 2)
    marva, devon = club.phones
    await club.pay(marva, devon)
    await club.draw(marva)
    await club.go(2)
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    await marva.says(f"PAY {club.code} 5000 SANDBOX").sees("R-")
    await marva.says(f"PAY OUT {club.code}").sees("Staff give the second yes")
    await devon.says("DENY").sees("set aside")
    ref = str(await fetch(house, "SELECT ref FROM payout WHERE round = 2"))
    await staff.says(f"APPROVE PAYOUT {ref}").sees("called off")
    assert await rows(house, "SELECT kind, outcome FROM ticket WHERE closed_at IS NOT NULL") == [
        ("payout", "called off")
    ]
    queue = await staff.says("QUEUE").sees("dispute")
    assert "payout" not in queue.text


async def test_a_banker_among_staff_decides_nothing_about_their_own_circle(house: House) -> None:
    """rules 35, 52: neither the dispute about the cash they wrote down nor a payout of theirs."""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await house.hire(marva)
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    await devon.says("DENY").sees("set aside")
    ref = found(r"K-\w{4}", (await marva.says("QUEUE").sees("dispute")).text)
    await marva.says(f"CASE {ref} OK").sees("about you")
    await house.hire(keisha, Role.FINANCE)
    assert await fetch(house, "SELECT state FROM payment") == "DISPUTED"
    await keisha.says(f"CASE {ref} OK").sees("done")


async def test_money_is_decided_by_finance_alone(house: House) -> None:
    """rule 52: support answers questions."""
    helper = house.phone("telegram", "5550888", "Young Helper")
    await onboard(helper, helper.name)
    await house.hire(helper, Role.SUPPORT)
    club = await begun(house, 2)
    marva, devon = club.phones
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    await devon.says("DENY").sees("set aside")
    ref = found(r"K-\w{4}", (await helper.says("QUEUE").sees("dispute")).text)
    await helper.says(f"CASE {ref} OK").sees("finance decides")
    assert await fetch(house, "SELECT state FROM payment") == "DISPUTED"
    await devon.says("AGENT where is my money").sees("A person will answer")
    ref = found(r"CASE (K-\w{4})", (await helper.sees("where is my money")).text)[5:]
    await helper.says(f"CASE {ref} It is with finance").sees("done")


async def test_all_hear_what_was_drawn(house: House) -> None:
    """rule 30: the drawer hears it in other words."""
    club = await begun(house, 3, extra="fee 500")
    marva, devon, keisha = club.phones
    await club.pay(marva, devon, keisha)
    await club.draw(marva)
    for phone in (devon, keisha):
        await phone.sees("Round 1 of Sunday Club is done, Marva drew J$14,500.")
    assert not await marva.saw("is done, Marva drew")


# -- floods ---------------------------------------------------------------------------------------------------


async def test_one_person_has_one_line_in_the_queue(house: House) -> None:
    """What they write after the first is added to it, and staff hear of it once an hour."""
    staff = await clerk(house)
    [marva] = await people(house, 1)
    for number in range(12):
        await marva.says(f"AGENT question {number}").sees("A person will answer you here, ref")
    await house.rest()
    queue = await staff.says("QUEUE").sees("1 waiting", "Marva Brown")
    assert sum("question" in m.text for m in staff.messages) == 1
    await house.pass_days(0.05)
    await staff.sees("question 0", "question 11", "CASE K-")
    assert sum("question" in m.text for m in staff.messages) == 2
    await house.pass_days(0.05)
    await marva.says("AGENT and one more").sees("A person will answer")
    await staff.sees("question 11\nand one more")
    for _ in range(5):
        await marva.says(f"AGENT {'x' * 900}").sees("K-", "person will answer")
    assert await marva.saw("please wait for that")
    await staff.says(f"CASE {found(r'K-.{4}', queue.text)} Here I am").sees("done")
    await marva.says("AGENT something else").sees("A person will answer")
    assert await fetch(house, "SELECT count(*) FROM ticket") == 2


async def test_money_comes_first_in_the_queue_and_pages_follow(house: House) -> None:
    """Ten lines a page, and questions last, however early they came."""
    staff = await clerk(house)
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    await execute(
        house,
        "INSERT INTO ticket (id, ref, kind, person_id, opened_at) SELECT 't' || i, 'K-AAA' || chr(64 + i), 'agent', "
        "p.id, now() - interval '400 days' FROM generate_series(1, 8) i, person p WHERE p.name LIKE 'Keisha%'",
    )
    await execute(
        house,
        "INSERT INTO ticket (id, ref, kind, person_id, opened_at) SELECT 'k' || i, 'K-BBB' || chr(64 + i), 'kyc', "
        "p.id, now() - interval '300 days' FROM generate_series(1, 3) i, person p WHERE p.name LIKE 'Keisha%'",
    )
    await marva.says(f"CASH Devon 5000 {club.code}").sees("is counted")
    await devon.says("DENY").sees("set aside")
    await staff.says("QUEUE").sees("12 waiting")
    first = (await staff.says("QUEUE").sees("12 waiting", "2 more", "QUEUE 2")).text.splitlines()
    assert [line.split()[1] for line in first[1:11]] == ["dispute"] + ["kyc"] * 3 + ["agent"] * 6
    second = await staff.says("QUEUE 2").sees("12 waiting")
    assert second.text.count(" agent ") == 2
    kyc = await staff.says("QUEUE kyc").sees("3 waiting")
    assert "agent" not in kyc.text
    await staff.says("QUEUE 9").sees("Nothing is waiting")


async def test_codes_are_few_an_hour_and_a_day_for_a_person_and_for_an_address(house: House) -> None:
    """rule 53: nobody is flooded, nor may a code be guessed by asking for many."""
    marva, devon = await people(house, 2)
    for number in range(3):
        await marva.says(f"LINK SMS +1876555019{number}").sees("6-digit code")
    await marva.says("LINK SMS +18765550194").sees("Too many codes")
    await devon.says("LINK WHATSAPP +18765550195").sees("6-digit code")
    for _ in range(2):
        await house.pass_days(0.05)
        for number in range(3):
            await marva.says(f"LINK SMS +1876555019{number}").sees("6-digit code")
    await house.pass_days(0.05)
    await marva.says("LINK SMS +18765550190").sees("6-digit code")
    await marva.says("LINK SMS +18765550190").sees("Too many codes")
    await devon.says("LINK SMS +18765550196").sees("6-digit code")
    await house.pass_days(1.1)
    await marva.says("LINK SMS +18765550190").sees("6-digit code")
    for _ in range(2):
        await devon.says("LINK SMS +18765550190").sees("6-digit code")
    await devon.says("LINK SMS +18765550190").sees("Too many codes")


async def test_a_code_sent_again_buys_no_more_tries_and_takes_nobody_elses_away(house: House) -> None:
    """rule 53"""
    marva, devon = await people(house, 2)
    phone = house.phone("sms", "+18765550190")
    await marva.says("LINK SMS 876 555 0190").sees("6-digit code")
    first = found(r"\d{6}", (await phone.sees("Your code is")).text)
    wrong = "000000" if first != "000000" else "111111"
    for _ in range(3):
        await marva.says(wrong).sees("not the code")
    await devon.says("LINK SMS 876 555 0190").sees("6-digit code")
    await marva.says("LINK SMS 876 555 0190").sees("6-digit code")
    await phone.sees("Your code is", "Marva")
    assert await rows(house, "SELECT tries FROM link_code ORDER BY tries DESC") == [(3,), (0,)]
    for _ in range(2):
        await marva.says(wrong).sees("code")
    await marva.says(found(r"(?<=Your code is )\d{6}", phone.last.text)).sees("No code is waiting")
    mine = next(m.text for m in phone.messages if "Devon" in m.text)
    await devon.says(found(r"(?<=Your code is )\d{6}", mine)).sees("is added")


# -- names and crowds -----------------------------------------------------------------------------------------


async def test_nobody_is_called_as_a_choice_is(house: House) -> None:
    """`APPROVE K7QX2M All` would let everybody in."""
    phone = house.phone("telegram", "5550199", "All")
    asked = await phone.says("hello").sees("What name")
    assert asked.options == ()
    for name in ("All", "everybody", "NO", "Not Devon"):
        await phone.says(name).sees("Type the name your circle knows you by")
    await phone.says("Allan").sees("Allan", "agree")


async def test_two_of_the_very_same_name_are_told_apart(house: House) -> None:
    """By a number, in what the banker is offered and in what they type."""
    phones = await people(house, 3)
    marva, devon, keisha = phones
    twin = house.phone("whatsapp", "+18765550177", "Devon Clarke")
    await onboard(twin, twin.name)
    code = await new_circle(house, marva, 4)
    await join(code, marva, [marva])
    for phone in (devon, keisha, twin):
        await phone.says(f"JOIN {code}").sees("AGREE")
        await phone.says("AGREE").sees("asked")
    await marva.sees("Devon Clarke (2) wants to join", f"APPROVE {code} Devon Clarke (2)")
    await marva.says(f"APPROVE {code} Devon Clarke").sees("more than one Devon Clarke", "Devon Clarke (1)")
    await marva.taps("Devon Clarke (2)").sees("You let Devon")
    await twin.sees("You are in Sunday Club")
    assert not await devon.saw("You are in Sunday Club")
    await marva.says(f"APPROVE {code} ALL").sees("All 4 turns are taken")
    await marva.says(f"ROSTER {code}").sees("2 Devon (2)", "3 Devon (1)")
    await start(code, marva)
    await marva.says(f"CASH Devon Clarke 5000 {code}").sees("Devon Clarke (1)")
    await marva.taps("Devon Clarke (2)").sees("is counted")
    await twin.sees("wrote down J$5,000")
    assert not await devon.saw("wrote down")
    await marva.says(f"CASH {code} Devon (1) 2000").sees("J$2,000", "is counted")
    await devon.sees("wrote down J$2,000")
    await keisha.says(f"PAY 3000 SANDBOX {code} FOR Devon Clarke (1)").sees("for Devon's hand")
    await devon.sees("J$3,000 from Keisha")


async def test_so_many_ask_to_join_and_no_more(house: House) -> None:
    """rule 2: twice as many as there are turns; ROSTER names five, and the banker may turn them down."""
    [marva] = await people(house, 1)
    code = await new_circle(house, marva, 3)
    await join(code, marva, [marva])
    askers = [house.phone("telegram", f"55502{number}0", f"Asker {letter}") for number, letter in enumerate("ABCDEFG")]
    for phone in askers:
        await onboard(phone, f"{phone.name}son")
    for phone in askers[:6]:
        await phone.says(f"JOIN {code}").sees("AGREE")
        await phone.says("AGREE").sees("has been asked")
    await askers[6].says(f"JOIN {code}").sees("the banker has to answer them first")
    roster = await marva.says(f"ROSTER {code}").sees("1 more ask to join")
    assert roster.text.count("asks to join") == 5
    await marva.says(f"APPROVE {code} NOT Asker Ason").sees("Turned down", "1, Asker")
    await askers[0].sees("Marva has not let you into Sunday Club")
    await askers[6].says(f"JOIN {code}").sees("AGREE")
    await askers[6].says("AGREE").sees("has been asked")
    await marva.sees("Asker Gson wants to join")
    await marva.taps("Turn down").sees("Turned down")
    await marva.says(f"APPROVE {code} NOT ALL").sees("Turned down for Sunday Club: 5")
    await marva.says(f"APPROVE {code} ALL").sees("Nobody is asking")
    assert await fetch(house, "SELECT count(*) FROM hand") == 1


async def test_one_person_banks_twenty_circles_at_most(house: House) -> None:
    """Those that are over do not count."""
    [marva] = await people(house, 1)
    for _ in range(20):
        code = await new_circle(house, marva, 2)
    first = house.clock.now().date().isoformat()
    one_more = f"NEW One More; 5000 JMD; weekly; 3; {first}; join order"
    await marva.says(one_more).sees("You bank 20 circles already")
    await marva.says(f"CLOSE {code} YES").sees("called off")
    await marva.says(one_more).sees("code is")
