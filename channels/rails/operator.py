"""The HTTP adapter for an operator with a contract at a bank or at LYNK, whose own interfaces are not public.

The operator puts a small service in front of the contract that speaks docs/operator-api.yaml; `OperatorRail` asks
it, `OperatorHook` is told by it. A refusal is believed only in that service's own words: a page of something in
between never decides about money. Nothing here logs a key, an account or a body.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import orjson

from channels.base import (
    Answer,
    BadSignature,
    Hook,
    HookRequest,
    Outcome,
    Plain,
    Refused,
    Retry,
    Sent,
    Unknown,
    Unreadable,
)
from channels.checks import clean, is_id, json_object, same
from channels.http import Http, Reply, outcome_by_status
from domain.messages import Filed

TOLERANCE_SECONDS: Final = 300
SIGNATURE: Final = "pardna-signature"
_STAMP: Final = re.compile(r"t=([0-9]{1,12})(?:,|$)")
_MARK: Final = re.compile(r"(?:^|,)v1=([0-9a-f]{64})(?=,|$)")
_CURRENCIES: Final = frozenset({"JMD", "USD"})
MOST_MINOR: Final = 10**12
_PLACES: Final = {"disburse": "/payouts", "refund": "/refunds"}


class OperatorRail(Plain):
    """One carrier (ncb, scotia or lynk) behind the operator's service. Orders are as in channels/base.py."""

    def __init__(self, carrier: str, http: Http, base_url: str, api_key: str) -> None:
        self.name = carrier
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    async def collect(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Ask for money. `settled` in the detail: it is there; `link`: where it is paid; else the hook tells."""
        wanted = _some(order, "receipt", "amount", "currency", "expires_at")
        reply = await self._ask("POST", "/collections", key, wanted)
        return _outcome(reply, order)

    async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Send money out, once for the key. Without `settled` in the detail the hook tells."""
        purpose = "refund" if "refund_id" in order else "payout"
        payee = {
            "name": order["payee_name"],
            "bank": order["bank"],
            "branch": order["branch"],
            "account": order["account"],
            "kind": order["account_kind"],
        }
        wanted = {
            "purpose": purpose,
            "order": order[f"{purpose}_id"],
            "reference": order["payout_ref"],
            **_some(order, "amount", "currency"),
            "payee": payee,
        }
        return _outcome(await self._ask("POST", "/payouts", key, wanted), order)

    async def refund(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Give a collection back by its `provider_ref`, once for the key."""
        wanted = {
            "order": order["refund_id"],
            "collection": order["provider_ref"],
            **_some(order, "amount", "currency"),
        }
        return _outcome(await self._ask("POST", "/refunds", key, wanted), order)

    async def look_up(self, kind: str, order: Mapping[str, Any], key: str) -> Outcome:
        """Say what became of an Unknown one, by its key. Retry: the service says that it never had it."""
        if kind not in _PLACES:
            return await super().look_up(kind, order, key)
        reply = await self._ask("GET", f"{_PLACES[kind]}/by-key/{quote(key, safe='')}")
        if isinstance(reply, Reply) and reply.ok:
            return _outcome(reply, order)
        if isinstance(reply, Reply) and reply.status == HTTPStatus.NOT_FOUND and _error(reply) == "unknown_key":
            return Retry("never taken")
        return Unknown("not looked up")

    async def check(self) -> list[str]:
        """Return what is wrong with the service, in words that say what to do; empty when it is up."""
        name, reply = self.name.upper(), await self._ask("GET", "/status")
        match reply:
            case Reply(status=HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN):
                return [f"{self.name}: the service refuses {name}_API_KEY: set the key that it gave out"]
            case Reply() if reply.ok and reply.json().get("state") == "up":
                return []
            case Reply():
                return [f"{self.name}: {name}_API_URL answers {reply.status} and not as docs/operator-api.md asks"]
            case _:
                return [f"{self.name}: {name}_API_URL cannot be asked ({reply.reason}): check it and the network"]

    async def _ask(
        self, method: str, path: str, key: str = "", body: Mapping[str, Any] | None = None
    ) -> Reply | Retry | Unknown:
        headers = {**self._headers, "Idempotency-Key": key} if key else self._headers
        content = None if body is None else orjson.dumps(body)
        return await self._http.call(method, self._base_url + path, body=content, headers=headers)


class OperatorHook:
    """What the operator's service tells, `POST /hooks/{carrier}`. Any of `secrets` may have signed.

    `now` is the wall clock in Unix seconds. Raises ValueError without a secret.
    """

    def __init__(self, carrier: str, secrets: tuple[str, ...], now: Callable[[], float]) -> None:
        if not secrets or not all(secrets):
            raise ValueError(f"{carrier.upper()}_HOOK_SECRET must not be empty")
        self._carrier = carrier
        self._secrets = secrets
        self._now = now

    def receive(self, request: HookRequest) -> Answer:
        """Verify and translate one event. One of a type that is not known is kept as `other`."""
        self._verify(request.headers.get(SIGNATURE, ""), request.body)
        match json_object(request.body):
            case {"id": ident, "type": str(kind), "data": dict(thing)} if is_id(ident):
                party, body = _event(self._carrier, kind, thing, str(ident))
                return Answer((Filed(self._carrier, str(ident), party, "event", body),))
            case _:
                raise Unreadable("not an event of the operator's")

    def _verify(self, header: str, body: bytes) -> None:
        """Check stamp and signature; a stamp of the future is as wrong as an old one. Raises BadSignature."""
        stamp = _STAMP.match(header)
        if stamp is None or abs(self._now() - int(stamp[1])) > TOLERANCE_SECONDS:
            raise BadSignature
        right = [sign(secret, stamp[1], body) for secret in self._secrets]
        if not any(same(mark, good) for mark in _MARK.findall(header) for good in right):
            raise BadSignature


class BankHook:
    """One address for two callers: the operator's service (JSON, signed) and a card page (a form, a mere hint).

    Either may be missing; what it would have taken is then Unreadable.
    """

    def __init__(self, service: Hook | None, cards: Hook | None) -> None:
        self._service = service
        self._cards = cards

    def receive(self, request: HookRequest) -> Answer:
        """Hand the call to whom it is for, by its content type."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        hook = self._cards if kind == "application/x-www-form-urlencoded" else self._service
        if hook is None:
            raise Unreadable("nobody here takes that")
        return hook.receive(request)


def sign(secret: str, stamp: str, body: bytes) -> str:
    """Return the signature of a body: HMAC-SHA256 over `{stamp}.{body}`, in lower-case hexadecimal."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


# --- answers ---


def _some(order: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: order[name] for name in names if order.get(name)}


def _error(reply: Reply) -> str:
    said = reply.json().get("error")
    return said if isinstance(said, str) else ""


def _outcome(reply: Reply | Retry | Unknown, order: Mapping[str, Any]) -> Outcome:
    if not isinstance(reply, Reply):
        return reply
    if reply.ok:
        return _state(reply.json(), order)
    code = _error(reply)
    known = reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
    refused = HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if known or (refused and code and reply.status != HTTPStatus.REQUEST_TIMEOUT):
        return outcome_by_status(reply, code)
    # A server in trouble, or a page of something in between: the money may have moved all the same.
    return Unknown(f"no answer of the service's: {reply.status}")


def _state(said: Mapping[str, Any], order: Mapping[str, Any]) -> Outcome:
    """Judge what the service says of an order; one of another amount is no answer to this one."""
    match said:
        case {"id": str(ident), "state": str(state), "amount": int(amount), "currency": str(currency)} if is_id(ident):
            if (amount, currency) != (order["amount"], order["currency"]):
                return Unknown("the service speaks of another amount")
            return _of_state(ident, state, said)
        case _:
            return Unknown("strange answer")


def _of_state(ident: str, state: str, said: Mapping[str, Any]) -> Outcome:
    reason = clean(said.get("reason")) or state
    match state:
        case "settled":
            return Sent(ident, {"settled": True, "charge": _charge(said)})
        case "pending":
            link = said.get("link")
            return Sent(ident, {"link": link} if isinstance(link, str) and link.startswith("https://") else {})
        case "failed" | "returned":
            return Refused(reason, state)
        case _:
            return Unknown("strange state")


def _charge(said: Mapping[str, Any]) -> int:
    charge = said.get("charge", 0)
    return charge if type(charge) is int and 0 <= charge <= MOST_MINOR else 0


# --- events ---


def _event(carrier: str, kind: str, thing: Mapping[str, Any], event_id: str) -> tuple[str, dict[str, Any]]:
    """Return the lane and the body of an event in our own words. Raises Unreadable."""
    topic, _, what = kind.partition(".")
    match topic, what:
        case "collection", "settled" | "pending" | "failed":
            return _collection(carrier, what, thing)
        case "payout" | "refund", "settled" | "failed" | "returned":
            return _outgoing(carrier, topic, what, thing)
        case "charge", "":
            ident, money = _ident(thing), _money(thing, below_zero=True)
            body = {
                "kind": "charge",
                "carrier": carrier,
                "charge_id": ident,
                **money,
                "about": clean(thing.get("about")),
            }
            return f"{carrier}:{ident}", body
        case "deposit", "":
            return _deposit(carrier, thing)
        case _:
            return f"{carrier}:{event_id}", {"kind": "other", "type": clean(kind)[:64]}


def _collection(carrier: str, what: str, thing: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    receipt = _ident(thing, "receipt")
    body: dict[str, Any] = {"carrier": carrier}
    match what:
        case "settled":
            body |= {"kind": "collected", "provider_id": _ident(thing), **_money(thing)}
        case "pending":
            body |= {"kind": "collect_pending"}
        case _:
            body |= {"kind": "collect_failed", "reason": clean(thing.get("reason"))}
    return f"payment:{receipt}", {**body, "receipt": receipt}


def _outgoing(carrier: str, topic: str, what: str, thing: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Translate what became of money out. A refund by transfer is a payout whose `purpose` is `refund`."""
    purpose = "refund" if topic == "refund" else thing.get("purpose", "payout")
    if purpose not in {"payout", "refund"}:
        raise Unreadable("no such purpose")
    order, ident, reason = _ident(thing, "order"), _ident(thing), clean(thing.get("reason")) or what
    named = {f"{purpose}_id": order, "provider_id": ident}
    body: dict[str, Any]
    match topic, what:
        case "refund", "settled":
            body = {"kind": "refunded", **named}
        case "refund", _:
            body = {"kind": "refund_failed", **named, "reason": reason}
        case _, "settled":
            body = {"kind": "disbursed", **named, "charge": _charge(thing)}
        case _, "failed":
            body = {"kind": "disburse_failed", **named, "reason": reason}
        case _:
            body = {"kind": "disburse_returned", **named, "reason": reason}
    return f"{purpose}:{order}", {**body, "carrier": carrier}


def _deposit(carrier: str, thing: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Translate money that arrived by itself: a payment's where the service found our receipt in it, else unnamed."""
    ident, receipt = _ident(thing), thing.get("receipt") or ""
    if receipt and not is_id(receipt):
        raise Unreadable("no such receipt")
    body = {
        "kind": "collected",
        "carrier": carrier,
        "receipt": receipt,
        "provider_id": ident,
        "provider_ref": ident,
        **_money(thing),
        **{name: clean(thing.get(name)) for name in ("name", "narrative", "booked")},
    }
    return f"payment:{receipt}" if receipt else f"{carrier}:{ident}", body


def _ident(thing: Mapping[str, Any], name: str = "id") -> str:
    value = thing.get(name)
    if not is_id(value):
        raise Unreadable(f"no {name}")
    return str(value)


def _money(thing: Mapping[str, Any], *, below_zero: bool = False) -> dict[str, Any]:
    amount, currency = thing.get("amount"), thing.get("currency")
    if type(amount) is not int or currency not in _CURRENCIES or abs(amount) > MOST_MINOR:
        raise Unreadable("no amount of a currency we know")
    if (amount < 0 and not below_zero) or amount == 0:
        raise Unreadable("no amount")
    return {"amount": amount, "currency": currency}
