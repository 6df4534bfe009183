"""gzip for large answers, as upstream: JSON over 128 KiB when the client accepts it, in slices, in a thread."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from podo.http.body import parts_of, size_of
from podo.http.message import Response, Streaming, Writer

#: Smaller answers are sent as they are.
LEAST = 128 * 1024
#: Bytes compressed at a time: what the thread does between two looks at whether anybody still reads.
SLICE = 512 * 1024
_LEVEL = 1
_GZIP = 16 + 15  # zlib's window bits for a gzip stream


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """RFC 9110, 12.5.3: named, and not with q=0."""
    for clause in headers.get("accept-encoding", "").split(","):
        coding, _, parameters = clause.partition(";")
        if coding.strip().lower() == "gzip":
            quality = parameters.strip().lower().replace(" ", "")
            return not (quality.startswith("q=0") and not quality[3:].strip(".0"))
    return False


def compressed(response: Response, headers: Mapping[str, str]) -> Response | Streaming:
    """``response`` itself, or a stream of it in gzip."""
    body = response.body
    size = size_of(body)
    if size <= LEAST or response.status != 200 or not accepts_gzip(headers):
        return response
    parts = parts_of(body)
    fields = (*response.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))

    async def produce(writer: Writer) -> None:
        await _write(parts, writer)

    return Streaming(produce, response.status, response.content_type, fields)


async def _write(parts: Iterable[bytes], writer: Writer) -> None:
    packer = _packer()
    loop = asyncio.get_running_loop()
    for gathered in _slices(parts):
        # In a thread: the interpreter's lock is free while it compresses, others are answered meanwhile.
        writer.write(await loop.run_in_executor(None, _pack, packer, gathered))
        await writer.drain()
    writer.write(packer.flush())


class _Packer(Protocol):
    def compress(self, data: memoryview, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _packer() -> _Packer:
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    found: _Packer = isal_zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return found


def _pack(packer: _Packer, gathered: list[memoryview]) -> bytes:
    return b"".join([packer.compress(part) for part in gathered])


def _slices(parts: Iterable[bytes]) -> Iterator[list[memoryview]]:
    """Parts of ``SLICE`` bytes together, about."""
    gathered: list[memoryview] = []
    size = 0
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(part), SLICE):
            piece = view[at : at + SLICE]
            gathered.append(piece)
            size += len(piece)
            if size >= SLICE:
                yield gathered
                gathered, size = [], 0
    if gathered:
        yield gathered
