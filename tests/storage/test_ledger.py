"""The ledger in PostgreSQL: what is written, what is refused, who waits for whom, how faults are found."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.ledger import (
    Account,
    Side,
    Transaction,
    Transfer,
    cash,
    credit,
    effect,
    fee,
    payable,
    pot,
    rail,
    reversal,
)
from domain.money import Currency
from storage import ledger
from storage.engine import make_engine
from storage.ledger import (
    AccountDiffers,
    AlreadyReversed,
    BelowFloor,
    KeyReused,
    LedgerError,
    Line,
    NotReversible,
    Totals,
    Unbalanced,
    lock_and_read,
    open_balances,
    post,
    settle_constraints,
    statement,
    totals,
    verify,
)

AT = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
BANK = rail("sandbox", Currency.JMD)
CIRCLE = "PLUM22"


def moved(key: str, *transfers: tuple[Account, Account, int], currency: Currency = Currency.JMD) -> Transaction:
    """A transaction of the circle from (debit, credit, amount) tuples."""
    return Transaction(key, "throw", currency, tuple(Transfer(*transfer) for transfer in transfers), CIRCLE)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database_url)
    yield made
    await made.dispose()


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose transaction ends with the test."""
    async with engine.connect() as connection:
        yield connection


async def refused(conn: AsyncConnection, kind: type[LedgerError], *transactions: Transaction) -> LedgerError:
    """Post and settle in a savepoint that has to fail; the books stay as they were."""

    async def attempt() -> None:
        async with conn.begin_nested():
            await post(conn, transactions, AT)
            await settle_constraints(conn)

    with pytest.raises(LedgerError) as caught:
        await attempt()
    assert type(caught.value) is kind
    return caught.value


# -- worked postings ----------------------------------------------------------------------------------------


async def test_a_round_from_the_first_throw_to_the_draw_ends_at_zero(conn: AsyncConnection) -> None:
    ann, bob, first, due = credit(CIRCLE, "ann"), credit(CIRCLE, "bob"), pot(CIRCLE, 1), payable(CIRCLE, 1)
    await post(conn, [moved("ann throws", (BANK, ann, 5000)), moved("ann's due", (ann, first, 5000))], AT)
    await post(conn, [moved("bob throws", (cash(CIRCLE), bob, 5000), (bob, first, 5000))], AT)
    assert await open_balances(conn, CIRCLE) == {
        f"circle:{CIRCLE}:cash": 5000,
        f"circle:{CIRCLE}:pot:1": 10000,
    }
    await post(conn, [moved("draw", (first, fee(CIRCLE), 500), (first, due, 9500))], AT)
    assert await totals(conn) == [Totals(Currency.JMD, 10000, 10000)]
    paid = [
        moved("paid", (due, cash(CIRCLE), 5000), (due, BANK, 4500)),
        moved("fee", (fee(CIRCLE), BANK, 500)),
    ]
    await post(conn, paid, AT)
    await settle_constraints(conn)
    assert await open_balances(conn, CIRCLE) == {}
    report = await verify(conn)
    assert (report.accounts, report.transactions, report.postings, report.faults) == (7, 6, 18, ())


async def test_a_statement_shows_transfers_in_the_order_they_were_written(conn: AsyncConnection) -> None:
    ann, first = credit(CIRCLE, "ann"), pot(CIRCLE, 1)
    await post(conn, [moved("z", (BANK, ann, 70), (ann, first, 30)), moved("a", (ann, first, 40))], AT)
    await post(conn, [moved("m", (BANK, ann, 1))], AT - timedelta(days=1))

    def line(key: str, debit: Account, credited: Account, amount: int) -> Line:
        return Line(AT, key, "throw", debit.name, credited.name, amount, Currency.JMD)

    assert await statement(conn, CIRCLE) == [
        line("z", BANK, ann, 70),
        line("z", ann, first, 30),
        line("a", ann, first, 40),
        replace(line("m", BANK, ann, 1), at=AT - timedelta(days=1)),
    ]
    assert await statement(conn, "OTHER2") == []


