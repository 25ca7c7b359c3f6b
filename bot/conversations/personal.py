"""About oneself: TRN, another address, language, a human."""

import re
from typing import Any

import phonenumbers

from bot.conversations.flow import Flow, Misread, Question, Step, Talk
from bot.conversations.onboarding import language_answers, read_language
from bot.conversations.reading import heard, read_trn_number
from bot.words.say import Answer, Say, Text, say, text
from domain.commands import FinishLink, OpenTicket, SetLanguage, StartLink, StateTrn
from domain.messages import Channel
from domain.people import Language

LONGEST_NOTE = 1000
CHANNEL_WORDS = {
    "sms": Channel.SMS,
    "text": Channel.SMS,
    "whatsapp": Channel.WHATSAPP,
    "telegram": Channel.TELEGRAM,
}


def _trn_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    if not rest:
        return {}, None
    try:
        return {"trn": read_trn_number(rest, talk)}, None
    except Misread as miss:
        return {}, miss.because


def _ask_trn(talk: Talk) -> Say:
    state = talk.standing.trn_state
    return say(f"ask_trn_{state.value.lower()}" if state else "ask_trn", last3=talk.standing.trn_last3)


TRN = Flow(
    "trn",
    [Question("trn", _ask_trn, read_trn_number)],
    lambda talk: Step(talk.session.idle(), (), (StateTrn(talk.slots["trn"]),)),
    _trn_line,
)


def normal_address(channel: Channel, typed: str) -> str:
    """Return an address in its one form (`+18765550101`, a Telegram chat id), or "" when it is none."""
    if channel is Channel.TELEGRAM:
        digits = typed.strip()
        return digits if re.fullmatch(r"\d{5,15}", digits) else ""
    try:
        number = phonenumbers.parse(typed, "JM")
    except phonenumbers.NumberParseException:
        return ""
    # "Possible", not "valid": new Jamaican ranges appear before the library knows them (facts, phones).
    return (
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if phonenumbers.is_possible_number(number)
        else ""
    )


def _read_address(typed: str, talk: Talk) -> str:
    tokens = typed.split()
    channel = CHANNEL_WORDS.get(tokens[0].casefold()) if tokens else None
    where = channel or (Channel.WHATSAPP if talk.standing.channel == Channel.SMS else Channel.SMS)
    address = normal_address(where, " ".join(tokens[1:] if channel else tokens))
    if not address:
        raise Misread(text("no_address", heard=heard(typed)))
    return f"{where}:{address}"


def _link_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    if not rest:
        return {}, None
    if re.fullmatch(r"\d{6}", rest.strip()) and talk.session.memory.get("linking"):
        return {"code": rest.strip()}, None
    try:
        return {"party": _read_address(rest, talk)}, None
    except Misread as miss:
        return {}, miss.because


def _link(talk: Talk) -> Step:
    if code := talk.slots.get("code"):
        return Step(talk.session.idle().remember(linking=None), (), (FinishLink(code),))
    return Step(talk.session.idle().remember(linking=True), (), (StartLink(talk.slots["party"]),))


LINK = Flow(
    "link",
    [Question("party", lambda _: say("ask_link"), _read_address, when=lambda talk: "code" not in talk.slots)],
    _link,
    _link_line,
)


def _language_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    if not rest:
        return {}, None
    try:
        return {"language": read_language(rest, talk)}, None
    except Misread as miss:
        return {}, miss.because


LANGUAGE = Flow(
    "language",
    [Question("language", lambda _: say("ask_language", *language_answers()), read_language)],
    lambda talk: Step(talk.session.idle(), (), (SetLanguage(Language(talk.slots["language"])),)),
    _language_line,
)


def _read_note(typed: str, _: Talk) -> str:
    note = typed.strip()
    if not any(c.isalpha() for c in note):
        raise Misread(text("no_note"))
    return note[:LONGEST_NOTE]


AGENT = Flow(
    "agent",
    [Question("note", lambda _: say("ask_agent", Answer("MENU", text("menu"))), _read_note, free=True)],
    lambda talk: Step(talk.session.idle(), (), (OpenTicket(talk.slots["note"]),)),
    lambda rest, _: ({"note": rest[:LONGEST_NOTE]} if rest else {}, None),
)
