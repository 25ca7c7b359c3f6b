"""Pages in the language of whoever reads them, and usable by whoever they are: small screens, no script, no mouse."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page
from sqlalchemy import text

from bot.drawing.press import Press, drawn
from bot.rail_settings import TransferRail
from bot.words.catalogue import Catalogue, texts_of
from domain.people import Language
from storage.bell import Bell
from storage.engine import Engine
from tests.drawing.facts import statement_facts
from tests.web import rows
from tests.web.conftest import Site, parts, running
from tests.web.test_documents import TOKEN, keep

CATALOGUE = Catalogue("https://pardna.example")
PAY, STATEMENT = f"/pay/{rows.TOKEN}", f"/s/{TOKEN}"
RECEIPT, INVITE = f"/r/{rows.RECEIPT}", f"/j/{rows.CODE}"
MISSING = ("/j/ZZZZZ2", "/r/R-ZZZZZZZZ", "/pay/none", "/s/none")
SPOKEN = ("/", "/lottery", INVITE, RECEIPT, PAY, STATEMENT, "/pay/thanks", *MISSING)
LEGAL = ("/legal/terms", "/legal/privacy")
LANGUAGES = pytest.mark.parametrize("language", Language)
ACCOUNTS = {
    "ncb": TransferRail("ncb", account="404012345", holder="Digital Pardna Ltd", branch="Half Way Tree").labelled,
    "lynk": TransferRail("lynk", account="876-555-0142", handle="@digitalpardna", holder="Digital Pardna").labelled,
}


@pytest.fixture
async def site(engine: Engine, bell: Bell) -> AsyncIterator[Site]:
    """A production service with a circle, a transfer that waits and a statement; the payer reads Patwa."""
    made, vault = parts(engine, bell, development=False, hooks={}, accounts=ACCOUNTS)
    press = Press(engine, vault, made.clock, CATALOGUE)
    async for site in running(replace(made, press=press), vault):
        await keep(site, statement_facts(language=Language.PATWA))
        await rows.put_payment(engine, rail="NCB", carrier="ncb", price=(3_250, "USD"), good_until=rows.AT)
        async with engine.begin() as conn:
            await conn.execute(text("UPDATE person SET language = 'pw' WHERE id = 'p2'"))
        yield site


async def get(site: Site, path: str, **headers: str) -> str:
    async with site.session.get(site.url + path, headers=headers) as answer:
        return await answer.text()


def is_in(html: str, language: Language) -> bool:
    return f'<html lang="{language.tag}">' in html


def in_language(path: str, language: Language) -> str:
    return f"{path}?lang={language.tag}"


@pytest.mark.parametrize(("path", "said"), [(PAY, "Sen dis from yuh own bank"), (STATEMENT, "Balance a di end")])
async def test_a_page_that_belongs_to_a_person_is_in_their_language_whatever_the_browser_s(
    site: Site, path: str, said: str
) -> None:
    html = await get(site, path, **{"Accept-Language": "en-US,en;q=0.9"})
    assert is_in(html, Language.PATWA)
    assert said in html


async def test_a_statement_s_files_are_in_the_language_of_the_page_that_offers_them(site: Site) -> None:
    for language in Language:
        html = await get(site, in_language(STATEMENT, language))
        for form in ("pdf", "csv"):
            (link,) = re.findall(rf'href="(/s/[^"]+\.{form}[^"]*)"', html)
            async with site.session.get(site.url + link) as answer:
                facts = statement_facts(language=language)
                assert await answer.read() == drawn(facts, form, language, CATALOGUE)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", Language.EN),
        ("en-JM,en;q=0.8", Language.EN),
        ("jam,en;q=0.8", Language.PATWA),
        ("fr-FR, JAM ;q=0.5, en;q=0.1", Language.PATWA),
        ("en,jam", Language.EN),
        ("fr", Language.EN),
        (",;;=,*", Language.EN),
    ],
)
async def test_a_page_for_everybody_is_in_the_browser_s_language(site: Site, accepted: str, language: Language) -> None:
    for path in ("/", INVITE, RECEIPT, "/pay/thanks", *MISSING):
        assert is_in(await get(site, path, **{"Accept-Language": accepted}), language), path


@LANGUAGES
async def test_the_address_has_the_last_word_and_each_page_offers_the_other_language(
    site: Site, language: Language
) -> None:
    (other,) = set(Language) - {language}
    switch = f'<a href="?lang={other.tag}" lang="{other.tag}" hreflang="{other.tag}">{other.own_name}</a>'
    for path in SPOKEN:
        html = await get(site, in_language(path, language), **{"Accept-Language": "en,jam"})
        assert is_in(html, language), path
        assert switch in html, path


async def test_a_language_that_there_is_not_is_not_heeded_and_never_said_back(site: Site) -> None:
    for asked in ("fr", "JAM", "jam%00", "%3Cscript%3E", "", "x" * 5_000):
        html = await get(site, f"{RECEIPT}?lang={asked}")
        assert is_in(html, Language.EN), asked
        assert "script>" not in html
        assert len(html) < 4_000


async def test_no_text_of_a_page_in_patwa_is_left_in_english(site: Site) -> None:
    patwa = texts_of(Language.PATWA)
    heads = {re.split(r"{\w+}", said)[0] for key, said in texts_of(Language.EN).items() if said != patwa[key]}
    for path in SPOKEN:
        bare = re.sub(r"<[^>]+>", "", await get(site, in_language(path, Language.PATWA)))
        assert {head for head in heads if len(head) > 12 and head in bare} == set(), path


@LANGUAGES
async def test_the_figures_of_a_page_are_the_same_in_every_language(site: Site, language: Language) -> None:
    html = await get(site, in_language(PAY, language))
    for figure in ("US$32.50", "J$5,000.00", "R-7K2MQ9XA", "404012345", "Tue 24 Nov, 9:05 am", "SENT R-7K2MQ9XA"):
        assert figure in html
    html = await get(site, in_language(STATEMENT, language))
    for figure in ("Fri 15 Jan 2027", "Fri 4 Jun 2027", "-J$4,500.50"):
        assert figure in html


async def test_the_language_asked_for_stays_after_a_form(site: Site) -> None:
    async with site.session.post(site.url + in_language(PAY, Language.EN), data={}, allow_redirects=False) as answer:
        assert answer.headers["Location"] == in_language(PAY, Language.EN)
    query = {"code": rows.CODE, "lang": "jam"}
    async with site.session.get(f"{site.url}/j", params=query, allow_redirects=False) as answer:
        assert answer.headers["Location"] == in_language(INVITE, Language.PATWA)


async def test_the_legal_texts_are_in_english_alone_and_offer_no_other(site: Site) -> None:
    for path in LEGAL:
        html = await get(site, in_language(path, Language.PATWA))
        assert is_in(html, Language.EN)
        assert "?lang=" not in html


@LANGUAGES
async def test_what_people_typed_stays_text_in_every_gap(site: Site, language: Language) -> None:
    async with site.engine.begin() as conn:
        await conn.execute(text("UPDATE circle SET name = :name"), {"name": "<b>{site}</b> & {amount}"})
        await conn.execute(text("UPDATE person SET name = '<i>Marva</i>'"))
    for path in (INVITE, RECEIPT, PAY):
        html = await get(site, in_language(path, language))
        assert "&lt;b&gt;{site}&lt;/b&gt; &amp; {amount}" in html
        assert "<b>" not in html
        assert "<i>" not in html


# --- in a browser ---


@pytest.fixture(params=["light", "dark"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """The smallest phone, without script of ours; any fault of policy or network fails the test."""
    context = await browser.new_context(
        viewport={"width": 320, "height": 568}, color_scheme=request.param, java_script_enabled=False
    )
    page = await context.new_page()
    faults: list[str] = []
    page.on(
        "console", lambda told: faults.append(told.text) if told.type == "error" and "404" not in told.text else None
    )
    yield page
    await context.close()
    assert faults == []


async def found_by_axe(page: Page) -> list[Any]:
    """Return what axe finds wrong, as rule and place."""
    results = await Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    violations = results.response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in violations]


@LANGUAGES
async def test_without_script_on_the_smallest_phone_each_page_fits_and_says_all(
    page: Page, site: Site, language: Language
) -> None:
    for path in (*SPOKEN, *LEGAL):
        await page.goto(site.url + in_language(path, language))
        widest = await page.locator("body *").evaluate_all(
            "all => Math.max(...all.filter(n => !n.closest('.skip')).map(n => n.getBoundingClientRect().right))"
        )
        assert (path, widest) <= (path, 320)
        assert await page.locator("button[data-copy]:visible").count() == 0
    await page.goto(site.url + in_language(PAY, language))
    assert "404012345" in await page.locator("main").inner_text()


@pytest.mark.parametrize(("scheme", "language"), [("light", Language.EN), ("dark", Language.PATWA)])
async def test_axe_finds_nothing_wrong_with_any_page(
    browser: Browser, site: Site, scheme: Any, language: Language
) -> None:
    page = await browser.new_page(viewport={"width": 320, "height": 568}, color_scheme=scheme)
    for path in (*SPOKEN, *LEGAL):
        await page.goto(site.url + in_language(path, language))
        assert (path, await found_by_axe(page)) == (path, [])


async def test_a_reader_goes_to_the_other_language_and_back_by_keyboard(browser: Browser, site: Site) -> None:
    page = await browser.new_page()
    await page.goto(site.url + RECEIPT)
    for language in (Language.PATWA, Language.EN):
        await page.get_by_role("link", name=language.own_name).focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url(site.url + in_language(RECEIPT, language))
        assert await page.locator("html").get_attribute("lang") == language.tag