async def test_each_posting_keeps_the_balance_it_led_to(conn: AsyncConnection) -> None:
    ann = credit(CIRCLE, "ann")
    await post(conn, [moved("1", (BANK, ann, 70)), moved("2", (ann, BANK, 30), (BANK, ann, 5))], AT)
    kept = """
        SELECT a.name, p.version, p.balance FROM ledger_posting p JOIN ledger_account a ON a.id = p.account
        ORDER BY a.name, p.version
    """
    found = await conn.execute(text(kept))
    assert [tuple(row) for row in found] == [
        (name, version, balance) for name in (ann.name, BANK.name) for version, balance in ((1, 70), (2, 40), (3, 45))
    ]


async def test_a_transaction_is_read_back_as_it_was_given(conn: AsyncConnection) -> None:
    ann = credit(CIRCLE, "ann")
    given_ = moved("k", (BANK, ann, 70), (ann, pot(CIRCLE, 1), 30))
    await post(conn, [given_, replace(given_, key="no circle", circle=None)], AT)
    await post(conn, [reversal(given_, "back")], AT)
    assert await ledger.transaction(conn, "k") == given_
    assert await ledger.transaction(conn, "no circle") == replace(given_, key="no circle", circle=None)
    assert await ledger.transaction(conn, "back") == reversal(given_, "back")
    assert await ledger.transaction(conn, "never") is None


async def test_nothing_to_write_is_nothing_written(conn: AsyncConnection) -> None:
    await post(conn, [], AT)
    assert await verify(conn) == ledger.Report(0, 0, 0, ())
    assert await totals(conn) == []


# -- what is refused ----------------------------------------------------------------------------------------


async def test_the_same_transaction_again_changes_nothing(conn: AsyncConnection) -> None:
    thrown = moved("k", (BANK, credit(CIRCLE, "ann"), 70))
    await post(conn, [thrown], AT)
    await post(conn, [thrown, thrown, moved("l", (BANK, credit(CIRCLE, "ann"), 1))], AT + timedelta(days=900))
    await settle_constraints(conn)
    assert await open_balances(conn, CIRCLE) == {f"circle:{CIRCLE}:credit:ann": 71}
    assert [line.at for line in await statement(conn, CIRCLE)] == [AT, AT + timedelta(days=900)]


async def test_each_transaction_of_a_call_may_have_its_own_time(conn: AsyncConnection) -> None:
    """And the same again at another time is the same."""
    early, late = (moved(key, (BANK, credit(CIRCLE, "ann"), 5)) for key in ("early", "late"))
    await ledger.post_each(conn, [(AT, early), (AT + timedelta(hours=1), late)])
    await ledger.post_each(conn, [(AT + timedelta(days=1), early)])
    assert [(line.key, line.at) for line in await statement(conn, CIRCLE)] == [
        ("early", AT),
        ("late", AT + timedelta(hours=1)),
    ]


async def test_the_database_says_which_transactions_were_there_already(conn: AsyncConnection) -> None:
    def entries(*keys: str) -> str:
        transfers = [{"debit": "a", "credit": "b", "amount": 1}]
        return json.dumps([{"key": key, "kind": "x", "currency": "JMD", "transfers": transfers} for key in keys])

    accounts = [{"name": name, "side": side, "currency": "JMD"} for name, side in (("a", "asset"), ("b", "liability"))]
    call = text("SELECT * FROM ledger_post(CAST(:e AS jsonb), CAST(:a AS jsonb), now())").bindparams(
        a=json.dumps(accounts)
    )
    first = await conn.execute(call, {"e": entries("k", "b")})
    assert [tuple(row) for row in first] == [("k", "posted"), ("b", "posted")]
    second = await conn.execute(call, {"e": entries("c", "k")})
    assert [tuple(row) for row in second] == [("c", "posted"), ("k", "exists")]


@pytest.mark.parametrize(
    "other",
    [
        moved("k", (BANK, credit(CIRCLE, "ann"), 71)),
        moved("k", (BANK, credit(CIRCLE, "bob"), 70)),
        replace(moved("k", (BANK, credit(CIRCLE, "ann"), 70)), kind="gift"),
        replace(moved("k", (BANK, credit(CIRCLE, "ann"), 70)), circle=None),
        moved("k", (BANK, credit(CIRCLE, "ann"), 35), (BANK, credit(CIRCLE, "ann"), 35)),
    ],
)
async def test_a_key_used_again_for_something_else_is_caught(conn: AsyncConnection, other: Transaction) -> None:
    await post(conn, [moved("k", (BANK, credit(CIRCLE, "ann"), 70))], AT)
    assert (await refused(conn, KeyReused, moved("l", (BANK, credit(CIRCLE, "ann"), 1)), other)).subject == "k"
    assert (await refused(conn, KeyReused, replace(other, key="n"), replace(other, key="n", kind="z"))).subject == "n"
    assert await open_balances(conn, CIRCLE) == {f"circle:{CIRCLE}:credit:ann": 70}


