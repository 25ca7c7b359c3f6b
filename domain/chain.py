"""The book as a chain that nobody can rewrite unseen: a text for each line, hashed one onto the other (docs/proof.md).

Each circle's book is a chain of its own, and so is what belongs to no circle. A text names no person: where an account
or a key does, there stands an alias, a hash with a salt of that person which is kept apart and can be erased. Decides
what is hashed and how; knows neither the database nor the time.
"""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from domain.codes import ALPHABET

HOUSE: Final = "HOUSE"
"""The chain of what belongs to no circle; no circle's code is so short."""
FIELDS: Final = ("form", "book", "time", "key", "number", "kind", "currency", "debit", "credit", "amount", "reverses")
"""What a text holds, in this order."""
MARK_LENGTH: Final = 8
_FORM: Final = "pardna line 1"
_LEAF, _NODE, _LINK, _HEAD = (bytes([n]) for n in range(4))
_ESCAPES: Final = str.maketrans({"%": "%25", "|": "%7C", "\n": "%0A", "\r": "%0D"})
_ROUND = re.compile(r"\d{1,3}")
_DASHES: Final = dict.fromkeys((*range(0x2010, 0x2015), 0x2212), "-")
_MARK = re.compile(rf"([{ALPHABET}]{{4}})-?([{ALPHABET}]{{4}})")


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer as the ledger has it; `number` counts those of its transaction, from 1."""

    book: str
    at: datetime
    key: str
    number: int
    kind: str
    currency: str
    debit: str
    credit: str
    amount: int
    reverses: str = ""

    @property
    def people(self) -> tuple[str, ...]:
        """Whose accounts it names: `circle:{code}:credit:{person}`, where a pot has the number of its round."""
        names = (account.split(":") for account in (self.debit, self.credit))
        whose = {parts[3] for parts in names if len(parts) > 3 and not _ROUND.fullmatch(parts[3])}  # noqa: PLR2004
        return tuple(sorted(whose))

    def text(self, aliases: Mapping[str, str]) -> str:
        """Return what is hashed. `aliases` stand for the people; each of them needs one."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        named = [_named(part, aliases) for part in (self.key, self.debit, self.credit, self.reverses)]
        key, debit, credit, reverses = named
        parts = (_FORM, self.book, at, key, self.number, self.kind, self.currency, debit, credit, self.amount, reverses)
        return "|".join(str(part).translate(_ESCAPES) for part in parts)

    def alias(self, person: str, salt: bytes) -> str:
        """Return what stands for a person in this line: another in each, so that no two lines are seen to be theirs."""
        return "~" + hmac.digest(salt, f"{self.key}|{self.number}|{person}".encode(), "sha256")[:16].hex()


def _named(name: str, aliases: Mapping[str, str]) -> str:
    return ":".join(aliases.get(part, part) for part in name.split(":"))


@dataclass(frozen=True, slots=True)
class ToldMark:
    """A mark of a circle's book that stands in a message to somebody."""

    circle: str
    person_id: str
    lines: int
    mark: str
    told_at: datetime


def aliases_in(text: str) -> dict[str, str]:
    """Return by the field in which it stands what a text calls a person."""
    fields = dict(zip(FIELDS, text.split("|"), strict=False))
    found = {name: fields.get(name, "").rpartition(":")[2] for name in ("debit", "credit")}
    return {name: alias for name, alias in found.items() if alias.startswith("~")}


def differs(sealed: str, now: str) -> str:
    """Say in which field two texts differ first."""
    pairs = zip(FIELDS, sealed.split("|"), now.split("|"), strict=False)
    return next((f"{name} is {new}, and {old} was sealed" for name, old, new in pairs if old != new), "it has changed")


# -- the chain --------------------------------------------------------------------------------------------------------


def leaf(text: str) -> bytes:
    """Return the hash of a line's text."""
    return sha256(_LEAF + text.encode()).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


@dataclass(slots=True)
class Chain:
    """A book as far as it is hashed. `peaks` are the roots of the whole trees it is made of, the largest first."""

    book: str
    lines: int = 0
    link: bytes = b""
    peaks: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.link = self.link or sha256(_LINK + f"pardna book 1|{self.book}".encode()).digest()

    def add(self, leaf: bytes) -> None:
        """Add a line at the end."""
        self.link = sha256(_LINK + self.link + leaf).digest()
        self.lines += 1
        self.peaks.append(leaf)
        whole = self.lines
        while not whole & 1:
            right = self.peaks.pop()
            self.peaks.append(_node(self.peaks.pop(), right))
            whole >>= 1

    @property
    def root(self) -> bytes:
        """The hash of the Merkle tree of all lines (RFC 6962, 2.1); of none, that of nothing."""
        root = self.peaks[-1] if self.peaks else sha256().digest()
        for peak in reversed(self.peaks[:-1]):
            root = _node(peak, root)
        return root

    @property
    def head(self) -> bytes:
        """What stands for the whole of the book so far."""
        return sha256(_HEAD + self.link + self.root).digest()


def mark(head: bytes) -> str:
    """Return the short form of a head: 8 characters that nobody mistakes for each other."""
    number, written = int.from_bytes(head[:8], "big"), ""
    for _ in range(MARK_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        written = ALPHABET[digit] + written
    return written


def first_mark(book: str) -> str:
    """Return the mark of a book in which nothing is written yet."""
    return mark(Chain(book).head)


def shown(mark: str) -> str:
    """Write a mark as people see it."""
    return f"{mark[:4]}-{mark[4:]}"


def read_mark(typed: str) -> str:
    """Read a mark as people type it; "" when it is none. Letters alone need the dash, or they are a word."""
    tidy = typed.strip().upper().translate(_DASHES)
    found = _MARK.fullmatch(tidy)
    return found[1] + found[2] if found and not tidy.isalpha() else ""


def file_of(book: str, texts: Iterable[tuple[str, tuple[str, ...]]], person: str | None) -> dict[str, object]:
    """Return a book as docs/proof.py reads it: what is a person's own or nobody's in words, all else as its hash.

    `texts` come with the people whose accounts each names; None reads all of them.
    """
    open_to = ((text, person is None or not people or person in people) for text, people in texts)
    lines = [text if is_open else f"#{leaf(text).hex()}" for text, is_open in open_to]
    return {"what": "pardna book 1", "book": book, "lines": lines}


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes by which a leaf leads to the root of all (RFC 6962, 2.1.1), its neighbour first."""
    if len(leaves) == 1:
        return []
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = leaves[:half], leaves[half:]
    if index < half:
        return [*path(left, index), root(right)]
    return [*path(right, index - half), root(left)]


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root of some leaves."""
    chain = Chain("")
    for one in leaves:
        chain.add(one)
    return chain.root
