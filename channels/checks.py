"""What every web hook checks before it believes a byte: secrets, shapes and ids.

Strings that pass here can be stored: PostgreSQL keeps no NUL, and an index row has an end.
"""

import hmac
from typing import Any

import orjson

from channels.base import Unreadable

_ID_LIMIT = 255


def same(given: str, expected: str) -> bool:
    """Compare a signature or secret in constant time; whatever bytes a header held, this never raises."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def json_object(body: bytes) -> dict[str, Any]:
    """Parse a body that must be one JSON object. Raises Unreadable."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("the body is not JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    return value


def is_id(value: Any) -> bool:
    """Whether the value can be the id of something: a short string of printable ASCII without spaces."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= _ID_LIMIT
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def clean(value: Any) -> str:
    """Return the text without NULs; anything that is not a string is no text."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "") if "\0" in value else value
