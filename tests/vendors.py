"""Web hook calls as the vendors make them: raw, signed bytes in their documented shapes.

    call = whatsapp_text("+18765550101", "PAY 5000")
    await call.post(session, "http://127.0.0.1:8080")      # a repeat is the same call posted again

Each function returns a `Call(path, headers, body)` with fresh ids. `SETTINGS` are the secrets that they sign
with, by the names of the service's environment.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from secrets import randbelow, token_hex
from typing import Any
from urllib.parse import urlencode

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from channels.base import HookRequest

SETTINGS = {
    "PUBLIC_URL": "https://pardna.example",
    "WHATSAPP_TOKEN": "EAAGm0PX4ZCpsBAtest",
    "WHATSAPP_PHONE_NUMBER_ID": "106540352242922",
    "WHATSAPP_APP_SECRET": "whatsapp-app-secret",
    "WHATSAPP_VERIFY_TOKEN": "whatsapp-verify-token",
    "TWILIO_ACCOUNT_SID": "AC0123456789abcdef0123456789abcdef",
    "TWILIO_AUTH_TOKEN": "twilio-auth-token",
    "TWILIO_FROM": "+18765550199",
    "TELEGRAM_TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "TELEGRAM_WEBHOOK_SECRET": "telegram-webhook-secret",
    "STRIPE_WEBHOOK_SECRET": "whsec_test_secret",
}
SMSGATE = {
    "SMSGATE_USER": "EUR5RT",
    "SMSGATE_PASSWORD": "sms-gate-password",
    "SMSGATE_TOKEN": "eyJhbGciOiJIUzI1NiJ9.sms-gate.token",
    "SMSGATE_SIGNING_KEY": "sms-gate-signing-key",
    "SMSGATE_NUMBER": "+18765550198",
}
"""Those of a phone with a local SIM, for who has one."""
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SENDGRID = {
    "SENDGRID_API_KEY": "SG.test-key.of-nobody",
    "SENDGRID_FROM": "pardna@pardna.example",
    "SENDGRID_WEBHOOK_PUBLIC_KEY": base64.b64encode(
        SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode(),
}
"""Those of e-mail."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a vendor, ready to be made as often as it likes."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    query: dict[str, str] = field(default_factory=dict)

    def fresh(self) -> "Call":
        """The same call, signed now where the signature is good for minutes only: a test may wait long for its turn."""
        if self.path == "/hooks/smsgate":
            return smsgate_signed(self.body)
        if self.path == "/hooks/sendgrid":
            return sendgrid_signed(self.body)
        return stripe_signed(self.body) if self.path == "/hooks/stripe" else self

    def request(self, **changed: Any) -> HookRequest:
        """As an adapter gets it; `headers` and `body` may be replaced."""
        headers = {name.lower(): value for name, value in changed.get("headers", self.headers).items()}
        path_qs = self.path + ("?" + urlencode(self.query) if self.query else "")
        return HookRequest(self.method, path_qs, headers, self.query, changed.get("body", self.body))

    async def post(self, session: aiohttp.ClientSession, base_url: str) -> int:
        """Make the call; returns the status of the answer."""
        url = base_url.rstrip("/") + self.path
        async with session.request(
            self.method, url, params=self.query, data=self.body, headers=self.headers
        ) as response:
            await response.read()
            return response.status


# --- WhatsApp -------------------------------------------------------------------------------------


def whatsapp_text(number: str, text: str, *, name: str = "", wamid: str = "") -> Call:
    """A person writes. `number` is E.164 with `+`."""
    return _whatsapp_message(number, {"type": "text", "text": {"body": text}}, name, wamid)


def whatsapp_button(number: str, choice: str, title: str = "", *, name: str = "", wamid: str = "") -> Call:
    """A person taps a reply button with our id `choice`."""
    reply = {"type": "button_reply", "button_reply": {"id": choice, "title": title or choice}}
    return _whatsapp_message(number, {"type": "interactive", "interactive": reply}, name, wamid)


def whatsapp_quick_reply(number: str, choice: str, title: str = "", *, name: str = "", wamid: str = "") -> Call:
    """A person taps a button below a template."""
    return _whatsapp_message(
        number, {"type": "button", "button": {"payload": choice, "text": title or choice}}, name, wamid
    )


def whatsapp_row(number: str, choice: str, title: str = "", *, name: str = "", wamid: str = "") -> Call:
    """A person picks a row of a list."""
    reply = {"type": "list_reply", "list_reply": {"id": choice, "title": title or choice, "description": ""}}
    return _whatsapp_message(number, {"type": "interactive", "interactive": reply}, name, wamid)


