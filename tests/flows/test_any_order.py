"""Any text, any order of calls, repeats: no exception, one answer to each message, and the state that order gives.

What order means here: the messages of one person count in the order in which they come, those of one call in the order
of their provider's times; a message that comes again is not there; what is told of how far ours got commutes, before we
noted that we sent it and after.
"""

import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from channels.base import Hook
from channels.chat.sms import SmsGateHook, SmsHook, SmsStatusHook
from channels.chat.telegram import TelegramHook
from channels.chat.whatsapp import WhatsAppHook
from storage import outbox
from tests import vendors
from tests.flows.club import execute, fetch, rows
from tests.teller import House, open_house
from tests.vendors import SETTINGS, SMSGATE, Call

HOOKS: dict[str, Hook] = {
    "/hooks/whatsapp": WhatsAppHook(SETTINGS["WHATSAPP_APP_SECRET"], SETTINGS["WHATSAPP_VERIFY_TOKEN"]),
    "/hooks/sms": SmsHook(SETTINGS["TWILIO_AUTH_TOKEN"], SETTINGS["PUBLIC_URL"]),
    "/hooks/sms/status": SmsStatusHook(SETTINGS["TWILIO_AUTH_TOKEN"], SETTINGS["PUBLIC_URL"]),
    "/hooks/smsgate": SmsGateHook(SMSGATE["SMSGATE_SIGNING_KEY"], time.time),
    "/hooks/telegram": TelegramHook(SETTINGS["TELEGRAM_WEBHOOK_SECRET"]),
}
CHANNELS = ("whatsapp", "sms", "sim", "telegram")
STATES = ("sent", "delivered", "read", "failed")
RANKS = outbox.DELIVERY
people = count(1)
updates = count(10_000)
MASKS = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.+]+|\b[RPK]-\w+\b|\b[A-Z2-9]{6}\b|\+?1?876555\d{4}|\b5559\d{6}\b|https?://\S+"
)

SAID = st.one_of(
    st.sampled_from([
        "hello", "Marva Brown", "I agree", "AGREE", "EN", "MENU", "BALANCE", "PAY 5000", "JOIN K7QX2M", "1", "2",
        "NEW", "NEW Sunday Club; 5000 JMD; weekly; 3; tomorrow; join order", "yes", "no", "AGENT my cousin paid", "TRN",
        "LANGUAGE patwa", "\U0001f44d", "", " ", "\x00", "\u202e5000 YAP", "\ufeffPAY", "=1+1", "; DROP",
    ]),
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=("Cc", "Cf", "Mn", "Zs", "So")), max_size=20),
    st.builds(lambda part, times: part * times, st.text(min_size=1, max_size=5), st.sampled_from([1, 400, 2000])),
)  # fmt: skip
TALK = st.lists(SAID, min_size=1, max_size=5)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """A house at rest: its desk works when it is told to, and nothing is sent."""
    async with open_house(database_url) as opened:
        for task in opened.tasks.values():
            task.cancel()
        yield opened
        opened.tasks.clear()


class Somebody:
    """A person on one network, of whom nobody has heard."""

    def __init__(self, house: House, channel: str) -> None:
        self.house = house
        self.channel = channel
        number = next(people)
        self.address = f"5559{number:06}" if channel == "telegram" else f"+1876555{number:04}"
        self.party = f"{'sms' if channel == 'sim' else channel}:{self.address}"

    def call(self, text: str, number: int) -> Call:
        """Return the call that brings a text, the so-and-so-many-th of theirs."""
        match self.channel:
            case "whatsapp":
                return vendors.whatsapp({"messages": [self.message(text, number)]})
            case "sms":
                return vendors.sms_form(self.address, text)
            case "sim":
                return vendors.smsgate_sms(self.address, text)
            case _:
                return vendors.telegram_text(int(self.address), text, update_id=next(updates))

    def message(self, text: str, number: int) -> dict[str, Any]:
        """Return one message of a batch of WhatsApp's."""
        said = vendors.whatsapp_message(self.address, {"type": "text", "text": {"body": text}})
        return {**said, "timestamp": str(1_800_000_000 + number)}

    def status(self, ident: str, state: str) -> Call | None:
        """Return the call that tells how far a message got; None where nobody tells."""
        match self.channel:
            case "whatsapp":
                return vendors.whatsapp_status(self.address, ident, state, code=131026 if state == "failed" else 0)
            case "sms":
                return vendors.sms_status(self.address, ident, state)
            case "sim":
                return vendors.smsgate_status(self.address, ident, state) if state != "read" else None
            case _:
                return None

    async def brings(self, *calls: Call) -> None:
        """Have calls come in and be worked off."""
        for call in calls:
            await self.house.filer.file(HOOKS[call.path].receive(call.request()).arrivals)
        while await self.house.desk.work_once():
            pass

    async def sent(self, names: Sequence[str]) -> None:
        """Note that our answers were taken, under these ids."""
        query = "SELECT id FROM outbox WHERE lane = :lane ORDER BY id"
        for (ident,), name in zip(await rows(self.house, query, lane=self.party), names, strict=False):
            await execute(
                self.house, "UPDATE outbox SET provider_id = :p, state = 'sent' WHERE id = :i", p=name, i=ident
            )
        async with self.house.engine.begin() as conn:
            await outbox.note_early(conn, self.house.clock.now())

    async def stands(self) -> tuple[str, list[str], list[tuple[Any, ...]]]:
        """Return where their talk stands, what they were answered, and who they are."""
        session = await rows(self.house, "SELECT CAST(state AS text) FROM session WHERE party = :p", p=self.party)
        query = "SELECT key, body FROM outbox WHERE lane = :lane ORDER BY id"
        vault = self.house.vault
        kept = await rows(self.house, query, lane=self.party)
        said = [json.dumps(vault.open_json(outbox.place(key), body), sort_keys=True) for key, body in kept]
        who = "SELECT name, language FROM person p JOIN address a ON a.person_id = p.id WHERE a.party = :p"
        plain = [MASKS.sub("", one.replace(self.address, "")) for one in (str(session), *said)]
        return plain[0], plain[1:], await rows(self.house, who, p=self.party)

    async def delivered(self) -> list[int]:
        """Return how far each answer got."""
        query = "SELECT delivery FROM outbox WHERE lane = :lane ORDER BY id"
        return [rank for (rank,) in await rows(self.house, query, lane=self.party)]


