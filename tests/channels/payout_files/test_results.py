"""What a bank says is read whole or not at all."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.payout_files.results import LARGEST_BYTES, Report, Told, ToldOfAll, Unreadable, read_results
from domain.clearing import Verdict

GOLDEN = Path(__file__).parent / "golden"
A, B, C = "P7K2MAAAAAAAAAA", "P9QXABBBBBBBBBB", "P3HHHCCCCCCCCCC"
BATCH = "NCB-20261124-7K2M9Q"


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("version", ["03", "10", "14"])
def test_pain_002_tells_of_each_payment_whatever_its_version(version: str) -> None:
    content = golden("pain.002.001.03.xml").replace(b"pain.002.001.03", f"pain.002.001.{version}".encode())
    assert read_results(content) == Report(
        (
            Told(A, Verdict.PAID, "ACSC", "", "FT26328001", 2_450_000),
            Told(B, Verdict.FAILED, "RJCT", "AC04 Account closed"),
            Told(C, Verdict.UNDER_WAY, "ACSP"),
        )
    )


def test_pain_002_may_tell_of_the_whole_group() -> None:
    assert read_results(golden("pain.002.001.10.xml")) == Report(
        (), (ToldOfAll(BATCH, Verdict.FAILED, "RJCT", "AM05 Duplicate file"),)
    )


def test_the_status_of_a_payment_block_goes_before_that_of_the_group() -> None:
    block = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{BATCH}</OrgnlPmtInfId><PmtInfSts>ACSC</PmtInfSts></OrgnlPmtInfAndSts>"
    content = golden("pain.002.001.10.xml").replace(b"</CstmrPmtStsRpt>", f"{block}</CstmrPmtStsRpt>".encode())
    assert read_results(content).of_all == (ToldOfAll(BATCH, Verdict.PAID, "ACSC"),)


def test_camt_054_tells_what_came_back_to_us_and_nothing_else() -> None:
    (told,) = read_results(golden("camt.054.001.08.xml")).told
    assert told == Told(A, Verdict.RETURNED, "RETURNED", "AC06 Blocked", "FT26330077", 2_450_000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_known_by_its_headings(encoding: str, delimiter: str) -> None:
    text = golden("results.csv").decode().replace('"24,500.00"', "24500.00").replace(", call", " né call")
    told = read_results(text.replace(",", delimiter).encode(encoding)).told
    assert [(t.end_to_end_id, t.verdict, t.amount) for t in told] == [
        (A, Verdict.PAID, 2_450_000),
        (B, Verdict.FAILED, 100_000_000),
        (C, Verdict.UNDER_WAY, 1),
    ]
    assert told[1].reason == "Account closed né call branch"


def test_a_csv_of_other_headings_needs_a_map() -> None:
    content = b"Our Ref;Outcome;Sum\r\nP1;RETURNED;1,234.5\r\n"
    with pytest.raises(Unreadable, match="--columns reference="):
        read_results(content)
    columns = {"reference": "our ref", "status": "Outcome", "amount": "Sum"}
    assert read_results(content, columns).told == (Told("P1", Verdict.RETURNED, "RETURNED", amount=123_450),)


def test_a_status_that_nobody_knows_is_kept_as_such() -> None:
    (told,) = read_results(b"Reference,Status\nP1,Perhaps\n").told
    assert (told.verdict, told.code) == (None, "PERHAPS")
    content = golden("pain.002.001.03.xml").replace(b"ACSC", b"BLCK")
    assert read_results(content).told[0].verdict is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (golden("pain.002.001.03.xml")[:-40], "not whole XML"),
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a><CstmrPmtStsRpt/></a>', "document type"),
        (b"<Document><Other/></Document>", "neither"),
        ("<?xml version='1.0' encoding='utf-8'?><D><é/></D>".encode("latin-1"), "not whole XML"),
        (golden("pain.002.001.03.xml").replace(b"24500.00", b"lots"), "amount"),
        (b"Reference,Status\nP1,\x00Paid\n", "text"),
        (b"Reference,Status\nP1,Paid\nP2\n", "row 3"),
        (b'Reference,Status\nP1,"Paid\n', "not whole CSV"),
        (b"Reference,Status,Amount\nP1,Paid,1.234.5\n", "amount"),
        (b"x" * (LARGEST_BYTES + 1), "20 MB"),
        (b"%PDF-1.7 \x81\x8d", "text"),
    ],
)
def test_a_file_that_is_not_whole_gives_nothing(content: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_results(content)


def test_an_outside_entity_is_never_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("NOBODY SEES THIS")
    start = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "{secret.as_uri()}">]>'
    with pytest.raises(Unreadable) as refused:
        read_results(f"{start}<a><CstmrPmtStsRpt>&b;</CstmrPmtStsRpt></a>".encode())
    assert "NOBODY" not in str(refused.value)


def test_utf_16_is_read_like_any_xml() -> None:
    content = golden("pain.002.001.10.xml").decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert read_results(content).of_all[0].batch == BATCH


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(Unreadable):
        assert isinstance(read_results(content), Report)
