"""The page on which anybody proves a draw order in their own browser (rules.md 13)."""

import pytest
from playwright.async_api import Browser, expect

from domain.lottery import NO_WORD, draw_order, hash_seed, hash_words
from tests.web.conftest import Site

CODE, SEED = "K7QX2M", bytes(range(32))


def said(hands: int, waiting: frozenset[int], words: dict[int, str]) -> str:
    order = draw_order(CODE, SEED, hash_words(words), hands, waiting)
    return "\n".join(
        [
            f"LOTTERY {CODE} for Sunday Club: the draw order.",
            f"SEED HASH {hash_seed(SEED)}",
            "HANDS",
            *(f"#{hand} Marva{'*' if hand in waiting else ''}" for hand in range(1, hands + 1)),
            f"WORDS HASH {hash_words(words)}",
            f"SEED {SEED.hex()}",
            "WORDS",
            *(f"#{hand} {word or NO_WORD}" for hand, word in words.items()),
            "ORDER",
            *(f"{turn} Marva #{hand}" for turn, hand in enumerate(order, 1)),
        ]
    )


FEW = said(3, frozenset({2}), {1: "mango", 2: "", 3: "sea"})
MANY = said(50, frozenset({2, 3, 5, 49}), {hand: "" if hand % 2 else "sea" for hand in range(1, 51)})


async def test_a_browser_proves_an_order_and_sends_nothing(browser: Browser, site: Site) -> None:
    page = await browser.new_page()
    await page.goto(f"{site.url}/lottery", wait_until="networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wrong = {
        FEW: "Right",
        FEW.replace("#1 Marva", "#1 ORDER"): "Right",
        MANY: "Right",
        FEW.replace("#1 mango", "#1 melon"): "words are not",
        FEW.replace(SEED.hex(), "0" * 64): "seed is not",
        FEW.replace("1 Marva #3", "1 Marva #2"): "order is not",
        FEW.replace("#2 Marva*\n", ""): "Not all",
        "hello": "Not all",
    }
    for messages, verdict in wrong.items():
        await page.get_by_label("The messages").fill(messages)
        await page.get_by_role("button", name="Prove it").click()
        await expect(page.get_by_role("status")).to_contain_text(verdict)
    assert asked == []


@pytest.mark.parametrize("language", ["en", "jam"])
async def test_without_script_it_says_what_else_there_is(browser: Browser, site: Site, language: str) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{site.url}/lottery?lang={language}")
    await expect(page.get_by_text("lottery.py")).to_be_visible()
    await expect(page.get_by_role("textbox")).to_be_hidden()
    await context.close()
