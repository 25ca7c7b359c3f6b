"""Text as banks take it: the Latin set of SWIFT (x), with names transliterated and every change noted.

Never cuts or drops anything without saying so, and never lets a cell begin with what a spreadsheet would run.
"""

import re
import unicodedata
from dataclasses import dataclass

ALLOWED = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*")
"""SWIFT's character set x without its line breaks, as the pain.001 usage guides ask for."""
_SPELT = str.maketrans({
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D",
    "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ł": "l", "Ł": "L", "\u0131": "i", "_": "-", "&": "+", ";": ",",
    **dict.fromkeys("\u2018\u2019\u02bc\u201c\u201d`\x22", "'"), **dict.fromkeys("\u2010\u2011\u2013\u2014", "-"),
})  # fmt: skip
_UNSAFE_START = re.compile(r"[^A-Za-z0-9]+")
"""A slash at the start is forbidden by SWIFT; =, +, - and @ at the start are run by spreadsheets."""


@dataclass(frozen=True, slots=True)
class Written:
    """A text as it stands in a file. `note`: what was changed of it, without the text itself."""

    text: str
    note: str = ""


def write(text: str, most: int, instead: str) -> Written:
    """Return a text in the banks' letters, `most` characters at the longest.

    A letter of another script becomes a full stop. When no letter or figure is left, `instead` stands there.
    """
    plain = _latin(text)
    if not any(char.isalnum() for char in plain):
        return Written(instead, "a name in letters that banks do not take was replaced by the reference")
    notes = []
    if plain != " ".join(text.split()):
        notes.append("the name was written in letters that banks take")
    if len(plain) > most:
        notes.append(f"the name was cut from {len(plain)} to {most} characters")
    return Written(plain[:most].rstrip(), "; ".join(notes))


def _latin(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_SPELT)).translate(_SPELT)
    plain = " ".join("".join(map(_letter, decomposed)).split())
    start = _UNSAFE_START.match(plain)
    return plain[start.end() :] if start else plain


def _letter(char: str) -> str:
    if char.isascii() and ALLOWED.fullmatch(char):
        return char
    match unicodedata.category(char)[0]:
        case "M":
            return ""
        case "L" | "N":
            return "."
        case _:
            return " "
