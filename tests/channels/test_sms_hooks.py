"""Twilio's web hooks: whose signature counts, and what each form becomes."""

import base64
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from bot.actions.results import read_result
from channels.base import BadSignature, Unreadable
from channels.chat.sms import SmsHook, SmsStatusHook
from domain.commands import AddressGone
from domain.messages import Channel, Inbound, InboundKind
from tests.vendors import SETTINGS, Call, sms_form, sms_status, twilio_signed

HOOK = SmsHook(SETTINGS["TWILIO_AUTH_TOKEN"], SETTINGS["PUBLIC_URL"])
STATUS_HOOK = SmsStatusHook(SETTINGS["TWILIO_AUTH_TOKEN"], SETTINGS["PUBLIC_URL"] + "/")
NUMBER = "+18765550102"


def said(call: Call) -> Inbound:
    (arrival,) = HOOK.receive(call.request()).arrivals
    return Inbound.from_json(arrival.body)


def test_a_text_becomes_one_arrival_under_its_sid() -> None:
    answer = HOOK.receive(sms_form(NUMBER, "PAY 5000", sid="SM1").request())
    (arrival,) = answer.arrivals
    assert (arrival.source, arrival.external_id, arrival.party, arrival.kind) == (
        "sms",
        "SM1",
        f"sms:{NUMBER}",
        "chat",
    )
    assert Inbound.from_json(arrival.body) == Inbound(
        Channel.SMS, NUMBER, InboundKind.TEXT, "PAY 5000", message_id="SM1"
    )
    assert (answer.text, answer.content_type) == ("<Response/>", "text/xml")


@pytest.mark.parametrize(
    "text", ["", "J$5,000 & more=yes", "Devon\u2019s \u201chand\u201d 👋🏾", "a+b %41", "two\nlines", "STOP"]
)
def test_any_text_arrives_as_it_was_typed(text: str) -> None:
    assert said(sms_form(NUMBER, text)).text == text


def test_a_picture_is_media_with_its_caption() -> None:
    media = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/x", "MediaContentType0": "image/jpeg"}
    seen = said(sms_form(NUMBER, "my slip", **media))
    assert (seen.kind, seen.text) == (InboundKind.MEDIA, "my slip")


def pictures(
    *kinds: str, account: str = SETTINGS["TWILIO_ACCOUNT_SID"], host: str = "api.twilio.com"
) -> dict[str, str]:
    fields = {"NumMedia": str(len(kinds))}
    for number, kind in enumerate(kinds):
        path = f"/2010-04-01/Accounts/{account}/Messages/MM{'a' * 32}/Media/ME{str(number) * 32}"
        fields |= {f"MediaUrl{number}": f"https://{host}{path}", f"MediaContentType{number}": kind}
    return fields


def test_each_picture_of_an_mms_is_an_arrival_of_its_own_and_the_words_come_once() -> None:
    call = sms_form(NUMBER, "my slips", sid=f"MM{'a' * 32}", **pictures("image/jpeg", "image/png"))
    first, second = (Inbound.from_json(one.body) for one in HOOK.receive(call.request()).arrivals)
    message = f"MM{'a' * 32}"
    assert (first.file, first.text) == (f"{message}/ME{'0' * 32}", "my slips")
    assert (second.file, second.text) == (f"{message}/ME{'1' * 32}", "")
    assert (first.message_id, second.message_id) == (message, f"{message}:1")


def test_of_a_pictures_address_nothing_but_its_ids_is_used() -> None:
    elsewhere = said(sms_form(NUMBER, "", **pictures("image/jpeg", host="evil.example")))
    assert elsewhere.file == f"MM{'a' * 32}/ME{'0' * 32}"
    for odd in (pictures("image/jpeg", account=f"AC{'9' * 32}"), pictures("audio/amr")):
        assert said(sms_form(NUMBER, "", **odd)).file == ""


def test_a_long_text_in_base64_is_decoded() -> None:
    text = "I want to throw J$5,000 for Sunday Club, and please tell Marva: thanks 🙏"
    assert said(sms_form(NUMBER, base64.b64encode(text.encode()).decode())).text == text


@pytest.mark.parametrize(
    "text",
    [
        "JOIN",
        "a" * 24,
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=",  # decodes to the alphabet: no words in it
        base64.b64encode(bytes(range(200, 230))).decode(),
        base64.b64encode(b"with a bell \a and more").decode(),
    ],
)
def test_a_text_that_only_looks_like_base64_stays(text: str) -> None:
    assert said(sms_form(NUMBER, text)).text == text


@pytest.mark.parametrize("sender", ["DIGICEL", "12345", "whatsapp:+18765550102"])
def test_a_sender_that_cannot_be_answered_is_taken_and_files_nothing(sender: str) -> None:
    answer = HOOK.receive(sms_form(sender, "Top up now").request())
    assert answer.arrivals == ()
    assert answer.text == "<Response/>"


