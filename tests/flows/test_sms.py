"""A pardna by plain phones: what it costs in segments, what a number means, when we are silent, what SMS may do."""

import dataclasses
import statistics
from datetime import timedelta
from typing import Any

import pytest

from bot.actions.gate import check
from bot.actions.turn import Turn
from bot.words.say import Refusal
from channels.chat.sms.text import text_of
from domain import commands as c
from domain.gsm7 import is_gsm7, segments
from domain.messages import Channel, Filed, Inbound, InboundKind, Outgoing
from domain.people import Role
from storage import simulated
from tests.flows import club
from tests.flows.club import DAY, begun, clerk, fetch, monday, people, rows
from tests.flows.test_pins import another
from tests.teller import House, Phone, numbers, onboard


async def texts(phone: Phone, what: str, kind: InboundKind = InboundKind.TEXT, **more: Any) -> None:
    """Text us, by the SIM say (`by_sim`), or late (`late_seconds`)."""
    await phone.look()
    phone.unread.clear()
    inbound = Inbound(Channel.SMS, phone.address, kind, what, **more)
    await phone.house.filer.file([Filed("sms", f"sms-{next(numbers)}", phone.party, "chat", inbound.as_json())])


async def sent(house: House, phone: Phone, after: int = 0) -> list[Outgoing]:
    """What reached a phone."""
    await house.rest()
    async with house.engine.connect() as conn:
        return [one.message for one in await simulated.shown(conn, "sms", phone.address, 0)][after:]


async def member(house: House, number: int = 1, name: str = "Devon Clarke") -> Phone:
    phone = house.phone("sms", f"+1876555020{number}", name)
    await onboard(phone, name)
    return phone


# -- what it costs --------------------------------------------------------------------------------------------


