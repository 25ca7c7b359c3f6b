"""A month of a circle of twenty on every rail at once, through the whole service, as members and an operator have it.

The real process is called by Stripe and PowerTranz over HTTP, and killed four times; people write on the simulator's
phones; statements, payout files and what the bank answers go through the command line. In the end the books are
proved, each carrier's account is what its own statement says, and everybody was told the truth.
"""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from lxml import etree
from sqlalchemy import text

from bot.place import jamaican_calendar
from domain.house import BUILT_IN
from domain.money import Currency, Money
from domain.schedule import local, local_date
from storage import ledger
from storage.engine import make_engine
from storage.vault import new_keys
from tests.e2e.office import Bank, Office, plain
from tests.e2e.phones import Phone, Table
from tests.e2e.service import Service
from tests.powertranz_standin import MERCHANT, PASSWORD, PowerTranzStandin
from tests.stripe_standin import API_KEY, StripeStandin
from tests.vendors import SETTINGS

NAMES = (
    "Marva Brown", "Devon Clarke", "Keisha Reid", "Andre Wright", "Patsy Green", "Winston Hall", "Sonia Grant",
    "Errol Lewis", "Beverley Scott", "Dwight Morgan", "Carmen Bailey", "Leroy Francis", "Yvonne Palmer",
    "Trevor Gordon", "Claudette Ellis", "Neville Barrett", "Joy Henry", "Clive Robinson", "Hyacinth Stewart",
    "Oneil Powell",
)  # fmt: skip
CHANNELS = ("whatsapp", "telegram", "sms")
THROW = 500_000
"""Cents of J$5,000."""
LINK = r"https://\S+"
OWN_FUNDS = 10_000_000
UNKNOWN_DEPOSIT = 300_000
BANK_CHARGE = 2_500
HOME = {
    "PARDNA_ENV": "development",
    "PUBLIC_URL": SETTINGS["PUBLIC_URL"],
    "NCB_ACCOUNT": "404123456",
    "NCB_HOLDER": "Digital Pardna Ltd",
    "SCOTIA_ACCOUNT": "50012345",
    "SCOTIA_HOLDER": "Digital Pardna Ltd",
    "SCOTIA_BRANCH": "Liguanea",
    "LYNK_HANDLE": "@pardna",
    "LYNK_HOLDER": "Digital Pardna Ltd",
}


@dataclass
class Month:
    """The service, who calls it, who keeps our money, and who talks to it."""

    service: Service
    table: Table
    office: Office
    stripe: StripeStandin
    gateway: PowerTranzStandin
    banks: dict[str, Bank]
    url: str
    code: str = ""
    members: list[Phone] = field(default_factory=list)
    receipts: dict[str, list[str]] = field(default_factory=dict)
    """By first name, the receipts that each was given."""

    def who(self, first: str) -> Phone:
        return next(phone for phone in self.members if phone.first == first)

    async def today(self) -> date:
        return local_date(await self.table.now())

    async def dies(self, **settings: str) -> None:
        """Kill the process, whatever it is doing, and start it again, perhaps with other settings."""
        await self.service.kill()
        self.service.settings = {**self.service.settings, **settings}
        await self.service.start()

    async def imports(self, carrier: str) -> str:
        """Download a bank's statement, all of it, and import it."""
        done = await self.office.runs("statements", "import", self.banks[carrier].statement(), "--rail", carrier)
        return done.out

    async def hears_stripe(self) -> None:
        """Have all that Stripe ever told come again, the newest first, each twice."""
        await self.stripe.delivered()
        await self.stripe.deliver()
        statuses = await self.stripe.deliver(again=True, times=2, backwards=True)
        assert set(statuses) == {200}
        await self.table.rest()