async def test_an_account_below_its_floor_takes_the_whole_call_with_it(conn: AsyncConnection) -> None:
    ann = credit(CIRCLE, "ann")
    await post(conn, [moved("k", (BANK, ann, 70))], AT)
    fault = await refused(conn, BelowFloor, moved("l", (BANK, ann, 5)), moved("m", (ann, pot(CIRCLE, 1), 76)))
    assert (fault.subject, str(fault)) == (
        ann.name,
        f"account {ann.name} would fall to -1, below its floor of 0",
    )
    assert await open_balances(conn, CIRCLE) == {ann.name: 70}
    await refused(conn, BelowFloor, moved("l", (pot(CIRCLE, 1), ann, 1), (BANK, pot(CIRCLE, 1), 1)))
    await post(conn, [moved("l", (ann, pot(CIRCLE, 1), 70))], AT)
    assert await open_balances(conn, CIRCLE) == {f"circle:{CIRCLE}:pot:1": 70}


@pytest.mark.parametrize(
    "other",
    [
        moved("l", (BANK, Account("shared", Side.ASSET, CIRCLE), 1)),
        moved("l", (BANK, Account("shared", Side.LIABILITY, "OTHER2"), 1)),
        moved(
            "l",
            (rail("ncb", Currency.USD), Account("shared", Side.LIABILITY, CIRCLE), 1),
            currency=Currency.USD,
        ),
    ],
)
async def test_an_account_stays_what_it_was_opened_as(conn: AsyncConnection, other: Transaction) -> None:
    await post(conn, [moved("k", (BANK, Account("shared", Side.LIABILITY, CIRCLE), 9))], AT)
    assert (await refused(conn, AccountDiffers, other)).subject == "shared"
    with pytest.raises(AccountDiffers):
        await post(
            conn,
            [moved("k", (BANK, Account("new", Side.ASSET), 9), (BANK, Account("new", Side.LIABILITY), 9))],
            AT,
        )


async def test_a_transaction_without_transfers_is_refused(conn: AsyncConnection) -> None:
    assert (await refused(conn, Unbalanced, moved("empty"))).subject == "empty"


async def test_the_commit_checks_what_was_not_settled(engine: AsyncEngine) -> None:
    with pytest.raises(Exception, match="transaction empty does not balance"):
        async with engine.begin() as conn:
            await post(conn, [moved("empty")], AT)


async def test_a_transaction_is_taken_back_once_and_its_reversal_never(conn: AsyncConnection) -> None:
    thrown = moved("k", (BANK, credit(CIRCLE, "ann"), 70), (credit(CIRCLE, "ann"), pot(CIRCLE, 1), 70))
    await post(conn, [thrown], AT)
    back = reversal(thrown, "back")
    short = replace(back, key="short", transfers=back.transfers[:1])
    assert (await refused(conn, NotReversible, short)).subject == "short"
    for _ in range(2):
        await post(conn, [back], AT)
        await settle_constraints(conn)
    assert await open_balances(conn, CIRCLE) == {}
    await post(
        conn,
        [moved("more", (BANK, credit(CIRCLE, "ann"), 70), (credit(CIRCLE, "ann"), pot(CIRCLE, 1), 70))],
        AT,
    )
    await refused(conn, AlreadyReversed, reversal(thrown, "again"))
    assert (await refused(conn, NotReversible, reversal(back, "back and forth"))).subject == "back and forth"
    assert (await refused(conn, NotReversible, reversal(replace(thrown, key="none"), "lost"))).subject == "lost"
    assert (await verify(conn)).faults == ()


async def test_a_sum_beyond_what_the_database_counts_is_refused(conn: AsyncConnection) -> None:
    huge = moved("k", (BANK, credit(CIRCLE, "ann"), 2**63 - 1))
    await post(conn, [huge], AT)
    with pytest.raises(Exception, match="out of range"):
        async with conn.begin_nested():
            await post(conn, [moved("l", (BANK, credit(CIRCLE, "ann"), 1))], AT)
    assert (await verify(conn)).faults == ()


