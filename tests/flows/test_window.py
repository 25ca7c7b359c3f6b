"""WhatsApp takes free words for 24 hours after a person wrote; later a template, and the words at their next word."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from channels.base import Chat, Outcome, Refused, Sent
from domain.messages import Channel, Filed, Inbound, InboundKind, Outgoing
from tests.flows.club import monday, people, rows
from tests.flows.test_pins import another, minutes
from tests.flows.test_ways import one
from tests.teller import House, Phone, open_house


@dataclass
class Meta:
    """What lies between us and the phones on WhatsApp: it knows forms, and may find a message too late."""

    late: set[str] = field(default_factory=set)
    """Addresses whose hours are over for it, whatever we think."""
    later: set[str] = field(default_factory=set)
    """Those of whom it says so only after it took a message."""
    lost: set[str] = field(default_factory=set)
    """Those for whom it takes a message and says no more."""
    forms: list[str] = field(default_factory=list)
    took: list[str] = field(default_factory=list)

    def over(self, chat: Chat) -> Chat:
        return Line(chat, self) if chat.name == "whatsapp" else chat


class Line:
    """The network as it stands between the relay and the phones."""

    name = "whatsapp"
    rate_per_second = float("inf")
    window = timedelta(hours=24)

    def __init__(self, inner: Chat, meta: Meta) -> None:
        self._inner = inner
        self._meta = meta

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        if message.template:
            self._meta.forms.append(message.template.name.rpartition("_en_")[0])
            shown = " / ".join((message.template.name, *message.template.values))
            return await self._inner.send(address, Outgoing(shown), key)
        if address in self._meta.late:
            return Refused("outside the 24 hours", "131047", shut=True)
        if address in self._meta.lost:
            return Sent(f"lost:{key}")
        if address in self._meta.later:
            self._meta.took.append(f"late:{key}")
            return Sent(f"late:{key}")
        return await self._inner.send(address, message, key)


@pytest.fixture
def meta() -> Meta:
    return Meta()


@pytest.fixture
async def house(database_url: str, meta: Meta) -> AsyncIterator[House]:
    async with open_house(database_url, at=monday(), holidays=frozenset(), network=meta.over) as opened:
        yield opened


def day(later: int) -> str:
    return f"{(monday() + timedelta(days=later)).date():%d %b %Y}"


async def banker(house: House) -> tuple[Phone, Phone, str]:
    """Return Marva, who has a circle, Devon, who may ask to be let in, and its code."""
    marva, devon = await people(house, 2)
    await marva.says(f"NEW Sunday Club; 5000 JMD; weekly; 3; {day(9)}; join order").sees("is set up")
    return marva, devon, await one(house, "SELECT code FROM circle")


async def asks_in(house: House, devon: Phone, code: str) -> None:
    await devon.says(f"JOIN {code}").sees("AGREE")
    await devon.says("AGREE").sees("has been asked")
    await house.rest()


async def states(house: House, party: str) -> list[str]:
    found = await rows(
        house, f"SELECT state FROM outbox WHERE lane = '{party.replace(':', chr(92) + ':')}' ORDER BY id"
    )
    return [row[0] for row in found]


async def test_within_the_hours_a_notice_has_its_own_words(house: House, meta: Meta) -> None:
    marva, devon, code = await banker(house)
    await asks_in(house, devon, code)
    await marva.sees("wants to join", "APPROVE")
    assert meta.forms == []


async def test_outside_them_it_goes_as_its_form_and_is_done(house: House, meta: Meta) -> None:
    marva, devon, code = await banker(house)
    await house.pass_days(2)
    await asks_in(house, devon, code)
    await marva.sees("asks_to_join", "Devon")
    assert meta.forms == ["asks_to_join"]
    assert (await states(house, marva.party))[-1] == "sent"
    await marva.says("MENU").sees("")
    assert not await marva.saw("wants to join Sunday Club, hands")


async def test_the_hours_are_looked_at_when_it_is_sent(house: House, meta: Meta) -> None:
    """It was said in the evening, within them; quiet hours lie between."""
    marva, devon, code = await banker(house)  # at ten in the morning
    await house.go_to(monday() + timedelta(hours=11))
    await asks_in(house, devon, code)
    assert meta.forms == []
    await house.go_to(monday() + timedelta(hours=25))
    assert meta.forms == []  # 08:00 is within
    await marva.sees("wants to join")


async def test_news_without_a_form_wait_for_any_word(house: House, meta: Meta) -> None:
    marva, devon = await people(house, 2)
    await devon.says(f"NEW Sunday Club; 5000 JMD; weekly; 3; {day(9)}; join order").sees("is set up")
    code = await one(house, "SELECT code FROM circle")
    await asks_in(house, marva, code)
    await devon.says(f"APPROVE {code} ALL").sees("let")
    await marva.sees("You are in Sunday Club")
    await house.pass_days(2)
    await devon.says(f"CLOSE {code} YES").sees("Sunday Club")
    await marva.sees("template_news")
    assert meta.forms == ["template_news"]
    await house.rest()
    assert (await states(house, marva.party))[-1] == "waiting"
    said = await marva.says("MENU").sees("called off Sunday Club", "Start a circle")
    assert said.options  # in one message with the menu
    assert (await states(house, marva.party))[-2:] == ["replaced", "sent"]
    await marva.says("MENU").sees("Start a circle")
    assert not any("called off" in m.text for m in marva.messages[-1:])


async def test_what_meta_finds_too_late_at_once_goes_as_its_form(house: House, meta: Meta) -> None:
    marva, devon, code = await banker(house)
    meta.late.add(marva.address)
    await asks_in(house, devon, code)
    await marva.sees("asks_to_join")
    assert meta.forms == ["asks_to_join"]


async def test_what_meta_finds_too_late_afterwards_goes_as_its_form(house: House, meta: Meta) -> None:
    """It takes a message, and tells by a status that the hours were over."""
    marva, devon, code = await banker(house)
    second = await another(house, marva, "sms", "+18765550177")
    await marva.says("MENU").sees("")
    meta.later.add(marva.address)
    await asks_in(house, devon, code)
    (ident,) = meta.took
    told = Inbound(
        Channel.WHATSAPP, marva.address, InboundKind.STATUS, message_id=ident, status="failed", code="131047", shut=True
    )
    await house.filer.file([Filed("whatsapp", f"{ident}:failed", marva.party, "status", told.as_json())])
    await marva.sees("asks_to_join")
    await minutes(house, 60)
    assert not await second.saw("wants to join")


async def test_a_reply_that_brings_what_waited_and_is_lost_goes_by_the_next_way_once(house: House, meta: Meta) -> None:
    """Each notice reaches each person: what waited on WhatsApp must not go down with the reply that brings it."""
    marva, devon = await people(house, 2)
    second = await another(house, marva, "sms", "+18765550177")
    await devon.says(f"NEW Sunday Club; 5000 JMD; weekly; 3; {day(9)}; join order").sees("is set up")
    code = await one(house, "SELECT code FROM circle")
    await marva.says("MENU").sees("")
    await asks_in(house, marva, code)
    await devon.says(f"APPROVE {code} ALL").sees("let")
    await marva.sees("You are in Sunday Club")
    await house.pass_days(2)
    await devon.says(f"CLOSE {code} YES").sees("Sunday Club")
    await marva.sees("template_news")
    meta.lost.add(marva.address)
    await marva.says("MENU")
    await minutes(house, 5)
    assert not await second.saw("called off")
    await minutes(house, 60)
    await second.sees("called off Sunday Club")
    await minutes(house, 600)
    await second.look()
    assert sum("called off" in m.text for m in second.messages) == 1
