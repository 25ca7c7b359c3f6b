"""Services that may be killed, between stand-ins and a database that stay."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e.providers import Providers, open_providers
from tests.e2e.service import Service
from tests.faults.killer import ENTRY

Hire = Callable[[int], Sequence[Service]]


@pytest.fixture
async def providers() -> AsyncIterator[Providers]:
    async with open_providers() as providers:
        yield providers


@pytest.fixture
def services(tmp_path: Path, providers: Providers, database_url: str) -> Hire:
    """Make so many services on one database; nobody has started them."""
    settings = {**providers.settings(), "DATABASE_URL": database_url}
    return lambda number: [Service(tmp_path, settings, entry=ENTRY) for _ in range(number)]
