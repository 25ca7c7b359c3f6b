"""How a command reaches the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.config import Settings
from bot.place import database_url, reach
from storage.engine import Connection, make_engine


@asynccontextmanager
async def transaction(settings: Settings) -> AsyncIterator[Connection]:
    """Lend a transaction on the running service's database. Raises SettingsError when it cannot be reached."""
    url = database_url(settings)
    await reach(url)
    engine = make_engine(url)
    try:
        async with engine.begin() as conn:
            yield conn
    finally:
        await engine.dispose()
