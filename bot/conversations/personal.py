"""About oneself: TRN, PIN, addresses, language, a human."""

import re
from datetime import datetime, timedelta

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from bot.conversations.flow import Flow, Misread, Question, Step, Talk, do
from bot.conversations.lines import Words, line, rest
from bot.conversations.onboarding import language_answers, read_language
from bot.conversations.reading import miss, read_trn_number
from bot.words.say import Answer, Say, say, text
from domain.commands import (
    AskCopies,
    AskReach,
    AskUnlink,
    ChangePin,
    ChoosePin,
    FinishLink,
    GivePin,
    OpenTicket,
    Reach,
    RepeatPin,
    SetCopies,
    SetLanguage,
    StartLink,
    StateTrn,
    StopDraws,
    Unlink,
)
from domain.messages import Channel
from domain.people import Language, TrnState
from domain.pins import is_too_easy, read_pin

LONGEST_NOTE = 1000
_PIN_TOLD = re.compile(r"(?i)(\bpin\b(?:\W|is|a|number|no|was){0,4}?)\s*[0-9](?:[ -]?[0-9]){3,5}\b")
"""A PIN told to a person all the same: it is cut out before anybody reads it."""
LINK_LASTS = timedelta(minutes=10)
"""How long six figures alone are taken for the code of a link (rules.md 53)."""
CHANNEL_WORDS = {
    "sms": Channel.SMS,
    "text": Channel.SMS,
    "whatsapp": Channel.WHATSAPP,
    "telegram": Channel.TELEGRAM,
    "email": Channel.EMAIL,
    "e-mail": Channel.EMAIL,
    "mail": Channel.EMAIL,
}


def _ask_trn(talk: Talk) -> Say:
    state = talk.standing.trn_state
    return say(f"ask_trn_{state.value.lower()}" if state else "ask_trn", last3=talk.standing.trn_last3)


def _trn_open(talk: Talk) -> bool:
    return talk.standing.trn_state is not TrnState.VERIFIED


def _state_trn(talk: Talk) -> Step:
    trn = talk.slots.get("trn")
    return do(talk, StateTrn(trn)) if trn else Step(talk.session.idle(), (_ask_trn(talk),))


TRN = Flow(
    "trn",
    [Question("trn", _ask_trn, read_trn_number, when=_trn_open, figures=True)],
    _state_trn,
    line("TRN", ("trn", rest(read_trn_number))),
)


def normal_address(channel: Channel, typed: str) -> str:
    """Return an address in its one form (`+18765550101`, a Telegram chat id, `m@example.com`), or ""."""
    if channel is Channel.EMAIL:
        return _normal_email(typed)
    if channel is Channel.TELEGRAM:
        digits = typed.strip()
        return digits if re.fullmatch(r"[0-9]{5,15}", digits) else ""
    try:
        number = phonenumbers.parse(typed, "JM")
    except phonenumbers.NumberParseException:
        return ""
    # "Possible", not "valid": new Jamaican ranges appear before the library knows them.
    return (
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if phonenumbers.is_possible_number(number)
        else ""
    )


