"""Pictures and documents go with the words on every channel that shows them, and never hold the words up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest

from channels.base import Chat, Retry, Sent, Unknown
from channels.chat.telegram import Telegram
from channels.chat.whatsapp import WhatsApp
from channels.chat.whatsapp.payload import payload_of
from channels.forms import File, multipart
from channels.http import Http
from domain.messages import Attachment, AttachmentKind, Option, Outgoing, is_caption
from tests.standins import Fault, GraphStandin, Standin, TelegramStandin
from tests.vendors import SETTINGS

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1080).to_bytes(4) + (1500).to_bytes(4) + b"rest of a picture"
PICTURE = Attachment(AttachmentKind.IMAGE, "d1", "K7QX2M-round-3.png", "Round 3 of 5", "en", "t", PNG)
PAPER = Attachment(AttachmentKind.DOCUMENT, "d2", 'statement "of" K7QX2M.pdf', "Statement", "en", "t", b"%PDF-1.4 x")
YES_NO = (Option("yes", "Yes"), Option("no", "No"))
ROSTER = "1 Marva, thrown\n2 Devon, not yet thrown"


@dataclass(frozen=True)
class Line:
    """A chat that shows pictures, the stand-in of its provider, and somebody to write to."""

    chat: Chat
    provider: Standin
    address: str

    async def shows(self, attached: Attachment, text: str = ROSTER, options: tuple[Option, ...] = ()) -> object:
        return await self.chat.send(self.address, Outgoing(text, options, attachment=attached), "key-1")


@pytest.fixture(params=["whatsapp", "telegram"])
async def line(request: pytest.FixtureRequest, session: aiohttp.ClientSession) -> AsyncIterator[Line]:
    http = Http(session, request.param, timeout_seconds=0.3)
    if request.param == "whatsapp":
        async with GraphStandin() as graph:
            number = SETTINGS["WHATSAPP_PHONE_NUMBER_ID"]
            chat: Chat = WhatsApp(http, graph.api_url, SETTINGS["WHATSAPP_TOKEN"], number)
            yield Line(chat, graph, "+18765550101")
    else:
        async with TelegramStandin() as provider:
            yield Line(Telegram(http, provider.api_url, SETTINGS["TELEGRAM_TOKEN"]), provider, "5550103")


async def test_a_picture_comes_with_its_words_in_one_message(line: Line) -> None:
    outcome = await line.shows(PICTURE)
    (heard,) = line.provider.of(line.address)
    assert outcome == Sent(heard.provider_id, arrived=line.chat.name == "telegram")
    assert heard.text == ROSTER
    assert heard.file is not None
    assert (heard.file.name, heard.file.mime, heard.file.content) == (PICTURE.name, "image/png", PNG)
    assert line.provider.refused == []


async def test_answers_stand_below_a_picture(line: Line) -> None:
    await line.shows(PICTURE, options=YES_NO)
    (heard,) = line.provider.of(line.address)
    assert heard.file is not None
    assert heard.text == ROSTER
    assert heard.options == (("yes", "Yes"), ("no", "No"))


async def test_a_statement_comes_as_a_file_with_a_harmless_name(line: Line) -> None:
    await line.shows(PAPER, "Sunday Club to Fri 15 Jan: thrown J$15,000.")
    (heard,) = line.provider.of(line.address)
    assert heard.file is not None
    assert (heard.file.mime, heard.file.content) == ("application/pdf", b"%PDF-1.4 x")
    assert '"' not in heard.file.name
    assert heard.file.name.endswith(".pdf")


@pytest.mark.parametrize("length", [1024, 1025])
async def test_what_is_a_caption_is_taken_and_what_is_longer_is_none(line: Line, length: int) -> None:
    message = Outgoing("x" * length, attachment=PICTURE)
    assert is_caption(message) is (length == 1024)
    if is_caption(message):
        assert isinstance(await line.chat.send(line.address, message, "k"), Sent)
    else:
        with pytest.raises(ValueError, match="1024"):
            await line.chat.send(line.address, message, "k")
    assert line.provider.refused == []


async def test_a_picture_that_could_not_be_drawn_leaves_the_words(line: Line) -> None:
    await line.shows(replace(PICTURE, content=b""))
    (heard,) = line.provider.of(line.address)
    assert (heard.text, heard.file) == (ROSTER, None)


async def test_a_file_that_the_provider_refuses_for_good_leaves_the_words(line: Line) -> None:
    if isinstance(line.provider, GraphStandin):
        line.provider.codes["media"] = 100
    else:
        assert isinstance(line.provider, TelegramStandin)
        line.provider.refuse_files = True
    assert isinstance(await line.shows(PICTURE, options=YES_NO), Sent)
    (heard,) = line.provider.of(line.address)
    assert (heard.text, heard.file) == (ROSTER, None)
    assert len(heard.options) == 2


async def test_a_blocked_bot_is_not_asked_a_second_time(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as provider:
        provider.blocked.add("7")
        telegram = Telegram(Http(session, "telegram"), provider.api_url, SETTINGS["TELEGRAM_TOKEN"])
        await telegram.send("7", Outgoing(ROSTER, attachment=PICTURE), "k")
        assert len(provider.refused) == 1


@pytest.mark.parametrize("fault", list(Fault))
async def test_an_upload_in_trouble_is_tried_again_and_nobody_saw_it(
    session: aiohttp.ClientSession, fault: Fault
) -> None:
    """Only what reaches a person may be unknown: an upload reaches nobody."""
    async with GraphStandin() as graph:
        number = SETTINGS["WHATSAPP_PHONE_NUMBER_ID"]
        http = Http(session, "whatsapp", timeout_seconds=0.3)
        chat = WhatsApp(http, graph.api_url, SETTINGS["WHATSAPP_TOKEN"], number)
        chat_upload = asyncio.wait_for(chat.send("+18765550101", Outgoing(ROSTER, attachment=PICTURE), "k"), 10)
        graph.misbehave(fault, to="media")
        assert isinstance(await chat_upload, Retry)
        assert graph.heard == []


async def test_a_message_whose_answer_is_lost_is_unknown_with_a_picture_too(line: Line) -> None:
    line.provider.misbehave(Fault.LOST, to=line.address)
    assert isinstance(await line.shows(PICTURE), Unknown)
    assert len(line.provider.of(line.address)) == 1


def test_more_answers_than_buttons_are_numbered_below_a_picture() -> None:
    options = tuple(Option(f"o{n}", f"Option {n}") for n in range(5))
    payload = payload_of("+18765550101", Outgoing("Which?", options, attachment=PICTURE), "m1")
    assert payload["image"] == {"id": "m1", "caption": "Which?\n" + "\n".join(f"{n + 1} Option {n}" for n in range(5))}


def test_the_same_form_makes_the_same_bytes_and_its_end_is_found_in_no_file() -> None:
    first = multipart({"a": "b"}, {"file": File("x.png", "image/png", b"--\r\n--")})
    assert first == multipart({"a": "b"}, {"file": File("x.png", "image/png", b"--\r\n--")})
    assert first[0].count(first[1].partition("=")[2].encode()) == 3


def test_an_attachment_is_kept_without_what_is_drawn_and_shows_no_token() -> None:
    message = Outgoing("Words", attachment=PICTURE, beside=replace(PICTURE, kind=AttachmentKind.TABLE, content=b""))
    kept = message.as_json()
    assert Outgoing.from_json(kept) == replace(message, attachment=replace(PICTURE, content=b""))
    assert "token" not in repr(message)
    assert Outgoing.from_json({"text": "old", "options": [], "button": ""}) == Outgoing("old")
