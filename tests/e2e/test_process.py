"""The life of the process: how it ends, what it survives, and what it says when it cannot start."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import aiohttp
import psutil
import pytest
from sqlalchemy import text

from storage.embedded import EmbeddedPostgres
from storage.engine import make_engine
from tests import vendors
from tests.conftest import QUICK
from tests.e2e.providers import Providers
from tests.e2e.service import Service
from tests.e2e.town import open_town
from tests.standins import Fault


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder where a database of one's own may live, whoever runs the tests."""
    path = Path(mkdtemp(prefix="pardna-e2e-"))
    if os.geteuid() == 0:
        shutil.chown(path, "nobody")
    yield path
    shutil.rmtree(path)


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


@pytest.mark.parametrize("workers", [1, 2])
async def test_ctrl_c_ends_everything_with_the_database_within_seconds(home: Path, workers: int) -> None:
    """What a terminal does: SIGINT to the whole process group, on the embedded database."""
    service = Service(home, {"PARDNA_ENV": "development"})
    try:
        await service.start("--workers", str(workers))
        assert service.process is not None
        looks = asyncio.create_task(an_open_browser(service))
        everyone = family(service.process.pid)
        assert sum("postgres" in one.name() for one in everyone) > 1
        service.send(signal.SIGINT)
        assert await service.ended(within=10) == 0, service.said()
        _, alive = psutil.wait_procs(everyone, timeout=3)
        assert alive == []
        assert "Traceback" not in service.said()
        await looks
    finally:
        await service.kill()


async def an_open_browser(service: Service) -> None:
    """The simulator's page always waits for the next message."""
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session:
            await session.get(f"{service.url}/sim/messages", params={"after": "0", "wait": "60"})


async def test_sigterm_lets_requests_in_flight_be_answered(service: Service, database_url: str) -> None:
    """They wait for the database, which somebody holds up; whoever comes later finds the door shut."""
    calls = [vendors.telegram_text(5_550_000 + n, "MENU") for n in range(20)]
    engine = make_engine(database_url)
    async with aiohttp.ClientSession() as session:
        async with engine.begin() as conn:
            await conn.execute(text("LOCK TABLE inbox IN EXCLUSIVE MODE"))
            posts = [asyncio.create_task(call.post(session, service.url)) for call in calls]
            await asyncio.sleep(0.5)
            service.send(signal.SIGTERM)
            await asyncio.sleep(0.5)
            with pytest.raises(aiohttp.ClientConnectorError):
                await calls[0].post(session, service.url)
        assert await asyncio.gather(*posts) == [200] * 20
    assert await service.ended() == 0, service.said()
    async with engine.connect() as conn:
        filed = await conn.execute(text("SELECT count(*) FROM inbox WHERE source = 'telegram'"))
        assert filed.scalar_one() == 20
    await engine.dispose()
    assert "rror" not in service.said()


async def test_two_workers_serve_and_one_that_is_killed_is_replaced(
    tmp_path: Path, providers: Providers, database_url: str
) -> None:
    service = Service(tmp_path, {**providers.settings(), "DATABASE_URL": database_url})
    try:
        await service.start("--workers", "2")
        assert service.process is not None
        _, *workers = family(service.process.pid)
        assert len(workers) == 2
        workers[0].kill()
        async with open_town(providers, [service.url]) as town:
            for person in town.five:
                await person.says("hello").sees("name")
        for _ in range(300):
            await asyncio.sleep(0.05)
            _, *now = family(service.process.pid)
            if len(now) == 2 and workers[0] not in now:
                break
        assert len(now) == 2
        assert workers[0] not in now
        service.send(signal.SIGTERM)
        assert await service.ended() == 0, service.said()
    finally:
        await service.kill()


async def test_workers_end_when_the_process_that_started_them_is_killed(
    tmp_path: Path, providers: Providers, database_url: str
) -> None:
    """Nobody would ever stop or replace them."""
    service = Service(tmp_path, {**providers.settings(), "DATABASE_URL": database_url})
    try:
        await service.start("--workers", "2")
        assert service.process is not None
        parent, *workers = family(service.process.pid)
        parent.kill()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert alive == []
    finally:
        with suppress(ProcessLookupError):
            await service.kill()


async def test_a_database_that_goes_and_comes_back(home: Path, providers: Providers) -> None:
    """503 while it is gone, so that providers repeat; afterwards all goes on, without a restart."""
    server = EmbeddedPostgres(home / "database", settings=QUICK)
    url = await server.start()
    service = Service(home, {**providers.settings(), "DATABASE_URL": url})
    try:
        await service.start()
        async with open_town(providers, [service.url]) as town:
            marva = town.five[0]
            await marva.says("hello").sees("name")
            await server.stop()
            assert await vendors.whatsapp_text("+18765550101", "Marva").post(town.session, service.url) == 503
            async with (
                town.session.get(service.url + "/readyz") as ready,
                town.session.get(service.url + "/livez") as live,
            ):
                assert (ready.status, live.status) == (503, 200)
            assert await server.start() == url
            await marva.says(marva.name).sees("agree")
            await marva.taps("I agree").sees("language")
            assert service.running
    finally:
        await service.kill()
        await server.stop()


async def test_a_database_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    service = Service(tmp_path, {"DATABASE_URL": "postgresql://pardna:secret@127.0.0.1:9/pardna"})
    await service.spawn()
    assert await service.ended() == 1
    said = service.said().strip().splitlines()
    assert len(said) == 1, said
    assert "DATABASE_URL" in said[0]
    assert "secret" not in said[0]


async def test_a_port_that_is_taken_is_said_in_one_line(service: Service) -> None:
    second = Service(service.home / "second", service.settings, port=service.port)
    second.home.mkdir()
    await second.spawn()
    assert await second.ended() == 1
    said = second.said().strip().splitlines()
    assert len(said) == 1, said
    assert str(service.port) in said[0]


@pytest.mark.parametrize(
    ("asked", "ends", "unbuffered"), [("templates export", 0, ""), ("templates export", 0, "1"), ("nonsense", 2, "")]
)
async def test_a_command_that_nobody_listens_to_does_its_work(asked: str, ends: int, unbuffered: str) -> None:
    """As in `pardna templates export | head`."""
    reading, writing = os.pipe()
    os.close(reading)
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *asked.split()),
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=writing,
        stderr=writing if ends else asyncio.subprocess.PIPE,
    )
    os.close(writing)
    _, said = await command.communicate()
    assert (command.returncode, said or b"") == (ends, b"")


async def test_telegram_is_told_our_address_until_it_has_heard_it(
    tmp_path: Path, providers: Providers, database_url: str
) -> None:
    providers.telegram.misbehave(Fault.BROKEN, to="setWebhook")
    service = Service(tmp_path, {**providers.settings(), "DATABASE_URL": database_url})
    try:
        await service.start()
        assert providers.telegram.webhook == ""
        for _ in range(200):
            await asyncio.sleep(0.05)
            if providers.telegram.webhook:
                break
        assert providers.telegram.webhook == "https://pardna.example/hooks/telegram"
    finally:
        await service.kill()
