"""Votes and offices: who may say what, until when, and what is done and told (rules 4, 14, 47)."""

from tests.flows.club import Club, begun, clerk, fetch, found, join, new_circle, people, start
from tests.teller import House


async def proposed(club: Club, terms: str = "grace 4") -> str:
    """Have the banker propose terms; returns the reference."""
    return found(r"V-\w{4}", (await club.banker.says(f"TERMS {club.code} {terms}").sees("votes until")).text)


async def test_silence_is_no_and_the_time_of_receipt_decides(house: House) -> None:
    club = await begun(house, 5, weeks=1)
    marva, devon, keisha, andre, patsy = club.phones
    ref = await proposed(club)
    await devon.says(f"VOTE {ref} YES").sees("2 yes", "4 of 5")
    await devon.says(f"VOTE {ref} YES").sees("2 yes", "4 of 5")
    await keisha.says(f"VOTE {ref} YES").sees("3 yes")
    await house.pass_days(2)
    await patsy.sees("waits for your word")
    assert not await devon.saw("waits for your word")
    await house.pass_days(1.1)
    for phone in club.phones:
        await phone.sees("did not agree", "3 of 5", "takes 4")
    await andre.says(f"VOTE {ref} YES").sees("over")
    await patsy.says(f"VOTE {club.code}").sees(ref, "Not agreed in time")
    await marva.says(f"TERMS {club.code}").sees("grace: 3")
    await club.right()


async def test_a_vote_ends_as_soon_as_it_cannot_pass(house: House) -> None:
    club = await begun(house, 3, weeks=1)
    marva, devon, keisha = club.phones
    ref = await proposed(club)
    await marva.says(f"TERMS {club.code} fee 300").sees("not decided yet", ref)
    await devon.says("VOTE NO").sees("did not agree")
    await keisha.sees("did not agree")
    await marva.says(f"TERMS {club.code} grace 3").sees("Nothing was changed")
    stranger = house.phone("whatsapp", "+18765550199", "Winsome Grant")
    await stranger.says("hello").sees("What name")
    await stranger.says("Winsome Grant").sees("agree")
    await stranger.taps("I agree").sees("language")
    await stranger.says("EN").sees("You are in")
    await stranger.says(f"VOTE {ref} YES").sees("no vote")
    await devon.says(f"TERMS {club.code} grace 5").sees("banker")
    await devon.says("VOTE V-ZZZZ YES").sees("no vote")


async def test_hands_weigh_and_grace_moves_the_rounds_to_come_alone(house: House) -> None:
    club = await begun(house, 3, hands={"Marva": 2})
    marva, devon, keisha = club.phones
    ref = await proposed(club, "grace 5")
    await devon.says(f"VOTE {ref} YES").sees("agreed", "3 of 4", "From round 2 on")
    days = "SELECT max(grace_until - due) FROM round WHERE number = :n"
    assert [await fetch(house, days, n=n) for n in (1, 2, 4)] == [3, 5, 5]
    await club.pay(marva, devon)
    await club.go(2, days=4)
    assert await club.state(1) == "PAYING"  # its grace is over
    assert await club.state(2) == "GRACE"
    assert not await keisha.saw("missed", "round 2")
    await club.go(2, days=6)
    assert await club.state(2) in {"CLOSED", "PAYING"}
    await club.right()


async def test_nobody_votes_on_a_circle_whose_rounds_have_all_opened(house: House) -> None:
    club = await begun(house, 3)
    await club.go(2, days=1)
    await club.banker.says(f"TERMS {club.code} grace 5").sees("never change backwards")


async def test_the_members_vote_a_banker_in_who_has_to_say_yes(house: House) -> None:
    staff = await clerk(house)
    phones = await people(house, 5)
    code = await new_circle(house, phones[0], 4, weeks=1)
    await join(code, phones[0], phones[1:])
    await start(code, phones[0])
    await house.rest()
    club = Club(house, code, phones)
    marva, devon, keisha, andre, patsy = phones
    await marva.says("CASH Patsy 5000").sees("J$5,000")
    await marva.says(f"VOTE {code} BANKER Devon").sees("not")
    await devon.says(f"VOTE {code} BANKER Winsome").sees("Winsome")
    ref = found(r"V-\w{4}", (await keisha.says(f"VOTE {code} BANKER Devon").sees("votes until", "Devon becomes")).text)
    await marva.sees("Keisha asks", "Devon becomes")
    await marva.says(f"VOTE {ref} NO").sees("not yours")
    await andre.says(f"VOTE {ref} YES").sees("2 yes")
    await patsy.says(f"VOTE {ref} YES").sees("3 yes")
    assert await fetch(house, "SELECT name FROM person WHERE id = (SELECT banker_id FROM circle)") == "Marva Brown"
    await devon.says(f"VOTE {ref} YES").sees("agreed", "4 of 4")
    assert await devon.saw("You are the banker")
    await marva.sees("You owe it the J$5,000")
    await staff.sees("Devon is banker now", "J$5,000")
    await devon.says("CASH Patsy 5000").sees("J$5,000")
    await marva.says(f"PAY 5000 SANDBOX {code}").sees("R-")
    assert await fetch(house, "SELECT sum(balance) FROM ledger_account WHERE name LIKE '%debt%'") == 0
    assert await fetch(house, "SELECT balance FROM ledger_account WHERE name LIKE 'circle%cash'") == 500_000
    await club.right()


async def test_who_is_asked_may_say_no_and_nothing_changes(house: House) -> None:
    club = await begun(house, 3, weeks=1)
    marva, devon, keisha = club.phones
    await marva.says(f"DEPUTY {club.code} Devon").sees("I asked Devon")
    await devon.says("VOTE NO").sees("no yes", "nothing changes")
    await marva.sees("no yes", "nothing changes")
    assert not await keisha.saw("deputy")
    await devon.says(f"DEPUTY {club.code} Keisha").sees("banker")
    await marva.says(f"DEPUTY {club.code} Keisha").sees("I asked Keisha")
    await house.pass_days(3.1)
    await marva.sees("nothing changes")
    assert await fetch(house, "SELECT deputy_id FROM circle") is None


async def test_the_role_is_handed_over_with_the_pin_alone(house: House) -> None:
    club = await begun(house, 3, weeks=1)
    marva, devon, _ = club.phones
    await marva.says(f"DEPUTY {club.code} Devon").sees("I asked Devon")
    await devon.says("VOTE YES").sees("agreed")
    await house.pass_days(0.1)
    marva.pin = ""
    await marva.says(f"HANDOVER {club.code} YES").sees("PIN")
    await marva.says("1111").sees("PIN")
    assert await fetch(house, "SELECT name FROM person WHERE id = (SELECT banker_id FROM circle)") == "Marva Brown"
