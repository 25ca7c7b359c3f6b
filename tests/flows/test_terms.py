"""The money terms in chat: set by the banker, read by everybody before they agree (rules.md 2, 27, 31, 36, 41, 49)."""

import pytest

from tests.flows.club import begun, fetch, join, new_circle, people
from tests.teller import House

ALL = "fee 2% late 5% cap 1000 reserve 2.5% cover yes default substitute grace 2"
LINES = (
    "Fee 2% of each pot. Days of grace: 2",
    "Late fee 5% of a throw missed after grace, J$1,000 in all at most",
    "2.5% of each pot is kept in reserve",
    "Marva promises to cover a pot that is short",
    "gives the turn to a substitute",
)


async def test_every_money_term_is_read_where_people_join_and_voids_what_they_agreed_to(house: House) -> None:
    phones = await people(house, 3)
    marva, devon, keisha = phones
    code = await new_circle(house, marva, 3)
    await join(code, marva, [marva, keisha])
    hash_ = await fetch(house, "SELECT terms_hash FROM circle")
    await marva.says(f"TERMS {code} {ALL}").sees("agree again: 2", *LINES)
    await house.rest()
    assert await keisha.saw("The terms of Sunday Club have changed", *LINES, "AGREE")
    assert await fetch(house, "SELECT terms_hash FROM circle") != hash_
    await marva.says(f"TERMS {code} {ALL}").sees("Nothing was changed")
    await marva.says(f"INVITE {code}").sees(f"JOIN {code}", *LINES)
    await keisha.says(f"TERMS {code}").sees(*LINES, "J$15,000 before the fee")
    await devon.says(f"JOIN {code}").sees("Fee 2% of each pot")  # page by page, as it is an SMS
    await devon.sees("AGREE")
    assert all(line in " ".join(devon.text.split()) for line in LINES[2:])
    await marva.says(f"TERMS {code} fee none late none reserve 0 cover no default last grace 3").sees("No fee")
    assert await fetch(house, "SELECT terms_hash FROM circle") == hash_
    await keisha.says(f"TERMS {code}").sees("draws last", "before the fee")


@pytest.mark.parametrize(
    ("terms", "answer"),
    [
        ("fee 100%", "too much for a hand"),
        ("late 5000", "less than a throw of J$5,000"),
        ("late 26%", "25% of it at most"),
        ("late 200 cap 100", "Choose a cap that is higher"),
        ("cap 100", "A cap needs a late fee"),
        ("reserve 11%", "10% of each pot at most"),
    ],
)
async def test_what_cannot_be_a_term_is_refused(house: House, terms: str, answer: str) -> None:
    marva, *_ = await people(house, 1)
    code = await new_circle(house, marva, 3)
    await marva.says(f"TERMS {code} {terms}").sees(answer)


@pytest.mark.parametrize(("fee", "net"), [("fee 2%", "J$14,700"), ("fee hand", "J$10,000"), ("fee gift", "J$15,000")])
async def test_the_fee_comes_off_the_draw_by_its_kind(house: House, fee: str, net: str) -> None:
    """rule 31: what a member is told of a draw ahead is what they get."""
    club = await begun(house, 3, extra=fee, order="Devon, Marva, Keisha")
    _, devon, _ = club.phones
    await devon.says("DRAW").sees(net)
    await club.prepay(*club.phones)
    await club.draw(devon)
    assert await devon.saw(f"your draw from Sunday Club is {net}")
    await club.right()


async def test_what_a_banker_covered_stays_theirs_when_another_banks_the_circle(house: House) -> None:
    """rules 36, 47"""
    club = await begun(house, 3, extra="cover yes", order="Keisha, Devon, Marva")
    marva, devon, keisha = club.phones
    await club.pay(marva)
    await club.go(1, 4)
    assert await marva.saw("You promised to cover: J$5,000 is short")
    await marva.says(f"COVER {club.code} 5000 SANDBOX").sees("you covered J$5,000")
    await keisha.sees("Marva covered J$5,000 of your pot")
    await marva.says(f"DEPUTY {club.code} Devon").sees("I asked Devon")
    await devon.sees("asks you to be the deputy")
    await devon.taps("Yes").sees("it is agreed")
    await marva.says(f"HANDOVER {club.code}").sees("Make Devon the banker")
    await marva.taps("Yes").sees("Devon is the banker")
    await devon.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    await marva.sees("J$5,000 that you covered has come in")
    assert sorted((await house.balances(club.code)).values()) == [500_000, 1_000_000]  # her credit, Keisha's pot
    await club.right()
