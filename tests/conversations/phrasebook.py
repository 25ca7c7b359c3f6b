"""What people say, as it lies in tests/conversations/phrases: who says it, and what is right.

A row of kind `word` names the word that is meant, `none` means no word, and `money`, `day` and `yes` are answers to
a question (`-`: the question is to be asked again). Who: a member, a banker, staff, a drawer who was paid (`drawer`),
or a member whose cash was entered (`payer`).
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.conversations import vocabulary
from bot.conversations.flow import Misread, Session, Talk
from bot.conversations.reading import read_any_money, read_future_day, read_yes
from domain.money import Currency
from domain.pardna import CircleState
from domain.standing import Standing
from tests.conversations.chat import NOW, OTHER, Chat, ask, banker, clerk, member, seat

FOLDER = Path(__file__).parent / "phrases"
HEARD = Path(vocabulary.__file__).parent / "heard"
"""What the bot learns from; what lies in FOLDER it has never seen."""
WHO: dict[str, Callable[[], Standing]] = {
    "member": member,
    "drawer": lambda: member(asks=(ask("draw", "P-7K2M"),)),
    "payer": lambda: member(asks=(ask("cash", "R-7K2MQ9XA"),)),
    "banker": lambda: banker(
        CircleState.ACTIVE,
        seat(OTHER, "Monday Box", is_banker=True, state=CircleState.OPEN),
        asks=(ask("payout", "P-9XAB"),),
    ),
    "staff": clerk,
}
HOME = {"BACK": "MENU"}
"""Where no question waits one step back is the menu."""
MONEY_WORDS = frozenset({
    "PAY", "CASH", "CONFIRM", "DENY", "PAY OUT", "APPROVE PAYOUT", "RECEIVED", "NOT RECEIVED", "PAYOUT", "LINK",
    "UNLINK", "PIN", "STOP PAYOUT", "KYC", "CASE", "REFUND", "MATCH", "RATE", "FREEZE", "UNFREEZE", "RESET PIN",
    "AGREE", "SENT",
})  # fmt: skip
"""Words whose commands move money or ask for the PIN, and those that answer such a word."""


@dataclass(frozen=True)
class Row:
    """One thing that somebody said."""

    kind: str
    who: str
    said: str
    meant: str


@dataclass(frozen=True)
class Heard:
    """What the bot made of it: the word that it began or showed, or the words it offered."""

    done: str
    offered: tuple[str, ...] = ()
    commands: tuple[object, ...] = ()

    def is_right(self, row: Row) -> bool:
        """Whether the word was taken, or was one of the two offered; for what is no word, whether nothing was done."""
        if row.kind == "word":
            meant = HOME.get(row.meant, row.meant)
            return self.done == meant or (not self.done and row.meant in self.offered)
        return self.done == row.meant or (
            row.kind == "none" and self.done in {"", "MENU", "HELP"} and not self.commands
        )

    def is_wrong(self, row: Row) -> bool:
        """Whether another word was taken than the one meant: worse than to ask."""
        return bool(self.done) and not self.is_right(row)


def rows(name: str) -> list[Row]:
    """Read a file of phrases."""
    file = HEARD / f"{name}.csv"
    with (file if file.exists() else FOLDER / file.name).open(encoding="utf-8", newline="") as opened:
        return [Row(**row) for row in csv.DictReader(opened)]


def hear(row: Row) -> Heard:
    """Say it, and see what becomes of it."""
    if row.kind in READERS:
        return Heard(_answer(row))
    chat = Chat(WHO[row.who]()).says(row.said)
    names = {text.name for what in chat.step.says for text in what.texts}
    if names & {"lost_near", "lost_amount"}:
        return Heard("", tuple(_word(line) for line in chat.offers))
    return Heard(_begun(chat), (), chat.step.commands)


def _word(line: str) -> str:
    return vocabulary.understand(line, clerk()).word


def _begun(chat: Chat) -> str:
    if flow := chat.step.session.flow or (chat.step.before.flow if chat.step.before else ""):
        return flow.upper()
    for word, entry in vocabulary.WORDS.items():
        if entry.look and chat.step.says == (entry.look(Talk(chat.standing, Session())),):
            return word
    return ""


def _answer(row: Row) -> str:
    try:
        return READERS[row.kind](row.said)
    except Misread:
        return "-"


def _talk() -> Talk:
    return Talk(member(now=NOW), Session())


READERS: dict[str, Callable[[str], str]] = {
    "money": lambda said: read_any_money(said, Currency.JMD).text().replace(",", ""),
    "day": lambda said: read_future_day(said, _talk()),
    "yes": lambda said: "yes" if read_yes(said, _talk()) else "no",
}


def judged(name: str) -> Iterator[tuple[Row, Heard]]:
    """Yield each row of a file with what was heard."""
    return ((row, hear(row)) for row in rows(name))
