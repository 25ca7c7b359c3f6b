"""The stand-in is held to what Stripe publishes, and to another stand-in made by others."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.standins import Fault
from tests.stripe_shapes import SHAPES, fields
from tests.stripe_standin import API_KEY, StripeStandin

LOCALSTRIPE = """
import logging, socket
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda self: None
sock = socket.socket()
sock.bind(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
web.run_app(server.app, sock=sock, access_log=None, print=None)
"""
SESSION = {
    "mode": "payment",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "5000",
    "line_items[0][price_data][product_data][name]": "Sunday Club",
    "metadata[receipt]": "R-7K2MQ9XA",
    "payment_intent_data[metadata][receipt]": "R-7K2MQ9XA",
    "success_url": "https://pardna.example/",
}


class Caller:
    """Calls an API as any program would, with nothing of Stripe's library or ours."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def __call__(
        self, method: str, path: str, form: dict[str, str] | None = None, *, key: str = ""
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {API_KEY}"} | ({"Idempotency-Key": key} if key else {})
        sent: dict[str, Any] = {"data" if method == "POST" else "params": form or {}}
        async with self._session.request(method, f"{self._url}/v1/{path}", headers=headers, **sent) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def stripe() -> AsyncIterator[StripeStandin]:
    async with StripeStandin() as standin:
        yield standin


@pytest.fixture
def call(session: aiohttp.ClientSession, stripe: StripeStandin) -> Caller:
    return Caller(session, stripe.api_url)


@pytest.fixture
async def localstripe(session: aiohttp.ClientSession) -> AsyncIterator[Caller]:
    """The outside check: a server by others, of what it knows."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOCALSTRIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout
    port = int(await asyncio.wait_for(process.stdout.readline(), 20))
    caller = Caller(session, f"http://127.0.0.1:{port}")
    for _ in range(100):
        try:
            await caller("GET", "balance")
            break
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)
    yield caller
    process.kill()
    await process.communicate()


# --- what is published ---


async def test_every_object_has_the_fields_that_stripe_publishes(call: Caller, stripe: StripeStandin) -> None:
    _, session = await call("POST", "checkout/sessions", SESSION)
    ref = await stripe.pay(session["id"])
    await call("POST", "refunds", {"payment_intent": ref, "amount": "100"})
    await stripe.win(await stripe.dispute(ref))
    await call("POST", "payouts", {"amount": "1000", "currency": "usd"})
    shown = [(await call("GET", path))[1] for path in ("account", "balance", "country_specs/US")]
    folders = ["checkout/sessions", "payment_intents", "charges", "refunds", "disputes", "payouts"]
    for path in [*folders, "balance_transactions", "events"]:
        status, listed = await call("GET", path, {"limit": "100"})
        assert (status, listed["object"]) == (200, "list")
        shown += [*listed["data"], (await call("GET", f"{path}/{listed['data'][0]['id']}"))[1]]
    shown += [event["data"]["object"] for event in shown if event["object"] == "event"]
    assert {each["object"] for each in shown} == set(SHAPES)
    for each in shown:
        known = fields(each["object"])
        assert each.keys() <= known.keys()
        always = {name for name, needed in known.items() if needed}
        assert {name for name in always if each.get(name) is None} == set()


async def test_a_wrong_key_and_wrong_calls_are_refused_as_published(
    call: Caller, stripe: StripeStandin, session: aiohttp.ClientSession
) -> None:
    headers = {"Authorization": "Bearer sk_test_other"}
    async with session.get(f"{stripe.api_url}/v1/balance", headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["type"]) == (401, "invalid_request_error")
    wrong = [
        ({"made_up": "1"}, "parameter_unknown"),
        ({"success_url": ""}, "parameter_missing"),
        ({"line_items[0][price_data][unit_amount]": "49"}, "amount_too_small"),
        ({"line_items[0][price_data][currency]": "xxx"}, "invalid_currency"),
    ]
    for changed, code in wrong:
        status, body = await call("POST", "checkout/sessions", SESSION | changed)
        assert (status, body["error"]["code"]) == (400, code)
    status, body = await call("POST", "checkout/sessions", SESSION | {"expires_at": "1"})
    assert (status, body["error"]["param"]) == (400, "expires_at")
    status, body = await call("GET", "checkout/sessions/cs_none")
    assert (status, body["error"]["code"]) == (404, "resource_missing")
    assert (await call("GET", "nothing/here"))[0] == 404
    status, body = await call("POST", "payment_intents", PAYMENT | {"payment_method": "pm_card_chargeDeclined"})
    assert (status, body["error"]["type"], body["error"]["code"]) == (402, "card_error", "card_declined")


async def test_a_key_replays_its_first_answer_a_500_too_and_keeps_its_parameters(
    call: Caller, stripe: StripeStandin
) -> None:
    first = await call("POST", "checkout/sessions", SESSION, key="k1")
    assert await call("POST", "checkout/sessions", SESSION, key="k1") == first
    assert len(stripe.of_kind("checkout.session")) == 1
    status, body = await call("POST", "checkout/sessions", SESSION | {"locale": "en"}, key="k1")
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    stripe.misbehave(Fault.BROKEN)
    broken = await call("POST", "checkout/sessions", SESSION, key="k2")
    assert broken[0] == 500
    assert await call("POST", "checkout/sessions", SESSION, key="k2") == broken
    stripe.forget_keys()
    assert (await call("POST", "checkout/sessions", SESSION, key="k2"))[0] == 200
    # What was refused before it began leaves no trace: the same key may be used again.
    bad = SESSION | {"mode": ""}
    assert (await call("POST", "checkout/sessions", bad, key="k3"))[0] == 400
    assert (await call("POST", "checkout/sessions", SESSION, key="k3"))[0] == 200


async def test_lists_are_newest_first_in_pages_and_expand_what_is_asked(call: Caller, stripe: StripeStandin) -> None:
    for _ in range(5):
        _, session = await call("POST", "checkout/sessions", SESSION)
        ref = await stripe.pay(session["id"])
    ids = [each["id"] for each in reversed(stripe.of_kind("charge"))]
    _, first = await call("GET", "charges", {"limit": "3"})
    _, second = await call("GET", "charges", {"limit": "3", "starting_after": first["data"][-1]["id"]})
    assert [each["id"] for each in first["data"] + second["data"]] == ids
    assert (first["has_more"], second["has_more"]) == (True, False)
    _, intent = await call("GET", f"payment_intents/{ref}", {"expand[0]": "latest_charge.balance_transaction"})
    move = intent["latest_charge"]["balance_transaction"]
    assert (move["amount"], move["fee"], move["net"]) == (5_000, 175, 4_825)
    _, listed = await call("GET", "charges", {"limit": "1", "expand[]": "data.payment_intent"})
    assert listed["data"][0]["payment_intent"]["id"] == ref
    assert intent["metadata"] == {"receipt": "R-7K2MQ9XA"}


async def test_the_balance_is_the_sum_of_its_movements(call: Caller, stripe: StripeStandin) -> None:
    _, session = await call("POST", "checkout/sessions", SESSION)
    ref = await stripe.pay(session["id"])
    await stripe.lose(await stripe.dispute(ref))
    assert [move["net"] for move in stripe.statement()] == [4_825, -6_500]
    _, balance = await call("GET", "balance")
    assert [(each["amount"], each["currency"]) for each in balance["available"]] == [(-1_675, "usd")]
    status, body = await call("POST", "payouts", {"amount": "1", "currency": "usd"})
    assert (status, body["error"]["code"]) == (400, "balance_insufficient")


# --- against localstripe ---

PAYMENT = {"amount": "5000", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
ONLY_THEIRS: dict[str, set[str]] = {
    # Older names, which localstripe keeps and the pinned version of the API no longer has.
    "payment_intent": {"charges", "invoice"},
    "refund": {"date", "livemode"},
    "balance_transaction": {"livemode"},
}


async def small_script(call: Caller, moves: str) -> dict[str, tuple[int, Any]]:
    """Pay, look, give a part back, look at that: as small a script as both can do."""
    said: dict[str, tuple[int, Any]] = {}
    said["pay"] = await call("POST", "payment_intents", PAYMENT | {"metadata[receipt]": "R-1"})
    ref = said["pay"][1]["id"]
    said["look"] = await call("GET", f"payment_intents/{ref}")
    said["give back"] = await call(
        "POST", "refunds", {"payment_intent": ref, "amount": "2000", "metadata[refund_id]": "f1"}
    )
    said["look at it"] = await call("GET", f"refunds/{said['give back'][1]['id']}")
    said["all refunds"] = await call("GET", "refunds", {"payment_intent": ref})
    said["movement"] = await call("GET", f"{moves}/{said['give back'][1]['balance_transaction']}")
    said["nothing"] = await call("GET", "payment_intents/pi_none")
    said["no refund of nothing"] = await call("POST", "refunds", {"payment_intent": "pi_none"})
    return said


async def test_ours_and_localstripe_say_the_same_of_what_both_know(call: Caller, localstripe: Caller) -> None:
    ours = await small_script(call, "balance_transactions")
    theirs = await small_script(localstripe, "balance/history")
    assert {step: status for step, (status, _) in ours.items()} == {step: s for step, (s, _) in theirs.items()}
    for step, (status, body) in theirs.items():
        mine = ours[step][1]
        if status != 200:
            assert mine["error"]["type"] == body["error"]["type"]
            continue
        compared = [(mine, body)] if body["object"] != "list" else list(zip(mine["data"], body["data"], strict=True))
        assert compared
        for here, there in compared:
            missing = there.keys() - here.keys() - ONLY_THEIRS.get(there["object"], set())
            assert (step, missing) == (step, set())
            for name in ("object", "amount", "currency", "status", "metadata", "amount_received", "type"):
                if name in there:
                    assert (step, name, here[name]) == (step, name, there[name])
