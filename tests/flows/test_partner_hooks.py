"""Partners hear of what happens by signed web hooks: once each, as they asked, and nothing that names a person."""

import asyncio
import json
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from bot.__main__ import COMMANDS, _parser, command
from bot.config import Settings
from bot.verdict import CALLS_SECONDS, decide
from channels.base import Refused, Retry, Unknown
from channels.http import Http
from channels.partner import PartnerCaller, new_secret, outside_session
from domain.events import GROUPS, KINDS, is_pattern, wants
from storage import outbox, partners
from storage.engine import Connection
from storage.outbox import Posted
from storage.partners import PartnerHook
from tests.flows.club import NAMES, begun, fetch, monday, rows
from tests.teller import House, open_house

PATIENCE_SECONDS = 20.0


@dataclass
class Partner:
    """Somebody else's server: it checks each call as the Standard Webhooks library does, and answers as told."""

    url: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    """By path, the statuses of the next answers; 204 after them."""
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    raw: str = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.text()
        event = Webhook(self.secrets[request.path]).verify(body, dict(request.headers))
        assert request.headers["webhook-id"] == event["id"]
        assert request.content_type == "application/json"
        self.heard.append((request.path, event))
        self.raw += body
        queued = self.answers.get(request.path, [])
        return web.Response(status=queued.pop(0) if queued else 204)

    def told(self, path: str, kind: str = "") -> list[dict[str, Any]]:
        return [event for at, event in self.heard if at == path and kind in ("", event["type"])]

    async def hears(self, path: str, kind: str, times: int = 1) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await until(lambda: _enough(self.told(path, kind), times))
        return found


def _enough(found: list[dict[str, Any]], times: int) -> list[dict[str, Any]]:
    return found if len(found) >= times else []


