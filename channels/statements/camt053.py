"""Reads ISO 20022 camt.053 statements of any version, whatever their namespace.

Streams, one entry at a time, with entities and the network shut off; a file that declares a document type is
refused. Only booked entries count: what is pending may never come. An entry of many transactions is one line for
each when each has its amount, and otherwise one line.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO, Final

from lxml import etree

from channels.statements.parts import BadStatement, currency, even, minor_units, quoted
from domain.matching import Hint, StatementBalance, StatementLine
from domain.money import Currency

_LARGEST_ENTRY: Final = 8 * 2**20
_CHARGES: Final = frozenset({"CHRG", "FEES", "COMM", "COMT", "TAXE"})
_INTEREST: Final = frozenset({"INTR", "CINT", "DINT"})
_RETURNS: Final = frozenset({"RRTN", "RPCR", "ARET", "UPCT", "UPDT", "RPMT"})

Told = StatementLine | StatementBalance
Element = Any


def read(file: BinaryIO) -> Iterator[Told]:
    """Yield the lines and closing balances of a camt.053 file. Raises BadStatement."""
    file.seek(0)
    source = _Metered(file)
    events = etree.iterparse(
        source,
        events=("start", "end"),
        tag=[f"{{*}}{tag}" for tag in _LOOKED_AT],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    statement = _Statement()
    try:
        for event, element in events:
            if event == "start":
                statement.begin(element)
                continue
            told = list(statement.end(element))
            yield from told
            if told or _tag(element) in _FORGOTTEN:
                _forget(element)
                source.since_entry = 0
    except etree.XMLSyntaxError as fault:
        line = fault.lineno or 0
        raise BadStatement("the XML is broken or was cut short; export the statement again", line) from None
    if not statement.seen:
        raise BadStatement("this XML is no camt.053 (it has no BkToCstmrStmt); take the bank's camt.053 export")


class _Metered:
    """The file, read in blocks; stops an entry that would fill the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.since_entry = 0

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(min(size, 2**15) if size > 0 else 2**15)
        self.since_entry += len(block)
        if self.since_entry > _LARGEST_ENTRY:
            raise BadStatement("one entry of the file is too large; export fewer days at a time")
        return block


_FORGOTTEN: Final = frozenset({"Ntry", "Bal", "GrpHdr", "Stmt"})
_REPORTS: Final = frozenset({"BkToCstmrAcctRpt", "BkToCstmrDbtCdtNtfctn"})
_LOOKED_AT: Final = _FORGOTTEN | _REPORTS | {"Document", "BkToCstmrStmt", "Acct"}


def _forget(element: Element) -> None:
    """Give back the memory of an entry and of what stood before it."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _tag(element: Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""  # a comment's tag is a function


class _Statement:
    """Where in the file we are: its kind, and the account and currency that hold for what follows."""

    def __init__(self) -> None:
        self.seen = False
        self._root = True
        self._account = ""
        self._currency = ""

    def begin(self, element: Element) -> None:
        """Look at the first element, and at the beginning of each statement."""
        if self._root:
            self._root = False
            if element.getroottree().docinfo.internalDTD is not None:
                raise BadStatement("the XML declares a document type, as no statement does; it is not read", 1)
        match _tag(element):
            case "BkToCstmrStmt":
                self.seen = True
            case "Stmt":
                self._account = self._currency = ""
            case report if report in _REPORTS:
                raise BadStatement("this is a camt.052 or camt.054; take the day's statement, camt.053", 1)
            case _:
                pass

    def end(self, element: Element) -> Iterator[Told]:
        """Yield what an element tells when it has been read to its end."""
        parent = element.getparent()
        if parent is None or _tag(parent) != "Stmt":
            return
        match _tag(element):
            case "Acct":
                self._account = even(_text(element, "Id", "IBAN") or _text(element, "Id", "Othr", "Id"))
                self._currency = _text(element, "Ccy")
            case "Bal" if _text(element, "Tp", "CdOrPrtry", "Cd") == "CLBD":
                kept, amount = self._money(element)
                yield StatementBalance(self._account, kept, _day(element, "Dt"), amount)
            case "Ntry" if (_text(element, "Sts", "Cd") or _text(element, "Sts")) == "BOOK":
                yield from self._entry(element)
            case _:
                pass

    def _money(self, element: Element) -> tuple[Currency, int]:
        line = _line_of(element)
        amount = _child(element, "Amt")
        if amount is None:
            raise BadStatement("an entry or balance has no Amt; export the statement again", line)
        minor = minor_units(amount.text or "", ".", line)
        side = _text(element, "CdtDbtInd")
        if side not in {"CRDT", "DBIT"}:
            raise BadStatement("an entry or balance is neither CRDT nor DBIT; export the statement again", line)
        return currency(amount.get("Ccy") or self._currency, line), minor if side == "CRDT" else -minor

    def _entry(self, entry: Element) -> Iterator[StatementLine]:
        kept, amount = self._money(entry)
        parts = [one for details in _children(entry, "NtryDtls") for one in _children(details, "TxDtls")]
        shares = [_share(part, kept, amount) for part in parts]
        each = len(parts) > 1 and None not in shares and sum(s or 0 for s in shares) == amount
        split = [(s or 0, [part]) for s, part in zip(shares, parts, strict=True)] if each else [(amount, parts)]
        booked = _day(entry, "BookgDt") if _child(entry, "BookgDt") is not None else _day(entry, "ValDt")
        for share, details in split:
            yield StatementLine(
                account=self._account,
                booked=booked,
                valued=_day(entry, "ValDt") if _child(entry, "ValDt") is not None else None,
                amount=share,
                currency=kept,
                bank_ref=even(_first(details, "Refs", "AcctSvcrRef") or _text(entry, "AcctSvcrRef")),
                end_to_end=_end_to_end(details),
                name=even(_names(details, "Dbtr" if share > 0 else "Cdtr")),
                narrative=_narrative(entry, details),
                hint=_hint(entry, details),
                position=_line_of(entry),
            )


def _share(part: Element, kept: Currency, whole: int) -> int | None:
    """What of an entry one of its transactions is; None when that is not told in the entry's own currency."""
    amount = _child(part, "Amt")
    if amount is None:
        amount = _walk(part, "AmtDtls", "TxAmt", "Amt")
    if amount is None or amount.get("Ccy") != kept.value:
        return None
    side = _text(part, "CdtDbtInd") or ("CRDT" if whole > 0 else "DBIT")
    minor = minor_units(amount.text or "", ".", _line_of(part))
    return minor if side == "CRDT" else -minor


