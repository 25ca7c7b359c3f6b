"""WHY beyond a clean draw: holds, hands, cash, other addresses, and who may see what."""

from tests.flows.club import begun, clerk, verify
from tests.teller import House
from tests.why import HOLLOW, every_figure, figures_add_up


async def test_a_hold_for_compliance_reads_like_any_other(house: House) -> None:
    """The sums of a draw are the same before and after staff froze its drawer, and say nothing of it (rules.md 58)."""
    club = await begun(house, 2, extra="fee 500", verified=False)
    marva, devon = club.phones
    await club.pay(marva, devon)
    await club.go(1, days=5)
    await marva.says("DRAW").sees("J$9,500", "waiting for your TRN")
    before = await marva.says("WHY 9500").sees("You, thrown", "Devon, thrown", "Banker's fee")
    staff = await clerk(house)
    await staff.says("FREEZE Marva Brown; under review")
    await marva.says("DRAW").sees("J$9,500")
    after = await marva.says("WHY 9500").sees("You, thrown")
    assert after.text == before.text
    assert not {"freeze", "frozen", "review", "hold"} & set(after.text.casefold().split())


async def test_each_figure_of_two_hands_in_cash_and_ahead_adds_up(house: House) -> None:
    """Part of a due, credit ahead, cash held, an own throw and what was owed off a draw, and the rest of one."""
    club = await begun(house, 3, extra="fee 500", hands={"Keisha": 2}, verified=False)
    marva, devon, keisha = club.phones
    for phone in club.phones:
        await verify(house, phone)
    await devon.says(f"PAY 2000 SANDBOX {club.code}").sees("R-", "Still to throw: J$3,000")
    await devon.says("WHY 3000").sees("still to throw", "Round 1, due", "You, thrown", "-J$2,000")
    await keisha.says("BALANCE").sees("J$5,000")
    await keisha.says(f"PAY 25000 SANDBOX {club.code}").sees("Credit J$15,000")
    await keisha.says("WHY 15000").sees("credit", "Came in", "J$15,000")
    await marva.says(f"CASH Devon 3000 {club.code}").sees("is counted")
    await marva.says("BALANCE").sees("you hold J$3,000")
    await marva.says("WHY 3000").sees("more than one thing")
    await club.go(2, days=4)
    await club.pay_out()
    await marva.look()
    await marva.says("BALANCE").sees("J$")
    await devon.says("STATEMENT").sees("you threw J$5,000")
    await marva.says("STATEMENT").sees("the book to")
    kinds = await figures_add_up(house)
    assert {"owed", "credit", "cash", "pot", "draw", "payment", "payout", "thrown", "book"} <= kinds
    booked = {"owed", "credit", "cash", "pot", "draw"}
    told = [(one, lines or ()) for one, lines in await every_figure(house) if one.origin.of in booked]
    assert [one for one, lines in told if {line.name for line in lines} & HOLLOW] == []


async def test_who_asks_sees_what_they_were_shown_and_nobody_else_does(house: House) -> None:
    """At any of one's addresses; what was told to others is told to nobody else."""
    club = await begun(house, 2)
    marva, devon = club.phones
    await devon.says(f"PAY 1234 SANDBOX {club.code}").sees("R-")
    await marva.says("WHY 1234").sees("payment R-")
    await devon.says("WHY 3766").sees("still to throw", "-J$1,234")
    await marva.says("WHY 3766").sees("have not told you that amount")
    await devon.says("WHY US$3,766").sees("have not told you that amount")
