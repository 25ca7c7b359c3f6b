"""The alphabet of a plain SMS: counting its segments and putting any text into it.

Owns the GSM 7-bit default alphabet (3GPP TS 23.038) and its extension, without the form feed, which no phone
shows. One character outside it makes a carrier send the whole text as UCS-2, at less than half the room.
"""
# ruff: noqa: RUF001 - look-alike characters are the subject

import re
import unicodedata

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
)
EXTENSION = frozenset("^{}\\[~]|€")
"""Characters sent as an escape and a second septet."""

GSM7 = BASIC | EXTENSION

LONGEST_SMS = 305
"""Septets that one message of ours may take: two segments of 153, the first one short where a sign of two ends it."""

_GSM7_ROOM = (160, 153)
_UCS2_ROOM = (70, 67)
_LAST_IN_ONE_UNIT = 0xFFFF

_DROPPED = "\x00"
"""Stands where an emoji stood until the spaces around it are tidied; itself never part of a text."""

# fmt: off
_LIKE = (
    dict.fromkeys("‘’‚‛′‵ʼʻʹ´`‹›", "'")
    | dict.fromkeys("“”„‟″‶«»", '"')
    | dict.fromkeys("•‣·∙−⁃", "-")
    | dict.fromkeys("\v\f\x85\u2028\u2029", "\n")
    | {
        "\t": " ", "×": "x", "÷": "/", "≤": "<=", "≥": ">=", "≠": "<>", "→": "->", "←": "<-", "⁄": "/",
        "¦": "|", "¢": "c", "©": "(c)", "®": "(r)", "Œ": "OE", "œ": "oe", "Ł": "L", "ł": "l", "ı": "i",
        "Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th", "ẞ": "SS",
    }
)
# fmt: on
_PICTURES = (range(0x2190, 0x2200), range(0x2300, 0x2C00), range(0x1F000, 0x20000))
"""Blocks of arrows, symbols and emoji, with those newer than `unicodedata`, without mathematics."""


def is_gsm7(text: str) -> bool:
    """Whether the whole text can go as GSM-7."""
    return GSM7.issuperset(text)


def septets(text: str) -> int:
    """Length of a GSM-7 text in septets, an extension character being two; ValueError for any other text."""
    if not is_gsm7(text):
        raise ValueError("the text is not GSM-7")
    return len(text) + sum(map(text.count, EXTENSION))


def segments(text: str) -> int:
    """How many SMS a text costs: 160 or 153 a part in GSM-7, 70 or 67 UTF-16 units in UCS-2; none for "".

    A character of two units is never cut in half, so a part may be left one unit short.
    """
    if is_gsm7(text):
        return _parts([2 if char in EXTENSION else 1 for char in text], *_GSM7_ROOM)
    return _parts([2 if ord(char) > _LAST_IN_ONE_UNIT else 1 for char in text], *_UCS2_ROOM)


def _parts(widths: list[int], alone: int, room: int) -> int:
    if sum(widths) <= alone:
        return min(len(widths), 1)
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts


def to_gsm7(text: str) -> str:
    """The text in GSM-7: unchanged when it is so already, else the nearest that a plain phone can show.

    Curly quotes and dashes become plain, accents outside the alphabet are left off, emoji and invisible
    characters are dropped with the spaces they leave behind, and any other character becomes `?`.
    """
    if is_gsm7(text):
        return text
    return _tidied("".join(map(_nearest, unicodedata.normalize("NFC", text))))


def _nearest(char: str) -> str:
    if char in GSM7:
        return char
    return _LIKE.get(char) or _by_kind(char)


def _by_kind(char: str) -> str:
    match unicodedata.category(char):
        case "Zs":
            return " "
        case "Pd":
            return "-"
        case "Mn" | "Me" | "Cf" | "Cc":
            return ""
        case "So" | "Sm" | "Sk" | "Cn" if any(ord(char) in block for block in _PICTURES):
            return _DROPPED
        case "No":
            # Apart from the digits before it: `10²` must not become 102, nor `2½` 21/2.
            return f" {_unaccented(char)}"
        case _:
            return _unaccented(char)


def _unaccented(char: str) -> str:
    parts = unicodedata.normalize("NFKD", char).replace("⁄", "/")
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain and is_gsm7(plain) else "?"


def _tidied(text: str) -> str:
    """Without the dropped emoji: one space where words would touch, none before a stop or at a line's end."""
    text = re.sub(rf" *{_DROPPED}[{_DROPPED} ]*(?=[.,;:!?\n]|$)", "", text)
    text = re.sub(rf"[{_DROPPED} ]*{_DROPPED}[{_DROPPED} ]*", " ", text)
    return re.sub(r" {2,}", " ", text).strip(" ")
