"""Meta's web hook: what is verified, and what each documented message becomes."""

import json
from typing import Any

import pytest

from bot.actions.results import read_result
from channels.base import BadSignature, Unreadable
from channels.chat.whatsapp import WhatsAppHook
from domain.commands import AddressGone
from domain.messages import Channel, Filed, Inbound, InboundKind
from tests.channels.conftest import Fixture
from tests.vendors import (
    SETTINGS,
    Call,
    whatsapp,
    whatsapp_message,
    whatsapp_signed,
    whatsapp_status,
    whatsapp_subscribe,
    whatsapp_text,
)

HOOK = WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"])
WAMID = "wamid.HBgLMTg3NjU1NTAxMDEVAgASGBQ"
MARVA = {"address": "+18765550101", "name": "Marva Brown"}


def arrivals(call: Call) -> tuple[Filed, ...]:
    return HOOK.receive(call.request()).arrivals


def inbound(arrival: Filed) -> Inbound:
    return Inbound.from_json(arrival.body)


def said(kind: InboundKind, number: str, **fields: Any) -> Inbound:
    return Inbound(Channel.WHATSAPP, kind=kind, message_id=WAMID + number, **{**MARVA, **fields})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("whatsapp_text", said(InboundKind.TEXT, "01", text="PAY 5000")),
        ("whatsapp_button_reply", said(InboundKind.CHOICE, "02", choice="pay:card", text="Card")),
        ("whatsapp_list_reply", said(InboundKind.CHOICE, "03", choice="circle:K7M2QX", text="Sunday Club")),
        ("whatsapp_quick_reply", said(InboundKind.CHOICE, "04", choice="RECEIVED", text="It reached")),
        ("whatsapp_image", said(InboundKind.MEDIA, "05", text="my slip", file="1013859600285441")),
        ("whatsapp_document", said(InboundKind.MEDIA, "06", file="1013859600285442")),
        ("whatsapp_audio", said(InboundKind.MEDIA, "07")),
        ("whatsapp_location", said(InboundKind.UNSUPPORTED, "08")),
        ("whatsapp_own_contact", said(InboundKind.CONTACT, "09", contact="+18765550101")),
        ("whatsapp_other_contact", said(InboundKind.UNSUPPORTED, "10")),
        ("whatsapp_unsupported", said(InboundKind.UNSUPPORTED, "11")),
    ],
)
def test_each_kind_of_message_becomes_one_arrival(fixture: Fixture, name: str, expected: Inbound) -> None:
    (arrival,) = arrivals(whatsapp_signed(fixture(name)))
    assert inbound(arrival) == expected
    assert (arrival.source, arrival.external_id, arrival.party, arrival.kind) == (
        "whatsapp",
        expected.message_id,
        "whatsapp:+18765550101",
        "chat",
    )


@pytest.mark.parametrize("name", ["whatsapp_reaction", "whatsapp_group", "whatsapp_template_review", "whatsapp_errors"])
def test_what_asks_for_no_answer_is_taken_and_files_nothing(fixture: Fixture, name: str) -> None:
    assert arrivals(whatsapp_signed(fixture(name))) == ()


def test_a_person_with_a_username_is_known_by_a_user_id(fixture: Fixture) -> None:
    (arrival,) = arrivals(whatsapp_signed(fixture("whatsapp_username")))
    assert arrival.party == "whatsapp:JM.13491208655302741918"
    assert inbound(arrival).name == "Keisha"


