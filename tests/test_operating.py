"""What operators read: the metrics and alarms of the documents, and what the command line says of the books."""

import re
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.commands.books import verify_ledger
from bot.config import Settings
from bot.telemetry import Metrics
from domain.ledger import Transaction, Transfer, credit, rail
from domain.money import Currency
from storage import ledger
from storage.engine import make_engine
from tests.test_docs import ROOT, quoted, section, table

PAGE = "docs/operating.md"


def kept() -> dict[str, set[str]]:
    """Return every metric as it is served, with its labels."""
    collectors: Any = Metrics().registry._collector_to_names
    return {
        family.name + ("_total" if family.type == "counter" else ""): set(collector._labelnames)
        for collector in collectors
        for family in collector.describe()
    }


def test_the_metrics_of_the_documents_are_those_of_the_code() -> None:
    told = {quoted(row[0])[0]: set(quoted(row[1])) for row in table(section(PAGE, "## Metrics"))}
    assert told == kept()


def test_every_metric_named_anywhere_in_the_documents_is_there() -> None:
    pages = [*(ROOT / "docs").glob("**/*.md"), ROOT / "README.md"]
    named = {name for page in pages for name in re.findall(r"\bpardna_[a-z_]+", page.read_text())}
    roles = {"pardna_app", "pardna_service"}
    assert named - roles == set(kept())


def test_each_alarm_is_on_a_metric_and_each_part_is_rung_somewhere() -> None:
    alarms = " ".join(row[0] for row in table(section(PAGE, "## Alarms")))
    assert {"pardna_faults", "pardna_alarms_total", "pardna_inbox_parked", "pardna_outbox_dead"} <= set(
        re.findall(r"pardna_\w+", alarms)
    )
    [parts] = [quoted(row[2]) for row in table(section(PAGE, "## Metrics")) if "pardna_alarms_total" in row[0]]
    source = "".join(path.read_text() for path in (ROOT / "bot").glob("*.py"))
    rung = set(re.findall(r'alarms\.labels\("(\w+)"\)', source)) | set(re.findall(r'log\.append\(\("(\w+)"', source))
    assert set(parts) == rung


async def test_ledger_verify_names_each_rail_and_what_is_wrong(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings = Settings(_env_file=None)
    assert await verify_ledger(settings, Namespace()) == 0
    assert capsys.readouterr().out == "The books are right: 0 accounts, 0 transactions, 0 postings, 0 lines sealed.\n"
    engine = make_engine(database_url)
    transfer = Transfer(rail("ncb", Currency.JMD), credit("PLUM22", "ann"), 7_000)
    async with engine.begin() as conn:
        made = [Transaction("a", "throw", Currency.JMD, (transfer,), "PLUM22")]
        await ledger.post(conn, made, datetime(2026, 11, 2, 14, tzinfo=UTC))
        await conn.execute(text("INSERT INTO statement_balance VALUES ('ncb', 'JMD', '2026-11-02', 7000, 0)"))
    assert await verify_ledger(settings, Namespace()) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == ["ncb JMD on 2026-11-02: the books say J$70.00, the statement J$70.00"]
    async with engine.begin() as conn:
        await conn.execute(text("INSERT INTO statement_balance VALUES ('ncb', 'JMD', '2026-11-03', 9000, 0)"))
    await engine.dispose()
    assert await verify_ledger(settings, Namespace()) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "The books are right: 2 accounts, 1 transactions, 2 postings, 0 lines sealed.",
        "ncb JMD on 2026-11-03: the books say J$70.00, the statement J$90.00; -J$20.00 apart since 2026-11-03",
    ]
