"""What of Telegram's own the service has to know: links that open a chat with our bot."""

import re
from typing import Final

LONGEST_PAYLOAD: Final = 64
_PAYLOAD = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_PAYLOAD}}}")


def deep_link(bot: str, payload: str) -> str:
    """Return the link that opens a chat with `bot` and sends `/start payload` when Start is pressed there.

    Raises ValueError for a payload that Telegram does not take: 1 to 64 of `A-Za-z0-9_-`.
    """
    if not _PAYLOAD.fullmatch(payload):
        raise ValueError("Telegram takes 1 to 64 letters, figures, _ and - behind ?start=")
    return f"https://t.me/{bot}?start={payload}"
