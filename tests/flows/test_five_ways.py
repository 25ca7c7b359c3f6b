"""A circle whose five members change channel, block the bot, opt out and in, lose the phone, move and are refused.

The rounds go on meanwhile. Each notice reaches each person once, by a way that works, staff see it truly, and the books
are those of the same circle without any of it. The networks are stand-ins that check as the providers do; what counts
is what lies on the phones.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from domain.messages import Outgoing
from storage import outbox
from tests import vendors
from tests.flows.club import NAMES, clerk, fetch, found, join, monday, new_circle, rows, start, verify
from tests.flows.street import Handset, Street, open_street
from tests.flows.test_pins import another
from tests.standins import Heard
from tests.teller import PIN, House, onboard, open_house

FIVE = NAMES[:5]
ANSWER = re.compile(r":r$")
"""The key of an answer to what somebody wrote."""
FIRST = (
    ("whatsapp", "+18765550101"),
    ("sms", "+18765550102"),
    ("telegram", "5550103"),
    ("whatsapp", "+18765550104"),
    ("sms", "+18765550105"),
)
WEEKS = 5
REFS = re.compile(r"\b[RPK]-\w+\b|(?<=Book \w{6}: )\w{4}-\w{4}")
"""What differs from run to run: references, and the mark of the book."""
Book = Counter[tuple[str, tuple[tuple[str, int], ...]]]
Told = Counter[tuple[str, str]]


@dataclass
class Circle:
    """A circle, and by which phone each of its five speaks now."""

    house: House
    street: Street
    code: str
    voices: dict[str, Handset]
    deaf: set[str] = field(default_factory=set)
    """Who writes and cannot be answered there."""

    async def says(self, name: str, line: str, *sees: str) -> str:
        """Have somebody write, and see the answer unless they cannot."""
        phone = self.voices[name]
        if name not in self.deaf:
            return (await phone.says(line).sees(*sees)).text
        await phone.types(line)
        await phone.types(PIN)  # which the answer may ask for
        await self.house.rest()
        return ""

    def moves(self, name: str, phone: Handset) -> None:
        """Have somebody write from another phone from now on."""
        self.voices[name] = phone

    async def week(self, number: int) -> None:
        """All throw; one draws, with the yes of another."""
        for name in self.voices:
            await self.says(name, f"PAY SANDBOX {self.code}", "R-")
        await self.house.rest()
        asked = await self.says("Marva", f"PAY OUT {self.code}", "second yes")
        ref = found(r"P-\w{4}", asked)
        await self.says(found(r"(?<=I have asked )\w+", asked), f"APPROVE PAYOUT {ref}", "Thank you")
        await self.house.rest()
        drawer = list(self.voices)[number - 1]
        await self.says(drawer, f"RECEIVED {ref}", "in your hands")
        await self.house.rest()


async def begun(house: House, street: Street, *, ways: bool) -> Circle:
    """Begin a circle of five; with `ways` each has other addresses beside."""
    phones = [cast("Handset", house.phone(*way, name)) for way, name in zip(FIRST, FIVE, strict=True)]
    for phone in phones:
        await onboard(phone, phone.name)
        await verify(house, phone)
    marva, devon, keisha, andre, patsy = phones
    if ways:
        await another(house, marva, "telegram", "5550191")
        await another(house, devon, "email", "devon@example.com")
        await links_whatsapp(house, keisha, "+18765550193")
        await another(house, keisha, "email", "keisha@example.com")
        await another(house, andre, "sms", "+18765550194")
        await another(house, patsy, "telegram", "5550195")
        for phone in (devon, keisha):
            await phone.says("COPIES OFF").sees("e-mail")  # so that each thing comes once
        for phone in phones:
            await phone.says("MENU").sees(phone.name.split()[0])
        await house.rest()
    await house.go_to(monday() + timedelta(days=2))  # what rests a day has rested
    code = await new_circle(house, marva, WEEKS, order="join order")
    for phone in phones:
        await phone.look()
    await join(code, marva, cast("list[Any]", phones))
    await start(code, marva)
    await house.rest()
    return Circle(house, street, code, {phone.name.split()[0]: phone for phone in phones})


async def links_whatsapp(house: House, asks: Handset, number: str) -> None:
    """Add a number on WhatsApp: nobody wrote from it, so the code waits there for a word."""
    added = phone(house, "whatsapp", number)
    await asks.says(f"LINK WHATSAPP {number}").sees("6-digit code")
    await added.sees("Send any word")
    await asks.says(found(r"\d{6}", (await added.says("hi").sees("Your code is")).text)).sees("is added")
    await added.says("MENU").sees("Keisha")


async def trouble(circle: Circle, after: int) -> None:
    """What befalls them after each round."""
    house, street, voices = circle.house, circle.street, circle.voices
    match after:
        case 1:  # Marva moves to Telegram; Keisha blocks the bot; Patsy's phone is lost
            await voices["Marva"].says("REACH TELEGRAM 5550191").sees("first by Telegram ...0191")
            circle.moves("Marva", phone(house, "telegram", "5550191"))
            street.telegram.blocked.add("5550103")
            circle.moves("Keisha", phone(house, "whatsapp", "+18765550193"))
            await loses_phone(circle)
        case 2:  # Devon opts out; Andre's number changes
            await street.deliver(vendors.smsgate_sms("+18765550102", "STOP"))
            await house.rest()
            assert "no more" in street.came["sms:+18765550102"][-1].text
            circle.deaf.add("Devon")
            moved = {"body": "changed", "wa_id": "18765550144", "type": "user_changed_number"}
            said = vendors.whatsapp_message("+18765550104", {"type": "system", "system": moved})
            await street.deliver(*[vendors.whatsapp({"messages": [said]})] * 2)
            await phone(house, "sms", "+18765550194").sees("...0144", "WhatsApp says")
            circle.moves("Andre", phone(house, "whatsapp", "+18765550144"))
        case 3:  # Devon is back, and the SIM cannot send to him; WhatsApp refuses Keisha
            await voices["Devon"].says("START").sees("Devon")
            circle.deaf.discard("Devon")
            street.failing.add("sms:+18765550102")
            street.graph.codes["+18765550193"] = 131026
            circle.deaf.add("Keisha")
        case 4:  # Patsy blocks the bot, and it says so
            await street.deliver(*[vendors.telegram_blocked(5550195, update_id=77)] * 2)


async def loses_phone(circle: Circle) -> None:
    """Patsy's phone is gone: by her other one she adds her new number and takes the old one off."""
    house, street = circle.house, circle.street
    street.mute.add("sms:+18765550105")
    tablet, new = phone(house, "telegram", "5550195"), phone(house, "sms", "+18765550155")
    await tablet.says("LINK SMS 876 555 0155").sees("6-digit code")
    code = found(r"\d{6}", (await new.sees("Your code is")).text)
    await tablet.says(code).sees("is added", "24 hours")
    await tablet.says("UNLINK SMS 876 555 0105").sees("taken off")
    await new.sees("...0105 was taken off", "STOP PAYOUT")
    circle.moves("Patsy", new)


