"""The words that people may type, and which of them a line begins with. What is not spelled so is for guessing.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.conversations import (
    disputing,
    draws,
    founding,
    joining,
    looking,
    onboarding,
    personal,
    planning,
    running,
    staffing,
    throwing,
    treasury,
    voting,
    waiving,
    why,
)
from bot.conversations.flow import Flow, Talk
from bot.conversations.phrases import SAME
from bot.words.say import Say
from domain.codes import looks_like_circle_code, normalise_code
from domain.standing import Standing


@dataclass(frozen=True, slots=True)
class Word:
    """One word: a flow, or something to look at. `acts`: typed alone it may do something that others see.

    `guards`: it asks for the PIN.
    `waits`: the kind of question that it answers. `banks`: only a banker has a use for it. `common`: people say it of
    other things too (`wi link`, `cash short`), so that small words beside it make it unsure.
    """

    flow: Flow | None = None
    look: Callable[[Talk], Say] | None = None
    staff: bool = False
    acts: bool = False
    guards: bool = False
    waits: str = ""
    banks: bool = False
    common: bool = False


WORDS: Mapping[str, Word] = {
    "MENU": Word(look=looking.menu),
    "HELP": Word(look=looking.help_),
    "BALANCE": Word(look=looking.balance),
    "CIRCLES": Word(look=looking.circles),
    "DRAW": Word(look=looking.draw),
    "JOIN": Word(joining.JOIN),
    "AGREE": Word(joining.AGREE, acts=True),
    "NEW": Word(founding.FLOW),
    "INVITE": Word(running.INVITE),
    "GROUP": Word(running.GROUP),
    "ROSTER": Word(running.ROSTER),
    "STATEMENT": Word(running.STATEMENT),
    "WHY": Word(why.WHY),
    "PROOF": Word(running.PROOF, common=True),
    "APPROVE": Word(running.APPROVE, acts=True, banks=True),
    "ORDER": Word(running.ORDER, banks=True),
    "TREASURER": Word(running.TREASURER, acts=True, banks=True),
    "DEPUTY": Word(voting.DEPUTY, acts=True, banks=True),
    "HANDOVER": Word(voting.HANDOVER, banks=True),
    "SWAP": Word(voting.SWAP, acts=True),
    "VOTE": Word(voting.VOTE, acts=True),
    "SEAT": Word(running.SEAT, acts=True),
    "LOTTERY": Word(running.LOTTERY, acts=True, banks=True),
    "WORD": Word(running.WORD),
    "SCORE": Word(running.SCORE),
    "TERMS": Word(running.TERMS),
    "LOCK": Word(running.LOCK, banks=True),
    "BEGIN": Word(running.BEGIN, banks=True),
    "CLOSE": Word(running.CLOSE, banks=True),
    "SUSPEND": Word(running.SUSPEND, acts=True, banks=True),
    "RESUME": Word(running.RESUME, acts=True, banks=True),
    "PAY": Word(throwing.PAY, acts=True),
    "CASH": Word(throwing.CASH_ENTRY, acts=True, banks=True, common=True),
    "COVER": Word(throwing.COVER, acts=True, banks=True, common=True),
    "PLAN": Word(planning.PLAN, acts=True, common=True),
    "WAIVE": Word(waiving.WAIVE, acts=True, banks=True),
    "CONFIRM": Word(throwing.CONFIRM, acts=True, waits="cash"),
    "DENY": Word(throwing.DENY, acts=True, waits="cash"),
    "SENT": Word(throwing.SENT, common=True),
    "PAY OUT": Word(running.PAY_OUT, acts=True, banks=True),
    "APPROVE PAYOUT": Word(draws.APPROVE_PAYOUT, acts=True, waits="payout"),
    "RECEIVED": Word(draws.RECEIVED, acts=True, waits="draw"),
    "NOT RECEIVED": Word(draws.NOT_RECEIVED, acts=True, waits="draw"),
    "JUDGE": Word(disputing.JUDGE, acts=True),
    "SIDE": Word(disputing.SIDE),
    "COMPLAIN": Word(disputing.COMPLAIN),
    "PAYOUT": Word(draws.PAYOUT, guards=True),
    "TRN": Word(personal.TRN),
    "LINK": Word(personal.LINK, guards=True, common=True),
    "UNLINK": Word(personal.UNLINK, guards=True),
    "REACH": Word(personal.REACH),
    "COPIES": Word(personal.COPIES),
    "PIN": Word(personal.PIN, guards=True),
    "STOP PAYOUT": Word(personal.STOP_PAYOUT, acts=True),
    "LANGUAGE": Word(personal.LANGUAGE),
    "AGENT": Word(personal.AGENT),
    "QUEUE": Word(staffing.QUEUE, staff=True),
    "KYC": Word(staffing.KYC, staff=True, acts=True),
    "CASE": Word(staffing.CASE, staff=True, acts=True),
    "FILES": Word(staffing.FILES, staff=True),
    "MESSAGES": Word(staffing.MESSAGES, staff=True),
    "LETTERS": Word(staffing.LETTERS, staff=True),
    "FREEZE": Word(staffing.FREEZE, staff=True, acts=True),
    "UNFREEZE": Word(staffing.UNFREEZE, staff=True, acts=True),
    "RESET PIN": Word(staffing.RESET_PIN, staff=True, acts=True),
    "REFUND": Word(treasury.REFUND, staff=True, acts=True),
    "MATCH": Word(treasury.MATCH, staff=True, acts=True, common=True),
    "RATE": Word(treasury.RATE, staff=True, acts=True),
}
BACK, BY = "BACK", "BY"
"""BACK is one step back. `BY ...` is an answer we offered to a question, and means nothing once that is over."""
HEADS: Mapping[str, str] = {**{word: word for word in (*WORDS, BACK, BY)}, **SAME, "CONSENT": BY}
ASIDE = (personal.NEW_PIN, personal.PIN_AGAIN)
"""Questions that no word begins: the desk puts them."""
FLOWS: Mapping[str, Flow] = {flow.name: flow for flow in (*(w.flow for w in WORDS.values() if w.flow), *ASIDE)}
ONBOARDING = onboarding.FLOW


@dataclass(frozen=True, slots=True)
class Said:
    """A line understood: its word (or none) and what followed. Not `exact`: it is what was likely meant."""

    word: str
    rest: str = ""
    exact: bool = True

    @property
    def entry(self) -> Word:
        """What the word stands for (nothing, for BACK and no word)."""
        return WORDS.get(self.word, Word())

    @property
    def line(self) -> str:
        """The line that says it in the bot's own words."""
        return f"{self.word} {self.rest}".strip()


