"""Draws: where mine goes (PAYOUT), that it came (RECEIVED), and the second yes (APPROVE PAYOUT)."""

import re
from typing import Any

from bot.conversations.flow import Flow, Misread, Question, Step, Talk
from bot.conversations.reading import heard, read_one_of
from bot.conversations.throwing import answering
from bot.words.say import Answer, Say, Text, say, text
from domain.commands import ApprovePayout, NotReceived, Received, SetDestination

KINDS = {
    "bank": "bank", "wallet": "wallet", "cash": "cash", "lynk": "wallet",
    "cash from the banker": "cash", "bank account": "bank",
}  # fmt: skip
BANKS = {
    "ncb": "NCB", "national commercial bank": "NCB", "scotia": "Scotiabank", "scotiabank": "Scotiabank",
    "jn": "JN Bank", "jn bank": "JN Bank", "sagicor": "Sagicor", "cibc": "CIBC", "jmmb": "JMMB",
    "first global": "First Global", "fgb": "First Global",
}  # fmt: skip
WALLETS = {"lynk": "Lynk"}
_ACCOUNT = re.compile(r"\d{6,13}")
_WALLET = re.compile(r"@[A-Za-z0-9_.]{2,30}|\+?\d{7,15}")

RECEIVED = answering("RECEIVED", "draw", "P", "nothing_to_receive", Received)
NOT_RECEIVED = answering("NOT RECEIVED", "draw", "P", "nothing_to_receive", NotReceived)
APPROVE_PAYOUT = answering("APPROVE PAYOUT", "payout", "P", "nothing_to_approve", ApprovePayout)


def _ask_kind(talk: Talk) -> Say:
    answers = [
        Answer("BANK", text("payout_bank")),
        Answer("WALLET", text("payout_wallet")),
        Answer("CASH", text("payout_cash")),
    ]
    now = talk.standing.destination
    return say("ask_payout_kind_now", *answers, label=now) if now else say("ask_payout_kind", *answers)


def _is(kind: str) -> Any:
    return lambda talk: talk.slots.get("kind") == kind


def _not_cash(talk: Talk) -> bool:
    return talk.slots.get("kind") in {"bank", "wallet"}


def _ask_place(_: Talk) -> Say:
    return say("ask_bank", Answer("NCB", "NCB"), Answer("SCOTIABANK", "Scotiabank"), Answer("JN", "JN Bank"))


def _read_bank(typed: str, talk: Talk) -> str:
    return read_one_of("no_bank", BANKS)(typed, talk)


def _read_branch(typed: str, _: Talk) -> str:
    branch = " ".join(typed.split())
    if not 2 <= len(branch) <= 30:  # noqa: PLR2004 - a branch is a short name or five digits
        raise Misread(text("no_branch", heard=heard(typed)))
    return branch


def _read_account(typed: str, talk: Talk) -> str:
    digits = re.sub(r"[\s-]", "", typed)
    pattern = _ACCOUNT if talk.slots.get("kind") == "bank" else _WALLET
    if not pattern.fullmatch(digits):
        raise Misread(text("no_account" if talk.slots.get("kind") == "bank" else "no_wallet"))
    return digits


def _ask_account(talk: Talk) -> Say:
    if talk.slots["kind"] == "wallet":
        return say("ask_wallet")
    name = talk.standing.person.name if talk.standing.person else ""
    return say("ask_account", bank=talk.slots["place"], name=name)


def _payout_line(rest: str, talk: Talk) -> tuple[dict[str, Any], Text | None]:
    """Read `CASH`, `BANK NCB 12345678`, `NCB 12345678`, `SCOTIA Liguanea 12345678`, `LYNK 8765550101`."""
    slots: dict[str, Any] = {}
    left: list[str] = []
    for token in rest.split():
        low = token.casefold()
        if "kind" not in slots and low in KINDS:
            slots["kind"] = KINDS[low]
        elif "place" not in slots and low in BANKS:
            slots |= {"kind": "bank", "place": BANKS[low]}
        elif slots.get("kind") and re.sub(r"[-+@]", "", token).isalnum() and any(c.isdigit() for c in token):
            try:
                slots["account"] = _read_account(token, _looking_at(talk, slots))
            except Misread as miss:
                return slots, miss.because
        else:
            left.append(token)
    if left and slots.get("place") == "Scotiabank":
        slots["branch"] = " ".join(left)
        left = []
    return slots, text("no_payout", heard=heard(" ".join(left))) if left else None


def _looking_at(talk: Talk, slots: dict[str, Any]) -> Talk:
    return Talk(talk.standing, type(talk.session)(slots=slots), talk.name)


def _finish(talk: Talk) -> Step:
    s = talk.slots
    place = s.get("place") or ("Lynk" if s["kind"] == "wallet" else "")
    holder = talk.standing.person.name if talk.standing.person else ""
    command = SetDestination(s["kind"], place, s.get("branch", ""), s.get("account", ""), holder)
    return Step(talk.session.idle(), (), (command,))


PAYOUT = Flow(
    "payout",
    [
        Question("kind", _ask_kind, read_one_of("no_payout_kind", KINDS)),
        Question("place", _ask_place, _read_bank, when=_is("bank")),
        Question(
            "branch",
            lambda _: say("ask_branch"),
            _read_branch,
            when=lambda talk: talk.slots.get("place") == "Scotiabank",
            free=True,
        ),
        Question("account", _ask_account, _read_account, when=_not_cash),
    ],
    _finish,
    _payout_line,
)
