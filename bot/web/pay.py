"""The pay page of development: the sandbox answers what a rail or a card would, when the person says which.

The link's token is the only key to it and nobody can guess it, so no other site can make the form; a
browser that says the form came from elsewhere is refused all the same. One answer a payment.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from bot.web.answers import BadRequest, plain
from bot.web.assets import Looks
from bot.web.hooks import Filer
from domain.messages import Filed
from storage.clock import Clock
from storage.duties import Duty
from storage.pages import Pages, Payment

DELAY: Final = timedelta(minutes=1)

_EVENTS: Final[Mapping[str, str]] = {
    "success": "collected",
    "failure": "collect_failed",
    "delay": "collected",
}
_SAID: Final[Mapping[str, str]] = {
    "PENDING": "Your answer is with the rail. You read the outcome in chat.",
    "SETTLED": "Paid. The receipt is in your chat.",
    "FAILED": "This payment did not go through, and no money moved. Write PAY in chat for a new link.",
    "DENIED": "This payment was turned down. Write PAY in chat for a new link.",
    "DISPUTED": "This payment is being looked into.",
}


class PayPage:
    """Handlers of `/pay/{token}`."""

    def __init__(self, pages: Pages, looks: Looks, filer: Filer, clock: Clock) -> None:
        self._pages = pages
        self._looks = looks
        self._filer = filer
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [web.get("/pay/{token}", self.show), web.post("/pay/{token}", self.answer)]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the amount and the circle, and the three answers while none was given."""
        payment = await self._pages.payment(request.match_info["token"])
        if payment is None:
            return self._unknown()
        return self._looks.page(
            "pay.html",
            payment=payment,
            open=payment.state == "PENDING" and not payment.answered,
            message=_SAID[payment.state],
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Take one answer and show the page again; a second one changes nothing."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            return plain(403)
        payment = await self._pages.payment(request.match_info["token"])
        if payment is None:
            return self._unknown()
        result = (await request.post()).get("result")
        if not isinstance(result, str) or result not in _EVENTS:
            raise BadRequest("Send result=success, result=failure or result=delay.")
        if payment.state == "PENDING" and not payment.answered:
            await self._give(payment, result)
        raise web.HTTPSeeOther(request.path)

    async def _give(self, payment: Payment, result: str) -> None:
        body = {
            "kind": _EVENTS[result],
            "receipt": payment.receipt,
            "provider_id": f"sbx_{payment.receipt}",
        }
        party = f"circle:{payment.circle}"
        if result == "delay":
            at = self._clock.now() + DELAY
            await self._pages.plan(Duty(f"sandbox:{payment.receipt}", at, party, body["kind"], body))
        else:
            arrival = Filed("sandbox", f"{payment.receipt}:{result}", party, "event", body)
            await self._filer.file([arrival])

    def _unknown(self) -> web.Response:
        return self._looks.page(
            "missing.html",
            status=404,
            title="This pay link is not known",
            text="It may be old or cut short. Write PAY in chat for a new one.",
        )
