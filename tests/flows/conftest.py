"""A house with people for the chat tests."""

from collections.abc import AsyncIterator

import pytest

from tests.teller import House, open_house


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """The service's parts on a database of their own, at ten in the morning in Jamaica."""
    async with open_house(database_url) as opened:
        yield opened
