"""What partners may hear of: each change of state of a circle and its money, in words that stay.

An event names people by their id alone. What is not listed here leaves the house by no web hook.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from domain.money import Currency
from domain.pardna import Circle, CircleState, Draw, DrawState, Round, RoundState
from domain.payments import (
    Chargeback,
    ChargebackState,
    Payment,
    PaymentState,
    Payout,
    PayoutState,
    Refund,
    RefundState,
)

Row = Circle | Round | Draw | Payment | Refund | Chargeback | Payout
Change = tuple[Any | None, Any]
"""A row as it was, if it was there, and as it is."""

TOLD: Final[dict[type, tuple[str, tuple[str, ...]]]] = {
    Circle: ("circle", ("code", "currency", "throw", "turns")),
    Round: ("round", ("circle", "number", "due", "pays_on")),
    Draw: ("draw", ("circle", "round", "person_id", "net", "paid", "currency", "held_for")),
    Payment: ("payment", ("receipt", "circle", "person_id", "amount", "currency", "rail")),
    Refund: ("refund", ("receipt", "circle", "person_id", "amount", "currency")),
    Chargeback: ("chargeback", ("receipt", "circle", "person_id", "amount", "owed", "currency")),
    Payout: ("payout", ("ref", "circle", "round", "kind", "person_id", "amount", "charge", "currency")),
}
"""Of which rows a change of state is an event: the name before the dot, and what is told with it.

Every amount is in minor units of the circle's currency, which is told where the row itself does not hold it.
"""
STATES: Final[dict[type, type[Enum]]] = {
    Circle: CircleState,
    Round: RoundState,
    Draw: DrawState,
    Payment: PaymentState,
    Refund: RefundState,
    Chargeback: ChargebackState,
    Payout: PayoutState,
}
KINDS: Final = tuple(f"{TOLD[row][0]}.{state.value.lower()}" for row, states in STATES.items() for state in states)
"""Every event there is: `payment.settled`, `payout.sent`, `circle.completed` ..."""
GROUPS: Final = tuple(f"{name}.*" for name, _ in TOLD.values())
EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `data` is plain and holds no name, address or account."""

    id: str
    kind: str
    at: datetime
    data: dict[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        """What a partner reads, in the shape of Standard Webhooks."""
        return {"type": self.kind, "timestamp": self.at.isoformat(), "id": self.id, "data": self.data}


def is_pattern(asked: str) -> bool:
    """Whether a partner may ask for this: one event, all of a group (`payment.*`), or `*`."""
    return asked in KINDS or asked in GROUPS or asked == EVERYTHING


def wants(patterns: Iterable[str], kind: str) -> bool:
    """Whether somebody who asked for these hears of an event."""
    return any(p in (kind, EVERYTHING, f"{kind.partition('.')[0]}.*") for p in patterns)


def happened(changes: Iterable[Change], circle: Callable[[str], Circle]) -> list[tuple[str, dict[str, Any]]]:
    """Return the kind and the data of each change of state among changed rows, whose circles can be asked for."""
    found = []
    for before, now in changes:
        if type(now) in TOLD and (before is None or before.state is not now.state):
            name, fields = TOLD[type(now)]
            data = {_told(field): _plain(_value(now, field, circle)) for field in fields}
            found.append((f"{name}.{now.state.value.lower()}", data))
    return found


def _value(row: Any, field: str, circle: Callable[[str], Circle]) -> Any:
    return circle(row.circle).currency if field == "currency" and not hasattr(row, field) else getattr(row, field)


def _told(field: str) -> str:
    return {"person_id": "member"}.get(field, field)


def _plain(value: Any) -> Any:
    match value:
        case Currency():
            return value.value
        case int() | str() | None:
            return value
        case _:
            return value.isoformat()
