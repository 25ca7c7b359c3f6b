"""Who calls us, and how often a caller may be wrong.

A signed call is never counted and never refused here: only what failed is, so that nobody tries secrets and
codes for long. Behind a proxy every caller would look like the proxy; whom it speaks for is believed of those
proxies alone that a setting names, since anybody can write that header.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.web.answers import plain
from storage.limits import Limits, PerMinute

Network = IPv4Network | IPv6Network

UNSIGNED: Final = PerMinute(120, namespace="unsigned")
"""Hook calls without a good signature. Generous: providers whose secret was just changed try again and again."""
HINTS: Final = PerMinute(120, namespace="hints")
"""Calls that nobody signs and that are kept all the same: payers who come back from a card page, and
buttons of pages, one of which opens a card page."""
MISSES: Final = PerMinute(60, namespace="misses")
"""Pages asked for by a code that does not exist."""
FOUND_BY_CODE: Final = frozenset({"/j/{code}", "/r/{receipt}", "/pay/{token}", "/s/{name}", "/c/{name}", "/f/{name}"})
"""Pages that whoever knows the code may see. After too many misses a right code is refused too, or it would show."""
IPV6_BITS: Final = 64
"""Whoever has one IPv6 address has the other 2^64 of its network too."""


class Callers:
    """Counts what goes wrong, by address."""

    def __init__(self, limits: Limits, proxies: Sequence[Network] = ()) -> None:
        self._limits = limits
        self._proxies = proxies

    async def unsigned(self, request: web.Request) -> web.Response:
        """Answer a call whose signature is missing or wrong: 401, and 429 after too many."""
        wait_seconds = await self._limits.hit(UNSIGNED, self._name(request))
        return _too_many(wait_seconds) if wait_seconds else plain(401)

    async def hinting(self, request: web.Request) -> web.Response | None:
        """Count a call that anybody could have made: 429 after too many, since each is kept and asks a gateway."""
        wait_seconds = await self._limits.hit(HINTS, self._name(request))
        return _too_many(wait_seconds) if wait_seconds else None

    def no_guessing(self, routes: Sequence[web.RouteDef]) -> list[web.RouteDef]:
        """Return the routes with those in FOUND_BY_CODE kept from who asks for too many codes that are none."""
        return [
            web.RouteDef(route.method, route.path, self._counted(route.handler), route.kwargs)
            if route.path in FOUND_BY_CODE
            else route
            for route in routes
        ]

    def _counted(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            who = self._name(request)
            if wait_seconds := await self._limits.full(MISSES, who):
                return _too_many(wait_seconds)
            if request.method == "POST" and (refused := await self.hinting(request)):
                return refused
            given = await handler(request)
            if given.status == web.HTTPNotFound.status_code:
                await self._limits.hit(MISSES, who)
            return given

        return answer

    def _name(self, request: web.Request) -> str:
        return caller(request.remote or "", request.headers.getall("X-Forwarded-For", []), self._proxies)


def caller(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Return under which name a caller is counted: its address, of IPv6 the network.

    `forwarded` are the X-Forwarded-For headers in order. Each proxy adds at the end from whom it heard, so they
    are read from the end for as long as the one who says so is trusted.
    """
    said = [part.strip() for line in forwarded for part in line.split(",")]
    address = _address(peer)
    while address and said and any(address in network for network in proxies):
        heard_from = _address(said.pop())
        if heard_from is None:
            break
        address = heard_from
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_BITS), strict=False))
    return str(address or peer)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _too_many(wait_seconds: int) -> web.Response:
    text = f"Too many wrong tries from this address. Try again in {wait_seconds} seconds."
    return plain(429, text, headers={"Retry-After": str(wait_seconds)})
