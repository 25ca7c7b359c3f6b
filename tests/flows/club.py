"""A pardna for the chat tests: people with phones, and what a whole circle does, in one line each."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any, cast

from sqlalchemy import text

from domain.schedule import JAMAICA
from tests.teller import House, Phone, onboard

NAMES = ("Marva Brown", "Devon Clarke", "Keisha Reid", "Andre Wright", "Patsy Green", "Kay Grant")
CHANNELS = (("whatsapp", "+1876555010{}"), ("sms", "+1876555010{}"), ("telegram", "555010{}"))
DAY = timedelta(days=1)
HALF = 0.5
numbers = count(100_000_007)


def monday(weeks: int = 0) -> datetime:
    """Return a Monday to come, ten in the morning in Jamaica."""
    today = datetime.now(UTC).astimezone(JAMAICA).date()
    day = today + DAY * (7 - today.weekday()) + weeks * 7 * DAY
    return at(day)


def at(day: date, hour: int = 10, minute: int = 0, second: int = 0) -> datetime:
    """Return a time of day in Jamaica."""
    return datetime.combine(day, time(hour, minute, second), JAMAICA).astimezone(UTC)


@dataclass
class Club:
    """A circle, its banker's phone first."""

    house: House
    code: str
    phones: list[Phone]

    @property
    def banker(self) -> Phone:
        return self.phones[0]

    async def due(self, number: int) -> date:
        """Return the due date of a round."""
        query = "SELECT due FROM round WHERE circle = :c AND number = :n"
        return cast("date", await fetch(self.house, query, c=self.code, n=number))

    async def state(self, number: int) -> str:
        """Return the state of a round."""
        return str(
            await fetch(self.house, "SELECT state FROM round WHERE circle = :c AND number = :n", c=self.code, n=number)
        )

    async def circle_state(self) -> str:
        """Return the state of the circle."""
        return str(await fetch(self.house, "SELECT state FROM circle WHERE code = :c", c=self.code))

    async def go(self, number: int, days: int = 0, hour: int = 10) -> None:
        """Move the clock to an hour of a day, counted from the due date of a round."""
        await self.house.go_to(at(await self.due(number) + days * DAY, hour))

    async def pay(self, *phones: Phone) -> None:
        """Throw what is due, by the sandbox, one after the other."""
        for phone in phones:
            await phone.says(f"PAY SANDBOX {self.code}").sees("R-")

    async def pay_out(self, approver: Phone | None = None) -> str:
        """Start a payout and have the second yes given; returns its reference."""
        asked = await self.banker.says(f"PAY OUT {self.code}").sees("second yes")
        ref = found(r"P-\w{4}", asked.text)
        phone = approver or await self.asked(ref)
        await phone.says(f"APPROVE PAYOUT {ref}").sees("Thank you")
        await self.house.rest()
        return ref

    async def start_both(self) -> dict[str, str]:
        """Start the payouts of the two halves of a turn; returns their references by their drawers' first names."""
        asked = await self.banker.says(f"PAY OUT {self.code}").sees("second yes")
        return dict(re.findall(r"(\w+)'s draw of J\$[0-9,.]+: .*?(P-\w{4})", asked.text))

    async def approve(self, ref: str) -> None:
        """Have the one who is asked give the second yes."""
        await (await self.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
        await self.house.rest()

    async def asked(self, ref: str) -> Phone:
        """Return the phone on which the second yes to a payout was asked for last."""
        await self.house.rest()
        query = "SELECT person_id FROM address WHERE person_id IN (SELECT approver_id FROM payout WHERE ref = :ref AND "
        approver = await fetch(self.house, f"{query} state = 'ASKED') LIMIT 1", ref=ref)
        theirs = {p for (p,) in await rows(self.house, "SELECT party FROM address WHERE person_id = :p", p=approver)}
        phones = [p for p in self.phones if p.party in theirs and await p.saw(f"APPROVE PAYOUT {ref}")]
        assert len(phones) == 1, theirs
        return phones[0]

    async def prepay(self, *phones: Phone) -> None:
        """Throw all rounds at once."""
        for phone in phones:
            await phone.says(f"PAY {5000 * len(self.phones)} SANDBOX {self.code}").sees("R-")
        await self.house.rest()

    async def draw(self, drawer: Phone) -> None:
        """Pay out and have the drawer say that it came."""
        ref = await self.pay_out()
        await drawer.says(f"RECEIVED {ref}").sees("in your hands")
        await self.house.rest()

    async def settle(self) -> None:
        """Pay out what all have coming, one yes and one RECEIVED for each payout, until nothing is left to pay."""
        for _ in range(20):
            asked = await self.banker.says(f"PAY OUT {self.code}").sees("")
            refs = dict.fromkeys(re.findall(r"P-\w{4}", asked.text))
            if not refs:
                return
            for ref in refs:
                await (await self.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
                await self.house.rest()
                whose = "SELECT name FROM person JOIN payout ON person_id = person.id WHERE ref = :ref AND circle = :c"
                name = await fetch(self.house, whose, ref=ref, c=self.code)
                [drawer] = [phone for phone in self.phones if phone.name == name]
                await drawer.says(f"RECEIVED {ref}").sees("in your hands")
                await self.house.rest()
        raise AssertionError("there is always more to pay")

    async def right(self) -> None:
        """Prove the books."""
        await self.house.books_are_right()


async def fetch(house: House, query: str, **values: object) -> object:
    """Return the first value that a query finds."""
    async with house.engine.connect() as conn:
        return (await conn.execute(text(query), values)).scalar_one()


async def rows(house: House, query: str, **values: object) -> list[tuple[Any, ...]]:
    """Return all that a query finds."""
    async with house.engine.connect() as conn:
        return [tuple(row) for row in await conn.execute(text(query), values)]


async def execute(house: House, statement: str, **values: object) -> None:
    """Change something behind the service's back, and raise the circles' versions as every writer does."""
    async with house.engine.begin() as conn:
        await conn.execute(text(statement), values)
        await conn.execute(text("UPDATE circle SET version = version + 1"))


def found(pattern: str, in_: str) -> str:
    """Return what a pattern finds."""
    match = re.search(pattern, in_)
    assert match, f"{pattern} is not in: {in_}"
    return match[0]


async def people(house: House, how_many: int, *, verified: bool = True, network: str = "") -> list[Phone]:
    """Give so many people phones, on three channels or all on `network`, and bring them in; with verified TRNs."""
    phones = []
    usable = [each for each in CHANNELS if network in {"", each[0]}]
    for number, name in enumerate(NAMES[:how_many]):
        channel, address = usable[number % len(usable)]
        phones.append(house.phone(channel, address.format(number + 1), name))
    await asyncio.gather(*(onboard(phone, phone.name) for phone in phones))
    if verified:
        for phone in phones:
            await verify(house, phone)
    return phones


async def verify(house: House, phone: Phone) -> None:
    """Have somebody's TRN verified, without the chat of it."""
    blind = next(numbers).to_bytes(32)
    await execute(
        house,
        "INSERT INTO trn (person_id, sealed, blind, last3, state, stated_at) "
        "SELECT person_id, '\\x00', :blind, '789', 'VERIFIED', now() FROM address WHERE party = :party",
        blind=blind,
        party=phone.party,
    )


async def account(house: House, phone: Phone, number: str = "12345678", place: str = "NCB") -> None:
    """Have somebody's draws go to an account in their name, set long enough ago, without the chat of it."""
    async with house.engine.begin() as conn:
        owner = text("SELECT p.id, p.name FROM address a JOIN person p ON p.id = a.person_id WHERE a.party = :party")
        person, name = (await conn.execute(owner, {"party": phone.party})).one()
        sealed = house.vault.seal(f"destination.sealed|{person}", f"{place}||{number}|{name}".encode())
        await conn.execute(
            text(
                "INSERT INTO destination (person_id, kind, label, sealed, set_at) VALUES (:p, 'bank', :label, :s, :at)"
                "ON CONFLICT (person_id) DO UPDATE SET label = excluded.label, sealed = excluded.sealed"
            ),
            {"p": person, "label": f"{place} ...{number[-4:]}", "s": sealed, "at": house.clock.now() - 2 * DAY},
        )


async def clerk(house: House) -> Phone:
    """Return a member of staff."""
    phone = house.phone("telegram", "5550999", "Miss Clerk")
    await onboard(phone, phone.name)
    await house.hire(phone)
    return phone


async def new_circle(
    house: House,
    banker: Phone,
    turns: int,
    terms: str = "5000 JMD; weekly",
    *,
    order: str = "join order",
    weeks: int = 0,
) -> str:
    """Set up a circle whose first due date is today, or so many weeks later; returns its code."""
    first = (house.clock.now() + timedelta(weeks=weeks)).astimezone(JAMAICA).date()
    made = await banker.says(f"NEW Sunday Club; {terms}; {turns}; {first.isoformat()}; {order}").sees("code is")
    return found(r"(?<=code is )[A-Z2-9]{6}", made.text)


async def join(code: str, banker: Phone, phones: list[Phone], hands: Mapping[str, float] | None = None) -> None:
    """Have phones join, the banker's own at once, the others when approved."""
    for phone in phones:
        many = (hands or {}).get(phone.name.split()[0], 1)
        await phone.says(f"JOIN {code} {'half' if many == HALF else many}").sees("AGREE")
        await phone.says("AGREE").sees("You are in" if phone is banker else "has been asked")
    if phones != [banker]:
        await banker.says(f"APPROVE {code} ALL").sees("in")


async def start(code: str, banker: Phone) -> None:
    """Lock and begin."""
    await banker.says(f"LOCK {code} YES").sees("is locked")
    await banker.says(f"BEGIN {code} YES").sees("has begun")


async def begun(
    house: House,
    how_many: int = 3,
    *,
    terms: str = "5000 JMD; weekly",
    extra: str = "",
    verified: bool = True,
    hands: Mapping[str, float] | None = None,
    weeks: int = 0,
    order: str = "",
    network: str = "",
) -> Club:
    """Return a circle that has begun, one turn a hand, or two halves (`hands={"Devon": 0.5}`); it is due today.

    `order` are the first names in the order of their turns; else they draw as they joined. `network`: all chat on it.
    """
    phones = await people(house, how_many, verified=verified, network=network)
    turns = int(how_many + sum(n - 1 for n in (hands or {}).values()))
    code = await new_circle(house, phones[0], turns, terms, order="banker" if order else "join order", weeks=weeks)
    if extra:
        await phones[0].says(f"TERMS {code} {extra}").sees("Sunday Club")
    await join(code, phones[0], phones, hands)
    if order:
        await phones[0].says(f"ORDER {code} {order}").sees("draws in this order")
    await start(code, phones[0])
    await house.rest()
    for phone in phones:
        await phone.look()
    return Club(house, code, phones)