def test_every_level_of_a_batch_is_walked_in_order_of_time(fixture: Fixture) -> None:
    found = arrivals(whatsapp_signed(fixture("whatsapp_batch")))
    assert [(a.party[-4:], a.kind, inbound(a).text or inbound(a).status) for a in found] == [
        ("0101", "chat", "PAY"),
        ("0102", "chat", "BALANCE"),
        ("0104", "chat", "DRAW"),
        ("0103", "status", "read"),
    ]
    assert [inbound(a).name for a in found] == ["Marva Brown", "Devon Clarke", "Keisha", ""]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("whatsapp_number_changed", "+18765550101", "+16585550101"),
        ("whatsapp_user_id_changed", "JM.13491208655302741918", "JM.55502086553027419"),
    ],
)
def test_a_changed_number_is_an_event_and_no_speech(fixture: Fixture, name: str, old: str, new: str) -> None:
    (arrival,) = arrivals(whatsapp_signed(fixture(name)))
    assert (arrival.kind, arrival.party) == ("event", f"whatsapp:{old}")
    moved = {"kind": "address_moved", "party": f"whatsapp:{old}", "moved_to": f"whatsapp:{new}"}
    assert arrival.body == moved


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("whatsapp_status_delivered", "delivered", ""), ("whatsapp_status_failed", "failed", "131026")],
)
def test_a_status_tells_how_far_a_message_got(fixture: Fixture, name: str, status: str, code: str) -> None:
    arrival, *_ = arrivals(whatsapp_signed(fixture(name)))
    told = inbound(arrival)
    assert (told.kind, told.status, told.code, told.address) == (
        InboundKind.STATUS,
        status,
        code,
        "+18765550101",
    )
    assert (arrival.kind, arrival.external_id) == ("status", f"{told.message_id}:{status}")


@pytest.mark.parametrize(("number", "shut"), [(131047, True), (131026, False), (131000, False)])
def test_a_status_tells_that_a_message_came_too_late_for_free_words(fixture: Fixture, number: int, shut: bool) -> None:
    body = json.loads(fixture("whatsapp_status_failed"))
    body["entry"][0]["changes"][0]["value"]["statuses"][0]["errors"][0]["code"] = number
    told = inbound(arrivals(whatsapp_signed(json.dumps(body).encode()))[0])
    assert (told.code, told.shut) == (str(number), shut)


@pytest.mark.parametrize(
    ("status", "code", "gone"),
    [
        ("failed", 131050, True),
        ("failed", 131026, True),
        ("failed", 131047, False),
        ("failed", 131049, False),
        ("failed", 999999, False),
        ("delivered", 131050, False),
    ],
)
def test_a_code_that_ends_an_address_is_told_to_the_desk_beside(status: str, code: int, *, gone: bool) -> None:
    told, *more = arrivals(whatsapp_status("+18765550101", WAMID, status, code=code))
    assert inbound(told).status == status
    assert [read_result(one.party, one.body) for one in more] == [AddressGone("whatsapp:+18765550101")] * gone
    assert len({one.external_id for one in (told, *more)}) == 1 + gone


def status_of(**fields: Any) -> Call:
    return whatsapp({"statuses": [{"id": WAMID, "status": "delivered", "timestamp": "1796000000", **fields}]})


def test_a_status_of_a_person_without_a_number_names_their_user_id() -> None:
    (arrival,) = arrivals(status_of(recipient_user_id="JM.13491208655302741918"))
    assert arrival.party == "whatsapp:JM.13491208655302741918"


@pytest.mark.parametrize("fields", [{"recipient_type": "group", "recipient_id": "Y2FwaV9"}, {"status": "deleted"}])
def test_a_status_of_a_group_or_of_no_rank_is_taken_and_files_nothing(fields: dict[str, str]) -> None:
    assert arrivals(status_of(**{"recipient_id": "18765550101", **fields})) == ()


def test_a_voice_that_was_played_was_read() -> None:
    (arrival,) = arrivals(status_of(recipient_id="18765550101", status="played"))
    assert (inbound(arrival).status, arrival.external_id) == ("read", f"{WAMID}:played")


def test_a_number_goes_before_the_user_id_beside_it() -> None:
    """Whoever shows both is known by the number; the inbox learns that the other is theirs as well."""
    both = whatsapp_message("+18765550101", {"type": "text", "text": {"body": "PAY"}})
    (arrival,) = arrivals(whatsapp({"messages": [both | {"from_user_id": "JM.13491208655302741918"}]}))
    assert (arrival.party, arrival.also) == ("whatsapp:+18765550101", "whatsapp:JM.13491208655302741918")


