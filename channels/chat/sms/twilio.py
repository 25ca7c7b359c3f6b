"""Sending through Twilio, and what Twilio's answers mean.

The library builds the request and would log the recipient and wait for ever: its transport is ours.
"""

import logging
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels.base import Outcome, Refused, Retry, Sent
from channels.files import ELSEWHERE, GONE, LARGEST_BYTES, SECONDS, TOO_LARGE, download, is_at, is_same
from channels.http import CREDENTIALS_REFUSED, TOO_LONG, Http, Reply, outcome_by_status

FILE_HOSTS: Final = ("twiliocdn.com", "s3-external-1.amazonaws.com")
"""Where Twilio keeps what people send ("Protect media access with HTTP basic authentication")."""
_SENT_ON: Final = frozenset({301, 302, 303, 307, 308})

RATE_PER_SECOND: Final = 10.0
"""Of one number to telephones of Jamaica; to the US and Canada it is 1, of a short code 100 ("Rate limits")."""
CODES: Final[dict[int, Outcome]] = {
    20003: CREDENTIALS_REFUSED,
    **dict.fromkeys((20429, 14107, 21611, 30001, 30022), Retry("throttled", 1.0, everybody=True)),
    **dict.fromkeys((20500, 20503), Retry("provider trouble")),
    21610: Refused("opted out", "21610", gone=True),
    **{code: Refused("not a number for SMS", str(code), gone=True) for code in (21211, 21217, 21614, 21265)},
    30005: Refused("unknown number", "30005", gone=True),
    30006: Refused("landline", "30006", gone=True),
    30003: Refused("unreachable", "30003"),
    30007: Refused("filtered by a carrier", "30007"),
    21617: Refused("too long", "21617"),
    63016: Refused("outside WhatsApp's window", "63016"),
}
"""What Twilio's error codes mean, in its answers and in its statuses; any other is judged by its HTTP status."""


def outcome_of(reply: Reply) -> Outcome:
    """Judge Twilio's answer. Its own words are left out: they quote the address."""
    match reply.json():
        case {"sid": str(sid)} if reply.ok:
            return Sent(sid)
        case {"code": int(number)}:
            return CODES.get(number) or outcome_by_status(reply, str(number))
        case _:
            return outcome_by_status(reply)


class _NotTakenError(Exception):
    """Carries the outcome of a call past the library, which would put the address into its own exception."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("not taken")
        self.outcome = outcome


class _Transport(AsyncHttpClient):  # type: ignore[misc] # the library has no types
    """The library's requests, on our own client. Raises _NotTakenError for every answer but a good one."""

    def __init__(self, http: Http) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._http = http

    async def request(  # noqa: PLR0917 - the library's own signature
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,  # noqa: ARG002 - posting uses none
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - ours is in Http
        allow_redirects: bool = False,  # noqa: ARG002, FBT001, FBT002 - never
    ) -> Any:
        """Post a form. The library reads a few fields of the answer; all it gets is the message's id."""
        headers = dict(headers or {})
        if auth:
            headers["Authorization"] = "Basic " + b64encode(":".join(auth).encode()).decode()
        reply = await self._http.call(method, uri, body=urlencode(data or {}).encode(), headers=headers)
        outcome = outcome_of(reply) if isinstance(reply, Reply) else reply
        if not isinstance(outcome, Sent):
            raise _NotTakenError(outcome)
        return Response(HTTPStatus.CREATED, orjson.dumps({"sid": outcome.provider_id}).decode())


class Twilio:
    """Sends from `sender`: a number, or a messaging service (`MG...`), through `base_url` without a version.

    Delivery statuses come to `{public_url}/hooks/sms/status`. `rate_per_second` is what the sender may send: Twilio
    would queue the rest, for four hours and more than that refuse it, and what lies there cannot be called back.
    """

    def __init__(
        self,
        http: Http,
        base_url: str,
        account_sid: str,
        auth_token: str,
        *,
        sender: str,
        public_url: str,
        rate_per_second: float = RATE_PER_SECOND,
        outside: Http | None = None,
    ) -> None:
        self._http = http
        self._outside = outside or http
        self._messages_url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Messages"
        self._allowed = {"Authorization": "Basic " + b64encode(f"{account_sid}:{auth_token}".encode()).decode()}
        # An environment of its own, or the library would read edges and regions from the process's.
        self._client = Client(
            account_sid,
            auth_token,
            http_client=_Transport(http),
            environment={"TWILIO_EDGE": "", "TWILIO_REGION": ""},
        )
        self._client.api.base_url = base_url.rstrip("/")
        self.rate_per_second = rate_per_second
        origin = "messaging_service_sid" if sender.startswith("MG") else "from_"
        self._envelope = {origin: sender, "status_callback": f"{public_url.rstrip('/')}/hooks/sms/status"}

    async def send(self, address: str, text: str, key: str) -> Outcome:  # noqa: ARG002 - it takes no key
        """Send one text."""
        try:
            taken = await self._client.messages.create_async(to=address, body=text, **self._envelope)
        except _NotTakenError as refusal:
            return refusal.outcome
        return Sent(taken.sid)

    async def fetch(self, reference: str) -> bytes | Outcome:
        """Get a picture by the ids of its message and itself. Twilio sends on to where it lies, without our token."""
        message, _, medium = reference.partition("/")
        url = f"{self._messages_url}/{message}/Media/{medium}"
        reply = await self._http.call(
            "GET", url, headers=self._allowed, timeout_seconds=SECONDS, most_bytes=LARGEST_BYTES
        )
        if reply is TOO_LONG:
            return TOO_LARGE
        if not isinstance(reply, Reply):
            return Retry(reply.reason)
        if reply.ok:
            return reply.body or Retry("an empty file")
        if reply.status in _SENT_ON:
            place = reply.headers.get("Location", "")
            if is_same(place, self._messages_url):
                return await download(self._http, place)
            return await download(self._outside, place) if is_at(place, FILE_HOSTS) else ELSEWHERE
        outcome = outcome_of(reply)
        return GONE if isinstance(outcome, Refused) else outcome
