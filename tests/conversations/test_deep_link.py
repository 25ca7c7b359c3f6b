"""An invitation tapped on Telegram arrives as `/start CODE`."""

from bot.conversations.flow import Session
from bot.conversations.talk import turn
from domain.commands import LookAtTerms
from domain.messages import Channel, Inbound, InboundKind
from domain.people import Language, Person
from domain.standing import Standing
from tests.conversations.chat import NOW


def test_start_with_a_code_shows_the_terms() -> None:
    keisha = Person("k", "Keisha Reid", Language.EN, NOW)
    said = Inbound(Channel.TELEGRAM, "5550103", InboundKind.TEXT, text="/start K7QX2M")
    step = turn(Session(), said, Standing("telegram:5550103", NOW, person=keisha))
    assert step.commands == (LookAtTerms("K7QX2M", 1),)