def _normal_email(typed: str) -> str:
    """Return an e-mail address in small letters, as its provider's events name it."""
    try:
        # Whether its domain takes mail is SendGrid's to find out: a talk asks nobody.
        known = validate_email(typed.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return ""
    return known.normalized.lower()


def _usual_channel(typed: str, talk: Talk) -> Channel:
    if "@" in typed:
        return Channel.EMAIL
    return Channel.WHATSAPP if talk.standing.channel == Channel.SMS else Channel.SMS


def _read_address(typed: str, talk: Talk) -> str:
    words = typed.split()
    channel = CHANNEL_WORDS.get(words[0].casefold()) if words else None
    where = channel or talk.slots.get("by") or _usual_channel(typed, talk)
    address = normal_address(Channel(where), " ".join(words[1:] if channel else words))
    if not address:
        raise miss("no_mail_address" if where == Channel.EMAIL else "no_address", typed)
    return f"{where}:{address}"


def _take_network(left: Words, _: Talk) -> tuple[str | None, Words]:
    """Take the network where nothing but it is named."""
    channel = CHANNEL_WORDS.get(left[0].casefold()) if len(left) == 1 else None
    return (channel.value, []) if channel else (None, left)


def _ask_link(talk: Talk) -> Say:
    return say("ask_link_mail" if talk.slots.get("by") == Channel.EMAIL else "ask_link")


def read_link_code(typed: str, talk: Talk) -> str:
    """Return the six figures of a link's code while one is on its way, else ""."""
    until = talk.session.memory.get("linking")
    waits = until is not None and talk.standing.now < datetime.fromisoformat(until)
    number = typed.replace(" ", "")
    return number if waits and re.fullmatch(r"[0-9]{6}", number) else ""


def _take_code(left: Words, talk: Talk) -> tuple[str | None, Words]:
    number = read_link_code("".join(left), talk)
    return (number, []) if number else (None, left)


def _link(talk: Talk) -> Step:
    if number := talk.slots.get("code"):
        return do(talk, FinishLink(number))
    until = (talk.standing.now + LINK_LASTS).isoformat(timespec="minutes")
    return Step(talk.session.idle().remember(linking=until), (), (StartLink(talk.slots["party"]),))


def _no_link_code(talk: Talk) -> bool:
    return "code" not in talk.slots


LINK = Flow(
    "link",
    [Question("party", _ask_link, _read_address, when=_no_link_code, figures=True)],
    _link,
    line("LINK", ("code", _take_code), ("by", _take_network), ("party", rest(_read_address))),
)


def _unlink(talk: Talk) -> Step:
    party = talk.slots.get("party")
    return do(talk, Unlink(party) if party else AskUnlink())


UNLINK = Flow("unlink", [], _unlink, line("UNLINK", ("party", rest(_read_address))))


def _reached(talk: Talk) -> str:
    """Return the address that is named, or its network alone (`sms:`)."""
    return str(talk.slots.get("party") or (f"{talk.slots['by']}:" if "by" in talk.slots else ""))


REACH = Flow(
    "reach",
    [],
    lambda talk: do(talk, Reach(party) if (party := _reached(talk)) else AskReach()),
    line("REACH", ("by", _take_network), ("party", rest(_read_address))),
)
ON_OFF = {"on": True, "yes": True, "off": False, "no": False, "stop": False}


def _read_on_off(typed: str, _: Talk) -> bool:
    on = ON_OFF.get(typed.strip(" .!").casefold())
    if on is None:
        raise miss("no_copies", typed)
    return on


def _copies(talk: Talk) -> Step:
    on = talk.slots.get("on")
    return do(talk, AskCopies() if on is None else SetCopies(on))


COPIES = Flow("copies", [], _copies, line("COPIES", ("on", rest(_read_on_off))))
STOP_PAYOUT = Flow("stop payout", [], lambda talk: do(talk, StopDraws()), line("STOP PAYOUT"))


# -- PIN ------------------------------------------------------------------------------------------------------
# What was typed is never said back, and no slot outlives the turn it was typed in.


def _never(_: Talk) -> bool:
    return False


def _read_pin(typed: str, _: Talk) -> str:
    pin = read_pin(typed)
    if not pin:
        raise Misread(text("no_pin"))
    return pin


def _read_new_pin(typed: str, talk: Talk) -> str:
    pin = _read_pin(typed, talk)
    if is_too_easy(pin, talk.standing.party.partition(":")[2], talk.standing.trn_last3):
        raise Misread(text("pin_easy"))
    return pin


def _pin(talk: Talk) -> Step:
    if pin := talk.slots.get("pin"):
        return do(talk, GivePin(pin, asked=talk.session.at == "pin"))
    return do(talk, ChangePin())


PIN = Flow(
    "pin",
    [Question("pin", lambda _: say("ask_pin"), _read_pin, when=_never, figures=True)],
    _pin,
    line("PIN", ("pin", rest(_read_pin))),
)
"""The word alone changes the PIN. The question is never put by the flow itself: the gate puts it."""
NEW_PIN = Flow(
    "new_pin",
    [Question("pin", lambda _: say("ask_next_pin"), _read_new_pin, figures=True)],
    lambda talk: do(talk, ChoosePin(talk.slots["pin"])),
)
PIN_AGAIN = Flow(
    "pin_again",
    [Question("pin", lambda _: say("ask_pin_again"), _read_pin, figures=True)],
    lambda talk: do(talk, RepeatPin(talk.slots["pin"])),
)
LANGUAGE = Flow(
    "language",
    [Question("language", lambda _: say("ask_language", *language_answers()), read_language)],
    lambda talk: do(talk, SetLanguage(Language(talk.slots["language"]))),
    line("LANGUAGE", ("language", rest(read_language))),
)


def read_note(typed: str, _: Talk) -> str:
    """Read what somebody tells a person, without a PIN that they put into it."""
    note = typed.strip()
    if not any(c.isalpha() for c in note):
        raise Misread(text("no_note"))
    return _PIN_TOLD.sub(r"\1 ...", note)[:LONGEST_NOTE]


AGENT = Flow(
    "agent",
    [Question("note", lambda _: say("ask_agent", Answer("MENU", text("menu"))), read_note, free=True)],
    lambda talk: do(talk, OpenTicket(talk.slots["note"])),
    line("AGENT", ("note", rest(read_note))),
)