def whatsapp_image(number: str, caption: str = "", *, name: str = "", wamid: str = "") -> Call:
    """A person sends a picture."""
    image = {
        "mime_type": "image/jpeg",
        "sha256": base64.b64encode(b"0" * 32).decode(),
        "id": "1013859600285441",
    }
    image |= {"caption": caption} if caption else {}
    return _whatsapp_message(number, {"type": "image", "image": image}, name, wamid)


def whatsapp_status(number: str, wamid: str, status: str, *, code: int = 0) -> Call:
    """Meta tells how far a message of ours got: sent, delivered, read, failed (with `code`)."""
    seen: dict[str, Any] = {
        "id": wamid,
        "status": status,
        "timestamp": str(int(time.time())),
        "recipient_id": number.removeprefix("+"),
    }
    if code:
        seen["errors"] = [{"code": code, "title": "Message undeliverable", "message": "Message undeliverable"}]
    return whatsapp({"statuses": [seen]})


def whatsapp(*values: Mapping[str, Any], secret: str = SETTINGS["WHATSAPP_APP_SECRET"]) -> Call:
    """Sign a batch; each of `values` is a change's value without the parts that are always the same."""
    same = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "18765550100",
            "phone_number_id": SETTINGS["WHATSAPP_PHONE_NUMBER_ID"],
        },
    }
    changes = [{"value": {**same, **value}, "field": "messages"} for value in values]
    batch = {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": changes}]}
    return whatsapp_signed(json.dumps(batch).encode(), secret)


def whatsapp_signed(body: bytes, secret: str = SETTINGS["WHATSAPP_APP_SECRET"]) -> Call:
    """Sign any bytes as Meta would."""
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Call("/hooks/whatsapp", {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}, body)


def whatsapp_subscribe(challenge: str, *, token: str = SETTINGS["WHATSAPP_VERIFY_TOKEN"]) -> Call:
    """Meta checks that the hook is ours."""
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": challenge}
    return Call("/hooks/whatsapp", {}, b"", "GET", query)


def whatsapp_message(number: str, said: Mapping[str, Any], *, wamid: str = "") -> dict[str, Any]:
    """One element of `messages`."""
    sender = number.removeprefix("+")
    stamp = str(int(time.time()))
    return {"from": sender, "id": wamid or f"wamid.{token_hex(16)}", "timestamp": stamp, **said}


def _whatsapp_message(number: str, said: Mapping[str, Any], name: str, wamid: str) -> Call:
    contact = {"profile": {"name": name or "Person"}, "wa_id": number.removeprefix("+")}
    return whatsapp({"contacts": [contact], "messages": [whatsapp_message(number, said, wamid=wamid)]})


# --- SMS by Twilio --------------------------------------------------------------------------------


def sms_form(number: str, text: str, *, sid: str = "", public_url: str = SETTINGS["PUBLIC_URL"], **fields: str) -> Call:
    """A person texts. Further form fields by name (`NumMedia="1"`)."""
    sid = sid or f"SM{token_hex(16)}"
    form = {
        "ToCountry": "JM",
        "MessageSid": sid,
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "AccountSid": SETTINGS["TWILIO_ACCOUNT_SID"],
        "From": number,
        "To": SETTINGS["TWILIO_FROM"],
        "Body": text,
        "NumMedia": "0",
        "NumSegments": "1",
        "FromCity": "",
        "ApiVersion": "2010-04-01",
    }
    return twilio_signed("/hooks/sms", form | fields, public_url)


def sms_status(number: str, sid: str, status: str, *, code: str = "", public_url: str = SETTINGS["PUBLIC_URL"]) -> Call:
    """Twilio tells how far a text of ours got: sent, delivered, undelivered, failed (with `code`)."""
    form = {
        "MessageSid": sid,
        "MessageStatus": status,
        "AccountSid": SETTINGS["TWILIO_ACCOUNT_SID"],
        "From": SETTINGS["TWILIO_FROM"],
        "To": number,
        "ApiVersion": "2010-04-01",
    }
    return twilio_signed("/hooks/sms/status", form | ({"ErrorCode": code} if code else {}), public_url)


def twilio_signed(
    path: str,
    form: Mapping[str, str],
    public_url: str = SETTINGS["PUBLIC_URL"],
    token: str = SETTINGS["TWILIO_AUTH_TOKEN"],
) -> Call:
    """Sign a form as Twilio would: the public URL, then every field in order of its name."""
    signed = public_url.rstrip("/") + path + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return Call(path, headers, urlencode(form).encode())


# --- SMS by a phone with a local SIM (SMSGate) ------------------------------------------------------


def smsgate_sms(number: str, text: str, *, event_id: str = "", late_seconds: int = 0) -> Call:
    """A person texts the SIM; the phone tells it so much later."""
    received = {"message": text, "receivedAt": _device_time(late_seconds)}
    return smsgate_event("sms:received", _received(number, text) | received, event_id=event_id)


def smsgate_mms(number: str, text: str = "", *, event_id: str = "") -> Call:
    """A person sends the SIM a picture, and the phone has fetched it."""
    picture = {"partId": 1, "contentType": "image/jpeg", "name": "slip.jpg", "data": "AAAA", "size": 3}
    fetched = {"subject": None, "body": text or None, "attachments": [picture], "receivedAt": _device_time(0)}
    return smsgate_event("mms:downloaded", _received(number, text) | fetched, event_id=event_id)


def smsgate_status(number: str, message_id: str, state: str, *, reason: str = "", event_id: str = "") -> Call:
    """The phone tells how far a message of ours got: sent, delivered, failed (with a `reason`)."""
    about: dict[str, Any] = {
        "messageId": message_id,
        "phoneNumber": number,
        "sender": SMSGATE["SMSGATE_NUMBER"],
        "recipient": number,
        "simNumber": None,
        f"{state}At": _device_time(0),
    }
    if state == "sent":
        about["partsCount"] = 1
    return smsgate_event(f"sms:{state}", about | ({"reason": reason} if reason else {}), event_id=event_id)


def smsgate_ping(*, battery: int = 94, health: str = "pass", event_id: str = "") -> Call:
    """The phone says that it is alive."""
    level = {"description": "Battery level in percent", "observedUnit": "percent", "observedValue": battery}
    online = {"description": "Internet connection status", "observedUnit": "Yes/No", "observedValue": 1}
    checks = {"battery:level": level | {"status": "pass"}, "connection:status": online | {"status": "pass"}}
    said = {"checks": checks, "releaseId": 1, "status": health, "version": "1.0.0"}
    return smsgate_event("system:ping", {"health": said}, event_id=event_id)


def smsgate_event(event: str, payload: Mapping[str, Any], *, event_id: str = "", stamp: int = 0) -> Call:
    """Put what happened into the phone's envelope, signed at `stamp` (now)."""
    envelope = {
        "deviceId": "ffffffffceb0b1db0000018e937c815b",
        "event": event,
        "id": event_id or token_hex(10),
        "payload": dict(payload),
        "webhookId": f"pardna-{event.replace(':', '-')}",
    }
    return smsgate_signed(json.dumps(envelope).encode(), stamp)


def smsgate_signed(body: bytes, stamp: int = 0, key: str = SMSGATE["SMSGATE_SIGNING_KEY"]) -> Call:
    """Sign any bytes as the phone would: the body as it is, and the seconds behind it."""
    seconds = str(stamp or int(time.time()))
    signature = hmac.new(key.encode(), body + seconds.encode(), hashlib.sha256).hexdigest()
    headers = {"X-Signature": signature, "X-Timestamp": seconds, "Content-Type": "application/json"}
    return Call("/hooks/smsgate", headers, body)


def _received(number: str, text: str) -> dict[str, Any]:
    return {
        "messageId": hashlib.md5(f"{number}{text}".encode(), usedforsecurity=False).hexdigest()[:8],
        "sender": number,
        "recipient": SMSGATE["SMSGATE_NUMBER"],
        "phoneNumber": number,
        "simNumber": 1,
    }


def _device_time(late_seconds: int) -> str:
    at = datetime.fromtimestamp(time.time() - late_seconds, timezone(timedelta(hours=-5)))
    return at.isoformat(timespec="milliseconds")


# --- e-mail by SendGrid -----------------------------------------------------------------------------


def sendgrid_event(address: str, ident: str, kind: str, *, event_id: str = "", **more: str) -> dict[str, Any]:
    """What became of a mail: processed, delivered, bounce, dropped, ... `ident` is our argument `pardna`."""
    same = {"email": address, "event": kind, "sg_event_id": event_id or token_hex(16), "timestamp": int(time.time())}
    return {**same, "sg_message_id": f"{token_hex(11)}.filter0001", "pardna": ident, **more}


def sendgrid_events(*events: Mapping[str, Any], stamp: int = 0) -> Call:
    """Sign a batch of events."""
    return sendgrid_signed(json.dumps(events).encode(), stamp)


def sendgrid_signed(body: bytes, stamp: int = 0, key: ec.EllipticCurvePrivateKey = SENDGRID_KEY) -> Call:
    """Sign any bytes as SendGrid would: the stamp and the body behind it."""
    seconds = str(stamp or int(time.time()))
    signature = base64.b64encode(key.sign(seconds.encode() + body, ec.ECDSA(SHA256()))).decode()
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": seconds,
        "Content-Type": "application/json",
    }
    return Call("/hooks/sendgrid", headers, body)


