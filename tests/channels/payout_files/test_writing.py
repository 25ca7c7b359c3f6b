"""What is written for a bank is what was approved, in the bank's letters, and satisfies the official schemas."""

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from bot.conversations.draws import BANKS
from channels.payout_files.instruction import Batch, Instruction, Payer, Unwritable, read
from channels.payout_files.letters import ALLOWED, write
from channels.payout_files.listing import LAYOUTS, write_csv
from channels.payout_files.pain001 import VERSIONS, Wrong, check, check_schema, write_pain001
from domain.clearing import Method
from domain.money import Currency, Money

GOLDEN = Path(__file__).parent / "golden"
ORDER = {
    "amount": 500, "currency": "JMD", "payee_name": "Marva", "bank": "NCB", "branch": "", "account": "123456",
    "payout_ref": "P-7K2M",
}  # fmt: skip
HOSTILE = ["<Nm>&amp;</Nm>", "=cmd|' /C calc'!A0", "+1-800", "@SUM(A1)", "-2+3", "a\nb\r\nc\td", "🙂🙂", "李明", "//x",
           "Zoë Ångström-Łuków", "x" * 500, '"quoted, comma"', "\u202eevil", "O'Neil"]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_pain_001_is_as_the_standard_writes_it(batch: Batch, schemas: Path, version: str) -> None:
    content = write_pain001(version, batch, schemas / f"{version}.xsd")
    assert content == (GOLDEN / f"{version}.xml").read_bytes()


@pytest.mark.parametrize("carrier", ["ncb", "scotia"])
def test_a_banks_csv_is_as_its_layout_says(batch: Batch, carrier: str) -> None:
    assert write_csv(carrier, batch) == (GOLDEN / f"{carrier}.csv").read_bytes()


def test_lynks_list_has_handle_or_phone_amount_and_reference(batch: Batch) -> None:
    orders = [{**ORDER, "account": a, "payout_ref": "P-7K2M"} for a in ("@keisha.b", "+18765550101")]
    lines = [replace(read(o, wallet=True), end_to_end_id=f"P7K2M{n}") for n, o in enumerate(orders)]
    content = write_csv("lynk", replace(batch, method=Method.LIST, lines=tuple(lines)))
    assert content == (GOLDEN / "lynk.csv").read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
def test_rtgs_in_us_dollars_is_urgent_and_names_the_currency(batch: Batch, schemas: Path, version: str) -> None:
    line = replace(batch.lines[1], amount=Money(12_345, Currency.USD))
    usd = replace(batch, currency=Currency.USD, method=Method.RTGS, lines=(line,), executes_on=date(2026, 11, 25))
    content = write_pain001(version, replace(usd, payer=Payer("Pardna", "1")), schemas / f"{version}.xsd").decode()
    assert "<Cd>URGP</Cd>" in content
    assert '<InstdAmt Ccy="USD">123.45</InstdAmt>' in content
    assert "<MmbId>00250575</MmbId>" in content
    assert "<Id>NOTPROVIDED</Id>" in content


@pytest.mark.parametrize("bank", sorted(set(BANKS.values())))
def test_every_bank_that_members_may_name_can_be_written_into_a_file(bank: str) -> None:
    assert read({**ORDER, "bank": bank, "branch": "50575"}, wallet=False).bank.name


@pytest.mark.parametrize("branch", ["000000", "1234567", "\u0660\u0660\u0661"])
def test_a_branch_that_is_no_routing_number_makes_no_member_id(batch: Batch, branch: str) -> None:
    assert replace(batch.lines[1], branch=branch).member_id == ""


names = st.text(min_size=1).filter(lambda name: name.strip()) | st.sampled_from(HOSTILE)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(names, names, st.integers(1, 10**12)), min_size=1, max_size=6), st.sampled_from(VERSIONS))
def test_any_names_and_sums_make_a_file_that_satisfies_the_schema(
    batch: Batch, schemas: Path, payees: list[tuple[str, str, int]], version: str
) -> None:
    line = batch.lines[2]
    lines = tuple(
        replace(line, payee=name, branch=branch[:30], amount=Money(minor, Currency.JMD), end_to_end_id=f"P{n}")
        for n, (name, branch, minor) in enumerate(payees)
    )
    whole = replace(batch, lines=lines)
    root = etree.fromstring(write_pain001(version, whole, schemas / f"{version}.xsd"))
    sums = [node.text for node in root.iter("{*}CtrlSum")]
    assert {int((s or "").replace(".", "")) for s in sums} == {sum(minor for *_, minor in payees)}
    assert {node.text for node in root.iter("{*}NbOfTxs")} == {str(len(payees))}
    for carrier in LAYOUTS:
        rows = list(csv.reader(io.StringIO(write_csv(carrier, whole).decode("ascii"), newline="")))
        assert len(rows) == len(payees) + 1
        place = rows[0].index("Amount")
        assert sum(int(row[place].replace(".", "")) for row in rows[1:]) == sum(minor for *_, minor in payees)
        assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
        assert "\n" not in "".join(cell for row in rows for cell in row)


