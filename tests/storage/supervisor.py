"""A process that keeps an embedded PostgreSQL until it is told to stop: what the tests kill.

    supervisor.py HOME [--system-folder FOLDER] [--programs FOLDER] [--uid UID]

Prints the address and whether it owns the server; ends on SIGINT, SIGTERM, or when its standard input ends.
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from storage.embedded import EmbeddedPostgres, place


async def keep(home: Path) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, over.set)
    loop.add_reader(sys.stdin, over.set)
    async with EmbeddedPostgres(home) as server:
        print(server.url, server.owner, flush=True)  # noqa: T201 - how the test hears it
        await over.wait()


async def start_and_stop(home: Path) -> None:
    async with EmbeddedPostgres(home):
        pass


def become(uid: int, warm: Path) -> None:
    """Go on as an ordinary user, who may not be able to read this interpreter: load all modules before."""
    programs = place._reachable_tools(place.Account(uid, uid))
    asyncio.run(start_and_stop(warm))
    place.tools = lambda: programs
    os.environ["HOME"] = str(warm)
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--system-folder", type=Path)
    parser.add_argument("--programs", type=Path)
    parser.add_argument("--uid", type=int)
    arguments = parser.parse_args()
    if arguments.system_folder:
        place.SYSTEM_FOLDER = arguments.system_folder
    if arguments.programs:
        place.tools = lambda: arguments.programs
    if arguments.uid:
        become(arguments.uid, arguments.home.parent / "warm")
    asyncio.run(keep(arguments.home))


if __name__ == "__main__":
    main()
