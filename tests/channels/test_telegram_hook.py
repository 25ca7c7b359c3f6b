"""Telegram's web hook: the secret, and what each update becomes."""

import json
from contextlib import suppress
from typing import Any

import pytest

from channels.base import BadSignature, Unreadable
from channels.chat.telegram import TelegramHook
from domain.messages import Channel, Inbound, InboundKind
from tests.channels.conftest import Fixture
from tests.vendors import SETTINGS, Call, telegram, telegram_blocked, telegram_callback, telegram_message, telegram_text

HOOK = TelegramHook(SETTINGS["TELEGRAM_WEBHOOK_SECRET"])
PERSON = {"id": 7, "is_bot": False, "first_name": "Devon"}
SECRET = {"X-Telegram-Bot-Api-Secret-Token": SETTINGS["TELEGRAM_WEBHOOK_SECRET"]}


def call(body: bytes) -> Call:
    return Call("/hooks/telegram", SECRET, body)


def said(kind: InboundKind, message_id: str, **fields: Any) -> Inbound:
    known = {"address": "5550103", "name": "Devon Clarke"}
    return Inbound(Channel.TELEGRAM, kind=kind, message_id=message_id, **{**known, **fields})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("text", said(InboundKind.TEXT, "1301", text="PAY 5000")),
        ("start_invite", said(InboundKind.TEXT, "1302", text="/start K7M2QX")),
        ("start", said(InboundKind.TEXT, "1303", text="/start")),
        ("own_contact", said(InboundKind.CONTACT, "1305", contact="+18765550103")),
        ("other_contact", said(InboundKind.CONTACT, "1306")),
        ("contact_without_account", said(InboundKind.CONTACT, "1307")),
        ("forwarded_contact", said(InboundKind.CONTACT, "1331")),
        ("edited", said(InboundKind.EDITED, "1301")),
        ("photo", said(InboundKind.MEDIA, "1308", text="my slip", file="AgACAgEAAxk")),
        ("voice", said(InboundKind.MEDIA, "1309")),
        ("location", said(InboundKind.UNSUPPORTED, "1310")),
        ("callback", said(InboundKind.CHOICE, "23785987459873", choice="pay:cash", text="Cash", on="1290")),
        ("callback_old_message", said(InboundKind.CHOICE, "23785987459874", choice="pay:cash", on="12")),
        ("blocked", said(InboundKind.BLOCKED, "")),
        ("unblocked", said(InboundKind.UNBLOCKED, "")),
    ],
)
def test_each_kind_of_update_becomes_one_arrival(fixture: Fixture, name: str, expected: Inbound) -> None:
    body = fixture(f"telegram_{name}")
    (arrival,) = HOOK.receive(call(body).request()).arrivals
    assert Inbound.from_json(arrival.body) == expected
    assert (arrival.source, arrival.kind, arrival.party) == (
        "telegram",
        "chat",
        f"telegram:{expected.address}",
    )
    assert arrival.external_id == str(json.loads(body)["update_id"])


GROUP = {"group": "telegram:-1001234567890", "party": "telegram:5550103"}
GONE = {"kind": "group_gone", "of_group": "telegram:-1001234567890"}
MOVED = {"kind": "group_moved", "of_group": "telegram:-4001", "moved_to": "telegram:-1001234567890"}


@pytest.mark.parametrize("bot", ["", "pardnabot"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("group_start", {"kind": "group_asked", "circle": "K7M2QX", **GROUP}),
        ("group_named", {"kind": "group_asked", "circle": "K7M2QX", **GROUP}),
        ("group_text", {"kind": "group_spoke", **GROUP}),
        ("group_removed", GONE),
        ("group_migrated", MOVED),
    ],
)
def test_what_concerns_us_in_a_group_is_told_without_its_words(
    fixture: Fixture, name: str, expected: dict[str, str], bot: str
) -> None:
    hook = TelegramHook(SETTINGS["TELEGRAM_WEBHOOK_SECRET"], lambda: bot)
    (arrival,) = hook.receive(call(fixture(f"telegram_{name}")).request()).arrivals
    assert (arrival.kind, arrival.body) == ("event", expected)
    assert arrival.party == expected.get("group", expected.get("of_group"))


