"""Nothing personal and nothing secret reaches the log, whoever logs it and however; metrics name nobody."""

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from prometheus_client import generate_latest

from bot.telemetry import Metrics, start_logging
from storage.inbox import Backlog as Arrivals
from storage.outbox import Backlog as Parcels

SECRETS = [
    "+1 876 555-0101",
    "8765550101",
    "123-456-789",
    "123 456 789",
    "ann@example.com",
    "bot12345:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "Bearer abcdef",
    "sk_live_51HxAbCdEfGhIjKlMnOp",
    "wamid.HBgLMTg3NjU1NTAxMDEVAgASGBQz",
    "postgresql://pardna:s3cret@db/pardna",
    "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXU=",
]


@pytest.fixture
def written() -> Iterator[StringIO]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    structlog.reset_defaults()
    stream = StringIO()
    start_logging(development=False, stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers, sys.excepthook = handlers, hook
    root.setLevel(level)


def lines(written: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize("secret", SECRETS)
def test_numbers_addresses_and_secrets_are_cut_out_of_every_text(secret: str, written: StringIO) -> None:
    structlog.get_logger("bot.desk").warning(f"it was {secret}", reason=f"about {secret} again")
    logging.getLogger("aiohttp.server").error("Error handling %s", secret)
    ours, theirs = lines(written)
    private = secret.removeprefix("postgresql://").removesuffix("@db/pardna")
    for line in (ours, theirs):
        assert private not in json.dumps(line)
        assert "[redacted]" in str(line["event"])
    assert str(ours["reason"]).startswith("about ")


def test_only_listed_keys_show_their_text(written: StringIO) -> None:
    log = structlog.get_logger("bot.relay").bind(party="sms:+18765550101")
    log.info(
        "sent", name="Ann Brown", text="my PIN is 4711", body={"trn": "x"}, trn=123456789,
        carrier="sms", attempts=3, id=99_999, kind=["say", "Ann"], parked=True,
    )  # fmt: skip
    (line,) = lines(written)
    assert {key: line[key] for key in ("event", "carrier", "attempts", "id", "parked", "kind", "level")} == {
        "event": "sent",
        "carrier": "sms",
        "attempts": 3,
        "id": 99_999,
        "parked": True,
        "kind": ["say", "Ann"],
        "level": "info",
    }
    for key in ("name", "text", "body", "trn", "party"):
        assert line[key] == "[redacted]"


def test_an_exception_shows_its_type_and_place_but_not_its_message(
    written: StringIO,
) -> None:
    try:
        int("Ann Brown typed 4711")
    except ValueError as error:
        structlog.get_logger("bot").exception("a turn failed")
        structlog.get_logger("bot").error("a turn failed", exc_info=error)
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    found = lines(written)
    assert len(found) == 3
    for line in found:
        assert line["error"] == "ValueError"
        assert "test_telemetry.py:" in str(line["where"])
        assert "Ann" not in json.dumps(line)


def test_what_libraries_say_below_a_warning_is_left_out(written: StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: POST https://api.telegram.org/bot5:abc/sendMessage")
    structlog.get_logger("storage.bell").info("heard")
    assert [line["event"] for line in lines(written)] == ["heard"]


def test_metrics_stand_on_a_registry_of_their_own_and_show_what_waits() -> None:
    one, two = Metrics(), Metrics()
    one.show_backlog(Arrivals(7, 1.5, 1), Parcels(3, 2.5, 2))
    one.outbox.labels("sms", "sent").inc()
    shown = generate_latest(one.registry).decode()
    for line in (
        "pardna_inbox_pending 7.0",
        "pardna_inbox_oldest_seconds 1.5",
        "pardna_inbox_parked 1.0",
        "pardna_outbox_due 3.0",
        "pardna_outbox_dead 2.0",
        'pardna_outbox_total{carrier="sms",outcome="sent"} 1.0',
    ):
        assert line in shown
    assert two.registry.get_sample_value("pardna_inbox_pending") == 0
