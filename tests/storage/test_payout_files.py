"""Payouts by file: each in exactly one file, each file for ever the same, each word of a bank heard once."""

import argparse
import asyncio
import stat
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.commands import payouts
from bot.config import Settings, SettingsError
from storage import inbox, outbox, payout_files
from storage.clock import Clock
from storage.engine import Connection, Engine, make_engine
from storage.outbox import Parcel, Settled
from storage.payout_files import Line
from storage.vault import Vault, new_keys

KEYS = new_keys()
VAULT = Vault.from_keys(KEYS)
TUESDAY = datetime(2030, 3, 12, 14, tzinfo=UTC)
"""09:00 in Jamaica, before all cut-offs, in a year that has not been."""
ENTRIES = {"ncb": ("NCB", "354201187"), "scotia": ("Scotiabank", "000812345"), "lynk": ("Lynk", "@keisha")}


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    engine = make_engine(database_url)
    async with engine.begin() as conn:
        await Clock().set(conn, TUESDAY)
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
        ncb_usd_account="354200002",
        scotia_account="000800001",
        scotia_holder="Digital Pardna Ltd",
    )


def asked(**more: Any) -> argparse.Namespace:
    given: dict[str, Any] = {
        "rail": None,
        "out": None,
        "format": "pain001",
        "schema": None,
        "again": None,
        "columns": {},
    }
    return argparse.Namespace(**{**given, **more})


def order(number: int, carrier: str = "ncb", **changed: Any) -> Parcel:
    bank, account = ENTRIES[carrier]
    body = {
        "amount": 1_000_00 + number, "currency": "JMD", "payee_name": "Keisha Brown", "bank": bank, "branch": "50575",
        "account": account, "account_kind": "savings", "payout_ref": f"P-{number:0>4}", "party": "circle:QK7M2P",
        "echo": {"payout_id": f"id{number}"}, **changed,
    }  # fmt: skip
    return Parcel(f"{carrier}:payout:id{number}", "disburse", f"payout:id{number}", body, TUESDAY)


async def put(engine: Engine, *parcels: Parcel) -> None:
    async with engine.begin() as conn:
        await outbox.put(conn, VAULT, parcels, TUESDAY)


async def rows(engine: Engine, statement: str) -> Sequence[Any]:
    async with engine.connect() as conn:
        return (await conn.execute(text(statement))).all()


async def lines(engine: Engine) -> Sequence[Any]:
    return await rows(
        engine, "SELECT * FROM payout_batch_line l JOIN payout_batch b ON b.id = batch ORDER BY outbox_id"
    )


async def heard(engine: Engine) -> list[tuple[str, str, dict[str, Any]]]:
    """Take what the desk would hear: external id, party, body."""
    found = []
    async with engine.begin() as conn:
        while arrivals := await inbox.claim(conn, VAULT, 100):
            await inbox.finish(conn, [a.id for a in arrivals], TUESDAY)
            assert {(a.source, a.kind) for a in arrivals} == {("payouts", "event")}
            found += [(a.external_id, a.party, a.body) for a in arrivals]
    return found


def xml_of(folder: Path) -> list[Any]:
    return [etree.fromstring(path.read_bytes()) for path in sorted(folder.glob("*.xml"))]


def result(file: Path, *said: tuple[str, str]) -> Path:
    file.write_text("Reference,Status,Reason,Bank Reference\n" + "".join(f"{i},{s},why,FT9\n" for i, s in said))
    return file