# -- the whole against a model ------------------------------------------------------------------------------

CHART = (BANK, cash(CIRCLE), credit(CIRCLE, "ann"), credit(CIRCLE, "bob"), pot(CIRCLE, 1))
drawn_transfers = (
    st.tuples(st.sampled_from(CHART), st.sampled_from(CHART), st.integers(1, 100))
    .filter(lambda drawn: drawn[0] != drawn[1])
    .map(lambda drawn: Transfer(*drawn))
)
drawn_transactions = st.builds(
    lambda key, transfers: Transaction(key, "throw", Currency.JMD, tuple(transfers), CIRCLE),
    st.sampled_from("abcdefghij"),
    st.lists(drawn_transfers, min_size=1, max_size=3),
)
batches = st.lists(drawn_transactions, min_size=1, max_size=4)
takebacks = st.tuples(st.sampled_from("abcdefghijXYZ"), st.sampled_from("XYZ"))


class Model:
    """The ledger in a dictionary, written to be plainly right."""

    def __init__(self) -> None:
        self.balances: Counter[str] = Counter()
        self.written: dict[str, Transaction] = {}

    def post(self, transactions: list[Transaction]) -> type[LedgerError] | None:
        written, balances = dict(self.written), Counter(self.balances)
        fresh = []
        for transaction in transactions:
            if transaction.key not in written:
                if transaction.reverses in {old.reverses for old in written.values() if old.reverses}:
                    return AlreadyReversed
                fresh.append(transaction)
            elif written[transaction.key] != transaction:
                return KeyReused
            written[transaction.key] = transaction
        for transfer in (transfer for transaction in fresh for transfer in transaction.transfers):
            for account in (transfer.debit, transfer.credit):
                balances[account.name] += effect(account, transfer)
                if balances[account.name] < 0:
                    return BelowFloor
        if any(t.reverses and written[t.reverses].reverses for t in fresh):
            return NotReversible
        self.written, self.balances = written, balances
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(batches | takebacks, max_size=8))
async def test_the_ledger_does_what_a_dictionary_would(
    engine: AsyncEngine, steps: list[list[Transaction] | tuple[str, str]]
) -> None:
    model = Model()
    async with engine.connect() as conn:
        for step in steps:
            if isinstance(step, tuple):
                original = await ledger.transaction(conn, step[0])
                assert original == model.written.get(step[0])
                transactions = [reversal(original, step[1])] if original else []
            else:
                transactions = step
            if expected := model.post(transactions):
                await refused(conn, expected, *transactions)
            else:
                await post(conn, transactions, AT)
            await settle_constraints(conn)
            balances = await lock_and_read(conn, [CIRCLE], [BANK.name])
            assert {name: held for name, held in balances.items() if held} == +model.balances
        assert (await verify(conn)).faults == ()


# -- many at once -------------------------------------------------------------------------------------------


async def test_sessions_that_use_the_same_accounts_in_any_order_neither_lose_nor_block(
    engine: AsyncEngine,
) -> None:
    hands = [credit(CIRCLE, str(number)) for number in range(6)]
    async with engine.begin() as conn:
        await post(conn, [moved(hand.name, (BANK, hand, 10**6)) for hand in hands], AT)

    async def session(number: int) -> Counter[str]:
        random, effects = Random(number), Counter[str]()  # noqa: S311 - drawn again alike
        for turn in range(25):
            transactions = []
            for place in range(random.randint(1, 4)):
                debit, credited = random.sample(hands, 2)
                transactions.append(moved(f"{number}-{turn}-{place}", (debit, credited, random.randint(1, 99))))
            async with engine.begin() as conn:
                await post(conn, transactions, AT)
            for transfer in (transfer for made in transactions for transfer in made.transfers):
                effects[transfer.debit.name] -= transfer.amount
                effects[transfer.credit.name] += transfer.amount
        return effects

    expected = Counter({hand.name: 10**6 for hand in hands})
    for effects in await asyncio.gather(*(session(number) for number in range(8))):
        expected.update(effects)
    async with engine.connect() as conn:
        assert await open_balances(conn, CIRCLE) == dict(expected)
        assert (await verify(conn)).faults == ()


