"""The numbered rules (docs/rules.md) in chat, each on every network: `test_rule_NN_...` in `test_rule_NN.py`."""

import pytest

from tests.flows.conftest import house

__all__ = ["house", "network"]


@pytest.fixture(params=["whatsapp", "sms", "telegram"])
def network(request: pytest.FixtureRequest) -> str:
    """The network on which everybody in a test chats: `begun(house, 3, network=network)`."""
    return str(request.param)
