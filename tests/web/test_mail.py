"""The link at the foot of a mail: opening it changes nothing, its button or one POST of a program ends all mail."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.actions.results import read_result
from bot.letters import StopLinks
from domain.commands import AddressGone
from storage.bell import Bell
from storage.engine import Engine
from storage.vault import Vault, new_keys
from tests.web.conftest import Site, parts, running

MARVA = "marva@example.com"


@pytest.fixture
async def site(engine: Engine, bell: Bell) -> AsyncIterator[Site]:
    """A service that writes mails."""
    made, vault = parts(engine, bell)
    async for site in running(replace(made, stop_links=StopLinks(vault, ""), hooks={}), vault):
        yield site


def link(site: Site) -> str:
    """The path of Marva's link."""
    return StopLinks(site.vault, "").url(MARVA)


async def post(site: Site, path: str, body: str = "") -> tuple[int, str]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with site.session.post(site.url + path, data=body, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_opening_the_link_asks_and_changes_nothing(site: Site) -> None:
    status, html = await site.get(link(site))
    assert status == 200
    assert "e-mail m...@example.com" in html
    assert "Stop the mail" in html
    assert MARVA not in html
    assert await site.arrivals() == []


async def test_the_link_speaks_patwa_where_the_browser_does(site: Site) -> None:
    _, html = await site.get(f"{link(site)}?lang=jam")
    assert "Stop di mail" in html


async def test_the_button_ends_the_mail_and_a_second_press_does_nothing_more(site: Site) -> None:
    for _ in range(2):
        status, html = await post(site, link(site))
        assert status == 200
        assert "Nothing more is sent to e-mail m...@example.com" in html
    kept = await site.arrivals()
    assert [read_result(one.party, one.body) for one in kept] == [AddressGone(f"email:{MARVA}")]


async def test_the_one_post_of_a_mail_program_ends_the_mail(site: Site) -> None:
    """RFC 8058: no cookie, no page before it, and this body."""
    status, _ = await post(site, link(site), "List-Unsubscribe=One-Click")
    assert status == 200
    assert len(await site.arrivals()) == 1


@pytest.mark.parametrize("token", ["x", "AAAA", "%00", "%F0%9F%92%B8", "x" * 3000, "..%2f"])
async def test_a_link_that_is_none_changes_nothing(site: Site, token: str) -> None:
    for status, _ in (await site.get(f"/mail/stop/{token}"), await post(site, f"/mail/stop/{token}")):
        assert status == 404
    assert await site.arrivals() == []


async def test_a_link_of_another_service_or_with_a_letter_changed_is_none(site: Site) -> None:
    strange = StopLinks(Vault.from_keys(new_keys()), "").url(MARVA)
    own = link(site)
    changed = own[:-8] + ("A" if own[-8] != "A" else "B") + own[-7:]
    for path in (strange, changed):
        assert (await post(site, path))[0] == 404
    assert await site.arrivals() == []


async def test_when_the_database_cannot_keep_it_the_mail_program_is_told_to_come_again(site: Site) -> None:
    async with site.engine.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE inbox RENAME TO inbox_gone")
    assert (await post(site, link(site)))[0] == 503
