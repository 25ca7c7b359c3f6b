"""Calls to partners' web hooks, signed as Standard Webhooks asks (standardwebhooks.com, version 1).

An address is a partner's to choose, so it is looked at twice: when it is given, and when its name was resolved. Nothing
is called inside our own network.
"""

import ipaddress
import re
import secrets
import socket
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from standardwebhooks import Webhook

from channels.base import Outcome, Refused, Retry, Sent
from channels.http import Http, Reply

GONE: Final = "410"
"""The partner wants no more calls: their web hook ends."""
SECRET_BYTES: Final = 32
LONGEST_URL: Final = 2000
INSIDE: Final = frozenset({"localhost", "internal", "local"})
WRAPPED: Final = tuple(ipaddress.ip_network(net) for net in ("64:ff9b::/96", "2002::/16", "::/96"))
"""IPv6 addresses that stand for an IPv4 one, which might be ours."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_HOST: Final = re.compile(r"[A-Za-z0-9_.:-]+")
"""What connects reads other letters in its own way: `127。0。0。1` is an address to it, and `%31` a figure."""


def new_secret() -> str:
    """Return a fresh secret in the form that partners' libraries take."""
    return f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def wrong_address(url: str, *, development: bool) -> str:
    """Return what is wrong with a partner's address, "" when nothing is. Loopback without TLS is for development."""
    try:
        parsed = urlsplit(url)
        host = parsed.hostname
    except ValueError:
        return "it is no address"
    if not host or len(url) > LONGEST_URL:
        return "it is no address"
    if not _HOST.fullmatch(host):
        return "it names its host in other letters than those of the network: write it as xn--..."
    if parsed.username or parsed.password:
        return "it holds a name or a password: the signature shows who calls"
    if development and parsed.scheme == "http" and host in LOOPBACK:
        return ""
    if parsed.scheme != "https":
        return "it has to begin with https://"
    return "it lies inside a network of ours" if _is_inside(host) else ""


class Outside(AbstractResolver):
    """Resolves names, and finds nothing for one that leads inside our own network."""

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of a name. Raises OSError when there is none."""
        found = await self._resolver.resolve(host, port, family)
        public = [one for one in found if not _is_inside(one["host"])]
        if not public:
            raise OSError(None, "no public address")
        return public

    async def close(self) -> None:
        """Let go of the resolver."""
        await self._resolver.close()


def outside_session() -> aiohttp.ClientSession:
    """Return the session that partners are called by. Its maker closes it. No cookie of theirs is kept."""
    connector = aiohttp.TCPConnector(resolver=Outside(), limit=50)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


class PartnerCaller:
    """Calls one address with one event."""

    def __init__(self, http: Http, *, development: bool) -> None:
        self._http = http
        self._development = development

    async def send(self, url: str, secret: str, event: Mapping[str, Any]) -> Outcome:
        """Call once. Whatever is no 2xx is tried again later; 410 ends it."""
        if wrong := wrong_address(url, development=self._development):
            return Refused(wrong, "address")
        body = orjson.dumps(event).decode()
        ident, now = str(event["id"]), datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": ident,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(ident, now, body),
        }
        reply = await self._http.call("POST", url, body=body.encode(), headers=headers)
        if not isinstance(reply, Reply):
            return Retry(reply.reason)
        if reply.ok:
            return Sent(ident)
        answer = str(reply.status)
        return Refused("wants no more calls", GONE) if answer == GONE else Retry(f"answered {answer}")


def _is_inside(host: str) -> bool:
    """Whether an IP address is not one of the public internet; a name is not looked up here."""
    host = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a number that is no whole address, such as 127.1, is read as one by what connects
        odd = host.rpartition(".")[2]
        return odd.isdigit() or odd.startswith("0x") or odd in INSIDE
    held = getattr(address, "ipv4_mapped", None) or address
    return (
        not held.is_global
        or held.is_multicast
        or any(address in net for net in WRAPPED if net.version == address.version)
    )
