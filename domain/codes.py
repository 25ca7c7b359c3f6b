"""The codes people read out, write down and type: circles, receipts, payouts and tickets.

Makes and recognises them; never keeps one and never draws its own chance: the source of randomness is passed
in (`secrets.randbelow` in the service). A code may come up twice, so whoever keeps it checks and asks again.
"""

import re
import unicodedata
from collections.abc import Callable

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without I, L, O, 0 and 1, which are mistaken for each other on a small screen."""

RandBelow = Callable[[int], int]

# fmt: off
BOT_WORDS = frozenset({
    "AGENT", "AGREE", "BACK", "CARD", "CASE", "CASH", "DENY", "DRAW", "JMD", "JUDGE", "KYC", "MATCH", "MENU", "NCB",
    "NEW", "PATWA", "PAY", "QUEUE", "RATE", "REACH", "RESET", "SEAT", "SENT", "START", "STATS", "SWAP", "TERMS", "TRN",
    "USD", "WHY", "YES",
})
# fmt: on
"""The bot's words of three to five letters that the alphabet can spell: `PAY255` is a slip, not a circle."""

_CIRCLE_LENGTH = 6
_DASHES = dict.fromkeys((*range(0x2010, 0x2015), 0x2212), "-")
_CIRCLE = re.compile(
    rf"(?=[A-Z]*[2-9])(?=[2-9]*[A-Z])(?!{'|'.join(sorted(BOT_WORDS))})[{ALPHABET}]{{{_CIRCLE_LENGTH}}}"
)
_REFERENCE = re.compile(rf"(R)[- ]?([{ALPHABET}]{{8}})|([PKV])[- ]?([{ALPHABET}]{{4}})")


def circle_code(randbelow: RandBelow) -> str:
    """Six characters with a digit and a letter, never beginning with a word of the bot.

    So a code is neither an ordinary word nor an amount; every other code is equally likely.
    """
    while True:
        code = _drawn(randbelow, _CIRCLE_LENGTH)
        if _CIRCLE.fullmatch(code):
            return code


def receipt_code(randbelow: RandBelow) -> str:
    """`R-` and eight characters: long enough that nobody finds a receipt by trying."""
    return f"R-{_drawn(randbelow, 8)}"


def payout_ref(randbelow: RandBelow) -> str:
    """`P-` and four characters, as in `APPROVE PAYOUT P-7K2M`."""
    return f"P-{_drawn(randbelow, 4)}"


def ticket_ref(randbelow: RandBelow) -> str:
    """`K-` and four characters: a line of the staff's QUEUE."""
    return f"K-{_drawn(randbelow, 4)}"


def proposal_ref(randbelow: RandBelow) -> str:
    """`V-` and four characters, as in `VOTE V-7K2M YES`."""
    return f"V-{_drawn(randbelow, 4)}"


def _drawn(randbelow: RandBelow, length: int) -> str:
    return "".join(ALPHABET[randbelow(len(ALPHABET))] for _ in range(length))


def normalise_code(text: str) -> str | None:
    """The code that a person typed, as it is stored, or None when it cannot be one.

    Any case, spaces around it, any dash, or none after the letter of a reference (`r7k2mq9xa`, `P 7K2M`).
    A look-alike that no code holds (O, 0, I, 1, L) is not guessed at: the person is asked to look again.
    """
    typed = unicodedata.normalize("NFKC", text).strip().translate(_DASHES)
    if not typed.isascii():
        return None
    typed = typed.upper()
    if _CIRCLE.fullmatch(typed):
        return typed
    found = _REFERENCE.fullmatch(typed)
    return "-".join(part for part in found.groups() if part) if found else None


def looks_like_circle_code(text: str) -> bool:
    """Whether the text could be a circle's code, so that a word of the bot is never taken for one."""
    code = normalise_code(text)
    return code is not None and len(code) == _CIRCLE_LENGTH and "-" not in code
