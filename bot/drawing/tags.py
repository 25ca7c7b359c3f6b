"""The structure of a PDF as a screen reader walks it: headings, paragraphs, and tables of rows and cells.

fpdf2 keeps such pieces in one flat row; this is a tree instead, which it writes in the same place. Part of a paper
alone, and no more than it needs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from fpdf.structure_tree import StructElem, StructureTreeBuilder
from fpdf.syntax import PDFArray, PDFObject

ATTRIBUTES: Final = {"scope": "/Scope/{}", "span": "/ColSpan {}"}


class Element(StructElem):
    """One piece: a part of others (`Table`, `TR`), or a leaf that stands for what is drawn under its number."""

    __slots__ = ("attributes",)

    def __init__(self, kind: str, parent: PDFObject, page: int | None = None, mcid: int | None = None) -> None:
        super().__init__(f"/{kind}", parent, [] if mcid is None else [mcid], page)
        self.attributes = ""

    def serialize(self, obj_dict: Any = None, _security_handler: Any = None) -> str:  # noqa: ARG002 - as fpdf2 calls it
        """Write it in short: a long statement has many cells."""
        drawn_on: PDFObject | None = self.pg  # fpdf2 sets it on what its flat list holds, when all pages are there
        kids = " ".join(kid.ref if isinstance(kid, Element) else str(kid) for kid in self.k)
        told = f"/A<</O/Table{self.attributes}>>" if self.attributes else ""
        page = f"/Pg {drawn_on.ref}" if drawn_on else ""
        return f"{self.id} 0 obj\n<</Type/StructElem/S{self.s}/P {self.p.ref}/K[{kids}]{page}{told}>>\nendobj"


class Tags(StructureTreeBuilder):
    """The tree of one document. What lies on a page is also listed flat in `doc_struct_elem`, where fpdf2 looks."""

    def __init__(self) -> None:
        super().__init__()
        self._document = Element("Document", self.struct_tree_root)
        self.struct_tree_root.k = PDFArray([self._document])
        self._open = [self._document]
        self._all: list[Element] = []
        self._numbers: dict[int, int] = {}

    @contextmanager
    def part(self, kind: str) -> Iterator[None]:
        """Open a part that holds what comes within."""
        self._open.append(self._add(Element(kind, self._open[-1])))
        yield
        self._open.pop()

    def leaf(self, kind: str, page: int, **attributes: object) -> tuple[int, int]:
        """Add what is drawn next on a page. Returns its number there, and the page's own in the tree."""
        mcid = self._numbers[page] = self._numbers.get(page, -1) + 1
        made = self._add(Element(kind, self._open[-1], page, mcid))
        made.attributes = "".join(ATTRIBUTES[name].format(value) for name, value in attributes.items())
        parents = self.spid_per_page_number.setdefault(page, len(self.spid_per_page_number))
        self.struct_tree_root.parent_tree.nums[parents].append(made)
        self.doc_struct_elem.k.append(made)
        return mcid, parents

    def _add(self, made: Element) -> Element:
        self._open[-1].k.append(made)
        self._all.append(made)
        return made

    def __iter__(self) -> Iterator[PDFObject]:
        """Yield all that is to be written, the root first."""
        yield from (self.struct_tree_root, self.struct_tree_root.parent_tree, self._document, *self._all)
