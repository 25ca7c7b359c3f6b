"""The operator's service: every request as its description has it, every trouble an outcome, every event signed."""

import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from channels.base import BadSignature, HookRequest, Refused, Retry, Sent, Unknown, Unreadable
from channels.http import Http
from channels.rails.operator import BankHook, OperatorHook, OperatorRail
from tests.standins import Fault, RefusedError, Standin

SPEC: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/operator-api.yaml").read_text())
KEY, SECRET, NOW = "operator-key", "operator-hook-secret", 1_763_960_000
HOOK = OperatorHook("ncb", (SECRET,), lambda: NOW)
PAYOUT: dict[str, Any] = {
    "amount": 2_450_000,
    "currency": "JMD",
    "payee": "p2",
    "payout_ref": "P-7K2M",
    "payout_id": "a1b2c3",
    "payee_name": "Devon Clarke",
    "bank": "NCB",
    "branch": "Half Way Tree",
    "account": "404014471",
    "account_kind": "bank",
    "party": "payout:a1b2c3",
    "echo": {"payout_id": "a1b2c3"},
}
RECEIPT = "R-7K2MQ9XA"
COLLECT = {
    "amount": 500_000,
    "currency": "JMD",
    "receipt": RECEIPT,
    "expires_at": "",
    "link": "https://x.example/pay/t",
}
REFUND = {"amount": 100, "currency": "USD", "refund_id": "f1", "provider_ref": "col-1", "echo": {"refund_id": "f1"}}


# --- the description, and what keeps to it ---


def wrong(value: Any, schema: Mapping[str, Any], at: str = "$") -> list[str]:
    """What of a value breaks a schema: as much of JSON Schema as the description uses, and no more."""
    unknown = set(schema) - {
        *("type", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "properties", "required"),
        *("additionalProperties", "oneOf", "$ref", "description"),
    }
    assert not unknown, f"{at}: this check does not know {unknown}"
    if "$ref" in schema:
        return wrong(value, SPEC["components"]["schemas"][schema["$ref"].rpartition("/")[2]], at)
    if "oneOf" in schema:
        fits = [option for option in schema["oneOf"] if not wrong(value, option, at)]
        return [] if len(fits) == 1 else [f"{at}: fits {len(fits)} of {len(schema['oneOf'])}"]
    kinds = {"object": dict, "string": str, "integer": int}
    if type(value) is not kinds[schema["type"]]:
        return [f"{at}: no {schema['type']}"]
    return [*_of_string_or_number(value, schema, at), *_of_object(value, schema, at)]


def _of_string_or_number(value: Any, schema: Mapping[str, Any], at: str) -> list[str]:
    holds: dict[str, Callable[[Any], bool]] = {
        "enum": lambda allowed: value in allowed,
        "pattern": lambda pattern: re.search(pattern, value) is not None,
        "minimum": lambda least: value >= least,
        "maximum": lambda most: value <= most,
        "minLength": lambda least: len(value) >= least,
        "maxLength": lambda most: len(value) <= most,
    }
    return [f"{at}: {name}" for name, check in holds.items() if name in schema and not check(schema[name])]


