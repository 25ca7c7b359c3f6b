"""The pay page beyond the sandbox: what a payer copies, how a card page is opened, and where a payment stands."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from bot.config import Settings
from bot.rail_settings import TransferRail
from bot.web.callers import HINTS
from channels.http import Http
from channels.rails.operator import BankHook
from channels.rails.powertranz import PowerTranzHook, PowerTranzRail
from storage.bell import Bell
from storage.engine import Engine
from tests.web import rows
from tests.web.conftest import Site, parts, running

PATH = f"/pay/{rows.TOKEN}"
UNTIL = datetime(2026, 11, 24, 17, 5, tzinfo=UTC)
NCB = TransferRail("ncb", account="404012345", holder="Digital Pardna Ltd", branch="New Kingston")
LYNK = TransferRail("lynk", account="876-555-0142", handle="@digitalpardna", holder="Digital Pardna Ltd")
ACCOUNTS = {"ncb": NCB.labelled, "lynk": LYNK.labelled}


@dataclass
class Gateway:
    """As much of the card gateway as opens a page, on loopback."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    html: str = "<!DOCTYPE html><html><body><h1>Card page</h1></body></html>"
    status: int = 200
    back: str = ""
    """Where the card page sends the payer's browser on to."""
    posted: list[Mapping[str, str]] = field(default_factory=list)

    async def sale(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        if self.status != 200:
            return web.Response(status=self.status, text="<html>down</html>", content_type="text/html")
        return web.json_response({"IsoResponseCode": "SP4", "RedirectData": self.html, "SpiToken": "spi-1"})

    async def page(self, request: web.Request) -> web.Response:
        self.posted.append(dict(request.headers))
        html = "<h1>The gateway's own page</h1>"
        if self.back:
            said = escape(json.dumps({"OrderIdentifier": rows.RECEIPT, "IsoResponseCode": "3D0", "SpiToken": "spi-1"}))
            html = f"""<form method="post" action="{self.back}"><input type="hidden" name="Response" value="{said}">
                </form><script>document.forms[0].submit()</script>"""
        return web.Response(text=f"<link rel=icon href='data:,'>{html}", content_type="text/html")


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway, app = Gateway(), web.Application()
    app.add_routes([web.post("/api/spi/sale", gateway.sale), web.post("/page", gateway.page)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield gateway
    await runner.cleanup()


@pytest.fixture
async def live(engine: Engine, bell: Bell, gateway: Gateway) -> AsyncIterator[Site]:
    """A production service with two transfer rails and a card gateway."""
    async with aiohttp.ClientSession() as session:
        rail = PowerTranzRail(
            Http(session, "powertranz"),
            f"{gateway.url}/api",
            "88800001",
            "gateway-pass",
            hook_url="https://pardna.example/hooks/ncb",
            page_set="PTZ/pardna",
            page_name="card",
        )
        hook = BankHook(None, PowerTranzHook("/pay/thanks"))
        made = parts(engine, bell, development=False, hooks={"/hooks/ncb": hook}, accounts=ACCOUNTS, card_page=rail)
        async for site in running(*made):
            await rows.put_circle(engine)
            yield site


async def press(site: Site, **form: str) -> tuple[int, str, Mapping[str, str]]:
    async with site.session.post(site.url + PATH, data=form, allow_redirects=False) as answer:
        return answer.status, await answer.text(), answer.headers


# --- transfers ---


@pytest.mark.parametrize(
    ("carrier", "shown"),
    [
        ("ncb", ["Digital Pardna Ltd", "National Commercial Bank (NCB)", "New Kingston", "404012345", "the bank"]),
        ("lynk", ["Digital Pardna Ltd", "LYNK", "@digitalpardna", "876-555-0142", "QR code"]),
    ],
)
async def test_a_transfer_page_holds_all_that_is_copied_and_nothing_of_the_person(
    live: Site, carrier: str, shown: list[str]
) -> None:
    await rows.put_payment(live.engine, rail=carrier.upper(), carrier=carrier)
    status, html = await live.get(PATH)
    assert status == 200
    for words in ["J$5,000.00", "R-7K2MQ9XA", "Sunday Club", "We will tell you in chat when", *shown]:
        assert words in html
    assert 'data-copy="5000.00"' in html
    for line in [value for _, value in ACCOUNTS[carrier]] + ["R-7K2MQ9XA"]:
        assert f'data-copy="{line}"' in html
    assert not re.search("Devon|Clarke|Marva|p2", html)
    assert len(html.encode()) < 60_000


async def test_every_copy_button_waits_for_its_script_and_says_what_it_copies(live: Site) -> None:
    await rows.put_payment(live.engine, rail="NCB", carrier="ncb")
    _, html = await live.get(PATH)
    buttons = re.findall(r"<button [^>]*>", html)
    assert len(buttons) == 6
    assert all(
        " hidden" in button and 'aria-label="Copy ' in button and 'type="button"' in button for button in buttons
    )


async def test_a_quote_says_what_it_counts_for_and_until_when(live: Site) -> None:
    await rows.put_payment(live.engine, rail="NCB", carrier="ncb", price=(3_250, "USD"), good_until=UNTIL)
    _, html = await live.get(PATH)
    assert "US$32.50" in html
    assert "It counts as J$5,000.00" in html
    assert "good until Tue 24 Nov, 12:05 pm" in html


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("SETTLED", "Paid."),
        ("FAILED", "no money moved"),
        ("REFUNDED", "given back"),
        ("CHARGED_BACK", "took this payment back"),
        ("DISPUTED", "being looked into"),
    ],
)
async def test_a_payment_that_is_over_says_how_and_shows_no_account(live: Site, state: str, words: str) -> None:
    await rows.put_payment(live.engine, state, rail="NCB", carrier="ncb")
    _, html = await live.get(PATH)
    assert words in html
    assert "404012345" not in html
    assert "<button" not in html


async def test_back_from_stripe_the_page_says_where_the_payment_stands(live: Site) -> None:
    await rows.put_payment(live.engine, rail="CARD", carrier="stripe")
    _, html = await live.get(PATH)
    assert "We have not heard of this payment yet" in html
    await rows.set_payment(live.engine, "SETTLED")
    _, html = await live.get(PATH)
    assert "Paid. The receipt is in your chat." in html


async def test_a_transfer_page_takes_no_answer_and_files_nothing(live: Site) -> None:
    await rows.put_payment(live.engine, rail="NCB", carrier="ncb")
    for result in ("success", "card", ""):
        assert (await press(live, result=result))[0] == 303
    assert await live.arrivals() == []


async def test_the_sandboxs_answers_do_not_settle_a_card_of_the_gateways(live: Site) -> None:
    await rows.put_payment(live.engine, rail="CARD", carrier="powertranz")
    assert (await press(live, result="success"))[0] == 400
    assert await live.arrivals() == []


# --- the card page ---


async def test_a_card_page_comes_in_a_sandbox_of_its_own_and_is_kept_by_nobody(live: Site, gateway: Gateway) -> None:
    await rows.put_payment(live.engine, rail="CARD", carrier="powertranz", price=(3_250, "USD"))
    _, html = await live.get(PATH)
    assert "Pay by card" in html
    status, html, headers = await press(live, result="card")
    assert (status, html) == (200, gateway.html)
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-same-origin" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    [asked] = gateway.asked
    assert (asked["TotalAmount"], asked["CurrencyCode"], asked["OrderIdentifier"]) == (32.5, "840", "R-7K2MQ9XA")
    assert rows.TOKEN not in str(asked)
    assert await live.arrivals() == []


async def test_each_press_is_a_page_of_its_own(live: Site, gateway: Gateway) -> None:
    await rows.put_payment(live.engine, rail="CARD", carrier="powertranz")
    await press(live, result="card")
    await press(live, result="card")
    assert len({asked["TransactionIdentifier"] for asked in gateway.asked}) == 2


async def test_a_gateway_that_opens_no_page_is_said_and_can_be_tried_again(live: Site, gateway: Gateway) -> None:
    await rows.put_payment(live.engine, rail="CARD", carrier="powertranz")
    gateway.status = 500
    status, html, _ = await press(live, result="card")
    assert status == 503
    assert "nothing was taken" in html
    assert "Pay by card" in html
    assert "down" not in html
    gateway.status = 200
    assert (await press(live, result="card"))[0] == 200


async def test_a_payment_that_is_over_opens_no_card_page(live: Site, gateway: Gateway) -> None:
    await rows.put_payment(live.engine, "SETTLED", rail="CARD", carrier="powertranz")
    assert (await press(live, result="card"))[0] == 303
    assert gateway.asked == []


async def test_a_card_page_is_opened_for_no_other_site(live: Site, gateway: Gateway) -> None:
    await rows.put_payment(live.engine, rail="CARD", carrier="powertranz")
    url, headers = live.url + PATH, {"Sec-Fetch-Site": "cross-site"}
    async with live.session.post(url, data={"result": "card"}, headers=headers) as answer:
        assert answer.status == 403
    assert gateway.asked == []


async def test_the_page_on_the_way_back_knows_neither_payer_nor_payment(live: Site) -> None:
    status, html = await live.get("/pay/thanks")
    assert status == 200
    assert "We tell you in chat how it went" in html
    assert not re.search(r"R-[A-Z0-9]{8}|\$", html)


# --- in a browser ---


def _is_fault(message: ConsoleMessage) -> bool:
    """Whether a page of ours did something wrong; a gateway's page has no icon, and the browser may miss it."""
    return message.type == "error" and not message.location["url"].endswith("/favicon.ico")


@pytest.fixture
async def page(browser: Browser, live: Site) -> AsyncIterator[Page]:
    """A phone on which any fault of script, policy or network fails the test."""
    context = await browser.new_context(viewport={"width": 360, "height": 740})
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live.url)
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if _is_fault(message) else None)
    yield page
    assert faults == []


