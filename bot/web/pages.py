"""The pages people open from a link: what this is, an invitation, a receipt, the legal texts.

They work without script, load nothing from elsewhere and show first names alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import quote

import segno
from aiohttp import web

from bot.web.assets import Looks
from bot.words.legal import TERMS_VERSION
from domain.codes import normalise_code
from domain.schedule import local_date
from storage.pages import Invite, Pages, Receipt

_STATES: Final[Mapping[str, str]] = {
    "DRAFT": "Being set up",
    "OPEN": "Open for joining",
    "LOCKED": "Terms and order fixed, about to start",
    "ACTIVE": "Running",
    "COMPLETED": "Complete",
    "CANCELLED": "Called off before it started",
    "SUSPENDED": "Paused",
    "TERMINATED": "Ended early",
}
_HOW: Final[Mapping[str, str]] = {
    "CASH": "Cash to the banker",
    "CARD": "Card",
    "USCARD": "Card in US dollars",
    "NCB": "NCB transfer",
    "SCOTIA": "Scotiabank transfer",
    "LYNK": "LYNK wallet",
    "SANDBOX": "Sandbox, no real money",
}


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
    label: str
    link: str
    address: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a receipt is worth, in words."""

    title: str
    text: str
    mark: str
    tone: str


def day(when: date) -> str:
    """A date as people read it, with its year: `Fri 22 Jan 2027`."""
    shown = local_date(when) if isinstance(when, datetime) else when
    return f"{shown:%a} {shown.day} {shown:%b %Y}"


def ways_to_join(reach: Reach, code: str) -> list[Way]:
    """The links that open a chat with `JOIN code` ready to be sent."""
    words = quote(f"JOIN {code}")
    number = reach.whatsapp.lstrip("+")
    ways = [
        Way(
            "whatsapp",
            "Join on WhatsApp",
            f"https://wa.me/{number}?text={words}",
            reach.whatsapp,
        ),
        # `?&body=` is what both iOS and Android read.
        Way("sms", "Join by SMS", f"sms:{reach.sms}?&body={words}", reach.sms),
        Way(
            "telegram",
            "Join on Telegram",
            f"https://t.me/{reach.telegram}?start={code}",
            f"@{reach.telegram}",
        ),
    ]
    return [way for way in ways if getattr(reach, way.channel)]


def verdict(receipt: Receipt) -> Verdict:
    """Say whether a receipt holds."""
    match receipt.state:
        case "SETTLED" if receipt.given_back:
            part = receipt.given_back.text()
            return Verdict("This receipt is good in part", f"{part} of it went back to who paid it.", "!", "wait")
        case "SETTLED" if receipt.confirmed:
            return Verdict("This receipt is good", "The money is in the book.", "✓", "good")
        case "SETTLED":
            return Verdict(
                "This receipt is good",
                "The cash is in the book, not yet confirmed by the partner.",
                "✓",
                "good",
            )
        case "PENDING":
            return Verdict("Not yet in the book", "This payment was started and has not come in.", "…", "wait")
        case "DISPUTED":
            return Verdict("In dispute", "One side says that this entry is not right.", "!", "wait")
        case "REFUNDED":
            return Verdict("This receipt was taken back", "The money went back to who paid it.", "✗", "bad")
        case "CHARGED_BACK":
            return Verdict("This receipt was taken back", "The card's bank took the money back.", "✗", "bad")
        case _:
            return Verdict("This receipt does not count", "No money came in under this code.", "✗", "bad")


class PublicPages:
    """Handlers of `/`, `/j`, `/r` and `/legal`."""

    def __init__(self, pages: Pages, looks: Looks, reach: Reach, public_url: str, *, simulator: bool) -> None:
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
            web.get("/legal/terms", self.terms),
            web.get("/legal/privacy", self.privacy),
        ]

    async def root(self, _request: web.Request) -> web.StreamResponse:
        """Say what this is."""
        return self._looks.page("root.html", public=True, simulator=self._simulator)

    async def find(self, request: web.Request) -> web.StreamResponse:
        """Go on from the root page's form to the invitation."""
        code = normalise_code(request.query.get("code", ""))
        if code is None or "-" in code:
            return self._no_circle()
        raise web.HTTPSeeOther(f"/j/{code}")

    async def invite(self, request: web.Request) -> web.StreamResponse:
        """Show what a circle asks and gives, and how to join it."""
        code = normalise_code(request.match_info["code"])
        circle = await self._pages.invite(code) if code and "-" not in code else None
        if circle is None:
            return self._no_circle()
        here = self._public_url or str(request.url.origin())
        return self._looks.page(
            "invite.html",
            circle=circle,
            pot=circle.throw * circle.turns,
            state=_state(circle),
            joining=circle.state == "OPEN",
            ways=ways_to_join(self._reach, circle.code),
            simulator=self._simulator,
            qr=_qr(f"{here}/j/{circle.code}"),
            day=day,
        )

    def _no_circle(self) -> web.Response:
        return self._looks.page(
            "missing.html",
            status=404,
            title="No pardna has this code",
            text="A code has six letters and numbers, such as 7K2MQ9, and never an O, 0, I, 1 or L. "
            "Ask your banker for it again.",
        )

    async def receipt(self, request: web.Request) -> web.StreamResponse:
        """Show whether a receipt holds, and nothing about who paid."""
        code = normalise_code(request.match_info["receipt"])
        receipt = await self._pages.receipt(code) if code and code.startswith("R-") else None
        if receipt is None:
            return self._looks.page(
                "missing.html",
                status=404,
                title="No receipt has this code",
                text="A receipt looks like R-7K2MQ9XA. Whoever gave you this code as proof: "
                "no such money is in the book.",
            )
        return self._looks.page(
            "receipt.html",
            receipt=receipt,
            verdict=verdict(receipt),
            when=receipt.settled_at or receipt.began_at,
            how=_HOW.get(receipt.rail, receipt.rail),
            day=day,
        )

    async def terms(self, _request: web.Request) -> web.StreamResponse:
        """Show the terms."""
        return self._looks.page("legal_terms.html", public=True, version=TERMS_VERSION)

    async def privacy(self, _request: web.Request) -> web.StreamResponse:
        """Show the privacy notice."""
        return self._looks.page("legal_privacy.html", public=True, version=TERMS_VERSION)


def _state(circle: Invite) -> str:
    if circle.state == "OPEN":
        return f"{_STATES['OPEN']}, {circle.hands_in} of {circle.turns} hands taken"
    return _STATES[circle.state]


def _qr(address: str) -> str:
    code = segno.make_qr(address, error="m")
    return code.svg_inline(scale=5, light="#fff", dark="#12201c", title="QR code of this page")