async def check(house: House, channel: str, talk: list[str], data: st.DataObject) -> None:
    """Have one person talk in order, and another say the same with repeats and in batches out of order."""
    orderly, other = Somebody(house, channel), Somebody(house, channel)
    for number, said in enumerate(talk):
        await orderly.brings(orderly.call(said, number))
    if channel == "whatsapp" and data.draw(st.booleans()):
        batch = [other.message(said, number) for number, said in enumerate(talk)]
        calls = [vendors.whatsapp({"messages": data.draw(st.permutations(batch))})]
        calls += [vendors.whatsapp({"messages": [one]}) for one in data.draw(st.permutations(batch))]
        await other.brings(*calls)
    else:
        made: list[Call] = []
        for number, said in enumerate(talk):
            made.append(other.call(said, number))
            again = data.draw(st.lists(st.sampled_from(made), max_size=2))
            await other.brings(made[-1], *(call.fresh() for call in again))
    assert await other.stands() == await orderly.stands()
    answered = "SELECT count(DISTINCT split_part(key, '\\:', 1)) FROM outbox WHERE lane = :lane AND kind = 'say'"
    taken = "SELECT count(*) FROM inbox WHERE party = :lane AND kind = 'chat'"
    for who in (orderly, other):
        assert await fetch(house, answered, lane=who.party) == await fetch(house, taken, lane=who.party) == len(talk)
    await statuses(other, len(talk), data)
    assert await fetch(house, "SELECT count(*) FROM inbox WHERE done_at IS NULL") == 0


async def statuses(who: Somebody, answers: int, data: st.DataObject) -> None:
    """Tell how far the answers got, in any order, before and after we noted that we sent them."""
    names = [f"m{next(updates)}" for _ in range(answers)]
    told = data.draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(STATES)), max_size=6))
    calls = [(name, state, call) for name, state in told if (call := who.status(name, state))]
    early = data.draw(st.integers(0, len(calls)))
    await who.brings(*(call for *_, call in calls[:early]))
    await who.sent(names)
    await who.brings(*(call for *_, call in calls[early:]))
    best = {name: max((RANKS[state] for one, state, _ in calls if one == name), default=0) for name in names}
    assert (await who.delivered())[: len(names)] == list(best.values())


STOPS = re.compile(r"(?i)^\W*(stop|stopall|unsubscribe|cancel|end|quit|revoke|optout|start|unstop|yes)\b")
quick = settings(
    max_examples=25,
    phases=[Phase.reuse, Phase.generate],  # what is found is short, and making it shorter takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
long = settings(quick, max_examples=2000)


async def any_order(house: House, channel: str, talk: list[str], data: st.DataObject) -> None:
    """What Twilio and the law answer in our place has tests of its own."""
    if channel in {"sms", "sim"}:
        talk = [said for said in talk if not STOPS.match(said)] or ["hello"]
    await check(house, channel, talk, data)


@quick
@given(channel=st.sampled_from(CHANNELS), talk=TALK, data=st.data())
async def test_any_text_in_any_order_is_answered_once(
    house: House, channel: str, talk: list[str], data: st.DataObject
) -> None:
    await any_order(house, channel, talk, data)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@long
@given(channel=st.sampled_from(CHANNELS), talk=TALK, data=st.data())
async def test_any_text_in_any_order_is_answered_once_for_long(
    house: House, channel: str, talk: list[str], data: st.DataObject
) -> None:
    await any_order(house, channel, talk, data)
