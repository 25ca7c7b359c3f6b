"""PostgreSQL's programs as this service calls them: initdb, postgres, and the first words to a new server.

Programs get a bare environment (ours holds secrets), a session of their own (Ctrl-C in the terminal is for
us; the server is stopped when the service has finished with it) and, as root, an unprivileged account.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

import asyncpg

from storage.embedded.place import EmbeddedError, Place

HOST = "127.0.0.1"
NAME = "pardna"  # of the role and of its database
LOG_BYTES = 10_000_000
MAKING = "making-"


def url(role: str, password: str, port: int, database: str = NAME) -> str:
    """The address of a database on the embedded server."""
    return f"postgresql://{role}:{password}@{HOST}:{port}/{database}"


def initdb(place: Place) -> None:
    """Make the data directory: passwords by SCRAM, page checksums, C.UTF-8 of PostgreSQL's own making.

    In a folder of its own until it is whole: a kill in between leaves nothing that looks like a database, and
    an initdb that outlives its killed caller is not in the way of the next one.
    """
    for left in place.folder.glob(f"{MAKING}*"):
        shutil.rmtree(left, ignore_errors=True)
    making = Path(mkdtemp(dir=place.folder, prefix=MAKING))
    if place.account is not None:
        os.chown(making, place.account.uid, place.account.gid, follow_symlinks=False)
    password = making / "password"
    with os.fdopen(place.open(password, os.O_WRONLY), "w", encoding="ascii") as file:
        file.write(place.secrets.superuser_password)
    options = {
        "pgdata": making / "data",
        "username": "postgres",
        "pwfile": password,
        "auth": "scram-sha-256",
        "encoding": "UTF8",
        "locale": "C",
        "locale-provider": "builtin",
        "builtin-locale": "C.UTF-8",
    }
    command = [f"--{name}={value}" for name, value in options.items()]
    with _log(place) as output:
        process = popen(place, [str(place.programs / "initdb"), "--data-checksums", *command], output)
    if status := process.wait():
        raise EmbeddedError(f"initdb failed ({status}): see the end of {place.log}")
    (making / "data").rename(place.data)
    shutil.rmtree(making)


def start(place: Place, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start the server in the foreground, as our child."""
    options = [f"--{name}={value}" for name, value in settings.items()]
    with _log(place) as output:
        return popen(place, [str(place.programs / "postgres"), "-D", str(place.data), *options], output)


def popen(place: Place, command: list[str], output: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start a program of PostgreSQL in its place."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=place.folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        umask=0o077,
        start_new_session=True,
        user=place.account.uid if place.account else None,
        group=place.account.gid if place.account else None,
        extra_groups=[] if place.account else None,
    )


async def answers(address: str) -> bool:
    """Whether the server takes connections; `EmbeddedError` when it does and refuses our password."""
    try:
        connection = await asyncpg.connect(address, timeout=5, ssl=False)
    except asyncpg.InvalidPasswordError as error:
        raise EmbeddedError("postgres.json is not the one of this database: put it back, or start afresh") from error
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def ensure_database(superuser_url: str, password: str) -> None:
    """The role and its database, made on the first start, mended on a later one that finds half of them."""
    connection = await asyncpg.connect(superuser_url, timeout=30, ssl=False)
    try:
        if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", NAME):
            await connection.execute(f"CREATE ROLE {NAME} LOGIN PASSWORD '{password}'")
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", NAME):
            await connection.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")
    finally:
        await connection.close()


def free_port(first: int) -> int:
    """The first free port from `first` on."""
    return next(port for port in range(first, 65_536) if is_free(port))


def is_free(port: int) -> bool:
    """Whether a server could listen on the port just now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _log(place: Place) -> IO[bytes]:
    """The log, opened to append; one that has grown long is put aside first."""
    handle = place.open(place.log, os.O_WRONLY | os.O_APPEND)
    if os.fstat(handle).st_size > LOG_BYTES:
        os.close(handle)
        place.log.rename(place.log.with_suffix(".log.1"))
        handle = place.open(place.log, os.O_WRONLY | os.O_APPEND)
    return os.fdopen(handle, "ab")
