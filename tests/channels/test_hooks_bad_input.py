"""Whatever bytes come, a hook files arrivals that can be stored, or says 401 or 400. Nothing else, ever."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.base import Answer, BadSignature, Hook, HookRequest, Unreadable
from channels.chat.email import SendGridHook
from channels.chat.sms import SmsGateHook, SmsHook, SmsStatusHook
from channels.chat.telegram import TelegramHook
from channels.chat.whatsapp import WhatsAppHook
from channels.rails.stripe import StripeHook
from tests.vendors import (
    SENDGRID,
    SETTINGS,
    SMSGATE,
    Call,
    sendgrid_event,
    sendgrid_events,
    sendgrid_signed,
    sms_form,
    sms_status,
    smsgate_signed,
    smsgate_sms,
    smsgate_status,
    stripe_event,
    stripe_signed,
    telegram_callback,
    telegram_text,
    twilio_signed,
    whatsapp_button,
    whatsapp_signed,
    whatsapp_status,
)

STAMP = 1_763_960_000
WHATSAPP = WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"])
SMS = SmsHook(SETTINGS["TWILIO_AUTH_TOKEN"], SETTINGS["PUBLIC_URL"])
SMS_STATUS = SmsStatusHook(SETTINGS["TWILIO_AUTH_TOKEN"], SETTINGS["PUBLIC_URL"])
TELEGRAM = TelegramHook(SETTINGS["TELEGRAM_WEBHOOK_SECRET"])
SMSGATE_HOOK = SmsGateHook(SMSGATE["SMSGATE_SIGNING_KEY"], lambda: STAMP)
MAIL = SendGridHook(SENDGRID["SENDGRID_WEBHOOK_PUBLIC_KEY"], lambda: STAMP)
STRIPE = StripeHook((SETTINGS["STRIPE_WEBHOOK_SECRET"],), lambda: STAMP)


def twilio_bytes(path: str) -> Callable[[bytes], Call]:
    """Sign bytes that hold no form: nothing but the address is signed."""

    def sign(body: bytes) -> Call:
        url = SETTINGS["PUBLIC_URL"] + path
        mac = hmac.new(SETTINGS["TWILIO_AUTH_TOKEN"].encode(), url.encode(), hashlib.sha1).digest()
        return Call(path, {"X-Twilio-Signature": base64.b64encode(mac).decode()}, body)

    return sign


def telegram_signed(body: bytes) -> Call:
    headers = {"X-Telegram-Bot-Api-Secret-Token": SETTINGS["TELEGRAM_WEBHOOK_SECRET"]}
    return Call("/hooks/telegram", headers, body)


JSON_HOOKS: list[tuple[Hook, Callable[[bytes], Call]]] = [
    (WHATSAPP, whatsapp_signed),
    (TELEGRAM, telegram_signed),
    (STRIPE, lambda body: stripe_signed(body, STAMP)),
    (SMSGATE_HOOK, lambda body: smsgate_signed(body, STAMP)),
    (MAIL, lambda body: sendgrid_signed(body, STAMP)),
]
ALL_HOOKS: list[tuple[Hook, Callable[[bytes], Call]]] = [
    *JSON_HOOKS,
    (SMS, twilio_bytes("/hooks/sms")),
    (SMS_STATUS, twilio_bytes("/hooks/sms/status")),
]
NAMES = ["whatsapp", "telegram", "stripe", "smsgate", "sendgrid", "sms", "sms-status"]

GOOD: list[tuple[int, Call]] = [
    (0, whatsapp_button("+18765550101", "pay:card")),
    (0, whatsapp_status("+18765550101", "wamid.1", "failed", code=131026)),
    (1, telegram_text(5550103, "/start K7M2QX")),
    (1, telegram_callback(5550103, "pay:card")),
    (2, stripe_event("charge.succeeded", {"id": "ch_1"}, stamp=STAMP)),
    (3, smsgate_signed(smsgate_sms("+18765550101", "2", late_seconds=60).body, STAMP)),
    (3, smsgate_signed(smsgate_status("+18765550101", "m1", "failed", reason="Error: RESULT_X").body, STAMP)),
    (4, sendgrid_events(sendgrid_event("m@example.com", "i1", "bounce", type="bounce", status="5.1.1"), stamp=STAMP)),
]
"""With the place of its hook in JSON_HOOKS."""

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def storable(answer: Answer) -> None:
    """What PostgreSQL can keep and order by."""
    for arrival in answer.arrivals:
        assert arrival.external_id
        assert len(arrival.external_id) < 300
        assert "\0" not in arrival.external_id + arrival.party
        assert len(arrival.party) < 300
        assert "\\u0000" not in json.dumps(arrival.body) or arrival.kind == "event"


def survives(hook: Hook, request: HookRequest) -> None:
    with suppress(BadSignature, Unreadable):
        storable(hook.receive(request))


@pytest.mark.parametrize(("hook", "sign"), ALL_HOOKS, ids=NAMES)
@given(body=st.binary(max_size=300))
@quick
def test_any_signed_bytes(hook: Hook, sign: Callable[[bytes], Call], body: bytes) -> None:
    survives(hook, sign(body).request())


@pytest.mark.parametrize(("hook", "sign"), ALL_HOOKS, ids=NAMES)
@pytest.mark.parametrize("body", [b"", b"garbage", b"{", b'"x"', b"[1]", b"\xff\xfe\x00", b"<xml/>", b"[" * 100_000])
def test_garbage_is_unreadable(hook: Hook, sign: Callable[[bytes], Call], body: bytes) -> None:
    with pytest.raises(Unreadable):
        hook.receive(sign(body).request())


@pytest.mark.parametrize(("hook", "sign"), JSON_HOOKS, ids=NAMES[:5])
@given(value=anything)
@quick
def test_any_signed_json(hook: Hook, sign: Callable[[bytes], Call], value: Any) -> None:
    survives(hook, sign(json.dumps(value).encode()).request())


def spoiled(value: Any, data: st.DataObject) -> Any:
    """Put anything in place of one part of a good body, somewhere down its branches."""
    if not value or not isinstance(value, dict | list) or data.draw(st.integers(0, 4)) == 0:
        return data.draw(anything)
    if isinstance(value, dict):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: spoiled(value[key], data)}
    place = data.draw(st.integers(0, len(value) - 1))
    return [*value[:place], spoiled(value[place], data), *value[place + 1 :]]


@pytest.mark.parametrize(
    ("place", "call"), GOOD, ids=["button", "status", "start", "tap", "charge", "sim", "far", "bounce"]
)
@given(data=st.data())
@quick
def test_a_good_body_spoiled_anywhere(place: int, call: Call, data: st.DataObject) -> None:
    hook, sign = JSON_HOOKS[place]
    body = spoiled(json.loads(call.body), data)
    survives(hook, sign(json.dumps(body).encode()).request())


@pytest.mark.parametrize(
    ("hook", "call"),
    [(SMS, sms_form("+18765550102", "PAY")), (SMS_STATUS, sms_status("+18765550102", "SM1", "sent"))],
)
@given(
    form=st.dictionaries(st.sampled_from(["MessageSid", "From", "To", "Body", "NumMedia", "MessageStatus"]), st.text())
)
@quick
def test_any_signed_form(hook: Hook, call: Call, form: dict[str, str]) -> None:
    survives(hook, twilio_signed(call.path, form).request())


@pytest.mark.parametrize(("hook", "sign"), ALL_HOOKS, ids=NAMES)
@given(name=st.text(max_size=20), value=st.text(max_size=80))
@quick
def test_any_header_without_the_right_signature(
    hook: Hook, sign: Callable[[bytes], Call], name: str, value: str
) -> None:
    call = sign(b"{}")
    for header in (name, *call.headers):
        if value != call.headers.get(header):
            with pytest.raises(BadSignature):
                hook.receive(HookRequest("POST", call.path, {header.lower(): value}, {}, b"{}"))
