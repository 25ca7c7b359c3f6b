"""The first chat: a name, the terms and the privacy notice, a language. A JOIN that brought them goes on after it."""

from bot.conversations.flow import Flow, Question, Step, Talk, do
from bot.conversations.reading import read_name, read_one_of, read_yes
from bot.words.legal import TERMS_VERSION
from bot.words.say import Answer, Say, say, text
from domain.commands import Onboard
from domain.people import Language, tidy_name

LANGUAGES = {
    "en": "en", "english": "en", "eng": "en",
    "pw": "pw", "patwa": "pw", "patois": "pw", "jamaican": "pw",
}  # fmt: skip
read_language = read_one_of("no_language", LANGUAGES, "language ")
"""The answers offered are `LANGUAGE EN` and `LANGUAGE PATWA`, which mean the same at any time."""


def language_answers() -> tuple[Answer, ...]:
    """Offer the two languages, each in its own."""
    return (Answer("LANGUAGE EN", "English"), Answer("LANGUAGE PATWA", "Patwa"))


def _ask_name(talk: Talk) -> Say:
    known = tidy_name(talk.name)
    return say("ask_name", *([Answer(known, known)] if known else []))


def _ask_consent(talk: Talk) -> Say:
    return say(
        "ask_consent",
        Answer("CONSENT YES", text("yes_agree")),
        Answer("CONSENT NO", text("not_now")),
        name=talk.slots["name"],
    )


def _ask_language(_: Talk) -> Say:
    return say("ask_language", *language_answers())


def _agreed(talk: Talk) -> bool:
    return talk.slots.get("consent") is not False


def _finish(talk: Talk) -> Step:
    if not talk.slots["consent"]:
        return Step(talk.session.idle(), (say("consent_no"),))
    return do(talk, Onboard(talk.slots["name"], Language(talk.slots["language"]), TERMS_VERSION))


FLOW = Flow(
    "onboarding",
    [
        Question("name", _ask_name, read_name, free=True),
        Question("consent", _ask_consent, read_yes),
        Question("language", _ask_language, read_language, when=_agreed),
    ],
    _finish,
)
