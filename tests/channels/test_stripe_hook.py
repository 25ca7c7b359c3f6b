"""Stripe's web hook: stamps, two secrets, and the event that is filed."""

import json
import time
from typing import Any

import pytest
import stripe

from channels.base import BadSignature, Unreadable
from channels.rails.stripe import StripeHook
from tests.channels.conftest import Fixture
from tests.vendors import SETTINGS, Call, stripe_event, stripe_signed

SECRET = SETTINGS["STRIPE_WEBHOOK_SECRET"]
NOW = 1_763_960_000
HOOK = StripeHook((SECRET,), lambda: NOW)


def test_a_paid_session_is_filed_under_its_payment(fixture: Fixture) -> None:
    (arrival,) = HOOK.receive(stripe_signed(fixture("stripe_checkout_completed"), NOW).request()).arrivals
    assert (arrival.source, arrival.external_id, arrival.party, arrival.kind) == (
        "stripe",
        "collected:pi_3SXf2eKZ8",
        "payment:R-7K2MQ9XA",
        "event",
    )
    assert arrival.body == {
        "kind": "collected",
        "carrier": "stripe",
        "receipt": "R-7K2MQ9XA",
        "provider_id": "cs_test_a1Zq8",
        "provider_ref": "pi_3SXf2eKZ8",
        "amount": 500_000,
        "currency": "JMD",
    }


def test_an_event_of_the_other_mode_is_no_money(fixture: Fixture) -> None:
    call = stripe_signed(fixture("stripe_checkout_completed"), NOW)
    (arrival,) = StripeHook((SECRET,), lambda: NOW, live=True).receive(call.request()).arrivals
    assert arrival.external_id == "evt_1SXf2eKZ8pardna0001"
    assert arrival.body == {"kind": "other", "carrier": "stripe", "type": "checkout.session.completed"}
    (arrival,) = StripeHook((SECRET,), lambda: NOW, live=False).receive(call.request()).arrivals
    assert arrival.body["kind"] == "collected"


def test_a_type_of_the_future_is_kept_as_other_about_its_object() -> None:
    call = stripe_event("pot.thrown", {"id": "pot_1", "amount": 5}, event_id="evt_9", stamp=NOW)
    (arrival,) = HOOK.receive(call.request()).arrivals
    assert (arrival.external_id, arrival.party) == ("evt_9", "stripe:pot_1")
    assert arrival.body == {"kind": "other", "carrier": "stripe", "type": "pot.thrown"}


def test_an_object_without_an_id_is_ordered_by_the_event(fixture: Fixture) -> None:
    (arrival,) = HOOK.receive(stripe_signed(fixture("stripe_balance_available"), NOW).request()).arrivals
    assert arrival.party == "stripe:evt_1SXf2eKZ8pardna0002"


@pytest.mark.parametrize("late", [-300, -1, 0, 1, 300])
def test_a_stamp_within_five_minutes_is_accepted(late: int) -> None:
    call = stripe_event("charge.succeeded", {"id": "ch_1"}, stamp=NOW - late)
    assert len(HOOK.receive(call.request()).arrivals) == 1


@pytest.mark.parametrize("late", [-3600, -301, 301, 3600, NOW])
def test_a_stamp_out_of_time_is_refused_on_both_sides(late: int) -> None:
    call = stripe_signed(stripe_event("charge.succeeded", {"id": "ch_1"}).body, NOW - late or 1)
    with pytest.raises(BadSignature):
        HOOK.receive(call.request())


def test_either_of_two_secrets_may_have_signed() -> None:
    hook = StripeHook(("whsec_new", SECRET), lambda: NOW)
    for secret in ("whsec_new", SECRET):
        call = stripe_event("charge.succeeded", {"id": "ch_1"}, stamp=NOW, secret=secret)
        assert len(hook.receive(call.request()).arrivals) == 1
    with pytest.raises(BadSignature):
        hook.receive(stripe_event("x", {}, stamp=NOW, secret="whsec_old").request())


def test_one_good_signature_among_several_is_enough() -> None:
    """While a secret is being changed Stripe signs with both."""
    call = stripe_event("charge.succeeded", {"id": "ch_1"}, stamp=NOW)
    header = call.headers["Stripe-Signature"].replace(",v1=", f",v1={'0' * 64},v0=abc,v1=")
    assert len(HOOK.receive(call.request(headers={"Stripe-Signature": header})).arrivals) == 1


def test_what_the_library_signs_is_accepted() -> None:
    call = stripe_event("charge.succeeded", {"id": "ch_1", "note": "naïve"})
    header = stripe.WebhookSignature.generate_signature_header(call.body.decode(), SECRET)
    hook = StripeHook((SECRET,), time.time)
    assert len(hook.receive(call.request(headers={"Stripe-Signature": header})).arrivals) == 1


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        "t=1763960000",
        "t=1763960000,v1=",
        "v1=abc",
        "t=now,v1=abc",
        "t=١٧٦,v1=abc",
        "t=-5,v1=abc",
        "t=1e9,v1=abc",
        "t=" + "9" * 5000 + ",v1=abc",
        "t=1763960000,v1=\udcff",
        "t=1763960000,v1=é",
        ",,,===,",
    ],
)
def test_a_wrong_signature_is_refused(header: str | None) -> None:
    headers = {} if header is None else {"Stripe-Signature": header}
    with pytest.raises(BadSignature):
        HOOK.receive(stripe_event("x", {"id": "y"}, stamp=NOW).request(headers=headers))


def test_a_fresh_stamp_beside_a_signed_old_one_does_not_make_it_fresh() -> None:
    """Whoever caught an old call cannot send it again by adding a stamp of now."""
    call = stripe_signed(stripe_event("x", {"id": "y"}).body, NOW - 3600)
    old = call.headers["Stripe-Signature"]
    for header in (f"t={NOW},{old}", old.replace(",", f",t={NOW},"), old.replace(",v1", f"=x,t={NOW},v1")):
        with pytest.raises(BadSignature):
            HOOK.receive(call.request(headers={"Stripe-Signature": header}))


def test_the_scheme_v0_is_not_believed() -> None:
    call = stripe_event("x", {"id": "y"}, stamp=NOW)
    header = call.headers["Stripe-Signature"].replace("v1=", "v0=")
    with pytest.raises(BadSignature):
        HOOK.receive(call.request(headers={"Stripe-Signature": header}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'{"id":"evt_1","object":"event","type":"x"}',
        b'{"id":"evt_1","object":"event","type":"x","data":{"object":[]}}',
        b'{"id":"evt 1","object":"event","type":"x","data":{"object":{}}}',
        b'{"id":"evt_1","object":"v2.core.event","type":"x","data":{"object":{}}}',
    ],
)
def test_a_signed_body_that_is_no_event_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        HOOK.receive(stripe_signed(body, NOW).request())


@pytest.mark.parametrize("secrets", [(), ("",), ("a", "")])
def test_an_empty_secret_verifies_nothing(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="SECRET"):
        StripeHook(secrets, time.time)


def test_a_repeat_has_the_same_external_id() -> None:
    call: Call = stripe_event("charge.succeeded", {"id": "ch_1"}, stamp=NOW)
    seen: list[Any] = [HOOK.receive(call.request()).arrivals[0].external_id for _ in range(2)]
    assert seen == [json.loads(call.body)["id"]] * 2
