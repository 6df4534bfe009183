"""Keys kept in order. A list of short sorted lists, so that one more key costs the same among a hundred and among a
million."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

#: A block that grows past this is cut in two. Moving 8 KiB of pointers costs less than finding the place.
BLOCK = 1024


class SortedKeys:
    """A set of strings in code point order (which is also the order of their UTF-8)."""

    def __init__(self, block: int = BLOCK) -> None:
        self._size = block
        self._blocks: list[list[str]] = []  # none is empty
        self._lasts: list[str] = []  # the last key of each block

    def add(self, key: str) -> None:
        """``key`` must not be here yet."""
        if not self._blocks:
            self._blocks.append([key])
            self._lasts.append(key)
            return
        at = min(bisect_left(self._lasts, key), len(self._blocks) - 1)
        block = self._blocks[at]
        insort(block, key)
        if len(block) > self._size:
            half = len(block) // 2
            self._blocks.insert(at + 1, block[half:])
            del block[half:]
            self._lasts.insert(at, block[-1])
        self._lasts[at] = self._blocks[at][-1]
        if at + 1 < len(self._blocks):
            self._lasts[at + 1] = self._blocks[at + 1][-1]

    def remove(self, key: str) -> None:
        """``key`` must be here."""
        at = bisect_left(self._lasts, key)
        block = self._blocks[at]
        del block[bisect_left(block, key)]
        if block:
            self._lasts[at] = block[-1]
        else:
            del self._blocks[at]
            del self._lasts[at]

    def below(self, key: str) -> int:
        """How many keys sort before ``key``."""
        at = bisect_left(self._lasts, key)
        before = sum(map(len, self._blocks[:at]))
        return before + (bisect_left(self._blocks[at], key) if at < len(self._blocks) else 0)

    def upto(self, key: str) -> int:
        """How many keys sort before ``key`` or are it."""
        at = bisect_right(self._lasts, key)
        before = sum(map(len, self._blocks[:at]))
        return before + (bisect_right(self._blocks[at], key) if at < len(self._blocks) else 0)

    def between(self, start: int, end: int) -> list[str]:
        """The keys from position ``start`` up to, not including, ``end``."""
        found: list[str] = []
        for block in self._blocks:
            if end <= 0:
                break
            size = len(block)
            if start <= 0 and end >= size:
                found += block
            elif start < size:
                found += block[max(start, 0) : end]
            start -= size
            end -= size
        return found

    def copy(self) -> SortedKeys:
        other = SortedKeys(self._size)
        other._blocks = [block.copy() for block in self._blocks]
        other._lasts = self._lasts.copy()
        return other
