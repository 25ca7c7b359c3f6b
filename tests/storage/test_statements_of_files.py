"""What a statement shows of the payments in our files: the same word as the bank's results, whichever comes first."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.commands import payouts
from bot.config import Settings
from domain.matching import StatementLine, numbered
from domain.money import Currency
from storage import inbox, statements
from storage.clock import Clock
from storage.engine import Engine, make_engine
from storage.outbox import Parcel
from tests.storage.test_payout_files import KEYS, TUESDAY, VAULT, asked, lines, order, put, result, rows
from tests.storage.test_statements import CIRCLE, PEOPLE, pays_out, sql

ONE, TWO = "1" * 24, "2" * 24
REFS = {1: "P-7K2M", 2: "P-9QXA"}


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    """Two approved payouts of a circle, of J$1,000.01 and J$1,000.02."""
    engine = make_engine(database_url)
    async with engine.begin() as conn:
        await Clock().set(conn, TUESDAY)
        for person_id, name in PEOPLE.items():
            await sql(conn, "INSERT INTO person VALUES (:id, :name, 'en', now())", id=person_id, name=name)
        await sql(conn, CIRCLE)
    for number, payout_id in ((1, ONE), (2, TWO)):
        await pays_out(engine, payout_id, REFS[number], 1_000_00 + number)
    yield engine
    await engine.dispose()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_url,
        pardna_keys=SecretStr(KEYS),
        pardna_home=tmp_path,
        ncb_holder="Digital Pardna Ltd",
        ncb_account="354200001",
    )


def ordered(number: int) -> Parcel:
    return order(number, payout_ref=REFS[number], echo={"payout_id": {1: ONE, 2: TWO}[number]})


def statement(*told: tuple[str, int], start: int = 1) -> list[tuple[str, StatementLine]]:
    """Lines of the bank's statement: what is written on each, and its amount."""
    shown = [
        StatementLine("354", TUESDAY.date(), None, amount, Currency.JMD, f"FT{number}", narrative=text_)
        for number, (text_, amount) in enumerate(told, start)
    ]
    return list(numbered("ncb", shown))


async def shows(engine: Engine, *told: tuple[str, int], start: int = 1) -> statements.Tally:
    async with engine.begin() as conn:
        source = statements.Import("ncb", b"f" * 32)
        return await statements.take(conn, VAULT, source, statement(*told, start=start), TUESDAY)


async def news(engine: Engine) -> list[tuple[str, str]]:
    """What the desk hears but for the lines themselves, of which each says what it was found to be."""
    async with engine.begin() as conn:
        arrivals = await inbox.claim(conn, VAULT, 100)
        await inbox.finish(conn, [a.id for a in arrivals], TUESDAY)
    more = await news(engine) if arrivals else []
    return [(a.party, a.body["kind"]) for a in arrivals if a.body["kind"] != "line"] + more


async def test_a_line_of_a_statement_is_a_word_on_the_payment_in_our_file_whose_id_it_carries(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    await put(engine, ordered(1), ordered(2))
    await payouts.export(settings, asked())
    a, b = (line.end_to_end_id for line in await lines(engine))
    out = (f"ACH CREDIT {a}", -1_000_01)
    assert await shows(engine, out) == statements.Tally(by_reference=1)
    assert await news(engine) == [(f"payout:{ONE}", "disbursed")]
    file = result(tmp_path / "told.csv", (a, "PAID"))
    assert await payouts.take_results(settings, asked(file=file, rail="ncb")) == 0
    assert await shows(engine, out, (f"RETURN/{a}/NO ACCOUNT", 1_000_01)) == statements.Tally(known=1, by_reference=1)
    both = [(f"ACH {b}", -1_000_02), (f"ACH {b} RETURNED", 1_000_02)]
    assert await shows(engine, *both, start=7) == statements.Tally(by_reference=2)
    assert await news(engine) == [
        (f"payout:{ONE}", "disburse_returned"), (f"payout:{TWO}", "disbursed"), (f"payout:{TWO}", "disburse_returned"),
    ]  # fmt: skip
    assert [line.state for line in await lines(engine)] == ["RETURNED", "RETURNED"]


async def test_what_the_results_told_before_is_not_told_again_by_the_statement(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    await put(engine, ordered(1))
    await payouts.export(settings, asked())
    [(a, *_)] = await lines(engine)
    for word in ("PAID", "RETURNED"):
        file = result(tmp_path / "told.csv", (a, word))
        await payouts.take_results(settings, asked(file=file, rail="ncb"))
    assert len(await news(engine)) == 2
    shown = [(f"ACH CREDIT {a}", -1_000_01), (f"ACH RETURN {a}", 1_000_01)]
    assert await shows(engine, *shown) == statements.Tally(by_reference=2)
    assert await news(engine) == []
    found = await rows(engine, "SELECT state, outcome, payout_id FROM statement_line")
    assert [tuple(row) for row in found] == [("MATCHED", a, ONE)] * 2


async def test_a_line_that_a_payment_in_our_file_cannot_have_made_is_for_staff(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    """It went out twice, with another amount, or after the bank said that it would not."""
    await put(engine, ordered(1), ordered(2))
    await payouts.export(settings, asked())
    a, b = (line.end_to_end_id for line in await lines(engine))
    await payouts.take_results(settings, asked(file=result(tmp_path / "told.csv", (b, "REJECTED")), rail="ncb"))
    await news(engine)
    out = f"ACH CREDIT {a}"
    assert await shows(engine, (out, -1_000_02), (out, -1_000_01), (out, -1_000_01)) == statements.Tally(
        by_reference=1, to_look_at=2
    )
    assert await shows(engine, (f"ACH CREDIT {b}", -1_000_02)) == statements.Tally(to_look_at=1)
    assert await news(engine) == [(f"payout:{ONE}", "disbursed")]
