"""Money that came without a name of ours: it stands aside once, keeps its provider's name, and MATCH gives it on."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from domain.messages import Filed
from tests.flows.cards import Stripe, open_stripe, standing
from tests.flows.club import begun, clerk, execute, fetch, rows
from tests.teller import Phone

TICKETS = "SELECT count(*) FROM ticket WHERE kind = 'match'"
OPEN_REF = "SELECT ref FROM ticket WHERE kind = 'match' AND closed_at IS NULL"
DEBT = "circle:%:debt:%"


@pytest.fixture
async def stripe(database_url: str) -> AsyncIterator[Stripe]:
    async with open_stripe(database_url) as stripe:
        yield stripe


async def given(stripe: Stripe, finance: Phone, receipt: str) -> None:
    """MATCH the one thing that stands aside with a receipt."""
    ref = str(await fetch(stripe.house, OPEN_REF))
    await finance.says(f"MATCH {ref} {receipt}").sees("Done", receipt)
    await stripe.house.rest()


async def test_a_stray_card_payment_given_to_a_member_can_be_refunded(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await stripe.asks(devon)
    intent = await stripe.account.stray(500_000)
    await stripe.tells()
    assert await standing(house, "suspense:stripe:JMD") == 500_000
    await stripe.right()  # what Stripe kept of it is booked though nobody knows whose it is
    await given(stripe, finance, receipt)
    await devon.sees("J$5,000 from Devon", receipt)
    assert await rows(house, "SELECT carrier, provider_ref FROM payment") == [("stripe", intent)]
    await finance.says(f"REFUND {receipt}").sees("Giving J$5,000")
    await stripe.tells()
    await devon.sees("went back to you")
    assert [refund["payment_intent"] for refund in stripe.account.of_kind("refund")] == [intent]
    assert await standing(house, f"circle:{club.code}:pot:1") == 0
    await stripe.right()


async def test_a_stray_card_payment_given_to_a_member_is_their_chargeback_when_its_bank_takes_it_back(
    stripe: Stripe,
) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await stripe.asks(devon)
    intent = await stripe.account.stray(500_000)
    await stripe.tells()
    await given(stripe, finance, receipt)
    dispute = await stripe.account.dispute(intent)
    await stripe.tells()
    await devon.sees("took back J$5,000", receipt)
    assert await standing(house, "suspense:stripe:JMD") == 0
    await stripe.account.win(dispute)
    await stripe.tells()
    await devon.sees("gave back J$5,000")
    assert await standing(house, f"circle:{club.code}:pot:1") == 500_000
    await stripe.right()


async def test_a_dispute_that_came_before_the_match_is_given_to_the_same_member(stripe: Stripe) -> None:
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await stripe.asks(devon)
    intent = await stripe.account.stray(500_000)
    await stripe.tells()
    await given(stripe, finance, receipt)
    await execute(house, "UPDATE payment SET provider_ref = 'pi_unknown'")  # as if nobody knew it was the same
    await stripe.account.dispute(intent)
    await stripe.tells()
    await execute(house, "UPDATE payment SET provider_ref = :pi", pi=intent)
    assert await standing(house, "suspense:stripe:JMD") == -500_000
    await given(stripe, finance, receipt)
    await devon.sees("took back J$5,000", receipt)
    assert await standing(house, "suspense:stripe:JMD") == 0
    await stripe.repeats("charged_back")
    assert await fetch(house, "SELECT count(*) FROM chargeback") == 1
    await stripe.right()


@pytest.mark.parametrize("matched", ["receipt", "OWN"])
async def test_money_told_again_stands_aside_once_and_is_given_once(stripe: Stripe, matched: str) -> None:
    """Before anybody looked, while it is being matched, and after."""
    house = stripe.house
    finance, club = await clerk(house), await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await stripe.asks(devon)
    await stripe.account.stray(500_000)
    await stripe.account.delivered()
    async with house.closed_desk():  # several in one batch
        await house.filer.file(list(stripe.site.filed.values()))
        again = [filed for filed in stripe.site.filed.values() if filed.body["kind"] == "collected"]
        await house.filer.file(
            [Filed(f.source, f"{f.external_id}:b", f"other:{n}", "event", f.body) for n, f in enumerate(again)]
        )
    await house.rest()
    await stripe.repeats("collected", 2)
    assert await fetch(house, TICKETS) == 1
    assert await standing(house, "suspense:stripe:JMD") == 500_000
    ref = str(await fetch(house, OPEN_REF))
    what = receipt if matched == "receipt" else matched
    await asyncio.gather(finance.says(f"MATCH {ref} {what}").sees("Done", what), stripe.repeats("collected", 3))
    await stripe.repeats("collected", 2)
    assert await fetch(house, TICKETS) == 1
    assert await standing(house, "suspense:stripe:JMD") == 0
    assert await standing(house, f"circle:{club.code}:pot:1") == (500_000 if matched == "receipt" else 0)
    await stripe.right()


async def test_two_desks_that_hear_the_same_at_once_keep_it_once(stripe: Stripe) -> None:
    """Neither sees the other's line in the queue: the database keeps one, and the other desk looks again."""
    house = stripe.house
    await stripe.account.stray(500_000)
    await stripe.account.delivered()
    other = text(
        "INSERT INTO ticket (id, ref, kind, subject, opened_at) SELECT 'other', 'K-2222', 'match', "
        "'stripe:' || :pi, now()"
    )
    async with house.engine.connect() as conn:
        [told] = stripe.site.of_kind("collected")
        await conn.execute(other, {"pi": told["provider_ref"]})
        await house.filer.file(list(stripe.site.filed.values()))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not await fetch(house, waits):  # noqa: ASYNC110 - a lock that is waited for rings no bell
            await asyncio.sleep(0.02)
        await conn.commit()
    await house.rest()
    await house.pass_days(0.1)
    assert await fetch(house, TICKETS) == 1
    assert await standing(house, "suspense:stripe:JMD") == 0  # the other desk, played here, booked none
    await house.books_are_right()


