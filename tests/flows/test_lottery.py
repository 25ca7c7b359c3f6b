"""The draw order by lottery (rules.md 12, 13, 15)."""

import asyncio
import re
import subprocess
import sys
from argparse import Namespace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.commands.lottery import verify_lottery
from bot.config import Settings
from domain.schedule import JAMAICA
from tests.flows.club import execute, fetch, join, new_circle, people, rows, start
from tests.teller import House, Phone, onboard

SCRIPT = Path(__file__).parents[2] / "docs" / "lottery.py"


async def full_circle(house: House, how_many: int = 5) -> tuple[str, list[Phone]]:
    """Return a circle with a lottery to come: Marva the banker, and the last to join without a TRN."""
    phones = await people(house, how_many - 1)
    phones.append(house.phone("whatsapp", "+18765550177", "Novlette Gray"))
    await onboard(phones[-1], phones[-1].name)
    code = await new_circle(house, phones[0], how_many, order="lottery", weeks=1)
    await join(code, phones[0], phones)
    return code, phones


async def order(house: House, code: str) -> list[str]:
    query = "SELECT p.name FROM hand h JOIN person p ON p.id = h.person_id WHERE h.circle = :c ORDER BY h.turn"
    return [name for (name,) in await rows(house, query, c=code)]


async def proof(said: str, tmp_path: Path) -> str:
    """Prove a lottery by what lies on a phone: with the script alone, and with our own command."""
    file = tmp_path / "chat.txt"
    file.write_text(said, encoding="utf-8")
    ours = await verify_lottery(Settings(), Namespace(file=str(file)))
    command = [sys.executable, "-I", str(SCRIPT), str(file)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == ours, done.stdout + done.stderr
    return done.stdout


def _swapped(said: str) -> str:
    """Return a chat in which the hands of the first two turns have changed places."""
    return re.sub(r"(1 \S+ )(#\d)\n(2 \S+ )(#\d)\b", r"\1\4\n\3\2", said)


async def test_everybody_can_prove_the_order_from_their_own_chat(house: House, tmp_path: Path) -> None:
    """rule 13: promised, mixed by a word of everybody, revealed; on three channels."""
    code, phones = await full_circle(house)
    marva, devon, keisha, andre, novlette = phones
    await devon.says("DRAW").sees("by lottery")
    await marva.says(f"LOCK {code}").sees(f"LOTTERY {code}")
    await devon.says(f"LOTTERY {code}").sees("banker")
    await marva.says(f"LOTTERY {code}").sees("SEED HASH", "#1 Marva", "#5 Novlette*", "not in turn 1")
    for phone in phones[1:]:
        await phone.sees("SEED HASH", "#1 Marva")
    await marva.says(f"LOTTERY {code}").sees("is going on")
    await marva.says(f"LOCK {code}").sees("is going on")
    await keisha.says("WORD 4826").sees("one word of 2 to 12 letters")
    for phone, word in ((marva, "ackee"), (devon, "mango"), (keisha, "Sea"), (andre, "rice"), (devon, "guinep")):
        await phone.says(f"WORD {word}").sees(f"is {word.lower()}")
    await novlette.says("WORD")
    await novlette.says("breeze").sees("Your word is breeze", "WORDS HASH")
    await devon.sees("WORDS HASH")
    await marva.says("WORD late").sees("Words for Sunday Club are over")
    await house.go_to(house.clock.now() + timedelta(minutes=2))
    for phone in phones:
        await phone.sees("SEED ", "#2 guinep", "#3 sea", "ORDER")
    drawn = await order(house, code)
    assert drawn[0] != "Novlette Gray"  # rule 15
    for phone in phones:
        assert "RIGHT" in await proof(phone.text, tmp_path)
    assert "ORDER should be" in await proof(_swapped(devon.text), tmp_path)
    assert "SEED is not" in await proof(devon.text.replace("SEED HASH", f"SEED HASH {'0' * 64} SEED HASH", 1), tmp_path)
    again = await marva.says(f"LOTTERY {code}").sees("SEED HASH", "WORDS HASH", "ORDER", "/lottery")
    assert "RIGHT" in await proof(again.text, tmp_path)
    await marva.says(f"ROSTER {code}").sees(f"1 {drawn[0].split()[0]}")
    await start(code, marva)
    assert await order(house, code) == drawn
    await house.books_are_right()


async def test_words_end_at_six_the_next_day_and_a_missing_one_counts_as_empty(house: House, tmp_path: Path) -> None:
    code, phones = await full_circle(house, 3)
    marva, devon, novlette = phones
    await marva.says(f"LOTTERY {code}").sees("SEED HASH")
    await devon.says("WORD mango").sees("until 6 pm on Tue")
    at = house.clock.now().astimezone(JAMAICA).replace(hour=17, minute=59) + timedelta(days=1)
    await house.go_to(at)
    assert not await novlette.saw("WORDS HASH")
    await house.go_to(at + timedelta(minutes=10))
    await novlette.sees("WORDS HASH")
    await novlette.sees("#1 -", "#2 mango", "#3 -")
    assert "RIGHT" in await proof(novlette.text, tmp_path)
    await start(code, marva)


async def test_a_seed_that_cannot_be_shown_cancels_in_public_and_join_order_stands(house: House) -> None:
    """rule 13: whoever holds a seed back gains nothing."""
    code, phones = await full_circle(house, 3)
    await phones[0].says(f"LOTTERY {code}").sees("SEED HASH")
    await execute(house, "ALTER TABLE lottery DISABLE TRIGGER USER")
    await execute(house, "UPDATE lottery SET seed = '\\x00'")
    for phone, word in zip(phones, ("one", "two", "three"), strict=True):
        await phone.says(f"WORD {word}").sees(word)
    await house.go_to(house.clock.now() + timedelta(minutes=2))
    for phone in phones:
        await phone.sees("lottery is cancelled", "1 Marva", "2 Devon", "3 Novlette")
    await phones[0].says(f"LOTTERY {code}").sees("no second one")
    await start(code, phones[0])
    assert await order(house, code) == ["Marva Brown", "Devon Clarke", "Novlette Gray"]


async def test_what_was_never_revealed_lapses(house: House) -> None:
    code, phones = await full_circle(house, 3)
    await phones[0].says(f"LOTTERY {code}").sees("SEED HASH")
    await house.rest()
    await execute(house, "DELETE FROM duty WHERE kind = 'close_words'")
    await house.pass_days(3)
    await phones[1].sees("lottery is cancelled")
    assert await fetch(house, "SELECT state FROM lottery") == "CANCELLED"


async def test_only_terms_with_a_lottery_have_one_and_a_circle_called_off_draws_none(house: House) -> None:
    phones = await people(house, 2)
    plain = await new_circle(house, phones[0], 2)
    await phones[0].says(f"LOTTERY {plain}").sees("no lottery")
    await join(plain, phones[0], phones)
    await phones[1].says("WORD mango").sees("none of your circles")
    code = await new_circle(house, phones[0], 2, order="lottery", weeks=1)
    await phones[0].says(f"ORDER {code} Devon, Marva").sees("by lottery")
    await join(code, phones[0], phones)
    await phones[0].says(f"LOTTERY {code}").sees("SEED HASH")
    await phones[0].says(f"CLOSE {code} YES").sees("Sunday Club")
    await house.pass_days(3)
    assert not await phones[1].saw("WORDS HASH")
    assert await fetch(house, "SELECT state FROM lottery") == "CANCELLED"


@pytest.mark.parametrize("said", ["", "SEED HASH", "LOTTERY K7QX2M\nSEED HASH " + "f" * 64])
async def test_what_is_not_a_lottery_is_not_proved(said: str, tmp_path: Path) -> None:
    assert "missing" in await proof(said, tmp_path)


async def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert await verify_lottery(Settings(), Namespace(file=str(tmp_path / "none.txt"))) == 2
