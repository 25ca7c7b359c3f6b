"""A month of a circle of twenty on all rails at once, and everything that goes wrong in it.

Stripe is the stand-in with its own balance; each bank is a statement, taken as the command line takes a file. In the
end the books are proved, each carrier's account equals its statement, and everybody was told the truth.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count

import pytest

from domain.matching import Hint, StatementLine, numbered
from domain.money import Currency
from domain.payments import How, Route
from domain.schedule import local_date
from storage import ledger, statements
from tests.flows.cards import Stripe, open_stripe, standing
from tests.flows.club import Club, account, clerk, fetch, join, new_circle, start, verify
from tests.teller import House, Phone, onboard
from tests.why import figures_add_up

FIRST = ("Marva", "Devon", "Keisha", "Andre", "Patsy", "Winston", "Sonia", "Errol", "Beverley", "Dwight")
NAMES = [f"{first} {last}" for last in ("Brown", "Clarke") for first in FIRST]
JMD = frozenset({Currency.JMD})
BANK = frozenset({"bank"})
ROUTES = (
    Route("CARD", "stripe", How.PAGE, frozenset(Currency)),
    Route("NCB", "ncb", How.TRANSFER, JMD, ("Digital Pardna Ltd", "NCB", "404123456"), pays=BANK),
    Route("SCOTIA", "scotia", How.TRANSFER, JMD, ("Digital Pardna Ltd", "Scotiabank", "50012345"), pays=BANK),
    Route("LYNK", "lynk", How.TRANSFER, JMD, ("@pardna",), pays=frozenset({"wallet"})),
)
THROW = 500_000


@dataclass
class Banks:
    """The statements of the banks, line by line, and how often each was taken."""

    house: House
    lines: dict[str, list[StatementLine]] = field(default_factory=dict)
    refs: "count[int]" = field(default_factory=lambda: count(1))

    def line(self, carrier: str, amount: int, narrative: str, hint: Hint = Hint.NONE, name: str = "") -> None:
        """Have money come in (above zero) or go out."""
        day, ref = local_date(self.house.clock.now()), f"B{next(self.refs):06}"
        told = StatementLine("404", day, day, amount, Currency.JMD, ref, "", name, narrative, hint)
        self.lines.setdefault(carrier, []).append(told)

    async def imported(self, carrier: str) -> statements.Tally:
        """Take the whole statement so far, as `pardna statements import` does."""
        async with self.house.engine.begin() as conn:
            named = list(numbered(carrier, self.lines[carrier]))
            source = statements.Import(carrier, bytes(32))
            tally = await statements.take(conn, self.house.vault, source, named, self.house.clock.now())
        await self.house.rest()
        return tally

    def stands_at(self, carrier: str) -> int:
        """What the bank's own statement comes to."""
        return sum(line.amount for line in self.lines[carrier])


@pytest.fixture
async def stripe(database_url: str) -> AsyncIterator[Stripe]:
    async with open_stripe(database_url, ROUTES) as stripe:
        yield stripe


async def circle_of_twenty(house: House) -> Club:
    phones = [house.phone("whatsapp", f"+18765551{n:03}", name) for n, name in enumerate(NAMES)]
    await asyncio.gather(*(onboard(phone, phone.name) for phone in phones))
    for phone in phones:
        await verify(house, phone)
    code = await new_circle(house, phones[0], len(phones), "5000 JMD; monthly")
    await join(code, phones[0], phones)
    await start(code, phones[0])
    return Club(house, code, phones)


async def asks(house: House, phone: Phone, rail: str) -> str:
    """Ask to pay by a rail; returns the receipt."""
    await phone.says(f"PAY 5000 {rail}").sees("J$5,000")
    await house.rest()
    query = "SELECT receipt FROM payment p JOIN address a ON a.person_id = p.person_id WHERE a.party = :party"
    return str(await fetch(house, f"{query} ORDER BY began_at DESC LIMIT 1", party=phone.party))


