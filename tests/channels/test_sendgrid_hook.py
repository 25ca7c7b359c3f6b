"""SendGrid's events: whose signature counts, how far a mail got, and which address is at its end."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.actions.results import read_result
from channels.base import BadSignature, HookRequest, Unreadable
from channels.chat.email import SendGridHook
from channels.chat.email.hook import LONGEST_AGE_SECONDS
from domain.commands import AddressGone
from domain.messages import Filed, Inbound, InboundKind
from tests.vendors import SENDGRID, Call, sendgrid_event, sendgrid_events, sendgrid_signed

NOW = 1_796_000_000
HOOK = SendGridHook(SENDGRID["SENDGRID_WEBHOOK_PUBLIC_KEY"], lambda: NOW)
MARVA = "marva@example.com"


def told(*events: dict[str, Any]) -> tuple[Filed, ...]:
    return HOOK.receive(sendgrid_events(*events, stamp=NOW).request()).arrivals


@pytest.mark.parametrize(
    ("kind", "more", "reached", "code"),
    [
        ("processed", {}, "sent", ""),
        ("delivered", {"response": "250 OK"}, "delivered", ""),
        ("open", {"useragent": "x"}, "read", ""),
        ("bounce", {"type": "bounce", "status": "5.1.1", "reason": "550 no such user"}, "failed", "5.1.1"),
        ("bounce", {"type": "blocked", "status": "4.7.0"}, "failed", "4.7.0"),
        ("dropped", {"reason": "Bounced Address"}, "failed", ""),
    ],
)
def test_an_event_tells_how_far_a_mail_got(kind: str, more: dict[str, str], reached: str, code: str) -> None:
    arrival, *_ = told(sendgrid_event("Marva@Example.com", "i1", kind, event_id="e1", **more))
    assert (arrival.source, arrival.kind, arrival.external_id, arrival.party) == (
        "email",
        "status",
        "e1",
        f"email:{MARVA}",
    )
    status = Inbound.from_json(arrival.body)
    assert (status.kind, status.message_id, status.status, status.code) == (InboundKind.STATUS, "i1", reached, code)


@pytest.mark.parametrize(
    ("kind", "more", "gone"),
    [
        ("bounce", {"type": "bounce"}, True),
        ("bounce", {"type": "blocked"}, False),
        ("dropped", {"reason": "Bounced Address"}, True),
        ("dropped", {"reason": "Unsubscribed Address"}, True),
        ("dropped", {"reason": "Spam Reporting Address"}, True),
        ("dropped", {"reason": "Invalid"}, True),
        ("dropped", {"reason": "Spam Content"}, False),
        ("dropped", {"reason": "Recipient List over Package Quota"}, False),
        ("spamreport", {}, True),
        ("unsubscribe", {}, True),
        ("group_unsubscribe", {"asm_group_id": "1"}, True),
        ("deferred", {"response": "400 try again later"}, False),
        ("delivered", {}, False),
    ],
)
def test_what_ends_an_address_is_told_to_the_desk(kind: str, more: dict[str, str], *, gone: bool) -> None:
    results = [one for one in told(sendgrid_event(MARVA, "i1", kind, **more)) if one.kind == "result"]
    assert [read_result(one.party, one.body) for one in results] == [AddressGone(f"email:{MARVA}")] * gone


def test_a_batch_is_taken_whole_and_a_repeat_has_the_same_ids() -> None:
    batch = [sendgrid_event(f"m{n}@example.com", f"i{n}", "delivered", event_id=f"e{n}") for n in range(100)]
    first, again = told(*batch), told(*batch)
    assert [one.external_id for one in first] == [f"e{n}" for n in range(100)]
    assert first == again


@pytest.mark.parametrize("kind", ["deferred", "click", "group_resubscribe", "something-new"])
def test_an_event_without_news_files_nothing(kind: str) -> None:
    assert told(sendgrid_event(MARVA, "i1", kind)) == ()


def test_an_event_of_a_mail_that_is_not_ours_files_nothing() -> None:
    event = sendgrid_event(MARVA, "i1", "bounce", type="bounce")
    del event["pardna"]
    assert told(event) == ()


@pytest.mark.parametrize("name", ["sg_event_id", "event", "email"])
@pytest.mark.parametrize("value", [None, 5, "", "a b", "x" * 2000, "x\0"])
def test_a_signed_event_that_is_none_is_unreadable(name: str, value: object) -> None:
    with pytest.raises(Unreadable):
        told({**sendgrid_event(MARVA, "i1", "delivered"), name: value})


def test_an_event_that_is_none_does_not_keep_the_others_of_its_batch_out() -> None:
    odd = {**sendgrid_event(MARVA, "i1", "delivered"), "email": "x" * 2000}
    (one,) = told(odd, {**odd, "event": None}, sendgrid_event(MARVA, "i2", "delivered", event_id="e2"))
    assert one.external_id == "e2"


# --- signature ---------------------------------------------------------------------------------------


def test_what_sendgrids_own_library_holds_to_be_signed_is_accepted() -> None:
    """The example of its tests: key, stamp, signature and body, with the line's end that belongs to it."""
    key = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eN"
        "Ec6wEA3F+g=="
    )
    signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
    body = (
        b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
        b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
        b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
        b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
    )
    headers = {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": "1600112502",
    }
    hook = SendGridHook(key, lambda: 1_600_112_502)
    assert hook.receive(HookRequest("POST", "/hooks/sendgrid", headers, {}, body)).arrivals == ()
    with pytest.raises(BadSignature):
        hook.receive(HookRequest("POST", "/hooks/sendgrid", headers, {}, body.strip()))


@pytest.mark.parametrize("signature", [None, "", "x", "AAAA", "é", "\udcff", "=" * 100_000])
def test_a_wrong_signature_is_refused(signature: str | None) -> None:
    call = sendgrid_events(sendgrid_event(MARVA, "i1", "delivered"), stamp=NOW)
    headers = {k: v for k, v in call.headers.items() if not k.endswith("Signature")}
    headers |= {} if signature is None else {"X-Twilio-Email-Event-Webhook-Signature": signature}
    refused(call, headers=headers)


def test_what_was_changed_or_signed_by_another_key_is_refused() -> None:
    call = sendgrid_events(sendgrid_event(MARVA, "i1", "delivered"), stamp=NOW)
    refused(call, body=call.body.replace(b"delivered", b"bounce"))
    refused(call, headers=call.headers | {"X-Twilio-Email-Event-Webhook-Timestamp": str(NOW + 1)})
    refused(sendgrid_signed(call.body, NOW, ec.generate_private_key(ec.SECP256R1())))


def test_a_call_is_good_for_as_long_as_sendgrid_repeats_it() -> None:
    event = sendgrid_event(MARVA, "i1", "delivered")
    old = sendgrid_events(event, stamp=NOW - LONGEST_AGE_SECONDS)
    assert len(HOOK.receive(old.request()).arrivals) == 1
    for stamp in (NOW - LONGEST_AGE_SECONDS - 1, NOW + LONGEST_AGE_SECONDS + 1):
        refused(sendgrid_events(event, stamp=stamp))


def refused(call: Call, **changed: Any) -> None:
    with pytest.raises(BadSignature):
        HOOK.receive(call.request(**changed))


def test_a_key_that_is_none_is_refused_at_the_start() -> None:
    other = rsa.generate_private_key(65537, 2048).public_key()
    encoded = base64.b64encode(other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    for key in ("", "nonsense", "AAAA", encoded):
        with pytest.raises(ValueError, match="verification key"):
            SendGridHook(key, lambda: NOW)
