"""`pardna payouts`: files of approved payouts for a bank or wallet, and what became of them.

An export claims, keeps and commits first and writes the file afterwards, so that no file is ever written of payouts
that another export has too; a file that was lost on the way is written again from what was kept, to the byte. What
a bank says becomes arrivals: this changes no books.
"""

import argparse
import getpass
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.commands.reaching import transaction
from bot.config import Settings, SettingsError
from bot.place import jamaican_calendar
from channels.payout_files.instruction import Batch, Instruction, Payer, Unwritable, read
from channels.payout_files.letters import write
from channels.payout_files.listing import LAYOUTS, write_csv
from channels.payout_files.pain001 import NAME_MOST, VERSIONS, Wrong, write_pain001
from channels.payout_files.results import LARGEST_BYTES, Report, Told, ToldOfAll, Unreadable, read_results
from domain import clearing
from domain.clearing import Method
from domain.codes import ALPHABET
from domain.house import HouseRules
from domain.money import Currency, Money
from domain.payments import TRANSFER_CARRIERS, WALLETS
from domain.schedule import local, local_date
from storage import payout_files
from storage.clock import Clock
from storage.engine import Connection
from storage.payout_files import Change, Line, Order, joined
from storage.vault import Unsealable, Vault

FORMATS = {"pain001": VERSIONS[0], "pain001.03": VERSIONS[1], "csv": ""}
ID_LENGTH = 16
"""The reference and characters drawn at random: as long as a SWIFT message and most statements carry whole."""
FEWEST_DRAWN = 6


def add_parser(words: Any) -> None:
    """Add `payouts` to the command line."""
    acts = words.add_parser("payouts", help="payouts by file").add_subparsers(dest="act", required=True)
    out = acts.add_parser("export", help="write the approved payouts into files for a bank or wallet")
    out.add_argument("--rail", choices=TRANSFER_CARRIERS, help="one bank or wallet (all)")
    out.add_argument("--out", type=Path, help="folder for the files (payouts in PARDNA_HOME)")
    out.add_argument("--format", choices=FORMATS, default="pain001", help="for banks (pain001); a wallet takes csv")
    out.add_argument("--schema", type=Path, help="an XSD that pain001 has to satisfy, such as the bank's own")
    out.add_argument("--again", metavar="BATCH", help="write the file of a batch again, to the byte")
    acts.add_parser("list", help="show the batches")
    told = acts.add_parser("results", help="take what a bank or wallet says of its payouts")
    told.add_argument("file", type=Path, help="pain.002, camt.05x with returns, or CSV")
    told.add_argument("--rail", choices=TRANSFER_CARRIERS, required=True, help="whose file it is")
    told.add_argument("--columns", type=_columns, default={}, help="a CSV's headings: reference=Ref,status=State")


def _columns(text: str) -> dict[str, str]:
    pairs = [pair.split("=", 1) for pair in text.split(",")]
    known = {"reference", "status", "reason", "bank_reference", "amount"}
    if any(len(pair) != 2 or pair[0].strip() not in known for pair in pairs):  # noqa: PLR2004 - name and heading
        raise argparse.ArgumentTypeError(f"name=heading with commas between; names are {', '.join(sorted(known))}")
    return {name.strip(): heading.strip() for name, heading in pairs}


# -- out ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A file whose batch is kept and has yet to be written."""

    batch: payout_files.Batch
    content: bytes


@dataclass(frozen=True, slots=True)
class _Made:
    """What an export of one carrier came to; the lines name payouts by their reference alone."""

    files: tuple[_File, ...]
    refused: tuple[str, ...]
    notes: tuple[str, ...]


