"""One contract for every chat: what is shown, what each answer of a provider means, what is never told."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from time import time
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.letters import Letters, StopLinks
from bot.templates import exported, news
from bot.words.catalogue import Catalogue
from channels.base import Chat, Personal, Rate, Refused, Retry, Sent, Unknown
from channels.chat.email import Email, Letter
from channels.chat.email.sendgrid import LARGEST_ATTACHED_BYTES, outcome_of
from channels.chat.email.sendgrid import payload_of as mail_of
from channels.chat.sms import Sms, SmsGate, Twilio, authorization
from channels.chat.sms import twilio as twilio_codes
from channels.chat.sms.text import text_of
from channels.chat.telegram import Telegram
from channels.chat.telegram.chat import keyboard_of
from channels.chat.whatsapp import WhatsApp
from channels.chat.whatsapp import chat as whatsapp_codes
from channels.chat.whatsapp.payload import payload_of, trimmed
from channels.http import Http, Reply
from domain.messages import LONGEST_TOAST, Attachment, AttachmentKind, Option, Outgoing, Tap, Template, numbered
from domain.people import Language
from storage.vault import Vault, new_keys
from tests.sendgrid_standin import SendGridStandin, check
from tests.smsgate_standin import SmsGateStandin
from tests.standins import (
    Fault,
    GraphStandin,
    RefusedError,
    Standin,
    TelegramStandin,
    TwilioStandin,
    _graph_message,
)
from tests.vendors import SENDGRID, SETTINGS, SMSGATE

YES_NO = (Option("yes", "Yes"), Option("no", "No"))
SECRET_TEXT = "Your draw is J$24,500, keep it to yourself"
NAMES = ["whatsapp", "sms", "smsgate", "telegram", "email"]
"""`smsgate` is the chat by SMS that has a local SIM alone."""
keys = count(1)


@dataclass(frozen=True)
class Line:
    """A chat, the stand-in of its provider, and somebody to write to."""

    chat: Chat
    provider: Standin
    address: str

    async def says(self, text: str, options: tuple[Option, ...] = ()) -> Any:
        return await self.chat.send(self.address, Outgoing(text, options), f"key-{next(keys)}")


def build(name: str, http: Http, api_url: str, *, token: str = "") -> Chat:
    match name:
        case "whatsapp":
            token = token or SETTINGS["WHATSAPP_TOKEN"]
            return WhatsApp(http, api_url, token, SETTINGS["WHATSAPP_PHONE_NUMBER_ID"])
        case "sms":
            return Sms(twilio(http, api_url, token=token))
        case "smsgate":
            user, password = SMSGATE["SMSGATE_USER"], token or SMSGATE["SMSGATE_PASSWORD"]
            return Sms(gate=SmsGate(http, api_url, authorization(user, password, "")))
        case "email":
            key, site = token or SENDGRID["SENDGRID_API_KEY"], SETTINGS["PUBLIC_URL"]
            letters = Letters(Catalogue(site), StopLinks(Vault.from_keys(new_keys()), site))
            return Email(http, api_url, key, SENDGRID["SENDGRID_FROM"], letters.write)
        case _:
            return Telegram(http, api_url, token or SETTINGS["TELEGRAM_TOKEN"])


def twilio(http: Http, api_url: str, *, token: str = "", sender: str = SETTINGS["TWILIO_FROM"]) -> Twilio:
    return Twilio(
        http,
        api_url,
        SETTINGS["TWILIO_ACCOUNT_SID"],
        token or SETTINGS["TWILIO_AUTH_TOKEN"],
        sender=sender,
        public_url=SETTINGS["PUBLIC_URL"] + "/",
    )


STANDINS: dict[str, Callable[[], Any]] = {
    "whatsapp": GraphStandin,
    "sms": TwilioStandin,
    "smsgate": SmsGateStandin,
    "telegram": TelegramStandin,
    "email": SendGridStandin,
}
ADDRESSES = {
    "whatsapp": "+18765550101",
    "sms": "+18765550102",
    "smsgate": "+18765550104",
    "telegram": "5550103",
    "email": "marva@example.com",
}


@pytest.fixture(params=NAMES)
async def line(request: pytest.FixtureRequest, session: aiohttp.ClientSession) -> AsyncIterator[Line]:
    async with STANDINS[request.param]() as provider:
        http = Http(session, request.param, timeout_seconds=0.3)
        yield Line(build(request.param, http, provider.api_url), provider, ADDRESSES[request.param])


# --- what is shown -----------------------------------------------------------------------------------


async def test_a_text_arrives_once_and_unchanged(line: Line) -> None:
    text = "J$5,000 from Devon for Sunday Club, round 3 of 5. R-7K2MQ9XA."
    outcome = await line.says(text)
    (heard,) = line.provider.of(line.address)
    assert heard.text == text
    assert outcome == Sent(heard.provider_id, arrived=line.chat.name == "telegram")


async def test_messages_to_one_address_keep_their_order(line: Line) -> None:
    for number in range(5):
        await line.says(f"number {number}")
    assert line.provider.texts(line.address) == [f"number {number}" for number in range(5)]


async def test_a_choice_can_be_made_on_every_channel(line: Line) -> None:
    await line.says("Did your draw reach?", YES_NO)
    (heard,) = line.provider.of(line.address)
    if line.chat.name == "sms":
        assert heard.text == "Did your draw reach?\n1 Yes\n2 No"
    elif line.chat.name == "email":
        assert heard.text == (
            "Did your draw reach?\n\nTo answer, write to us in the chat that you use, with one of these: yes, no"
        )
    else:
        assert heard.text == "Did your draw reach?"
        assert heard.options == (("yes", "Yes"), ("no", "No"))


@pytest.mark.parametrize("many", range(1, 11))
async def test_up_to_ten_options_fit_everywhere(line: Line, many: int) -> None:
    options = tuple(Option(f"o{n}", f"Option {n}", "and its detail") for n in range(many))
    assert isinstance(await line.says("Choose", options), Sent)
    assert line.provider.refused == []


async def test_nothing_empty_is_sent(line: Line) -> None:
    for text in ("", "  \n"):
        with pytest.raises(ValueError, match="empty"):
            await line.says(text)
    assert line.provider.heard == []


labels = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(str.strip)
options = st.lists(
    st.builds(Option, st.from_regex(r"[a-z:]{1,40}", fullmatch=True), labels, st.just("") | labels),
    max_size=10,
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4096)


@given(text=texts.filter(str.strip), options=options, button=st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_whatever_is_said_meta_would_take_it_or_we_refuse_it(text: str, options: list[Option], button: str) -> None:
    message = Outgoing(text, tuple(options), button)
    try:
        payload = payload_of("+18765550101", message)
    except ValueError:
        assert len(numbered(message)) > 4096
        return
    try:
        _graph_message(json.loads(json.dumps(payload)))
    except RefusedError as refusal:
        pytest.fail(f"{refusal.body}: {payload}")


@given(text=texts, options=options)
@settings(max_examples=200, deadline=None)
def test_whatever_is_said_an_sms_is_within_two_plain_segments_or_refused(text: str, options: list[Option]) -> None:
    try:
        sent = text_of(Outgoing(text, tuple(options)))
    except ValueError:
        return
    assert 0 < len(sent) <= 306
    assert sent.strip()


# --- WhatsApp's own ----------------------------------------------------------------------------------


def test_up_to_three_options_are_buttons_and_more_are_a_list() -> None:
    three = payload_of("+18765550101", Outgoing("?", tuple(Option(f"{n}", f"Label {n}") for n in range(3))))
    four = payload_of("+18765550101", Outgoing("?", tuple(Option(f"{n}", f"Label {n}") for n in range(4)), "Pay"))
    assert three["interactive"]["type"] == "button"
    assert four["interactive"]["type"] == "list"
    assert four["interactive"]["action"]["button"] == "Pay"


def test_more_than_ten_options_are_refused_loudly() -> None:
    with pytest.raises(ValueError, match="pages"):
        payload_of("+18765550101", Outgoing("?", tuple(Option(f"{n}", f"Label {n}") for n in range(11))))


def test_a_long_text_with_a_choice_becomes_a_numbered_menu() -> None:
    payload = payload_of("+18765550101", Outgoing("x" * 1025, YES_NO))
    assert payload["text"]["body"].endswith("x\n1 Yes\n2 No")
    with pytest.raises(ValueError, match="4096"):
        payload_of("+18765550101", Outgoing("x" * 4090, YES_NO))


def test_labels_that_trimming_makes_equal_become_a_numbered_menu() -> None:
    """Nobody shall guess between two buttons that read the same."""
    alike = (Option("a", "Sunday Club of Half Way Tree A"), Option("b", "Sunday Club of Half Way Tree B"))
    payload = payload_of("+18765550101", Outgoing("Which?", alike))
    assert payload["text"]["body"].endswith("\n2 Sunday Club of Half Way Tree B")


def test_a_label_cut_short_stands_whole_in_its_rows_description() -> None:
    label = "Sunday Club of Half Way Tree"
    payload = payload_of("+18765550101", Outgoing("Which?", tuple(Option(f"{n}", f"{n} {label}") for n in range(4))))
    row = payload["interactive"]["action"]["sections"][0]["rows"][1]
    assert row == {"id": "1", "title": "1 Sunday Club of Half…", "description": f"1 {label}"}


@pytest.mark.parametrize(
    ("label", "limit", "expected"),
    [
        ("Card", 20, "Card"),
        ("exactly twenty chars", 20, "exactly twenty chars"),
        ("Pay with a card now please", 20, "Pay with a card now…"),
        ("Supercalifragilisticexpialidocious", 20, "Supercalifragilisti…"),
        ("A Supercalifragilisticexpialidocious", 20, "A Supercalifragilis…"),
        ("  two   spaces ", 20, "two spaces"),
    ],
)
def test_labels_are_trimmed_at_a_word(label: str, limit: int, expected: str) -> None:
    assert trimmed(label, limit) == expected


def test_a_person_without_a_number_is_named_by_recipient() -> None:
    payload = payload_of("JM.13491208655302741918", Outgoing("Hello"))
    assert payload["recipient"] == "JM.13491208655302741918"
    assert "to" not in payload


def test_heyoo_cannot_reach_the_network() -> None:
    """Nothing is left of it but the building of payloads."""
    import heyoo

    assert not hasattr(heyoo.requests, "get")
    assert heyoo.WhatsApp("t", "1").send_message("Hello", "18765550101")["text"]["body"] == "Hello"


async def test_what_is_too_much_to_one_person_waits_and_others_do_not(session: aiohttp.ClientSession) -> None:
    async with GraphStandin() as graph:
        graph.enforce()
        chat = build("whatsapp", Http(session, "whatsapp"), graph.api_url)
        many = [await chat.send("+18765550101", Outgoing(f"{n}"), f"k{n}") for n in range(46)]
        assert all(isinstance(one, Sent) for one in many[:45])
        assert many[45] == Retry("too many to one person", 6.0, growth=4.0)
        assert isinstance(await chat.send("+18765550105", Outgoing("Hello"), "k"), Sent)


async def test_outside_the_window_meta_takes_an_approved_form_alone(session: aiohttp.ClientSession) -> None:
    async with GraphStandin() as graph:
        graph.approve(exported())
        graph.shut.add("+18765550101")
        chat = build("whatsapp", Http(session, "whatsapp"), graph.api_url)
        late = await chat.send("+18765550101", Outgoing("Hello"), "k1")
        assert late == Refused("outside the 24 hours", "131047", shut=True)
        assert isinstance(await chat.send("+18765550101", Outgoing("Hi", template=news(Language.EN)), "k2"), Sent)
        unknown = Outgoing("Hi", template=Template("never_seen", "en"))
        assert await chat.send("+18765550101", unknown, "k3") == Refused("refused 404", "132001")
        (heard,) = graph.of("+18765550101")
        assert "there is news for you" in heard.text


# --- SMS's own ---------------------------------------------------------------------------------------


def test_an_sms_is_plain_gsm() -> None:
    assert text_of(Outgoing("Devon\u2019s draw 👋 is J$5,000")) == "Devon's draw is J$5,000"


def test_an_sms_over_two_segments_is_refused_loudly() -> None:
    """One septet less than two hold: a sign of two septets never stands on both sides of the border."""
    assert len(text_of(Outgoing("x" * 305))) == 305
    with pytest.raises(ValueError, match="305"):
        text_of(Outgoing("x" * 306))
    with pytest.raises(ValueError, match="305"):
        text_of(Outgoing("x" * 302 + "[]"))


@pytest.mark.parametrize(("sender", "name"), [("+18765550199", "From"), ("MG0123", "MessagingServiceSid")])
async def test_an_sms_asks_for_its_status(session: aiohttp.ClientSession, sender: str, name: str) -> None:
    async with TwilioStandin() as provider:
        sms = Sms(twilio(Http(session, "sms"), provider.api_url + "/", sender=sender))
        await sms.send("+18765550102", Outgoing("Hello & welcome +1 = é"), "k")
        (heard,) = provider.heard
        assert heard.raw[name] == sender
        assert heard.raw["StatusCallback"] == "https://pardna.example/hooks/sms/status"
        assert heard.text == "Hello & welcome +1 = é"


# --- Telegram's own ----------------------------------------------------------------------------------


def test_two_short_labels_share_a_row() -> None:
    labels = ["Yes", "No", "A label that is rather long", "Back", "Menu", "Help"]
    keyboard = keyboard_of(tuple(Option(str(n), label) for n, label in enumerate(labels)))
    assert keyboard is not None
    rows = [[key.text for key in row] for row in keyboard.inline_keyboard]
    assert rows == [["Yes", "No"], ["A label that is rather long"], ["Back", "Menu"], ["Help"]]


def test_an_id_over_64_bytes_is_refused_loudly() -> None:
    assert keyboard_of((Option("x" * 64, "x"),))
    with pytest.raises(ValueError, match="64"):
        keyboard_of((Option("é" * 33, "x"),))


async def test_telegrams_limit_counts_utf_16(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        assert isinstance(await telegram.send("7", Outgoing("👋" * 2048), "k"), Sent)
        with pytest.raises(ValueError, match="4096"):
            await telegram.send("7", Outgoing("👋" * 2049), "k")


async def test_a_web_hook_can_be_set_and_dropped(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        url = "https://pardna.example/hooks/telegram"
        assert await telegram.set_hook(url, "secret") == Sent(url)
        assert provider.webhook == url
        assert await telegram.drop_hook() == Sent("")
        assert provider.webhook == ""


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_tap_that_cannot_be_answered_raises_nothing(session: aiohttp.ClientSession, fault: Fault) -> None:
    async with TelegramStandin() as provider:
        http = Http(session, "telegram", timeout_seconds=0.3)
        telegram = Telegram(http, provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        provider.misbehave(fault)
        assert isinstance(await telegram.answer("7", Tap("1", "11", "Over", over=True)), Retry | Unknown)
        assert provider.shut == []


async def test_a_tap_is_answered_and_its_keyboard_taken_away(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        assert await telegram.answer("7", Tap("1", "11")) == Sent("1")
        assert await telegram.answer("7", Tap("2", "11", "o" * LONGEST_TOAST, over=True)) == Sent("2")
        assert await telegram.answer("7", Tap("3", "11", over=True)) == Sent("3")  # its keyboard is gone already
        assert await telegram.answer("7", Tap("3", "12", over=True)) == Refused("refused 400", "400")
        assert provider.answered == ["1", "2", "3"]
        assert provider.toasts["2"] == "o" * LONGEST_TOAST
        assert provider.shut == [("7", "11"), ("7", "12")]


async def test_who_administers_a_group_is_asked(session: aiohttp.ClientSession) -> None:
    order = {"circle": "K7QX2M", "person": "telegram:7", "group": "telegram:-1001", "party": "telegram:-1001"}
    async with TelegramStandin() as provider:
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        assert await telegram.enquire(order, "group:1") == Refused("refused 400", "400", gone=True)
        for admins, is_one in (([7, 8], True), ([8], False)):
            provider.admins["-1001"] = admins
            outcome = await telegram.enquire(order, "group:1")
            assert isinstance(outcome, Sent)
            (told,) = outcome.arrivals
            assert (told.kind, told.party, told.external_id) == ("event", "telegram:-1001", "group:1:answered")
            said = {"circle": "K7QX2M", "party": "telegram:7", "group": "telegram:-1001", "admin": is_one}
            assert told.body == {"kind": "group_answered", **said}


async def test_a_group_is_followed_to_its_new_id(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        provider.moved["-4001"] = "-1001"
        outcome = await telegram.send("-4001", Outgoing("Round 2 is open"), "k")
        assert provider.texts("-1001") == ["Round 2 is open"]
        assert isinstance(outcome, Sent)
        (told,) = outcome.arrivals
        assert (told.party, told.kind) == ("telegram:-4001", "event")
        assert told.body == {"kind": "group_moved", "of_group": "telegram:-4001", "moved_to": "telegram:-1001"}
        provider.blocked.add("-1001")
        assert await telegram.send("-4001", Outgoing("Round 3"), "k") == Refused("blocked the bot", "403", gone=True)
        provider.blocked.clear()


async def test_a_group_that_is_told_too_much_waits_alone(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        provider.misbehave(Fault.THROTTLED, to="-1001")
        assert await telegram.send("-1001", Outgoing("Round 3"), "k") == Retry("throttled", 3.0)
        assert telegram.rate_to("-1001").every_seconds == 60 / 20


# --- e-mail's own ------------------------------------------------------------------------------------


async def test_a_mail_is_text_and_html_and_can_be_stopped_by_one_click(session: aiohttp.ClientSession) -> None:
    async with SendGridStandin() as provider:
        mail = build("email", Http(session, "email"), provider.api_url)
        paper = Attachment(AttachmentKind.DOCUMENT, "id", "book.pdf", "Your book", "en", content=b"%PDF-1.7")
        await mail.send("marva@example.com", Outgoing("Round 2 <b>is due</b>", attachment=paper), "n1:email:marva")
        (heard,) = provider.heard
        assert heard.text == "Round 2 <b>is due</b>\n\nYour book"
        assert "Round 2 &lt;b&gt;is due&lt;/b&gt;" in heard.raw["content"][1]["value"]
        assert heard.raw["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = heard.raw["headers"]["List-Unsubscribe"].strip("<>")
        assert link.startswith("https://pardna.example/mail/stop/")
        assert all(link in part["value"] for part in heard.raw["content"])
        assert "marva" not in link + heard.provider_id
        assert heard.file is not None
        assert (heard.file.name, heard.file.mime, heard.file.content) == ("book.pdf", "application/pdf", b"%PDF-1.7")
        assert heard.raw["tracking_settings"]["click_tracking"] == {"enable": False}


async def test_the_same_key_is_the_same_mail_to_its_events(session: aiohttp.ClientSession) -> None:
    async with SendGridStandin() as provider:
        mail = build("email", Http(session, "email"), provider.api_url)
        first, again, other = [await mail.send("m@example.com", Outgoing("Hello"), key) for key in ("k1", "k1", "k2")]
        assert first == again != other


async def test_an_address_that_is_none_for_mail_is_gone(session: aiohttp.ClientSession) -> None:
    async with SendGridStandin() as provider:
        mail = build("email", Http(session, "email"), provider.api_url)
        expected = Refused("not an address for mail", "400", gone=True)
        assert await mail.send("marva@localhost", Outgoing("Hello"), "k") == expected


async def test_a_sender_that_is_not_verified_is_ours_to_mend(session: aiohttp.ClientSession) -> None:
    async with SendGridStandin() as provider:
        site = SETTINGS["PUBLIC_URL"]
        letters = Letters(Catalogue(site), StopLinks(Vault.from_keys(new_keys()), site))
        key = SENDGRID["SENDGRID_API_KEY"]
        mail = Email(Http(session, "email"), provider.api_url, key, "who@else.example", letters.write)
        outcome = await mail.send("m@example.com", Outgoing("Hello"), "k")
        assert outcome == Retry("credentials refused", 300.0, ours=True)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (202, b"", Sent("i")),
        (200, b"", Unknown("strange answer 200")),
        (400, b'{"errors": [{"field": "subject", "message": "x"}]}', Refused("refused 400", "400")),
        (400, b'{"errors": [{"field": null}, 5]}', Refused("refused 400", "400")),
        (400, b'{"errors": "x"}', Refused("refused 400", "400")),
        (413, b"", Refused("refused 413", "413")),
        (429, b"", Retry("throttled", everybody=True)),
        (503, b"", Retry("provider trouble 503")),
    ],
)
def test_what_sendgrid_answers_means(status: int, body: bytes, expected: Any) -> None:
    assert outcome_of(Reply(status, body, {}), "i") == expected


@pytest.mark.parametrize(("reset", "least", "most"), [(30, 20, 30), (-5, 0, 0), (90_000, 3600, 3600)])
def test_the_end_of_sendgrids_limit_is_waited_for(reset: int, least: float, most: float) -> None:
    outcome = outcome_of(Reply(429, b"", {"X-RateLimit-Reset": str(int(time()) + reset)}), "i")
    assert isinstance(outcome, Retry)
    assert least <= outcome.after_seconds <= most
    assert outcome_of(Reply(429, b"", {"X-RateLimit-Reset": "soon"}), "i") == Retry("throttled", everybody=True)


@pytest.mark.parametrize(
    ("pdf_bytes", "csv_bytes", "carried"),
    [
        (1000, 1000, ["book.pdf", "book.csv"]),
        (LARGEST_ATTACHED_BYTES, 1000, ["book.pdf"]),
        (LARGEST_ATTACHED_BYTES + 1, 1000, ["book.csv"]),
        (LARGEST_ATTACHED_BYTES + 1, LARGEST_ATTACHED_BYTES + 1, []),
        (0, 0, []),
    ],
)
def test_a_mail_carries_what_a_mailbox_takes(pdf_bytes: int, csv_bytes: int, carried: list[str]) -> None:
    """What is too large is left out: the text has the link to it."""
    pdf = Attachment(AttachmentKind.DOCUMENT, "d", "book.pdf", "The book", "en", content=b"x" * pdf_bytes)
    csv = Attachment(AttachmentKind.TABLE, "d", "book.csv", "The book", "en", content=b"x" * csv_bytes)
    message, letter = (
        Outgoing("The book", attachment=pdf, beside=csv),
        Letter("The book", "t", "h", "https://x.example"),
    )
    body = mail_of(SENDGRID["SENDGRID_FROM"], "m@example.com", message, letter, "i")
    check(body)
    assert [part["filename"] for part in body.get("attachments", [])] == carried
    assert len(json.dumps(body)) < 10_000_000


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"content": [{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]}, 400),
        ({"content": [{"type": "text/plain", "value": ""}]}, 400),
        ({"subject": ""}, 400),
        ({"from": {"email": "who@else.example"}}, 403),
        ({"personalizations": []}, 400),
        ({"personalizations": [{"to": [{"email": f"m{n}@example.com"} for n in range(1001)]}]}, 400),
        ({"personalizations": [{"to": [{"email": "m@example.com"}, {"email": "M@example.com"}]}]}, 400),
        ({"headers": {"Subject": "x"}}, 400),
        ({"attachments": [{"content": "?", "filename": "x"}]}, 400),
    ],
)
def test_the_stand_in_refuses_what_sendgrid_refuses(change: dict[str, Any], status: int) -> None:
    plain = [{"type": "text/plain", "value": "x"}]
    to = [{"to": [{"email": f"m{n}@example.com"} for n in range(1000)]}]
    mail = {"personalizations": to, "from": {"email": SENDGRID["SENDGRID_FROM"]}, "subject": "x", "content": plain}
    check(mail)
    with pytest.raises(RefusedError) as refusal:
        check(mail | change)
    assert refusal.value.status == status


# --- what an answer means ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "taken"),
    [
        (Fault.THROTTLED, Retry, 0),
        (Fault.BROKEN, Retry, 0),
        (Fault.GATEWAY, Unknown, 0),
        (Fault.HTML, Unknown, 0),
        (Fault.STALL, Unknown, 0),
        (Fault.RESET, Unknown, 0),
        (Fault.HALF, Unknown, 1),
        (Fault.LOST, Unknown, 1),
    ],
)
async def test_every_trouble_is_an_outcome(line: Line, fault: Fault, kind: type, taken: int) -> None:
    """Retry only where it was surely not taken."""
    line.provider.misbehave(fault)
    outcome = await line.says("Hello")
    assert isinstance(outcome, kind)
    assert len(line.provider.heard) == taken
    assert isinstance(await line.says("Hello again"), Sent)


async def test_a_provider_that_is_down_is_tried_again(line: Line) -> None:
    await line.provider.stop()
    assert await line.says("Hello") == Retry("not connected")


async def test_the_wait_that_telegram_asks_for_is_kept(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        provider.misbehave(Fault.THROTTLED)
        assert await telegram.send("7", Outgoing("Hello"), "k") == Retry("throttled", 3.0, everybody=True)


@pytest.mark.parametrize("name", NAMES)
async def test_a_dead_token_keeps_the_message(session: aiohttp.ClientSession, name: str) -> None:
    async with STANDINS[name]() as provider:
        chat = build(name, Http(session, name), provider.api_url, token="123:dead")
        outcome = await chat.send(ADDRESSES[name], Outgoing("Hello"), "k")
        assert outcome == Retry("credentials refused", 300.0, ours=True)


async def test_a_person_who_blocked_the_bot_is_gone(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        provider.blocked.add("7")
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        assert await telegram.send("7", Outgoing("Hello"), "k") == Refused("blocked the bot", "403", gone=True)
        assert await telegram.send("nobody", Outgoing("Hello"), "k") == Refused("refused 400", "400", gone=True)


CODES_MEAN: list[tuple[str, int, Any]] = [
    *(("whatsapp", code, Retry("throttled", 60.0, everybody=True)) for code in (4, 80007)),
    *(("whatsapp", code, Retry("throttled", 3600.0)) for code in (131048, 133016)),
    ("whatsapp", 130429, Retry("throttled", 1.0, everybody=True)),
    ("whatsapp", 131056, Retry("too many to one person", 6.0, growth=4.0)),
    ("whatsapp", 131049, Retry("not now", 3600.0)),
    *(("whatsapp", code, Retry("provider trouble")) for code in (1, 2, 131000, 131016, 131053, 131057, 133004)),
    *(("whatsapp", code, Retry("credentials refused", 300.0, ours=True)) for code in (0, 3, 10, 190)),
    *(("whatsapp", code, Retry("credentials refused", 300.0, ours=True)) for code in range(200, 300)),
    *(("whatsapp", code, Retry("account stopped", 300.0, ours=True)) for code in (368, 131031, 131042)),
    ("whatsapp", 131047, Refused("outside the 24 hours", "131047", shut=True)),
    ("whatsapp", 131026, Refused("not on WhatsApp", "131026", gone=True)),
    ("whatsapp", 131050, Refused("opted out of messages", "131050", gone=True)),
    ("whatsapp", 132001, Refused("refused 400", "132001")),
    ("whatsapp", 131009, Refused("refused 400", "131009")),
    ("sms", 20003, Retry("credentials refused", 300.0, ours=True)),
    ("sms", 20429, Retry("throttled", 1.0, everybody=True)),
    ("sms", 14107, Retry("throttled", 1.0, everybody=True)),
    ("sms", 21611, Retry("throttled", 1.0, everybody=True)),
    ("sms", 30001, Retry("throttled", 1.0, everybody=True)),
    ("sms", 30022, Retry("throttled", 1.0, everybody=True)),
    ("sms", 20500, Retry("provider trouble")),
    ("sms", 20503, Retry("provider trouble")),
    ("sms", 21610, Refused("opted out", "21610", gone=True)),
    ("sms", 21211, Refused("not a number for SMS", "21211", gone=True)),
    ("sms", 21217, Refused("not a number for SMS", "21217", gone=True)),
    ("sms", 21265, Refused("not a number for SMS", "21265", gone=True)),
    ("sms", 21614, Refused("not a number for SMS", "21614", gone=True)),
    ("sms", 30003, Refused("unreachable", "30003")),
    ("sms", 30005, Refused("unknown number", "30005", gone=True)),
    ("sms", 30006, Refused("landline", "30006", gone=True)),
    ("sms", 30007, Refused("filtered by a carrier", "30007")),
    ("sms", 21617, Refused("too long", "21617")),
    ("sms", 63016, Refused("outside WhatsApp's window", "63016")),
    ("sms", 21408, Refused("refused 400", "21408")),
]


@pytest.mark.parametrize(("name", "code", "expected"), CODES_MEAN)
async def test_every_code_has_its_meaning(session: aiohttp.ClientSession, name: str, code: int, expected: Any) -> None:
    async with STANDINS[name]() as provider:
        provider.codes[ADDRESSES[name]] = code
        outcome = await build(name, Http(session, name), provider.api_url).send(ADDRESSES[name], Outgoing("Hello"), "k")
        assert outcome == expected


def test_each_code_of_twilios_table_is_tested() -> None:
    assert {code for name, code, _ in CODES_MEAN if name == "sms"} == {*twilio_codes.CODES, 21408}


def test_each_code_of_metas_table_is_tested() -> None:
    assert {code for name, code, _ in CODES_MEAN if name == "whatsapp"} == {*whatsapp_codes.CODES, 132001, 131009}


async def test_cancelling_a_send_ends_it(line: Line) -> None:
    line.provider.misbehave(Fault.STALL)
    sending = asyncio.ensure_future(line.says("Hello"))
    await asyncio.sleep(0.05)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


# --- what is never told ------------------------------------------------------------------------------


async def test_nothing_of_a_message_is_logged_or_told(
    line: Line, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither address, text nor token, whatever goes wrong and however much is logged."""
    told: list[str] = []
    with caplog.at_level(logging.DEBUG):
        for fault in (None, *Fault):
            if fault:
                line.provider.misbehave(fault)
            told.append(repr(await line.says(SECRET_TEXT, YES_NO)))
        if isinstance(line.provider, GraphStandin | TwilioStandin):
            line.provider.codes[line.address] = 100
            told.append(repr(await line.says(SECRET_TEXT)))
        await line.provider.stop()
        told.append(repr(await line.says(SECRET_TEXT)))
    ours = [record for record in caplog.records if not record.name.startswith(("aiohttp.", "asyncio"))]
    shown = "\n".join([*told, *capsys.readouterr(), *(record.getMessage() for record in ours)])
    for secret in (line.address.removeprefix("+"), "24,500", *tokens()):
        assert secret not in shown