@pytest.fixture
async def month(database_url: str, tmp_path: Path) -> AsyncIterator[Month]:
    async with PowerTranzStandin() as gateway, StripeStandin() as stripe, aiohttp.ClientSession() as session:
        cards = {
            "POWERTRANZ_ID": MERCHANT,
            "POWERTRANZ_PASSWORD": PASSWORD,
            "POWERTRANZ_API_URL": f"{gateway.url}/api",
            "POWERTRANZ_CARRIER": "scotia",
            "POWERTRANZ_PAGE_SET": "PTZ/pardna",
            "POWERTRANZ_PAGE_NAME": "card",
        }
        service = Service(tmp_path, {**HOME, **cards, "DATABASE_URL": database_url, "PARDNA_KEYS": new_keys()})
        banks = {carrier: Bank(carrier, tmp_path) for carrier in ("ncb", "scotia", "lynk")}
        try:
            await service.start()
            table = Table(service, session)
            yield Month(service, table, Office(service), stripe, gateway, banks, database_url)
        finally:
            await service.kill()


@pytest.mark.timeout(420)
async def test_a_month_of_twenty_on_all_rails_at_once(month: Month) -> None:
    clerk = await a_clerk(month)
    first_due = await a_circle_of_twenty(month, clerk)
    await card_of_the_bank(month)
    await cards_of_stripe(month)
    await transfers(month)
    await cash(month)
    await a_deposit_without_a_reference(month, clerk)
    await a_refund(month, clerk)
    await month.table.go_to(at(first_due, 10))
    await the_draw(month, clerk)
    await a_chargeback(month)
    await month.table.go_to(at(first_due + timedelta(days=25), 10))
    await everybody_was_told_the_truth(month)
    await books_equal_statements(month)


def at(day: date, hour: int) -> datetime:
    """A time of day in Jamaica."""
    return datetime.combine(day, datetime.min.time()).replace(
        hour=hour, tzinfo=local(datetime.now().astimezone()).tzinfo
    )


# -- people -----------------------------------------------------------------------------------------------------------


async def onboard(phone: Phone) -> None:
    await phone.says("hello").sees("name")
    await phone.says(phone.name).sees("agree")
    await phone.taps("I agree").sees("language")
    await phone.taps("English").sees("You are in")


async def a_clerk(month: Month) -> Phone:
    """Somebody of the staff, as the command line makes them."""
    clerk = month.table.phone("telegram", "5550999", "Joy Office")
    await onboard(clerk)
    done = await month.office.runs("staff", "add", clerk.party, "--role", "admin")
    assert "is admin now" in done.out
    return clerk


async def a_circle_of_twenty(month: Month, clerk: Phone) -> date:
    """Everybody comes in, is verified and joins, and the circle begins; returns the first due date."""
    calendar = jamaican_calendar((await month.today()).year, BUILT_IN)
    await month.table.go_to(at(calendar.business_day_after(await month.today()), 10))
    for number, name in enumerate(NAMES):
        channel = CHANNELS[number % 3]
        address = f"5550{number:03}" if channel == "telegram" else f"+18765551{number:03}"
        month.members.append(month.table.phone(channel, address, name))
    await asyncio.gather(*map(onboard, month.members))
    await asyncio.gather(
        *(phone.says(f"TRN 1002003{n:02}").sees("is with our staff") for n, phone in enumerate(month.members))
    )
    while refs := re.findall(r"(K-\w{4}) kyc", await clerk.says("QUEUE kyc").sees("waiting")):
        for ref in refs:
            await clerk.says(f"KYC {ref} OK").sees(f"{ref} done")
    await asyncio.gather(*(phone.sees("is verified") for phone in month.members))

    marva, *others = month.members
    await marva.says("PAYOUT NCB 12345678").sees("NCB ...5678", "24 hours")
    due = calendar.next_business_day(await month.today() + timedelta(days=5))
    made = await marva.says(f"NEW Sunday Club; 5000 JMD; monthly; 20; {due}; join order").sees("code is")
    month.code = found_in(r"(?<=code is )[A-Z2-9]{6}", made)
    await marva.says(f"JOIN {month.code}").sees("AGREE")
    await marva.says("AGREE").sees("You are in")

    async def joins(phone: Phone) -> None:
        await phone.says(f"JOIN {month.code}").sees("AGREE")
        await phone.says("AGREE").sees("has been asked")

    await asyncio.gather(*map(joins, others))
    await marva.says(f"APPROVE {month.code} ALL").sees("turns are taken")
    await marva.says(f"LOCK {month.code}").sees("Lock")
    await marva.taps("Yes").sees("is locked")
    await marva.says(f"BEGIN {month.code}").sees("Begin")
    await marva.taps("Yes").sees("has begun")
    return due


