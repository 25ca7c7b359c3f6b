"""Many clients write the books at once over wires that are cut, and the history still is that of one careful clerk.

After Jepsen's check of TigerBeetle: the clients keep their keys, what they do not know is resolved by a last read,
the database's own order is replayed on a model (history.py), and every acknowledgement is held against it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from domain.ledger import Account, Hold, Transaction, Transfer, credit, posted, pot, rail, reversal
from domain.money import Currency
from storage.engine import Connection, Engine, make_engine
from storage.ledger import LedgerError, hold, post, settle_constraints, verify, verify_since, void
from storage.proof import START
from tests.faults.cutter import Cutter, cutting
from tests.faults.history import Asked, Event, Heard, Model, replayed

AT = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
CIRCLE = "PLUM22"
CLIENTS, CALLS = 6, 130
JMD = Currency.JMD
SANDBOX, BANK = rail("sandbox", JMD), rail("ncb", JMD)
HANDS = tuple(credit(CIRCLE, name) for name in ("ann", "bob", "cat"))
ACCOUNTS: tuple[Account, ...] = (SANDBOX, BANK, *HANDS, pot(CIRCLE, 1))
CLIENT = "careful clerk"
ENDED_FROM_INSIDE = "57P01"
GIVEN_UP, LATEST_SECONDS = 0.15, 0.02
"""How often a client is cancelled in the middle of a call, and how late in it."""

EVENTS = """
SELECT xid::text::bigint AS together, id AS number, 'posted' AS what, key, NULL AS by FROM ledger_transaction
UNION ALL SELECT xid::text::bigint, id, 'held', key, NULL FROM ledger_hold
UNION ALL
SELECT r.xid::text::bigint, r.id, 'resolved', h.key, t.key
FROM ledger_resolution r JOIN ledger_hold h ON h.id = r.hold LEFT JOIN ledger_transaction t ON t.id = r.transaction
"""
QUIET = """
DO $$ BEGIN
    WHILE EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'careful clerk') LOOP
        PERFORM pg_sleep(0.02);
        PERFORM pg_stat_clear_snapshot();
    END LOOP;
END $$
"""
"""A session whose wire is cut may still be at its last commit."""
SEVER = """
SELECT count(pg_terminate_backend(pid)) FROM (
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = $1 ORDER BY random() LIMIT 1
) one
"""


@dataclass
class World:
    """What all clients share: what was ever asked, so that they meddle with each other's."""

    heard: list[Heard] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)


@dataclass
class Clerk:
    """One client with a wire of its own; `unknown` are calls it has to ask again."""

    name: str
    engine: Engine
    dice: random.Random
    world: World
    unknown: list[Asked] = field(default_factory=list)
    given_up: int = 0

    async def work(self, calls: int) -> None:
        for number in range(calls):
            again = self.unknown.pop() if self.unknown and self.dice.random() < 0.5 else None
            asked = again or self._think(f"{self.name}-{number}")
            self.world.transactions += asked.post
            self.world.holds += asked.hold
            heard = await self._ask_or_give_up(asked)
            self.world.heard.append(heard)
            if heard.outcome == "unknown":
                self.unknown.append(asked)

    async def ask_again(self) -> list[Heard]:
        """Ask once more for all that was ever unknown, with the same keys, and now over a wire that holds."""
        asked = dict.fromkeys(heard.asked for heard in self.world.heard if heard.outcome == "unknown")
        heard = [await self._ask(call) for call in asked]
        self.world.heard += heard
        return heard

    async def _ask_or_give_up(self, asked: Asked) -> Heard:
        """Ask, and now and then be cancelled at some moment of it: the commit may be on its way."""
        after = len(self.world.heard)
        seconds = self.dice.uniform(0, LATEST_SECONDS) if self.dice.random() < GIVEN_UP else None
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(asked)
        except TimeoutError:
            self.given_up += 1
            return Heard(asked, "unknown", after=after)

    async def _ask(self, asked: Asked) -> Heard:
        after = len(self.world.heard)
        try:
            async with self.engine.begin() as conn:
                await post(conn, asked.post, AT)
                await hold(conn, asked.hold, AT)
                await void(conn, asked.void, AT)
                await settle_constraints(conn)
        except LedgerError as refusal:
            return Heard(asked, "refused", type(refusal).__name__, refusal.subject, after)
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None) or ""
            if state and not state.startswith("08") and state != ENDED_FROM_INSIDE:
                raise
            return Heard(asked, "unknown")
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError):
            return Heard(asked, "unknown")
        return Heard(asked, "ok")

    def _think(self, key: str) -> Asked:
        """Something a client may want, possible or not."""
        dice, world = self.dice, self.world
        match dice.choice(("throw", "move", "move", "moves", "hold", "hold", "end", "end", "void", "back")):
            case "throw":
                return Asked(post=(self._moved(key, SANDBOX, dice.choice(HANDS), dice.randint(50, 150)),))
            case "moves":
                return Asked(post=tuple(self._any(f"{key}-{place}") for place in range(dice.randint(2, 4))))
            case "hold":
                payout = Hold(key, "payout", JMD, dice.choice(HANDS), dice.choice((SANDBOX, BANK)), dice.randint(1, 90))
                return Asked(hold=(payout, replace(payout, key=f"{key}-too", credit=pot(CIRCLE, 1))))
            case "end" if world.holds:
                ended = dice.choice(world.holds[-20:])
                return Asked(post=(posted(ended, key, dice.randint(1, ended.amount)),))
            case "void" if world.holds:
                return Asked(void=tuple(dict.fromkeys(dice.choice(world.holds[-20:]).key for _ in range(2))))
            case "back" if world.transactions:
                return Asked(post=(reversal(dice.choice(world.transactions[-30:]), key),))
            case _:
                return Asked(post=(self._any(key),))

    def _any(self, key: str) -> Transaction:
        debit, credited = self.dice.sample(ACCOUNTS, 2)
        return self._moved(key, debit, credited, self.dice.randint(1, 60))

    @staticmethod
    def _moved(key: str, debit: Account, credited: Account, amount: int) -> Transaction:
        return Transaction(key, "throw", JMD, (Transfer(debit, credited, amount),), CIRCLE)


