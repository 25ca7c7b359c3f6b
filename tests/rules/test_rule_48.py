"""rules 48 to 51: an early end, wholly by chat."""

from tests.flows.club import account, begun
from tests.teller import House


async def test_rule_48_an_early_end_pays_back_what_was_thrown_as_debts_come_in(house: House, network: str) -> None:
    """3 hands of 5,000, reserve 2 % = 300. Round 1: Devon drew 15,000 gross and threw 5,000 (off the draw).

    Marva and Keisha threw 5,000: net Devon -10,000, Marva +5,000, Keisha +5,000 (48).
    """
    club = await begun(house, 3, extra="reserve 2%", order="Devon, Marva, Keisha", network=network)
    marva, devon, keisha = club.phones
    await account(house, devon)
    await account(house, keisha)
    await club.pay(marva, keisha)
    await club.draw(devon)
    await devon.says(f"CLOSE {club.code} YES").sees("banker")
    await marva.says(f"CLOSE {club.code}").sees(f"SUSPEND {club.code}")
    await marva.says(f"SUSPEND {club.code}").sees("on hold")
    await marva.says(f"CLOSE {club.code}").sees("End", "Devon owes J$10,000", "Marva is owed J$5,000")
    await marva.says(f"CLOSE {club.code} YES").sees("has ended early")
    assert await club.circle_state() == "TERMINATED"
    assert await devon.saw("You threw J$5,000 and drew J$15,000", "You owe J$10,000")
    assert await keisha.saw("J$5,000 is yours", f"STATEMENT {club.code}")
    await marva.says(f"CLOSE {club.code} YES").sees("has begun or ended")
    # The reserve, 300, goes pro rata at once: 150 each.
    assert (await house.balances(club.code)) == {f"circle:{club.code}:pot:5": 30_000}
    await devon.says("BALANCE").sees("ended early, and you owe J$10,000")
    await devon.says(f"PAY 10000 SANDBOX {club.code}").sees("R-")
    await house.rest()
    await club.right()
    # 10,000 came: the shares are whole, and the 300 that the reserve stood in for go back to it, 100 a hand (49).
    await keisha.sees("your part of the reserve is J$100")
    await house.rest()
    assert await house.balances(club.code) == {
        f"circle:{club.code}:pot:4": 30_000,
        f"circle:{club.code}:pot:5": 1_000_000,
    }
    # Each gets what is theirs by the same words as ever: two people, account or cash, RECEIVED.
    await club.settle()
    assert await house.balances(club.code) == {}
    await club.right()