# --- Telegram -------------------------------------------------------------------------------------


def telegram_text(chat_id: int, text: str, *, name: str = "", update_id: int = 0) -> Call:
    """A person writes in a private chat."""
    return telegram_message(chat_id, {"text": text}, name=name, update_id=update_id)


def telegram_callback(chat_id: int, choice: str, *, label: str = "", name: str = "", update_id: int = 0) -> Call:
    """A person taps a key of ours with the data `choice`."""
    keys = [[{"text": label or choice, "callback_data": choice}]]
    bot = {"id": 110201543, "is_bot": True, "first_name": "Pardna", "username": "PardnaBot"}
    shown = _telegram_message(chat_id, bot, {"text": "Choose", "reply_markup": {"inline_keyboard": keys}})
    query = {
        "id": str(randbelow(1 << 62)),
        "from": telegram_person(chat_id, name),
        "message": shown,
        "chat_instance": str(randbelow(1 << 62)),
        "data": choice,
    }
    return telegram({"callback_query": query}, update_id)


def telegram_message(chat_id: int, said: Mapping[str, Any], *, name: str = "", update_id: int = 0) -> Call:
    """A person sends anything else, such as `{"contact": {...}}`."""
    return telegram({"message": _telegram_message(chat_id, telegram_person(chat_id, name), said)}, update_id)