def found_in(pattern: str, text: str) -> str:
    """Return the first thing that a pattern finds."""
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in: {text}"
    return found[0]


async def given(month: Month, phone: Phone) -> str:
    """See the receipt of a throw; returns its code."""
    said = await phone.sees("J$5,000 from", "R-")
    receipt = found_in(r"R-\w{8}", said)
    month.receipts.setdefault(phone.first, []).append(receipt)
    return receipt


# -- cards ------------------------------------------------------------------------------------------------------------


async def card_of_the_bank(month: Month) -> None:
    """Devon's card goes by PowerTranz. The process dies on the payer's way back, and Stripe is set up meanwhile."""
    devon = month.who("Devon")
    said = await devon.says("PAY 5000 CARD").sees("here: ")
    link = found_in(LINK, said)
    kind, page = await month.table.page(link)
    assert kind == "text/html"
    assert b"Pay by card" in page
    path = link.removeprefix(SETTINGS["PUBLIC_URL"])
    session, url = month.table.session, month.service.url
    async with session.post(url + path, data={"result": "card"}) as opened:
        assert opened.headers["Content-Security-Policy"].startswith("sandbox")
    [token] = month.gateway.pages
    async with session.post(f"{url}/hooks/scotia", data=month.gateway.callback(token)) as back:
        assert back.status == 200
    month.stripe.hook_url = f"{url}/hooks/stripe"
    stripe = {"STRIPE_API_KEY": API_KEY, "STRIPE_API_URL": month.stripe.api_url}
    await month.dies(**stripe, STRIPE_WEBHOOK_SECRET=SETTINGS["STRIPE_WEBHOOK_SECRET"])
    async with session.post(f"{url}/hooks/scotia", data=month.gateway.callback(token)) as back:
        assert "/pay/thanks" in await back.text()
    await given(month, devon)


async def checkout(month: Month, phone: Phone) -> str:
    """Ask to pay by card; returns Stripe's session behind the link."""
    said = await phone.says("PAY 5000 CARD").sees("here: ")
    link = found_in(LINK, said)
    return next(str(s["id"]) for s in month.stripe.of_kind("checkout.session") if s["url"] == link)


async def cards_of_stripe(month: Month) -> None:
    """Four by Stripe: one while the service is dead, and everything that was told comes again, last first."""
    keisha, andre, patsy, winston = (month.who(first) for first in ("Keisha", "Andre", "Patsy", "Winston"))
    sessions = await asyncio.gather(*(checkout(month, phone) for phone in (keisha, andre, patsy, winston)))
    await asyncio.gather(*map(month.stripe.pay, sessions[:2]))
    await asyncio.gather(given(month, keisha), given(month, andre))
    month.stripe.hook_url = ""
    await month.stripe.pay(sessions[2])
    await month.stripe.deliver(url=f"{month.service.url}/hooks/stripe", backwards=True)
    await month.service.kill()
    await month.stripe.pay(sessions[3])
    await month.service.start()
    month.stripe.hook_url = f"{month.service.url}/hooks/stripe"
    await month.hears_stripe()
    await asyncio.gather(given(month, patsy), given(month, winston))


# -- transfers and cash -----------------------------------------------------------------------------------------------


async def announces(month: Month, first: str, carrier: str) -> str:
    """Ask to transfer, and look at the page that is linked; returns the reference to write on it."""
    said = await month.who(first).says(f"PAY 5000 {carrier.upper()}").sees("R-", "/pay/")
    receipt = found_in(r"R-\w{8}", said)
    _, page = await month.table.page(found_in(LINK, said))
    account = month.service.settings.get(f"{carrier.upper()}_ACCOUNT") or month.service.settings["LYNK_HANDLE"]
    assert account in said
    for shown in (receipt, account, "J$5,000.00", "Digital Pardna Ltd"):
        assert shown in page.decode(), f"the pay page does not show {shown}"
    return receipt


TRANSFERS = {
    "Sonia": "ncb", "Errol": "ncb", "Beverley": "ncb", "Dwight": "ncb", "Leroy": "scotia", "Yvonne": "scotia",
    "Trevor": "scotia", "Claudette": "lynk", "Neville": "lynk", "Joy": "lynk",
}  # fmt: skip


