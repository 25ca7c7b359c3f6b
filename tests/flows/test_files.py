"""A picture that somebody sends: they hear what became of it, and staff see it by a link that soon ends."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO

import aiohttp
import pytest
from PIL import Image

from bot.drawing.press import Press
from bot.fetching import kind_of
from bot.simulator.chat import PICTURE
from bot.words.catalogue import Catalogue
from channels.base import Chat, Outcome, Refused, Retry
from channels.chat.whatsapp import WhatsApp, WhatsAppHook
from channels.files import EXPIRED, GONE, TOO_LARGE
from channels.http import Http
from channels.scanner import INFECTED
from domain.enclosures import EnclosureFacts
from domain.messages import Outgoing
from domain.people import Role
from storage import enclosures
from tests.flows.club import monday, rows
from tests.standins import GraphStandin, Sent
from tests.teller import House, Phone, onboard, open_house
from tests.vendors import SETTINGS, whatsapp_image

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF"
EICAR = PICTURE + base64.b64decode("WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FS")
TRN = "TRN 123-456-789"


@dataclass
class Networks:
    """What networks hand out, by the name of the file, and how often each was asked for."""

    files: dict[str, bytes | Outcome | Callable[[], Awaitable[bytes | Outcome]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def over(self, chat: Chat) -> Chat:
        return Handing(chat, self)


class Handing:
    """A network of the simulator with files of a test."""

    rate_per_second = float("inf")

    def __init__(self, inner: Chat, networks: Networks) -> None:
        self.name = inner.name
        self._inner = inner
        self._networks = networks

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        return await self._inner.send(address, message, key)

    async def fetch(self, reference: str) -> bytes | Outcome:
        self._networks.asked.append(reference)
        found = self._networks.files.get(reference, GONE)
        return await found() if callable(found) else found


class Scans:
    """A virus scanner that knows one virus, and may be away."""

    def __init__(self) -> None:
        self.away = False

    async def scan(self, content: bytes) -> Refused | Retry | None:
        if self.away:
            return Retry("the virus scanner does not answer")
        return INFECTED if b"EICAR" in content else None


@pytest.fixture
def networks() -> Networks:
    return Networks({"slip": PICTURE, "letter": PDF})


@pytest.fixture
def scans() -> Scans:
    return Scans()


@pytest.fixture
async def house(database_url: str, networks: Networks, scans: Scans) -> AsyncIterator[House]:
    async with open_house(
        database_url, at=monday(), holidays=frozenset(), network=networks.over, scanner=scans
    ) as opened:
        yield opened


@pytest.fixture
async def devon(house: House) -> Phone:
    phone = house.phone("whatsapp", "+18765550101")
    await onboard(phone, "Devon Clarke")
    return phone


async def staff(house: House, role: Role = Role.ADMIN, number: str = "90") -> Phone:
    phone = house.phone("telegram", f"55501{number}")
    await onboard(phone, {"90": "Sandra Reid", "91": "Paul Wint"}[number])
    await house.hire(phone, role)
    return phone


def ref_of(message: Outgoing) -> str:
    return next(w.strip(".,") for w in message.text.split() if w.startswith("K-"))


async def opens(house: House, link: str) -> tuple[EnclosureFacts, bytes] | None:
    """Open a link as its page does."""
    press = Press(house.engine, house.vault, house.clock, Catalogue("http://127.0.0.1:8080"))
    facts = await press.find(link.rpartition("/")[2])
    if not isinstance(facts, EnclosureFacts):
        return None
    content = await press.enclosed(facts)
    return (facts, content) if content is not None else None


def link_in(message: Outgoing) -> str:
    return next(w for w in message.text.split() if "/f/" in w)


async def test_a_picture_gets_one_answer_and_a_line_that_staff_see(house: House, devon: Phone) -> None:
    sandra = await staff(house)
    answer = await devon.sends("slip", "my slip from NCB").sees("Your file is here with", "Staff look at it")
    ref = ref_of(answer)
    told = await sandra.sees(ref, "my slip from NCB", f"FILES {ref}")
    assert "agent" in told.text
    shown = await sandra.says(f"FILES {ref}").sees("file 1 of 1", "a picture", "no virus found", "15 minutes")
    found = await opens(house, link_in(shown))
    assert found is not None
    assert (found[0].name, found[1]) == (f"{ref}.png", PICTURE)
    await house.rest()
    assert sum("Your file" in m.text for m in devon.messages) == 1
    await house.books_are_right()


async def test_a_link_to_a_file_ends_after_a_quarter_of_an_hour(house: House, devon: Phone) -> None:
    sandra = await staff(house)
    ref = ref_of(await devon.sends("letter").sees("Your file is here"))
    link = link_in(await sandra.says(f"FILES {ref}").sees("a PDF"))
    assert await opens(house, link) is not None
    await house.go_to(house.clock.now() + timedelta(minutes=16))
    assert await opens(house, link) is None


async def test_a_file_of_who_stated_a_trn_lies_with_it_and_is_for_compliance(house: House, devon: Phone) -> None:
    sandra, paul = await staff(house, Role.COMPLIANCE), await staff(house, Role.SUPPORT, "91")
    await devon.says(TRN).sees("789")
    ref = ref_of(await devon.sends("slip").sees("with your TRN"))
    await sandra.sees(ref, "A file came", f"FILES {ref}")
    await sandra.says(f"FILES {ref}").sees("file 1 of 1", "/f/")
    await paul.says(f"FILES {ref}").sees("a word for staff")
    assert not await paul.saw("A file came")


async def test_a_file_lies_with_the_line_that_its_words_name(house: House, devon: Phone) -> None:
    await devon.says("AGENT I paid twice").sees("A person will answer")
    ref = ref_of(devon.last)
    await devon.says(TRN).sees("789")
    await devon.sends("slip", f"for {ref}, the second one").sees("Your file is here with", ref)


async def test_nobody_sees_their_own_line_nor_one_that_is_closed(house: House, devon: Phone) -> None:
    sandra = await staff(house)
    ref = ref_of(await devon.sends("slip").sees("Your file is here"))
    await sandra.says(f"FILES {ref} 2").sees("No such file")
    await sandra.says(f"CASE {ref} it is found").sees(ref)
    await sandra.says(f"FILES {ref}").sees("is not waiting")
    await devon.says(f"FILES {ref}").sees("took that as")
    own = ref_of(await sandra.sends("slip").sees("Your file is here"))
    await sandra.says(f"FILES {own}").sees("about you")


async def test_each_file_of_a_line_can_be_seen(house: House, devon: Phone) -> None:
    sandra = await staff(house)
    ref = ref_of(await devon.sends("slip").sees("Your file is here"))
    await devon.sends("letter").sees("Your file is here", ref)
    await sandra.says(f"FILES {ref}").sees("file 2 of 2", "a PDF")
    await sandra.taps(f"FILES {ref} 1").sees("file 1 of 2", "a picture")


TROUBLE = [
    (TOO_LARGE, "over 10 MB"),
    (GONE, "not there any more"),
    (b"MZ\x90\x00 a program", "something else"),
    (b"<html><script>alert(1)</script></html>", "something else"),
    (PICTURE[:40], "something else"),
    (EICAR, "virus check stopped"),
    (Refused("the file lies at a host that is not the network's", "elsewhere"), "did not get here"),
]


@pytest.mark.parametrize(("what", "answer"), TROUBLE)
async def test_what_is_not_kept_is_said_with_what_would_help(
    house: House, networks: Networks, devon: Phone, what: bytes | Outcome, answer: str
) -> None:
    networks.files["odd"] = what
    await devon.sends("odd").sees(answer, "I do not have it")
    assert await rows(house, "SELECT 1 FROM enclosure UNION ALL SELECT 1 FROM enclosure_content") == []
    assert await rows(house, "SELECT 1 FROM ticket") == []


async def test_an_address_that_was_over_and_a_stall_are_tried_again(
    house: House, networks: Networks, devon: Phone
) -> None:
    answers: Iterator[bytes | Outcome] = iter([EXPIRED, Retry("no answer in time"), PICTURE])

    async def turn() -> bytes | Outcome:
        return next(answers)

    networks.files["late"] = turn
    await devon.sends("late").sees("Your file is here")
    assert networks.asked == ["late"] * 3


async def test_what_never_comes_is_said_after_eight_tries(
    house: House, networks: Networks, devon: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.verdict.FIRST_WAIT_SECONDS", 0.001)
    networks.files["lost"] = Retry("HTTP 503")
    await devon.sends("lost").sees("did not get here", "AGENT")
    assert len(networks.asked) == 8


async def test_while_the_scanner_is_away_nothing_is_kept(
    house: House, scans: Scans, devon: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.verdict.FIRST_WAIT_SECONDS", 0.001)
    scans.away = True
    await devon.sends("slip").sees("did not get here")
    assert await rows(house, "SELECT 1 FROM enclosure_content") == []


async def test_a_question_that_waits_goes_on_after_a_picture(house: House, devon: Phone) -> None:
    await devon.says("NEW").sees("name")
    await devon.sends("slip").sees("Your file is here")
    await devon.says("Sunday Club").sees("how much")


async def test_a_stranger_is_asked_who_they_are_first(house: House, networks: Networks) -> None:
    stranger = house.phone("whatsapp", "+18765550166")
    await stranger.sends("slip").sees("What name")
    await house.rest()
    assert networks.asked == []


async def test_a_voice_is_answered_with_what_can_be_read(house: House, devon: Phone) -> None:
    await devon.sends("").sees("I read text and taps", "pictures and PDF")


async def test_a_flood_of_files_ends_for_the_day(house: House, devon: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.actions.enclosing.MOST_A_DAY", 2)
    for _ in range(2):
        await devon.sends("slip").sees("Your file is here")
    await devon.sends("slip").sees("no more today", "tomorrow")
    await house.pass_days(1.1)
    await devon.sends("slip").sees("Your file is here")


async def test_what_is_refused_counts_among_the_files_of_a_day(
    house: House, devon: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.actions.enclosing.MOST_A_DAY", 2)
    for _ in range(2):
        await devon.sends("nowhere").sees("")
    await devon.sends("slip").sees("no more today", "tomorrow")
    await house.pass_days(1.1)
    await devon.sends("slip").sees("Your file is here")


async def test_without_a_scanner_staff_read_that_nobody_scanned_it(database_url: str) -> None:
    networks = Networks({"slip": PICTURE})
    async with open_house(database_url, at=monday(), holidays=frozenset(), network=networks.over) as house:
        devon = house.phone("whatsapp", "+18765550101")
        await onboard(devon, "Devon Clarke")
        sandra = await staff(house)
        ref = ref_of(await devon.sends("slip").sees("Your file is here"))
        shown = await sandra.says(f"FILES {ref}").sees("not scanned for viruses")
        found = await opens(house, link_in(shown))
        assert found is not None
        assert found[0].name == f"{ref}-not-scanned.png"


async def test_files_lie_sealed_and_go_when_their_line_is_long_closed(house: House, devon: Phone) -> None:
    sandra = await staff(house)
    ref = ref_of(await devon.sends("slip").sees("Your file is here"))
    (sealed,) = [bytes(row[0]) for row in await rows(house, "SELECT sealed FROM enclosure_content")]
    assert PICTURE not in sealed
    assert b"PNG" not in sealed
    later = house.clock.now() + timedelta(days=1)

    async def swept() -> int:
        async with house.engine.begin() as conn:
            return await enclosures.sweep(conn, later)

    assert await swept() == 0
    await sandra.says(f"CASE {ref} it is found").sees(ref)
    await house.rest()
    assert await swept() == 1
    assert await rows(house, "SELECT 1 FROM enclosure") == []


async def test_what_proves_who_somebody_is_stays(house: House, devon: Phone) -> None:
    sandra = await staff(house)
    await devon.says(TRN).sees("789")
    ref = ref_of(await devon.sends("slip").sees("with your TRN"))
    await sandra.says(f"KYC {ref} OK").sees(ref)
    async with house.engine.begin() as conn:
        assert await enclosures.sweep(conn, house.clock.now() + timedelta(days=1)) == 0


class ByMeta:
    """WhatsApp, whose files Meta hands out, and whose messages lie on the simulator's phones."""

    rate_per_second = float("inf")

    def __init__(self, inner: Chat, meta: WhatsApp) -> None:
        self.name = inner.name
        self._inner = inner
        self.fetch = meta.fetch

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        return await self._inner.send(address, message, key)


