"""The embedded PostgreSQL: what it promises, and that no kill of either side breaks it or leaves it."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep

import asyncpg
import psutil
import pytest

from storage.embedded import EmbeddedError, EmbeddedPostgres, place, running_url, tools

ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody").pw_uid
HOUSE = Path(__file__).parents[2]
SUPERVISOR = Path(__file__).parent / "supervisor.py"
only_root = pytest.mark.skipif(not ROOT, reason="what root does differently; an ordinary user runs all the rest")


@pytest.fixture
def yard() -> Iterator[Path]:
    """A folder that every account may enter, unlike pytest's own."""
    folder = Path(mkdtemp(prefix="pardna-embedded-"))
    folder.chmod(0o755)
    yield folder
    deadline = monotonic() + 20  # a server whose supervisor the test killed is on its way out
    while processes_in(folder) and monotonic() < deadline:
        sleep(0.02)
    shutil.rmtree(folder)


@pytest.fixture
def home(yard: Path) -> Path:
    """A home as an ordinary user has it: its data lie inside, whoever runs the test."""
    folder = yard / ".pardna"
    folder.mkdir(mode=0o700)
    if ROOT:
        os.chown(folder, NOBODY, NOBODY)
    return folder


@asynccontextmanager
async def supervisor(home: Path, *options: str) -> AsyncIterator[Process]:
    """A process in a group of its own, as `make run` is, that keeps the server of a home."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SUPERVISOR),
        str(home),
        *options,
        stdin=PIPE,
        stdout=PIPE,
        cwd=HOUSE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HOUSE), *sys.path]),
            "STRIPE_API_KEY": "a secret",
        },
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def says(process: Process) -> tuple[str, bool]:
    """The address a supervisor prints, and whether it owns the server."""
    assert process.stdout is not None
    url, owner = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()
    return url, owner == "True"


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def eventually(fact: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    deadline = monotonic() + seconds
    while not await fact():
        assert monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


def processes_in(folder: Path) -> list[psutil.Process]:
    """Every process of any kind that works in a folder or names it in its command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.cwd() or any(str(folder) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def postmaster_of(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres/data/postmaster.pid").read_text().split()[0]))


def watchdogs_of(server: psutil.Process) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline()[-2:] == ["pardna-postgres-watchdog", str(server.pid)]:
                found.append(process)
        except psutil.Error:
            continue
    return found


# --- what it promises ----------------------------------------------------------------------------------


async def test_a_commit_is_durable_and_pages_are_checked(home: Path) -> None:
    async with EmbeddedPostgres(home) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await ask(server.url, f"SHOW {setting}") == "on"
        assert await ask(server.url, "SHOW wal_compression") != "off"
        assert await ask(server.url, "SELECT datlocale FROM pg_database WHERE datname = 'pardna'") == "C.UTF-8"


async def test_only_the_password_opens_the_door(home: Path) -> None:
    async with EmbeddedPostgres(home) as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url, password="wrong")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url, user="postgres", password="")
        methods = await ask(server.superuser_url, "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules")
        assert methods == "scram-sha-256"
        assert stat.S_IMODE((home / "postgres.json").stat().st_mode) == 0o600
        assert not list((home / "postgres").glob("making-*"))


