"""Files that people send are got from their network alone, whole or not at all, and every other way has an outcome."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from channels.base import Fetching, Outcome, Refused, Retry, Unknown
from channels.chat.sms import Sms, Twilio
from channels.chat.telegram import Telegram
from channels.chat.whatsapp import WhatsApp
from channels.chat.whatsapp.chat import FILE_HOSTS
from channels.files import ELSEWHERE, EXPIRED, GONE, LARGEST_BYTES, TOO_LARGE, is_at, is_same
from channels.http import CREDENTIALS_REFUSED, Http
from channels.partner import outside_session
from channels.scanner import INFECTED, make_scanner
from tests.standins import Fault, GraphStandin, Sent, TelegramStandin, TwilioStandin
from tests.vendors import SETTINGS

PICTURE = Sent("slip.jpg", "image/jpeg", b"\xff\xd8\xff a slip " * 9000)
TWILIO_ID = f"MM{'0' * 32}/ME{'1' * 32}"


@dataclass(frozen=True)
class Line:
    """A chat on which people send files, the stand-in of its network, and the name of one file."""

    chat: Fetching
    network: "Network"
    reference: str

    async def fetches(self) -> bytes | Outcome:
        return await self.chat.fetch(self.reference)

    def holds(self, file: Sent = PICTURE) -> None:
        self.network.held[self.reference] = file


def build(kind: str, session: aiohttp.ClientSession, url: str, *, wrong: bool = False) -> Fetching:
    http = Http(session, kind, timeout_seconds=30)
    match kind:
        case "whatsapp":
            token = "wrong" if wrong else SETTINGS["WHATSAPP_TOKEN"]
            return WhatsApp(http, url, token, SETTINGS["WHATSAPP_PHONE_NUMBER_ID"])
        case "telegram":
            token = "110201543:wrong" if wrong else SETTINGS["TELEGRAM_TOKEN"]
            return Telegram(http, url, token)
        case _:
            token = "wrong" if wrong else SETTINGS["TWILIO_AUTH_TOKEN"]
            account = SETTINGS["TWILIO_ACCOUNT_SID"]
            return Sms(Twilio(http, url, account, token, sender="+18765550199", public_url="https://pardna.example"))


Network = GraphStandin | TelegramStandin | TwilioStandin
NETWORKS: dict[str, type[Network]] = {"whatsapp": GraphStandin, "telegram": TelegramStandin, "sms": TwilioStandin}
REFERENCES = {"whatsapp": "1013859600285441", "telegram": "BQACAgEAAxkBAAIB", "sms": TWILIO_ID}


@pytest.fixture(params=list(NETWORKS))
async def line(request: pytest.FixtureRequest, session: aiohttp.ClientSession) -> AsyncIterator[Line]:
    async with NETWORKS[request.param]() as network:
        chat = build(request.param, session, network.api_url)
        yield Line(chat, network, REFERENCES[request.param])


async def test_a_file_comes_whole(line: Line) -> None:
    line.holds()
    assert await line.fetches() == PICTURE.content


async def test_a_file_that_the_network_does_not_know_is_gone(line: Line) -> None:
    assert await line.fetches() == GONE


async def test_an_address_that_is_over_is_asked_for_anew(line: Line) -> None:
    line.holds()
    line.network.expired = True
    assert await line.fetches() == EXPIRED
    assert await line.fetches() == PICTURE.content


async def test_a_file_over_the_limit_is_left(line: Line) -> None:
    line.holds(Sent("film.jpg", "image/jpeg", b"x" * (LARGEST_BYTES + 1)))
    assert await line.fetches() == TOO_LARGE


async def test_what_lies_about_its_size_is_not_read_to_its_end(session: aiohttp.ClientSession) -> None:
    async with GraphStandin() as graph:
        graph.held["1"] = Sent("film.jpg", "image/jpeg", b"x" * (LARGEST_BYTES + 1))
        graph.told_size = 10
        assert await build("whatsapp", session, graph.api_url).fetch("1") == TOO_LARGE


async def test_what_telegram_itself_calls_too_big_is_left(session: aiohttp.ClientSession) -> None:
    async with TelegramStandin() as network:
        network.held["f"] = Sent("film.jpg", "image/jpeg", b"x" * ((20 << 20) + 1))
        assert await build("telegram", session, network.api_url).fetch("f") == TOO_LARGE


async def test_no_redirect_of_a_file_is_followed(line: Line) -> None:
    line.holds()
    line.network.sent_on = "https://evil.example/"
    assert isinstance(await line.fetches(), Unknown)


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.RESET, Fault.HALF, Fault.BROKEN, Fault.GATEWAY])
async def test_trouble_on_the_way_is_no_file_and_may_be_tried_again(
    line: Line, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.files.SECONDS", 0.3 if fault is Fault.STALL else 30)
    line.holds()
    # A connection that is reset is opened once more at once: a GET may be repeated.
    line.network.misbehave(fault, times=2 if fault is Fault.RESET else 1, to="file")
    assert isinstance(await line.fetches(), Retry | Unknown)
    monkeypatch.setattr("channels.files.SECONDS", 30)
    assert await line.fetches() == PICTURE.content


@pytest.mark.parametrize("kind", list(NETWORKS))
async def test_a_dead_token_is_the_operators_to_mend(kind: str, session: aiohttp.ClientSession) -> None:
    async with NETWORKS[kind]() as network:
        chat = build(kind, session, network.api_url, wrong=True)
        assert await chat.fetch(REFERENCES[kind]) == CREDENTIALS_REFUSED


ODD = [
    "https://evil.example/f",
    "http://lookaside.fbsbx.com/f",
    "https://lookaside.fbsbx.com.evil.example/f",
    "https://evilfbsbx.com/f",
    "https://lookaside.fbsbx.com@evil.example/f",
    "https://evil.example\\@lookaside.fbsbx.com/f",
    "https://lookaside.fbsbx.com:8443/f",
    "https://127.0.0.1/f",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/f",
    "file:///etc/passwd",
    "//lookaside.fbsbx.com/f",
    "https://lookaside.fbsbx.com/a b",
    "https://lookaside.fbsbx.com/a\r\nX: y",
    "https://twiliocdn.com.evil.example/",
    "",
]


@pytest.mark.parametrize("url", ODD)
async def test_a_file_anywhere_else_is_not_asked_for(session: aiohttp.ClientSession, url: str) -> None:
    for kind in ("whatsapp", "sms"):
        async with NETWORKS[kind]() as network:
            assert isinstance(network, GraphStandin | TwilioStandin)
            network.held[REFERENCES[kind]] = PICTURE
            network.elsewhere = url.replace("\r\n", " ") or "nowhere"
            assert await build(kind, session, network.api_url).fetch(REFERENCES[kind]) == ELSEWHERE
    assert not is_at(url, FILE_HOSTS)


def test_the_networks_own_hosts_are_known() -> None:
    assert is_at("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=Ab_-", FILE_HOSTS)
    assert is_at("https://mmg.whatsapp.net:443/d", FILE_HOSTS)
    assert is_same("https://graph.facebook.com/x", "https://graph.facebook.com/v26.0")
    assert not is_same("http://127.0.0.1:1/x", "http://127.0.0.1:2")


async def test_a_host_of_the_network_that_leads_into_our_own_network_is_not_called(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was made to point at us, say: the session for the outside finds no address for it."""
    monkeypatch.setattr("channels.chat.whatsapp.chat.FILE_HOSTS", ("localhost",))
    async with GraphStandin() as graph, outside_session() as outside:
        graph.held["1"] = PICTURE
        graph.elsewhere = "https://localhost/f"
        number = SETTINGS["WHATSAPP_PHONE_NUMBER_ID"]
        http = Http(session, "whatsapp")
        chat = WhatsApp(http, graph.api_url, SETTINGS["WHATSAPP_TOKEN"], number, outside=Http(outside, "files"))
        assert await chat.fetch("1") == Retry("not connected")


