"""Starting and ending the servers under test. Ends only what it started, by its own process id."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def other_python() -> Path:
    """The interpreter of `.venv-bench`, where aiogram lives apart from the service's own dependencies."""
    return Path(os.environ.get("BENCH_PYTHON") or ROOT / ".venv-bench/bin/python")


@contextmanager
def running(
    command: Sequence[str | Path], port: int, log: Path, *, path: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until `path` on `port` answers, hand it out, end it with SIGINT (SIGKILL after 30 s).

    Raises RuntimeError, with the end of `log`, when it stops early or does not answer within a minute.
    """
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=dict(os.environ if env is None else env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        _await_answer(process, f"http://127.0.0.1:{port}{path}", log)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def rival(module: str, python: Path | str = sys.executable, *options: str) -> Iterator[int]:
    """Run one module of benchmarks/rivals as a server of one process; hands out its port."""
    port = free_port()
    command = (python, "-m", f"benchmarks.rivals.{module}", "--port", str(port), *options)
    log = Path(os.devnull)
    with running(command, port, log, path="/replies"):
        yield port


def _await_answer(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            fetch(url)
        except OSError:
            time.sleep(0.1)
        else:
            return
    tail = log.read_text(errors="replace")[-1500:] if log.is_file() else ""
    state = "stopped" if process.poll() is not None else "gave no answer within a minute"
    raise RuntimeError(f"{process.args!r} {state}: {tail}")


def fetch(url: str) -> str:
    """The body at `url`, which is on loopback. Raises OSError when there is none."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http on 127.0.0.1 only
        body: bytes = answer.read()
        return body.decode()


def replies(port: int) -> int:
    """How many replies the rival on `port` has composed since it started."""
    counted: dict[str, Any] = json.loads(fetch(f"http://127.0.0.1:{port}/replies"))
    return int(counted["replies"])
