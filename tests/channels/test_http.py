"""The one HTTP client: what leaves, what comes back, and what it never follows or reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from channels.base import Refused, Retry, Unknown
from channels.http import ANSWER_LIMIT_BYTES, Http, Reply, outcome_by_status

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_an_answer_comes_back_whole(session: aiohttp.ClientSession) -> None:
    async def echo(request: web.Request) -> web.Response:
        said = await request.text()
        return web.json_response({"method": request.method, "said": said}, status=201, headers={"X-A": "b"})

    async with served(echo) as url:
        reply = await Http(session, "x").call("POST", url, body=b"hello")
    assert isinstance(reply, Reply)
    assert (reply.status, reply.ok, reply.headers["x-a"]) == (201, True, "b")
    assert reply.json() == {"method": "POST", "said": "hello"}


async def test_a_redirect_is_not_followed(session: aiohttp.ClientSession) -> None:
    """The token in our headers is meant for one host."""
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/other"})

    async with served(elsewhere) as url:
        reply = await Http(session, "x").call("POST", f"{url}/first", headers={"Authorization": "Bearer t"})
    assert seen == ["/first"]
    assert isinstance(reply, Reply)
    assert outcome_by_status(reply) == Unknown("strange answer 307")


async def test_an_answer_without_end_is_not_read_to_it(session: aiohttp.ClientSession) -> None:
    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2 * ANSWER_LIMIT_BYTES // 65_536):
            await response.write(b"x" * 65_536)
        return response

    async with served(flood) as url:
        assert await Http(session, "x").call("POST", url) == Unknown("answer too long")


async def test_an_answer_cut_short_is_unknown(session: aiohttp.ClientSession) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Transfer-Encoding": "chunked"})
        await response.prepare(request)
        await response.write(b'{"sid":')
        if request.transport:
            request.transport.close()
        return response

    async with served(cut) as url:
        assert isinstance(await Http(session, "x").call("POST", url), Unknown)


async def test_the_time_limit_of_one_call_may_be_longer(session: aiohttp.ClientSession) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response()

    async with served(slow) as url:
        http = Http(session, "x", timeout_seconds=0.1)
        assert await http.call("POST", url) == Unknown("no answer in time")
        assert isinstance(await http.call("POST", url, timeout_seconds=2), Reply)


async def test_a_server_that_speaks_no_http_is_an_outcome(session: aiohttp.ClientSession) -> None:
    async def gibberish(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x16\x03\x01 not http at all\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(gibberish, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert isinstance(await Http(session, "x").call("POST", url), Unknown)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (401, {}, Retry("credentials refused", 300.0, ours=True)),
        (403, {}, Retry("credentials refused", 300.0, ours=True)),
        (408, {}, Retry("throttled")),
        (429, {"Retry-After": "7"}, Retry("throttled", 7.0, everybody=True)),
        (429, {"Retry-After": "9" * 500}, Retry("throttled", 3600.0, everybody=True)),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, Retry("throttled", everybody=True)),
        (429, {"Retry-After": "-1"}, Retry("throttled", everybody=True)),
        (503, {"Retry-After": "2"}, Retry("provider trouble 503", 2.0)),
        (500, {}, Retry("provider trouble 500")),
        (502, {}, Unknown("gateway trouble 502")),
        (504, {}, Unknown("gateway trouble 504")),
        (400, {}, Refused("refused 400", "400")),
        (422, {}, Refused("refused 422", "422")),
        (200, {}, Unknown("strange answer 200")),
        (302, {}, Unknown("strange answer 302")),
    ],
)
def test_each_status_has_its_outcome(status: int, headers: dict[str, str], expected: object) -> None:
    assert outcome_by_status(Reply(status, b"", headers)) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"x"', b"{", b"\xff"])
def test_what_is_no_json_object_counts_as_an_empty_one(body: bytes) -> None:
    assert Reply(200, body, {}).json() == {}
