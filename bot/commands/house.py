"""Commands that change the house: migrate, staff."""

import argparse
import sys
from datetime import UTC, datetime

from bot.app import database, database_url, reach
from bot.config import ADDRESS, Settings
from domain.people import Role
from storage import queries
from storage.engine import make_engine
from storage.migrate import migrate


async def migrate_database(settings: Settings, _asked: argparse.Namespace) -> int:
    """Bring the database to this release."""
    async with database(settings) as url:
        await migrate(url)
    print("The database is of this release.")
    return 0


async def add_staff(settings: Settings, asked: argparse.Namespace) -> int:
    """Make an address staff."""
    channel, _, address = asked.address.partition(":")
    patterns = {c.value: pattern for c, pattern in ADDRESS.items()}
    if channel not in patterns or not patterns[channel].fullmatch(address):
        print("pardna: the address must look like sms:+18765550000 or telegram:5550103", file=sys.stderr)
        return 2
    url = database_url(settings)
    await reach(url)
    engine = make_engine(url)
    try:
        async with engine.begin() as conn:
            await queries.add_staff(conn, asked.address, Role(asked.role), datetime.now(UTC))
    finally:
        await engine.dispose()
    print(f"{channel} ...{address[-4:]} is {asked.role} now.")
    return 0
