"""Sets of completion indexes as the API writes them: ``1,3-5,7``."""

from __future__ import annotations

import re
from collections.abc import Iterable

_part = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII).fullmatch
#: The most indexes that any Job may have.
MOST = 1_000_000


class IndexesError(ValueError):
    """The text is not a list of indexes."""


def parse(text: str, below: int = MOST) -> set[int]:
    """The indexes. Raises IndexesError for another form, a wrong order or an index that is not less than ``below``."""
    found: set[int] = set()
    last = -1
    for part in filter(None, text.split(",")):
        match = _part(part)
        if match is None:
            raise IndexesError(f'cannot convert string to integer for index: "{part}"')
        first, end = int(match[1]), int(match[2] or match[1])
        if match[2] and first >= end:
            raise IndexesError(f"non-increasing order, previous: {first}, current: {end}")
        if first <= last:
            raise IndexesError(f"non-increasing order, previous: {last}, current: {first}")
        if end >= below:
            raise IndexesError(f'too large index: "{end}"')
        found.update(range(first, end + 1))
        last = end
    return found


def text_of(indexes: Iterable[int]) -> str:
    """Neighbours written as ranges (two of them as ``1,2``), in order."""
    parts: list[str] = []
    run: list[int] = []
    for index in [*sorted(indexes), None]:
        if index is not None and run and index == run[-1] + 1:
            run.append(index)
            continue
        if run:
            first, last = run[0], run[-1]
            joint = "," if last == first + 1 else "-"
            parts.append(str(first) if first == last else f"{first}{joint}{last}")
        run = [] if index is None else [index]
    return ",".join(parts)