async def transfers(month: Month) -> None:
    """Ten by three banks; the process dies over the first statement, which is imported a second time."""
    named = await asyncio.gather(*(announces(month, first, carrier) for first, carrier in TRANSFERS.items()))
    today = await month.today()
    for (first, carrier), receipt in zip(TRANSFERS.items(), named, strict=True):
        month.banks[carrier].shows(today, THROW, f"TRF {receipt.replace('-', ' ')} {first}".upper())
    assert "4 matched by reference" in await month.imports("ncb")
    await month.dies()
    assert "0 new, 4 already there" in await month.imports("ncb")
    for carrier in ("scotia", "lynk"):
        assert "3 matched by reference" in await month.imports(carrier)
    codes = await asyncio.gather(*(given(month, month.who(first)) for first in TRANSFERS))
    assert codes == named


async def cash(month: Month) -> None:
    """Three in cash: two as they say, one as the banker writes down."""
    marva = month.members[0]
    for first in ("Clive", "Hyacinth"):
        await month.who(first).says("PAY CASH").sees("counts when")
        await marva.sees(f"{first} says")
        await marva.taps("Confirm").sees("is counted")
        await given(month, month.who(first))
    oneil = month.who("Oneil")
    await marva.says(f"CASH Oneil 5000 {month.code}").sees("is counted")
    await oneil.says("CONFIRM").sees("Thank you")


async def a_deposit_without_a_reference(month: Month, clerk: Phone) -> None:
    """Carmen forgets the reference, somebody unknown pays too, and the bank keeps a charge."""
    receipt = await announces(month, "Carmen", "ncb")
    ncb, today = month.banks["ncb"], await month.today()
    ncb.shows(today, THROW, "CASH DEPOSIT MAY PEN")
    ncb.shows(today, UNKNOWN_DEPOSIT, "CASH DEPOSIT HALF WAY TREE")
    ncb.shows(today, -BANK_CHARGE, "SERVICE CHARGE")
    out = await month.imports("ncb")
    assert "3 new, 4 already there" in out
    assert "1 the bank's own, 2 to look at" in out
    await month.table.go_to(await month.table.now() + timedelta(minutes=6))
    await clerk.sees("Money came that nobody was found for")
    queue = await clerk.says("QUEUE match").sees("2 waiting")
    for ref in re.findall(r"K-\w{4}", queue):
        asked = await clerk.says(f"MATCH {ref}").sees("came in at NCB")
        if "J$5,000" in asked:
            await clerk.says(f"MATCH {ref} {receipt}").sees("Done", receipt)
    assert await given(month, month.who("Carmen")) == receipt


async def a_refund(month: Month, clerk: Phone) -> None:
    """Keisha's card gets its money back, and she throws again by transfer."""
    keisha = month.who("Keisha")
    [receipt] = month.receipts["Keisha"]
    await clerk.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await month.hears_stripe()
    await keisha.sees("is on its way back")
    await keisha.sees("J$5,000", "went back to you")
    month.banks["scotia"].shows(await month.today(), THROW, await announces(month, "Keisha", "scotia"))
    assert "1 matched by reference" in await month.imports("scotia")
    await given(month, keisha)


# -- the draw ---------------------------------------------------------------------------------------------------------


