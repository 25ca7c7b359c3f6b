"""What the phone with the local SIM could not send goes by Twilio, once, and only then by the person's next address."""

from collections.abc import AsyncIterator

import pytest

from channels.chat.sms import gate_id
from tests.flows.club import monday, new_circle, rows
from tests.flows.street import Street, open_street
from tests.flows.test_pins import another, minutes
from tests.standins import Fault
from tests.teller import House, Phone, onboard, open_house


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with open_street() as opened:
        yield opened


@pytest.fixture(params=[True])
async def house(request: pytest.FixtureRequest, database_url: str, street: Street) -> AsyncIterator[House]:
    opening = open_house(
        database_url, at=monday(), holidays=frozenset(), network=street.over, past_sim=bool(request.param)
    )
    async with opening as opened:
        street.move_in(opened)
        yield opened


async def news(house: House, street: Street) -> Phone:
    """Give Marva, who has a plain phone and mail, news by the SIM that nothing is told of; returns her phone."""
    marva = house.phone("sms", "+18765550101", "Marva Brown")
    devon = house.phone("telegram", "5550102", "Devon Clarke")
    for phone in (marva, devon):
        await onboard(phone, phone.name)
    mail = await another(house, marva, "email", "marva@example.com")
    await marva.says("MENU").sees("Marva")
    await house.rest()
    code = await new_circle(house, marva, 3)
    await devon.says(f"JOIN {code}").sees("AGREE")
    street.mute |= {marva.party, mail.party}
    await devon.says("AGREE").sees("has been asked")
    await house.rest()
    return marva


def told(street: Street) -> tuple[int, int, int]:
    """How often the news was sent: by the SIM, by Twilio, by e-mail."""
    gate, twilio, mail = (
        sum("APPROVE" in heard.text for heard in one.heard) for one in (street.gate, street.twilio, street.sendgrid)
    )
    return gate, twilio, mail


async def fails(street: Street) -> None:
    """The phone says twice that the newest message did not go, as it does of one in two parts."""
    for _ in range(2):
        await street.deliver(street.status(street.gate, street.gate.heard[-1], "failed"))


async def test_it_goes_by_twilio_once_and_not_by_mail(house: House, street: Street) -> None:
    marva = await news(house, street)
    assert told(street) == (1, 0, 0)
    await fails(street)
    await house.rest()
    assert told(street) == (1, 1, 0)
    await street.deliver(street.status(street.twilio, street.twilio.heard[-1], "delivered"))
    await fails(street)
    await minutes(house, 600)
    assert told(street) == (1, 1, 0)
    assert sum("APPROVE" in heard.text for heard in street.came[marva.party]) == 0  # both phones were off


async def test_a_failure_told_before_the_message_was_noted_counts_like_a_late_one(house: House, street: Street) -> None:
    marva = await news(house, street)
    street.mute.discard(marva.party)
    street.failing.add(marva.party)
    street.hasty = True
    await marva.says("NEW Other Club; 5000 JMD; weekly; 3; 1 dec 2027; join order").sees("Other Club")
    await house.rest()
    assert "Other Club" in street.twilio.heard[-1].text


async def test_what_twilio_does_not_bring_there_either_comes_by_mail(house: House, street: Street) -> None:
    await news(house, street)
    await fails(street)
    await house.rest()
    await street.deliver(street.status(street.twilio, street.twilio.heard[-1], "failed", 30003))
    await minutes(house, 600)
    assert told(street) == (1, 1, 1)


async def test_what_went_on_by_mail_meanwhile_does_not_go_by_twilio(house: House, street: Street) -> None:
    await news(house, street)
    await minutes(house, 31)
    assert told(street) == (1, 0, 1)
    await fails(street)
    await minutes(house, 31)
    assert told(street) == (1, 0, 1)


async def test_what_is_there_after_all_stays_alone(house: House, street: Street) -> None:
    await news(house, street)
    await street.deliver(street.status(street.gate, street.gate.heard[-1], "delivered"))
    await house.rest()
    await fails(street)
    await minutes(house, 600)
    assert told(street) == (1, 0, 0)


async def test_twilio_down_is_waited_for_and_the_sim_is_not_asked_again(house: House, street: Street) -> None:
    """The gateway may still say that it has the message: it is not believed."""
    await news(house, street)
    (key,) = (row[0] for row in await rows(house, "SELECT key FROM outbox WHERE notice IS NOT NULL AND state = 'sent'"
                                                  " AND lane LIKE 'sms%' ORDER BY id DESC LIMIT 1"))  # fmt: skip
    assert street.gate.states[gate_id(key)] == "Pending"
    street.twilio.misbehave(Fault.LOST)
    await fails(street)
    await house.rest()
    assert told(street) == (1, 2, 0)  # an answer that was lost may be repeated once (rules.md 59)


@pytest.mark.parametrize("house", [False], indirect=True)
async def test_without_twilio_it_comes_by_mail_at_once(house: House, street: Street) -> None:
    await news(house, street)
    await fails(street)
    await house.rest()
    assert told(street) == (1, 0, 1)
