"""The rail of development and tests: money that is none.

Alone it says yes to everything; the same key gives the same answer, because nothing is remembered. With a
stand-in server behind it (`SANDBOX_API_URL`), payments can be seen, counted and made to go wrong.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

from channels.base import Outcome, Plain, Refused, Retry, Sent, Unknown
from channels.http import Http, Reply, outcome_by_status


class SandboxRail(Plain):
    """Orders are `{amount, currency, receipt, mode: at_once | page, link}`; `amount` in minor units.

    `http` and `base_url` name the stand-in server; both or neither.
    """

    name = "sandbox"

    def __init__(self, http: Http | None = None, base_url: str = "") -> None:
        if (http is None) != (not base_url):
            raise ValueError("a stand-in server needs a client and an address")
        self._http = http
        self._base_url = base_url.rstrip("/")

    async def collect(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Take the money at once, or give the link of the page where it is paid."""
        if order.get("mode") == "page":
            return Sent(f"sbx_{key}", {"link": order["link"]})
        if self._http:
            return await self._post(self._http, "/collect", order, key)
        return Sent(f"sbx_{key}", {"settled": True})

    async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Pay out, once for a key."""
        if self._http:
            return await self._post(self._http, "/disburse", order, key)
        return Sent(f"sbxout_{key}", {"settled": True})

    async def refund(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Give money back, once for a key."""
        if self._http:
            return await self._post(self._http, "/refund", order, key)
        return Sent(f"sbxback_{key}", {"settled": True})

    async def look_up(self, kind: str, order: Mapping[str, Any], key: str) -> Outcome:  # noqa: ARG002 - by key alone
        """Say what became of a disbursement or a refund. Retry: the server never had it, so it may be sent."""
        if not self._http:
            return Sent(f"sbxout_{key}", {"settled": True})
        reply = await self._http.call("GET", f"{self._base_url}/by-key/{key}")
        match reply:
            case Reply(status=HTTPStatus.NOT_FOUND) if reply.json().get("error") == "unknown key":
                return Retry("never taken")
            case Reply() if reply.ok:
                return _taken(reply)
            case _:
                return Unknown("not looked up")

    async def _post(self, http: Http, path: str, order: Mapping[str, Any], key: str) -> Outcome:
        reply = await http.call(
            "POST",
            self._base_url + path,
            body=orjson.dumps({**order, "key": key}),
            headers={"Content-Type": "application/json", "Idempotency-Key": key},
        )
        if not isinstance(reply, Reply):
            return reply
        if reply.ok:
            return _taken(reply)
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # A server in trouble may have moved the money before it fell: that is looked up, not sent again.
            return Unknown(f"provider trouble {reply.status}")
        return outcome_by_status(reply, str(reply.json().get("error", "")))


def _taken(reply: Reply) -> Outcome:
    match reply.json():
        case {"id": str(provider_id), "state": "settled"}:
            return Sent(provider_id, {"settled": True})
        case {"id": str(), "state": "pending"}:
            return Unknown("still pending")
        case {"id": str(), "state": "failed"}:
            return Refused("failed", "failed")
        case _:
            return Unknown("strange answer")