async def test_a_press_copies_a_line_and_says_so(page: Page, live: Site) -> None:
    await rows.put_payment(live.engine, rail="NCB", carrier="ncb")
    await page.goto(live.url + PATH)
    for name, copied in (
        ("Copy reference", "R-7K2MQ9XA"),
        ("Copy amount", "5000.00"),
        ("Copy account number", "404012345"),
    ):
        await page.get_by_role("button", name=name).click()
        await expect(page.get_by_role("status")).to_have_text(f"Copied: {copied}")
        assert await page.evaluate("navigator.clipboard.readText()") == copied


CONTRAST = """() => {
  const light = c => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4 };
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const lum = ([r, g, b]) => .2126 * light(r) + .7152 * light(g) + .0722 * light(b);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const found = rgb(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter(n => n.checkVisibility() && !n.closest("svg, .skip"))
    .filter(n => [...n.childNodes].some(c => c.nodeType === 3 && c.data.trim()))
    .map(n => {
      const [a, b] = [lum(rgb(getComputedStyle(n).color)), lum(behind(n))].sort((x, y) => y - x);
      return [n.className + ":" + n.textContent.trim().slice(0, 30), (a + .05) / (b + .05)];
    })
    .filter(([, ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("carrier", ["ncb", "lynk", "powertranz", "stripe"])
async def test_on_a_small_phone_everything_is_readable_and_nothing_scrolls_sideways(
    page: Page, live: Site, carrier: str, scheme: Any
) -> None:
    await rows.put_payment(live.engine, rail="NCB", carrier=carrier)
    await page.emulate_media(color_scheme=scheme)
    await page.goto(live.url + PATH)
    assert await page.evaluate("document.scrollingElement.scrollWidth") <= 360
    assert await page.evaluate(CONTRAST) == []
    for button in await page.locator("main button:visible").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44


async def test_a_card_page_cannot_touch_this_site_and_goes_on_to_the_gateways(
    page: Page, live: Site, gateway: Gateway
) -> None:
    """What the gateway sends runs without this site's origin: no storage, no reading of our pages."""
    gateway.html = f"""<!DOCTYPE html><html><body><form id="f" method="post" action="{gateway.url}/page">
        <input type="hidden" name="origin"><input type="hidden" name="storage"></form><script>
        document.forms[0].origin.value = self.origin;
        let could = "yes"; try {{ localStorage.setItem("a", "b") }} catch {{ could = "no" }}
        document.forms[0].storage.value = could;
        document.title = self.origin + " " + could;
        document.getElementById("f").submit();
        </script></body></html>"""
    await rows.put_payment(live.engine, rail="CARD", carrier="powertranz")
    await page.goto(live.url + PATH)
    async with page.expect_request(f"{gateway.url}/page") as going:
        await page.get_by_role("button", name="Pay by card").click()
    assert (await going.value).post_data == "origin=null&storage=no"
    await expect(page.get_by_role("heading")).to_have_text("The gateway's own page")
    [headers] = gateway.posted
    assert "Referer" not in headers


