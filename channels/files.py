"""Files that people send: got from their network alone, by an address that the network itself gave.

An address is believed where the network's own interface lies, or by TLS at hosts that the network names. No redirect is
followed: where one is the way (Twilio's), its target is looked at like any other address, and gets no credentials.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from channels.base import Outcome, Refused, Retry
from channels.http import TOO_LONG, Http, Reply, outcome_by_status

LARGEST_BYTES: Final = 10 << 20
SECONDS: Final = 20.0
"""For one file; a phone's picture comes in one or two."""

TOO_LARGE: Final = Refused("the file is too large", "too_large")
GONE: Final = Refused("the file is not there any more", "gone")
ELSEWHERE: Final = Refused("the file lies at a host that is not the network's", "elsewhere")
EXPIRED: Final = Retry("the file's address has expired")
_ADDRESS: Final = re.compile(r"(https?)://([A-Za-z0-9.-]+)(?::([0-9]{1,5}))?(?:[/?][!-\[\]-~]*)?")
"""No name and password, no backslash: nothing that two readers of an address take for two hosts."""
_NO_HEADERS: Final[Mapping[str, str]] = {}
_PORTS: Final = {"http": "80", "https": "443"}


def is_same(url: str, base: str) -> bool:
    """Whether an address lies where the network's interface does."""
    return (found := _origin(url)) is not None and found == _origin(base)


def is_at(url: str, hosts: Collection[str]) -> bool:
    """Whether an address lies by TLS at one of the hosts, or below one."""
    found = _origin(url)
    if found is None or found[0] != "https" or found[2] != _PORTS["https"]:
        return False
    return any(found[1] == host or found[1].endswith(f".{host}") for host in hosts)


def _origin(url: str) -> tuple[str, str, str] | None:
    found = _ADDRESS.fullmatch(url)
    return (found[1], found[2].lower(), found[3] or _PORTS[found[1]]) if found else None


async def download(http: Http, url: str, headers: Mapping[str, str] = _NO_HEADERS) -> bytes | Outcome:
    """Get a file. An address that holds for minutes may be over: it is asked for anew."""
    reply = await http.call("GET", url, headers=headers, timeout_seconds=SECONDS, most_bytes=LARGEST_BYTES)
    if reply is TOO_LONG:
        return TOO_LARGE
    if not isinstance(reply, Reply):
        return Retry(reply.reason)
    if reply.ok:
        return reply.body or Retry("an empty file")
    return EXPIRED if reply.status in {401, 403, 404, 410} else outcome_by_status(reply)