async def the_draw(month: Month, clerk: Phone) -> None:
    """Marva draws: the house puts its money where it is paid from, and the first file's payment comes back."""
    marva, ncb = month.members[0], month.banks["ncb"]
    await marva.says(f"PAY OUT {month.code}").sees("is safe", "Finance is told")
    await moves_money_to_the_bank(month, clerk)
    asked = await marva.says(f"PAY OUT {month.code}").sees("second yes")
    ref, second = found_in(r"P-\w{4}", asked), found_in(r"(?<=I have asked )\w+", asked)
    await month.who(second).sees("APPROVE PAYOUT", ref)
    await month.who(second).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    by_rail = 16 * THROW

    folder = month.service.home / "files"
    out = (await month.office.runs("payouts", "export", "--rail", "ncb", "--out", folder)).out
    sent = pain001(Path(out.split("  ")[0]), by_rail)
    await results(month, sent, "Paid")
    ncb.shows(await month.today(), -by_rail, f"ACH CREDIT {sent}")
    assert "1 matched by reference" in await month.imports("ncb")
    await marva.sees("sent to NCB", ref)

    ncb.shows(await month.today(), by_rail, f"ACH RETURN PARDNA {ref} ACCOUNT CLOSED")
    await results(month, sent, "Returned")
    await month.dies()
    assert "1 matched by reference" in await month.imports("ncb")
    came_back = await marva.sees("came back from NCB")
    anew = found_in(r"P-\w{4}", came_back)  # the cash goes on under the reference that is known
    assert anew != ref
    await marva.says(f"PAY OUT {month.code}").sees("is being sent again")
    await month.table.rest()
    out = (await month.office.runs("payouts", "export", "--rail", "ncb", "--out", folder, "--format", "csv")).out
    again = bank_csv(Path(out.split("  ")[0]), by_rail)
    assert again != sent
    ncb.shows(await month.today(), -by_rail, f"ACH CREDIT {again}")
    assert "1 matched by reference" in await month.imports("ncb")
    await marva.sees("sent to NCB", anew)
    told = await results(month, again, "Paid")
    assert told.startswith("0 payouts changed, 1 as they were")
    await marva.says(f"RECEIVED {ref}").sees("in your hands")
    await marva.says(f"RECEIVED {anew}").sees("in your hands")
    batches = (await month.office.runs("payouts", "list")).out.splitlines()
    assert len(batches) == 2


async def moves_money_to_the_bank(month: Month, clerk: Phone) -> None:
    """Stripe pays its balance out to our bank, and the house puts in what is still missing."""
    ncb, today, balance = month.banks["ncb"], await month.today(), month.stripe.balance_of("jmd")
    await month.stripe.payout_arrives(await month.stripe.pay_out(balance, "jmd"))
    ncb.shows(today, balance, "STRIPE TRANSFER")
    ncb.shows(today, OWN_FUNDS, "OWN FUNDS")
    assert "2 to look at" in await month.imports("ncb")
    await month.table.rest()
    for ref in re.findall(r"K-\w{4}", await clerk.says("QUEUE match").sees("3 waiting")):
        asked = await clerk.says(f"MATCH {ref}").sees("came in at NCB")
        if "J$100,000" in asked:
            await clerk.says(f"MATCH {ref} OWN").sees("Done")
        elif "J$3,000" not in asked:
            await clerk.says(f"MATCH {ref} MOVE").sees("Done")


async def results(month: Month, ref: str, status: str) -> str:
    """Import what the bank says of a payment; returns what is printed."""
    path = month.service.home / "results.csv"
    path.write_text(f"Reference,Status\n{ref},{status}\n")
    done = await month.office.runs("payouts", "results", path, "--rail", "ncb")
    assert "0 to look at" in done.out
    return done.out


def pain001(path: Path, cents: int) -> str:
    """Open a payment file of ISO 20022; returns the reference of its one payment."""
    tree = etree.parse(path)

    def only(name: str) -> str:
        [found] = tree.iterfind(f".//{{*}}{name}")
        return str(found.text)

    assert (only("InstdAmt"), tree.findtext(".//{*}PmtInf/{*}CtrlSum")) == (plain(cents), plain(cents))
    assert "Marva Brown" in etree.tostring(tree, encoding="unicode")
    return only("EndToEndId")


def bank_csv(path: Path, cents: int) -> str:
    """Open a payment file of the bank's own; returns the reference of its one payment."""
    with path.open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["Beneficiary Name"], row["Account Number"], row["Amount"]) == ("Marva Brown", "12345678", plain(cents))
    return row["Reference"]


async def a_chargeback(month: Month) -> None:
    """Andre's bank takes his payment back after the draw: his debt, nobody else's."""
    andre = month.who("Andre")
    session = next(s for s in month.stripe.of_kind("checkout.session") if s["metadata"]["receipt"] in andre.text)
    await month.stripe.dispute(session["payment_intent"])
    await month.hears_stripe()
    await andre.sees("took back J$5,000", "owed again")


# -- the end ----------------------------------------------------------------------------------------------------------


