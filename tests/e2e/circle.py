"""A circle of five from the first hello to the last draw, all of it said by web hooks."""

import re
from datetime import timedelta

from tests.e2e.town import Person, Town, next_morning

ROUNDS = 5
THROW = 500_000
"""Minor units of J$5,000.00."""
BY_CASH = ("Andre", "Patsy")
BY_RAIL = (ROUNDS - len(BY_CASH)) * THROW
"""What of a pot goes out by the rail: the rest is cash in the banker's hands, and a draw takes it first (rule 24)."""


async def play(town: Town) -> str:
    """Play it all; returns the circle's code."""
    await town.go_to(next_morning(await town.now()))
    for person in [*town.five, town.clerk]:
        await onboard(person)
    code = await found(town)
    await verify_all(town)
    start = await town.now()
    for number in range(1, ROUNDS + 1):
        await play_round(town, code, number)
        await town.go_to(start + timedelta(days=7 * number))
    for person in town.five:
        assert "complete" in person.text
    return code


async def onboard(person: Person) -> None:
    """Give a name, agree, choose a language."""
    await person.says("hello").sees("name")
    await person.says(person.name).sees("agree")
    await person.taps("I agree").sees("language")
    await person.taps("English").sees("You are in")


async def found(town: Town) -> str:
    """Marva founds a weekly circle; the others join; it begins."""
    marva, *others = town.five
    first = (await town.now()).date().isoformat()
    made = await marva.says(f"NEW Sunday Club; 5000 JMD; weekly; {ROUNDS}; {first}; join order").sees("code is")
    code = str(re.findall(r"code is ([A-Z2-9]{6})", made.text)[0])
    await marva.says(f"JOIN {code}").sees("AGREE")
    await marva.says("AGREE").sees("You are in")
    for person in others:
        await person.says(f"JOIN {code}").sees("AGREE")
        await person.says("AGREE").sees("has been asked")
        await marva.sees(f"{person.first}", "wants to join")
    await marva.says(f"APPROVE {code} ALL").sees("turns are taken")
    for person in others:
        await person.sees("You are in")
    await marva.says(f"LOCK {code}").sees("Lock Sunday Club?")
    await marva.taps("Yes").sees("is locked")
    await marva.says(f"BEGIN {code}").sees("Begin Sunday Club?")
    await marva.taps("Yes").sees("has begun")
    for person in others:
        await person.sees("round 1 of 5", "J$5,000 is due")
    return code


async def verify_all(town: Town) -> None:
    """Each states a TRN, and the clerk finds it right."""
    for number, person in enumerate(town.five):
        await person.says(f"TRN 10020030{number}").sees("is with our staff")
    queue = await town.clerk.says("QUEUE").sees(f"{ROUNDS} waiting:")
    for ref in re.findall(r"(K-\w{4}) kyc", queue.text):
        await town.clerk.says(f"KYC {ref} OK").sees(f"{ref} done")
    for person in town.five:
        await person.sees("is verified")


async def play_round(town: Town, code: str, number: int) -> None:
    """Three throw by rail and two by cash; one draws."""
    marva, *_ = town.five
    for person in town.five:
        if person.first in BY_CASH:
            await person.says("PAY CASH").sees("counts when")
            await marva.sees(f"{person.first} says")
            await marva.taps("Confirm").sees("is counted")
        else:
            await person.says("PAY SANDBOX").sees("J$5,000", f"round {number} of {ROUNDS}", "R-")
    await town.rest()
    asked = await marva.says(f"PAY OUT {code}").sees("second yes")
    ref = re.findall(r"P-\w{4}", asked.text)[0]
    second = re.findall(r"I have asked (\w+)", asked.text)[0]
    confirmer = next(person for person in town.five if person.first == second)
    await confirmer.sees(f"APPROVE PAYOUT {ref}")
    await confirmer.says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    drawer = town.five[number - 1]
    await drawer.sees("RECEIVED")
    await drawer.says("RECEIVED").sees("in your hands")
