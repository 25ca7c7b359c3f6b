"""The pay page, `/pay/{token}`: how to pay, where the payment stands, and nothing about the person.

A transfer shows the account, the amount and the reference to copy; a card goes on to the page of its gateway; in
development the sandbox answers what a rail would, when the person says which. The link's token is the only key to it
and nobody can guess it, so no other site can make the forms; a browser that says the form came from elsewhere is
refused all the same. The page moves no money: the books hear of it by hook, statement or desk.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import segno
from aiohttp import web

from bot.web.answers import NOSNIFF, PRIVATE, BadRequest, plain
from bot.web.assets import Looks, Voice, asked_language, language_of
from bot.web.hooks import Filer
from bot.words.catalogue import day
from bot.words.say import Text, text
from channels.base import Outcome, Sent
from domain.messages import Filed
from domain.people import Language
from domain.schedule import local
from storage.clock import Clock
from storage.duties import Duty
from storage.pages import Pages, Payment

Account = tuple[tuple[str, str], ...]
"""The lines of an account that a payer copies, each with the key of what it is; the number last."""
DELAY: Final = timedelta(minutes=1)
CARD: Final = "card"
"""The answer of the form that opens the gateway's card page."""

_EVENTS: Final[Mapping[str, str]] = {
    "success": "collected",
    "failure": "collect_failed",
    "delay": "collected",
}
SANDBOXED: Final = {
    **NOSNIFF,
    **PRIVATE,
    # The gateway's page is not ours: it gets an origin of its own, so it reads nothing of this site's.
    "Content-Security-Policy": "sandbox allow-forms allow-scripts allow-top-navigation; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class CardPage(Protocol):
    """Who opens a card page for a payment: PowerTranz (channels/rails/powertranz.py)."""

    async def open_page(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Return Sent with the page as `html` in its detail; no money moves."""
        ...


class PayPage:
    """Handlers of `/pay/{token}`. `accounts` are where members transfer to, by carrier."""

    def __init__(
        self,
        pages: Pages,
        looks: Looks,
        filer: Filer,
        clock: Clock,
        *,
        accounts: Mapping[str, Account],
        card_page: CardPage | None,
        sandbox: bool,
    ) -> None:
        self._pages = pages
        self._looks = looks
        self._filer = filer
        self._clock = clock
        self._accounts = accounts
        self._card_page = card_page
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/pay/thanks", self.thanks),
            web.get("/pay/{token}", self.show),
            web.post("/pay/{token}", self.answer),
        ]

    async def thanks(self, request: web.Request) -> web.StreamResponse:
        """Show what a payer sees on the way back from a card gateway; it knows neither them nor the payment."""
        return self._looks.page("thanks.html", language_of(request))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show how to pay while the payment waits, and after that how it ended."""
        payment = await self._pages.payment(request.match_info["token"])
        return self._unknown(request) if payment is None else self._page(request, payment)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Open the card page, or take one answer of the sandbox's; a second answer changes nothing."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            return plain(403)
        payment = await self._pages.payment(request.match_info["token"])
        if payment is None:
            return self._unknown(request)
        result = (await request.post()).get("result")
        match self._way(payment):
            case "card" if result == CARD:
                return await self._open_card_page(request, payment)
            case "sandbox" if isinstance(result, str) and result in _EVENTS:
                await self._give(payment, result)
            case "card" | "sandbox" if not self._ended(payment):
                raise BadRequest("Press one of the page's own buttons.")
            case _:
                pass
        asked = asked_language(request)
        raise web.HTTPSeeOther(f"{request.path}?lang={asked.tag}" if asked else request.path)

    def _way(self, payment: Payment) -> str:
        """Return what the page offers: transfer, card, sandbox, or nothing but where the payment stands."""
        if self._ended(payment):
            return ""
        if payment.carrier in self._accounts:
            return "transfer"
        if payment.carrier == "powertranz" and self._card_page:
            return "card"
        return "sandbox" if payment.carrier == "sandbox" and self._sandbox else ""

    @staticmethod
    def _ended(payment: Payment) -> bool:
        return payment.state != "PENDING" or payment.answered

    def _page(
        self, request: web.Request, payment: Payment, trouble: Text | None = None, status: int = 200
    ) -> web.Response:
        language = asked_language(request) or payment.language
        way = self._way(payment)
        account = self._accounts.get(payment.carrier, ()) if way == "transfer" else ()
        voice = self._looks.voice(language)
        return self._looks.page(
            "pay.html",
            language,
            status,
            payment=payment,
            way=way,
            account=account,
            to_copy=f"{payment.price.minor // 100}.{payment.price.minor % 100:02d}",
            until=_moment(payment.good_until, language),
            qr=_qr(payment, account, voice) if payment.carrier == "lynk" and account else "",
            trouble=trouble,
        )

    async def _open_card_page(self, request: web.Request, payment: Payment) -> web.Response:
        """Show what the gateway sends in a sandbox of its own; each opening is a transaction of its own there."""
        order = {
            "amount": payment.price.minor,
            "currency": payment.price.currency.value,
            "receipt": payment.receipt,
        }
        gateway = self._card_page
        opened = await gateway.open_page(order, f"card:{payment.receipt}:{secrets.token_hex(8)}") if gateway else None
        if isinstance(opened, Sent) and isinstance(html := opened.detail.get("html"), str):
            return web.Response(body=html.encode(), content_type="text/html", charset="utf-8", headers=SANDBOXED)
        return self._page(request, payment, text("page_no_card_page"), 503)

    async def _give(self, payment: Payment, result: str) -> None:
        """Tell the desk what the sandbox's rail would."""
        kind = _EVENTS[result]
        body = {"kind": kind, "receipt": payment.receipt, "carrier": "sandbox"}
        body |= {"provider_id": f"sbx_{payment.receipt}"} if kind == "collected" else {"reason": "declined"}
        party = f"payment:{payment.receipt}"
        if result == "delay":
            at = self._clock.now() + DELAY
            await self._pages.plan(Duty(f"sandbox:{payment.receipt}", at, party, kind, body))
        else:
            arrival = Filed("sandbox", f"{payment.receipt}:{result}", party, "event", body)
            await self._filer.file([arrival])

    def _unknown(self, request: web.Request) -> web.Response:
        title, told = text("page_no_pay_title"), text("page_no_pay")
        return self._looks.page("missing.html", language_of(request), 404, title=title, text=told)


def _moment(at: datetime | None, language: Language) -> str:
    """A moment as people read it: `Tue 24 Nov, 9:05 am`."""
    if at is None:
        return ""
    here = local(at)
    return f"{day(here.date(), language)}, {here.hour % 12 or 12}:{here:%M} {'pm' if here.hour >= 12 else 'am'}"  # noqa: PLR2004


def _qr(payment: Payment, account: Account, voice: Voice) -> str:
    """Draw what a payer types, as text that another phone can copy from: LYNK's own codes are not public."""
    lines = [f"{voice.tell(text(f'page_line_{label}'))}: {value}" for label, value in account]
    lines.append(f"{voice.tell(text('page_amount'))}: {payment.price.full()}")
    lines.append(f"{voice.tell(text('paper_reference'))}: {payment.receipt}")
    code = segno.make_qr("\n".join(lines), error="m")
    title = str(voice.tell(text("page_pay_qr_alt")))
    return code.svg_inline(scale=4, light="#fff", dark="#12201c", title=title)
