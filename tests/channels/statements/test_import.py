"""`pardna statements import`: what is printed, what is kept, and that a bad file changes nothing."""

import argparse
from pathlib import Path

import asyncpg
import pytest

from bot.commands.statements import import_statement, list_maps
from bot.config import Settings
from storage import statements
from storage.vault import new_keys

SAMPLES = Path(__file__).with_name("samples")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(_env_file=None, database_url=database_url, pardna_keys=new_keys(), pardna_home=tmp_path)


def asked(file: Path, rail: str = "ncb", own: Path | None = None, fmt: str | None = None) -> argparse.Namespace:
    return argparse.Namespace(file=str(file), rail=rail, map=str(own) if own else None, format=fmt)


async def count(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await connection.close()


async def test_an_import_prints_figures_alone_and_a_second_one_takes_nothing(
    settings: Settings, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await import_statement(settings, asked(SAMPLES / "ncb.csv")) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ncb: 4 lines read, 4 new, 0 already there.",
        "Of the new: 0 matched by reference, 0 by likeness, 1 the bank's own, 3 to look at.",
        "Closing balance 2026-12-08: J$89,849.50 by the statement, J$0.00 in the books.",
        "Difference: J$89,849.50. New lines are booked by the running service; look again.",
    ]
    assert await import_statement(settings, asked(SAMPLES / "ncb.csv")) == 0
    assert "4 lines read, 0 new, 4 already there" in capsys.readouterr().out
    assert await count(database_url, "statement_line") == await count(database_url, "inbox") == 4
    assert await count(database_url, "statement_balance") == 1


async def test_a_file_that_goes_wrong_at_its_end_changes_nothing(
    settings: Settings, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(statements, "CHUNK", 1)
    (tmp_path / "bad.csv").write_text((SAMPLES / "ncb.csv").read_text().replace('"20,000.00"', '"20,x"'))
    assert await import_statement(settings, asked(tmp_path / "bad.csv")) == 1
    assert capsys.readouterr().err == (
        'pardna: bad.csv: line 9: the amount "20,x" is no amount; correct the file, or the map\'s decimal mark;'
        " nothing was taken\n"
    )
    assert await count(database_url, "statement_line") == 0


async def test_what_is_not_there_is_bad_usage(settings: Settings, tmp_path: Path) -> None:
    assert await import_statement(settings, asked(tmp_path / "none.csv")) == 2
    assert await import_statement(settings, asked(SAMPLES / "ncb.csv", own=tmp_path / "none.toml")) == 2


async def test_every_format_is_taken_without_being_named(
    settings: Settings, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("statement.ofx", "statement2.ofx", "statement.sta", "statement.xml"):
        assert await import_statement(settings, asked(SAMPLES / name, "scotia")) == 0
    assert await count(database_url, "statement_line") == 2 + 2 + 3 + 5
    assert "Marva" not in capsys.readouterr().out


async def test_the_maps_are_listed_as_the_drafts_they_are(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await list_maps(settings, argparse.Namespace()) == 0
    assert capsys.readouterr().out.count("assumed draft") == 3