async def make_trouble(url: str, cutter: Cutter, dice: random.Random) -> None:
    """Cut a wire, lose its answers first, or end a session from inside, again and again; and prove what is new."""
    plain = await asyncpg.connect(url)
    engine, mark = make_engine(url), START
    try:
        while True:
            await asyncio.sleep(dice.uniform(0.02, 0.12))
            match dice.choice(("cut", "deaf", "deaf", "sever", "prove")):
                case "cut":
                    await cutter.cut_one()
                case "deaf":
                    await cutter.cut_one(dice.uniform(0.005, 0.05))
                case "sever":
                    cutter.cuts += await plain.fetchval(SEVER, CLIENT)
                case _:
                    async with engine.connect() as conn:
                        report, mark = await verify_since(conn, mark)
                    assert report.faults == ()
    finally:
        await plain.close()
        await engine.dispose()


async def at_once(url: str, seed: int, clients: int, calls: int) -> tuple[World, list[Clerk], int]:
    """Let clients work over wires that are cut; return what they asked and heard, them, and how often one was cut."""
    made, world = make_url(url), World()
    dice = random.Random(seed)  # noqa: S311 - drawn again alike
    async with cutting(str(made.host), int(made.port or 0), dice) as cutter:
        through = made.set(host="127.0.0.1", port=cutter.port).render_as_string(hide_password=False)
        engines = [make_engine(through, pool_size=1, name=CLIENT) for _ in range(clients)]
        clerks = [
            Clerk(f"c{number}", engine, random.Random(f"{seed}-{number}"), world)  # noqa: S311 - likewise
            for number, engine in enumerate(engines)
        ]
        async with asyncio.TaskGroup() as group:
            trouble = group.create_task(make_trouble(url, cutter, dice))
            await asyncio.gather(*(clerk.work(calls) for clerk in clerks))
            trouble.cancel()
        for engine in engines:
            await engine.dispose()
        return world, clerks, cutter.cuts


async def what_is_written(conn: Connection) -> list[Event]:
    return [Event(*row) for row in await conn.execute(text(EVENTS))]


async def agree(conn: Connection, model: Model) -> None:
    """Every balance and everything held is what the model says, and the books prove themselves."""
    accounts = (await conn.execute(text("SELECT name, balance, held FROM ledger_account"))).all()
    assert {row.name: row.balance for row in accounts if row.balance} == _that_are_not_zero(model.balances)
    assert {row.name: row.held for row in accounts if row.held} == _that_are_not_zero(model.held)
    assert (await verify(conn)).faults == ()


def _that_are_not_zero(counted: Counter[str]) -> dict[str, int]:
    return {name: amount for name, amount in counted.items() if amount}


def settled(again: Sequence[Heard], before: Sequence[Event], after: Sequence[Event]) -> None:
    """What was unknown and is asked again is told to be there and changes nothing, or is done, or is refused."""
    there = {event.key for event in before if event.what != "resolved"}
    anew = {event.key for event in after} - {event.key for event in before}
    done: set[str] = set()
    for heard in again:
        keys = {made.key for made in heard.asked.post} | {made.key for made in heard.asked.hold}
        assert heard.outcome == ("ok" if keys & there else heard.outcome), f"what is there is refused: {heard}"
        assert heard.outcome != "unknown"
        done |= keys if heard.outcome == "ok" else set()
    assert set(before) <= set(after), "what was written is gone or another"
    assert anew == done - there


