"""Which processes belong to a data directory, and how they are ended.

A server is known by what it is, a PostgreSQL whose working directory is our data directory, never by the bare
number in `postmaster.pid`, which another program may have by now. Ends nothing else.
"""

import asyncio
import signal
import subprocess
from pathlib import Path
from time import monotonic

import psutil

from storage.embedded.place import EmbeddedError, Place

# PostgreSQL understands: finish cleanly, at once; drop everything (recovered at the next start).
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT


def postmaster(data: Path) -> psutil.Process | None:
    """The running server of this data directory, ready or not."""
    lines = _pid_file(data)
    if not lines or not lines[0].strip().isdigit():
        return None
    try:
        process = psutil.Process(int(lines[0]))
    except psutil.Error:
        return None
    return process if _belongs(process, data) else None


def ready_port(data: Path) -> int | None:
    """The port on which this data directory's server answers, `None` when it does not (yet)."""
    lines = _pid_file(data)
    port, status = 3, 7  # lines of postmaster.pid, see PostgreSQL's miscadmin.h
    if len(lines) <= status or lines[status].strip() != "ready" or postmaster(data) is None:
        return None
    return int(lines[port])


async def clear(data: Path) -> None:
    """End a leftover server and its orphans, so that the data directory is free for a start.

    A server whose supervisor was killed is asked to finish; the children of a killed server notice by
    themselves within moments. What is there after that is made to go. `EmbeddedError` when something will
    not.
    """
    for sign, seconds in ((FAST, 15.0), (IMMEDIATE, 5.0), (signal.SIGKILL, 5.0)):
        if await _gone(data, sign, seconds):
            (data / "postmaster.pid").unlink(missing_ok=True)
            return
    raise EmbeddedError(f"a PostgreSQL on {data} cannot be stopped: restart the machine, or set DATABASE_URL")


async def _gone(data: Path, sign: signal.Signals, seconds: float) -> bool:
    """Signal what runs on the data directory and wait until nothing does."""
    leader = postmaster(data)
    for process in [leader] if leader else _all(data) if sign is not FAST else []:
        process.send_signal(sign)
    deadline = monotonic() + seconds
    while running := _all(data):
        if monotonic() > deadline:
            break
        await asyncio.sleep(0.02)
    return not running


def watchdog(place: Place, server: int) -> "subprocess.Popen[bytes]":
    """A shell that stops the server when we are gone, even by kill -9: it waits for a pipe of ours to end.

    PR_SET_PDEATHSIG would be shorter, but is Linux alone, fires when the starting thread ends, and is
    cleared when the server changes its user. Kill the watchdog before the server is reaped, or it may hit a
    stranger.
    """
    account = place.account
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; kill -INT "$1"', "pardna-postgres-watchdog", str(server)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _all(data: Path) -> list[psutil.Process]:
    """Every PostgreSQL process working in this data directory, orphaned children too."""
    return [process for process in psutil.process_iter() if _belongs(process, data)]


def _belongs(process: psutil.Process, data: Path) -> bool:
    try:
        return (
            process.name().startswith("postgres")
            and process.status() != psutil.STATUS_ZOMBIE
            and Path(process.cwd()) == data.resolve()
        )
    except (psutil.Error, OSError):  # ended meanwhile, or not ours to look at
        return False


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
