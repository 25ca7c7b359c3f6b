"""Whether what we say gets to people: passing it on, and telling staff what became of it."""

from bot.actions import freezing
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.people import Person, shown_address
from domain.schedule import local
from storage.outbox import DELIVERY, Life

_BY_RANK = {rank: name for name, rank in DELIVERY.items()}


def pass_on(turn: Turn, command: c.PassOn) -> None:
    """A notice did not get there: it goes to the next address (bot/dispatch.py, which knows what was tried)."""
    turn.passing.append(command)


def asked_about(turn: Turn, command: c.Command) -> str:
    """Return whose messages staff ask about, so that they are read beforehand; "" when nobody's."""
    person = freezing.whom(turn, command.person_named) if isinstance(command, c.Messages) else None
    return person.id if isinstance(person, Person) else ""


def messages(turn: Turn, command: c.Messages) -> Say | Refusal:
    """Tell what became of the last messages to somebody, the newest first, and nothing of what they said."""
    person = freezing.whom(turn, command.person_named)
    if isinstance(person, Refusal):
        return person
    lives = turn.lives.get(person.id, ())
    if not lives:
        return refuse("messages_none", name=person.name)
    return say("messages", name=person.name, lines=tuple(map(_line, lives)))


def _line(life: Life) -> Text:
    at = local(life.at)
    return text(
        "message_life",
        date=at.date(),
        time=f"{at:%H:%M}",
        address=shown_address(life.lane),
        state=text(f"life_{_state(life)}"),
        code=f" ({life.code})" if life.code and life.delivery < DELIVERY["delivered"] else "",
    )


def _state(life: Life) -> str:
    """Return how far it got: what the network told goes before what we know ourselves."""
    if life.state in {"replaced", "dropped"} and life.delivery < DELIVERY["delivered"]:
        return life.state
    if life.state == "waiting":
        return life.state
    if life.state == "dead":
        return "failed"
    return _BY_RANK.get(life.delivery, life.state)
