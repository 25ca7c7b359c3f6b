"""Disputes whose panel does not answer, complaints, and what staff may do (rules.md 52)."""

import pytest

from tests.flows.club import Club, begun, clerk, execute, found, rows
from tests.teller import House, Phone


async def panel(club: Club, ref: str) -> list[Phone]:
    """Return the phones of those who are asked to decide now."""
    query = (
        "SELECT a.party FROM dispute_judge j JOIN dispute d ON d.id = j.dispute_id "
        "JOIN address a ON a.person_id = j.person_id WHERE d.ref = :ref AND NOT j.replaced"
    )
    parties = {party for (party,) in await rows(club.house, query, ref=ref)}
    return [phone for phone in club.phones if phone.party in parties]


async def test_who_does_not_answer_in_a_day_is_replaced_and_without_a_majority_staff_decide(house: House) -> None:
    club = await begun(house, 6)
    marva, devon, *_ = club.phones
    staff = await clerk(house)
    await club.pay(marva)
    written = await marva.says("CASH Devon 5000").sees("R-")
    await devon.says(f"DENY {found('R-[A-Z0-9]{8}', written.text)}").sees("Three members")
    ref = found(r"K-\w{4}", (await marva.sees("is not right")).text)
    await house.rest()
    first = await panel(club, ref)
    assert len(first) == 3
    await staff.says(f"CASE {ref} OK").sees("before three members")
    await first[0].says("JUDGE yes").sees("counted")
    await first[0].says(f"JUDGE {ref} NO").sees("counted already")
    await house.pass_days(0.95)  # the reminder of the night comes in the morning
    assert await first[1].saw("still to come")
    await house.pass_days(0.2)
    second = await panel(club, ref)
    assert len(second) == 3
    assert first[0] in second
    assert sum(phone not in first for phone in second) == 1  # of six, one who has no part in it was left
    (gone,) = (phone for phone in first if phone not in second)
    await gone.says(f"JUDGE {ref} NO").sees("no longer yours")
    (new,) = (phone for phone in second if phone not in first)
    await new.says(f"JUDGE {ref} no").sees("counted")
    await house.pass_days(2)
    await devon.sees("no majority", "Staff decide")
    await staff.sees("In QUEUE", ref)
    await new.says(f"JUDGE {ref} NO").sees("no longer yours")
    await staff.says(f"CASE {ref} OK").sees("done")
    await house.rest()
    assert await devon.saw(f"dispute {ref} is decided", "it counts", "Staff decided")
    assert (await house.balances(club.code))[f"circle:{club.code}:cash"] == 5000_00
    await club.right()


async def test_a_complaint_is_heard_by_three_and_ends_in_a_word_for_all(house: House) -> None:
    club = await begun(house, 5)
    marva, devon, keisha, andre, patsy = club.phones
    await marva.says("COMPLAIN he is slow")
    await devon.says(f"COMPLAIN {club.code} Marva never answers her phone").sees("is open", "Three members")
    told = await marva.sees("Devon complains about you", "never answers her phone")
    ref = found(r"K-\w{4}", told.text)
    await devon.says(f"COMPLAIN {club.code} again").sees("open already")
    await marva.says("SIDE My phone was stolen").sees("with those who decide")
    await marva.says(f"SIDE {ref} and more").sees("already")
    for phone in (keisha, andre):
        await phone.sees(f"JUDGE {ref} YES", "never answers")
        await phone.says("JUDGE no").sees("counted")
    await house.rest()
    for phone in club.phones:
        assert await phone.saw(f"complaint {ref} is decided", "was not right")
    await patsy.says(f"JUDGE {ref} YES").sees("no dispute that waits")
    assert await rows(house, "SELECT state, lost_by FROM dispute") == [("NO", None)]
    await club.right()


@pytest.mark.parametrize("again", [1, 3])
async def test_the_clock_s_steps_may_come_late_and_again(house: House, again: int) -> None:
    club = await begun(house, 5)
    marva, devon, *_ = club.phones
    await devon.says(f"COMPLAIN {club.code} Marva is rude").sees("Three members")
    ref = found(r"K-\w{4}", (await marva.sees("complains about you")).text)
    await house.rest()
    for _ in range(again):  # all at once, the end before the reminders
        await execute(house, "UPDATE duty SET due_at = now() WHERE kind IN ('judge_silence', 'panel_time_over')")
        await house.pass_days(4)
    assert await rows(house, "SELECT state FROM dispute") == [("STAFF",)]
    assert await rows(house, "SELECT count(*) FROM dispute_judge") == [(3,)]
    staff = await clerk(house)
    await staff.says(f"CASE {ref} NO").sees("done")
    await house.rest()
    assert await devon.saw(f"complaint {ref} is decided", "was not right", "Staff decided")
    await club.right()