@pytest.mark.parametrize("name", ["group_chatter", "group_plain_command", "group_anonymous", "group_other_bot"])
def test_what_else_is_said_in_a_group_is_not_even_kept(fixture: Fixture, name: str) -> None:
    hook = TelegramHook(SETTINGS["TELEGRAM_WEBHOOK_SECRET"], lambda: "PardnaBot")
    assert hook.receive(call(fixture(f"telegram_{name}")).request()).arrivals == ()


@pytest.mark.parametrize("name", ["group_joined", "other_bot", "channel_post"])
def test_what_asks_for_no_answer_is_taken_and_files_nothing(fixture: Fixture, name: str) -> None:
    assert HOOK.receive(call(fixture(f"telegram_{name}")).request()).arrivals == ()


SIZES = [{"file_id": f"p{size}", "file_unique_id": "u", "width": size, "height": size} for size in (90, 320, 1280)]
PAPER = {"file_id": "d1", "file_unique_id": "u", "file_name": "slip.pdf", "mime_type": "application/pdf"}
FILM = {"file_id": "a1", "file_unique_id": "u", "width": 9, "height": 9, "duration": 1}


@pytest.mark.parametrize(
    ("sent", "file"),
    [
        ({"photo": SIZES}, "p1280"),
        ({"document": PAPER}, "d1"),
        ({"animation": FILM, "document": PAPER}, ""),
        ({"document": PAPER | {"file_id": "a b"}}, ""),
    ],
)
def test_a_picture_comes_in_its_largest_size_and_a_document_whole(sent: dict[str, Any], file: str) -> None:
    (arrival,) = HOOK.receive(telegram_message(7, sent).request()).arrivals
    assert (arrival.body["kind"], arrival.body.get("file", "")) == ("media", file)


def test_a_tap_is_left_to_be_answered_by_what_it_comes_to(fixture: Fixture) -> None:
    assert HOOK.receive(call(fixture("telegram_callback")).request()).text == ""


def test_a_tap_that_is_nothing_to_us_is_answered_in_the_same_breath(fixture: Fixture) -> None:
    update = json.loads(fixture("telegram_callback"))
    update["callback_query"].pop("data")
    answer = HOOK.receive(call(json.dumps(update).encode()).request())
    assert answer.arrivals == ()
    assert answer.content_type == "application/json"
    assert json.loads(answer.text) == {
        "method": "answerCallbackQuery",
        "callback_query_id": "23785987459873",
    }


def test_the_calls_that_other_tests_make_are_understood() -> None:
    for made, kind in (
        (telegram_text(7, "MENU"), InboundKind.TEXT),
        (telegram_callback(7, "pay"), InboundKind.CHOICE),
        (telegram_blocked(7), InboundKind.BLOCKED),
    ):
        (arrival,) = HOOK.receive(made.request()).arrivals
        assert arrival.body["kind"] == kind


@pytest.mark.parametrize("secret", [None, "", "wrong", "é", "\udcff", "x" * 100_000])
def test_a_wrong_secret_is_refused(secret: str | None) -> None:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    with pytest.raises(BadSignature):
        HOOK.receive(telegram_text(7, "MENU").request(headers=headers))


def test_an_empty_secret_verifies_nothing() -> None:
    with pytest.raises(ValueError, match="SECRET"):
        TelegramHook("")


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": "x"},
        {"update_id": 1, "message": 5},
        {"update_id": 1, "message": {"message_id": 1}},
        {
            "update_id": 1,
            "message": {"message_id": 1, "chat": {"id": "x", "type": "private"}, "from": PERSON},
        },
        {"update_id": 1, "callback_query": {}},
        {"update_id": 1, "my_chat_member": []},
        {"update_id": 1, "message": {"message_id": 1, "date": 10**30, "chat": {"id": 1, "type": "private"}}},
    ],
)
def test_a_strange_update_is_unreadable(update: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        HOOK.receive(call(json.dumps(update).encode()).request())


def test_an_update_of_a_kind_yet_unknown_is_taken() -> None:
    """Telegram adds kinds; refusing one would have it repeated."""
    assert HOOK.receive(telegram({"brand_new": {"id": 1}}).request()).arrivals == ()


def test_an_update_nested_past_reason_does_no_harm() -> None:
    message: dict[str, Any] = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": "x"}
    nested = message
    for _ in range(300):
        nested = {**message, "reply_to_message": nested}
    with suppress(Unreadable):  # read or unreadable, but no RecursionError
        HOOK.receive(telegram({"message": nested}).request())