def phone(house: House, channel: str, address: str) -> Handset:
    """Return a phone that somebody has."""
    return cast("Handset", house.phone(channel, address))


async def play(url: str, street: Street, *, ways: bool) -> tuple[Book, Told]:
    """Play it all; returns the books and what people were told."""
    async with open_house(url, at=monday(), holidays=frozenset(), network=street.over, past_sim=True) as house:
        street.move_in(house)
        circle = await begun(house, street, ways=ways)
        staff = await clerk(house)
        for number in range(1, WEEKS + 1):
            await circle.week(number)
            if ways:
                await trouble(circle, number)
            due = await fetch(house, "SELECT max(due) FROM round WHERE number <= :n", n=number + 1)
            ahead = (due - house.clock.now().date()).days if number < WEEKS else 2  # type: ignore[operator]
            await house.pass_days(ahead)
            await house.rest()
        assert await fetch(house, "SELECT state FROM circle") == "COMPLETED"
        await house.books_are_right()
        told = await once(house, street)
        if ways:
            await truth(house, street, cast("Handset", staff))
        return await books(house), told


# -- what must be true ----------------------------------------------------------------------------------------------


async def once(house: House, street: Street) -> Told:
    """Each notice lies on one phone of its person, once; returns what was told to whom."""
    names = dict(await rows(house, "SELECT id, name FROM person"))
    lying = {heard.provider_id: heard for came in street.came.values() for heard in came}
    assert len(lying) == sum(map(len, street.came.values()))
    query = (
        "SELECT notice, person_id, lane, key, body, state, delivery, provider_id FROM outbox WHERE notice IS NOT NULL"
    )
    told: Told = Counter()
    code = str(await fetch(house, "SELECT code FROM circle"))
    notices: dict[str, list[Any]] = {}
    for row in await rows(house, f"{query} ORDER BY id"):
        notices.setdefault(row[0], []).append(row)
    for parts in notices.values():
        ways = {row[2] for row in parts if reached(row, lying, street)}
        assert len(ways) == 1, [(row[2], row[5], row[6], words(house, row)) for row in parts]
        (lane,) = ways
        assert all(reached(row, lying, street) for row in parts if row[2] == lane), parts
        first = [words(house, row) for row in parts if row[2] == parts[0][2]]
        if ANSWER.search(parts[0][0]):  # it said what had waited, which is counted as what it was
            continue
        told[names[parts[0][1]], REFS.sub("", " ".join(first)).replace(code, "")] += 1
    return told


