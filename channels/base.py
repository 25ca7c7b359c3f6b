"""The doors to the outside: `Hook` (they call us), `Chat` (people), `Rail` (money), and what may come of using them.

An adapter verifies, parses and sends. It keeps no state, knows no database and decides nothing about
circles or money. Every way a provider can answer becomes one of four outcomes, here and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, runtime_checkable

from domain.messages import Filed, Inbound, InboundKind, Outgoing, Tap


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it; `provider_id` finds it again. `arrivals`: what it told beside, filed like a hook's.

    `arrived`: a message lies before the person by that, and nothing more will be told of it. `waits`: it was only an
    invitation, and the message itself waits until the person writes.
    """

    provider_id: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    arrivals: tuple[Filed, ...] = ()
    arrived: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """Not taken, and trying again may help; not before `after_seconds` when the provider said so.

    `growth`: the seconds to wait are this to the power of the tries there were. `ours`: the fault is the operator's to
    mend, so that it is kept for as long as that takes, and somebody is called. `everybody`: it was too much in all, so
    whatever else goes there waits as long.
    """

    reason: str
    after_seconds: float = 0.0
    growth: float = 0.0
    ours: bool = False
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Not taken, and never will be as it stands. `gone`: the address itself can no longer be reached.

    `shut`: the person wrote too long ago, so that only an approved template may go.
    """

    reason: str
    code: str = ""
    gone: bool = False
    shut: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer never came or made no sense: it may or may not have been taken.

    `keyed`: the provider knows it by our key, so it can be looked up, and a repeat is harmless.
    """

    reason: str
    keyed: bool = False


Outcome = Sent | Retry | Refused | Unknown


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A web hook call as bytes: nothing of it is believed before the signature holds."""

    method: str
    path_qs: str
    headers: Mapping[str, str]
    """Keys in lower case."""
    query: Mapping[str, str]
    body: bytes


class BadSignature(Exception):
    """The signature or secret is missing or wrong: answered 401."""


class Unreadable(Exception):
    """The body is not what this provider sends: answered 400."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider wants to read after a good call, and the arrivals to make durable before it."""

    arrivals: tuple[Filed, ...] = ()
    text: str = ""
    content_type: str = "text/plain"
    unsigned: bool = False
    """Anybody could have made the call: it is a hint, and how many of them one address may give is limited."""


class Hook(Protocol):
    """Something that a provider calls."""

    def receive(self, request: HookRequest) -> Answer:
        """Verify, then parse every message of the batch. Raises BadSignature or Unreadable."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """What a provider takes: one in so many seconds on the whole, and `burst` at once after a rest."""

    every_seconds: float
    burst: int = 1


class Chat(Protocol):
    """A chat network: how a message of ours gets to an address."""

    name: str
    rate_per_second: float
    """How many sends a second the provider takes from us in all."""

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        """Send once. `key` is ours and makes a repeat harmless where the provider takes one."""
        ...


@runtime_checkable
class Routed(Protocol):
    """What a chat tells beside that has two ways out, one of them slow and with a memory."""

    home_rate_per_second: float
    """How many sends a second the slow way takes; infinitely many: there is no such way."""

    @property
    def home(self) -> tuple[str, ...]:
        """How the addresses begin that go by the slow way now; empty: none."""
        ...

    async def look_up(self, key: str) -> Outcome:
        """Say what became of an Unknown send. Retry: it was never taken, so it may be sent."""
        ...


@runtime_checkable
class Personal(Protocol):
    """A chat whose provider also counts how much we send to one address."""

    def rate_to(self, address: str) -> Rate:
        """Say how much that may be."""
        ...


@runtime_checkable
class Windowed(Protocol):
    """A chat that takes free words for so long after the person wrote, and approved templates at any time."""

    window: timedelta


@runtime_checkable
class Tapped(Protocol):
    """A chat whose buttons turn until it is told that a tap was heard."""

    async def answer(self, address: str, tap: Tap) -> Outcome:
        """Answer a tap, and take its buttons away where they are over. Each tap is answered once."""
        ...


@runtime_checkable
class Fetching(Protocol):
    """A chat on which people send files, and which hands them out."""

    async def fetch(self, reference: str) -> bytes | Outcome:
        """Return the file that a message named (`Inbound.file`), or what came of asking for it."""
        ...


@runtime_checkable
class Asked(Protocol):
    """A chat that can be asked about itself."""

    async def enquire(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Ask the provider something; its answers are Sent.arrivals."""
        ...


class Rail(Protocol):
    """A way for money to come in (`collect`) and go out (`disburse`). Amounts are minor units.

    An order holds `amount`, `currency` and what the rail needs beside; `key` is ours, never changes, and makes a
    repeat harmless. A rail that cannot do one of these is built on `Plain` and refuses it.
    """

    name: str

    async def collect(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Ask for money. Sent.detail may hold `link` (where to pay) or `settled: True` (money is there)."""
        ...

    async def capture(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Take the money that its owner has allowed on the rail's own page."""
        ...

    async def refund(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Give a payment back, whole or in part. Without `settled` in the detail the rail will tell later."""
        ...

    async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Send money out once for this key. Without `settled` in the detail the rail will tell later."""
        ...

    async def enquire(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Ask the provider something; its answers are Sent.arrivals."""
        ...

    async def look_up(self, kind: str, order: Mapping[str, Any], key: str) -> Outcome:
        """Say what became of an Unknown `disburse` or `refund`. Retry: the rail never had it, so it may be sent."""
        ...


class Plain:
    """A rail that can do nothing yet: what one adds to it, it can."""

    async def collect(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Refuse to ask for money."""
        return _cannot(order, key)

    async def capture(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Refuse to take money that was allowed."""
        return _cannot(order, key)

    async def refund(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Refuse to give money back."""
        return _cannot(order, key)

    async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Refuse to send money."""
        return _cannot(order, key)

    async def enquire(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Refuse to ask."""
        return _cannot(order, key)

    async def look_up(self, kind: str, order: Mapping[str, Any], key: str) -> Outcome:
        """Know of nothing."""
        return Unknown(f"this rail cannot look up a {kind}") if order or key else Unknown("nothing to look up")


def _cannot(_order: Mapping[str, Any], _key: str) -> Outcome:
    return Refused("this rail does not do that", "unable")


def filed(inbound: Inbound, external_id: str, also: str = "") -> Filed:
    """Make the arrival of something a person sent, or of a delivery status, under its provider's own id."""
    kind = "status" if inbound.kind is InboundKind.STATUS else "chat"
    return Filed(inbound.channel.value, external_id, inbound.party, kind, inbound.as_json(), also=also)
