"""The pages people open: they say what the link is about, name first names alone, and work without script."""

import asyncio
import re
import subprocess
import sys
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.words.legal import TERMS_VERSION
from domain import ledger
from domain.chain import shown as shown_mark
from domain.ledger import Transaction, Transfer
from domain.money import Currency
from storage import chains
from storage.ledger import post
from tests.web import rows
from tests.web.conftest import Site
from tests.web.workers import Workers

PAGES = [
    "/",
    "/j/7K2MQ9",
    "/r/R-7K2MQ9XA",
    f"/pay/{rows.TOKEN}",
    "/legal/terms",
    "/legal/privacy",
    "/j/ZZZZZ2",
    "/sim",
]


class Page(HTMLParser):
    """What of a page matters for people who use a keyboard or a screen reader."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture
async def rich(site: Site) -> Site:
    """A site with an open circle and a payment that waits."""
    await rows.put_circle(site.engine)
    await rows.put_payment(site.engine)
    return site


async def test_an_invitation_says_what_is_asked_and_how_to_join_on_each_channel(rich: Site) -> None:
    status, html = await rich.get("/j/7K2MQ9")
    assert status == 200
    for words in (
        "Sunday Club",
        "J$5,000",
        "weekly",
        "5 rounds",
        "Fri 4 Dec 2026",
        "Marva",
        "J$25,000",
        "Fee J$500 a draw",
    ):
        assert words in html
    assert "2 of 5 hands taken" in html
    assert "https://wa.me/18765550199?text=JOIN%207K2MQ9" in html
    assert "sms:+18765550199?&amp;body=JOIN%207K2MQ9" in html
    assert "https://t.me/pardna_bot?start=7K2MQ9" in html
    assert "<svg" in html


async def test_an_invitation_says_what_else_was_agreed_on_money(rich: Site) -> None:
    """rules 2, 27, 31, 36, 41, 49"""
    async with rich.engine.begin() as conn:
        await conn.exec_driver_sql(
            "UPDATE circle SET fee_kind = 'percent', fee_share = 250, late_fee = 20000, late_cap = 100000, "
            "reserve_share = 200, cover = true, on_default = 'substitute'"
        )
    _, html = await rich.get("/j/7K2MQ9")
    for words in (
        "Fee 2.5% of each pot",
        "Late fee J$200 for a throw missed after grace, J$1,000 in all at most",
        "2% of each pot is kept in reserve",
        "Marva promises to cover",
        "gives the turn to a substitute",
    ):
        assert words in html


async def test_an_invitation_names_the_banker_by_first_name_and_no_member(rich: Site) -> None:
    _, html = await rich.get("/j/7K2MQ9")
    assert "Brown" not in html
    assert "Ann" not in html
    assert "Devon" not in html


@pytest.mark.parametrize("typed", ["7k2mq9", "%207K2MQ9%20"])
async def test_a_code_is_read_in_any_case(rich: Site, typed: str) -> None:
    assert (await rich.get(f"/j/{typed}"))[0] == 200


@pytest.mark.parametrize("code", ["ZZZZZ2", "OOOOOO", "R-7K2MQ9XA", "x" * 3000, "%00", "%F0%9F%92%B8", "../etc", "'--"])
async def test_an_unknown_code_gets_a_friendly_404_that_repeats_nothing(rich: Site, code: str) -> None:
    status, html = await rich.get(f"/j/{code}")
    assert status == 404
    assert "No pardna has this code" in html or html == "Nothing is here.\n"
    assert code not in html.replace("R-7K2MQ9XA", "")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("LOCKED", "about to start"),
        ("ACTIVE", "Running"),
        ("COMPLETED", "Complete"),
        ("CANCELLED", "Called off"),
    ],
)
async def test_a_circle_that_no_longer_takes_people_says_so_and_offers_no_way(
    site: Site, state: str, words: str
) -> None:
    await rows.put_circle(site.engine, state)
    _, html = await site.get("/j/7K2MQ9")
    assert words in html
    assert "Joining is closed" in html
    assert "wa.me" not in html


async def test_a_name_with_markup_stays_a_name(site: Site) -> None:
    await rows.put_circle(site.engine, name="<script>alert(1)</script>")
    _, html = await site.get("/j/7K2MQ9")
    assert "<script" not in html
    assert "&lt;script&gt;" in html


async def test_the_root_page_leads_from_a_code_to_its_invitation(rich: Site) -> None:
    async with rich.session.get(rich.url + "/j", params={"code": " 7k2mq9 "}) as answer:
        assert answer.status == 200
        assert answer.url.path == "/j/7K2MQ9"
    assert (await rich.get("/j?code=nonsense"))[0] == 404
    assert (await rich.get("/j"))[0] == 404


@pytest.mark.parametrize(
    ("state", "confirmed", "words"),
    [
        ("SETTLED", True, "This receipt is good"),
        ("SETTLED", False, "not yet confirmed"),
        ("PENDING", False, "Not yet in the book"),
        ("FAILED", False, "does not count"),
        ("DENIED", False, "does not count"),
        ("DISPUTED", False, "In dispute"),
    ],
)
async def test_a_receipt_says_whether_it_holds_and_nothing_of_the_person(
    site: Site, state: str, confirmed: bool, words: str
) -> None:
    await rows.put_circle(site.engine)
    await rows.put_payment(site.engine, state, rail="CASH", confirmed=confirmed)
    status, html = await site.get("/r/r7k2mq9xa")
    assert status == 200
    for shown in (words, "J$5,000.00", "Sunday Club", "Tue 24 Nov 2026", "Cash to the banker"):
        assert shown in html
    assert "Devon" not in html
    assert "Marva" not in html


async def throw(site: Site, receipt: str) -> chains.Head:
    """Write a throw that pays its due, and seal it."""
    credit = ledger.credit(rows.CODE, "p2")
    paid = Transfer(ledger.rail("sandbox", Currency.JMD), credit, 500_000)
    due = Transfer(credit, ledger.pot(rows.CODE, 1), 500_000)
    async with site.engine.begin() as conn:
        await post(conn, [Transaction(f"throw:{receipt}", "throw", Currency.JMD, (paid, due), rows.CODE)], rows.AT)
    async with site.engine.begin() as conn:
        await chains.seal(conn, rows.AT)
        return (await chains.latest(conn, [rows.CODE]))[rows.CODE]


async def test_a_receipt_that_is_sealed_leads_by_its_page_to_the_mark_of_the_book(site: Site, tmp_path: Path) -> None:
    """With the file and the script alone; and the page names nobody, not even by what stands for them elsewhere."""
    await rows.put_circle(site.engine)
    await rows.put_payment(site.engine, "SETTLED", confirmed=True)
    assert "proof.json" not in (await site.get(f"/r/{rows.RECEIPT}"))[1]
    assert (await site.get(f"/r/{rows.RECEIPT}/proof.json"))[0] == 404
    await throw(site, "R-22222222")
    await throw(site, rows.RECEIPT)
    told = await throw(site, "R-33333333")
    async with site.engine.begin() as conn:
        mark = {"c": rows.CODE, "n": told.lines, "m": told.mark}
        await conn.execute(text("INSERT INTO told_mark VALUES (:c, 'p2', :n, :m, now())"), mark)
    await throw(site, "R-44444444")
    status, html = await site.get(f"/r/{rows.RECEIPT}")
    assert status == 200
    assert "line 3 of the book" in html
    assert shown_mark(told.mark) in html
    for person in ("Devon", "Marva", ":p2"):
        assert person not in html
    status, body = await site.get(f"/r/{rows.RECEIPT}/proof.json")
    assert status == 200
    file, chat = tmp_path / "receipt.json", tmp_path / "chat.txt"
    file.write_text(body)
    chat.write_text(f"Sunday Club\nBook {rows.CODE}: {shown_mark(told.mark)}\n")
    script = Path(__file__).parents[2] / "docs" / "proof.py"

    async def verified(*files: Path) -> str:
        command = [sys.executable, "-I", str(script), "verify", *map(str, files)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        return f"{done.returncode} {done.stdout}{done.stderr}"

    assert (await verified(file, chat)).startswith(f"0 RIGHT: {rows.RECEIPT} of 5,000.00 JMD is line 3 of book")
    file.write_text(body.replace("500000", "900000"))
    assert "which was not told in the chat" in await verified(file, chat)
    file.write_text(body.replace(f"throw:{rows.RECEIPT}", "throw:R-22222222"))
    assert "1 WRONG: the line is not of this receipt" in await verified(file)
    file.write_text("{}")
    assert (await verified(file)).startswith("2 ")


@pytest.mark.parametrize("code", ["R-ZZZZZZZZ", "7K2MQ9", "x"])
async def test_a_receipt_that_is_none_says_that_no_such_money_came(rich: Site, code: str) -> None:
    status, html = await rich.get(f"/r/{code}")
    assert status == 404
    assert "no such money is in the book" in html


async def test_the_legal_texts_show_the_version_that_people_consent_to(site: Site) -> None:
    for path in ("/legal/terms", "/legal/privacy"):
        _, html = await site.get(path)
        assert f"Version {TERMS_VERSION}" in html
        assert "counsel must confirm" in html


# --- the sandbox rail's pay page -----------------------------------------------------------------------


async def pay(site: Site, result: str, **headers: str) -> int:
    url, form = f"{site.url}/pay/{rows.TOKEN}", {"result": result}
    async with site.session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
        return answer.status


async def test_a_card_is_paid_on_the_same_page(site: Site) -> None:
    await rows.put_circle(site.engine)
    await rows.put_payment(site.engine, rail="CARD")
    assert (await site.get(f"/pay/{rows.TOKEN}"))[0] == 200
    assert await pay(site, "success") == 303
    assert len(await site.arrivals()) == 1


async def test_the_pay_page_shows_amount_and_circle_and_three_answers(rich: Site) -> None:
    status, html = await rich.get(f"/pay/{rows.TOKEN}")
    assert status == 200
    assert "J$5,000.00" in html
    assert "Sunday Club" in html
    assert [button["value"] for button in Page(html).all("button")] == ["success", "failure", "delay"]
    assert "Devon" not in html


@pytest.mark.parametrize(("result", "kind"), [("success", "collected"), ("failure", "collect_failed")])
async def test_an_answer_of_the_pay_page_is_one_arrival_for_the_circle(rich: Site, result: str, kind: str) -> None:
    assert [await pay(rich, result), await pay(rich, result), await pay(rich, "success")] == [303, 303, 303]
    [arrival] = await rich.arrivals()
    assert (arrival.source, arrival.external_id) == ("sandbox", f"R-7K2MQ9XA:{result}")
    assert (arrival.party, arrival.kind) == ("payment:R-7K2MQ9XA", "event")
    told = {"provider_id": "sbx_R-7K2MQ9XA"} if kind == "collected" else {"reason": "declined"}
    assert arrival.body == {"kind": kind, "carrier": "sandbox", "receipt": "R-7K2MQ9XA", **told}
    _, html = await rich.get(f"/pay/{rows.TOKEN}")
    assert "Your answer is with the rail" in html
    assert "<button" not in html


async def test_a_delayed_answer_is_a_duty_one_minute_later(rich: Site) -> None:
    before = rich.clock.now()
    assert await pay(rich, "delay") == 303
    assert await rich.arrivals() == []
    async with Workers(rich) as workers:
        async with rich.session.post(rich.url + "/sim/clock", json={"advance": "PT59S"}) as answer:
            assert answer.status == 200
        assert workers.bodies == []
        async with rich.session.post(rich.url + "/sim/clock", json={"advance": "PT2S"}) as answer:
            assert answer.status == 200
    expected = {"kind": "collected", "carrier": "sandbox", "receipt": "R-7K2MQ9XA"}
    assert workers.bodies == [expected | {"provider_id": "sbx_R-7K2MQ9XA"}]
    assert workers.handled[0][1] - before >= timedelta(seconds=60)


async def test_a_payment_that_is_over_offers_nothing_more(rich: Site) -> None:
    for state, words in (("SETTLED", "Paid."), ("FAILED", "no money moved")):
        await rows.set_payment(rich.engine, state)
        _, html = await rich.get(f"/pay/{rows.TOKEN}")
        assert words in html
        assert "<button" not in html
        assert await pay(rich, "success") == 303
    assert await rich.arrivals() == []


async def test_a_form_of_another_site_is_refused(rich: Site) -> None:
    assert await pay(rich, "success", **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert await rich.arrivals() == []


@pytest.mark.parametrize("result", ["", "maybe", "SUCCESS", "x" * 10_000])
async def test_any_other_answer_of_the_form_is_400(rich: Site, result: str) -> None:
    assert await pay(rich, result) == 400
    assert await rich.arrivals() == []


async def test_an_unknown_pay_link_is_404(rich: Site) -> None:
    for token in ("x", rows.TOKEN + "1", "%00", "%ff"):
        status, html = await rich.get(f"/pay/{token}")
        assert status == 404
        assert "not known" in html


async def test_production_has_neither_the_sandbox_nor_the_phones(production: Site) -> None:
    await rows.put_circle(production.engine)
    await rows.put_payment(production.engine)
    for path in ("/sim", "/sim/messages", "/sim/clock", "/sim/ledger"):
        assert (await production.get(path))[0] == 404
    for path in ("/sim/messages", "/sim/clock", "/sim/staff"):
        async with production.session.post(production.url + path, json={}) as answer:
            assert answer.status == 404
    status, html = await production.get(f"/pay/{rows.TOKEN}")
    assert status == 200
    assert "<button" not in html
    assert await pay(production, "success") == 303
    assert await production.arrivals() == []
    _, html = await production.get("/j/7K2MQ9")
    assert "/sim" not in html


# --- what all pages have in common ----------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_small_private_and_accessible(rich: Site, path: str) -> None:
    async with rich.session.get(rich.url + path) as answer:
        html, headers = await answer.text(), answer.headers
    page = Page(html)
    assert len(html.encode()) < 60_000
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.all("html")[0]["lang"]
    assert len(page.all("h1")) == 1
    assert page.all("title")
    assert page.all("main")
    assert not [
        tag for tag, attributes in page.tags if "style" in attributes or any(a.startswith("on") for a in attributes)
    ]
    assert all("alt" in image for image in page.all("img"))
    labelled = {label["for"] for label in page.all("label") if "for" in label}
    for field in page.all("input", "select", "textarea"):
        assert field.get("id") in labelled or field.get("type") == "hidden" or path == "/sim"


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_with_all_it_loads_is_under_60_kb_and_from_here(rich: Site, path: str) -> None:
    _, html = await rich.get(path)
    total = len(html.encode())
    for address in re.findall(r'(?:src|href)="([^"]+\.(?:css|js|svg)[^"]*)"', html):
        assert address.startswith("/static/")
        async with rich.session.get(rich.url + address) as answer:
            assert answer.status == 200
            assert "immutable" in answer.headers["Cache-Control"]
            total += len(await answer.read())
    assert total < 60_000


async def test_a_page_that_is_not_there_and_a_static_file_that_is_not_are_404(site: Site) -> None:
    for path in ("/nothing", "/static/none.css", "/static/..%2fapp.py", "/static/"):
        status, words = await site.get(path)
        assert (path, status, words) == (path, 404, "Nothing is here.\n")


async def test_without_the_database_a_page_is_503_in_one_plain_line(cut_off: Site) -> None:
    for path in (
        "/j/7K2MQ9",
        "/r/R-7K2MQ9XA",
        f"/pay/{rows.TOKEN}",
        "/sim/messages",
        "/sim/clock",
        "/sim/ledger",
    ):
        status, words = await cut_off.get(path)
        assert (path, status) == (path, 503)
        assert words == "Not taken: the database cannot keep it now. Send it again.\n"
