"""Forms with files in them (multipart/form-data), as bytes: the same content makes the same bytes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class File:
    """One file of a form."""

    name: str
    mime: str
    content: bytes = field(repr=False)


def multipart(fields: Mapping[str, str], files: Mapping[str, File]) -> tuple[bytes, str]:
    """Return a form's body and its content type. File names lose what would end their quotes or their line."""
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value.encode()
        for name, value in fields.items()
    ]
    parts += [_head(name, file).encode() + file.content for name, file in files.items()]
    # Long and of the content's own hash: no file holds its own hash.
    boundary = hashlib.sha256(b"".join(parts)).hexdigest()
    line = f"--{boundary}".encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
    return body, f"multipart/form-data; boundary={boundary}"


def _head(name: str, file: File) -> str:
    plain = "".join("_" if sign in '"\\\r\n' else sign for sign in file.name)
    return f'Content-Disposition: form-data; name="{name}"; filename="{plain}"\r\nContent-Type: {file.mime}\r\n\r\n'
