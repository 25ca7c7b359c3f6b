"""The load client: keeps a number of HTTP/1.1 requests in flight on loopback and times each answer.

It sends bytes made beforehand, parses no more of an answer than its status and length, and does both on bare
sockets in one thread, because on a small machine every cycle it burns is taken from the server it measures.
Bounded in count and in time; never pipelines: a connection waits for its answer before it asks again.
"""

import gc
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GRACE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What one burst of requests showed. `latencies_ms` holds the good answers only, in rising order."""

    in_flight: int
    seconds: float
    client_cpu_seconds: float
    latencies_ms: Sequence[float]
    errors: dict[str, int]

    @property
    def answered(self) -> int:
        """How many requests were answered 200."""
        return len(self.latencies_ms)

    @property
    def per_second(self) -> float:
        """Good answers a second, from the first byte sent to the last answer."""
        return self.answered / self.seconds if self.seconds else 0.0

    def quantile_ms(self, share: float) -> float:
        """The latency that `share` (0 to 1) of the good answers stayed under; nearest rank."""
        if not self.latencies_ms:
            return float("nan")
        rank = min(len(self.latencies_ms) - 1, int(share * len(self.latencies_ms)))
        return self.latencies_ms[rank]


@dataclass(slots=True, eq=False)
class _Line:
    """One connection, and the request it waits on."""

    wire: socket.socket
    asked_at: float = 0.0
    heard: bytes = b""


@dataclass(slots=True)
class _Burst:
    """One run of the client: its lines, what is left to ask and what was heard."""

    port: int
    requests: Iterator[bytes]
    interval_seconds: float
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    idle: list[_Line] = field(default_factory=list)
    due_at: float = 0.0
    waiting: int = 0
    stopped: bool = False
    latencies_ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def open_line(self) -> None:
        """Connect once more and offer the line for asking."""
        wire = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setblocking(False)
        line = _Line(wire)
        self.selector.register(wire, selectors.EVENT_READ, line)
        self.idle.append(line)

    def drop(self, line: _Line, reason: str) -> None:
        """Count a broken line and put a fresh one in its place."""
        self.errors[reason] += 1
        self.waiting -= 1
        self.selector.unregister(line.wire)
        line.wire.close()
        self.open_line()

    def ask(self, now: float) -> None:
        """Send what is due on the lines that are free."""
        while self.idle and not self.stopped and now >= self.due_at:
            request = next(self.requests, None)
            if request is None:
                self.stopped = True
                return
            line = self.idle.pop()
            # A late send counts from when it was due, or a stalled server would hide its own stall.
            line.asked_at = self.due_at if self.interval_seconds else now
            self.due_at += self.interval_seconds
            self.waiting += 1
            line.heard = b""
            try:
                line.wire.sendall(request)
            except OSError:
                self.drop(line, "send failed")

    def hear(self, line: _Line) -> None:
        """Take in what came on `line`; a whole answer is timed and frees it."""
        try:
            piece = line.wire.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            if line in self.idle:
                self.idle.remove(line)
                self.waiting += 1
            self.drop(line, "connection closed")
            return
        line.heard += piece
        if not _whole(line.heard):
            return
        now = time.perf_counter()
        status = line.heard[9:12]
        if status == b"200":
            self.latencies_ms.append((now - line.asked_at) * 1000)
        else:
            self.errors[status.decode("ascii", "replace")] += 1
        self.waiting -= 1
        self.idle.append(line)

    def run(self, stop_after_seconds: float) -> float:
        """Ask until the requests or the time are spent, hear all that is open; the seconds it took."""
        began = time.perf_counter()
        self.due_at = began if self.interval_seconds else 0.0
        heard_last = began
        self.ask(began)
        while self.waiting or not self.stopped:
            events = self.selector.select(0.001 if self.interval_seconds else 1.0)
            for key, _ in events:
                self.hear(key.data)
                self.ask(time.perf_counter())
            now = time.perf_counter()
            heard_last = now if events else heard_last
            self.stopped = self.stopped or now - began > stop_after_seconds
            self.ask(now)
            if now - began > stop_after_seconds + _GRACE_SECONDS:
                self.errors["no answer"] += self.waiting
                break
        return heard_last - began

    def close(self) -> None:
        """Close every line."""
        for key in list(self.selector.get_map().values()):
            key.data.wire.close()
        self.selector.close()


def _whole(answer: bytes) -> bool:
    """Whether `answer` holds a full head and the body it announces."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(answer, 0, end)
    return len(answer) >= end + 4 + (int(length[1]) if length else 0)


@contextmanager
def _no_pauses() -> Iterator[None]:
    """Keep the collector from walking a hundred thousand prepared requests in mid-measurement."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def load(
    port: int,
    requests: Iterable[bytes],
    in_flight: int,
    *,
    per_second: float = 0.0,
    stop_after_seconds: float = 60.0,
) -> Load:
    """Send `requests` to 127.0.0.1:`port`, `in_flight` at once.

    With `per_second` the requests keep that pace whatever the server does; without it each answer is
    followed at once by the next request. Ends when the requests or the seconds are spent, and hears what is
    still open. Raises OSError when the server takes no connection.
    """
    burst = _Burst(port, iter(requests), 1 / per_second if per_second else 0.0)
    for _ in range(in_flight):
        burst.open_line()
    try:
        with _no_pauses():
            cpu_began = time.process_time()
            seconds = burst.run(stop_after_seconds)
            cpu_seconds = time.process_time() - cpu_began
    finally:
        burst.close()
    return Load(in_flight, seconds, cpu_seconds, sorted(burst.latencies_ms), dict(burst.errors))
