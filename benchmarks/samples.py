"""One measurement, of whatever was measured, and the middle of several."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Self

from benchmarks.client import Load


@dataclass(frozen=True, slots=True)
class Sample:
    """What `subject` did in one repetition. Latencies are in milliseconds, NaN where there are none."""

    subject: str
    in_flight: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    done: int
    errors: int
    more: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, subject: str, load: Load, **more: float) -> Self:
        """A sample from what the load client saw."""
        return cls(
            subject,
            load.in_flight,
            load.per_second,
            load.quantile_ms(0.50),
            load.quantile_ms(0.95),
            load.quantile_ms(0.99),
            load.answered,
            sum(load.errors.values()),
            {"client_cpu_share": load.client_cpu_seconds / load.seconds, **more},
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded to what the clock can tell; NaN is null."""
        values = asdict(self)
        more = values.pop("more")
        return {name: _plain(value) for name, value in {**values, **more}.items()}


def _plain(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return None if value != value else round(value, 2)  # noqa: PLR0124 - only NaN differs from itself


def middle(samples: Iterable[Sample]) -> Sample:
    """The sample made of the medians of each figure; errors are summed. Raises StatisticsError for none."""
    kept = list(samples)
    return Sample(
        kept[0].subject,
        kept[0].in_flight,
        median(s.per_second for s in kept),
        median(s.p50_ms for s in kept),
        median(s.p95_ms for s in kept),
        median(s.p99_ms for s in kept),
        sum(s.done for s in kept),
        sum(s.errors for s in kept),
        {name: median(s.more[name] for s in kept) for name in kept[0].more},
    )
