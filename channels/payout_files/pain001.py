"""ISO 20022 pain.001: a batch of payouts as a bank's systems read it, version 001.001.09 or 001.001.03.

Follows the element order and types of the two schemas of ISO 20022. What is written is read back and checked here
(`check`); with a bank's own schema at hand it is held against that as well. Never writes a file that fails.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lxml import etree

from channels.payout_files.instruction import Batch, Instruction
from channels.payout_files.letters import ALLOWED, write
from channels.payout_files.listing import decimal
from domain.clearing import Method
from domain.schedule import local

VERSIONS = ("pain.001.001.09", "pain.001.001.03")
SPACE = "urn:iso:std:iso:20022:tech:xsd:"
NAME_MOST = 140
ADDRESS_MOST = 35
SERVICE: Mapping[Method, str] = MappingProxyType({Method.ACH: "NURG", Method.RTGS: "URGP"})
"""ExternalServiceLevel1Code: not urgent, urgent."""
_LEAVES: Mapping[str, re.Pattern[str]] = MappingProxyType({
    "MsgId": re.compile(r".{1,35}"),
    "PmtInfId": re.compile(r".{1,35}"),
    "InstrId": re.compile(r".{1,35}"),
    "EndToEndId": re.compile(r"[A-Za-z0-9-]{1,35}"),
    "NbOfTxs": re.compile(r"[0-9]{1,15}"),
    "CtrlSum": re.compile(r"[0-9]{1,15}\.[0-9]{2}"),
    "InstdAmt": re.compile(r"[0-9]{1,15}\.[0-9]{2}"),
    "Nm": re.compile(r".{1,140}"),
    "MmbId": re.compile(r"[0-9]{8}"),
    "Id": re.compile(r".{1,34}|"),
    "BIC": re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?"),
    "BICFI": re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?"),
    "Ustrd": re.compile(r".{1,140}"),
})  # fmt: skip


class Wrong(ValueError):
    """The file does not hold what it must; the message names the element and none of its content."""


def write_pain001(version: str, batch: Batch, schema: Path | None = None) -> bytes:
    """Return the file of a batch, checked. `schema`: an XSD that it has to satisfy too. Raises Wrong."""
    space = SPACE + version
    root = etree.fromstring(f'<Document xmlns="{space}"/>')
    initiation = _put(root, "CstmrCdtTrfInitn")
    header = _put(initiation, "GrpHdr")
    _put(header, "MsgId", batch.id)
    _put(header, "CreDtTm", local(batch.made_at).isoformat(timespec="seconds"))
    _sums(header, batch)
    _party(header, "InitgPty", batch.payer.name)
    _payment(initiation, batch, old=version == VERSIONS[1])
    content = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    check(content, batch)
    if schema:
        check_schema(content, schema)
    return content


def _put(parent: etree._Element, name: str, content: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    child.text = content
    return child


def _sums(parent: etree._Element, batch: Batch) -> None:
    _put(parent, "NbOfTxs", str(len(batch.lines)))
    _put(parent, "CtrlSum", decimal(batch.total))


def _party(parent: etree._Element, name: str, called: str, instead: str = "NOTPROVIDED") -> None:
    _put(_put(parent, name), "Nm", write(called, NAME_MOST, instead).text)


def _payment(initiation: etree._Element, batch: Batch, *, old: bool) -> None:
    payment = _put(initiation, "PmtInf")
    _put(payment, "PmtInfId", batch.id)
    _put(payment, "PmtMtd", "TRF")
    _sums(payment, batch)
    _put(_put(_put(payment, "PmtTpInf"), "SvcLvl"), "Cd", SERVICE[batch.method])
    day = _put(payment, "ReqdExctnDt")
    (day if old else _put(day, "Dt")).text = batch.executes_on.isoformat()
    _party(payment, "Dbtr", batch.payer.name)
    _account(payment, "DbtrAcct", batch.payer.account, batch.currency.value)
    agent = _put(_put(payment, "DbtrAgt"), "FinInstnId")
    if batch.payer.bic:
        _put(agent, _bic(old=old), batch.payer.bic)
    else:
        _put(_put(agent, "Othr"), "Id", "NOTPROVIDED")
    _put(payment, "ChrgBr", "SHAR")
    for line in batch.lines:
        _transfer(payment, line, old=old)


def _bic(*, old: bool) -> str:
    return "BIC" if old else "BICFI"


def _account(parent: etree._Element, name: str, number: str, currency: str = "") -> None:
    account = _put(parent, name)
    _put(_put(_put(account, "Id"), "Othr"), "Id", number)
    if currency:
        _put(account, "Ccy", currency)


def _transfer(payment: etree._Element, line: Instruction, *, old: bool) -> None:
    transfer = _put(payment, "CdtTrfTxInf")
    ident = _put(transfer, "PmtId")
    _put(ident, "InstrId", line.end_to_end_id)
    _put(ident, "EndToEndId", line.end_to_end_id)
    amount = _put(_put(transfer, "Amt"), "InstdAmt", decimal(line.amount))
    amount.set("Ccy", line.amount.currency.value)
    _agent(transfer, line, old=old)
    _party(transfer, "Cdtr", line.payee, line.ref)
    _account(transfer, "CdtrAcct", line.account)
    _put(_put(transfer, "RmtInf"), "Ustrd", write(f"Pardna {line.ref}", NAME_MOST, "Pardna").text)


def _agent(transfer: etree._Element, line: Instruction, *, old: bool) -> None:
    agent = _put(transfer, "CdtrAgt")
    bank = _put(agent, "FinInstnId")
    if line.bank.bic:
        _put(bank, _bic(old=old), line.bank.bic)
    if line.member_id:
        _put(_put(bank, "ClrSysMmbId"), "MmbId", line.member_id)
    _put(bank, "Nm", write(line.bank.name, NAME_MOST, "Bank").text)
    if line.branch:
        number = line.branch.isascii() and line.branch.isdecimal()
        known = line.branch if number else write(line.branch, ADDRESS_MOST, "BRANCH").text
        _put(_put(agent, "BrnchId"), "Id" if number else "Nm", known)


def check(content: bytes, batch: Batch) -> None:
    """Read a file back and prove it: sums, counts, ids used once, lengths and letters. Raises Wrong.

    ISO 20022 schemas do not travel with this service: this proves what they would, for the elements used here.
    """
    tree = etree.fromstring(content)
    found: dict[str, list[str]] = {}
    for node in tree.iter():
        name, said = etree.QName(node).localname, (node.text or "").strip()
        found.setdefault(name, []).append(said)
        if name in _LEAVES and not _LEAVES[name].fullmatch(said):
            raise Wrong(f"{name} does not have its form")
        if not ALLOWED.fullmatch(said):
            raise Wrong(f"{name} holds a letter that banks do not take")
    if set(found["NbOfTxs"]) != {str(len(batch.lines))} or len(found["CdtTrfTxInf"]) != len(batch.lines):
        raise Wrong("NbOfTxs is not the number of payments")
    if set(found["CtrlSum"]) != {decimal(batch.total)} or not _adds_up(found["InstdAmt"], batch):
        raise Wrong("CtrlSum is not the sum of the payments")
    if max(Counter(found["EndToEndId"]).values()) > 1:
        raise Wrong("EndToEndId is used twice")


def _adds_up(amounts: list[str], batch: Batch) -> bool:
    return sum(int(amount.replace(".", "")) for amount in amounts) == batch.total.minor


def check_schema(content: bytes, schema: Path) -> None:
    """Hold a file against an XSD. Raises Wrong, for a schema that cannot be read as well."""
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    try:
        rules = etree.XMLSchema(etree.parse(str(schema), parser))
    except (OSError, etree.XMLSyntaxError, etree.XMLSchemaParseError):
        raise Wrong(f"the schema {schema.name} cannot be read") from None
    if not rules.validate(etree.fromstring(content)):
        log: Any = rules.error_log
        raise Wrong(f"the schema {schema.name} is not satisfied at line {log[0].line}")
