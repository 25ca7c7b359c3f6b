"""An invitation tapped on Telegram arrives as `/start CODE`."""

import pytest

from domain.commands import LookAtTerms, Start
from domain.messages import Channel
from tests.conversations.chat import CODE, Chat, member, on


@pytest.mark.parametrize("typed", [f"/start {CODE}", f"/START  {CODE.lower()}", f"/start@PardnaBot {CODE}"])
def test_start_with_a_code_shows_the_terms(typed: str) -> None:
    Chat(on(Channel.TELEGRAM, member())).says(typed).does(LookAtTerms(CODE, 2))


def test_start_with_anything_else_is_a_start() -> None:
    """Links of other origin carry a word of their own (`t.me/...?start=ref_newsletter-7`)."""
    Chat(on(Channel.TELEGRAM, member(stopped=True))).says("/start ref_newsletter-7").does(Start())


def test_the_bots_name_behind_a_command_does_not_count() -> None:
    Chat(on(Channel.TELEGRAM, member())).says("/balance@PardnaBot").sees("J$5,000")
