"""What the documents list is what there is, both ways: words, tables, folders, accounts and dependencies."""

import re
import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path

import asyncpg
import pytest

from bot.__main__ import _parser
from bot.config import Settings
from bot.conversations.vocabulary import HEADS, WORDS
from domain import ledger
from domain.ledger import Account
from domain.money import Currency

ROOT = Path(__file__).parents[1]
ANSWERED = {"OWN", "MOVE", "COST", "NO", "PARDNA", "PUBLIC", "SCOTIA"}
"""Answers to a word, and beginnings of settings, that the page names beside the words."""
SPOKEN_TO_THE_DESK = {"STOP", "START"}
"""What the desk takes before any conversation, since carriers take it too."""


def section(path: str, title: str) -> str:
    """Return what stands under a heading of a document, up to the next of its rank or a higher one."""
    rank = title.split(maxsplit=1)[0]
    found = re.search(rf"^{re.escape(title)}$(.*?)(?=^#{{1,{len(rank)}}} |\Z)", read(path), re.MULTILINE | re.DOTALL)
    assert found, f"{path} has no {title!r}"
    return found[1]


def read(path: str) -> str:
    return (ROOT / path).read_text()


def table(text: str) -> list[list[str]]:
    """Return the rows of the tables in a text, without their heads and rules."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    rules = [number for number, row in enumerate(rows) if all(re.fullmatch(":?-+:?", cell) for cell in row)]
    return [row for number, row in enumerate(rows) if number not in {n for r in rules for n in (r, r - 1)}]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def capitals(example: str) -> str:
    """Return the word that an example line begins with: `APPROVE PAYOUT ref` is APPROVE PAYOUT."""
    start = re.match(r"[A-Z]{2,}(?: [A-Z]{2,}\b)?", example)
    two = start[0] if start else ""
    return two if two in HEADS else two.split(" ")[0]


# -- the words --------------------------------------------------------------------------------------------------------


def listed() -> dict[str, str]:
    """Return the words of the README's table, each with who says it."""
    found: dict[str, str] = {}
    who = ""
    for row in table(section("README.md", "## The words")):
        who = row[0] or who
        found |= {capitals(example): who for example in quoted(row[1])}
    return found


def test_the_readme_lists_every_word_and_no_other() -> None:
    assert set(listed()) == {*WORDS, "BACK", *SPOKEN_TO_THE_DESK}


def test_the_words_of_staff_are_listed_as_theirs() -> None:
    assert {word for word, who in listed().items() if who == "staff"} == {w for w, is_ in WORDS.items() if is_.staff}


def test_each_row_of_words_says_what_they_do() -> None:
    assert all(len(row) == 3 and row[2] for row in table(section("README.md", "## The words")))


def test_other_spellings_that_the_readme_names_are_understood() -> None:
    (line,) = re.findall(r"^Also understood: (.*?)$", section("README.md", "## The words"), re.MULTILINE)
    pairs = re.findall(r"`([A-Z ]+)` for `([A-Z ]+)`", line)
    assert pairs
    assert {said: HEADS.get(said) for said, _ in pairs} == dict(pairs)


def test_words_said_to_be_still_to_come_are_not_there() -> None:
    (line,) = re.findall(r"^- \*\*Words\*\*: (.*?)^- ", section("README.md", "## Not yet"), re.MULTILINE | re.DOTALL)
    assert quoted(line)
    assert set(quoted(line)) & set(HEADS) == set()


# -- the tree and the tables ------------------------------------------------------------------------------------------