async def export(settings: Settings, asked: argparse.Namespace) -> int:
    """Write the payouts that wait, each into exactly one file; 1 when some could not be written."""
    folder = asked.out or settings.pardna_home / "payouts"
    if fault := _no_folder(folder):
        return _refuse(fault)
    vault = settings.vault()
    if asked.again:
        return await _again(settings, vault, asked.again, folder)
    files: list[_File] = []
    refused: list[str] = []
    notes: list[str] = []
    try:
        async with transaction(settings) as conn:
            clock = Clock()
            await clock.load(conn)
            run = _Run(settings, vault, clock.now(), asked.format, asked.schema)
            for carrier in _carriers(settings, asked.rail):
                made = await _export(conn, run, carrier)
                files += made.files
                refused += made.refused
                notes += made.notes
    except Wrong as fault:
        return _refuse(f"nothing was exported: {fault}")
    for said in (*refused, *notes):
        print(f"pardna: {said}", file=sys.stderr)
    written = [_write(folder, file) for file in files]
    if not files:
        print("No payouts wait for a file.")
    return 0 if all(written) and not refused else 1


def _carriers(settings: Settings, rail: str | None) -> list[str]:
    """Return who is paid by file. Raises SettingsError for one whose payouts go through its interface."""
    by_file = [carrier for carrier in TRANSFER_CARRIERS if not settings.has(f"{carrier}_api_url")]
    if rail and rail not in by_file:
        raise SettingsError([f"{rail.upper()}_API_URL is set: payouts go through it by themselves, not by file"])
    return [rail] if rail else by_file


@dataclass(frozen=True, slots=True)
class _Run:
    """What holds for all files of one export."""

    settings: Settings
    vault: Vault
    now: datetime
    format: str
    schema: Path | None


async def _export(conn: Connection, run: _Run, carrier: str) -> _Made:
    taken, refused = _read(
        await payout_files.take(conn, run.vault, carrier, run.now), run.settings.rules, wallet=carrier in WALLETS
    )
    await payout_files.refuse(conn, run.vault, refused, run.now)
    files: list[_File] = []
    notes: list[str] = []
    format_ = "csv" if carrier in WALLETS else run.format
    version = FORMATS[format_]
    for group in _groups(taken):
        batch = _batch(run.settings, carrier, [line for _, line in group], run.now)
        content = write_pain001(version, batch, run.schema) if version else write_csv(carrier, batch)
        file = _File(_kept(carrier, format_, batch, content), content)
        await payout_files.keep(conn, run.vault, file.batch, _lines(batch, [order for order, _ in group]), content)
        files.append(file)
        notes += _notes(batch, NAME_MOST if version else LAYOUTS[carrier].name_most)
    return _Made(tuple(files), tuple(_complaint(order, reason) for order, reason in refused), tuple(notes))


def _read(
    orders: Sequence[Order], rules: HouseRules, *, wallet: bool
) -> tuple[list[tuple[Order, Instruction]], list[tuple[Order, str]]]:
    taken, refused = [], []
    for order in orders:
        try:
            taken.append((order, read(order.body or {}, wallet=wallet, rules=rules)))
        except Unwritable as fault:
            refused.append((order, str(fault) if order.body else "its body does not open with the keys at hand"))
    return taken, refused


def _complaint(order: Order, reason: str) -> str:
    ref = str((order.body or {}).get("payout_ref") or order.key)
    return f"{ref} was left out and is marked failed: {reason}; mend the account, then PAY OUT sends it again"


def _groups(taken: Sequence[tuple[Order, Instruction]]) -> list[list[tuple[Order, Instruction]]]:
    groups: dict[tuple[Currency, Method], list[tuple[Order, Instruction]]] = {}
    for order, line in taken:
        groups.setdefault((line.amount.currency, line.method), []).append((order, line))
    return [groups[key] for key in sorted(groups)]


def _batch(settings: Settings, carrier: str, lines: Sequence[Instruction], now: datetime) -> Batch:
    currency, method = lines[0].amount.currency, lines[0].method
    calendar = jamaican_calendar(local_date(now).year, settings.rules)
    return Batch(
        id=f"{carrier.upper()}-{local(now):%Y%m%d}-{_drawn(6)}",
        made_at=now,
        executes_on=clearing.execution_date(now, method, calendar, settings.rules),
        method=method,
        currency=currency,
        payer=_payer(settings, carrier, currency),
        lines=tuple(replace(line, end_to_end_id=_end_to_end_id(line.ref)) for line in lines),
    )