async def test_a_base_address_that_is_none_tells_no_token(session: aiohttp.ClientSession) -> None:
    for base in ("nonsense", "http://", "http://[::1", "ftp://x", "http://127.0.0.1:99999"):
        for name in NAMES:
            outcome = await build(name, Http(session, name), base).send(ADDRESSES[name], Outgoing("Hi"), "k")
            assert isinstance(outcome, Retry)
            assert not any(token in repr(outcome) for token in tokens())


def tokens() -> list[str]:
    ours = [SETTINGS[name] for name in ("WHATSAPP_TOKEN", "TWILIO_AUTH_TOKEN", "TELEGRAM_TOKEN")]
    return [*ours, SMSGATE["SMSGATE_PASSWORD"], SENDGRID["SENDGRID_API_KEY"]]


async def test_each_call_is_counted_without_an_address(session: aiohttp.ClientSession) -> None:
    seen: list[tuple[str, str, float]] = []
    async with GraphStandin() as graph:
        http = Http(session, "whatsapp", observe=lambda *call: seen.append(call))
        chat = build("whatsapp", http, graph.api_url)
        await chat.send("+18765550101", Outgoing("Hello"), "k")
        graph.misbehave(Fault.RESET)
        await chat.send("+18765550101", Outgoing("Hello"), "k")
    assert [call[:2] for call in seen] == [("whatsapp", "200"), ("whatsapp", "connection lost")]
    assert all(0 <= seconds < 5 for _, _, seconds in seen)


