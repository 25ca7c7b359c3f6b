#!/usr/bin/env python3
"""Prove the book of a Digital Pardna from what you were told in chat. Needs Python 3.11 and nothing else.

    python3 proof.py verify book.json chat.txt

`book.json` is the file that PROOF ... FILE gives, or the one of a receipt's page. `chat.txt` is your chat, copied or
exported as text: the marks in it (Book K7QX2M: 9PQR-2M7X) are what the book is held against. Without it the script says
which mark the file comes to, for you to compare. It says whether all is right (exit status 0) or what is wrong (1).
How it works: proof.md beside this file.
"""

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def main() -> int:
    """Read the files, work the book out, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    acts = parser.add_subparsers(dest="act", required=True)
    verify = acts.add_parser("verify", help="hold a file of ours against your chat")
    verify.add_argument("file", type=Path, help="what PROOF ... FILE or a receipt's page gave")
    verify.add_argument("chat", type=Path, nargs="?", help="your chat as text")
    asked = parser.parse_args()
    try:
        told = json.loads(asked.file.read_text(encoding="utf-8-sig"))
        chat = asked.chat.read_text(encoding="utf-8-sig") if asked.chat else ""
        check = {"pardna book 1": of_book, "pardna receipt 1": of_receipt}[told["what"]]
        right, wrong = check(told, marks_in(chat, told["book"]), chat=bool(asked.chat))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as fault:
        print(f"this is no file of a book or a receipt: {type(fault).__name__} {fault}", file=sys.stderr)
        return 2
    for fault in wrong:
        print(f"WRONG: {fault}")
    if not wrong:
        print(f"RIGHT: {right}")
    return 1 if wrong else 0


def of_book(told: dict, marks: list[str], *, chat: bool) -> tuple[str, list[str]]:
    """Work a whole book out, line by line, and look for the marks that were told."""
    chain = Chain(told["book"])
    comes_to = {chain.mark(): 0}
    for line in told["lines"]:
        chain.add(bytes.fromhex(line[1:]) if line.startswith("#") else leaf(line))
        comes_to[chain.mark()] = chain.lines
    if chat and not marks:
        return "", [f"there is no mark of book {told['book']} in the chat: look for 'Book {told['book']}:' in it"]
    wrong, last = [], 0
    for mark in marks:
        lines = comes_to.get(mark)
        if lines is None:
            where = f"after line {last}" if last else "somewhere"
            wrong.append(f"the book does not come to {shown(mark)}, which you were told: {where} a line was changed")
            break
        if lines < last:
            wrong.append(f"the book came to {shown(mark)} before a mark that you were told earlier")
        last = max(last, lines)
    end = f"{chain.lines} lines of book {told['book']} come to {shown(chain.mark())}"
    return f"{end}{f'; all {len(marks)} marks of your chat are in it' if marks else ''}.", wrong


def of_receipt(told: dict, marks: list[str], *, chat: bool) -> tuple[str, list[str]]:
    """Climb from a receipt's line to the root of the tree, and from there to the mark."""
    wrong = []
    fields = told["line"].split("|")
    if fields[1] != told["book"] or fields[3] != f"throw:{told['receipt']}":
        wrong.append("the line is not of this receipt")
    root = climb(leaf(told["line"]), told["n"] - 1, told["lines"], [bytes.fromhex(one) for one in told["path"]])
    if root is None:
        return "", [*wrong, "the path does not fit a book of so many lines"]
    mark = short(head(bytes.fromhex(told["link"]), root))
    if mark != told["mark"].replace("-", ""):
        wrong.append(f"the line leads to {shown(mark)}, and the file says {told['mark']}")
    if chat and mark not in marks:
        wrong.append(f"the line leads to {shown(mark)}, which was not told in the chat")
    amount = f"{int(fields[9]) / 100:,.2f} {fields[6]}"
    place = f"{told['receipt']} of {amount} is line {told['n']} of book {told['book']}"
    return f"{place}, which after {told['lines']} lines comes to {shown(mark)}.", wrong


def marks_in(chat: str, book: str) -> list[str]:
    """Return the marks of a book that a chat tells, in their order."""
    found = re.findall(rf"Book {re.escape(book)}: ([{ALPHABET}]{{4}})-([{ALPHABET}]{{4}})\b", chat)
    return [first + second for first, second in found]


# -- what proof.md writes down ----------------------------------------------------------------------------------------


def sha(kind: int, *parts: bytes) -> bytes:
    """Hash something of one of the four kinds: 0 a line, 1 a node of the tree, 2 a link of the chain, 3 a head."""
    return hashlib.sha256(bytes([kind]) + b"".join(parts)).digest()


def leaf(line: str) -> bytes:
    """Return the hash of a line."""
    return sha(0, line.encode())


def head(link: bytes, root: bytes) -> bytes:
    """Return what stands for the whole of a book."""
    return sha(3, link, root)


class Chain:
    """A book as far as it is hashed. `peaks` are the roots of the whole trees it is made of, the largest first."""

    def __init__(self, book: str) -> None:
        self.lines, self.peaks = 0, []
        self.link = sha(2, f"pardna book 1|{book}".encode())

    def add(self, line: bytes) -> None:
        """Add the hash of the next line."""
        self.link = sha(2, self.link, line)
        self.lines += 1
        self.peaks.append(line)
        whole = self.lines
        while whole % 2 == 0:
            right = self.peaks.pop()
            self.peaks.append(sha(1, self.peaks.pop(), right))
            whole //= 2

    def mark(self) -> str:
        """Return the mark after the last line."""
        root = self.peaks[-1] if self.peaks else hashlib.sha256().digest()
        for peak in reversed(self.peaks[:-1]):
            root = sha(1, peak, root)
        return short(head(self.link, root))


def climb(line: bytes, index: int, lines: int, path: list[bytes]) -> bytes | None:
    """Return the root that a line leads to (RFC 9162, 2.1.3.2), or None where the path does not fit."""
    at, last, node = index, lines - 1, line
    if not 0 <= at <= last:
        return None
    for beside in path:
        if last == 0:
            return None
        if at % 2 or at == last:
            node = sha(1, beside, node)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            node = sha(1, node, beside)
        at, last = at // 2, last // 2
    return node if last == 0 else None


def short(whole: bytes) -> str:
    """Return the 8 characters that stand for a head."""
    number, written = int.from_bytes(whole[:8], "big"), ""
    for _ in range(8):
        number, digit = divmod(number, len(ALPHABET))
        written = ALPHABET[digit] + written
    return written


def shown(mark: str) -> str:
    """Write a mark as it is told."""
    return f"{mark[:4]}-{mark[4:]}"


if __name__ == "__main__":
    sys.exit(main())
