"""What a provider reads from a web hook."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from tests import vendors
from tests.web.conftest import Site

CALLS = [
    vendors.whatsapp_text("+18765550101", "PAY 5000"),
    vendors.sms_form("+18765550102", "BALANCE"),
    vendors.telegram_text(5550103, "MENU"),
    vendors.stripe_event("checkout.session.completed", {"id": "cs_1"}),
    vendors.sendgrid_events(vendors.sendgrid_event("m@example.com", "i1", "delivered")),
]


def named(call: vendors.Call) -> str:
    return call.path


@pytest.mark.parametrize("call", CALLS, ids=named)
async def test_a_signed_call_is_answered_200_and_then_it_is_in_the_inbox(site: Site, call: vendors.Call) -> None:
    assert await call.fresh().post(site.session, site.url) == 200
    assert len(await site.arrivals()) == 1


@pytest.mark.parametrize("call", CALLS, ids=named)
async def test_a_repeat_is_200_and_files_nothing_new(site: Site, call: vendors.Call) -> None:
    assert [await call.fresh().post(site.session, site.url) for _ in range(3)] == [200, 200, 200]
    assert len(await site.arrivals()) == 1


@pytest.mark.parametrize("call", CALLS, ids=named)
async def test_a_missing_or_wrong_signature_is_401_in_one_line_and_files_nothing(
    site: Site, call: vendors.Call
) -> None:
    for headers in ({}, dict.fromkeys(call.headers, "wrong")):
        headers["Content-Type"] = call.headers.get("Content-Type", "application/json")
        async with site.session.post(site.url + call.path, data=call.body, headers=headers) as answer:
            assert answer.status == 401
            assert await answer.text() == "The signature is missing or wrong.\n"
    assert await site.arrivals() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b"garbage",
        b"[]",
        b'"text"',
        b"{",
        b"[" * 100_000,
        b'{"entry": 5}',
        b'{"entry": [{"changes": "x"}]}',
    ],
    ids=["empty", "bytes", "words", "list", "string", "open", "deep", "number", "shape"],
)
async def test_a_signed_body_that_does_not_parse_is_400_or_ignored_never_500(site: Site, body: bytes) -> None:
    status = await vendors.whatsapp_signed(body).post(site.session, site.url)
    assert status == 400 or (body.startswith(b'{"entry"') and status == 200)
    assert await site.arrivals() == []


async def test_telegram_garbage_with_the_right_secret_is_400(site: Site) -> None:
    headers = vendors.telegram_text(1234, "x").headers
    for body in (b"", b"{}", b"nonsense", json.dumps({"update_id": "x"}).encode(), b'{"update_id": 1e999}'):
        async with site.session.post(site.url + "/hooks/telegram", data=body, headers=headers) as answer:
            assert answer.status == 400
            assert len((await answer.text()).splitlines()) == 1


async def test_a_lone_surrogate_is_no_500(site: Site) -> None:
    body = b'{"entry":[{"changes":[{"value":{"messages":[{"id":"\\ud800"}]}}]}]}'
    assert await vendors.whatsapp_signed(body).post(site.session, site.url) in {200, 400}


async def test_a_body_over_1_mb_is_413(site: Site) -> None:
    body = io.BytesIO(b" " * (1024 * 1024 + 1))
    async with site.session.post(site.url + "/hooks/whatsapp", data=body) as answer:
        assert answer.status == 413
        assert await answer.text() == "The body is over 1 MB.\n"


async def test_a_body_of_just_1_mb_is_read(site: Site) -> None:
    body = b'{"entry": []}'.ljust(1024 * 1024)
    headers = vendors.whatsapp_signed(body).headers
    async with site.session.post(site.url + "/hooks/whatsapp", data=io.BytesIO(body), headers=headers) as answer:
        assert answer.status == 200


async def test_a_body_over_1_mb_without_a_length_is_413(site: Site) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    async with site.session.post(site.url + "/hooks/telegram", data=endless()) as answer:
        assert answer.status == 413


async def test_a_packed_body_is_taken_as_it_came(site: Site) -> None:
    """Nobody signs what a proxy could have packed: the signature is over the bytes on the wire."""
    headers = {"Content-Encoding": "gzip"}
    for body in (gzip.compress(b'{"entry": []}'), b"not gzip at all"):
        async with site.session.post(
            site.url + "/hooks/whatsapp", data=body, headers=headers | {"X-Hub-Signature-256": "sha256=0"}
        ) as answer:
            assert answer.status == 401


async def test_an_unknown_hook_and_one_that_is_off_are_404(site: Site, production: Site) -> None:
    for path in ("/hooks/fax", "/hooks/", "/hooks", "/hooks/ncb", "/hooks/smsgate", "/hooks/whatsapp/x"):
        async with site.session.post(site.url + path, data=b"{}") as answer:
            assert (path, answer.status) == (path, 404)
    call = vendors.telegram_text(5550103, "MENU")
    assert await call.post(production.session, production.url) == 404


async def test_a_method_that_a_hook_does_not_take_is_405(site: Site) -> None:
    async with site.session.get(site.url + "/hooks/sms") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"


async def test_the_subscribe_check_of_whatsapp_is_echoed_as_plain_text(site: Site) -> None:
    call = vendors.whatsapp_subscribe("<b>1158201444")
    async with site.session.get(site.url + call.path, params=call.query) as answer:
        assert (answer.status, await answer.text()) == (200, "<b>1158201444")
        assert answer.content_type == "text/plain"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    wrong = vendors.whatsapp_subscribe("1", token="other")
    async with site.session.get(site.url + wrong.path, params=wrong.query) as answer:
        assert answer.status == 401


async def test_twilio_reads_an_empty_response_in_xml(site: Site) -> None:
    call = vendors.sms_form("+18765550102", "BALANCE")
    async with site.session.post(site.url + call.path, data=call.body, headers=call.headers) as answer:
        assert (answer.content_type, await answer.text()) == ("text/xml", "<Response/>")


async def test_when_the_database_cannot_take_it_the_answer_is_503_and_the_next_try_is_kept(
    site: Site,
) -> None:
    call = vendors.whatsapp_text("+18765550101", "PAY 5000")
    async with site.engine.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE inbox RENAME TO inbox_gone")
    async with site.session.post(site.url + call.path, data=call.body, headers=call.headers) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "5"
    async with site.engine.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE inbox_gone RENAME TO inbox")
    assert await call.post(site.session, site.url) == 200
    assert len(await site.arrivals()) == 1


async def test_a_flood_from_one_address_is_all_answered_200_and_little_of_it_is_kept(site: Site) -> None:
    """A network that read anything else would send it again, for days. Its money words are kept."""
    calls = [vendors.telegram_text(5_550_001, f"what {n}") for n in range(300)]
    assert {await call.post(site.session, site.url) for call in calls} == {200}
    assert await vendors.telegram_text(5_550_001, "PAY 5000").post(site.session, site.url) == 200
    async with site.engine.connect() as conn:
        kinds = text("SELECT kind, count(*), count(retry_at) FROM inbox GROUP BY kind ORDER BY kind")
        chat, duty = (tuple(row) for row in await conn.execute(kinds))
    assert 90 <= chat[1] < 150
    assert chat[2] == chat[1] - 30
    assert duty[1] in {1, 2}  # the hour may turn just now
    assert "pardna_flood_total" in (await site.get("/metrics"))[1]


async def test_a_thousand_at_once_are_all_answered_200_and_none_429(site: Site) -> None:
    calls = [vendors.telegram_text(5_550_000 + n, "MENU") for n in range(1000)]
    statuses = await asyncio.gather(*(call.post(site.session, site.url) for call in calls))
    assert set(statuses) == {200}
    assert len(await site.arrivals()) == 1000
