"""The simulator's addresses: what the phones' page and test drivers call."""

from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.letters import Letters
from bot.simulator import phones
from bot.simulator.books import ledger
from bot.simulator.clock_words import read_goal
from bot.simulator.mailbox import Mailbox
from bot.simulator.mover import Mover, NotAhead, Stuck
from bot.web.answers import NOSNIFF, PAGE_HEADERS, PRIVATE, BadRequest, as_json, plain, read_body
from bot.web.assets import Looks
from bot.web.hooks import Filer
from domain.people import Role
from domain.schedule import local
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import Engine
from storage.filer import Unfit
from storage.glance import LedgerGlance
from storage.pulse import Pulse
from storage.queries import add_staff

LONGEST_WAIT_SECONDS: Final = 60.0
AT_HOME: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_MOST_ID: Final = 2**63 - 1
_LONGEST_ID: Final = 19
_POLICY: Final = "Content-Security-Policy"
_FRAMES: Final = {_POLICY: f"{PAGE_HEADERS[_POLICY]}; frame-src 'self'"}
_MAIL_HEADERS: Final = {
    **PRIVATE,
    **NOSNIFF,
    _POLICY: "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
}


def at_home(handler: Handler) -> Handler:
    """Answer only who sits at this machine: whoever plays with the simulator may be anybody, staff too.

    So not what came through a proxy or by another name of ours (a tunnel for a provider's hooks, a rebound name),
    and not what another site's page sends.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        host = request.host.rpartition(":")[0] or request.host
        origin = request.headers.get("Origin", "")
        elsewhere = request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
        foreign = bool(origin) and origin.partition("://")[2] != request.host
        if host not in AT_HOME or "X-Forwarded-For" in request.headers or elsewhere or foreign:
            return plain(403, "The simulator is played at the machine it runs on, at http://127.0.0.1.")
        return await handler(request)

    return handle


class SimulatorViews:
    """Handlers of `/sim` and what is under it."""

    def __init__(
        self, engine: Engine, filer: Filer, clock: Clock, bell: Bell, looks: Looks, *, letters: Letters | None
    ) -> None:
        self._engine = engine
        self._filer = filer
        self._clock = clock
        self._looks = looks
        self._mover = Mover(engine, clock, Pulse(engine))
        self._mailbox = Mailbox(engine, bell, letters)
        self._glance = LedgerGlance(engine)

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [
            web.get("/sim", at_home(self.page)),
            web.post("/sim/messages", at_home(self.send)),
            web.get("/sim/messages", at_home(self.read)),
            web.get("/sim/mail/{id}", at_home(self.mail)),
            web.get("/sim/address", at_home(self.address)),
            web.post("/sim/staff", at_home(self.hire)),
            web.get("/sim/clock", at_home(self.clock)),
            web.post("/sim/clock", at_home(self.move)),
            web.get("/sim/ledger", at_home(self.ledger)),
        ]

    async def close(self, _app: web.Application) -> None:
        """End the long polls, or an open browser would hold up the end of the service."""
        self._mailbox.close()

    async def page(self, _request: web.Request) -> web.StreamResponse:
        """Show the phones."""
        return self._looks.page("sim.html", headers={**PRIVATE, **_FRAMES}, newest=await self._mailbox.newest())

    async def send(self, request: web.Request) -> web.StreamResponse:
        """File what a phone sends; 202 when it is durable."""
        arrival = phones.arrival(await _json(request))
        try:
            await self._filer.file([arrival])
        except Unfit as refusal:
            raise BadRequest(str(refusal)) from None
        return as_json({"id": arrival.external_id}, 202)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """Give what reached a phone, or every phone, after a message's id; wait for the first if asked to."""
        after = int(_number(request, "after", _MOST_ID))
        wait_seconds = _number(request, "wait", LONGEST_WAIT_SECONDS)
        channel, address = "", ""
        if "channel" in request.query or "address" in request.query:
            named = phones.channel_of(request.query.get("channel"))
            channel, address = named.value, phones.address_of(named, request.query.get("address"))
        return as_json(await self._mailbox.read(channel, address, after, wait_seconds))

    async def mail(self, request: web.Request) -> web.StreamResponse:
        """Show a mail as its reader's program would: it runs nothing, fetches nothing, and its links open elsewhere."""
        typed = request.match_info["id"]
        number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < _LONGEST_ID else 0
        letter = await self._mailbox.letter(number)
        if letter is None:
            return plain(404)
        html = letter.html.replace("<head>", '<head>\n<base target="_blank">', 1)
        return web.Response(body=html.encode(), content_type="text/html", charset="utf-8", headers=_MAIL_HEADERS)

    async def address(self, request: web.Request) -> web.StreamResponse:
        """Give an address as the service writes it."""
        channel = phones.channel_of(request.query.get("channel"))
        return as_json({"address": phones.address_of(channel, request.query.get("address"))})

    async def hire(self, request: web.Request) -> web.StreamResponse:
        """Make a phone's owner staff (admin), so that a draw can be freed without the command line."""
        call = await _json(request)
        if not isinstance(call, dict):
            raise BadRequest("Send one JSON object.")
        channel = phones.channel_of(call.get("channel"))
        address = phones.address_of(channel, call.get("address"))
        async with self._engine.begin() as conn:
            await add_staff(conn, f"{channel}:{address}", Role.ADMIN, self._clock.now())
        return as_json({"channel": channel.value, "address": address})

    async def clock(self, _request: web.Request) -> web.StreamResponse:
        """Give the service's time, and when the next duty is due."""
        return await self._time()

    async def move(self, request: web.Request) -> web.StreamResponse:
        """Move the clock ahead; answers when everything on the way is done."""
        try:
            await self._mover.move(read_goal(await _json(request)))
        except NotAhead as refusal:
            raise BadRequest(str(refusal)) from None
        except Stuck as stuck:
            return plain(503, str(stuck))
        return await self._time()

    async def ledger(self, _request: web.Request) -> web.StreamResponse:
        """Give the books in words."""
        return as_json(await ledger(self._glance))

    async def _time(self) -> web.Response:
        duty = await self._mover.next_duty()
        return as_json(
            {
                "now": local(self._clock.now()).isoformat(),
                "next_duty": local(duty).isoformat() if duty else None,
            }
        )


async def _json(request: web.Request) -> Any:
    try:
        return orjson.loads(await read_body(request))
    except orjson.JSONDecodeError:
        raise BadRequest("Send JSON.") from None


def _number(request: web.Request, name: str, most: float) -> float:
    """Read a number from the query, 0 when it is not there. Raises BadRequest."""
    typed = request.query.get(name, "0")
    try:
        value = float(typed) if name == "wait" else int(typed)
    except ValueError:
        raise BadRequest(f"{name} is a number.") from None
    if not 0 <= value <= most:
        raise BadRequest(f"{name} is a number from 0 to {most:.0f}.")
    return value
