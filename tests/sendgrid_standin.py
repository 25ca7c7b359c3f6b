"""A stand-in for SendGrid: `POST /v3/mail/send` of one account with one verified sender.

It refuses what SendGrid's reference names as errors of this call, each in its array `errors`. What it takes it says
nothing of but 202; `tests.vendors.sendgrid_*` tells what became of a mail.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from tests.meters import Meter, Window
from tests.standins import Heard, RefusedError, Sent, Standin
from tests.vendors import SENDGRID

MOST_RECIPIENTS = 1000
ORDER = ("text/plain", "text/html")
"""The order in which kinds of content must stand."""
RESERVED = frozenset({
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-transfer-encoding", "content-type", "to", "from",
    "subject", "reply-to", "cc", "bcc",
})  # fmt: skip
_ADDRESS = re.compile(r"[^@\s<>]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class SendGridStandin(Standin):
    """Takes mails. What is heard is the plain text above the signature, as mail programs show it."""

    _counted: Meter | None = None

    def enforce(self, speed: float = 1.0, per_second: float = 10.0) -> None:
        """Count as where SendGrid says no more: 600 a minute ("Rate limits"), `speed` times as fast."""
        self._counted = Window(int(60 * per_second), 60 / speed)

    @property
    def api_url(self) -> str:
        """For SENDGRID_API_URL."""
        return self.url

    def routes(self) -> Iterable[web.RouteDef]:
        """One method."""
        return [web.post("/v3/mail/send", self._send)]

    def throttled(self) -> tuple[int, Mapping[str, Any]]:
        """SendGrid's own."""
        return 429, _errors("too many requests", None)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        mail = _read(await request.read())
        address = _first_address(mail)

        def take() -> Mapping[str, Any]:
            if request.headers.get("Authorization") != f"Bearer {SENDGRID['SENDGRID_API_KEY']}":
                raise RefusedError(401, _errors("The provided authorization grant is invalid, expired, or revoked"))
            if request.content_type != "application/json":
                raise RefusedError(415, _errors("Content-Type should be application/json."))
            check(mail)
            self.arrived()
            if self._counted and self._counted.take("", self.now()):
                raise RefusedError(*self.throttled())
            said = mail["content"][0]["value"].partition("\n-- \n")[0].rstrip("\n")
            ident = mail["personalizations"][0].get("custom_args", {}).get("pardna", "")
            self.heard.append(Heard(address, said, (), ident, mail, _file(mail)))
            return {}

        return await self.answer(request, address, take, 202)


def check(mail: Mapping[str, Any]) -> None:
    """Check a mail as SendGrid does. Raises RefusedError."""
    groups = mail.get("personalizations")
    _must(isinstance(groups, list) and 1 <= len(groups) <= MOST_RECIPIENTS, "personalizations", "at least one")
    everybody = [_recipients(group, place) for place, group in enumerate(groups or [])]
    _must(sum(map(len, everybody)) <= MOST_RECIPIENTS, "personalizations", "a limit of 1000 total recipients")
    sender = mail.get("from", {}).get("email", "")
    _must(_ADDRESS.fullmatch(sender) is not None, "from.email", "Does not contain a valid address.")
    if sender != SENDGRID["SENDGRID_FROM"]:
        words = "The from address does not match a verified Sender Identity. Mail cannot be sent until it does."
        raise RefusedError(403, _errors(words, "from"))
    subject = mail.get("subject")
    _must(isinstance(subject, str) and len(subject) > 0, "subject", "The subject is required.")
    _must(not re.search(r"[\r\n]", str(subject)), "subject", "no CR or LF")
    _check_content(mail.get("content"))
    for name, value in mail.get("headers", {}).items():
        _must(name.isascii() and name.lower() not in RESERVED, f"headers.{name}", "reserved")
        _must(isinstance(value, str) and not re.search(r"[\r\n]", value), f"headers.{name}", "a string")
    for place, part in enumerate(mail.get("attachments", [])):
        _check_attachment(part, f"attachments.{place}")


def _recipients(group: Mapping[str, Any], place: int) -> list[str]:
    at = f"personalizations.{place}"
    to = group.get("to")
    _must(isinstance(to, list) and len(to) > 0, f"{at}.to", "The to array is required for all personalization objects")
    named: list[str] = []
    for kind in ("to", "cc", "bcc"):
        for number, one in enumerate(group.get(kind, [])):
            address = str(one.get("email", ""))
            _must(_ADDRESS.fullmatch(address) is not None, f"{at}.{kind}.{number}.email", "not a valid address")
            named.append(address.lower())
    _must(len(set(named)) == len(named), at, "Each email address in the personalization block should be unique")
    extra = group.get("custom_args", {})
    _must(all(isinstance(value, str) for value in extra.values()), f"{at}.custom_args", "strings")
    _must(len(json.dumps(extra)) < 10_000, f"{at}.custom_args", "less than 10,000 bytes")
    return named


def _check_content(content: object) -> None:
    _must(isinstance(content, list) and len(content) > 0, "content", "The content parameter is required.")
    assert isinstance(content, list)
    for place, part in enumerate(content):
        value = part.get("value")
        _must(isinstance(value, str) and len(value) > 0, f"content.{place}.value", "at least one character in length")
    kinds = [part.get("type") for part in content]
    ordered = sorted(kinds, key=lambda kind: ORDER.index(kind) if kind in ORDER else len(ORDER))
    _must(kinds == ordered, "content", "If present, text/plain and text/html may only be provided in that order.")


def _check_attachment(part: Mapping[str, Any], at: str) -> None:
    try:
        kept = base64.b64decode(part.get("content", ""), validate=True)
    except binascii.Error:
        kept = b""
    _must(len(kept) > 0, f"{at}.content", "The attachment content must be base64 encoded.")
    _must(re.fullmatch(r"[^;\r\n]+", part.get("type", "x")) is not None, f"{at}.type", "no ; CR or LF")
    _must(re.fullmatch(r"[^\r\n]+", part.get("filename", "")) is not None, f"{at}.filename", "required")
    _must(part.get("disposition", "attachment") in {"inline", "attachment"}, f"{at}.disposition", "inline, attachment")


def _read(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _first_address(mail: Mapping[str, Any]) -> str:
    match mail:
        case {"personalizations": [{"to": [{"email": str(address)}, *_]}, *_]}:
            return address
        case _:
            return ""


def _file(mail: Mapping[str, Any]) -> Sent | None:
    part = next(iter(mail.get("attachments", [])), None)
    return Sent(part["filename"], part["type"], base64.b64decode(part["content"])) if part else None


def _must(holds: bool, field: str, words: str) -> None:
    if not holds:
        raise RefusedError(400, _errors(words, field))


def _errors(words: str, field: str | None = None) -> dict[str, Any]:
    return {"errors": [{"message": words, "field": field, "help": None}]}
