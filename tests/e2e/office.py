"""The operator's own work: the real command line in a terminal beside the service, and the banks' files.

A bank here is the file that an operator would download: the whole statement so far, in the format of that bank,
with its closing balance. What it comes to is what the books must come to.
"""

import asyncio
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tests.e2e.service import Service, environment

COMMAND_SECONDS = 60.0


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Office:
    """A terminal on the machine of the service, with the service's own settings."""

    service: Service

    async def runs(self, *words: str | Path, status: int = 0) -> Done:
        """Run one command of `pardna` to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *map(str, words),
            env=environment(self.service.home, self.service.settings),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(COMMAND_SECONDS):
            out, err = await process.communicate()
        done = Done(process.returncode or 0, out.decode(), err.decode())
        assert done.status == status, done
        assert "Traceback" not in done.err
        return done


@dataclass(frozen=True)
class Entry:
    """One line of a statement, as the bank has it: cents, below zero when money left."""

    day: date
    cents: int
    text: str
    ref: str


@dataclass
class Bank:
    """One account, and what happened on it."""

    carrier: str
    folder: Path
    entries: list[Entry] = field(default_factory=list)

    def shows(self, day: date, cents: int, text: str) -> None:
        """Have money come in, or go out."""
        self.entries.append(Entry(day, cents, text, f"{self.carrier.upper()}{len(self.entries) + 1:06}"))

    @property
    def stands_at(self) -> int:
        """The closing balance, in cents."""
        return sum(entry.cents for entry in self.entries)

    def statement(self) -> Path:
        """Write all of it into the file that an operator downloads."""
        write = {"ncb": ncb_csv, "scotia": scotia_ofx, "lynk": lynk_csv}[self.carrier]
        suffix = "ofx" if self.carrier == "scotia" else "csv"
        path = self.folder / f"{self.carrier}-{len(self.entries)}.{suffix}"
        path.write_text(write(self.entries), encoding="utf-8", newline="")
        return path


def plain(cents: int) -> str:
    """Write an amount as files do: `-1234.05`."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def ncb_csv(entries: list[Entry]) -> str:
    """Debit and credit in columns of their own, and a running balance."""
    rows = ["Account Number:,404-123-456", "", "Date,Description,Reference,Debit,Credit,Balance"]
    balance = 0
    for one in entries:
        balance += one.cents
        debit, credit = (plain(-one.cents), "") if one.cents < 0 else ("", plain(one.cents))
        rows.append(f'{one.day:%d/%m/%Y},"{one.text}",{one.ref},{debit},{credit},{plain(balance)}')
    return "\r\n".join([*rows, f"Closing Balance,,,,,{plain(balance)}", ""])


def lynk_csv(entries: list[Entry]) -> str:
    """One signed amount, times of day, and tabs between."""
    rows, balance = ["Transaction ID\tDate\tType\tFrom/To\tNote\tAmount\tBalance"], 0
    for one in entries:
        balance += one.cents
        cells = (one.ref, f"{one.day} 09:15:00", "Payment", "Customer", one.text, plain(one.cents), plain(balance))
        rows.append("\t".join(cells))
    return "\n".join([*rows, ""])


def scotia_ofx(entries: list[Entry]) -> str:
    """OFX 2."""
    lines = "".join(
        f"<STMTTRN><TRNTYPE>{'CREDIT' if one.cents > 0 else 'DEBIT'}</TRNTYPE><DTPOSTED>{one.day:%Y%m%d}</DTPOSTED>"
        f"<TRNAMT>{plain(one.cents)}</TRNAMT><FITID>{one.ref}</FITID><MEMO>{one.text}</MEMO></STMTTRN>\n"
        for one in entries
    )
    first, last = entries[0].day, entries[-1].day
    balance = plain(sum(one.cents for one in entries))
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>1</TRNUID><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>
<STMTRS><CURDEF>JMD</CURDEF><BANKACCTFROM><BANKID>002</BANKID><ACCTID>50012345</ACCTID><ACCTTYPE>CHECKING</ACCTTYPE>
</BANKACCTFROM><BANKTRANLIST><DTSTART>{first:%Y%m%d}</DTSTART><DTEND>{last:%Y%m%d}</DTEND>
{lines}</BANKTRANLIST><LEDGERBAL><BALAMT>{balance}</BALAMT><DTASOF>{last:%Y%m%d}</DTASOF></LEDGERBAL></STMTRS>
</STMTTRNRS></BANKMSGSRSV1></OFX>
"""
