"""Where the service stands: its database, its address, its networks and its country's calendar.

Beside the settings this is all that most commands of the command line need, so it imports no part of the service and
no adapter: a command starts in a third of the time.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import holidays

from bot.config import Settings, SettingsError
from domain.house import HouseRules
from domain.messages import Channel
from domain.schedule import Calendar
from storage.embedded import EmbeddedPostgres, running_url
from storage.engine import make_engine
from storage.reads import Unreachable, reading

ROLES: Final = ("web", "desk", "relay", "keeper")
HOLIDAY_YEARS: Final = 6
"""How many years ahead dates are worked out: 50 monthly turns and a margin."""


def public_url(settings: Settings, port: int) -> str:
    """Return the address people and providers use."""
    return settings.public_url or f"http://127.0.0.1:{port}"


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """Lend the database's address: the one that is set, or our own server while this lasts.

    Raises SettingsError when the one that is set cannot be reached.
    """
    if settings.database_url:
        await reach(settings.database_url)
        yield settings.database_url
        return
    async with EmbeddedPostgres(settings.pardna_home) as server:
        yield server.url


async def reach(url: str) -> None:
    """Raise SettingsError when the database cannot be reached."""
    engine = make_engine(url)
    try:
        async with reading(engine):
            pass
    except Unreachable as fault:
        raise SettingsError([f"DATABASE_URL: the database cannot be reached ({fault}); see that it runs"]) from None
    finally:
        await engine.dispose()


def database_url(settings: Settings) -> str:
    """Return the address for the command line. Raises SettingsError when no server runs."""
    url = settings.database_url or running_url(settings.pardna_home)
    if url is None:
        told = "no service is running here: start it with `make run`, or set DATABASE_URL or the service's PARDNA_HOME"
        raise SettingsError([told])
    return url


def jamaican_calendar(year: int, rules: HouseRules) -> Calendar:
    """Return Jamaica's business days around a year: the field's library's, and what the operator says of them."""
    years = range(year - 1, year + HOLIDAY_YEARS)
    known = frozenset(holidays.country_holidays("JM", years=years))
    return Calendar((known | rules.closed) - rules.opened)


def channel_states(settings: Settings) -> Mapping[str, str]:
    """Say of each chat channel whether it is on, simulated or off."""
    return {
        c.value: "on" if c in settings.providers else "simulated" if c in settings.simulated else "off" for c in Channel
    }
