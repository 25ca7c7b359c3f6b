"""One turn of a conversation: what was said is understood and becomes a Step. Pure: no clock, no query, no sending.

Tapping a button is typing its line, so there is one way in. A question that waits gets the first word; a word of
another flow leaves it and says so; MENU, BACK and HELP always work.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rapidfuzz.distance import OSA

from bot.conversations import (
    drawing,
    founding,
    joining,
    looking,
    onboarding,
    personal,
    running,
    staffing,
    throwing,
)
from bot.conversations.flow import Flow, Session, Step, Talk
from bot.conversations.reading import heard, is_no, is_yes
from bot.words.say import Answer, Say, Text, say, text
from domain.codes import looks_like_circle_code
from domain.commands import AddressGone, FinishLink, Start, Stop
from domain.messages import Channel, Inbound, InboundKind, Outgoing
from domain.money import Currency, NotMoney, parse_money
from domain.standing import Standing

STOP_WORDS = frozenset({"stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel"})
"""On SMS the carrier's platform acts on these itself (facts/channels.md), so they mean nothing else there."""
START_WORDS = frozenset({"start", "unstop"})
GREETINGS = frozenset(
    {"hi", "hello", "hey", "good morning", "good evening", "good afternoon", "/start", "wah gwaan", "wagwan"}
)
MISSES_BEFORE_AGENT = 3
LONGEST_TEXT = 2000
SHORTEST_SLIP = 4
"""Words of fewer letters are too near to each other for a slip to be told from another word."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of contract.md: a flow, or something to look at."""

    flow: Flow | None = None
    look: Callable[[Talk], Say] | None = None
    staff: bool = False


WORDS: Mapping[str, Word] = {
    "MENU": Word(look=looking.menu),
    "HELP": Word(look=looking.help_),
    "BALANCE": Word(look=looking.balance),
    "CIRCLES": Word(look=looking.circles),
    "DRAW": Word(look=looking.draw),
    "JOIN": Word(joining.JOIN),
    "AGREE": Word(joining.AGREE),
    "NEW": Word(founding.FLOW),
    "INVITE": Word(running.INVITE),
    "ROSTER": Word(running.ROSTER),
    "APPROVE": Word(running.APPROVE),
    "ORDER": Word(running.ORDER),
    "TERMS": Word(running.TERMS),
    "LOCK": Word(running.LOCK),
    "BEGIN": Word(running.BEGIN),
    "CLOSE": Word(running.CLOSE),
    "SUSPEND": Word(running.SUSPEND),
    "RESUME": Word(running.RESUME),
    "PAY": Word(throwing.PAY),
    "CASH": Word(throwing.CASH_ENTRY),
    "CONFIRM": Word(throwing.CONFIRM),
    "DENY": Word(throwing.DENY),
    "PAY OUT": Word(running.PAY_OUT),
    "APPROVE PAYOUT": Word(drawing.APPROVE_PAYOUT),
    "RECEIVED": Word(drawing.RECEIVED),
    "NOT RECEIVED": Word(drawing.NOT_RECEIVED),
    "PAYOUT": Word(drawing.PAYOUT),
    "TRN": Word(personal.TRN),
    "LINK": Word(personal.LINK),
    "LANGUAGE": Word(personal.LANGUAGE),
    "AGENT": Word(personal.AGENT),
    "QUEUE": Word(staffing.QUEUE, staff=True),
    "KYC": Word(staffing.KYC, staff=True),
    "CASE": Word(staffing.CASE, staff=True),
}
ALSO = {
    "BAL": "BALANCE",
    "CIRCLE": "CIRCLES",
    "THROW": "PAY",
    "HUMAN": "AGENT",
    "HOME": "MENU",
    "COMMANDS": "HELP",
}
FLOWS: Mapping[str, Flow] = {w.flow.name: w.flow for w in WORDS.values() if w.flow} | {"onboarding": onboarding.FLOW}
BEFORE_JOINING = frozenset({"JOIN"})
"""Words that a stranger may bring; they wait until the onboarding is done."""


@dataclass(frozen=True, slots=True)
class Said:
    """A line understood: its word (or none) and what followed."""

    word: str
    rest: str
    exact: bool = True


def turn(session: Session, inbound: Inbound, standing: Standing, menu: Outgoing | None = None) -> Step:
    """Answer one message. `menu`: the last choice this address was shown, so that a bare number means what they saw."""
    talk = Talk(standing, session, inbound.name)
    match inbound.kind:
        case InboundKind.BLOCKED:
            return Step(session.idle(), (), (AddressGone(standing.party),))
        case InboundKind.TEXT | InboundKind.CHOICE:
            pass
        case _:
            return _say(talk, say("only_text", *_home(talk)))
    if inbound.group:
        return _say(talk, say("group"))
    typed = _tidy(inbound.choice or inbound.text)
    if len(typed) > LONGEST_TEXT:
        return _say(talk, say("too_long", *_home(talk)))
    return _understand(_numbered(typed, talk, menu), talk)


