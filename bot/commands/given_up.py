"""Commands that take up what was given up: parked arrivals (`inbox`) and dead letters (`outbox`)."""

import argparse
import sys
from datetime import UTC, datetime

from bot.commands.reaching import transaction
from bot.config import Settings
from storage import inbox, outbox


async def list_parked(settings: Settings, _asked: argparse.Namespace) -> int:
    """List the arrivals that were given up after five tries; 1 when there are any."""
    async with transaction(settings) as conn:
        parked = await inbox.parked(conn)
    for number, source, kind, fault in parked:
        print(f"{number}  {source}  {kind}  {fault}")
    print(f"{len(parked)} parked." if parked else "Nothing is parked.")
    return 1 if parked else 0


async def retry_parked(settings: Settings, asked: argparse.Namespace) -> int:
    """Give an arrival five more tries."""
    async with transaction(settings) as conn:
        found = await inbox.revive(conn, asked.id)
    return _done(1 if found else 0, "arrival is tried again", "pardna inbox list")


async def list_dead(settings: Settings, _asked: argparse.Namespace) -> int:
    """List the messages and orders that were given up; 1 when there are any. No address is shown."""
    async with transaction(settings) as conn:
        dead = await outbox.dead_letters(conn)
    for letter in dead:
        carrier = letter.lane.partition(":")[0]
        what = letter.kind if letter.kind == "say" else f"{letter.kind}  {letter.key}"
        print(f"{letter.id}  {carrier}  {what}  tries {letter.attempts}  {letter.fault}")
    print(f"{len(dead)} dead." if dead else "Nothing is dead.")
    return 1 if dead else 0


async def retry_dead(settings: Settings, asked: argparse.Namespace) -> int:
    """Send a dead letter again, under its own key; money only while it is still to be paid so."""
    async with transaction(settings) as conn:
        found = await outbox.retry_dead(conn, [asked.id])
        over = not found and asked.id in {letter.id for letter in await outbox.dead_letters(conn, limit=10_000)}
    if over:
        drop = f"`pardna outbox drop {asked.id}` takes it off the list"
        print(f"pardna: it is not to be paid under that key any more, and was not sent; {drop}", file=sys.stderr)
        return 1
    return _done(found, "letter is sent again", "pardna outbox list")


async def drop_dead(settings: Settings, asked: argparse.Namespace) -> int:
    """Take a dead letter off the list."""
    async with transaction(settings) as conn:
        found = await outbox.drop_dead(conn, [asked.id], datetime.now(UTC))
    return _done(found, "letter is dropped", "pardna outbox list")


def _done(found: int, what: str, see: str) -> int:
    if found:
        print(f"The {what}.")
        return 0
    print(f"pardna: there is none of that number; `{see}` shows them", file=sys.stderr)
    return 1
