"""The targets that this bench can judge, and by how much each is met or missed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks import neighbours, payments, service, statements
from benchmarks.samples import Sample

Medians = Mapping[tuple[str, int], Sample]


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: `measure` reads its figure from the medians; at least (or `at_most`) `bound` keeps it."""

    promise: str
    measure: Callable[[Medians], float]
    bound: float
    unit: str
    at_most: bool = False

    def verdict(self, medians: Medians) -> str:
        """Met or missed, with the distance in percent of the bound."""
        figure = self.measure(medians)
        off = (figure - self.bound) / self.bound if self.bound else figure
        kept = figure <= self.bound if self.at_most else figure >= self.bound
        if not self.bound:
            return "met" if kept else f"missed by {figure:,.0f}"
        if kept:
            return f"met, {abs(off):.0%} to spare"
        return f"missed by {abs(off):.0%}"


def _rate(subject: str, in_flight: int) -> Callable[[Medians], float]:
    return lambda medians: medians[subject, in_flight].per_second


def _slowest(subject: str) -> Callable[[Medians], float]:
    return lambda medians: min(medians[subject, in_flight].per_second for in_flight in neighbours.IN_FLIGHT)


def _ratio(ours: str, theirs: str, in_flight: int) -> Callable[[Medians], float]:
    return lambda medians: medians[ours, in_flight].per_second / medians[theirs, in_flight].per_second


TARGETS = (
    Target("hooks answered, 1,000 in flight", _rate(service.HOOKS, 1_000), 8_000, "/s"),
    Target(
        "95 % of those hooks answered within",
        lambda m: m[service.HOOKS, 1_000].p95_ms,
        200,
        " ms",
        at_most=True,
    ),
    Target(
        "hooks against an empty aiohttp handler, 1,000 in flight",
        _ratio(service.HOOKS, neighbours.EMPTY, 1_000),
        0.25,
        " x",
    ),
    Target(
        "errors on the service's hooks, turns, payments and statement lines",
        lambda m: sum(s.errors for (subject, _), s in m.items() if subject.startswith("pardna")),
        0,
        "",
        at_most=True,
    ),
    Target("chat turns, 64 in flight", _rate(service.TURNS, 64), 3_000, "/s"),
    Target("chat turns, 1,000 in flight", _rate(service.TURNS, 1_000), 3_000, "/s"),
    Target("chat turns against aiogram, 64 in flight", _ratio(service.TURNS, neighbours.AIOGRAM, 64), 2, " x"),
    Target(
        "chat turns against aiogram, 1,000 in flight",
        _ratio(service.TURNS, neighbours.AIOGRAM, 1_000),
        3,
        " x",
    ),
    Target(
        "chat turns against python-telegram-bot in memory, 64 in flight",
        _ratio(service.TURNS, neighbours.PTB, 64),
        1,
        " x",
    ),
    Target(
        "chat turns against python-telegram-bot in memory, 1,000 in flight",
        _ratio(service.TURNS, neighbours.PTB, 1_000),
        1,
        " x",
    ),
    Target(
        "backlog worked off after the last hook, 1,000 in flight",
        lambda m: m[service.TURNS, 1_000].more["backlog_seconds"],
        30,
        " s",
        at_most=True,
    ),
    Target(
        "95 % of messages at 300/s answered by a queued reply within",
        lambda m: m[service.REPLY, 64].p95_ms,
        200,
        " ms",
        at_most=True,
    ),
    Target("payments from web hook to posted receipt, at either depth", _slowest(payments.PAYMENTS), 1_000, "/s"),
    Target("payments into one pot, at either depth", _slowest(payments.ONE_POT), 800, "/s"),
    Target(
        "a statement of 100,000 lines read, matched and posted",
        lambda m: statements.LINES / m[statements.STATEMENT, 1].per_second,
        60,
        " s",
        at_most=True,
    ),
)
