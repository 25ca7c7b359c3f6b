"""What providers count of us, by their own documents and on their own clock: nothing here knows how we keep a pace."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Protocol


class Meter(Protocol):
    """Counts what comes."""

    def take(self, who: str, now: float) -> float:
        """Count one: 0, or in how many seconds it would be taken; then it is not counted."""
        ...


@dataclass
class Window:
    """So many within any so many seconds: `80 messages per second`, `20 messages per minute`."""

    most: int
    seconds: float
    _taken: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def take(self, who: str, now: float) -> float:
        """See Meter."""
        taken = self._taken[who]
        while taken and taken[0] <= now - self.seconds:
            taken.popleft()
        if len(taken) >= self.most:
            return taken[0] + self.seconds - now
        taken.append(now)
        return 0.0


@dataclass
class Bucket:
    """So many at once, which are paid back one in so many seconds: `45 messages within 6 seconds`, borrowed."""

    size: int
    every_seconds: float
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, who: str, now: float) -> float:
        """See Meter."""
        left, at = self._left.get(who, (float(self.size), now))
        left = min(float(self.size), left + (now - at) / self.every_seconds)
        if left < 1:
            return (1 - left) * self.every_seconds
        self._left[who] = (left - 1, now)
        return 0.0


@dataclass
class Queue:
    """Everything is taken and leaves one in so many seconds; more than `most` are not kept waiting."""

    every_seconds: float
    most: int
    longest: int = 0
    """How many ever waited at once."""
    _leaves_at: deque[float] = field(default_factory=deque)

    def take(self, who: str, now: float) -> float:  # noqa: ARG002 - one queue for all
        """See Meter."""
        while self._leaves_at and self._leaves_at[0] <= now:
            self._leaves_at.popleft()
        if len(self._leaves_at) >= self.most:
            return self._leaves_at[0] - now
        self._leaves_at.append(max(now, self._leaves_at[-1] if self._leaves_at else now) + self.every_seconds)
        self.longest = max(self.longest, len(self._leaves_at))
        return 0.0
