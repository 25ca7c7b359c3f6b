"""The desk's batches: one bad arrival harms nobody else, and is given up in the open."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.commands import given_up, staff
from bot.config import Settings
from domain.messages import Filed, Inbound, InboundKind
from domain.people import Address, Clerk, Language, Person, Role
from storage import queries
from storage.codec import Taken, save
from storage.tables import ADDRESS, PERSON
from tests.teller import House, open_house

BAD = "whatsapp:+18765550199"
UNREADABLE = Filed("whatsapp", "bad", BAD, "chat", {"channel": "nowhere", "address": "x", "kind": "text"})


@pytest.fixture
async def home(database_url: str) -> AsyncIterator[House]:
    """The service's parts on a database of their own."""
    async with open_house(database_url) as opened:
        yield opened


async def hurry(house_: House) -> bool:
    """Let what waits for its next try be tried now; True when it was given up."""
    async with house_.engine.begin() as conn:
        await conn.execute(text("UPDATE inbox SET retry_at = now() WHERE retry_at IS NOT NULL AND parked_at IS NULL"))
        await conn.execute(text("SELECT pg_notify('pardna', 'inbox')"))
        return bool((await conn.execute(text("SELECT count(*) FROM inbox WHERE parked_at IS NOT NULL"))).scalar())


async def give_up(house_: House) -> None:
    async with asyncio.timeout(30):
        while not await hurry(house_):  # noqa: ASYNC110 - the database rings nobody for this
            await asyncio.sleep(0.05)


async def test_one_bad_arrival_harms_nobody_and_is_parked_after_five_tries(home: House) -> None:
    """Twenty others in its batch are answered; its sender and the staff are told, and an operator may try again."""
    clerk = home.phone("telegram", "5550999")
    await clerk.says("hello").sees("What name")
    await home.hire(clerk)
    phones = [home.phone("whatsapp", f"+187655502{n:02d}") for n in range(20)]
    arrivals = [UNREADABLE]
    hello = [Inbound(p.channel, p.address, InboundKind.TEXT, text="hello") for p in phones]
    arrivals += [Filed("whatsapp", f"ok-{n}", said.party, "chat", said.as_json()) for n, said in enumerate(hello)]
    await home.filer.file(arrivals)
    for phone in phones:
        await phone.sees("What name")
    await give_up(home)
    await home.phone("whatsapp", BAD.partition(":")[2]).sees("went wrong on our side", "K-")
    await clerk.sees("fault", "pardna inbox retry")
    async with home.engine.connect() as conn:
        [(tries,)] = (await conn.execute(text("SELECT tries FROM inbox WHERE external_id = 'bad'"))).all()
    assert tries == 5


async def test_what_was_given_up_is_listed_and_tried_again_by_the_operator(
    home: House, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings = Settings.read(None)
    await home.filer.file(
        [Filed("whatsapp", "bad", BAD, "chat", {"channel": "nowhere", "address": "x", "kind": "text"})]
    )
    await give_up(home)
    capsys.readouterr()
    assert await given_up.list_parked(settings, argparse.Namespace()) == 1
    listed = capsys.readouterr().out
    number = int(listed.split()[0])
    assert "whatsapp" in listed
    assert "5550199" not in listed
    assert await given_up.retry_parked(settings, argparse.Namespace(id=number)) == 0
    assert await given_up.retry_parked(settings, argparse.Namespace(id=number)) == 1
    assert await given_up.list_dead(settings, argparse.Namespace()) == 0
    assert await given_up.drop_dead(settings, argparse.Namespace(id=1)) == 1


async def test_staff_come_and_go_by_the_command_line(
    home: House, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PARDNA_HOME", str(tmp_path))
    settings = Settings.read(None)
    asked = argparse.Namespace(address="sms:+18765550100", role="finance")
    assert await staff.add(settings, asked) == 0
    async with home.engine.connect() as conn:
        assert Clerk("sms:+18765550100", Role.FINANCE) in await queries.staff(conn)
    assert await staff.remove(settings, asked) == 0
    assert await staff.remove(settings, asked) == 1
    assert await staff.add(settings, argparse.Namespace(address="8765550100", role="finance")) == 2


async def test_an_address_never_passes_to_another_person_by_being_written(home: House) -> None:
    """Two desks may link one address at the same time: the second write is refused, and its turn is decided again."""
    now = home.clock.now()
    async with home.engine.begin() as conn:
        await save(conn, PERSON, [Person(n, n.title(), Language.EN, now) for n in ("marva", "patsy")])
        await save(conn, ADDRESS, [Address("sms:+18765550177", "marva", now)])
        await save(conn, ADDRESS, [Address("sms:+18765550177", "marva", now, stopped_at=now)])
        with pytest.raises(Taken):
            await save(conn, ADDRESS, [Address("sms:+18765550177", "patsy", now)])
