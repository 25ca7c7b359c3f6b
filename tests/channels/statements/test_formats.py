"""A statement reads the same whatever file it comes in; the samples were written from the formats' standards."""

from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from channels.statements import maps, reader
from channels.statements.reader import Format
from domain.matching import Hint, StatementBalance, StatementLine
from domain.money import Currency

SAMPLES = Path(__file__).with_name("samples")
MON, TUE = date(2026, 12, 7), date(2026, 12, 8)
JMD, USD = Currency.JMD, Currency.USD


def told(name: str, rail: str = "ncb") -> list[StatementLine | StatementBalance]:
    with (SAMPLES / name).open("rb") as file:
        return list(reader.read(file, maps.shipped()[rail]))


def read(text: str, rail: str = "ncb", encoding: str = "utf-8") -> Iterator[StatementLine | StatementBalance]:
    return reader.read(BytesIO(text.encode(encoding)), maps.shipped()[rail], Format.CSV)


def line(account: str, booked: date, amount: int, currency: Currency = JMD, **more: object) -> StatementLine:
    return StatementLine(account, booked, more.pop("valued", None), amount, currency, **more)  # type: ignore[arg-type]


EXPECTED: dict[str, tuple[Format, str, list[StatementLine | StatementBalance]]] = {
    "ncb.csv": (
        Format.CSV,
        "ncb",
        [
            line("404-123-456", MON, 500000, bank_ref="FT26341001", narrative="TRF MARVA BROWN R-7K2MQ9XA", position=6),
            line("404-123-456", MON, 500000, narrative="CASH DEPOSIT, DEVON CLARKE", position=7),
            line(
                "404-123-456", TUE, -15050, bank_ref="FT26342007", narrative="SERVICE CHARGE",
                hint=Hint.CHARGE, position=8,
            ),
            line("404-123-456", TUE, -2000000, bank_ref="FT26342008", narrative="PAYOUT P-7K2M", position=9),
            StatementBalance("404-123-456", JMD, TUE, 8984950),
        ],
    ),
    "scotia.csv": (
        Format.CSV,
        "scotia",
        [
            line("", TUE, 125000, USD, narrative="Depósito Keisha Reid", position=2),
            line("", MON, -25000, USD, narrative="RETURNED ITEM", hint=Hint.RETURNED, position=3),
            StatementBalance("", USD, TUE, 225000),
        ],
    ),
    "lynk.csv": (
        Format.CSV,
        "lynk",
        [
            line("", MON, 250000, bank_ref="LYNK-1", name="Patsy Green", narrative="R 7K2M Q9XA", position=2),
            line("", MON, -2500, bank_ref="LYNK-2", name="LYNK", hint=Hint.CHARGE, position=3),
            StatementBalance("", JMD, MON, 247500),
        ],
    ),
    "statement.ofx": (
        Format.OFX,
        "ncb",
        [
            line(
                "404123456", MON, 500000, bank_ref="A1", name="Marva Brown",
                narrative="Marva Brown R-7K2MQ9XA hand & more", position=17,
            ),
            line("404123456", TUE, -15050, bank_ref="A2", narrative="Monthly", hint=Hint.CHARGE, position=25),
            StatementBalance("404123456", JMD, TUE, 10484950),
        ],
    ),
    "statement2.ofx": (
        Format.OFX,
        "ncb",
        [
            line(
                "777", MON, 5000, USD, valued=TUE, bank_ref="B1", name="Keisha Réid", narrative="Keisha Réid pardna",
                position=6,
            ),
            line("777", TUE, 25, USD, bank_ref="B2", hint=Hint.INTEREST, position=7),
            StatementBalance("777", USD, TUE, 105025),
        ],
    ),
    "statement.sta": (
        Format.MT940,
        "ncb",
        [
            line(
                "NOSCJMKN/404123456", MON, 500000, valued=MON, bank_ref="FT26341001", end_to_end="R7K2MQ9XA",
                name="MARVA BROWN", position=6,
                narrative="TRANSFER IN /EREF/R7K2MQ9XA/ORDP//NAME/MARVA BROWN/REMI/PARDNA HAND DEC EMBER",
            ),
            line(
                "NOSCJMKN/404123456", TUE, -15050, valued=TUE, bank_ref="FT26342007",
                narrative="MONTHLY SERVICE CHARGE", hint=Hint.CHARGE, position=10,
            ),
            line(
                "NOSCJMKN/404123456", TUE, 2000000, valued=TUE, bank_ref="FT26342008",
                end_to_end="0123456789abcdef01234567", name="KEISHA REID", hint=Hint.RETURNED, position=12,
                narrative="P-7K2M RETURN ACCOUNT CLOSED 0123456789abcdef01234567",
            ),
            StatementBalance("NOSCJMKN/404123456", JMD, TUE, 12484950),
        ],
    ),
    "statement.xml": (
        Format.CAMT053,
        "ncb",
        [
            StatementBalance("404123456", JMD, TUE, 9234950),
            line(
                "404123456", MON, 500000, valued=TUE, bank_ref="FT1", name="Marva Brown",
                narrative="Pardna R-7K2MQ9XA", position=10,
            ),
            line("404123456", TUE, 250000, bank_ref="FT2-1", name="Devon Clarke", position=16),
            line("404123456", TUE, 500000, bank_ref="FT2-2", narrative="R22223333", position=16),
            line("404123456", TUE, -15050, narrative="Service charge", hint=Hint.CHARGE, position=24),
            line(
                "404123456", TUE, -2000000, end_to_end="0123456789abcdef01234567", name="Keisha Reid",
                narrative="0123456789abcdef01234567", position=28,
            ),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_each_format_is_told_by_its_content_and_read_as_its_standard_says(name: str) -> None:
    fmt, rail, expected = EXPECTED[name]
    with (SAMPLES / name).open("rb") as file:
        assert reader.detect(file) is fmt
    assert told(name, rail) == expected


@pytest.mark.parametrize("version", ["02", "04", "06", "07", "13"])
def test_any_version_of_camt_053_reads_the_same(version: str) -> None:
    text = (SAMPLES / "statement.xml").read_text().replace("053.001.08", f"053.001.{version}")
    if version < "08":  # before, the state and the party stood one level higher
        for new, old in (("<Sts><Cd>", "<Sts>"), ("</Cd></Sts>", "</Sts>"), ("<Pty>", ""), ("</Pty>", "")):
            text = text.replace(new, old)
    assert list(reader.read(BytesIO(text.encode()), maps.shipped()["ncb"])) == EXPECTED["statement.xml"][2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_csv_is_read_however_it_was_saved(encoding: str) -> None:
    text = "Date,Description,Amount\r\n07/12/2026,Dépôt José,10.00\r\n"
    assert list(read(text, encoding=encoding)) == [line("", MON, 1000, narrative="Dépôt José", position=2)]


def test_an_operators_own_map_reads_a_csv_with_decimal_commas(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'carrier = "ncb"\n[file]\ndates = ["%d.%m.%Y"]\ndecimal = ","\ncurrency = "USD"\naccount = "1"\n'
        '[columns]\nbooked = ["Datum"]\ncredit = ["Haben"]\ndebit = ["Soll"]\n'
    )
    own = maps.load(tmp_path / "own.toml")
    text = "Datum;Soll;Haben\n07.12.2026;;1.234,50\n08.12.2026;0,50;\n"
    assert list(reader.read(BytesIO(text.encode()), own)) == [
        line("1", MON, 123450, USD, position=2),
        line("1", TUE, -50, USD, position=3),
    ]


@pytest.mark.parametrize(
    "fault", ["no toml [", "carrier = 'x'", "carrier='x'\n[columns]\nbooked=['a']\n[file]\ndates=['%d']"]
)
def test_a_map_that_cannot_work_says_what_is_missing(tmp_path: Path, fault: str) -> None:
    (tmp_path / "own.toml").write_text(fault)
    with pytest.raises(ValueError, match="the map own"):
        maps.load(tmp_path / "own.toml")


def test_each_map_that_comes_along_says_that_the_real_export_was_not_seen() -> None:
    assert set(maps.shipped()) == {"ncb", "scotia", "lynk"}
    assert all("not seen" in one.title for one in maps.shipped().values())


def test_a_word_of_the_bank_in_what_a_payer_wrote_makes_no_charge_of_their_money() -> None:
    (first, second) = list(
        read("Date,Description,Amount\n07/12/2026,coffee service charge,10.00\n07/12/2026,for interest group,5\n")
    )
    assert isinstance(first, StatementLine)
    assert isinstance(second, StatementLine)
    assert (first.hint, second.hint) == (Hint.NONE, Hint.NONE)


def test_lines_of_no_amount_are_left_out() -> None:
    assert list(read("Date,Description,Amount\n07/12/2026,INFO,0.00\n")) == []
