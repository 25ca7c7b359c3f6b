"""A file that cannot be read says in one line where and what to do, quickly, and whatever its size."""

import time
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest

from channels.statements import maps, reader
from channels.statements.parts import MOST_BYTES, BadStatement, minor_units
from domain.matching import StatementLine

SAMPLES = Path(__file__).with_name("samples")
HEADINGS = b"Date,Description,Debit,Credit,Currency\n"
CAMT = SAMPLES.joinpath("statement.xml").read_text()
SWIFT = SAMPLES.joinpath("statement.sta").read_text()
OFX = SAMPLES.joinpath("statement.ofx").read_text()
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><Document><BkToCstmrStmt><Stmt>&j;</Stmt></BkToCstmrStmt></Document>"
)


def fault(content: bytes, fmt: reader.Format | None = None) -> str:
    with pytest.raises(BadStatement) as refused:
        list(reader.read(BytesIO(content), maps.shipped()["ncb"], fmt))
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\x7fELF" + bytes(range(256)) * 8, "the file is no text"),
        (b"%PDF-1.7 ...", "this is a PDF"),
        (b"PK\x03\x04....", "this is an Excel workbook; save it as CSV"),
        (b"hello\nworld\n", "no row has the headings of the map ncb"),
        (HEADINGS + b'07/12/2026,a,,"12,x",JMD\n', 'line 2: the amount "12,x" is no amount'),
        (HEADINGS + b'07/12/2026,a,,"1,23",JMD\n', 'line 2: the amount "1,23" is no amount'),
        (HEADINGS + b"07/12/2026,a,,1.234,JMD\n", 'line 2: the amount "1.234" is no amount'),
        (HEADINGS + b"31/02/2026,a,,1,JMD\n", 'line 2: the date "31/02/2026" is none of'),
        (HEADINGS + b"07/12/2026,a,1,1,JMD\n", "line 2: both debit and credit"),
        (HEADINGS + b"07/12/2026,a,,1,EUR\n", 'line 2: the currency "EUR" is not kept here'),
        (HEADINGS + b"07/12/2026,a,,1,JMD\n07/12\n", "line 3: the row has no date or is cut short"),
        (HEADINGS + b'07/12/2026,"a,,1,JMD\n07/12/2026,b,,1,JMD\n', "the row does not end"),
        (HEADINGS + b"07/12/2026,\x81\x8d,,1,JMD\n", "the text is not cp1252"),
        (HEADINGS + b"a" * 70_000, "line 2: the line does not end"),
        (OFX[: len(OFX) // 2].encode(), "the file ends before </OFX>"),
        (OFX.replace("5000.00", "5000.0.0").encode(), "is no amount"),
        (OFX.replace("<DTPOSTED>20261208", "<DTPOSTED>20261308").encode(), "is no date"),
        (OFX.replace("<TRNAMT>5000.00\n", "").encode(), "has no TRNAMT"),
        (b"OFXHEADER:1\n<OFX></OFX>", "the OFX header cannot be read"),
        (SWIFT[: SWIFT.index(":62F:")].encode(), "line 2: the statement that begins here has no closing balance"),
        (SWIFT.replace("C5000,00", "C5000,01").encode(), "some are missing"),
        (SWIFT.replace("2612071207C", "261207Q").encode(), "line 6: the field :61: is not as SWIFT writes it"),
        (SWIFT.replace("2612071207C", "2613071207C").encode(), "line 6: the field :61:"),
        (CAMT[: len(CAMT) // 2].encode(), "the XML is broken or was cut short"),
        (CAMT.replace("BkToCstmrStmt", "BkToCstmrAcctRpt").encode(), "this is a camt.052 or camt.054"),
        (CAMT.replace("2026-12-07", "2026-99-07").encode(), "is no date"),
        (CAMT.replace("CRDT", "BOTH").encode(), "neither CRDT nor DBIT"),
        (CAMT.replace('Ccy="JMD"', 'Ccy="GBP"').encode(), 'the currency "GBP" is not kept here'),
        (b"<html><body>Log in again</body></html>", "this XML is no camt.053"),
        (LAUGHS.encode(), "declares a document type"),
        (LAUGHS.encode("utf-16"), "declares a document type"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(content: bytes, said: str) -> None:
    assert said in fault(content)


@pytest.mark.parametrize("fmt", list(reader.Format))
def test_a_file_of_100_mb_is_refused_before_it_is_read(tmp_path: Path, fmt: reader.Format) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(100 * 2**20)
    began = time.monotonic()
    with large.open("rb") as file, pytest.raises(BadStatement, match="more than 64 MB"):
        list(reader.read(file, maps.shipped()["ncb"], fmt))
    assert time.monotonic() - began < 1


def many(fmt: reader.Format, count: int) -> bytes:
    match fmt:
        case reader.Format.CSV:
            return HEADINGS + b"07/12/2026,somebody,,1.00,JMD\n" * count
        case reader.Format.OFX:
            start, end = OFX.index("<STMTTRN>"), OFX.index("</STMTTRN>") + len("</STMTTRN>\n")
            return (OFX[:start] + OFX[start:end] * count + OFX[end:]).encode()
        case reader.Format.MT940:
            one = ":61:2612071207C1,00NTRFNONREF//X\n:86:somebody\n"
            whole = f":20:A\n:25:1\n:60F:C261207JMD0,00\n{one * count}:62F:C261207JMD{count},00\n"
            return whole.encode()
        case reader.Format.CAMT053:
            start, end = CAMT.index("<Ntry>"), CAMT.index("</Ntry>") + len("</Ntry>")
            return (CAMT[:start] + CAMT[start:end] * count + CAMT[end:]).encode()


@pytest.mark.parametrize("fmt", list(reader.Format))
def test_a_long_file_is_streamed(tmp_path: Path, fmt: reader.Format) -> None:
    path = tmp_path / "long"
    path.write_bytes(many(fmt, 6_000))
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            lines = sum(isinstance(t, StatementLine) for t in reader.read(file, maps.shipped()["ncb"], fmt))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines >= 6_000
    assert most < 2 * 2**20


def test_one_endless_entry_does_not_fill_the_memory() -> None:
    start = CAMT.index("<Ntry>") + len("<Ntry>")
    content = CAMT[:start] + "<AddtlNtryInf>x</AddtlNtryInf>" * 400_000 + CAMT[start:]
    assert len(content) < MOST_BYTES
    assert "one entry of the file is too large" in fault(content.encode())


def test_no_error_quotes_more_than_a_cell() -> None:
    said = fault(HEADINGS + b"07/12/2026,a,,Marva Brown of 12 Hope Road Kingston,JMD\n")
    assert "Kingston" not in said


@pytest.mark.parametrize(
    ("cell", "decimal", "minor"),
    [
        ("1,234.50", ".", 123450),
        ("(12.00)", ".", -1200),
        ("12.00-", ".", -1200),
        ("12.00 CR", ".", 1200),
        ("12.00DR", ".", -1200),
        ("J$5,000", ".", 500000),
        ("US$ -5.5", ".", -550),
        ("-5 000,00", ",", -500000),
        ("1.234,50", ",", 123450),
        ("1\u00a0234,5", ",", 123450),
        ("\u22127.00", ".", -700),
        (".50", ".", 50),
        ("10.1000", ".", 1010),
    ],
)
def test_amounts_are_read_as_banks_write_them(cell: str, decimal: str, minor: int) -> None:
    assert minor_units(cell, decimal) == minor


@pytest.mark.parametrize(
    "cell", ["", "-", ".", "12,34,567", "1,2345", "--5", "1e5", "5.005", "NaN", "\u0665", "9" * 40]
)
def test_what_is_no_amount_beyond_doubt_is_refused(cell: str) -> None:
    with pytest.raises(BadStatement):
        minor_units(cell)