async def test_a_picture_by_meta_goes_the_whole_way(database_url: str) -> None:
    """Hook, desk, Graph, the vault, the desk again, and staff's eyes; the same call again changes nothing."""
    hook = WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"])
    async with GraphStandin() as graph, aiohttp.ClientSession() as session:
        token, number = SETTINGS["WHATSAPP_TOKEN"], SETTINGS["WHATSAPP_PHONE_NUMBER_ID"]
        meta = WhatsApp(Http(session, "whatsapp"), graph.api_url, token, number)
        graph.held["1013859600285441"] = Sent("x", "image/jpeg", drawn("JPEG"))
        graph.expired = True

        def network(chat: Chat) -> Chat:
            return ByMeta(chat, meta) if chat.name == "whatsapp" else chat

        async with open_house(database_url, at=monday(), holidays=frozenset(), network=network) as house:
            devon = house.phone("whatsapp", "+18765550101")
            await onboard(devon, "Devon Clarke")
            sandra = await staff(house)
            call = whatsapp_image(devon.address, "my slip").request()
            for _ in range(2):
                await house.filer.file(hook.receive(call).arrivals)
            ref = ref_of(await devon.sees("Your file is here with"))
            await sandra.sees(ref, "my slip")
            shown = await sandra.says(f"FILES {ref}").sees("file 1 of 1")
            found = await opens(house, link_in(shown))
            assert found is not None
            assert found[1] == drawn("JPEG")


# --- by content -----------------------------------------------------------------------------------------------


def drawn(form: str, size: tuple[int, int] = (3, 2)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(("form", "mime"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_picture_is_known_by_what_is_in_it(form: str, mime: str) -> None:
    assert kind_of(drawn(form)) == mime
    assert kind_of(PDF) == "application/pdf"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"PK\x03\x04 a docx",
        drawn("GIF"), drawn("TIFF"), drawn("PNG")[:-20], b" %PDF-1.4",
    ],
)  # fmt: skip
def test_what_only_looks_like_one_is_none(content: bytes) -> None:
    assert kind_of(content) == ""


def test_a_picture_of_very_many_dots_is_none() -> None:
    assert kind_of(drawn("PNG", (8000, 7501))) == ""


async def test_a_scan_takes_no_turn_of_the_desk(house: House, networks: Networks, devon: Phone) -> None:
    """While a file is on its way its sender is answered as ever."""
    gate = asyncio.Event()

    async def slow() -> bytes:
        await gate.wait()
        return PICTURE

    networks.files["slow"] = slow
    await devon.sends("slow")
    await devon.says("BALANCE").sees("owe")
    assert not await devon.saw("Your file is here")
    gate.set()
    await devon.sees("Your file is here")
