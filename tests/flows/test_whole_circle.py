"""A pardna from NEW to the last draw, by chat alone."""

import re

from tests.flows.club import found as found_in
from tests.teller import House, Phone, onboard
from tests.why import figures_add_up

PEOPLE = [
    ("whatsapp", "+18765550101", "Marva Brown"),
    ("sms", "+18765550102", "Devon Clarke"),
    ("telegram", "5550103", "Keisha Reid"),
    ("whatsapp", "+18765550104", "Andre Wright"),
    ("sms", "+18765550105", "Patsy Green"),
]


async def people(house: House) -> list[Phone]:
    phones = []
    for channel, address, name in PEOPLE:
        phone = house.phone(channel, address)
        await onboard(phone, name)
        phones.append(phone)
    return phones


async def found(house: House, phones: list[Phone], order: str = "join order") -> str:
    """Marva founds a weekly circle of five hands of J$5,000; all join, and it begins."""
    marva = phones[0]
    first = (house.clock.now().date()).isoformat()
    made = await marva.says(f"NEW Sunday Club; 5000 JMD; weekly; {len(phones)}; {first}; {order}").sees("code is")
    code = found_in(r"(?<=code is )[A-Z2-9]{6}", made.text)
    await marva.says(f"JOIN {code}").sees("Sunday Club", "J$5,000 weekly", "AGREE")
    await marva.says("AGREE").sees("You are in Sunday Club")
    for phone in phones[1:]:
        await phone.says(f"JOIN {code}").sees("Sunday Club", "AGREE")
        await phone.says("AGREE").sees("Marva has been asked")
        await marva.sees("wants to join")
    await marva.says(f"APPROVE {code} ALL").sees("all 5 turns are taken")
    for phone in phones[1:]:
        await phone.sees("You are in Sunday Club")
    await marva.says(f"LOCK {code}").sees("Lock Sunday Club?")
    await marva.taps("Yes").sees("is locked")
    await marva.says(f"BEGIN {code}").sees("Begin Sunday Club?")
    await marva.taps("Yes").sees("has begun")
    for phone in phones[1:]:
        await phone.sees("round 1 of 5", "J$5,000 is due")
    return code


async def verify_all(house: House, phones: list[Phone]) -> None:
    """Each states a TRN, and staff verify it in chat."""
    clerk = house.phone("telegram", "5550999")
    await onboard(clerk, "Miss Clerk")
    await house.hire(clerk)
    for number, phone in enumerate(phones):
        await phone.says(f"TRN 12345678{number}").sees(f"ending 78{number}")
    queue = await clerk.says("QUEUE").sees("kyc")
    for ref in re.findall(r"(K-\w{4}) kyc", queue.text):
        await clerk.says(f"KYC {ref} OK").sees(f"{ref} done")
    for phone in phones:
        await phone.sees("is verified")


async def test_five_people_on_three_channels_complete_a_pardna(house: House) -> None:
    """Everybody throws every round, two by cash; each draws once; every balance is zero at the end."""
    phones = await people(house)
    marva, devon, keisha, andre, patsy = phones
    code = await found(house, phones)
    await verify_all(house, phones)
    for round_number in range(1, 6):
        for phone in (marva, devon, keisha):
            await phone.says("PAY SANDBOX").sees("J$5,000 from", f"round {round_number} of 5", "R-")
        await andre.says("PAY CASH").sees("counts when Marva confirms")
        await marva.sees("Andre says")
        await marva.taps("Confirm").sees("is counted")
        await marva.says(f"CASH Patsy 5000 {code}").sees("is counted")
        await patsy.sees("wrote down")
        await patsy.taps("Confirm").sees("is right")
        drawer = phones[round_number - 1]
        await house.rest()
        asked = await marva.says(f"PAY OUT {code}").sees("second yes")
        ref = found_in(r"P-\w{4}", asked.text)
        for phone in phones:
            if phone not in (marva, drawer) and any("APPROVE PAYOUT " + ref in m.text for m in await phone.look()):
                await phone.says(f"APPROVE PAYOUT {ref}").sees("Thank you")
        await drawer.sees("RECEIVED")
        await drawer.says("RECEIVED").sees("in your hands")
        await house.books_are_right()
        await house.pass_days(7)
    for phone in phones:
        await phone.look()
        assert "complete" in phone.text
    assert await house.balances(code) == {}
    assert {"owed", "pot", "draw", "payment", "payout", "thrown", "drawn"} <= await figures_add_up(house)
