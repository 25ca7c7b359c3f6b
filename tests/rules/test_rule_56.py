from datetime import timedelta

from tests.flows.club import begun, found
from tests.teller import House

WEEK = timedelta(days=7)


async def test_rule_56_a_score_is_explained_and_a_banker_sees_one_word_of_it(house: House, network: str) -> None:
    """The figures are those of docs/decisions/scores.md; who is new has no low score, and a low one refuses nobody."""
    club = await begun(house, 3, network=network)
    marva, devon, keisha = club.phones
    await devon.says("SCORE").sees("new to us", "no low score", "before you have one: 3")
    await club.pay(marva, keisha)
    await club.go(1, 1)  # the due day is over: Devon is late
    await devon.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    for number, drawer in ((1, marva), (2, devon), (3, keisha)):
        if number > 1:
            await club.go(number)
            await club.pay(*club.phones)
        await club.go(number, 4, hour=12)
        await club.draw(drawer)
    await devon.says("what is my score").sees(
        "57 of 100, building up", "60 to begin with", "+2 for throws in time: 2", "-5 for late throws: 1",
        "after 10 more", "To raise it: throw by the due day",
    )  # fmt: skip
    await marva.says("SCORE").sees("member: 63 of 100, steady", "banker: 66 of 100", "+6 for draws paid out in time: 3")
    first = (house.clock.now() + WEEK).date()
    made = await marva.says(f"NEW Second; 2000 JMD; weekly; 2; {first}; banker").sees("code is")
    code = found(r"(?<=code is )[A-Z2-9]{6}", made.text)
    await devon.says(f"JOIN {code}").sees("AGREE")
    await devon.says("AGREE").sees("has been asked")
    asked = await marva.sees("Devon", "score: building up")
    assert "57" not in asked.text
    await marva.says(f"ROSTER {code}").sees("Devon", "score: building up")
    await marva.says(f"APPROVE {code} Devon").sees("Devon")
    await club.right()
