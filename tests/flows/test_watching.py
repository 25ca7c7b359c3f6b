"""Cash and the law: too much at once, and one sum cut into parts."""

from tests.flows.club import begun, clerk, fetch
from tests.teller import House


async def test_an_entry_of_cash_stays_below_the_law_s_limit(house: House) -> None:
    club = await begun(house, 3, terms="400000 JMD; weekly")
    marva, devon, _ = club.phones
    await marva.says(f"CASH Devon 950000 {club.code}").sees("too much cash at once", "J$900,000 at most")
    await devon.says("PAY 950000 CASH").sees("too much cash at once")
    assert await fetch(house, "SELECT count(*) FROM payment") == 0


async def test_cash_cut_into_parts_is_compliance_s_to_look_at_and_nobody_reads_of_it(house: House) -> None:
    """rule 58"""
    club = await begun(house, 3, terms="400000 JMD; weekly")
    marva, devon, keisha = club.phones
    miss = await clerk(house)
    for amount in (400_000, 400_000):
        await marva.says(f"CASH Devon {amount} {club.code}").sees("is counted", "asked to confirm")
    assert await fetch(house, "SELECT count(*) FROM ticket WHERE kind = 'alert'") == 0
    await marva.says(f"CASH Keisha 250000 {club.code}").sees("is counted", "asked to confirm")
    assert await fetch(house, "SELECT count(*) FROM ticket WHERE kind = 'alert'") == 1  # the banker took it all
    assert not await marva.saw("within a week")
    assert not await keisha.saw("within a week")
    ref = str(await fetch(house, "SELECT ref FROM ticket WHERE kind = 'alert'"))
    await miss.sees("cash of J$1,050,000 within a week", ref)
    await miss.says("QUEUE").sees(ref)
    await miss.says(f"CASE {ref} looked at the circle, ordinary").sees("Done")
    assert not await devon.saw("looked at")