async def test_the_service_is_no_superuser(home: Path) -> None:
    async with EmbeddedPostgres(home) as server:
        assert await ask(server.url, "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = user") is False
        assert (
            await ask(server.url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'pardna'")
            == "pardna"
        )
        assert await ask(server.superuser_url, "SHOW is_superuser") == "on"


async def test_it_listens_on_loopback_alone_and_knows_none_of_our_secrets(home: Path) -> None:
    async with supervisor(home) as keeper:
        await says(keeper)
        server = postmaster_of(home)
        assert {listener.laddr.ip for listener in server.net_connections()} == {"127.0.0.1"}
        assert "STRIPE_API_KEY" not in server.environ()


async def test_data_and_address_outlive_a_restart(home: Path) -> None:
    async with EmbeddedPostgres(home) as server:
        first = server.url
        await ask(first, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with EmbeddedPostgres(home) as server:
        assert server.url == first
        assert await ask(server.url, "SELECT answer FROM kept") == 42


async def test_a_port_taken_by_another_program_is_left_to_it(home: Path) -> None:
    async with EmbeddedPostgres(home) as server:
        port = int(server.url.rsplit(":")[-1].split("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        async with EmbeddedPostgres(home) as server:
            assert f":{port}/" not in server.url
            assert await ask(server.url, "SELECT 1") == 1


async def test_the_command_line_finds_a_running_server_and_makes_none(home: Path, yard: Path) -> None:
    assert running_url(yard / "nothing") is None
    assert not (yard / "nothing").exists()
    assert running_url(home) is None
    async with EmbeddedPostgres(home) as server:
        assert running_url(home) == server.url
    assert running_url(home) is None


async def test_an_address_before_the_start_is_refused(home: Path) -> None:
    with pytest.raises(EmbeddedError, match="not started"):
        _ = EmbeddedPostgres(home).url


async def test_a_home_that_cannot_be_made_is_refused_in_one_line(yard: Path) -> None:
    (yard / "file").write_text("in the way")
    with pytest.raises(EmbeddedError, match=r"set PARDNA_HOME, or DATABASE_URL$"):
        await EmbeddedPostgres(yard / "file" / ".pardna").start()


async def test_a_setting_that_postgresql_refuses_is_told_with_the_log(home: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"does not start: see the end of .*postgres\.log"):
        await EmbeddedPostgres(home, settings={"max_connections": "plenty"}).start()
    async with EmbeddedPostgres(home) as server:  # and the failure held on to nothing
        assert await ask(server.url, "SELECT 1") == 1


async def test_the_wrong_password_file_is_told_at_once(home: Path) -> None:
    async with EmbeddedPostgres(home):
        pass
    (home / "postgres.json").unlink()
    with pytest.raises(EmbeddedError, match=r"postgres\.json"):
        await EmbeddedPostgres(home).start()
    assert not processes_in(home)


async def test_a_long_log_is_put_aside(home: Path) -> None:
    async with EmbeddedPostgres(home):
        pass
    with (home / "postgres/postgres.log").open("ab") as log:
        log.truncate(11_000_000)
    async with EmbeddedPostgres(home):
        assert (home / "postgres/postgres.log").stat().st_size < 10_000
        assert (home / "postgres/postgres.log.1").stat().st_size == 11_000_000


# --- two on one home -----------------------------------------------------------------------------------


async def test_of_many_starters_one_owns_the_server_and_the_others_are_guests(home: Path) -> None:
    servers = [EmbeddedPostgres(home) for _ in range(2)]
    async with supervisor(home) as one, supervisor(home) as two, supervisor(home) as three:
        told = [await says(process) for process in (one, two, three)]
        urls = await asyncio.gather(*(server.start() for server in servers))
        assert {url for url, _ in told} | set(urls) == {told[0][0]}
        assert [owner for _, owner in told].count(True) == 1
        await asyncio.gather(*(server.stop() for server in servers))
        for process, (url, owner) in zip((one, two, three), told, strict=True):
            if not owner:
                process.terminate()
                assert await process.wait() == 0
                assert await ask(url, "SELECT 1") == 1


# --- kill -9 -------------------------------------------------------------------------------------------


async def test_a_killed_server_is_back_at_the_same_address_with_all_that_was_committed(home: Path) -> None:
    async with EmbeddedPostgres(home) as server:
        await ask(server.url, "CREATE TABLE kept (n int)")
        committed = 0

        async def counts() -> bool:
            try:
                return await ask(server.url, "SELECT count(*) FROM kept") == committed
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return False

        for _ in range(3):
            committed += 1
            await ask(server.url, "INSERT INTO kept VALUES (1)")
            postmaster_of(home).kill()
            await eventually(counts, seconds=10)
    assert not processes_in(home)


async def test_a_killed_supervisor_takes_its_server_along(home: Path) -> None:
    async with supervisor(home) as keeper:
        url, _ = await says(keeper)
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        keeper.kill()
        await keeper.wait()

        async def gone() -> bool:
            return not processes_in(home)

        await eventually(gone)
    async with EmbeddedPostgres(home) as server:
        assert await ask(server.url, "SELECT answer FROM kept") == 42


async def test_a_supervisor_starts_while_the_server_of_a_killed_one_still_stops(home: Path) -> None:
    async with supervisor(home) as keeper:
        url, _ = await says(keeper)
        held = await asyncpg.connect(url)
        keeper.kill()
        await keeper.wait()
        async with EmbeddedPostgres(home) as server:
            assert server.owner
            assert await ask(server.url, "SELECT 1") == 1
        held.terminate()


async def test_a_server_left_behind_is_stopped_and_another_started(home: Path) -> None:
    async with supervisor(home) as keeper:
        url, _ = await says(keeper)
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        left = postmaster_of(home)
        for watchdog in watchdogs_of(left):
            watchdog.kill()
        keeper.kill()
        await keeper.wait()
        assert left.is_running()
        async with EmbeddedPostgres(home) as server:
            assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
            assert await ask(server.url, "SELECT answer FROM kept") == 42


async def test_killed_in_the_middle_of_the_first_start_the_next_one_works(home: Path) -> None:
    for seconds in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        async with supervisor(home) as keeper:
            await asyncio.sleep(seconds)
            keeper.kill()
    async with EmbeddedPostgres(home) as server:
        assert await ask(server.url, "SELECT 1") == 1


async def test_a_stranger_with_the_number_of_the_old_server_is_left_alone(home: Path) -> None:
    async with EmbeddedPostgres(home):
        pass
    account = NOBODY if ROOT else None
    with subprocess.Popen(["/bin/sleep", "60"], user=account, group=account) as stranger:
        (home / "postgres/data/postmaster.pid").write_text(
            f"{stranger.pid}\n{home}/postgres/data\n1\n5432\n\n\n\nready\n"
        )
        assert running_url(home) is None
        async with EmbeddedPostgres(home) as server:
            assert await ask(server.url, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_to_the_whole_group_stops_both_in_order_and_leaves_nothing(home: Path, sign: int) -> None:
    async with supervisor(home) as keeper:
        url, _ = await says(keeper)
        held = await asyncpg.connect(url)  # a client does not hold it up
        server = postmaster_of(home)
        assert os.getpgid(server.pid) != os.getpgid(keeper.pid)
        os.killpg(keeper.pid, sign)
        assert await asyncio.wait_for(keeper.wait(), 20) == 0
        assert not processes_in(home)
        assert not watchdogs_of(server)
        assert not (home / "postgres/data/postmaster.pid").exists()
        held.terminate()


# --- as whom, and where --------------------------------------------------------------------------------


def modes_above(*folders: Path) -> dict[Path, tuple[int, int, int]]:
    """Mode and owner of folders and all above them."""
    every = {parent for folder in folders for parent in (folder, *folder.parents)}
    return {path: ((found := path.stat()).st_mode, found.st_uid, found.st_gid) for path in every}


@only_root
async def test_root_in_a_private_checkout_runs_it_as_nobody_and_changes_no_permissions(yard: Path) -> None:
    checkout, system = yard / "root", yard / "var"
    programs = checkout / "site" / place.WHEEL / "pginstall"
    shutil.copytree(tools().parent, programs, ignore=shutil.ignore_patterns("include"))
    libraries = tools().parents[2] / f"{place.WHEEL}.libs"
    if libraries.exists():
        shutil.copytree(libraries, checkout / "site" / libraries.name)
    checkout.chmod(0o700)
    home = checkout / ".pardna"
    home.mkdir()
    before = modes_above(home, programs / "bin", yard)
    options = ("--system-folder", str(system), "--programs", str(programs / "bin"))
    async with supervisor(home, *options) as keeper:
        url, owner = await says(keeper)
        assert owner
        assert await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer") is None
        data = system / json.loads((home / "postgres.json").read_text())["id"] / "data"
        server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        assert server.uids().real == server.uids().saved == NOBODY
        assert os.getgrouplist("nobody", server.gids().real) == [server.gids().real]
        assert Path(server.exe()).is_relative_to(system)
        assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700
        keeper.terminate()
        assert await keeper.wait() == 0
    assert modes_above(home, programs / "bin", yard) == before
    home.rename(checkout / ".moved")
    async with supervisor(checkout / ".moved", *options) as keeper:
        url, _ = await says(keeper)
        assert await ask(url, "SELECT answer FROM kept") == 42


@only_root
async def test_root_in_a_users_home_runs_it_as_that_user_who_can_go_on_alone(home: Path, yard: Path) -> None:
    async with EmbeddedPostgres(home) as server:
        await ask(server.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert postmaster_of(home).uids().real == NOBODY
    assert {path.stat().st_uid for path in home.rglob("*")} == {NOBODY}
    async with supervisor(home, "--uid", str(NOBODY), "--system-folder", str(yard / "var")) as keeper:
        url, owner = await says(keeper)
        assert owner
        assert psutil.Process(keeper.pid).uids().real == NOBODY
        assert await ask(url, "SELECT answer FROM kept") == 42


@only_root
async def test_root_is_told_when_the_owner_of_the_home_cannot_enter_it(yard: Path) -> None:
    (yard / "private").mkdir(mode=0o700)
    home = yard / "private" / ".pardna"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    with pytest.raises(EmbeddedError, match="cannot enter it"):
        await EmbeddedPostgres(home).start()
