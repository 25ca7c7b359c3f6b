"""Reading our own PDFs: their pieces in reading order, by the typeface's own map to Unicode, without a library."""

import re
import zlib
from dataclasses import dataclass

_STREAM = re.compile(rb"stream\n(.*?)\nendstream", re.DOTALL)
_PIECE = re.compile(rb"(/\w+) <</MCID \d+>> BDC\n(.*?)EMC", re.DOTALL)
_TOKEN = re.compile(rb"/F(\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\) Tj", re.DOTALL)
_ESCAPES = {b"\\r": b"\r", b"\\n": b"\n", b"\\(": b"(", b"\\)": b")", b"\\\\": b"\\"}


@dataclass(frozen=True)
class Piece:
    """One tagged piece of a page; `text` has a bar between the cells of a row."""

    tag: str
    text: str


def pieces(pdf: bytes) -> list[Piece]:
    """Return all pieces of a PDF of ours, page after page."""
    streams = [_opened(body) for body in _STREAM.findall(pdf)]
    maps = [_map(stream) for stream in streams if b"beginbfchar" in stream]
    found = []
    font = 1
    for page in (s for s in streams if b" BDC\n" in s):
        for tag, body in _PIECE.findall(page):
            cells = []
            for number, shown in _TOKEN.findall(body):
                font = int(number) if number else font
                if not number:
                    cells.append(_text(shown, maps[font - 1]))
            found.append(Piece(tag.decode(), "|".join(cells)))
    return found


def _opened(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error:
        return body


def _map(stream: bytes) -> dict[int, str]:
    pairs = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]+)>\n", stream.partition(b"beginbfchar")[2])
    return {int(code, 16): bytes.fromhex(shown.decode()).decode("utf-16-be") for code, shown in pairs}


def _text(shown: bytes, signs: dict[int, str]) -> str:
    plain = re.sub(rb"\\.", lambda escape: _ESCAPES[escape[0]], shown, flags=re.DOTALL)
    return "".join(signs[int.from_bytes(plain[at : at + 2])] for at in range(0, len(plain), 2))
