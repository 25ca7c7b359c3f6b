"""Statements and pictures open by their link alone, for a while, and leave no trace on the way."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from bot.drawing import press
from bot.drawing.press import Press, drawn
from bot.words.catalogue import Catalogue
from domain.documents import KEPT_FOR, CardFacts, Document, DocumentKind, StatementFacts, place
from domain.enclosures import OPEN_FOR, EnclosureFacts
from domain.messages import Attachment, AttachmentKind, Outgoing
from domain.people import Language
from storage import enclosures, simulated, tables
from storage.bell import Bell
from storage.codec import save
from storage.engine import Engine
from storage.simulated import Delivery
from storage.vault import Vault
from tests.drawing.facts import card_facts, statement_facts
from tests.drawing.papers import opened
from tests.web import rows
from tests.web.conftest import Site, parts, running

TOKEN = "5eed" * 12
CATALOGUE = Catalogue("https://pardna.example")


@pytest.fixture
async def site(engine: Engine, bell: Bell) -> AsyncIterator[Site]:
    """A service that draws."""
    made, vault = parts(engine, bell)
    drawing = Press(engine, vault, made.clock, CATALOGUE)
    async for site in running(replace(made, press=drawing, development=False, hooks={}), vault):
        yield site


async def keep(site: Site, facts: CardFacts | StatementFacts, *, ago: timedelta = timedelta()) -> None:
    """Keep a document under TOKEN, made so long ago."""
    await rows.put_circle(site.engine)
    kind = DocumentKind.CARD if isinstance(facts, CardFacts) else DocumentKind.STATEMENT
    at = site.clock.now() - ago
    sealed = site.vault.seal_json(place("d1"), facts)
    token_hash = hashlib.sha256(TOKEN.encode()).digest()
    row = Document("d1", kind, "p2", rows.CODE, token_hash, sealed, at, at + KEPT_FOR)
    async with site.engine.begin() as conn:
        await save(conn, tables.DOCUMENT, [row])


async def test_a_statement_opens_as_page_paper_and_table(site: Site) -> None:
    facts = statement_facts()
    await keep(site, facts)
    status, html = await site.get(f"/s/{TOKEN}")
    assert status == 200
    for part in ("Sunday Club", "J$20,000.00", "-J$4,500.50", f"/s/{TOKEN}.pdf", f"/s/{TOKEN}.csv", "noindex"):
        assert part in html
    for form, kind in (("pdf", "application/pdf"), ("csv", "text/csv")):
        async with site.session.get(f"{site.url}/s/{TOKEN}.{form}") as answer:
            assert answer.status == 200
            assert answer.content_type == kind
            assert await answer.read() == drawn(facts, form, Language.EN, CATALOGUE)
            assert f"statement-K7QX2M-2027-06-04.{form}" in answer.headers["Content-Disposition"]


async def test_who_asks_for_a_paper_again_and_again_has_it_drawn_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings: list[str] = []

    def counted(facts: StatementFacts, form: str, *more: Any) -> bytes:
        drawings.append(form)
        return drawn(facts, form, *more)

    monkeypatch.setattr(press, "drawn", counted)
    await keep(site, statement_facts())
    for _ in range(3):
        await asyncio.gather(*(site.get(f"/s/{TOKEN}.csv") for _ in range(8)))
    assert 1 <= len(drawings) <= press.MOST_AT_ONCE  # those who came first were drawn for side by side
    assert [(await site.get(f"/s/{TOKEN}.csv"))[0] for _ in range(2)] == [200, 200]


async def test_a_picture_opens_in_the_language_asked_for(site: Site) -> None:
    await keep(site, card_facts())
    for language in Language:
        async with site.session.get(f"{site.url}/c/{TOKEN}.png?l={language.value}") as answer:
            assert answer.status == 200
            assert answer.content_type == "image/png"
            assert await answer.read() == drawn(card_facts(), "png", language, CATALOGUE)


async def keep_file(site: Site, content: bytes, facts: EnclosureFacts) -> None:
    """Keep what somebody sent, with a link under TOKEN."""
    await rows.put_circle(site.engine)
    at = site.clock.now()
    sealed = site.vault.seal_json(place("d1"), facts)
    token_hash = hashlib.sha256(TOKEN.encode()).digest()
    row = Document("d1", DocumentKind.ENCLOSURE, "p2", None, token_hash, sealed, at, at + OPEN_FOR)
    async with site.engine.begin() as conn:
        await save(conn, tables.DOCUMENT, [row])
        await enclosures.keep(conn, site.vault, facts.enclosure, content, at)


@pytest.mark.parametrize(("scanned", "name"), [(True, "K-7Q2M.jpg"), (False, "K-7Q2M-not-scanned.jpg")])
async def test_a_file_is_given_to_be_saved_and_may_do_nothing(site: Site, *, scanned: bool, name: str) -> None:
    await keep_file(site, b"a picture", EnclosureFacts("e1", "K-7Q2M", "image/jpeg", scanned))
    async with site.session.get(f"{site.url}/f/{TOKEN}") as answer:
        assert answer.status == 200
        assert await answer.read() == b"a picture"
        assert answer.content_type == "image/jpeg"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    for path in (f"/s/{TOKEN}", f"/s/{TOKEN}.pdf", f"/c/{TOKEN}.png"):
        assert (await site.get(path))[0] == 404


@pytest.mark.parametrize("path", ["/f/x", "/f/" + "0" * 48, f"/f/{TOKEN}.jpg", "/f/%00", f"/f/{TOKEN}"])
async def test_no_other_token_opens_a_file(site: Site, path: str) -> None:
    if not path.endswith(TOKEN):
        await keep_file(site, b"a picture", EnclosureFacts("e1", "K-7Q2M", "image/jpeg", scanned=True))
    assert (await site.get(path))[0] == 404


async def test_nothing_on_the_way_keeps_lists_or_hands_on_a_document(site: Site) -> None:
    await keep(site, statement_facts())
    for path in (f"/s/{TOKEN}", f"/s/{TOKEN}.pdf", f"/s/{TOKEN}.csv"):
        async with site.session.get(site.url + path) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "X-Robots-Tag" in answer.headers or "noindex" in await answer.text()


@pytest.mark.parametrize(
    "path",
    [
        "/s/" + "0" * 48, "/s/x", "/s/x.pdf", f"/s/{TOKEN}.png", f"/s/{TOKEN}.PDF", f"/s/{TOKEN}.pdf.csv", "/s/%00",
        "/s/.",
        f"/c/{TOKEN}.png", f"/c/{TOKEN}", "/c/x.png", "/s/%F0%9F%92%B8", "/s/" + "x" * 3000, "/s/..%2f",
    ],
)  # fmt: skip
async def test_whatever_else_is_asked_for_gets_a_friendly_404(site: Site, path: str) -> None:
    await keep(site, statement_facts())
    status, html = await site.get(path)
    assert status == 404
    assert "Sunday Club" not in html
    assert "does not open any more" in html or html == "Nothing is here.\n"


async def test_a_link_opens_for_thirty_days(site: Site) -> None:
    await keep(site, statement_facts(), ago=KEPT_FOR - timedelta(minutes=1))
    assert (await site.get(f"/s/{TOKEN}"))[0] == 200
    async with site.engine.begin() as conn:
        await conn.execute(text("UPDATE document SET made_at = made_at - interval '2 minutes', "
                                "expires_at = expires_at - interval '2 minutes'"))  # fmt: skip
    status, html = await site.get(f"/s/{TOKEN}")
    assert status == 404
    assert "Write STATEMENT in chat" in html


async def test_who_guesses_tokens_is_kept_out(site: Site) -> None:
    await keep(site, statement_facts())
    for number in range(60):
        await site.get(f"/s/{number:048x}")
    assert (await site.get(f"/s/{TOKEN}"))[0] == 429
    assert (await site.get(f"/c/{TOKEN}.png"))[0] == 429


async def test_what_was_moved_in_the_database_does_not_open(site: Site) -> None:
    await keep(site, statement_facts())
    async with site.engine.begin() as conn:
        await conn.execute(text("UPDATE document SET id = 'd2'"))
    assert (await site.get(f"/s/{TOKEN}"))[0] == 404


# -- on the phones of the simulator -----------------------------------------------------------------------------------


async def test_a_phone_shows_pictures_and_papers_where_they_open(engine: Engine, bell: Bell) -> None:
    made, vault = parts(engine, bell)
    press = Press(engine, vault, made.clock, CATALOGUE)
    async for site in running(replace(made, press=press), vault):
        await keep(site, card_facts())
        async with engine.begin() as conn:
            shown = (("k1", AttachmentKind.IMAGE), ("k2", AttachmentKind.DOCUMENT))
            for key, kind in shown:
                attached = Attachment(kind, "d1", "statement.pdf", "In words", "pw", TOKEN, b"never kept")
                message = Outgoing("Words", attachment=attached)
                at = site.clock.now()
                await simulated.deliver(conn, [Delivery(key, "whatsapp", "+18765550101", message, at)])
        query = {"channel": "whatsapp", "address": "+18765550101"}
        async with site.session.get(f"{site.url}/sim/messages", params=query) as answer:
            picture, paper = await answer.json()
        assert picture["image"] == f"/c/{TOKEN}.png?l=pw"
        assert picture["alt"] == "In words"
        assert "document" not in picture
        assert paper["image"] is None
        assert paper["document"] == {"name": "statement.pdf", "address": f"/s/{TOKEN}.pdf"}
        async with site.session.get(site.url + picture["image"]) as answer:
            assert await answer.read() == drawn(card_facts(), "png", Language.PATWA, CATALOGUE)
        async with engine.connect() as conn:
            kept = (await conn.execute(text("SELECT string_agg(CAST(body AS text), '') FROM sim_message"))).scalar_one()
        assert "never kept" not in kept


# -- drawn for a message ----------------------------------------------------------------------------------------------


def told(document: str, kind: AttachmentKind = AttachmentKind.IMAGE) -> Outgoing:
    return Outgoing("Words", attachment=Attachment(kind, document, "name", "alt", "pw", "token"))


async def test_the_press_draws_what_a_message_carries_once_for_many(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(site, card_facts())
    drawing = Press(site.engine, site.vault, site.clock, CATALOGUE)
    first = await drawing.illustrate(told("d1"))
    assert first.attachment is not None
    assert first.attachment.content == drawn(card_facts(), "png", Language.PATWA, CATALOGUE)
    monkeypatch.delattr(press, "drawn")
    assert await drawing.illustrate(told("d1")) == first


async def test_words_go_alone_when_their_picture_is_gone_or_cannot_be_drawn(site: Site) -> None:
    press = Press(site.engine, site.vault, site.clock, CATALOGUE)
    assert await press.illustrate(told("none")) == Outgoing("Words")
    await keep(site, card_facts())
    broken = site.vault.seal_json(place("d1"), {**orjson.loads(orjson.dumps(card_facts())), "currency": "XXX"})
    async with site.engine.begin() as conn:
        await conn.execute(text("UPDATE document SET sealed = :sealed"), {"sealed": broken})
    assert await press.illustrate(told("d1")) == Outgoing("Words")
    other = Press(site.engine, Vault.from_keys("k1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=,blind:"
                  "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXpBQkNERUY="), site.clock, CATALOGUE)  # fmt: skip
    assert await other.illustrate(told("d1")) == Outgoing("Words")


async def test_a_statement_for_a_message_is_the_paper(site: Site) -> None:
    await keep(site, statement_facts())
    press = Press(site.engine, site.vault, site.clock, CATALOGUE)
    message = await press.illustrate(told("d1", AttachmentKind.DOCUMENT))
    assert message.attachment is not None
    assert any("Sums to" in line for line in opened(message.attachment.content).tree.said)


# -- a receipt's page -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "given_back", "words"),
    [
        ("SETTLED", 0, "This receipt is good"),
        ("SETTLED", 200_000, "J$2,000 of it went back"),
        ("REFUNDED", 500_000, "This receipt was taken back"),
        ("CHARGED_BACK", 0, "took the money back"),
        ("DENIED", 0, "This receipt does not count"),
        ("FAILED", 0, "This receipt does not count"),
        ("PENDING", 0, "Not yet in the book"),
        ("DISPUTED", 0, "In dispute"),
    ],
)
async def test_a_receipt_says_whether_it_holds_and_nothing_of_the_person(
    site: Site, state: str, given_back: int, words: str
) -> None:
    await rows.put_circle(site.engine)
    await rows.put_payment(site.engine, state, confirmed=True)
    async with site.engine.begin() as conn:
        await conn.execute(text("UPDATE payment SET given_back = :part"), {"part": given_back})
    status, html = await site.get(f"/r/{rows.RECEIPT}")
    assert status == 200
    for part in (words, "J$5,000.00", "Tue 24 Nov 2026", "Sunday Club"):
        assert part in html
    assert "Devon" not in html