async def test_a_payment_in_the_wrong_currency_told_again_stands_aside_once(stripe: Stripe) -> None:
    house = stripe.house
    club = await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await stripe.asks(devon)
    body = {"kind": "collected", "carrier": "stripe", "receipt": receipt, "provider_id": "cs_x", "provider_ref": "pi_x"}
    told = {**body, "amount": 3_200, "currency": "USD"}
    for number in range(3):
        await house.filer.file([Filed("stripe", f"told:{number}", f"payment:{receipt}", "event", told)])
        await house.rest()
    await devon.sees("US$32 came for Sunday Club, but J$5,000 was asked for")
    assert len([m for m in devon.messages if "US$32 came" in m.text]) == 1
    assert await rows(house, "SELECT subject FROM ticket WHERE kind = 'match'") == [("stripe:pi_x",)]
    assert await standing(house, "suspense:stripe:USD") == 3_200
    await house.books_are_right()


async def test_a_line_of_a_statement_told_again_counts_once(stripe: Stripe) -> None:
    house = stripe.house
    club = await begun(house, 3)
    _, devon, _ = club.phones
    receipt = await stripe.asks(devon)
    line = {
        "kind": "line",
        "line_id": "a" * 64,
        "carrier": "ncb",
        "amount": 500_000,
        "currency": "JMD",
        "booked": "2027-01-04",
    }
    for number in range(3):
        filed = Filed("statement", f"l{number}", f"payment:{receipt}", "event", {**line, "receipt": receipt})
        await house.filer.file([filed])
        await house.rest()
    await devon.sees("J$5,000 from Devon", receipt)
    assert await fetch(house, TICKETS) == 0
    assert await standing(house, "rail:ncb:JMD") == 500_000
    await house.books_are_right()
