"""Who is staff, from the command line."""

import argparse
import sys
from datetime import UTC, datetime

from bot.commands.reaching import transaction
from bot.config import ADDRESS, Settings
from domain.people import Role
from storage import queries


async def add(settings: Settings, asked: argparse.Namespace) -> int:
    """Make an address staff."""
    if not _is_party(asked.address):
        return 2
    async with transaction(settings) as conn:
        await queries.add_staff(conn, asked.address, Role(asked.role), datetime.now(UTC))
    print(f"{_short(asked.address)} is {asked.role} now.")
    return 0


async def remove(settings: Settings, asked: argparse.Namespace) -> int:
    """An address is staff no more, in no role. One that PARDNA_STAFF names comes back at the next start."""
    if not _is_party(asked.address):
        return 2
    async with transaction(settings) as conn:
        found = await queries.remove_staff(conn, asked.address)
    if not found:
        print(f"pardna: {_short(asked.address)} is not staff", file=sys.stderr)
        return 1
    print(f"{_short(asked.address)} is staff no more.")
    if asked.address in settings.staff:
        print("Take it out of PARDNA_STAFF too, or it comes back at the next start.")
    return 0


async def list_all(settings: Settings, _: argparse.Namespace) -> int:
    """Print every address of staff, cut short, and its role."""
    async with transaction(settings) as conn:
        for clerk in await queries.staff(conn):
            print(f"{clerk.role:<12}{_short(clerk.party)}{'' if clerk.person_id else ', has not written yet'}")
    return 0


def _is_party(party: str) -> bool:
    channel, _, address = party.partition(":")
    patterns = {c.value: pattern for c, pattern in ADDRESS.items()}
    if channel in patterns and patterns[channel].fullmatch(address):
        return True
    print("pardna: the address must look like sms:+18765550000 or telegram:5550103", file=sys.stderr)
    return False


def _short(party: str) -> str:
    channel, _, address = party.partition(":")
    return f"{channel} ...{address[-4:]}"
