"""The requests that are sent: whole HTTP/1.1 bytes, made and signed before the clock starts.

People write by turns, each his own copy of one script: what is measured is a conversation and not one word
said over and over. Message ids are unique over all runs, so that nothing is answered as a repeat.
"""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Sequence

from channels.rails.operator import sign

# The service under test is started with these, on loopback; they open nothing else.
APP_SECRET = "bench-app-secret"  # noqa: S105
VERIFY_TOKEN = "bench-verify-token"  # noqa: S105
CHAT_SETTINGS = {"WHATSAPP_APP_SECRET": APP_SECRET, "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN}
BANK_SECRET = "bench-bank-secret"  # noqa: S105
BANK_SETTINGS = {
    "NCB_HOOK_SECRET": BANK_SECRET,
    "NCB_ACCOUNT": "404044471",
    "NCB_HOLDER": "Bench Limited",
    "NCB_BRANCH": "Half Way Tree",
}

ONBOARDING = ("hello", "Marva Brown", "YES", "EN")
"""What a person who is new says until the menu stands: anything, the name, the consent, the language."""

CONVERSATION = ("MENU", "BALANCE", "CIRCLES", "HELP", "PAY", "BACK")
"""What a person who is known says, again and again."""

_ids = itertools.count(1)
_run = f"{time.time_ns():x}"


def turns(script: Sequence[str], people: int, count: int, start: int = 0) -> Iterator[tuple[int, str]]:
    """`count` (person, text) pairs: everybody says the script's first line, then everybody the next."""
    for n in range(start, start + count):
        line, person = divmod(n, people)
        yield person, script[line % len(script)]


def whatsapp(said: Iterable[tuple[int, str]]) -> list[bytes]:
    """One signed Cloud API web hook a message, in the vendor's documented shape."""
    return [_signed(person, text, next(_ids)) for person, text in said]


def whatsapp_named(said: Iterable[tuple[int, str]]) -> list[tuple[bytes, str]]:
    """As `whatsapp`, each with the id under which it will be known."""
    numbered = [(person, text, next(_ids)) for person, text in said]
    return [(_signed(*one), _wamid(one[2])) for one in numbered]


def telegram(said: Iterable[tuple[int, str]]) -> list[bytes]:
    """One Bot API update a message."""
    return [_update(person, text, next(_ids)) for person, text in said]


def bank(payments: Iterable[tuple[str, int]]) -> list[bytes]:
    """One signed call of the operator's service a payment: this receipt has come in, with so many cents."""
    return [_settled(receipt, cents) for receipt, cents in payments]


def wa_id(person: int) -> str:
    """The WhatsApp id of a person: a Jamaican number without its plus."""
    return f"1876{4_000_000 + person:07d}"


def _signed(person: int, text: str, number: int) -> bytes:
    sender = wa_id(person)
    message = {
        "from": sender,
        "id": _wamid(number),
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": text},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "18765550100", "phone_number_id": "106540352242922"},
        "contacts": [{"profile": {"name": "Marva"}, "wa_id": sender}],
        "messages": [message],
    }
    changes = [{"value": value, "field": "messages"}]
    body = _json({"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": changes}]})
    mac = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return _post("/hooks/whatsapp", body, f"X-Hub-Signature-256: sha256={mac}\r\n")


def _wamid(number: int) -> str:
    return f"wamid.bench.{_run}.{number}"


def _update(person: int, text: str, number: int) -> bytes:
    who = {"id": 5_550_000 + person, "is_bot": False, "first_name": "Marva", "language_code": "en"}
    chat = {"id": who["id"], "first_name": "Marva", "type": "private"}
    message: dict[str, object] = {
        "message_id": number,
        "from": who,
        "chat": chat,
        "date": int(time.time()),
        "text": text,
    }
    return _post("/hooks/telegram", _json({"update_id": number, "message": message}), "")


def _settled(receipt: str, cents: int) -> bytes:
    collection = {"id": f"ncb-{receipt}", "receipt": receipt, "amount": cents, "currency": "JMD"}
    body = _json({"id": f"evt.{receipt}", "type": "collection.settled", "data": collection})
    stamp = str(int(time.time()))
    return _post("/hooks/ncb", body, f"Pardna-Signature: t={stamp},v1={sign(BANK_SECRET, stamp, body)}\r\n")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _post(path: str, body: bytes, headers: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
