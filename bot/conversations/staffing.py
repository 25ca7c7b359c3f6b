"""The words of staff: QUEUE, KYC, CASE."""

from bot.conversations.flow import Flow, Misread, Question, Talk, do
from bot.conversations.lines import Words, first, line, rest
from bot.conversations.reading import miss, read_ref
from bot.words.say import Answer, Say, say, text
from domain.commands import Case, Kyc, Queue
from domain.people import TicketKind

VERDICTS = {"ok": True, "yes": True, "right": True, "no": False, "wrong": False}
LONGEST_CASE = 1000
read_ticket = read_ref("K")

KINDS = frozenset(kind.value for kind in TicketKind)
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
