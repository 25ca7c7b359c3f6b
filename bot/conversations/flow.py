"""A flow: one flat `transitions` machine as a rule table, built once, in which one state is one question.

The machine decides which question comes next, over a bare cursor; no callback does anything. A flow starts with
what one line already said and asks for the rest; `finish` says what is then to be done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from transitions import Machine

from bot.words.say import Answer, Say, Text, text
from domain.commands import Command
from domain.standing import Seat, Standing

START, DONE, LEFT = "start", "done", "left"
ASKED = "_asked"
"""The slot that keeps which questions were put to the person, in order: BACK returns to those alone."""
MISSES_BEFORE_AGENT = 3
MOST_ANSWERS = 3
"""How many answers stay beside AGENT after the third miss."""


class Misread(Exception):
    """An answer was not understood: `because` says what was taken and what would work."""

    def __init__(self, because: Text) -> None:
        super().__init__(because.name)
        self.because = because


@dataclass(frozen=True, slots=True)
class Complaint:
    """Which part of a line was not understood, and the words for it."""

    slot: str
    because: Text


@dataclass(frozen=True, slots=True)
class Session:
    """Where a conversation stands with one address. `memory` outlives the flow (a JOIN that waits, say).

    A TRN, a PIN or an account number never comes to lie here: what takes one is finished in the same turn.
    """

    flow: str = ""
    at: str = ""
    slots: Mapping[str, Any] = field(default_factory=dict)
    misses: int = 0
    memory: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the plain form; empty parts are left out."""
        parts = {"flow": self.flow, "at": self.at, "slots": dict(self.slots), "misses": self.misses}
        return {name: part for name, part in {**parts, "memory": dict(self.memory)}.items() if part}

    @classmethod
    def from_json(cls, parts: Mapping[str, Any]) -> "Session":
        """Read what `as_json` wrote."""
        return cls(**parts)

    def idle(self) -> "Session":
        """Return the session with no flow going on."""
        return Session(memory=self.memory)

    def remember(self, **things: Any) -> "Session":
        """Return the session with something remembered (None forgets it)."""
        kept = {k: v for k, v in {**self.memory, **things}.items() if v is not None}
        return Session(self.flow, self.at, self.slots, self.misses, kept)


@dataclass(frozen=True, slots=True)
class Talk:
    """What a question or an ending may look at: who writes, and what is known so far."""

    standing: Standing
    session: Session
    name: str = ""
    """What the channel calls the person."""
    tapped: bool = False
    """Whether the line is an answer we offered: a button, or the number of one."""
    by_sim: bool = False
    """Whether an SMS came by the local SIM, where no carrier answers STOP in our place."""

    @property
    def slots(self) -> Mapping[str, Any]:
        """What was answered so far."""
        return self.session.slots

    @property
    def seat(self) -> Seat | None:
        """The circle of mine that was named."""
        code = self.slots.get("code")
        return next((s for s in self.standing.seats if s.code == code), None)

    def knowing(self, slots: Mapping[str, Any]) -> "Talk":
        """Return the same talk with these answers."""
        now = self.session
        return self.within(Session(now.flow, now.at, slots, now.misses, now.memory))

    def within(self, session: Session) -> "Talk":
        """Return the same talk in this session."""
        return Talk(self.standing, session, self.name, self.tapped, self.by_sim)


@dataclass(frozen=True, slots=True)
class Step:
    """What a turn came to: the session after it, what is said at once, and what is to be done (and says the rest)."""

    session: Session
    says: tuple[Say, ...] = ()
    commands: tuple[Command, ...] = ()
    before: Session | None = None
    """The session in which a flow finished, so that a refused answer can be asked for again."""
    toast: Text | None = None
    """What is shown over the chat for a moment, where somebody tapped and the network can."""
    over: bool = False
    """Whether the buttons beside the one that was tapped mean nothing any more."""


def do(talk: Talk, command: Command) -> Step:
    """End a flow by having one thing done."""
    return Step(talk.session.idle(), (), (command,))


def _always(_: Talk) -> bool:
    return True


def _nothing(_: Talk) -> Any:
    return None


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `read` raises Misread. `implied` may know the answer without asking."""

    slot: str
    ask: Callable[[Talk], Say]
    read: Callable[[str, Talk], Any]
    implied: Callable[[Talk], Any] = _nothing
    when: Callable[[Talk], bool] = _always
    free: bool = False
    """Any words may be an answer, so the bot's words within them are none."""
    figures: bool = False
    """The answer is a figure, so a bare number never means a choice that was offered by something else."""


@dataclass(slots=True)
class _Cursor:
    """The bare object that the machine moves."""

    state: str
    talk: Talk


def _read_nothing(_rest: str, _: Talk) -> tuple[dict[str, Any], None]:
    return {}, None


Line = Callable[[str, Talk], tuple[dict[str, Any], Complaint | None]]
"""Reads what followed the word in one line: the answers found, and the part that was not understood."""