async def test_a_month_of_twenty_on_all_rails_at_once(stripe: Stripe) -> None:  # noqa: PLR0915 - a month is long
    house, banks = stripe.house, Banks(stripe.house)
    finance = await clerk(house)
    club = await circle_of_twenty(house)
    marva, *others = club.phones
    await account(house, marva)

    # Five by card, five by NCB, three by Scotiabank, three by Lynk, three in cash, and the banker's own comes off.
    intents = {}
    for phone in others[:5]:
        intents[phone.party] = await stripe.pays_page(await asks(house, phone, "CARD"))
        await phone.sees("J$5,000 from")
    for phone, carrier in zip(others[5:16], ["ncb"] * 5 + ["scotia"] * 3 + ["lynk"] * 3, strict=True):
        receipt = await asks(house, phone, carrier.upper())
        banks.line(carrier, THROW, f"TRANSFER {receipt.replace('-', '')} PARDNA")
    for carrier in ("ncb", "scotia", "lynk"):
        assert (await banks.imported(carrier)).by_reference == len(banks.lines[carrier])
    for phone in others[5:16]:
        assert await phone.saw("J$5,000 from")
    for phone in others[16:]:
        await marva.says(f"CASH {phone.name} 5000 {club.code}").sees("is counted")
        await phone.says("CONFIRM").sees("Thank you")
    assert await standing(house, f"circle:{club.code}:pot:1") == 19 * THROW

    # The same statement again changes nothing; money that names nobody stands aside; the bank keeps its charge.
    assert (await banks.imported("ncb")).new == 0
    banks.line("ncb", 300_000, "CASH DEPOSIT HALF WAY TREE")
    banks.line("ncb", -2_500, "SERVICE CHARGE", Hint.CHARGE)
    await banks.imported("ncb")
    assert await standing(house, "suspense:ncb:JMD") == 300_000

    # One refund, and the same member throws again by transfer.
    first = others[0]
    receipt = str(await fetch(house, "SELECT receipt FROM payment WHERE provider_ref = :r", r=intents[first.party]))
    await finance.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await stripe.tells()
    assert await first.saw("J$5,000", "went back to you")
    banks.line("scotia", THROW, f"{await asks(house, first, 'SCOTIA')}")
    await banks.imported("scotia")

    # The draw: NCB has too little, so the house puts its own money there; then a file goes to the bank.
    await club.go(1, 0, 12)
    await marva.says(f"PAY OUT {club.code}").sees("is safe", "Finance is told")
    banks.line("ncb", 10_000_000, "OWN FUNDS")
    await banks.imported("ncb")
    ref = str(await fetch(house, "SELECT ref FROM ticket WHERE kind = 'match' ORDER BY opened_at DESC LIMIT 1"))
    await finance.says(f"MATCH {ref} OWN").sees("Done")
    payout_ref = await club.pay_out()
    by_rail = int(str(await fetch(house, "SELECT rail_amount::text FROM payout")))
    assert by_rail == 19 * THROW - 3 * THROW
    assert await fetch(house, "SELECT state FROM outbox WHERE kind = 'disburse'") == "queued"
    payout = str(await fetch(house, "SELECT id FROM payout"))
    banks.line("ncb", -by_rail, f"PAYMENT {payout_ref.replace('-', '')} {payout}")
    await banks.imported("ncb")
    assert await marva.saw("sent to NCB", payout_ref)
    by_hand = await fetch(house, "SELECT state FROM outbox WHERE kind = 'disburse'")
    assert by_hand == "dropped", "paid by hand, and a file would pay it again"

    # The payee's bank sends it back; it goes out again and arrives.
    banks.line("ncb", by_rail, f"RETURN {payout_ref.replace('-', '')} ACCOUNT CLOSED", Hint.RETURNED)
    await banks.imported("ncb")
    # What the banker hands over stays under the reference that is known; the bank's part gets one of its own.
    payout_ref = str(await fetch(house, "SELECT ref FROM payout WHERE state = 'FAILED'"))
    assert await marva.saw("came back from NCB", payout_ref)
    await marva.says(f"PAY OUT {club.code}").sees("is being sent again")
    await house.rest()
    banks.line("ncb", -by_rail, f"PAYMENT {payout_ref.replace('-', '')} AGAIN")
    await banks.imported("ncb")
    await marva.says("RECEIVED").sees("which one")
    await marva.taps("J$15,000 Marva").sees("in your hands")
    await marva.says(f"RECEIVED {payout_ref}").sees("in your hands")

    # After the draw one card's bank takes a payment back: the member's debt, nobody else's.
    second = others[1]
    await stripe.account.dispute(intents[second.party])
    await stripe.tells()
    assert await second.saw("took back J$5,000", "owed again")
    assert await fetch(house, "SELECT balance FROM ledger_account WHERE name LIKE 'circle:%:debt:%'") == THROW

    await books_equal_statements(house, stripe, banks)


async def books_equal_statements(house: House, stripe: Stripe, banks: Banks) -> None:
    """The trial balance is right, what each carrier holds is what its own statement says, and so is what was told."""
    await figures_add_up(house)
    async with house.engine.connect() as conn:
        report = await ledger.verify(conn)
        totals = await ledger.totals(conn)
    assert report.faults == ()
    assert all(one.assets == one.liabilities for one in totals)
    assert await standing(house, "rail:stripe:JMD") == stripe.account.balance_of("jmd")
    for carrier in ("ncb", "scotia", "lynk"):
        assert await standing(house, f"rail:{carrier}:JMD") == banks.stands_at(carrier), carrier
    states = "SELECT string_agg(DISTINCT state, ' ') FROM statement_line"
    assert Counter(str(await fetch(house, states)).split()) == Counter(["MATCHED", "SUSPENSE"])