async def test_a_payer_comes_back_from_the_card_page_to_a_page_of_ours_and_the_desk_hears_of_it(
    page: Page, live: Site, gateway: Gateway
) -> None:
    gateway.html = f"""<!DOCTYPE html><form method="post" action="{gateway.url}/page"></form>
        <script>document.forms[0].submit()</script>"""
    gateway.back = f"{live.url}/hooks/ncb"
    await rows.put_payment(live.engine, rail="CARD", carrier="powertranz")
    await page.goto(live.url + PATH)
    await page.get_by_role("button", name="Pay by card").click()
    await expect(page.get_by_role("heading")).to_have_text("Thank you")
    assert page.url == f"{live.url}/pay/thanks"
    [arrival] = await live.arrivals()
    assert (arrival.source, arrival.party) == ("powertranz", "payment:R-7K2MQ9XA")
    assert arrival.body["spi_token"] == "spi-1"


# --- the settings behind it ---


def test_an_account_is_shown_with_its_number_last_and_without_what_is_not_set() -> None:
    assert NCB.lines == ("Digital Pardna Ltd", "National Commercial Bank (NCB)", "New Kingston", "404012345")
    assert TransferRail("scotia", account="1").lines == ("Scotiabank", "1")
    assert TransferRail("scotia", has_api=True).lines == ()


def test_without_rails_there_are_no_accounts() -> None:
    assert Settings(_env_file=None).transfer_rails() == {}


async def test_who_presses_the_button_without_end_is_asked_to_wait(live: Site, gateway: Gateway) -> None:
    """Each opens a page at the gateway, under our name."""
    await rows.put_payment(live.engine, carrier="powertranz")
    answers = []
    for _ in range(HINTS.amount + 1):
        async with live.session.post(live.url + PATH, data={"result": "card"}) as answer:
            answers.append(answer.status)
    assert answers == [*[200] * HINTS.amount, 429]
    assert len(gateway.asked) == HINTS.amount
