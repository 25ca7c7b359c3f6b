"""Stand-ins for the providers: real HTTP servers on loopback that check what they get as the real ones do.

    async with GraphStandin() as graph:
        ...                                             # WHATSAPP_API_URL = graph.api_url
        said = await graph.hears("+18765550101", "J$5,000")
        graph.misbehave(Fault.LOST)                     # the next message is taken, and the answer lost

`SETTINGS` of tests.vendors holds the tokens they want. What each address received is kept in order; a message
that was refused is not among it.
"""

import asyncio
import base64
import hashlib
import json
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from secrets import token_hex
from time import time
from types import MappingProxyType
from typing import Any, Self

from aiohttp import web

from tests.meters import Bucket, Meter, Queue, Window
from tests.vendors import SETTINGS


class Fault(StrEnum):
    """How a provider may go wrong, once."""

    THROTTLED = "429"
    BROKEN = "500"
    GATEWAY = "502"
    HTML = "html"
    """Status 200 and a page of HTML from something that is not the provider; nothing was taken."""
    STALL = "stall"
    """No answer; nothing was taken."""
    RESET = "reset"
    """The connection is reset; nothing was taken."""
    HALF = "half"
    """Taken, and half an answer."""
    LOST = "lost"
    """Taken, and the connection reset."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that reached an address."""

    address: str
    text: str
    options: tuple[tuple[str, str], ...] = ()
    """Id and label of each button, row or key."""
    provider_id: str = ""
    raw: dict[str, Any] = field(default_factory=dict)
    file: "Sent | None" = None
    """The picture or document that came with it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that was uploaded."""

    name: str
    mime: str
    content: bytes = field(repr=False)


