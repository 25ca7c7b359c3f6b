"""`pardna chat`: one phone in the terminal, on a running development service."""

import argparse
import asyncio
import sys

import aiohttp
from rich.console import Console
from rich.panel import Panel

from bot.config import Settings

WAIT_SECONDS = 20


async def run(settings: Settings, asked: argparse.Namespace) -> int:
    """Read lines from the keyboard, show what arrives on the phone."""
    site = f"http://127.0.0.1:{asked.port or settings.port}"
    phone = {"channel": asked.channel, "address": asked.address}
    console = Console()
    try:
        async with aiohttp.ClientSession(site) as session:
            console.print(f"You are {asked.address} on {asked.channel}. Type a line; an empty one ends.")
            shower = asyncio.ensure_future(_show(session, phone, console))
            try:
                await _say(session, phone)
            finally:
                shower.cancel()
    except aiohttp.ClientConnectionError:
        print(f"pardna: nobody answers at {site}; start the service with `make run`", file=sys.stderr)
        return 1
    return 0


async def _say(session: aiohttp.ClientSession, phone: dict[str, str]) -> None:
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        async with session.post("/sim/messages", json={**phone, "text": line}) as answer:
            if answer.status != 202:  # noqa: PLR2004 - taken, once it is durable
                print((await answer.text()).strip(), file=sys.stderr)


async def _show(session: aiohttp.ClientSession, phone: dict[str, str], console: Console) -> None:
    after, asks_by_number = 0, phone["channel"] == "sms"  # there the text holds the numbers
    while True:
        query = {**phone, "after": str(after), "wait": str(WAIT_SECONDS)}
        async with session.get("/sim/messages", params=query) as answer:
            for message in await answer.json():
                after = message["id"]
                shown = [] if asks_by_number else message["choices"]
                choices = [f"{n} {c['label']}" for n, c in enumerate(shown, 1)]
                console.print(Panel("\n".join([message["text"], *choices]), expand=False))
