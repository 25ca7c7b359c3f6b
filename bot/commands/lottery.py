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
        print("WRONG: this is not the order that seed and words give.")
        print("\n".join(f"pardna: {one}" for one in wrong), file=sys.stderr)
        return 1
    order = " ".join(map(str, told.order))
    print(f"RIGHT: the draw order of {told.code} is what seed and words give: {len(told.order)} hands, {order}.")
    return 0
