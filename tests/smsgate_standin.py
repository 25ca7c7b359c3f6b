"""A stand-in for SMSGate's private server: its API of third parties, with a phone that tests play by hand.

It checks as the server does (its OpenAPI description, client library and documents): who calls, the shape of a message,
an id that is taken, addresses of web hooks. What the phone tells goes by `tests.vendors.smsgate_*`.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from secrets import token_hex
from typing import Any

from aiohttp import web

from tests.meters import Queue
from tests.standins import Heard, RefusedError, Standin
from tests.vendors import SMSGATE

EVENTS = frozenset({
    "sms:received", "sms:data-received", "sms:sent", "sms:delivered", "sms:failed", "sms:cancelled", "system:ping",
    "mms:received", "mms:downloaded", "app:started",
})  # fmt: skip
PREFIX = "/3rdparty/v1"


class SmsGateStandin(Standin):
    """One account with one phone. `states` holds each message's state by its id; tests move it on."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, str] = {}
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.full = False
        """Whether too much waits for the phone: the server then takes no more."""
        self.devices = 1
        self.queue: Queue | None = None

    def enforce(self, speed: float = 1.0, per_second: float = 0.2) -> None:
        """Queue what the phone's SIM may not send yet; the server keeps 500 of one phone."""
        self.queue = Queue(1 / per_second / speed, 500)

    @property
    def api_url(self) -> str:
        """For SMSGATE_API_URL."""
        return self.url

    def routes(self) -> Iterable[web.RouteDef]:
        """Messages and web hooks."""
        return [
            web.post(f"{PREFIX}/messages", self._send),
            web.get(f"{PREFIX}/messages/{{id}}", self._state),
            web.get(f"{PREFIX}/webhooks", self._list),
            web.post(f"{PREFIX}/webhooks", self._register),
        ]

    def throttled(self) -> tuple[int, Mapping[str, Any]]:
        """What a proxy in front of it says."""
        return 429, {"message": "Too Many Requests"}

    async def _send(self, request: web.Request) -> web.StreamResponse:
        message = await _json(request)
        address = "".join(message.get("phoneNumbers", [])[:1])

        def take() -> Mapping[str, Any]:
            _allowed(request)
            if not self.devices:
                raise RefusedError(400, {"message": "no devices found"})
            _check_message(message)
            ident = message.get("id") or token_hex(10)
            if request.query.get("skipPhoneValidation") != "true":
                _must(re.fullmatch(r"\+1(876|[2-57-9]\d\d)[2-9]\d{6}", address) is not None, "invalid phone number")
            if ident in self.states:
                raise RefusedError(409, {"message": "duplicate id"})
            self.arrived()
            if self.full or (self.queue and self.queue.take("", self.now())):
                raise RefusedError(503, {"message": "queue limits exceeded: too many pending messages: 500 / 500"})
            self.states[ident] = "Pending"
            self.heard.append(Heard(address, message["textMessage"]["text"], (), ident, message))
            return self._shown(ident, address)

        return await self.answer(request, address, take, 202)

    async def _state(self, request: web.Request) -> web.StreamResponse:
        ident = request.match_info["id"]

        def take() -> Mapping[str, Any]:
            _allowed(request)
            if ident not in self.states:
                raise RefusedError(404, {"message": "message not found"})
            return self._shown(ident, "+18765550100")

        return await self.answer(request, ident, take)

    def _shown(self, ident: str, address: str) -> dict[str, Any]:
        state = self.states[ident]
        return {
            "id": ident,
            "state": state,
            "isHashed": False,
            "isEncrypted": False,
            "recipients": [{"phoneNumber": address, "state": state}],
            "states": {state: "2026-11-24T05:18:27Z"},
        }

    async def _list(self, request: web.Request) -> web.StreamResponse:
        try:
            _allowed(request)
        except RefusedError as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        return web.json_response(list(self.webhooks.values()))

    async def _register(self, request: web.Request) -> web.StreamResponse:
        hook = await _json(request)

        def take() -> Mapping[str, Any]:
            _allowed(request)
            _must(str(hook.get("url", "")).lower().startswith("https://"), "url must start with https://")
            _must(hook.get("event") in EVENTS, "invalid event type")
            _must(len(hook.get("id", "")) <= 36, "id")
            kept = {"id": hook.get("id") or token_hex(10), "deviceId": None, "url": hook["url"], "event": hook["event"]}
            self.webhooks[kept["id"]] = kept
            return kept

        return await self.answer(request, str(hook.get("event")), take, 201)


def _allowed(request: web.Request) -> None:
    pair = base64.b64encode(f"{SMSGATE['SMSGATE_USER']}:{SMSGATE['SMSGATE_PASSWORD']}".encode()).decode()
    if request.headers.get("Authorization") not in {f"Basic {pair}", f"Bearer {SMSGATE['SMSGATE_TOKEN']}"}:
        raise RefusedError(401, {"message": "Unauthorized"})


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        read = json.loads(await request.read())
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise RefusedError(400, {"message": f"failed to validate: {what}"})


def _check_message(message: Mapping[str, Any]) -> None:
    """Check a message as the server's own library does."""
    numbers = message.get("phoneNumbers")
    _must(isinstance(numbers, list) and 1 <= len(numbers) <= 100, "phoneNumbers")
    _must(all(isinstance(number, str) and 1 <= len(number) <= 128 for number in numbers or []), "phoneNumbers")
    _must(len(message.get("id", "")) <= 36, "id")
    _must(sum(name in message for name in ("message", "textMessage", "dataMessage")) == 1, "exactly one content")
    text = message.get("textMessage", {}).get("text")
    _must(isinstance(text, str) and 1 <= len(text) <= 65535, "textMessage.text")
    _must(not ("ttl" in message and "validUntil" in message), "conflict fields: ttl and validUntil")
    _must(message.get("ttl", 5) >= 5, "ttl")
    _must(1 <= message.get("simNumber", 1) <= 3, "simNumber")
    _must(-128 <= message.get("priority", 0) <= 127, "priority")
    _must(message.get("withDeliveryReport", True) in {True, False}, "withDeliveryReport")