@pytest.mark.parametrize("path", ["../../etc/passwd", "a b", "https://evil.example/f", "a\\b", "x" * 300])
async def test_a_path_of_telegrams_that_leads_out_is_not_followed(session: aiohttp.ClientSession, path: str) -> None:
    async with TelegramStandin() as network:
        network.held["f"] = PICTURE
        network.file_path = path
        assert isinstance(await build("telegram", session, network.api_url).fetch("f"), Unknown)


# --- viruses ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def clamd(place: Path, says: bytes | None) -> AsyncIterator[list[bytes]]:
    """A clamd that reads INSTREAM as its protocol has it and says one thing; None: it says nothing."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        whole = b""
        while length := int.from_bytes(await reader.readexactly(4)):
            assert length <= 25 << 20
            whole += await reader.readexactly(length)
        seen.append(whole)
        if says is not None:
            writer.write(says)
        writer.close()

    server = await asyncio.start_unix_server(serve, place)
    async with server:
        yield seen


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (b"stream: OK\0", None),
        (b"stream: Eicar-Test-Signature FOUND\0", INFECTED),
        (b"INSTREAM size limit exceeded. ERROR\0", Retry("the virus scanner could not look")),
        (b"", Retry("the virus scanner could not look")),
    ],
)
async def test_clamd_is_asked_with_the_whole_file(
    tmp_path: Path, says: bytes, expected: Refused | Retry | None
) -> None:
    place = tmp_path / "clamd"
    async with clamd(place, says) as seen:
        scanner = make_scanner(f"unix:{place}")
        assert scanner is not None
        assert await scanner.scan(PICTURE.content) == expected
    assert seen == [PICTURE.content]


@pytest.mark.parametrize("setting", ["unix:/nowhere/clamd", "tcp:127.0.0.1:1", "command:/nowhere/scan"])
async def test_a_scanner_that_is_not_there_is_no_yes(setting: str) -> None:
    scanner = make_scanner(setting)
    assert scanner is not None
    assert isinstance(await scanner.scan(b"x"), Retry)


@pytest.mark.parametrize(
    ("code", "expected"), [(0, None), (1, INFECTED), (2, Retry("the virus scanner could not look"))]
)
async def test_a_command_says_by_its_end_what_it_found(code: int, expected: Refused | Retry | None) -> None:
    reads = f"import sys; sys.exit({code} if len(sys.stdin.buffer.read()) == {len(PICTURE.content)} else 9)"
    scanner = make_scanner(f"command:{sys.executable} -c '{reads}'")
    assert scanner is not None
    assert await scanner.scan(PICTURE.content) == expected


async def test_a_scanner_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.scanner.SECONDS", 0.3)
    scanner = make_scanner("command:sleep 60")
    assert scanner is not None
    assert await scanner.scan(b"x") == Retry("the virus scanner does not answer")


@pytest.mark.parametrize("setting", ["unix:clamd", "tcp:3310", "tcp:host:x", "command:", "clamav", "http://x"])
def test_a_slip_in_the_setting_is_named(setting: str) -> None:
    with pytest.raises(ValueError, match="unix:/run"):
        make_scanner(setting)