Sender = Callable[[str, Outgoing, str], Awaitable[Any]]


async def test_a_429_is_for_everybody_to_heed(line: Line) -> None:
    """Whatever a provider's way is to say it (Meta: 130429)."""
    line.provider.misbehave(Fault.THROTTLED)
    outcome = await line.says("Hello")
    assert isinstance(outcome, Retry)
    assert outcome.everybody


def test_some_providers_count_what_goes_to_one_address_too(session: aiohttp.ClientSession) -> None:
    chats = {name: build(name, Http(session, name), "https://example.com") for name in NAMES}
    counted = {name for name, chat in chats.items() if isinstance(chat, Personal)}
    assert counted == {"whatsapp", "telegram"}
    whatsapp, telegram = chats["whatsapp"], chats["telegram"]
    assert isinstance(whatsapp, Personal)
    assert isinstance(telegram, Personal)
    assert whatsapp.rate_to("+18765550101") == Rate(6.0, 45)
    assert (telegram.rate_to("5550103"), telegram.rate_to("-1005550103")) == (Rate(1.0, 3), Rate(3.0))


async def test_every_chat_keeps_the_contract(line: Line) -> None:
    chat: Chat = line.chat
    send: Sender = chat.send
    assert callable(send)
    assert chat.rate_per_second > 0
    assert re.fullmatch("whatsapp|sms|telegram|email", chat.name)
