"""The sealer seals what is written within seconds, and outlives a database that does not let it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from bot import sealer
from bot.sealer import Sealer
from bot.telemetry import Metrics
from domain import ledger as accounts
from domain.ledger import Transaction, Transfer
from domain.money import Currency
from storage import ledger
from storage.engine import Engine, make_engine


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    made = make_engine(database_url)
    yield made
    await made.dispose()


async def lines(engine: Engine) -> int:
    async with engine.connect() as conn:
        return int((await conn.execute(text("SELECT count(*) FROM ledger_line"))).scalar_one())


async def test_what_is_written_is_sealed_by_itself_and_trouble_is_counted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(sealer, "EVERY_SECONDS", 0.05)
    metrics = Metrics()
    async with engine.begin() as conn:
        await conn.execute(text("ALTER TABLE sealing RENAME TO elsewhere"))
    running = asyncio.create_task(Sealer(engine, metrics=metrics).run())
    try:
        async with asyncio.timeout(30):
            while not metrics.alarms.labels("sealing")._value.get():  # noqa: ASYNC110 - nothing rings
                await asyncio.sleep(0.02)
            async with engine.begin() as conn:
                await conn.execute(text("ALTER TABLE elsewhere RENAME TO sealing"))
                transfer = Transfer(accounts.rail("sandbox", Currency.JMD), accounts.credit("K7QX2M", "ann"), 5)
                moved = Transaction("throw:R-1", "throw", Currency.JMD, (transfer,), "K7QX2M")
                await ledger.post(conn, [moved], datetime.now(UTC))
            while await lines(engine) != 1:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
