"""News that does not get there by one way goes by another: once, and never twice (rules.md 59)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from channels.base import Chat, Outcome, Refused, Retry, Sent
from channels.chat.email import SendGridHook
from domain.messages import Channel, Filed, Inbound, InboundKind, Outgoing
from tests.flows.club import begun, clerk, execute, monday, people, rows
from tests.flows.test_people import link
from tests.flows.test_pins import another, minutes
from tests.teller import House, Phone, open_house
from tests.vendors import SENDGRID, sendgrid_event, sendgrid_events


@dataclass
class Air:
    """What the networks do with messages to an address; nothing special is kept for one that works."""

    moods: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, str]] = field(default_factory=list)
    """What a silent network took: (address, text)."""

    def over(self, chat: Chat) -> Chat:
        return Moody(chat, self)


class Moody:
    """A network that refuses, is down or takes and says nothing, by address."""

    rate_per_second = float("inf")

    def __init__(self, inner: Chat, air: Air) -> None:
        self.name = inner.name
        self._inner = inner
        self._air = air

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        match self._air.moods.get(f"{self.name}:{address}"):
            case "blocks":
                return Refused("blocked the bot", "403", gone=True)
            case "refuses":
                return Refused("undeliverable", "131026")
            case "down":
                return Retry("HTTP 503")
            case "silent":
                self._air.taken.append((address, message.text))
                return Sent(f"quiet:{key}")
            case _:
                return await self._inner.send(address, message, key)


@pytest.fixture
def air() -> Air:
    return Air()


@pytest.fixture
async def house(database_url: str, air: Air) -> AsyncIterator[House]:
    async with open_house(database_url, at=monday(), holidays=frozenset(), network=air.over) as opened:
        yield opened


@pytest.fixture
async def pair(house: House) -> tuple[Phone, Phone, Phone]:
    """Marva on WhatsApp, who is told things, her SMS phone, and Devon, who asks to be let into her circle."""
    marva, devon = await people(house, 2)
    second = await another(house, marva, "sms", "+18765550177")
    await marva.says("hello").sees("Marva")
    return marva, second, devon


async def asks_in(house: House, air: Air, banker: Phone, other: Phone) -> None:
    """Give Marva news: Devon asks to be let in. Her network is as bad as it is from just before that on."""
    moods, air.moods = air.moods, {}
    await banker.says("NEW Sunday Club; 5000 JMD; weekly; 3; tomorrow; join order").sees("is set up")
    code = await one(house, "SELECT code FROM circle")
    await other.says(f"JOIN {code}").sees("AGREE")
    air.moods = moods
    await other.says("AGREE").sees("has been asked")
    await house.rest()


async def one(house: House, sql: str) -> str:
    return str((await rows(house, sql))[0][0])


async def life(house: House) -> list[tuple[str, str, int]]:
    """How each parcel of the news stands: (network, state, how far it got)."""
    found = await rows(house, "SELECT split_part(lane, '\\:', 1), state, delivery FROM outbox WHERE notice IS NOT NULL"
                              " AND person_id = (SELECT person_id FROM address WHERE party = 'sms\\:+18765550177')"
                              " ORDER BY id")  # fmt: skip
    return [tuple(row) for row in found][-2:]


def heard(event: dict[str, Any]) -> tuple[Filed, ...]:
    """Return what SendGrid's web hook makes of an event."""
    hook = SendGridHook(SENDGRID["SENDGRID_WEBHOOK_PUBLIC_KEY"], lambda: event["timestamp"])
    return hook.receive(sendgrid_events(event).request()).arrivals


NEWS = "Devon"


