"""Stripe's rail before a stand-in: every order once, every trouble with its outcome, and nothing about a person."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import stripe as library

from channels.base import Rail, Refused, Retry, Sent, Unknown
from channels.http import CREDENTIALS_WAIT_SECONDS, Http
from channels.rails.stripe import StripeRail, is_live
from tests.standins import Fault
from tests.stripe_standin import API_KEY, StripeStandin

RECEIPT = "R-7K2MQ9XA"
ORDER: dict[str, Any] = {
    "amount": 500_000,
    "currency": "JMD",
    "receipt": RECEIPT,
    "link": "https://pardna.example/pay/t0k3n",
    "party": f"payment:{RECEIPT}",
    "circle_name": "Sunday Club",
}
DAY = 24 * 3600
SESSIONS, REFUNDS = "/v1/checkout/sessions", "/v1/refunds"
MakeRail = Callable[..., StripeRail]


@pytest.fixture
async def stripe() -> AsyncIterator[StripeStandin]:
    async with StripeStandin() as standin:
        yield standin


@pytest.fixture
def make_rail(session: aiohttp.ClientSession, stripe: StripeStandin) -> MakeRail:
    def make(
        now: Callable[[], float] = time.time, key: str = API_KEY, seen: list[tuple[str, str]] | None = None
    ) -> StripeRail:
        def observe(party: str, outcome: str, _seconds: float) -> None:
            if seen is not None:
                seen.append((party, outcome))

        return StripeRail(Http(session, "stripe", timeout_seconds=0.5, observe=observe), key, stripe.api_url + "/", now)

    return make


@pytest.fixture
def rail(make_rail: MakeRail) -> StripeRail:
    return make_rail()


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def sent(outcome: object) -> Sent:
    assert isinstance(outcome, Sent)
    return outcome


async def paid(rail: StripeRail, stripe: StripeStandin, order: dict[str, Any] = ORDER, key: str = "k1") -> str:
    """A paid order; returns its PaymentIntent."""
    return await stripe.pay(sent(await rail.collect(order, key)).provider_id)


def refund_order(ref: str, **changed: Any) -> dict[str, Any]:
    return {
        "amount": 500_000,
        "currency": "JMD",
        "refund_id": "f1",
        "provider_ref": ref,
        "party": "refund:f1",
    } | changed


# --- collect ---


async def test_a_page_of_stripes_is_made_for_the_exact_amount(rail: Rail, stripe: StripeStandin) -> None:
    outcome = sent(await rail.collect(ORDER, "k1"))
    session = stripe.get(outcome.provider_id)
    assert outcome.detail == {"link": session["url"]}
    assert (session["amount_total"], session["currency"], session["mode"]) == (500_000, "jmd", "payment")
    assert session["metadata"] == {"receipt": RECEIPT} == session["_meta"]
    assert session["client_reference_id"] == RECEIPT
    assert session["success_url"] == session["cancel_url"] == ORDER["link"]
    assert session["adaptive_pricing"] == {"enabled": False}
    ((_, _, sent_params),) = stripe.calls
    assert sent_params["line_items"][0]["price_data"]["product_data"] == {"name": "Sunday Club", "description": RECEIPT}


async def test_the_version_of_the_library_is_pinned_and_nothing_tells_of_this_machine(
    rail: Rail, stripe: StripeStandin
) -> None:
    await rail.collect(ORDER, "k1")
    await rail.collect(ORDER, "k1")
    for headers in stripe.headers:
        assert headers["Stripe-Version"] == library.api_version == "2026-10-28.endive"
        assert headers["Idempotency-Key"] == "k1"
        assert "X-Stripe-Client-Telemetry" not in headers
        assert "telemetry_id" not in headers["X-Stripe-Client-User-Agent"]
        assert "platform" not in headers["X-Stripe-Client-User-Agent"]


async def test_the_same_key_is_the_same_page(rail: Rail, stripe: StripeStandin) -> None:
    assert await rail.collect(ORDER, "k1") == await rail.collect(ORDER, "k1")
    assert len(stripe.of_kind("checkout.session")) == 1


async def test_every_try_sends_the_same_whatever_the_time(make_rail: MakeRail, stripe: StripeStandin) -> None:
    now = time.time()
    order = ORDER | {"began": iso(now), "expires_at": iso(now + 900)}
    for later in (0, 600):
        assert isinstance(await make_rail(lambda later=later: now + later).collect(order, "k1"), Sent)
    (session,) = stripe.of_kind("checkout.session")
    assert session["expires_at"] - int(now) == 3600


@pytest.mark.parametrize(("hours", "lasts"), [(0.25, 3600), (5, 18_000), (48, 86_100)])
async def test_a_page_lasts_as_long_as_stripe_allows(
    rail: Rail, stripe: StripeStandin, hours: float, lasts: int
) -> None:
    now = time.time()
    sent(await rail.collect(ORDER | {"began": iso(now), "expires_at": iso(now + hours * 3600)}, "k1"))
    assert abs(stripe.of_kind("checkout.session")[0]["expires_at"] - now - lasts) <= 1


async def test_a_link_whose_time_is_over_is_not_made(rail: Rail, stripe: StripeStandin) -> None:
    outcome = await rail.collect(ORDER | {"expires_at": iso(time.time() - 1)}, "k1")
    assert outcome == Refused("the time to pay is over", "expired")
    assert stripe.calls == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"currency": "JPY"}, "currency"),
        ({"currency": "USD", "amount": 49}, "amount_too_small"),
        ({"amount": 0}, "amount_too_small"),
        ({"amount": 100_000_000}, "amount_too_large"),
    ],
)
async def test_an_amount_that_stripe_does_not_take_is_not_asked_for(
    rail: Rail, stripe: StripeStandin, changed: dict[str, Any], code: str
) -> None:
    outcome = await rail.collect(ORDER | changed, "k1")
    assert isinstance(outcome, Refused)
    assert outcome.code == code
    assert stripe.calls == []


async def test_fifty_cents_are_enough_and_jamaican_dollars_are_judged_by_stripe(
    rail: Rail, stripe: StripeStandin
) -> None:
    assert isinstance(await rail.collect(ORDER | {"currency": "USD", "amount": 50}, "k1"), Sent)
    assert await rail.collect(ORDER | {"amount": 7_999}, "k2") == Refused("refused 400", "amount_too_small")
    assert isinstance(await rail.collect(ORDER | {"amount": 8_000}, "k3"), Sent)


async def test_a_key_reused_for_another_order_is_refused_when_the_order_is_not_there(rail: Rail) -> None:
    sent(await rail.collect(ORDER, "k1"))
    other = ORDER | {"receipt": "R-OTHER234"}
    assert await rail.collect(other, "k1") == Refused("refused 400", "idempotency_error")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.THROTTLED, Retry("throttled", 7.0, everybody=True)),
        (Fault.BROKEN, Unknown("provider trouble 500")),
        (Fault.GATEWAY, Unknown("provider trouble 502")),
        (Fault.HTML, Unknown("strange answer 200")),
        (Fault.STALL, Unknown("no answer in time")),
        (Fault.RESET, Unknown("connection lost")),
        (Fault.LOST, Unknown("connection lost")),
        (Fault.HALF, Unknown("answer cut short")),
    ],
)
@pytest.mark.parametrize("act", ["collect", "refund"])
async def test_every_trouble_has_one_outcome_and_the_next_try_does_it_once(
    rail: StripeRail, stripe: StripeStandin, act: str, fault: Fault, outcome: object
) -> None:
    if act == "collect":
        order, kind, path = ORDER, "checkout.session", SESSIONS
    else:
        order, kind, path = refund_order(await paid(rail, stripe)), "refund", REFUNDS
    stripe.misbehave(fault, to=path)
    do = rail.collect if act == "collect" else rail.refund
    assert await do(order, "k2") == outcome
    made = sent(await do(order, "k2"))
    assert [each["id"] for each in stripe.of_kind(kind)] == [made.provider_id]


async def test_a_library_that_would_try_again_by_itself_does_not(make_rail: MakeRail, stripe: StripeStandin) -> None:
    seen: list[tuple[str, str]] = []
    rail = make_rail(seen=seen)
    stripe.misbehave(Fault.RESET)
    await rail.collect(ORDER, "k1")
    assert seen == [("stripe", "connection lost")]


async def test_nobody_there_means_never_sent(session: aiohttp.ClientSession) -> None:
    rail = StripeRail(Http(session, "stripe"), API_KEY, "http://127.0.0.1:9", time.time)
    assert await rail.collect(ORDER, "k1") == Retry("not connected")
    assert await rail.check() == ["Stripe cannot be asked (not connected): check STRIPE_API_URL and the network"]


async def test_a_wrong_key_is_the_operators_to_mend_and_is_told_to_nobody(
    make_rail: MakeRail, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    secret = "sk_test_wrong_and_secret"
    outcome = await make_rail(key=secret).collect(ORDER, "k1")
    assert outcome == Retry("credentials refused", CREDENTIALS_WAIT_SECONDS, ours=True)
    assert secret not in repr(outcome) + caplog.text + "".join(capfd.readouterr())
    assert "R-7K2MQ9XA" not in caplog.text


async def test_a_500_that_stripe_repeats_does_not_stop_the_payer_for_a_day(
    rail: StripeRail, stripe: StripeStandin
) -> None:
    stripe.misbehave(Fault.BROKEN)
    assert isinstance(await rail.collect(ORDER, "k1"), Unknown)
    assert sent(await rail.collect(ORDER, "k1")).detail["link"]
    assert len(stripe.of_kind("checkout.session")) == 1
    stripe.break_after_acting()
    assert isinstance(await rail.collect(ORDER | {"receipt": "R-OTHER234"}, "k2"), Unknown)
    assert sent(await rail.collect(ORDER | {"receipt": "R-OTHER234"}, "k2")).detail["link"]
    assert len(stripe.of_kind("checkout.session")) == 2


async def test_after_a_day_the_page_is_looked_for_before_another_is_made(
    make_rail: MakeRail, stripe: StripeStandin
) -> None:
    now = time.time()
    order = ORDER | {"began": iso(now)}
    first = sent(await make_rail().collect(order, "k1"))
    for number in range(105):
        stripe._keep(dict(stripe.get(first.provider_id), id=f"cs_test_later{number}", metadata={}))
    stripe.forget_keys()
    late = make_rail(lambda: now + 23.5 * 3600)
    assert sent(await late.collect(order, "k1")).provider_id == first.provider_id
    assert sum(method == "POST" for method, _, _ in stripe.calls) == 1
    assert sum(method == "GET" for method, _, _ in stripe.calls) == 2
    assert sent(await late.collect(order | {"receipt": "R-OTHER234"}, "k9")).provider_id != first.provider_id


async def test_what_became_of_an_old_page_is_told(make_rail: MakeRail, stripe: StripeStandin) -> None:
    now = time.time()
    order = ORDER | {"began": iso(now)}
    late = make_rail(lambda: now + 25 * 3600)
    first = sent(await make_rail().collect(order, "k1")).provider_id
    ref = await stripe.pay(first)
    stripe.forget_keys()
    outcome = sent(await late.collect(order, "k1"))
    assert outcome.detail == {}
    assert [each.external_id for each in outcome.arrivals] == [f"collected:{ref}"]
    second = sent(await make_rail().collect(order | {"receipt": "R-OTHER234"}, "k2")).provider_id
    await stripe.expire(second)
    stripe.forget_keys()
    expired = await late.collect(order | {"receipt": "R-OTHER234"}, "k2")
    assert expired == Refused("the link has expired", "expired")


# --- refund ---


async def test_a_refund_is_made_once_for_its_key_and_settles(rail: StripeRail, stripe: StripeStandin) -> None:
    order = refund_order(await paid(rail, stripe), amount=200_000)
    first = sent(await rail.refund(order, "k2"))
    assert first.detail == {"settled": True}
    assert first == await rail.refund(order, "k2")
    (refund,) = stripe.of_kind("refund")
    assert (refund["id"], refund["amount"], refund["metadata"]) == (first.provider_id, 200_000, {"refund_id": "f1"})


async def test_a_refund_may_wait_and_may_fail(rail: StripeRail, stripe: StripeStandin) -> None:
    ref = await paid(rail, stripe)
    stripe.refunds_are = "pending"
    assert sent(await rail.refund(refund_order(ref, amount=1_000), "k2")).detail == {}
    stripe.refunds_are = "failed"
    outcome = await rail.refund(refund_order(ref, amount=1_000, refund_id="f2"), "k3")
    assert outcome == Refused("the refund failed", "failed")


async def test_a_refund_that_is_there_already_is_found_though_its_key_is_forgotten(
    make_rail: MakeRail, stripe: StripeStandin
) -> None:
    rail, now = make_rail(), time.time()
    order = refund_order(await paid(rail, stripe), began=iso(now))
    first = sent(await rail.refund(order, "k2"))
    stripe.forget_keys()
    assert await make_rail(lambda: now + DAY).refund(order, "k2") == first
    assert await rail.refund(order, "k2") == first  # the charge is refunded: it was by this order
    other = refund_order(order["provider_ref"], refund_id="f2")
    assert await rail.refund(other, "k3") == Refused("refused 400", "charge_already_refunded")
    assert len(stripe.of_kind("refund")) == 1


async def test_a_refund_whose_answer_was_a_500_is_not_made_twice(rail: StripeRail, stripe: StripeStandin) -> None:
    ref = await paid(rail, stripe)
    stripe.break_after_acting()
    order = refund_order(ref, amount=1_000)
    assert isinstance(await rail.refund(order, "k2"), Unknown)
    assert sent(await rail.refund(order, "k2")).detail == {"settled": True}
    assert len(stripe.of_kind("refund")) == 1


async def test_an_unknown_refund_is_looked_up(rail: StripeRail, stripe: StripeStandin) -> None:
    order = refund_order(await paid(rail, stripe), amount=1_000)
    assert await rail.look_up("refund", order, "k2") == Retry("never taken")
    stripe.misbehave(Fault.LOST, to=REFUNDS)
    assert await rail.refund(order, "k2") == Unknown("connection lost")
    stripe.misbehave(Fault.BROKEN, to=REFUNDS)
    assert await rail.look_up("refund", order, "k2") == Unknown("not looked up: provider trouble 500")
    assert sent(await rail.look_up("refund", order, "k2")).detail == {"settled": True}
    assert isinstance(await rail.look_up("refund", order | {"refund_id": "f2"}, "k3"), Retry)


async def test_what_stripe_does_not_know_it_cannot_give_back(rail: Rail, stripe: StripeStandin) -> None:
    assert await rail.refund(refund_order(""), "k") == Refused(
        "Stripe knows no payment to give back", "unknown_payment"
    )
    assert await rail.refund(refund_order("pi_none"), "k") == Refused("refused 404", "resource_missing")


async def test_stripe_sends_no_money_to_people(rail: Rail, stripe: StripeStandin) -> None:
    outcome = await rail.disburse({"amount": 1, "currency": "JMD"}, "k")
    assert isinstance(outcome, Refused)
    assert outcome.code == "unable"
    assert await rail.look_up("disburse", {"amount": 1}, "k") == Unknown("this rail cannot look up a disburse")
    assert stripe.calls == []


# --- enquire ---


async def test_the_fee_comes_from_the_balance_transaction(rail: StripeRail, stripe: StripeStandin) -> None:
    stripe.books_fees_late = True
    ref = await paid(rail, stripe)
    ask = {"what": "fees", "receipt": RECEIPT, "provider_ref": ref}
    waiting = await rail.enquire(ask, "q1")
    assert isinstance(waiting, Retry)
    assert waiting.after_seconds > 0
    stripe.book_fees()
    (charge,) = sent(await rail.enquire(ask, "q1")).arrivals
    (move,) = stripe.statement()
    assert (charge.external_id, charge.party) == (f"charge:{move['id']}", f"payment:{RECEIPT}")
    fee = 500_000 * 29 // 1000 + 4_800
    assert charge.body == {
        "kind": "charge",
        "carrier": "stripe",
        "charge_id": move["id"],
        "amount": fee,
        "currency": "JMD",
        "about": RECEIPT,
    }


async def test_an_exchange_by_stripe_is_told_for_the_payment_and_for_its_refunds(
    rail: StripeRail, stripe: StripeStandin
) -> None:
    stripe.settles_in = "usd"
    ref = await paid(rail, stripe)
    stripe.jmd_per_usd = 150.0
    sent(await rail.refund(refund_order(ref, amount=150_000), "k2"))
    ask = {"what": "fees", "receipt": RECEIPT, "provider_ref": ref}
    told = {each.external_id: each.body for each in sent(await rail.enquire(ask, "q1")).arrivals}
    paid_move, back_move = stripe.statement()
    assert told[f"charge:{paid_move['id']}"]["amount"] == 121
    assert told[f"charge:{paid_move['id']}"]["currency"] == "USD"
    bodies = [
        {key: told[f"converted:{move['id']}"][key] for key in ("gave", "gave_currency", "got", "got_currency")}
        for move in (paid_move, back_move)
    ]
    assert bodies == [
        {"gave": 500_000, "gave_currency": "JMD", "got": 3_125, "got_currency": "USD"},
        {"gave": 1_000, "gave_currency": "USD", "got": 150_000, "got_currency": "JMD"},
    ]


async def test_a_question_that_failed_may_always_be_asked_again(rail: Rail, stripe: StripeStandin) -> None:
    for fault in (Fault.BROKEN, Fault.STALL, Fault.HALF, Fault.THROTTLED):
        stripe.misbehave(fault)
        assert isinstance(await rail.enquire({"what": "sweep"}, "q1"), Retry)
    assert isinstance(await rail.enquire({"what": "fees", "receipt": "", "provider_ref": "pi_none"}, "q"), Refused)
    assert await rail.enquire({"what": "weather"}, "q") == Refused("Stripe cannot be asked that", "unable")


# --- the account ---


async def test_a_healthy_account_has_no_faults(rail: StripeRail) -> None:
    assert await rail.check() == []
    assert await rail.enquire({"what": "account"}, "q1") == Sent("acct_1Pardna", {"faults": []})


async def test_what_the_account_cannot_do_is_said_with_what_to_do(rail: StripeRail, stripe: StripeStandin) -> None:
    stripe.currencies.remove("jmd")
    stripe.charges_enabled = stripe.payouts_enabled = False
    faults = await rail.check()
    assert [fault.split(":")[0] for fault in faults] == [
        "Stripe takes no payments for this account",
        "Stripe pays nothing out to this account's bank",
        "Stripe accounts of US cannot be paid in JMD",
    ]
    assert sent(await rail.enquire({"what": "account"}, "q1")).detail == {"faults": faults}


async def test_a_refused_key_is_said_without_the_key(make_rail: MakeRail) -> None:
    (fault,) = await make_rail(key="sk_test_wrong").check()
    assert "STRIPE_API_KEY" in fault
    assert "wrong" not in fault


@pytest.mark.parametrize(
    ("key", "live"),
    [("sk_live_1", True), ("rk_live_1", True), ("sk_test_1", False), ("rk_test_1", False), ("", None), ("mk_1", None)],
)
def test_a_key_says_whether_it_moves_real_money(key: str, live: bool | None) -> None:
    assert is_live(key) is live