def _tidy(typed: str) -> str:
    """Return text as typed but for invisible characters, outer spaces and a leading slash."""
    plain = unicodedata.normalize("NFC", typed)
    shown = "".join(c for c in plain if c in "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    return shown.strip()


def _numbered(typed: str, talk: Talk, menu: Outgoing | None) -> str:
    """Turn the number of an answer into its line, unless the question that waits wants a number itself."""
    if not typed.isdigit() or len(typed) > 2:  # noqa: PLR2004 - no menu has a hundred answers
        return typed
    if menu is None or not 1 <= int(typed) <= len(menu.options) or _wants_number(talk):
        return typed
    return menu.options[int(typed) - 1].id


def _wants_number(talk: Talk) -> bool:
    return talk.session.at in {"turns", "account", "trn"} and bool(talk.session.flow)


def _understand(typed: str, talk: Talk) -> Step:
    low = typed.casefold().rstrip("!. ")
    if low in STOP_WORDS and (talk.standing.channel == Channel.SMS or low == "stop"):
        return Step(talk.session.idle(), (), (Stop(),))
    if low in START_WORDS or (talk.standing.stopped and talk.standing.channel == Channel.SMS and low == "yes"):
        return Step(talk.session, (), (Start(),))
    if talk.standing.person is None:
        return _stranger(typed, talk)
    said = understand_line(typed, talk.standing)
    if talk.session.flow and not _leaves(said, talk):
        return _in_flow(typed, low, said, talk)
    return _outside(typed, low, said, talk)


def _stranger(typed: str, talk: Talk) -> Step:
    """Bring somebody new through the onboarding; what they came for waits."""
    said = understand_line(typed, talk.standing)
    if talk.session.flow == onboarding.FLOW.name:
        if said.word == "BACK":
            return onboarding.FLOW.back(talk) or onboarding.FLOW.go(talk)
        if said.word == "HELP" and said.exact:
            again = onboarding.FLOW.go(talk)
            return replace(again, says=tuple(s.after(text("help_stranger")) for s in again.says))
        if said.word in BEFORE_JOINING and said.rest:
            return _keep_for_later(onboarding.FLOW.go(talk), typed)
        return _and_then(onboarding.FLOW.answer(typed, talk), talk)
    session = replace(talk.session, flow=onboarding.FLOW.name)
    step = onboarding.FLOW.begin("", replace(talk, session=session))
    welcome = replace(step, says=tuple(s.after(text("welcome")) for s in step.says))
    if said.word in BEFORE_JOINING or looks_like_circle_code(typed):
        return _keep_for_later(welcome, typed)
    return welcome


def _keep_for_later(step: Step, typed: str) -> Step:
    return replace(step, session=step.session.remember(wait=typed))


def _and_then(step: Step, talk: Talk) -> Step:
    """Go on after the onboarding with the JOIN that waited."""
    waiting = step.session.memory.get("wait")
    if not step.commands or not waiting:
        return step
    said = understand_line(waiting, talk.standing)
    rest = said.rest if said.word == "JOIN" else waiting
    after = joining.JOIN.begin(rest, replace(talk, session=step.session.remember(wait=None)))
    return replace(after, commands=(*step.commands, *after.commands))


def understand_line(typed: str, standing: Standing) -> Said:
    """Find the word a line begins with: two words before one, exact before a slip. A code alone is a JOIN."""
    tokens = typed.replace("/", " ", 1).split() if typed.startswith("/") else typed.split()
    if not tokens:
        return Said("", "")
    if len(tokens) == 1 and looks_like_circle_code(tokens[0]):
        return Said("JOIN", tokens[0])
    heads = [(" ".join(tokens[:n]).upper().rstrip("!.,:?"), " ".join(tokens[n:])) for n in (2, 1) if len(tokens) >= n]
    for head, rest in heads:
        if (word := ALSO.get(head, head)) in WORDS or word == "BACK":
            return Said(word, rest) if _may(word, standing) else Said("", "")
    for head, rest in heads:
        if slip := _slip(head, standing):
            return Said(slip, rest, exact=False)
    return Said("", "")


def _may(word: str, standing: Standing) -> bool:
    return word == "BACK" or not WORDS[word].staff or bool(standing.roles)


def _slip(head: str, standing: Standing) -> str:
    """Return the one word that is a small slip away, or "" when none or several are."""
    if len(head) < SHORTEST_SLIP or not head.replace(" ", "").isalpha():
        return ""
    near = {
        ALSO.get(w, w)
        for w in (*WORDS, *ALSO, "BACK")
        if len(w) >= SHORTEST_SLIP and OSA.distance(head, w, score_cutoff=1) <= 1
    }
    near = {w for w in near if _may(w, standing)}
    return near.pop() if len(near) == 1 else ""


def _leaves(said: Said, talk: Talk) -> bool:
    """Whether this is a word that leaves the flow rather than an answer to its question."""
    if not said.word or said.word == "BACK":
        return False
    flow = FLOWS.get(talk.session.flow)
    question = flow.questions.get(talk.session.at) if flow else None
    if question is None:
        return True
    if question.free:
        return said.exact and (not said.rest or (said.word == "JOIN" and looks_like_circle_code(said.rest)))
    return said.exact or not _reads(question.read, said, talk)


def _reads(read: Callable[[str, Talk], object], said: Said, talk: Talk) -> bool:
    try:
        read(f"{said.word} {said.rest}".strip(), talk)
    except Exception:  # noqa: BLE001 - a reader that fails on this did not understand it
        return False
    return True


def _in_flow(typed: str, low: str, said: Said, talk: Talk) -> Step:
    flow = FLOWS.get(talk.session.flow)
    if flow is None or talk.session.at not in flow.questions:
        return _outside(typed, low, said, replace(talk, session=talk.session.idle()))
    if said.word == "BACK":
        return flow.back(talk) or _say(talk, looking.menu(talk))
    step = flow.answer(typed, talk)
    if step.session.misses >= MISSES_BEFORE_AGENT:
        last = step.says[-1]
        offered = replace(
            last.after(text("third_miss")), answers=(*last.answers[:3], Answer("AGENT", text("menu_agent")))
        )
        return replace(step, says=(*step.says[:-1], offered))
    return step


def _outside(typed: str, low: str, said: Said, talk: Talk) -> Step:
    """Handle a line while no question waits, or one that leaves the question."""
    pending = talk.session.memory.get("yes")
    session = talk.session.remember(yes=None)
    left = _left(said, talk)
    talk = replace(talk, session=replace(session.idle(), misses=session.misses))
    if pending and not said.word:
        if is_yes(low):
            if talk.standing.channel == Channel.SMS:
                return Step(
                    talk.session.remember(yes=pending),
                    (say("yes_by_number", Answer(pending, text("yes")), Answer("MENU", text("no"))),),
                )
            return _understand(pending, talk)
        if is_no(low):
            return _say(talk, say("let_be", *_home(talk)))
    if said.word == "BACK" or (not said.word and low in GREETINGS):
        return _say(talk, looking.menu(talk))
    if not said.word:
        return _linking(typed, talk) or _not_understood(typed, talk)
    word = WORDS[said.word]
    if word.look:
        return _say(talk, _with_left(word.look(talk), left))
    step = word.flow.begin(said.rest, talk) if word.flow else Step(talk.session)
    return replace(step, says=(_with_left(step.says[0], left), *step.says[1:])) if step.says else _note_left(step, left)


def _left(said: Said, talk: Talk) -> Text | None:
    """Say which flow was left, unless for the menu or for the same flow again."""
    flow = talk.session.flow
    if not flow or not said.word or said.word in {"MENU", "BACK"}:
        return None
    word = WORDS.get(said.word)
    return None if word and word.flow and word.flow.name == flow else text("left_flow", flow=flow.upper())


def _with_left(what: Say, left: Text | None) -> Say:
    return what.after(left) if left else what


def _note_left(step: Step, left: Text | None) -> Step:
    return replace(step, says=(Say((left,)),)) if left else step


def _linking(typed: str, talk: Talk) -> Step | None:
    """Take six figures alone as the code of a LINK that waits for one."""
    if talk.session.memory.get("linking") and typed.isdigit() and len(typed) == 6:  # noqa: PLR2004 - the code's length
        return Step(talk.session.remember(linking=None), (), (FinishLink(typed),))
    return None


def _not_understood(typed: str, talk: Talk) -> Step:
    """Say what was taken, an example, and the likeliest choices; after the third time offer a human."""
    misses = talk.session.misses + 1
    session = replace(talk.session, misses=0 if misses >= MISSES_BEFORE_AGENT else misses)
    if misses >= MISSES_BEFORE_AGENT:
        return Step(session, (say("lost_agent", Answer("AGENT", text("menu_agent")), Answer("MENU", text("menu"))),))
    try:
        amount = parse_money(typed, Currency.JMD)
    except NotMoney:
        return Step(
            session,
            (
                say("lost", *_home(talk), heard=heard(typed) or "...")
                if _letters(typed)
                else say("lost_marks", *_home(talk)),
            ),
        )
    pay = Answer(f"PAY {amount.text()}", f"PAY {amount.text()}")
    return Step(session, (say("lost_amount", pay, Answer("BALANCE", text("menu_balance")), amount=amount),))


def _letters(typed: str) -> bool:
    return any(c.isalnum() for c in typed)


def _home(talk: Talk) -> tuple[Answer, ...]:
    return looking.menu_answers(talk.standing)[:2] if talk.standing.person else ()


def _say(talk: Talk, what: Say) -> Step:
    return Step(talk.session.idle(), (what,))
