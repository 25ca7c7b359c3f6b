"""Commands that run the service or bring its database up to date."""

import argparse

from bot.app import serve
from bot.config import Settings
from bot.place import database
from storage.migrate import migrate


async def run_service(settings: Settings, asked: argparse.Namespace) -> int:
    """Run the service until it is told to stop."""
    await serve(settings, roles=asked.role, port=asked.port or settings.port, workers=asked.workers)
    return 0


async def migrate_database(settings: Settings, _asked: argparse.Namespace) -> int:
    """Bring the database to this release."""
    async with database(settings) as url:
        await migrate(url)
    print("The database is of this release.")
    return 0
