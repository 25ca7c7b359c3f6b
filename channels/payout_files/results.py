"""What a bank or wallet tells of the payouts in a file: pain.002, returns in camt.05x, or CSV with a column map.

Reads and translates; decides nothing. A file that cannot be read as a whole gives nothing at all, so that no half of
it is ever taken for the whole.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lxml import etree

from domain.clearing import ISO_STATUSES, Verdict

LARGEST_BYTES = 20_000_000
LONGEST_REASON = 140


class Unreadable(ValueError):
    """The file is not what a bank sends; the message says what is wrong with it and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of one payment. `verdict` is None for a status that we do not know.

    `amount`: minor units, where the bank repeats it.
    """

    end_to_end_id: str
    verdict: Verdict | None
    code: str
    reason: str = ""
    bank_reference: str = ""
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class ToldOfAll:
    """What was said of a whole batch: it holds for each payment that is not named beside."""

    batch: str
    verdict: Verdict | None
    code: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that a file says."""

    told: tuple[Told, ...]
    of_all: tuple[ToldOfAll, ...] = ()


COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "reference": ("reference", "end to end id", "endtoendid", "customer reference", "payment reference"),
    "status": ("status", "payment status", "result"),
    "reason": ("reason", "remarks", "error", "message"),
    "bank_reference": ("bank reference", "transaction id", "confirmation number", "trace number"),
    "amount": ("amount",),
})  # fmt: skip
"""Headings by which a column is known when no map is given; drafts, as no bank's own file was to be had."""
WORDS: Mapping[str, Verdict] = MappingProxyType({
    **ISO_STATUSES,
    **dict.fromkeys(("PAID", "SUCCESS", "SUCCESSFUL", "COMPLETED", "PROCESSED", "SETTLED"), Verdict.PAID),
    **dict.fromkeys(("REJECTED", "FAILED", "DECLINED", "UNSUCCESSFUL", "CANCELLED"), Verdict.FAILED),
    **dict.fromkeys(("RETURNED", "RETURN", "REVERSED"), Verdict.RETURNED),
    **dict.fromkeys(("PENDING", "PROCESSING", "ACCEPTED", "RECEIVED", "IN PROCESS"), Verdict.UNDER_WAY),
})  # fmt: skip
_AMOUNT = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]{1,2}))?0{0,3}")


