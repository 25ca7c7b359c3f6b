"""The whole service as a process, between stand-ins for every provider."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.providers import Providers, open_providers
from tests.e2e.service import Service
from tests.e2e.town import Town, open_town


@pytest.fixture
async def providers() -> AsyncIterator[Providers]:
    async with open_providers() as providers:
        yield providers


@pytest.fixture
async def service(tmp_path: Path, providers: Providers, database_url: str) -> AsyncIterator[Service]:
    """All roles in one process, on a fresh database."""
    service = Service(tmp_path, {**providers.settings(), "DATABASE_URL": database_url})
    try:
        await service.start()
        yield service
    finally:
        await service.kill()


@pytest.fixture
async def town(providers: Providers, service: Service) -> AsyncIterator[Town]:
    async with open_town(providers, [service.url]) as town:
        yield town
