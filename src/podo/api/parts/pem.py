"""PEM as the API reads it (RFC 7468): the blocks of a text one after the other; what stands between them is ignored."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: A block begins and ends at lines of its own; no lazy repetition, so the time grows with the text only.
_BLOCK = re.compile(r"^-----BEGIN ([^\n]*?)-----[ \t\r]*\n([^-]*)^-----END \1-----[ \t\r]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """``type``: CERTIFICATE, for one. ``has_headers``: lines ``Key: value`` stand before the data."""

    type: str
    content: bytes
    has_headers: bool = False


def blocks(text: str) -> Iterator[Block]:
    """All blocks that can be read; others are passed over, as Go's encoding/pem does."""
    for match in _BLOCK.finditer(text):
        body = match[2]
        headers = ":" in body
        if headers:
            body = body.rpartition("\n\n")[2]
        try:
            yield Block(match[1], base64.b64decode("".join(body.split()), validate=True), headers)
        except (binascii.Error, ValueError):
            continue


def written(type_: str, content: bytes) -> str:
    """One block, with lines of 64 characters."""
    encoded = base64.b64encode(content).decode()
    lines = "\n".join(encoded[at : at + 64] for at in range(0, len(encoded), 64))
    return f"-----BEGIN {type_}-----\n{lines}\n-----END {type_}-----\n"