async def test_a_whole_circle_by_sms_costs_little_more_than_a_segment_a_text(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five plain phones from NEW to the last draw, one throw by cash, each draw with its two yeses and a PIN."""
    monkeypatch.setattr(club, "CHANNELS", (("sms", "+1876555010{}"),) * 3)
    circle = await begun(house, 5, weeks=1)
    banker, *others = circle.phones
    for number, drawer in enumerate(circle.phones, start=1):
        await circle.go(number)
        await circle.pay(banker, *others[:3])
        await banker.says(f"CASH Patsy 5000 {circle.code}").sees("is counted")
        await others[3].sees("wrote down")
        await others[3].taps("Confirm").sees("is right")
        await circle.draw(drawer)
    await house.pass_days(9)
    said = [text_of(message) for phone in circle.phones for message in await sent(house, phone)]
    costs = [segments(one) for one in said]
    assert all(map(is_gsm7, said))
    assert sum("complete" in one for one in said) >= 5
    assert max(costs) <= 2
    assert statistics.median(costs) <= 1.2
    assert statistics.mean(costs) <= 1.2


# -- what a number means ----------------------------------------------------------------------------------------


async def test_a_number_means_what_was_seen_though_a_notice_came_between(house: House) -> None:
    """One without a choice changes nothing; one with a choice is what was seen last."""
    devon, staff = await member(house), await clerk(house)
    shown = await devon.says("MENU").sees("[")
    await devon.says("AGENT I need a hand").sees("K-")
    await staff.says("QUEUE").sees("agent")
    ref = club.found(r"K-\w{4}", staff.text)
    await devon.says("MENU").sees(shown.options[0].label)
    await staff.says(f"CASE {ref} We have seen it").sees(ref)
    await devon.sees("We have seen it")
    answered = await devon.says("1").sees("")
    assert answered.text == (await devon.says(shown.options[0].id).sees("")).text


async def test_a_number_is_good_after_a_restart_and_not_after_three_days(house: House) -> None:
    devon = await member(house)
    shown = await devon.says("MENU").sees("[")
    async with house.closed_desk():
        await texts(devon, "1")
    answered = await devon.sees("")
    assert answered.text == (await devon.says(shown.options[0].id).sees("")).text
    await devon.says("MENU").sees(shown.options[0].label)
    await house.pass_days(3.1)
    await devon.says("1").sees("do not know it")


async def test_a_number_that_waited_on_the_way_is_held_against_the_menu_of_its_own_time(house: House) -> None:
    """Out of order: it was written before the menu that is on the phone now."""
    devon = await member(house)
    await devon.says("LANGUAGE").sees("[English]")
    await house.go_to(house.clock.now() + timedelta(hours=2))
    await devon.says("BALANCE").sees("")
    await devon.says("MENU").sees("[")
    await texts(devon, "1", late_seconds=3600)
    await devon.sees("English")
    await texts(devon, "1", late_seconds=4 * 86400)
    await devon.sees("do not know it")


async def test_a_long_text_of_many_parts_is_one_message_and_one_too_long_is_said_to_be(house: House) -> None:
    devon = await member(house)
    await devon.says("AGENT " + "My cousin gave the banker the money. " * 20).sees("K-")
    await devon.says("x" * 2001).sees("longer than I can read")


async def test_a_picture_is_answered_on_either_way(house: House) -> None:
    devon = await member(house)
    for by_sim in (False, True):
        await texts(devon, "my slip", InboundKind.MEDIA, by_sim=by_sim)
        await devon.sees("text")


# -- when nothing is sent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["STOP", "END", "cancel"])
async def test_between_stop_and_start_nothing_is_sent(house: House, word: str) -> None:
    """Twilio has confirmed it, and nothing of ours follows: neither answers nor notices."""
    devon, staff = await member(house), await clerk(house)
    await devon.says("AGENT I need a hand").sees("K-")
    await staff.says("QUEUE").sees("agent")
    many = len(await sent(house, devon))
    for line in (word, "BALANCE", "MENU", word):
        await texts(devon, line)
    await staff.says(f"CASE {club.found(r'K-[0-9A-Z]{4}', staff.text)} We have seen it").sees("")
    assert await sent(house, devon, many) == []
    back = "YES" if word == "STOP" else "UNSTOP" if word == "END" else "START"
    await devon.says(back).sees("Good to have you back")
    await devon.says("BALANCE").sees("")


async def test_by_the_sim_stop_is_confirmed_once_and_by_the_sim_alone(house: House) -> None:
    devon = await member(house)
    many = len(await sent(house, devon))
    for line in ("STOP", "STOP", "BALANCE", "END"):
        await texts(devon, line, by_sim=True)
    (said,) = await sent(house, devon, many)
    assert "START" in said.text
    assert said.by_sim
    await texts(devon, "START", by_sim=True)
    back = await devon.sees("Good to have you back")
    assert not back.by_sim


async def test_an_opt_out_that_twilio_tells_of_is_recorded_until_they_start_again(house: House) -> None:
    """21610: they sent STOP to another number of the service, or before our time."""
    devon = await member(house)
    gone = {"kind": "refused", "of": "say", "gone": True, "reason": "opted out", "code": "21610"}
    await house.filer.file([Filed("sms", "SM1:failed:gone", devon.party, "result", gone)])
    await house.rest()
    assert await fetch(house, "SELECT stopped_at IS NOT NULL FROM address") is True
    many = len(await sent(house, devon))
    await texts(devon, "MENU")
    assert await sent(house, devon, many) == []
    await devon.says("START").sees("Good to have you back")


async def test_a_notice_waits_for_the_morning_and_an_answer_does_not(house: House) -> None:
    """Between 20:00 and 08:00 only who just wrote is written to."""
    devon, staff = await member(house), await clerk(house)
    await devon.says("AGENT I need a hand").sees("K-")
    await staff.says("QUEUE").sees("agent")
    ref = club.found(r"K-\w{4}", staff.text)
    today = monday().date()
    await house.go_to(club.at(today, 22))
    many = len(await sent(house, devon))
    await staff.says(f"CASE {ref} We have seen it").sees(ref)
    await house.go_to(club.at(today + DAY, 7, 59))
    assert await sent(house, devon, many) == []
    await house.go_to(club.at(today + DAY, 8, 1))
    (said,) = await sent(house, devon, many)
    assert "We have seen it" in said.text


async def test_who_writes_in_the_night_is_awake_and_hears_what_waited_before_the_answer(house: House) -> None:
    """So nothing that was asked lies there in the morning when it was answered long ago."""
    devon, staff = await member(house), await clerk(house)
    second = await another(house, devon, "telegram", "5550202")
    await devon.says("AGENT I need a hand").sees("K-")
    ref = club.found(r"K-\w{4}", (await staff.says("QUEUE").sees("agent")).text)
    today = monday().date()
    await house.go_to(club.at(today, 22))
    many = len(await sent(house, devon))
    await staff.says(f"CASE {ref} We have seen it").sees(ref)
    assert await sent(house, devon, many) == []
    await second.says("BALANCE").sees("no running circle")
    (said,) = await sent(house, devon, many)
    assert "We have seen it" in said.text
    await devon.says("BALANCE").sees("no running circle")
    await house.go_to(club.at(today + DAY, 8, 1))
    assert len(await sent(house, devon, many)) == 2


# -- what SMS alone may do (rule 54) ------------------------------------------------------------------------------


def kinds(below: type[c.Command] = c.Command) -> list[type[c.Command]]:
    return [kind for each in below.__subclasses__() for kind in (each, *kinds(each))]


STAFF = [kind for kind in kinds() if kind.by == "staff" and dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", STAFF, ids=[kind.__name__ for kind in STAFF])
def test_nothing_of_staff_is_done_by_sms(kind: type[c.Command]) -> None:
    """A sender can be forged, so not even the PIN helps."""
    texting = Turn(None, None, monday(), "sms:+18765550101", "p", frozenset({Role.ADMIN}))  # type: ignore[arg-type]
    refused = check(texting, object.__new__(kind))
    assert isinstance(refused, Refusal)
    assert refused.because.name == "staff_not_by_sms"


async def test_what_would_move_a_draw_is_not_done_by_sms_alone(house: House) -> None:
    """Where draws go waits for staff; an address, a second yes and a new PIN want the PIN, and a guess locks it."""
    [_, devon] = await people(house, 2)
    devon.pin = ""
    await devon.says("PIN").sees("Choose 4 to 6")
    await devon.says("4826").sees("once more")
    await devon.says("4826").sees("is set")
    await house.pass_days(0.5)
    for line in ("PAYOUT NCB 12345678", "LINK TELEGRAM 5550990", "PIN"):
        await devon.says(line).sees("type your PIN")
        assert await fetch(house, "SELECT count(*) FROM destination") == 0
        await devon.says("BACK").sees("")
    await devon.says("PAYOUT NCB 12345678").sees("type your PIN")
    await devon.says("4826").sees("forged", "K-")
    assert await rows(house, "SELECT 1 FROM destination") == []
