"""What a statement says, before any format: the same lines and heads for paper and for a table."""

from collections.abc import Callable, Iterator

from bot.words.say import Figure, Text
from domain.documents import Entry, StatementFacts
from domain.money import MINOR_PER_MAJOR

Write = Callable[[Text], str]


def say(write: Write, name: str, /, **figures: Figure) -> str:
    """Say a text of the catalogue in the reader's language."""
    return write(Text(name, figures))


def head(facts: StatementFacts, write: Write) -> Iterator[tuple[str, str]]:
    """Yield what stands at the top: each with its label."""
    yield say(write, "paper_circle"), facts.circle
    yield say(write, "paper_code"), facts.code
    yield say(write, "paper_banker") if facts.whole else say(write, "paper_name"), facts.name
    yield (
        say(write, "paper_period"),
        say(write, "paper_until", date=facts.since.isoformat(), until=facts.until.isoformat()),
    )
    yield say(write, "paper_currency"), facts.currency.value


def title(facts: StatementFacts, write: Write) -> str:
    """Return what kind of statement this is."""
    return say(write, "paper_book") if facts.whole else say(write, "paper_title")


def what(entry: Entry, write: Write) -> str:
    """Return why money came or went."""
    return say(write, f"what_{entry.what.value}", round=entry.round)


def plain(minor: int) -> str:
    """Write an amount for a column of numbers: `5000.00`, `-500.00`."""
    major, cents = divmod(abs(minor), MINOR_PER_MAJOR)
    return f"{'-' if minor < 0 else ''}{major}.{cents:02d}"


def grouped(minor: int) -> str:
    """Write an amount to be read: `5,000.00`."""
    major, cents = divmod(abs(minor), MINOR_PER_MAJOR)
    return f"{'-' if minor < 0 else ''}{major:,}.{cents:02d}"