def tree() -> dict[str, str]:
    """Return the tree of docs/architecture.md: what it says under each top folder."""
    text = section("docs/architecture.md", "## The tree")
    parts = re.split(r"^ {4}(\w+)/", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("top", ["domain", "bot", "channels", "storage"])
def test_the_tree_names_every_module_and_folder(top: str) -> None:
    there = {p.stem for p in (ROOT / top).iterdir() if not p.name.startswith("_") and p.suffix in {".py", ""}}
    there |= {p.parent.name for p in (ROOT / top).glob("*/__init__.py")}
    assert there - set(re.findall(r"\w+", tree()[top])) == set()


def test_every_file_and_folder_that_the_tree_names_is_there() -> None:
    named = {(top, path) for top, text in tree().items() for path in re.findall(r"[\w/.]+(?:/|\.py)(?=\s|,|$)", text)}
    assert named
    assert {(top, path) for top, path in named if not [*(ROOT / top).glob(f"**/{path}")]} == set()


async def test_the_data_of_the_architecture_are_the_tables_of_the_database(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    named = [name for row in table(section("docs/architecture.md", "## Data")) for name in quoted(row[0])]
    assert sorted(named) == sorted({row["tablename"] for row in rows} - {"alembic_version"})


# -- the chart of accounts --------------------------------------------------------------------------------------------


def accounts() -> Iterable[Account]:
    """Return an account of each kind, its parts named as in the document."""
    unit = Currency.JMD
    yield from (*ledger.house(["{carrier}"]), *ledger.house(ledger.EXTERNAL_CARRIERS), *ledger.house(["sandbox"]))
    code, person, number = "{code}", "{person}", 7
    yield from (ledger.cash(code), ledger.fee(code), ledger.credit(code, person), ledger.debt(code, person))
    yield ledger.reserve(code)
    yield from (ledger.pot(code, number), ledger.payable(code, number), ledger.operator(unit))


def general(name: str) -> str:
    carriers = "|".join((*ledger.EXTERNAL_CARRIERS, "sandbox"))
    currencies = "|".join(Currency)
    name = re.sub(rf"^(rail|suspense|costs):(?:{carriers}):", r"\1:{carrier}:", name)
    return re.sub(r":7$", ":{round}", re.sub(rf":(?:{currencies})$", ":{currency}", name))


def test_the_chart_of_accounts_is_the_code_s() -> None:
    rows = table(section("docs/ledger.md", "## Chart of accounts"))
    written = {(quoted(row[0])[0], row[1]) for row in rows}
    assert written == {(general(one.name), one.side.value) for one in accounts()}
    makers = {
        name for name, made in vars(ledger).items() if getattr(made, "__annotations__", {}).get("return") is Account
    }
    assert len(rows) == len(makers), "an account of the code is in no test, or in no row"


def test_the_floors_of_the_chart_are_the_code_s() -> None:
    open_ones: dict[str, set[str]] = {}
    for one in accounts():
        kind = "open" if one.floor == ledger.OPEN_FLOOR else "zero"
        carrier = one.name.split(":")[1] if one.name.startswith("rail:") else ""
        if carrier != "{carrier}":
            open_ones.setdefault(general(one.name), set()).add(f"{kind} {carrier}".strip())
    for name, _, floor, _ in table(section("docs/ledger.md", "## Chart of accounts")):
        found = open_ones[quoted(name)[0]]
        told = {f"{kind.split()[0]} {c}" for kind in floor.split(";") for c in quoted(kind)} or {floor}
        assert told == found, name


# -- dependencies -----------------------------------------------------------------------------------------------------


def bare(requirement: str) -> str:
    return re.split(r"[\[<>=;~! ]", requirement)[0].casefold()


def reasons(title: str) -> set[str]:
    rows = table(section("docs/decisions/dependencies.md", title))
    assert all(row[1] for row in rows)
    return {name.strip() for row in rows for name in re.split(r",|\bwith\b", row[0])}


def test_each_dependency_of_the_service_has_its_reason() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert reasons("## The service") == {bare(one) for one in project["dependencies"]}


def test_each_dependency_of_the_house_has_its_reason() -> None:
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    used = {bare(one) for group in extras.values() for one in group}
    assert reasons("## The house") == {"types-*" if one.startswith("types-") else one for one in used}


def test_each_dependency_of_the_bench_has_its_reason() -> None:
    lines = [line for line in read("requirements-bench.in").splitlines() if line and line[0] not in "#-"]
    assert reasons("## The bench, apart from the rest") == {bare(line) for line in lines} | {"hiredis"}


# -- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["README.md", "docs/money.md", "docs/operating.md", "docs/ledger.md"])
def test_commands_that_documents_give_are_understood(path: str) -> None:
    text = read(path)
    given = {
        *re.findall(r"^ {4,}(pardna .+)$", text, re.MULTILINE),
        *re.findall(r"`(?:\.venv/bin/)?(pardna [^`]+)`", text),
    }
    lines = [shlex.split(line)[1:] for line in given]
    for words in lines:
        asked = [
            {"FILE": "answer.csv", "FOLDER": "payouts", "ID": "7", "BATCH": "NCB-20261126-YAVH8D"}.get(w, w)
            for w in words
        ]
        _parser().parse_args(
            asked if len(asked) > 1 or asked[0] in {"demo", "doctor", "migrate", "serve"} else [*asked, "list"]
        )


def test_every_setting_is_explained_where_an_operator_looks() -> None:
    assert set(re.findall(r"^([A-Z][A-Z_]*)=", read(".env.example"), re.MULTILINE)) == {
        name.upper() for name in Settings.model_fields
    }


def test_words_and_settings_that_the_money_page_names_are_there() -> None:
    text = read("docs/money.md")
    settings = set(re.findall(r"\b(?:STRIPE|POWERTRANZ|NCB|SCOTIA|LYNK)_[A-Z_]*[A-Z]\b", text))
    assert settings
    assert settings - {name.upper() for name in Settings.model_fields} == set()
    words = {capitals(one) for one in quoted(text)} - {""} - {name.split("_")[0] for name in settings} - ANSWERED
    assert words - set(HEADS) == set()
