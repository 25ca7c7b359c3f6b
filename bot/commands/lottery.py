"""`pardna lottery verify FILE`: work a draw order out again from the messages that told it (docs/lottery.md)."""

import argparse
import asyncio
import sys
from pathlib import Path

from bot.config import Settings
from domain.lottery import faults, read_messages


async def verify_lottery(_: Settings, asked: argparse.Namespace) -> int:
    """Say whether the order is the one that seed and words give; needs neither a database nor a network."""
    try:
        said = await asyncio.to_thread(Path(asked.file).read_text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        print(f"pardna: {asked.file} cannot be read as text ({type(fault).__name__})", file=sys.stderr)
        return 2
    told = read_messages(said)
    if wrong := faults(told):
        print("\n".join(f"pardna: {one}" for one in wrong), file=sys.stderr)
        return 1
    print(f"The draw order of {told.code} is right: {len(told.order)} hands, {' '.join(map(str, told.order))}.")
    return 0