NOTHING = Said("")


def understand(typed: str, standing: Standing) -> Said:
    """Find the word a line begins with, spelled as it should be: two words before one. A code alone is a JOIN."""
    words = typed.split(maxsplit=2)
    if not words:
        return NOTHING
    if len(words) == 1 and not typed.isdecimal() and looks_like_circle_code(typed):
        return Said("JOIN", words[0])
    after_one = typed.split(maxsplit=1)[1:]
    rests = (words[2] if len(words) > 2 else "", after_one[0] if after_one else "")  # noqa: PLR2004 - two words and the rest
    heads = (head_of(f"{words[0]} {words[1]}") if len(words) > 1 else "", head_of(words[0]))
    for head, rest in zip(heads, rests, strict=True):
        if word := HEADS.get(head):
            return _meant(word, rest) if may(word, standing) and not asks(word, typed) else NOTHING
    return _glued(words[0], rests[1]) or NOTHING


def weighs(typed: str) -> bool:
    """Whether a line begins with a word that does something others see, or tells of money, whoever typed it."""
    words = typed.lstrip("/").replace("_", " ").split(maxsplit=2)
    heads = (head_of(" ".join(words[:2])), head_of(words[0])) if words else ()
    word = next((HEADS[head] for head in heads if head in HEADS), "")
    glued = _glued(words[0], "") if words and not word else None
    word = glued.word if glued else word
    return word == "SENT" or WORDS.get(word, Word()).acts


def head_of(typed: str) -> str:
    """Return what a word is looked up by."""
    return typed.upper().rstrip("!.,:? ")


def asks(word: str, typed: str) -> bool:
    """Whether this asks about something rather than wants it done: `RECEIVED?` has not come."""
    return typed.endswith("?") and word in WORDS and WORDS[word].acts


def _meant(word: str, rest: str) -> Said:
    """Take `APPROVE P-7K2M` for the payout that it names: a person is never called so."""
    if word == "APPROVE" and rest[:2].upper() == "P-":
        return Said("APPROVE PAYOUT", rest)
    return Said(word, rest)


def payout_ref_in(rest: str) -> str:
    """Return the payout that is named in what follows a word (`approve it p-7k2m`), or ""."""
    for word in rest.split():
        marked = word[:2].upper() == "P-" or any(c.isdigit() for c in word)
        if marked and (code := normalise_code(word)) and code.startswith("P-"):
            return code
    return ""


def _glued(first: str, rest: str) -> Said | None:
    """Part a word from the figure typed onto it (`PAY5000`, `TRN123456789`)."""
    letters = first.rstrip("0123456789,.kK")
    word = letters.rstrip("$").upper()
    return Said(word, f"{first[len(word) :]} {rest}".strip()) if word in WORDS and letters != first else None


def fits(word: str, standing: Standing) -> bool:
    """Whether this person has a use for the word now, so that they are likely to mean it."""
    entry = WORDS.get(word, Word())
    banks = not entry.banks or any(seat.is_banker for seat in standing.seats)
    return banks and (not entry.waits or bool(standing.asked(entry.waits)))


def may(word: str, standing: Standing) -> bool:
    """Whether this person may know the word at all."""
    return word not in WORDS or not WORDS[word].staff or bool(standing.roles)
