"""Bodies of answers in several parts, sent without being joined first; and one that is joined while it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

#: About so many bytes are joined at a time: a slice of ``Limits.slice`` has room for one of them.
JOINED = 224 * 1024


class Joined:
    """Many small values with commas between a head and a tail (a LIST). Only the part that is being sent exists twice
    in memory."""

    __slots__ = ("_head", "_tail", "_values", "size")

    def __init__(self, head: bytes, values: Sequence[bytes], tail: bytes) -> None:
        self._head, self._values, self._tail = head, values, tail
        self.size = len(head) + sum(map(len, values)) + max(0, len(values) - 1) + len(tail)

    def __iter__(self) -> Iterator[bytes]:
        values = self._values
        step = max(1, JOINED * len(values) // self.size)
        yield self._head
        for start in range(0, len(values), step):
            if start:
                yield b","
            yield b",".join(values[start : start + step])
        yield self._tail


#: What an answer carries. A list's parts are sent one after the other.
Body = bytes | Sequence[bytes] | Joined


def size_of(body: Body) -> int:
    """How many bytes a body is."""
    if isinstance(body, bytes):
        return len(body)
    return body.size if isinstance(body, Joined) else sum(map(len, body))


def parts_of(body: Body) -> Iterable[bytes]:
    return (body,) if isinstance(body, bytes) else body
