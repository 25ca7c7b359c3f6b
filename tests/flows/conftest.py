"""A house with people for the chat tests."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.club import monday
from tests.teller import House, open_house


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """The service's parts on a database of their own, on a Monday at ten in the morning in Jamaica, no holiday near."""
    async with open_house(database_url, at=monday(), holidays=frozenset()) as opened:
        yield opened
