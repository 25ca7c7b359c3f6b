"""What is to be said, before any language or channel: the name of a text, its figures, and the answers offered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from domain.messages import AttachmentKind
from domain.money import Money


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the catalogue by name, with what fills its gaps. A tuple of texts becomes lines."""

    name: str
    figures: Mapping[str, "Figure"] = field(default_factory=dict)


def text(name: str, /, **figures: "Figure") -> Text:
    """Name a text and fill its gaps."""
    return Text(name, figures)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer offered. `line` is what typing it would be, so that an old button still means what it said."""

    line: str
    label: Text | str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A kept document that goes with what is said, where the channel carries one. `alt` says what a picture shows."""

    kind: AttachmentKind
    document: str
    name: str
    alt: Text
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Say:
    """Texts said as one message, the answers offered with them, and perhaps a picture or a document."""

    texts: tuple[Text, ...]
    answers: tuple[Answer, ...] = ()
    drawn: Drawn | None = None

    def after(self, *before: Text) -> "Say":
        """Return the same with something said first."""
        return replace(self, texts=(*before, *self.texts))

    def and_then(self, *behind: Text) -> "Say":
        """Return the same with something said behind it."""
        return replace(self, texts=(*self.texts, *behind))


def say(name: str, /, *answers: Answer, **figures: "Figure") -> Say:
    """Say one text of the catalogue."""
    return Say((Text(name, figures),), answers)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not done, as a value. `ask_again` names the question whose answer has to change."""

    because: Text
    answers: tuple[Answer, ...] = ()
    ask_again: str = ""

    def as_say(self) -> Say:
        """Return the words of it."""
        return Say((self.because,), self.answers)


def refuse(name: str, /, *answers: Answer, ask_again: str = "", **figures: "Figure") -> Refusal:
    """Refuse with one text of the catalogue."""
    return Refusal(Text(name, figures), answers, ask_again)


Figure = str | int | date | Money | Text | tuple[Text | str, ...]
"""What may fill a gap."""