@given(st.text(), st.integers(1, 140))
def test_a_text_changes_only_with_a_note(text: str, most: int) -> None:
    written = write(text, most, "P-7K2M")
    assert ALLOWED.fullmatch(written.text)
    assert 1 <= len(written.text) <= max(most, 6)
    assert written.note or written.text == " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("José Núñez", "Jose Nunez"),
        ("Søren Æbel & Söhne", "Soren AEbel + Sohne"),
        ("D\u2019Angelo\u2013Smith", "D'Angelo-Smith"),
        ("Ann 🙂 李", "Ann ."),
        ("<b>Bob</b>", "b Bob /b"),
        ("=1+1", "1+1"),
        ("🙂", "P-7K2M"),
    ],
)
def test_names_are_spelt_in_the_letters_of_banks(name: str, text: str) -> None:
    written = write(name, 70, "P-7K2M")
    assert (written.text, bool(written.note)) == (text, True)
    assert name not in written.note


def test_a_name_that_is_too_long_is_cut_with_a_note() -> None:
    assert write("a" * 71, 70, "").note == "the name was cut from 71 to 70 characters"
    assert write("Keisha Brown", 70, "").note == ""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"bank": "Scotiabank"}, "branch"),
        ({"bank": "002", "branch": " "}, "branch"),
        ({"bank": ""}, "bank"),
        ({"bank": "Bank of Nowhere"}, "bank"),
        ({"account": "12345"}, "account"),
        ({"account": "12345678901234"}, "account"),
        ({"account": "=cmd()"}, "account"),
        ({"account": None}, "account"),
        ({"payee_name": " "}, "name"),
        ({"amount": 0}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"currency": "EUR"}, "amount"),
        ({"branch": "123456"}, "branch"),
    ],
)
def test_an_order_that_lacks_something_is_refused_without_saying_whose_it_is(
    changed: dict[str, object], why: str
) -> None:
    with pytest.raises(Unwritable, match=why) as refused:
        read({**ORDER, **changed}, wallet=False)
    assert "Marva" not in str(refused.value)
    assert "12345" not in str(refused.value)


def test_a_wallet_is_not_sent_more_than_it_may_hold() -> None:
    most = {**ORDER, "account": "@keisha", "amount": 25_000_000}
    assert read(most, wallet=True).method is Method.LIST
    for changed in ({"amount": 25_000_001}, {"currency": "USD"}):
        with pytest.raises(Unwritable, match="J\\$250,000"):
            read({**most, **changed}, wallet=True)


def test_no_account_or_name_shows_in_a_repr(batch: Batch) -> None:
    shown = repr(batch)
    assert all(secret not in shown for secret in ("354201187", "354200001", "Keisha"))


def _with(batch: Batch, **changed: object) -> Batch:
    line: Instruction = replace(batch.lines[0], **changed)  # type: ignore[arg-type]
    return replace(batch, lines=(line, *batch.lines[1:]))


def test_a_file_that_is_wrong_is_never_written(batch: Batch, schemas: Path, tmp_path: Path) -> None:
    twice = _with(batch, end_to_end_id=batch.lines[1].end_to_end_id)
    for bad in (twice, _with(batch, end_to_end_id=""), _with(batch, end_to_end_id="x" * 36), replace(batch, id="é")):
        with pytest.raises(Wrong):
            write_pain001(VERSIONS[0], bad)
    content = write_pain001(VERSIONS[0], batch)
    for old, new in ((b"24500.00", b"24500.01"), (b">3<", b">4<"), (b"<Nm>Keisha Brown<", b"<Nm><")):
        with pytest.raises(Wrong):
            check(content.replace(old, new, 1), batch)
    with pytest.raises(Wrong, match="not satisfied"):
        check_schema(content, schemas / f"{VERSIONS[1]}.xsd")
    (tmp_path / "half.xsd").write_text("<xs:schema")
    for unreadable in (tmp_path / "half.xsd", tmp_path / "none.xsd"):
        with pytest.raises(Wrong, match="cannot be read"):
            check_schema(content, unreadable)
