from tests.flows.club import account, begun, found, rows
from tests.teller import House


async def test_rule_52_three_uninvolved_members_decide_and_the_books_follow(house: House, network: str) -> None:
    """One dispute that the banker wins and one that the banker loses; only the sum in dispute is frozen."""
    club = await begun(house, 6, order="Devon, Marva, Keisha, Andre, Patsy, Kay", network=network)
    marva, devon, keisha, andre, patsy, kay = club.phones
    await account(house, devon)
    await club.pay(marva, devon, keisha, andre, kay)

    # Marva writes down cash of Patsy's; Patsy says no, and two of three believe Marva.
    written = await marva.says("CASH Patsy 5000").sees("R-")
    receipt = found(r"R-\w{8}", written.text)
    await patsy.says(f"DENY {receipt}").sees("set aside", "Three members with no part in it", "SIDE K-")
    assert f"circle:{club.code}:cash" not in await house.balances(club.code)
    ref = found(r"K-\w{4}", (await marva.sees("Patsy says", "not right")).text)
    await marva.says(f"SIDE {ref} She gave me it at the shop on Friday").sees("with those who decide")
    await marva.says(f"JUDGE {ref} YES").sees("no dispute that waits for you")
    await patsy.says("BALANCE").sees("J$5,000 is frozen until it is decided")
    judges = [phone for phone in (devon, keisha, andre, kay) if await phone.saw(f"JUDGE {ref}")]
    assert len(judges) == 3
    assert await judges[0].saw("Marva says: She gave me it") or await judges[0].saw("at the shop on Friday")
    for phone, word in zip(judges, ("NO", "yes", "YES"), strict=True):
        await phone.says(f"JUDGE {ref} {word}").sees("counted, and stays with us")
    await house.rest()
    for phone in club.phones:
        assert await phone.saw(f"dispute {ref} is decided", "it counts")
        told = phone.text[phone.text.index(f"dispute {ref}") :]
        assert not any(hint in told for hint in ("Patsy", "5,000", *(judge.name.split()[0] for judge in judges)))
    assert (await house.balances(club.code))[f"circle:{club.code}:cash"] == 5000_00
    await club.right()

    # Devon's draw is paid, J$5,000 of it in cash by Marva's hand; Devon says it never came, and is believed.
    await club.go(1, 4, hour=12)
    payout = await club.pay_out()
    await devon.says(f"NOT RECEIVED {payout}").sees("sorry", "Three members with no part in it")
    ref = found(r"K-\w{4}", (await marva.sees("Devon says", "has not come")).text)
    await devon.says("BALANCE").sees("frozen until it is decided")
    assert await rows(house, "SELECT held FROM dispute WHERE over = 'draw'") == [(5000_00,)]
    judges = [phone for phone in (keisha, andre, patsy, kay) if await phone.saw(f"JUDGE {ref} NO")]
    assert len(judges) == 3
    for phone in judges[:2]:
        await phone.says(f"JUDGE {ref} NO").sees("counted")
    await marva.sees("still to be handed over", "Three members")
    await judges[2].says(f"JUDGE {ref} YES").sees("no dispute that waits for you")
    await club.right()
    await marva.says("SCORE").sees("for disputes lost: 1")
    await devon.says(f"RECEIVED {payout}").sees("in your hands")
    assert await club.state(1) == "PAID"
    assert await house.balances(club.code) == {}
    await club.right()