def _end_to_end_id(ref: str) -> str:
    start = ref.replace("-", "")
    return start + _drawn(max(ID_LENGTH - len(start), FEWEST_DRAWN))


def _drawn(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _payer(settings: Settings, carrier: str, currency: Currency) -> Payer:
    if carrier in WALLETS:  # its list names no account of ours
        return Payer(settings.lynk_holder, settings.lynk_account)
    account, holder = (
        f"{carrier}_account" if currency is Currency.JMD else f"{carrier}_usd_account",
        f"{carrier}_holder",
    )
    missing = [name.upper() for name in (account, holder) if not settings.has(name)]
    if missing:
        raise SettingsError([f"{', '.join(missing)}: set it, payouts in {currency} are paid from there"])
    return Payer(getattr(settings, holder), getattr(settings, account), getattr(settings, f"{carrier}_bic"))


def _kept(carrier: str, format_: str, batch: Batch, content: bytes) -> payout_files.Batch:
    return payout_files.Batch(
        id=batch.id,
        carrier=carrier,
        currency=batch.currency.value,
        method=batch.method.value,
        format=format_,
        execution_date=batch.executes_on,
        count=len(batch.lines),
        total=batch.total.minor,
        file_name=f"{batch.id}.{'csv' if format_ == 'csv' else 'xml'}",
        sha256=sha256(content).digest(),
        made_at=batch.made_at,
        made_by=_who(),
    )


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _lines(batch: Batch, orders: Sequence[Order]) -> list[Line]:
    lines = []
    for position, (order, line) in enumerate(zip(orders, batch.lines, strict=True), 1):
        echo = (order.body or {})["echo"]
        ids = echo.get("payout_id"), echo.get("refund_id")
        lines.append(Line(line.end_to_end_id, batch.id, position, order.outbox_id, *ids, line.amount.minor))
    return lines


def _notes(batch: Batch, name_most: int) -> list[str]:
    notes = [(line.ref, write(line.payee, name_most, line.ref).note) for line in batch.lines]
    return [f"{ref}: {note}; see that the bank takes it" for ref, note in notes if note]


def _no_folder(folder: Path) -> str:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        return f"{folder} cannot be used ({fault.strerror}); --out names another folder"
    return ""


def _write(folder: Path, file: _File) -> bool:
    """Write a file whole or not at all, readable by its owner alone."""
    batch, path = file.batch, folder / file.batch.file_name
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(file.content)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    except OSError as fault:
        draft.unlink(missing_ok=True)
        _refuse(f"{path} was not written ({fault.strerror}): `pardna payouts export --again {batch.id}` writes it")
        return False
    print(f"{path}  {_shown(batch)}")
    return True


async def _again(settings: Settings, vault: Vault, batch_id: str, folder: Path) -> int:
    try:
        async with transaction(settings) as conn:
            found = await payout_files.open_file(conn, vault, batch_id)
    except Unsealable:
        return _refuse(f"the file of {batch_id} does not open with the keys at hand; see PARDNA_KEYS")
    if found is None:
        return _refuse(f"there is no batch {batch_id}; `pardna payouts list` shows them")
    return 0 if _write(folder, _File(*found)) else 1


async def list_batches(settings: Settings, _asked: argparse.Namespace) -> int:
    """Show the latest batches, the newest first, and how far each is."""
    async with transaction(settings) as conn:
        found = await payout_files.batches(conn)
    for batch, written, paid, failed, returned in found:
        print(f"{batch.id}  {_shown(batch)}  open {written}, paid {paid}, failed {failed}, returned {returned}")
    if not found:
        print("There are no batches.")
    return 0


def _shown(batch: payout_files.Batch) -> str:
    total = Money(batch.total, Currency(batch.currency)).full()
    return f"{batch.method} {batch.execution_date}  {batch.count} payouts  {total}  sha256 {batch.sha256.hex()[:16]}"


# -- in -------------------------------------------------------------------------------------------------------


async def take_results(settings: Settings, asked: argparse.Namespace) -> int:
    """Take what a bank says: once, however often the file comes; 1 when something needs people."""
    try:
        report = read_results(_content(asked.file), asked.columns)
    except Unreadable as fault:
        return _refuse(f"{asked.file.name}: {fault}; nothing was taken from it")
    except OSError as fault:
        return _refuse(f"{asked.file} cannot be read ({fault.strerror})")
    vault = settings.vault()
    async with transaction(settings) as conn:
        clock = Clock()
        await clock.load(conn)
        batches = [of_all.batch for of_all in report.of_all]
        lines = await payout_files.lock_lines(conn, asked.rail, [t.end_to_end_id for t in report.told], batches)
        changes, complaints = decide(report, lines)
        await payout_files.apply(conn, vault, changes, clock.now())
    for complaint in complaints:
        print(f"pardna: {complaint}", file=sys.stderr)
    news = [change for change in changes if change.move.events]
    print(f"{len(news)} payouts changed, {len(changes) - len(news)} as they were, {len(complaints)} to look at.")
    return 1 if complaints else 0


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES + 1)


