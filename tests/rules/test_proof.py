"""PROOF: the book that nobody can rewrite unseen (docs/proof.md), with nothing but what lies on a phone."""

import asyncio
import json
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from bot.auditor import Auditor
from bot.commands.books import verify_ledger
from bot.config import Settings
from bot.drawing.press import Press
from bot.telemetry import Metrics
from bot.words.catalogue import Catalogue
from domain.documents import BookFacts
from storage import chains
from storage.embedded import EmbeddedPostgres
from tests.flows.club import Club, begun, clerk, found
from tests.teller import SITE, House, Phone

SCRIPT = Path(__file__).parents[2] / "docs" / "proof.py"
MARK = r"(?<=Book {}: )\S{{4}}-\S{{4}}"


async def hears(phone: Phone, line: str, *parts: str) -> None:
    """Say something, and find each part in what comes, in one message or, on SMS, in several."""
    await phone.says(line)
    async with asyncio.timeout(30):
        for part in parts:
            while not await phone.saw(part):  # noqa: ASYNC110 - nothing rings when it is there
                await asyncio.sleep(0.02)


async def book_of(house: House, phone: Phone, code: str) -> dict[str, object]:
    """Ask for the book and open its link."""
    told = await phone.says(f"PROOF {code} FILE").sees(f"{SITE}/b/", "15 minutes")
    press = Press(house.engine, house.vault, house.clock, Catalogue(SITE))
    facts = await press.find(found(r"(?<=/b/)\w+", told.text))
    assert isinstance(facts, BookFacts)
    made: dict[str, object] = json.loads(await press.book(facts))
    return made


async def script(tmp_path: Path, book: dict[str, object], chat: str) -> tuple[int, str]:
    """Run the script as a member would, with the file and the chat alone."""
    files = tmp_path / "book.json", tmp_path / "chat.txt"
    files[0].write_text(json.dumps(book), encoding="utf-8")
    files[1].write_text(chat, encoding="utf-8")
    command = [sys.executable, "-I", str(SCRIPT), "verify", *map(str, files)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


async def two_rounds(house: House, network: str) -> Club:
    """A circle whose second round is open, so that everybody was told a mark."""
    club = await begun(house, 3, network=network)
    await club.phones[1].says("PROOF").sees("No line of Sunday Club is sealed yet")
    await club.pay(*club.phones)
    await house.seal()
    await club.draw(club.banker)
    await house.seal()
    await club.go(2)
    return club


async def test_proof_tells_whether_the_book_is_what_was_told(house: House, network: str, tmp_path: Path) -> None:
    club = await two_rounds(house, network)
    devon = club.phones[1]
    await devon.look()
    marks = re.findall(MARK.format(club.code), devon.text)
    first, done, opened = marks  # a round is open, it is done, and the next is open
    assert first not in {done, opened}
    for phone in club.phones:
        assert await phone.saw("round 2 of 3", f"Book {club.code}: {opened}")
        assert await phone.saw("is done", f"Book {club.code}: {done}", "PROOF checks it") is (phone is not club.banker)
    await hears(devon, "PROOF", "That is Sunday Club now:", f"told last are in it: {opened}, ", first)
    await devon.says(f"PROOF {club.code} {done.lower()}").sees(f"{done} is in it", "none of them has changed")
    await devon.says(f"PROOF {first[:4]} {first[5:]}").sees(f"{first} is in it", "after 0 lines")
    await devon.says("PROOF ABCD-2345").sees("ABCD-2345 is NOT in this book")
    await devon.says("PROOF K7QX-2M90").sees("is no mark", "8 letters and figures")
    await devon.says("PROOF")  # ends the question
    book = await book_of(house, devon, club.code)
    status, said = await script(tmp_path, book, devon.text)
    assert (status, said[:6]) == (0, "RIGHT:"), said
    await club.right()


async def bend(house: House, pg: EmbeddedPostgres, statement: str) -> None:
    """Change the ledger as a superuser, with all its triggers off."""
    address = make_url(pg.superuser_url).set(database=house.engine.url.database)
    root = await asyncpg.connect(address.render_as_string(hide_password=False))
    async with root.transaction():
        await root.execute("ALTER TABLE ledger_posting DISABLE TRIGGER ALL")
        await root.execute(statement)
        await root.execute("ALTER TABLE ledger_posting ENABLE TRIGGER ALL")
    await root.close()


ONE_THROW = "(SELECT t.id FROM ledger_transaction t WHERE key LIKE 'throw:%' ORDER BY id OFFSET 1 LIMIT 1)"


@pytest.mark.parametrize("network", ["sms"])
async def test_proof_show_a_member_with_her_chat_alone_finds_a_changed_line(  # noqa: PLR0917 - fixtures
    house: House,
    network: str,
    pg: EmbeddedPostgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line is another member's, changed by a superuser with every trigger off, all sums right as before."""
    club = await two_rounds(house, network)
    staff = await clerk(house)
    keisha = club.phones[2]
    await keisha.look()
    marks = re.findall(MARK.format(club.code), keisha.text)
    before = await book_of(house, keisha, club.code)
    assert (await script(tmp_path, before, keisha.text))[0] == 0
    lines = before["lines"]
    assert isinstance(lines, list)
    assert [line[0] for line in lines] == ["#", "#", "#", "#", "p", "p", *"p" * (len(lines) - 6)]  # hers, and nobody's
    assert "Clarke" not in json.dumps(before)

    await bend(house, pg, f"UPDATE ledger_posting SET amount = sign(amount) * 490000 WHERE transaction = {ONE_THROW}")
    monkeypatch.setenv("DATABASE_URL", house.engine.url.set(drivername="postgresql").render_as_string(False))
    assert await verify_ledger(Settings(_env_file=None), Namespace()) == 1
    named = f"line 3 of book {club.code}: amount is 490000, and 500000 was sealed (throw:R-"
    assert any(line.startswith(named) for line in capsys.readouterr().out.splitlines())
    await hears(
        keisha, f"PROOF {club.code} {marks[-1]}", f"{marks[-1]} is NOT in this book", "From line 3 on", "Staff know"
    )
    await hears(keisha, "PROOF", "are in it: " + marks[0], f"though you were told so: {marks[2]}")
    await staff.sees("The books are wrong at line 3 of book")
    after = await book_of(house, keisha, club.code)
    status, said = await script(tmp_path, after, keisha.text)
    assert (status, said[:6]) == (1, "WRONG:"), said
    assert f"does not come to {marks[1]}" in said
    await Auditor(house.engine, house.clock, metrics=Metrics()).look(house.clock.now())
    assert (await _fault(house)).startswith(named)


async def _fault(house: House) -> str:
    async with house.engine.connect() as conn:
        return (await chains.faults(conn))[1][0]
