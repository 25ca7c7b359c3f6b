"""What the channels' tests share: the vendors' raw JSON and a client session."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

FIXTURES = Path(__file__).parent / "fixtures"

Fixture = Callable[[str], bytes]


@pytest.fixture
def fixture() -> Fixture:
    """Reads a vendor's body by its name, as bytes."""
    return lambda name: (FIXTURES / f"{name}.json").read_bytes()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """One that closes after the test."""
    async with aiohttp.ClientSession() as session:
        yield session