async def prove_history(url: str, seed: int, *, clients: int = CLIENTS, calls: int = CALLS) -> Sequence[Heard]:
    world, clerks, cuts = await at_once(url, seed, clients, calls)
    engine = make_engine(url)
    async with engine.connect() as conn:
        await conn.execute(text(QUIET))
        before = await what_is_written(conn)
        await agree(conn, replayed(world.heard, before))
    again = await replace(clerks[0], engine=engine).ask_again()
    async with engine.connect() as conn:
        events = await what_is_written(conn)
        await agree(conn, replayed(world.heard, events))
    await engine.dispose()
    settled(again, before, events)
    assert sum(clerk.given_up for clerk in clerks) >= clients, "hardly a call was given up"
    outcomes = Counter(heard.outcome for heard in world.heard)
    assert cuts >= clients, "the wires were hardly cut"
    assert min(outcomes[outcome] for outcome in ("ok", "refused", "unknown")) >= clients, outcomes
    assert {event.what for event in events} == {"posted", "held", "resolved"}
    assert len({heard.why for heard in world.heard}) >= 4
    return world.heard


@pytest.mark.parametrize("seed", [1])
async def test_what_many_clients_do_over_bad_wires_is_what_one_clerk_would_do(database_url: str, seed: int) -> None:
    await prove_history(database_url, seed)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 12))
async def test_it_is_so_for_long(database_url: str, seed: int) -> None:
    await prove_history(database_url, seed, clients=8, calls=1500)


THROW = Transaction("in", "throw", JMD, (Transfer(SANDBOX, HANDS[0], 100),), CIRCLE)
PAYOUT = Hold("out", "payout", JMD, HANDS[0], SANDBOX, 80)
ENDED = posted(PAYOUT, "sent", 70)
HEARD = [Heard(Asked(post=(THROW,)), "ok"), Heard(Asked(hold=(PAYOUT,)), "ok"), Heard(Asked(post=(ENDED,)), "ok")]
RIGHT = [
    Event(1, 1, "posted", "in"),
    Event(2, 2, "held", "out"),
    Event(3, 3, "posted", "sent"),
    Event(3, 4, "resolved", "out", "sent"),
]


@pytest.mark.parametrize(
    ("again", "before", "after"),
    [
        (HEARD[:1], RIGHT, RIGHT[1:]),  # what was there is gone
        (HEARD[:1], [], []),  # said to be done, and is not
        ([Heard(Asked(post=(THROW,)), "refused", "BelowFloor")], RIGHT, RIGHT),  # is there, and is refused
        ([Heard(Asked(post=(THROW,)), "refused", "BelowFloor")], [], RIGHT[:1]),  # refused, and done
        ([Heard(Asked(post=(THROW,)), "unknown")], RIGHT, RIGHT),
    ],
)
def test_an_unknown_that_is_not_settled_is_found(again: list[Heard], before: list[Event], after: list[Event]) -> None:
    settled(HEARD[:1], RIGHT, RIGHT)
    with pytest.raises(AssertionError):
        settled(again, before, after)


def test_the_replay_agrees_with_a_right_history() -> None:
    model = replayed(HEARD, RIGHT)
    assert _that_are_not_zero(model.balances) == {SANDBOX.name: 30, HANDS[0].name: 30}
    assert _that_are_not_zero(model.held) == {}


@pytest.mark.parametrize(
    ("heard", "events"),
    [
        (HEARD, RIGHT[:3]),  # nobody resolved the hold
        (HEARD, RIGHT[:2]),  # an acknowledged write is lost
        (HEARD, RIGHT[1:]),  # what was spent never came in
        (HEARD, [*RIGHT, Event(5, 5, "posted", "in")]),  # done twice
        (HEARD, [*RIGHT, Event(5, 5, "resolved", "out")]),  # ended twice
        ([*HEARD[:2], Heard(Asked(post=(ENDED,)), "refused", "AlreadyResolved", "out")], RIGHT),
        ([*HEARD, Heard(Asked(void=("out",)), "ok")], RIGHT),
        ([*HEARD, Heard(Asked(void=("out",)), "refused", "NotResolvable", "out", 2)], RIGHT),
        ([*HEARD, Heard(Asked(post=(replace(THROW, key="x"),)), "refused", "BelowFloor", SANDBOX.name)], RIGHT),
        ([*HEARD, Heard(Asked(post=(replace(ENDED, key="x", resolves=None),)), "refused", "Unbalanced")], RIGHT),
        ([*HEARD, Heard(Asked(post=(THROW, replace(THROW, key="half"))), "unknown")], RIGHT),
    ],
)
def test_the_replay_finds_what_it_is_for(heard: list[Heard], events: list[Event]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        replayed(heard, events)
