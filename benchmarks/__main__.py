"""Measure everything in one run and write RESULTS.md; `--quick` takes about a minute and a half."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import machine, neighbours, report, traffic
from benchmarks.house import House
from benchmarks.payments import Payments
from benchmarks.processes import other_python
from benchmarks.samples import Sample
from benchmarks.service import Service
from benchmarks.statements import Statement
from bot.place import ROLES

Measure = Callable[[float], Iterable[Sample]]


def _subjects(folder: Path) -> Mapping[str, Measure]:
    """What is measured, in this order, in each repetition."""
    return {
        "empty": neighbours.empty,
        "plain": partial(neighbours.empty, plain=True),
        "pgbench": partial(neighbours.pgbench, _home(folder / "pgbench")),
        "pardna": Service(_house(folder, "pardna", traffic.CHAT_SETTINGS)).measure,
        "payments": Payments(_house(folder, "payments", traffic.BANK_SETTINGS)).measure,
        "statement": Statement(_house(folder, "statement", traffic.BANK_SETTINGS, "web,desk")).measure,
        "ptb": neighbours.ptb_memory,
        "aiogram": neighbours.aiogram_redis,
    }


def _house(folder: Path, name: str, settings: Mapping[str, str], roles: str = ",".join(ROLES)) -> House:
    return House(_home(folder / name), folder / f"{name}.log", settings, roles)


def _home(path: Path) -> Path:
    """A new home. Root gives it away, so that the server's data lie inside it and go with it."""
    path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(path, "nobody")
    return path


@contextmanager
def _folder() -> Iterator[Path]:
    """Where the servers under test live; removed in the end."""
    with tempfile.TemporaryDirectory(prefix="pardna-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def _measure(subjects: Mapping[str, Measure], repetitions: int, seconds: float) -> Iterator[Sample]:
    """Every subject once, then every subject again: a slow minute of the machine falls on all of them."""
    for repetition in range(1, repetitions + 1):
        for name, measure in subjects.items():
            print(f"{repetition}/{repetitions} {name} ...", flush=True)
            for sample in measure(seconds):
                print(
                    f"    {sample.subject}, {sample.in_flight}: {sample.per_second:,.0f}/s, "
                    f"p95 {sample.p95_ms:,.1f} ms, {sample.errors} errors",
                    flush=True,
                )
                yield sample


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short repetition; not for publishing")
    parser.add_argument("--only", help="some subjects, comma-separated (pardna,empty ...); prints, writes nothing")
    return parser.parse_args()


def main() -> int:
    """Measure and write; 0 when no answer was an error, 1 when some were, 2 when it cannot run."""
    asked = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave by the exits that end the servers
    if not other_python().exists():
        print(f"{other_python()} is missing: run `make bench`, which makes that environment", file=sys.stderr)
        return 2
    repetitions, seconds = (1, 3.0) if asked.quick else (3, 5.0)
    host = machine.describe()
    with _folder() as folder:
        subjects = _subjects(folder)
        names = asked.only.split(",") if asked.only else list(subjects)
        if unknown := set(names) - set(subjects):
            print(f"no such subject: {', '.join(unknown)}; there are {', '.join(subjects)}", file=sys.stderr)
            return 2
        samples = list(_measure({name: subjects[name] for name in names}, repetitions, seconds))
    print(report.figures(report.medians_of(samples)))
    if not asked.only:
        how = f"{repetitions} repetition{'s' * (repetitions > 1)} of {seconds:g} s a figure"
        print(f"written to {report.write(samples, host, how)}")
    return 1 if any(sample.errors for sample in samples) else 0


if __name__ == "__main__":
    raise SystemExit(main())
