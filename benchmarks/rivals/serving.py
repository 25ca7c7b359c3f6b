"""How every rival is served: one process, aiohttp on uvloop as the service itself, quiet logs."""

import argparse
import asyncio
import logging
from collections.abc import Callable

import uvloop
from aiohttp import web

MENU = "Marva, you are in no circle yet.\n1 Balance\n2 Circles\n3 Pay\n4 Help"
KEYS = (("Balance", "BALANCE"), ("Circles", "CIRCLES"), ("Pay", "PAY"), ("Help", "HELP"))
PAYING = "How much will you throw? Type an amount such as 5000, or BACK."


class Replies:
    """Counts the replies a rival has composed; they go no further, as there is no network to send them on."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        """One more reply was composed."""
        self.count += 1

    async def show(self, _request: web.Request) -> web.Response:
        """Answer the number, so that the bench can check that each message was really replied to."""
        return web.json_response({"replies": self.count})


def options() -> argparse.ArgumentParser:
    """The command line that every rival takes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--plain", action="store_true", help="asyncio's own loop in place of uvloop")
    return parser


def serve(make_app: Callable[[], web.Application], asked: argparse.Namespace) -> None:
    """Serve on 127.0.0.1 until interrupted."""
    logging.disable(logging.WARNING)
    loop = asyncio.new_event_loop() if asked.plain else uvloop.new_event_loop()
    web.run_app(make_app(), host="127.0.0.1", port=asked.port, loop=loop, access_log=None, print=None, backlog=2048)
