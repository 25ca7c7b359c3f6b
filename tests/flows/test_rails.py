"""Money on real rails, as banks and card networks tell of it: the chat, the books and what everybody is told."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels.base import Outcome, Plain, Refused, Sent
from domain.messages import Filed
from domain.money import Currency
from domain.payments import How, Route
from storage import ledger
from tests.flows.club import Club, begun, clerk, fetch, found, monday
from tests.teller import House, Phone, open_house

JMD, EVERY = frozenset({Currency.JMD}), frozenset(Currency)
ROUTES = (
    Route("SANDBOX", "sandbox", How.AT_ONCE, EVERY, pays=frozenset({"any"})),
    Route("CARD", "stripe", How.PAGE, EVERY),
    Route("USCARD", "stripe", How.PAGE, frozenset({Currency.USD})),
    Route("NCB", "ncb", How.TRANSFER, JMD, ("Digital Pardna Ltd", "NCB", "404123456"), pays=frozenset({"bank"})),
)
numbers = itertools.count(1)


class Cards(Plain):
    """A card network that shows a page, and gives back what it is asked to unless told otherwise."""

    name = "stripe"

    def __init__(self) -> None:
        self.refunds: list[tuple[str, int]] = []
        self.answer: Outcome | None = None
        self.asked: list[dict[str, Any]] = []

    async def collect(self, order: Any, key: str) -> Outcome:
        self.asked.append(dict(order))
        return Sent(f"cs_{key}", {"link": f"https://checkout.example/{order['receipt']}"})

    async def refund(self, order: Any, key: str) -> Outcome:
        self.refunds.append((key, order["amount"]))
        return self.answer or Sent(f"re_{key}")

    async def enquire(self, order: Any, key: str) -> Outcome:  # noqa: ARG002 - by key alone
        charge = {"carrier": "stripe", "charge_id": f"ch_{key}", "amount": 150_00, "currency": "JMD"}
        fee = Filed("stripe", f"fee:{key}", "stripe:fees", "event", {"kind": "charge", **charge})
        return Sent(key, {}, (fee,))


@pytest.fixture
def cards() -> Cards:
    return Cards()


@pytest.fixture
async def house(database_url: str, cards: Cards) -> AsyncIterator[House]:
    async with open_house(
        database_url, at=monday(), routes=ROUTES, carriers={"stripe": cards}, holidays=frozenset()
    ) as house:
        yield house


async def tell(house: House, kind: str, **body: Any) -> None:
    """Have a carrier tell something, under an id of its own."""
    number = next(numbers)
    await house.filer.file([Filed("test", f"{kind}:{number}", f"test:{number}", "event", {"kind": kind, **body})])
    await house.rest()


async def asked(house: House, phone: Phone, line: str, *sees: str) -> str:
    """Ask to pay by a line; returns the receipt that waits."""
    await phone.says(line).sees(*sees)
    await house.rest()
    query = "SELECT receipt FROM payment WHERE state = 'PENDING' ORDER BY began_at DESC LIMIT 1"
    return str(await fetch(house, query))


async def standing(house: House, account: str) -> int:
    query = "SELECT coalesce(sum(balance), 0)::text FROM ledger_account WHERE name = :n"
    return int(str(await fetch(house, query, n=account)))


async def proved(house: House) -> None:
    async with house.engine.connect() as conn:
        report = await ledger.verify(conn)
    assert report.faults == ()


def bank(receipt: str, amount: int, ref: str, currency: str = "JMD") -> dict[str, Any]:
    return {"carrier": "ncb", "receipt": receipt, "provider_id": ref, "amount": amount, "currency": currency}


async def test_a_transfer_tells_where_to_send_and_counts_when_the_bank_shows_it(house: House) -> None:
    """rule 23"""
    club = await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await asked(house, devon, "PAY 5000 NCB", "Digital Pardna Ltd, NCB, 404123456", "R-", "/pay/")
    assert await house.balances(club.code) == {}
    await tell(house, "collected", **bank(receipt, 500_000, "line-1"))
    await devon.sees("J$5,000 from Devon", receipt)
    await tell(house, "collected", **bank(receipt, 500_000, "line-1"))
    assert await standing(house, "rail:ncb:JMD") == 500_000
    await club.right()
    await proved(house)


async def test_what_comes_counts_less_more_and_twice(house: House) -> None:
    club = await begun(house, 3)
    _, devon, keisha = club.phones
    receipt = await asked(house, devon, "PAY 5000 NCB", "404123456")
    await tell(house, "collected", **bank(receipt, 480_000, "less"))
    await devon.sees("asked to throw J$5,000 and J$4,800 came", "Still to throw: J$200")
    await tell(house, "collected", **bank(receipt, 20_000, "again"))
    await devon.sees("which was paid before", "J$200")
    more = await asked(house, keisha, "PAY 5000 NCB", "404123456")
    await tell(house, "collected", **bank(more, 600_000, "more"))
    await keisha.sees("Credit J$1,000")
    assert await standing(house, "rail:ncb:JMD") == 1_100_000
    await club.right()


async def test_money_in_the_wrong_currency_is_put_aside_and_its_payer_told(house: House) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await asked(house, devon, "PAY 5000 NCB", "404123456")
    await tell(house, "collected", **bank(receipt, 3_200, "us", "USD"))
    await devon.sees("US$32 came for Sunday Club, but J$5,000 was asked for", "K-")
    assert await standing(house, "suspense:ncb:USD") == 3_200
    assert await fetch(house, "SELECT count(*) FROM ticket WHERE kind = 'match'") == 1
    await proved(house)


async def test_money_after_the_link_expired_still_counts(house: House) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await asked(house, devon, "PAY 5000 CARD", "page to pay")
    await devon.sees(f"https://checkout.example/{receipt}")
    await tell(house, "link_expired", receipt=receipt)
    await devon.sees("has closed unpaid", "PAY gives you a new one")
    card = {"carrier": "stripe", "receipt": receipt, "provider_id": "cs_1", "provider_ref": "pi_1"}
    await tell(house, "collected", **card, amount=500_000, currency="JMD")
    await devon.sees("J$5,000 from Devon")
    await house.rest()
    assert await standing(house, "rail:stripe:JMD") == 485_000
    assert await standing(house, "costs:stripe:JMD") == 15_000
    await club.right()


async def test_a_deposit_without_a_name_waits_until_finance_says_what_it_is(house: House) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    miss = await clerk(house)
    receipt = await asked(house, devon, "PAY 5000 NCB", "404123456")
    line = {"carrier": "ncb", "amount": 500_000, "currency": "JMD", "booked": "2027-01-04"}
    await tell(house, "line", line_id="l1", **line, suggestions=[receipt])
    assert await standing(house, "suspense:ncb:JMD") == 500_000
    ref = str(await fetch(house, "SELECT ref FROM ticket WHERE kind = 'match'"))
    await miss.says(f"MATCH {ref}").sees("J$5,000 came in at NCB", receipt)
    await miss.says(f"MATCH {ref} R-99999999").sees("no payment R-99999999")
    await miss.says(f"MATCH {ref} {receipt}").sees("Done", receipt)
    await devon.sees("J$5,000 from Devon", receipt)
    assert await standing(house, "suspense:ncb:JMD") == 0
    assert await standing(house, "rail:ncb:JMD") == 500_000
    await miss.says(f"MATCH {ref} {receipt}").sees(ref)
    await club.right()
    await proved(house)


async def test_charges_interest_and_own_money_of_a_statement_are_the_house_s(house: House) -> None:
    miss = await clerk(house)
    line = {"carrier": "ncb", "currency": "JMD", "booked": "2027-01-04"}
    await tell(house, "line", line_id="i1", amount=100_00, hint="interest", **line)
    await tell(house, "line", line_id="c1", amount=-25_00, hint="charge", **line)
    await tell(house, "line", line_id="o1", amount=50_000_00, **line)
    ref = str(await fetch(house, "SELECT ref FROM ticket WHERE kind = 'match'"))
    await miss.says(f"MATCH {ref} OWN").sees("Done")
    assert await standing(house, "rail:ncb:JMD") == 50_075_00
    assert await standing(house, "operator:JMD") == 50_100_00
    assert await standing(house, "costs:ncb:JMD") == 25_00
    await proved(house)


async def test_a_us_card_pays_a_jamaican_throw_at_a_quote(house: House, cards: Cards) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    miss = await clerk(house)
    await devon.says("PAY 5000 USCARD").sees("needs today's rate")
    await miss.says("RATE 155.25").sees("US$1 is J$155.25")
    receipt = await asked(house, devon, "PAY 5000 USCARD", "J$5,000 is US$32.21 at J$155.25")
    assert (cards.asked[-1]["amount"], cards.asked[-1]["currency"]) == (3_221, "USD")
    card = {"carrier": "stripe", "receipt": receipt, "provider_id": "cs_2", "provider_ref": "pi_2"}
    await tell(house, "collected", **card, amount=3_221, currency="USD")
    await devon.sees("J$5,000 from Devon")
    assert await standing(house, "rail:stripe:USD") == 3_221
    assert (await standing(house, "exchange:USD"), await standing(house, "exchange:JMD")) == (3_221, -500_000)
    await club.right()
    await proved(house)


async def paid_by_card(house: House, phone: Phone, number: int) -> str:
    receipt = await asked(house, phone, "PAY 5000 CARD", "page to pay")
    card = {"carrier": "stripe", "receipt": receipt, "provider_id": f"cs_{number}", "provider_ref": f"pi_{number}"}
    await tell(house, "collected", **card, amount=500_000, currency="JMD")
    await phone.sees("J$5,000 from")
    return receipt


async def test_a_refund_is_done_when_its_rail_has_settled_it_and_the_throw_is_owed_again(
    house: House, cards: Cards
) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    miss = await clerk(house)
    receipt = await paid_by_card(house, devon, 3)
    await miss.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await devon.sees("on its way back")
    await miss.says(f"REFUND {receipt}").sees("J$0 left to give back")
    await house.rest()
    [(key, amount)] = cards.refunds
    refund = key.partition(":")[2]
    assert amount == 500_000
    await tell(house, "refunded", refund_id=refund, provider_id="re_1")
    await tell(house, "refunded", refund_id=refund, provider_id="re_1")
    await devon.sees("went back to you")
    await devon.says("BALANCE").sees("J$5,000")
    assert await standing(house, f"circle:{club.code}:pot:1") == 0
    await tell(house, "refund_failed", refund_id=refund, reason="account closed")
    await devon.sees("could not go back")
    assert await standing(house, f"circle:{club.code}:pot:1") == 500_000
    await club.right()
    await proved(house)


async def test_a_refund_that_its_rail_refuses_gives_nothing_away(house: House, cards: Cards) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    miss = await clerk(house)
    receipt = await paid_by_card(house, devon, 4)
    cards.answer = Refused("no such charge", "resource_missing")
    await miss.says(f"REFUND {receipt} 2000").sees("Giving J$2,000")
    await devon.sees("J$2,000", "could not go back")
    assert await standing(house, f"circle:{club.code}:pot:1") == 500_000
    await club.right()
    await proved(house)


def dispute(number: int) -> dict[str, Any]:
    card = {"carrier": "stripe", "receipt": "", "provider_ref": f"pi_{number}", "dispute_id": f"dp_{number}"}
    return {**card, "amount": 500_000, "currency": "JMD"}


async def test_a_chargeback_before_the_draw_makes_the_throw_owed_again(house: House) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    await paid_by_card(house, devon, 5)
    await tell(house, "charged_back", **dispute(5))
    await tell(house, "charged_back", **dispute(5))
    await devon.sees("took back J$5,000", "owed again")
    await devon.says("BALANCE").sees("J$5,000")
    assert await standing(house, f"circle:{club.code}:pot:1") == 0
    await tell(house, "charge_returned", **dispute(5))
    await devon.sees("gave back J$5,000")
    assert await standing(house, f"circle:{club.code}:pot:1") == 500_000
    await club.right()
    await proved(house)


async def drawn(house: House) -> tuple[Club, Phone, str]:
    """Return a circle whose first pot, a card payment in it, has been drawn."""
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    await club.pay(marva, keisha)
    await paid_by_card(house, devon, 6)
    line = {"carrier": "sandbox", "currency": "JMD", "booked": "2027-01-04"}
    await tell(house, "line", line_id="fund", amount=100_000_00, hint="interest", **line)
    return club, devon, await club.pay_out()


async def test_a_refund_of_what_was_drawn_already_is_refused_and_offers_no_refund_of_nothing(
    house: House, cards: Cards
) -> None:
    club, _, _ = await drawn(house)
    miss = await clerk(house)
    receipt = await fetch(house, "SELECT receipt FROM payment WHERE rail = 'CARD'")
    said = await miss.says(f"REFUND {receipt}").sees("J$5,000 of", "went out with a draw already")
    assert "J$0" not in said.text
    assert cards.refunds == []
    await club.right()


async def test_a_chargeback_after_the_draw_is_the_member_s_debt_and_no_one_else_s(house: House) -> None:
    club, devon, _ = await drawn(house)
    await club.banker.says("RECEIVED").sees("Good")
    await tell(house, "charged_back", **dispute(6))
    await devon.sees("took back J$5,000")
    debt = "SELECT balance FROM ledger_account WHERE name LIKE 'circle:%:debt:%'"
    assert await fetch(house, debt) == 500_000
    await devon.says("BALANCE").sees("J$5,000 to pay again, which the card's bank took back")
    await devon.says("STATEMENT").sees("you threw J$0 and drew J$0. Owed J$5,000")
    await club.banker.says("STATEMENT").sees("in J$15,000, out J$20,000. J$5,000 a bank took back has still to be paid")
    await devon.says(f"PAY 5000 SANDBOX {club.code}").sees("pays what the card's bank took back")
    assert await fetch(house, debt) == 0
    await proved(house)


async def test_a_payout_that_came_back_is_sent_again_under_a_new_key(house: House) -> None:
    """rule 37"""
    club, _, ref = await drawn(house)
    payout = str(await fetch(house, "SELECT id FROM payout WHERE ref = :r", r=ref))
    await club.banker.says("RECEIVED").sees("Good")
    before = await standing(house, "rail:sandbox:JMD")
    await tell(house, "disburse_returned", payout_id=payout, reason="account closed", provider_id="ret-1")
    await tell(house, "disburse_returned", payout_id=payout, reason="account closed", provider_id="ret-1")
    assert await club.banker.saw("came back from", f"PAY OUT {club.code}")
    assert await standing(house, "rail:sandbox:JMD") == before + 1_500_000
    await proved(house)
    await club.banker.says(f"PAY OUT {club.code}").sees("is being sent again")
    await house.rest()
    assert await standing(house, "rail:sandbox:JMD") == before
    await club.banker.says(f"RECEIVED {ref}").sees("Good")
    assert await fetch(house, "SELECT paid FROM draw WHERE round = 1") == 1_500_000
    await proved(house)


async def test_a_receipt_names_the_money_that_came_of_itself_to_nobody_who_asked(house: House) -> None:
    """A collection of a carrier that names nothing of ours stands aside."""
    await tell(house, "collected", **bank("R-99999999", 70_000, "stray"))
    assert await standing(house, "suspense:ncb:JMD") == 70_000
    assert found(r"K-\w{4}", str(await fetch(house, "SELECT ref FROM ticket WHERE kind = 'match'")))
    await proved(house)


async def test_the_queue_shows_what_waits_to_be_matched(house: House) -> None:
    miss = await clerk(house)
    await tell(house, "line", line_id="q1", carrier="ncb", amount=70_000, currency="JMD", booked="2027-01-04")
    ref = str(await fetch(house, "SELECT ref FROM ticket WHERE kind = 'match'"))
    await miss.says("QUEUE").sees("1 waiting", f"{ref} match J$700 NCB")
    await miss.says("QUEUE match").sees(ref)
    await miss.says(f"CASE {ref} OK").sees(ref)


# -- who may say what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["PAY 5000 CARD", "PAY 5000 NCB", "PAY 5000 CASH"])
async def test_a_made_up_callback_of_a_card_page_ends_no_payment_by_another_way(house: House, line: str) -> None:
    club = await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await asked(house, devon, line)
    await tell(house, "card_back", carrier="powertranz", receipt=receipt, spi_token="made-up")
    assert await fetch(house, "SELECT state FROM payment WHERE receipt = :r", r=receipt) == "PENDING"
    assert await fetch(house, "SELECT count(*) FROM outbox WHERE kind = 'capture'") == 0
    await club.right()


async def test_two_carriers_may_call_their_charges_alike(house: House) -> None:
    for carrier, amount in (("ncb", 10_00), ("scotia", 20_00)):
        await tell(house, "charge", carrier=carrier, charge_id="c-1", amount=amount, currency="JMD")
        await tell(house, "charge", carrier=carrier, charge_id="c-1", amount=amount, currency="JMD")
        assert await standing(house, f"costs:{carrier}:JMD") == amount
    await house.books_are_right()


async def test_a_carrier_is_not_believed_about_anothers_refund(house: House, cards: Cards) -> None:
    club, miss = await begun(house, 3), await clerk(house)
    _, devon, _ = club.phones
    receipt = await paid_by_card(house, devon, 7)
    await miss.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await house.rest()
    refund = cards.refunds[0][0].partition(":")[2]
    for kind in ("refunded", "disbursed", "refund_failed", "disburse_failed"):
        await tell(house, kind, carrier="lynk", refund_id=refund, provider_id="x", reason="x")
    assert await fetch(house, "SELECT state FROM refund") == "PENDING"
    await tell(house, "refunded", carrier="stripe", refund_id=refund, provider_id="re_1")
    assert await fetch(house, "SELECT state FROM refund") == "SETTLED"
    await proved(house)


async def test_a_refund_in_another_currency_than_the_circle_s_is_not_taken_at_its_figure(
    house: House, cards: Cards
) -> None:
    club, miss = await begun(house, 3), await clerk(house)
    _, devon, _ = club.phones
    receipt = await paid_by_card(house, devon, 8)
    await miss.says(f"REFUND {receipt} US$50").sees("US$50 is not what this circle is run in")
    assert cards.refunds == []
    await miss.says(f"REFUND {receipt} J$50").sees("Giving J$50 ")
    await miss.says(f"REFUND {receipt} 60").sees("Giving J$60 ")
