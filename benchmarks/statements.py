"""Measures a bank's statement of 100,000 lines: read, matched, and posted by the desk.

`pardna statements import` reads the file and matches its lines while the desk of a running service posts what is
found, each in a process of its own; the relay rests, and the receipts wait for it. Of the lines 88 in a hundred carry
a reference, nine only a name, an amount and a day, and three are strangers'. In the end every line has to stand with
its payment or on the suspense account, the bank's account has to hold what the lines come to, and the ledger proves
itself; whatever does not counts as an error.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.circles import THROW, TURNS, Town, Waiting
from benchmarks.house import House
from benchmarks.samples import Sample

STATEMENT = "pardna, lines of a statement read, matched and posted"

LINES, FEW_LINES = 100_000, 10_000
_THROWS = tuple(n * 100_000 for n in range(2, 22))
_WORKED_OFF_SECONDS = 600.0
_LONG_RUN_SECONDS = 5.0
"""In a run of shorter figures the statement is a short one."""
_PENDING = "SELECT EXISTS (SELECT FROM inbox WHERE kind = 'event' AND done_at IS NULL AND parked_at IS NULL)"
_OUTCOME = """
SELECT count(*) FILTER (WHERE state = 'MATCHED') AS matched, count(*) FILTER (WHERE how = 'likeness') AS by_likeness,
    count(*) FILTER (WHERE state = 'SUSPENSE' AND outcome LIKE 'K-%') AS aside, sum(amount)::bigint AS amount,
    (SELECT balance FROM ledger_account WHERE name = 'rail:ncb:JMD') AS at_bank,
    (SELECT count(*) FROM payment WHERE state = 'SETTLED') AS settled,
    (SELECT count(*) FROM ledger_transaction WHERE key LIKE 'throw:%') AS posted
FROM statement_line
"""


@dataclass(slots=True)
class Statement:
    """The service under test, in a house of its own. It is measured once, however many repetitions there are."""

    house: House
    town: Town = field(default_factory=Town)
    done: bool = field(default=False)

    def measure(self, seconds: float) -> Iterator[Sample]:
        """Write the file, import it, and wait until the desk has posted the last line."""
        if self.done:
            return
        self.done = True
        lines = LINES if seconds >= _LONG_RUN_SECONDS else FEW_LINES
        with self.house.open():
            told = self._statement(lines, self._waiting(lines * 97 // 100))
            file = self.house.home.parent / "statement.csv"
            file.write_text(_csv(told))
            began = time.perf_counter()
            self.house.run("statements", "import", file, "--rail", "ncb")
            read_seconds = time.perf_counter() - began
            self.house.wait(_PENDING, _WORKED_OFF_SECONDS)
            whole_seconds = time.perf_counter() - began
            yield self._sample(lines, read_seconds, whole_seconds)

    def _waiting(self, payments: int) -> list[Waiting]:
        """Payments of many amounts, one for each member of many circles."""
        each = -(-payments // len(_THROWS))
        circles = -(-each // TURNS)
        waiting: list[Waiting] = []
        for throw in _THROWS:
            settled = self.town.let_wait(self.house.database_url, each, circles, throw=throw, amount=throw)
            waiting += asyncio.run(settled)
        return waiting[:payments]

    def _statement(self, lines: int, waiting: Sequence[Waiting]) -> list[tuple[str, str, int]]:
        """Name, narrative and amount of each line, in no order."""
        named = lines * 9 // 100
        told = [(w.name.upper(), "online transfer", w.amount) for w in waiting[:named]]
        told += [(w.name, f"pardna {w.receipt}", w.amount) for w in waiting[named:]]
        told += [(f"Stranger {n}", "gift", THROW + n) for n in range(lines - len(told))]
        self.town.chance.shuffle(told)
        return told

    def _sample(self, lines: int, read_seconds: float, whole_seconds: float) -> Sample:
        found = self.house.ask(_OUTCOME)
        handled = found["matched"] + found["aside"]
        errors = lines - handled + abs(found["matched"] - found["settled"]) + abs(found["settled"] - found["posted"])
        errors += (found["amount"] != found["at_bank"]) + len(self.house.verify())
        more = {"read_seconds": read_seconds, "whole_seconds": whole_seconds, "lines": float(lines)}
        more |= {"by_likeness": float(found["by_likeness"]), "aside": float(found["aside"])}
        nothing = float("nan")
        return Sample(STATEMENT, 1, lines / whole_seconds, nothing, nothing, nothing, handled, errors, more)


def _csv(told: Sequence[tuple[str, str, int]]) -> str:
    day = datetime.now(UTC).strftime("%d/%m/%Y")
    rows = (f"{day},{name},{text},,{cents / 100:.2f},FT{i}" for i, (name, text, cents) in enumerate(told))
    return "\n".join(["Date,Name,Description,Debit,Credit,Reference", *rows, ""])