async def test_an_approved_payout_is_written_once_and_noted_as_sent(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    await put(engine, order(1), order(2, amount=100_000_001), order(3, currency="USD"), order(4, "lynk"))
    assert await payouts.export(settings, asked()) == 0
    assert {(o.state, o.attempts) for o in await rows(engine, "SELECT state, attempts FROM outbox")} == {("sent", 1)}
    kept = await lines(engine)
    assert [(k.carrier, k.currency, k.method, k.payout_id, k.total) for k in kept] == [
        ("ncb", "JMD", "ACH", "id1", 100_001),
        ("ncb", "JMD", "RTGS", "id2", 100_000_001),
        ("ncb", "USD", "RTGS", "id3", 100_003),
        ("lynk", "JMD", "LIST", "id4", 100_004),
    ]
    assert {k.execution_date for k in kept} == {TUESDAY.date()}
    files = sorted((tmp_path / "payouts").iterdir())
    assert [f.suffix for f in files] == [".csv", ".xml", ".xml", ".xml"]
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    accounts = {
        (t.findtext(".//{*}DbtrAcct/{*}Id/{*}Othr/{*}Id"), t.findtext(".//{*}DbtrAcct/{*}Ccy"))
        for t in xml_of(tmp_path / "payouts")
    }
    assert accounts == {("354200001", "JMD"), ("354200002", "USD")}
    assert await payouts.export(settings, asked()) == 0
    assert len(await lines(engine)) == 4


async def test_two_exports_at_once_put_each_payout_into_exactly_one_file(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    await put(engine, *(order(n) for n in range(60)))
    folders = [tmp_path / f"out{n}" for n in range(4)]
    assert await asyncio.gather(*(payouts.export(settings, asked(out=folder)) for folder in folders)) == [0] * 4
    written = Counter(node.text for folder in folders for t in xml_of(folder) for node in t.iter("{*}EndToEndId"))
    assert (len(written), set(written.values())) == (60, {1})
    assert Counter(line.payout_id for line in await lines(engine)) == Counter(f"id{n}" for n in range(60))


async def test_an_export_passes_over_what_another_holds(engine: Engine) -> None:
    await put(engine, order(1), order(2))
    async with engine.begin() as first, engine.begin() as second:
        assert len(await payout_files.take(first, VAULT, "ncb", TUESDAY)) == 2
        assert await payout_files.take(second, VAULT, "ncb", TUESDAY) == []


async def test_what_an_interface_has_in_hand_or_may_have_taken_is_left_alone(engine: Engine) -> None:
    await put(engine, order(1), order(2), order(3))
    async with engine.begin() as conn:
        leased, unknown = await outbox.claim(conn, VAULT, "ncb", TUESDAY, limit=2, lease_seconds=60)
        await outbox.settle(conn, [Settled(unknown.id, 1, "queued", after_seconds=0, unknown=True)], TUESDAY)
        (left,) = await payout_files.take(conn, VAULT, "ncb", TUESDAY)
        assert left.key not in {leased.key, unknown.key}


async def test_a_lost_file_is_written_again_to_the_byte(
    engine: Engine, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await put(engine, order(1), order(2))
    await payouts.export(settings, asked())
    (file,) = (tmp_path / "payouts").iterdir()
    before = file.read_bytes()
    file.unlink()
    changed = settings.model_copy(update={"ncb_account": "999999999", "ncb_holder": "Somebody Else"})
    assert await payouts.export(changed, asked(again=file.stem)) == 0
    assert file.read_bytes() == before
    assert await payouts.export(settings, asked(again="NCB-NONE")) == 1
    assert "pardna payouts list" in capsys.readouterr().err
    sealed = bytes((await rows(engine, "SELECT sealed FROM payout_batch"))[0][0])
    assert b"Keisha" not in sealed


async def test_a_file_that_cannot_be_written_after_the_commit_says_how_to_get_it(
    engine: Engine,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await put(engine, order(1))
    monkeypatch.setattr("bot.commands.payouts._no_folder", lambda _: "")  # the folder goes away in between
    assert await payouts.export(settings, asked(out=tmp_path / "gone")) == 1
    (line,) = await lines(engine)
    assert f"--again {line.batch}" in capsys.readouterr().err
    assert await payouts.export(settings, asked(again=line.batch, out=tmp_path)) == 0
    assert (tmp_path / line.file_name).exists()
    assert not list(tmp_path.glob(".*.xml.*"))


async def test_a_payout_without_its_branch_is_left_out_by_its_reference_and_fails(
    engine: Engine, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await put(engine, order(1, "scotia", branch=""), order(2, "scotia"))
    assert await payouts.export(settings, asked(rail="scotia")) == 1
    said = capsys.readouterr().err
    assert "P-0001 was left out" in said
    assert "branch" in said
    assert "Keisha" not in said
    assert [line.payout_id for line in await lines(engine)] == ["id2"]
    reason = "the branch is missing, which Scotiabank cannot do without"
    body = {"kind": "disburse_failed", "payout_id": "id1", "reason": reason}
    assert await heard(engine) == [("payout:id1:refused:0", "payout:id1", body)]
    await put(engine, order(1, "scotia", branch="50575"))  # mended, and sent again under its key
    assert await payouts.export(settings, asked(rail="scotia")) == 0
    assert {line.payout_id for line in await lines(engine)} == {"id1", "id2"}


async def test_a_name_in_other_letters_is_written_and_told_of_by_its_reference(
    engine: Engine, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await put(engine, order(1, payee_name="José"), order(2), order(3, "lynk", payee_name="J" * 36))
    assert await payouts.export(settings, asked()) == 0
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].strip() for line in told] == ["P-0001", "P-0003"]
    assert "cut from 36 to 35" in told[1]
    assert "Jos" not in "".join(told)


async def test_an_order_sealed_with_a_lost_key_holds_up_nobody(engine: Engine, settings: Settings) -> None:
    async with engine.begin() as conn:
        await outbox.put(conn, Vault.from_keys(new_keys()), [order(1)], TUESDAY)
    await put(engine, order(2))
    assert await payouts.export(settings, asked()) == 1
    assert [line.payout_id for line in await lines(engine)] == ["id2"]
    assert await heard(engine) == []


@pytest.mark.parametrize("lacks", ["ncb_holder", "ncb_account"])
async def test_without_the_payers_account_nothing_is_exported(engine: Engine, settings: Settings, lacks: str) -> None:
    await put(engine, order(1))
    with pytest.raises(SettingsError, match=lacks.upper()):
        await payouts.export(settings.model_copy(update={lacks: ""}), asked())
    assert await lines(engine) == []
    assert await payouts.export(settings, asked()) == 0


async def test_a_file_that_does_not_satisfy_the_banks_schema_is_not_exported(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    schema = tmp_path / "bank.xsd"
    schema.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Other"/></xs:schema>')
    await put(engine, order(1))
    assert await payouts.export(settings, asked(schema=schema)) == 1
    assert await lines(engine) == []
    assert await payouts.export(settings, asked(format="pain001.03")) == 0


async def test_payouts_that_go_by_interface_are_not_written(engine: Engine, settings: Settings) -> None:
    by_interface = settings.model_copy(update={"ncb_api_url": "https://api.example"})
    await put(engine, order(1))
    assert await payouts.export(by_interface, asked()) == 0
    assert await lines(engine) == []
    with pytest.raises(SettingsError, match="NCB_API_URL"):
        await payouts.export(by_interface, asked(rail="ncb"))


async def test_each_word_of_a_bank_is_heard_once_however_often_it_comes(
    engine: Engine, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await put(engine, order(1), order(2), order(3), order(4, echo={"refund_id": "r4"}))
    await payouts.export(settings, asked())
    a, b, c, d = (line.end_to_end_id for line in await lines(engine))
    file = result(tmp_path / "told.csv", (a, "PAID"), (b, "REJECTED"), (c, "PENDING"), (d, "RJCT"))
    took = asked(file=file, rail="ncb")
    assert await asyncio.gather(*(payouts.take_results(settings, took) for _ in range(3))) == [0, 0, 0]
    assert await payouts.take_results(settings, took) == 0
    assert sorted(await heard(engine)) == sorted(
        [
            (f"{a}:PAID", "payout:id1", {"kind": "disbursed", "payout_id": "id1", "provider_id": "FT9", "charge": 0}),
            (f"{b}:FAILED", "payout:id2", {"kind": "disburse_failed", "payout_id": "id2", "reason": "why"}),
            (f"{d}:FAILED", "refund:r4", {"kind": "refund_failed", "refund_id": "r4", "reason": "why"}),
        ]
    )
    assert [(line.state, line.said) for line in await lines(engine)] == [
        ("PAID", "PAID"), ("FAILED", "REJECTED"), ("WRITTEN", "PENDING"), ("FAILED", "RJCT"),
    ]  # fmt: skip
    await payouts.list_batches(settings, asked())
    assert "open 1, paid 1, failed 2, returned 0" in capsys.readouterr().out


async def test_money_that_comes_back_later_is_told_with_what_went_before(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    await put(engine, order(1), order(2), order(3, echo={"refund_id": "r3"}))
    await payouts.export(settings, asked())
    a, b, c = (line.end_to_end_id for line in await lines(engine))
    file = tmp_path / "told.csv"
    await payouts.take_results(settings, asked(file=result(file, (a, "PAID"), (c, "PAID")), rail="ncb"))
    back = result(file, (a, "RETURNED"), (b, "RETURNED"), (c, "RETURNED"))
    assert await payouts.take_results(settings, asked(file=back, rail="ncb")) == 0
    assert await payouts.take_results(settings, asked(file=back, rail="ncb")) == 0
    told = await heard(engine)
    assert [(i, body["kind"]) for i, party, body in told if party == "payout:id1"] == [
        (f"{a}:PAID", "disbursed"), (f"{a}:RETURNED", "disburse_returned"),
    ]  # fmt: skip
    assert [body["kind"] for _, party, body in told if party == "payout:id2"] == ["disbursed", "disburse_returned"]
    assert [body["kind"] for _, party, body in told if party == "refund:r3"] == ["refunded", "refund_failed"]


async def test_a_payout_the_bank_refused_goes_out_again_under_its_key_and_a_new_id(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    await put(engine, order(1))
    await payouts.export(settings, asked())
    ((first),) = await lines(engine)
    file = result(tmp_path / "told.csv", (first.end_to_end_id, "FAILED"))
    await payouts.take_results(settings, asked(file=file, rail="ncb"))
    await put(engine, order(1, account="354209999"))
    await payouts.export(settings, asked())
    both = await lines(engine)
    assert [line.payout_id for line in both] == ["id1", "id1"]
    assert len({line.end_to_end_id for line in both}) == 2
    assert sorted(line.state for line in both) == ["FAILED", "WRITTEN"]


async def test_what_a_bank_says_of_unknown_or_against_its_word_is_reported_and_not_guessed(
    engine: Engine, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await put(engine, order(1), order(2), order(3, "lynk"))
    await payouts.export(settings, asked())
    a, b, other = (line.end_to_end_id for line in await lines(engine))
    file = tmp_path / "told.csv"
    await payouts.take_results(settings, asked(file=result(file, (a, "FAILED")), rail="ncb"))
    await heard(engine)
    capsys.readouterr()
    said = result(file, ("NOBODY", "PAID"), (other, "PAID"), (a, "PAID"), (b, "PERHAPS"))
    file.write_text(said.read_text())
    assert await payouts.take_results(settings, asked(file=file, rail="ncb")) == 1
    complaints = capsys.readouterr().err.splitlines()
    assert [line.split()[1].strip(":") for line in complaints] == ["NOBODY", other, a, b]
    file.write_text(f"Reference,Status,Amount\n{b},PAID,1.00\n")
    assert await payouts.take_results(settings, asked(file=file, rail="ncb")) == 1
    assert await heard(engine) == []
    assert [line.state for line in await lines(engine)] == ["FAILED", "WRITTEN", "WRITTEN"]


async def test_a_word_on_the_whole_batch_holds_for_each_payment_not_named_beside(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    await put(engine, order(1), order(2))
    await payouts.export(settings, asked())
    kept = await lines(engine)
    file = tmp_path / "told.xml"
    group = f"<OrgnlGrpInfAndSts><OrgnlMsgId>{kept[0].batch}</OrgnlMsgId><GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts>"
    one = f"<TxInfAndSts><OrgnlEndToEndId>{kept[0].end_to_end_id}</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>"
    start, end = "<Document><CstmrPmtStsRpt>", "</CstmrPmtStsRpt></Document>"
    file.write_text(f"{start}{group}<OrgnlPmtInfAndSts>{one}</OrgnlPmtInfAndSts>{end}")
    assert await payouts.take_results(settings, asked(file=file, rail="ncb")) == 1  # refused as a whole, paid in part
    assert [line.state for line in await lines(engine)] == ["PAID", "WRITTEN"]
    file.write_text(f"{start}{group.replace('RJCT', 'ACSC')}{end}")
    assert await payouts.take_results(settings, asked(file=file, rail="ncb")) == 0
    assert [line.state for line in await lines(engine)] == ["PAID", "PAID"]
    file.write_text(f"{start}{group.replace(kept[0].batch, 'OTHER')}{end}")
    assert await payouts.take_results(settings, asked(file=file, rail="ncb")) == 1


async def test_a_file_that_cannot_be_read_changes_nothing(
    engine: Engine, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "told.csv"
    file.write_text('Reference,Status\nP1,"PAID\n')
    assert await payouts.take_results(settings, asked(file=file, rail="ncb")) == 1
    assert await payouts.take_results(settings, asked(file=tmp_path / "none", rail="ncb")) == 1
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as out:
        out.truncate(100_000_000)
    assert await payouts.take_results(settings, asked(file=huge, rail="ncb")) == 1
    assert len(capsys.readouterr().err.splitlines()) == 3


async def test_what_waits_is_counted_by_carrier_and_currency(engine: Engine, settings: Settings) -> None:
    await put(engine, order(1), order(2), order(3, currency="USD"), order(4, "lynk"))
    later = TUESDAY + timedelta(hours=1)
    async with engine.connect() as conn:
        assert await payout_files.waiting(conn, VAULT) == [
            ("lynk", "JMD", 1, 100_004, TUESDAY),
            ("ncb", "JMD", 2, 200_003, TUESDAY),
            ("ncb", "USD", 1, 100_003, TUESDAY),
        ]
        assert [w.carrier for w in await payout_files.waiting(conn, VAULT, ("lynk",))] == ["lynk"]
    await payouts.export(settings, asked())
    await put(engine, Parcel(**{**_fields(order(9)), "not_before": later}))
    async with engine.connect() as conn:
        assert await payout_files.waiting(conn, VAULT) == [("ncb", "JMD", 1, 100_009, later)]


def _fields(parcel: Parcel) -> dict[str, Any]:
    return {name: getattr(parcel, name) for name in ("lane", "kind", "key", "body", "not_before")}


async def test_the_database_refuses_a_batch_that_does_not_add_up_and_a_payout_in_two(
    engine: Engine, settings: Settings
) -> None:
    await put(engine, order(1))
    await payouts.export(settings, asked())
    (kept,) = await lines(engine)
    async with engine.connect() as conn:
        batch, content = await payout_files.open_file(conn, VAULT, kept.batch) or pytest.fail("none")
    line = Line("NEW", "OTHER", 1, kept.outbox_id, "id1", None, 5)
    fields = {name: getattr(batch, name) for name in type(batch).__slots__}
    for total, state in ((6, "FAILED"), (5, "WRITTEN")):
        other = payout_files.Batch(**{**fields, "id": "OTHER", "file_name": "other", "total": total, "count": 1})
        async with engine.connect() as conn:
            await conn.execute(text("UPDATE payout_batch_line SET state = :s"), {"s": state})
            with pytest.raises(IntegrityError, match="add up" if state == "FAILED" else "payout_batch_line_once"):
                await _keep_at_once(conn, other, [line], content)
    for change in ("UPDATE payout_batch_line SET amount = 1", "DELETE FROM payout_batch_line"):
        async with engine.connect() as conn:
            with pytest.raises(IntegrityError):
                await conn.execute(text(change))


async def _keep_at_once(conn: Connection, batch: payout_files.Batch, kept: list[Line], content: bytes) -> None:
    await payout_files.keep(conn, VAULT, batch, kept, content)
    await conn.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
