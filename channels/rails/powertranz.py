"""PowerTranz: card pages for merchants of NCB and Scotiabank.

The card is typed on the gateway's own page, never on ours. Its token lives five minutes, so the page is opened when
the payer presses the button (`open_page`), not when the payment is made. The page calls back through the payer's
browser, unsigned (`PowerTranzHook`): the call is a hint that a token may be used, and only what the gateway itself
answers to that token (`capture`) is believed. Nothing here logs a token, a password or a card.

Shapes: PowerTranz's guide to its hosted page (SPI-HPP) and support.fac.bm, "Auth/Sale API". Not tried against the
live gateway.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from html import escape
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from channels.base import Answer, HookRequest, Outcome, Plain, Refused, Retry, Sent, Unknown, Unreadable
from channels.checks import is_id
from channels.http import Http, Reply, outcome_by_status
from domain.codes import normalise_code
from domain.messages import Filed

NAME: Final = "powertranz"
NUMBERS: Final[Mapping[str, str]] = {"JMD": "388", "USD": "840"}
"""ISO 4217, as the gateway writes currencies."""
_LETTERS: Final = {number: letters for letters, number in NUMBERS.items()}
APPROVED: Final = "00"
ALLOWED: Final = frozenset({"HP0", "3D0"})
"""The page has the card; the bank knows its holder."""
MOST_FIELDS: Final = 50
PAGE_SECONDS: Final = 8.0
"""A person waits in front of an empty screen."""


class PowerTranzRail(Plain):
    """Orders are `{amount, currency, receipt}` beside what each act names; `amount` in minor units.

    `base_url` ends in `/api`; `hook_url` is our `/hooks/ncb` or `/hooks/scotia`; the hosted page is the one of the
    merchant portal.
    """

    name = NAME

    def __init__(
        self,
        http: Http,
        base_url: str,
        merchant_id: str,
        password: str,
        *,
        hook_url: str,
        page_set: str,
        page_name: str,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._headers = {
            "PowerTranz-PowerTranzId": merchant_id,
            "PowerTranz-PowerTranzPassword": password,
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "application/json",
        }
        self._page = {"HostedPage": {"PageSet": page_set, "PageName": page_name}, "MerchantResponseUrl": hook_url}

    async def collect(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Give our own pay page as the link: the gateway is asked when its button is pressed."""
        return Sent(str(transaction_id(key)), {"link": order["link"]})

    async def open_page(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Have the gateway prepare a card page. `html` in the detail is what the payer's browser is to be shown.

        No money moves. Each opening has a `key` of its own: a page that was left cannot be opened again.
        """
        body = {
            "TransactionIdentifier": str(transaction_id(key)),
            **_money(order),
            "ThreeDSecure": True,
            "OrderIdentifier": order["receipt"],
            "AddressMatch": False,
            "ExtendedData": self._page,
        }
        reply = await self._post("/spi/sale", body, PAGE_SECONDS)
        if not isinstance(reply, Reply):
            return reply
        match _read(reply):
            case {"IsoResponseCode": "SP4", "RedirectData": str(html)} as said if html:
                return Sent(str(said.get("TransactionIdentifier", "")), {"html": html})
            case {} as said if reply.ok and "IsoResponseCode" in said:
                return Refused("the gateway opens no card page", str(said["IsoResponseCode"]))
            case _:
                return _trouble(reply)

    async def capture(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Take the money that a token stands for: `settled`, with amount and currency, when the gateway says so.

        A decline of this very order is Refused. A token that the gateway does not know, or that belongs to another
        order, ends nothing: whoever saw the callback could have made it up. Then it is Sent without `settled`, and
        what the gateway did take is told as an event with the amount, currency and receipt that it names.
        No answer is Unknown. Repeating is harmless: the gateway uses a token up once.
        """
        reply = await self._post("/spi/payment", order["spi_token"])
        if not isinstance(reply, Reply):
            return reply
        said = _read(reply)
        if said.get("Approved") is True and said.get("IsoResponseCode") == APPROVED:
            return _taken(said, order, key)
        if said.get("Approved") is False and said.get("OrderIdentifier") == order["receipt"]:
            return Refused("declined", str(said.get("IsoResponseCode", "")))
        if said and reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and reply.status not in _OUR_FAULT:
            return _nothing(order, key)
        return _trouble(reply)

    async def refund(self, order: Mapping[str, Any], key: str) -> Outcome:
        """Give a payment back, whole or in part, by the `provider_ref` of its sale. The gateway says so at once."""
        body = {
            "Refund": True,
            "TransactionIdentifier": order["provider_ref"],
            "ExternalIdentifier": str(transaction_id(key)),
            **_money(order),
        }
        reply = await self._post("/refund", body)
        if not isinstance(reply, Reply):
            return reply
        match _read(reply):
            case {"Approved": True, "IsoResponseCode": "00"} as said:
                return Sent(str(said.get("TransactionIdentifier") or transaction_id(key)), {"settled": True})
            case {"Approved": False, "IsoResponseCode": str(code)}:
                return Refused("the gateway gives nothing back", code)
            case _:
                return _trouble(reply)

    async def check(self) -> list[str]:
        """Return what is wrong with the gateway, in words that say what to do; empty when it answers."""
        reply = await self._http.call("GET", f"{self._base_url}/alive", headers=self._headers)
        if not isinstance(reply, Reply):
            return [f"PowerTranz cannot be asked ({reply.reason}): check POWERTRANZ_API_URL and the network"]
        if reply.status in _OUR_FAULT:
            return ["PowerTranz refuses POWERTRANZ_ID and POWERTRANZ_PASSWORD: copy both from the merchant portal"]
        if not reply.ok:
            return [f"PowerTranz answers {reply.status}: POWERTRANZ_API_URL must end in /api"]
        return []

    async def _post(self, path: str, body: object, timeout_seconds: float | None = None) -> Reply | Retry | Unknown:
        return await self._http.call(
            "POST",
            self._base_url + path,
            body=orjson.dumps(body),
            headers=self._headers,
            timeout_seconds=timeout_seconds,
        )


class PowerTranzHook:
    """The card page's callback, `POST /hooks/ncb` or `/hooks/scotia`: form-encoded, `Response` in JSON, unsigned.

    It comes by the payer's own browser, which is sent on to `thanks_url` (the same page for everybody).
    """

    def __init__(self, thanks_url: str) -> None:
        url = escape(thanks_url)
        going = f'<meta http-equiv="refresh" content="0;url={url}">'
        self._thanks = f'<!doctype html>{going}<title>Card</title><a href="{url}">Go on</a>'

    def receive(self, request: HookRequest) -> Answer:
        """File that a token may be used, once a token; a page that was left or failed changes nothing."""
        said = _response(request.body)
        receipt, token = normalise_code(str(said.get("OrderIdentifier", ""))), said.get("SpiToken")
        if receipt is None or not receipt.startswith("R-"):
            raise Unreadable("no order of ours")
        if said.get("IsoResponseCode") not in ALLOWED:
            return Answer((), self._thanks, "text/html")
        if not is_id(token):
            raise Unreadable("no token")
        mark = hashlib.sha256(str(token).encode()).hexdigest()[:32]
        body = {"kind": "card_back", "carrier": NAME, "receipt": receipt, "spi_token": token}
        arrival = Filed(NAME, f"back:{receipt}:{mark}", f"payment:{receipt}", "event", body)
        return Answer((arrival,), self._thanks, "text/html", unsigned=True)


_OUR_FAULT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def transaction_id(key: str) -> UUID:
    """Return the gateway's identifier for a key of ours; the same for the same key."""
    return uuid5(NAMESPACE_URL, f"pardna:{key}")


def _money(order: Mapping[str, Any]) -> dict[str, object]:
    """Write an amount as the gateway wants it: a JSON number with two decimals, and the currency's number."""
    major, cents = divmod(int(order["amount"]), 100)
    number = orjson.Fragment(f"{major}.{cents:02d}".encode())
    return {"TotalAmount": number, "CurrencyCode": NUMBERS[order["currency"]]}


def _minor(value: object) -> int | None:
    """Read an amount exactly; None for what is none, or holds a part of a cent."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        minor = Decimal(value) * 100
        return int(minor) if minor == minor.to_integral_value() else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _read(reply: Reply) -> dict[str, Any]:
    """Read an answer's JSON with its amounts exact; an empty one for anything else."""
    try:
        value = json.loads(reply.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _taken(said: Mapping[str, Any], order: Mapping[str, Any], key: str) -> Outcome:
    """Judge an approval: of this order as it was asked for, or else what it says that was taken."""
    sale, currency = said.get("TransactionIdentifier"), _LETTERS.get(str(said.get("CurrencyCode")))
    amount, receipt = _minor(said.get("TotalAmount")), normalise_code(str(said.get("OrderIdentifier", "")))
    if not is_id(sale) or not currency or not amount or receipt is None:
        return Unknown("approved, but not said what")
    money = {"amount": amount, "currency": currency}
    if receipt == order["receipt"] and amount == order["amount"] and currency == order["currency"]:
        return Sent(str(sale), {"settled": True, "carrier": NAME, **money})
    body = {"kind": "collected", "carrier": NAME, "receipt": receipt, "provider_id": sale, "provider_ref": "", **money}
    return Sent(str(sale), {}, (Filed(NAME, f"{key}:other", f"payment:{receipt}", "event", body),))


def _nothing(order: Mapping[str, Any], key: str) -> Sent:
    """Say that a token came to nothing, without ending the payment that it was said to be for."""
    body = {"kind": "other", "type": "powertranz.token_refused", "receipt": order["receipt"]}
    return Sent("", {}, (Filed(NAME, f"{key}:refused", f"payment:{order['receipt']}", "event", body),))


def _trouble(reply: Reply) -> Outcome:
    """Judge an answer that is not the gateway's: credentials are ours to mend, anything else may have been taken."""
    outcome = outcome_by_status(reply)
    return outcome if reply.status in _OUR_FAULT else Unknown(f"no answer of the gateway's: {reply.status}")


def _response(body: bytes) -> dict[str, Any]:
    """Read the `Response` field of the form. Raises Unreadable."""
    try:
        form = parse_qs(body.decode(), max_num_fields=MOST_FIELDS)
        said = orjson.loads(form["Response"][0])
    except (ValueError, KeyError):
        raise Unreadable("not a callback of the card page") from None
    if not isinstance(said, dict):
        raise Unreadable("not a callback of the card page")
    return {"SpiToken": form.get("SpiToken", [None])[0], **said}
