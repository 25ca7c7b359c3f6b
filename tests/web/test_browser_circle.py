"""A pardna begun in the browser, as a newcomer would: five people, five phones, the real desk behind them."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from bot.web.app import WebParts
from tests.teller import open_house
from tests.web.conftest import running

NAMES = {"Marva": "Marva Brown", "Devon": "Devon Clarke", "Keisha": "Keisha Reid", "Andre": "Andre Wright"}
PEOPLE = {**NAMES, "Sister P": "Patsy Green"}


@pytest.fixture
async def table(browser: Browser, database_url: str) -> AsyncIterator[Page]:
    """The page with five people on it, and a whole house behind it."""
    async with open_house(database_url) as house:
        made = WebParts(house.engine, house.filer, house.clock, house.bell, development=True)
        async for site in running(made, house.vault):
            page = await browser.new_page(viewport={"width": 1280, "height": 900})
            await page.goto(site.url + "/sim")
            await page.get_by_role("button", name="Five people").first.click()
            yield page
            await page.close()


async def says(phone: Locator, words: str, *, sees: str) -> str:
    """Type, and read the last message that holds what is to be seen."""
    await phone.get_by_role("textbox").fill(words)
    await phone.get_by_role("textbox").press("Enter")
    found = phone.locator(".bot .text", has_text=re.compile(sees, re.IGNORECASE)).last
    await expect(found).to_be_visible(timeout=30_000)
    return await found.inner_text()


async def test_a_circle_is_founded_joined_begun_and_thrown_into_on_the_page(table: Page) -> None:
    phone = {name: table.get_by_role("article", name=name) for name in PEOPLE}
    marva = phone["Marva"]
    for name, full_name in PEOPLE.items():
        await says(phone[name], "hello", sees="What name")
        await says(phone[name], full_name, sees="agree")
        await says(phone[name], "I agree", sees="language")
        await says(phone[name], "EN", sees="You are in")
    first = (await table.locator("#now").get_attribute("datetime") or "")[:10]
    made = await says(marva, f"NEW Sunday Club; 5000 JMD; weekly; 5; {first}; join order", sees="code is")
    code = re.search(r"code is ([A-Z2-9]{6})", made)[1]  # type: ignore[index] # seen just now
    for name in PEOPLE:
        await says(phone[name], f"JOIN {code}", sees="AGREE")
        await says(phone[name], "AGREE", sees="has been asked|You are in Sunday Club")
    await says(marva, f"APPROVE {code} ALL", sees="all 5 turns are taken")
    await says(marva, f"LOCK {code}", sees="Lock Sunday Club")
    await marva.get_by_role("button", name="Yes").last.click()
    await says(marva, f"BEGIN {code}", sees="Begin Sunday Club")
    await marva.get_by_role("button", name="Yes").last.click()
    await expect(phone["Devon"].get_by_role("log")).to_contain_text("1 SMS")
    await expect(phone["Keisha"].get_by_role("log")).to_contain_text("round 1 of 5")
    await says(phone["Keisha"], "PAY SANDBOX", sees="J\\$5,000 from")
    ledger = table.get_by_role("region", name="The ledger")
    await expect(ledger).to_contain_text("Held J$5,000.00")
    await expect(ledger).to_contain_text("even")
    await expect(ledger.get_by_role("row", name="Pot of round 1").first).to_contain_text("J$5,000.00")
    await table.get_by_role("button", name="+ 1 week").click()
    await expect(phone["Sister P"].get_by_role("log")).to_contain_text("was due", timeout=30_000)