class Flow:
    """Questions in order, and what follows from their answers."""

    def __init__(
        self,
        name: str,
        questions: Sequence[Question],
        finish: Callable[[Talk], Step],
        line: Line = _read_nothing,
    ) -> None:
        self.name = name
        self.questions = {q.slot: q for q in questions}
        self.finish = finish
        self.line = line
        self.machine = Machine(
            model=None,
            states=[START, *self.questions, DONE, LEFT],
            transitions=self._rules(),
            initial=START,
            auto_transitions=False,
        )

    def _rules(self) -> list[dict[str, Any]]:
        """Advance to the first question that is open, or finish; go back to the last one asked, or leave."""
        slots = list(self.questions)
        rules: list[dict[str, Any]] = []
        for place, here in enumerate([START, *slots]):
            rules += [{"trigger": "advance", "source": here, "dest": s, "conditions": self._open(s)} for s in slots]
            rules.append({"trigger": "advance", "source": here, "dest": DONE})
            before = reversed(slots[: max(place - 1, 0)])
            rules += [{"trigger": "back", "source": here, "dest": s, "conditions": _was_asked(s)} for s in before]
            rules.append({"trigger": "back", "source": here, "dest": LEFT})
        return rules

    def _open(self, slot: str) -> Callable[[_Cursor], bool]:
        question = self.questions[slot]
        return lambda cursor: slot not in cursor.talk.slots and question.when(cursor.talk)

    def _move(self, trigger: str, talk: Talk) -> str:
        cursor = _Cursor(talk.session.at, talk)
        self.machine.events[trigger].trigger(cursor, cursor)
        return cursor.state

    def waiting(self, talk: Talk) -> Question | None:
        """Return the question that waits in this flow."""
        return self.questions.get(talk.session.at)

    def begin(self, rest: str, talk: Talk) -> Step:
        """Start with what followed the word in the same line."""
        slots, complaint = self.line(rest, talk.knowing({})) if rest else ({}, None)
        session = Session(self.name, START, slots, 0, talk.session.memory)
        return self.go(talk.within(session), complaint)

    def go(self, talk: Talk, complaint: Complaint | None = None) -> Step:
        """Move to the next question that is open, or finish. A line that was not understood whole does nothing."""
        talk = self._with_implied(talk, complaint.slot if complaint else "")
        state = self._move("advance", talk)
        if state != DONE:
            return self._ask(state, talk, *([complaint.because] if complaint else ()))
        if complaint:
            return Step(talk.session.idle(), (Say((complaint.because,)),))
        done = self.finish(talk)
        return Step(done.session, done.says, done.commands, talk.session)

    def _with_implied(self, talk: Talk, wrong: str) -> Talk:
        """Fill in the answers that are known without asking, up to the first that is not (or was typed wrong)."""
        for slot, question in self.questions.items():
            if slot in talk.slots or not question.when(talk):
                continue
            known = None if slot == wrong else question.implied(talk)
            if known is None:
                break
            talk = talk.knowing({**talk.slots, slot: known})
        return talk

    def take(self, typed: str, talk: Talk) -> Step | Misread:
        """Take an answer to the question that waits, if it is one."""
        question = self.questions[talk.session.at]
        try:
            value = question.read(typed, talk)
        except Misread as miss:
            return miss
        slots = {**talk.slots, question.slot: value, ASKED: [*talk.slots.get(ASKED, ()), question.slot]}
        return self.go(talk.within(Session(self.name, talk.session.at, slots, 0, talk.session.memory)))

    def missed(self, miss: Misread, talk: Talk) -> Step:
        """Ask once more, saying what was taken; from the third time on a human is offered too."""
        talk = talk.within(replace(talk.session, misses=talk.session.misses + 1))
        return self.again(talk, miss.because, *((text("third_miss"),) if _lost(talk) else ()))

    def again(self, talk: Talk, *before: Text) -> Step:
        """Ask the question that waits once more."""
        return self._ask(talk.session.at, talk, *before)

    def back(self, talk: Talk) -> Step | None:
        """Return to the question asked before; None leaves the flow."""
        state = self._move("back", talk)
        if state == LEFT:
            return None
        slots = list(self.questions)
        later = set(slots[slots.index(state) :])
        kept = {k: v for k, v in talk.slots.items() if k not in later}
        kept[ASKED] = [slot for slot in talk.slots[ASKED] if slot not in later]
        return self._ask(state, talk.within(Session(self.name, state, kept, 0, talk.session.memory)))

    def _ask(self, slot: str, talk: Talk, *before: Text) -> Step:
        now = talk.session
        talk = talk.within(Session(self.name, slot, now.slots, now.misses, now.memory))
        asked = self.asked(talk)
        return Step(talk.session, (asked.after(*before) if before else asked,))

    def asked(self, talk: Talk) -> Say:
        """Return the question that waits as it was put, with the answers offered."""
        question = self.questions[talk.session.at].ask(talk)
        if not _lost(talk):
            return question
        agent = Answer("AGENT", text("menu_agent"))
        return replace(question, answers=(*question.answers[:MOST_ANSWERS], agent))


def _lost(talk: Talk) -> bool:
    """Whether a human should be offered. Staff answer only those who have told their name."""
    return talk.session.misses >= MISSES_BEFORE_AGENT and talk.standing.person is not None


def _was_asked(slot: str) -> Callable[[_Cursor], bool]:
    return lambda cursor: slot in cursor.talk.slots and slot in cursor.talk.slots.get(ASKED, ())
