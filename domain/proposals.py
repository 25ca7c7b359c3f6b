"""What may change only with the yes of others: votes of a whole circle, and what one person has to agree to.

A proposal is a row that stays: who asked for what, until when, and what came of it, for everybody it concerns to see
(rules.md 14). Weights are half hands. What a change of terms was before stays with it, so that each round keeps the
terms under which it opened: nothing works backwards (4).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Any, get_type_hints

from domain.pardna import Circle, Hand, weight


class ProposalKind(StrEnum):
    """What is asked for."""

    TERMS = "TERMS"
    BANKER = "BANKER"
    DEPUTY = "DEPUTY"
    SWAP = "SWAP"


class ProposalState(StrEnum):
    """Open, carried out, turned down, or not agreed to in time."""

    OPEN = "OPEN"
    DONE = "DONE"
    REFUSED = "REFUSED"
    LAPSED = "LAPSED"


VOTED = frozenset({ProposalKind.TERMS, ProposalKind.BANKER})
"""Decided by all hands; anything else by the one person whom it asks."""
VOTE_LASTS = timedelta(hours=72)
REMIND_BEFORE = timedelta(hours=24)
NEEDED = (3, 4)
"""Of all hands: 75 % (4)."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change asked for by `by_id`: `who_id` is whom it asks or puts into an office, `change` what it changes."""

    ref: str
    circle: str
    kind: ProposalKind
    by_id: str
    who_id: str | None
    change: str
    state: ProposalState
    opened_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    from_round: int = 0
    """The first round that it holds for, of a change of terms that was carried out."""

    @property
    def is_open(self) -> bool:
        """Whether it may still be answered."""
        return self.state is ProposalState.OPEN


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a person said to a proposal; the last word counts."""

    ref: str
    circle: str
    person_id: str
    yes: bool
    cast_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """How a vote stands, in half hands, of all there are. Silence counts as no."""

    yes: int
    no: int
    whole: int

    @property
    def needed(self) -> int:
        """How many half hands have to say yes."""
        part, of = NEEDED
        return -(-self.whole * part // of)

    @property
    def passes(self) -> bool:
        """Whether enough said yes, whatever the others say."""
        return self.yes >= self.needed

    @property
    def fails(self) -> bool:
        """Whether so many said no that it cannot pass any more."""
        return self.whole - self.no < self.needed


def tally(hands: Iterable[Hand], ballots: Iterable[Ballot]) -> Tally:
    """Count what was said by the hands that each holds now."""
    held: dict[str, list[Hand]] = {}
    for hand in hands:
        held.setdefault(hand.person_id, []).append(hand)
    weights = {person: weight(theirs) for person, theirs in held.items()}
    said = {b.person_id: b.yes for b in ballots}
    yes = sum(w for person, w in weights.items() if said.get(person) is True)
    no = sum(w for person, w in weights.items() if said.get(person) is False)
    return Tally(yes, no, sum(weights.values()))


# -- changes of terms -----------------------------------------------------------------------------------------

_FIXED = frozenset({"terms_hash", "terms_at", "state"})


def difference(before: Circle, after: Circle) -> str:
    """Write down the terms that differ, each as it was and as it is to be."""
    names = [n for n in get_type_hints(Circle) if n not in _FIXED and getattr(before, n) != getattr(after, n)]
    return json.dumps({n: [_plain(getattr(before, n)), _plain(getattr(after, n))] for n in names}, sort_keys=True)


def with_change(circle: Circle, change: str, *, back: bool = False) -> Circle:
    """Return the circle with a change made, or taken `back`."""
    named: Mapping[str, list[Any]] = json.loads(change)
    hints = get_type_hints(Circle)
    values = {name: _typed(hints[name], both[0 if back else 1]) for name, both in named.items()}
    return replace(circle, **values)


def as_of(circle: Circle, proposals: Iterable[Proposal], number: int) -> Circle:
    """Return the circle with the terms under which a round opened, or will (4)."""
    made = [p for p in proposals if p.kind is ProposalKind.TERMS and p.state is ProposalState.DONE]
    for proposal in sorted(made, key=lambda p: (p.from_round, p.ended_at or p.opened_at), reverse=True):
        if proposal.from_round > number:
            circle = with_change(circle, proposal.change, back=True)
    return circle


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _typed(hint: Any, value: Any) -> Any:
    return hint(value) if isinstance(hint, type) and issubclass(hint, Enum) else value
