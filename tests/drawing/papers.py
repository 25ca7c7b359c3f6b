"""Reading our own PDFs as a screen reader does: by the structure tree, each leaf with what is drawn for it."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream

_SPOKEN = re.compile(r"<([0-9A-F]{4})> <([0-9A-F]+)>\n")


@dataclass(frozen=True)
class Node:
    """A piece of the tree: its kind, the text drawn for it (a leaf), what it holds (a part), and its attributes."""

    kind: str
    text: str
    kids: tuple["Node", ...]
    attributes: dict[str, Any]

    def all(self, kind: str) -> Iterator["Node"]:
        """Yield every piece of a kind in it, in reading order."""
        for kid in self.kids:
            if kid.kind == kind:
                yield kid
            yield from kid.all(kind)

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, row by row, its heads first."""
        return [[cell.text for cell in row.kids] for row in self.all("TR")]

    @property
    def said(self) -> list[str]:
        """All that is read aloud, in order; the cells of a row in one, with bars between."""
        if self.kind == "TR":
            return ["|".join(cell.text for cell in self.kids if cell.text)]
        return ([self.text] if self.text else []) + [line for kid in self.kids for line in kid.said]


@dataclass(frozen=True)
class Paper:
    """A document: its tree, and what is drawn on its pages and belongs to no piece of it."""

    reader: PdfReader
    tree: Node
    decoration: list[str]


def opened(pdf: bytes) -> Paper:
    """Read a PDF whole."""
    reader = PdfReader(io.BytesIO(pdf), strict=True)
    texts: dict[tuple[int, int], str] = {}
    decoration: list[str] = []
    for number, page in enumerate(reader.pages):
        for mcid, text in _drawn(page, reader):
            if mcid is None:
                decoration.append(text)
            else:
                texts[number, mcid] = texts.get((number, mcid), "") + text
    (document,) = reader.root_object["/StructTreeRoot"]["/K"]  # type: ignore[index]
    return Paper(
        reader,
        _node(document.get_object(), texts, {p.indirect_reference: n for n, p in enumerate(reader.pages)}),
        decoration,
    )


def _node(element: Any, texts: dict[tuple[int, int], str], pages: dict[Any, int]) -> Node:
    kids = [kid.get_object() for kid in element["/K"]]
    page = pages.get(element.raw_get("/Pg")) if "/Pg" in element else None
    text = "".join(texts.get((page, int(kid)), "") for kid in kids if isinstance(kid, int) and page is not None)
    parts = tuple(_node(kid, texts, pages) for kid in kids if not isinstance(kid, int))
    return Node(element["/S"][1:], text, parts, dict(element.get("/A", {})))


def _drawn(page: Any, reader: PdfReader) -> Iterator[tuple[int | None, str]]:
    """Yield what is drawn on a page, each with the number it is marked with; every stroke has to be marked somehow."""
    fonts = {name: _signs(font) for name, font in page["/Resources"]["/Font"].items()}
    marks: list[int | None] = []
    signs: dict[int, str] = {}
    for operands, operator in ContentStream(page.get_contents(), reader).operations:
        match operator:
            case b"BDC":
                marks.append(operands[1]["/MCID"])
            case b"BMC":
                assert operands == ["/Artifact"]
                marks.append(None)
            case b"EMC":
                marks.pop()
            case b"Tf":
                signs = fonts[operands[0]]
            case b"Tj":
                plain = operands[0].original_bytes
                shown = "".join(signs[int.from_bytes(plain[at : at + 2])] for at in range(0, len(plain), 2))
                yield marks[-1], shown
            case b"S" | b"f":
                assert marks, "a line that a reader may stumble on"
            case _:
                pass
    assert not marks


def _signs(font: Any) -> dict[int, str]:
    pairs = _SPOKEN.findall(font["/ToUnicode"].get_data().decode("latin-1").partition("beginbfchar")[2])
    return {int(code, 16): bytes.fromhex(shown).decode("utf-16-be") for code, shown in pairs}
