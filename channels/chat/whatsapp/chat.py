"""Sending through Meta, and what Meta's answers mean."""

from datetime import timedelta
from typing import Final

import orjson

from channels.base import Outcome, Rate, Refused, Retry, Sent, Unknown
from channels.chat.whatsapp.payload import payload_of
from channels.files import ELSEWHERE, GONE, LARGEST_BYTES, TOO_LARGE, download, is_at, is_same
from channels.forms import File, multipart
from channels.http import CREDENTIALS_REFUSED, CREDENTIALS_WAIT_SECONDS, Http, Reply, outcome_by_status
from domain.messages import Attachment, Outgoing

FILE_HOSTS: Final = ("fbsbx.com", "fbcdn.net", "facebook.com", "whatsapp.net")
"""Where Meta keeps what people send: as a rule lookaside.fbsbx.com."""
_HOUR_SECONDS = 3600.0
RATE_PER_SECOND: Final = 80.0
"""What a number may send and get in a second, until Meta raises it to a thousand ("Throughput")."""
PAIR: Final = Rate(6.0, 45)
"""One in six seconds to one person, 45 of them borrowed at once ("Pair rate limits")."""
UPLOAD_SECONDS: Final = 6.0
"""Of an upload, so that the message itself still has its time."""

CODES: Final[dict[int, Outcome]] = {
    **dict.fromkeys((4, 80007), Retry("throttled", 60.0, everybody=True)),
    **dict.fromkeys((131048, 133016), Retry("throttled", _HOUR_SECONDS)),
    130429: Retry("throttled", 1.0, everybody=True),
    131056: Retry("too many to one person", 6.0, growth=4.0),
    131049: Retry("not now", _HOUR_SECONDS),
    **dict.fromkeys((1, 2, 131000, 131016, 131053, 131057, 133004), Retry("provider trouble")),
    **dict.fromkeys((0, 3, 10, 190, *range(200, 300)), CREDENTIALS_REFUSED),
    **dict.fromkeys((368, 131031, 131042), Retry("account stopped", CREDENTIALS_WAIT_SECONDS, ours=True)),
    131026: Refused("not on WhatsApp", "131026", gone=True),
    131047: Refused("outside the 24 hours", "131047", shut=True),
    131050: Refused("opted out of messages", "131050", gone=True),
}
"""Meta's error codes ("Error codes" of the Cloud API); every other one is judged by its HTTP status."""


def outcome_of(reply: Reply) -> Outcome:
    """Judge Meta's answer. Its own words are left out: they quote the address."""
    match reply.json():
        case {"messages": [{"id": str(wamid)}, *_]} if reply.ok:
            return Sent(wamid)
        case {"error": {"code": int(number)}}:
            return CODES.get(number) or outcome_by_status(reply, str(number))
        case _:
            return outcome_by_status(reply)


class WhatsApp:
    """Sends through `base_url` (with the Graph version, without a slash at the end).

    `outside` gets files from wherever Meta keeps them, and never from within our own network.
    """

    name = "whatsapp"
    window = timedelta(hours=23, minutes=55)
    """Meta's 24 hours, less what a message may take on its way."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        token: str,
        phone_number_id: str,
        *,
        rate_per_second: float = RATE_PER_SECOND,
        outside: Http | None = None,
    ) -> None:
        self._http = http
        self._outside = outside or http
        self._base = base_url.rstrip("/")
        self._number_id = phone_number_id
        self._url = f"{self._base}/{phone_number_id}/messages"
        self._media_url = f"{self._base}/{phone_number_id}/media"
        self._allowed = {"Authorization": f"Bearer {token}"}
        self.rate_per_second = rate_per_second

    def rate_to(self, address: str) -> Rate:  # noqa: ARG002 - it is the same for all
        """Return Meta's rate of a pair of numbers."""
        return PAIR

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:  # noqa: ARG002 - Meta takes no key
        """Send one message, its picture or document uploaded first.

        An upload that comes to nothing is tried again whole: nobody has seen it. One that Meta refuses for good is
        left out, and the words go alone. Raises ValueError for what cannot be shown (see `payload_of`).
        """
        media_id = ""
        if message.attachment and message.attachment.content:
            uploaded = await self._upload(message.attachment)
            if isinstance(uploaded, Retry):
                return uploaded
            media_id = uploaded
        body = orjson.dumps(payload_of(address, message, media_id))
        headers = self._allowed | {"Content-Type": "application/json"}
        match await self._http.call("POST", self._url, body=body, headers=headers):
            case Reply() as reply:
                return outcome_of(reply)
            case Retry() | Unknown() as trouble:
                return trouble

    async def fetch(self, reference: str) -> bytes | Outcome:
        """Ask Meta where a file lies, which holds for minutes, and get it from there; the token goes to Meta alone."""
        url = f"{self._base}/{reference}?phone_number_id={self._number_id}"
        reply = await self._http.call("GET", url, headers=self._allowed)
        if not isinstance(reply, Reply):
            return Retry(reply.reason)
        match reply.json():
            case {"file_size": int(size), "url": str()} if size > LARGEST_BYTES:
                return TOO_LARGE
            case {"url": str(place)} if reply.ok and is_same(place, self._base):
                return await download(self._http, place, self._allowed)
            case {"url": str(place)} if reply.ok:
                return await download(self._outside, place, self._allowed) if is_at(place, FILE_HOSTS) else ELSEWHERE
        outcome = outcome_of(reply)
        return GONE if isinstance(outcome, Refused) else outcome

    async def _upload(self, attached: Attachment) -> str | Retry:
        """Upload a file; returns Meta's id of it, "" for one that Meta will never take."""
        file = File(attached.name, attached.mime, attached.content)
        body, kind = multipart({"messaging_product": "whatsapp", "type": attached.mime}, {"file": file})
        headers = self._allowed | {"Content-Type": kind}
        reply = await self._http.call(
            "POST", self._media_url, body=body, headers=headers, timeout_seconds=UPLOAD_SECONDS
        )
        if not isinstance(reply, Reply):
            return Retry(f"upload: {reply.reason}")
        if reply.ok and isinstance(media_id := reply.json().get("id"), str):
            return media_id
        match outcome_of(reply):
            case Refused():
                return ""
            case Retry() as retry:
                return retry
            case outcome:
                return Retry(f"upload: {outcome.reason}" if isinstance(outcome, Unknown) else "upload: strange answer")
