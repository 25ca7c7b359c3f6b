"""The one typeface of pictures and papers: where its files are, how wide a text is, and what it can show at all.

A name may hold what the typeface has no sign for (an emoji, another script): that is left out here, so that nobody
reads empty boxes; whoever draws says something else where nothing is left.
"""

import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import font_roboto
from fpdf import FPDF

FAMILY: Final = "Roboto"
_FOLDER: Final = Path(font_roboto.__file__).parent / "files"
FILES: Final = {weight: _FOLDER / f"Roboto-{weight}.ttf" for weight in ("Regular", "Medium", "Bold")}
STYLES: Final = {"Regular": "", "Bold": "B", "Medium": "I"}
"""How a paper names the weights: there is no slanted text, so that its place is free."""
_MEASURE: Final = 100
"""Points at which widths are taken, to be scaled."""


def add_fonts(paper: FPDF) -> None:
    """Make the typeface known to a paper."""
    for weight, style in STYLES.items():
        paper.add_font(FAMILY, style, FILES[weight])


@cache
def _measure() -> FPDF:
    paper = FPDF(unit="pt")
    add_fonts(paper)
    return paper


@lru_cache(maxsize=4096)
def width(text: str, size: float, weight: str = "Regular") -> float:
    """Return how wide a text is, in the unit that its size is in."""
    paper = _measure()
    paper.set_font(FAMILY, STYLES[weight], _MEASURE)
    return float(paper.get_string_width(text)) * size / _MEASURE


@cache
def _signs() -> frozenset[int]:
    paper = _measure()
    paper.set_font(FAMILY, "", _MEASURE)
    return frozenset(paper.current_font.cmap)  # type: ignore[union-attr] # it is the font just set


@lru_cache(maxsize=4096)
def shown(text: str) -> str:
    """Return what of a text the typeface can show, in one line; "" when that is nothing."""
    signs = _signs()
    kept = [sign for sign in unicodedata.normalize("NFC", text) if ord(sign) in signs or sign.isspace()]
    line = " ".join("".join(s for s in kept if s.isspace() or unicodedata.category(s)[0] != "C").split())
    return line if any(s.isalnum() for s in line) else ""


def fitted(text: str, size: float, room: float, weight: str = "Regular") -> str:
    """Return a text cut to a width, ended by an ellipsis where it had to be cut."""
    if width(text, size, weight) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(text[:middle].rstrip() + "…", size, weight) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def lines(text: str, size: float, room: float, weight: str = "Regular", most: int = 2) -> list[str]:
    """Break a text at its words into so many lines at most; the last one is cut."""
    broken: list[str] = [""]
    for word in text.split():
        longer = f"{broken[-1]} {word}".strip()
        if not broken[-1] or width(longer, size, weight) <= room or len(broken) == most:
            broken[-1] = longer
        else:
            broken.append(word)
    return [fitted(line, size, room, weight) for line in broken]