def _end_to_end(details: list[Element]) -> str:
    told = even(_first(details, "Refs", "EndToEndId"))
    return "" if told.upper() == "NOTPROVIDED" else told


def _names(details: list[Element], role: str) -> str:
    """`Nm` straight below the party, or since version 8 below `Pty`."""
    return _first(details, "RltdPties", role, "Nm") or _first(details, "RltdPties", role, "Pty", "Nm")


def _narrative(entry: Element, details: list[Element]) -> str:
    said = []
    for part in details:
        said += [text.text or "" for info in _children(part, "RmtInf") for text in _children(info, "Ustrd")]
        said += [
            _text(one, "CdtrRefInf", "Ref") for info in _children(part, "RmtInf") for one in _children(info, "Strd")
        ]
        said += [_text(part, "AddtlTxInf"), _text(part, "Refs", "EndToEndId"), _text(part, "Refs", "InstrId")]
    said += [_text(entry, "AddtlNtryInf"), _text(entry, "NtryRef")]
    return even(" ".join(text for text in said if text.strip() and text.strip().upper() != "NOTPROVIDED"))


def _hint(entry: Element, details: list[Element]) -> Hint:
    codes = {
        _text(entry, "BkTxCd", "Domn", "Fmly", "SubFmlyCd"),
        _first(details, "BkTxCd", "Domn", "Fmly", "SubFmlyCd"),
    }
    returned = _text(entry, "RvslInd") == "true" or any(_child(part, "RtrInf") is not None for part in details)
    if returned or codes & _RETURNS:
        return Hint.RETURNED
    return Hint.CHARGE if codes & _CHARGES else Hint.INTEREST if codes & _INTEREST else Hint.NONE


# -- walking without namespaces ---------------------------------------------------------------------------------------


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if _tag(child) == name]


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if _tag(child) == name), None)


def _walk(element: Element, *names: str) -> Element | None:
    for name in names:
        element = _child(element, name)
        if element is None:
            return None
    return element


def _text(element: Element, *names: str) -> str:
    found = _walk(element, *names)
    return (found.text or "").strip() if found is not None else ""


def _first(details: list[Element], *names: str) -> str:
    return next((text for part in details if (text := _text(part, *names))), "")


def _line_of(element: Element) -> int:
    return element.sourceline or 0


def _day(element: Element, name: str) -> date:
    told = _text(element, name, "Dt") or _text(element, name, "DtTm") or _text(element, name)
    try:
        return date.fromisoformat(told[:10])
    except ValueError:
        fault = f"the date {quoted(told)} is no date; export the statement again"
        raise BadStatement(fault, _line_of(element)) from None