def read_results(content: bytes, columns: Mapping[str, str] | None = None) -> Report:
    """Return what a file says. `columns`: our names to a CSV's own headings. Raises Unreadable."""
    if not content.strip():
        raise Unreadable("the file is empty")
    if len(content) > LARGEST_BYTES:
        raise Unreadable(f"the file has more than {LARGEST_BYTES // 1_000_000} MB")
    start = content[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return _read_xml(content) if start.startswith(b"<") else _read_csv(content, columns or {})


# -- XML ------------------------------------------------------------------------------------------------------


def _read_xml(content: bytes) -> Report:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root: Any = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as fault:
        raise Unreadable(f"the file is not whole XML (line {fault.lineno})") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("the file brings a document type of its own, which no bank does")
    names = {etree.QName(child).localname for child in root if isinstance(child.tag, str)}
    if "CstmrPmtStsRpt" in names:
        return _status_report(root)
    if names & {"BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "BkToCstmrAcctRpt"}:
        return Report(tuple(_returns(root)))
    raise Unreadable("the file is neither pain.002 nor camt.052, 053 or 054")


def _find(node: Any, path: str) -> list[Any]:
    """Find descendants by local names: the same elements in each version's namespace."""
    steps = "/".join(f"*[local-name()='{name}']" if name != "." else "." for name in path.split("/"))
    return list(node.xpath(steps))


def _text(node: Any, path: str) -> str:
    found = _find(node, path)
    return (found[0].text or "").strip() if found else ""


def _status_report(root: Any) -> Report:
    told, of_all = [], {}
    for report in _find(root, "CstmrPmtStsRpt"):
        group = _text(report, "OrgnlGrpInfAndSts/OrgnlMsgId")
        if code := _text(report, "OrgnlGrpInfAndSts/GrpSts"):
            of_all[group] = ToldOfAll(group, _verdict(code), code, _reason(report, "OrgnlGrpInfAndSts/StsRsnInf"))
        for payment in _find(report, "OrgnlPmtInfAndSts"):
            ident = _text(payment, "OrgnlPmtInfId") or group
            if code := _text(payment, "PmtInfSts"):  # nearer to the payments than the group's
                of_all[ident] = ToldOfAll(ident, _verdict(code), code, _reason(payment, "StsRsnInf"))
            told += [_transaction(each) for each in _find(payment, "TxInfAndSts")]
    return Report(tuple(t for t in told if t.code), tuple(t for t in of_all.values() if t.code != "PART"))


def _verdict(code: str) -> Verdict | None:
    return ISO_STATUSES.get(code)


def _reason(node: Any, path: str) -> str:
    said = [_text(each, "Rsn/Cd") or _text(each, "Rsn/Prtry") for each in _find(node, path)]
    said += [(more.text or "").strip() for more in _find(node, f"{path}/AddtlInf")]
    return " ".join(filter(None, said))[:LONGEST_REASON]


def _transaction(node: Any) -> Told:
    code = _text(node, "TxSts")
    amount = _text(node, "OrgnlTxRef/Amt/InstdAmt")
    return Told(
        _text(node, "OrgnlEndToEndId"),
        _verdict(code),
        code,
        _reason(node, "StsRsnInf"),
        _text(node, "AcctSvcrRef"),
        _minor(amount) if amount else None,
    )


def _returns(root: Any) -> Iterator[Told]:
    """Find money that came back: an entry with return information, credited to us."""
    for entry in root.iter("{*}Ntry"):
        for details in _find(entry, "NtryDtls/TxDtls"):
            side = _text(details, "CdtDbtInd") or _text(entry, "CdtDbtInd")
            ident = _text(details, "Refs/EndToEndId")
            if not _find(details, "RtrInf") or side == "DBIT" or not ident:
                continue
            amount = _text(details, "Amt") or _text(details, "AmtDtls/TxAmt/Amt")
            bank = _text(details, "Refs/AcctSvcrRef") or _text(entry, "AcctSvcrRef")
            yield Told(ident, Verdict.RETURNED, "RETURNED", _reason(details, "RtrInf"), bank, _minor(amount))


def _minor(amount: str) -> int | None:
    """Return minor units, None where nothing was said."""
    if not amount:
        return None
    found = _AMOUNT.fullmatch(amount)
    if found is None:
        raise Unreadable("an amount is not a number with two decimals")
    return int(found[1].replace(",", "") + (found[2] or "").ljust(2, "0"))


# -- CSV ------------------------------------------------------------------------------------------------------


def _read_csv(content: bytes, columns: Mapping[str, str]) -> Report:
    text = _decoded(content)
    heading = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t|", key=heading.count)
    try:
        rows = list(csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise Unreadable("the file is not whole CSV") from None
    if not rows:
        raise Unreadable("it holds no line; export it again from the bank")
    places = _places([cell.strip().casefold() for cell in rows[0]], columns)
    told = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(rows[0]):
            raise Unreadable(f"row {number} does not have as many cells as the heading")
        cells = {name: row[place].strip() for name, place in places.items()}
        code = " ".join(cells["status"].upper().split())
        told.append(
            Told(
                cells["reference"],
                WORDS.get(code),
                code[:LONGEST_REASON],
                cells.get("reason", "")[:LONGEST_REASON],
                cells.get("bank_reference", ""),
                _minor(cells.get("amount", "")),
            )
        )
    return Report(tuple(told))


def _decoded(content: bytes) -> str:
    if b"\0" in content:
        raise Unreadable("the file is not text in UTF-8 or Windows letters")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("the file is not text in UTF-8 or Windows letters")


def _places(headings: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    places = {}
    for name, known in COLUMNS.items():
        wanted = (columns[name].casefold(),) if name in columns else known
        found = [headings.index(heading) for heading in wanted if heading in headings]
        if found:
            places[name] = found[0]
        elif name in columns or name in {"reference", "status"}:
            raise Unreadable(f"no column is called {wanted[0]!r}; --columns {name}=... names it")
    return places
