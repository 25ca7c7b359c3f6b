"""Lines of statements are kept and filed once, and each goes to one payment beyond doubt or to staff."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.matching import Hint, StatementBalance, StatementLine, numbered
from domain.money import Currency
from storage import inbox, statements
from storage.engine import Connection, Engine, make_engine
from storage.statements import Import, Tally
from storage.vault import Vault, new_keys

NOW = datetime(2026, 12, 8, 20, tzinfo=UTC)
DAY = date(2026, 12, 7)
VAULT = Vault.from_keys(new_keys())
SOURCE = Import("ncb", b"f" * 32)
JMD, USD = Currency.JMD, Currency.USD
MARVA = StatementLine("404", DAY, None, 500000, JMD, "FT1", "", "BROWN, Marva", "hand", position=3)
PAYOUT, REFUND = "a" * 24, "b" * 24

PEOPLE = {"m": "Marva Brown", "d": "Devon Clarke", "t": "Martha Brown", "k": "Keisha Reid"}
CIRCLE = """
    INSERT INTO circle (code, name, banker_id, state, currency, throw, frequency, turns, first_due, order_by, made_at)
    VALUES ('ABC234', 'Hope', 'm', 'ACTIVE', 'JMD', 500000, 'weekly', 4, '2026-12-01', 'join order', now());
    INSERT INTO member VALUES ('ABC234', 'k', 2, 'IN', '', now());
    INSERT INTO hand VALUES ('ABC234', 1, 'k', 1);
    INSERT INTO round VALUES ('ABC234', 1, '2026-12-01', '2026-12-04', '2026-12-05', 'PAYING');
    INSERT INTO draw (circle, round, hand, person_id, state, gross, fee, offset_throw, offset_arrears, net)
    VALUES ('ABC234', 1, 1, 'k', 'PAYING', 2000000, 0, 0, 0, 2000000);
"""
FILE = """
    INSERT INTO outbox (key, lane, kind, body, queued_at, not_before)
    VALUES ('payout:c', 'ncb:payout:c', 'disburse', '', now(), now());
    INSERT INTO payout_batch (id, carrier, currency, method, format, execution_date, count, total, file_name, sha256,
        sealed, made_at, made_by)
    VALUES ('NCB-1', 'ncb', 'JMD', 'RTGS', 'csv', '2026-12-07', 1, 2000000, 'f', sha256(''), '', now(), 'm');
    INSERT INTO payout_batch_line (end_to_end_id, batch, position, outbox_id, payout_id, amount, changed_at)
    SELECT 'P7K2MABCDEFGHJKM', 'NCB-1', 1, id, :payout, 2000000, now() FROM outbox
"""


async def sql(conn: Connection, script: str, **values: Any) -> Any:
    found = None
    for statement in script.split(";"):
        if statement.strip():
            found = await conn.execute(text(statement), values)
    return found


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    engine = make_engine(database_url)
    async with engine.begin() as conn:
        for person_id, name in PEOPLE.items():
            await sql(conn, "INSERT INTO person VALUES (:id, :name, 'en', now())", id=person_id, name=name)
        await sql(conn, CIRCLE)
    yield engine
    await engine.dispose()


async def waits(engine: Engine, receipt: str, person: str, amount: int = 500000, **more: Any) -> None:
    values = {"carrier": "ncb", "state": "PENDING", "began": datetime(2026, 12, 7, 15, tzinfo=UTC), "currency": "JMD"}
    values |= {"receipt": receipt, "person": person, "amount": amount, "giver": person} | more
    async with engine.begin() as conn:
        await sql(
            conn,
            "INSERT INTO payment (receipt, circle, person_id, amount, currency, rail, state, recorded_by, began_at,"
            " carrier, pay_amount, pay_currency) VALUES (:receipt, 'ABC234', :person, :amount, 'JMD', 'NCB', :state,"
            " :giver, :began, :carrier, :amount, :currency)",
            **values,
        )


async def pays_out(engine: Engine, payout_id: str = PAYOUT, ref: str = "P-7K2M", amount: int = 2000000) -> None:
    async with engine.begin() as conn:
        await sql(
            conn,
            "INSERT INTO payout (id, ref, circle, round, hand, kind, person_id, cash, rail_amount, carrier,"
            " via_banker, label, state, started_by, asked_at) VALUES (:id, :ref, 'ABC234', 1, 1, 'draw', 'k', 0,"
            " :amount, 'ncb', false, '', 'SENT', 'm', now())",
            id=payout_id,
            ref=ref,
            amount=amount,
        )


async def gives_back(engine: Engine) -> None:
    async with engine.begin() as conn:
        await sql(
            conn,
            "INSERT INTO refund (id, receipt, circle, person_id, amount, currency, carrier, pay_amount, pay_currency,"
            " state, started_by, began_at) VALUES (:id, 'R-7K2MQ9XA', 'ABC234', 'm', 1000, 'JMD', 'ncb', 1000, 'JMD',"
            " 'PENDING', 'm', now())",
            id=REFUND,
        )


async def take(engine: Engine, *lines: StatementLine, source: Import = SOURCE) -> Tally:
    async with engine.begin() as conn:
        return await statements.take(conn, VAULT, source, list(numbered(source.carrier, lines)), NOW)


async def kept(engine: Engine) -> list[Any]:
    async with engine.connect() as conn:
        return list(await conn.execute(text("SELECT * FROM statement_line ORDER BY position, id")))


async def filed(engine: Engine) -> list[inbox.Arrival]:
    async with engine.connect() as conn:
        return await inbox.claim(conn, VAULT, 100)


async def found(engine: Engine, line: StatementLine) -> tuple[str, str, str, list[str]]:
    """Take one line, and say its state, how, its party's kind and the suggestions."""
    await take(engine, line)
    (row,) = await kept(engine)
    (arrival,) = await filed(engine)
    assert (arrival.source, arrival.external_id, arrival.kind) == ("statement", row.id, "event")
    assert (arrival.body["kind"], arrival.body["line_id"], arrival.body["amount"]) == ("line", row.id, line.amount)
    assert (arrival.body["receipt"] or None) == row.receipt
    assert (arrival.body["payout_id"] or None) == row.payout_id
    assert (arrival.body["refund_id"] or None) == row.refund_id
    assert arrival.body["suggestions"] == row.suggestions.split()
    party = arrival.party if not arrival.party.startswith("line:") else "line"
    return row.state, row.how, party, arrival.body["suggestions"]


