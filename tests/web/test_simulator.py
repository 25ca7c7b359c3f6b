"""The simulator's HTTP interface."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import aiohttp
import pytest

from bot.simulator.chat import SimulatedChat
from domain.messages import Attachment, AttachmentKind, Option, Outgoing
from storage import duties, outbox
from storage.bell import Bell
from storage.duties import Duty
from storage.engine import Engine
from tests.web.conftest import Site, parts, running
from tests.web.workers import Workers

DEVON = {"channel": "sms", "address": "+18765550102"}


@pytest.fixture
async def workers(site: Site) -> AsyncIterator[Workers]:
    async with Workers(site) as workers:
        yield workers


async def post(site: Site, path: str, body: Any) -> tuple[int, Any]:
    """Send JSON; the answer is JSON, or one plain line when it is a refusal."""
    async with site.session.post(site.url + path, json=body) as answer:
        text = await answer.text()
        if answer.status < 400:
            return answer.status, await answer.json()
        assert len(text.splitlines()) == 1
        return answer.status, text.strip()


async def read(site: Site, **query: Any) -> Any:
    async with site.session.get(site.url + "/sim/messages", params=query) as answer:
        assert answer.status == 200
        return await answer.json()


# --- sending ------------------------------------------------------------------------------------------


async def test_a_message_is_202_and_in_the_inbox_as_a_provider_would_file_it(site: Site) -> None:
    status, body = await post(site, "/sim/messages", {**DEVON, "name": "Devon", "text": "JOIN 7K2MQ9"})
    assert status == 202
    [arrival] = await site.arrivals()
    assert (arrival.source, arrival.party, arrival.kind) == ("sms", "sms:+18765550102", "chat")
    assert arrival.external_id == body["id"]
    assert arrival.body["text"] == "JOIN 7K2MQ9"
    assert (arrival.body["kind"], arrival.body["name"]) == ("text", "Devon")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"text": "💸"}, {"kind": "text", "text": "💸"}),
        ({"text": "x" * 4000}, {"kind": "text", "text": "x" * 4000}),
        ({"choice": "pay:7K2MQ9"}, {"kind": "choice", "choice": "pay:7K2MQ9"}),
        ({"contact": "876-555-0109"}, {"kind": "contact", "contact": "+18765550109"}),
        ({"media": "image"}, {"kind": "media", "file": "sample"}),
        ({"media": {}}, {"kind": "media", "file": "sample"}),
    ],
    ids=["emoji", "long", "choice", "contact", "media", "media object"],
)
async def test_each_kind_of_content_arrives(site: Site, content: dict[str, Any], expected: dict[str, Any]) -> None:
    assert (await post(site, "/sim/messages", {**DEVON, **content}))[0] == 202
    [arrival] = await site.arrivals()
    assert expected.items() <= arrival.body.items()


@pytest.mark.parametrize(
    "typed", ["+18765550102", "8765550102", "876-555-0102", "1 (876) 555-0102", " +1 876 555 0102 "]
)
async def test_a_number_is_read_however_it_is_written(site: Site, typed: str) -> None:
    for channel in ("sms", "whatsapp"):
        call = {"channel": channel, "address": typed, "text": "hi"}
        assert (await post(site, "/sim/messages", call))[0] == 202
    assert {arrival.party for arrival in await site.arrivals()} == {
        "sms:+18765550102",
        "whatsapp:+18765550102",
    }


async def test_telegram_takes_digits_as_text_or_number(site: Site) -> None:
    for address in ("5550103", 5550103):
        await post(site, "/sim/messages", {"channel": "telegram", "address": address, "text": "hi"})
    [arrival] = await site.arrivals()
    assert arrival.party == "telegram:5550103"


async def test_the_same_id_from_the_same_phone_is_one_message(site: Site) -> None:
    for phone in (DEVON, DEVON, {"channel": "sms", "address": "+18765550105"}):
        assert (await post(site, "/sim/messages", {**phone, "text": "PAY", "id": "1"}))[0] == 202
    assert len(await site.arrivals()) == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ([], "one JSON object"),
        ("text", "one JSON object"),
        (5, "one JSON object"),
        ({"address": "+18765550102", "text": "x"}, "Name a channel: whatsapp, sms, telegram, email."),
        ({"channel": "email", "address": "m@example.com", "text": "x"}, "Answers to e-mail are not read"),
        ({"channel": "fax", "address": "+18765550102", "text": "x"}, "Name a channel"),
        ({"channel": ["sms"], "address": "+18765550102", "text": "x"}, "Name a channel"),
        ({"channel": "sms", "text": "x"}, "Give the phone's address"),
        ({"channel": "sms", "address": "", "text": "x"}, "Give the phone's address"),
        ({"channel": "sms", "address": True, "text": "x"}, "Give the phone's address"),
        ({"channel": "sms", "address": {"a": 1}, "text": "x"}, "Give the phone's address"),
        ({"channel": "sms", "address": "nonsense", "text": "x"}, "no phone number"),
        ({"channel": "sms", "address": "12", "text": "x"}, "no phone number"),
        ({"channel": "whatsapp", "address": "+" + "9" * 300, "text": "x"}, "no phone number"),
        ({"channel": "telegram", "address": "+18765550102", "text": "x"}, "digits alone"),
        ({"channel": "telegram", "address": "-5", "text": "x"}, "digits alone"),
        (DEVON, "exactly one of"),
        ({**DEVON, "text": "x", "choice": "y"}, "exactly one of"),
        ({**DEVON, "text": ""}, "text must be text"),
        ({**DEVON, "text": "\x00"}, "text must be text"),
        ({**DEVON, "text": 5}, "text must be text"),
        ({**DEVON, "text": "x" * 10_001}, "longer than 10000"),
        ({**DEVON, "choice": "x" * 201}, "longer than 200"),
        ({**DEVON, "contact": "nobody"}, "no phone number"),
        ({**DEVON, "text": "x", "name": 5}, "name must be text"),
        ({**DEVON, "text": "x", "id": "a b"}, "An id is"),
        ({**DEVON, "text": "x", "id": 7}, "An id is"),
    ],
)
async def test_a_bad_call_is_400_in_one_clear_line_and_files_nothing(site: Site, call: Any, words: str) -> None:
    status, text = await post(site, "/sim/messages", call)
    assert status == 400
    assert words in text
    assert await site.arrivals() == []


@pytest.mark.parametrize("path", ["/sim/messages", "/sim/clock"])
async def test_a_body_that_is_no_json_is_400_and_one_over_1_mb_413(site: Site, path: str) -> None:
    for body in (b"", b"{", b"\xff", b'"\\ud800"', b"[" * 50_000, b"NaN"):
        async with site.session.post(site.url + path, data=body) as answer:
            assert answer.status == 400
    async with site.session.post(site.url + path, data=io.BytesIO(b" " * 1_048_577)) as answer:
        assert answer.status == 413


# --- reading ------------------------------------------------------------------------------------------


async def test_a_reply_is_read_in_the_form_of_the_contract(site: Site, workers: Workers) -> None:
    await post(site, "/sim/messages", {"channel": "telegram", "address": "5550103", "text": "menu"})
    [message] = await read(site, channel="telegram", address="5550103", after=0, wait=5)
    assert (message["channel"], message["address"]) == ("telegram", "5550103")
    assert message["text"] == "What would you like to do?"
    assert message["choices"][0] == {"id": "pay", "label": "Pay"}
    assert message["image"] is None
    assert datetime.fromisoformat(message["at"]).utcoffset() == timedelta(hours=-5)
    assert message["id"] > 0


async def test_a_feature_phone_reads_a_numbered_menu_and_its_segments(site: Site, workers: Workers) -> None:
    await post(site, "/sim/messages", {**DEVON, "text": "menu"})
    [message] = await read(site, **DEVON, wait=5)
    assert message["text"] == "What would you like to do?\n1 Pay\n2 Balance\n3 My draw"
    assert message["segments"] == 1


async def mailed(site: Site, message: Outgoing) -> None:
    """Let a mail reach Marva."""
    chat = SimulatedChat("email", site.engine, site.clock)
    await chat.send("marva@example.com", message, f"mail-{message.text}")


async def test_a_mail_is_read_as_its_text_and_in_its_look(site: Site) -> None:
    pdf = Attachment(AttachmentKind.DOCUMENT, "d", "book.pdf", "The book", "en", "t")
    csv = replace(pdf, kind=AttachmentKind.TABLE, name="book.csv")
    await mailed(site, Outgoing("J$5,000 <b>came</b>", (Option("PAY", "Pay"),), attachment=pdf, beside=csv))
    [message] = await read(site, channel="email", address="Marva@Example.com")
    assert message["text"] == message["subject"] == "J$5,000 <b>came</b>"
    assert "Answers to this mail are not read" in message["letter"]
    assert message["document"] == {"name": "book.pdf", "address": "/s/t.pdf"}
    assert message["table"] == {"name": "book.csv", "address": "/s/t.csv"}
    async with site.session.get(site.url + message["look"]) as answer:
        html, headers = await answer.text(), answer.headers
    assert "J$5,000 &lt;b&gt;came&lt;/b&gt;" in html
    assert '<base target="_blank">' in html
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "sandbox" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("number", ["0", "1", "x", "-1", "9" * 30, "%00"])
async def test_a_mail_that_is_none_is_404(site: Site, number: str) -> None:
    await SimulatedChat("sms", site.engine, site.clock).send("+18765550102", Outgoing("hi"), "k")
    assert (await site.get(f"/sim/mail/{number}"))[0] == 404


async def test_after_leaves_out_what_was_read_and_ids_rise_over_all_phones(site: Site, workers: Workers) -> None:
    for number in range(3):
        await post(site, "/sim/messages", {**DEVON, "text": f"first {number}"})
        await post(site, "/sim/messages", {"channel": "telegram", "address": "5550103", "text": f"{number}"})
        await asyncio.sleep(0.05)
    await post(site, "/sim/clock", {"advance": "PT0S"})
    all_phones = await read(site)
    assert len(all_phones) == 6
    assert [m["id"] for m in all_phones] == sorted({m["id"] for m in all_phones})
    devons = await read(site, **DEVON)
    assert [m["text"] for m in devons] == [f"You said first {n}" for n in range(3)]
    assert await read(site, **DEVON, after=devons[0]["id"]) == devons[1:]
    assert await read(site, **DEVON, after=devons[-1]["id"]) == []


async def test_waiting_ends_as_soon_as_there_is_something(site: Site, workers: Workers) -> None:
    began = monotonic()
    waiting = asyncio.create_task(read(site, **DEVON, wait=20))
    await asyncio.sleep(0.3)
    await post(site, "/sim/messages", {**DEVON, "text": "hi"})
    assert [m["text"] for m in await waiting] == ["You said hi"]
    assert monotonic() - began < 5


async def test_waiting_ends_with_an_empty_list_when_its_time_is_over(site: Site) -> None:
    began = monotonic()
    assert await read(site, **DEVON, wait=0.5) == []
    assert 0.4 < monotonic() - began < 2


async def test_who_waits_does_not_hold_up_the_end_of_the_service(engine: Engine, bell: Bell) -> None:
    async with aiohttp.ClientSession() as session:
        async for site in running(*parts(engine, bell)):
            waiting = asyncio.create_task(_ask(session, site.url + "/sim/messages?wait=30"))
            await asyncio.sleep(0.2)
            began = monotonic()
        assert await waiting == (200, "[]")
        assert monotonic() - began < 3


async def _ask(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with session.get(url) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    "query",
    [
        *("after=x", "after=-1", "after=99999999999999999999"),
        *("wait=soon", "wait=nan", "wait=-1", "wait=3600"),
        *("channel=sms", "address=%2B18765550102", "channel=fax&address=1", "channel=sms&address=zz"),
        *("channel=email&address=zz", "channel=email&address=a%40b"),
    ],
)
async def test_a_bad_question_is_400_in_one_line(site: Site, query: str) -> None:
    status, text = await site.get(f"/sim/messages?{query}")
    assert status == 400
    assert len(text.splitlines()) == 1


# --- the clock ----------------------------------------------------------------------------------------


async def now(site: Site) -> datetime:
    async with site.session.get(site.url + "/sim/clock") as answer:
        return datetime.fromisoformat((await answer.json())["now"])


async def plan(site: Site, **after: timedelta) -> datetime:
    """Plan duties by key and time from now; returns the now they are counted from."""
    start = site.clock.now()
    async with site.engine.begin() as conn:
        await duties.plan(conn, [Duty(key, start + by, "circle:7K2MQ9", "x") for key, by in after.items()])
    return start


async def test_the_clock_moves_by_a_length_and_to_a_time(site: Site, workers: Workers) -> None:
    start = await now(site)
    status, body = await post(site, "/sim/clock", {"advance": "P7D"})
    moved = datetime.fromisoformat(body["now"])
    assert status == 200
    assert timedelta(days=7) <= moved - start < timedelta(days=7, seconds=10)
    target = (moved + timedelta(days=3)).replace(hour=9, minute=0, second=0, microsecond=0)
    _, body = await post(site, "/sim/clock", {"set": target.strftime("%Y-%m-%dT%H:%M-05:00")})
    assert timedelta() <= datetime.fromisoformat(body["now"]) - target < timedelta(seconds=10)


async def test_every_duty_on_the_way_runs_at_its_own_time(site: Site, workers: Workers) -> None:
    two_days = timedelta(days=2)
    start = await plan(site, a=timedelta(hours=5), b=two_days, c=two_days + timedelta(seconds=1), d=timedelta(days=9))
    await post(site, "/sim/clock", {"advance": "P7D"})
    assert [key for key, _ in workers.handled] == ["a", "b", "c"]
    for (_, at), due in zip(workers.handled, (5 * 3600, 172_800, 172_801), strict=True):
        assert timedelta() <= at - (start + timedelta(seconds=due)) < timedelta(seconds=10)


async def test_a_duty_planned_on_the_way_runs_too(site: Site) -> None:
    class Chain(Workers):
        async def _desk(self, conn: Any) -> None:
            before = len(self.handled)
            await super()._desk(conn)
            if len(self.handled) > before and len(self.handled) < 4:
                await self._again(conn)

        async def _again(self, conn: Any) -> None:
            at = self.site.clock.now() + timedelta(days=1)
            await duties.plan(conn, [Duty(f"again {len(self.handled)}", at, "circle:7K2MQ9", "x")])

    await plan(site, first=timedelta(days=1))
    async with Chain(site) as chain:
        await post(site, "/sim/clock", {"advance": "P30D"})
        assert [key for key, _ in chain.handled] == ["first", "again 1", "again 2", "again 3"]


async def test_a_message_held_for_the_morning_goes_out_at_its_time(site: Site, workers: Workers) -> None:
    start = site.clock.now()
    held = outbox.Parcel("sms:+18765550102", "say", "k1", Outgoing("hi").as_json(), start + timedelta(hours=9))
    async with site.engine.begin() as conn:
        await outbox.put(conn, site.vault, [held], start)
    await post(site, "/sim/clock", {"advance": "P1D"})
    [(key, at)] = workers.sent
    assert key == "k1"
    assert timedelta(hours=9) <= at - start < timedelta(hours=9, seconds=10)


async def test_the_call_returns_when_what_people_wrote_before_is_answered(site: Site, workers: Workers) -> None:
    calls = [{**DEVON, "address": f"+1876555{n:04}", "text": "hi"} for n in range(40)]
    await asyncio.gather(*(post(site, "/sim/messages", call) for call in calls))
    await post(site, "/sim/clock", {"advance": "PT1S"})
    assert len(await read(site)) == 40


async def test_moves_at_once_add_up(site: Site, workers: Workers) -> None:
    start = await now(site)
    answers = await asyncio.gather(*(post(site, "/sim/clock", {"advance": "P1D"}) for _ in range(5)))
    assert {status for status, _ in answers} == {200}
    assert timedelta(days=5) <= await now(site) - start < timedelta(days=5, seconds=10)


async def test_the_moved_clock_survives_a_restart(site: Site, workers: Workers) -> None:
    await post(site, "/sim/clock", {"advance": "P3D"})
    fresh = type(site.clock)()
    async with site.engine.connect() as conn:
        await fresh.load(conn)
    assert abs(fresh.now() - site.clock.now()) < timedelta(seconds=1)


async def test_a_clock_set_to_where_it_is_stays_and_never_goes_back(site: Site, workers: Workers) -> None:
    await post(site, "/sim/clock", {"advance": "P1D"})
    here = await now(site)
    assert (await post(site, "/sim/clock", {"set": here.isoformat()}))[0] == 200
    status, words = await post(site, "/sim/clock", {"set": (here - timedelta(hours=1)).isoformat()})
    assert status == 400
    assert "only moves ahead" in words
    assert await now(site) >= here


async def test_an_arrival_that_waits_for_its_next_try_holds_the_clock_only_for_a_while(site: Site) -> None:
    await post(site, "/sim/messages", {**DEVON, "text": "hi"})
    async with site.engine.begin() as conn:
        await conn.exec_driver_sql("UPDATE inbox SET retry_at = now() + interval '1 hour'")
    began = monotonic()
    assert (await post(site, "/sim/clock", {"advance": "P1D"}))[0] == 200
    assert 5 <= monotonic() - began < 15


async def test_a_parked_arrival_does_not_hold_the_clock(site: Site) -> None:
    await post(site, "/sim/messages", {**DEVON, "text": "hi"})
    async with site.engine.begin() as conn:
        await conn.exec_driver_sql("UPDATE inbox SET parked_at = now()")
    began = monotonic()
    assert (await post(site, "/sim/clock", {"advance": "P1D"}))[0] == 200
    assert monotonic() - began < 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ([], "advance"),
        ({}, "advance"),
        ({"advance": 7}, "advance"),
        ({"advance": "seven days"}, "P7D"),
        ({"advance": "P"}, "P7D"),
        ({"advance": "P99999999999999D"}, "P7D"),
        ({"advance": "-P1D"}, "only moves ahead"),
        ({"advance": "P5Y"}, "at most 400 days"),
        ({"advance": "P9999999Y"}, "at most 400 days"),
        ({"advance": "P401D"}, "at most 400 days"),
        ({"set": "2026-12-07T09:00"}, "offset"),
        ({"set": "Monday"}, "offset"),
        ({"set": "1999-01-01T00:00-05:00"}, "only moves ahead"),
        ({"set": "9999-12-31T23:59-05:00"}, "at most 400 days"),
        ({"set": "2026-12-07T09:00-05:00", "advance": "P1D"}, "not both"),
    ],
)
async def test_a_bad_move_is_400_in_one_clear_line_and_moves_nothing(site: Site, call: Any, words: str) -> None:
    before = await now(site)
    status, text = await post(site, "/sim/clock", call)
    assert status == 400
    assert words in text
    assert await now(site) - before < timedelta(seconds=5)


async def test_a_month_is_a_length_too(site: Site, workers: Workers) -> None:
    start = await now(site)
    assert (await post(site, "/sim/clock", {"advance": "P1M"}))[0] == 200
    assert timedelta(days=28) <= await now(site) - start < timedelta(days=32)


# --- the page -----------------------------------------------------------------------------------------


async def test_an_address_is_given_as_the_service_writes_it(site: Site) -> None:
    assert await site.get("/sim/address?channel=sms&address=876-555-0102") == (
        200,
        '{"address":"+18765550102"}',
    )
    assert (await site.get("/sim/address?channel=sms&address=x"))[0] == 400


async def test_a_phone_is_made_staff_once_however_often_it_is_asked(site: Site) -> None:
    for _ in range(2):
        assert (await post(site, "/sim/staff", {"channel": "sms", "address": "876-555-0100"}))[0] == 200
    async with site.engine.connect() as conn:
        rows = (await conn.exec_driver_sql("SELECT party, role FROM staff")).all()
    assert [tuple(row) for row in rows] == [("sms:+18765550100", "admin")]
    bad: list[Any] = [[], {}, {"channel": "fax", "address": "1"}, {"channel": "sms", "address": "x"}]
    for call in bad:
        assert (await post(site, "/sim/staff", call))[0] == 400


async def test_the_ledger_is_there_before_any_money_has_moved(site: Site) -> None:
    assert await site.get("/sim/ledger") == (200, '{"totals":[],"groups":[],"transfers":[]}')


async def test_the_page_offers_every_channel(site: Site) -> None:
    _, html = await site.get("/sim")
    assert re.findall(r'option value="(\w+)"', html) == ["whatsapp", "sms", "telegram", "email"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "pardna.example.com"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=["another name", "through a proxy", "another site's page", "another site's script"],
)
@pytest.mark.parametrize("path", ["/sim", "/sim/staff", "/sim/messages", "/sim/clock"])
async def test_the_simulator_answers_only_at_home(site: Site, path: str, headers: dict[str, str]) -> None:
    """Else a tunnel for a provider's hooks, or any page a developer opens, could make itself staff."""
    method = "POST" if path == "/sim/staff" else "GET"
    body: dict[str, str] | None = None if method == "GET" else {}
    async with site.session.request(method, site.url + path, headers=headers, json=body) as answer:
        assert answer.status == 403
