"""A site that takes Stripe's hook over HTTP and files each arrival once, and the account that its arrivals make."""

import time
from collections import Counter
from typing import Any, Self

from aiohttp import web

from channels.base import BadSignature, HookRequest, Unreadable
from channels.rails.stripe import StripeHook
from domain.messages import Filed
from tests.vendors import SETTINGS

SIGNS = {"collected": 1, "charge": -1, "refunded": -1, "charged_back": -1, "charge_returned": 1}
SIGNS |= {"moved_out": -1, "moved_back": 1}


class Site:
    """`POST /hooks/stripe`; `filed` is the inbox: a name comes in once."""

    def __init__(self) -> None:
        self.url = ""
        self.filed: dict[str, Filed] = {}
        self.calls = 0
        self.down = False
        self._hook = StripeHook((SETTINGS["STRIPE_WEBHOOK_SECRET"],), time.time, live=False)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hooks/stripe", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hooks/stripe"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    def file(self, *arrivals: Filed) -> None:
        """Keep what is new, as the inbox does."""
        for arrival in arrivals:
            assert arrival.source == "stripe"
            self.filed.setdefault(arrival.external_id, arrival)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of a kind, in the order they came."""
        return [arrival.body for arrival in self.filed.values() if arrival.body["kind"] == kind]

    def kinds(self) -> Counter[str]:
        """How many there are of each kind."""
        return Counter(arrival.body["kind"] for arrival in self.filed.values())

    def clearing(self, currency: str) -> int:
        """What we believe that Stripe holds for us, made of the arrivals alone."""
        held = 0
        gone = {body["provider_id"] for body in self.of_kind("refunded")}
        for body in (arrival.body for arrival in self.filed.values()):
            match body:
                case {"kind": "converted"}:
                    held -= body["gave"] * (body["gave_currency"] == currency)
                    held += body["got"] * (body["got_currency"] == currency)
                case {"kind": "refund_failed", "currency": where} if where == currency:
                    held += body["amount"] * (body["provider_id"] in gone)
                case {"kind": kind, "currency": where} if where == currency:
                    held += body["amount"] * SIGNS[kind]
        return held

    async def _take(self, request: web.Request) -> web.Response:
        self.calls += 1
        if self.down:
            return web.Response(status=503)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            answer = self._hook.receive(
                HookRequest(request.method, request.path_qs, headers, dict(request.query), await request.read())
            )
        except BadSignature:
            return web.Response(status=401)
        except Unreadable:
            return web.Response(status=400)
        self.file(*answer.arrivals)
        return web.Response()
