"""Sending through Meta, and what Meta's answers mean."""

from typing import Final

import orjson

from channels.base import Outcome, Refused, Retry, Sent, Unknown
from channels.chat.whatsapp.payload import payload_of
from channels.http import CREDENTIALS_WAIT_SECONDS, Http, Reply, outcome_by_status
from domain.messages import Outgoing

_HOUR_SECONDS = 3600.0
_CREDENTIALS = Retry("credentials refused", CREDENTIALS_WAIT_SECONDS)

_CODES: Final[dict[int, Outcome]] = {
    **dict.fromkeys((4, 80007), Retry("throttled", 60.0)),
    **dict.fromkeys((131048, 133016), Retry("throttled", _HOUR_SECONDS)),
    130429: Retry("throttled", 1.0),
    131056: Retry("too many to one person", 6.0),
    131049: Retry("not now", _HOUR_SECONDS),
    **dict.fromkeys((1, 2, 131000, 131016, 131053, 131057, 133004), Retry("provider trouble")),
    **dict.fromkeys((0, 3, 10, 190, *range(200, 300)), Retry("credentials refused", CREDENTIALS_WAIT_SECONDS)),
    **dict.fromkeys((368, 131031, 131042), Retry("account stopped", CREDENTIALS_WAIT_SECONDS)),
    131026: Refused("not on WhatsApp", "131026", gone=True),
    131047: Refused("outside the 24 hours", "131047"),
    131050: Refused("opted out of marketing", "131050"),
}
"""Meta's error codes ("Error codes" of the Cloud API); every other one is judged by its HTTP status."""


def outcome_of(reply: Reply) -> Outcome:
    """Judge Meta's answer. Its own words are left out: they quote the address."""
    match reply.json():
        case {"messages": [{"id": str(wamid)}, *_]} if reply.ok:
            return Sent(wamid)
        case {"error": {"code": int(number)}}:
            return _CODES.get(number) or outcome_by_status(reply, str(number))
        case _:
            return outcome_by_status(reply)


class WhatsApp:
    """Sends through `base_url` (with the Graph version, without a slash at the end)."""

    name = "whatsapp"
    rate_per_second = 80.0

    def __init__(self, http: Http, base_url: str, token: str, phone_number_id: str) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/{phone_number_id}/messages"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:  # noqa: ARG002 - Meta takes no key
        """Send one message. Raises ValueError for what cannot be shown (see `payload_of`)."""
        body = orjson.dumps(payload_of(address, message))
        match await self._http.call("POST", self._url, body=body, headers=self._headers):
            case Reply() as reply:
                return outcome_of(reply)
            case Retry() | Unknown() as trouble:
                return trouble