async def everybody_was_told_the_truth(month: Month) -> None:
    """Receipts, what each owes, and the statement in chat, as PDF and as a table, all say the same."""
    for first, codes in month.receipts.items():
        for code in codes:
            _, page = await month.table.page(f"{month.service.url}/r/{code}")
            html = page.decode()
            assert "J$5,000.00" in html
            assert not any(part in html for part in month.who(first).name.split())
            taken_back = {"Andre": "bank took", "Keisha": "went back"}.get(first)
            if taken_back and code == codes[0]:
                assert taken_back in html
            else:
                assert "This receipt is good" in html
    await asyncio.gather(*(statement_is_true(month, phone) for phone in month.members))


async def statement_is_true(month: Month, phone: Phone) -> None:
    """Look at one member's own statement in each form; the banker has the whole book."""
    said, came, went = TRUTH.get(phone.first, ("you threw J$5,000 and drew J$0. Owed J$5,000, credit J$0", THROW, 0))
    await phone.says("BALANCE").sees("J$5,000 to pay again" if phone.first == "Andre" else "J$5,000 due")
    link = found_in(LINK, await phone.says(f"STATEMENT {month.code}").sees(said))
    kind, pdf = await month.table.page(f"{link}.pdf")
    assert (kind, pdf[:5]) == ("application/pdf", b"%PDF-")
    kind, table = await month.table.page(f"{link}.csv")
    assert kind == "text/csv"
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig"))))
    [heads] = [row for row in rows if row[:1] == ["Date"]]
    lines = [dict(zip(heads, row, strict=True)) for row in rows if row and re.fullmatch(r"\d{4}-\d\d-\d\d", row[0])]
    sums = tuple(sum(cents(line[side]) for line in lines) for side in ("In", "Out"))
    assert sums == (came, went), (phone.first, rows)


TRUTH = {
    "Marva": ("in J$180,000, out J$185,000. J$5,000 a bank took back has still to be paid", 18_000_000, 18_500_000),
    "Keisha": ("you threw J$5,000 and drew J$0. Owed J$5,000, credit J$0", 2 * THROW, THROW),
    "Andre": ("you threw J$0 and drew J$0. Owed J$10,000, credit J$0", THROW, THROW),
}
"""What is said to whom something befell, and what their lines come to. In and out hold the draw that came back."""


def jmd(amount: int) -> str:
    """Write cents as the house does."""
    return Money(amount, Currency.JMD).full()


def cents(amount: str) -> int:
    return round(float(amount or 0) * 100)


async def books_equal_statements(month: Month) -> None:
    """The command line finds nothing wrong; what each carrier holds is what its own statement says."""
    proved = (await month.office.runs("ledger", "verify")).out
    assert "The books are right" in proved
    for carrier, bank in month.banks.items():
        assert re.search(rf"{carrier} JMD .* the statement {re.escape(jmd(bank.stands_at))}\n", proved), proved
    assert "every provider that is set up answers" in (await month.office.runs("doctor")).out
    engine = make_engine(month.url)
    try:
        async with engine.connect() as conn:
            rows = await conn.execute(text("SELECT name, balance FROM ledger_account"))
            balances = {row.name: int(row.balance) for row in rows}
            totals = await ledger.totals(conn)
            left = await conn.execute(text("SELECT kind, fault FROM inbox WHERE done_at IS NULL"))
            assert left.all() == []
            states = await conn.execute(text("SELECT DISTINCT state FROM outbox"))
            assert list(states.scalars()) == ["sent"]
    finally:
        await engine.dispose()
    assert all(total.assets == total.liabilities for total in totals)
    assert balances["rail:stripe:JMD"] == month.stripe.balance_of("jmd")
    assert balances["rail:powertranz:JMD"] == month.gateway.balance()
    for carrier, bank in month.banks.items():
        assert balances[f"rail:{carrier}:JMD"] == bank.stands_at
    shown = await month.imports("ncb")
    assert " 0 new" in shown
    assert "Difference" not in shown
    assert balances["suspense:ncb:JMD"] == UNKNOWN_DEPOSIT
    assert balances["transit:JMD"] == 0
    assert balances["costs:ncb:JMD"] == BANK_CHARGE
    assert [value for name, value in balances.items() if ":debt:" in name] == [THROW]