class RefusedError(Exception):
    """The stand-in does not take a call: its HTTP status and JSON body."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Standin:
    """A server on a free port, with a record and a queue of faults."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[Heard] = []
        self.heard_at: list[float] = []
        """When each of these came, by its clock."""
        self.refused: list[tuple[int, Mapping[str, Any]]] = []
        """Status and body of every refusal, faults apart: an adapter that keeps the limits makes none."""
        self.now: Callable[[], float] = time
        """By which clock it counts what comes."""
        self.arrived: Callable[[], None] = lambda: None
        """Called when a message of ours is there, taken or not."""
        self.told: Callable[[Heard], Awaitable[None]] | None = None
        """Called with each message that is taken, before its call is answered."""
        self.sent_on = ""
        """Where calls for files are sent on to."""
        self.expired = False
        """Whether the next address of a file is over."""
        self._faults: deque[tuple[Fault, str]] = deque()
        self._news = asyncio.Condition()
        self._over = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._numbers = count(1)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1; returns the address."""
        app = web.Application()
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.url

    async def stop(self) -> None:
        """Stop listening; calls that are being stalled end."""
        self._over.set()
        async with self._news:
            self._news.notify_all()
        if self._runner:
            await self._runner.cleanup()

    def routes(self) -> Iterable[web.RouteDef]:
        """What it serves."""
        raise NotImplementedError

    def misbehave(self, fault: Fault, times: int = 1, *, to: str = "") -> None:
        """Go wrong at the next calls (about the address `to`, when given)."""
        self._faults.extend([(fault, to)] * times)

    def of(self, address: str) -> list[Heard]:
        """What an address received, in order."""
        return [heard for heard in self.heard if heard.address == address]

    def texts(self, address: str) -> list[str]:
        """The texts an address received, in order."""
        return [heard.text for heard in self.of(address)]

    async def hears(self, address: str, part: str = "", *, after: int = 0, within: float = 30.0) -> Heard:
        """Wait until the address has received a text with `part` in it, not counting its first `after`."""

        def found() -> Heard | None:
            return next((heard for heard in self.of(address)[after:] if part in heard.text), None)

        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: found() is not None), within)
            except TimeoutError:
                raise AssertionError(f"{address} never heard {part!r}, but {self.texts(address)}") from None
            return found() or Heard("", "")

    async def answer(
        self, request: web.Request, address: str, take: Callable[[], Mapping[str, Any]], status: int = 200
    ) -> web.StreamResponse:
        """Take the call by `take` and answer with its JSON, or go wrong as asked before."""
        fault = self._fault(address)
        if (bad := await self._untaken(request, fault)) is not None:
            return bad
        before = len(self.heard)
        try:
            body = take()
        except RefusedError as refusal:
            self.refused.append((refusal.status, refusal.body))
            return web.json_response(refusal.body, status=refusal.status)
        self.heard_at += [self.now()] * (len(self.heard) - len(self.heard_at))
        if told := self.told:
            for heard in self.heard[before:]:
                await told(heard)
        async with self._news:
            self._news.notify_all()
        if fault is Fault.LOST:
            _reset(request)
        if fault is Fault.HALF:
            return await _half(request, json.dumps(body).encode())
        return web.json_response(body, status=status)

    async def hand_out(self, request: web.Request, file: Sent | None) -> web.StreamResponse:
        """Give a file, or go wrong as asked before (of the address `file`)."""
        if self.sent_on:
            return web.Response(status=302, headers={"Location": self.sent_on})
        fault = self._fault("file")
        if (bad := await self._untaken(request, fault)) is not None:
            return bad
        if fault in {Fault.HALF, Fault.LOST} and file:
            return await _half(request, file.content)
        if file is None or self.expired:
            self.expired = False
            return web.Response(status=404)
        return web.Response(body=file.content, content_type=file.mime)

    def throttled(self) -> tuple[int, Mapping[str, Any]]:
        """Status and body of this provider's 429."""
        return 429, {"error": "throttled"}

    def _fault(self, address: str) -> Fault | None:
        for place, (fault, to) in enumerate(self._faults):
            if to in {"", address}:
                del self._faults[place]
                return fault
        return None

    async def _untaken(self, request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
        """Answer a call that goes wrong without being taken."""
        match fault:
            case Fault.THROTTLED:
                status, body = self.throttled()
                return web.json_response(body, status=status)
            case Fault.BROKEN | Fault.GATEWAY | Fault.HTML:
                page = "<html><body><h1>Something went wrong</h1></body></html>"
                status = 200 if fault is Fault.HTML else int(fault)
                return web.Response(status=status, text=page, content_type="text/html")
            case Fault.STALL:
                await self._over.wait()
                return web.Response(status=503)
            case Fault.RESET:
                _reset(request)
                return web.Response()
            case _:
                return None

    def _next(self) -> int:
        return next(self._numbers)


def _reset(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()


async def _half(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "application/json"
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    _reset(request)
    return response


# --- Meta -----------------------------------------------------------------------------------------


class GraphStandin(Standin):
    """Meta's Graph API for one number: `POST /v25.0/{phone_number_id}/messages` and `/media`."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, int] = {}
        """Address -> error code that every message to it gets (131047, 131026, ...); "media" for uploads."""
        self.media: dict[str, Sent] = {}
        """What was uploaded, by its id."""
        self.templates: dict[tuple[str, str], Mapping[str, Any]] = {}
        """What was approved, by name and language."""
        self._throughput: Meter | None = None
        self._pairs: Meter | None = None
        self.shut: set[str] = set()
        """Addresses whose 24 hours are over: they take templates alone."""

        self.held: dict[str, Sent] = {}
        """What people sent, by its id."""
        self.elsewhere = ""
        """Where the file lies by what is told, instead of here."""
        self.told_size: int | None = None

    @property
    def api_url(self) -> str:
        """For WHATSAPP_API_URL."""
        return f"{self.url}/v25.0"

    def approve(self, templates: Iterable[Mapping[str, Any]]) -> None:
        """Review templates as `message_templates` would get them. Raises RefusedError."""
        for template in templates:
            _graph_review(template)
            self.templates[template["name"], template["language"]] = template

    def routes(self) -> Iterable[web.RouteDef]:
        """Messages, and what goes with them."""
        return [
            web.post("/v25.0/{number}/messages", self._messages),
            web.post("/v25.0/{number}/media", self._media),
            web.get("/v25.0/{media_id}", self._where),
            web.get("/whatsapp_business/attachments/", self._hand_out),
        ]

    async def _where(self, request: web.Request) -> web.StreamResponse:
        """Tell where a file lies, for five minutes."""
        media_id = request.match_info["media_id"]

        def take() -> Mapping[str, Any]:
            self._bearer(request)
            if (
                media_id not in self.held
                or request.query.get("phone_number_id") != SETTINGS["WHATSAPP_PHONE_NUMBER_ID"]
            ):
                raise RefusedError(400, _graph_error(100, f"Object with ID '{media_id}' does not exist"))
            held = self.held[media_id]
            url = self.elsewhere or f"{self.url}/whatsapp_business/attachments/?mid={media_id}&ext=1796000000&hash=A"
            size = len(held.content) if self.told_size is None else self.told_size
            told = {"messaging_product": "whatsapp", "url": url, "mime_type": held.mime, "id": media_id}
            return told | {"sha256": hashlib.sha256(held.content).hexdigest(), "file_size": size}

        return await self.answer(request, "where", take)

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        self._bearer(request)
        return await self.hand_out(request, self.held.get(request.query["mid"]))

    def _bearer(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {SETTINGS['WHATSAPP_TOKEN']}":
            raise RefusedError(401, _graph_error(190, "Invalid OAuth access token"))

    def _allowed(self, request: web.Request) -> None:
        self._bearer(request)
        if request.match_info["number"] != SETTINGS["WHATSAPP_PHONE_NUMBER_ID"]:
            raise RefusedError(400, _graph_error(100, "Object does not exist"))

    async def _media(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()

        def take() -> Mapping[str, Any]:
            self._allowed(request)
            if "media" in self.codes:
                raise RefusedError(400, _graph_error(self.codes["media"], "Media upload error"))
            _must(form.get("messaging_product") == "whatsapp", "messaging_product")
            sent = _uploaded(form.get("file"))
            most = _GRAPH_FILES.get(sent.mime, 0)
            _must(form.get("type") == sent.mime and 0 < len(sent.content) <= most, "file")
            media_id = str(10**15 + self._next())
            self.media[media_id] = sent
            return {"id": media_id}

        return await self.answer(request, "media", take)

    def enforce(self, speed: float = 1.0, per_second: float = 80.0) -> None:
        """Count as Meta does ("Throughput", "Pair rate limits"), `speed` times as fast."""
        self._throughput, self._pairs = Window(int(per_second), 1 / speed), Bucket(45, 6 / speed)

    def _not_too_many(self, address: str) -> None:
        self.arrived()
        if self._pairs and self._pairs.take(address, self.now()):
            raise RefusedError(400, _graph_error(131056, "(Business Account, Consumer Account) pair rate limit hit"))
        if self._throughput and self._throughput.take("", self.now()):
            raise RefusedError(*self.throttled())

    def throttled(self) -> tuple[int, Mapping[str, Any]]:
        """Meta's own."""
        return 400, _graph_error(130429, "Rate limit hit")

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        payload = await request.json()
        address = "+" + payload["to"] if "to" in payload else payload.get("recipient", "")

        def take() -> Mapping[str, Any]:
            self._allowed(request)
            if address in self.codes:
                raise RefusedError(400, _graph_error(self.codes[address], f"({self.codes[address]}) {address}"))
            self._not_too_many(address)
            if address in self.shut and payload.get("type") != "template":
                raise RefusedError(400, _graph_error(131047, "Re-engagement message"))
            text, options = _graph_message(payload, self.templates)
            wamid = f"wamid.{token_hex(16)}"
            media_id = _graph_media(payload)
            if media_id and media_id not in self.media:
                raise RefusedError(400, _graph_error(131053, "Media upload error"))
            self.heard.append(Heard(address, text, options, wamid, payload, self.media.get(media_id)))
            return {
                "messaging_product": "whatsapp",
                "contacts": [{"input": address, "wa_id": address.removeprefix("+")}],
                "messages": [{"id": wamid}],
            }

        return await self.answer(request, address, take)


def _graph_error(code: int, words: str) -> dict[str, Any]:
    error = {"message": words, "type": "OAuthException", "code": code, "fbtrace_id": token_hex(6)}
    return {"error": error | {"error_data": {"messaging_product": "whatsapp", "details": words}}}


def _holds_null(value: object) -> bool:
    """Whether a JSON value holds a null anywhere; a text that says so is none."""
    match value:
        case None:
            return True
        case dict():
            return any(map(_holds_null, value.values()))
        case list():
            return any(map(_holds_null, value))
        case _:
            return False


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise RefusedError(400, _graph_error(131009, f"Parameter value is not valid: {what}"))


def _length(value: Any, most: int, what: str) -> str:
    _must(isinstance(value, str) and 0 < len(value) <= most, what)
    return str(value)


_Templates = Mapping[tuple[str, str], Mapping[str, Any]]


def _graph_message(
    payload: Mapping[str, Any], templates: _Templates = MappingProxyType({})
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Check a message as Meta does; returns text and options."""
    _must(payload.get("messaging_product") == "whatsapp", "messaging_product")
    _must(payload.get("recipient_type") == "individual", "recipient_type")
    _must(not _holds_null(payload), "null")
    _must(("to" in payload) != ("recipient" in payload), "to or recipient")
    _must("to" not in payload or re.fullmatch(r"[1-9][0-9]{6,14}", payload["to"]) is not None, "to")
    if payload["type"] == "template":
        return _graph_template(payload["template"], templates)
    if payload["type"] == "text":
        return _length(payload["text"]["body"], 4096, "text.body"), ()
    if payload["type"] in {"image", "document"}:
        _graph_file(payload["type"], payload[payload["type"]])
        return _length(payload[payload["type"]]["caption"], 1024, "caption"), ()
    _must(payload["type"] == "interactive", "type")
    interactive = payload["interactive"]
    text = _length(interactive["body"]["text"], 1024, "body.text")
    if header := interactive.get("header"):
        _must(interactive["type"] == "button", "a list has a header of text alone")
        _must(header["type"] in {"image", "document"}, "header.type")
        _graph_file(header["type"], header[header["type"]])
    options = _graph_buttons(interactive) if interactive["type"] == "button" else _graph_rows(interactive)
    _must(len({each for each, _ in options}) == len(options), "ids must be unique")
    _must(len({label for _, label in options}) == len(options), "titles must be unique")
    return text, options


def _graph_template(sent: Mapping[str, Any], templates: _Templates) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Fill an approved template as Meta does; returns what the person sees."""
    found = templates.get((sent["name"], sent["language"]["code"]))
    if found is None:
        raise RefusedError(404, _graph_error(132001, "Template name does not exist in the translation"))
    parts = {part["type"]: part for part in found["components"]}
    given = [part for part in sent["components"] if part["type"] == "body"]
    values = [value["text"] for part in given for value in part["parameters"]]
    text = parts["BODY"]["text"]
    if len(values) != len(re.findall(r"\{\{\d+\}\}", text)):
        raise RefusedError(400, _graph_error(132000, "Number of parameters does not match"))
    for number, value in enumerate(values, 1):
        if not value or re.search(r"[\n\t]| {5}", value):
            raise RefusedError(400, _graph_error(132018, "Param text cannot have new-line/tab characters"))
        text = text.replace(f"{{{{{number}}}}}", value)
    if len(text) > 1024:
        raise RefusedError(400, _graph_error(132005, "Translated text too long"))
    labels = [button["text"] for button in parts.get("BUTTONS", {"buttons": []})["buttons"]]
    tapped = [part for part in sent["components"] if part["type"] == "button"]
    _must([part["index"] for part in tapped] == [str(number) for number in range(len(labels))], "button.index")
    _must(all(part["sub_type"] == "quick_reply" for part in tapped), "button.sub_type")
    payloads = [_length(part["parameters"][0]["payload"], 128, "button.payload") for part in tapped]
    return text, tuple(zip(payloads, labels, strict=True))


def _graph_review(template: Mapping[str, Any]) -> None:
    """Check a template as its form does ("Message templates", and why they are turned down)."""
    _must(re.fullmatch(r"[a-z0-9_]{1,512}", template["name"]) is not None, "name")
    _must(template["category"] in {"UTILITY", "MARKETING", "AUTHENTICATION"}, "category")
    _must(re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", template["language"]) is not None, "language")
    (body,) = [part for part in template["components"] if part["type"] == "BODY"]
    text = _length(body["text"], 1024, "body")
    gaps = [int(number) for number in re.findall(r"\{\{(\d+)\}\}", text)]
    _must(gaps == list(range(1, len(gaps) + 1)), "gaps count from 1")
    _must(not re.search(r"^\W*\{\{|\}\}\W*$|\}\}\s*\{\{", text), "a gap at an end, or two side by side")
    (samples,) = body["example"]["body_text"] if gaps else ([],)
    _must(len(samples) == len(gaps) and all(samples), "a sample for every gap")
    _must(len(re.findall(r"\w+", text)) > 2 * len(gaps), "too many gaps for so few words")
    for part in template["components"]:
        if part["type"] == "BUTTONS":
            _must(all(b["type"] == "QUICK_REPLY" and 0 < len(b["text"]) <= 25 for b in part["buttons"]), "buttons")


_GRAPH_FILES = {"image/png": 5 << 20, "image/jpeg": 5 << 20, "application/pdf": 100 << 20, "text/plain": 100 << 20}
"""Kinds of files of ours that Meta takes, and how large ("Supported media types")."""


def _graph_file(kind: str, shown: Mapping[str, Any]) -> None:
    _must(("id" in shown) != ("link" in shown), f"{kind}: id or link")
    _must("filename" not in shown or (kind == "document" and 0 < len(shown["filename"]) <= 240), "filename")


def _graph_media(payload: Mapping[str, Any]) -> str:
    """Return the id of the upload that a message shows."""
    shown = payload if payload["type"] != "interactive" else payload["interactive"].get("header", {})
    return str(shown.get(shown.get("type", ""), {}).get("id", ""))


def _uploaded(part: object) -> Sent:
    """Read one file of a form."""
    _must(isinstance(part, web.FileField), "file")
    assert isinstance(part, web.FileField)
    with part.file:
        return Sent(part.filename, part.content_type, part.file.read())


def _graph_buttons(interactive: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    buttons = [button["reply"] for button in interactive["action"]["buttons"] if button["type"] == "reply"]
    _must(1 <= len(buttons) <= 3, "buttons")
    return tuple((_length(b["id"], 256, "id"), _length(b["title"], 20, "title")) for b in buttons)


def _graph_rows(interactive: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    _must(interactive["type"] == "list", "interactive.type")
    action = interactive["action"]
    _length(action["button"], 20, "button")
    rows = [row for section in action["sections"] for row in section["rows"]]
    _must(1 <= len(rows) <= 10, "rows")
    for row in rows:
        _must("description" not in row or 0 < len(row["description"]) <= 72, "description")
    return tuple((_length(row["id"], 200, "id"), _length(row["title"], 24, "title")) for row in rows)


# --- Twilio ---------------------------------------------------------------------------------------


class TwilioStandin(Standin):
    """Twilio's Messages resource of one account."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, int] = {}
        """Address -> error code that every message to it gets (21610, 21614, ...)."""
        self.held: dict[str, Sent] = {}
        """What people sent, by the ids of message and file (`MM.../ME...`)."""
        self.elsewhere = ""
        """Where the file lies by what is told, instead of here."""
        self.queue: Queue | None = None

    def enforce(self, speed: float = 1.0, per_second: float = 10.0) -> None:
        """Queue what the number may not send yet, for four hours at most ("Rate limits and message queues")."""
        self.queue = Queue(1 / per_second / speed, int(4 * 3600 * per_second))

    @property
    def api_url(self) -> str:
        """For TWILIO_API_URL."""
        return self.url

    def routes(self) -> Iterable[web.RouteDef]:
        """Messages, and what people sent with theirs."""
        media = "/2010-04-01/Accounts/{account}/Messages/{message}/Media/{medium}"
        return [
            web.post("/2010-04-01/Accounts/{account}/Messages.json", self._messages),
            web.get(media, self._where),
            web.get("/kept/{message}/{medium}", self._hand_out),
        ]

    async def _where(self, request: web.Request) -> web.StreamResponse:
        """Send on to where a file lies, for four hours."""
        name = f"{request.match_info['message']}/{request.match_info['medium']}"
        try:
            self._allowed(request)
        except RefusedError as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        if name not in self.held:
            return web.json_response(_twilio_error(404, 20404, "The requested resource was not found"), status=404)
        return web.Response(status=307, headers={"Location": self.elsewhere or f"{self.url}/kept/{name}"})

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        assert "Authorization" not in request.headers
        name = f"{request.match_info['message']}/{request.match_info['medium']}"
        return await self.hand_out(request, self.held.get(name))

    def throttled(self) -> tuple[int, Mapping[str, Any]]:
        """Twilio's own."""
        return 429, _twilio_error(429, 20429, "Too many requests")

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        address = form.get("To", "")

        def take() -> Mapping[str, Any]:
            self._allowed(request)
            if address in self.codes:
                raise RefusedError(400, _twilio_error(400, self.codes[address], f"About {address}"))
            _twilio_message(form)
            self.arrived()
            if self.queue and self.queue.take("", self.now()):
                raise RefusedError(429, _twilio_error(429, 21611, "The 'From' number has too many messages queued"))
            sid = f"SM{token_hex(16)}"
            self.heard.append(Heard(address, form["Body"], (), sid, dict(form)))
            return _twilio_resource(sid, form)

        return await self.answer(request, address, take, 201)

    def _allowed(self, request: web.Request) -> None:
        account = SETTINGS["TWILIO_ACCOUNT_SID"]
        pair = base64.b64encode(f"{account}:{SETTINGS['TWILIO_AUTH_TOKEN']}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}" or request.match_info["account"] != account:
            raise RefusedError(401, _twilio_error(401, 20003, "Authenticate"))


def _twilio_error(status: int, code: int, words: str) -> dict[str, Any]:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return {"code": code, "message": words, "more_info": more, "status": status}


def _twilio_message(form: Mapping[str, str]) -> None:
    """Check a message as Twilio does."""
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", form.get("To", "")):
        raise RefusedError(400, _twilio_error(400, 21211, f"The 'To' number {form.get('To')} is not valid"))
    if not form.get("From") and not form.get("MessagingServiceSid"):
        raise RefusedError(400, _twilio_error(400, 21603, "A 'From' number is required"))
    if not form.get("Body"):
        raise RefusedError(400, _twilio_error(400, 21602, "Message body is required"))
    if len(form["Body"]) > 1600:
        raise RefusedError(400, _twilio_error(400, 21617, "The message body exceeds the 1600 character limit"))


def _twilio_resource(sid: str, form: Mapping[str, str]) -> dict[str, Any]:
    account = SETTINGS["TWILIO_ACCOUNT_SID"]
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": form["Body"],
        "date_created": "Thu, 24 Nov 2026 05:18:27 +0000",
        "date_sent": None,
        "date_updated": "Thu, 24 Nov 2026 05:18:27 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": sid,
        "status": "queued",
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{account}/Messages/{sid}/Media.json"},
        "to": form["To"],
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{sid}.json",
    }


# --- Telegram -------------------------------------------------------------------------------------


class TelegramStandin(Standin):
    """The Bot API of one bot: messages and their keyboards, taps, what is shown of the bot, groups, and updates.

    Addresses are chat ids as strings. `answered` are the callback ids whose spinner was stopped by a call.
    """

    name = "PardnaBot"

    def __init__(self) -> None:
        super().__init__()
        self.blocked: set[str] = set()
        self.answered: list[str] = []
        self.toasts: dict[str, str] = {}
        """What was shown over the chat for each tap."""
        self.shut: list[tuple[str, str]] = []
        """Chat and message whose keyboard was taken away."""
        self.admins: dict[str, list[int]] = {}
        """Who administers each group."""
        self.moved: dict[str, str] = {}
        """Groups that became supergroups, and their new ids."""
        self.commands: dict[tuple[str, str], dict[str, str]] = {}
        """The commands shown, by scope and language."""
        self.descriptions: dict[str, dict[str, str]] = {"long": {}, "short": {}}
        self.webhook = ""
        self.allowed: list[str] = []
        self.refuse_files = False
        self.confirmed = 0
        """The offset of the last getUpdates: every update below it is forgotten."""
        self.held: dict[str, Sent] = {}
        """What people sent, by its id."""
        self.file_path = ""
        """Where the file lies by what is told."""
        self._updates: list[dict[str, Any]] = []
        self._counted: tuple[Meter, Meter, Meter] | None = None

    def enforce(self, speed: float = 1.0, per_second: float = 30.0) -> None:
        """Count as Telegram says ("Bots FAQ"), `speed` times as fast: in all, to a person, to a group."""
        self._counted = Window(int(per_second), 1 / speed), Bucket(5, 1 / speed), Window(20, 60 / speed)

    @property
    def api_url(self) -> str:
        """For TELEGRAM_API_URL."""
        return self.url

    def routes(self) -> Iterable[web.RouteDef]:
        """All methods under one path."""
        files = "/file/bot{token}/documents/{name}"
        return [web.post("/bot{token}/{method}", self._method), web.get(files, self._hand_out)]

    def throttled(self) -> tuple[int, Mapping[str, Any]]:
        """Telegram's own."""
        error = _telegram_error(429, "Too Many Requests: retry after 3")
        return 429, error | {"parameters": {"retry_after": 3}}

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        assert request.match_info["token"] == SETTINGS["TELEGRAM_TOKEN"]
        return await self.hand_out(request, self.held.get(request.match_info["name"]))

    def _get_file(self, called: dict[str, Any]) -> dict[str, Any]:
        name = called["file_id"]
        if name not in self.held:
            raise RefusedError(400, _telegram_error(400, "Bad Request: wrong file_id or the file is unavailable"))
        size = len(self.held[name].content)
        if size > 20 << 20:
            raise RefusedError(400, _telegram_error(400, "Bad Request: file is too big"))
        path = self.file_path or f"documents/{name}"
        return {"file_id": name, "file_unique_id": "u", "file_size": size, "file_path": path}

    async def push(self, update: Mapping[str, Any] | bytes) -> None:
        """Have the next getUpdates bring an update (or the body of a call of tests.vendors)."""
        self._updates.append(json.loads(update) if isinstance(update, bytes) else dict(update))
        async with self._news:
            self._news.notify_all()

    async def _method(self, request: web.Request) -> web.StreamResponse:
        called = await _telegram_call(request)
        method = request.match_info["method"]
        if method == "getUpdates" and request.match_info["token"] == SETTINGS["TELEGRAM_TOKEN"]:
            await self._wait_for_updates(called)
        known: dict[str, Callable[[dict[str, Any]], Any]] = {
            "sendMessage": self._send,
            "sendPhoto": lambda called: self._send_file(called, "photo"),
            "sendDocument": lambda called: self._send_file(called, "document"),
            "getFile": self._get_file,
            "answerCallbackQuery": self._answer,
            "editMessageReplyMarkup": self._edit,
            "getChatAdministrators": self._administrators,
            "getMe": self._me,
            "setMyCommands": self._set_commands,
            "setMyDescription": lambda called: self._describe(called, "long", "description", 512),
            "setMyShortDescription": lambda called: self._describe(called, "short", "short_description", 120),
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
        }

        def take() -> Mapping[str, Any]:
            if request.match_info["token"] != SETTINGS["TELEGRAM_TOKEN"]:
                raise RefusedError(401, _telegram_error(401, "Unauthorized"))
            if method not in known:
                raise RefusedError(404, _telegram_error(404, "Not Found"))
            return {"ok": True, "result": known[method](called)}

        return await self.answer(request, str(called.get("chat_id", method)), take)

    def _send_file(self, called: dict[str, Any], kind: str) -> dict[str, Any]:
        file, caption = called.pop(kind, None), called.get("caption", "")
        if not isinstance(file, Sent) or not file.content:
            raise RefusedError(400, _telegram_error(400, "Bad Request: there is no file in the request"))
        if len(file.content) > (10 << 20 if kind == "photo" else 50 << 20) or self.refuse_files:
            raise RefusedError(413, _telegram_error(413, "Request Entity Too Large"))
        if kind == "photo" and not _telegram_photo(file.content):
            raise RefusedError(400, _telegram_error(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))
        if len(caption.encode("utf-16-le")) > 2 * 1024:
            raise RefusedError(400, _telegram_error(400, "Bad Request: message caption is too long"))
        sent = self._send({**called, "text": caption}, file)
        shown = {"file_id": "f", "file_unique_id": "u", "file_size": len(file.content)}
        sized = [shown | {"width": 1080, "height": 1080}] if kind == "photo" else shown
        return {k: v for k, v in sent.items() if k != "text"} | {"caption": caption, kind: sized}

    def _not_too_many(self, address: str) -> None:
        self.arrived()
        if self._counted is None:
            return
        in_all, to_person, to_group = self._counted
        to_one = to_group if address.startswith("-") else to_person
        if wait := to_one.take(address, self.now()) or in_all.take("", self.now()):
            seconds = max(1, round(wait))
            error = _telegram_error(429, f"Too Many Requests: retry after {seconds}")
            raise RefusedError(429, error | {"parameters": {"retry_after": seconds}})

    def _send(self, called: dict[str, Any], file: Sent | None = None) -> dict[str, Any]:
        address, text = str(called["chat_id"]), called["text"]
        self._not_too_many(address)
        if address in self.blocked:
            why = "bot was kicked from the group chat" if address.startswith("-") else "bot was blocked by the user"
            raise RefusedError(403, _telegram_error(403, f"Forbidden: {why}"))
        if address in self.moved:
            error = _telegram_error(400, "Bad Request: group chat was upgraded to a supergroup chat")
            raise RefusedError(400, error | {"parameters": {"migrate_to_chat_id": int(self.moved[address])}})
        if not re.fullmatch(r"-?[0-9]+", address):
            raise RefusedError(400, _telegram_error(400, "Bad Request: chat not found"))
        if not text.strip() or len(text.encode("utf-16-le")) > 2 * 4096:
            raise RefusedError(400, _telegram_error(400, "Bad Request: message is too long"))
        keys = [key for row in called.get("reply_markup", {}).get("inline_keyboard", []) for key in row]
        if any(not 0 < len(key["callback_data"].encode()) <= 64 or not key["text"] for key in keys):
            raise RefusedError(400, _telegram_error(400, "Bad Request: BUTTON_DATA_INVALID"))
        number = self._next()
        options = tuple((key["callback_data"], key["text"]) for key in keys)
        self.heard.append(Heard(address, text, options, str(number), called, file))
        chat = {"id": int(address), "type": "private", "first_name": "Person"}
        sent = {"message_id": number, "date": int(time()), "chat": chat, "text": text}
        return sent | ({"reply_markup": called["reply_markup"]} if keys else {})

    def _answer(self, called: dict[str, Any]) -> bool:
        tap, text = called["callback_query_id"], called.get("text", "")
        if len(text) > 200:
            raise RefusedError(400, _telegram_error(400, "Bad Request: MESSAGE_TOO_LONG"))
        if tap in self.answered:
            words = "Bad Request: query is too old and response timeout expired or query ID is invalid"
            raise RefusedError(400, _telegram_error(400, words))
        self.answered.append(tap)
        self.toasts[tap] = text
        return True

    def _edit(self, called: dict[str, Any]) -> bool:
        place = (str(called["chat_id"]), str(called["message_id"]))
        if place in self.shut:
            words = "Bad Request: message is not modified: specified new message content and reply markup are exactly"
            raise RefusedError(400, _telegram_error(400, words))
        if called.get("reply_markup"):
            raise RefusedError(400, _telegram_error(400, "Bad Request: only taken away here"))
        self.shut.append(place)
        return True

    def _administrators(self, called: dict[str, Any]) -> list[dict[str, Any]]:
        group = str(called["chat_id"])
        if group not in self.admins:
            raise RefusedError(400, _telegram_error(400, "Bad Request: chat not found"))
        people = [{"id": n, "is_bot": False, "first_name": "Person"} for n in self.admins[group]]
        shown = {"is_anonymous": False}
        return [{"user": person, "status": "creator", **shown} for person in people]

    def _me(self, _called: dict[str, Any]) -> dict[str, Any]:
        able = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        number = int(SETTINGS["TELEGRAM_TOKEN"].partition(":")[0])
        return {"id": number, "is_bot": True, "first_name": "Pardna", "username": self.name, **able}

    def _set_commands(self, called: dict[str, Any]) -> bool:
        scope, language = called.get("scope", {"type": "default"})["type"], called.get("language_code", "")
        commands = called["commands"]
        if len(commands) > 100:
            raise RefusedError(400, _telegram_error(400, "Bad Request: BOT_COMMANDS_TOO_MUCH"))
        if not all(re.fullmatch(r"[a-z0-9_]{1,32}", one["command"]) for one in commands):
            raise RefusedError(400, _telegram_error(400, "Bad Request: BOT_COMMAND_INVALID"))
        if not all(1 <= len(one["description"]) <= 256 for one in commands):
            raise RefusedError(400, _telegram_error(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID"))
        _telegram_language(language)
        self.commands[scope, language] = {one["command"]: one["description"] for one in commands}
        return True

    def _describe(self, called: dict[str, Any], which: str, field: str, longest: int) -> bool:
        language, text = called.get("language_code", ""), called.get(field, "")
        if len(text) > longest:
            raise RefusedError(400, _telegram_error(400, "Bad Request: BOT_DESCRIPTION_TOO_LONG"))
        _telegram_language(language)
        self.descriptions[which][language] = text
        return True

    def _set_webhook(self, called: dict[str, Any]) -> bool:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", called.get("secret_token", "x")):
            words = "Bad Request: secret token contains unallowed characters"
            raise RefusedError(400, _telegram_error(400, words))
        if not called["url"].startswith("https://"):
            words = "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
            raise RefusedError(400, _telegram_error(400, words))
        self.webhook, self.allowed = called["url"], list(called.get("allowed_updates", []))
        return True

    def _delete_webhook(self, _called: dict[str, Any]) -> bool:
        self.webhook = ""
        return True

    async def _wait_for_updates(self, called: Mapping[str, Any]) -> None:
        def waiting() -> bool:
            return any(update["update_id"] >= called["offset"] for update in self._updates)

        if not self.webhook:
            self.confirmed = called["offset"]
        self.allowed = list(called.get("allowed_updates", []))
        async with self._news:
            with suppress(TimeoutError):
                ready = self._news.wait_for(lambda: waiting() or self._over.is_set())
                await asyncio.wait_for(ready, called["timeout"])

    def _get_updates(self, called: dict[str, Any]) -> list[dict[str, Any]]:
        if self.webhook:
            words = "Conflict: can't use getUpdates method while webhook is active"
            raise RefusedError(409, _telegram_error(409, words))
        self._updates = [update for update in self._updates if update["update_id"] >= called["offset"]]
        return self._updates[:100]


def _telegram_language(code: str) -> None:
    if not re.fullmatch(r"(?:[a-z]{2})?", code):
        raise RefusedError(400, _telegram_error(400, "Bad Request: LANG_CODE_INVALID"))


async def _telegram_call(request: web.Request) -> dict[str, Any]:
    """Read a call: JSON, or a form whose values are JSON where they are not texts."""
    if request.content_type == "application/json":
        called: dict[str, Any] = await request.json()
        return called
    form = await request.post()
    files = {name: _uploaded(part) for name, part in form.items() if isinstance(part, web.FileField)}
    plain = {name: str(part) for name, part in form.items() if name not in files}
    if "reply_markup" in plain:
        return {**plain, "reply_markup": json.loads(plain["reply_markup"]), **files}
    return {**plain, **files}


def _telegram_photo(content: bytes) -> bool:
    """Whether a PNG has sides that Telegram takes: together 10,000 at most, and no longer than 20 to 1."""
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    wide, high = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    return wide + high <= 10_000 and max(wide, high) <= 20 * min(wide, high)


def _telegram_error(status: int, words: str) -> dict[str, Any]:
    return {"ok": False, "error_code": status, "description": words}


# --- money ----------------------------------------------------------------------------------------


class SandboxStandin(Standin):
    """A payment provider that takes every key once: `/collect`, `/disburse`, `/by-key/{key}`.

    `payouts` and `collected` hold the order of each key: money sent twice would be two keys. `calls` counts
    how often each key was asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.payouts: dict[str, dict[str, Any]] = {}
        self.collected: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.state = "settled"
        """What becomes of orders from now on: settled, pending or failed."""
        self._states: dict[str, dict[str, str]] = {}

    @property
    def api_url(self) -> str:
        """For SANDBOX_API_URL."""
        return self.url

    def routes(self) -> Iterable[web.RouteDef]:
        """Money in, money out, and what became of it."""
        return [
            web.post("/collect", self._collect),
            web.post("/disburse", self._disburse),
            web.get("/by-key/{key}", self._by_key),
        ]

    def paid_out(self) -> int:
        """The sum of all payouts in minor units, whatever their currency."""
        return sum(order["amount"] for order in self.payouts.values())

    async def _collect(self, request: web.Request) -> web.StreamResponse:
        return await self._order(request, self.collected)

    async def _disburse(self, request: web.Request) -> web.StreamResponse:
        return await self._order(request, self.payouts)

    async def _order(self, request: web.Request, orders: dict[str, dict[str, Any]]) -> web.StreamResponse:
        order: dict[str, Any] = await request.json()
        key = order["key"]
        self.calls[key] += 1

        def take() -> Mapping[str, Any]:
            if request.headers.get("Idempotency-Key") != key:
                raise RefusedError(400, {"error": "no key"})
            if not isinstance(order.get("amount"), int) or order["amount"] <= 0:
                raise RefusedError(400, {"error": "amount"})
            if orders.setdefault(key, order) != order:
                raise RefusedError(409, {"error": "key reused"})
            return self._states.setdefault(key, {"id": f"sb_{self._next()}", "state": self.state})

        return await self.answer(request, key, take)

    async def _by_key(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]

        def take() -> Mapping[str, Any]:
            if key not in self._states:
                raise RefusedError(404, {"error": "unknown key"})
            return self._states[key]

        return await self.answer(request, key, take)
