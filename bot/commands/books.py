"""`pardna ledger`: the books from the command line."""

import argparse

from bot.commands.reaching import transaction
from bot.config import Settings
from storage import ledger


async def verify_ledger(settings: Settings, _asked: argparse.Namespace) -> int:
    """Prove every balance, posting and transaction, walk every chain, and hold each carrier against its statement.

    1 when one is wrong. The books' faults are named by the first of each kind, and the first of each chain.
    """
    async with transaction(settings) as conn:
        report = await ledger.verify(conn)
        carriers = await ledger.clearing(conn)
    counted = f"{report.accounts} accounts, {report.transactions} transactions, {report.postings} postings"
    counted += f", {report.lines} lines sealed"
    print(f"The books are wrong ({counted}):" if report.faults else f"The books are right: {counted}.")
    for fault in report.faults:
        print(fault)
    for one in carriers:
        print(one.text())
    return 1 if report.faults or any(one.difference for one in carriers) else 0