def words(house: House, row: Any) -> str:
    """Return what a part of a notice says."""
    return Outgoing.from_json(house.vault.open_json(outbox.place(row[3]), row[4])).text


def reached(row: Any, lying: dict[str, Heard], street: Street) -> bool:
    """Whether a part of a notice was read: it lies on a phone, or came with an answer after an invitation."""
    _, _, lane, _, _, state, delivery, ident = row
    if ident not in lying:
        return False
    return state == "sent" or (state == "replaced" and delivery >= outbox.ARRIVED) or lane in street.mute


async def truth(house: House, street: Street, staff: Handset) -> None:
    """MESSAGES says of the last messages to each what lies on their phones."""
    lying = {heard.provider_id for came in street.came.values() for heard in came}
    for name in FIVE:
        said = (await staff.says(f"MESSAGES {name}").sees(name)).text
        person = await fetch(house, "SELECT id FROM person WHERE name = :name", name=name)
        query = """
            SELECT o.provider_id, o.kind FROM outbox o JOIN address a ON a.party = o.lane WHERE a.person_id = :p
            AND o.kind = 'say' ORDER BY o.id DESC LIMIT 8
        """
        kept = [ident in lying for ident, _ in await rows(house, query, p=person)]
        told = [": delivered" in line for line in said.splitlines() if re.search(r"\d\d:\d\d .*: ", line)]
        assert told == kept, said


async def books(house: House) -> Book:
    """Return all transactions, with names for people."""
    query = """
        SELECT t.id, t.kind, coalesce(a.name, 'held'), p.amount FROM ledger_transaction t
        JOIN ledger_posting p ON p.transaction = t.id LEFT JOIN ledger_account a ON a.id = p.account ORDER BY t.id
    """
    names = dict(await rows(house, "SELECT id, name FROM person"))
    code = str(await fetch(house, "SELECT code FROM circle"))
    found_: dict[int, tuple[str, list[tuple[str, int]]]] = {}
    for ident, kind, account, amount in await rows(house, query):
        shown = ":".join(names.get(part, part) for part in account.replace(code, "CIRCLE").split(":"))
        found_.setdefault(ident, (kind, []))[1].append((shown, amount))
    return Counter((kind, tuple(sorted(lines))) for kind, lines in found_.values())


def of_the_circle(told: Told) -> Told:
    """Leave out what staff hear, and what names the member whom the lot has asked for the second yes."""
    return Counter({k: n for k, n in told.items() if k[0] in FIVE and "APPROVE PAYOUT" not in k[1]})


@pytest.mark.timeout(900)
async def test_whatever_befalls_their_phones_each_is_told_once_and_the_books_do_not_notice(
    database_url: str, other_database_url: str
) -> None:
    async with open_street() as street:
        book, told = await play(other_database_url, street, ways=False)
    async with open_street() as street:
        shaken, all_told = await play(database_url, street, ways=True)
        mails = [heard.address for heard in street.sendgrid.heard]
        assert {"devon@example.com", "keisha@example.com"} <= set(mails)
        assert any(heard.address == "+18765550102" for heard in street.twilio.heard)
        assert [one for standin in (street.graph, street.twilio, street.gate, street.sendgrid)
                for one in standin.refused if one[1].get("error", {}).get("code") != 131026] == []  # fmt: skip
    assert shaken == book
    less, more = of_the_circle(told), of_the_circle(all_told)
    assert (less - more, more - less) == (Counter(), Counter())