def telegram_blocked(chat_id: int, *, name: str = "", update_id: int = 0) -> Call:
    """A person blocks the bot."""
    bot = {"id": 110201543, "is_bot": True, "first_name": "Pardna", "username": "PardnaBot"}
    change = {
        "chat": {"id": chat_id, "type": "private", "first_name": name or "Person"},
        "from": telegram_person(chat_id, name),
        "date": int(time.time()),
        "old_chat_member": {"user": bot, "status": "member"},
        "new_chat_member": {"user": bot, "status": "kicked", "until_date": 0},
    }
    return telegram({"my_chat_member": change}, update_id)


def telegram(update: Mapping[str, Any], update_id: int = 0) -> Call:
    """Put an update under the secret."""
    body = {"update_id": update_id or randbelow(1 << 31), **update}
    headers = {
        "X-Telegram-Bot-Api-Secret-Token": SETTINGS["TELEGRAM_WEBHOOK_SECRET"],
        "Content-Type": "application/json",
    }
    return Call("/hooks/telegram", headers, json.dumps(body).encode())


def telegram_person(chat_id: int, name: str = "") -> dict[str, Any]:
    """The `from` of a person; in a private chat the chat's id is the person's."""
    return {"id": chat_id, "is_bot": False, "first_name": name or "Person", "language_code": "en"}


def _telegram_message(chat_id: int, sender: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message_id": randbelow(1 << 31),
        "from": dict(sender),
        "chat": {"id": chat_id, "type": "private", "first_name": "Person"},
        "date": int(time.time()),
        **said,
    }


# --- Stripe ---------------------------------------------------------------------------------------


def stripe_event(kind: str, thing: Mapping[str, Any], *, event_id: str = "", stamp: int = 0, secret: str = "") -> Call:
    """An event such as `checkout.session.completed` about the object `thing`, signed at `stamp` (now)."""
    stamp = stamp or int(time.time())
    event = {
        "id": event_id or f"evt_{token_hex(12)}",
        "object": "event",
        "api_version": "2026-10-28",
        "created": stamp,
        "type": kind,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": dict(thing)},
    }
    return stripe_signed(json.dumps(event).encode(), stamp, secret)


def stripe_signed(body: bytes, stamp: int = 0, secret: str = "") -> Call:
    """Sign any bytes as Stripe would."""
    stamp = stamp or int(time.time())
    key = (secret or SETTINGS["STRIPE_WEBHOOK_SECRET"]).encode()
    signature = hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json"}
    return Call("/hooks/stripe", headers, body)
