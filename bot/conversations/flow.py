"""A flow: one flat `transitions` machine as a rule table, built once, in which one state is one question.

The machine decides which question comes next, over a bare cursor; no callback does anything. A flow starts with
what one line already said and asks for the rest; `finish` says what is then to be done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from transitions import Machine

from bot.words.say import Say, Text
from domain.commands import Command
from domain.standing import Standing

START, DONE, LEFT = "start", "done", "left"


class Misread(Exception):  # noqa: N818 - it is no error, it is an answer that was not understood
    """An answer was not understood: `because` says what was taken and what would work."""

    def __init__(self, because: Text) -> None:
        super().__init__(because.name)
        self.because = because


@dataclass(frozen=True, slots=True)
class Session:
    """Where a conversation stands with one address. `memory` outlives the flow (a JOIN that waits, say)."""

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
        return replace(self, memory=kept)


@dataclass(frozen=True, slots=True)
class Talk:
    """What a question or an ending may look at: who writes, and what is known so far."""

    standing: Standing
    session: Session
    name: str = ""
    """What the channel calls the person."""

    @property
    def slots(self) -> Mapping[str, Any]:
        """What was answered so far."""
        return self.session.slots


@dataclass(frozen=True, slots=True)
class Step:
    """What a turn came to: the session after it, what is said at once, and what is to be done (and says the rest)."""

    session: Session
    says: tuple[Say, ...] = ()
    commands: tuple[Command, ...] = ()
    before: Session | None = None
    """The session in which a flow finished, so that a refused answer can be asked for again."""


def _always(_: Talk) -> bool:
    return True


def _nothing(_: Talk) -> Any:
    return None


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `read` raises Misread. `implied` may know the answer; `free`: any words are an answer."""

    slot: str
    ask: Callable[[Talk], Say]
    read: Callable[[str, Talk], Any]
    implied: Callable[[Talk], Any] = _nothing
    when: Callable[[Talk], bool] = _always
    free: bool = False


class _Cursor:
    """The bare object that the machine moves."""

    def __init__(self, state: str, talk: Talk) -> None:
        self.state = state
        self.talk = talk


def _read_nothing(rest: str, _: Talk) -> tuple[dict[str, Any], Text | None]:
    return {}, None if not rest else Text("too_much", {"heard": rest})


Line = Callable[[str, Talk], tuple[dict[str, Any], Text | None]]
"""Reads what followed the word in one line: the answers found, and what to say of the part not understood."""


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
        slots = list(self.questions)
        rules: list[dict[str, Any]] = []
        for i, here in enumerate([START, *slots]):
            rules += [{"trigger": "advance", "source": here, "dest": s, "conditions": self._open(s)} for s in slots]
            rules.append({"trigger": "advance", "source": here, "dest": DONE})
            before = [s for s in reversed(slots[: max(i - 1, 0)])]
            rules += [{"trigger": "back", "source": here, "dest": s, "conditions": self._asked(s)} for s in before]
            rules.append({"trigger": "back", "source": here, "dest": LEFT})
        self.machine = Machine(
            model=None,
            states=[START, *slots, DONE, LEFT],
            transitions=rules,
            initial=START,
            auto_transitions=False,
        )

    def _open(self, slot: str) -> Callable[[_Cursor], bool]:
        question = self.questions[slot]
        return lambda cursor: slot not in cursor.talk.slots and question.when(cursor.talk)

    def _asked(self, slot: str) -> Callable[[_Cursor], bool]:
        return lambda cursor: slot in cursor.talk.slots and slot in cursor.talk.slots.get("_asked", ())

    def begin(self, rest: str, talk: Talk) -> Step:
        """Start with what followed the word in the same line."""
        slots, complaint = self.line(rest, talk)
        session = replace(talk.session, flow=self.name, at=START, slots=slots, misses=0)
        return self.go(replace(talk, session=session), complaint)

    def go(self, talk: Talk, complaint: Text | None = None) -> Step:
        """Move to the next question that is open, or finish."""
        while (state := self._move("advance", talk)) != DONE:
            question = self.questions[state]
            known = None if complaint else question.implied(talk)
            if known is None:
                return self._ask(question, talk, complaint)
            talk = _answered(talk, state, known)
        return replace(self.finish(talk), before=talk.session)

    def answer(self, text: str, talk: Talk) -> Step:
        """Take an answer to the question that was asked."""
        question = self.questions[talk.session.at]
        try:
            value = question.read(text, talk)
        except Misread as miss:
            again = replace(talk, session=replace(talk.session, misses=talk.session.misses + 1))
            return self._ask(question, again, miss.because)
        return self.go(_answered(talk, question.slot, value, asked=True))

    def back(self, talk: Talk) -> Step | None:
        """Return to the question asked before; None leaves the flow."""
        state = self._move("back", talk)
        if state == LEFT:
            return None
        slots = list(self.questions)
        later = set(slots[slots.index(state) :])
        kept = {k: v for k, v in talk.slots.items() if k not in later}
        talk = replace(talk, session=replace(talk.session, slots=kept, misses=0))
        return self._ask(self.questions[state], talk, None)

    def _move(self, trigger: str, talk: Talk) -> str:
        cursor = _Cursor(talk.session.at, talk)
        self.machine.events[trigger].trigger(cursor, cursor)
        return cursor.state

    def _ask(self, question: Question, talk: Talk, complaint: Text | None) -> Step:
        session = replace(talk.session, at=question.slot)
        asked = question.ask(replace(talk, session=session))
        return Step(session, (asked.after(complaint) if complaint else asked,))


def _answered(talk: Talk, slot: str, value: Any, *, asked: bool = False) -> Talk:
    slots = {**talk.slots, slot: value}
    if asked:
        slots["_asked"] = [*slots.get("_asked", ()), slot]
    return replace(talk, session=replace(talk.session, slots=slots, misses=0))