async def until(look: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (seen := look()):  # noqa: ASYNC110 - nothing rings here
            await asyncio.sleep(0.02)
    return seen


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    one = Partner()
    app = web.Application()
    app.router.add_post("/{name}", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with outside_session() as session:
        caller = PartnerCaller(Http(session, "partner"), development=True)
        async with open_house(database_url, at=monday(), holidays=frozenset(), partners=caller) as house:
            yield house


async def subscribe(house: House, partner: Partner, path: str, *events: str) -> PartnerHook:
    hook = PartnerHook(path.strip("/"), partner.url + path, events, datetime.now(UTC), new_secret())
    partner.secrets[path] = hook.secret
    async with house.engine.begin() as conn:
        await partners.add(conn, house.vault, hook)
    return hook


async def in_hand(house: House, act: Callable[[Connection], Awaitable[Any]]) -> Any:
    async with house.engine.begin() as conn:
        return await act(conn)


async def lose_patience(house: House) -> None:
    """Let the waits of all calls be over, once what came of the last ones is noted."""
    noted = "SELECT count(*)::text FROM outbox WHERE state = 'queued' AND attempts > 0 AND retry_at IS NULL"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await fetch(house, noted) != "0":  # noqa: ASYNC110 - nothing rings here
            await asyncio.sleep(0.02)
    async with house.engine.begin() as conn:
        await conn.execute(text("UPDATE outbox SET retry_at = clock_timestamp() WHERE state = 'queued'"))
        await conn.execute(text("NOTIFY outbox"))


async def calls(house: House, hook: str) -> list[tuple[Any, ...]]:
    query = "SELECT state, attempts FROM outbox WHERE kind = 'event' AND starts_with(lane, :l) ORDER BY id"
    return await rows(house, query, l=f"partner:{hook}:")


async def test_a_circle_is_heard_of_once_each_as_asked_and_without_a_name(
    house: House, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The desk's batch fails after all was published and is tried again: the throw is still told of once."""
    for path, pattern in (("/all", "*"), ("/money", "payment.*"), ("/draws", "payout.sent"), ("/gone", "*")):
        await subscribe(house, partner, path, pattern)
    assert await in_hand(house, lambda conn: partners.remove(conn, "gone", house.clock.now()))
    club = await begun(house, 2)
    failed: list[str] = []
    finish = outbox.put

    async def fail_once(conn: Connection, vault: Any, parcels: Any, at: datetime) -> None:
        await finish(conn, vault, parcels, at)
        if not failed and any(p.body.get("event", {}).get("type") == "payment.settled" for p in parcels):
            failed.append("the batch")
            raise OSError

    monkeypatch.setattr(outbox, "put", fail_once)
    await club.pay(*club.phones)
    await house.rest()
    assert failed
    settled = await partner.hears("/all", "payment.settled", 2)
    assert {e["data"]["receipt"] for e in settled} == {
        r for (r,) in await rows(house, "SELECT receipt FROM payment WHERE state = 'SETTLED'")
    }
    assert len(settled) == 2
    data = settled[0]["data"]
    assert (data["circle"], data["amount"], data["currency"]) == (club.code, 500_000, "JMD")
    assert sorted(e["id"] for e in partner.told("/money", "payment.settled")) == sorted(e["id"] for e in settled)
    await club.go(1, days=3)
    await club.pay_out()
    [sent] = await partner.hears("/draws", "payout.sent")
    assert (sent["data"]["currency"], sent["data"]["round"]) == ("JMD", 1)
    await partner.hears("/all", "round.paying")
    assert {e["type"] for e in partner.told("/money")} == {"payment.pending", "payment.settled"}
    assert {e["type"] for e in partner.told("/draws")} == {"payout.sent"}
    assert partner.told("/gone") == []
    assert partner.told("/all", "circle.active")
    ids = [e["id"] for e in partner.told("/all")]
    assert len(ids) == len(set(ids))
    for phone, name in zip(club.phones, NAMES, strict=False):
        assert not [word for word in (phone.address, *name.split(), "Sunday Club") if word in partner.raw]
    await house.books_are_right()


async def test_a_call_that_is_not_taken_is_repeated_and_410_ends_the_web_hook(house: House, partner: Partner) -> None:
    await subscribe(house, partner, "/down", "circle.draft", "circle.open")
    await subscribe(house, partner, "/enough", "circle.*")
    partner.answers = {"/down": [500, 302, 429], "/enough": [410]}
    await begun(house, 2)
    await until(lambda: partner.told("/enough"))
    for tries in (2, 3, 4):
        await lose_patience(house)
        await partner.hears("/down", "", tries)
    await house.rest()
    assert {state for state, _ in await calls(house, "down")} <= {"sent", "queued"}
    assert await in_hand(house, lambda conn: partners.hook(conn, house.vault, "enough")) is None
    assert {state for state, _ in await calls(house, "enough")} <= {"dropped", "sent"}
    assert await fetch(house, "SELECT count(*)::text FROM inbox WHERE parked_at IS NOT NULL") == "0"


def test_a_call_is_repeated_for_two_days_and_then_somebody_looks() -> None:
    def posted(attempts: int) -> Posted:
        return Posted(1, "partner:a:e", "event", "event:e:a", {}, attempts, False, False)

    waits = []
    for attempts in range(1, len(CALLS_SECONDS) + 1):
        verdict = decide(posted(attempts), Retry("answered 500") if attempts % 2 else Unknown("no answer"), 0.5)
        assert (verdict.settled.state, verdict.filed, verdict.alarm) == ("queued", (), False)
        waits.append(verdict.settled.after_seconds or 0)
    assert all(a < b for a, b in pairwise(waits))
    assert 48 * 3600 < sum(waits) < 72 * 3600
    last = decide(posted(len(CALLS_SECONDS) + 1), Retry("answered 500"), 0.5)
    assert (last.settled.state, last.filed, last.alarm) == ("dead", (), True)
    assert decide(posted(len(CALLS_SECONDS) + 2), Retry("answered 500"), 0.5).settled.state == "queued"
    refused = decide(posted(1), Refused("wants no more calls", "410"), 0.5)
    assert (refused.settled.state, refused.filed, refused.alarm) == ("dead", (), True)


async def test_a_replay_tells_what_was_asked_for_again_under_the_same_ids(house: House, partner: Partner) -> None:
    await subscribe(house, partner, "/other", "*")
    club = await begun(house, 2)
    await club.pay(*club.phones)
    await house.rest()
    late = await subscribe(house, partner, "/late", "payment.settled")
    since, now = house.clock.now() - timedelta(hours=1), house.clock.now()
    for _ in range(2):  # asked for twice at one moment, it is told once
        assert await in_hand(house, lambda conn: partners.replay(conn, house.vault, late, since, now)) == 2
    told = await partner.hears("/late", "payment.settled", 2)
    assert sorted(told, key=str) == sorted(partner.told("/other", "payment.settled"), key=str)
    await house.rest()
    assert len(partner.told("/late")) == 2
    again = house.clock.now() + (monday(1) - monday())
    assert await in_hand(house, lambda conn: partners.replay(conn, house.vault, late, again, again)) == 0


def test_a_partner_asks_for_one_event_a_group_or_all() -> None:
    assert {"payment.settled", "payout.sent", "circle.completed", "round.paid_short"} <= set(KINDS)
    assert all(map(is_pattern, (*KINDS, *GROUPS, "*")))
    assert not any(map(is_pattern, ("payment", "payment.paid", "pay*", "person.*", "")))
    assert wants(["payout.*"], "payout.sent")
    assert wants(["draw.done", "*"], "payment.settled")
    assert not wants(["payment.*", "payout.sent"], "payout.received")


async def test_staff_add_try_and_remove_a_web_hook_and_its_secret_is_shown_once(
    database_url: str, partner: Partner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PARDNA_HOME", str(tmp_path))
    settings = Settings(_env_file=None)

    async def hooks(act: str, *words: str) -> tuple[int, str]:
        asked: Namespace = _parser().parse_args(["hooks", act, *words])
        code = await command("hooks", act)(settings, asked)
        said = capsys.readouterr()
        return code, said.out + said.err

    code, said = await hooks("add", f"{partner.url}/crm", "--events", "payment.*, payout.sent")
    assert code == 0
    ident, secret = said.split()[0], said.split()[-1]
    partner.secrets["/crm"] = secret
    assert secret.startswith("whsec_")
    code, said = await hooks("list")
    assert ident in said
    assert "payment.*, payout.sent" in said
    assert "crm" not in said
    assert secret not in said
    await _is_sealed(database_url, secret, "/crm")
    assert await hooks("try", ident) == (0, "It took the call.\n")
    assert partner.told("/crm", "test")
    partner.answers["/crm"] = [500]
    assert await hooks("try", ident) == (1, "pardna: it did not take the call: answered 500\n")
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(
            json.dumps({}), {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,a"}
        )
    assert (await hooks("replay", ident, "--since", "2026-01-01"))[1] == "0 events are told again.\n"
    assert (await hooks("replay", ident, "--since", "soon"))[0] == 1
    for wrong in ("https://10.0.0.1/", "http://partner.example/", "https://localhost/"):
        assert (await hooks("add", wrong, "--events", "*"))[0] == 1
    assert (await hooks("add", "https://partner.example/", "--events", "payment.paid"))[0] == 1
    assert (await hooks("events"))[1].split() == list(KINDS)
    assert (await hooks("remove", ident))[0] == 0
    for act in (("remove", ident), ("try", ident), ("replay", ident, "--since", "2026-01-01")):
        assert (await hooks(*act))[0] == 1
    assert (await hooks("list"))[1] == "Nobody is called.\n"
    assert {act for word, act in COMMANDS if word == "hooks"} == {"add", "list", "events", "remove", "try", "replay"}


async def _is_sealed(url: str, *words: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    [row] = await connection.fetch("SELECT * FROM partner_hook")
    await connection.close()
    held = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
    assert not [word for word in words if word.encode() in held]