def _of_object(value: Any, schema: Mapping[str, Any], at: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    known = schema["properties"]
    faults = [f"{at}: {name} is missing" for name in schema["required"] if name not in value]
    faults += [f"{at}: {name} is not known" for name in value if name not in known]
    return faults + [
        f for name, part in value.items() if name in known for f in wrong(part, known[name], f"{at}.{name}")
    ]


class OperatorStandin(Standin):
    """An operator's service that holds every request and every answer of its own to the description."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        """By key, what was asked for and what was answered."""
        self.state = "settled"
        self.more: dict[str, Any] = {}
        self.up = "up"

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            *(web.post(path, self._take) for path in ("/collections", "/payouts", "/refunds")),
            *(web.get(path, self._by_key) for path in ("/payouts/by-key/{key}", "/refunds/by-key/{key}")),
            web.get("/status", self._status),
        ]

    def _allowed(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise RefusedError(401, {"error": "unauthorized"})

    async def _take(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()

        def take() -> Mapping[str, Any]:
            self._allowed(request)
            operation = SPEC["paths"][request.path]["post"]
            faults = wrong(asked, operation["requestBody"]["content"]["application/json"]["schema"])
            faults += wrong(request.headers.get("Idempotency-Key"), operation["parameters"][0]["schema"])
            if faults:
                raise RefusedError(400, {"error": "bad_request", "reason": "; ".join(faults)})
            key = request.headers["Idempotency-Key"]
            if key in self.orders and self.orders[key][0] != asked:
                raise RefusedError(409, {"error": "key_reused"})
            said = {"id": f"op-{len(self.orders) + 1}", "state": self.state}
            said |= {"amount": asked["amount"], "currency": asked["currency"], **self.more}
            return self.orders.setdefault(key, (asked, said))[1]

        return await self.answer(request, request.path, take)

    async def _by_key(self, request: web.Request) -> web.StreamResponse:
        def take() -> Mapping[str, Any]:
            self._allowed(request)
            if request.match_info["key"] not in self.orders:
                raise RefusedError(404, {"error": "unknown_key"})
            return self.orders[request.match_info["key"]][1]

        return await self.answer(request, "by-key", take)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        def take() -> Mapping[str, Any]:
            self._allowed(request)
            return {"state": self.up}

        return await self.answer(request, "status", take)


@pytest.fixture
async def service() -> AsyncIterator[OperatorStandin]:
    async with OperatorStandin() as service:
        yield service
        assert [body for status, body in service.refused if body.get("error") == "bad_request"] == []


@pytest.fixture
def rail(session: aiohttp.ClientSession, service: OperatorStandin) -> OperatorRail:
    return OperatorRail("ncb", Http(session, "ncb", timeout_seconds=1.0), service.url, KEY)


def test_the_description_speaks_of_itself_alone_and_every_reference_in_it_leads_somewhere() -> None:
    assert SPEC["openapi"] == "3.1.0"
    for name in re.findall(r'"\$ref": "#/components/schemas/([A-Za-z]+)"', json.dumps(SPEC)):
        assert name in SPEC["components"]["schemas"]


# --- asking ---


async def test_a_payout_goes_once_for_a_key(rail: OperatorRail, service: OperatorStandin) -> None:
    service.more = {"charge": 5_000}
    first = await rail.disburse(PAYOUT, "payout:a1b2c3")
    assert first == Sent("op-1", {"settled": True, "charge": 5_000})
    assert first == await rail.disburse(PAYOUT, "payout:a1b2c3")
    [(asked, _)] = service.orders.values()
    assert asked == {
        "purpose": "payout",
        "order": "a1b2c3",
        "reference": "P-7K2M",
        "amount": 2_450_000,
        "currency": "JMD",
        "payee": {
            "name": "Devon Clarke",
            "bank": "NCB",
            "branch": "Half Way Tree",
            "account": "404014471",
            "kind": "bank",
        },
    }


async def test_a_key_reused_for_another_payout_is_refused(rail: OperatorRail) -> None:
    await rail.disburse(PAYOUT, "k1")
    assert await rail.disburse(PAYOUT | {"amount": 1}, "k1") == Refused("refused 409", "key_reused")


async def test_a_refund_by_transfer_is_a_payout_for_that_purpose(rail: OperatorRail, service: OperatorStandin) -> None:
    order = {name: value for name, value in PAYOUT.items() if name != "payout_id"}
    assert isinstance(await rail.disburse({**order, "refund_id": "f1"}, "refund:f1"), Sent)
    assert (service.orders["refund:f1"][0]["purpose"], service.orders["refund:f1"][0]["order"]) == ("refund", "f1")


async def test_a_collection_and_a_refund_are_asked_for_as_described(
    rail: OperatorRail, service: OperatorStandin
) -> None:
    service.state, service.more = "pending", {"link": "https://bank.example/pay/1"}
    assert await rail.collect(COLLECT, "c1") == Sent("op-1", {"link": "https://bank.example/pay/1"})
    service.more = {}
    assert await rail.collect(COLLECT, "c2") == Sent("op-2", {})
    assert await rail.refund(REFUND, "refund:f1") == Sent("op-3", {})
    assert service.orders["refund:f1"][0] == {"order": "f1", "collection": "col-1", "amount": 100, "currency": "USD"}


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://bank.example/", 5])
async def test_a_link_that_is_no_secure_page_is_not_passed_on(
    rail: OperatorRail, service: OperatorStandin, link: object
) -> None:
    service.state, service.more = "pending", {"link": link}
    assert await rail.collect(COLLECT, "c1") == Sent("op-1", {})


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("pending", Sent("op-1", {})),
        ("failed", Refused("closed account", "failed")),
        ("returned", Refused("closed account", "returned")),
        ("odd", Unknown("strange state")),
    ],
)
async def test_each_state_has_its_outcome(
    rail: OperatorRail, service: OperatorStandin, state: str, outcome: object
) -> None:
    service.state, service.more = state, {"reason": "closed account"}
    assert await rail.disburse(PAYOUT, "k1") == outcome


@pytest.mark.parametrize("more", [{"amount": 1}, {"currency": "USD"}, {"id": "two words"}, {"amount": 2_450_000.0}])
async def test_an_answer_about_other_money_is_no_answer(
    rail: OperatorRail, service: OperatorStandin, more: dict[str, Any]
) -> None:
    service.more = more
    assert isinstance(await rail.disburse(PAYOUT, "k1"), Unknown)


@pytest.mark.parametrize(
    ("fault", "kind", "paid"),
    [
        (Fault.THROTTLED, Retry, False),
        (Fault.BROKEN, Unknown, False),
        (Fault.GATEWAY, Unknown, False),
        (Fault.HTML, Unknown, False),
        (Fault.STALL, Unknown, False),
        (Fault.RESET, Unknown, False),
        (Fault.HALF, Unknown, True),
        (Fault.LOST, Unknown, True),
    ],
)
async def test_what_became_of_a_payout_in_trouble_can_be_looked_up(
    rail: OperatorRail, service: OperatorStandin, fault: Fault, kind: type, paid: bool
) -> None:
    service.misbehave(fault)
    assert isinstance(await rail.disburse(PAYOUT, "payout:a1/b2:2"), kind)
    found = await rail.look_up("disburse", PAYOUT, "payout:a1/b2:2")
    assert isinstance(found, Sent) if paid else found == Retry("never taken")
    assert len(service.orders) == paid


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.HTML, Fault.STALL, Fault.RESET, Fault.HALF, Fault.THROTTLED])
async def test_a_look_up_in_trouble_says_nothing(rail: OperatorRail, service: OperatorStandin, fault: Fault) -> None:
    await rail.disburse(PAYOUT, "k1")
    service.misbehave(fault, 2)  # a GET that met a closed connection is made again by the client
    assert isinstance(await rail.look_up("disburse", PAYOUT, "k1"), Unknown)


async def test_a_missing_page_proves_nothing_about_a_payout(session: aiohttp.ClientSession) -> None:
    """A 404 of something else than the service neither refuses a payout nor has one sent again."""
    async with OperatorStandin() as service:
        rail = OperatorRail("ncb", Http(session, "ncb"), service.url + "/elsewhere", KEY)
        assert isinstance(await rail.disburse(PAYOUT, "k1"), Unknown)
        assert await rail.look_up("disburse", PAYOUT, "k1") == Unknown("not looked up")


async def test_a_wrong_key_waits_to_be_mended_and_the_check_names_it(
    session: aiohttp.ClientSession, service: OperatorStandin
) -> None:
    rail = OperatorRail("ncb", Http(session, "ncb"), service.url, "wrong")
    assert isinstance(await rail.disburse(PAYOUT, "k1"), Retry)
    [fault] = await rail.check()
    assert "NCB_API_KEY" in fault


async def test_the_check_says_what_is_wrong(rail: OperatorRail, service: OperatorStandin) -> None:
    assert await rail.check() == []
    service.up = "down"
    assert "not as docs/operator-api.md asks" in (await rail.check())[0]
    await service.stop()
    assert "cannot be asked" in (await rail.check())[0]
    assert await rail.disburse(PAYOUT, "k1") == Retry("not connected")


# --- being told ---


def told(kind: str, data: Mapping[str, Any], ident: str = "ev-1") -> bytes:
    return json.dumps({"id": ident, "type": kind, "created": NOW, "data": data}).encode()


def signature(body: bytes, stamp: int = NOW, secret: str = SECRET) -> str:
    """The header, worked out as the description says."""
    mark = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={mark}"


def call(body: bytes, header: str | None = None) -> HookRequest:
    given = {"content-type": "application/json", "pardna-signature": signature(body) if header is None else header}
    return HookRequest("POST", "/hooks/ncb", given, {}, body)


MONEY = {"amount": 500_000, "currency": "JMD"}
EVENTS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "collection.settled",
        {"id": "col-1", "receipt": RECEIPT, **MONEY},
        f"payment:{RECEIPT}",
        {"kind": "collected", "carrier": "ncb", "receipt": RECEIPT, "provider_id": "col-1", **MONEY},
    ),
    (
        "collection.pending",
        {"receipt": RECEIPT},
        f"payment:{RECEIPT}",
        {"kind": "collect_pending", "carrier": "ncb", "receipt": RECEIPT},
    ),
    (
        "collection.failed",
        {"receipt": RECEIPT, "reason": "no funds"},
        f"payment:{RECEIPT}",
        {"kind": "collect_failed", "carrier": "ncb", "receipt": RECEIPT, "reason": "no funds"},
    ),
    (
        "payout.settled",
        {"id": "op-1", "order": "a1", "charge": 5_000},
        "payout:a1",
        {"kind": "disbursed", "carrier": "ncb", "payout_id": "a1", "provider_id": "op-1", "charge": 5_000},
    ),
    (
        "payout.settled",
        {"id": "op-1", "order": "f1", "purpose": "refund"},
        "refund:f1",
        {"kind": "disbursed", "carrier": "ncb", "refund_id": "f1", "provider_id": "op-1", "charge": 0},
    ),
    (
        "payout.failed",
        {"id": "op-1", "order": "a1", "purpose": "payout", "reason": "closed"},
        "payout:a1",
        {"kind": "disburse_failed", "carrier": "ncb", "payout_id": "a1", "provider_id": "op-1", "reason": "closed"},
    ),
    (
        "payout.returned",
        {"id": "op-1", "order": "a1"},
        "payout:a1",
        {"kind": "disburse_returned", "carrier": "ncb", "payout_id": "a1", "provider_id": "op-1", "reason": "returned"},
    ),
    (
        "refund.settled",
        {"id": "rf-1", "order": "f1"},
        "refund:f1",
        {"kind": "refunded", "carrier": "ncb", "refund_id": "f1", "provider_id": "rf-1"},
    ),
    (
        "refund.failed",
        {"id": "rf-1", "order": "f1", "reason": "expired"},
        "refund:f1",
        {"kind": "refund_failed", "carrier": "ncb", "refund_id": "f1", "provider_id": "rf-1", "reason": "expired"},
    ),
    (
        "charge",
        {"id": "ch-1", "amount": -250, "currency": "JMD", "about": "fee given back"},
        "ncb:ch-1",
        {"kind": "charge", "carrier": "ncb", "charge_id": "ch-1", "amount": -250, "currency": "JMD"}
        | {"about": "fee given back"},
    ),
    (
        "deposit",
        {"id": "d-1", **MONEY, "name": "D CLARKE", "narrative": "throw", "booked": "2026-11-24"},
        "ncb:d-1",
        {"kind": "collected", "carrier": "ncb", "receipt": "", "provider_id": "d-1", "provider_ref": "d-1", **MONEY}
        | {"name": "D CLARKE", "narrative": "throw", "booked": "2026-11-24"},
    ),
]


@pytest.mark.parametrize(("kind", "data", "party", "body"), EVENTS)
def test_each_event_of_the_description_is_one_of_our_own(
    kind: str, data: dict[str, Any], party: str, body: dict[str, Any]
) -> None:
    content = told(kind, data)
    assert wrong(json.loads(content), {"$ref": "#/components/schemas/Event"}) == []
    [arrival] = HOOK.receive(call(content)).arrivals
    assert (arrival.source, arrival.external_id, arrival.party, arrival.kind) == ("ncb", "ev-1", party, "event")
    assert arrival.body == body


def test_a_deposit_with_a_receipt_is_that_payments() -> None:
    [arrival] = HOOK.receive(call(told("deposit", {"id": "d-1", "receipt": RECEIPT, **MONEY}))).arrivals
    assert (arrival.party, arrival.body["receipt"]) == (f"payment:{RECEIPT}", RECEIPT)


@pytest.mark.parametrize("kind", ["loan.offered", "payout.thought_about", "collection.", "x" * 500, "a\0b"])
def test_an_event_of_another_type_is_kept_as_other(kind: str) -> None:
    [arrival] = HOOK.receive(call(told(kind, {}))).arrivals
    assert arrival.body["kind"] == "other"
    assert "\0" not in arrival.body["type"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("collection.settled", {"id": "c", "receipt": RECEIPT, "amount": 5.0, "currency": "JMD"}),
        ("collection.settled", {"id": "c", "receipt": RECEIPT, "amount": -5, "currency": "JMD"}),
        ("collection.settled", {"id": "c", "receipt": RECEIPT, "amount": 0, "currency": "JMD"}),
        ("collection.settled", {"id": "c", "receipt": RECEIPT, "amount": True, "currency": "JMD"}),
        ("collection.settled", {"id": "c", "receipt": RECEIPT, "amount": 10**13, "currency": "JMD"}),
        ("collection.settled", {"id": "c", "receipt": RECEIPT, "amount": 5, "currency": "EUR"}),
        ("collection.settled", {"id": "c", "receipt": "a b", **MONEY}),
        ("deposit", {"id": "d", "receipt": 7, **MONEY}),
        ("payout.settled", {"id": "o"}),
        ("payout.settled", {"id": "o", "order": "a1", "purpose": "gift"}),
        ("charge", {"amount": 5, "currency": "JMD"}),
    ],
)
def test_an_event_that_says_too_little_is_unreadable(kind: str, data: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        HOOK.receive(call(told(kind, data)))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"id": 1, "type": "x", "data": {}}', b'{"id":"a b"}'])
def test_what_is_no_event_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        HOOK.receive(call(body))


BODY = told("loan.offered", {})


@pytest.mark.parametrize("late", [-300, 0, 300])
def test_a_stamp_within_five_minutes_is_accepted(late: int) -> None:
    assert len(HOOK.receive(call(BODY, signature(BODY, NOW - late))).arrivals) == 1


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        f"t={NOW}",
        f"t={NOW},v1=",
        f"t={NOW},v1={'0' * 64}",
        signature(BODY).upper(),
        signature(BODY).replace("v1", "v0"),
        signature(BODY + b" "),
        signature(BODY, secret="another"),
        signature(BODY, NOW - 301),
        signature(BODY, NOW + 301),
        f"t={NOW},{signature(BODY, NOW - 3600)}",
        signature(BODY).replace("t=", "t=9"),
        "t=١٧٦,v1=é",
        "t=" + "9" * 5000,
        "\udcff",
    ],
)
def test_a_wrong_or_old_signature_is_refused(header: str) -> None:
    with pytest.raises(BadSignature):
        HOOK.receive(call(BODY, header))


def test_a_secret_may_be_changed_for_another() -> None:
    hook = OperatorHook("ncb", ("new-secret", SECRET), lambda: NOW)
    for secret in ("new-secret", SECRET):
        assert hook.receive(call(BODY, signature(BODY, secret=secret))).arrivals
    both = f"{signature(BODY, secret='gone')},{signature(BODY).partition(',')[2]}"
    assert HOOK.receive(call(BODY, both)).arrivals


@pytest.mark.parametrize("secrets", [(), ("",), ("good", "")])
def test_without_a_secret_there_is_no_hook(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="NCB_HOOK_SECRET"):
        OperatorHook("ncb", secrets, lambda: NOW)


def test_a_form_at_a_bank_without_cards_is_unreadable_and_its_signed_events_are_taken() -> None:
    hook = BankHook(HOOK, None)
    assert hook.receive(call(BODY)).arrivals
    form = HookRequest("POST", "/hooks/ncb", {"content-type": "application/x-www-form-urlencoded"}, {}, b"Response={}")
    with pytest.raises(Unreadable):
        hook.receive(form)