async def test_a_key_raced_for_is_written_once(engine: AsyncEngine) -> None:
    thrown = moved("k", (BANK, credit(CIRCLE, "ann"), 70))

    async def session() -> None:
        async with engine.begin() as conn:
            await post(conn, [thrown], AT)

    await asyncio.gather(*(session() for _ in range(8)))
    async with engine.connect() as conn:
        assert await open_balances(conn, CIRCLE) == {f"circle:{CIRCLE}:credit:ann": 70}


async def test_keys_stolen_from_each_other_in_opposite_orders_do_not_deadlock(engine: AsyncEngine) -> None:
    async def session(hand: Account, bank: Account, *keys: str) -> bool:
        try:
            async with engine.begin() as conn:
                await post(conn, [moved(key, (bank, hand, 1)) for key in keys], AT)
        except KeyReused:
            return False
        return True

    banks = rail("ncb", Currency.JMD), rail("scotia", Currency.JMD)
    for attempt in range(30):
        keys = [f"{attempt}-{number}" for number in range(20)]
        won = await asyncio.gather(
            session(credit("A", "ann"), banks[0], *keys),
            session(credit("B", "bob"), banks[1], *reversed(keys)),
        )
        assert sorted(won) == [False, True]


async def test_what_is_decided_on_a_balance_read_under_its_lock_holds(engine: AsyncEngine) -> None:
    ann = credit(CIRCLE, "ann")
    async with engine.begin() as conn:
        await post(conn, [moved("k", (BANK, ann, 10))], AT)

    async def spend(key: str) -> bool:
        async with engine.begin() as conn:
            balances = await lock_and_read(conn, [CIRCLE], [BANK.name])
            if balances[ann.name] < 4:
                return False
            await post(conn, [moved(key, (ann, BANK, 4))], AT)
            return True

    spent = await asyncio.gather(*(spend(str(number)) for number in range(8)))
    assert sorted(spent) == [False] * 6 + [True] * 2


# -- finding faults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        (
            "UPDATE ledger_account SET balance = 69 WHERE name = 'rail:sandbox:JMD'",
            "account rail:sandbox:JMD: balance 69",
        ),
        ("UPDATE ledger_account SET version = 3 WHERE name = 'rail:sandbox:JMD'", "at version 3 over floor 0"),
        ("UPDATE ledger_account SET floor = 71 WHERE name = 'rail:sandbox:JMD'", "over floor 71"),
        (
            "UPDATE ledger_posting SET amount = 71 WHERE transaction = 1 AND line = 1",
            "transaction k: 2 postings, sum 6",
        ),
        (
            "UPDATE ledger_posting SET balance = 71 WHERE transaction = 1",
            "version 1: balance 71, expected version 1 with",
        ),
        (
            "UPDATE ledger_posting SET version = 9 WHERE transaction = 2",
            "version 9: balance 70, expected version 2 with",
        ),
        ("DELETE FROM ledger_posting WHERE transaction = 1", "transaction k: 0 postings"),
        ("DELETE FROM ledger_posting WHERE transaction = 2 AND line = 2", "transaction l: 1 postings, sum 5"),
        (
            "DELETE FROM ledger_transaction WHERE key = 'k'",
            "transaction number 1, which is not there: 2 postings",
        ),
        ("DELETE FROM ledger_account WHERE name = 'rail:sandbox:JMD'", "of them 1 without an account"),
        (
            "UPDATE ledger_posting SET currency = 'USD' WHERE transaction = 1",
            "transaction k: 2 postings, sum 0, of them 2",
        ),
        ("UPDATE ledger_account SET side = 'asset'", "JMD: assets"),
    ],
)
async def test_the_first_line_bent_past_all_guards_is_named(conn: AsyncConnection, tampering: str, named: str) -> None:
    ann = credit(CIRCLE, "ann")
    await post(conn, [moved("k", (BANK, ann, 65)), moved("l", (BANK, ann, 5))], AT)
    await settle_constraints(conn)
    assert (await verify(conn)).faults == ()
    for table in ("ledger_posting", "ledger_transaction", "ledger_account"):
        await conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    for table, kind in (("posting", "account"), ("posting", "transaction")):
        await conn.execute(text(f"ALTER TABLE ledger_{table} DROP CONSTRAINT ledger_{table}_{kind}_currency_fkey"))
    await conn.execute(text("ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_floor"))
    await conn.execute(text(tampering))
    faults = (await verify(conn)).faults
    assert any(named in fault for fault in faults), faults
