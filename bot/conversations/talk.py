"""One turn of a conversation: what was said is understood and becomes a Step. Pure: no clock, no query, no sending.

Tapping a button is typing its line, so there is one way in. A question that waits gets the first word; a word of
another flow leaves it and says so; MENU, BACK and HELP always work.
"""

import re
import unicodedata
from dataclasses import replace
from datetime import datetime, timedelta

from bot.conversations import joining, looking
from bot.conversations.flow import MISSES_BEFORE_AGENT, Flow, Misread, Question, Session, Step, Talk
from bot.conversations.guessing import meant, offered, rather
from bot.conversations.personal import read_link_code
from bot.conversations.reading import LEAST_BARE, heard, is_bare_yes, is_loose_yes, is_no, is_yes
from bot.conversations.vocabulary import BACK, BY, FLOWS, ONBOARDING, WORDS, Said, understand
from bot.words.say import Answer, Say, Text, say, text
from domain.codes import looks_like_circle_code
from domain.commands import AddressBack, AddressGone, FinishLink, GivePin, Start, Stop, TakeFile
from domain.enclosures import DAY, MOST_A_DAY
from domain.messages import LONGEST_ID, Channel, Inbound, InboundKind, Outgoing
from domain.money import Currency, NotMoney, parse_money
from domain.standing import Standing

STOP_WORDS = frozenset({"stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel"})
"""On SMS the carrier's platform acts on these itself (Twilio, "opt-out keywords"), so they mean nothing else there.
By the local SIM nobody does, and they mean the same."""
START_WORDS = frozenset({"start", "unstop"})
GREETINGS = frozenset(
    {"hi", "hello", "hey", "good morning", "good evening", "good afternoon", "start", "wah gwaan", "wagwan"}
)
LONGEST_TEXT = 2000
SHORTEST_LEAVING = 5
"""Letters that a word with a slip must have to leave a question, when it stands alone."""
_PIN_AHEAD = re.compile(r"(?is)(.*\S)\s+pin\s+([0-9]{4,6})")
"""A line that brings its PIN with it, where each message costs: `APPROVE PAYOUT P-7K2M PIN 4826`."""
TAP_AGAIN = timedelta(seconds=30)
"""A button tapped again within this was tapped by impatience."""
SHORTEST_NUMBER = 7
"""Figures: a number so long is no amount anybody throws, and may be a TRN."""


def turn(session: Session, inbound: Inbound, standing: Standing, menu: Outgoing | None = None) -> Step:
    """Answer one message. `menu`: the last choice this address was shown, so that a bare number means what they saw."""
    talk = Talk(standing, session, inbound.name, by_sim=inbound.by_sim, tapped=inbound.kind is InboundKind.CHOICE)
    match inbound.kind:
        case InboundKind.BLOCKED:
            return Step(session.idle(), (), (AddressGone(standing.party),))
        case InboundKind.UNBLOCKED:
            return Step(session, (), (AddressBack(standing.party),))
    if standing.gone and standing.channel != Channel.SMS:  # an SMS does not show that one of ours would get there
        step = turn(session, inbound, replace(standing, gone=False, stopped=False), menu)
        return replace(step, commands=(AddressBack(standing.party), *step.commands))
    if inbound.on:
        return _tapped(talk, inbound, menu)
    return _turn(talk, inbound, menu)


def _tapped(talk: Talk, inbound: Inbound, menu: Outgoing | None) -> Step:
    """Answer a tap that its network can tell from others.

    Again on the same button, a moment later, it is no second act. What means something to its own question alone is
    no answer to another one, and its buttons go.
    """
    this, now = f"{inbound.on} {inbound.choice}", talk.standing.now
    last, at = talk.session.memory.get("tap") or ("", "")
    if this == last and now - datetime.fromisoformat(at) < TAP_AGAIN:
        return Step(talk.session, toast=text("tap_again"))
    line, waiting = _tidy(inbound.choice), _waiting(talk)
    answer = understand(line, talk.standing).word in {"", BY}
    if waiting and answer and line not in [_tidy(a.line) for a in waiting[0].asked(talk).answers]:
        step = _stale(waiting[0].again(talk))
    else:
        step = _turn(talk, inbound, menu)
    session = step.session.remember(tap=[this, now.isoformat(timespec="seconds")])
    return replace(step, session=session, over=answer)