@pytest.mark.parametrize(
    "contacts",
    [
        [],
        [{"name": {"formatted_name": "Devon"}}],
        [{"phones": [{"phone": "+1 876 555 0101"}]}],
        [{"phones": [{"wa_id": "18765550101"}, {"wa_id": "18765550102"}]}],
        [{"phones": [{"wa_id": "18765550101"}]}, {"phones": [{"wa_id": "18765550102"}]}],
    ],
)
def test_cards_that_prove_nothing_of_the_sender_are_no_contact(contacts: list[Any]) -> None:
    (arrival,) = arrivals(
        whatsapp({"messages": [whatsapp_message("+18765550101", {"type": "contacts", "contacts": contacts})]})
    )
    assert (inbound(arrival).kind, inbound(arrival).contact) == (InboundKind.UNSUPPORTED, "")


def test_a_repeat_has_the_same_external_id() -> None:
    call = whatsapp_text("+18765550101", "PAY")
    assert arrivals(call) == arrivals(call)


def test_one_strange_message_does_not_keep_the_others_away() -> None:
    good = whatsapp_message("+18765550101", {"type": "text", "text": {"body": "PAY"}})
    strange: list[Any] = [None, 7, "x", {}, {"id": "a b", "type": "text"}, {"id": 5}, {**good, "from": "x"}]
    found = arrivals(whatsapp({"messages": [*strange, good], "statuses": [{}, {"id": "w", "status": []}]}))
    assert [inbound(arrival).text for arrival in found] == ["PAY"]
    with pytest.raises(Unreadable):
        arrivals(whatsapp({"messages": strange}))


@pytest.mark.parametrize("ident", [None, 7, "", "12/../messages", "1?x=1", "١٢", "1" * 65, ["1"]])
def test_an_id_of_a_picture_that_is_none_of_metas_is_left(ident: Any) -> None:
    image = {"type": "image", "image": {"id": ident, "caption": "my slip"}}
    (arrival,) = arrivals(whatsapp({"messages": [whatsapp_message("+18765550101", image)]}))
    assert (inbound(arrival).kind, inbound(arrival).file) == (InboundKind.MEDIA, "")


def test_a_text_keeps_no_nul() -> None:
    (arrival,) = arrivals(whatsapp_text("+18765550101", "a\0b"))
    assert inbound(arrival).text == "ab"


# --- signature ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        "sha256=é",
        "sha256=\udcff\udcfe",
        "sha256=" + "0" * 100_000,
    ],
)
def test_a_wrong_signature_is_refused(signature: str | None) -> None:
    headers = {} if signature is None else {"X-Hub-Signature-256": signature}
    with pytest.raises(BadSignature):
        HOOK.receive(whatsapp_text("+18765550101", "PAY").request(headers=headers))


def test_a_signature_of_another_encoding_is_refused() -> None:
    """The hex in capitals, and the digest without its prefix, are not what Meta sends."""
    call = whatsapp_text("+18765550101", "PAY")
    right = call.headers["X-Hub-Signature-256"]
    for wrong in (right.upper(), right.removeprefix("sha256="), right + " "):
        with pytest.raises(BadSignature):
            HOOK.receive(call.request(headers={"X-Hub-Signature-256": wrong}))


def test_the_signature_is_over_the_raw_bytes() -> None:
    """The same JSON in another spelling is another body."""
    call = whatsapp_text("+18765550101", "PAY")
    with pytest.raises(BadSignature):
        HOOK.receive(call.request(body=json.dumps(json.loads(call.body), indent=1).encode()))


def test_another_apps_secret_is_refused() -> None:
    with pytest.raises(BadSignature):
        arrivals(whatsapp_signed(b"{}", "another-secret"))


def test_an_empty_secret_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="APP_SECRET"):
        WhatsAppHook("", "token")


def test_the_subscribe_check_echoes_the_challenge() -> None:
    assert HOOK.receive(whatsapp_subscribe("1158201444").request()).text == "1158201444"


def test_a_subscribe_check_with_the_wrong_token_is_refused() -> None:
    with pytest.raises(BadSignature):
        HOOK.receive(whatsapp_subscribe("1", token="wrong").request())
    with pytest.raises(BadSignature):
        HOOK.receive(Call("/hooks/whatsapp", {}, b"", "GET").request())


def test_another_mode_than_subscribe_is_unreadable() -> None:
    query = {"hub.mode": "unsubscribe", "hub.verify_token": SETTINGS["WHATSAPP_VERIFY_TOKEN"]}
    with pytest.raises(Unreadable):
        HOOK.receive(Call("/hooks/whatsapp", {}, b"", "GET", query).request())
