"""A statement as PDF: A4, black on white, readable when printed and read aloud, and always the same bytes.

All of it is text in an embedded typeface, with a title and a language, and tagged in reading order: headings,
paragraphs, and tables whose cells know their heads. Lines, and what is repeated on a further page, are tagged as
decoration, so that nobody is read them twice. Its dates are those of the statement, never of the drawing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.prefs import ViewerPreferences

from bot.drawing.fonts import FAMILY, STYLES, add_fonts, fitted, lines, shown, width
from bot.drawing.tags import Tags
from bot.drawing.words import Write, grouped, head, say, title, what
from domain.documents import Entry, StatementFacts
from domain.people import Language

EDGE: Final = 18.0
INNER: Final = 210.0 - 2 * EDGE
FOOT: Final = 24.0
ROW: Final = 6.4
POINT: Final = 25.4 / 72
"""Millimetres."""
INK: Final = (0, 0, 0)
SOFT: Final = (70, 70, 70)
RULE: Final = (150, 150, 150)


class _Paper(FPDF):
    """An A4 page that draws text in tagged pieces and never mentions the hour it was drawn at."""

    def __init__(self, name: str, language: Language, made: datetime) -> None:
        super().__init__(format="A4")
        add_fonts(self)
        self.set_title(name)
        self.set_author("Digital Pardna")
        self.set_lang(language.tag)
        self.set_creation_date(made)
        self.set_producer("Digital Pardna")
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.set_margins(EDGE, EDGE, EDGE)
        self.set_auto_page_break(auto=False)
        self.alias_nb_pages("")
        self._set_min_pdf_version("1.5")
        self.struct_builder = self.tags = Tags()

    @contextmanager
    def tagged(self, kind: str, **attributes: object) -> Iterator[None]:
        """Tag what is drawn within as one piece of the page: `H1`, `P`, `TD` and the like."""
        mcid, self.pages[self.page].struct_parents = self.tags.leaf(kind, self.page, **attributes)
        self._out(f"/{kind} <</MCID {mcid}>> BDC")
        yield
        self._out("EMC")

    @contextmanager
    def decoration(self) -> Iterator[None]:
        """Tag what is drawn within as nothing to be read."""
        self._out("/Artifact BMC")
        yield
        self._out("EMC")

    def write_at(
        self, x: float, text: str, size: float, room: float, *, weight: str = "Regular", right: bool = False
    ) -> None:
        """Write one line at the current height, cut to its room; a number is never cut but written smaller."""
        if not text:
            return
        while right and width(text, size * POINT, weight) > room:
            size -= 0.25
        self.set_font(FAMILY, STYLES[weight], size)
        self.set_x(x)
        cut = fitted(text, size * POINT, room, weight)
        self.cell(room, ROW, cut, align="R" if right else "L", new_x=XPos.RIGHT, new_y=YPos.TOP)

    def rule(self, weight: float = 0.2) -> None:
        """Draw a thin line across at the current height."""
        with self.decoration():
            self.set_draw_color(*RULE)
            self.set_line_width(weight)
            self.line(EDGE, self.y, EDGE + INNER, self.y)

    @property
    def is_full(self) -> bool:
        """Whether no further line has room on this page."""
        return self.y + ROW > self.h - FOOT


def pdf_bytes(facts: StatementFacts, write: Write, check: str) -> bytes:
    """Return the statement as PDF. `check` says how its receipts are checked and stands at the foot of each page."""
    name = f"{title(facts, write)}, {shown(facts.circle) or facts.code}, {facts.until.isoformat()}"
    paper = _Paper(name, facts.language, datetime.combine(facts.until, time(), UTC))
    paper.add_page()
    _head(paper, facts, write)
    _entries(paper, facts, write)
    _rounds(paper, facts, write)
    _feet(paper, write, check)
    return bytes(paper.output())


def _head(paper: _Paper, facts: StatementFacts, write: Write) -> None:
    paper.set_text_color(*INK)
    with paper.tagged("P"):
        paper.write_at(EDGE, "Digital Pardna", 10, INNER, weight="Bold")
    paper.y += 11
    for line in lines(shown(facts.circle) or facts.code, 20 * POINT, INNER, "Bold"):
        with paper.tagged("H1"):
            paper.write_at(EDGE, line, 20, INNER, weight="Bold")
        paper.y += 9
    with paper.tagged("P"):
        paper.write_at(EDGE, title(facts, write), 12, INNER)
    paper.y += 9
    paper.rule(0.6)
    paper.y += 3
    told = [(label, shown(value) or "-") for label, value in list(head(facts, write))[1:]]
    told += [
        (say(write, "paper_opening"), grouped(facts.opening)),
        (say(write, "paper_closing"), grouped(facts.closing)),
    ]
    half = INNER / 2
    for place, (label, value) in enumerate(told):
        x = EDGE + (place % 2) * half
        with paper.tagged("P"):
            paper.set_text_color(*SOFT)
            paper.write_at(x, f"{label} ", 9.5, 33)  # or a screen reader runs it into the value
            paper.set_text_color(*INK)
            paper.write_at(x + 34, value, 10.5, half - 36, weight="Medium")
        if place % 2 or place == len(told) - 1:
            paper.y += ROW
    paper.y += 2
    with paper.tagged("P"):
        paper.set_text_color(*SOFT)
        paper.set_font(FAMILY, "", 9)
        note = say(write, "paper_book_note") if facts.whole else say(write, "paper_mine_note")
        paper.set_x(EDGE)
        paper.multi_cell(INNER, 4.6, note, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    paper.set_text_color(*INK)
    paper.y += 5


_BOOK_COLUMNS: Final = (
    ("date", 20.0, False),
    ("what", 33.0, False),
    ("who", 26.0, False),
    ("reference", 23.0, False),
    ("in", 24.0, True),
    ("out", 24.0, True),
    ("balance", 24.0, True),
)
_OWN_COLUMNS: Final = (
    ("date", 24.0, False),
    ("what", 52.0, False),
    ("reference", 26.0, False),
    ("in", 24.0, True),
    ("out", 24.0, True),
    ("balance", 24.0, True),
)


Columns = Sequence[tuple[str, float, bool]]
"""Name, width and whether it is a number, of each."""


def _columns(facts: StatementFacts) -> Columns:
    """Return the columns of the lines."""
    return _BOOK_COLUMNS if facts.whole else _OWN_COLUMNS


@contextmanager
def _table(paper: _Paper, columns: Columns, write: Write) -> Iterator[None]:
    """Open a table with its heads."""
    with paper.tags.part("Table"):
        with paper.tags.part("THead"), paper.tags.part("TR"):
            _heads(paper, columns, write)
        with paper.tags.part("TBody"):
            yield


def _heads(paper: _Paper, columns: Columns, write: Write, *, again: bool = False) -> None:
    """Write the heads; `again`, on a further page, where they are to be seen and not to be heard."""
    x = EDGE
    for name, room, number in columns:
        with paper.decoration() if again else paper.tagged("TH", scope="Column"):
            paper.write_at(x, say(write, f"paper_{name}"), 9.5, room - 1.5, weight="Bold", right=number)
        x += room
    paper.y += ROW
    paper.rule(0.5)
    paper.y += 0.8


def _row(paper: _Paper, columns: Columns, cells: Sequence[str]) -> None:
    x = EDGE
    with paper.tags.part("TR"):
        for (_, room, number), cell in zip(columns, cells, strict=True):
            with paper.tagged("TD"):
                paper.write_at(x, cell, 9.5, room - 1.5, right=number)
            x += room
    paper.y += ROW


def _last_row(paper: _Paper, columns: Columns, name: str, sums: Sequence[str]) -> None:
    """Write what a table sums to, the name over all columns before the sums."""
    before = len(columns) - len(sums)
    x = EDGE + sum(room for _, room, _ in columns[:before])
    with paper.tags.part("TR"):
        with paper.tagged("TH", scope="Row", span=before):
            paper.write_at(EDGE, name, 9.5, x - EDGE - 1.5, weight="Bold")
        for (_, room, _), cell in zip(columns[before:], sums, strict=True):
            with paper.tagged("TD"):
                paper.write_at(x, cell, 9.5, room - 1.5, weight="Bold", right=True)
            x += room
    paper.y += ROW


def _turn_page(paper: _Paper, columns: Columns, write: Write) -> None:
    """Go on on a new page when no further line has room on this one."""
    if paper.is_full:
        paper.add_page()
        _heads(paper, columns, write, again=True)


def _entries(paper: _Paper, facts: StatementFacts, write: Write) -> None:
    columns = _columns(facts)
    balance = facts.opening
    with _table(paper, columns, write):
        for entry in facts.entries:
            _turn_page(paper, columns, write)
            balance += entry.amount
            _row(paper, columns, _cells(entry, balance, facts, write))
            paper.rule(0.1)
        if not facts.entries:
            with paper.tags.part("TR"), paper.tagged("TD", span=len(columns)):
                paper.write_at(EDGE, say(write, "paper_none"), 9.5, INNER)
            paper.y += ROW
        _turn_page(paper, columns, write)
        paper.rule(0.5)
        paper.y += 0.8
        sums = (grouped(facts.came_in), grouped(facts.went_out), grouped(facts.closing))
        _last_row(paper, columns, say(write, "paper_sums"), sums)
    paper.y += 8


def _cells(entry: Entry, balance: int, facts: StatementFacts, write: Write) -> list[str]:
    who = [shown(entry.who) or "-"] if facts.whole else []
    came = grouped(entry.amount) if entry.amount > 0 else ""
    went = grouped(-entry.amount) if entry.amount < 0 else ""
    return [entry.day.isoformat(), what(entry, write), *who, entry.reference, came, went, grouped(balance)]


_ROUND_COLUMNS: Final = (
    ("round", 16.0, False),
    ("due", 28.0, False),
    ("drawer", 52.0, False),
    ("thrown", 26.0, True),
    ("pot", 26.0, True),
    ("drawn", 26.0, True),
)


def _rounds(paper: _Paper, facts: StatementFacts, write: Write) -> None:
    """The circle's totals, which every insider may see."""
    if not facts.rounds:
        return
    if paper.y + 4 * ROW > paper.h - FOOT:
        paper.add_page()
    with paper.tagged("H2"):
        paper.write_at(EDGE, say(write, "paper_rounds"), 12, INNER, weight="Bold")
    paper.y += 9
    with _table(paper, _ROUND_COLUMNS, write):
        for line in facts.rounds:
            _turn_page(paper, _ROUND_COLUMNS, write)
            sums = (grouped(line.thrown), grouped(facts.gross), grouped(line.drawn))
            _row(paper, _ROUND_COLUMNS, (str(line.number), line.due.isoformat(), shown(line.who) or "-", *sums))
            paper.rule(0.1)
        thrown, drawn = (sum(getattr(line, name) for line in facts.rounds) for name in ("thrown", "drawn"))
        paper.y += 0.8
        _turn_page(paper, _ROUND_COLUMNS, write)
        sums = (grouped(thrown), grouped(facts.gross * len(facts.rounds)), grouped(drawn))
        _last_row(paper, _ROUND_COLUMNS, say(write, "paper_all"), sums)


def _feet(paper: _Paper, write: Write, check: str) -> None:
    """Number the pages, and say on each how to check what stands on it; to be heard once, at the end."""
    count = len(paper.pages)
    for number in paper.pages:
        paper.page = number
        paper.font_family = ""  # or the typeface, set on another page, would not be set on this one
        paper.y = paper.h - 17
        paper.rule()
        paper.y += 1.5
        paper.set_text_color(*SOFT)
        with paper.tagged("P") if number == count else paper.decoration():
            paper.write_at(EDGE, check, 8.5, INNER - 32)
        with paper.decoration():
            paper.write_at(EDGE + INNER - 30, say(write, "paper_page", number=number, count=count), 8.5, 30, right=True)
