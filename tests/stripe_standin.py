"""Stripe on loopback: its API as published, its balance, and its hooks that come twice, late, in any order or never.

    async with StripeStandin() as stripe:
        stripe.hook_url = f"{site}/hooks/stripe"          # events go there by themselves
        ...                                               # STRIPE_API_URL = stripe.api_url, STRIPE_API_KEY = API_KEY
        await stripe.pay(session_id)                      # what the payer does on Stripe's page
        assert stripe.balance_of("jmd") == ours           # `statement()` is Stripe's own account of it

Without `hook_url` nothing is delivered before `deliver()` is called. Amounts are minor units, currencies in lower case.
"""

import asyncio
import copy
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from secrets import token_hex
from typing import Any

import aiohttp
from aiohttp import web

from tests.standins import Fault, RefusedError, Standin, _half, _reset
from tests.stripe_account import KINDS, VERSION, StripeAccount, Thing
from tests.stripe_shapes import error, parse_form, unknown_parameter
from tests.vendors import SETTINGS

API_KEY = "sk_test_pardna_standin"


class StripeStandin(StripeAccount, Standin):
    """The API and the hooks of one account, in test mode."""

    def __init__(self) -> None:
        StripeAccount.__init__(self)
        Standin.__init__(self)
        self.hook_url = ""
        self.secrets: tuple[str, ...] = (SETTINGS["STRIPE_WEBHOOK_SECRET"],)
        self.withheld: set[str] = set()
        """Types of events that never reach us by themselves."""
        self.calls: list[tuple[str, str, Thing]] = []
        """Method, path and parameters of every call that was understood."""
        self.headers: list[Mapping[str, str]] = []
        self._remembered: dict[str, tuple[str, int, Any]] = {}
        self._breaks = 0
        self._posting = asyncio.Lock()
        self._under_way: set[asyncio.Task[list[int]]] = set()

    @property
    def api_url(self) -> str:
        """For STRIPE_API_URL."""
        return self.url

    async def stop(self) -> None:
        """Stop, after what is being delivered."""
        await self.delivered()
        await super().stop()

    # --- what a test may do and see ---

    def break_after_acting(self, times: int = 1) -> None:
        """Do what the next orders ask for, and answer 500."""
        self._breaks += times

    def forget_keys(self) -> None:
        """Let a day pass: keys are forgotten."""
        self._remembered.clear()

    # --- web hooks ---

    def signed(self, event: Thing) -> tuple[bytes, dict[str, str]]:
        """The body of an event and its headers, signed now."""
        body = json.dumps(event, indent=2).encode()
        stamp = int(time.time())
        macs = [hmac.new(s.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() for s in self.secrets]
        signature = ",".join([f"t={stamp}", *(f"v1={mac}" for mac in macs), f"v0={token_hex(32)}"])
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8"}
        return body, headers | {"User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)"}

    async def deliver(
        self, *kinds: str, url: str = "", times: int = 1, backwards: bool = False, again: bool = False
    ) -> list[int]:
        """Deliver what was not delivered (or, `again`, everything); returns the statuses. Withheld types stay away."""
        waiting = [
            event
            for event in self.of_kind("event")
            if (not kinds or event["type"] in kinds)
            and event["type"] not in self.withheld
            and (again or event["id"] not in self._delivered)
        ]
        if backwards:
            waiting.reverse()
        return [status for event in waiting for status in [await self._post(event, url) for _ in range(times)]]

    async def delivered(self) -> None:
        """Wait until everything that is being delivered has been."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def _told(self, event: Thing) -> None:
        if self.hook_url and event["type"] not in self.withheld:
            task = asyncio.create_task(self._deliver_in_turn(event))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver_in_turn(self, event: Thing) -> list[int]:
        async with self._posting:
            return [await self._post(event, "")]

    async def _post(self, event: Thing, url: str) -> int:
        body, headers = self.signed(event)
        timeout = aiohttp.ClientTimeout(total=10)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url or self.hook_url, data=body, headers=headers) as answer,
            ):
                status = answer.status
        except aiohttp.ClientError:
            return 0
        if status // 100 == 2:
            self._delivered.add(event["id"])
            event["pending_webhooks"] = 0
        return status

    # --- the API ---

    def routes(self) -> Iterable[web.RouteDef]:
        """Everything under /v1."""
        return [web.route("*", "/v1/{path:.+}", self._serve)]

    def throttled(self) -> tuple[int, Mapping[str, Any]]:
        """Stripe's own."""
        return 429, error("invalid_request_error", "Too many requests.", "rate_limit")

    async def _untaken(self, request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
        if fault is Fault.THROTTLED:
            status, body = self.throttled()
            return web.json_response(body, status=status, headers={"Retry-After": "7"})
        return await super()._untaken(request, fault)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        text = (await request.read()).decode() if request.method == "POST" else request.query_string
        fault = self._fault(f"/v1/{path}")
        if fault not in {None, Fault.BROKEN} and (bad := await self._untaken(request, fault)) is not None:
            return bad
        key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
        asked = f"{path}?{text}"
        headers = {"Request-Id": f"req_{token_hex(7)}", "Stripe-Version": VERSION}
        try:
            self._allowed(request)
            status, body, replayed = self._once(request.method, path, text, key, asked, broken=fault is Fault.BROKEN)
        except RefusedError as refusal:
            self.refused.append((refusal.status, refusal.body))
            return web.json_response(refusal.body, status=refusal.status, headers=headers)
        if key:
            headers |= {"Idempotency-Key": key} | ({"Idempotent-Replayed": "true"} if replayed else {})
        if fault is Fault.LOST:
            _reset(request)
        if fault is Fault.HALF:
            return await _half(request, json.dumps(body).encode())
        return web.json_response(body, status=status, headers=headers)

    def _once(self, method: str, path: str, text: str, key: str, asked: str, *, broken: bool) -> tuple[int, Any, bool]:
        """Do it once for a key; what was answered first, a 500 too, is answered again."""
        if key and key in self._remembered:
            before, status, body = self._remembered[key]
            if before != asked:
                words = (
                    "Keys for idempotent requests can only be used with the same parameters they were first used with."
                )
                raise RefusedError(400, error("idempotency_error", words))
            return status, body, True
        trouble = error("api_error", "An unknown error occurred")
        if broken:
            status, body = 500, trouble
        else:
            status, body = 200, self._act(method, path, parse_form(text))
            if method == "POST" and self._breaks:
                self._breaks -= 1
                status, body = 500, trouble
        if key:
            self._remembered[key] = (asked, status, copy.deepcopy(body))
        return status, body, False

    def _allowed(self, request: web.Request) -> None:
        self.headers.append(dict(request.headers))
        if request.headers.get("Authorization") != f"Bearer {API_KEY}":
            raise RefusedError(401, error("invalid_request_error", "Invalid API Key provided: sk_test_****"))
        if request.method == "POST" and request.content_type != "application/x-www-form-urlencoded":
            raise RefusedError(400, error("invalid_request_error", "Unsupported content type"))

    def _act(self, method: str, path: str, params: Thing) -> Thing:
        self.calls.append((method, path, params))
        if name := unknown_parameter(method, path, params):
            raise RefusedError(
                400, error("invalid_request_error", f"Received unknown parameter: {name}", "parameter_unknown", name)
            )
        expand = params.pop("expand", [])
        acts: Mapping[tuple[str, str], Callable[[Thing], Thing]] = {
            ("POST", "checkout/sessions"): self._make_session,
            ("POST", "refunds"): self._make_refund,
            ("POST", "payouts"): self._pay_out,
            ("POST", "payment_intents"): self._make_intent,
            ("GET", "account"): lambda _: self._account(),
            ("GET", "balance"): lambda _: self._balance(),
        }
        if act := acts.get((method, path)):
            return self._expanded(act(params), expand)
        folder, _, ident = path.rpartition("/")
        if method == "GET" and path in KINDS:
            return self._expanded(self._list(path, params), expand)
        if method == "GET" and folder in KINDS:
            return self._expanded(self._named(KINDS[folder], ident), expand)
        if method == "GET" and folder == "country_specs":
            return self._country(ident)
        if method == "POST" and (found := re.fullmatch(r"checkout/sessions/(\w+)/expire", path)):
            session = self._open(found[1])
            session.update(status="expired", url=None)
            self._event("checkout.session.expired", session)
            return self._expanded(session, expand)
        words = f"Unrecognized request URL ({method}: /v1/{path})."
        raise RefusedError(404, error("invalid_request_error", words))
