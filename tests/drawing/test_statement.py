"""A statement on paper and as a table: the same lines, that sum to what they say."""

import csv
import io
import time
from pathlib import Path

import pytest

from bot.drawing.csv_file import safe
from bot.drawing.press import drawn
from bot.words.catalogue import Catalogue
from domain.documents import CardFacts, StatementFacts
from domain.people import Language
from tests.drawing.facts import card_facts, statement_facts
from tests.drawing.papers import pieces

GOLDEN = Path(__file__).parent / "golden"
CATALOGUE = Catalogue("https://pardna.example")


def made(facts: StatementFacts | CardFacts, form: str) -> bytes:
    return drawn(facts, form, Language.EN, CATALOGUE)


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


def test_a_paper_says_the_same_lines_as_the_table() -> None:
    facts = statement_facts(12)
    said = [piece.text for piece in pieces(made(facts, "pdf"))]
    for row in table(facts):
        if len(row) == 7 and row[2].startswith(("R-", "P-")):
            figures = [f"{float(cell):,.2f}" for cell in row[3:6] if cell]
            assert "|".join([*row[:3], *figures]) in said
    assert "Sums to|50,000.00|49,001.00|999.00" in said


def test_a_paper_is_tagged_has_a_title_a_language_and_its_text_as_text() -> None:
    pdf = made(statement_facts(), "pdf")
    found = pieces(pdf)
    assert ("/H1", "Sunday Club") in [(piece.tag, piece.text) for piece in found]
    assert ("/H2", "The circle, round by round") in [(piece.tag, piece.text) for piece in found]
    assert b"/Lang (en-JM)" in pdf
    assert b"/DisplayDocTitle true" in pdf
    assert b"/MarkInfo" in pdf
    assert b"/StructTreeRoot" in pdf
    assert b"/Subtype /Image" not in pdf


def test_every_page_has_its_head_and_its_number() -> None:
    said = [piece.text for piece in pieces(made(statement_facts(100, whole=True), "pdf"))]
    assert [text for text in said if "Page" in text] == [
        f"Check a receipt: https://pardna.example/r/ and its code.|Page {n} of 4" for n in range(1, 5)
    ]
    assert said.count("Date|What|Who|Reference|In|Out|Balance") >= 3


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
    assert len(made(statement_facts(2_000, whole=True), "pdf")) < 1 << 20


def test_a_statement_is_in_the_language_of_its_reader() -> None:
    said = [piece.text for piece in pieces(made(statement_facts(language=Language.PATWA), "pdf"))]
    assert "Di circle, round by round" in said


def test_an_empty_statement_says_so() -> None:
    said = [piece.text for piece in pieces(made(statement_facts(0), "pdf"))]
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
