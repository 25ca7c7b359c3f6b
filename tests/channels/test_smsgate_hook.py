"""The web hook of the phone with the local SIM: whose word counts, and what each event becomes."""

import json
import time
from typing import Any

import pytest

from channels.base import BadSignature, Unreadable
from channels.chat.sms import SmsGateHook
from channels.chat.sms.smsgate_hook import whole_number
from domain.messages import Channel, Filed, Inbound, InboundKind
from tests.vendors import (
    SMSGATE,
    Call,
    smsgate_event,
    smsgate_mms,
    smsgate_ping,
    smsgate_signed,
    smsgate_sms,
    smsgate_status,
)

HOOK = SmsGateHook(SMSGATE["SMSGATE_SIGNING_KEY"], time.time)
NUMBER = "+18765550104"


def told(call: Call) -> Filed:
    (arrival,) = HOOK.receive(call.request()).arrivals
    return arrival


def said(call: Call) -> Inbound:
    return Inbound.from_json(told(call).body)


def test_a_text_is_of_the_same_party_as_by_any_other_way() -> None:
    arrival = told(smsgate_sms(NUMBER, "PAY 5000", event_id="e1"))
    assert (arrival.source, arrival.external_id, arrival.party, arrival.kind) == (
        "smsgate",
        "e1",
        f"sms:{NUMBER}",
        "chat",
    )
    expected = Inbound(Channel.SMS, NUMBER, InboundKind.TEXT, "PAY 5000", message_id="e1", by_sim=True)
    assert Inbound.from_json(arrival.body) == expected


def test_the_same_words_twice_are_two_messages_and_a_repeat_is_one() -> None:
    """A message's own id is made from its content: only the envelope's tells a repeat."""
    first, second = smsgate_sms(NUMBER, "1"), smsgate_sms(NUMBER, "1")
    assert json.loads(first.body)["payload"]["messageId"] == json.loads(second.body)["payload"]["messageId"]
    assert told(first).external_id != told(second).external_id
    assert told(first).external_id == told(first.fresh()).external_id


@pytest.mark.parametrize("text", ["", "J$5,000 & more", "Devon\u2019s \u201chand\u201d 👋🏾", "two\nlines", "x" * 918])
def test_any_text_arrives_as_it_was_typed_however_many_parts_it_had(text: str) -> None:
    assert said(smsgate_sms(NUMBER, text)).text == text


def test_a_message_that_waited_on_the_phone_says_how_long() -> None:
    assert 7199 <= said(smsgate_sms(NUMBER, "2", late_seconds=7200)).late_seconds <= 7205
    assert said(smsgate_sms(NUMBER, "2", late_seconds=-7200)).late_seconds == 0


@pytest.mark.parametrize("when", [None, "", "yesterday", 5, "2024-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_says_nothing(when: Any) -> None:
    call = smsgate_event("sms:received", {"sender": NUMBER, "message": "2", "receivedAt": when})
    assert said(call).late_seconds == 0


def test_a_picture_is_media_with_its_words() -> None:
    seen = said(smsgate_mms(NUMBER, "my slip"))
    assert (seen.kind, seen.text, seen.address) == (InboundKind.MEDIA, "my slip", NUMBER)
    assert "AAAA" not in json.dumps(seen.as_json())


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        ("+18765550104", "+18765550104"),
        ("18765550104", "+18765550104"),
        ("8765550104", "+18765550104"),
        ("(658) 555-0104", "+16585550104"),
        ("+44 7700 900123", "+447700900123"),
        ("5550104", ""),
        ("DIGICEL", ""),
        ("12345", ""),
        ("", ""),
    ],
)
def test_a_sender_is_written_with_its_country(shown: str, number: str) -> None:
    assert whole_number(shown) == number


def test_older_apps_call_the_sender_phone_number() -> None:
    assert said(smsgate_event("sms:received", {"phoneNumber": "8765550104", "message": "hi"})).address == NUMBER


@pytest.mark.parametrize("sender", ["DIGICEL", "12345", "5550104"])
def test_a_sender_that_cannot_be_answered_is_taken_and_files_nothing(sender: str) -> None:
    assert HOOK.receive(smsgate_sms(sender, "Top up now").request()).arrivals == ()


