"""What operators see: structured logs without anything personal, and metrics.

The log is read by more people than the books. So a text under a key that is not listed here is not written,
and what is written is searched for numbers, addresses and secrets first. No exception's message is written,
only its type and the place: messages quote what people said.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from structlog.typing import EventDict, ExcInfo

from domain.people import Language
from storage import inbox, outbox

REDACTED: Final = "[redacted]"
READABLE: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "source",
        "kind",
        "carrier",
        "reason",
        "fault",
        "error",
        "slip",
        "where",
        "hook",
    }
)
"""The only keys whose texts are written. None of them may be given what a person or a provider wrote."""
_OURS: Final = frozenset({"timestamp", "logger", "where"})
"""Keys that only this module and the code's own names fill."""
_SMALL: Final = 1_000_000
"""Numbers from here on could be a telephone number or a TRN: they are not written under any key."""

_PERSONAL: Final = re.compile(
    r"""
      [\w.+-]+@[\w-]+\.[\w.-]+                        # e-mail
    | \b(?:bot)?\d+:[A-Za-z0-9_-]{20,}                # a Telegram token
    | \b(?:Bearer|Basic)\s+\S+                        # credentials
    | \b(?:sk|pk|rk|whsec|wamid|AC|SK|SM|EAA)[_.]?[A-Za-z0-9_=./+-]{16,}  # providers' secrets and ids
    | (?<=://)[^/\s@]*:[^/\s@]*@                      # user:password@ in an address
    | [A-Za-z0-9+/_=-]{40,}                           # long random texts: keys, hashes, tokens
    | \+?\d(?:[\s().-]{0,2}\d){6,}                    # seven digits and more, however they are grouped
    """,
    re.VERBOSE,
)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Leave in a log line only what may be read by everybody who reads logs (a structlog processor)."""
    return {key: _readable(key, value) for key, value in event.items()}


def _readable(key: str, value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case int() | float():
            return value if abs(value) < _SMALL else REDACTED
        case str() if key in _OURS:
            return value
        case str() if key in READABLE:
            return _PERSONAL.sub(REDACTED, value)
        case list() | tuple() if key in READABLE:
            return [_readable(key, one) for one in value]
        case _:
            return REDACTED


def _place_of_error(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Turn exception information into its type and where it was raised."""
    error = _exception(event.pop("exc_info", None))
    event.pop("stack_info", None)
    if error is not None:
        event["error"] = type(error).__name__
        event["where"] = [_frame(frame) for frame in traceback.extract_tb(error.__traceback__)[-8:]]
    return event


def _exception(exc_info: ExcInfo | BaseException | bool | None) -> BaseException | None:  # noqa: FBT001 - structlog's
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case None | False:
            return None
        case _:
            return sys.exc_info()[1]


def _frame(frame: traceback.FrameSummary) -> str:
    return f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}"


def start_logging(*, development: bool, stream: TextIO | None = None) -> None:
    """Send all logs, ours and libraries', to stderr or `stream`: JSON lines, in development readable."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_error,
        redact,
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if development else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)  # libraries quote addresses (with tokens in them) below that
    for ours in ("bot", "channels", "storage"):
        logging.getLogger(ours).setLevel(logging.INFO)
    sys.excepthook = _crash


def _crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        structlog.get_logger("bot").critical("crashed", exc_info=(kind, error, trace))


class Metrics:
    """Everything counted, on a registry of its own. Labels hold no person, circle or address."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.arrivals = Counter(
            "pardna_arrivals", "Arrivals of web hooks made durable", ["source", "kind"], registry=registry
        )
        self.turns = Counter("pardna_turns", "Arrivals handled by the desk", ["kind", "outcome"], registry=registry)
        self.batch_turns = Histogram(
            "pardna_batch_turns",
            "Turns in one transaction",
            buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500),
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "pardna_batch_seconds", "From claim to commit", buckets=_SECONDS, registry=registry
        )
        self.outbox = Counter("pardna_outbox", "Tries to send", ["carrier", "outcome"], registry=registry)
        self.http = Histogram(
            "pardna_http_seconds",
            "Requests answered",
            ["route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.provider = Histogram(
            "pardna_provider_seconds",
            "Calls to providers",
            ["party", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.deliveries = Counter(
            "pardna_deliveries",
            "What networks told of our messages: sent, delivered, read, failed",
            ["channel", "status"],
            registry=registry,
        )
        self.notices = Counter(
            "pardna_notices",
            "Notices that did not get to a person in time: replaced by another way, or unreached for want of one",
            ["channel", "outcome"],
            registry=registry,
        )
        self._texts_lacking = Counter(
            "pardna_texts_lacking",
            "Texts said in English since their language lacks them",
            ["language"],
            registry=registry,
        )
        self.flood = Counter(
            "pardna_flood",
            "What came from one address faster than it is read: slowed or dropped",
            ["source", "outcome"],
            registry=registry,
        )
        self.alarms = Counter("pardna_alarms", "Times that somebody had to be told", ["part"], registry=registry)
        self._faults = Gauge("pardna_faults", "Faults of the books that stand", ["part"], registry=registry)
        self.show_faults({})
        self.sim_silence = Gauge(
            "pardna_sim_silence_seconds", "Since the phone with the local SIM was last heard", registry=registry
        )
        self._shared = Gauge("pardna_limits_shared", "1: limits hold for all processes, 0: for each", registry=registry)
        self._backlog = {name: Gauge(f"pardna_{name}", text, registry=registry) for name, text in _BACKLOG.items()}

    def lacks_text(self, language: Language) -> None:
        """Count a text that a language lacks, so that it was said in English."""
        self._texts_lacking.labels(language.value).inc()

    def show_limits(self, shared: bool) -> None:  # noqa: FBT001 - storage.limits tells it so
        """Set whether limits hold for all processes together: Redis is there and answers."""
        self._shared.set(shared)

    def show_faults(self, standing: Mapping[str, int]) -> None:
        """Set how many faults stand in the books, by the check that saw them (storage/alarms.py)."""
        for part in ("new", "whole", "clearing"):
            self._faults.labels(part).set(standing.get(part, 0))

    def show_backlog(self, arrivals: inbox.Backlog, parcels: outbox.Backlog) -> None:
        """Set the gauges of what waits."""
        figures: Mapping[str, float] = {
            "inbox_pending": arrivals.pending,
            "inbox_oldest_seconds": arrivals.oldest_seconds,
            "inbox_parked": arrivals.parked,
            "outbox_due": parcels.due,
            "outbox_oldest_seconds": parcels.oldest_seconds,
            "outbox_dead": parcels.dead,
        }
        for name, figure in figures.items():
            self._backlog[name].set(figure)


_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BACKLOG: Final = {
    "inbox_pending": "Arrivals that wait",
    "inbox_oldest_seconds": "Age of the oldest arrival that waits",
    "inbox_parked": "Arrivals given up (an alarm above 0)",
    "outbox_due": "Parcels due and not sent",
    "outbox_oldest_seconds": "For how long the oldest of them has been due",
    "outbox_dead": "Dead letters (an alarm above 0)",
}
