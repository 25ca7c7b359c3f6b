"""What Stripe tells, over HTTP: twice, late, in any order or never; in the end our account of it is Stripe's own."""

import json
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Sent
from channels.http import Http
from channels.rails.stripe import StripeRail
from channels.rails.stripe.translate import arrivals_of
from tests.stripe_site import Site
from tests.stripe_standin import API_KEY, StripeStandin


def receipt(number: int) -> str:
    return f"R-{number:08d}"


def order(number: int, amount: int = 500_000, currency: str = "JMD") -> dict[str, Any]:
    return {
        "amount": amount,
        "currency": currency,
        "receipt": receipt(number),
        "link": "https://pardna.example/pay/t0k3n",
        "party": f"payment:{receipt(number)}",
    }


@pytest.fixture
async def stripe() -> AsyncIterator[StripeStandin]:
    async with StripeStandin() as standin:
        yield standin


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as site:
        yield site


@pytest.fixture
def rail(session: aiohttp.ClientSession, stripe: StripeStandin) -> StripeRail:
    return StripeRail(Http(session, "stripe"), API_KEY, stripe.api_url, time.time)


async def page(rail: StripeRail, number: int = 1, amount: int = 500_000, currency: str = "JMD") -> str:
    """A page to pay on; returns the session."""
    outcome = await rail.collect(order(number, amount, currency), f"k{number}")
    assert isinstance(outcome, Sent)
    return outcome.provider_id


async def refund(rail: StripeRail, ref: str, number: int, amount: int, currency: str = "JMD") -> str:
    body = {"amount": amount, "currency": currency, "refund_id": f"f{number}", "provider_ref": ref}
    outcome = await rail.refund(body, f"back{number}")
    assert isinstance(outcome, Sent)
    return outcome.provider_id


async def ask_fees(rail: StripeRail, site: Site, number: int, ref: str) -> None:
    outcome = await rail.enquire({"what": "fees", "receipt": receipt(number), "provider_ref": ref}, "q")
    assert isinstance(outcome, Sent)
    site.file(*outcome.arrivals)


# --- money in ---