async def test_a_reference_of_ours_finds_its_payment_in_any_state_and_for_any_amount(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "d", 900000, state="SETTLED", carrier="lynk")
    line = replace(MARVA, narrative="trf r 7k2m q9xa")
    assert await found(engine, line) == ("MATCHED", "reference", "payment:R-7K2MQ9XA", [])


async def test_a_reference_that_was_misread_counts_when_one_alone_fits(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "d")
    assert await found(engine, replace(MARVA, narrative="R-7K2M09XA")) == (
        "MATCHED", "reference", "payment:R-7K2MQ9XA", [],
    )  # fmt: skip


async def test_a_misread_reference_that_fits_two_is_for_staff(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "d")
    await waits(engine, "R-7K2MD9XA", "m")
    state, _, party, suggestions = await found(engine, replace(MARVA, narrative="R-7K2M09XA"))
    assert (state, party, set(suggestions)) == ("SUSPENSE", "line", {"R-7K2MQ9XA", "R-7K2MD9XA"})


async def test_two_references_in_one_line_are_for_staff_whatever_the_name_says(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    await waits(engine, "R-22223333", "d")
    state, how, party, suggestions = await found(engine, replace(MARVA, narrative="R-7K2MQ9XA R-22223333"))
    assert (state, how, party, suggestions) == ("SUSPENSE", "", "line", ["R-7K2MQ9XA", "R-22223333"])


async def test_the_same_name_amount_and_day_find_a_payment_without_its_reference(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    await waits(engine, "R-22223333", "k")
    await waits(engine, "R-44445555", "m", 600000)
    assert await found(engine, MARVA) == ("MATCHED", "likeness", "payment:R-7K2MQ9XA", [])


async def test_a_name_written_out_in_the_narrative_finds_it_too(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    line = replace(MARVA, name="", narrative="TFR FROM MARVA BROWN NCB ONLINE")
    assert await found(engine, line) == ("MATCHED", "likeness", "payment:R-7K2MQ9XA", [])


async def test_who_pays_for_somebody_else_is_found_by_their_own_name(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "k", giver="m")
    assert await found(engine, MARVA) == ("MATCHED", "likeness", "payment:R-7K2MQ9XA", [])


@pytest.mark.parametrize(
    ("person", "more"),
    [
        ("t", {}),  # Martha is not Marva
        ("d", {}),
        ("m", {"carrier": "scotia"}),
        ("m", {"state": "SETTLED"}),
        ("m", {"amount": 500100}),
        ("m", {"currency": "USD"}),
        ("m", {"began": datetime(2026, 11, 20, tzinfo=UTC)}),
    ],
)
async def test_what_is_only_something_like_it_is_for_staff(engine: Engine, person: str, more: dict[str, Any]) -> None:
    await waits(engine, "R-7K2MQ9XA", person, **more)
    state, how, party, suggestions = await found(engine, MARVA)
    assert (state, how, party) == ("SUSPENSE", "", "line")
    assert suggestions == (["R-7K2MQ9XA"] if person == "t" else [])


async def test_between_two_payments_of_one_person_nobody_guesses(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    await waits(engine, "R-22223333", "m")
    state, _, _, suggestions = await found(engine, MARVA)
    assert (state, set(suggestions)) == ("SUSPENSE", {"R-7K2MQ9XA", "R-22223333"})


async def test_of_two_identical_deposits_one_is_the_payment_and_the_other_is_for_staff(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    assert await take(engine, MARVA, MARVA) == Tally(by_likeness=1, to_look_at=1)
    later = replace(MARVA, narrative="again")
    assert await take(engine, later) == Tally(to_look_at=1)


async def test_two_people_of_like_names_do_not_race_for_one_payment(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    assert await take(engine, MARVA, replace(MARVA, name="Marva Browne")) == Tally(to_look_at=2)


async def test_what_another_line_names_is_not_given_away_by_likeness(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    named = replace(MARVA, name="Devon", narrative="R-7K2MQ9XA")
    assert await take(engine, MARVA, named) == Tally(by_reference=1, to_look_at=1)
    await waits(engine, "R-22223333", "d")
    far = replace(SOURCE, spoken_for=frozenset({"R-22223333"}))
    assert await take(engine, replace(MARVA, name="Devon Clarke"), source=far) == Tally(to_look_at=1)


async def test_a_payout_is_found_by_its_reference_and_amount_or_by_its_id(engine: Engine) -> None:
    await pays_out(engine)
    out = replace(MARVA, amount=-2000000, name="", narrative="PAYOUT P 7K2M")
    assert await found(engine, out) == ("MATCHED", "reference", f"payout:{PAYOUT}", [])
    by_id = replace(MARVA, amount=-1999000, end_to_end=f"payout:{PAYOUT}:2")
    assert await take(engine, by_id) == Tally(by_reference=1)
    assert await take(engine, replace(out, amount=-1999000)) == Tally(to_look_at=1)


async def test_an_id_of_another_carrier_or_currency_is_none(engine: Engine) -> None:
    await pays_out(engine)
    await waits(engine, "R-7K2MQ9XA", "m", state="SETTLED")
    await gives_back(engine)
    for ident, amount in ((PAYOUT, -2000000), (REFUND, -1000)):
        line = replace(MARVA, amount=amount, end_to_end=ident)
        assert await take(engine, line, source=Import("lynk", b"l" * 32)) == Tally(to_look_at=1)
        assert await take(engine, replace(line, currency=USD)) == Tally(to_look_at=1)
        assert await take(engine, line) == Tally(by_reference=1)
    elsewhere = replace(MARVA, amount=-1000, narrative="refund R-7K2MQ9XA")
    assert await take(engine, elsewhere, source=Import("lynk", b"l" * 32)) == Tally(to_look_at=1)


async def test_lines_that_name_all_tries_alike_are_about_one_after_the_other(engine: Engine) -> None:
    """Out and back, and out again: a statement shows the tries in their order."""
    second = "c" * 24
    await pays_out(engine)
    async with engine.begin() as conn:
        await sql(conn, "UPDATE payout SET state = 'RETURNED'")
    await pays_out(engine, second)
    async with engine.begin() as conn:
        await sql(conn, "UPDATE payout SET tries = 2 WHERE id = :id", id=second)
    out = replace(MARVA, amount=-2000000, name="", narrative="P-7K2M")
    await take(engine, replace(out, position=1), replace(out, amount=2000000, position=2))
    await take(engine, replace(out, booked=DAY + timedelta(days=1), position=3))
    assert [row.payout_id for row in await kept(engine)] == [PAYOUT, PAYOUT, second]


async def test_what_our_file_called_a_payment_names_its_try(engine: Engine) -> None:
    second = "c" * 24
    await pays_out(engine)
    async with engine.begin() as conn:
        await sql(conn, "UPDATE payout SET state = 'RETURNED'")
    await pays_out(engine, second)
    async with engine.begin() as conn:
        await sql(conn, FILE, payout=second)
    out = replace(MARVA, amount=-2000000, name="", end_to_end="P7K2MABCDEFGHJKM", narrative="P-7K2M")
    await take(engine, out)
    (row,) = await kept(engine)
    assert (row.state, row.how, row.payout_id) == ("MATCHED", "reference", second)
    (first,) = await filed(engine)  # the line waits behind what it tells of the payment in the file
    assert (first.source, first.party, first.body["payout_id"]) == ("payouts", f"payout:{second}", second)


async def test_a_payout_that_came_back_is_the_payouts_again(engine: Engine) -> None:
    await pays_out(engine)
    back = replace(MARVA, amount=2000000, narrative="P-7K2M account closed", hint=Hint.RETURNED)
    assert await found(engine, back) == ("MATCHED", "reference", f"payout:{PAYOUT}", [])


async def test_a_refund_is_found_by_its_id_or_by_the_receipt_and_amount(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m", state="SETTLED")
    await gives_back(engine)
    assert await take(engine, replace(MARVA, amount=-1000, end_to_end=REFUND)) == Tally(by_reference=1)
    assert await take(engine, replace(MARVA, amount=-1000, narrative="refund R-7K2MQ9XA")) == Tally(by_reference=1)
    assert await take(engine, replace(MARVA, amount=-2000, narrative="refund R-7K2MQ9XA")) == Tally(to_look_at=1)
    assert {row.refund_id for row in await kept(engine)} == {REFUND, None}


async def test_the_banks_own_lines_are_left_as_its_own(engine: Engine) -> None:
    charge = replace(MARVA, amount=-15050, hint=Hint.CHARGE, name="")
    assert await found(engine, charge) == ("NEW", "", "line", [])
    assert await take(engine, replace(charge, amount=25, hint=Hint.INTEREST)) == Tally(of_the_bank=1)


async def test_the_same_and_an_overlapping_file_file_nothing_twice(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    other = replace(MARVA, booked=DAY + timedelta(days=1), narrative="another day")
    assert (await take(engine, MARVA, MARVA)).new == 2
    assert await take(engine, MARVA, MARVA) == Tally(known=2)
    assert await take(engine, MARVA, MARVA, other) == Tally(known=2, to_look_at=1)
    assert len(await kept(engine)) == len(await filed(engine)) == 3


async def test_two_imports_at_once_file_each_line_once(engine: Engine) -> None:
    await waits(engine, "R-7K2MQ9XA", "m")
    tallies = await asyncio.gather(*(take(engine, MARVA, MARVA) for _ in range(4)))
    assert sum(tally.new for tally in tallies) == 2
    assert len(await filed(engine)) == 2


async def test_an_import_cut_off_between_chunks_is_completed_by_running_it_again(engine: Engine) -> None:
    lines = [replace(MARVA, narrative=str(n), position=n) for n in range(6)]
    whole = list(numbered("ncb", lines))
    async with engine.connect() as conn:  # killed before it could commit
        await statements.take(conn, VAULT, SOURCE, whole[3:], NOW)
    async with engine.begin() as conn:
        await statements.take(conn, VAULT, SOURCE, whole[:3], NOW)
    assert await take(engine, *lines) == Tally(known=3, to_look_at=3)
    assert len(await filed(engine)) == 6


async def test_what_was_written_is_sealed_and_opens_for_staff(engine: Engine) -> None:
    await take(engine, replace(MARVA, account="ACC-404", narrative="for Ms Ivy"))
    async with engine.connect() as conn:
        rows = (await conn.execute(text("SELECT CAST(statement_line AS text) FROM statement_line"))).scalars().all()
        (line,) = await statements.opened(conn, VAULT, [row.id for row in await kept(engine)])
    assert not any(word in rows[0] for word in ("Marva", "Ivy", "ACC-404"))
    assert line.told == {
        "account": "ACC-404", "bank_ref": "FT1", "end_to_end": "", "name": "BROWN, Marva", "narrative": "for Ms Ivy",
    }  # fmt: skip


async def test_what_a_line_turned_out_to_be_is_noted(engine: Engine) -> None:
    await take(engine, MARVA)
    (row,) = await kept(engine)
    async with engine.begin() as conn:
        await statements.settle(conn, {row.id: ("SUSPENSE", "K-7K2M")})
        await statements.settle(conn, {row.id: ("MATCHED", "R-7K2MQ9XA"), "0" * 64: ("MATCHED", "")})
    (row,) = await kept(engine)
    assert (row.state, row.outcome, row.how) == ("MATCHED", "R-7K2MQ9XA", "staff")


async def test_balances_stand_beside_what_the_lines_come_to(engine: Engine) -> None:
    next_day = DAY + timedelta(days=1)
    told = [StatementBalance("404", JMD, DAY, 700000), StatementBalance("405", JMD, DAY, 1000)]
    await take(engine, MARVA, replace(MARVA, booked=next_day, amount=-100000))
    async with engine.begin() as conn:
        await statements.note_balances(conn, "ncb", told)
        await statements.note_balances(conn, "ncb", [*told, StatementBalance("404", JMD, next_day, 600000)])
        rows = (await conn.execute(text("SELECT * FROM statement_balance ORDER BY as_of"))).all()
        assert await statements.in_books(conn, "ncb", JMD) == 0
    assert [tuple(row) for row in rows] == [
        ("ncb", "JMD", DAY, 701000, 500000),
        ("ncb", "JMD", next_day, 600000, 400000),
    ]
