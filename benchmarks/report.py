"""Writes what was measured: RESULTS.md for people, results.json for whoever wants to reckon again."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import neighbours, payments, service
from benchmarks.samples import Sample, middle
from benchmarks.targets import TARGETS, Medians

FOLDER = Path(__file__).parent

_HEAD = """
Taken %s.

Each figure is the median of the repetitions; errors are summed, and a message or payment lost, parked, or left
without its reply or receipt counts as one. Written by `make bench`; README.md beside it says how each figure comes
about, results.json holds every repetition.
""".strip()

_ELSEWHERE = """
Not judged here: queries over 12 million ledger entries, the round day of 10,000
members, pages in a browser, and what survives a crash.
""".strip()

_RATIOS = (
    (service.HOOKS, neighbours.EMPTY),
    (service.HOOKS, neighbours.PGBENCH),
    (service.TURNS, neighbours.AIOGRAM),
    (service.TURNS, neighbours.PTB),
    (service.TURNS, neighbours.PGBENCH),
    (payments.PAYMENTS, neighbours.PGBENCH),
    (payments.ONE_POT, neighbours.PGBENCH),
)


def medians_of(samples: Iterable[Sample]) -> Medians:
    """The middle of the repetitions of each subject at each depth, in the order they were first seen."""
    kept: dict[tuple[str, int], list[Sample]] = {}
    for sample in samples:
        kept.setdefault((sample.subject, sample.in_flight), []).append(sample)
    return {key: middle(repetitions) for key, repetitions in kept.items()}


def figures(medians: Medians) -> str:
    """The table of rates and latencies."""
    rows = [
        (
            s.subject,
            f"{s.in_flight:,}",
            f"{s.per_second:,.0f}",
            *map(_ms, (s.p50_ms, s.p95_ms, s.p99_ms)),
            str(s.errors),
        )
        for s in medians.values()
    ]
    return _table(("measured", "in flight", "per second", "p50 ms", "p95 ms", "p99 ms", "errors"), rows)


def write(samples: Sequence[Sample], machine: Mapping[str, str], how: str) -> Path:
    """Write both files; the path of the readable one. Raises KeyError when a subject was not measured."""
    medians = medians_of(samples)
    taken = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    raw = {"taken": taken, "machine": dict(machine), "samples": [sample.as_json() for sample in samples]}
    (FOLDER / "results.json").write_text(json.dumps(raw, indent=1) + "\n")
    path = FOLDER / "RESULTS.md"
    path.write_text(_page(medians, machine, f"{taken}, {how}"))
    return path


def _page(medians: Medians, machine: Mapping[str, str], taken: str) -> str:
    return (
        "\n\n".join(
            (
                "# Measured",
                _HEAD % taken,
                _table(("machine", ""), machine.items()),
                "## Figures",
                figures(medians),
                _backlogs(medians),
                "## Ratios",
                _table(("", "64 in flight", "1,000 in flight"), _ratios(medians)),
                "## Targets",
                _table(("target", "bound", "measured", ""), _verdicts(medians)),
                _ELSEWHERE,
            )
        )
        + "\n"
    )


def _backlogs(medians: Medians) -> str:
    """What was left to do when the hooks stopped."""
    lines = (
        f"- {subject}, {in_flight:,} in flight: {done.done:,} done; inbox empty {done.more['backlog_seconds']:.1f} s "
        f"after the last hook, all replies in the simulator {done.more['sent_seconds']:.1f} s after it."
        for (subject, in_flight), done in medians.items()
        if "backlog_seconds" in done.more
    )
    return "\n".join(lines)


def _ratios(medians: Medians) -> Iterable[tuple[str, ...]]:
    """Ours over theirs at each depth; pgbench has one depth, and stands for both."""
    for ours, theirs in _RATIOS:
        cells = []
        for in_flight in neighbours.IN_FLIGHT:
            other = medians.get((theirs, in_flight)) or medians[theirs, neighbours.IN_FLIGHT[0]]
            cells.append(f"{medians[ours, in_flight].per_second / other.per_second:.2f}")
        yield f"{ours} / {theirs}", *cells


def _verdicts(medians: Medians) -> Iterable[tuple[str, ...]]:
    for target in TARGETS:
        figure = target.measure(medians)
        shown = f"{figure:,.2f}" if abs(figure) < 10 and target.unit else f"{figure:,.0f}"
        bound = f"{'<=' if target.at_most else '>='} {target.bound:,g}{target.unit}"
        yield target.promise, bound, f"{shown}{target.unit}", target.verdict(medians)


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _ms(value: float) -> str:
    return "" if value != value else f"{value:,.1f}"  # noqa: PLR0124 - only NaN differs from itself
