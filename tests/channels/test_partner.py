"""Partners' web hooks at the wire: what an address may be, and that nothing inside our own network is called."""

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult

from channels.base import Refused, Retry
from channels.http import Http
from channels.partner import PartnerCaller, new_secret, outside_session, wrong_address

EVENT = {"id": "e1", "type": "payment.settled", "timestamp": "2026-12-01T15:00:00+00:00", "data": {}}
INSIDE = (
    "127.0.0.1", "10.0.0.7", "192.168.1.1", "172.16.0.9", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
    "127.1", "2130706433", "0x7f000001", "0x7f.1", "127.0.0.1.", "localhost", "LOCALHOST.", "db.internal", "nas.local",
    "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.7]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]",
    "127。0。0。1", "localhost。", "ⓛocalhost", "%6c%6fcalhost", "127.0.0.%31",
)  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("development", [True, False])
async def test_an_address_inside_our_network_is_refused_when_given_and_when_called(
    host: str, *, development: bool
) -> None:
    url = f"https://{host}/hooks"
    assert wrong_address(url, development=development)
    async with outside_session() as session:
        caller = PartnerCaller(Http(session, "partner"), development=development)
        assert isinstance(await caller.send(url, new_secret(), EVENT), Refused)


@pytest.mark.parametrize("host", ["partner.example", "hooks.partner.example:8443", "8.8.8.8", "[2606:4700::1111]"])
def test_an_address_of_the_public_internet_may_be_called(host: str) -> None:
    assert wrong_address(f"https://{host}/hooks?to=us", development=False) == ""


@pytest.mark.parametrize("url", ["http://partner.example/", "https://me:word@partner.example/", "ftp://a.example", "x"])
def test_an_address_without_tls_or_with_a_password_is_refused(url: str) -> None:
    assert wrong_address(url, development=True)


def test_loopback_without_tls_is_for_development() -> None:
    assert wrong_address("http://127.0.0.1:9000/", development=True) == ""
    assert wrong_address("http://127.0.0.1:9000/", development=False)


async def test_a_name_that_resolves_inside_our_network_is_never_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    async def hear(request: web.Request) -> web.Response:
        called.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]

    async def inside(_self: Any, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        one = ResolveResult(
            hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
        )
        return [one]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", inside)
    monkeypatch.setattr("aiohttp.resolver.AsyncResolver.resolve", inside)
    try:
        async with outside_session() as session:
            caller = PartnerCaller(Http(session, "partner"), development=False)
            url = f"https://rebound.example:{port}/"
            assert await caller.send(url, new_secret(), EVENT) == Retry("not connected")
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post(f"http://rebound.example:{port}/")
        assert called == []
    finally:
        await runner.cleanup()