@pytest.mark.parametrize(
    ("status", "reached", "code"),
    [
        ("sent", "sent", ""),
        ("delivered", "delivered", ""),
        ("read", "read", ""),
        ("undelivered", "failed", "30005"),
        ("failed", "failed", "30006"),
        ("canceled", "failed", ""),
    ],
)
def test_a_status_tells_how_far_a_text_got(status: str, reached: str, code: str) -> None:
    arrival, *_ = STATUS_HOOK.receive(sms_status(NUMBER, "SM7", status, code=code).request()).arrivals
    assert (arrival.kind, arrival.external_id, arrival.party) == ("status", f"SM7:{status}", f"sms:{NUMBER}")
    told = Inbound.from_json(arrival.body)
    assert (told.kind, told.message_id, told.status, told.code) == (InboundKind.STATUS, "SM7", reached, code)


@pytest.mark.parametrize(
    ("code", "gone"),
    [
        ("21610", True),
        ("30005", True),
        ("30006", True),
        ("21614", True),
        ("30003", False),
        ("30007", False),
        ("x", False),
    ],
)
def test_a_code_that_ends_an_address_is_told_to_the_desk_beside(code: str, *, gone: bool) -> None:
    _, *more = STATUS_HOOK.receive(sms_status(NUMBER, "SM7", "undelivered", code=code).request()).arrivals
    assert [read_result(arrival.party, arrival.body) for arrival in more] == [AddressGone(f"sms:{NUMBER}")] * gone


@pytest.mark.parametrize("status", ["accepted", "scheduled", "queued", "sending", "something-new"])
def test_a_status_without_news_files_nothing(status: str) -> None:
    assert STATUS_HOOK.receive(sms_status(NUMBER, "SM7", status).request()).arrivals == ()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"MessageSid": "SM1"},
        {"From": NUMBER, "Body": "x"},
        {"MessageSid": "S M", "From": NUMBER},
        {"MessageSid": "S" * 300, "From": NUMBER},
        {"MessageSid": "S\0M", "From": NUMBER},
    ],
)
def test_a_signed_form_that_is_no_message_is_unreadable(form: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        HOOK.receive(twilio_signed("/hooks/sms", form).request())
    with pytest.raises(Unreadable):
        STATUS_HOOK.receive(twilio_signed("/hooks/sms/status", form).request())


# --- signature ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [None, "", "x", "0" * 28, "é", "\udcff", "=" * 100_000])
def test_a_wrong_signature_is_refused(signature: str | None) -> None:
    headers = {} if signature is None else {"X-Twilio-Signature": signature}
    for hook in (HOOK, STATUS_HOOK):
        with pytest.raises(BadSignature):
            hook.receive(sms_form(NUMBER, "PAY").request(headers=headers))


def test_what_the_library_signs_is_accepted() -> None:
    call = sms_form(NUMBER, "J$5,000 naïve 👋")
    form: dict[str, Any] = {"MessageSid": "SM5", "From": NUMBER, "Body": "J$5,000 naïve 👋", "FromCity": ""}
    for url in ("https://pardna.example/hooks/sms", "https://pardna.example:443/hooks/sms"):
        signature = RequestValidator(SETTINGS["TWILIO_AUTH_TOKEN"]).compute_signature(url, form)
        body = twilio_signed("/hooks/sms", form).body
        request = call.request(headers={"X-Twilio-Signature": signature}, body=body)
        assert len(HOOK.receive(request).arrivals) == 1


def test_the_public_address_is_what_is_signed() -> None:
    """Behind a proxy the service sees another host: a signature over that proves nothing."""
    with pytest.raises(BadSignature):
        HOOK.receive(sms_form(NUMBER, "PAY", public_url="http://127.0.0.1:8080").request())


def test_a_public_address_with_a_port_works() -> None:
    """As in development, where it is http://127.0.0.1:8080."""
    hook = SmsHook(SETTINGS["TWILIO_AUTH_TOKEN"], "http://127.0.0.1:8080")
    call = sms_form(NUMBER, "PAY", public_url="http://127.0.0.1:8080")
    assert len(hook.receive(call.request()).arrivals) == 1


def test_a_public_address_with_a_path_works_though_the_proxy_takes_it_off() -> None:
    hook = SmsHook(SETTINGS["TWILIO_AUTH_TOKEN"], "https://pardna.example/bot/")
    call = sms_form(NUMBER, "PAY", public_url="https://pardna.example/bot")
    assert len(hook.receive(call.request()).arrivals) == 1


def test_the_query_is_signed_too() -> None:
    call = twilio_signed("/hooks/sms?line=2", {"MessageSid": "SM1", "From": NUMBER, "Body": "PAY"})
    assert len(HOOK.receive(call.request()).arrivals) == 1
    moved = Call("/hooks/sms?line=3", call.headers, call.body)
    with pytest.raises(BadSignature):
        HOOK.receive(moved.request())


def test_a_changed_field_is_refused() -> None:
    call = sms_form(NUMBER, "PAY 5000")
    with pytest.raises(BadSignature):
        HOOK.receive(call.request(body=call.body.replace(b"5000", b"9000")))


def test_a_body_that_nobody_can_have_signed_is_refused() -> None:
    call = sms_form(NUMBER, "PAY")
    for body in (b"Body=%ff%fe", b"\xff=\xfe", b"a=b&" * 100_000):
        with pytest.raises(BadSignature):
            HOOK.receive(call.request(body=body))


def test_an_empty_token_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="AUTH_TOKEN"):
        SmsHook("", "https://pardna.example")