def _stale(step: Step) -> Step:
    """Show that a button was for a question that is over, where the network can."""
    return replace(step, toast=text("tap_over"))


def _takes_file(talk: Talk, file: str, said: str) -> Step:
    """Have a file fetched, and remember when the files of a day came: one that was refused took work as well."""
    now = talk.standing.now
    lately = [at for at in talk.session.memory.get("files", ()) if now - datetime.fromisoformat(at) < DAY]
    session = talk.session.remember(files=[*lately, now.isoformat(timespec="seconds")][-MOST_A_DAY:])
    return Step(session, (), (TakeFile(file, said, len(lately)),))


def _turn(talk: Talk, inbound: Inbound, menu: Outgoing | None) -> Step:
    if inbound.kind is InboundKind.EDITED:
        return _interrupted(talk, text("edited"))
    if inbound.kind is InboundKind.CONTACT and talk.standing.person:
        return _card(talk, inbound.contact)
    said = inbound.choice or inbound.text
    if inbound.file and talk.standing.person:
        return _takes_file(talk, inbound.file, said[:LONGEST_TEXT])
    if len(said) > LONGEST_TEXT:
        return _interrupted(talk, text("too_long"))
    typed = _tidy(said) if inbound.kind in {InboundKind.TEXT, InboundKind.CHOICE} else ""
    if not typed:
        return _interrupted(talk, text("only_text"))
    if line := _numbered(typed, talk, menu):
        return _understood(line, replace(talk, tapped=True))
    if talk.standing.person and (ahead := _PIN_AHEAD.fullmatch(typed)):
        step = _understood(ahead[1], talk)
        if any(command.needs_pin for command in step.commands):
            return replace(step, commands=(GivePin(ahead[2], ahead=True), *step.commands))
    return _understood(typed, talk)


def _card(talk: Talk, number: str) -> Step:
    """Take a card with one's own number for an address to be added, which its code still has to prove."""
    if not number:
        return _interrupted(talk, text("contact_other"))
    waiting = _waiting(talk)
    return _understood(number if waiting and waiting[0].name == "link" else f"LINK {number}", talk)


