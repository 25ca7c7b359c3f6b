"""Times a bank statement of 100,000 lines, from the file to matched rows and filed arrivals, in each format.

The database is one of its own, migrated, with 50,000 payments that wait. Of the lines six in ten carry a reference,
three in ten only a name, an amount and a day, and the rest are strangers' or the bank's own.
"""

import asyncio
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from bot.commands.statements import fingerprint, lines_of, look_through, take_all
from channels.statements import maps, reader
from domain.codes import ALPHABET
from domain.matching import numbered
from storage import embedded, statements
from storage.engine import Engine, make_engine
from storage.migrate import migrate
from storage.vault import Vault, new_keys

LINES, WAITING, PEOPLE = 100_000, 50_000, 20_000
_PARTS = 400
_AMOUNTS = tuple(n * 100_000 for n in range(2, 22))
_PEOPLE = "INSERT INTO person SELECT i, n, 'en', now() FROM unnest($1::text[], $2::text[]) AS u (i, n)"
_CIRCLE = """
INSERT INTO circle (code, name, banker_id, state, currency, throw, frequency, turns, first_due, order_by, made_at)
VALUES ('ABC234', 'Bench', 'p0', 'ACTIVE', 'JMD', 500000, 'weekly', 4, '2026-12-01', 'join order', now())
"""
_PAYMENTS = """
INSERT INTO payment (receipt, circle, person_id, amount, currency, rail, state, recorded_by, began_at, carrier,
    pay_amount, pay_currency)
SELECT r, 'ABC234', p, a, 'JMD', 'NCB', 'PENDING', p, '2026-12-07T15:00:00Z', 'ncb', a, 'JMD'
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u (r, p, a)
"""

Told = tuple[str, str, int]
"""Name, narrative and amount of one line."""


async def run(lines: int = LINES) -> dict[str, float]:
    """Return, for each format, the seconds that reading and matching took, and for CSV by what lines were matched."""
    results: dict[str, float] = {"lines": lines}
    with TemporaryDirectory(prefix="pardna-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        home = _home(folder / "home")
        async with embedded.EmbeddedPostgres(home) as server:
            await migrate(server.url)
            chance = random.Random(7)
            told = list(_statement(lines, await _fill(server.url, chance), chance))
            for fmt in reader.Format:
                path = folder / fmt.value
                path.write_text(_WRITERS[fmt](told))
                results |= await _timed(server.url, path, fmt)
    return results


def _home(path: Path) -> Path:
    """A new home. Root gives it away, so that the server's data lie inside it and go with it."""
    path.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(path, "nobody")
    return path


async def _timed(url: str, path: Path, fmt: reader.Format) -> dict[str, float]:
    engine = make_engine(url)
    try:
        began = time.perf_counter()
        tally = await _import(engine, path, fmt)
        seconds = time.perf_counter() - began
        again = time.perf_counter()
        repeat = await _import(engine, path, fmt)
        assert repeat.new == 0, "a repeat took something"
        again_seconds = time.perf_counter() - again
    finally:
        await engine.dispose()
        await _empty(url)
    figures = {"seconds": seconds, "repeat_seconds": again_seconds, "by_reference": tally.by_reference}
    figures |= {"by_likeness": tally.by_likeness, "to_look_at": tally.to_look_at, "of_the_bank": tally.of_the_bank}
    return {f"{fmt.value}_{name}": value for name, value in figures.items()}


async def _import(engine: Engine, path: Path, fmt: reader.Format) -> statements.Tally:
    """The whole of the command but its words: looked through once, then taken in chunks."""
    columns, vault = maps.shipped()["ncb"], Vault.from_keys(new_keys())
    with path.open("rb") as file:
        assert reader.detect(file) is fmt
        survey = look_through(file, columns, fmt)
        source = statements.Import("ncb", fingerprint(file), survey.receipts)
        return await take_all(engine, vault, source, numbered("ncb", lines_of(file, columns, fmt)), survey.balances)


async def _fill(url: str, chance: random.Random) -> list[Told]:
    """Make people and their waiting payments; return what each would write (name, receipt, amount)."""
    firsts, lasts = ([_word(chance) for _ in range(_PARTS)] for _ in range(2))
    names = [f"{chance.choice(firsts)} {chance.choice(lasts)}" for _ in range(PEOPLE)]
    waiting = []
    for number in range(WAITING):
        receipt = "R-" + "".join(chance.choices(ALPHABET, k=8))
        waiting.append((receipt, number % PEOPLE, chance.choice(_AMOUNTS)))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_PEOPLE, [f"p{n}" for n in range(PEOPLE)], names)
        await connection.execute(_CIRCLE)
        receipts, people, amounts = zip(*waiting, strict=True)
        await connection.execute(_PAYMENTS, receipts, [f"p{n}" for n in people], amounts)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return [(names[person], receipt, amount) for receipt, person, amount in waiting]


