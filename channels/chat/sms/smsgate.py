"""Sending by SMSGate: a telephone with a local SIM, behind a gateway of the operator's own.

The gateway takes our id, so the same message again is the same message. It answers when it has queued a message; the
phone fetches it, sends it and tells how it went by web hook (smsgate_hook.py).

Shapes: docs.sms-gate.app, "Sending messages", "Webhooks", "Status tracking", "Authentication".
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

import orjson

from channels.base import Outcome, Refused, Retry, Sent, Unknown
from channels.http import Http, Reply, outcome_by_status

EVENTS: Final = ("sms:received", "sms:sent", "sms:delivered", "sms:failed", "mms:downloaded", "system:ping")
"""What the phone tells us, each by a web hook of its own."""
LIVES_SECONDS: Final = 3600
"""How long a message may wait at the gateway for the phone: later it is stale, and ends as failed."""
_TAKEN: Final = frozenset({"Pending", "Processed", "Sent", "Delivered"})
_NEVER: Final = frozenset({"Failed", "Cancelled"})


def gate_id(key: str) -> str:
    """Return the id of a message at the gateway, made of our key: at most 36 signs, and no address in it."""
    return sha256(key.encode()).hexdigest()[:32]


def authorization(user: str, password: str, token: str) -> str:
    """Return the header: a token where there is one, else name and password."""
    return f"Bearer {token}" if token else "Basic " + b64encode(f"{user}:{password}".encode()).decode()


class SmsGate:
    """One account of a gateway at `base_url`, without `/3rdparty/v1`. `sim`: which SIM sends; 0 is the phone's own."""

    def __init__(
        self, http: Http, base_url: str, authorization: str, *, rate_per_second: float = 0.2, sim: int = 0
    ) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/3rdparty/v1"
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self._sim: Mapping[str, Any] = {"simNumber": sim} if sim else {}
        self.rate_per_second = rate_per_second

    async def send(self, address: str, text: str, key: str) -> Outcome:
        """Queue a message at the gateway. Our own check of the number stands: theirs may not know each +1 658 yet."""
        outcome = await self._send(address, text, key)
        return replace(outcome, keyed=True) if isinstance(outcome, Unknown) else outcome

    async def _send(self, address: str, text: str, key: str) -> Outcome:
        body = {
            "id": gate_id(key),
            "textMessage": {"text": text},
            "phoneNumbers": [address],
            "withDeliveryReport": True,
            "ttl": LIVES_SECONDS,
            **self._sim,
        }
        reply = await self._call("POST", "/messages?skipPhoneValidation=true", body)
        match reply:
            case Reply(status=HTTPStatus.CONFLICT):  # it has this message already
                found = await self.look_up(key)
                return Refused("the phone could not send it", "failed") if isinstance(found, Retry) else found
            case Reply() if reply.ok and reply.json().get("id") == gate_id(key):
                return Sent(gate_id(key))
            case Reply():
                return outcome_by_status(reply)
            case _:
                return reply

    async def look_up(self, key: str) -> Outcome:
        """Say what became of a message. Retry: it is not there, or will never be sent by this way."""
        reply = await self._call("GET", f"/messages/{gate_id(key)}")
        if not isinstance(reply, Reply):
            return Unknown(reply.reason)
        state = reply.json().get("state") if reply.ok else None
        if reply.status == HTTPStatus.NOT_FOUND or state in _NEVER:
            return Retry("the gateway does not send it")
        return Sent(gate_id(key)) if state in _TAKEN else Unknown(f"strange answer {reply.status}")

    async def hooks(self) -> tuple[tuple[str, str], ...] | None:
        """Return the event and the address of each web hook that the gateway knows; None when it does not say."""
        reply = await self._call("GET", "/webhooks")
        if not isinstance(reply, Reply) or not reply.ok:
            return None
        try:
            return tuple((hook["event"], hook["url"]) for hook in orjson.loads(reply.body))
        except (orjson.JSONDecodeError, TypeError, KeyError):
            return None

    async def set_hook(self, event: str, url: str) -> Outcome:
        """Have an event told to an address; a hook that we set before is moved there."""
        body = {"id": f"pardna-{event.replace(':', '-')}", "event": event, "url": url}
        reply = await self._call("POST", "/webhooks", body)
        if isinstance(reply, Reply):
            return Sent(body["id"]) if reply.ok and reply.json().get("event") == event else outcome_by_status(reply)
        return reply

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply | Retry | Unknown:
        content = orjson.dumps(body) if body is not None else None
        return await self._http.call(method, self._url + path, body=content, headers=self._headers)
