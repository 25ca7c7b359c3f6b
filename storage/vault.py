"""The vault: what must not be read from the database's files is sealed here, and only here.

AES-256-GCM with the id of its key in front, so keys can be changed one at a time. Every sealed value is
bound to its place (`table.column|row id`): moved to another row it does not open. Blind indexes are keyed
hashes, one key a column; the key stays outside the database, or few possibilities would soon be tried.
The vault never writes a key to a log, an error or its own `repr`.
"""

import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
BLIND = "blind"
"""The name under which PARDNA_KEYS holds the key of the blind indexes."""
_KEY_ID = re.compile(r"[a-z0-9-]{1,16}")
_FEWEST_DIFFERENT_BYTES = 16
"""32 random bytes hold about 30 different ones; fewer than 16 are a made-up key, not a random one."""


class BadKeys(ValueError):
    """PARDNA_KEYS cannot be used; the message says what to do and holds no key."""


class Unsealable(Exception):
    """The value was changed, moved to another place, or sealed with a key that is not in the ring."""


class Vault:
    """A ring of keys: seals with the active one, opens with any."""

    def __init__(self, ring: Mapping[str, bytes], active: str, blind_key: bytes) -> None:
        self._ring = {_header(key_id): AESGCM(key) for key_id, key in ring.items()}
        self._active = AESGCM(ring[active])
        self._active_header = _header(active)
        self._column_key = cache(lambda column: _column_key(blind_key, column))

    @classmethod
    def from_keys(cls, keys: str) -> "Vault":
        """Read `id:base64,older:base64,blind:base64` (first = active). Raises BadKeys."""
        ring = dict(_read(entry) for entry in keys.replace("\n", ",").split(",") if entry.strip())
        blind_key = ring.pop(BLIND, None)
        if not ring:
            raise BadKeys(f"PARDNA_KEYS holds no encryption key: {_HOW}")
        if blind_key is None:
            raise BadKeys(f"PARDNA_KEYS holds no `blind:` key: {_HOW}")
        return cls(ring, next(iter(ring)), blind_key)

    @classmethod
    def development(cls, home: Path) -> "Vault":
        """Open `home`/keys, made at first use and readable by its owner alone."""
        path = home / "keys"
        if not path.exists():
            _keep(path, new_keys())
        return cls.from_keys(path.read_text(encoding="ascii").strip())

    def seal(self, place: str, plain: bytes) -> bytes:
        """Return `plain` sealed for its place, such as `trn.sealed|person id`."""
        nonce = os.urandom(NONCE_BYTES)
        return self._active_header + nonce + self._active.encrypt(nonce, plain, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Return what was sealed for this place. Raises Unsealable."""
        start = 1 + sealed[0] if sealed else 0
        key = self._ring.get(sealed[:start])
        if key is None:
            raise Unsealable(f"{place.partition('|')[0]}: sealed with a key that is not in PARDNA_KEYS")
        try:
            return key.decrypt(sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :], place.encode())
        except (InvalidTag, ValueError):
            raise Unsealable(f"{place.partition('|')[0]}: changed, or moved from another row") from None

    def seal_json(self, place: str, body: Any) -> bytes:
        """Seal plain data. Raises TypeError (orjson's) for what JSON cannot hold."""
        return self.seal(place, orjson.dumps(body))

    def open_json(self, place: str, sealed: bytes) -> Any:
        """Return what `seal_json` sealed. Raises Unsealable."""
        return orjson.loads(self.open(place, sealed))

    def blind(self, column: str, value: str) -> bytes:
        """Return the keyed hash (32 bytes) by which an already normalised value is found in its column."""
        return hmac.digest(self._column_key(column), value.encode(), sha256)


def new_keys() -> str:
    """Return a fresh value for PARDNA_KEYS."""
    return ",".join(f"{name}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}" for name in ("k1", BLIND))


_HOW = "`pardna keys new` prints a fresh value"


def _header(key_id: str) -> bytes:
    return bytes([len(key_id)]) + key_id.encode()


def _read(entry: str) -> tuple[str, bytes]:
    key_id, _, text = entry.strip().partition(":")
    if not _KEY_ID.fullmatch(key_id):
        raise BadKeys(f"PARDNA_KEYS: an entry is not `id:base64` with an id of 1-16 of a-z, 0-9, -: {_HOW}")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise BadKeys(f"PARDNA_KEYS: the key `{key_id}` is not base64: {_HOW}") from None
    if len(key) != KEY_BYTES:
        raise BadKeys(f"PARDNA_KEYS: the key `{key_id}` has {len(key)} bytes instead of {KEY_BYTES}: {_HOW}")
    if len(set(key)) < _FEWEST_DIFFERENT_BYTES:
        raise BadKeys(f"PARDNA_KEYS: the key `{key_id}` is an example, not a random one: {_HOW}")
    return key_id, key


def _column_key(blind_key: bytes, column: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"blind index|" + column.encode()).derive(blind_key)


def _keep(path: Path, keys: str) -> None:
    """Write a new key file whole or not at all; whoever comes second keeps the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"keys.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(keys + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
