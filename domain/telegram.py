"""What of Telegram's own the service has to know: links that open a chat with our bot, and how a group is told."""

import re
from typing import Final

LONGEST_PAYLOAD: Final = 64
_PAYLOAD = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_PAYLOAD}}}")


def deep_link(bot: str, payload: str) -> str:
    """Return the link that opens a chat with `bot` and sends `/start payload` when Start is pressed there.

    Raises ValueError for a payload that Telegram does not take: 1 to 64 of `A-Za-z0-9_-`.
    """
    return _link(bot, "start", payload)


def group_link(bot: str, payload: str) -> str:
    """Return the link that adds `bot` to a group of one's choice and sends `/start payload` there.

    Raises ValueError as `deep_link` does.
    """
    return _link(bot, "startgroup", payload)


def _link(bot: str, how: str, payload: str) -> str:
    if not _PAYLOAD.fullmatch(payload):
        raise ValueError("Telegram takes 1 to 64 letters, figures, _ and - behind a link to a bot")
    return f"https://t.me/{bot}?{how}={payload}"


def is_group(party: str) -> bool:
    """Whether a party is a group: the ids of groups are negative."""
    return party.startswith("telegram:-")