def _tidy(typed: str) -> str:
    """Return text without invisible characters and outer spaces, and a slash command as its word (`/pay_out 5`)."""
    if not (typed.isascii() and typed.isprintable()):
        plain = unicodedata.normalize("NFC", typed)
        typed = "".join(c for c in plain if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    typed = typed.strip()
    if not typed.startswith("/"):
        return typed
    command, _, rest = typed[1:].lstrip().partition(" ")
    command = command.partition("@")[0]  # the bot's name may stand behind it
    if command.casefold() == "start":  # Telegram's own; with a code an invitation was tapped
        return rest.strip() if looks_like_circle_code(rest) else command
    return f"{command.replace('_', ' ')} {rest}".strip() or typed


def _waiting(talk: Talk) -> tuple[Flow, Question] | None:
    """Return the flow that goes on, and its question that waits. What was kept by an older version waits no more."""
    flow = FLOWS.get(talk.session.flow) if talk.standing.person else ONBOARDING
    if flow is None or talk.session.flow != flow.name:
        return None
    question = flow.waiting(talk)
    return (flow, question) if question else None


def _numbered(typed: str, talk: Talk, menu: Outgoing | None) -> str:
    """Return the line of the answer that a bare number chose, or "" when it is no such number.

    Nobody waits: it is the last choice shown. A question waits that offered it: likewise. A question waits that
    offered another choice, or wants a figure: the number is for the question. Never two meanings, so never a guess.
    """
    if menu is None or len(typed) > 2 or not typed.isdecimal() or not 1 <= int(typed) <= len(menu.options):  # noqa: PLR2004 - no menu has a hundred answers
        return ""
    if waiting := _waiting(talk):
        flow, question = waiting
        offered = [a.line for a in flow.asked(talk).answers]
        if offered != [o.id for o in menu.options] and (offered or question.figures):
            return ""
    return menu.options[int(typed) - 1].id


def _interrupted(talk: Talk, because: Text) -> Step:
    """Say why a message could not be read, and go on where we were."""
    if waiting := _waiting(talk):
        return waiting[0].again(talk, because)
    if talk.standing.person is None:
        return _welcome(talk, because)
    return Step(talk.session, (Say((because,), _home(talk)),))


def _understood(typed: str, talk: Talk) -> Step:
    low = typed.casefold().rstrip("!. ")
    sms = talk.standing.channel == Channel.SMS
    if low in STOP_WORDS and (sms or low == "stop"):
        return Step(talk.session.idle(), (), (Stop(talk.by_sim),))
    if talk.standing.person is None:
        return _stranger(typed, low, talk)
    back = talk.standing.stopped or sms
    if (low in START_WORDS and back) or (low == "yes" and sms and talk.standing.stopped):
        return Step(talk.session.idle(), (), (Start(),))
    said = rather(understand(typed, talk.standing), typed, talk)
    if waiting := _waiting(talk):
        return _answered(typed, said, talk, *waiting)
    return _anew(typed, low, said, talk.within(Session(misses=talk.session.misses, memory=talk.session.memory)))


# -- a question waits -----------------------------------------------------------------------------------------


def _answered(typed: str, said: Said, talk: Talk, flow: Flow, question: Question) -> Step:
    """Take what was typed as an answer, unless it is a word that leaves the question."""
    if said.exact and (moved := _moved(said, talk, flow)):
        return moved
    if _carriers_yes(typed, talk, flow, question):
        return flow.again(talk, text("yes_by_number"))
    own = said.exact and said.entry.flow is flow and said.rest
    if own and isinstance(step := flow.take(said.rest, talk), Step):
        return step
    if question.free and _leaves_free(said, talk):
        return _anew(typed, "", said, talk)
    taken = flow.take(typed, talk)
    if isinstance(taken, Step):
        return taken
    if question.free:
        return flow.missed(taken, talk)
    said = said if said.word else meant(typed, talk)
    if moved := _moved(said, talk, flow):
        return moved
    return _anew(typed, "", said, talk) if _leaves(said, typed, flow) else flow.missed(taken, talk)


def _moved(said: Said, talk: Talk, flow: Flow) -> Step | None:
    """Go back or give help for a word that stands alone. With a slip in it, an answer comes first (bank, Black)."""
    if said.rest or said.word not in {BACK, "HELP"}:
        return None
    if said.word == "HELP":
        known = talk.standing.person is not None
        return flow.again(talk, *(looking.help_(talk).texts if known else (text("help_stranger"),)))
    return flow.back(talk) or (_anew("", "", said, talk) if talk.standing.person else flow.again(talk))


def _carriers_yes(typed: str, talk: Talk, flow: Flow, question: Question) -> bool:
    """Whether this is a bare YES on SMS, which belongs to the carrier, where a yes would be an answer."""
    if question.free or talk.tapped or talk.standing.channel != Channel.SMS or not is_bare_yes(typed):
        return False
    return isinstance(flow.take("yes", talk), Step) and isinstance(flow.take("no", talk), Step)


def _leaves(said: Said, typed: str, flow: Flow) -> bool:
    """Whether a word leaves a question that did not take it.

    A short one with a slip stays an answer misread, and so does what likely means the flow that asked (`my pin is`).
    """
    if not said.word or said.word == BY or (said.entry.flow is flow and not said.exact):
        return False
    return said.exact or bool(said.entry.look) or " " in typed or len(said.word) >= SHORTEST_LEAVING


def _leaves_free(said: Said, talk: Talk) -> bool:
    """Whether a word leaves a question that takes any words: alone, or as a whole line with a code or a figure.

    `Pay Day Club` is a circle's name; `PAY`, `JOIN K7QX2M` and `CASH Devon 5000` are not.
    """
    if not said.word or not said.exact or said.word == BY:
        return False
    if not said.rest:
        return True
    marked = any(w[:2].upper() in {"R-", "P-", "K-"} or any(c.isdigit() for c in w) for w in said.rest.split())
    if not marked or said.entry.flow is None or said.word == "AGENT":
        return False
    return bool(said.entry.flow.begin(said.rest, talk).commands)


# -- no question waits, or it was left ------------------------------------------------------------------------


def _anew(typed: str, low: str, said: Said, talk: Talk) -> Step:
    """Handle a line that answers no question."""
    pending = talk.session.memory.get("yes")
    here = talk
    memory = {k: v for k, v in talk.session.memory.items() if k != "yes"}
    talk = talk.within(Session(misses=0 if talk.session.flow else talk.session.misses, memory=memory))
    if number := read_link_code(typed, talk):
        return Step(talk.session, (), (FinishLink(number),))
    if pending and not said.word and (is_yes(low) or is_no(low) or is_loose_yes(low)):
        return _confirmed(pending, low, talk)
    if not said.word and low in GREETINGS:
        return _shown(talk, looking.menu(talk))
    if said.word == BY or (not said.word and talk.tapped):
        return _stale(_shown(talk, say("stale_choice", *_home(talk))))
    said = said if said.word else meant(typed, talk)
    if not said.word:
        return _not_understood(typed, talk)
    step = _begun(said, talk)
    if not said.exact and _does(step, said):
        step = Step(talk.session.idle(), (_which(typed, offered(typed, talk, said)),))
    if not (left := _left(said, here)):
        return step
    return replace(step, says=(_after(step.says[0], left), *step.says[1:]) if step.says else (Say((left,)),))


def _begun(said: Said, talk: Talk) -> Step:
    if said.word == BACK:
        return _shown(talk, looking.menu(talk))
    if said.entry.look:
        return _shown(talk, said.entry.look(talk))
    return said.entry.flow.begin(said.rest, talk) if said.entry.flow else Step(talk.session)


def _does(step: Step, said: Said) -> bool:
    """Whether something would be done, and not only shown or asked. A guess never does."""
    return any(not command.reads_only for command in step.commands) or (said.entry.acts and not step.session.flow)


def _left(said: Said, talk: Talk) -> Text | None:
    """Say which flow was left, unless for the menu or for the same flow again."""
    flow = talk.session.flow
    if not flow or not said.word or said.word in {"MENU", BACK}:
        return None
    same = said.entry.flow is not None and said.entry.flow.name == flow
    word = next((word for word, entry in WORDS.items() if entry.flow and entry.flow.name == flow), "PIN")  # or ASIDE
    return None if same else text("left_flow", flow=word)


def _after(what: Say, left: Text | None) -> Say:
    return what.after(left) if left else what


def _confirmed(pending: str, low: str, talk: Talk) -> Step:
    """Take the one Yes or No that was asked for. On SMS a bare YES belongs to the carrier."""
    if is_no(low):
        return _shown(talk, say("let_be", *_home(talk)))
    if is_bare_yes(low) and talk.standing.channel == Channel.SMS and not talk.tapped:
        return _asked_again(pending, talk, text("yes_by_number"))
    if not is_yes(low):
        return _asked_again(pending, talk, text("is_it_yes", heard=heard(low)))
    return _understood(pending, talk)


def _asked_again(pending: str, talk: Talk, why: Text) -> Step:
    """Ask once more for the Yes to what waits for one, with the answers beside it."""
    answers = (Answer(pending, text("yes")), Answer("MENU", text("no")))
    return Step(talk.session.remember(yes=pending), (Say((why,), answers),))


def _not_understood(typed: str, talk: Talk) -> Step:
    """Say what was taken, an example, and the likeliest choices; after the third time offer a human."""
    misses = talk.session.misses + 1
    session = replace(talk.session, misses=misses % MISSES_BEFORE_AGENT)
    if misses >= MISSES_BEFORE_AGENT:
        return Step(session, (say("lost_agent", Answer("AGENT", text("menu_agent")), Answer("MENU", text("menu"))),))
    return Step(session, (_likeliest(typed, talk),))


def _which(typed: str, lines: list[str]) -> Say:
    """Offer the two likeliest lines."""
    fit = [line for line in lines if len(line.encode()) <= LONGEST_ID]
    return say("lost_near", *(Answer(line, line) for line in fit[:2]), heard=heard(typed))


def _likeliest(typed: str, talk: Talk) -> Say:
    if lines := offered(typed, talk):
        return _which(typed, lines)
    if not any(c.isalnum() for c in typed):
        return say("lost_marks", *_home(talk))
    try:
        amount = parse_money(typed, Currency.JMD)
    except NotMoney:
        return say("lost", *_home(talk), heard=heard(typed))
    if typed.isdecimal() and (amount.minor < LEAST_BARE * 100 or len(typed) >= SHORTEST_NUMBER):
        return say("lost", *_home(talk), heard=heard(typed))
    pay = Answer(f"PAY {amount.text()}", f"PAY {amount.text()}")
    return say("lost_amount", pay, Answer("BALANCE", text("menu_balance")), amount=amount)


def _home(talk: Talk) -> tuple[Answer, ...]:
    return looking.menu_answers(talk.standing)[:2] if talk.standing.person else ()


def _shown(talk: Talk, what: Say) -> Step:
    return Step(talk.session.idle(), (what,))


# -- somebody new ---------------------------------------------------------------------------------------------


def _stranger(typed: str, low: str, talk: Talk) -> Step:
    """Bring somebody new through the onboarding; the JOIN they came for waits."""
    said = understand(typed, talk.standing)
    likely = meant(typed, talk) if not said.word and any(map(looks_like_circle_code, typed.split())) else said
    join = joining.join_line(likely.rest, talk) if likely.word == "JOIN" else ""
    if waiting := _waiting(talk):
        step = ONBOARDING.again(talk) if join else _introduced(typed, low, said, talk, waiting[1])
    else:
        step = _welcome(talk)
    return replace(step, session=step.session.remember(wait=join)) if join else step


def _welcome(talk: Talk, *before: Text) -> Step:
    step = ONBOARDING.begin("", talk.within(talk.session.idle()))
    return replace(step, says=tuple(s.after(*before, text("welcome")) for s in step.says))


def _introduced(typed: str, low: str, said: Said, talk: Talk, question: Question) -> Step:
    """Take an answer of somebody new. The bot's words are no names, and mean nothing yet."""
    if said.exact and (moved := _moved(said, talk, ONBOARDING)):
        return moved
    if _carriers_yes(typed, talk, ONBOARDING, question):
        return ONBOARDING.again(talk, text("yes_by_number"))
    if question.free and (low in GREETINGS or (said.word and said.exact and not said.rest)):
        return ONBOARDING.again(talk, text("help_stranger"))
    taken = ONBOARDING.take(typed, talk)
    if isinstance(taken, Misread):
        known = low in GREETINGS or (said.word in WORDS and said.exact)
        return ONBOARDING.again(talk, text("help_stranger")) if known else ONBOARDING.missed(taken, talk)
    return _and_then(taken, talk)


def _and_then(step: Step, talk: Talk) -> Step:
    """Go on after the onboarding with the JOIN that waited."""
    waits = step.session.memory.get("wait")
    if not step.commands or not waits:
        return step
    after = joining.JOIN.begin(waits, talk.within(step.session.remember(wait=None)))
    return replace(after, commands=(*step.commands, *after.commands))
