"""Commands that wait for a PIN come back as they were."""

from dataclasses import fields
from typing import Any, get_args, get_type_hints

import orjson
import pytest

from bot.actions.packing import _kinds, pack, unpack
from bot.actions.table import ACTIONS
from domain import commands as c

SAMPLES: dict[Any, Any] = {str: "x", int: 7, bool: True, tuple[str, ...]: ("a", "b")}


def sample(hint: Any) -> Any:
    """Return a value of this kind: of a Literal the last one that it lists."""
    return SAMPLES[hint] if hint in SAMPLES else get_args(hint)[-1]


@pytest.mark.parametrize("kind", [kind for kind in ACTIONS if kind.steps_up or kind.by == "staff"], ids=c.word)
def test_every_command_that_needs_a_pin_survives_the_wait(kind: type[c.Command]) -> None:
    hints = get_type_hints(kind)
    command = kind(**{f.name: sample(hints[f.name]) for f in fields(kind)})
    assert command.needs_pin
    assert unpack(orjson.loads(orjson.dumps(pack(command)))) == command


def test_nothing_else_is_ever_read_back() -> None:
    assert all(kind.steps_up or kind.by == "staff" for kind in _kinds().values())
    assert unpack({"is": "Collected", "with": {"receipt": "R-7K2MQ9XA", "provider_id": "x"}}) is None
    assert unpack({"is": "ApprovePayout", "with": {"ref": "as an older version had it"}}) is None