async def test_a_payment_is_filed_once_though_two_events_tell_of_it(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    ref = await stripe.pay(session := await page(rail))
    assert set(await stripe.deliver(url=site.url, times=2, backwards=True)) == {200}
    (body,) = site.of_kind("collected")
    assert (body["receipt"], body["provider_ref"]) == (receipt(1), ref)
    assert body["provider_id"] in {session, ref}
    assert (body["amount"], body["currency"]) == (500_000, "JMD")
    assert site.filed[f"collected:{ref}"].party == f"payment:{receipt(1)}"


async def test_a_slow_payment_waits_and_then_comes_or_fails(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    stripe.hook_url = site.url
    comes, fails = await page(rail, 1), await page(rail, 2)
    for session in (comes, fails):
        await stripe.pay_async(session)
    assert [body["receipt"] for body in site.of_kind("collect_pending")] == [receipt(1), receipt(2)]
    assert site.of_kind("collected") == []
    await stripe.async_succeeds(comes)
    await stripe.async_fails(fails)
    assert [body["receipt"] for body in site.of_kind("collected")] == [receipt(1)]
    (failed,) = site.of_kind("collect_failed")
    assert (failed["receipt"], failed["reason"]) == (receipt(2), "failed")


async def test_a_declined_card_is_no_end_and_an_expired_page_is(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    stripe.hook_url = site.url
    session = await page(rail)
    await stripe.decline(session)
    assert set(site.kinds()) == {"other"}
    await stripe.expire(session)
    assert [body["receipt"] for body in site.of_kind("link_expired")] == [receipt(1)]


async def test_money_that_nobody_here_asked_for_is_still_seen(stripe: StripeStandin, site: Site) -> None:
    stripe._charge(stripe._intent(9_000, "jmd", {}))
    await stripe.deliver(url=site.url)
    (body,) = site.of_kind("collected")
    assert (body["receipt"], body["amount"]) == ("", 9_000)
    assert site.filed[f"collected:{body['provider_ref']}"].party == f"stripe:{body['provider_ref']}"


# --- refunds, disputes, payouts ---


async def test_a_refund_is_told_when_it_succeeds_and_when_it_fails_later(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    stripe.hook_url, stripe.refunds_are = site.url, "pending"
    ref = await stripe.pay(await page(rail))
    back = await refund(rail, ref, 1, 200_000)
    await stripe.delivered()
    assert site.of_kind("refunded") == []
    await stripe.settle_refund(back)
    (body,) = site.of_kind("refunded")
    assert (body["refund_id"], body["provider_id"], body["amount"]) == ("f1", back, 200_000)
    assert site.filed[f"refunded:{back}"].party == "refund:f1"
    await stripe.fail_refund(back)
    (failed,) = site.of_kind("refund_failed")
    assert (failed["refund_id"], failed["reason"]) == ("f1", "lost_or_stolen_card")


async def test_a_dispute_takes_the_money_and_the_fee_and_gives_back_what_it_gives(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    stripe.hook_url = site.url
    ref = await stripe.pay(await page(rail))
    dispute = await stripe.dispute(ref)
    (taken,) = site.of_kind("charged_back")
    assert taken == {
        "kind": "charged_back",
        "carrier": "stripe",
        "receipt": "",
        "provider_ref": ref,
        "dispute_id": dispute,
        "amount": 500_000,
        "currency": "JMD",
        "reason": "fraudulent",
    }
    assert [body["amount"] for body in site.of_kind("charge")] == [240_000]
    await stripe.win(dispute, fee_back=True)
    assert site.of_kind("charge_returned") == [taken | {"kind": "charge_returned"}]
    assert [body["amount"] for body in site.of_kind("charge")] == [240_000, -240_000]
    assert [body["won"] for body in site.of_kind("dispute_closed")] == [True]


async def test_a_dispute_lost_or_only_inquired_about(rail: StripeRail, stripe: StripeStandin, site: Site) -> None:
    stripe.hook_url = site.url
    lost = await stripe.dispute(await stripe.pay(await page(rail, 1)))
    asked = await stripe.dispute(await stripe.pay(await page(rail, 2)), inquiry=True)
    await stripe.lose(lost)
    await stripe.win(asked)
    assert {body["dispute_id"]: body["won"] for body in site.of_kind("dispute_closed")} == {lost: False, asked: True}
    assert [body["dispute_id"] for body in site.of_kind("charged_back")] == [lost]
    assert site.of_kind("charge_returned") == []


async def test_the_last_event_of_a_dispute_alone_tells_all_of_it(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    await stripe.win(await stripe.dispute(await stripe.pay(await page(rail))))
    await stripe.deliver("charge.dispute.closed", url=site.url)
    assert site.kinds() == {"charged_back": 1, "charge": 1, "charge_returned": 1, "dispute_closed": 1}


async def test_a_payout_to_our_bank_leaves_and_may_come_back(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    await stripe.pay(await page(rail))
    arrives, fails = await stripe.pay_out(100_000, "jmd"), await stripe.pay_out(50_000, "jmd")
    await stripe.payout_arrives(arrives)
    await stripe.payout_fails(fails)
    stripe.withheld = {"payout.created"}
    await stripe.deliver(url=site.url, backwards=True)
    assert {body["move_id"]: body["amount"] for body in site.of_kind("moved_out")} == {arrives: 100_000, fails: 50_000}
    assert [body["move_id"] for body in site.of_kind("moved_back")] == [fails]
    assert all(set(body) == {"kind", "carrier", "move_id", "amount", "currency"} for body in site.of_kind("moved_out"))


# --- the whole account ---


@pytest.mark.parametrize("settles_in", ["", "usd"])
@pytest.mark.parametrize("how", ["in order", "backwards", "shuffled, some twice, some never"])
async def test_our_account_of_a_month_is_stripes_own(
    rail: StripeRail, stripe: StripeStandin, site: Site, settles_in: str, how: str
) -> None:
    stripe.settles_in = settles_in
    refs = [await stripe.pay(await page(rail, number, 400_000 + number)) for number in range(8)]
    refs.append(await stripe.pay(await page(rail, 8, 5_000, "USD")))
    slow = await page(rail, 9)
    refs.append(await stripe.pay_async(slow))
    await stripe.async_succeeds(slow)
    stripe.jmd_per_usd = 158.0
    await refund(rail, refs[0], 1, 100_000)
    await stripe.fail_refund(await refund(rail, refs[1], 2, 400_001))
    await stripe.win(await stripe.dispute(refs[2]), fee_back=True)
    await stripe.win(await stripe.dispute(refs[3]))
    await stripe.lose(await stripe.dispute(refs[4]))
    await stripe.payout_arrives(await stripe.pay_out(1_000, "usd"))
    await stripe.payout_fails(await stripe.pay_out(2_000, "usd"))
    await told(stripe, site, how)
    for number, ref in enumerate(refs):
        await ask_fees(rail, site, number, ref)
    for currency in ("jmd", "usd"):
        assert (currency, site.clearing(currency.upper())) == (currency, stripe.balance_of(currency))
    assert len(site.of_kind("collected")) == 10
    assert stripe.balance_of("usd") > 0
    if settles_in:
        assert stripe.balance_of("jmd") == 0


async def told(stripe: StripeStandin, site: Site, how: str) -> None:
    """Have the month told."""
    if how != "shuffled, some twice, some never":
        assert set(await stripe.deliver(url=site.url, backwards=how == "backwards")) == {200}
        return
    # Of what never comes by itself, other events tell: a session, a payout made, money withdrawn.
    never = {"checkout.session.completed", "payout.created", "charge.dispute.funds_withdrawn", "refund.updated"}
    events = [event for event in stripe.of_kind("event") if event["type"] not in never]
    events += events[::3]
    random.Random(7).shuffle(events)  # noqa: S311 - an order, not a secret
    for event in events:
        assert await stripe._post(event, site.url) == 200


async def test_what_never_came_is_swept_up_under_the_same_names(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    for number in range(30):
        ref = await stripe.pay(await page(rail, number))
    await refund(rail, ref, 1, 1_000)
    await stripe.deliver("charge.succeeded", "payment_intent.created", url=site.url)
    assert set(site.kinds()) == {"other"}
    site.down = True
    assert set(await stripe.deliver("payment_intent.succeeded", url=site.url)) == {503}
    swept = await rail.enquire({"what": "sweep", "since": "2026-01-01T00:00:00+00:00"}, "q1")
    assert isinstance(swept, Sent)
    assert swept.detail == {}
    site.file(*swept.arrivals)
    kinds = site.kinds()
    assert (kinds["collected"], kinds["refunded"]) == (30, 1)
    site.down = False
    assert set(await stripe.deliver(url=site.url, again=True)) == {200}
    assert site.kinds() == kinds
    assert await rail.enquire({"what": "sweep", "since": "2026-01-01T00:00:00+00:00"}, "q2") == Sent("sweep")


async def test_a_long_sweep_says_where_to_go_on(
    rail: StripeRail, stripe: StripeStandin, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.rails.stripe.rail.PAGE", 10)
    monkeypatch.setattr("channels.rails.stripe.rail.MOST_PAGES", 2)
    for number in range(12):
        stripe._charge(stripe._intent(9_000 + number, "jmd", {}))
    for age, event in enumerate(reversed(stripe.of_kind("event"))):
        event["created"] -= age
    ask: dict[str, Any] = {"what": "sweep"}
    sweeps = 0
    while sweeps < 10:
        outcome = await rail.enquire(ask, "q")
        assert isinstance(outcome, Sent)
        site.file(*outcome.arrivals)
        sweeps += 1
        if "until" not in outcome.detail:
            break
        ask["until"] = outcome.detail["until"]
    assert len(site.of_kind("collected")) == 12
    assert sweeps > 1


# --- signatures and strange bodies ---


async def test_two_secrets_sign_while_one_is_changed_and_a_wrong_one_is_refused(
    rail: StripeRail, stripe: StripeStandin, site: Site
) -> None:
    await stripe.pay(await page(rail))
    good = stripe.secrets
    stripe.secrets = ("whsec_new",)
    assert set(await stripe.deliver(url=site.url)) == {401}
    assert site.filed == {}
    stripe.secrets = ("whsec_new", *good)
    assert set(await stripe.deliver(url=site.url)) == {200}
    assert len(site.of_kind("collected")) == 1


ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
SAMPLES: list[tuple[str, dict[str, Any]]] = [
    (
        "checkout.session.completed",
        {"id": "cs_1", "metadata": {"receipt": "R-1"}, "payment_status": "paid", "payment_intent": "pi_1",
         "amount_total": 5, "currency": "jmd", "status": "complete"},
    ),
    (
        "refund.updated",
        {"id": "re_1", "metadata": {"refund_id": "f1"}, "status": "failed", "failure_reason": "x",
         "payment_intent": "pi_1", "amount": 5, "currency": "jmd"},
    ),
    (
        "charge.dispute.closed",
        {"id": "du_1", "payment_intent": "pi_1", "charge": "ch_1", "amount": 5, "currency": "jmd", "status": "lost",
         "balance_transactions": [{"id": "txn_1", "amount": -5, "currency": "usd", "fee": 1}], "reason": "x"},
    ),
    ("payout.failed", {"id": "po_1", "amount": 5, "currency": "usd", "status": "failed"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body"), SAMPLES, ids=[kind for kind, _ in SAMPLES])
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_a_field_of_the_future_or_a_broken_one_never_makes_money(
    kind: str, body: dict[str, Any], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(body)))
    broken = {**body, name: data.draw(ODD), "a_new_field": {"deep": [1]}}
    event = {"id": "evt_1", "object": "event", "type": kind, "livemode": False, "data": {"object": broken}}
    arrivals = arrivals_of(json.loads(json.dumps(event)), live=False)
    assert arrivals
    for arrival in arrivals:
        amount = arrival.body.get("amount", 1)
        assert isinstance(amount, int)
        assert not isinstance(amount, bool)
        assert "\0" not in arrival.external_id + arrival.party + json.dumps(arrival.body)


@pytest.mark.parametrize(("kind", "body"), SAMPLES, ids=[kind for kind, _ in SAMPLES])
def test_new_fields_change_nothing(kind: str, body: dict[str, Any]) -> None:
    def told_of(thing: dict[str, Any]) -> list[str]:
        event = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": thing}, "livemode": False}
        return [arrival.external_id for arrival in arrivals_of(event, live=False)]

    assert told_of(body) == told_of({**body, "a_new_field": [{"x": 1}]})
    assert "evt_1" not in told_of(body)