@pytest.mark.parametrize("state", ["sent", "delivered", "failed"])
def test_a_status_tells_how_far_a_text_got(state: str) -> None:
    reason = "Error: RESULT_ERROR_LIMIT_EXCEEDED for +18765550104" if state == "failed" else ""
    arrival = told(smsgate_status(NUMBER, "a" * 32, state, reason=reason, event_id="e2"))
    assert (arrival.kind, arrival.external_id, arrival.party) == ("status", "e2", f"sms:{NUMBER}")
    seen = Inbound.from_json(arrival.body)
    assert (seen.kind, seen.message_id, seen.status) == (InboundKind.STATUS, "a" * 32, state)
    assert seen.code == ("RESULT_ERROR_LIMIT_EXCEEDED" if reason else "")


def test_a_ping_tells_that_the_phone_lives() -> None:
    arrival = told(smsgate_ping(battery=8, health="warn"))
    assert (arrival.party, arrival.kind) == ("house:smsgate", "status")
    assert arrival.body == {
        "kind": "phone_ping",
        "at": pytest.approx(time.time(), abs=5),
        "health": "warn",
        "battery": 8,
    }


@pytest.mark.parametrize(
    "payload", [{}, {"health": "fine"}, {"health": {"status": 7, "checks": []}}, {"health": {"status": ["fail"]}}]
)
def test_a_ping_without_its_health_is_a_ping(payload: dict[str, Any]) -> None:
    body = told(smsgate_event("system:ping", payload)).body
    assert (body["health"], body["battery"]) == ("", -1)


@pytest.mark.parametrize("event", ["mms:received", "sms:data-received", "app:started", "something:new"])
def test_an_event_that_we_did_not_ask_for_files_nothing(event: str) -> None:
    assert HOOK.receive(smsgate_event(event, {"sender": NUMBER}).request()).arrivals == ()


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"event": "sms:received", "payload": {"sender": NUMBER}},
        {"event": "sms:received", "id": "e", "payload": {}},
        {"event": "sms:received", "id": "e", "payload": None},
        {"event": 5, "id": "e"},
        {"event": "sms:sent", "id": "e", "payload": {"messageId": "", "recipient": NUMBER}},
        {"event": "sms:sent", "id": "e", "payload": {"messageId": "m", "recipient": "DIGICEL"}},
        {"event": "sms:received", "id": "e\0", "payload": {"sender": NUMBER}},
    ],
)
def test_a_signed_body_that_is_no_event_is_unreadable(envelope: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        HOOK.receive(smsgate_signed(json.dumps(envelope).encode()).request())


# --- signature ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [None, "", "x", "0" * 64, "é", "\udcff"])
def test_a_wrong_signature_is_refused(signature: str | None) -> None:
    call = smsgate_sms(NUMBER, "PAY")
    headers = {name: value for name, value in call.headers.items() if name != "X-Signature"}
    with pytest.raises(BadSignature):
        HOOK.receive(call.request(headers=headers | ({} if signature is None else {"X-Signature": signature})))


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (-290, True), (290, True), (-310, False), (310, False)])
def test_a_call_is_good_for_five_minutes(seconds: int, *, good: bool) -> None:
    call = smsgate_event("system:ping", {}, stamp=int(time.time()) + seconds)
    if good:
        assert HOOK.receive(call.request()).arrivals
        return
    with pytest.raises(BadSignature):
        HOOK.receive(call.request())


@pytest.mark.parametrize("stamp", ["", "x", "-5", "1e9", "٣", "9" * 5000])
def test_a_stamp_that_is_none_is_refused(stamp: str) -> None:
    call = smsgate_ping()
    with pytest.raises(BadSignature):
        HOOK.receive(call.request(headers=call.headers | {"X-Timestamp": stamp}))


def test_body_stamp_and_key_all_count() -> None:
    call = smsgate_sms(NUMBER, "PAY 5000")
    later = str(int(call.headers["X-Timestamp"]) + 1)
    for changed in ({"body": call.body.replace(b"5000", b"9000")}, {"headers": call.headers | {"X-Timestamp": later}}):
        with pytest.raises(BadSignature):
            HOOK.receive(call.request(**changed))
    with pytest.raises(BadSignature):
        HOOK.receive(smsgate_signed(call.body, key="another").request())


def test_an_empty_key_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="SIGNING_KEY"):
        SmsGateHook("", time.time)