def decide(report: Report, lines: Sequence[Line]) -> tuple[list[Change], list[str]]:
    """Return what a bank's report does to the held lines, and what people have to look at; nothing is guessed."""
    by_id = {line.end_to_end_id: line for line in lines}
    told = [*report.told]
    complaints = []
    for of_all in report.of_all:
        spread, complaint = _spread(of_all, [line for line in lines if line.batch == of_all.batch], report.told)
        told += spread
        complaints += complaint
    changes: dict[str, Change] = {}
    for each in told:
        change = _change(each, by_id)
        if isinstance(change, str):
            complaints.append(change)
            continue
        before = changes.get(each.end_to_end_id)
        changes[each.end_to_end_id] = joined(before, change)
        by_id[each.end_to_end_id] = replace(change.line, state=change.move.state)
    return list(changes.values()), complaints


def _spread(of_all: ToldOfAll, lines: Sequence[Line], told: Sequence[Told]) -> tuple[list[Told], list[str]]:
    """Turn a word on a whole batch into a word on each line that is not named beside."""
    if not lines:
        return [], [f"{of_all.batch or 'a batch without a name'} is no batch of this rail: {of_all.code} was not taken"]
    named = {each.end_to_end_id: each.verdict for each in told}
    against = {named[line.end_to_end_id] for line in lines if line.end_to_end_id in named} - {of_all.verdict}
    final = of_all.verdict is not clearing.Verdict.UNDER_WAY
    if final and against:
        return [], [f"{of_all.batch} is {of_all.code} as a whole but not in its parts: only the parts were taken"]
    rest = [line for line in lines if line.end_to_end_id not in named]
    return [Told(line.end_to_end_id, of_all.verdict, of_all.code, of_all.reason) for line in rest], []


def _change(told: Told, by_id: Mapping[str, Line]) -> Change | str:
    line = by_id.get(told.end_to_end_id)
    ident = told.end_to_end_id[:35] or "a payment without an id"
    if line is None:
        return f"{ident} is no payment of this rail: {told.code} was not taken"
    if told.verdict is None:
        return f"{ident}: the status {told.code[:20]!r} is not one we know; nothing was changed"
    if told.amount is not None and told.amount != line.amount:
        return f"{ident}: the bank names another amount; nothing was changed"
    move = clearing.move(line.state, told.verdict)
    if move is None:
        return f"{ident} is {line.state} and the bank now says {told.code}; nothing was changed"
    return Change(line, move, told.code, told.reason, told.bank_reference)


def _refuse(fault: str) -> int:
    print(f"pardna: {fault}", file=sys.stderr)
    return 1
