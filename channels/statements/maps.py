"""Column maps: how a bank's CSV names what we need. Kept as data (maps/*.toml), so an operator can give their own.

The maps that come along are drafts: no bank's real export was seen when they were written, and each says so.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from channels.statements.parts import BadStatement
from domain.matching import Hint
from domain.money import Currency

FOLDER: Final = Path(__file__).with_name("maps")
FIELDS: Final = frozenset({
    "booked", "valued", "amount", "debit", "credit", "balance", "currency", "account", "bank_ref", "end_to_end",
    "name", "narrative", "kind",
})  # fmt: skip
_MOST_BYTES: Final = 2**16

Words = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """How to read one bank's CSV. Headings are compared in lower case; the first of a field's that is there counts.

    `dates` are forms of strptime, tried in order; `before` names what stands above the headings, as `name, value`;
    a row whose first cell begins with one of `ends` is no line; `hints` are words that make a line the bank's own.
    """

    carrier: str
    title: str
    columns: Words
    dates: tuple[str, ...]
    decimal: str = "."
    currency: Currency = Currency.JMD
    account: str = ""
    ends: tuple[str, ...] = ()
    before: Words = field(default_factory=dict)
    hints: Words = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any], name: str) -> Self:
        """Read a map from its TOML. Raises BadStatement that names what is missing or unknown."""
        try:
            file, columns = told.get("file", {}), _words(told["columns"])
            made = cls(
                str(told["carrier"]),
                str(told.get("title", name)),
                columns,
                tuple(map(str, file["dates"])),
                str(file.get("decimal", ".")),
                Currency(file.get("currency", "JMD")),
                str(file.get("account", "")),
                tuple(str(word).casefold() for word in file.get("ends", ())),
                _words(told.get("before", {})),
                _words(told.get("hints", {})),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise BadStatement(f"the map {name} lacks or misstates {fault}; compare it with maps/ncb.toml") from None
        made.check(name)
        return made

    def check(self, name: str) -> None:
        """Refuse a map that could not find a date and an amount, or names a field there is not."""
        unknown = (set(self.columns) - FIELDS) | (set(self.hints) - set(Hint)) | (set(self.before) - FIELDS)
        if unknown:
            raise BadStatement(f"the map {name} names {', '.join(sorted(unknown))}, which there is not")
        if not self.columns.get("booked") or not any(self.columns.get(n) for n in ("amount", "debit", "credit")):
            raise BadStatement(f"the map {name} needs the columns booked, and amount or debit and credit")
        if self.decimal not in {".", ","} or not self.dates:
            raise BadStatement(f'the map {name} needs decimal "." or ",", and at least one form of dates')


def _words(told: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    for field_name, words in told.items():
        if not isinstance(words, list):
            raise TypeError(f"a list for {field_name}")
    return {field_name: tuple(" ".join(str(w).casefold().split()) for w in words) for field_name, words in told.items()}


def load(path: Path) -> ColumnMap:
    """Read an operator's own map. Raises BadStatement."""
    try:
        with path.open("rb") as file:
            told = tomllib.loads(file.read(_MOST_BYTES).decode())
    except OSError as fault:
        raise BadStatement(f"the map {path.name} cannot be opened ({fault.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise BadStatement(f"the map {path.name} is no TOML: {str(fault).splitlines()[0]}") from None
    return ColumnMap.of(told, path.name)


@cache
def shipped() -> Mapping[str, ColumnMap]:
    """Return the maps that come along, by carrier."""
    found = (load(path) for path in sorted(FOLDER.glob("*.toml")))
    return {one.carrier: one for one in found}
