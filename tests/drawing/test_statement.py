"""A statement on paper and as a table: the same lines, that sum to what they say."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest
from pypdf.generic import TextStringObject

from bot.drawing.csv_file import safe
from bot.drawing.press import drawn
from bot.words.catalogue import Catalogue
from domain.documents import CardFacts, StatementFacts
from domain.people import Language
from tests.drawing.facts import card_facts, statement_facts
from tests.drawing.papers import Paper, opened

GOLDEN = Path(__file__).parent / "golden"
CATALOGUE = Catalogue("https://pardna.example")


def made(facts: StatementFacts | CardFacts, form: str) -> bytes:
    return drawn(facts, form, Language.EN, CATALOGUE)


def paper(facts: StatementFacts) -> Paper:
    return opened(made(facts, "pdf"))


def table(facts: StatementFacts) -> list[list[str]]:
    return list(csv.reader(io.StringIO(made(facts, "csv").decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("whole", [False, True])
def test_a_table_looks_as_it_did(whole: bool) -> None:
    name = "book.csv" if whole else "statement.csv"
    assert made(statement_facts(whole=whole), "csv") == (GOLDEN / name).read_bytes()


def test_the_lines_of_a_table_sum_to_its_last_line() -> None:
    rows = [row for row in table(statement_facts(12)) if len(row) == 7 and row[-1] == "JMD" and row[0] != "5"]
    lines, sums = [r for r in rows if r[2].startswith(("R-", "P-"))], next(r for r in rows if r[0] == "Sums to")
    came, went = (sum(float(line[at] or 0) for line in lines) for at in (3, 4))
    assert (came, went) == (float(sums[3]), float(sums[4]))
    assert f"{came - went:.2f}" == sums[5] == lines[-1][5]


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1+cmd", "@SUM(A1)", "\t=1", " =1", "＝1"])  # noqa: RUF001
def test_what_people_typed_never_becomes_a_formula(evil: str) -> None:
    assert safe(evil) == f"'{evil}"
    facts = statement_facts(2, whole=True, circle=evil, who=evil)
    cells = [cell for row in table(facts) for cell in row]
    assert evil not in cells
    assert f"'{evil}" in cells


def test_a_name_is_left_as_it_is() -> None:
    for name in ("Marva", "O'Neil", "Sunday=Club", "1-2-3"):
        assert safe(name) == name


@pytest.mark.parametrize("whole", [False, True])
def test_a_paper_says_the_same_lines_as_the_table(whole: bool) -> None:
    facts = statement_facts(12, whole=whole)
    lines, rounds = paper(facts).tree.all("Table")
    figures = 4 if whole else 3
    for row in table(facts):
        if len(row) == 7 + whole and row[figures - 1].startswith(("R-", "P-")):
            sums = [f"{float(cell):,.2f}" if cell else "" for cell in row[figures : figures + 3]]
            assert [*row[:figures], *sums] in lines.rows
    assert lines.rows[-1] == ["Sums to", "50,000.00", "49,001.00", "999.00"]
    assert rounds.rows[-1] == ["All rounds", "50,000.00", "125,000.00", "24,500.50"]


def test_a_paper_has_a_title_a_language_and_its_text_as_text() -> None:
    found = paper(statement_facts())
    root: Any = found.reader.root_object
    assert root["/Lang"] == "en-JM"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert root["/MarkInfo"]["/Marked"]
    assert found.reader.metadata is not None
    assert found.reader.metadata.title == "Statement, Sunday Club, 2027-06-04"
    assert "Closing balance -4,500.50" in found.tree.said
    assert [node.text for node in found.tree.all("H1")] == ["Sunday Club"]
    assert [node.text for node in found.tree.all("H2")] == ["The circle, round by round"]
    assert not any(page.images for page in found.reader.pages)


def test_each_cell_of_a_paper_knows_its_head() -> None:
    """However many pages a table goes over it is one, its heads are read once, and each row has a cell for each."""
    lines, rounds = paper(statement_facts(100, whole=True)).tree.all("Table")
    for one, heads in ((lines, 7), (rounds, 6)):
        (top,) = one.all("THead")
        assert [node.kind for node in one.kids] == ["THead", "TBody"]
        assert [(cell.kind, cell.attributes["/Scope"]) for cell in next(top.all("TR")).kids] == [
            ("TH", "/Column")
        ] * heads
        for row in one.all("TR"):
            assert sum(cell.attributes.get("/ColSpan", 1) for cell in row.kids) == heads
    assert lines.rows[0] == ["Date", "What", "Who", "Reference", "In", "Out", "Balance"]
    assert len(lines.rows) == 102
    last = list(lines.all("TR"))[-1].kids
    assert [(cell.kind, cell.attributes.get("/Scope")) for cell in last] == [("TH", "/Row"), *[("TD", None)] * 3]


def test_every_piece_of_a_page_leads_back_to_the_tree() -> None:
    reader = paper(statement_facts(100)).reader
    numbers = reader.root_object["/StructTreeRoot"]["/ParentTree"]["/Nums"]  # type: ignore[index]
    parents = dict(zip(numbers[::2], numbers[1::2], strict=True))
    for page in reader.pages:
        for mcid, leaf in enumerate(parents[page["/StructParents"]]):
            assert leaf["/K"] == [mcid]
            assert leaf["/Pg"].indirect_reference == page.indirect_reference
            assert leaf.indirect_reference in leaf["/P"]["/K"]


def test_every_page_shows_its_heads_and_its_number_and_none_is_read_twice() -> None:
    found = paper(statement_facts(100, whole=True))
    assert len(found.reader.pages) == 4
    assert [text for text in found.decoration if text.startswith("Page")] == [f"Page {n} of 4" for n in range(1, 5)]
    assert found.decoration.count("Balance") == 2
    check = "Check a receipt: https://pardna.example/r/ and its code."
    assert found.decoration.count(check) == 3
    assert found.tree.said.count(check) == 1
    assert found.tree.said[-1] == check


def test_a_paper_is_black_on_white() -> None:
    """Readable when printed without colour: only greys are set."""
    import re
    import zlib

    for stream in re.findall(rb"stream\n(.*?)\nendstream", made(statement_facts(), "pdf"), re.DOTALL):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        for red, green, blue in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) (?:rg|RG)\n", content):
            assert red == green == blue


def test_the_same_facts_make_the_same_bytes_at_any_time() -> None:
    facts = statement_facts(30, whole=True)
    first = {form: made(facts, form) for form in ("pdf", "csv")}
    time.sleep(1.1)  # a date of its making would change each second
    assert {form: made(facts, form) for form in ("pdf", "csv")} == first


def test_a_long_history_stays_a_small_document() -> None:
    """Most of it are the cells that a screen reader walks, some 100 bytes each."""
    assert len(made(statement_facts(2_000, whole=True), "pdf")) < 5 << 19


def test_a_statement_is_in_the_language_of_its_reader() -> None:
    found = paper(statement_facts(language=Language.PATWA))
    assert "Di circle, round by round" in found.tree.said
    assert found.reader.root_object["/Lang"] == TextStringObject("jam")


def test_an_empty_statement_says_so() -> None:
    said = paper(statement_facts(0)).tree.said
    assert "No money has moved yet." in said
    assert "Sums to|0.00|0.00|0.00" in said


def test_facts_come_back_from_json_as_they_were() -> None:
    import orjson

    for facts in (statement_facts(whole=True), statement_facts(0)):
        assert StatementFacts.read(orjson.loads(orjson.dumps(facts))) == facts
    assert CardFacts.read(orjson.loads(orjson.dumps(card_facts()))) == card_facts()


def test_a_document_has_no_other_form() -> None:
    with pytest.raises(ValueError, match="no form"):
        made(card_facts(), "pdf")
    with pytest.raises(ValueError, match="no form"):
        made(statement_facts(), "png")
