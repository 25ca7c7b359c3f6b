"""The pages people open from a link: what this is, an invitation, a receipt, the legal texts.

They work without script, load nothing from elsewhere and show first names alone.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from urllib.parse import quote

import segno
from aiohttp import web

from bot.terms import fee_text, more_texts
from bot.web.answers import as_json
from bot.web.assets import Looks, asked_language, language_of
from bot.words.legal import TERMS_VERSION
from bot.words.say import Text, text
from domain.codes import normalise_code
from domain.pardna import shown
from domain.telegram import deep_link
from storage.pages import Invite, Pages, Receipt


@dataclass(frozen=True, slots=True)
class Reach:
    """Where people write to us; an empty one is not offered."""

    whatsapp: str = ""
    """Our number in E.164."""
    sms: str = ""
    """Our number in E.164."""
    telegram: str = ""
    """Our bot's name without `@`."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to join."""

    channel: str
    link: str
    address: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a receipt is worth, in words."""

    title: Text
    text: Text
    mark: str
    tone: str


def ways_to_join(reach: Reach, code: str) -> list[Way]:
    """The links that open a chat with `JOIN code` ready to be sent."""
    words = quote(f"JOIN {code}")
    number = reach.whatsapp.lstrip("+")
    ways = [
        Way("whatsapp", f"https://wa.me/{number}?text={words}", reach.whatsapp),
        # `?&body=` is what both iOS and Android read.
        Way("sms", f"sms:{reach.sms}?&body={words}", reach.sms),
        Way("telegram", deep_link(reach.telegram, code), f"@{reach.telegram}"),
    ]
    return [way for way in ways if getattr(reach, way.channel)]


def verdict(receipt: Receipt) -> Verdict:
    """Say whether a receipt holds."""
    match receipt.state:
        case "SETTLED" if receipt.given_back:
            back = text("page_receipt_part_back", amount=receipt.given_back)
            return Verdict(text("page_receipt_part"), back, "!", "wait")
        case "SETTLED":
            why = text("page_receipt_in_book") if receipt.confirmed else text("page_receipt_cash")
            return Verdict(text("page_receipt_good"), why, "✓", "good")
        case "PENDING":
            return Verdict(text("page_receipt_waits"), text("page_receipt_not_come"), "…", "wait")
        case "DISPUTED":
            return Verdict(text("page_receipt_dispute"), text("page_receipt_one_side"), "!", "wait")
        case "REFUNDED":
            return Verdict(text("page_receipt_back"), text("page_receipt_refunded"), "✗", "bad")
        case "CHARGED_BACK":
            return Verdict(text("page_receipt_back"), text("page_receipt_charged_back"), "✗", "bad")
        case _:
            return Verdict(text("page_receipt_none"), text("page_receipt_no_money"), "✗", "bad")


class PublicPages:
    """Handlers of `/`, `/j`, `/r`, `/lottery` and `/legal`."""

    def __init__(
        self, pages: Pages, looks: Looks, reach: Callable[[], Reach], public_url: str, *, simulator: bool
    ) -> None:
        self._pages = pages
        self._looks = looks
        self._reach = reach
        self._public_url = public_url.rstrip("/")
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/", self.root),
            web.get("/j", self.find),
            web.get("/j/{code}", self.invite),
            web.get("/r/{receipt}", self.receipt),
            web.get("/r/{receipt}/proof.json", self.proof),
            web.get("/lottery", self.lottery),
            web.get("/legal/terms", self.terms),
            web.get("/legal/privacy", self.privacy),
        ]

    async def root(self, request: web.Request) -> web.StreamResponse:
        """Say what this is."""
        return self._looks.page("root.html", language_of(request), public=True, simulator=self._simulator)

    async def lottery(self, request: web.Request) -> web.StreamResponse:
        """Let a reader prove a draw order; their browser works it out and sends nothing (docs/lottery.md)."""
        return self._looks.page("lottery.html", language_of(request), public=True)

    async def find(self, request: web.Request) -> web.StreamResponse:
        """Go on from the root page's form to the invitation."""
        code = normalise_code(request.query.get("code", ""))
        if code is None or "-" in code:
            return self._no_circle(request)
        asked = asked_language(request)
        raise web.HTTPSeeOther(f"/j/{code}?lang={asked.tag}" if asked else f"/j/{code}")

    async def invite(self, request: web.Request) -> web.StreamResponse:
        """Show what a circle asks and gives, and how to join it."""
        code = normalise_code(request.match_info["code"])
        circle = await self._pages.invite(code) if code and "-" not in code else None
        if circle is None:
            return self._no_circle(request)
        here = self._public_url or str(request.url.origin())
        language = language_of(request)
        return self._looks.page(
            "invite.html",
            language,
            circle=circle,
            pot=circle.throw * circle.turns,
            fee=fee_text(circle.terms),
            more=more_texts(circle.terms, circle.banker),
            state=_state(circle),
            joining=circle.state == "OPEN",
            ways=ways_to_join(self._reach(), circle.code),
            simulator=self._simulator,
            qr=_qr(f"{here}/j/{circle.code}", str(self._looks.voice(language).tell(text("page_invite_qr_alt")))),
        )

    def _no_circle(self, request: web.Request) -> web.Response:
        title, told = text("page_no_circle_title"), text("page_no_circle")
        return self._looks.page("missing.html", language_of(request), 404, title=title, text=told)

    async def receipt(self, request: web.Request) -> web.StreamResponse:
        """Show whether a receipt holds, and nothing about who paid."""
        code = normalise_code(request.match_info["receipt"])
        receipt = await self._pages.receipt(code) if code and code.startswith("R-") else None
        language = language_of(request)
        if receipt is None:
            title, told = text("page_no_receipt_title"), text("page_no_receipt")
            return self._looks.page("missing.html", language, 404, title=title, text=told)
        when = receipt.settled_at or receipt.began_at
        proof = await self._pages.included(receipt.code)
        held = verdict(receipt)
        return self._looks.page("receipt.html", language, receipt=receipt, verdict=held, when=when, proof=proof)

    async def proof(self, request: web.Request) -> web.StreamResponse:
        """Give what leads from a receipt's line to the mark of its book, for docs/proof.py."""
        code = normalise_code(request.match_info["receipt"])
        proof = await self._pages.included(code) if code and code.startswith("R-") else None
        if proof is None:
            title, told = text("page_no_receipt_title"), text("page_no_receipt")
            return self._looks.page("missing.html", language_of(request), 404, title=title, text=told)
        answer = as_json({"what": "pardna receipt 1", **asdict(proof)})
        answer.headers["Content-Disposition"] = f'attachment; filename="{proof.receipt}.json"'
        return answer

    async def terms(self, _request: web.Request) -> web.StreamResponse:
        """Show the terms: in English alone, the language that people consent in until counsel has one in Patwa."""
        return self._looks.page("legal_terms.html", public=True, others=(), version=TERMS_VERSION)

    async def privacy(self, _request: web.Request) -> web.StreamResponse:
        """Show the privacy notice, in English alone like the terms."""
        return self._looks.page("legal_privacy.html", public=True, others=(), version=TERMS_VERSION)


def _state(circle: Invite) -> Text:
    return text(f"page_state_{circle.state.lower()}", taken=shown(circle.halves_in), turns=circle.turns)


def _qr(address: str, title: str) -> str:
    code = segno.make_qr(address, error="m")
    return code.svg_inline(scale=5, light="#fff", dark="#12201c", title=title)
