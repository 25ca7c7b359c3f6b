"""Sending through SendGrid's v3 API, and what its answers mean.

SendGrid takes no key of ours, so a mail that may have gone out can come twice. Its events find the mail by the
argument `pardna`, which is known before the call and holds no address.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from time import time
from typing import Any, Final

import orjson

from channels.base import Outcome, Refused, Retry, Sent
from channels.http import Http, Reply, outcome_by_status
from domain.messages import Attachment, Outgoing

OURS: Final = "pardna"
"""The custom argument that comes back with every event of a mail."""
NAME: Final = "Digital Pardna"
LARGEST_ATTACHED_BYTES: Final = 7 << 20
"""10 MB in base64: SendGrid takes 30 MB of a mail and advises less than 10, which is what mailboxes take."""
RATE_PER_SECOND: Final = 10.0
"""600 a minute, what SendGrid's interface takes where it says no more."""
_ADDRESS_FIELD: Final = ".to."
_LONGEST_WAIT_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is written. `stop_url` ends all mail to the address by one POST (RFC 8058)."""

    subject: str
    text: str
    html: str
    stop_url: str


Write = Callable[[str, Outgoing], Letter]
"""Writes a message to an address as a mail."""


def id_of(key: str) -> str:
    """Return by what the events of a mail find it; a key may hold an address, and this must not."""
    return sha256(key.encode()).hexdigest()[:32]


class Email:
    """Sends from one verified sender."""

    name = "email"

    def __init__(
        self,
        http: Http,
        base_url: str,
        api_key: str,
        sender: str,
        write: Write,
        *,
        rate_per_second: float = RATE_PER_SECOND,
    ) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/v3/mail/send"
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._sender = sender
        self._write = write
        self.rate_per_second = rate_per_second

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        """Send one mail. Raises ValueError for a text that is empty."""
        if not message.text.strip():
            raise ValueError("nobody needs an empty mail")
        body = orjson.dumps(payload_of(self._sender, address, message, self._write(address, message), id_of(key)))
        reply = await self._http.call("POST", self._url, body=body, headers=self._headers)
        return outcome_of(reply, id_of(key)) if isinstance(reply, Reply) else reply


def payload_of(sender: str, address: str, message: Outgoing, letter: Letter, ident: str) -> dict[str, Any]:
    """Return what SendGrid takes for one mail to one address."""
    attached = _fitting(message)
    return {
        "personalizations": [{"to": [{"email": address}], "custom_args": {OURS: ident}}],
        "from": {"email": sender, "name": NAME},
        "subject": letter.subject,
        "content": [{"type": "text/plain", "value": letter.text}, {"type": "text/html", "value": letter.html}],
        "headers": {
            "List-Unsubscribe": f"<{letter.stop_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
        # A tracked link goes by another host and shows who reads what: of pay pages that is nobody's business.
        "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
        **({"attachments": list(map(_attached, attached))} if attached else {}),
    }


def _fitting(message: Outgoing) -> list[Attachment]:
    """Return what is drawn and can be carried: what is left out is still found by the link in the text."""
    found, room = list[Attachment](), LARGEST_ATTACHED_BYTES
    for drawn in (message.attachment, message.beside):
        if drawn and 0 < len(drawn.content) <= room:
            found.append(drawn)
            room -= len(drawn.content)
    return found


def _attached(drawn: Attachment) -> dict[str, str]:
    content = base64.b64encode(drawn.content).decode()
    return {"content": content, "type": drawn.mime, "filename": drawn.name, "disposition": "attachment"}


def outcome_of(reply: Reply, ident: str) -> Outcome:
    """Judge SendGrid's answer: 202 says that it has the mail; its own words are left out."""
    if reply.status == HTTPStatus.ACCEPTED:
        return Sent(ident)
    outcome = outcome_by_status(reply)
    match outcome:
        case Refused() if reply.status == HTTPStatus.BAD_REQUEST and _blames_address(reply.json()):
            return Refused("not an address for mail", outcome.code, gone=True)
        case Retry() if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            return replace(outcome, after_seconds=max(outcome.after_seconds, _seconds_to_reset(reply.headers)))
        case _:
            return outcome


def _blames_address(answer: Mapping[str, Any]) -> bool:
    errors = answer.get("errors")
    named = [str(error.get("field")) for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return any(_ADDRESS_FIELD in field and field.endswith("email") for field in named)


def _seconds_to_reset(headers: Mapping[str, str]) -> float:
    """Return how long until SendGrid's limit begins anew, which it tells as a Unix time."""
    at = headers.get("X-RateLimit-Reset", "")
    return min(max(float(at) - time(), 0.0), _LONGEST_WAIT_SECONDS) if at.isascii() and at.isdigit() else 0.0
