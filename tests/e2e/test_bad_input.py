"""Whatever may be sent wrong to the real process: each gets the contract's answer, and nothing half-done stays."""

import io
import re

import pytest
from sqlalchemy import text

from storage.engine import make_engine
from tests import vendors
from tests.e2e.circle import onboard
from tests.e2e.town import Person, Town
from tests.vendors import Call

GARBAGE = (b"", b"not json", b"\xff\xfe\x00", b"[]", b"null", b'{"entry": 7}', b"{" * 5000, b'"' + b"x" * 5000)
GOOD = {
    "whatsapp": vendors.whatsapp_text("+18765550101", "MENU"),
    "sms": vendors.sms_form("+18765550102", "MENU"),
    "sms/status": vendors.sms_status("+18765550102", "SM" + "0" * 32, "delivered"),
    "telegram": vendors.telegram_text(5550103, "MENU"),
    "stripe": vendors.stripe_event("checkout.session.completed", {"id": "cs_1"}),
}
SIGNATURES = {
    "whatsapp": "X-Hub-Signature-256",
    "sms": "X-Twilio-Signature",
    "sms/status": "X-Twilio-Signature",
    "telegram": "X-Telegram-Bot-Api-Secret-Token",
    "stripe": "Stripe-Signature",
}
CIRCLE = "NEW Sunday Club; 5000 JMD; weekly; 5; {first}; join order"


async def post(town: Town, call: Call) -> int:
    body = io.BytesIO(call.body)
    async with town.session.request(call.method, town.urls[0] + call.path, data=body, headers=call.headers) as answer:
        return answer.status


async def test_what_a_hook_answers_to_calls_that_are_not_its_providers(town: Town, database_url: str) -> None:
    for name, call in GOOD.items():
        header = SIGNATURES[name]
        wrong = {**call.headers, header: call.headers[header][:-2] + "00"}
        missing = {key: value for key, value in call.headers.items() if key != header}
        huge = b"x" * ((1 << 20) + 1)
        answers = {
            "wrong": await post(town, Call(call.path, wrong, call.body)),
            "missing": await post(town, Call(call.path, missing, call.body)),
            "changed": await post(town, Call(call.path, call.headers, call.body + b" ")),
            "huge": await post(town, Call(call.path, call.headers, huge)),
            "DELETE": await post(town, Call(call.path, call.headers, call.body, "DELETE")),
            "nowhere": await post(town, Call(call.path + "/x", call.headers, call.body)),
        }
        signs_the_body = name != "telegram"
        changed = 401 if signs_the_body else 200
        assert (name, answers) == (
            name,
            {"wrong": 401, "missing": 401, "changed": changed, "huge": 413, "DELETE": 405, "nowhere": 404},
        )
        if name != "whatsapp":
            assert await post(town, Call(call.path, call.headers, b"", "GET")) == 405
    for path in ("/hooks/ncb", "/hooks/smsgate", "/hooks/sendgrid", "/hooks/fax"):
        assert (path, await post(town, Call(path, {}, b"{}"))) == (path, 404)
    assert await arrivals(database_url) == ["telegram"]  # the one whose secret was right


async def test_a_signed_body_that_makes_no_sense_is_400(town: Town, database_url: str) -> None:
    for body in GARBAGE:
        assert (body[:20], await post(town, vendors.whatsapp_signed(body))) == (body[:20], 400)
        telegram = Call("/hooks/telegram", GOOD["telegram"].headers, body)
        assert (body[:20], await post(town, telegram)) == (body[:20], 400)
        assert (body[:20], await post(town, vendors.stripe_signed(body))) == (body[:20], 400)
    assert await post(town, vendors.twilio_signed("/hooks/sms", {"Body": "no sender, no id"})) == 400
    assert await post(town, vendors.twilio_signed("/hooks/sms/status", {"MessageSid": "SM1"})) == 400
    assert await arrivals(database_url) == []


async def test_a_repeat_of_the_same_update_is_200_and_handled_once(town: Town, database_url: str) -> None:
    marva = town.five[0]
    calls = [GOOD["whatsapp"], GOOD["sms"], GOOD["telegram"]]
    for call in calls * 3:
        assert await post(town, call) == 200
    for person in town.five[:3]:
        await person.sees("What name")
    await marva.says("Marva Brown").sees("agree")
    assert sorted(await arrivals(database_url)) == ["sms", "telegram", "whatsapp", "whatsapp"]
    assert [len(person.heard) for person in town.five[:3]] == [2, 1, 1]


@pytest.fixture
async def members(town: Town) -> tuple[Person, Person, str]:
    """A banker on WhatsApp and a member on SMS, in a circle that others may still join."""
    marva, devon = town.five[:2]
    await onboard(marva)
    await onboard(devon)
    first = (await town.now()).date().isoformat()
    made = await marva.says(CIRCLE.format(first=first)).sees("code is")
    return marva, devon, re.findall(r"code is ([A-Z2-9]{6})", made.text)[0]


async def test_what_people_type_wrong_gets_one_clear_line(members: tuple[Person, Person, str], town: Town) -> None:
    marva, devon, code = members
    table = {
        "JOIN ZZZZZZ": "ZZZZZZ",
        "PAY 0": "0",
        "PAY -5000": "",
        "PAY 1000000000000": "",
        "TRN 12345678A": "9 digits",
        "TRN 1234": "9 digits",
        f"ROSTER {code}": "",
        "NEW x; 0 JMD; weekly; 5; 2030-01-07; join order": "",
        "NEW x; -5 JMD; weekly; 5; 2030-01-07; join order": "",
        "NEW x; 1000000000000 JMD; weekly; 5; 2030-01-07; join order": "",
        "NEW x; 5000 JMD; weekly; 5; 1999-01-07; join order": "",
        "\N{GRINNING FACE}\N{FLEXED BICEPS}": "",
        "x" * 4000: "",
        "\N{FACE WITH TEARS OF JOY}" * 1000: "",
    }
    for typed, part in table.items():
        await marva.says("MENU").sees("Marva")
        before = len(marva.heard)
        answer = await marva.says(typed).sees(part)
        assert len(answer.text) <= 1024
        await town.rest()
        assert len(marva.heard) == before + 1, (typed[:40], marva.heard[before:])
    await devon.says("MENU").sees("Devon")
    for typed in table:
        answer = await devon.says(typed[:1600]).sees()
        assert len(answer.text) <= 306
    await marva.says("CIRCLES").sees("Sunday Club")


async def arrivals(url: str) -> list[str]:
    engine = make_engine(url)
    async with engine.connect() as conn:
        found = (await conn.execute(text("SELECT source FROM inbox WHERE source <> 'keeper' ORDER BY id"))).scalars()
        sources = [str(source) for source in found]
    await engine.dispose()
    return sources