def _word(chance: random.Random) -> str:
    return "".join(chance.choice("bcdfgklmnprst") + chance.choice("aeiou") for _ in range(chance.randint(2, 4))).title()


def _statement(lines: int, waiting: list[Told], chance: random.Random) -> Iterator[Told]:
    for number in range(lines):
        name, receipt, amount = chance.choice(waiting)
        match number % 10:
            case 0:
                yield _word(chance) + " " + _word(chance), "gift", chance.choice(_AMOUNTS)
            case 1 | 2 | 3:
                yield name.upper(), "online transfer", amount
            case _:
                yield name, f"pardna {receipt}", amount


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("TRUNCATE statement_line, statement_balance, inbox")
    finally:
        await connection.close()


# -- the same lines in each format ------------------------------------------------------------------------------------


def _csv(told: list[Told]) -> str:
    rows = (f"07/12/2026,{n},{text},,{amount / 100:.2f},FT{i}" for i, (n, text, amount) in enumerate(told))
    return "\n".join(["Date,Name,Description,Debit,Credit,Reference", *rows, ""])


def _ofx(told: list[Told]) -> str:
    head = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\n"
    head += "COMPRESSION:NONE\nOLDFILEUID:NONE\nNEWFILEUID:NONE\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>JMD\n"
    head += "<BANKACCTFROM><BANKID>1<ACCTID>404<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>"
    rows = (
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261207<TRNAMT>{amount / 100:.2f}<FITID>{i}<NAME>{n}<MEMO>{text}</STMTTRN>"
        for i, (n, text, amount) in enumerate(told)
    )
    return "\n".join([head, *rows, "</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"])


def _mt940(told: list[Told]) -> str:
    rows = (
        f":61:2612071207C{amount // 100},{amount % 100:02}NTRFNONREF//FT{i}\n:86:/ORDP/{n}/REMI/{text}"
        for i, (n, text, amount) in enumerate(told)
    )
    total = sum(amount for _, _, amount in told)
    end = f":62F:C261207JMD{total // 100},{total % 100:02}"
    return "\n".join([":20:BENCH", ":25:404", ":28C:1", ":60F:C261206JMD0,00", *rows, end, "-", ""])


def _camt(told: list[Told]) -> str:
    rows = (
        f'<Ntry><Amt Ccy="JMD">{amount / 100:.2f}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>2026-12-07</Dt></BookgDt><AcctSvcrRef>FT{i}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr><Pty>"
        f"<Nm>{n}</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        for i, (n, text, amount) in enumerate(told)
    )
    head = '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>'
    return "\n".join([head, *rows, "</Stmt></BkToCstmrStmt></Document>"])


_WRITERS: dict[reader.Format, Any] = {
    reader.Format.CSV: _csv,
    reader.Format.OFX: _ofx,
    reader.Format.MT940: _mt940,
    reader.Format.CAMT053: _camt,
}


if __name__ == "__main__":
    for figure, value in asyncio.run(run()).items():
        print(f"{figure}: {value:,.1f}")
