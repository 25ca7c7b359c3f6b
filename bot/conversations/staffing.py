"""The words of staff about people: QUEUE, KYC, CASE, FILES, FREEZE, UNFREEZE, RESET PIN."""

from collections.abc import Callable

from bot.conversations.flow import Flow, Misread, Question, Talk, do
from bot.conversations.lines import Words, first, line, rest
from bot.conversations.personal import normal_address
from bot.conversations.reading import miss, read_ref
from bot.words.say import Answer, Say, say, text
from domain.codes import normalise_code
from domain.commands import Case, Command, Files, FreezeDraws, Kyc, Letters, Messages, Queue, ResetPin, UnfreezeDraws
from domain.messages import Channel
from domain.people import TicketKind, tidy_name

VERDICTS = {"ok": True, "yes": True, "right": True, "no": False, "wrong": False}
LONGEST_CASE = 1000
read_ticket = read_ref("K")

KINDS = frozenset(kind.value for kind in TicketKind)
LONGEST_NUMBER = 15
LONGEST_PAGE = 4
"""Figures: a number as long as that is no page."""


def _take_kind(left: Words, _: Talk) -> tuple[str | None, Words]:
    kinds = [w for w in left if w.casefold() in KINDS]
    return (kinds[0].casefold(), [w for w in left if w != kinds[0]]) if kinds else (None, left)


def _take_page(left: Words, _: Talk) -> tuple[int | None, Words]:
    pages = [w for w in left if w.isdecimal() and len(w) < LONGEST_PAGE and int(w)]
    return (int(pages[0]), [w for w in left if w != pages[0]]) if pages else (None, left)


QUEUE = Flow(
    "queue",
    [],
    lambda talk: do(talk, Queue(talk.slots.get("kind", ""), talk.slots.get("page", 1))),
    line("QUEUE", ("kind", _take_kind), ("page", _take_page)),
)


def _read_verdict(typed: str, _: Talk) -> bool:
    verdict = VERDICTS.get(typed.strip(" .!").casefold())
    if verdict is None:
        raise miss("no_verdict", typed)
    return verdict


def _ask_verdict(talk: Talk) -> Say:
    ref = talk.slots["ref"]
    return say("ask_verdict", Answer(f"KYC {ref} OK", "OK"), Answer(f"KYC {ref} NO", text("no")))


KYC = Flow(
    "kyc",
    [
        Question("ref", lambda _: say("ask_ticket_ref"), read_ticket),
        Question("right", _ask_verdict, _read_verdict),
    ],
    lambda talk: do(talk, Kyc(talk.slots["ref"], talk.slots["right"])),
    line("KYC", ("ref", first(read_ticket)), ("right", rest(_read_verdict))),
)


def _read_text(typed: str, _: Talk) -> str:
    said = typed.strip()
    if not any(c.isalnum() for c in said):
        raise Misread(text("no_note"))
    return said[:LONGEST_CASE]


CASE = Flow(
    "case",
    [
        Question("ref", lambda _: say("ask_ticket_ref"), read_ticket),
        Question("text", lambda _: say("ask_case_text"), _read_text, free=True),
    ],
    lambda talk: do(talk, Case(talk.slots["ref"], talk.slots["text"])),
    line("CASE", ("ref", first(read_ticket)), ("text", rest(_read_text))),
)


# -- people whose money or PIN staff decide about --------------------------------------------------------------


def _read_person(typed: str, _: Talk) -> str:
    """Read whom staff mean: a reference of the queue, a number, or a whole name."""
    plain = " ".join(typed.split())
    code = normalise_code(plain)
    if code and code.startswith("K-"):
        return code
    if any(c.isdigit() for c in plain):
        if number := normal_address(Channel.TELEGRAM, plain) or normal_address(Channel.SMS, plain):
            return number
    elif name := tidy_name(plain):
        return name
    raise miss("no_person", typed)


def _take_person(left: Words, talk: Talk) -> tuple[str | None, Words]:
    """Take `K-7Q2M`, a number, or a name: a name ends at a semicolon, the others by themselves."""
    if not left:
        return None, left
    if left[0].upper().startswith("K-"):
        return _read_person(left[0], talk), left[1:]
    before, mark, after = " ".join(left).partition(";")
    if mark or not any(c.isdigit() for c in left[0]):
        return _read_person(before, talk), after.split()
    number = [w for i, w in enumerate(left) if all(any(c.isdigit() for c in x) for x in left[: i + 1])]
    return _read_person(" ".join(number), talk), left[len(number) :]


def _about(word: str, command: Callable[[str, str], Command]) -> Flow:
    """Make a flow that needs a person and a reason."""
    return Flow(
        word.lower(),
        [
            Question("who", lambda _: say("ask_person", word=word), _read_person, free=True, figures=True),
            Question("reason", lambda _: say("ask_reason"), _read_text, free=True),
        ],
        lambda talk: do(talk, command(talk.slots["who"], talk.slots["reason"])),
        line(word, ("who", _take_person), ("reason", rest(_read_text))),
    )


FILES = Flow(
    "files",
    [Question("ref", lambda _: say("ask_ticket_ref"), read_ticket)],
    lambda talk: do(talk, Files(talk.slots["ref"], talk.slots.get("number", 0))),
    line("FILES", ("ref", first(read_ticket)), ("number", _take_page)),
)
MESSAGES = Flow(
    "messages",
    [Question("who", lambda _: say("ask_person", word="MESSAGES"), _read_person, free=True, figures=True)],
    lambda talk: do(talk, Messages(talk.slots["who"])),
    line("MESSAGES", ("who", rest(_read_person))),
)


def _read_act(typed: str, _: Talk) -> str:
    act = typed.casefold()
    if act not in {"retry", "drop"}:
        raise miss("no_letter", typed)
    return act


def _read_number(typed: str, _: Talk) -> int:
    if not typed.isdecimal() or len(typed) > LONGEST_NUMBER:
        raise miss("no_letter", typed)
    return int(typed)


LETTERS = Flow(
    "letters",
    [Question("number", lambda _: say("ask_letter"), _read_number, when=lambda t: "act" in t.slots, figures=True)],
    lambda talk: do(talk, Letters(talk.slots.get("act", ""), talk.slots.get("number", 0))),
    line("LETTERS", ("act", first(_read_act)), ("number", rest(_read_number))),
)
FREEZE = _about("FREEZE", FreezeDraws)
UNFREEZE = _about("UNFREEZE", UnfreezeDraws)
RESET_PIN = _about("RESET PIN", ResetPin)
