"""Draws: where mine goes (PAYOUT), that it came (RECEIVED), and the second yes (APPROVE PAYOUT)."""

import re
from collections.abc import Callable
from typing import Any

from bot.conversations.flow import Complaint, Flow, Misread, Question, Step, Talk, do
from bot.conversations.reading import heard, is_secret, miss, read_one_of
from bot.conversations.throwing import answering
from bot.words.say import Answer, Say, say, text
from domain.codes import looks_like_circle_code
from domain.commands import ApprovePayout, NotReceived, Received, SetDestination
from domain.people import BANK_ACCOUNT, tidy_name

KINDS = {
    "bank": "bank", "wallet": "wallet", "cash": "cash", "lynk": "wallet",
    "cash from banker": "cash", "cash from the banker": "cash", "bank account": "bank", "wallet (lynk)": "wallet",
}  # fmt: skip
BANKS = {
    "ncb": "NCB", "national commercial bank": "NCB", "scotia": "Scotiabank", "scotiabank": "Scotiabank",
    "jn": "JN Bank", "jn bank": "JN Bank", "sagicor": "Sagicor", "cibc": "CIBC", "jmmb": "JMMB",
    "first global": "First Global", "fgb": "First Global",
}  # fmt: skip
_WALLET = re.compile(r"@[A-Za-z0-9_.]{2,30}|\+?[0-9]{7,15}")
LONGEST_BRANCH = 30
LONGEST_BRANCH_NUMBER = 5
"""A branch may be given by its transit number; more figures are an account in the wrong place."""

RECEIVED = answering("RECEIVED", "draw", "P", "nothing_to_receive", Received)
NOT_RECEIVED = answering("NOT RECEIVED", "draw", "P", "nothing_to_receive", NotReceived)
APPROVE_PAYOUT = answering("APPROVE PAYOUT", "payout", "P", "nothing_to_approve", ApprovePayout)


def _ask_kind(talk: Talk) -> Say:
    answers = [
        Answer("PAYOUT BANK", text("payout_bank")),
        Answer("PAYOUT WALLET", text("payout_wallet")),
        Answer("PAYOUT CASH", text("payout_cash")),
    ]
    now = talk.standing.destination
    return say("ask_payout_kind_now", *answers, label=now) if now else say("ask_payout_kind", *answers)


def _is(kind: str) -> Callable[[Talk], bool]:
    return lambda talk: talk.slots.get("kind") == kind


def _has_branch(talk: Talk) -> bool:
    return talk.slots.get("place") == "Scotiabank"


def _not_cash(talk: Talk) -> bool:
    return talk.slots.get("kind") in {"bank", "wallet"}


def _ask_place(_: Talk) -> Say:
    banks = (("NCB", "NCB"), ("SCOTIABANK", "Scotiabank"), ("JN", "JN Bank"))
    return say("ask_bank", *(Answer(f"PAYOUT {word}", label) for word, label in banks))


_read_bank = read_one_of("no_bank", BANKS)


def _read_branch(typed: str, _: Talk) -> str:
    branch = " ".join(typed.split())
    number = branch.isdecimal() and len(branch) <= LONGEST_BRANCH_NUMBER
    if not 2 <= len(branch) <= LONGEST_BRANCH or (is_secret(branch) and not number):  # noqa: PLR2004 - one letter is none
        raise miss("no_branch", typed)
    return branch


def _read_account(typed: str, talk: Talk) -> str:
    digits = re.sub(r"[\s-]", "", typed)
    bank = talk.slots.get("kind") == "bank"
    if not (BANK_ACCOUNT if bank else _WALLET).fullmatch(digits):
        raise Misread(text("no_account" if bank else "no_wallet"))
    return digits


def _ask_account(talk: Talk) -> Say:
    if talk.slots["kind"] == "wallet":
        return say("ask_wallet")
    return say("ask_account", bank=talk.slots["place"])


def _my_name(talk: Talk) -> str:
    return talk.standing.person.name if talk.standing.person else ""


def _ask_holder(talk: Talk) -> Say:
    name = _my_name(talk)
    return say("ask_holder", Answer("BY MY NAME", name), name=name)


def _read_holder(typed: str, talk: Talk) -> str:
    if typed.casefold().strip(" .!").removeprefix("by ") in {"me", "mine", "my own", "my name", "mi", "yes"}:
        return _my_name(talk)
    holder = tidy_name(typed)
    if not holder:
        raise miss("no_holder", typed)
    return holder


def _payout_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Complaint | None]:
    """Read `CASH`, `NCB 12345678`, `SCOTIA Liguanea 12345678`, `LYNK 8765550101`, `NCB 12345678 Marva Brown`.

    What follows the figures is the name that the account is in; a line without one means the member's own.
    The account is kept only when nothing else is left to ask, so that no session ever holds it.
    """
    words = rest.split()
    slots: dict[str, Any] = {}
    while words and (found := _place(words[0].casefold(), slots)):
        slots |= found
        words = words[1:]
    if not slots and looks_like_circle_code(rest):
        return {}, Complaint("kind", text("payout_takes_no_code", code=rest.upper()))
    if not slots:
        return {}, Complaint("kind", text("no_payout", heard=heard(rest)))
    slots |= {"place": "Lynk"} if slots["kind"] == "wallet" else {}
    last = max((i for i, w in enumerate(words) if any(c.isdigit() for c in w)), default=len(words))
    words, holder = words[: last + 1], " ".join(words[last + 1 :])
    names = [w for w in words if w.isalpha()]
    figures = [w for w in words if not w.isalpha()]
    if not names and len(figures) > 1 and len(figures[0]) <= LONGEST_BRANCH_NUMBER and _has_branch(talk.knowing(slots)):
        names, figures = figures[:1], figures[1:]
    try:
        if names and _has_branch(talk.knowing(slots)):
            slots["branch"], names = _read_branch(" ".join(names), talk), []
        if names or (figures and not _not_cash(talk.knowing(slots))):
            return slots, Complaint("account", text("no_payout", heard=heard(" ".join(words))))
        if figures:
            account = _read_account(" ".join(figures), talk.knowing(slots))
            ready = "place" in slots and ("branch" in slots or not _has_branch(talk.knowing(slots)))
            own = _read_holder(holder, talk) if holder else _my_name(talk)
            slots |= {"account": account, "holder": own} if ready else {}
    except Misread as wrong:
        return slots, Complaint("account", wrong.because)
    return slots, None


def _place(word: str, slots: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a word says of the place: the kind, or the bank and with it the kind."""
    if word in BANKS and "place" not in slots and slots.get("kind") in {None, "bank"}:
        return {"kind": "bank", "place": BANKS[word]}
    return {"kind": KINDS[word]} if word in KINDS and slots.get("kind") in {None, KINDS[word]} else None


def _finish(talk: Talk) -> Step:
    s = talk.slots
    place = s.get("place") or ("Lynk" if s["kind"] == "wallet" else "")
    holder = s.get("holder", "")
    return do(talk, SetDestination(s["kind"], place, s.get("branch", ""), s.get("account", ""), holder))


PAYOUT = Flow(
    "payout",
    [
        Question("kind", _ask_kind, read_one_of("no_payout_kind", KINDS)),
        Question("place", _ask_place, _read_bank, when=_is("bank")),
        Question("branch", lambda _: say("ask_branch"), _read_branch, when=_has_branch, free=True, figures=True),
        Question("holder", _ask_holder, _read_holder, when=_not_cash, free=True),
        Question("account", _ask_account, _read_account, when=_not_cash, figures=True),
    ],
    _finish,
    _payout_line,
)