async def test_what_a_network_refuses_goes_by_sms_once(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    air.moods[marva.party] = "refuses"
    await asks_in(house, air, marva, devon)
    await second.sees(NEWS, "APPROVE")
    assert await life(house) == [("whatsapp", "replaced", 0), ("sms", "sent", 3)]
    await minutes(house, 600)
    await second.look()
    assert sum("APPROVE" in m.text for m in second.messages) == 1


async def test_what_is_not_said_to_be_there_in_ten_minutes_goes_by_sms(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    air.moods[marva.party] = "silent"
    await asks_in(house, air, marva, devon)
    await minutes(house, 9)
    assert not await second.saw("APPROVE")
    await minutes(house, 2)
    await second.sees(NEWS, "APPROVE")
    assert await life(house) == [("whatsapp", "replaced", 0), ("sms", "sent", 3)]
    assert len(air.taken) == 1


async def test_what_is_there_stays_alone(house: House, air: Air, pair: tuple[Phone, Phone, Phone]) -> None:
    marva, second, devon = pair
    air.moods[marva.party] = "silent"
    await asks_in(house, air, marva, devon)
    ident = await one(house, "SELECT provider_id FROM outbox WHERE provider_id LIKE 'quiet%'")
    told = Inbound(Channel.WHATSAPP, marva.address, InboundKind.STATUS, message_id=ident, status="delivered")
    await house.filer.file([Filed("whatsapp", f"{ident}:delivered", marva.party, "status", told.as_json())])
    await house.rest()
    await minutes(house, 60)
    assert not await second.saw("APPROVE")
    assert (await life(house))[-1] == ("whatsapp", "sent", 3)


async def test_what_is_told_to_have_failed_goes_on_at_once(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    air.moods[marva.party] = "silent"
    await asks_in(house, air, marva, devon)
    ident = await one(house, "SELECT provider_id FROM outbox WHERE provider_id LIKE 'quiet%'")
    told = Inbound(
        Channel.WHATSAPP, marva.address, InboundKind.STATUS, message_id=ident, status="failed", code="131026"
    )
    await house.filer.file([Filed("whatsapp", f"{ident}:failed", marva.party, "status", told.as_json())])
    await second.sees(NEWS, "APPROVE")


async def test_what_a_dead_network_still_holds_is_taken_back(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    air.moods[marva.party] = "down"
    await asks_in(house, air, marva, devon)
    await minutes(house, 11)
    await second.sees(NEWS, "APPROVE")
    before = len(marva.messages)
    air.moods.clear()
    await house.rest()
    await marva.look()
    assert not any("APPROVE" in m.text for m in marva.messages[before:])
    assert await life(house) == [("whatsapp", "replaced", 0), ("sms", "sent", 3)]


async def test_news_that_reach_nobody_are_left_for_somebody_to_see(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    air.moods |= {marva.party: "refuses", second.party: "refuses"}
    await asks_in(house, air, marva, devon)
    await minutes(house, 60)
    assert await life(house) == [("whatsapp", "replaced", 0), ("sms", "dead", 0)]


async def test_staff_hear_of_what_was_given_up_and_send_it_again_or_let_it_be(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    staff = await clerk(house)
    mail = await another(house, staff, "email", "clerk@example.com")
    await staff.says("LETTERS").sees("Nothing was given up")
    air.moods |= {marva.party: "refuses", second.party: "refuses"}
    await asks_in(house, air, marva, devon)
    await minutes(house, 60)
    for phone in (staff, mail):
        told = await phone.sees("Given up, messages or orders: 1", "LETTERS")
        assert "Marva" not in told.text
    [(number,)] = await rows(house, "SELECT id FROM outbox WHERE state = 'dead'")
    await staff.says("LETTERS").sees("Given up: 1", f"{number} sms say: 131026 undeliverable")
    await staff.says("LETTERS RETRY 999").sees("Nothing of the number 999")
    await staff.says("LETTERS RETRY").sees("Which one")
    air.moods.clear()
    await staff.says(str(number)).sees("is sent again")
    await second.sees(NEWS, "APPROVE")
    await staff.says(f"LETTERS DROP {number}").sees(f"Nothing of the number {number}")
    await staff.says("LETTERS perhaps").sees("LETTERS RETRY 12")
    done = await rows(house, "SELECT outcome FROM ticket WHERE subject = :s", s=f"outbox {number}")
    assert done == [("retry",)]
    await devon.says("LETTERS").sees("MENU")


async def test_what_two_networks_refuse_comes_by_e_mail_once(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    mail = await another(house, marva, "email", "marva@example.com")
    await marva.says("hello").sees("Marva")
    air.moods |= {marva.party: "refuses", second.party: "refuses"}
    await asks_in(house, air, marva, devon)
    await mail.sees(NEWS, "APPROVE")
    assert await life(house) == [("sms", "replaced", 0), ("email", "sent", 3)]
    await minutes(house, 600)
    await mail.look()
    assert sum("APPROVE" in m.text for m in mail.messages) == 1


async def test_a_receipt_that_no_chat_takes_is_by_mail_once_as_its_copy(house: House, air: Air) -> None:
    club = await begun(house)
    devon = club.phones[1]
    mail = await another(house, devon, "email", "devon@example.com")
    await devon.says("hello").sees("Devon")
    await devon.says(f"PAY 5000 {club.code}").sees("How do you throw")
    air.moods[devon.party] = "refuses"
    await devon.says("SANDBOX")
    await mail.sees("J$5,000 from Devon for Sunday Club")
    await minutes(house, 600)
    await mail.look()
    assert sum("from Devon for Sunday Club, round" in m.text for m in mail.messages) == 1
    said = await rows(house, "SELECT split_part(lane, '\\:', 1), state, delivery FROM outbox WHERE notice = ("
                             "SELECT notice FROM outbox WHERE starts_with(lane, 'email') AND notice IS NOT NULL) "
                             "ORDER BY id")  # fmt: skip
    assert said == [("sms", "replaced", 0), ("email", "sent", 3)]


async def test_a_mail_that_is_told_to_have_bounced_ends_its_address(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    mail = await another(house, marva, "email", "marva@example.com")
    await marva.says("hello").sees("Marva")
    air.moods |= {marva.party: "refuses", second.party: "refuses", mail.party: "silent"}
    await asks_in(house, air, marva, devon)
    ident = await one(house, "SELECT provider_id FROM outbox WHERE provider_id LIKE 'quiet%'")
    bounce = sendgrid_event("Marva@example.com", ident, "bounce", type="bounce", status="5.1.1")
    for _ in range(2):
        await house.filer.file(heard(bounce))
        await house.rest()
    assert await one(house, "SELECT count(*) FROM address WHERE stopped_at IS NOT NULL") == "1"
    air.moods.clear()
    await house.pass_days(1)  # so many codes are sent in a day
    await marva.says("UNLINK EMAIL marva@example.com").sees("e-mail m...@example.com")
    await marva.says(await link(marva, mail)).sees("is added")
    assert await one(house, "SELECT count(*) FROM address WHERE stopped_at IS NOT NULL") == "0"


@pytest.mark.parametrize(
    ("events", "reads"),
    [
        ([], "sent"),
        ([{"kind": "processed"}], "sent"),
        ([{"kind": "processed"}, {"kind": "deferred", "response": "421 later"}], "sent"),
        ([{"kind": "delivered"}, {"kind": "processed"}], "delivered"),
        ([{"kind": "delivered"}, {"kind": "open"}], "read"),
        ([{"kind": "bounce", "type": "blocked", "status": "5.7.1"}], "did not get there (5.7.1)"),
        ([{"kind": "bounce", "type": "blocked", "status": "5.7.1"}, {"kind": "delivered"}], "delivered"),
        ([{"kind": "dropped", "reason": "Bounced Address", "status": "5.0.0"}], "did not get there (5.0.0)"),
    ],
)
async def test_staff_see_the_life_of_a_mail_as_its_network_tells_it(
    house: House, air: Air, events: list[dict[str, str]], reads: str
) -> None:
    [marva] = await people(house, 1)
    staff = await clerk(house)
    air.moods["email:marva@example.com"] = "silent"
    await marva.says("LINK EMAIL marva@example.com").sees("6-digit code")
    await house.rest()
    ident = await one(house, "SELECT provider_id FROM outbox WHERE starts_with(lane, 'email')")
    await execute(house, "INSERT INTO address (party, person_id, added_at) SELECT 'email\\:marva@example.com',"
                         " person_id, now() FROM address WHERE party = :party", party=marva.party)  # fmt: skip
    for event in events:
        told = sendgrid_event("Marva@example.com", ident, event["kind"], **{k: event[k] for k in event if k != "kind"})
        await house.filer.file(heard(told))
        await house.rest()
    said = await staff.says("MESSAGES Marva Brown").sees("e-mail m...@example.com:")
    assert re.findall(r"example\.com: (.*)", said.text) == [reads]


async def test_who_said_stop_is_told_by_the_other_address(house: House, pair: tuple[Phone, Phone, Phone]) -> None:
    marva, second, devon = pair
    await marva.says("NEW Sunday Club; 5000 JMD; weekly; 3; tomorrow; join order").sees("is set up")
    code = await one(house, "SELECT code FROM circle")
    await devon.says(f"JOIN {code}").sees("AGREE")
    await marva.says("STOP").sees("START")
    await devon.says("AGREE").sees("has been asked")
    await second.sees(NEWS, "APPROVE")


async def test_a_member_says_where_they_are_told_first(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    await marva.says("REACH").sees("Where shall I tell you first", "where you last wrote from")
    await marva.says("REACH SMS 876 555 0199").sees("not one of your addresses")
    await marva.says("REACH SMS 876 555 0177").sees("first by SMS ...0177")
    await second.sees("told first by SMS ...0177")
    await marva.says("REACH").sees("Now it is SMS ...0177")
    await asks_in(house, air, marva, devon)
    await second.sees(NEWS, "APPROVE")
    await second.says("REACH WHATSAPP 876 555 0101").sees("first by WhatsApp ...0101")
    await marva.sees("told first by WhatsApp ...0101", "STOP PAYOUT")
    await second.says("STOP")
    await marva.says("REACH SMS 876 555 0177").sees("said STOP")
    await devon.says("REACH").sees("only address")


async def test_staff_are_told_by_the_next_address_of_theirs_too(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    _, _, devon = pair
    staff = await clerk(house)
    second = await another(house, staff, "sms", "+18765550999")
    await devon.says("AGENT My cousin paid twice").sees("A person will answer")
    await staff.sees("My cousin paid twice")
    air.moods[staff.party] = "refuses"
    await devon.says("AGENT Nobody came").sees("added")
    await house.pass_days(0.1)
    await second.sees("Nobody came")
    await minutes(house, 600)
    await second.look()
    assert sum("Nobody came" in m.text for m in second.messages) == 1


async def test_who_is_staff_by_two_addresses_is_told_once(house: House, pair: tuple[Phone, Phone, Phone]) -> None:
    _, _, devon = pair
    staff = await clerk(house)
    second = await another(house, staff, "whatsapp", "+18765550999")
    await house.hire(second)
    await devon.says("AGENT My cousin paid twice").sees("A person will answer")
    await staff.sees("My cousin paid twice")
    await house.rest()
    assert not await second.saw("My cousin paid twice")


async def test_what_this_installation_does_not_write_to_is_not_linked_and_not_told(database_url: str) -> None:
    here = frozenset(Channel) - {Channel.TELEGRAM}
    async with open_house(database_url, at=monday(), holidays=frozenset(), channels=here) as house:
        marva, devon = await people(house, 2)
        await marva.says("LINK TELEGRAM 5550190").sees("I cannot write to Telegram ...0190", "LINK")
        assert await rows(house, "SELECT 1 FROM link_code") == []
        once = "INSERT INTO address SELECT 'telegram\\:5550190', person_id, now(), NULL, now() FROM address"
        await execute(house, f"{once} WHERE party = :party", party=marva.party)  # from before it was given up
        await asks_in(house, Air(), marva, devon)
        await marva.sees(NEWS, "APPROVE")


async def test_staff_see_what_became_of_somebodys_messages(
    house: House, air: Air, pair: tuple[Phone, Phone, Phone]
) -> None:
    marva, second, devon = pair
    staff = await clerk(house)
    air.moods[marva.party] = "refuses"
    await asks_in(house, air, marva, devon)
    await second.sees(NEWS, "APPROVE")
    await house.rest()
    said = await staff.says("MESSAGES Marva Brown").sees("Marva Brown", "SMS ...0177: delivered")
    assert "WhatsApp ...0101: sent by another way (131026)" in said.text
    assert "Sunday Club" not in said.text
    assert "Devon" not in said.text
    await staff.says("MESSAGES Nobody Known").sees("Nobody Known")
    await devon.says("MESSAGES Marva Brown").sees("MENU")
